"""OpenDocument sheets as a person sees them: percentages, money, times, repeated and merged cells, errors."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import workbooks
from hundi.imports.containers import Package
from hundi.imports.errors import FileRefused
from hundi.imports.ods_scan import scan_ods
from hundi.imports.parse_child import Manifest, read
from hundi.imports.records import problems_of

NAMES = ("customerRef", "baseAmount", "gstRate", "description", "mobileNumber")


def cell(kind: str = "string", shown: str = "", more: str = "") -> str:
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{shown}</text:p></table:table-cell>'


def line(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


HEAD = line(*(cell(shown=name) for name in NAMES))
C1, PAISA = cell(shown="C1"), cell("float", "100", 'office:value="100"')


def sent(rows: str, folder: Path) -> Manifest:
    source = folder / "upload"
    source.write_bytes(workbooks.ods_rows(HEAD + rows))
    return read(source, folder, 50_000, 2_000_000)


def found(rows: str, folder: Path) -> list[tuple[object, ...]]:
    manifest = sent(rows, folder)
    frame = pl.concat([pl.read_ipc(folder / chunk.file) for chunk in manifest.chunks])
    return frame.select(*(f"c{at}" for at in range(len(NAMES))), "row").rows()


def flagged(rows: str, folder: Path) -> list[tuple[int, str | None, str]]:
    manifest = sent(rows, folder)
    frame = pl.concat([pl.read_ipc(folder / chunk.file) for chunk in manifest.chunks])
    return [
        (frame["row"][at], manifest.columns[one.column], one.code) for at, told in problems_of(frame) for one in told
    ]


PERCENT = cell("percentage", "18.00%", 'office:value="0.18"')
SHOWN: dict[str, tuple[str, str]] = {
    "percentage": (PERCENT, "18%"),
    "part of a percent": (cell("percentage", "0.25%", 'office:value="0.0025"'), "0.25%"),
    "currency": (cell("currency", "₹1,234.50", 'office:currency="INR" office:value="1234.5"'), "1234.5"),
    "boolean": (cell("boolean", "TRUE", 'office:boolean-value="true"'), "true"),
    "time": (cell("time", "12:30:05", 'office:time-value="PT12H30M05S"'), "12:30:05"),
    "a time nobody wrote out": (cell("time", "", 'office:time-value="PT2H05M00S"'), "02:05:00"),
    "date": (cell("date", "15/04/26", 'office:date-value="2026-04-15"'), "2026-04-15"),
    "date and midnight": (cell("date", "15/04/26", 'office:date-value="2026-04-15T00:00:00"'), "2026-04-15"),
    "tab and line break": (cell(shown="a<text:tab/>b<text:line-break/>c"), "a\tb\nc"),
    "two paragraphs": (cell(shown="two</text:p><text:p>lines"), "two\nlines"),
    "blanks": (cell(shown='a<text:s text:c="3"/>b'), "a   b"),
    "a text that is shown unlike its value": (cell(shown="shown", more='office:string-value="stored"'), "shown"),
    "leading zeros": (cell("float", "007", 'office:value="7"'), "007"),
    "a comment beside it": (PERCENT.replace("<text:p>", "<office:annotation><text:p>why?</text:p></office:annotation><text:p>"), "18%"),
    "a formula with its value": (
        cell("float", "0.3", 'table:formula="of:=0.1+0.2" office:value="0.30000000000000004"'), "0.3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHOWN)
def test_a_cell_is_read_as_it_is_shown(case: str, tmp_path: Path) -> None:
    xml, text = SHOWN[case]
    assert found(line(C1, PAISA, PERCENT, xml), tmp_path) == [("C1", "100", "18%", text, None, 2)]


def test_repeated_cells_and_rows_are_as_many_as_a_person_sees(tmp_path: Path) -> None:
    twice = PERCENT.replace("<table:table-cell ", '<table:table-cell table:number-columns-repeated="2" ')
    rows = line(C1, PAISA, twice, more='table:number-rows-repeated="3"') + line(C1, PAISA) + line(C1, PAISA, PERCENT)
    assert found(rows, tmp_path) == [
        *(("C1", "100", "18%", "18%", None, at) for at in (2, 3, 4)), ("C1", "100", None, None, None, 5),
        ("C1", "100", "18%", None, None, 6),
    ]  # fmt: skip


def test_a_table_that_starts_elsewhere_keeps_its_places(tmp_path: Path) -> None:
    blank = '<table:table-cell table:number-columns-repeated="3"/>'
    above = line(blank, more='table:number-rows-repeated="4"')
    rows = above + line(blank, *(cell(shown=name) for name in NAMES)) + line(blank, C1, PAISA, PERCENT)
    source = tmp_path / "upload"
    source.write_bytes(workbooks.ods_rows(rows))
    manifest = read(source, tmp_path, 50, 50)
    frame = pl.read_ipc(tmp_path / manifest.chunks[0].file)
    assert frame.select("c0", "c1", "c2", "row").rows() == [("C1", "100", "18%", 6)]


def test_merged_cells_are_named(tmp_path: Path) -> None:
    covered = "<table:covered-table-cell/>"
    down = cell(shown="C1", more='table:number-rows-spanned="2"')
    across = cell(shown="wide", more='table:number-columns-spanned="2"')
    rows = line(down, PAISA) + line(covered, PAISA) + line(C1, PAISA, PERCENT, across, covered)
    assert flagged(rows, tmp_path) == [(3, "customerRef", "MERGED_CELLS"), (4, "mobileNumber", "MERGED_CELLS")]


def test_cells_without_a_plain_value_are_named(tmp_path: Path) -> None:
    rows = (
        line(C1, cell(shown="#DIV/0!", more='calcext:value-type="error" table:formula="of:=1/0"'))
        + line(C1, cell(shown="Err:502", more='table:formula="of:=X(" office:string-value=""'))
        + line(C1, cell("float", "5", 'table:formula="of:=\'file:///tmp/x.ods\'#$S.A1" office:value="5"'))
        + line(C1, '<table:table-cell table:formula="of:=1+1"/>')
        + line(C1, PAISA, PERCENT, cell(), cell("float", "9.19E+17", 'office:value="9.19800000000123E+17"'))
        + line(C1, PAISA, PERCENT, cell(), cell("float", "919800000000123456", 'office:value="919800000000123456"'))
        + line(C1, cell("float", "0", 'table:formula="of:=1-1" office:value="0"'))
    )
    assert flagged(rows, tmp_path) == [
        (2, "baseAmount", "CELL_ERROR"), (3, "baseAmount", "CELL_ERROR"), (4, "baseAmount", "EXTERNAL_LINK"),
        (5, "baseAmount", "FORMULA_NOT_CALCULATED"), (6, "mobileNumber", "NUMBER_ROUNDED"),
        (7, "mobileNumber", "NUMBER_ROUNDED"),
    ]  # fmt: skip


def test_the_sheet_that_is_named_is_the_one_that_is_looked_at(tmp_path: Path) -> None:
    first = workbooks.ods_rows(HEAD + line(C1, PAISA, PERCENT), name="A")
    both = (HEAD + line(C1, PAISA, PERCENT) + '</table:table><table:table table:name="Invoices">' + HEAD
            + line(C1, PAISA, cell("percentage", "5%", 'office:value="0.05"')))  # fmt: skip
    source = tmp_path / "upload"
    for content, percents, rate in ((first, "A", "18%"), (workbooks.ods_rows(both, name="A"), "Invoices", "5%")):
        source.write_bytes(content)
        with Package(source) as package:
            assert scan_ods(package, percents).percents == [(2, 3)]
        manifest = read(source, tmp_path, 50, 50)
        assert pl.read_ipc(tmp_path / manifest.chunks[0].file)["c2"].to_list() == [rate]


BOMBS = {
    "percentages": (
        line(PERCENT.replace("<table:table-cell ", '<table:table-cell table:number-columns-repeated="100" '),
             more='table:number-rows-repeated="30000"'), "SHEET_TOO_LARGE",
    ),
    "errors": (
        line(cell(shown="#N/A", more='table:formula="of:=NA()" table:number-columns-repeated="4"'),
             more='table:number-rows-repeated="30000"'), "NO_VALUES",
    ),
    "merged cells": (
        line(cell(shown="x", more='table:number-columns-spanned="2"') * 4) * 13_000, "NO_VALUES",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BOMBS)
def test_what_no_person_filled_in_is_refused(case: str, tmp_path: Path) -> None:
    rows, code = BOMBS[case]
    with pytest.raises(FileRefused) as told:
        sent(rows, tmp_path)
    assert told.value.refusal.problems[0].code == code
