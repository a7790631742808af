"""Opening what a process needs, from settings: used by serve, worker and the commands alike."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
from obstore.exceptions import BaseError

from hundi.cli.keys import keyring_of
from hundi.cli.names import ADDRESS_FILE
from hundi.config import BadSetting, Settings, address_of
from hundi.db.embedded import FolderLock, running_urls
from hundi.db.pool import Database, open_database
from hundi.db.revisions import SchemaBehind, check_server, current_revision, newest_revision, schema_sentence
from hundi.files.store import FileStore
from hundi.kit.clock import Clock, SystemClock
from hundi.kit.keys import Keyring
from hundi.network.membership import membership

_STARTING_S: Final = 30
_LOOK_S: Final = 0.1


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """An open database and what goes with it."""

    settings: Settings
    db: Database
    clock: Clock
    keyring: Keyring
    files: FileStore
    base_url: str


def with_running_database(settings: Settings) -> Settings:
    """Fill in the addresses of the PostgreSQL that a running `hundi up` keeps in the data folder, if none are set."""
    if settings.database_url:
        return settings
    urls = running_urls(settings.data_dir)
    until = time.monotonic() + _STARTING_S
    while urls is None and FolderLock.is_held(settings.data_dir) and time.monotonic() < until:
        time.sleep(_LOOK_S)  # `up` is starting or recovering
        urls = running_urls(settings.data_dir)
    if urls is None and FolderLock.is_held(settings.data_dir):
        message = (
            f"The hundi on {settings.data_dir.absolute()} is not ready yet, or runs on a database of its own: wait a "
            "little, or give --database-url and HUNDI_OWNER_URL."
        )
        raise BadSetting(message)
    if urls is None:
        message = (
            f"No database: HUNDI_DATABASE_URL is not set and no hundi is running on {settings.data_dir.absolute()}. "
            "Start `hundi up` (a central unit by itself: `hundi network serve`), or name the database."
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


def check_settings(settings: Settings) -> None:
    """Try what serve and worker will need of the settings, so that a bad one is said before anything starts."""
    keyring_of(settings)
    membership(settings)
    if settings.smtp_url:
        # `up` lives as long as its children and sends no mail: without a mail server it need not know how.
        from hundi.dispatch.mailers import open_mailer

        open_mailer(settings)
    if settings.irp_keys:
        from hundi.network.scrutiny import keys_of

        keys_of(settings)
    open_files(settings)


def open_files(settings: Settings) -> FileStore:
    """Open the file store; raises :class:`BadSetting` where its address is no good."""
    try:
        return FileStore.open(settings.files_url, settings.data_dir)
    except (ValueError, OSError, BaseError) as error:
        message = f"HUNDI_FILES_URL: {error}."
        raise BadSetting(message) from error


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
            files=open_files(settings),
            base_url=address_of(settings),
        )
    finally:
        await db.close()
