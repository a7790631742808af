"""The three-way match: what it finds by cases, and what holds for every order, invoice and note."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.network.matching import match, number_key
from hundi.network.verdicts import SEVERITY, Bill, BilledLine, Case, Match, Note, Order, Tolerances, Twin, Verdict

D = Decimal
DAY = date(2026, 11, 16)
V = Verdict


def line(quantity: str | None = "10", price: str = "100", **more: Any) -> BilledLine:
    """Give a line of gate valves at 18%, with its right tax."""
    taxable = (D(price) * D(quantity or 1)).quantize(D("0.01"))
    made: dict[str, Any] = {
        "ref": "1", "hsn": "848180", "description": "Gate valve 50 mm", "unit": "NOS",
        "quantity": None if quantity is None else D(quantity), "taxable": taxable, "rate": D(18),
        "tax": (taxable * D("0.18")).quantize(D("0.01")),
    }  # fmt: skip
    return BilledLine(**made | more)


def total_of(lines: tuple[BilledLine, ...]) -> Decimal:
    return sum((one.taxable + one.tax + one.cess + one.extra for one in lines), D(0))


def order(*lines: BilledLine, **more: Any) -> Order:
    made = lines or (line(),)
    return Order(
        **{"id": "PUR1", "number": "PO/1", "status": "ACCEPTED", "open": True, "total": total_of(made), "lines": made}
        | more
    )


def bill(*lines: BilledLine, **more: Any) -> Bill:
    made = lines or (line(),)
    given = {
        "id": "INV1", "number": "S/1", "day": DAY, "total": total_of(made), "orders": (("PUR1", "PO/1"),), "lines": made,
    }  # fmt: skip
    return Bill(**given | more)


def credit(*lines: BilledLine, invoice: str = "S/1", **more: Any) -> Note:
    given = {
        "id": "CRN1", "number": "CN/1", "invoice_number": invoice, "credit": True, "amount": total_of(lines),
        "lines": lines,
    }  # fmt: skip
    return Note(**given | more)


def judged(found: Bill, *orders: Order, **more: Any) -> Match:
    return match(Case(bill=found, orders=orders or (order(),), **more))


def fields(found: Match) -> list[tuple[str, str]]:
    return [(one.field, one.verdict) for one in found.findings]


def test_what_was_ordered_matches() -> None:
    found = judged(bill())
    assert (found.verdict, found.findings) == (V.MATCHED, ())
    assert found.lines[0].order_line == "1"
    assert (found.lines[0].ordered, found.lines[0].earlier, found.lines[0].expected) == (D(10), D(0), D("1000.00"))


@pytest.mark.parametrize(
    ("made", "verdict", "field"),
    [
        (line("11"), V.QUANTITY_EXCEEDS, "invoice.itemLists[0].quantity"),
        (line(price="100.11"), V.PRICE_DIFFERS, "invoice.itemLists[0].unitPrice"),
        (line(price="99"), V.PRICE_DIFFERS, "invoice.itemLists[0].unitPrice"),
        (line(price="100.05"), V.WITHIN_TOLERANCE, "invoice.itemLists[0].unitPrice"),
        (line(rate=D(28)), V.TAX_DIFFERS, "invoice.itemLists[0].gstRate"),
        (line(tax=D("190.00")), V.TAX_DIFFERS, "invoice.itemLists[0].itemValueDetails"),
        (line(tax=D("180.90")), V.WITHIN_TOLERANCE, "invoice.itemLists[0].itemValueDetails"),
        (line(cess=D("12.00")), V.TAX_DIFFERS, "invoice.itemLists[0].itemValueDetails"),
        (line(extra=D("50.00")), V.OVER_BILLED, "invoice.valueDetails.totalInvoiceValue"),
        (line(ref="", hsn="9983", description="Consulting", unit=""), V.NOT_ORDERED, "invoice.itemLists[0]"),
        (line(ref="PO/1/9"), V.NOT_ORDERED, "invoice.itemLists[0]"),
    ],
)
def test_what_differs_is_found_at_its_place(made: BilledLine, verdict: Verdict, field: str) -> None:
    found = judged(bill(made))
    assert (found.verdict, fields(found)) == (verdict, [(field, verdict)])
    assert found.lines[0].verdict == (V.MATCHED if verdict is V.OVER_BILLED else verdict)
    assert all(one.message.endswith(".") for one in found.findings)


def test_two_paise_of_tax_are_rounding() -> None:
    assert judged(bill(line(tax=D("180.02")))).verdict is V.MATCHED
    assert judged(bill(line(tax=D("180.03")))).verdict is V.WITHIN_TOLERANCE


def test_a_document_rounded_to_the_rupee_matches() -> None:
    assert judged(bill(charges=D("0.60"))).verdict is V.MATCHED
    assert judged(bill(charges=D("1.60"))).verdict is V.OVER_BILLED
    freight = order(charges=D("500.00"))
    assert judged(bill(charges=D("500.40")), freight).verdict is V.MATCHED
    half = bill(id="INV0", number="S/0", charges=D("300.00"))
    assert judged(bill(charges=D("300.00")), freight, earlier=(half,), tolerances=GENEROUS).verdict is V.OVER_BILLED


GENEROUS = Tolerances(
    price_percent=D(5), quantity_percent=D(100), quantity_units=D(2), amount_rupees=D(10), tax_rupees=D(5)
)


def test_tolerances_are_the_wider_of_percentage_and_figure() -> None:
    wide = Tolerances(price_percent=D(5), quantity_units=D(1), quantity_percent=D(5), amount_rupees=D(1))
    assert judged(bill(line(price="105")), tolerances=wide).verdict is V.WITHIN_TOLERANCE
    assert judged(bill(line(price="105.01")), tolerances=wide).verdict is V.PRICE_DIFFERS
    assert judged(bill(line("11")), tolerances=wide).verdict is V.WITHIN_TOLERANCE
    assert judged(bill(line("11.001")), tolerances=wide).verdict is V.QUANTITY_EXCEEDS


def test_without_an_order_nothing_matches() -> None:
    found = match(Case(bill=bill(orders=())))
    assert (found.verdict, found.lines[0].verdict) == (V.NO_ORDER, V.NO_ORDER)
    assert "names no purchase order" in found.findings[0].message
    lost = match(Case(bill=bill(orders=(("", "PO/77"),))))
    assert "no purchase order PO/77" in lost.findings[0].message
    closed = judged(bill(), order(open=False, status="CANCELLED"))
    assert closed.verdict is V.ORDER_NOT_OPEN


def test_earlier_invoices_count() -> None:
    first = bill(line("6"), id="INV0", number="S/0")
    assert judged(bill(line("4")), earlier=(first,)).verdict is V.MATCHED
    found = judged(bill(line("5")), earlier=(first,))
    assert (found.verdict, found.lines[0].earlier) == (V.QUANTITY_EXCEEDS, D(6))
    assert "11 is billed in all, 6 of it earlier; 10 was ordered" in found.findings[0].message


def test_a_credit_note_mends_what_was_too_much() -> None:
    too_many = bill(line("12"))
    assert judged(too_many).verdict is V.QUANTITY_EXCEEDS
    assert judged(too_many, notes=(credit(line("2")),)).verdict is V.MATCHED
    assert judged(too_many, notes=(credit(line("2"), invoice="S/2"),)).verdict is V.QUANTITY_EXCEEDS
    too_dear = bill(line(price="110"))
    assert judged(too_dear).verdict is V.PRICE_DIFFERS
    assert judged(too_dear, notes=(credit(line(price="10")),)).verdict is V.MATCHED, "another price: the amount alone"
    freight = bill(charges=D("100.00"))
    plain = msgspec.structs.replace(credit(), amount=D("100.00"))
    assert judged(freight, notes=(plain,)).verdict is V.MATCHED
    debit = msgspec.structs.replace(credit(), amount=D("100.00"), credit=False)
    assert judged(bill(), notes=(debit,)).verdict is V.OVER_BILLED


def test_what_an_earlier_invoice_gave_back_may_be_billed_again() -> None:
    first = bill(line("10"), id="INV0", number="S/0")
    back = credit(line("4"), invoice="s/0")
    assert judged(bill(line("4")), earlier=(first,)).verdict is V.QUANTITY_EXCEEDS
    assert judged(bill(line("4")), earlier=(first,), notes=(back,)).verdict is V.MATCHED


def test_lines_without_a_reference_are_found_by_what_they_are() -> None:
    two = order(line(ref="1"), line("4", "250", ref="2", description="Gate valve 80 mm"))
    same = bill(line("4", "250", ref="", description="GATE VALVE, 80 MM"), line(ref="x9"))
    found = judged(same, two)
    assert (found.verdict, [one.order_line for one in found.lines]) == (V.MATCHED, ["2", "1"])
    short = bill(line(ref="", hsn="8481", description="valves"))
    assert judged(short, order()).verdict is V.MATCHED, "the only line of this HSN and unit"
    assert judged(short, two).verdict is V.MATCHED, "the only one at this price"
    unclear = bill(line(ref="", price="180", description="valves"))
    assert judged(unclear, two).verdict is V.NOT_ORDERED


def test_two_deliveries_of_the_same_goods_are_one_quantity() -> None:
    twice = order(line("5", ref="1"), line("5", ref="2"))
    assert judged(bill(line("8", ref="")), twice).verdict is V.MATCHED
    assert judged(bill(line("5", ref="1"), line("6", ref="2")), twice).verdict is V.QUANTITY_EXCEEDS


def test_two_orders_in_one_invoice() -> None:
    other = order(line("3", ref="1"), id="PUR2", number="PO/1/B")
    both = bill(
        line("10", ref="PO/1/1"), line("3", ref="PO/1/B/1"), orders=(("PUR1", "PO/1"), ("PUR2", "PO/1/B")),
    )  # fmt: skip
    found = judged(both, order(), other)
    assert (found.verdict, [one.order_number for one in found.lines]) == (V.MATCHED, ["PO/1", "PO/1/B"])
    swapped = bill(line("3", ref="PO/1/1"), line("10", ref="PO/1/B/1"), orders=both.orders)
    assert judged(swapped, order(), other).verdict is V.QUANTITY_EXCEEDS


def test_a_service_without_a_quantity_is_matched_by_its_amount() -> None:
    by_amount = order(line(None, "1000", unit=""))
    assert judged(bill(line(None, "400", unit="")), by_amount).verdict is V.MATCHED
    first = bill(line(None, "700", unit=""), id="INV0", number="S/0")
    found = judged(bill(line(None, "400", unit="")), by_amount, earlier=(first,))
    assert fields(found) == [("invoice.itemLists[0].assessmentAmount", V.OVER_BILLED)]


def test_no_tax_is_expected_where_none_is_billed_by_law() -> None:
    bare = line(tax=D("0.00"))
    assert judged(bill(bare)).verdict is V.TAX_DIFFERS
    assert judged(bill(bare, taxed=False)).verdict is V.MATCHED


def test_duplicates_are_suspected() -> None:
    twin = Twin(id="INV0", number="S-001", day=date(2026, 4, 1), total=D(5), orders=())
    assert judged(bill(number="S/1"), twins=(twin,)).verdict is V.DUPLICATE_SUSPECTED
    same = Twin(id="INV0", number="X9", day=DAY, total=D("1180.00"), orders=("PO/1", "PUR1"))
    found = judged(bill(), twins=(same,))
    assert fields(found) == [("invoice", V.DUPLICATE_SUSPECTED)]
    for other in (
        msgspec.structs.replace(same, total=D(1)),
        msgspec.structs.replace(same, day=date(2026, 11, 15)),
        msgspec.structs.replace(same, orders=()),
    ):
        assert judged(bill(), twins=(other,)).verdict is V.MATCHED


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("S/0012", "s-12", True), ("INV 12", "INV12", True), ("2627/12", "2627/012", True), ("S/12", "S/1/2", False),
        ("12", "13", False), ("***", "***", True), ("/", "-", False),
    ],
)  # fmt: skip
def test_numbers_are_compared_without_their_ornaments(one: str, other: str, same: bool) -> None:
    assert (number_key(one) == number_key(other)) is same


# ---------------------------------------------------------------- what always holds

prices = st.decimals(min_value=D("0.01"), max_value=D(99999), places=2)
counts = st.integers(min_value=1, max_value=500)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    made = [
        line(str(draw(counts)), str(draw(prices)), ref=str(at), hsn=f"{8400 + at}", description=f"Part {at}")
        for at in range(1, draw(st.integers(1, 6)) + 1)
    ]
    return order(*made)


def part(of: BilledLine, quantity: int) -> BilledLine:
    """Give a part of an order line at its price, rounded as an invoice rounds it."""
    taxable = (of.taxable * quantity / (of.quantity or D(1))).quantize(D("0.01"))
    tax = (taxable * of.rate / 100).quantize(D("0.01"))
    return msgspec.structs.replace(of, quantity=D(quantity), taxable=taxable, tax=tax)


@given(orders(), st.lists(st.integers(0, 100), max_size=4))
def test_deliveries_in_parts_match_until_all_is_billed_and_not_beyond(ordered: Order, shares: list[int]) -> None:
    left = {one.ref: int(one.quantity or 0) for one in ordered.lines}
    earlier: list[Bill] = []
    for at, share in enumerate([*shares, 100]):
        taken = {ref: quantity * share // 100 for ref, quantity in left.items()}
        left = {ref: quantity - taken[ref] for ref, quantity in left.items()}
        lines = [part(one, taken[one.ref]) for one in ordered.lines if taken[one.ref]]
        if lines:
            made = bill(*lines, id=f"INV{at}", number=f"S/{at}")
            assert judged(made, ordered, earlier=tuple(earlier)).verdict is V.MATCHED
            earlier.append(made)
    assert not any(left.values())
    again = bill(part(ordered.lines[0], 1), id="INVX", number="S/X")
    assert judged(again, ordered, earlier=tuple(earlier)).verdict is V.QUANTITY_EXCEEDS


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Give an invoice that may be anything like its order: other quantities, prices, taxes, charges, lines."""
    ordered = draw(orders())
    lines = [
        line(
            str(draw(counts)), str(draw(prices)), ref=draw(st.sampled_from(["", one.ref, f"PO/1/{one.ref}", "77"])),
            hsn=one.hsn, description=draw(st.sampled_from([one.description, "something"])),
            tax=draw(prices), rate=draw(st.sampled_from([D(18), D(5)])),
        )
        if draw(st.booleans()) else one
        for one in ordered.lines
    ]  # fmt: skip
    notes = (credit(*lines[:1]),) if draw(st.booleans()) else ()
    return Case(bill=bill(*lines, charges=draw(prices)), orders=(ordered,), notes=notes)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_makes_no_difference(case: Case, chance: Any) -> None:
    mixed = list(case.bill.lines)
    chance.shuffle(mixed)
    other = msgspec.structs.replace(case, bill=msgspec.structs.replace(case.bill, lines=tuple(mixed)))
    assert match(other).verdict is match(case).verdict


