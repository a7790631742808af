"""Telling a company's listeners: every delivery of the network is a domain event with the published webhook's body.

In the same commit the company learns who is who, and its books follow (:mod:`hundi.network.books.posting`).
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.network import counterparties
from hundi.network.books import posting
from hundi.network.protocol.catalogue import NOTICE
from hundi.network.protocol.decisions import Delivery
from hundi.network.wire.webhooks import hook_body


def event_type(hook: str) -> str:
    """Give the type of the event for a webhook: ``network.invoice.req-send-invoice``."""
    return hook.replace("/", ".") if hook.startswith("network/") else f"network.{hook.replace('/', '.')}"


def listener(
    tx: Transaction, events: list[audit.Event] | None = None, known: Collection[str] | None = None
) -> Callable[[Delivery], Awaitable[None]]:
    """Give what records a delivery's event in this transaction and lets the books follow it; ``data`` is the webhook's body.

    Where ``events`` is given they are put there, and whoever gave it has them recorded (:func:`hundi.audit.service.emit_all`).
    ``known`` is for :func:`hundi.network.books.posting.follow`.
    """

    async def tell(delivery: Delivery) -> None:
        object_id = delivery.changes[0].object.id if delivery.changes else delivery.cause
        body = notice(delivery) if delivery.hook == NOTICE else hook_body(delivery)
        if events is None:
            await audit.emit(tx, event_type(delivery.hook), kind="network", object_id=object_id, data=body)
        else:
            events.append(
                audit.Event(
                    type=event_type(delivery.hook), kind="network", object_id=object_id, data=body, place=tx.place()
                )
            )
        await counterparties.learn(tx, delivery)
        await posting.follow(tx, delivery, known)

    return tell


def notice(delivery: Delivery) -> dict[str, Any]:
    """Give the body of our own webhook: the objects that changed for a reason no published webhook brings."""
    return {
        "cause": delivery.cause,
        "objects": [
            {
                "objectId": change.object.id,
                "kind": change.object.kind.value,
                "status": change.object.status,
                "objectVersion": change.object.version,
                "revision": change.object.revision,
                "events": [moved.event.value for moved in change.moves],
            }
            for change in delivery.changes
        ],
    }
