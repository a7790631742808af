"""Three-way match: purchase order, invoice, accepted credit and debit notes (domain §11). Plain values in and out.

What is compared is what was ordered at its price against what is billed, less what notes took back:

* quantity: what all invoices of the order bill of a line, this one and the earlier ones, against what was ordered;
* price: the taxable value of a line against quantity times the ordered price (after discount), in both directions;
* tax: the rate against the ordered one, and the tax against taxable value times rate;
* charges: what stands on the document beside its lines, against what stands on the order beside its lines;
* duplicates: an earlier invoice of the supplier with the same number, or the same day, amount and orders.

A line without a quantity (a service by amount) is compared by its amount alone. A note whose line has the invoice line's
price gives goods back; one with another price corrects the amount and leaves the quantity.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from hundi.kit.money import ONE_RUPEE, PAISA, ZERO, round_to_paise
from hundi.network.verdicts import SEVERITY, Bill, BilledLine, Case, Finding, LineMatch, Match, Note, Order, Verdict

_WORDS: Final = re.compile(r"[^0-9a-z]+")
_NUMBER_PARTS: Final = re.compile(r"[0-9]+|[A-Z]+")
_HUNDRED: Final = Fraction(100)
_ANY: Final = "*"
_HEADING: Final = 4
"""How many digits of two HSN codes for the same goods are always alike: codes have 4, 6 or 8."""
_HALVES: Final = 2
"""Central and state tax are rounded each by itself (domain §2), so a line's tax may be two paise off."""


def number_key(number: str) -> str:
    """Give what two ways of writing one invoice number have in common: capitals and digits, no leading zeros of groups."""
    groups = [part.lstrip("0") or "0" for part in _NUMBER_PARTS.findall(number.upper())]
    return "-".join(groups) or number.upper()


def worst(findings: Iterable[Finding]) -> Verdict:
    """Give the worst verdict of some findings; of none, MATCHED."""
    return max((finding.verdict for finding in findings), key=SEVERITY.__getitem__, default=Verdict.MATCHED)


# ---------------------------------------------------------------- the lines of orders


class _Slot(msgspec.Struct):
    """An order line (or several that are alike), and what is billed of it so far."""

    order: Order
    ref: str
    like: BilledLine
    quantity: Decimal | None
    taxable: Decimal
    cess: Decimal
    earlier: Decimal = Decimal(0)
    earlier_taxable: Decimal = Decimal(0)
    given_back: Decimal = Decimal(0)
    given_back_taxable: Decimal = Decimal(0)
    notes: int = 0
    places: list[int] = msgspec.field(default_factory=list)

    @property
    def price(self) -> Fraction | None:
        """Give the ordered price of a unit after discount; None where it was ordered by amount."""
        return Fraction(self.taxable) / Fraction(self.quantity) if self.quantity else None


def _alike(line: BilledLine) -> tuple[object, ...]:
    return line.hsn, plain_words(line.description), line.unit.upper(), _unit_price(line), line.rate


def plain_words(text: str) -> str:
    """Write a description as it is compared: lower case, words and digits only."""
    return _WORDS.sub(" ", text.lower()).strip()


def _unit_price(line: BilledLine) -> Fraction | None:
    return Fraction(line.taxable) / Fraction(line.quantity) if line.quantity else None


