"""A company that reaches the network through a provider, for the tests: its connection, its job, its provider's webhooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

import make
import network_bodies as bodies
from hundi.config import Settings
from hundi.db.pool import Database
from hundi.http.outgoing import Outgoing
from hundi.jobs.context import JobContext
from hundi.jobs.later import RunLater
from hundi.kit.keys import Keyring
from hundi.network import jobs
from network_member import Member

CONNECTION = "/api/v0/network/connection"


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[int]:
    """Serve an application on a free port of this machine."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    # _serve, because serve() takes the signals of the process, which are pytest's.
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


class Client(Member):
    """A company with a connection; ``call`` sends a message and lets the worker's job carry it to the provider."""

    def __init__(self, company: make.Company, b2b_id: str, context: JobContext, secret: str) -> None:
        super().__init__(company, b2b_id)
        self.context = context
        self.secret = secret

    async def submit(self, path: str, body: dict[str, Any]) -> str:
        """Send one call that is taken; gives the message's id."""
        reply = await self.post(path, body)
        assert reply.status_code == 200, reply.text
        found: str = reply.json()["payload"]
        return found

    async def forward(self) -> RunLater | None:
        """Run the job once; gives what it asks for where something waits."""
        try:
            await jobs.forward(self.context, {"seller_id": self.company.seller_id})
        except RunLater as later:
            return later
        return None

    async def call(self, path: str, body: dict[str, Any]) -> str:
        """Send one call and carry it."""
        message_id = await self.submit(path, body)
        await self.forward()
        return message_id

    async def bring(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        """Bring a webhook as the provider does."""
        sent = {"Network-Intake-Secret": self.secret} | {n.replace("_", "-"): v for n, v in headers.items()}
        return await self.company.http.post(f"/network/inbox/{path}", content=json.dumps(body), headers=sent)

    async def message(self, message_id: str) -> dict[str, Any]:
        """Give how far a message has come."""
        rows = await self.company.rows(
            "SELECT message_id, progress, attempts, unsure, provider_id, detail, due FROM network_messages"
            " WHERE seller_id = $1 AND message_id = $2", message_id,
        )  # fmt: skip
        return rows[0]

    async def kept(self) -> list[dict[str, Any]]:
        """Give what was kept aside."""
        reply = await self.company.http.get(f"{CONNECTION}/kept")
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["payload"]["data"]
        return found

    async def heard(self, type_: str) -> list[dict[str, Any]]:
        """Give the data of the events of a type, the first one first."""
        rows = await self.company.rows(
            "SELECT data::text AS data FROM events WHERE seller_id = $1 AND type = $2 ORDER BY at, event_id", type_
        )
        return [bodies.json_of(row["data"]) for row in rows]


def settings(port: int) -> Settings:
    """Give settings that let a port of this machine be called."""
    return Settings(data_dir=Path("/nonexistent"), outgoing_allow=f"127.0.0.1:{port}")


@asynccontextmanager
async def connected(
    company: make.Company, keyring: Keyring, port: int, *, kind: str = "enkash", b2b_id: str | None = None, **more: Any
) -> AsyncIterator[Client]:
    """Choose a provider at a port of this machine for a company and give it."""
    from hundi.cli.actor import operator
    from hundi.network import connections
    from hundi.network.adapters.port import Credentials, ProviderKind

    b2b_id = b2b_id or f"B2B-{company.seller_id}"
    given = more.pop("credentials", None) or Credentials(client_id="cli_1", client_secret="a secret")
    wanted = connections.Wanted(
        kind=ProviderKind(kind), base_url=f"http://127.0.0.1:{port}", credentials=given, b2b_ids=more.pop("b2b_ids", (b2b_id,)),
        **more,
    )  # fmt: skip
    allow = frozenset({("127.0.0.1", port)})
    async with company.db.transaction(company.seller_id) as tx:
        secret = await connections.choose(tx, operator(company.seller_id, tx.now), keyring, wanted, allow=allow)
    assert secret is not None
    db: Database = company.db
    context = JobContext(
        db=db, clock=company.clock, keyring=keyring, settings=settings(port), files=None, mailer=None,
        outgoing=Outgoing(allow),
    )  # fmt: skip
    try:
        yield Client(company, b2b_id, context, secret)
    finally:
        await context.outgoing.aclose()
