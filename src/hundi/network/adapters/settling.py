"""What a person decides about a webhook that was kept, and about a message that is in doubt."""

from typing import Final

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal
from hundi.kit.keys import Keyring
from hundi.network import connections, provider_queries
from hundi.network.adapters.departure import FORWARD
from hundi.network.adapters.intake import Intake, Sent
from hundi.network.adapters.port import Answer, NotYet
from hundi.network.adapters.providers import ADAPTERS
from hundi.network.errors import ConnectionNotFound, KeptNotFound, ObjectBusy
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.store import ConcurrentChange
from hundi.network.provider_queries import KeptRow, MessageRow

_DISMISS: Final = """
    UPDATE network_received SET outcome = 'DISMISSED', about = waits_for, changed_at = $3 WHERE seller_id = $1 AND received_id = $2"""
_DOUBT: Final = """
    SELECT message_id, call, about, parcel, progress FROM network_messages
     WHERE seller_id = $1 AND message_id = $2 AND progress = 'IN DOUBT' FOR UPDATE"""
_SEND_AGAIN: Final = """
    UPDATE network_messages SET progress = 'QUEUED', unsure = false, due = $3, changed_at = $3
     WHERE seller_id = $1 AND message_id = $2"""
_NO_MORE: Final = """
    UPDATE network_messages SET progress = 'ANSWERED', detail = $3, changed_at = $4 WHERE seller_id = $1 AND message_id = $2"""
NEVER_SENT: Final = "NEVER_TAKEN_OVER"


async def _intake(tx: Transaction, keyring: Keyring) -> Intake:
    route = await connections.route(tx)
    if route is None:
        raise ConnectionNotFound
    return Intake(tx, keyring, route)


async def settle_kept(tx: Transaction, who: Actor, keyring: Keyring, received_id: str, *, again: bool) -> KeptRow:
    """Try a kept webhook again, or dismiss it. A dismissed answer ends the wait for it and changes no object.

    Raises :class:`KeptNotFound`, :class:`ConnectionNotFound`, :class:`ObjectBusy`.
    """
    row = await provider_queries.kept_one(tx, received_id)
    if row is None or row.outcome != "KEPT":
        raise KeptNotFound
    intake = await _intake(tx, keyring)
    if again:
        await intake.wake(await intake.attempt(received_id, row.hook, row.body.encode(), again=True))
    else:
        await _end_wait(tx, intake, row)
        await tx.execute(_DISMISS, tx.seller_id, received_id, tx.now)
    after = await provider_queries.kept_one(tx, received_id)
    action = "network.kept_retry" if again else "network.kept_dismiss"
    await audit.record(
        tx, who, action, kind="network_received", object_id=received_id, before={"outcome": "KEPT", "code": row.code},
        after={"outcome": after.outcome if after is not None else None},
    )  # fmt: skip
    return after or row


async def _end_wait(tx: Transaction, intake: Intake, row: KeptRow) -> None:
    try:
        heard = await ADAPTERS[intake.route.kind].understand(tx, row.hook, row.body.encode())
    except (Refusal, NotYet):
        return
    sent = await intake.sent(heard) if isinstance(heard, Answer) else None
    if sent is not None and sent.progress != "ANSWERED":
        await intake.store.answered(sent.message_id)
        await tx.execute(_NO_MORE, tx.seller_id, sent.message_id, "Its answer was dismissed.", tx.now)


async def settle_message(tx: Transaction, who: Actor, keyring: Keyring, message_id: str, *, again: bool) -> MessageRow:
    """Send a message in doubt again, or take it for failed: the person knows that the provider never took it over.

    Raises :class:`KeptNotFound`, :class:`ConnectionNotFound`, :class:`ObjectBusy`.
    """
    found = await tx.fetchrow(_DOUBT, tx.seller_id, message_id)
    if found is None:
        raise KeptNotFound
    intake = await _intake(tx, keyring)
    if again:
        await tx.execute(_SEND_AGAIN, tx.seller_id, message_id, tx.now)
        await enqueue(tx, FORWARD, ids={})
    else:
        sent = Sent(**dict(found))
        text = "It was in doubt, and a person took it for failed."
        answer = Answer(
            call=type(sent.message), request_id=message_id, about=None, success=False, code=NEVER_SENT, detail=text
        )
        try:
            await intake.wake(await intake.settle(sent, answer))
        except (ConcurrentChange, MessageRefused) as error:
            raise ObjectBusy from error
    action = "network.message_retry" if again else "network.message_dismiss"
    await audit.record(tx, who, action, kind="network", object_id=message_id, before={"progress": "IN DOUBT"})
    after = await provider_queries.message(tx, message_id)
    if after is None:
        raise KeptNotFound
    return after
