"""What the network says of our invoices, written into the books in the commit that changes the copies (issue 5, domain §3, §11).

The books follow, they never refuse: a message that has been acted upon at the centre must not hang because of an entry
somebody made here meanwhile. What cannot be written as it stands is kept beside it and told as an event.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.dispatch import delivery as dispatch_delivery
from hundi.dispatch.rules import Outcome, OutcomeKind
from hundi.invoices import lifecycle
from hundi.invoices import queries as invoices
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import PAYOUT_MOVES, PayoutStatus, ReceivableStatus
from hundi.invoices.service import WITHDRAW
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal
from hundi.network.books import links, money
from hundi.network.books.acting import NETWORK, acting
from hundi.network.books.links import Link
from hundi.network.protocol.decisions import Change, Delivery, Moved
from hundi.network.protocol.objects import InvoiceFacts, NetworkObject, PaymentFacts, facts_of
from hundi.network.protocol.statuses import Event, InvoiceStatus, Kind
from hundi.payments import service as payments

_RESPONSES: Final[Mapping[Event, str]] = {Event.ACCEPT: "ACCEPT", Event.REJECT: "REJECT", Event.RETURN: "RETURN"}
_OPEN: Final = frozenset({ReceivableStatus.PENDING.value, ReceivableStatus.PARTIALLY_PAID.value})
_OWED: Final = _OPEN | {ReceivableStatus.DISPUTED.value}
_PAID: Final = frozenset({InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.PAID, InvoiceStatus.CLOSED})
_ARRIVED: Final = "The network has it: it was delivered to the buyer."
_CHANGED: Final = "invoice/resp-status-change-invoice"
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


async def follow(tx: Transaction, delivery: Delivery, known: Collection[str] | None = None) -> None:
    """Bring the books of the bound company in step with a delivery that has just taken effect on its copies.

    ``known`` are the objects that are invoices of the books, among those :func:`touched_by` gives; None: it is looked up.
    """
    if delivery.resp is not None and not delivery.resp.success:
        detail = f"{delivery.resp.error_code}: {delivery.resp.error_detail}"
        await _refused(tx, acting(tx, NETWORK), delivery.resp.request_id, detail)
        if delivery.hook == _CHANGED:
            await _not_changed(tx, delivery, detail)
    ours = [change for change in delivery.changes if _is_supplied_by(change.object, tx.seller_id)]
    bills = {change.object.id: change for change in ours if change.object.kind is Kind.INVOICE}
    paid = [change for change in ours if change.object.kind is Kind.PAYMENT]
    about = {*bills, *(one for change in paid for one in _paid_by(change.object))}
    about = about if known is None else about.intersection(known)
    if not about:
        return
    who = acting(tx, NETWORK)
    found = await links.of_objects(tx, sorted(about))
    for change in paid:
        await _follow_payment(tx, who, change, found)
    for object_id in sorted(bills):
        if object_id in found:
            await _follow_invoice(tx, who, bills[object_id], found[object_id], delivery)


def touched_by(tx: Transaction, delivery: Delivery) -> Iterator[str]:
    """Give the objects a delivery is about that may be invoices of the bound company's books."""
    for change in delivery.changes:
        if _is_supplied_by(change.object, tx.seller_id):
            yield change.object.id
            if change.object.kind is Kind.PAYMENT:
                yield from _paid_by(change.object)


def _paid_by(payment: NetworkObject) -> list[str]:
    return [line.invoice_id for line in facts_of(payment, PaymentFacts).lines]


def _is_supplied_by(found: NetworkObject, seller_id: str) -> bool:
    """Leave out what cannot be ours; a company's name on the network is its id, or ``server/id``."""
    return found.kind in {Kind.INVOICE, Kind.PAYMENT} and found.parties[0].rpartition("/")[2] == seller_id


