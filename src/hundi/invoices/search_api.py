"""searchCollectionInvoices (contract §4.5; design §5 "Lists")."""

from typing import Annotated, Any

from litestar import post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.listing import Cursor, Limit, Offset
from hundi.invoices import search
from hundi.invoices.api import shown
from hundi.invoices.search_schemas import Direction, InvoicePage, InvoiceSearch, OrderBy
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date


@post(
    "/api/v0/invoice/search",
    operation_id="searchCollectionInvoices",
    tags=["invoice-controller"],
    guards=[may(Permission.INVOICE_READ)],
    dto=JsonBody[InvoiceSearch],
    status_code=200,
    responses=statuses(),
)
async def search_invoices(
    data: InvoiceSearch,
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    orderBy: Annotated[OrderBy, QueryParameter(description="createdOn unless told")] = "createdOn",
    direction: Annotated[Direction, QueryParameter(description="DESC unless told: newest or greatest first")] = "DESC",
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoicePage]]:
    """Find invoices by all filters together; newest first unless told.

    `total_count` is exact up to 100,000. Page with `cursor` rather than `offset` where others write at the same time.
    """
    page = search.Page(order_by=orderBy, direction=direction, limit=limit, offset=offset, cursor=cursor)
    today = ist_date(state.clock.now())
    async with state.db.read(who) as tx:
        found = await search.search(tx, state.keyring, data, page, today=today)
    reply = InvoicePage(
        data=[shown(state, row, today=today) for row in found.rows], total_count=found.total, limit=limit,
        offset=offset, next_cursor=found.next_cursor, total_count_estimated=found.estimated,
    )  # fmt: skip
    return Reply(ok(reply))


ROUTES: list[Any] = [search_invoices]
