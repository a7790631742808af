"""What a file is before it is read: its kind, encoding and delimiter. Runs in the limited child only."""

import codecs
import csv
import re
from pathlib import Path
from typing import Final

import msgspec

from hundi.imports.columns import FileKind, Format, known
from hundi.imports.containers import Package, refuse_ole
from hundi.imports.errors import refuse

BLOCK: Final = 4 * 1024 * 1024
LONGEST_RECORD: Final = 1024 * 1024
MOST_COLUMNS: Final = 256
DELIMITERS: Final = (",", ";", "\t", "|")
_HEAD: Final = 64 * 1024
_MAGIC: Final = (
    (b"PK\x05\x06", "an empty ZIP archive"), (b"%PDF", "a PDF"), (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"), (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"), (b"7z\xbc\xaf", "an archive"), (b"Rar!", "an archive"), (b"{\\rtf", "a text document"),
    (b"PAR1", "a Parquet file"), (b"SQLite format 3", "a database"),
)  # fmt: skip
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ODS: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_ENVELOPE: Final = re.compile(rb"<(?:ENVELOPE|TALLYMESSAGE)\b")
_MARKUP: Final = (b"<?xml", b"<!doctype", b"<html", b"<envelope")


# The reader of the standard library gives up on cells of 128 kB; ours are bounded by their record.
csv.field_size_limit(LONGEST_RECORD + 1)


class Sniffed(msgspec.Struct, frozen=True):
    """A file ready to be read as UTF-8 with LF or CRLF: where it is, where its text starts, what it was."""

    path: Path
    start: int
    encoding: str


def format_of(source: Path) -> Format:
    """Tell what a file is from its content; its name may say what it likes. What is none of the others is CSV.

    Raises ``FileRefused`` for a ZIP archive that is no workbook, and for workbooks that cannot be read.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_OLE):
        raise refuse_ole(source)
    if head.startswith(_ZIP):
        with Package(source) as package:
            if "mimetype" in package and package.small("mimetype").strip() == _ODS:
                return Format.ODS
            if any(name.startswith("xl/") for name in package.names()):
                return Format.XLSX
            raise refuse("NOT_CSV", _archive_of(package))
    if _ENVELOPE.search(head.replace(b"\x00", b"")[:2048]):
        return Format.TALLY
    return Format.CSV


def _archive_of(package: Package) -> str:
    """Say what a ZIP archive that is no workbook of ours is, and what to do with it."""
    names = package.names()
    if any(name.lower().endswith(".iwa") for name in names):
        return (
            "This is a file of Apple Numbers: choose File, Export To, Excel (or CSV) there, and send what that gives."
        )
    if any(name.startswith("word/") for name in names):
        return "This is a Word document: copy the table into Excel, save it as .xlsx, and send that."
    endings = {name.lower().rpartition(".")[2] for name in names}
    if "pdf" in endings and endings.isdisjoint({"csv", "txt", "xlsx", "xls", "ods", "xml"}):
        return (
            "This is a ZIP archive of PDFs: those go to POST /api/v0/invoice/bulk/attachments, or "
            "`hundi import FILE --kind pdfs`, once their invoices are there."
        )
    return "This is a ZIP archive and no workbook: unpack it, and send the sheet in it."


def sniff(source: Path, folder: Path) -> Sniffed:
    """Find the encoding, refuse what is no text, and write a UTF-8 copy into ``folder`` where the file is another.

    Raises ``FileRefused``: empty, another kind of file, NUL characters, bytes that fit no encoding; each with its place.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\x00\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise refuse("EMPTY_FILE", "The file is empty: send a header line and at least one row.")
    _refuse_other_kinds(head)
    encoding, start = _marked(head)
    if encoding.startswith("utf-16"):
        return _copied(source, folder, encoding, start)
    encoding = _check_bytes(source, start)
    # Very old programs end lines with a carriage return alone; a file that has any line feed is not of them.
    if encoding != "utf-8" or (b"\n" not in head and b"\r" in head):
        return _copied(source, folder, encoding, start)
    return Sniffed(source, start, "UTF-8")


def encoding_of(source: Path) -> tuple[str, int]:
    """Give the encoding of a text of which only its bytes are to be believed, and where it begins.

    A byte order mark, then UTF-8 where all of it is that, then Windows-1252. Raises ``FileRefused`` for UTF-32.
    """
    with source.open("rb") as file:
        encoding, start = _marked(file.read(_HEAD))
        if encoding != "utf-8":
            return encoding, start
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(start)
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252", start
    return "utf-8", start


