"""A company's side of the storage port: its copies, outbox and inbox, under its own row-level security."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.network.postgres import PostgresStore, Statements, figures
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.statuses import Kind

PARTY: Final = Statements(
    seen="SELECT digest FROM network_inbox WHERE seller_id = $1 AND sender = $2 AND parcel_id = $3",
    mark_seen="INSERT INTO network_inbox (seller_id, sender, parcel_id, digest, at) VALUES ($1, $2, $3, $4, $5)",
    heights="""
        INSERT INTO network_heights (seller_id, sender, lane, height)
        SELECT $1, $2, l, 0 FROM unnest($3::text[]) AS l
        ON CONFLICT ON CONSTRAINT network_heights_pk DO UPDATE SET height = network_heights.height
        RETURNING lane, height""",
    raise_heights="""
        UPDATE network_heights AS h SET height = p.number
          FROM unnest($3::text[], $4::bigint[]) AS p (lane, number)
         WHERE h.seller_id = $1 AND h.sender = $2 AND h.lane = p.lane""",
    hold="INSERT INTO network_held (seller_id, sender, parcel_id, places, parcel) VALUES ($1, $2, $3, $4, $5)",
    held="""
        SELECT parcel FROM network_held
         WHERE seller_id = $1 AND sender = $2 AND places && $3::text[] ORDER BY parcel_id FOR UPDATE""",
    let_go="DELETE FROM network_held WHERE seller_id = $1 AND sender = $2 AND parcel_id = $3",
    next_numbers="""
        INSERT INTO network_numbers (seller_id, receiver, lane, last)
        SELECT $1, $2, l, 1 FROM unnest($3::text[]) AS l
        ON CONFLICT ON CONSTRAINT network_numbers_pk DO UPDATE SET last = network_numbers.last + 1
        RETURNING lane, last""",
    put_outgoing="""
        INSERT INTO network_outbox (seller_id, parcel_id, receiver, parcel, due, attempts)
        VALUES ($1, $2, $3, $4, $5, $6)""",
    due="""
        SELECT parcel_id, receiver, parcel, due, attempts FROM network_outbox
         WHERE seller_id = $1 AND (due <= $2 OR attempts = 0 OR due > $2::timestamptz + interval '2 hours')
         ORDER BY due, parcel_id LIMIT $3 FOR UPDATE SKIP LOCKED""",
    next_due="SELECT min(due) FROM network_outbox WHERE seller_id = $1",
    postpone="UPDATE network_outbox SET attempts = $3, due = $4 WHERE seller_id = $1 AND parcel_id = $2",
    acknowledge="DELETE FROM network_outbox WHERE seller_id = $1 AND parcel_id = $2",
    acknowledge_all="DELETE FROM network_outbox WHERE seller_id = $1 AND parcel_id = ANY ($2)",
    load_locked="""
        SELECT data::text AS data FROM network_objects
         WHERE seller_id = $1 AND object_id = ANY ($2) ORDER BY object_id FOR NO KEY UPDATE""",
    load_plain="SELECT data::text AS data FROM network_objects WHERE seller_id = $1 AND object_id = ANY ($2)",
    insert="""
        INSERT INTO network_objects (seller_id, object_id, status, version, revision, number, supplier, buyer, role,
                                     total, due, key, data, document, created_at, changed_at, kind)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16)
        ON CONFLICT ON CONSTRAINT network_objects_pk DO NOTHING""",
    update="""
        UPDATE network_objects
           SET status = $3, version = $4, revision = $5, number = $6, supplier = $7, buyer = $8, role = $9,
               total = $10, due = $11, key = $12, data = $13, document = coalesce($14::jsonb, document), changed_at = $15
         WHERE seller_id = $1 AND object_id = $2 AND revision = $16""",
    append="""
        INSERT INTO network_events (seller_id, object_id, revision, event, actor, before, after, version, amount, at,
                                    message_id)
        SELECT $1, $2, m.revision, m.event, m.actor, m.before, m.after, m.version, m.amount, m.at, m.message_id
          FROM unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::numeric[],
                      $10::timestamptz[], $11::text[])
               AS m (revision, event, actor, before, after, version, amount, at, message_id)""",
    open="SELECT what, id, value, parcel FROM network_open($1, $2, $3, $4, $5, $6)",
    read="SELECT what, id, value, more FROM network_read($1, $2, $3, $4, $5, $6)",
    write="SELECT network_write($1, $2, $3, $4, $5, $6)",
)
# What was never tried, or seems to be put off for longer than anything is, is due (TOO_FAR in hundi.network.outbox).
_NOT_YET: Final = """
    SELECT min(due) FROM network_outbox
     WHERE seller_id = $1 AND due > $2 AND attempts > 0 AND due <= $2::timestamptz + interval '2 hours'"""
_KEYS: Final = "SELECT key, object_id FROM network_objects WHERE seller_id = $1 AND key = ANY ($2)"
_OVERTAKE: Final = "UPDATE network_objects SET revision = $3 WHERE seller_id = $1 AND object_id = $2 AND revision < $3"
_PENDING: Final = "SELECT DISTINCT object_id FROM network_awaiting WHERE seller_id = $1 AND object_id = ANY ($2)"
_AWAIT: Final = """
    INSERT INTO network_awaiting (seller_id, message_id, object_id, since)
    SELECT $1, $2, o, $4 FROM unnest($3::text[]) AS o"""
_AWAITED: Final = """
    SELECT object_id FROM network_awaiting WHERE seller_id = $1 AND message_id = $2 ORDER BY object_id"""
_ANSWERED: Final = "DELETE FROM network_awaiting WHERE seller_id = $1 AND message_id = $2 RETURNING object_id"


_RENAME: Final = """
    UPDATE network_objects SET object_id = $3, data = $4 WHERE seller_id = $1 AND object_id = $2"""
_RENAME_EVENTS: Final = "UPDATE network_events SET object_id = $3 WHERE seller_id = $1 AND object_id = $2"

_OWNED: Final = frozenset({Kind.BUSINESS, Kind.B2B_ID})
_ASKED: Final = frozenset({Kind.FINANCING, Kind.BID})


def role_of(found: NetworkObject, home: str) -> str:
    """Say what a company is in an object: SUPPLIER, BUYER, BOTH (two businesses of its own), INITIATOR, FA, or OWNER."""
    if found.kind in _OWNED:
        return "OWNER"
    first, second = ("INITIATOR", "FA") if found.kind in _ASKED else ("SUPPLIER", "BUYER")
    if len(set(found.parties)) == 1 and found.kind not in _ASKED:
        return "BOTH"
    return first if found.parties[0] == home else second


class PostgresPartyStore(PostgresStore):
    """What a party asks of its database; the transaction is bound to the company.

    ``home`` is the company's name on the network; inside one installation, its id.
    """

    def __init__(self, tx: Transaction, home: str | None = None) -> None:
        super().__init__(tx, PARTY, tx.seller_id)
        self.home = tx.seller_id if home is None else home

    async def next_due_after(self, at: datetime) -> datetime | None:
        """Say when the next parcel is to be looked at of those that are not due at an instant."""
        found: datetime | None = await self.tx.fetchval(_NOT_YET, *self.scope, at)
        return found

    async def _holders(self, keys: Collection[str]) -> dict[str, str]:
        rows = await self.tx.fetch(_KEYS, *self.scope, sorted(keys))
        return {row["key"]: row["object_id"] for row in rows}

    def _columns(self, found: NetworkObject) -> tuple[Any, ...]:
        return (found.number, found.supplier, found.buyer, role_of(found, self.home), *figures(found))

    async def pass_over(self, object_id: str, revision: int) -> None:
        """Note that the moves of an object up to this revision never came."""
        await self.tx.execute(_OVERTAKE, *self.scope, object_id, revision)

    async def rename(self, object_id: str, aside: NetworkObject) -> None:
        """Keep a copy, its document and its event rows under another id."""
        data = msgspec.json.encode(aside).decode()
        await self.tx.execute(_RENAME, *self.scope, object_id, aside.id, data)
        await self.tx.execute(_RENAME_EVENTS, *self.scope, object_id, aside.id)

    def _own(self, messages: Sequence[str]) -> tuple[Any, ...]:
        return (messages,)

    def columns(self, found: NetworkObject) -> Mapping[str, Any]:
        """Give the further columns of an object's row by name."""
        total, due, key = figures(found)
        return {
            "number": found.number, "supplier": found.supplier, "buyer": found.buyer,
            "role": role_of(found, self.home), "total": total, "due": due, "key": key,
        }  # fmt: skip

    def key_of(self, found: NetworkObject) -> str | None:
        """Give the key a note may be found by: its number between its two parties."""
        return figures(found).key

    async def awaited(self, message_id: str) -> Sequence[str]:
        """Give the objects a message of ours is about that has no answer yet."""
        return [row["object_id"] for row in await self.tx.fetch(_AWAITED, *self.scope, message_id)]

    async def unanswered(self, object_ids: Collection[str]) -> Collection[str]:
        """Give those of the objects about which a message of ours has no answer yet."""
        rows = await self.tx.fetch(_PENDING, *self.scope, sorted(object_ids))
        return {row["object_id"] for row in rows}

    async def await_answer(self, message_id: str, object_ids: Sequence[str], at: datetime) -> None:
        """Note that a message about these objects was sent."""
        await self.tx.execute(_AWAIT, *self.scope, message_id, list(dict.fromkeys(object_ids)), at)

    async def answered(self, message_id: str) -> Sequence[str]:
        """Note that its answer came; gives the objects it was about, none when no answer was awaited."""
        return [row["object_id"] for row in await self.tx.fetch(_ANSWERED, *self.scope, message_id)]
