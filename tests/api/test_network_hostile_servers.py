"""Faults between servers, over real HTTP: who never answers, answers twice or lies, who races, and what is lost on the way.

The programs themselves are killed in scenarios/test_network_servers; answers that are none, and servers that are away, slow or
broken stand in test_network_wire_faults, parcels that are altered in test_network_altered_parcels. Here the other side keeps to the wire, and to nothing else.
"""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

import hooks
import network_bodies as bodies
from hundi.http.outgoing import Outgoing
from hundi.jobs.context import JobContext
from hundi.network.central import unit
from hundi.network.keys import ServerSigner
from hundi.network.protocol import messages as m
from network_peers import CENTRE_KEYS, Network, Trader, member_of, offered, parcel_of, taken
from receiver import receiving, status

Pair = tuple[Trader, Trader]


async def invoiced(network: Network, pair: Pair, **more: Any) -> dict[str, Any]:
    """Send an invoice and have it delivered."""
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, **more)
    assert await network.answer(supplier, await supplier.send("invoice/req-send-invoice", sent)) == ("SUCCESS", None)
    return sent


async def copies(pair: Pair, object_id: str) -> list[dict[str, Any]]:
    """Give both sides' copies of an object, without what is each side's own."""
    sql = "SELECT status, version, revision, data::text AS data FROM network_objects WHERE seller_id = $1 AND object_id = $2"
    return [(await trader.company.rows(sql, object_id))[0] for trader in pair]


# ---------------------------------------------------------------- the other side does what it likes


async def test_a_centre_that_takes_and_never_answers_holds_up_one_object(db: Any, clock: Any) -> None:
    async with receiving(taken) as centre, member_of(centre, db, clock) as trader:
        silent, other = trader.body(), trader.body()
        await trader.send("business-onboarding/reg-check-entity", silent)
        for _ in range(3):
            await trader.drain()
            clock.move(hours=30)
        assert await trader.outbox() == []
        assert len(centre.got) == 1, "it was taken: nothing is sent again, and nobody guesses"
        path = "/api/v0/business-onboarding/reg-check-entity"
        trader.company.clients.clear()
        reply = await trader.company.http.post(path, json=silent)
        assert (reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]) == (422, "ANSWER_PENDING")
        assert (await trader.company.http.post(path, json=other)).status_code == 200
        await trader.drain()
        assert len(centre.got) == 2


async def test_a_buyer_who_never_answers_holds_up_nothing(network: Network, pair: Pair) -> None:
    supplier, buyer = pair
    silent, answered = await invoiced(network, pair), await invoiced(network, pair)
    accept = await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(answered))
    assert await network.answer(buyer, accept) == ("SUCCESS", None)
    taken_back = bodies.change_invoice_status(silent, status="SENT TO BUYER")
    cancelled = await supplier.send("invoice/req-status-change-invoice", taken_back)
    late = await buyer.unrehearsed(m.ConfirmInvoice, bodies.confirm_invoice(silent))
    await supplier.drain()
    assert await network.answer(supplier, cancelled) == ("SUCCESS", None)
    assert await network.answer(buyer, late) == ("FAILURE", "STALE_STATUS")
    for trader in pair:
        assert await trader.status("invoice", silent["invoice"]["objectId"]) == "CANCELLED"
        assert await trader.status("invoice", answered["invoice"]["objectId"]) == "ACCEPTED"


async def test_a_buyer_who_answers_twice_is_heard_once(network: Network, pair: Pair) -> None:
    supplier, buyer = pair
    sent = await invoiced(network, pair)
    first = await buyer.unrehearsed(m.ConfirmInvoice, bodies.confirm_invoice(sent, "ACCEPT"))
    second = await buyer.unrehearsed(m.ConfirmInvoice, bodies.confirm_invoice(sent, "REJECT"))
    assert await network.answer(buyer, first) == ("SUCCESS", None)
    assert await network.answer(buyer, second) == ("FAILURE", "STALE_STATUS")
    assert await supplier.told("invoice/req-confirm-invoice") == 1
    assert [one["status"] for one in await copies(pair, sent["invoice"]["objectId"])] == ["ACCEPTED"] * 2


