"""Which schema this version needs and which one a database has. Running migrations is :mod:`hundi.db.upgrade`'s.

Every long-running process asks this at its start, so nothing of Alembic is loaded for it: a revision is a file whose name
begins with its number, and numbers only grow (tests/migrations hold that against Alembic's own view).
"""

from functools import cache
from pathlib import Path
from typing import Final

import asyncpg

from hundi.db.embedded import minimum_version_check

_VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"


class SchemaBehind(Exception):
    """The database has another schema than this version of Hundi; the sentence says what to do."""


@cache
def known_revisions() -> tuple[str, ...]:
    """Give the revisions this version of Hundi knows, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*_*.py")))


def newest_revision() -> str:
    """Give the revision this version of Hundi needs."""
    return known_revisions()[-1]


def schema_sentence(found: str | None) -> str:
    """Say what to do about a database whose schema is not this version's: upgrade it, or install a newer Hundi."""
    if found is None or found in known_revisions() or found < newest_revision():
        return (
            f"The database has schema {found or 'none'}; this Hundi needs {newest_revision()}. Run `hundi db upgrade`."
        )
    return (
        f"The database has schema {found}, made by a newer Hundi; this one knows {newest_revision()}. "
        "Install that version, or restore a backup of the older schema."
    )


async def current_revision(connection: asyncpg.Connection) -> str | None:
    """Give the revision the database has, or None where it has none."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return None
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)


async def check_server(connection: asyncpg.Connection) -> None:
    """Refuse a PostgreSQL older than 15 with a sentence."""
    minimum_version_check(int(await connection.fetchval("SHOW server_version_num")))
