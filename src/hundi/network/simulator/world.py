"""The virtual month: a calendar of events in order of time, one seed, nothing from outside.

The same seed gives the same run byte for byte: every chance is drawn from the seed in the order of events, and events of
one instant keep the order in which they were put into the calendar.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Final

import msgspec

from hundi.kit.clock import FrozenClock
from hundi.network.protocol import messages as m
from hundi.network.protocol.centre import Centre
from hundi.network.protocol.identifiers import Prefix, SeededIds
from hundi.network.protocol.objects import Identifier, NetworkObject
from hundi.network.protocol.parcels import CENTRE, Ack, Envelope
from hundi.network.protocol.party import Party
from hundi.network.protocol.statuses import (
    B2bIdStatus,
    BusinessStatus,
    FinancingStatus,
    InvoiceStatus,
    Kind,
    PaymentStatus,
)
from hundi.network.simulator.databases import Database, InMemory
from hundi.network.simulator.habits import Habits, Trader
from hundi.network.simulator.links import LEVELS, EndSigner, Keyed, Wire
from hundi.network.simulator.mischief import take_back, touch_anothers, try_something
from hundi.network.simulator.nodes import CentreNode, Crashed, Node, PartyNode, SkewedClock

START: Final = datetime(2026, 11, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_NO_SKEW: Final = timedelta(0)
_PER_STEP: Final = 10_000
_PARTNERS: Final = 6
_PATIENCE: Final = timedelta(days=7)
"""How long after the month messages may still be under way; what is left then is stuck."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What is simulated. The last two businesses are finance aggregators where there are at least four."""

    seed: int
    businesses: int = 50
    days: int = 30
    faults: str = "normal"
    habits: Habits = Habits()


def _drawn_from(scenario: Scenario, stream: int) -> Random:
    """Give one of the independent sequences of chance that a seed has."""
    return Random(f"{scenario.seed}.{stream}")  # noqa: S311 - a run is to be repeatable, and protects nothing


def names_of(scenario: Scenario) -> list[str]:
    """Give the names of a scenario's businesses, which are their homes on the wire."""
    return [f"b{at:03d}" for at in range(scenario.businesses)]


