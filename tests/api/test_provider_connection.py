"""Choosing how a company reaches the network: what is asked, what is never shown, and when it may not change."""

from __future__ import annotations

from typing import Any

import pytest

import make
import network_bodies as bodies
from connection_calls import NEW, PATH
from hundi.auth.rules import PERMISSIONS, Permission, Role
from hundi.kit.standard_webhooks import new_secret
from provider_world import Client, connected


def problems(reply: Any) -> dict[str, str]:
    assert reply.status_code == 400, reply.text
    return {one["field"]: one["code"] for one in reply.json()["errorResponse"]["apiSubErrors"]}


async def test_a_connection_is_chosen_shown_and_left(seller: make.Company) -> None:
    shown = await seller.http.get(PATH)
    assert shown.json()["payload"] == {"kind": "central"}
    body = NEW | {"signingSecret": new_secret(), "credentials": {
        "clientId": "cli_9", "clientSecret": "top", "username": "asha", "password": "deep",
    }}  # fmt: skip
    first = (await seller.http.put(PATH, json=body, headers={"Idempotency-Key": "k"})).json()["payload"]
    again = await seller.http.put(PATH, json=body, headers={"Idempotency-Key": "k"})
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["payload"]["intakeSecret"] == first["intakeSecret"], "the reply is kept, sealed, for its replay"
    assert first["intakeSecret"].startswith("nis_")
    assert len(first["intakeSecret"]) > 40
    shown = await seller.http.get(PATH)
    found = shown.json()["payload"]
    assert (found["kind"], found["baseUrl"], found["clientId"]) == ("enkash", "https://api.example.com", "cli_9")
    assert (found["b2bIds"], found["signed"], found["intakePath"]) == (["B2B-OWN"], True, "/network/inbox/enkash")
    stored = await seller.rows("SELECT * FROM network_connections WHERE seller_id = $1")
    kept = await seller.rows(
        "SELECT before::text, after::text FROM audit_log WHERE seller_id = $1 AND action LIKE 'network.%'"
    )
    told = await seller.rows(
        "SELECT data::text FROM events WHERE seller_id = $1 AND type = 'network.connection_changed'"
    )
    assert len(told) == len(kept) == 1
    for secret in ("top", "deep", body["signingSecret"], first["intakeSecret"]):
        for text in (shown.text, str(stored), str(kept), str(told)):
            assert secret not in text
    left = await seller.http.delete(PATH)
    assert left.json()["payload"] == {"kind": "central"}
    gone = await seller.http.delete(PATH)
    assert (gone.status_code, gone.json()["errorResponse"]["errorType"]) == (404, "RECORD_NOT_FOUND")
    assert (await seller.http.put(PATH, json={"kind": "central"})).json()["payload"] == {"kind": "central"}


async def test_credentials_stay_while_the_provider_does(seller: make.Company) -> None:
    assert (await seller.http.put(PATH, json=NEW)).status_code == 200
    fewer = {"kind": "enkash", "baseUrl": NEW["baseUrl"], "b2bIds": ["B2B-OTHER"]}
    changed = (await seller.http.put(PATH, json=fewer)).json()["payload"]
    assert (changed["clientId"], changed["b2bIds"]) == ("c", ["B2B-OTHER"])
    assert "intakeSecret" not in changed, "shown once"
    elsewhere = fewer | {"baseUrl": "https://other.example.com"}
    assert problems(await seller.http.put(PATH, json=elsewhere)) == {"credentials": "REQUIRED"}, "nobody else gets them"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"kind": "enkash"}, {"baseUrl": "REQUIRED", "credentials": "REQUIRED"}),
        (NEW | {"baseUrl": "http://api.example.com"}, {"baseUrl": "NOT_HTTPS"}),
        (NEW | {"baseUrl": "https://127.0.0.1:9"}, {"baseUrl": "PRIVATE_ADDRESS"}),
        (NEW | {"baseUrl": "https://a:b@api.example.com"}, {"baseUrl": "CREDENTIALS_IN_URL"}),
        (NEW | {"baseUrl": "https://api.example.com/?a=b"}, {"baseUrl": "BAD_URL"}),
        (NEW | {"b2bIds": ['a"b']}, {"b2bIds[0]": "BAD_FORMAT"}),
        (NEW | {"signingSecret": "whsec_short"}, {"signingSecret": "BAD_SECRET"}),
        (NEW | {"credentials": {"clientId": "c", "clientSecret": "s", "username": "u"}}, {"credentials": "INCOMPLETE"}),
        ({"kind": "elsewhere"}, {"kind": "NOT_ACCEPTED"}),
    ],
)
async def test_what_cannot_be_a_connection(seller: make.Company, body: dict[str, Any], wrong: dict[str, str]) -> None:
    found = problems(await seller.http.put(PATH, json=body))
    assert set(found) == set(wrong)
    if "kind" not in wrong:
        assert found == wrong


