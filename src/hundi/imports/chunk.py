"""One chunk of an import: read, judged, and written exactly once, whoever else is writing it."""

import asyncio
import secrets
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
import polars as pl

from hundi.db.pool import Database, Transaction
from hundi.files.store import FileStore
from hundi.imports import facts, load, numbering, queries, report, tables
from hundi.imports.facts import Rules
from hundi.imports.parse_child import Manifest
from hundi.imports.queries import ImportRow
from hundi.imports.reading import read_chunk
from hundi.imports.service import Options
from hundi.imports.verdict import DUPLICATE_CONFLICT, Claims, Verdict, judge, row_ids
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import SellerId

_TRIES: Final = 4


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one import: its means, its row, and what was settled when the file came."""

    db: Database
    files: FileStore
    seller_id: SellerId
    row: ImportRow
    options: Options
    actor: Actor


class ChunkWork:
    """One chunk of a run: judged, and written once."""

    def __init__(self, run: Run, folder: Path, manifest: Manifest, rules: Rules, claims: Claims, no: int) -> None:
        self._run = run
        self._path = folder / manifest.chunks[no].file
        self._chunk = manifest.chunks[no]
        self._manifest = manifest
        self._rules = rules
        self._claims = claims
        self._no = no

    async def judge(self) -> Verdict:
        """Read the chunk, look up what it speaks of, and judge every row."""
        run, rules = self._run, self._rules
        today = ist_date(run.db.clock.now())
        frame = await asyncio.to_thread(pl.read_ipc, self._path)
        draft = await asyncio.to_thread(read_chunk, frame, self._manifest, rules.registrations, today)
        ids = row_ids(rules.invoice_prefix, frame["row"].to_list())
        async with run.db.read(run.seller_id) as tx:
            known = await facts.gather(tx, draft, rules, ids)
        verdict = await asyncio.to_thread(judge, draft, known, rules, today, ids)
        self._claims.settle(verdict)
        return verdict

    async def write(self, verdict: Verdict, loader: load.Loader) -> None:
        """Write the chunk as the loader; where a key was taken meanwhile, judge again, at last as the application."""
        for _ in range(_TRIES):
            key, parts, birth = await self._parts(verdict)
            try:
                rows = await asyncio.to_thread(self._tables, verdict, birth)
                traces = self._traces(birth, parts.summary)
                await loader.write(self._chunk_row(birth, parts.summary, key), [*rows, *traces])
            except load.ChunkApplied:
                await report.drop(self._run.files, key)
                return
            except load.KeyTaken:
                await report.drop(self._run.files, key)
                if await self._is_applied():
                    return
                verdict = await self.judge()
            else:
                return
        await self.write_staged(verdict)

    async def write_staged(self, verdict: Verdict) -> None:
        """Write the chunk as the application, numbers taken and keys settled in the same transaction."""
        for left in reversed(range(_TRIES)):
            try:
                await self._staged(verdict, last=left == 0)
            except load.ChunkApplied:
                return
            except load.KeyTaken:
                if await self._is_applied():
                    return
                verdict = await self.judge()
            else:
                return

    async def _staged(self, verdict: Verdict, *, last: bool) -> None:
        run = self._run
        stored: list[str] = []
        try:
            async with run.db.transaction(run.seller_id) as tx:
                await self._write_in(tx, verdict, stored, last=last)
        except BaseException as error:
            for key in stored:
                await report.drop(run.files, key)
            if isinstance(error, asyncpg.UniqueViolationError):
                raise load.told(error) from error
            raise

    async def _write_in(self, tx: Transaction, verdict: Verdict, stored: list[str], *, last: bool) -> None:
        """Write the chunk in this transaction; the key of its parts goes into ``stored``."""
        await numbering.number(tx, verdict, self._rules)
        birth = self._birth()
        invoices, entries = await asyncio.to_thread(self._tables, verdict, birth)
        written = await load.insert_new(tx, invoices)
        lost = [at for at in verdict.fresh().arg_true() if verdict.rows["invoice_id"][at] not in written]
        if lost and not last:
            raise load.KeyTaken
        for at in lost:
            message = "Somebody else used this number or externalId during the import: send the row again."
            verdict.notes.error(at, FieldProblem("invoiceNumber", DUPLICATE_CONFLICT, message))
        # The parts have to exist before the commit that names them, and need the numbers taken in it.
        key, parts, _ = await self._parts(verdict)
        stored.append(key)
        if lost:
            _, entries = await asyncio.to_thread(self._tables, verdict, birth)
        await load.insert(tx, entries)
        for one in (self._chunk_row(birth, parts.summary, key), *self._traces(birth, parts.summary)):
            await load.insert(tx, one)

    async def _parts(self, verdict: Verdict) -> tuple[str, report.Parts, tables.Birth]:
        # The cells are read again rather than kept: three chunks are under way at once, and each is large.
        frame = await asyncio.to_thread(pl.read_ipc, self._path)
        parts = await asyncio.to_thread(report.parts_of, frame, verdict, self._manifest)
        key = f"imports/{self._run.row.import_id}/chunk-{self._no:05d}-{secrets.token_hex(6)}"
        await report.store(self._run.files, key, parts)
        return key, parts, self._birth()

    def _birth(self) -> tables.Birth:
        run = self._run
        now = run.db.clock.now()
        rules = self._rules
        return tables.Birth(run.seller_id, run.row.import_id, run.actor, now, rules.entry_prefix, rules.policies)

    def _tables(self, verdict: Verdict, birth: tables.Birth) -> tuple[tables.Copied, tables.Copied]:
        fresh = verdict.rows.filter(verdict.fresh())
        return tables.invoices(fresh, birth), tables.entries(fresh, birth)

    def _chunk_row(self, birth: tables.Birth, summary: report.Summary, key: str) -> tables.Copied:
        values = {
            "chunk_no": self._no, "first_row": self._chunk.first_row, "last_row": self._chunk.last_row,
            "success_count": summary.success_count, "failure_count": summary.failure_count,
            "warn_count": summary.warn_count, "total_amount": summary.total_amount, "part_key": key,
            "applied_at": birth.at.isoformat(),
        }  # fmt: skip
        return tables.chunk(birth, values)

    def _traces(self, birth: tables.Birth, summary: report.Summary) -> list[tables.Copied]:
        facts_ = {
            "fileHash": self._run.row.file_hash.hex(), "firstRow": self._chunk.first_row,
            "lastRow": self._chunk.last_row, "successCount": summary.success_count,
            "failureCount": summary.failure_count, "totalAmount": summary.total_amount,
        }  # fmt: skip
        return tables.traces(birth, facts_)

    async def _is_applied(self) -> bool:
        run = self._run
        async with run.db.read(run.seller_id) as tx:
            return any(one.chunk_no == self._no for one in await queries.chunks(tx, run.row.import_id))
