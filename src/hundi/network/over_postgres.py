"""The simulator's world over PostgreSQL: the same script, with every end in its own tables and every commit a real one.

A world runs alone, one step at a time, so one connection serves all ends. What a crashed machine left open is rolled back
when the next transaction begins, as PostgreSQL does when a client is gone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hundi.db.pool import Connection, Transaction
from hundi.kit.ids import SellerId
from hundi.network.central.store import COPIES as CENTRAL_COPIES
from hundi.network.central.store import LEFTOVERS as CENTRAL_LEFTOVERS
from hundi.network.central.store import OPEN as CENTRAL_OPEN
from hundi.network.central.store import PostgresCentreStore
from hundi.network.party_store import PostgresPartyStore
from hundi.network.postgres import PostgresStore, decoded
from hundi.network.protocol.decisions import Moved
from hundi.network.protocol.moves import FINAL
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.parcels import CENTRE
from hundi.network.protocol.statuses import Actor, Event
from hundi.network.simulator.databases import Copy, Database, Leftovers
from hundi.network.simulator.world import START
from hundi.network.unit_of_work import UnitOfWork

_BIND: Final = "SELECT bind_seller($1)"
_SELLER: Final = """
    INSERT INTO sellers (seller_id, legal_name, created_at) VALUES ($1, $2, $3)
    ON CONFLICT ON CONSTRAINT sellers_pk DO NOTHING"""
_COPIES: Final = """
    SELECT o.object_id, o.data::text AS data, o.document::text AS document, m.revision, m.event, m.actor, m.before,
           m.after, m.version, m.amount, m.at, m.message_id
      FROM network_objects o
      JOIN network_events m ON m.seller_id = o.seller_id AND m.object_id = o.object_id
     WHERE o.seller_id = $1 AND m.seller_id = $1 ORDER BY o.object_id COLLATE "C", m.revision"""
_OPEN: Final = """
    SELECT data::text AS data FROM network_objects
     WHERE seller_id = $1 AND kind || '/' || status <> ALL ($2::text[]) ORDER BY object_id COLLATE "C" """
_LEFTOVERS: Final = """
    SELECT (SELECT count(*) FROM network_outbox WHERE seller_id = $1) AS outgoing,
           (SELECT count(*) FROM network_held WHERE seller_id = $1) AS held,
           (SELECT count(DISTINCT message_id) FROM network_awaiting WHERE seller_id = $1) AS unanswered"""
_UNANSWERED: Final = "SELECT DISTINCT object_id FROM network_awaiting WHERE seller_id = $1"

_CLOSED: Final = [f"{kind}/{status}" for kind, status in sorted(FINAL)]


class NotEmpty(Exception):
    """A network is in this database already; a simulated one would mix with it."""


class _Line:
    """The one connection, and the transaction that is open on it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.open: Any = None

    async def begin(self, seller_id: SellerId | None) -> Transaction:
        await self.end(commit=False)
        self.open = self.connection.transaction()
        await self.open.start()
        if seller_id is not None:
            await self.connection.execute(_BIND, seller_id)
        return Transaction(self.connection, seller_id, START)

    async def end(self, *, commit: bool) -> None:
        was, self.open = self.open, None
        if was is not None:
            await (was.commit() if commit else was.rollback())


class OneEnd:
    """The database of one end of the simulated wire."""

    def __init__(self, line: _Line, seller_id: SellerId | None, home: str) -> None:
        """Keep where its rows are; ``seller_id`` None: the central unit's."""
        self._line = line
        self._seller_id = seller_id
        self._home = home

    async def store(self) -> PostgresStore:
        """Give the plain store over a new transaction."""
        tx = await self._line.begin(self._seller_id)
        return PostgresCentreStore(tx) if self._seller_id is None else PostgresPartyStore(tx, self._home)

    async def begin(self) -> "OneTransaction":
        """Open a transaction; one that was left open is rolled back."""
        return OneTransaction(self, self._line, await self.store())

    async def _rows(self, of_company: str, of_centre: str, *more: Any) -> Sequence[Mapping[str, Any]]:
        tx = (await self.store()).tx
        if self._seller_id is None:
            return await tx.fetch(of_centre, *more)
        return await tx.fetch(of_company, self._seller_id, *more)

    async def copies(self) -> Sequence[Copy]:
        """Give everything, in order of id."""
        found: dict[str, tuple[Mapping[str, Any], list[Moved]]] = {}
        for row in await self._rows(_COPIES, CENTRAL_COPIES):
            found.setdefault(row["object_id"], (row, []))[1].append(_moved(row))
        return [Copy(decoded(row["data"]), tuple(moves), row["document"].encode()) for row, moves in found.values()]

    async def open_objects(self) -> Sequence[NetworkObject]:
        """Give the objects to which something can still happen, in order of id."""
        return [decoded(row["data"]) for row in await self._rows(_OPEN, CENTRAL_OPEN, _CLOSED)]

    async def unanswered(self) -> frozenset[str]:
        """Give the objects about which a message has no answer yet."""
        if self._seller_id is None:
            return frozenset()
        return frozenset(row["object_id"] for row in await self._rows(_UNANSWERED, ""))

    async def leftovers(self) -> Leftovers:
        """Count what should be nothing at the end."""
        row = (await self._rows(_LEFTOVERS, CENTRAL_LEFTOVERS))[0]
        return Leftovers(row["outgoing"], row["held"], row["unanswered"])


class OneTransaction(UnitOfWork):
    """A transaction of one end, as the simulator's machines want it."""

    def __init__(self, end: OneEnd, line: _Line, store: PostgresStore) -> None:
        """Begin with nothing read."""
        super().__init__(store)
        self._end = end
        self._line = line
        self._is_over = False

    async def commit(self) -> None:
        """Make it stand, at once."""
        await self.flush()
        await self._line.end(commit=True)
        self._is_over = True

    async def rollback(self) -> None:
        """Leave nothing of it behind."""
        await self._line.end(commit=False)
        self._is_over = True

    async def next_due(self) -> datetime | None:
        """Say when the next parcel is due; after the commit, as it then stands."""
        if not self._is_over:
            return await super().next_due()
        return await (await self._end.store()).next_due()


def _moved(row: Mapping[str, Any]) -> Moved:
    amount: Decimal | None = row["amount"]
    return Moved(
        object_id=row["object_id"], revision=row["revision"], event=Event(row["event"]), actor=Actor(row["actor"]),
        before=row["before"], after=row["after"], version=row["version"], amount=amount, at=row["at"],
        message_id=row["message_id"],
    )  # fmt: skip


async def ends_over(connection: Connection, names: Sequence[str]) -> dict[str, Database]:
    """Give a database for each of these businesses and for the central unit, in the tables behind a connection.

    The connection is of the app role and nobody else's; the businesses become companies. Raises :class:`NotEmpty`.
    """
    line = _Line(connection)
    centre = OneEnd(line, None, CENTRE)
    if await centre.copies() or await centre.leftovers() != Leftovers(0, 0, 0):
        raise NotEmpty
    ends: dict[str, Database] = {CENTRE: centre}
    for number, name in enumerate(names):
        seller_id = SellerId(f"CEKSIM{number:04d}")
        tx = await line.begin(seller_id)
        await tx.execute(_SELLER, seller_id, f"Business {name}", START)
        await line.end(commit=True)
        ends[name] = OneEnd(line, seller_id, name)
    return ends