class World:
    """A central unit, its parties, the wire between them and the calendar."""

    def __init__(self, scenario: Scenario, databases: dict[str, Database] | None = None) -> None:
        """Set everything up; ``databases`` by name of the end (b000 …, CENTRE), in memory where none is given."""
        self.scenario = scenario
        self.level = LEVELS[scenario.faults]
        self.chance = _drawn_from(scenario, 0)
        self.clock = FrozenClock(START)
        self.end = START + timedelta(days=scenario.days)
        self.wire = Wire(self.level, _drawn_from(scenario, 1))
        self._bad_luck = _drawn_from(scenario, 2)
        self._ids = SeededIds(_drawn_from(scenario, 3))
        self._keys = Keyed(scenario.seed)
        self._given = databases or {}
        self._calendar: list[tuple[datetime, int, str, str, Envelope | Ack | None]] = []
        self._put = 0
        self._woken: dict[str, datetime] = {}
        self._skews: dict[str, timedelta] = {}
        self.mischief = 0
        self.names = names_of(scenario)
        self.fas = self.names[-2:] if scenario.businesses >= 4 else []
        self.centre = self._centre()
        self.parties = {name: self._party(name) for name in self.names}
        self.nodes: dict[str, Node] = {CENTRE: self.centre, **self.parties}
        self.traders = {name: self._trader(name) for name in self.names}

    # ---------------------------------------------------------------- setting up

    def _clock_of(self, name: str) -> SkewedClock:
        spread = self.level.skew // timedelta(seconds=1)
        skew = timedelta(seconds=self.chance.randint(-spread, spread)) if spread and name != CENTRE else _NO_SKEW
        self._skews[name] = skew
        return SkewedClock(self.clock, skew)

    def _database(self, name: str) -> Database:
        return self._given.get(name) or InMemory()

    def _centre(self) -> CentreNode:
        clock = self._clock_of(CENTRE)
        centre = Centre(clock, self._ids, self._keys)
        return CentreNode(CENTRE, self._database(CENTRE), clock, EndSigner(self._keys, CENTRE), self, centre)

    def _party(self, name: str) -> PartyNode:
        clock = self._clock_of(name)
        party = Party(name, clock, self._ids, self._keys)
        return PartyNode(name, self._database(name), clock, EndSigner(self._keys, name), self, party)

    def _trader(self, name: str) -> Trader:
        others = [other for other in self.names if other != name and other not in self.fas]
        partners = self.chance.sample(others, min(_PARTNERS, len(others)))
        idle = Habits(new_order=0, new_invoice=0, new_note=0, new_financing=0, mischief=0, haste=0)
        habits = idle if name in self.fas else self.scenario.habits
        known = [one.upper() for one in partners]
        fas = [one.upper() for one in self.fas]
        return Trader(name.upper(), known, fas, self.chance, self._ids, habits)

    # ---------------------------------------------------------------- surroundings of the nodes

    def transmit(self, sender: str, receiver: str, item: Envelope | Ack) -> None:
        """Give something to the wire."""
        del sender
        for delay, arriving in self.wire.carry(item):
            self._plan(self.clock.at + delay, "arrive", receiver, arriving)

    def wake(self, name: str, at: datetime) -> None:
        """Have a node's outbox looked at when its clock shows this."""
        true = max(at - self._skews[name], self.clock.at)
        planned = self._woken.get(name)
        if planned is None or true < planned:
            self._woken[name] = true
            self._plan(true, "outbox", name)

    def step(self, name: str) -> None:
        """Let the node go on, or have it crash."""
        if self.level.crash and self._bad_luck.randrange(_PER_STEP) < self.level.crash:
            raise Crashed(name)

    def _plan(self, at: datetime, what: str, name: str, item: Envelope | Ack | None = None) -> None:
        self._put += 1
        heappush(self._calendar, (at, self._put, what, name, item))

    # ---------------------------------------------------------------- running

    async def run(self) -> None:
        """Let the month pass, and then wait until nothing is under way any more."""
        for name in self.names:
            self._plan(START + _MINUTE * self.chance.randrange(60), "register", name)
            self._plan(START + 6 * _HOUR + _MINUTE * self.chance.randrange(480), "look", name)
        self._plan(START + 2 * _HOUR, "operate", CENTRE)
        while self._calendar and self._calendar[0][0] < self.end + _PATIENCE:
            at, _, what, name, item = heappop(self._calendar)
            self.clock.at = at
            node = self.nodes[name]
            if what == "restart":
                node.down = False
                await self._restart(node)
            elif what in {"look", "operate"}:
                self._plan_next(what, name)
            if what == "register" and node.down:
                self._plan(at + _HOUR, what, name)
            if node.down:
                continue
            try:
                await self._happen(what, name, item)
            except Crashed:
                self._crash(node)

    def _plan_next(self, what: str, name: str) -> None:
        if what == "look":
            following = self.clock.at + 8 * _HOUR + _MINUTE * self.chance.randrange(240)
        else:
            following = self.clock.at + 4 * _HOUR
        if following < self.end:
            self._plan(following, what, name)

    async def _happen(self, what: str, name: str, item: Envelope | Ack | None) -> None:
        node = self.nodes[name]
        if isinstance(item, Envelope):
            if await node.receive(item) and name in self.traders:
                self._glance(name)
        elif isinstance(item, Ack):
            await node.hear(item)
        elif what == "outbox":
            if self._woken.get(name) == self.clock.at:
                del self._woken[name]
                await node.look_at_outbox()
        elif what in {"look", "glance"}:
            await self._look(self.parties[name], glance=what == "glance")
        elif what == "operate":
            await self._operate()
        elif what == "register":
            await self._register(self.parties[name])

    def _glance(self, name: str) -> None:
        """Have a business look at its books soon, now that something came."""
        soon = self.clock.at + timedelta(milliseconds=self.chance.randrange(60_000))
        if soon < self.end and self.chance.randrange(1000) < self.traders[name].habits.prompt:
            self._plan(soon, "glance", name)

    def _crash(self, node: Node) -> None:
        node.down = True
        node.forget()
        self._woken.pop(node.name, None)
        longest = self.level.longest_outage // timedelta(seconds=1)
        seconds = self._bad_luck.randrange(1, longest // 20 if node is self.centre else longest)
        self._plan(self.clock.at + timedelta(seconds=seconds), "restart", node.name)

    async def _restart(self, node: Node) -> None:
        store = await node.database.begin()
        due = await store.next_due()
        await store.rollback()
        if due is not None:
            self.wake(node.name, due)

    # ---------------------------------------------------------------- what happens

    async def _register(self, node: PartyNode) -> None:
        at = self.names.index(node.name)
        message = m.RegisterEntity(
            business_id=self._ids.make(Prefix.BUSINESS), version=m.ObjectVersion(1, 1), name=f"Business {at}",
            b2b_id=node.name.upper(), pan=f"AAACB{at:04d}P", entity_type="COMPANY",
            primary=Identifier("GSTIN", f"29AAACB{at:04d}P1Z"), state="KARNATAKA", pincode="560001",
        )  # fmt: skip
        await node.submit(message)

    async def _look(self, node: PartyNode, *, glance: bool) -> None:
        trader = self.traders[node.name]
        books = await node.database.open_objects()
        if not any(one.kind is Kind.B2B_ID and one.status == B2bIdStatus.ACTIVE for one in books):
            return
        for call in trader.look(books, await node.database.unanswered(), glance=glance):
            sent = await node.submit(call)
            if sent and type(call) is m.SendInvoice and self.chance.randrange(1000) < trader.habits.haste:
                await node.submit(take_back(call), rehearse=False)
        if not glance and self.chance.randrange(1000) < trader.habits.mischief:
            await self._misbehave(node, books)

    async def _misbehave(self, node: PartyNode, books: Sequence[NetworkObject]) -> None:
        if self.chance.randrange(8) == 0:
            strange = [one for one in await self.centre.database.open_objects() if one.kind is Kind.INVOICE]
            others = [one for one in strange if node.name not in one.parties]
            call = touch_anothers(self.chance.choice(others)) if others else None
        else:
            call = try_something(self.traders[node.name].b2b_id, books, self.chance, self._ids)
        if call is not None:
            self.mischief += 1
            await node.submit(call, rehearse=False)

    async def _operate(self) -> None:
        """Do what the network's operator, the rails and the financiers do."""
        for one in await self.centre.database.open_objects():
            order = self._order_about(one)
            if order is not None:
                await self.centre.order(order)

    def _order_about(self, one: NetworkObject) -> m.NetworkOrder | None:
        """Give what the operator does about an object at this look, by chance where it is no matter of course."""
        wanted = _ORDERS.get((one.kind, one.status))
        if wanted is None or self.chance.randrange(1000) >= wanted[0]:
            return None
        return wanted[1](one, self.chance)


_ORDERS: Final[Mapping[tuple[Kind, str], tuple[int, Callable[[NetworkObject, Random], m.NetworkOrder]]]] = {
    (Kind.BUSINESS, BusinessStatus.KYC_PENDING): (1000, lambda one, _: m.DecideKyc(business_id=one.id, approved=True)),
    (Kind.B2B_ID, B2bIdStatus.ACTIVE): (1, lambda one, _: m.SwitchB2bId(b2b_id=one.number, active=False)),
    (Kind.B2B_ID, B2bIdStatus.INACTIVE): (300, lambda one, _: m.SwitchB2bId(b2b_id=one.number, active=True)),
    (Kind.PAYMENT, PaymentStatus.INITIATED): (
        600, lambda one, chance: m.SettlePayment(payment_id=one.id, success=chance.randrange(10) > 0)
    ),
    (Kind.FINANCING, FinancingStatus.ACCEPTED): (300, lambda one, _: m.DisburseFinance(request_id=one.id)),
    (Kind.FINANCING, FinancingStatus.SENT): (30, lambda one, _: m.ExpireFinancing(request_id=one.id)),
    (Kind.FINANCING, FinancingStatus.BIDS_RECEIVED): (30, lambda one, _: m.ExpireFinancing(request_id=one.id)),
    (Kind.INVOICE, InvoiceStatus.PAID): (20, lambda one, _: m.CloseInvoice(invoice_id=one.id)),
}  # fmt: skip
"""What the operator, the rails and the financiers do about an object in a status, and how often, per mille of looks."""
