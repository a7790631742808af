"""The EnKash adapter against a server written from the contract: every call, every webhook, and whatever may go wrong."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

import network_bodies as bodies
import receiver as r
from hundi.kit import standard_webhooks
from hundi.network.adapters import sending
from hundi.network.adapters.port import ProviderKind
from hundi.network.adapters.providers import ADAPTERS
from hundi.network.counterparties import OwnId, own_id_of
from network_books import line
from provider_world import CONNECTION, Client, connected
from receiver import Got, receiving

TOKEN = {"access_token": "t-1", "token_type": "bearer", "expires_in": 3600}


def reply(payload: str = "EK-1", code: int = 0, message: str = "SUCCESS") -> r.Answer:
    """Answer a call as the contract has it."""
    return r.status(200, json.dumps({"payload": payload, "response_code": code, "response_message": message}).encode())


class EnKashServer:
    """Gives a token for the right credentials, and to a call the next of ``answers``, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[r.Answer] = []
        self.tokens = 0
        self.calls: list[Got] = []
        self.port = 0
        self.number = 0

    async def answer(self, got: Got, writer: asyncio.StreamWriter) -> None:
        if got.path == "/oauth/token":
            self.tokens += 1
            token = TOKEN | {"access_token": f"t-{self.tokens}"}
            assert got.headers["authorization"] == "Basic " + base64.b64encode(b"cli_1:a secret").decode()
            await r.status(200, json.dumps(token).encode())(got, writer)
            return
        self.calls.append(got)
        self.number += 1
        waiting = self.answers.pop(0) if self.answers else reply(f"EK-{self.number}")
        await waiting(got, writer)


@pytest.fixture
async def enkash() -> AsyncIterator[EnKashServer]:
    server = EnKashServer()
    async with receiving(server.answer) as found:
        server.port = found.port
        yield server


@pytest.fixture
async def client(enkash: EnKashServer, new_seller: Any, keyring: Any) -> AsyncIterator[Client]:
    async with connected(await new_seller(), keyring, enkash.port) as found:
        yield found


def resp(message_id: str, body: dict[str, Any], **failure: str) -> dict[str, Any]:
    """Write a response webhook: the result, and an echo of the request."""
    result = {"reqMsgId": message_id, "result": "FAILURE" if failure else "SUCCESS", **failure}
    return {
        "resp": result,
        **{name: value for name, value in body.items() if name not in {"device", "initiatorEntity"}},
    }


async def sent_invoice(client: Client, **more: Any) -> dict[str, Any]:
    """Send an invoice that the provider takes and the network delivers; gives its body."""
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER", **more)
    message_id = await client.call("invoice/req-send-invoice", body)
    taken = await client.bring("enkash/invoice/resp-send-invoice", resp(message_id, body))
    assert taken.status_code == 200, taken.text
    assert await client.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"
    return body


# ---------------------------------------------------------------- calls


async def test_a_call_is_the_published_body_under_the_published_path(client: Client, enkash: EnKashServer) -> None:
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    message_id = await client.call("invoice/req-send-invoice", body)
    (got,) = enkash.calls
    assert (got.method, got.path) == ("POST", "/api/v0/invoice/req-send-invoice")
    assert got.headers["authorization"] == "Bearer t-1"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["idempotency-key"] == message_id
    assert got.json == body
    sent = await client.message(message_id)
    assert (sent["progress"], sent["provider_id"], sent["attempts"]) == ("SENT", "EK-1", 1)
    assert await client.status("invoice", body["invoice"]["objectId"]) == "CREATED", "the answer comes later"
    await client.bring("enkash/invoice/resp-send-invoice", resp("EK-1", body))
    assert await client.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"
    heard = await client.heard("network.invoice.resp-send-invoice")
    assert [one["resp"] for one in heard] == [{"reqMsgId": message_id, "result": "SUCCESS"}], "under our id, not theirs"
    await sent_invoice(client)
    assert enkash.tokens == 1, "a token serves until shortly before its end"


