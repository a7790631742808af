"""The limited child that reads an uploaded file: `python -m hundi.imports.parse_child SOURCE FOLDER ROWS LIMIT PARENT`.

Whatever a hostile file does to a reader, it does to this process, which has bounds on memory, processor time and disk,
no database and no keys. It leaves `FOLDER/chunk-N.arrow` (at most ROWS rows each, cells as text) and
`FOLDER/manifest.json`, written last: without it the reading did not succeed. PARENT is the process that started it.
"""

import csv
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hundi.imports.columns import BY_NAME, Header, Kind, match
from hundi.imports.errors import FileRefusal, FileRefused, refuse
from hundi.imports.records import ROW, Table
from hundi.imports.sniff import LONGEST_RECORD, MOST_COLUMNS, delimiter_of, sniff
from hundi.kit.dates import DATE_PATTERNS, DateStyle
from hundi.kit.errors import FieldProblem

MANIFEST: Final = "manifest.json"
REPEATED: Final = "repeated.arrow"
EXIT_TRY_AGAIN: Final = 75  # EX_TEMPFAIL: the machine is at fault, not the file
_MEMORY: Final = 2 * 1024**3
_PR_SET_PDEATHSIG: Final = 1


class Chunk(msgspec.Struct, frozen=True):
    """One piece of the file: its name in the folder, how many rows, and the first and last row number."""

    file: str
    rows: int
    first_row: int
    last_row: int


class Manifest(msgspec.Struct, frozen=True):
    """What the child found out; with ``refusal`` nothing else counts."""

    refusal: FileRefusal | None = None
    headings: list[str] = msgspec.field(default_factory=list)
    columns: list[str | None] = msgspec.field(default_factory=list)
    unknown: list[str] = msgspec.field(default_factory=list)
    encoding: str = ""
    delimiter: str = ","
    total: int = 0
    chunks: list[Chunk] = msgspec.field(default_factory=list)
    date_styles: dict[str, DateStyle] = msgspec.field(default_factory=dict)


def main(words: list[str]) -> int:
    """Read one file; give the exit code: 0 also for a refusal, which stands in the manifest."""
    source, folder, rows, limit = Path(words[0]), Path(words[1]), int(words[2]), int(words[3])
    restrain(source.stat().st_size, parent=int(words[4]))
    try:
        manifest = read(source, folder, rows, limit)
    except FileRefused as refused:
        manifest = Manifest(refusal=refused.refusal)
    except MemoryError:
        message = "Reading the file takes more memory than an import may use: split it into smaller files."
        manifest = Manifest(refusal=refuse("FILE_TOO_COMPLEX", message).refusal)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_TRY_AGAIN
    draft = folder / "manifest.draft"
    draft.write_bytes(msgspec.json.encode(manifest))
    draft.rename(folder / MANIFEST)
    return 0


