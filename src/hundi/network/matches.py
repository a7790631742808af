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
from hundi.network.cases import DEAD, OURS, Payable, cases_of, keys_of, likeness, spelt
from hundi.network.errors import NetworkObjectNotFound
from hundi.network.matching import match, number_key
from hundi.network.policies import Policy
from hundi.network.protocol import messages as m
from hundi.network.protocol.decisions import Change, Delivery
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.protocol.party import Party
from hundi.network.protocol.statuses import Event, InvoiceStatus, Kind
from hundi.network.queries import ObjectRow
from hundi.network.verdicts import Case, Finding, Match
from hundi.network.wire.invoice import Answer
from hundi.network.wire.meaning import message_of

log = structlog.get_logger("hundi.network")

MATCH: Final = "network.match"
_AT_ONCE: Final = 200
_SHOWN: Final = 3
_TELLING: Final = {
    Kind.INVOICE: frozenset({Event.CREATE, Event.EDIT, Event.REJECT, Event.CANCEL}),
    Kind.ORDER: frozenset({Event.CREATE, Event.EDIT, Event.ACCEPT, Event.REJECT, Event.CANCEL, Event.CLOSE}),
    Kind.NOTE: frozenset({Event.CREATE, Event.EDIT, Event.ACCEPT, Event.REJECT, Event.CANCEL, Event.CLOSE}),
}
"""What changes a match, by the kind of object it happens to. An invoice counts the same before and after it is accepted."""
_DONE: Final = (*DEAD, "PAID", "CLOSED")
# What a company sent to another business of its own and the network has not taken is no received invoice.
_TAKEN: Final = "NOT o.status IN ('CREATED', 'FAILED')"
_HEAD: Final = """o.object_id, o.kind, o.number, o.role, o.supplier, o.buyer, o.status, o.version, o.revision, o.total, o.due,
    o.created_at, o.changed_at"""
# The document of an invoice is needed where this version of it was not read yet.
_CHANGED: Final = f"""
    SELECT {_HEAD}, NULL AS data,
           CASE WHEN $3 OR o.kind <> 'INVOICE' OR p.version IS DISTINCT FROM o.version THEN o.document::text END AS document,
           p.object_id IS NOT NULL AS is_known, p.verdict, p.accepted_version,
           ARRAY(SELECT q.order_key FROM network_payable_orders q
                  WHERE q.seller_id = $1 AND q.object_id = o.object_id) AS order_keys
      FROM network_objects o
      LEFT JOIN network_payables p ON p.seller_id = $1 AND p.object_id = o.object_id
     WHERE o.seller_id = $1 AND o.object_id = ANY ($2) AND o.{OURS} AND {_TAKEN}
       AND o.kind IN ('INVOICE', 'PURCHASE ORDER', 'NOTE')
     ORDER BY o.created_at, o.object_id"""
_NEXT: Final = f"""
    SELECT o.object_id FROM network_objects o
     WHERE o.seller_id = $1 AND o.kind = 'INVOICE' AND o.{OURS} AND {_TAKEN} AND o.object_id > $2
     ORDER BY o.object_id LIMIT $3"""
_KEEP: Final = """
    INSERT INTO network_payables (seller_id, object_id, version, supplier_key, supplier_name, supplier_gstin, number_key,
                                  invoice_date, due_date, total, order_numbers, words, bill, findings, matched_at,
                                  received_at, likeness)
    SELECT $1, r.object_id, r.version, r.supplier_key, r.supplier_name, r.supplier_gstin, r.number_key, r.invoice_date,
           r.due_date, r.total, ARRAY(SELECT jsonb_array_elements_text(r.order_numbers)), r.words, r.bill, '[]', $2,
           r.received_at, r.likeness
      FROM jsonb_to_recordset($3::jsonb)
           AS r (object_id text, version integer, supplier_key text, supplier_name text, supplier_gstin text,
                 number_key text, invoice_date date, due_date date, total numeric, order_numbers jsonb, words text,
                 bill jsonb, received_at timestamptz, likeness text)
    ON CONFLICT ON CONSTRAINT network_payables_pk DO UPDATE
       SET version = excluded.version, supplier_key = excluded.supplier_key, supplier_name = excluded.supplier_name,
           supplier_gstin = excluded.supplier_gstin, number_key = excluded.number_key,
           invoice_date = excluded.invoice_date, due_date = excluded.due_date, total = excluded.total,
           order_numbers = excluded.order_numbers, words = excluded.words, bill = excluded.bill,
           likeness = excluded.likeness"""
_DROP_ORDERS: Final = "DELETE FROM network_payable_orders WHERE seller_id = $1 AND object_id = ANY ($2::text[])"
_KEEP_ORDERS: Final = """
    INSERT INTO network_payable_orders (seller_id, order_key, object_id)
    SELECT $1, k.order_key, k.object_id FROM unnest($2::text[], $3::text[]) AS k (order_key, object_id)"""
