"""Bharat Connect 2.0 on the receivables' side: payment confirmation and change of status (contract §6.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx2
import pytest

import make
from ledger import findings, refused, verb


def confirmation(ids: list[str], **changes: Any) -> dict[str, Any]:
    body = {"invoiceIds": ids, "paymentId": "PMT1", "remarks": "Seen", "response": "ACCEPT", "type": "OFFPLATFORM"}
    return body | changes


async def confirm(company: make.Company, ids: list[str], **changes: Any) -> httpx2.Response:
    return await company.http.post("/api/v0/invoice/payment-confirmation", json=confirmation(ids, **changes))


async def test_an_accepted_off_platform_payment_settles_its_invoices_once(seller: make.Company) -> None:
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(2)]
    for _ in range(2):
        reply = await confirm(seller, ids)
        assert set(reply.json()) == {"payload", "response_code", "response_message"}
        assert (reply.json()["response_code"], reply.json()["response_message"]) == (0, "SUCCESS")
        assert reply.json()["payload"].startswith("msg_")
    rows = await seller.rows("SELECT kind, amount, reference, note FROM invoice_entries WHERE seller_id = $1")
    assert rows == [{"kind": "RECEIPT", "amount": Decimal("1180.00"), "reference": "PMT1", "note": "Seen"}] * 2
    late = await confirm(seller, ids, response="REJECT")
    assert refused(late) == (422, "invoiceIds[0]", "PAYMENT_ACCEPTED")
    assert (
        await seller.value("SELECT count(*) FROM events WHERE seller_id = $1 AND type = 'invoice.payment_confirmation'")
        == 4
    )
    assert await findings(seller) == []


async def test_what_writes_no_receipt(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    assert (await confirm(seller, [made], response="REJECT")).status_code == 200
    assert (await confirm(seller, [made], type="ONPLATFORM")).status_code == 200
    assert await seller.value("SELECT count(*) FROM invoice_entries WHERE seller_id = $1") == 0


async def test_a_confirmation_is_for_all_or_none(seller: make.Company, new_seller: Any) -> None:
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(2)]
    theirs = (await (await new_seller()).invoice())["invoiceId"]
    assert refused(await confirm(seller, [ids[0], theirs])) == (404, "invoiceIds[1]", "INVOICE_NOT_FOUND")
    await verb(seller, ids[1], "cancel")
    assert refused(await confirm(seller, ids)) == (422, "invoiceIds[1]", "INVOICE_IS_CANCELLED")
    assert await seller.value("SELECT count(*) FROM invoice_entries WHERE seller_id = $1") == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"invoiceIds": []}, "invoiceIds"), ({"invoiceIds": ["x"] * 1001}, "invoiceIds"), ({"invoiceIds": "x"}, "invoiceIds"),
        ({"paymentId": ""}, "paymentId"), ({"paymentId": 5}, "paymentId"), ({"remarks": ""}, "remarks"),
        ({"remarks": "x" * 101}, "remarks"), ({"response": "accept"}, "response"), ({"response": "RETURN"}, "response"),
        ({"type": "CASH"}, "type"), ({"response": "REJECT", "type": "ONPLATFORM"}, "response"),
    ],
)  # fmt: skip
async def test_bad_confirmations(seller: make.Company, changes: dict[str, Any], field: str) -> None:
    made = (await seller.invoice())["invoiceId"]
    reply = await confirm(seller, changes.pop("invoiceIds", [made]), **changes)
    assert refused(reply)[:2] == (400, field), reply.text
    for name in confirmation([]):
        body = {key: value for key, value in confirmation([made]).items() if key != name}
        missing = await seller.http.post("/api/v0/invoice/payment-confirmation", json=body)
        assert refused(missing) == (400, name, "REQUIRED")


async def test_a_supplier_cancels_closes_and_reopens(seller: make.Company) -> None:
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(2)]

    async def change(status: str, which: list[str] = ids) -> httpx2.Response:
        body = {"invoiceIds": which, "status": status, "remarks": "By agreement"}
        return await seller.http.post("/api/v0/invoice/req-change-status", json=body)

    for status, stored in (
        ("CLOSE", "WRITTEN_OFF"),
        ("CLOSE", "WRITTEN_OFF"),
        ("REOPEN", "PENDING"),
        ("CANCEL", "CANCELLED"),
    ):
        reply = await change(status)
        assert reply.status_code == 200, reply.text
        assert set(reply.json()) == {"payload", "response_code", "response_message"}
        rows = await seller.rows("SELECT receivable_status FROM invoices WHERE seller_id = $1")
        assert {row["receivable_status"] for row in rows} == {stored}
    assert refused(await change("REOPEN")) == (422, "invoiceIds[0]", "INVOICE_IS_CANCELLED")
    assert refused(await change("OPEN")) == (400, "status", "UNKNOWN_VALUE")
    assert refused(await change("CLOSE", ["inv_x"])) == (404, "invoiceIds[0]", "INVOICE_NOT_FOUND")
    assert await findings(seller) == []
