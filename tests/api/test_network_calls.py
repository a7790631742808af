"""Calls that go wrong, or meet each other: bad fields over HTTP, stale versions, races, keys, crashes between two hops."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

import network_bodies as bodies
import network_calls
from hundi.audit import service as audit
from hundi.jobs.later import RunLater
from hundi.kit.errors import Transient
from hundi.network import jobs
from hundi.network.protocol.faults import Fault
from network_world import Trader, World


@pytest.fixture
async def pair(world: World, new_seller: Any) -> tuple[Trader, Trader]:
    return await world.join(await new_seller()), await world.join(await new_seller())


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]


@pytest.mark.parametrize("operation", network_calls.POSTS)
async def test_a_bad_body_is_refused_with_its_paths(seller: Any, operation: str) -> None:
    path, message = network_calls.POSTS[operation]
    good = bodies.every()[message]
    block = next(name for name, value in good.items() if isinstance(value, dict) and name not in {"device", "b2bIds"})
    missing = json.loads(json.dumps(good))
    missing[block] = {}
    missing["additionalInfos"] = [{"name": 1, "value": "x"}]
    reply = await seller.http.post(path, json=missing)
    assert (reply.status_code, reply.json()["errorResponse"]["errorType"]) == (400, "VALIDATION_ERROR")
    found = errors(reply)
    assert ("additionalInfos[0].name", "WRONG_TYPE") in found
    assert any(field.startswith(f"{block}.") and code == "REQUIRED" for field, code in found), found
    assert reply.json()["response_code"] == 1
    for content, code in (
        (b"", "MALFORMED_JSON"),
        (b"[]", "MALFORMED_JSON"),
        (b'{"device": 1, "device": 2}', "DUPLICATE_KEY"),
    ):
        reply = await seller.http.post(path, content=content, headers={"Content-Type": "application/json"})
        assert reply.status_code == 400
        assert code in {problem[1] for problem in errors(reply)}
    reply = await seller.http.post(
        path, content=b" " * (2 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"}
    )
    assert (reply.status_code, errors(reply)[0][1]) == (413, "MESSAGE_TOO_LARGE")
    reply = await seller.http.post(path, content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert reply.status_code == 415


async def test_a_key_makes_a_call_once(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    key = {"Idempotency-Key": "first"}
    first = await supplier.post("invoice/req-send-invoice", sent, headers=key)
    again = await supplier.post("invoice/req-send-invoice", sent, headers=key)
    assert (first.status_code, first.content) == (200, again.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    assert (await supplier.post("invoice/req-send-invoice", other, headers=key)).status_code == 422
    without = await supplier.post("invoice/req-send-invoice", sent)
    assert (without.status_code, errors(without)[0][1]) == (422, "ANSWER_PENDING")
    await supplier.world.carry()
    without = await supplier.post("invoice/req-send-invoice", sent)
    assert errors(without) == [("invoice.objectId", "OBJECT_EXISTS")]
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 1


async def test_what_our_own_copy_shows_is_refused_at_once(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    stale = bodies.confirm_invoice(sent, objectVersion=bodies.version(2))
    assert errors(await buyer.post("invoice/req-confirm-invoice", stale)) == [
        ("invoiceConfirmation.objectVersion.currentVersion", "STALE_VERSION")
    ]
    late = bodies.confirm_invoice(sent, statusTransition=bodies.transition("RETURNED"))
    assert errors(await buyer.post("invoice/req-confirm-invoice", late))[0][1] == "STALE_STATUS"
    own = await supplier.post("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    assert (own.status_code, errors(own)[0][1]) == (422, "WRONG_ACTOR")
    twice = await buyer.post("payment/req-pay", bodies.pay(sent, 100, status="SENT TO BUYER"))
    assert (twice.status_code, errors(twice)[0][1]) == (422, "ILLEGAL_MOVE")
    over = bodies.send_invoice(supplier.b2b_id, supplier.b2b_id)
    assert errors(await supplier.post("invoice/req-send-invoice", over))[0][1] == "SAME_BUSINESS"
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    much = await buyer.post("payment/req-pay", bodies.pay(sent, 1181))
    assert (much.status_code, errors(much)[0][1]) == (422, "OVERPAYMENT")


async def test_what_only_the_centre_knows_is_answered_by_webhook(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    lost = bodies.send_invoice(supplier.b2b_id, "NOBODY-AT-ALL")
    message_id = await supplier.call("invoice/req-send-invoice", lost)
    assert supplier.resp["resp"] == {
        "reqMsgId": message_id, "result": "FAILURE", "errorCd": "B2B_ID_UNKNOWN", "errorField": "b2bIds.buyerB2BId",
        "errorDtl": supplier.resp["resp"]["errorDtl"],
    }  # fmt: skip
    assert "search" in supplier.resp["resp"]["errorDtl"]
    assert supplier.resp["invoice"] == lost["invoice"], "the request is echoed"
    assert "device" not in supplier.resp
    assert await supplier.status("invoice", lost["invoice"]["objectId"]) == "FAILED"
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    number = sent["invoice"]["supplierInvoiceNumber"]
    again = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, supplierInvoiceNumber=number.lower())
    await supplier.call("invoice/req-send-invoice", again)
    assert supplier.resp["resp"]["errorCd"] == "DOCUMENT_NUMBER_TAKEN"
    assert buyer.resp["resp"]["result"] == "SUCCESS"


async def test_a_private_or_unknown_id_is_not_found_by_searching(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    hidden = f"{supplier.b2b_id}-X"
    await supplier.call("business-onboarding/reg-id", bodies.register_ids(supplier.registered, hidden))
    assert supplier.resp["resp"]["result"] == "SUCCESS", supplier.resp
    await buyer.call("business-onboarding/reg-search-entity", bodies.search_entity(buyer.b2b_id, "B2B ID", hidden))
    assert buyer.resp["resp"]["errorCd"] == "SEARCH_PRIVATE"
    await buyer.call(
        "business-onboarding/reg-search-entity", bodies.search_entity(buyer.b2b_id, "NAME", "no such firm")
    )
    assert buyer.resp["resp"]["errorCd"] == "SEARCH_NOTHING"
    await buyer.call("business-onboarding/reg-check-entity", bodies.check_entity(supplier.pan))
    found = buyer.resp["instituteStatus"]["institutes"]
    assert [(one["isBusinessExist"], one["b2bIds"]) for one in found] == [("YES", [supplier.b2b_id])]
    await supplier.call("invoice/req-send-invoice", bodies.send_invoice(hidden, buyer.b2b_id))
    assert supplier.resp["resp"]["result"] == "SUCCESS", "a private id trades all the same"


@pytest.mark.parametrize("first", ["supplier", "buyer"])
async def test_two_sides_at_once_one_wins_and_both_agree(pair: tuple[Trader, Trader], first: str) -> None:
    """The buyer accepts version 1 while the supplier sends version 2: whoever reaches the centre first wins."""
    supplier, buyer = pair
    world = supplier.world
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    edited = await supplier.post("invoice/req-edit-invoice", bodies.edit_invoice(sent, 590, "SENT TO BUYER"))
    answered = await buyer.post("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    assert (edited.status_code, answered.status_code) == (200, 200)
    order = [supplier, buyer] if first == "supplier" else [buyer, supplier]
    for trader in order:
        await jobs.send(world.context, {"seller_id": trader.company.seller_id})
    await world.carry()
    invoice_id = sent["invoice"]["objectId"]
    outcome = {}
    for trader, type_ in ((supplier, "edit-invoice"), (buyer, "confirm-invoice")):
        outcome[trader] = (await trader.heard(f"network.invoice.resp-{type_}"))[-1]["data"]["resp"]
    winner, loser = order
    assert outcome[winner]["result"] == "SUCCESS"
    assert outcome[loser]["errorCd"] in {"STALE_VERSION", "STALE_STATUS", "ILLEGAL_MOVE"}
    expected = ("SENT TO BUYER", 2, 590) if winner is supplier else ("ACCEPTED", 1, 1180)
    for trader in pair:
        found = await trader.have("invoice", invoice_id)
        assert (found["status"], found["objectVersion"], found["total"]) == expected


async def test_the_same_answer_many_times_at_once_counts_once(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    answer = bodies.confirm_invoice(sent)
    replies = await asyncio.gather(*(buyer.post("invoice/req-confirm-invoice", answer) for _ in range(8)))
    taken = [reply for reply in replies if reply.status_code == 200]
    assert {reply.status_code for reply in replies} <= {200, 422, 503}
    await buyer.world.carry()
    heard = await buyer.heard("network.invoice.resp-confirm-invoice")
    assert len(heard) == len(taken) >= 1
    assert [one["data"]["resp"]["result"] for one in heard].count("SUCCESS") == 1
    assert len(await supplier.heard("network.invoice.req-confirm-invoice")) == 1
    assert await supplier.status("invoice", sent["invoice"]["objectId"]) == "ACCEPTED"


async def test_many_jobs_at_once_keep_each_object_in_order(pair: tuple[Trader, Trader]) -> None:
    """Several workers carry for the same companies: what overtakes another waits for its turn."""
    supplier, buyer = pair
    world = supplier.world
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(6)]
    for body in sent:
        assert (await supplier.post("invoice/req-send-invoice", body)).status_code == 200
    for _ in range(3):
        work = [
            job(world.context, {"seller_id": trader.company.seller_id})
            for job in (jobs.send, jobs.collect, jobs.send, jobs.collect)
            for trader in pair
        ]
        done = await asyncio.gather(*work, return_exceptions=True)
        assert all(one is None or isinstance(one, Transient) for one in done), done
    await world.carry()
    heard = await buyer.heard("network.invoice.req-send-invoice")
    assert sorted(one["object_id"] for one in heard) == sorted(body["invoice"]["objectId"] for body in sent)
    assert len(await supplier.heard("network.invoice.resp-send-invoice")) == len(sent)
    for body in sent:
        assert await buyer.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"


class Killed(Exception):
    """What a test raises in the middle of a job."""


@pytest.mark.parametrize("place", ["at the centre", "at the party"])
async def test_a_crash_between_two_steps_loses_and_repeats_nothing(
    pair: tuple[Trader, Trader], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    supplier, buyer = pair
    world = supplier.world
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    assert (await supplier.post("invoice/req-send-invoice", sent)).status_code == 200

    async def crash(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if place == "at the centre":
            patch.setattr(jobs.unit, "homes_here", crash)
            with pytest.raises(Killed):
                await jobs.send(world.context, {"seller_id": supplier.company.seller_id})
        else:
            await jobs.send(world.context, {"seller_id": supplier.company.seller_id})
            patch.setattr(jobs.unit, "next_due_for", crash)
            with pytest.raises(Killed):
                await jobs.collect(world.context, {"seller_id": buyer.company.seller_id})
    await world.carry()
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 1
    assert len(await supplier.heard("network.invoice.resp-send-invoice")) == 1
    for trader in pair:
        assert await trader.status("invoice", sent["invoice"]["objectId"]) == "SENT TO BUYER"


async def test_one_parcel_that_cannot_be_carried_holds_up_no_other(
    pair: tuple[Trader, Trader], monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    supplier, buyer = pair
    world = supplier.world
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(3)]
    for body in sent:
        await supplier.post("invoice/req-send-invoice", body)
    stuck = sent[1]["invoice"]["objectId"]
    right = audit.emit_all

    async def emit_all(tx: Any, events: Any) -> None:
        if any(event.object_id == stuck for event in events):
            raise Killed
        await right(tx, events)

    await jobs.send(world.context, {"seller_id": supplier.company.seller_id})
    with monkeypatch.context() as patch:
        patch.setattr(audit, "emit_all", emit_all)
        with pytest.raises(RunLater) as later:
            await jobs.collect(world.context, {"seller_id": buyer.company.seller_id})
    assert 0 < later.value.delay.total_seconds() <= 2
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 2
    clock.move(seconds=3)
    await world.carry()
    assert len(await buyer.heard("network.invoice.req-send-invoice")) == 3
    assert await buyer.status("invoice", stuck) == "SENT TO BUYER"


async def test_the_worker_carries_what_is_sent(pair: tuple[Trader, Trader]) -> None:
    """The jobs that carry a message are in the queue with its own commit, at every hop."""
    supplier, buyer = pair
    company = supplier.company

    async def jobs_of(trader: Trader) -> set[str]:
        async with company.db.unbound() as tx:
            rows = await tx.fetch("SELECT entrypoint, payload FROM pgqueuer WHERE entrypoint LIKE 'network.%'")
        wanted = trader.company.seller_id
        return {row["entrypoint"] for row in rows if json.loads(row["payload"])["seller_id"] == wanted}

    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    before = await jobs_of(buyer)
    await supplier.post("invoice/req-send-invoice", sent)
    assert "network.send" in await jobs_of(supplier)
    await jobs.send(supplier.world.context, {"seller_id": company.seller_id})
    assert "network.collect" in await jobs_of(buyer) - (before - {"network.collect"})


async def test_lists_and_the_inbox(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    first, second = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(2)]
    for sent in (first, second):
        await supplier.call("invoice/req-send-invoice", sent)
    http = buyer.company.http

    async def listed(path: str, **query: Any) -> dict[str, Any]:
        reply = await http.get(f"/api/v0/network/{path}", params=query)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    ids = [sent["invoice"]["objectId"] for sent in (second, first)]
    page = await listed("invoice", limit=1)
    assert [one["objectId"] for one in page["data"]] == ids[:1]
    rest = await listed("invoice", limit=1, cursor=page["next_cursor"])
    assert ([one["objectId"] for one in rest["data"]], rest["next_cursor"]) == (ids[1:], None)
    assert (page["total_count"], page["data"][0]["role"], page["data"][0]["due"]) == (2, "BUYER", 1180)
    assert "document" not in page["data"][0]
    assert [one["objectId"] for one in (await listed("inbox"))["data"]] == ids
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(first))
    assert [one["objectId"] for one in (await listed("inbox"))["data"]] == ids[:1]
    assert (await listed("invoice", status="ACCEPTED", counterparty=supplier.b2b_id))["total_count"] == 1
    assert (await listed("invoice", role="SUPPLIER"))["total_count"] == 0
    assert (await listed("invoice", number=first["invoice"]["supplierInvoiceNumber"]))["total_count"] == 1
    one = await buyer.have("invoice", ids[1])
    assert one["document"]["invoice"] == first["invoice"]
    assert one["facts"]["type"] == "invoice"
    events = (await listed(f"invoice/{ids[1]}/events"))["data"]
    assert [(row["revision"], row["event"], row["after"]) for row in events] == [
        (1, "CREATE", "CREATED"), (2, "DELIVER", "SENT TO BUYER"), (3, "ACCEPT", "ACCEPTED"),
    ]  # fmt: skip
    assert (await http.get("/api/v0/network/nothing")).status_code == 404
    assert (await http.get(f"/api/v0/network/payment/{ids[0]}")).status_code == 404


async def test_received_invoices_are_answered_by_their_ids_alone(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = [bodies.send_invoice(supplier.b2b_id, buyer.b2b_id) for _ in range(2)]
    for body in sent:
        await supplier.call("invoice/req-send-invoice", body)
    ids = [body["invoice"]["objectId"] for body in sent]
    bad = await buyer.post("payout/confirm-invoice", {"invoiceIds": [], "remarks": "", "status": "PERHAPS"})
    assert sorted(field for field, _ in errors(bad)) == ["invoiceIds", "remarks", "status"]
    some = {"invoiceIds": [ids[0], "INV" + "x" * 32], "remarks": "seen", "status": "ACCEPT"}
    none = await buyer.post("payout/confirm-invoice", some)
    assert (none.status_code, errors(none)[0][0]) == (404, "invoiceIds[1]")
    theirs = await supplier.post("payout/confirm-invoice", {"invoiceIds": ids, "remarks": "mine", "status": "ACCEPT"})
    assert (theirs.status_code, errors(theirs)[0][1]) == (422, "WRONG_ACTOR")
    reply = await buyer.post("payout/confirm-invoice", {"invoiceIds": ids, "remarks": "seen", "status": "ACCEPT"})
    assert len(reply.json()["payload"].split(",")) == 2
    await buyer.world.carry()
    for body in sent:
        assert await supplier.status("invoice", body["invoice"]["objectId"]) == "ACCEPTED"
    heard = (await supplier.heard("network.invoice.req-confirm-invoice"))[-1]["data"]
    assert heard["invoiceConfirmation"]["buyerRemarks"] == "seen", "the supplier gets the published message"
    assert await buyer.company.value("SELECT count(*) FROM network_awaiting WHERE seller_id = $1") == 0


def test_every_code_has_a_kind_of_refusal() -> None:
    from hundi.network.protocol.faults import MessageRefused
    from hundi.network.refusals import refusal_of

    for fault in Fault:
        refusal = refusal_of(MessageRefused(fault, "a.field", "found"))
        assert refusal.status in {400, 404, 422}
        assert (refusal.problems[0].field, refusal.problems[0].code) == ("a.field", fault.value)
