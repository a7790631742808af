"""The only place that writes an invoice's dispatch status and a delivery's state; every move leaves its rows behind."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from hundi.db.pool import Transaction
from hundi.dispatch.errors import IllegalMove
from hundi.dispatch.trail import Change, Origin, record_all
from hundi.invoices.rules import DISPATCH_MOVES, DispatchStatus, SentVia


class DeliveryState(StrEnum):
    """How far one mail has come."""

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


S = DeliveryState
DELIVERY_MOVES: Final[Mapping[DeliveryState, frozenset[DeliveryState]]] = {
    S.QUEUED: frozenset({S.SENDING, S.FAILED}),
    # Back to QUEUED: the attempt did not get through and another one follows.
    S.SENDING: frozenset({S.SENDING, S.QUEUED, S.SENT, S.FAILED, S.UNKNOWN}),
    # An answer that comes late settles what was unknown.
    S.UNKNOWN: frozenset({S.SENT, S.FAILED}),
    S.SENT: frozenset(),
    S.FAILED: frozenset(),
}
SETTLED: Final = frozenset({S.SENT, S.FAILED, S.UNKNOWN})

_EVENTS: Final[Mapping[DispatchStatus, str]] = {
    DispatchStatus.QUEUED: "invoice.dispatch_queued",
    DispatchStatus.DISPATCHED: "invoice.dispatched",
    DispatchStatus.FAILED: "invoice.dispatch_failed",
    DispatchStatus.UNKNOWN: "invoice.dispatch_unknown",
}
# The old status cannot be returned by UPDATE before PostgreSQL 18, so it is read first, under the same locks.
_LOCK: Final = """
    SELECT invoice_id, dispatch_status FROM invoices
     WHERE seller_id = $1 AND invoice_id = ANY($2::text[]) ORDER BY invoice_id FOR UPDATE"""
_MOVE: Final = """
    UPDATE invoices SET dispatch_status = $3, modified_at = $4, modified_by = $5, version = version + 1,
           dispatched_at = coalesce($6, dispatched_at), via = coalesce($7, via)
     WHERE seller_id = $1 AND invoice_id = ANY($2::text[])"""
_DELIVERY: Final = """
    UPDATE deliveries SET state = $3, detail = $4, settled_at = $5
     WHERE seller_id = $1 AND delivery_id = $2 AND state = ANY($6::text[])"""


async def move(
    tx: Transaction,
    invoice_ids: Sequence[str],
    *,
    to: DispatchStatus,
    by: Origin,
    why: Mapping[str, Any] | None = None,
    why_each: Mapping[str, Mapping[str, Any]] | None = None,
    via: SentVia = SentVia.EMAIL,
) -> None:
    """Move these invoices to ``to``, each with an audit and an event row; raises :class:`IllegalMove` for any that may not.

    DISPATCHED also sets ``dispatched_at``, and ``via`` as the way it was sent. ``why`` (and ``why_each`` by invoice id) goes into the rows.
    """
    held = await tx.fetch(_LOCK, tx.seller_id, list(invoice_ids))
    before = {row["invoice_id"]: DispatchStatus(row["dispatch_status"]) for row in held}
    for invoice_id in invoice_ids:
        found = before.get(invoice_id)
        if found is None or to not in DISPATCH_MOVES[found]:
            message = f"Invoice {invoice_id} cannot go from {found} to {to}."
            raise IllegalMove(message)
    sent = to is DispatchStatus.DISPATCHED
    at: datetime | None = tx.now if sent else None
    how = via.value if sent else None
    await tx.execute(_MOVE, tx.seller_id, list(before), to.value, tx.now, by.subject, at, how)
    extra = why_each or {}
    changes = [
        Change(
            object_id=invoice_id,
            before={"dispatchStatus": old.value},
            after={"dispatchStatus": to.value, **(why or {}), **extra.get(invoice_id, {})},
        )
        for invoice_id, old in before.items()
    ]
    await record_all(tx, by, "invoice.dispatch", _EVENTS[to], kind="invoice", changes=changes)


async def move_delivery(tx: Transaction, delivery_id: str, *, to: DeliveryState, detail: str | None) -> None:
    """Move a delivery; raises :class:`IllegalMove` when its present state does not allow it."""
    allowed = [state.value for state, moves in DELIVERY_MOVES.items() if to in moves]
    settled = tx.now if to in SETTLED else None
    done = await tx.execute(_DELIVERY, tx.seller_id, delivery_id, to.value, detail, settled, allowed)
    if done != "UPDATE 1":
        message = f"Delivery {delivery_id} cannot go to {to}."
        raise IllegalMove(message)
