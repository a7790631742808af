"""Deliveries of webhooks over real HTTP: signed, again after a failure, and logged. Order and company: test_webhook_lanes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

import hooks
import make
from hundi.jobs.context import JobContext
from hundi.kit import standard_webhooks
from hundi.kit.keys import Keyring
from hundi.webhooks import service
from hundi.webhooks.rules import DELAYS, MAX_ATTEMPTS
from receiver import Receiver, hang_up, silent, slow_body, status

JOBS = """
    SELECT convert_from(payload, 'UTF8')::json AS payload, execute_after - created AS delay FROM pgqueuer
     WHERE entrypoint = 'webhooks.drain' AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%' ORDER BY id"""


@pytest.fixture
async def context(seller: make.Company, receiver: Receiver) -> AsyncIterator[JobContext]:
    async with hooks.sender(seller, receiver) as found:
        yield found


async def test_an_event_reaches_its_endpoint_signed(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    endpoint, keys = await hooks.register(seller, context, receiver, "invoice.*")
    seller.clock.move(seconds=1)
    invoice = await seller.invoice()
    assert await hooks.fan_out(seller) == 1
    (job,) = await seller.rows(JOBS)
    assert json.loads(job["payload"]) == {
        "seller_id": seller.seller_id, "endpoint_id": endpoint.endpoint_id, "object_kind": "invoice",
        "object_id": invoice["invoiceId"],
    }  # fmt: skip
    await hooks.work(seller, context)
    (got,) = receiver.got
    assert (got.method, got.path, got.headers["host"]) == ("POST", "/hook", f"127.0.0.1:{receiver.port}")
    assert got.json["type"] == "invoice.created"
    assert got.json["object"] == {"kind": "invoice", "id": invoice["invoiceId"]}
    assert (got.json["sequence"], got.json["sellerId"]) == (1, seller.seller_id)
    assert got.json["data"] == {"invoiceNumber": invoice["invoiceNumber"], "netAmount": 1180}
    assert got.json["id"] == got.headers["webhook-id"]
    assert hooks.check_v1(got, keys.secret)
    now = context.clock.now()
    assert standard_webhooks.verify(got.headers, got.body, now=now, public_keys=[endpoint.public_key])
    assert await hooks.states(seller) == ["DELIVERED"]
    assert (await seller.rows(hooks.ATTEMPTS)) == [
        {"outcome": "TAKEN", "status": 200, "response": "ok", "detail": None}
    ]


async def test_every_matching_endpoint_hears_of_it_under_one_id_and_others_do_not(
    seller: make.Company, context: JobContext, receiver: Receiver, new_seller: Any
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*", path="/one")
    await hooks.register(seller, context, receiver, "*", path="/two")
    await hooks.register(seller, context, receiver, "customer.created", path="/three")
    other = await new_seller()
    await hooks.register(other, context, receiver, "*", path="/strangers")
    assert len(await hooks.tell(seller)) == 2
    await hooks.work(seller, context)
    await hooks.work(other, context)
    assert sorted(got.path for got in receiver.got) == ["/one", "/two"]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


async def test_the_schedule_is_kept_for_75_hours_and_then_the_next_one_has_its_turn(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver, "invoice.*")
    receiver.answers = [status(500, b"down\x00 \xff")]
    first, second = (await hooks.tell(seller, data={"n": 1}))[0], (await hooks.tell(seller, data={"n": 2}))[0]
    started = context.clock.now()
    for at in range(len(DELAYS)):
        await hooks.work(seller, context)
        assert len(receiver.got) == at + 1, "one attempt, and the second message waits behind the first"
        context.clock.move(seconds=DELAYS[at].total_seconds() - 1)
        await hooks.work(seller, context)
        assert len(receiver.got) == at + 1, "nothing is sent before its time"
        context.clock.move(seconds=1 + DELAYS[at].total_seconds() / 10)
    receiver.answers = [status(500), status(200)]
    await hooks.work(seller, context)
    assert [got.json["sequence"] for got in receiver.got[len(DELAYS) :]] == [1, 2], "given up, and passed over"
    assert timedelta(hours=75) < context.clock.now() - started < timedelta(hours=84)
    assert {got.headers["webhook-id"] for got in receiver.got[:MAX_ATTEMPTS]} == {receiver.got[0].headers["webhook-id"]}
    assert len({got.body for got in receiver.got[:MAX_ATTEMPTS]}) == 1
    delays = [job["delay"] for job in await seller.rows(JOBS) if job["delay"]]
    for planned, real in zip(DELAYS, delays, strict=True):
        assert planned * 0.99 <= real <= planned * 1.11
    rows = await seller.rows(
        "SELECT delivery_id, state, detail FROM webhook_deliveries WHERE seller_id = $1 ORDER BY 1"
    )
    assert [(row["delivery_id"], row["state"]) for row in rows] == [(first, "FAILED"), (second, "DELIVERED")]
    assert rows[0]["detail"] == "Given up after 10 attempts. Answered with 500."
    assert (await seller.rows(hooks.ATTEMPTS))[0]["response"] == "down� �"
    told = await seller.value("SELECT data::text FROM events WHERE seller_id = $1 AND type = 'webhook.delivery_failed'")
    assert json.loads(told)["deliveryId"] == first


async def test_after_a_500_and_a_200_all_is_well_again(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    endpoint, _ = await hooks.register(seller, context, receiver)
    receiver.answers = [status(500), hang_up, status(200)]
    await hooks.tell(seller)
    failing = "SELECT failing_since FROM webhook_endpoints WHERE seller_id = $1 AND endpoint_id = $2"
    for wait in (0, 6, 400):
        context.clock.move(seconds=wait)
        await hooks.work(seller, context)
        assert (await seller.value(failing, endpoint.endpoint_id) is None) is (wait == 400)
    outcomes = [(row["outcome"], row["status"]) for row in await seller.rows(hooks.ATTEMPTS)]
    assert outcomes == [("ANSWERED", 500), ("NO_ANSWER", None), ("TAKEN", 200)]
    assert await hooks.states(seller) == ["DELIVERED"]


async def test_retry_after_puts_the_next_attempt_off_but_never_forward(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    receiver.answers = [status(429, retry_after="3600"), status(503, retry_after="1"), status(200)]
    await hooks.tell(seller)
    due = "SELECT due_at FROM webhook_deliveries WHERE seller_id = $1"
    await hooks.work(seller, context)
    assert timedelta(minutes=59) < await seller.value(due) - context.clock.now() <= timedelta(hours=1)
    context.clock.move(hours=1)
    await hooks.work(seller, context)
    assert await seller.value(due) - context.clock.now() > timedelta(minutes=4)


async def test_410_disables_the_endpoint_and_nothing_goes_there_any_more(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    endpoint, _ = await hooks.register(seller, context, receiver, path="/gone")
    await hooks.register(seller, context, receiver, "webhook.disabled", path="/watch")
    receiver.answers = [status(410), status(200)]
    await hooks.tell(seller, "inv_1", data={"n": 1})
    await hooks.tell(seller, "inv_1", data={"n": 2})
    await hooks.tell(seller, "inv_2")
    await hooks.work(seller, context)
    assert [got.path for got in receiver.got] == ["/gone"]
    assert set(await hooks.states(seller)) == {"FAILED"}
    shown = await seller.rows(
        "SELECT status, disabled_reason FROM webhook_endpoints WHERE seller_id = $1 AND endpoint_id = $2",
        endpoint.endpoint_id,
    )
    assert shown == [{"status": "DISABLED", "disabled_reason": "The endpoint answered 410 Gone."}]
    assert await hooks.tell(seller, "inv_3") == [], "a disabled endpoint is told nothing"
    assert await hooks.fan_out(seller) == 1
    await hooks.work(seller, context)
    assert receiver.got[-1].path == "/watch"
    assert receiver.got[-1].json["type"] == "webhook.disabled"


async def test_days_of_failure_disable_an_endpoint(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    endpoint, _ = await hooks.register(seller, context, receiver)
    receiver.answers = [status(404)]
    status_of = "SELECT status FROM webhook_endpoints WHERE seller_id = $1 AND endpoint_id = $2"
    for day in range(6):
        assert await seller.value(status_of, endpoint.endpoint_id) == "ENABLED", day
        await hooks.tell(seller, f"inv_{day}")
        await hooks.work(seller, context)
        context.clock.move(days=1)
    assert await seller.value(status_of, endpoint.endpoint_id) == "DISABLED"
    reason = "SELECT disabled_reason FROM webhook_endpoints WHERE seller_id = $1"
    assert await seller.value(reason) == "Every delivery failed for 5 days."


async def test_a_redirect_is_not_followed(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    await hooks.register(seller, context, receiver)
    receiver.answers = [status(302, location=f"http://127.0.0.1:{receiver.port}/inside")]
    await hooks.tell(seller)
    await hooks.work(seller, context)
    assert [got.path for got in receiver.got] == ["/hook"]
    (attempt,) = await seller.rows(hooks.ATTEMPTS)
    assert (attempt["status"], attempt["outcome"]) == (302, "ANSWERED")
    assert "Redirects are not followed" in attempt["detail"]


async def test_a_huge_or_slow_answer_is_cut(
    seller: make.Company, context: JobContext, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.register(seller, context, receiver)
    receiver.answers = [status(200, b"y" * 5_000_000), slow_body]
    await hooks.tell(seller)
    await hooks.work(seller, context)
    (attempt,) = await seller.rows(hooks.ATTEMPTS)
    assert (attempt["outcome"], attempt["response"]) == ("TAKEN", "y" * 1024)
    real = context.outgoing.call
    monkeypatch.setattr(context.outgoing, "call", lambda *a, **k: real(*a, **{**k, "timeout_s": 1}))
    await hooks.tell(seller)
    await hooks.work(seller, context)
    attempt = (await seller.rows(hooks.ATTEMPTS))[-1]
    assert attempt["outcome"] == "TAKEN", "its status came in time, and that is the answer"
    assert 5 < len(attempt["response"]) < 100
    receiver.answers = [silent]
    await hooks.tell(seller)
    await hooks.work(seller, context)
    attempt = (await seller.rows(hooks.ATTEMPTS))[-1]
    assert (attempt["outcome"], attempt["detail"]) == ("NO_ANSWER", "No reply within 1 seconds.")


async def test_after_a_rotation_both_secrets_sign_for_a_day(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    endpoint, old = await hooks.register(seller, context, receiver)
    async with seller.db.transaction(seller.seller_id) as tx:
        row, new = await service.rotate(
            tx, hooks.operator(seller.seller_id, tx.now), context.keyring, endpoint.endpoint_id
        )
    assert new.secret != old.secret
    await hooks.tell(seller)
    await hooks.work(seller, context)
    context.clock.move(hours=25)
    await hooks.tell(seller)
    await hooks.work(seller, context)
    during, after = receiver.got
    assert hooks.check_v1(during, old.secret)
    assert hooks.check_v1(during, new.secret)
    assert hooks.check_v1(after, new.secret)
    assert not hooks.check_v1(after, old.secret)
    assert [len(got.headers["webhook-signature"].split()) for got in (during, after)] == [4, 2]
    assert row.public_key == new.public_key


async def test_secrets_are_sealed_at_rest_and_a_lost_key_stops_the_sending(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    _, keys = await hooks.register(seller, context, receiver)
    text = await seller.value("SELECT (webhook_endpoints.*)::text FROM webhook_endpoints WHERE seller_id = $1")
    raw = await seller.rows("SELECT secret, signing_key FROM webhook_endpoints WHERE seller_id = $1")
    for secret in (keys.secret, keys.signing_key):
        assert secret not in text
        assert all(secret.encode() not in bytes(value) for value in raw[0].values())
    trail = await seller.value("SELECT string_agg(after::text, '') FROM audit_log WHERE seller_id = $1")
    assert "whsec_" not in trail
    await hooks.tell(seller)
    other = JobContext(
        db=context.db, clock=context.clock, keyring=Keyring(["another secret key, long enough for this"]),
        settings=context.settings, files=None, mailer=None, outgoing=context.outgoing,
    )  # fmt: skip
    await hooks.work(seller, other)
    assert receiver.got == []
    assert "rotate it" in (await seller.rows(hooks.ATTEMPTS))[0]["detail"]


async def test_a_bare_message_is_its_data_and_goes_to_its_path(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    _, keys = await hooks.register(seller, context, receiver, path="/base/")
    await hooks.tell(seller, data={"objectId": "INV1"}, bare=True, path="/payment/req-pay", message_id="msg_mine")
    await hooks.work(seller, context)
    (got,) = receiver.got
    assert (got.path, got.json, got.headers["webhook-id"]) == (
        "/base/payment/req-pay",
        {"objectId": "INV1"},
        "msg_mine",
    )
    assert (got.headers["hundi-sequence"], got.headers["hundi-object"]) == ("1", "invoice/inv_1")
    assert hooks.check_v1(got, keys.secret)


async def test_an_id_that_is_no_ascii_harms_no_header(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    await hooks.tell(seller, "₹ 1\r\nx-other: y")
    await hooks.work(seller, context)
    (got,) = receiver.got
    assert got.headers["hundi-object"] == "invoice/%E2%82%B9%201%0D%0Ax-other%3A%20y"
    assert "x-other" not in got.headers
    assert got.json["object"]["id"] == "₹ 1\r\nx-other: y"


async def test_an_address_that_became_private_is_not_called(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    await seller.run("UPDATE webhook_endpoints SET url = 'https://10.1.2.3/' WHERE seller_id = $1")
    await hooks.tell(seller)
    await hooks.work(seller, context)
    (attempt,) = await seller.rows(hooks.ATTEMPTS)
    assert attempt["outcome"] == "REFUSED"
    assert attempt["detail"].startswith("PRIVATE_ADDRESS: 10.1.2.3 is not")
