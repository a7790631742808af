"""The end of uploads and result files: after so many days, and of what killed processes left behind (decision 0012).

Only what this database knows goes. Of an upload without a row nobody here can tell whether another database, which keeps its
files in the same store, or the one this was copied from, needs it. The files of attachments are swept too: a chunk of an
archive puts its files into the store before it writes their rows, and when it fails for good nobody else would take them
away. Of those, too, only what an archive of this database brought.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from hundi.db.pool import Database
from hundi.files.store import FileStore

FOLDER: Final = "imports/"
GRACE: Final = timedelta(days=1)
"""What is younger is left alone: its row may not be written yet."""
_AT_ONCE: Final = 500
_FILES_AT_ONCE: Final = 20_000  # each question goes through all rows of files once
ATTACHMENTS: Final = "attachments/"
_EVER: Final = datetime(1900, 1, 1, tzinfo=UTC)
_KEPT: Final = "SELECT import_id FROM imports_kept($1::text[], $2) AS import_id"
_ATTACHED: Final = "SELECT file_key FROM attachments_kept($1::text[]) AS file_key"


async def sweep(db: Database, files: FileStore, *, days: int) -> int:
    """Remove the files of imports that ended more than ``days`` days ago, and what is half-written; give their number.

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
            ours = {row["import_id"] for row in await tx.fetch(_KEPT, some, _EVER)}
            kept = {row["import_id"] for row in await tx.fetch(_KEPT, some, now - timedelta(days=days))}
        for import_id in sorted(ours - kept):
            for key in by_import[import_id]:
                await files.delete(key)
                removed += 1
    return removed + await _sweep_attachments(db, files, now - GRACE)


async def _sweep_attachments(db: Database, files: FileStore, before: datetime) -> int:
    """Remove files that an archive brought, whose import is over, and that no attachment has; give their number."""
    removed = 0
    some: list[str] = []
    async for key in files.older(ATTACHMENTS, before):
        some.append(key)
        if len(some) == _FILES_AT_ONCE:
            removed += await _remove_lost(db, files, some)
            some = []
    return removed + await _remove_lost(db, files, some)


async def _remove_lost(db: Database, files: FileStore, keys: list[str]) -> int:
    if not keys:
        return 0
    async with db.unbound() as tx:
        kept = {row["file_key"] for row in await tx.fetch(_ATTACHED, keys)}
    lost = [key for key in keys if key not in kept]
    for key in lost:
        await files.delete(key)
    return len(lost)
