"""Invoices of the books that are cancelled after they went over the network, by either side (issue 5, domain §11)."""

from __future__ import annotations

from typing import Any

import network_bodies as bodies
from hundi.network import jobs
from ledger import findings
from network_books import Trade
from network_world import World


async def test_cancelling_here_cancels_there(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    reply = await trade.seller.http.post(f"/api/v0/invoice/{made}/cancel", json={"reason": 'a "slip"'})
    assert reply.status_code == 200, reply.text
    queued = await trade.seller.value(
        "SELECT count(*) FROM pgqueuer WHERE entrypoint = 'network.withdraw' AND convert_from(payload, 'UTF8') LIKE '%' || $2 || '%'"
        " AND $1 <> ''", made,
    )  # fmt: skip
    assert queued == 1
    await trade.withdrawn(made)
    assert (await trade.state(made))["network"] == "CANCELLED"
    told = (await trade.buyer.heard("network.invoice.req-status-change-invoice"))[0]["data"]["invoiceStatus"]
    assert (told["supplierAction"], told["supplierRemarks"]) == ("CANCEL", "a 'slip'")
    await trade.withdrawn(made)
    assert len(await trade.buyer.heard("network.invoice.req-status-change-invoice")) == 1


async def test_cancelling_there_cancels_here(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made, paid = await trade.sent(), await trade.sent()
    await trade.seller.http.post(f"/api/v0/invoice/{paid}/entries", json={"kind": "DISCOUNT", "amount": 1})
    for each in (made, paid):
        body = bodies.change_invoice_status(await trade.body_of(each), status="SENT TO BUYER")
        await trade.supplier.call("invoice/req-status-change-invoice", body)
    found = await trade.shown(made)
    assert (found["receivableStatus"]["name"], found["statusReason"]) == ("CANCELLED", "a slip")
    kept = await trade.state(paid)
    assert (kept["receivable"], kept["network"]) == ("PARTIALLY_PAID", "CANCELLED")
    told = await trade.events("invoice.network_refused")
    assert [event["object_id"] for event in told] == [paid]


async def test_what_the_network_holds_is_not_cancelled(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "ACCEPT")
    paid = await trade.pays(made, 100)

    async def cancel() -> str:
        reply = await trade.seller.http.patch(f"/api/v0/invoice/{made}", json={"receivableStatus": "CANCELLED"})
        assert reply.status_code == 422
        code: str = reply.json()["errorResponse"]["apiSubErrors"][0]["code"]
        return code

    assert await cancel() == "PAYMENT_UNDER_WAY"
    await trade.confirms(paid, made, response="REJECT")
    state = await trade.state(made)
    assert (state["network"], state["payout"], state["receivable"]) == ("ACCEPTED", "NOT_INITIATED", "PENDING")
    assert await trade.entries(made) == []
    again = await trade.pays(made, 100)
    await trade.confirms(again, made)
    entry = (await trade.seller.rows("SELECT entry_id FROM invoice_entries WHERE seller_id = $1"))[0]["entry_id"]
    await trade.seller.http.post(f"/api/v0/invoice/{made}/entries/{entry}/reverse", json={})
    assert await cancel() == "PAID_ON_NETWORK"


async def test_a_buyer_who_is_quicker_pays_what_is_cancelled_here(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "ACCEPT")
    found = await trade.object_of(made)
    body = bodies.pay(found["document"], 1180, due=1180, status="ACCEPTED")
    assert (await trade.buyer.post("payment/req-pay", body)).status_code == 200
    await jobs.send(world.context, {"seller_id": trade.buyer.company.seller_id})
    cancelled = await trade.seller.http.post(f"/api/v0/invoice/{made}/cancel", json={"reason": "slip"})
    assert cancelled.status_code == 200, "the word of the payment is not here yet"
    await trade.withdrawn(made)
    refused = (await trade.events("invoice.network_refused"))[0]["data"]["detail"]
    assert refused.startswith("It is cancelled here and not on the network: STALE_STATUS")
    state = await trade.state(made)
    assert (state["receivable"], state["network"], state["payout"]) == ("CANCELLED", "PAYMENT INITIATED", "INITIATED")
    taken = await trade.confirms(body, made)
    assert taken.json()["errorResponse"]["apiSubErrors"][0]["code"] == "INVOICE_IS_CANCELLED"
    assert (await trade.confirms(body, made, response="REJECT")).status_code == 200
    await trade.withdrawn(made)
    state = await trade.state(made)
    assert (state["receivable"], state["network"]) == ("CANCELLED", "CANCELLED")
    assert await findings(trade.seller) == []
