"""Reading open items and their ageing: one page for JSON, or all of it block by block for a file."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.invoices.rules import ReceivableStatus
from hundi.invoices.search import Conditions
from hundi.kit.dates import ist_date
from hundi.kit.keys import Keyring
from hundi.kit.paging import bad_cursor, check_start, read_cursor, write_cursor
from hundi.reports.filters import ReportFilters, asked_of, open_conditions
from hundi.reports.rules import BUCKETS, bucket_of, days_overdue
from hundi.reports.schemas import Ageing, AgeingRow, Ages, OpenItem, OpenItems

BLOCK: Final = 1000
"""Rows that are in memory at a time while a file is written."""
_FROM: Final = """
      FROM searchable_invoices i
      JOIN searchable_customers c ON c.seller_id = $1 AND c.customer_id = i.customer_id
     WHERE i.seller_id = $1"""
_ITEM: Final = """
    SELECT i.invoice_id, i.invoice_number, i.customer_id, c.legal_name, c.gstin, i.invoice_date, i.due_date,
           i.po_number, i.net_amount, i.total_received, i.balance, i.receivable_status"""
_BY_DUE: Final = " ORDER BY i.due_date, i.invoice_id"
_BY_NAME: Final = " GROUP BY c.legal_name, c.customer_id ORDER BY c.legal_name, c.customer_id"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a report is wanted."""

    limit: int
    offset: int = 0
    cursor: str | None = None


async def open_items(
    tx: Transaction, keyring: Keyring, filters: ReportFilters, page: Wanted, *, today: date
) -> OpenItems:
    """Give one page of open items, oldest due date first, with the count and sum of all."""
    check_start(page.cursor, page.offset)
    found = await open_conditions(tx, filters, today)
    belongs_to = [tx.seller_id, "open items", asked_of(filters)]
    [sums] = await tx.fetch(
        f"SELECT count(*) AS items, coalesce(sum(i.balance), 0)::numeric(18,2) AS total {_FROM}{found.where}",
        *found.args,
    )
    if page.cursor is not None:
        due, last_id = read_cursor(keyring, belongs_to, page.cursor, 2)
        found.add("(i.due_date, i.invoice_id) > (${}, ${})", _day(due), last_id)
    rows = await _page(tx, f"{_ITEM}{_FROM}{found.where}{_BY_DUE}", found, page)
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    after = write_cursor(keyring, belongs_to, (str(rows[-1]["due_date"]), rows[-1]["invoice_id"])) if more else None
    return OpenItems(
        asOn=today, totalBalanceAmount=sums["total"], disputedAmount=await _disputed(tx, filters, today), data=[item_of(row, today) for row in rows],
        total_count=sums["items"], limit=page.limit, offset=page.offset, next_cursor=after,
    )  # fmt: skip


async def ageing(tx: Transaction, keyring: Keyring, filters: ReportFilters, page: Wanted, *, today: date) -> Ageing:
    """Give one page of customers by name with what they owe by age, and the totals over all."""
    check_start(page.cursor, page.offset)
    found = await open_conditions(tx, filters, today)
    belongs_to = [tx.seller_id, "ageing", asked_of(filters)]
    columns, args = _ages(found, today)
    [sums] = await tx.fetch(f"SELECT {columns}, count(DISTINCT i.customer_id) AS customers {_FROM}{found.where}", *args)
    if page.cursor is not None:
        name, last_id = read_cursor(keyring, belongs_to, page.cursor, 2)
        found.add("(c.legal_name, c.customer_id) > (${}, ${})", name, last_id)
    rows = await _page(tx, _ageing_sql(found, today), found, page)
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    after = write_cursor(keyring, belongs_to, (rows[-1]["legal_name"], rows[-1]["customer_id"])) if more else None
    return Ageing(
        asOn=today, totals=Ages(**_amounts(sums)), disputedAmount=await _disputed(tx, filters, today), data=[ageing_of(row) for row in rows],
        total_count=sums["customers"], limit=page.limit, offset=page.offset, next_cursor=after,
    )  # fmt: skip


