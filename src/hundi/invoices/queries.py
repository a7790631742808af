"""Reading invoices."""

from datetime import date
from typing import Any, Final

from hundi.db.pool import Transaction
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rows import InvoiceRow, ItemRow
from hundi.invoices.rules import OPEN_STATUSES, ReceivableStatus
from hundi.invoices.schemas import InvoiceSearch
from hundi.kit.dates import ist_date
from hundi.kit.ids import SellerId

_SELECT: Final = """
    SELECT i.seller_id, i.invoice_id, i.registration_id, i.customer_id, i.external_id, i.fy, i.invoice_number,
           i.invoice_date, i.due_date, i.po_number, i.po_date, i.payable_reference_id, i.description, i.email_address,
           i.mobile_number, i.gst_exclusive, i.reverse_charge, i.base_amount, i.cgst, i.sgst, i.igst, i.cess,
           i.discount, i.other_charges, i.tcs, i.round_off, i.tds, i.taxable_value, i.invoice_value, i.net_amount,
           i.total_received, i.balance, i.place_of_supply, i.supply_type, i.irn, i.approval_status,
           i.receivable_status, i.dispatch_status, i.payout_status, i.partial_payment_allowed, i.charge_customer,
           i.via, i.created_via, i.link_version, i.dispatched_at, i.created_at, i.created_by, i.modified_at,
           i.modified_by, i.version, c.legal_name AS customer_legal_name, c.has_key_contacts,
           coalesce(cm.display_name, ca.name) AS created_by_name, cm.email AS created_by_email,
           cm.mobile AS created_by_mobile, coalesce(mm.display_name, ma.name) AS modified_by_name,
           mm.email AS modified_by_email, mm.mobile AS modified_by_mobile
      FROM invoices i
      JOIN customers c ON c.seller_id = $1 AND c.customer_id = i.customer_id
      LEFT JOIN memberships cm ON cm.seller_id = $1 AND cm.user_id = i.created_by
      LEFT JOIN memberships mm ON mm.seller_id = $1 AND mm.user_id = i.modified_by
      LEFT JOIN api_clients ca ON ca.seller_id = $1 AND ca.client_id = i.created_by
      LEFT JOIN api_clients ma ON ma.seller_id = $1 AND ma.client_id = i.modified_by
     WHERE i.seller_id = $1"""
_ONE: Final = _SELECT + " AND i.invoice_id = $2"
_LOCK: Final = "SELECT 1 FROM invoices WHERE seller_id = $1 AND invoice_id = $2 FOR UPDATE"
_ITEMS: Final = """
    SELECT line_no, description, hsn_code, is_service, quantity, unit, unit_price, discount, taxable_value, gst_rate,
           cgst, sgst, igst, cess, item_total
      FROM invoice_items WHERE seller_id = $1 AND invoice_id = $2 ORDER BY line_no"""
_ENTRY_SUMS: Final = """
    SELECT coalesce(sum(amount) FILTER (WHERE kind <> ALL ($3::text[])), 0)::numeric(18,2) AS adjusted,
           coalesce(sum(amount) FILTER (WHERE kind = 'WRITE_OFF'), 0)::numeric(18,2) AS written_off
      FROM invoice_entries WHERE seller_id = $1 AND invoice_id = $2"""


_BOUNDS: Final = {
    "dueDateFrom": "i.due_date >= ${}",
    "dueDateTo": "i.due_date <= ${}",
    "createdOnFrom": "i.created_at >= ${}",
    "createdOnTo": "i.created_at <= ${}",
}


async def one(tx: Transaction, seller_id: SellerId, invoice_id: str) -> InvoiceRow:
    """Give an invoice, or raise :class:`InvoiceNotFound`."""
    found = await tx.fetchrow(_ONE, seller_id, invoice_id)
    if found is None:
        raise InvoiceNotFound
    return InvoiceRow(**dict(found))


async def lock(tx: Transaction, seller_id: SellerId, invoice_id: str) -> InvoiceRow:
    """Give an invoice and keep others from changing it until the transaction ends."""
    if await tx.fetchval(_LOCK, seller_id, invoice_id) is None:
        raise InvoiceNotFound
    return await one(tx, seller_id, invoice_id)


async def items(tx: Transaction, seller_id: SellerId, invoice_id: str) -> list[ItemRow]:
    """Give an invoice's lines in order."""
    return [ItemRow(**dict(row)) for row in await tx.fetch(_ITEMS, seller_id, invoice_id)]


async def entry_sums(tx: Transaction, seller_id: SellerId, invoice_id: str, money_kinds: list[str]) -> tuple[Any, Any]:
    """Give the sum of all entries that are not money, and of the write-offs among them."""
    found = await tx.fetchrow(_ENTRY_SUMS, seller_id, invoice_id, money_kinds)
    if found is None:
        raise InvoiceNotFound
    return found["adjusted"], found["written_off"]


async def search(
    tx: Transaction,
    seller_id: SellerId,
    wanted: InvoiceSearch,
    *,
    today: date,
    limit: int,
    offset: int,
    direction: str,
) -> tuple[list[InvoiceRow], int]:
    """Give one page of invoices, oldest or newest birth first, and the exact number of all that match."""
    where, args = _conditions(seller_id, wanted, today)
    count = await tx.fetchval(f"SELECT count(*) FROM invoices i WHERE i.seller_id = $1{where}", *args)
    order = "DESC" if direction == "DESC" else "ASC"
    args += [limit, offset]
    page = f"{_SELECT}{where} ORDER BY i.invoice_id {order} LIMIT ${len(args) - 1} OFFSET ${len(args)}"
    return [InvoiceRow(**dict(row)) for row in await tx.fetch(page, *args)], int(count)


def _conditions(seller_id: SellerId, wanted: InvoiceSearch, today: date) -> tuple[str, list[Any]]:
    """Write the filters as SQL with parameters only; no text of the caller gets into the statement."""
    args: list[Any] = [seller_id]
    parts: list[str] = []

    def add(sql: str, *values: Any) -> None:
        args.extend(values)
        parts.append(sql.format(*range(len(args) - len(values) + 1, len(args) + 1)))

    for sql, value in (
        ("i.customer_id = ANY (${}::text[])", wanted.customerIds or None),
        ("i.invoice_id = ANY (${}::text[])", wanted.invoiceIds or None),
        ("i.number_key = upper(${})", wanted.invoiceNumber),
        ("i.external_id = ${}", wanted.externalId),
        ("i.approval_status = ANY (${}::text[])", [s.value for s in wanted.approvalStatuses or ()] or None),
    ):
        if value is not None:
            add(sql, value)
    if wanted.dispatched is not None:
        parts.append(f"i.dispatched_at IS {'NOT ' if wanted.dispatched else ''}NULL")
    if wanted.receivableStatuses:
        stored = [s.value for s in wanted.receivableStatuses if s is not ReceivableStatus.OVERDUE]
        overdue = ReceivableStatus.OVERDUE in wanted.receivableStatuses
        # A search for PARTIALLY_PAID still finds the overdue ones among them (domain §4).
        sql = "(i.receivable_status = ANY (${}::text[]) OR (${}::bool AND i.due_date < ${} AND i.receivable_status = ANY (${}::text[])))"
        add(sql, stored, overdue, today, sorted(s.value for s in OPEN_STATUSES))
    for name, sql in _BOUNDS.items():
        bound = getattr(wanted, name)
        if bound is not None:
            add(sql, ist_date(bound.value) if name.startswith("due") else bound.value)
    return "".join(f" AND {part}" for part in parts), args
