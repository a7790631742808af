"""Who is who on the network: the B2B IDs of our customers, and our own of each registration (domain §1, contract b2b §1.1).

A customer's B2B ID is set by somebody (EXPLICIT) or learnt from what the network brings (LEARNT): a document accepted here
whose sender gives a GSTIN that exactly one customer has, or the answer to a search by such a GSTIN. What was set is never
overwritten, and what was learnt by a search alone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.audit import service as audit
from hundi.customers import queries as customers
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.network import queries
from hundi.network.books.acting import NETWORK, acting
from hundi.network.errors import CounterpartyNotFound
from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.identifiers import b2b_key, is_b2b_id
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.statuses import Event, Kind

EXPLICIT: Final = "EXPLICIT"
LEARNT: Final = "LEARNT"

_SELECT: Final = """
    SELECT p.customer_id, c.legal_name, c.gstin, p.b2b_id, p.source, p.learnt_from, p.changed_at, p.changed_by
      FROM network_counterparties p
      JOIN customers c ON c.seller_id = $1 AND c.customer_id = p.customer_id
     WHERE p.seller_id = $1"""
_ONE: Final = _SELECT + " AND p.customer_id = $2"
_SOME: Final = (
    "SELECT customer_id, b2b_id FROM network_counterparties WHERE seller_id = $1 AND customer_id = ANY ($2::text[])"
)
_PAGE: Final = (
    _SELECT
    + """
    AND ($2::text IS NULL OR p.customer_id > $2) ORDER BY p.customer_id LIMIT $3 OFFSET $4"""
)
_COUNT: Final = "SELECT count(*) FROM network_counterparties WHERE seller_id = $1"
_SET: Final = """
    INSERT INTO network_counterparties (seller_id, customer_id, b2b_id, source, learnt_from, changed_at, changed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT ON CONSTRAINT network_counterparties_pk DO UPDATE
       SET b2b_id = excluded.b2b_id, source = excluded.source, learnt_from = excluded.learnt_from,
           changed_at = excluded.changed_at, changed_by = excluded.changed_by
     WHERE excluded.source = 'EXPLICIT'
        OR (network_counterparties.source = 'LEARNT' AND network_counterparties.b2b_id <> excluded.b2b_id)
    RETURNING true"""
_DELETE: Final = "DELETE FROM network_counterparties WHERE seller_id = $1 AND customer_id = $2"
_BY_GSTIN: Final = """
    SELECT customer_id FROM customers WHERE seller_id = $1 AND gstin = $2 AND deleted_at IS NULL LIMIT 2"""
_OWN: Final = """
    SELECT number, data->'facts'->'identifier'->>'document' AS document, data->'facts'->'identifier'->>'value' AS value
      FROM network_objects
     WHERE seller_id = $1 AND kind = 'B2B ID' AND role = 'OWNER' AND status = 'ACTIVE'
       AND (data->'facts'->>'supplies')::boolean
     ORDER BY created_at, object_id"""
_NAMED: Final = "SELECT unnest(b2b_ids) AS number FROM network_connections WHERE seller_id = $1"


class Counterparty(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's address on the network, and how it is known; ``learnt_from`` is the object or message that said so."""

    customer_id: str
    legal_name: str
    gstin: str | None
    b2b_id: str
    source: str
    learnt_from: str | None
    changed_at: datetime
    changed_by: str


class OwnId(msgspec.Struct, frozen=True, kw_only=True):
    """A B2B ID of this company that may supply, with the identifier it stands for; None where only its provider knows."""

    number: str
    document: str | None
    value: str | None


async def one(tx: Transaction, customer_id: str) -> Counterparty:
    """Give a customer's B2B ID, or raise :class:`CounterpartyNotFound` (404)."""
    found = await tx.fetchrow(_ONE, tx.seller_id, customer_id)
    if found is None:
        raise CounterpartyNotFound
    return Counterparty(**dict(found))


async def page(tx: Transaction, *, after: str | None, limit: int, offset: int) -> tuple[list[Counterparty], int]:
    """Give a page of the known B2B IDs by customer id, and how many there are in all."""
    rows = await tx.fetch(_PAGE, tx.seller_id, after, limit, offset)
    return [Counterparty(**dict(row)) for row in rows], int(await tx.fetchval(_COUNT, tx.seller_id))


async def known(tx: Transaction, customer_ids: Sequence[str]) -> dict[str, str]:
    """Give the B2B IDs of those of these customers who have one."""
    rows = await tx.fetch(_SOME, tx.seller_id, sorted(set(customer_ids)))
    return {row["customer_id"]: row["b2b_id"] for row in rows}


async def put(tx: Transaction, who: Actor, customer_id: str, b2b_id: str) -> Counterparty:
    """Say which B2B ID a customer has. Raises ``CustomerNotFound`` (404) and :class:`Invalid` (400)."""
    customer = await customers.one(tx, tx.seller_id, customer_id)
    if not is_b2b_id(b2b_id):
        message = 'Send 1 to 100 characters, without " and \\.'
        raise Invalid(problems=[FieldProblem("b2bId", "B2B_ID_FORMAT", message, b2b_id[:100])])
    own = {b2b_key(found.number) for found in await own_ids(tx)}
    if b2b_key(b2b_id) in own:
        message = "This B2B ID is your own: send the customer's."
        raise Invalid(problems=[FieldProblem("b2bId", "B2B_ID_IS_YOURS", message, b2b_id)])
    await _write(tx, who, customer.customer_id, b2b_id, EXPLICIT, None)
    return await one(tx, customer_id)


async def forget(tx: Transaction, who: Actor, customer_id: str) -> None:
    """Forget a customer's B2B ID; it may be learnt again. Raises :class:`CounterpartyNotFound` (404)."""
    before = await one(tx, customer_id)
    await tx.execute(_DELETE, tx.seller_id, customer_id)
    facts = {"b2bId": before.b2b_id, "source": before.source}
    await audit.record(tx, who, "counterparty.forget", kind="counterparty", object_id=customer_id, before=facts)
    await audit.emit(tx, "counterparty.changed", kind="counterparty", object_id=customer_id, data={"b2bId": None})


async def own_ids(tx: Transaction) -> list[OwnId]:
    """Give the company's own B2B IDs that are in use, the first registered one first; last those its connection names."""
    found = [OwnId(**dict(row)) for row in await tx.fetch(_OWN, tx.seller_id)]
    known = {b2b_key(one.number) for one in found}
    named = [row["number"] for row in await tx.fetch(_NAMED, tx.seller_id)]
    return found + [OwnId(number=one, document=None, value=None) for one in named if b2b_key(one) not in known]


def own_id_of(own: Sequence[OwnId], gstin: str | None, udyam: str | None) -> str | None:
    """Give the B2B ID of a registration: the one for its GSTIN, else for its Udyam number; None: it has none.

    A company with one B2B ID and a registration without any identifier of its own trades under that one. Of the B2B IDs
    that a connection names it is not known what they stand for: where there is one, it is taken for what has no other.
    """
    for document, value in (("GSTIN", gstin), ("UDYAM", udyam)):
        for found in own:
            if value and found.document == document and (found.value or "").upper() == value.upper():
                return found.number
    named = [found for found in own if found.document is None]
    if len(named) == 1:
        return named[0].number
    return own[0].number if len(own) == 1 and not gstin and not udyam else None


async def learn(tx: Transaction, delivery: Delivery) -> None:
    """Take in what a delivery says about who has which B2B ID.

    A document teaches once it is accepted here, and only about a customer of whom nothing is known: anybody may send one
    that names a GSTIN no business of the network has, and our invoices would go to whoever did. A search is believed where
    it was by GSTIN alone and found one business with one B2B ID.
    """
    accepted = [change.object for change in delivery.changes if any(one.event is Event.ACCEPT for one in change.moves)]
    for found in accepted:
        # Of two parties the supplier stands first. A company's name on the network is its id, or ``server/id``.
        receiver = found.parties[0 if found.kind is Kind.ORDER else -1]
        if found.kind in _DOCUMENTS and receiver.rpartition("/")[2] == tx.seller_id:
            await _learn_from(tx, found)
    if delivery.found is not None and delivery.hook.endswith("respSearchEntity"):
        criteria = _DECODER.decode(delivery.body).get("search", {}).get("criteria", [])
        ids = [value for business in delivery.found for value, _ in business.b2b_ids]
        if len(criteria) == 1 and criteria[0].get("searchParameter") == "GSTIN" and len(ids) == 1:
            await _learnt(tx, criteria[0].get("value"), ids[0], delivery.cause, anew=True)


_DECODER: Final = msgspec.json.Decoder(dict[str, Any])
# Where the sender of a document stands in it, and which roles of ours make it the other's document.
_DOCUMENTS: Final = {
    Kind.INVOICE: ("invoice", "supplierDetails", frozenset({"BUYER", "BOTH"})),
    Kind.ORDER: ("purchaseOrder", "buyerDetails", frozenset({"SUPPLIER", "BOTH"})),
}


async def _learn_from(tx: Transaction, found: NetworkObject) -> None:
    part, details, roles = _DOCUMENTS[found.kind]
    row = (await queries.many(tx, tx.seller_id, found.kind.value, [found.id])).get(found.id)
    if row is None or row.role not in roles or row.document is None:
        return
    sender = _DECODER.decode(row.document).get(part, {}).get(details) or {}
    b2b_id = found.supplier if found.kind is Kind.INVOICE else found.buyer
    await _learnt(tx, sender.get("gstin"), b2b_id, found.id, anew=False)


async def _learnt(tx: Transaction, gstin: str | None, b2b_id: str | None, source: str, *, anew: bool) -> None:
    if not gstin or not b2b_id or not is_b2b_id(b2b_id):
        return
    rows = await tx.fetch(_BY_GSTIN, tx.seller_id, gstin.strip().upper())
    if len(rows) == 1 and (anew or not await known(tx, [rows[0]["customer_id"]])):
        who = acting(tx, NETWORK)
        await _write(tx, who, rows[0]["customer_id"], b2b_id, LEARNT, source[:100])


async def _write(
    tx: Transaction, who: Actor, customer_id: str, b2b_id: str, source: str, learnt_from: str | None
) -> None:
    changed = await tx.fetchval(_SET, tx.seller_id, customer_id, b2b_id, source, learnt_from, tx.now, who.subject)
    if not changed:
        return
    facts = {"b2bId": b2b_id, "source": source} | ({"learntFrom": learnt_from} if learnt_from else {})
    await audit.record(tx, who, "counterparty.set", kind="counterparty", object_id=customer_id, after=facts)
    await audit.emit(tx, "counterparty.changed", kind="counterparty", object_id=customer_id, data=facts)
