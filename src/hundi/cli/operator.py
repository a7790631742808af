"""The operator's view across sellers: as the owner of the database, one seller after the other (design §6)."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.kit.clock import Clock
from hundi.kit.ids import SellerId

_SELLERS: Final = "SELECT seller_id FROM sellers ORDER BY seller_id"


async def each_seller(settings: Settings, clock: Clock, only: str | None = None) -> AsyncIterator[Transaction]:
    """Give a read-only transaction bound to each seller in turn, or to one. Needs HUNDI_OWNER_URL."""
    if settings.owner_url is None:
        message = "HUNDI_OWNER_URL is not set: this looks at all companies, which only the database's owner may."
        raise Refused(message)
    connection = await asyncpg.connect(settings.owner_url, server_settings={"timezone": "UTC"})
    try:
        sellers = [row["seller_id"] for row in await connection.fetch(_SELLERS)]
        if only is not None:
            if only not in sellers:
                message = f"There is no company {only}."
                raise Refused(message)
            sellers = [only]
        for seller_id in sellers:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                tx = Transaction(connection, None, clock.now())
                await tx.bind(SellerId(seller_id))
                yield tx
    finally:
        await connection.close()
