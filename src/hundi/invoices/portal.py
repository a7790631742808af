"""What the e-invoice portal gave for an invoice: IRN, acknowledgement, signed QR, e-way bill (domain §3 and §11).

With the invoice, over the API or in a file, it is taken in the form it has. What comes afterwards is held against the
invoice, because it stays: the portal has the invoice under that very IRN. Only an IRN that cannot be the invoice's own, by
its hash, gives way to the one that is.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.gst.document import DocumentKind
from hundi.gst.irn import CASE_RULE_FROM, compute_irn
from hundi.gst.numbers import number_key
from hundi.gst.signed import NotSigned, PortalKeys, QrClaims, read_signed_qr
from hundi.gst.supply import SupplyType
from hundi.gst.tolerance import within_tolerance
from hundi.invoices import line_sums
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import ReceivableStatus
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem, Invalid, NotAllowedNow, Refusal
from hundi.kit.money import shown

FIELDS: Final[Mapping[str, str]] = {
    "irn": "irn", "ackNo": "ack_no", "ackDate": "ack_date", "signedQr": "signed_qr", "ewayBillNo": "eway_bill_no",
}  # fmt: skip
"""Wire name → stored name."""
_OPEN: Final = "eway_bill_no"
"""An e-way bill is cancelled and made anew while the IRN stands, so its number may change (rule 138 CGST Rules)."""

_STANDING: Final = """
    SELECT i.doc_type, i.irn, i.ack_no, i.ack_date, i.signed_qr, i.eway_bill_no, r.gstin, c.gstin AS buyer_gstin
      FROM invoices i
      JOIN registrations r ON r.seller_id = $1 AND r.registration_id = i.registration_id
      LEFT JOIN customers c ON c.seller_id = $1 AND c.customer_id = $3
     WHERE i.seller_id = $1 AND i.invoice_id = $2"""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """The invoice as the portal should know it. ``value`` is None where the portal may count the tax in or leave it out."""

    gstin: str | None
    buyer_gstin: str | None
    kind: DocumentKind
    number: str | None
    day: date
    value: Decimal | None


class Added(msgspec.Struct, frozen=True):
    """What a PATCH adds, by stored name, and what is wrong with it: with problems nothing is to be written."""

    values: dict[str, Any]
    problems: list[tuple[type[Refusal], FieldProblem]]
    warnings: list[FieldProblem] = msgspec.field(default_factory=list)


def take(changes: dict[str, Any]) -> dict[str, Any]:
    """Take what the portal gave out of the changes of a PATCH, by wire name; None stands for what is to go."""
    found = {name: changes.pop(name) for name in FIELDS if name in changes}
    return {name: value.lower() if name == "irn" and value else value for name, value in found.items()}


async def added(
    tx: Transaction,
    before: InvoiceRow,
    given: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    cancels: bool,
    keys: PortalKeys | None,
) -> Added:
    """Decide what a PATCH adds to a locked invoice; ``values`` is what else it changes, ``cancels`` that it ends with it.

    What is not there yet is added; what stands may be said again, and not changed or removed, unless the IRN that stands is
    another document's: then the right one takes its place, with all that belongs to it.
    """
    if not given:
        return Added({}, [])
    buyer = values.get("customer_id", before.customer_id)
    stands = await tx.fetchrow(_STANDING, tx.seller_id, before.invoice_id, buyer)
    if stands is None:
        raise InvoiceNotFound
    reported = _reported(before, values, stands)
    is_open = _is_anothers(stands, reported) and given.get("irn") is not None
    new: dict[str, Any] = {}
    problems: list[tuple[type[Refusal], FieldProblem]] = []
    for name, value in given.items():
        stored = FIELDS[name]
        was = stands[stored].lower() if stored == "irn" and stands["irn"] else stands[stored]
        if value == was:
            continue
        if was is None or stored == _OPEN or is_open:
            new[stored] = value
        else:
            problems.append((NotAllowedNow, _fixed(name, value)))
    fresh = {stored: value for stored, value in new.items() if stored != _OPEN}
    if fresh and (before.receivable_status == ReceivableStatus.CANCELLED.value or cancels):
        problems += [(NotAllowedNow, _of_cancelled(name)) for name, stored in FIELDS.items() if stored in fresh]
    elif fresh:
        after = {stored: fresh.get(stored, stands[stored]) for stored in FIELDS.values()}
        problems += [(Invalid, one) for one in _problems(fresh, after, reported, tx.now, keys)]
    if problems:
        return Added({}, problems)
    return Added(new, [], [_without_qr()] if "irn" in new and not (new.get("signed_qr") or stands["signed_qr"]) else [])


def _fixed(name: str, value: Any) -> FieldProblem:
    action = "removed" if value is None else "changed"
    message = (
        f"The portal gave {name} with the IRN, and it is not {action}: leave it out, or send what stands. A wrong invoice "
        "is cancelled at the portal and here within 24 hours, or corrected by a credit or debit note."
    )
    return FieldProblem(name, "EINVOICE_FIXED", message, None if value is None else shown(value)[:100])


def _without_qr() -> FieldProblem:
    message = "Send signedQr too: without it the document is no tax invoice any more (rule 46(r) CGST Rules)."
    return FieldProblem("signedQr", "SIGNED_QR_MISSING", message)


def _of_cancelled(name: str) -> FieldProblem:
    message = "A cancelled invoice gets no IRN and nothing that belongs to one: make another invoice."
    return FieldProblem(name, "IRN_OF_CANCELLED", message)


def _reported(before: InvoiceRow, values: Mapping[str, Any], stands: Mapping[str, Any]) -> Reported:
    """Put together what the portal should know of the invoice as the PATCH leaves it."""

    def now(name: str) -> Any:
        return values.get(name, getattr(before, name))

    supply = SupplyType(now("supply_type")) if now("supply_type") else None
    either = now("reverse_charge") or supply in line_sums.WITH_PAYMENT
    day = now("invoice_date")
    return Reported(
        gstin=stands["gstin"], buyer_gstin=stands["buyer_gstin"], kind=DocumentKind(stands["doc_type"]),
        number=now("invoice_number"), day=ist_date(day) if isinstance(day, datetime) else day,
        value=None if either else now("invoice_value"),
    )  # fmt: skip


def _is_anothers(stands: Mapping[str, Any], reported: Reported) -> bool:
    """Tell whether the IRN that stands is not this invoice's: one that came with the invoice is taken as it is."""
    return (
        stands["irn"] is not None and irn_problem(stands["irn"], reported, acknowledged=stands["ack_date"]) is not None
    )


