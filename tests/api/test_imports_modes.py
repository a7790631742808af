"""How an import may be asked for: foreseen only, all or nothing, sent afterwards, stopped (issue: modes of the bulk engine)."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

import make
from hundi.db.embedded import Urls
from hundi.files.store import FileStore
from hundi.imports import load, service
from hundi.imports.chunk import ChunkWork
from hundi.kit.actor import Actor
from hundi.kit.keys import Keyring
from importing import Importer, bytes_of, imported, outcome, received, row, text

NOTHING = {"invoices": 0, "invoice_entries": 0, "number_counters": 0}


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


def mixed(count: int) -> str:
    """Give rows of all sorts: numbered and not, wrong, repeated in the file, typed numbers the series would have given."""
    rows: list[dict[str, str]] = []
    for at in range(count):
        one = row(description=f"row {at}", invoiceNumber="" if at % 3 == 0 else make.number("M"))
        if at % 11 == 5:
            one["dueDate"] = "never"
        if at in {30, count - 2}:
            one["invoiceNumber"] = f"INV/26-27/{11 if at == 30 else 50:05d}"
        if at % 17 == 13:
            one["invoiceNumber"] = rows[at - 3]["invoiceNumber"]
        rows.append(one)
    return text(rows)


async def counts(importer: Importer) -> dict[str, int]:
    return {table: await importer.count(table) for table in NOTHING}


def codes(payload: dict[str, Any]) -> set[str]:
    return {one["error_code"] for one in payload["failureRequests"]}


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_dry_run_writes_nothing_and_foretells_every_byte(importer: Importer, atomic: bool) -> None:
    content = mixed(350)
    dry = await imported(importer, content, dry_run=True, dispatch=True, atomic=atomic)
    assert await counts(importer) == NOTHING
    jobs = await importer.seller.value("SELECT count(*) FROM pgqueuer WHERE $1 <> '' AND entrypoint LIKE 'invoices.%'")
    real = await imported(importer, content, atomic=atomic)
    assert await bytes_of(importer, dry) == await bytes_of(importer, real)
    for name in ("success_count", "failure_count", "warn_count", "total_amount", "successRequests", "failureRequests"):
        assert dry[name] == real[name], name
    assert real["failure_count"] > 30
    assert (real["success_count"] == 0) == atomic
    after = await importer.seller.value("SELECT count(*) FROM pgqueuer WHERE $1 <> '' AND entrypoint LIKE 'invoices.%'")
    assert jobs == after
    assert atomic or {"DATE_FORMAT", "DUPLICATE_IN_FILE", "DUPLICATE_CONFLICT"} <= codes(real)


async def test_all_rows_or_none(importer: Importer) -> None:
    rows = [row() for _ in range(250)]
    bad = [*rows[:120], row(dueDate="never"), *rows[120:]]
    payload = await imported(importer, text(bad), atomic=True)
    assert (payload["success_count"], payload["failure_count"]) == (0, 251)
    assert [one["error_code"] for one in payload["failureRequests"]].count("ATOMIC_ROLLBACK") == 250
    assert await counts(importer) == NOTHING
    done = await imported(importer, text(rows), atomic=True)
    assert (done["success_count"], await importer.count()) == (250, 250)
    again = await imported(importer, text([*rows, row()]), atomic=True)
    assert (again["success_count"], again["warn_count"], await importer.count()) == (251, 250, 251)


async def test_all_or_none_with_numbers_of_a_series(importer: Importer) -> None:
    rows = [row(invoiceNumber="" if at % 2 else make.number("M")) for at in range(230)]
    done = await imported(importer, text(rows), atomic=True)
    assert done["success_count"] == 230
    given = await importer.seller.rows(
        "SELECT invoice_number AS n FROM invoices WHERE seller_id = $1 AND invoice_number LIKE 'INV/%' ORDER BY row_no"
    )
    assert [one["n"] for one in given] == [f"INV/26-27/{n:05d}" for n in range(1, 116)]


async def test_all_or_none_meets_a_number_taken_while_it_is_written(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row() for _ in range(250)]
    customer = await importer.seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    taken = False
    whole = ChunkWork.write_in

    async def late(self: ChunkWork, *words: Any, **more: Any) -> None:
        nonlocal taken
        if not taken and self._no == 2:
            taken = True
            await importer.seller.invoice(customer, invoiceNumber=rows[210]["invoiceNumber"], baseAmount=5)
        await whole(self, *words, **more)

    monkeypatch.setattr(ChunkWork, "write_in", late)
    payload = await imported(importer, text(rows), atomic=True)
    assert taken
    assert (payload["success_count"], payload["failure_count"]) == (0, 250)
    assert codes(payload) == {"ATOMIC_ROLLBACK", "DUPLICATE_CONFLICT"}
    assert await importer.count() == 1


async def test_an_import_in_progress_stops_before_its_next_chunk(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row() for _ in range(1000)]
    import_id = await received(importer, text(rows), dispatch=True)
    whole = ChunkWork.judge
    judged = 0

    async def judge(self: ChunkWork) -> Any:
        nonlocal judged
        judged += 1
        if judged == 4:
            async with importer.seller.db.transaction(importer.seller.seller_id) as tx:
                assert await service.cancel(tx, await actor(importer), import_id) == "RUNNING"
        return await whole(self)

    monkeypatch.setattr(ChunkWork, "judge", judge)
    await importer.run(import_id)
    payload = await outcome(importer, import_id)
    assert payload["state"] == "CANCELLED"
    assert payload["success_count"] == payload["total_count"] == await importer.count() == 400
    successes, failures = await bytes_of(importer, payload)
    assert (successes.count(b"\n"), failures.count(b"\n")) == (401, 1)
    # What was not written can be sent again; what was is known.
    rest = await imported(importer, text(rows))
    assert (rest["success_count"], rest["warn_count"], await importer.count()) == (1000, 400, 1000)


async def actor(importer: Importer) -> Any:
    given = await importer.seller.value("SELECT actor::text FROM imports WHERE seller_id = $1 LIMIT 1")
    return msgspec.json.decode(given, type=Actor)


async def test_cancelling_before_and_after(importer: Importer) -> None:
    first = await received(importer, text([row()]))
    who = await actor(importer)
    async with importer.seller.db.transaction(importer.seller.seller_id) as tx:
        assert await service.cancel(tx, who, first) == "CANCELLED"
        assert await service.cancel(tx, who, first) == "CANCELLED"
    await importer.run(first)
    assert (await outcome(importer, first))["total_count"] == await importer.count() == 0
    done = await imported(importer, text([row()]))
    async with importer.seller.db.transaction(importer.seller.seller_id) as tx:
        assert await service.cancel(tx, who, done["importId"]) == "DONE"


async def test_an_atomic_import_that_is_cancelled_leaves_nothing(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await received(importer, text([row() for _ in range(400)]), atomic=True)
    who = await actor(importer)
    whole = ChunkWork.write_in

    async def write_in(self: ChunkWork, *words: Any, **more: Any) -> None:
        async with importer.seller.db.transaction(importer.seller.seller_id) as tx:
            await service.cancel(tx, who, import_id)
        await whole(self, *words, **more)

    monkeypatch.setattr(ChunkWork, "write_in", write_in)
    await importer.run(import_id)
    payload = await outcome(importer, import_id)
    assert (payload["state"], payload["total_count"], await importer.count()) == ("CANCELLED", 0, 0)
    assert not await importer.count("import_chunks")


async def test_dispatch_after_the_import_asks_for_all_successes(importer: Importer) -> None:
    await imported(importer, text([row() for _ in range(3)] + [row(dueDate="x")]), dispatch=True)
    payload = await importer.seller.value(
        "SELECT convert_from(payload, 'UTF8') FROM pgqueuer WHERE entrypoint = 'invoices.dispatch_requested' "
        "AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'"
    )
    ids = await importer.seller.rows("SELECT invoice_id FROM invoices WHERE seller_id = $1")
    assert len(ids) == 3
    assert all(one["invoice_id"] in payload for one in ids)


async def test_a_customer_deleted_while_its_rows_are_written_gets_none(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows were judged while it was there; the write sees that it is not, and they are judged again."""
    gone = await importer.seller.customer(uniqueRefNo="C2")
    whole = ChunkWork.write
    done = False

    async def write(self: ChunkWork, *words: Any) -> None:
        nonlocal done
        if not done:
            done = True
            assert (await importer.seller.http.delete(f"/api/v0/customer/{gone}")).status_code == 200
        await whole(self, *words)

    monkeypatch.setattr(ChunkWork, "write", write)
    payload = await imported(importer, text([row(), row(customerRef="C2"), row()]))
    assert (payload["success_count"], codes(payload)) == (2, {"CUSTOMER_NOT_FOUND"})
    assert not await importer.seller.value(
        "SELECT count(*) FROM invoices WHERE seller_id = $1 AND customer_id = $2", gone
    )


