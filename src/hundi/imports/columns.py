"""The columns of an invoice file (domain §10): their names, the template's labels, and what other programs call them."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec


class Kind(StrEnum):
    """How the cells of a column are read."""

    TEXT = "text"
    NUMBER_OF_DOCUMENT = "document number"
    AMOUNT = "amount"
    SIGNED_AMOUNT = "amount, perhaps negative"
    RATE = "percentage"
    DATE = "date"
    FLAG = "yes or no"
    DAYS = "days"
    STATE = "state"
    EMAIL = "e-mail"
    EMAILS = "e-mails"
    PHONE = "telephone"


class Column(msgspec.Struct, frozen=True):
    """One column: ``name`` as in the API, ``label`` as in the template, ``also`` what other programs write."""

    name: str
    label: str
    kind: Kind
    sample: str = ""
    longest: int = 100
    also: tuple[str, ...] = ()


_T, _A, _D, _F = Kind.TEXT, Kind.AMOUNT, Kind.DATE, Kind.FLAG

COLUMNS: Final = (
    Column("customerId", "Customer id", _T, also=("Hundi customer id",)),
    Column("customerRef", "Customer reference", _T, "CUST-001", also=("Customer code", "Party code", "Customer number")),
    Column("customerGstin", "Customer GSTIN", _T, longest=20, also=(
        "GST Identification Number (GSTIN)", "GSTIN/UIN of Recipient", "Receiver GSTIN", "Buyer GSTIN", "Party GSTIN",
        "GSTIN", "GSTIN/UIN", "Recipient GSTIN", "GST No", "GST Number",
    )),
    Column("customerName", "Customer name", _T, longest=200, also=(
        "Receiver Name", "Party Name", "Party's Name", "Buyer Name", "Recipient Name", "Bill To", "Customer",
    )),
    Column("customerPin", "Customer PIN code", _T, longest=10, also=("Billing Code", "Buyer PIN", "Customer Pincode")),
    Column("registrationGstin", "Our GSTIN", _T, longest=20, also=("Supplier GSTIN", "Seller GSTIN", "Company GSTIN")),
    Column("invoiceNumber", "Invoice number", Kind.NUMBER_OF_DOCUMENT, "INV/26-27/0042", 50, (
        "Invoice No", "Invoice No.", "Invoice#", "Bill No", "Bill Number", "Document Number", "Doc No", "Voucher No",
        "Voucher Number", "Vch No.", "Invoice Num",
    )),
    Column("invoiceDate", "Invoice date", _D, "2026-04-15", also=("Date", "Bill Date", "Document Date", "Voucher Date")),
    Column("dueDate", "Due date", _D, "2026-05-15", also=("Due on", "Payment due date")),
    Column("paymentTermsDays", "Payment terms (days)", Kind.DAYS, also=("Payment Terms", "Credit Days", "Terms")),
    Column("poNumber", "PO number", _T, "PO-7781", also=("Purchase Order", "PO#", "PO No", "Purchase Order Number")),
    Column("poDate", "PO date", _D, also=("Purchase Order Date",)),
    Column("externalId", "External id", _T, "ERP-100042", also=("External reference", "GUID")),
    Column("description", "Description", _T, "Consulting, April 2026", 2000, ("Item Desc", "Narration", "Particulars")),
    Column("baseAmount", "Base amount", _A, "100000.00", also=(
        "Taxable Value", "Taxable Amount", "Sub Total", "SubTotal", "Assessable Value", "Amount before tax",
    )),
    Column("gstExclusive", "GST on top (yes/no)", _F, "yes", also=("Is Exclusive", "Tax exclusive")),
    Column("gstRate", "GST rate %", Kind.RATE, "18", also=("Rate", "Tax Rate", "GST %", "Item Tax %", "GST")),
    Column("cgst", "CGST", _A, also=("Central Tax", "Central Tax Amount", "CGST Amount")),
    Column("sgst", "SGST / UTGST", _A, also=(
        "SGST", "UTGST", "State/UT Tax", "State/UT Tax Amount", "SGST Amount", "SGST/UTGST Amount",
    )),
    Column("igst", "IGST", _A, also=("Integrated Tax", "Integrated Tax Amount", "IGST Amount")),
    Column("cess", "Cess", _A, also=("Cess Amount",)),
    Column("discount", "Discount", _A, also=("Discount Amount", "Entity Discount Amount")),
    Column("otherCharges", "Other charges", _A, also=("Shipping Charge", "Freight", "Shipping Charges")),
    Column("tcs", "TCS", _A, also=("TCS Amount",)),
    Column("roundOff", "Round off", Kind.SIGNED_AMOUNT, also=("Adjustment", "Rounding", "Rounded off")),
    Column("tds", "TDS", _A, also=("TDS Amount",)),
    Column("netAmount", "Net amount", _A, also=("Total", "Invoice Value", "Grand Total", "Net payable")),
    Column("totalReceived", "Received so far", _A, also=("Amount received", "Paid")),
    Column("balanceAmount", "Balance", _A, also=("Balance due", "Pending Amount", "Outstanding")),
    Column("placeOfSupply", "Place of supply", Kind.STATE, "27", 60, ("POS", "Place of Supply(With State Code)")),
    Column("supplyType", "Supply type", _T, longest=10, also=("Type of supply",)),
    Column("reverseCharge", "Reverse charge (yes/no)", _F, also=("Is Reverse Charge", "RCM")),
    Column("irn", "IRN", _T, longest=64, also=("Invoice Reference Number",)),
    Column("ackNo", "Acknowledgement number", _T, longest=20, also=("Ack No", "Ack No.", "IRN Ack No")),
    Column("ackDate", "Acknowledgement date", _D, also=("Ack Date", "IRN Date", "IRN Ack Date")),
    Column("signedQr", "Signed QR", _T, longest=8000, also=("Signed QR Code",)),
    Column("ewayBillNo", "E-way bill number", _T, longest=20, also=("EWB No", "E-Way Bill No")),
    Column("shipToName", "Ship to name", _T, longest=200, also=("Shipping name", "Shipping Attention")),
    Column("shipToAddress", "Ship to address", _T, longest=1000, also=("Shipping Address",)),
    Column("shipToPin", "Ship to PIN code", _T, longest=10, also=("Shipping Code", "Shipping Pincode")),
    Column("shipToState", "Ship to state", Kind.STATE, longest=60, also=("Shipping State",)),
    Column("emailAddress", "E-mail", Kind.EMAIL, "accounts@example.com", 254, ("Email", "Email ID", "Primary Contact EmailID")),
    Column("mobileNumber", "Mobile", Kind.PHONE, "+919800000000", 20, ("Phone", "Mobile No", "Contact number")),
    Column("ccEmails", "CC e-mails", Kind.EMAILS, longest=1000, also=("CC",)),
    Column("partialPaymentAllowed", "Part payment allowed (yes/no)", _F, also=("Partial payment",)),
    Column("dispatchNow", "Send now (yes/no)", _F, also=("Dispatch",)),
    Column("branchCode", "Branch code", _T, also=("Branch", "Branch Name")),
    Column("attachmentFileName", "Attachment file name", _T, longest=255, also=("Attachment",)),
)  # fmt: skip
BY_NAME: Final[Mapping[str, Column]] = {column.name: column for column in COLUMNS}
FAILURE_COLUMNS: Final = ("error_code", "error_message")
SUCCESS_COLUMNS: Final = ("invoiceId", "invoiceNumber", "warning")
"""What the result files add behind the caller's own columns; it is ignored when they come back."""

