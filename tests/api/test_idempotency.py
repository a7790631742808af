"""Idempotency keys (design §4.3) on both ways of writing: createInvoice's one statement, and a transaction."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import httpx2
import pytest

import make
from hundi import app as hundi_app
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import Database, open_database
from hundi.kit.keys import Keyring

PATHS = ("/api/v0/invoice", "/api/v0/customer")


async def body_of(path: str, seller: make.Company) -> dict[str, Any]:
    return make.customer_body() if path.endswith("customer") else make.invoice_body(await seller.customer())


async def count(path: str, seller: make.Company) -> int:
    table = "customers" if path.endswith("customer") else "invoices"
    found: int = await seller.value(f"SELECT count(*) FROM {table} WHERE seller_id = $1")
    return found


def problem(reply: httpx2.Response) -> str:
    found: str = reply.json()["errorResponse"]["apiSubErrors"][0]["code"]
    return found


@pytest.mark.parametrize("path", PATHS)
async def test_fifty_at_once_make_one_row_and_get_one_reply(seller: make.Company, path: str) -> None:
    body = await body_of(path, seller)
    before = await count(path, seller)
    headers = {"Idempotency-Key": "one"}
    replies = await asyncio.gather(*(seller.http.post(path, json=body, headers=headers) for _ in range(50)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotency-replayed" in reply.headers for reply in replies) == 49
    assert await count(path, seller) == before + 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_with_another_request_is_refused(seller: make.Company, path: str) -> None:
    body = await body_of(path, seller)
    headers = {"Idempotency-Key": "one"}
    first = await seller.http.post(path, json=body, headers=headers)
    assert first.status_code == 200
    for reply in (
        await seller.http.post(path, json=body | {"uniqueRefNo": "X", "poNumber": "X"}, headers=headers),
        await seller.http.post(f"{path}?sellerId={seller.seller_id}", json=body, headers=headers),
        await seller.http.post("/api/v0/customer" if path.endswith("invoice") else "/api/v0/invoice",
                               json=await body_of("customer" if path.endswith("invoice") else "invoice", seller),
                               headers=headers),
    ):  # fmt: skip
        assert reply.status_code == 422, reply.text
        assert reply.json()["errorResponse"]["errorType"] == "UNPROCESSABLE_REQUEST"
        assert "another request" in reply.json()["response_message"]
    assert (await seller.http.post(path, json=body, headers=headers)).content == first.content


@pytest.mark.parametrize("path", PATHS)
async def test_a_refusal_leaves_the_key_free_for_the_corrected_request(seller: make.Company, path: str) -> None:
    body = await body_of(path, seller)
    headers = {"Idempotency-Key": "one"}
    wrong = copy.deepcopy(body)
    if path.endswith("customer"):
        await seller.customer(uniqueRefNo="TAKEN")
        wrong["uniqueRefNo"] = "TAKEN"
    else:
        wrong["customerId"] = "KC" + "0" * 14
    assert (await seller.http.post(path, json=wrong, headers=headers)).status_code in {404, 422}
    good = await seller.http.post(path, json=body, headers=headers)
    assert good.status_code == 200
    assert "idempotency-replayed" not in good.headers


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_is_forgotten_after_a_day(seller: make.Company, clock: make.MovedClock, path: str) -> None:
    body = await body_of(path, seller)
    headers = {"Idempotency-Key": "one"}
    http = seller.http
    first = await http.post(path, json=body, headers=headers)
    clock.move(hours=23, minutes=59)
    later = seller.http_as(["owner"], seller.user_id)
    assert (await later.post(path, json=body, headers=headers)).content == first.content
    clock.move(minutes=2)
    body |= {"invoiceNumber": make.number(), "legalName": "Another"}
    again = await seller.http_as(["owner"], seller.user_id).post(path, json=body, headers=headers)
    assert again.status_code == 200, again.text
    assert again.content != first.content


async def test_a_replay_across_midnight_is_the_same_byte_for_byte(seller: make.Company, clock: make.MovedClock) -> None:
    """OVERDUE and the warning of a future date are computed from today; a replay shows the first call's today."""
    body = make.invoice_body(await seller.customer(), invoiceDate="2026-11-17", dueDate="2026-11-17")
    paid_late = make.invoice_body(await seller.customer(), invoiceDate="2026-11-10", dueDate="2026-11-16")
    http = seller.http
    first = await http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": "future"})
    due = await http.post("/api/v0/invoice", json=paid_late, headers={"Idempotency-Key": "due"})
    assert [w["code"] for w in first.json()["warnings"]] == ["INVOICE_DATE_IN_FUTURE"]
    assert due.json()["payload"]["receivableStatus"]["name"] == "PENDING"
    clock.move(hours=20)
    later = seller.http_as(["owner"], seller.user_id)
    for reply, key, sent in ((first, "future", body), (due, "due", paid_late)):
        again = await later.post("/api/v0/invoice", json=sent, headers={"Idempotency-Key": key})
        assert again.headers["idempotency-replayed"] == "true"
        assert again.content == reply.content


