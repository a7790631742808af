"""A worker killed with SIGKILL in the middle of a dispatch over the network: none is lost, none is sent twice."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from running import acting

from hundi.db.embedded import Urls
from ledger import findings
from make import SECRET
from network_books import Trade
from network_world import World

ACTOR = Path(__file__).with_name("delivery_actor.py")
COUNT, KILLS = (8, 1) if os.environ.get("TEST_TIER", "default") == "default" else (16, 3)


@pytest.mark.slow  # processes are started and killed
async def test_a_dispatch_whose_workers_are_killed_sends_each_invoice_once(
    db: Any, keyring: Any, clock: Any, new_seller: Any, database_urls: Urls, tmp_path: Path
) -> None:
    trade = await Trade.between(World(db, keyring, clock), new_seller)
    await trade.seller.no_jobs()
    await trade.buyer.company.no_jobs()
    made = [await trade.bill() for _ in range(COUNT)]
    reply = await trade.seller.http.post(
        "/api/v0/invoice/bulk/dispatch", json={"invoiceIds": made, "channel": "BHARAT_CONNECT"},
        headers={"Prefer": "respond-async"},
    )  # fmt: skip
    url = reply.headers["Location"].removeprefix("http://hundi.test")
    order = {
        "app": database_urls.app,
        "outbox": str(tmp_path),
        "secret": SECRET,
        "moment": "never",
        "jobs": 4,
        "slice": 1,
    }

    async def progress() -> dict[str, Any]:
        found: dict[str, Any] = (await trade.seller.http.get(url)).json()["payload"]
        return found

    async def until(count: int) -> None:
        async with asyncio.timeout(60):
            while (await progress())["doneCount"] < count:  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.005)

    seen = []
    for kill in range(1, KILLS + 1):
        async with acting(ACTOR, order) as dying:
            await until(kill * 3)
            dying.kill()
            await dying.wait()
        seen.append((await progress())["doneCount"])
    assert 0 < seen[0] < COUNT, "the first death fell into the work"
    assert seen == sorted(seen)
    async with acting(ACTOR, order):
        await until(COUNT)
        async with asyncio.timeout(60):
            while len(await trade.buyer.heard("network.invoice.req-send-invoice")) < COUNT:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
            dispatched = "SELECT count(*) FROM invoices WHERE seller_id = $1 AND dispatch_status = 'DISPATCHED'"
            while await trade.seller.value(dispatched) < COUNT:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
    found = await progress()
    assert (found["state"], found["queuedCount"], found["alreadyCount"]) == ("DONE", COUNT, 0)
    told = Counter(event["object_id"] for event in await trade.buyer.heard("network.invoice.req-send-invoice"))
    assert (len(told), set(told.values())) == (COUNT, {1})
    assert await findings(trade.seller) == []
