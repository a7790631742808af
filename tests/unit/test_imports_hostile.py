"""Hostile and odd files against the reader: each is refused with its place, or read as far as it has a meaning."""

from __future__ import annotations

import resource
from pathlib import Path

import polars as pl
import pytest
from xlsxwriter.workbook import Workbook

import workbooks
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import Manifest, read
from hundi.imports.parsing import parse
from hundi.imports.records import problems_of
from hundi.imports.sheet_scan import column_letters, column_number
from workbooks import by_hand, text_cell, zipped

HEAD = '<row r="1">' + text_cell("A1", "customerRef") + text_cell("B1", "baseAmount") + "</row>"
ROW = '<row r="2">' + text_cell("A2", "C1") + '<c r="B2"><v>1000</v></c></row>'
ENTITIES = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600


def sent(content: bytes, folder: Path, *, limit: int = 2_000_000) -> Manifest:
    source = folder / "upload"
    source.write_bytes(content)
    return read(source, folder, 50_000, limit)


def columns(manifest: Manifest, folder: Path) -> pl.DataFrame:
    frame = pl.concat([pl.read_ipc(folder / chunk.file) for chunk in manifest.chunks])
    return frame.rename({f"c{at}": name for at, name in enumerate(manifest.columns) if name})


def flagged(manifest: Manifest, folder: Path) -> list[tuple[int, str | None, str]]:
    frame = pl.concat([pl.read_ipc(folder / chunk.file) for chunk in manifest.chunks])
    return [
        (frame["row"][at], manifest.columns[one.column], one.code) for at, found in problems_of(frame) for one in found
    ]


