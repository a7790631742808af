"""One mail from the queue to its recipient: begin, claim, call, record (design §2, "work that leaves the building").

Begin counts the start and reads what to send; the PDF is made with nothing open. Claim writes the attempt before the
call. Record says how it ended. A crash between any two of these leaves rows from which the next worker knows what it may
do: an attempt without an outcome is asked about (the outbox knows) or, where nobody can know, is UNKNOWN, and then the
seller's policy decides whether to send again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.dispatch import lifecycle, queries, rules
from hundi.dispatch.lifecycle import SETTLED, DeliveryState
from hundi.dispatch.rows import AttemptRow, DeliveryRow, InvoiceInDelivery
from hundi.dispatch.rules import Outcome, OutcomeKind, Recipients
from hundi.dispatch.service import DELIVER
from hundi.dispatch.trail import Origin
from hundi.documents import issued
from hundi.documents.build import BuiltDocument, documents_to_send
from hundi.documents.issued import ToSend
from hundi.invoices import links
from hundi.invoices.attachments import AttachmentRow, primary_of
from hundi.invoices.rules import DISPATCH_MOVES, DispatchStatus, ReceivableStatus, SentVia
from hundi.jobs.later import RunLater
from hundi.jobs.queue import enqueue
from hundi.kit.keys import Keyring

_START: Final = "UPDATE deliveries SET attempts = attempts + 1 WHERE seller_id = $1 AND delivery_id = $2"
_ADDRESSED: Final = "UPDATE deliveries SET recipients = $3 WHERE seller_id = $1 AND delivery_id = $2"
_ATTEMPT: Final = """
    INSERT INTO delivery_attempts (seller_id, delivery_id, attempt_no, started_at) VALUES ($1, $2, $3, $4)"""
_RECORD: Final = """
    UPDATE delivery_attempts SET outcome = $4, detail = $5, finished_at = $6
     WHERE seller_id = $1 AND delivery_id = $2 AND attempt_no = $3 AND (outcome IS NULL OR outcome = 'UNKNOWN')"""
_ENCODER: Final = msgspec.json.Encoder()
_SHORTLY: Final = timedelta(seconds=1)
_WORKER: Final = Origin()
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_LOST: Final = "the worker stopped before it could write down how this attempt ended"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one mail carries: its delivery, its documents, and who gets it.

    ``originals`` are the primary attachments by invoice id, which are mailed in place of our PDF (domain §8);
    ``versions`` are those of the invoices, ``saying`` what of each document is kept once it is sent.
    """

    delivery: DeliveryRow
    documents: Sequence[BuiltDocument]
    saying: Sequence[ToSend]
    originals: Mapping[str, AttachmentRow]
    recipients: Recipients | None
    reply_to: str | None
    versions: tuple[tuple[str, int], ...]


async def begin(tx: Transaction, keyring: Keyring, base_url: str, delivery_id: str) -> Load | None:
    """Count a start and read what to send; None when the delivery is settled (or is settled by this: nothing to send)."""
    delivery = await queries.delivery(tx, delivery_id, lock=True)
    if delivery is None or delivery.state in SETTLED:
        return None
    last = await queries.last_attempt(tx, delivery_id)
    await _wait_for_its_turn(tx, delivery_id, last)
    is_open = last is not None and last.outcome is None
    invoices = await _its_invoices(tx, delivery_id)
    # While an attempt is open nobody may say that nothing was sent: claim finds out first.
    sendable = invoices if is_open else await _without_cancelled(tx, delivery_id, invoices)
    if not sendable:
        reason = "Cancelled before it was sent." if invoices else "A later delivery took its place."
        await _settle(tx, delivery_id, [], Outcome(OutcomeKind.REJECTED, reason))
        return None
    if delivery.attempts >= rules.MAX_STARTS:
        if last is not None:
            await _write_down(tx, delivery_id, last.attempt_no, Outcome(OutcomeKind.UNKNOWN, f"{_LOST}."))
        given_up = Outcome(OutcomeKind.REJECTED, "Given up: the worker stopped too often.")
        await _settle(tx, delivery_id, sendable, given_up)
        return None
    await tx.execute(_START, tx.seller_id, delivery_id)
    await links.mint(tx, keyring, [(one.invoice_id, max(one.link_version, 1)) for one in sendable])
    contacts = (await queries.mail_contacts(tx, [delivery.customer_id])).get(delivery.customer_id, [])
    first = sendable[0]
    invoice_ids = [one.invoice_id for one in sendable]
    sending = await documents_to_send(tx, keyring, base_url, tx.seller_id, invoice_ids)
    return Load(
        delivery=delivery,
        documents=[built for built, _ in sending],
        saying=[saying for _, saying in sending],
        originals=await primary_of(tx, tx.seller_id, invoice_ids),
        recipients=rules.recipients(contacts, first.email_address, first.cc_emails or []),
        reply_to=await queries.reply_to(tx),
        versions=_versions(sendable),
    )


