"""Dispatches nobody waits for: accepted, carried out slice by slice by jobs, looked at while they run (docs/decisions/0017)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hundi.invoices import lifecycle
from hundi.jobs.later import RunLater
from hundi.network import jobs
from hundi.network.books import runs, sending
from hundi.network.errors import ObjectBusy
from ledger import findings
from network_bodies import json_of
from network_books import Trade
from network_world import World

PATH = "/api/v0/invoice/bulk/dispatch"
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    return World(db, keyring, clock)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SLICE", 3)


async def accepted(trade: Trade, made: list[str], key: str | None = None, **more: Any) -> str:
    """Ask for a dispatch; gives its id."""
    headers = ASYNC | ({"Idempotency-Key": key} if key else {})
    body = {"invoiceIds": made, "channel": "BHARAT_CONNECT"} | more
    reply = await trade.seller.http.post(PATH, json=body, headers=headers)
    assert reply.status_code == 202, reply.text
    assert reply.headers["Preference-Applied"] == "respond-async"
    found = reply.json()["payload"]
    assert found["url"] == reply.headers["Location"]
    assert found["url"].endswith(f"{PATH}/{found['dispatchId']}")
    dispatch_id: str = found["dispatchId"]
    return dispatch_id


async def looked(trade: Trade, dispatch_id: str) -> dict[str, Any]:
    reply = await trade.seller.http.get(f"{PATH}/{dispatch_id}")
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"] | {"warnings": reply.json().get("warnings", [])}
    return found


async def taken(trade: Trade) -> list[dict[str, Any]]:
    """Take the jobs of steps out of the queue, as a worker does."""
    async with trade.seller.db.unbound() as tx:
        rows = await tx.fetch(
            "DELETE FROM pgqueuer WHERE entrypoint = $1 AND convert_from(payload, 'UTF8')::jsonb ->> 'seller_id' = $2"
            " RETURNING payload", runs.RUN, trade.seller.seller_id
        )  # fmt: skip
    return [json_of(row["payload"]) for row in rows]


async def stepped(trade: Trade) -> bool:
    """Run the jobs that wait now; False where there were none."""
    payloads = await taken(trade)
    for payload in payloads:
        await jobs.run_dispatch(trade.world.context, payload)
    return bool(payloads)


async def run(trade: Trade) -> int:
    steps = 0
    while await stepped(trade):
        steps += 1
    return steps


async def arrived(trade: Trade) -> list[str]:
    await trade.world.carry()
    return [event["object_id"] for event in await trade.buyer.heard("network.invoice.req-send-invoice")]


async def test_a_dispatch_is_accepted_moves_on_and_ends_with_what_the_call_would_have_said(
    world: World, new_seller: Any
) -> None:
    trade = await Trade.between(world, new_seller)
    made = [await trade.bill() for _ in range(7)]
    without = await trade.bill(itemLists=None)
    named = [*made[:2], "inv_nobody", made[0], *made[2:5], without, *made[5:]]
    dispatch_id = await accepted(trade, named, partialPaymentAllowed=True)
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"], found["totalCount"]) == ("ACCEPTED", 0, 9)
    assert await arrived(trade) == []

    assert await stepped(trade)
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"], found["queuedCount"], found["refusedCount"]) == ("RUNNING", 3, 2, 1)
    assert "result" not in found
    assert await run(trade) == 2
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"], found["queuedCount"]) == ("DONE", 9, 7)
    assert found["result"]["errorMessage"] == "7 queued, 0 dispatched before, 2 not queued."
    problems = [(one["field"], one["code"]) for one in found["result"]["apiSubErrors"]]
    assert problems == [("invoiceIds[2]", "INVOICE_NOT_FOUND"), ("invoiceIds[7]", "NO_HSN")]
    told = await arrived(trade)
    assert len(told) == len(set(told)) == 7
    assert await trade.seller.value(
        "SELECT count(*) FROM invoices WHERE seller_id = $1 AND partial_payment_allowed AND dispatch_status = 'DISPATCHED'"
    ) == 7  # fmt: skip
    assert await findings(trade.seller) == []
    actors = await trade.seller.rows(
        "SELECT DISTINCT actor FROM audit_log WHERE seller_id = $1 AND action IN ('network.invoice/req-send-invoice',"
        " 'dispatch.accepted')"
    )
    assert len(actors) == 1, "who asked for it is who did it"


async def test_a_worker_that_dies_in_a_step_has_done_nothing_of_it_and_nothing_is_lost(
    world: World, new_seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = await Trade.between(world, new_seller)
    dispatch_id = await accepted(trade, [await trade.bill() for _ in range(8)])
    assert await stepped(trade)

    class Killed(BaseException):
        """The process is gone."""

    async def dies(*_: Any, **__: Any) -> None:
        raise Killed

    (payload,) = await taken(trade)
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "note_sent", dies)
        with pytest.raises(Killed):
            await jobs.run_dispatch(world.context, payload)
    assert (await looked(trade, dispatch_id))["doneCount"] == 3
    assert await taken(trade) == []
    # The queue gives the job of a dead worker to another one.
    await jobs.run_dispatch(world.context, payload)
    await run(trade)
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["queuedCount"], found["alreadyCount"]) == ("DONE", 8, 0)
    assert len(await arrived(trade)) == len(set(await arrived(trade))) == 8


async def test_steps_at_once_and_again_send_each_invoice_once(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = [await trade.bill() for _ in range(8)]
    dispatch_id = await accepted(trade, made)
    (payload,) = await taken(trade)
    await asyncio.gather(*(jobs.run_dispatch(world.context, payload) for _ in range(4)))
    await run(trade)
    for _ in range(2):
        await jobs.run_dispatch(world.context, payload)
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"], found["queuedCount"]) == ("DONE", 8, 8)
    assert len(await arrived(trade)) == len(set(await arrived(trade))) == 8
    second = await accepted(trade, made)
    await run(trade)
    assert (await looked(trade, second))["result"]["errorMessage"].startswith("0 queued, 8 dispatched before")


async def test_the_same_key_is_the_same_dispatch(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = [await trade.bill() for _ in range(2)]
    assert await accepted(trade, made, "a-key") == await accepted(trade, made, "a-key")
    assert len(await taken(trade)) == 1
    assert await trade.seller.value("SELECT count(*) FROM dispatch_runs WHERE seller_id = $1") == 1


async def test_mails_of_a_run_go_together_at_its_end_and_once(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    await trade.seller.http.patch("/api/v0/admin/seller", json={"dispatchChannel": "BHARAT_CONNECT"})
    over = [await trade.bill() for _ in range(4)]
    other = await trade.seller.customer(emailAddress="accounts@example.com")
    mailed = [
        (await trade.seller.invoice(other, emailAddress="accounts@example.com"))["invoiceId"] for _ in range(3)
    ]  # fmt: skip
    named = [mailed[0], *over, *mailed[1:]]
    dispatch_id = await accepted(trade, named, channel=None, group="customer")
    for _ in range(3):
        assert await stepped(trade)
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"]) == ("RUNNING", 4), "the mails are not queued yet"
    assert await run(trade) == 1
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"], found["queuedCount"]) == ("DONE", 7, 7)
    channels = await trade.seller.rows(
        "SELECT channel, count(*) AS n FROM deliveries WHERE seller_id = $1 GROUP BY 1 ORDER BY 1"
    )
    assert [(row["channel"], row["n"]) for row in channels] == [("BHARAT_CONNECT", 4), ("EMAIL", 1)]
    by_mail = await accepted(trade, mailed, channel="EMAIL", resend=True)
    assert await run(trade) == 2
    assert (await looked(trade, by_mail))["refusedCount"] + (await looked(trade, by_mail))["alreadyCount"] + (
        await looked(trade, by_mail)
    )["queuedCount"] == 3


async def test_an_object_that_is_busy_is_waited_for_and_a_refusal_of_the_whole_stops_it(
    world: World, new_seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = await Trade.between(world, new_seller)
    dispatch_id = await accepted(trade, [await trade.bill()])
    (payload,) = await taken(trade)

    async def busy(*_: Any, **__: Any) -> None:
        raise ObjectBusy

    with monkeypatch.context() as patch:
        patch.setattr(sending, "one_slice", busy)
        with pytest.raises(RunLater):
            await jobs.run_dispatch(world.context, payload)
    assert (await looked(trade, dispatch_id))["state"] == "ACCEPTED"

    async def refuses(*_: Any, **__: Any) -> None:
        raise runs.DispatchNotFound

    with monkeypatch.context() as patch:
        patch.setattr(sending, "one_slice", refuses)
        await jobs.run_dispatch(world.context, payload)
    found = await looked(trade, dispatch_id)
    assert found["state"] == "STOPPED"
    assert found["problem"].startswith("DISPATCH_NOT_FOUND: ")
    await jobs.run_dispatch(world.context, payload)
    assert await arrived(trade) == [], "what was stopped stays so"


async def test_rubbish_is_refused_before_anything_is_accepted(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    for body in ({}, {"invoiceIds": []}, {"invoiceIds": ["x"] * 10_001}, {"invoiceIds": [1]}, {"invoiceIds": "x"}, []):
        reply = await trade.seller.http.post(PATH, json=body, headers=ASYNC)
        assert reply.status_code == 400, reply.text
    assert await trade.seller.value("SELECT count(*) FROM dispatch_runs WHERE seller_id = $1") == 0
    for name in ("dsp_nobody", "%00", "x" * 300, "dsp_" + "0" * 32):
        reply = await trade.seller.http.get(f"{PATH}/{name}")
        assert reply.status_code in {400, 404}, reply.text
    mine = await accepted(trade, ["x" * 500, "'; drop table invoices; --"])
    await run(trade)
    assert (await looked(trade, mine))["refusedCount"] == 2
    theirs = await trade.buyer.company.http.get(f"{PATH}/{mine}")
    assert theirs.status_code == 404
    await jobs.run_dispatch(world.context, {"seller_id": trade.buyer.company.seller_id, "dispatch_id": mine})


@pytest.mark.parametrize(
    ("prefer", "status"),
    [("wait=5, Respond-Async", 202), ("respond-async;foo=1", 202), ("return=minimal", 200), ("no-respond-async", 200)],
)
async def test_how_the_wish_is_written(world: World, new_seller: Any, prefer: str, status: int) -> None:
    trade = await Trade.between(world, new_seller)
    reply = await trade.seller.http.post(PATH, json={"invoiceIds": ["inv_nobody"]}, headers={"Prefer": prefer})
    assert reply.status_code == status


async def test_runs_that_ended_long_ago_are_swept_by_later_ones(world: World, new_seller: Any, clock: Any) -> None:
    trade = await Trade.between(world, new_seller)
    old, waiting = await accepted(trade, ["inv_a"]), await accepted(trade, ["inv_b"])
    for payload in await taken(trade):
        if payload["dispatch_id"] == old:
            await jobs.run_dispatch(world.context, payload)
    clock.move(seconds=(runs.KEPT + timedelta(minutes=1)).total_seconds())
    trade.seller.clients.clear()
    await accepted(trade, ["inv_c"])
    assert (await trade.seller.http.get(f"{PATH}/{old}")).status_code == 404
    assert (await looked(trade, waiting))["state"] == "ACCEPTED", "what has not ended stays"


async def test_a_key_answers_as_it_did_whichever_way_it_is_asked_again(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    body = {"invoiceIds": [await trade.bill()], "channel": "BHARAT_CONNECT"}
    key = {"Idempotency-Key": "waited-for"}
    first = await trade.seller.http.post(PATH, json=body, headers=key)
    again = await trade.seller.http.post(PATH, json=body, headers=key | ASYNC)
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Preference-Applied" not in again.headers, "it was not accepted for later"
    assert await taken(trade) == []
    key = {"Idempotency-Key": "not-waited-for"}
    first = await trade.seller.http.post(PATH, json=body, headers=key | ASYNC)
    again = await trade.seller.http.post(PATH, json=body, headers=key)
    assert (again.status_code, again.content) == (202, first.content)


async def test_a_run_that_was_stopped_counts_no_mail_that_was_not_sent(
    world: World, new_seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = await Trade.between(world, new_seller)
    other = await trade.seller.customer(emailAddress="accounts@example.com")
    named = [(await trade.seller.invoice(other, emailAddress="accounts@example.com"))["invoiceId"] for _ in range(4)]
    dispatch_id = await accepted(trade, named, channel="EMAIL")
    assert await stepped(trade)

    async def refuses(*_: Any, **__: Any) -> None:
        raise runs.DispatchNotFound

    with monkeypatch.context() as patch:
        patch.setattr(sending, "dispatch", refuses)
        assert await stepped(trade)
    found = await looked(trade, dispatch_id)
    assert (found["state"], found["doneCount"], found["totalCount"]) == ("STOPPED", 0, 4)
