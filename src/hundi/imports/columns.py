"""The columns of the files we read (domain §10): their names, the template's labels, and what other programs call them.

One set for each kind of file: invoices, their items, new customers, changes of customers.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from hundi.gst.supply import SupplyType
from hundi.imports.labels import HINDI
from hundi.imports.programs import Program, key_of, program_of


class FileKind(StrEnum):
    """What the rows of a file are about. ``ITEMS`` is the second table of an invoice file; ``ATTACHMENTS`` a ZIP of PDFs."""

    INVOICES = "invoices"
    ITEMS = "items"
    CUSTOMERS = "customers"
    CUSTOMER_UPDATES = "customer_updates"
    ATTACHMENTS = "attachments"


class Format(StrEnum):
    """What a file is. The result files of CSV and ZIP are CSV, those of the others XLSX."""

    CSV = "csv"
    XLSX = "xlsx"
    ODS = "ods"
    TALLY = "tally"
    ZIP = "zip"


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
    QUANTITY = "quantity"
    CODE = "digits that are no number"


class Column(msgspec.Struct, frozen=True):
    """One column: ``name`` as in the API, ``label`` as in the template, ``also`` what other programs write.

    ``choices`` are the words a template offers for it; other spellings of the same may well be read.
    """

    name: str
    label: str
    kind: Kind
    sample: str = ""
    longest: int = 100
    also: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


_YES_NO: Final = ("yes", "no")
_T, _A, _D, _F = Kind.TEXT, Kind.AMOUNT, Kind.DATE, Kind.FLAG

COLUMNS: Final = (
    Column("customerId", "Customer id", _T, also=("Hundi customer id",)),
    Column("customerRef", "Customer reference", _T, "CUST-001", also=("Customer code", "Party code", "Customer number", "Client code")),
    Column("customerGstin", "Customer GSTIN", _T, longest=20, also=(
        "GST Identification Number (GSTIN)", "GSTIN/UIN of Recipient", "Receiver GSTIN", "Buyer GSTIN", "Party GSTIN",
        "GSTIN", "GSTIN/UIN", "Recipient GSTIN", "GST No", "GST Number", "GSTIN No", "GSTIN Number", "Party GSTIN/UIN",
        "GSTIN of Customer", "जीएसटीआईएन", "जीएसटी नंबर",
    )),
    Column("customerName", "Customer name", _T, longest=200, also=(
        "Receiver Name", "Party Name", "Party's Name", "Buyer Name", "Recipient Name", "Bill To", "Customer", "Party", "Buyer",
        "Client", "Client Name", "पार्टी का नाम", "पार्टी",
    )),
    Column("customerPin", "Customer PIN code", _T, longest=10, also=("Billing Code", "Buyer PIN", "Customer Pincode")),
    Column("customerState", "Customer state", Kind.STATE, longest=60, also=("Billing State", "State of customer")),
    Column("registrationGstin", "Our GSTIN", _T, longest=20, also=("Supplier GSTIN", "Seller GSTIN", "Company GSTIN")),
    Column("invoiceNumber", "Invoice number", Kind.NUMBER_OF_DOCUMENT, "INV/26-27/0042", 50, (
        "Invoice No", "Invoice No.", "Invoice#", "Bill No", "Bill Number", "Document Number", "Doc No", "Voucher No",
        "Voucher Number", "Vch No.", "Invoice Num", "Ref. No.", "Inv No", "Bill #", "Tax Invoice No", "बिल नंबर", "बिल संख्या",
        "इनवॉइस नंबर",
    )),
    Column("invoiceDate", "Invoice date", _D, "2026-04-15", also=(
        "Date", "Bill Date", "Document Date", "Voucher Date", "Inv Date", "Doc Date", "Vch Date", "दिनांक", "तारीख", "बिल तारीख",
        "बिल दिनांक",
    )),
    Column("dueDate", "Due date", _D, "2026-05-15", also=("Due on", "Payment due date", "Net due date", "देय तारीख")),
    Column("paymentTermsDays", "Payment terms (days)", Kind.DAYS, also=("Payment Terms", "Credit Days", "Terms")),
    Column("poNumber", "PO number", _T, "PO-7781", also=("Purchase Order", "PO#", "PO No", "Purchase Order Number")),
    Column("poDate", "PO date", _D, also=("Purchase Order Date",)),
    Column("externalId", "External id", _T, "ERP-100042", also=("External reference", "GUID")),
    Column("description", "Description", _T, "Consulting, April 2026", 2000, ("Item Desc", "Narration", "Particulars")),
    Column("baseAmount", "Base amount", _A, "100000.00", also=(
        "Taxable Value", "Taxable Amount", "Sub Total", "SubTotal", "Assessable Value", "Amount before tax",
        "Opening Amount", "Taxable Amt", "Taxable", "Taxable Val", "Basic Amount", "Basic Value", "Amount before GST",
        "Assessable Amount", "कर योग्य राशि", "कर योग्य मूल्य",
    )),
    Column("gstExclusive", "GST on top (yes/no)", _F, "yes", also=("Is Exclusive", "Tax exclusive"), choices=_YES_NO),
    Column("gstRate", "GST rate %", Kind.RATE, "18", also=("Rate", "Tax Rate", "GST %", "Item Tax %", "GST")),
    Column("cgst", "CGST", _A, also=("Central Tax", "Central Tax Amount", "CGST Amount", "CGST Amt", "Output CGST")),
    Column("sgst", "SGST / UTGST", _A, also=(
        "SGST", "UTGST", "State/UT Tax", "State/UT Tax Amount", "SGST Amount", "SGST/UTGST Amount", "SGST Amt", "Output SGST",
    )),
    Column("igst", "IGST", _A, also=(
        "Integrated Tax", "Integrated Tax Amount", "IGST Amount", "IGST Amt", "Output IGST",
    )),
    Column("cess", "Cess", _A, also=("Cess Amount", "Cess Amt")),
    Column("discount", "Discount", _A, also=("Discount Amount", "Entity Discount Amount")),
    Column("otherCharges", "Other charges", _A, also=("Shipping Charge", "Freight", "Shipping Charges")),
    Column("tcs", "TCS", _A, also=("TCS Amount",)),
    Column("roundOff", "Round off", Kind.SIGNED_AMOUNT, also=("Adjustment", "Rounding", "Rounded off")),
    Column("tds", "TDS", _A, also=("TDS Amount",)),
    Column("netAmount", "Net amount", _A, also=(
        "Total", "Invoice Value", "Grand Total", "Net payable", "Bill Amount", "Bill Amt", "Invoice Amount", "Total Amount",
        "Gross Total", "Net Amt", "Bill Value", "Invoice Total", "Total Invoice Value", "कुल राशि", "बिल राशि",
    )),
    Column("totalReceived", "Received so far", _A, also=(
        "Amount received", "Paid", "Received", "Received Amount", "Received/Paid Amount", "Amount paid", "Paid Amount",
    )),
    Column("balanceAmount", "Balance", _A, also=(
        "Balance due", "Pending Amount", "Outstanding", "Outstanding Amount", "Amount due", "Unpaid",
    )),
    Column("placeOfSupply", "Place of supply", Kind.STATE, "27", 60, ("POS", "Place of Supply(With State Code)")),
    Column("supplyType", "Supply type", _T, longest=10, also=("Type of supply",), choices=tuple(SupplyType)),
    Column("reverseCharge", "Reverse charge (yes/no)", _F, also=("Is Reverse Charge", "RCM"), choices=_YES_NO),
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
    Column("mobileNumber", "Mobile", Kind.PHONE, "+919800000000", 20, (
        "Phone", "Mobile No", "Contact number", "Mobile Phone", "Primary Contact Mobile", "Phone No", "Party Phone No",
    )),
    Column("ccEmails", "CC e-mails", Kind.EMAILS, longest=1000, also=("CC",)),
    Column("partialPaymentAllowed", "Part payment allowed (yes/no)", _F, also=("Partial payment",), choices=_YES_NO),
    Column("dispatchNow", "Send now (yes/no)", _F, also=("Dispatch",), choices=_YES_NO),
    Column("branchCode", "Branch code", _T, also=("Branch", "Branch Name")),
    Column("attachmentFileName", "Attachment file name", _T, longest=255, also=("Attachment",)),
    Column("currency", "Currency", _T, "INR", 20, ("Currency Code",)),
)  # fmt: skip

ITEM_COLUMNS: Final = (
    Column("invoiceNumber", "Invoice number", Kind.NUMBER_OF_DOCUMENT, "INV/26-27/0042", 50, (
        "Invoice No", "Invoice No.", "Invoice#", "Bill No", "Bill Number", "Document Number", "Voucher No", "Vch No.",
    )),
    Column("serialNo", "Line number", Kind.CODE, "1", 100, ("Sr No", "Sr. No.", "S No", "Serial Number", "Line", "serialno")),
    Column("description", "Item description", _T, "Consulting", 5000, (
        "Item Desc", "Item Name", "Product Description", "Product Name", "Name of Item", "Stock Item", "Item", "Particulars",
    )),
    Column("hsnCode", "HSN / SAC code", Kind.CODE, "998311", 8, ("HSN", "SAC", "HSN/SAC", "HSN Code", "SAC Code", "HSN No")),
    Column("isService", "Service (yes/no)", _F, "yes", also=("Is Service", "Service"), choices=_YES_NO),
    Column("quantity", "Quantity", Kind.QUANTITY, "1", also=("Qty", "Billed Quantity", "Item Quantity")),
    Column("unit", "Unit (UQC)", _T, "NOS", 10, ("UQC", "Usage unit", "Unit of Measure", "UOM", "Unit")),
    Column("unitPrice", "Unit price", Kind.QUANTITY, "100000.00", also=("Item Price", "Price", "Item Rate", "Unit Rate", "Rate")),
    Column("discount", "Item discount", _A, also=("Discount", "Discount Amount")),
    Column("taxableValue", "Taxable value", _A, "100000.00", also=(
        "Taxable Amount", "Assessable Value", "Item Total before tax", "assessmentAmount", "Assessment amount", "Item Amount",
    )),
    Column("gstRate", "GST rate %", Kind.RATE, "18", also=("Tax Rate", "GST %", "Item Tax %", "GST", "Item GST rate")),
    Column("cgst", "Item CGST", _A, also=("CGST", "Central Tax", "Central Tax Amount", "CGST Amount")),
    Column("sgst", "Item SGST / UTGST", _A, also=(
        "SGST", "UTGST", "SGST / UTGST", "State/UT Tax", "SGST Amount", "SGST/UTGST Amount",
    )),
    Column("igst", "Item IGST", _A, also=("IGST", "Integrated Tax", "Integrated Tax Amount", "IGST Amount")),
    Column("cess", "Item cess", _A, also=("Cess", "Cess Amount")),
    Column("itemTotal", "Item total", _A, also=("Total Item Value", "Line total", "Line amount", "totalItemValue")),
    Column("orderLine", "PO line", _T, "1", 50, (
        "orderLineReference", "Order line", "Order line reference", "PO line number", "PO line no.", "PO item", "PO item no.",
        "PO Sr. No.", "Purchase order line", "PO position", "क्रय आदेश लाइन",
    )),
)  # fmt: skip
"""The second table of an invoice file: a sheet named Items, or item columns beside the invoice's own."""

