"""QR codes as pictures: what a text looks like to a camera."""

from io import BytesIO
from typing import Final, Literal

import segno

QUIET_ZONE: Final = 4
"""Modules of white around the code; ISO/IEC 18004 asks for four, and cheap phone cameras need them."""

ErrorLevel = Literal["l", "m", "q", "h"]


def qr_svg(text: str, *, error: ErrorLevel = "m") -> str:
    """Return an SVG picture of ``text`` as a QR code: black on white, quiet zone included, no script, no style.

    ``error`` is the least error correction; it is raised where that costs no extra size. Raises ValueError when the
    text is empty or does not fit the largest code (2,953 bytes at level ``l``).
    """
    stream = BytesIO()
    _code(text, error).save(
        stream, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", xmldecl=False, svgclass=None, lineclass=None,
        omitsize=True, nl=False,
    )  # fmt: skip
    return stream.getvalue().decode("ascii")


def _code(text: str, error: ErrorLevel) -> segno.QRCode:
    if not text:
        message = "a QR code needs a text"
        raise ValueError(message)
    return segno.make_qr(text, error=error, boost_error=True)
