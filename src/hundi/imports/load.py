"""Writing a judged chunk, in one transaction that also says that the chunk was written (design §4.12, §6 Bulk).

Two ways: COPY as the loader, which may only insert; and, where that role is missing, where numbers must be taken from a
series or where the loader met a key it did not expect, COPY into a temporary table and INSERT … SELECT … ON CONFLICT as
the application.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from hundi.db.pool import Transaction
from hundi.db.sqlstate import constraint_of, translated
from hundi.imports.tables import Copied

_CHUNK_ONCE: Final = "import_chunks_pk"
_KEYS: Final = frozenset({"invoices_pk", "invoices_number_once", "invoices_external_once"})


class ChunkApplied(Exception):
    """Somebody else has written this chunk: it is done."""


class KeyTaken(Exception):
    """A number, external id or row was written by somebody else in the meantime: look again and redo the chunk."""


class Loader:
    """Connections of the loader role, at most two, opened when they are needed."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
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

    async def write(self, chunk: Copied, tables: list[Copied]) -> None:
        """Write a chunk with COPY. Raises :class:`ChunkApplied` or :class:`KeyTaken`; nothing is written then."""
        with translated():
            async with self.connection() as connection:
                try:
                    async with connection.transaction():
                        # The chunk's own row comes first: a second writer of the chunk waits here and then stops.
                        for one in (chunk, *tables):
                            await copy(connection, one)
                except asyncpg.UniqueViolationError as error:
                    raise told(error) from error


def told(error: asyncpg.UniqueViolationError) -> BaseException:
    """Say which of the expected collisions a unique violation is; any other one is a bug and stays what it is."""
    name = constraint_of(error)
    if name == _CHUNK_ONCE:
        return ChunkApplied()
    return KeyTaken() if name in _KEYS else error


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


async def insert_new(tx: Transaction, invoices: Copied) -> set[str]:
    """Write invoices as the application, leaving out those with a key somebody else has; give the ids written."""
    if not invoices.count:
        return set()
    stage = await stage_of(tx, invoices)
    columns = ", ".join(invoices.columns)
    rows = await tx.fetch(
        f"INSERT INTO {invoices.table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING RETURNING invoice_id"
    )
    return {row["invoice_id"] for row in rows}


async def stage_of(tx: Transaction, what: Copied) -> str:
    """COPY rows into a temporary table of this transaction; give its name."""
    name = f"stage_{what.table}"
    columns = ", ".join(what.columns)
    await tx.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
    await tx.execute(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {what.table} WHERE false")
    await copy(tx.connection, what, into=name)
    return name
