"""The bulk engine (design §5 Bulk, §6 Bulk): a received file in, every row in exactly one result, whatever is killed.

Read in a limited child → judge chunk by chunk, in file order → write each chunk in one transaction with its own row →
join the result files → settle the import. Any step may die: the next run reads the file again, passes over the chunks
that are written, and goes on. Two runs at once are harmless, because a chunk's row can be written only once.

A dry run judges and reports the same, and writes nothing but its own rows. An atomic import is judged as a whole first,
then written in one transaction, or not at all. A cancelled one stops before its next chunk.
"""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from hundi.db.pool import Transaction
from hundi.files import service as files_service
from hundi.files.store import FileMissing, StoreUnavailable
from hundi.http.envelope import ApiSubError
from hundi.imports import load, queries, report, service
from hundi.imports.atomic import AllOrNothing
from hundi.imports.chunk import ChunkWork
from hundi.imports.columns import FileKind
from hundi.imports.customer_changes import CustomerChanges
from hundi.imports.customer_rows import CustomerRows
from hundi.imports.errors import FileRefusal, FileRefused, refuse
from hundi.imports.invoice_pdfs import InvoicePdfs
from hundi.imports.invoice_rows import InvoiceRows
from hundi.imports.kind import Kind, Run
from hundi.imports.parse_child import Chunk, Manifest
from hundi.imports.parsing import parse, rows_read, work_folder
from hundi.imports.presence import check_store
from hundi.imports.queries import ImportRow
from hundi.imports.schemas import BulkResponse, StoredResult
from hundi.imports.service import CANCELLED, DONE, SETTLED, Options
from hundi.imports.verdict import Verdict
from hundi.jobs.context import JobContext
from hundi.kit.actor import Actor
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId

log = structlog.get_logger("hundi.imports")

_UNDER_WAY: Final = 3  # two are copied (load.AT_ONCE), and the next one's result files are written meanwhile
_LOOK_S: Final = 0.2
_FIRST_LOOK_S: Final = 0.03
_ASK_S: Final = 2.0  # a reader that finds no rows for long may have been cancelled as well
_KINDS: Final[dict[str, type[Kind[Any]]]] = {
    service.INVOICES: InvoiceRows,
    service.CUSTOMERS: CustomerRows,
    service.CUSTOMER_UPDATES: CustomerChanges,
    FileKind.ATTACHMENTS.value: InvoicePdfs,
}


