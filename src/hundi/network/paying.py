"""Paying received invoices: from what a clerk says to the published message, checked before it is sent (contract b2b §6).

What a clerk leaves out is worked out: the net amount is what is due after the adjustments, a credit note gives what is left
of it, TDS is the section's rate of the taxable value (``network.tds``).
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.clock import FrozenClock
from hundi.kit.dates import format_instant, ist_date
from hundi.kit.errors import FieldProblem, Refusal
from hundi.kit.money import ZERO
from hundi.network import papers, queries, service, tds
from hundi.network.answers import OF_A_SERVER
from hundi.network.errors import MessageNotAllowed, NetworkObjectNotFound
from hundi.network.payable_schemas import (
    PaidInvoiceOut,
    PaidSplitOut,
    PayInvoice,
    PayInvoices,
    PaymentOut,
    PaySplit,
)
from hundi.network.postgres import decoded
from hundi.network.protocol import messages as m
from hundi.network.protocol.faults import MEANINGS, Fault
from hundi.network.protocol.identifiers import Prefix, SortableIds, b2b_key
from hundi.network.protocol.notes import note_key
from hundi.network.protocol.objects import NoteFacts, PaymentFacts, facts_of
from hundi.network.protocol.party import Party
from hundi.network.protocol.statuses import InvoiceStatus, Kind, NoteStatus
from hundi.network.queries import ObjectRow
from hundi.network.wire import payments as wire
from hundi.network.wire.blocks import B2BIds, ObjectVersion, StatusTransition
from hundi.network.wire.meaning import message_of
from hundi.network.wire.payments import SplitName
from hundi.network.wire.values import Amount, Instant, SignedAmount

PAYABLE: Final = frozenset({InvoiceStatus.ACCEPTED.value, InvoiceStatus.PARTIALLY_PAID.value})
_WHY_NOT: Final = {
    InvoiceStatus.SENT.value: "Accept the invoice first.",
    InvoiceStatus.PAYMENT_INITIATED.value: "A payment of it is under way: wait for the supplier's word.",
}
_TDS: Final = frozenset({SplitName.TDS_INCOME_TAX, SplitName.TDS_GST})
_INR: Final = wire.Currency.INR


class _Note(msgspec.Struct):
    """A note that is set off, and what is left of it after the splits so far."""

    row: ObjectRow
    facts: NoteFacts
    left: Decimal


class _Paying:
    """Collects a payment's lines and all that is wrong with them."""

    def __init__(
        self, rows: dict[str, ObjectRow], notes: list[_Note], given: dict[str, Decimal], now: datetime
    ) -> None:
        self.rows = rows
        self.given = given
        self.now = now
        self.problems: list[FieldProblem] = []
        self.is_missing = False
        self._notes = {note.row.number.upper(): note for note in notes} | {note.row.object_id: note for note in notes}
        self._read: dict[str, papers.Received] = {}

    def wrong(self, field: str, code: str, message: str, rejected: object = None) -> None:
        """Note what is wrong at a place."""
        self.problems.append(FieldProblem(field, code, message, None if rejected is None else str(rejected)[:200]))

    def fault(self, field: str, fault: Fault, rejected: object = None) -> None:
        """Note what the network's rules refuse at a place."""
        self.wrong(field, fault.value, MEANINGS[fault].sentence, rejected)

    def paper(self, row: ObjectRow) -> papers.Received:
        """Read an invoice's document, once."""
        if row.object_id not in self._read:
            self._read[row.object_id] = papers.received(row.object_id, row.document or "")
        return self._read[row.object_id]

    def line(self, at: int, asked: PayInvoice) -> PaidInvoiceOut | None:
        """Work out what goes to one invoice; None where something is wrong with it."""
        place = f"invoices[{at}]"
        before = len(self.problems)
        row = self.rows.get(asked.invoiceId)
        if row is None or row.role not in {"BUYER", "BOTH"}:
            self.is_missing = True
            self.fault(f"{place}.invoiceId", Fault.OBJECT_UNKNOWN, asked.invoiceId)
            return None
        if row.status not in PAYABLE:
            why = _WHY_NOT.get(row.status, "Nothing can be paid on it.")
            self.wrong(f"{place}.invoiceId", "NOT_PAYABLE", f"The invoice is {row.status}. {why}", asked.invoiceId)
            return None
        due = row.due if row.due is not None else ZERO
        paid = asked.netPaidAmount.value if asked.netPaidAmount is not None else None
        splits: list[PaidSplitOut] = []
        adjusted = ZERO
        for number, split in enumerate(asked.splits or []):
            room = due - adjusted - (paid or ZERO)
            value = self._value(f"{place}.splits[{number}]", row, split, room)
            if value is not None:
                adjusted += value
                splits.append(PaidSplitOut(name=split.name, value=value, refNo=self._ref(split)))
        net = due - adjusted if paid is None else paid
        if net < 0 or net + adjusted > due:
            message = f"{max(net, ZERO) + adjusted} is more than the {due} that is due: pay at most that."
            self.wrong(f"{place}.netPaidAmount", Fault.OVERPAYMENT.value, message, paid)
        elif net + adjusted <= 0:
            self.fault(f"{place}.netPaidAmount", Fault.AMOUNT_NOT_POSITIVE, paid)
        if len(self.problems) > before:
            return None
        return PaidInvoiceOut(
            invoiceId=row.object_id, supplierInvoiceNumber=row.number, dueAmount=due, netPaidAmount=net,
            netAdjustmentAmount=adjusted, totalAmount=net + adjusted, splits=splits,
        )  # fmt: skip

    def _ref(self, split: PaySplit) -> str:
        if split.name is SplitName.CREDIT_NOTE:
            note = self._notes.get(split.refNo or "") or self._notes.get((split.refNo or "").upper())
            return note.row.number if note is not None else split.refNo or ""
        return split.refNo or split.section or ""

    def _value(self, place: str, row: ObjectRow, split: PaySplit, room: Decimal) -> Decimal | None:
        if split.name is SplitName.CREDIT_NOTE:
            return self._set_off(place, split, room)
        if split.value is not None:
            if split.value.value <= 0:
                self.fault(f"{place}.value", Fault.AMOUNT_NOT_POSITIVE, split.value.value)
                return None
            self._give(row, split, split.value.value)
            return split.value.value
        if split.name not in _TDS:
            self.wrong(f"{place}.value", "REQUIRED", "Say how much it is.")
            return None
        return self._deducted(place, row, split)

    def _deducted(self, place: str, row: ObjectRow, split: PaySplit) -> Decimal | None:
        paper = self.paper(row)
        rate = split.rate.value if split.rate is not None else None
        if rate is None and split.name is SplitName.TDS_GST:
            rate = tds.GST_RATE
        if rate is None and split.section is not None:
            rate = tds.usual_rate(split.section, ist_date(self.now), paper.supplier_gstin)
            if rate is None:
                message = f"No rate is known for this section: send rate or value, or one of {', '.join(tds.RATES)}."
                self.wrong(f"{place}.section", "TDS_SECTION_UNKNOWN", message, split.section)
                return None
        if rate is None:
            self.wrong(f"{place}.section", "REQUIRED", "Send the section, or the rate, or the value.")
            return None
        given = self.given.get(row.object_id, ZERO) if split.name is SplitName.TDS_INCOME_TAX else ZERO
        value = tds.deducted(paper.taxable, rate, given)
        if value <= 0:
            message = (
                f"{rate}% of {paper.taxable}, less {given} that was deducted, leaves nothing: leave the split out."
            )
            self.wrong(f"{place}.rate", "NOTHING_TO_DEDUCT", message, rate)
            return None
        self._give(row, split, value)
        return value

    def _give(self, row: ObjectRow, split: PaySplit, value: Decimal) -> None:
        """Count income tax that one split deducts for the splits after it: it is deducted once of an invoice."""
        if split.name is SplitName.TDS_INCOME_TAX:
            self.given[row.object_id] = self.given.get(row.object_id, ZERO) + value

    def _set_off(self, place: str, split: PaySplit, room: Decimal) -> Decimal | None:
        note = self._notes.get(split.refNo or "") or self._notes.get((split.refNo or "").upper())
        if note is None:
            self.fault(f"{place}.refNo", Fault.NOTE_UNKNOWN, split.refNo)
            return None
        if not note.facts.credit or note.row.status not in {NoteStatus.ACCEPTED, NoteStatus.APPLIED}:
            self.fault(f"{place}.refNo", Fault.NOTE_NOT_APPLICABLE, split.refNo)
            return None
        value = split.value.value if split.value is not None else min(note.left, max(room, ZERO))
        if value <= 0:
            left = f"{note.left} is left of the note and {max(room, ZERO)} to pay: leave the split out."
            self.wrong(f"{place}.value", Fault.AMOUNT_NOT_POSITIVE.value, left, value)
            return None
        if value > note.left:
            message = f"{note.left} is left of the note: set off at most that."
            self.wrong(f"{place}.value", Fault.NOTE_EXCEEDED.value, message, value)
            return None
        note.left -= value
        return value


