"""What a document shows, as plain values: build one ``InvoiceDocument``, and PDF, page and mail follow from it.

Amounts are rupees as Decimal with two decimals, dates are business dates in Asia/Kolkata, state codes are the two
digits of GST. Texts are data: they may hold anything, and a text that is not known is empty, never None.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec

ZERO: Final = Decimal(0)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A postal address; ``lines`` are printed as they are, the rest in one line below them."""

    lines: tuple[str, ...] = ()
    city: str = ""
    pin: str = ""
    state_code: str = ""
    state_name: str = ""
    country: str = ""

    @property
    def is_known(self) -> bool:
        """Say whether there is enough to find the place: a line of street or a city."""
        return any(line.strip() for line in self.lines) or bool(self.city.strip())


class BankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bank transfer goes."""

    holder: str
    account_number: str
    ifsc: str
    bank_name: str = ""
    branch: str = ""


class Supplier(msgspec.Struct, frozen=True, kw_only=True):
    """The registration that sells (domain §1); an unregistered one has no GSTIN.

    ``composition``: pays tax under s. 10 CGST Act and therefore issues bills of supply. ``lut``: number of the letter
    of undertaking or bond, quoted on exports and SEZ supplies without payment of tax.
    """

    legal_name: str
    address: Address
    trade_name: str = ""
    gstin: str = ""
    pan: str = ""
    udyam: str = ""
    composition: bool = False
    lut: str = ""
    email: str = ""
    phone: str = ""
    bank: BankAccount | None = None
    upi_id: str = ""
    signatory: str = ""
    signatory_title: str = ""

    @property
    def display_name(self) -> str:
        """The name customers know: the trade name, else the legal name."""
        return self.trade_name or self.legal_name


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Who is billed; without GSTIN an unregistered person. ``shipping`` is None where delivery is to ``billing``."""

    legal_name: str
    billing: Address
    shipping: Address | None = None
    shipping_name: str = ""
    trade_name: str = ""
    gstin: str = ""
    pan: str = ""

    @property
    def delivery(self) -> Address:
        """The address of delivery: the shipping address, else the billing address."""
        return self.shipping if self.shipping is not None else self.billing


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One item. ``gst_rate`` is the whole rate in percent (18, not 9 + 9), None where it is not known."""

    description: str
    taxable_value: Decimal
    total: Decimal
    hsn: str = ""
    is_service: bool = False
    quantity: Decimal | None = None
    unit: str = ""
    unit_price: Decimal | None = None
    discount: Decimal = ZERO
    gst_rate: Decimal | None = None
    cgst: Decimal = ZERO
    sgst: Decimal = ZERO
    igst: Decimal = ZERO
    cess: Decimal = ZERO


class EInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """What the invoice registration portal gave; ``signed_qr`` is the text its QR holds."""

    irn: str
    ack_number: str = ""
    ack_date: datetime | None = None
    signed_qr: str = ""


class UpiPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payable balance: the ``mode=01`` link for the QR, the ``mode=04`` link for the button (hundi.payments.upi)."""

    qr_link: str
    button_link: str = ""


class InvoiceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice as its reader sees it. ``invoice_value`` is gross, ``net_amount`` after TDS (domain §2).

    Without ``lines`` one line is printed from ``description`` and ``taxable_value``. ``upi`` is None where nothing can
    be paid by UPI; ``changed`` is what the invoice's value grew by since this document was sent; ``payment_reference`` is
    what a bank transfer should quote (the number, where empty). ``status`` is the receivableStatus, OVERDUE included;
    PAID, CANCELLED, DISPUTED and WRITTEN_OFF replace the call to pay.
    """

    invoice_id: str
    number: str
    invoice_date: date
    supplier: Supplier
    recipient: Recipient
    taxable_value: Decimal
    invoice_value: Decimal
    net_amount: Decimal
    balance: Decimal
    status: str = "PENDING"
    due_date: date | None = None
    po_number: str = ""
    po_date: date | None = None
    eway_bill_number: str = ""
    description: str = ""
    place_of_supply_code: str = ""
    place_of_supply_name: str = ""
    reverse_charge: bool = False
    supply_type: str = ""
    lines: tuple[Line, ...] = ()
    cgst: Decimal = ZERO
    sgst: Decimal = ZERO
    igst: Decimal = ZERO
    cess: Decimal = ZERO
    discount: Decimal = ZERO
    other_charges: Decimal = ZERO
    tcs: Decimal = ZERO
    round_off: Decimal = ZERO
    tds: Decimal = ZERO
    tds_section: str = ""
    received: Decimal = ZERO
    changed: Decimal = ZERO
    e_invoice: EInvoice | None = None
    upi: UpiPayment | None = None
    payment_reference: str = ""
    hosted_url: str = ""
    notes: str = ""
    terms: str = ""
    endorsement: str = ""

    @property
    def reference(self) -> str:
        """What the payer should quote."""
        return self.payment_reference or self.number

    @property
    def shown_lines(self) -> tuple[Line, ...]:
        """The lines to print: the items, or one line that stands for all of them."""
        if self.lines:
            return self.lines
        tax = self.cgst + self.sgst + self.igst + self.cess
        line = Line(
            description=self.description or f"Invoice {self.number}",
            taxable_value=self.taxable_value,
            total=self.taxable_value if self.reverse_charge else self.taxable_value + tax,
            cgst=self.cgst,
            sgst=self.sgst,
            igst=self.igst,
            cess=self.cess,
        )
        return (line,)


SETTLED_STATUSES: Final = frozenset({"PAID", "CANCELLED", "DISPUTED", "WRITTEN_OFF"})
"""Statuses in which a document no longer asks for money (domain §9)."""
