"""A company's connection to the network over HTTP: chosen, looked at, left; and what waits there for a person."""

from typing import Annotated, Any, Final

from litestar import delete, get, post, put
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.kit.actor import Actor
from hundi.kit.addresses import parse_allow
from hundi.kit.keys import Keyring
from hundi.kit.paging import Part
from hundi.network import connections, provider_queries
from hundi.network.adapters import settling
from hundi.network.adapters.port import ProviderKind
from hundi.network.connection_schemas import (
    ConnectionKind,
    ConnectionOut,
    ConnectionPut,
    KeptOut,
    ProviderMessageOut,
    Settle,
    SettleAction,
)

_TAGS: Final = ["network-connection"]
Progress = Annotated[
    str | None, QueryParameter(max_length=20, required=False, description="QUEUED, SENT, IN DOUBT or ANSWERED")
]
ReceivedId = Annotated[str, PathParameter(description="The webhook's id, from the list or the event")]
MessageId = Annotated[str, PathParameter(description="The message's id, from the reply to the call")]


async def _shown(tx: Transaction, keyring: Keyring, secret: str | None = None) -> ConnectionOut:
    found = await connections.find(tx)
    client_id = connections.client_id(tx, keyring, found) if found is not None else None
    return ConnectionOut.of(found, client_id, secret)


@get(
    "/api/v0/network/connection",
    operation_id="getNetworkConnection",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    responses=statuses(),
)
async def get_connection(who: Actor, state: State, sellerId: SellerParameter = None) -> Reply[Envelope[ConnectionOut]]:
    """Show how the company reaches the network; secrets are never shown."""
    async with state.db.read(who) as tx:
        return Reply(ok(await _shown(tx, state.keyring)))


@put(
    "/api/v0/network/connection",
    operation_id="putNetworkConnection",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[ConnectionPut],
    status_code=200,
    responses=statuses(),
)
async def put_connection(
    data: ConnectionPut, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ConnectionOut]]:
    """Choose how the company reaches the network; a new intake secret is shown in this reply only."""

    async def work(tx: Transaction) -> Envelope[ConnectionOut]:
        secret = None
        if data.kind is not ConnectionKind.CENTRAL:
            wanted = data.wanted(ProviderKind(data.kind.value))
            allow = parse_allow(state.settings.outgoing_allow)
            secret = await connections.choose(tx, call.actor, state.keyring, wanted, allow=allow)
        elif await connections.route(tx) is not None:
            await connections.leave(tx, call.actor)
        return ok(await _shown(tx, state.keyring, secret))

    return await once(state.db, call, work, sealed=state.keyring)


@delete(
    "/api/v0/network/connection",
    operation_id="deleteNetworkConnection",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    status_code=200,
    responses=statuses(),
)
async def delete_connection(
    call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ConnectionOut]]:
    """Leave the provider: the company trades through the central unit of this installation again."""

    async def work(tx: Transaction) -> Envelope[ConnectionOut]:
        await connections.leave(tx, call.actor)
        return ok(await _shown(tx, state.keyring))

    return await once(state.db, call, work)


@get(
    "/api/v0/network/connection/kept",
    operation_id="listKeptWebhooks",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_kept(
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[KeptOut]]]:
    """List the provider's webhooks that contradict what is known here and had no effect, the newest first."""
    belongs_to = (who.seller_id, "network kept")
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows, total = await provider_queries.kept(tx, before=part.last_id, limit=part.most, offset=offset)
    return Reply(ok(page_of(part, rows, total, show=KeptOut.of, key=lambda row: [row.received_id])))


@post(
    "/api/v0/network/connection/kept/{receivedId:str}",
    operation_id="settleKeptWebhook",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[Settle],
    status_code=200,
    responses=statuses(),
)
async def settle_kept(
    receivedId: ReceivedId, data: Settle, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[KeptOut]]:
    """Try a kept webhook again, or dismiss it."""

    async def work(tx: Transaction) -> Envelope[KeptOut]:
        again = data.action is SettleAction.RETRY
        return ok(KeptOut.of(await settling.settle_kept(tx, call.actor, state.keyring, receivedId, again=again)))

    return await once(state.db, call, work)


@get(
    "/api/v0/network/connection/messages",
    operation_id="listProviderMessages",
    tags=_TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_messages(
    who: Actor,
    state: State,
    progress: Progress = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[ProviderMessageOut]]]:
    """List the company's messages to its provider and how far each has come, the newest first."""
    belongs_to = (who.seller_id, f"network messages {progress}")
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows, total = await provider_queries.messages(
            tx, progress=progress, before=part.last_id, limit=part.most, offset=offset
        )
    return Reply(ok(page_of(part, rows, total, show=ProviderMessageOut.of, key=lambda row: [row.message_id])))


@post(
    "/api/v0/network/connection/messages/{messageId:str}",
    operation_id="settleProviderMessage",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[Settle],
    status_code=200,
    responses=statuses(),
)
async def settle_message(
    messageId: MessageId, data: Settle, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ProviderMessageOut]]:
    """Send a message that is in doubt again, or take it for failed: only a person can know which is true."""

    async def work(tx: Transaction) -> Envelope[ProviderMessageOut]:
        again = data.action is SettleAction.RETRY
        row = await settling.settle_message(tx, call.actor, state.keyring, messageId, again=again)
        return ok(ProviderMessageOut.of(row))

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [
    get_connection, put_connection, delete_connection, list_kept, settle_kept, list_messages, settle_message,
]  # fmt: skip
