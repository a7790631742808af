# ruff: noqa: SLF001 - the yardstick runs the texts the service keeps to itself
"""GET, PATCH and create over HTTP, each beside pgbench doing the same statements over as many connections.

Both run against the same embedded PostgreSQL, alternating; medians are shown. The server is one process behind uvicorn,
the load comes from a second process over 32 connections. What is compared with create is in create_invoice.py; the reads
are the statements of the service itself, with their parameters as pgbench writes them. Each connection has an invoice of
its own, so that no PATCH waits for another one's row. (It is not called http.py: it would stand in the way of Python's
own ``http`` for every benchmark of this folder.)

    python bench/http_calls.py [--seconds 4] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from create_invoice import (
    CONNECTIONS,
    PGBENCH,
    _facts,
    _measure_http,
    _measure_pgbench,
    _prepared,
    _raw,
    _request,
    _serve,
    _sign_in,
)
from hundi.invoices import attachments, queries

# An invoice for each connection, under an id that pgbench can make from the connection's number.
INVOICES = """
    INSERT INTO invoices (seller_id, invoice_id, registration_id, customer_id, fy, invoice_number, number_key, invoice_date,
        due_date, description, base_amount, cgst, sgst, taxable_value, invoice_value, net_amount, balance, place_of_supply,
        created_via, created_at, created_by, modified_at, modified_by)
    SELECT $1, 'inv_bench_' || n, $2, $3, 2026, 'G/' || n, 'G/' || n, now(), '2099-12-31', 'Welding electrodes', 1000, 90,
           90, 1000, 1180, 1180, 1180, '27', 'API', now(), 'bench', now(), 'bench'
      FROM generate_series(0, $4) AS n"""


def _literal(statement: str, *values: str) -> str:
    """Put values in place of $1, $2, … for pgbench, and end the statement."""
    return re.sub(r"\$(\d+)(::[a-z]+(\[\])?)?", lambda found: values[int(found[1]) - 1], statement).strip() + ";\n"


def _read(seller: str) -> str:
    own, invoice = f"'{seller}'", "'inv_bench_' || :client_id"
    return (
        _literal(queries._ONE, own, invoice)
        + _literal(queries._ITEMS, own, invoice)
        + _literal(attachments._OF_INVOICE, own, invoice, "false")
    )


def get_script(seller: str) -> str:
    """Give what getInvoice asks: the seller bound, the invoice with its customer and people, its lines, its files."""
    return (
        f"begin isolation level repeatable read read only;\nselect bind_seller('{seller}');\n{_read(seller)}commit;\n"
    )


def patch_script(seller: str, facts: str) -> str:
    """Give what updateInvoice writes and reads: key, row locked and read, update, audit and event, read again, reply."""
    own, invoice = f"'{seller}'", "'inv_bench_' || :client_id"
    key = "'p-' || :client_id || '-' || :n || '-' || :m"
    return (
        "\\set n random(1, 2000000000)\n\\set m random(1, 2000000000)\nbegin;\n"
        f"select bind_seller({own});\n"
        "insert into idempotency_keys (seller_id, subject, key, request_hash, created_at) "
        f"values ({own}, 'bench', {key}, '\\x00', now());\n"
        + _literal(queries._LOCK, own, invoice)
        + _literal(queries._ONE, own, invoice)
        + _literal(queries._ENTRY_SUMS, own, invoice, "array['RECEIPT', 'OPENING', 'ADVANCE', 'REVERSAL']")
        + "update invoices set description = 'Changed ' || :n, modified_at = now(), modified_by = 'bench', "
        f"version = version % 1000000 + 1 where seller_id = {own} and invoice_id = {invoice};\n"
        "insert into audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, after, request_id) "
        f"values ({own}, 'aud_p' || :client_id || '_' || :n || '_' || :m, now(), 'bench', 'invoice.update', 'invoice', "
        f"{invoice}, '{facts}', 'req_bench');\n"
        "insert into events (seller_id, event_id, at, type, object_kind, object_id, data) "
        f"values ({own}, 'evt_p' || :client_id || '_' || :n || '_' || :m, now(), 'invoice.updated', 'invoice', "
        f'{invoice}, \'{{"changed": ["description"]}}\');\n'
        + _read(seller)
        + f"update idempotency_keys set status = 200, reply = '\\x00' where seller_id = {own} and subject = 'bench' "
        f"and key = {key};\ncommit;\n"
    )


async def _load(port: int, token: str, method: str, seconds: float) -> tuple[float, list[float]]:
    mark, taken = str(time.time_ns()), []
    until = time.perf_counter() + seconds

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < until:
            count += 1
            headers, body = {"Authorization": f"Bearer {token}"}, b""
            if method == "PATCH":
                headers |= {"Content-Type": "application/json", "Idempotency-Key": f"{mark}-{number}-{count}"}
                body = json.dumps({"description": f"Changed {mark} {count}"}).encode()
            began = time.perf_counter()
            raw = _raw(method, f"/api/v0/invoice/inv_bench_{number}", headers, body)
            status, reply = await _request(reader, writer, raw)
            taken.append(time.perf_counter() - began)
            assert status == 200, reply
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return len(taken) / (time.perf_counter() - began), taken


def _load_process(queue: Any, *args: Any) -> None:
    import uvloop

    queue.put(uvloop.run(_load(*args)))


def _measure(port: int, token: str, method: str, seconds: float) -> tuple[float, list[float]]:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_load_process, args=(queue, port, token, method, seconds))
    process.start()
    result: tuple[float, list[float]] = queue.get(timeout=seconds + 60)
    process.join()
    return result


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    names = ("GET", "PATCH", "create")
    yard: dict[str, list[float]] = {name: [] for name in names}
    ours: dict[str, list[float]] = {name: [] for name in names}
    slow: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
        folder = Path(name)
        server, settings, made = await _prepared(folder / "data")
        child, port = _serve(settings)
        try:
            await asyncio.sleep(2)
            token, customer, seller = await _sign_in(port, made)
            facts, registration = await _facts(settings, seller)
            owner = await asyncpg.connect(settings.owner_url)
            await owner.execute(INVOICES, seller, registration, customer, CONNECTIONS - 1)
            await owner.execute("ANALYZE")
            await owner.close()
            scripts = {
                "GET": get_script(seller), "PATCH": patch_script(seller, facts),
                "create": PGBENCH.format(seller=seller, registration=registration, customer=customer, facts=facts),
            }  # fmt: skip
            for _ in range(options.rounds):
                for call, text in scripts.items():
                    script = folder / f"{call}.sql"
                    script.write_text(text)
                    url = settings.database_url or ""
                    yard[call].append(await asyncio.to_thread(_measure_pgbench, url, script, options.seconds))
                    if call == "create":
                        rate, taken = await asyncio.to_thread(
                            _measure_http, port, token, customer, options.seconds, numbered=True
                        )
                    else:
                        rate, taken = await asyncio.to_thread(_measure, port, token, call, options.seconds)
                    ours[call].append(rate)
                    slow[call] += taken
        finally:
            child.terminate()
            child.wait(timeout=20)
            await server.stop()
    _print(yard, ours, slow)


def _print(yard: dict[str, list[float]], ours: dict[str, list[float]], slow: dict[str, list[float]]) -> None:
    document: dict[str, Any] = {"name": "http_calls", "ratio": 1.0}
    print(f"{'call':<10}{'pgbench/s':>12}{'HTTP/s':>10}{'ratio':>8}{'p99 ms':>9}")
    for call, rates in yard.items():
        base, rate = statistics.median(rates), statistics.median(ours[call])
        p99 = sorted(slow[call])[int(len(slow[call]) * 0.99)] * 1000
        print(f"{call:<10}{base:>12.0f}{rate:>10.0f}{rate / base:>8.2f}{p99:>9.1f}")
        document[call.lower()] = {
            "ratio": round(rate / base, 3), "per_second": round(rate), "pgbench_per_second": round(base),
            "p99_ms": round(p99, 1),
        }  # fmt: skip
        document["ratio"] = min(document["ratio"], round(rate / base, 3))
    print(json.dumps(document))


if __name__ == "__main__":
    asyncio.run(main())
