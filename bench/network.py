"""Invoices traded between two businesses through the central unit, beside pgbench writing as many rows.

A cycle is: the supplier sends an invoice of ten items, the buyer accepts it, pays it, and the supplier confirms the payment:
four calls over HTTP with everything on. Counted are *messages*: each one that a company sends and the central unit takes in
(4 a cycle), and each one that a company is delivered (8: every call has an answer for its sender and word for the other).
The next call of a cycle is made when the other company has its delivery and the caller its answer, which is read from its
events by a connection of the load's own. Server and worker are the two processes of `hundi up`, PostgreSQL is the embedded one, the load is a fourth
process; all share the machine. pgbench writes, over as many connections, as many rows a transaction as one message does on
the average, each of `--row-bytes`.

Latency is measured with cycles that begin at an even pace, `--steady` messages a second: the call, the way from a call to the
other company's having it (two hops), and one hop alone (from the commit in which the central unit took a message to the
commit in which a company took what came of it). What is carried a second then is counted between the lead-in and the last
beginning.

    python bench/network.py [--seconds 8] [--rounds 3] [--flows 48] [--steady 200]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from create_invoice import CONNECTIONS, _measure_pgbench, _prepared, _raw, _request, _serve, _sign_in
from hundi.cli.demo_network import join
from hundi.cli.parts import opened
from hundi.cli.processes import ChildOrder
from hundi.config import Settings
from hundi.db.embedded import EmbeddedPostgres
from hundi.kit.gstin import gstin_with_check
from hundi.sellers import service as sellers
from hundi.sellers.schemas import NewRegistration
from network_yardsticks import PAN, WRITTEN, YARD, bodies, hops, percentile, reading_ms, row_script, send_script

MESSAGES = 12
"""Messages of one cycle: four sent, eight delivered."""
LIMIT_MS = 1.5
LEAD_IN_S = 2
STEPS = (
    "invoice/req-send-invoice", "invoice/req-confirm-invoice", "payment/req-pay", "payment/req-pay-confirmation",
)  # fmt: skip
TAKEN = "SELECT (SELECT count(*) FROM central.inbox) AS sent, (SELECT count(*) FROM network_inbox) AS delivered"
HEARD = """
    SELECT event_id, type, object_id FROM events
     WHERE seller_id = $1 AND at >= $2 AND type LIKE 'network.%' ORDER BY event_id"""


# ---------------------------------------------------------------- the load


class Company:
    """One of the two: its token, its seller, and what it is waiting to hear."""

    def __init__(self, seller: str, token: str) -> None:
        self.seller = seller
        self.token = token
        self.waiting: dict[tuple[str, str], asyncio.Future[None]] = {}
        self.heard: set[tuple[str, str]] = set()

    async def listen(self, url: str, since: datetime, stop: asyncio.Event) -> None:
        """Look at the events every 20 ms and wake who waits for them."""
        connection = await asyncpg.connect(url)
        seen: set[str] = set()
        for turn in itertools.count():
            if stop.is_set():
                break
            async with connection.transaction():
                await connection.execute("SELECT bind_seller($1)", self.seller)
                # A transaction that began earlier may commit later: a fifth of a second is looked at again each time, two
                # seconds each tenth time.
                look_back = timedelta(seconds=2 if turn % 10 == 0 else 0.2)
                rows = await connection.fetch(HEARD, self.seller, since - look_back)
                since = await connection.fetchval("SELECT now()")
            for row in rows:
                if row["event_id"] in seen:
                    continue
                seen.add(row["event_id"])
                key = (row["type"], row["object_id"][3:])
                self.heard.add(key)
                future = self.waiting.pop(key, None)
                if future is not None and not future.done():
                    future.set_result(None)
            await asyncio.sleep(0.02)
        await connection.close()

    async def hears(self, type_: str, mark: str) -> None:
        """Wait for an event about the cycle's invoice or payment; raises TimeoutError after 30 seconds."""
        key = (type_, mark)
        if key not in self.heard:
            future = asyncio.get_running_loop().create_future()
            self.waiting[key] = future
            await asyncio.wait_for(future, 30)