_TREATMENTS: Final = ("REGISTERED", "COMPOSITION", "SEZ", "UNREGISTERED", "CONSUMER", "OVERSEAS")
CUSTOMER_COLUMNS: Final = (
    Column("customerId", "Customer id", _T, also=("Hundi customer id",)),
    Column("legalName", "Legal name", _T, "Asha Traders Pvt Ltd", 200, (
        "Customer Name", "Company Name", "Party Name", "Name", "Ledger Name", "Display Name", "Contact Display Name",
    )),
    Column("tradeName", "Trade name", _T, "Asha Traders", 200, ("Alias", "Brand")),
    Column("uniqueRefNo", "Customer reference", _T, "CUST-001", 100, (
        "customerRef", "Customer code", "Party code", "Customer number", "Contact ID", "Code",
    )),
    Column("gstin", "GSTIN", _T, "27ZZZCA0001A1Z4", 20, (
        "GST Identification Number (GSTIN)", "GSTIN/UIN", "GST No", "GST Number", "Customer GSTIN", "GSTIN/UIN of Recipient",
        "GST Registration Number", "GSTIN / UIN", "Party GSTIN",
    )),
    Column("pan", "PAN", _T, longest=12, also=("PAN Number", "PAN No", "Income Tax Number", "PAN/IT No.")),
    Column("panOrGstin", "PAN or GSTIN", _T, longest=20),
    Column("treatment", "GST treatment", _T, "REGISTERED", 40, ("Registration Type", "GST Registration Type"), _TREATMENTS),
    Column("address", "Billing address", _T, "12 MG Road, Pune", 500, ("Address", "Billing Street", "Mailing Address")),
    Column("state", "State", Kind.STATE, "27", 100, ("Billing State", "State Name", "Place of Contact(With State Code)")),
    Column("pinCode", "PIN code", Kind.CODE, "411001", 10, ("PIN", "Pincode", "Billing Code", "Billing Pincode", "Postal Code")),
    Column("shippingAddress", "Shipping address", _T, longest=500, also=("Shipping Street", "Ship to address")),
    Column("shippingState", "Shipping state", Kind.STATE, longest=100, also=("Ship to state",)),
    Column("shippingPinCode", "Shipping PIN code", Kind.CODE, longest=10, also=("Shipping Code", "Shipping Pincode")),
    Column("contactName", "Contact name", _T, "Asha Rao", 200, ("Contact person", "Primary Contact", "First Name")),
    Column("contactEmail", "Contact e-mail", Kind.EMAIL, "accounts@example.com", 254, (
        "emailAddress", "Email", "E-mail", "EmailID", "Email ID", "Primary Contact EmailID",
    )),
    Column("contactMobile", "Contact mobile", Kind.PHONE, "+919800000000", 20, (
        "mobileNumber", "Mobile", "Mobile No", "MobilePhone", "Mobile Phone", "Phone",
    )),
    Column("contactNumber", "Office telephone", Kind.PHONE, longest=20, also=("Telephone", "Work Phone", "Landline")),
    Column("paymentTermsDays", "Payment terms (days)", Kind.DAYS, "30", also=(
        "Payment Terms", "Credit Days", "Terms", "Credit Period", "Bill Credit Period",
    )),
    Column("tan", "TAN", _T, longest=10, also=("TAN Number", "TAN No")),
    Column("udyamNumber", "Udyam number", _T, longest=19, also=("Udyam", "MSME number", "Udyam Registration Number")),
    Column("udyamClass", "Udyam class", _T, longest=20, also=("MSME type", "MSME class", "Enterprise type"), choices=(
        "MICRO", "SMALL", "MEDIUM",
    )),
    Column("accountNumber", "Bank account number", Kind.CODE, longest=36, also=("Account Number", "Bank A/c No.")),
    Column("ifsc", "IFSC", _T, longest=11, also=("IFSC Code", "IFS Code", "Bank IFSC")),
    Column("assignedAgent", "Assigned agent", _T, also=("Sales person", "Salesperson", "Agent")),
    Column("branchCodes", "Branch codes", _T, longest=1000, also=("Branch", "Branch code", "Branches")),
)  # fmt: skip

