"""Who is who on the network: B2B IDs of customers, set and learnt, and the company's own (contract b2b §1.1, §4.4)."""

from __future__ import annotations

from typing import Any

import pytest

import make
import network_bodies as bodies
from hundi.network.counterparties import OwnId, own_id_of
from network_books import Trade, join
from network_world import World

PATH = "/api/v0/network/counterparty"


async def test_set_shown_listed_and_forgotten(seller: make.Company) -> None:
    customers = sorted([await seller.customer() for _ in range(3)])
    for at, customer in enumerate(customers):
        reply = await seller.http.put(f"{PATH}/{customer}", json={"b2bId": f"B2B-{at}"})
        assert reply.status_code == 200, reply.text
    one = (await seller.http.get(f"{PATH}/{customers[0]}")).json()["payload"]
    assert (one["customerId"], one["b2bId"], one["source"], one["legalName"]) == (
        customers[0], "B2B-0", "EXPLICIT", "Konkan Traders",
    )  # fmt: skip
    first = (await seller.http.get(PATH, params={"limit": 2})).json()["payload"]
    assert ([row["customerId"] for row in first["data"]], first["total_count"]) == (customers[:2], 3)
    rest = (await seller.http.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})).json()["payload"]
    assert ([row["customerId"] for row in rest["data"]], rest["next_cursor"]) == (customers[2:], None)
    assert (await seller.http.delete(f"{PATH}/{customers[0]}")).status_code == 200
    gone = await seller.http.get(f"{PATH}/{customers[0]}")
    assert (gone.status_code, gone.json()["errorResponse"]["errorType"]) == (404, "RECORD_NOT_FOUND")
    assert (await seller.http.delete(f"{PATH}/{customers[0]}")).status_code == 404
    events = await seller.rows("SELECT type FROM events WHERE seller_id = $1 AND type = 'counterparty.changed'")
    assert len(events) == 4


@pytest.mark.parametrize(
    ("b2b_id", "code"),
    [('A"B', "B2B_ID_FORMAT"), ("A\\B", "B2B_ID_FORMAT"), ("", "BAD_LENGTH"), ("N" * 101, "BAD_LENGTH")],
)
async def test_what_is_no_b2b_id(seller: make.Company, b2b_id: str, code: str) -> None:
    customer = await seller.customer()
    reply = await seller.http.put(f"{PATH}/{customer}", json={"b2bId": b2b_id})
    problem = reply.json()["errorResponse"]["apiSubErrors"][0]
    assert (reply.status_code, problem["field"], problem["code"]) == (400, "b2bId", code)
    assert (await seller.http.put(f"{PATH}/KC0123456789ABCD", json={"b2bId": "B"})).status_code == 404


async def test_ones_own_is_no_counterpartys(world: World, new_seller: Any) -> None:
    supplier = await join(world, await new_seller())
    customer = await supplier.company.customer()
    reply = await supplier.company.http.put(f"{PATH}/{customer}", json={"b2bId": supplier.b2b_id.lower()})
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["code"] == "B2B_ID_IS_YOURS"


async def known(trade: Trade) -> dict[str, Any] | None:
    reply = await trade.seller.http.get(f"{PATH}/{trade.customer}")
    return reply.json()["payload"] if reply.status_code == 200 else None


async def order(trade: Trade, gstin: str | None = None) -> dict[str, Any]:
    """Let the buyer send a purchase order in which it gives a GSTIN."""
    body = bodies.send_order(trade.supplier.b2b_id, trade.buyer.b2b_id)
    body["purchaseOrder"]["buyerDetails"]["gstin"] = gstin or trade.buyer.company.registration.gstin
    await trade.buyer.call("purchase-order/req-send", body)
    assert trade.buyer.resp["resp"]["result"] == "SUCCESS", trade.buyer.resp
    return body


async def accepted(trade: Trade, gstin: str | None = None) -> dict[str, Any]:
    """Let the buyer send an order, and the supplier accept it."""
    sent = await order(trade, gstin)
    await trade.supplier.call("purchase-order/req-confirm", bodies.confirm_order(sent))
    return sent


async def test_a_stranger_who_names_a_customers_gstin_teaches_nothing(world: World, new_seller: Any) -> None:
    """The customer is not on the network, so nobody there has its GSTIN; whoever names it gets none of its invoices."""
    trade = await Trade.between(world, new_seller, known=False)
    gstin = make.gstin("29")
    victim = await trade.seller.customer(panOrGstin=gstin, state="Karnataka")
    await order(trade, gstin)
    assert (await trade.seller.http.get(f"{PATH}/{victim}")).status_code == 404
    invoice = bodies.send_invoice(trade.buyer.b2b_id, trade.supplier.b2b_id)
    invoice["invoice"]["supplierDetails"]["gstin"] = gstin
    await trade.buyer.call("invoice/req-send-invoice", invoice)
    assert trade.buyer.resp["resp"]["result"] == "SUCCESS", trade.buyer.resp
    assert (await trade.seller.http.get(f"{PATH}/{victim}")).status_code == 404


