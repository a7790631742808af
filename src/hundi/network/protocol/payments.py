"""Payments: made or reported by the buyer, confirmed by the supplier, settled by the rail (contract B2B §6, §8.3).

Credit notes named in the splits are set off when the payment is made and given back when it comes to nothing, so that no
two payments can use the same rupee of a note. An invoice has one payment under way at a time: its status says so.
"""

from decimal import Decimal

import msgspec

from hundi.network.protocol.amounts import (
    CREDIT_NOTE,
    check_amount,
    check_due,
    check_header,
    check_splits,
    conditions_of_invoice,
    conditions_of_note,
    platform,
)
from hundi.network.protocol.decisions import Decision, Draft
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.financing import release_lien
from hundi.network.protocol.identifiers import Prefix, b2b_key
from hundi.network.protocol.messages import ConfirmPayment, InvoicePayment, ObjectVersion, PaidSplit, Pay, SettlePayment
from hundi.network.protocol.notes import note_key
from hundi.network.protocol.objects import (
    InvoiceFacts,
    NetworkObject,
    NoteFacts,
    PaymentFacts,
    PaymentLine,
    Split,
    facts_of,
)
from hundi.network.protocol.statuses import Actor, Event, InvoiceStatus, Kind, NoteStatus


def utr_key(buyer: str, supplier: str, utr: str) -> str:
    """Give the key under which a transfer is known between two parties."""
    return f"UTR|{b2b_key(buyer)}|{b2b_key(supplier)}|{utr.upper()}"


def pay(draft: Draft, message: Pay) -> Decision:
    """Take a payment in: its invoices wait for the supplier's word, an on-platform one for the rail's first.

    Not :meth:`Draft.trade`: a B2B ID that was taken out of use since still pays what it owes.
    """
    draft.check_new(message.object_id, Prefix.PAYMENT, "payment.objectId")
    check_amount(message.amount, "payment.paymentAmount")
    check_header(message.amount, message.invoices)
    if len({line.invoice_id for line in message.invoices}) != len(message.invoices):
        raise MessageRefused(Fault.INVOICE_LISTED_TWICE, "payment.invoicesPayInfos")
    utr = utr_key(message.buyer, message.supplier, message.utr)
    draft.check_free(utr, Fault.UTR_USED, "payment.utr", message.utr)
    lines = []
    parties: tuple[str, ...] = ()
    for at, line in enumerate(message.invoices):
        done, parties = _pay_invoice(draft, message, line, f"payment.invoicesPayInfos[{at}]")
        lines.append(done)
    facts = PaymentFacts(
        on_platform=message.on_platform, mode=message.mode, utr=message.utr, total=message.amount.total,
        lines=tuple(lines),
    )  # fmt: skip
    new = NetworkObject(
        id=message.object_id, kind=Kind.PAYMENT, number=message.utr, supplier=message.supplier, buyer=message.buyer,
        parties=parties, version=1, status="", revision=0, facts=facts,
    )  # fmt: skip
    born = draft.create(new, Actor.BUYER, ObjectVersion(1, 1), None, "payment")
    draft.move(born, Event.DELIVER, Actor.NETWORK, holds=platform(message.on_platform))
    draft.claims[utr] = message.object_id
    draft.tell(parties[0])
    return draft.decision()


def _pay_invoice(draft: Draft, message: Pay, line: InvoicePayment, field: str) -> tuple[PaymentLine, tuple[str, ...]]:
    invoice = draft.need(line.invoice_id, Kind.INVOICE, f"{field}.objectId")
    draft.check_pair(invoice, message.buyer, message.supplier)
    draft.act_as(invoice, Actor.BUYER)
    if line.number != invoice.number:
        raise MessageRefused(Fault.NUMBER_DIFFERS, f"{field}.supplierInvoiceNumber", line.number)
    facts = facts_of(invoice, InvoiceFacts)
    draft.move(
        invoice, Event.PAY, Actor.BUYER, sent=(line.version, line.transition), field=field, amount=line.amount.total,
        facts=msgspec.structs.replace(facts, in_flight=line.amount.total),
    )  # fmt: skip
    check_amount(line.amount, f"{field}.invoicePaymentAmount")
    check_splits(line, f"{field}.invoicePaymentAmount")
    check_due(line, facts, field)
    splits = tuple(
        _set_off(draft, message, split, f"{field}.invoicePaymentAmount.splits[{at}]")
        for at, split in enumerate(line.splits)
    )
    done = PaymentLine(line.invoice_id, line.amount.paid, line.amount.adjusted, line.amount.total, splits)
    return done, invoice.parties


