"""What a company has sent that has not arrived, and what was refused for good."""

from enum import StrEnum
from typing import Annotated, Any, Final

from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import may
from hundi.auth.rules import Permission
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.invoices.api import SellerParameter
from hundi.kit.actor import Actor
from hundi.kit.paging import MOST_COUNTED, check_start, read_cursor, write_cursor
from hundi.network import parcel_queries
from hundi.network.objects_api import Cursor, Limit, Offset
from hundi.network.schemas import NetworkParcelPage, parcel_out


class ParcelState(StrEnum):
    """Where a parcel is: on its way, or refused for good."""

    WAITING = "WAITING"
    REFUSED = "REFUSED"


Wanted = Annotated[
    ParcelState | None, QueryParameter(required=False, description="WAITING or REFUSED; both when left out")
]


@get(
    "/api/v0/network/outbox",
    operation_id="listNetworkOutbox",
    tags=["network-objects"],
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_network_outbox(
    who: Actor,
    state: State,
    parcelState: Wanted = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[NetworkParcelPage]]:
    """List the messages of this company that wait to be carried to the central unit or were refused, the oldest first.

    A message that was refused has had its answer: the `resp-…` webhook with result FAILURE and the same code.
    """
    check_start(cursor, offset)
    wanted = None if parcelState is None else parcelState.value
    belongs_to = [who.seller_id, "network outbox", str(wanted)]
    after = None if cursor is None else read_cursor(state.keyring, belongs_to, cursor, 1)[0]
    async with state.db.read(who) as tx:
        rows = await parcel_queries.page(tx, tx.seller_id, wanted, after=after, limit=limit + 1, offset=offset)
        total = await parcel_queries.count(tx, tx.seller_id, wanted)
    more, rows = len(rows) > limit, rows[:limit]
    page = NetworkParcelPage(
        data=[parcel_out(row) for row in rows],
        total_count=min(total, MOST_COUNTED),
        limit=limit,
        offset=offset,
        next_cursor=write_cursor(state.keyring, belongs_to, [rows[-1].parcel_id]) if more else None,
        total_count_estimated=total > MOST_COUNTED,
    )
    return Reply(ok(page))


ROUTES: Final[list[Any]] = [list_network_outbox]
