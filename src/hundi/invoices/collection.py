"""Requests about many invoices at once: the ids they name, and the documented reply (contract §4.3).

The payload of such a reply is an ErrorResponse even on 200: one entry for each invoice that was left as it was, and why.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from hundi.http.envelope import FAILURE, SUCCESS, Envelope, ErrorResponse, failed, sub_errors
from hundi.kit.errors import ErrorType, FieldProblem, Invalid, Refusal

MAX_INVOICES: Final = 1000
"""Most invoices in one request; more are sent in several."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the named invoices; a refused one's ``field`` is its place in the request (``invoiceIds[3]``)."""

    done: list[str]
    refused: list[FieldProblem]


def places_of(ids: Sequence[str] | None) -> dict[str, int]:
    """Give each named invoice with its first place; refuses a request that names none, or too many."""
    if not ids:
        raise Invalid(problems=[FieldProblem("invoiceIds", "REQUIRED", "Name at least one invoice.")])
    if len(ids) > MAX_INVOICES:
        message = f"Name at most {MAX_INVOICES:,} invoices in one request; send the rest in another."
        raise Invalid(problems=[FieldProblem("invoiceIds", "TOO_MANY", message, str(len(ids)))])
    places: dict[str, int] = {}
    for at, invoice_id in enumerate(ids):
        places.setdefault(invoice_id, at)
    return places


def refused_at(place: int, invoice_id: str, error: Refusal) -> FieldProblem:
    """Put a refusal of one invoice into the reply about many."""
    message = error.problems[0].message if error.problems else error.message
    code = error.problems[0].code if error.problems else error.code
    return FieldProblem(f"invoiceIds[{place}]", code, message, invoice_id[:200])


def reply_of(outcome: Outcome, verb: str, *, request_id: str, now: datetime) -> Envelope[ErrorResponse]:
    """Show an outcome; ``verb`` is what was done, as in ``3 approved, 1 left as it was``."""
    left = len(outcome.refused)
    message = f"{len(outcome.done)} {verb}, {left} left as {'it was' if left == 1 else 'they were'}."
    base = failed(message=message, error_type=ErrorType.UNPROCESSABLE_REQUEST, request_id=request_id, now=now)
    payload = ErrorResponse(
        apiSubErrors=sub_errors(outcome.refused),
        errorMessage=message,
        errorType=ErrorType.UNPROCESSABLE_REQUEST if outcome.refused else None,
        requestId=request_id,
        timestamp=base.errorResponse.timestamp if base.errorResponse else None,
    )
    if outcome.done:
        return Envelope(payload=payload, response_code=SUCCESS, response_message="SUCCESS")
    words = f"No invoice was {verb}; each is listed with the reason."
    return Envelope(payload=payload, response_code=FAILURE, response_message=words)
