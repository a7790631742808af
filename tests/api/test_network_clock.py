"""A clock that was far ahead and is set right again: no parcel and no job inside one installation waits for that time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hundi.housekeeping import set_jobs_right
from hundi.jobs.later import RunLater
from hundi.network import jobs
from hundi.network.outbox import TOO_FAR
from hundi.network.protocol.mailbox import retry_at
from network_books import Trade
from network_world import World


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    return World(db, keyring, clock)


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(days=400)])
@pytest.mark.parametrize("carried", [False, True])
async def test_what_was_sent_by_a_clock_that_was_ahead_arrives(
    world: World, new_seller: Any, clock: Any, ahead: timedelta, carried: bool
) -> None:
    """Both on the way to the central unit, and on the way from it."""
    trade = await Trade.between(world, new_seller)
    made = await trade.bill()
    clock.move(seconds=ahead.total_seconds())
    trade.seller.clients.clear()
    await trade.dispatch(made, carry=False)
    if carried:
        await jobs.send(world.context, {"seller_id": trade.seller.seller_id})
    clock.move(seconds=-ahead.total_seconds())
    await world.carry()
    assert (await trade.state(made))["network"] == "SENT TO BUYER"
    assert len(await trade.buyer.heard("network.invoice.req-send-invoice")) == 1


@pytest.mark.parametrize("end", ["network_outbox", "central.outbox"])
async def test_what_a_clock_that_was_ahead_put_off_is_tried_at_once_and_once(
    world: World, new_seller: Any, clock: Any, end: str
) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.bill()
    await trade.dispatch(made, carry=False)
    mine, scope = {"seller_id": trade.seller.seller_id}, trade.seller.seller_id
    job, column = jobs.send, "seller_id"
    if end == "central.outbox":
        await jobs.send(world.context, mine)
        scope, column, job = trade.buyer.company.seller_id, "receiver", jobs.collect
    theirs = {"seller_id": scope}

    async def put_off(by: timedelta) -> None:
        async with world.context.db.transaction(scope) as tx:
            await tx.execute(f"UPDATE {end} SET attempts = 3, due = $2 WHERE {column} = $1", scope, clock.now() + by)

    async def left() -> int:
        async with world.context.db.transaction(scope) as tx:
            return int(await tx.fetchval(f"SELECT count(*) FROM {end} WHERE {column} = $1", scope))

    # The longest that anything is put off for is waited for, and looked at when its time has come.
    longest = retry_at(100, clock.now()) - clock.now()
    assert longest < TOO_FAR
    await put_off(longest)
    with pytest.raises(RunLater) as later:
        await job(world.context, theirs)
    assert longest - timedelta(seconds=1) < later.value.delay <= longest
    assert await left() == 1

    await put_off(timedelta(days=400))
    await job(world.context, theirs)
    assert await left() == 0
    await world.carry()
    assert (await trade.state(made))["network"] == "SENT TO BUYER"
    assert len(await trade.buyer.heard("network.invoice.req-send-invoice")) == 1


async def test_a_job_of_time_to_come_runs_after_the_delay_it_was_given(db: Any) -> None:
    """The queue goes by the database's clock; jobs of now, and those put off for a day, are left alone."""
    insert = (
        "INSERT INTO pgqueuer (priority, entrypoint, payload, status, created, updated, heartbeat, execute_after)"
        " VALUES (0, 'test.clock', '', $1, now() + $2::interval, now() + $2::interval, now() + $2::interval,"
        " now() + $2::interval + $3::interval) RETURNING id"
    )
    day, hour, none = timedelta(days=1), timedelta(hours=1), timedelta()
    async with db.unbound() as tx:
        await tx.fetchval(insert, "queued", none, day)
        early = await tx.fetchval(insert, "queued", 300 * day, none)
        later = await tx.fetchval(insert, "queued", 300 * day, hour)
        picked = await tx.fetchval(insert, "picked", 300 * day, none)
    try:
        assert await set_jobs_right(db) == 3
        async with db.unbound() as tx:
            waits = {
                row["id"]: row["waits"]
                for row in await tx.fetch(
                    "SELECT id, execute_after - now() AS waits FROM pgqueuer WHERE entrypoint = 'test.clock'"
                )
            }
            beats = await tx.fetchval("SELECT heartbeat <= now() FROM pgqueuer WHERE id = $1", picked)
        assert waits[early] <= none
        assert hour - timedelta(minutes=1) < waits[later] <= hour
        assert beats, "who died with it is seen to have died"
        assert sorted(waits.values())[-2] > 20 * hour, "what is put off for a day stays"
        assert await set_jobs_right(db) == 0
    finally:
        async with db.unbound() as tx:
            await tx.execute("DELETE FROM pgqueuer WHERE entrypoint = 'test.clock'")
