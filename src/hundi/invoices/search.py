"""Finding invoices: every filter of the contract, a stable order, pages by offset or by cursor, a bounded count.

The conditions are tested on ``searchable_invoices``, where PostgreSQL may use an index for each of them (revision 0002
says why); the rows that are shown are then fetched by their ids, in the same snapshot.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.http.wire import WireValue
from hundi.invoices import queries
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import OPEN_STATUSES, ReceivableStatus
from hundi.invoices.search_schemas import InvoiceSearch
from hundi.kit.dates import ist_date, parse_instant
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.keys import Keyring
from hundi.kit.paging import MOST_COUNTED, bad_cursor, check_start, read_cursor, write_cursor

# A prepared statement would be planned once for any values; which index is best depends on them.
_PLAN_FOR_THESE_VALUES: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
MOST_WORDS: Final = 8
_RANGES: Final = {
    "balanceAmount": "i.balance",
    "baseAmount": "i.base_amount",
    "createdOn": "i.created_at",
    "dispatchedOn": "i.dispatched_at",
    "dueDate": "i.due_date",
    "invoiceDate": "i.invoice_date",
    "netAmount": "i.net_amount",
    "totalReceived": "i.total_received",
}
MOST_NAMED: Final = 5000
"""Up to so many customers of a name are looked up first: the planner then knows how few invoices are theirs."""
_OWN_TEXT: Final = "lower(i.invoice_number || ' ' || coalesce(i.description, '')) LIKE lower(${})"
_NAMED: Final = """
    SELECT c.customer_id FROM searchable_customers c
     WHERE c.seller_id = $1 AND lower(c.legal_name) LIKE lower($2) LIMIT $3"""
_OF_MANY: Final = """i.customer_id IN (
    SELECT c.customer_id FROM searchable_customers c WHERE c.seller_id = $1 AND lower(c.legal_name) LIKE lower(${}))"""
_OF_THESE: Final = "i.customer_id = ANY (${}::text[])"
_CUSTOMER: Final = """EXISTS (
    SELECT 1 FROM searchable_customers c WHERE c.seller_id = $1 AND c.customer_id = i.customer_id AND {})"""
_OVERDUE: Final = "(i.due_date < ${} AND i.receivable_status = ANY (${}::text[]))"


class Order(msgspec.Struct, frozen=True):
    """What a list can be ordered by: the column, and how its value is read back from a cursor."""

    column: str
    read: Callable[[str], Any]


ORDERS: Final = {
    "createdOn": Order("created_at", parse_instant),
    "invoiceDate": Order("invoice_date", parse_instant),
    "dueDate": Order("due_date", date.fromisoformat),
    "netAmount": Order("net_amount", Decimal),
    "balanceAmount": Order("balance", Decimal),
    "invoiceNumber": Order("number_key", str),
}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted, and in which order."""

    order_by: str
    direction: str
    limit: int
    offset: int = 0
    cursor: str | None = None


class Found(msgspec.Struct, frozen=True):
    """One page: its rows, how many match in all, and where the next page begins."""

    rows: list[InvoiceRow]
    total: int
    estimated: bool
    next_cursor: str | None


class Conditions:
    """Filters as SQL with parameters only; no text of the caller gets into the statement. ``$1`` is the seller."""

    def __init__(self, seller_id: str) -> None:
        self.args: list[Any] = [seller_id]
        self.parts: list[str] = []

    def add(self, sql: str, *values: Any) -> None:
        """Add one condition on ``i``; each ``${}`` in it becomes the parameter of the next value."""
        self.args.extend(values)
        self.parts.append(sql.format(*range(len(self.args) - len(values) + 1, len(self.args) + 1)))

    @property
    def where(self) -> str:
        """Give what follows ``WHERE i.seller_id = $1``."""
        return "".join(f" AND {part}" for part in self.parts)


