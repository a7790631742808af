"""createInvoice with everything on, beside pgbench doing the same INSERTs as separate prepared statements.

Both run against the same embedded PostgreSQL with the same indexes, alternating, three rounds each; medians are shown.
The server is one process of `hundi serve` behind uvicorn; the load comes from a second process over 32 connections.

    python bench/create_invoice.py [--seconds 6] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from hundi.cli.parts import opened
from hundi.cli.processes import ChildOrder
from hundi.cli.sockets import listen
from hundi.config import Settings
from hundi.db.embedded import EmbeddedPostgres, binary
from hundi.db.upgrade import upgrade
from hundi.kit.gstin import gstin_with_check
from hundi.sellers import service as sellers
from hundi.sellers.schemas import NewRegistration

CONNECTIONS = 32

# What create_invoice() writes, as separate statements: seller bound, key row, invoice, event, audit row, key's reply.
PGBENCH = r"""
\set n random(1, 2000000000)
\set m random(1, 2000000000)
begin;
select bind_seller('{seller}');
insert into idempotency_keys (seller_id, subject, key, request_hash, created_at)
values ('{seller}', 'bench', 'b-' || :client_id || '-' || :n || '-' || :m, '\x00', now());
insert into invoices (seller_id, invoice_id, registration_id, customer_id, fy, invoice_number, number_key, invoice_date,
    due_date, description, base_amount, cgst, sgst, taxable_value, invoice_value, net_amount, balance, place_of_supply,
    created_via, created_at, created_by, modified_at, modified_by)
values ('{seller}', 'inv_b' || :client_id || '_' || :n || '_' || :m, '{registration}', '{customer}', 2026,
    'B/' || :client_id || '/' || :n || '/' || :m, 'B/' || :client_id || '/' || :n || '/' || :m,
    now(), '2099-12-31', 'Welding electrodes', 1000, 90, 90, 1000, 1180, 1180, 1180, '27', 'API', now(), 'bench', now(),
    'bench');
insert into events (seller_id, event_id, at, type, object_kind, object_id, data)
values ('{seller}', 'evt_b' || :client_id || '_' || :n || '_' || :m, now(), 'invoice.created', 'invoice',
    'inv_b' || :n, '{{"netAmount": 1180}}');
insert into audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, after, request_id)
values ('{seller}', 'aud_b' || :client_id || '_' || :n || '_' || :m, now(), 'bench', 'invoice.create', 'invoice',
    'inv_b' || :n, '{facts}', 'req_bench');
update idempotency_keys set status = 200, facts = '{facts}'
 where seller_id = '{seller}' and subject = 'bench' and key = 'b-' || :client_id || '-' || :n || '-' || :m;
