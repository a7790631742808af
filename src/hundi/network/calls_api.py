"""The 20 calls over HTTP: each checks its message whole, puts it into the outbox and says under which id (contract b2b §3)."""

from typing import Any, Final

from litestar import post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from hundi.auth.guard import SellerParameter, may
from hundi.db.pool import Transaction
from hundi.http.docs import statuses
from hundi.http.envelope import SUCCESS, ApiSubError, Reply, sub_errors
from hundi.http.idempotency import Call, once
from hundi.kit.dates import ist_date
from hundi.network import service, submission
from hundi.network.ends import party_of
from hundi.network.protocol.catalogue import CALLS
from hundi.network.schemas import NetworkReply
from hundi.network.scrutiny import scrutinised
from hundi.network.wire.catalogue import WIRE_CALLS, WireCall
from hundi.network.wire.invoice import SendInvoice
from hundi.network.wire.meaning import message_of
from hundi.network.wire.notes import SendNote
from hundi.network.wire.reading import NetworkBody

_OF_A_PAGE: Final = "The path and the body are the network's."
_OF_OURS: Final = "The page shows no body or path for this call; both are ours, after its neighbours."


def _route(wire: WireCall) -> HTTPRouteHandler:
    """Make the endpoint of one call; all twenty do the same with different messages."""

    async def handler(data: Any, call: Call, state: State, sellerId: SellerParameter = None) -> Reply[NetworkReply]:
        message = message_of(data, wire.message)
        warnings: list[ApiSubError] = []
        if isinstance(data, SendInvoice | SendNote):
            today = ist_date(state.clock.now())
            sandbox = state.settings.network_sandbox
            warnings = sub_errors(scrutinised(data, today=today, keys=state.portal_keys, sandbox=sandbox))

        def acknowledged(message_id: str) -> NetworkReply:
            return NetworkReply(
                payload=message_id, response_code=SUCCESS, response_message="SUCCESS", warnings=warnings
            )

        async def work(tx: Transaction) -> NetworkReply:
            party = party_of(tx, state.keyring, state.settings)
            return acknowledged(await service.submit(tx, call.actor, party, message))

        # What the short way leaves undone, for whatever reason, the long one does or refuses.
        reply = await submission.submit(state.db, call, state.keyring, state.settings, message, acknowledged)
        return await once(state.db, call, work) if reply is None else reply

    handler.__name__ = wire.operation_id
    handler.__annotations__["data"] = wire.body
    published = CALLS[wire.message]
    answer = f"The answer comes as the webhook `{published.response_hook}` with the payload as `reqMsgId`."
    handler.__doc__ = f"{wire.title}. {_OF_A_PAGE if published.seen else _OF_OURS}\n\n{answer}"
    return post(
        wire.path,
        operation_id=wire.operation_id,
        tags=[f"network-{wire.group}"],
        guards=[may(wire.permission)],
        dto=NetworkBody[wire.body],  # type: ignore[name-defined]  # the body's type comes from the catalogue
        status_code=200,
        responses=statuses(),
    )(handler)


ROUTES: Final[list[Any]] = [_route(wire) for wire in WIRE_CALLS]
