"""Delete Invoice Collection, and the register of voided numbers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

import make


async def delete(company: make.Company, ids: Any, **headers: str) -> httpx2.Response:
    return await company.http.post("/api/v0/invoice/bulk/delete", json={"invoiceIds": ids}, headers=headers)


def refusals(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(e["field"], e["code"]) for e in reply.json()["payload"].get("apiSubErrors", [])]


async def test_a_deleted_invoice_is_nowhere_and_its_number_is_burnt(seller: make.Company) -> None:
    made = await seller.invoice(invoiceNumber="DEL-1", externalId="E1")
    at = made["invoiceId"]
    reply = await delete(seller, [at])
    assert (reply.status_code, reply.json()["response_code"]) == (200, 0)
    assert reply.json()["payload"]["errorMessage"] == "1 deleted, 0 left as they were."
    assert refusals(reply) == []
    path = f"/api/v0/invoice/{at}"
    for call in (
        seller.http.get(path), seller.http.patch(path, json={"description": "x"}), seller.http.get(f"{path}/entries"),
        seller.http.post(f"{path}/entries", json={"kind": "RECEIPT", "amount": 1}), seller.http.get(f"{path}/approvals"),
        seller.http.post(f"{path}/cancel", json={"reason": "x"}), seller.http.post(f"{path}/approve", json={}),
        seller.http.get(f"{path}/attachment"),
    ):  # fmt: skip
        found = await call
        assert found.status_code == 404, found.text
    search = await seller.http.post("/api/v0/invoice/search", json={"invoiceIds": [at]})
    assert search.json()["payload"]["total_count"] == 0
    sent = await seller.http.post("/api/v0/invoice/bulk/dispatch", json={"invoiceIds": [at]})
    assert refusals(sent) == [("invoiceIds[0]", "INVOICE_NOT_FOUND")]
    body = make.invoice_body(made["customerId"], invoiceNumber="del-1")
    again = await seller.http.post("/api/v0/invoice", json=body)
    assert again.json()["errorResponse"]["apiSubErrors"][0]["code"] == "INVOICE_NUMBER_TAKEN"
    assert refusals(await delete(seller, [at])) == [("invoiceIds[0]", "INVOICE_NOT_FOUND")]
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.delete'") == 1
    assert await seller.value("SELECT count(*) FROM events WHERE seller_id = $1 AND type = 'invoice.deleted'") == 1


async def test_only_what_had_no_effect_is_deleted(seller: make.Company, new_seller: Any) -> None:
    customer = await seller.customer()
    queued, sent, irn, paid, certified, mended, fine = [
        (await seller.invoice(customer, partialPaymentAllowed=True, **({"tds": 10} if at == 4 else {})))["invoiceId"]
        for at in range(7)
    ]
    theirs = (await (await new_seller()).invoice())["invoiceId"]
    update = "UPDATE invoices SET {} WHERE seller_id = $1 AND invoice_id = $2"
    await seller.run(update.format("dispatch_status = 'QUEUED'"), queued)
    await seller.run(update.format("dispatch_status = 'DISPATCHED', dispatched_at = now()"), sent)
    await seller.run(update.format("irn = repeat('a', 64)"), irn)
    entries = "/api/v0/invoice/{}/entries"
    await seller.http.post(entries.format(paid), json={"kind": "RECEIPT", "amount": 5})
    await seller.http.post(entries.format(certified), json={"kind": "TDS_INCOME_TAX", "amount": 10})
    entry = (await seller.http.post(entries.format(mended), json={"kind": "RECEIPT", "amount": 5})).json()["payload"][
        "entry"
    ]
    await seller.http.post(f"{entries.format(mended)}/{entry['entryId']}/reverse", json={})
    reply = await delete(seller, [queued, sent, irn, paid, certified, mended, theirs, fine, fine])
    assert refusals(reply) == [
        ("invoiceIds[0]", "DISPATCHED"), ("invoiceIds[1]", "DISPATCHED"), ("invoiceIds[2]", "HAS_IRN"),
        ("invoiceIds[3]", "HAS_MONEY"), ("invoiceIds[4]", "HAS_MONEY"), ("invoiceIds[6]", "INVOICE_NOT_FOUND"),
    ]  # fmt: skip
    assert reply.json()["payload"]["errorMessage"] == "2 deleted, 6 left as they were."
    gone = await seller.rows("SELECT invoice_id FROM invoices WHERE seller_id = $1 AND deleted_at IS NOT NULL")
    assert {row["invoice_id"] for row in gone} == {mended, fine}
    nothing = await delete(seller, [sent])
    assert (nothing.status_code, nothing.json()["response_code"]) == (200, 1)


@pytest.mark.parametrize("ids", [None, [], ["x"] * 1001, "x", [5], [None], {}])
async def test_bad_collections(seller: make.Company, ids: Any) -> None:
    reply = await delete(seller, ids)
    assert reply.status_code == 400
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["field"].startswith("invoiceIds")


async def test_deletions_at_once_delete_once(seller: make.Company) -> None:
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(6)]
    replies = await asyncio.gather(delete(seller, ids), delete(seller, ids[::-1]), delete(seller, ids[2:]))
    assert {reply.status_code for reply in replies} == {200}
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.delete'") == 6
    assert await seller.value("SELECT count(*) FROM voided_numbers WHERE seller_id = $1") == 6


async def test_a_deletion_is_replayed(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    first = await delete(seller, [made], **{"Idempotency-Key": "d"})
    again = await delete(seller, [made], **{"Idempotency-Key": "d"})
    assert again.content == first.content


async def test_the_register_of_voided_numbers(seller: make.Company) -> None:
    customer = await seller.customer()
    gone = await seller.invoice(customer, invoiceNumber="Void-2")
    cancelled = await seller.invoice(customer, invoiceNumber="Void-1")
    early = await seller.invoice(customer, invoiceNumber="Void-3", invoiceDate="2026-03-31", dueDate="2026-12-01")
    await seller.invoice(customer)
    await delete(seller, [gone["invoiceId"], early["invoiceId"]])
    await seller.http.post(f"/api/v0/invoice/{cancelled['invoiceId']}/cancel", json={"reason": "Wrong buyer"})
    await delete(seller, [cancelled["invoiceId"]])
    page = (await seller.http.get("/api/v0/series/voided")).json()["payload"]
    assert [(v["invoiceNumber"], v["financialYear"], v["reason"], v.get("remarks")) for v in page["data"]] == [
        ("Void-3", "2025-26", "DELETED", None), ("Void-1", "2026-27", "CANCELLED", "Wrong buyer"),
        ("Void-2", "2026-27", "DELETED", None),
    ]  # fmt: skip
    assert page["data"][0]["registrationGstin"] == seller.registration.gstin
    assert page["data"][0]["voidedBy"] == seller.user_id
    year = (await seller.http.get("/api/v0/series/voided?fy=2026")).json()["payload"]
    assert (year["total_count"], len(year["data"])) == (2, 2)
    found: list[str] = []
    cursor = ""
    while True:
        part = (await seller.http.get(f"/api/v0/series/voided?limit=1{cursor}")).json()["payload"]
        found += [v["invoiceNumber"] for v in part["data"]]
        if part["next_cursor"] is None:
            break
        cursor = f"&cursor={part['next_cursor']}"
    assert found == ["Void-3", "Void-1", "Void-2"]
    for query in ("fy=1999", "fy=x", "limit=0", "limit=5001", "offset=-1", "cursor=x"):
        assert (await seller.http.get(f"/api/v0/series/voided?{query}")).status_code == 400, query
