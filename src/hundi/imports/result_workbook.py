"""Writing large sheets of texts as XLSX (ECMA-376), from frames, with the memory of one slice.

What is a plain number in a column of amounts is written as a number, an ISO date in a column of dates as a date, all else
as text in a column formatted as text, so that a spreadsheet changes nothing of it: no zeros lost, no 2.9E+14, no formula.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from xml.sax.saxutils import escape, quoteattr

import msgspec
import polars as pl

from hundi.imports.columns import Kind
from hundi.imports.sheet_scan import column_letters

_SLICE: Final = 5_000
_LEVEL: Final = 1  # three times as fast as the usual 6, and a tenth larger
_NUMBERS: Final = frozenset({Kind.AMOUNT, Kind.SIGNED_AMOUNT, Kind.RATE, Kind.DAYS, Kind.QUANTITY})
# As a reader gives it back: no leading zeros, no zeros behind the decimals, no more digits than a spreadsheet keeps.
_NUMBER: Final = r"^-?(?:0|[1-9][0-9]{0,10})(?:\.[0-9]{0,3}[1-9])?$"
_DAY: Final = r"^(?:19[2-9][0-9]|20[0-9]{2})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
_DAYS_TO_1970: Final = 25569  # from the day zero of spreadsheets
_NOT_XML: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
_SPECIAL: Final = r"[&<>\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]"
_LONGEST_CELL: Final = 32_767
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES: Final = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font>'
    '</fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
    "</cellXfs></styleSheet>"
)


class Heading(msgspec.Struct, frozen=True):
    """A column of a sheet: what stands above it, and how its cells are read (None: as text)."""

    text: str
    kind: Kind | None = None


class SheetWriter:
    """Writes one workbook, sheet after sheet, rows after rows. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._names: list[str] = []
        self._part: IO[bytes] | None = None
        self._row = 0
        self._kinds: Sequence[Heading] = ()

    def __enter__(self) -> Self:
        """Stand for the open workbook."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Finish the workbook, or leave it unfinished after an error."""
        if kind is None:
            self._finish()
        elif self._part is not None:
            self._part.close()
        self._zip.close()

    def sheet(self, name: str, headings: Sequence[Heading]) -> None:
        """Begin the next sheet with its header line."""
        self._end_sheet()
        self._names.append(name[:31] or f"Sheet{len(self._names) + 1}")
        self._part = self._zip.open(f"xl/worksheets/sheet{len(self._names)}.xml", "w", force_zip64=True)
        self._kinds = headings
        cells = "".join(
            f'<c r="{column_letters(at)}1" t="inlineStr" s="3"><is><t xml:space="preserve">{_escaped(one.text)}</t></is></c>'
            for at, one in enumerate(headings, start=1)
        )
        width = f'<cols><col min="1" max="{max(len(headings), 1)}" width="18" customWidth="1"/></cols>'
        self._write(
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
            f'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>{width}<sheetData><row r="1">{cells}</row>'
        )
        self._row = 1

    def rows(self, frame: pl.DataFrame) -> None:
        """Write rows of texts, in the order of the headings."""
        for at in range(0, frame.height, _SLICE):
            piece = frame.slice(at, _SLICE)
            first = self._row + 1
            numbered = piece.with_columns(pl.int_range(first, first + piece.height).cast(pl.String).alias("+row"))
            cells = [
                _cell(piece[name], column_letters(place), heading)
                for place, (name, heading) in enumerate(zip(piece.columns, self._kinds, strict=True), start=1)
            ]
            line = pl.concat_str(
                pl.lit('<row r="'), pl.col("+row"), pl.lit('">'), *cells, pl.lit("</row>"), ignore_nulls=True
            )
            self._write(numbered.select(line.str.join("")).item())
            self._row += piece.height

    def _write(self, text: str) -> None:
        if self._part is not None and text:
            self._part.write(text.encode("utf-8", "replace"))

    def _end_sheet(self) -> None:
        if self._part is not None:
            self._write("</sheetData></worksheet>")
            self._part.close()
            self._part = None

    def _finish(self) -> None:
        self._end_sheet()
        for name, content in _parts(self._names).items():
            self._zip.writestr(name, content)


def _cell(cells: pl.Series, letters: str, heading: Heading) -> pl.Expr:
    """Write the cells of a column, with the numbers of their rows in ``+row``; null where blank."""
    raw = pl.col(cells.name)
    shown = raw.str.head(_LONGEST_CELL) if _is_long(cells) else raw
    if cells.str.contains("_x", literal=True).any():
        # Readers take _x0041_ for the letter A (ECMA-376 part 1, §22.9.2.19): its first sign is written so itself.
        shown = shown.str.replace_all("_x", "_x005F_x", literal=True)
    if cells.str.contains(_SPECIAL).any():
        shown = shown.str.replace_all(_NOT_XML, "")
        for plain, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
            shown = shown.str.replace_all(plain, written, literal=True)

    def made(head: str, inner: pl.Expr, tail: str) -> pl.Expr:
        return pl.concat_str(pl.lit(f'<c r="{letters}'), pl.col("+row"), pl.lit(head), inner, pl.lit(tail))

    cell = made('" t="inlineStr" s="1"><is><t xml:space="preserve">', shown, "</t></is></c>")
    if heading.kind in _NUMBERS:
        cell = pl.when(raw.str.contains(_NUMBER)).then(made('"><v>', raw, "</v></c>")).otherwise(cell)
    elif heading.kind is Kind.DATE:
        days = raw.str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32) + _DAYS_TO_1970
        is_day = raw.str.contains(_DAY) & days.is_not_null()
        cell = pl.when(is_day).then(made('" s="2"><v>', days.cast(pl.String), "</v></c>")).otherwise(cell)
    return pl.when(raw != "").then(cell)


def _is_long(cells: pl.Series) -> bool:
    longest = cells.str.len_bytes().max()
    return isinstance(longest, int) and longest > _LONGEST_CELL


def _escaped(text: str) -> str:
    return escape("".join(letter for letter in text if letter >= " " or letter in "\t\n"))


def _parts(names: Sequence[str]) -> dict[str, str]:
    """Give the parts that make a workbook of the sheets."""
    count = range(1, len(names) + 1)
    sheets = "".join(
        f'<sheet name={quoteattr(_escaped(names[at - 1]))} sheetId="{at}" r:id="rId{at}"/>' for at in count
    )
    links = "".join(
        f'<Relationship Id="rId{at}" Type="{_RELS}/worksheet" Target="worksheets/sheet{at}.xml"/>' for at in count
    )
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    kinds = "".join(
        f'<Override PartName="/xl/worksheets/sheet{at}.xml" ContentType="{types}.worksheet+xml"/>' for at in count
    )
    return {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{types}.styles+xml"/>{kinds}</Types>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        f'<Relationship Id="rId0" Type="{_RELS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
    }
