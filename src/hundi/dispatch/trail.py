"""Audit and event rows for many objects at once: dispatch moves thousands of invoices in one commit."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hundi.audit.service import as_json
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.ids import new_id

_AUDIT: Final = """
    INSERT INTO audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, before, after, request_id)
    SELECT $1, t.audit_id, $2, $3, $4, $5, t.object_id, t.before::jsonb, t.after::jsonb, $6
      FROM unnest($7::text[], $8::text[], $9::text[], $10::text[]) AS t (audit_id, object_id, before, after)"""
_EVENTS: Final = """
    INSERT INTO events (seller_id, event_id, at, type, object_kind, object_id, data)
    SELECT $1, t.event_id, $2, $3, $4, t.object_id, t.data::jsonb
      FROM unnest($5::text[], $6::text[], $7::text[]) AS t (event_id, object_id, data)"""

SYSTEM: Final = "system"
"""The actor of what nobody asked for by hand: the worker's own decisions."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants a change, as the trail names them: a user's or API client's id, or ``system``."""

    subject: str = SYSTEM
    request_id: str | None = None

    @classmethod
    def of(cls, who: Actor) -> "Origin":
        """Take it from a signed-in actor."""
        return cls(subject=who.subject, request_id=who.request_id)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one object: only the values that changed."""

    object_id: str
    before: dict[str, Any]
    after: dict[str, Any]


async def audit_all(tx: Transaction, origin: Origin, action: str, *, kind: str, changes: Sequence[Change]) -> None:
    """Write one audit row for each change, in one statement."""
    await tx.execute(
        _AUDIT, tx.seller_id, tx.now, origin.subject, action, kind, origin.request_id,
        [new_id("aud", tx.now) for _ in changes], [change.object_id for change in changes],
        [as_json(change.before or None) for change in changes], [as_json(change.after) for change in changes],
    )  # fmt: skip


async def record_all(
    tx: Transaction, origin: Origin, action: str, event: str, *, kind: str, changes: Sequence[Change]
) -> None:
    """Write one audit row and one event row for each change, in two statements."""
    if not changes:
        return
    await audit_all(tx, origin, action, kind=kind, changes=changes)
    ids = [change.object_id for change in changes]
    after = [as_json(change.after) for change in changes]
    await tx.execute(_EVENTS, tx.seller_id, tx.now, event, kind, [new_id("evt", tx.now) for _ in changes], ids, after)