# Later invoices of the same orders: what an invoice bills counts for those after it.
_AFFECTED: Final = f"""
    SELECT DISTINCT q.object_id
      FROM network_payable_orders q
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = q.object_id
     WHERE q.seller_id = $1 AND q.order_key = ANY ($2) AND o.{OURS} AND NOT o.status = ANY ($4::text[])
       AND ($3::timestamptz IS NULL OR o.created_at >= $3)"""
_BY_NUMBER: Final = """
    SELECT p.object_id FROM network_payables p WHERE p.seller_id = $1 AND p.supplier_key = $2 AND p.number_key = $3"""
_PAYABLES: Final = f"""
    SELECT {_HEAD}, p.bill::text AS bill, p.supplier_key, p.number_key, p.verdict, p.accepted_version
      FROM network_payables p
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = p.object_id
     WHERE p.seller_id = $1 AND p.object_id = ANY ($2)
     ORDER BY o.created_at, o.object_id"""
_JUDGED: Final = """
    UPDATE network_payables AS p
       SET verdict = j.verdict, findings = j.findings::jsonb, matched_at = $2, accepted_version = j.accepted_version
      FROM unnest($3::text[], $4::text[], $5::text[], $6::integer[])
           AS j (object_id, verdict, findings, accepted_version)
     WHERE p.seller_id = $1 AND p.object_id = j.object_id"""


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
        telling = _TELLING.get(change.object.kind)
        if telling is None or change.object.parties[-1] != self._home:
            return False
        return any(moved.event in telling for moved in change.moves)

    async def hand_over(self, tx: Transaction) -> None:
        """Put the job that matches what was noticed, in this commit."""
        if self.objects:
            await enqueue(tx, MATCH, ids={"objects": list(self.objects)})


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A match with what was looked at."""

    row: ObjectRow
    case: Case
    match: Match


class _Changed(msgspec.Struct, frozen=True, kw_only=True):
    """An object whose change may change matches; of an invoice also what is known of it."""

    row: ObjectRow
    is_known: bool
    verdict: str | None
    accepted_version: int | None
    order_keys: list[str]


# ---------------------------------------------------------------- the job


async def refresh(tx: Transaction, party: Party, objects: Sequence[str], *, spread: bool = True) -> None:
    """Read the received invoices among these objects and match all that they, the orders and the notes may change.

    Without ``spread`` only they are matched, and read anew.
    """
    policy = await policies.hold(tx)
    changed = [_changed(row) for row in await tx.fetch(_CHANGED, tx.seller_id, list(objects), not spread)]
    fresh = await _take(tx, [one for one in changed if one.row.kind == Kind.INVOICE and one.row.document is not None])
    wanted: dict[str, None] = {}
    for one in changed:
        row = one.row
        if row.kind == Kind.INVOICE:
            wanted[row.object_id] = None
            # A first reading is the last invoice of its orders; what changes later may change those that came after it.
            keys = keys_of(fresh[row.object_id].bill) if row.object_id in fresh else one.order_keys
            if spread and keys and one.is_known:
                wanted.update(await _affected(tx, keys, row.created_at))
        elif row.kind == Kind.ORDER:
            wanted.update(await _affected(tx, [row.object_id, *spelt(row.number)], None))
        elif row.document is not None:
            note = papers.note_of(row.object_id, row.total or Decimal(0), row.document)
            wanted.update(await _named(tx, row.supplier, note.invoice_number))
    others = {one.row.object_id: one for one in await _payables(tx, [one for one in wanted if one not in fresh])}
    payables = [found for one in wanted if (found := fresh.get(one) or others.get(one)) is not None]
    await _judge(tx, party, policy, sorted(payables, key=lambda one: (one.row.created_at, one.row.object_id)))


async def walk(tx: Transaction, party: Party, after: str) -> str | None:
    """Match the next received invoices in order of id; gives the last one's id, None at the end."""
    ids = [row["object_id"] for row in await tx.fetch(_NEXT, tx.seller_id, after, _AT_ONCE)]
    await refresh(tx, party, ids, spread=False)
    return ids[-1] if len(ids) == _AT_ONCE else None


def _changed(found: Any) -> _Changed:
    row = ObjectRow(**{name: found[name] for name in ObjectRow.__struct_fields__})
    return _Changed(
        row=row, is_known=found["is_known"], verdict=found["verdict"], accepted_version=found["accepted_version"],
        order_keys=found["order_keys"],
    )  # fmt: skip


