"""Shapes of texts in a document: lengths and characters as form INV-01 has them (contract b2b §9.2), as tables."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from hundi.gst.findings import Findings

_FORBIDDEN: Final = re.compile(r'[\\"]')


class Text:
    """How one text of a block must look: field of the model, name in the message, lengths, form, needed or not.

    ``form`` is a regular expression that the whole text must match, ``written`` says it in words.
    """

    __slots__ = ("attribute", "form", "least", "most", "name", "required", "written")

    def __init__(
        self,
        attribute: str,
        name: str,
        least: int,
        most: int,
        form: str = "",
        written: str = "",
        *,
        required: bool = False,
    ) -> None:
        self.attribute = attribute
        self.name = name
        self.least = least
        self.most = most
        self.form = re.compile(form) if form else None
        self.written = written
        self.required = required


def check_texts(
    block: msgspec.Struct, texts: Sequence[Text], path: str, found: Findings, at: int | None = None
) -> None:
    """Check the texts of one block; ``path`` names it, ``at`` counts where it stands in a list."""
    if not found.shapes:
        return
    for text in texts:
        value: str = getattr(block, text.attribute)
        if not value:
            if text.required:
                found.add(_path(path, at, text.name), "TEXT_MISSING")
            continue
        if not text.least <= len(value) <= text.most:
            found.add(_path(path, at, text.name), "TEXT_LENGTH", value, least=text.least, most=text.most)
        elif text.form is not None:
            if text.form.fullmatch(value) is None:
                found.add(_path(path, at, text.name), "TEXT_FORM", value, form=text.written)
        elif _FORBIDDEN.search(value) is not None:
            found.add(_path(path, at, text.name), "TEXT_CHARACTERS", value)


def _path(path: str, at: int | None, name: str) -> str:
    block = path if at is None else f"{path}[{at}]"
    return f"{block}.{name}" if block else name