async def test_what_is_known_another_document_does_not_change(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller, known=False)
    gstin = make.gstin("29")
    customer = await trade.seller.customer(panOrGstin=gstin, state="Karnataka")
    await accepted(trade, gstin)
    other = await join(world, await new_seller(state_code="29"))
    mine, trade.buyer = trade.buyer, other
    await accepted(trade, gstin)
    found = (await trade.seller.http.get(f"{PATH}/{customer}")).json()["payload"]
    assert (found["b2bId"], found["source"]) == (mine.b2b_id, "LEARNT")


async def test_learnt_from_a_purchase_order_and_used(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller, known=False)
    sent = await accepted(trade)
    found = await known(trade)
    assert found is not None
    assert (found["b2bId"], found["source"]) == (trade.buyer.b2b_id, "LEARNT")
    assert found["learntFrom"] == sent["purchaseOrder"]["objectId"]
    number = sent["purchaseOrder"]["buyerPONumber"]
    made = await trade.sent(poNumber=number, baseAmount=500, igst=90, itemLists=[
        {"productDescription": "Valve", "hsnCode": "848180", "assessmentAmount": 500, "gstRate": 18, "igst": 90},
    ])  # fmt: skip
    po = (await trade.body_of(made))["invoice"]["poDetails"]
    assert po == [{"poObjId": sent["purchaseOrder"]["objectId"], "buyerPoId": number}]
    assert await trade.buyer.status("purchase-order", po[0]["poObjId"]) == "PARTIALLY INVOICED"


async def test_what_somebody_set_is_not_overwritten(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller, known=False)
    await trade.know("SET-BY-HAND")
    await accepted(trade)
    found = await known(trade)
    assert found is not None
    assert (found["b2bId"], found["source"]) == ("SET-BY-HAND", "EXPLICIT")


async def test_two_customers_of_one_gstin_teach_nothing(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller, known=False)
    await trade.seller.customer(panOrGstin=trade.buyer.company.registration.gstin, state="Karnataka")
    await accepted(trade)
    assert await known(trade) is None
    await accepted(trade, make.gstin("29"))
    assert await trade.seller.value("SELECT count(*) FROM network_counterparties WHERE seller_id = $1") == 0


async def test_learnt_from_a_search_by_gstin_alone(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller, known=False)
    gstin = str(trade.buyer.company.registration.gstin)
    await trade.supplier.call(
        "business-onboarding/reg-search-entity", bodies.search_entity(trade.supplier.b2b_id, "PAN", gstin[2:12])
    )
    assert await known(trade) is None, "a PAN may have several GSTINs"
    await trade.supplier.call(
        "business-onboarding/reg-search-entity", bodies.search_entity(trade.supplier.b2b_id, "GSTIN", gstin)
    )
    found = await known(trade)
    assert found is not None
    assert (found["b2bId"], found["source"]) == (trade.buyer.b2b_id, "LEARNT")


async def test_learnt_from_an_invoice_that_came_in(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller, known=False)
    theirs = await trade.buyer.company.customer(panOrGstin=trade.seller.registration.gstin)
    body = bodies.send_invoice(trade.supplier.b2b_id, trade.buyer.b2b_id)
    body["invoice"]["supplierDetails"]["gstin"] = trade.seller.registration.gstin
    await trade.supplier.call("invoice/req-send-invoice", body)
    assert (await trade.buyer.company.http.get(f"{PATH}/{theirs}")).status_code == 404
    await trade.buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(body))
    found = (await trade.buyer.company.http.get(f"{PATH}/{theirs}")).json()["payload"]
    assert (found["b2bId"], found["source"]) == (trade.supplier.b2b_id, "LEARNT")


def test_the_own_id_of_a_registration() -> None:
    first = OwnId(number="A", document="GSTIN", value="27AAPFU0939F1ZV")
    second = OwnId(number="B", document="UDYAM", value="UDYAM-MH-26-0000001")
    assert own_id_of([first, second], "27AAPFU0939F1ZV", None) == "A"
    assert own_id_of([first, second], "29AAPFU0939F1ZV", "udyam-mh-26-0000001") == "B"
    assert own_id_of([first, second], None, None) is None
    assert own_id_of([first], None, None) == "A", "there is only the one"
    assert own_id_of([first], "29AAPFU0939F1ZV", None) is None
