r"""A CSV of invoices, 1% of them bad, through the whole bulk engine, beside `psql \copy` of exactly the rows it produces.

Each round begins with empty tables (indexes, keys and checks in place): the import is timed from the job's start to its
end (child, judging, COPY, result files), its rows are exported, the tables are emptied, and one psql copies them back in
one transaction. Medians of the rounds are compared. Memory is that of this process and its children without PostgreSQL.

    python bench/bulk_csv.py [--rows 100000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import asyncpg
import psutil

from hundi.config import Settings
from hundi.db.embedded import EmbeddedPostgres, Urls, binary
from hundi.db.pool import Database, open_database
from hundi.db.upgrade import upgrade
from hundi.files.store import FileStore
from hundi.http.idempotency import Call
from hundi.imports import jobs, service
from hundi.imports.service import Options
from hundi.jobs.context import JobContext
from hundi.kit.actor import Actor
from hundi.kit.clock import SystemClock
from hundi.kit.gstin import gstin_with_check
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.sellers import service as sellers
from hundi.sellers.schemas import NewRegistration

CUSTOMERS = 2000
TABLES = ("import_chunks", "invoices", "invoice_entries", "events", "audit_log")
HEADER = (
    "Invoice number,Customer reference,Invoice date,Due date,Base amount,GST rate %,Description,PO number,External id,"
    "E-mail,Mobile,Received so far\n"
)


class Memory:
    """Watches the memory of this process and its children, PostgreSQL left out."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._stop.wait(0.02):
            total = 0
            for one in [own, *own.children(recursive=True)]:
                try:
                    total += 0 if one.name() in {"postgres", "psql"} else one.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


def write_file(path: Path, rows: int, mark: int) -> None:
    """Write the round's file: 1% of the rows have a date that does not exist, an unknown customer or no amount."""
    chance = random.Random(mark)
    with path.open("w") as out:
        out.write(HEADER)
        for at in range(rows):
            base = f"{chance.randint(100, 9_999_999)}.{chance.randint(0, 99):02d}"
            who, day = f"CUST-{at % CUSTOMERS:05d}", "2026-05-15"
            if at % 100 == 17:
                who, day, base = chance.choice([("NOBODY", day, base), (who, "2026-02-31", base), (who, day, "many")])
            paid = "100" if at % 10 == 0 else ""
            out.write(
                f'R{mark}/26-27/{at:07d},{who},2026-04-15,{day},{base},18,"Services, order {at}",PO-{at},EXT-{mark}-{at},'
                f"accounts{at % CUSTOMERS}@example.com,+919800000000,{paid}\n"
            )


async def prepared(urls: Urls, folder: Path) -> tuple[Database, JobContext, SellerId]:
    """Make a company with its customers."""
    await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
    clock, keyring = SystemClock(), Keyring(["a secret for one benchmark, long enough"])
    db = await open_database(urls.app, clock, loader_dsn=urls.loader)
    place = NewRegistration(
        legal_name="Bench Private Limited", address_line1="1 Works Road", city="Mumbai", pin_code="400001",
        state_code="27", gstin=gstin_with_check("27AAACB1234C1Z"),
    )  # fmt: skip
    async with db.unbound() as tx:
        made = await sellers.create_seller(
            tx, keyring, name="Bench", registration=place, username="bench", display_name="Bench", password="b" * 20
        )
        for at in range(CUSTOMERS):
            await tx.execute(
                "INSERT INTO customers (seller_id, customer_id, unique_ref_no, legal_name, treatment, state_code, "
                "created_at, created_by, modified_at, modified_by) "
                "VALUES ($1, $2, $3, $4, 'REGISTERED', $5, $6, 'bench', $6, 'bench')",
                made.sellerId, f"KC{at:014d}", f"CUST-{at:05d}", f"Customer {at}", ("27", "29")[at % 2], tx.now,
            )  # fmt: skip
    settings = Settings(data_dir=folder)
    files = FileStore.open(None, folder)
    context = JobContext(db=db, clock=clock, keyring=keyring, settings=settings, files=files, mailer=None)
    return db, context, made.sellerId