async def _take(tx: Transaction, changed: Sequence[_Changed]) -> dict[str, Payable]:
    """Read invoices into their rows; gives those that can be read, by object id."""
    fresh: dict[str, Payable] = {}
    rows: list[dict[str, Any]] = []
    named: list[tuple[str, str]] = []
    for one in changed:
        row = one.row
        try:
            found = papers.received(row.object_id, row.document or "")
        except Refusal as error:
            # It stays PENDING in the list, and holds up no other invoice.
            log.warning("a received invoice cannot be read", object_id=row.object_id, problems=error.problems[:_SHOWN])
            continue
        rows.append(_row(row, found))
        named += [(key, row.object_id) for key in found.order_keys]
        fresh[row.object_id] = Payable(
            row=row, bill=found.bill, number_key=found.number_key, verdict=one.verdict,
            accepted_version=one.accepted_version,
        )  # fmt: skip
    if rows:
        await tx.execute(_KEEP, tx.seller_id, tx.now, msgspec.json.encode(rows).decode())
    again = [one.row.object_id for one in changed if one.is_known and one.row.object_id in fresh]
    if again:
        await tx.execute(_DROP_ORDERS, tx.seller_id, again)
    if named:
        await tx.execute(_KEEP_ORDERS, tx.seller_id, [one[0] for one in named], [one[1] for one in named])
    return fresh


def _row(row: ObjectRow, found: papers.Received) -> dict[str, Any]:
    """Give what is kept of a received invoice, by column."""
    words = [row.number, row.supplier, found.supplier_name, found.supplier_gstin or "", *found.order_keys]
    return {
        "object_id": row.object_id, "version": row.version, "supplier_key": b2b_key(row.supplier),
        "supplier_name": found.supplier_name, "supplier_gstin": found.supplier_gstin, "number_key": found.number_key,
        "invoice_date": found.bill.day, "due_date": found.due, "total": found.bill.total,
        "order_numbers": [number or order_id for order_id, number in found.bill.orders if number or order_id],
        "words": "\n".join(words).lower(), "bill": found.bill, "received_at": row.created_at,
        "likeness": likeness(found.bill),
    }  # fmt: skip


async def _affected(tx: Transaction, keys: Sequence[str], since: datetime | None) -> dict[str, None]:
    rows = await tx.fetch(_AFFECTED, tx.seller_id, list(keys), since, list(_DONE))
    return {row["object_id"]: None for row in rows}


async def _named(tx: Transaction, supplier: str, number: str) -> dict[str, None]:
    """Give the invoice a note is on, and the later ones of its orders."""
    key = b2b_key(supplier)
    rows = await tx.fetch(_BY_NUMBER, tx.seller_id, key, number_key(number)) if number else []
    found = {row["object_id"]: None for row in rows}
    for payable in await _payables(tx, list(found)):
        keys = [name for pair in payable.bill.orders for name in pair if name]
        found.update(await _affected(tx, keys, payable.row.created_at))
    return found


async def _payables(tx: Transaction, ids: Sequence[str]) -> list[Payable]:
    rows = await tx.fetch(_PAYABLES, tx.seller_id, list(ids)) if ids else []
    return [_payable(row) for row in rows]


def _payable(row: Any) -> Payable:
    header = {name: row[name] for name in ObjectRow.__struct_fields__ if name not in {"data", "document"}}
    return Payable(
        row=ObjectRow(**header, data=None, document=None), bill=papers.bill_of(row["bill"]), number_key=row["number_key"],
        verdict=row["verdict"], accepted_version=row["accepted_version"],
    )  # fmt: skip


async def _judge(tx: Transaction, party: Party, policy: Policy, payables: Sequence[Payable]) -> None:
    """Match invoices, accept those that are accepted of themselves, and write down what it comes to."""
    if not payables:
        return
    events: list[audit.Event] = []
    judged: list[tuple[str, str, str | None, int | None]] = []
    for payable, case in zip(payables, await cases_of(tx, payables, policy), strict=True):
        found, row, accepted = match(case), payable.row, payable.accepted_version
        if policy.accepts(found.verdict) and row.status == InvoiceStatus.SENT and accepted != row.version:
            accepted = row.version if await _accept(tx, party, payable, found) else accepted
        findings = as_json([plain_finding(one) for one in found.findings])
        judged.append((row.object_id, found.verdict.value, findings, accepted))
        if found.verdict == payable.verdict and accepted == payable.accepted_version:
            continue
        data = {
            "objectId": row.object_id, "supplierInvoiceNumber": row.number, "supplierB2BId": row.supplier,
            "objectVersion": row.version, "verdict": found.verdict, "acceptedOfItself": accepted == row.version,
        }  # fmt: skip
        events.append(
            audit.Event(type="payable.matched", kind="network", object_id=row.object_id, data=data, place=tx.place())
        )
    await tx.execute(_JUDGED, tx.seller_id, tx.now, *([one[part] for one in judged] for part in range(4)))
    await audit.emit_all(tx, events)


async def _accept(tx: Transaction, party: Party, payable: Payable, found: Match) -> bool:
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
    payable = Payable(row=row, bill=found.bill, number_key=found.number_key)
    [case] = await cases_of(tx, [payable], await policies.read(tx))
    return Looked(row=row, case=case, match=match(case))
