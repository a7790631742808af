"""The three kinds of failure, and the wire names of the refusals.

* :class:`Refusal`: expected, 4xx, logged at info. What the caller did or asked cannot be accepted.
* :class:`Transient`: 503, worth another try. A lock was taken for too long, a provider is down.
* Anything else that is raised is a bug: 500, logged with its request id, nothing of it in the reply.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar

import msgspec


class ErrorType(StrEnum):
    """The nine documented values of ``errorResponse.errorType`` (contract, ErrorResponse)."""

    CLIENT_REQUEST_ABORT = "CLIENT_REQUEST_ABORT"
    CLIENT_REQUEST_ERROR = "CLIENT_REQUEST_ERROR"
    INVALID_ACCESS = "INVALID_ACCESS"
    RECORD_NOT_FOUND = "RECORD_NOT_FOUND"
    SYSTEM_ERROR = "SYSTEM_ERROR"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNKNOWN_ERROR = "UNKNOWN_ERROR"
    UNPROCESSABLE_REQUEST = "UNPROCESSABLE_REQUEST"
    VALIDATION_ERROR = "VALIDATION_ERROR"


class FieldProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong (or, as a warning, doubtful) at one place of the input.

    ``field`` is a JSON path (``invoice.itemLists[3].gstRate``) or a file position (``row 17, dueDate``);
    ``code`` is stable and upper-case; ``message`` says what to do; ``rejected`` is the offending value as text; ``nic`` is
    the error number of the e-invoice portals for the same mistake, where they have one (contract b2b §9.3).
    """

    field: str
    code: str
    message: str
    rejected: str | None = None
    nic: str | None = None


class Refusal(Exception):
    """The request was understood and cannot be accepted as it is."""

    code: ClassVar[str] = "REFUSED"
    status: ClassVar[int] = 422
    error_type: ClassVar[ErrorType] = ErrorType.UNPROCESSABLE_REQUEST

    def __init__(
        self,
        message: str | None = None,
        *,
        problems: Sequence[FieldProblem] = (),
        headers: dict[str, str] | None = None,
        payload: Any = None,
    ) -> None:
        self.message = message or (self.__doc__ or self.code).strip().splitlines()[0]
        self.problems: tuple[FieldProblem, ...] = tuple(problems)
        self.headers = headers or {}
        self.payload = payload
        super().__init__(self.message)


class Transient(Exception):
    """Hundi cannot do this right now; the same request may succeed in a few seconds."""

    retry_after: ClassVar[int] = 2


class Invalid(Refusal):
    """Some fields are not acceptable; each is listed with what to do about it."""

    code, status, error_type = "VALIDATION_FAILED", 400, ErrorType.VALIDATION_ERROR


class Malformed(Refusal):
    """The request could not be read."""

    code, status, error_type = "MALFORMED_REQUEST", 400, ErrorType.CLIENT_REQUEST_ERROR


class Unauthenticated(Refusal):
    """Sign in first: send a valid token in the Authorization header."""

    code, status, error_type = "UNAUTHENTICATED", 401, ErrorType.UNAUTHORIZED


class Forbidden(Refusal):
    """This token may not do that."""

    code, status, error_type = "FORBIDDEN", 403, ErrorType.INVALID_ACCESS


class NotFound(Refusal):
    """There is no such record here."""

    code, status, error_type = "NOT_FOUND", 404, ErrorType.RECORD_NOT_FOUND


class NotAllowedNow(Refusal):
    """The request is well-formed, but the record's present state does not allow it."""

    code, status, error_type = "NOT_ALLOWED_NOW", 422, ErrorType.UNPROCESSABLE_REQUEST


class Conflict(Refusal):
    """Another request with the same idempotency key is still running."""

    code, status, error_type = "IDEMPOTENCY_IN_FLIGHT", 409, ErrorType.UNPROCESSABLE_REQUEST
