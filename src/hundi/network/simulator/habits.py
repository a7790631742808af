"""What the businesses do when they look at their books, a few times a day: answer, correct, pay, confirm, order, finance.

Everything is decided from the business's committed copies and the seed; nothing is remembered in between, so a crash
between two looks changes when something happens and never whether it can.
"""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec

from hundi.kit.money import round_to_paise
from hundi.network.protocol import messages as m
from hundi.network.protocol.amounts import CREDIT_NOTE
from hundi.network.protocol.identifiers import IdMaker, Prefix
from hundi.network.protocol.objects import (
    BidFacts,
    FinancingFacts,
    InvoiceFacts,
    Line,
    NetworkObject,
    NoteFacts,
    OrderFacts,
    OrderShare,
    PaymentFacts,
    facts_of,
)
from hundi.network.protocol.shares import by_ref
from hundi.network.protocol.statuses import (
    BidStatus,
    Event,
    FinancingStatus,
    InvoiceStatus,
    Kind,
    NoteStatus,
    OrderStatus,
    PaymentStatus,
)
from hundi.network.simulator import letters

_PAISE = Decimal("0.01")
_PAYABLE = frozenset({InvoiceStatus.ACCEPTED, InvoiceStatus.PARTIALLY_PAID})


class Habits(msgspec.Struct, frozen=True):
    """How busy and how careful the businesses are; chances per mille, for each object or business at each look.

    ``haste`` is that of taking an invoice back in the same breath, ``prompt`` that of looking at the books again within
    a minute of a delivery.
    """

    new_order: int = 14
    new_invoice: int = 40
    new_note: int = 40
    new_financing: int = 40
    mischief: int = 40
    haste: int = 60
    prompt: int = 100


