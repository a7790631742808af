"""Reading endpoints, deliveries and their attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.paging import MOST_COUNTED
from hundi.webhooks.errors import EndpointNotFound, WebhookDeliveryNotFound
from hundi.webhooks.rows import AttemptRow, DeliveryRow, EndpointRow, Lane

_ENDPOINT: Final = """
    SELECT endpoint_id, url, description, event_types, status, disabled_reason, secret, signing_key, public_key,
           old_secret, old_signing_key, old_until, failing_since, created_at, modified_at
      FROM webhook_endpoints WHERE seller_id = $1 AND deleted_at IS NULL"""
_DELIVERY: Final = """
    SELECT d.delivery_id, d.endpoint_id, d.message_id, m.type, d.object_kind, d.object_id, d.sequence, d.state,
           d.attempts, d.due_at, d.detail, d.created_at, d.settled_at, d.replay_of, m.at, m.data::text AS data, m.bare,
           m.path
      FROM webhook_deliveries d
      JOIN webhook_messages m ON m.seller_id = d.seller_id AND m.message_id = d.message_id AND m.seller_id = $1
     WHERE d.seller_id = $1"""
_COUNT: Final = """
    SELECT count(*) FROM (
        SELECT 1 FROM webhook_deliveries d
          JOIN webhook_messages m ON m.seller_id = d.seller_id AND m.message_id = d.message_id AND m.seller_id = $1
         WHERE d.seller_id = $1{} LIMIT {}) AS counted"""
_HEAD: Final = f"""{_DELIVERY} AND d.endpoint_id = $2 AND d.object_kind = $3 AND d.object_id = $4
       AND d.state IN ('PENDING', 'SENDING') ORDER BY d.position LIMIT 1"""
_ATTEMPTS: Final = """
    SELECT attempt_no, started_at, finished_at, outcome, status, ms, response, detail
      FROM webhook_attempts WHERE seller_id = $1 AND delivery_id = $2 ORDER BY attempt_no"""
_UNDER_WAY: Final = """
    SELECT count(*) FROM webhook_deliveries WHERE seller_id = $1 AND endpoint_id = $2 AND state = 'SENDING' AND due_at > $3 AND due_at < $4"""

_FAILING: Final = """
    SELECT endpoint_id FROM webhook_endpoints
     WHERE seller_id = $1 AND failing_since IS NOT NULL AND deleted_at IS NULL ORDER BY endpoint_id FOR UPDATE"""
_UNDER_WAY_TO: Final = """
    SELECT count(*) FROM webhook_deliveries
     WHERE seller_id = $1 AND endpoint_id = ANY ($2::text[]) AND state = 'SENDING' AND due_at > $3"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries are looked for; all of it must hold. ``until`` is included."""

    endpoint_id: str | None = None
    state: str | None = None
    type: str | None = None
    object_id: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def marks(self) -> list[str]:
        """Give the filters as text: what a cursor belongs to."""
        return [str(value) for value in msgspec.structs.astuple(self)]


async def endpoints(tx: Transaction) -> list[EndpointRow]:
    """Give the company's endpoints, the oldest first."""
    rows = await tx.fetch(f"{_ENDPOINT} ORDER BY endpoint_id", tx.seller_id)
    return [EndpointRow(**dict(row)) for row in rows]


async def endpoint(tx: Transaction, endpoint_id: str, *, lock: bool = False) -> EndpointRow:
    """Give one endpoint, locked if asked for; raises :class:`EndpointNotFound`."""
    row = await tx.fetchrow(
        f"{_ENDPOINT} AND endpoint_id = $2{' FOR UPDATE' if lock else ''}", tx.seller_id, endpoint_id
    )
    if row is None:
        raise EndpointNotFound
    return EndpointRow(**dict(row))


async def delivery(tx: Transaction, delivery_id: str) -> DeliveryRow:
    """Give one delivery; raises :class:`WebhookDeliveryNotFound`."""
    row = await tx.fetchrow(f"{_DELIVERY} AND d.delivery_id = $2", tx.seller_id, delivery_id)
    if row is None:
        raise WebhookDeliveryNotFound
    return DeliveryRow(**dict(row))


async def head(tx: Transaction, lane: Lane) -> DeliveryRow | None:
    """Give the first delivery of a lane that has not ended."""
    row = await tx.fetchrow(_HEAD, tx.seller_id, lane.endpoint_id, lane.object_kind, lane.object_id)
    return None if row is None else DeliveryRow(**dict(row))


async def attempts(tx: Transaction, delivery_id: str) -> list[AttemptRow]:
    """Give a delivery's attempts, the first one first."""
    return [AttemptRow(**dict(row)) for row in await tx.fetch(_ATTEMPTS, tx.seller_id, delivery_id)]


async def under_way(tx: Transaction, endpoint_id: str, *, since: datetime, until: datetime) -> int:
    """Count the calls to an endpoint that were begun between two instants and have not ended."""
    return int(await tx.fetchval(_UNDER_WAY, tx.seller_id, endpoint_id, since, until))


async def lock_failing(tx: Transaction) -> list[str]:
    """Give the endpoints whose last call failed, locked: of two who count what is under way to them, one counts first."""
    return [row["endpoint_id"] for row in await tx.fetch(_FAILING, tx.seller_id)]


async def under_way_to(tx: Transaction, endpoint_ids: Sequence[str], *, since: datetime) -> int:
    """Count the calls to these endpoints that were begun after an instant and have not ended."""
    return int(await tx.fetchval(_UNDER_WAY_TO, tx.seller_id, list(endpoint_ids), since))


def _conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for sql, value in (
        ("d.endpoint_id = ${}", wanted.endpoint_id),
        ("d.state = ${}", wanted.state),
        ("m.type = ${}", wanted.type),
        ("d.object_id = ${}", wanted.object_id),
        ("d.message_id = ${}", wanted.message_id),
        ("d.created_at >= ${}", wanted.since),
        ("d.created_at <= ${}", wanted.until),
    ):
        if value is not None:
            values.append(value)
            parts.append(" AND " + sql.format(len(values) + 1))
    return "".join(parts), values


async def page(
    tx: Transaction, wanted: Wanted, *, before: str | None, limit: int, offset: int
) -> tuple[list[DeliveryRow], int]:
    """Give at most ``limit`` deliveries newest first, those before an id where one is given, and how many match.

    The count goes to 100,001 at most: more are not counted one by one.
    """
    where, values = _conditions(wanted)
    total = int(await tx.fetchval(_COUNT.format(where, MOST_COUNTED + 1), tx.seller_id, *values))
    if before is not None:
        values.append(before)
        where += f" AND d.delivery_id < ${len(values) + 1}"
    values += [limit, offset]
    sql = f"{_DELIVERY}{where} ORDER BY d.delivery_id DESC LIMIT ${len(values)} OFFSET ${len(values) + 1}"
    rows = [DeliveryRow(**dict(row)) for row in await tx.fetch(sql, tx.seller_id, *values)]
    return rows, total
