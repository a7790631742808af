"""Webhooks over HTTP: endpoints, their deliveries, replay, and the types of events there are."""

from typing import Annotated, Any, Final

from litestar import delete, get, patch, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from hundi.audit.catalogue import EVENTS
from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, in_ist, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, Since, Text, Until, listed, page_of, period_of, text_of
from hundi.kit.actor import Actor
from hundi.kit.addresses import parse_allow
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.paging import Part
from hundi.webhooks import queries, replay, service
from hundi.webhooks.queries import Wanted
from hundi.webhooks.rules import DeliveryState
from hundi.webhooks.schemas import (
    EndpointCreate,
    EndpointOut,
    EndpointPatch,
    EventTypeOut,
    ReplayOut,
    ReplayRequest,
    WebhookDeliveryOut,
    WebhookQueued,
)

_TAGS: Final = ["webhooks"]


@post(
    "/api/v0/webhook/endpoint",
    operation_id="createWebhookEndpoint",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    dto=JsonBody[EndpointCreate],
    status_code=200,
    responses=statuses(),
)
async def create_endpoint(
    data: EndpointCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[EndpointOut]]:
    """Register an address to be told at; its secret is shown in this reply only."""

    async def work(tx: Transaction) -> Envelope[EndpointOut]:
        row, keys = await service.add(
            tx, call.actor, state.keyring, url=data.url.strip(), event_types=data.eventTypes,
            description=data.description, secret=data.secret, allow=_allowed(state),
        )  # fmt: skip
        return ok(EndpointOut.of(row, keys.secret))

    return await once(state.db, call, work, sealed=state.keyring)


EndpointPath = Annotated[str, PathParameter(description="The endpoint's id, from its creation or the list")]
DeliveryPath = Annotated[str, PathParameter(description="The delivery's id, from the list")]


@get(
    "/api/v0/webhook/endpoint",
    operation_id="getWebhookEndpoints",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    responses=statuses(),
)
async def list_endpoints(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[EndpointOut]]]:
    """List the company's endpoints, the oldest first."""
    async with state.db.read(who) as tx:
        rows = await queries.endpoints(tx)
    return Reply(ok(listed([EndpointOut.of(row) for row in rows])), media_type="application/json")


@get(
    "/api/v0/webhook/endpoint/{endpointId:str}",
    operation_id="getWebhookEndpoint",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    responses=statuses(),
)
async def get_endpoint(
    endpointId: EndpointPath, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[EndpointOut]]:
    """Show one endpoint."""
    async with state.db.read(who) as tx:
        row = await queries.endpoint(tx, endpointId)
    return Reply(ok(EndpointOut.of(row)), media_type="application/json")


@patch(
    "/api/v0/webhook/endpoint/{endpointId:str}",
    operation_id="updateWebhookEndpoint",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    dto=PatchBody[EndpointPatch],
    status_code=200,
    responses=statuses(),
)
async def update_endpoint(
    endpointId: EndpointPath, data: EndpointPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[EndpointOut]]:
    """Change an endpoint's address, event types, description or status."""

    async def work(tx: Transaction) -> Envelope[EndpointOut]:
        row = await service.change(tx, call.actor, endpointId, data.columns(), allow=_allowed(state))
        return ok(EndpointOut.of(row))

    return await once(state.db, call, work)


@post(
    "/api/v0/webhook/endpoint/{endpointId:str}/rotate",
    operation_id="rotateWebhookSecret",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    status_code=200,
    responses=statuses(),
)
async def rotate_secret(
    endpointId: EndpointPath, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[EndpointOut]]:
    """Give an endpoint a new secret and key, shown in this reply only; the old ones sign beside them for 24 hours."""

    async def work(tx: Transaction) -> Envelope[EndpointOut]:
        row, keys = await service.rotate(tx, call.actor, state.keyring, endpointId)
        return ok(EndpointOut.of(row, keys.secret))

    return await once(state.db, call, work, sealed=state.keyring)


@delete(
    "/api/v0/webhook/endpoint/{endpointId:str}",
    operation_id="deleteWebhookEndpoint",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    status_code=200,
    responses=statuses(),
)
async def delete_endpoint(
    endpointId: EndpointPath, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[EndpointOut]]:
    """Delete an endpoint: nothing goes there any more."""

    async def work(tx: Transaction) -> Envelope[EndpointOut]:
        return ok(EndpointOut.of(await service.remove(tx, call.actor, endpointId)))

    return await once(state.db, call, work)


