"""Reading invoices."""

from collections.abc import Sequence
from typing import Any, Final

from hundi.db.pool import Transaction
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rows import InvoiceRow, ItemRow
from hundi.kit.ids import SellerId

_SELECT: Final = """
    SELECT i.seller_id, i.invoice_id, i.registration_id, i.customer_id, i.external_id, i.fy, i.invoice_number,
           i.invoice_date, i.due_date, i.po_number, i.po_date, i.payable_reference_id, i.description, i.email_address,
           i.mobile_number, i.gst_exclusive, i.reverse_charge, i.base_amount, i.cgst, i.sgst, i.igst, i.cess,
           i.discount, i.other_charges, i.tcs, i.round_off, i.tds, i.taxable_value, i.invoice_value, i.net_amount,
           i.total_received, i.balance, i.place_of_supply, i.supply_type, i.irn, i.ack_no, i.ack_date, i.eway_bill_no, i.approval_status,
           i.receivable_status, i.dispatch_status, i.payout_status, i.partial_payment_allowed, i.charge_customer,
           i.via, i.created_via, i.link_version, i.dispatched_at, i.created_at, i.created_by, i.modified_at,
           i.modified_by, i.version, i.minimum_part, i.status_reason, i.approval_round, i.submitted_by,
           i.network_status, i.network_hold, i.buyer_response, i.buyer_remarks, c.legal_name AS customer_legal_name, c.has_key_contacts,
           coalesce(cm.display_name, ca.name) AS created_by_name, cm.email AS created_by_email,
           cm.mobile AS created_by_mobile, coalesce(mm.display_name, ma.name) AS modified_by_name,
           mm.email AS modified_by_email, mm.mobile AS modified_by_mobile
      FROM invoices i
      JOIN customers c ON c.seller_id = $1 AND c.customer_id = i.customer_id
      LEFT JOIN memberships cm ON cm.seller_id = $1 AND cm.user_id = i.created_by
      LEFT JOIN memberships mm ON mm.seller_id = $1 AND mm.user_id = i.modified_by
      LEFT JOIN api_clients ca ON ca.seller_id = $1 AND ca.client_id = i.created_by
      LEFT JOIN api_clients ma ON ma.seller_id = $1 AND ma.client_id = i.modified_by
     WHERE i.seller_id = $1 AND i.deleted_at IS NULL"""
_ONE: Final = _SELECT.replace("i.eway_bill_no,", "i.eway_bill_no, i.signed_qr,", 1) + " AND i.invoice_id = $2"
_MANY: Final = _SELECT + " AND i.invoice_id = ANY ($2::text[])"
_LOCK: Final = """
    SELECT 1 FROM invoices WHERE seller_id = $1 AND invoice_id = $2 AND deleted_at IS NULL FOR UPDATE"""
_ITEMS: Final = """
    SELECT line_no, description, hsn_code, is_service, quantity, unit, unit_price, discount, taxable_value, gst_rate,
           cgst, sgst, igst, cess, item_total, order_line
      FROM invoice_items WHERE seller_id = $1 AND invoice_id = $2 ORDER BY line_no"""
_ENTRY_SUMS: Final = """
    SELECT coalesce(sum(amount) FILTER (WHERE kind <> ALL ($3::text[])), 0)::numeric(18,2) AS adjusted,
           coalesce(sum(amount) FILTER (WHERE kind = 'WRITE_OFF'), 0)::numeric(18,2) AS written_off,
           coalesce(sum(sign(certified)), 0)::int AS certificates
      FROM invoice_entries WHERE seller_id = $1 AND invoice_id = $2"""


async def one(tx: Transaction, seller_id: SellerId, invoice_id: str) -> InvoiceRow:
    """Give an invoice, or raise :class:`InvoiceNotFound`."""
    found = await tx.fetchrow(_ONE, seller_id, invoice_id)
    if found is None:
        raise InvoiceNotFound
    return InvoiceRow(**dict(found))


async def many(tx: Transaction, seller_id: SellerId, invoice_ids: Sequence[str]) -> list[InvoiceRow]:
    """Give these invoices in this order; ids that are not there are left out."""
    by_id = {row["invoice_id"]: row for row in await tx.fetch(_MANY, seller_id, list(invoice_ids))}
    return [InvoiceRow(**dict(by_id[one])) for one in invoice_ids if one in by_id]


async def lock(tx: Transaction, seller_id: SellerId, invoice_id: str) -> InvoiceRow:
    """Give an invoice and keep others from changing it until the transaction ends."""
    if await tx.fetchval(_LOCK, seller_id, invoice_id) is None:
        raise InvoiceNotFound
    return await one(tx, seller_id, invoice_id)


async def items(tx: Transaction, seller_id: SellerId, invoice_id: str) -> list[ItemRow]:
    """Give an invoice's lines in order."""
    return [ItemRow(**dict(row)) for row in await tx.fetch(_ITEMS, seller_id, invoice_id)]


async def entry_sums(
    tx: Transaction, seller_id: SellerId, invoice_id: str, money_kinds: list[str]
) -> tuple[Any, Any, int]:
    """Give the sum of all entries that are not money, of the write-offs among them, and how many TDS certificates stand."""
    found = await tx.fetchrow(_ENTRY_SUMS, seller_id, invoice_id, money_kinds)
    if found is None:
        raise InvoiceNotFound
    return found["adjusted"], found["written_off"], found["certificates"]
