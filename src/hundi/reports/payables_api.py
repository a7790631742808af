"""Received invoices as a file: the list of payables with the same filters, all of it."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Final, Literal

from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.docs import statuses
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.network import payables
from hundi.network.payable_schemas import PayableOut
from hundi.network.payables import PayableFilter, PayableOrder, PayableSort
from hundi.network.payables_api import (
    DayParameter,
    DirectionParameter,
    MatchedParameter,
    OrderParameter,
    OverdueParameter,
    SearchParameter,
    StatusParameter,
    SupplierFilter,
    VerdictParameter,
    WaitingParameter,
    filter_of,
)
from hundi.reports.api import REPORT_OPERATION, download, into_file
from hundi.reports.sheets import PAYABLE_COLUMNS


@get(
    "/api/v0/reports/payables",
    operation_id="payablesReport",
    tags=["report-controller"],
    guards=[may(Permission.NETWORK_READ)],
    operation_class=REPORT_OPERATION,
    responses=statuses(),
)
async def report_payables(
    who: Actor,
    state: State,
    format: Annotated[  # noqa: A002 - the query's name
        Literal["csv", "xlsx"], QueryParameter(description="csv unless told; both hold all rows, days as dd-mm-yyyy")
    ] = "csv",
    status: StatusParameter = None,
    supplier: SupplierFilter = None,
    verdict: VerdictParameter = None,
    matched: MatchedParameter = None,
    waiting: WaitingParameter = None,
    overdue: OverdueParameter = None,
    dueFrom: DayParameter = None,
    dueTo: DayParameter = None,
    text: SearchParameter = None,
    orderBy: OrderParameter = "receivedOn",
    direction: DirectionParameter = "DESC",
    sellerId: SellerParameter = None,
) -> Stream:
    """Give received invoices as a file: all that match the filters of `/api/v0/network/payable`, in its order."""
    wanted = filter_of(
        status=status, supplier=supplier, verdict=verdict, matched=matched, waiting=waiting, overdue=overdue,
        due_from=dueFrom, due_to=dueTo, text=text,
    )  # fmt: skip
    sort = PayableSort(order=PayableOrder(orderBy), descending=direction == "DESC")
    today = ist_date(state.clock.now())
    file = await into_file(
        state, who, format, PAYABLE_COLUMNS, "Payables", lambda tx: all_payables(tx, wanted, sort, today)
    )
    return download(file, f"payables-{today}", format)


async def all_payables(
    tx: Transaction, wanted: PayableFilter, sort: PayableSort, today: date
) -> AsyncIterator[list[PayableOut]]:
    """Give all received invoices that match, block by block, as of a day."""
    async for block in payables.everything(tx, wanted, sort, today=today):
        yield [PayableOut.of(row, today) for row in block]


ROUTES: Final[list[Any]] = [report_payables]
