"""The worker on real PostgreSQL: again after a failure, parked after the last, stopped cleanly, back after a restart."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import make
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.dispatch.mailers import OutboxMailer
from hundi.jobs import worker
from hundi.jobs.batch import enqueue_many
from hundi.jobs.context import JobContext
from hundi.jobs.later import RunLater
from hundi.jobs.queue import enqueue
from hundi.kit.errors import Transient
from hundi.kit.keys import Keyring
from mailroom import working

Job = Callable[[JobContext, dict[str, Any]], Awaitable[None]]


@pytest.fixture
def context(db: Database, clock: make.MovedClock, keyring: Keyring, tmp_path: Path) -> JobContext:
    settings = Settings(base_url="http://hundi.test", worker_jobs=3)
    return JobContext(db=db, clock=clock, keyring=keyring, settings=settings, files=None, mailer=OutboxMailer(tmp_path))


@pytest.fixture
async def name(seller: make.Company) -> AsyncIterator[str]:
    """Give a job's name that no other test uses; its rows are gone afterwards."""
    found = f"test.{seller.seller_id.lower()}"
    yield found
    await seller.run("DELETE FROM pgqueuer WHERE entrypoint = $2 AND $1 <> ''", found)


async def put(seller: make.Company, name: str, **ids: Any) -> None:
    async with seller.db.transaction(seller.seller_id) as tx:
        await enqueue(tx, name, ids=ids)


async def rows(seller: make.Company, name: str) -> list[dict[str, Any]]:
    return await seller.rows(
        "SELECT status, attempts FROM pgqueuer WHERE entrypoint = $2 AND $1 <> '' ORDER BY id", name
    )


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.02)


