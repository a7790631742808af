"""Putting work into the queue, in the same commit as the rows it is about (design §4.2, style: outbox = job row)."""

from datetime import timedelta
from typing import Any, Final

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.queries import Queries

from hundi.db.pool import Transaction

_ENCODER: Final = msgspec.json.Encoder()
_ABSORB: Final = """
    DELETE FROM pgqueuer WHERE id IN (
        SELECT id FROM pgqueuer
         WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= clock_timestamp() AND payload = $2
           FOR UPDATE SKIP LOCKED)"""


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


async def absorb(tx: Transaction, name: str, *, ids: dict[str, Any]) -> None:
    """Take away the waiting jobs that would do the same again, as a job that does all there is to do now does first.

    Call it before reading what there is to do: what was committed with those jobs is then seen. They come back if this
    transaction rolls back; jobs for a later time stay.
    """
    await tx.execute(_ABSORB, name, _ENCODER.encode({"seller_id": tx.seller_id, **ids}))