async def pay(tx: Transaction, who: Actor, party: Party, data: PayInvoices) -> PaymentOut:
    """Pay received invoices of one supplier, all of them or none; gives what was sent.

    Raises :class:`NetworkObjectNotFound` and :class:`MessageNotAllowed` with every place that is wrong (``NOT_PAYABLE``,
    ``OVERPAYMENT``, ``SUPPLIERS_DIFFER``, ``INVOICE_LISTED_TWICE``, ``NOTE_UNKNOWN``, ``NOTE_EXCEEDED`` and more), and what
    the network's rules refuse.
    """
    ids = [one.invoiceId for one in data.invoices]
    rows = await queries.many(tx, tx.seller_id, Kind.INVOICE.value, ids)
    first = next((rows[one] for one in ids if one in rows), None)
    notes = await _notes(tx, data, first)
    paying = _Paying(rows, notes, await tds_given(tx, list(rows.values())), tx.now)
    lines: list[PaidInvoiceOut] = []
    for at, asked in enumerate(data.invoices):
        row = rows.get(asked.invoiceId)
        if asked.invoiceId in ids[:at]:
            paying.fault(f"invoices[{at}].invoiceId", Fault.INVOICE_LISTED_TWICE, asked.invoiceId)
            continue
        if row is not None and first is not None and _pair(row) != _pair(first):
            message = (
                f"It is {row.supplier}'s to {row.buyer}, the first is {first.supplier}'s to {first.buyer}: pay apart."
            )
            paying.wrong(f"invoices[{at}].invoiceId", "SUPPLIERS_DIFFER", message, asked.invoiceId)
            continue
        done = paying.line(at, asked)
        if done is not None:
            lines.append(done)
    if paying.problems or first is None:
        kind: type[Refusal] = NetworkObjectNotFound if paying.is_missing else MessageNotAllowed
        raise kind(problems=paying.problems)
    body = _body(tx, data, first, lines, paying)
    try:
        message_id = await service.submit(tx, who, party, message_of(body, m.Pay))
    except Refusal as refused:
        problems = [_at_our_place(one, ids) for one in refused.problems]
        raise type(refused)(refused.message, problems=problems) from refused
    paid = body.payment.paymentAmount
    return PaymentOut(
        paymentId=body.payment.objectId, messageId=message_id, supplierB2BId=first.supplier, buyerB2BId=first.buyer,
        netPaidAmount=paid.netPaidAmount.value, netAdjustmentAmount=paid.netAdjustmentAmount.value,
        totalAmount=paid.totalAmount.value, invoices=lines,
    )  # fmt: skip


