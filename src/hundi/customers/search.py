"""Finding customers: filters to SQL with parameters only, pages by offset or by keyset (design §5 "Lists")."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.customers import accounts, queries
from hundi.customers.rows import CustomerRow
from hundi.customers.schemas import CustomerOrder, CustomerSearch
from hundi.db.pool import Transaction
from hundi.kit.contacts import is_phone
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.gstin import is_pan
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.kit.paging import MOST_COUNTED, bad_cursor, check_start, read_cursor, write_cursor
from hundi.kit.states import find_state

_GSTIN_LENGTH: Final = 15
_PHONE_DIGITS: Final = 10
# What each order stands on; the id makes it total. Each has an index that begins with the seller.
_KEYS: Final = {
    CustomerOrder.CREATED_ON: "created_at",
    CustomerOrder.MODIFIED_ON: "modified_at",
    CustomerOrder.LEGAL_NAME: "upper(legal_name)",
}
_CONTACT: Final = (
    "customer_id IN (SELECT k.customer_id FROM customer_contacts k"
    " WHERE k.seller_id = $1 AND NOT k.deleted AND {} = ${{}})"
)
_SEARCHES: Final = "customers"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the list is asked for."""

    limit: int
    offset: int
    cursor: str | None
    order: CustomerOrder
    descending: bool


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One page: ``total`` counts all that match, as an estimate where ``estimated``."""

    rows: list[CustomerRow]
    total: int
    estimated: bool
    next_cursor: str | None


async def find(tx: Transaction, keyring: Keyring, seller_id: SellerId, wanted: CustomerSearch, page: Page) -> Found:
    """Give one page of the customers that match every filter.

    Raises :class:`Invalid` with every filter that cannot be meant, :class:`BadCursor`, :class:`CursorAndOffset`.
    """
    check_start(page.cursor, page.offset)
    where, args = _conditions(keyring, seller_id, wanted)
    total, estimated = await _count(tx, where, args)
    key, direction = _KEYS[page.order], "DESC" if page.descending else "ASC"
    belongs_to = (seller_id, _SEARCHES, page.order.value, direction, _text_of(wanted))
    after = ""
    if page.cursor is not None:
        last = _last(page.order, read_cursor(keyring, belongs_to, page.cursor, 2))
        after = f" AND ({key}, customer_id) {'<' if page.descending else '>'} (${len(args) + 1}, ${len(args) + 2})"
        args = [*args, *last]
    # One row more than asked for tells whether there is a next page.
    sql = f"""SELECT {queries.COLUMNS}, {key} AS sort_key FROM customers WHERE seller_id = $1{where}{after}
               ORDER BY {key} {direction}, customer_id {direction} LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}"""
    records = await tx.fetch(sql, *args, page.limit + 1, page.offset)
    cursor = None
    if len(records) > page.limit:
        records = records[: page.limit]
        ends = records[-1]["sort_key"]
        text = ends.isoformat() if isinstance(ends, datetime) else ends
        cursor = write_cursor(keyring, belongs_to, (text, records[-1]["customer_id"]))
    plain = [{name: value for name, value in record.items() if name != "sort_key"} for record in records]
    return Found(rows=await queries.whole(tx, seller_id, plain), total=total, estimated=estimated, next_cursor=cursor)


def _last(order: CustomerOrder, after: tuple[str, ...]) -> tuple[Any, str]:
    if order is CustomerOrder.LEGAL_NAME:
        return after[0], after[1]
    try:
        return datetime.fromisoformat(after[0]), after[1]
    except ValueError:
        raise bad_cursor() from None


def _text_of(wanted: CustomerSearch) -> str:
    """Write the filters as one text, the same for the same filters: a cursor holds for these and no others."""
    plain = {
        field.name: str(getattr(value, "value", value))
        for field in msgspec.structs.fields(wanted)
        if (value := getattr(wanted, field.name)) is not None
    }
    return json.dumps(plain, sort_keys=True)


async def _count(tx: Transaction, where: str, args: Sequence[Any]) -> tuple[int, bool]:
    matching = f"SELECT 1 FROM customers WHERE seller_id = $1{where}"
    counted = await tx.fetchval(f"SELECT count(*) FROM ({matching} LIMIT {MOST_COUNTED + 1}) AS matching", *args)
    if counted <= MOST_COUNTED:
        return int(counted), False
    plan = json.loads(await tx.fetchval(f"EXPLAIN (FORMAT JSON) {matching}", *args))
    return max(int(plan[0]["Plan"]["Plan Rows"]), int(counted)), True


def _conditions(keyring: Keyring, seller_id: SellerId, wanted: CustomerSearch) -> tuple[str, list[Any]]:
    """Write the filters as SQL with parameters only; no text of the caller gets into the statement."""
    args: list[Any] = [seller_id]
    parts: list[str] = [f"deleted_at IS {'NOT ' if wanted.customerDeleted else ''}NULL"]
    problems: list[FieldProblem] = []

    def add(sql: str, value: Any) -> None:
        args.append(value)
        parts.append(sql.replace("{}", str(len(args))))

    for sql, value in (
        ("customer_id = ANY (${}::text[])", wanted.customerIds or None),
        ("assigned_agent = ${}", wanted.assignedAgent or None),
        ("customer_company_id = ${}", wanted.customerCompanyId or None),
        ("unique_ref_no = ${}", wanted.uniqueRefNo or None),
        ("status = ${}", wanted.customerStatus.value if wanted.customerStatus else None),
        ("has_key_contacts = ${}", wanted.hasKeyContacts),
        ("created_at >= ${}", wanted.createdOnFrom.value if wanted.createdOnFrom else None),
        ("created_at <= ${}", wanted.createdOnTo.value if wanted.createdOnTo else None),
        (_CONTACT.format("lower(k.email)").replace("${}", "lower(${})"), wanted.email or None),
        ("lower(legal_name) LIKE lower(${})", _part(wanted.legalName)),
        ("lower(legal_name || ' ' || coalesce(trade_name, '')) LIKE lower(${})", _part(wanted.name)),
    ):
        if value is not None:
            add(sql, value)
    if wanted.accountNumber:
        add("account_hash = ANY (${}::bytea[])", accounts.lookup_hashes(keyring, seller_id, wanted.accountNumber))
    if wanted.phone:
        digits = wanted.phone[-_PHONE_DIGITS:]
        if not is_phone(wanted.phone):
            message = "Send ten digits, with +91 before them if you like."
            problems.append(FieldProblem("phone", "BAD_FORMAT", message, wanted.phone))
        mobile = _CONTACT.format("right(k.mobile, 10)")
        add(f"(right(contact_number, 10) = ${{}} OR {mobile})", digits)
    _add_identity(wanted, add, problems)
    _check_range(wanted, problems)
    if problems:
        raise Invalid(problems=problems)
    return "".join(f" AND {part}" for part in parts), args


def _add_identity(wanted: CustomerSearch, add: Any, problems: list[FieldProblem]) -> None:
    number = (wanted.panOrGstin or "").strip().upper()
    if len(number) == _GSTIN_LENGTH:
        add("gstin = ${}", number)
    elif number and is_pan(number):
        add("pan = ${}", number)
    elif number:
        message = "Send a GSTIN (15 characters) or a PAN (10 characters, such as ABCPE1234F)."
        problems.append(FieldProblem("panOrGstin", "PAN_OR_GSTIN_FORMAT", message, number))
    if wanted.state and wanted.state.strip():
        state = find_state(wanted.state)
        if state is None:
            message = "Send a state's name, its two letters or its GST code."
            problems.append(FieldProblem("state", "STATE_UNKNOWN", message, wanted.state[:40]))
        else:
            add("state_code = ${}", state.code)


def _check_range(wanted: CustomerSearch, problems: list[FieldProblem]) -> None:
    start, end = wanted.createdOnFrom, wanted.createdOnTo
    if start is not None and end is not None and start.value > end.value:
        message = "createdOnFrom is after createdOnTo, so nothing can lie between them. Exchange the two."
        problems += [FieldProblem(name, "EMPTY_RANGE", message) for name in ("createdOnFrom", "createdOnTo")]


def _part(text: str | None) -> str | None:
    """Write a text as a pattern of LIKE that finds it anywhere; its own signs stand for themselves."""
    if text is None or not text.strip():
        return None
    plain = text.strip()
    for sign in ("\\", "%", "_"):
        plain = plain.replace(sign, f"\\{sign}")
    return f"%{plain}%"
