"""How the operations of the network are called, for the tests of who may call them."""

from __future__ import annotations

from typing import Any

import network_bodies as bodies
from hundi.network.protocol.catalogue import CALLS
from hundi.network.wire.catalogue import WIRE_CALLS

POSTS: dict[str, tuple[str, str]] = {
    call.operation_id: (CALLS[call.message].path, call.message.__name__) for call in WIRE_CALLS
}
"""By operation: the path, and the name of the message whose body it takes."""
GETS: dict[str, str] = {
    "listNetworkInbox": "/api/v0/network/inbox",
    "listNetworkOutbox": "/api/v0/network/outbox",
    "listNetworkObjects": "/api/v0/network/invoice",
    "getNetworkObject": "/api/v0/network/invoice/{}",
    "listNetworkObjectEvents": "/api/v0/network/invoice/{}/events",
    "getNetworkInvoiceMatch": "/api/v0/network/invoice/{}/match",
    "listPayables": "/api/v0/network/payable",
}
SHOWN: dict[str, str] = {
    "getPayablePolicy": "/api/v0/network/payable/policy",
    "getPaymentProposal": "/api/v0/network/payable/proposal?supplier=NOBODY",
    "payablesReport": "/api/v0/reports/payables",
}
"""These are no lists: what they show is the company's own, or nothing."""
CHANGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "updatePayablePolicy": ("PATCH", "/api/v0/network/payable/policy", {"amountRupees": 2}),
}
SIMPLE: dict[str, tuple[str, dict[str, Any]]] = {
    "confirmReceivedInvoices": (
        "/api/v0/payout/confirm-invoice", {"invoiceIds": ["INV" + "0" * 32], "remarks": "seen", "status": "ACCEPT"},
    ),
    "payReceivedInvoices": (
        "/api/v0/network/payable/pay",
        {"invoices": [{"invoiceId": "INV" + "0" * 32}], "type": "OFFPLATFORM", "mode": "NEFT", "utr": "N1"},
    ),
}  # fmt: skip
"""The simplified calls: the path and a body."""
NAMED = {"getNetworkObject", "listNetworkObjectEvents", "getNetworkInvoiceMatch"}
"""These read one object by its id."""
OPERATIONS = sorted([*POSTS, *GETS, *SIMPLE, *SHOWN, *CHANGES])
ANYBODYS = {"checkEntity", "registerEntity"}
"""These name nothing that must be one's own: a company that is not on the network yet may send them."""


def request(operation: str, invoice_id: str = "INV" + "0" * 32) -> tuple[str, str, dict[str, Any]]:
    """Give method, path and further arguments of a call whose body is good."""
    if operation in GETS:
        return "GET", GETS[operation].format(invoice_id), {}
    if operation in SHOWN:
        return "GET", SHOWN[operation], {}
    if operation in CHANGES:
        method, path, body = CHANGES[operation]
        return method, path, {"json": body}
    if operation in SIMPLE:
        return "POST", SIMPLE[operation][0], {"json": SIMPLE[operation][1]}
    path, message = POSTS[operation]
    return "POST", path, {"json": bodies.every()[message]}
