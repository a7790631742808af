"""The ends of the wire as machines: they can stop between any two steps, and then know only what they had committed."""

from abc import ABC, abstractmethod
from collections import Counter
from datetime import datetime, timedelta
from typing import Final, Protocol

from hundi.kit.clock import Clock
from hundi.network.protocol.centre import Centre
from hundi.network.protocol.deciding import subjects
from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.mailbox import retry_at
from hundi.network.protocol.messages import Call, NetworkOrder
from hundi.network.protocol.parcels import Ack, Envelope, Signer, seal
from hundi.network.protocol.party import Party
from hundi.network.simulator.databases import Database, Transaction
from hundi.network.simulator.invariants import Sent

_BATCH: Final = 200


class Crashed(Exception):
    """The machine stopped here. What it had not committed is gone."""


class Surroundings(Protocol):
    """What a node finds around it: the wire, the calendar, and bad luck."""

    def transmit(self, sender: str, receiver: str, item: Envelope | Ack) -> None:
        """Send something; it may arrive."""
        ...

    def wake(self, name: str, at: datetime) -> None:
        """Have the node's outbox looked at then."""
        ...

    def step(self, name: str) -> None:
        """Pass from one step to the next. Raises :class:`Crashed`."""
        ...


class SkewedClock:
    """A machine's clock, which is a little wrong."""

    def __init__(self, true: Clock, skew: timedelta) -> None:
        """Keep by how much."""
        self._true = true
        self._skew = skew

    def now(self) -> datetime:
        """Give the instant this machine takes it to be."""
        return self._true.now() + self._skew


class Node(ABC):
    """A machine with a database, an outbox it empties, and an inbox."""

    def __init__(self, name: str, database: Database, clock: Clock, signer: Signer, around: Surroundings) -> None:
        """Start the machine with an empty database."""
        self.name = name
        self.database = database
        self.clock = clock
        self._signer = signer
        self.around = around
        self.down = False
        self.refused_envelopes: Counter[str] = Counter()
        self.crashes = 0

    async def _settle(self, store: Transaction) -> None:
        """Commit, with the chance of a crash just before and just after, and see when the outbox is due next."""
        self.around.step(self.name)
        due = await self._commit(store)
        if due is not None:
            self.around.wake(self.name, due)
        self.around.step(self.name)

    async def _commit(self, store: Transaction) -> datetime | None:
        await store.commit()
        return await store.next_due()

    async def look_at_outbox(self) -> None:
        """Send what is due: the attempt is noted first, so that a crash costs a delay and never a parcel."""
        now = self.clock.now()
        store = await self.database.begin()
        due = await store.due(now, _BATCH)
        for outgoing in due:
            await store.postpone(outgoing.id, outgoing.attempts + 1, retry_at(outgoing.attempts + 1, now))
        await self._settle(store)
        for outgoing in due:
            envelope = seal(outgoing.id, self.name, outgoing.parcel, now, self._signer)
            self.around.transmit(self.name, outgoing.receiver, envelope)
            self.around.step(self.name)

    async def receive(self, envelope: Envelope) -> bool:
        """Take an envelope in, and say whether it is taken over."""
        store = await self.database.begin()
        try:
            await self._take(store, envelope)
        except MessageRefused as refused:
            await store.rollback()
            self.refused_envelopes[refused.fault] += 1
            ack = Ack(id=envelope.id, taken=False, fault=refused.fault)
        else:
            await self._settle(store)
            ack = Ack(id=envelope.id, taken=True)
        self.around.transmit(self.name, envelope.sender, ack)
        return ack.taken

    @abstractmethod
    async def _take(self, store: Transaction, envelope: Envelope) -> None:
        """Take an envelope in, within the transaction."""

    def forget(self) -> None:
        """Lose what was only in the machine's memory: it has crashed."""
        self.crashes += 1

    async def hear(self, ack: Ack) -> None:
        """Take a word of receipt: what is taken over leaves the outbox, what is refused is tried again when due."""
        if ack.taken:
            store = await self.database.begin()
            await store.acknowledge(ack.id)
            await self._settle(store)


class CentreNode(Node):
    """The central unit's machine."""

    def __init__(
        self, name: str, database: Database, clock: Clock, signer: Signer, around: Surroundings, centre: Centre
    ) -> None:
        """Give it the centre's side of the protocol."""
        super().__init__(name, database, clock, signer, around)
        self.centre = centre

    async def _take(self, store: Transaction, envelope: Envelope) -> None:
        await self.centre.receive(store, envelope)

    async def order(self, order: NetworkOrder) -> None:
        """Carry out what the network itself decides."""
        store = await self.database.begin()
        try:
            await self.centre.order(store, order)
        except MessageRefused:
            await store.rollback()
        else:
            await self._settle(store)


class PartyNode(Node):
    """A business's machine. It remembers, outside the database, what it sent and was told: for the final accounts."""

    def __init__(
        self, name: str, database: Database, clock: Clock, signer: Signer, around: Surroundings, party: Party
    ) -> None:
        """Give it the party's side of the protocol."""
        super().__init__(name, database, clock, signer, around)
        self.party = party
        self.submitted: list[Sent] = []
        self.told: list[Delivery] = []
        self.refused_at_once: Counter[str] = Counter()
        self._hearing: list[Delivery] = []

    async def _take(self, store: Transaction, envelope: Envelope) -> None:
        self._hearing = []

        async def hears(delivery: Delivery) -> None:
            self._hearing.append(delivery)

        await self.party.receive(store, envelope, hears)

    def forget(self) -> None:
        """Lose what was heard and not committed."""
        super().forget()
        self._hearing = []

    async def _commit(self, store: Transaction) -> datetime | None:
        due = await super()._commit(store)
        self.told += self._hearing  # in one step with the commit, as the webhook's job row would be
        self._hearing = []
        return due

    async def submit(self, message: Call, *, rehearse: bool = True) -> bool:
        """Send a message; False when it is refused at once."""
        self._hearing = []
        store = await self.database.begin()
        try:
            message_id = await self.party.submit(store, message, rehearse=rehearse)
        except MessageRefused as refused:
            await store.rollback()
            self.refused_at_once[refused.fault] += 1
            return False
        self.around.step(self.name)
        due = await self._commit(store)
        self.submitted.append(Sent(message_id, subjects(message)))
        if due is not None:
            self.around.wake(self.name, due)
        self.around.step(self.name)
        return True
