"""From domain events to webhooks: every second, what was written since the last look.

An event is written in the commit of what it tells of, by code that knows nothing of webhooks; here it becomes one message
and a delivery for each endpoint that wants it. Event ids begin with their time, but a transaction that began earlier may
commit later, so an event can appear behind the place up to which was read. Therefore each look goes back ten seconds, and
once a minute everything older than five minutes, when no transaction that could still add to it is open, is compared once
more. An event that has its message is passed over.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from hundi.config import Settings
from hundi.db.pool import Database, Transaction
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId, floor_id
from hundi.webhooks import outbox, queries
from hundi.webhooks.outbox import Message
from hundi.webhooks.rows import Lane
from hundi.webhooks.rules import LONGEST_DELAY, EndpointStatus, as_like

log = structlog.get_logger("hundi.webhooks")

EVERY_S: Final = 1
LAG: Final = timedelta(milliseconds=500)
"""An event younger than this waits for the next look: its neighbours may still be committing."""
LOOK_BACK: Final = timedelta(seconds=10)
SETTLED_AFTER: Final = timedelta(minutes=5)
SETTLE_EVERY: Final = timedelta(minutes=1)
_FORGOTTEN_AFTER: Final = timedelta(minutes=30)
AHEAD: Final = timedelta(minutes=10)
"""A cursor that is so far ahead was moved by a clock that has been set back since."""
SET_BACK: Final = timedelta(hours=1)
"""How far events are looked at once more when the clock was set back: as long as nobody may have looked."""
_BATCH: Final = 1000
_PAGES: Final = 5

_WORK: Final = "SELECT sellers_with_webhook_work($1, $2)"
_CURSOR: Final = """
    SELECT quick_id, settled_id, settled_at FROM webhook_cursors WHERE seller_id = $1 FOR UPDATE SKIP LOCKED"""
_EVENTS: Final = """
    SELECT e.event_id, e.at, e.type, e.object_kind, e.object_id, e.data::text AS data
      FROM events e
     WHERE e.seller_id = $1 AND e.event_id > $2 AND e.event_id < $3 AND e.type LIKE ANY ($4::text[])
       AND NOT EXISTS (SELECT FROM webhook_messages m WHERE m.seller_id = $1 AND m.event_id = e.event_id)
     ORDER BY e.event_id LIMIT $5"""
_QUICK: Final = "UPDATE webhook_cursors SET quick_id = $2 WHERE seller_id = $1"
_SETTLED: Final = "UPDATE webhook_cursors SET settled_id = $2, settled_at = $3 WHERE seller_id = $1"
_FORGOTTEN: Final = """
    SELECT DISTINCT endpoint_id, object_kind, object_id FROM webhook_deliveries
     WHERE seller_id = $1 AND state IN ('PENDING', 'SENDING') AND due_at < $2 LIMIT 100"""
_SET_RIGHT: Final = """
    UPDATE webhook_cursors SET quick_id = least(quick_id, $2), settled_id = least(settled_id, $2), settled_at = $3
     WHERE seller_id = $1"""
# Nothing is put off for so long: see LONGEST_DELAY. An attempt under way is looked at by whoever gets the lane's job.
_TOO_FAR: Final = """
    UPDATE webhook_deliveries SET due_at = $2
     WHERE seller_id = $1 AND (state = 'PENDING' AND due_at > $2::timestamptz + $3::interval
                               OR state = 'SENDING' AND due_at > $2::timestamptz + $4::interval)
    RETURNING endpoint_id, object_kind, object_id"""
_OLD: Final = """
    SELECT delivery_id, message_id FROM webhook_deliveries
     WHERE seller_id = $1 AND state IN ('DELIVERED', 'FAILED') AND delivery_id < $2 AND settled_at < $3 LIMIT 5000"""
_DROP_ATTEMPTS: Final = "DELETE FROM webhook_attempts WHERE seller_id = $1 AND delivery_id = ANY ($2::text[])"
_DROP_DELIVERIES: Final = "DELETE FROM webhook_deliveries WHERE seller_id = $1 AND delivery_id = ANY ($2::text[])"
_DROP_MESSAGES: Final = """
    DELETE FROM webhook_messages AS m
     WHERE m.seller_id = $1 AND m.message_id = ANY ($2::text[])
       AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.seller_id = $1 AND d.message_id = m.message_id)"""


async def follow(db: Database, settings: Settings, stop: asyncio.Event) -> None:
    """Turn events into webhooks until told to stop; several workers may do so at the same time."""
    keep = timedelta(days=settings.webhook_keep_days)
    while not stop.is_set():
        try:
            queued = await fan_out_due(db, keep=keep)
        except Transient as error:
            log.warning("webhooks wait for the database", error=type(error).__name__)
        else:
            if queued:
                log.info("webhooks queued", deliveries=queued)
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue


async def fan_out_due(db: Database, *, keep: timedelta) -> int:
    """Look once at every company with something to look at; gives how many deliveries were queued."""
    now = db.clock.now()
    async with db.unbound() as tx:
        rows = await tx.fetch(_WORK, floor_id("evt", now - LAG), now - SETTLE_EVERY)
    queued = 0
    for row in rows:
        try:
            async with db.transaction(SellerId(row[0])) as tx:
                queued += await fan_out(tx, keep=keep)
        except Transient as error:
            log.warning("webhooks of a company wait for the database", seller_id=row[0], error=type(error).__name__)
        except Exception:
            # A bug that one company's events bring out must not silence all others; the next look tries again.
            log.exception("events of a company could not be turned into webhooks", seller_id=row[0])
    return queued


async def fan_out(tx: Transaction, *, keep: timedelta) -> int:
    """Look at the bound company's events; one worker at a time per company (its cursor is locked)."""
    cursor = await tx.fetchrow(_CURSOR, tx.seller_id)
    if cursor is not None and cursor["settled_at"] > tx.now + AHEAD:
        await _set_right(tx)
        cursor = await tx.fetchrow(_CURSOR, tx.seller_id)
    if cursor is None:
        return 0
    queued = 0
    if cursor["settled_at"] <= tx.now - SETTLE_EVERY:
        before = floor_id("evt", tx.now - SETTLED_AFTER)
        if before > cursor["settled_id"]:
            reached, queued = await _take(tx, cursor["settled_id"], before)
            await tx.execute(_SETTLED, tx.seller_id, max(reached, cursor["settled_id"]), tx.now)
        else:
            await tx.execute(_SETTLED, tx.seller_id, cursor["settled_id"], tx.now)
        await _wake_forgotten(tx)
        await _tidy(tx, tx.now - keep)
    back = floor_id("evt", tx.now - LOOK_BACK)
    reached, more = await _take(tx, min(cursor["quick_id"], back), floor_id("evt", tx.now - LAG))
    await tx.execute(_QUICK, tx.seller_id, max(reached, cursor["quick_id"]))
    return queued + more


