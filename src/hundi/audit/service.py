"""Writing what happened: one audit row and one event row in the commit of the change (design §4.12)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.ids import new_id

_AUDIT: Final = """
    INSERT INTO audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, before, after, request_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_EVENT: Final = """
    INSERT INTO events (seller_id, event_id, at, type, object_kind, object_id, data)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_EVENTS: Final = """
    INSERT INTO events (seller_id, event_id, at, type, object_kind, object_id, data)
    SELECT $1, t.event_id, $2, t.type, t.object_kind, t.object_id, t.data::jsonb
      FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
           AS t (event_id, type, object_kind, object_id, data)"""
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A domain event that is yet to be recorded; ``place`` is its place among those of the transaction (:meth:`Transaction.place`)."""

    type: str
    kind: str
    object_id: str
    data: Any
    place: int


def as_json(value: Any) -> str | None:
    """Write plain values (Decimal as numbers) as JSON text for a jsonb column."""
    return None if value is None else _ENCODER.encode(value).decode()


async def record(
    tx: Transaction,
    who: Actor,
    action: str,
    *,
    kind: str,
    object_id: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """Say who did what to which object, with the values before and after (only those that changed)."""
    await tx.execute(
        _AUDIT, tx.seller_id, new_id("aud", tx.now), tx.now, who.subject, action, kind, object_id,
        as_json(before), as_json(after), who.request_id,
    )  # fmt: skip


async def emit(tx: Transaction, type_: str, *, kind: str, object_id: str, data: Any) -> None:
    """Record a domain event for those who listen (webhooks, notices)."""
    await tx.execute(
        _EVENT, tx.seller_id, new_id("evt", tx.now, tx.place()), tx.now, type_, kind, object_id, as_json(data)
    )


async def emit_all(tx: Transaction, events: Sequence[Event]) -> None:
    """Record domain events in one statement; each has the place it was given among those of the transaction."""
    if not events:
        return
    await tx.execute(
        _EVENTS, tx.seller_id, tx.now, [new_id("evt", tx.now, one.place) for one in events],
        [one.type for one in events], [one.kind for one in events], [one.object_id for one in events],
        [as_json(one.data) for one in events],
    )  # fmt: skip
