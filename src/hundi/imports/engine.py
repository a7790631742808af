"""The bulk engine (design §5 Bulk, §6 Bulk): a received file in, every row in exactly one result, whatever is killed.

Read in a limited child → judge chunk by chunk, in file order → write each chunk in one transaction with its own row →
join the result files → settle the import. Any step may die: the next run reads the file again, passes over the chunks
that are written, and goes on. Two runs at once are harmless, because a chunk's row can be written only once.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
import structlog

from hundi.files import service as files_service
from hundi.files.store import FileMissing, FileStore
from hundi.http.envelope import ApiSubError
from hundi.imports import facts, load, numbering, queries, report, service, tables
from hundi.imports.errors import FileRefused
from hundi.imports.facts import Rules
from hundi.imports.parse_child import REPEATED, Chunk, Manifest
from hundi.imports.parsing import parse, work_folder
from hundi.imports.queries import ImportRow
from hundi.imports.reading import read_chunk
from hundi.imports.schemas import BulkResponse, StoredResult
from hundi.imports.service import SETTLED, Options
from hundi.imports.verdict import DUPLICATE_CONFLICT, Claims, Verdict, judge, row_ids
from hundi.jobs.context import JobContext
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import SellerId, new_id, row_id_prefix

log = structlog.get_logger("hundi.imports")

_AT_ONCE: Final = 2
_TRIES: Final = 4
_CSV: Final = "text/csv; charset=utf-8"


class Engine:
    """One run of one import."""

    def __init__(self, context: JobContext, seller_id: SellerId, row: ImportRow) -> None:
        self._context = context
        self._db = context.db
        self._files: FileStore = context.files
        self._seller = seller_id
        self._row = row
        self._options = msgspec.json.decode(row.options, type=Options)
        self._actor = msgspec.json.decode(row.actor, type=Actor)
        self._loader = load.Loader(context.db.loader_dsn) if context.db.loader_dsn else None
        self._writing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Bring the import to its end: done, or refused as a whole."""
        try:
            with work_folder(self._files.work) as folder:
                manifest = await self._read(folder)
                async with self._db.transaction(self._seller) as tx:
                    await service.start(tx, self._row.import_id, manifest.total)
                await self._apply(folder, manifest)
                await self._settle(folder, manifest)
        except FileRefused as refused:
            async with self._db.transaction(self._seller) as tx:
                await service.refuse(tx, self._actor, self._row.import_id, refused.refusal)
        finally:
            for task in self._writing:
                task.cancel()
            await asyncio.gather(*self._writing, return_exceptions=True)
            if self._loader is not None:
                await self._loader.close()

    async def _read(self, folder: Path) -> Manifest:
        async with self._files.on_disk(self._row.file_key) as path:
            limit = self._context.settings.import_row_limit
            manifest = await parse(path, folder, rows=self._options.chunk_rows, limit=limit)
        if manifest.refusal is not None:
            raise FileRefused(manifest.refusal)
        return manifest

    async def _apply(self, folder: Path, manifest: Manifest) -> None:
        """Judge the chunks in file order and write them, two at a time."""
        async with self._db.read(self._seller) as tx:
            prefix, before = await queries.id_prefix(tx, self._row, "inv")
            entry_prefix = row_id_prefix("ent", self._row.import_id, self._row.created_at)
            rules = Rules(
                await queries.registrations(tx), await queries.amount_mismatch(tx), prefix, entry_prefix, before
            )
            applied = {one.chunk_no: one for one in await queries.chunks(tx, self._row.import_id)}
        repeated = pl.read_ipc(folder / REPEATED)["row"]
        claims = Claims(repeated)
        for no, chunk in enumerate(manifest.chunks):
            if no in applied:
                self._check_same(chunk, applied[no])
                if not repeated.is_between(chunk.first_row, chunk.last_row).any():
                    continue
            work = ChunkWork(self, folder, manifest, rules, claims, no)
            verdict = await work.judge()
            if no in applied:
                continue
            if self._loader is None or (verdict.fresh() & verdict.rows["invoiceNumber"].is_null()).any():
                # Numbers are taken in file order, so this chunk waits for the earlier ones and the later for it.
                await self._drain(0)
                await work.write_staged(verdict)
            else:
                await self._drain(_AT_ONCE - 1)
                self._writing.add(asyncio.create_task(work.write(verdict, self._loader)))
        await self._drain(0)

    async def _drain(self, left: int) -> None:
        """Wait until no more than ``left`` chunks are being written; what failed there fails here."""
        while len(self._writing) > left:
            done, self._writing = await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    def _check_same(self, chunk: Chunk, there: queries.ChunkRow) -> None:
        if (chunk.first_row, chunk.last_row) != (there.first_row, there.last_row):
            message = f"chunk {there.chunk_no} of {self._row.import_id} was written with other rows than it has now"
            raise RuntimeError(message)

    async def _settle(self, folder: Path, manifest: Manifest) -> None:
        """Join the result files and settle the import, unless another run has."""
        async with self._db.read(self._seller) as tx:
            rows = await queries.chunks(tx, self._row.import_id)
        if len(rows) != len(manifest.chunks):
            message = f"{len(rows)} of {len(manifest.chunks)} chunks are written"
            raise RuntimeError(message)
        keys = [row.part_key for row in rows]
        try:
            summaries = [await report.summary(self._files, key) for key in keys]
            paths = {kind: folder / f"{kind}.csv" for kind in ("success", "failure")}
            for kind, path in paths.items():
                await report.join(self._files, keys, kind, manifest, path)
        except FileMissing:
            if await self._is_settled():
                return
            raise
        mark = secrets.token_hex(8)
        stored = {kind: f"imports/{self._row.import_id}/{kind}-{mark}.csv" for kind in paths}
        sizes = {kind: await self._files.put_file(stored[kind], path) for kind, path in paths.items()}
        async with self._db.transaction(self._seller) as tx:
            won = await service.lock(tx, self._row.import_id) not in SETTLED
            if won:
                more: dict[str, str] = {}
                for kind, key in stored.items():
                    name = f"{Path(self._row.file_name).stem[:80]}-{kind}.csv"
                    file_id = await files_service.keep(tx, key=key, name=name, content_type=_CSV, size=sizes[kind])
                    token = await files_service.link(tx, file_id, days=self._context.settings.result_days)
                    more |= {f"{kind}_file_name": name, f"{kind}_file_url": files_service.address(self._options.base_url, token)}
                payload = msgspec.convert(
                    msgspec.to_builtins(report.payload_of(summaries, more)), BulkResponse, strict=False
                )
                result = StoredResult(payload=payload, warnings=_about(manifest))
                dispatch = [one for summary in summaries for one in summary.dispatch]
                await service.finish(tx, self._actor, self._row.import_id, result, dispatch)
        for key in keys if won else []:
            await report.drop(self._files, key)
        for key in [] if won else stored.values():
            await self._files.delete(key)

    async def _is_settled(self) -> bool:
        async with self._db.read(self._seller) as tx:
            return await queries.state(tx, self._row.import_id) in SETTLED


