"""A confirmed payment as entries of an invoice: money, tax deducted, notes, discounts (domain §3, §11).

Each part is written once (``network_postings`` has its key). What stands already under the same reference, because somebody
recorded the transfer or the note by hand, is not written again; what is more than is owed is kept on account.
"""

from contextlib import suppress
from decimal import Decimal
from typing import Final

import msgspec

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.invoices import queries as invoices
from hundi.invoices import service as invoices_service
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rules import MONEY_KINDS, EntryKind, ReceivableStatus
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal
from hundi.kit.money import ZERO
from hundi.network.books.acting import NETWORK
from hundi.network.protocol.objects import NetworkObject, PaymentFacts, PaymentLine, facts_of
from hundi.payments import queries as payments_queries
from hundi.payments import service as payments
from hundi.payments.rules import TDS_KINDS, NewEntry

_KINDS: Final = {
    "TDS_INCOME_TAX": EntryKind.TDS_INCOME_TAX, "TDS_GST": EntryKind.TDS_GST, "CREDIT_NOTE": EntryKind.CREDIT_NOTE,
    "DISCOUNT": EntryKind.DISCOUNT, "ADVANCE": EntryKind.ADVANCE, "ROUND_OFF": EntryKind.ROUND_OFF,
    "OTHER": EntryKind.DISCOUNT,
}  # fmt: skip
"""What a split is in the books; OTHER is a discount whose note says what the buyer called it."""
_DONE: Final = """
    SELECT EXISTS (SELECT 1 FROM network_postings WHERE seller_id = $1 AND payment_id = $2 AND invoice_id = $3)"""
# What stands of a reference by somebody's own hand, less what earlier parts were found to be covered by.
_COVERS: Final = """
    SELECT coalesce((SELECT sum(coalesce(e.certified, e.amount)) FROM invoice_entries e
                      WHERE e.seller_id = $1 AND e.invoice_id = $2 AND upper(e.reference) = upper($3)
                        AND e.kind = ANY ($4::text[]) AND e.created_by <> $5), 0)
         - coalesce((SELECT sum(p.covered) FROM network_postings p
                      WHERE p.seller_id = $1 AND p.invoice_id = $2 AND upper(p.reference) = upper($3)
                        AND p.kind = ANY ($4::text[])), 0)"""
_INSERT: Final = """
    INSERT INTO network_postings (seller_id, payment_id, invoice_id, part, kind, reference, amount, posted, covered, excess,
                                  entry_id, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"""
_LONGEST_SECTION: Final = 20


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a payment's line: what it is in the books, and under which reference."""

    kind: EntryKind
    amount: Decimal
    reference: str
    note: str
    tds_section: str | None = None


def parts_of(payment: NetworkObject, line: PaymentLine) -> list[_Part]:
    """Give the parts of what a payment does to one invoice: tax first, for it decides what else is owed; money last."""
    found: list[_Part] = []
    for split in line.splits:
        kind = _KINDS[split.name]
        own = f"{payment.id}/{len(found) + 1}"
        words = f"{split.name.replace('_', ' ')} {split.ref_no}".strip() if split.name == "OTHER" else split.ref_no
        section = split.ref_no[:_LONGEST_SECTION] if kind is EntryKind.TDS_INCOME_TAX and split.ref_no else None
        found.append(
            _Part(
                kind=kind, amount=split.amount, tds_section=section,
                reference=split.ref_no if kind is EntryKind.CREDIT_NOTE and split.ref_no else own,
                note=f"Bharat Connect payment {payment.id}: {words}".strip(": "),
            )
        )  # fmt: skip
    if line.paid > 0:
        utr = facts_of(payment, PaymentFacts).utr
        note = f"Bharat Connect payment {payment.id}"
        found.append(_Part(kind=EntryKind.RECEIPT, amount=line.paid, reference=utr, note=note))
    return sorted(found, key=lambda part: (part.kind not in TDS_KINDS, part.kind is EntryKind.RECEIPT))


async def post(tx: Transaction, who: Actor, payment: NetworkObject, line: PaymentLine, invoice_id: str) -> None:
    """Write what a confirmed payment did to an invoice; done once, whatever comes twice."""
    try:
        await invoices.lock(tx, tx.seller_id, invoice_id)
    except InvoiceNotFound:
        return
    if await tx.fetchval(_DONE, tx.seller_id, payment.id, invoice_id):
        return
    excess: list[dict[str, object]] = []
    for at, part in enumerate(parts_of(payment, line), 1):
        left = await _post_part(tx, who, payment.id, invoice_id, at, part)
        if left > 0:
            excess.append({"kind": part.kind.value, "amount": left, "reference": part.reference})
    if excess:
        facts = {"paymentId": payment.id, "excess": excess}
        await audit.record(tx, who, "invoice.payment_excess", kind="invoice", object_id=invoice_id, after=facts)
        await audit.emit(tx, "invoice.payment_excess", kind="invoice", object_id=invoice_id, data=facts)


async def _post_part(tx: Transaction, who: Actor, payment_id: str, invoice_id: str, at: int, part: _Part) -> Decimal:
    """Write one part and give what of it the invoice does not take."""
    covered = min(await _covered(tx, invoice_id, part), part.amount)
    rest = part.amount - covered
    if rest > 0 and part.kind not in TDS_KINDS:
        await _expect_less_tax(tx, who, invoice_id, rest)
    entry_id, posted = None, ZERO
    if rest > 0:
        new = NewEntry(
            kind=part.kind, amount=rest, reference=part.reference, note=part.note, tds_section=part.tds_section,
            accept_part=True,
        )  # fmt: skip
        entry_id, posted = await payments.record_told(tx, who, invoice_id, new)
    excess = rest - posted
    await tx.execute(
        _INSERT, tx.seller_id, payment_id, invoice_id, at, part.kind.value, part.reference, part.amount, posted, covered,
        excess, entry_id, tx.now,
    )  # fmt: skip
    return excess


async def _covered(tx: Transaction, invoice_id: str, part: _Part) -> Decimal:
    """Give what stands of a part by somebody's own hand: a transfer or a note that was recorded before it was confirmed."""
    if part.kind not in {EntryKind.RECEIPT, EntryKind.CREDIT_NOTE}:
        return ZERO
    kinds = MONEY_KINDS if part.kind is EntryKind.RECEIPT else {part.kind}
    found: Decimal = await tx.fetchval(
        _COVERS, tx.seller_id, invoice_id, part.reference, sorted(kind.value for kind in kinds), NETWORK
    )
    return max(found, ZERO)


async def _expect_less_tax(tx: Transaction, who: Actor, invoice_id: str, amount: Decimal) -> None:
    """Lower the tax the invoice expects to be deducted, where the buyer pays what was left out for it (domain §3).

    The net amount leaves the expected tax out. A buyer who deducts none pays more than that, and owes it. Where the invoice
    does not take the change (its lines do not add up to it), it stays, and what is more than it takes is kept on account.
    """
    row = await invoices.one(tx, tx.seller_id, invoice_id)
    beyond = min(amount - row.balance, row.tds)
    closed = row.receivable_status in {ReceivableStatus.CANCELLED.value, ReceivableStatus.WRITTEN_OFF.value}
    if beyond <= 0 or closed or (await payments_queries.certificates(tx, invoice_id)).count:
        return
    changes = {"tds": row.tds - beyond, "remarks": "The buyer paid without deducting it."}
    with suppress(Refusal):
        async with tx.connection.transaction():
            await invoices_service.change(tx, who, invoice_id, changes)