async def _refused(tx: Transaction, who: Actor, message_id: str, detail: str) -> None:
    """Let a dispatch fail that the network refused, with its reason."""
    link = await links.awaiting(tx, message_id)
    if link is None:
        return
    await dispatch_delivery.told(tx, link.delivery_id, Outcome(OutcomeKind.REJECTED, detail))
    await links.answered(tx, link, arrived=False)
    row = await _row(tx, link)
    if row is not None and link.status == InvoiceStatus.FAILED.value:
        await lifecycle.note_network(tx, who, link.invoice_id, status=link.status)


async def _not_changed(tx: Transaction, delivery: Delivery, detail: str) -> None:
    """Tell that an invoice was cancelled here and, because the buyer was quicker, not on the network."""
    object_id = str(_DECODER.decode(delivery.body).get("invoiceStatus", {}).get("objectId"))
    link = (await links.of_objects(tx, [object_id])).get(object_id)
    row = await _row(tx, link) if link is not None else None
    if row is not None and row.receivable_status == ReceivableStatus.CANCELLED.value:
        facts = {"action": "CANCEL", "detail": f"It is cancelled here and not on the network: {detail}"}
        await audit.emit(tx, "invoice.network_refused", kind="invoice", object_id=row.invoice_id, data=facts)


async def _row(tx: Transaction, link: Link) -> InvoiceRow | None:
    try:
        return await invoices.lock(tx, tx.seller_id, link.invoice_id)
    except InvoiceNotFound:
        return None


async def _follow_payment(tx: Transaction, who: Actor, change: Change, found: Mapping[str, Link]) -> None:
    """Write a confirmed payment down as entries; a settled one is on its way."""
    facts = facts_of(change.object, PaymentFacts)
    happened = {moved.event for moved in change.moves}
    for line in sorted(facts.lines, key=lambda one: one.invoice_id):
        link = found.get(line.invoice_id)
        if link is None:
            continue
        if Event.CONFIRM in happened:
            await money.post(tx, who, change.object, line, link.invoice_id)
        elif Event.SETTLE in happened:
            row = await _row(tx, link)
            if row is not None:
                await _move_payout(tx, row, PayoutStatus.PROCESSING)


async def _follow_invoice(tx: Transaction, who: Actor, change: Change, link: Link, delivery: Delivery) -> None:
    """Take an invoice through the moves the books have not seen yet, then show what the network says of it now."""
    news = [moved for moved in change.moves if moved.revision > link.revision]
    if not news:
        return
    row = await _row(tx, link)
    if row is not None:
        response, remarks = row.buyer_response, row.buyer_remarks
        for moved in news:
            if moved.event in _RESPONSES:
                response, remarks = _RESPONSES[moved.event], _remarks(delivery, "invoiceConfirmation", "buyerRemarks")
            elif moved.event is Event.EDIT:
                response, remarks = None, None
        await lifecycle.note_network(
            tx, who, link.invoice_id, status=change.object.status, hold=_hold(change.object), response=response,
            remarks=remarks,
        )  # fmt: skip
        await _effects(tx, who, link, news, delivery, change.object)
    await links.followed(tx, link.object_id, news[-1].revision)


def _remarks(delivery: Delivery, part: str, name: str) -> str | None:
    found = _DECODER.decode(delivery.body).get(part, {}).get(name)
    return None if found is None else str(found)


def _hold(found: NetworkObject) -> str | None:
    """Say why the books alone may not cancel it (the network's own table would refuse it)."""
    facts = facts_of(found, InvoiceFacts)
    if found.status == InvoiceStatus.PAYMENT_INITIATED:
        return "PAYMENT_UNDER_WAY"
    if facts.settled > 0 or found.status in _PAID:
        return "PAID_ON_NETWORK"
    return "FINANCED" if facts.lien is not None else None


