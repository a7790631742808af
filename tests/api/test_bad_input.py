"""Bad input: every answer is a 4xx in the documented envelope that names the place, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

import make
from hundi.customers.schemas import CustomerCreate
from hundi.http.body import _flat, _list_item, _struct_in
from hundi.http.wire import Money, Quantity, WireDate, WireDateTime, metas
from hundi.invoices.schemas import InvoiceCreate, InvoicePatch
from hundi.invoices.search_schemas import InvoiceSearch

JSON = {"Content-Type": "application/json"}


def refused(reply: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """Check that a reply is a refusal in the envelope, and give its errorResponse."""
    assert reply.status_code in (statuses or (400,)), reply.text
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert body["response_code"] == 1
    error: dict[str, Any] = body["errorResponse"]
    assert body["response_message"] == error["errorMessage"]
    assert error["requestId"] == reply.headers["x-request-id"]
    assert error["errorType"] in {
        "CLIENT_REQUEST_ERROR", "VALIDATION_ERROR", "RECORD_NOT_FOUND", "UNPROCESSABLE_REQUEST", "INVALID_ACCESS",
    }  # fmt: skip
    assert error["errorMessage"]
    return error


def fields(reply: httpx2.Response, *statuses: int) -> set[str]:
    return {sub["field"] for sub in refused(reply, *statuses).get("apiSubErrors", [])}


def codes(reply: httpx2.Response, *statuses: int) -> set[str]:
    return {sub["code"] for sub in refused(reply, *statuses).get("apiSubErrors", [])}


async def raw(seller: make.Company, content: bytes, path: str = "/api/v0/invoice") -> httpx2.Response:
    return await seller.http.post(path, content=content, headers=JSON)


@pytest.fixture
async def customer(seller: make.Company) -> str:
    return await seller.customer()


# ------------------------------------------------------------------ not JSON, or not the JSON we take

NOT_JSON = {
    "empty": b"", "blanks": b" \n ", "text": b"hello", "cut": b'{"a": 1', "array": b"[]", "number": b"1", "null": b"null",
    "string": b'"x"', "true": b"true", "two": b"{} {}", "comma": b'{"a": 1,}', "single quotes": b"{'a': 1}",
    "not UTF-8": b'{"description": "\xff"}', "UTF-16": '{"a": 1}'.encode("utf-16"), "BOM": b"\xef\xbb\xbf{}",
    "raw surrogate": b'{"description": "\xed\xa0\x80"}', "raw NUL": b'{"description": "\x00"}',
    "NaN": b'{"baseAmount": NaN}', "Infinity": b'{"baseAmount": Infinity}', "-Infinity": b'{"baseAmount": -Infinity}',
    "digits": b'{"baseAmount": ' + b"9" * 5000 + b"}", "exponent": b'{"baseAmount": 1e99999999999999999999}',
    "leading zero": b'{"baseAmount": 01}', "deep arrays": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deep and cut": b"[" * 10_000,
    "duplicate": b'{"baseAmount": 1, "baseAmount": 2}', "nested duplicate": b'{"itemLists": [{"a": 1, "a": 2}]}',
    "NUL": b'{"description": "a\\u0000b"}', "half surrogate": b'{"description": "\\ud800"}',
    "NUL in a key": b'{"a\\u0000": 1}', "other half": b'{"itemLists": [{"unit": "\\udc00x"}]}',
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.parametrize("path", ["/api/v0/invoice", "/api/v0/customer", "/api/v0/invoice/search"])
async def test_bodies_that_cannot_be_read(seller: make.Company, name: str, path: str) -> None:
    error = refused(await raw(seller, NOT_JSON[name], path))
    assert error["errorType"] == "CLIENT_REQUEST_ERROR"
    if "duplicate" in name or name == "NUL" or ("surrogate" in name and "raw" not in name):
        assert error["apiSubErrors"][0]["field"] in {"baseAmount", "a", "description"}


async def test_patch_reads_bodies_as_strictly(seller: make.Company) -> None:
    made = await seller.invoice()
    for content in NOT_JSON.values():
        reply = await seller.http.patch(f"/api/v0/invoice/{made['invoiceId']}", content=content, headers=JSON)
        refused(reply)


async def test_sixty_four_levels_are_read_and_sixty_five_are_not(seller: make.Company, customer: str) -> None:
    body = make.invoice_body(customer)
    for depth, status in ((63, 200), (64, 400)):
        nested = b'{"unknown":' + b"[" * depth + b"]" * depth + b"," + json.dumps(body).encode()[1:]
        assert (await raw(seller, nested)).status_code == status


# ------------------------------------------------------------------ amounts and dates


@pytest.mark.parametrize("field", ["baseAmount", "cgst", "netAmount", "tds", "totalReceived", "balanceAmount"])
@pytest.mark.parametrize(
    "text", ["1e400", "-1", "-0.01", "100000000000000", "1" + "0" * 300, "1e15", '"100"', "true", "[1]", "{}", '"NaN"']
)
async def test_amounts_that_cannot_be(seller: make.Company, customer: str, field: str, text: str) -> None:
    body = json.dumps(make.invoice_body(customer) | {field: "@"}).replace('"@"', text)
    assert fields(await raw(seller, body.encode())) == {field}


@pytest.mark.parametrize("field", ["invoiceDate", "dueDate"])
@pytest.mark.parametrize(
    "value", ["31-02-2026", "2026-02-31", "31/12/2026", "2026-13-01", "1899-12-31", "2201-01-01", "", "tomorrow",
              "2026-12-01\n", " 2026-12-01", "2026-12-01T25:00:00", "2026-12-01T10:00:00+25:00", 20261201, True, [], {}],
)  # fmt: skip
async def test_dates_that_cannot_be(seller: make.Company, customer: str, field: str, value: Any) -> None:
    reply = await seller.http.post("/api/v0/invoice", json=make.invoice_body(customer) | {field: value})
    assert fields(reply) == {field}


@pytest.mark.parametrize(
    "value", ["KC0123456789ABCD\n", "kc0123456789abcd", "KC", "", "KC0123456789ABCDE", 1, None, {}]
)
async def test_customer_ids_that_cannot_be(seller: make.Company, value: Any) -> None:
    body = make.invoice_body("x") | {"customerId": value}
    reply = await seller.http.post("/api/v0/invoice", content=json.dumps(body).encode(), headers=JSON)
    assert fields(reply) == {"customerId"}
    assert "\\Z" not in reply.text


async def test_a_format_is_told_as_the_document_prints_it(seller: make.Company) -> None:
    reply = await seller.http.post("/api/v0/invoice", json=make.invoice_body("kc"))
    assert "^KC[A-Z0-9]{14}$" in refused(reply)["apiSubErrors"][0]["message"]


async def test_every_wrong_field_is_reported_at_once(seller: make.Company) -> None:
    body = {"customerId": 7, "baseAmount": "x", "dueDate": "x", "cgst": -1, "itemLists": [{"gstRate": "18"}, 3],
            "approvalStatus": "YES", "dispatchNow": "yes", "sellerId": "x" * 11}  # fmt: skip
    assert fields(await seller.http.post("/api/v0/invoice", json=body)) == {
        "customerId", "baseAmount", "dueDate", "cgst", "itemLists[0].gstRate", "itemLists[0].productDescription",
        "itemLists[0].assessmentAmount", "itemLists[1]", "approvalStatus", "dispatchNow", "sellerId",
    }  # fmt: skip


async def test_content_problems_are_reported_together(seller: make.Company, customer: str) -> None:
    body = make.invoice_body(
        customer, dueDate="2026-11-01", emailAddress="x@", mobileNumber="12", placeOfSupply="Atlantis", supplyType="X",
        registrationGstin="27AAAAA0000A1Z5", cgst=5, sgst=90, igst=90, invoiceNumber="a\nb",
    )  # fmt: skip
    assert fields(await seller.http.post("/api/v0/invoice", json=body)) == {
        "dueDate", "emailAddress", "mobileNumber", "placeOfSupply", "supplyType", "registrationGstin", "igst",
        "invoiceNumber",
    }  # fmt: skip


# ------------------------------------------------------------------ every field of every body, from the Structs


def wrong_values(kind: Any) -> list[Any]:
    """Give values of the wrong type and past the bounds for one field's type."""
    kinds = _flat(kind)
    plain = {k for k in kinds if isinstance(k, type)}
    found: list[Any] = []
    if str in plain:
        found += [7, True, ["x"]]
        longest = [meta.max_length for meta in metas(kind) if meta.max_length is not None]
        has_pattern = any(meta.pattern or "enum" in (meta.extra_json_schema or {}) for meta in metas(kind))
        assert longest or has_pattern, "every text has a bound"
        found += ["x" * (longest[0] + 1)] if longest else ["x" * 10_000]
    if bool in plain:
        found += ["true", 1, []]
    if int in plain:
        found += ["1", 1.5, 10**30, -(10**30), True]
    if plain & {WireDate, WireDateTime} or any(issubclass(k, WireDate | WireDateTime) for k in plain):
        found += [5, "x", "9" * 1000, []]
    if any(issubclass(k, Money | Quantity) for k in plain):
        found += ["1", True, 10**20, []]
    if any(hasattr(k, "__members__") for k in plain):
        found += ["NOT_ONE", 1, []]
    if _list_item(kind) is not None:
        longest = [meta.max_length for meta in metas(kind) if meta.max_length is not None]
        assert longest, "every list has a bound"
        found += ["x", 1, {}, [7.5]]
        found += [[good_item(_list_item(kind))] * (longest[0] + 1)]
    assert found, kind
    return found


