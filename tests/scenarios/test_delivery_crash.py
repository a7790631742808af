"""A worker killed with SIGKILL at each moment of a delivery: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from running import acting

import make
from hundi.db.embedded import Urls
from mailroom import Post, addresses, mail_server, mails, settled
from make import SECRET

ACTOR = Path(__file__).with_name("delivery_actor.py")
PATH = "/api/v0/invoice/bulk/dispatch"
SENT = "SELECT count(*) FROM deliveries WHERE seller_id = $1 AND state = 'SENT'"
# Two workers are killed a round.
ROUNDS, MAILS = (3, 72) if os.environ.get("TEST_TIER", "default") == "default" else (5, 120)
BEGUN = "SELECT count(*) FROM delivery_attempts WHERE seller_id = $1"
MOMENTS = ["after-begin", "after-claim", "in-draft", "after-call", "before-record-commits"]


def order(urls: Urls, outbox: Path, moment: str, *, jobs: int = 4, smtp: str | None = None) -> dict[str, Any]:
    return {"app": urls.app, "outbox": str(outbox), "secret": SECRET, "moment": moment, "jobs": jobs, "smtp": smtp}


async def queued(seller: make.Company, count: int) -> list[str]:
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(count)]
    reply = await seller.http.post(PATH, json={"invoiceIds": ids})
    assert reply.json()["response_code"] == 0
    return ids


async def check_each_once(seller: make.Company, outbox: Path, count: int) -> None:
    """Hold the promise: one file for each delivery, one delivery for each invoice, everything settled."""
    found = mails(outbox, seller)
    assert len(found) == count
    assert len({mail["Message-ID"] for mail in found}) == count
    names = Counter(part.get_filename() for mail in found for part in mail.iter_attachments())
    assert set(names.values()) == {1}
    assert {address for mail in found for address in addresses(mail, "To")} == {"ravi@example.com"}
    states = await seller.rows("SELECT state FROM deliveries WHERE seller_id = $1")
    assert Counter(row["state"] for row in states) == {"SENT": count}
    statuses = await seller.rows("SELECT dispatch_status AS status FROM invoices WHERE seller_id = $1")
    assert Counter(row["status"] for row in statuses) == {"DISPATCHED": count}
    events = await seller.rows("SELECT object_id FROM events WHERE seller_id = $1 AND type = 'invoice.dispatched'")
    assert len({row["object_id"] for row in events}) == len(events) == count
    open_attempts = "SELECT count(*) FROM delivery_attempts WHERE seller_id = $1 AND outcome IS NULL"
    assert await seller.value(open_attempts) == 0


async def more_begun(seller: make.Company) -> None:
    """Wait until an attempt is begun that was not there before."""
    before = await seller.value(BEGUN)
    async with asyncio.timeout(30):
        while await seller.value(BEGUN) <= before:  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


@pytest.mark.slow  # two processes are started
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_worker_killed_between_two_steps_loses_nothing_and_sends_nothing_twice(
    seller: make.Company, database_urls: Urls, tmp_path: Path, moment: str
) -> None:
    await queued(seller, 3)
    async with acting(ACTOR, order(database_urls, tmp_path, moment, jobs=1)) as dying:
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
    async with acting(ACTOR, order(database_urls, tmp_path, "never")):
        # The dead worker's lock is gone with it: its jobs do not wait for the end of their heartbeat (an hour here).
        await settled(seller)
    await check_each_once(seller, tmp_path, 3)


@pytest.mark.slow  # two processes are killed a round
async def test_workers_killed_at_random_moments_send_each_mail_once(
    seller: make.Company, database_urls: Urls, tmp_path: Path
) -> None:
    await queued(seller, MAILS)
    chance = random.Random(20261116)
    sent_before = [0]
    for _ in range(ROUNDS):
        async with (
            acting(ACTOR, order(database_urls, tmp_path, "never")) as one,
            acting(ACTOR, order(database_urls, tmp_path, "never")) as two,
        ):
            await more_begun(seller)
            await asyncio.sleep(chance.random() * 0.4)
            for worker in (one, two):
                worker.kill()
            await asyncio.gather(one.wait(), two.wait())
        sent_before.append(await seller.value(SENT))
    # The deaths fell into the work and not beside it.
    assert 0 == sent_before[0] < sent_before[2] <= sent_before[-1] < MAILS
    async with acting(ACTOR, order(database_urls, tmp_path, "never")):
        await settled(seller)
    await check_each_once(seller, tmp_path, MAILS)
    assert not list((tmp_path / seller.seller_id).glob(".*.part"))


@pytest.mark.slow  # two processes are started
async def test_over_smtp_a_killed_call_is_not_repeated_while_it_may_be_under_way(
    seller: make.Company, database_urls: Urls, tmp_path: Path
) -> None:
    post = Post()
    await queued(seller, 1)
    async with mail_server(post) as port:
        url = f"smtp://127.0.0.1:{port}"
        async with acting(ACTOR, order(database_urls, tmp_path, "after-call", smtp=url)) as dying:
            assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        async with acting(ACTOR, order(database_urls, tmp_path, "never", smtp=url)):
            await asyncio.sleep(4)
            assert await seller.value("SELECT state FROM deliveries WHERE seller_id = $1") == "SENDING"
    assert len(post.taken) == 1
    assert await seller.value("SELECT outcome FROM delivery_attempts WHERE seller_id = $1") is None
    await seller.no_jobs()
