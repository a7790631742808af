"""From events to deliveries: nothing is missed, nothing is told twice, and the log is tidied."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import hooks
import hundi
import make
from hundi.audit.catalogue import EVENTS
from hundi.audit.service import emit
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.jobs.context import JobContext
from hundi.kit.ids import new_id
from hundi.network.protocol.catalogue import CALLS, NOTICE
from hundi.network.told import event_type
from hundi.webhooks import fanout, lifecycle
from hundi.webhooks import jobs as webhook_jobs
from hundi.webhooks.rules import MOVES, DeliveryState
from mailroom import working
from receiver import Receiver

SOURCE = Path(hundi.__file__).parent
TYPES = "SELECT m.type FROM webhook_messages m WHERE m.seller_id = $1 ORDER BY m.message_id"
EVENT = """
    INSERT INTO events (seller_id, event_id, at, type, object_kind, object_id, data)
    VALUES ($1, $2, $3, $4, 'invoice', $5, '{}')"""


@pytest.fixture
async def context(seller: make.Company, receiver: Receiver) -> AsyncIterator[JobContext]:
    async with hooks.sender(seller, receiver, settings=Settings(worker_jobs=3)) as found:
        yield found


async def put(seller: make.Company, type_: str = "invoice.updated", object_id: str = "inv_1", *, ago: float = 0) -> str:
    """Write an event as a transaction that began some time ago and commits only now."""
    at = seller.clock.now() - timedelta(seconds=ago)
    event_id = new_id("evt", at)
    await seller.run(EVENT, event_id, at, type_, object_id)
    return event_id


async def test_only_what_is_wanted_becomes_a_message(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*", "customer.created")
    seller.clock.move(seconds=1)
    for type_ in ("invoice.created", "customer.updated", "customer.created", "invoiceXcreated"):
        await put(seller, type_)
    assert await hooks.fan_out(seller) == 2
    assert [row["type"] for row in await seller.rows(TYPES)] == ["invoice.created", "customer.created"]
    assert await hooks.fan_out(seller) == 0, "a second look finds nothing new"
    assert await hooks.fan_out(seller, later=timedelta(minutes=10)) == 0
    assert await hooks.fan_out(seller, later=timedelta(minutes=10)) == 0


async def test_events_from_before_the_endpoint_are_not_told(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await put(seller)
    seller.clock.move(seconds=1)
    await hooks.register(seller, context, receiver, "invoice.*")
    assert await hooks.fan_out(seller) == 0
    await hooks.register(seller, context, receiver, "invoice.*", path="/second")
    seller.clock.move(seconds=1)
    await put(seller)
    assert await hooks.fan_out(seller) == 2


async def test_an_event_that_commits_late_is_found(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*")
    seller.clock.move(minutes=1)
    await put(seller, object_id="in_time")
    assert await hooks.fan_out(seller) == 1
    await put(seller, object_id="five_late", ago=5)
    assert await hooks.fan_out(seller) == 1, "the next look goes back ten seconds"
    assert await hooks.fan_out(seller, later=timedelta(minutes=2)) == 0
    await put(seller, object_id="a_minute_late", ago=60)
    assert await hooks.fan_out(seller) == 0
    assert await hooks.fan_out(seller, later=timedelta(minutes=6)) == 1, "and what settled is compared once more"
    assert await hooks.fan_out(seller, later=timedelta(minutes=6)) == 0


async def test_a_young_event_waits_for_its_neighbours(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*")
    seller.clock.move(seconds=20)
    await put(seller)
    assert await hooks.fan_out(seller, later=timedelta(milliseconds=100)) == 0
    assert await hooks.fan_out(seller, later=timedelta(milliseconds=600)) == 1


async def test_many_events_at_once_are_all_told_in_order(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*")
    seller.clock.move(seconds=1)
    ids = [new_id("evt", seller.clock.now()) for _ in range(2500)]
    await seller.run(
        "INSERT INTO events (seller_id, event_id, at, type, object_kind, object_id, data) "
        "SELECT $1, e.id, $3, 'invoice.updated', 'invoice', 'inv_' || (e.n % 7), jsonb_build_object('n', e.n) "
        "FROM unnest($2::text[]) WITH ORDINALITY AS e (id, n)", ids, seller.clock.now(),
    )  # fmt: skip
    assert await hooks.fan_out(seller) == 2500
    rows = await seller.rows(
        "SELECT d.object_id, d.sequence, (m.data->>'n')::int AS n FROM webhook_deliveries d JOIN webhook_messages m "
        "USING (seller_id, message_id) WHERE d.seller_id = $1 ORDER BY d.object_id, d.sequence"
    )
    for lane in range(7):
        numbers = [row["n"] for row in rows if row["object_id"] == f"inv_{lane}"]
        assert numbers == sorted(numbers)
        assert [row["sequence"] for row in rows if row["object_id"] == f"inv_{lane}"] == list(
            range(1, len(numbers) + 1)
        )


async def test_two_workers_that_look_at_once_tell_it_once(
    seller: make.Company, context: JobContext, receiver: Receiver, db: Database
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*")
    seller.clock.move(seconds=1)
    for n in range(20):
        await put(seller, object_id=f"inv_{n}")
    seller.clock.move(seconds=2)
    await asyncio.gather(*(fanout.fan_out_due(db, keep=hooks.KEEP) for _ in range(4)))
    assert await seller.value("SELECT count(*) FROM webhook_deliveries WHERE seller_id = $1") == 20


async def test_only_companies_with_something_to_tell_are_looked_at(
    seller: make.Company, context: JobContext, receiver: Receiver, db: Database, new_seller: Any
) -> None:
    quiet = await new_seller()
    await put(quiet)
    await hooks.register(seller, context, receiver, "invoice.*")
    seller.clock.move(seconds=20)
    await fanout.fan_out_due(db, keep=hooks.KEEP)
    before = "SELECT quick_id FROM webhook_cursors WHERE seller_id = $1"
    first = await seller.value(before)
    await fanout.fan_out_due(db, keep=hooks.KEEP)
    assert await seller.value(before) == first, "nothing new: its cursor is not even moved"
    assert await quiet.value("SELECT count(*) FROM webhook_cursors WHERE seller_id = $1") == 0


async def test_one_company_in_trouble_does_not_silence_the_others(
    seller: make.Company, context: JobContext, receiver: Receiver, db: Database, new_seller: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other = await new_seller()
    for company in (seller, other):
        await hooks.register(company, context, receiver, "invoice.*")
    seller.clock.move(seconds=1)
    for company in (seller, other):
        await put(company)
    seller.clock.move(seconds=2)
    real = fanout.fan_out

    async def troubled(tx: Any, **more: Any) -> int:
        if tx.seller_id == seller.seller_id:
            raise ZeroDivisionError
        return await real(tx, **more)

    with monkeypatch.context() as patch:
        patch.setattr(fanout, "fan_out", troubled)
        await fanout.fan_out_due(db, keep=hooks.KEEP)
    count = "SELECT count(*) FROM webhook_deliveries WHERE seller_id = $1"
    assert (await seller.value(count), await other.value(count)) == (0, 1)
    await fanout.fan_out_due(db, keep=hooks.KEEP)
    assert (await seller.value(count), await other.value(count)) == (1, 1), "the next look makes up for it"
    await other.no_jobs()


async def test_an_endpoint_is_not_told_of_itself(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    one, _ = await hooks.register(seller, context, receiver, "webhook.*", path="/one")
    seller.clock.move(seconds=1)
    await hooks.register(seller, context, receiver, "webhook.*", path="/two")
    assert await hooks.fan_out(seller) == 1
    await hooks.work(seller, context)
    (got,) = receiver.got
    assert (got.path, got.json["type"]) == ("/one", "webhook.created")
    assert got.json["object"]["id"] != one.endpoint_id
    assert "whsec_" not in got.body.decode()


async def test_lanes_whose_job_is_gone_are_woken(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    await hooks.register(seller, context, receiver)
    await hooks.tell(seller)
    await seller.no_jobs()
    jobs = "SELECT count(*) FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'"
    await hooks.fan_out(seller, later=timedelta(minutes=29))
    assert await seller.value(jobs) == 0
    await hooks.fan_out(seller, later=timedelta(minutes=2))
    assert await seller.value(jobs) == 1


async def test_the_log_is_tidied_after_its_days(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    await hooks.register(seller, context, receiver, "invoice.*")
    await hooks.tell(seller, "inv_old")
    await hooks.work(seller, context)
    await hooks.fan_out(seller, later=timedelta(days=29))
    await hooks.tell(seller, "inv_new")
    await hooks.work(seller, context)
    count = "SELECT count(*) FROM {} WHERE seller_id = $1"
    tables = ("webhook_messages", "webhook_deliveries", "webhook_attempts")
    assert [await seller.value(count.format(table)) for table in tables] == [2, 2, 2]
    await hooks.fan_out(seller, later=timedelta(days=2))
    assert [await seller.value(count.format(table)) for table in tables] == [1, 1, 1]
    assert await seller.value("SELECT object_id FROM webhook_deliveries WHERE seller_id = $1") == "inv_new"
    await hooks.tell(seller, "inv_old")
    await hooks.work(seller, context)
    assert receiver.got[-1].json["sequence"] == 2, "numbers go on after the log has forgotten"


@pytest.mark.parametrize("before", list(DeliveryState))
@pytest.mark.parametrize("to", list(DeliveryState))
async def test_every_pair_of_states_moves_as_the_table_says(
    seller: make.Company, context: JobContext, receiver: Receiver, before: DeliveryState, to: DeliveryState
) -> None:
    await hooks.register(seller, context, receiver)
    (delivery_id,) = await hooks.tell(seller)
    settled = seller.clock.now() if before in {DeliveryState.DELIVERED, DeliveryState.FAILED} else None
    await seller.run(
        "UPDATE webhook_deliveries SET state = $2, settled_at = $3 WHERE seller_id = $1", before.value, settled
    )
    async with seller.db.transaction(seller.seller_id) as tx:
        assert await lifecycle.move(tx, delivery_id, to=to, detail=None) is (to in MOVES[before])
    assert (await hooks.states(seller) == [to.value]) is (to in MOVES[before] or to is before)


async def test_the_running_worker_tells_what_happens(
    seller: make.Company, context: JobContext, receiver: Receiver, database_urls: Urls
) -> None:
    """The whole way with a worker of its own: event, look, queue, call."""
    await hooks.register(seller, context, receiver, "customer.created")
    seller.clock.move(seconds=1)
    stop = asyncio.Event()
    # What other tests left in the queue is not this worker's.
    async with working(context, database_urls, webhook_jobs.JOBS):
        telling = asyncio.create_task(fanout.follow(seller.db, context.settings, stop))
        await seller.customer()
        seller.clock.move(seconds=1)
        async with asyncio.timeout(20):
            while not receiver.got:  # noqa: ASYNC110 - what is waited for comes over HTTP
                await asyncio.sleep(0.02)
        stop.set()
        await telling
    assert receiver.got[0].json["type"] == "customer.created"


# ---------------------------------------------------------------- the catalogue


def texts(node: ast.expr, names: dict[str, list[ast.expr]]) -> set[str]:
    """Give the texts an expression may come to, following names, conditions and look-ups."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.IfExp):
        return texts(node.body, names) | texts(node.orelse, names)
    if isinstance(node, ast.Subscript):
        return texts(node.value, names)
    if isinstance(node, ast.Dict):
        return {text for value in node.values for text in texts(value, names)}
    if isinstance(node, ast.Name):
        return {text for value in names.get(node.id, []) for text in texts(value, names)}
    return set()