class Load:
    """Cycles over HTTP; ``ways`` are seconds from a call to the other company's having it: two hops and the call itself."""

    def __init__(self, port: int, supplier: Company, buyer: Company) -> None:
        self.port = port
        self.pair = (supplier, buyer)
        self.ways: list[float] = []
        self.calls: list[float] = []
        self.cycles = 0
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, company: Company, path: str, body: dict[str, Any]) -> None:
        """Make one call; every one has an idempotency key."""
        while self.idle and self.idle[-1][0].at_eof():
            self.idle.pop()  # the server has closed what was idle for some seconds
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        headers = {
            "Authorization": f"Bearer {company.token}", "Content-Type": "application/json",
            "Idempotency-Key": os.urandom(12).hex(),
        }  # fmt: skip
        status, reply = await _request(
            reader, writer, _raw("POST", f"/api/v0/{path}", headers, json.dumps(body).encode())
        )
        assert status == 200, reply
        self.idle.append((reader, writer))

    async def cycle(self) -> None:
        """Trade one invoice from its birth to its payment's confirmation."""
        mark = os.urandom(16).hex()
        supplier, buyer = self.pair
        for at, (path, body) in enumerate(zip(STEPS, bodies(mark), strict=True)):
            speaks, hears = (supplier, buyer) if at in {0, 3} else (buyer, supplier)
            began = time.perf_counter()
            await self.call(speaks, path, body)
            self.calls.append(time.perf_counter() - began)
            await hears.hears(f"network.{path.replace('/', '.')}", mark)
            self.ways.append(time.perf_counter() - began)
            # Whoever spoke has its own answer, too, before it speaks of the invoice again.
            await speaks.hears(f"network.{path.replace('/', '.').replace('req-', 'resp-')}", mark)
        self.cycles += 1


async def _begin(load: Load, tasks: list[asyncio.Task[None]], steady: int, seconds: float) -> None:
    """Begin cycles for some seconds, at an even pace, so that so many messages a second come of them."""
    due = time.perf_counter()
    until = due + seconds
    while due < until:
        await asyncio.sleep(max(0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(load.cycle()))
        due += MESSAGES / steady


async def _trade(arguments: dict[str, Any]) -> dict[str, Any]:
    """Trade for some seconds: over ``flows`` at once, or at ``steady`` messages a second."""
    pair = [Company(*one) for one in arguments["pair"]]
    load = Load(arguments["port"], *pair)
    stop = asyncio.Event()
    probe = await asyncpg.connect(arguments["owner"])
    since = await probe.fetchval("SELECT clock_timestamp()")
    listeners = [asyncio.create_task(one.listen(arguments["url"], since, stop)) for one in pair]
    before, began = await probe.fetchrow(TAKEN), time.perf_counter()
    until = began + arguments["seconds"]

    async def flow() -> None:
        while time.perf_counter() < until:
            await load.cycle()

    if arguments["steady"]:
        tasks: list[asyncio.Task[None]] = []
        await _begin(load, tasks, arguments["steady"], LEAD_IN_S)
        before, began = await probe.fetchrow(TAKEN), time.perf_counter()
        await _begin(load, tasks, arguments["steady"], arguments["seconds"])
        after, took = await probe.fetchrow(TAKEN), time.perf_counter() - began
        await asyncio.gather(*tasks)
    else:
        await asyncio.gather(*(flow() for _ in range(arguments["flows"])))
        after, took = await probe.fetchrow(TAKEN), time.perf_counter() - began
    stop.set()
    await asyncio.gather(*listeners)
    await probe.close()
    sent, delivered = after["sent"] - before["sent"], after["delivered"] - before["delivered"]
    return {
        "rate": (sent + delivered) / took, "sent": sent, "delivered": delivered, "ways": load.ways, "calls": load.calls,
        "cycles": load.cycles,
    }  # fmt: skip


async def _only_send(arguments: dict[str, Any]) -> dict[str, Any]:
    """Send invoices of ``items`` lines over 32 connections, whatever becomes of them."""
    supplier = Company(*arguments["pair"][0])
    load = Load(arguments["port"], supplier, supplier)
    until = time.perf_counter() + arguments["seconds"]
    count = 0

    async def flow() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await load.call(supplier, STEPS[0], bodies(os.urandom(16).hex(), arguments["items"])[0])
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(flow() for _ in range(CONNECTIONS)))
    return {"rate": count / (time.perf_counter() - began)}


def _in_process(queue: Any, arguments: dict[str, Any]) -> None:
    import uvloop

    queue.put(uvloop.run(_only_send(arguments) if arguments["items"] else _trade(arguments)))