async def test_who_answers_for_another_s_object_learns_nothing_and_changes_nothing(
    network: Network, pair: Pair
) -> None:
    stranger = await network.company(1)
    assert await network.answer(stranger, await stranger.register()) == ("SUCCESS", None)
    sent = await invoiced(network, pair)
    as_another = sent | {"b2bIds": bodies.ids(pair[0].b2b_id, stranger.b2b_id)}
    for body in (sent, as_another):
        message_id = await stranger.unrehearsed(m.ConfirmInvoice, bodies.confirm_invoice(body))
        assert await network.answer(stranger, message_id) == ("FAILURE", "OBJECT_UNKNOWN")
    # Its server may sign for it, and for no company of another server.
    await stranger.unrehearsed(m.ConfirmInvoice, bodies.confirm_invoice(sent))
    posing = msgspec.structs.replace(parcel_of((await stranger.outbox())[0]), sender=pair[0].home)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{network.centre.port}") as http:
        signer = ServerSigner(stranger.server.keyring)
        assert await offered(http, "invoice/req-confirm-invoice", posing, signer, network.clock) == (
            401,
            "BAD_SIGNATURE",
        )
    await network.carry()
    assert await pair[0].told("invoice/req-confirm-invoice") == 0
    assert [(one["status"], one["revision"]) for one in await copies(pair, sent["invoice"]["objectId"])] == [
        ("SENT TO BUYER", 2)
    ] * 2


@pytest.mark.parametrize("quicker", ["supplier", "buyer", "neither"])
async def test_when_both_sides_move_at_once_one_wins_and_both_agree(network: Network, pair: Pair, quicker: str) -> None:
    """The supplier sends version 2 while the buyer accepts version 1, from two servers."""
    supplier, buyer = pair
    sent = await invoiced(network, pair)
    edit = await supplier.send("invoice/req-edit-invoice", bodies.edit_invoice(sent, 590, "SENT TO BUYER"))
    accept = await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    if quicker == "neither":
        await asyncio.gather(supplier.drain(), buyer.drain())
    else:
        await (supplier if quicker == "supplier" else buyer).drain()
    answers = await network.answer(supplier, edit), await network.answer(buyer, accept)
    assert sorted(result for result, _ in answers) == ["FAILURE", "SUCCESS"]
    assert {code for _, code in answers if code} <= {"STALE_VERSION", "STALE_STATUS", "ILLEGAL_MOVE"}
    edited = answers[0][0] == "SUCCESS"
    if quicker != "neither":
        assert edited == (quicker == "supplier")
    ours, theirs = await copies(pair, sent["invoice"]["objectId"])
    assert ours == theirs
    assert (ours["status"], ours["version"]) == (("SENT TO BUYER", 2) if edited else ("ACCEPTED", 1))


async def test_buyers_that_cannot_be_sent_to(network: Network, pair: Pair) -> None:
    """Wrong, private, deactivated, one's own, and a supplier's id that is another's."""
    supplier, buyer = pair

    async def sent_to(name: str, by: str | None = None) -> tuple[str, str | None]:
        body = bodies.send_invoice(by or supplier.b2b_id, name)
        return await network.answer(supplier, await supplier.unrehearsed(m.SendInvoice, body))

    assert await sent_to("NOBODY-AT-ALL") == ("FAILURE", "B2B_ID_UNKNOWN")
    assert await sent_to(supplier.b2b_id) == ("FAILURE", "SAME_BUSINESS")
    assert await sent_to(supplier.b2b_id, buyer.b2b_id) == ("FAILURE", "B2B_ID_NOT_YOURS")
    own = await supplier.company.http.post(
        "/api/v0/invoice/req-send-invoice", json=bodies.send_invoice(supplier.b2b_id, supplier.b2b_id)
    )
    assert (own.status_code, own.json()["errorResponse"]["apiSubErrors"][0]["code"]) == (422, "SAME_BUSINESS")

    hidden = f"{buyer.b2b_id}-HIDDEN"
    registered = {"institute": await business_of(buyer)}
    more = await buyer.send("business-onboarding/reg-id", bodies.register_ids(registered, hidden))
    assert await network.answer(buyer, more) == ("SUCCESS", None)
    search = bodies.search_entity(supplier.b2b_id, "B2B ID", hidden)
    asked = await supplier.send("business-onboarding/reg-search-entity", search)
    assert await network.answer(supplier, asked) == ("FAILURE", "SEARCH_PRIVATE")
    assert await sent_to(hidden) == ("SUCCESS", None), "whoever knows a private id may send to it"

    async with network.db.unbound() as tx:
        await unit.order(tx, CENTRE_KEYS, m.SwitchB2bId(b2b_id=buyer.b2b_id, active=False))
    assert await sent_to(buyer.b2b_id) == ("FAILURE", "B2B_ID_INACTIVE")
    assert await buyer.told("invoice/req-send-invoice") == 1, "it heard of none but the one that was for it"


