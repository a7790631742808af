"""The sample requests of the published pages, sent as they are printed, and answered as design §5 and domain §7 decide.

The sample of req-send-invoice belongs to the network and is sent by its tests.
"""

from __future__ import annotations

import httpx2
import pytest

import make

JSON = {"Content-Type": "application/json"}
UPDATE = """{
    "approvalStatus": {},
    "balanceAmount": {},
    "baseAmount": {},
    "cgst": {},
    "chargeCustomer": {},
    "customerId": "string",
    "description": {},
    "dispatchNow": {},
    "dueDate": {},
    "emailAddress": {},
    "gstExclusive": {},
    "igst": {},
    "invoiceDate": {},
    "invoiceNumber": {},
    "mobileNumber": {},
    "netAmount": {},
    "partialPaymentAllowed": {},
    "payableReferenceId": {},
    "poNumber": {},
    "receivableStatus": {},
    "sgst": {},
    "tds": {},
    "totalReceived": {},
    "via": {}
}"""
DISPATCH = """{
"invoiceIds": [
"string"
],
"partialPaymentAllowed": true
}"""


def problems(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]


async def test_update_invoice(seller: make.Company) -> None:
    """Every nullable field is printed as ``{}``, which leaves it; ``"string"`` is no customer's id."""
    made = await seller.invoice()
    path = f"/api/v0/invoice/{made['invoiceId']}"
    reply = await seller.http.patch(path, content=UPDATE, headers=JSON)
    assert reply.status_code == 400
    assert problems(reply) == [("customerId", "BAD_FORMAT")]
    own = await seller.http.patch(path, content=UPDATE.replace('"string"', f'"{made["customerId"]}"'), headers=JSON)
    assert own.status_code == 200, own.text
    left = own.json()["payload"]
    assert {name: left[name] for name in made if not name.startswith("modified")} == {
        name: value for name, value in made.items() if not name.startswith("modified")
    }


async def test_update_invoice_as_the_page_s_address_has_it(seller: make.Company) -> None:
    """The printed address ends where the id belongs: nothing is there."""
    reply = await seller.http.patch("/api/v0/invoice/", content=UPDATE, headers=JSON)
    assert reply.status_code == 405
    assert reply.json()["errorResponse"]["errorType"] == "CLIENT_REQUEST_ERROR"


async def test_dispatch_invoice_collection(seller: make.Company) -> None:
    reply = await seller.http.post("/api/v0/invoice/bulk/dispatch", content=DISPATCH, headers=JSON)
    assert reply.status_code == 200
    body = reply.json()
    assert body["response_code"] == 1
    assert [(one["field"], one["code"]) for one in body["payload"]["apiSubErrors"]] == [
        ("invoiceIds[0]", "INVOICE_NOT_FOUND")
    ]


@pytest.mark.parametrize(
    ("headers", "named"), [({}, "file"), ({"Content-Type": "multipart/form-data"}, "Content-Type")]
)
async def test_invoice_bulk_upload(seller: make.Company, headers: dict[str, str], named: str) -> None:
    """The sample sends no file, which the page calls optional: it is asked for by name."""
    reply = await seller.http.post("/api/v0/invoice/bulk/create", headers=headers)
    assert reply.status_code == 400
    assert [field for field, _ in problems(reply)] == [named]
