"""What the tests of webhooks share: endpoints at a receiver of the test, and the job run by hand under the moved clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import make
from hundi.cli.actor import operator
from hundi.config import Settings
from hundi.http.outgoing import Outgoing
from hundi.jobs.context import JobContext
from hundi.kit.clock import Clock
from hundi.kit.keys import Keyring
from hundi.webhooks import fanout, jobs, service
from hundi.webhooks.outbox import Message, enqueue_deliveries
from hundi.webhooks.rows import EndpointRow
from hundi.webhooks.service import Keys
from receiver import Got, Receiver

OPEN = """
    SELECT DISTINCT endpoint_id, object_kind, object_id FROM webhook_deliveries
     WHERE seller_id = $1 AND state IN ('PENDING', 'SENDING') ORDER BY 1, 2, 3"""
ATTEMPTS = """
    SELECT a.outcome, a.status, a.response, a.detail FROM webhook_attempts a
     WHERE a.seller_id = $1 ORDER BY a.delivery_id, a.attempt_no"""
STATES = "SELECT state FROM webhook_deliveries WHERE seller_id = $1 ORDER BY delivery_id"
KEEP = timedelta(days=30)
DEFAULTS = Settings()


@asynccontextmanager
async def sender(
    seller: make.Company, receiver: Receiver, *, clock: Clock | None = None, settings: Settings = DEFAULTS
) -> AsyncIterator[JobContext]:
    """Give what a worker has that may call the receiver; the company's jobs are gone afterwards."""
    outgoing = Outgoing(frozenset({("127.0.0.1", receiver.port)}))
    yield JobContext(
        db=seller.db, clock=clock or seller.clock, keyring=Keyring([settings.secret_key or make.SECRET]),
        settings=settings, files=None, mailer=None, outgoing=outgoing,
    )  # fmt: skip
    await outgoing.aclose()
    await seller.no_jobs()


async def register(
    seller: make.Company, context: JobContext, receiver: Receiver, *types: str, path: str = "/hook"
) -> tuple[EndpointRow, Keys]:
    """Register an endpoint at the test's receiver."""
    async with seller.db.transaction(seller.seller_id) as tx:
        return await service.add(
            tx, operator(seller.seller_id, tx.now), context.keyring, url=receiver.url(path),
            event_types=list(types) or ["*"], description=None, secret=None,
            allow=frozenset({("127.0.0.1", receiver.port)}),
        )  # fmt: skip


async def tell(
    seller: make.Company, object_id: str = "inv_1", *, type_: str = "invoice.updated", **more: Any
) -> list[str]:
    """Queue one message; gives the delivery ids."""
    async with seller.db.transaction(seller.seller_id) as tx:
        data = more.pop("data", {"n": 1})
        message = Message(type=type_, object_kind="invoice", object_id=object_id, data=data, **more)
        return await enqueue_deliveries(tx, [message])


async def lanes(seller: make.Company) -> list[dict[str, Any]]:
    """Give the payloads of a job for every lane with something open."""
    return [{"seller_id": seller.seller_id, **row} for row in await seller.rows(OPEN)]


async def work(seller: make.Company, context: JobContext) -> None:
    """Do once what the queue would do: the job of every lane with something open."""
    for payload in await lanes(seller):
        await jobs.drain(context, payload)


async def fan_out(seller: make.Company, *, later: timedelta = timedelta(seconds=2)) -> int:
    """Turn the company's events into deliveries, a little later."""
    seller.clock.move(seconds=later.total_seconds())
    async with seller.db.transaction(seller.seller_id) as tx:
        return await fanout.fan_out(tx, keep=KEEP)


async def states(seller: make.Company) -> list[str]:
    """Give the state of each delivery in the order they were queued."""
    return [row["state"] for row in await seller.rows(STATES)]


def check_v1(got: Got, secret: str) -> bool:
    """Verify a message as a receiver would that has read nothing but the specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in got.headers["webhook-signature"].split(" ")
