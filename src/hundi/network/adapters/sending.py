"""A company's messages on their way to its provider: claim, call, record (design §2, "work that leaves the building").

A claim is a lease: the attempt is counted and the next one dated before the call, so a worker that dies in the call is
followed by another. The call is made with no transaction open. An outcome nobody knows is never guessed: the message goes out
again with the same object id and the same idempotency key, so that a provider which has it already does nothing twice; and
a refusal after such an attempt is no proof that the first one failed, so the message is then in doubt until its answer comes
or a person settles it.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.http.outgoing import TIMEOUT_S
from hundi.jobs.context import JobContext
from hundi.jobs.later import RunLater
from hundi.jobs.queue import enqueue
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.network import connections
from hundi.network.adapters.departure import FORWARD
from hundi.network.adapters.intake import Intake, Sent
from hundi.network.adapters.port import Accepted, Answer, Link, Outcome, Prepared, ProviderKind, Refused, Unsettled
from hundi.network.adapters.providers import ADAPTERS
from hundi.network.connections import Route
from hundi.network.errors import ConnectionUnusable, ObjectBusy
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.mailbox import retry_at
from hundi.network.protocol.store import ConcurrentChange

log = structlog.get_logger("hundi.network")

LEASE: Final = timedelta(seconds=4 * TIMEOUT_S)
"""A call may be three: a token, the call, a new token and the call again. After so long nobody is making it any more."""
_LOCKED_OUT: Final = timedelta(minutes=5)
_TIMES: Final = 20
_CLAIM: Final = """
    SELECT message_id, call, about, parcel, progress, attempts, unsure FROM network_messages
     WHERE seller_id = $1 AND progress = 'QUEUED' AND due <= $2 ORDER BY due, message_id LIMIT 1 FOR UPDATE SKIP LOCKED"""
_BEGIN: Final = """
    UPDATE network_messages SET attempts = attempts + 1, unsure = true, due = $3, changed_at = $4
     WHERE seller_id = $1 AND message_id = $2"""
_FIND: Final = """
    SELECT message_id, call, about, parcel, progress, attempts, unsure FROM network_messages
     WHERE seller_id = $1 AND message_id = $2 FOR UPDATE"""
_SENT: Final = """
    UPDATE network_messages SET progress = $3, provider_id = $4, detail = NULL, changed_at = $5
     WHERE seller_id = $1 AND message_id = $2"""
_AGAIN: Final = """
    UPDATE network_messages SET due = $3, unsure = $4, detail = $5, changed_at = $6 WHERE seller_id = $1 AND message_id = $2"""
_DOUBT: Final = """
    UPDATE network_messages SET progress = 'IN DOUBT', detail = $3, changed_at = $4 WHERE seller_id = $1 AND message_id = $2"""
_NEXT: Final = "SELECT min(due) FROM network_messages WHERE seller_id = $1 AND progress = 'QUEUED'"


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is about to be sent, the call it is sent by, and the number of the attempt.

    ``unsure``: an earlier attempt may have arrived. From the claim on this one may have, too, until it is recorded.
    """

    sent: Sent
    attempt: int
    unsure: bool
    link: Link
    prepared: Prepared | Refused | Unsettled


class Tried(Sent, frozen=True, kw_only=True):
    """A message with what is known of its attempts."""

    attempts: int
    unsure: bool


async def forward(context: JobContext, seller_id: SellerId) -> None:
    """Carry what a company has waiting to its provider, one after the other; asks for another run where some must wait."""
    try:
        await _forward(context, seller_id)
    except ConnectionUnusable as error:
        detail = "The credentials cannot be opened with HUNDI_SECRET_KEY: send them again."
        async with context.db.transaction(seller_id) as tx:
            await connections.note_trouble(tx, detail)
        raise RunLater(_LOCKED_OUT, detail) from error


async def _forward(context: JobContext, seller_id: SellerId) -> None:
    for _ in range(_TIMES):
        async with context.db.transaction(seller_id) as tx:
            claimed = await claim(tx, context.keyring)
            if claimed is None:
                following: datetime | None = await tx.fetchval(_NEXT, seller_id)
                now = tx.now
                break
        outcome = await _called(context, claimed)
        async with context.db.transaction(seller_id) as tx:
            await record(tx, context.keyring, claimed, outcome)
    else:
        async with context.db.transaction(seller_id) as tx:
            await enqueue(tx, FORWARD, ids={})
        return
    if following is not None and following > now:
        raise RunLater(following - now, "a message waits for its next attempt")


async def _called(context: JobContext, claimed: Claimed) -> Outcome:
    prepared = claimed.prepared
    if not isinstance(prepared, Prepared):
        return prepared
    adapter = ADAPTERS[claimed.link.kind]
    try:
        return await adapter.call(
            context.outgoing, claimed.link, context.clock.now(), claimed.sent.message_id, prepared
        )
    except Exception:
        # A reply nobody foresaw must not keep all other messages of the company waiting.
        log.exception("a reply of a provider could not be read", message_id=claimed.sent.message_id)
        return Unsettled(detail="The reply could not be read: the log says why.", unsure=True)


