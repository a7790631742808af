"""The ten most usual searches in a company of 10,000 invoices: alone in a database, and among 200 companies of as many.

Both databases stand in one embedded PostgreSQL and are asked in turn, run by run, in five rounds of 200; the p99 of a
search is the median of its rounds. Measured is the whole search as the API does it (read transaction, filters, count, page of 50, rows), as the
application's role under row-level security, without HTTP. The plans of the large database are printed, and none may
read the table of invoices from end to end.

    python bench/search.py [--quick] [--rounds 5] [--runs 200]

--quick has 20 companies instead of 200.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from hundi.db.embedded import EmbeddedPostgres, Urls
from hundi.db.pool import Database, Transaction, open_database
from hundi.db.upgrade import upgrade
from hundi.http.wire import dec_hook
from hundi.invoices.search import Page, search
from hundi.invoices.search_schemas import InvoiceSearch
from hundi.kit.clock import SystemClock
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring

INVOICES = 10_000
CUSTOMERS = 200
TODAY = date(2026, 11, 16)
OURS = SellerId("CEK0000001")
RING = Keyring(["the secret of a benchmark, which keeps none"])

SEARCHES: dict[str, tuple[dict[str, Any], str, str]] = {
    "the newest": ({}, "createdOn", "DESC"),
    "overdue, oldest first": ({"receivableStatuses": ["OVERDUE"]}, "dueDate", "ASC"),
    "open, of one customer": (
        {"customerIds": ["KC00000000010017"], "receivableStatuses": ["PENDING", "PARTIALLY_PAID"]}, "dueDate", "ASC",
    ),
    "by number": ({"invoiceNumber": "inv/26-27/04217"}, "createdOn", "DESC"),
    "text: part of a number": ({"text": "27/0421"}, "createdOn", "DESC"),
    "text: a customer's name": ({"text": "traders 17"}, "createdOn", "DESC"),
    "due this week": ({"dueDateFrom": "2026-11-16", "dueDateTo": "2026-11-22"}, "dueDate", "ASC"),
    "invoiced last month": ({"invoiceDateFrom": "2026-10-01", "invoiceDateTo": "2026-10-31"}, "invoiceDate", "DESC"),
    "a lakh or more to get": ({"balanceAmountFrom": 100_000}, "balanceAmount", "DESC"),
    "approved, not sent": (
        {"approvalStatuses": ["APPROVER_APPROVED"], "dispatched": False, "createdOnFrom": "2026-11-01"}, "createdOn", "DESC",
    ),
}  # fmt: skip

COMPANY = """
    INSERT INTO sellers (seller_id, legal_name, created_at) VALUES ($1, 'Company ' || $1, '2026-04-01T00:00:00Z')"""
PLACE = """
    INSERT INTO registrations (seller_id, registration_id, is_default, legal_name, address_line1, city, pin_code,
        state_code, created_at)
    VALUES ($1, 'reg_1', true, 'Company ' || $1, '1 Road', 'Pune', '411001', '27', '2026-04-01T00:00:00Z')"""
BUYERS = """
    INSERT INTO customers (seller_id, customer_id, legal_name, treatment, state_code, created_at, created_by,
        modified_at, modified_by)
    SELECT $1, 'KC' || lpad((10000 + n)::text, 14, '0'),
           (array['Konkan', 'Deccan', 'Malwa', 'Coromandel', 'Vindhya'])[1 + n % 5] || ' Traders ' || n, 'REGISTERED',
           '27', '2026-04-01T00:00:00Z', 'bench', '2026-04-01T00:00:00Z', 'bench'
      FROM generate_series(0, $2::int - 1) n"""
# Born one every half hour over the year; a fifth is paid, a tenth in part; due 30 days after the invoice.
INVOICED = """
    INSERT INTO invoices (seller_id, invoice_id, registration_id, customer_id, fy, invoice_number, number_key,
        invoice_date, due_date, description, base_amount, taxable_value, invoice_value, net_amount, total_received,
        balance, receivable_status, approval_status, created_via, dispatched_at, created_at, created_by, modified_at,
        modified_by)
    SELECT $1, 'inv_' || lpad(to_hex(n), 12, '0') || md5($1 || n), 'reg_1',
           'KC' || lpad((10000 + (n * 7919) % $3::int)::text, 14, '0'), 2026,
           'INV/26-27/' || lpad(n::text, 5, '0'), 'INV/26-27/' || lpad(n::text, 5, '0'),
           at, (at AT TIME ZONE 'Asia/Kolkata')::date + 30,
           (array['Welding electrodes', 'Cotton yarn', 'Steel rods', 'Bearings', 'Annual maintenance'])[1 + n % 5],
           amount, amount, amount, amount, amount - owed, owed,
           CASE WHEN owed = 0 THEN 'PAID' WHEN owed < amount THEN 'PARTIALLY_PAID' ELSE 'PENDING' END,
           'APPROVER_APPROVED', 'API', CASE WHEN n % 20 < 19 THEN at + interval '1 day' END, at, 'bench', at, 'bench'
      FROM (SELECT n, '2026-04-20T00:00:00Z'::timestamptz + n * interval '30 minutes' AS at, amount,
                   CASE WHEN n % 5 = 0 THEN 0 WHEN n % 10 = 1 THEN round(amount / 2, 2) ELSE amount END AS owed
              FROM (SELECT n, round((1000 + (n * 104729) % 150000)::numeric, 2) AS amount
                      FROM generate_series(1, $2::int) n) amounts) made"""


async def load(owner: str, companies: int) -> None:
    """Fill a database: our company first, the others after it, indexes made at the end."""
    connection = await asyncpg.connect(owner)
    try:
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'invoices' "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        for row in indexes:
            await connection.execute(f"DROP INDEX {row['indexname']}")
        # The rows are right by how they are made; checking two million foreign keys would tell nothing.
        await connection.execute("SET session_replication_role = replica")
        for number in range(1, companies + 1):
            seller = f"CEK{number:07d}"
            await connection.execute(COMPANY, seller)
            await connection.execute(PLACE, seller)
            await connection.execute(BUYERS, seller, CUSTOMERS)
            await connection.execute(INVOICED, seller, INVOICES, CUSTOMERS)
        for row in indexes:
            await connection.execute(row["indexdef"])
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def wanted(name: str) -> tuple[InvoiceSearch, Page]:
    """Give one of the ten searches."""
    body, order_by, direction = SEARCHES[name]
    return msgspec.convert(body, InvoiceSearch, dec_hook=dec_hook), Page(
        order_by=order_by, direction=direction, limit=50
    )


async def once(db: Database, name: str) -> float:
    """Search once and give the milliseconds it took."""
    filters, page = wanted(name)
    began = time.perf_counter()
    async with db.read(OURS) as tx:
        found = await search(tx, RING, filters, page, today=TODAY)
    taken = (time.perf_counter() - began) * 1000
    assert found.rows, name
    return taken


async def measure(alone: Database, among: Database, name: str, runs: int) -> tuple[list[float], list[float]]:
    """Give the milliseconds of each run in both databases, asked in turn: what disturbs the one disturbs the other."""
    small, large = [], []
    for _ in range(runs):
        small.append(await once(alone, name))
        large.append(await once(among, name))
    return small, large


class Recorded(Transaction):
    """A transaction that keeps the statements it runs."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx.connection, tx.seller_id, tx.now)
        self.ran: list[tuple[str, tuple[Any, ...]]] = []

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Run and keep."""
        self.ran.append((sql, args))
        return await super().fetch(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Run and keep."""
        self.ran.append((sql, args))
        return await super().fetchval(sql, *args)


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give all nodes of a plan."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes_of(inner)


