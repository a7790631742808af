"""The four modes in every combination, and what may happen to a dry run and to the store meanwhile (decisions 0012, 0013)."""

from __future__ import annotations

import itertools
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import make
from hundi.files.store import FileStore
from hundi.imports.chunk import ChunkWork
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


@pytest.mark.parametrize("others", [0, 2])
async def test_an_import_waits_for_a_store_that_is_not_there(
    seller: make.Company, volume: FileStore, keyring: Keyring, tmp_path: Path, others: int
) -> None:
    await seller.customer(uniqueRefNo="C1")
    importer = Importer(seller, volume, keyring)
    for _ in range(others):
        await imported(importer, text([row()]))
    import_id = await received(importer, text([row()]))
    folder, mounted = tmp_path / "files", tmp_path / "elsewhere"
    folder.rename(mounted)
    for empty in (False, True):
        if empty:
            folder.mkdir()
            # Somebody else uploads meanwhile: the folder of the mount is not empty any more.
            await volume.put("imports/imp_of_today/upload", b"x") if others else None
        with pytest.raises(RunLater) as told:
            await importer.run(import_id)
        assert isinstance(told.value.__cause__, StoreAway)
    state = await seller.value("SELECT state FROM imports WHERE seller_id = $1 AND import_id = $2", import_id)
    assert state == "RUNNING"
    (folder / "imports" / "imp_of_today" / "upload").unlink(missing_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir()
    folder.rmdir()
    mounted.rename(folder)
    await importer.run(import_id)
    assert (await outcome(importer, import_id))["success_count"] == 1
    assert await importer.count() == others + 1
