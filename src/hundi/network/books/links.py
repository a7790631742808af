"""Which invoice of the books is which object of the network."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from hundi.db.pool import Transaction
from hundi.network.protocol.identifiers import Prefix

_SELECT: Final = """
    SELECT l.invoice_id, l.round, l.object_id, l.message_id, l.delivery_id, l.pending, l.digest, l.revision,
           o.status, o.version
      FROM network_invoices l
      JOIN network_objects o ON o.seller_id = $1 AND o.object_id = l.object_id
     WHERE l.seller_id = $1"""
_LATEST: Final = (
    _SELECT
    + """ AND l.invoice_id = ANY ($2::text[])
       AND NOT EXISTS (SELECT FROM network_invoices later
                        WHERE later.seller_id = $1 AND later.invoice_id = l.invoice_id AND later.round > l.round)"""
)
_BY_OBJECT: Final = _SELECT + " AND l.object_id = ANY ($2::text[]) ORDER BY l.object_id FOR UPDATE OF l"
_BY_MESSAGE: Final = _SELECT + " AND l.message_id = $2 AND l.pending IS NOT NULL FOR UPDATE OF l"
_AMONG: Final = "SELECT object_id FROM network_invoices WHERE seller_id = $1 AND object_id = ANY ($2::text[])"
# The objects before the invoices, as whoever brings news of them locks them.
_HOLD: Final = """
    SELECT 1 FROM network_objects WHERE seller_id = $1 AND object_id = ANY ($2::text[]) ORDER BY object_id
       FOR NO KEY UPDATE"""
# The invoices in the order of their ids, as every verb on many of them locks them.
_HOLD_INVOICES: Final = """
    SELECT 1 FROM invoices WHERE seller_id = $1 AND invoice_id = ANY (ARRAY(
        SELECT invoice_id FROM network_invoices WHERE seller_id = $1 AND object_id = ANY ($2::text[])))
     ORDER BY invoice_id FOR UPDATE"""
_INSERT_ALL: Final = """
    INSERT INTO network_invoices (seller_id, invoice_id, round, object_id, message_id, delivery_id, pending, created_at,
                                  changed_at)
    SELECT $1, l.invoice_id, l.round, l.object_id, l.message_id, l.delivery_id, l.pending, $2, $2
      FROM unnest($3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[])
           AS l (invoice_id, round, object_id, message_id, delivery_id, pending)"""
_AGAIN: Final = """
    UPDATE network_invoices SET message_id = $3, delivery_id = $4, pending = $5, changed_at = $6
     WHERE seller_id = $1 AND object_id = $2"""
_ANSWERED: Final = """
    UPDATE network_invoices SET pending = NULL, digest = coalesce($3, digest), changed_at = $4
     WHERE seller_id = $1 AND object_id = $2"""
_FOLLOWED: Final = """
    UPDATE network_invoices SET revision = $3, changed_at = $4 WHERE seller_id = $1 AND object_id = $2"""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as an object. ``pending`` is the digest of what is under way, ``digest`` of what the buyer has.

    ``revision`` is the last move the books followed; ``status`` and ``version`` are those of our copy of the object.
    """

    invoice_id: str
    round: int
    object_id: str
    message_id: str
    delivery_id: str
    pending: str | None
    digest: str | None
    revision: int
    status: str
    version: int


def object_id_of(seller_id: str, invoice_id: str, number: int) -> str:
    """Give the id of the object an invoice is sent as: the same each time, so that it cannot be sent twice."""
    digest = hashlib.sha256(f"{seller_id}\x1f{invoice_id}\x1f{number}".encode()).hexdigest()
    return f"{Prefix.INVOICE}{digest[:32]}"


async def latest(tx: Transaction, invoice_ids: Sequence[str]) -> dict[str, Link]:
    """Give the objects these invoices are, those that were sent at all."""
    return {row["invoice_id"]: Link(**dict(row)) for row in await tx.fetch(_LATEST, tx.seller_id, list(invoice_ids))}


async def held(tx: Transaction, invoice_ids: Sequence[str]) -> dict[str, Link]:
    """Give the same with the objects locked."""
    found = await latest(tx, invoice_ids)
    if found:
        await tx.fetch(_HOLD, tx.seller_id, [link.object_id for link in found.values()])
        found = await latest(tx, invoice_ids)
    return found


async def hold(tx: Transaction, object_ids: Sequence[str]) -> None:
    """Lock these objects, then the invoices that are among them: the order in which news of them is taken in.

    Whoever is going to lock several of both, one after the other, calls this first; else two may wait for each other.
    """
    named = sorted(set(object_ids))
    if named:
        await tx.fetch(_HOLD, tx.seller_id, named)
        await tx.fetch(_HOLD_INVOICES, tx.seller_id, named)


async def hold_known(tx: Transaction, object_ids: Sequence[str]) -> frozenset[str]:
    """Lock the invoices that are among these objects, whose own rows the caller has locked; gives the objects that are any.

    An object that is an invoice of the books was made as one in the same commit, so none becomes one afterwards.
    """
    known = frozenset(row["object_id"] for row in await tx.fetch(_AMONG, tx.seller_id, list(object_ids)))
    if known:
        await tx.fetch(_HOLD_INVOICES, tx.seller_id, sorted(known))
    return known


async def of_objects(tx: Transaction, object_ids: Sequence[str]) -> dict[str, Link]:
    """Give the invoices that these objects are, by object id and locked; what is none of ours is left out."""
    return {row["object_id"]: Link(**dict(row)) for row in await tx.fetch(_BY_OBJECT, tx.seller_id, list(object_ids))}


async def awaiting(tx: Transaction, message_id: str) -> Link | None:
    """Give the invoice whose sending waits for the answer to this message."""
    row = await tx.fetchrow(_BY_MESSAGE, tx.seller_id, message_id)
    return None if row is None else Link(**dict(row))


class Sent(NamedTuple):
    """An invoice that was sent for the ``number``-th time as something new, under this object id."""

    invoice_id: str
    number: int
    object_id: str
    message_id: str
    delivery_id: str
    pending: str


async def sent(tx: Transaction, all_: Sequence[Sent]) -> None:
    """Note what was sent as something new."""
    await tx.execute(_INSERT_ALL, tx.seller_id, tx.now, *([one[at] for one in all_] for at in range(len(Sent._fields))))


async def sent_again(tx: Transaction, object_id: str, *, message_id: str, delivery_id: str, pending: str) -> None:
    """Note that a correction of an object was sent."""
    await tx.execute(_AGAIN, tx.seller_id, object_id, message_id, delivery_id, pending, tx.now)


async def answered(tx: Transaction, link: Link, *, arrived: bool) -> None:
    """Note that what was under way has arrived, or was refused."""
    await tx.execute(_ANSWERED, tx.seller_id, link.object_id, link.pending if arrived else None, tx.now)


async def followed(tx: Transaction, object_id: str, revision: int) -> None:
    """Note how far the books have followed an object."""
    await tx.execute(_FOLLOWED, tx.seller_id, object_id, revision, tx.now)
