"""SIGKILL of the worker, of the server and of PostgreSQL while a large file is imported: one row for each row of it.

Only a kill that hits an import under way counts, from the first byte of the upload to the reply. In the soak each import
is hit several times over. PostgreSQL that stands still for a while (SIGSTOP) is another matter: nothing is lost there,
and nothing may be done twice when it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import asyncpg
import httpx2
import psutil
import pytest
from running import RunningHundi

from hundi.db.embedded import running_urls

TIER = os.environ.get("TEST_TIER", "default")
ROWS = {"default": 20_000, "ci": 30_000, "soak": 300_000}[TIER]
KILLS = {"default": 2, "ci": 4, "soak": 50}[TIER]
EACH = {"default": 1, "ci": 2, "soak": 5}[TIER]
PAUSES = {"default": (5,), "ci": (5,), "soak": (5, 20, 40, 60)}[TIER]
VICTIMS = ("worker", "serve", "postgres")
BAD_EVERY = 100
# Rows without a number of their own: a series of five digits has enough of them for all imports of a run.
UNNUMBERED = {"default": 4, "ci": 4, "soak": 40}[TIER]
# How many seconds an import of so many rows takes here, roughly, and how long it may take with all its restarts.
LASTS = 0.5 + ROWS / 30_000
PATIENCE_S = 120 + 40 * EACH + ROWS / 2_000


@pytest.fixture(scope="module")
def hundi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHundi]:
    running = RunningHundi(tmp_path_factory.mktemp("kills") / "data")
    try:
        running.start()
        yield running
        assert running.stop() == 0
    finally:
        running.end()


def content(mark: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["customerRef", "invoiceNumber", "invoiceDate", "dueDate", "baseAmount", "totalReceived"])
    for at in range(1, ROWS + 1):
        amount = "none" if at % BAD_EVERY == 0 else f"{at}.50"
        received = "1.00" if at % 7 == 0 else ""
        # The series gives a number to each row that has none, and none may be left out.
        number = "" if at % UNNUMBERED == 0 and mark % 2 else f"K{mark}-{at}"
        writer.writerow([f"CUST-{at % 20 + 1:03d}", number, "01-11-2026", "31-12-2026", amount, received])
    return text.getvalue().encode()


def victim(hundi: RunningHundi, name: str) -> psutil.Process:
    """Find the process that plays a part in the installation."""
    for process in hundi.tree():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if name == "postgres" and process.name() == "postgres" and "-D" in words:
                return process
            if "hundi.cli.processes" in words and name in words:
                return process
    raise AssertionError(f"no {name} in {[p.cmdline() for p in hundi.tree()]}")


def answered(hundi: RunningHundi, key: str, body: bytes) -> dict[str, Any]:
    """Ask until the upload is answered, starting the installation again where it went down with its part."""
    until = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < until, hundi.words()
        try:
            if hundi.process is not None and hundi.process.poll() is not None:
                hundi.start()
            with hundi.client(timeout=100) as client:
                files = {"file": ("bills.csv", body, "text/csv")}
                reply = client.post("/api/v0/invoice/bulk/create", files=files, headers={"Idempotency-Key": key})
        except (httpx2.HTTPError, AssertionError, OSError):
            time.sleep(0.2)
            continue
        if reply.status_code == 503:  # the database or the server is away for a moment
            time.sleep(0.5)
            continue
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found


async def owner(hundi: RunningHundi, sql: str, *args: Any) -> list[asyncpg.Record]:
    urls = running_urls(hundi.folder)
    assert urls is not None
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetch(sql, *args)
    finally:
        await connection.close()


def check(hundi: RunningHundi, mark: int, bulk: dict[str, Any]) -> None:
    """Hold the promise: every row in exactly one result, one invoice for each good row, no number left out."""
    bad = ROWS // BAD_EVERY
    assert (bulk["total_count"], bulk["success_count"], bulk["failure_count"]) == (ROWS, ROWS - bad, bad)
    base = hundi.demo["baseUrl"]
    lines = 0
    for kind in ("success", "failure"):
        address = base + "/files/" + bulk[f"{kind}_file_url"].rpartition("/")[2]
        rows = list(csv.DictReader(io.StringIO(httpx2.get(address, timeout=60).content.decode("utf-8-sig"))))
        assert len(rows) == bulk[f"{kind}_count"]
        lines += len(rows)
    assert lines == ROWS
    sql = (
        "SELECT row_no, invoice_number, net_amount FROM invoices WHERE seller_id = 'CEKDEMO001' AND import_id ="
        " (SELECT import_id FROM imports WHERE seller_id = 'CEKDEMO001' AND file_name = 'bills.csv'"
        "  ORDER BY created_at DESC, import_id DESC LIMIT 1)"
    )
    stored = asyncio.run(owner(hundi, sql))
    # Row 1 is the header line.
    assert Counter(one["row_no"] for one in stored) == Counter(at + 1 for at in range(1, ROWS + 1) if at % BAD_EVERY)
    assert set(Counter(one["invoice_number"] for one in stored).values()) == {1}
    # Numbers of the series: one after the other in file order, none left out.
    given = sorted(
        (one["row_no"], one["invoice_number"]) for one in stored if not one["invoice_number"].startswith("K")
    )
    assert len(given) == (sum(at % BAD_EVERY > 0 for at in range(0, ROWS + 1, UNNUMBERED)) if mark % 2 else 0)
    counted = [int(number.rpartition("/")[2]) for _, number in given]
    assert counted == list(range(counted[0], counted[0] + len(counted))) if counted else True


def whole(hundi: RunningHundi) -> None:
    """Wait until every part of the installation runs again, by itself or started anew."""
    until = time.monotonic() + 60
    while True:
        assert time.monotonic() < until, hundi.words()
        if hundi.process is not None and hundi.process.poll() is not None:
            hundi.start()
        with contextlib.suppress(AssertionError, psutil.Error):
            for part in VICTIMS:
                victim(hundi, part)
            return
        time.sleep(0.2)


def killed(hundi: RunningHundi, names: list[str], random: Random, reply: Future[dict[str, Any]]) -> list[str]:
    """Kill one part after the other, each at a random moment, as long as there is no reply; give who was."""
    done: list[str] = []
    for name in names:
        moment = time.monotonic() + random.uniform(0.05, LASTS)
        while not reply.done() and time.monotonic() < moment:
            time.sleep(0.01)
        while not reply.done():
            # A part that is being started again has no process for a moment: then it is killed a little later.
            with contextlib.suppress(AssertionError, psutil.Error):
                victim(hundi, name).send_signal(signal.SIGKILL)
                done.append(name)
                break
            time.sleep(0.05)
    return done


@pytest.mark.slow  # many whole restarts
def test_one_row_for_each_row_whatever_is_killed(hundi: RunningHundi) -> None:
    seed = int(os.environ.get("TEST_SEED", str(Random().randrange(10**6))))
    print(f"TEST_SEED={seed}")  # noqa: T201 - shown with a failure, to repeat it
    random = Random(seed)
    hit: list[str] = []
    order = random.sample(VICTIMS, len(VICTIMS))
    with ThreadPoolExecutor(1) as pool:
        for mark in range(3 * KILLS):
            if len(hit) >= KILLS:
                break
            names = [order[(len(hit) + at) % len(order)] for at in range(min(EACH, KILLS - len(hit)))]
            began = time.monotonic()
            reply = pool.submit(answered, hundi, f"upload-{seed}-{mark}", content(mark))
            done = killed(hundi, names, random, reply)
            last = time.monotonic()
            bulk = reply.result()
            hit += done
            took, after = time.monotonic() - began, time.monotonic() - last
            print(f"import {mark}: {done} killed, {took:.1f} s, {after:.1f} s after the last")  # noqa: T201 - as above
            check(hundi, mark, bulk)
            whole(hundi)
    assert len(hit) >= KILLS, "too few of the kills met an import under way"
    verdict = subprocess.run(
        [sys.executable, "-m", "hundi", "doctor", "--data-dir", str(hundi.folder), "--json"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert json.loads(verdict.stdout)["findings"] == []


def one_after_the_other(server: psutil.Process) -> Iterator[psutil.Process]:
    """Give a process, and then the children that it has by then."""
    yield server
    yield from server.children(recursive=True)


def pause(hundi: RunningHundi, seconds: float) -> list[tuple[float, int]]:
    """Let all of PostgreSQL stand still for so long; ask the server meanwhile, and give how long it took and what it said."""
    with hundi.client(timeout=100) as client, ThreadPoolExecutor(4) as pool:
        stopped: list[psutil.Process] = []
        try:
            # The server first: it then starts no more processes for new connections.
            server = victim(hundi, "postgres")
            for process in one_after_the_other(server):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGSTOP)
                    stopped.append(process)
            calls = [pool.submit(ask, client) for _ in range(4)]
            time.sleep(seconds)
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)
        return [call.result() for call in calls]


def ask(client: httpx2.Client) -> tuple[float, int]:
    began = time.monotonic()
    status = client.get("/api/v0/invoice/bulk").status_code
    return time.monotonic() - began, status


@pytest.mark.slow  # PostgreSQL stands still for seconds
def test_an_import_outlives_a_database_that_stands_still(hundi: RunningHundi) -> None:
    whole(hundi)
    with ThreadPoolExecutor(1) as pool:
        # An even mark, as of rows that all have numbers, and one that no other import here has.
        for mark, seconds in zip(range(1000, 2000, 2), PAUSES, strict=False):
            reply = pool.submit(answered, hundi, f"paused-{mark}", content(mark))
            time.sleep(min(0.5, LASTS / 2))
            assert not reply.done()
            asked = pause(hundi, seconds)
            print(f"stood still for {seconds} s: {asked}")  # noqa: T201 - shown with a failure
            # Whoever asks meanwhile waits for a bounded time, and is answered or told to come again.
            assert all(took < seconds + 15 and status in {200, 503} for took, status in asked), asked
            check(hundi, mark, reply.result())
