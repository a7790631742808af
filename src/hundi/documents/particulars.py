"""Which title a document may carry: a tax invoice only when every particular that the law asks for is there."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from hundi.documents.model import InvoiceDocument, Line
from hundi.gst.hsn import is_hsn
from hundi.gst.numbers import fits_rule_46b
from hundi.gst.supply import EXPORTS, SEZ_OR_EXPORT

TAX_INVOICE: Final = "TAX INVOICE"
BILL_OF_SUPPLY: Final = "BILL OF SUPPLY"

UNREGISTERED_LIMIT: Final = Decimal(50_000)
"""From this taxable value, rupees, an unregistered recipient is named, with the place of delivery (rule 46(e))."""

_TOLERANCE: Final = Decimal(1)
_ENDORSEMENTS: Final = {
    "EXPWP": "Supply meant for export on payment of integrated tax",
    "EXPWOP": "Supply meant for export under bond or letter of undertaking without payment of integrated tax",
    "SEZWP": "Supply to SEZ unit or SEZ developer for authorised operations on payment of integrated tax",
    "SEZWOP": (
        "Supply to SEZ unit or SEZ developer for authorised operations under bond or letter of undertaking "
        "without payment of integrated tax"
    ),
}


def title(document: InvoiceDocument) -> str:
    """Return the only title the document may carry (domain §8).

    ``TAX INVOICE`` or ``BILL OF SUPPLY`` (composition and wholly exempt supplies, rule 49 CGST Rules) when
    :func:`particulars_missing` finds nothing, otherwise ``Payment advice for invoice N: not a tax invoice``.
    """
    if particulars_missing(document):
        return f"Payment advice for invoice {document.number}: not a tax invoice"
    return BILL_OF_SUPPLY if is_bill_of_supply(document) else TAX_INVOICE


def is_bill_of_supply(document: InvoiceDocument) -> bool:
    """Say whether the supply asks for a bill of supply: a composition supplier, or nothing taxable in it (rule 49)."""
    if document.supplier.composition:
        return True
    if document.reverse_charge or supply_code(document) in SEZ_OR_EXPORT:
        return False
    taxed = document.cgst + document.sgst + document.igst + document.cess
    return not taxed and bool(document.lines) and all(line.gst_rate == 0 for line in document.lines)


def particulars_missing(document: InvoiceDocument) -> list[str]:
    """Return in plain words what keeps the document from being a tax invoice or bill of supply; empty: nothing does.

    Source: rule 46 (tax invoice), rule 49 (bill of supply), rule 48 with 46(r) (e-invoice) of the CGST Rules, 2017.
    """
    return [
        *_supplier_missing(document),
        *_document_missing(document),
        *_recipient_missing(document),
        *_lines_missing(document),
    ]


def endorsement(document: InvoiceDocument) -> str:
    """Return the wording that exports and SEZ supplies carry (rule 46, proviso), with the LUT where one is known."""
    wording = document.endorsement or _ENDORSEMENTS.get(supply_code(document), "")
    if wording and document.supplier.lut and supply_code(document).endswith("WOP"):
        return f"{wording}. LUT/bond: {document.supplier.lut}"
    return wording


def supply_code(document: InvoiceDocument) -> str:
    """Return the supply type as the e-invoice schema writes it: upper case, nothing but letters and digits."""
    return re.sub(r"[^A-Z0-9]", "", document.supply_type.upper())


def _supplier_missing(document: InvoiceDocument) -> Iterator[str]:
    supplier = document.supplier
    if not supplier.legal_name.strip():
        yield "supplier's name"
    if not supplier.address.is_known:
        yield "supplier's address"
    if not supplier.gstin:
        yield "supplier's GSTIN"


def _document_missing(document: InvoiceDocument) -> Iterator[str]:
    if not fits_rule_46b(document.number):
        yield "a number of 1 to 16 letters, digits, '/' and '-'"
    if supply_code(document) not in EXPORTS and not (document.place_of_supply_code and document.place_of_supply_name):
        yield "place of supply with the name of the state"
    if document.e_invoice is not None and not document.e_invoice.signed_qr:
        yield "signed QR of the e-invoice"


def _recipient_missing(document: InvoiceDocument) -> Iterator[str]:
    recipient = document.recipient
    if supply_code(document) == "B2B" and not recipient.gstin:
        yield "recipient's GSTIN"
    exports = supply_code(document) in EXPORTS
    must_be_named = bool(recipient.gstin) or exports or document.taxable_value >= UNREGISTERED_LIMIT
    if not must_be_named:
        return
    if not recipient.legal_name.strip():
        yield "recipient's name"
    if not recipient.billing.is_known:
        yield "recipient's address"
    delivery = recipient.delivery
    if exports:
        if not delivery.country.strip():
            yield "country of destination"
    elif not recipient.gstin and not (delivery.is_known and delivery.state_code and delivery.state_name):
        yield "address of delivery with the name of the state and its code"


def _lines_missing(document: InvoiceDocument) -> Iterator[str]:
    if not document.lines:
        yield "items with HSN or SAC, rate and value"
        return
    for position, line in enumerate(document.lines, start=1):
        lacking = list(_line_lacks(line, composition=document.supplier.composition))
        if lacking:
            yield f"{', '.join(lacking)} of item {position}"
    if abs(sum((line.taxable_value for line in document.lines), Decimal(0)) - document.taxable_value) > _TOLERANCE:
        yield "items that add up to the taxable value"
    for head in ("cgst", "sgst", "igst", "cess"):
        items = sum((getattr(line, head) for line in document.lines), Decimal(0))
        if abs(items - getattr(document, head)) > _TOLERANCE:
            yield f"items that add up to the {head.upper()}"


def _line_lacks(line: Line, *, composition: bool) -> Iterator[str]:
    if not line.description.strip():
        yield "description"
    if not is_hsn(line.hsn):
        yield "SAC" if line.is_service else "HSN"
    if not line.is_service and (line.quantity is None or not line.unit.strip()):
        yield "quantity and unit"
    if line.gst_rate is None and not composition:
        yield "rate of tax"
