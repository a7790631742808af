"""The job of webhooks: send what is due in one lane, one delivery after the other."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from hundi.jobs.context import Handler, JobContext
from hundi.jobs.queue import enqueue
from hundi.kit.ids import SellerId
from hundi.webhooks import delivery
from hundi.webhooks.delivery import Outbound, Unusual
from hundi.webhooks.outbox import DRAIN
from hundi.webhooks.rows import Lane
from hundi.webhooks.rules import Outcome, OutcomeKind

_AT_A_TIME: Final = 20
"""Deliveries one run of the job sends; then others have their turn (design §3, pgqueuer has no fairness)."""


async def drain(context: JobContext, payload: dict[str, Any]) -> None:
    """Send what is due in a lane; may run twice, and beside itself."""
    seller_id = SellerId(payload["seller_id"])
    lane = Lane(payload["endpoint_id"], payload["object_kind"], payload["object_id"])
    out = await _claimed(context, seller_id, lane)
    for left in range(_AT_A_TIME - 1, -1, -1):
        if out is None:
            return
        outcome = await delivery.call(seller_id, context.keyring, context.clock, context.outgoing, out)
        out = await _recorded(context, seller_id, out, outcome, go_on=left > 0)
    async with context.db.transaction(seller_id) as tx:
        await enqueue(tx, DRAIN, ids=msgspec.to_builtins(lane))


async def _claimed(context: JobContext, seller_id: SellerId, lane: Lane) -> Outbound | None:
    async with context.db.hot() as connection:
        found = await delivery.claim_at_once(connection, seller_id, lane, context.db.clock.now())
    return await _looked_into(context, seller_id, lane, found)


async def _recorded(
    context: JobContext, seller_id: SellerId, out: Outbound, outcome: Outcome, *, go_on: bool
) -> Outbound | None:
    """Write down how a call ended, and claim what follows it where more may be sent."""
    lane = out.delivery.lane
    if outcome.kind is OutcomeKind.TAKEN:
        async with context.db.hot() as connection:
            found = await delivery.record_taken(
                connection, seller_id, out, outcome, context.db.clock.now(), go_on=go_on
            )
        return await _looked_into(context, seller_id, lane, found)
    disable_after = timedelta(days=context.settings.webhook_disable_days)
    async with context.db.transaction(seller_id) as tx:
        more = await delivery.record(tx, out, outcome, disable_after=disable_after)
    return await _claimed(context, seller_id, lane) if more and go_on else None


async def _looked_into(
    context: JobContext, seller_id: SellerId, lane: Lane, found: Outbound | Unusual | None
) -> Outbound | None:
    if not isinstance(found, Unusual):
        return found
    async with context.db.transaction(seller_id) as tx:
        return await delivery.claim(tx, lane)


JOBS: Final[Mapping[str, Handler]] = {DRAIN: drain}