async def test_a_customer_cannot_be_deleted_between_the_hold_and_the_commit(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await importer.seller.customer(uniqueRefNo="C2")
    whole = load.Loader.write
    tried: list[asyncio.Task[Any]] = []

    async def write(self: load.Loader, *words: Any) -> None:
        tried.append(asyncio.create_task(importer.seller.http.delete(f"/api/v0/customer/{other}")))
        await asyncio.sleep(0.2)
        assert not tried[0].done()
        await whole(self, *words)

    monkeypatch.setattr(load.Loader, "write", write)
    payload = await imported(importer, text([row(customerRef="C2")]))
    reply = await tried[0]
    assert (payload["success_count"], reply.status_code) == (1, 422)


async def test_a_number_taken_by_others_again_and_again_is_reported_as_a_duplicate(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer is always one row ahead: the chunk ends as staging with ON CONFLICT, and the lost row says so."""
    rows = [row() for _ in range(6)]
    customer = await importer.seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    whole, at = load.copy, 0
    inserted = load.insert_new

    async def ahead(*words: Any, **more: Any) -> None:
        nonlocal at
        if words[1].table == "invoices" and "into" not in more and at < 4:
            await importer.seller.invoice(customer, invoiceNumber=rows[at]["invoiceNumber"])
            at += 1
        await whole(*words, **more)

    async def late(*words: Any) -> Any:
        nonlocal at
        if at == 4:
            await importer.seller.invoice(customer, invoiceNumber=rows[4]["invoiceNumber"])
            at += 1
        return await inserted(*words)

    monkeypatch.setattr(load, "copy", ahead)
    monkeypatch.setattr(load, "insert_new", late)
    payload = await imported(importer, text(rows))
    assert (payload["success_count"], payload["failure_count"]) == (1, 5)
    assert codes(payload) == {"DUPLICATE_CONFLICT"}
    assert await importer.count() == 6


# A customer of another name for each of 2,000 numbers, all else as in the first.
_NAMESAKES = """
    INSERT INTO customers
    SELECT (jsonb_populate_record(c, jsonb_build_object(
               'customer_id', left(c.customer_id, 10) || lpad(n::text, 6, '0'), 'legal_name', 'Buyer ' || n, 'unique_ref_no', null))).*
      FROM customers c, generate_series(1, 2000) n WHERE c.seller_id = $1 AND c.customer_id = $2"""


async def test_names_are_found_through_an_index(importer: Importer, database_urls: Urls) -> None:
    """Under row-level security upper() reaches no index; through the view it does (decision 0010)."""
    await importer.seller.run(_NAMESAKES, await importer.seller.customer())
    owner = await asyncpg.connect(database_urls.owner)
    await owner.execute("VACUUM ANALYZE customers")
    await owner.close()
    connection = await asyncpg.connect(database_urls.app)
    try:
        async with connection.transaction():
            await connection.execute("SELECT bind_seller($1)", importer.seller.seller_id)
            plan = await connection.fetch(
                "EXPLAIN SELECT customer_id FROM searchable_customers v WHERE v.seller_id = $1 AND v.deleted_at IS NULL "
                "AND upper(v.legal_name) = ANY ($2::text[])", importer.seller.seller_id, ["ASHA", "DEV"],
            )  # fmt: skip
        assert any("customers_by_name" in one[0] and "Index" in one[0] for one in plan), plan
    finally:
        await connection.close()


@pytest.mark.parametrize("rows_before", [0, 1_000_000])
async def test_nobody_gathers_statistics_that_see_nothing_of_an_atomic_import(
    importer: Importer, database_urls: Urls, monkeypatch: pytest.MonkeyPatch, rows_before: int
) -> None:
    """They would say that the table is empty, and each entry's invoice would be looked for among all of the company's."""
    monkeypatch.setattr(load, "ENOUGH", 10**9 if not rows_before else -2)
    whole = ChunkWork.write_in
    paid = [row(totalReceived="1") for _ in range(250)]
    refused = []

    async def write_in(self: ChunkWork, *words: Any, **more: Any) -> None:
        await whole(self, *words, **more)
        owner = await asyncpg.connect(database_urls.owner, server_settings={"lock_timeout": "50ms"})
        try:
            await owner.execute("ANALYZE invoices")
        except asyncpg.LockNotAvailableError:
            refused.append(self._no)
        finally:
            await owner.close()

    monkeypatch.setattr(ChunkWork, "write_in", write_in)
    payload = await imported(importer, text(paid, paid[0]), atomic=True)
    assert payload["success_count"] == await importer.count("invoice_entries") == 250
    assert refused == ([] if rows_before else [0, 1, 2])
