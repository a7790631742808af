"""Which customer has which B2B ID, over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, put
from litestar.datastructures import State
from msgspec import Meta

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.customers.api import CustomerPath
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, in_ist, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.kit.actor import Actor
from hundi.kit.paging import Part
from hundi.network import counterparties
from hundi.network.counterparties import Counterparty

_TAGS: Final = ["network-counterparties"]


class CounterpartyPut(msgspec.Struct, kw_only=True):
    """A customer's address on the network."""

    b2bId: Annotated[str, Meta(min_length=1, max_length=100)]


class CounterpartyOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A customer's B2B ID. ``source``: EXPLICIT was set and stays; LEARNT came from ``learntFrom`` (an object or a message)."""

    customerId: str
    legalName: str
    b2bId: str
    source: str
    changedOn: datetime
    changedBy: str
    gstin: str | None = None
    learntFrom: str | None = None

    @classmethod
    def of(cls, row: Counterparty) -> "CounterpartyOut":
        """Show a row."""
        return cls(
            customerId=row.customer_id, legalName=row.legal_name, b2bId=row.b2b_id, source=row.source,
            changedOn=in_ist(row.changed_at) or row.changed_at, changedBy=row.changed_by, gstin=row.gstin,
            learntFrom=row.learnt_from,
        )  # fmt: skip


@get(
    "/api/v0/network/counterparty",
    operation_id="listCounterparties",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_counterparties(
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[CounterpartyOut]]]:
    """List the customers whose B2B ID is known, by customer id."""
    belongs_to = (who.seller_id, "network.counterparty")
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows, total = await counterparties.page(tx, after=part.last_id, limit=part.most, offset=offset)
    return Reply(ok(page_of(part, rows, total, show=CounterpartyOut.of, key=lambda row: [row.customer_id])))


@get(
    "/api/v0/network/counterparty/{customerId:str}",
    operation_id="getCounterparty",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def get_counterparty(
    customerId: CustomerPath, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[CounterpartyOut]]:
    """Give a customer's B2B ID, and how it is known."""
    async with state.db.read(who) as tx:
        found = await counterparties.one(tx, customerId)
    return Reply(ok(CounterpartyOut.of(found)))


@put(
    "/api/v0/network/counterparty/{customerId:str}",
    operation_id="putCounterparty",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    dto=JsonBody[CounterpartyPut],
    status_code=200,
    responses=statuses(),
)
async def put_counterparty(
    customerId: CustomerPath, data: CounterpartyPut, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[CounterpartyOut]]:
    """Say which B2B ID a customer has; nothing that is learnt later overwrites it."""

    async def work(tx: Transaction) -> Envelope[CounterpartyOut]:
        return ok(CounterpartyOut.of(await counterparties.put(tx, call.actor, customerId, data.b2bId)))

    return await once(state.db, call, work)


@delete(
    "/api/v0/network/counterparty/{customerId:str}",
    operation_id="deleteCounterparty",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    status_code=200,
    responses=statuses(),
)
async def delete_counterparty(
    customerId: CustomerPath, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[str]]:
    """Forget a customer's B2B ID; it may be learnt again."""

    async def work(tx: Transaction) -> Envelope[str]:
        await counterparties.forget(tx, call.actor, customerId)
        return ok(customerId)

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [list_counterparties, get_counterparty, put_counterparty, delete_counterparty]
