"""The storage port in PostgreSQL, alike for a company's side and for the central unit.

The two differ in their tables alone: a company's carry ``seller_id``, the central unit's stand in a schema of their own. So
the statements come from outside (``party_store``, ``central.store``), and ``scope`` is what their first parameters are.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from hundi.db.pool import Transaction
from hundi.network.protocol.decisions import Change, Loaded, Wanted
from hundi.network.protocol.notes import note_key
from hundi.network.protocol.objects import (
    BidFacts,
    FinancingFacts,
    InvoiceFacts,
    NetworkObject,
    NoteFacts,
    OrderFacts,
    PaymentFacts,
)
from hundi.network.protocol.parcels import Parcel, Position, encode
from hundi.network.protocol.store import ConcurrentChange, Outgoing

_OBJECT: Final = msgspec.json.Decoder(NetworkObject)
_PARCEL: Final = msgspec.json.Decoder(Parcel)


class Statements(NamedTuple):
    """The SQL of one end. Parameters after the scope stand in the order the methods below give them."""

    seen: str
    mark_seen: str
    heights: str
    raise_heights: str
    hold: str
    held: str
    let_go: str
    next_numbers: str
    put_outgoing: str
    due: str
    next_due: str
    postpone: str
    acknowledge: str
    acknowledge_all: str
    load_locked: str
    load_plain: str
    insert: str
    update: str
    append: str
    open: str
    read: str
    write: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is read in one call: objects to lock, objects to look at, holders of keys, last numbers by receiver and lane."""

    locked: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()


class Read(msgspec.Struct, kw_only=True):
    """What was found of it. ``parties`` has more than was asked for; ``pending`` are objects with an answer to come."""

    objects: dict[str, NetworkObject]
    parties: dict[str, NetworkObject]
    holders: dict[str, str]
    pending: set[str]
    numbers: dict[tuple[str, str], int]


class Opened(msgspec.Struct, kw_only=True):
    """How lanes stand: their heights, the digests of parcels seen, parcels kept back, and what was awaited by message."""

    heights: dict[str, int]
    seen: dict[str, str]
    held: list[Parcel]
    awaited: dict[str, list[str]]


class Figures(NamedTuple):
    """What lists show of an object besides its header: rupees, and the key it may be found by."""

    total: Decimal | None
    due: Decimal | None
    key: str | None


def figures(found: NetworkObject) -> Figures:
    """Give an object's total and what is due of it: of a note what is left, of a purchase order what is not invoiced."""
    facts = found.facts
    made = Figures(None, None, None)
    match facts:
        case InvoiceFacts():
            made = Figures(facts.total, facts.due, None)
        case OrderFacts():
            made = Figures(facts.total, facts.total - facts.invoiced, None)
        case NoteFacts():
            made = Figures(facts.amount, facts.left, note_key(found.buyer, found.supplier, found.number))
        case PaymentFacts():
            made = Figures(facts.total, None, None)
        case FinancingFacts():
            made = Figures(facts.amount, None, None)
        case BidFacts():
            made = Figures(facts.approved, None, None)
    return made


