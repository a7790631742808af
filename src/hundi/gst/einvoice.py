"""The one rule set for invoices and notes between businesses: ``check`` finds everything wrong with a document.

The rules are those of the invoice registration portals (form INV-01 v1.1 and its validations, contract b2b §9.2 and
§9.3); :mod:`hundi.gst.rulebook` lists each with its weight and the portal's number. Paths are the network's field names,
beginning inside ``invoice``: ``itemLists[3].gstRate``. An entry of a typed list is named by its type:
``itemLists[3].itemValueDetails[IGST]``. Other fronts rename: :meth:`hundi.gst.findings.Problems.renamed`.
"""

from datetime import date
from typing import Final

from hundi.gst.document import Document, Payment
from hundi.gst.einvoice_items import AMOUNT_LIMIT, check_amount, check_items, tax_due
from hundi.gst.einvoice_parties import check_parties, state_key
from hundi.gst.einvoice_travel import check_travel
from hundi.gst.einvoice_values import check_values
from hundi.gst.findings import LISTED_PROBLEMS, Findings, Problems
from hundi.gst.irn import irn_of, is_irn
from hundi.gst.numbers import number_error, number_warnings
from hundi.gst.shapes import Text, check_texts
from hundi.gst.supply import SEZ_OR_EXPORT, SupplyType, is_inter_state
from hundi.kit.dates import ist_date
from hundi.kit.money import MAX_AMOUNT, PAISA
from hundi.kit.states import STATES

LONGEST_CREDIT: Final = 9999
"""Days of credit a document can give."""

FIRST_DAY: Final = date(2020, 10, 1)
"""E-invoices began on this day; the portals take nothing older."""

SUPPLY_TYPES: Final = frozenset({"B2B", "SEZWP", "SEZWOP", "EXPWP", "EXPWOP", "DEXP"})
"""The supply types of form INV-01; B2C documents have no e-invoice."""

_REVERSE_CHARGE: Final = frozenset({SupplyType.B2B, SupplyType.SEZWP, SupplyType.SEZWOP})

_REMARKS: Final = (Text("remarks", "invoiceRemarks", 3, 100),)
_NUMBER: Final = r"[A-Za-z1-9][A-Za-z0-9/-]*"
_PRECEDING: Final = (
    Text("number", "invoiceNumber", 1, 16, _NUMBER, "letters, digits, '/' and '-', not starting with 0, '/' or '-'",
         required=True),
    Text("other_reference", "otherReferenceNo", 1, 20),
)  # fmt: skip
_CONTRACT: Final = (
    Text("receipt_advice", "receiptAdviceNo", 1, 20), Text("tender", "batchReferenceNo", 1, 20),
    Text("contract", "contractReferenceNo", 1, 20), Text("external", "extraReferenceNo", 1, 20),
    Text("project", "projectReferenceNo", 1, 20), Text("order", "buyerPoId", 1, 16),
)  # fmt: skip
_ENCLOSURE: Final = (
    Text("url", "url", 3, 100), Text("document", "document", 3, 1000), Text("info", "info", 3, 1000),
)  # fmt: skip
_EXPORT: Final = (
    Text("shipping_bill", "shipBillNo", 1, 20),
    Text("port", "port", 2, 10, r"[0-9A-Za-z]+", "2 to 10 letters and digits"),
    Text("currency", "foreignCurrency", 3, 16, r"[A-Za-z]+", "letters, such as USD"),
    Text("country", "countryCode", 2, 2, r"[A-Z]{2}", "two capital letters, such as DE"),
)
_PAYMENT: Final = (
    Text("payee", "payeeName", 1, 100), Text("account", "maskedAccountNumber", 1, 18), Text("mode", "mode", 1, 18),
    Text("branch", "ifsc", 1, 11), Text("terms", "paymentTerms", 1, 100),
    Text("instruction", "paymentInstruction", 1, 100), Text("credit_transfer", "creditTransfer", 1, 100),
    Text("direct_debit", "directDebit", 1, 100),
)  # fmt: skip


def check(
    document: Document,
    *,
    today: date,
    strict: bool,
    sandbox: bool = False,
    extract: bool = False,
    listed: int = LISTED_PROBLEMS,
) -> Problems:
    """Find everything wrong with a document; never raises, whatever stands in it.

    ``strict``: it is to become an e-invoice, so what a portal would refuse is an error; otherwise much of it is a
    warning (domain §2, §6). ``today`` is the day in India. ``sandbox`` lets the made-up GSTINs of test portals pass.
    ``listed`` is how many errors and warnings are listed. ``extract``: the document is somebody's copy of it, as the network
    carries it, and not the form that goes to a portal: what a copy leaves out is a warning, and in one that is no e-invoice the
    figures, numbers and parties are looked at, and the shapes of texts and codes are not.
    """
    found = Findings(strict=strict, extract=extract, listed=listed)
    _check_transaction(document, found)
    _check_document(document, found, today)
    check_parties(document, found, sandbox=sandbox)
    due = tax_due(document, state_key(document.place_of_supply), inter_state=_inter_state(document))
    sums = check_items(document, found, due)
    check_values(document, found, sums)
    if found.shapes:
        check_travel(document, found, today)
    _check_references(document, found)
    return found.result()