def good_item(kind: Any) -> Any:
    struct = _struct_in(kind)
    if struct is not None:
        return {
            "productDescription": "x", "assessmentAmount": 1, "gstRate": 18, "deleted": False, "legalName": "x",
            "name": "x", "mobile": "",
        }  # fmt: skip
    enum = [k for k in _flat(kind) if hasattr(k, "__members__")]
    return next(iter(enum[0])).value if enum else "KC0123456789ABCD"


def cases(model: Any, under: str = "") -> list[Any]:
    """Give (field path, value) for every field of a body, those of its list items included."""
    found = []
    for field in msgspec.structs.fields(model):
        values = wrong_values(field.type)
        found += [
            pytest.param(under + field.name, value, id=f"{under}{field.name}-{at}") for at, value in enumerate(values)
        ]
        inner = _list_item(field.type)
        struct = _struct_in(inner) if inner is not None else None
        if struct is not None:
            found += cases(struct, f"{field.name}[0].")
    return found


async def try_one(seller: make.Company, method: str, url: str, body: dict[str, Any], path: str, value: Any) -> None:
    if "[0]." in path:
        outer, _, inner = path.partition("[0].")
        first = {
            "itemLists": {"productDescription": "x", "assessmentAmount": 1000, "gstRate": 18},
            "customerKeyContacts": make.contact_body(), "customerReminders": {},
        }[outer]  # fmt: skip
        body = body | {outer: [first | {inner: value}]}
    else:
        body = body | {path: value}
    reply = await seller.http.request(method, url, json=body)
    named = fields(reply)
    assert named, reply.text
    assert all(name == path or name.startswith((path + "[", path + ".")) for name in named), (path, value, named)


