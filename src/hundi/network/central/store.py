"""The central unit's side of the storage port: the authoritative copies, keyed by object id and by home."""

from collections.abc import Collection
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.network.postgres import PostgresStore, Statements, decoded
from hundi.network.protocol.decisions import Change, Wanted
from hundi.network.protocol.objects import BusinessFacts, NetworkObject
from hundi.network.protocol.store import ConcurrentChange

CENTRAL: Final = Statements(
    seen="SELECT digest FROM central.inbox WHERE sender = $1 AND parcel_id = $2",
    mark_seen="INSERT INTO central.inbox (sender, parcel_id, digest, at) VALUES ($1, $2, $3, $4)",
    heights="""
        INSERT INTO central.heights (sender, lane, height) SELECT $1, l, 0 FROM unnest($2::text[]) AS l
        ON CONFLICT ON CONSTRAINT heights_pk DO UPDATE SET height = heights.height
        RETURNING lane, height""",
    raise_heights="""
        UPDATE central.heights AS h SET height = p.number FROM unnest($2::text[], $3::bigint[]) AS p (lane, number)
         WHERE h.sender = $1 AND h.lane = p.lane""",
    hold="INSERT INTO central.held (sender, parcel_id, places, parcel) VALUES ($1, $2, $3, $4)",
    held="""
        SELECT parcel FROM central.held WHERE sender = $1 AND places && $2::text[] ORDER BY parcel_id FOR UPDATE""",
    let_go="DELETE FROM central.held WHERE sender = $1 AND parcel_id = $2",
    next_numbers="""
        INSERT INTO central.numbers (receiver, lane, last) SELECT $1, l, 1 FROM unnest($2::text[]) AS l
        ON CONFLICT ON CONSTRAINT numbers_pk DO UPDATE SET last = numbers.last + 1
        RETURNING lane, last""",
    put_outgoing="INSERT INTO central.outbox (parcel_id, receiver, parcel, due, attempts) VALUES ($1, $2, $3, $4, $5)",
    due="""
        SELECT parcel_id, receiver, parcel, due, attempts FROM central.outbox
         WHERE due <= $1 OR attempts = 0 OR due > $1::timestamptz + interval '2 hours'
         ORDER BY due, parcel_id LIMIT $2 FOR UPDATE SKIP LOCKED""",
    next_due="SELECT min(due) FROM central.outbox",
    postpone="UPDATE central.outbox SET attempts = $2, due = $3 WHERE parcel_id = $1",
    acknowledge="DELETE FROM central.outbox WHERE parcel_id = $1",
    acknowledge_all="DELETE FROM central.outbox WHERE parcel_id = ANY ($1)",
    load_locked="SELECT data::text AS data FROM central.objects WHERE object_id = ANY ($1) ORDER BY object_id FOR UPDATE",
    load_plain="SELECT data::text AS data FROM central.objects WHERE object_id = ANY ($1)",
    insert="""
        INSERT INTO central.objects (object_id, status, version, revision, data, document, created_at, changed_at, kind)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
        ON CONFLICT ON CONSTRAINT objects_pk DO NOTHING""",
    update="""
        UPDATE central.objects
           SET status = $2, version = $3, revision = $4, data = $5, document = coalesce($6::jsonb, document),
               changed_at = $7
         WHERE object_id = $1 AND revision = $8""",
    append="""
        INSERT INTO central.events (object_id, revision, event, actor, before, after, version, amount, at, message_id)
        SELECT $1, m.revision, m.event, m.actor, m.before, m.after, m.version, m.amount, m.at, m.message_id
          FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::numeric[],
                      $9::timestamptz[], $10::text[])
               AS m (revision, event, actor, before, after, version, amount, at, message_id)""",
    open="SELECT what, id, value, parcel FROM central.open($1, $2, $3, $4)",
    read="SELECT what, id, value, more FROM central.read($1, $2, $3, $4, $5)",
    write="SELECT central.write($1, $2, $3, $4, $5)",
)
_CLAIM: Final = """
    INSERT INTO central.claims AS c (key, object_id) VALUES ($1, $2)
    ON CONFLICT ON CONSTRAINT claims_pk DO UPDATE SET object_id = c.object_id
    RETURNING object_id"""
