"""What happens by the clock and not by request: audit seals, and the end of what has expired."""

import asyncio
import time
from typing import Final

import structlog
from obstore.exceptions import BaseError

from hundi.audit.chain import seal_due
from hundi.db.pool import Database
from hundi.files.store import FileStore
from hundi.imports.retention import sweep
from hundi.kit.errors import Transient
from hundi.network.protocol.identifiers import parcel_floor
from hundi.network.protocol.mailbox import KEPT
from hundi.network.retention import purge_provider_mail

log = structlog.get_logger("hundi.housekeeping")

EVERY_S: Final = 60
SWEEP_EVERY_S: Final = 3600
_PURGE: Final = "SELECT purge_expired($1)"
_PURGE_NETWORK: Final = "SELECT purge_network($1, $2, $3)"
# By the database's clock, which is the queue's: a job that was put there, or picked, in time to come was so by a clock that
# has been set back since. It runs after the delay it was given then, and one whose worker has died is picked again.
_SET_JOBS_RIGHT: Final = """
    UPDATE pgqueuer
       SET execute_after = now() + greatest(execute_after - greatest(created, updated), interval '0'),
           created = least(created, now()), updated = now()
     WHERE status = 'queued' AND greatest(created, updated) > now() + interval '5 minutes' RETURNING id"""
_SET_PICKED_RIGHT: Final = """
    UPDATE pgqueuer SET heartbeat = now()
     WHERE status = 'picked' AND heartbeat > now() + interval '5 minutes' RETURNING id"""
_AT_A_TIME: Final = 5000
_STEPS: Final = 20


async def housekeep(
    db: Database, stop: asyncio.Event, *, files: FileStore | None, result_days: int, network_days: int
) -> None:
    """Seal, purge and set jobs right once a minute until told to stop, and once an hour sweep the file store.

    Several workers may do so at the same time. The days say how long results of imports and what went between companies and
    their providers are kept. ``files`` is None where the database has no imports: a central unit by
    itself would take the files of a server that keeps its own in the same folder for nobody's.
    """
    sweep_at = 0.0
    while not stop.is_set():
        try:
            sealed = await seal_due(db)
            async with db.unbound() as tx:
                purged = int(await tx.fetchval(_PURGE, tx.now))
            await set_jobs_right(db)
            swept = 0
            if time.monotonic() >= sweep_at:
                swept = await sweep(db, files, days=result_days) if files is not None else 0
                purged += await purge_network(db) + await purge_provider_mail(db, days=network_days)
                sweep_at = time.monotonic() + SWEEP_EVERY_S
        except (Transient, OSError, BaseError) as error:
            log.warning("housekeeping waits for the database or the store", error=type(error).__name__)
        else:
            if sealed or purged or swept:
                log.info("housekeeping", sealed=sealed, purged=purged, swept=swept)
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue


async def set_jobs_right(db: Database) -> int:
    """Let jobs run that a clock which was far ahead has put off until it is that late again; gives how many there were."""
    async with db.unbound() as tx:
        found = len(await tx.fetch(_SET_JOBS_RIGHT)) + len(await tx.fetch(_SET_PICKED_RIGHT))
    if found:
        log.warning("the clock was ahead and has been set back: jobs are due again", jobs=found)
    return found


async def purge_network(db: Database, *, at_a_time: int = _AT_A_TIME) -> int:
    """Forget parcels that were taken over or refused long ago, in steps of their own; gives how many rows went.

    A parcel that comes again after that is refused all the same where its place in a lane is used. At most 20 steps a time:
    the rest waits for the next hour.
    """
    purged = 0
    for _ in range(_STEPS):
        async with db.unbound() as tx:
            before = tx.now - KEPT
            step = int(await tx.fetchval(_PURGE_NETWORK, before, parcel_floor(before), at_a_time))
        purged += step
        if step < at_a_time:
            break
    return purged