def _measured(arguments: dict[str, Any]) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_in_process, args=(queue, arguments))
    process.start()
    result: dict[str, Any] = queue.get(timeout=arguments["seconds"] + 120)
    process.join()
    return result


# ---------------------------------------------------------------- setting up


def _place(b2b_id: str) -> NewRegistration:
    return NewRegistration(
        legal_name=f"{b2b_id} Ltd", trade_name=b2b_id, address_line1="1 Road", city="Pune", pin_code="411001",
        state_code="27", gstin=gstin_with_check(f"27{PAN[b2b_id]}1Z"), series_pattern="{2627}/{n:9}",
        bank_holder=f"{b2b_id} Ltd", bank_account="1234567890", bank_ifsc="HDFC0000001", upi_vpa="a.b@example",
        email="a@example.com", phone="9820000000",
    )  # fmt: skip


async def _joined(settings: Settings, first: dict[str, Any], port: int) -> list[tuple[str, str]]:
    """Give (seller, token) of supplier and buyer, both on the network."""
    async with opened(settings) as parts, parts.db.unbound() as tx:
        second = await sellers.create_seller(
            tx, parts.keyring, name="Buyer Ltd", username="buyer", display_name="Buyer", registration=_place("BUY")
        )
        companies = {"SUP": first, "BUY": msgspec.to_builtins(second)}
        for b2b_id, made in companies.items():
            await join(tx, parts, made["sellerId"], b2b_id, _place(b2b_id))
    return [(made["sellerId"], (await _sign_in(port, made))[0]) for made in companies.values()]


def _worker(settings: Settings) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-m", "hundi.cli.processes", "worker"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(msgspec.json.encode(ChildOrder(settings=settings), enc_hook=str) + b"\n")
    child.stdin.flush()
    return child


async def _settled(owner: asyncpg.Connection) -> None:
    """Wait until nothing is under way."""
    left = "SELECT (SELECT count(*) FROM central.outbox) + (SELECT count(*) FROM network_outbox)"
    until = time.perf_counter() + 120
    while await owner.fetchval(left):
        assert time.perf_counter() < until, "messages do not arrive"
        await asyncio.sleep(0.1)


# ---------------------------------------------------------------- measuring


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    server, settings, made = await _prepared(folder / "data")
    server, settings = await _noting_commits(server, settings, folder / "data")
    child, port = _serve(settings)
    worker = _worker(settings)
    found: dict[str, Any] = {
        "rates": [],
        "yard": [],
        "ways": [],
        "calls": [],
        "sends": {1: [], 50: []},
        "bare": {1: [], 50: []},
    }
    try:
        await asyncio.sleep(3)
        pair = await _joined(settings, made, port)
        owner = await asyncpg.connect(settings.owner_url)
        await owner.execute(YARD)
        await asyncio.sleep(1)
        await _settled(owner)
        shared = {
            "pair": pair, "port": port, "url": settings.database_url, "owner": settings.owner_url, "items": 0,
            "flows": options.flows, "steady": 0, "seconds": options.seconds,
        }  # fmt: skip
        await asyncio.to_thread(_measured, shared | {"seconds": 2})
        await owner.execute("ANALYZE")
        await asyncio.sleep(1)
        rows = await owner.fetchval(WRITTEN)
        for _ in range(options.rounds):
            got = await asyncio.to_thread(_measured, shared)
            await _settled(owner)
            found["rates"].append(got["rate"])
            await asyncio.sleep(1)
            now = await owner.fetchval(WRITTEN)
            found["rows"] = round((now - rows) / (got["sent"] + got["delivered"]))
            script = folder / "rows.sql"
            script.write_text(row_script(found["rows"], options.row_bytes))
            found["yard"].append(
                await asyncio.to_thread(_measure_pgbench, settings.database_url or "", script, options.seconds)
            )
            await asyncio.sleep(1)
            rows = await owner.fetchval(WRITTEN)
        since = await owner.fetchval("SELECT clock_timestamp()")
        got = await asyncio.to_thread(_measured, shared | {"steady": options.steady})
        await _settled(owner)
        found |= {"ways": got["ways"], "calls": got["calls"], "steady": got["rate"]}
        found["hops"] = await hops(owner, since, await owner.fetchval("SELECT clock_timestamp()"))
        if options.sends:
            await _measure_sends(shared, settings, folder, found, options)
        await owner.close()
    finally:
        for one in (worker, child):
            one.terminate()
            one.wait(timeout=30)
        await server.stop()
    return found


