"""Fixtures of the tests over HTTP: the network of one installation, and one of several servers with two companies on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import make
from network_peers import Network, Trader
from network_world import World


@pytest.fixture(scope="session")
async def served(session_app: Any) -> dict[str, Any]:
    """Give the OpenAPI document as it is served; read once, because it is large and the same for all."""
    async with make.http_clients(session_app) as factory:
        reply = await factory().get("/schema/openapi.json")
    assert reply.status_code == 200
    found: dict[str, Any] = reply.json()
    return found


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    """Give the network inside one installation; its central unit is a sandbox."""
    return World(db, keyring, clock)


@pytest.fixture
async def network(db: Any, clock: Any) -> AsyncIterator[Network]:
    """Give a central unit and two servers that belong to it, all listening."""
    made = Network(db, clock)
    try:
        await made.start()
        yield made
    finally:
        await made.close()


@pytest.fixture
async def pair(network: Network) -> tuple[Trader, Trader]:
    """Give a supplier and a buyer, each on its server."""
    return await network.pair()
