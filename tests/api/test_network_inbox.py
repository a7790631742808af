"""What arrives from outside: signed parcels only, each once, none altered, replayed late or sent in another's name."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import msgspec
import pytest

import make
import network_bodies as bodies
from hundi.kit.keys import Keyring
from hundi.network.central import unit
from hundi.network.keys import HomeSigner
from hundi.network.protocol import messages as m
from hundi.network.protocol.decisions import Delivery, Resp
from hundi.network.protocol.parcels import CENTRE, Envelope, Parcel, Position, encode, seal
from hundi.network.wire.invoice import SendInvoice
from hundi.network.wire.meaning import message_of
from hundi.network.wire.onboarding import CheckEntity, RegisterEntity
from hundi.network.wire.reading import read
from network_world import World, pan

ELSEWHERE = Keyring(["the secret key of another server, far away"])


def headers(envelope: Envelope, receiver: str) -> dict[str, str]:
    return {
        "Network-Sender": envelope.sender, "Network-Receiver": receiver, "Network-Message-Id": envelope.id,
        "Network-Stamp": envelope.stamp.isoformat(), "Network-Signature": envelope.signature,
        "Content-Type": "application/json",
    }  # fmt: skip


async def deliver(
    client: httpx2.AsyncClient, path: str, parcel: Parcel, at: datetime, keys: Keyring, **changes: Any
) -> httpx2.Response:
    envelope = seal(parcel.id, parcel.sender, encode(parcel), at, HomeSigner(keys, parcel.sender))
    sent = headers(envelope, parcel.receiver) | changes.get("headers", {})
    return await client.post(f"/network/inbox/{path}", content=changes.get("content", envelope.parcel), headers=sent)


def error_of(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]


class Home:
    """A party of another server: makes parcels for the central unit."""

    def __init__(self, db: Any, name: str) -> None:
        self.db = db
        self.name = name
        self.b2b_id = f"B2B-{name}"
        self.numbers: dict[str, int] = {}

    async def enter(self) -> None:
        async with self.db.unbound() as tx:
            await unit.register_home(tx, self.name, HomeSigner(ELSEWHERE, self.name).public_key())

    def parcel(self, message: m.Call, lanes: list[str]) -> Parcel:
        for lane in lanes:
            self.numbers[lane] = self.numbers.get(lane, 0) + 1
        positions = tuple(Position(lane, self.numbers[lane]) for lane in lanes)
        return Parcel(
            id=bodies.object_id("MSG"), sender=self.name, receiver=CENTRE, positions=positions, message=message
        )

    def registration(self) -> Parcel:
        number = pan()
        body = bodies.register_entity(self.b2b_id, number, make.gstin("27", number))
        message = message_of(read(json.dumps(body).encode(), RegisterEntity), m.RegisterEntity)
        return self.parcel(message, [body["institute"]["objectId"]])


@pytest.fixture
async def home(db: Any) -> Home:
    made = Home(db, make.number("HOME"))
    await made.enter()
    return made


async def waiting(db: Any, home: str) -> list[Parcel]:
    async with db.unbound() as tx:
        rows = await tx.fetch("SELECT parcel FROM central.outbox WHERE receiver = $1 ORDER BY parcel_id", home)
    return [msgspec.json.decode(row["parcel"], type=Parcel) for row in rows]


async def test_a_home_of_another_server_trades_with_a_company_of_this_one(
    client: httpx2.AsyncClient, db: Any, keyring: Any, clock: Any, new_seller: Any, home: Home
) -> None:
    world = World(db, keyring, clock)
    buyer = await world.join(await new_seller())
    reply = await deliver(client, "business-onboarding/reg-entity", home.registration(), clock.now(), ELSEWHERE)
    assert reply.status_code == 200, reply.text
    hooks = {parcel.delivery.hook for parcel in await waiting(db, home.name) if parcel.delivery is not None}
    assert hooks == {"business-onboarding/respRegEntity", "network/notice"}
    sent = bodies.send_invoice(home.b2b_id, buyer.b2b_id)
    message = message_of(read(json.dumps(sent).encode(), SendInvoice), m.SendInvoice)
    parcel = home.parcel(message, [sent["invoice"]["objectId"]])
    for _ in range(3):
        reply = await deliver(client, "invoice/req-send-invoice", parcel, clock.now(), ELSEWHERE)
        assert (reply.status_code, reply.json()["payload"]) == (200, parcel.id), reply.text
    await world.carry()
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 1, "three times on the wire, once in effect"
    assert await buyer.status("invoice", sent["invoice"]["objectId"]) == "SENT TO BUYER"


async def test_only_what_is_signed_now_by_its_sender_is_taken(
    client: httpx2.AsyncClient, db: Any, clock: Any, home: Home
) -> None:
    path = "business-onboarding/reg-entity"
    parcel = home.registration()
    now = clock.now()
    altered = encode(parcel).replace(b"Sahyadri", b"Sahyadrj")
    other = Home(db, make.number("HOME"))
    await other.enter()
    stolen = other.registration()
    cases: list[tuple[Parcel, datetime, Keyring, dict[str, Any], tuple[int, str]]] = [
        (parcel, now, ELSEWHERE, {"content": altered}, (401, "BAD_SIGNATURE")),
        (parcel, now, ELSEWHERE, {"headers": {"Network-Signature": "bm90IG9uZQ=="}}, (401, "BAD_SIGNATURE")),
        (parcel, now, Keyring(["x" * 40]), {}, (401, "BAD_SIGNATURE")),
        (parcel, now - timedelta(minutes=6), ELSEWHERE, {}, (401, "CLOCK_OUT_OF_WINDOW")),
        (parcel, now + timedelta(minutes=6), ELSEWHERE, {}, (401, "CLOCK_OUT_OF_WINDOW")),
        (parcel, now, ELSEWHERE, {"headers": {"Network-Message-Id": "MSG" + "9" * 32}}, (401, "BAD_SIGNATURE")),
        (stolen, now, ELSEWHERE, {"headers": {"Network-Sender": home.name}}, (401, "BAD_SIGNATURE")),
        (parcel, now, ELSEWHERE, {"headers": {"Network-Stamp": "noon"}}, (401, "DATE_FORMAT")),
        (parcel, now, ELSEWHERE, {"headers": {"Network-Signature": ""}}, (401, "REQUIRED")),
        (parcel, now, ELSEWHERE, {"content": b"{}"}, (400, "UNREADABLE")),
        (parcel, now, ELSEWHERE, {"content": b"not json"}, (400, "UNREADABLE")),
    ]
    for each, at, keys, changes, expected in cases:
        assert error_of(await deliver(client, path, each, at, keys, **changes)) == expected, (changes, expected)
    wrong = await deliver(client, "invoice/req-send-invoice", parcel, now, ELSEWHERE)
    assert error_of(wrong) == (400, "WRONG_PATH")
    unknown = await deliver(client, "invoice/req-nothing", parcel, now, ELSEWHERE)
    assert (unknown.status_code, unknown.json()["errorResponse"]["errorType"]) == (404, "RECORD_NOT_FOUND")
    assert await waiting(db, home.name) == [], "nothing came of any of them"
    assert (await deliver(client, path, parcel, now, ELSEWHERE)).status_code == 200
    reused = msgspec.structs.replace(home.registration(), id=parcel.id)
    assert error_of(await deliver(client, path, reused, now, ELSEWHERE)) == (400, "MESSAGE_ID_REUSED")


@pytest.mark.parametrize(
    ("changes", "lanes", "code"),
    [
        ({"total": Decimal("Infinity")}, None, "MESSAGE_DIFFERS"),
        ({"total": Decimal("NaN")}, None, "MESSAGE_DIFFERS"),
        ({"total": Decimal(99999999999999999999)}, None, "MESSAGE_DIFFERS"),
        ({"total": Decimal("1179.99")}, None, "MESSAGE_DIFFERS"),
        ({"number": "a\x00b"}, None, "MESSAGE_DIFFERS"),
        ({"document_key": "INV|27AAACG0569P1Z3|2026-27|1"}, None, "MESSAGE_DIFFERS"),
        ({"body": msgspec.Raw(b'"an invoice"')}, None, "MALFORMED_JSON"),
        ({"body": msgspec.Raw(b'{"device": "a\\u0000b"}')}, None, "BAD_TEXT"),
        ({"body": msgspec.Raw(b"{}")}, None, "REQUIRED"),
        ({}, ["x" * 9000], "LANES_DIFFER"),
        ({}, [], "LANES_DIFFER"),
    ],
)
async def test_another_server_s_message_is_what_its_own_body_says(
    client: httpx2.AsyncClient,
    db: Any,
    clock: Any,
    home: Home,
    changes: dict[str, Any],
    lanes: list[str] | None,
    code: str,
) -> None:
    sent = bodies.send_invoice(home.b2b_id, "SOMEBODY")
    message = message_of(read(json.dumps(sent).encode(), SendInvoice), m.SendInvoice)
    altered = msgspec.structs.replace(message, **changes)
    parcel = home.parcel(altered, [sent["invoice"]["objectId"]] if lanes is None else lanes)
    reply = await deliver(client, "invoice/req-send-invoice", parcel, clock.now(), ELSEWHERE)
    assert error_of(reply) == (400, code)
    assert await waiting(db, home.name) == []


async def test_what_comes_before_its_turn_waits_for_it(
    client: httpx2.AsyncClient, db: Any, clock: Any, home: Home
) -> None:
    first = home.registration()
    lane = first.positions[0].lane
    body = bodies.check_entity() | {"objectId": lane}
    second = home.parcel(message_of(read(json.dumps(body).encode(), CheckEntity), m.CheckEntity), [lane])
    path = "business-onboarding/reg-check-entity"
    assert (await deliver(client, path, second, clock.now(), ELSEWHERE)).status_code == 200
    assert await waiting(db, home.name) == []
    assert (await deliver(client, "business-onboarding/reg-entity", first, clock.now(), ELSEWHERE)).status_code == 200
    hooks = [parcel.delivery.hook for parcel in await waiting(db, home.name) if parcel.delivery]
    assert "business-onboarding/respCheckEntity" in hooks
    assert "business-onboarding/respRegEntity" in hooks


async def test_a_company_believes_the_central_unit_alone(
    client: httpx2.AsyncClient, clock: Any, keyring: Keyring, seller: make.Company
) -> None:
    delivery = Delivery(
        hook="invoice/resp-send-invoice", cause="MSG1", resp=Resp(request_id="MSG1", success=True), body=msgspec.Raw(b"{}")
    )  # fmt: skip
    parcel = Parcel(
        id=bodies.object_id("MSG"), sender=CENTRE, receiver=seller.seller_id, positions=(), delivery=delivery
    )
    path = "invoice/resp-send-invoice"
    assert error_of(await deliver(client, path, parcel, clock.now(), ELSEWHERE)) == (401, "BAD_SIGNATURE")
    nobody = msgspec.structs.replace(parcel, receiver="CEK0000000")
    assert error_of(await deliver(client, path, nobody, clock.now(), ELSEWHERE)) == (401, "BAD_SIGNATURE"), "as for any"
    assert error_of(await deliver(client, path, nobody, clock.now(), keyring)) == (400, "WRONG_RECEIVER")
    posing = msgspec.structs.replace(parcel, sender=seller.seller_id)
    assert error_of(await deliver(client, path, posing, clock.now(), keyring)) == (400, "WRONG_RECEIVER")
    for _ in range(2):
        assert (await deliver(client, path, parcel, clock.now(), keyring)).status_code == 200
    types = [
        row["type"]
        for row in await seller.rows("SELECT type FROM events WHERE seller_id = $1 AND type LIKE 'network%'")
    ]
    assert types == ["network.invoice.resp-send-invoice"]


def test_a_key_is_a_home_s_own_and_outlives_a_change_of_the_secret() -> None:
    from hundi.network.keys import HomeVerifier

    old, new = Keyring(["o" * 40]), Keyring(["n" * 40, "o" * 40])
    signature = HomeSigner(old, "A").sign(b"text")
    assert HomeVerifier(new).verify("A", b"text", signature) is True
    assert HomeVerifier(new).verify("B", b"text", signature) is False
    assert HomeVerifier(Keyring(["n" * 40])).verify("A", b"text", signature) is False
    assert HomeVerifier(new, local=frozenset({"B"})).verify("A", b"text", signature) is None
    assert HomeVerifier(new, known={"A": HomeSigner(new, "Z").public_key()}).verify("A", b"text", signature) is False
    assert HomeVerifier(new).verify("A", b"text", base64.b64encode(b"short").decode()) is False
