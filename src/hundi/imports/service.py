"""Verbs on imports: receive a file, start, refuse, finish. Each is one part of one transaction."""

from datetime import timedelta
from typing import Any, Final

import msgspec

from hundi.audit.service import as_json, emit, record
from hundi.db.pool import Transaction
from hundi.files.store import Kept
from hundi.http.idempotency import Call, KeyReused
from hundi.imports import queries
from hundi.imports.errors import FileRefusal, ImportNotFound
from hundi.imports.schemas import BulkResponse, StoredResult
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.ids import new_id

RECEIVED: Final = "RECEIVED"
RUNNING: Final = "RUNNING"
DONE: Final = "DONE"
REFUSED: Final = "REFUSED"
CANCELLED: Final = "CANCELLED"
SETTLED: Final = frozenset({DONE, REFUSED, CANCELLED})
INVOICES: Final = "invoices"
CUSTOMERS: Final = "customers"
CUSTOMER_UPDATES: Final = "customer_updates"
ATTACHMENTS: Final = "attachments"
RUN_JOB: Final = "imports.run"
DISPATCH_JOB: Final = "invoices.dispatch_requested"
STALE: Final = timedelta(seconds=60)
"""A running import that gave no sign for so long does not keep others waiting: its job is parked, or the worker gone."""
_DISPATCH_AT_ONCE: Final = 1000
_FEWEST_ROWS: Final = 10_000
_BYTES_OF_A_SIXTH: Final = 800  # an invoice is a line of some 130 bytes

_CLAIM: Final = """
    INSERT INTO idempotency_keys (seller_id, subject, key, request_hash, import_id, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT ON CONSTRAINT idempotency_keys_pk DO UPDATE
       SET request_hash = excluded.request_hash, created_at = excluded.created_at, import_id = excluded.import_id,
           status = NULL, reply = NULL, facts = NULL
     WHERE idempotency_keys.created_at < excluded.created_at - interval '24 hours'
    RETURNING true"""
_RECEIVE: Final = """
    INSERT INTO imports (seller_id, import_id, kind, state, file_key, file_name, file_hash, file_size, actor, options, created_at)
    VALUES ($1, $2, $3, 'RECEIVED', $4, $5, $6, $7, $8, $9, $10)"""
_TAKE: Final = """
    UPDATE imports SET state = 'RUNNING', run_by = $3, progress_at = $4, started_at = coalesce(started_at, $4)
     WHERE seller_id = $1 AND import_id = $2 AND state IN ('RECEIVED', 'RUNNING')"""
_START: Final = """
    UPDATE imports SET state = 'RUNNING', started_at = coalesce(started_at, $3), total_count = coalesce($4, total_count)
     WHERE seller_id = $1 AND import_id = $2 AND state IN ('RECEIVED', 'RUNNING')"""
_PROGRESS: Final = """
    UPDATE imports SET rows_read = greatest(rows_read, $3), rows_judged = greatest(rows_judged, $4), progress_at = $5
     WHERE seller_id = $1 AND import_id = $2 AND state = 'RUNNING' RETURNING cancel_requested_at IS NULL"""
# Weaker than what settles an import: chunks that are being written are not waited for.
_CANCEL: Final = """
    SELECT state FROM imports WHERE seller_id = $1 AND import_id = $2 FOR NO KEY UPDATE"""
# Until its rows are counted nothing of a file is judged: whoever reads it learns that it is over when it would begin.
_CANCELLED: Final = """
    UPDATE imports SET state = CASE WHEN total_count IS NULL THEN 'CANCELLED' ELSE state END,
           cancel_requested_at = coalesce(cancel_requested_at, $3), cancelled_by = coalesce(cancelled_by, $4),
           result = CASE WHEN total_count IS NULL THEN $5::jsonb ELSE result END,
           finished_at = CASE WHEN total_count IS NULL THEN $3 ELSE finished_at END
     WHERE seller_id = $1 AND import_id = $2 RETURNING state"""
# An import whose job is parked, or was lost, would never see that it is to stop.
_TAKE_OVER: Final = """
    UPDATE imports SET run_by = $3, progress_at = $4
     WHERE seller_id = $1 AND import_id = $2 AND state = 'RUNNING' AND progress_at < $5 RETURNING true"""