@given(cases(), prices, prices)
def test_wider_tolerances_never_make_it_worse(case: Case, first: Decimal, second: Decimal) -> None:
    def verdict(by: Decimal) -> int:
        allowed = Tolerances(price_percent=by, quantity_percent=by, quantity_units=by, amount_rupees=by, tax_rupees=by)
        return SEVERITY[match(msgspec.structs.replace(case, tolerances=allowed)).verdict]

    narrow, wide = sorted((first, second))
    assert verdict(wide) <= verdict(narrow)


@given(cases())
def test_findings_and_lines_agree_with_the_verdict(case: Case) -> None:
    found = match(case)
    assert SEVERITY[found.verdict] == max((SEVERITY[one.verdict] for one in found.findings), default=0)
    assert [one.place for one in found.lines] == list(range(len(case.bill.lines)))
    assert all(SEVERITY[one.verdict] <= SEVERITY[found.verdict] for one in found.lines)


@given(orders(), st.integers(1, 50))
def test_a_note_that_gives_the_surplus_back_makes_it_match(ordered: Order, surplus: int) -> None:
    first = ordered.lines[0]
    much = part(first, int(first.quantity or 0) + surplus)
    made = bill(much, *ordered.lines[1:])
    assert judged(made, ordered).verdict is V.QUANTITY_EXCEEDS
    mended = judged(made, ordered, notes=(credit(part(first, surplus)),))
    assert mended.verdict in {V.MATCHED, V.WITHIN_TOLERANCE}
