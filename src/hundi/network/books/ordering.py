"""The purchase orders that invoices of the books are for: which object each is, and which of its lines a line is for.

An order that came over the network counts what is invoiced of each of its lines (docs/decisions/0015), and the buyer's match
finds a line by its reference first. So a line that names none is given the one it is for, where that is beyond doubt.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, Self

import msgspec

from hundi.db.pool import Transaction
from hundi.documents import queries as documents
from hundi.documents.queries import ItemRow
from hundi.gst.units import find_unit
from hundi.network.matching import plain_words
from hundi.network.papers import order_of
from hundi.network.postgres import decoded
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.protocol.objects import InvoiceFacts, OrderFacts, OrderShare, facts_of
from hundi.network.protocol.shares import by_ref
from hundi.network.protocol.statuses import OrderStatus
from hundi.network.verdicts import BilledLine, Order

_ORDERS: Final = """
    SELECT object_id, buyer, status, total, data::text AS data, document::text AS document FROM network_objects
     WHERE seller_id = $1 AND kind = 'PURCHASE ORDER' AND role IN ('SUPPLIER', 'BOTH') AND number = ANY ($2::text[])
       AND status IN ('ACCEPTED', 'PARTIALLY INVOICED', 'FULLY INVOICED') ORDER BY object_id"""
_SENT: Final = """
    SELECT object_id, data::text AS data FROM network_objects
     WHERE seller_id = $1 AND kind = 'INVOICE' AND object_id = ANY ($2::text[])"""
# What was sent and is not answered: the order counts it when it is.
_UNDER_WAY: Final = """
    SELECT o.data::text AS data
      FROM invoices i
      JOIN network_invoices l ON l.seller_id = $1 AND l.invoice_id = i.invoice_id
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = l.object_id
     WHERE i.seller_id = $1 AND i.po_number = ANY ($2::text[]) AND l.pending IS NOT NULL AND o.status = 'CREATED'"""
# Corrections that were sent and are not answered: the order counts what the buyer has, until the network has taken them.
_CORRECTED: Final = """
    SELECT i.invoice_id, i.po_number, o.buyer, o.data::text AS data
      FROM invoices i
      JOIN network_invoices l ON l.seller_id = $1 AND l.invoice_id = i.invoice_id
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = l.object_id
     WHERE i.seller_id = $1 AND i.po_number = ANY ($2::text[]) AND l.pending IS NOT NULL
       AND o.status IN ('SENT TO BUYER', 'RETURNED') ORDER BY i.invoice_id"""
_ONE: Final = Decimal(1)


class OrderReference(msgspec.Struct, frozen=True, kw_only=True):
    """The purchase order an invoice is for: ``object_id`` where it came over the network and still takes invoices."""

    number: str
    day: date | None = None
    object_id: str | None = None


class OpenOrder(msgspec.Struct, kw_only=True):
    """An order of a buyer's, and how much of each of its lines may still be invoiced."""

    order: Order
    left: dict[str, Decimal]


class Orders:
    """The orders some invoices name, as our copies have them, while one request's invoices are written."""

    def __init__(self, orders: Mapping[tuple[str, str], Sequence[OpenOrder]], sent: Mapping[str, InvoiceFacts]) -> None:
        """Keep orders by number and buyer's key, and what is known of invoices that were sent before, by object id."""
        self._orders = orders
        self._sent = sent
        self._before: tuple[OpenOrder, dict[str, Decimal]] | None = None

    @classmethod
    async def of(cls, tx: Transaction, numbers: Sequence[str], object_ids: Sequence[str]) -> Self:
        """Read the orders with these numbers and the invoices that are corrected."""
        if not numbers:
            return cls({}, {})
        found: dict[tuple[str, str], list[OpenOrder]] = {}
        for row in await tx.fetch(_ORDERS, tx.seller_id, list(numbers)):
            facts = facts_of(decoded(row["data"]), OrderFacts)
            order = order_of(row["object_id"], row["status"], row["total"], row["document"])
            taken = by_ref(facts.invoiced_lines)
            left = {ref: quantity - taken.get(ref, Decimal(0)) for ref, quantity in by_ref(facts.lines).items()}
            found.setdefault((order.number, b2b_key(row["buyer"])), []).append(OpenOrder(order=order, left=left))
        if found:
            by_id = {one.order.id: one.left for same_number in found.values() for one in same_number}
            for row in await tx.fetch(_UNDER_WAY, tx.seller_id, list(numbers)):
                for share in facts_of(decoded(row["data"]), InvoiceFacts).orders:
                    _take(by_id.get(share.order_id, {}), by_ref(share.lines))
            await _take_corrected(tx, numbers, found)
        rows = await tx.fetch(_SENT, tx.seller_id, list(object_ids)) if found and object_ids else []
        return cls(found, {row["object_id"]: facts_of(decoded(row["data"]), InvoiceFacts) for row in rows})

    def named(
        self, reference: OrderReference, buyer: str, items: Sequence[ItemRow], object_id: str
    ) -> tuple[OrderReference, list[ItemRow]]:
        """Give the order with its object, and the lines with theirs; ``object_id`` is what the invoice is sent as."""
        self._before = None
        before = self._sent.get(object_id)
        shares = {share.order_id: share for share in before.orders} if before is not None else {}
        for one in self._orders.get((reference.number, b2b_key(buyer)), ()):
            share = shares.get(one.order.id)
            if one.order.status != OrderStatus.FULLY_INVOICED or share is not None:
                self._before = one, dict(one.left)
                named = msgspec.structs.replace(reference, object_id=one.order.id)
                return named, _referring(one, share, items)
        return reference, list(items)

    def give_back(self) -> None:
        """Leave the order as it was before the last invoice: that one does not go out."""
        if self._before is not None:
            order, left = self._before
            order.left, self._before = left, None


