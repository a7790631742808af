"""Matching received invoices with orders and notes, as they come: over HTTP, with the job, in the database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import network_bodies as bodies
from hundi.db.migrations import versions
from hundi.network import jobs
from network_buying import billed, errors, for_order, listed, ordered
from network_world import Trader, World

POLICY = "/api/v0/network/payable/policy"
SQL = Path(versions.__file__).with_name("0012_network_matches.sql")


@pytest.fixture
async def pair(world: World, new_seller: Any) -> tuple[Trader, Trader]:
    return await world.join(await new_seller()), await world.join(await new_seller())


async def matched(trader: Trader, sent: dict[str, Any]) -> dict[str, Any]:
    reply = await trader.company.http.get(f"/api/v0/network/invoice/{sent['invoice']['objectId']}/match")
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def verdicts(trader: Trader) -> dict[str, str]:
    """Give the verdicts of the list by invoice number; they are those of the match shown by itself."""
    found = (await listed(trader))["data"]
    for one in found:
        shown = await matched(trader, {"invoice": {"objectId": one["objectId"]}})
        assert (shown["verdict"], shown["findings"]) == (one["verdict"], one["findings"]), one["supplierInvoiceNumber"]
    return {one["supplierInvoiceNumber"]: one["verdict"] for one in found}


async def change(trader: Trader, **policy: Any) -> dict[str, Any]:
    reply = await trader.company.http.patch(POLICY, json=policy)
    assert reply.status_code == 200, reply.text
    await trader.world.match()
    found: dict[str, Any] = reply.json()["payload"]
    return found


def by_number(order: dict[str, Any]) -> dict[str, Any]:
    """Name an order by its number alone: the network does not count such an invoice, the match does."""
    return {"poDetails": [{"buyerPoId": order["purchaseOrder"]["buyerPONumber"]}]}


async def test_a_match_shows_all_that_was_looked_at(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    first = await billed(pair, 708, **by_number(order), itemLists=[bodies.item(708, quantity=6)])
    second = await billed(pair, 590, **by_number(order), itemLists=[bodies.item(590, quantity=5)])
    found = await matched(buyer, second)
    number = order["purchaseOrder"]["buyerPONumber"]
    assert (found["verdict"], found["totalAmount"]) == ("QUANTITY_EXCEEDS", 590)
    assert found["lines"] == [{
        "place": 0, "verdict": "QUANTITY_EXCEEDS", "taxable": 500, "orderObjectId": order["purchaseOrder"]["objectId"],
        "orderNumber": number, "orderLine": "1", "quantity": 5, "orderedQuantity": 10, "earlierQuantity": 6,
        "expectedTaxable": 500,
    }]  # fmt: skip
    assert found["findings"] == [{
        "verdict": "QUANTITY_EXCEEDS", "field": "invoice.itemLists[0].quantity", "expected": "10", "found": "11",
        "message": "11 is billed in all, 6 of it earlier; 10 was ordered.",
    }]  # fmt: skip
    assert found["orders"] == [
        {"objectId": order["purchaseOrder"]["objectId"], "number": number, "status": "ACCEPTED", "total": 1180}
    ]
    assert found["earlierInvoices"] == [first["invoice"]["supplierInvoiceNumber"]]
    assert (found["notes"], found["tolerances"]["amountRupees"]) == ([], 1)
    for path in (f"invoice/{order['purchaseOrder']['objectId']}/match", f"cd-note/{found['objectId']}/match"):
        assert (await buyer.company.http.get(f"/api/v0/network/{path}")).status_code == 404
    theirs = await supplier.company.http.get(f"/api/v0/network/invoice/{found['objectId']}/match")
    assert theirs.status_code == 404, "it is no received invoice there"


async def test_verdicts_follow_what_happens(pair: tuple[Trader, Trader]) -> None:
    """A rejected invoice no longer counts, a note gives back, an edit is read anew, an order may come late."""
    supplier, buyer = pair
    world = supplier.world
    order = await ordered(pair)
    first = await billed(pair, 944, **by_number(order), itemLists=[bodies.item(944, quantity=8)])
    second = await billed(pair, 472, **by_number(order), itemLists=[bodies.item(472, quantity=4)])
    numbers = [sent["invoice"]["supplierInvoiceNumber"] for sent in (first, second)]
    assert await verdicts(buyer) == dict(zip(numbers, ("MATCHED", "QUANTITY_EXCEEDS"), strict=True))
    note = bodies.send_note(supplier.b2b_id, buyer.b2b_id, 236)
    note["cdNote"] |= {
        "itemLists": [bodies.item(236, quantity=2)], "precedingInvoiceDetails": [{"invoiceNumber": numbers[0]}],
    }  # fmt: skip
    await supplier.call("cd-note/req-send", note)
    await world.match()
    assert (await verdicts(buyer))[numbers[1]] == "QUANTITY_EXCEEDS", "it is not accepted yet"
    await buyer.call("cd-note/req-confirm", bodies.confirm_note(note))
    await world.match()
    assert await verdicts(buyer) == dict.fromkeys(numbers, "MATCHED")
    assert (await matched(buyer, second))["notes"][0]["noteType"] == "CREDIT"
    third = await billed(pair, 590, **by_number(order), itemLists=[bodies.item(590, quantity=5)])
    number = third["invoice"]["supplierInvoiceNumber"]
    assert (await verdicts(buyer))[number] == "QUANTITY_EXCEEDS"
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(first, "REJECT"))
    await world.match()
    assert (await verdicts(buyer))[number] == "MATCHED"
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(third, "RETURN"))
    edited = bodies.edit_invoice(third, 708)
    edited["invoice"]["itemLists"] = [bodies.item(708, quantity=5)]
    await supplier.call("invoice/req-edit-invoice", edited)
    await world.match()
    assert (await verdicts(buyer))[number] == "PRICE_DIFFERS"
    heard = [e["data"]["verdict"] for e in await told(buyer) if e["data"]["supplierInvoiceNumber"] == number]
    assert heard == ["QUANTITY_EXCEEDS", "MATCHED", "PRICE_DIFFERS"], "each new verdict is told once"


async def told(trader: Trader) -> list[dict[str, Any]]:
    rows = await trader.company.rows(
        "SELECT data::text AS data FROM events WHERE seller_id = $1 AND type = 'payable.matched' ORDER BY at, event_id"
    )
    return [{"data": bodies.json_of(row["data"])} for row in rows]


async def test_an_order_that_comes_after_its_invoice(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = await billed(pair, poDetails=[{"buyerPoId": "po/late"}])
    number = sent["invoice"]["supplierInvoiceNumber"]
    assert await verdicts(buyer) == {number: "NO_ORDER"}
    order = bodies.send_order(supplier.b2b_id, buyer.b2b_id)
    order["purchaseOrder"]["buyerPONumber"] = "PO/LATE"
    await buyer.call("purchase-order/req-send", order)
    await supplier.world.match()
    assert await verdicts(buyer) == {number: "ORDER_NOT_OPEN"}
    await supplier.call("purchase-order/req-confirm", bodies.confirm_order(order))
    await supplier.world.match()
    assert await verdicts(buyer) == {number: "MATCHED"}


async def test_the_same_bill_twice_is_suspected(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    first = await billed(pair, **for_order(order), supplierInvoiceNumber="S/0077")
    again = await billed(pair, **by_number(order), supplierInvoiceNumber="S-77")
    assert await verdicts(buyer) == {"S/0077": "MATCHED", "S-77": "DUPLICATE_SUSPECTED"}
    assert (await matched(buyer, again))["findings"][0]["found"] == first["invoice"]["objectId"]
    await supplier.call(
        "invoice/req-status-change-invoice", bodies.change_invoice_status(first, status="SENT TO BUYER")
    )
    await supplier.world.match()
    assert (await verdicts(buyer))["S-77"] == "MATCHED", "the first was taken back"


async def test_the_policy_is_each_companys_own(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    sent = await billed(pair, 1239, **by_number(order), itemLists=[bodies.item(1239, quantity=10)])
    number = sent["invoice"]["supplierInvoiceNumber"]
    assert await verdicts(buyer) == {number: "PRICE_DIFFERS"}
    defaults = (await buyer.company.http.get(POLICY)).json()["payload"]
    assert defaults == {
        "pricePercent": 0, "quantityPercent": 0, "quantityUnits": 0, "amountRupees": 1, "taxRupees": 1,
        "autoAccept": "NOTHING",
    }  # fmt: skip
    assert await change(buyer, pricePercent=5) == defaults | {"pricePercent": 5}
    assert await verdicts(buyer) == {number: "WITHIN_TOLERANCE"}
    assert await change(buyer, pricePercent=0) == defaults
    assert await verdicts(buyer) == {number: "PRICE_DIFFERS"}
    assert (await supplier.company.http.get(POLICY)).json()["payload"] == defaults
    bad = await buyer.company.http.patch(
        POLICY, json={"pricePercent": 101, "quantityUnits": -1, "amountRupees": "1", "autoAccept": "ALL"}
    )
    assert (bad.status_code, sorted(field for field, _ in errors(bad))) == (
        400, ["amountRupees", "autoAccept", "pricePercent", "quantityUnits"],
    )  # fmt: skip
    trail = await buyer.company.rows(
        "SELECT before::text AS b, after::text AS a FROM audit_log WHERE seller_id = $1 AND action = 'payable.policy'"
        " ORDER BY audit_id"
    )
    assert [(bodies.json_of(row["b"]), bodies.json_of(row["a"])) for row in trail] == [
        ({"price_percent": 0}, {"price_percent": 5}), ({"price_percent": 5}, {"price_percent": 0}),
    ]  # fmt: skip


async def test_what_matches_is_accepted_of_itself_once(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    before = await billed(pair, 118, **by_number(order), itemLists=[bodies.item(118, quantity=1)])
    assert await supplier.status("invoice", before["invoice"]["objectId"]) == "SENT TO BUYER", "off unless told"
    await change(buyer, autoAccept="MATCHED")
    assert await supplier.status("invoice", before["invoice"]["objectId"]) == "ACCEPTED"
    good = await billed(pair, 236, **by_number(order), itemLists=[bodies.item(236, quantity=2)])
    close = await billed(pair, 118.5, **by_number(order), itemLists=[bodies.item(118.5, quantity=1)])
    for sent, status in ((good, "ACCEPTED"), (close, "SENT TO BUYER")):
        assert await supplier.status("invoice", sent["invoice"]["objectId"]) == status
    # The same job again, and several at once: nothing is answered twice.
    payload = {"seller_id": buyer.company.seller_id, "objects": [good["invoice"]["objectId"]]}
    await asyncio.gather(*(jobs.match(supplier.world.context, payload) for _ in range(4)))
    await supplier.world.match()
    answers = [e["data"]["invoiceConfirmation"] for e in await supplier.heard("network.invoice.req-confirm-invoice")]
    assert [one["objectId"] for one in answers].count(good["invoice"]["objectId"]) == 1
    assert {one["buyerRemarks"] for one in answers} == {f"Matched with {order['purchaseOrder']['buyerPONumber']}"}
    marked = {one["objectId"]: one.get("acceptedOfItself", False) for one in (await listed(buyer))["data"]}
    assert marked == {
        before["invoice"]["objectId"]: True, good["invoice"]["objectId"]: True, close["invoice"]["objectId"]: False,
    }  # fmt: skip
    trail = await buyer.company.rows(
        "SELECT actor FROM audit_log WHERE seller_id = $1 AND action LIKE 'network.%' AND object_id = $2",
        good["invoice"]["objectId"],
    )
    assert [row["actor"] for row in trail] == ["system"]
    await change(buyer, autoAccept="WITHIN_TOLERANCE")
    assert await supplier.status("invoice", close["invoice"]["objectId"]) == "ACCEPTED"


async def test_nothing_is_accepted_of_itself_over_a_clerks_answer(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    await change(buyer, autoAccept="MATCHED")
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, **for_order(order))
    await supplier.call("invoice/req-send-invoice", sent)
    returned = await buyer.post("invoice/req-confirm-invoice", bodies.confirm_invoice(sent, "RETURN"))
    assert returned.status_code == 200
    await supplier.world.match()
    assert await supplier.status("invoice", sent["invoice"]["objectId"]) == "RETURNED"
    await supplier.world.match()
    assert len(await supplier.heard("network.invoice.req-confirm-invoice")) == 1


async def test_many_jobs_at_once_count_every_earlier_invoice(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    sent = []
    for day in range(1, 7):
        # On days of their own: the same amount on the same day would be taken for the same bill.
        stamp = {"ts": f"2026-11-{day:02d}T10:00:00+05:30"}
        body = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, 236, **by_number(order), **stamp)
        body["invoice"]["itemLists"] = [bodies.item(236, quantity=2)]
        await supplier.call("invoice/req-send-invoice", body)
        sent.append(body)
    context, seller_id = supplier.world.context, buyer.company.seller_id
    await asyncio.gather(
        *(jobs.match(context, {"seller_id": seller_id, "objects": [b["invoice"]["objectId"]]}) for b in reversed(sent))
    )
    await jobs.match(context, {"seller_id": seller_id, "after": ""})
    found = await verdicts(buyer)
    assert [found[b["invoice"]["supplierInvoiceNumber"]] for b in sent] == ["MATCHED"] * 5 + ["QUANTITY_EXCEEDS"]


async def test_an_invoice_that_cannot_be_read_holds_up_no_other(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, 118, **by_number(order)) for _ in range(2)]
    for body in sent:
        await supplier.call("invoice/req-send-invoice", body)
    bad, good = (body["invoice"]["objectId"] for body in sent)
    await buyer.company.run("UPDATE network_objects SET document = '{}' WHERE seller_id = $1 AND object_id = $2", bad)
    await supplier.world.match()
    assert {one["objectId"]: one["verdict"] for one in (await listed(buyer))["data"]} == {
        bad: "PENDING", good: "PRICE_DIFFERS",
    }  # fmt: skip
    await buyer.company.run(
        "UPDATE network_objects SET document = $3::text::jsonb WHERE seller_id = $1 AND object_id = $2", bad,
        json.dumps(sent[0]),
    )  # fmt: skip
    await change(buyer)
    assert {one["objectId"]: one["verdict"] for one in (await listed(buyer))["data"]} == {
        bad: "PRICE_DIFFERS", good: "DUPLICATE_SUSPECTED",
    }  # fmt: skip


async def test_invoices_of_before_are_matched_by_a_change_of_the_policy(pair: tuple[Trader, Trader]) -> None:
    """As after an upgrade: the invoices are there, and nothing was read of them."""
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    own = bodies.send_invoice(supplier.b2b_id, "NOBODY-AT-ALL")
    for body in (sent, own):
        await supplier.call("invoice/req-send-invoice", body)
    assert [one["verdict"] for one in (await listed(buyer))["data"]] == ["PENDING"]
    async with buyer.company.db.unbound() as tx:
        await tx.execute("DELETE FROM pgqueuer WHERE entrypoint = 'network.match'")
    await change(buyer)
    assert [one["verdict"] for one in (await listed(buyer))["data"]] == ["NO_ORDER"]
    await change(supplier)
    assert (await listed(supplier))["data"] == []


async def test_bills_alike_without_an_order_are_suspected_and_the_nearest_ten_are_named(
    pair: tuple[Trader, Trader],
) -> None:
    _, buyer = pair
    sent = [await billed(pair, supplierInvoiceNumber=f"A/{at}") for at in range(12)]
    assert (await matched(buyer, sent[0]))["verdict"] == "NO_ORDER"
    found = [one["found"] for one in (await matched(buyer, sent[11]))["findings"] if one["field"] == "invoice"]
    assert found == [one["invoice"]["objectId"] for one in reversed(sent[1:11])], "the nearest first"
    await verdicts(buyer)


async def test_the_digest_of_what_is_alike_is_the_same_in_sql_and_in_python(pair: tuple[Trader, Trader]) -> None:
    """Rows of before were given theirs by the migration."""
    _, buyer = pair
    orders = [await ordered(pair), await ordered(pair)]
    await billed(pair, poDetails=[*for_order(orders[1])["poDetails"], *by_number(orders[0])["poDetails"]])
    await billed(pair)
    text = SQL.read_text()
    formula = text[text.index("left(encode(") : text.index("\n  from network_objects o")]
    rows = await buyer.company.rows(
        f"SELECT p.likeness, {formula} AS again FROM network_payables p WHERE p.seller_id = $1"
    )
    assert len({row["likeness"] for row in rows}) == 2
    assert [row["likeness"] for row in rows] == [row["again"] for row in rows]


async def test_an_invoice_is_answered_while_it_is_being_matched(pair: tuple[Trader, Trader]) -> None:
    """The match's row refers to the object; that keeps nobody from answering or from taking in what becomes of it."""
    supplier, buyer = pair
    sent = await billed(pair)
    async with buyer.company.db.transaction(buyer.company.seller_id) as matching:
        await matching.fetch(
            "SELECT 1 FROM network_objects WHERE seller_id = $1 AND object_id = $2 FOR KEY SHARE",
            buyer.company.seller_id, sent["invoice"]["objectId"],
        )  # fmt: skip
        async with asyncio.timeout(8):
            await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    assert await supplier.status("invoice", sent["invoice"]["objectId"]) == "ACCEPTED"


async def test_that_an_invoice_is_accepted_calls_for_no_match(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    sent = await billed(pair)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    async with buyer.company.db.unbound() as tx:
        rows = await tx.fetch(
            "SELECT convert_from(payload, 'UTF8') AS payload FROM pgqueuer WHERE entrypoint = 'network.match'"
        )
    assert not [row for row in rows if sent["invoice"]["objectId"] in row["payload"]]
