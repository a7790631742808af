"""Activating, deactivating and deleting customers (contract §3.4), and their contacts."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

import make
from hundi.customers import queries

PATH = "/api/v0/customer"


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(e["field"], e["code"]) for e in reply.json()["errorResponse"]["apiSubErrors"]]


async def audited(seller: make.Company) -> list[str]:
    rows = await seller.rows("SELECT action FROM audit_log WHERE seller_id = $1 ORDER BY audit_id")
    return [row["action"] for row in rows]


async def test_an_inactive_customer_gets_no_new_invoices(seller: make.Company) -> None:
    customer = await seller.customer()
    made = await seller.invoice(customer)
    reply = await seller.http.put(f"{PATH}/deactivate/{customer}")
    assert reply.status_code == 200, reply.text
    assert reply.json()["payload"]["customerStatus"] == {"label": "Inactive", "name": "INACTIVE"}
    assert reply.headers["etag"] == '"2"'
    refused = await seller.http.post("/api/v0/invoice", json=make.invoice_body(customer))
    assert errors(refused)[0][1] == "CUSTOMER_INACTIVE"
    kept = await seller.http.get(f"/api/v0/invoice/{made['invoiceId']}")
    assert kept.status_code == 200
    again = await seller.http.put(f"{PATH}/deactivate/{customer}")
    assert (again.status_code, again.json()) == (200, reply.json()), "what already is so stays so"
    back = await seller.http.put(f"{PATH}/activate/{customer}?parentCompanyId={seller.seller_id}")
    assert back.json()["payload"]["customerStatus"]["name"] == "ACTIVE"
    await seller.invoice(customer)
    assert [a for a in await audited(seller) if a.startswith("customer.")] == [
        "customer.create", "customer.deactivate", "customer.activate",
    ]  # fmt: skip
    events = await seller.rows(
        "SELECT data::text FROM events WHERE seller_id = $1 AND type = 'customer.status' ORDER BY event_id"
    )
    assert [row["data"] for row in events] == [
        '{"to": "INACTIVE", "from": "ACTIVE"}', '{"to": "ACTIVE", "from": "INACTIVE"}',
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["activate", "deactivate"])
async def test_a_status_of_nobody(seller: make.Company, new_seller: Any, verb: str) -> None:
    stranger = await new_seller()
    customer = await seller.customer()
    assert (await stranger.http.put(f"{PATH}/{verb}/{customer}")).status_code == 404
    assert (await seller.http.put(f"{PATH}/{verb}/KC0123456789ABCD")).status_code == 404
    assert (await seller.http.put(f"{PATH}/{verb}/nonsense%20id")).status_code == 404
    reply = await seller.http.put(f"{PATH}/{verb}/{customer}", headers={"If-Match": '"9"'})
    assert (reply.status_code, errors(reply)) == (412, [("If-Match", "STALE_VERSION")])


async def test_a_deleted_customer_is_found_no_more_and_gives_its_reference_back(seller: make.Company) -> None:
    customer = await seller.customer(uniqueRefNo="R-1", customerReminders=[{"reminderType": "ONCE"}])
    reply = await seller.http.delete(f"{PATH}/{customer}")
    assert reply.status_code == 200, reply.text
    assert reply.json() == {
        "payload": f"Customer {customer} was deleted.", "response_code": 0, "response_message": "SUCCESS",
    }  # fmt: skip
    for method, path in (
        ("GET", customer), ("DELETE", customer), ("PATCH", customer), ("GET", f"{customer}/contacts"),
        ("PUT", f"activate/{customer}"), ("PUT", f"deactivate/{customer}"), ("GET", f"{customer}/reminder"),
        ("POST", f"{customer}/reminder"),
    ):  # fmt: skip
        body = {"json": {}} if method in {"PATCH", "POST"} else {}
        gone = await seller.http.request(method, f"{PATH}/{path}", **body)
        assert (gone.status_code, errors(gone)[0][1]) == (404, "CUSTOMER_NOT_FOUND"), path
    refused = await seller.http.post("/api/v0/invoice", json=make.invoice_body(customer))
    assert refused.status_code == 404
    assert await seller.customer(uniqueRefNo="R-1") != customer
    assert (await audited(seller)).count("customer.delete") == 1
    assert await seller.value("SELECT count(*) FROM events WHERE seller_id = $1 AND type = 'customer.deleted'") == 1


async def test_a_customer_that_owes_is_not_deleted(seller: make.Company) -> None:
    customer = await seller.customer()
    owed = [await seller.invoice(customer) for _ in range(2)]
    reply = await seller.http.delete(f"{PATH}/{customer}")
    assert (reply.status_code, errors(reply)) == (422, [("customerId", "CUSTOMER_HAS_OPEN_INVOICES")])
    assert "owes on 2 invoices" in reply.json()["response_message"]
    for made, status in zip(owed, ("PAID", "CANCELLED"), strict=True):
        await seller.http.patch(f"/api/v0/invoice/{made['invoiceId']}", json={"receivableStatus": status})
    disputed = await seller.invoice(customer)
    await seller.http.patch(f"/api/v0/invoice/{disputed['invoiceId']}", json={"receivableStatus": "DISPUTED"})
    reply = await seller.http.delete(f"{PATH}/{customer}")
    assert "owes on 1 invoice." in reply.json()["response_message"]
    await seller.http.patch(f"/api/v0/invoice/{disputed['invoiceId']}", json={"receivableStatus": "PAID"})
    reply = await seller.http.delete(f"{PATH}/{customer}")
    assert reply.status_code == 200, reply.text
    kept = await seller.http.get(f"/api/v0/invoice/{owed[0]['invoiceId']}")
    assert kept.json()["payload"]["customerLegalName"] == "Konkan Traders", "its invoices stay"


async def test_delete_keeps_to_its_version_and_its_key(seller: make.Company) -> None:
    customer = await seller.customer()
    stale = await seller.http.delete(f"{PATH}/{customer}", headers={"If-Match": '"2"'})
    assert (stale.status_code, errors(stale)) == (412, [("If-Match", "STALE_VERSION")])
    headers = {"If-Match": '"1"', "Idempotency-Key": "k"}
    first = await seller.http.delete(f"{PATH}/{customer}", headers=headers)
    again = await seller.http.delete(f"{PATH}/{customer}", headers=headers)
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again.headers["idempotency-replayed"] == "true"


async def test_of_many_deletes_at_once_one_is_done(seller: make.Company) -> None:
    customer = await seller.customer()
    replies = await asyncio.gather(*(seller.http.delete(f"{PATH}/{customer}") for _ in range(6)))
    assert sorted(reply.status_code for reply in replies) == [200] + [404] * 5


async def test_contacts_of_a_customer(seller: make.Company, new_seller: Any) -> None:
    people = [make.contact_body(name="Mute", mail_enabled=False), make.contact_body(name="Heard")]
    customer = await seller.customer(customerKeyContacts=people)
    reply = await seller.http.get(f"{PATH}/{customer}/contacts")
    assert reply.status_code == 200
    payload = reply.json()["payload"]
    whole = (await seller.http.get(f"{PATH}/{customer}")).json()["payload"]
    assert payload == {"data": whole["customerKeyContacts"], "total_count": 2, "limit": 50, "offset": 0}
    assert [c["primary"] for c in payload["data"]] == [False, True], "the one whom the mail is addressed to"
    stranger = await new_seller()
    assert (await stranger.http.get(f"{PATH}/{customer}/contacts")).status_code == 404


async def test_an_invoice_that_comes_while_its_customer_is_deleted_finds_it_gone(seller: make.Company) -> None:
    customer = await seller.customer()
    async with seller.db.transaction(seller.seller_id) as tx:
        await queries.lock(tx, seller.seller_id, customer, against_invoices=True)
        creating = asyncio.create_task(seller.http.post("/api/v0/invoice", json=make.invoice_body(customer)))
        done, _ = await asyncio.wait({creating}, timeout=0.5)
        assert not done, "it waits for what becomes of the customer"
        await tx.execute("UPDATE customers SET deleted_at = $2 WHERE seller_id = $1", seller.seller_id, tx.now)
    reply = await creating
    assert (reply.status_code, errors(reply)[0][1]) == (404, "CUSTOMER_NOT_FOUND")


async def test_a_delete_and_new_invoices_at_once_never_leave_an_invoice_to_nobody(seller: make.Company) -> None:
    for _ in range(6):
        customer = await seller.customer()
        creates = [seller.http.post("/api/v0/invoice", json=make.invoice_body(customer)) for _ in range(3)]
        gone, *made = await asyncio.gather(seller.http.delete(f"{PATH}/{customer}"), *creates)
        assert gone.status_code in {200, 422}
        assert {reply.status_code for reply in made} == {404 if gone.status_code == 200 else 200}
