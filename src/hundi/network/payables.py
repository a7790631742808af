"""The buyer's list of received invoices: filters to SQL with parameters only, pages by offset or by keyset."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.paging import MOST_COUNTED, bad_cursor
from hundi.network.verdicts import GOOD, Verdict

BLOCK: Final = 1000
"""Rows that are in memory at a time while a file is written."""
_NEVER: Final = "DATE '9999-12-31'"
# Of what was rejected or cancelled nothing is owed, whatever was left of it then.
_OWED: Final = "CASE WHEN o.status IN ('REJECTED', 'CANCELLED') THEN 0.00 ELSE coalesce(o.due, 0) END"
_COLUMNS: Final = f"""o.object_id, o.number, o.supplier, o.buyer, o.status, o.version, o.total, {_OWED} AS due, o.created_at,
    o.changed_at, p.supplier_name, p.supplier_gstin, p.invoice_date, p.due_date, p.order_numbers, p.verdict,
    p.findings::text AS findings, p.accepted_version"""
_FROM: Final = """
      FROM network_objects o
      LEFT JOIN network_payables p ON p.seller_id = $1 AND p.object_id = o.object_id
     WHERE o.seller_id = $1 AND o.kind = 'INVOICE' AND o.role IN ('BUYER', 'BOTH')
       AND NOT o.status IN ('CREATED', 'FAILED')"""


class PayableOrder(StrEnum):
    """What the list is ordered by. An invoice that says no due date, or is not read yet, comes after all that do."""

    RECEIVED = "receivedOn"
    INVOICE_DATE = "invoiceDate"
    DUE_DATE = "dueDate"
    DUE_AMOUNT = "dueAmount"
    SUPPLIER = "supplierName"


_KEYS: Final = {
    PayableOrder.RECEIVED: "o.created_at",
    PayableOrder.INVOICE_DATE: f"coalesce(p.invoice_date, {_NEVER})",
    PayableOrder.DUE_DATE: f"coalesce(p.due_date, {_NEVER})",
    PayableOrder.DUE_AMOUNT: _OWED,
    PayableOrder.SUPPLIER: "coalesce(lower(p.supplier_name), '')",
}


class PayableFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; all of it must hold. ``matched``: True for good verdicts, False for the others."""

    status: str | None = None
    supplier: str | None = None
    verdict: Verdict | None = None
    matched: bool | None = None
    waiting: bool | None = None
    overdue: bool | None = None
    due_from: date | None = None
    due_to: date | None = None
    text: str | None = None

    def marks(self) -> list[str]:
        """Give the filters as text: what a cursor belongs to."""
        return [str(value) for value in msgspec.structs.astuple(self)]


class PayableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A received invoice; what was read of its document is None until the job has matched it."""

    object_id: str
    number: str
    supplier: str
    buyer: str
    status: str
    version: int
    total: Decimal
    due: Decimal
    created_at: datetime
    changed_at: datetime
    supplier_name: str | None
    supplier_gstin: str | None
    invoice_date: date | None
    due_date: date | None
    order_numbers: list[str] | None
    verdict: str | None
    findings: str | None
    accepted_version: int | None
    place: str = ""
    """What a page was ordered by, as a cursor has it."""


class PayableSort(msgspec.Struct, frozen=True, kw_only=True):
    """How the list is ordered."""

    order: PayableOrder = PayableOrder.RECEIVED
    descending: bool = True

    def marks(self) -> list[str]:
        """Give the order as text: what a cursor belongs to."""
        return [self.order.value, "DESC" if self.descending else "ASC"]


async def page(
    tx: Transaction,
    wanted: PayableFilter,
    sort: PayableSort,
    *,
    today: date,
    limit: int,
    offset: int = 0,
    after: Sequence[str] | None = None,
) -> tuple[list[PayableRow], int]:
    """Give at most ``limit`` received invoices that match, those after a place and id where they are given; and their number.

    The count goes to 100,001 at most: more are not counted one by one. Raises :class:`BadCursor`.
    """
    where, args = _conditions(tx, wanted, today)
    counted = f"SELECT count(*) FROM (SELECT 1{_FROM}{where} LIMIT {MOST_COUNTED + 1}) AS counted"
    total = int(await tx.fetchval(counted, *args))
    key, direction = _KEYS[sort.order], "DESC" if sort.descending else "ASC"
    if after is not None:
        place, object_id = after
        args = [*args, _last(sort.order, place), object_id]
        where += f" AND ({key}, o.object_id) {'<' if sort.descending else '>'} (${len(args) - 1}, ${len(args)})"
    rows = await tx.fetch(
        f"SELECT {_COLUMNS}, {key} AS place{_FROM}{where} ORDER BY {key} {direction}, o.object_id {direction}"
        f" LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args, limit, offset,
    )  # fmt: skip
    return [_row(row, row["place"]) for row in rows], total


async def everything(
    tx: Transaction, wanted: PayableFilter, sort: PayableSort, *, today: date
) -> AsyncIterator[list[Any]]:
    """Give all received invoices that match in blocks of :class:`PayableRow`, read through a cursor of the database."""
    where, args = _conditions(tx, wanted, today)
    key, direction = _KEYS[sort.order], "DESC" if sort.descending else "ASC"
    sql = f"SELECT {_COLUMNS}{_FROM}{where} ORDER BY {key} {direction}, o.object_id {direction}"
    cursor = await tx.connection.cursor(sql, *args)
    while block := await cursor.fetch(BLOCK):
        yield [_row(row) for row in block]


def _row(row: Any, place: Any = "") -> PayableRow:
    fields = {name: row[name] for name in PayableRow.__struct_fields__ if name != "place"}
    return PayableRow(**fields, place=place.isoformat() if isinstance(place, date) else str(place))


def _last(order: PayableOrder, text: str) -> Any:
    """Read the place of a cursor as the value it was; it is signed, so it fits unless the order of a key has changed."""
    try:
        if order is PayableOrder.RECEIVED:
            return datetime.fromisoformat(text)
        if order is PayableOrder.DUE_AMOUNT:
            return Decimal(text)
        return text if order is PayableOrder.SUPPLIER else date.fromisoformat(text)
    except (ValueError, InvalidOperation):
        raise bad_cursor() from None


def _conditions(tx: Transaction, wanted: PayableFilter, today: date) -> tuple[str, list[Any]]:
    args: list[Any] = [tx.seller_id]
    parts: list[str] = []
    good = sorted(GOOD)
    for sql, value in (
        ("o.status = ${}", wanted.status),
        ("upper(o.supplier) = ${}", wanted.supplier.upper() if wanted.supplier else None),
        ("p.verdict = ${}", wanted.verdict),
        ("p.verdict = ANY (${}::text[])", good if wanted.matched else None),
        ("NOT p.verdict = ANY (${}::text[])", good if wanted.matched is False else None),
        ("(o.status = 'SENT TO BUYER') = ${}", wanted.waiting),
        ("coalesce(p.due_date < ${} AND o.due > 0 AND o.status IN ('ACCEPTED', 'PARTIALLY PAID', 'SENT TO BUYER'), false)"
         + (" = true" if wanted.overdue else " = false"), None if wanted.overdue is None else today),
        ("p.due_date >= ${}", wanted.due_from),
        ("p.due_date <= ${}", wanted.due_to),
        ("p.words LIKE ${}", _pattern(wanted.text)),
    ):  # fmt: skip
        if value is not None:
            args.append(value)
            parts.append(" AND " + sql.format(len(args)))
    return "".join(parts), args


def _pattern(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    plain = text.strip().lower()
    for sign in ("\\", "%", "_"):
        plain = plain.replace(sign, f"\\{sign}")
    return f"%{plain}%"
