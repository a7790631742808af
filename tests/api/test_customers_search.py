"""searchCustomer (contract §3.4): every filter, orders, pages by offset and by cursor."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import make
from hundi.customers import search
from hundi.db.embedded import Urls

PATH = "/api/v0/customer/search"


async def found(seller: make.Company, query: str = "", **filters: Any) -> dict[str, Any]:
    reply = await seller.http.post(f"{PATH}{query}", json=filters)
    assert reply.status_code == 200, reply.text
    payload: dict[str, Any] = reply.json()["payload"]
    return payload


async def names(seller: make.Company, query: str = "", **filters: Any) -> set[str]:
    payload = await found(seller, query, **filters)
    assert payload["total_count"] == len(payload["data"])
    return {row["legalName"] for row in payload["data"]}


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(e["field"], e["code"]) for e in reply.json()["errorResponse"]["apiSubErrors"]]


@pytest.fixture
async def three(seller: make.Company, clock: make.MovedClock) -> dict[str, str]:
    """Give three customers, twenty minutes apart: their ids by name."""
    made = {}
    made["Ashoka Steel"] = await seller.customer(
        legalName="Ashoka Steel", tradeName="Sunrise_50%", panOrGstin="ABCPE1234F", state="Goa", uniqueRefNo="R-1",
        accountNumber="AB1234567890", assignedAgent="Meera", contactNumber="+91 9820000001", customerCompanyId="C-1",
        customerKeyContacts=[make.contact_body(email="Asha@Example.com", mobile="9820011111")],
    )  # fmt: skip
    clock.move(minutes=20)
    made["Bharat Glass"] = await seller.customer(
        legalName="Bharat Glass", panOrGstin=make.gstin("29", pan="AAACB2222C"), state=None, accountNumber="ZZ000000001",
        customerKeyContacts=[make.contact_body(email="b@example.com", mobile="", mail_enabled=False)],
    )  # fmt: skip
    clock.move(minutes=20)
    made["चेन्नई Traders"] = await seller.customer(legalName="चेन्नई Traders", customerKeyContacts=[])
    return made


A, B, C = "Ashoka Steel", "Bharat Glass", "चेन्नई Traders"


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, {A, B, C}), ({"name": "steel"}, {A}), ({"name": "sunrise"}, {A}), ({"name": "SUNRISE_50%"}, {A}),
        ({"name": "%"}, {A}), ({"name": "_"}, {A}), ({"name": "zzz"}, set()), ({"name": "a"}, {A, B, C}),
        ({"name": "चेन्नई"}, {C}), ({"legalName": "sunrise"}, set()), ({"legalName": "GLASS"}, {B}),
        ({"legalName": "\\"}, set()), ({"legalName": "' OR 1=1 --"}, set()), ({"name": "  "}, {A, B, C}),
        ({"accountNumber": "ab1234567890"}, {A}), ({"accountNumber": "1234567890"}, set()),
        ({"accountNumber": "ZZ000000001"}, {B}), ({"accountNumber": ""}, {A, B, C}),
        ({"assignedAgent": "Meera"}, {A}), ({"assignedAgent": "meera"}, set()),
        ({"email": "asha@example.COM"}, {A}), ({"email": "b@example.com"}, {B}), ({"email": "sha@example.com"}, set()),
        ({"phone": "9820000001"}, {A}), ({"phone": "+91 9820011111"}, {A}), ({"phone": "0091-9820000001"}, {A}),
        ({"phone": "9999999999"}, set()), ({"panOrGstin": "abcpe1234f"}, {A}), ({"panOrGstin": "AAACB2222C"}, {B}),
        ({"state": "KA"}, {B}), ({"state": "Goa"}, {A}), ({"state": "30"}, {A}), ({"uniqueRefNo": "R-1"}, {A}),
        ({"customerCompanyId": "C-1"}, {A}), ({"hasKeyContacts": True}, {A}), ({"hasKeyContacts": False}, {B, C}),
        ({"customerStatus": "ACTIVE"}, {A, B, C}), ({"customerStatus": "INACTIVE"}, set()),
        ({"customerDeleted": False}, {A, B, C}), ({"customerDeleted": True}, set()), ({"customerIds": []}, {A, B, C}),
        ({"customerIds": ["KC0123456789ABCD"]}, set()),
        ({"createdOnFrom": "2026-11-16 10:10:00"}, {B, C}), ({"createdOnTo": "2026-11-16 10:10:00"}, {A}),
        ({"createdOnFrom": "2026-11-16 10:10:00", "createdOnTo": "2026-11-16T05:00:00Z"}, {B}),
        ({"name": "steel", "state": "KA"}, set()), ({"name": "steel", "state": "Goa", "phone": "9820000001"}, {A}),
        ({"unknown": "ignored"}, {A, B, C}),
    ],
)  # fmt: skip
async def test_a_filter_finds_what_it_says(
    seller: make.Company, three: dict[str, str], filters: dict[str, Any], wanted: set[str]
) -> None:
    assert await names(seller, **filters) == wanted


async def test_by_id_status_and_deletion(seller: make.Company, three: dict[str, str], new_seller: Any) -> None:
    assert await names(seller, customerIds=[three[A], three[B]]) == {A, B}
    await seller.http.put(f"/api/v0/customer/deactivate/{three[B]}")
    assert await names(seller, customerStatus="INACTIVE") == {B}
    await seller.http.delete(f"/api/v0/customer/{three[C]}")
    assert await names(seller) == {A, B}
    assert await names(seller, customerDeleted=True) == {C}
    payload = await found(seller, customerDeleted=True)
    assert payload["data"][0]["customerDeleted"] is True
    assert "customerDeleted" not in (await found(seller))["data"][0]
    assert await names(await new_seller(), customerIds=list(three.values())) == set()


async def test_a_removed_contact_finds_nobody(seller: make.Company, three: dict[str, str]) -> None:
    contacts = (await seller.http.get(f"/api/v0/customer/{three[A]}/contacts")).json()["payload"]["data"]
    gone = {"keyContactPersonId": contacts[0]["keyContactPersonId"], "deleted": True}
    await seller.http.patch(f"/api/v0/customer/{three[A]}", json={"customerKeyContacts": [gone]})
    assert await names(seller, email="asha@example.com") == set()
    assert await names(seller, phone="9820011111") == set()


async def test_what_is_found_is_what_get_shows(seller: make.Company, three: dict[str, str]) -> None:
    await seller.http.post(f"/api/v0/customer/{three[A]}/reminder", json={"reminderType": "ONCE"})
    await seller.invoice(three[A])
    payload = await found(seller)
    for row in payload["data"]:
        assert row == (await seller.http.get(f"/api/v0/customer/{row['customerId']}")).json()["payload"]
    assert next(r for r in payload["data"] if r["legalName"] == A)["customerReminders"][0]["nextRunOn"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", [C, B, A]), ("?direction=ASC", [A, B, C]), ("?orderBy=createdOn&direction=DESC", [C, B, A]),
        ("?orderBy=legalName&direction=ASC", [A, B, C]), ("?orderBy=legalName", [C, B, A]),
        ("?orderBy=modifiedOn", [A, C, B]), ("?limit=2", [C, B]), ("?limit=2&offset=2", [A]), ("?offset=9", []),
    ],
)  # fmt: skip
async def test_orders_and_pages(seller: make.Company, three: dict[str, str], query: str, wanted: list[str]) -> None:
    await seller.http.patch(f"/api/v0/customer/{three[A]}", json={"address": "New"})
    payload = await found(seller, query)
    assert [row["legalName"] for row in payload["data"]] == wanted
    assert payload["total_count"] == 3


@pytest.mark.parametrize(
    ("query", "body", "field", "code"),
    [
        ("?limit=0", {}, "limit", "BAD_PARAMETER"), ("?limit=5001", {}, "limit", "BAD_PARAMETER"),
        ("?limit=x", {}, "limit", "BAD_PARAMETER"), ("?offset=-1", {}, "offset", "BAD_PARAMETER"),
        ("?orderBy=password", {}, "orderBy", "BAD_PARAMETER"), ("?direction=desc", {}, "direction", "BAD_PARAMETER"),
        ("?cursor=abc", {}, "cursor", "BAD_CURSOR"), ("?cursor=%F0%9F%98%80", {}, "cursor", "BAD_CURSOR"),
        ("?cursor=", {}, "cursor", "BAD_CURSOR"),
        ("", {"phone": "12"}, "phone", "BAD_FORMAT"), ("", {"panOrGstin": "27"}, "panOrGstin", "PAN_OR_GSTIN_FORMAT"),
        ("", {"state": "Atlantis"}, "state", "STATE_UNKNOWN"), ("", {"customerStatus": "GONE"}, "customerStatus", "UNKNOWN_VALUE"),
        ("", {"customerIds": ["KC1"]}, "customerIds[0]", "BAD_FORMAT"), ("", {"customerIds": "KC1"}, "customerIds", "WRONG_TYPE"),
        ("", {"customerIds": ["KC0123456789ABCD"] * 5001}, "customerIds", "BAD_LENGTH"),
        ("", {"createdOnFrom": "yesterday"}, "createdOnFrom", "DATE_FORMAT"), ("", {"name": 5}, "name", "WRONG_TYPE"),
        ("", {"name": "x" * 201}, "name", "BAD_LENGTH"), ("", {"customerDeleted": "yes"}, "customerDeleted", "WRONG_TYPE"),
        ("", {"accountNumber": "x" * 37}, "accountNumber", "BAD_LENGTH"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_named(
    seller: make.Company, query: str, body: dict[str, Any], field: str, code: str
) -> None:
    reply = await seller.http.post(f"{PATH}{query}", json=body)
    assert reply.status_code == 400, reply.text
    assert errors(reply) == [(field, code)]


async def test_all_that_is_wrong_is_named(seller: make.Company) -> None:
    body = {"phone": "1", "state": "X1", "createdOnFrom": "2026-11-17", "createdOnTo": "2026-11-16"}
    reply = await seller.http.post(PATH, json=body)
    assert errors(reply) == [
        ("phone", "BAD_FORMAT"), ("state", "STATE_UNKNOWN"), ("createdOnFrom", "EMPTY_RANGE"), ("createdOnTo", "EMPTY_RANGE"),
    ]  # fmt: skip
    reply = await seller.http.post(f"{PATH}?orderBy=password", json={})
    assert "createdOn or modifiedOn or legalName" in reply.json()["response_message"]


# ------------------------------------------------------------------ cursors


async def walk(seller: make.Company, query: str, **filters: Any) -> list[str]:
    ids: list[str] = []
    payload = await found(seller, query, **filters)
    while True:
        ids += [row["customerId"] for row in payload["data"]]
        if "next_cursor" not in payload:
            return ids
        payload = await found(seller, f"{query}&cursor={payload['next_cursor']}", **filters)


@pytest.mark.parametrize("order", ["createdOn", "modifiedOn", "legalName"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_a_cursor_walks_the_whole_list(seller: make.Company, order: str, direction: str) -> None:
    # Of one name, so that the id alone tells some of them apart.
    for at in range(7):
        await seller.customer(legalName=("Same Name" if at % 2 else f"Name {at}"))
    whole = [r["customerId"] for r in (await found(seller, f"?orderBy={order}&direction={direction}"))["data"]]
    assert len(whole) == 7
    for limit in (1, 2, 3, 7):
        assert await walk(seller, f"?orderBy={order}&direction={direction}&limit={limit}") == whole


async def test_a_cursor_neither_skips_nor_repeats_while_customers_are_made(seller: make.Company) -> None:
    first = [await seller.customer() for _ in range(12)]
    seen: list[str] = []
    payload = await found(seller, "?limit=3")
    while True:
        seen += [row["customerId"] for row in payload["data"]]
        await asyncio.gather(*(seller.customer() for _ in range(3)))
        if "next_cursor" not in payload:
            break
        payload = await found(seller, f"?limit=3&cursor={payload['next_cursor']}")
    assert seen == first[::-1], "newest first; what was born later lies before the page"


async def test_a_cursor_holds_for_its_own_query_only(seller: make.Company, new_seller: Any) -> None:
    for _ in range(3):
        await seller.customer()
    cursor = (await found(seller, "?limit=1", customerStatus="ACTIVE"))["next_cursor"]
    assert (await found(seller, f"?limit=2&cursor={cursor}", customerStatus="ACTIVE"))["data"]
    stranger = await new_seller()
    await stranger.customer()
    for http, query, body in (
        (seller.http, "", {}), (seller.http, "", {"customerStatus": "INACTIVE"}),
        (seller.http, "&direction=ASC", {"customerStatus": "ACTIVE"}),
        (seller.http, "&orderBy=legalName", {"customerStatus": "ACTIVE"}),
        (stranger.http, "", {"customerStatus": "ACTIVE"}),
    ):  # fmt: skip
        reply = await http.post(f"{PATH}?cursor={cursor}{query}", json=body)
        assert (reply.status_code, errors(reply)) == (400, [("cursor", "BAD_CURSOR")])
    broken = ("A" if cursor[10] != "A" else "B").join((cursor[:10], cursor[11:]))
    reply = await seller.http.post(f"{PATH}?cursor={broken}", json={"customerStatus": "ACTIVE"})
    assert errors(reply) == [("cursor", "BAD_CURSOR")]
    reply = await seller.http.post(f"{PATH}?cursor={cursor}&offset=1", json={"customerStatus": "ACTIVE"})
    assert errors(reply) == [("offset", "CURSOR_AND_OFFSET")]


async def test_above_what_is_counted_the_total_is_an_estimate(
    seller: make.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await seller.customer()
    assert "total_count_estimated" not in await found(seller)
    monkeypatch.setattr(search, "MOST_COUNTED", 2)
    payload = await found(seller, legalName="konkan")
    assert payload["total_count_estimated"] is True
    assert payload["total_count"] >= 3


@given(
    body=st.dictionaries(
        st.sampled_from(["name", "legalName", "email", "assignedAgent", "uniqueRefNo", "state", "phone", "panOrGstin", "accountNumber"]),
        st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    )
)  # fmt: skip
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_text_breaks_a_search(seller: make.Company, body: dict[str, str]) -> None:
    reply = await seller.http.post(PATH, json=body)
    assert reply.status_code in {200, 400}, reply.text


async def test_searches_stand_on_indexes(seller: make.Company, database_urls: Urls) -> None:
    """As the app sees them: under row-level security only leakproof conditions get into an index."""
    await seller.run(
        """INSERT INTO customers (seller_id, customer_id, legal_name, treatment, pan, account_hash, created_at, created_by,
                  modified_at, modified_by)
           SELECT $1, 'KC' || lpad(n::text, 14, '0'), 'Firm ' || n, 'UNREGISTERED', 'ABCPE' || lpad(n::text, 4, '0') || 'F',
                  sha256(n::text::bytea), timestamptz '2026-01-01' + n * interval '1 minute', 'x',
                  timestamptz '2026-01-01' + n * interval '1 hour', 'x'
             FROM generate_series(1, 3000) n"""
    )
    owner = await asyncpg.connect(database_urls.owner)
    await owner.execute("ANALYZE customers")
    await owner.close()
    after = "SELECT 1 FROM customers WHERE seller_id = $1 AND deleted_at IS NULL AND ({0}, customer_id) < (now(), 'KC') ORDER BY {0} DESC, customer_id DESC LIMIT 50"
    async with seller.db.read(seller.seller_id) as tx:
        for statement, index in (
            ("SELECT 1 FROM customers WHERE seller_id = $1 AND pan = 'ABCPE0007F'", "customers_by_pan"),
            ("SELECT 1 FROM customers WHERE seller_id = $1 AND account_hash = ANY (ARRAY[sha256('7')])", "customers_by_account"),
            (after.format("created_at"), "customers_by_created"), (after.format("modified_at"), "customers_by_modified"),
        ):  # fmt: skip
            plan = "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN {statement}", seller.seller_id))
            assert index in plan, plan
            assert "Sort" not in plan, plan
