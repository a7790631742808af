"""What is remembered of parcels, and what went to providers and came from them, ends after its time, in steps.

What comes again after that has no effect either, and what an object under way still needs stays.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

import make
import network_bodies as bodies
from hundi.housekeeping import purge_network
from hundi.kit.clock import FrozenClock
from hundi.network.adapters.port import Credentials
from hundi.network.protocol.identifiers import Prefix, SortableIds
from hundi.network.protocol.mailbox import KEPT
from hundi.network.protocol.moves import STATUSES, TABLES
from hundi.network.protocol.parcels import CENTRE
from hundi.network.retention import AT_REST, purge_provider_mail
from provider_world import Client, connected
from receiver import Receiver, receiving, status

INBOX = "INSERT INTO network_inbox (seller_id, sender, parcel_id, digest, at) VALUES ($1, $2, $3, 'd', $4)"
CENTRAL = "INSERT INTO central.inbox (sender, parcel_id, digest, at) VALUES ($1, $2, 'd', $3)"
KEPT_ASIDE = (
    "INSERT INTO network_refused (seller_id, parcel_id, receiver, parcel, attempts, code, detail, refused_at)"
    " VALUES ($1, $2, 'CENTRE', '', 1, 'C', 'd', $3)"
)
CENTRAL_ASIDE = (
    "INSERT INTO central.refused (parcel_id, receiver, parcel, attempts, code, detail, refused_at)"
    " VALUES ($1, 'a/b', '', 1, 'C', 'd', $2)"
)


def made(at: datetime) -> str:
    return SortableIds(FrozenClock(at)).make(Prefix.MESSAGE)


@pytest.mark.parametrize("step", [2, 5000])
async def test_old_notes_go_and_young_ones_stay(seller: make.Company, db: Any, clock: Any, step: int) -> None:
    await purge_network(db)  # what other tests left
    now = clock.now()
    old, young = now - KEPT - timedelta(minutes=1), now - KEPT + timedelta(minutes=1)
    sender = make.number("srv").lower()
    async with db.transaction(seller.seller_id) as tx:
        for at in (old, old, old, young):
            await tx.execute(INBOX, seller.seller_id, CENTRE, made(at), at)
            await tx.execute(CENTRAL, sender, made(at), at)
        await tx.execute(KEPT_ASIDE, seller.seller_id, made(old), old)
        await tx.execute(KEPT_ASIDE, seller.seller_id, made(young), young)
        await tx.execute(CENTRAL_ASIDE, made(old), old)
        await tx.execute(CENTRAL_ASIDE, young_central := made(young), young)
    assert await purge_network(db, at_a_time=step) == 8
    for table in ("network_inbox", "network_refused"):
        assert await seller.value(f"SELECT count(*) FROM {table} WHERE seller_id = $1") == 1, table
    async with db.unbound() as tx:
        assert await tx.fetchval("SELECT count(*) FROM central.inbox WHERE sender = $1", sender) == 1
        assert await tx.fetchval("SELECT count(*) FROM central.refused WHERE parcel_id = $1", young_central) == 1
    assert await purge_network(db) == 0


# ---------------------------------------------------------------- providers


@pytest.fixture
async def zwitch() -> AsyncIterator[Receiver]:
    async with receiving(status(200, json.dumps({"id": "", "status": "SENT TO BUYER"}).encode())) as found:
        yield found


@pytest.fixture
async def client(zwitch: Receiver, new_seller: Any, keyring: Any) -> AsyncIterator[Client]:
    keys = Credentials(client_id="access", client_secret="secret")
    async with connected(await new_seller(), keyring, zwitch.port, kind="zwitch", credentials=keys) as found:
        yield found


async def sent(client: Client, zwitch: Receiver, name: str) -> str:
    """Send an invoice that the provider takes and calls by this name; gives its object id."""
    zwitch.answers = [status(200, json.dumps({"id": name, "status": "SENT TO BUYER"}).encode())]
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    await client.call("invoice/req-send-invoice", body)
    found: str = body["invoice"]["objectId"]
    return found


async def event(client: Client, event_id: str, name: str, data: dict[str, Any]) -> None:
    envelope = {"id": event_id, "object": "event", "name": f"bharat_connect.{name}", "is_sandbox": True, "data": data}
    assert (await client.bring("zwitch/events", envelope)).status_code == 200


async def remembered(client: Client) -> tuple[list[str], list[str]]:
    """Give what is there of messages (by what they are about) and of webhooks (by the provider's ids)."""
    messages = await client.company.rows(
        "SELECT about[1] AS about FROM network_messages WHERE seller_id = $1 ORDER BY message_id"
    )
    received = await client.company.rows("SELECT mark FROM network_received WHERE seller_id = $1 ORDER BY received_id")
    return [row["about"] for row in messages], [row["mark"] for row in received]


async def forget(db: Any, days: int, *, at_a_time: int = 5000) -> None:
    """Do what an hour does again and again, until nothing goes any more: also what other tests left."""
    while await purge_provider_mail(db, days=days, at_a_time=at_a_time):
        pass


async def test_settled_mail_of_a_provider_goes_once_its_object_is_at_rest(
    client: Client, zwitch: Receiver, db: Any, clock: Any
) -> None:
    under_way, over = await sent(client, zwitch, "bcinv_way"), await sent(client, zwitch, "bcinv_over")
    await event(client, "evl_way", "invoice.confirm", {"id": "bcinv_way", "status": "ACCEPTED"})
    await event(client, "evl_over", "invoice.confirm", {"id": "bcinv_over", "status": "REJECTED", "remarks": "no"})
    await event(client, "evl_kept", "invoice.confirm", {"id": "bcinv_of_nobody", "status": "REJECTED", "remarks": "no"})
    await event(client, "evl_no", "invoice.confirm", {"id": "bcinv_no", "status": "REJECTED", "remarks": "no"})
    kept = {one["receivedId"] for one in await client.kept()}
    assert len(kept) == 2
    dismissed = await client.company.value(
        "SELECT received_id FROM network_received WHERE seller_id = $1 AND mark = 'evl_no'"
    )
    answer = await client.company.http.post(f"/api/v0/network/connection/kept/{dismissed}", json={"action": "DISMISS"})
    assert answer.status_code == 200, answer.text
    everything = [under_way, over], ["evl_way", "evl_over", "evl_kept", "evl_no"]
    assert await remembered(client) == everything
    clock.move(days=89)
    await forget(db, 90)
    assert await remembered(client) == everything
    clock.move(days=2)
    await forget(db, 90)
    assert await remembered(client) == ([under_way], ["evl_way", "evl_kept"])

    # What was forgotten and comes again is judged by the objects, and changes nothing.
    client.company.clients.clear()
    before = await client.have("invoice", over)
    await event(client, "evl_over", "invoice.confirm", {"id": "bcinv_over", "status": "REJECTED", "remarks": "no"})
    after = await client.have("invoice", over)
    assert (after["status"], after["revision"]) == (before["status"], before["revision"]) == ("REJECTED", 3)
    await event(client, "evl_way", "invoice.confirm", {"id": "bcinv_way", "status": "ACCEPTED"})
    assert (await client.have("invoice", under_way))["revision"] == 3, "this one is remembered"
    assert len(await client.heard("network.invoice.req-confirm-invoice")) == 2


async def test_a_message_that_waits_for_its_answer_is_never_forgotten(
    client: Client, zwitch: Receiver, db: Any, clock: Any
) -> None:
    zwitch.answers = [status(500)]
    for _ in range(2):
        await client.call("invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER"))
    clock.move(days=4000)
    await forget(db, 30)
    assert len((await remembered(client))[0]) == 2