async def _its_invoices(tx: Transaction, delivery_id: str) -> list[InvoiceInDelivery]:
    """Give the invoices that are still this delivery's to move."""
    return [one for one in await queries.invoices_of(tx, delivery_id) if one.latest]


async def _without_cancelled(
    tx: Transaction, delivery_id: str, invoices: Sequence[InvoiceInDelivery]
) -> list[InvoiceInDelivery]:
    """Take out what was cancelled while it waited, and say so on the invoice."""
    cancelled = [one for one in invoices if one.receivable_status == ReceivableStatus.CANCELLED]
    if cancelled:
        await _move_invoices(tx, delivery_id, cancelled, DispatchStatus.FAILED, "Cancelled before it was sent.")
    return _live(invoices)


def _live(invoices: Sequence[InvoiceInDelivery]) -> list[InvoiceInDelivery]:
    return [one for one in invoices if one.receivable_status != ReceivableStatus.CANCELLED]


def _versions(invoices: Sequence[InvoiceInDelivery]) -> tuple[tuple[str, int], ...]:
    return tuple((one.invoice_id, one.version) for one in invoices)


async def _wait_for_its_turn(tx: Transaction, delivery_id: str, last: AttemptRow | None) -> None:
    """Raise RunLater while the pause after the last attempt lasts: the queue may run a job more often than it was asked."""
    if last is None or last.finished_at is None:
        return
    pause = _pause(last, (await queries.counts(tx, delivery_id)).unreachable)
    left = last.finished_at + pause - tx.now
    # An attempt that ended later than now was noted by a clock that has been set back since: the pause is over by the queue.
    if timedelta(0) < left <= pause + _CLOCKS_DIFFER:
        raise RunLater(left + _SHORTLY, "the pause after the last attempt is not over")


def _pause(last: AttemptRow, unreachable: int) -> timedelta:
    if last.outcome == OutcomeKind.UNREACHABLE:
        return rules.next_delay(unreachable) or timedelta(0)
    return rules.UNKNOWN_DELAY if last.outcome == OutcomeKind.UNKNOWN else timedelta(0)


