"""The lines of an invoice held against the invoice itself (domain §10: line totals checked against the header).

The same rule for a call and for a file: what the lines have under each head, and their totals, come to what the invoice
says, within a rupee; of very many lines within half a paisa a line, because each of them was rounded (domain §2).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from hundi.gst.supply import SupplyType
from hundi.kit.errors import FieldProblem
from hundi.kit.money import ONE_RUPEE, ZERO

CODE: Final = "ITEMS_DO_NOT_ADD_UP"
HEADS: Final = ("taxable_value", "cgst", "sgst", "igst", "cess")
WITH_PAYMENT: Final = frozenset({SupplyType.EXPWP, SupplyType.SEZWP})
"""Supplies whose tax the seller pays himself: their lines' totals may leave it out (domain §11)."""
_HALF_A_PAISA: Final = Decimal("0.005")


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What the lines of one invoice come to, in rupees: under each head, in all (``item_total``), and how many they are."""

    count: int
    taxable_value: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    cess: Decimal
    item_total: Decimal


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the invoice says. ``untaxed``: its tax is shown and not charged (reverse charge, export with payment of
    tax), so that its lines may count it in or leave it out (domain §11).
    """

    taxable_value: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    cess: Decimal
    untaxed: bool = False


def tolerance(count: int) -> Decimal:
    """Give by how much the sums of so many lines may differ from the invoice's figures, in rupees."""
    return max(ONE_RUPEE, count * _HALF_A_PAISA)


def problems(sums: Sums, wanted: Wanted, field: str, names: Mapping[str, str]) -> list[FieldProblem]:
    """Say which sums do not fit, at ``field``; ``names`` has what the caller calls each head and the total.

    Taxes follow from what they are on: where the taxable value does not fit, they are not held against anything.
    """
    apart = tolerance(sums.count)
    if abs(sums.taxable_value - wanted.taxable_value) > apart:
        return [_unlike(sums, wanted, "taxable_value", field, names)]
    found = [
        _unlike(sums, wanted, head, field, names)
        for head in HEADS[1:]
        if abs(getattr(sums, head) - getattr(wanted, head)) > apart
    ]
    parts = sum((getattr(sums, head) for head in HEADS), ZERO)
    if abs(sums.item_total - parts) <= apart or (wanted.untaxed and abs(sums.item_total - sums.taxable_value) <= apart):
        return found
    message = f"The lines' {names['item_total']} come to {sums.item_total}; their taxable values and taxes to {parts}."
    return [*found, FieldProblem(field, CODE, message, str(sums.item_total))]


def _unlike(sums: Sums, wanted: Wanted, head: str, field: str, names: Mapping[str, str]) -> FieldProblem:
    what = "taxable value" if head == "taxable_value" else head
    come_to, says = getattr(sums, head), getattr(wanted, head)
    message = f"The lines' {names[head]} come to {come_to}; the invoice's {what} is {says}."
    return FieldProblem(field, CODE, message, str(come_to))