async def test_keys_belong_to_the_one_who_sent_them(seller: make.Company) -> None:
    body = make.customer_body()
    headers = {"Idempotency-Key": "one"}
    first = await seller.http.post("/api/v0/customer", json=body, headers=headers)
    other = await seller.http_as(["maker"]).post("/api/v0/customer", json=body, headers=headers)
    assert other.status_code == 200
    assert other.json()["payload"]["customerId"] != first.json()["payload"]["customerId"]


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 100_000, "tab\tinside", "é"])
async def test_keys_that_cannot_be_used_are_refused_by_name(seller: make.Company, key: str) -> None:
    reply = await seller.http.post(
        "/api/v0/customer", json=make.customer_body(), headers=[(b"Idempotency-Key", key.encode())]
    )
    assert reply.status_code == 400
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["field"] == "Idempotency-Key"


async def test_the_longest_key_works(seller: make.Company) -> None:
    headers = {"Idempotency-Key": "~" * 255}
    assert (await seller.http.post("/api/v0/customer", json=make.customer_body(), headers=headers)).status_code == 200


async def test_patch_replays_and_writes_its_entry_once(seller: make.Company) -> None:
    made = await seller.invoice()
    path, headers = f"/api/v0/invoice/{made['invoiceId']}", {"Idempotency-Key": "pay"}
    first = await seller.http.patch(path, json={"totalReceived": 100}, headers=headers)
    again = await seller.http.patch(path, json={"totalReceived": 100}, headers=headers)
    assert first.status_code == 200
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert await seller.value("SELECT count(*) FROM invoice_entries WHERE seller_id = $1") == 1


# ------------------------------------------------------------------ locks


@pytest.fixture
async def impatient(database_urls: Urls, clock: make.MovedClock, keyring: Keyring, store: Any) -> Any:
    """Give an application whose database waits for locks 300 ms instead of 10 s."""
    parts = urlsplit(database_urls.app)
    pool = await asyncpg.create_pool(
        urlunsplit(parts), min_size=1, max_size=4,
        server_settings={"timezone": "UTC", "lock_timeout": "300", "application_name": "impatient"},
    )  # fmt: skip
    db = Database(pool, clock)
    yield hundi_app.build(
        settings=Settings(), db=db, clock=clock, keyring=keyring, files=store, base_url="http://hundi.test"
    )
    await db.close()


def impatient_client(app: Any, seller: make.Company) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {seller.token(['owner'], seller.user_id)}"}
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://hundi.test", headers=headers)


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_still_in_flight_after_the_wait_is_a_conflict(
    impatient: Any, seller: make.Company, path: str
) -> None:
    body = await body_of(path, seller)
    async with impatient_client(impatient, seller) as http:
        async with seller.db.transaction(seller.seller_id) as tx:
            await tx.execute(
                "INSERT INTO idempotency_keys (seller_id, subject, key, request_hash, created_at)"
                " VALUES ($1, $2, 'busy', '\\x00', $3)", seller.seller_id, seller.user_id, tx.now,
            )  # fmt: skip
            reply = await http.post(path, json=body, headers={"Idempotency-Key": "busy"})
        assert reply.status_code == 409, reply.text
        assert reply.headers["retry-after"] == "2"
        assert reply.json()["errorResponse"]["errorType"] == "UNPROCESSABLE_REQUEST"


async def test_a_lock_on_the_record_is_no_conflict_of_keys(impatient: Any, seller: make.Company) -> None:
    made = await seller.invoice()
    path = f"/api/v0/invoice/{made['invoiceId']}"
    async with impatient_client(impatient, seller) as http:
        async with seller.db.transaction(seller.seller_id) as tx:
            await tx.fetchval("SELECT 1 FROM invoices WHERE seller_id = $1 FOR UPDATE", seller.seller_id)
            reply = await http.patch(path, json={"description": "x"}, headers={"Idempotency-Key": "k"})
        assert reply.status_code == 503, reply.text
        assert reply.headers["retry-after"]
        assert reply.json()["errorResponse"]["errorType"] == "SYSTEM_ERROR"
        again = await http.patch(path, json={"description": "x"}, headers={"Idempotency-Key": "k"})
        assert again.status_code == 200


