"""The jobs of the network: what a company sends goes to the central unit, what that sends comes to the company.

Inside one installation a hop is one transaction: what the outbox gives up and what the other end takes over commit
together (docs/decisions/0015-network-messages.md). Whatever is under way when a process dies is still in an outbox.

Parcels go in batches. Where one cannot be carried for a reason nobody foresaw, the batch is done again with each parcel by
itself, so that it is put off alone and holds up no other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from hundi.audit import service as audit
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.dispatch.trail import SYSTEM, Origin
from hundi.invoices.service import REAPPLY, WITHDRAW
from hundi.jobs.batch import enqueue_many
from hundi.jobs.context import Handler, JobContext
from hundi.jobs.later import RunLater
from hundi.jobs.queue import absorb, enqueue, is_waiting
from hundi.kit.errors import Refusal, Transient
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.network import matches
from hundi.network.adapters import sending as providers
from hundi.network.adapters.departure import FORWARD
from hundi.network.arrivals import take_all
from hundi.network.books import answers, money, runs, sending
from hundi.network.books.acting import NETWORK, acting
from hundi.network.central import unit
from hundi.network.central.delivery import call_out
from hundi.network.ends import party_of
from hundi.network.errors import ObjectBusy
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.mailbox import retry_at
from hundi.network.protocol.parcels import CENTRE, opened
from hundi.network.protocol.store import ConcurrentChange, Outgoing
from hundi.network.service import COLLECT, SEND

log = structlog.get_logger("hundi.network")

_AT_ONCE: Final = 64
_TIMES: Final = 10
_CHUNK: Final = 1000
_SOON: Final = timedelta(seconds=1)
_SLACK: Final = timedelta(milliseconds=250)
_BUSY: Final = timedelta(seconds=1)
"""How long a parcel waits whose object another transaction was changing."""

Batch = Callable[[bool], Awaitable[tuple[int, datetime | None, datetime]]]
"""Carries a batch, each parcel by itself where True; gives how many were due, when the next is, and the present instant."""
Carry = Callable[[Sequence[Outgoing]], Awaitable[None]]
PutOff = Callable[[Outgoing, datetime], Awaitable[None]]


async def send(context: JobContext, payload: dict[str, Any]) -> None:
    """Carry what a company has in its outbox to the central unit."""
    seller_id = SellerId(payload["seller_id"])
    if context.uplink is not None:
        await context.uplink.drain(seller_id)
        return

    async def batch(singly: bool) -> tuple[int, datetime | None, datetime]:
        async with context.db.transaction(seller_id) as tx:
            await absorb(tx, SEND, ids={})
            waiting: dict[str, None] = {}
            sandbox = context.settings.network_sandbox
            count = await send_batch(tx, context.keyring, waiting, sandbox=sandbox, singly=singly)
            homes = await unit.homes_here(tx, list(waiting))
            await enqueue_many(tx, COLLECT, [{"seller_id": home} for home in homes])
            if len(homes) < len(waiting):
                await call_out(tx)
            following = await PostgresPartyStore(tx).next_due_after(tx.now) if count < _AT_ONCE else None
            return count, following, tx.now

    await context.turns.share((SEND, seller_id), lambda: _all(context, seller_id, SEND, batch))


async def send_batch(
    tx: Transaction, keyring: Keyring, waiting: dict[str, None], *, sandbox: bool, singly: bool = False
) -> int:
    """Carry a batch of the bound company's parcels to the central unit; gives how many were due.

    Adds to ``waiting`` the homes for which something waits there now.
    """
    store = PostgresPartyStore(tx)

    async def carry(parcels: Sequence[Outgoing]) -> None:
        homes = await unit.take_here(tx, keyring, tx.seller_id, parcels, sandbox=sandbox)
        await store.acknowledge_all([one.id for one in parcels])
        waiting.update(dict.fromkeys(homes))

    async def put_off(outgoing: Outgoing, due: datetime) -> None:
        await store.postpone(outgoing.id, outgoing.attempts + 1, due)

    due = await store.due(tx.now, _AT_ONCE)
    await _carry_all(tx, due, carry, put_off, singly=singly)
    return len(due)


async def collect(context: JobContext, payload: dict[str, Any]) -> None:
    """Bring a company what the central unit has for it, and tell its listeners."""
    seller_id = SellerId(payload["seller_id"])

    async def batch(singly: bool) -> tuple[int, datetime | None, datetime]:
        async with context.db.transaction(seller_id) as tx:
            await absorb(tx, COLLECT, ids={})
            count = await collect_batch(tx, context.keyring, context.settings, singly=singly)
            return count, await unit.next_due_for(tx, seller_id) if count < _AT_ONCE else None, tx.now

    await context.turns.share((COLLECT, seller_id), lambda: _all(context, seller_id, COLLECT, batch))


async def collect_batch(tx: Transaction, keyring: Keyring, settings: Settings, *, singly: bool = False) -> int:
    """Bring the bound company a batch of what the central unit has for it; gives how many parcels were due."""
    party = party_of(tx, keyring, settings)

    async def carry(parcels: Sequence[Outgoing]) -> None:
        await take_all(tx, party, [(opened(one.parcel, one.id, CENTRE, party.home), one.parcel) for one in parcels])
        await unit.acknowledge(tx, *parcels)

    async def put_off(outgoing: Outgoing, due: datetime) -> None:
        await unit.postpone(tx, outgoing, due)

    due = await unit.due_for(tx, tx.seller_id, _AT_ONCE)
    await _carry_all(tx, due, carry, put_off, singly=singly)
    return len(due)


async def match(context: JobContext, payload: dict[str, Any]) -> None:
    """Match the received invoices that some objects' change concerns, or all of them, chunk by chunk."""
    seller_id = SellerId(payload["seller_id"])
    async with context.db.transaction(seller_id) as tx:
        party = party_of(tx, context.keyring, context.settings)
        if "objects" in payload:
            await matches.refresh(tx, party, payload["objects"])
            return
        last = await matches.walk(tx, party, payload["after"])
        if last is not None:
            await enqueue(tx, matches.MATCH, ids={"after": last})


