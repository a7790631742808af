"""`hundi webhook …`: endpoints and their deliveries, beside a running server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from hundi.audit.catalogue import EVENTS
from hundi.cli.actor import operator, the_seller
from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.addresses import parse_allow
from hundi.kit.dates import NotADate, parse_instant
from hundi.webhooks import queries, replay, service
from hundi.webhooks.queries import Wanted
from hundi.webhooks.rules import DeliveryState, EndpointStatus
from hundi.webhooks.schemas import EndpointOut, WebhookDeliveryOut


@asynccontextmanager
async def _acting(settings: Settings, seller: str | None) -> AsyncIterator[tuple[Parts, Transaction, Actor]]:
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        async with parts.db.transaction(seller_id) as tx:
            yield parts, tx, operator(seller_id, tx.now)


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    # Through JSON, because what a delivery says is kept as JSON text.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(struct))
    return found


async def endpoints(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give a company's endpoints."""
    async with _acting(settings, seller) as (_, tx, _who):
        return [_plain(EndpointOut.of(row)) for row in await queries.endpoints(tx)]


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
    async with _acting(settings, seller) as (parts, tx, who):
        row, keys = await service.add(
            tx, who, parts.keyring, url=url, event_types=list(types) or ["*"], description=description, secret=secret,
            allow=parse_allow(settings.outgoing_allow),
        )  # fmt: skip
        return _plain(EndpointOut.of(row, keys.secret))


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
    async with _acting(settings, seller) as (_, tx, who):
        row = await service.change(tx, who, endpoint_id, changes, allow=parse_allow(settings.outgoing_allow))
        return _plain(EndpointOut.of(row))


async def rotate(settings: Settings, seller: str | None, endpoint_id: str) -> dict[str, Any]:
    """Give an endpoint a new secret."""
    async with _acting(settings, seller) as (parts, tx, who):
        row, keys = await service.rotate(tx, who, parts.keyring, endpoint_id)
        return _plain(EndpointOut.of(row, keys.secret))


async def delete(settings: Settings, seller: str | None, endpoint_id: str) -> dict[str, Any]:
    """Delete an endpoint."""
    async with _acting(settings, seller) as (_, tx, who):
        return _plain(EndpointOut.of(await service.remove(tx, who, endpoint_id)))


async def ping(settings: Settings, seller: str | None, endpoint_id: str) -> dict[str, Any]:
    """Queue a test message; the running worker sends it."""
    async with _acting(settings, seller) as (_, tx, who):
        return {"deliveryId": await service.ping(tx, who, endpoint_id)}


async def deliveries(
    settings: Settings, seller: str | None, *, endpoint_id: str | None, state: str | None, limit: int
) -> list[dict[str, Any]]:
    """Give the newest deliveries."""
    if state is not None and state not in DeliveryState.__members__:
        message = f"--state is one of {', '.join(DeliveryState)}."
        raise Refused(message)
    async with _acting(settings, seller) as (_, tx, _who):
        wanted = Wanted(endpoint_id=endpoint_id, state=state)
        rows, _more, _total = await queries.page(tx, wanted, before=None, limit=limit, offset=0)
        return [_plain(WebhookDeliveryOut.of(row)) for row in rows]


async def show(settings: Settings, seller: str | None, delivery_id: str) -> dict[str, Any]:
    """Give one delivery with its attempts."""
    async with _acting(settings, seller) as (_, tx, _who):
        row = await queries.delivery(tx, delivery_id)
        return _plain(WebhookDeliveryOut.of(row, await queries.attempts(tx, delivery_id)))


async def replay_one(settings: Settings, seller: str | None, delivery_id: str) -> dict[str, Any]:
    """Queue one delivery again."""
    async with _acting(settings, seller) as (_, tx, who):
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
    start, end = _instant("--from", since), _instant("--to", until)
    wanted = [DeliveryState(state) for state in states] or [DeliveryState.FAILED]
    total = {"again": 0, "unheard": 0}
    more = True
    while more:
        async with _acting(settings, seller) as (_, tx, who):
            found = await replay.period(
                tx, who, endpoint_id, since=start, until=end, states=wanted, unheard=unheard
            )  # fmt: skip
        total = {"again": total["again"] + found.again, "unheard": total["unheard"] + found.unheard}
        more, end = found.more, found.until
    return total


def event_types() -> list[dict[str, Any]]:
    """Give the types of events."""
    return [{"type": name, "objectKind": kind, "description": text} for name, (kind, text) in sorted(EVENTS.items())]


def _instant(option: str, text: str) -> datetime:
    try:
        return parse_instant(text)
    except NotADate as error:
        message = f"{option}: {error}"
        raise Refused(message) from error
