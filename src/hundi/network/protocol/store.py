"""The storage port: what the two ends ask of a database. Each call belongs to the transaction the caller has opened.

Nothing here commits: whoever opens the transaction does, and what a parcel changes, what it sends on and the note that it
was seen are one commit. ``memory`` is the form for simulations and tests.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from hundi.network.protocol.decisions import Change, Loaded, Wanted
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.parcels import Parcel, Position


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel in the outbox: its exact bytes, how often it was tried, when it is due again."""

    id: str
    receiver: str
    parcel: bytes
    due: datetime
    attempts: int = 0


class ConcurrentChange(Exception):
    """An object was changed by another transaction since it was read: begin again."""


class Mailbox(Protocol):
    """Outbox and inbox of one end."""

    async def seen(self, sender: str, parcel_id: str) -> str | None:
        """Give the digest of a parcel that was taken over before, or None."""
        ...

    async def mark_seen(self, sender: str, parcel_id: str, digest: str, at: datetime) -> None:
        """Note that a parcel was taken over."""
        ...

    async def heights(self, sender: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Give the number of the last parcel of each lane that took effect, locked until the commit; 0 when absent."""
        ...

    async def raise_heights(self, sender: str, positions: Sequence[Position]) -> None:
        """Note that a parcel took effect in its lanes."""
        ...

    async def hold(self, parcel: Parcel) -> None:
        """Keep a parcel that came before its turn."""
        ...

    async def held(self, sender: str, positions: Collection[Position]) -> Sequence[Parcel]:
        """Give the parcels kept back that have one of these places, in the order of ``positions``, each once."""
        ...

    async def let_go(self, parcel: Parcel) -> None:
        """Drop a parcel from those kept back: its turn has come."""
        ...

    async def next_numbers(self, receiver: str, lanes: Collection[str]) -> Mapping[str, int]:
        """Take the next number of each outgoing lane."""
        ...

    async def put_outgoing(self, outgoing: Outgoing) -> None:
        """Put a parcel into the outbox."""
        ...

    async def due(self, at: datetime, limit: int) -> Sequence[Outgoing]:
        """Give parcels that are due, the longest due first."""
        ...

    async def next_due(self) -> datetime | None:
        """Say when the next parcel is due; None when the outbox is empty."""
        ...

    async def postpone(self, parcel_id: str, attempts: int, due: datetime) -> None:
        """Note an attempt, and when the next one is due. A parcel that was acknowledged meanwhile stays gone."""
        ...

    async def acknowledge(self, parcel_id: str) -> bool:
        """Take a parcel out of the outbox; False when it was gone."""
        ...


class ObjectStore(Protocol):
    """The copies of the objects at one end."""

    async def load(self, wanted: Wanted) -> Loaded:
        """Give what there is of it. ``objects`` are locked in order of id; ``parties`` are only read."""
        ...

    async def put(self, change: Change, body: msgspec.Raw) -> None:
        """Write an object and append its event rows; where the change is of content, ``body`` is its document now.

        Raises :class:`ConcurrentChange` unless the stored revision is the one before the first of the moves.
        """
        ...


class CentreStore(Mailbox, ObjectStore, Protocol):
    """What the central unit asks besides."""

    async def claim(self, key: str, object_id: str) -> None:
        """Note that a key belongs to an object; it is free or the object's own. Raises :class:`ConcurrentChange`."""
        ...

    async def release(self, key: str) -> None:
        """Free a key."""
        ...


class PartyStore(Mailbox, ObjectStore, Protocol):
    """What a party asks besides."""

    async def rename(self, object_id: str, aside: NetworkObject) -> None:
        """Keep a copy, its document and its event rows under the id of ``aside``, which is the copy but for the id."""
        ...

    async def pass_over(self, object_id: str, revision: int) -> None:
        """Note that the moves of an object up to this revision never came: what brought them was refused here for good."""
        ...

    async def unanswered(self, object_ids: Collection[str]) -> Collection[str]:
        """Give those of the objects about which a message of ours has no answer yet."""
        ...

    async def await_answer(self, message_id: str, object_ids: Sequence[str], at: datetime) -> None:
        """Note that a message about these objects was sent."""
        ...

    async def answered(self, message_id: str) -> Sequence[str]:
        """Note that its answer came; gives the objects it was about, none when no answer was awaited."""
        ...
