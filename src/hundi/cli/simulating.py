"""`hundi network simulate --store postgres`: the simulator's script over real tables."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from hundi.cli.output import Refused
from hundi.db.embedded import EmbeddedPostgres
from hundi.db.upgrade import upgrade
from hundi.network.over_postgres import NotEmpty, ends_over
from hundi.network.simulator.ledger import Outcome, simulate
from hundi.network.simulator.world import Scenario, names_of


async def over_postgres(scenario: Scenario, app_url: str | None) -> Outcome:
    """Run a scenario in a database behind an address, or in a PostgreSQL that lives no longer than the run.

    Raises :class:`Refused` where a network is in that database already.
    """
    async with _address(app_url) as url:
        connection: Any = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
        try:
            return await simulate(scenario, await ends_over(connection, names_of(scenario)))
        except NotEmpty as error:
            message = "There is a network in this database; a simulation needs one without. Leave --database-url out."
            raise Refused(message) from error
        finally:
            await connection.close()


@asynccontextmanager
async def _address(app_url: str | None) -> AsyncIterator[str]:
    if app_url is not None:
        yield app_url
        return
    with tempfile.TemporaryDirectory(prefix="hundi-simulate-") as folder:
        server = EmbeddedPostgres(Path(folder))
        urls = await server.start()
        try:
            await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
            owner = await asyncpg.connect(urls.owner)
            # Nothing here has to outlive a power cut.
            await owner.execute("ALTER DATABASE hundi SET synchronous_commit = off")
            await owner.close()
            yield urls.app
        finally:
            await server.stop()