def _pair(row: ObjectRow) -> tuple[str, str]:
    return b2b_key(row.supplier), b2b_key(row.buyer)


async def _notes(tx: Transaction, data: PayInvoices, first: ObjectRow | None) -> list[_Note]:
    named = [
        split.refNo or "" for one in data.invoices for split in one.splits or [] if split.name is SplitName.CREDIT_NOTE
    ]
    if not named or first is None:
        return []
    keys = [note_key(first.buyer, first.supplier, ref) for ref in named]
    found = await queries.notes_named(tx, tx.seller_id, named, keys)
    notes = [_note(row) for row in found if _pair(row) == _pair(first)]
    # A number that a failed copy of ours or a debit note has too is the credit note's.
    return sorted(notes, key=lambda note: note.facts.credit)


def _note(row: ObjectRow) -> _Note:
    facts = facts_of(decoded(row.data or ""), NoteFacts)
    return _Note(row, facts, facts.left)


async def tds_given(tx: Transaction, rows: Sequence[ObjectRow]) -> dict[str, Decimal]:
    """Give the income tax that was deducted from invoices by payments that stand or are under way."""
    given: dict[str, Decimal] = {}
    for supplier in sorted({row.supplier for row in rows if row.status == InvoiceStatus.PARTIALLY_PAID}):
        for data in await queries.payments_to(tx, tx.seller_id, supplier):
            for line in facts_of(decoded(data), PaymentFacts).lines:
                taxes = [split.amount for split in line.splits if split.name == SplitName.TDS_INCOME_TAX]
                given[line.invoice_id] = given.get(line.invoice_id, ZERO) + sum(taxes, ZERO)
    return given