ARCHIVE_COLUMNS: Final = (Column("fileName", "File name", _T, "INV-26-27-0042.pdf", 255),)

COLUMNS_OF: Final[Mapping[FileKind, Sequence[Column]]] = {
    FileKind.INVOICES: COLUMNS,
    FileKind.ITEMS: ITEM_COLUMNS,
    FileKind.CUSTOMERS: CUSTOMER_COLUMNS[1:],
    FileKind.CUSTOMER_UPDATES: CUSTOMER_COLUMNS,
    FileKind.ATTACHMENTS: ARCHIVE_COLUMNS,
}
"""The columns of each kind of file, in the template's order. Only who is changed by id needs a customer's id."""
KEYS_OF: Final[Mapping[FileKind, Sequence[str]]] = {
    FileKind.INVOICES: ("invoiceNumber", "externalId"),
    FileKind.ITEMS: (),
    FileKind.CUSTOMERS: ("uniqueRefNo", "gstin", "panOrGstin"),
    FileKind.CUSTOMER_UPDATES: ("customerId", "uniqueRefNo", "gstin", "panOrGstin"),
    FileKind.ATTACHMENTS: (),
}
"""The columns whose cells may stand in one file only once; rows that break it are listed in ``repeated.arrow``."""

FAILURE_COLUMNS: Final = ("error_code", "error_message")
SUCCESS_COLUMNS: Final = ("invoiceId", "invoiceNumber", "warning")
"""What the result files add behind the caller's own columns; it is ignored when they come back."""
SUCCESS_COLUMNS_OF: Final[Mapping[FileKind, tuple[str, ...]]] = {
    FileKind.INVOICES: SUCCESS_COLUMNS,
    FileKind.ITEMS: (),
    FileKind.CUSTOMERS: ("customerId", "legalName", "warning"),
    FileKind.CUSTOMER_UPDATES: ("customerId", "legalName", "warning"),
    FileKind.ATTACHMENTS: SUCCESS_COLUMNS,
}

