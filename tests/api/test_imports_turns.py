"""Whose import runs when (decision 0011): a company's quota, tickets, what waits and who tells it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

import make
from hundi.files.store import FileStore
from hundi.imports import jobs, turns
from hundi.imports.engine import Engine
from hundi.imports.turns import LARGE, Lanes
from hundi.jobs.context import JobContext
from hundi.kit.keys import Keyring
from importing import PATH, Importer, row, text


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Konkan Traders")
    return Importer(seller, store, keyring, imports_at_once=1)


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the engine, which has tests of its own: note whose turn it was, and leave the import running."""
    found: list[str] = []

    async def run(self: Engine) -> None:
        found.append(self._run.row.import_id)

    monkeypatch.setattr(Engine, "run", run)
    return found


async def queued(importer: Importer, count: int) -> list[str]:
    made = []
    for _ in range(count):
        files = {"file": ("bills.csv", text([row()]))}
        reply = await importer.seller.http.post(PATH, files=files, headers={"Prefer": "respond-async"})
        made.append(reply.json()["payload"]["importId"])
        importer.seller.clock.move(seconds=1)
    return made


async def run(importer: Importer, import_id: str, **more: Any) -> None:
    await jobs.run(importer.context, {"seller_id": importer.seller.seller_id, "import_id": import_id, **more})


async def settle(importer: Importer, import_id: str) -> None:
    await importer.seller.run("UPDATE imports SET state = 'DONE' WHERE seller_id = $1 AND import_id = $2", import_id)


async def waiting_jobs(importer: Importer) -> list[dict[str, Any]]:
    """Give the payloads of the company's jobs but those that came with the uploads."""
    found = await importer.seller.rows(
        "SELECT convert_from(payload, 'UTF8') AS payload FROM pgqueuer"
        " WHERE entrypoint = 'imports.run' AND convert_from(payload, 'UTF8')::jsonb->>'seller_id' = $1 ORDER BY id"
    )
    return [payload for one in found if "ticket" in (payload := json.loads(one["payload"]))]


async def test_so_many_of_one_company_run_at_a_time_and_the_next_is_told(importer: Importer, began: list[str]) -> None:
    first, second, third = await queued(importer, 3)
    await run(importer, first)
    await run(importer, second)
    await run(importer, third)
    assert began == [first]
    # The two that had to wait look again by themselves.
    again = await waiting_jobs(importer)
    assert [one["import_id"] for one in again] == [second, third]
    # Who was told in vain does not wait a second time.
    await run(importer, second, ticket="trn_in_vain", told=True)
    assert len(await waiting_jobs(importer)) == 2
    await settle(importer, first)
    await run(importer, third, ticket=again[1]["ticket"])
    assert began == [first], "the third waits for the second, which came before it"
    await run(importer, second, ticket=again[0]["ticket"])
    assert began == [first, second]


async def test_an_import_that_ends_tells_as_many_as_may_run_now(
    importer: Importer, began: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    importer = Importer(importer.seller, importer.context.files, importer.context.keyring, imports_at_once=2)
    first, second, third, *_ = await queued(importer, 5)
    await run(importer, first)

    async def ended(self: Engine) -> None:
        await settle(importer, self._run.row.import_id)

    monkeypatch.setattr(Engine, "run", ended)
    before = await waiting_jobs(importer)
    await run(importer, second)  # the first still runs
    told = [one for one in await waiting_jobs(importer) if one not in before]
    assert [(one["import_id"], one["told"]) for one in told] == [(third, True)]


async def test_only_the_job_that_began_an_import_goes_on_with_it(importer: Importer, began: list[str]) -> None:
    [import_id] = await queued(importer, 1)
    await run(importer, import_id, ticket="trn_a")
    await run(importer, import_id, ticket="trn_b")
    await run(importer, import_id)
    assert began == [import_id]
    await run(importer, import_id, ticket="trn_a")
    assert began == [import_id, import_id]
    await settle(importer, import_id)
    await run(importer, import_id, ticket="trn_a")
    assert began == [import_id, import_id]


async def test_an_import_that_gives_no_sign_of_life_keeps_nobody_waiting(importer: Importer, began: list[str]) -> None:
    dead, next_one = await queued(importer, 2)
    await run(importer, dead)
    await run(importer, next_one)
    assert began == [dead]
    importer.seller.clock.move(seconds=61)
    await run(importer, next_one)
    assert began == [dead, next_one]


async def test_an_import_whose_job_is_gone_before_it_began_keeps_nobody_waiting(
    importer: Importer, began: list[str]
) -> None:
    lost, second, third = await queued(importer, 3)
    await run(importer, second)
    assert began == [], "the first may still come"
    importer.seller.clock.move(seconds=50)
    await run(importer, second)  # it waits, and looks again
    assert began == []
    importer.seller.clock.move(seconds=30)
    await run(importer, third)
    assert began == [], "the second looked half a minute ago"
    await run(importer, second)
    assert began == [second]
    await settle(importer, second)
    await run(importer, lost)
    assert began == [second, lost]


async def test_a_running_import_gives_signs_of_life(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BEAT_S", 0.05)
    seller = importer.seller
    [import_id] = await queued(importer, 1)
    sql = "SELECT progress_at FROM imports WHERE seller_id = $1"
    moved = seller.clock.now() + timedelta(seconds=30)

    async def long_work(_: Engine) -> None:
        before = await seller.value(sql)
        seller.clock.move(seconds=30)
        async with asyncio.timeout(5):
            while await seller.value(sql) == before:  # noqa: ASYNC110 - what is waited for happens in the database
                await asyncio.sleep(0.02)

    monkeypatch.setattr(Engine, "run", long_work)
    await run(importer, import_id)
    assert await seller.value(sql) >= moved


async def test_two_companies_do_not_wait_for_each_other(
    importer: Importer, new_seller: Any, store: FileStore, keyring: Keyring, began: list[str]
) -> None:
    [mine] = await queued(importer, 1)
    other = Importer(await new_seller(), store, keyring, imports_at_once=1)
    [theirs] = await queued(other, 1)
    await run(importer, mine)
    await run(other, theirs)
    assert began == [mine, theirs]


def test_large_files_take_a_quarter_of_the_places_of_a_worker() -> None:
    lanes = Lanes()
    with lanes.taken(LARGE, 8) as first, lanes.taken(LARGE + 1, 8) as second:
        assert first
        assert second
        with lanes.taken(LARGE, 8) as third, lanes.taken(LARGE - 1, 8) as small:
            assert not third
            assert small
    with lanes.taken(LARGE, 1) as alone:
        assert alone


async def test_a_worker_full_of_large_files_puts_another_one_off(
    importer: Importer, began: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LARGE", 1)
    first, second = await queued(importer, 2)
    context: JobContext = importer.context
    with jobs._LANES.taken(1, 1):
        narrow = msgspec.structs.replace(
            context, settings=msgspec.structs.replace(context.settings, worker_jobs=1, imports_at_once=9)
        )
        await jobs.run(narrow, {"seller_id": importer.seller.seller_id, "import_id": first})
    assert began == []
    [again] = await waiting_jobs(importer)
    assert again["import_id"] == first
    await run(importer, first, ticket=again["ticket"])
    assert began == [first]
    assert second not in began
