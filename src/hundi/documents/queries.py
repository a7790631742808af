"""Reading what documents show: invoices with their registration, customer and items, and what a link leads to."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.invoices.rows import LineRow
from hundi.kit.ids import InvoiceId, SellerId
from hundi.sellers import queries as sellers
from hundi.sellers.errors import LogoNotFound
from hundi.sellers.rows import LogoRow

_DOCUMENTS: Final = """
    SELECT i.invoice_id, i.version, i.invoice_number, i.invoice_date, i.due_date, i.po_number, i.po_date, i.description,
           i.reverse_charge, i.cgst, i.sgst, i.igst, i.cess, i.discount, i.other_charges, i.tcs, i.round_off, i.tds,
           i.taxable_value, i.invoice_value, i.net_amount, i.balance, i.place_of_supply, i.supply_type, i.ship_to_name,
           i.ship_to_address, i.ship_to_pin, i.ship_to_state, i.irn, i.ack_no, i.ack_date, i.signed_qr, i.eway_bill_no,
           i.receivable_status, i.partial_payment_allowed, i.minimum_part, i.link_version, i.customer_id,
           r.registration_id, r.gstin AS r_gstin, r.legal_name AS r_legal_name, r.trade_name AS r_trade_name,
           r.pan AS r_pan, r.udyam_number AS r_udyam_number, r.address_line1 AS r_address_line1,
           r.address_line2 AS r_address_line2, r.city AS r_city, r.pin_code AS r_pin_code, r.state_code AS r_state_code,
           r.email AS r_email, r.phone AS r_phone, r.bank_holder AS r_bank_holder, r.bank_account AS r_bank_account,
           r.bank_ifsc AS r_bank_ifsc, r.bank_name AS r_bank_name, r.upi_vpa AS r_upi_vpa,
           r.upi_max_amount AS r_upi_max_amount, r.signatory_name AS r_signatory_name, r.lut_number AS r_lut_number,
           c.legal_name AS c_legal_name, c.trade_name AS c_trade_name, c.gstin AS c_gstin, c.pan AS c_pan,
           c.treatment AS c_treatment, c.address AS c_address, c.state_code AS c_state_code, c.pin_code AS c_pin_code,
           c.shipping_address AS c_shipping_address, c.shipping_state AS c_shipping_state,
           c.shipping_pin_code AS c_shipping_pin_code
      FROM invoices i
      JOIN registrations r ON r.seller_id = i.seller_id AND r.registration_id = i.registration_id AND r.seller_id = $1
      JOIN customers c ON c.seller_id = i.seller_id AND c.customer_id = i.customer_id AND c.seller_id = $1
     WHERE i.seller_id = $1 AND i.invoice_id = ANY($2::text[]) AND i.deleted_at IS NULL
     ORDER BY i.invoice_id"""
_ITEMS: Final = """
    SELECT invoice_id, description, hsn_code, is_service, quantity, unit, unit_price, discount, taxable_value, gst_rate,
           cgst, sgst, igst, cess, item_total, order_line
      FROM invoice_items WHERE seller_id = $1 AND invoice_id = ANY($2::text[]) ORDER BY invoice_id, line_no"""
_LINK: Final = """
    SELECT l.invoice_id FROM invoice_links l
      JOIN invoices i ON i.seller_id = l.seller_id AND i.invoice_id = l.invoice_id AND i.seller_id = $1
     WHERE l.seller_id = $1 AND l.link_hash = $2 AND l.version = i.link_version AND i.deleted_at IS NULL"""


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as kept, with its registration (``r_``) and customer (``c_``). ``r_bank_account`` is sealed.

    Issued documents keep it as JSON (hundi.documents.issued): what is added later needs a default.
    """

    invoice_id: str
    version: int
    invoice_number: str
    invoice_date: datetime
    due_date: date
    po_number: str | None
    po_date: date | None
    description: str | None
    reverse_charge: bool
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
    balance: Decimal
    place_of_supply: str | None
    supply_type: str | None
    ship_to_name: str | None
    ship_to_address: str | None
    ship_to_pin: str | None
    ship_to_state: str | None
    irn: str | None
    ack_no: str | None
    ack_date: datetime | None
    signed_qr: str | None
    eway_bill_no: str | None
    receivable_status: str
    partial_payment_allowed: bool
    minimum_part: Decimal | None
    link_version: int
    registration_id: str
    r_gstin: str | None
    r_legal_name: str
    r_trade_name: str | None
    r_pan: str | None
    r_udyam_number: str | None
    r_address_line1: str
    r_address_line2: str | None
    r_city: str
    r_pin_code: str
    r_state_code: str
    r_email: str | None
    r_phone: str | None
    r_bank_holder: str | None
    r_bank_account: bytes | None
    r_bank_ifsc: str | None
    r_bank_name: str | None
    r_upi_vpa: str | None
    r_upi_max_amount: Decimal
    r_signatory_name: str | None
    r_lut_number: str | None
    c_legal_name: str
    c_trade_name: str | None
    c_gstin: str | None
    c_pan: str | None
    c_treatment: str
    c_address: str | None
    c_state_code: str | None
    c_pin_code: str | None
    c_shipping_address: str | None
    c_shipping_state: str | None
    c_shipping_pin_code: str | None
    customer_id: str = ""


class ItemRow(LineRow, frozen=True, kw_only=True):
    """One line of an invoice, read with the lines of others."""

    invoice_id: str


async def documents(tx: Transaction, seller_id: SellerId, invoice_ids: Sequence[str]) -> list[DocumentRow]:
    """Give the rows of these invoices by id; one that does not exist is left out."""
    return [DocumentRow(**dict(row)) for row in await tx.fetch(_DOCUMENTS, seller_id, list(invoice_ids))]


async def items(tx: Transaction, seller_id: SellerId, invoice_ids: Sequence[str]) -> list[ItemRow]:
    """Give the lines of these invoices in their order."""
    return [ItemRow(**dict(row)) for row in await tx.fetch(_ITEMS, seller_id, list(invoice_ids))]


async def logo(tx: Transaction) -> LogoRow | None:
    """Give where the bound company's logo is, or None where it has none."""
    try:
        return await sellers.logo(tx)
    except LogoNotFound:
        return None


async def invoice_behind(tx: Transaction, seller_id: SellerId, link_hash: bytes) -> InvoiceId | None:
    """Give the invoice a link leads to, or None where the link was replaced by a newer version."""
    found = await tx.fetchval(_LINK, seller_id, link_hash)
    return None if found is None else InvoiceId(found)
