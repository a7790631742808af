"""Putting many jobs into the queue at once, in the same commit as their rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.queries import Queries

from hundi.db.pool import Transaction

_ENCODER: Final = msgspec.json.Encoder()


async def enqueue_many(
    tx: Transaction, name: str, ids: Sequence[dict[str, Any]], *, delay: timedelta | None = None, priority: int = 0
) -> None:
    """Add one job for each entry of ``ids``, all in one statement; otherwise the same as ``queue.enqueue``."""
    if not ids:
        return
    queries = Queries(AsyncpgDriver(tx.connection))
    count = len(ids)
    payloads: list[bytes | None] = [_ENCODER.encode({"seller_id": tx.seller_id, **entry}) for entry in ids]
    await queries.enqueue([name] * count, payloads, [priority] * count, execute_after=[delay] * count)
