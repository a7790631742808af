"""Rate limits: of API clients, of sign-in, of hosted pages; and the bucket they are made of."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import make
from hundi import app as hundi_app
from hundi.config import Settings
from hundi.files.store import FileStore
from hundi.http.limits import Buckets, Limit, Limits, address_of
from hundi.kit.keys import Keyring

SECOND = 1_000_000_000


class Ticks:
    """Nanoseconds that stand still until they are told to go on."""

    def __init__(self) -> None:
        self.at = 10**15

    def __call__(self) -> int:
        return self.at

    def move(self, seconds: int) -> None:
        self.at += seconds * SECOND


# ------------------------------------------------------------------ the bucket


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    ticks = Ticks()
    buckets = Buckets(ticks)
    limit = Limit(60, 3)
    first = [buckets.take("k", limit) for _ in range(5)]
    assert [one.allowed for one in first] == [True, True, True, False, False]
    assert [one.remaining for one in first] == [2, 1, 0, 0, 0]
    assert [one.retry_after_s for one in first] == [0, 0, 0, 1, 1]
    assert buckets.take("other", limit).allowed
    ticks.move(1)
    assert [buckets.take("k", limit).allowed for _ in range(2)] == [True, False]
    ticks.move(3600)
    assert [buckets.take("k", limit).allowed for _ in range(4)] == [True, True, True, False]


def test_what_was_refused_costs_nothing() -> None:
    ticks = Ticks()
    buckets = Buckets(ticks)
    for _ in range(1000):
        last = buckets.take("k", Limit(1, 1))
    assert (last.allowed, last.retry_after_s, last.full_after_s) == (False, 60, 60)
    ticks.move(60)
    assert buckets.take("k", Limit(1, 1)).allowed


def test_a_lowered_limit_holds_at_once_and_owes_no_more_than_a_bucket() -> None:
    ticks = Ticks()
    buckets = Buckets(ticks)
    for _ in range(500):
        assert buckets.take("k", Limit(600, 500)).allowed
    refused = buckets.take("k", Limit(60, 2))
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert refused.retry_after_s <= 2


def test_buckets_are_bounded() -> None:
    buckets = Buckets(Ticks(), most=10)
    for at in range(1000):
        buckets.take(f"k{at}", Limit(60, 1))
    assert len(buckets) == 10


@given(st.integers(1, 6_000_000), st.integers(1, 1_000_000), st.lists(st.integers(0, 200), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_allow(per_minute: int, burst: int, pauses: list[int]) -> None:
    ticks = Ticks()
    buckets = Buckets(ticks)
    limit = Limit(per_minute, burst)
    began, allowed = ticks.at, 0
    for pause in pauses:
        ticks.at += pause * SECOND // 100
        verdict = buckets.take("k", limit)
        allowed += verdict.allowed
        assert 0 <= verdict.remaining < burst
        assert verdict.allowed == (verdict.retry_after_s == 0)
        if not verdict.allowed:
            ticks_then = ticks.at
            ticks.at += verdict.retry_after_s * SECOND
            assert Buckets.take(buckets, "k", limit).allowed
            began, allowed = ticks.at, 0
            assert ticks.at > ticks_then
            break
        assert allowed <= burst + (ticks.at - began) * per_minute // (60 * SECOND) + 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "found"),
    [
        ("203.0.113.9", None, 0, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", 0, "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", 2, "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1", 2, "10.0.0.1"),
        ("10.0.0.1", None, 1, "10.0.0.1"),
        ("10.0.0.1", "no address", 1, "no address"),
        ("2001:db8:1:2:3:4:5:6", None, 0, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", None, 0, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", None, 0, "203.0.113.9"),
        (None, None, 0, "-"),
    ],
)
def test_whose_address_counts(peer: str | None, forwarded: str | None, hops: int, found: str) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"client": (peer, 1) if peer else None, "headers": headers}
    assert address_of(scope, hops) == found


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def slow(
    seller: make.Company, ticks: Ticks, keyring: Keyring, store: FileStore
) -> AsyncIterator[Callable[..., httpx2.AsyncClient]]:
    """Give a function that makes clients of an application with small limits and ticks of its own."""
    settings = Settings(sign_in_rate=20, page_rate=3)
    edge: Any = hundi_app.build(
        settings=settings, db=seller.db, clock=seller.clock, keyring=keyring, files=store, base_url="http://hundi.test"
    )
    edge.app.state.limits = Limits(sign_ins=20, pages=3, proxy_hops=0, ticks=ticks)
    async with make.http_clients(edge) as factory:
        yield lambda peer="203.0.113.9", **headers: factory(headers, peer)


def bearer(seller: make.Company) -> dict[str, str]:
    return {"Authorization": f"Bearer {seller.token(['owner'], seller.user_id)}"}


async def test_every_reply_tells_what_is_left(seller: make.Company, slow: Any) -> None:
    await seller.run("UPDATE api_clients SET rate_per_minute = 120, burst = 10 WHERE seller_id = $1")
    reply = await slow(**bearer(seller)).post("/api/v0/invoice/search", json={})
    assert reply.status_code == 200
    assert {name: reply.headers[name] for name in reply.headers if name.startswith("ratelimit")} == {
        "ratelimit-limit": "10", "ratelimit-remaining": "9", "ratelimit-reset": "1",
        "ratelimit-policy": "120;w=60;burst=10",
    }  # fmt: skip


async def test_a_client_over_its_limit_is_told_to_wait_and_nothing_happens(
    seller: make.Company, slow: Any, ticks: Ticks
) -> None:
    await seller.run("UPDATE api_clients SET rate_per_minute = 60, burst = 2 WHERE seller_id = $1")
    http = slow(**bearer(seller))
    replies = [await http.post("/api/v0/customer", json=make.customer_body()) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    refused = replies[2]
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert len(refused.headers.get_list("ratelimit-limit")) == 1
    error = refused.json()["errorResponse"]
    assert (error["errorType"], error["apiSubErrors"][0]["code"]) == ("CLIENT_REQUEST_ERROR", "TOO_MANY_REQUESTS")
    assert await seller.value("SELECT count(*) FROM customers WHERE seller_id = $1") == 2
    ticks.move(1)
    assert (await http.post("/api/v0/customer", json=make.customer_body())).status_code == 200


async def test_the_limit_is_the_clients_whoever_signed_in_and_not_its_companys(
    seller: make.Company, new_seller: Any, slow: Any
) -> None:
    await seller.run("UPDATE api_clients SET rate_per_minute = 60, burst = 1 WHERE seller_id = $1")
    stranger = await new_seller()
    mine = slow(**bearer(seller))
    other_user = slow(Authorization=f"Bearer {seller.token(['viewer'], 'usr_other')}")
    assert (await mine.post("/api/v0/invoice/search", json={})).status_code == 200
    assert (await other_user.post("/api/v0/invoice/search", json={})).status_code == 429
    assert (await slow(**bearer(stranger)).post("/api/v0/invoice/search", json={})).status_code == 200


async def test_bad_tokens_use_nobodys_limit_up(seller: make.Company, slow: Any) -> None:
    await seller.run("UPDATE api_clients SET rate_per_minute = 60, burst = 1 WHERE seller_id = $1")
    forged = slow(Authorization=bearer(seller)["Authorization"][:-2] + "xx")
    for _ in range(5):
        assert (await forged.post("/api/v0/invoice/search", json={})).status_code == 401
    assert (await slow(**bearer(seller)).post("/api/v0/invoice/search", json={})).status_code == 200


async def test_a_changed_limit_is_followed_within_a_minute(seller: make.Company, slow: Any, ticks: Ticks) -> None:
    http = slow(**bearer(seller))
    assert (await http.post("/api/v0/invoice/search", json={})).headers["ratelimit-limit"] == "20000"
    await seller.run("UPDATE api_clients SET rate_per_minute = 60, burst = 5 WHERE seller_id = $1")
    assert (await http.post("/api/v0/invoice/search", json={})).headers["ratelimit-limit"] == "20000"
    ticks.move(61)
    assert (await http.post("/api/v0/invoice/search", json={})).headers["ratelimit-limit"] == "5"
    path = f"/api/v0/admin/client/{seller.credentials.clientId}"
    assert (await http.patch(path, json={"burst": 7})).status_code == 200
    assert (await http.post("/api/v0/invoice/search", json={})).headers["ratelimit-limit"] == "7"


async def sign_in(http: httpx2.AsyncClient, seller: make.Company, username: str | None = None) -> httpx2.Response:
    made = seller.credentials
    basic = base64.b64encode(f"{made.clientId}:{made.clientSecret}".encode()).decode()
    form = {"grant_type": "password", "username": username or made.username, "password": made.password}
    return await http.post("/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"})


async def test_sign_ins_are_limited_by_name(seller: make.Company, slow: Any, ticks: Ticks) -> None:
    http = slow()
    replies = [await sign_in(http, seller) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json()["error"] == "slow_down"
    assert replies[2].json()["errorResponse"]["apiSubErrors"][0]["code"] == "TOO_MANY_SIGN_INS"
    assert replies[2].headers["retry-after"] == "30"
    assert replies[2].headers["cache-control"] == "no-store"
    assert (await sign_in(slow("198.51.100.7"), seller)).status_code == 429
    assert (await sign_in(http, seller, "somebody else")).status_code == 401
    ticks.move(30)
    assert (await sign_in(http, seller)).status_code == 200


async def test_sign_ins_are_limited_by_address_and_strangers_lock_nobody_out(seller: make.Company, slow: Any) -> None:
    http = slow()
    form = {"grant_type": "password", "username": seller.credentials.username, "password": "guess"}
    wrong = {"Authorization": "Basic " + base64.b64encode(b"cli_nobody:guess").decode()}
    replies = [await http.post("/oauth/token", data=form, headers=wrong) for _ in range(21)]
    assert [reply.status_code for reply in replies] == [401] * 20 + [429]
    # The name itself was never counted: who does not know a client's secret cannot use up somebody's sign-ins.
    assert (await sign_in(slow("198.51.100.7"), seller)).status_code == 200


async def test_hosted_pages_are_limited_by_address(seller: make.Company, slow: Any, ticks: Ticks) -> None:
    visitor = slow()
    paths = ["/i/" + "a" * 27, "/i/" + "a" * 27 + "/invoice.pdf", "/i/" + "b" * 27 + "/upi.svg", "/i/" + "a" * 27]
    replies = [await visitor.get(path) for path in paths]
    assert [reply.status_code for reply in replies] == [404, 404, 404, 429]
    assert "Too many requests" in replies[3].text
    assert replies[3].headers["content-type"].startswith("text/html")
    assert replies[3].headers["retry-after"] == "20"
    assert replies[3].headers["content-security-policy"].startswith("default-src 'none'")
    assert (await slow("198.51.100.7").get(paths[0])).status_code == 404
    ticks.move(20)
    assert (await visitor.get(paths[0])).status_code == 404