commit;
"""


async def _prepared(folder: Path) -> tuple[EmbeddedPostgres, Settings, dict[str, Any]]:
    server = EmbeddedPostgres(folder)
    urls = await server.start()
    await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
    settings = Settings(
        database_url=urls.app, owner_url=urls.owner, loader_url=urls.loader, secret_key="b" * 40, data_dir=folder,
        pool_size=CONNECTIONS, log_level="warning",
    )  # fmt: skip
    async with opened(settings) as parts, parts.db.unbound() as tx:
        registration = NewRegistration(
            legal_name="Bench Ltd", address_line1="1 Road", city="Pune", pin_code="411001", state_code="27",
            gstin=gstin_with_check("27ZZZCB0001A1Z"), series_pattern="{2627}/{n:9}",
        )  # fmt: skip
        made = await sellers.create_seller(
            tx, parts.keyring, name="Bench Ltd", registration=registration, username="bench", display_name="Bench"
        )
    return server, settings, msgspec.to_builtins(made)


def _serve(settings: Settings) -> tuple[subprocess.Popen[bytes], int]:
    bound = listen("127.0.0.1", 0)
    port = int(bound.getsockname()[1])
    child = subprocess.Popen(
        [sys.executable, "-m", "hundi.cli.processes", "serve", str(bound.fileno())],
        stdin=subprocess.PIPE, pass_fds=[bound.fileno()],
    )  # fmt: skip
    order = msgspec.json.encode(ChildOrder(settings=settings), enc_hook=str)
    assert child.stdin is not None
    child.stdin.write(order + b"\n")
    child.stdin.flush()
    bound.close()
    return child, port


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> tuple[int, bytes]:
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
    body = await reader.readexactly(length)
    return int(head[9:12]), body


def _raw(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _load(port: int, token: str, customer: str, seconds: float, *, numbered: bool) -> tuple[float, list[float]]:
    mark = f"{os.getpid()}-{time.time_ns()}"
    taken: list[float] = []
    until = time.perf_counter() + seconds

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < until:
            count += 1
            fields: dict[str, Any] = {
                "customerId": customer, "baseAmount": 1000, "cgst": 90, "sgst": 90, "dueDate": "2099-12-31",
                "description": "Welding electrodes",
            }  # fmt: skip
            if numbered:
                fields["invoiceNumber"] = f"A{mark[-9:]}/{number}/{count}"
            headers = {
                "Authorization": f"Bearer {token}", "Content-Type": "application/json",
                "Idempotency-Key": f"{mark}-{number}-{count}",
            }  # fmt: skip
            raw = _raw("POST", "/api/v0/invoice", headers, json.dumps(fields).encode())
            began = time.perf_counter()
            status, body = await _request(reader, writer, raw)
            taken.append(time.perf_counter() - began)
            assert status == 200, body
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return len(taken) / (time.perf_counter() - began), taken


def _load_process(queue: Any, *args: Any, numbered: bool) -> None:
    import uvloop

    queue.put(uvloop.run(_load(*args, numbered=numbered)))


def _measure_http(port: int, token: str, customer: str, seconds: float, *, numbered: bool) -> tuple[float, list[float]]:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(
        target=_load_process, args=(queue, port, token, customer, seconds), kwargs={"numbered": numbered}
    )
    process.start()
    result = queue.get(timeout=seconds + 60)
    process.join()
    return result


def _measure_pgbench(url: str, script: Path, seconds: float) -> float:
    words = [
        str(binary("pgbench")), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(int(seconds)),
        "-f", str(script), url,
    ]  # fmt: skip
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"tps = ([0-9.]+)", out)[1])  # type: ignore[index]


async def _sign_in(port: int, made: dict[str, Any]) -> tuple[str, str, str]:
    import base64

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    basic = base64.b64encode(f"{made['clientId']}:{made['clientSecret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    status, body = await _request(
        reader, writer, _raw("POST", "/oauth/token", headers, b"grant_type=client_credentials")
    )
    assert status == 200, body
    token = json.loads(body)["access_token"]
    customer = {"legalName": "Buyer", "state": "27", "customerKeyContacts": []}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, body = await _request(
        reader, writer, _raw("POST", "/api/v0/customer", headers, json.dumps(customer).encode())
    )
    assert status == 200, body
    customer_id = json.loads(body)["payload"]["customerId"]
    fields = {
        "customerId": customer_id,
        "baseAmount": 1000,
        "cgst": 90,
        "sgst": 90,
        "dueDate": "2099-12-31",
        "invoiceNumber": "ONE",
    }
    status, body = await _request(reader, writer, _raw("POST", "/api/v0/invoice", headers, json.dumps(fields).encode()))
    assert status == 200, body
    writer.close()
    return token, customer_id, made["sellerId"]


async def _facts(settings: Settings, seller: str) -> tuple[str, str]:
    import asyncpg

    connection = await asyncpg.connect(settings.owner_url)
    try:
        facts = await connection.fetchval(
            "SELECT after::text FROM audit_log WHERE seller_id = $1 AND action = 'invoice.create' LIMIT 1", seller
        )
        registration = await connection.fetchval(
            "SELECT registration_id FROM registrations WHERE seller_id = $1", seller
        )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return facts, registration


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
        folder = Path(name)
        server, settings, made = await _prepared(folder / "data")
        child, port = _serve(settings)
        try:
            await asyncio.sleep(2)
            token, customer, seller = await _sign_in(port, made)
            facts, registration = await _facts(settings, seller)
            script = folder / "create.sql"
            script.write_text(PGBENCH.format(seller=seller, registration=registration, customer=customer, facts=facts))
            yard: list[float] = []
            ours: list[float] = []
            series: list[float] = []
            slow: list[float] = []
            for _ in range(options.rounds):
                yard.append(
                    await asyncio.to_thread(_measure_pgbench, settings.database_url or "", script, options.seconds)
                )
                rate, taken = await asyncio.to_thread(
                    _measure_http, port, token, customer, options.seconds, numbered=True
                )
                ours.append(rate)
                slow += taken
                rate, _ = await asyncio.to_thread(_measure_http, port, token, customer, options.seconds, numbered=False)
                series.append(rate)
        finally:
            child.terminate()
            child.wait(timeout=20)
            await server.stop()
    _print(yard, ours, series, slow)


def _print(yard: list[float], ours: list[float], series: list[float], slow: list[float]) -> None:
    base, rate, from_series = (statistics.median(values) for values in (yard, ours, series))
    p99 = sorted(slow)[int(len(slow) * 0.99)] * 1000
    print(f"{'what':<44}{'a second':>10}{'ratio':>8}")
    print(f"{'pgbench, the same INSERTs, 32 clients':<44}{base:>10.0f}{1:>8.2f}")
    print(f"{'createInvoice, number in the body':<44}{rate:>10.0f}{rate / base:>8.2f}   p99 {p99:.1f} ms")
    print(f"{'createInvoice, number from one series':<44}{from_series:>10.0f}{from_series / base:>8.2f}")
    document = {
        "name": "create_invoice", "ratio": round(rate / base, 3), "per_second": round(rate), "p99_ms": round(p99, 1),
        "series_ratio": round(from_series / base, 3), "pgbench_per_second": round(base),
    }  # fmt: skip
    print(json.dumps(document))


if __name__ == "__main__":
    asyncio.run(main())
