"""A central unit and servers that belong to it, in this process and over real HTTP; all of them on the tests' database."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpcore2
import httpx2
import msgspec
import uvicorn

import make
import network_bodies as bodies
from hundi import app as hundi_app
from hundi.auth.tokens import TokenSigner
from hundi.config import Settings
from hundi.db.pool import Database, Transaction
from hundi.http.limits import Limits
from hundi.http.outgoing import Outgoing
from hundi.kit.addresses import parse_allow
from hundi.kit.keys import Keyring
from hundi.network.central import unit
from hundi.network.central.delivery import Deliveries
from hundi.network.ends import party_of
from hundi.network.keys import HomeSigner, ServerSigner
from hundi.network.membership import membership
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol import messages as m
from hundi.network.protocol.parcels import CENTRE, Parcel, encode, seal
from hundi.network.protocol.party import Party
from hundi.network.uplink import Uplink
from hundi.network.wire.catalogue import WIRE_CALL_OF
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import read
from mailroom import free_port
from network_world import pan
from receiver import Got, Receiver, status

# The machine's certificates are read once for all of them; nobody here speaks TLS.
_TLS = httpcore2.default_ssl_context()
# Applications that no network uses any more, by whether they are a central unit alone: nine tenths of building one are its
# routes, which are the same in all of them.
_IDLE: dict[bool, list[Any]] = {True: [], False: []}
CENTRE_KEYS = Keyring(["the secret key of a central unit that runs elsewhere"])


@asynccontextmanager
async def listening(asgi: Any, port: int = 0) -> AsyncIterator[int]:
    """Serve an application on a port of this machine and give the port."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(asgi, http="httptools", ws="none", lifespan="off", log_config=None))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # signals are pytest's
    running = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.005)
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        bound.close()


def built(settings: Settings, db: Database, clock: Any, keyring: Keyring, *, centre_alone: bool = False) -> Any:
    """Give an application of these parts: a new one, or an idle one that remembers nothing of its parts before."""
    idle = _IDLE[centre_alone]
    if not idle:
        return hundi_app.build(
            settings=settings, db=db, clock=clock, keyring=keyring, files=None, base_url="http://server.test",
            centre_alone=centre_alone,
        )  # fmt: skip
    found = idle.pop()
    found.clock = clock
    limits = Limits(sign_ins=settings.sign_in_rate, pages=settings.page_rate, proxy_hops=settings.proxy_hops)
    found.app.state.update(
        {
            "db": db,
            "clock": clock,
            "keyring": keyring,
            "tokens": TokenSigner(keyring),
            "settings": settings,
            "limits": limits,
        }
    )
    return found


class Centre:
    """A central unit of its own key, alone on its port."""

    def __init__(self, db: Database, clock: Any, port: int, allow: str) -> None:
        self.db = db
        self.port = port
        self.outgoing = Outgoing(parse_allow(allow), tls=_TLS)
        self.deliveries = Deliveries(db, CENTRE_KEYS, self.outgoing)

    @staticmethod
    def key() -> str:
        return base64.b64encode(HomeSigner(CENTRE_KEYS, CENTRE).public_key()).decode()

    @staticmethod
    def app(db: Database, clock: Any) -> Any:
        return built(Settings(), db, clock, CENTRE_KEYS, centre_alone=True)

    async def enrol(self, server: Server) -> None:
        async with self.db.unbound() as tx:
            await unit.register_home(tx, server.name, ServerSigner(server.keyring).public_key(), server.address)

    async def deliver(self) -> None:
        """Make one round to every server with mail."""
        await self.deliveries.look()
        await self.deliveries.rounds()

    async def waiting(self, home: str) -> list[dict[str, Any]]:
        async with self.db.unbound() as tx:
            sql = "SELECT parcel_id, attempts, due, problem, parcel FROM central.outbox WHERE receiver = $1 ORDER BY parcel_id"
            return [dict(row) for row in await tx.fetch(sql, home)]


class Server:
    """A server that belongs to a central unit elsewhere: its settings, its application, its uplink, its companies."""

    def __init__(self, db: Database, clock: Any, name: str, centre_url: str, allow: str) -> None:
        self.db = db
        self.clock = clock
        self.name = name
        self.keyring = Keyring([f"the secret of the server {name} and of nobody else"])
        self.settings = Settings(
            network_centre_url=centre_url, network_centre_key=Centre.key(), network_server=name, outgoing_allow=allow
        )
        member = membership(self.settings)
        assert member is not None
        self.outgoing = Outgoing(parse_allow(allow), tls=_TLS)
        self.uplink = Uplink(db, self.keyring, self.settings, member, self.outgoing)
        self.app = built(self.settings, db, clock, self.keyring)
        self.address = ""
        self.port = 0
        self.made: list[httpx2.AsyncClient] = []

    def http(self, headers: dict[str, str] | None = None) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(self.app)
        self.made.append(httpx2.AsyncClient(transport=transport, base_url="http://server.test", headers=headers))
        return self.made[-1]

    async def company(self) -> Trader:
        return Trader(self, await make.company(self.db, self.keyring, self.clock, self.http))

    async def close(self) -> None:
        for client in self.made:
            await client.aclose()
        await self.outgoing.aclose()


