"""What an attachment is, found out from its content; its name only has to agree. Plain values, no I/O."""

import re
from typing import Final

import msgspec

from hundi.invoices.attachment_errors import AttachmentRefused

MAX_SIZE: Final = 10_000_000
"""Bytes of one attachment."""
_LONGEST_NAME: Final = 120
_UNSAFE: Final = re.compile('[\\x00-\\x1f\\x7f-\\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff<>:"/\\\\|?*]+')
_CONTROL: Final = re.compile("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f]")
# What a browser or a shell would run if somebody opened it as what it says it is.
_ACTIVE: Final = re.compile(
    r"<\s*(?:html|script|svg|iframe|body|\w+:svg)\b|<!doctype|<!entity|<\?xml-stylesheet", re.IGNORECASE
)
_OFFERED: Final = "Send a PDF, PNG, JPEG, XLSX, XML, CSV or plain text (UTF-8)."


class Kind(msgspec.Struct, frozen=True):
    """A type of file: its media type, what people call it, and the endings its name may have, the usual one first."""

    content_type: str
    label: str
    endings: tuple[str, ...]


PDF: Final = Kind("application/pdf", "a PDF", ("pdf",))
PNG: Final = Kind("image/png", "a PNG picture", ("png",))
JPEG: Final = Kind("image/jpeg", "a JPEG picture", ("jpg", "jpeg"))
XLSX: Final = Kind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "an Excel workbook", ("xlsx",))
XML: Final = Kind("application/xml", "XML", ("xml",))
CSV: Final = Kind("text/csv", "CSV", ("csv",))
TEXT: Final = Kind("text/plain", "plain text", ("txt",))
KINDS: Final = (PDF, PNG, JPEG, XLSX, XML, CSV, TEXT)
MAILED: Final = frozenset({PDF.content_type, PNG.content_type, JPEG.content_type})
"""The types a primary attachment may have."""


class Named(msgspec.Struct, frozen=True):
    """A file that was looked at: its safe name, the ending without the dot, and its media type."""

    name: str
    ending: str
    content_type: str


def look_at(content: bytes, name: str) -> Named:
    """Find out what a file is and give it a safe name, or raise :class:`AttachmentRefused`.

    Programs, archives, macros, HTML and SVG are refused whatever they are called; so is a file whose name's ending says
    something else than its content.
    """
    if not content:
        raise AttachmentRefused("EMPTY_FILE", "The file is empty.")
    kind = _magic(content) or _text(content, name)
    safe = safe_name(name)
    stem, dot, ending = safe.rpartition(".")
    if not dot or not stem:
        return Named(f"{safe[: _LONGEST_NAME - 5]}.{kind.endings[0]}", kind.endings[0], kind.content_type)
    if ending.lower() not in kind.endings:
        message = f"The file is {kind.label}, but its name ends in .{ending[:20]}: name it .{kind.endings[0]}."
        raise AttachmentRefused("NAME_MISMATCH", message, safe)
    return Named(safe, ending.lower(), kind.content_type)


def safe_name(name: str) -> str:
    """Give a name that is safe on every system and in every header: no folders, no control or direction marks."""
    plain = " ".join(_UNSAFE.sub("_", name).split()).strip(". _") or "attachment"
    if len(plain) > _LONGEST_NAME:
        stem, dot, ending = plain.rpartition(".")
        plain = (
            f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
            if dot and len(ending) <= 10
            else plain[:_LONGEST_NAME]
        )
    return plain


def _magic(content: bytes) -> Kind | None:
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"PK\x03\x04"):
        # Names stand uncompressed in a ZIP's headers, so nothing is unpacked to find them.
        if b"xl/workbook.xml" not in content or b"[Content_Types].xml" not in content:
            raise AttachmentRefused("FILE_TYPE", f"This is an archive and no Excel workbook. {_OFFERED}")
        if b"vbaProject" in content:
            raise AttachmentRefused("FILE_TYPE", "This workbook has macros: save it as .xlsx without them.")
        return XLSX
    return None


def _text(content: bytes, name: str) -> Kind:
    text = _decoded(content)
    if text is None or _CONTROL.search(text):
        raise AttachmentRefused("FILE_TYPE", f"This kind of file is not taken. {_OFFERED}")
    if _ACTIVE.search(text) or text.startswith("#!"):
        message = f"HTML, SVG and scripts are not taken: opened in a browser they could act. {_OFFERED}"
        raise AttachmentRefused("FILE_TYPE", message)
    if text.lstrip().startswith("<"):
        return XML
    return CSV if name.lower().endswith(".csv") else TEXT


def _decoded(content: bytes) -> str | None:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