@post(
    "/api/v0/webhook/endpoint/{endpointId:str}/test",
    operation_id="testWebhookEndpoint",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    status_code=200,
    responses=statuses(),
)
async def ping_endpoint(
    endpointId: EndpointPath, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[WebhookQueued]]:
    """Send a webhook.test message to one endpoint, whatever types it wants."""

    async def work(tx: Transaction) -> Envelope[WebhookQueued]:
        return ok(WebhookQueued(deliveryId=await service.ping(tx, call.actor, endpointId)))

    return await once(state.db, call, work)


@post(
    "/api/v0/webhook/endpoint/{endpointId:str}/replay",
    operation_id="replayWebhooks",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    dto=JsonBody[ReplayRequest],
    status_code=200,
    responses=statuses(),
)
async def replay_period(
    endpointId: EndpointPath, data: ReplayRequest, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ReplayOut]]:
    """Send a period again: what failed, or as asked what was delivered, and what happened while the endpoint was off."""

    async def work(tx: Transaction) -> Envelope[ReplayOut]:
        found = await replay.period(
            tx, call.actor, endpointId, since=data.since.value, until=data.until.value, states=data.states,
            unheard=data.unheard,
        )  # fmt: skip
        return ok(
            ReplayOut(
                again=found.again, unheard=found.unheard, more=found.more, until=in_ist(found.until) or found.until
            )
        )

    return await once(state.db, call, work)


@get(
    "/api/v0/webhook/delivery",
    operation_id="getWebhookDeliveries",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    responses=statuses(),
)
async def list_deliveries(
    who: Actor,
    state: State,
    endpointId: Text = None,
    deliveryState: Annotated[
        DeliveryState | None, QueryParameter(required=False, description="In this state alone")
    ] = None,
    type: Text = None,  # noqa: A002 - the parameter's name on the wire
    objectId: Text = None,
    messageId: Text = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[WebhookDeliveryOut]]]:
    """Find deliveries, newest first."""
    problems: list[FieldProblem] = []
    start, end = period_of(since, until, problems)
    wanted = Wanted(
        endpoint_id=text_of("endpointId", endpointId, problems), state=deliveryState.value if deliveryState else None,
        type=text_of("type", type, problems), object_id=text_of("objectId", objectId, problems),
        message_id=text_of("messageId", messageId, problems), since=start, until=end,
    )  # fmt: skip
    if problems:
        raise Invalid(problems=problems)
    belongs_to = [who.seller_id, "webhook deliveries", *wanted.marks()]
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows, total = await queries.page(tx, wanted, before=part.last_id, limit=part.most, offset=offset)
    page = page_of(part, rows, total, show=WebhookDeliveryOut.of, key=lambda row: [row.delivery_id], bounded=True)
    return Reply(ok(page), media_type="application/json")


@get(
    "/api/v0/webhook/delivery/{deliveryId:str}",
    operation_id="getWebhookDelivery",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    responses=statuses(),
)
async def get_delivery(
    deliveryId: DeliveryPath, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[WebhookDeliveryOut]]:
    """Show one delivery with what it says and each of its attempts."""
    async with state.db.read(who) as tx:
        row = await queries.delivery(tx, deliveryId)
        attempts = await queries.attempts(tx, deliveryId)
    return Reply(ok(WebhookDeliveryOut.of(row, attempts)), media_type="application/json")


@post(
    "/api/v0/webhook/delivery/{deliveryId:str}/replay",
    operation_id="replayWebhookDelivery",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    status_code=200,
    responses=statuses(),
)
async def replay_delivery(
    deliveryId: DeliveryPath, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[WebhookQueued]]:
    """Send one delivery again, under the same webhook-id and sequence number."""

    async def work(tx: Transaction) -> Envelope[WebhookQueued]:
        return ok(WebhookQueued(deliveryId=await replay.one(tx, call.actor, deliveryId)))

    return await once(state.db, call, work)


@get(
    "/api/v0/webhook/event-type",
    operation_id="getWebhookEventTypes",
    tags=_TAGS,
    guards=[may(Permission.WEBHOOK)],
    responses=statuses(),
)
async def list_event_types(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[EventTypeOut]]]:
    """List the types of events there are."""
    async with state.db.read(who):
        pass  # a token that was revoked is refused here too
    found = [
        EventTypeOut(type=name, objectKind=kind, description=text) for name, (kind, text) in sorted(EVENTS.items())
    ]
    return Reply(ok(listed(found)), media_type="application/json")


def _allowed(state: State) -> frozenset[tuple[str, int]]:
    return parse_allow(state.settings.outgoing_allow)


ROUTES: Final[list[Any]] = [
    create_endpoint, list_endpoints, get_endpoint, update_endpoint, rotate_secret, delete_endpoint, ping_endpoint,
    replay_period, list_deliveries, get_delivery, replay_delivery, list_event_types,
]  # fmt: skip
