"""What every documented endpoint has in common in the OpenAPI document: the listed statuses and their envelope."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema

from hundi.http.envelope import Envelope

# The statuses listed on every page of the contract (§1.5), and those that are ours (design §5).
_NAMES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    422: "Unprocessable Request",
    500: "Server Error",
    409: "A request with the same Idempotency-Key is still running",
    413: "The body is too large",
    429: "Too many requests",
    503: "Try again in a few seconds",
}


_STALE: Final = {412: "The record was changed after you read it (If-Match)"}


def statuses(*only: int, versioned: bool = False) -> dict[int, ResponseSpec]:
    """Give the failures every endpoint may answer with, all in the documented envelope; ``only`` these where named.

    ``versioned`` adds the 412 of endpoints that take If-Match.
    """
    return {
        status: ResponseSpec(Envelope[Any], generate_examples=False, description=name)
        for status, name in (_NAMES | (_STALE if versioned else {})).items()
        if not only or status in only
    }


def or_file(content_types: Iterable[str]) -> type[Operation]:
    """Give the class of an operation whose successful reply may also be a file, of one of these content types."""
    kinds = tuple(content_types)

    @dataclass
    class FileOperation(Operation):
        def __post_init__(self) -> None:
            reply = (self.responses or {}).get("200")
            if isinstance(reply, OpenAPIResponse):
                files = {
                    kind.partition(";")[0]: OpenAPIMediaType(
                        schema=Schema(type=OpenAPIType.STRING, content_media_type=kind)
                    )
                    for kind in kinds
                }
                reply.content = files | (reply.content or {})

    return FileOperation
