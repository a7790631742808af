"""The reply envelope of every endpoint (contract §1.5; design §4.8, §5) and the one encoder of replies."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar, cast

import msgspec
from litestar import Response
from msgspec import Meta

from hundi.kit.dates import IST, format_plain
from hundi.kit.errors import ErrorType, FieldProblem

T = TypeVar("T")

SUCCESS: Final = 0
FAILURE: Final = 1


NextCursor = Annotated[
    str | None,
    Meta(
        description="Send it as cursor for the next page; null or left out on the last one",
        extra_json_schema={"nullable": True},
    ),
]
NullableText = Annotated[str | None, Meta(extra_json_schema={"nullable": True})]
"""A text of a reply that is null where there is none; what is not marked so is left out instead."""


class ApiSubError(msgspec.Struct, omit_defaults=True):
    """One wrong field: ``field`` is a JSON path or a file position, ``message`` says what to do.

    ``nic`` is the number by which the e-invoice portals know a mistake against the rules of GST, where they have one.
    """

    field: str
    code: str
    message: str
    rejectedValue: str | None = None
    nic: str | None = None


class ErrorResponse(msgspec.Struct, omit_defaults=True):
    """The documented error object (contract §1.5)."""

    apiSubErrors: list[ApiSubError] = msgspec.field(default_factory=list)
    errorMessage: str | None = None
    errorType: ErrorType | None = None
    requestId: str | None = None
    timestamp: Annotated[str | None, Meta(description="yyyy-MM-dd HH:mm:ss")] = None


class EnumModel(msgspec.Struct):
    """A status on output: ``name`` is the stable value, ``label`` what a person reads (contract, EnumModel)."""

    label: str
    name: str


class Envelope(msgspec.Struct, Generic[T], kw_only=True, omit_defaults=True):
    """What every documented endpoint answers. ``warnings`` is ours and present only when there are any."""

    errorResponse: ErrorResponse | None = None
    payload: T | None = None
    response_code: Annotated[int | None, Meta(extra_json_schema={"format": "int32"})] = None
    response_message: str | None = None
    warnings: list[ApiSubError] = msgspec.field(default_factory=list)


def sub_errors(problems: Iterable[FieldProblem]) -> list[ApiSubError]:
    """Put problems into their wire form."""
    return [ApiSubError(p.field, p.code, p.message, p.rejected, p.nic) for p in problems]


def ok(payload: T, warnings: Iterable[FieldProblem] = ()) -> Envelope[T]:
    """Wrap a successful result."""
    return Envelope(payload=payload, response_code=SUCCESS, response_message="SUCCESS", warnings=sub_errors(warnings))


def failed(
    *,
    message: str,
    error_type: ErrorType,
    request_id: str,
    now: datetime,
    problems: Iterable[FieldProblem] = (),
) -> Envelope[Any]:
    """Wrap a failure; ``now`` is shown as ``yyyy-MM-dd HH:mm:ss`` in IST."""
    return Envelope(
        errorResponse=ErrorResponse(
            apiSubErrors=sub_errors(problems),
            errorMessage=message,
            errorType=error_type,
            requestId=request_id,
            timestamp=format_plain(now),
        ),
        response_code=FAILURE,
        response_message=message,
    )


def in_ist(at: datetime | None) -> datetime | None:
    """Show an instant as people here read it: RFC 3339 with +05:30 (design §4.6)."""
    return None if at is None else at.astimezone(IST)


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def encode(content: Any) -> bytes:
    """Turn a reply into JSON: money as numbers with two decimals, never through float."""
    return _ENCODER.encode(content)


class Reply(Response[T]):
    """A reply whose content is a Struct, or bytes that were encoded before (and stored under an idempotency key)."""

    def __init__(
        self,
        content: T | bytes,
        *,
        status_code: int | None = None,
        media_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(cast("T", content), status_code=status_code, media_type=media_type, headers=headers)

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:  # noqa: ARG002 - the framework's
        """Encode with our encoder; bytes and text pass as they are."""
        if isinstance(content, bytes):
            return content
        if isinstance(content, str) and not str(media_type).startswith("application/json"):
            return content.encode()
        return encode(content)
