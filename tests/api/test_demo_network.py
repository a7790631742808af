"""The demo of a server whose central unit runs elsewhere."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest

from hundi.cli import demo
from hundi.cli.names import DEMO_BUYER, DEMO_SELLER
from hundi.cli.parts import Parts
from hundi.config import Settings

MEMBER = {
    "network_centre_url": "https://centre.example.com",
    "network_centre_key": base64.b64encode(bytes(range(32))).decode(),
    "network_server": "alpha",
}
_OUTBOX = "SELECT count(*) FROM network_outbox WHERE seller_id = $1"
_OBJECTS = "SELECT count(*) FROM network_objects WHERE seller_id = $1"


class Undone(Exception):
    """Leaves nothing of the demo in the tests' database."""


@pytest.mark.parametrize(("settings", "traded"), [({}, True), (MEMBER, False)])
async def test_the_demo_trades_on_the_own_central_unit_alone(
    db: Any, clock: Any, keyring: Any, store: Any, settings: dict[str, str], traded: bool
) -> None:
    """Elsewhere nothing invented is registered, and the demo is there all the same."""
    parts = Parts(
        settings=Settings(**settings), db=db, clock=clock, keyring=keyring, files=store, base_url="http://hundi.test"
    )
    with contextlib.suppress(Undone):
        async with db.unbound() as tx:
            await check(tx, parts, traded=traded)
            raise Undone


async def check(tx: Any, parts: Parts, *, traded: bool) -> None:
    document = await demo._fill(tx, parts)
    assert (document["sellerId"], document["buyer"]["sellerId"]) == (DEMO_SELLER, DEMO_BUYER)
    for seller_id in (DEMO_SELLER, DEMO_BUYER):
        await tx.bind(seller_id)
        assert await tx.fetchval(_OUTBOX, seller_id) == 0
        assert (await tx.fetchval(_OBJECTS, seller_id) > 0) is traded
