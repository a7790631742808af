"""What the tests of invoices over HTTP share: creating one, and reading a reply to the paisa or by its problems."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx2

import make

PATH = "/api/v0/invoice"
OF_THE_DOCUMENT = frozenset({"ITEMS_MISSING", "ITEM_PARTICULARS_MISSING", "NOT_A_TAX_INVOICE"})
"""What is said of an invoice's document beside all else; tests/api/test_invoices_shortfalls.py looks at these."""


async def post(seller: make.Company, customer: str, **changes: Any) -> httpx2.Response:
    """Send createInvoice; what is not changed is right."""
    return await seller.http.post(PATH, json=make.invoice_body(customer, **changes))


def exact(reply: httpx2.Response) -> dict[str, Any]:
    """Read a payload with its numbers as Decimal."""
    found: dict[str, Any] = json.loads(reply.content, parse_float=Decimal)["payload"]
    return found


def warned(reply: httpx2.Response) -> list[tuple[str, str]]:
    """Give the field and code of each warning, but those about the document."""
    assert reply.status_code == 200, reply.text
    found = [(w["field"], w["code"]) for w in reply.json().get("warnings", [])]
    return [(field, code) for field, code in found if code not in OF_THE_DOCUMENT]


def refused(reply: httpx2.Response) -> tuple[int, list[tuple[str, str]]]:
    """Give the status of a refusal, and the field and code of each of its problems."""
    error = reply.json()["errorResponse"]
    return reply.status_code, [(e["field"], e["code"]) for e in error.get("apiSubErrors", [])]