@pytest.mark.parametrize(("path", "value"), cases(InvoiceCreate))
async def test_every_field_of_create_invoice(seller: make.Company, path: str, value: Any) -> None:
    await try_one(seller, "POST", "/api/v0/invoice", make.invoice_body("KC0123456789ABCD"), path, value)


@pytest.mark.parametrize(("path", "value"), cases(CustomerCreate))
async def test_every_field_of_create_customer(seller: make.Company, path: str, value: Any) -> None:
    await try_one(seller, "POST", "/api/v0/customer", make.customer_body(), path, value)


@pytest.mark.parametrize(("path", "value"), cases(InvoiceSearch))
async def test_every_field_of_search(seller: make.Company, path: str, value: Any) -> None:
    await try_one(seller, "POST", "/api/v0/invoice/search", {}, path, value)


@pytest.mark.parametrize(("path", "value"), [c for c in cases(InvoicePatch) if c.values[1] != {}])
async def test_every_field_of_update_invoice(seller: make.Company, path: str, value: Any) -> None:
    await try_one(seller, "PATCH", "/api/v0/invoice/inv_x", {}, path, value)


@pytest.mark.parametrize("field", ["customerKeyContacts", "legalName"])
async def test_required_fields_of_a_customer(seller: make.Company, field: str) -> None:
    body = make.customer_body()
    del body[field]
    assert fields(await seller.http.post("/api/v0/customer", json=body)) == {field}
    assert fields(await seller.http.post("/api/v0/customer", json=body | {field: None})) == {field}


@pytest.mark.parametrize("field", ["deleted", "legalName", "mobile", "name"])
async def test_required_fields_of_a_contact(seller: make.Company, field: str) -> None:
    contact = make.contact_body()
    del contact[field]
    reply = await seller.http.post("/api/v0/customer", json=make.customer_body(customerKeyContacts=[contact]))
    assert fields(reply) == {f"customerKeyContacts[0].{field}"}


