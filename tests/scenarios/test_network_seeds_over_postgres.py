"""The simulator's seeds over PostgreSQL: the same script, and at the end the same ledger, byte for byte."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from hundi.cli.main import app
from hundi.db.embedded import Urls
from hundi.db.upgrade import upgrade
from hundi.network.over_postgres import NotEmpty, ends_over
from hundi.network.protocol.store import ConcurrentChange
from hundi.network.simulator.ledger import document, simulate, text
from hundi.network.simulator.world import Scenario, names_of
from hundi.network.unit_of_work import UnitOfWork

TIER = os.environ.get("TEST_TIER", "default")
SEEDS = range({"default": 2, "ci": 10, "soak": 100}[TIER])
FAULTS = ("hard", "normal", "none")
CENTRAL = "objects events claims words outbox inbox heights numbers held"
COMPANY = "objects events outbox awaiting inbox heights numbers held"


def scenario(seed: int) -> Scenario:
    """Give a small world; in the larger tiers a middling one."""
    if TIER == "default":
        return Scenario(seed=seed, businesses=7, days=5, faults=FAULTS[seed % 3])
    return Scenario(seed=seed, businesses=5 + seed % 4, days=5 + seed % 4, faults=FAULTS[seed % 3])


@pytest.fixture(scope="module")
async def urls(database_urls: Urls) -> AsyncIterator[Urls]:
    """Give a database of its own beside the others' one: the central unit is one for each."""
    owner = await asyncpg.connect(database_urls.owner)
    name = "simulated"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    await owner.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    own = Urls(*(urlunsplit(urlsplit(url)._replace(path=f"/{name}")) for url in
                 (database_urls.owner, database_urls.app, database_urls.loader)))  # fmt: skip
    await upgrade(own.owner, app_role="hundi_app", loader_role="hundi_loader")
    yield own
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


@pytest.fixture
async def connection(urls: Urls) -> AsyncIterator[Any]:
    """Give the app role's connection to an empty network."""
    tables = [f"central.{name}" for name in CENTRAL.split()] + [f"network_{name}" for name in COMPANY.split()]
    owner = await asyncpg.connect(urls.owner)
    # What other pieces hang on an object goes with it.
    await owner.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
    await owner.close()
    made = await asyncpg.connect(urls.app, server_settings={"timezone": "UTC"})
    yield made
    await made.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_seed_gives_the_same_ledger_as_in_memory(connection: Any, seed: int) -> None:
    wanted = await simulate(scenario(seed))
    found = await simulate(scenario(seed), await ends_over(connection, names_of(scenario(seed))))
    assert found.broken == (), f"hundi network simulate --store postgres --seed {seed}: {found.scenario}"
    assert text(found) == text(wanted)
    assert json.dumps(document(found), default=str) == json.dumps(document(wanted), default=str)
    assert found.figures["messages"] >= 10


async def test_what_is_not_written_is_noticed(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that loses what it puts into the outbox now and then breaks an invariant, here as in memory."""
    put_outgoing = UnitOfWork.put_outgoing

    async def forgetful(self: UnitOfWork, outgoing: Any) -> None:
        if not outgoing.id.endswith(("7", "a", "k")):
            await put_outgoing(self, outgoing)

    monkeypatch.setattr(UnitOfWork, "put_outgoing", forgetful)
    small = Scenario(seed=1, businesses=3, days=1, faults="none")
    try:
        found = await simulate(small, await ends_over(connection, names_of(small)))
    except (ConcurrentChange, LookupError):
        return
    assert found.broken


async def test_a_network_that_is_there_is_left_alone(connection: Any, urls: Urls) -> None:
    small = Scenario(seed=1, businesses=2, days=1, faults="none")
    await simulate(small, await ends_over(connection, names_of(small)))
    with pytest.raises(NotEmpty):
        await ends_over(connection, names_of(small))
    words = [
        "network",
        "simulate",
        "--businesses",
        "2",
        "--days",
        "1",
        "--store",
        "postgres",
        "--database-url",
        urls.app,
    ]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)  # the command brings its own event loop
    assert (done.exit_code, "There is a network in this database" in done.output) == (1, True), done.output


def test_an_address_without_a_store_is_wrong_usage() -> None:
    done = CliRunner().invoke(app, ["network", "simulate", "--database-url", "postgres://x/y"])
    assert done.exit_code != 0
