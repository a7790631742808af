"""Bad input and faults of the network, each with the test that proves what comes of it.

==================================================  ====================================================================
every field of send-invoice broken, one at a time   here; unit/test_network_wire::test_every_broken_field_is_named (all 20)
two thousand mistakes in one message                here; unit/test_network_wire, unit/test_network_scrutiny (listed, counted)
1,000 lines and 2 MB accepted, more refused         here; unit/test_network_wire
wrong buyer                                         test_network_calls::test_what_only_the_centre_knows_is_answered_by_webhook
private id                                          test_network_calls::test_a_private_or_unknown_id_is_not_found_by_searching
deactivated id                                      test_network_operator::test_kyc_is_the_operators
own id as buyer                                     test_network_calls::test_what_our_own_copy_shows_is_refused_at_once
replayed, altered, unsigned, expired; clock skew    test_network_inbox::test_only_what_is_signed_now_by_its_sender_is_taken,
                                                    unit/network/test_network_mailbox
version races from both sides                       test_network_calls::test_two_sides_at_once_one_wins_and_both_agree
a peer that never answers                           here
a peer that answers twice                           here; test_network_calls::test_the_same_answer_many_times_at_once_counts_once
a peer that answers for another's object            here; test_network_tenancy::test_a_stranger_finds_nothing
centre restarted in mid-flow                        test_network_calls::test_a_crash_between_two_steps_loses_and_repeats_nothing
half the webhooks failing                           here
every code of the network                           unit/network/test_network_faults
everything at once, over the seeds                  scenarios/test_network_simulator
==================================================  ====================================================================
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

import hooks
import network_bodies as bodies
from hundi.config import Settings
from hundi.http.outgoing import Outgoing
from hundi.jobs.context import JobContext
from hundi.network.ends import party_of
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol import messages as m
from hundi.network.wire.catalogue import WIRE_CALL_OF
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import MAX_BYTES, MOST_PROBLEMS, read
from network_world import Trader, World
from receiver import Receiver, receiving, status

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def pair(world: World, new_seller: Any) -> tuple[Trader, Trader]:
    return await world.join(await new_seller()), await world.join(await new_seller())


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]


def members(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give (path, holder, key) of every member of a body, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            where = f"{path}.{name}" if path else name
            yield where, value, name
            yield from members(inner, where)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from members(inner, f"{path}[{at}]")


async def test_every_field_of_an_invoice_broken_by_itself_is_named(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    body = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    places = list(members(body))
    assert len(places) > 200
    for path, holder, key in places:
        good, holder[key] = holder[key], {"no": "such value"} if not isinstance(holder[key], dict) else 7
        reply = await supplier.post("invoice/req-send-invoice", body)
        holder[key] = good
        assert (reply.status_code, path in dict(errors(reply))) == (400, True), (path, reply.text)
    reply = await supplier.post("invoice/req-send-invoice", body)
    assert (reply.status_code, reply.json()["response_code"]) == (200, 0), reply.text


async def test_two_thousand_mistakes_come_back_in_one_reply(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    body = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    line = bodies.item(1180) | {"hsnCode": "x", "gstRate": "18", "unitPrice": None}
    body["invoice"]["itemLists"] = [line] * 1000
    reply = await supplier.post("invoice/req-send-invoice", body)
    assert (reply.status_code, len(errors(reply))) == (400, MOST_PROBLEMS)
    assert reply.json()["response_message"].startswith("3000 fields are wrong; the first 2000 are listed.")
    assert {field for field, _ in errors(reply)[:3]} == {
        f"invoice.itemLists[0].{name}" for name in ("hsnCode", "gstRate", "unitPrice")
    }


async def test_a_thousand_lines_and_two_megabytes_go_all_the_way(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    body = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, 1_180_000)
    lines = [bodies.item(1180) | {"serialno": str(at + 1), "attributeDetails": []} for at in range(1000)]
    body["invoice"] |= {"itemLists": lines, "poDetails": []}
    room = MAX_BYTES - len(json.dumps(body))
    each = room // 2000 - 40
    for line in lines:
        line["attributeDetails"] = [{"name": "text", "value": "x" * each}] * 2
    content = json.dumps(body)
    content += " " * (MAX_BYTES - len(content))
    path = "/api/v0/invoice/req-send-invoice"
    http = supplier.company.http
    reply = await http.post(path, content=content + " ", headers=JSON)
    assert (reply.status_code, errors(reply)[0][1]) == (413, "MESSAGE_TOO_LARGE")
    reply = await http.post(path, content=content, headers=JSON)
    assert reply.status_code == 200, reply.text[:500]
    assert "warnings" not in reply.json()
    await supplier.world.carry()
    assert (await buyer.have("invoice", body["invoice"]["objectId"]))["document"] == body
    body["invoice"]["itemLists"] = [bodies.item(1180) | {"serialno": str(at + 1)} for at in range(1001)]
    reply = await supplier.post("invoice/req-send-invoice", body)
    assert (reply.status_code, errors(reply)) == (400, [("invoice.itemLists", "BAD_LENGTH")])


async def unrehearsed(trader: Trader, kind: type[m.Call], body: dict[str, Any]) -> str:
    """Send a message as a peer would that does not look at its own copies first; gives its id."""
    message = message_of(read(json.dumps(body).encode(), WIRE_CALL_OF[kind].body), kind)
    company = trader.company
    async with company.db.transaction(company.seller_id) as tx:
        party = party_of(tx, trader.world.context.keyring, trader.world.context.settings)
        return await party.submit(PostgresPartyStore(tx), message, rehearse=False)


async def answer_to(trader: Trader, message_id: str) -> dict[str, Any]:
    found = [e["data"]["resp"] for e in await trader.heard() if e["data"].get("resp", {}).get("reqMsgId") == message_id]
    assert len(found) == 1
    resp: dict[str, Any] = found[0]
    return resp


async def test_a_peer_that_never_answers_holds_up_nothing(pair: tuple[Trader, Trader], clock: Any) -> None:
    supplier, buyer = pair
    silent, other = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(2)]
    for sent in (silent, other):
        await supplier.call("invoice/req-send-invoice", sent)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(other))
    clock.move(minutes=50)
    await supplier.world.carry()
    for trader in pair:
        assert await trader.status("invoice", silent["invoice"]["objectId"]) == "SENT TO BUYER", "nobody guesses"
        assert await trader.status("invoice", other["invoice"]["objectId"]) == "ACCEPTED"
    taken_back = bodies.change_invoice_status(silent, status="SENT TO BUYER")
    await supplier.call("invoice/req-status-change-invoice", taken_back)
    late = await unrehearsed(buyer, m.ConfirmInvoice, bodies.confirm_invoice(silent))
    await supplier.world.carry()
    assert (await answer_to(buyer, late))["errorCd"] == "STALE_STATUS"
    assert await supplier.status("invoice", silent["invoice"]["objectId"]) == "CANCELLED"


async def test_a_peer_that_answers_twice_is_heard_once(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    first = await unrehearsed(buyer, m.ConfirmInvoice, bodies.confirm_invoice(sent, "ACCEPT"))
    second = await unrehearsed(buyer, m.ConfirmInvoice, bodies.confirm_invoice(sent, "REJECT"))
    await buyer.world.carry()
    assert (await answer_to(buyer, first))["result"] == "SUCCESS"
    refused = await answer_to(buyer, second)
    assert (refused["result"], refused["errorCd"]) == ("FAILURE", "STALE_STATUS")
    heard = await supplier.heard("network.invoice.req-confirm-invoice")
    assert [one["data"]["invoiceConfirmation"]["buyerResponse"] for one in heard] == ["ACCEPT"]
    for trader in pair:
        assert await trader.status("invoice", sent["invoice"]["objectId"]) == "ACCEPTED"


async def test_a_peer_that_answers_for_another_s_object_changes_nothing(
    pair: tuple[Trader, Trader], world: World, new_seller: Any
) -> None:
    supplier, buyer = pair
    stranger = await world.join(await new_seller())
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    own = sent | {"b2bIds": bodies.ids(supplier.b2b_id, stranger.b2b_id)}
    for body, code in ((sent, "OBJECT_UNKNOWN"), (own, "OBJECT_UNKNOWN")):
        message_id = await unrehearsed(stranger, m.ConfirmInvoice, bodies.confirm_invoice(body))
        await world.carry()
        assert (await answer_to(stranger, message_id))["errorCd"] == code, "it learns not even that there is one"
    assert await supplier.heard("network.invoice.req-confirm-invoice") == []
    for trader in pair:
        found = await trader.have("invoice", sent["invoice"]["objectId"])
        assert (found["status"], found["revision"]) == ("SENT TO BUYER", 2)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def test_with_half_the_webhooks_failing_everything_is_heard_in_order(
    pair: tuple[Trader, Trader], receiver: Receiver, clock: Any
) -> None:
    supplier, buyer = pair
    company = buyer.company
    outgoing = Outgoing(frozenset({("127.0.0.1", receiver.port)}))
    context = JobContext(
        db=company.db, clock=clock, keyring=buyer.world.context.keyring, settings=Settings(), files=None, mailer=None,
        outgoing=outgoing,
    )  # fmt: skip
    await hooks.register(company, context, receiver, "network.*")
    receiver.answers = [status(500), status(200)] * 40
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(3)]
    for body in sent:
        await supplier.call("invoice/req-send-invoice", body)
        edited = bodies.edit_invoice(body, 1062, "SENT TO BUYER")
        await supplier.call("invoice/req-edit-invoice", edited)
        await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))
    await hooks.fan_out(company)
    for _ in range(9):
        await hooks.work(company, context)
        clock.move(hours=11)
    await outgoing.aclose()
    assert set(await hooks.states(company)) == {"DELIVERED"}
    heard: dict[str, list[str]] = defaultdict(list)
    once = {got.headers["webhook-id"]: got for got in reversed(receiver.got)}
    for got in reversed(once.values()):
        heard[got.json["object"]["id"]].append(got.json["type"].rpartition(".")[2])
    assert len(receiver.got) > len(once), "some came twice"
    for body in sent:
        assert heard[body["invoice"]["objectId"]] == ["req-send-invoice", "req-edit-invoice", "resp-confirm-invoice"]
