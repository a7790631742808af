"""Putting messages into the outbox: rows, numbers and jobs in the commit of what they tell of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.audit.service import as_json
from hundi.db.pool import Transaction
from hundi.jobs.batch import enqueue_many
from hundi.kit.ids import new_id
from hundi.webhooks import queries
from hundi.webhooks.rows import EndpointRow, Lane
from hundi.webhooks.rules import EndpointStatus, matches

DRAIN: Final = "webhooks.drain"
ABOUT_ENDPOINT: Final = "webhook_endpoint"
"""The object kind of what happens to an endpoint; that endpoint itself is never told of it."""

_MESSAGES: Final = """
    INSERT INTO webhook_messages (seller_id, message_id, event_id, type, object_kind, object_id, at, data, bare, path)
    SELECT $1, t.message_id, t.event_id, t.type, t.object_kind, t.object_id, t.at, t.data::jsonb, t.bare, t.path
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::bool[],
                  $10::text[]) AS t (message_id, event_id, type, object_kind, object_id, at, data, bare, path)"""
# The rows come sorted, so that two transactions about the same objects wait for each other and never in a circle.
_LANES: Final = """
    INSERT INTO webhook_lanes (seller_id, endpoint_id, object_kind, object_id, last_sequence, last_position)
    SELECT $1, t.endpoint_id, t.object_kind, t.object_id, t.fresh, t.total
      FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
           AS t (endpoint_id, object_kind, object_id, fresh, total)
        ON CONFLICT ON CONSTRAINT webhook_lanes_pk DO UPDATE
       SET last_sequence = webhook_lanes.last_sequence + excluded.last_sequence,
           last_position = webhook_lanes.last_position + excluded.last_position
    RETURNING endpoint_id, object_kind, object_id, last_sequence, last_position"""
_DELIVERIES: Final = """
    INSERT INTO webhook_deliveries (seller_id, delivery_id, endpoint_id, message_id, object_kind, object_id, sequence,
                                    position, state, attempts, due_at, created_at, replay_of)
    SELECT $1, t.delivery_id, t.endpoint_id, t.message_id, t.object_kind, t.object_id, t.sequence, t.position, 'PENDING',
           0, $2, $2, t.replay_of
      FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[])
           AS t (delivery_id, endpoint_id, message_id, object_kind, object_id, sequence, position, replay_of)"""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told about one object. ``data`` is plain values, or JSON text as ``msgspec.Raw``.

    ``message_id`` becomes the webhook-id; left out, one is made. ``event_id`` names the domain event it comes from.
    ``bare``: the body is ``data`` alone, without our envelope; ``path`` goes behind the endpoint's own (both for the
    published messages of a network).
    """

    type: str
    object_kind: str
    object_id: str
    data: Any
    at: datetime | None = None
    message_id: str | None = None
    event_id: str | None = None
    bare: bool = False
    path: str | None = None


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery to be written; ``sequence`` is given for a replay, which repeats the first delivery's number."""

    lane: Lane
    message_id: str
    sequence: int | None = None
    replay_of: str | None = None


async def enqueue_deliveries(
    tx: Transaction, messages: Sequence[Message], *, only: EndpointRow | None = None
) -> list[str]:
    """Queue messages, in their order, for every enabled endpoint of the bound seller that wants their type.

    Gives the ids of the deliveries. ``only`` sends to that endpoint alone, whatever types it wants. Deliveries of one
    object (``object_kind``, ``object_id``) reach an endpoint in the order in which the transactions that queued them took
    the object's row here, numbered from 1 without gaps. Nothing is called before the commit.
    """
    listening = [only] if only else [e for e in await queries.endpoints(tx) if e.status == EndpointStatus.ENABLED]
    heard: list[tuple[Message, list[EndpointRow]]] = []
    for message in messages:
        wanting = [one for one in listening if only is not None or is_for(one, message)]
        if wanting:
            heard.append((message, wanting))
    ids = await write(tx, [message for message, _ in heard])
    planned = [
        Planned(lane=Lane(one.endpoint_id, message.object_kind, message.object_id), message_id=message_id)
        for message_id, (message, wanting) in zip(ids, heard, strict=True)
        for one in wanting
    ]
    return await plan(tx, planned)


def is_for(endpoint: EndpointRow, message: Message) -> bool:
    """Tell whether an endpoint is to be told: it wants the type, was there in time, and it is not about itself."""
    if message.object_kind == ABOUT_ENDPOINT and message.object_id == endpoint.endpoint_id:
        return False
    if message.event_id is not None and message.at is not None and message.at < endpoint.created_at:
        return False
    return matches(endpoint.event_types, message.type)


async def write(tx: Transaction, messages: Sequence[Message]) -> list[str]:
    """Write messages without deliveries; gives their ids in the same order."""
    made = iter(sorted(new_id("msg", tx.now) for _ in messages))  # ids of one instant differ by chance only
    ids = [one.message_id or next(made) for one in messages]
    if ids:
        await tx.execute(
            _MESSAGES, tx.seller_id, ids, [one.event_id for one in messages], [one.type for one in messages],
            [one.object_kind for one in messages], [one.object_id for one in messages],
            [one.at or tx.now for one in messages], [as_json(one.data) for one in messages],
            [one.bare for one in messages], [one.path for one in messages],
        )  # fmt: skip
    return ids


async def plan(tx: Transaction, planned: Sequence[Planned]) -> list[str]:
    """Write deliveries in their order, each with its place in its lane, and the jobs that send them."""
    if not planned:
        return []
    places = await _take_places(tx, planned)
    ids = sorted(new_id("whd", tx.now) for _ in planned)
    await tx.execute(
        _DELIVERIES, tx.seller_id, tx.now, ids, [one.lane.endpoint_id for one in planned],
        [one.message_id for one in planned], [one.lane.object_kind for one in planned],
        [one.lane.object_id for one in planned], [sequence for sequence, _ in places],
        [position for _, position in places], [one.replay_of for one in planned],
    )  # fmt: skip
    await wake(tx, {one.lane for one in planned})
    return ids


async def wake(tx: Transaction, lanes: Iterable[Lane]) -> None:
    """Queue a job for each lane that sends what is due in it."""
    await enqueue_many(tx, DRAIN, [msgspec.to_builtins(lane) for lane in sorted(lanes)])


async def _take_places(tx: Transaction, planned: Sequence[Planned]) -> list[tuple[int, int]]:
    """Lock the lanes and take (sequence, position) for each delivery."""
    total = Counter(one.lane for one in planned)
    fresh = Counter(one.lane for one in planned if one.sequence is None)
    lanes = sorted(total)
    rows = await tx.fetch(
        _LANES, tx.seller_id, [lane.endpoint_id for lane in lanes], [lane.object_kind for lane in lanes],
        [lane.object_id for lane in lanes], [fresh[lane] for lane in lanes], [total[lane] for lane in lanes],
    )  # fmt: skip
    last: Mapping[Lane, tuple[int, int]] = {
        Lane(row["endpoint_id"], row["object_kind"], row["object_id"]): (row["last_sequence"], row["last_position"])
        for row in rows
    }
    taken: defaultdict[Lane, list[int]] = defaultdict(lambda: [0, 0])
    places: list[tuple[int, int]] = []
    for one in planned:
        used, (sequence, position) = taken[one.lane], last[one.lane]
        used[1] += 1
        if one.sequence is None:
            used[0] += 1
        number = one.sequence or sequence - fresh[one.lane] + used[0]
        places.append((number, position - total[one.lane] + used[1]))
    return places