class ChunkWork:
    """One chunk of a run: judged, and written once."""

    def __init__(  # noqa: PLR0913 - a chunk and what it belongs to
        self, engine: Engine, folder: Path, manifest: Manifest, rules: Rules, claims: Claims, no: int
    ) -> None:
        self._engine = engine
        self._path = folder / manifest.chunks[no].file
        self._chunk = manifest.chunks[no]
        self._manifest = manifest
        self._rules = rules
        self._claims = claims
        self._no = no
        self._frame: pl.DataFrame | None = None

    async def judge(self) -> Verdict:
        """Read the chunk, look up what it speaks of, and judge every row."""
        engine, rules = self._engine, self._rules
        today = ist_date(engine._db.clock.now())
        frame = await asyncio.to_thread(pl.read_ipc, self._path)
        self._frame = frame
        draft = await asyncio.to_thread(read_chunk, frame, self._manifest, rules.registrations, today)
        ids = row_ids(rules.invoice_prefix, frame["row"].to_list())
        async with engine._db.read(engine._seller) as tx:
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
                await loader.write(self._chunk_row(birth, parts.summary, key), [*rows, *self._traces(birth, parts.summary)])
            except load.ChunkApplied:
                await report.drop(self._engine._files, key)
                return
            except load.KeyTaken:
                await report.drop(self._engine._files, key)
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
        engine = self._engine
        key = None
        try:
            async with engine._db.transaction(engine._seller) as tx:
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
                if lost:
                    invoices, entries = await asyncio.to_thread(self._tables, verdict, birth)
                await load.insert(tx, entries)
                for one in (self._chunk_row(birth, parts.summary, key), *self._traces(birth, parts.summary)):
                    await load.insert(tx, one)
        except BaseException as error:
            if key is not None:
                await report.drop(engine._files, key)
            raise (load.told(error) if isinstance(error, load.UniqueViolation) else error) from error

    async def _parts(self, verdict: Verdict) -> tuple[str, report.Parts, tables.Birth]:
        if self._frame is None:
            message = "a chunk is judged before it is written"
            raise RuntimeError(message)
        parts = await asyncio.to_thread(report.parts_of, self._frame, verdict, self._manifest)
        key = f"imports/{self._engine._row.import_id}/chunk-{self._no:05d}-{secrets.token_hex(6)}"
        await report.store(self._engine._files, key, parts)
        return key, parts, self._birth()

    def _birth(self) -> tables.Birth:
        engine = self._engine
        now = engine._db.clock.now()
        return tables.Birth(engine._seller, engine._row.import_id, engine._actor, now, self._rules.entry_prefix)

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
            "fileHash": self._engine._row.file_hash.hex(), "firstRow": self._chunk.first_row,
            "lastRow": self._chunk.last_row, "successCount": summary.success_count,
            "failureCount": summary.failure_count, "totalAmount": summary.total_amount,
        }  # fmt: skip
        return tables.traces(birth, facts_)

    async def _is_applied(self) -> bool:
        engine = self._engine
        async with engine._db.read(engine._seller) as tx:
            return any(one.chunk_no == self._no for one in await queries.chunks(tx, engine._row.import_id))


def _about(manifest: Manifest) -> list[ApiSubError]:
    """List what is to be said about the file as a whole."""
    message = "This column is unknown and was not imported; the template shows the known ones."
    return [ApiSubError(heading[:100], "COLUMN_UNKNOWN", message) for heading in manifest.unknown]


def import_id_at(context: JobContext) -> str:
    """Make the id of a new import."""
    return new_id("imp", context.clock.now())