async def _disputed(tx: Transaction, filters: ReportFilters, today: date) -> Decimal | None:
    """Give what is owed under dispute, which no report counts unless it is asked for; None where statuses are named."""
    if filters.receivableStatuses:
        return None
    found = await open_conditions(tx, filters, today, {ReceivableStatus.DISPUTED})
    amount: Decimal = await tx.fetchval(
        f"SELECT coalesce(sum(i.balance), 0)::numeric(18,2) {_FROM}{found.where}", *found.args
    )
    return amount


async def all_open_items(tx: Transaction, filters: ReportFilters, *, today: date) -> AsyncIterator[list[OpenItem]]:
    """Give all open items in blocks, read through a cursor of the database."""
    found = await open_conditions(tx, filters, today)
    async for block in _blocks(tx, f"{_ITEM}{_FROM}{found.where}{_BY_DUE}", found.args):
        yield [item_of(row, today) for row in block]


async def all_ageing(tx: Transaction, filters: ReportFilters, *, today: date) -> AsyncIterator[list[AgeingRow]]:
    """Give all customers who owe something in blocks, read through a cursor of the database."""
    found = await open_conditions(tx, filters, today)
    async for block in _blocks(tx, _ageing_sql(found, today), found.args):
        yield [ageing_of(row) for row in block]


def _ages(found: Conditions, today: date) -> tuple[str, list[Any]]:
    """Write the sums of the buckets; ``today`` becomes a parameter after those of the conditions."""
    args = [*found.args, today]
    at = f"${len(args)}::date"
    sums = []
    for bucket in BUCKETS:
        # Beginning and end of the bucket as due dates: the later an item is due, the younger it is.
        limits = [f"i.due_date <= {at} - {bucket.first}"] if bucket.first is not None else []
        limits += [f"i.due_date >= {at} - {bucket.last}"] if bucket.last is not None else []
        where = " AND ".join(limits)
        sums.append(f'coalesce(sum(i.balance) FILTER (WHERE {where}), 0)::numeric(18,2) AS "{bucket.name}"')
    sums += ["coalesce(sum(i.balance), 0)::numeric(18,2) AS total", "count(*) AS invoices"]
    return ", ".join(sums), args


def _ageing_sql(found: Conditions, today: date) -> str:
    """Write the statement by customer; adds the parameter of ``today`` to the conditions' own."""
    columns, found.args = _ages(found, today)
    return f"SELECT c.customer_id, c.legal_name, {columns} {_FROM}{found.where}{_BY_NAME}"


async def _page(tx: Transaction, sql: str, found: Conditions, page: Wanted) -> list[Any]:
    args = [*found.args, page.limit + 1, page.offset]
    return list(await tx.fetch(f"{sql} LIMIT ${len(args) - 1} OFFSET ${len(args)}", *args))


async def _blocks(tx: Transaction, sql: str, args: list[Any]) -> AsyncIterator[list[Any]]:
    cursor = await tx.connection.cursor(sql, *args)
    while block := await cursor.fetch(BLOCK):
        yield block


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_cursor() from None


def item_of(row: Any, today: date) -> OpenItem:
    """Show one open item as of ``today``."""
    return OpenItem(
        invoiceId=row["invoice_id"], invoiceNumber=row["invoice_number"], customerId=row["customer_id"],
        customerLegalName=row["legal_name"], customerGstin=row["gstin"], invoiceDate=ist_date(row["invoice_date"]),
        dueDate=row["due_date"], poNumber=row["po_number"], netAmount=row["net_amount"],
        totalReceived=row["total_received"], balanceAmount=row["balance"], receivableStatus=row["receivable_status"],
        age=bucket_of(row["due_date"], today).heading, daysOverdue=days_overdue(row["due_date"], today),
    )  # fmt: skip


def ageing_of(row: Any) -> AgeingRow:
    """Show one customer's line."""
    return AgeingRow(customerId=row["customer_id"], customerLegalName=row["legal_name"], **_amounts(row))


def _amounts(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in (*(bucket.name for bucket in BUCKETS), "total", "invoices")}