class PostgresStore:
    """Outbox, inbox and objects of one end, in the caller's transaction."""

    def __init__(self, tx: Transaction, statements: Statements, *scope: str) -> None:
        self.tx = tx
        self.sql = statements
        self.scope = scope

    # ---------------------------------------------------------------- inbox

    async def seen(self, sender: str, parcel_id: str) -> str | None:
        """Give the digest of a parcel that was taken over before, or None."""
        found: str | None = await self.tx.fetchval(self.sql.seen, *self.scope, sender, parcel_id)
        return found

    async def mark_seen(self, sender: str, parcel_id: str, digest: str, at: datetime) -> None:
        """Note that a parcel was taken over."""
        await self.tx.execute(self.sql.mark_seen, *self.scope, sender, parcel_id, digest, at)

    async def heights(self, sender: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Give the number of the last parcel of each lane that took effect, locked until the commit; 0 when absent."""
        if not lanes:
            return {}
        rows = await self.tx.fetch(self.sql.heights, *self.scope, sender, sorted(set(lanes)))
        return {row["lane"]: row["height"] for row in rows}

    async def raise_heights(self, sender: str, positions: Sequence[Position]) -> None:
        """Note that a parcel took effect in its lanes."""
        if positions:
            lanes, numbers = [one.lane for one in positions], [one.number for one in positions]
            await self.tx.execute(self.sql.raise_heights, *self.scope, sender, lanes, numbers)

    async def hold(self, parcel: Parcel) -> None:
        """Keep a parcel that came before its turn."""
        await self.tx.execute(
            self.sql.hold, *self.scope, parcel.sender, parcel.id, _places(parcel.positions), encode(parcel)
        )

    async def held(self, sender: str, positions: Collection[Position]) -> Sequence[Parcel]:
        """Give the parcels kept back that have one of these places, in order of place."""
        if not positions:
            return []
        rows = await self.tx.fetch(self.sql.held, *self.scope, sender, _places(positions))
        return [_PARCEL.decode(row["parcel"]) for row in rows]

    async def let_go(self, parcel: Parcel) -> None:
        """Drop a parcel from those kept back: its turn has come."""
        await self.tx.execute(self.sql.let_go, *self.scope, parcel.sender, parcel.id)

    # ---------------------------------------------------------------- outbox

    async def next_numbers(self, receiver: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Take the next number of each outgoing lane."""
        if not lanes:
            return {}
        rows = await self.tx.fetch(self.sql.next_numbers, *self.scope, receiver, sorted(set(lanes)))
        return {row["lane"]: row["last"] for row in rows}

    async def put_outgoing(self, outgoing: Outgoing) -> None:
        """Put a parcel into the outbox."""
        await self.tx.execute(
            self.sql.put_outgoing, *self.scope, outgoing.id, outgoing.receiver, outgoing.parcel, outgoing.due,
            outgoing.attempts,
        )  # fmt: skip

    async def due(self, at: datetime, limit: int) -> Sequence[Outgoing]:
        """Give parcels that are due, the longest due first, locked until the commit; those another has locked are left.

        One that was never tried is due from its birth, whatever the clock of whoever put it there said.
        """
        rows = await self.tx.fetch(self.sql.due, *self.scope, at, limit)
        return [
            Outgoing(
                id=row["parcel_id"], receiver=row["receiver"], parcel=row["parcel"], due=row["due"], attempts=row["attempts"]
            )
            for row in rows
        ]  # fmt: skip

    async def next_due(self) -> datetime | None:
        """Say when the next parcel is due; None when the outbox is empty."""
        found: datetime | None = await self.tx.fetchval(self.sql.next_due, *self.scope)
        return found

    async def postpone(self, parcel_id: str, attempts: int, due: datetime) -> None:
        """Note an attempt, and when the next one is due."""
        await self.tx.execute(self.sql.postpone, *self.scope, parcel_id, attempts, due)

    async def acknowledge(self, parcel_id: str) -> bool:
        """Take a parcel out of the outbox; False when it was gone."""
        return await self.tx.execute(self.sql.acknowledge, *self.scope, parcel_id) == "DELETE 1"

    async def acknowledge_all(self, parcel_ids: Sequence[str]) -> None:
        """Take parcels out of the outbox."""
        await self.tx.execute(self.sql.acknowledge_all, *self.scope, parcel_ids)

    # ---------------------------------------------------------------- by the set, for hundi.network.unit_of_work

    async def open(
        self, sender: str, lanes: Sequence[str], parcel_ids: Sequence[str], places: Sequence[Position],
        messages: Sequence[str],
    ) -> Opened:  # fmt: skip
        """Lock lanes until the commit and give how they stand; ``messages`` are ours that are being answered."""
        asked: tuple[Any, ...] = (sender, lanes, parcel_ids, _places(places))
        found = Opened(heights={}, seen={}, held=[], awaited={})
        for what, key, value, parcel in await self.tx.fetch(self.sql.open, *self.scope, *asked, *self._own(messages)):
            if what == "height":
                found.heights[key] = int(value)
            elif what == "seen":
                found.seen[key] = value
            elif what == "held":
                found.held.append(_PARCEL.decode(parcel))
            else:
                found.awaited.setdefault(key, []).append(value)
        return found

    def _own(self, messages: Sequence[str]) -> tuple[Any, ...]:
        """Give the further parameters of ``open``."""
        del messages
        return ()

    async def read(self, asked: Asked) -> Read:
        """Give what there is of it, in one call."""
        receivers, lanes = [pair[0] for pair in asked.numbers], [pair[1] for pair in asked.numbers]
        rows = await self.tx.fetch(self.sql.read, *self.scope, asked.locked, asked.plain, asked.keys, receivers, lanes)
        found = Read(objects={}, parties={}, holders={}, pending=set(), numbers={})
        for what, key, value, more in rows:
            if what == "object":
                found.objects[key] = _OBJECT.decode(value)
            elif what == "party":
                if key not in found.parties:
                    found.parties[key] = _OBJECT.decode(value)
            elif what == "holder":
                found.holders[key] = value
            elif what == "number":
                found.numbers[key, value] = int(more)
            else:
                found.pending.add(key)
        return found

    async def write(
        self, new: str | None, old: str | None, events: str | None, mail: str | None, parcels: Sequence[bytes]
    ) -> bool:
        """Write what a unit left behind, as JSON: objects, moves, all else; False when another transaction was quicker."""
        done: bool = await self.tx.fetchval(self.sql.write, *self.scope, new, old, events, mail or "{}", parcels)
        return done

    def columns(self, found: NetworkObject) -> Mapping[str, Any]:
        """Give the further columns of an object's row by name."""
        del found
        return {}

    def key_of(self, found: NetworkObject) -> str | None:
        """Give the key an object may be found by where no claim says whose it is; None: there is none."""
        del found
        return None

    async def note_words(self, found: NetworkObject) -> None:
        """Write the words an object is found by, where it has some."""

    async def search(self, wanted: Wanted) -> tuple[NetworkObject, ...]:
        """Give businesses by PAN or by a search."""
        return await self._businesses(wanted)

    async def awaited(self, message_id: str) -> Sequence[str]:
        """Give the objects a message of ours is about that has no answer yet."""
        del message_id
        return ()

    # ---------------------------------------------------------------- objects

    async def load(self, wanted: Wanted) -> Loaded:
        """Give what there is of it; ``objects`` are locked in order of id, ``parties`` are only read."""
        objects: dict[str, NetworkObject] = {}
        for statement, ids in (
            (self.sql.load_locked, wanted.objects),
            (self.sql.load_plain, wanted.parties - wanted.objects),
        ):
            if ids:
                for row in await self.tx.fetch(statement, *self.scope, sorted(ids)):
                    found = _OBJECT.decode(row["data"])
                    objects[found.id] = found
        holders = await self._holders(wanted.keys) if wanted.keys else {}
        businesses = await self._businesses(wanted) if wanted.pan is not None or wanted.criteria else ()
        return Loaded(objects=objects, holders=holders, businesses=businesses)

    async def _holders(self, keys: Collection[str]) -> dict[str, str]:
        """Give who holds keys."""
        del keys
        return {}

    async def _businesses(self, wanted: Wanted) -> tuple[NetworkObject, ...]:
        """Give businesses by PAN or by a search."""
        del wanted
        return ()

    async def rename(self, object_id: str, aside: NetworkObject) -> None:
        """Keep a copy under another id: a company's may have to make room, the central unit's never."""
        del aside
        raise ConcurrentChange(object_id)

    async def pass_over(self, object_id: str, revision: int) -> None:
        """Note that moves of a copy never came: a company's may be lost, the central unit makes its own."""
        del revision
        raise ConcurrentChange(object_id)

    async def put(self, change: Change, body: msgspec.Raw) -> None:
        """Write an object and append its event rows; where the change is of content, ``body`` is its document now.

        Raises :class:`ConcurrentChange` unless the stored revision is the one before the first of the moves.
        """
        found = change.object
        if not change.moves:
            raise ConcurrentChange(found.id)
        before = change.moves[0].revision - 1
        shared = (*self.scope, found.id, found.status, found.version, found.revision, *self._columns(found))
        data = msgspec.json.encode(found).decode()
        at = change.moves[-1].at
        if before == 0:
            done = await self.tx.execute(self.sql.insert, *shared, data, bytes(body).decode(), at, found.kind)
        else:
            document = bytes(body).decode() if change.content else None
            done = await self.tx.execute(self.sql.update, *shared, data, document, at, before)
        if not done.endswith(" 1"):
            raise ConcurrentChange(found.id)
        await self._append(change)

    def _columns(self, found: NetworkObject) -> tuple[Any, ...]:
        """Give the further columns of an object's row."""
        del found
        return ()

    async def _append(self, change: Change) -> None:
        moves = change.moves
        await self.tx.execute(
            self.sql.append, *self.scope, change.object.id, [one.revision for one in moves],
            [one.event.value for one in moves], [one.actor.value for one in moves], [str(one.before) for one in moves],
            [str(one.after) for one in moves], [one.version for one in moves], [one.amount for one in moves],
            [one.at for one in moves], [one.message_id for one in moves],
        )  # fmt: skip


def decoded(data: str) -> NetworkObject:
    """Read an object as it is stored."""
    return _OBJECT.decode(data)


def _places(positions: Collection[Position]) -> list[str]:
    return [f"{one.lane}#{one.number}" for one in positions]