IDENTIFIERS: Final = frozenset({
    "customerId", "customerRef", "customerGstin", "customerPin", "registrationGstin", "poNumber", "externalId", "irn",
    "ackNo", "ewayBillNo", "shipToPin", "branchCode", "orderLine", "uniqueRefNo", "gstin", "pan", "panOrGstin", "tan", "udyamNumber",
    "ifsc",
}) | {
    column.name for columns in COLUMNS_OF.values() for column in columns
    if column.kind in {Kind.CODE, Kind.PHONE, Kind.NUMBER_OF_DOCUMENT}
}  # fmt: skip
"""Columns whose digits are no number: a spreadsheet that takes them for one spoils them."""

WHO: Final = ("customerId", "customerRef", "customerGstin", "customerName")
"""One of these must be there to say who the customer is; a name needs ``customerPin`` beside it."""


def own_headings(
    headings: Sequence[str], columns: Sequence[str | None], items: Sequence[str | None] = ()
) -> Mapping[str, str]:
    """Give by name what a file calls its columns, where that is another word; a failure is then named as its reader knows it."""
    found: dict[str, str] = {}
    for names in (items, columns):
        for name, heading in zip(names, headings, strict=False):
            if name is not None and heading.strip() != name:
                found[name] = " ".join(heading.split())[:60]
    return found


