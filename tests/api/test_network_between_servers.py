"""Between servers: signed parcels over real HTTP, both ways, in order, once; who may speak for whom; what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import msgspec

import network_bodies as bodies
from hundi.kit.keys import Keyring
from hundi.network.keys import HomeSigner, ServerSigner
from hundi.network.protocol.decisions import Delivery, Resp
from hundi.network.protocol.parcels import CENTRE, Parcel, Position, encode
from network_peers import CENTRE_KEYS, Network, Trader, offered, parcel_of


async def test_companies_of_two_servers_trade(network: Network, pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    invoice_id = sent["invoice"]["objectId"]
    message_id = await supplier.send("invoice/req-send-invoice", sent)
    listed = await supplier.listed("WAITING")
    assert [(one["parcelId"], one["state"], one["attempts"]) for one in listed["data"]] == [(message_id, "WAITING", 0)]
    await network.carry()
    assert (await supplier.listed())["data"] == []
    assert len(await supplier.heard(message_id)) == 1
    for trader in pair:
        assert await trader.status("invoice", invoice_id) == "SENT TO BUYER"
    await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    await network.carry()
    assert await supplier.status("invoice", invoice_id) == "ACCEPTED"
    rows = await supplier.company.rows(
        "SELECT role, data::text AS data FROM network_objects WHERE seller_id = $1 AND kind = 'INVOICE'"
    )
    assert [(row["role"], bodies.json_of(row["data"])["parties"]) for row in rows] == [
        ("SUPPLIER", [supplier.home, buyer.home])
    ]


async def test_many_messages_about_one_object_arrive_in_their_order(
    network: Network, pair: tuple[Trader, Trader]
) -> None:
    supplier, buyer = pair
    async with network.db.transaction(supplier.company.seller_id) as tx:
        sent = await supplier.submitted(tx, bodies.check_entity(supplier.pan), 66)
    await buyer.send("purchase-order/req-send", bodies.send_order(supplier.b2b_id, buyer.b2b_id))
    await network.carry()
    rows = await supplier.company.rows(
        "SELECT data -> 'resp' ->> 'reqMsgId' AS answered FROM events WHERE seller_id = $1"
        " AND type = 'network.business-onboarding.respCheckEntity' ORDER BY at, event_id"
    )
    assert [row["answered"] for row in rows] == sent


async def test_a_server_speaks_for_its_own_companies_alone(
    network: Network, pair: tuple[Trader, Trader], client: Any
) -> None:
    del client
    supplier, buyer = pair
    message_id = await supplier.check()
    row = (await supplier.outbox())[0]
    mine = parcel_of(row)
    assert (mine.id, mine.sender) == (message_id, supplier.home)
    posing = msgspec.structs.replace(mine, sender=buyer.home)
    stranger = msgspec.structs.replace(mine, sender="nobody/CEK0000001")
    signer = ServerSigner(supplier.server.keyring)
    path = "business-onboarding/reg-check-entity"
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{network.centre.port}") as http:
        assert await offered(http, path, posing, signer, network.clock) == (401, "BAD_SIGNATURE")
        assert await offered(http, path, stranger, signer, network.clock) == (401, "SENDER_UNKNOWN")
        assert await offered(http, path, mine, ServerSigner(buyer.server.keyring), network.clock) == (
            401,
            "BAD_SIGNATURE",
        )
        derived = HomeSigner(CENTRE_KEYS, "nobody/CEK0000001")
        assert await offered(http, path, stranger, derived, network.clock) == (401, "SENDER_UNKNOWN"), "no key follows"
        late = timedelta(minutes=-6)
        assert await offered(http, path, mine, signer, network.clock, late) == (401, "CLOCK_OUT_OF_WINDOW")
        for _ in range(3):
            assert await offered(http, path, mine, signer, network.clock) == (200, "")
        assert (await http.get("/api/v0/network/invoice")).status_code == 404, "the unit alone has no other routes"
        assert (await http.get("/readyz")).status_code == 200


async def test_a_member_believes_its_central_unit_alone(network: Network, pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    hook = "invoice/resp-send-invoice"
    delivery = Delivery(hook=hook, cause="MSG1", resp=Resp(request_id="MSG1", success=True), body=msgspec.Raw(b"{}"))

    def to(receiver: str) -> Parcel:
        return Parcel(id=bodies.object_id("MSG"), sender=CENTRE, receiver=receiver, positions=(), delivery=delivery)

    unit, clock = HomeSigner(CENTRE_KEYS, CENTRE), network.clock
    async with httpx2.AsyncClient(base_url=supplier.server.address) as http:
        assert await offered(http, hook, to(supplier.home), unit, clock) == (200, "")
        own = HomeSigner(supplier.server.keyring, CENTRE)
        assert await offered(http, hook, to(supplier.home), own, clock) == (401, "BAD_SIGNATURE"), "not the one in here"
        assert await offered(http, hook, to(supplier.company.seller_id), unit, clock) == (400, "WRONG_RECEIVER")
        elsewhere = f"{buyer.server.name}/{supplier.company.seller_id}"
        assert await offered(http, hook, to(elsewhere), unit, clock) == (400, "WRONG_RECEIVER"), (
            "the other server's name"
        )
        nobody = f"{supplier.server.name}/CEK0000000"
        assert await offered(http, hook, to(nobody), unit, clock) == (400, "WRONG_RECEIVER")
        other = msgspec.structs.replace(to(supplier.home), sender=buyer.home)
        assert await offered(http, hook, other, ServerSigner(buyer.server.keyring), clock) == (401, "SENDER_UNKNOWN")
        message_id = await supplier.check()
        mine = parcel_of((await supplier.outbox())[0])
        assert mine.id == message_id
        path = "business-onboarding/reg-check-entity"
        reply = await offered(http, path, mine, ServerSigner(supplier.server.keyring), clock)
        assert reply == (404, "NO_CENTRAL_UNIT_HERE"), "no central unit is at work there"


async def test_a_refused_message_is_answered_shown_and_out_of_the_way(
    network: Network, pair: tuple[Trader, Trader], db: Any
) -> None:
    """Its answer is a failure, its object has failed, it is listed, and the next message in its lane takes effect."""
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    invoice_id = sent["invoice"]["objectId"]
    message_id = await supplier.send("invoice/req-send-invoice", sent)
    altered = (await supplier.outbox())[0]["parcel"].replace(b'"total":"1180', b'"total":"1181')
    async with db.transaction(supplier.company.seller_id) as tx:
        sql = "UPDATE network_outbox SET parcel = $3 WHERE seller_id = $1 AND parcel_id = $2"
        assert await tx.execute(sql, supplier.company.seller_id, message_id, altered) == "UPDATE 1"
    await network.carry()
    [answer] = await supplier.heard(message_id)
    assert (answer["result"], answer["errorCd"], answer["errorField"]) == ("FAILURE", "MESSAGE_DIFFERS", "message")
    assert await supplier.status("invoice", invoice_id) == "FAILED"
    assert await supplier.company.value("SELECT count(*) FROM network_awaiting WHERE seller_id = $1") == 0
    [shown] = (await supplier.listed("REFUSED"))["data"]
    assert (shown["parcelId"], shown["state"], shown["receiver"]) == (message_id, "REFUSED", CENTRE)
    assert shown["problem"].startswith("MESSAGE_DIFFERS: ")
    async with db.unbound() as tx:
        sql = "SELECT height FROM central.heights WHERE sender = $1 AND lane = $2"
        assert await tx.fetchval(sql, supplier.home, invoice_id) == 1, "its place is taken by one without effect"
        assert await tx.fetchval("SELECT count(*) FROM central.objects WHERE object_id = $1", invoice_id) == 0
    # The lane goes on: what is said about the same object next is heard and answered by the central unit itself.
    lane = Position(invoice_id, 2)
    again = msgspec.structs.replace(
        parcel_of({"parcel": altered.replace(b"1181", b"1180")}), id=bodies.object_id("MSG"), positions=(lane,)
    )
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{network.centre.port}") as http:
        signer = ServerSigner(supplier.server.keyring)
        assert await offered(http, "invoice/req-send-invoice", again, signer, network.clock) == (200, "")
    async with db.unbound() as tx:
        assert (
            await tx.fetchval("SELECT status FROM central.objects WHERE object_id = $1", invoice_id) == "SENT TO BUYER"
        )


async def test_a_refused_delivery_is_shown_and_out_of_the_way(
    network: Network, pair: tuple[Trader, Trader], db: Any
) -> None:
    """The buyer's copy lacks what the lost delivery brought, and follows with the next one."""
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    invoice_id = sent["invoice"]["objectId"]
    await supplier.send("invoice/req-send-invoice", sent)
    message = parcel_of((await supplier.outbox())[0]).message
    await supplier.drain()
    [row] = await network.centre.waiting(buyer.home)
    broken = encode(msgspec.structs.replace(parcel_of(row), message=message))
    async with db.unbound() as tx:
        await tx.execute("UPDATE central.outbox SET parcel = $2 WHERE parcel_id = $1", row["parcel_id"], broken)
    await network.centre.deliver()
    async with db.unbound() as tx:
        refused = await tx.fetchrow("SELECT code, receiver FROM central.refused WHERE parcel_id = $1", row["parcel_id"])
    assert dict(refused) == {"code": "UNREADABLE", "receiver": buyer.home}
    await network.carry()
    assert (
        await buyer.company.value(
            "SELECT count(*) FROM network_objects WHERE seller_id = $1 AND object_id = $2", invoice_id
        )
        == 0
    )
    edited = bodies.edit_invoice(sent, 1062, "SENT TO BUYER")
    await supplier.send("invoice/req-edit-invoice", edited)
    await network.carry()
    copies = [
        (await trader.company.rows(
            "SELECT status, version, revision, data::text AS data FROM network_objects WHERE seller_id = $1 AND object_id = $2",
            invoice_id,
        ))[0] for trader in pair
    ]  # fmt: skip
    assert copies[0] == copies[1]
    await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))
    await network.carry()
    assert await supplier.status("invoice", invoice_id) == await buyer.status("invoice", invoice_id) == "ACCEPTED"


async def test_who_enrols_again_has_the_new_key(network: Network, pair: tuple[Trader, Trader], db: Any) -> None:
    supplier, _ = pair
    message_id = await supplier.check()
    changed = Keyring(["another secret of the server, of which nobody was told"])
    async with db.unbound() as tx:
        await tx.execute(
            "UPDATE central.homes SET public_key = $2 WHERE home = $1", supplier.server.name,
            ServerSigner(changed).public_key(),
        )  # fmt: skip
    await supplier.drain()
    [row] = await supplier.outbox()
    assert (row["parcel_id"], row["attempts"]) == (message_id, 1)
    assert row["problem"].startswith("BAD_SIGNATURE"), "a matter of the servers, not of the parcel: it is tried again"
    await network.centre.enrol(supplier.server)
    network.clock.move(seconds=3)
    await network.carry()
    assert len(await supplier.heard(message_id)) == 1
