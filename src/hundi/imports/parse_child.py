"""The limited child that reads an uploaded file.

`python -m hundi.imports.parse_child SOURCE FOLDER ROWS LIMIT PARENT KIND`; KIND is a ``FileKind``.

Whatever a hostile file does to a reader, it does to this process, which has bounds on memory, processor time and disk,
no database and no keys. It leaves `FOLDER/chunk-N.arrow` (at most ROWS rows each, cells as text) and
`FOLDER/manifest.json`, written last: without it the reading did not succeed. `FOLDER/rows-read` says how far it is. PARENT
is the process that started it. Where it can be, it is a fork of :mod:`hundi.imports.parse_server`.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hundi.imports.archive import HEADINGS, read_archive
from hundi.imports.columns import IDENTIFIERS, KEYS_OF, FileKind, Format, Header, Kind, columns_by_name, known, match
from hundi.imports.errors import CellProblem, FileRefusal, FileRefused, refuse
from hundi.imports.first_rows import first_rows
from hundi.imports.header_words import header_problems
from hundi.imports.not_rows import NotRows
from hundi.imports.parse_bounds import restrain
from hundi.imports.records import PROBLEMS, ROW, Table, hashed, lengths, problems_of
from hundi.imports.repeats import Keys
from hundi.imports.sheets import HEADER_WITHIN, Book, SheetTable
from hundi.imports.sniff import LONGEST_RECORD, MOST_COLUMNS, delimiter_of, format_of, sniff
from hundi.imports.tally_vouchers import (
    CUSTOMER_HEADINGS,
    INVOICE_HEADINGS,
    ITEM_HEADINGS,
    Skipped,
    parties,
    vouchers,
)
from hundi.kit.dates import DATE_PATTERNS, DateStyle
from hundi.kit.errors import FieldProblem

MANIFEST: Final = "manifest.json"
REPEATED: Final = "repeated.arrow"
ROWS_READ: Final = "rows-read"
EXIT_TRY_AGAIN: Final = 75  # EX_TEMPFAIL: the machine is at fault, not the file
_SCIENTIFIC: Final = r"^[0-9](?:\.[0-9]+)?E\+[0-9]{1,3}$"
_MOST_TEXT: Final = 32 * 1024 * 1024  # in one chunk: the worker holds three of them, and the lines of their results
_KEYS_ALIKE: Final = (("invoiceNumber",), ("externalId",), ("customerId",), ("uniqueRefNo",), ("gstin", "panOrGstin"))


class Chunk(msgspec.Struct, frozen=True):
    """One piece of the file: its name in the folder, how many rows, and the first and last row number."""

    file: str
    rows: int
    first_row: int
    last_row: int


class Items(msgspec.Struct, frozen=True):
    """The second table of a file (domain §10 Items), a sheet of its own: cut into chunks like the first.

    Its rows are numbered as that sheet shows them. ``columns`` are names of ``ITEM_COLUMNS``; the chunk files have the
    columns that the first table's have. An invoice's items may stand anywhere in it.
    """

    sheet: str
    headings: list[str]
    columns: list[str | None]
    unknown: list[str]
    total: int
    chunks: list[Chunk]


class Manifest(msgspec.Struct, frozen=True):
    """What the child found out; with ``refusal`` nothing else counts.

    ``format``: what was uploaded, and so what the result files are. ``headings`` are the caller's own, ``columns`` for
    each of them the name it stands for or None. ``items`` is the second table where there is one; where the items are
    rows that repeat their invoice instead, ``item_columns`` has for each heading the item column it names (else it is
    empty), and rows of the same invoiceNumber are one invoice. ``sheet``: the name of the sheet that was read. ``receivables``: it is
    Tally's Bills Receivable: what is open is an opening balance. ``by_name``: it is an export that names its customers by their
    names. ``remarks``: (code, sentence) to be said of the file.
    A chunk file has the columns ``c0``, ``c1``, … (texts), ``extra``, ``row`` and, where the reader found something
    wrong with single cells, ``problems``: see ``records.problems_of``.
    """

    refusal: FileRefusal | None = None
    format: Format = Format.CSV
    kind: FileKind = FileKind.INVOICES
    headings: list[str] = msgspec.field(default_factory=list)
    columns: list[str | None] = msgspec.field(default_factory=list)
    unknown: list[str] = msgspec.field(default_factory=list)
    encoding: str = ""
    delimiter: str = ","
    total: int = 0
    chunks: list[Chunk] = msgspec.field(default_factory=list)
    date_styles: dict[str, DateStyle] = msgspec.field(default_factory=dict)
    sheet: str = ""
    items: Items | None = None
    item_columns: list[str | None] = msgspec.field(default_factory=list)
    receivables: bool = False
    by_name: bool = False
    remarks: list[tuple[str, str]] = msgspec.field(default_factory=list)

    @property
    def names_suffice(self) -> bool:
        """Tell whether a customer's name alone names it: Tally writes nothing else. An ambiguous name is an error."""
        return self.by_name or self.format is Format.TALLY


