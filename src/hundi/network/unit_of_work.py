"""The storage port for many parcels in one transaction: what is asked is read by the set, what is left behind is written once.

A unit stands between the rules and :class:`hundi.network.postgres.PostgresStore`. It remembers every row it has seen, so
that a parcel finds what the one before it in the same transaction has made of it, and :meth:`UnitOfWork.flush` writes all
of it in one call. Nothing is in the database before that. Objects, numbers and keys are compared with what was read when
they are written: whoever was quicker wins, and the other begins again (:class:`ConcurrentChange`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.network.postgres import Asked, PostgresStore
from hundi.network.protocol.deciding import neighbours, subjects, wanted
from hundi.network.protocol.decisions import Change, Loaded, Moved, Wanted
from hundi.network.protocol.gathering import gather_ahead
from hundi.network.protocol.messages import Call
from hundi.network.protocol.objects import B2bIdFacts, NetworkObject
from hundi.network.protocol.parcels import Parcel, Position
from hundi.network.protocol.store import ConcurrentChange, Outgoing

_ENCODER: Final = msgspec.json.Encoder()
_NOTHING_ASKED: Final = Asked()


class _Changed:
    """An object that was put: as it was read (``before`` is its revision, 0 for a new one), and as it is to be."""

    __slots__ = ("at", "before", "born", "document", "moves", "object")

    def __init__(self, before: int, at: datetime) -> None:
        self.before = before
        self.born = at
        self.at = at
        self.document: msgspec.Raw | None = None
        self.moves: list[Moved] = []
        self.object: NetworkObject | None = None


class UnitOfWork:
    """One transaction of one end, for either of them: a :class:`CentreStore` and a :class:`PartyStore`.

    ``receivers`` are the homes for which a parcel was put into the outbox, ``born`` the objects that were put first here.
    """

    def __init__(self, store: PostgresStore) -> None:
        """Begin with nothing read and nothing to write."""
        self.store = store
        self.receivers: dict[str, None] = {}
        self.born: list[NetworkObject] = []
        self._objects: dict[str, NetworkObject | None] = {}
        self._locked: set[str] = set()
        self._changed: dict[str, _Changed] = {}
        self._holders: dict[str, str | None] = {}
        self._claims: dict[str, str | None] = {}
        self._seen: dict[tuple[str, str], str | None] = {}
        self._inbox: list[dict[str, Any]] = []
        self._heights: dict[tuple[str, str], int] = {}
        self._raised: set[tuple[str, str]] = set()
        self._held: dict[tuple[str, str, int], Parcel | None] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._numbers_before: dict[tuple[str, str], int] = {}
        self._outbox: dict[str, Outgoing] = {}
        self._taken: list[str] = []
        self._pending: dict[str, bool] = {}
        self._awaited: dict[str, list[str]] = {}
        self._awaiting: dict[str, tuple[list[str], datetime]] = {}
        self._answered: list[str] = []

    # ---------------------------------------------------------------- reading ahead

    async def expect(self, parcels: Sequence[Parcel]) -> None:
        """Read at once what taking these parcels in will ask for; without it each asks for itself."""
        by_sender: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            by_sender.setdefault(parcel.sender, []).append(parcel)
        for sender, its in sorted(by_sender.items()):
            await self._open(sender, its)
        calls = [(parcel.sender, parcel.message) for parcel in parcels if parcel.message is not None]
        if calls:
            await gather_ahead(self, [message for _, message in calls])
            await self._ask_numbers({pair for sender, message in calls for pair in self._answers_of(sender, message)})
        changed = {change.object.id for one in parcels if one.delivery is not None for change in one.delivery.changes}
        if changed:
            await self.load(Wanted(objects=frozenset(changed)))

    async def expect_to_send(self, receiver: str, message: Call) -> None:
        """Read at once what sending a message of ours will ask for."""
        lanes = subjects(message)
        await self._read(
            msgspec.structs.replace(
                _asked(wanted(message)), numbers=tuple((receiver, lane) for lane in dict.fromkeys(lanes))
            )
        )
        await gather_ahead(self, [message])

    async def expect_all_to_send(self, receiver: str, messages: Sequence[Call]) -> None:
        """Read at once what sending these messages of ours will ask for."""
        await self._ask_numbers({(receiver, lane) for message in messages for lane in subjects(message)})
        await gather_ahead(self, messages)

    async def _open(self, sender: str, parcels: Sequence[Parcel]) -> None:
        """Lock the lanes of parcels, and see what was seen, kept back and awaited of them."""
        lanes = {position.lane for parcel in parcels for position in parcel.positions}
        places = {Position(position.lane, position.number + 1) for parcel in parcels for position in parcel.positions}
        requests = [
            parcel.delivery.resp.request_id
            for parcel in parcels
            if parcel.delivery is not None and parcel.delivery.resp is not None
        ]
        ids = [parcel.id for parcel in parcels]
        found = await self.store.open(sender, sorted(lanes), ids, list(places), requests)
        self._heights |= {(sender, lane): found.heights.get(lane, 0) for lane in lanes}
        self._seen |= {(sender, one): found.seen.get(one) for one in ids}
        self._remember_held(sender, places, found.held)
        self._awaited |= {one: list(found.awaited.get(one, ())) for one in requests}

    def _answers_of(self, sender: str, message: Call) -> Iterable[tuple[str, str]]:
        """Give the lanes in which an answer to a message, or word of it, may go out: whose parties are known by now."""
        asked = wanted(message)
        about = dict.fromkeys((*subjects(message), *asked.objects))
        homes = {sender}
        for object_id in tuple(about):
            found = self._objects.get(object_id)
            if found is not None:
                homes.update(found.parties)
                about |= dict.fromkeys(neighbours(found).objects)
        for object_id in asked.parties:
            party = self._objects.get(object_id)
            if party is not None and isinstance(party.facts, B2bIdFacts):
                homes.add(party.facts.home)
        return ((home, lane) for home in homes for lane in about)

    async def _ask_numbers(self, pairs: Collection[tuple[str, str]]) -> None:
        missing = sorted(pair for pair in pairs if pair not in self._numbers)
        if missing:
            await self._read(Asked(numbers=tuple(missing)))

    # ---------------------------------------------------------------- inbox

    async def seen(self, sender: str, parcel_id: str) -> str | None:
        """Give the digest of a parcel that was taken over before, or None."""
        key = (sender, parcel_id)
        if key not in self._seen:
            self._seen[key] = await self.store.seen(sender, parcel_id)
        return self._seen[key]

    async def mark_seen(self, sender: str, parcel_id: str, digest: str, at: datetime) -> None:
        """Note that a parcel was taken over."""
        self._seen[sender, parcel_id] = digest
        self._inbox.append({"sender": sender, "parcel_id": parcel_id, "digest": digest, "at": at})

    async def heights(self, sender: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Give the number of the last parcel of each lane that took effect, locked until the commit; 0 when absent."""
        missing = {lane for lane in lanes if (sender, lane) not in self._heights}
        if missing:
            found = await self.store.heights(sender, missing)
            self._heights |= {(sender, lane): found.get(lane, 0) for lane in missing}
        return {lane: self._heights[sender, lane] for lane in lanes}

    async def raise_heights(self, sender: str, positions: Sequence[Position]) -> None:
        """Note that a parcel took effect in its lanes."""
        for position in positions:
            self._heights[sender, position.lane] = position.number
            self._raised.add((sender, position.lane))

    async def hold(self, parcel: Parcel) -> None:
        """Keep a parcel that came before its turn."""
        await self.store.hold(parcel)
        self._remember_held(parcel.sender, parcel.positions, [parcel])

    async def held(self, sender: str, positions: Collection[Position]) -> Sequence[Parcel]:
        """Give the parcels kept back that have one of these places, in the order of ``positions``, each once."""
        unknown = [one for one in positions if (sender, one.lane, one.number) not in self._held]
        if unknown:
            self._remember_held(sender, unknown, await self.store.held(sender, unknown))
        found: dict[str, Parcel] = {}
        for position in positions:
            parcel = self._held[sender, position.lane, position.number]
            if parcel is not None:
                found[parcel.id] = parcel
        return list(found.values())

    async def let_go(self, parcel: Parcel) -> None:
        """Drop a parcel from those kept back: its turn has come."""
        await self.store.let_go(parcel)
        for position in parcel.positions:
            self._held[parcel.sender, position.lane, position.number] = None

    def _remember_held(self, sender: str, asked: Iterable[Position], found: Iterable[Parcel]) -> None:
        for position in asked:
            self._held.setdefault((sender, position.lane, position.number), None)
        for parcel in found:
            for position in parcel.positions:
                self._held[sender, position.lane, position.number] = parcel

    # ---------------------------------------------------------------- outbox

    async def next_numbers(self, receiver: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Take the next number of each outgoing lane."""
        await self._ask_numbers([(receiver, lane) for lane in lanes])
        taken = {lane: self._numbers[receiver, lane] + 1 for lane in lanes}
        for lane, number in taken.items():
            self._numbers_before.setdefault((receiver, lane), number - 1)
            self._numbers[receiver, lane] = number
        return taken

    async def put_outgoing(self, outgoing: Outgoing) -> None:
        """Put a parcel into the outbox."""
        self._outbox[outgoing.id] = outgoing
        self.receivers[outgoing.receiver] = None

    async def due(self, at: datetime, limit: int) -> Sequence[Outgoing]:
        """Give parcels that are due, the longest due first, locked until the commit; those another has locked are left."""
        await self.flush()
        return await self.store.due(at, limit)

    async def next_due(self) -> datetime | None:
        """Say when the next parcel is due; None when the outbox is empty."""
        await self.flush()
        return await self.store.next_due()

    async def postpone(self, parcel_id: str, attempts: int, due: datetime) -> None:
        """Note an attempt, and when the next one is due."""
        await self.flush()
        await self.store.postpone(parcel_id, attempts, due)

    async def acknowledge(self, parcel_id: str) -> bool:
        """Take a parcel out of the outbox. It is not looked whether it was there: always True."""
        if self._outbox.pop(parcel_id, None) is None:
            self._taken.append(parcel_id)
        return True

    # ---------------------------------------------------------------- objects

    async def load(self, wanted: Wanted) -> Loaded:
        """Give what there is of it; ``objects`` are locked in order of id, ``parties`` are only read."""
        businesses: tuple[NetworkObject, ...] = ()
        if wanted.pan is not None or wanted.criteria:
            # A search goes through the tables, which must have what this unit has made.
            await self.flush()
            businesses = await self.store.search(wanted)
            for business in businesses:
                self._objects.setdefault(business.id, business)
        missing = _asked(wanted)
        await self._read(
            Asked(
                locked=tuple(one for one in missing.locked if one not in self._locked),
                plain=tuple(one for one in missing.plain if one not in self._objects),
                keys=tuple(key for key in missing.keys if key not in self._holders),
            )
        )
        objects = {one: found for one in sorted(wanted.objects | wanted.parties) if (found := self._objects[one])}
        holders = {key: holder for key in sorted(wanted.keys) if (holder := self._holders[key])}
        return Loaded(objects=objects, holders=holders, businesses=businesses)

    async def _read(self, asked: Asked) -> None:
        if asked == _NOTHING_ASKED:
            return
        found = await self.store.read(asked)
        for object_id in asked.locked:
            if object_id not in self._changed:
                self._objects[object_id] = found.objects.get(object_id)
            self._locked.add(object_id)
            self._pending.setdefault(object_id, object_id in found.pending)
        for object_id, party in (dict.fromkeys(asked.plain) | found.parties).items():
            self._objects.setdefault(object_id, party)
        for key in asked.keys:
            self._holders.setdefault(key, found.holders.get(key))
        for pair in asked.numbers:
            self._numbers.setdefault(pair, found.numbers.get(pair, 0))

    async def put(self, change: Change, body: msgspec.Raw) -> None:
        """Write an object and append its event rows; where the change is of content, ``body`` is its document now.

        Raises :class:`ConcurrentChange` unless the revision read is the one before the first of the moves.
        """
        found = change.object
        known = self._objects.get(found.id)
        if not change.moves or (known.revision if known else 0) != change.moves[0].revision - 1:
            raise ConcurrentChange(found.id)
        at = change.moves[-1].at
        pending = self._changed.get(found.id)
        if pending is None:
            pending = self._changed[found.id] = _Changed(change.moves[0].revision - 1, at)
        if known is None:
            self.born.append(found)
        if change.content or known is None:
            pending.document = body
        pending.object, pending.at = found, at
        pending.moves += change.moves
        self._objects[found.id] = found
        self._locked.add(found.id)
        key = self.store.key_of(found)
        if key is not None:
            self._holders[key] = found.id

    async def rename(self, object_id: str, aside: NetworkObject) -> None:
        """Keep a copy, its document and its event rows under the id of ``aside``, which is the copy but for the id."""
        await self.flush()
        await self.store.rename(object_id, aside)
        self._objects |= {object_id: None, aside.id: aside}
        self._locked.add(aside.id)
        self._holders.clear()

    async def pass_over(self, object_id: str, revision: int) -> None:
        """Note that the moves of an object up to this revision never came."""
        await self.flush()
        await self.store.pass_over(object_id, revision)
        known = self._objects.get(object_id)
        if known is not None:
            self._objects[object_id] = msgspec.structs.replace(known, revision=revision)

    async def claim(self, key: str, object_id: str) -> None:
        """Note that a key belongs to an object; it is free or the object's own. Raises :class:`ConcurrentChange`."""
        await self._know_holder(key)
        if self._holders[key] not in {None, object_id}:
            raise ConcurrentChange(key)
        self._claims.setdefault(key, self._holders[key])
        self._holders[key] = object_id

    async def release(self, key: str) -> None:
        """Free a key."""
        await self._know_holder(key)
        self._claims.setdefault(key, self._holders[key])
        self._holders[key] = None

    async def _know_holder(self, key: str) -> None:
        if key not in self._holders:
            await self._read(Asked(keys=(key,)))

    # ---------------------------------------------------------------- answers

    async def unanswered(self, object_ids: Collection[str]) -> Collection[str]:
        """Give those of the objects about which a message of ours has no answer yet."""
        if self._answered:
            await self.flush()
        await self._read(Asked(locked=tuple(sorted({one for one in object_ids if one not in self._pending}))))
        return {one for one in object_ids if self._pending[one]}

    async def await_answer(self, message_id: str, object_ids: Sequence[str], at: datetime) -> None:
        """Note that a message about these objects was sent."""
        about = list(dict.fromkeys(object_ids))
        self._awaiting[message_id] = (about, at)
        self._awaited[message_id] = about
        self._pending |= dict.fromkeys(about, True)

    async def answered(self, message_id: str) -> Sequence[str]:
        """Note that its answer came; gives the objects it was about, none when no answer was awaited."""
        if message_id not in self._awaited:
            self._awaited[message_id] = list(await self.store.awaited(message_id))
        about, self._awaited[message_id] = self._awaited[message_id], []
        if about and self._awaiting.pop(message_id, None) is None:
            self._answered.append(message_id)
        # Whether another message about them is still without its answer is asked anew.
        for object_id in about:
            self._pending.pop(object_id, None)
        return about

    # ---------------------------------------------------------------- writing

    async def flush(self) -> None:
        """Write everything that was put since the last time, in one call. Raises :class:`ConcurrentChange`."""
        mail = {what: rows for what, rows in self._mail().items() if rows}
        changed = [self._changed[object_id] for object_id in sorted(self._changed)]
        if not changed and not mail:
            return
        new = [self._row(one) for one in changed if one.before == 0]
        old = [self._row(one) for one in changed if one.before > 0]
        moves = [moved for one in changed for moved in one.moves]
        parcels = [one.parcel for one in self._outbox.values()]
        if not await self.store.write(_json(new), _json(old), _json(moves), _json(mail), parcels):
            raise ConcurrentChange(", ".join(sorted(self._changed)))
        for one in changed:
            if one.object is not None:
                await self.store.note_words(one.object)
        for kept in (
            self._changed, self._claims, self._inbox, self._raised, self._numbers_before, self._outbox, self._taken,
            self._awaiting, self._answered,
        ):  # fmt: skip
            kept.clear()

    def _mail(self) -> dict[str, list[Any]]:
        claims = [
            {"key": key, "before": before, "after": self._holders[key]}
            for key, before in sorted(self._claims.items())
            if before != self._holders[key]
        ]
        return {
            "inbox": self._inbox,
            "heights": [
                {"sender": pair[0], "lane": pair[1], "height": self._heights[pair]} for pair in sorted(self._raised)
            ],
            "numbers": [
                {"receiver": pair[0], "lane": pair[1], "before": before, "last": self._numbers[pair]}
                for pair, before in sorted(self._numbers_before.items())
            ],
            "outbox": [
                {
                    "place": place, "parcel_id": one.id, "receiver": one.receiver, "due": one.due,
                    "attempts": one.attempts,
                }
                for place, one in enumerate(self._outbox.values(), 1)
            ],
            "taken": self._taken,
            "awaiting": [
                {"message_id": message_id, "object_id": object_id, "since": at}
                for message_id, (about, at) in self._awaiting.items()
                for object_id in about
            ],
            "answered": self._answered,
            "claims": claims,
        }  # fmt: skip

    def _row(self, changed: _Changed) -> dict[str, Any]:
        found = changed.object
        if found is None:
            raise ConcurrentChange
        row: dict[str, Any] = {
            "object_id": found.id, "before": changed.before, "kind": found.kind, "status": found.status,
            "version": found.version, "revision": found.revision, "data": found, "created_at": changed.born,
            "changed_at": changed.at, **self.store.columns(found),
        }  # fmt: skip
        if changed.document is not None:
            row["document"] = changed.document
        return row


def _json(value: Any) -> str | None:
    return _ENCODER.encode(value).decode() if value else None


def _asked(wanted: Wanted) -> Asked:
    return Asked(
        locked=tuple(sorted(wanted.objects)),
        plain=tuple(sorted(wanted.parties - wanted.objects)),
        keys=tuple(sorted(wanted.keys)),
    )
