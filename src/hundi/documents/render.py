"""The invoice as PDF/A-3b, with its data attached: the same invoice gives the same bytes."""

from datetime import UTC, datetime, time
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import structlog
import typst

from hundi.documents.glyphs import font_folder
from hundi.documents.logo import as_svg
from hundi.documents.model import InvoiceDocument
from hundi.documents.sheet import sheet

log = structlog.get_logger("hundi.documents")

ATTACHMENT: Final = "invoice.json"


def render_pdf(document: InvoiceDocument, logo: bytes | None = None) -> bytes:
    """Return the document as an A4 PDF/A-3b file with the invoice attached as ``invoice.json``.

    The bytes depend on the document alone: no clock, no machine, no system font. Texts of the document are drawn as
    they are and never read as typesetting commands. Takes about 30 ms for one line and grows with the lines. Raises
    FontsMissing when set-up has not fetched the fonts.

    ``logo`` is a PNG or JPEG; one that cannot be drawn is left out, for no invoice waits because of its logo.
    """
    picture = as_svg(logo) if logo else ""
    if picture:
        try:
            return _compiled(document, picture)
        except typst.TypstError as error:
            log.warning("the logo cannot be drawn", reason=error.message)
    return _compiled(document, "")


def _compiled(document: InvoiceDocument, picture: str) -> bytes:
    encoder = msgspec.json.Encoder(decimal_format="string", order="deterministic")
    compiled = typst.compile(
        _template(),
        format="pdf",
        font_paths=_fonts(),
        sys_inputs={
            "sheet": msgspec.json.encode(sheet(document)).decode(),
            "attachment": encoder.encode(document).decode(),
            "attachmentName": ATTACHMENT,
            "logo": picture,
        },
        pdf_standards="a-3b",
        timestamp=datetime.combine(document.invoice_date, time(), tzinfo=UTC),
    )
    return bytes(compiled)


@cache
def _template() -> bytes:
    return files("hundi.documents").joinpath("templates", "invoice.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    # Reading the fonts takes most of the time of a first document, so they are read once a process.
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[font_folder()])
