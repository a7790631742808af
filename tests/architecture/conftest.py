"""A connection as the owner, for the tests that read the catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from hundi.db.embedded import Urls


@pytest.fixture(scope="session")
async def catalogue(database_urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection of the owner to the migrated database."""
    connection = await asyncpg.connect(database_urls.owner)
    yield connection
    await connection.close()
