"""Many parcels in one transaction: the same as one by one, and nobody waits for another's trouble."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

import network_bodies as bodies
from hundi.config import Settings
from hundi.jobs.later import RunLater
from hundi.jobs.queue import enqueue
from hundi.network import jobs
from hundi.network.central.delivery import CHANNEL
from hundi.network.central.store import PostgresCentreStore
from hundi.network.ends import party_of
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol import messages as m
from hundi.network.protocol.parcels import Parcel, Position
from hundi.network.protocol.store import ConcurrentChange, Outgoing
from hundi.network.unit_of_work import UnitOfWork
from hundi.network.wire.invoice import ChangeInvoiceStatus
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import read
from network_world import Trader, World

HTTP = "invoice/req-send-invoice"


@pytest.fixture
async def pair(db: Any, keyring: Any, clock: Any, new_seller: Any) -> tuple[Trader, Trader]:
    world = World(db, keyring, clock)
    return await world.join(await new_seller()), await world.join(await new_seller())


async def queued(trader: Trader, job: str) -> int:
    """Count the jobs of a company that are due now."""
    async with trader.company.db.unbound() as tx:
        return int(
            await tx.fetchval(
                "SELECT count(*) FROM pgqueuer WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= now() "
                "AND convert_from(payload, 'UTF8')::jsonb ->> 'seller_id' = $2",
                job,
                trader.company.seller_id,
            )
        )


async def test_one_job_does_what_many_were_queued_for(pair: tuple[Trader, Trader], clock: Any) -> None:
    supplier, buyer = pair
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(5)]
    for body in sent:
        assert (await supplier.post(HTTP, body)).status_code == 200
        clock.move(seconds=1)
    assert await queued(supplier, "network.send") >= 5
    await jobs.send(supplier.world.context, {"seller_id": supplier.company.seller_id})
    assert await queued(supplier, "network.send") == 0
    assert await queued(buyer, "network.collect") >= 1
    await jobs.collect(supplier.world.context, {"seller_id": buyer.company.seller_id})
    assert await queued(buyer, "network.collect") == 0
    heard = await buyer.heard("network.invoice.req-send-invoice")
    assert [one["object_id"] for one in heard] == [body["invoice"]["objectId"] for body in sent], "in order"


async def test_messages_about_one_object_in_one_batch_keep_their_order(
    pair: tuple[Trader, Trader], keyring: Any, clock: Any
) -> None:
    """The supplier sends an invoice and takes it back at once; both leave in one batch, and both arrive in one."""
    supplier, buyer = pair
    body = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    assert (await supplier.post(HTTP, body)).status_code == 200
    clock.move(seconds=1)
    back = json.dumps(bodies.change_invoice_status(body, status="SENT TO BUYER")).encode()
    async with supplier.company.db.transaction(supplier.company.seller_id) as tx:
        unit = UnitOfWork(PostgresPartyStore(tx))
        message = message_of(read(back, ChangeInvoiceStatus), m.ChangeInvoiceStatus)
        await party_of(tx, keyring, Settings()).submit(unit, message, rehearse=False)
        await unit.flush()
    await supplier.world.carry()
    types = [one["type"] for one in await buyer.heard() if one["object_id"] == body["invoice"]["objectId"]]
    assert types == ["network.invoice.req-send-invoice", "network.invoice.req-status-change-invoice"], types
    for trader in pair:
        found = await trader.have("invoice", body["invoice"]["objectId"])
        assert (found["status"], found["revision"]) == ("CANCELLED", 3), "created, delivered, cancelled"
    moves = (await buyer.company.http.get(f"/api/v0/network/invoice/{body['invoice']['objectId']}/events")).json()
    assert [one["event"] for one in moves["payload"]["data"]] == ["CREATE", "DELIVER", "CANCEL"]


async def test_a_lane_that_is_busy_holds_up_no_other(
    pair: tuple[Trader, Trader], monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    supplier, buyer = pair
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(3)]
    for body in sent:
        await supplier.post(HTTP, body)
    busy = sent[1]["invoice"]["objectId"]
    right = PostgresCentreStore.write

    async def write(self: PostgresCentreStore, new: str | None, *rest: Any) -> bool:
        return busy not in (new or "") and await right(self, new, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresCentreStore, "write", write)
        with pytest.raises(RunLater) as later:
            await jobs.send(supplier.world.context, {"seller_id": supplier.company.seller_id})
    assert 0 < later.value.delay.total_seconds() <= 1
    await jobs.collect(supplier.world.context, {"seller_id": buyer.company.seller_id})
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 2
    clock.move(seconds=2)
    await supplier.world.carry()
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 3


async def test_of_two_who_read_the_same_the_quicker_wins(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call(HTTP, sent)
    db, lane = supplier.company.db, sent["invoice"]["objectId"]

    def parcel(number: int, tx: Any) -> Outgoing:
        return Outgoing(id=f"MSGRACE{number}{supplier.company.seller_id}", receiver="CENTRE", parcel=b"{}", due=tx.now)

    async with db.transaction(supplier.company.seller_id) as one, db.transaction(supplier.company.seller_id) as other:
        first, second = UnitOfWork(PostgresPartyStore(one)), UnitOfWork(PostgresPartyStore(other))
        assert await first.next_numbers("CENTRE", [lane]) == {lane: 2}
        assert await second.next_numbers("CENTRE", [lane]) == {lane: 2}
        await first.put_outgoing(parcel(1, one))
        await first.acknowledge(parcel(1, one).id)
        await first.flush()
        await one.connection.execute("COMMIT; BEGIN")
        with pytest.raises(ConcurrentChange):
            await second.flush()


async def test_a_key_is_claimed_once(pair: tuple[Trader, Trader]) -> None:
    """The central unit's keys: taken, kept, given up, handed over, and never taken from another."""
    db, mine = pair[0].company.db, pair[0].company.seller_id
    key = f"KEY|{mine}"

    async def unit(work: Sequence[tuple[str, str | None]]) -> None:
        async with db.unbound() as tx:
            store = UnitOfWork(PostgresCentreStore(tx))
            for name, holder in work:
                await (store.release(name) if holder is None else store.claim(name, holder))
            await store.flush()

    await unit([(key, "INV1")])
    await unit([(key, "INV1")])
    with pytest.raises(ConcurrentChange):
        await unit([(key, "INV2")])
    await unit([(key, None), (key, "INV2")])
    with pytest.raises(ConcurrentChange):
        await unit([(key, "INV1")])
    await unit([(key, None)])
    await unit([(key, "INV3"), (key, None)])
    await unit([(key, "INV1")])
    async with db.unbound() as one, db.unbound() as other:
        first, second = UnitOfWork(PostgresCentreStore(one)), UnitOfWork(PostgresCentreStore(other))
        await first.release(key)
        await second.release(key)
        await second.claim(key, "INV9")
        await first.flush()
        await one.connection.execute("COMMIT; BEGIN")
        with pytest.raises(ConcurrentChange):
            await second.flush()


