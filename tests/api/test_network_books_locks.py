"""Books and network at once: locks are taken in one order, and what the books do not take holds no message up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from hundi.network import jobs
from ledger import findings
from network_books import Trade
from network_world import World

D = Decimal
LOCK = "SELECT 1 FROM {} WHERE seller_id = $1 AND {} = $2 FOR UPDATE NOWAIT"


@asynccontextmanager
async def news_of(trade: Trade, object_id: str) -> AsyncIterator[Any]:
    """Hold an object as whoever brings news of it does; gives the transaction."""
    async with trade.seller.db.transaction(trade.seller.seller_id) as tx:
        await tx.fetch(LOCK.format("network_objects", "object_id"), tx.seller_id, object_id)
        yield tx


async def object_id_of(trade: Trade, invoice_id: str) -> str:
    found: str = await trade.seller.value(
        "SELECT object_id FROM network_invoices WHERE seller_id = $1 AND invoice_id = $2", invoice_id
    )
    return found


async def test_closing_waits_for_the_object_before_it_touches_the_invoice(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    body = {"invoiceIds": [made], "status": "CLOSE", "remarks": "given up"}
    async with news_of(trade, await object_id_of(trade, made)) as tx:
        closing = asyncio.create_task(trade.seller.http.post("/api/v0/invoice/req-change-status", json=body))
        await asyncio.sleep(0.3)
        await tx.fetch(LOCK.format("invoices", "invoice_id"), tx.seller_id, made)
    assert (await closing).status_code == 200
    assert (await trade.state(made))["receivable"] == "WRITTEN_OFF"


async def test_confirming_waits_for_the_object_before_it_touches_the_link(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "ACCEPT")
    paid = await trade.pays(made, 1180)
    object_id = await object_id_of(trade, made)
    async with news_of(trade, object_id) as tx:
        confirming = asyncio.create_task(trade.confirms(paid, made, carry=False))
        await asyncio.sleep(0.3)
        await tx.fetch(LOCK.format("network_invoices", "object_id"), tx.seller_id, object_id)
    assert (await confirming).status_code == 200
    await world.carry()
    assert (await trade.state(made))["receivable"] == "PAID"


async def test_two_answers_to_a_payment_at_once_are_one(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "ACCEPT")
    paid = await trade.pays(made, 1180)
    replies = await asyncio.gather(*(trade.confirms(paid, made, carry=False) for _ in range(2)))
    assert sorted(reply.status_code for reply in replies) in ([200, 200], [200, 409], [200, 422])
    await world.carry()
    assert [kind for kind, _, _ in await trade.entries(made)] == ["RECEIPT"]
    assert await findings(trade.seller) == []


async def test_news_of_many_invoices_locks_them_in_the_order_of_their_ids(world: World, new_seller: Any) -> None:
    """The buyer's answers come the other way round; somebody who holds the first invoice can still have the last."""
    trade = await Trade.between(world, new_seller)
    first, last = sorted([await trade.sent(), await trade.sent()])
    for made in (last, first):
        body = await trade.body_of(made)
        sent = body["invoice"]
        answer = {
            "device": body["device"], "b2bIds": body["b2bIds"],
            "invoiceConfirmation": {
                "objectId": sent["objectId"], "supplierInvoiceNumber": sent["supplierInvoiceNumber"],
                "objectVersion": {"currentVersion": 1, "newVersion": 1}, "buyerResponse": "ACCEPT", "buyerRemarks": "seen",
                "statusTransition": {"currentStatus": "SENT TO BUYER", "newStatus": "SENT TO BUYER"},
            },
        }  # fmt: skip
        assert (await trade.buyer.post("invoice/req-confirm-invoice", answer)).status_code == 200
        trade.seller.db.clock.move(seconds=1)
    await jobs.send(world.context, {"seller_id": trade.buyer.company.seller_id})
    async with trade.seller.db.transaction(trade.seller.seller_id) as tx:
        await tx.fetch(LOCK.format("invoices", "invoice_id"), tx.seller_id, first)
        collecting = asyncio.create_task(jobs.collect(world.context, {"seller_id": trade.seller.seller_id}))
        await asyncio.sleep(0.5)
        await tx.fetch(LOCK.format("invoices", "invoice_id"), tx.seller_id, last)
    await collecting
    for made in (first, last):
        assert (await trade.state(made))["buyer"] == "ACCEPT"


async def test_an_older_invoice_whose_lines_do_not_add_up_takes_less_tax_all_the_same(
    world: World, new_seller: Any
) -> None:
    """The lines are held against figures that change, and these do not: the payment is in the books and no message hangs."""
    trade = await Trade.between(world, new_seller)
    made = await trade.sent(tds=20)
    await trade.answers(made, "ACCEPT")
    await trade.seller.run(
        "INSERT INTO invoice_items SELECT (jsonb_populate_record(i, '{\"line_no\": 2}')).* FROM invoice_items i"
        " WHERE seller_id = $1 AND invoice_id = $2",
        made,
    )
    paid = await trade.pays(made, 1170)
    await trade.confirms(paid, made)
    found = await trade.shown(made)
    assert (found["tds"], found["balanceAmount"], found["totalReceived"]) == (10, 0, 1170)
    assert await trade.events("invoice.payment_excess") == []
    assert (await trade.state(made))["network"] == "PARTIALLY PAID"
