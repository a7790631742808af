"""What a company has sent that has not arrived, and what was refused for good."""

from enum import StrEnum
from typing import Annotated, Any, Final

from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.kit.actor import Actor
from hundi.kit.paging import Part
from hundi.network import parcel_queries
from hundi.network.schemas import NetworkParcelOut, parcel_out


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
) -> Reply[Envelope[Listed[NetworkParcelOut]]]:
    """List the messages of this company that wait to be carried to the central unit or were refused, the oldest first.

    A message that was refused has had its answer: the `resp-…` webhook with result FAILURE and the same code.
    """
    wanted = None if parcelState is None else parcelState.value
    belongs_to = (who.seller_id, "network outbox", str(wanted))
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows = await parcel_queries.page(tx, tx.seller_id, wanted, after=part.last_id, limit=part.most, offset=offset)
        total = await parcel_queries.count(tx, tx.seller_id, wanted)
    return Reply(ok(page_of(part, rows, total, show=parcel_out, key=lambda row: [row.parcel_id], bounded=True)))


ROUTES: Final[list[Any]] = [list_network_outbox]
