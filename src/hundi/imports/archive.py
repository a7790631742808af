"""Unpacking a ZIP of PDFs (domain §8: Tally's PDF is what is mailed), in the limited child: one row for each file in it.

Nothing of the archive's names becomes a path of ours: the file of row 7 is ``FOLDER/pdf-7``. Files that are no PDF, too
large, or protected stay in the list with what is wrong with them.
"""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hundi.imports.errors import CellProblem, refuse
from hundi.imports.records import EXTRA, PROBLEMS, ROW
from hundi.invoices.attachment_errors import AttachmentRefused
from hundi.invoices.attachment_kinds import MAX_SIZE, PDF, look_at

HEADINGS: Final = ("fileName",)
_MOST_UNPACKED: Final = 4 * 1024**3
_LARGEST_DIRECTORY: Final = 32 * 1024 * 1024
_BATCH: Final = 1_000
_ASIDE: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\.[^/]*$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_END: Final = b"PK\x05\x06"
_FOLDER: Final = re.compile(r"^.*[/\\]")


def pdf_of(folder: Path, row: int) -> Path:
    """Give where the file of a row was unpacked to."""
    return folder / f"pdf-{row}"


def read_archive(source: Path, folder: Path, limit: int) -> Iterator[pl.DataFrame]:
    """Unpack an archive into ``folder``; give the names of its files as frames, in the archive's order.

    Raises ``FileRefused``: no ZIP archive, damaged, too many files (``limit``), too much in them.
    """
    _check_directory(source)
    try:
        with zipfile.ZipFile(source) as archive:
            files = [
                one for one in archive.infolist() if not one.filename.endswith("/") and not _ASIDE.search(one.filename)
            ]
            if len(files) > limit:
                message = f"The archive has {len(files):,} files; at most {limit:,} are read: split it."
                raise refuse("TOO_MANY_ROWS", message, malformed=False)
            unpacked = sum(min(one.file_size, MAX_SIZE) for one in files)
            if unpacked > _MOST_UNPACKED:
                message = f"Unpacked the archive has {unpacked / 1024**3:.1f} GiB; at most 4 GiB are read: split it."
                raise refuse("ZIP_BOMB", message)
            yield from _frames(archive, files, folder)
    except UnicodeDecodeError as error:
        message = "A file in the archive has a name that is damaged (it says UTF-8, and is not): pack the PDFs again."
        raise refuse("NOT_ZIP", message) from error
    except (zipfile.BadZipFile, RuntimeError, ValueError) as error:
        raise refuse("NOT_ZIP", f"This is no ZIP archive that can be unpacked ({error}).") from error


def _check_directory(source: Path) -> None:
    """Refuse what is no ZIP, and a list of contents so long that reading it would take all memory."""
    size = source.stat().st_size
    with source.open("rb") as file:
        if file.read(4) not in {b"PK\x03\x04", _END}:
            raise refuse("NOT_ZIP", "This is no ZIP archive: pack the PDFs into one, and send that.")
        file.seek(max(size - 66_000, 0))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 20:
        raise refuse("NOT_ZIP", "The ZIP archive is cut off: its end is missing. Send it again.")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if length > _LARGEST_DIRECTORY:
        raise refuse("ZIP_BOMB", "The archive's list of contents is far too long: split it.")


def _frames(archive: zipfile.ZipFile, files: list[zipfile.ZipInfo], folder: Path) -> Iterator[pl.DataFrame]:
    schema = {"c0": pl.String, EXTRA: pl.String, ROW: pl.Int64, PROBLEMS: pl.String}
    batch: list[tuple[str, None, int, str | None]] = []
    for row, info in enumerate(files, start=1):
        name = _FOLDER.sub("", info.filename)
        problem = _unpack(archive, info, name, pdf_of(folder, row))
        told = None if problem is None else msgspec.json.encode([CellProblem(0, *problem, name)]).decode()
        batch.append((name.encode("utf-8", "replace").decode(), None, row, told))
        if len(batch) == _BATCH:
            yield pl.DataFrame(batch, schema=schema, orient="row")
            batch = []
    if batch:
        yield pl.DataFrame(batch, schema=schema, orient="row")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path) -> tuple[str, str] | None:
    """Unpack one file if it is a PDF of a bearable size; else give what is wrong with it: code and sentence."""
    if info.flag_bits & 1:
        return "ENCRYPTED", "This file is protected by a password: pack it without one."
    if info.file_size > MAX_SIZE:
        return "FILE_TOO_LARGE", f"This file has more than {MAX_SIZE // 1_000_000} MB: make it smaller."
    try:
        content = archive.read(info)
        kind = look_at(content, name).content_type
    except AttachmentRefused as refused:
        problem = refused.problems[0]
        only = "This is no PDF; only PDFs become what a customer is mailed."
        return problem.code, only if problem.code == "FILE_TYPE" else problem.message
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk; bzip2's own errors have no number
            raise
        return "FILE_DAMAGED", f"This file cannot be unpacked ({error}): pack it again."
    if kind != PDF.content_type:
        return "NOT_A_PDF", "This is no PDF; only PDFs become what a customer is mailed."
    path.write_bytes(content)
    return None
