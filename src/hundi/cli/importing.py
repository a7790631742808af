"""`hundi import FILE`: the same engine as the upload, run by the worker, with a progress bar (design §5 "Bulk")."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from hundi.cli.actor import operator, the_seller
from hundi.cli.output import Refused, say
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.files.store import FileTooLarge
from hundi.http.envelope import ApiSubError
from hundi.http.idempotency import Call
from hundi.imports import limits, progress, queries, service
from hundi.imports.errors import FileRefusal
from hundi.imports.schemas import ImportStatus, StoredResult
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId

KINDS: Final = {
    "invoices": service.INVOICES, "customers": service.CUSTOMERS, "customer-updates": service.CUSTOMER_UPDATES,
    "pdfs": service.ATTACHMENTS,
}  # fmt: skip
"""What a file may hold, in the command's words."""
_BLOCK: Final = 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024
_LOOK_S: Final = 0.2
_QUIET_S: Final = 10.0
_MOST_NAMED: Final = 5
_SMALL: Final = 50_000
WHOLE_FILE: Final = "file"
"""What a warning about no single column names as its place."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    kind: str = "invoices"
    dry_run: bool = False
    atomic: bool = False
    dispatch: bool = False
    create_customers: bool = False
    failures: Path | None = None
    """Where to write the failure file; None = nowhere, its address is told."""


def words_for(state: str, report: dict[str, Any], wish: Wish, said: Sequence[ApiSubError] = ()) -> str:
    """Say what became of the file: the counts, what is to be said of it as a whole, its first failures, where they all are."""
    done = "would be imported" if wish.dry_run else "imported"
    text = (
        f"{report['success_count']} of {report['total_count']} rows {done}, {report['failure_count']} failed, "
        f"{report['warn_count']} with warnings."
    )
    if state == service.CANCELLED:
        text = f"The import was cancelled: {text}"
    lines = [text, *(one.message for one in said if one.field == WHOLE_FILE)]
    unknown = [one.field for one in said if one.field != WHOLE_FILE]
    if unknown:
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        lines.append(f"Not imported, because nobody knows these columns: {', '.join(unknown[:_MOST_NAMED])}{more}.")
    lines += [f"  row {one['row']}: {one['error_message']}" for one in report["failureRequests"][:_MOST_NAMED]]
    if report["failure_count"] > _MOST_NAMED:
        lines.append(f"  … and {report['failure_count'] - _MOST_NAMED} more, all of them in the failure file")
    if report["failure_count"] and wish.failures is not None:
        lines.append(f"Failures to correct and import again: {wish.failures}")
    elif report["failure_count"] and report.get("failure_file_url"):
        lines.append(f"Failures to correct and import again: {report['failure_file_url']}")
    return "\n".join(lines)


def _check_place(file: Path, failures: Path | None) -> None:
    """Refuse a place for the failures before anything is imported: what is there then cannot be said any more."""
    if failures is None:
        return
    is_there = failures.exists()
    if is_there and failures.samefile(file):
        message = f"--failures: {failures} is the file to be imported, and would be lost: name another one."
        raise Refused(message)
    try:
        failures.open("ab").close()
        if not is_there:
            failures.unlink()
    except OSError as error:
        message = f"--failures: {failures} cannot be written ({error.strerror}): name another file."
        raise Refused(message) from error


async def _keep_failures(parts: Parts, import_id: str, path: Path) -> list[ApiSubError]:
    """Write the failure file of a settled import to ``path``; say so where that is named as another kind of file."""
    said = []
    with path.open("wb") as out:
        async for key in parts.files.older(f"imports/{import_id}", parts.clock.now() + timedelta(days=1)):
            if key.rpartition("/")[2].startswith("failure-"):
                ending = Path(key).suffix
                if path.suffix.lower() != ending:
                    message = f"The failure file is of the kind {ending}: to open it, rename it so."
                    said = [ApiSubError(WHOLE_FILE, "FILE_NAME", message)]
                async for block in parts.files.stream(key):
                    await asyncio.to_thread(out.write, block)
    return said


async def import_file(
    settings: Settings, file: Path, seller: str | None, wish: Wish, *, quiet: bool
) -> tuple[str, dict[str, Any], list[ApiSubError]]:
    """Hand the file to the worker and wait for its end; give the state it ended in, the BulkResponse, and the warnings.

    Needs a running worker. Raises ``Refused`` where the file as a whole is refused, or the wait was broken off.
    """
    if wish.kind not in KINDS:
        message = f"--kind: there is no kind '{wish.kind}'; use {', '.join(KINDS)}."
        raise Refused(message)
    if not await asyncio.to_thread(file.is_file):
        message = f"{file} is no file."
        raise Refused(message)
    await asyncio.to_thread(_check_place, file, wish.failures)
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        import_id = await _hand_over(parts, seller_id, file, wish)
        with _broken_off() as wanted_out:
            ended = await _watch(parts, seller_id, import_id, wanted_out, quiet=quiet)
        if not ended:
            message = (
                f"The import goes on in the worker. Look at it: GET {progress.address(parts.base_url, import_id)}\n"
                f"Stop it: POST {progress.address(parts.base_url, import_id)}/cancel"
            )
            raise Refused(message)
        async with parts.db.read(seller_id) as tx:
            row = await queries.one(tx, import_id)
        result = msgspec.json.decode(row.result, type=StoredResult) if row.result else None
        said: list[ApiSubError] = []
        if wish.failures is not None and result is not None and result.payload.failure_count:
            said = await _keep_failures(parts, import_id, wish.failures)
    if row.state == service.REFUSED:
        refusal = msgspec.json.decode(row.refusal or "", type=FileRefusal)
        lines = [refusal.message, *(f"  {problem.field}: {problem.message}" for problem in refusal.problems)]
        raise Refused("\n".join(lines))
    if result is None:
        message = "The import has ended without a result: look at the worker's log."
        raise Refused(message)
    document: dict[str, Any] = msgspec.to_builtins(result.payload, builtin_types=())
    return row.state, document, [*result.warnings, *said]


async def _hand_over(parts: Parts, seller_id: SellerId, file: Path, wish: Wish) -> str:
    who = operator(seller_id, parts.clock.now())
    import_id = service.new_import_id(parts.clock.now())
    async with parts.db.read(seller_id) as tx:
        bounds = await limits.bounds(tx, parts.settings)
    try:
        async with parts.files.spool(bounds.megabytes * _MEBIBYTE) as spool:
            with file.open("rb") as source:
                while block := await asyncio.to_thread(source.read, _BLOCK):
                    await spool.write(block)
            await spool.finish()
            kept = await parts.files.keep(f"imports/{import_id}/upload", spool)
            store = await parts.files.named()
    except FileTooLarge as error:
        message = f"{file} is larger than {bounds.megabytes} MiB (HUNDI_UPLOAD_LIMIT_MB, or the company's own limit)."
        raise Refused(message) from error
    options = service.Options(
        chunk_rows=service.chunk_rows_for(kept.size, parts.settings.chunk_rows), base_url=parts.base_url,
        dry_run=wish.dry_run, atomic=wish.atomic, dispatch=wish.dispatch, create_customers=wish.create_customers,
        row_limit=bounds.rows, store=store,
    )  # fmt: skip
    call = Call(actor=who, key=None, fingerprint=b"")
    async with parts.db.transaction(seller_id) as tx:
        await limits.check_waiting(tx)
        await service.receive(
            tx, call, import_id=import_id, kept=kept, name=file.name, options=options, kind=KINDS[wish.kind]
        )
    return import_id


@contextlib.contextmanager
def _broken_off() -> Iterator[asyncio.Event]:
    """Turn Ctrl-C into an event for as long as the command waits: the import is the worker's, not the command's."""
    wanted_out = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, wanted_out.set)
    try:
        yield wanted_out
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _watch(parts: Parts, seller_id: SellerId, import_id: str, wanted_out: asyncio.Event, *, quiet: bool) -> bool:
    """Show how the import goes until it has ended; False where the person at the keyboard has had enough of it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    waited = 0.0
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("waiting for the worker", total=None, speed="")
        while not wanted_out.is_set():
            status = await _far(parts, seller_id, import_id)
            if status is not None and status.state in service.SETTLED:
                _show(bar, task, status)
                return True
            if status is not None:
                _show(bar, task, status)
                waited += _LOOK_S if status.startedOn is None else 0.0
                if waited > _QUIET_S:
                    waited = -1e9
                    say("Nothing has begun it yet: is `hundi up` or `hundi worker` running?")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wanted_out.wait(), _LOOK_S)
    return False


async def _far(parts: Parts, seller_id: SellerId, import_id: str) -> ImportStatus | None:
    """Ask how far the import is; None while the database is away."""
    try:
        async with parts.db.read(seller_id) as tx:
            return await progress.far(tx, import_id, parts.base_url)
    except Transient:
        return None


def _show(bar: Any, task: Any, status: ImportStatus) -> None:
    ahead = status.modes.dryRun or status.modes.atomic
    done = status.rowsJudged if ahead else status.doneRows
    speed = f"{status.rowsPerSecond:,} rows/s" if status.rowsPerSecond else ""
    if status.totalRows is not None:
        words = "checking" if status.modes.dryRun else "importing"
        bar.update(task, description=words, total=status.totalRows, completed=done, speed=speed)
    elif status.startedOn is not None:
        # Before the end is known rows are counted by whole chunks: of a small file that is no number to show.
        read = status.rowsRead if status.rowsRead > _SMALL else 0
        bar.update(task, description="reading", completed=read, speed=speed)
