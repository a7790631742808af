"""`hundi network outbox`: what this server's companies have sent."""

from typing import Any, Final

import msgspec

from hundi.cli.operator import each_seller
from hundi.config import Settings
from hundi.kit.clock import SystemClock
from hundi.network import parcel_queries
from hundi.network.schemas import parcel_out

_MOST: Final = 1000


async def outbox(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give what waits and what was refused, company by company, at most 1,000 of each."""
    found: list[dict[str, Any]] = []
    async for tx in each_seller(settings, SystemClock(), seller):
        rows = await parcel_queries.page(tx, tx.seller_id, None, after=None, limit=_MOST)
        found += [{"sellerId": tx.seller_id, "problem": None} | msgspec.to_builtins(parcel_out(row)) for row in rows]
    return found
