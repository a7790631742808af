"""What happens by the clock and not by request: audit seals, and the end of what has expired."""

import asyncio
from typing import Final

import structlog

from hundi.audit.chain import seal_due
from hundi.db.pool import Database
from hundi.kit.errors import Transient

log = structlog.get_logger("hundi.housekeeping")

EVERY_S: Final = 60
_PURGE: Final = "SELECT purge_expired($1)"


async def housekeep(db: Database, stop: asyncio.Event) -> None:
    """Seal and purge once a minute until told to stop; several workers may do so at the same time."""
    while not stop.is_set():
        try:
            sealed = await seal_due(db)
            async with db.unbound() as tx:
                purged = int(await tx.fetchval(_PURGE, tx.now))
        except Transient as error:
            log.warning("housekeeping waits for the database", error=type(error).__name__)
        else:
            if sealed or purged:
                log.info("housekeeping", sealed=sealed, purged=purged)
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue
