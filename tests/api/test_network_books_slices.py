"""Thousands of invoices over the network: slice by slice, each with a commit of its own, each invoice once (domain §7)."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from hundi.network.books import sending
from ledger import findings
from network_books import Trade, line
from network_world import World

COUNT = int({"default": 8, "ci": 8, "soak": 1000}[os.environ.get("TEST_TIER", "default")])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SLICE", 3 if COUNT < 1000 else 200)


async def many(trade: Trade, count: int = COUNT) -> list[str]:
    return [await trade.bill() for _ in range(count)]


async def arrived(trade: Trade) -> list[str]:
    """Give the object ids the buyer was told of, each time it was."""
    return [event["object_id"] for event in await trade.buyer.heard("network.invoice.req-send-invoice")]


async def asked(trade: Trade, made: list[str], key: str | None = None, **more: Any) -> Any:
    body = {"invoiceIds": made, "channel": "BHARAT_CONNECT"} | more
    headers = {"Idempotency-Key": key} if key else {}
    return await trade.seller.http.post("/api/v0/invoice/bulk/dispatch", json=body, headers=headers)


async def test_every_invoice_of_every_slice_is_told_of_at_its_place(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await many(trade, 8)
    without = await trade.bill(itemLists=None)
    named = [*made[:4], "inv_nobody", made[0], *made[4:6], without, *made[6:]]
    reply = (await asked(trade, named)).json()
    assert reply["payload"]["errorMessage"] == "8 queued, 0 dispatched before, 2 not queued."
    found = [(one["field"], one["code"]) for one in reply["payload"]["apiSubErrors"]]
    assert found == [("invoiceIds[4]", "INVOICE_NOT_FOUND"), ("invoiceIds[8]", "NO_HSN")]
    await world.carry()
    assert len(await arrived(trade)) == len(set(await arrived(trade))) == 8
    audited = await trade.seller.rows(
        "SELECT action, count(*) AS n, count(DISTINCT object_id) AS objects FROM audit_log"
        " WHERE seller_id = $1 AND action LIKE 'network.%invoice%' GROUP BY 1"
    )
    assert [(row["n"], row["objects"]) for row in audited] == [(8, 8)], audited
    again = (await asked(trade, named)).json()
    assert again["payload"]["errorMessage"] == "0 queued, 8 dispatched before, 2 not queued."


async def test_mails_of_the_same_request_go_together_after_the_slices(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    await trade.seller.http.patch("/api/v0/admin/seller", json={"dispatchChannel": "BHARAT_CONNECT"})
    over = await many(trade, 4)
    other = await trade.seller.customer(emailAddress="accounts@example.com")
    mailed = [
        (await trade.seller.invoice(other, emailAddress="accounts@example.com"))["invoiceId"] for _ in range(3)
    ]  # fmt: skip
    body = {"invoiceIds": [mailed[0], *over, *mailed[1:]], "group": "customer"}
    reply = await trade.seller.http.post("/api/v0/invoice/bulk/dispatch", json=body)
    assert reply.json()["payload"]["errorMessage"].startswith("7 queued"), reply.text
    channels = await trade.seller.rows(
        "SELECT channel, count(*) AS n FROM deliveries WHERE seller_id = $1 GROUP BY 1 ORDER BY 1"
    )
    assert [(row["channel"], row["n"]) for row in channels] == [("BHARAT_CONNECT", 4), ("EMAIL", 1)]


async def test_a_doubt_is_told_once_at_the_place_of_its_invoice(world: World, new_seller: Any) -> None:
    """In whichever slice it goes out, mails between them; of what does not go out nothing is doubted."""
    trade = await Trade.between(world, new_seller)
    await trade.seller.http.patch("/api/v0/admin/seller", json={"dispatchChannel": "BHARAT_CONNECT"})
    other = await trade.seller.customer(emailAddress="accounts@example.com")
    mailed = [
        (await trade.seller.invoice(other, emailAddress="accounts@example.com"))["invoiceId"] for _ in range(2)
    ]  # fmt: skip
    good = [await trade.bill() for _ in range(3)]
    doubtful = [await trade.bill(itemLists=[line(gstRate=17)]) for _ in range(4)]
    await trade.seller.run("UPDATE invoices SET approval_status = 'MAKER_APPROVAL_PENDING' WHERE seller_id = $1"
                           " AND invoice_id = $2", doubtful[3])  # fmt: skip
    named = [doubtful[0], mailed[0], good[0], "inv_nobody", doubtful[1], doubtful[0], mailed[1], *good[1:], doubtful[3],
             doubtful[2]]  # fmt: skip
    body = {"invoiceIds": named}
    reply = (await trade.seller.http.post("/api/v0/invoice/bulk/dispatch", json=body)).json()
    assert reply["payload"]["errorMessage"] == "8 queued, 0 dispatched before, 2 not queued."
    assert sorted(one["field"] for one in reply["payload"]["apiSubErrors"]) == ["invoiceIds[3]", "invoiceIds[9]"]
    found = sorted((one["field"], one["code"], one["rejectedValue"]) for one in reply["warnings"])
    assert found == sorted(
        (f"invoiceIds[{at}]", code, named[at]) for at in (0, 4, 10) for code in ("RATE_UNLISTED", "IGST_MISMATCH")
    )
    again = (await trade.seller.http.post("/api/v0/invoice/bulk/dispatch", json=body)).json()
    assert again["payload"]["errorMessage"] == "0 queued, 8 dispatched before, 2 not queued."
    assert "warnings" not in again, "what was sent before is not doubted again"


async def test_a_call_that_is_cut_short_is_made_again_and_sends_what_is_left(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await many(trade)
    held = made[-1]
    sent = "SELECT count(*) FROM network_invoices WHERE seller_id = $1"
    async with trade.seller.db.transaction(trade.seller.seller_id) as tx:
        await tx.fetch("SELECT 1 FROM invoices WHERE seller_id = $1 AND invoice_id = $2 FOR UPDATE", tx.seller_id, held)
        call = asyncio.create_task(asked(trade, made, "the-key"))
        earlier = (COUNT - 1) // sending.SLICE * sending.SLICE
        for _ in range(1000):
            if await trade.seller.value(sent) == earlier:
                break
            await asyncio.sleep(0.01)
        # The slices before the one that waits are there for everybody, and a part of what waits is not.
        assert await trade.seller.value(sent) == earlier
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await world.carry()
    assert len(await arrived(trade)) == earlier

    other = await asked(trade, made[:-1], "the-key")
    assert other.status_code == 200, "nothing was kept under the key: the call had no reply"
    reply = await asked(trade, made, "the-second-key")
    assert reply.json()["payload"]["errorMessage"] == f"1 queued, {COUNT - 1} dispatched before, 0 not queued."
    await world.carry()
    assert sorted(await arrived(trade)) == sorted(set(await arrived(trade)))
    assert len(await arrived(trade)) == COUNT
    replayed = await asked(trade, made, "the-second-key")
    assert (replayed.content, replayed.headers["Idempotency-Replayed"]) == (reply.content, "true")
    assert await findings(trade.seller) == []


async def test_a_key_of_another_request_sends_nothing(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await many(trade, 8)
    assert (await asked(trade, made[:4], "the-key")).status_code == 200
    reused = await asked(trade, made[4:], "the-key")
    assert (reused.status_code, reused.json()["errorResponse"]["errorType"]) == (422, "UNPROCESSABLE_REQUEST")
    assert await trade.seller.value("SELECT count(*) FROM network_invoices WHERE seller_id = $1") == 4


async def test_two_at_once_send_each_invoice_once(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await many(trade, 8)
    replies = await asyncio.gather(asked(trade, made), asked(trade, list(reversed(made))), asked(trade, made, "key"))
    assert [reply.status_code for reply in replies] == [200, 200, 200]
    assert sum(int(reply.json()["payload"]["errorMessage"].split()[0]) for reply in replies) == 8
    await world.carry()
    assert len(await arrived(trade)) == len(set(await arrived(trade))) == 8
    assert await findings(trade.seller) == []
