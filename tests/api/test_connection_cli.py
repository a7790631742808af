"""`hundi network connection`: the same verbs as over HTTP, for the operator."""

from __future__ import annotations

from pathlib import Path

import pytest

import make
import network_bodies as bodies
from hundi.cli import connections as cli
from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.kit.errors import Invalid
from hundi.network.errors import ConnectionNotFound, KeptNotFound

NONE = {
    "base_url": None, "client_id": None, "client_secret": None, "username": None, "password": None, "b2b_ids": (),
    "signing_secret": None, "new_intake_secret": False,
}  # fmt: skip


@pytest.fixture
def settings(database_urls: Urls, tmp_path: Path) -> Settings:
    return make.command_settings(database_urls, tmp_path)


async def test_the_operator_connects_a_company(settings: Settings, seller: make.Company) -> None:
    named = seller.seller_id
    assert await cli.show(settings, named) == {"kind": "central"}
    given = NONE | {"client_id": "access", "client_secret": "hidden", "b2b_ids": ("B2B-OWN",)}
    chosen = await cli.choose(settings, named, "zwitch", **given)
    assert (chosen["kind"], chosen["baseUrl"], chosen["clientId"]) == ("zwitch", "https://api.zwitch.io", "access")
    shown = await cli.show(settings, named)
    assert "intakeSecret" not in shown
    assert "hidden" not in str(shown)
    path = f"/network/inbox/zwitch/{chosen['intakeSecret']}"
    event = {"id": "evl_1", "name": "bharat_connect.invoice.confirm", "data": {"id": "bcinv_x"}}
    assert (await seller.http.post(path, json=event)).status_code == 200
    (kept,) = await cli.kept(settings, named, limit=10)
    assert kept["code"] == "ZWITCH_ID_UNKNOWN"
    assert (await cli.settle(settings, named, kept["receivedId"], again=True))["outcome"] == "KEPT"
    assert (await cli.settle(settings, named, kept["receivedId"], again=False))["outcome"] == "DISMISSED"
    with pytest.raises(KeptNotFound):
        await cli.settle(settings, named, kept["receivedId"], again=False)

    sent = await seller.http.post("/api/v0/invoice/req-send-invoice", json=bodies.send_invoice("B2B-OWN", "B2B-BUYER"))
    message_id = sent.json()["payload"]
    await seller.run(
        "UPDATE network_messages SET progress = 'IN DOUBT' WHERE seller_id = $1 AND message_id = $2", message_id
    )
    (message,) = await cli.messages(settings, named, progress="IN DOUBT", limit=10)
    assert message["messageId"] == message_id
    assert (await cli.settle(settings, named, message_id, again=False))["progress"] == "ANSWERED"
    assert await cli.choose(settings, named, "central", **NONE) == {"kind": "central"}
    with pytest.raises(ConnectionNotFound):
        await cli.leave(settings, named)
    actors = await seller.rows(
        "SELECT DISTINCT actor FROM audit_log WHERE seller_id = $1 AND action LIKE 'network.con%'"
    )
    assert [row["actor"] for row in actors] == ["operator"]


async def test_what_the_operator_cannot_choose(settings: Settings, seller: make.Company) -> None:
    with pytest.raises(Refused):
        await cli.choose(settings, seller.seller_id, "elsewhere", **NONE)
    with pytest.raises(Refused):
        await cli.choose(settings, seller.seller_id, "zwitch", **NONE | {"client_id": "alone"})
    with pytest.raises(Invalid):
        await cli.choose(settings, seller.seller_id, "enkash", **NONE)