class _Book:
    """The lines of some orders, and the ways to find them; lines that are alike in all but their delivery are one.

    A thousand lines are looked up in a thousand, so every way is a dictionary.
    """

    def __init__(self, orders: Sequence[Order]) -> None:
        self.slots: list[_Slot] = []
        self._numbers: dict[str, str] = {order.number: order.id for order in orders if order.number}
        self._by_ref: dict[str, _Slot] = {}
        self._by_order_and_ref: dict[tuple[str, str], _Slot] = {}
        # By words, by words and price, by price; each with chapter and heading of the HSN, and the unit.
        self._by_likeness: dict[tuple[object, ...], list[_Slot]] = {}
        self._by_code: dict[tuple[str, str], list[_Slot]] = {}
        self._by_longer_code: dict[tuple[str, str], list[_Slot]] = {}
        for order in orders:
            self._add(order)
        for slot in self.slots:
            self._index(slot)

    def _add(self, order: Order) -> None:
        alike: dict[tuple[object, ...], _Slot] = {}
        for at, line in enumerate(order.lines, 1):
            key = (at,) if line.quantity is None else _alike(line)
            slot = alike.get(key)
            if slot is None:
                slot = alike[key] = _Slot(order, line.ref, line, line.quantity, line.taxable, line.cess)
                self.slots.append(slot)
            else:
                slot.quantity = (slot.quantity or Decimal(0)) + (line.quantity or Decimal(0))
                slot.taxable += line.taxable
                slot.cess += line.cess
            self._by_ref.setdefault(line.ref, slot)
            self._by_order_and_ref.setdefault((order.id, line.ref), slot)

    def _index(self, slot: _Slot) -> None:
        words, code, unit = plain_words(slot.like.description), slot.like.hsn, slot.like.unit.upper()
        price = slot.price
        for key in (unit, _ANY):
            for likeness in ((words,), (words, price), (None, price)):
                self._by_likeness.setdefault((*likeness, code[:_HEADING], key), []).append(slot)
            self._by_code.setdefault((code, key), []).append(slot)
            for length in range(1, len(code) + 1):
                self._by_longer_code.setdefault((code[:length], key), []).append(slot)

    def find(self, line: BilledLine) -> _Slot | None:
        """Find the order line a billed line is for: by its reference, else by HSN, unit, description and price."""
        named = [at for at, sign in enumerate(line.ref) if sign == "/" and line.ref[:at] in self._numbers]
        if named:
            found = (self._by_order_and_ref.get((self._numbers[line.ref[:at]], line.ref[at + 1 :])) for at in named)
            return next((slot for slot in found if slot is not None), None)
        if line.ref and line.ref in self._by_ref:
            return self._by_ref[line.ref]
        words, price = plain_words(line.description), _unit_price(line)
        by_name = self._like(line, words, price) or self._like(line, words)
        if by_name is not None:
            return by_name
        few = list(islice(self._of_code(line), 2))
        return few[0] if len(few) == 1 else self._like(line, None, price)

    def _like(self, line: BilledLine, *likeness: object) -> _Slot | None:
        """Give the first order line of this likeness that is for the same goods."""
        for unit in _units(line):
            for slot in self._by_likeness.get((*likeness, line.hsn[:_HEADING], unit), ()):
                code = slot.like.hsn
                if line.hsn.startswith(code) or code.startswith(line.hsn):
                    return slot
        return None

    def _of_code(self, line: BilledLine) -> Iterator[_Slot]:
        for unit in _units(line):
            yield from self._by_longer_code.get((line.hsn, unit), ())
            for length in range(1, len(line.hsn)):
                yield from self._by_code.get((line.hsn[:length], unit), ())


def _units(line: BilledLine) -> tuple[str, ...]:
    """Give the units an order line may have: the line's own or none; any where the line has none."""
    return (line.unit.upper(), "") if line.unit else (_ANY,)


# ---------------------------------------------------------------- the match


class _Charges(NamedTuple):
    billed: Decimal
    earlier: Decimal
    ordered: Decimal


