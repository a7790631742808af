"""A call in two round trips: what it leaves behind is what the long way leaves, and what stands in its way changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

import network_bodies as bodies
from hundi.jobs.queue import enqueue
from hundi.network import service, submission
from network_world import Trader, World


@pytest.fixture
async def pair(db: Any, keyring: Any, clock: Any, new_seller: Any) -> tuple[Trader, Trader]:
    world = World(db, keyring, clock)
    return await world.join(await new_seller()), await world.join(await new_seller())


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which way each call went."""
    found: list[str] = []
    short, long = submission.submit, service.submit

    async def by_the_short(*arguments: Any) -> Any:
        reply = await short(*arguments)
        found.append("short" if reply is not None else "not")
        return reply

    async def by_the_long(*arguments: Any) -> Any:
        found.append("long")
        return await long(*arguments)

    monkeypatch.setattr(submission, "submit", by_the_short)
    monkeypatch.setattr(service, "submit", by_the_long)
    return found


LEFT = {
    "network_objects": "status, version, revision, role, total, due, kind, document, data - 'id' - 'number' - 'made_by'",
    "network_events": "revision, event, actor, before, after, version, amount",
    "network_numbers": "receiver, last",
    "network_awaiting": "1",
    "network_outbox": "receiver, attempts",
    "audit_log": "actor, action, object_kind, before, after - 'messageId' - 'about'",
    "idempotency_keys": "subject, status, facts, import_id",
}


async def left(trader: Trader) -> dict[str, list[Any]]:
    """Give what every table has of the company, but for ids and instants."""
    found = {}
    async with trader.company.db.read(trader.company.seller_id) as tx:
        for table, columns in LEFT.items():
            rows = await tx.fetch(f"SELECT {columns} FROM {table} WHERE seller_id = $1", tx.seller_id)
            found[table] = sorted(map(repr, rows))
    return found