async def _take(tx: Transaction, after: str, before: str) -> tuple[str, int]:
    """Queue the events between two ids that have no message; gives how far it came and how many deliveries it made."""
    listening = [one for one in await queries.endpoints(tx) if one.status == EndpointStatus.ENABLED]
    patterns = sorted({as_like(pattern) for one in listening for pattern in one.event_types})
    queued = 0
    for _ in range(_PAGES if patterns else 0):
        rows = await tx.fetch(_EVENTS, tx.seller_id, after, before, patterns, _BATCH)
        messages = [
            Message(
                type=row["type"], object_kind=row["object_kind"], object_id=row["object_id"], at=row["at"],
                event_id=row["event_id"], data=msgspec.Raw(row["data"].encode()),
            )
            for row in rows
        ]  # fmt: skip
        queued += len(await outbox.enqueue_deliveries(tx, messages))
        if len(rows) < _BATCH:
            return before, queued
        after = rows[-1]["event_id"]
    return (after if patterns else before), queued


async def _wake_forgotten(tx: Transaction) -> None:
    """Queue a job for lanes whose job is gone (it was parked, or its row was lost): what is long due waits for nobody."""
    rows = await tx.fetch(_FORGOTTEN, tx.seller_id, tx.now - _FORGOTTEN_AFTER)
    await outbox.wake(tx, [Lane(row["endpoint_id"], row["object_kind"], row["object_id"]) for row in rows])


async def _set_right(tx: Transaction) -> None:
    """Take back what a clock that was far ahead has put off until it is that late again: cursors, and repetitions."""
    log.warning("the clock was ahead and has been set back: webhooks are due again", seller_id=tx.seller_id)
    await tx.execute(_SET_RIGHT, tx.seller_id, floor_id("evt", tx.now - SET_BACK), tx.now - SETTLE_EVERY)
    rows = await tx.fetch(_TOO_FAR, tx.seller_id, tx.now, LONGEST_DELAY, AHEAD)
    await outbox.wake(tx, {Lane(row["endpoint_id"], row["object_kind"], row["object_id"]) for row in rows})


async def _tidy(tx: Transaction, before: datetime) -> None:
    """Take away what settled long ago."""
    rows = await tx.fetch(_OLD, tx.seller_id, floor_id("whd", before), before)
    if not rows:
        return
    deliveries = [row["delivery_id"] for row in rows]
    await tx.execute(_DROP_ATTEMPTS, tx.seller_id, deliveries)
    await tx.execute(_DROP_DELIVERIES, tx.seller_id, deliveries)
    await tx.execute(_DROP_MESSAGES, tx.seller_id, sorted({row["message_id"] for row in rows}))
