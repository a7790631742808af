"""Sending a message of ours: tried on our own copies, put into the outbox, and the job that carries it on."""

from typing import Any, Final, NamedTuple

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.network import connections
from hundi.network.adapters.departure import FORWARD, store_of
from hundi.network.errors import ObjectBusy
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol.catalogue import CALLS
from hundi.network.protocol.deciding import subjects
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.messages import Call
from hundi.network.protocol.parcels import CENTRE
from hundi.network.protocol.party import Party
from hundi.network.protocol.store import ConcurrentChange
from hundi.network.refusals import refusal_of
from hundi.network.unit_of_work import UnitOfWork

SEND: Final = "network.send"
COLLECT: Final = "network.collect"


class Trail(NamedTuple):
    """What the audit trail says of a message that was sent."""

    action: str
    object_id: str
    facts: dict[str, Any]


def trail_of(message: Call, message_id: str) -> Trail:
    """Say what was sent, and about what."""
    about = subjects(message)
    facts: dict[str, Any] = {"messageId": message_id, "about": list(about)}
    return Trail(f"network.{CALLS[type(message)].name}", about[0] if about else message_id, facts)


async def submit(tx: Transaction, who: Actor, party: Party, message: Call) -> str:
    """Put a message into the outbox and give its id, under which the answer will come as a webhook.

    Raises what :func:`hundi.network.refusals.refusal_of` makes of a rule that our own copies already show to be broken.
    """
    route = await connections.route(tx)
    try:
        if route is None:
            unit = UnitOfWork(PostgresPartyStore(tx, party.home))
            await unit.expect_to_send(CENTRE, message)
            message_id = await party.submit(unit, message)
            await unit.flush()
        else:
            message_id = await party.named(tx.seller_id).submit(store_of(tx, route, message), message)
    except MessageRefused as refused:
        raise refusal_of(refused) from refused
    except ConcurrentChange as error:
        raise ObjectBusy from error
    trail = trail_of(message, message_id)
    await audit.record(tx, who, trail.action, kind="network", object_id=trail.object_id, after=trail.facts)
    await (enqueue(tx, SEND, ids={}) if route is None else enqueue(tx, FORWARD, ids={}))
    return message_id
