"""A central unit and two servers as subprocesses, each with a database of its own, and companies that trade over them."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil

import make
import network_bodies as bodies
from hundi.cli import admin, centre
from hundi.config import Settings
from hundi.db.embedded import running_urls
from hundi.kit.keys import Keyring
from hundi.network.keys import HomeSigner, ServerSigner
from hundi.network.protocol.parcels import CENTRE
from mailroom import free_port
from network_world import pan

_READY_S = 90
_ANSWER_S = 60
_BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx2.HTTPError, TimeoutError)


def public(key: HomeSigner | ServerSigner) -> str:
    return base64.b64encode(key.public_key()).decode()


class Program:
    """One of the three: may be started and killed many times on the same folder and port."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / name
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.secret = f"the secret of the program {name} and of nobody else"
        self.keyring = Keyring.parse(self.secret)
        self.log = folder / f"{name}.log"
        self.more: dict[str, str] = {}
        self.words: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._database: asyncpg.Connection | None = None
        self._asking = asyncio.Lock()

    def start(self) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("HUNDI_")}
        command = [*self.words, "--data-dir", str(self.folder), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hundi", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=own | {"HUNDI_SECRET_KEY": self.secret} | self.more, start_new_session=True,
            )  # fmt: skip

    async def ready(self) -> None:
        until = time.monotonic() + _READY_S
        async with httpx2.AsyncClient(timeout=5) as client:
            while True:
                assert self.process is not None
                assert self.process.poll() is None, self.said()
                assert time.monotonic() < until, f"{self.name} is not ready: {self.said()}"
                try:
                    if (await client.get(f"{self.address}/readyz")).status_code == 200:
                        return
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.05)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def settings(self) -> Settings:
        urls = running_urls(self.folder)
        assert urls is not None
        allow = self.more["HUNDI_OUTGOING_ALLOW"]
        return Settings(
            database_url=urls.app,
            owner_url=urls.owner,
            secret_key=self.secret,
            data_dir=self.folder,
            outgoing_allow=allow,
        )

    def kill(self) -> None:
        """SIGKILL to every process of it, in one go."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        victims = [parent, *parent.children(recursive=True)]
        for victim in victims:
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(victims, timeout=20)
        assert not alive
        self.process.wait()
        self._forget()

    def stop(self) -> int:
        assert self.process is not None
        self._forget()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def _forget(self) -> None:
        if self._database is not None:
            self._database.terminate()
            self._database = None

    def end(self) -> None:
        """Leave nothing running, however the test ended."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    async def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Ask its database as the owner."""
        async with self._asking:
            if self._database is None or self._database.is_closed():
                self._forget()
                urls = running_urls(self.folder)
                if urls is None:
                    raise ConnectionError(self.name)
                self._database = await asyncpg.connect(urls.owner, timeout=10)
            return [dict(row) for row in await self._database.fetch(sql, *args)]


class Three:
    """The three, introduced to each other."""

    def __init__(self, folder: Path) -> None:
        self.centre, self.alpha, self.beta = (Program(name, folder) for name in ("centre", "alpha", "beta"))
        self.all = (self.centre, self.alpha, self.beta)
        self.traders: list[Trader] = []
        allow = {"HUNDI_OUTGOING_ALLOW": ",".join(f"127.0.0.1:{one.port}" for one in self.all)}
        self.centre.words, self.centre.more = ["network", "serve"], dict(allow)
        for server in (self.alpha, self.beta):
            server.words = ["up"]
            server.more = allow | {
                "HUNDI_NETWORK_CENTRE_URL": self.centre.address, "HUNDI_NETWORK_SERVER": server.name,
                "HUNDI_NETWORK_CENTRE_KEY": public(HomeSigner(self.centre.keyring, CENTRE)),
            }  # fmt: skip

    async def start(self) -> None:
        for program in self.all:
            program.start()
        await asyncio.gather(*(program.ready() for program in self.all))
        for server in (self.alpha, self.beta):
            await centre.enrol(
                self.centre.settings(), server.name, public(ServerSigner(server.keyring)), server.address
            )

    async def join(self, server: Program, name: str) -> Trader:
        """Make a company on a server and register it on the network."""
        made = await admin.create_seller(
            server.settings(), name=name, state="MH", gstin=None, address="14 Works", city="Mumbai", pin_code="400078",
            upi_vpa=None, username=None,
        )  # fmt: skip
        trader = Trader(server, made)
        self.traders.append(trader)
        await trader.sign_in()
        body = bodies.register_entity(trader.b2b_id, trader.pan, make.gstin("27", trader.pan))
        await trader.call("business-onboarding/reg-entity", body)
        await trader.until("b2b-id", f"@{trader.b2b_id.upper()}", "ACTIVE")
        return trader