async def business_of(trader: Trader) -> dict[str, Any]:
    """Give what a company registered, as far as a further id asks for it."""
    object_id = await trader.company.value(
        "SELECT object_id FROM network_objects WHERE seller_id = $1 AND kind = 'BUSINESS'"
    )
    gstin = await trader.company.value(
        "SELECT data -> 'facts' -> 'primary' ->> 'value' FROM network_objects WHERE seller_id = $1 AND kind = 'BUSINESS'"
    )
    return {
        "objectId": object_id, "defaultB2BId": trader.b2b_id, "primaryBusinessIdentifier": bodies.identifier(gstin),
    }  # fmt: skip


# ---------------------------------------------------------------- the wire and the machines


async def test_with_half_of_everything_lost_all_of_it_arrives_once_and_in_order(network: Network, pair: Pair) -> None:
    """Of each three parcels one never arrives, one arrives and its receipt is lost, one goes through; at all three ends."""
    supplier, buyer = pair
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(3)]
    for wire in network.wires:
        wire.plan = [*chain.from_iterable(repeat(("lost", "unheard", "whole"), 200)), "whole"]

    async def carried() -> None:
        for _ in range(40):
            for trader in pair:
                await trader.drain()
            await network.centre.deliver()
            left = [await trader.outbox() for trader in pair]
            left += [await network.centre.waiting(trader.home) for trader in pair]
            if not any(left):
                return
            network.clock.move(minutes=20)
            for trader in pair:
                trader.company.clients.clear()
        message = f"still on their way: {left}"
        raise AssertionError(message)

    for body in sent:
        await supplier.send("invoice/req-send-invoice", body)
    await carried()
    edited = [bodies.edit_invoice(body, 1062, "SENT TO BUYER") for body in sent]
    for body in edited:
        await supplier.send("invoice/req-edit-invoice", body)
    await carried()
    for body in edited:
        await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(body))
    await carried()
    assert sum(wire.brought for wire in network.wires) > 2 * 3 * 3 * 3, "most came more than once"
    for body in sent:
        ours, theirs = await copies(pair, body["invoice"]["objectId"])
        assert ours == theirs
        assert (ours["status"], ours["version"], ours["revision"]) == ("ACCEPTED", 2, 4)
    for trader, hook in ((buyer, "req-send-invoice"), (buyer, "req-edit-invoice"), (supplier, "req-confirm-invoice")):
        assert await trader.told(f"invoice/{hook}") == 3
    for trader, hook in ((supplier, "resp-send-invoice"), (buyer, "resp-confirm-invoice")):
        assert await trader.told(f"invoice/{hook}") == 3


async def test_a_centre_that_is_restarted_in_mid_flow_goes_on_where_it_was(db: Any, clock: Any) -> None:
    network = Network(db, clock)
    try:
        await network.start()
        pair = supplier, buyer = await network.pair()
        sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
        await supplier.send("invoice/req-send-invoice", sent)
        await supplier.drain()
        await network.centre_down()
        edited = bodies.edit_invoice(sent, 590, "SENT TO BUYER")
        await supplier.unrehearsed(m.EditInvoice, edited)
        for _ in range(3):
            await supplier.drain()
            clock.move(seconds=20)
        assert [row["problem"].partition(":")[0] for row in await supplier.outbox()] == ["NO_REPLY"]
        assert await buyer.told("invoice/req-send-invoice") == 0
        await network.centre_up()
        clock.move(seconds=20)
        await network.carry()
        accept = await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))
        assert await network.answer(buyer, accept) == ("SUCCESS", None)
        ours, theirs = await copies(pair, sent["invoice"]["objectId"])
        assert (ours, ours["status"], ours["version"]) == (theirs, "ACCEPTED", 2)
        assert await buyer.told("invoice/req-send-invoice") == await buyer.told("invoice/req-edit-invoice") == 1
    finally:
        await network.close()