async def dispatch_requested(context: JobContext, payload: dict[str, Any]) -> None:
    """Send the invoices that were created with ``dispatchNow``; what cannot be sent is logged and stays undispatched.

    The payload may carry ``actor`` (who asked) and ``request_id`` for the trail.
    """
    seller_id = SellerId(payload["seller_id"])
    ids = [str(one) for one in payload["invoice_ids"]]
    origin = Origin(subject=payload.get("actor") or SYSTEM, request_id=payload.get("request_id"))
    for at in range(0, len(ids), _CHUNK):
        outcome = await sending.dispatch_all(
            context.db, seller_id, origin, context.keyring, context.settings, ids[at : at + _CHUNK]
        )
        for problem in outcome.refused:
            log.warning("not dispatched", seller_id=seller_id, invoice_id=problem.rejected, code=problem.code)


async def run_dispatch(context: JobContext, payload: dict[str, Any]) -> None:
    """Take one step of a dispatch that nobody waits for; the step puts the next one into the queue itself."""
    seller_id, dispatch_id = SellerId(payload["seller_id"]), str(payload["dispatch_id"])
    try:
        await runs.step(context.db, seller_id, context.keyring, context.settings, dispatch_id)
    except ObjectBusy as error:
        raise RunLater(_SOON, "another message is changing one of its objects") from error