def kind_of(sql: str) -> str:
    """Say what a statement is for."""
    for mark, kind in (("count(", "count"), ("OFFSET", "page"), ("AS customer_legal_name", "rows")):
        if mark in sql:
            return kind
    return "names"


async def show_plans(db: Database) -> None:
    """Print how each search finds its rows; stop where one reads the whole table."""
    for name in SEARCHES:
        filters, page = wanted(name)
        async with db.read(OURS) as tx:
            recorded = Recorded(tx)
            await search(recorded, RING, filters, page, today=TODAY)
            print(f"\n-- {name}")
            for sql, args in recorded.ran:
                plan = json.loads(await tx.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *args))[0]
                scans = []
                for node in nodes_of(plan["Plan"]):
                    whole = node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "invoices"
                    assert not whole, f"{name} reads the whole table of invoices: {sql}"
                    if "Scan" in node["Node Type"] or node["Node Type"] == "Sort":
                        what = (
                            node.get("Index Name") or node.get("Relation Name") or ", ".join(node.get("Sort Key", []))
                        )
                        scans.append(f"{node['Node Type']} {what} ({node['Actual Rows']:.0f} rows)")
                kind = kind_of(sql)
                print(f"   {kind:<5} {plan['Execution Time']:7.2f} ms  {' <- '.join(scans)}")