def sheets(xml: str) -> dict[str, str]:
    return {"xl/worksheets/sheet1.xml": xml}


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "zip bomb": (by_hand(HEAD, more={"xl/theme/theme1.xml": b" " * 40_000_000}), "file", "ZIP_BOMB"),
    "ten thousand parts": (zipped({f"xl/{at}.xml": "" for at in range(10_001)}, level=0), "file", "ZIP_BOMB"),
    "sparse": (by_hand(HEAD + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "S!XFD1048576", "TOO_MANY_COLUMNS"),
    "sparse and narrow": (
        by_hand(HEAD + '<row r="1048576"><c r="AZ1048576"><v>1</v></c></row>'), "S!AZ1048576", "SHEET_TOO_LARGE",
    ),
    "16,384 columns": (
        by_hand('<row r="1">' + "".join(text_cell(f"{column_letters(at)}1", "x") for at in range(1, 16385)) + "</row>"),
        "S!IW1", "TOO_MANY_COLUMNS",
    ),
    "entities in a sheet": (
        by_hand(ENTITIES + f'<worksheet xmlns="{workbooks.MAIN}"><sheetData>{HEAD}</sheetData></worksheet>', rows_only=False),
        "file", "XML_ENTITIES",
    ),
    "entities in the strings": (by_hand(HEAD, more={"xl/sharedStrings.xml": ENTITIES + "<sst/>"}), "file", "XML_ENTITIES"),
    "entities in the styles": (by_hand(HEAD, more={"xl/styles.xml": ENTITIES + "<styleSheet/>"}), "file", "XML_ENTITIES"),
    "a sheet in UTF-16": (by_hand(HEAD, more={"xl/worksheets/sheet1.xml": HEAD.encode("utf-16")}), "file", "WORKBOOK_DAMAGED"),
    "macros": (by_hand(HEAD + ROW, more={"xl/vbaProject.bin": b"x"}), "file", "MACROS"),
    "binary workbook": (zipped({"xl/workbook.bin": b"x"}), "file", "OLD_WORKBOOK"),
    "password": (OLE + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 600, "file", "ENCRYPTED"),
    "Excel 97": (OLE, "file", "OLD_WORKBOOK"),
    "hidden": (by_hand(HEAD + ROW, state="hidden"), "file", "NO_SHEET"),
    "very hidden": (by_hand(HEAD + ROW, state="veryHidden"), "file", "NO_SHEET"),
    "no rows": (by_hand(HEAD), "file", "NO_ROWS"),
    "nothing": (by_hand(""), "file", "EMPTY_FILE"),
    "no sheet data": (by_hand("<worksheet/>", rows_only=False), "file", "EMPTY_FILE"),
    "no XML": (by_hand("hello", rows_only=False), "file", "WORKBOOK_DAMAGED"),
    "broken XML": (by_hand(HEAD + ROW + "<row r='3'><c r='A3'><v>1</c></row>"), "S", "WORKBOOK_DAMAGED"),
    "cut off": (by_hand(HEAD + ROW)[:-200], "file", "WORKBOOK_DAMAGED"),
    "other archive": (zipped({"a.txt": "x"}), "file", "NOT_CSV"),
    "lone surrogate in UTF-16": ("\ufeffcustomerRef,baseAmount\nC1,1\n".encode("utf-16-le") + b"C\x00\x00\xd8,\x001\x00\n\x00", "row 3", "ENCODING"),
    "lone surrogate in UTF-8": ("customerRef,baseAmount\nC1,é\nC\n".encode() + b"\xed\xa0\x80,1\n", "row 4", "ENCODING"),
    "mixed encodings": ("customerRef,baseAmount\né,1\n".encode() + "ü,2\n".encode("cp1252"), "row 3", "ENCODING"),
    "many uncalculated formulas": (
        by_hand(HEAD + "".join(f'<row r="{at}"><c r="B{at}"><f>1+1</f></c></row>' for at in range(2, 100_003)) ), "S", "NO_VALUES",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_its_place_is_named(case: str, tmp_path: Path) -> None:
    content, place, code = REFUSED[case]
    with pytest.raises(FileRefused) as told:
        sent(content, tmp_path)
    problem = told.value.refusal.problems[0]
    assert (problem.field, problem.code) == (place, code)
    assert len(problem.message) > 20


def test_a_part_whose_checksum_is_wrong_is_damaged(tmp_path: Path) -> None:
    content = bytearray(by_hand(HEAD + ROW))
    content[content.index(b"xl/worksheets/sheet1.xml") + 40] ^= 0xFF
    with pytest.raises(FileRefused) as told:
        sent(bytes(content), tmp_path)
    assert told.value.refusal.problems[0].code == "WORKBOOK_DAMAGED"


@pytest.mark.parametrize("form", ["csv", "inline", "string"])
def test_a_cell_of_100_megabytes_is_refused_without_being_held(form: str, tmp_path: Path) -> None:
    cell = "x" * 100_000_000
    if form == "csv":
        content = f"customerRef,baseAmount\nC1,1\nC2,{cell}\n".encode()
    elif form == "inline":
        content = zipped_plain(HEAD + ROW + '<row r="3">' + text_cell("A3", cell) + "</row>")
    else:
        content = zipped_plain(HEAD + ROW, {"xl/sharedStrings.xml": f"<sst><si><t>{cell}</t></si></sst>"})
    del cell
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileRefused) as told:
        sent(content, tmp_path)
    problem = told.value.refusal.problems[0]
    assert (problem.code, problem.field) == ("RECORD_TOO_LONG", "file" if form == "string" else "row 3")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def zipped_plain(rows: str, more: dict[str, str | bytes] | None = None) -> bytes:
    """Store the parts without packing them, so that nothing looks like a bomb."""
    return by_hand(rows, more=more, level=0)


def test_a_million_empty_rows_behind_the_last_one_are_passed_over(tmp_path: Path) -> None:
    empty = "".join(f'<row r="{at}" s="1"><c r="A{at}" s="1"/></row>' for at in range(3, 1_048_577))
    manifest = sent(by_hand(HEAD + ROW + empty, level=1), tmp_path)
    assert (manifest.total, manifest.chunks[0].last_row) == (1, 2)


def test_cells_without_references_are_taken_in_order(tmp_path: Path) -> None:
    def line(*texts: str) -> str:
        return "<row>" + "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts) + "</row>"

    manifest = sent(by_hand(line("customerRef", "baseAmount") + line("C1", "1") + line("C2", "2")), tmp_path)
    frame = columns(manifest, tmp_path)
    assert frame.select("customerRef", "baseAmount", "row").rows() == [("C1", "1", 2), ("C2", "2", 3)]


def test_names_with_a_prefix_are_read_alike(tmp_path: Path) -> None:
    rows = "".join(
        f'<x:row r="{at}"><x:c r="A{at}" t="inlineStr"><x:is><x:t>{a}</x:t></x:is></x:c><x:c r="B{at}"{kind}>{b}</x:c></x:row>'
        for at, a, kind, b in (
            (1, "customerRef", ' t="inlineStr"', "<x:is><x:t>baseAmount</x:t></x:is>"), (2, "C1", "", "<x:v>5</x:v>"),
            (3, "C2", "", "<x:f>1+1</x:f>"), (4, "C3", ' t="e"', "<x:v>#REF!</x:v>"),
        )
    )  # fmt: skip
    xml = f'<x:worksheet xmlns:x="{workbooks.MAIN}"><x:sheetData>{rows}</x:sheetData></x:worksheet>'
    manifest = sent(by_hand(xml, rows_only=False), tmp_path)
    assert columns(manifest, tmp_path)["customerRef"].to_list() == ["C1", "C2", "C3"]
    assert flagged(manifest, tmp_path) == [
        (3, "baseAmount", "FORMULA_NOT_CALCULATED"), (4, "baseAmount", "CELL_ERROR"),
    ]  # fmt: skip


def test_a_table_that_starts_elsewhere_keeps_its_places(tmp_path: Path) -> None:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_formula("A9", "=1+1", None, "")
        for place, text in (("D5", "customerRef"), ("E5", "baseAmount"), ("D6", "C1"), ("D8", "C2"), ("F8", "surplus")):
            sheet.write_string(place, text)
        sheet.write_number("E6", 12.5)
        sheet.write_formula("E8", "=E6*2", None, "")
        sheet.write_formula("E12", "=E6*2", None, "")

    manifest = sent(workbooks.workbook(fill), tmp_path)
    frame = columns(manifest, tmp_path)
    assert frame.select("customerRef", "baseAmount", "extra", "row").rows() == [
        ("C1", "12.5", None, 6), ("C2", None, "surplus", 8), (None, None, None, 12),
    ]  # fmt: skip
    assert flagged(manifest, tmp_path) == [
        (8, "baseAmount", "FORMULA_NOT_CALCULATED"), (12, "baseAmount", "FORMULA_NOT_CALCULATED"),
    ]  # fmt: skip


def test_lone_surrogates_in_a_workbook_do_no_harm(tmp_path: Path) -> None:
    manifest = sent(
        by_hand(HEAD + '<row r="2">' + text_cell("A2", "C_xD800_1") + '<c r="B2"><v>1</v></c></row>'), tmp_path
    )
    assert columns(manifest, tmp_path)["baseAmount"].to_list() == ["1"]


def test_digits_that_a_spreadsheet_took_for_a_number_are_named_in_csv(tmp_path: Path) -> None:
    lines = [
        "customerGstin,mobileNumber,description,baseAmount",
        "2.9E+14,9.8E+09,1E+5,1.5E+05",
        "29AAAPL2356Q1ZS,9800000000,x,1",
    ]
    manifest = sent("\n".join(lines).encode(), tmp_path)
    assert flagged(manifest, tmp_path) == [
        (2, "customerGstin", "SCIENTIFIC_NOTATION"), (2, "mobileNumber", "SCIENTIFIC_NOTATION"),
    ]  # fmt: skip


def test_shared_formulas_percentages_and_leading_zeros(tmp_path: Path) -> None:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet()
        percent = book.add_format({"num_format": '0.00" %"'}), book.add_format({"num_format": "0.0%"})
        workbooks.put(
            sheet, [["customerRef", "baseAmount", "gstRate", "description"], ["007", 0.1 + 0.2, "", "00:00:00"]]
        )
        sheet.write_number(1, 2, 0.125, percent[1])
        sheet.write_number(2, 2, 12.5, percent[0])
        sheet.write_boolean(2, 3, True)
        sheet.write_string(2, 0, " \u00a0 C1 ")

    frame = columns(sent(workbooks.workbook(fill), tmp_path), tmp_path)
    assert frame.select("customerRef", "baseAmount", "gstRate", "description").rows() == [
        ("007", "0.3", "12.5%", "00:00:00"), (" \u00a0 C1 ", None, "12.5", "true"),
    ]  # fmt: skip


def test_a_named_sheet_is_taken_before_an_earlier_one(tmp_path: Path) -> None:
    good = [["customerRef", "baseAmount"], ["C1", 5]]
    manifest = sent(workbooks.of(Notes=[["hello"]], INVOICES=good, Items=[["x"]] * 0), tmp_path)
    assert (manifest.sheet, manifest.items) == ("INVOICES", None)
    manifest = sent(workbooks.of(Empty=[], Data=good), tmp_path)
    assert manifest.sheet == "Data"


def test_items_without_their_columns_are_refused_by_the_sheets_name(tmp_path: Path) -> None:
    good = [["customerRef", "baseAmount", "invoiceNumber"], ["C1", 5, "N1"]]
    with pytest.raises(FileRefused) as told:
        sent(workbooks.of(Invoices=good, Items=[["invoiceNumber", "HSN", "Item Name"], ["N1", 7318, "Bolt"]]), tmp_path)
    assert {(one.field, one.code) for one in told.value.refusal.problems} == {
        ("Items: taxableValue", "COLUMN_MISSING"), ("Items: gstRate", "COLUMN_MISSING"),
    }  # fmt: skip


def test_item_columns_in_a_flat_file_are_the_items_only_when_they_are_whole(tmp_path: Path) -> None:
    head = "Invoice Number,Customer reference,Sub Total,Item Name,HSN/SAC,Quantity,Taxable Value,Item Tax %"
    manifest = sent(f"{head}\nN1,C1,100,Bolt,7318,2,60,18\nN1,C1,100,Nut,7318,4,40,18\n".encode(), tmp_path)
    assert manifest.columns == ["invoiceNumber", "customerRef", "baseAmount", *[None] * 5]
    assert manifest.item_columns == [None, None, None, "description", "hsnCode", "quantity", "taxableValue", "gstRate"]
    manifest = sent(
        b"Invoice Number,Customer reference,Taxable Value,HSN/SAC,Item Desc\nN1,C1,100,7318,Bolt\n", tmp_path
    )
    assert manifest.item_columns == []
    assert (manifest.columns[2:], manifest.unknown) == (["baseAmount", None, "description"], ["HSN/SAC"])


def test_columns_are_counted_as_a_sheet_shows_them() -> None:
    assert [column_number(one) for one in ("A", "Z", "AA", "IV", "XFD")] == [1, 26, 27, 256, 16384]
    assert all(column_number(column_letters(at)) == at for at in range(1, 16385))


VALUE = 'office:value-type="float" office:value="1"'
ODS_HEAD = "<table:table-row>" + "".join(
    f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
    for name in ("customerRef", "baseAmount")
) + "</table:table-row>"  # fmt: skip


@pytest.mark.parametrize("bomb", [
    f'<table:table-row><table:table-cell {VALUE} table:number-columns-repeated="99999999"/></table:table-row>',
    f'<table:table-row table:number-rows-repeated="9999999"><table:table-cell {VALUE}/></table:table-row>',
])  # fmt: skip
def test_an_opendocument_bomb_of_values_is_refused(bomb: str, tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as told:
        sent(workbooks.ods_rows(ODS_HEAD + bomb), tmp_path)
    assert told.value.refusal.problems[0].code == "SHEET_TOO_LARGE"


def test_a_sparse_opendocument_sheet_is_refused(tmp_path: Path) -> None:
    far = (
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell/></table:table-row>'
        f'<table:table-row><table:table-cell table:number-columns-repeated="16380"/><table:table-cell {VALUE}/></table:table-row>'
    )
    with pytest.raises(FileRefused) as told:
        sent(workbooks.ods_rows(ODS_HEAD + far), tmp_path)
    assert told.value.refusal.problems[0].code == "WORKBOOK_DAMAGED"
    assert str(tmp_path) not in told.value.refusal.message


async def test_a_sheet_that_hides_how_far_it_reaches_ends_its_reader_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(by_hand(HEAD + '<row r = "1048576"><c r = "XFD1048576"><v>1</v></c></row>'))
    with pytest.raises(FileRefused) as told:
        await parse(source, tmp_path, rows=100, limit=1000)
    assert told.value.refusal.problems[0].code == "FILE_TOO_COMPLEX"


def test_blank_cells_of_an_opendocument_sheet_may_be_repeated(tmp_path: Path) -> None:
    row = f'<table:table-row><table:table-cell {VALUE}/><table:table-cell {VALUE}/><table:table-cell table:number-columns-repeated="16382"/>'
    blank = '<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>'
    end = "</table:table-row>"
    manifest = sent(workbooks.ods_rows(ODS_HEAD + row + end + blank + end), tmp_path)
    assert columns(manifest, tmp_path).select("customerRef", "baseAmount", "row").rows() == [("1", "1", 2)]
