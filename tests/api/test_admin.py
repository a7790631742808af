"""The company's settings, logo and registrations, and the people and programs that may act for it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx2
import pytest

import make
from hundi.files.store import FileStore
from hundi.kit.keys import hash_secret

ADMIN = "/api/v0/admin"
PLACE = {"legalName": "Sahyadri Pune", "addressLine1": "1 Road", "city": "Pune", "pinCode": "411001", "stateCode": "27"}
PNG = make.png()


def problems(reply: httpx2.Response) -> dict[str, str]:
    return {one["field"]: one["code"] for one in reply.json()["errorResponse"]["apiSubErrors"]}


def refused(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]


def payload(reply: httpx2.Response) -> Any:
    assert reply.status_code == 200, reply.text
    return reply.json()["payload"]


async def trail(seller: make.Company, action: str) -> list[dict[str, Any]]:
    return await seller.rows(
        "SELECT object_id, before::text AS before, after::text AS after FROM audit_log"
        " WHERE seller_id = $1 AND action = $2 ORDER BY audit_id", action,
    )  # fmt: skip


async def sign_in(
    client: httpx2.AsyncClient, client_id: str, secret: str, username: str | None = None, password: str = "",
    refresh: str | None = None,
) -> httpx2.Response:  # fmt: skip
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    form = {"grant_type": "client_credentials"}
    if username is not None:
        form = {"grant_type": "password", "username": username, "password": password}
    if refresh is not None:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
    return await client.post("/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"})


async def works(client: httpx2.AsyncClient, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await client.post("/api/v0/invoice/search", json={}, headers=headers)).status_code


# ------------------------------------------------------------------ settings and logo


async def test_settings_are_read_and_changed_and_only_changes_are_in_the_trail(seller: make.Company) -> None:
    was = payload(await seller.http.get(f"{ADMIN}/seller"))
    assert (was["sellerId"], was["legalName"]) == (seller.seller_id, "Sahyadri Valves Private Limited")
    change = {
        "tradeName": "Sahyadri", "replyTo": "ar@example.com", "amountMismatch": "warn", "unknownResends": 3,
        "eInvoiceFrom": "2026-12-01", "eInvoicePolicy": "warn", "legalName": was["legalName"],
    }  # fmt: skip
    now = payload(await seller.http.patch(f"{ADMIN}/seller", json=change))
    assert {name: now[name] for name in change} == change
    cleared = payload(await seller.http.patch(f"{ADMIN}/seller", json={"eInvoiceFrom": None, "tradeName": {}}))
    assert "eInvoiceFrom" not in cleared
    assert cleared["tradeName"] == "Sahyadri"
    first, second = await trail(seller, "seller.change")
    assert "legal_name" not in first["after"]
    assert second["before"] == '{"e_invoice_from": "2026-12-01"}'
    payload(await seller.http.patch(f"{ADMIN}/seller", json={"tradeName": "Sahyadri"}))
    assert len(await trail(seller, "seller.change")) == 2


async def test_wrong_settings_are_all_named(seller: make.Company) -> None:
    body = {"replyTo": "nobody", "pan": "12", "legalName": "", "amountMismatch": "shrug", "unknownResends": 10,
            "eInvoiceFrom": "soon", "eInvoicePolicy": None}  # fmt: skip
    shapes = await seller.http.patch(f"{ADMIN}/seller", json=body)
    assert shapes.status_code == 400
    assert set(problems(shapes)) == {"legalName", "amountMismatch", "unknownResends", "eInvoiceFrom", "eInvoicePolicy"}
    content = await seller.http.patch(f"{ADMIN}/seller", json={"replyTo": "nobody", "pan": "12"})
    assert set(problems(content)) == {"replyTo", "pan"}
    assert await trail(seller, "seller.change") == []


async def test_a_logo_is_set_fetched_and_taken_away(seller: make.Company, store: FileStore) -> None:
    path = f"{ADMIN}/seller/logo"
    assert refused(await seller.http.get(path)) == (404, "LOGO_NOT_FOUND")
    shown = payload(await seller.http.post(path, files={"file": ("logo.gif", PNG)}))
    assert shown["logoUrl"] == f"http://hundi.test{path}"
    fetched = await seller.http.get(path)
    assert (fetched.content, fetched.headers["content-type"]) == (PNG, "image/png")
    documented = (await seller.http.get("/schema/openapi.json")).json()["paths"][path]["get"]["responses"]["200"]
    assert set(documented["content"]) == {"image/png", "image/jpeg"}
    assert 'filename="logo.png"' in fetched.headers["content-disposition"]
    assert problems(await seller.http.post(path, files={"file": ("logo.svg", b"<svg/>")})) == {"file": "FILE_TYPE"}
    large = await seller.http.post(path, files={"file": ("logo.png", PNG + b"x" * 524_288)})
    assert (large.status_code, problems(large)) == (413, {"file": "FILE_TOO_LARGE"})
    assert "logoUrl" not in payload(await seller.http.delete(path))
    assert refused(await seller.http.delete(path)) == (404, "LOGO_NOT_FOUND")
    assert len(await trail(seller, "seller.change")) == 2


# ------------------------------------------------------------------ registrations


async def test_a_registration_is_added_with_a_series_and_can_become_the_default(seller: make.Company) -> None:
    gstin = make.gstin("29")
    body = PLACE | {
        "stateCode": "29", "gstin": gstin.lower(), "bankAccount": "00012345678901", "bankIfsc": "hdfc0000001",
        "upiVpa": "pune@example", "upiMaxAmount": 50000, "seriesPattern": "KA/{26-27}/{n:4}",
    }  # fmt: skip
    made = payload(await seller.http.post(f"{ADMIN}/registration", json=body))
    assert (made["gstin"], made["pan"], made["isDefault"]) == (gstin, gstin[2:12], False)
    assert (made["bankAccount"], made["bankIfsc"]) == ("XXXXXXXXXX8901", "HDFC0000001")
    pattern = "SELECT pattern FROM number_series WHERE seller_id = $1 AND registration_id = $2"
    assert await seller.value(pattern, made["registrationId"]) == "KA/{26-27}/{n:4}"
    path = f"{ADMIN}/registration/{made['registrationId']}"
    assert payload(await seller.http.patch(path, json={"isDefault": True}))["isDefault"] is True
    listed = payload(await seller.http.get(f"{ADMIN}/registration"))["data"]
    assert [one["isDefault"] for one in listed] == [True, False]
    assert refused(await seller.http.patch(path, json={"isDefault": False})) == (422, "DEFAULT_NEEDED")
    issued = await seller.invoice(invoiceNumber=None)
    assert issued["invoiceNumber"].startswith("KA/")


async def test_a_bank_account_is_sealed_masked_and_never_in_the_trail(seller: make.Company) -> None:
    made = payload(await seller.http.post(f"{ADMIN}/registration", json=PLACE | {"bankAccount": "99887766554433"}))
    path = f"{ADMIN}/registration/{made['registrationId']}"
    changed = payload(await seller.http.patch(path, json={"bankAccount": "11223344556677", "upiVpa": "new@example"}))
    assert changed["bankAccount"] == "XXXXXXXXXX6677"
    assert "bankAccount" not in payload(await seller.http.patch(path, json={"bankAccount": None}))
    texts = await seller.value("SELECT string_agg(coalesce(before::text, '') || coalesce(after::text, ''), ' ') "
                               "FROM audit_log WHERE seller_id = $1")  # fmt: skip
    assert "9988776655" not in texts
    assert "1122334455" not in texts
    assert "XXXXXXXXXX6677" in texts


async def test_wrong_particulars_are_all_named(seller: make.Company) -> None:
    body = PLACE | {
        "gstin": "29ABCDE1234F1Z0", "pinCode": "012345", "pan": "X", "udyamNumber": "U", "email": "e", "phone": "1",
        "bankIfsc": "X", "upiVpa": "nobody", "bankAccount": "12", "upiMaxAmount": 0.5, "seriesPattern": "no counter",
        "stateCode": "96",
    }  # fmt: skip
    reply = await seller.http.post(f"{ADMIN}/registration", json=body)
    assert reply.status_code == 400
    assert {
        "gstin", "pinCode", "pan", "udyamNumber", "email", "phone", "bankIfsc", "upiVpa", "bankAccount", "upiMaxAmount",
        "seriesPattern", "stateCode",
    } <= set(problems(reply))  # fmt: skip
    other = PLACE | {"gstin": make.gstin("29")}
    assert problems(await seller.http.post(f"{ADMIN}/registration", json=other)) == {"stateCode": "STATE_MISMATCH"}
    twice = PLACE | {"gstin": seller.registration.gstin}
    taken = await seller.http.post(f"{ADMIN}/registration", json=twice)
    assert (taken.status_code, problems(taken)) == (422, {"gstin": "GSTIN_TAKEN"})
    blank = PLACE | {"legalName": " ", "addressLine1": "\u200b", "city": "  "}
    wanted = dict.fromkeys(("legalName", "addressLine1", "city"), "REQUIRED")
    assert problems(await seller.http.post(f"{ADMIN}/registration", json=blank)) == wanted
    own = f"{ADMIN}/registration/{await seller.value('SELECT registration_id FROM registrations WHERE seller_id = $1')}"
    assert problems(await seller.http.patch(own, json={"legalName": " "})) == {"legalName": "REQUIRED"}
    assert problems(await seller.http.patch(f"{ADMIN}/seller", json={"legalName": " "})) == {"legalName": "REQUIRED"}


async def test_a_registration_that_invoices_carry_keeps_its_gstin(seller: make.Company) -> None:
    (one,) = payload(await seller.http.get(f"{ADMIN}/registration"))["data"]
    path = f"{ADMIN}/registration/{one['registrationId']}"
    fresh = make.gstin("27")
    changed = payload(await seller.http.patch(path, json={"gstin": fresh}))
    assert (changed["gstin"], changed["pan"]) == (fresh, fresh[2:12])
    await seller.invoice()
    assert refused(await seller.http.patch(path, json={"gstin": make.gstin("27")})) == (422, "REGISTRATION_IN_USE")
    assert payload(await seller.http.patch(path, json={"gstin": fresh, "city": "Thane"}))["city"] == "Thane"
    assert refused(await seller.http.patch(f"{ADMIN}/registration/reg_x", json={})) == (404, "REGISTRATION_UNKNOWN")


# ------------------------------------------------------------------ users


async def test_a_person_is_added_signs_in_and_is_sent_away(
    seller: make.Company, client: httpx2.AsyncClient, clock: make.MovedClock
) -> None:
    name = f"{make.number('u')}@Example.com"
    made = payload(await seller.http.post(f"{ADMIN}/user", json={"username": name, "roles": ["maker", "viewer"]}))
    assert (made["username"], made["roles"], made["status"]) == (name.lower(), ["maker", "viewer"], "ACTIVE")
    own = seller.credentials
    tokens = (await sign_in(client, own.clientId, own.clientSecret, name, made["password"])).json()
    assert await works(client, tokens["access_token"]) == 200
    path = f"{ADMIN}/user/{made['userId']}"
    assert payload(await seller.http.patch(path, json={"status": "INACTIVE"}))["status"] == "INACTIVE"
    assert await works(client, tokens["access_token"]) == 401
    again = await sign_in(client, own.clientId, own.clientSecret, refresh=tokens["refresh_token"])
    assert again.status_code == 401
    assert (await sign_in(client, own.clientId, own.clientSecret, name, made["password"])).status_code == 401
    payload(await seller.http.patch(path, json={"status": "ACTIVE"}))
    assert (await sign_in(client, own.clientId, own.clientSecret, name, made["password"])).status_code == 200
    texts = await seller.value("SELECT string_agg(coalesce(after::text, ''), ' ') FROM audit_log WHERE seller_id = $1")
    assert made["password"] not in texts
    assert "password" not in payload(await seller.http.get(f"{ADMIN}/user"))["data"][-1]


async def test_other_roles_hold_at_once_and_the_refresh_token_brings_them(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    body = {"username": f"{make.number('u')}@example.com", "roles": ["maker"], "password": "long enough for this"}
    made = payload(await seller.http.post(f"{ADMIN}/user", json=body))
    assert "password" not in made
    own = seller.credentials
    tokens = (await sign_in(client, own.clientId, own.clientSecret, body["username"], body["password"])).json()
    payload(await seller.http.patch(f"{ADMIN}/user/{made['userId']}", json={"roles": ["viewer"]}))
    assert await works(client, tokens["access_token"]) == 401
    renewed = (await sign_in(client, own.clientId, own.clientSecret, refresh=tokens["refresh_token"])).json()
    headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert await works(client, renewed["access_token"]) == 200
    denied = await client.post("/api/v0/customer", json=make.customer_body(), headers=headers)
    assert denied.status_code == 403


async def test_a_reset_password_ends_a_lock_out_and_all_tokens(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    own = seller.credentials
    tokens = (await sign_in(client, own.clientId, own.clientSecret, own.username, own.password)).json()
    for _ in range(5):
        await sign_in(client, own.clientId, own.clientSecret, own.username, "wrong")
    assert (await sign_in(client, own.clientId, own.clientSecret, own.username, own.password)).status_code == 403
    path = f"{ADMIN}/user/{seller.user_id}"
    assert problems(await seller.http.post(f"{path}/reset-password", json={"password": "short"})) == {
        "password": "BAD_LENGTH"
    }
    made = payload(await seller.http.post(f"{path}/reset-password", json={}))
    assert await works(client, tokens["access_token"]) == 401
    assert (await sign_in(client, own.clientId, own.clientSecret, own.username, own.password)).status_code == 401
    assert (await sign_in(client, own.clientId, own.clientSecret, own.username, made["password"])).status_code == 200
    assert (await trail(seller, "user.password"))[0]["after"] is None


async def test_the_last_owner_stays_and_only_owners_touch_owners(seller: make.Company) -> None:
    owner = f"{ADMIN}/user/{seller.user_id}"
    for change in ({"roles": ["admin"]}, {"status": "INACTIVE"}):
        assert refused(await seller.http.patch(owner, json=change)) == (422, "LAST_OWNER")
    admin = seller.http_as(["admin"])
    body = {"username": f"{make.number('u')}@example.com", "roles": ["owner"]}
    for reply in (
        await admin.patch(owner, json={"displayName": "X"}), await admin.post(f"{ADMIN}/user", json=body),
        await admin.post(f"{owner}/reset-password", json={}),
        await admin.post(f"{ADMIN}/client", json={"name": "x", "roles": ["owner"]}),
    ):  # fmt: skip
        assert refused(reply) == (403, "OWNER_ONLY")
    second = payload(await seller.http.post(f"{ADMIN}/user", json=body))
    both = [f"{ADMIN}/user/{one}" for one in (seller.user_id, second["userId"])]
    replies = await asyncio.gather(*(seller.http_as(["owner"]).patch(at, json={"roles": ["admin"]}) for at in both))
    assert sorted(reply.status_code for reply in replies) == [200, 422]


async def test_bad_people(seller: make.Company, new_seller: Any) -> None:
    body = {"username": "two words", "roles": ["king", "viewer"], "email": "e", "mobile": "1", "password": "short"}
    reply = await seller.http.post(f"{ADMIN}/user", json=body)
    assert set(problems(reply)) == {"username", "roles[0]", "email", "mobile", "password"}
    assert set(problems(await seller.http.post(f"{ADMIN}/user", json={"username": "a", "roles": []}))) == {"roles"}
    stranger = await new_seller()
    taken = {"username": stranger.credentials.username.upper(), "roles": ["viewer"]}
    assert refused(await seller.http.post(f"{ADMIN}/user", json=taken)) == (422, "USERNAME_TAKEN")
    assert refused(await seller.http.patch(f"{ADMIN}/user/{stranger.user_id}", json={})) == (404, "USER_NOT_FOUND")


async def test_somebody_of_another_home_keeps_their_password(seller: make.Company, new_seller: Any) -> None:
    home = await new_seller()
    await seller.run(
        "INSERT INTO memberships (seller_id, user_id, home_seller_id, username, display_name, roles, created_at)"
        " VALUES ($1, $2, $3, 'x', 'X', array['viewer'], now())", home.user_id, home.seller_id,
    )  # fmt: skip
    path = f"{ADMIN}/user/{home.user_id}"
    assert refused(await seller.http.post(f"{path}/reset-password", json={})) == (422, "HOME_ELSEWHERE")
    assert payload(await seller.http.patch(path, json={"status": "INACTIVE"}))["status"] == "INACTIVE"


async def test_a_key_replays_a_secret_that_is_kept_sealed(seller: make.Company) -> None:
    headers = {"Idempotency-Key": "new-client"}
    first = await seller.http.post(f"{ADMIN}/client", json={"name": "erp"}, headers=headers)
    again = await seller.http.post(f"{ADMIN}/client", json={"name": "erp"}, headers=headers)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    secret = payload(first)["clientSecret"]
    kept = await seller.value("SELECT reply FROM idempotency_keys WHERE seller_id = $1 AND key = 'new-client'")
    assert secret.encode() not in bytes(kept)
    assert await seller.value("SELECT count(*) FROM api_clients WHERE seller_id = $1") == 2


# ------------------------------------------------------------------ API clients


async def test_a_client_is_made_limited_and_revoked_at_once(seller: make.Company, client: httpx2.AsyncClient) -> None:
    body = {"name": "ERP", "roles": ["developer"], "ratePerMinute": 900, "burst": 30}
    made = payload(await seller.http.post(f"{ADMIN}/client", json=body))
    assert (made["ratePerMinute"], made["burst"]) == (900, 30)
    tokens = (await sign_in(client, made["clientId"], made["clientSecret"])).json()
    person = (await sign_in(
        client, made["clientId"], made["clientSecret"], seller.credentials.username, seller.credentials.password
    )).json()  # fmt: skip
    assert await works(client, tokens["access_token"]) == 200
    path = f"{ADMIN}/client/{made['clientId']}"
    payload(await seller.http.patch(path, json={"roles": ["viewer"], "burst": 40}))
    assert await works(client, tokens["access_token"]) == 401
    tokens = (await sign_in(client, made["clientId"], made["clientSecret"])).json()
    gone = payload(await seller.http.delete(path))
    assert "revokedOn" in gone
    assert await works(client, tokens["access_token"]) == 401
    assert await works(client, person["access_token"]) == 401
    assert (await sign_in(client, made["clientId"], made["clientSecret"])).json()["error"] == "invalid_client"
    for reply in (await seller.http.delete(path), await seller.http.patch(path, json={}),
                  await seller.http.post(f"{path}/rotate", json={})):  # fmt: skip
        assert refused(reply) == (404, "CLIENT_NOT_FOUND")
    listed = payload(await seller.http.get(f"{ADMIN}/client"))["data"]
    assert [("revokedOn" in one, "clientSecret" in one) for one in listed] == [(False, False), (True, False)]
    texts = await seller.value("SELECT string_agg(coalesce(after::text, ''), ' ') FROM audit_log WHERE seller_id = $1")
    assert made["clientSecret"] not in texts


async def test_a_secret_is_rotated_with_and_without_an_overlap(
    seller: make.Company, client: httpx2.AsyncClient, clock: make.MovedClock
) -> None:
    own = seller.credentials
    path = f"{ADMIN}/client/{own.clientId}/rotate"
    tokens = (await sign_in(client, own.clientId, own.clientSecret)).json()
    second = payload(await seller.http.post(path, json={"overlapMinutes": 60}))
    assert "oldSecretUntil" in second
    for secret in (own.clientSecret, second["clientSecret"]):
        assert (await sign_in(client, own.clientId, secret)).status_code == 200
    assert await works(client, tokens["access_token"]) == 200
    clock.move(minutes=61)
    assert (await sign_in(client, own.clientId, own.clientSecret)).status_code == 401
    tokens = (await sign_in(client, own.clientId, second["clientSecret"])).json()
    admin = seller.http_factory({"Authorization": f"Bearer {seller.token(['owner'], seller.user_id)}"})
    third = payload(await admin.post(path, json={"overlapMinutes": 0}))
    assert (await sign_in(client, own.clientId, second["clientSecret"])).status_code == 401
    assert (await sign_in(client, own.clientId, third["clientSecret"])).status_code == 200
    assert await works(client, tokens["access_token"]) == 401
    renewed = await sign_in(client, own.clientId, third["clientSecret"], refresh=tokens["refresh_token"])
    assert renewed.status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [({"name": ""}, "name"), ({"name": "x", "roles": []}, "roles"), ({"name": "x", "roles": ["king"]}, "roles[0]"),
     ({"name": "x", "burst": 0}, "burst"), ({"name": "x", "ratePerMinute": -1}, "ratePerMinute"),
     ({"name": "x", "ratePerMinute": 10**9}, "ratePerMinute"), ({"name": "x", "burst": "many"}, "burst")],
)  # fmt: skip
async def test_bad_clients(seller: make.Company, body: dict[str, Any], field: str) -> None:
    reply = await seller.http.post(f"{ADMIN}/client", json=body)
    assert (reply.status_code, set(problems(reply))) == (400, {field})


async def test_a_bad_overlap(seller: make.Company) -> None:
    path = f"{ADMIN}/client/{seller.credentials.clientId}/rotate"
    for minutes in (-1, 10_081):
        assert set(problems(await seller.http.post(path, json={"overlapMinutes": minutes}))) == {"overlapMinutes"}
    before = await seller.value("SELECT secret_hash FROM api_clients WHERE seller_id = $1")
    assert bytes(before) == hash_secret(seller.credentials.clientSecret)


# ------------------------------------------------------------------ grants and roles


async def test_a_grant_opens_and_closes_the_company_to_a_partner(seller: make.Company, new_seller: Any) -> None:
    partner = await new_seller()
    path, query = f"{ADMIN}/grant/{partner.seller_id}", f"/api/v0/invoice/search?sellerId={seller.seller_id}"
    assert (await partner.http.post(query, json={})).status_code == 403
    given = payload(await seller.http.put(path, json={"roles": ["viewer"]}))
    assert (given["partnerSellerId"], given["roles"]) == (partner.seller_id, ["viewer"])
    assert (await partner.http.post(query, json={})).status_code == 200
    payload(await seller.http.put(path, json={"roles": ["maker", "admin"]}))
    ended = payload(await seller.http.delete(path))
    assert "revokedOn" in ended
    assert (await partner.http.post(query, json={})).status_code == 403
    assert refused(await seller.http.delete(path)) == (404, "GRANT_NOT_FOUND")
    (_, second) = await trail(seller, "grant.give")
    assert (second["before"], second["after"]) == ('{"roles": ["viewer"]}', '{"roles": ["admin", "maker"]}')
    assert len(await trail(seller, "grant.end")) == 1
    assert len(payload(await seller.http.get(f"{ADMIN}/grant"))["data"]) == 1


async def test_a_partner_with_every_role_makes_no_keys(seller: make.Company, new_seller: Any) -> None:
    partner = await new_seller()
    await seller.http.put(f"{ADMIN}/grant/{partner.seller_id}", json={"roles": ["admin"]})
    query = f"?sellerId={seller.seller_id}"
    assert payload(await partner.http.get(f"{ADMIN}/user{query}"))["total_count"] == 1
    reply = await partner.http.post(f"{ADMIN}/client{query}", json={"name": "mine"})
    assert refused(reply) == (403, "OWN_PEOPLE_ONLY")
    assert await seller.value("SELECT count(*) FROM api_clients WHERE seller_id = $1") == 1


async def test_bad_grants(seller: make.Company) -> None:
    assert set(problems(await seller.http.put(f"{ADMIN}/grant/{seller.seller_id}", json={"roles": ["owner"]}))) == {
        "roles[0]", "partnerSellerId",
    }  # fmt: skip
    assert refused(await seller.http.put(f"{ADMIN}/grant/CEK0000000", json={"roles": ["viewer"]})) == (
        404, "SELLER_NOT_FOUND",
    )  # fmt: skip


async def test_the_roles_say_what_they_may_do(seller: make.Company) -> None:
    found = {one["role"]: one["permissions"] for one in payload(await seller.http.get(f"{ADMIN}/role"))["data"]}
    assert found["viewer"] == ["customer.read", "invoice.read", "network.read"]
    assert "admin" in found["owner"]
