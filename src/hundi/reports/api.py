"""Who has not paid: open items and their ageing, over the filters of searches."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import IO, Annotated, Any, Final, cast

from litestar import Response, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.files.api import disposition
from hundi.files.store import nameless
from hundi.http.body import JsonBody
from hundi.http.docs import or_file, statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.paging import LONGEST_CURSOR, MAX_PAGE
from hundi.reports import books
from hundi.reports.filters import ReportFilters
from hundi.reports.schemas import Ageing, Format, OpenItems
from hundi.reports.sheets import AGEING_COLUMNS, CONTENT_TYPES, OPEN_ITEM_COLUMNS, Column, written

_TAGS: Final = ["report-controller"]
_BLOCK: Final = 64 * 1024

LimitParameter = Annotated[
    int, QueryParameter(ge=1, le=MAX_PAGE, description="JSON only: at most 5000; 50 unless told")
]
OffsetParameter = Annotated[int, QueryParameter(ge=0, le=10_000_000, description="JSON only")]
FormatParameter = Annotated[Format, QueryParameter(description="json: a page; csv and xlsx: a file with all rows")]
CursorParameter = Annotated[
    str | None,
    QueryParameter(
        max_length=LONGEST_CURSOR, required=False, schema_extra={"type": "string", "one_of": None},
        description="JSON only: next_cursor of the page before, with the same filters",
    ),
]  # fmt: skip
REPORT_OPERATION: Final = or_file(CONTENT_TYPES.values())


@post(
    "/api/v0/reports/open-items",
    operation_id="openItemsReport",
    operation_class=REPORT_OPERATION,
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    dto=JsonBody[ReportFilters],
    status_code=200,
    responses=statuses(),
)
async def report_open_items(
    data: ReportFilters,
    who: Actor,
    state: State,
    format: FormatParameter = "json",  # noqa: A002 - the query's name
    limit: LimitParameter = 50,
    offset: OffsetParameter = 0,
    cursor: CursorParameter = None,
    sellerId: SellerParameter = None,
) -> Response[Envelope[OpenItems]]:
    """Give the invoices that are not paid, oldest due date first, with the sum of what is owed.

    Every amount is as of now. CSV and XLSX hold all rows, with days as dd-mm-yyyy.
    """
    today = ist_date(state.clock.now())
    if format != "json":
        file = await into_file(
            state, who, format, OPEN_ITEM_COLUMNS, "Open items", lambda tx: books.all_open_items(tx, data, today=today)
        )
        return cast("Response[Envelope[OpenItems]]", download(file, f"open-items-{today}", format))
    async with state.db.read(who) as tx:
        page = books.Wanted(limit=limit, offset=offset, cursor=cursor)
        found = await books.open_items(tx, state.keyring, data, page, today=today)
    return Reply(ok(found), media_type="application/json")


@post(
    "/api/v0/reports/ageing",
    operation_id="ageingReport",
    operation_class=REPORT_OPERATION,
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    dto=JsonBody[ReportFilters],
    status_code=200,
    responses=statuses(),
)
async def report_ageing(
    data: ReportFilters,
    who: Actor,
    state: State,
    format: FormatParameter = "json",  # noqa: A002 - the query's name
    limit: LimitParameter = 50,
    offset: OffsetParameter = 0,
    cursor: CursorParameter = None,
    sellerId: SellerParameter = None,
) -> Response[Envelope[Ageing]]:
    """Give what each customer owes by age: not due, 1–30, 31–60, 61–90, 91–180 and over 180 days after the due date.

    The totals equal the sum of the balances of all open items that match.
    """
    today = ist_date(state.clock.now())
    if format != "json":
        file = await into_file(
            state, who, format, AGEING_COLUMNS, "Ageing", lambda tx: books.all_ageing(tx, data, today=today)
        )
        return cast("Response[Envelope[Ageing]]", download(file, f"ageing-{today}", format))
    async with state.db.read(who) as tx:
        page = books.Wanted(limit=limit, offset=offset, cursor=cursor)
        found = await books.ageing(tx, state.keyring, data, page, today=today)
    return Reply(ok(found), media_type="application/json")


async def into_file(
    state: State, who: Actor, form: str, columns: Sequence[Column], title: str,
    blocks: Callable[[Transaction], AsyncIterator[Any]],
) -> IO[bytes]:  # fmt: skip
    """Write the report into a file before the reply begins: a slow reader then holds no transaction open."""
    file = nameless(state.files.work)
    try:
        async with state.db.read(who) as tx:
            await written(file, form, columns, title, blocks(tx), state.files.work)
    except BaseException:
        file.close()
        raise
    return file


def download(file: IO[bytes], name: str, form: str) -> Stream:
    """Send a written report as a file of this name and form (csv, xlsx), and close it at the end."""
    size = file.tell() if form == "csv" else file.seek(0, 2)
    file.seek(0)
    headers = {
        "Content-Disposition": disposition(f"{name}.{form}"), "Content-Length": str(size),
        "Cache-Control": "private, no-store",
    }  # fmt: skip
    return Stream(_read(file), media_type=CONTENT_TYPES[form], headers=headers)


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block


ROUTES: list[Any] = [report_open_items, report_ageing]