def p99(taken: list[float]) -> float:
    """Give the time that one run in a hundred exceeds."""
    return sorted(taken)[min(int(len(taken) * 0.99), len(taken) - 1)]


async def prepared(folder: Path, companies: int) -> tuple[EmbeddedPostgres, Urls, Urls]:
    """Start a server with both databases."""
    server = EmbeddedPostgres(folder)
    large = await server.start()
    small = Urls(*(url.replace("/hundi?", "/alone?") for url in (large.owner, large.app, large.loader)))
    connection = await asyncpg.connect(large.owner)
    await connection.execute("CREATE DATABASE alone")
    await connection.close()
    for urls, count in ((small, 1), (large, companies)):
        began = time.perf_counter()
        await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
        await load(urls.owner, count)
        print(f"{count * INVOICES:,} invoices loaded in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return server, small, large


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    companies = 20 if options.quick else 200
    with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
        server, small, large = await prepared(Path(name) / "data", companies)
        alone = await open_database(small.app, SystemClock())
        among = await open_database(large.app, SystemClock())
        times: dict[str, tuple[list[list[float]], list[list[float]]]] = {search: ([], []) for search in SEARCHES}
        try:
            await show_plans(among)
            for search_name in SEARCHES:
                await measure(alone, among, search_name, 10)
            for _ in range(options.rounds):
                for search_name, (small_runs, large_runs) in times.items():
                    small_run, large_run = await measure(alone, among, search_name, options.runs)
                    small_runs.append(small_run)
                    large_runs.append(large_run)
        finally:
            await alone.close()
            await among.close()
            await server.stop()
    report(times, companies)


def report(times: dict[str, tuple[list[list[float]], list[list[float]]]], companies: int) -> None:
    """Print the table and the last line."""
    print(f"\n{'search, ms':<28}{'alone p50':>10}{'p99':>8}{'among p50':>11}{'p99':>8}{'ratio':>7}")
    ratios = []
    slowest = {"alone": 0.0, "among": 0.0}
    for name, (small, large) in times.items():
        middle = [statistics.median(one for run in runs for one in run) for runs in (small, large)]
        ends = [statistics.median(p99(runs) for runs in rounds) for rounds in (small, large)]
        ratios.append(ends[1] / ends[0])
        slowest = {key: max(slowest[key], value) for key, value in zip(slowest, ends, strict=True)}
        print(f"{name:<28}{middle[0]:>10.2f}{ends[0]:>8.2f}{middle[1]:>11.2f}{ends[1]:>8.2f}{ratios[-1]:>7.2f}")
    document = {
        "name": "search", "ratio": round(max(ratios), 2), "median_ratio": round(statistics.median(ratios), 2),
        "invoices": companies * INVOICES, "slowest_p99_ms": round(slowest["among"], 1),
        "slowest_p99_alone_ms": round(slowest["alone"], 1),
    }  # fmt: skip
    print(json.dumps(document))


if __name__ == "__main__":
    asyncio.run(main())