async def test_a_refusal_is_the_answer(client: Client, enkash: EnKashServer) -> None:
    error = {"field": "invoice.ts", "code": "DATE_TOO_OLD", "message": "The date is too old."}
    refusal = {"errorResponse": {"apiSubErrors": [error], "errorType": "VALIDATION_ERROR"}, "response_code": 1}
    enkash.answers = [r.status(400, json.dumps(refusal).encode()), reply("", 1, "Not this one.")]
    for sentence, code in (("The date is too old.", "DATE_TOO_OLD"), ("Not this one.", "PROVIDER_REFUSED")):
        body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
        message_id = await client.call("invoice/req-send-invoice", body)
        assert await client.status("invoice", body["invoice"]["objectId"]) == "FAILED"
        said = (await client.heard("network.invoice.resp-send-invoice"))[-1]["resp"]
        assert (said["reqMsgId"], said["result"], said["errorCd"]) == (message_id, "FAILURE", code)
        assert said["errorDtl"] == sentence
        assert (await client.message(message_id))["progress"] == "ANSWERED"
    assert await client.company.value("SELECT count(*) FROM network_awaiting WHERE seller_id = $1") == 0


async def test_a_token_that_is_not_taken_is_renewed_once(client: Client, enkash: EnKashServer) -> None:
    enkash.answers = [r.status(401), reply("EK-7")]
    message_id = await client.call("invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER"))
    assert [one.headers["authorization"] for one in enkash.calls] == ["Bearer t-1", "Bearer t-2"]
    assert (await client.message(message_id))["provider_id"] == "EK-7"
    enkash.answers = [r.status(401), r.status(401)]
    message_id = await client.submit("invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER"))
    assert await client.forward() is not None
    found = await client.message(message_id)
    assert (found["progress"], found["unsure"], len(enkash.calls)) == ("QUEUED", False, 4)
    shown = (await client.company.http.get(CONNECTION)).json()["payload"]
    assert "credentials" in shown["lastError"]


@pytest.mark.parametrize(
    ("answer", "unsure"),
    [
        (r.status(500), True),
        (r.status(503), True),
        (r.status(200, b"<html>"), True),
        (r.status(200, b'{"payload": "x"}'), True),
        (r.status(200, b'{"payload": "\\u0000", "response_code": 0}'), True),
        (r.status(200, b"[" * 100_000), True),
        (r.status(200, b'{"payload": "x", "response_code": 0}' + b" " * 3_000_000), True),
        (r.hang_up, True),
        (r.status(429), False),
        (r.status(404, b"no such page"), False),
        (r.status(302, location="https://example.com/"), False),
    ],
)
async def test_what_is_no_answer_is_tried_again(
    client: Client, enkash: EnKashServer, answer: r.Answer, unsure: bool
) -> None:
    enkash.answers = [answer]
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    message_id = await client.submit("invoice/req-send-invoice", body)
    later = await client.forward()
    assert later is not None
    found = await client.message(message_id)
    assert (found["progress"], found["unsure"], found["attempts"]) == ("QUEUED", unsure, 1)
    assert await client.status("invoice", body["invoice"]["objectId"]) == "CREATED", "nobody guesses"
    client.company.clock.move(seconds=later.delay.total_seconds() + 1)
    await client.forward()
    first, second = enkash.calls
    assert (first.body, first.headers["idempotency-key"]) == (second.body, second.headers["idempotency-key"])
    assert (await client.message(message_id))["progress"] == "SENT"


async def test_a_refusal_after_a_lost_answer_proves_nothing(client: Client, enkash: EnKashServer) -> None:
    refusal = reply("", 1, "The object id is taken.")
    outcomes: dict[str, Callable[[str, dict[str, Any]], Awaitable[Any]]] = {
        "SENT TO BUYER": lambda _, body: client.bring("enkash/invoice/resp-send-invoice", resp("EK-9", body)),
        "FAILED": lambda message_id, _: settle(client, message_id, "DISMISS"),
        "CREATED": lambda message_id, _: settle(client, message_id, "RETRY"),
    }
    for status, settled in outcomes.items():
        enkash.answers = [r.hang_up, refusal]
        body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
        message_id = await client.submit("invoice/req-send-invoice", body)
        later = await client.forward()
        assert later is not None
        client.company.clock.move(seconds=later.delay.total_seconds() + 1)
        await client.forward()
        assert (await client.message(message_id))["progress"] == "IN DOUBT"
        assert await client.status("invoice", body["invoice"]["objectId"]) == "CREATED"
        assert (await client.heard("network.message_in_doubt"))[-1]["messageId"] == message_id
        listed = (await client.company.http.get(f"{CONNECTION}/messages?progress=IN DOUBT")).json()["payload"]
        assert [one["messageId"] for one in listed["data"]] == [message_id]
        await settled(message_id, body)
        assert await client.status("invoice", body["invoice"]["objectId"]) == status
        assert (await client.message(message_id))["progress"] == ("QUEUED" if status == "CREATED" else "ANSWERED")


