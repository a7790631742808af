"""The end of uploads and result files, and of what killed processes left in the store (decision 0012)."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import make
from hundi.cli.working_for_centre import work_for_centre
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.files.store import FileStore
from hundi.imports import retention
from hundi.imports.invoice_pdfs import InvoicePdfs
from hundi.imports.retention import sweep
from hundi.jobs.later import RunLater
from hundi.kit.keys import Keyring
from importing import PATH, Importer, imported, received, row, text
from workbooks import zipped


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore.open(None, tmp_path)


@pytest.fixture
async def importer(
    seller: make.Company, files: FileStore, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Konkan Traders")
    return Importer(seller, files, keyring)


def dated(folder: Path, at: datetime) -> None:
    """Give every file of a folder the same age."""
    for path in folder.rglob("*"):
        os.utime(path, (at.timestamp(), at.timestamp()))


async def kept(files: FileStore, far: datetime) -> set[str]:
    return {key async for key in files.older("", far)}


@pytest.fixture
def app_with(session_app: Any, files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the application keep its files in this test's store."""
    monkeypatch.setitem(session_app.app.state._state, "files", files)


async def test_files_of_an_import_are_kept_for_so_many_days(
    importer: Importer, files: FileStore, app_with: None, tmp_path: Path
) -> None:
    seller = importer.seller
    payload = await importer.good(text([row(), row(baseAmount="x")]))
    headers = {"Prefer": "respond-async"}
    waiting = await seller.http.post(PATH, files={"file": ("later.csv", text([row()]))}, headers=headers)
    others = "imports/imp_of_another_database/upload"
    await files.put(others, b"whole")
    await files.put("logos/lgo_1", b"a logo")
    ended = seller.clock.now()
    far = ended + timedelta(days=400)
    dated(tmp_path / "files", ended)
    everything = await kept(files, far)
    assert len(everything) == 7, (
        "two uploads, two results, the store's name, the one this database has no row of, the logo"
    )

    assert await sweep(seller.db, files, days=7) == 0, "what is younger than a day is left alone"
    seller.clock.move(days=2)
    assert await sweep(seller.db, files, days=7) == 0
    assert (await seller.http.get(payload["failure_file_url"])).status_code == 200

    seller.clock.move(days=6)
    assert await sweep(seller.db, files, days=7) == 3
    left = await kept(files, far)
    assert left == {f"imports/{waiting.json()['payload']['importId']}/upload", "logos/lgo_1", "store-name", others}
    gone = await seller.http_factory().get(payload["failure_file_url"])
    assert (gone.status_code, gone.json()["errorResponse"]["errorType"]) == (404, "RECORD_NOT_FOUND")
    assert "expired" in gone.json()["response_message"]
    # The import itself stays, and what waits is still done.
    states = await seller.rows("SELECT state, result IS NULL AS open FROM imports WHERE seller_id = $1 ORDER BY state")
    assert states == [{"state": "DONE", "open": False}, {"state": "RECEIVED", "open": True}]
    await importer.run(waiting.json()["payload"]["importId"])
    assert await importer.count() == 2


async def test_half_written_files_go_after_a_day(seller: make.Company, files: FileStore, tmp_path: Path) -> None:
    now = seller.clock.now()
    await files.put("imports/imp_x/whole", b"x")
    half = tmp_path / "files" / "imports" / "imp_x" / "upload#17"
    half.write_bytes(b"part")
    fetched = files.work / "fetched-abc"
    fetched.write_bytes(b"part")
    hash_in_name = tmp_path / "files" / "attachments#seven"
    hash_in_name.write_bytes(b"whole")
    dated(tmp_path, now - timedelta(hours=23))
    assert await files.remove_leftovers(now - timedelta(days=1)) == 0
    dated(tmp_path, now - timedelta(hours=25))
    assert await files.remove_leftovers(now - timedelta(days=1)) == 2
    assert (half.exists(), fetched.exists(), hash_in_name.exists()) == (False, False, True)
    assert await files.exists("imports/imp_x/whole")


PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


async def under_attachments(files: FileStore, far: datetime) -> set[str]:
    return {key async for key in files.older(retention.ATTACHMENTS, far)}


async def test_files_of_an_archive_that_came_to_nothing_go_and_those_of_attachments_stay(
    importer: Importer, files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller = importer.seller
    for number in ("S/1", "S/2", "S/3"):
        await seller.invoice(invoiceNumber=number)
    payload = await imported(importer, zipped({"S-1.pdf": PDF + b"1"}), kind="attachments")
    assert payload["success_count"] == 1
    far = seller.clock.now() + timedelta(days=400)
    [attached] = await under_attachments(files, far)
    # What another database that has the same store knows of, and one that is of no import: whose they are nobody can tell.
    others = {"attachments/att_019a0000000070008000000000000000", "attachments/odd"}
    for key in others:
        await files.put(key, b"another's")

    async def broken(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    seller.clock.move(seconds=1)
    import_id = await received(importer, zipped({"S-2.pdf": PDF + b"2", "S-3.pdf": PDF + b"3"}), kind="attachments")
    with monkeypatch.context() as patch:
        patch.setattr(InvoicePdfs, "complete", broken)
        with pytest.raises(RunLater):
            await importer.run(import_id)
    everything = await under_attachments(files, far)
    assert len(everything) == 5
    dated(tmp_path / "files", seller.clock.now())

    seller.clock.move(hours=23)
    assert await sweep(seller.db, files, days=400) == 0, "what is younger than a day is left alone"
    seller.clock.move(hours=2)
    assert await sweep(seller.db, files, days=400) == 0, "the import may still be gone on with"
    assert await under_attachments(files, far) == everything

    # Settled without its chunk: nobody will ever write the rows of those files.
    await seller.run(
        "UPDATE imports SET state = 'CANCELLED', finished_at = created_at WHERE seller_id = $1 AND import_id = $2",
        import_id,
    )
    monkeypatch.setattr(retention, "_FILES_AT_ONCE", 2)
    assert await sweep(seller.db, files, days=400) == 2
    assert await under_attachments(files, far) == {attached, *others}


async def test_an_archive_that_is_gone_on_with_late_has_its_files(
    importer: Importer, files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller = importer.seller
    await seller.invoice(invoiceNumber="L/1")
    import_id = await received(importer, zipped({"L-1.pdf": PDF}), kind="attachments")

    async def broken(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(InvoicePdfs, "complete", broken)
        with pytest.raises(RunLater):
            await importer.run(import_id)
    dated(tmp_path / "files", seller.clock.now())
    seller.clock.move(days=3)
    assert await sweep(seller.db, files, days=400) == 0
    await importer.run(import_id)
    assert await sweep(seller.db, files, days=400) == 0
    assert await importer.count("attachments") == 1
    assert len(await under_attachments(files, seller.clock.now() + timedelta(days=400))) == 1


async def test_a_central_unit_by_itself_sweeps_no_files(database_urls: Urls, tmp_path: Path) -> None:
    """Its database knows nothing of the files of a server that has the same data folder."""
    settings = Settings(database_url=database_urls.app, secret_key="of a central unit " * 2, data_dir=tmp_path)
    files = FileStore.open(None, tmp_path)
    await files.put("imports/imp_of_the_server/upload", b"rows")
    dated(tmp_path / "files", datetime.now(UTC) - timedelta(days=30))
    stop = asyncio.Event()
    # The sweep is the first thing a worker's housekeeping does.
    asyncio.get_running_loop().call_later(1, stop.set)
    await work_for_centre(settings, stop)
    assert await files.exists("imports/imp_of_the_server/upload")