async def test_both_ways_leave_the_same(
    pair: tuple[Trader, Trader], ways: list[str], monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    supplier, buyer = pair

    async def nothing(*_: Any) -> None:
        return None

    found = []
    for short in (True, False):
        if not short:
            monkeypatch.setattr(submission, "submit", nothing)
        before = await left(supplier)
        sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
        sent["invoice"]["supplierInvoiceNumber"] = "SAME-1"
        reply = await supplier.post("invoice/req-send-invoice", sent, headers={"Idempotency-Key": f"key {short}"})
        assert reply.status_code == 200, reply.text
        after = await left(supplier)
        new = {table: list(rows) for table, rows in after.items()}
        for table, rows in before.items():
            for row in rows:
                new[table].remove(row)
        object_id = sent["invoice"]["objectId"]
        found.append({table: [row.replace(object_id, "ID") for row in rows] for table, rows in new.items()})
    assert ways == ["short", "long"]
    assert found[0] == found[1]
    assert all(len(rows) == 1 for rows in found[0].values()), found[0]


async def test_the_job_is_as_any_other(pair: tuple[Trader, Trader], ways: list[str]) -> None:
    supplier, buyer = pair
    company = supplier.company
    row = "priority, queue_manager_id, status, entrypoint, dedupe_key, payload, headers, attempts"
    async with company.db.unbound() as tx:
        await tx.execute("DELETE FROM pgqueuer WHERE position($1::bytea IN payload) > 0", company.seller_id.encode())
    await supplier.post("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))
    assert ways == ["short"]
    async with company.db.transaction(company.seller_id) as tx:
        await enqueue(tx, service.SEND, ids={})
    async with company.db.unbound() as tx:
        rows = await tx.fetch(
            f"SELECT {row}, id, execute_after <= clock_timestamp() AS due FROM pgqueuer"
            " WHERE position($1::bytea IN payload) > 0", company.seller_id.encode()
        )  # fmt: skip
    assert len(rows) == 2
    ours, its = ([value for name, value in one.items() if name != "id"] for one in rows)
    assert ours == its


async def test_a_key_that_is_used_again_is_answered_as_before(pair: tuple[Trader, Trader], ways: list[str]) -> None:
    supplier, buyer = pair
    asked = bodies.search_entity(supplier.b2b_id)
    path, key = "business-onboarding/reg-search-entity", {"Idempotency-Key": "again"}
    first = await supplier.post(path, asked, headers=key)
    again = await supplier.post(path, asked, headers=key)
    assert (first.status_code, first.content, again.headers["Idempotency-Replayed"]) == (200, again.content, "true")
    assert ways == ["short", "not"]
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    other = await supplier.post("invoice/req-send-invoice", sent, headers=key)
    assert (other.status_code, other.json()["errorResponse"]["apiSubErrors"][0]["code"]) == (
        422,
        "IDEMPOTENCY_KEY_REUSED",
    )
    sent_once = await supplier.company.value("SELECT count(*) FROM network_outbox WHERE seller_id = $1")
    assert sent_once == 1


async def test_one_request_many_times_at_once_is_done_once(pair: tuple[Trader, Trader], ways: list[str]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    key = {"Idempotency-Key": "many"}
    replies = await asyncio.gather(
        *(supplier.post("invoice/req-send-invoice", sent, headers=key) for _ in range(6))
    )  # fmt: skip
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert sum("Idempotency-Replayed" in reply.headers for reply in replies) == 5
    assert await supplier.company.value("SELECT count(*) FROM network_outbox WHERE seller_id = $1") == 1
    assert ways.count("short") == 1


async def test_of_many_answers_at_once_one_goes_out(pair: tuple[Trader, Trader], ways: list[str]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    ways.clear()
    answer = bodies.confirm_invoice(sent)
    replies = await asyncio.gather(*(buyer.post("invoice/req-confirm-invoice", answer) for _ in range(6)))
    assert sorted(reply.status_code for reply in replies) == [200] + [422] * 5
    refused = {
        reply.json()["errorResponse"]["apiSubErrors"][0]["code"] for reply in replies if reply.status_code == 422
    }
    assert refused == {"ANSWER_PENDING"}
    assert ways.count("short") == 1


async def test_a_company_that_trades_through_a_provider_goes_the_long_way(
    pair: tuple[Trader, Trader], ways: list[str]
) -> None:
    supplier, buyer = pair
    company = supplier.company
    async with company.db.transaction(company.seller_id) as tx:
        await tx.execute(
            "INSERT INTO network_connections (seller_id, kind, base_url, credentials, b2b_ids, intake_hash, created_at,"
            " modified_at, modified_by) VALUES ($1, 'enkash', 'https://x.example', '', $2, '', $3, $3, 'usr_1')",
            company.seller_id, [supplier.b2b_id], tx.now,
        )  # fmt: skip
    await supplier.post("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))
    assert ways == ["not", "long"]


async def test_what_the_database_refuses_is_told_as_it_is(
    pair: tuple[Trader, Trader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that names itself as its cause sends whoever follows the causes round in circles."""
    supplier, buyer = pair
    short = submission.submit
    raised: list[BaseException] = []

    async def noted(*arguments: Any) -> Any:
        try:
            return await short(*arguments)
        except asyncpg.PostgresError as error:
            raised.append(error)
            raise

    monkeypatch.setattr(submission, "submit", noted)
    monkeypatch.setattr(submission, "SEND", None)
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    reply = await supplier.post("invoice/req-send-invoice", sent, headers={"Idempotency-Key": "once"})
    assert reply.status_code == 500
    assert [type(one) for one in raised] == [asyncpg.NotNullViolationError]
    assert raised[0].__cause__ is not raised[0]
    monkeypatch.undo()
    again = await supplier.post("invoice/req-send-invoice", sent, headers={"Idempotency-Key": "once"})
    assert again.status_code == 200, "nothing of it was written, not even the key"
