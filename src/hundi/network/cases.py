"""What matches look at, read for many received invoices at once: orders, earlier invoices, notes, possible twins."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.network import papers
from hundi.network.policies import Policy
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.queries import ObjectRow
from hundi.network.verdicts import Bill, Case, Note, Order, Twin

DEAD: Final = ("REJECTED", "CANCELLED", "FAILED")
"""Of an invoice in one of these states nothing is owed: it counts for no other."""
OURS: Final = "role IN ('BUYER', 'BOTH')"
_BETWEEN: Final = "\x1f"
_ORDERS: Final = f"""
    SELECT o.object_id, o.status, o.total, o.document::text AS document FROM network_objects o
     WHERE o.seller_id = $1 AND o.kind = 'PURCHASE ORDER' AND o.{OURS} AND upper(o.supplier) = upper($4)
       AND o.status <> 'FAILED' AND (o.object_id = ANY ($2) OR o.number = ANY ($3))
     ORDER BY o.created_at, o.object_id"""
_EARLIER: Final = f"""
    SELECT p.bill::text AS bill
      FROM network_payables p
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
     WHERE p.seller_id = $1 AND NOT o.status = ANY ($5::text[]) AND o.{OURS}
       AND (o.created_at, o.object_id) < ($3, $4)
       AND p.object_id IN (SELECT q.object_id FROM network_payable_orders q
                            WHERE q.seller_id = $1 AND q.order_key = ANY ($2))
     ORDER BY o.created_at, o.object_id"""
_NOTES: Final = f"""
    SELECT w.place, o.object_id, o.total, o.document::text AS document
      FROM unnest($2::integer[], $3::text[], $4::text[]) AS w (place, supplier, number)
      JOIN network_objects o
        ON o.seller_id = $1 AND upper(o.supplier) = upper(w.supplier)
       AND upper(o.document #>> '{{cdNote,precedingInvoiceDetails,0,invoiceNumber}}') = w.number
     WHERE o.kind = 'NOTE' AND o.status IN ('ACCEPTED', 'APPLIED') AND o.{OURS}
     ORDER BY w.place, o.created_at, o.object_id"""
# The nearest of each kind say enough where a supplier bills one amount a thousand times a day.
_TWINS: Final = f"""
    SELECT w.place, t.object_id, t.number, t.invoice_date, t.total,
           ARRAY(SELECT q.order_key FROM network_payable_orders q
                  WHERE q.seller_id = $1 AND q.object_id = t.object_id) AS orders
      FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
           AS w (place, supplier_key, number_key, likeness, at, object_id)
     CROSS JOIN LATERAL (
           (SELECT p.object_id, o.number, p.invoice_date, p.total
              FROM network_payables p
              JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
             WHERE p.seller_id = $1 AND p.supplier_key = w.supplier_key AND p.number_key = w.number_key
               AND (p.received_at, p.object_id) < (w.at, w.object_id)
               AND NOT o.status = ANY ($8::text[]) AND o.{OURS}
             ORDER BY p.received_at DESC, p.object_id DESC LIMIT $9)
           UNION ALL
           (SELECT p.object_id, o.number, p.invoice_date, p.total
              FROM network_payables p
              JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
             WHERE p.seller_id = $1 AND p.supplier_key = w.supplier_key AND p.likeness = w.likeness
               AND (p.received_at, p.object_id) < (w.at, w.object_id) AND p.number_key <> w.number_key
               AND NOT o.status = ANY ($8::text[]) AND o.{OURS}
             ORDER BY p.received_at DESC, p.object_id DESC LIMIT $9)) AS t"""
_MOST_TWINS: Final = 10


class Payable(msgspec.Struct, frozen=True, kw_only=True):
    """A received invoice as matching needs it."""

    row: ObjectRow
    bill: Bill
    number_key: str
    verdict: str | None = None
    accepted_version: int | None = None


async def cases_of(tx: Transaction, payables: Sequence[Payable], policy: Policy) -> list[Case]:
    """Give what each invoice is to be held against, in their order."""
    if not payables:
        return []
    orders = [await _orders(tx, one.bill, one.row.supplier) for one in payables]
    earlier = [await _earlier(tx, one, its) for one, its in zip(payables, orders, strict=True)]
    notes = await _notes(tx, payables, earlier)
    twins = await _twins(tx, payables)
    tolerances = policy.tolerances()
    return [
        Case(
            bill=one.bill, orders=orders[place], earlier=earlier[place], notes=tuple(notes.get(place, ())),
            twins=tuple(twins.get(place, ())), tolerances=tolerances,
        )
        for place, one in enumerate(payables)
    ]  # fmt: skip


def spelt(number: str) -> list[str]:
    """Give the ways a number may be repeated by another program: as it is, in capitals, in small letters."""
    return list(dict.fromkeys((number, number.upper(), number.lower())))


async def _orders(tx: Transaction, bill: Bill, supplier: str) -> tuple[Order, ...]:
    """Find the orders an invoice names: by object id, else by number, each once."""
    ids = [order_id for order_id, _ in bill.orders if order_id]
    numbers = [way for order_id, number in bill.orders if number and not order_id for way in spelt(number)]
    if not ids and not numbers:
        return ()
    rows = await tx.fetch(_ORDERS, tx.seller_id, ids, numbers, supplier)
    return tuple(papers.order_of(row["object_id"], row["status"], row["total"], row["document"]) for row in rows)


async def _earlier(tx: Transaction, payable: Payable, orders: Sequence[Order]) -> tuple[Bill, ...]:
    """Give the living invoices of the same orders that were received before this one."""
    if not orders:
        return ()
    keys = list(dict.fromkeys(key for order in orders for key in (order.id, *spelt(order.number))))
    row = payable.row
    rows = await tx.fetch(_EARLIER, tx.seller_id, keys, row.created_at, row.object_id, list(DEAD))
    return tuple(papers.bill_of(one["bill"]) for one in rows)


async def _notes(
    tx: Transaction, payables: Sequence[Payable], earlier: Sequence[Sequence[Bill]]
) -> dict[int, list[Note]]:
    """Give the notes on each invoice, and on the earlier ones of its orders, by the invoice's place."""
    asked = list(
        dict.fromkeys(
            (place, one.row.supplier, bill.number.upper())
            for place, one in enumerate(payables)
            for bill in (one.bill, *earlier[place])
        )
    )
    places, suppliers, numbers = ([one[part] for one in asked] for part in range(3))
    found: dict[int, list[Note]] = {}
    for row in await tx.fetch(_NOTES, tx.seller_id, places, suppliers, numbers):
        note = papers.note_of(row["object_id"], row["total"] or Decimal(0), row["document"])
        found.setdefault(row["place"], []).append(note)
    return found


async def _twins(tx: Transaction, payables: Sequence[Payable]) -> dict[int, list[Twin]]:
    """Give the invoices each may be a second copy of, the nearest first, by the invoice's place."""
    columns: tuple[list[Any], ...] = (
        list(range(len(payables))),
        [b2b_key(one.row.supplier) for one in payables],
        [one.number_key for one in payables],
        [likeness(one.bill) for one in payables],
        [one.row.created_at for one in payables],
        [one.row.object_id for one in payables],
    )
    found: dict[int, list[Twin]] = {}
    for row in await tx.fetch(_TWINS, tx.seller_id, *columns, list(DEAD), _MOST_TWINS):
        twin = Twin(
            id=row["object_id"], number=row["number"], day=row["invoice_date"], total=row["total"],
            orders=tuple(row["orders"]),
        )  # fmt: skip
        found.setdefault(row["place"], []).append(twin)
    return found


def keys_of(bill: Bill) -> list[str]:
    """Give the object ids and numbers of the orders an invoice names."""
    return [key for pair in bill.orders for key in pair if key]


def likeness(bill: Bill) -> str:
    """Give a digest of what two copies of one invoice have in common besides the number: day, total and orders."""
    text = f"{bill.day.isoformat()}|{bill.total:.2f}|{_BETWEEN.join(sorted(set(keys_of(bill))))}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
