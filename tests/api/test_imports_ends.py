"""Imports that cannot go on as they began: an upload that is gone half-way, a key that is lost in a race, and what is said."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

import make
import workbooks
from hundi.db.embedded import Urls
from hundi.files.store import FileStore
from hundi.imports import invoice_pdfs, parsing, queries
from hundi.imports.chunk import ChunkWork
from hundi.imports.engine import Engine
from hundi.imports.load import KeyTaken
from hundi.imports.parse_child import Manifest
from hundi.imports.reply import answer
from hundi.jobs.later import RunLater
from hundi.kit.keys import Keyring
from importing import Importer, bytes_of, imported, outcome, received, row, text


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


async def interrupted(importer: Importer, content: str, *, after: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Receive a file and let its import fail before it writes chunk ``after``; give the import's id."""
    import_id = await received(importer, content)
    whole = ChunkWork.judge

    async def judge(self: ChunkWork) -> Any:
        if self.no >= after:
            async with asyncio.timeout(20):
                while await importer.seller.value(written) < after:  # noqa: ASYNC110 - it happens in the database
                    await asyncio.sleep(0.02)
            raise OSError(5, "Input/output error")
        return await whole(self)

    written = f"SELECT count(*) FROM import_chunks WHERE seller_id = $1 AND import_id = '{import_id}'"
    with monkeypatch.context() as patch:
        patch.setattr(ChunkWork, "judge", judge)
        with pytest.raises(RunLater):
            await importer.run(import_id)
    return import_id


async def lose_upload(importer: Importer, import_id: str) -> None:
    await importer.context.files.delete(f"imports/{import_id}/upload")


