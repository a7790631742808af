"""`hundi import FILE`: the same engine as the upload, run by the worker, with a progress bar (design §5 "Bulk")."""

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec

from hundi.cli.actor import operator, the_seller
from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.files.store import FileTooLarge
from hundi.http.idempotency import Call
from hundi.imports import queries, service
from hundi.imports.errors import FileRefusal
from hundi.imports.schemas import StoredResult
from hundi.kit.ids import SellerId

_BLOCK: Final = 1024 * 1024
_LOOK_S: Final = 0.2


async def import_invoices(settings: Settings, file: Path, seller: str | None, *, quiet: bool) -> dict[str, Any]:
    """Hand the file to the worker and wait for its end; give the BulkResponse. Needs a running worker."""
    if not await asyncio.to_thread(file.is_file):
        message = f"{file} is no file."
        raise Refused(message)
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        import_id = await _hand_over(parts, seller_id, file)
        await _watch(parts, seller_id, import_id, quiet=quiet)
        async with parts.db.read(seller_id) as tx:
            row = await queries.one(tx, import_id)
    if row.state == service.REFUSED:
        refusal = msgspec.json.decode(row.refusal or "", type=FileRefusal)
        lines = [refusal.message, *(f"  {problem.field}: {problem.message}" for problem in refusal.problems)]
        raise Refused("\n".join(lines))
    result = msgspec.json.decode(row.result or "", type=StoredResult)
    document: dict[str, Any] = msgspec.to_builtins(result.payload, builtin_types=())
    return document


async def _hand_over(parts: Parts, seller_id: SellerId, file: Path) -> str:
    who = operator(seller_id, parts.clock.now())
    import_id = service.new_import_id(parts.clock.now())
    limit = parts.settings.upload_limit_mb * 1024 * 1024
    try:
        async with parts.files.spool(limit) as spool:
            with file.open("rb") as source:
                while block := await asyncio.to_thread(source.read, _BLOCK):
                    await spool.write(block)
            await spool.finish()
            kept = await parts.files.keep(f"imports/{import_id}/upload", spool)
    except FileTooLarge as error:
        message = f"{file} is larger than {parts.settings.upload_limit_mb} MiB (HUNDI_UPLOAD_LIMIT_MB)."
        raise Refused(message) from error
    options = service.Options(chunk_rows=parts.settings.chunk_rows, base_url=parts.base_url)
    call = Call(actor=who, key=None, fingerprint=b"")
    async with parts.db.transaction(seller_id) as tx:
        await service.receive(tx, call, import_id=import_id, kept=kept, name=file.name, options=options)
    return import_id


async def _watch(parts: Parts, seller_id: SellerId, import_id: str, *, quiet: bool) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("reading", total=None)
        while True:
            async with parts.db.read(seller_id) as tx:
                row = await queries.one(tx, import_id)
                progress = await queries.progress(tx, import_id)
            if row.total_count is not None:
                bar.update(task, description="importing", total=row.total_count, completed=progress["done"])
            if row.state in service.SETTLED:
                return
            await asyncio.sleep(_LOOK_S)