def _refuse_other_kinds(head: bytes) -> None:
    for magic, what in _MAGIC:
        if head.startswith(magic):
            message = f"This is {what}, not a CSV file: save the sheet as CSV (UTF-8) and send that."
            raise refuse("NOT_CSV", message)
    if head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower().startswith(_MARKUP):
        message = (
            "This is a web page or XML and no workbook, whatever its name ends with: open it in Excel, save it as .xlsx or "
            "CSV (UTF-8), and send that."
        )
        raise refuse("NOT_CSV", message)


def _marked(head: bytes) -> tuple[str, int]:
    """Read the byte order mark; without one, a NUL in every other byte gives UTF-16 away."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise refuse("ENCODING", "The file is in UTF-32: save it as CSV (UTF-8).")
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8", len(codecs.BOM_UTF8)
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le", 2
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", 2
    even, odd = head[0::2], head[1::2]
    if len(odd) > 1 and odd.count(0) > len(odd) * 0.4 and not even.count(0):
        return "utf-16-le", 0
    if len(even) > 1 and even.count(0) > len(even) * 0.4 and not odd.count(0):
        return "utf-16-be", 0
    return "utf-8", 0


def _check_bytes(source: Path, start: int) -> str:
    """Go through the whole file once: NUL characters, and whether it is UTF-8 or must be Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    place, plain, encoding = start, True, "utf-8"
    with source.open("rb") as file:
        file.seek(start)
        while block := file.read(BLOCK):
            at = block.find(b"\x00")
            if at >= 0:
                message = "The line holds a NUL character, which no text has: the file is damaged or not a CSV file."
                raise refuse("NUL_CHARACTER", message, place=f"row {_line_of(source, start, place + at)}")
            if encoding == "utf-8":
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    at = max(error.start - (len(error.object) - len(block)), 0)
                    if not (plain and error.object[: error.start].isascii()):
                        line = _line_of(source, start, place + at)
                        raise _undecodable(line, error.object[error.start], "UTF-8") from error
                    encoding = "cp1252"
                else:
                    plain = plain and block.isascii()
            place += len(block)
    if encoding == "utf-8":
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            if not plain:
                line = _line_of(source, start, place)
                raise _undecodable(line, error.object[error.start], "UTF-8") from error
            encoding = "cp1252"
    return encoding


def _line_of(source: Path, start: int, place: int) -> int:
    """Give the number of the line in which the byte at ``place`` stands; lines are counted from ``start`` on."""
    line = 1
    with source.open("rb") as file:
        file.seek(start)
        while start < place and (block := file.read(min(BLOCK, place - start))):
            line += block.count(b"\n")
            start += len(block)
    return line


def _copied(source: Path, folder: Path, encoding: str, start: int) -> Sniffed:
    decoder = codecs.getincrementaldecoder(encoding)()
    copy = folder / "text.csv"
    line, line_feeds = 1, False
    with source.open("rb") as file, copy.open("wb") as out:
        file.seek(start)
        while True:
            block = file.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].decode(encoding, "replace").count("\n")
                raise _undecodable(line, error.object[error.start], encoding) from error
            if "\x00" in text:
                line += text.count("\n", 0, text.index("\x00"))
                message = "The line holds a NUL character, which no text has: the file is damaged or not a CSV file."
                raise refuse("NUL_CHARACTER", message, place=f"row {line}")
            line += text.count("\n")
            line_feeds = line_feeds or "\n" in text
            if not line_feeds:
                text = text.replace("\r", "\n") if "\r" in text.rstrip("\r") else text
            out.write(text.encode("utf-8"))
            if not block:
                break
    return Sniffed(copy, 0, {"cp1252": "Windows-1252"}.get(encoding, encoding.upper()))


def _undecodable(line: int, byte: int, encoding: str) -> Exception:
    name = {"cp1252": "Windows-1252"}.get(encoding, encoding.upper())
    message = f"The byte 0x{byte:02X} does not fit {name}: save the file as CSV (UTF-8)."
    return refuse("ENCODING", message, place=f"row {line}")


def delimiter_of(header: str, kind: FileKind = FileKind.INVOICES) -> str:
    """Find the delimiter: the one that makes most known headings of the header line, then most cells."""

    def score(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([header], delimiter=delimiter), [])
        return known(cells, kind), len(cells)

    return max(DELIMITERS, key=score)
