"""Whether the file store is there at all: a volume that is not mounted looks as if every file had been deleted."""

from datetime import timedelta
from typing import Final

import structlog

from hundi.files.store import StoreUnavailable
from hundi.imports.kind import Run

log = structlog.get_logger("hundi.imports")

_MOST_WITNESSES: Final = 20
_FRESH: Final = timedelta(days=1)
"""Files of imports that ended no longer ago than this are swept by nobody: HUNDI_RESULT_DAYS is a day at least."""
_WITNESSES: Final = """
    SELECT file_key FROM imports
     WHERE seller_id = $1 AND import_id <> $2 AND (finished_at IS NULL OR finished_at > $3)
     ORDER BY created_at DESC LIMIT $4"""


class StoreAway(StoreUnavailable):
    """The file store is not there: mount its volume, or correct HUNDI_FILES_URL. The import goes on by itself then."""


async def check_store(run: Run) -> None:
    """Return where a missing file is really lost; raise :class:`StoreAway` where this is not the store that took it.

    That is told by the store's name, whatever somebody has written into the mount point of a volume meanwhile. Of a file
    that came before stores had names: other uploads that must be in the store are looked for; where there are none to
    look for, any file in it will do.
    """
    if run.options.store is not None:
        if await run.files.name() == run.options.store:
            return
        log.warning(
            "the file store is not there, or is another one; the import waits for it", import_id=run.row.import_id
        )
        raise StoreAway
    async with run.db.read(run.seller_id) as tx:
        since = tx.now - _FRESH
        rows = await tx.fetch(_WITNESSES, tx.seller_id, run.row.import_id, since, _MOST_WITNESSES)
    for row in rows:
        if await run.files.exists(row["file_key"]):
            return
    if not rows and await run.files.holds_anything():
        return
    log.warning("the file store is not there; the import waits for it", import_id=run.row.import_id)
    raise StoreAway
