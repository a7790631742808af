"""Who acts when a command does: the operator, with all permissions of one company."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg

from hundi.auth.rules import permissions_of
from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.ids import SellerId, new_id

_SELLERS: Final = "SELECT seller_id FROM sellers ORDER BY seller_id LIMIT 2"
_EXISTS: Final = "SELECT 1 FROM sellers WHERE seller_id = $1"


def operator(seller_id: SellerId, now: datetime) -> Actor:
    """Give the actor of a command; the audit row says ``operator``."""
    return Actor(
        seller_id=seller_id, home_seller_id=seller_id, subject="operator", client_id="operator", subjects=("operator",),
        issued=now, roles=frozenset({"owner"}), permissions=permissions_of(["owner"]), request_id=new_id("req", now),
        via="CLI",
    )  # fmt: skip


async def the_seller(parts: Parts, settings: Settings, named: str | None) -> SellerId:
    """Give the named company, or the only one there is."""
    if named is not None:
        async with parts.db.read(SellerId(named)) as tx:
            if await tx.fetchval(_EXISTS, named) is None:
                message = f"There is no company {named}."
                raise Refused(message)
        return SellerId(named)
    if settings.owner_url is None:
        message = "Name the company with --seller."
        raise Refused(message)
    connection = await asyncpg.connect(settings.owner_url)
    try:
        found = await connection.fetch(_SELLERS)
    finally:
        await connection.close()
    if len(found) != 1:
        message = "Name the company with --seller: there are several." if found else "There is no company yet."
        raise Refused(message)
    return SellerId(found[0]["seller_id"])


@asynccontextmanager
async def acting(settings: Settings, named: str | None) -> AsyncIterator[tuple[Parts, Transaction, Actor]]:
    """Open a unit of work in the named company, or in the only one there is, as its operator."""
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, named)
        async with parts.db.transaction(seller_id) as tx:
            yield parts, tx, operator(seller_id, tx.now)
