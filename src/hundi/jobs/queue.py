"""Putting work into the queue, in the same commit as the rows it is about (design §4.2, style: outbox = job row)."""

from datetime import timedelta
from typing import Any, Final

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.queries import Queries

from hundi.db.pool import Transaction

_ENCODER: Final = msgspec.json.Encoder()


async def enqueue(
    tx: Transaction, name: str, *, ids: dict[str, Any], delay: timedelta | None = None, priority: int = 0
) -> None:
    """Add a job that runs after this transaction commits, and never if it rolls back.

    ``name`` is ``capability.verb`` and must be in the registry; the payload is ``{seller_id, **ids}``: ids only, because
    the job reads what is true when it runs. Every job may run twice.
    """
    payload = _ENCODER.encode({"seller_id": tx.seller_id, **ids})
    # The queue's own connection class wraps ours, so its INSERT is part of this very transaction.
    queries = Queries(AsyncpgDriver(tx.connection))
    await queries.enqueue(name, payload, priority=priority, execute_after=delay)