@pytest.mark.parametrize("field", ["baseAmount", "customerId", "dueDate"])
async def test_required_fields_of_an_invoice(seller: make.Company, field: str) -> None:
    body = make.invoice_body("KC0123456789ABCD")
    del body[field]
    assert fields(await seller.http.post("/api/v0/invoice", json=body)) == {field}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"legalName": "  "}, "legalName"), ({"panOrGstin": "27AAPFU0939F1ZX"}, "panOrGstin"), ({"panOrGstin": "X"}, "panOrGstin"),
        ({"state": "Atlantis"}, "state"), ({"pinCode": "01234"}, "pinCode"), ({"pinCode": "411001\n"}, "pinCode"),
        ({"contactNumber": "12345"}, "contactNumber"), ({"ifsc": "HDFC1000001"}, "ifsc"), ({"accountNumber": "12"}, "accountNumber"),
        ({"treatment": "FRIEND"}, "treatment"), ({"treatment": ""}, "treatment"), ({"treatment": "REGISTERED"}, "panOrGstin"),
        ({"shippingState": "??"}, "shippingState"), ({"shippingPinCode": "1"}, "shippingPinCode"), ({"tan": "X"}, "tan"),
        ({"udyamNumber": "X"}, "udyamNumber"), ({"udyamClass": "HUGE"}, "udyamClass"), ({"companyId": "CEK0000000"}, "companyId"),
        ({"customerKeyContacts": [make.contact_body(email="x")]}, "customerKeyContacts[0].email"),
        ({"customerKeyContacts": [make.contact_body(email=None)]}, "customerKeyContacts[0].email"),
        ({"customerKeyContacts": [make.contact_body(mobile="9820012345\n")]}, "customerKeyContacts[0].mobile"),
        ({"customerKeyContacts": [make.contact_body(name=" ")]}, "customerKeyContacts[0].name"),
        ({"customerReminders": [{"reminderType": "OFTEN"}]}, "customerReminders[0].reminderType"),
        ({"customerReminders": [{"reminderTime": "25:00"}]}, "customerReminders[0].reminderTime"),
    ],
)  # fmt: skip
async def test_particulars_of_a_customer(seller: make.Company, change: dict[str, Any], field: str) -> None:
    assert fields(await seller.http.post("/api/v0/customer", json=make.customer_body(**change))) == {field}


async def test_empty_texts_are_as_good_as_none(seller: make.Company) -> None:
    empty = dict.fromkeys(
        ("ifsc", "accountNumber", "contactNumber", "pinCode", "shippingPinCode", "tan", "udyamNumber", "udyamClass",
         "panOrGstin", "uniqueRefNo", "companyId", "shippingState"), "",
    )  # fmt: skip
    body = make.customer_body(**empty, customerReminders=[{"reminderType": "", "reminderTime": ""}])
    for _ in range(2):
        reply = await seller.http.post("/api/v0/customer", json=body)
        assert reply.status_code == 200, reply.text
        assert not set(empty) & set(reply.json()["payload"])


# ------------------------------------------------------------------ size, content type, method, path, parameters


async def test_a_body_over_ten_megabytes(seller: make.Company) -> None:
    content = b'{"description": "' + b"x" * (11 * 1024 * 1024) + b'"}'
    error = refused(await raw(seller, content), 413)
    assert error["errorType"] == "CLIENT_REQUEST_ERROR"


async def test_a_body_over_ten_megabytes_without_a_length(seller: make.Company) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        yield b'{"description": "'
        for _ in range(11):
            yield b"x" * 1024 * 1024
        yield b'"}'

    for path in ("/api/v0/invoice", "/api/v0/customer", "/oauth/token"):
        headers = JSON if "api" in path else {"Content-Type": "application/x-www-form-urlencoded"}
        reply = await seller.http.post(path, content=blocks(), headers=headers)
        assert "10 MiB" in refused(reply, 413)["errorMessage"]


async def test_a_body_without_a_length_is_read(seller: make.Company) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for byte in json.dumps(make.customer_body()).encode():
            yield bytes([byte])

    assert (await seller.http.post("/api/v0/customer", content=blocks(), headers=JSON)).status_code == 200


