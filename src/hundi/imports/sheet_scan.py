"""One pass over the XML of a sheet before a reader opens it: how far it reaches, and which cells have no plain value.

The reader gives texts alone. What stands between a person and the text is found here: formulas that were never
calculated, errors, values of other files, merged cells, numbers of more than fifteen digits, percentages. A sheet whose
cells carry no references (some programs leave them out) is bounded, but its cells are taken as the reader gives them.
"""

import re
from typing import Final

import msgspec

from hundi.imports.containers import Package
from hundi.imports.errors import CellProblem, refuse
from hundi.imports.sniff import LONGEST_RECORD, MOST_COLUMNS

MOST_CELLS: Final = 12_000_000
"""Cells of a sheet's used area, empty ones included: what 2 GiB of memory hold."""
NOT_CALCULATED: Final = (
    "The formula of this cell was never calculated: open the file in a spreadsheet program, save it, send it again."
)
EXTERNAL_LINK: Final = "This cell takes its value from another file: paste it as a value."
_MOST_ODD: Final = 100_000
_LONGEST_ROW: Final = 8 * LONGEST_RECORD
_MOST_MERGES: Final = 50_000
_FORMULA: Final = rb"<{p}f(?:\s[^>]*)?(?:/>|>(?P<formula>[^<]*)</{p}f>)"
_REF: Final = rb"""<{p}c\s(?P<head>[^>]*?)\br=["'](?P<col>[A-Z]{{1,3}})(?P<row>[0-9]{{1,7}})["'](?P<tail>[^>/]*)>"""
_VALUE: Final = rb"(?:<{p}v(?:\s[^>]*)?>[^<]|<{p}is>)"
_MERGE: Final = re.compile(rb"""<(?:\w+:)?mergeCell\s+ref=["']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})["']""")
_ERROR: Final = re.compile(rb"""\bt=["']e["']""")
_TYPED: Final = re.compile(rb"""\bt=["'](?!n["'])""")
_STYLE: Final = re.compile(rb"""\bs=["']([0-9]+)["']""")
_REPEATED_CELL: Final = re.compile(
    rb"<table:table-cell(?=[^>]*value-type=)[^>]*number-columns-repeated=[\"']([0-9]{3,20})[\"']"
)
_REPEATED_ROW: Final = re.compile(rb"<table:table-row\b[^>]*number-rows-repeated=[\"']([0-9]{2,20})[\"'][^>/]*>")
_ELSEWHERE: Final = re.compile(rb"\[[0-9]+\]")


_FAR: Final = re.compile(rb'<[^<>]* r="([A-Z]+[0-9]{8,}|[A-Z]{4,}[0-9]+)"')


class Merge(msgspec.Struct, frozen=True):
    """An area of merged cells; columns and rows count from 1, both ends belong to it."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int


class Scan(msgspec.Struct):
    """What was found. Columns and rows count from 1 as the sheet shows them; ``last_row`` 0: nothing is filled.

    ``odd``: by row and column, what is wrong with a cell whatever its column. ``rounded``: numeric cells that lost
    digits, which matters where digits are no amount. ``percents``: cells shown times a hundred. ``texts``: what is shown
    of cells whose value says something else.
    """

    first_column: int = 0
    last_column: int = 0
    last_row: int = 0
    odd: dict[tuple[int, int], CellProblem] = msgspec.field(default_factory=dict)
    rounded: dict[tuple[int, int], str] = msgspec.field(default_factory=dict)
    percents: list[tuple[int, int]] = msgspec.field(default_factory=list)
    merges: list[Merge] = msgspec.field(default_factory=list)
    texts: dict[tuple[int, int], str] = msgspec.field(default_factory=dict)


def cell_error(text: str) -> str:
    """Say what to do about a cell that shows an error."""
    return f"The cell shows the error {text}: correct it."


def column_number(letters: str) -> int:
    """Give the number of a column by its letters: A is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Give the letters of a column: 1 is A."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def refuse_repeats(package: Package) -> None:
    """Refuse an OpenDocument sheet whose cells are repeated far more often than a table needs; blank ones may be."""
    tail = b""
    cells = 0
    for block in package.blocks("content.xml"):
        data = tail + block
        end = data.rfind(b">") + 1
        cells += sum(int(found[1]) for found in _REPEATED_CELL.finditer(data, 0, end))
        for found in _REPEATED_ROW.finditer(data, 0, end):
            row = data[found.end() : data.find(b"</table:table-row>", found.end())]
            cells += int(found[1]) * row.count(b"value-type=")
        if cells > MOST_CELLS // 2:
            message = (
                f"The sheet repeats cells with values more than {MOST_CELLS // 2:,} times: this is no table of rows."
            )
            raise refuse("SHEET_TOO_LARGE", message, malformed=False)
        tail = data[end:]


