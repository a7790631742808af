"""Which characters the document fonts can draw, and text made safe for them.

PDF/A forbids characters without a glyph (ISO 19005-3, 6.2.11.8), and a customer may be called anything: what the fonts
cannot draw is replaced before typesetting, so that no name can keep an invoice from being printed.
"""

import re
import struct
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

FONT_FOLDER: Final = Path(__file__).resolve().parent / "fonts"
FONT_FILES: Final = (
    "NotoSans-Regular.ttf",
    "NotoSans-SemiBold.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansDevanagari-SemiBold.ttf",
)
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
BREAK: Final = "\N{ZERO WIDTH SPACE}"

# Marks that reorder text can make an amount or a name read as another one (Unicode TR 36); a document has no use for
# them. Soft hyphens, byte order marks and the like go as well; the joiners of Indian scripts stay.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_SPACES: Final = re.compile(r"[^\S\n]+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LONG_WORD: Final = re.compile(r"[^\s\u200b]{19,}")
_WORD_PIECE: Final = 12
_SEGMENTED_COVERAGE: Final = 12  # The number of the character map format that covers all planes.
_TIES: Final = ("\N{DEVANAGARI SIGN VIRAMA}", "\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}")
_JOINERS: Final = frozenset({"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"})


class FontsMissing(RuntimeError):
    """The document fonts are not installed: run ``make setup``, which fetches them with the web assets."""


def font_folder(folder: Path = FONT_FOLDER) -> Path:
    """Return the folder of the fonts documents are set in. Raises FontsMissing, naming what lacks and what to do."""
    missing = [name for name in FONT_FILES if not (folder / name).is_file()]
    if missing:
        message = f"the document fonts {', '.join(missing)} are not installed: run make setup, which fetches them"
        raise FontsMissing(message)
    return folder


def drawable(text: str, *, keep_lines: bool = False) -> str:
    """Return ``text`` as it can be drawn: one line (or its own lines), unknown characters as ``�``.

    Control characters and marks that reorder text are dropped, runs of space become one space, and a word of 19 or more
    characters gets invisible places to break, so that nothing runs out of its column.
    """
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    text = _INVISIBLE.sub("", text)
    lines = [_SPACES.sub(" ", line).strip() for line in text.split("\n")]
    joined = "\n".join(lines).strip("\n") if keep_lines else " ".join(line for line in lines if line)
    if not joined.isascii():
        known = drawable_characters()
        joined = "".join(char if char in known else REPLACEMENT for char in joined)
    return _LONG_WORD.sub(lambda match: _with_breaks(match.group()), joined)


@cache
def drawable_characters() -> frozenset[str]:
    """Return every character that both weights of at least one document font have a glyph for."""
    folder = font_folder()
    sets = {name: _mapped((folder / name).read_bytes()) for name in FONT_FILES}
    latin = sets["NotoSans-Regular.ttf"] & sets["NotoSans-SemiBold.ttf"]
    devanagari = sets["NotoSansDevanagari-Regular.ttf"] & sets["NotoSansDevanagari-SemiBold.ttf"]
    return frozenset(map(chr, latin | devanagari)) | _JOINERS | {"\n", " "}


def _with_breaks(word: str) -> str:
    if word.isascii():
        return BREAK.join(word[start : start + _WORD_PIECE] for start in range(0, len(word), _WORD_PIECE))
    pieces, piece = [], ""
    for char in word:
        # A break before a vowel sign or inside a conjunct would tear a Devanagari syllable.
        joined = unicodedata.category(char).startswith("M") or char in _JOINERS or piece.endswith(_TIES)
        if len(piece) >= _WORD_PIECE and not joined:
            pieces.append(piece)
            piece = ""
        piece += char
    return BREAK.join([*pieces, piece])


def _mapped(font: bytes) -> set[int]:
    """Read the code points of a TrueType font's format 12 character map (OpenType specification, ``cmap``)."""
    (tables,) = struct.unpack_from(">H", font, 4)
    for index in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        if tag == b"cmap":
            return _format_12(font, offset)
    return set()


def _format_12(font: bytes, start: int) -> set[int]:
    (subtables,) = struct.unpack_from(">H", font, start + 2)
    for index in range(subtables):
        _, _, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * index)
        at = start + offset
        (layout,) = struct.unpack_from(">H", font, at)
        if layout == _SEGMENTED_COVERAGE:
            (groups,) = struct.unpack_from(">I", font, at + 12)
            triples = (struct.unpack_from(">III", font, at + 16 + 12 * group) for group in range(groups))
            return {code for first, last, glyph in triples if glyph for code in range(first, last + 1)}
    return set()
