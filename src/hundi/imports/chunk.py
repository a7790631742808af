"""One chunk of an import: read, judged, and written exactly once, whoever else is writing it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import polars as pl

from hundi.db.pool import Transaction
from hundi.imports import load, queries, report, service, tables
from hundi.imports.kind import Kind
from hundi.imports.parse_child import Manifest
from hundi.imports.verdict import DUPLICATE_CONFLICT, Verdict
from hundi.kit.errors import FieldProblem

_TRIES: Final = 4


class Undone(Exception):
    """Rolls back a transaction that was only to show what would happen."""


class Prepared:
    """A judged chunk that waits to be written: ``rows`` for each table, its parts under ``key``."""

    def __init__(self, verdict: Verdict, key: str, rows: list[tables.Copied]) -> None:
        self.verdict = verdict
        self.key = key
        self.rows = rows

    def close(self) -> None:
        """Let go of what was laid aside."""
        for one in self.rows:
            one.close()


class ChunkWork:
    """One chunk of a run: judged, and written once."""

    def __init__(self, kind: Kind[Any], folder: Path, manifest: Manifest, no: int) -> None:
        self._run = kind.run
        self._kind = kind
        self._path = folder / manifest.chunks[no].file
        self._chunk = manifest.chunks[no]
        self._manifest = manifest
        self._no = no

    @property
    def no(self) -> int:
        """Give the number of the chunk, from 0."""
        return self._no

    async def judge(self) -> Verdict:
        """Read the chunk, look up what it speaks of, and judge every row."""
        frame = await asyncio.to_thread(pl.read_ipc, self._path)
        verdict: Verdict = await self._kind.judge(frame, self._no)
        return verdict

    async def prepare(self, verdict: Verdict) -> Prepared:
        """Store what became of the rows, and lay those to be written aside; the verdict lets go of them."""
        key, summary, birth = await self._parts(verdict)
        rows: list[tables.Copied] = []
        try:
            rows += await asyncio.to_thread(self._kind.tables, verdict, birth)
            for one in rows:
                await asyncio.to_thread(one.lay_aside, self._path.parent)
        except BaseException:
            for one in rows:
                one.close()
            await report.drop(self._run.files, key)
            raise
        verdict.let_go()
        return Prepared(verdict, key, [self._chunk_row(birth, summary, key), *rows, *self._traces(birth, summary)])

    async def write(self, prepared: Prepared, loader: load.Loader) -> None:
        """Write the chunk as the loader; where a key was taken meanwhile, judge again, at last as the application."""
        for left in reversed(range(_TRIES)):
            with closing(prepared):
                if await self._is_settled_by(prepared, loader):
                    return
            self._kind.collided()
            verdict = await self.judge()
            if left:
                prepared = await self.prepare(verdict)
        await self.write_staged(verdict)

    async def _is_settled_by(self, prepared: Prepared, loader: load.Loader) -> bool:
        """Write the chunk unless somebody has, or it is not wanted any more; False where a key of it was taken."""
        try:
            # The application's transaction keeps what the rows lean on, because the loader may only insert.
            async with loader.turn, self._held(prepared.verdict):
                await loader.write(prepared.rows, self._kind.keys)
        except (load.ChunkApplied, load.Stopped):
            await report.drop(self._run.files, prepared.key)
        except load.KeyTaken:
            await report.drop(self._run.files, prepared.key)
            return await self._is_applied()
        return True

    async def write_staged(self, verdict: Verdict) -> None:
        """Write the chunk as the application, numbers taken and keys settled in the same transaction."""
        for left in reversed(range(_TRIES)):
            try:
                await self._staged(verdict, last=left == 0)
            except (load.ChunkApplied, load.Stopped):
                return
            except load.KeyTaken:
                if await self._is_applied():
                    return
                self._kind.collided()
                verdict = await self.judge()
            else:
                return

    async def foresee(self, verdict: Verdict) -> None:
        """Find out what writing would do to the rows, and write nothing."""
        with suppress(Undone):
            async with self._run.db.transaction(self._run.seller_id) as tx:
                await self._kind.foresee(tx, verdict)
                raise Undone

    async def note(self, verdict: Verdict) -> None:
        """Write down what became of the rows, and none of them."""
        stored: list[str] = []
        try:
            async with self._run.db.transaction(self._run.seller_id) as tx:
                await self.note_in(tx, verdict, stored)
        except (asyncpg.UniqueViolationError, load.Stopped):
            for key in stored:
                await report.drop(self._run.files, key)
            if not await self._is_applied() and not await self._is_settled():
                raise

    async def note_in(self, tx: Transaction, verdict: Verdict, stored: list[str]) -> None:
        """Write down in this transaction what would become of the rows; the key of the parts goes into ``stored``."""
        key, summary, birth = await self._parts(verdict)
        stored.append(key)
        await _stay(tx, self._run.row.import_id)
        await load.insert(tx, self._chunk_row(birth, summary, key))

    async def write_in(
        self, tx: Transaction, verdict: Verdict, stored: list[str], *, last: bool, connection: Any = None
    ) -> None:
        """Write the chunk in this transaction; the key of its parts goes into ``stored``.

        With ``connection``, the loader's in a transaction of its own, rows are copied there; ``tx`` then only holds.
        """
        await _stay(tx, self._run.row.import_id)
        await self._kind.hold(tx, verdict)
        if connection is None:
            await self._kind.complete(tx, verdict)
        birth = self._birth()
        rows = await asyncio.to_thread(self._kind.tables, verdict, birth)
        if connection is None and any(one.lead for one in rows):
            rows = await self._insert_lead(tx, verdict, rows, birth, last=last)
        # The parts have to exist before the commit that names them, and need the numbers taken in it.
        key, summary, _ = await self._parts(verdict)
        stored.append(key)
        for one in (*rows, self._chunk_row(birth, summary, key), *self._traces(birth, summary)):
            if connection is None:
                await load.insert(tx, one)
            else:
                await load.copy(connection, one)

    async def _staged(self, verdict: Verdict, *, last: bool) -> None:
        run = self._run
        stored: list[str] = []
        written = False
        try:
            async with run.db.transaction(run.seller_id) as tx:
                await self.write_in(tx, verdict, stored, last=last)
                written = True
        except BaseException as error:
            # A commit whose answer was lost may have happened: the parts it names are left to the sweep then.
            for key in [] if written else stored:
                await report.drop(run.files, key)
            if isinstance(error, asyncpg.UniqueViolationError):
                raise load.told(error, self._kind.keys) from error
            raise

    async def _insert_lead(
        self, tx: Transaction, verdict: Verdict, rows: list[tables.Copied], birth: tables.Birth, *, last: bool
    ) -> list[tables.Copied]:
        """Insert all up to the lead table, passing over keys somebody else has; give what is left to insert."""
        at = next(place for place, one in enumerate(rows) if one.lead)
        for one in rows[:at]:
            await load.insert(tx, one)
        written = await load.insert_new(tx, rows[at])
        lost = [place for place in verdict.fresh().arg_true() if verdict.ids()[place] not in written]
        if not lost:
            return rows[at + 1 :]
        if not last:
            raise load.KeyTaken
        for place in lost:
            message = "Somebody else used this number or externalId during the import: send the row again."
            verdict.notes.error(place, FieldProblem(verdict.shown_as[0], DUPLICATE_CONFLICT, message))
        again = await asyncio.to_thread(self._kind.tables, verdict, birth)
        return again[at + 1 :]

    @asynccontextmanager
    async def _held(self, verdict: Verdict) -> AsyncIterator[None]:
        async with self._run.db.transaction(self._run.seller_id) as tx:
            await _stay(tx, self._run.row.import_id)
            await self._kind.hold(tx, verdict)
            yield

    async def _parts(self, verdict: Verdict) -> tuple[str, report.Summary, tables.Birth]:
        # The cells are read again rather than kept: three chunks are under way at once, and each is large.
        frame = await asyncio.to_thread(pl.read_ipc, self._path)
        parts = await asyncio.to_thread(report.parts_of, frame, verdict, self._manifest, verdict.lines())
        key = f"imports/{self._run.row.import_id}/chunk-{self._no:05d}-{secrets.token_hex(6)}"
        await report.store(self._run.files, key, parts)
        return key, parts.summary, self._birth()

    def _birth(self) -> tables.Birth:
        run = self._run
        return tables.Birth(run.seller_id, run.row.import_id, run.actor, run.db.clock.now())

    def _chunk_row(self, birth: tables.Birth, summary: report.Summary, key: str) -> tables.Copied:
        values = {
            "chunk_no": self._no, "first_row": self._chunk.first_row, "last_row": self._chunk.last_row,
            "success_count": summary.success_count, "failure_count": summary.failure_count,
            "warn_count": summary.warn_count, "total_amount": summary.total_amount, "part_key": key,
            "item_failure_count": summary.item_failure_count, "applied_at": birth.at.isoformat(),
        }  # fmt: skip
        return tables.chunk(birth, values)

    def _traces(self, birth: tables.Birth, summary: report.Summary) -> list[tables.Copied]:
        facts_ = {
            "fileHash": self._run.row.file_hash.hex(), "firstRow": self._chunk.first_row,
            "lastRow": self._chunk.last_row, "successCount": summary.success_count,
            "failureCount": summary.failure_count, "totalAmount": summary.total_amount,
        }  # fmt: skip
        return tables.traces(birth, self._kind.traced_as, facts_)

    async def _is_applied(self) -> bool:
        run = self._run
        async with run.db.read(run.seller_id) as tx:
            return any(one.chunk_no == self._no for one in await queries.chunks(tx, run.row.import_id))

    async def _is_settled(self) -> bool:
        async with self._run.db.read(self._run.seller_id) as tx:
            return await queries.state(tx, self._run.row.import_id) in service.SETTLED


async def _stay(tx: Transaction, import_id: str) -> None:
    """Keep the import from being settled until ``tx`` ends. Raises ``Stopped`` where it is settled already."""
    await queries.plan_for_these_values(tx)
    if await service.stay(tx, import_id) in service.SETTLED:
        raise load.Stopped