def columns_by_name(kind: FileKind) -> Mapping[str, Column]:
    """Give the columns of a kind of file by their names."""
    return _BY_NAME[kind]


def _keys(columns: Sequence[Column], *, prefix: str = "") -> Mapping[str, str]:
    found: dict[str, str] = {}
    # Names and labels come first, so that an alias never takes away what the template writes.
    for column in columns:
        found[key_of(prefix + column.name)] = column.name
        found.setdefault(key_of(column.label), column.name)
        found.setdefault(key_of(HINDI[column.label]), column.name)
    for column in columns:
        for alias in column.also:
            found.setdefault(key_of(alias), column.name)
    return found


_BY_NAME: Final = {kind: {column.name: column for column in columns} for kind, columns in COLUMNS_OF.items()}
_BY_KEY: Final = {kind: _keys(columns) for kind, columns in COLUMNS_OF.items()}
_INLINE: Final = _keys(ITEM_COLUMNS, prefix="item")
# The columns by which Tally's Bills Receivable is known (domain §10): what was open when it was written.
_RECEIVABLES: Final = frozenset(
    key_of(text) for text in ("Ref. No.", "Party's Name", "Opening Amount", "Pending Amount")
)
# What names an item even where the invoice has a column that sounds the same.
_ITEM_FIRST: Final = frozenset(
    key_of(text) for text in ("Item Desc", "Item Name", "Item Tax %", "Item Description", "Item")
)


class Header(msgspec.Struct, frozen=True):
    """A header line understood: for each cell the column it names, or None; and what stands in its way.

    ``missing`` are required columns nobody named (alternatives with ``|``), ``twice`` the places of headings that name a
    column a second time, each with the place of the first, ``unknown`` headings that name none. ``items`` is empty, or has
    for each cell the item column it names: the file then has its items as rows that repeat their invoice. ``receivables``:
    it is Tally's sheet of open bills. ``names_suffice``: it is an export that names its parties and nothing else about
    them. ``left_out``: a column's place, and the words in it of rows that are no invoices. ``headings``: the cells.
    """

    columns: tuple[str | None, ...]
    missing: tuple[str, ...]
    twice: tuple[tuple[int, int], ...]
    unknown: tuple[str, ...]
    items: tuple[str | None, ...] = ()
    receivables: bool = False
    names_suffice: bool = False
    left_out: tuple[int, frozenset[str]] | None = None
    headings: tuple[str, ...] = ()

    def named(self) -> list[str | None]:
        """Give for each cell the column it names, be it the invoice's or an item's."""
        items = self.items or (None,) * len(self.columns)
        return [name or item for name, item in zip(self.columns, items, strict=True)]


def known(headings: Sequence[str], kind: FileKind = FileKind.INVOICES) -> int:
    """Count the headings that name a column: how the right delimiter is told."""
    return sum(key_of(heading) in _BY_KEY[kind] for heading in headings)