class Trader:
    """A company of such a server."""

    def __init__(self, server: Server, company: make.Company) -> None:
        self.server = server
        self.company = company
        self.home = f"{server.name}/{company.seller_id}"
        self.b2b_id = f"B2B-{company.seller_id}"
        self.pan = pan()

    async def send(self, path: str, body: dict[str, Any]) -> str:
        """Put a message into the outbox; gives its id."""
        reply = await self.company.http.post(f"/api/v0/{path}", json=body)
        assert reply.status_code == 200, reply.text
        found: str = reply.json()["payload"]
        return found

    async def register(self) -> str:
        body = bodies.register_entity(self.b2b_id, self.pan, make.gstin("27", self.pan))
        return await self.send("business-onboarding/reg-entity", body)

    async def check(self) -> str:
        """Ask about an entity: a message anybody may send, about an object nobody has."""
        return await self.send("business-onboarding/reg-check-entity", self.body())

    def body(self) -> dict[str, Any]:
        return bodies.check_entity(self.pan)

    async def submitted(self, tx: Transaction, body: dict[str, Any], times: int) -> list[str]:
        """Put a check of an entity into the outbox so many times, whatever is known of it."""
        party = party_of(tx, self.server.keyring, self.server.settings)
        return [await self._submitted(tx, party, m.CheckEntity, body) for _ in range(times)]

    async def unrehearsed(self, kind: type[m.Call], body: dict[str, Any], *, rehearse: bool = False) -> str:
        """Send a message as a server would that looks at nothing first; gives its id.

        ``rehearse``: it looks at its own copies, and keeps one of what it makes, but not at the rules of GST.
        """
        async with self.company.db.transaction(self.company.seller_id) as tx:
            party = party_of(tx, self.server.keyring, self.server.settings)
            return await self._submitted(tx, party, kind, body, rehearse=rehearse)

    async def _submitted(
        self, tx: Transaction, party: Party, kind: type[m.Call], body: dict[str, Any], *, rehearse: bool = False
    ) -> str:
        message = message_of(read(json.dumps(body).encode(), WIRE_CALL_OF[kind].body), kind)
        return await party.submit(PostgresPartyStore(tx, party.home), message, rehearse=rehearse)

    async def drain(self) -> None:
        await self.server.uplink.drain(self.company.seller_id)

    async def heard(self, message_id: str) -> list[dict[str, Any]]:
        """Give the answers to a message."""
        rows = await self.company.rows(
            "SELECT data::text AS data FROM events WHERE seller_id = $1 AND data -> 'resp' ->> 'reqMsgId' = $2",
            message_id,
        )
        return [bodies.json_of(row["data"])["resp"] for row in rows]

    async def told(self, hook: str) -> int:
        """Count how often the company was told of something."""
        sql = "SELECT count(*) FROM events WHERE seller_id = $1 AND type = $2"
        return int(await self.company.value(sql, f"network.{hook.replace('/', '.')}"))

    async def outbox(self) -> list[dict[str, Any]]:
        sql = "SELECT parcel_id, attempts, due, problem, parcel FROM network_outbox WHERE seller_id = $1 ORDER BY parcel_id"
        return await self.company.rows(sql)

    async def listed(self, state: str | None = None, **query: Any) -> dict[str, Any]:
        """List the outbox over HTTP."""
        asked = query | ({} if state is None else {"parcelState": state})
        reply = await self.company.http.get("/api/v0/network/outbox", params=asked)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    async def status(self, collection: str, object_id: str) -> str:
        reply = await self.company.http.get(f"/api/v0/network/{collection}/{object_id}")
        assert reply.status_code == 200, reply.text
        found: str = reply.json()["payload"]["status"]
        return found


def parcel_of(row: dict[str, Any]) -> Parcel:
    return msgspec.json.decode(row["parcel"], type=Parcel)


