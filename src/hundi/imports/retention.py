"""The end of uploads and result files: after so many days, and of what killed processes left behind (decision 0012)."""

from datetime import timedelta
from typing import Final

from hundi.db.pool import Database
from hundi.files.store import FileStore

FOLDER: Final = "imports/"
GRACE: Final = timedelta(days=1)
"""What is younger is left alone: its row may not be written yet."""
_AT_ONCE: Final = 500
_KEPT: Final = "SELECT import_id FROM imports_kept($1::text[], $2) AS import_id"


async def sweep(db: Database, files: FileStore, *, days: int) -> int:
    """Remove the files of imports that ended more than ``days`` days ago, and those no import has; give their number.

    A link to such a file is answered with 404 and a sentence; the import itself stays with its counts.
    """
    now = db.clock.now()
    removed = await files.remove_leftovers(now - GRACE)
    by_import: dict[str, list[str]] = {}
    async for key in files.older(FOLDER, now - GRACE):
        by_import.setdefault(key.removeprefix(FOLDER).partition("/")[0], []).append(key)
    ids = list(by_import)
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        async with db.unbound() as tx:
            kept = {row["import_id"] for row in await tx.fetch(_KEPT, some, now - timedelta(days=days))}
        for import_id in some:
            if import_id in kept:
                continue
            for key in by_import[import_id]:
                await files.delete(key)
                removed += 1
    return removed