async def claim(tx: Transaction, load: Load, *, known: bool | None, lease: timedelta) -> int | None:
    """Write the attempt that is about to be made and give its number; None: do not send.

    Holds the delivery's row, so of two workers one writes the attempt and the other finds it. An attempt without an
    outcome that may still be under way is not taken over (RunLater). ``known`` is what the mailer says of the delivery:
    handed over before, not handed over, or None, it cannot know. What the documents say is kept with the attempt. When an
    invoice changed since ``begin``, or its next version was kept meanwhile, nothing is sent and the job is queued again:
    what is sent must be what is true now.
    """
    delivery_id = load.delivery.delivery_id
    delivery = await queries.delivery(tx, delivery_id, lock=True)
    if delivery is None or delivery.state in SETTLED:
        return None
    invoices = await _its_invoices(tx, delivery_id)
    last = await queries.last_attempt(tx, delivery_id)
    if known:
        await _settle(
            tx, delivery_id, invoices, Outcome(OutcomeKind.ACCEPTED, "an earlier attempt had handed it over"), last
        )
        return None
    if last is not None and last.outcome is None:
        if not await _take_over(tx, delivery_id, invoices, last, known=known, lease=lease):
            return None
    elif delivery.attempts != load.delivery.attempts + 1 and last is not None:
        # Another worker began after us and has finished an attempt meanwhile; look again at what is to be done.
        raise RunLater(_SHORTLY, "another worker is at this delivery")
    kept = [(delivery_id, one) for one in load.saying]
    if _versions(_live(invoices)) != load.versions or not await issued.keep(tx, kept):
        # Queued anew and not put off, because what was written above about the last attempt must stay.
        await enqueue(tx, DELIVER, ids={"delivery_id": delivery_id}, delay=_SHORTLY)
        return None
    number = 1 if last is None else last.attempt_no + 1
    await tx.execute(_ATTEMPT, tx.seller_id, delivery_id, number, tx.now)
    await tx.execute(_ADDRESSED, tx.seller_id, delivery_id, _ENCODER.encode(load.recipients).decode())
    await lifecycle.move_delivery(tx, delivery_id, to=DeliveryState.SENDING, detail=None)
    return number


async def _take_over(
    tx: Transaction,
    delivery_id: str,
    invoices: Sequence[InvoiceInDelivery],
    last: AttemptRow,
    *,
    known: bool | None,
    lease: timedelta,
) -> bool:
    """Settle an attempt that was begun and not recorded; True when another attempt may be made now."""
    left = last.started_at + lease - tx.now
    if left > timedelta(0):
        raise RunLater(left + _SHORTLY, "an attempt may still be under way")
    if known is False:
        await _write_down(
            tx, delivery_id, last.attempt_no, Outcome(OutcomeKind.UNREACHABLE, f"Not handed over: {_LOST}.")
        )
        return True
    await _write_down(tx, delivery_id, last.attempt_no, Outcome(OutcomeKind.UNKNOWN, f"It may have arrived: {_LOST}."))
    unknown = (await queries.counts(tx, delivery_id)).unknown
    if unknown <= await queries.unknown_resends(tx):
        return True
    await _give_up_unknown(tx, delivery_id, invoices, unknown)
    return False


async def record(tx: Transaction, delivery_id: str, number: int, outcome: Outcome) -> None:
    """Write down how an attempt ended, move delivery and invoices, and queue the next attempt where one follows."""
    delivery = await queries.delivery(tx, delivery_id, lock=True)
    if delivery is None or not await _write_down(tx, delivery_id, number, outcome):
        return
    invoices = await _its_invoices(tx, delivery_id)
    settled = delivery.state in SETTLED
    if outcome.kind in {OutcomeKind.ACCEPTED, OutcomeKind.REJECTED}:
        if not settled or delivery.state == DeliveryState.UNKNOWN:
            await _settle(tx, delivery_id, invoices, outcome)
        return
    if settled:
        return
    counts = await queries.counts(tx, delivery_id)
    if outcome.kind is OutcomeKind.UNREACHABLE:
        delay = rules.next_delay(counts.unreachable)
        if delay is None:
            gone = Outcome(OutcomeKind.REJECTED, f"Given up after {counts.unreachable} attempts. {outcome.detail}")
            await _settle(tx, delivery_id, invoices, gone)
            return
    elif counts.unknown > await queries.unknown_resends(tx):
        await _give_up_unknown(tx, delivery_id, invoices, counts.unknown)
        return
    else:
        delay = rules.UNKNOWN_DELAY
    again = f"{outcome.detail} Next attempt after {_at(tx.now + delay)}."
    await lifecycle.move_delivery(tx, delivery_id, to=DeliveryState.QUEUED, detail=again)
    await enqueue(tx, DELIVER, ids={"delivery_id": delivery_id}, delay=delay)


