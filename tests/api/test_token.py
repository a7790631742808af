"""POST /oauth/token: every grant, every refusal, the lock, the rotation of refresh tokens (design §5)."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx2
import pytest

import make
from hundi.auth import service
from hundi.auth.tokens import TokenSigner
from hundi.kit.keys import Keyring

PASSWORD = "correct horse battery"
# Taken before the fixtures put a quicker one in its place.
HASHER = service._HASHER
FORM = "application/x-www-form-urlencoded"


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.fixture
async def company(new_seller: Any) -> make.Company:
    made: make.Company = await new_seller(password=PASSWORD)
    return made


async def ask(client: httpx2.AsyncClient, company: make.Company, **form: str) -> httpx2.Response:
    headers = basic(company.credentials.clientId, company.credentials.clientSecret)
    return await client.post("/oauth/token", data=form, headers=headers)


async def sign_in(client: httpx2.AsyncClient, company: make.Company, password: str = PASSWORD) -> httpx2.Response:
    username = company.credentials.username
    return await ask(client, company, grant_type="password", username=username, password=password)


async def works(client: httpx2.AsyncClient, token: str) -> int:
    reply = await client.post("/api/v0/invoice/search", json={}, headers={"Authorization": f"Bearer {token}"})
    return reply.status_code


def refused(reply: httpx2.Response, status: int, error: str, error_type: str) -> dict[str, Any]:
    """Check the envelope and the members of RFC 6749 §5.2, and give the error response."""
    body = reply.json()
    assert reply.status_code == status, reply.text
    assert body["error"] == error
    assert body["error_description"] == body["response_message"] == body["errorResponse"]["errorMessage"]
    assert body["response_code"] == 1
    assert body["errorResponse"]["errorType"] == error_type
    assert body["errorResponse"]["requestId"] == reply.headers["x-request-id"]
    assert reply.headers["cache-control"] == "no-store"
    found: dict[str, Any] = body["errorResponse"]
    return found


async def test_password_grant_gives_both_spellings(client: httpx2.AsyncClient, company: make.Company) -> None:
    reply = await sign_in(client, company)
    body = reply.json()
    assert reply.status_code == 200, reply.text
    assert body["access_token"] == body["accessToken"]
    assert body["refresh_token"] == body["refreshToken"]
    assert body["expires_in"] == body["expiresIn"] == 3600
    assert body["token_type"] == body["tokenType"] == "bearer"
    assert body["scope"]
    assert reply.headers["cache-control"] == "no-store"
    assert await works(client, body["access_token"]) == 200


@pytest.mark.parametrize("given", ["client", "seller", "absent", "empty"])
async def test_client_id_of_the_form_may_be_the_clients_or_the_companys(
    client: httpx2.AsyncClient, company: make.Company, given: str
) -> None:
    named = {"client": company.credentials.clientId, "seller": company.seller_id, "empty": ""}
    form = {"username": company.credentials.username.upper() + " ", "password": PASSWORD}
    if given in named:
        form["clientId"] = named[given]
    reply = await ask(client, company, **form)
    assert reply.status_code == 200, reply.text


async def test_another_companys_client_id_is_refused(
    client: httpx2.AsyncClient, company: make.Company, seller: make.Company
) -> None:
    form = {"username": company.credentials.username, "password": PASSWORD, "clientId": seller.seller_id}
    error = refused(await ask(client, company, **form), 401, "invalid_client", "UNAUTHORIZED")
    assert error["apiSubErrors"][0]["field"] == "clientId"


async def test_client_credentials_act_with_the_clients_roles(client: httpx2.AsyncClient, company: make.Company) -> None:
    token = (await ask(client, company, grant_type="client_credentials")).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    reply = await client.post("/api/v0/customer", json=make.customer_body(), headers=headers)
    assert reply.status_code == 200
    assert reply.json()["payload"]["createdBy"] == company.credentials.clientId


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": "Basic"}, {"Authorization": "Basic %%%"}, {"Authorization": "Bearer abc"},
        {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:x").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"nul\x00:x").decode()}, basic("cli_unknown", "x"),
    ],
)  # fmt: skip
async def test_a_client_that_is_not_known_is_refused(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    form = {"grant_type": "client_credentials"}
    reply = await client.post("/oauth/token", data=form, headers=headers)
    refused(reply, 401, "invalid_client", "UNAUTHORIZED")
    assert reply.headers["www-authenticate"].startswith("Basic")


async def test_wrong_and_revoked_client_secrets_are_refused(client: httpx2.AsyncClient, company: make.Company) -> None:
    headers = basic(company.credentials.clientId, company.credentials.clientSecret + "x")
    reply = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    refused(reply, 401, "invalid_client", "UNAUTHORIZED")
    await company.run("UPDATE api_clients SET revoked_at = now() WHERE seller_id = $1")
    refused(await ask(client, company, grant_type="client_credentials"), 401, "invalid_client", "UNAUTHORIZED")


async def test_unknown_user_and_wrong_password_get_the_same_answer(
    client: httpx2.AsyncClient, company: make.Company
) -> None:
    nobody = await ask(client, company, username="nobody@example.com", password=PASSWORD)
    wrong = await sign_in(client, company, "wrong")
    first = refused(nobody, 401, "invalid_grant", "UNAUTHORIZED")
    second = refused(wrong, 401, "invalid_grant", "UNAUTHORIZED")
    assert first["errorMessage"] == second["errorMessage"]
    assert first["apiSubErrors"] == second["apiSubErrors"]


async def test_a_user_of_another_company_does_not_get_in_by_this_client(
    client: httpx2.AsyncClient, company: make.Company, seller: make.Company
) -> None:
    reply = await ask(client, seller, username=company.credentials.username, password=PASSWORD)
    refused(reply, 401, "invalid_grant", "UNAUTHORIZED")


async def test_an_inactive_user_gets_in_by_no_grant(client: httpx2.AsyncClient, company: make.Company) -> None:
    refresh = (await sign_in(client, company)).json()["refresh_token"]
    await company.run("UPDATE users SET status = 'INACTIVE' WHERE seller_id = $1")
    refused(await sign_in(client, company), 401, "invalid_grant", "UNAUTHORIZED")
    renewed = await ask(client, company, grant_type="refresh_token", refresh_token=refresh)
    refused(renewed, 401, "invalid_grant", "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"grant_type": "password", "password": "x"}, "username"),
        ({"grant_type": "password", "username": "x"}, "password"),
        ({"grant_type": "password", "username": "", "password": "x"}, "username"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
    ],
)
async def test_a_missing_field_is_named(
    client: httpx2.AsyncClient, company: make.Company, form: dict[str, str], field: str
) -> None:
    error = refused(await ask(client, company, **form), 400, "invalid_request", "CLIENT_REQUEST_ERROR")
    assert [(sub["field"], sub["code"]) for sub in error["apiSubErrors"]] == [(field, "REQUIRED")]


async def test_an_unknown_grant_is_refused(client: httpx2.AsyncClient, company: make.Company) -> None:
    reply = await ask(client, company, grant_type="authorization_code")
    refused(reply, 400, "unsupported_grant_type", "CLIENT_REQUEST_ERROR")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"), (b"grant_type=client_credentials", "text/plain"),
        (b"", "multipart/form-data; boundary=x"), (b"grant_type=a&grant_type=b", FORM), (b"username=%ff%fe", FORM),
        (b"username=%00", FORM), (b"\xff\xfe", FORM), (b"a=1&" * 30, FORM), (b"password=" + b"x" * 20_000, FORM),
    ],
)  # fmt: skip
async def test_odd_forms_are_refused(
    client: httpx2.AsyncClient, company: make.Company, content: bytes, kind: str
) -> None:
    headers = basic(company.credentials.clientId, company.credentials.clientSecret) | {"Content-Type": kind}
    reply = await client.post("/oauth/token", content=content, headers=headers)
    refused(reply, 400, "invalid_request", "CLIENT_REQUEST_ERROR")


async def test_five_failures_lock_for_fifteen_minutes(
    client: httpx2.AsyncClient, company: make.Company, clock: make.MovedClock
) -> None:
    for _ in range(5):
        refused(await sign_in(client, company, "wrong"), 401, "invalid_grant", "UNAUTHORIZED")
    sixth = await sign_in(client, company)
    refused(sixth, 403, "invalid_grant", "INVALID_ACCESS")
    assert sixth.headers["retry-after"] == "900"
    clock.move(minutes=14, seconds=50)
    assert (await sign_in(client, company)).status_code == 403
    clock.move(seconds=11)
    assert (await sign_in(client, company)).status_code == 200


async def test_a_failure_after_the_lock_begins_a_new_count(
    client: httpx2.AsyncClient, company: make.Company, clock: make.MovedClock
) -> None:
    for _ in range(6):
        await sign_in(client, company, "wrong")
    clock.move(minutes=15, seconds=1)
    for _ in range(4):
        assert (await sign_in(client, company, "wrong")).status_code == 401
    assert (await sign_in(client, company)).status_code == 200


async def test_a_success_forgets_the_failures(client: httpx2.AsyncClient, company: make.Company) -> None:
    for _ in range(3):
        for _ in range(4):
            assert (await sign_in(client, company, "wrong")).status_code == 401
        assert (await sign_in(client, company)).status_code == 200


async def test_guesses_at_once_cannot_slip_past_the_lock(client: httpx2.AsyncClient, company: make.Company) -> None:
    replies = await asyncio.gather(*(sign_in(client, company, f"guess {at}") for at in range(20)))
    codes = sorted(reply.status_code for reply in replies)
    assert codes == [401] * 5 + [403] * 15
    assert (await sign_in(client, company)).status_code == 403


async def test_right_passwords_at_once_lock_nobody_out(client: httpx2.AsyncClient, company: make.Company) -> None:
    replies = await asyncio.gather(*(sign_in(client, company) for _ in range(12)))
    assert {reply.status_code for reply in replies} == {200}


async def test_attempts_nobody_settled_count_as_failures(
    client: httpx2.AsyncClient, company: make.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_TURNS", 2)
    await company.run("UPDATE users SET failed_count = 5 WHERE seller_id = $1")
    assert (await sign_in(client, company)).status_code == 403
    assert await company.value("SELECT locked_until FROM users WHERE seller_id = $1") is not None


async def test_refresh_gives_a_new_pair_and_uses_the_old_one_up(
    client: httpx2.AsyncClient, company: make.Company, clock: make.MovedClock
) -> None:
    first = (await sign_in(client, company)).json()
    clock.move(hours=1, seconds=1)
    assert await works(client, first["access_token"]) == 401
    second = (await ask(client, company, grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await works(client, second["access_token"]) == 200


async def test_a_refresh_token_used_twice_voids_its_family(client: httpx2.AsyncClient, company: make.Company) -> None:
    first = (await sign_in(client, company)).json()
    other = (await sign_in(client, company)).json()
    second = (await ask(client, company, grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
    again = await ask(client, company, grant_type="refresh_token", refresh_token=first["refresh_token"])
    refused(again, 401, "invalid_grant", "UNAUTHORIZED")
    newer = await ask(client, company, grant_type="refresh_token", refresh_token=second["refresh_token"])
    refused(newer, 401, "invalid_grant", "UNAUTHORIZED")
    assert await works(client, second["access_token"]) == 401
    assert await works(client, other["access_token"]) == 200


async def test_refresh_at_once_succeeds_once(client: httpx2.AsyncClient, company: make.Company) -> None:
    token = (await sign_in(client, company)).json()["refresh_token"]
    replies = await asyncio.gather(
        *(ask(client, company, grant_type="refresh_token", refresh_token=token) for _ in range(8))
    )
    assert sorted(reply.status_code for reply in replies) == [200] + [401] * 7


async def test_refresh_tokens_end_after_thirty_days_and_belong_to_their_client(
    client: httpx2.AsyncClient, company: make.Company, seller: make.Company, clock: make.MovedClock
) -> None:
    token = (await sign_in(client, company)).json()["refresh_token"]
    stolen = await ask(client, seller, grant_type="refresh_token", refresh_token=token)
    refused(stolen, 401, "invalid_grant", "UNAUTHORIZED")
    clock.move(days=30, seconds=1)
    late = await ask(client, company, grant_type="refresh_token", refresh_token=token)
    refused(late, 401, "invalid_grant", "UNAUTHORIZED")


async def test_refresh_takes_the_roles_of_today(client: httpx2.AsyncClient, company: make.Company) -> None:
    token = (await sign_in(client, company)).json()["refresh_token"]
    await company.run("UPDATE memberships SET roles = '{viewer}' WHERE seller_id = $1")
    renewed = (await ask(client, company, grant_type="refresh_token", refresh_token=token)).json()
    headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert (await client.post("/api/v0/customer", json=make.customer_body(), headers=headers)).status_code == 403
    await company.run("UPDATE memberships SET revoked_at = now() WHERE seller_id = $1")
    gone = await ask(client, company, grant_type="refresh_token", refresh_token=renewed["refresh_token"])
    refused(gone, 401, "invalid_grant", "UNAUTHORIZED")


@pytest.mark.parametrize("subject", ["user", "client", "family"])
async def test_a_revoked_token_is_refused_on_every_path(
    company: make.Company, client: httpx2.AsyncClient, subject: str
) -> None:
    customer = await company.customer()
    token = company.token(["owner"], company.user_id, family="fam_1")
    void = {"user": company.user_id, "client": company.credentials.clientId, "family": "fam_1"}[subject]
    async with company.db.transaction(company.seller_id) as tx:
        await service.revoke(tx, void)
    headers = {"Authorization": f"Bearer {token}"}
    before = await company.value("SELECT count(*) FROM invoices WHERE seller_id = $1")
    for reply in (
        await client.get(f"/api/v0/customer/{customer}", headers=headers),
        await client.post("/api/v0/invoice", json=make.invoice_body(customer), headers=headers),
        await client.post("/api/v0/customer", json=make.customer_body(), headers=headers),
    ):
        assert reply.status_code == 401
        assert reply.json()["errorResponse"]["errorType"] == "UNAUTHORIZED"
    assert await company.value("SELECT count(*) FROM invoices WHERE seller_id = $1") == before
    # Signing in again, even within the same second, gives a token that is good.
    fresh = company.token(["owner"], company.user_id, family="fam_2")
    assert await works(client, fresh) == 200


async def test_tokens_that_are_not_ours_are_refused(
    client: httpx2.AsyncClient, company: make.Company, clock: make.MovedClock
) -> None:
    good = company.token(["owner"])
    head, claims, signature = good.split(".")
    other = TokenSigner(Keyring(["another secret key, long enough for it"]))
    foreign = other.issue(
        subject="usr_x", client_id="cli_x", seller_id=company.seller_id, roles=["owner"], family="f", now=clock.now()
    )
    flipped = claims[:-2] + ("A" if claims[-2] != "A" else "B") + claims[-1]
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    assert await works(client, good) == 200
    for bad in (
        foreign, f"{head}.{flipped}.{signature}", f"{head}.{claims}.", f"{unsigned}.{claims}.", f"{head}.{claims}",
        "abc", "a.b.c", "x" * 5000, "é", good + "x",
    ):  # fmt: skip
        headers = [(b"Authorization", b"Bearer " + bad.encode())]
        reply = await client.post("/api/v0/invoice/search", json={}, headers=headers)
        assert reply.status_code == 401, bad[:60]
        assert reply.json()["errorResponse"]["errorType"] == "UNAUTHORIZED"


async def test_an_older_key_of_the_ring_still_verifies(company: make.Company, clock: make.MovedClock) -> None:
    old = company.token(["owner"])
    ring = Keyring(["a newer secret key that is long enough", "a secret key of the tests, long enough"])
    assert TokenSigner(ring).read(old, clock.now()).sel == company.seller_id


def test_passwords_are_hashed_with_argon2id() -> None:
    hashed = HASHER.hash("x")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hashed != HASHER.hash("x")
