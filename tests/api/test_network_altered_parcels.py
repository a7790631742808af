"""Parcels between servers that are brought again, altered, unsigned or late, and servers whose clocks are wrong, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import msgspec
import pytest

import make
import network_bodies as bodies
from hundi.db.embedded import Urls
from hundi.db.pool import open_database
from hundi.network.keys import HomeSigner, ServerSigner
from hundi.network.outbox import TOO_FAR
from hundi.network.protocol.parcels import CENTRE, Parcel, Position, encode, seal
from network_peers import CENTRE_KEYS, Network, Trader, offered, parcel_of

Pair = tuple[Trader, Trader]


class Letter:
    """A genuine parcel under way to one of the two ends, as somebody on the wire has it."""

    def __init__(self, http: httpx2.AsyncClient, path: str, parcel: Parcel, signer: Any, clock: Any) -> None:
        self.http = http
        self.path = path
        self.parcel = parcel
        self.signer = signer
        self.clock = clock

    async def offer(self, off: timedelta = timedelta(0)) -> tuple[int, str]:
        return await offered(self.http, self.path, self.parcel, self.signer, self.clock, off)

    def headers(self) -> dict[str, str]:
        envelope = seal(self.parcel.id, self.parcel.sender, encode(self.parcel), self.clock.now(), self.signer)
        return {
            "Network-Sender": envelope.sender, "Network-Receiver": self.parcel.receiver,
            "Network-Message-Id": envelope.id, "Network-Stamp": envelope.stamp.isoformat(),
            "Network-Signature": envelope.signature, "Content-Type": "application/json",
        }  # fmt: skip

    async def post(self, headers: dict[str, str], content: bytes | None = None) -> tuple[int, str]:
        content = encode(self.parcel) if content is None else content
        reply = await self.http.post(f"/network/inbox/{self.path}", headers=headers, content=content)
        if reply.status_code == 200:
            return 200, ""
        return reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]


@pytest.fixture(params=["to the centre", "to a company"])
async def letter(request: Any, network: Network, pair: Pair) -> AsyncIterator[Letter]:
    """Give an invoice on its way: the supplier's message to the centre, or the centre's delivery to the buyer."""
    supplier, buyer = pair
    await supplier.send("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))
    parcel, address = parcel_of((await supplier.outbox())[0]), f"http://127.0.0.1:{network.centre.port}"
    signer: Any = ServerSigner(supplier.server.keyring)
    path = "invoice/req-send-invoice"
    if request.param == "to a company":
        await supplier.drain()
        [row] = await network.centre.waiting(buyer.home)
        parcel, address, signer = parcel_of(row), buyer.server.address, HomeSigner(CENTRE_KEYS, CENTRE)
    async with httpx2.AsyncClient(base_url=address) as http:
        yield Letter(http, path, parcel, signer, network.clock)


async def had_no_effect(network: Network, pair: Pair) -> None:
    assert await pair[1].told("invoice/req-send-invoice") == 0
    assert await pair[0].told("invoice/resp-send-invoice") == 0
    async with network.db.unbound() as tx:
        sql = "SELECT count(*) FROM central.inbox WHERE sender = $1"
        assert await tx.fetchval(sql, pair[0].home) <= 2


async def test_what_is_brought_again_counts_once(network: Network, pair: Pair, letter: Letter) -> None:
    for _ in range(3):
        assert await letter.offer() == (200, "")
    recorded = letter.headers()
    await network.carry()
    assert await letter.post(recorded) == (200, ""), "somebody had recorded it"
    network.clock.move(minutes=5, seconds=1)
    assert await letter.post(recorded) == (401, "CLOCK_OUT_OF_WINDOW")
    places = tuple(Position(one.lane, one.number + 7) for one in letter.parcel.positions)
    letter.parcel = msgspec.structs.replace(letter.parcel, positions=places)
    assert await letter.offer() == (400, "MESSAGE_ID_REUSED")
    await network.carry()
    assert await pair[1].told("invoice/req-send-invoice") == 1
    assert await pair[0].told("invoice/resp-send-invoice") == 1


async def test_what_was_altered_on_the_way_is_nobody_s(network: Network, pair: Pair, letter: Letter) -> None:
    good, content = letter.headers(), encode(letter.parcel)
    for name, value in {
        "Network-Sender": f"{pair[1].server.name}/CEK0000001", "Network-Message-Id": bodies.object_id("MSG"),
        "Network-Stamp": (network.clock.now() + timedelta(seconds=1)).isoformat(),
        "Network-Signature": good["Network-Signature"][::-1],
    }.items():  # fmt: skip
        code, why = await letter.post(good | {name: value})
        assert (code, why in {"BAD_SIGNATURE", "SENDER_UNKNOWN"}) == (401, True), (name, why)
    assert content.count(b"1180") > 1
    assert await letter.post(good, content.replace(b"1180", b"9180")) == (401, "BAD_SIGNATURE")
    assert await letter.post(good, content + b" ") == (401, "BAD_SIGNATURE")
    turned = good | {"Network-Receiver": f"{pair[1].server.name}/CEK0000001"}
    assert (await letter.post(turned))[0] in {400, 401, 404}
    await had_no_effect(network, pair)
    assert await letter.post(good) == (200, ""), "as it was made it is good"


async def test_what_is_not_signed_or_not_of_now_is_not_read(network: Network, pair: Pair, letter: Letter) -> None:
    good = letter.headers()
    for name in ("Network-Sender", "Network-Message-Id", "Network-Stamp", "Network-Signature"):
        assert await letter.post({key: value for key, value in good.items() if key != name}) == (401, "REQUIRED")
    assert await letter.post({"Content-Type": "application/json"}) == (401, "REQUIRED")
    for minutes in (-6, 6, -60 * 24 * 365):
        assert await letter.offer(timedelta(minutes=minutes)) == (401, "CLOCK_OUT_OF_WINDOW")
    await had_no_effect(network, pair)
    for minutes in (-4, 4):
        assert await letter.offer(timedelta(minutes=minutes)) == (200, ""), "within five minutes clocks may differ"


@pytest.mark.parametrize("off", [timedelta(minutes=6), timedelta(minutes=-6), timedelta(days=400)])
async def test_a_server_whose_clock_is_wrong_waits_until_it_is_right(
    db: Any, clock: Any, database_urls: Urls, off: timedelta
) -> None:
    """It is told so, nothing is lost either way, and everything takes effect once when the clocks agree."""
    wrong = make.MovedClock(clock.at)
    other_db = await open_database(database_urls.app, wrong, max_size=4)
    network = Network(db, clock, (other_db, wrong))
    try:
        await network.start()
        supplier, buyer = await network.pair()
        wrong.reset(clock.at + off)
        buyer.company.clients.clear()
        sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
        await supplier.send("invoice/req-send-invoice", sent)
        asked = await buyer.check()
        for trader in (supplier, buyer):
            await trader.drain()
        await network.centre.deliver()
        [row] = await buyer.outbox()
        assert row["problem"].startswith("CLOCK_OUT_OF_WINDOW: ")
        [waiting] = await network.centre.waiting(buyer.home)
        assert waiting["problem"].startswith("CLOCK_OUT_OF_WINDOW: ")
        assert await supplier.told("invoice/resp-send-invoice") == 1, "whose clock is right goes on"
        clock.move(minutes=7)
        wrong.reset(clock.at)
        async with db.unbound() as tx:
            due = [
                row[0] for row in await tx.fetch("SELECT sellers_with_parcels($1, $2)", clock.at, clock.at + TOO_FAR)
            ]
        assert buyer.company.seller_id in due, "though a clock has put it off for more than a year"
        await buyer.server.uplink.drain(buyer.company.seller_id, looking=True)
        assert await network.answer(buyer, asked) == ("SUCCESS", None)
        await network.carry()
        assert await buyer.told("invoice/req-send-invoice") == 1
        assert await buyer.status("invoice", sent["invoice"]["objectId"]) == "SENT TO BUYER"
    finally:
        await network.close()
        await other_db.close()
