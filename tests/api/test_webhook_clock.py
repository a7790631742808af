"""A clock that was far ahead and is set right again: webhooks do not wait until it is that late again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

import hooks
import make
from hundi.jobs.context import JobContext
from hundi.webhooks import fanout, jobs
from hundi.webhooks.rules import LONGEST_DELAY
from receiver import Receiver, status

YEAR = timedelta(days=400)


@pytest.fixture
async def context(seller: make.Company, receiver: Receiver) -> AsyncIterator[JobContext]:
    async with hooks.sender(seller, receiver) as found:
        yield found


def back(seller: make.Company) -> None:
    seller.clock.move(seconds=-YEAR.total_seconds())
    seller.clients.clear()


async def test_events_after_it_was_set_back_become_webhooks_once(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver, "invoice.created")
    seller.clock.move(seconds=1)
    await seller.invoice()
    assert await hooks.fan_out(seller) == 1
    seller.clock.move(seconds=YEAR.total_seconds())
    assert await hooks.fan_out(seller) == 0
    back(seller)
    await seller.invoice()
    seller.clock.move(seconds=2)
    await fanout.fan_out_due(seller.db, keep=hooks.KEEP)
    assert len(await hooks.states(seller)) == 2, "it is work, and what was told is not told again"
    await seller.invoice()
    seller.clock.move(seconds=2)
    await fanout.fan_out_due(seller.db, keep=hooks.KEEP)
    assert len(await hooks.states(seller)) == 3
    await hooks.work(seller, context)
    assert len({got.json["id"] for got in receiver.got}) == len(receiver.got) == 3


@pytest.mark.parametrize("killed", [False, True])
async def test_what_was_put_off_by_it_or_was_under_way_is_sent(
    seller: make.Company, context: JobContext, receiver: Receiver, *, killed: bool
) -> None:
    await hooks.register(seller, context, receiver)
    await hooks.tell(seller)
    receiver.answers = [status(500)]
    seller.clock.move(seconds=YEAR.total_seconds())
    await hooks.work(seller, context)
    receiver.answers = [status(200)]
    if killed:
        await seller.run("UPDATE webhook_deliveries SET state = 'SENDING' WHERE seller_id = $1")
        await seller.run("UPDATE webhook_attempts SET outcome = NULL, finished_at = NULL WHERE seller_id = $1")
    await seller.run("UPDATE webhook_deliveries SET due_at = $2 WHERE seller_id = $1", seller.clock.now())
    await hooks.fan_out(seller, later=fanout.SETTLE_EVERY)
    back(seller)
    await seller.no_jobs()
    await fanout.fan_out_due(seller.db, keep=hooks.KEEP)
    (payload,) = [job["payload"] for job in await seller.rows(
        "SELECT convert_from(payload, 'UTF8')::jsonb ->> 'object_id' AS payload FROM pgqueuer"
        " WHERE entrypoint = 'webhooks.drain' AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'"
    )]  # fmt: skip
    assert payload == "inv_1", "its lane is woken"
    for one in await hooks.lanes(seller):
        await jobs.drain(context, one)
    assert await hooks.states(seller) == ["DELIVERED"]


async def test_the_longest_pause_there_is_is_waited_for(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    await hooks.tell(seller)
    await seller.run(
        "UPDATE webhook_deliveries SET due_at = $2 WHERE seller_id = $1", seller.clock.now() + LONGEST_DELAY
    )
    await seller.run(
        "UPDATE webhook_cursors SET settled_at = $2 WHERE seller_id = $1", seller.clock.now() + timedelta(hours=1)
    )
    await hooks.fan_out(seller, later=timedelta(0))
    await hooks.work(seller, context)
    assert receiver.got == []
