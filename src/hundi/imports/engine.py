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
from hundi.files.store import FileMissing
from hundi.http.envelope import ApiSubError
from hundi.imports import load, queries, report, service
from hundi.imports.chunk import ChunkWork, Run
from hundi.imports.errors import FileRefused, refuse
from hundi.imports.facts import Rules
from hundi.imports.parse_child import REPEATED, Chunk, Manifest
from hundi.imports.parsing import parse, work_folder
from hundi.imports.queries import ImportRow
from hundi.imports.schemas import BulkResponse, StoredResult
from hundi.imports.service import SETTLED, Options
from hundi.imports.verdict import Claims
from hundi.invoices import policies
from hundi.jobs.context import JobContext
from hundi.kit.actor import Actor
from hundi.kit.ids import SellerId, row_id_prefix

log = structlog.get_logger("hundi.imports")

_AT_ONCE: Final = 2
_CSV: Final = "text/csv; charset=utf-8"


class Engine:
    """One run of one import."""

    def __init__(self, context: JobContext, seller_id: SellerId, row: ImportRow) -> None:
        self._settings = context.settings
        self._run = Run(
            db=context.db,
            files=context.files,
            seller_id=seller_id,
            row=row,
            options=msgspec.json.decode(row.options, type=Options),
            actor=msgspec.json.decode(row.actor, type=Actor),
        )
        self._loader = load.Loader(context.db.loader_dsn) if context.db.loader_dsn else None
        self._writing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Bring the import to its end: done, or refused as a whole."""
        try:
            with work_folder(self._run.files.work) as folder:
                manifest = await self._read(folder)
                async with self._run.db.transaction(self._run.seller_id) as tx:
                    await service.start(tx, self._run.row.import_id, manifest.total)
                await self._apply(folder, manifest)
                await self._settle(folder, manifest)
        except FileRefused as refused:
            async with self._run.db.transaction(self._run.seller_id) as tx:
                settled = await service.refuse(tx, self._run.actor, self._run.row.import_id, refused.refusal)
            if not settled:
                raise
        finally:
            for task in self._writing:
                task.cancel()
            await asyncio.gather(*self._writing, return_exceptions=True)
            if self._loader is not None:
                await self._loader.close()

    async def _read(self, folder: Path) -> Manifest:
        limit = self._settings.import_row_limit
        try:
            async with self._run.files.on_disk(self._run.row.file_key) as path:
                manifest = await parse(path, folder, rows=self._run.options.chunk_rows, limit=limit)
        except FileMissing as error:
            raise refuse("FILE_LOST", "The file is no longer in the store: send it again.") from error
        if manifest.refusal is not None:
            raise FileRefused(manifest.refusal)
        return manifest

    async def _apply(self, folder: Path, manifest: Manifest) -> None:
        """Judge the chunks in file order and write them, two at a time."""
        async with self._run.db.read(self._run.seller_id) as tx:
            prefix, before = await queries.id_prefix(tx, self._run.row, "inv")
            entry_prefix = row_id_prefix("ent", self._run.row.import_id, self._run.row.created_at)
            rules = Rules(
                await queries.registrations(tx), await queries.amount_mismatch(tx), prefix, entry_prefix, before,
                tuple(await policies.active(tx)),
            )  # fmt: skip
            applied = {one.chunk_no: one for one in await queries.chunks(tx, self._run.row.import_id)}
        repeated = pl.read_ipc(folder / REPEATED)["row"]
        claims = Claims(repeated)
        for no, chunk in enumerate(manifest.chunks):
            if no in applied:
                self._check_same(chunk, applied[no])
                if not repeated.is_between(chunk.first_row, chunk.last_row).any():
                    continue
            work = ChunkWork(self._run, folder, manifest, rules, claims, no)
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
            message = f"chunk {there.chunk_no} of {self._run.row.import_id} was written with other rows than it has now"
            raise RuntimeError(message)

    async def _settle(self, folder: Path, manifest: Manifest) -> None:
        """Join the result files and settle the import, unless another run has."""
        async with self._run.db.read(self._run.seller_id) as tx:
            rows = await queries.chunks(tx, self._run.row.import_id)
        if len(rows) != len(manifest.chunks):
            message = f"{len(rows)} of {len(manifest.chunks)} chunks are written"
            raise RuntimeError(message)
        keys = [row.part_key for row in rows]
        try:
            summaries = [await report.summary(self._run.files, key) for key in keys]
            paths = {kind: folder / f"{kind}.csv" for kind in ("success", "failure")}
            for kind, path in paths.items():
                await report.join(self._run.files, keys, kind, manifest, path)
        except FileMissing:
            if await self._is_settled():
                return
            raise
        mark = secrets.token_hex(8)
        stored = {kind: f"imports/{self._run.row.import_id}/{kind}-{mark}.csv" for kind in paths}
        sizes = {kind: await self._run.files.put_file(stored[kind], path) for kind, path in paths.items()}
        async with self._run.db.transaction(self._run.seller_id) as tx:
            won = await service.lock(tx, self._run.row.import_id) not in SETTLED
            if won:
                more: dict[str, str] = {}
                for kind, key in stored.items():
                    name = f"{Path(self._run.row.file_name).stem[:80]}-{kind}.csv"
                    file_id = await files_service.keep(tx, key=key, name=name, content_type=_CSV, size=sizes[kind])
                    token = await files_service.link(tx, file_id, days=self._settings.result_days)
                    more |= {
                        f"{kind}_file_name": name,
                        f"{kind}_file_url": files_service.address(self._run.options.base_url, token),
                    }
                payload = msgspec.convert(
                    msgspec.to_builtins(report.payload_of(summaries, more)), BulkResponse, strict=False
                )
                result = StoredResult(payload=payload, warnings=_about(manifest))
                dispatch = [one for summary in summaries for one in summary.dispatch]
                await service.finish(tx, self._run.actor, self._run.row.import_id, result, dispatch)
        for key in keys if won else []:
            await report.drop(self._run.files, key)
        for key in [] if won else stored.values():
            await self._run.files.delete(key)

    async def _is_settled(self) -> bool:
        async with self._run.db.read(self._run.seller_id) as tx:
            return await queries.state(tx, self._run.row.import_id) in SETTLED


def _about(manifest: Manifest) -> list[ApiSubError]:
    """List what is to be said about the file as a whole."""
    message = "This column is unknown and was not imported; the template shows the known ones."
    return [ApiSubError(heading[:100], "COLUMN_UNKNOWN", message) for heading in manifest.unknown]
