"""Webhooks over HTTP: endpoints registered, changed, rotated, tested; deliveries found and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import hooks
import make
from hundi.audit.catalogue import EVENTS
from hundi.jobs.context import JobContext
from hundi.kit import standard_webhooks
from hundi.webhooks import replay
from receiver import Receiver, status
from webhook_calls import NEW

ENDPOINT = "/api/v0/webhook/endpoint"
DELIVERY = "/api/v0/webhook/delivery"


@pytest.fixture
async def context(seller: make.Company, receiver: Receiver) -> AsyncIterator[JobContext]:
    async with hooks.sender(seller, receiver) as found:
        yield found


async def made(seller: make.Company, **changes: Any) -> dict[str, Any]:
    reply = await seller.http.post(ENDPOINT, json=NEW | changes)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


def codes(reply: Any) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]


async def test_an_endpoint_is_made_shown_changed_and_deleted(seller: make.Company) -> None:
    new = await made(seller, description="ERP")
    standard_webhooks.check_secret(new["secret"])
    assert new["publicKey"].startswith("whpk_")
    shown = (await seller.http.get(f"{ENDPOINT}/{new['endpointId']}")).json()["payload"]
    assert shown == {name: value for name, value in new.items() if name != "secret"}
    assert (shown["status"], shown["eventTypes"], shown["description"]) == ("ENABLED", ["invoice.*"], "ERP")
    changes = {"url": "https://other.example.com/x", "eventTypes": ["*"], "description": None, "status": "DISABLED"}
    changed = (await seller.http.patch(f"{ENDPOINT}/{new['endpointId']}", json=changes)).json()["payload"]
    assert (changed["url"], changed["eventTypes"], changed["status"]) == (
        "https://other.example.com/x",
        ["*"],
        "DISABLED",
    )
    assert "description" not in changed
    assert changed["disabledReason"] == "Disabled by hand."
    again = (await seller.http.patch(f"{ENDPOINT}/{new['endpointId']}", json={"status": "ENABLED"})).json()["payload"]
    assert "disabledReason" not in again
    listed = (await seller.http.get(ENDPOINT)).json()["payload"]
    assert [one["endpointId"] for one in listed["data"]] == [new["endpointId"]]
    assert (await seller.http.delete(f"{ENDPOINT}/{new['endpointId']}")).status_code == 200
    assert (await seller.http.get(f"{ENDPOINT}/{new['endpointId']}")).status_code == 404
    assert (await seller.http.get(ENDPOINT)).json()["payload"]["total_count"] == 0
    actions = await seller.rows(
        "SELECT action FROM audit_log WHERE seller_id = $1 AND action LIKE 'webhook%' ORDER BY audit_id"
    )
    assert [row["action"] for row in actions] == [
        "webhook.create", "webhook.update", "webhook.update", "webhook.delete"
    ]  # fmt: skip


async def test_a_patch_that_changes_nothing_leaves_no_trace(seller: make.Company) -> None:
    new = await made(seller)
    trail = "SELECT count(*) FROM audit_log WHERE seller_id = $1"
    before = await seller.value(trail)
    reply = await seller.http.patch(f"{ENDPOINT}/{new['endpointId']}", json={"url": NEW["url"], "status": "ENABLED"})
    assert reply.status_code == 200
    assert await seller.value(trail) == before


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"url": "http://example.com/"}, [("url", "NOT_HTTPS")]),
        ({"url": "https://127.1/"}, [("url", "BAD_HOST")]),
        ({"url": "https://169.254.169.254/latest"}, [("url", "PRIVATE_ADDRESS")]),
        ({"url": "https://[::1]/"}, [("url", "PRIVATE_ADDRESS")]),
        ({"url": "https://a:b@example.com/"}, [("url", "CREDENTIALS_IN_URL")]),
        ({"url": "ftp://example.com/"}, [("url", "BAD_SCHEME")]),
        ({"url": "https://exa mple.com"}, [("url", "BAD_URL")]),
        ({"eventTypes": ["invoice.*", "Invoice", "in%"]}, [("eventTypes[1]", "BAD_EVENT_TYPE"), ("eventTypes[2]", "BAD_EVENT_TYPE")]),
        ({"secret": "short"}, [("secret", "BAD_SECRET")]),
        ({"url": "https://0x7f.1", "secret": "whsec_AAAA"}, [("url", "BAD_HOST"), ("secret", "BAD_SECRET")]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_all_said(
    seller: make.Company, changes: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    reply = await seller.http.post(ENDPOINT, json=NEW | changes)
    assert reply.status_code == 400
    assert codes(reply) == wanted
    assert "whsec_AAAA" not in reply.text
    if "secret" not in changes:
        new = await made(seller)
        assert codes(await seller.http.patch(f"{ENDPOINT}/{new['endpointId']}", json=changes)) == wanted


@pytest.mark.parametrize(
    "changes", [{"eventTypes": []}, {"url": ""}, {"url": None}, {"eventTypes": ["*"] * 51}, {"status": 1}]
)
async def test_a_body_of_another_shape_is_refused(seller: make.Company, changes: dict[str, Any]) -> None:
    reply = await seller.http.post(ENDPOINT, json=NEW | changes)
    assert reply.status_code == (200 if "status" in changes else 400)
    new = await made(seller)
    assert (await seller.http.patch(f"{ENDPOINT}/{new['endpointId']}", json=changes)).status_code == 400


async def test_a_secret_of_ones_own_is_taken(seller: make.Company) -> None:
    secret = standard_webhooks.new_secret()
    assert (await made(seller, secret=secret))["secret"] == secret


async def test_a_repeated_request_gives_the_same_secret_and_one_endpoint(seller: make.Company) -> None:
    headers = {"Idempotency-Key": "hook-1"}
    one = await seller.http.post(ENDPOINT, json=NEW, headers=headers)
    two = await seller.http.post(ENDPOINT, json=NEW, headers=headers)
    assert one.content == two.content
    assert two.headers["idempotency-replayed"] == "true"
    assert (await seller.http.get(ENDPOINT)).json()["payload"]["total_count"] == 1
    kept = await seller.value("SELECT reply FROM idempotency_keys WHERE seller_id = $1")
    assert one.json()["payload"]["secret"].encode() not in bytes(kept), "sealed, like every reply with a secret"


async def test_there_is_an_end_to_endpoints(seller: make.Company) -> None:
    for _ in range(50):
        await made(seller)
    reply = await seller.http.post(ENDPOINT, json=NEW)
    assert reply.status_code == 422
    assert "at most 50" in reply.json()["response_message"]


async def test_a_rotation_shows_the_new_secret_once(seller: make.Company) -> None:
    new = await made(seller)
    turned = (await seller.http.post(f"{ENDPOINT}/{new['endpointId']}/rotate")).json()["payload"]
    assert turned["secret"] != new["secret"]
    assert turned["publicKey"] != new["publicKey"]
    assert turned["oldSecretUntil"].startswith("2026-11-17T10:00")
    assert "secret" not in (await seller.http.get(f"{ENDPOINT}/{new['endpointId']}")).json()["payload"]


async def test_a_test_message_goes_to_one_endpoint_whatever_it_wants(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    endpoint, _ = await hooks.register(seller, context, receiver, "customer.deleted")
    await hooks.register(seller, context, receiver, "*", path="/other")
    reply = await seller.http.post(f"{ENDPOINT}/{endpoint.endpoint_id}/test")
    await hooks.work(seller, context)
    (got,) = receiver.got
    assert (got.path, got.json["type"]) == ("/hook", "webhook.test")
    found = (await seller.http.get(f"{DELIVERY}/{reply.json()['payload']['deliveryId']}")).json()["payload"]
    assert (found["state"], found["messageId"]) == ("DELIVERED", got.headers["webhook-id"])
    assert [(one["outcome"], one["status"], one["response"]) for one in found["attemptLog"]] == [("TAKEN", 200, "ok")]
    assert found["data"]["endpointId"] == endpoint.endpoint_id
    await seller.http.patch(f"{ENDPOINT}/{endpoint.endpoint_id}", json={"status": "DISABLED"})
    refused = await seller.http.post(f"{ENDPOINT}/{endpoint.endpoint_id}/test")
    assert refused.status_code == 422
    assert "disabled" in refused.json()["response_message"]


async def test_deliveries_are_found_by_what_they_are(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    one, _ = await hooks.register(seller, context, receiver, "invoice.*")
    two, _ = await hooks.register(seller, context, receiver, "customer.*", path="/two")
    receiver.answers = [status(200), status(500)]
    await hooks.tell(seller, "inv_1")
    await hooks.work(seller, context)
    await hooks.tell(seller, "inv_2")
    await hooks.work(seller, context)
    seller.clock.move(hours=2)
    await hooks.tell(seller, "inv_3", type_="customer.created")

    async def find(query: str) -> list[str]:
        page = (await seller.http.get(f"{DELIVERY}?{query}")).json()["payload"]
        assert page["total_count"] == len(page["data"])
        return [row["objectId"] for row in page["data"]]

    assert await find("") == ["inv_3", "inv_2", "inv_1"]
    assert await find(f"endpointId={one.endpoint_id}") == ["inv_2", "inv_1"]
    assert await find(f"endpointId={two.endpoint_id}") == ["inv_3"]
    assert await find("deliveryState=DELIVERED") == ["inv_1"]
    assert await find("deliveryState=PENDING") == ["inv_3", "inv_2"]
    assert await find("type=customer.created") == ["inv_3"]
    assert await find("objectId=inv_2") == ["inv_2"]
    assert await find("from=2026-11-16T11:00:00") == ["inv_3"]
    assert await find("to=2026-11-16T11:00:00") == ["inv_2", "inv_1"]
    first = (await seller.http.get(f"{DELIVERY}?limit=2")).json()["payload"]
    assert (len(first["data"]), first["total_count"]) == (2, 3)
    rest = (await seller.http.get(f"{DELIVERY}?limit=2&cursor={first['next_cursor']}")).json()["payload"]
    assert [row["objectId"] for row in rest["data"]] == ["inv_1"]
    assert "next_cursor" not in rest or rest["next_cursor"] is None
    message = first["data"][0]["messageId"]
    assert await find(f"messageId={message}") == ["inv_3"]


@pytest.mark.parametrize(
    ("query", "code"),
    [("deliveryState=LOST", None), ("from=soon", None), ("from=2026-11-02&to=2026-11-01", "FROM_AFTER_TO"),
     ("objectId=%00", "BAD_TEXT"), ("cursor=made-up", "BAD_CURSOR"), ("limit=0", None), ("limit=5001", None)],
)  # fmt: skip
async def test_a_bad_question_is_refused(seller: make.Company, query: str, code: str | None) -> None:
    reply = await seller.http.get(f"{DELIVERY}?{query}")
    assert reply.status_code == 400
    if code:
        assert code in {found for _, found in codes(reply)}


async def test_one_delivery_is_sent_again_as_it_was(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    (delivery_id,) = await hooks.tell(seller, "inv_1", data={"n": 1})
    early = await seller.http.post(f"{DELIVERY}/{delivery_id}/replay")
    assert early.status_code == 422
    assert "has not ended" in early.json()["response_message"]
    await hooks.tell(seller, "inv_1", data={"n": 2})
    await hooks.work(seller, context)
    reply = await seller.http.post(f"{DELIVERY}/{delivery_id}/replay")
    again = reply.json()["payload"]["deliveryId"]
    await hooks.tell(seller, "inv_1", data={"n": 3})
    await hooks.work(seller, context)
    assert [(got.json["sequence"], got.json["data"]["n"]) for got in receiver.got] == [(1, 1), (2, 2), (1, 1), (3, 3)]
    assert receiver.got[0].headers["webhook-id"] == receiver.got[2].headers["webhook-id"]
    assert receiver.got[0].body == receiver.got[2].body
    found = (await seller.http.get(f"{DELIVERY}/{again}")).json()["payload"]
    assert (found["replayOf"], found["state"]) == (delivery_id, "DELIVERED")


async def test_a_period_is_sent_again(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    endpoint, _ = await hooks.register(seller, context, receiver, "invoice.*")
    for n in range(3):
        await hooks.tell(seller, f"inv_{n}")
    receiver.answers = [status(410)]
    await hooks.work(seller, context)
    assert await hooks.states(seller) == ["FAILED"] * 3
    path = f"{ENDPOINT}/{endpoint.endpoint_id}/replay"
    body = {"since": "2026-11-16T00:00:00+05:30", "until": "2026-11-17"}
    assert (await seller.http.post(path, json=body)).status_code == 422, "still disabled"
    seller.clock.move(seconds=5)
    unheard = await seller.invoice()
    await hooks.fan_out(seller)
    await seller.http.patch(f"{ENDPOINT}/{endpoint.endpoint_id}", json={"status": "ENABLED"})
    receiver.got.clear()
    receiver.answers = [status(200)]
    first = (await seller.http.post(path, json=body)).json()["payload"]
    assert first.pop("until") < "2026-11-16T10:01", "now, where the period has not ended"
    assert first == {"again": 3, "unheard": 0, "more": False}
    await hooks.work(seller, context)
    assert sorted(got.json["object"]["id"] for got in receiver.got) == ["inv_0", "inv_1", "inv_2"]
    assert (await seller.http.post(path, json=body)).json()["payload"]["again"] == 0, "they were replayed and taken"
    second = (await seller.http.post(path, json=body | {"unheard": True})).json()["payload"]
    second.pop("until")
    assert second == {"again": 0, "unheard": 1, "more": False}
    await hooks.work(seller, context)
    assert receiver.got[-1].json["object"]["id"] == unheard["invoiceId"]
    delivered = (await seller.http.post(path, json=body | {"states": ["DELIVERED"], "unheard": True})).json()["payload"]
    delivered.pop("until")
    assert delivered == {"again": 4, "unheard": 0, "more": False}


async def test_a_long_period_takes_several_calls_and_ends(
    seller: make.Company, context: JobContext, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MOST", 2)
    endpoint, _ = await hooks.register(seller, context, receiver)
    for n in range(5):
        await hooks.tell(seller, f"inv_{n}")
    await hooks.work(seller, context)
    path = f"{ENDPOINT}/{endpoint.endpoint_id}/replay"
    body = {"since": "2026-11-16", "until": "2026-12-01", "states": ["DELIVERED"]}
    queued = []
    for _ in range(3):
        found = (await seller.http.post(path, json=body)).json()["payload"]
        queued.append((found["again"], found["more"]))
        body["until"] = found["until"]
        await hooks.work(seller, context)
    assert queued == [(2, True), (2, True), (1, False)]
    assert len(receiver.got) == 10
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 5


async def test_a_replay_of_nonsense_is_refused(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    endpoint, _ = await hooks.register(seller, context, receiver)
    path = f"{ENDPOINT}/{endpoint.endpoint_id}/replay"
    reply = await seller.http.post(path, json={"since": "2026-11-17", "until": "2026-11-16", "states": ["PENDING"]})
    assert codes(reply) == [("since", "FROM_AFTER_TO"), ("states", "BAD_STATE")]
    assert (await seller.http.post(path, json={})).status_code == 400


async def test_a_partner_may_look_and_not_touch(seller: make.Company, new_seller: Any) -> None:
    """The generated test of tenancy has every route; here is why: a hook would outlive the grant."""
    new = await made(seller)
    partner = await new_seller()
    await partner.run("SELECT 1 WHERE $1 <> ''")
    await seller.http.put(f"/api/v0/admin/grant/{partner.seller_id}", json={"roles": ["developer"]})
    query = f"?sellerId={seller.seller_id}"
    assert (await partner.http.get(f"{ENDPOINT}/{new['endpointId']}{query}")).status_code == 200
    reply = await partner.http.post(f"{ENDPOINT}{query}", json=NEW)
    assert reply.status_code == 403
    assert "own people" in reply.json()["response_message"]


async def test_the_types_of_events_are_listed(seller: make.Company) -> None:
    page = (await seller.http.get("/api/v0/webhook/event-type")).json()["payload"]
    assert {one["type"] for one in page["data"]} == set(EVENTS)
    assert all(len(one["description"]) > 10 for one in page["data"])
