"""Passes that several jobs share: each is done once after it was asked for, never twice at a time, and never forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hundi.jobs.later import RunLater
from hundi.jobs.turns import Turns


class Work:
    """A pass that waits to be let go, and tells how often it began and how many ran at a time."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.at_once = 0
        self.most = 0
        self.gate = asyncio.Event()
        self.under_way = asyncio.Event()
        self.error = error

    async def __call__(self) -> None:
        self.begun += 1
        self.under_way.set()
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.at_once -= 1


async def begun(turns: Turns, work: Work, count: int) -> list[asyncio.Task[None]]:
    """Ask for so many passes, the first of which is under way when the others are asked for."""
    tasks = [asyncio.create_task(turns.share("key", work))]
    await work.under_way.wait()
    tasks += [asyncio.create_task(turns.share("key", work)) for _ in range(count - 1)]
    await asyncio.sleep(0)
    return tasks


async def test_who_asks_while_one_is_under_way_shares_the_next() -> None:
    turns, work = Turns(), Work()
    tasks = await begun(turns, work, 9)
    assert work.begun == 1
    work.gate.set()
    await asyncio.gather(*tasks)
    assert (work.begun, work.most) == (2, 1), "the first one's, and one for the eight that came too late for it"
    await turns.share("key", work)
    assert work.begun == 3, "who asks when nothing is under way has a pass of its own"


async def test_other_keys_wait_for_nothing() -> None:
    turns, slow, quick = Turns(), Work(), Work()
    tasks = await begun(turns, slow, 2)
    quick.gate.set()
    await asyncio.wait_for(turns.share("other", quick), 1)
    slow.gate.set()
    await asyncio.gather(*tasks)


async def test_a_failure_is_everybodys_who_shared_it() -> None:
    turns, work = Turns(), Work(ValueError("broken"))
    tasks = await begun(turns, work, 3)
    work.gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in ended] == [ValueError] * 3
    well = Work()
    well.gate.set()
    await turns.share("key", well)
    assert well.begun == 1, "and of nobody after that"


async def test_one_job_for_a_later_time_is_enough() -> None:
    turns, work = Turns(), Work(RunLater(timedelta(seconds=5), "something was put off"))
    tasks = await begun(turns, work, 4)
    work.gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in ended].count(RunLater) == 2, "of each pass the one that did it"


async def test_when_the_one_that_was_to_do_it_is_stopped_another_does_it() -> None:
    turns, work = Turns(), Work()
    tasks = await begun(turns, work, 4)
    tasks[1].cancel()
    work.gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in ended] == [type(None), asyncio.CancelledError, type(None), type(None)]
    assert (work.begun in {2, 3}, work.most) == (True, 1), "the others' next, or one each"


async def test_one_that_is_stopped_while_it_waits_takes_nobody_with_it() -> None:
    turns, work = Turns(), Work()
    tasks = await begun(turns, work, 4)
    tasks[2].cancel()
    work.gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in ended] == [type(None), type(None), asyncio.CancelledError, type(None)]


@pytest.mark.parametrize("count", [1, 5])
async def test_nothing_is_kept_of_what_is_over(count: int) -> None:
    turns, work = Turns(), Work()
    tasks = await begun(turns, work, count)
    work.gate.set()
    await asyncio.gather(*tasks)
    assert not vars(turns)["_locks"]
    assert not vars(turns)["_next"]
