"""The rules about items: numbering, codes, quantities, amounts and taxes line by line (contract b2b §9.2 and §9.3)."""

from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import msgspec

from hundi.gst.document import ZERO, Document, Item
from hundi.gst.findings import Findings
from hundi.gst.hsn import hsn_problem
from hundi.gst.rates import is_listed, rate_problem, was_ever_listed
from hundi.gst.rulebook import Weight
from hundi.gst.shapes import Text, check_texts
from hundi.gst.supply import EXPORTS, SEZ, WITHOUT_PAYMENT, SupplyType, heads_due
from hundi.gst.tolerance import within_tolerance
from hundi.gst.units import UNITS
from hundi.kit.money import ONE_RUPEE, round_to_paise

MOST_ITEMS: Final = 1000

AMOUNT_LIMIT: Final = Decimal("999999999999.99")
"""The largest amount of an item."""

_THREE: Final = Decimal("0.001")
_TWO: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)

# Field of the model, name in the message, highest value, smallest step.
AMOUNTS: Final = (
    ("quantity", "quantity", Decimal("9999999999.999"), _THREE),
    ("free_quantity", "freeQuantity", Decimal("9999999999.999"), _THREE),
    ("unit_price", "unitPrice", Decimal("999999999999.999"), _THREE),
    ("total_amount", "totalAmt", AMOUNT_LIMIT, _TWO),
    ("discount", "itemValueDetails[DISCOUNT]", AMOUNT_LIMIT, _TWO),
    ("pre_tax_value", "itemValueDetails[PRE TAX VALUE]", AMOUNT_LIMIT, _TWO),
    ("assessable", "assessmentAmount", AMOUNT_LIMIT, _TWO),
    ("gst_rate", "gstRate", Decimal("999.999"), _THREE),
    ("igst", "itemValueDetails[IGST]", AMOUNT_LIMIT, _TWO),
    ("cgst", "itemValueDetails[CGST]", AMOUNT_LIMIT, _TWO),
    ("sgst", "itemValueDetails[SGST]", AMOUNT_LIMIT, _TWO),
    ("cess_rate", "rates[CESS]", Decimal("999.999"), _THREE),
    ("cess", "itemValueDetails[CESS]", AMOUNT_LIMIT, _TWO),
    ("cess_non_advalorem", "itemValueDetails[CESS NON ADVALOREM]", AMOUNT_LIMIT, _TWO),
    ("state_cess_rate", "rates[STATE CESS]", Decimal("999.999"), _THREE),
    ("state_cess", "itemValueDetails[STATE CESS]", AMOUNT_LIMIT, _TWO),
    ("state_cess_non_advalorem", "itemValueDetails[STATE CESS NON ADVALOREM]", AMOUNT_LIMIT, _TWO),
    ("other_charges", "itemValueDetails[OTHER CHARGES]", AMOUNT_LIMIT, _TWO),
    ("total_value", "totalItemValue", AMOUNT_LIMIT, _TWO),
)
"""The amounts of an item: the largest and the finest the portal takes."""
_amounts_of: Final = attrgetter(*(name for name, *_ in AMOUNTS))
_MOST: Final = tuple(most for _, _, most, _ in AMOUNTS)
_STEPS: Final = tuple(step for *_, step in AMOUNTS)