def check(seller_id: str, wanted: InvoiceSearch) -> None:
    """Refuse ranges whose ends are the wrong way round and another company's id; lists every such field."""
    problems: list[FieldProblem] = []
    for name in _RANGES:
        first, last = getattr(wanted, f"{name}From"), getattr(wanted, f"{name}To")
        if first is not None and last is not None and first.value > last.value:
            message = f"{name}From may not lie after {name}To."
            problems += [FieldProblem(f"{name}{end}", "RANGE_REVERSED", message) for end in ("From", "To")]
    if wanted.sellerId not in {None, "", seller_id}:
        message = "sellerId must be the company you act for; to act for another one put it into the query."
        problems.append(FieldProblem("sellerId", "SELLER_MISMATCH", message, wanted.sellerId))
    if problems:
        raise Invalid(problems=problems)


async def conditions(tx: Transaction, wanted: InvoiceSearch, today: date) -> Conditions:
    """Write the filters as conditions on ``searchable_invoices i``; ``today`` (in India) decides what is overdue.

    Raises :class:`Invalid` on filters that contradict. From here on the transaction plans each statement for its values.
    """
    check(tx.seller_id, wanted)
    await tx.execute(_PLAN_FOR_THESE_VALUES)
    found = Conditions(tx.seller_id)
    for sql, value in (
        ("i.customer_id = ANY (${}::text[])", wanted.customerIds or None),
        ("i.invoice_id = ANY (${}::text[])", wanted.invoiceIds or None),
        ("i.number_key = upper(${})", wanted.invoiceNumber),
        ("i.external_id = ${}", wanted.externalId),
        ("i.po_number = ${}", wanted.poNumber),
        ("i.via = ${}", wanted.via),
        ("i.via = ANY (${}::text[])", wanted.collectionMode or None),
        ("i.created_via = ${}", wanted.createdVia),
        ("i.approval_status = ANY (${}::text[])", _names(wanted.approvalStatuses)),
        ("i.payout_status = ANY (${}::text[])", _names(wanted.payoutStatuses)),
    ):
        if value is not None:
            found.add(sql, value)
    if wanted.dispatched is not None:
        found.add(f"i.dispatched_at IS {'NOT ' if wanted.dispatched else ''}NULL")
    _add_statuses(found, wanted.receivableStatuses or [], today)
    for name, column in _RANGES.items():
        for end, sign in (("From", ">="), ("To", "<=")):
            bound = getattr(wanted, f"{name}{end}")
            if bound is not None:
                found.add(f"{column} {sign} ${{}}", ist_date(bound.value) if name == "dueDate" else bound.value)
    _add_customer(found, wanted)
    if wanted.customerLegalName is not None:
        sql, value = await _named(tx, pattern(wanted.customerLegalName.strip()))
        found.add(sql, value)
    for word in (wanted.text or "").split()[:MOST_WORDS]:
        sql, value = await _named(tx, pattern(word))
        if value:
            # The name first: it is quicker to test, and where it fits the text need not be read.
            found.add(f"({sql} OR {_OWN_TEXT})", value, pattern(word))
        else:
            found.add(_OWN_TEXT, pattern(word))
    return found


async def _named(tx: Transaction, like: str) -> tuple[str, Any]:
    """Write the condition that the customer's name is like this, and its parameter."""
    ids = [row["customer_id"] for row in await tx.fetch(_NAMED, tx.seller_id, like, MOST_NAMED + 1)]
    return (_OF_THESE, ids) if len(ids) <= MOST_NAMED else (_OF_MANY, like)


def _names(values: Sequence[str] | None) -> list[str] | None:
    return [str(value) for value in values] if values else None


def _add_statuses(found: Conditions, statuses: list[ReceivableStatus], today: date) -> None:
    """Add the receivable states; a search for PARTIALLY_PAID still finds the overdue ones among them (domain §4)."""
    stored = [str(s) for s in statuses if s is not ReceivableStatus.OVERDUE]
    waiting = sorted(s.value for s in OPEN_STATUSES)
    if ReceivableStatus.OVERDUE not in statuses:
        if stored:
            found.add("i.receivable_status = ANY (${}::text[])", stored)
    elif stored:
        found.add(f"(i.receivable_status = ANY (${{}}::text[]) OR {_OVERDUE})", stored, today, waiting)
    else:
        found.add(_OVERDUE, today, waiting)