def emitted() -> set[str]:
    """Read from the sources every type of event that is written, in Python and in SQL."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            for target in targets:
                if isinstance(target, ast.Name) and isinstance(value, ast.expr):
                    names.setdefault(target.id, []).append(value)
        for node in ast.walk(tree):
            # A kind of rows says in a pair how its chunks are traced: the action, and the event.
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "traced_as" and node.value:
                found |= {text for part in getattr(node.value, "elts", ())[1:] for text in texts(part, names)}
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            at = {"emit": 1, "record_all": 3}.get(called)
            # told_each of payments.bharat_connect hands its action on: the fifth argument.
            if called == "told_each":
                at = 4
            named = [word.value for word in node.keywords if called == "Event" and word.arg == "type"]
            found |= {text for value in named for text in texts(value, names)}
            if at is not None and len(node.args) > at:
                found |= texts(node.args[at], names)
            if called == "_one":  # a row for COPY
                found |= {
                    value.value for arg in node.args if isinstance(arg, ast.Name) and arg.id == "event"
                    for made in names.get("event", []) if isinstance(made, ast.Dict)
                    for key, value in zip(made.keys, made.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "type" and isinstance(value, ast.Constant)
                }  # fmt: skip
    for path in [*SOURCE.rglob("*.sql"), *SOURCE.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for part in text.lower().split("insert into events")[1:]:
            found |= {word.strip("',") for word in part[:300].split() if word.startswith("'") and "." in word}
    hooks = [hook for call in CALLS.values() for hook in (call.request_hook, call.response_hook) if hook]
    return {one for one in found if "." in one} | {event_type(hook) for hook in [*hooks, NOTICE]}


def test_every_event_is_in_the_catalogue_and_nothing_else() -> None:
    assert emitted() == set(EVENTS)


async def test_what_the_tests_wrote_is_in_the_catalogue(seller: make.Company) -> None:
    """The reader of the sources above could be blind; a real company's events could not."""
    await seller.invoice()
    await seller.http.post("/api/v0/admin/client", json={"name": "another"})
    async with seller.db.transaction(seller.seller_id) as tx:
        await emit(tx, "webhook.created", kind="webhook_endpoint", object_id="whe_1", data={})
    rows = await seller.rows("SELECT DISTINCT type, object_kind FROM events WHERE seller_id = $1")
    assert len(rows) >= 4
    for row in rows:
        assert EVENTS[row["type"]][0] == row["object_kind"]
