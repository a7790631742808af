"""The storage port in memory, for simulations and tests: a database of dictionaries with transactions.

A transaction writes into a layer of its own. ``commit`` puts the layer into the database in one step; a transaction that
is dropped instead leaves nothing behind, as after a crash.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, Final, Generic, TypeVar

import msgspec

from hundi.network.protocol.decisions import Change, Loaded, Moved, Wanted
from hundi.network.protocol.objects import BusinessFacts, NetworkObject
from hundi.network.protocol.onboarding import meets
from hundi.network.protocol.parcels import Parcel, Position
from hundi.network.protocol.store import ConcurrentChange, Outgoing

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_GONE: Final[Any] = object()


class _Table(Generic[K, V]):
    """A dictionary seen through a layer of changes."""

    __slots__ = ("base", "layer")

    def __init__(self, base: dict[K, V]) -> None:
        self.base = base
        self.layer: dict[K, Any] = {}

    def get(self, key: K) -> V | None:
        found = self.layer.get(key, _GONE) if key in self.layer else self.base.get(key, _GONE)
        return None if found is _GONE else found

    def put(self, key: K, value: V) -> None:
        self.layer[key] = value

    def drop(self, key: K) -> None:
        self.layer[key] = _GONE

    def values(self) -> Iterator[V]:
        for key, value in self.base.items():
            if key not in self.layer:
                yield value
        for value in self.layer.values():
            if value is not _GONE:
                yield value

    def commit(self) -> None:
        for key, value in self.layer.items():
            if value is _GONE:
                self.base.pop(key, None)
            else:
                self.base[key] = value


class MemoryDatabase:
    """What one end has committed. ``begin()`` opens a transaction."""

    def __init__(self) -> None:
        """Start empty."""
        self.objects: dict[str, NetworkObject] = {}
        self.documents: dict[str, bytes] = {}
        self.moves: dict[str, tuple[Moved, ...]] = {}
        self.businesses: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.seen: dict[tuple[str, str], str] = {}
        self.heights: dict[tuple[str, str], int] = {}
        self.held: dict[tuple[str, str, int], Parcel] = {}
        self.numbers: dict[tuple[str, str], int] = {}
        self.outbox: dict[str, Outgoing] = {}
        self.awaited: dict[str, tuple[str, ...]] = {}
        self.pending: dict[str, int] = {}
        self.queue: list[tuple[datetime, str]] = []

    async def begin(self) -> "MemoryStore":
        """Open a transaction."""
        return MemoryStore(self)


class MemoryStore:
    """One transaction: a :class:`CentreStore` and a :class:`PartyStore` in one."""

    _objects: _Table[str, NetworkObject]
    _documents: _Table[str, bytes]
    _moves: _Table[str, tuple[Moved, ...]]
    _businesses: _Table[str, str]
    _keys: _Table[str, str]
    _seen: _Table[tuple[str, str], str]
    _heights: _Table[tuple[str, str], int]
    _held: _Table[tuple[str, str, int], Parcel]
    _numbers: _Table[tuple[str, str], int]
    _outbox: _Table[str, Outgoing]
    _awaited: _Table[str, tuple[str, ...]]
    _pending: _Table[str, int]

    def __init__(self, database: MemoryDatabase) -> None:
        """Begin with nothing changed; a table gets its layer when it is first touched."""
        self._database = database
        self._touched: list[_Table[Any, Any]] = []

    def __getattr__(self, name: str) -> _Table[Any, Any]:
        """Give a table of the database with a layer of this transaction's own."""
        if name not in type(self).__annotations__:
            raise AttributeError(name)
        table: _Table[Any, Any] = _Table(getattr(self._database, name.removeprefix("_")))
        self._touched.append(table)
        setattr(self, name, table)
        return table

    async def commit(self) -> None:
        """Make everything written so far stand, at once."""
        for table in self._touched:
            if table.layer:
                table.commit()
        if "_outbox" in self.__dict__:
            for outgoing in self._outbox.layer.values():
                if outgoing is not _GONE:
                    heappush(self._database.queue, (outgoing.due, outgoing.id))

    async def rollback(self) -> None:
        """Forget everything written so far."""

    # ---------------------------------------------------------------- objects

    async def load(self, wanted: Wanted) -> Loaded:
        """Give what there is of it."""
        objects = {}
        for object_id in sorted(wanted.objects | wanted.parties):
            found = self._objects.get(object_id)
            if found is not None:
                objects[object_id] = found
        holders = {}
        for key in wanted.keys:
            holder = self._keys.get(key)
            if holder is not None:
                holders[key] = holder
        return Loaded(objects=objects, holders=holders, businesses=self._search(wanted))

    def _search(self, wanted: Wanted) -> tuple[NetworkObject, ...]:
        if wanted.pan is None and not wanted.criteria:
            return ()
        found = []
        for business_id in self._businesses.values():
            business = self._objects.get(business_id)
            facts = None if business is None else business.facts
            if business is None or not isinstance(facts, BusinessFacts):
                continue
            by_pan = wanted.pan is None or facts.pan == wanted.pan
            if by_pan and all(meets(facts, one.parameter, one.value) for one in wanted.criteria):
                found.append(business)
        return tuple(sorted(found, key=lambda business: business.id))

    async def put(self, change: Change, body: msgspec.Raw) -> None:
        """Write an object and append its event rows."""
        object_id = change.object.id
        before = self._objects.get(object_id)
        revision = 0 if before is None else before.revision
        if not change.moves or change.moves[0].revision != revision + 1:
            raise ConcurrentChange(object_id)
        self._objects.put(object_id, change.object)
        self._moves.put(object_id, (self._moves.get(object_id) or ()) + change.moves)
        if change.content:
            self._documents.put(object_id, bytes(body))
        if isinstance(change.object.facts, BusinessFacts):
            self._businesses.put(object_id, object_id)

    async def rename(self, object_id: str, aside: NetworkObject) -> None:
        """Keep a copy, its document and its event rows under another id."""
        self._objects.put(aside.id, aside)
        self._documents.put(aside.id, self._documents.get(object_id) or b"")
        moves = self._moves.get(object_id) or ()
        self._moves.put(aside.id, tuple(msgspec.structs.replace(moved, object_id=aside.id) for moved in moves))
        self._objects.drop(object_id)
        self._documents.drop(object_id)
        self._moves.drop(object_id)

    async def claim(self, key: str, object_id: str) -> None:
        """Note that a key belongs to an object."""
        if self._keys.get(key) not in {None, object_id}:
            raise ConcurrentChange(key)
        self._keys.put(key, object_id)

    async def release(self, key: str) -> None:
        """Free a key."""
        self._keys.drop(key)

    # ---------------------------------------------------------------- inbox

    async def seen(self, sender: str, parcel_id: str) -> str | None:
        """Give the digest of a parcel that was taken over before, or None."""
        return self._seen.get((sender, parcel_id))

    async def mark_seen(self, sender: str, parcel_id: str, digest: str, at: datetime) -> None:
        """Note that a parcel was taken over."""
        del at  # a database forgets after a time; a simulation ends before
        self._seen.put((sender, parcel_id), digest)

    async def heights(self, sender: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Give the number of the last parcel of each lane that took effect."""
        return {lane: self._heights.get((sender, lane)) or 0 for lane in lanes}

    async def raise_heights(self, sender: str, positions: Sequence[Position]) -> None:
        """Note that a parcel took effect in its lanes."""
        for position in positions:
            self._heights.put((sender, position.lane), position.number)

    async def hold(self, parcel: Parcel) -> None:
        """Keep a parcel that came before its turn."""
        for position in parcel.positions:
            self._held.put((parcel.sender, position.lane, position.number), parcel)

    async def held(self, sender: str, positions: Collection[Position]) -> Sequence[Parcel]:
        """Give the parcels kept back that have one of these places."""
        found: dict[str, Parcel] = {}
        for position in positions:
            parcel = self._held.get((sender, position.lane, position.number))
            if parcel is not None:
                found[parcel.id] = parcel
        return list(found.values())

    async def let_go(self, parcel: Parcel) -> None:
        """Drop a parcel from those kept back."""
        for position in parcel.positions:
            self._held.drop((parcel.sender, position.lane, position.number))

    # ---------------------------------------------------------------- outbox

    async def next_numbers(self, receiver: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Take the next number of each outgoing lane."""
        taken = {lane: (self._numbers.get((receiver, lane)) or 0) + 1 for lane in lanes}
        for lane, number in taken.items():
            self._numbers.put((receiver, lane), number)
        return taken

    async def put_outgoing(self, outgoing: Outgoing) -> None:
        """Put a parcel into the outbox."""
        self._outbox.put(outgoing.id, outgoing)

    async def due(self, at: datetime, limit: int) -> Sequence[Outgoing]:
        """Give committed parcels that are due, the longest due first."""
        found: list[Outgoing] = []
        queue = self._database.queue
        looked_at: list[tuple[datetime, str]] = []
        while queue and queue[0][0] <= at and len(found) < limit:
            entry = heappop(queue)
            outgoing = self._database.outbox.get(entry[1])
            if outgoing is not None and outgoing.due == entry[0] and entry not in looked_at[-1:]:
                found.append(outgoing)
                looked_at.append(entry)
        for entry in looked_at:
            heappush(queue, entry)
        return found

    async def next_due(self) -> datetime | None:
        """Say when the next committed parcel is due; None when the outbox is empty."""
        queue = self._database.queue
        while queue:
            due, parcel_id = queue[0]
            found = self._database.outbox.get(parcel_id)
            if found is not None and found.due == due:
                return due
            heappop(queue)
        return None

    async def postpone(self, parcel_id: str, attempts: int, due: datetime) -> None:
        """Note an attempt, and when the next one is due."""
        found = self._outbox.get(parcel_id)
        if found is not None:
            self._outbox.put(parcel_id, msgspec.structs.replace(found, attempts=attempts, due=due))

    async def acknowledge(self, parcel_id: str) -> bool:
        """Take a parcel out of the outbox; False when it was gone."""
        known = self._outbox.get(parcel_id) is not None
        if known:
            self._outbox.drop(parcel_id)
        return known

    # ---------------------------------------------------------------- answers

    async def pass_over(self, object_id: str, revision: int) -> None:
        """Note that the moves of an object up to this revision never came."""
        found = self._objects.get(object_id)
        if found is not None and found.revision < revision:
            self._objects.put(object_id, msgspec.structs.replace(found, revision=revision))

    async def unanswered(self, object_ids: Collection[str]) -> Collection[str]:
        """Give those of the objects about which a message of ours has no answer yet."""
        return {object_id for object_id in object_ids if self._pending.get(object_id)}

    async def await_answer(self, message_id: str, object_ids: Sequence[str], at: datetime) -> None:
        """Note that a message about these objects was sent."""
        del at
        self._awaited.put(message_id, tuple(object_ids))
        for object_id in object_ids:
            self._pending.put(object_id, (self._pending.get(object_id) or 0) + 1)

    async def answered(self, message_id: str) -> Sequence[str]:
        """Note that its answer came."""
        about = self._awaited.get(message_id)
        if about is None:
            return ()
        self._awaited.drop(message_id)
        for object_id in about:
            left = (self._pending.get(object_id) or 0) - 1
            if left > 0:
                self._pending.put(object_id, left)
            else:
                self._pending.drop(object_id)
        return about