def _inter_state(document: Document) -> bool | None:
    transaction = document.transaction
    if transaction.igst_on_intra:
        return True
    seller, place = state_key(document.supplier.state_code), state_key(document.place_of_supply)
    return is_inter_state(
        seller if seller in STATES else None,
        place if place in STATES else None,
        sez_or_export=transaction.supply_type in SEZ_OR_EXPORT,
    )


def _check_transaction(document: Document, found: Findings) -> None:
    transaction = document.transaction
    supply = transaction.supply_type
    if transaction.tax_scheme != "GST":
        found.add("transactionDetails.taxScheme", "TAX_SCHEME", transaction.tax_scheme)
    if supply not in SUPPLY_TYPES:
        found.add("transactionDetails.supplyType", "SUPPLY_TYPE_UNKNOWN", supply)
    elif transaction.reverse_charge and supply not in _REVERSE_CHARGE:
        found.add("transactionDetails.reverseChargeTax", "REVERSE_CHARGE_NOT_ALLOWED", "YES")
    inside = state_key(document.supplier.state_code) == state_key(document.place_of_supply)
    if transaction.igst_on_intra and not inside:
        found.add("transactionDetails.igstChargable", "IGST_ON_INTRA", "YES")


def _check_document(document: Document, found: Findings, today: date) -> None:
    problem = number_error(document.number, "supplierInvoiceNumber")
    found.take(problem)
    if problem is None:
        for warning in number_warnings(document.number, "supplierInvoiceNumber"):
            found.take(warning)
    if document.day > today:
        found.add("ts", "DATE_FUTURE", document.day, today=today)
    if document.day < FIRST_DAY:
        found.add("ts", "DATE_TOO_EARLY", document.day)
    start, end = document.period_start, document.period_end
    if start is not None and end is not None and start > end:
        found.add("invoiceReferenceDetails.invoiceEndDate", "PERIOD_REVERSED", end)
    if document.irn:
        _check_irn(document, found, today)


def _check_irn(document: Document, found: Findings, today: date) -> None:
    path = "eInvoiceInfo.irnNumber"
    generated_on = today if document.irn_at is None else ist_date(document.irn_at)
    expected = irn_of(document, generated_on=generated_on)
    accepted = {expected} if document.irn_at else {expected, irn_of(document, generated_on=FIRST_DAY)}
    if not is_irn(document.irn) or document.irn not in accepted:
        found.add(path, "IRN_WRONG", document.irn, expected=expected)


def _check_references(document: Document, found: Findings) -> None:
    if document.is_note and not document.preceding:
        found.add("precedingInvoiceDetails", "NOTE_WITHOUT_INVOICE")
    for at, earlier in enumerate(document.preceding):
        check_texts(earlier, _PRECEDING, "precedingInvoiceDetails", found, at)
        if earlier.day is not None and earlier.day > document.day:
            path = f"precedingInvoiceDetails[{at}].date"
            found.add(path, "PRECEDING_AFTER_DOCUMENT", earlier.day, day=document.day)
    check_texts(document, _REMARKS, "invoiceReferenceDetails", found)
    for at, contract in enumerate(document.contracts):
        check_texts(contract, _CONTRACT, "contractReferenceDetails", found, at)
    for at, enclosure in enumerate(document.enclosures):
        check_texts(enclosure, _ENCLOSURE, "additionalDocumentDetails", found, at)
    if document.export is not None:
        check_texts(document.export, _EXPORT, "exportDetails", found)
        if document.export.duty is not None:
            check_amount("exportDetails.exportDuty", document.export.duty, AMOUNT_LIMIT, PAISA, found)
    if document.payment is not None:
        _check_payment(document.payment, found)


def _check_payment(payment: Payment, found: Findings) -> None:
    path = "advancePaymentDetails"
    check_texts(payment, _PAYMENT, path, found)
    if payment.credit_days is not None and not 0 <= payment.credit_days <= LONGEST_CREDIT:
        found.add(f"{path}.creditDays", "CREDIT_DAYS", payment.credit_days)
    for name, value in (("paidAmount", payment.paid), ("pendingDueAmount", payment.due)):
        if value is not None:
            check_amount(f"{path}.{name}", value, MAX_AMOUNT, PAISA, found)