def _at(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S UTC")


async def refuse(tx: Transaction, delivery_id: str, detail: str) -> None:
    """Fail a delivery that cannot be sent at all (no address, a document that cannot be made); nothing went out."""
    delivery = await queries.delivery(tx, delivery_id, lock=True)
    if delivery is None or delivery.state in SETTLED:
        return
    invoices = await _its_invoices(tx, delivery_id)
    await _settle(tx, delivery_id, invoices, Outcome(OutcomeKind.REJECTED, detail))


async def told(tx: Transaction, delivery_id: str, outcome: Outcome) -> None:
    """Settle a delivery that somebody else carried (the network) by what became of it; a settled one stays as it is."""
    delivery = await queries.delivery(tx, delivery_id, lock=True)
    if delivery is None or delivery.state in SETTLED:
        return
    await _settle(
        tx, delivery_id, await _its_invoices(tx, delivery_id), outcome, via=SentVia(delivery.channel)
    )  # fmt: skip


async def _write_down(tx: Transaction, delivery_id: str, number: int, outcome: Outcome) -> bool:
    done = await tx.execute(_RECORD, tx.seller_id, delivery_id, number, outcome.kind.value, outcome.detail, tx.now)
    return done == "UPDATE 1"


async def _settle(
    tx: Transaction,
    delivery_id: str,
    invoices: Sequence[InvoiceInDelivery],
    outcome: Outcome,
    unfinished: AttemptRow | None = None,
    *,
    via: SentVia = SentVia.EMAIL,
) -> None:
    """End a delivery as SENT or FAILED, and its invoices with it."""
    if unfinished is not None:
        await _write_down(tx, delivery_id, unfinished.attempt_no, outcome)
    accepted = outcome.kind is OutcomeKind.ACCEPTED
    state, status = (
        (DeliveryState.SENT, DispatchStatus.DISPATCHED) if accepted else (DeliveryState.FAILED, DispatchStatus.FAILED)
    )
    if accepted:
        await _through_sending(tx, delivery_id)
    await lifecycle.move_delivery(tx, delivery_id, to=state, detail=outcome.detail)
    await _move_invoices(tx, delivery_id, invoices, status, outcome.detail, via)


async def _through_sending(tx: Transaction, delivery_id: str) -> None:
    """Let a delivery that turns out to have been handed over pass through SENDING, as its table of moves has it."""
    delivery = await queries.delivery(tx, delivery_id)
    if delivery is not None and delivery.state == DeliveryState.QUEUED:
        await lifecycle.move_delivery(tx, delivery_id, to=DeliveryState.SENDING, detail=None)


async def _give_up_unknown(
    tx: Transaction, delivery_id: str, invoices: Sequence[InvoiceInDelivery], unknown: int
) -> None:
    detail = f"It may have arrived: the outcome of {unknown} attempt{'s' if unknown > 1 else ''} is not known."
    await lifecycle.move_delivery(tx, delivery_id, to=DeliveryState.UNKNOWN, detail=detail)
    await _move_invoices(tx, delivery_id, invoices, DispatchStatus.UNKNOWN, detail)


async def _move_invoices(
    tx: Transaction,
    delivery_id: str,
    invoices: Sequence[InvoiceInDelivery],
    to: DispatchStatus,
    detail: str,
    via: SentVia = SentVia.EMAIL,
) -> None:
    # One that went its own way meanwhile (cancelled, sent again) is not moved back.
    moving = [one.invoice_id for one in invoices if to in DISPATCH_MOVES[DispatchStatus(one.dispatch_status)]]
    if moving:
        why = {"deliveryId": delivery_id, "detail": detail}
        await lifecycle.move(tx, moving, to=to, by=_WORKER, why=why, via=via)