def _problems(
    new: Mapping[str, Any], after: Mapping[str, Any], reported: Reported, now: datetime, keys: PortalKeys | None
) -> list[FieldProblem]:
    """Hold what is new against the invoice; ``after`` is all that will then stand, of what the portal gave."""
    if after["irn"] is None:
        message = "Send the IRN too: this belongs to one."
        return [
            FieldProblem(name, "IRN_MISSING", message)
            for name, stored in FIELDS.items()
            if stored not in {"irn", _OPEN} and new.get(stored) is not None
        ]
    found: list[FieldProblem] = []
    if new.get("irn") is not None:
        wrong = irn_problem(new["irn"], reported, acknowledged=after["ack_date"])
        found += [wrong] if wrong else []
    if new.get("ack_date") is not None:
        day = ist_date(new["ack_date"])
        if not reported.day <= day <= ist_date(now):
            message = f"The portal acknowledges an invoice on its day ({reported.day}) or later, and not in the future."
            found.append(FieldProblem("ackDate", "ACK_DATE_IMPOSSIBLE", message, str(day)))
    if new.get("signed_qr") is not None and keys is not None:
        found += qr_problems(new["signed_qr"], after["irn"], reported, keys)
    return found


def irn_problem(irn: str, reported: Reported, *, acknowledged: datetime | None) -> FieldProblem | None:
    """Say why an IRN is not this invoice's: it is a hash of GSTIN, financial year, kind and number (contract b2b §9.4).

    The portals put the number into capitals since 1 June 2025; without the acknowledgement's date both ways are tried.
    """
    if reported.number is None:
        message = "Send the invoiceNumber that was reported to the portal: the IRN is made of it."
        return FieldProblem("invoiceNumber", "IRN_NEEDS_NUMBER", message)
    if reported.gstin is None:
        message = "The invoice's registration has no GSTIN, so no IRN can be its: add the GSTIN, or name another one."
        return FieldProblem("irn", "IRN_NEEDS_GSTIN", message, irn)
    days = [ist_date(acknowledged)] if acknowledged else [CASE_RULE_FROM, CASE_RULE_FROM - timedelta(days=1)]
    own = {
        compute_irn(reported.gstin, reported.day, reported.kind, reported.number, generated_on=generated)
        for generated in days
    }
    if irn.lower() in own:
        return None
    message = (
        f"This is not the IRN of {reported.kind.value} {reported.number} of {reported.day} under {reported.gstin}: "
        "check the IRN, and the number and date that were reported to the portal."
    )
    return FieldProblem("irn", "IRN_OF_ANOTHER", message, irn)


def qr_problems(token: str, irn: str, reported: Reported, keys: PortalKeys) -> list[FieldProblem]:
    """Verify the signed QR by the portals' keys, and name what it says otherwise than the invoice."""
    try:
        claims = read_signed_qr(token, keys)
    except NotSigned as refusal:
        return [FieldProblem("signedQr", refusal.code, str(refusal))]
    return [
        FieldProblem("signedQr", "QR_DIFFERS", f"The signed QR says {shown(signed)} as its {what}, not {shown(ours)}.")
        for what, signed, ours in _differences(claims, irn, reported)
    ]


def _differences(claims: QrClaims, irn: str, reported: Reported) -> list[tuple[str, object, object]]:
    pairs: list[tuple[str, object, object]] = [
        ("IRN", claims.irn.lower(), irn.lower()),
        ("supplier's GSTIN", claims.supplier_gstin.upper(), reported.gstin),
        ("number", number_key(claims.number), number_key(reported.number or "")),
        ("kind", claims.kind, reported.kind.value),
        ("date", claims.day, reported.day),
    ]
    if reported.buyer_gstin is not None:
        pairs.append(("buyer's GSTIN", claims.buyer_gstin.upper(), reported.buyer_gstin))
    if reported.value is not None and not within_tolerance(claims.total, reported.value):
        pairs.append(("total", claims.total, reported.value))
    return [(what, signed, ours) for what, signed, ours in pairs if signed != ours]
