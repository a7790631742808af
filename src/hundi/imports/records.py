"""From text to records: a fast reader for clean blocks and a strict one for everything else. Runs in the child only.

Both give frames of text cells ``c0``, ``c1``…, ``extra`` (what stands beyond the header's last column) and ``row``, the
number a spreadsheet shows for the record: the header is row 1, and blank lines count.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hundi.imports.errors import CellProblem, refuse
from hundi.imports.sniff import BLOCK, LONGEST_RECORD
from hundi.kit.formulas import GUARDED

EXTRA: Final = "extra"
ROW: Final = "row"
PROBLEMS: Final = "problems"
_SLOW_BATCH: Final = 10_000


def problems_of(frame: pl.DataFrame) -> Iterator[tuple[int, list[CellProblem]]]:
    """Give ``(position in the chunk, problems)`` for each row in which the reader found something wrong.

    Such a row fails; the cell itself is empty or as far as it could be read.
    """
    if PROBLEMS in frame.columns:
        for at in frame[PROBLEMS].is_not_null().arg_true():
            yield at, msgspec.json.decode(frame[PROBLEMS][at], type=list[CellProblem])


class Table:
    """A CSV text behind its header: where it goes on, and how its cells are separated."""

    def __init__(self, path: Path, *, offset: int, line: int, row: int, delimiter: str, width: int) -> None:
        self.path = path
        self.offset = offset
        self.line = line
        self.row = row
        self.delimiter = delimiter
        self.schema = {f"c{at}": pl.String for at in range(width)} | {EXTRA: pl.String}
        mark = re.escape(delimiter.encode())
        # A whole cell in quotes, from one delimiter or line end to the next; quotes inside it are doubled. The quote comes
        # before the look behind it, because a pattern that begins with a fixed character is found ten times as fast.
        self._quoted = re.compile(rb'"(?<![^%b\n]")[^"]*+(?:""[^"]*+)*+"(?=%b|\r?\n|\Z)' % (mark, mark))

    def frames(self) -> Iterator[pl.DataFrame]:
        """Give the records in order, blank lines left out. Raises ``FileRefused`` on quotes that do not add up."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            carry = b""
            while block := file.read(BLOCK):
                data = carry + block
                end = last_record_end(data)
                frame = self._fast(data[:end]) if end else None
                if frame is None and (end or len(data) > LONGEST_RECORD):
                    yield from self._slow(file)
                    return
                carry = data[end:]
                if frame is not None:
                    self.offset += end
                    yield frame
            if carry:
                frame = self._fast(carry if carry.endswith(b"\n") else carry + b"\n")
                if frame is None:
                    yield from self._slow(file)
                else:
                    yield frame

    def _fast(self, block: bytes) -> pl.DataFrame | None:
        """Read whole lines with polars, or give None where the strict reader might see other records in them."""
        lines = block.count(b"\n")
        if not self._is_clean(block):
            return None
        try:
            frame = pl.read_csv(
                io.BytesIO(block), has_header=False, schema=self.schema, separator=self.delimiter, quote_char='"',
                missing_columns="insert", extra_columns="raise",
            )  # fmt: skip
        except pl.exceptions.PolarsError:
            return None
        if frame.height != lines:
            return None
        numbered = frame.with_columns(pl.int_range(self.row, self.row + lines, dtype=pl.Int64).alias(ROW))
        self.row += lines
        self.line += lines
        return without_blank(numbered)

    def _is_clean(self, block: bytes) -> bool:
        """Tell whether every quote belongs to a cell in quotes, every carriage return ends a line, and none is too long."""
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return False
        if not _has_short_lines(block):
            return False
        quotes = block.count(b'"')
        if not quotes:
            return True
        quoted = self._quoted.findall(block)
        # Counting is much of the reader's work: the quotes inside cells are looked at only where there are any.
        return quotes == 2 * len(quoted) or quotes == sum(cell.count(b'"') for cell in quoted)

    def _slow(self, file: io.BufferedReader) -> Iterator[pl.DataFrame]:
        """Read the rest by the book (RFC 4180, quotes anywhere in a cell taken as they are)."""
        file.seek(self.offset)
        reader = StrictReader(file, self.delimiter, self.line)
        batch: list[list[str]] = []
        numbers: list[int] = []
        for record in reader.records():
            if any(cell and not cell.isspace() for cell in record):
                batch.append(record)
                numbers.append(self.row)
            self.row += 1
            if len(batch) >= _SLOW_BATCH:
                yield self._frame(batch, numbers)
                batch, numbers = [], []
        if batch:
            yield self._frame(batch, numbers)

    def _frame(self, batch: list[list[str]], numbers: list[int]) -> pl.DataFrame:
        width = len(self.schema) - 1
        filled = [
            [*record[:width], *[None] * (width - len(record)), " | ".join(c for c in record[width:] if c) or None]
            for record in batch
        ]
        frame = pl.DataFrame(filled, schema=self.schema, orient="row")
        return frame.with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))


