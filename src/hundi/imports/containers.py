"""Looking into a ZIP before any reader opens it: how much is in it, and whether it holds what no sheet needs.

Runs in the limited child only. XLSX and ODS are ZIP archives of XML.
"""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self
from xml.parsers import expat

from hundi.imports.errors import FileRefused, refuse

_MOST_PARTS: Final = 10_000
_MOST_UNPACKED: Final = 2 * 1024**3
_BOMB_FROM: Final = 16 * 1024 * 1024
_MOST_RATIO: Final = 250  # a sheet of a million equal rows packs 1:100, a bomb 1:1000
_SMALL_PART: Final = 32 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
_DOCTYPE: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_OLE_HEAD: Final = 256 * 1024
UNREADABLE: Final = (expat.ExpatError, LookupError, ValueError)
"""What expat raises of a part: the latter two of an encoding that is none, or none that it can read."""


def damaged(error: Exception) -> FileRefused:
    """Make the refusal for an archive that cannot be unpacked."""
    message = f"The file is damaged: its archive cannot be unpacked ({error}). Save it again, and send the new file."
    return refuse("WORKBOOK_DAMAGED", message)


class Package:
    """A ZIP of XML parts whose sizes are acceptable. Raises ``FileRefused``: bomb, damaged, encrypted, entities."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
            raise damaged(error) from error
        self._parts = {info.filename: info for info in self._zip.infolist()}
        self._check()

    def __enter__(self) -> Self:
        """Stand for the open archive."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the archive."""
        self._zip.close()

    def _check(self) -> None:
        parts = self._zip.infolist()
        if len(parts) > _MOST_PARTS:
            message = f"The archive has {len(parts):,} entries; a workbook of rows has a few dozen."
            raise refuse("ZIP_BOMB", message)
        unpacked = sum(part.file_size for part in parts)
        if unpacked > _MOST_UNPACKED:
            message = (
                f"Unpacked the file has {unpacked / 1024**3:.1f} GiB; at most 2 GiB are read: split it, or send CSV."
            )
            raise refuse("ZIP_BOMB", message)
        for part in parts:
            if part.flag_bits & 1:
                raise refuse("ENCRYPTED", "The archive is protected by a password: save it without one.")
            if part.file_size > _BOMB_FROM and part.file_size > _MOST_RATIO * max(part.compress_size, 1):
                times = part.file_size // max(part.compress_size, 1)
                message = (
                    f"The part {part.filename[:80]} unpacks to {times:,} times its size: this is no sheet of rows."
                )
                raise refuse("ZIP_BOMB", message)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a part of this name."""
        return name in self._parts

    def names(self) -> list[str]:
        """Give the names of all parts."""
        return list(self._parts)

    def size(self, name: str) -> int:
        """Tell how many bytes a part unpacks to; 0 where there is none."""
        return self._parts[name].file_size if name in self._parts else 0

    def small(self, name: str) -> bytes:
        """Give a part that describes others. Raises ``FileRefused`` where it is missing or far too large."""
        if name not in self._parts:
            message = f"The workbook has no part {name}: it is damaged, or no workbook. Save it again as .xlsx."
            raise refuse("WORKBOOK_DAMAGED", message)
        if self._parts[name].file_size > _SMALL_PART:
            raise refuse("ZIP_BOMB", f"The part {name} is far too large for what it is.")
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """Unpack an XML part block by block. Raises ``FileRefused``: damaged, not UTF-8, a DTD or entities in it."""
        tail = b""
        try:
            with self._zip.open(name) as part:
                while block := part.read(_BLOCK):
                    seen = tail + block
                    if not tail:
                        _refuse_utf16(name, block)
                    if _DOCTYPE.search(seen):
                        message = f"The part {name} has a DTD or entities, which no workbook needs: save it anew."
                        raise refuse("XML_ENTITIES", message)
                    tail = block[-16:]
                    yield block
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # the disk; bzip2's own errors have no number
                raise
            raise damaged(error) from error

    def refuse_entities(self) -> None:
        """Go through every XML part that nobody else reads here; see :meth:`blocks`."""
        for name in self._parts:
            if name.endswith((".xml", ".rels")) and "/worksheets/" not in name and "sharedStrings" not in name:
                for _ in self.blocks(name):
                    pass


def _refuse_utf16(name: str, head: bytes) -> None:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in head[:4]:
        raise refuse("WORKBOOK_DAMAGED", f"The part {name} is not in UTF-8, as every spreadsheet program writes it.")


def elements(content: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Give ``(local name, attributes)`` of each element of a small part, in order. Raises ``FileRefused``."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append((name.rpartition(":")[2], attributes))
    try:
        parser.Parse(content, True)
    except UNREADABLE as error:
        message = f"The file is damaged: a part of it is not well-formed XML ({error})."
        raise refuse("WORKBOOK_DAMAGED", message) from error
    return iter(found)


def refuse_ole(path: Path) -> FileRefused:
    """Make the refusal for an OLE file: a workbook with a password, or one of Excel 97-2003."""
    with path.open("rb") as file:
        head = file.read(_OLE_HEAD)
        file.seek(max(path.stat().st_size - _OLE_HEAD, 0))
        head += file.read(_OLE_HEAD)
    if _ENCRYPTED in head:
        message = "The workbook is protected by a password: save it without one (File, Info, Protect Workbook)."
        return refuse("ENCRYPTED", message)
    return refuse("OLD_WORKBOOK", "This is a workbook of Excel 97-2003 (.xls): save it as .xlsx or CSV (UTF-8).")