def match(case: Case) -> Match:
    """Hold an invoice against its orders and notes. The order of its lines makes no difference to the verdict."""
    findings = list(_duplicates(case))
    if not case.orders:
        named = ", ".join(number or order_id for order_id, number in case.bill.orders)
        message = (
            f"There is no purchase order {named} to this supplier: check the number, or send the invoice back."
            if named
            else "The invoice names no purchase order: match it by hand, or send it back for the number."
        )
        findings.append(Finding(verdict=Verdict.NO_ORDER, field="invoice.poDetails", message=message, found=named))
        lines = tuple(
            LineMatch(place=at, verdict=Verdict.NO_ORDER, quantity=line.quantity, taxable=line.taxable)
            for at, line in enumerate(case.bill.lines)
        )
        return Match(verdict=worst(findings), findings=tuple(findings), lines=lines)
    findings += _closed(case)
    book = _Book(case.orders)
    loose = _bill_earlier(case, book)
    placed = _place(case.bill, book)
    back = _give_back(case, book)
    by_line = {at: list(_line(case, at, slot)) for at, slot in enumerate(placed)}
    for slot in book.slots:
        if slot.places:
            by_line[slot.places[0]] += _slot(case, slot)
    for at in sorted(by_line):
        findings += by_line[at]
    extra = sum((line.extra for line in case.bill.lines), ZERO)
    ordered = sum((o.charges + sum((line.extra for line in o.lines), ZERO) for o in case.orders), ZERO)
    findings += _charges(case, _Charges(case.bill.charges + extra - back, loose, ordered))
    lines = tuple(_shown(at, case.bill.lines[at], slot, by_line) for at, slot in enumerate(placed))
    return Match(verdict=worst(findings), findings=tuple(findings), lines=lines)


def _shown(at: int, line: BilledLine, slot: _Slot | None, by_line: Mapping[int, list[Finding]]) -> LineMatch:
    own = worst(by_line[at]) if slot is None else worst(f for place in {at, slot.places[0]} for f in by_line[place])
    if slot is None:
        return LineMatch(place=at, verdict=own, quantity=line.quantity, taxable=line.taxable)
    price = slot.price
    expected = None if price is None or line.quantity is None else _rupees(price * Fraction(line.quantity))
    return LineMatch(
        place=at, verdict=own, order_id=slot.order.id, order_number=slot.order.number, order_line=slot.ref,
        quantity=line.quantity, ordered=slot.quantity, earlier=slot.earlier if slot.quantity is not None else None,
        taxable=line.taxable, expected=expected,
    )  # fmt: skip


def _rupees(value: Fraction) -> Decimal:
    """Round a fraction half-up to paise; below zero away from it, as money is."""
    paise = int(abs(value) * 100 + Fraction(1, 2))
    return Decimal(paise if value >= 0 else -paise).scaleb(-2)


def _duplicates(case: Case) -> Iterable[Finding]:
    own = number_key(case.bill.number)
    orders = {key for pair in case.bill.orders for key in pair if key}
    for twin in case.twins:
        same_number = number_key(twin.number) == own
        same_bill = twin.day == case.bill.day and twin.total == case.bill.total and set(twin.orders) == orders
        if same_number or same_bill:
            why = "the same number" if same_number else "the same day, amount and orders"
            message = f"Invoice {twin.number} of {twin.day} over {twin.total} has {why}: pay one of the two only."
            place = "invoice.supplierInvoiceNumber" if same_number else "invoice"
            yield Finding(verdict=Verdict.DUPLICATE_SUSPECTED, field=place, message=message, found=twin.id)


def _closed(case: Case) -> Iterable[Finding]:
    for order in case.orders:
        if not order.open:
            message = f"Purchase order {order.number} is {order.status}: nothing can be billed on it."
            yield Finding(
                verdict=Verdict.ORDER_NOT_OPEN, field="invoice.poDetails", message=message, found=order.status
            )


def _bill_earlier(case: Case, book: _Book) -> Decimal:
    """Count what earlier invoices bill of the order's lines, less what notes took back; gives their charges."""
    charges = ZERO
    for bill in case.earlier:
        charges += bill.charges
        for line in bill.lines:
            slot = book.find(line)
            charges += line.extra
            if slot is not None:
                slot.earlier += line.quantity or Decimal(0)
                slot.earlier_taxable += line.taxable
        for note in _notes_on(case, bill.number):
            charges -= _apply(note, bill, book, _count_earlier)
    return charges


