"""Workers of webhooks killed with SIGKILL: every message arrives, in order, and a repeated one says that it is one."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from running import acting

import hooks
import make
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.jobs.context import JobContext
from hundi.kit.keys import Keyring
from make import SECRET
from receiver import Got, Receiver

ACTOR = Path(__file__).with_name("hook_actor.py")
OPEN = "SELECT count(*) FROM webhook_deliveries WHERE seller_id = $1 AND state IN ('PENDING', 'SENDING')"
LANES, EACH = 12, 8
IS_QUICK = os.environ.get("TEST_TIER", "default") != "soak"
# What the receiver hears: after a death before the call both messages once, after it the first one twice.
MOMENTS = [("after-call", 3), ("before-record-commits", 3), ("before-call", 2), ("before-claim-commits", 2)]
ROUNDS = 1 if IS_QUICK else 5


@pytest.fixture
async def context(seller: make.Company, keyring: Keyring) -> AsyncIterator[JobContext]:
    """Give what is needed to register; the sending is done by processes under the machine's clock."""
    seller.clock.reset(datetime.now(UTC))
    yield JobContext(
        db=seller.db, clock=seller.clock, keyring=keyring, settings=Settings(), files=None, mailer=None
    )  # fmt: skip
    await seller.no_jobs()


def process(
    urls: Urls, receiver: Receiver, moment: str, lease: int = 2
) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    order = {"app": urls.app, "allow": f"127.0.0.1:{receiver.port}", "secret": SECRET, "moment": moment, "lease": lease}
    return acting(ACTOR, order)


async def settled(seller: make.Company, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while await seller.value(OPEN):  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)


def first_of_each(got: list[Got]) -> dict[str, list[int]]:
    """Give for each object the sequence numbers in the order in which the receiver first heard them."""
    seen: set[str] = set()
    heard: defaultdict[str, list[int]] = defaultdict(list)
    for one in got:
        if one.headers["webhook-id"] not in seen:
            seen.add(one.headers["webhook-id"])
            heard[one.headers["hundi-object"]].append(int(one.headers["hundi-sequence"]))
    return heard


@pytest.mark.slow  # two processes are started
@pytest.mark.parametrize(("moment", "calls"), MOMENTS[:1] if IS_QUICK else MOMENTS)
async def test_a_worker_killed_between_two_steps_loses_nothing(
    seller: make.Company, context: JobContext, receiver: Receiver, database_urls: Urls, moment: str, calls: int
) -> None:
    await hooks.register(seller, context, receiver)
    for n in (1, 2):
        await hooks.tell(seller, "inv_1", data={"n": n})
    async with process(database_urls, receiver, moment) as dying:
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
    async with process(database_urls, receiver, "never"):
        await settled(seller)
    assert await hooks.states(seller) == ["DELIVERED", "DELIVERED"]
    assert first_of_each(receiver.got) == {"invoice/inv_1": [1, 2]}
    assert len(receiver.got) == calls, "what was perhaps heard is said again, under its own id"


@pytest.mark.slow  # processes are killed, two a round
async def test_workers_killed_at_random_moments_deliver_everything_in_order(
    seller: make.Company, context: JobContext, receiver: Receiver, database_urls: Urls
) -> None:
    await hooks.register(seller, context, receiver)
    for n in range(EACH):
        for lane in range(LANES):
            await hooks.tell(seller, f"inv_{lane}", data={"n": n})
    chance = random.Random(20261116)
    for _ in range(ROUNDS):
        before = len(receiver.got)
        async with process(database_urls, receiver, "never") as one, process(database_urls, receiver, "never") as two:
            async with asyncio.timeout(30):
                while len(receiver.got) <= before + 2:  # noqa: ASYNC110 - what is waited for comes over HTTP
                    await asyncio.sleep(0.005)
            await asyncio.sleep(chance.random() * 0.05)
            for worker in (one, two):
                worker.kill()
            await asyncio.gather(one.wait(), two.wait())
    assert await seller.value(OPEN) > 0, "the deaths fell into the work"
    async with process(database_urls, receiver, "never"):
        await settled(seller)
    assert set(await hooks.states(seller)) == {"DELIVERED"}
    assert first_of_each(receiver.got) == {f"invoice/inv_{lane}": list(range(1, EACH + 1)) for lane in range(LANES)}
    repeated = len(receiver.got) - LANES * EACH
    assert 0 <= repeated <= ROUNDS * 2 * 4, "at most what was under way at each death is said twice"