class Trader:
    """One business: its B2B ID, its partners, and what it does at a look at its books."""

    def __init__(
        self, b2b_id: str, partners: Sequence[str], fas: Sequence[str], chance: Random, ids: IdMaker, habits: Habits
    ) -> None:
        """Keep who it is and whom it knows."""
        self.b2b_id = b2b_id
        self.partners = partners
        self.fas = fas
        self._chance = chance
        self._ids = ids
        self.habits = habits
        self._numbers = 0

    def _happens(self, per_mille: int) -> bool:
        return self._chance.randrange(1000) < per_mille

    def _amount(self, most: int) -> Decimal:
        return self._chance.randrange(100, most * 100) * _PAISE

    def _number(self, series: str) -> str:
        self._numbers += 1
        return f"{series}-{self.b2b_id}-{self._numbers}"

    def look(self, books: Sequence[NetworkObject], pending: frozenset[str], *, glance: bool = False) -> list[m.Call]:
        """Give the messages this business sends now. ``books`` are its open objects, ``pending`` those not to touch.

        At a ``glance`` it reacts and begins nothing new.
        """
        free = [one for one in books if one.id not in pending]
        by_id = {one.id: one for one in free}
        calls: list[m.Call] = []
        touched: set[str] = set()
        for one in free:
            call = None if one.id in touched else self._react(one, by_id, touched)
            if call is not None:
                touched.add(one.id)
                calls.append(call)
        return calls if glance else calls + self._begin(free, touched)

    # ---------------------------------------------------------------- reacting

    def _react(self, one: NetworkObject, books: dict[str, NetworkObject], touched: set[str]) -> m.Call | None:
        match one.kind:
            case Kind.INVOICE:
                supplies = one.supplier == self.b2b_id
                return self._of_own_invoice(one) if supplies else self._of_invoice(one, books, touched)
            case Kind.PAYMENT:
                return self._of_payment(one, books, touched) if one.supplier == self.b2b_id else None
            case Kind.ORDER:
                return self._of_order(one) if one.supplier == self.b2b_id else self._of_own_order(one)
            case Kind.NOTE:
                return self._of_note(one)
            case Kind.FINANCING:
                return self._of_financing(one, books, touched)
            case _:
                return None

    def _of_own_invoice(self, one: NetworkObject) -> m.Call | None:
        total = facts_of(one, InvoiceFacts).total
        less = max(round_to_paise(total * Decimal("0.9")), _PAISE)
        match one.status:
            case InvoiceStatus.RETURNED:
                return letters.edited(one, less) if self._happens(850) else letters.change_invoice(one, "CANCEL")
            case InvoiceStatus.SENT if self._happens(40):
                return letters.edited(one, less) if self._happens(500) else letters.change_invoice(one, "CANCEL")
            case InvoiceStatus.PAID if self._happens(150):
                return letters.change_invoice(one, "CLOSE")
            case _:
                return None

    def _of_invoice(self, one: NetworkObject, books: dict[str, NetworkObject], touched: set[str]) -> m.Call | None:
        if one.status == InvoiceStatus.SENT and self._happens(700):
            answer = self._chance.randrange(100)
            if answer < 80:
                return letters.confirm_invoice(one, "ACCEPT", Event.ACCEPT)
            if answer < 93:
                return letters.confirm_invoice(one, "RETURN", Event.RETURN)
            return letters.confirm_invoice(one, "REJECT", Event.REJECT)
        if one.status in _PAYABLE and self._happens(350):
            return self._pay(one, books, touched)
        return None

    def _pay(self, one: NetworkObject, books: dict[str, NetworkObject], touched: set[str]) -> m.Call:
        together = [one]
        if self._happens(200):
            together += [
                other
                for other in books.values()
                if other.kind is Kind.INVOICE and other.id not in touched and other.id != one.id
                and other.status in _PAYABLE and (other.buyer, other.supplier) == (one.buyer, one.supplier)
            ][:3]  # fmt: skip
        notes = [
            other
            for other in books.values()
            if other.kind is Kind.NOTE and other.status == NoteStatus.ACCEPTED and other.id not in touched
            and other.supplier == one.supplier and facts_of(other, NoteFacts).credit
        ]  # fmt: skip
        touched |= {other.id for other in together}
        lines = []
        for invoice in together:
            note = notes.pop() if notes else None
            if note is not None:
                touched.add(note.id)
            lines.append((invoice, *self._amounts(invoice, note)))
        return letters.payment(
            self._ids.make(Prefix.PAYMENT), self._number("UTR"), lines, on_platform=self._happens(250)
        )

    def _amounts(
        self, invoice: NetworkObject, note: NetworkObject | None
    ) -> tuple[m.PaymentAmount, tuple[m.PaidSplit, ...]]:
        due = facts_of(invoice, InvoiceFacts).due
        total = due if self._happens(650) else max(round_to_paise(due * self._chance.randrange(1, 100) / 100), _PAISE)
        splits: list[m.PaidSplit] = []
        if note is not None:
            set_off = min(facts_of(note, NoteFacts).left, total)
            named = note.id if self._happens(500) else note.number
            splits.append(m.PaidSplit(CREDIT_NOTE, set_off, named))
        rest = total - sum(split.amount for split in splits)
        tds = round_to_paise(rest / 10)
        if self._happens(300) and tds > 0:
            splits.append(m.PaidSplit("TDS_INCOME_TAX", tds))
        adjusted = sum((split.amount for split in splits), Decimal(0))
        return m.PaymentAmount(total - adjusted, adjusted, total), tuple(splits)

    def _of_payment(self, one: NetworkObject, books: dict[str, NetworkObject], touched: set[str]) -> m.Call | None:
        if one.status not in {PaymentStatus.ACK_PENDING, PaymentStatus.SUCCESS} or not self._happens(600):
            return None
        invoices = [books.get(line.invoice_id) for line in facts_of(one, PaymentFacts).lines]
        known = [invoice for invoice in invoices if invoice is not None and invoice.id not in touched]
        if len(known) != len(invoices):
            return None
        touched |= {invoice.id for invoice in known}
        disputed = one.status == PaymentStatus.ACK_PENDING and self._happens(100)
        return letters.confirm_payment(one, known, "REJECT" if disputed else "ACCEPT")

    def _of_order(self, one: NetworkObject) -> m.Call | None:
        if one.status == OrderStatus.SENT and self._happens(700):
            answer = self._chance.randrange(100)
            return letters.confirm_order(one, "ACCEPT" if answer < 80 else "RETURN" if answer < 92 else "REJECT")
        if one.status in {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_INVOICED} and self._happens(400):
            return self._invoice_order(one)
        return None

    def _invoice_order(self, one: NetworkObject) -> m.Call | None:
        facts = facts_of(one, OrderFacts)
        taken = by_ref(facts.invoiced_lines)
        whole = self._happens(500)
        lines = []
        for line in facts.lines:
            left = line.quantity - taken.get(line.ref, Decimal(0))
            part = left if whole else Decimal(self._chance.randrange(int(left) + 1))
            if part > 0:
                lines.append(Line(line.ref, part))
        left_to_invoice = facts.total - facts.invoiced
        amount = left_to_invoice if whole else round_to_paise(left_to_invoice / 3)
        if not lines or amount <= 0:
            return None
        share = OrderShare(one.id, amount, tuple(lines))
        return letters.invoice(
            self._ids.make(Prefix.INVOICE), one.buyer, one.supplier, self._number("INV"), amount, share
        )

    def _of_own_order(self, one: NetworkObject) -> m.Call | None:
        total = facts_of(one, OrderFacts).total
        match one.status:
            case OrderStatus.RETURNED:
                return (
                    letters.edited_order(one, total + 1) if self._happens(800) else letters.change_order(one, "CANCEL")
                )
            case OrderStatus.SENT if self._happens(30):
                return letters.change_order(one, "CANCEL")
            case OrderStatus.FULLY_INVOICED if self._happens(50):
                return letters.change_order(one, "CLOSE")
            case _:
                return None

    def _of_note(self, one: NetworkObject) -> m.Call | None:
        if one.status != NoteStatus.SENT:
            return None
        if one.buyer == self.b2b_id:
            return (
                letters.confirm_note(one, "ACCEPT" if self._happens(850) else "REJECT") if self._happens(600) else None
            )
        return letters.cancel_note(one) if self._happens(30) else None

    def _of_financing(self, one: NetworkObject, books: dict[str, NetworkObject], touched: set[str]) -> m.Call | None:
        facts = facts_of(one, FinancingFacts)
        bids = [books[bid_id] for bid_id in facts.bids if bid_id in books]
        if self.b2b_id in facts.fas:
            open_now = one.status in {FinancingStatus.SENT, FinancingStatus.BIDS_RECEIVED}
            mine = any(facts_of(bid, BidFacts).fa == self.b2b_id for bid in bids)
            if not open_now or mine or not self._happens(500):
                return None
            return letters.bid(one, self.b2b_id, self._ids.make(Prefix.BID), round_to_paise(facts.amount * 9 / 10))
        shared = [bid for bid in bids if bid.status == BidStatus.SHARED and bid.id not in touched]
        if one.status == FinancingStatus.BIDS_RECEIVED and shared and self._happens(500):
            touched.add(shared[0].id)
            return letters.respond_bid(one, shared[0].id, "ACCEPT" if self._happens(600) else "REJECT")
        return None

    # ---------------------------------------------------------------- beginning something

    def _begin(self, books: Sequence[NetworkObject], touched: set[str]) -> list[m.Call]:
        calls: list[m.Call] = []
        partner = self._chance.choice(self.partners)
        if self._happens(self.habits.new_order):
            lines = tuple(Line(str(at + 1), Decimal(self._chance.randrange(1, 50))) for at in range(2))
            object_id = self._ids.make(Prefix.ORDER)
            total = self._amount(200_000)
            calls.append(letters.order(object_id, self.b2b_id, partner, self._number("PO"), total, lines))
        if self._happens(self.habits.new_invoice):
            object_id = self._ids.make(Prefix.INVOICE)
            number = self._number("INV")
            calls.append(letters.invoice(object_id, partner, self.b2b_id, number, self._amount(100_000)))
        own = [
            one for one in books
            if one.kind is Kind.INVOICE and one.supplier == self.b2b_id and one.status in _PAYABLE
            and one.id not in touched
        ]  # fmt: skip
        if own:
            calls += self._about_accepted(self._chance.choice(own), touched)
        return calls

    def _about_accepted(self, one: NetworkObject, touched: set[str]) -> list[m.Call]:
        due = facts_of(one, InvoiceFacts).due
        if self._happens(self.habits.new_note):
            prefix = Prefix.CREDIT_NOTE if self._happens(800) else Prefix.DEBIT_NOTE
            part = max(round_to_paise(due / 10), _PAISE)
            number = self._number("NOTE")
            credit = prefix is Prefix.CREDIT_NOTE
            return [letters.note(self._ids.make(prefix), one, number, part, credit=credit)]
        if self.fas and facts_of(one, InvoiceFacts).lien is None and self._happens(self.habits.new_financing):
            touched.add(one.id)
            fas = tuple(self.fas[: 1 + self._chance.randrange(len(self.fas))])
            amount = max(round_to_paise(due * 8 / 10), Decimal(1))
            if amount <= due:
                return [letters.financing(self._ids.make(Prefix.FINANCING), self.b2b_id, one, fas, amount)]
        return []
