"""A call in two round trips: what it has to see is read without locks, and all it leaves behind is written in one commit.

Nothing is locked in between. The write goes through only while the numbers of the call's lanes are the last ones and what
it makes is new, so of two calls about one object one is stopped. Whatever does not go through, for whichever reason, was
not done at all: the caller then does it in one transaction, where everything is locked and every refusal has its words.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from hundi.audit.service import as_json
from hundi.config import Settings
from hundi.db.pool import Database, Transaction
from hundi.db.sqlstate import sqlstate_of
from hundi.http.envelope import Reply, encode
from hundi.http.idempotency import Call, key_in_flight, reply_of
from hundi.kit.ids import new_id
from hundi.kit.keys import Keyring
from hundi.network.ends import party_of
from hundi.network.party_store import PostgresPartyStore
from hundi.network.postgres import Asked, Read, decoded
from hundi.network.protocol import messages as m
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.parcels import CENTRE
from hundi.network.protocol.store import ConcurrentChange
from hundi.network.schemas import NetworkReply
from hundi.network.service import SEND, trail_of
from hundi.network.unit_of_work import UnitOfWork

_LOOK: Final = "SELECT what, id, value, more FROM network_look($1, $2, $3, $4, $5, $6, $7, $8)"
_CALL: Final = """
    SELECT network_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"""
_CHANGED: Final = "HU409"
_ENCODER: Final = msgspec.json.Encoder()


class _OtherWay(Exception):
    """What is asked for, or found, is not for two round trips."""


class _Left(msgspec.Struct, frozen=True):
    """What a unit of work leaves behind, as the database takes it."""

    new: str | None
    events: str | None
    mail: str | None
    parcels: Sequence[bytes]


class _LooseStore(PostgresPartyStore):
    """A company's side outside of a transaction: it reads without locks, and keeps what is to be written."""

    def __init__(self, tx: Transaction, home: str, bound: tuple[Any, ...]) -> None:
        super().__init__(tx, home)
        self.bound = bound
        self.left: _Left | None = None

    async def read(self, asked: Asked) -> Read:
        """Give what there is of it, in one call; nothing is locked."""
        receivers, lanes = [pair[0] for pair in asked.numbers], [pair[1] for pair in asked.numbers]
        found = Read(objects={}, parties={}, holders={}, pending=set(), numbers={})
        for what, key, value, more in await self.tx.fetch(
            _LOOK, *self.bound, asked.locked, asked.plain, asked.keys, receivers, lanes
        ):
            match what:
                case "object":
                    found.objects[key] = decoded(value)
                case "party":
                    found.parties[key] = decoded(value)
                case "holder":
                    found.holders[key] = value
                case "number":
                    found.numbers[key, value] = int(more)
                case "pending":
                    found.pending.add(key)
                case _:
                    raise _OtherWay(what)
        return found

    async def write(
        self, new: str | None, old: str | None, events: str | None, mail: str | None, parcels: Sequence[bytes]
    ) -> bool:
        """Keep what a unit leaves behind; it may do so once, and change nothing that was there before."""
        if old is not None or self.left is not None:
            raise _OtherWay
        self.left = _Left(new, events, mail, parcels)
        return True


async def submit(
    db: Database,
    call: Call,
    keyring: Keyring,
    settings: Settings,
    message: m.Call,
    reply: Callable[[str], NetworkReply],
) -> Reply[Any] | None:
    """Put a message into the outbox and give the reply; None: nothing was done, and it is to be done the other way.

    ``reply`` makes the reply of a message's id. Raises :class:`hundi.kit.errors.Conflict` where another call holds the
    idempotency key, and what a revoked token and a busy database raise.
    """
    who = call.actor
    bound = (who.seller_id, () if who.is_partner else who.subjects, who.issued)
    async with db.hot() as connection:
        # Every statement is a transaction of its own and binds the seller itself.
        tx = Transaction(connection, who.seller_id, db.clock.now())
        party = party_of(tx, keyring, settings)
        store = _LooseStore(tx, party.home, bound)
        unit = UnitOfWork(store)
        try:
            await unit.expect_to_send(CENTRE, message)
            message_id = await party.submit(unit, message)
            await unit.flush()
        except (MessageRefused, ConcurrentChange, _OtherWay):
            return None
        if store.left is None:
            return None
        body = encode(reply(message_id))
        left, trail = store.left, trail_of(message, message_id)
        try:
            done = await tx.fetchval(
                _CALL, *bound, who.subject, call.key, call.fingerprint, body, tx.now, left.new, left.events,
                left.mail or "{}", left.parcels, new_id("aud", tx.now), trail.action, trail.object_id,
                as_json(trail.facts), who.request_id, SEND, _ENCODER.encode({"seller_id": tx.seller_id}),
            )  # fmt: skip
        except asyncpg.PostgresError as error:
            if sqlstate_of(error) == _CHANGED:
                return None
            held = key_in_flight(error)
            if held is None:
                raise
            raise held from error
    return reply_of(body, 200) if done else None