WHO: Final = ("customerId", "customerRef", "customerGstin", "customerName")
"""One of these must be there to say who the customer is; a name needs ``customerPin`` beside it."""

_NOT_LETTERS: Final = re.compile(r"[^0-9a-z\u0900-\u097f%#]+")


def key_of(heading: str) -> str:
    """Give the form in which headings are compared: no case, spaces, underscores or punctuation."""
    return _NOT_LETTERS.sub("", heading.strip().lower())


def _keys() -> Mapping[str, str]:
    found: dict[str, str] = {}
    # Names and labels come first, so that an alias never takes away what the template writes.
    for column in COLUMNS:
        found[key_of(column.name)] = column.name
        found.setdefault(key_of(column.label), column.name)
    for column in COLUMNS:
        for alias in column.also:
            found.setdefault(key_of(alias), column.name)
    return found


_BY_KEY: Final = _keys()


class Header(msgspec.Struct, frozen=True):
    """A header line understood: for each cell the column it names, or None; and what stands in its way.

    ``missing`` are required columns nobody named (alternatives with ``|``), ``twice`` headings that name a column a
    second time, ``unknown`` headings that name none.
    """

    columns: tuple[str | None, ...]
    missing: tuple[str, ...]
    twice: tuple[str, ...]
    unknown: tuple[str, ...]


def known(headings: Sequence[str]) -> int:
    """Count the headings that name a column: how the right delimiter is told."""
    return sum(key_of(heading) in _BY_KEY for heading in headings)


def match(headings: Sequence[str]) -> Header:
    """Match a header line with the columns of domain §10, in any order, case and spacing."""
    columns: list[str | None] = []
    twice: list[str] = []
    unknown: list[str] = []
    own = own_columns(headings)
    for heading in headings[:own]:
        name = _BY_KEY.get(key_of(heading))
        if name is None and heading.strip():
            unknown.append(heading.strip())
        if name is not None and name in columns:
            twice.append(heading.strip())
            name = None
        columns.append(name)
    columns += [None] * (len(headings) - own)
    return Header(tuple(columns), tuple(_missing(columns)), tuple(twice), tuple(unknown))


def _added(headings: Sequence[str]) -> int:
    """Tell how many columns at the end are those that a result file of ours added."""
    for ours in (FAILURE_COLUMNS, SUCCESS_COLUMNS):
        if tuple(heading.strip() for heading in headings[-len(ours) :]) == ours:
            return len(ours)
    return 0


def own_columns(headings: Sequence[str]) -> int:
    """Tell how many columns are the caller's own; the others were added by an earlier result file."""
    return len(headings) - _added(headings)


def _missing(columns: Sequence[str | None]) -> list[str]:
    found: list[str] = []
    if not any(name in columns for name in WHO[:3]):
        if "customerName" not in columns:
            found.append("customerId | customerRef | customerGstin | customerName + customerPin")
        elif "customerPin" not in columns:
            found.append("customerPin")
    if "baseAmount" not in columns:
        found.append("baseAmount")
    return found