_REFUSE: Final = """
    UPDATE imports SET state = 'REFUSED', refusal = $3, finished_at = $4
     WHERE seller_id = $1 AND import_id = $2 AND state IN ('RECEIVED', 'RUNNING')
       AND NOT EXISTS (SELECT 1 FROM import_chunks c WHERE c.seller_id = $1 AND c.import_id = $2)"""
_LOCK: Final = "SELECT state FROM imports WHERE seller_id = $1 AND import_id = $2 FOR UPDATE"
# Held while a chunk is written: nobody settles the import meanwhile, and its progress can still be written.
_STAY: Final = "SELECT state FROM imports WHERE seller_id = $1 AND import_id = $2 FOR KEY SHARE"
_MAY_STOP: Final = """
    SELECT state = 'RUNNING' AND cancel_requested_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM import_chunks c WHERE c.seller_id = $1 AND c.import_id = $2)
      FROM imports WHERE seller_id = $1 AND import_id = $2"""
_FINISH: Final = """
    UPDATE imports SET state = $3, result = $4, finished_at = $5, refusal = $6 WHERE seller_id = $1 AND import_id = $2"""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was settled when the file came and holds for the whole import, whoever resumes it.

    ``dry_run``: every row is judged and reported, nothing is written. ``atomic``: all rows or none. ``dispatch``: all
    successes are sent afterwards. ``create_customers``: customers an invoice names and nobody knows are made from its
    row. ``row_limit``: the rows a file may have, where the seller has a limit of its own. ``store``: the name of the store
    that took the file; unknown of files that came before stores had names.
    """

    chunk_rows: int
    base_url: str
    dry_run: bool = False
    atomic: bool = False
    dispatch: bool = False
    create_customers: bool = False
    row_limit: int | None = None
    store: str | None = None


async def joined(tx: Transaction, call: Call) -> str | None:
    """Give the import a key is bound to, or None where it is free. Raises ``KeyReused`` when the request differs."""
    found = await queries.bound(tx, call.actor.subject, call.key or "")
    if found is None:
        return None
    if found["request_hash"] != call.fingerprint or found["import_id"] is None:
        raise KeyReused
    return str(found["import_id"])


async def receive(
    tx: Transaction, call: Call, *, import_id: str, kept: Kept, name: str, options: Options, kind: str = INVOICES
) -> str:
    """Write down that a file has come, and ask for its import; give the import's id.

    With a key that another request took in the meantime that one's import is given, and nothing is written.
    """
    who = call.actor
    if call.key is not None:
        taken = await tx.fetchval(_CLAIM, tx.seller_id, who.subject, call.key, call.fingerprint, import_id, tx.now)
        if not taken:
            earlier = await joined(tx, call)
            if earlier is None:
                raise KeyReused
            return earlier
    await tx.execute(
        _RECEIVE,
        tx.seller_id,
        import_id,
        kind,
        kept.key,
        name,
        kept.sha256,
        kept.size,
        as_json(who),
        as_json(options),
        tx.now,
    )
    facts = {"kind": kind, "fileName": name, "fileSize": kept.size, "sha256": kept.sha256.hex()}
    await record(tx, who, "import.receive", kind="import", object_id=import_id, after=facts)
    await enqueue(tx, RUN_JOB, ids={"import_id": import_id})
    return import_id


async def take(tx: Transaction, import_id: str, ticket: str) -> None:
    """Let the job of this ticket have the import: it alone goes on with it (decision 0011)."""
    await tx.execute(_TAKE, tx.seller_id, import_id, ticket, tx.now)


async def start(tx: Transaction, import_id: str, total: int | None = None) -> bool:
    """Say that an import runs, and how many rows it has once that is known; tell whether it may run at all."""
    return (await tx.execute(_START, tx.seller_id, import_id, tx.now, total)).endswith(" 1")


async def advance(tx: Transaction, import_id: str, *, read: int, judged: int = 0) -> bool:
    """Say how many rows were read and judged so far (neither ever goes back); tell whether the import is to go on."""
    return bool(await tx.fetchval(_PROGRESS, tx.seller_id, import_id, read, judged, tx.now))


async def stay(tx: Transaction, import_id: str) -> str:
    """Give an import's state, and keep others from settling it until the transaction ends."""
    return str(await tx.fetchval(_STAY, tx.seller_id, import_id))