async def test_with_half_the_webhooks_failing_a_member_s_company_hears_all_in_order(
    network: Network, pair: Pair
) -> None:
    supplier, buyer = pair
    async with receiving(*[status(500), status(200)] * 40) as receiver:
        server = buyer.server
        outgoing = Outgoing(frozenset({("127.0.0.1", receiver.port)}))
        context = JobContext(
            db=server.db, clock=server.clock, keyring=server.keyring, settings=server.settings, files=None, mailer=None,
            outgoing=outgoing, uplink=server.uplink,
        )  # fmt: skip
        await hooks.register(buyer.company, context, receiver, "network.invoice.*")
        sent = await invoiced(network, pair)
        edited = bodies.edit_invoice(sent, 1062, "SENT TO BUYER")
        edit = await supplier.send("invoice/req-edit-invoice", edited)
        assert await network.answer(supplier, edit) == ("SUCCESS", None)
        accept = await buyer.send("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))
        assert await network.answer(buyer, accept) == ("SUCCESS", None)
        await hooks.fan_out(buyer.company)
        for _ in range(6):
            await hooks.work(buyer.company, context)
            network.clock.move(hours=11)
        await outgoing.aclose()
        assert set(await hooks.states(buyer.company)) == {"DELIVERED"}
        once = {got.headers["webhook-id"]: got.json["type"].rpartition(".")[2] for got in receiver.got}
        assert list(once.values()) == ["req-send-invoice", "req-edit-invoice", "resp-confirm-invoice"]
        assert len(receiver.got) == 6, "each came twice: the first time it was refused"


# ---------------------------------------------------------------- the rules of GST hold for everybody


def contradicting(supplier: Trader, buyer: Trader, **more: Any) -> dict[str, Any]:
    """Give an invoice whose total is not that of its lines."""
    body = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, **more)
    body["invoice"]["valueDetails"]["totalInvoiceValue"] = 1280
    return body


async def test_a_document_that_its_own_server_did_not_look_at_is_looked_at_by_the_centre(
    network: Network, pair: Pair
) -> None:
    """The answer is an ordinary one, with the rule's code and its place; nothing is kept aside, and the lanes go on."""
    supplier, buyer = pair
    order = bodies.send_order(supplier.b2b_id, buyer.b2b_id, 2360)
    assert await network.answer(buyer, await buyer.send("purchase-order/req-send", order)) == ("SUCCESS", None)
    confirm = await supplier.send("purchase-order/req-confirm", bodies.confirm_order(order))
    assert await network.answer(supplier, confirm) == ("SUCCESS", None)
    po = [{"poObjId": order["purchaseOrder"]["objectId"], "buyerPoId": "PO/1", "poDate": "01/11/2026"}]
    wrong, right = (
        contradicting(supplier, buyer, poDetails=po),
        bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, poDetails=po),
    )
    refused = await supplier.unrehearsed(m.SendInvoice, wrong, rehearse=True)
    await network.carry()
    [answer] = await supplier.heard(refused)
    assert (answer["result"], answer["errorCd"], answer["errorField"]) == (
        "FAILURE", "INVOICE_TOTAL_MISMATCH", "invoice.valueDetails.totalInvoiceValue",
    )  # fmt: skip
    assert answer["errorDtl"].endswith("come to 1179.80: send that (₹1 either way).")
    assert await supplier.status("invoice", wrong["invoice"]["objectId"]) == "FAILED"
    assert (await supplier.listed())["data"] == []
    assert await buyer.told("invoice/req-send-invoice") == 0
    later = await supplier.send("invoice/req-send-invoice", right)
    assert await network.answer(supplier, later) == ("SUCCESS", None), "it shares the order's lane with the other"
    edited = bodies.edit_invoice(right, 590, "SENT TO BUYER")
    edited["invoice"]["valueDetails"]["totalInvoiceValue"] = 690
    message_id = await supplier.unrehearsed(m.EditInvoice, edited)
    assert await network.answer(supplier, message_id) == ("FAILURE", "INVOICE_TOTAL_MISMATCH")
    note = bodies.send_note(supplier.b2b_id, buyer.b2b_id)
    note["cdNote"]["cdNoteValueDetails"]["assessmentValue"] = 5
    message_id = await supplier.unrehearsed(m.SendNote, note, rehearse=True)
    assert await network.answer(supplier, message_id) == ("FAILURE", "ASSESSABLE_TOTAL_MISMATCH")
    assert await supplier.status("cd-note", note["cdNote"]["objectId"]) == "FAILED"
    ours, theirs = await copies(pair, right["invoice"]["objectId"])
    assert (ours, ours["status"], ours["version"]) == (theirs, "SENT TO BUYER", 1)


