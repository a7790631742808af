"""The four modes in every combination, and what may happen to a dry run and to the store meanwhile (decisions 0012, 0013)."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import make
from hundi.files.store import FileStore
from hundi.imports import parsing
from hundi.imports.chunk import ChunkWork
from hundi.imports.parse_child import Manifest
from hundi.imports.presence import StoreAway
from hundi.jobs.later import RunLater
from hundi.kit.gstin import gstin_with_check
from hundi.kit.keys import Keyring
from importing import HEADER, Importer, bytes_of, imported, outcome, received, row, text

EVERYTHING = os.environ.get("TEST_TIER", "default") != "default"
MODES = list(itertools.product([False, True], repeat=4))
COLUMNS = (*HEADER, "customerName", "customerGstin", "customerState")


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


async def dispatched(importer: Importer) -> set[str]:
    """Give the ids of invoices that are asked to be sent."""
    rows = await importer.seller.rows(
        "SELECT convert_from(payload, 'UTF8') AS payload FROM pgqueuer WHERE entrypoint = 'invoices.dispatch_requested' "
        "AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'"
    )
    ids = await importer.seller.rows("SELECT invoice_id FROM invoices WHERE seller_id = $1")
    return {one["invoice_id"] for one in ids if any(one["invoice_id"] in row["payload"] for row in rows)}


@pytest.mark.parametrize("of_three", range(3) if EVERYTHING else [0])
async def test_every_combination_of_modes_does_what_each_of_them_says(importer: Importer, of_three: int) -> None:
    for at, (dry_run, atomic, dispatch, create_customers) in enumerate(MODES):
        with_a_mistake = (at + of_three) % 3 == 0
        said = f"dry_run={dry_run} atomic={atomic} dispatch={dispatch} create_customers={create_customers}"
        before = {name: await importer.count(name) for name in ("invoices", "customers")}
        sent_before = await dispatched(importer)
        gstin = gstin_with_check(f"27ZZZF{chr(65 + at)}0009X1Z")
        rows = [
            row(),
            row(customerRef="", customerName=f"New {at}", customerGstin=gstin, customerState="27"),
            *([row(dueDate="never")] if with_a_mistake else []),
        ]
        payload = await imported(
            importer,
            text(rows, COLUMNS),
            dry_run=dry_run,
            atomic=atomic,
            dispatch=dispatch,
            create_customers=create_customers,
        )
        fails = with_a_mistake or not create_customers
        good = 0 if atomic and fails else 2 if create_customers else 1
        assert (payload["success_count"], payload["failure_count"]) == (good, len(rows) - good), said
        codes = [one["error_code"] for one in payload["failureRequests"]]
        assert ("ATOMIC_ROLLBACK" in codes) == (atomic and fails), said
        assert ("CUSTOMER_NOT_FOUND" in codes) == (not create_customers), said
        written = 0 if dry_run else good
        assert await importer.count() == before["invoices"] + written, said
        assert await importer.count("customers") == before["customers"] + (written == 2), said
        assert len(await dispatched(importer) - sent_before) == (written if dispatch else 0), said


async def test_an_atomic_dry_run_is_not_half_from_before_somebody_else_wrote(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row() for _ in range(250)]
    customer = await importer.seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    taken = False
    whole = ChunkWork.note_in

    async def late(self: ChunkWork, *words: Any, **more: Any) -> None:
        nonlocal taken
        if not taken and self.no == 1:
            taken = True
            await importer.seller.invoice(customer, invoiceNumber=rows[210]["invoiceNumber"], baseAmount=5)
        await whole(self, *words, **more)

    monkeypatch.setattr(ChunkWork, "note_in", late)
    dry = await imported(importer, text(rows), dry_run=True, atomic=True)
    assert taken
    assert (dry["success_count"], dry["failure_count"]) == (0, 250)
    assert [one["error_code"] for one in dry["failureRequests"]].count("ATOMIC_ROLLBACK") == 249
    real = await imported(importer, text(rows), atomic=True)
    assert await bytes_of(importer, dry) == await bytes_of(importer, real)
    parts = [
        key
        async for key in importer.context.files.older(
            f"imports/{dry['importId']}", importer.seller.clock.now() + timedelta(days=9)
        )
    ]
    assert sorted(key.rpartition("/")[2].partition("-")[0] for key in parts) == ["failure", "success", "upload"]


@pytest.fixture
def volume(tmp_path: Path, session_app: Any, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """Give a store of the test's own, which the application uses too."""
    files = FileStore.open(None, tmp_path)
    monkeypatch.setitem(session_app.app.state._state, "files", files)
    return files


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("others", [0, 2])
async def test_an_import_waits_for_a_store_that_is_not_there(
    seller: make.Company, volume: FileStore, keyring: Keyring, tmp_path: Path, others: int, *, is_named: bool
) -> None:
    await seller.customer(uniqueRefNo="C1")
    importer = Importer(seller, volume, keyring)
    for _ in range(others):
        await imported(importer, text([row()]))
    import_id = await received(importer, text([row()]), store=await volume.named() if is_named else None)
    folder, mounted = tmp_path / "files", tmp_path / "elsewhere"
    folder.rename(mounted)
    for empty in (False, True):
        if empty:
            folder.mkdir()
            # Somebody else uploads meanwhile: the folder of the mount is not empty any more.
            if others or is_named:
                await volume.put("imports/imp_of_today/upload", b"x")
            if is_named:
                assert await imported(importer, text([row()]), store=await volume.named(), dry_run=True)
        with pytest.raises(RunLater) as told:
            await importer.run(import_id)
        assert isinstance(told.value.__cause__, StoreAway)
    state = await seller.value("SELECT state FROM imports WHERE seller_id = $1 AND import_id = $2", import_id)
    assert state == "RUNNING"
    shutil.rmtree(folder)
    mounted.rename(folder)
    await importer.run(import_id)
    assert (await outcome(importer, import_id))["success_count"] == 1
    assert await importer.count() == others + 1


