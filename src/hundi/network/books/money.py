"""A confirmed payment as entries of an invoice: money, tax deducted, notes, discounts (domain §3, §11).

Each part is written once (``network_postings`` has its key). What stands already under the same reference, because somebody
recorded the transfer or the note by hand, is not written again; what is more than is owed is kept on account.
"""

from collections.abc import Sequence
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
from hundi.network.postgres import decoded
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
# What stands of a reference by somebody's own hand, less what earlier parts were found to be covered by. Who takes back an
# entry of ours takes nothing of that away.
_COVERS: Final = """
    SELECT coalesce((SELECT sum(coalesce(e.certified, e.amount)) FROM invoice_entries e
                      WHERE e.seller_id = $1 AND e.invoice_id = $2 AND upper(e.reference) = upper($3)
                        AND e.kind = ANY ($4::text[]) AND e.created_by <> $5
                        AND NOT EXISTS (SELECT 1 FROM invoice_entries ours
                                         WHERE ours.seller_id = $1 AND ours.invoice_id = $2
                                           AND ours.entry_id = e.reverses AND ours.created_by = $5)), 0)
         - coalesce((SELECT sum(p.covered) FROM network_postings p
                      WHERE p.seller_id = $1 AND p.invoice_id = $2 AND upper(p.reference) = upper($3)
                        AND p.kind = ANY ($4::text[])), 0)"""
_INSERT: Final = """
    INSERT INTO network_postings (seller_id, payment_id, invoice_id, part, kind, reference, amount, posted, covered, excess,
                                  entry_id, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"""
_KEPT: Final = """
    SELECT payment_id, part, kind, reference, covered, excess FROM network_postings
     WHERE seller_id = $1 AND invoice_id = $2 AND (covered > 0 OR excess > 0) ORDER BY at, payment_id, part"""
_SETTLED: Final = """
    UPDATE network_postings SET posted = posted + $5, covered = covered - $6, excess = excess + $6 - $5,
           entry_id = coalesce(entry_id, $7)
     WHERE seller_id = $1 AND payment_id = $2 AND invoice_id = $3 AND part = $4"""
_PAYMENTS: Final = """
    SELECT data::text AS data FROM network_objects WHERE seller_id = $1 AND kind = 'PAYMENT' AND object_id = ANY ($2::text[])"""
_OBJECTS: Final = "SELECT object_id FROM network_invoices WHERE seller_id = $1 AND invoice_id = $2"
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
    await _tell_excess(tx, who, invoice_id, payment.id, excess)


async def _tell_excess(
    tx: Transaction, who: Actor, invoice_id: str, payment_id: str, excess: list[dict[str, object]]
) -> None:
    if excess:
        facts = {"paymentId": payment_id, "excess": excess}
        await audit.record(tx, who, "invoice.payment_excess", kind="invoice", object_id=invoice_id, after=facts)
        await audit.emit(tx, "invoice.payment_excess", kind="invoice", object_id=invoice_id, data=facts)


async def reapply(tx: Transaction, who: Actor, invoice_id: str) -> None:
    """Write of confirmed payments what belongs to the invoice after all: something that stood in their place was taken back.

    A part that was covered by an entry of somebody's own hand needs one of ours once that is reversed, and what was more
    than was owed is no longer more where the invoice owes again. Done twice it changes nothing the second time.
    """
    try:
        await invoices.lock(tx, tx.seller_id, invoice_id)
    except InvoiceNotFound:
        return
    kept = await tx.fetch(_KEPT, tx.seller_id, invoice_id)
    parts = await _parts_again(tx, invoice_id, sorted({row["payment_id"] for row in kept})) if kept else {}
    for row in kept:
        part = parts.get((row["payment_id"], row["part"]))
        if part is None:
            continue
        # What stands less what is covered: below zero, so much of the cover is gone.
        gone = min(max(-await _standing(tx, invoice_id, part), ZERO), row["covered"]) if row["covered"] else ZERO
        entry_id, posted = await _write(tx, who, invoice_id, part, row["excess"] + gone)
        if not posted and not gone:
            continue
        await tx.execute(
            _SETTLED, tx.seller_id, row["payment_id"], invoice_id, row["part"], posted, gone, entry_id
        )  # fmt: skip
        if gone > posted:
            told = {"kind": part.kind.value, "amount": gone - posted, "reference": part.reference}
            await _tell_excess(tx, who, invoice_id, row["payment_id"], [told])


async def _parts_again(tx: Transaction, invoice_id: str, payment_ids: Sequence[str]) -> dict[tuple[str, int], _Part]:
    """Give the parts of these payments for an invoice, by payment and number, as they were first reckoned."""
    ours = {row["object_id"] for row in await tx.fetch(_OBJECTS, tx.seller_id, invoice_id)}
    found: dict[tuple[str, int], _Part] = {}
    for row in await tx.fetch(_PAYMENTS, tx.seller_id, list(payment_ids)):
        payment = decoded(row["data"])
        for line in facts_of(payment, PaymentFacts).lines:
            if line.invoice_id in ours:
                found |= {(payment.id, at): part for at, part in enumerate(parts_of(payment, line), 1)}
    return found


async def _post_part(tx: Transaction, who: Actor, payment_id: str, invoice_id: str, at: int, part: _Part) -> Decimal:
    """Write one part and give what of it the invoice does not take."""
    covered = min(max(await _standing(tx, invoice_id, part), ZERO), part.amount)
    rest = part.amount - covered
    entry_id, posted = await _write(tx, who, invoice_id, part, rest)
    excess = rest - posted
    await tx.execute(
        _INSERT, tx.seller_id, payment_id, invoice_id, at, part.kind.value, part.reference, part.amount, posted, covered,
        excess, entry_id, tx.now,
    )  # fmt: skip
    return excess


async def _write(
    tx: Transaction, who: Actor, invoice_id: str, part: _Part, amount: Decimal
) -> tuple[str | None, Decimal]:
    """Write so much of a part as an entry; gives its id and what the invoice took."""
    if amount <= 0:
        return None, ZERO
    if part.kind not in TDS_KINDS:
        await _expect_less_tax(tx, who, invoice_id, amount)
    new = NewEntry(
        kind=part.kind, amount=amount, reference=part.reference, note=part.note, tds_section=part.tds_section,
        accept_part=True,
    )  # fmt: skip
    return await payments.record_told(tx, who, invoice_id, new)


async def _standing(tx: Transaction, invoice_id: str, part: _Part) -> Decimal:
    """Give what stands of a part by somebody's own hand and covers no other: a transfer or a note that was recorded before.

    Below zero, more is covered than stands: an entry was reversed since.
    """
    if part.kind not in {EntryKind.RECEIPT, EntryKind.CREDIT_NOTE}:
        return ZERO
    kinds = MONEY_KINDS if part.kind is EntryKind.RECEIPT else {part.kind}
    found: Decimal = await tx.fetchval(
        _COVERS, tx.seller_id, invoice_id, part.reference, sorted(kind.value for kind in kinds), NETWORK
    )
    return found


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
