"""Webhooks delivered by a worker to a receiver on the same machine, beside bare POSTs of the same body at the same concurrency.

Each delivery is of an object of its own, and has all there is to one: an attempt on record before the call, signatures by
secret and by key, the outcome on record after it. They wait in the queue when the worker begins. Timed is from the first
attempt's beginning to the last one's end, as the log of attempts has them. The yardstick are POSTs by httpx2 with as many
under way as the worker has jobs, to the same receiver, a process of its own. PostgreSQL is the embedded one.

    python bench/webhooks.py [--deliveries 2000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import msgspec
import psutil

from create_invoice import _prepared
from hundi.cli.actor import operator
from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.kit.addresses import parse_allow
from hundi.webhooks import service
from hundi.webhooks.outbox import Message, enqueue_deliveries
from network import _worker

AT_A_TIME = 500
WAIT_S = 300
OPEN = "SELECT count(*) FROM webhook_deliveries WHERE state IN ('PENDING', 'SENDING')"
TIMED = """
    SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM webhook_attempts WHERE outcome = 'TAKEN'"""
COUNTED = "SELECT count(*) FROM webhook_attempts WHERE outcome = 'TAKEN'"
CLEARED = "TRUNCATE webhook_attempts, webhook_deliveries, webhook_messages, webhook_lanes"
FACTS = {
    "invoiceId": "inv_0190f0c2a5b07c3e9a1b2c3d4e5f6a7b", "invoiceNumber": "2627/000000001", "netAmount": 1180,
    "balance": 0, "receivableStatus": "PAID", "dispatchStatus": "DISPATCHED", "customerId": "KC01ABCDEFGH2345",
}  # fmt: skip


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection with 200."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _receiver(queue: Any) -> None:
    import uvloop

    async def serve() -> None:
        server = await asyncio.start_server(_receive, "127.0.0.1", 0, backlog=512)
        queue.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


def _post(queue: Any, url: str, body: bytes, count: int, at_once: int) -> None:
    import uvloop

    async def all_of_them() -> float:
        async with httpx2.AsyncClient() as client:
            left = iter(range(count))

            async def some() -> None:
                for _ in left:
                    reply = await client.post(url, content=body, headers={"content-type": "application/json"})
                    assert reply.status_code == 200

            began = time.perf_counter()
            await asyncio.gather(*(some() for _ in range(at_once)))
            return count / (time.perf_counter() - began)

    queue.put(uvloop.run(all_of_them()))


def _bare(url: str, count: int, at_once: int) -> float:
    body = json.dumps(
        {
            "id": "msg_0190f0c2a5b07c3e9a1b2c3d4e5f6a7b", "type": "invoice.paid", "timestamp": "2026-11-16T09:57:35Z",
            "sellerId": "CEKDEMO001", "object": {"kind": "invoice", "id": "inv_1"}, "sequence": 1, "data": FACTS,
        }
    ).encode()  # fmt: skip
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_post, args=(queue, url, body, count, at_once))
    process.start()
    rate: float = queue.get(timeout=WAIT_S)
    process.join()
    return rate


async def _queue(settings: Settings, seller: str, mark: int, count: int) -> None:
    async with opened(settings) as parts:
        for start in range(0, count, AT_A_TIME):
            async with parts.db.transaction(seller) as tx:
                await enqueue_deliveries(
                    tx,
                    [
                        Message(type="invoice.paid", object_kind="invoice", object_id=f"inv_{mark}_{at}", data=FACTS)
                        for at in range(start, min(count, start + AT_A_TIME))
                    ],
                )


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _deliver(settings: Settings, owner: asyncpg.Connection, seller: str, mark: int, count: int) -> dict[str, Any]:
    """Queue deliveries, let a worker send them all, and say how fast it was and what processor time it took."""
    await owner.execute(CLEARED)
    await _queue(settings, seller, mark, count)
    await owner.execute("ANALYZE")
    worker = _worker(settings)
    try:
        process = psutil.Process(worker.pid)
        until = time.perf_counter() + WAIT_S
        while not await owner.fetchval(COUNTED):
            assert time.perf_counter() < until, "nothing is delivered"
            await asyncio.sleep(0.01)
        began = _processor(process)
        while await owner.fetchval(OPEN):
            assert time.perf_counter() < until, "deliveries do not end"
            await asyncio.sleep(0.05)
        took = _processor(process) - began
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    assert await owner.fetchval(COUNTED) == count
    return {"rate": count / await owner.fetchval(TIMED), "processor_ms": took / count * 1000}


async def _endpoint(settings: Settings, seller: str, url: str) -> None:
    async with opened(settings) as parts, parts.db.transaction(seller) as tx:
        await service.add(
            tx, operator(seller, tx.now), parts.keyring, url=url, event_types=["*"], description=None, secret=None,
            allow=parse_allow(settings.outgoing_allow),
        )  # fmt: skip


async def _measure(options: argparse.Namespace, folder: Path, port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/hook"
    server, settings, made = await _prepared(folder / "data")
    settings = msgspec.structs.replace(settings, pool_size=16, outgoing_allow=f"127.0.0.1:{port}")
    found: dict[str, Any] = {"rates": [], "yard": [], "processor_ms": [], "at_once": settings.worker_jobs}
    try:
        owner = await asyncpg.connect(settings.owner_url)
        await _endpoint(settings, made["sellerId"], url)
        for mark in range(options.rounds):
            got = await _deliver(settings, owner, made["sellerId"], mark, options.deliveries)
            found["rates"].append(got["rate"])
            found["processor_ms"].append(got["processor_ms"])
            found["yard"].append(await asyncio.to_thread(_bare, url, options.deliveries, settings.worker_jobs))
        await owner.close()
    finally:
        await server.stop()
    return found


def _print(found: dict[str, Any]) -> None:
    rate, yard = statistics.median(found["rates"]), statistics.median(found["yard"])
    cost = statistics.median(found["processor_ms"])
    print(f"{'what':<58}{'a second':>10}{'ratio':>8}")
    print(f"{'httpx2, bare POSTs, ' + str(found['at_once']) + ' at once':<58}{yard:>10.0f}{1:>8.2f}")
    print(f"{'webhooks, ' + str(found['at_once']) + ' jobs at once':<58}{rate:>10.0f}{rate / yard:>8.2f}")
    print(f"processor time of the worker: {cost:.2f} ms a delivery")
    document = {
        "name": "webhooks", "ratio": round(rate / yard, 3), "per_second": round(rate), "bare_per_second": round(yard),
        "worker_ms": round(cost, 2),
    }  # fmt: skip
    print(json.dumps(document))


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    receiver = context.Process(target=_receiver, args=(queue,), daemon=True)
    receiver.start()
    try:
        with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
            found = await _measure(options, Path(name), queue.get(timeout=30))
    finally:
        receiver.terminate()
    _print(found)


if __name__ == "__main__":
    asyncio.run(main())