async def test_what_is_gone_from_the_store_that_took_it_is_lost(importer: Importer) -> None:
    import_id = await received(importer, text([row()]), store=await importer.context.files.named())
    await importer.context.files.delete(f"imports/{import_id}/upload")
    await importer.run(import_id)
    reply = await importer.seller.http.get(f"/api/v0/invoice/bulk/{import_id}")
    assert reply.json()["payload"]["refusal"][0]["code"] == "FILE_LOST"


async def test_an_upload_knows_the_store_that_took_it(importer: Importer) -> None:
    await importer.send(text([row()]))
    store = await importer.seller.value("SELECT options->>'store' FROM imports WHERE seller_id = $1")
    assert store
    assert store == await importer.context.files.name() == await importer.context.files.named()


@pytest.mark.parametrize("is_read", [True, False])
async def test_a_cancelled_import_does_not_wait_for_its_store(
    seller: make.Company, volume: FileStore, keyring: Keyring, tmp_path: Path, *, is_read: bool
) -> None:
    await seller.customer(uniqueRefNo="C1")
    importer = Importer(seller, volume, keyring)
    import_id = await received(importer, text([row()]), store=await volume.named())
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    with pytest.raises(RunLater):
        await importer.run(import_id)
    if is_read:  # it was begun before the store went away
        await seller.run("UPDATE imports SET total_count = 1 WHERE seller_id = $1")
    reply = await seller.http.post(f"/api/v0/invoice/bulk/{import_id}/cancel")
    assert reply.json()["payload"]["state"] == ("RUNNING" if is_read else "CANCELLED")
    await importer.run(import_id)
    found = await outcome(importer, import_id)
    assert (found["state"], found["success_count"], found["total_count"]) == ("CANCELLED", 0, 0)
    events = await seller.rows("SELECT type FROM events WHERE seller_id = $1 AND type LIKE 'import.%'")
    assert [one["type"] for one in events] == ["import.cancelled"]


async def test_an_import_is_cancelled_while_its_file_is_read(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await received(importer, text([row() for _ in range(250)]))

    async def parse(*words: Any, **more: Any) -> Manifest:
        reply = await importer.seller.http.post(f"/api/v0/invoice/bulk/{import_id}/cancel")
        assert reply.json()["payload"]["state"] == "CANCELLED"
        return await parsing.parse(*words, **more)

    monkeypatch.setattr("hundi.imports.engine.parse", parse)
    await importer.run(import_id)
    assert ((await outcome(importer, import_id))["state"], await importer.count()) == ("CANCELLED", 0)


async def test_a_file_is_read_no_further_when_its_import_is_cancelled(importer: Importer) -> None:
    count = 250_000
    import_id = await received(importer, text(itertools.repeat(row(description="x" * 60), count)))
    running = asyncio.create_task(importer.run(import_id))
    read = "SELECT rows_read FROM imports WHERE seller_id = $1"
    while not await importer.seller.value(read):
        assert not running.done()
        await asyncio.sleep(0.02)
    reply = await importer.seller.http.post(f"/api/v0/invoice/bulk/{import_id}/cancel")
    assert reply.json()["payload"]["state"] == "CANCELLED"
    await asyncio.wait_for(running, 30)
    assert await importer.seller.value(read) < count
    assert not list(importer.context.files.work.iterdir())


async def test_an_import_whose_worker_is_stopped_while_it_reads_is_not_taken_for_cancelled(importer: Importer) -> None:
    import_id = await received(importer, text(row() for _ in range(5_000)))
    state = "SELECT state FROM imports WHERE seller_id = $1"
    running = asyncio.create_task(importer.run(import_id))
    while await importer.seller.value(state) == "RECEIVED":
        assert not running.done()
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await importer.seller.value(state) == "RUNNING"
    await importer.run(import_id)
    assert ((await outcome(importer, import_id))["state"], await importer.count()) == ("DONE", 5_000)
