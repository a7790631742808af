"""The only place that writes a delivery's state."""

from datetime import datetime
from typing import Final

from hundi.db.pool import Transaction
from hundi.webhooks.rows import Lane
from hundi.webhooks.rules import MOVES, SETTLED, DeliveryState

_MOVE: Final = """
    UPDATE webhook_deliveries
       SET state = $3, detail = $4, settled_at = $5, due_at = coalesce($6, due_at), attempts = coalesce($7, attempts)
     WHERE seller_id = $1 AND delivery_id = $2 AND state = ANY ($8::text[])"""
_GIVE_UP: Final = """
    UPDATE webhook_deliveries SET state = 'FAILED', detail = $5, settled_at = $6
     WHERE seller_id = $1 AND endpoint_id = $2 AND object_kind = $3 AND object_id = $4
       AND state IN ('PENDING', 'SENDING')"""


async def move(
    tx: Transaction,
    delivery_id: str,
    *,
    to: DeliveryState,
    detail: str | None,
    due_at: datetime | None = None,
    attempts: int | None = None,
) -> bool:
    """Move a delivery; False when its present state does not allow it (it ended otherwise meanwhile)."""
    allowed = [state.value for state, moves in MOVES.items() if to in moves]
    settled = tx.now if to in SETTLED else None
    done = await tx.execute(
        _MOVE, tx.seller_id, delivery_id, to.value, detail, settled, due_at, attempts, allowed
    )  # fmt: skip
    return done == "UPDATE 1"


async def give_up(tx: Transaction, lane: Lane, detail: str) -> None:
    """Fail all that waits in a lane: nobody is there to take it."""
    await tx.execute(
        _GIVE_UP, tx.seller_id, lane.endpoint_id, lane.object_kind, lane.object_id, detail, tx.now
    )  # fmt: skip
