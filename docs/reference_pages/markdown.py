"""What every page is made of: tables, the note at its head, and where things are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import hundi

DOCS: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = Path(hundi.__file__).resolve().parent
NOTE: Final = "<!-- Written by docs/generate.py from the code. Change the code and run `make docs`. -->\n\n"


def cell(text: object) -> str:
    """Make a text fit for a cell of a table: one line, no bars."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