async def _effects(
    tx: Transaction, who: Actor, link: Link, news: Sequence[Moved], delivery: Delivery, found: NetworkObject
) -> None:
    for moved in news:
        event = moved.event
        if event in {Event.DELIVER, Event.EDIT}:
            # An edit may be somebody's own, by the published call; then nothing of ours is under way.
            if link.pending is not None and moved.message_id == link.message_id:
                await dispatch_delivery.told(tx, link.delivery_id, Outcome(OutcomeKind.ACCEPTED, _ARRIVED))
                await links.answered(tx, link, arrived=True)
        elif event in _RESPONSES:
            await _answered(tx, who, link, event, _remarks(delivery, "invoiceConfirmation", "buyerRemarks"))
        elif event is Event.CANCEL:
            remarks = _remarks(delivery, "invoiceStatus", "supplierRemarks")
            await _cancelled(tx, who, link, remarks or "Cancelled on the network.")
        else:
            to = _payout_after(event, found)
            row = await _row(tx, link) if to is not None else None
            if to is not None and row is not None:
                if to is PayoutStatus.PAID and row.receivable_status in _OWED:
                    # An entry of an earlier part was taken back meanwhile, or the books ask for more than was sent.
                    to = PayoutStatus.NOT_INITIATED
                await _move_payout(tx, row, to)
                if row.receivable_status == ReceivableStatus.CANCELLED.value:
                    # The payment stood in the way of telling the buyer; whether it still does is the job's to see.
                    await enqueue(tx, WITHDRAW, ids={"invoice_id": row.invoice_id})


def _payout_after(event: Event, found: NetworkObject) -> PayoutStatus | None:
    """Give how a payment stands after something happened to its invoice; None: it does not touch payments."""
    whole = found.status in {InvoiceStatus.PAID, InvoiceStatus.CLOSED}
    moves: dict[Event, PayoutStatus] = {
        Event.PAY: PayoutStatus.INITIATED,
        Event.CONFIRM: PayoutStatus.PAID if whole else PayoutStatus.NOT_INITIATED,
        Event.DECLINE: PayoutStatus.NOT_INITIATED,
        Event.FALL_THROUGH: PayoutStatus.FAILED,
    }
    return moves.get(event)


async def _move_payout(tx: Transaction, row: InvoiceRow, to: PayoutStatus) -> None:
    before = PayoutStatus(row.payout_status)
    if to in PAYOUT_MOVES[before]:
        await lifecycle.move_payout(tx, row.invoice_id, before, to)


async def _answered(tx: Transaction, who: Actor, link: Link, event: Event, remarks: str | None) -> None:
    """Tell of the buyer's answer; a rejection makes a dispute of the invoice (domain §4)."""
    facts = {"response": _RESPONSES[event], "remarks": remarks, "objectId": link.object_id}
    await audit.record(tx, who, "invoice.buyer_response", kind="invoice", object_id=link.invoice_id, after=facts)
    await audit.emit(tx, "invoice.buyer_response", kind="invoice", object_id=link.invoice_id, data=facts)
    row = await _row(tx, link)
    if event is Event.REJECT and row is not None and row.receivable_status in _OPEN and row.balance > 0:
        await payments.move(tx, who, link.invoice_id, ReceivableStatus.DISPUTED, remarks or "Rejected by the buyer.")


async def _cancelled(tx: Transaction, who: Actor, link: Link, reason: str) -> None:
    """Cancel in the books what was cancelled on the network; where money stands against it, say so instead."""
    row = await _row(tx, link)
    if row is None or row.receivable_status == ReceivableStatus.CANCELLED.value:
        return
    try:
        async with tx.connection.transaction():
            await payments.move(tx, who, link.invoice_id, ReceivableStatus.CANCELLED, reason)
    except Refusal as refused:
        detail = refused.problems[0].message if refused.problems else refused.message
        facts = {"action": "CANCEL", "detail": f"It is cancelled on the network and not here: {detail}"}
        await audit.emit(tx, "invoice.network_refused", kind="invoice", object_id=link.invoice_id, data=facts)