async def _noting_commits(
    server: EmbeddedPostgres, settings: Settings, folder: Path
) -> tuple[EmbeddedPostgres, Settings]:
    """Have PostgreSQL note when each transaction committed, which it does from its next start on."""
    owner = await asyncpg.connect(settings.owner_url)
    await owner.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await owner.close()
    await server.stop()
    server = EmbeddedPostgres(folder)
    urls = await server.start()
    return server, msgspec.structs.replace(
        settings, pool_size=16, database_url=urls.app, owner_url=urls.owner, loader_url=urls.loader
    )


async def _measure_sends(
    shared: dict[str, Any], settings: Settings, folder: Path, found: dict[str, Any], options: argparse.Namespace
) -> None:
    owner = await asyncpg.connect(settings.owner_url)
    for _ in range(options.rounds):
        for count in (1, 50):
            got = await asyncio.to_thread(_measured, shared | {"items": count, "seconds": options.send_seconds})
            found["sends"][count].append(got["rate"])
            await _settled(owner)
            script = folder / "send.sql"
            script.write_text(send_script(shared["pair"][0][0], count))
            found["bare"][count].append(
                await asyncio.to_thread(_measure_pgbench, settings.database_url or "", script, options.send_seconds)
            )
            await owner.execute("DELETE FROM network_outbox WHERE receiver = 'NOBODY'")
    await owner.close()


def _print(found: dict[str, Any]) -> None:
    rate, yard = statistics.median(found["rates"]), statistics.median(found["yard"])
    timed = {
        f"{name}_p{share}_ms": round(percentile(found[f"{name}s"], share / 100), 1)
        for name in ("hop", "way", "call")
        for share in (50, 99)
    }
    reading = {count: reading_ms(count) for count in (1, 10, 50)}
    print(f"{'what':<58}{'a second':>10}{'ratio':>8}")
    print(
        f"{'pgbench, ' + str(found['rows']) + ' rows a transaction, ' + str(CONNECTIONS) + ' clients':<58}{yard:>10.0f}{1:>8.2f}"
    )
    print(f"{'messages, sent and delivered':<58}{rate:>10.0f}{rate / yard:>8.2f}")
    document: dict[str, Any] = {
        "name": "network", "ratio": round(rate / yard, 3), "per_second": round(rate), "pgbench_per_second": round(yard),
        "rows_a_message": found["rows"], "steady_per_second": round(found["steady"]),
        **timed, "read_ms": {str(one): round(value, 2) for one, value in reading.items()},
    }  # fmt: skip
    for count, rates in found["sends"].items():
        if rates:
            sent, bare = statistics.median(rates), statistics.median(found["bare"][count])
            print(f"{f'pgbench, the rows of one req-send-invoice, {count} items':<58}{bare:>10.0f}{1:>8.2f}")
            print(f"{f'req-send-invoice, {count} items':<58}{sent:>10.0f}{sent / bare:>8.2f}")
            document[f"send_{count}"] = {"ratio": round(sent / bare, 3), "per_second": round(sent)}
    print(f"at a steady {found['steady']:.0f} messages a second, milliseconds, median and p99:")
    for name, what in (
        ("hop", "one hop, from the central unit's commit to a company's"),
        ("way", "from a call to the other company's having it (two hops)"),
        ("call", "the call alone"),
    ):
        print(f"    {what:<58}{timed[f'{name}_p50_ms']:>8}{timed[f'{name}_p99_ms']:>8}")
    print(f"reading and checking 50 items: {reading[50]:.2f} ms of processor time (at most {LIMIT_MS})")
    print(json.dumps(document))


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flows", type=int, default=48, help="cycles at the same time")
    parser.add_argument("--steady", type=int, default=200, help="messages a second for the latency")
    parser.add_argument("--row-bytes", type=int, default=1500, help="JSON of one row of the yardstick")
    parser.add_argument("--send-seconds", type=float, default=3, help="seconds of req-send-invoice alone, each time")
    parser.add_argument("--no-sends", dest="sends", action="store_false", help="leave out req-send-invoice alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
        found = await _measure(options, Path(name))
    _print(found)


if __name__ == "__main__":
    asyncio.run(main())
