"""Companies on the network, and what carries their messages: the jobs of the worker, run until nothing is under way."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import make
import network_bodies as bodies
from hundi.config import Settings
from hundi.db.pool import Database
from hundi.jobs.context import JobContext
from hundi.kit.keys import Keyring
from hundi.network import jobs
from network_member import Member

_count = itertools.count(1)


def pan(letter: str = "C") -> str:
    """Give a PAN no test has used; nobody's."""
    serial = next(_count)
    return f"Z{chr(65 + serial // 10_000 % 26)}Q{letter}T{serial % 10_000:04d}Z"


class World:
    """The network of one test: its companies by name, and the context their jobs run in."""

    def __init__(self, db: Database, keyring: Keyring, clock: Any, **settings: Any) -> None:
        self.context = JobContext(
            db=db, clock=clock, keyring=keyring, settings=Settings(data_dir=Path("/nonexistent"), **settings), files=None,
            mailer=None,
        )  # fmt: skip
        self.companies: list[make.Company] = []

    async def carry(self) -> None:
        """Run the network's jobs until no company has anything to send or to collect."""
        for _ in range(20):
            for company in self.companies:
                await jobs.send(self.context, {"seller_id": company.seller_id})
            for company in self.companies:
                await jobs.collect(self.context, {"seller_id": company.seller_id})
            left = [await c.value("SELECT count(*) FROM network_outbox WHERE seller_id = $1") for c in self.companies]
            if not any(left):
                return
        message = "messages are still under way after twenty rounds"
        raise AssertionError(message)

    async def match(self) -> None:
        """Run the jobs that match received invoices, as the worker would, and carry what comes of them."""
        for company in self.companies:
            while payloads := await self._taken(company):
                for payload in payloads:
                    await jobs.match(self.context, payload)
        await self.carry()

    async def _taken(self, company: make.Company) -> list[dict[str, Any]]:
        async with company.db.unbound() as tx:
            rows = await tx.fetch(
                "DELETE FROM pgqueuer WHERE entrypoint = 'network.match' AND convert_from(payload, 'UTF8')::jsonb"
                " ->> 'seller_id' = $1 RETURNING id, payload", company.seller_id
            )  # fmt: skip
        return [bodies.json_of(row["payload"]) for row in sorted(rows, key=lambda row: row["id"])]

    async def join(self, company: make.Company, **more: Any) -> Trader:
        """Register a company on the network; its B2B ID is new."""
        self.companies.append(company)
        trader = Trader(self, company, f"B2B-{company.seller_id}", pan())
        body = bodies.register_entity(trader.b2b_id, trader.pan, make.gstin("27", trader.pan))
        body["institute"] |= more
        trader.registered = body
        await trader.call("business-onboarding/reg-entity", body)
        assert trader.resp["resp"]["result"] == "SUCCESS", trader.resp
        return trader


class Trader(Member):
    """A company with its B2B ID: ``call`` sends a message and waits until its answer is there."""

    def __init__(self, world: World, company: make.Company, b2b_id: str, pan_: str) -> None:
        super().__init__(company, b2b_id)
        self.world = world
        self.pan = pan_
        self.registered: dict[str, Any] = {}
        self.resp: dict[str, Any] = {}

    async def call(self, path: str, body: dict[str, Any]) -> str:
        """Send one call, carry everything, and keep the answer in ``resp``; gives the message's id."""
        reply = await self.post(path, body)
        assert reply.status_code == 200, reply.text
        found = reply.json()
        assert (found["response_code"], found["response_message"]) == (0, "SUCCESS")
        await self.world.carry()
        answers = [e for e in await self.heard() if e["data"].get("resp", {}).get("reqMsgId") == found["payload"]]
        assert len(answers) == 1, f"{path}: one answer, not {len(answers)}"
        self.resp = answers[0]["data"]
        message_id: str = found["payload"]
        return message_id

    async def heard(self, type_: str | None = None) -> list[dict[str, Any]]:
        """Give the events of the network this company was told, the first one first."""
        rows = await self.company.rows(
            "SELECT event_id, type, object_id, data::text AS data FROM events WHERE seller_id = $1 AND type LIKE 'network.%'"
            " ORDER BY at, event_id"
        )
        found = [row | {"data": bodies.json_of(row["data"])} for row in rows]
        return [row for row in found if type_ is None or row["type"] == type_]
