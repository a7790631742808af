"""Sending again what was sent before, or what nobody heard: by delivery, and by a period of time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from hundi.audit.service import emit, record
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import floor_id
from hundi.webhooks import outbox, queries, service
from hundi.webhooks.errors import OwnEndpointsOnly, StillUnderWay
from hundi.webhooks.outbox import ABOUT_ENDPOINT, Message, Planned
from hundi.webhooks.rows import EndpointRow, Lane
from hundi.webhooks.rules import SETTLED, DeliveryState, as_like

MOST: Final = 5000
"""Deliveries one call queues; a longer period takes several calls."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
# What was replayed already is not replayed again by another call for the same period, unless that failed too.
_SETTLED: Final = """
    SELECT d.delivery_id, d.message_id, d.object_kind, d.object_id, d.sequence
      FROM webhook_deliveries d
     WHERE d.seller_id = $1 AND d.endpoint_id = $2 AND d.created_at >= $3 AND d.created_at <= $4
       AND d.state = ANY ($5::text[])
       AND NOT EXISTS (SELECT FROM webhook_deliveries r
                        WHERE r.seller_id = $1 AND r.endpoint_id = $2 AND r.message_id = d.message_id
                          AND r.delivery_id > d.delivery_id)
     ORDER BY d.delivery_id LIMIT $6"""
_CURSOR: Final = "SELECT quick_id FROM webhook_cursors WHERE seller_id = $1 FOR UPDATE"
_UNHEARD: Final = """
    SELECT e.event_id, e.at, e.type, e.object_kind, e.object_id, e.data::text AS data, m.message_id
      FROM events e
      LEFT JOIN webhook_messages m ON m.seller_id = e.seller_id AND m.event_id = e.event_id AND m.seller_id = $1
     WHERE e.seller_id = $1 AND e.event_id >= $3 AND e.event_id < $4 AND e.at >= $7 AND e.at <= $8
       AND e.type LIKE ANY ($5::text[]) AND NOT (e.object_kind = $9 AND e.object_id = $2)
       AND NOT EXISTS (SELECT FROM webhook_deliveries d
                        WHERE d.seller_id = $1 AND d.endpoint_id = $2 AND d.message_id = m.message_id)
     ORDER BY e.event_id LIMIT $6"""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay of a period queued: again what had ended, and for the first time what was never queued.

    ``more``: the period holds more than one call takes; ask again with this ``until``, which lies before what this call
    queued.
    """

    again: int
    unheard: int
    more: bool
    until: datetime


async def one(tx: Transaction, who: Actor, delivery_id: str) -> str:
    """Queue a delivery once more, with its webhook-id and sequence; gives the new delivery's id.

    Raises ``WebhookDeliveryNotFound``, ``StillUnderWay``, ``EndpointNotFound``, ``EndpointDisabled``,
    ``OwnEndpointsOnly``.
    """
    _own_people(who)
    row = await queries.delivery(tx, delivery_id)
    if DeliveryState(row.state) not in SETTLED:
        raise StillUnderWay
    await service.enabled(tx, row.endpoint_id)
    again = Planned(lane=row.lane, message_id=row.message_id, sequence=row.sequence, replay_of=delivery_id)
    (made,) = await outbox.plan(tx, [again])
    facts = {"deliveryId": made, "replayOf": delivery_id}
    await _trace(tx, who, row.endpoint_id, facts)
    return made


async def period(
    tx: Transaction,
    who: Actor,
    endpoint_id: str,
    *,
    since: datetime,
    until: datetime,
    states: Sequence[DeliveryState],
    unheard: bool,
) -> Replayed:
    """Queue again what ended in these states in a period, and (``unheard``) what happened while the endpoint was off.

    The order of an object's messages stays. Raises ``EndpointNotFound``, ``EndpointDisabled``, ``Invalid``,
    ``OwnEndpointsOnly``.
    """
    _own_people(who)
    problems = []
    if since > until:
        problems.append(FieldProblem("since", "FROM_AFTER_TO", "'since' must not be after 'until'."))
    if any(state not in SETTLED for state in states):
        problems.append(FieldProblem("states", "BAD_STATE", "Only DELIVERED and FAILED can be sent again."))
    if problems:
        raise Invalid(problems=problems)
    endpoint = await service.enabled(tx, endpoint_id)
    until = min(until, tx.now - _MICROSECOND)
    names = [state.value for state in states]
    rows = await tx.fetch(_SETTLED, tx.seller_id, endpoint_id, since, until, names, MOST + 1)
    again = [
        Planned(
            lane=Lane(endpoint_id, row["object_kind"], row["object_id"]), message_id=row["message_id"],
            sequence=row["sequence"], replay_of=row["delivery_id"],
        )
        for row in rows[:MOST]
    ]  # fmt: skip
    await outbox.plan(tx, again)
    fresh, more = await _tell_unheard(tx, endpoint, since, until) if unheard else (0, False)
    found = Replayed(again=len(again), unheard=fresh, more=more or len(rows) > MOST, until=until)
    if again or fresh:
        facts = {"from": since, "to": until, "again": found.again, "unheard": found.unheard}
        await _trace(tx, who, endpoint_id, facts)
    return found


async def _tell_unheard(tx: Transaction, endpoint: EndpointRow, since: datetime, until: datetime) -> tuple[int, bool]:
    """Queue the events of a period that were never queued for this endpoint."""
    # Held so that nobody else is just now turning the same events into messages.
    await tx.fetchval(_CURSOR, tx.seller_id)
    patterns = [as_like(pattern) for pattern in endpoint.event_types]
    rows = await tx.fetch(
        _UNHEARD, tx.seller_id, endpoint.endpoint_id, floor_id("evt", since), floor_id("evt", until + _MILLISECOND),
        patterns, MOST + 1, since, until, ABOUT_ENDPOINT,
    )  # fmt: skip
    told = rows[:MOST]
    new = [
        Message(
            type=row["type"], object_kind=row["object_kind"], object_id=row["object_id"], at=row["at"],
            event_id=row["event_id"], data=msgspec.Raw(row["data"].encode()),
        )
        for row in told
        if row["message_id"] is None
    ]  # fmt: skip
    made = iter(await outbox.write(tx, new))
    planned = [
        Planned(
            lane=Lane(endpoint.endpoint_id, row["object_kind"], row["object_id"]),
            message_id=row["message_id"] or next(made),
        )
        for row in told
    ]
    await outbox.plan(tx, planned)
    return len(told), len(rows) > MOST


async def _trace(tx: Transaction, who: Actor, endpoint_id: str, facts: Mapping[str, object]) -> None:
    await record(tx, who, "webhook.replay", kind=ABOUT_ENDPOINT, object_id=endpoint_id, after=facts)
    await emit(tx, "webhook.replayed", kind=ABOUT_ENDPOINT, object_id=endpoint_id, data=facts)


def _own_people(who: Actor) -> None:
    if who.is_partner:
        raise OwnEndpointsOnly