class Engine:
    """One run of one import."""

    def __init__(self, context: JobContext, seller_id: SellerId, row: ImportRow) -> None:
        self._settings = context.settings
        self._run = Run(
            db=context.db,
            files=context.files,
            keyring=context.keyring,
            seller_id=seller_id,
            row=row,
            options=msgspec.json.decode(row.options, type=Options),
            actor=msgspec.json.decode(row.actor, type=Actor),
        )
        self._loader = load.Loader(context.db.loader_dsn) if context.db.loader_dsn else None
        self._writing: set[asyncio.Task[None]] = set()
        self._judged = 0

    async def run(self) -> None:
        """Bring the import to its end: done, cancelled, or refused as a whole."""
        try:
            with work_folder(self._run.files.work) as folder:
                manifest = await self._read(folder)
                async with self._run.db.transaction(self._run.seller_id) as tx:
                    if not await service.start(tx, self._run.row.import_id, manifest.total):
                        return
                whole = await self._apply(folder, manifest)
                await self._settle(folder, manifest, whole=whole)
        except FileRefused as refused:
            async with self._run.db.transaction(self._run.seller_id) as tx:
                settled = await service.refuse(tx, self._run.actor, self._run.row.import_id, refused.refusal)
            if not settled:
                await self._break_off(refused)
        except StoreUnavailable:
            async with self._run.db.transaction(self._run.seller_id) as tx:
                stopped = await service.stop(tx, self._run.actor, self._run.row.import_id)
            if not stopped:
                raise
        except load.Stopped:
            log.info("the import was settled meanwhile", import_id=self._run.row.import_id)
        finally:
            for task in self._writing:
                task.cancel()
            await asyncio.gather(*self._writing, return_exceptions=True)
            if self._loader is not None:
                await self._loader.close()

    async def _read(self, folder: Path) -> Manifest:
        options = self._run.options
        limit = options.row_limit or self._settings.import_row_limit
        rows = min(options.chunk_rows, _KINDS[self._run.row.kind].most_rows)
        watching: asyncio.Task[None] | None = None
        try:
            async with self._run.files.on_disk(self._run.row.file_key) as path:
                reading = asyncio.create_task(
                    parse(path, folder, rows=rows, limit=limit, kind=FileKind(self._run.row.kind))
                )
                watching = asyncio.create_task(self._watch(folder, reading))
                manifest = await self._unless_cancelled(reading)
        except FileMissing as error:
            await check_store(self._run)
            raise refuse("FILE_LOST", "The file is no longer in the store: send it again.") from error
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
        if manifest.refusal is not None:
            raise FileRefused(manifest.refusal)
        # Should the upload be gone or unreadable one day, what is written can still be reported.
        await self._run.files.put(self._manifest_key, msgspec.json.encode(manifest))
        return manifest

    @property
    def _manifest_key(self) -> str:
        return f"imports/{self._run.row.import_id}/manifest.json"

    async def _break_off(self, refused: FileRefused) -> None:
        """Settle an import some of whose chunks are written, and whose file can be read no more: those stay."""
        try:
            manifest = msgspec.json.decode(await self._run.files.get(self._manifest_key), type=Manifest)
        except FileMissing:
            if await self._is_settled():
                return
            raise refused from None
        with work_folder(self._run.files.work) as folder:
            await self._settle(folder, manifest, whole=False, refusal=refused.refusal)

    async def _unless_cancelled(self, reading: asyncio.Task[Manifest]) -> Manifest:
        """Wait for the reader. Raises ``load.Stopped`` where it was ended because nobody wants the import any more."""
        try:
            return await reading
        except asyncio.CancelledError:
            if (me := asyncio.current_task()) is not None and me.cancelling():
                raise
            raise load.Stopped from None

    async def _watch(self, folder: Path, reading: asyncio.Task[Manifest]) -> None:
        """Write down how many rows have been read, as the reader tells; end it where the import is settled.

        One that is cancelled when it was begun before is settled with what is written by then: for that its file is read.
        """
        known = 0
        told = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(_LOOK_S if known else _FIRST_LOOK_S)
            found, now = rows_read(folder), asyncio.get_running_loop().time()
            if found > known or now - told > _ASK_S:
                known, told = found, now
                with suppress(Transient, OSError, asyncpg.PostgresError):
                    if not await self._advance(found) and await self._is_settled():
                        reading.cancel()
                        return

    async def _advance(self, read: int, judged: int = 0) -> bool:
        """Write progress down; tell whether to go on."""
        async with self._run.db.transaction(self._run.seller_id) as tx:
            return await service.advance(tx, self._run.row.import_id, read=read, judged=judged)

    async def _apply(self, folder: Path, manifest: Manifest) -> bool:
        """Judge the chunks in file order and write them; tell whether all of them were, or somebody cancelled."""
        kind = await _KINDS[self._run.row.kind].open(self._run, manifest, folder)
        async with self._run.db.read(self._run.seller_id) as tx:
            applied = {one.chunk_no: one for one in await queries.chunks(tx, self._run.row.import_id)}
        for no, there in applied.items():
            _check_same(self._run.row.import_id, manifest.chunks[no], there)
        works = [ChunkWork(kind, folder, manifest, no) for no in range(len(manifest.chunks))]
        plan: AllOrNothing | None = None
        if self._run.options.atomic and len(applied) < len(works):
            plan = AllOrNothing(kind, works, manifest, self._loader, self._advance)
            outcome = await plan.carry_out(begun=bool(applied))
            if outcome is not None:
                return outcome
        kind.restart()
        for no, chunk in enumerate(manifest.chunks):
            if no in applied and not (kind.looks_back(chunk) or self._run.options.dry_run):
                continue
            if not await self._advance(manifest.total, min(chunk.first_row, manifest.total)):
                await self._drain(0)
                return False
            # Room is made before the next chunk is judged: each judged chunk that waits is held in memory.
            await self._drain(0 if kind.one_by_one() else _UNDER_WAY - 1)
            await self._judge(kind, works[no], plan, is_written=no in applied)
        await self._drain(0)
        return True

    async def _judge(self, kind: Kind[Any], work: ChunkWork, failed: AllOrNothing | None, *, is_written: bool) -> None:
        """Judge a chunk and see to its writing."""
        verdict = await work.judge()
        if self._run.options.dry_run or failed is not None:
            await work.foresee(verdict)
        if not is_written:
            await self._write(kind, work, verdict, failed)

    async def _write(self, kind: Kind[Any], work: ChunkWork, verdict: Verdict, failed: AllOrNothing | None) -> None:
        """Write a judged chunk: two at a time where they do not depend on each other.

        ``failed`` is the plan that came to nothing: then no row is written, and each is told why.
        """
        if self._run.options.dry_run or failed is not None:
            if failed is not None:
                failed.explain(verdict, work.no)
                verdict.roll_back()
            await work.note(verdict)
        elif self._loader is None or kind.in_turn(verdict):
            await self._drain(0)
            await work.write_staged(verdict)
        else:
            prepared = await work.prepare(verdict)
            task = asyncio.create_task(work.write(prepared, self._loader))
            task.add_done_callback(lambda _: prepared.close())  # also of one that is cancelled before it begins
            self._writing.add(task)

    async def _drain(self, left: int) -> None:
        """Wait until no more than ``left`` chunks are being written; what failed there fails here."""
        while len(self._writing) > left:
            done, self._writing = await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def _settle(
        self, folder: Path, manifest: Manifest, *, whole: bool, refusal: FileRefusal | None = None
    ) -> None:
        """Join the result files and settle the import, unless another run has.

        ``whole`` says that nobody cancelled it: every chunk must be there. ``refusal`` says why the rest is not.
        """
        async with self._run.db.read(self._run.seller_id) as tx:
            rows = await queries.chunks(tx, self._run.row.import_id)
        if whole and len(rows) != len(manifest.chunks):
            if await self._is_settled():
                return
            message = f"{len(rows)} of {len(manifest.chunks)} chunks are written"
            raise RuntimeError(message)
        keys = [row.part_key for row in rows]
        try:
            summaries = [await report.summary(self._run.files, key) for key in keys]
            ending = report.ending(manifest)
            paths = {kind: folder / f"{kind}.{ending}" for kind in ("success", "failure")}
            for kind, path in paths.items():
                await report.join(self._run.files, keys, kind, manifest, path)
        except FileMissing:
            if await self._is_settled():
                return
            await check_store(self._run)
            raise
        mark = secrets.token_hex(8)
        stored = {kind: f"imports/{self._run.row.import_id}/{kind}-{mark}.{report.ending(manifest)}" for kind in paths}
        sizes = {kind: await self._run.files.put_file(stored[kind], path) for kind, path in paths.items()}
        async with self._run.db.transaction(self._run.seller_id) as tx:
            won = await service.lock(tx, self._run.row.import_id) not in SETTLED
            if won:
                await self._close(tx, manifest, summaries, stored, sizes, refusal)
        for key in keys if won else []:
            await report.drop(self._run.files, key)
        await self._run.files.delete(self._manifest_key)
        for key in [] if won else stored.values():
            await self._run.files.delete(key)

    async def _close(
        self,
        tx: Transaction,
        manifest: Manifest,
        summaries: list[report.Summary],
        stored: dict[str, str],
        sizes: dict[str, int],
        refusal: FileRefusal | None,
    ) -> None:
        """Settle the import, which is locked: nobody writes a chunk of it now."""
        if len(await queries.chunks(tx, self._run.row.import_id)) != len(summaries):
            message = "another run wrote a chunk while this one settled the import"
            raise RuntimeError(message)
        more: dict[str, str] = {}
        for kind, key in stored.items():
            name = f"{Path(self._run.row.file_name).stem[:80]}-{kind}.{report.ending(manifest)}"
            media = report.content_type(manifest)
            file_id = await files_service.keep(tx, key=key, name=name, content_type=media, size=sizes[kind])
            token = await files_service.link(tx, file_id, days=self._settings.result_days)
            more |= {
                f"{kind}_file_name": name,
                f"{kind}_file_url": files_service.address(self._run.options.base_url, token),
            }
        payload = msgspec.convert(msgspec.to_builtins(report.payload_of(summaries, more)), BulkResponse, strict=False)
        state = DONE if len(summaries) == len(manifest.chunks) else CANCELLED
        broken_off = None if state == DONE else refusal
        result = StoredResult(payload=payload, warnings=[*_broken_off(broken_off), *_about(manifest)])
        dispatch = [one for summary in summaries for one in summary.dispatch]
        if self._run.options.dry_run or state == CANCELLED:
            dispatch = []
        await service.finish(
            tx, self._run.actor, self._run.row.import_id, result, dispatch, state=state, refusal=broken_off
        )

    async def _is_settled(self) -> bool:
        async with self._run.db.read(self._run.seller_id) as tx:
            return await queries.state(tx, self._run.row.import_id) in SETTLED


def _check_same(import_id: str, chunk: Chunk, there: queries.ChunkRow) -> None:
    if (chunk.first_row, chunk.last_row) != (there.first_row, there.last_row):
        message = f"chunk {there.chunk_no} of {import_id} was written with other rows than it has now"
        raise RuntimeError(message)


def _broken_off(refusal: FileRefusal | None) -> list[ApiSubError]:
    """Say that the rest of the file could not be read, and what to do about it."""
    stay = "Rows that are in the success file are imported and stay; send the whole file again, they are known then."
    return [ApiSubError(one.field, one.code, f"{one.message} {stay}") for one in refusal.problems] if refusal else []


def _about(manifest: Manifest) -> list[ApiSubError]:
    """List what is to be said about the file as a whole."""
    message = "This column is unknown and was not imported; the template shows the known ones."
    unknown = [*manifest.unknown, *(manifest.items.unknown if manifest.items is not None else [])]
    said = [ApiSubError("file", code, sentence) for code, sentence in manifest.remarks]
    return [*said, *(ApiSubError(heading[:100], "COLUMN_UNKNOWN", message) for heading in unknown)]
