"""Matching a company's received invoices: what is looked at, what is kept of it, and what is accepted of itself.

Invoices are matched by a job after they came (``network.match``): it reads them into ``network_payables`` and holds them
against the company's orders. A company's matches follow each other, because an invoice counts those before it. The
verdict that is shown for one invoice is worked out anew each time.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import structlog

from hundi.audit import service as audit
from hundi.audit.service import as_json
from hundi.db.pool import Transaction
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal
from hundi.kit.ids import new_id
from hundi.network import papers, policies, service
from hundi.network.answers import answer_to
from hundi.network.errors import NetworkObjectNotFound
from hundi.network.matching import match, number_key
from hundi.network.policies import Policy
from hundi.network.protocol import messages as m
from hundi.network.protocol.decisions import Change, Delivery
from hundi.network.protocol.party import Party
from hundi.network.protocol.statuses import Event, InvoiceStatus, Kind
from hundi.network.queries import ObjectRow
from hundi.network.verdicts import Bill, Case, Finding, Match, Order, Twin
from hundi.network.wire.invoice import Answer
from hundi.network.wire.meaning import message_of

log = structlog.get_logger("hundi.network")

MATCH: Final = "network.match"
_AT_ONCE: Final = 200
_SHOWN: Final = 3
_TELLING: Final = frozenset({Event.CREATE, Event.EDIT, Event.ACCEPT, Event.REJECT, Event.CANCEL, Event.CLOSE})
_DEAD: Final = ("REJECTED", "CANCELLED", "FAILED")
_DONE: Final = (*_DEAD, "PAID", "CLOSED")
_OURS: Final = "role IN ('BUYER', 'BOTH')"
# What a company sent to another business of its own and the network has not taken is no received invoice.
_TAKEN: Final = "NOT o.status IN ('CREATED', 'FAILED')"
_HEAD: Final = """o.object_id, o.kind, o.number, o.role, o.supplier, o.buyer, o.status, o.version, o.revision, o.total, o.due,
    o.created_at, o.changed_at"""
_CHANGED: Final = f"""
    SELECT {_HEAD}, NULL AS data, o.document::text AS document FROM network_objects o
     WHERE o.seller_id = $1 AND o.object_id = ANY ($2) AND o.{_OURS} AND {_TAKEN}
       AND o.kind IN ('INVOICE', 'PURCHASE ORDER', 'NOTE')
     ORDER BY o.created_at, o.object_id"""
_NEXT: Final = f"""
    SELECT o.object_id FROM network_objects o
     WHERE o.seller_id = $1 AND o.kind = 'INVOICE' AND o.{_OURS} AND {_TAKEN} AND o.object_id > $2
     ORDER BY o.object_id LIMIT $3"""
_KEEP: Final = """
    INSERT INTO network_payables (seller_id, object_id, version, supplier_key, supplier_name, supplier_gstin, number_key,
                                  invoice_date, due_date, total, order_numbers, words, bill, findings, matched_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '[]', $14)
    ON CONFLICT ON CONSTRAINT network_payables_pk DO UPDATE
       SET version = excluded.version, supplier_key = excluded.supplier_key, supplier_name = excluded.supplier_name,
           supplier_gstin = excluded.supplier_gstin, number_key = excluded.number_key,
           invoice_date = excluded.invoice_date, due_date = excluded.due_date, total = excluded.total,
           order_numbers = excluded.order_numbers, words = excluded.words, bill = excluded.bill"""
_DROP_ORDERS: Final = "DELETE FROM network_payable_orders WHERE seller_id = $1 AND object_id = $2"
_KEEP_ORDERS: Final = """
    INSERT INTO network_payable_orders (seller_id, order_key, object_id) SELECT $1, k, $3 FROM unnest($2::text[]) AS k"""
_VERSIONS: Final = "SELECT object_id, version FROM network_payables WHERE seller_id = $1 AND object_id = ANY ($2)"
# Later invoices of the same orders: what an invoice bills counts for those after it.
_AFFECTED: Final = f"""
    SELECT DISTINCT q.object_id
      FROM network_payable_orders q
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = q.object_id
     WHERE q.seller_id = $1 AND q.order_key = ANY ($2) AND o.{_OURS} AND NOT o.status = ANY ($4::text[])
       AND ($3::timestamptz IS NULL OR o.created_at >= $3)"""
_BY_NUMBER: Final = """
    SELECT p.object_id FROM network_payables p WHERE p.seller_id = $1 AND p.supplier_key = $2 AND p.number_key = $3"""
_PAYABLES: Final = f"""
    SELECT {_HEAD}, p.bill::text AS bill, p.supplier_key, p.number_key, p.verdict, p.accepted_version
      FROM network_payables p
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
     WHERE p.seller_id = $1 AND p.object_id = ANY ($2)
     ORDER BY o.created_at, o.object_id"""
_ORDERS: Final = f"""
    SELECT o.object_id, o.status, o.total, o.document::text AS document FROM network_objects o
     WHERE o.seller_id = $1 AND o.kind = 'PURCHASE ORDER' AND o.{_OURS} AND upper(o.supplier) = upper($4)
       AND o.status <> 'FAILED' AND (o.object_id = ANY ($2) OR o.number = ANY ($3))
     ORDER BY o.created_at, o.object_id"""
_EARLIER: Final = f"""
    SELECT p.bill::text AS bill
      FROM network_payables p
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
     WHERE p.seller_id = $1 AND NOT o.status = ANY ($5::text[]) AND o.{_OURS}
       AND (o.created_at, o.object_id) < ($3, $4)
       AND p.object_id IN (SELECT q.object_id FROM network_payable_orders q
                            WHERE q.seller_id = $1 AND q.order_key = ANY ($2))
     ORDER BY o.created_at, o.object_id"""
_NOTES: Final = f"""
    SELECT o.object_id, o.total, o.document::text AS document FROM network_objects o
     WHERE o.seller_id = $1 AND o.kind = 'NOTE' AND o.status IN ('ACCEPTED', 'APPLIED') AND o.{_OURS}
       AND upper(o.supplier) = upper($2)
       AND upper(o.document #>> '{{cdNote,precedingInvoiceDetails,0,invoiceNumber}}') = ANY ($3)
     ORDER BY o.created_at, o.object_id"""
# Where a supplier bills the same amount a thousand times a day, a handful of its twins says enough.
_TWINS: Final = f"""
    SELECT p.object_id, p.bill::text AS bill
      FROM network_payables p
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
     WHERE p.seller_id = $1 AND p.supplier_key = $2 AND (p.number_key = $3 OR p.invoice_date = $4)
       AND NOT o.status = ANY ($7::text[]) AND o.{_OURS} AND (o.created_at, o.object_id) < ($5, $6)
       AND (p.number_key = $3 OR p.total = $8)
     ORDER BY (p.number_key = $3) DESC, o.created_at DESC, o.object_id DESC LIMIT 50"""
_JUDGED: Final = """
    UPDATE network_payables SET verdict = $3, findings = $4, matched_at = $5, accepted_version = $6
     WHERE seller_id = $1 AND object_id = $2"""


class Noticed:
    """Collects, while deliveries take effect, the objects whose change may change a match."""

    def __init__(self, home: str) -> None:
        """Begin with none; ``home`` is the company's name on the network."""
        self._home = home
        self.objects: dict[str, None] = {}

    def beside(self, tell: Callable[[Delivery], Awaitable[None]]) -> Callable[[Delivery], Awaitable[None]]:
        """Give a listener that tells ``tell`` and takes note."""

        async def heard(delivery: Delivery) -> None:
            await tell(delivery)
            self.objects.update((change.object.id, None) for change in delivery.changes if self._matters(change))

        return heard

    def _matters(self, change: Change) -> bool:
        # The parties of an invoice, an order and a note are supplier and buyer, in this order.
        kinds = {Kind.INVOICE, Kind.ORDER, Kind.NOTE}
        is_ours = change.object.kind in kinds and change.object.parties[-1] == self._home
        return is_ours and any(moved.event in _TELLING for moved in change.moves)

    async def hand_over(self, tx: Transaction) -> None:
        """Put the job that matches what was noticed, in this commit."""
        if self.objects:
            await enqueue(tx, MATCH, ids={"objects": list(self.objects)})


class _Payable(msgspec.Struct, frozen=True, kw_only=True):
    """A received invoice as matching needs it."""

    row: ObjectRow
    bill: Bill
    number_key: str
    verdict: str | None = None
    accepted_version: int | None = None


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A match with what was looked at."""

    row: ObjectRow
    case: Case
    match: Match


# ---------------------------------------------------------------- the job


async def refresh(tx: Transaction, party: Party, objects: Sequence[str], *, spread: bool = True) -> None:
    """Read the received invoices among these objects and match all that they, the orders and the notes may change.

    Without ``spread`` only they are matched, and read anew.
    """
    policy = await policies.hold(tx)
    rows = [ObjectRow(**dict(row)) for row in await tx.fetch(_CHANGED, tx.seller_id, list(objects))]
    known = {row["object_id"]: row["version"] for row in await tx.fetch(_VERSIONS, tx.seller_id, list(objects))}
    wanted: dict[str, None] = {}
    for row in rows:
        if row.kind == Kind.INVOICE:
            wanted[row.object_id] = None
            keys = await _take(tx, row, is_new=not spread or known.get(row.object_id) != row.version)
            # A first reading is the last invoice of its orders; what changes later may change those that came after it.
            if spread and keys and row.object_id in known:
                wanted.update(await _affected(tx, keys, row.created_at))
        elif row.kind == Kind.ORDER:
            wanted.update(await _affected(tx, _order_names(row), None))
        elif row.document is not None:
            note = papers.note_of(row.object_id, row.total or Decimal(0), row.document)
            wanted.update(await _named(tx, row.supplier, note.invoice_number))
    for payable in await _payables(tx, list(wanted)):
        await _judge(tx, party, policy, payable)


async def walk(tx: Transaction, party: Party, after: str) -> str | None:
    """Match the next received invoices in order of id; gives the last one's id, None at the end."""
    ids = [row["object_id"] for row in await tx.fetch(_NEXT, tx.seller_id, after, _AT_ONCE)]
    await refresh(tx, party, ids, spread=False)
    return ids[-1] if len(ids) == _AT_ONCE else None


async def _take(tx: Transaction, row: ObjectRow, *, is_new: bool) -> list[str]:
    """Read an invoice into its row, where it has none or has a newer version; gives the keys of its orders."""
    try:
        found = papers.received(row.object_id, row.document or "")
    except Refusal as error:
        # It stays PENDING in the list, and holds up no other invoice.
        log.warning("a received invoice cannot be read", object_id=row.object_id, problems=error.problems[:_SHOWN])
        return []
    if not is_new:
        return found.order_keys
    numbers = [number or order_id for order_id, number in found.bill.orders if number or order_id]
    words = [row.number, row.supplier, found.supplier_name, found.supplier_gstin or "", *found.order_keys]
    await tx.execute(
        _KEEP, tx.seller_id, row.object_id, row.version, papers.supplier_key(row.supplier), found.supplier_name,
        found.supplier_gstin, found.number_key, found.bill.day, found.due, found.bill.total, numbers,
        "\n".join(words).lower(), papers.bill_text(found.bill), tx.now,
    )  # fmt: skip
    await tx.execute(_DROP_ORDERS, tx.seller_id, row.object_id)
    if found.order_keys:
        await tx.execute(_KEEP_ORDERS, tx.seller_id, found.order_keys, row.object_id)
    return found.order_keys


def _order_names(row: ObjectRow) -> list[str]:
    return [row.object_id, *_spelt(row.number)]


def _spelt(number: str) -> list[str]:
    """Give the ways a number may be repeated by another program: as it is, in capitals, in small letters."""
    return list(dict.fromkeys((number, number.upper(), number.lower())))


async def _affected(tx: Transaction, keys: Sequence[str], since: datetime | None) -> dict[str, None]:
    rows = await tx.fetch(_AFFECTED, tx.seller_id, list(keys), since, list(_DONE))
    return {row["object_id"]: None for row in rows}


async def _named(tx: Transaction, supplier: str, number: str) -> dict[str, None]:
    """Give the invoice a note is on, and the later ones of its orders."""
    key = papers.supplier_key(supplier)
    rows = await tx.fetch(_BY_NUMBER, tx.seller_id, key, number_key(number)) if number else []
    found = {row["object_id"]: None for row in rows}
    for payable in await _payables(tx, list(found)):
        keys = [name for pair in payable.bill.orders for name in pair if name]
        found.update(await _affected(tx, keys, payable.row.created_at))
    return found


async def _payables(tx: Transaction, ids: Sequence[str]) -> list[_Payable]:
    rows = await tx.fetch(_PAYABLES, tx.seller_id, list(ids)) if ids else []
    return [_payable(row) for row in rows]


def _payable(row: Any) -> _Payable:
    header = {name: row[name] for name in ObjectRow.__struct_fields__ if name not in {"data", "document"}}
    return _Payable(
        row=ObjectRow(**header, data=None, document=None), bill=papers.bill_of(row["bill"]), number_key=row["number_key"],
        verdict=row["verdict"], accepted_version=row["accepted_version"],
    )  # fmt: skip


async def _judge(tx: Transaction, party: Party, policy: Policy, payable: _Payable) -> None:
    found = match(await _case(tx, payable, policy))
    accepted = payable.accepted_version
    row = payable.row
    if policy.accepts(found.verdict) and row.status == InvoiceStatus.SENT and accepted != row.version:
        accepted = row.version if await _accept(tx, party, payable, found) else accepted
    findings = as_json([plain_finding(one) for one in found.findings])
    await tx.execute(_JUDGED, tx.seller_id, row.object_id, found.verdict, findings, tx.now, accepted)
    if found.verdict == payable.verdict and accepted == payable.accepted_version:
        return
    data = {
        "objectId": row.object_id, "supplierInvoiceNumber": row.number, "supplierB2BId": row.supplier,
        "objectVersion": row.version, "verdict": found.verdict, "acceptedOfItself": accepted == row.version,
    }  # fmt: skip
    await audit.emit(tx, "payable.matched", kind="network", object_id=row.object_id, data=data)


async def _accept(tx: Transaction, party: Party, payable: _Payable, found: Match) -> bool:
    """Accept an invoice of itself; False where another answer to it is on its way."""
    row = payable.row
    orders = sorted({line.order_number or "" for line in found.lines} - {""})
    remarks = f"{found.verdict.replace('_', ' ').capitalize()} with {', '.join(orders)}"[:100]
    try:
        await service.submit(
            tx, _itself(tx), party, message_of(answer_to(row, Answer.ACCEPT, remarks), m.ConfirmInvoice)
        )
    except Refusal:
        return False
    return True


def _itself(tx: Transaction) -> Actor:
    """Give the actor of what happens of itself, by the company's settings."""
    return Actor(
        seller_id=tx.seller_id, home_seller_id=tx.seller_id, subject="system", client_id="system", subjects=("system",),
        issued=tx.now, roles=frozenset(), permissions=frozenset(), request_id=new_id("req", tx.now), via="JOB",
    )  # fmt: skip


def plain_finding(one: Finding) -> dict[str, str]:
    """Give a finding as plain values; what is empty is left out."""
    found = {name: str(value) for name, value in msgspec.structs.asdict(one).items()}
    return {name: value for name, value in found.items() if value}


# ---------------------------------------------------------------- what is looked at


async def look(tx: Transaction, row: ObjectRow) -> Looked:
    """Match one received invoice as it is now; nothing is written. Raises :class:`NetworkObjectNotFound` on our own."""
    if row.kind != Kind.INVOICE or row.role not in {"BUYER", "BOTH"} or row.document is None:
        raise NetworkObjectNotFound
    found = papers.received(row.object_id, row.document)
    payable = _Payable(row=row, bill=found.bill, number_key=found.number_key)
    case = await _case(tx, payable, await policies.read(tx))
    return Looked(row=row, case=case, match=match(case))


async def _case(tx: Transaction, payable: _Payable, policy: Policy) -> Case:
    bill, row = payable.bill, payable.row
    orders = await _orders(tx, bill, row.supplier)
    keys = list(dict.fromkeys(key for order in orders for key in (order.id, *_spelt(order.number))))
    place = (row.created_at, row.object_id)
    earlier: tuple[Bill, ...] = ()
    if orders:
        rows = await tx.fetch(_EARLIER, tx.seller_id, keys, *place, list(_DEAD))
        earlier = tuple(papers.bill_of(one["bill"]) for one in rows)
    numbers = [one.number.upper() for one in (bill, *earlier)]
    notes = await tx.fetch(_NOTES, tx.seller_id, row.supplier, numbers)
    twins = await tx.fetch(
        _TWINS, tx.seller_id, papers.supplier_key(row.supplier), payable.number_key, bill.day, *place, list(_DEAD),
        bill.total,
    )  # fmt: skip
    return Case(
        bill=bill,
        orders=orders,
        earlier=earlier,
        notes=tuple(papers.note_of(one["object_id"], one["total"] or Decimal(0), one["document"]) for one in notes),
        twins=tuple(_twin(papers.bill_of(one["bill"])) for one in twins),
        tolerances=policy.tolerances(),
    )


async def _orders(tx: Transaction, bill: Bill, supplier: str) -> tuple[Order, ...]:
    """Find the orders an invoice names: by object id, else by number, each once."""
    ids = [order_id for order_id, _ in bill.orders if order_id]
    numbers = [spelt for order_id, number in bill.orders if number and not order_id for spelt in _spelt(number)]
    if not ids and not numbers:
        return ()
    rows = await tx.fetch(_ORDERS, tx.seller_id, ids, numbers, supplier)
    return tuple(papers.order_of(row["object_id"], row["status"], row["total"], row["document"]) for row in rows)


def _twin(bill: Bill) -> Twin:
    return Twin(
        id=bill.id, number=bill.number, day=bill.day, total=bill.total,
        orders=tuple(key for pair in bill.orders for key in pair if key),
    )  # fmt: skip