def _place(bill: Bill, book: _Book) -> list[_Slot | None]:
    placed = [book.find(line) for line in bill.lines]
    for at, slot in enumerate(placed):
        if slot is not None:
            slot.places.append(at)
    return placed


def _notes_on(case: Case, number: str) -> list[Note]:
    return [note for note in case.notes if note.invoice_number.upper() == number.upper()]


def _give_back(case: Case, book: _Book) -> Decimal:
    """Take back what notes on this invoice do; gives what they take off its charges."""
    return sum((_apply(note, case.bill, book, _count_back) for note in _notes_on(case, case.bill.number)), ZERO)


def _count_earlier(slot: _Slot, quantity: Decimal, taxable: Decimal) -> None:
    slot.earlier -= quantity
    slot.earlier_taxable -= taxable


def _count_back(slot: _Slot, quantity: Decimal, taxable: Decimal) -> None:
    slot.given_back += quantity
    slot.given_back_taxable += taxable
    slot.notes += 1


def _apply(note: Note, bill: Bill, book: _Book, count: Callable[[_Slot, Decimal, Decimal], None]) -> Decimal:
    """Put a note onto the order lines it is about; gives the part of it that is about none, with its sign."""
    sign = 1 if note.credit else -1
    rest = note.amount
    billed = [(book.find(line), line) for line in bill.lines] if note.lines else []
    for line in note.lines:
        slot = book.find(line)
        if slot is None:
            continue
        is_return = any(_one_price(line, one) for of, one in billed if of is slot)
        quantity = line.quantity or Decimal(0)
        count(slot, sign * quantity if is_return else Decimal(0), sign * line.taxable)
        rest -= line.taxable + line.tax + line.cess + line.extra
    return sign * rest


def _one_price(line: BilledLine, other: BilledLine) -> bool:
    if not line.quantity or not other.quantity:
        return False
    at_the_others = Fraction(other.taxable) * Fraction(line.quantity) / Fraction(other.quantity)
    return abs(at_the_others - Fraction(line.taxable)) <= Fraction(PAISA)


def _line(case: Case, at: int, slot: _Slot | None) -> Iterable[Finding]:
    """Find what is wrong with one line by itself: that it was not ordered, its rate, its tax."""
    line = case.bill.lines[at]
    place = f"invoice.itemLists[{at}]"
    if slot is None:
        message = f"'{line.description or line.hsn}' is on none of the orders: ask the supplier what it is for."
        yield Finding(verdict=Verdict.NOT_ORDERED, field=place, message=message, found=line.ref or line.hsn)
        return
    if line.rate != slot.like.rate:
        message = f"GST at {line.rate}% is billed, {slot.like.rate}% was ordered."
        yield Finding(
            verdict=Verdict.TAX_DIFFERS, field=f"{place}.gstRate", message=message, expected=str(slot.like.rate),
            found=str(line.rate),
        )  # fmt: skip
        return
    if not case.bill.taxed:
        return
    ordered = Fraction(slot.taxable)
    cess = Fraction(slot.cess) * Fraction(line.taxable) / ordered if ordered else Fraction(0)
    expected = Fraction(line.taxable) * Fraction(line.rate) / _HUNDRED + cess
    off = abs(Fraction(line.tax + line.cess) - expected)
    yield from _judged(
        off, Fraction(PAISA) * _HALVES, Fraction(case.tolerances.tax_rupees), Verdict.TAX_DIFFERS,
        Finding(
            verdict=Verdict.TAX_DIFFERS, field=f"{place}.itemValueDetails",
            message=f"The tax is {line.tax + line.cess}; {line.rate}% of {line.taxable} and the ordered cess are "
            f"{_rupees(expected)}.",
            expected=str(_rupees(expected)), found=str(line.tax + line.cess),
        ),
    )  # fmt: skip


