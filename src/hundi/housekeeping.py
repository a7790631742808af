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

log = structlog.get_logger("hundi.housekeeping")

EVERY_S: Final = 60
SWEEP_EVERY_S: Final = 3600
_PURGE: Final = "SELECT purge_expired($1)"


async def housekeep(db: Database, stop: asyncio.Event, *, files: FileStore, result_days: int) -> None:
    """Seal and purge once a minute until told to stop, and once an hour sweep the file store.

    Several workers may do so at the same time.
    """
    sweep_at = 0.0
    while not stop.is_set():
        try:
            sealed = await seal_due(db)
            async with db.unbound() as tx:
                purged = int(await tx.fetchval(_PURGE, tx.now))
            swept = 0
            if time.monotonic() >= sweep_at:
                swept = await sweep(db, files, days=result_days)
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