def restrain(size: int, *, parent: int) -> None:
    """Bound this process: 2 GiB of memory, processor time and disk by the file's size, and no life after the parent's."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the signal was asked for
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    seconds = 60 + size // (1024 * 1024)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    disk = 256 * 1024 * 1024 + 8 * size
    resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read(source: Path, folder: Path, rows: int, limit: int) -> Manifest:
    """Read a whole file into chunks. Raises ``FileRefused``."""
    sniffed = sniff(source, folder)
    headings, table = open_table(sniffed.path, sniffed.start)
    header = match(headings)
    refuse_header(header, headings)
    writer = _Writer(folder, rows, limit, header)
    for frame in table.frames():
        writer.add(frame)
    writer.close()
    if not writer.total:
        raise refuse("NO_ROWS", "The file has a header line but no rows.", malformed=False)
    return Manifest(
        headings=headings,
        columns=list(header.columns),
        unknown=list(header.unknown),
        encoding=sniffed.encoding,
        delimiter=table.delimiter,
        total=writer.total,
        chunks=writer.chunks,
        date_styles=writer.date_styles(),
    )


def open_table(path: Path, start: int) -> tuple[list[str], Table]:
    """Read the header line and give its cells and the table behind it. Raises ``FileRefused``."""
    line = row = 1
    with path.open("rb") as file:
        file.seek(start)
        while record := _header_record(file, line):
            lines = record.count(b"\n") or 1
            text = record.decode("utf-8").rstrip("\r\n")
            if line == 1 and text[:4].lower() == "sep=":
                line += 1  # a line for Excel alone, which does not count it
            elif not text.strip(" \t,;|"):
                line, row = line + lines, row + 1
            else:
                delimiter = delimiter_of(text)
                headings = next(csv.reader([text], delimiter=delimiter))
                while headings and not headings[-1].strip():
                    headings.pop()
                table = Table(
                    path, offset=file.tell(), line=line + lines, row=row + 1, delimiter=delimiter, width=len(headings)
                )
                return headings, table
    raise refuse("EMPTY_FILE", "The file is empty: send a header line and at least one row.")


def _header_record(file: object, line: int) -> bytes:
    record = b""
    while part := file.readline(LONGEST_RECORD + 1):  # type: ignore[attr-defined]  # a binary file
        record += part
        if len(record) > LONGEST_RECORD:
            message = "The first line is far too long for a header: this is not a CSV file, or a quote is never closed."
            raise refuse("NOT_CSV", message, place=f"row {line}")
        if record.count(b'"') % 2 == 0:
            break
    return record


def refuse_header(header: Header, headings: list[str]) -> None:
    """Refuse a header with missing or repeated columns, all of them at once, or far too many."""
    if len(headings) > MOST_COLUMNS:
        message = f"The header has {len(headings)} columns; a file may have {MOST_COLUMNS}."
        raise refuse("TOO_MANY_COLUMNS", message, place="row 1", malformed=False)
    problems = [
        FieldProblem(name, "COLUMN_MISSING", f"The file needs a column {name}; the template shows all of them.")
        for name in header.missing
    ] + [
        FieldProblem(heading, "COLUMN_TWICE", "Two columns of the file mean the same: keep one of them.")
        for heading in header.twice
    ]
    if problems:
        raise FileRefused(FileRefusal("The header line is not acceptable; each column is listed.", problems))


class _Writer:
    """Cuts frames into chunk files and collects what only the whole file shows."""

    def __init__(self, folder: Path, rows: int, limit: int, header: Header) -> None:
        self._folder = folder
        self._rows = rows
        self._limit = limit
        self._pending: list[pl.DataFrame] = []
        self._waiting = 0
        self._keys: dict[str, list[pl.Series]] = {"invoiceNumber": [], "externalId": []}
        self._row_numbers: list[pl.Series] = []
        self._at = {name: f"c{at}" for at, name in enumerate(header.columns) if name is not None}
        self._styles: dict[str, dict[DateStyle, int]] = {
            name: {} for name in self._at if BY_NAME[name].kind is Kind.DATE
        }
        self.total = 0
        self.chunks: list[Chunk] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take the next records."""
        self.total += frame.height
        if self.total > self._limit:
            message = f"The file has more than {self._limit:,} rows: split it."
            raise refuse("TOO_MANY_ROWS", message, malformed=False)
        self._note(frame)
        self._pending.append(frame)
        self._waiting += frame.height
        while self._waiting >= self._rows:
            whole = pl.concat(self._pending)
            self._write(whole.head(self._rows))
            rest = whole.slice(self._rows)
            self._pending, self._waiting = [rest], rest.height

    def _note(self, frame: pl.DataFrame) -> None:
        self._row_numbers.append(frame[ROW])
        for name, keys in self._keys.items():
            if name in self._at:
                keys.append(_hashed(frame[self._at[name]]))
        for name, counts in self._styles.items():
            _count_styles(frame[self._at[name]], counts)

    def _write(self, frame: pl.DataFrame) -> None:
        name = f"chunk-{len(self.chunks)}.arrow"
        frame.write_ipc(self._folder / name)
        self.chunks.append(Chunk(name, frame.height, frame[ROW][0], frame[ROW][-1]))

    def close(self) -> None:
        """Write the last chunk and the rows whose number or external id stands in the file more than once."""
        if self._waiting:
            self._write(pl.concat(self._pending))
        self._pending = []
        if not self._row_numbers:
            return
        rows = pl.concat(self._row_numbers)
        repeated = pl.zeros(len(rows), dtype=pl.Int8, eager=True) > 0
        for keys in self._keys.values():
            if keys:
                column = pl.concat(keys)
                repeated |= column.is_duplicated() & column.is_not_null()
        rows.filter(repeated).to_frame().write_ipc(self._folder / REPEATED)

    def date_styles(self) -> dict[str, DateStyle]:
        """Give the style most cells of each date column have; on a tie the one that came first."""
        return {name: max(counts, key=lambda style: counts[style]) for name, counts in self._styles.items() if counts}


def _hashed(cells: pl.Series) -> pl.Series:
    """Give a number for each filled cell, the same for cells that differ in case and blanks only."""
    trimmed = cells.str.strip_chars().str.to_uppercase()
    return pl.select(pl.when(trimmed != "").then(trimmed.hash(seed=17))).to_series()


def _count_styles(cells: pl.Series, counts: dict[DateStyle, int]) -> None:
    """Count the cells of each date style; styles stand in the order in which the file shows them first."""
    left = cells.str.strip_chars().alias("cell").to_frame().with_row_index("at").drop_nulls()
    met: dict[DateStyle, tuple[int, int]] = {}
    for style, pattern in DATE_PATTERNS.items():
        if not left.height:
            break
        matches = left["cell"].str.contains(pattern)
        if matches.any():
            met[style] = (left["at"].filter(matches)[0], int(matches.sum()))
            left = left.filter(~matches)
    for style in sorted(met, key=lambda one: met[one][0]):
        counts[style] = counts.get(style, 0) + met[style][1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