def _at_our_place(problem: FieldProblem, ids: Sequence[str]) -> FieldProblem:
    """Name the place in what the clerk sent for one in the published message."""
    field = problem.field.replace("payment.invoicesPayInfos", "invoices").replace(".invoicePaymentAmount.", ".")
    if problem.code == Fault.ANSWER_PENDING:
        field = next((f"invoices[{at}].invoiceId" for at, one in enumerate(ids) if one in problem.message), field)
    field = field.replace("payment.objectId", "paymentId").replace("payment.utr", "utr")
    return msgspec.structs.replace(problem, field=field)


def _body(
    tx: Transaction, data: PayInvoices, first: ObjectRow, lines: Sequence[PaidInvoiceOut], paying: _Paying
) -> wire.Pay:
    at = data.paidOn.value if data.paidOn is not None else tx.now
    made = SortableIds(FrozenClock(tx.now))
    net = sum((line.netPaidAmount for line in lines), ZERO)
    adjusted = sum((line.netAdjustmentAmount for line in lines), ZERO)
    return wire.Pay(
        device=OF_A_SERVER,
        b2bIds=B2BIds(buyerB2BId=first.buyer, supplierB2BId=first.supplier),
        payment=wire.Payment(
            objectId=data.paymentId or made.make(Prefix.PAYMENT),
            ts=Instant(at, format_instant(at)),
            type=data.type,
            mode=data.mode,
            utr=data.utr,
            currency=_INR,
            paymentAmount=wire.PaymentAmount(
                netPaidAmount=Amount(net), netAdjustmentAmount=Amount(adjusted), totalAmount=Amount(net + adjusted),
                currency=_INR,
            ),
            invoicesPayInfos=[_info(line, paying) for line in lines],
        ),
    )  # fmt: skip


def _info(line: PaidInvoiceOut, paying: _Paying) -> wire.InvoicePayInfo:
    row = paying.rows[line.invoiceId]
    paper = paying.paper(row)
    return wire.InvoicePayInfo(
        objectId=row.object_id,
        supplierInvoiceNumber=row.number,
        objectVersion=ObjectVersion(currentVersion=row.version, newVersion=row.version),
        statusTransition=StatusTransition(currentStatus=row.status, newStatus=InvoiceStatus.PAYMENT_INITIATED.value),
        invoiceAmount=wire.InvoiceAmount(
            dueAmount=Amount(line.dueAmount), totalAmount=Amount(paper.bill.total), currency=_INR
        ),
        invoicePaymentAmount=wire.InvoicePaymentAmount(
            netPaidAmount=Amount(line.netPaidAmount),
            netAdjustmentAmount=Amount(line.netAdjustmentAmount),
            totalAmount=Amount(line.totalAmount),
            currency=_INR,
            splits=[
                wire.Split(name=SplitName(split.name), value=SignedAmount(split.value), refNo=split.refNo or None)
                for split in line.splits
            ],
        ),
        supplierBankAccountDetails=paper.account,
    )
