"""The engine's promises: results partition the input, a redo writes nothing twice, a killed worker loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import importing
import make
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.files.store import FileStore
from hundi.imports.engine import Engine
from hundi.jobs.later import RunLater
from hundi.kit.keys import Keyring
from importing import PATH, Importer, row, text

SECRET = "a secret key of the tests, long enough"
KILLS = {"default": 4, "ci": 8, "soak": 60}[os.environ.get("TEST_TIER", "default")]


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring, chunk_rows=100)


async def start(importer: Importer, content: str) -> str:
    """Upload a file whose chunks have 100 rows, without running it; give the import's id."""
    reply = await importer.seller.http.post(
        PATH, files={"file": ("a.csv", content)}, headers={"Prefer": "respond-async"}
    )
    found: str = reply.json()["payload"]["importId"]
    await importer.seller.run(
        "UPDATE imports SET options = options || '{\"chunk_rows\": 100}' WHERE seller_id = $1 AND import_id = $2", found
    )
    return found


async def result(importer: Importer, import_id: str) -> dict[str, Any]:
    found = await importer.seller.value(
        "SELECT result->'payload' FROM imports WHERE seller_id = $1 AND import_id = $2", import_id
    )
    # Amounts as Decimal: a float cannot hold the largest sums to the paisa.
    decoded: dict[str, Any] = json.loads(found, parse_float=Decimal)
    return decoded


async def check_exact(importer: Importer, rows: list[dict[str, str]], payload: dict[str, Any]) -> None:
    """Hold the result files against the input and the table: each row once, in file order, counts and sum right."""
    successes, failures = await importer.results(payload)
    own = [tuple(one[name] for name in importing.HEADER) for one in rows]
    good = [tuple(one[name] for name in importing.HEADER) for one in successes]
    bad = [tuple(one[name] for name in importing.HEADER) for one in failures]
    assert Counter(good) + Counter(bad) == Counter(own)
    assert (payload["success_count"], payload["failure_count"]) == (len(good), len(bad))
    assert payload["total_count"] == len(rows)
    assert all(one["error_code"] and one["error_message"] for one in failures)
    assert await importer.count() == len(successes)
    total = await importer.seller.value("SELECT coalesce(sum(net_amount), 0) FROM invoices WHERE seller_id = $1")
    assert Decimal(str(payload["total_amount"])) == total
    ids = await importer.seller.rows("SELECT invoice_id FROM invoices WHERE seller_id = $1")
    assert {one["invoice_id"] for one in ids} == {one["invoiceId"] for one in successes}


CELLS = st.fixed_dictionaries(
    {
        "invoiceNumber": st.sampled_from(["", "A-1", "a-1", "A-2", "A-3", "", "B/1", "é1", "É1", "ß1", "x" * 51]),
        "customerRef": st.sampled_from(["C1", "C1", "C1", "C1", "", "NOBODY"]),
        "invoiceDate": st.sampled_from(["2026-11-01", "2026-11-01", "2025-11-01", "", "31-02-2026"]),
        "dueDate": st.sampled_from(["2026-12-01", "2026-12-01", "2026-12-01", "2020-01-01", "", "x"]),
        "baseAmount": st.sampled_from(["1000", "1,000.00", "0.1", "0", "-1", "nan", "1e9", "", "99999999999999.99"]),
        "cgst": st.sampled_from(["", "90", "9"]),
        "sgst": st.sampled_from(["", "90", "90"]),
        "externalId": st.sampled_from(["", "", "E1", "E2"]),
        "description": st.sampled_from(
            ["", "x", '"quoted", text', "two\nlines", "a\n\\.\nb", "\\.", "\\N", "=1+1", "'=1", "हिन्दी"]
        ),
    }
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(CELLS, min_size=1, max_size=250))
async def test_successes_and_failures_partition_the_input(
    rows: list[dict[str, str]], new_seller: Any, store: FileStore, keyring: Keyring
) -> None:
    seller = await new_seller()
    await seller.customer(uniqueRefNo="C1")
    importer = Importer(seller, store, keyring)
    rows = [one for one in rows if any(one.values())]
    import_id = await start(importer, text(rows))
    await importer.run(import_id)
    payload = await result(importer, import_id)
    guarded = [{name: f"'{cell}" if cell.startswith("=") else cell for name, cell in one.items()} for one in rows]
    await check_exact(importer, guarded, payload)

    before = await importer.count()
    again = await start(importer, text(rows))
    await importer.run(again)
    repeated = await result(importer, again)
    assert await importer.count() == before
    assert repeated["success_count"] == repeated["warn_count"] == payload["success_count"]
    assert repeated["successRequests"] == payload["successRequests"]


