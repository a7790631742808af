"""Without the sandbox the operator of the central unit decides: who may trade, and whether the rail moved the money."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

import make
import network_bodies as bodies
from hundi.cli import centre
from hundi.cli.output import Refused
from hundi.cli.parts import Parts
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.network.keys import HomeSigner
from hundi.network.protocol.messages import DecideKyc, NetworkOrder, SettlePayment, SwitchB2bId
from network_world import Trader, World


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    return World(db, keyring, clock, network_sandbox=False)


@pytest.fixture
def settings(database_urls: Urls, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_urls.app, secret_key="a secret of the operator and nobody else", data_dir=tmp_path
    )


async def order(world: World, what: NetworkOrder) -> None:
    """Do what a command does, by the clock of the tests, and carry it to everybody."""
    given = world.context
    nothing: Any = None
    await centre.carry_out(
        Parts(
            settings=given.settings, db=given.db, clock=given.clock, keyring=given.keyring, files=nothing, base_url=""
        ),
        what,
    )
    await world.carry()


async def approved(world: World, trader: Trader) -> None:
    await order(world, DecideKyc(business_id=trader.registered["institute"]["objectId"], approved=True))


async def test_kyc_is_the_operators(world: World, settings: Settings, new_seller: Any) -> None:
    supplier, buyer = [await world.join(await new_seller()) for _ in range(2)]
    at = f"@{supplier.b2b_id.upper()}"
    assert await supplier.status("b2b-id", at) == "INACTIVE"
    reply = await supplier.post("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))
    assert (reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]) == (422, "B2B_ID_INACTIVE")
    for trader in (supplier, buyer):
        await approved(world, trader)
    assert await supplier.status("b2b-id", at) == "ACTIVE"
    assert (await supplier.heard("network.notice"))[-1]["data"]["objects"][0]["status"] == "ACTIVE"
    await supplier.call("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))
    assert supplier.resp["resp"]["result"] == "SUCCESS"
    await order(world, SwitchB2bId(b2b_id=buyer.b2b_id, active=False))
    await supplier.call("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id))
    assert supplier.resp["resp"]["errorCd"] == "B2B_ID_INACTIVE"
    nobody = "ORG" + "9" * 32
    for command in (
        centre.decide_kyc(settings, nobody, approved=True),
        centre.settle(settings, nobody, success=True),
        centre.switch(settings, nobody, active=True),
    ):
        with pytest.raises(Refused, match="UNKNOWN"):
            await command


@pytest.mark.parametrize("success", [True, False])
async def test_the_rail_is_the_operators(world: World, new_seller: Any, success: bool) -> None:
    supplier, buyer = [await world.join(await new_seller()) for _ in range(2)]
    for trader in (supplier, buyer):
        await approved(world, trader)
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    paid = bodies.pay(sent, 1180, kind="ONPLATFORM")
    await buyer.call("payment/req-pay", paid)
    payment_id = paid["payment"]["objectId"]
    assert await supplier.status("payment", payment_id) == "INITIATED"
    await order(world, SettlePayment(payment_id=payment_id, success=success))
    assert await supplier.status("payment", payment_id) == ("SUCCESS" if success else "FAILED")
    expected = "PAYMENT INITIATED" if success else "ACCEPTED"
    assert await buyer.status("invoice", sent["invoice"]["objectId"]) == expected


async def test_other_servers_are_enrolled_by_name_key_and_address(settings: Settings, keyring: Any, db: Any) -> None:
    public = base64.b64encode(HomeSigner(keyring, "X").public_key()).decode()
    server = make.number("server-").lower()
    address = "https://hundi.example.com"
    enrolled = {"server": server, "publicKey": public, "address": address}
    assert await centre.enrol(settings, server, public, f"{address}/") == enrolled
    async with db.unbound() as tx:
        row = await tx.fetchrow("SELECT public_key, address FROM central.homes WHERE home = $1", server)
    assert dict(row) == {"public_key": base64.b64decode(public), "address": address}
    other = base64.b64encode(HomeSigner(keyring, "Y").public_key()).decode()
    await centre.enrol(settings, server, other, "https://new.example.com")
    found = [one for one in (await centre.servers(settings))["servers"] if one["home"] == server]
    assert [(one["address"], one["count"]) for one in found] == [("https://new.example.com", 0)]
    for wrong in ("", "not base64!", "c2hvcnQ="):
        with pytest.raises(Refused, match="32 bytes"):
            await centre.enrol(settings, server, wrong, address)
    for name in ("", "CENTRE", "a/b", "-a", "a-", "a" * 64, "é"):
        with pytest.raises(Refused, match="name has"):
            await centre.enrol(settings, name, public, address)
    for nowhere in (
        "http://hundi.example.com",
        "https://127.0.0.1",
        "https://u:p@example.com",
        "ftp://example.com",
        "",
    ):
        with pytest.raises(Refused):
            await centre.enrol(settings, server, public, nowhere)
