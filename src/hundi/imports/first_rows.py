"""Reading the first rows of a large workbook ahead, so that something can be told while the rest is gone through.

A sheet is gone through and loaded whole before a row of it is given, which takes seconds where it has 200,000. Its first
rows, with the texts they name, make a small workbook of their own, which is read as any other: what is told is what those
rows will come to. Runs in the limited child only.
"""

import re
import zipfile
from pathlib import Path
from typing import Final

from hundi.imports.columns import FileKind, Format
from hundi.imports.containers import Package
from hundi.imports.errors import FileRefused
from hundi.imports.header_words import header_problems
from hundi.imports.not_rows import NotRows
from hundi.imports.sheets import HEADER_WITHIN, Book
from hundi.imports.workbook import Sheet, choose, describe, is_named_for

LARGE: Final = 8 * 1024**2
"""A sheet that unpacks to less is read before anybody misses its progress."""
_HEAD: Final = 1024**2
_MOST_STRINGS: Final = 8 * 1024**2
_STRINGS: Final = "xl/sharedStrings.xml"
_CONTENT: Final = "content.xml"
# Bounded, and within one tag: else what is made to be like it takes the square of its length, or more.
_SHARED: Final = re.compile(
    rb"<(?:\w{1,20}:)?c\s[^<>]{0,99}\bt=[\"']s[\"'][^<>]{0,99}>\s{0,99}<(?:\w{1,20}:)?v>([0-9]{1,9})<"
)
_SHEET: Final = re.compile(rb"<(?:(\w+):)?worksheet\b")
_BEGUN: Final = b"<table:table "
_TABLE: Final = re.compile(rb"<table:table\s[^<>]{0,999}?table:name=\"([^\"&<]{0,999})\"")
_ABOUT: Final = ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml")


def first_rows(path: Path, file_format: Format, kind: FileKind, folder: Path) -> int:
    """Tell how many rows the first ones of a large XLSX or ODS file come to; 0 for others, and where that is not certain.

    It never refuses a file: what is wrong with one is said by whoever reads the whole of it.
    """
    small = folder / "first-rows"
    try:
        with Package(path) as package:
            parts = _xlsx(package, kind) if file_format is Format.XLSX else _ods(package, kind)
        if parts is None:
            return 0
        with zipfile.ZipFile(small, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        table = Book(small, file_format, kind).main()
        if header_problems(table.header, kind):
            return 0
        rows = NotRows(table.header)
        return sum(rows.out_of(frame).height for frame in table.frames)
    except FileRefused:
        return 0
    finally:
        small.unlink(missing_ok=True)


def _xlsx(package: Package, kind: FileKind) -> dict[str, bytes] | None:
    """Give the parts of a workbook that has the first rows of the sheet that will be read, and no other."""
    sheet = choose(describe(package).sheets, kind)[0]
    head = _head(package, sheet.part)
    begun = _SHEET.search(head)
    if begun is None:
        return None
    prefix = begun[1] + b":" if begun[1] else b""
    rows = _whole(head, b"</" + prefix + b"row>")
    if rows is None:
        return None
    parts = {name: package.small(name) for name in _ABOUT if name in package}
    parts[sheet.part] = rows + b"</%bsheetData></%bworksheet>" % (prefix, prefix)
    last = max((int(one) for one in _SHARED.findall(rows)), default=-1)
    if last >= 0:
        strings = _strings(package, last)
        if strings is None:
            return None
        parts[_STRINGS] = strings
    return parts


def _strings(package: Package, last: int) -> bytes | None:
    """Give the table of texts as far as number ``last``; programs write texts in the order in which cells name them."""
    if _STRINGS not in package:
        return None
    found = b""
    for block in package.blocks(_STRINGS):
        found += block
        begun = re.search(rb"<(?:(\w+):)?sst\b", found)
        if begun is None or len(found) > _MOST_STRINGS:
            return None
        prefix = begun[1] + b":" if begun[1] else b""
        one = b"</" + prefix + b"si>"
        if found.count(one) > last:
            return found[: found.rfind(one) + len(one)] + b"</" + prefix + b"sst>"
    return None


def _ods(package: Package, kind: FileKind) -> dict[str, bytes] | None:
    """Give the parts of an OpenDocument file that has the first rows of its first table, if that will be read."""
    head = _head(package, _CONTENT)
    rows = _whole(head, b"</table:table-row>")
    if rows is None or head.count(b"</table:table>"):
        return None
    first = _TABLE.search(head)
    if first is None or not _is_read(package, first[1].decode(errors="replace"), kind):
        return None
    # Rows of a header or of a group stand in elements of their own, which have to end as well.
    ends = b"".join(
        b"</table:table-%b>" % group
        for group in (b"rows", b"header-rows", b"row-group")
        for _ in range(rows.count(b"<table:table-%b>" % group) - rows.count(b"</table:table-%b>" % group))
    )
    ends += b"</table:table></office:spreadsheet></office:body></office:document-content>"
    parts = {
        name: package.small(name) for name in ("mimetype", "META-INF/manifest.xml", "styles.xml") if name in package
    }
    return {**parts, _CONTENT: rows + ends}


def _is_read(package: Package, first: str, kind: FileKind) -> bool:
    """Tell whether the rows will be taken from the first table: none of the others may have a likelier name."""
    names = [first]
    if is_named_for(first, kind):
        return True
    tail = b""
    for block in package.blocks(_CONTENT):
        data = tail + block
        at = data.find(_BEGUN)
        while at >= 0:
            found = _TABLE.match(data, at)
            names += [found[1].decode(errors="replace")] if found is not None else []
            at = data.find(_BEGUN, at + 1)
        tail = block[-1024:]
    return choose([Sheet(name, "", visible=True) for name in names], kind)[0].name == first


def _head(package: Package, part: str) -> bytes:
    """Give the beginning of a part; nothing of a part that is not large."""
    found = b""
    if package.size(part) < LARGE:
        return found
    for block in package.blocks(part):
        found += block
        if len(found) >= _HEAD:
            break
    return found


def _whole(head: bytes, row_end: bytes) -> bytes | None:
    """Cut the beginning of a sheet behind a row; None where the header may not be in it."""
    return head[: head.rfind(row_end) + len(row_end)] if head.count(row_end) > HEADER_WITHIN else None
