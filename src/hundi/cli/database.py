"""`hundi db …`: bringing the schema up to date and saying where it stands."""

import asyncpg
from sqlalchemy.engine import make_url

from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.revisions import SchemaBehind, check_server, current_revision, newest_revision, schema_sentence


def role_of(url: str) -> str:
    """Give the role a database address signs in as."""
    name = make_url(url).username
    if name is None:
        message = "The database address names no user."
        raise Refused(message)
    return name


async def bring_up_to_date(settings: Settings) -> str:
    """Run the migrations and state the grants; give the revision."""
    owner = settings.owner_url
    if owner is None:
        if settings.database_url is None:
            message = "HUNDI_OWNER_URL is not set: migrations run as the owner of the database."
            raise Refused(message)
        connection = await asyncpg.connect(settings.database_url)
        try:
            await check_server(connection)
            found = await current_revision(connection)
        finally:
            await connection.close()
        if found == newest_revision():
            return found
        if found is not None and found > newest_revision():
            raise SchemaBehind(schema_sentence(found))
        message = (
            f"The database has schema {found or 'none'} and this Hundi needs {newest_revision()}. "
            "Set HUNDI_OWNER_URL to the owner's address, so that it can be brought up to date."
        )
        raise Refused(message)
    from hundi.db.upgrade import upgrade

    app = role_of(settings.database_url or owner)
    loader = role_of(settings.loader_url) if settings.loader_url else None
    return await upgrade(owner, app_role=app, loader_role=loader)


async def status(settings: Settings) -> dict[str, str | bool | None]:
    """Say which schema the database has and which this version needs."""
    url = settings.database_url or settings.owner_url
    if url is None:
        message = "HUNDI_DATABASE_URL is not set."
        raise Refused(message)
    connection = await asyncpg.connect(url)
    try:
        await check_server(connection)
        found = await current_revision(connection)
        server = str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()
    needed = newest_revision()
    return {"server": server, "found": found, "needed": needed, "current": found == needed}
