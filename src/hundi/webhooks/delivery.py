"""One delivery from the queue to its receiver: claim, call, record (design §2, "work that leaves the building").

Claim locks the lane, finds its first delivery that has not ended, and writes the attempt before the call. The call is
made with no transaction open. Record says how it ended and when the next attempt is. Where all is well each is one function
of the database: :func:`claim_at_once`, and :func:`record_taken`, which also claims what follows. A crash after the call leaves an
attempt without an outcome: once its lease is over it counts as lost and the message goes out again under the same
webhook-id, so that a receiver that remembers ids acts on it once.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import msgspec
from asyncpg import Record

from hundi.db.pool import Connection, Transaction
from hundi.http.outgoing import TIMEOUT_S, CallFailed, Outgoing, TargetRefused
from hundi.jobs.later import RunLater
from hundi.jobs.queue import enqueue
from hundi.kit import standard_webhooks
from hundi.kit.clock import Clock
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring, SealBroken
from hundi.webhooks import lifecycle, queries, service
from hundi.webhooks.errors import EndpointNotFound
from hundi.webhooks.outbox import DRAIN
from hundi.webhooks.rows import DeliveryRow, EndpointRow, Lane
from hundi.webhooks.rules import (
    MAX_ATTEMPTS,
    DeliveryState,
    EndpointStatus,
    Outcome,
    OutcomeKind,
    kind_of_status,
    next_delay,
    retry_after,
    shown,
)

LEASE: Final = timedelta(seconds=2 * TIMEOUT_S)
"""After so long without an outcome nobody is making this attempt any more."""
SLOW: Final = timedelta(seconds=2)
MOST_SLOW: Final = 4
"""While so many calls to an endpoint have been waiting for longer than SLOW, no more are begun: an endpoint that does not
answer must not keep every worker waiting."""
MOST_FAILING: Final = 2
"""So many calls are under way at the same time to all those endpoints of a company together whose last call failed: however
many of them never answer, they keep no more of a worker's jobs waiting."""

_SHORTLY: Final = timedelta(seconds=1)
_LOCK_LANE: Final = """
    SELECT last_position FROM webhook_lanes
     WHERE seller_id = $1 AND endpoint_id = $2 AND object_kind = $3 AND object_id = $4 FOR UPDATE"""
_ATTEMPT: Final = """
    INSERT INTO webhook_attempts (seller_id, delivery_id, attempt_no, started_at) VALUES ($1, $2, $3, $4)"""
# An answer that comes after the attempt was given up for lost still says more than that.
_WRITE_DOWN: Final = """
    UPDATE webhook_attempts
       SET outcome = $4, finished_at = $5, status = $6, ms = $7, response = $8, detail = $9
     WHERE seller_id = $1 AND delivery_id = $2 AND attempt_no = $3 AND (outcome IS NULL OR outcome = 'LOST')"""
_STARTED: Final = """
    SELECT started_at FROM webhook_attempts
     WHERE seller_id = $1 AND delivery_id = $2 AND attempt_no = $3 AND outcome IS NULL"""
_COLUMNS: Final = """
    what, e_endpoint_id, e_url, e_description, e_event_types, e_status, e_disabled_reason, e_secret,
    e_signing_key, e_public_key, e_old_secret, e_old_signing_key, e_old_until, e_failing_since, e_created_at,
    e_modified_at, d_delivery_id, d_endpoint_id, d_message_id, d_object_kind, d_object_id, d_sequence,
    d_state, d_attempts, d_due_at, d_detail, d_created_at, d_settled_at, d_replay_of, m_type, m_at, m_data,
    m_bare, m_path"""
