"""Verbs on the money of an invoice: record, reverse, write off, dispute, cancel, reinstate (domain §3 and §4).

Every one holds the invoice's row lock, writes entries that are never changed again, and keeps balance and total in step
with them in the same transaction.
"""

from decimal import Decimal
from typing import Any, Final

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.invoices import queries as invoices
from hundi.invoices import service as invoices_service
from hundi.invoices.errors import InvoiceCancelled
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import MONEY_KINDS, EntryKind, ReceivableStatus, status_by_money
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_id
from hundi.kit.money import ZERO, format_inr
from hundi.payments import queries, rules
from hundi.payments.errors import (
    BelowMinimumPart,
    DuplicateReference,
    ExceedsBalance,
    ExceedsValue,
    InvoiceWrittenOff,
    NotReversible,
    PartNotAllowed,
)
from hundi.payments.rows import EntryRow
from hundi.payments.rules import NewEntry

R = ReceivableStatus

_INSERT: Final = """
    INSERT INTO invoice_entries (seller_id, invoice_id, entry_id, kind, amount, certified, reference, received_on,
        tds_section, tan, certificate_no, note, reverses, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"""


async def record(tx: Transaction, who: Actor, invoice_id: str, new: NewEntry) -> tuple[EntryRow, list[FieldProblem]]:
    """Record money, tax deducted or a note against an invoice; gives the entry and what is doubtful about it.

    Raises :class:`Invalid` (400), and with 422 :class:`DuplicateReference`, :class:`ExceedsBalance`,
    :class:`PartNotAllowed`, :class:`BelowMinimumPart` and those of a closed invoice.
    """
    problems = rules.problems_of(new, ist_date(tx.now))
    if problems:
        raise Invalid(problems=problems)
    row = await _open_invoice(tx, invoice_id)
    if new.reference and await queries.standing_with(tx, invoice_id, new.reference, new.kind):
        message = "An entry of this invoice has that reference already; look at it before you record it again."
        raise DuplicateReference(
            problems=[FieldProblem("reference", DuplicateReference.code, message, new.reference[:60])]
        )
    is_tds = new.kind in rules.TDS_KINDS
    standing = await queries.certificates(tx, invoice_id) if is_tds else rules.NO_CERTIFICATES
    effect = rules.effect_of(new, row.tds, standing)
    _check_room(row, effect, new.amount)
    if new.kind is EntryKind.RECEIPT and not new.accept_part:
        _check_part(row, new.amount)
    entry_id = await _post(
        tx, who, row, kind=new.kind, amount=effect, certified=new.amount if is_tds else None,
        particulars=(
            new.reference, new.received_on or (ist_date(tx.now) if rules.is_money(new.kind) else None),
            new.tds_section, new.tan.upper() if new.tan else None, new.certificate_no, new.note,
        ),
    )  # fmt: skip
    return await queries.one(tx, invoice_id, entry_id), rules.doubts_of(new)


async def record_told(tx: Transaction, who: Actor, invoice_id: str, new: NewEntry) -> tuple[str | None, Decimal]:
    """Record what has happened elsewhere (a payment both sides confirmed) as far as the invoice takes it.

    Never refuses: gives the entry's id and how much of the amount it holds, ``(None, 0.00)`` where nothing is owed any more
    or the invoice is closed. What is left over is the caller's to keep.
    """
    row = await invoices.lock(tx, tx.seller_id, invoice_id)
    if row.receivable_status in {R.CANCELLED.value, R.WRITTEN_OFF.value}:
        return None, ZERO
    is_tds = new.kind in rules.TDS_KINDS
    standing = await queries.certificates(tx, invoice_id) if is_tds else rules.NO_CERTIFICATES
    effect = rules.effect_of(new, row.tds, standing)
    over = max(effect - row.balance, ZERO)
    amount, effect = new.amount - over, effect - over
    if amount <= 0 or (effect == 0 and not is_tds):
        return None, ZERO
    entry_id = await _post(
        tx, who, row, kind=new.kind, amount=effect, certified=amount if is_tds else None,
        particulars=(
            new.reference, ist_date(tx.now) if rules.is_money(new.kind) else None, new.tds_section, None, None, new.note,
        ),
    )  # fmt: skip
    return entry_id, amount


async def reverse(tx: Transaction, who: Actor, invoice_id: str, entry_id: str, note: str | None) -> EntryRow:
    """Take an entry back by another one; gives the entry that was taken back. Once reversed it stays as it is.

    Raises :class:`EntryNotFound` (404), :class:`NotReversible` (422) and those of a closed invoice.
    """
    row = await invoices.lock(tx, tx.seller_id, invoice_id)
    entry = await queries.one(tx, invoice_id, entry_id)
    if entry.reversed_by is not None:
        return entry
    _check_open(row)
    kind = EntryKind(entry.kind)
    own = rules.reversal_kind(kind)
    follows = kind in rules.TDS_KINDS and entry.certified is None
    if own is None or follows or entry.reverses is not None:
        message = (
            "It follows from something else: a write-off is taken back by reinstating the invoice, a change of the "
            "expected tds by changing that again, a reversal by recording the entry anew."
        )
        raise NotReversible(problems=[FieldProblem("entryId", NotReversible.code, message, entry_id)])
    standing = await queries.certificates(tx, invoice_id)
    effect = rules.reversed_effect(kind, entry.amount, entry.certified, standing)
    received = row.total_received + (effect if rules.is_money(kind) else ZERO)
    if received < 0 or not ZERO <= row.balance - effect <= row.invoice_value:
        message = "What it brought has been taken back already, or other entries stand on it: reverse those first."
        raise NotReversible(problems=[FieldProblem("entryId", NotReversible.code, message, entry_id)])
    certified = None if entry.certified is None else -entry.certified
    await _post(
        tx, who, row, kind=own, amount=effect, certified=certified, reverses=entry_id,
        particulars=(entry.reference, None, None, None, None, note),
    )  # fmt: skip
    return await queries.one(tx, invoice_id, entry_id)