def match(headings: Sequence[str], kind: FileKind = FileKind.INVOICES) -> Header:
    """Match a header line with the columns of domain §10, in any order, case and spacing."""
    own = own_columns(headings)
    keys = [key_of(heading) for heading in headings]
    program = program_of(headings) if kind is FileKind.INVOICES else None
    items = _inline(keys[:own], program) if kind is FileKind.INVOICES else ()
    columns: list[str | None] = []
    twice: list[tuple[int, int]] = []
    for at, key in enumerate(keys[:own]):
        its_own, name = program.means(key) if program else (False, None)
        if not its_own:
            name = None if items and items[at] else _BY_KEY[kind].get(key)
        if name is not None and name in columns:
            twice.append((at, columns.index(name)))
            name = None
        columns.append(name)
    second = {at for at, _ in twice}
    unknown = [
        headings[at].strip() for at, name in enumerate(columns)
        if name is None and headings[at].strip() and at not in second and not (items and items[at])
    ]  # fmt: skip
    added: list[str | None] = [None] * (len(headings) - own)
    items = (*items, *added) if items else ()
    receivables = kind is FileKind.INVOICES and set(keys) >= _RECEIVABLES
    names_suffice = receivables or (program is not None and program.names_suffice)
    left_out = program.left_out if program is not None else None
    return Header(
        tuple(columns + added), tuple(_missing(columns, kind, names_suffice=names_suffice)), tuple(twice), tuple(unknown),
        items, receivables, names_suffice,
        (keys.index(left_out[0]), left_out[1]) if left_out is not None and left_out[0] in keys else None, tuple(headings),
    )  # fmt: skip


def _inline(keys: Sequence[str], program: Program | None) -> tuple[str | None, ...]:
    """Find the item columns of a flat file, which has one row an item; none unless HSN code and value are among them.

    A heading that could be the invoice's goes to the invoice, unless it speaks of an item or the invoice has it already.
    """
    found: list[str | None] = []
    taken: set[str] = set()
    own: set[str] = set()
    has_base = any(key in _BASE for key in keys)
    # Beside a quantity and a rate of the tax, a rate is what one piece costs.
    has_price = not _QUANTITY.isdisjoint(keys) and any(key in _GST_RATE for key in keys)
    for key in keys:
        item, invoice = _INLINE.get(key), _BY_KEY[FileKind.INVOICES].get(key)
        mine = item is not None and item != "invoiceNumber" and item not in taken
        if mine and invoice is not None:
            mine = key in _ITEM_FIRST or invoice in own or (item == "taxableValue" and has_base)
        if key == _RATE and has_price and "unitPrice" not in taken:
            item, mine = "unitPrice", True
        if program is not None and program.means(key)[0]:
            item, invoice = program.items.get(key), program.columns.get(key)
            mine = item is not None and item not in taken
        found.append(item if mine else None)
        if mine and item is not None:
            taken.add(item)
        elif invoice is not None:
            own.add(invoice)
    return tuple(found) if {"hsnCode", "taxableValue"} <= taken else ()


_QUANTITY: Final = frozenset({key_of("Qty"), key_of("Quantity")})
_RATE: Final = key_of("Rate")
_GST_RATE: Final = frozenset(
    key_of(text) for text in ("GST %", "GST rate", "GST rate %", "GST", "Tax Rate", "Item Tax %")
)
_BASE: Final = frozenset(
    key_of(text) for text in ("baseAmount", "Base amount", "Sub Total", "SubTotal", "Amount before tax")
)


def _added(headings: Sequence[str]) -> int:
    """Tell how many columns at the end are those that a result file of ours added."""
    for ours in (FAILURE_COLUMNS, *SUCCESS_COLUMNS_OF.values()):
        if ours and tuple(heading.strip() for heading in headings[-len(ours) :]) == ours:
            return len(ours)
    return 0


def own_columns(headings: Sequence[str]) -> int:
    """Tell how many columns are the caller's own; the others were added by an earlier result file."""
    return len(headings) - _added(headings)


def _missing(columns: Sequence[str | None], kind: FileKind, *, names_suffice: bool) -> list[str]:
    if kind is FileKind.INVOICES:
        who = [] if names_suffice and "customerName" in columns else _missing_who(columns)
        return [*who, *_absent(columns, "baseAmount")]
    if kind is FileKind.ITEMS:
        return _absent(columns, "invoiceNumber", "description", "hsnCode", "taxableValue", "gstRate")
    if kind is FileKind.CUSTOMERS:
        return _absent(columns, "legalName")
    if kind is FileKind.CUSTOMER_UPDATES and not any(name in columns for name in KEYS_OF[kind]):
        return [" | ".join(KEYS_OF[kind])]
    return []


def _absent(columns: Sequence[str | None], *names: str) -> list[str]:
    return [name for name in names if name not in columns]


def _missing_who(columns: Sequence[str | None]) -> list[str]:
    if any(name in columns for name in WHO[:3]):
        return []
    if "customerName" not in columns:
        return ["customerId | customerRef | customerGstin | customerName + customerPin"]
    return _absent(columns, "customerPin")