async def test_what_came_too_early_waits_and_is_found(pair: tuple[Trader, Trader]) -> None:
    """A parcel kept back in one transaction is found by the unit in which its turn comes, in order of place."""
    db, mine = pair[0].company.db, pair[0].company.seller_id
    lanes = [f"A{mine}", f"B{mine}"]
    early = [
        Parcel(id=f"MSG{number}{mine}", sender="X", receiver="Y", positions=(Position(lane, 2),))
        for number, lane in ((2, lanes[0]), (1, lanes[1]))
    ]
    async with db.transaction(mine) as tx:
        unit = UnitOfWork(PostgresPartyStore(tx))
        for parcel in early:
            await unit.hold(parcel)
        await unit.flush()
    async with db.transaction(mine) as tx:
        unit = UnitOfWork(PostgresPartyStore(tx))
        places = [Position(lane, 2) for lane in lanes]
        assert await unit.held("X", places) == early, "by place, not by id"
        for parcel in early:
            await unit.let_go(parcel)
        assert await unit.held("X", places) == []
        assert await unit.heights("X", lanes) == dict.fromkeys(lanes, 0)
        await unit.raise_heights("X", places)
        await unit.flush()
    async with db.transaction(mine) as tx:
        unit = UnitOfWork(PostgresPartyStore(tx))
        assert await unit.held("X", places) == []
        assert await unit.heights("X", lanes) == dict.fromkeys(lanes, 2)