async def test_it_cannot_change_while_messages_are_under_way(new_seller: Any, keyring: Any) -> None:
    async with connected(await new_seller(), keyring, 9) as client:
        await client.submit("invoice/req-send-invoice", bodies.send_invoice(client.b2b_id, "B2B-BUYER"))
        for refused in (
            await client.company.http.delete(PATH),
            await client.company.http.put(PATH, json=NEW),
            await client.company.http.put(PATH, json={"kind": "central"}),
        ):
            assert refused.status_code == 422, refused.text
            assert "wait until all have their answers" in refused.json()["response_message"]
        shown = (await client.company.http.get(PATH)).json()["payload"]
        assert (shown["underWay"], shown["inDoubt"], shown["kept"]) == (1, 0, 0)


async def test_a_new_intake_secret_ends_the_old_one(new_seller: Any, keyring: Any) -> None:
    company = await new_seller()
    await company.http.put(PATH, json=NEW)
    first = (await company.http.put(PATH, json=NEW | {"newIntakeSecret": True})).json()["payload"]["intakeSecret"]
    second = (await company.http.put(PATH, json=NEW | {"newIntakeSecret": True})).json()["payload"]["intakeSecret"]
    body = bodies.send_invoice("B2B-SELLER", "B2B-OWN")
    for secret, status in ((first, 401), (second, 200)):
        reply = await company.http.post(f"/network/inbox/enkash/{secret}/invoice/req-send-invoice", json=body)
        assert reply.status_code == status, reply.text


async def test_who_may_settle_a_message(new_seller: Any, keyring: Any) -> None:
    async with connected(await new_seller(), keyring, 9) as client:
        for role in Role:
            message_id = await doubted(client)
            path = f"{PATH}/messages/{message_id}"
            reply = await client.company.http_as([role.value]).post(path, json={"action": "DISMISS"})
            assert reply.status_code == (200 if Permission.ADMIN in PERMISSIONS[role] else 403), (role, reply.text)
        stranger = await new_seller()
        message_id = await doubted(client)
        reply = await stranger.http.post(f"{PATH}/messages/{message_id}", json={"action": "RETRY"})
        assert reply.status_code == 404


async def doubted(client: Client) -> str:
    body = bodies.send_invoice(client.b2b_id, "B2B-BUYER")
    message_id = await client.submit("invoice/req-send-invoice", body)
    await client.company.run(
        "UPDATE network_messages SET progress = 'IN DOUBT' WHERE seller_id = $1 AND message_id = $2", message_id
    )
    return message_id


async def test_lists_come_in_pages(new_seller: Any, keyring: Any) -> None:
    async with connected(await new_seller(), keyring, 9) as client:
        ids = [await doubted(client) for _ in range(3)]
        for number in range(3):
            body = {"resp": {"reqMsgId": f"EK-{number}", "result": "SUCCESS"}}
            await client.bring("enkash/invoice/resp-send-invoice", body)
        for word, name in (("messages", "messageId"), ("kept", "receivedId")):
            found: list[str] = []
            cursor = ""
            while True:
                page = (await client.company.http.get(f"{PATH}/{word}?limit=2{cursor}")).json()["payload"]
                assert (page["total_count"], page["limit"]) == (3, 2)
                found += [one[name] for one in page["data"]]
                if page.get("next_cursor") is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            assert found == sorted(found, reverse=True)
            assert len(set(found)) == 3
            if word == "messages":
                assert set(found) == set(ids)
