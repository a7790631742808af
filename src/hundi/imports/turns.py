"""Whose import runs when (decision 0011): so many of one company at a time, and few large ones in one worker.

An import runs under a ticket: the name of the job that took it out of RECEIVED. That job alone goes on with it after a
crash; every other job that finds it running leaves it be. An import whose turn has not come gives its place in the
worker back at once and is asked for again, when an import of its company ends or, were that word lost, a little later.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import structlog

from hundi.db.pool import Database, Transaction
from hundi.imports import service
from hundi.imports.service import RUN_JOB, STALE
from hundi.jobs.queue import enqueue
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId, new_id

log = structlog.get_logger("hundi.imports")

LARGE: Final = 16 * 1024 * 1024
"""Bytes from which a file counts as large: some 100,000 rows."""
BEAT_S: Final = 5.0
_LOOK_AGAIN: Final = timedelta(seconds=5)
_LOOK_AGAIN_LARGE: Final = timedelta(seconds=1)

# One line for each company: the turns of its imports are given one after the other.
_QUEUE_UP: Final = "SELECT 1 FROM sellers WHERE seller_id = $1 FOR NO KEY UPDATE"
_MINE: Final = """
    SELECT state, run_by, file_size, created_at FROM imports WHERE seller_id = $1 AND import_id = $2 FOR NO KEY UPDATE"""
_AHEAD: Final = """
    SELECT count(*) FROM imports
     WHERE seller_id = $1 AND import_id <> $2
       AND (state = 'RUNNING' AND progress_at > $3
            OR state = 'RECEIVED' AND (created_at, import_id) < ($4::timestamptz, $2::text)
               AND coalesce(progress_at, created_at) > $3)"""
_WAITS: Final = "UPDATE imports SET progress_at = $3 WHERE seller_id = $1 AND import_id = $2 AND state = 'RECEIVED'"
_BEAT: Final = "UPDATE imports SET progress_at = $3 WHERE seller_id = $1 AND import_id = $2 AND state = 'RUNNING'"
_NEXT: Final = """
    SELECT import_id FROM imports WHERE seller_id = $1 AND state = 'RECEIVED' ORDER BY created_at, import_id
     LIMIT greatest(0, $2::bigint - (SELECT count(*) FROM imports
                                      WHERE seller_id = $1 AND state = 'RUNNING' AND progress_at > $3))"""


class Turn(StrEnum):
    """What a job is to do with its import."""

    RUN = "RUN"
    LEAVE = "LEAVE"
    """It waits and will be asked for again, or another job has it, or it is settled."""


class Lanes:
    """How many large imports run in this process: each holds a child and some chunks in memory."""

    def __init__(self) -> None:
        self._large = 0

    @contextlib.contextmanager
    def taken(self, size: int, worker_jobs: int) -> Iterator[bool]:
        """Hold a place for an import of ``size`` bytes; gives False, and holds nothing, where large ones have them all."""
        has_room = size < LARGE or self._large < max(1, worker_jobs // 4)
        held = int(has_room and size >= LARGE)
        self._large += held
        try:
            yield has_room
        finally:
            self._large -= held


async def take(tx: Transaction, payload: dict[str, Any], *, at_once: int, full: bool) -> Turn:
    """Give the import of ``payload`` its turn, or see to it that it is asked for again.

    ``at_once`` is the company's quota, ``full`` says that this worker has no place for it.
    """
    import_id, ticket = str(payload["import_id"]), str(payload.get("ticket", ""))
    await tx.execute(_QUEUE_UP, tx.seller_id)
    mine = await tx.fetchrow(_MINE, tx.seller_id, import_id)
    if mine is None or mine["state"] not in {"RECEIVED", "RUNNING"}:
        return Turn.LEAVE
    if mine["state"] == "RUNNING" and (mine["run_by"] or "") != ticket:
        return Turn.LEAVE
    if mine["state"] == "RECEIVED" and (
        full or await tx.fetchval(_AHEAD, tx.seller_id, import_id, tx.now - STALE, mine["created_at"]) >= at_once
    ):
        # Whoever was only told to look again leaves the waiting to the job that waits already.
        if full or not payload.get("told"):
            await tx.execute(_WAITS, tx.seller_id, import_id, tx.now)
            ids = {"import_id": import_id, "ticket": new_id("trn", tx.now)}
            await enqueue(tx, RUN_JOB, ids=ids, delay=_LOOK_AGAIN_LARGE if full else _LOOK_AGAIN)
        return Turn.LEAVE
    await service.take(tx, import_id, ticket)
    return Turn.RUN


async def tell_next(tx: Transaction, *, at_once: int) -> None:
    """Ask for the company's imports whose turn has come: as many as may run beside those that run."""
    for row in await tx.fetch(_NEXT, tx.seller_id, at_once, tx.now - STALE):
        ids = {"import_id": row["import_id"], "ticket": new_id("trn", tx.now), "told": True}
        await enqueue(tx, RUN_JOB, ids=ids)


@asynccontextmanager
async def alive(db: Database, seller_id: SellerId, import_id: str) -> AsyncIterator[None]:
    """Give a sign of life of a running import every few seconds."""
    beating = asyncio.create_task(_beat(db, seller_id, import_id))
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat(db: Database, seller_id: SellerId, import_id: str) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        try:
            async with db.transaction(seller_id) as tx:
                await tx.execute(_BEAT, seller_id, import_id, tx.now)
        except Transient as error:
            log.warning("an import's sign of life is late", import_id=import_id, error=type(error).__name__)