class Upload(msgspec.Struct, frozen=True):
    """One file to be read into ``folder``, in chunks of ``rows`` rows; ``limit`` is how many rows it may have."""

    source: str
    folder: str
    rows: int
    limit: int
    kind: FileKind


def main(words: list[str]) -> int:
    """Read one file; give the exit code: 0 also for a refusal, which stands in the manifest."""
    upload = Upload(words[0], words[1], int(words[2]), int(words[3]), FileKind(words[5]))
    return carry_out(upload, parent=int(words[4]))


def carry_out(upload: Upload, *, parent: int) -> int:
    """Be the limited child of ``parent`` from here on, and read one file; give the exit code."""
    source, folder = Path(upload.source), Path(upload.folder)
    restrain(source.stat().st_size, parent=parent)
    try:
        manifest = read(source, folder, upload.rows, upload.limit, upload.kind)
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


def read(source: Path, folder: Path, rows: int, limit: int, kind: FileKind = FileKind.INVOICES) -> Manifest:
    """Read a whole file into chunks. Raises ``FileRefused``."""
    cut = _Cut(folder, rows, limit, kind)
    if kind is FileKind.ATTACHMENTS:
        return _read_archive(source, cut)
    file_format = format_of(source)
    if file_format is Format.CSV:
        return _read_csv(source, cut)
    if file_format is Format.TALLY:
        return _read_tally(source, cut)
    if ahead := first_rows(source, file_format, kind, folder):
        _tell(folder, ahead)
    return _read_book(Book(source, file_format, kind), file_format, cut)


def _tell(folder: Path, rows: int) -> None:
    """Say how many rows have been read."""
    (folder / ROWS_READ).write_text(str(rows), encoding="ascii")


class _Cut(msgspec.Struct, frozen=True):
    """How a file is to be cut into chunks, and where they go."""

    folder: Path
    rows: int
    limit: int
    kind: FileKind


def _read_csv(source: Path, cut: _Cut) -> Manifest:
    sniffed = sniff(source, cut.folder)
    headings, table = open_table(sniffed.path, sniffed.start, cut.kind)
    header = match(headings, cut.kind)
    writer = _written(cut, headings, header, table.frames())
    return _manifest(Format.CSV, cut, headings, header, writer, encoding=sniffed.encoding, delimiter=table.delimiter)


def _read_book(book: Book, file_format: Format, cut: _Cut) -> Manifest:
    main = book.main()
    writer = _written(cut, main.headings, main.header, main.frames)
    items, remarks = _second(book.items(), cut)
    found = _manifest(
        file_format, cut, main.headings, main.header, writer, encoding="UTF-8", sheet=main.sheet, items=items
    )
    return msgspec.structs.replace(found, remarks=[*found.remarks, *remarks])


def _read_archive(source: Path, cut: _Cut) -> Manifest:
    header = match(HEADINGS, cut.kind)
    writer = _written(cut, list(HEADINGS), header, read_archive(source, cut.folder, cut.limit))
    return _manifest(Format.ZIP, cut, list(HEADINGS), header, writer, encoding="")


def _read_tally(source: Path, cut: _Cut) -> Manifest:
    """Read the sales of Tally's export, or the customers among its ledgers."""
    headings = list(CUSTOMER_HEADINGS if cut.kind is not FileKind.INVOICES else INVOICE_HEADINGS)
    header = match(headings, cut.kind)
    writer = _Writer(cut, header, cut.kind)
    lines = _Writer(cut, match(ITEM_HEADINGS, FileKind.ITEMS), FileKind.ITEMS, name="items")
    skipped = Skipped()
    if cut.kind is FileKind.INVOICES:
        for batch in vouchers(source, skipped):
            writer.add(batch.rows)
            lines.add(batch.items)
    else:
        writer.add(parties(source))
    writer.close()
    lines.close()
    if not writer.total:
        raise refuse("NO_ROWS", f"The export has nothing to import. {skipped.passed_over()}".strip(), malformed=False)
    items = None
    if lines.total:
        columns: list[str | None] = list(ITEM_HEADINGS)
        items = Items("Items", list(ITEM_HEADINGS), columns, [], lines.total, lines.chunks)
    found = _manifest(
        Format.TALLY, cut, headings, header, writer, encoding="", sheet=cut.kind.value.capitalize(), items=items
    )
    return msgspec.structs.replace(found, remarks=skipped.remarks())


