"""Putting many jobs into the queue at once, in the same commit as their rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hundi.db.pool import Transaction
from hundi.jobs.queue import ENQUEUE, NOW, payload_of


async def enqueue_many(
    tx: Transaction, name: str, ids: Sequence[dict[str, Any]], *, delay: timedelta | None = None, priority: int = 0
) -> None:
    """Add one job for each entry of ``ids``, all in one statement; otherwise the same as ``queue.enqueue``."""
    if ids:
        await tx.execute(ENQUEUE, priority, name, [payload_of(tx, entry) for entry in ids], delay or NOW)
