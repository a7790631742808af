"""Going through the cells of an OpenDocument sheet for what its values alone do not say (OpenDocument 1.2, part 1).

A person sees 18% where 0.18 is stored, a time, a text with line breaks, one value in merged cells; the reader of sheets
gives the stored number, nothing, the text without its breaks, and empty cells. Runs in the limited child only.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final
from xml.parsers import expat

from hundi.imports.containers import UNREADABLE, Package, damaged
from hundi.imports.errors import CellProblem, refuse
from hundi.imports.sheet_scan import EXTERNAL_LINK, NOT_CALCULATED, Merge, Scan, cell_error
from hundi.imports.sniff import LONGEST_RECORD

_PART: Final = "content.xml"
# Without one of these in it a sheet is read rightly as it is.
_WORTH_IT: Final = re.compile(
    rb'value-type="(?:percentage|time|error)"|-spanned="|<text:(?:tab|line-break)|string-value="|table:formula="'
    rb'|office:value="-?[0-9]{16}|office:value="[^"]*[eE]|<text:p[^>]*>0[0-9]'
)
_OVERLAP: Final = 256
_MOST: Final = 2_000_000
_MOST_ODD: Final = 100_000
_MOST_MERGES: Final = 50_000
_CELLS: Final = frozenset({"table:table-cell", "table:covered-table-cell"})
_VALUES: Final = (
    "office:value", "office:date-value", "office:time-value", "office:boolean-value", "office:string-value",
)  # fmt: skip
_ERRORS: Final = re.compile(r"#(?:DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!)|Err:[0-9]{3}")
_ELSEWHERE: Final = re.compile(r"'?(?:file|https?|ftp)://", re.IGNORECASE)
_TIME: Final = re.compile(r"(-?)PT([0-9]{1,6})H([0-9]{1,2})M([0-9]{1,2})(?:[.,][0-9]+)?S")
_LEADING_ZEROS: Final = re.compile(r"0[0-9]{1,30}")
_LONG: Final = re.compile(r"-?[0-9]{16,}(?:\.0*)?")
_DIGITS_KEPT: Final = 15


def worth_scanning(package: Package) -> bool:
    """Tell whether any sheet has a cell of which a person sees something else than its value."""
    tail = b""
    for block in package.blocks(_PART):
        if _WORTH_IT.search(tail + block):
            return True
        tail = block[-_OVERLAP:]
    return False


def scan_ods(package: Package, sheet: str) -> Scan:
    """Go through a sheet once; ``texts`` of what is given has what a person sees where the value says otherwise.

    Raises ``FileRefused`` where it is too odd to be read.
    """
    reader = _Reader(sheet)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        for block in package.blocks(_PART):
            parser.Parse(block, False)
            if reader.is_done:
                break
        else:
            parser.Parse(b"", True)
    except UNREADABLE as error:
        raise damaged(error) from error
    return reader.found


class _Reader:
    def __init__(self, sheet: str) -> None:
        self.found = Scan()
        self.is_done = False
        self._sheet = sheet
        self._tables = 0
        self._is_ours = False
        self._row = self._column = 0
        self._rows = 1
        self._cell: dict[str, str] | None = None
        self._texts: list[str] = []
        self._breaks = False
        self._aside = 0
        self._paragraphs = 0
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        if name == "table:table":
            self._tables += 1
            if self._tables == 1:
                self._is_ours = attributes.get("table:name") == self._sheet
        elif not self._is_ours or self._tables > 1:
            return
        elif name == "table:table-row" and self._cell is None:
            self._row += 1
            self._column = 1
            self._rows = _count(attributes.get("table:number-rows-repeated"))
        elif name in _CELLS and self._cell is None:
            self._cell, self._texts, self._breaks, self._paragraphs = attributes, [], False, 0
        elif self._cell is not None:
            self._inside(name, attributes)

    def _inside(self, name: str, attributes: dict[str, str]) -> None:
        if name == "office:annotation" or self._aside:
            self._aside += 1
        elif name == "text:p":
            self._paragraphs += 1
            if self._paragraphs > 1:
                self._texts.append("\n")
        elif name == "text:s":
            self._texts.append(" " * min(_count(attributes.get("text:c")), LONGEST_RECORD))
        elif name in {"text:tab", "text:line-break"}:
            self._breaks = True
            self._texts.append("\t" if name == "text:tab" else "\n")

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._cell is not None and not self._aside and self._paragraphs:
            self._texts.append(text)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "table:table":
            self._tables -= 1
            if self._tables == 0 and self._is_ours:
                self._is_ours, self.is_done = False, True
        elif not self._is_ours or self._tables > 1:
            return
        elif self._aside:
            self._aside -= 1
        elif name in _CELLS and self._cell is not None:
            self._take(self._cell, "".join(self._texts))
            self._column += _count(self._cell.get("table:number-columns-repeated"))
            self._cell = None
        elif name == "table:table-row" and self._cell is None:
            self._row += self._rows - 1

    def _take(self, cell: dict[str, str], shown: str) -> None:
        """Look at a whole cell."""
        kind = cell.get("office:value-type") or cell.get("calcext:value-type") or ""
        formula = cell.get("table:formula")
        is_filled = kind == "string" or any(name in cell for name in _VALUES)
        if is_filled:
            last = self._column + _count(cell.get("table:number-columns-repeated")) - 1
            found = self.found
            found.first_column = min(found.first_column or self._column, self._column)
            found.last_column = max(found.last_column, last)
            found.last_row = self._row + self._rows - 1
        self._merge(cell)
        if formula is not None:
            self._look_at_formula(cell, formula, shown, is_filled=is_filled)
        if is_filled:
            self._look_at_value(cell, kind, shown)

    def _look_at_formula(self, cell: dict[str, str], formula: str, shown: str, *, is_filled: bool) -> None:
        if _ERRORS.fullmatch(shown.strip()) or cell.get("calcext:value-type") == "error":
            text = shown.strip() or "#ERROR"
            self._note(lambda column: CellProblem(column, "CELL_ERROR", cell_error(text), text))
        elif _ELSEWHERE.search(formula):
            self._note(lambda column: CellProblem(column, "EXTERNAL_LINK", EXTERNAL_LINK, formula[:80]))
        elif not is_filled:
            self._note(lambda column: CellProblem(column, "FORMULA_NOT_CALCULATED", NOT_CALCULATED, formula[:80]))

    def _look_at_value(self, cell: dict[str, str], kind: str, shown: str) -> None:
        value = cell.get("office:value", "")
        if kind == "percentage":
            for place in self._places():
                self.found.percents.append(place)
        elif kind == "time":
            self._show(_time(cell.get("office:time-value", ""), shown))
        elif kind == "string" and (self._breaks or cell.get("office:string-value", shown) != shown):
            self._show(shown or cell.get("office:string-value", ""))
        elif kind == "float" and _LEADING_ZEROS.fullmatch(shown.strip()) and _same(shown.strip(), value):
            self._show(shown.strip())
        elif kind == "float" and _is_long(value):
            for place in self._places():
                self.found.rounded[place] = value

    def _show(self, text: str) -> None:
        for place in self._places():
            self.found.texts[place] = text

    def _note(self, make: Callable[[int], CellProblem]) -> None:
        for row, column in self._places():
            self.found.odd[row, column] = make(column)
        if len(self.found.odd) > _MOST_ODD:
            message = (
                f"More than {_MOST_ODD:,} cells of the sheet {self._sheet} have no plain value (formulas that were never "
                "calculated, errors): copy, paste as values, and send it again."
            )
            raise refuse("NO_VALUES", message, place=self._sheet, malformed=False)

    def _places(self) -> Iterator[tuple[int, int]]:
        """Give row and column of each cell that this one stands for."""
        columns = _count((self._cell or {}).get("table:number-columns-repeated"))
        self._count += columns * self._rows
        if self._count > _MOST:
            message = (
                f"The sheet {self._sheet} has more than {_MOST:,} cells that are shown unlike their values: send CSV."
            )
            raise refuse("SHEET_TOO_LARGE", message, place=self._sheet, malformed=False)
        for row in range(self._row, self._row + self._rows):
            for column in range(self._column, self._column + columns):
                yield row, column

    def _merge(self, cell: dict[str, str]) -> None:
        wide = _count(cell.get("table:number-columns-spanned"))
        high = _count(cell.get("table:number-rows-spanned"))
        if wide == high == 1:
            return
        if len(self.found.merges) >= _MOST_MERGES:
            raise refuse("NO_VALUES", f"The sheet {self._sheet} has far too many merged cells: unmerge them.")
        self.found.merges.append(Merge(self._column, self._row, self._column + wide - 1, self._row + high - 1))


def _count(text: str | None) -> int:
    """Read how often something is repeated: once where it is not said, or said badly."""
    return max(int(text), 1) if text is not None and text.isdecimal() and len(text) < _DIGITS_KEPT else 1


def _time(value: str, shown: str) -> str:
    """Write a time as it is shown; a duration without a text as hours, minutes and seconds."""
    found = _TIME.fullmatch(value)
    if shown.strip() or found is None:
        return shown.strip() or value
    sign, hours, minutes, seconds = found.groups()
    return f"{sign}{int(hours):02d}:{int(minutes):02d}:{int(seconds):02d}"


def _same(shown: str, value: str) -> bool:
    return value.partition(".")[0].lstrip("0") == shown.lstrip("0") and not value.partition(".")[2].strip("0")


def _is_long(value: str) -> bool:
    """Tell whether a number has more digits before the point than a spreadsheet keeps."""
    mantissa, _, exponent = value.lower().partition("e")
    if exponent.lstrip("+-").isdecimal():
        return not exponent.startswith("-") and int(exponent[:9]) >= _DIGITS_KEPT
    return _LONG.fullmatch(mantissa) is not None
