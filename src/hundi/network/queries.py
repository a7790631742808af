"""Reading a company's copies of what it trades."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.paging import MOST_COUNTED
from hundi.network.errors import NetworkObjectNotFound

_HEADER: Final = """object_id, kind, number, role, supplier, buyer, status, version, revision, total, due, created_at,
    changed_at"""
_ONE: Final = f"""
    SELECT {_HEADER}, data::text AS data, document::text AS document FROM network_objects
     WHERE seller_id = $1 AND object_id = $2 AND kind = $3"""
_MANY: Final = f"""
    SELECT {_HEADER}, data::text AS data, document::text AS document FROM network_objects
     WHERE seller_id = $1 AND kind = $2 AND object_id = ANY ($3)"""
_NOTES: Final = f"""
    SELECT {_HEADER}, data::text AS data, document::text AS document FROM network_objects
     WHERE seller_id = $1 AND kind = 'NOTE' AND role IN ('BUYER', 'BOTH') AND (object_id = ANY ($2) OR key = ANY ($3))"""
_OPEN_NOTES: Final = f"""
    SELECT {_HEADER}, data::text AS data, document::text AS document FROM network_objects
     WHERE seller_id = $1 AND kind = 'NOTE' AND role IN ('BUYER', 'BOTH') AND status IN ('ACCEPTED', 'APPLIED') AND due > 0
       AND upper(supplier) = upper($2) AND upper(buyer) = upper($3)
     ORDER BY created_at, object_id"""
_DUE_INVOICES: Final = f"""
    SELECT {_HEADER}, data::text AS data, document::text AS document FROM network_objects
     WHERE seller_id = $1 AND kind = 'INVOICE' AND role IN ('BUYER', 'BOTH') AND status IN ('ACCEPTED', 'PARTIALLY PAID')
       AND due > 0 AND upper(supplier) = upper($2) AND ($3::text IS NULL OR upper(buyer) = upper($3))
     ORDER BY created_at, object_id"""
_PAYMENTS: Final = """
    SELECT data::text AS data FROM network_objects
     WHERE seller_id = $1 AND kind = 'PAYMENT' AND role IN ('BUYER', 'BOTH') AND upper(supplier) = upper($2)
       AND NOT status IN ('FAILED', 'REJECTED')"""
_VERDICTS: Final = """
    SELECT object_id, verdict FROM network_payables WHERE seller_id = $1 AND object_id = ANY ($2) AND verdict IS NOT NULL"""
_PAGE: Final = f"SELECT {_HEADER}, NULL AS data, NULL AS document FROM network_objects WHERE seller_id = $1"
_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM network_objects WHERE seller_id = $1{} LIMIT {}) AS counted"
_MOVES: Final = """
    SELECT revision, event, actor, before, after, version, amount, at, message_id FROM network_events
     WHERE seller_id = $1 AND object_id = $2 ORDER BY revision"""
# What waits for an answer of ours: status and our role, by the tables of moves.
_WAITING: Final = """((status = 'SENT TO BUYER' AND role IN ('BUYER', 'BOTH'))
    OR (status IN ('RETURNED', 'SENT TO SUPPLIER') AND role IN ('SUPPLIER', 'BOTH') AND kind IN ('INVOICE', 'PURCHASE ORDER')
        AND NOT (status = 'RETURNED' AND kind = 'PURCHASE ORDER'))
    OR (status = 'RETURNED' AND kind = 'PURCHASE ORDER' AND role IN ('BUYER', 'BOTH'))
    OR (status IN ('ACK PENDING', 'SUCCESS') AND kind = 'PAYMENT' AND role IN ('SUPPLIER', 'BOTH'))
    OR (status = 'SENT TO FA' AND role = 'FA')
    OR (status = 'SHARED' AND kind = 'BID' AND role = 'INITIATOR'))"""


class ObjectRow(msgspec.Struct, frozen=True, kw_only=True):
    """An object's header; ``data`` and ``document`` are JSON text, and there only where one object was asked for."""

    object_id: str
    kind: str
    number: str
    role: str
    supplier: str
    buyer: str
    status: str
    version: int
    revision: int
    total: Decimal | None
    due: Decimal | None
    created_at: datetime
    changed_at: datetime
    data: str | None
    document: str | None


class MoveRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an object."""

    revision: int
    event: str
    actor: str
    before: str
    after: str
    version: int
    amount: Decimal | None
    at: datetime
    message_id: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; all of it must hold. ``waiting``: only what waits for an answer of ours, or only what does not."""

    kind: str | None = None
    status: str | None = None
    role: str | None = None
    number: str | None = None
    counterparty: str | None = None
    waiting: bool | None = None

    def marks(self) -> list[str]:
        """Give the filters as text: what a cursor belongs to."""
        return [str(value) for value in msgspec.structs.astuple(self)]


def _conditions(wanted: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = [] if wanted.waiting is None else [f" AND {'' if wanted.waiting else 'NOT '}{_WAITING}"]
    values: list[Any] = []
    for sql, value in (
        ("kind = ${0}", wanted.kind),
        ("status = ${0}", wanted.status),
        ("(role = ${0} OR role = 'BOTH')", wanted.role),
        ("number = ${0}", wanted.number),
        ("(supplier = ${0} OR buyer = ${0})", wanted.counterparty),
    ):
        if value is not None:
            values.append(value)
            parts.append(" AND " + sql.format(len(values) + 1))
    return "".join(parts), values


async def one(tx: Transaction, seller_id: str, object_id: str, kind: str) -> ObjectRow:
    """Give an object of this kind with its document, or raise :class:`NetworkObjectNotFound`."""
    row = await tx.fetchrow(_ONE, seller_id, object_id, kind)
    if row is None:
        raise NetworkObjectNotFound
    return ObjectRow(**dict(row))


async def many(tx: Transaction, seller_id: str, kind: str, object_ids: Sequence[str]) -> dict[str, ObjectRow]:
    """Give those of the objects that are of this kind, with their documents, by id."""
    rows = await tx.fetch(_MANY, seller_id, kind, list(object_ids))
    return {row["object_id"]: ObjectRow(**dict(row)) for row in rows}


async def notes_named(
    tx: Transaction, seller_id: str, object_ids: Sequence[str], keys: Sequence[str]
) -> list[ObjectRow]:
    """Give received notes by object id or by the key of their number, with their documents."""
    rows = await tx.fetch(_NOTES, seller_id, list(object_ids), list(keys))
    return [ObjectRow(**dict(row)) for row in rows]


async def open_notes(tx: Transaction, seller_id: str, supplier: str, buyer: str) -> list[ObjectRow]:
    """Give the accepted notes of a pair that have something left, the oldest first, with their documents."""
    return [ObjectRow(**dict(row)) for row in await tx.fetch(_OPEN_NOTES, seller_id, supplier, buyer)]


async def due_invoices(tx: Transaction, seller_id: str, supplier: str, buyer: str | None) -> list[ObjectRow]:
    """Give a supplier's accepted invoices with something due, the oldest first, with their documents."""
    return [ObjectRow(**dict(row)) for row in await tx.fetch(_DUE_INVOICES, seller_id, supplier, buyer)]


async def payments_to(tx: Transaction, seller_id: str, supplier: str) -> list[str]:
    """Give our payments to a supplier that stand or are under way, as JSON text."""
    return [row["data"] for row in await tx.fetch(_PAYMENTS, seller_id, supplier)]


async def verdicts(tx: Transaction, seller_id: str, object_ids: Sequence[str]) -> dict[str, str]:
    """Give the verdicts of the last match, by invoice."""
    rows = await tx.fetch(_VERDICTS, seller_id, list(object_ids))
    return {row["object_id"]: row["verdict"] for row in rows}


async def moves(tx: Transaction, seller_id: str, object_id: str) -> list[MoveRow]:
    """Give all that happened to an object, the first thing first."""
    return [MoveRow(**dict(row)) for row in await tx.fetch(_MOVES, seller_id, object_id)]


async def page(
    tx: Transaction, seller_id: str, wanted: Filter, *, after: tuple[datetime, str] | None, limit: int, offset: int
) -> list[ObjectRow]:
    """Give at most ``limit`` objects, the newest first, those after a place where one is given."""
    where, values = _conditions(wanted)
    if after is not None:
        values += after
        where += f" AND (created_at, object_id) < (${len(values)}, ${len(values) + 1})"
    values += [limit, offset]
    sql = f"{_PAGE}{where} ORDER BY created_at DESC, object_id DESC LIMIT ${len(values)} OFFSET ${len(values) + 1}"
    return [ObjectRow(**dict(row)) for row in await tx.fetch(sql, seller_id, *values)]


async def count(tx: Transaction, seller_id: str, wanted: Filter) -> int:
    """Count objects, at most one more than :data:`MOST_COUNTED`."""
    where, values = _conditions(wanted)
    return int(await tx.fetchval(_COUNT.format(where, MOST_COUNTED + 1), seller_id, *values))