async def import_once(context: JobContext, seller_id: SellerId, path: Path) -> tuple[float, dict[str, Any]]:
    """Import a file; give the seconds and the counts."""
    files: FileStore = context.files
    now = context.clock.now()
    actor = Actor(
        seller_id=seller_id, home_seller_id=seller_id, subject="bench", client_id="bench", subjects=("bench",),
        issued=now, roles=frozenset(), permissions=frozenset(), request_id="req_bench",
    )  # fmt: skip
    import_id = service.new_import_id(now)
    async with files.spool(2**40) as spool:
        with path.open("rb") as file:
            while block := file.read(2**20):
                await spool.write(block)
        kept = await files.keep(f"imports/{import_id}/upload", spool)
    call = Call(actor=actor, key=None, fingerprint=b"")
    rows = service.chunk_rows_for(kept.size, context.settings.chunk_rows)
    options = Options(chunk_rows=rows, base_url="http://bench")
    async with context.db.transaction(seller_id) as tx:
        await service.receive(tx, call, import_id=import_id, kept=kept, name=path.name, options=options)
    began = time.perf_counter()
    await jobs.run(context, {"seller_id": seller_id, "import_id": import_id})
    took = time.perf_counter() - began
    async with context.db.read(seller_id) as tx:
        result = await tx.fetchval(
            "SELECT result->'payload' FROM imports WHERE import_id = $1 AND seller_id = $2", import_id, seller_id
        )
    return took, json.loads(result)


async def empty(urls: Urls) -> None:
    """Empty the tables both ways fill, and settle what is left to write."""
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    await owner.execute("CHECKPOINT")
    await owner.close()


async def exported(urls: Urls, folder: Path) -> None:
    """Write what the import produced, a file for each table."""
    owner = await asyncpg.connect(urls.owner)
    for table in TABLES:
        await owner.copy_from_query(f"SELECT * FROM {table}", output=str(folder / f"{table}.csv"), format="csv")
    await owner.close()


def copied(urls: Urls, folder: Path) -> float:
    """Copy the files back with one psql in one transaction; give the seconds."""
    script = folder / "copy.sql"
    script.write_text("".join(f"\\copy {table} from '{folder / table}.csv' csv\n" for table in TABLES))
    began = time.perf_counter()
    words = [str(binary("psql")), "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(script), urls.owner]
    subprocess.run(words, check=True, env={"PATH": os.environ["PATH"]})
    return time.perf_counter() - began


async def bench(rows: int, rounds: int) -> dict[str, Any]:
    """Run the rounds and give the medians."""
    with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "db")
        urls = await server.start()
        try:
            db, context, seller_id = await prepared(urls, folder)
            ours: list[float] = []
            theirs: list[float] = []
            peak = 0
            for mark in range(rounds):
                path = folder / f"round{mark}.csv"
                write_file(path, rows, mark)
                await empty(urls)
                with Memory() as memory:
                    took, counts = await import_once(context, seller_id, path)
                peak = max(peak, memory.peak)
                ours.append(took)
                await exported(urls, folder)
                await empty(urls)
                theirs.append(await asyncio.to_thread(copied, urls, folder))
                good, bad = counts["success_count"], counts["failure_count"]
                print(
                    f"round {mark + 1}: import {took:.2f} s ({good:,} good, {bad:,} bad), \\copy {theirs[-1]:.2f} s",
                    flush=True,
                )
            await db.close()
        finally:
            await server.stop()
    mine, floor = statistics.median(ours), statistics.median(theirs)
    return {
        "name": "bulk_csv", "ratio": round(floor / mine, 3), "peak_mb": round(peak / 2**20), "rows": rows,
        "import_s": round(mine, 3), "copy_s": round(floor, 3), "rows_per_s": round(rows / mine),
    }  # fmt: skip


def main() -> None:
    """Run and print the table and the line of JSON."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--rounds", type=int, default=3)
    given = words.parse_args()
    found = asyncio.run(bench(given.rows, given.rounds))
    print()
    print(f"{'':24}{'seconds':>10}{'rows/s':>12}")
    print(f"{'hundi import':24}{found['import_s']:>10.2f}{found['rows_per_s']:>12,}")
    print(f"{'psql copy':24}{found['copy_s']:>10.2f}{round(found['rows'] / found['copy_s']):>12,}")
    print(f"ratio {found['ratio']} (1 = as fast as \\copy), peak memory {found['peak_mb']} MB\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
