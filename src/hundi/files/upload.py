"""Taking the file out of a multipart/form-data body while it arrives: never whole in memory, nowhere until complete."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import msgspec
from litestar.exceptions import InternalServerException
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from hundi.files.errors import FileAbsent, UploadCutOff, UploadTooLarge
from hundi.files.store import FileTooLarge, Spool
from hundi.kit.errors import FieldProblem, Malformed

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FIELD: Final = b"file"
_MOST_PARTS: Final = 50
_LONGEST_NAME: Final = 200
_LONGEST_FIELD: Final = 4096


class Upload(msgspec.Struct, frozen=True):
    """A file that has arrived: its name as the caller gave it, without folders, and the form's other fields."""

    name: str
    fields: dict[str, str]


class _Parts:
    """Collects what the parser finds in one block of the body."""

    def __init__(self, nameless: str) -> None:
        self.file_parts = 0
        self.name = nameless
        self.ended = False
        self.content: list[bytes] = []
        self.fields: dict[str, bytearray] = {}
        self._nameless = nameless
        self._parts = 0
        self._in_file = False
        self._field: str | None = None
        self._header = bytearray()
        self._value = bytearray()
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin, "on_header_field": self._add_field, "on_header_value": self._add_value,
            "on_header_end": self._header_end, "on_part_data": self._data, "on_end": self._end,
        }  # fmt: skip

    def _begin(self) -> None:
        self._parts += 1
        self._in_file = False
        self._field = None
        if self._parts > _MOST_PARTS:
            message = f"The form has more than {_MOST_PARTS} parts."
            raise Malformed(message)

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            named = options.get(b"name", b"")
            self._in_file = named == _FIELD
            if self._in_file:
                self.file_parts += 1
                self.name = self._plain(options.get(b"filename", b"").decode("utf-8", "replace"))
            elif named:
                self._open_field(named.decode("utf-8", "replace")[:_LONGEST_NAME])
        self._header.clear()
        self._value.clear()

    def _open_field(self, name: str) -> None:
        if name in self.fields:
            message = f"Send '{name}' once; several parts have that name."
            raise Malformed(message, problems=[FieldProblem(name, "FIELD_TWICE", message)])
        self._field = name
        self.fields[name] = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.content.append(data[start:end])
        elif self._field is not None:
            text = self.fields[self._field]
            # What is longer is no field of ours; the rest of it is dropped, and the check of its length refuses it.
            text += data[start : min(end, start + _LONGEST_FIELD + 1 - len(text))]

    def _end(self) -> None:
        self.ended = True

    def _plain(self, name: str) -> str:
        """Keep the last part of a path, printable characters only."""
        last = name.replace("\\", "/").rpartition("/")[2]
        return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME].strip() or self._nameless

    def texts(self) -> dict[str, str]:
        """Give the form's fields as text. Raises :class:`Malformed` where one is too long or no UTF-8."""
        found: dict[str, str] = {}
        for name, value in self.fields.items():
            if len(value) > _LONGEST_FIELD:
                message = f"The field is longer than {_LONGEST_FIELD} bytes."
                raise Malformed(message, problems=[FieldProblem(name, "FIELD_TOO_LONG", message)])
            try:
                found[name] = value.decode("utf-8")
            except UnicodeDecodeError as error:
                message = "Send the field as UTF-8."
                raise Malformed(message, problems=[FieldProblem(name, "BAD_TEXT", message)]) from error
            if "\x00" in found[name]:
                message = "Remove the NUL character."
                raise Malformed(message, problems=[FieldProblem(name, "BAD_TEXT", message)])
        return found


async def take(
    content_type: str, body: AsyncIterator[bytes], spool: Spool, *, hint: str | None = None, nameless: str = "upload"
) -> Upload:
    """Write the part named ``file`` into the spool as the body arrives; other parts are small fields.

    ``hint`` is what a caller is told who sent no file, ``nameless`` the name of a file that came without one. Raises
    :class:`FileAbsent` without that part, ``Malformed`` where the body is no multipart form, :class:`UploadCutOff`,
    :class:`UploadTooLarge`. The spool is to be thrown away then.
    """
    boundary = _boundary(content_type, hint)
    parts = _Parts(nameless)
    try:
        parser = MultipartParser(boundary, parts.callbacks)
        async for block in body:
            parser.write(block)
            for piece in parts.content:
                await spool.write(piece)
            parts.content.clear()
    except FormParserError as error:
        message = "The multipart body cannot be read: check the boundary and the part headers."
        raise Malformed(message) from error
    except FileTooLarge as error:
        raise UploadTooLarge(spool.limit) from error
    except InternalServerException as error:
        # The framework's word for a connection that was closed before the body was whole.
        raise UploadCutOff from error
    if not parts.file_parts:
        raise FileAbsent(hint)
    if not parts.ended:
        raise UploadCutOff
    if parts.file_parts > 1:
        message = "Send one file; several parts are named 'file'."
        raise Malformed(message, problems=[FieldProblem("file", "FILE_TWICE", message)])
    return Upload(parts.name, parts.texts())


def _boundary(content_type: str, hint: str | None) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind == b"multipart/form-data" and boundary:
        return boundary
    if not content_type:
        raise FileAbsent(hint)
    message = "Send the file as multipart/form-data, in a part named 'file'."
    raise Malformed(message, problems=[FieldProblem("Content-Type", "NOT_MULTIPART", message, content_type[:100])])