async def test_a_length_of_thousands_of_digits(seller: make.Company) -> None:
    headers = JSON | {"Content-Length": "9" * 5000}
    refused(await seller.http.post("/api/v0/customer", content=b"{}", headers=headers), 413)


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/x-msgpack", "image/png", "nonsense"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v0/invoice", "/api/v0/customer", "/api/v0/invoice/search"])
async def test_a_wrong_content_type(seller: make.Company, kind: str, path: str) -> None:
    before = await seller.value("SELECT count(*) FROM customers WHERE seller_id = $1")
    content = json.dumps(make.customer_body()).encode()
    reply = await seller.http.post(path, content=content, headers={"Content-Type": kind})
    refused(reply, 415)
    assert await seller.value("SELECT count(*) FROM customers WHERE seller_id = $1") == before


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON", ""])
async def test_json_by_any_spelling_of_its_name(seller: make.Company, kind: str) -> None:
    content = json.dumps(make.customer_body()).encode()
    assert (
        await seller.http.post("/api/v0/customer", content=content, headers={"Content-Type": kind})
    ).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/v0/invoice"), ("PUT", "/api/v0/invoice/x"), ("GET", "/oauth/token"), ("POST", "/healthz"),
     ("HEAD", "/oauth/token"), ("TRACE", "/api/v0/invoice"), ("PATCH", "/api/v0/customer")],
)  # fmt: skip
async def test_a_wrong_method(seller: make.Company, method: str, path: str) -> None:
    reply = await seller.http.request(method, path)
    assert reply.status_code == 405, reply.text
    assert reply.headers["x-request-id"]
    if method != "HEAD":
        refused(reply, 405)


async def test_options_tells_the_methods(client: httpx2.AsyncClient) -> None:
    reply = await client.options("/api/v0/invoice/x")
    assert reply.status_code == 204
    assert {"GET", "OPTIONS"} <= {name.strip() for name in reply.headers["allow"].split(",")}


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v0/nothing", "/api/v0/invoice/x/y/z", "/oauth/token/x", "/%00", "/%ff", "/../etc/passwd"],
)
async def test_a_wrong_path(seller: make.Company, path: str) -> None:
    refused(await seller.http.get(path), 404)


@pytest.mark.parametrize(
    "identifier",
    ["x", "inv_" + "0" * 32, "%00", "a%00b", "%ff", "%ED%A0%80", "%2e%2e", "%F0%9F%92%A9", "x" * 5000, "'; drop table", "%27%20or%201=1"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["invoice", "customer"])
async def test_ids_that_are_nobodys(seller: make.Company, identifier: str, kind: str) -> None:
    reply = await seller.http.get(f"/api/v0/{kind}/{identifier}")
    refused(reply, 400, 404)
    if kind == "invoice":
        refused(await seller.http.patch(f"/api/v0/{kind}/{identifier}", json={"description": "x"}), 400, 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=-1", "limit"), ("limit=5001", "limit"), ("limit=ten", "limit"), ("limit=1.5", "limit"),
     ("limit=", "limit"), ("limit=" + "9" * 400, "limit"), ("limit=%00", "limit"), ("offset=-1", "offset"),
     ("offset=" + "9" * 30, "offset"), ("direction=asc", "direction"), ("direction=UP", "direction"),
     ("sellerId=x", "sellerId"), ("sellerId=", "sellerId"), ("sellerId=CEK0000000%0A", "sellerId"),
     ("sellerId=CEK0000000&sellerId=CEK0000001", "sellerId"), ("sellerId=CEK0000000&companyId=CEK0000001", "sellerId")],
)  # fmt: skip
async def test_parameters_that_cannot_be(seller: make.Company, query: str, field: str) -> None:
    reply = await seller.http.post(f"/api/v0/invoice/search?{query}", json={})
    assert field in fields(reply)
    assert all(sub["message"].startswith(("Send", "Name")) for sub in refused(reply)["apiSubErrors"]), reply.text


async def test_unknown_parameters_and_fields_are_ignored(seller: make.Company, customer: str) -> None:
    body = make.invoice_body(customer) | {"unknownField": {"deep": [1, None]}, "ctgs": 5}
    assert (await seller.http.post("/api/v0/invoice?debug=1", json=body)).status_code == 200


async def test_nothing_is_written_by_a_refusal(seller: make.Company, customer: str) -> None:
    tables = ("invoices", "invoice_entries", "events", "audit_log", "idempotency_keys", "number_counters")
    before = {t: await seller.value(f"SELECT count(*) FROM {t} WHERE seller_id = $1") for t in tables}
    bodies = [
        make.invoice_body(customer, dueDate="2026-01-01"), make.invoice_body("KC" + "0" * 14),
        make.invoice_body(customer, netAmount=5), make.invoice_body(customer, registrationGstin=make.gstin()),
    ]  # fmt: skip
    for at, body in enumerate(bodies):
        reply = await seller.http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": f"k{at}"})
        refused(reply, 400, 404, 422)
    assert {t: await seller.value(f"SELECT count(*) FROM {t} WHERE seller_id = $1") for t in tables} == before