def scan(package: Package, part: str, percent_styles: frozenset[str], sheet: str, *, rounded: bool = False) -> Scan:
    """Go through a sheet once; ``rounded`` is looked for only when asked, which takes longer.

    Raises ``FileRefused`` where it is too wide, too large or too odd to be read.
    """
    scanner = _Scanner(percent_styles, sheet, rounded=rounded)
    for block in package.blocks(part):
        scanner.take(block)
    return scanner.done()


class _Scanner:
    def __init__(self, percent_styles: frozenset[str], sheet: str, *, rounded: bool) -> None:
        self._find_rounded = rounded
        self._percent = {style.encode() for style in percent_styles}
        self._sheet = sheet
        self._carry = b""
        self._prefix: bytes | None = None
        self._behind = False
        self._rows = 0
        self._positional = False
        self.found = Scan()

    def take(self, block: bytes) -> None:
        """Take the next piece of the part."""
        data = self._carry + block
        if self._prefix is None and not self._begin(data):
            self._carry = data
            return
        if not self._behind:
            end = data.rfind(self._row_end)
            if end >= 0:
                self._look(data[: end + len(self._row_end)])
                data = data[end + len(self._row_end) :]
            self._behind = self._data_end in data or self._no_data in data
            if len(data) > _LONGEST_ROW and not self._behind:
                self._refuse_long(data)
        if self._behind:
            for found in _MERGE.finditer(data):
                self._merge(found)
            last = data.rfind(b"<")
            data = data[last if last >= 0 else len(data) :][-4096:]
        self._carry = data

    def _begin(self, data: bytes) -> bool:
        found = re.search(rb"<(?:(\w+):)?worksheet\b", data)
        if found is None:
            if len(data) > LONGEST_RECORD:
                raise refuse("WORKBOOK_DAMAGED", f"The sheet {self._sheet} is no worksheet.")
            return False
        prefix = self._prefix = (found[1] + b":") if found[1] else b""
        self._row_end, self._data_end = b"</" + prefix + b"row>", b"</" + prefix + b"sheetData>"
        self._no_data = b"<" + prefix + b"sheetData/>"
        self._row, self._formula_mark = b"<" + prefix + b"row", b"<" + prefix + b"f"

        def pattern(text: bytes) -> re.Pattern[bytes]:
            return re.compile(text.replace(b"{p}", prefix).replace(b"{{", b"{").replace(b"}}", b"}"))

        self._filled = pattern(_REF + rb"(?:" + _FORMULA.replace(b"?P<formula>", b"?:") + rb")?" + _VALUE)
        self._uncalculated = pattern(_REF + _FORMULA + rb"(?:<{p}v(?:\s[^>]*)?/>|<{p}v(?:\s[^>]*)?></{p}v>)?</{p}c>")
        self._calculated = pattern(_REF + _FORMULA)
        self._any = pattern(_REF)
        self._long = pattern(
            _REF + rb"<{p}v>(?P<value>[0-9]{{16,}}|[0-9](?:\.[0-9]+)?E\+?(?:1[5-9]|[2-9][0-9]))</{p}v>"
        )
        self._numeric = pattern(_REF + rb"(?:" + _FORMULA.replace(b"?P<formula>", b"?:") + rb")?<{p}v>")
        return True

    def _look(self, rows: bytes) -> None:
        """Look at whole rows."""
        count = rows.count(self._row)
        self._rows += count
        if b"<" + (self._prefix or b"") + b"c" not in rows:
            return
        last = max(
            rows.rfind(b"</" + (self._prefix or b"") + b"v>"), rows.rfind(b"</" + (self._prefix or b"") + b"is>")
        )
        at = rows.rfind(b"<" + (self._prefix or b"") + b"c", 0, max(last, 0))
        if last < 0 or at < 0:
            self._odd_in(rows)
            return
        reference = self._any.match(rows, at)
        if reference is None:
            self._refuse_far(rows[at : at + 200])
            self._positional = True
            self.found.last_row = self._rows
            widest = max(one.count(b"<" + (self._prefix or b"") + b"c") for one in rows.split(self._row_end))
            self.found.first_column, self.found.last_column = 1, max(self.found.last_column, widest)
        else:
            self.found.last_row = max(self.found.last_row, int(reference["row"]))
            self._widen(rows)
            self._odd_in(rows)
        self._check_size()

    def _refuse_far(self, cell: bytes) -> None:
        """Refuse a place that no sheet has: readers count on, and begin at the first row again."""
        found = _FAR.match(cell)
        if found is not None:
            place = found[1].decode()[:20]
            message = (
                f"A cell says that it stands at {place}, where no sheet reaches: save the workbook again in Excel."
            )
            raise refuse("WORKBOOK_DAMAGED", message, place=f"{self._sheet}!{place}")

    def _widen(self, rows: bytes) -> None:
        """Find whether a filled cell lies left or right of what is known; most blocks have none and are gone over once."""
        if self.found.first_column == 0:
            found = self._filled.search(rows)
            if found is None:
                return
            self.found.first_column = self.found.last_column = column_number(found["col"].decode())
        while (left := self._beyond(rows, self.found.first_column, left=True)) is not None:
            self.found.first_column = left
        while (right := self._beyond(rows, self.found.last_column, left=False)) is not None:
            self.found.last_column = right
            if right > MOST_COLUMNS:
                break

    def _beyond(self, rows: bytes, column: int, *, left: bool) -> int | None:
        letters = _before(column) if left else _after(column)
        if not letters:
            return None
        columns = b"|".join(letters)
        # A plain search over all references is quick; only where one of them is beyond it matters whether it is filled.
        if re.search(b" r=[\"'](?:" + columns + b")[0-9]", rows) is None:
            return None
        text = self._filled.pattern.replace(rb"[A-Z]{1,3}", columns)
        found = re.compile(text).search(rows)
        return column_number(found["col"].decode()) if found is not None else None

    def _check_size(self) -> None:
        found = self.found
        where = f"{column_letters(found.last_column)}{found.last_row}"
        if found.last_column > MOST_COLUMNS:
            message = (
                f"The sheet {self._sheet} has cells in column {column_letters(found.last_column)}; a file may have "
                f"{MOST_COLUMNS} columns: delete what stands far from the table."
            )
            raise refuse("TOO_MANY_COLUMNS", message, place=f"{self._sheet}!{where}", malformed=False)
        cells = found.last_row * (found.last_column - found.first_column + 1)
        if cells > MOST_CELLS:
            message = (
                f"The sheet {self._sheet} reaches as far as {where}: {cells:,} cells with the empty ones between; at most "
                f"{MOST_CELLS:,} are read. Delete what stands far from the table, or send CSV."
            )
            raise refuse("SHEET_TOO_LARGE", message, place=f"{self._sheet}!{where}", malformed=False)

    def _odd_in(self, rows: bytes) -> None:
        """Note the cells whose value cannot be taken as it stands; plain searches tell first whether there are any."""
        if self._formula_mark in rows:
            self._formulas_in(rows)
        if b't="e"' in rows or b"t='e'" in rows:
            self._errors_in(rows)
        if self._find_rounded:
            for found in self._long.finditer(rows):
                if not _TYPED.search(found["head"] + found["tail"]):
                    self.found.rounded[int(found["row"]), _column(found)] = found["value"].decode()
        if any(b's="' + style + b'"' in rows for style in self._percent):
            self._percents_in(rows)
        if len(self.found.odd) + len(self.found.rounded) > _MOST_ODD:
            message = (
                f"More than {_MOST_ODD:,} cells of the sheet {self._sheet} have no plain value (formulas that were never "
                "calculated, errors): open it in Excel, copy, paste as values, and send it again."
            )
            raise refuse("NO_VALUES", message, place=self._sheet, malformed=False)

    def _formulas_in(self, rows: bytes) -> None:
        for found in self._uncalculated.finditer(rows):
            self._note(found, "FORMULA_NOT_CALCULATED", NOT_CALCULATED, _formula_of(found))
        if b"[" not in rows:
            return
        for found in self._calculated.finditer(rows):
            if found["formula"] and _ELSEWHERE.search(found["formula"]):
                self._note(found, "EXTERNAL_LINK", EXTERNAL_LINK, _formula_of(found))

    def _errors_in(self, rows: bytes) -> None:
        for found in self._any.finditer(rows):
            if _ERROR.search(found["head"] + found["tail"]):
                shown = re.search(rb"<(?:\w+:)?v>([^<]{1,40})<", rows[found.end() : found.end() + 4096])
                text = shown[1].decode("utf-8", "replace") if shown else "#ERROR"
                self._note(found, "CELL_ERROR", cell_error(text), text)

    def _percents_in(self, rows: bytes) -> None:
        for found in self._numeric.finditer(rows):
            attributes = found["head"] + found["tail"]
            style = _STYLE.search(attributes)
            if style and style[1] in self._percent and not _TYPED.search(attributes):
                self.found.percents.append((int(found["row"]), _column(found)))

    def _note(self, found: re.Match[bytes], code: str, message: str, rejected: str | None) -> None:
        column = _column(found)
        self.found.odd.setdefault((int(found["row"]), column), CellProblem(column, code, message, rejected))

    def _merge(self, found: re.Match[bytes]) -> None:
        if len(self.found.merges) >= _MOST_MERGES:
            raise refuse("NO_VALUES", f"The sheet {self._sheet} has far too many merged cells: unmerge them.")
        first, row, last, end = (part.decode() for part in found.groups())
        self.found.merges.append(Merge(column_number(first), int(row), column_number(last), int(end)))

    def _refuse_long(self, data: bytes) -> None:
        row = re.search(rb"<(?:\w+:)?row\b[^>]*\br=[\"']([0-9]+)", data)
        number = int(row[1]) if row else self._rows + 1
        message = f"This row is longer than {_LONGEST_ROW // 1024 // 1024} MiB: a cell of it is far too long."
        raise refuse("RECORD_TOO_LONG", message, place=f"row {number}")

    def done(self) -> Scan:
        """Give what was found in the whole sheet."""
        if self._prefix is None:
            raise refuse("WORKBOOK_DAMAGED", f"The sheet {self._sheet} is empty or no worksheet.")
        return self.found


def _column(found: re.Match[bytes]) -> int:
    return column_number(found["col"].decode())


def _formula_of(found: re.Match[bytes]) -> str | None:
    formula = found["formula"]
    return f"={formula.decode('utf-8', 'replace')[:80]}" if formula else None


def _after(column: int) -> list[bytes]:
    """Give patterns for the letters of all columns right of one."""
    letters = column_letters(column)
    found = [b"[A-Z]{%d}" % length for length in range(len(letters) + 1, 4)]
    for at, letter in enumerate(letters):
        if letter < "Z":
            rest = len(letters) - at - 1
            found.append(letters[:at].encode() + b"[%c-Z]" % (ord(letter) + 1) + (b"[A-Z]{%d}" % rest if rest else b""))
    return found


def _before(column: int) -> list[bytes]:
    """Give patterns for the letters of all columns left of one."""
    letters = column_letters(column)
    found = [b"[A-Z]{%d}" % length for length in range(1, len(letters))]
    for at, letter in enumerate(letters):
        if letter > "A":
            rest = len(letters) - at - 1
            found.append(letters[:at].encode() + b"[A-%c]" % (ord(letter) - 1) + (b"[A-Z]{%d}" % rest if rest else b""))
    return found