class StrictReader:
    """Reads records with the standard library, with bounds on lines and records, and knows the line it is at."""

    def __init__(self, file: io.BufferedReader, delimiter: str, line: int) -> None:
        self._file = file
        self._delimiter = delimiter
        self._line = line
        self._began = line
        self._taken = 0

    def _lines(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_RECORD + 1):
            self._taken += len(line)
            if self._taken > LONGEST_RECORD:
                message = (
                    f'The record that begins here is longer than {LONGEST_RECORD // 1024} KiB: a quote (") that opens a '
                    "cell is never closed, or a cell is far too long."
                )
                raise refuse("RECORD_TOO_LONG", message, place=f"row {self._began}")
            self._line += 1
            yield line.decode("utf-8")

    def records(self) -> Iterator[list[str]]:
        """Give record after record; blank lines are empty records. Raises ``FileRefused``."""
        csv.field_size_limit(LONGEST_RECORD)
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        while True:
            self._began = self._line
            self._taken = 0
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "new-line character" in str(error):
                    message = (
                        "A carriage return stands inside this line: save the file with one kind of line ending, or put "
                        "quotes around the text."
                    )
                    raise refuse("LINE_ENDINGS", message, place=f"row {self._began}") from error
                message = (
                    f"The quotes of the record that begins here do not add up ({error}): a cell in quotes must end "
                    "with one, and quotes inside it are doubled."
                )
                raise refuse("UNBALANCED_QUOTES", message, place=f"row {self._began}") from error
            yield record


def _has_short_lines(block: bytes) -> bool:
    """Tell whether no line is longer than a record may be.

    A longer line would cover one of the windows, which are half as long, from end to end.
    """
    window = LONGEST_RECORD // 2
    for at in range(0, len(block) - window + 1, window):
        if block.find(b"\n", at, at + window) < 0:
            return max(map(len, block.split(b"\n"))) <= LONGEST_RECORD
    return True


def last_record_end(data: bytes) -> int:
    """Give the place behind the last line break that stands outside quotes; 0 where there is none."""
    end = data.rfind(b"\n")
    quotes = data.count(b'"', 0, max(end, 0))
    while end >= 0 and quotes % 2:
        before = data.rfind(b"\n", 0, end)
        quotes -= data.count(b'"', max(before, 0), end)
        end = before
    return end + 1


def without_blank(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out records whose every cell is empty or blank: spreadsheets write such lines after the last row."""
    blank = pl.ones(frame.height, dtype=pl.Int8, eager=True) == 1
    for name in frame.columns:
        if name != ROW:
            blank &= _is_blank(frame[name])
        if not blank.any():
            return frame
    return frame.filter(~blank)


def _is_blank(cells: pl.Series) -> pl.Series:
    return (cells.is_null() | (cells.str.strip_chars() == "")).fill_null(value=True)


def lengths(frame: pl.DataFrame) -> pl.Series:
    """Give the bytes of text in each row."""
    texts = [pl.col(name).str.len_bytes() for name in frame.columns if frame[name].dtype == pl.String]
    return frame.select(pl.sum_horizontal(texts).cast(pl.Int64)).to_series()


def hashed(cells: pl.Series) -> pl.Series:
    """Give a number for each filled cell, the same for cells that differ in case, blanks and a formula's guard only."""
    if cells.str.starts_with("'").any():
        cells = cells.str.replace(GUARDED, "$1")
    trimmed = cells.str.strip_chars().str.to_uppercase()
    return pl.select(pl.when(trimmed != "").then(trimmed.hash(seed=17))).to_series()
