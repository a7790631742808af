"""What the simulator needs of a database: transactions of the storage port, and a look at everything that was committed.

The in-memory one is here; the same script runs over any other that offers the same.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from hundi.network.protocol.decisions import Moved
from hundi.network.protocol.memory import MemoryDatabase, MemoryStore
from hundi.network.protocol.moves import FINAL
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.store import CentreStore, PartyStore


class Transaction(CentreStore, PartyStore, Protocol):
    """A transaction of either end."""

    async def commit(self) -> None:
        """Make it stand, at once."""
        ...

    async def rollback(self) -> None:
        """Leave nothing of it behind."""
        ...


class Copy(msgspec.Struct, frozen=True):
    """An object with its event rows and its document."""

    object: NetworkObject
    moves: tuple[Moved, ...]
    document: bytes


class Leftovers(msgspec.Struct, frozen=True):
    """What should be nothing at the end: parcels in the outbox, parcels kept back, messages without an answer."""

    outgoing: int
    held: int
    unanswered: int


class Database(Protocol):
    """One end's database."""

    async def begin(self) -> Transaction:
        """Open a transaction."""
        ...

    async def open_objects(self) -> Sequence[NetworkObject]:
        """Give the objects to which something can still happen, in order of id."""
        ...

    async def copies(self) -> Sequence[Copy]:
        """Give everything, in order of id."""
        ...

    async def unanswered(self) -> frozenset[str]:
        """Give the objects about which a message has no answer yet."""
        ...

    async def leftovers(self) -> Leftovers:
        """Count what should be nothing at the end."""
        ...


class InMemory:
    """A database of dictionaries."""

    def __init__(self) -> None:
        """Start empty."""
        self.tables = MemoryDatabase()

    async def begin(self) -> MemoryStore:
        """Open a transaction."""
        return await self.tables.begin()

    async def open_objects(self) -> Sequence[NetworkObject]:
        """Give the objects to which something can still happen, in order of id."""
        found = [one for one in self.tables.objects.values() if (one.kind, one.status) not in FINAL]
        found.sort(key=lambda one: one.id)
        return found

    async def copies(self) -> Sequence[Copy]:
        """Give everything, in order of id."""
        tables = self.tables
        return [
            Copy(tables.objects[key], tables.moves[key], tables.documents.get(key, b""))
            for key in sorted(tables.objects)
        ]

    async def unanswered(self) -> frozenset[str]:
        """Give the objects about which a message has no answer yet."""
        return frozenset(self.tables.pending)

    async def leftovers(self) -> Leftovers:
        """Count what should be nothing at the end."""
        return Leftovers(len(self.tables.outbox), len(self.tables.held), len(self.tables.awaited))
