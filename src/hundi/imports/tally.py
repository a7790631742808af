"""Reading Tally's XML export (domain §10) piece by piece: vouchers and ledgers as small trees of what is wanted of them.

Runs in the limited child only. Tally's XML is not quite XML: it has character references that XML forbids (``&#4;``),
control characters, and says UTF-8 where it is Windows-1252 or UTF-16. All of that is put right on the way; a DTD or an
entity is refused, because no export has one.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat

from hundi.imports.errors import FileRefused, refuse
from hundi.imports.sniff import BLOCK, LONGEST_RECORD, encoding_of

_DEEPEST: Final = 64
_MOST_NODES: Final = 100_000
_BAD_REFERENCE: Final = re.compile(r"&#(?:0*(?:[0-8]|1[1245-9]|2[0-9]|3[01])|[xX]0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]));")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_STRAY_AMPERSAND: Final = re.compile(r"&(?!#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|(?:amp|lt|gt|quot|apos);)")
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_HELD_BACK: Final = 16


class Node:
    """An element: its attributes, its text, and its wanted children by name (upper case)."""

    __slots__ = ("attributes", "children", "texts")

    def __init__(self, attributes: dict[str, str]) -> None:
        self.attributes = attributes
        self.texts: list[str] = []
        self.children: dict[str, list[Node]] = {}

    @property
    def text(self) -> str:
        """Give the text, trimmed."""
        return "".join(self.texts).strip()

    def all(self, *names: str) -> "list[Node]":
        """Give the children of these names, in the order of the names."""
        return [child for name in names for child in self.children.get(name, ())]

    def first(self, *names: str) -> str:
        """Give the first filled text among the children of these names, or nothing."""
        return next((child.text for child in self.all(*names) if child.text), "")

    def says(self, name: str) -> bool:
        """Tell whether a child says Yes."""
        return self.first(name).lower() == "yes"


def nodes(path: Path, wanted: frozenset[str], *roots: str) -> Iterator[tuple[str, int, Node]]:
    """Give ``(name, line, node)`` for each element named in ``roots``, with what is ``wanted`` in it.

    Raises ``FileRefused``: entities, not well-formed (with the line), too deep or too large.
    """
    reader = _Reader(wanted, frozenset(roots))
    for text in _texts(path):
        reader.feed(text)
        yield from reader.taken()
    reader.close()
    yield from reader.taken()


def _texts(path: Path) -> Iterator[str]:
    """Give the file as text that is XML."""
    encoding, start = encoding_of(path)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    held, first = "", True
    with path.open("rb") as file:
        file.seek(start)
        while True:
            block = file.read(BLOCK)
            text = held + decoder.decode(block, final=not block)
            if first:
                text, first = _DECLARATION.sub("", text), False
            # A reference may lie across two blocks: what could be the beginning of one waits for the rest.
            at = text.rfind("&", max(len(text) - _HELD_BACK, 0)) if block else -1
            text, held = (text[:at], text[at:]) if at >= 0 else (text, "")
            yield _STRAY_AMPERSAND.sub("&amp;", _CONTROL.sub("", _BAD_REFERENCE.sub("", text)))
            if not block:
                return


class _Reader:
    def __init__(self, wanted: frozenset[str], roots: frozenset[str]) -> None:
        self._wanted = wanted
        self._roots = roots
        self._stack: list[Node | None] = []
        self._ready: list[tuple[str, int, Node]] = []
        self._line = 0
        self._count = 0
        self._length = 0
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype

    def feed(self, text: str) -> None:
        """Take the next piece of the file."""
        self._parse(text.encode("utf-8", "replace"), final=False)

    def close(self) -> None:
        """Say that there is no more."""
        self._parse(b"", final=True)

    def taken(self) -> Iterator[tuple[str, int, Node]]:
        """Give what is complete."""
        ready, self._ready = self._ready, []
        return iter(ready)

    def _parse(self, data: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            message = (
                f"The file is not well-formed XML from here on ({expat.errors.messages[error.code]}): export it again."
            )
            raise refuse("XML_DAMAGED", message, place=f"line {error.lineno}") from error

    def _doctype(self, *_: object) -> None:
        raise self._refused(
            "XML_ENTITIES", "The file has a DTD or entities, which no export of Tally has: export it again."
        )

    def _refused(self, code: str, message: str) -> FileRefused:
        return refuse(code, message, place=f"line {self._parser.CurrentLineNumber}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= _DEEPEST:
            raise self._refused(
                "XML_TOO_DEEP", f"Elements are nested more than {_DEEPEST} deep: this is no export of Tally."
            )
        name = name.upper()
        above = self._stack[-1] if self._stack else None
        node: Node | None = None
        if above is not None and name in self._wanted:
            node = Node(attributes)
            above.children.setdefault(name, []).append(node)
        elif above is None and name in self._roots and not any(self._stack):
            node = Node(attributes)
            self._line, self._count, self._length = self._parser.CurrentLineNumber, 0, 0
        self._stack.append(node)
        self._count += node is not None
        if self._count > _MOST_NODES:
            raise self._refused(
                "XML_TOO_DEEP", "One voucher or ledger has far too many parts: this is no export of Tally."
            )

    def _text(self, text: str) -> None:
        node = self._stack[-1] if self._stack else None
        if node is not None:
            self._length += len(text)
            if self._length > LONGEST_RECORD:
                raise self._refused("RECORD_TOO_LONG", "One voucher or ledger has more than 1 MiB of text.")
            node.texts.append(text)

    def _end(self, name: str) -> None:
        node = self._stack.pop()
        if node is not None and (not self._stack or self._stack[-1] is None):
            self._ready.append((name.upper(), self._line, node))
