"""Taking the file out of a multipart/form-data body while it arrives: never whole in memory, nowhere until complete."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import msgspec
from litestar.exceptions import InternalServerException
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from hundi.files.store import FileTooLarge, Spool
from hundi.imports.errors import FileAbsent
from hundi.kit.errors import ErrorType, FieldProblem, Malformed, Refusal

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FIELD: Final = b"file"
_MOST_PARTS: Final = 50
_LONGEST_NAME: Final = 200


class UploadTooLarge(Refusal):
    """The file is larger than this server takes (HUNDI_UPLOAD_LIMIT_MB): split it."""

    code, status, error_type = "FILE_TOO_LARGE", 413, ErrorType.CLIENT_REQUEST_ERROR


class UploadCutOff(Malformed):
    """The body ended before its last boundary: send the file again."""

    code = "UPLOAD_CUT_OFF"

    def __init__(self) -> None:
        message = "The body ended before its last boundary: send the file again."
        super().__init__(message, problems=[FieldProblem("file", self.code, message)])


class Upload(msgspec.Struct, frozen=True):
    """A file that has arrived: its name as the caller gave it, without folders."""

    name: str


class _Parts:
    """Collects what the parser finds in one block of the body."""

    def __init__(self) -> None:
        self.file_parts = 0
        self.name = "upload.csv"
        self.ended = False
        self.content: list[bytes] = []
        self._parts = 0
        self._in_file = False
        self._field = b""
        self._header = bytearray()
        self._value = bytearray()
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin, "on_header_field": self._add_field, "on_header_value": self._add_value,
            "on_header_end": self._header_end, "on_part_data": self._data, "on_end": self._end,
        }  # fmt: skip

    def _begin(self) -> None:
        self._parts += 1
        self._in_file = False
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
            self._in_file = options.get(b"name") == _FIELD
            if self._in_file:
                self.file_parts += 1
                self.name = _plain(options.get(b"filename", b"").decode("utf-8", "replace"))
        self._header.clear()
        self._value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.content.append(data[start:end])

    def _end(self) -> None:
        self.ended = True


def _plain(name: str) -> str:
    """Keep the last part of a path, printable characters only."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME].strip() or "upload.csv"


async def take(content_type: str, body: AsyncIterator[bytes], spool: Spool) -> Upload:
    """Write the part named ``file`` into the spool as the body arrives.

    Raises ``FileAbsent`` without that part, ``Malformed`` where the body is no multipart form, :class:`UploadCutOff`,
    :class:`UploadTooLarge`. The spool is to be thrown away then.
    """
    boundary = _boundary(content_type)
    parts = _Parts()
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
        raise UploadTooLarge(headers={"Connection": "close"}) from error
    except InternalServerException as error:
        # The framework's word for a connection that was closed before the body was whole.
        raise UploadCutOff from error
    if not parts.file_parts:
        raise FileAbsent
    if not parts.ended:
        raise UploadCutOff
    if parts.file_parts > 1:
        message = "Send one file; several parts are named 'file'."
        raise Malformed(message, problems=[FieldProblem("file", "FILE_TWICE", message)])
    return Upload(parts.name)


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind == b"multipart/form-data" and boundary:
        return boundary
    if not content_type:
        raise FileAbsent
    message = "Send the file as multipart/form-data, in a part named 'file'."
    raise Malformed(message, problems=[FieldProblem("Content-Type", "NOT_MULTIPART", message, content_type[:100])])
