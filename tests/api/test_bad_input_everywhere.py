"""Bad input to every operation, made from the served OpenAPI document: a clear 4xx that names the field, never a 500.

tests/api/test_bad_input.py has what is particular to one operation, and every field of the bodies it names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from test_bad_input import fields, refused
from test_openapi import plain
from test_tenancy import CALLS, NAMED, objects

import make

# Every field of these bodies is tried in test_bad_input.
ELSEWHERE = {"createInvoice", "createCustomer", "searchCollectionInvoices", "updateInvoice"}
# Names for the ids a call is made with, to see which operations take a JSON body.
ANY: defaultdict[str, str] = defaultdict(lambda: "x")
WITH_BODY = sorted(name for name, call in CALLS.items() if "json" in call(ANY)[2])
MILLION = 1_000_000
VERSIONED = [
    "updateCustomer", "activateCustomer", "deactivateCustomer", "deleteCustomerByCustomerId", "updateInvoice",
    "approveInvoice", "rejectInvoice", "writeOffInvoice", "disputeInvoice", "cancelInvoice", "reinstateInvoice",
]  # fmt: skip


KEPT: list[tuple[make.Company, dict[str, str]]] = []


@pytest.fixture
async def kept(new_seller: Any, http_factory: Any) -> tuple[make.Company, dict[str, str]]:
    """Give one company with one object of each kind, for all tests whose every request is refused."""
    if not KEPT:
        company = await new_seller()
        KEPT.append((company, await objects(company)))
    company, at = KEPT[0]
    company.clients.clear()
    company.http_factory = http_factory
    return company, at


def operation(served: dict[str, Any], name: str) -> dict[str, Any]:
    found = [one for item in served["paths"].values() for one in item.values() if one["operationId"] == name]
    assert len(found) == 1, name
    only: dict[str, Any] = found[0]
    return only


def body_schema(served: dict[str, Any], name: str) -> dict[str, Any]:
    return plain(served, operation(served, name)["requestBody"]["content"]["application/json"]["schema"])


def wrong(schema: dict[str, Any]) -> Iterator[Any]:
    """Give values that do not fit a schema: of another type, too long, too large, or not one of its names."""
    kind = schema.get("type")
    if kind == "string":
        yield from (7, True, ["x"], {"a": 1})
        if "maxLength" in schema:
            yield "x" * (schema["maxLength"] + 1)
        if "enum" in schema:
            yield "NOT_ONE"
        if "pattern" in schema and not re.search(schema["pattern"], "\x7f"):
            yield "\x7f"
        if schema.get("format") in {"date", "date-time"}:
            yield from ("x", "2026-02-30", "9" * 1000)
    elif kind == "boolean":
        yield from ("true", 1, [])
    elif kind == "integer":
        yield from ("1", 1.5, True, 10**30, -(10**30), [])
    elif kind == "number":
        yield from ("1", True, 10**20, [])
    elif kind == "object":
        yield from ("x", 1, True, [])
    elif kind == "array":
        yield from ("x", 1, {"a": 1}, [7.5])
        if "maxItems" in schema:
            yield ["x"] * (schema["maxItems"] + 1)


async def send(http: httpx2.AsyncClient, name: str, at: dict[str, str], field: str, value: Any) -> httpx2.Response:
    method, path, more = CALLS[name](at)
    return await http.request(method, path, **{**more, "json": more["json"] | {field: value}})


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name not in ELSEWHERE])
async def test_every_field_of_every_body(served: dict[str, Any], kept: Any, name: str) -> None:
    seller, at = kept
    schema = body_schema(served, name)
    assert schema["properties"]
    for field, inner in schema["properties"].items():
        tried = 0
        for value in wrong(plain(served, inner)):
            tried += 1
            reply = await send(seller.http, name, at, field, value)
            assert reply.status_code in {400, 422}, (field, value, reply.text)
            named = fields(reply, 400, 422)
            assert all(one == field or one.startswith((f"{field}[", f"{field}.")) for one in named), (
                field,
                value,
                named,
            )
        assert tried, f"{field} is of a kind this test does not know"


@pytest.mark.parametrize("name", WITH_BODY)
async def test_what_is_required_is_asked_for(served: dict[str, Any], kept: Any, new_seller: Any, name: str) -> None:
    required = set(body_schema(served, name).get("required", []))
    seller, at = kept
    if not required:
        # Something may come of a body with nothing in it.
        seller = await new_seller()
        at = await objects(seller)
    method, path, _ = CALLS[name](at)
    reply = await seller.http.request(method, path, json={})
    if required:
        assert required <= fields(reply)
    else:
        assert reply.status_code < 500
    for body in ([], None, "x", 7):
        refused(await seller.http.request(method, path, json=body))


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name not in {"createInvoice", "createCustomer"}])
async def test_a_million_elements(served: dict[str, Any], kept: Any, name: str) -> None:
    """A list of a million is refused by its length; where nothing is a list, an unknown one is passed over."""
    seller, at = kept
    lists = [f for f, s in body_schema(served, name)["properties"].items() if plain(served, s).get("type") == "array"]
    for field in lists[:1]:
        named = fields(await send(seller.http, name, at, field, ["x"] * MILLION))
        assert {one.partition("[")[0] for one in named} == {field}


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_every_parameter(served: dict[str, Any], kept: Any, name: str) -> None:
    seller, at = kept
    method, path, more = CALLS[name](at)
    for parameter in operation(served, name).get("parameters", []):
        if parameter["in"] != "query":
            continue
        field, schema = parameter["name"], plain(served, parameter["schema"])
        values = ["ten", "1.5", "", "9" * 400, "-1", "%00"] if "integer" in schema.get("type", "") else []
        values += ["NOT_ONE", ""] if "enum" in schema else []
        values += ["x" * 3000, "x", "%00"] if field == "cursor" else []
        values += ["x", "CEK0000000%0A"] if field in {"sellerId", "parentCompanyId", "companyId"} else []
        for value in values:
            reply = await seller.http.request(method, f"{path}?{field}={value}", **more)
            assert fields(reply) == {field}, (field, value)


@pytest.mark.parametrize("name", sorted(NAMED))
async def test_ids_that_are_nobodys(kept: Any, name: str) -> None:
    seller, at = kept
    unknown = {
        "invoice": "inv_" + "0" * 32, "waiting": "inv_x", "paid": "inv_x", "customer": "KC" + "0" * 14,
        "idle": "KC" + "0" * 14,
    }  # fmt: skip
    for strange in (dict.fromkeys(at, "x_unknown") | unknown, dict.fromkeys(at, "x" * 3000)):
        method, path, more = CALLS[name](strange)
        if path != CALLS[name](at)[1] or more != CALLS[name](at)[2]:
            refused(await seller.http.request(method, path, **more), 400, 404, 422)


@pytest.mark.parametrize("name", VERSIONED)
async def test_a_stale_version_changes_nothing(served: dict[str, Any], kept: Any, name: str) -> None:
    seller, at = kept
    assert "412" in operation(served, name)["responses"]
    method, path, more = CALLS[name](at)
    before = await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1")
    for tag in ('"999"', 'W/"1"', '"x"'):
        reply = await seller.http.request(method, path, **more, headers={"If-Match": tag})
        assert fields(reply, 412) == {"If-Match"}
    for tag in ("1", '"', "", '"1" "2"', '"1",' * 50, "x" * 2000):
        assert fields(await seller.http.request(method, path, **more, headers={"If-Match": tag})) == {"If-Match"}
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1") == before


async def test_exactly_those_that_take_a_version_say_412(served: dict[str, Any]) -> None:
    for item in served["paths"].values():
        for one in item.values():
            takes = any(parameter["name"] == "If-Match" for parameter in one.get("parameters", []))
            assert takes == ("412" in one["responses"]) == (one["operationId"] in VERSIONED), one["operationId"]


CURSORS = {
    "searchCollectionInvoices": ("POST", "/api/v0/invoice/search"), "searchCustomer": ("POST", "/api/v0/customer/search"),
    "searchAudit": ("GET", "/api/v0/audit"), "getVoidedNumbers": ("GET", "/api/v0/series/voided"),
    "getInvoicesWaitingForMe": ("GET", "/api/v0/approval/waiting"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["searchCollectionInvoices", "searchCustomer", "searchAudit"])
async def test_a_cursor_that_was_tampered_with(seller: make.Company, name: str) -> None:
    for _ in range(3):
        await seller.invoice()
    method, path = CURSORS[name]
    body = {"json": {}} if method == "POST" else {}
    first = await seller.http.request(method, f"{path}?limit=1", **body)
    good = first.json()["payload"]["next_cursor"]
    assert (await seller.http.request(method, f"{path}?limit=1&cursor={good}", **body)).status_code == 200
    middle = len(good) // 2
    for bad in (
        good[:-1],
        good + "A",
        good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :],
        good[::-1],
    ):
        assert fields(await seller.http.request(method, f"{path}?limit=1&cursor={bad}", **body)) == {"cursor"}
