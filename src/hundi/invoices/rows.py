"""What queries on invoices give."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from hundi.kit.money import ZERO


class InvoiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice with what its reply shows of the customer and of who made and changed it.

    ``signed_qr`` is read where one invoice is: lists leave it out.
    """

    seller_id: str
    invoice_id: str
    registration_id: str
    customer_id: str
    external_id: str | None = None
    fy: int
    invoice_number: str
    invoice_date: datetime
    due_date: date
    po_number: str | None = None
    po_date: date | None = None
    payable_reference_id: str | None = None
    description: str | None = None
    email_address: str | None = None
    mobile_number: str | None = None
    gst_exclusive: bool
    reverse_charge: bool
    base_amount: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    cess: Decimal
    discount: Decimal
    other_charges: Decimal
    tcs: Decimal
    round_off: Decimal
    tds: Decimal
    taxable_value: Decimal
    invoice_value: Decimal
    net_amount: Decimal
    total_received: Decimal = ZERO
    balance: Decimal
    place_of_supply: str | None = None
    supply_type: str | None = None
    irn: str | None = None
    ack_no: str | None = None
    ack_date: datetime | None = None
    eway_bill_no: str | None = None
    signed_qr: str | None = None
    approval_status: str
    receivable_status: str
    dispatch_status: str
    payout_status: str
    partial_payment_allowed: bool
    charge_customer: bool
    via: str | None = None
    created_via: str
    link_version: int
    dispatched_at: datetime | None = None
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int
    minimum_part: Decimal | None = None
    status_reason: str | None = None
    approval_round: int = 1
    submitted_by: str | None = None
    network_status: str | None = None
    network_hold: str | None = None
    buyer_response: str | None = None
    buyer_remarks: str | None = None
    customer_legal_name: str
    has_key_contacts: bool
    created_by_name: str | None = None
    created_by_email: str | None = None
    created_by_mobile: str | None = None
    modified_by_name: str | None = None
    modified_by_email: str | None = None
    modified_by_mobile: str | None = None

    @property
    def made_by(self) -> str:
        """Give who stands as the maker of the present approval round."""
        return self.submitted_by or self.created_by


class CreatedFacts(InvoiceRow, frozen=True, kw_only=True):
    """What createInvoice gives: the row, what its warnings need, and whether an earlier call made it."""

    customer_gstin: str | None = None
    customer_state: str | None = None
    customer_treatment: str | None = None
    seller_state: str | None = None
    replayed: bool = False


class LineRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a line of an invoice says, wherever it is read for."""

    description: str
    hsn_code: str | None
    is_service: bool
    quantity: Decimal | None
    unit: str | None
    unit_price: Decimal | None
    discount: Decimal
    taxable_value: Decimal
    gst_rate: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    cess: Decimal
    item_total: Decimal
    order_line: str | None = None


class ItemRow(LineRow, frozen=True, kw_only=True):
    """One line of an invoice, with its place among the others."""

    line_no: int