async def _two_waiting(pair: tuple[Trader, Trader], clock: Any) -> tuple[str, str]:
    """Give the ids of two parcels in the supplier's outbox."""
    supplier, buyer = pair
    for _ in range(2):
        assert (await supplier.post(HTTP, bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))).status_code == 200
        clock.move(seconds=1)
    rows = await supplier.company.rows("SELECT parcel_id FROM network_outbox WHERE seller_id = $1 ORDER BY parcel_id")
    return rows[0]["parcel_id"], rows[1]["parcel_id"]


async def test_a_parcel_that_was_never_tried_is_due_whatever_the_clock_of_its_writer(
    pair: tuple[Trader, Trader], clock: Any
) -> None:
    """Another job has the parcel beside it, and looked before this one was there: it must not be left without a job."""
    supplier, _ = pair
    company = supplier.company
    first, second = await _two_waiting(pair, clock)
    await company.run(
        "UPDATE network_outbox SET due = $3 WHERE seller_id = $1 AND parcel_id = $2",
        second, clock.now() + timedelta(seconds=5),
    )  # fmt: skip
    async with company.db.transaction(company.seller_id) as other:
        await other.fetch(
            "SELECT 1 FROM network_outbox WHERE seller_id = $1 AND parcel_id = $2 FOR UPDATE", company.seller_id, first
        )
        await jobs.send(supplier.world.context, {"seller_id": company.seller_id})
    left = await company.rows("SELECT parcel_id FROM network_outbox WHERE seller_id = $1")
    assert [row["parcel_id"] for row in left] == [first]


async def test_a_clock_that_was_set_back_leaves_no_parcel_waiting(pair: tuple[Trader, Trader], clock: Any) -> None:
    supplier, buyer = pair
    context, sender, receiver = supplier.world.context, supplier.company, buyer.company
    await _two_waiting(pair, clock)
    clock.move(seconds=-3600)
    await jobs.send(context, {"seller_id": sender.seller_id})
    assert await sender.value("SELECT count(*) FROM network_outbox WHERE seller_id = $1") == 0
    clock.move(seconds=-3600)
    await jobs.collect(context, {"seller_id": receiver.seller_id})
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 2


async def test_what_was_put_off_has_one_job_however_many_messages_follow(
    pair: tuple[Trader, Trader], clock: Any
) -> None:
    supplier, buyer = pair
    company = supplier.company
    first, _ = await _two_waiting(pair, clock)
    await company.run(
        "UPDATE network_outbox SET attempts = 3, due = $3 WHERE seller_id = $1 AND parcel_id = $2",
        first, clock.now() + timedelta(seconds=50),
    )  # fmt: skip
    payload = {"seller_id": company.seller_id}
    with pytest.raises(RunLater) as later:
        await jobs.send(supplier.world.context, payload)
    assert timedelta(seconds=40) < later.value.delay <= timedelta(seconds=50)
    # The worker puts the job back for that time; the jobs of later messages find it and need none of their own.
    async with company.db.transaction(company.seller_id) as tx:
        await enqueue(tx, "network.send", ids={}, delay=later.value.delay)
    for _ in range(3):
        assert (await supplier.post(HTTP, bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))).status_code == 200
        await jobs.send(supplier.world.context, payload)
    # One that would look too late is no help.
    await company.run(
        "UPDATE network_outbox SET due = $3 WHERE seller_id = $1 AND parcel_id = $2",
        first, clock.now() + timedelta(seconds=20),
    )  # fmt: skip
    with pytest.raises(RunLater) as sooner:
        await jobs.send(supplier.world.context, payload)
    assert sooner.value.delay <= timedelta(seconds=20)


async def test_what_waits_for_another_server_is_called_out_at_once(
    pair: tuple[Trader, Trader], database_urls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    supplier, buyer = pair

    async def nobody(*_: Any) -> list[str]:
        return []

    called = asyncio.Event()
    listening = await asyncpg.connect(database_urls.app)
    await listening.add_listener(CHANNEL, lambda *_: called.set())
    assert (await supplier.post(HTTP, bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))).status_code == 200
    monkeypatch.setattr(jobs.unit, "homes_here", nobody)
    await jobs.send(supplier.world.context, {"seller_id": supplier.company.seller_id})
    async with asyncio.timeout(5):
        await called.wait()
    await listening.close()