async def test_a_job_gets_its_seller_and_ids_and_is_gone_when_done(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    seen: list[dict[str, Any]] = []

    async def job(given: JobContext, payload: dict[str, Any]) -> None:
        assert given is context
        seen.append(payload)

    await put(seller, name, invoice_ids=["a", "b"])
    async with working(context, database_urls, {name: job}):
        await until(lambda: _empty(seller, name))
    assert seen == [{"seller_id": seller.seller_id, "invoice_ids": ["a", "b"]}]


async def test_many_jobs_are_each_done_and_taken_away_once(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    seen: list[int] = []

    async def job(_: JobContext, payload: dict[str, Any]) -> None:
        seen.append(payload["x"])

    async with seller.db.transaction(seller.seller_id) as tx:
        await enqueue_many(tx, name, [{"x": at} for at in range(50)])
    async with working(context, database_urls, {name: job}):
        await until(lambda: _empty(seller, name))
    assert sorted(seen) == list(range(50))
    done = await seller.value(
        "SELECT count(*) FROM pgqueuer_log WHERE entrypoint = $2 AND status = 'successful' AND $1 <> ''", name
    )
    assert done == 50


async def _empty(seller: make.Company, name: str) -> bool:
    return not await rows(seller, name)


async def test_a_rolled_back_transaction_leaves_no_job(seller: make.Company, name: str) -> None:
    async def fail() -> None:
        async with seller.db.transaction(seller.seller_id) as tx:
            await enqueue(tx, name, ids={"x": 1})
            await enqueue_many(tx, name, [{"x": 2}, {"x": 3}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await rows(seller, name) == []


async def test_a_failing_job_is_tried_again_and_then_parked_where_it_can_be_seen(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_RETRY_DELAYS", (timedelta(milliseconds=50), timedelta(milliseconds=150)))
    times: list[float] = []

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        times.append(time.monotonic())
        raise ValueError("this job cannot be done")

    await put(seller, name)
    async with working(context, database_urls, {name: job}):
        await until(lambda: _parked(seller, name))
    assert len(times) == 3
    assert times[2] - times[1] >= 0.15
    traceback = await seller.value(
        "SELECT traceback FROM pgqueuer_log WHERE entrypoint = $2 AND status = 'failed' AND $1 <> ''", name
    )
    assert "this job cannot be done" in json.dumps(json.loads(traceback))


async def _parked(seller: make.Company, name: str) -> bool:
    return [row["status"] for row in await rows(seller, name)] == ["failed"]


async def test_the_retry_delays_grow_and_go_on_for_hours() -> None:
    delays = worker._RETRY_DELAYS
    assert list(delays) == sorted(delays)
    assert delays[0] <= timedelta(seconds=1)
    assert sum(delays, timedelta(0)) > timedelta(hours=3)


async def test_a_failure_that_passes_leads_to_a_done_job(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_RETRY_DELAYS", (timedelta(milliseconds=20),) * 5)
    monkeypatch.setattr(worker, "_SOON", timedelta(milliseconds=20))
    failures: list[Exception] = [Transient(), RunLater(timedelta(milliseconds=20), "not yet"), ValueError("once")]
    runs: list[int] = []

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        runs.append(1)
        if failures:
            raise failures.pop()

    await put(seller, name)
    async with working(context, database_urls, {name: job}):
        await until(lambda: _empty(seller, name))
    assert len(runs) == 4


async def test_a_job_that_put_itself_off_often_is_not_parked_by_its_next_failure(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parcel may wait for its peer for weeks; a database that is away for a moment then must not end its job."""
    monkeypatch.setattr(worker, "_RETRY_DELAYS", (timedelta(milliseconds=20),) * 2)
    monkeypatch.setattr(worker, "_SOON", timedelta(milliseconds=20))
    later = RunLater(timedelta(milliseconds=20), "not yet")
    answers: list[Exception] = [Transient(), later, later, later, Transient(), later, later, later]
    runs: list[int] = []

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        runs.append(1)
        if answers:
            raise answers.pop()

    await put(seller, name)
    async with working(context, database_urls, {name: job}):
        await until(lambda: _over(seller, name))
        assert await rows(seller, name) == []
    assert len(runs) == 9


async def _over(seller: make.Company, name: str) -> bool:
    return await _empty(seller, name) or await _parked(seller, name)


async def test_no_more_than_the_set_number_of_jobs_run_at_once(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    now, most = 0, 0

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.03)
        now -= 1

    async with seller.db.transaction(seller.seller_id) as tx:
        await enqueue_many(tx, name, [{"x": at} for at in range(20)])
    async with working(context, database_urls, {name: job}):
        await until(lambda: _empty(seller, name))
    assert 1 < most <= 3


async def test_stopping_waits_for_running_jobs(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    started, done = asyncio.Event(), []

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        started.set()
        await asyncio.sleep(0.4)
        done.append(1)

    await put(seller, name)
    async with working(context, database_urls, {name: job}):
        await started.wait()
    assert done == [1]
    assert await rows(seller, name) == []


async def test_a_job_that_outlasts_the_grace_is_put_back_and_runs_later(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_GRACE_S", 0.2)
    started, finished = asyncio.Event(), []

    async def endless(_: JobContext, __: dict[str, Any]) -> None:
        started.set()
        await asyncio.sleep(3600)

    async def quick(_: JobContext, __: dict[str, Any]) -> None:
        finished.append(1)

    await put(seller, name)
    async with working(context, database_urls, {name: endless}):
        await started.wait()
    assert [row["status"] for row in await rows(seller, name)] == ["queued"]
    async with working(context, database_urls, {name: quick}):
        await until(lambda: _empty(seller, name))
    assert finished == [1]


async def test_a_cancelled_worker_keeps_its_jobs(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_GRACE_S", 0.1)
    started = asyncio.Event()

    async def endless(_: JobContext, __: dict[str, Any]) -> None:
        started.set()
        await asyncio.sleep(3600)

    await put(seller, name)
    running = asyncio.create_task(
        worker.run_worker(context, {name: endless}, stop=asyncio.Event(), direct_dsn=database_urls.app)
    )
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [row["status"] for row in await rows(seller, name)] == ["queued"]


async def test_a_worker_whose_connection_is_cut_comes_back(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    seen: list[int] = []

    async def job(_: JobContext, payload: dict[str, Any]) -> None:
        seen.append(payload["x"])

    async with working(context, database_urls, {name: job}):
        await put(seller, name, x=1)
        await until(lambda: _empty(seller, name))
        owner = await asyncpg.connect(database_urls.owner)
        try:
            cut = await owner.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'hundi worker'"
            )
        finally:
            await owner.close()
        assert cut == 1
        await put(seller, name, x=2)
        await until(lambda: _empty(seller, name))
    assert seen == [1, 2]


async def test_a_job_in_the_hands_of_a_living_worker_is_not_taken_from_it(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    runs: list[int] = []

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        runs.append(1)
        await asyncio.sleep(5)  # longer than the others' looks for lost workers

    await put(seller, name)
    async with working(context, database_urls, {name: job}):
        await until(lambda: _running(runs))
        async with working(context, database_urls, {name: job}):
            await until(lambda: _empty(seller, name))
    assert runs == [1]


async def test_a_worker_that_hangs_loses_its_jobs_when_its_heart_stops(
    seller: make.Company, context: JobContext, database_urls: Urls, name: str
) -> None:
    seen: list[int] = []

    async def job(_: JobContext, __: dict[str, Any]) -> None:
        seen.append(1)

    await put(seller, name)
    hanging = await asyncpg.connect(database_urls.app)
    try:
        worker_id = "01a1e29e-7d4c-74da-aeb8-a3026f530ed7"
        await hanging.execute(worker._TAKE_LOCK, worker_id)
        await hanging.execute(
            "UPDATE pgqueuer SET status = 'picked', queue_manager_id = $2, heartbeat = now() WHERE entrypoint = $1",
            name, worker_id,
        )  # fmt: skip
        async with working(context, database_urls, {name: job}):
            await asyncio.sleep(3)
            assert seen == []
            await hanging.execute(
                "UPDATE pgqueuer SET heartbeat = now() - $2::interval WHERE entrypoint = $1",
                name,
                worker.HEARTBEAT_TIMEOUT,
            )
            await until(lambda: _empty(seller, name))
    finally:
        await hanging.close()
    assert seen == [1]


async def _running(runs: list[int]) -> bool:
    return bool(runs)