def _set_off(draft: Draft, message: Pay, split: PaidSplit, field: str) -> Split:
    if split.name != CREDIT_NOTE:
        return Split(split.name, split.amount, split.ref_no)
    by_number = draft.loaded.holders.get(note_key(message.buyer, message.supplier, split.ref_no))
    note = draft.get(split.ref_no) or draft.get(by_number or "")
    home = draft.context.home
    if note is None and not draft.authoritative:
        return Split(split.name, split.amount, split.ref_no)  # named by its number, which the centre knows
    if note is None or note.kind is not Kind.NOTE or home not in note.parties:
        raise MessageRefused(Fault.NOTE_UNKNOWN, f"{field}.refNo", split.ref_no)
    if b2b_key(note.buyer) != b2b_key(message.buyer) or b2b_key(note.supplier) != b2b_key(message.supplier):
        raise MessageRefused(Fault.NOTE_UNKNOWN, f"{field}.refNo", split.ref_no)
    facts = facts_of(note, NoteFacts)
    if not facts.credit or note.status not in {NoteStatus.ACCEPTED, NoteStatus.APPLIED}:
        raise MessageRefused(Fault.NOTE_NOT_APPLICABLE, f"{field}.refNo", note.status)
    if split.amount > facts.left:
        raise MessageRefused(Fault.NOTE_EXCEEDED, f"{field}.value", f"{split.amount} of {facts.left}")
    after = msgspec.structs.replace(facts, applied=facts.applied + split.amount)
    draft.move(note, Event.APPLY, Actor.NETWORK, holds=conditions_of_note(after), facts=after, amount=split.amount)
    return Split(split.name, split.amount, split.ref_no, note.id)


def _give_back(draft: Draft, line: PaymentLine) -> None:
    for split in line.splits:
        if split.note_id is not None:
            note = draft.need(split.note_id, Kind.NOTE, "payment")
            facts = facts_of(note, NoteFacts)
            after = msgspec.structs.replace(facts, applied=facts.applied - split.amount)
            draft.move(note, Event.UNAPPLY, Actor.NETWORK, facts=after, amount=-split.amount)


def confirm_payment(draft: Draft, message: ConfirmPayment) -> Decision:
    """The supplier has the money (ACCEPT), or an off-platform payment never arrived (REJECT, §6.2)."""
    found = draft.need(message.object_id, Kind.PAYMENT, "paymentConfirmation.objectId")
    draft.check_pair(found, message.buyer, message.supplier)
    draft.act_as(found, Actor.SUPPLIER)
    facts = facts_of(found, PaymentFacts)
    if message.on_platform != facts.on_platform:
        raise MessageRefused(Fault.PAYMENT_TYPE_DIFFERS, "paymentConfirmation.type")
    accepted = message.response == "ACCEPT"
    holds = platform(facts.on_platform)
    event = Event.CONFIRM if accepted else Event.DECLINE
    draft.move(found, event, Actor.SUPPLIER, holds=holds, field="paymentConfirmation.supplierResponse")
    listed = {info.invoice_id: (info, at) for at, info in enumerate(message.invoices)}
    if len(listed) != len(message.invoices) or set(listed) != {line.invoice_id for line in facts.lines}:
        raise MessageRefused(Fault.INVOICES_DIFFER, "paymentConfirmation.invoiceInfos")
    for line in facts.lines:
        info, at = listed[line.invoice_id]
        invoice = draft.need(line.invoice_id, Kind.INVOICE, f"paymentConfirmation.invoiceInfos[{at}].objectId")
        field = f"paymentConfirmation.invoiceInfos[{at}]"
        if info.number != invoice.number:
            raise MessageRefused(Fault.NUMBER_DIFFERS, f"{field}.supplierInvoiceNumber", info.number)
        after = _after_payment(invoice, line.amount if accepted else Decimal(0))
        moved = draft.move(
            invoice, event, Actor.SUPPLIER, holds=conditions_of_invoice(after) | holds, facts=after, field=field,
            sent=(info.version, info.transition), amount=line.amount,
        )  # fmt: skip
        if not accepted:
            _give_back(draft, line)
        elif moved.status == InvoiceStatus.PAID:
            release_lien(draft, moved)
    if not accepted:
        draft.releases[utr_key(found.buyer, found.supplier, facts.utr)] = None
    draft.tell(found.parties[1])
    return draft.decision()


def _after_payment(invoice: NetworkObject, amount: Decimal) -> InvoiceFacts:
    facts = facts_of(invoice, InvoiceFacts)
    return msgspec.structs.replace(facts, settled=facts.settled + amount, in_flight=Decimal("0.00"))


def settle_payment(draft: Draft, order: SettlePayment) -> Decision:
    """The rail has moved the money of an on-platform payment, or has failed to: then all is as before it."""
    found = draft.need(order.payment_id, Kind.PAYMENT, "payment")
    facts = facts_of(found, PaymentFacts)
    holds = platform(facts.on_platform)
    if order.success:
        draft.move(found, Event.SETTLE, Actor.NETWORK, holds=holds, field="payment")
        return draft.decision()
    draft.move(found, Event.FALL_THROUGH, Actor.NETWORK, holds=holds, field="payment")
    for line in facts.lines:
        invoice = draft.need(line.invoice_id, Kind.INVOICE, "payment")
        after = _after_payment(invoice, Decimal(0))
        draft.move(
            invoice, Event.FALL_THROUGH, Actor.NETWORK, holds=conditions_of_invoice(after), facts=after,
            amount=line.amount,
        )  # fmt: skip
        _give_back(draft, line)
    draft.releases[utr_key(found.buyer, found.supplier, facts.utr)] = None
    return draft.decision()
