"""A network without faults for tests: a centre and some businesses, each with its database, on one clock.

``say`` sends a message and carries everything to its end; ``refused`` gives the code a message is refused with.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from hundi.kit.clock import FrozenClock
from hundi.network.protocol import messages as m
from hundi.network.protocol.centre import Centre
from hundi.network.protocol.deciding import subjects
from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.identifiers import Prefix, SeededIds
from hundi.network.protocol.objects import Identifier, Line, NetworkObject, OrderShare, PaymentFacts, facts_of
from hundi.network.protocol.parcels import CENTRE, Envelope, seal
from hundi.network.protocol.party import Party
from hundi.network.protocol.statuses import Event
from hundi.network.simulator import letters
from hundi.network.simulator.databases import InMemory
from hundi.network.simulator.invariants import Accounts, Sent, violations
from hundi.network.simulator.links import EndSigner, Keyed

D = Decimal
START = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
PANS = {"seller": "AAACS1234P", "buyer": "AAACB1234P", "bank": "AAACF1234P", "other": "AAACO1234P"}
EVENTS = {"ACCEPT": Event.ACCEPT, "REJECT": Event.REJECT, "RETURN": Event.RETURN}


class Village:
    """Who lives there: a seller, a buyer, a bank (finance aggregator) and another business, by these names."""

    def __init__(self) -> None:
        self.clock = FrozenClock(START)
        self.ids = SeededIds(Random(7))
        self.keys = Keyed(7)
        self.centre = Centre(self.clock, self.ids, self.keys)
        self.centre_db = InMemory()
        self.parties: dict[str, Party] = {}
        self.dbs: dict[str, InMemory] = {}
        self.told: dict[str, list[Delivery]] = {}
        self.sent: dict[str, list[Sent]] = {}
        self.numbers = Counter[str]()

    @classmethod
    async def founded(cls) -> Village:
        """Give a village whose businesses are registered and active; their B2B IDs are their names in capitals."""
        village = cls()
        for name in PANS:
            village.move_in(name)
            await village.say(name, village.registration(name))
            await village.order(m.DecideKyc(business_id=village.business_of(name), approved=True))
        return village

    def move_in(self, name: str) -> None:
        self.parties[name] = Party(name, self.clock, self.ids, self.keys)
        self.dbs[name] = InMemory()
        self.told[name] = []
        self.sent[name] = []

    def new(self, prefix: Prefix) -> str:
        return self.ids.make(prefix)

    def number(self, series: str) -> str:
        self.numbers[series] += 1
        return f"{series}{self.numbers[series]}"

    def registration(self, name: str, **changes: Any) -> m.RegisterEntity:
        message = m.RegisterEntity(
            business_id=self.new(Prefix.BUSINESS), version=m.ObjectVersion(1, 1), name=f"The {name}",
            b2b_id=name.upper(), pan=PANS.get(name, "AAACX1234P"), entity_type="COMPANY",
            primary=Identifier("GSTIN", f"29{name.upper()}"), others=(Identifier("UDYAM", f"UDYAM-{name.upper()}"),),
            state="KARNATAKA", pincode="560001", emails=(f"{name}@example.com",),
        )  # fmt: skip
        return msgspec.structs.replace(message, **changes)

    def business_of(self, name: str) -> str:
        return next(key for key in self.dbs[name].tables.objects if key.startswith("ORG"))

    # ---------------------------------------------------------------- the post

    async def post(self, name: str, message: m.Call, *, rehearse: bool = True) -> str:
        """Put a message into a business's outbox; gives its id."""
        store = await self.dbs[name].begin()
        message_id = await self.parties[name].submit(store, message, rehearse=rehearse)
        await store.commit()
        self.sent[name].append(Sent(message_id, subjects(message)))
        return message_id

    async def say(self, name: str, message: m.Call, *, rehearse: bool = True) -> str | None:
        """Send a message, carry everything to its end, and give the error code of its answer."""
        message_id = await self.post(name, message, rehearse=rehearse)
        await self.carry()
        return self.answer(name, message_id)

    def answer(self, name: str, message_id: str) -> str | None:
        answers = [one.resp for one in self.told[name] if one.resp is not None and one.resp.request_id == message_id]
        assert len(answers) == 1
        assert answers[0].success is (answers[0].error_code is None)
        return answers[0].error_code

    async def refused(self, name: str, message: m.Call) -> str | None:
        """Give the code the centre refuses a message with; its books must be as before."""
        before = await self.centre_db.copies()
        code = await self.say(name, message, rehearse=False)
        assert await self.centre_db.copies() == before
        return code

    async def at_once(self, name: str, message: m.Call) -> str | None:
        """Give the code a business's own try refuses a message with; nothing is sent either way."""
        store = await self.dbs[name].begin()
        try:
            await self.parties[name].submit(store, message)
        except MessageRefused as refused:
            return refused.fault
        return None

    async def order(self, order: m.NetworkOrder) -> None:
        store = await self.centre_db.begin()
        await self.centre.order(store, order)
        await store.commit()
        await self.carry()

    async def envelopes(self, name: str) -> list[tuple[str, Envelope]]:
        """Give what an end has to send, sealed, with whom it is for."""
        store = await self.database(name).begin()
        signer = EndSigner(self.keys, name)
        found = await store.due(self.clock.now(), 1000)
        return [(one.receiver, seal(one.id, name, one.parcel, self.clock.now(), signer)) for one in found]

    def database(self, name: str) -> InMemory:
        return self.centre_db if name == CENTRE else self.dbs[name]

    async def hand_over(self, receiver: str, envelope: Envelope) -> int:
        """Give an envelope to its receiver; gives how many parcels took effect."""
        store = await self.database(receiver).begin()
        if receiver == CENTRE:
            done = await self.centre.receive(store, envelope)
        else:
            heard: list[Delivery] = []

            async def hears(delivery: Delivery) -> None:
                heard.append(delivery)

            done = await self.parties[receiver].receive(store, envelope, hears)
            self.told[receiver] += heard
        await store.commit()
        return done

    async def acknowledge(self, name: str, parcel_id: str) -> bool:
        store = await self.database(name).begin()
        known = await store.acknowledge(parcel_id)
        await store.commit()
        return known

    async def carry(self) -> None:
        """Carry everything until nothing is under way."""
        busy = True
        while busy:
            busy = False
            for name in (*self.parties, CENTRE):
                for receiver, envelope in await self.envelopes(name):
                    busy = True
                    await self.hand_over(receiver, envelope)
                    await self.acknowledge(name, envelope.id)

    # ---------------------------------------------------------------- looking

    def at(self, name: str, object_id: str) -> NetworkObject:
        return self.database(name).tables.objects[object_id]

    def status(self, object_id: str) -> str:
        """Give an object's status, on which all who have it agree."""
        found = self.at(CENTRE, object_id)
        assert all(self.at(home, object_id) == found for home in found.parties)
        return found.status

    def hooks(self, name: str) -> list[str]:
        return [delivery.hook for delivery in self.told[name]]

    async def accounts(self) -> Accounts:
        everybody = {**self.dbs, CENTRE: self.centre_db}
        return Accounts(
            centre={copy.object.id: copy for copy in await self.centre_db.copies()},
            parties={name: {c.object.id: c for c in await db.copies()} for name, db in self.dbs.items()},
            leftovers={name: await db.leftovers() for name, db in everybody.items()},
            submitted={name: tuple(sent) for name, sent in self.sent.items()},
            told={name: tuple(told) for name, told in self.told.items()},
        )

    async def broken(self) -> list[str]:
        return violations(await self.accounts())

    # ---------------------------------------------------------------- documents

    def invoice_of(self, total: int | Decimal = 1000, share: OrderShare | None = None, **changes: Any) -> m.SendInvoice:
        message = letters.invoice(self.new(Prefix.INVOICE), "BUYER", "SELLER", self.number("INV"), D(total), share)
        return msgspec.structs.replace(message, **changes)

    async def invoice(self, total: int | Decimal = 1000, **changes: Any) -> NetworkObject:
        """Give an invoice the seller sent to the buyer."""
        message = self.invoice_of(total, **changes)
        assert await self.say("seller", message) is None
        return self.at("buyer", message.object_id)

    async def answered(self, found: NetworkObject, response: Any = "ACCEPT") -> NetworkObject:
        assert await self.say("buyer", letters.confirm_invoice(found, response, EVENTS[response])) is None
        return self.at("buyer", found.id)

    async def accepted(self, total: int | Decimal = 1000, **changes: Any) -> NetworkObject:
        return await self.answered(await self.invoice(total, **changes))

    def payment_of(
        self, found: NetworkObject, paid: int | Decimal, *splits: m.PaidSplit, on_platform: bool = False, **changes: Any
    ) -> m.Pay:
        adjusted = sum((split.amount for split in splits), D(0))
        amount = m.PaymentAmount(D(paid), adjusted, D(paid) + adjusted)
        message = letters.payment(
            self.new(Prefix.PAYMENT), self.number("UTR"), [(found, amount, splits)], on_platform=on_platform
        )
        return msgspec.structs.replace(message, **changes)

    async def paid(
        self, found: NetworkObject, paid: int | Decimal, *splits: m.PaidSplit, on_platform: bool = False
    ) -> NetworkObject:
        """Give a payment the buyer made on an invoice, as the seller has it."""
        message = self.payment_of(self.at("buyer", found.id), paid, *splits, on_platform=on_platform)
        assert await self.say("buyer", message) is None
        return self.at("seller", message.object_id)

    def confirmation_of(self, payment: NetworkObject, response: Any = "ACCEPT") -> m.ConfirmPayment:
        invoices = [self.at("seller", line.invoice_id) for line in facts_of(payment, PaymentFacts).lines]
        return letters.confirm_payment(payment, invoices, response)

    async def confirmed(self, payment: NetworkObject, response: Any = "ACCEPT") -> None:
        assert await self.say("seller", self.confirmation_of(payment, response)) is None

    def order_of(self, total: int = 1000, quantity: int = 10, **changes: Any) -> m.SendOrder:
        lines = (Line("1", D(quantity)),)
        message = letters.order(self.new(Prefix.ORDER), "BUYER", "SELLER", self.number("PO"), D(total), lines)
        return msgspec.structs.replace(message, **changes)

    async def purchase_order(
        self, total: int = 1000, quantity: int = 10, *, accept: bool = True, **changes: Any
    ) -> NetworkObject:
        """Give a purchase order the buyer sent to the seller."""
        message = self.order_of(total, quantity, **changes)
        assert await self.say("buyer", message) is None
        if accept:
            found = self.at("seller", message.object_id)
            assert await self.say("seller", letters.confirm_order(found, "ACCEPT")) is None
        return self.at("seller", message.object_id)

    def note_of(self, found: NetworkObject, total: int | Decimal, *, credit: bool = True, **changes: Any) -> m.SendNote:
        prefix = Prefix.CREDIT_NOTE if credit else Prefix.DEBIT_NOTE
        message = letters.note(self.new(prefix), found, self.number("CN"), D(total), credit=credit)
        return msgspec.structs.replace(message, **changes)

    async def note(
        self, found: NetworkObject, total: int | Decimal, *, credit: bool = True, accept: bool = True
    ) -> NetworkObject:
        """Give a note the seller sent to the buyer."""
        message = self.note_of(found, total, credit=credit)
        assert await self.say("seller", message) is None
        if accept:
            assert await self.say("buyer", letters.confirm_note(self.at("buyer", message.object_id), "ACCEPT")) is None
        return self.at("buyer", message.object_id)

    async def financing(
        self, found: NetworkObject, amount: int = 500, fas: tuple[str, ...] = ("BANK",)
    ) -> NetworkObject:
        """Give a request for finance the seller made on an invoice."""
        asked = self.at("seller", found.id)
        message = letters.financing(self.new(Prefix.FINANCING), "SELLER", asked, fas, D(amount))
        assert await self.say("seller", message) is None
        return self.at(CENTRE, message.request_id)

    async def bid(self, request: NetworkObject, approved: int = 400, fa: str = "BANK") -> str:
        """Give the id of a bid on a request."""
        bid_id = self.new(Prefix.BID)
        assert await self.say(fa.lower(), letters.bid(self.at(CENTRE, request.id), fa, bid_id, D(approved))) is None
        return bid_id

    async def respond(self, request: NetworkObject, bid_id: str, response: Any = "ACCEPT") -> None:
        message = letters.respond_bid(self.at("seller", request.id), bid_id, response)
        assert await self.say("seller", message) is None
