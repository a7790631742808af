"""What a logo may be: a PNG or JPEG of a bounded size in pixels that can be drawn on a document; never SVG."""

import struct
from typing import Final

import msgspec

from hundi.kit.errors import FieldProblem, Invalid

MAX_LOGO: Final = 512 * 1024
"""Bytes of a logo."""
MAX_SIDE: Final = 4000
"""Pixels of a logo's longer side: a small file may unfold to a very large picture."""
CONTENT_TYPES: Final = ("image/png", "image/jpeg")
"""What a logo is served as."""
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
# The frame headers of a JPEG; C4, C8 and CC are tables and an extension (ITU-T T.81, table B.1).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_CHANNELS: Final = 3


class Picture(msgspec.Struct, frozen=True):
    """What the head of a picture says: media type, file name, and its sides in pixels."""

    content_type: str
    name: str
    width: int
    height: int


def look_at(content: bytes) -> Picture:
    """Read the head of a PNG or JPEG. Raises ``Invalid`` where it is neither, is damaged, too large, or CMYK."""
    if content.startswith(_PNG):
        kind, name, sides = "image/png", "logo.png", _png(content)
    elif content.startswith(_JPEG):
        kind, name, sides = "image/jpeg", "logo.jpg", _jpeg(content)
    else:
        raise Invalid(problems=[FieldProblem("file", "FILE_TYPE", "Send the logo as PNG or JPEG.")])
    if sides is None or not all(sides):
        raise Invalid(
            problems=[
                FieldProblem(
                    "file", "FILE_DAMAGED", "This picture is damaged or cut short: save it again, and send that."
                )
            ]
        )
    width, height = sides
    if max(width, height) > MAX_SIDE:
        message = f"Send a logo of at most {MAX_SIDE} pixels a side; this one has {width} by {height}."
        raise Invalid(problems=[FieldProblem("file", "PICTURE_TOO_LARGE", message)])
    return Picture(kind, name, width, height)


def _png(content: bytes) -> tuple[int, int] | None:
    if content[12:16] != b"IHDR" or b"IDAT" not in content or not content.rstrip(b"\x00").endswith(b"IEND\xaeB`\x82"):
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte before a marker
            at += 1
            continue
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            height, width, channels = struct.unpack(">HHB", content[at + 5 : at + 10])
            if channels > _MOST_CHANNELS:
                raise Invalid(
                    problems=[
                        FieldProblem("file", "PICTURE_COLOURS", "Send the logo in RGB or grey; this JPEG is in CMYK.")
                    ]
                )
            return width, height
        at += 2 + length
    return None
