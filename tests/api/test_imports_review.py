"""The same file twice at once, an answer that is lost at the commit, and rows that would have undone something unsaid."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import make
import workbooks
from hundi.db.pool import Database, Transaction
from hundi.files.store import FileStore
from hundi.imports import jobs
from hundi.imports.parsing import ReadingFailed
from hundi.jobs.later import RunLater
from hundi.kit.actor import Actor
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from importing import Importer, imported, outcome, received, row, text


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Konkan Traders")
    return Importer(seller, store, keyring)


def shown(payload: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["row"], one["error_code"]) for one in payload["failureRequests"]]


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_file_that_came_twice_is_known_whichever_runs_first(importer: Importer, *, dry_run: bool) -> None:
    rows = text([row(invoiceNumber="") for _ in range(5)])
    first, second = await received(importer, rows, dry_run=dry_run), await received(importer, rows)
    await importer.run(second)
    await importer.run(first)
    early, late = await outcome(importer, second), await outcome(importer, first)
    assert (early["success_count"], early["warn_count"]) == (5, 0)
    assert (late["success_count"], late["failure_count"], late["warn_count"]) == (5, 0, 5)
    assert late["successRequests"] == early["successRequests"]
    assert await importer.count() == 5
    assert await importer.seller.value("SELECT next_value FROM number_counters WHERE seller_id = $1") == 6


class AnswerLost(Database):
    """Commits the first transaction that writes a chunk, and then says that the connection broke."""

    lost = 0

    @asynccontextmanager
    async def transaction(self, who: Actor | SellerId) -> AsyncIterator[Transaction]:
        before = await self._chunks(who)
        async with super().transaction(who) as tx:
            yield tx
        if not self.lost and await self._chunks(who) > before:
            self.lost += 1
            raise ReadingFailed

    async def _chunks(self, who: Actor | SellerId) -> int:
        async with super().read(who) as tx:
            return int(await tx.fetchval("SELECT count(*) FROM import_chunks WHERE seller_id = $1", tx.seller_id))


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_commit_whose_answer_was_lost_counts_once_and_is_in_the_results(
    importer: Importer, store: FileStore, keyring: Keyring, *, atomic: bool
) -> None:
    seller = importer.seller
    shaky = AnswerLost(seller.db.pool, seller.clock, loader_dsn=seller.db.loader_dsn)
    unlike = {} if atomic else {"invoiceNumber": ""}  # the first is copied by the loader, the other needs a series
    import_id = await received(importer, text([row(**unlike) for _ in range(5)]), atomic=atomic)
    on_shaky = Importer(seller, store, keyring)
    on_shaky.context = type(importer.context)(
        db=shaky, clock=seller.clock, keyring=keyring, settings=importer.settings, files=store, mailer=None
    )
    with pytest.raises(RunLater) as told:
        await on_shaky.run(import_id)
    assert isinstance(told.value.__cause__, ReadingFailed)
    assert shaky.lost == 1
    await importer.run(import_id)
    payload = await outcome(importer, import_id)
    assert (payload["state"], payload["success_count"], payload["failure_count"]) == ("DONE", 5, 0)
    assert [one["invoiceId"] for one in (await importer.results(_served(payload)))[0]] == [
        one["invoiceId"] for one in payload["successRequests"]
    ]
    assert await importer.count() == 5


def _served(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value).replace("http://hundi.test", "") for name, value in payload.items()}


async def test_a_pan_alone_and_bare_separators_clear_nothing(importer: Importer) -> None:
    gstin = make.gstin("29")
    header = ("legalName", "uniqueRefNo", "gstin", "pan", "branchCodes")
    born = {"legalName": "Gita", "uniqueRefNo": "G1", "gstin": gstin, "branchCodes": "A;B"}
    await imported(importer, text([born], header), kind="customers")
    before = await _particulars(importer)
    same = {"uniqueRefNo": "G1", "pan": gstin[2:12], "branchCodes": " , "}
    payload = await imported(importer, text([same], header), kind="customer_updates")
    assert (payload["success_count"], payload["warn_count"]) == (1, 1)
    other = {"uniqueRefNo": "G1", "pan": make.gstin("29")[2:12]}
    payload = await imported(importer, text([other], header), kind="customer_updates")
    assert shown(payload) == [(2, "PAN_MISMATCH")]
    assert await _particulars(importer) == before
    assert before[0]["gstin"] == gstin


async def _particulars(importer: Importer) -> list[Any]:
    return await importer.seller.rows(
        "SELECT gstin, pan, state_code, treatment, branch_codes FROM customers "
        "WHERE seller_id = $1 AND unique_ref_no = 'G1'"
    )


@pytest.mark.parametrize("more", [{}, {"dry_run": True}])
async def test_two_rows_that_give_one_reference_away_say_so_in_every_mode(
    importer: Importer, more: dict[str, bool]
) -> None:
    ids = [await importer.seller.customer() for _ in range(2)]
    rows = [{"customerId": one, "uniqueRefNo": "NEW"} for one in ids]
    file = text(rows, ("customerId", "uniqueRefNo"))
    payload = await imported(importer, file, kind="customer_updates", chunk_rows=1, **more)
    assert shown(payload) == [(3, "DUPLICATE_IN_FILE")]
    payload = await imported(importer, file + "\n", kind="customer_updates", chunk_rows=1, atomic=True, **more)
    assert shown(payload)[-1] == (3, "DUPLICATE_IN_FILE")


async def test_one_number_in_two_columns_or_behind_a_guard_is_one_number(importer: Importer) -> None:
    gstin = make.gstin("29")
    rows = [{"legalName": "G", "gstin": gstin}, {"legalName": "H", "panOrGstin": gstin.lower()}]
    payload = await imported(importer, text(rows, ("legalName", "gstin", "panOrGstin")), kind="customers")
    assert shown(payload) == [(3, "DUPLICATE_IN_FILE")]
    payload = await imported(importer, text([row(externalId="'=A"), row(externalId="=A")]))
    assert shown(payload) == [(3, "DUPLICATE_IN_FILE")]


async def test_a_small_workbook_of_enormous_cells_is_cut_into_small_chunks(importer: Importer) -> None:
    head = ["invoiceNumber", "customerRef", "invoiceDate", "dueDate", "baseAmount", "note"]
    rows = [[f"W-{at}", "C1", "2026-11-01", "2026-12-01", 100, "y" * 32_000] for at in range(1_100)]
    payload = await imported(importer, workbooks.of(Sheet1=[head, *rows]), chunk_rows=10_000)
    assert (payload["success_count"], payload["total_count"]) == (1_100, 1_100)
    assert await importer.count("import_chunks") == 2


@pytest.mark.parametrize("packed_as", ["bzip2", "lzma"])
async def test_a_damaged_archive_of_another_packing_is_answered_and_not_tried_for_ever(
    importer: Importer, packed_as: str
) -> None:
    archive = workbooks.spoiled("A-1.pdf", b"%PDF-1.7\n" + b"x" * 5000, packed_as)
    payload = await imported(importer, archive, kind="attachments")
    assert (payload["state"], shown(payload)) == ("DONE", [(1, "FILE_DAMAGED")])
    book = workbooks.spoiled("xl/workbook.xml", b"<workbook/>" * 500, packed_as)
    import_id = await received(importer, book)
    await importer.run(import_id)
    refusal = await importer.seller.value(
        "SELECT refusal->'problems'->0->>'code' FROM imports WHERE seller_id = $1 AND import_id = $2", import_id
    )
    assert refusal == "WORKBOOK_DAMAGED"


async def test_an_import_whose_job_is_gone_can_still_be_cancelled(importer: Importer, clock: make.MovedClock) -> None:
    seller = importer.seller
    import_id = await received(importer, text([row()]))
    await seller.run(
        "UPDATE imports SET state = 'RUNNING', run_by = 'trn_gone', started_at = $3, progress_at = $3, total_count = 1 "
        "WHERE seller_id = $1 AND import_id = $2",
        import_id,
        clock.now(),
    )
    for moved, asked in ((1, 0), (61, 1), (1, 1)):
        clock.move(seconds=moved)
        reply = await seller.http.post(f"/api/v0/invoice/bulk/{import_id}/cancel")
        assert reply.json()["payload"]["state"] == "RUNNING", reply.text
        tickets = await _tickets(importer, import_id)
        assert len(tickets) == asked
    await importer.run(import_id)  # a job without the ticket leaves it be
    assert await seller.value("SELECT state FROM imports WHERE seller_id = $1") == "RUNNING"
    await jobs.run(importer.context, tickets[0])
    assert (await outcome(importer, import_id))["state"] == "CANCELLED"
    assert await importer.count() == 0


async def _tickets(importer: Importer, import_id: str) -> list[dict[str, Any]]:
    found = await importer.seller.rows(
        "SELECT payload FROM pgqueuer WHERE entrypoint = 'imports.run' AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'"
    )
    payloads = [json.loads(one["payload"]) for one in found]
    return [one for one in payloads if one["import_id"] == import_id and "ticket" in one]


async def test_a_later_row_of_a_number_is_not_imported_without_the_items(importer: Importer) -> None:
    head = ["invoiceNumber", "customerRef", "invoiceDate", "dueDate", "baseAmount", "cgst", "sgst"]
    lines = [[one, "C1", "2026-11-01", "2026-12-01", 1000, 90, 90] for one in ("T1", "T2", "t1", "T3", "T3")]
    items = ["invoiceNumber", "description", "hsnCode", "taxableValue", "gstRate"]
    sold = [["T1", "Bolts", "7318", 400, 18], ["T2", "Nuts", "7318", 1000, 18]]
    payload = await imported(importer, workbooks.of(Invoices=[head, *lines], Items=[items, *sold]), chunk_rows=2)
    assert shown(payload) == [(2, "ITEMS_DO_NOT_ADD_UP"), (4, "DUPLICATE_IN_FILE"), (6, "DUPLICATE_IN_FILE")]
    assert (payload["success_count"], payload["failure_count_second_file"]) == (2, 1)
    assert (await importer.count(), await importer.count("invoice_items")) == (2, 1)