def mixed(count: int) -> list[dict[str, str]]:
    """Give rows of which one in ten is bad and one in fifty repeats an earlier key."""
    rows = []
    for at in range(count):
        one = row(description=f"row {at}")
        if at % 10 == 3:
            one["dueDate"] = "never"
        if at % 50 == 49:
            one["invoiceNumber"] = rows[at - 40]["invoiceNumber"]
        rows.append(one)
    return rows


async def test_two_runs_at_once_write_each_row_once(importer: Importer) -> None:
    rows = mixed(730)
    import_id = await start(importer, text(rows))
    await asyncio.gather(*(importer.run(import_id) for _ in range(3)))
    await importer.run(import_id)
    await check_exact(importer, rows, await result(importer, import_id))
    assert await importer.count("import_chunks") == 8
    assert (
        await importer.seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.import'")
        == 8
    )


async def test_numbered_rows_of_two_runs_at_once_stay_gapless(importer: Importer) -> None:
    rows = [row(invoiceNumber="", description=f"n {at}") for at in range(350)]
    import_id = await start(importer, text(rows))
    await asyncio.gather(*(importer.run(import_id) for _ in range(2)))
    numbers = await importer.seller.rows("SELECT invoice_number FROM invoices WHERE seller_id = $1 ORDER BY row_no")
    assert [one["invoice_number"] for one in numbers] == [f"INV/26-27/{n:05d}" for n in range(1, 351)]
    assert (await result(importer, import_id))["success_count"] == 350


async def test_different_files_with_the_same_numbers_at_once_share_them_out(importer: Importer) -> None:
    rows = [row() for _ in range(300)]
    other = [{**one, "description": "another"} for one in reversed(rows)]
    first, second = await start(importer, text(rows)), await start(importer, text(other))
    await asyncio.gather(importer.run(first), importer.run(second))
    one, two = await result(importer, first), await result(importer, second)
    assert one["success_count"] + two["success_count"] == 300 == await importer.count()
    assert one["failure_count"] + two["failure_count"] == 300


async def test_without_the_loader_the_same_rows_are_written(
    importer: Importer, database_urls: Urls, clock: make.MovedClock
) -> None:
    pool = await asyncpg.create_pool(database_urls.app, min_size=1, max_size=4)
    importer.context = msgspec.structs.replace(importer.context, db=Database(pool, clock))
    rows = mixed(230)
    import_id = await start(importer, text(rows))
    await importer.run(import_id)
    await check_exact(importer, rows, await result(importer, import_id))
    await pool.close()


async def test_a_run_that_fails_half_way_is_taken_up_again(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = mixed(540)
    import_id = await start(importer, text(rows))

    async def broken(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_settle", broken)
        with pytest.raises(RunLater, match="No space"):
            await importer.run(import_id)
    await importer.run(import_id)
    await check_exact(importer, rows, await result(importer, import_id))


WORKER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from hundi.config import Settings
    from hundi.db.pool import open_database
    from hundi.files.store import FileStore
    from hundi.imports import jobs
    from hundi.jobs.context import JobContext
    from hundi.kit.clock import SystemClock
    from hundi.kit.keys import Keyring

    async def main(app, loader, folder, secret, seller, import_id):
        db = await open_database(app, SystemClock(), loader_dsn=loader)
        files = FileStore.open(None, Path(folder))
        context = JobContext(
            db=db, clock=SystemClock(), keyring=Keyring([secret]), settings=Settings(), files=files, mailer=None
        )
        print("ready", flush=True)
        await jobs.run(context, {"seller_id": seller, "import_id": import_id})

    asyncio.run(main(*sys.argv[1:]))
""")


async def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    seller: make.Company, keyring: Keyring, database_urls: Urls, store: FileStore
) -> None:
    """Slow: starts a worker process again and again, each killed at another moment."""
    await seller.customer(uniqueRefNo="C1")
    importer = Importer(seller, store, keyring)
    rows = mixed(3000)
    import_id = await start(importer, text(rows))
    chance = random.Random(7)
    folder = str(store.work.parent)
    killed = 0
    for _ in range(KILLS):
        words = [
            sys.executable,
            "-c",
            WORKER,
            database_urls.app,
            database_urls.loader,
            folder,
            SECRET,
            seller.seller_id,
            import_id,
        ]
        worker = await asyncio.to_thread(subprocess.Popen, words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == b"ready\n"
        await asyncio.sleep(chance.uniform(0.3, 1.2))
        killed += worker.poll() is None
        os.kill(worker.pid, signal.SIGKILL)
        await asyncio.to_thread(worker.communicate)
    assert killed
    await importer.run(import_id)
    await check_exact(importer, rows, await result(importer, import_id))
    assert await importer.count("import_chunks") == 30
    assert not list(store.work.glob("import-*"))