class Trader:
    """A company: ``call`` sends a message, however often it takes, and waits for its one answer."""

    def __init__(self, server: Program, made: dict[str, str]) -> None:
        self.server = server
        self.made = made
        self.seller_id = made["sellerId"]
        self.b2b_id = f"B2B-{self.seller_id}"
        self.pan = pan()
        self.headers: dict[str, str] = {}
        self.resp: dict[str, Any] = {}
        self.http = httpx2.AsyncClient(base_url=server.address, timeout=20)

    async def sign_in(self) -> None:
        form = {
            "grant_type": "password", "username": self.made["username"], "password": self.made["password"],
            "clientId": self.seller_id,
        }  # fmt: skip
        auth = (self.made["clientId"], self.made["clientSecret"])
        reply = await self.http.post("/oauth/token", data=form, auth=auth)
        assert reply.status_code == 200, reply.text
        self.headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}

    async def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Ask until there is an answer: a server that is down comes back."""
        until = time.monotonic() + _ANSWER_S
        headers = self.headers | more.pop("headers", {})
        while True:
            try:
                reply = await self.http.request(method, path, headers=headers, **more)
                if reply.status_code < 500 and reply.status_code != 409:
                    return reply
            except httpx2.HTTPError:
                pass
            assert time.monotonic() < until, self.server.said()
            await asyncio.sleep(0.1)

    async def send(self, path: str, body: dict[str, Any]) -> str:
        """Send one call; gives the message's id."""
        reply = await self.ask(
            "POST", f"/api/v0/{path}", json=body, headers={"Idempotency-Key": bodies.object_id("KEY")}
        )
        assert reply.status_code == 200, reply.text
        found: str = reply.json()["payload"]
        return found

    async def call(self, path: str, body: dict[str, Any], result: str = "SUCCESS") -> dict[str, Any]:
        """Send one call and wait for its answer."""
        message_id = await self.send(path, body)
        return await self.answer(message_id, result)

    async def answer(self, message_id: str, result: str = "SUCCESS") -> dict[str, Any]:
        sql = "SELECT data::text AS data FROM events WHERE seller_id = $1 AND data -> 'resp' ->> 'reqMsgId' = $2"
        until = time.monotonic() + _ANSWER_S
        while True:
            try:
                rows = await self.server.fetch(sql, self.seller_id, message_id)
                if rows:
                    break
            except _BROKEN:
                pass
            assert time.monotonic() < until, f"no answer to {message_id}"
            await asyncio.sleep(0.05)
        assert len(rows) == 1, "one answer"
        self.resp = bodies.json_of(rows[0]["data"])
        assert self.resp["resp"]["result"] == result, self.resp["resp"]
        return self.resp

    async def have(self, collection: str, object_id: str) -> dict[str, Any]:
        reply = await self.ask("GET", f"/api/v0/network/{collection}/{object_id}")
        return reply.json()["payload"] if reply.status_code == 200 else {"status": reply.status_code}

    async def until(self, collection: str, object_id: str, status: str) -> dict[str, Any]:
        """Wait until its copy of an object has a status."""
        end = time.monotonic() + _ANSWER_S
        while (found := await self.have(collection, object_id))["status"] != status:
            assert time.monotonic() < end, f"{object_id} is {found['status']}, not {status}\n{self.server.said()}"
            await asyncio.sleep(0.05)
        return found
