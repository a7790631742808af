"""What a company has on the network: its invoices, orders, payments, notes, requests, bids, businesses, and what waits."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from litestar import get
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, in_ist, ok
from hundi.http.listing import Cursor, Limit, Listed, Offset, listed, page_of
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.paging import Part
from hundi.network import queries
from hundi.network.errors import NetworkObjectNotFound
from hundi.network.protocol.statuses import Kind
from hundi.network.queries import Filter, ObjectRow
from hundi.network.schemas import NetworkMoveOut, NetworkObjectOut


class Collection(StrEnum):
    """The collections of objects, by their word in the path."""

    INVOICE = "invoice"
    ORDER = "purchase-order"
    PAYMENT = "payment"
    NOTE = "cd-note"
    FINANCING = "finance"
    BID = "bid"
    BUSINESS = "business"
    B2B_ID = "b2b-id"


_KINDS: Final[Mapping[Collection, Kind]] = {
    Collection.INVOICE: Kind.INVOICE,
    Collection.ORDER: Kind.ORDER,
    Collection.PAYMENT: Kind.PAYMENT,
    Collection.NOTE: Kind.NOTE,
    Collection.FINANCING: Kind.FINANCING,
    Collection.BID: Kind.BID,
    Collection.BUSINESS: Kind.BUSINESS,
    Collection.B2B_ID: Kind.B2B_ID,
}
_TAGS: Final = ["network-objects"]
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)

Word = Annotated[
    str, PathParameter(description="invoice, purchase-order, payment, cd-note, finance, bid, business or b2b-id")
]
Text = Annotated[str | None, QueryParameter(max_length=100, required=False)]


def _shown(row: ObjectRow) -> NetworkObjectOut:
    return NetworkObjectOut(
        objectId=row.object_id,
        kind=row.kind,
        number=row.number,
        role=row.role,
        supplierB2BId=row.supplier,
        buyerB2BId=row.buyer,
        status=row.status,
        objectVersion=row.version,
        revision=row.revision,
        total=row.total,
        due=row.due,
        createdAt=in_ist(row.created_at) or row.created_at,
        changedAt=in_ist(row.changed_at) or row.changed_at,
        facts=_DECODER.decode(row.data)["facts"] if row.data else None,
        document=_DECODER.decode(row.document) if row.document else None,
    )


async def _page(
    who: Actor, state: State, wanted: Filter, *, limit: int, offset: int, cursor: str | None
) -> Reply[Envelope[Listed[NetworkObjectOut]]]:
    belongs_to = [who.seller_id, "network", *wanted.marks()]
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor, parts=2)
    after = None if part.after is None else (datetime.fromisoformat(part.after[0]), part.after[1])
    async with state.db.read(who) as tx:
        rows = await queries.page(tx, tx.seller_id, wanted, after=after, limit=part.most, offset=offset)
        total = await queries.count(tx, tx.seller_id, wanted)
    page = page_of(
        part, rows, total, show=_shown, key=lambda row: [row.created_at.isoformat(), row.object_id], bounded=True
    )
    return Reply(ok(page))


@get(
    "/api/v0/network/inbox",
    operation_id="listNetworkInbox",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_network_inbox(
    who: Actor,
    state: State,
    kind: Text = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[NetworkObjectOut]]]:
    """List what waits for this company's answer: invoices, orders and notes received, what was returned to it, payments
    to confirm, bids to answer.
    """
    wanted = Filter(kind=None if kind is None else _named_kind(kind), waiting=True)
    return await _page(who, state, wanted, limit=limit, offset=offset, cursor=cursor)


def _kind(collection: str) -> str:
    """Give the kind of a word in the path; what is none is nowhere (404)."""
    try:
        return _KINDS[Collection(collection)].value
    except ValueError:
        raise NetworkObjectNotFound from None


def _named_kind(text: str) -> str:
    """Give a kind by its word in paths or by its own name. Raises :class:`Invalid`."""
    for word, kind in _KINDS.items():
        if text in {word.value, kind.value}:
            return kind.value
    message = f"Send one of {', '.join(_KINDS)}."
    raise Invalid(problems=[FieldProblem("kind", "KIND_UNKNOWN", message, text)])


@get(
    "/api/v0/network/{collection:str}",
    operation_id="listNetworkObjects",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_network_objects(
    collection: Word,
    who: Actor,
    state: State,
    status: Text = None,
    role: Text = None,
    number: Text = None,
    counterparty: Text = None,
    kind: Text = None,
    waiting: Annotated[
        bool | None, QueryParameter(required=False, description="true: what waits for our answer; false: what does not")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[NetworkObjectOut]]]:
    """List what this company has of one kind, the newest first; `counterparty` is a B2B ID.

    The path says the kind; a `kind` besides must be the same.
    """
    found = _kind(collection)
    if kind is not None and _named_kind(kind) != found:
        message = f"The path asks for {collection}: leave kind out, or ask under its own path."
        raise Invalid(problems=[FieldProblem("kind", "KIND_DIFFERS", message, kind)])
    wanted = Filter(kind=found, status=status, role=role, number=number, counterparty=counterparty, waiting=waiting)
    return await _page(who, state, wanted, limit=limit, offset=offset, cursor=cursor)


@get(
    "/api/v0/network/{collection:str}/{objectId:str}",
    operation_id="getNetworkObject",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def get_network_object(
    collection: Word, objectId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[NetworkObjectOut]]:
    """Give one object as this company knows it, with the published document it was last sent with."""
    async with state.db.read(who) as tx:
        row = await queries.one(tx, tx.seller_id, objectId, _kind(collection))
    return Reply(ok(_shown(row)))


@get(
    "/api/v0/network/{collection:str}/{objectId:str}/events",
    operation_id="listNetworkObjectEvents",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_network_object_events(
    collection: Word, objectId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[NetworkMoveOut]]]:
    """List what happened to one object, the first thing first."""
    async with state.db.read(who) as tx:
        await queries.one(tx, tx.seller_id, objectId, _kind(collection))
        rows = await queries.moves(tx, tx.seller_id, objectId)
    data = [
        NetworkMoveOut(
            revision=row.revision, event=row.event, actor=row.actor, before=row.before, after=row.after,
            objectVersion=row.version, amount=row.amount, at=in_ist(row.at) or row.at, messageId=row.message_id,
        )
        for row in rows
    ]  # fmt: skip
    return Reply(ok(listed(data)))


ROUTES: Final[list[Any]] = [
    list_network_inbox, list_network_objects, get_network_object, list_network_object_events,
]  # fmt: skip