async def test_one_that_is_cancelled_while_its_file_is_read_again_keeps_what_is_written(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await interrupted(importer, text(row() for _ in range(400)), after=2, monkeypatch=monkeypatch)
    there = await importer.count()

    async def parse(*words: Any, **more: Any) -> Manifest:
        reply = await importer.seller.http.post(f"/api/v0/invoice/bulk/{import_id}/cancel")
        assert reply.json()["payload"]["state"] == "RUNNING"
        await asyncio.sleep(0.5)  # as a large file takes
        return await parsing.parse(*words, **more)

    monkeypatch.setattr("hundi.imports.engine.parse", parse)
    monkeypatch.setattr("hundi.imports.engine._ASK_S", 0.1)
    await importer.run(import_id)
    found = await outcome(importer, import_id)
    assert (found["state"], found["success_count"], await importer.count()) == ("CANCELLED", there, there)
    assert there >= 200


async def test_a_file_that_is_gone_half_way_is_settled_with_what_was_written(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(baseAmount="x") if at % 10 == 5 else row() for at in range(400)]
    import_id = await interrupted(importer, text(rows), after=2, monkeypatch=monkeypatch)
    there = await importer.count()
    assert there
    await lose_upload(importer, import_id)
    await importer.run(import_id)
    payload = await outcome(importer, import_id)
    assert (payload["state"], payload["success_count"]) == ("CANCELLED", there)
    assert payload["total_count"] == payload["success_count"] + payload["failure_count"]
    successes, failures = await bytes_of(importer, payload)
    assert successes.count(b"\n") == there + 1
    assert failures.count(b"NOT_AN_AMOUNT") == payload["failure_count"]
    reply = await importer.seller.http.get(f"/api/v0/invoice/bulk/{import_id}")
    status = reply.json()["payload"]
    assert [(one["field"], one["code"]) for one in status["refusal"]] == [("file", "FILE_LOST")]
    assert [(one["field"], one["code"]) for one in status["warnings"]] == [("file", "FILE_LOST")]
    assert "send the whole file again" in status["warnings"][0]["message"]
    events = await importer.seller.rows("SELECT type FROM events WHERE seller_id = $1 AND type LIKE 'import.%'")
    assert [one["type"] for one in events] == ["import.cancelled"]
    # Whoever does as he is told has everything, once.
    again = await imported(importer, text(rows))
    assert (again["success_count"], again["warn_count"], await importer.count()) == (360, there, 360)


async def test_a_file_that_is_gone_when_all_was_written_is_done(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row() for _ in range(250)]
    import_id = await received(importer, text(rows))

    async def broken(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_settle", broken)
        with pytest.raises(RunLater):
            await importer.run(import_id)
    await lose_upload(importer, import_id)
    await importer.run(import_id)
    payload = await outcome(importer, import_id)
    assert (payload["state"], payload["success_count"], await importer.count()) == ("DONE", 250, 250)
    reply = await importer.seller.http.get(f"/api/v0/invoice/bulk/{import_id}")
    assert reply.json()["payload"].get("refusal") is None


async def test_a_call_that_waited_for_it_is_told_why(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = await interrupted(importer, text([row() for _ in range(250)]), after=1, monkeypatch=monkeypatch)
    await lose_upload(importer, import_id)
    await importer.run(import_id)
    async with importer.seller.db.read(importer.seller.seller_id) as tx:
        settled = await queries.one(tx, import_id)
    reply = answer(settled)
    assert reply.status_code == 200
    assert b"FILE_LOST" in reply.content
    assert b"IMPORT_CANCELLED" not in reply.content


# ---------------------------------------------------------------- keys that are lost in a race


async def remove(urls: Urls, seller: make.Company, invoice_id: str) -> None:
    """Take an invoice away as if its transaction had never been committed."""
    owner = await asyncpg.connect(urls.owner)
    try:
        for table in ("invoice_entries", "invoice_items", "invoices"):
            await owner.execute(
                f"DELETE FROM {table} WHERE seller_id = $1 AND invoice_id = $2", seller.seller_id, invoice_id
            )
    finally:
        await owner.close()


@pytest.mark.parametrize("lost", ["invoiceNumber", "externalId"])
@pytest.mark.parametrize("numbered", [True, False])
async def test_all_or_none_names_the_row_whose_key_was_lost(
    importer: Importer, database_urls: Urls, monkeypatch: pytest.MonkeyPatch, *, lost: str, numbered: bool
) -> None:
    """Somebody takes a key each time the file is written, and is gone each time it is judged."""
    rows = [row(externalId=f"{make.number('X')}, (a) b") for _ in range(250)]
    if not numbered:  # then the application writes the rows, not the loader
        rows[3]["invoiceNumber"] = ""
    seller = importer.seller
    customer = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    taken: list[str] = []
    whole, judge = ChunkWork.write_in, ChunkWork.judge

    async def late(self: ChunkWork, *words: Any, **more: Any) -> None:
        if self.no == 2:
            changes = {lost: rows[210][lost]}
            made = await seller.invoice(customer, **{"invoiceNumber": make.number("T"), **changes})
            taken.append(made["invoiceId"])
        await whole(self, *words, **more)

    async def gone(self: ChunkWork) -> Any:
        if self.no == 0 and taken:
            await remove(database_urls, seller, taken[-1])
        return await judge(self)

    monkeypatch.setattr(ChunkWork, "write_in", late)
    monkeypatch.setattr(ChunkWork, "judge", gone)
    payload = await imported(importer, text(rows), atomic=True)
    assert len(taken) == 3
    assert (payload["success_count"], payload["failure_count"], await importer.count()) == (0, 250, 0)
    [named] = [one for one in payload["failureRequests"] if one["error_code"] != "ATOMIC_ROLLBACK"]
    assert (named["row"], named["error_code"]) == (212, "DUPLICATE_CONFLICT")
    assert "while the file was written" in named["error_message"]


async def test_all_or_none_says_where_it_was_when_the_database_names_no_key(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(self: ChunkWork, *_: Any, **__: Any) -> None:
        if self.no == 1:
            raise KeyTaken

    monkeypatch.setattr(ChunkWork, "write_in", taken)
    payload = await imported(importer, text([row() for _ in range(250)]), atomic=True)
    told = {one["row"]: one["error_code"] for one in payload["failureRequests"]}
    assert {at for at, code in told.items() if code == "DUPLICATE_CONFLICT"} == set(range(102, 202))
    assert "a row from 102 to 201" in payload["failureRequests"][100]["error_message"]


async def test_invoices_of_an_archive_are_looked_up_with_a_plan_for_these_names(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mode of planning is what the look-up itself sees: asked in the same transaction, by the same statement."""
    seen: list[str] = []
    await importer.seller.invoice(invoiceNumber="P/1")
    monkeypatch.setattr(
        invoice_pdfs,
        "_CANDIDATES",
        invoice_pdfs._CANDIDATES.replace("AS file_name", "AS file_name, current_setting('plan_cache_mode') AS planned"),
    )
    whole = invoice_pdfs.matched

    def matched(names: Any, invoices: Any) -> Any:
        seen.extend(one["planned"] for one in invoices)
        return whole(names, invoices)

    monkeypatch.setattr(invoice_pdfs, "matched", matched)
    payload = await imported(importer, workbooks.zipped({"P-1.pdf": b"%PDF-1.7\n%%EOF\n"}), kind="attachments")
    assert (payload["success_count"], seen) == (1, ["force_custom_plan"])
