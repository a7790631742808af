"""What is told of a large workbook before it is read whole is true of it."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import polars as pl
import pytest

import workbooks
from hundi.imports import first_rows as ahead
from hundi.imports import parse_child
from hundi.imports.columns import FileKind, Format
from hundi.imports.parse_child import ROWS_READ, read

HEADER: list[str | float] = ["Invoice number", "Customer reference", "Invoice date", "Base amount"]
ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sheet of some rows be a large one, of which some are read ahead."""
    monkeypatch.setattr(ahead, "LARGE", 1)
    monkeypatch.setattr(ahead, "_HEAD", 20_000)
    monkeypatch.setattr("hundi.imports.containers._BLOCK", 4096)


def bill(number: int) -> list[str | float]:
    return [f"A/{number}", "C1", "2026-11-01", 100.5]


def register() -> list[list[str | float]]:
    """Give a report as programs write them: titles, blank lines, the header on each page, a total at its end."""
    rows: list[list[str | float]] = [["Sales of November"], [], list(HEADER)]
    for page in range(40):
        rows += [bill(page * 50 + at) for at in range(50)]
        rows += [["Total", "", "", 5025.0], [], list(HEADER)]
    return [*rows, ["Grand total", "", "", 201000.0]]


def ods(**tables: list[list[str | float]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="m"/>')
        archive.writestr(
            "content.xml",
            ODS + "".join(_table(name, rows) for name, rows in tables.items())
            + "</office:spreadsheet></office:body></office:document-content>",
        )  # fmt: skip
    return out.getvalue()


def _table(name: str, rows: list[list[str | float]]) -> str:
    def cell(value: str | float) -> str:
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    body = "".join(
        f"<table:table-row>{''.join(map(cell, row)) or '<table:table-cell/>'}</table:table-row>" for row in rows
    )
    return f'<table:table table:name="{name}">{body}</table:table>'


def told(content: bytes, folder: Path, name: str = "a.xlsx") -> int:
    file = folder / name
    file.write_bytes(content)
    file_format = Format.ODS if name.endswith("ods") else Format.XLSX
    return ahead.first_rows(file, file_format, FileKind.INVOICES, folder)


def is_so(content: bytes, folder: Path, count: int, name: str = "a.xlsx") -> None:
    """See that the whole file has so many rows at its beginning, and many more."""
    (folder / "work").mkdir()
    (folder / name).write_bytes(content)
    manifest = read(folder / name, folder / "work", 100_000, 100_000)
    rows = pl.concat(pl.read_ipc(folder / "work" / chunk.file) for chunk in manifest.chunks)
    assert rows["c0"].head(count).to_list() == [f"A/{at}" for at in range(count)]
    assert 50 < count < manifest.total / 2
    assert manifest.total == 2000


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods"])
def test_the_first_rows_of_a_large_workbook_are_told_as_they_come_to_be(name: str, tmp_path: Path) -> None:
    content = workbooks.of(Sheet1=register()) if name == "a.xlsx" else ods(Sheet1=register())
    is_so(content, tmp_path, told(content, tmp_path, name), name)
    assert not (tmp_path / "first-rows").exists()


def test_texts_within_their_cells_do_as_well(tmp_path: Path) -> None:
    out = io.BytesIO()
    book = workbooks.xlsxwriter.Workbook(out, {"constant_memory": True})
    workbooks.put(book.add_worksheet("Invoices"), register())
    book.close()
    is_so(out.getvalue(), tmp_path, told(out.getvalue(), tmp_path))


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods"])
def test_the_sheet_that_is_named_for_the_rows_counts(name: str, tmp_path: Path) -> None:
    make = workbooks.of if name == "a.xlsx" else ods
    summary: list[list[str | float]] = [[f"Line {at}", "of a summary", "", 1.0] for at in range(900)]
    found = told(make(Summary=[HEADER, *summary], Invoices=register()), tmp_path, name)
    # The table of an OpenDocument file that is not its first cannot be had without reading what stands before it.
    assert found == 0 if name == "a.ods" else abs(found - told(make(Invoices=register()), tmp_path, name)) < 10
    assert told(make(Invoices=register(), Summary=summary), tmp_path, name) > 50


def test_nothing_is_told_where_it_would_not_be_certain(tmp_path: Path) -> None:
    rows = register()
    line: list[str | float] = ["x", 1.0]
    no_header = [HEADER[:1], *([line] * 900)]
    assert told(workbooks.of(Sheet1=no_header), tmp_path) == 0
    assert told(workbooks.of(Sheet1=rows[:20]), tmp_path) == 0
    assert told(workbooks.of(Items=rows), tmp_path) == 0
    assert told(b"PK\x03\x04 no archive", tmp_path) == 0
    # Texts that are not in the order in which the cells name them are not sought for.
    content = workbooks.of(Sheet1=rows)
    assert told(content, tmp_path) > 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/sharedStrings.xml"] = b'<sst xmlns="%b"><si><t>one</t></si></sst>' % workbooks.MAIN.encode()
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    assert ahead.first_rows(tmp_path / "b.xlsx", Format.XLSX, FileKind.INVOICES, tmp_path) == 0


def test_it_is_told_before_the_sheet_is_gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def opened(*_: object) -> None:
        seen.append(int((tmp_path / ROWS_READ).read_bytes()))
        raise MemoryError

    monkeypatch.setattr(parse_child, "Book", opened)
    (tmp_path / "a.xlsx").write_bytes(workbooks.of(Sheet1=register()))
    with pytest.raises(MemoryError):
        read(tmp_path / "a.xlsx", tmp_path, 1000, 100_000)
    assert 50 < seen[0] < 1000


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods"])
def test_what_is_made_to_be_searched_for_long_is_not(name: str, tmp_path: Path) -> None:
    is_xlsx = name == "a.xlsx"
    content = workbooks.of(Sheet1=register()) if is_xlsx else ods(Sheet1=register())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    row_end, part = ("</row>", "xl/worksheets/sheet1.xml") if is_xlsx else ("</table:table-row>", "content.xml")
    endless = '<c t="s"' if is_xlsx else "<table:table "
    head = (parts[part].partition(b"<sheetData>")[0] + b"<sheetData>").decode() if is_xlsx else ODS
    parts[part] = (head + endless * 1200 + ">" + row_end * 40 + endless).encode()
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for one, made in parts.items():
            archive.writestr(one, made)
    begun = time.process_time()
    assert ahead.first_rows(tmp_path / name, Format.XLSX if is_xlsx else Format.ODS, FileKind.INVOICES, tmp_path) == 0
    assert time.process_time() - begun < 1