async def settle(client: Client, thing: str, action: str) -> dict[str, Any]:
    word = "kept" if thing.startswith("nrx_") else "messages"
    answer = await client.company.http.post(f"{CONNECTION}/{word}/{thing}", json={"action": action})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["payload"]
    return found


async def test_a_worker_that_dies_in_the_call_is_followed_by_another(client: Client, enkash: EnKashServer) -> None:
    message_id = await client.submit(
        "invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    )  # fmt: skip
    async with client.company.db.transaction(client.company.seller_id) as tx:
        claimed = await sending.claim(tx, client.context.keyring)
    assert claimed is not None
    assert claimed.sent.message_id == message_id
    later = await client.forward()
    assert later is not None
    assert enkash.calls == [], "the lease is the dead worker's"
    assert timedelta(0) < later.delay <= sending.LEASE
    client.company.clock.move(seconds=later.delay.total_seconds() + 1)
    enkash.answers = [reply("", 1, "The object id is taken.")]
    await client.forward()
    assert len(enkash.calls) == 1
    found = await client.message(message_id)
    assert (found["progress"], found["attempts"]) == ("IN DOUBT", 2), "the dead worker's call may have arrived"


async def test_credentials_that_cannot_be_opened_send_nothing(client: Client, enkash: EnKashServer) -> None:
    message_id = await client.submit(
        "invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    )  # fmt: skip
    await client.company.run("UPDATE network_connections SET credentials = '\\x00' WHERE seller_id = $1")
    assert await client.forward() is not None
    found = await client.message(message_id)
    assert (found["progress"], found["attempts"], found["unsure"]) == ("QUEUED", 0, False)
    shown = (await client.company.http.get(CONNECTION)).json()["payload"]
    assert "send them again" in shown["lastError"]
    assert enkash.calls == []


async def test_a_message_nobody_can_write_holds_up_no_other(
    client: Client, enkash: EnKashServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ADAPTERS[ProviderKind.ENKASH].prepare
    ids = [
        await client.submit("invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER")) for _ in range(2)
    ]  # fmt: skip

    async def broken(tx: Any, message_id: str, message: Any) -> Any:
        if message_id == ids[0]:
            await tx.execute("SELECT 1 / 0")
        return await whole(tx, message_id, message)

    monkeypatch.setattr(ADAPTERS[ProviderKind.ENKASH], "prepare", broken)
    assert await client.forward() is not None
    assert [(await client.message(one))["progress"] for one in ids] == ["QUEUED", "SENT"]


async def test_no_answer_in_time(client: Client, enkash: EnKashServer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = client.context.outgoing.call

    async def impatient(*args: Any, **more: Any) -> Any:
        return await whole(*args, **more, timeout_s=1)

    monkeypatch.setattr(client.context.outgoing, "call", impatient)
    enkash.answers = [r.silent]
    message_id = await client.submit(
        "invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    )  # fmt: skip
    assert await client.forward() is not None
    found = await client.message(message_id)
    assert (found["progress"], found["unsure"]) == ("QUEUED", True)


# ---------------------------------------------------------------- webhooks


async def test_only_who_knows_the_secret_brings_webhooks(
    client: Client, new_seller: Any, keyring: Any, enkash: Any
) -> None:
    body = bodies.send_invoice("B2B-SELLER", client.b2b_id)
    path = "enkash/invoice/req-send-invoice"
    for secret in ("", "nis_wrong", client.secret + "x"):
        refused = await client.bring(path, body, Network_Intake_Secret=secret)
        assert refused.status_code == 401, refused.text
    assert (await client.bring("zwitch/events", {"id": "evl_1", "name": "x", "data": {}})).status_code == 401, (
        "another provider's"
    )
    assert (await client.bring("enkash/invoice/nothing", body)).status_code == 404
    for rubbish in ("[]", "{", '{"a": NaN}', '{"a": "\\u0000"}', "[" * 100_000):
        refused = await client.company.http.post(
            f"/network/inbox/{path}", content=rubbish, headers={"Network-Intake-Secret": client.secret}
        )
        assert refused.status_code == 400, refused.text
    taken = await client.company.http.post(f"/network/inbox/enkash/{client.secret}/invoice/req-send-invoice", json=body)
    assert taken.status_code == 200, taken.text
    assert await client.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"


async def test_a_signature_is_asked_for_where_it_was_agreed(
    new_seller: Any, keyring: Any, enkash: EnKashServer
) -> None:
    secret = standard_webhooks.new_secret()
    async with connected(await new_seller(), keyring, enkash.port, signing_secret=secret) as client:
        body = json.dumps(bodies.send_invoice("B2B-SELLER", client.b2b_id)).encode()
        path = "/network/inbox/enkash/invoice/req-send-invoice"
        own = {"Network-Intake-Secret": client.secret}
        bare = await client.company.http.post(path, content=body, headers=own)
        assert bare.status_code == 401
        other = standard_webhooks.sign("m1", client.company.clock.now(), body + b" ", secrets_=[secret], keys=[])
        assert (await client.company.http.post(path, content=body, headers=own | other)).status_code == 401
        signed = standard_webhooks.sign("m1", client.company.clock.now(), body, secrets_=[secret], keys=[])
        assert (await client.company.http.post(path, content=body, headers=own | signed)).status_code == 200


async def test_a_webhook_that_comes_again_has_one_effect(client: Client) -> None:
    body = bodies.send_invoice("B2B-SELLER", client.b2b_id)
    ids = {(await client.bring("enkash/invoice/req-send-invoice", body)).json()["payload"] for _ in range(3)}
    turned = dict(reversed(body.items()))
    ids.add((await client.bring("enkash/invoice/req-send-invoice", turned)).json()["payload"])
    assert len(ids) == 1
    assert len(await client.heard("network.invoice.req-send-invoice")) == 1
    at_once = bodies.send_invoice("B2B-SELLER", client.b2b_id)
    answers = await asyncio.gather(*(client.bring("enkash/invoice/req-send-invoice", at_once) for _ in range(4)))
    assert {one.status_code for one in answers} == {200}
    assert len(await client.heard("network.invoice.req-send-invoice")) == 2


async def test_the_envelope_of_a_hundi_is_understood(client: Client) -> None:
    body = bodies.send_invoice("B2B-SELLER", client.b2b_id)
    envelope = {"id": "msg_1", "type": "network.invoice.req-send-invoice", "sequence": 1, "data": body}
    first = (await client.bring("enkash/events", envelope)).json()["payload"]
    again = (await client.bring("enkash/events", envelope | {"id": "msg_2", "sequence": 2})).json()["payload"]
    assert first == again
    assert await client.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"
    other = await client.bring("enkash/events", {"type": "webhook.test", "data": {}})
    assert (other.status_code, other.json()["payload"]) == (200, "PASSED_OVER")
    assert (await client.bring("enkash/events", body)).status_code == 404, "no envelope"
    assert await client.kept() == []


async def test_a_webhook_before_the_reply(client: Client, enkash: EnKashServer) -> None:
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    seen: list[int] = []

    async def webhook_first(got: Got, writer: asyncio.StreamWriter) -> None:
        seen.append((await client.bring("enkash/invoice/resp-send-invoice", resp("EK-5", body))).status_code)
        await reply("EK-5")(got, writer)

    enkash.answers = [webhook_first]
    message_id = await client.call("invoice/req-send-invoice", body)
    assert seen == [200]
    found = await client.message(message_id)
    assert (found["progress"], found["provider_id"]) == ("ANSWERED", "EK-5")
    assert await client.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"

    search = bodies.search_entity(client.b2b_id, "PAN", "AAACG0569P")

    async def search_first(got: Got, writer: asyncio.StreamWriter) -> None:
        answer = resp("EK-6", search) | {
            "respParams": {"entityInfo": [{"name": "Far Away", "b2bIds": [{"value": "B2B-FAR"}]}]}
        }
        await client.bring("enkash/business-onboarding/respSearchEntity", answer)
        await reply("EK-6")(got, writer)

    enkash.answers = [search_first]
    message_id = await client.call("business-onboarding/reg-search-entity", search)
    assert (await client.message(message_id))["progress"] == "ANSWERED", "kept until the reply told its id"
    (heard,) = await client.heard("network.business-onboarding.respSearchEntity")
    assert heard["respParams"]["entityInfo"][0]["b2bIds"] == [{"value": "B2B-FAR", "description": ""}]
    assert await client.kept() == []


async def test_what_contradicts_our_copies_is_kept_and_has_no_effect(client: Client) -> None:
    sent = await sent_invoice(client)
    invoice_id = sent["invoice"]["objectId"]
    stale = bodies.confirm_invoice(sent, objectVersion=bodies.version(3))
    stranger = bodies.confirm_invoice(bodies.send_invoice(client.b2b_id, "B2B-BUYER"))
    others = bodies.send_invoice("B2B-SELLER", "B2B-SOMEBODY")
    wrong = bodies.confirm_invoice(sent) | {"b2bIds": bodies.ids(client.b2b_id, "B2B-OTHER")}
    unexpected = resp("EK-404", bodies.send_invoice(client.b2b_id, "B2B-BUYER"))
    misfit = {"b2bIds": {}, "invoiceConfirmation": {"objectId": "x"}}
    for path, body, code in (
        ("invoice/req-confirm-invoice", stale, "STALE_VERSION"),
        ("invoice/req-confirm-invoice", stranger, "OBJECT_UNKNOWN"),
        ("invoice/req-send-invoice", others, "B2B_ID_NOT_YOURS"),
        ("invoice/req-confirm-invoice", wrong, "OBJECT_UNKNOWN"),
        ("invoice/resp-send-invoice", unexpected, "ANSWER_UNEXPECTED"),
        ("invoice/req-confirm-invoice", misfit, "VALIDATION_FAILED"),
        (
            "network/notice",
            {"objects": [{"objectId": invoice_id, "kind": "INVOICE", "status": "PAID"}]},
            "NOTICE_NOT_UNDERSTOOD",
        ),
    ):
        taken = await client.bring(f"enkash/{path}", body)
        assert taken.status_code == 200, taken.text
        newest = (await client.kept())[0]
        assert (newest["receivedId"], newest["code"]) == (taken.json()["payload"], code), newest
        assert json.loads(newest["body"]) == body, "as it came"
        assert (await client.heard("network.kept"))[-1]["code"] == code
    assert len(await client.kept()) == 7
    assert await client.status("invoice", invoice_id) == "SENT TO BUYER"
    assert await client.heard("network.invoice.req-confirm-invoice") == []
    one = await settle(client, (await client.kept())[-1]["receivedId"], "RETRY")
    assert one["outcome"] == "KEPT", "nothing has changed"
    one = await settle(client, one["receivedId"], "DISMISS")
    assert one["outcome"] == "DISMISSED"
    assert len(await client.kept()) == 6
    gone = await client.company.http.post(f"{CONNECTION}/kept/{one['receivedId']}", json={"action": "RETRY"})
    assert gone.status_code == 404


async def test_webhooks_that_overtake_each_other_come_right(client: Client) -> None:
    """The buyer's answer, its payment, and only then what comes first: the word that the invoice was delivered."""
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    message_id = await client.call("invoice/req-send-invoice", body)
    paid = bodies.pay(body, 1180)
    await client.bring("enkash/payment/req-pay", paid)
    await client.bring("enkash/invoice/req-confirm-invoice", bodies.confirm_invoice(body))
    assert [one["code"] for one in await client.kept()] == ["STALE_STATUS", "STALE_STATUS"]
    await client.bring("enkash/invoice/resp-send-invoice", resp(message_id, body))
    assert await client.kept() == []
    assert await client.status("invoice", body["invoice"]["objectId"]) == "PAYMENT INITIATED"
    assert await client.status("payment", paid["payment"]["objectId"]) == "ACK PENDING"
    assert len(await client.heard("network.payment.req-pay")) == 1


async def test_an_answer_that_contradicts_an_earlier_one_is_kept(client: Client) -> None:
    body = await sent_invoice(client)
    message_id = (await client.heard("network.invoice.resp-send-invoice"))[0]["resp"]["reqMsgId"]
    await client.bring("enkash/invoice/resp-send-invoice", resp(message_id, body, errorCd="LATE", errorDtl="no"))
    assert [one["code"] for one in await client.kept()] == ["ANSWER_CONTRADICTS"]
    assert await client.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"


async def test_a_failure_by_webhook(client: Client) -> None:
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    message_id = await client.call("invoice/req-send-invoice", body)
    await client.bring(
        "enkash/invoice/resp-send-invoice",
        resp("EK-1", body, errorCd="E17", errorDtl="No such buyer.", errorField="b2bIds"),
    )
    assert await client.status("invoice", body["invoice"]["objectId"]) == "FAILED"
    (heard,) = await client.heard("network.invoice.resp-send-invoice")
    assert heard["resp"] == {
        "reqMsgId": message_id, "result": "FAILURE", "errorCd": "E17", "errorDtl": "No such buyer.", "errorField": "b2bIds",
    }  # fmt: skip


# ---------------------------------------------------------------- the books


async def test_an_invoice_of_the_books_goes_out_under_the_b2b_id_the_connection_names(
    client: Client, enkash: EnKashServer
) -> None:
    """Nothing was registered here: the provider has the company's address already."""
    company = client.company
    customer = await company.customer(
        legalName="Deccan Retail Private Limited", address="12 Residency Road, Bengaluru", state="Karnataka",
        panOrGstin="29AAGCB7383J1Z4", pinCode="560025",
    )  # fmt: skip
    told = await company.http.put(f"/api/v0/network/counterparty/{customer}", json={"b2bId": client.b2b_id})
    assert told.status_code == 400, "its own is no customer's"
    await company.http.put(f"/api/v0/network/counterparty/{customer}", json={"b2bId": "B2B-BUYER"})
    bill = await company.invoice(customer, cgst=0, sgst=0, igst=180, itemLists=[line()])
    wanted = {"invoiceIds": [bill["invoiceId"]], "channel": "BHARAT_CONNECT"}
    reply = (await company.http.post("/api/v0/invoice/bulk/dispatch", json=wanted)).json()
    assert reply["response_code"] == 0, reply
    await client.forward()
    (got,) = enkash.calls
    assert got.json["b2bIds"] == {"supplierB2BId": client.b2b_id, "buyerB2BId": "B2B-BUYER"}
    message_id = got.headers["idempotency-key"]
    assert (await client.bring("enkash/invoice/resp-send-invoice", resp(message_id, got.json))).status_code == 200
    shown = (await company.http.get(f"/api/v0/invoice/{bill['invoiceId']}")).json()["payload"]
    assert (shown["dispatchStatus"]["name"], shown["networkStatus"]) == ("DISPATCHED", "SENT TO BUYER")


def test_what_a_named_b2b_id_stands_for_is_not_guessed_among_several() -> None:
    here = OwnId(number="B2B-HERE", document="GSTIN", value="27AAGCB7383J1Z4")
    one, other = (OwnId(number=number, document=None, value=None) for number in ("B2B-1", "B2B-2"))
    assert own_id_of([here, one], "27AAGCB7383J1Z4", None) == "B2B-HERE"
    assert own_id_of([here, one], "29AAGCB7383J1Z4", None) == "B2B-1"
    assert own_id_of([here, one, other], "29AAGCB7383J1Z4", None) is None
    assert own_id_of([here], "29AAGCB7383J1Z4", None) is None