async def cancel(tx: Transaction, actor: Actor, import_id: str) -> str:
    """Ask for an import to be stopped; give its state now.

    One that waits, or whose file is being read, or whose file store is away before anything was read, is CANCELLED at once.
    One whose rows are being imported stays RUNNING until its worker stops before its next
    chunk: what is written by then stays and is in the result files (an atomic import has written nothing); where no
    worker has given a sign of life for :data:`STALE`, another job is asked to do that. One that is settled stays as it
    is. Raises :class:`ImportNotFound`.
    """
    state = await tx.fetchval(_CANCEL, tx.seller_id, import_id)
    if state is None:
        raise ImportNotFound
    if state in SETTLED:
        return str(state)
    nothing = StoredResult(payload=BulkResponse.empty(), warnings=[])
    state = await tx.fetchval(_CANCELLED, tx.seller_id, import_id, tx.now, actor.subject, as_json(nothing))
    ticket = new_id("trn", tx.now)
    if await tx.fetchval(_TAKE_OVER, tx.seller_id, import_id, ticket, tx.now, tx.now - STALE):
        await enqueue(tx, RUN_JOB, ids={"import_id": import_id, "ticket": ticket})
    await record(tx, actor, "import.cancel", kind="import", object_id=import_id, after={"state": state})
    if state == CANCELLED:
        await emit(tx, "import.cancelled", kind="import", object_id=import_id, data={"success_count": 0})
    return str(state)


async def refuse(tx: Transaction, actor: Actor, import_id: str, refusal: FileRefusal) -> bool:
    """Say that nothing of the file is imported, and why; tell whether that is so now.

    An import with a written chunk cannot be refused any more; one that is settled stays as it is.
    """
    done = await tx.execute(_REFUSE, tx.seller_id, import_id, as_json(refusal), tx.now)
    if done.endswith(" 1"):
        facts = {"code": refusal.problems[0].code, "message": refusal.message}
        await record(tx, actor, "import.refuse", kind="import", object_id=import_id, after=facts)
        await emit(tx, "import.refused", kind="import", object_id=import_id, data=facts)
    return await queries.state(tx, import_id) in SETTLED


async def stop(tx: Transaction, actor: Actor, import_id: str) -> bool:
    """Settle a running import that is to be cancelled and has written nothing; tell whether it was one.

    For where its file cannot be had just now, so that nothing but this could end it.
    """
    await lock(tx, import_id)
    if not await tx.fetchval(_MAY_STOP, tx.seller_id, import_id):
        return False
    await finish(tx, actor, import_id, StoredResult(payload=BulkResponse.empty(), warnings=[]), [], state=CANCELLED)
    return True


async def lock(tx: Transaction, import_id: str) -> str:
    """Keep others from settling an import until this transaction ends; give its state."""
    return str(await tx.fetchval(_LOCK, tx.seller_id, import_id))


async def finish(
    tx: Transaction, actor: Actor, import_id: str, result: StoredResult, dispatch: list[str], *, state: str = DONE,
    refusal: FileRefusal | None = None,
) -> None:  # fmt: skip
    """Settle an import that is locked: its reply, its traces, and the dispatch that rows asked for.

    ``state`` is DONE, or CANCELLED where not every chunk was written; ``refusal`` then says why, if nobody asked for it.
    """
    reason = as_json(refusal) if refusal is not None else None
    await tx.execute(_FINISH, tx.seller_id, import_id, state, as_json(result), tx.now, reason)
    payload = result.payload
    facts: dict[str, Any] = {
        "success_count": payload.success_count, "failure_count": payload.failure_count, "warn_count": payload.warn_count,
        "total_amount": payload.total_amount,
    }  # fmt: skip
    await record(tx, actor, "import.finish", kind="import", object_id=import_id, after=facts)
    event = "import.finished" if state == DONE else "import.cancelled"
    await emit(tx, event, kind="import", object_id=import_id, data=facts)
    for at in range(0, len(dispatch), _DISPATCH_AT_ONCE):
        await enqueue(tx, DISPATCH_JOB, ids={"invoice_ids": dispatch[at : at + _DISPATCH_AT_ONCE]})


def chunk_rows_for(size: int, most: int) -> int:
    """Choose the rows of a chunk for a file of ``size`` bytes: ``most`` for large files, fewer for smaller ones.

    Some six chunks keep both connections busy while the next chunk is judged, and take less memory; below ten thousand
    rows a chunk's own cost would show.
    """
    return min(most, max(_FEWEST_ROWS, size // _BYTES_OF_A_SIXTH))


def new_import_id(tx_now: Any) -> str:
    """Make the id of an import."""
    return new_id("imp", tx_now)
