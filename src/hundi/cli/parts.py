"""Opening what a process needs, from settings: used by serve, worker and the commands alike."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec

from hundi.cli.names import ADDRESS_FILE, SECRET_FILE
from hundi.config import BadSetting, Settings
from hundi.db.embedded import running_urls
from hundi.db.pool import Database, open_database
from hundi.db.upgrade import SchemaBehind, check_server, current_revision, newest_revision, schema_sentence
from hundi.files.store import FileStore
from hundi.kit.clock import Clock, SystemClock
from hundi.kit.keys import Keyring


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """An open database and what goes with it."""

    settings: Settings
    db: Database
    clock: Clock
    keyring: Keyring
    files: FileStore
    base_url: str


def address(settings: Settings) -> str:
    """Give how customers reach this server."""
    return (settings.base_url or f"http://{settings.host}:{settings.port}").rstrip("/")


def keyring_of(settings: Settings) -> Keyring:
    """Read the secret from the setting or from DIR/secret.key; refuse to go on without one."""
    secret = settings.secret_key
    if not secret:
        path = settings.data_dir / SECRET_FILE
        if not path.exists():
            message = (
                "HUNDI_SECRET_KEY is not set, and there is no secret.key in the data folder. Set it and start again."
            )
            raise BadSetting(message)
        secret = path.read_text(encoding="utf-8").strip()
    try:
        return Keyring.parse(secret)
    except ValueError as error:
        raise BadSetting(str(error)) from error


def with_running_database(settings: Settings) -> Settings:
    """Fill in the addresses of the PostgreSQL that a running `hundi up` keeps in the data folder, if none are set."""
    if settings.database_url:
        return settings
    urls = running_urls(settings.data_dir)
    if urls is None:
        message = (
            f"No database: HUNDI_DATABASE_URL is not set and no hundi is running on {settings.data_dir}. "
            "Start `hundi up`, or name the database."
        )
        raise BadSetting(message)
    return msgspec.structs.replace(
        settings,
        database_url=urls.app,
        owner_url=urls.owner,
        loader_url=urls.loader,
        base_url=settings.base_url or _running_address(settings.data_dir),
    )


def _running_address(data_dir: Path) -> str | None:
    """Read the address that `up` left in the data folder; links made by commands then lead to the running server."""
    path = data_dir / ADDRESS_FILE
    return path.read_text(encoding="ascii").strip() if path.exists() else None


async def check_schema(dsn: str) -> None:
    """Refuse an old PostgreSQL and a schema that is not this version's."""
    connection = await asyncpg.connect(dsn)
    try:
        await check_server(connection)
        found = await current_revision(connection)
    finally:
        await connection.close()
    if found != newest_revision():
        raise SchemaBehind(schema_sentence(found))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """Open everything, lend it, close it."""
    if not settings.database_url:
        message = "HUNDI_DATABASE_URL is not set."
        raise BadSetting(message)
    keyring = keyring_of(settings)
    await check_schema(settings.database_url)
    clock = SystemClock()
    db = await open_database(
        settings.database_url,
        clock,
        loader_dsn=settings.loader_url,
        max_size=settings.pool_size,
        pgbouncer=settings.direct_url is not None,
    )
    try:
        yield Parts(
            settings=settings,
            db=db,
            clock=clock,
            keyring=keyring,
            files=FileStore.open(settings.files_url, Path(settings.data_dir)),
            base_url=address(settings),
        )
    finally:
        await db.close()
