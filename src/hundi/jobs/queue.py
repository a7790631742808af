"""Putting work into the queue, in the same commit as the rows it is about (design §4.2, style: outbox = job row)."""

from datetime import timedelta
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction

_ENCODER: Final = msgspec.json.Encoder()
# What pgqueuer's own enqueue does, without its row in pgqueuer_log: that a job was queued is told by its row.
ENQUEUE: Final = """
    INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
    SELECT $1, $2, p.payload, now() + $4::interval, 'queued' FROM unnest($3::bytea[]) AS p (payload)"""
_ABSORB: Final = """
    DELETE FROM pgqueuer WHERE id IN (
        SELECT id FROM pgqueuer
         WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= clock_timestamp() AND payload = $2
           FOR UPDATE SKIP LOCKED)"""
# A job somebody is picking or absorbing looks as if it waited until that is committed, and he may have looked already for
# what it would find: it is passed over.
_WAITING: Final = """
    SELECT id FROM pgqueuer
     WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= clock_timestamp() + $3::interval AND payload = $2
     LIMIT 1 FOR KEY SHARE SKIP LOCKED"""
NOW: Final = timedelta(0)


async def enqueue(
    tx: Transaction, name: str, *, ids: dict[str, Any], delay: timedelta | None = None, priority: int = 0
) -> None:
    """Add a job that runs after this transaction commits, and never if it rolls back.

    ``name`` is ``capability.verb`` and must be in the registry; the payload is ``{seller_id, **ids}``: ids only, because
    the job reads what is true when it runs. Every job may run twice.
    """
    await tx.execute(ENQUEUE, priority, name, [payload_of(tx, ids)], delay or NOW)


async def absorb(tx: Transaction, name: str, *, ids: dict[str, Any]) -> None:
    """Take away the waiting jobs that would do the same again, as a job that does all there is to do now does first.

    Call it before reading what there is to do: what was committed with those jobs is then seen. They come back if this
    transaction rolls back; jobs for a later time stay.
    """
    await tx.execute(_ABSORB, name, payload_of(tx, ids))


async def is_waiting(tx: Transaction, name: str, *, ids: dict[str, Any], within: timedelta) -> bool:
    """Tell whether such a job waits that will be run within this time from now; one that is running does not count.

    Nobody takes it away before this transaction ends, so whoever runs it sees what was committed before.
    """
    return await tx.fetchval(_WAITING, name, payload_of(tx, ids), within) is not None


def payload_of(tx: Transaction, ids: dict[str, Any]) -> bytes:
    """Write what a job is given: the seller and the ids."""
    return _ENCODER.encode({"seller_id": tx.seller_id, **ids})
