"""Reading the audit trail: pages newest first, and the whole of it in batches, oldest first."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from hundi.db.pool import Database, Transaction
from hundi.kit.actor import Actor
from hundi.kit.ids import SellerId, floor_id
from hundi.kit.paging import MOST_COUNTED

BATCH: Final = 5000
_ROWS: Final = """
    SELECT a.audit_id, a.at, a.actor, a.action, a.object_kind, a.object_id, a.before::text AS before,
           a.after::text AS after, a.request_id
      FROM audit_log a WHERE a.seller_id = $1"""
_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM audit_log a WHERE a.seller_id = $1{} LIMIT {}) AS counted"
_MILLISECOND: Final = timedelta(milliseconds=1)


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the trail; ``before`` and ``after`` are JSON text."""

    audit_id: str
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    before: str | None
    after: str | None
    request_id: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; all of it must hold. ``action`` ends with ``.*`` for all of a kind; ``until`` is included."""

    object_kind: str | None = None
    object_id: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def marks(self) -> list[str]:
        """Give the filters as text: what a cursor belongs to."""
        return [str(value) for value in msgspec.structs.astuple(self)]


def _conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    """Write the filters as SQL with parameters from ``$2`` on. Ids begin with their time, so a period is a range of them."""
    whole = wanted.action or ""
    is_kind = whole.endswith(".*")
    action, prefix = (None, whole.removesuffix("*")) if is_kind else (wanted.action, None)
    parts: list[str] = []
    values: list[Any] = []
    for sql, value in (
        ("a.object_kind = ${}", wanted.object_kind),
        ("a.object_id = ${}", wanted.object_id),
        ("a.actor = ${}", wanted.actor),
        ("a.action = ${}", action),
        ("starts_with(a.action, ${})", prefix),
        ("a.at >= ${}", wanted.since),
        ("a.audit_id >= ${}", floor_id("aud", wanted.since) if wanted.since else None),
        ("a.at <= ${}", wanted.until),
        ("a.audit_id < ${}", floor_id("aud", wanted.until + _MILLISECOND) if wanted.until else None),
    ):
        if value is not None:
            values.append(value)
            parts.append(" AND " + sql.format(len(values) + 1))
    return "".join(parts), values


async def page(tx: Transaction, wanted: Wanted, *, before: str | None, limit: int, offset: int) -> list[AuditRow]:
    """Give at most ``limit`` rows newest first, those before an id where one is given."""
    where, values = _conditions(wanted)
    if before is not None:
        values.append(before)
        where += f" AND a.audit_id < ${len(values) + 1}"
    values += [limit, offset]
    sql = f"{_ROWS}{where} ORDER BY a.audit_id DESC LIMIT ${len(values)} OFFSET ${len(values) + 1}"
    return [AuditRow(**dict(row)) for row in await tx.fetch(sql, tx.seller_id, *values)]


async def count(tx: Transaction, wanted: Wanted) -> int:
    """Count what matches, to 100,001 at most: more are not counted one by one."""
    where, values = _conditions(wanted)
    return int(await tx.fetchval(_COUNT.format(where, MOST_COUNTED + 1), tx.seller_id, *values))


async def everything(db: Database, who: Actor | SellerId, wanted: Wanted) -> AsyncIterator[list[AuditRow]]:
    """Give all that matched when this began, oldest first, in batches; each is read in a short transaction of its own.

    The trail is append-only and its ids grow with time, so batches after an id neither skip nor repeat a row.
    """
    where, values = _conditions(wanted)
    last, end = "", floor_id("aud", db.clock.now() + _MILLISECOND)
    at = len(values) + 2
    sql = f"{_ROWS}{where} AND a.audit_id > ${at} AND a.audit_id < ${at + 1} ORDER BY a.audit_id LIMIT ${at + 2}"
    while True:
        async with db.read(who) as tx:
            found = await tx.fetch(sql, tx.seller_id, *values, last, end, BATCH)
        rows = [AuditRow(**dict(row)) for row in found]
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        last = rows[-1].audit_id