_TEXTS: Final = (
    Text("description", "productDescription", 3, 300),
    Text("barcode", "barCode", 3, 30),
    Text("order_line", "orderLineReference", 1, 50),
    Text("origin_country", "originCountry", 2, 2, r"[A-Z]{2}", "two capital letters"),
    Text("product_serial", "productSerialNumber", 1, 20),
)
_BATCH: Final = (Text("number", "batchNumber", 3, 20, required=True),)
_ATTRIBUTE: Final = (Text("name", "name", 1, 100), Text("value", "value", 1, 100))


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What the items come to; ``cess`` and ``state_cess`` are without and with what is charged by quantity.

    ``heads_known`` is False where an item has amounts under names no rule knows: then only the totals can be compared.
    """

    assessable: Decimal = ZERO
    cgst: Decimal = ZERO
    sgst: Decimal = ZERO
    igst: Decimal = ZERO
    cess: Decimal = ZERO
    cess_in_all: Decimal = ZERO
    state_cess: Decimal = ZERO
    state_cess_in_all: Decimal = ZERO
    total: Decimal = ZERO
    heads_known: bool = True


class TaxDue(msgspec.Struct, frozen=True, kw_only=True):
    """How the document as a whole is taxed. ``inter_state`` is None when a state is unknown.

    ``without_payment``: under bond or undertaking, so that no IGST need be shown; ``total_may_lack_tax``: reverse
    charge and exports on payment, where items are totalled with or without the tax (domain §11); ``wrong_nic``: the
    portal's number for heads that contradict the place.
    """

    inter_state: bool | None
    due: str
    wrong_nic: str
    without_payment: bool
    total_may_lack_tax: bool


def tax_due(document: Document, place: str, *, inter_state: bool | None) -> TaxDue:
    """Work out how a document is taxed from its transaction and its place of supply, a state code of two digits."""
    supply = document.transaction.supply_type
    exports = supply in EXPORTS
    inter_nic = "2180" if exports else "2237" if supply in SEZ else "2174"
    return TaxDue(
        inter_state=inter_state,
        due="" if inter_state is None else heads_due(place, inter_state=inter_state),
        wrong_nic=inter_nic if inter_state else "2172",
        without_payment=supply in WITHOUT_PAYMENT,
        total_may_lack_tax=document.transaction.reverse_charge or supply == SupplyType.EXPWP,
    )


def check_items(document: Document, found: Findings, due: TaxDue) -> Sums | None:
    """Check every item and give their sums, or None when an amount of them cannot be used."""
    items = document.items
    if not items:
        if not (found.extract and document.is_note):  # a copy of a note may say no more than what it is over
            found.add("itemLists", "ITEMS_EMPTY")
        return None
    if len(items) > MOST_ITEMS:
        # Nothing past the cap is looked at: who sends a million lines gets one answer, soon.
        found.add("itemLists", "ITEMS_TOO_MANY", len(items), most=MOST_ITEMS)
        return None
    seen: dict[str, int] = {}
    usable = True
    for at, item in enumerate(items):
        if found.shapes:
            _check_names(item, at, found)
        first = seen.setdefault(item.serial, at)
        if first != at and item.serial:
            found.add(f"itemLists[{at}].serialno", "SERIAL_DUPLICATE", item.serial, first=first + 1)
        if _amounts_usable(item, at, found):
            _check_rate(item, at, document, found)
            if item.unread:
                _check_unread(item, at, found)
            else:
                _check_arithmetic(item, at, found, due, taxes_at_rate=not document.is_note)
        else:
            usable = False
    return _sums(items) if usable else None


def _check_names(item: Item, at: int, found: Findings) -> None:
    """Check what identifies the item: number, code, unit, texts."""
    serial = item.serial
    numbered = serial.isascii() and serial.isdigit() and len(serial) <= 6  # 6: INV-01, SlNo
    if not numbered and (serial or not found.extract):
        found.add(f"itemLists[{at}].serialno", "SERIAL_FORMAT", serial)
    problem = hsn_problem("hsnCode", item.hsn, is_service=item.is_service)
    if problem is not None:
        found.take(msgspec.structs.replace(problem, field=f"itemLists[{at}].hsnCode"))
    if item.unit:
        if item.unit not in UNITS:
            found.add(f"itemLists[{at}].unit", "UNIT_UNKNOWN", item.unit)
    elif not item.is_service:
        found.add(f"itemLists[{at}].unit", "UNIT_MISSING")
    if item.quantity is None and not item.is_service:
        found.add(f"itemLists[{at}].quantity", "QUANTITY_MISSING")
    check_texts(item, _TEXTS, "itemLists", found, at)
    if item.batch is not None:
        check_texts(item.batch, _BATCH, f"itemLists[{at}].batchDetails", found)
    for place, attribute in enumerate(item.attributes):
        check_texts(attribute, _ATTRIBUTE, f"itemLists[{at}].attributeDetails", found, place)


def _amounts_usable(item: Item, at: int, found: Findings) -> bool:
    """Check every amount by itself; False when one of them cannot be reckoned with."""
    amounts, spared = _amounts_of(item), not found.shapes
    # Nearly every amount is right, so the short way through goes first: it is half of the time of a whole check.
    for value, most, step in zip(amounts, _MOST, _STEPS, strict=True):
        if value is None or value is ZERO:
            continue
        if not (value.is_finite() and ZERO <= value <= most and (spared or value.quantize(step) == value)):
            break
    else:
        return True
    usable = True
    for value, (_, name, most, step) in zip(amounts, AMOUNTS, strict=True):
        if value is not None:
            usable &= check_amount(f"itemLists[{at}].{name}", value, most, step, found)
    return usable


def check_amount(
    path: str, value: Decimal, most: Decimal, step: Decimal, found: Findings, *, may_be_negative: bool = False
) -> bool:
    """Say what is wrong with one amount; False when it cannot be reckoned with."""
    if not value.is_finite():
        found.add(path, "AMOUNT_NOT_A_NUMBER", value)
    elif value < 0 and not may_be_negative:
        found.add(path, "AMOUNT_NEGATIVE", value)
    elif abs(value) > most:
        found.add(path, "AMOUNT_TOO_LARGE", value, most=most)
    else:
        if value.quantize(step) != value:
            found.add(path, "AMOUNT_TOO_PRECISE", value, places=-int(step.as_tuple().exponent))
        return True
    return False


def _check_rate(item: Item, at: int, document: Document, found: Findings) -> None:
    listed = was_ever_listed(item.gst_rate) if document.is_note else is_listed(item.gst_rate, document.day)
    if not listed:
        problem = rate_problem(f"itemLists[{at}].gstRate", item.gst_rate, document.day)
        if problem is None:
            found.add(f"itemLists[{at}].gstRate", "RATE_UNLISTED", item.gst_rate)
        else:
            found.take(problem)


def _check_unread(item: Item, at: int, found: Findings) -> None:
    """Name the amounts under names no rule knows: the others cannot be held against each other beside them."""
    for name in item.unread:
        found.add(f"itemLists[{at}].itemValueDetails[{name}]", "VALUE_TYPE_UNKNOWN", name)


def _check_arithmetic(item: Item, at: int, found: Findings, due: TaxDue, *, taxes_at_rate: bool) -> None:
    """Hold the amounts of an item against each other; notes may carry any tax (contract b2b §9.3)."""
    taxable = item.assessable
    if not item.discount and taxable < item.total_amount and not within_tolerance(taxable, item.total_amount):
        # No figure contradicts another: the names of the network's typed amounts are not published (contract b2b §5.2), so
        # what a sender took off may be named in a way of its own, or not at all. The portal's form has a place for it.
        short = round_to_paise(item.total_amount - taxable)
        found.add(f"itemLists[{at}].assessmentAmount", "DISCOUNT_UNNAMED", taxable, short=short)
    elif not within_tolerance(taxable, item.total_amount - item.discount):
        expected = round_to_paise(item.total_amount - item.discount)
        found.add(f"itemLists[{at}].assessmentAmount", "ASSESSABLE_MISMATCH", taxable, expected=expected)
    if item.quantity is not None and not within_tolerance(item.total_amount, item.quantity * item.unit_price):
        expected = round_to_paise(item.quantity * item.unit_price)
        found.add(
            f"itemLists[{at}].totalAmt", "TOTAL_NOT_QUANTITY_TIMES_PRICE", item.total_amount, expected=expected
        )  # fmt: skip
    _check_heads(item, at, found, due)
    if taxes_at_rate:
        _check_taxes(item, at, found, due)
    taxes = item.cgst + item.sgst + item.igst + item.cess + item.cess_non_advalorem
    taxes += item.state_cess + item.state_cess_non_advalorem
    bare = taxable + item.other_charges
    if not within_tolerance(item.total_value, bare + taxes) and not (
        due.total_may_lack_tax and within_tolerance(item.total_value, bare)
    ):
        found.add(
            f"itemLists[{at}].totalItemValue", "ITEM_TOTAL_MISMATCH", item.total_value, expected=round_to_paise(bare + taxes)
        )  # fmt: skip


def _check_heads(item: Item, at: int, found: Findings, due: TaxDue) -> None:
    """Apply s. 5 IGST Act and s. 9 CGST Act: one or two halves, as the place of supply has it, and halves alike."""
    halves = item.cgst or item.sgst
    if item.igst and halves:
        found.add(f"itemLists[{at}].itemValueDetails[IGST]", "TAX_HEADS_MIXED", item.igst, nic=due.wrong_nic)
        return
    wrong = ("IGST", item.igst) if due.inter_state is False else ("CGST", item.cgst or item.sgst)
    if due.inter_state is not None and wrong[1]:
        path = f"itemLists[{at}].itemValueDetails[{wrong[0]}]"
        found.add(path, "TAX_HEADS_CONTRADICT_PLACE", wrong[1], nic=due.wrong_nic, due=due.due)
    elif halves and item.cgst != item.sgst:
        # Up to a rupee apart is a matter of rounding, which only the portal refuses (domain §2).
        weight = Weight.STRICT if abs(item.cgst - item.sgst) <= ONE_RUPEE else Weight.ERROR
        found.add(f"itemLists[{at}].itemValueDetails[SGST]", "TAX_HALVES_DIFFER", item.sgst, weight=weight)


def _check_taxes(item: Item, at: int, found: Findings, due: TaxDue) -> None:
    """Hold each tax against its rate."""
    path, taxable, rate = f"itemLists[{at}].", item.assessable, item.gst_rate
    if due.inter_state is False and not item.igst:
        half = taxable * rate / 200
        if not item.cgst and not item.sgst:
            if not within_tolerance(ZERO, half):
                found.add(f"{path}itemValueDetails[CGST]", "TAX_MISSING", ZERO, expected=round_to_paise(half))
        else:
            for head, amount in (("CGST", item.cgst), ("SGST", item.sgst)):
                if not within_tolerance(amount, half):
                    facts: dict[str, Any] = {"rate": f"{rate.normalize():f}", "expected": round_to_paise(half)}
                    found.add(f"{path}itemValueDetails[{head}]", "CGST_SGST_MISMATCH", amount, **facts)
    elif due.inter_state and not item.cgst and not item.sgst and not (due.without_payment and not item.igst):
        _check_tax(found, f"{path}itemValueDetails[IGST]", "IGST_MISMATCH", item.igst, taxable, rate)
    if item.cess or (item.cess_rate and not due.without_payment):
        _check_tax(found, f"{path}itemValueDetails[CESS]", "CESS_MISMATCH", item.cess, taxable, item.cess_rate)
    if item.state_cess or item.state_cess_rate:
        at_rate = item.state_cess, taxable, item.state_cess_rate
        _check_tax(found, f"{path}itemValueDetails[STATE CESS]", "STATE_CESS_MISMATCH", *at_rate)


def _check_tax(found: Findings, path: str, code: str, amount: Decimal, taxable: Decimal, rate: Decimal) -> None:
    computed = taxable * rate / _HUNDRED
    if not within_tolerance(amount, computed):
        found.add(path, code, amount, rate=f"{rate.normalize():f}", expected=round_to_paise(computed))


def _sums(items: Sequence[Item]) -> Sums:
    cess = sum([item.cess for item in items], ZERO)
    state_cess = sum([item.state_cess for item in items], ZERO)
    return Sums(
        assessable=sum([item.assessable for item in items], ZERO),
        cgst=sum([item.cgst for item in items], ZERO),
        sgst=sum([item.sgst for item in items], ZERO),
        igst=sum([item.igst for item in items], ZERO),
        cess=cess,
        cess_in_all=cess + sum([item.cess_non_advalorem for item in items], ZERO),
        state_cess=state_cess,
        state_cess_in_all=state_cess + sum([item.state_cess_non_advalorem for item in items], ZERO),
        total=sum([item.total_value for item in items], ZERO),
        heads_known=not any(item.unread for item in items),
    )
