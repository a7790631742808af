"""What is asked of the queue beside putting jobs in: whether a job waits that will certainly be run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hundi.jobs.queue import absorb, enqueue, is_waiting

JOB = "network.send"
SOON = timedelta(seconds=1)


async def test_a_job_that_another_worker_is_taking_away_does_not_wait(db: Any, new_seller: Any) -> None:
    """Who relies on it while its absorber has looked already would leave what was put off to nobody."""
    seller_id = (await new_seller()).seller_id
    async with db.transaction(seller_id) as tx:
        await enqueue(tx, JOB, ids={})
        assert await is_waiting(tx, JOB, ids={}, within=SOON), "nobody is at it"
    async with db.transaction(seller_id) as other:
        await absorb(other, JOB, ids={})
        async with db.transaction(seller_id) as tx:
            assert not await is_waiting(tx, JOB, ids={}, within=SOON)
            await enqueue(tx, JOB, ids={}, delay=2 * SOON)
            assert not await is_waiting(tx, JOB, ids={}, within=SOON), "it waits too long"
            assert await is_waiting(tx, JOB, ids={}, within=3 * SOON)


async def test_a_job_that_is_relied_on_is_not_taken_away_meanwhile(db: Any, new_seller: Any) -> None:
    seller_id = (await new_seller()).seller_id
    async with db.transaction(seller_id) as tx:
        await enqueue(tx, JOB, ids={})
    async with db.transaction(seller_id) as tx:
        assert await is_waiting(tx, JOB, ids={}, within=SOON)
        async with db.transaction(seller_id) as other:
            await absorb(other, JOB, ids={})
    async with db.transaction(seller_id) as tx:
        assert await is_waiting(tx, JOB, ids={}, within=SOON)
