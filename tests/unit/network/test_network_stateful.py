"""The protocol under any order of events hypothesis can think of: three businesses, a wire that repeats and overtakes.

A rule puts a message into an outbox, hands over any envelope (again), or stops a machine before its commit. At the end
everything is carried to its end and held against the invariants of the simulator.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from village import D, Village

from hundi.network.protocol import messages as m
from hundi.network.protocol.amounts import CREDIT_NOTE
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.identifiers import Prefix
from hundi.network.protocol.objects import InvoiceFacts, Line, NetworkObject, OrderShare, PaymentFacts, facts_of
from hundi.network.protocol.parcels import CENTRE, Envelope
from hundi.network.protocol.statuses import Kind
from hundi.network.simulator import letters

T = TypeVar("T")
PICK = st.integers(0, 10_000)
EXAMPLES = {"default": 40, "ci": 100, "soak": 3000}[os.environ.get("TEST_TIER", "default")]


def done(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits: the in-memory store has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    message = "the in-memory store waited"
    raise AssertionError(message)


class Trade(RuleBasedStateMachine):
    """What can happen in the village."""

    village: Village

    @initialize()
    def found(self) -> None:
        """Begin in the middle: accepted invoices, a credit note and an order, a request for finance with a bid."""
        self.village = done(Village.founded())
        self.seen: list[tuple[str, Envelope]] = []
        first, _ = done(self.village.accepted(300)), done(self.village.accepted(200))
        done(self.village.note(first, 60))
        done(self.village.purchase_order(900, 20))
        done(self.village.bid(done(self.village.financing(first, 100)), 90))

    def one_of(self, name: str, kind: Kind, pick: int) -> NetworkObject | None:
        """Give one of a business's objects of a kind to which something can still happen."""
        found = [one for one in done(self.village.dbs[name].open_objects()) if one.kind is kind]
        return found[pick % len(found)] if found else None

    def post(self, name: str, message: m.Call, *, rehearse: bool) -> None:
        """Send a message, if the sender's own try allows; what the centre says to it is not our business here."""
        try:
            done(self.village.post(name, message, rehearse=rehearse))
        except MessageRefused:
            return

    # ---------------------------------------------------------------- the trade

    @rule(total=st.integers(-1, 500), pick=PICK, quantity=st.integers(1, 12))
    def send_invoice(self, total: int, pick: int, quantity: int) -> None:
        order = self.one_of("seller", Kind.ORDER, pick)
        share = OrderShare(order.id, D(total), (Line("1", D(quantity)),)) if order is not None and pick % 2 else None
        self.post("seller", self.village.invoice_of(total, share), rehearse=bool(pick % 3))

    @rule(total=st.integers(1, 900))
    def send_order(self, total: int) -> None:
        self.post("buyer", self.village.order_of(total), rehearse=True)

    @rule(pick=PICK, response=st.sampled_from(["ACCEPT", "ACCEPT", "RETURN", "REJECT"]), rehearse=st.booleans())
    def answer_order(self, pick: int, response: Any, rehearse: bool) -> None:
        order = self.one_of("seller", Kind.ORDER, pick)
        if order is not None:
            self.post("seller", letters.confirm_order(order, response), rehearse=rehearse)

    @rule(pick=PICK, action=st.sampled_from(["CANCEL", "CLOSE"]), rehearse=st.booleans())
    def end_order(self, pick: int, action: Any, rehearse: bool) -> None:
        order = self.one_of("buyer", Kind.ORDER, pick)
        if order is not None:
            self.post("buyer", letters.change_order(order, action), rehearse=rehearse)

    @rule(
        pick=PICK, response=st.sampled_from(["ACCEPT", "ACCEPT", "RETURN", "REJECT"]), who=st.sampled_from(["buyer", "seller"]),
        rehearse=st.booleans(),
    )  # fmt: skip
    def answer_invoice(self, pick: int, response: Any, who: str, rehearse: bool) -> None:
        found = self.one_of(who, Kind.INVOICE, pick)
        if found is not None:
            sent = m.ConfirmInvoice(
                buyer="BUYER", supplier="SELLER", object_id=found.id, number=found.number, response=response,
                version=m.ObjectVersion(found.version, found.version), transition=m.Transition(found.status, found.status),
            )  # fmt: skip
            self.post(who, sent, rehearse=rehearse)

    @rule(pick=PICK, total=st.integers(0, 600), rehearse=st.booleans())
    def edit_invoice(self, pick: int, total: int, rehearse: bool) -> None:
        found = self.one_of("seller", Kind.INVOICE, pick)
        if found is not None:
            self.post("seller", letters.edited(found, D(total)), rehearse=rehearse)

    @rule(pick=PICK, action=st.sampled_from(["CANCEL", "CLOSE"]), rehearse=st.booleans())
    def end_invoice(self, pick: int, action: Any, rehearse: bool) -> None:
        found = self.one_of("seller", Kind.INVOICE, pick)
        if found is not None:
            self.post("seller", letters.change_invoice(found, action), rehearse=rehearse)

    @rule(pick=PICK, share=st.integers(1, 110), on_platform=st.booleans(), note=st.booleans(), rehearse=st.booleans())
    def pay(self, pick: int, share: int, on_platform: bool, note: bool, rehearse: bool) -> None:
        found = self.one_of("buyer", Kind.INVOICE, pick)
        if found is None:
            return
        splits = []
        credit = self.one_of("buyer", Kind.NOTE, pick)
        if note and credit is not None:
            splits.append(m.PaidSplit(CREDIT_NOTE, D(1 + pick % 40), credit.number if pick % 2 else credit.id))
        paid = facts_of(found, InvoiceFacts).due * share / 100
        self.post("buyer", self.village.payment_of(found, paid, *splits, on_platform=on_platform), rehearse=rehearse)

    @rule(pick=PICK, response=st.sampled_from(["ACCEPT", "REJECT"]), rehearse=st.booleans())
    def confirm_payment(self, pick: int, response: Any, rehearse: bool) -> None:
        payment = self.one_of("seller", Kind.PAYMENT, pick)
        if payment is not None:
            self.post("seller", self.village.confirmation_of(payment, response), rehearse=rehearse)

    @rule(pick=PICK, success=st.booleans())
    def settle(self, pick: int, success: bool) -> None:
        payment = self.one_of("buyer", Kind.PAYMENT, pick)
        if payment is not None and facts_of(payment, PaymentFacts).on_platform:
            self.order(m.SettlePayment(payment_id=payment.id, success=success))

    def order(self, order: m.NetworkOrder) -> None:
        store = done(self.village.centre_db.begin())
        try:
            done(self.village.centre.order(store, order))
        except MessageRefused:
            return
        done(store.commit())

    @rule(pick=PICK, total=st.integers(1, 60))
    def send_note(self, pick: int, total: int) -> None:
        found = self.one_of("seller", Kind.INVOICE, pick)
        if found is not None:
            self.post("seller", self.village.note_of(found, total, credit=bool(pick % 4)), rehearse=True)

    @rule(pick=PICK, response=st.sampled_from(["ACCEPT", "ACCEPT", "REJECT"]), rehearse=st.booleans())
    def answer_note(self, pick: int, response: Any, rehearse: bool) -> None:
        note = self.one_of("buyer", Kind.NOTE, pick)
        if note is not None:
            self.post("buyer", letters.confirm_note(note, response), rehearse=rehearse)

    @rule(pick=PICK, amount=st.integers(1, 300))
    def ask_for_finance(self, pick: int, amount: int) -> None:
        found = self.one_of("seller", Kind.INVOICE, pick)
        if found is not None:
            request_id = self.village.new(Prefix.FINANCING)
            message = letters.financing(request_id, "SELLER", found, ("BANK",), D(amount))
            self.post("seller", message, rehearse=bool(pick % 2))

    @rule(pick=PICK, amount=st.integers(1, 300))
    def bid(self, pick: int, amount: int) -> None:
        request = self.one_of("bank", Kind.FINANCING, pick)
        if request is not None:
            message = letters.bid(request, "BANK", self.village.new(Prefix.BID), D(amount))
            self.post("bank", message, rehearse=bool(pick % 2))

    @rule(pick=PICK, response=st.sampled_from(["ACCEPT", "REJECT"]), rehearse=st.booleans())
    def answer_bid(self, pick: int, response: Any, rehearse: bool) -> None:
        bid = self.one_of("seller", Kind.BID, pick)
        request = None if bid is None else self.village.dbs["seller"].tables.objects.get(bid.facts.request_id)  # type: ignore[union-attr] # a bid's facts
        if bid is not None and request is not None:
            self.post("seller", letters.respond_bid(request, bid.id, response), rehearse=rehearse)

    @rule(pick=PICK, disburse=st.booleans())
    def end_financing(self, pick: int, disburse: bool) -> None:
        request = self.one_of("bank", Kind.FINANCING, pick)
        if request is not None:
            order = m.DisburseFinance if disburse else m.ExpireFinancing
            self.order(order(request_id=request.id))

    # ---------------------------------------------------------------- the wire

    def under_way(self) -> list[tuple[str, str, Envelope]]:
        ends = (*self.village.parties, CENTRE)
        return [(end, receiver, one) for end in ends for receiver, one in done(self.village.envelopes(end))]

    @rule(picks=st.lists(PICK, min_size=1, max_size=8), acknowledged=st.booleans())
    def hand_over(self, picks: list[int], acknowledged: bool) -> None:
        """Hand any of the envelopes over, not the oldest first; the word of receipt may be lost."""
        for pick in picks:
            envelopes = self.under_way()
            if not envelopes:
                return
            sender, receiver, envelope = envelopes[pick % len(envelopes)]
            done(self.village.hand_over(receiver, envelope))
            self.seen.append((receiver, envelope))
            if acknowledged:
                done(self.village.acknowledge(sender, envelope.id))

    @rule(pick=PICK)
    def hand_over_again(self, pick: int) -> None:
        if self.seen:
            receiver, envelope = self.seen[pick % len(self.seen)]
            assert done(self.village.hand_over(receiver, envelope)) == 0

    @rule(pick=PICK)
    def stop_before_the_commit(self, pick: int) -> None:
        envelopes = [one for one in self.under_way() if one[1] == CENTRE]
        if envelopes:
            _, _, envelope = envelopes[pick % len(envelopes)]
            done(self.village.centre.receive(done(self.village.centre_db.begin()), envelope))

    @rule()
    def carry_everything(self) -> None:
        done(self.village.carry())
        assert done(self.village.broken()) == []

    def teardown(self) -> None:
        if hasattr(self, "village"):
            done(self.village.carry())
            assert done(self.village.broken()) == []


TestTrade = Trade.TestCase
TestTrade.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
