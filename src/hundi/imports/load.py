"""Writing a judged chunk, in one transaction that also says that the chunk was written (design §4.12, §6 Bulk).

Two ways: COPY as the loader, which may only insert; and, where that role is missing, where numbers must be taken from a
series or where the loader met a key it did not expect, COPY into a temporary table and INSERT … SELECT … ON CONFLICT as
the application.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from hundi.db.pool import Transaction
from hundi.db.sqlstate import constraint_of, translated
from hundi.imports.tables import Copied

AT_ONCE: Final = 2
ENOUGH: Final = 10_000
"""Rows of a table from which its statistics are of use whatever one transaction adds to it."""
_CHUNK_ONCE: Final = "import_chunks_pk"
_COUNTED: Final = "SELECT reltuples FROM pg_class WHERE oid = $1::text::regclass"


class ChunkApplied(Exception):
    """Somebody else has written this chunk: it is done."""


class KeyTaken(Exception):
    """A number, external id or row was written by somebody else in the meantime: look again and redo the chunk.

    Which it was the database does not say: under row-level security it keeps keys to itself.
    """


class Cancelled(Exception):
    """Somebody asked for the import to be stopped."""


class Stopped(Exception):
    """The import is settled: nothing more is written."""


class Loader:
    """Connections of the loader role, opened when they are needed; :data:`AT_ONCE` chunks are copied at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.turn = asyncio.Semaphore(AT_ONCE)
        self._idle: list[asyncpg.Connection] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection; one that failed is not kept."""
        if self._idle:
            lent = self._idle.pop()
        else:
            lent = await asyncpg.connect(
                self._dsn,
                server_settings={"timezone": "UTC", "application_name": "hundi import", "lock_timeout": "60000"},
            )
        try:
            yield lent
        except BaseException:
            lent.terminate()
            raise
        self._idle.append(lent)

    async def close(self) -> None:
        """Close all connections."""
        for one in self._idle:
            await one.close()
        self._idle.clear()

    async def write(self, tables: list[Copied], keys: frozenset[str]) -> None:
        """Write a chunk with COPY, its own row first: a second writer of the chunk waits there and then stops.

        ``keys`` are the constraints that others' rows may break. Raises :class:`ChunkApplied` or :class:`KeyTaken`;
        nothing is written then.
        """
        with translated():
            async with self.connection() as connection:
                try:
                    async with connection.transaction():
                        for one in tables:
                            await copy(connection, one)
                except asyncpg.UniqueViolationError as error:
                    raise told(error, keys) from error
                except asyncpg.DeadlockDetectedError as error:
                    # Another file with the same keys in another order: each waits for a key of the other.
                    raise KeyTaken from error


async def keep_plans(tx: Transaction, parent: str) -> None:
    """Keep statistics of ``parent`` from being gathered until ``tx`` ends, where they would lead astray.

    Whoever gathers them while a large transaction fills a table that was empty sees many pages and no row. Foreign keys
    that point to the table are then checked through any index that begins with the company, at milliseconds a row. With
    rows enough from before that cannot happen. Where somebody else holds the same lock he keeps them away as well.
    """
    if await tx.fetchval(_COUNTED, parent) < ENOUGH:
        with suppress(asyncpg.LockNotAvailableError):
            async with tx.connection.transaction():
                await tx.execute(f"LOCK TABLE {parent} IN SHARE UPDATE EXCLUSIVE MODE")


def told(error: asyncpg.UniqueViolationError, keys: frozenset[str]) -> BaseException:
    """Say which of the expected collisions a unique violation is; any other one is a bug and stays what it is."""
    name = constraint_of(error)
    if name == _CHUNK_ONCE:
        return ChunkApplied()
    return KeyTaken() if name in keys else error


async def copy(connection: Any, what: Copied, *, into: str | None = None) -> None:
    """COPY rows into their table."""
    if not what.count:
        return
    await connection.copy_to_table(
        into or what.table, source=what.blocks(), columns=what.columns, format="csv", timeout=600
    )


async def insert(tx: Transaction, what: Copied) -> None:
    """Write rows as the application: through a temporary table, because COPY FROM cannot run under row-level security."""
    if not what.count:
        return
    stage = await stage_of(tx, what)
    columns = ", ".join(what.columns)
    await tx.execute(f"INSERT INTO {what.table} ({columns}) SELECT {columns} FROM {stage}")


async def insert_new(tx: Transaction, what: Copied) -> set[str]:
    """Write rows as the application, leaving out those with a key somebody else has; give the ids written."""
    if not what.count:
        return set()
    stage = await stage_of(tx, what)
    columns = ", ".join(what.columns)
    rows = await tx.fetch(
        f"INSERT INTO {what.table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING RETURNING {what.lead}"
    )
    return {row[what.lead] for row in rows}


async def stage_of(tx: Transaction, what: Copied) -> str:
    """COPY rows into a temporary table of this transaction; give its name."""
    name = f"stage_{what.table}"
    columns = ", ".join(what.columns)
    await tx.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
    await tx.execute(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {what.table} WHERE false")
    await copy(tx.connection, what, into=name)
    return name