_CLAIM_AT_ONCE: Final = f"SELECT {_COLUMNS} FROM webhook_claim($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_TAKEN: Final = f"""
    SELECT {_COLUMNS} FROM webhook_taken($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"""
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_UNSURE: Final = "It may have arrived: the worker stopped before it had an answer."
_LOST: Final = Outcome(kind=OutcomeKind.LOST, detail=_UNSURE)
_GIVEN_UP: Final = f"Given up after {MAX_ATTEMPTS} attempts."


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is about to be sent: the number of the attempt, and who gets it."""

    delivery: DeliveryRow
    endpoint: EndpointRow
    attempt_no: int


class Unusual(msgspec.Struct, frozen=True):
    """Nothing was claimed because something is out of the ordinary: :func:`claim` has to look at it."""


UNUSUAL: Final = Unusual()


async def claim_at_once(
    connection: Connection, seller_id: SellerId, lane: Lane, now: datetime
) -> Outbound | Unusual | None:
    """Write the next attempt of a lane and give it, in a commit of its own; None: nothing is due.

    It goes by the book of :func:`claim` where the endpoint is well and the delivery waits its turn; all else is
    :class:`Unusual`, and then nothing was written.
    """
    return _claimed(await connection.fetchrow(_CLAIM_AT_ONCE, *_turn(seller_id, lane, now)))


async def record_taken(
    connection: Connection, seller_id: SellerId, out: Outbound, outcome: Outcome, now: datetime, *, go_on: bool
) -> Outbound | Unusual | None:
    """Write down that an attempt was taken, in a commit of its own; with ``go_on`` the next of the lane is claimed in it."""
    return _claimed(
        await connection.fetchrow(
            _TAKEN, *_turn(seller_id, out.delivery.lane, now), out.delivery.delivery_id, out.attempt_no, outcome.status,
            outcome.ms, outcome.response, go_on,
        )
    )  # fmt: skip


def _turn(seller_id: SellerId, lane: Lane, now: datetime) -> tuple[Any, ...]:
    key = (lane.endpoint_id, lane.object_kind, lane.object_id)
    return (seller_id, *key, now, now - LEASE, now - SLOW, MOST_SLOW, MAX_ATTEMPTS)


def _claimed(row: Record | None) -> Outbound | Unusual | None:
    if row is None:
        return None
    if row["what"] != "claimed":
        return UNUSUAL
    endpoint = EndpointRow(**{name[2:]: value for name, value in row.items() if name.startswith("e_")})
    delivery = DeliveryRow(**{name[2:]: value for name, value in row.items() if name.startswith(("d_", "m_"))})
    return Outbound(delivery=delivery, endpoint=endpoint, attempt_no=delivery.attempts + 1)


async def claim(tx: Transaction, lane: Lane) -> Outbound | None:
    """Write the next attempt of a lane and give it; None: nothing is due.

    Holds the lane's row, so of two workers one writes the attempt and the other finds it under way (RunLater). A delivery
    whose attempts are used up is failed and the one behind it takes its turn.
    """
    key = (lane.endpoint_id, lane.object_kind, lane.object_id)
    if await tx.fetchval(_LOCK_LANE, tx.seller_id, *key) is None:
        return None
    try:
        endpoint = await queries.endpoint(tx, lane.endpoint_id)
    except EndpointNotFound:
        await lifecycle.give_up(tx, lane, "The endpoint was deleted.")
        return None
    if endpoint.status == EndpointStatus.DISABLED:
        await lifecycle.give_up(tx, lane, "The endpoint is disabled.")
        return None
    while (delivery := await queries.head(tx, lane)) is not None:
        if delivery.state == DeliveryState.SENDING:
            await _take_over(tx, delivery)
        elif delivery.due_at > tx.now:
            return None
        if delivery.attempts < MAX_ATTEMPTS:
            return await _begin(tx, endpoint, delivery)
        await _fail(tx, delivery, f"{_GIVEN_UP} {_UNSURE}")
    return None


async def _take_over(tx: Transaction, delivery: DeliveryRow) -> None:
    """Write off the attempt that was begun and not recorded; raises RunLater while it may still be under way."""
    started = await tx.fetchval(_STARTED, tx.seller_id, delivery.delivery_id, delivery.attempts)
    if started is None:
        return
    left = started + LEASE - tx.now
    # One that began later than now did so by a clock that has been set back since: how long ago nobody knows.
    if timedelta(0) < left <= LEASE + _CLOCKS_DIFFER:
        raise RunLater(left + _SHORTLY, "an attempt may still be under way")
    await _write_down(tx, delivery.delivery_id, delivery.attempts, _LOST)


async def _begin(tx: Transaction, endpoint: EndpointRow, delivery: DeliveryRow) -> Outbound:
    number = delivery.attempts + 1
    # Those whose lease is over are nobody's calls any more: they must not hold up their own repetition.
    slow = await queries.under_way(tx, endpoint.endpoint_id, since=tx.now - LEASE, until=tx.now - SLOW)
    if slow >= MOST_SLOW:
        raise RunLater(_SHORTLY, "the endpoint is slow and has enough to do")
    if endpoint.failing_since is not None:
        failing = await queries.lock_failing(tx)
        if await queries.under_way_to(tx, failing, since=tx.now - LEASE) >= MOST_FAILING:
            raise RunLater(_SHORTLY, "the endpoint fails and is tried a few calls at a time")
    await tx.execute(_ATTEMPT, tx.seller_id, delivery.delivery_id, number, tx.now)
    await lifecycle.move(
        tx, delivery.delivery_id, to=DeliveryState.SENDING, detail=None, due_at=tx.now, attempts=number
    )
    return Outbound(delivery=delivery, endpoint=endpoint, attempt_no=number)


def body_of(seller_id: str, delivery: DeliveryRow) -> bytes:
    """Write what a receiver gets; the same bytes at every attempt."""
    data = msgspec.Raw(delivery.data.encode())
    if delivery.bare:
        return bytes(data)
    return msgspec.json.encode(
        {
            "id": delivery.message_id, "type": delivery.type, "timestamp": delivery.at, "sellerId": seller_id,
            "object": {"kind": delivery.object_kind, "id": delivery.object_id}, "sequence": delivery.sequence,
            "data": data,
        }
    )  # fmt: skip


def signed(seller_id: str, keyring: Keyring, clock: Clock, out: Outbound) -> tuple[dict[str, str], bytes]:
    """Give headers and body of an attempt; raises :class:`SealBroken` where the endpoint's secret cannot be opened.

    While a rotation's overlap lasts the old secret and key sign too.
    """
    now, endpoint, delivery = clock.now(), out.endpoint, out.delivery
    context = service.seal_context(seller_id, endpoint.endpoint_id)
    shared = [keyring.open(endpoint.secret, context)]
    keys = [keyring.open(endpoint.signing_key, context)]
    if endpoint.old_secret and endpoint.old_signing_key and endpoint.old_until and endpoint.old_until > now:
        shared.append(keyring.open(endpoint.old_secret, context))
        keys.append(keyring.open(endpoint.old_signing_key, context))
    body = body_of(seller_id, delivery)
    headers = standard_webhooks.sign(delivery.message_id, now, body, secrets_=shared, keys=keys) | {
        "content-type": "application/json",
        "user-agent": "Hundi webhooks",
        "hundi-event": delivery.type,
        "hundi-sequence": str(delivery.sequence),
        "hundi-object": quote(f"{delivery.object_kind}/{delivery.object_id}"),
    }
    return headers, body


async def call(seller_id: str, keyring: Keyring, clock: Clock, outgoing: Outgoing, out: Outbound) -> Outcome:
    """Make the call and say how it ended; raises nothing of what a receiver can cause."""
    url = out.endpoint.url
    if out.delivery.path:
        url = f"{url.rstrip('/')}/{out.delivery.path.lstrip('/')}"
    try:
        headers, body = signed(seller_id, keyring, clock, out)
        reply = await outgoing.call("POST", url, headers=headers, content=body, most_bytes=1024)
    except SealBroken:
        detail = "The endpoint's secret cannot be opened with HUNDI_SECRET_KEY: rotate it."
        return Outcome(kind=OutcomeKind.NOT_SENT, detail=detail)
    except TargetRefused as error:
        return Outcome(kind=OutcomeKind.REFUSED, detail=f"{error.code}: {error.detail}")
    except CallFailed as error:
        kind = OutcomeKind.NO_ANSWER if error.sent else OutcomeKind.NOT_SENT
        return Outcome(kind=kind, detail=error.detail)
    kind = kind_of_status(reply.status)
    is_redirect = 300 <= reply.status < 400
    hint = "Redirects are not followed: register the address it leads to." if is_redirect else None
    return Outcome(
        kind=kind, status=reply.status, ms=reply.ms, response=shown(reply.body), detail=hint,
        retry_after=retry_after(reply.headers.get("retry-after")),
    )  # fmt: skip


async def record(tx: Transaction, out: Outbound, outcome: Outcome, *, disable_after: timedelta) -> bool:
    """Write down how an attempt ended and what follows; True when the next delivery of the lane is due now."""
    lane, delivery_id = out.delivery.lane, out.delivery.delivery_id
    await tx.fetchval(_LOCK_LANE, tx.seller_id, lane.endpoint_id, lane.object_kind, lane.object_id)
    if not await _write_down(tx, delivery_id, out.attempt_no, outcome):
        return False
    delivery = await queries.delivery(tx, delivery_id)
    if outcome.kind is OutcomeKind.TAKEN:
        await lifecycle.move(tx, delivery_id, to=DeliveryState.DELIVERED, detail=None)
        await service.note_success(tx, lane.endpoint_id)
    elif delivery.attempts == out.attempt_no and delivery.state == DeliveryState.SENDING:
        await _after_failure(tx, delivery, outcome)
    if outcome.kind is OutcomeKind.GONE:
        await service.disable_itself(tx, lane.endpoint_id, "The endpoint answered 410 Gone.")
    elif outcome.kind is not OutcomeKind.TAKEN:
        await service.note_failure(tx, lane.endpoint_id, disable_after=disable_after)
    following = await queries.head(tx, lane)
    return following is not None and following.state == DeliveryState.PENDING and following.due_at <= tx.now


async def _after_failure(tx: Transaction, delivery: DeliveryRow, outcome: Outcome) -> None:
    what = outcome.detail or f"Answered with {outcome.status}."
    if outcome.kind is OutcomeKind.GONE:
        await _fail(tx, delivery, "Answered with 410: no more is wanted.")
        return
    delay = next_delay(delivery.delivery_id, delivery.attempts, outcome.retry_after)
    if delay is None:
        await _fail(tx, delivery, f"{_GIVEN_UP} {what}")
        return
    await lifecycle.move(
        tx, delivery.delivery_id, to=DeliveryState.PENDING, detail=what, due_at=tx.now + delay
    )  # fmt: skip
    await enqueue(tx, DRAIN, ids=msgspec.to_builtins(delivery.lane), delay=delay)


async def _fail(tx: Transaction, delivery: DeliveryRow, detail: str) -> None:
    await lifecycle.move(tx, delivery.delivery_id, to=DeliveryState.FAILED, detail=detail)
    await service.tell_of_failure(tx, delivery, detail)


async def _write_down(tx: Transaction, delivery_id: str, number: int, outcome: Outcome) -> bool:
    done = await tx.execute(
        _WRITE_DOWN, tx.seller_id, delivery_id, number, outcome.kind.value, tx.now, outcome.status, outcome.ms,
        outcome.response, outcome.detail,
    )  # fmt: skip
    return done == "UPDATE 1"
