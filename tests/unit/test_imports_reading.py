"""Reading uploads in the child: the fast reader and the strict one agree, rows keep their numbers, headers match."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hundi.imports import parse_child
from hundi.imports.columns import COLUMNS, key_of, match
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import REPEATED, read
from hundi.imports.records import EXTRA, ROW, Table, last_record_end

PLAIN = st.text(st.sampled_from("abc ,;\"\n'=é₹1"), max_size=6)


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(st.lists(PLAIN, min_size=3, max_size=3), min_size=1, max_size=12), crlf=st.booleans())
def test_both_readers_give_what_the_standard_library_gives(
    rows: list[list[str]], crlf: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n" if crlf else "\n").writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(out.getvalue().encode())
    found = [frame.rows() for frame in _table(path).frames()]
    flat = [row for rows_ in found for row in rows_]
    records = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    expected = [
        (*(cell or None for cell in record), None, at)
        for at, record in enumerate(records, start=1)
        if any(cell.strip() for cell in record)
    ]
    assert [tuple(cell or None for cell in row) for row in flat] == expected


def _table(path: Path) -> Table:
    return Table(path, offset=0, line=1, row=1, delimiter=",", width=3)


@given(content=st.text(st.sampled_from('ab,"\n'), max_size=40))
def test_blocks_are_cut_only_where_the_quotes_are_even(content: str) -> None:
    data = content.encode()
    end = last_record_end(data)
    assert data[:end].count(b'"') % 2 == 0
    assert end == 0 or data[end - 1 : end] == b"\n"
    later = [at for at in range(end, len(data)) if data[at : at + 1] == b"\n" and data[:at].count(b'"') % 2 == 0]
    assert later == []


def test_rows_are_cut_into_chunks_and_keep_their_numbers(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    lines = [f'N{at},C1,{at}.00,"two\nlines"' if at == 50 else f"N{at},C1,{at}.00,x" for at in range(100)]
    source.write_text(
        "Invoice No,customerRef,Base Amount,description\n" + "\n".join(lines[:30]) + "\n\n" + "\n".join(lines[30:])
    )
    manifest = read(source, tmp_path, 40, 1000)
    assert [(one.rows, one.first_row, one.last_row) for one in manifest.chunks] == [
        (40, 2, 42),
        (40, 43, 82),
        (20, 83, 102),
    ]
    whole = pl.concat([pl.read_ipc(tmp_path / one.file) for one in manifest.chunks])
    assert whole["c0"].to_list() == [f"N{at}" for at in range(100)]
    assert whole[ROW].to_list() == [*range(2, 32), *range(33, 103)]
    assert whole["c3"][50] == "two\nlines"


def test_repeated_keys_are_found_over_the_whole_file(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text(
        "invoiceNumber,externalId,customerRef,baseAmount\nA1,,C,1\nB1,E1,C,1\n a1 ,,C,1\nC1,e1,C,1\nD1,,C,1\n"
    )
    read(source, tmp_path, 2, 1000)
    assert pl.read_ipc(tmp_path / REPEATED)[ROW].to_list() == [2, 3, 4, 5]


def test_surplus_cells_are_kept_apart(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("customerRef,baseAmount\nC,1\nC,2,\nC,3,x,y\n")
    manifest = read(source, tmp_path, 100, 1000)
    frame = pl.read_ipc(tmp_path / manifest.chunks[0].file)
    assert frame[EXTRA].to_list() == [None, None, "x | y"]
    assert frame[ROW].to_list() == [2, 3, 4]


def test_one_date_style_rules_a_column_and_the_first_wins_a_tie(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    rows = ["01/02/2026,2026-02-01", "2026-02-01,2026-02-01", "soon,1-Feb-26", ",03.04.2026"]
    source.write_text("customerRef,baseAmount,invoiceDate,dueDate\n" + "".join(f"C,1,{row}\n" for row in rows))
    manifest = read(source, tmp_path, 100, 1000)
    assert manifest.date_styles == {"invoiceDate": "dd/MM/yyyy", "dueDate": "yyyy-MM-dd"}


def test_names_labels_and_aliases_match_in_any_spelling() -> None:
    for column in COLUMNS:
        for heading in (column.name, column.label, column.label.upper(), f" {column.name.replace('A', '_a')} "):
            assert match([heading]).columns == (column.name,), heading
    header = match(["GST Identification Number (GSTIN)", "INVOICE_NO.", "taxable value", "error_code", "error_message"])
    assert header.columns == ("customerGstin", "invoiceNumber", "baseAmount", None, None)
    assert header.missing == header.twice == header.unknown == ()
    assert match(["a", "A", "Base amount", "base_amount", "customerName"]).twice == ((3, 2),)
    assert match(["baseAmount", "customerName"]).missing == ("customerPin",)


def test_no_alias_has_two_meanings() -> None:
    seen: dict[str, str] = {}
    for column in COLUMNS:
        for word in {key_of(word) for word in (column.name, column.label, *column.also)}:
            assert seen.setdefault(word, column.name) == column.name, word


def test_a_row_limit_stops_the_reading(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("customerRef,baseAmount\n" + "C,1\n" * 11)
    with pytest.raises(FileRefused) as told:
        read(source, tmp_path, 100, 10)
    assert told.value.refusal.problems[0].code == "TOO_MANY_ROWS"
    assert parse_child.read(source, tmp_path, 100, 11).total == 11
