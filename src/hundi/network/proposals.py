"""Payment proposals: what would be paid to a supplier by a day, less open credit notes, less TDS."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.money import ZERO
from hundi.network import papers, queries, tds
from hundi.network.payable_schemas import (
    MAX_INVOICES,
    MAX_SPLITS,
    PENDING,
    OpenNote,
    PaidSplitOut,
    Proposal,
    ProposedInvoice,
)
from hundi.network.paying import tds_given
from hundi.network.postgres import decoded
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.protocol.objects import NoteFacts, facts_of
from hundi.network.queries import ObjectRow
from hundi.network.wire.payments import SplitName

_LAST: Final = date.max


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be proposed: to whom, of which of our own B2B IDs, what is due up to a day, with which TDS."""

    supplier: str
    buyer: str | None = None
    up_to: date | None = None
    section: str | None = None
    rate: Decimal | None = None


class _Line(msgspec.Struct):
    row: ObjectRow
    paper: papers.Received
    splits: list[PaidSplitOut] = msgspec.field(default_factory=list)

    @property
    def due(self) -> Decimal:
        return self.row.due if self.row.due is not None else ZERO

    @property
    def adjusted(self) -> Decimal:
        return sum((split.value for split in self.splits), ZERO)

    @property
    def room(self) -> Decimal:
        return self.due - self.adjusted


async def propose(tx: Transaction, asked: Asked, *, today: date) -> Proposal:
    """Give what would be paid, the longest due first; nothing is written.

    Raises :class:`Invalid` with ``BUYER_AMBIGUOUS`` (the supplier bills several of our B2B IDs), ``TDS_SECTION_UNKNOWN``.
    """
    rows = await queries.due_invoices(tx, tx.seller_id, asked.supplier, asked.buyer)
    buyers = sorted({row.buyer for row in rows}, key=str.upper)
    if len({b2b_key(buyer) for buyer in buyers}) > 1:
        message = f"The supplier bills {', '.join(buyers)}: send one of them as buyer."
        raise Invalid(problems=[FieldProblem("buyer", "BUYER_AMBIGUOUS", message)])
    lines = [_Line(row, papers.received(row.object_id, row.document or "")) for row in rows]
    if asked.up_to is not None:
        # What says no due date is due at once.
        lines = [line for line in lines if line.paper.due is None or line.paper.due <= asked.up_to]
    lines.sort(key=lambda line: (line.paper.due or line.paper.bill.day, line.paper.bill.day, line.row.object_id))
    lines = lines[:MAX_INVOICES]
    await _deduct(tx, asked, lines, today)
    buyer = buyers[0] if buyers else asked.buyer or ""
    notes = await queries.open_notes(tx, tx.seller_id, asked.supplier, buyer) if lines else []
    credits_, debits = _by_kind(notes)
    _set_off(credits_, lines)
    verdicts = await queries.verdicts(tx, tx.seller_id, [line.row.object_id for line in lines])
    invoices = [_shown(line, verdicts) for line in lines]
    return Proposal(
        supplierB2BId=asked.supplier, buyerB2BId=buyer, dueAmount=sum((line.due for line in lines), ZERO),
        netPaidAmount=sum((one.netPaidAmount for one in invoices), ZERO),
        netAdjustmentAmount=sum((one.netAdjustmentAmount for one in invoices), ZERO), invoices=invoices,
        creditNotes=[_open(row) for row in credits_], debitNotes=[_open(row) for row in debits],
    )  # fmt: skip


async def _deduct(tx: Transaction, asked: Asked, lines: Sequence[_Line], today: date) -> None:
    if asked.section is None and asked.rate is None:
        return
    given = await tds_given(tx, [line.row for line in lines])
    for line in lines:
        rate = asked.rate
        if rate is None:
            rate = tds.usual_rate(asked.section or "", today, line.paper.supplier_gstin)
        if rate is None:
            message = f"No rate is known for this section: send tdsRate, or one of {', '.join(tds.RATES)}."
            raise Invalid(problems=[FieldProblem("tdsSection", "TDS_SECTION_UNKNOWN", message, asked.section)])
        value = min(tds.deducted(line.paper.taxable, rate, given.get(line.row.object_id, ZERO)), line.room)
        if value > 0:
            split = PaidSplitOut(name=SplitName.TDS_INCOME_TAX, value=value, refNo=asked.section or "")
            line.splits.append(split)


def _by_kind(rows: Sequence[ObjectRow]) -> tuple[list[ObjectRow], list[ObjectRow]]:
    found: tuple[list[ObjectRow], list[ObjectRow]] = ([], [])
    for row in rows:
        found[0 if facts_of(decoded(row.data or ""), NoteFacts).credit else 1].append(row)
    return found


def _set_off(notes: Sequence[ObjectRow], lines: Sequence[_Line]) -> None:
    """Put each credit note onto the invoice it is on, then onto those that are due longest."""
    for row in notes:
        left = row.due or ZERO
        note = papers.note_of(row.object_id, left, row.document or "")
        own = [line for line in lines if line.row.number.upper() == note.invoice_number.upper()]
        for line in (*own, *(line for line in lines if line not in own)):
            value = min(left, line.room)
            if value > 0 and len(line.splits) < MAX_SPLITS:
                line.splits.append(PaidSplitOut(name=SplitName.CREDIT_NOTE, value=value, refNo=row.number))
                left -= value


def _shown(line: _Line, verdicts: dict[str, str]) -> ProposedInvoice:
    row = line.row
    return ProposedInvoice(
        invoiceId=row.object_id, supplierInvoiceNumber=row.number, status=row.status,
        verdict=verdicts.get(row.object_id, PENDING), dueAmount=line.due, netPaidAmount=line.room,
        netAdjustmentAmount=line.adjusted, splits=line.splits, invoiceDate=line.paper.bill.day, dueDate=line.paper.due,
    )  # fmt: skip


def _open(row: ObjectRow) -> OpenNote:
    return OpenNote(objectId=row.object_id, number=row.number, amount=row.total or ZERO, left=row.due or ZERO)
