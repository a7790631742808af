"""SIGKILL of the worker, of the server and of PostgreSQL while a large file is imported: one row for each row of it."""

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
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
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
VICTIMS = ("worker", "serve", "postgres")
BAD_EVERY = 100
# How many seconds an import of so many rows takes here, roughly: the kills are spread over a bit more than that.
LASTS = 1.0 + ROWS / 15_000


@pytest.fixture
def hundi(tmp_path: Path) -> Iterator[RunningHundi]:
    running = RunningHundi(tmp_path / "data")
    running.start()
    yield running
    running.end()


def content(mark: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["customerRef", "invoiceNumber", "invoiceDate", "dueDate", "baseAmount", "totalReceived"])
    for at in range(1, ROWS + 1):
        amount = "none" if at % BAD_EVERY == 0 else f"{at}.50"
        received = "1.00" if at % 7 == 0 else ""
        # Every fourth row has no number of its own: the series gives one, and none may be left out.
        number = "" if at % 4 == 0 and mark % 2 else f"K{mark}-{at}"
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
    until = time.monotonic() + 120
    while True:
        assert time.monotonic() < until, hundi.words()
        if hundi.process is not None and hundi.process.poll() is not None:
            hundi.start()
        try:
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
    assert len(given) == (ROWS // 4 - ROWS // BAD_EVERY if mark % 2 else 0)
    counted = [int(number.rpartition("/")[2]) for _, number in given]
    assert counted == list(range(counted[0], counted[0] + len(counted))) if counted else True


@pytest.mark.slow  # many whole restarts
def test_one_row_for_each_row_whatever_is_killed(hundi: RunningHundi) -> None:
    seed = int(os.environ.get("TEST_SEED", str(Random().randrange(10**6))))
    print(f"TEST_SEED={seed}")  # noqa: T201 - shown with a failure, to repeat it
    random = Random(seed)
    victims = random.sample(VICTIMS, len(VICTIMS))
    for mark in range(KILLS):
        name, after = victims[mark % len(victims)], random.uniform(0.05, LASTS)
        print(f"round {mark}: {name} after {after:.2f} s")  # noqa: T201 - shown with a failure
        target, body = victim(hundi, name), content(mark)

        def kill(target: psutil.Process = target) -> None:
            with contextlib.suppress(psutil.NoSuchProcess):
                target.send_signal(signal.SIGKILL)

        killer = threading.Timer(after, kill)
        killer.start()
        bulk = answered(hundi, f"upload-{seed}-{mark}", body)
        killer.join()
        check(hundi, mark, bulk)
        # The installation is whole again before the next round, by itself or started anew.
        until = time.monotonic() + 60
        while True:
            assert time.monotonic() < until, hundi.words()
            if hundi.process is not None and hundi.process.poll() is not None:
                hundi.start()
            with contextlib.suppress(AssertionError, psutil.Error):
                for part in VICTIMS:
                    victim(hundi, part)
                break
            time.sleep(0.2)
    verdict = subprocess.run(
        [sys.executable, "-m", "hundi", "doctor", "--data-dir", str(hundi.folder), "--json"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert json.loads(verdict.stdout)["findings"] == []
    assert hundi.stop() == 0
