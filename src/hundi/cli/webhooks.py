"""`hundi webhook …`: endpoints and their deliveries, beside a running server."""

from collections.abc import Sequence
from typing import Any

from hundi.audit.catalogue import EVENTS
from hundi.cli.actor import acting
from hundi.cli.options import instant
from hundi.cli.output import Refused, plain
from hundi.config import Settings
from hundi.kit.addresses import parse_allow
from hundi.webhooks import queries, replay, service
from hundi.webhooks.queries import Wanted
from hundi.webhooks.rules import DeliveryState, EndpointStatus
from hundi.webhooks.schemas import EndpointOut, WebhookDeliveryOut


async def endpoints(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give a company's endpoints."""
    async with acting(settings, seller) as (_, tx, _who):
        return [plain(EndpointOut.of(row)) for row in await queries.endpoints(tx)]


async def create(
    settings: Settings,
    seller: str | None,
    *,
    url: str,
    types: Sequence[str],
    description: str | None,
    secret: str | None,
) -> dict[str, Any]:
    """Register an endpoint and give its secret."""
    async with acting(settings, seller) as (parts, tx, who):
        row, keys = await service.add(
            tx, who, parts.keyring, url=url, event_types=list(types) or ["*"], description=description, secret=secret,
            allow=parse_allow(settings.outgoing_allow),
        )  # fmt: skip
        return plain(EndpointOut.of(row, keys.secret))


async def change(
    settings: Settings,
    seller: str | None,
    endpoint_id: str,
    *,
    url: str | None,
    types: Sequence[str],
    description: str | None,
    status: str | None,
) -> dict[str, Any]:
    """Change an endpoint; an empty description clears it."""
    if status is not None and status not in EndpointStatus.__members__:
        message = "--status is ENABLED or DISABLED."
        raise Refused(message)
    given = {"url": url, "event_types": list(types) or None, "status": status and EndpointStatus(status)}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if description is not None:
        changes["description"] = description or None
    async with acting(settings, seller) as (_, tx, who):
        row = await service.change(tx, who, endpoint_id, changes, allow=parse_allow(settings.outgoing_allow))
        return plain(EndpointOut.of(row))


async def rotate(settings: Settings, seller: str | None, endpoint_id: str) -> dict[str, Any]:
    """Give an endpoint a new secret."""
    async with acting(settings, seller) as (parts, tx, who):
        row, keys = await service.rotate(tx, who, parts.keyring, endpoint_id)
        return plain(EndpointOut.of(row, keys.secret))


async def delete(settings: Settings, seller: str | None, endpoint_id: str) -> dict[str, Any]:
    """Delete an endpoint, so that nothing goes there any more, and give it as it was."""
    async with acting(settings, seller) as (_, tx, who):
        return plain(EndpointOut.of(await service.remove(tx, who, endpoint_id)))


async def ping(settings: Settings, seller: str | None, endpoint_id: str) -> dict[str, Any]:
    """Queue a test message; the running worker sends it."""
    async with acting(settings, seller) as (_, tx, who):
        return {"deliveryId": await service.ping(tx, who, endpoint_id)}


async def deliveries(
    settings: Settings, seller: str | None, *, endpoint_id: str | None, state: str | None, limit: int
) -> list[dict[str, Any]]:
    """Give the newest deliveries."""
    if state is not None and state not in DeliveryState.__members__:
        message = f"--state is one of {', '.join(DeliveryState)}."
        raise Refused(message)
    async with acting(settings, seller) as (_, tx, _who):
        wanted = Wanted(endpoint_id=endpoint_id, state=state)
        rows, _ = await queries.page(tx, wanted, before=None, limit=limit, offset=0)
        return [plain(WebhookDeliveryOut.of(row)) for row in rows]


async def show(settings: Settings, seller: str | None, delivery_id: str) -> dict[str, Any]:
    """Give one delivery with its attempts."""
    async with acting(settings, seller) as (_, tx, _who):
        row = await queries.delivery(tx, delivery_id)
        return plain(WebhookDeliveryOut.of(row, await queries.attempts(tx, delivery_id)))


async def replay_one(settings: Settings, seller: str | None, delivery_id: str) -> dict[str, Any]:
    """Queue one delivery again."""
    async with acting(settings, seller) as (_, tx, who):
        return {"deliveryId": await replay.one(tx, who, delivery_id)}


async def replay_period(
    settings: Settings,
    seller: str | None,
    endpoint_id: str,
    *,
    since: str,
    until: str,
    states: Sequence[str],
    unheard: bool,
) -> dict[str, Any]:
    """Queue a period again, as often as it takes."""
    wrong = [state for state in states if state not in DeliveryState.__members__]
    if wrong:
        message = f"--state {wrong[0]}: DELIVERED or FAILED."
        raise Refused(message)
    start, end = instant("--from", since), instant("--to", until)
    wanted = [DeliveryState(state) for state in states] or [DeliveryState.FAILED]
    total = {"again": 0, "unheard": 0}
    more = True
    while more:
        async with acting(settings, seller) as (_, tx, who):
            found = await replay.period(
                tx, who, endpoint_id, since=start, until=end, states=wanted, unheard=unheard
            )  # fmt: skip
        total = {"again": total["again"] + found.again, "unheard": total["unheard"] + found.unheard}
        more, end = found.more, found.until
    return total


def event_types() -> list[dict[str, Any]]:
    """Give the types of events."""
    return [{"type": name, "objectKind": kind, "description": text} for name, (kind, text) in sorted(EVENTS.items())]
