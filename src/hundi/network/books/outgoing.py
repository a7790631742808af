"""Many invoices of one request on their way into the outbox: read ahead together, written in one call.

Each by itself would cost some ten statements. What is refused half-way leaves nothing behind: a unit of work writes nothing
before its end, and only what was put into it then.
"""

from collections.abc import Collection, Sequence
from typing import Self

from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.dispatch.trail import Change, Origin, audit_all
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.keys import Keyring
from hundi.network import connections, service
from hundi.network.ends import party_of
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


class _Invoices(UnitOfWork):
    """A unit in which invoices of one order need not wait for each other's answers.

    An invoice moves none of its orders, the network does: it counts in the order in which the invoices were sent.
    """

    async def unanswered(self, object_ids: Collection[str]) -> Collection[str]:
        """Give those about which an answer is awaited, of the invoices alone; the first id is the message's own."""
        return await super().unanswered(list(object_ids)[:1])


class Outgoing:
    """The messages of one slice. Where the company goes through a provider each is submitted by itself."""

    def __init__(self, tx: Transaction, who: Actor, party: Party, unit: UnitOfWork | None) -> None:
        """Begin with none; ``unit`` None: through a provider."""
        self._tx = tx
        self._who = who
        self._party = party
        self._unit = unit
        self._sent: dict[str, list[Change]] = {}

    @classmethod
    async def begin(cls, tx: Transaction, who: Actor, keyring: Keyring, settings: Settings) -> Self:
        """Find out which way the bound company's messages go."""
        party = party_of(tx, keyring, settings)
        route = await connections.route(tx)
        return cls(tx, who, party, None if route is not None else _Invoices(PostgresPartyStore(tx, party.home)))

    async def expect(self, messages: Sequence[Call]) -> None:
        """Read at once what sending these will ask for."""
        if self._unit is not None and messages:
            await self._unit.expect_all_to_send(CENTRE, messages)

    async def put(self, message: Call) -> str:
        """Send a message and give its id. Raises what :func:`hundi.network.service.submit` raises, and then nothing is sent."""
        if self._unit is None:
            async with self._tx.connection.transaction():
                return await service.submit(self._tx, self._who, self._party, message)
        try:
            message_id = await self._party.submit(self._unit, message)
        except MessageRefused as refused:
            raise refusal_of(refused) from refused
        about = subjects(message)
        change = Change(object_id=about[0], before={}, after={"messageId": message_id, "about": list(about)})
        self._sent.setdefault(CALLS[type(message)].name, []).append(change)
        return message_id

    async def close(self) -> None:
        """Write what was put, its trail, and the job that carries it. Raises :class:`ObjectBusy` where another was quicker."""
        if self._unit is None or not self._sent:
            return
        try:
            await self._unit.flush()
        except ConcurrentChange as error:
            raise ObjectBusy from error
        for name, changes in self._sent.items():
            await audit_all(self._tx, Origin.of(self._who), f"network.{name}", kind="network", changes=changes)
        await enqueue(self._tx, service.SEND, ids={})
