"""Guarding exported cells: no text of a customer's is run as a formula by a spreadsheet (design §4.9)."""

import re
from typing import Final

RISKY: Final = r"^[=+\-@\t\r]"
"""What a spreadsheet may take for the beginning of a formula."""
GUARDED: Final = r"^'([=+\-@\t\r])"
"""What :func:`guarded` makes of such a text; its group is the first sign of what it was."""
PLAIN_NUMBER: Final = r"^[+-]?[0-9][0-9,]*(?:\.[0-9]+)?$"
"""A signed number begins like a formula and is none."""
_RISKY: Final = re.compile(RISKY)
_PLAIN_NUMBER: Final = re.compile(PLAIN_NUMBER)


def guarded(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula; plain numbers stay as they are."""
    return f"'{text}" if _RISKY.match(text) and not _PLAIN_NUMBER.match(text) else text
