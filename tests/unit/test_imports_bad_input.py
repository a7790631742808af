"""What a bulk import has to outlive, and the test of each (the list of the issue on the bulk engine, "Bad input").

The server process survives all of it, says what is wrong and where, and its memory stays bounded. Every kind of bad input
is a file that its test makes; the names below are those of the tests, and the test of this module holds that they exist.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
HOSTILE, ODS, TALLY = "unit/test_imports_hostile.py", "unit/test_imports_ods.py", "unit/test_imports_tally.py"
BOOKS, BAD, FAULTS = "api/test_imports_workbooks.py", "api/test_imports_bad_files.py", "api/test_imports_faults.py"
NASTY, COMBINED = "unit/test_imports_nasty.py", "api/test_imports_combined.py"
KILLS = "scenarios/test_import_kills.py"
REFUSED_BOOK = (HOSTILE, "test_it_is_refused_and_its_place_is_named")
REFUSED_NASTY = (NASTY, "test_it_is_refused_and_its_place_is_named")
REFUSED_FILE = (BAD, "test_a_bad_file_is_refused_whole_and_its_place_is_named")

# The case of a parametrized test stands behind its name.
BAD_INPUT: dict[str, list[tuple[str, ...]]] = {
    "zip bomb": [(*REFUSED_BOOK, "zip bomb"), (HOSTILE, "test_an_opendocument_bomb_of_values_is_refused"),
                 ("api/test_imports_pdfs.py", "test_each_pdf_goes_to_its_invoice_and_is_what_is_mailed")],
    "sparse XLSX": [(*REFUSED_BOOK, "sparse"), (*REFUSED_FILE, "sparse workbook"),
                    (HOSTILE, "test_a_sheet_that_hides_how_far_it_reaches_ends_its_reader_and_nothing_else"),
                    (HOSTILE, "test_a_sparse_opendocument_sheet_is_refused")],
    "entity bomb": [(*REFUSED_BOOK, "entities in a sheet"), (*REFUSED_BOOK, "entities in the strings"),
                    (TALLY, "test_what_is_no_export_is_refused_with_its_place", "entities")],
    "macro file": [(*REFUSED_BOOK, "macros")],
    "encrypted file": [(*REFUSED_BOOK, "password")],
    "formulas": [(BOOKS, "test_cells_without_a_plain_value_fail_and_are_named"),
                 (ODS, "test_cells_without_a_plain_value_are_named"), (*REFUSED_BOOK, "many uncalculated formulas")],
    "external links": [(BOOKS, "test_cells_without_a_plain_value_fail_and_are_named"),
                       (ODS, "test_cells_without_a_plain_value_are_named")],
    "1,048,576 empty rows": [(HOSTILE, "test_a_million_empty_rows_behind_the_last_one_are_passed_over"),
                             (HOSTILE, "test_blank_cells_of_an_opendocument_sheet_may_be_repeated")],
    "merged cells": [(BOOKS, "test_cells_without_a_plain_value_fail_and_are_named"), (ODS, "test_merged_cells_are_named")],
    "a sheet with 16,384 columns": [(*REFUSED_BOOK, "16,384 columns")],
    "mixed encodings": [(*REFUSED_BOOK, "mixed encodings"), (BAD, "test_encodings_and_delimiters_are_found_out")],
    "lone surrogates": [(*REFUSED_BOOK, "lone surrogate in UTF-8"), (*REFUSED_BOOK, "lone surrogate in UTF-16"),
                        (HOSTILE, "test_lone_surrogates_in_a_workbook_do_no_harm")],
    "CR-only lines": [(BAD, "test_line_ends_of_old_machines_and_lines_for_excel_alone")],
    "unbalanced quotes": [(*REFUSED_FILE, "unbalanced quote"), (*REFUSED_FILE, "text behind a quote")],
    "a 100 MB cell": [(HOSTILE, "test_a_cell_of_100_megabytes_is_refused_without_being_held")],
    "numbers stored as text": [(BOOKS, "test_amounts_and_names_as_people_write_them")],
    "dates as serials and as five styles of text": [(BOOKS, "test_text_dates_beside_true_dates_are_read")],
    "1,23,456.78": [(BOOKS, "test_amounts_and_names_as_people_write_them")],
    "₹": [(BOOKS, "test_amounts_and_names_as_people_write_them"), (ODS, "test_a_cell_is_read_as_it_is_shown", "currency")],
    "trailing spaces and non-breaking spaces": [(BOOKS, "test_amounts_and_names_as_people_write_them")],
    "leading zeros": [(HOSTILE, "test_shared_formulas_percentages_and_leading_zeros"),
                      (ODS, "test_a_cell_is_read_as_it_is_shown", "leading zeros")],
    "scientific notation of GSTINs and phone numbers": [
        (HOSTILE, "test_digits_that_a_spreadsheet_took_for_a_number_are_named_in_csv"),
        (BOOKS, "test_cells_without_a_plain_value_fail_and_are_named"), (ODS, "test_cells_without_a_plain_value_are_named"),
    ],
    "formula injection both ways": [
        ("unit/test_formulas.py", "test_columns_are_guarded_as_single_texts_are_and_come_back"),
        ("unit/test_formulas.py", "test_a_formula_behind_blanks_is_guarded"),
        ("api/test_imports_properties.py", "test_a_dry_run_foretells_and_a_corrected_failure_file_leaves_none"),
        (BOOKS, "test_a_corrected_failure_workbook_leaves_no_failure"),
    ],
    "a file renamed to .csv": [(BOOKS, "test_a_workbook_is_imported_as_a_person_sees_it"), (*REFUSED_FILE, "pdf"),
                               (BOOKS, "test_csv_called_xlsx_is_csv")],
    "connection cut in mid-upload": [(BAD, "test_a_body_that_breaks_off_leaves_nothing"),
                                     ("scenarios/test_import_turns.py", "test_a_connection_that_breaks_in_mid_upload_leaves_nothing")],
    "disk full": [(FAULTS, "test_an_upload_the_disk_has_no_room_for_is_put_off"),
                  (FAULTS, "test_an_import_waits_for_room_and_goes_on")],
    "PostgreSQL stopped in mid-import": [(KILLS, "test_one_row_for_each_row_whatever_is_killed"),
                                         (KILLS, "test_an_import_outlives_a_database_that_stands_still")],
    "memory stays bounded": [(BAD, "test_a_large_body_neither_grows_the_process_nor_is_kept"),
                             ("api/test_imports_limits.py", "test_the_child_has_bounds"),
                             ("api/test_imports_review.py", "test_a_small_workbook_of_enormous_cells_is_cut_into_small_chunks")],
    "places, counts and names that lie": [
        (*REFUSED_NASTY, "a row beyond any sheet"), (*REFUSED_NASTY, "rows repeated 2^31 times"),
        (NASTY, "test_a_dimension_that_lies_is_not_believed"), (NASTY, "test_no_name_in_an_archive_becomes_a_path"),
        (NASTY, "test_a_name_that_says_utf8_and_is_not_is_told_in_words"),
    ],
    "endless parts": [
        (NASTY, "test_texts_of_a_workbook_that_would_fill_the_memory_are_refused"), (*REFUSED_NASTY, "a header of 70,000 columns"),
        (*REFUSED_NASTY, "a hundred thousand entries"), (NASTY, "test_a_row_of_200_000_cells_is_one_row_that_is_too_wide"),
        (NASTY, "test_a_hundred_thousand_attributes_do_no_harm"), (*REFUSED_NASTY, "a million and one quotes"),
    ],
    "a store that is away": [(COMBINED, "test_an_import_waits_for_a_store_that_is_not_there")],
    "the server process survives": [("api/test_imports_limits.py", "test_a_reader_that_dies_refuses_the_file_and_a_full_disk_does_not"),
                                    (*REFUSED_FILE, "workbook that kills its reader")],
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_INPUT)
def test_each_kind_of_bad_input_has_its_test(kind: str) -> None:
    for file, name, *cases in BAD_INPUT[kind]:
        tree = ast.parse((TESTS / file).read_text())
        found = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in found, f"{file} has no {name}"
        texts = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}
        assert set(cases) <= texts, f"{file} has no case {cases}"
