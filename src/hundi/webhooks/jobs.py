"""The job of webhooks: send what is due in one lane, one delivery after the other."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from hundi.jobs.context import Handler, JobContext
from hundi.jobs.queue import enqueue
from hundi.kit.ids import SellerId
from hundi.webhooks import delivery
from hundi.webhooks.outbox import DRAIN
from hundi.webhooks.rows import Lane

_AT_A_TIME: Final = 20
"""Deliveries one run of the job sends; then others have their turn (design §3, pgqueuer has no fairness)."""


async def drain(context: JobContext, payload: dict[str, Any]) -> None:
    """Send what is due in a lane; may run twice, and beside itself."""
    seller_id = SellerId(payload["seller_id"])
    lane = Lane(payload["endpoint_id"], payload["object_kind"], payload["object_id"])
    disable_after = timedelta(days=context.settings.webhook_disable_days)
    for _ in range(_AT_A_TIME):
        async with context.db.transaction(seller_id) as tx:
            out = await delivery.claim(tx, lane)
        if out is None:
            return
        outcome = await delivery.call(seller_id, context.keyring, context.clock, context.outgoing, out)
        async with context.db.transaction(seller_id) as tx:
            more = await delivery.record(tx, out, outcome, disable_after=disable_after)
        if not more:
            return
    async with context.db.transaction(seller_id) as tx:
        await enqueue(tx, DRAIN, ids=msgspec.to_builtins(lane))


JOBS: Final[Mapping[str, Handler]] = {DRAIN: drain}