async def withdraw(context: JobContext, payload: dict[str, Any]) -> None:
    """Tell the network that an invoice was cancelled in the books, once nothing of it is under way any more."""
    seller_id, invoice_id = SellerId(payload["seller_id"]), str(payload["invoice_id"])
    try:
        async with context.db.transaction(seller_id) as tx:
            who = acting(tx, payload.get("actor") or SYSTEM, payload.get("request_id"))
            done = await answers.withdraw(tx, who, context.keyring, context.settings, invoice_id)
    except Refusal as refused:
        first = refused.problems[0] if refused.problems else None
        if first is not None and first.code == Fault.ANSWER_PENDING:
            raise RunLater(_SOON, "an answer of the network is awaited") from refused
        detail = f"It is cancelled here and not on the network: {first.message if first else refused.message}"
        async with context.db.transaction(seller_id) as tx:
            facts = {"action": "CANCEL", "detail": detail}
            await audit.emit(tx, "invoice.network_refused", kind="invoice", object_id=invoice_id, data=facts)
        return
    if not done:
        raise RunLater(_SOON, "an answer of the network is awaited")


async def reapply(context: JobContext, payload: dict[str, Any]) -> None:
    """See whether what a payment of the network left on account belongs to its invoice after all."""
    async with context.db.transaction(SellerId(payload["seller_id"])) as tx:
        await money.reapply(tx, acting(tx, NETWORK), str(payload["invoice_id"]))


async def forward(context: JobContext, payload: dict[str, Any]) -> None:
    """Carry what a company has waiting to the provider it reaches the network through."""
    await providers.forward(context, SellerId(payload["seller_id"]))


async def _all(context: JobContext, seller_id: SellerId, job: str, batch: Batch) -> None:
    """Carry batch after batch; after some the job gives way to others and enqueues itself again."""
    for _ in range(_TIMES):
        count, following, now = await _together_or_singly(batch, seller_id)
        if count < _AT_ONCE:
            # What is due already is another job's, which has it locked. What was put off needs a job for later: one.
            if following is not None and not await _will_look(context, seller_id, job, following - now):
                raise RunLater(following - now, "a parcel was put off")
            return
    async with context.db.transaction(seller_id) as tx:
        await (enqueue(tx, SEND, ids={}) if job == SEND else enqueue(tx, COLLECT, ids={}))


async def _will_look(context: JobContext, seller_id: SellerId, job: str, delay: timedelta) -> bool:
    """Tell whether a job is queued that will look at what was put off; it sees it, as that is committed."""
    async with context.db.transaction(seller_id) as tx:
        return await is_waiting(tx, job, ids={}, within=delay + _SLACK)


async def _together_or_singly(batch: Batch, seller_id: SellerId) -> tuple[int, datetime | None, datetime]:
    try:
        return await batch(False)
    except Transient:
        raise
    except ConcurrentChange as error:
        log.info("parcels are carried one by one: another was quicker", seller_id=seller_id, what=str(error))
    except Exception:
        log.exception("a batch of parcels could not be carried; each is tried by itself", seller_id=seller_id)
    return await batch(True)


async def _carry_all(tx: Transaction, due: Sequence[Outgoing], carry: Carry, put_off: PutOff, *, singly: bool) -> None:
    if not singly:
        if due:
            await carry(due)
        return
    for outgoing in due:
        again = retry_at(outgoing.attempts + 1, tx.now)
        try:
            async with tx.connection.transaction():
                await carry([outgoing])
        except MessageRefused as refused:
            log.warning("a parcel was refused", parcel=outgoing.id, fault=refused.fault, field=refused.field)
            await put_off(outgoing, again)
        except ConcurrentChange as error:
            log.info("a parcel waits for another", parcel=outgoing.id, what=str(error))
            await put_off(outgoing, tx.now + _BUSY)
        except Exception:
            log.exception("a parcel could not be carried and is put off", parcel=outgoing.id)
            await put_off(outgoing, again)


JOBS: Final[Mapping[str, Handler]] = {
    SEND: send,
    FORWARD: forward,
    COLLECT: collect,
    matches.MATCH: match,
    WITHDRAW: withdraw,
    REAPPLY: reapply,
    "invoices.dispatch_requested": dispatch_requested,
    runs.RUN: run_dispatch,
}
