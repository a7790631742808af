"""The company's logo on its documents: fetched from the store, and wrapped so that typesetting takes it as text."""

from base64 import b64encode
from typing import Final

import structlog

from hundi.files.store import FileMissing, FileStore
from hundi.kit.errors import Invalid
from hundi.sellers.logo import look_at
from hundi.sellers.rows import LogoRow

log = structlog.get_logger("hundi.documents")

_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{w}" height="{h}" '
    'viewBox="0 0 {w} {h}"><image width="{w}" height="{h}" xlink:href="data:{kind};base64,{data}"/></svg>'
)


async def fetch(files: FileStore, row: LogoRow | None) -> bytes | None:
    """Give the content of a logo, or None where there is none or its file is gone: no document fails for that.

    An error of the store itself comes through, so that a job tries again.
    """
    if row is None:
        return None
    try:
        return await files.get(row.file_key)
    except FileMissing:
        log.warning("the logo is not in the store", file_key=row.file_key)
        return None


def as_svg(content: bytes) -> str:
    """Wrap a PNG or JPEG in an SVG of its size; an empty text where it cannot be drawn."""
    try:
        picture = look_at(content)
    except Invalid:
        return ""
    data = b64encode(content).decode("ascii")
    return _SVG.format(w=picture.width, h=picture.height, kind=picture.content_type, data=data)