async def test_a_lock_on_the_series_is_no_conflict_of_keys(impatient: Any, seller: make.Company) -> None:
    customer = await seller.customer()
    await seller.invoice(customer, invoiceNumber=None)
    body = make.invoice_body(customer, invoiceNumber=None)
    async with impatient_client(impatient, seller) as http:
        async with seller.db.transaction(seller.seller_id) as tx:
            await tx.fetchval("SELECT 1 FROM number_counters WHERE seller_id = $1 FOR UPDATE", seller.seller_id)
            reply = await http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": "k"})
        assert reply.status_code == 503, reply.text
        assert (await http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": "k"})).status_code == 200


# ------------------------------------------------------------------ the wire to the database


class Wire:
    """A socket between the application and PostgreSQL: counts round trips, and can cut the line before a reply."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.round_trips = 0
        self.cut_at = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, down = await asyncio.open_unix_connection(self.server)
        try:
            await asyncio.gather(self._requests(reader, down), self._replies(upstream, writer))
        finally:
            for end in (writer, down):
                end.close()

    async def _requests(self, reader: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(4)
        down.write(head + await reader.readexactly(int.from_bytes(head) - 4))  # the start-up message has no kind
        while kind := await reader.read(1):
            size = await reader.readexactly(4)
            # Sync and Query are what a client waits behind.
            self.round_trips += kind in {b"S", b"Q"}
            down.write(kind + size + await reader.readexactly(int.from_bytes(size) - 4))
            await down.drain()
        down.write_eof()

    async def _replies(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await upstream.read(65536):
            if self.cut_at and self.round_trips >= self.cut_at:
                # PostgreSQL has answered, so it has committed; the answer gets lost.
                writer.transport.abort()
                return
            writer.write(block)
            await writer.drain()
        writer.close()


@pytest.fixture
async def wired(
    database_urls: Urls, clock: make.MovedClock, keyring: Keyring, store: Any, server_folder: Path, tmp_path: Path
) -> Any:
    """Give ``(app, wire, database)`` of one connection through a :class:`Wire`."""
    parts = urlsplit(database_urls.app)
    wire = Wire(parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432")
    folder = server_folder / f"wire-{tmp_path.name}"[:40]
    folder.mkdir()
    server = await asyncio.start_unix_server(wire.serve, folder / ".s.PGSQL.5432")
    db = await open_database(urlunsplit(parts._replace(query=f"host={folder}&port=5432")), clock, max_size=1)
    app = hundi_app.build(
        settings=Settings(), db=db, clock=clock, keyring=keyring, files=store, base_url="http://hundi.test"
    )
    yield app, wire, db
    await db.close()
    server.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize("extra", [{}, {"invoiceNumber": None}, {"totalReceived": 10}])
async def test_create_invoice_is_one_round_trip(wired: Any, seller: make.Company, extra: dict[str, Any]) -> None:
    app, wire, _ = wired
    customer = await seller.customer()
    async with impatient_client(app, seller) as http:
        # The first one prepares the statement and learns the row types.
        for key in ("warm-up", "measured"):
            wire.round_trips = 0
            body = make.invoice_body(customer, **extra)
            reply = await http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": key})
            assert reply.status_code == 200, reply.text
    assert wire.round_trips == 1
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.create'") == 2


@pytest.mark.parametrize("path", PATHS)
async def test_a_line_cut_between_commit_and_reply_is_replayed(
    wired: Any, seller: make.Company, client: httpx2.AsyncClient, path: str
) -> None:
    app, wire, _ = wired
    customer = await seller.customer()
    before = await count(path, seller)

    def body(ref: str) -> dict[str, Any]:
        if path.endswith("customer"):
            return make.customer_body(uniqueRefNo=ref)
        return make.invoice_body(customer, invoiceNumber=ref)

    async with impatient_client(app, seller) as http:
        assert (await http.post(path, json=body("R-1"), headers={"Idempotency-Key": "warm-up"})).status_code == 200
        wire.round_trips = 0
        assert (await http.post(path, json=body("R-2"), headers={"Idempotency-Key": "counted"})).status_code == 200
        # Only the last round trip, the commit, loses its answer.
        wire.round_trips, wire.cut_at = 0, wire.round_trips
        lost = await http.post(path, json=body("R-3"), headers={"Idempotency-Key": "lost"})
        wire.cut_at = 0
        assert lost.status_code == 503, lost.text
    assert await count(path, seller) == before + 3
    again = await seller.http.post(path, json=body("R-3"), headers={"Idempotency-Key": "lost"})
    assert again.status_code == 200, again.text
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(path, seller) == before + 3
