"""Which title a document may carry: a tax invoice only when every particular that the law asks for is there."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from hundi.documents.model import InvoiceDocument, Line
from hundi.gst.hsn import is_hsn
from hundi.gst.numbers import fits_rule_46b
from hundi.gst.supply import EXPORTS, SEZ_OR_EXPORT

TAX_INVOICE: Final = "TAX INVOICE"
BILL_OF_SUPPLY: Final = "BILL OF SUPPLY"
ITEMS_MISSING: Final = "ITEMS_MISSING"
"""The document has no lines: the invoice was made of amounts alone."""

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


class Missing(NamedTuple):
    """A particular that is not there: ``what`` in plain words, ``field`` where a call would put it, and what to do."""

    field: str
    code: str
    what: str
    remedy: str


def particulars_missing(document: InvoiceDocument) -> list[str]:
    """Return in plain words what keeps the document from being a tax invoice or bill of supply; empty: nothing does."""
    return [one.what for one in missing(document)]


def missing(document: InvoiceDocument) -> list[Missing]:
    """List what keeps the document from being a tax invoice or bill of supply; empty: nothing does.

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


def _supplier_missing(document: InvoiceDocument) -> Iterator[Missing]:
    supplier = document.supplier
    remedy = "Complete the registration that bills."
    if not supplier.legal_name.strip():
        yield Missing("registration.legalName", "SUPPLIER_NAME_MISSING", "supplier's name", remedy)
    if not supplier.address.is_known:
        yield Missing("registration.addressLine1", "SUPPLIER_ADDRESS_MISSING", "supplier's address", remedy)
    if not supplier.gstin:
        yield Missing("registration.gstin", "SUPPLIER_GSTIN_MISSING", "supplier's GSTIN", remedy)


def _document_missing(document: InvoiceDocument) -> Iterator[Missing]:
    if not fits_rule_46b(document.number):
        what = "a number of 1 to 16 letters, digits, '/' and '-'"
        yield Missing("invoiceNumber", "NUMBER_AGAINST_RULE_46B", what, "Send another invoiceNumber.")
    if supply_code(document) not in EXPORTS and not (document.place_of_supply_code and document.place_of_supply_name):
        what = "place of supply with the name of the state"
        remedy = "Send placeOfSupply, or give the customer a state."
        yield Missing("placeOfSupply", "PLACE_OF_SUPPLY_UNKNOWN", what, remedy)
    if document.e_invoice is not None and not document.e_invoice.signed_qr:
        remedy = "Send signedQr as the portal gave it with the IRN."
        yield Missing("signedQr", "SIGNED_QR_MISSING", "signed QR of the e-invoice", remedy)


def _recipient_missing(document: InvoiceDocument) -> Iterator[Missing]:
    recipient = document.recipient
    remedy = "Complete the customer."
    if supply_code(document) == "B2B" and not recipient.gstin:
        yield Missing("customer.panOrGstin", "RECIPIENT_GSTIN_MISSING", "recipient's GSTIN", remedy)
    exports = supply_code(document) in EXPORTS
    must_be_named = bool(recipient.gstin) or exports or document.taxable_value >= UNREGISTERED_LIMIT
    if not must_be_named:
        return
    if not recipient.legal_name.strip():
        yield Missing("customer.legalName", "RECIPIENT_NAME_MISSING", "recipient's name", remedy)
    if not recipient.billing.is_known:
        yield Missing("customer.address", "RECIPIENT_ADDRESS_MISSING", "recipient's address", remedy)
    delivery = recipient.delivery
    if exports:
        if not delivery.country.strip():
            remedy = "End the customer's address abroad with the country."
            yield Missing("customer.address", "DESTINATION_COUNTRY_MISSING", "country of destination", remedy)
    elif not recipient.gstin and not (delivery.is_known and delivery.state_code and delivery.state_name):
        what = "address of delivery with the name of the state and its code"
        remedy = "Give the customer an address and a state."
        yield Missing("customer.shippingAddress", "DELIVERY_ADDRESS_MISSING", what, remedy)


def _lines_missing(document: InvoiceDocument) -> Iterator[Missing]:
    if not document.lines:
        what = "items with HSN or SAC, rate and value"
        yield Missing("itemLists", ITEMS_MISSING, what, "Send itemLists, or attach the tax invoice made elsewhere.")
        return
    for position, line in enumerate(document.lines):
        lacking = list(_line_lacks(line, composition=document.supplier.composition))
        if lacking:
            field = f"itemLists[{position}].{lacking[0][0]}"
            what = f"{', '.join(word for _, word in lacking)} of item {position + 1}"
            yield Missing(field, "ITEM_PARTICULARS_MISSING", what, "Send itemLists anew, with these.")
    remedy = "Send itemLists that add up to the invoice."
    if abs(sum((line.taxable_value for line in document.lines), Decimal(0)) - document.taxable_value) > _TOLERANCE:
        yield Missing("itemLists", "ITEMS_DO_NOT_ADD_UP", "items that add up to the taxable value", remedy)
    for head in ("cgst", "sgst", "igst", "cess"):
        items = sum((getattr(line, head) for line in document.lines), Decimal(0))
        if abs(items - getattr(document, head)) > _TOLERANCE:
            yield Missing("itemLists", "ITEMS_DO_NOT_ADD_UP", f"items that add up to the {head.upper()}", remedy)


def _line_lacks(line: Line, *, composition: bool) -> Iterator[tuple[str, str]]:
    """Name what a line lacks: the field that takes it, and the word for it."""
    if not line.description.strip():
        yield "productDescription", "description"
    if not is_hsn(line.hsn):
        yield "hsnCode", "SAC" if line.is_service else "HSN"
    if not line.is_service and (line.quantity is None or not line.unit.strip()):
        yield "quantity" if line.quantity is None else "unit", "quantity and unit"
    if line.gst_rate is None and not composition:
        yield "gstRate", "rate of tax"
