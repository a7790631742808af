"""Connections and transactions: every one is bound to a seller before its first real statement (design §4.1, §4.2).

There are four ways in, and each says what it is for:

* :meth:`Database.transaction`: a unit of work that changes things; commits at the end of the block or not at all.
* :meth:`Database.read`: reads only; PostgreSQL refuses a write.
* :meth:`Database.unbound`: no seller is known yet (sign-in, links); row-level security shows nothing of any tenant.
* :meth:`Database.hot`: a bare connection for a function that binds the seller itself (createInvoice, one round trip).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias

import asyncpg

from hundi.db.sqlstate import translated
from hundi.kit.actor import Actor
from hundi.kit.clock import Clock
from hundi.kit.ids import SellerId

_BIND_SELLER: Final = "SELECT bind_seller($1)"
_BIND_ACTOR: Final = "SELECT bind_actor($1, $2, $3)"
_LOCK_TIMEOUT_MS: Final = "10000"
_STATEMENT_TIMEOUT_MS: Final = "60000"

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"


class Transaction:
    """One open transaction of one seller. Services take it first and never commit it.

    ``now`` is the same instant for everything written in it.
    """

    def __init__(self, connection: Connection, seller_id: SellerId | None, now: datetime) -> None:
        self.connection = connection
        self._seller_id = seller_id
        self.now = now
        self._told = 0

    @property
    def seller_id(self) -> SellerId:
        """Give the seller whose rows this transaction may see."""
        if self._seller_id is None:
            message = "this transaction is not bound to a seller"
            raise RuntimeError(message)
        return self._seller_id

    def place(self) -> int:
        """Give the place of the next event among those of this transaction, from 0: they share their instant."""
        self._told += 1
        return self._told - 1

    async def bind(self, seller_id: SellerId) -> None:
        """Turn to a seller found through the directory; the transaction sees that seller's rows from now on."""
        await self.connection.execute(_BIND_SELLER, seller_id)
        self._seller_id = seller_id

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Run one statement and give all its rows."""
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """Run one statement and give its first row, or None."""
        return await self.connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Run one statement and give the first column of its first row, or None."""
        return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run one statement and give its command tag (``UPDATE 1``)."""
        return str(await self.connection.execute(sql, *args))


class Database:
    """The pool of the application role, and the loader's connections where that role exists."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, loader_dsn: str | None = None) -> None:
        self.pool = pool
        self.clock = clock
        self.loader_dsn = loader_dsn

    @asynccontextmanager
    async def transaction(self, who: Actor | SellerId) -> AsyncIterator[Transaction]:
        """Open a unit of work for an actor (whose token is checked for revocation) or, in jobs, for a seller."""
        with translated():
            async with self.pool.acquire() as connection, connection.transaction():
                yield await self._bound(connection, who)

    @asynccontextmanager
    async def read(self, who: Actor | SellerId) -> AsyncIterator[Transaction]:
        """Open a read-only transaction; several statements in it see one state of the data."""
        with translated():
            async with (
                self.pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield await self._bound(connection, who)

    @asynccontextmanager
    async def unbound(self) -> AsyncIterator[Transaction]:
        """Open a transaction before the seller is known; call :meth:`Transaction.bind` once it is."""
        with translated():
            async with self.pool.acquire() as connection, connection.transaction():
                yield Transaction(connection, None, self.clock.now())

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Connection]:
        """Lend a bare connection for one autocommit call of a function that binds the seller itself."""
        with translated():
            async with self.pool.acquire() as connection:
                yield connection

    async def _bound(self, connection: Connection, who: Actor | SellerId) -> Transaction:
        if isinstance(who, Actor):
            # A partner's token was checked against its own company when the grant was read (auth.middleware).
            subjects: Sequence[str] = () if who.is_partner else who.subjects
            await connection.execute(_BIND_ACTOR, who.seller_id, subjects, who.issued)
            return Transaction(connection, who.seller_id, self.clock.now())
        await connection.execute(_BIND_SELLER, who)
        return Transaction(connection, who, self.clock.now())

    async def ready(self) -> None:
        """Prove that the database answers; raises what the driver raises."""
        async with asyncio.timeout(5), self.pool.acquire() as connection:
            await connection.fetchval("SELECT 1")

    async def close(self) -> None:
        """Give all connections back and close them."""
        await self.pool.close()


async def open_database(
    dsn: str,
    clock: Clock,
    *,
    loader_dsn: str | None = None,
    min_size: int = 1,
    max_size: int = 16,
    pgbouncer: bool = False,
) -> Database:
    """Open the pool of the application role.

    ``pgbouncer`` says that the address is a PgBouncer in transaction mode: prepared statements are then not kept.
    """
    pool = await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        statement_cache_size=0 if pgbouncer else 200,
        max_inactive_connection_lifetime=300,
        command_timeout=90,
        server_settings={
            "timezone": "UTC",
            "lock_timeout": _LOCK_TIMEOUT_MS,
            "statement_timeout": _STATEMENT_TIMEOUT_MS,
            "application_name": "hundi",
        },
        # The pool's usual reset costs a round trip for each borrow; nothing here leaves session state behind,
        # because the seller is bound with SET LOCAL and ends with its transaction.
        reset=_no_reset,
    )
    return Database(pool, clock, loader_dsn=loader_dsn)


async def _no_reset(connection: Connection) -> None:
    """Leave the session as it is (see open_database)."""
