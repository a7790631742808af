"""A party's side of the protocol: sends its messages through the outbox, keeps its own copies as the centre says.

The first argument is the store, which is the caller's transaction; nothing here commits. A party's copy of an object
changes only by the centre's word. The one exception is what it has made itself: that stands as CREATED until the answer
comes, which moves it on or makes it FAILED.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Self

import msgspec

from hundi.kit.clock import Clock
from hundi.network.protocol.deciding import decide, subjects
from hundi.network.protocol.decisions import Change, Context, Delivery, Loaded, Moved, Rehearsal, Wanted
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.gathering import gather
from hundi.network.protocol.identifiers import IdMaker, Prefix
from hundi.network.protocol.mailbox import post, take_in
from hundi.network.protocol.messages import NO_BODY, Call
from hundi.network.protocol.moves import move
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.parcels import CENTRE, Envelope, Parcel, Verifier, unseal
from hundi.network.protocol.statuses import Actor, Event, Kind
from hundi.network.protocol.store import PartyStore

BORN_HERE: Final = frozenset({Kind.INVOICE, Kind.PAYMENT, Kind.ORDER, Kind.NOTE, Kind.FINANCING})
"""What a party keeps from the moment it makes it; a business, a B2B ID or a bid it has once the centre says so.

The centre moves each of these on when it takes it in (DELIVER), so the answer always brings what the centre has made of it.
"""


class Party:
    """One end of the wire: a business (or several) that speaks under one name, its home."""

    def __init__(self, home: str, clock: Clock, ids: IdMaker, verifier: Verifier) -> None:
        """Keep its name and the sources of time, ids and keys."""
        self.home = home
        self._clock = clock
        self._ids = ids
        self._verifier = verifier

    def named(self, home: str) -> Self:
        """Give the same end under another name."""
        return type(self)(home, self._clock, self._ids, self._verifier)

    async def submit(self, store: PartyStore, message: Call, *, rehearse: bool = True) -> str:
        """Put a message into the outbox; gives its id, under which the answer will come.

        It is tried on the own copies first, so that what cannot succeed is refused at once: :class:`MessageRefused`,
        ``ANSWER_PENDING`` too. Without ``rehearse`` it is sent as it is.
        """
        at = self._clock.now()
        message_id = self._ids.make(Prefix.MESSAGE)
        about = subjects(message)
        if rehearse:
            pending = await store.unanswered(about)
            if pending:
                raise MessageRefused(Fault.ANSWER_PENDING, "objectId", min(pending))
            context = Context(self.home, message_id, at)
            decision = decide(message, Rehearsal(context, await gather(store, message)))
            for change in decision.changes:
                if change.object.kind in BORN_HERE and change.object.revision == 1:
                    await store.put(change, message.body)
        await store.await_answer(message_id, about, at)
        await post(store, message_id, (self.home, CENTRE), about, message, at)
        return message_id

    async def receive(
        self, store: PartyStore, envelope: Envelope, told: Callable[[Delivery], Awaitable[None]] | None = None
    ) -> int:
        """Take an envelope in; ``told`` is called with every delivery that takes effect, within the transaction.

        Gives how many took effect. Raises :class:`MessageRefused` for the wire's faults.
        """
        return await self.take(store, self.unseal(envelope), envelope.parcel, told)

    def unseal(self, envelope: Envelope) -> Parcel:
        """Give the parcel of an envelope that may be believed and is the centre's. Raises :class:`MessageRefused`."""
        parcel = unseal(envelope, self.home, self._clock.now(), self._verifier)
        if parcel.sender != CENTRE:
            raise MessageRefused(Fault.WRONG_RECEIVER, "sender", parcel.sender)
        return parcel

    async def take(
        self,
        store: PartyStore,
        parcel: Parcel,
        data: bytes,
        told: Callable[[Delivery], Awaitable[None]] | None = None,
    ) -> int:
        """Take an unsealed parcel in, as :meth:`receive` does; ``data`` are the bytes it came in."""

        async def effect(each: Parcel) -> None:
            if each.delivery is not None:
                await self.apply(store, each.delivery)
                if told is not None:
                    await told(each.delivery)

        return await take_in(store, parcel, data, self._clock.now(), effect)

    async def apply(self, store: PartyStore, delivery: Delivery) -> None:
        """Bring the own copies to what the centre says."""
        if delivery.changes:
            held = await store.load(Wanted(objects=frozenset(change.object.id for change in delivery.changes)))
            for change in delivery.changes:
                own = held.objects.get(change.object.id)
                if own is not None and _is_another(own, change):
                    await store.rename(own.id, msgspec.structs.replace(own, id=aside(own.id, own.made_by)))
                    own = None
                news = _news_of(change, own)
                if news.moves:
                    await store.put(await _joined(store, news, held), delivery.body)
        if delivery.resp is not None:
            about = await store.answered(delivery.resp.request_id)
            if not delivery.resp.success and about:
                await self._fail(store, about, delivery.resp.request_id)

    async def _fail(self, store: PartyStore, about: Sequence[str], message_id: str) -> None:
        """Note that what the refused message had made, if it had made something, has failed."""
        names = frozenset(name for one in about for name in (one, aside(one, message_id)))
        held = await store.load(Wanted(objects=names))
        for object_id in sorted(held.objects):
            found = held.objects[object_id]
            if found.revision == 1 and found.made_by == message_id:
                await store.put(self._refused(found, message_id), NO_BODY)

    def _refused(self, found: NetworkObject, message_id: str) -> Change:
        row = move(found.kind, found.status, Event.REFUSE, Actor.NETWORK)
        after = msgspec.structs.replace(found, status=str(row.end), revision=found.revision + 1)
        moved = Moved(
            object_id=found.id, revision=after.revision, event=Event.REFUSE, actor=Actor.NETWORK, before=found.status,
            after=after.status, version=after.version, amount=None, at=self._clock.now(), message_id=message_id,
        )  # fmt: skip
        return Change(after, (moved,))


def aside(object_id: str, message_id: str) -> str:
    """Give the id under which a copy of ours is kept whose own id is another object's: ``<id>~<our message's id>``."""
    return f"{object_id}~{message_id}"


def _is_another(own: NetworkObject, change: Change) -> bool:
    """Tell whether the centre's object is not the one we made under that id: ours was refused, or will be.

    The ids of orders and notes are free text, so two businesses may choose the same. What the centre keeps is the object.
    """
    return own.made_by != change.object.made_by and any(moved.revision == 1 for moved in change.moves)


def _news_of(change: Change, own: NetworkObject | None) -> Change:
    """Leave out the moves a party has rows of: the CREATE of what it made itself."""
    known = own.revision if own is not None else 0
    return msgspec.structs.replace(change, moves=tuple(moved for moved in change.moves if moved.revision > known))


async def _joined(store: PartyStore, news: Change, held: Loaded) -> Change:
    """Make a change follow on what is held, also where a delivery before it was refused here for good.

    Every change brings its object whole, so only the rows of the lost moves are missing; of an object whose birth was
    lost, the first move that comes stands in its place.
    """
    own = held.objects.get(news.object.id)
    first = news.moves[0]
    if own is not None and first.revision > own.revision + 1:
        await store.pass_over(own.id, first.revision - 1)
    if own is None and first.revision > 1:
        return msgspec.structs.replace(news, moves=(msgspec.structs.replace(first, revision=1), *news.moves[1:]))
    return news