def _second(table: SheetTable | None, cut: _Cut) -> tuple[Items | None, list[tuple[str, str]]]:
    """Read the second table, and what is to be said of it; one without rows is as good as none."""
    if table is None:
        return None, []
    try:
        refuse_header(table.header, table.headings, FileKind.ITEMS)
    except FileRefused as refused:
        problems = [
            FieldProblem(f"{table.sheet}: {one.field}", one.code, one.message, one.rejected)
            for one in refused.refusal.problems
        ]
        raise FileRefused(FileRefusal(f"The sheet {table.sheet}: {refused.refusal.message}", problems)) from refused
    writer = _Writer(cut, table.header, FileKind.ITEMS, name="items")
    for frame in table.frames:
        writer.add(frame)
    writer.close()
    remarks = writer.not_rows.remarks(table.sheet)
    if not writer.total:
        return None, remarks
    items = Items(
        sheet=table.sheet, headings=table.headings, columns=list(table.header.columns),
        unknown=list(table.header.unknown), total=writer.total, chunks=writer.chunks,
    )  # fmt: skip
    return items, remarks


def _written(cut: _Cut, headings: list[str], header: Header, frames: Iterable[pl.DataFrame]) -> "_Writer":
    """Cut the first table into chunks. Raises ``FileRefused`` for a header that will not do, and for no rows."""
    refuse_header(header, headings, cut.kind)
    writer = _Writer(cut, header, cut.kind)
    for frame in frames:
        writer.add(frame)
    writer.close()
    if not writer.total:
        left_out = " ".join(sentence for _, sentence in writer.not_rows.remarks())
        raise refuse("NO_ROWS", f"The file has a header line but no rows. {left_out}".strip(), malformed=False)
    return writer


def _manifest(
    file_format: Format, cut: _Cut, headings: list[str], header: Header, writer: "_Writer", *, encoding: str,
    delimiter: str = ",", sheet: str = "", items: Items | None = None,
) -> Manifest:  # fmt: skip
    return Manifest(
        format=file_format, kind=cut.kind, headings=headings, columns=list(header.columns),
        item_columns=list(header.items), unknown=list(header.unknown), encoding=encoding, delimiter=delimiter,
        total=writer.total, chunks=writer.chunks, date_styles=writer.date_styles(file_format), sheet=sheet, items=items,
        receivables=header.receivables, by_name=header.names_suffice, remarks=writer.not_rows.remarks(),
    )  # fmt: skip


class _Candidate(msgspec.Struct, frozen=True):
    """A line that may be the header: its cells, and where the table behind it would begin."""

    headings: list[str]
    delimiter: str
    offset: int
    line: int
    row: int


def open_table(path: Path, start: int, kind: FileKind = FileKind.INVOICES) -> tuple[list[str], Table]:
    """Find the header line and give its cells and the table behind it. Raises ``FileRefused``.

    It is the first filled line, unless that lacks required columns and a line soon after it does not: reports have
    titles above their tables.
    """
    best: _Candidate | None = None
    most = -1
    for one in _candidates(path, start, kind):
        count = known(one.headings, kind)
        if count and not match(one.headings, kind).missing:
            best = one
            break
        if count > most:
            best, most = one, count
    if best is None:
        raise refuse("EMPTY_FILE", "The file is empty: send a header line and at least one row.")
    table = Table(
        path, offset=best.offset, line=best.line, row=best.row, delimiter=best.delimiter, width=len(best.headings)
    )
    return best.headings, table


def _candidates(path: Path, start: int, kind: FileKind) -> Iterator[_Candidate]:
    """Give the first filled lines of a file. Raises ``FileRefused`` where already the first is no line of CSV."""
    line = row = 1
    found = 0
    with path.open("rb") as file:
        file.seek(start)
        while found < HEADER_WITHIN:
            try:
                record = _header_record(file, line)
            except FileRefused:
                if found:
                    return
                raise
            if not record:
                return
            lines = record.count(b"\n") or 1
            text = record.decode("utf-8").rstrip("\r\n")
            if line == 1 and text[:4].lower() == "sep=":
                line += 1  # a line for Excel alone, which does not count it
                continue
            if text.strip(" \t,;|"):
                found += 1
                delimiter = delimiter_of(text, kind)
                headings = next(csv.reader([text], delimiter=delimiter))
                while headings and not headings[-1].strip():
                    headings.pop()
                if headings:
                    yield _Candidate(headings, delimiter, file.tell(), line + lines, row + 1)
            line, row = line + lines, row + 1


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


def refuse_header(header: Header, headings: list[str], kind: FileKind) -> None:
    """Refuse a header with missing or repeated columns, all of them at once, or far too many."""
    if len(headings) > MOST_COLUMNS:
        message = f"The header has {len(headings)} columns; a file may have {MOST_COLUMNS}."
        raise refuse("TOO_MANY_COLUMNS", message, place="row 1", malformed=False)
    problems = header_problems(header, kind)
    if problems:
        raise FileRefused(FileRefusal("The header line is not acceptable; each column is listed.", problems))