def _judged(
    off: Fraction, rounding: Fraction, allowed: Fraction, verdict: Verdict, finding: Finding
) -> Iterable[Finding]:
    """Give a finding as it is, as one within tolerance, or not at all."""
    if off > max(rounding, Fraction(0)):
        yield msgspec.structs.replace(finding, verdict=Verdict.WITHIN_TOLERANCE if off <= allowed else verdict)


def _slot(case: Case, slot: _Slot) -> Iterable[Finding]:
    """Find what is wrong with all that is billed of one order line: quantity and price, or the amount where it has no
    quantity.
    """
    lines = [case.bill.lines[at] for at in slot.places]
    place = f"invoice.itemLists[{slot.places[0]}]"
    tolerances = case.tolerances
    rupees, percent = Fraction(tolerances.amount_rupees), Fraction(tolerances.price_percent) / _HUNDRED
    taxable = sum((line.taxable for line in lines), ZERO) - slot.given_back_taxable
    rounding = Fraction(PAISA) * (len(lines) + slot.notes)
    if not slot.quantity or any(line.quantity is None for line in lines):
        billed = slot.earlier_taxable + taxable
        message = f"{round_to_paise(billed)} is billed in all, {slot.taxable} was ordered."
        yield from _judged(
            Fraction(billed) - Fraction(slot.taxable), rounding, max(rupees, percent * Fraction(slot.taxable)),
            Verdict.OVER_BILLED,
            Finding(
                verdict=Verdict.OVER_BILLED, field=f"{place}.assessmentAmount", message=message,
                expected=str(slot.taxable), found=str(billed),
            ),
        )  # fmt: skip
        return
    quantity = sum((line.quantity or Decimal(0) for line in lines), Decimal(0)) - slot.given_back
    billed = slot.earlier + quantity
    units = max(
        Fraction(tolerances.quantity_units),
        Fraction(slot.quantity) * Fraction(tolerances.quantity_percent) / _HUNDRED,
    )
    yield from _judged(
        Fraction(billed) - Fraction(slot.quantity), Fraction(0), units, Verdict.QUANTITY_EXCEEDS,
        Finding(
            verdict=Verdict.QUANTITY_EXCEEDS, field=f"{place}.quantity",
            message=f"{billed:f} is billed in all, {slot.earlier:f} of it earlier; {slot.quantity:f} was ordered.",
            expected=f"{slot.quantity:f}", found=f"{billed:f}",
        ),
    )  # fmt: skip
    expected = Fraction(slot.taxable) * Fraction(quantity) / Fraction(slot.quantity)
    yield from _judged(
        abs(Fraction(taxable) - expected), rounding, max(rupees, percent * abs(expected)), Verdict.PRICE_DIFFERS,
        Finding(
            verdict=Verdict.PRICE_DIFFERS, field=f"{place}.unitPrice",
            message=f"{taxable} is billed for {quantity:f}; at the ordered price that is {_rupees(expected)}.",
            expected=str(_rupees(expected)), found=str(taxable),
        ),
    )  # fmt: skip


def _charges(case: Case, charges: _Charges) -> Iterable[Finding]:
    over = charges.earlier + charges.billed - max(charges.ordered, ZERO)
    rounding = ONE_RUPEE * (1 + len(case.earlier))  # Each document may be rounded to the rupee (domain §2).
    yield from _judged(
        Fraction(over), Fraction(rounding), Fraction(case.tolerances.amount_rupees),
        Verdict.OVER_BILLED,
        Finding(
            verdict=Verdict.OVER_BILLED, field="invoice.valueDetails.totalInvoiceValue",
            message=f"{over} is billed besides the lines and was not ordered.",
            expected=str(max(charges.ordered, ZERO)), found=str(charges.earlier + charges.billed),
        ),
    )  # fmt: skip