@pytest.mark.parametrize("step", [1, 5000])
async def test_it_goes_in_steps(client: Client, zwitch: Receiver, db: Any, clock: Any, step: int) -> None:
    for at in range(3):
        await sent(client, zwitch, f"bcinv_{at}")
        answer = {"id": f"bcinv_{at}", "status": "REJECTED", "remarks": "no"}
        await event(client, f"evl_{at}", "invoice.confirm", answer)
    clock.move(days=31)
    await forget(db, 30, at_a_time=step)
    assert await remembered(client) == ([], [])


@pytest.mark.parametrize("step", [1, 5000])
async def test_a_webhook_that_does_not_say_what_it_touched_goes_by_what_it_names(
    client: Client, zwitch: Receiver, db: Any, clock: Any, step: int
) -> None:
    """An older version noted nothing; by then the object may be named by its id, the provider's, or a message's."""
    under_way, over = await sent(client, zwitch, "bcinv_way"), await sent(client, zwitch, "bcinv_over")
    for name, status_ in (("way", "ACCEPTED"), ("over", "REJECTED")):
        answer = {"id": f"bcinv_{name}", "status": status_, "remarks": "no"}
        await event(client, f"evl_{name}", "invoice.confirm", answer)
    await event(client, "evl_kept", "invoice.confirm", {"id": "bcinv_of_nobody", "status": "REJECTED", "remarks": "no"})
    message = await client.company.value(
        "SELECT message_id FROM network_messages WHERE seller_id = $1 AND about[1] = $2", under_way
    )
    insert = (
        "INSERT INTO network_received (seller_id, received_id, source, mark, hook, body, outcome, waits_for, at, changed_at)"
        " VALUES ($1, 'nrx_' || $2, 'zwitch', $2, 'invoice.confirm', $3, $4, $5, $6, $6)"
    )
    named = {
        "by_id": f'{{"invoice": {{"objectId": "{under_way}"}}}}', "by_alias": '{"data":{"id":"bcinv_way"}}',
        "by_message": f'{{"resp": {{"reqMsgId" : "{message}"}}}}', "of_over": f'["{over}"]', "of_nobody": '{"id": "bcinv_x"}',
        "broken": '{"id": "', "blank": "", "late": json.dumps({"qr": "x" * 101 + '"' * 3, "id": "bcinv_way"}),
    }  # fmt: skip
    async with db.transaction(client.company.seller_id) as tx:
        await tx.execute("UPDATE network_received SET about = NULL WHERE seller_id = $1", tx.seller_id)
        for mark, body in named.items():
            await tx.execute(insert, tx.seller_id, mark, body, "TAKEN", [], tx.now)
        await tx.execute(insert, tx.seller_id, "waited", "{}", "DISMISSED", [under_way], tx.now)
    clock.move(days=89)
    await forget(db, 90, at_a_time=step)
    assert len((await remembered(client))[1]) == 3 + len(named) + 1
    clock.move(days=2)
    for _ in range(len(named) + 3):
        await forget(db, 90, at_a_time=step)  # what an hour looked at and had to leave is not looked at in the next
    assert set((await remembered(client))[1]) == {
        "evl_way",
        "evl_kept",
        "by_id",
        "by_alias",
        "by_message",
        "late",
        "waited",
    }

    await client.company.run(
        "UPDATE network_objects SET status = 'CANCELLED' WHERE seller_id = $1 AND object_id = $2", under_way
    )
    await forget(db, 90, at_a_time=step)
    assert set((await remembered(client))[1]) == {"evl_kept"}


def test_nothing_is_taken_for_being_at_rest_that_waits_for_somebody() -> None:
    known = {f"{kind}/{one}" for kind, statuses in STATUSES.items() for one in statuses}
    assert set(AT_REST) <= known
    waits = known - set(AT_REST)
    assert {"INVOICE/SENT TO BUYER", "INVOICE/ACCEPTED", "INVOICE/PARTIALLY PAID", "PAYMENT/ACK PENDING"} <= waits
    assert {f"{kind}/{row.start}" for kind, rows in TABLES.items() for row in rows if row.start} >= waits
