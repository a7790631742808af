"""How far imports have come, as any process can tell from their rows (design §2: nothing is kept in memory)."""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.http.envelope import in_ist, sub_errors
from hundi.imports.errors import FileRefusal, ImportNotFound
from hundi.imports.schemas import ImportModes, ImportStatus, StoredResult
from hundi.imports.service import SETTLED, Options
from hundi.kit.paging import MOST_COUNTED

_COLUMNS: Final = """
    SELECT i.import_id, i.kind, i.state, i.file_name, i.file_size, i.options, i.total_count, i.rows_read, i.rows_judged,
           i.created_at, i.started_at, i.finished_at, i.cancel_requested_at, {more}
           coalesce(sum(c.success_count + c.failure_count), 0)::bigint AS done,
           coalesce(sum(c.success_count), 0)::bigint AS successes,
           coalesce(sum(c.failure_count), 0)::bigint AS failures, coalesce(sum(c.warn_count), 0)::bigint AS warnings
      FROM imports i LEFT JOIN import_chunks c ON c.seller_id = $1 AND c.import_id = i.import_id
     WHERE i.seller_id = $1"""
_ONE: Final = _COLUMNS.format(more="i.result, i.refusal,") + " AND i.import_id = $2 GROUP BY i.seller_id, i.import_id"
_FAR: Final = (
    _COLUMNS.format(more="NULL AS result, NULL AS refusal,") + " AND i.import_id = $2 GROUP BY i.seller_id, i.import_id"
)
_FILTERS: Final = " AND ($2::text IS NULL OR i.state = $2) AND ($3::text IS NULL OR i.kind = $3)"
_PAGE: Final = (
    _COLUMNS.format(more="NULL AS result, NULL AS refusal,")
    + _FILTERS
    + """ AND ($4::timestamptz IS NULL OR (i.created_at, i.import_id) < ($4, $5::text))
     GROUP BY i.seller_id, i.import_id ORDER BY i.created_at DESC, i.import_id DESC LIMIT $6 OFFSET $7"""
)
_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM imports i WHERE i.seller_id = $1" + _FILTERS + " LIMIT $4) counted"


async def one(tx: Transaction, import_id: str, base_url: str) -> ImportStatus:
    """Show an import with its result. Raises ``ImportNotFound``."""
    return _shown(await tx.fetchrow(_ONE, tx.seller_id, import_id), tx.now, base_url)


async def far(tx: Transaction, import_id: str, base_url: str) -> ImportStatus:
    """Show how far an import has come, without its result: what is asked for again and again."""
    return _shown(await tx.fetchrow(_FAR, tx.seller_id, import_id), tx.now, base_url)


async def page(
    tx: Transaction,
    base_url: str,
    *,
    state: str | None,
    kind: str | None,
    after: tuple[str, ...] | None,
    limit: int,
    offset: int,
) -> tuple[list[ImportStatus], int]:
    """Give at most ``limit`` imports, newest first, those after an instant and id where they are given; and their number.

    The count goes to 100,001 at most: more are not counted one by one.
    """
    place = (None, None) if after is None else (datetime.fromisoformat(after[0]), after[1])
    rows = await tx.fetch(_PAGE, tx.seller_id, state, kind, *place, limit, offset)
    total = int(await tx.fetchval(_COUNT, tx.seller_id, state, kind, MOST_COUNTED + 1))
    return [_shown(row, tx.now, base_url) for row in rows], total


def address(base_url: str, import_id: str) -> str:
    """Give the address of an import's progress."""
    return f"{base_url}/api/v0/invoice/bulk/{import_id}"


def _shown(row: Any, now: datetime, base_url: str) -> ImportStatus:
    if row is None:
        raise ImportNotFound
    options = msgspec.json.decode(row["options"], type=Options)
    status = ImportStatus(
        importId=row["import_id"], kind=row["kind"], state=row["state"], fileName=row["file_name"],
        fileSize=row["file_size"], receivedOn=in_ist(row["created_at"]) or row["created_at"],
        url=address(base_url, row["import_id"]),
        modes=ImportModes(
            dryRun=options.dry_run, atomic=options.atomic, dispatch=options.dispatch,
            createCustomers=options.create_customers,
        ),
        startedOn=in_ist(row["started_at"]), finishedOn=in_ist(row["finished_at"]),
        cancelRequestedOn=in_ist(row["cancel_requested_at"]), totalRows=row["total_count"],
        rowsRead=_within(row["rows_read"], row), rowsJudged=_within(row["rows_judged"], row),
        doneRows=row["done"], successCount=row["successes"], failureCount=row["failures"], warnCount=row["warnings"],
    )  # fmt: skip
    _guess(status, row["started_at"], row["finished_at"] or now)
    if row["result"] is not None:
        result = msgspec.json.decode(row["result"], type=StoredResult)
        status.result, status.warnings = result.payload, result.warnings
    if row["refusal"] is not None:
        status.refusal = sub_errors(msgspec.json.decode(row["refusal"], type=FileRefusal).problems)
    return status


def _within(count: int, row: Any) -> int:
    """Bound what the engine reports by what is certain: no less than is done, no more than there is."""
    at_least = max(count, int(row["done"]))
    return at_least if row["total_count"] is None else min(at_least, int(row["total_count"]))


def _guess(status: ImportStatus, started: datetime | None, until: datetime) -> None:
    """Work out the speed so far and from it the time left; neither before there is something to go by.

    A dry run and an atomic import judge everything before they write: there what is judged counts as well.
    """
    if started is None or until - started < timedelta(milliseconds=100):
        return
    ahead = status.modes.dryRun or status.modes.atomic
    reached = status.rowsJudged if ahead else status.doneRows
    if not reached:
        return
    seconds = (until - started) / timedelta(seconds=1)
    status.rowsPerSecond = round(reached / seconds)
    if status.state not in SETTLED and status.totalRows is not None:
        status.secondsLeft = round((status.totalRows - reached) * seconds / reached)