_RELEASE: Final = "DELETE FROM central.claims WHERE key = $1"
_HOLDERS: Final = "SELECT key, object_id FROM central.claims WHERE key = ANY ($1)"
_FORGET_WORDS: Final = "DELETE FROM central.words WHERE object_id = $1"
_WORDS: Final = """
    INSERT INTO central.words (parameter, value, object_id) SELECT w.parameter, w.value, $3
      FROM unnest($1::text[], $2::text[]) AS w (parameter, value)
    ON CONFLICT ON CONSTRAINT words_pk DO NOTHING"""
# A business is found when every criterion has a word of it.
_SEARCH: Final = """
    SELECT o.data::text AS data FROM central.objects o
     WHERE o.object_id IN (
           SELECT w.object_id FROM central.words w
             JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS c (parameter, value, place)
               ON w.parameter = c.parameter AND w.value = c.value
            GROUP BY w.object_id HAVING count(DISTINCT c.place) = cardinality($1::text[]))
     ORDER BY o.created_at, o.object_id LIMIT 100"""
COPIES: Final = """
    SELECT o.object_id, o.data::text AS data, o.document::text AS document, m.revision, m.event, m.actor, m.before,
           m.after, m.version, m.amount, m.at, m.message_id
      FROM central.objects o JOIN central.events m ON m.object_id = o.object_id
     ORDER BY o.object_id COLLATE "C", m.revision"""
"""Everything the unit has, with its moves: a simulation's final accounts, never a running network's."""
OPEN: Final = """
    SELECT data::text AS data FROM central.objects
     WHERE kind || '/' || status <> ALL ($1::text[]) ORDER BY object_id COLLATE "C" """
"""What something can still happen to; the parameter has what is over, as kind/status."""
LEFTOVERS: Final = """
    SELECT (SELECT count(*) FROM central.outbox) AS outgoing, (SELECT count(*) FROM central.held) AS held,
           0::bigint AS unanswered"""
_PAN: Final = "PAN"


class PostgresCentreStore(PostgresStore):
    """What the central unit asks of its database."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx, CENTRAL)

    async def _holders(self, keys: Collection[str]) -> dict[str, str]:
        rows = await self.tx.fetch(_HOLDERS, sorted(keys))
        return {row["key"]: row["object_id"] for row in rows}

    async def _businesses(self, wanted: Wanted) -> tuple[NetworkObject, ...]:
        asked = [(one.parameter, one.value) for one in wanted.criteria]
        if wanted.pan is not None:
            asked.append((_PAN, wanted.pan))
        parameters, values = [name for name, _ in asked], [value.strip().upper() for _, value in asked]
        return tuple(decoded(row["data"]) for row in await self.tx.fetch(_SEARCH, parameters, values))

    async def put(self, change: Change, body: msgspec.Raw) -> None:
        """Write an object and its event rows; of a business also the words it is found by."""
        await super().put(change, body)
        await self.note_words(change.object)

    async def note_words(self, found: NetworkObject) -> None:
        """Write the words a business is found by; nothing else has any."""
        if isinstance(found.facts, BusinessFacts):
            words = sorted(_words(found.facts))
            await self.tx.execute(_FORGET_WORDS, found.id)
            await self.tx.execute(_WORDS, [one[0] for one in words], [one[1] for one in words], found.id)

    async def claim(self, key: str, object_id: str) -> None:
        """Note that a key belongs to an object; it is free or the object's own. Raises :class:`ConcurrentChange`."""
        if await self.tx.fetchval(_CLAIM, key, object_id) != object_id:
            raise ConcurrentChange(key)

    async def release(self, key: str) -> None:
        """Free a key."""
        await self.tx.execute(_RELEASE, key)


def _words(facts: BusinessFacts) -> set[tuple[str, str]]:
    found = {(_PAN, facts.pan), ("NAME", facts.name), ("NAME", facts.alias)}
    found |= {("B2B ID", value) for value in facts.b2b_ids}
    found |= {("EMAIL", value) for value in facts.emails}
    found |= {("CONTACT NUMBER", value) for value in facts.contact_numbers}
    found |= {(one.document, one.value) for one in (facts.primary, *facts.others)}
    return {(parameter, value.strip().upper()) for parameter, value in found if value.strip()}