class Wire:
    """Between a server and whoever brings it parcels: does with each what ``plan`` says, the last of it again and again."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.plan = ["whole"]
        self.brought = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/network/inbox/"):
            await self.app(scope, receive, send)
            return
        self.brought += 1
        fate = self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]
        if fate == "whole":
            await self.app(scope, receive, send)
            return
        if fate == "unheard":
            await self.app(scope, receive, _nobody)
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b"a proxy's word"})


async def _nobody(_: Any) -> None:
    """Hear what is said and say it to nobody."""


class Network:
    """A central unit and two servers, all listening."""

    def __init__(self, db: Any, clock: Any, second: tuple[Any, Any] | None = None) -> None:
        """``second``: database and clock of the second server, where they are not those of the others."""
        ports = [free_port() for _ in range(3)]
        allow = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.db = db
        self.clock = clock
        self.stacks: list[AsyncExitStack] = []
        self.listens = AsyncExitStack()
        self.centre = Centre(db, clock, ports[0], allow)
        url = f"http://127.0.0.1:{ports[0]}"
        self.servers = [
            Server(*its, make.number("srv").lower(), url, allow) for its in ((db, clock), second or (db, clock))
        ]
        self.wires = [Wire(app) for app in (Centre.app(db, clock), *(server.app for server in self.servers))]
        for server, port in zip(self.servers, ports[1:], strict=True):
            server.address, server.port = f"http://127.0.0.1:{port}", port
        self.traders: list[Trader] = []

    async def start(self) -> None:
        await self.listens.enter_async_context(listening(self.wires[0], self.centre.port))
        for wire, server in zip(self.wires[1:], self.servers, strict=True):
            self.stacks.append(AsyncExitStack())
            await self.stacks[-1].enter_async_context(listening(wire, server.port))
            await self.centre.enrol(server)

    async def centre_down(self) -> None:
        """End the central unit's program, as far as it is one here: nothing listens, and what it remembered is gone."""
        await self.listens.aclose()
        await self.centre.outgoing.aclose()

    async def centre_up(self) -> None:
        """Start it anew on its old port."""
        self.centre = Centre(self.db, self.clock, self.centre.port, self.servers[0].settings.outgoing_allow)
        self.wires[0] = Wire(Centre.app(self.db, self.clock))
        await self.listens.enter_async_context(listening(self.wires[0], self.centre.port))

    async def company(self, at: int) -> Trader:
        trader = await self.servers[at].company()
        self.traders.append(trader)
        return trader

    async def carry(self) -> None:
        """Carry until nothing is on its way."""
        for _ in range(10):
            for trader in self.traders:
                await trader.drain()
            await self.centre.deliver()
            if not any([await trader.outbox() for trader in self.traders]):
                return
        message = "parcels are still on their way"
        raise AssertionError(message)

    async def pair(self) -> tuple[Trader, Trader]:
        """Give a supplier and a buyer, each on its server, both registered."""
        supplier, buyer = await self.company(0), await self.company(1)
        for trader in (supplier, buyer):
            assert await self.answer(trader, await trader.register()) == ("SUCCESS", None)
        return supplier, buyer

    async def answer(self, trader: Trader, message_id: str) -> tuple[str, str | None]:
        """Carry everything and give the one answer to a message: its result, and the code where it failed."""
        await self.carry()
        [found] = await trader.heard(message_id)
        return found["result"], found.get("errorCd")

    async def close(self) -> None:
        for server in self.servers:
            await server.close()
        await self.centre.outgoing.aclose()
        # Together: each of them takes some tenths of a second to notice.
        await asyncio.gather(self.listens.aclose(), *(one.aclose() for one in self.stacks))
        for wire in self.wires:
            _IDLE[wire is self.wires[0]].append(wire.app)


async def offered(
    http: httpx2.AsyncClient, path: str, parcel: Parcel, signer: Any, clock: Any, off: timedelta = timedelta(0)
) -> tuple[int, str]:
    """Send a parcel as it is; gives the status and the code of the refusal."""
    envelope = seal(parcel.id, parcel.sender, encode(parcel), clock.now() + off, signer)
    headers = {
        "Network-Sender": envelope.sender, "Network-Receiver": parcel.receiver, "Network-Message-Id": envelope.id,
        "Network-Stamp": envelope.stamp.isoformat(), "Network-Signature": envelope.signature,
        "Content-Type": "application/json",
    }  # fmt: skip
    reply = await http.post(f"/network/inbox/{path}", content=envelope.parcel, headers=headers)
    if reply.status_code == 200:
        return 200, ""
    failure = reply.json()["errorResponse"]
    return reply.status_code, failure["apiSubErrors"][0]["code"] if failure["apiSubErrors"] else failure["errorType"]


async def taken(got: Got, writer: asyncio.StreamWriter) -> None:
    """Answer as a good peer does."""
    body = {"payload": got.headers["network-message-id"], "response_code": 0, "response_message": "SUCCESS"}
    await status(200, json.dumps(body).encode())(got, writer)


@asynccontextmanager
async def member_of(receiver: Receiver, db: Any, clock: Any) -> AsyncIterator[Trader]:
    """Give a company of a server whose central unit is the receiver."""
    port = receiver.port
    server = Server(db, clock, make.number("srv").lower(), f"http://127.0.0.1:{port}", f"127.0.0.1:{port}")
    try:
        yield await server.company()
    finally:
        await server.close()