async def test_what_comes_before_its_turn_is_looked_at_when_its_turn_has_come(network: Network, pair: Pair) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    first = await supplier.send("invoice/req-send-invoice", sent)
    edited = bodies.edit_invoice(sent, 590, "SENT TO BUYER")
    edited["invoice"]["valueDetails"]["totalInvoiceValue"] = 690
    second = await supplier.unrehearsed(m.EditInvoice, edited)
    rows = {row["parcel_id"]: row for row in await supplier.outbox()}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{network.centre.port}") as http:
        signer = ServerSigner(supplier.server.keyring)
        early = parcel_of(rows[second])
        assert await offered(http, "invoice/req-edit-invoice", early, signer, network.clock) == (200, "")
    assert await network.answer(supplier, first) == ("SUCCESS", None)
    assert await network.answer(supplier, second) == ("FAILURE", "INVOICE_TOTAL_MISMATCH")
    assert [one["version"] for one in await copies(pair, sent["invoice"]["objectId"])] == [1, 1]


def test_every_fault_of_the_issue_has_its_test() -> None:
    """The list of issue 5, with where each is shown: a name that is no test any more fails here."""
    here = Path(__file__).parent.parent
    for case, names in CASES.items():
        for name in names:
            file, _, function = name.partition("::")
            assert f"def {function}(" in (here / file).read_text(encoding="utf-8"), f"{case}: {name}"


_HERE = "api/test_network_hostile_servers.py::"
_LETTERS = "api/test_network_altered_parcels.py::"
_KILLS = "scenarios/test_network_servers.py::test_the_trade_survives_kills"
CASES = {
    "replayed": [f"{_LETTERS}test_what_is_brought_again_counts_once"],
    "altered": [f"{_LETTERS}test_what_was_altered_on_the_way_is_nobody_s"],
    "unsigned, expired": [f"{_LETTERS}test_what_is_not_signed_or_not_of_now_is_not_read"],
    "clock skew": [f"{_LETTERS}test_a_server_whose_clock_is_wrong_waits_until_it_is_right"],
    "a peer that accepts and never answers": [
        f"{_HERE}test_a_centre_that_takes_and_never_answers_holds_up_one_object",
        f"{_HERE}test_a_buyer_who_never_answers_holds_up_nothing",
    ],
    "a peer that answers twice": [f"{_HERE}test_a_buyer_who_answers_twice_is_heard_once"],
    "a peer that answers for another's object": [
        f"{_HERE}test_who_answers_for_another_s_object_learns_nothing_and_changes_nothing",
        "api/test_network_between_servers.py::test_a_server_speaks_for_its_own_companies_alone",
    ],
    "centre restarted in mid-flow": [
        f"{_HERE}test_a_centre_that_is_restarted_in_mid_flow_goes_on_where_it_was", _KILLS,
    ],
    "half the webhooks failing": [
        f"{_HERE}test_with_half_the_webhooks_failing_a_member_s_company_hears_all_in_order",
        f"{_HERE}test_with_half_of_everything_lost_all_of_it_arrives_once_and_in_order",
    ],
    "version races from both sides": [f"{_HERE}test_when_both_sides_move_at_once_one_wins_and_both_agree"],
    "wrong buyer, private id, deactivated id, own id as buyer": [f"{_HERE}test_buyers_that_cannot_be_sent_to"],
    "each of three killed at every step": [_KILLS],
}  # fmt: skip
