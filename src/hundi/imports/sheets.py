"""Reading the sheets of a workbook (XLSX, ODS) as texts a person would see. Runs in the limited child only.

The archive is looked into first, then each sheet is gone through once, and only then calamine reads it; formulas are
never evaluated, the value that was saved with them counts. Frames are those of ``records``; rows have the sheet's numbers.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import fastexcel
import msgspec
import polars as pl

from hundi.imports.columns import IDENTIFIERS, FileKind, Format, Header, known, match
from hundi.imports.containers import Package
from hundi.imports.errors import CellProblem, refuse
from hundi.imports.ods_scan import scan_ods, worth_scanning
from hundi.imports.records import EXTRA, PROBLEMS, ROW
from hundi.imports.sheet_scan import MOST_CELLS, Scan, column_letters, refuse_repeats, scan
from hundi.imports.sniff import MOST_COLUMNS
from hundi.imports.workbook import Sheet, choose, describe, items_of

_SLICE: Final = 20_000
HEADER_WITHIN: Final = 30
_MIDNIGHT: Final = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00:00$"
# Numbers come with nine decimals; with seven digits before the point the last of them are the machine's, not a person's.
_NOISY: Final = r"^-?[1-9][0-9]{6,14}\.[0-9]{6,9}$"
_LONG_NUMBER: Final = r"^[0-9]{16,}$"
_MOST_STRINGS: Final = 512 * 1024**2  # the reader holds them twice, and has 2 GiB
_MOST_MERGED: Final = 100_000
_ROUNDED: Final = (
    "Excel keeps fifteen digits of a number only, and has lost the others of this one: format the column as Text and "
    "type the cell again."
)


class SheetTable(msgspec.Struct):
    """A sheet whose header line is understood; ``frames`` gives the rows behind it, once."""

    sheet: str
    headings: list[str]
    header: Header
    frames: Iterator[pl.DataFrame]


class Book:
    """A workbook that may be read. Raises ``FileRefused`` on whatever no sheet of rows needs."""

    def __init__(self, path: Path, file_format: Format, kind: FileKind) -> None:
        self._path = path
        self._kind = kind
        self._is_plain = False
        with Package(path) as package:
            if file_format is Format.XLSX:
                self._workbook = describe(package)
                self._percent = self._workbook.percent_styles
                self._sheets = self._workbook.sheets
                self._check_strings(package)
            else:
                package.refuse_entities()
                refuse_repeats(package)
                self._is_plain = not worth_scanning(package)
        try:
            self._reader: Any = fastexcel.read_excel(path)
        except fastexcel.FastExcelError as error:
            message = (
                "The workbook cannot be read: it is damaged, or far larger than what is filled in it. Save it again."
            )
            raise refuse("WORKBOOK_DAMAGED", message) from error
        self._is_xlsx = file_format is Format.XLSX
        if not self._is_xlsx:
            self._sheets = [Sheet(name, "", visible=True) for name in self._reader.sheet_names]

    def _check_strings(self, package: Package) -> None:
        if "xl/sharedStrings.xml" not in package:
            return
        size = 0
        for block in package.blocks("xl/sharedStrings.xml"):
            size += len(block)
            if size > _MOST_STRINGS:
                message = (
                    f"The texts of the workbook take more than {_MOST_STRINGS // 1024**2} MiB unpacked: leave out columns "
                    "that are not imported, split it, or send CSV."
                )
                raise refuse("FILE_TOO_COMPLEX", message)
            if len(block) >= 1024 * 1024 and b"<" not in block:
                raise refuse("RECORD_TOO_LONG", "A cell of the workbook is longer than 1 MiB: shorten it.")

    def main(self) -> SheetTable:
        """Read the first sheet that has rows, or the one that is named for them."""
        for sheet in choose(self._sheets, self._kind):
            table = self._table(sheet, self._kind)
            if table is not None:
                return table
        raise refuse("EMPTY_FILE", "The file is empty: send a header line and at least one row.")

    def items(self) -> SheetTable | None:
        """Read the sheet Items, where there is one with anything in it."""
        sheet = items_of(self._sheets, self._kind)
        return self._table(sheet, FileKind.ITEMS) if sheet is not None else None

    def _table(self, sheet: Sheet, kind: FileKind) -> SheetTable | None:
        found = Scan()
        if self._is_xlsx:
            with Package(self._path) as package:
                found = scan(package, sheet.part, self._percent, sheet.name)
            if not found.last_row:
                return None
        cells = self._load(sheet)
        if cells is None:
            return None
        if not self._is_xlsx and not self._is_plain:
            with Package(self._path) as package:
                found = scan_ods(package, sheet.name)
            _refuse_unlike(found, cells, sheet.name)
        at, headings = header_of(cells.head(HEADER_WITHIN).rows(), kind)
        if at < 0:
            return None
        header = match(headings, kind)
        rows = _Rows(cells.slice(at + 1), at + 2, header, found)
        if self._is_xlsx and rows.may_be_rounded():
            with Package(self._path) as package:
                rows.found = scan(package, sheet.part, self._percent, sheet.name, rounded=True)
        return SheetTable(sheet.name, headings, header, rows.frames())

    def _load(self, sheet: Sheet) -> pl.DataFrame | None:
        try:
            loaded = self._reader.load_sheet(sheet.name, header_row=None, skip_rows=0, dtypes="string")
        except fastexcel.FastExcelError as error:
            message = (
                f"The sheet {sheet.name} cannot be read: it is damaged. Save the file again, and send the new one."
            )
            raise refuse("WORKBOOK_DAMAGED", message, place=sheet.name) from error
        if not self._is_xlsx and loaded.visible != "visible":
            return None
        if not loaded.height:
            return None
        if loaded.width > MOST_COLUMNS or loaded.width * loaded.height > MOST_CELLS:
            where = f"{sheet.name}!{column_letters(loaded.width)}{loaded.height}"
            message = f"The sheet {sheet.name} is too large ({loaded.height:,} rows, {loaded.width:,} columns)."
            code = "TOO_MANY_COLUMNS" if loaded.width > MOST_COLUMNS else "SHEET_TOO_LARGE"
            raise refuse(code, message, place=where, malformed=False)
        cells: pl.DataFrame = loaded.to_polars()
        return cells.rename({name: f"c{at}" for at, name in enumerate(cells.columns)})


def header_of(rows: Sequence[Sequence[str | None]], kind: FileKind) -> tuple[int, list[str]]:
    """Find the header line among the first rows, behind titles that reports have above it; ``-1`` where all are blank.

    It is the first line that names all required columns, else the one that names most, else the first that is filled.
    """
    best, most = -1, -1
    for at, row in enumerate(rows):
        headings = _trimmed(row)
        if not headings:
            continue
        count = known(headings, kind)
        if count and not match(headings, kind).missing:
            return at, headings
        if count > most:
            best, most = at, count
    return best, _trimmed(rows[best]) if best >= 0 else []


def _trimmed(row: Sequence[str | None]) -> list[str]:
    headings = [cell or "" for cell in row]
    while headings and not headings[-1].strip():
        headings.pop()
    return headings


def _refuse_unlike(found: Scan, cells: pl.DataFrame, sheet: str) -> None:
    """Refuse a sheet that two readers do not see alike: what one found out would be put into the wrong cells."""
    if (found.last_column - found.first_column + 1, found.last_row) != (cells.width, cells.height):
        message = f"The sheet {sheet} cannot be read with certainty: save it as .xlsx or CSV, and send that."
        raise refuse("WORKBOOK_DAMAGED", message, place=sheet)


class _Rows:
    """The rows behind a header line, given in slices of frames with all that was found out about their cells."""

    def __init__(self, cells: pl.DataFrame, first: int, header: Header, found: Scan) -> None:
        self._cells = cells
        self._first = first
        self._header = header
        self._width = len(header.columns)
        self._named = header.named()
        self._texts: dict[int, dict[int, str]] = {}
        self.found = found

    def may_be_rounded(self) -> bool:
        """Tell whether a column of identifiers has numbers so long that a spreadsheet may have cut them."""
        return any(
            name in IDENTIFIERS and self._cells[f"c{at}"].str.contains(_LONG_NUMBER).any()
            for at, name in enumerate(self._named)
        )

    def frames(self) -> Iterator[pl.DataFrame]:
        """Give the rows in order, blank ones left out unless a cell of them could not be read."""
        problems = self._problems()
        percents = self._percents()
        self._texts = self._shown_texts()
        merged = self._merged()
        height = self._cells.height
        beyond = sorted({row for row in problems if row >= self._first + height})
        for at in range(0, height, _SLICE):
            yield self._frame(self._cells.slice(at, _SLICE), self._first + at, problems, percents, merged)
        if beyond:
            # Rows of formulas that were never calculated end a sheet before its last row.
            nothing = pl.DataFrame(
                {name: [None] * len(beyond) for name in self._cells.columns}, schema=self._cells.schema
            )
            yield self._shaped(nothing.with_columns(pl.Series(ROW, beyond, dtype=pl.Int64)), problems, {})

    def _frame(
        self, cells: pl.DataFrame, first: int, problems: dict[int, list[CellProblem]],
        percents: dict[int, list[int]], merged: dict[int, list[CellProblem]],
    ) -> pl.DataFrame:  # fmt: skip
        columns = []
        for name in cells.columns:
            column = cells[name]
            if column.str.contains("00:00:00", literal=True).any():
                column = column.str.replace(_MIDNIGHT, "$1")
            if column.str.contains(_NOISY).any():
                column = _without_noise(column)
            at = int(name[1:])
            if at in percents:
                column = _as_percent(column, [row - first for row in percents[at]])
            if at in self._texts:
                column = _shown(column, {row - first: text for row, text in self._texts[at].items()})
            columns.append(column)
        numbers = pl.int_range(first, first + cells.height, dtype=pl.Int64, eager=True).alias(ROW)
        return self._shaped(pl.DataFrame([*columns, numbers]), problems, merged)

    def _shaped(
        self, frame: pl.DataFrame, problems: dict[int, list[CellProblem]], merged: dict[int, list[CellProblem]]
    ) -> pl.DataFrame:
        """Cut to the header's width, keep what stands beyond apart, attach the problems, leave out blank rows."""
        names = [name for name in frame.columns if name != ROW]
        filled = pl.any_horizontal(pl.col(name).str.strip_chars(" \t\r\n\u00a0") != "" for name in names)
        frame = frame.with_columns(filled.fill_null(value=False).alias("filled"))
        told = [
            _told([*problems.get(row, ()), *(merged.get(row, ()) if is_filled else ())])
            for row, is_filled in frame.select(ROW, "filled").iter_rows()
        ] if problems or merged else [None] * frame.height  # fmt: skip
        surplus = names[self._width :]
        own = [pl.col(name) for name in names[: self._width]]
        own += [pl.lit(None, dtype=pl.String).alias(f"c{at}") for at in range(len(names), self._width)]
        extra = (
            pl.concat_str([pl.when(pl.col(n).str.strip_chars() != "").then(pl.col(n)) for n in surplus],
                          separator=" | ", ignore_nulls=True)
            if surplus
            else pl.lit(None, dtype=pl.String)
        )  # fmt: skip
        shaped = frame.with_columns(pl.Series(PROBLEMS, told, dtype=pl.String)).select(
            *own, pl.when(extra != "").then(extra).alias(EXTRA), ROW, PROBLEMS, "filled"
        )
        return shaped.filter(pl.col("filled") | pl.col(PROBLEMS).is_not_null()).drop("filled")

    def _index(self, column: int) -> int | None:
        """Give the place of a sheet's column among the header's, if the header knows what it is."""
        at = column - self.found.first_column
        if not 0 <= at < self._width:
            return None
        return at if self._named[at] else None

    def _problems(self) -> dict[int, list[CellProblem]]:
        told: dict[int, list[CellProblem]] = {}
        for (row, column), problem in self.found.odd.items():
            at = self._index(column)
            if at is not None and row >= self._first:
                told.setdefault(row, []).append(CellProblem(at, problem.code, problem.message, problem.rejected))
        for (row, column), text in self.found.rounded.items():
            at = self._index(column)
            if at is not None and row >= self._first and self._named[at] in IDENTIFIERS:
                told.setdefault(row, []).append(CellProblem(at, "NUMBER_ROUNDED", _ROUNDED, text))
        return told

    def _merged(self) -> dict[int, list[CellProblem]]:
        """Name the empty cells of merged areas among the rows: a person sees one value there, a program sees none."""
        told: dict[int, list[CellProblem]] = {}
        count = 0
        last = self._first + self._cells.height - 1
        for area in self.found.merges:
            first = f"{column_letters(area.first_column)}{area.first_row}"
            message = f"This cell is merged with {first}: unmerge the cells and fill each one."
            for row in range(max(area.first_row, self._first), min(area.last_row, last) + 1):
                for column in range(area.first_column, min(area.last_column, self.found.last_column) + 1):
                    at = self._index(column)
                    if at is None or (row, column) == (area.first_row, area.first_column):
                        continue
                    told.setdefault(row, []).append(CellProblem(at, "MERGED_CELLS", message))
                    count += 1
                    if count > _MOST_MERGED:
                        raise refuse("NO_VALUES", "The sheet has far too many merged cells: unmerge them.")
        return told

    def _percents(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for row, column in self.found.percents:
            if row >= self._first:
                found.setdefault(column - self.found.first_column, []).append(row)
        return found

    def _shown_texts(self) -> dict[int, dict[int, str]]:
        found: dict[int, dict[int, str]] = {}
        for (row, column), text in self.found.texts.items():
            if row >= self._first:
                found.setdefault(column - self.found.first_column, {})[row] = text
        return found


def _told(problems: list[CellProblem]) -> str | None:
    return msgspec.json.encode(problems).decode() if problems else None


def _without_noise(column: pl.Series) -> pl.Series:
    """Write numbers with the fifteen digits a spreadsheet shows: 20000000.100000001 is 20000000.1."""
    here = column.str.contains(_NOISY).fill_null(value=False).arg_true()
    texts = column.gather(here).to_list()
    written = {text: _fifteen_digits(text) for text in set(texts)}
    return column.scatter(here, pl.Series([written[text] for text in texts], dtype=pl.String))


def _fifteen_digits(text: str) -> str:
    whole = text.partition(".")[0].lstrip("-")
    return f"{round(Decimal(text), 15 - len(whole)).normalize():f}"


def _shown(column: pl.Series, texts: dict[int, str]) -> pl.Series:
    """Put the texts that are shown in the place of the values."""
    here = {at: text for at, text in texts.items() if 0 <= at < len(column)}
    if not here:
        return column
    return column.scatter(pl.Series(list(here), dtype=pl.UInt32), pl.Series(list(here.values()), dtype=pl.String))


def _as_percent(column: pl.Series, places: list[int]) -> pl.Series:
    """Write numbers that are shown as a percentage so: 0.18 is 18%."""
    here = [at for at in places if 0 <= at < len(column)]
    if not here:
        return column
    texts = column.gather(here).to_list()
    written = {text: _percent(text) for text in set(texts)}
    return column.scatter(here, pl.Series([written[text] for text in texts], dtype=pl.String))


def _percent(text: str | None) -> str | None:
    if text is None or re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text) is None:
        return text
    try:
        return f"{(Decimal(text) * 100).normalize():f}%"
    except InvalidOperation:
        return text
