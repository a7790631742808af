"""What is remembered of parcels ends after ninety days, in steps, and a parcel that comes again then has no effect either."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

import make
from hundi.housekeeping import purge_network
from hundi.kit.clock import FrozenClock
from hundi.network.protocol.identifiers import Prefix, SortableIds
from hundi.network.protocol.mailbox import KEPT
from hundi.network.protocol.parcels import CENTRE

INBOX = "INSERT INTO network_inbox (seller_id, sender, parcel_id, digest, at) VALUES ($1, $2, $3, 'd', $4)"
CENTRAL = "INSERT INTO central.inbox (sender, parcel_id, digest, at) VALUES ($1, $2, 'd', $3)"
KEPT_ASIDE = (
    "INSERT INTO network_refused (seller_id, parcel_id, receiver, parcel, attempts, code, detail, refused_at)"
    " VALUES ($1, $2, 'CENTRE', '', 1, 'C', 'd', $3)"
)
CENTRAL_ASIDE = (
    "INSERT INTO central.refused (parcel_id, receiver, parcel, attempts, code, detail, refused_at)"
    " VALUES ($1, 'a/b', '', 1, 'C', 'd', $2)"
)


def made(at: datetime) -> str:
    return SortableIds(FrozenClock(at)).make(Prefix.MESSAGE)


@pytest.mark.parametrize("step", [2, 5000])
async def test_old_notes_go_and_young_ones_stay(seller: make.Company, db: Any, clock: Any, step: int) -> None:
    await purge_network(db)  # what other tests left
    now = clock.now()
    old, young = now - KEPT - timedelta(minutes=1), now - KEPT + timedelta(minutes=1)
    sender = make.number("srv").lower()
    async with db.transaction(seller.seller_id) as tx:
        for at in (old, old, old, young):
            await tx.execute(INBOX, seller.seller_id, CENTRE, made(at), at)
            await tx.execute(CENTRAL, sender, made(at), at)
        await tx.execute(KEPT_ASIDE, seller.seller_id, made(old), old)
        await tx.execute(KEPT_ASIDE, seller.seller_id, made(young), young)
        await tx.execute(CENTRAL_ASIDE, made(old), old)
        await tx.execute(CENTRAL_ASIDE, young_central := made(young), young)
    assert await purge_network(db, at_a_time=step) == 8
    for table in ("network_inbox", "network_refused"):
        assert await seller.value(f"SELECT count(*) FROM {table} WHERE seller_id = $1") == 1, table
    async with db.unbound() as tx:
        assert await tx.fetchval("SELECT count(*) FROM central.inbox WHERE sender = $1", sender) == 1
        assert await tx.fetchval("SELECT count(*) FROM central.refused WHERE parcel_id = $1", young_central) == 1
    assert await purge_network(db) == 0
