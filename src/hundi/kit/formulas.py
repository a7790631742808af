"""Guarding exported cells: no text of a customer's is run as a formula by a spreadsheet (design §4.9)."""

import re
from typing import Final

# Spreadsheets pass over blanks, line breaks and signs without a shape before a formula's own sign, and some take that
# in its full width. The classes are written out, because `\s` is not the same in every reader of patterns.
_BLANK: Final = r"\x00-\x20\x7f-\xa0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
_BEGINNING: Final = rf"[\t\r]|[{_BLANK}]*[=+\-@\uff1d\uff0b\uff0d\uff20]"
RISKY: Final = f"^(?:{_BEGINNING})"
"""What a spreadsheet may take for the beginning of a formula. Both ``re`` and polars read this pattern alike."""
GUARDED: Final = f"^'({_BEGINNING})"
"""What :func:`guarded` makes of such a text; its group is how the text began before."""
PLAIN_NUMBER: Final = rf"^[{_BLANK}]*[+-]?[0-9][0-9,]*(?:\.[0-9]+)?[{_BLANK}]*$"
"""A signed number begins like a formula and is none."""
_RISKY: Final = re.compile(RISKY)
_PLAIN_NUMBER: Final = re.compile(PLAIN_NUMBER)


def guarded(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula; plain numbers stay as they are."""
    return f"'{text}" if _RISKY.match(text) and not _PLAIN_NUMBER.match(text) else text