async def move(tx: Transaction, who: Actor, invoice_id: str, to: ReceivableStatus, reason: str) -> InvoiceRow:
    """Dispute, cancel or write off an invoice, with the reason; one that is so already stays as it is."""
    row, _ = await invoices_service.change(tx, who, invoice_id, {"receivableStatus": to.value, "remarks": reason})
    return row


async def reinstate(tx: Transaction, who: Actor, invoice_id: str, reason: str | None) -> InvoiceRow:
    """End a dispute or a write-off: the invoice is again what its money says; an open or paid one stays as it is.

    Raises :class:`InvoiceCancelled` (422); taking a write-off back needs the permission to reverse receipts (422).
    """
    row = await invoices.lock(tx, tx.seller_id, invoice_id)
    stored = R(row.receivable_status)
    if stored is R.CANCELLED:
        raise InvoiceCancelled
    if stored not in {R.DISPUTED, R.WRITTEN_OFF}:
        return row
    money = sorted(kind.value for kind in MONEY_KINDS)
    _, written_off, _ = await invoices.entry_sums(tx, tx.seller_id, invoice_id, money)
    returned = written_off if stored is R.WRITTEN_OFF else ZERO
    to = status_by_money(row.net_amount, row.balance + returned)
    changes: dict[str, Any] = {"receivableStatus": to.value, "remarks": reason}
    after, _ = await invoices_service.change(tx, who, invoice_id, changes)
    return after


async def _open_invoice(tx: Transaction, invoice_id: str) -> InvoiceRow:
    row = await invoices.lock(tx, tx.seller_id, invoice_id)
    _check_open(row)
    return row


def _check_open(row: InvoiceRow) -> None:
    if row.receivable_status == R.CANCELLED.value:
        raise InvoiceCancelled
    if row.receivable_status == R.WRITTEN_OFF.value:
        raise InvoiceWrittenOff


def _check_room(row: InvoiceRow, effect: Decimal, sent: Decimal) -> None:
    if row.balance - effect < 0:
        message = f"{format_inr(row.balance, symbol=True)} is still owed; {format_inr(effect, symbol=True)} is more."
        raise ExceedsBalance(problems=[FieldProblem("amount", ExceedsBalance.code, message, str(sent))])
    if row.balance - effect > row.invoice_value:
        message = f"The balance cannot pass the document's value, {format_inr(row.invoice_value, symbol=True)}."
        raise ExceedsValue(problems=[FieldProblem("amount", ExceedsValue.code, message, str(sent))])


def _check_part(row: InvoiceRow, amount: Decimal) -> None:
    """Hold a receipt to what the invoice asks for: all of it, or at least its minimum (domain §9: mam)."""
    if amount >= row.balance:
        return
    if not row.partial_payment_allowed:
        message = f"The invoice is to be paid in full, {format_inr(row.balance, symbol=True)}: allow part payment on it, or send acceptPart: true."
        raise PartNotAllowed(problems=[FieldProblem("amount", PartNotAllowed.code, message, str(amount))])
    if row.minimum_part is not None and amount < row.minimum_part:
        message = (
            f"Part payments begin at {format_inr(row.minimum_part, symbol=True)}: send acceptPart: true to record less."
        )
        raise BelowMinimumPart(problems=[FieldProblem("amount", BelowMinimumPart.code, message, str(amount))])


async def _post(
    tx: Transaction,
    who: Actor,
    row: InvoiceRow,
    *,
    kind: EntryKind,
    amount: Decimal,
    certified: Decimal | None,
    particulars: tuple[Any, ...],
    reverses: str | None = None,
) -> str:
    """Write one entry and bring total, balance and status into step with it; gives the entry's id."""
    entry_id = new_id("ent", tx.now)
    await tx.execute(
        _INSERT, tx.seller_id, row.invoice_id, entry_id, kind.value, amount, certified, *particulars, reverses, tx.now,
        who.subject,
    )  # fmt: skip
    balance = row.balance - amount
    received = row.total_received + (amount if rules.is_money(kind) else ZERO)
    await invoices_service.settle(tx, who, row, received=received, balance=balance)
    facts = {
        "entryId": entry_id, "kind": kind.value, "amount": amount, "certified": certified, "reference": particulars[0],
        "reverses": reverses, "balance": balance,
    }  # fmt: skip
    told = {name: value for name, value in facts.items() if value is not None}
    verb = "entry.record" if reverses is None else "entry.reverse"
    await audit.record(
        tx, who, verb, kind="invoice", object_id=row.invoice_id, before={"balance": row.balance}, after=told
    )
    event = "invoice.entry_recorded" if reverses is None else "invoice.entry_reversed"
    await audit.emit(tx, event, kind="invoice", object_id=row.invoice_id, data=told)
    return entry_id