async def _take_corrected(
    tx: Transaction, numbers: Sequence[str], orders: Mapping[tuple[str, str], Sequence[OpenOrder]]
) -> None:
    """Take off what corrections under way bill more than the order counts of them; what they bill less is not free yet."""
    rows = await tx.fetch(_CORRECTED, tx.seller_id, list(numbers))
    items: dict[str, list[ItemRow]] = {}
    for item in await documents.items(tx, tx.seller_id, [row["invoice_id"] for row in rows]) if rows else ():
        items.setdefault(item.invoice_id, []).append(item)
    for row in rows:
        shares = {share.order_id: share for share in facts_of(decoded(row["data"]), InvoiceFacts).orders}
        for one in orders.get((row["po_number"], b2b_key(row["buyer"])), ()):
            share = shares.get(one.order.id)
            if one.order.status == OrderStatus.FULLY_INVOICED and share is None:
                continue
            counted = by_ref(share.lines if share is not None else ())
            billed: dict[str, Decimal] = {}
            for item in items.get(row["invoice_id"], ()):
                own = _own_reference(item, one)
                billed[own] = billed.get(own, Decimal(0)) + _quantity(item)
            _take(one.left, {own: max(n - counted.get(own, Decimal(0)), Decimal(0)) for own, n in billed.items()})
            break


def _quantity(item: ItemRow) -> Decimal:
    return item.quantity if item.quantity is not None else _ONE


def _own_reference(item: ItemRow, one: OpenOrder) -> str:
    """Give the order line an invoice's line is for as the order itself calls it; empty where none is."""
    ref = item.order_line or line_for(item, one.order.lines) or ""
    return ref.removeprefix(f"{one.order.number}/")


def _take(left: dict[str, Decimal], billed: Mapping[str, Decimal]) -> None:
    for ref, quantity in billed.items():
        left[ref] = left.get(ref, Decimal(0)) - quantity


def _referring(one: OpenOrder, share: OrderShare | None, items: Sequence[ItemRow]) -> list[ItemRow]:
    """Give the lines with their references, and take what they bill off what is left of the order."""
    for own, given in by_ref(share.lines if share is not None else ()).items():
        one.left[own] = one.left.get(own, Decimal(0)) + given
    found = []
    for item in items:
        quantity = _quantity(item)
        ref: str | None = item.order_line or line_for(item, one.order.lines)
        own = _own_reference(item, one)
        # What goes beyond the order the buyer's match has to show; named, the network would refuse the whole invoice.
        if item.order_line is None and one.left.get(own, Decimal(0)) < quantity:
            ref = None
        if ref is not None:
            one.left[own] = one.left.get(own, Decimal(0)) - quantity
        found.append(msgspec.structs.replace(item, order_line=ref))
    return found


def line_for(item: ItemRow, lines: Sequence[BilledLine]) -> str | None:
    """Give the reference of the order line a line is for; None where none is, or more than one may be.

    The same description counts first, then the same price; goods and unit have to agree.
    """
    alike = [line for line in lines if _same_goods(item, line)]
    words = plain_words(item.description)
    by_words = [line for line in alike if plain_words(line.description) == words]
    priced = [line for line in by_words or alike if _price(line.taxable, line.quantity) == _price_of(item)]
    for found in (by_words, priced):
        if len(found) == 1 and sum(line.ref == found[0].ref for line in lines) == 1:
            return found[0].ref
    return None


def _same_goods(item: ItemRow, line: BilledLine) -> bool:
    code, unit, theirs = item.hsn_code or "", _unit(item.unit), _unit(line.unit)
    same_code = bool(code) and (code.startswith(line.hsn) or line.hsn.startswith(code))
    return same_code and (not unit or not theirs or unit == theirs)


def _unit(text: str | None) -> str:
    """Read a unit as the portal's code, so that ``Kg`` and ``KGS`` are one; what is no unit stands for itself."""
    return find_unit(text or "") or (text or "").upper()


def _price_of(item: ItemRow) -> Fraction | None:
    return _price(item.taxable_value, item.quantity)


def _price(taxable: Decimal, quantity: Decimal | None) -> Fraction | None:
    return Fraction(taxable) / Fraction(quantity) if quantity else None
