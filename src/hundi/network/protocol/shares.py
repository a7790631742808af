"""What invoices take of a purchase order: quantities by line where the order has lines, and the amount in any case."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.moves import Condition
from hundi.network.protocol.objects import Line, OrderFacts, OrderShare


def by_ref(lines: Sequence[Line]) -> dict[str, Decimal]:
    """Add the quantities of lines with the same reference up."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line.ref] = found.get(line.ref, Decimal(0)) + line.quantity
    return found


def with_share(order: OrderFacts, share: OrderShare, field: str = "invoice.poDetails") -> OrderFacts:
    """Give the order with a share invoiced, or refuse one that goes beyond it (``ORDER_EXCEEDED``)."""
    invoiced = order.invoiced + share.amount
    if share.amount <= 0 or invoiced > order.total:
        raise MessageRefused(Fault.ORDER_EXCEEDED, field, f"{invoiced} of {order.total}")
    taken = by_ref((*order.invoiced_lines, *share.lines))
    if order.lines:
        ordered = by_ref(order.lines)
        for ref, quantity in taken.items():
            if quantity > ordered.get(ref, Decimal(0)):
                raise MessageRefused(Fault.ORDER_EXCEEDED, field, f"line {ref}: {quantity} of {ordered.get(ref, 0)}")
    return msgspec.structs.replace(order, invoiced=invoiced, invoiced_lines=_as_lines(taken))


def without_share(order: OrderFacts, share: OrderShare) -> OrderFacts:
    """Give the order with a share taken back: its invoice was cancelled, rejected or corrected."""
    taken = by_ref(order.invoiced_lines)
    for ref, quantity in by_ref(share.lines).items():
        taken[ref] = taken.get(ref, Decimal(0)) - quantity
    return msgspec.structs.replace(order, invoiced=order.invoiced - share.amount, invoiced_lines=_as_lines(taken))


def _as_lines(quantities: dict[str, Decimal]) -> tuple[Line, ...]:
    return tuple(Line(ref, quantity) for ref, quantity in sorted(quantities.items()) if quantity)


def conditions_of_order(facts: OrderFacts) -> frozenset[Condition]:
    """Say whether nothing, a part or all of an order is invoiced.

    All means: every line's whole quantity, or, where the order has no lines, its whole amount.
    """
    if facts.invoiced == 0 and not facts.invoiced_lines:
        return frozenset((Condition.NOTHING_INVOICED,))
    whole = by_ref(facts.invoiced_lines) == by_ref(facts.lines) if facts.lines else facts.invoiced == facts.total
    return frozenset((Condition.ALL_INVOICED if whole else Condition.PART_INVOICED,))