def _add_customer(found: Conditions, wanted: InvoiceSearch) -> None:
    if wanted.customerStatus is not None:
        found.add(_CUSTOMER.format("c.status = ${}"), str(wanted.customerStatus))
    if wanted.customerDeleted is not None:
        found.add(_CUSTOMER.format(f"c.deleted_at IS {'NOT ' if wanted.customerDeleted else ''}NULL"))


def pattern(text: str) -> str:
    """Write the LIKE pattern of "contains this text", which has no wildcards of its own."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def asked(wanted: InvoiceSearch) -> str:
    """Write the filters as one text, the same for the same filters: what a cursor belongs to."""
    plain = msgspec.to_builtins(wanted, enc_hook=_plain)
    return json.dumps(plain, sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, WireValue):
        return str(getattr(value, "value", ""))
    return str(value)


async def search(tx: Transaction, keyring: Keyring, wanted: InvoiceSearch, page: Page, *, today: date) -> Found:
    """Give one page of the bound seller's invoices that are not deleted.

    Raises :class:`Invalid` on filters that contradict, ``BadCursor`` on a cursor that is not this query's.
    """
    check_start(page.cursor, page.offset)
    found = await conditions(tx, wanted, today)
    belongs_to = [tx.seller_id, "invoices", page.order_by, page.direction, asked(wanted)]
    total, estimated = await count(tx, found)
    keys = await _keys(tx, keyring, found, page, belongs_to)
    more = len(keys) > page.limit
    keys = keys[: page.limit]
    next_cursor = write_cursor(keyring, belongs_to, _after(keys[-1])) if more else None
    rows = await queries.many(tx, tx.seller_id, [row["invoice_id"] for row in keys])
    return Found(rows, total, estimated, next_cursor)


async def _keys(tx: Transaction, keyring: Keyring, found: Conditions, page: Page, belongs_to: list[str]) -> list[Any]:
    """Give the ids of the page in order, with the value they are ordered by, and one more where more follow."""
    order = ORDERS[page.order_by]
    column, direction = f"i.{order.column}", "ASC" if page.direction == "ASC" else "DESC"
    if page.cursor is not None:
        last, last_id = read_cursor(keyring, belongs_to, page.cursor, 2)
        sign = ">" if direction == "ASC" else "<"
        found.add(f"({column}, i.invoice_id) {sign} (${{}}, ${{}})", _read(order, last), last_id)
    args = [*found.args, page.limit + 1, page.offset]
    sql = f"""
        SELECT i.invoice_id, {column} AS at FROM searchable_invoices i WHERE i.seller_id = $1{found.where}
         ORDER BY {column} {direction}, i.invoice_id {direction} LIMIT ${len(args) - 1} OFFSET ${len(args)}"""
    return await tx.fetch(sql, *args)


def _read(order: Order, text: str) -> Any:
    try:
        return order.read(text)
    except (ValueError, ArithmeticError):
        raise bad_cursor() from None


def _after(row: Any) -> tuple[str, str]:
    at = row["at"]
    return (at.isoformat() if isinstance(at, date) else str(at)), row["invoice_id"]


async def count(tx: Transaction, found: Conditions) -> tuple[int, bool]:
    """Count what matches: exactly up to 100,000; above, give the planner's estimate and True."""
    bounded = f"""
        SELECT count(*) FROM (
            SELECT 1 FROM searchable_invoices i WHERE i.seller_id = $1{found.where} LIMIT {MOST_COUNTED + 1}) few"""
    exact = int(await tx.fetchval(bounded, *found.args))
    if exact <= MOST_COUNTED:
        return exact, False
    explained = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM searchable_invoices i WHERE i.seller_id = $1{found.where}"
    plan = await tx.fetchval(explained, *found.args)
    return max(int(json.loads(plan)[0]["Plan"]["Plan Rows"]), exact), True
