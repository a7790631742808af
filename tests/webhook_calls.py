"""How the operations on webhooks are called, for the generated test of tenancy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import make
from hundi.cli.actor import operator
from hundi.kit.keys import Keyring
from hundi.webhooks import lifecycle, service
from hundi.webhooks.outbox import DRAIN
from hundi.webhooks.rules import DeliveryState

NEW: dict[str, Any] = {"url": "https://hooks.example.com/hundi", "eventTypes": ["invoice.*"]}
PERIOD = {"since": "2026-11-01", "until": "2026-11-30"}

CALLS: dict[str, Callable[[dict[str, str]], tuple[str, str, dict[str, Any]]]] = {
    "createWebhookEndpoint": lambda at: ("POST", "/api/v0/webhook/endpoint", {"json": NEW}),
    "getWebhookEndpoints": lambda at: ("GET", "/api/v0/webhook/endpoint", {}),
    "getWebhookEndpoint": lambda at: ("GET", f"/api/v0/webhook/endpoint/{at['endpoint']}", {}),
    "updateWebhookEndpoint": lambda at: (
        "PATCH", f"/api/v0/webhook/endpoint/{at['endpoint']}", {"json": {"description": "seen"}}
    ),
    "rotateWebhookSecret": lambda at: ("POST", f"/api/v0/webhook/endpoint/{at['endpoint']}/rotate", {}),
    "deleteWebhookEndpoint": lambda at: ("DELETE", f"/api/v0/webhook/endpoint/{at['unused']}", {}),
    "testWebhookEndpoint": lambda at: ("POST", f"/api/v0/webhook/endpoint/{at['endpoint']}/test", {}),
    "replayWebhooks": lambda at: ("POST", f"/api/v0/webhook/endpoint/{at['endpoint']}/replay", {"json": PERIOD}),
    "getWebhookDeliveries": lambda at: ("GET", "/api/v0/webhook/delivery", {}),
    "getWebhookDelivery": lambda at: ("GET", f"/api/v0/webhook/delivery/{at['hooked']}", {}),
    "replayWebhookDelivery": lambda at: ("POST", f"/api/v0/webhook/delivery/{at['hooked']}/replay", {}),
    "getWebhookEventTypes": lambda at: ("GET", "/api/v0/webhook/event-type", {}),
}  # fmt: skip
NAMED = {
    "getWebhookEndpoint", "updateWebhookEndpoint", "rotateWebhookSecret", "deleteWebhookEndpoint", "testWebhookEndpoint",
    "replayWebhooks", "getWebhookDelivery", "replayWebhookDelivery",
}  # fmt: skip
ONCE = {"deleteWebhookEndpoint"}
OWN_PEOPLE = {
    "createWebhookEndpoint", "updateWebhookEndpoint", "rotateWebhookSecret", "deleteWebhookEndpoint",
    "testWebhookEndpoint", "replayWebhooks", "replayWebhookDelivery",
}  # fmt: skip
NOBODYS = {"endpoint": "whe_x", "unused": "whe_x", "hooked": "whd_x"}


async def objects(company: make.Company) -> dict[str, str]:
    """Make two endpoints and a delivery that has ended, in one transaction: every test of tenancy pays for it."""
    async with company.db.transaction(company.seller_id) as tx:
        who = operator(company.seller_id, tx.now)
        found = {}
        for name in ("endpoint", "unused"):
            row, _ = await service.add(
                tx, who, Keyring([make.SECRET]), url=NEW["url"], event_types=["*"], description=None, secret=None,
                allow=frozenset(),
            )  # fmt: skip
            found[name] = row.endpoint_id
        found["hooked"] = await service.ping(tx, who, found["endpoint"])
        await lifecycle.move(tx, found["hooked"], to=DeliveryState.FAILED, detail=None)
        # Nothing listens there: no worker of another test is to find its job.
        await tx.execute(
            "DELETE FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || $1 || '%' AND entrypoint = $2",
            company.seller_id, DRAIN,
        )  # fmt: skip
    return found
