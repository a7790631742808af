"""Workbooks in tests: made with xlsxwriter or part by part, read back with calamine as a spreadsheet would."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import fastexcel
import polars as pl
import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(fill: Callable[[Workbook], None]) -> bytes:
    """Make a workbook with whatever ``fill`` puts into it."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    fill(book)
    book.close()
    return out.getvalue()


def put(sheet: Worksheet, rows: Iterable[Sequence[Any]], *, first: int = 0) -> None:
    """Write rows: texts as texts whatever they look like, numbers as numbers."""
    for at, row in enumerate(rows, start=first):
        for place, value in enumerate(row):
            if isinstance(value, str) and value:
                sheet.write_string(at, place, value)
            elif value not in {None, ""}:
                sheet.write_number(at, place, value)


def of(**sheets: Iterable[Sequence[Any]]) -> bytes:
    """Make a workbook of plain sheets by name."""

    def fill(book: Workbook) -> None:
        for name, rows in sheets.items():
            put(book.add_worksheet(name), rows)

    return workbook(fill)


def dicts(content: bytes, sheet: int | str = 0) -> list[dict[str, str | None]]:
    """Read a sheet back: its first line names the columns."""
    cells = fastexcel.read_excel(content).load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string").to_polars()
    rows = cells.rows()
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def cells(content: bytes, sheet: int | str = 0) -> pl.DataFrame:
    """Read a sheet back as calamine types it."""
    found: pl.DataFrame = fastexcel.read_excel(content).load_sheet(sheet).to_polars()
    return found


def names(content: bytes) -> list[str]:
    """Give the names of the sheets."""
    return list(fastexcel.read_excel(content).sheet_names)


def by_hand(
    sheet_xml: str,
    *,
    rows_only: bool = True,
    more: Mapping[str, str | bytes] | None = None,
    state: str = "visible",
    level: int = 9,
) -> bytes:
    """Make a workbook whose one sheet has exactly this XML, with further parts."""
    body = f'<worksheet xmlns="{MAIN}"><sheetData>{sheet_xml}</sheetData></worksheet>' if rows_only else sheet_xml
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{RELS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELS}"><sheets><sheet name="S" sheetId="1" state="{state}" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{RELS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": body,
    }
    return zipped(parts | dict(more or {}), level=level)


def zipped(parts: Mapping[str, str | bytes], *, level: int = 9) -> bytes:
    """Pack parts into a ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def text_cell(reference: str, text: str) -> str:
    """Write a cell with text in it."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def ods(rows: Iterable[Sequence[Any]], *, name: str = "Invoices") -> bytes:
    """Make an OpenDocument sheet by hand: numbers as floats, texts as strings."""
    lines = []
    for row in rows:
        written = []
        for value in row:
            if isinstance(value, str):
                written.append(
                    f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
                    if value
                    else "<table:table-cell/>"
                )
            else:
                written.append(f'<table:table-cell office:value-type="float" office:value="{value}"/>')
        lines.append(f"<table:table-row>{''.join(written)}</table:table-row>")
    return ods_rows("".join(lines), name=name)


def ods_rows(rows: str, *, name: str = "Invoices") -> bytes:
    """Make an OpenDocument sheet whose rows are exactly this XML."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="{name}">{rows}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return zipped({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def spoiled(name: str, content: bytes, packed_as: str) -> bytes:
    """Make an archive of one file, packed with bzip2 or lzma, whose packed bytes are damaged."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", {"bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}[packed_as]) as archive:
        archive.writestr(name, content)
    packed = bytearray(out.getvalue())
    start = packed.find(name.encode()) + len(name)
    for at in range(start + 2, start + 30):
        packed[at] ^= 0x5A
    return bytes(packed)