class _Writer:
    """Cuts frames into chunk files and collects what only the whole file shows."""

    def __init__(self, cut: _Cut, header: Header, kind: FileKind, *, name: str = "chunk") -> None:
        self._folder = cut.folder
        self._name = name
        self._is_main = name == "chunk"
        self._rows = cut.rows
        self._limit = cut.limit
        self.not_rows = NotRows(header)
        self._pending: list[pl.DataFrame] = []
        self._waiting = 0
        self._text = 0
        self._keys = Keys(cut.folder, _KEYS_ALIKE)
        self._key_names = [name for name in KEYS_OF[kind] if name in header.columns]
        self._at = {name: f"c{at}" for at, name in enumerate(header.columns) if name is not None}
        self._styles: dict[str, dict[DateStyle, int]] = {
            name: {} for name in self._at if columns_by_name(kind)[name].kind is Kind.DATE
        }
        self._identifiers = [f"c{at}" for at, name in enumerate(header.named()) if name in IDENTIFIERS]
        self.total = 0
        self.chunks: list[Chunk] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take the next records."""
        frame = self.not_rows.out_of(frame)
        frame = _with_spoiled(frame, self._identifiers)
        self.total += frame.height
        if self.total > self._limit:
            message = f"The file has more than {self._limit:,} rows: split it."
            raise refuse("TOO_MANY_ROWS", message, malformed=False)
        self._note(frame)
        if self._is_main:
            _tell(self._folder, self.total)
        self._pending.append(frame)
        self._waiting += frame.height
        self._text += int(lengths(frame).sum())
        while self._waiting >= self._rows or self._text > _MOST_TEXT:
            whole = pl.concat(self._pending)
            head = whole.head(self._rows)
            if self._text > _MOST_TEXT:
                head = head.head(max(1, int((lengths(head).cum_sum() <= _MOST_TEXT).sum())))
            self._write(head)
            rest = whole.slice(head.height)
            self._pending, self._waiting, self._text = [rest], rest.height, int(lengths(rest).sum())

    def _note(self, frame: pl.DataFrame) -> None:
        if self._is_main:
            self._keys.add(frame[ROW], {name: hashed(frame[self._at[name]]) for name in self._key_names})
        for name, counts in self._styles.items():
            _count_styles(frame[self._at[name]], counts)

    def _write(self, frame: pl.DataFrame) -> None:
        name = f"{self._name}-{len(self.chunks)}.arrow"
        frame.write_ipc(self._folder / name)
        self.chunks.append(Chunk(name, frame.height, frame[ROW][0], frame[ROW][-1]))

    def close(self) -> None:
        """Write the last chunk and the rows whose number or external id stands in the file more than once."""
        if self._waiting:
            self._write(pl.concat(self._pending))
        self._pending = []
        if self.total and self._is_main:
            self._keys.repeated().to_frame().write_ipc(self._folder / REPEATED)

    def date_styles(self, file_format: Format) -> dict[str, DateStyle]:
        """Give the style most cells of each date column have; on a tie the one that came first.

        In a sheet that is the style of its texts: cells that are dates come as ISO texts.
        """
        found = {}
        for name, said in self._styles.items():
            texts: dict[DateStyle, int] = {style: said[style] for style in said if style is not DateStyle.ISO}
            counts = texts if texts and file_format in {Format.XLSX, Format.ODS} else said
            if counts:
                found[name] = max(counts, key=counts.__getitem__)
        return found


def _with_spoiled(frame: pl.DataFrame, identifiers: list[str]) -> pl.DataFrame:
    """Name the identifiers that a spreadsheet took for a number and wrote as 2.9E+14: their digits are lost."""
    if PROBLEMS not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(PROBLEMS))
    spoiled = [one for one in identifiers if frame[one].str.contains("E+", literal=True).any()]
    told: dict[int, list[CellProblem]] = {}
    for one in spoiled:
        for at in frame[one].str.strip_chars().str.contains(_SCIENTIFIC).fill_null(value=False).arg_true():
            message = (
                "A spreadsheet has taken this for a number and its last digits are lost: format the column as Text "
                "and enter it again."
            )
            told.setdefault(at, []).append(CellProblem(int(one[1:]), "SCIENTIFIC_NOTATION", message, frame[one][at]))
    if not told:
        return frame
    for at, found in problems_of(frame):
        told[at] = found + told.get(at, [])
    cells = frame[PROBLEMS].scatter(
        list(told), pl.Series([msgspec.json.encode(found).decode() for found in told.values()], dtype=pl.String)
    )
    return frame.with_columns(cells)


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
