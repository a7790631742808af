"""Refusals about whole files, of which nothing was imported; and what is wrong with a single cell."""

import msgspec

from hundi.kit.errors import ErrorType, FieldProblem, NotFound


class FileRefusal(msgspec.Struct, frozen=True):
    """Why a file cannot be imported at all: kept with the import and shown to everyone who asks for it.

    ``malformed``: the file could not be read (CLIENT_REQUEST_ERROR), else its content is not acceptable
    (VALIDATION_ERROR). Both are answered with 400.
    """

    message: str
    problems: list[FieldProblem]
    malformed: bool = False

    @property
    def error_type(self) -> ErrorType:
        """Give the documented error type."""
        return ErrorType.CLIENT_REQUEST_ERROR if self.malformed else ErrorType.VALIDATION_ERROR


class FileRefused(Exception):
    """The file as a whole is refused; carries the :class:`FileRefusal`."""

    def __init__(self, refusal: FileRefusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


def refuse(
    code: str, message: str, *, place: str = "file", rejected: str | None = None, malformed: bool = True
) -> FileRefused:
    """Make the refusal for one reason at one place."""
    return FileRefused(FileRefusal(message, [FieldProblem(place, code, message, rejected)], malformed))


class CellProblem(msgspec.Struct, frozen=True, array_like=True):
    """What the reader found wrong with one cell: its column in the chunk (``c3`` is 3), a stable code and a sentence."""

    column: int
    code: str
    message: str
    rejected: str | None = None


class ImportNotFound(NotFound):
    """There is no such import in this company."""

    code = "IMPORT_NOT_FOUND"