async def _prepared(tx: Transaction, kind: ProviderKind, tried: Tried) -> Prepared | Refused | Unsettled:
    try:
        async with tx.connection.transaction():
            return await ADAPTERS[kind].prepare(tx, tried.message_id, tried.message)
    except Exception:
        # As above: the message is put off alone.
        log.exception("a call to a provider could not be written", message_id=tried.message_id)
        return Unsettled(detail="The call could not be written: the log says why.", unsure=False)


async def claim(tx: Transaction, keyring: Keyring) -> Claimed | None:
    """Take the message that is due longest; None: nothing is due, or the company has no provider.

    Raises :class:`ConnectionUnusable` where the credentials cannot be opened; then nothing is begun.
    """
    connection = await connections.find(tx)
    row = await tx.fetchrow(_CLAIM, tx.seller_id, tx.now) if connection is not None else None
    if row is None or connection is None:
        return None
    tried = Tried(**dict(row))
    opened = connections.link(tx, keyring, connection)
    await tx.execute(_BEGIN, tx.seller_id, tried.message_id, tx.now + LEASE, tx.now)
    prepared = await _prepared(tx, connection.kind, tried)
    return Claimed(sent=tried, attempt=tried.attempts + 1, unsure=tried.unsure, link=opened, prepared=prepared)


async def record(tx: Transaction, keyring: Keyring, claimed: Claimed, outcome: Outcome) -> None:
    """Write down how an attempt ended and what follows. Raises :class:`ObjectBusy` where an object is being changed."""
    if outcome.token is not None:
        await connections.keep_token(tx, keyring, outcome.token)
    await connections.note_trouble(tx, outcome.detail if isinstance(outcome, Unsettled) else None)
    row = await tx.fetchrow(_FIND, tx.seller_id, claimed.sent.message_id)
    if row is None:
        return
    tried = Tried(**dict(row))
    route = Route(claimed.link.kind, claimed.link.b2b_ids)
    try:
        match outcome:
            case Accepted():
                await _accepted(tx, Intake(tx, keyring, route), tried, outcome)
            case Refused() if tried.progress == "QUEUED":
                # Another attempt that was begun since may have arrived before this one was refused.
                unsure = claimed.unsure or tried.attempts != claimed.attempt
                await _refused(tx, Intake(tx, keyring, route), tried, outcome, unsure=unsure)
            case Unsettled() if tried.progress == "QUEUED" and tried.attempts == claimed.attempt:
                due = retry_at(tried.attempts, tx.now)
                unsure = claimed.unsure or outcome.unsure
                await tx.execute(_AGAIN, tx.seller_id, tried.message_id, due, unsure, outcome.detail, tx.now)
            case _:
                # It was answered, or another attempt was begun, while this one was under way.
                return
    except ConcurrentChange as error:
        raise ObjectBusy from error


async def _accepted(tx: Transaction, intake: Intake, tried: Tried, outcome: Accepted) -> None:
    progress = "SENT" if tried.progress in {"QUEUED", "IN DOUBT"} else tried.progress
    provider_id = outcome.provider_id or None
    await tx.execute(_SENT, tx.seller_id, tried.message_id, progress, provider_id, tx.now)
    touched = {outcome.provider_id, outcome.alias or ""} - {""}
    if outcome.alias is not None and tried.about:
        await intake.name(outcome.alias, tried.about[0])
    if outcome.answered and progress == "SENT":
        answer = Answer(
            call=type(tried.message), request_id=tried.message_id, about=None, success=True, found=outcome.found
        )
        try:
            async with tx.connection.transaction():
                touched |= await intake.settle(tried, answer)
        except MessageRefused as refused:
            await _doubt(tx, tried, f"{refused.fault}: {refused.sentence()}")
    await intake.wake(touched)


async def _refused(tx: Transaction, intake: Intake, tried: Tried, outcome: Refused, *, unsure: bool) -> None:
    if unsure:
        await _doubt(tx, tried, f"{outcome.code}: {outcome.sentence}")
        return
    answer = Answer(
        call=type(tried.message), request_id=tried.message_id, about=None, success=False, code=outcome.code,
        detail=outcome.sentence, field=outcome.field,
    )  # fmt: skip
    await intake.wake(await intake.settle(tried, answer))


async def _doubt(tx: Transaction, tried: Tried, detail: str) -> None:
    await tx.execute(_DOUBT, tx.seller_id, tried.message_id, detail, tx.now)
    data = {"messageId": tried.message_id, "about": tried.about, "detail": detail}
    object_id = tried.about[0] if tried.about else tried.message_id
    await audit.emit(tx, "network.message_in_doubt", kind="network", object_id=object_id, data=data)
