"""SIGKILL to the whole process tree at random moments of upload and dispatch: nothing is lost and nothing happens twice."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx2
import pytest
from running import RunningHundi

from hundi.db.embedded import running_urls

# Twenty and more in CI with those of test_import_kills, test_network_servers and test_delivery_crash.
KILLS = {"default": 3, "ci": 6, "soak": 60}[os.environ.get("TEST_TIER", "default")]
ROWS = 20_000
BAD_EVERY = 100
SENT = 40


@pytest.fixture
def hundi(tmp_path: Path) -> Iterator[RunningHundi]:
    running = RunningHundi(tmp_path / "data")
    running.start()
    yield running
    running.end()


def _file(mark: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["customerRef", "invoiceNumber", "invoiceDate", "dueDate", "baseAmount", "totalReceived"])
    for row in range(1, ROWS + 1):
        amount = "none" if row % BAD_EVERY == 0 else f"{row}.50"
        received = "1.00" if row % 7 == 0 else ""
        writer.writerow([f"CUST-{row % 20 + 1:03d}", f"K{mark}-{row}", "01-11-2026", "31-12-2026", amount, received])
    return text.getvalue().encode()


def _through_a_kill(hundi: RunningHundi, after: float, ask: Callable[[httpx2.Client], httpx2.Response]) -> Any:
    """Ask, kill everything ``after`` seconds later, start again, and ask the same until it is answered."""
    killer = threading.Timer(after, hundi.kill_tree)
    with hundi.client() as client:
        killer.start()
        # The connection dies with the server, as it should.
        with contextlib.suppress(httpx2.HTTPError):
            ask(client)
    killer.join()
    hundi.start()
    with hundi.client() as client:
        reply = ask(client)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _wait_until_sent(hundi: RunningHundi, count: int) -> None:
    until = time.monotonic() + 120
    outbox = hundi.folder / "outbox" / "CEKDEMO001"
    while len(list(outbox.glob("*.eml"))) < count:
        assert time.monotonic() < until, hundi.words()
        time.sleep(0.2)


async def _owner(hundi: RunningHundi, sql: str, *args: Any) -> list[asyncpg.Record]:
    urls = running_urls(hundi.folder)
    assert urls is not None
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetch(sql, *args)
    finally:
        await connection.close()


@pytest.mark.slow  # many whole restarts
def test_sigkill_at_random_moments(hundi: RunningHundi) -> None:
    seed = int(os.environ.get("TEST_SEED", str(Random().randrange(10**6))))
    print(f"TEST_SEED={seed}")  # noqa: T201 - shown with a failure, to repeat it
    random = Random(seed)
    uploads = (KILLS + 1) // 2
    for mark in range(uploads):
        _upload_and_check(hundi, random, mark)
    expected = sum(1 for _ in hundi.mails())
    for mark in range(KILLS - uploads):
        expected += SENT
        _dispatch_and_check(hundi, random, mark, expected)
    verdict = subprocess.run(
        [sys.executable, "-m", "hundi", "doctor", "--data-dir", str(hundi.folder), "--json"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert json.loads(verdict.stdout)["findings"] == []
    assert hundi.stop() == 0


def _upload_and_check(hundi: RunningHundi, random: Random, mark: int) -> None:
    content = _file(mark)

    def upload(client: httpx2.Client) -> httpx2.Response:
        files = {"file": (f"kill-{mark}.csv", content, "text/csv")}
        return client.post("/api/v0/invoice/bulk/create", files=files, headers={"Idempotency-Key": f"upload-{mark}"})

    bulk = _through_a_kill(hundi, random.uniform(0.02, 1.6), upload)["payload"]
    bad = ROWS // BAD_EVERY
    assert (bulk["total_count"], bulk["success_count"], bulk["failure_count"]) == (ROWS, ROWS - bad, bad)
    numbers: Counter[str] = Counter()
    for kind in ("success", "failure"):
        reply = httpx2.get(bulk[f"{kind}_file_url"].replace(_port_of(bulk), _port(hundi)), timeout=60)
        rows = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
        assert len(rows) == bulk[f"{kind}_count"]
        numbers.update(row["invoiceNumber"] for row in rows)
    assert numbers == Counter(f"K{mark}-{row}" for row in range(1, ROWS + 1))
    sql = "SELECT invoice_number FROM invoices WHERE seller_id = 'CEKDEMO001' AND invoice_number LIKE $1"
    stored = Counter(row["invoice_number"] for row in asyncio.run(_owner(hundi, sql, f"K{mark}-%")))
    assert stored == Counter(f"K{mark}-{row}" for row in range(1, ROWS + 1) if row % BAD_EVERY)


def _port(hundi: RunningHundi) -> str:
    return hundi.demo["baseUrl"]


def _port_of(bulk: dict[str, Any]) -> str:
    return "/".join(bulk["success_file_url"].split("/")[:3])


def _dispatch_and_check(hundi: RunningHundi, random: Random, mark: int, expected: int) -> None:
    with hundi.client() as client:
        ids = []
        # Ten rows apart, so that a round never reaches into the next one when it passes over a bad row.
        for row in range(1 + mark * (SENT + 10), 1 + (mark + 1) * (SENT + 10)):
            if row % BAD_EVERY == 0 or len(ids) == SENT:
                continue
            found = client.post("/api/v0/invoice/search", json={"invoiceNumber": f"K0-{row}"}).json()["payload"]
            ids.append(found["data"][0]["invoiceId"])
    assert len(ids) == SENT

    def dispatch(client: httpx2.Client) -> httpx2.Response:
        body = {"invoiceIds": ids}
        return client.post("/api/v0/invoice/bulk/dispatch", json=body, headers={"Idempotency-Key": f"send-{mark}"})

    envelope = _through_a_kill(hundi, random.uniform(0.02, 2.5), dispatch)
    assert envelope["response_code"] == 0
    _wait_until_sent(hundi, expected)
    time.sleep(1.5)
    sent = Counter(str(mail["Subject"]).split()[1] for mail in hundi.mails())
    assert sum(sent.values()) == expected
    assert set(sent.values()) == {1}, [number for number, times in sent.items() if times > 1]
