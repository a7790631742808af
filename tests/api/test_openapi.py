"""The served OpenAPI document against the facts of the contract in tests/contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import make
from hundi.http.description import component_name, finished

CONTRACT = Path(__file__).parents[1] / "contract"
FACTS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(CONTRACT.glob("*.json"))}


def every_schema(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from every_schema(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from every_schema(inner)


def plain(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references and fold both spellings of nullable into one: ``nullable: true`` of 3.0, a union of 3.1."""
    if "$ref" in schema:
        return plain(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    parts = schema.get("oneOf", schema.get("allOf", schema.get("anyOf", [])))
    kept = [part for part in parts if part != {"type": "null"}]
    if len(kept) == 1:
        rest = {key: value for key, value in schema.items() if key not in {"oneOf", "allOf", "anyOf"}}
        return plain(document, kept[0]) | rest | ({"nullable": True} if len(kept) < len(parts) else {})
    return schema


def differences(
    facts: dict[str, Any], fact: dict[str, Any], served: dict[str, Any], schema: dict[str, Any], at: str
) -> list[str]:
    """List where a served schema does not keep what the contract prints; more fields are allowed, others are not."""
    fact, schema = plain(facts, fact), plain(served, schema)
    found = [
        f"{at}: {key} is {schema.get(key)!r}, not {fact[key]!r}"
        for key in ("type", "format", "pattern", "minimum", "maximum", "nullable", "description")
        if key in fact and fact[key] != schema.get(key)
    ]
    if "nullable" in schema and "nullable" not in fact:
        found.append(f"{at}: nullable")
    if "enum" in fact and sorted(fact["enum"]) != sorted(schema.get("enum", [])):
        found.append(f"{at}: enum is {schema.get('enum')}")
    if not set(fact.get("x-includes", [])) <= set(schema.get("enum", [])):
        found.append(f"{at}: enum is {schema.get('enum')}")
    for name, inner in fact.get("properties", {}).items():
        if name not in schema.get("properties", {}):
            found.append(f"{at}.{name}: missing")
        else:
            found += differences(facts, inner, served, schema["properties"][name], f"{at}.{name}")
    if "items" in fact:
        found += differences(facts, fact["items"], served, schema.get("items", {}), f"{at}[]")
    return found


def binary(schema: dict[str, Any]) -> dict[str, Any]:
    """Write a file of 3.0 as 3.1 does."""
    text = json.dumps(schema).replace('"format": "binary"', '"contentMediaType": "application/octet-stream"')
    found: dict[str, Any] = json.loads(text)
    return found


def body_differences(
    facts: dict[str, Any], fact: dict[str, Any], served: dict[str, Any], body: dict[str, Any]
) -> list[str]:
    """Compare the bodies, and what of them is required: no more than is printed, but where the page was cut."""
    found = []
    for kind, content in fact.get("content", {}).items():
        printed, schema = plain(facts, binary(content["schema"])), plain(served, body["content"][kind]["schema"])
        found += differences(facts, printed, served, schema, "body")
        required, ours = set(printed.get("required", [])), set(schema.get("required", []))
        if not required <= ours <= required | set(printed.get("x-required-unknown", [])):
            found.append(f"body: required is {sorted(ours)}, not {sorted(required)}")
    return found


def operation_differences(
    facts: dict[str, Any], fact: dict[str, Any], served: dict[str, Any], operation: Any
) -> list[str]:
    found = [
        f"{key} is {operation.get(key)!r}"
        for key in ("operationId", "tags")
        if fact.get(key, operation[key]) != operation[key]
    ]
    for status, reply in fact["responses"].items():
        if status not in operation["responses"]:
            found.append(f"{status}: missing")
        elif status != "200" and operation["responses"][status]["description"] != reply["description"]:
            found.append(f"{status}: is described otherwise")
    found += body_differences(facts, fact.get("requestBody", {}), served, operation.get("requestBody", {}))
    reply = fact["responses"]["200"]["content"]["application/json"]["schema"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    found += differences(facts, reply, served, schema, "reply")
    parameters = {p["name"]: p for p in operation.get("parameters", []) if p["in"] != "header"}
    for parameter in fact.get("parameters", []):
        ours = parameters.get(parameter["name"])
        if ours is None or (ours["in"], ours["required"]) != (parameter["in"], parameter["required"]):
            found.append(f"{parameter['name']}: missing, or elsewhere, or required otherwise")
        else:
            found += differences(facts, parameter["schema"], served, ours["schema"], parameter["name"])
    return found


@pytest.mark.parametrize(
    ("name", "path", "method"),
    [(name, path, method) for name, facts in FACTS.items() for path, item in facts["paths"].items() for method in item],
)
async def test_documented_operations_are_served_as_printed(
    served: dict[str, Any], name: str, path: str, method: str
) -> None:
    facts = FACTS[name]
    operation = served["paths"][path][method]
    assert operation_differences(facts, facts["paths"][path][method], served, operation) == []


async def test_it_is_openapi_3_1_and_valid_json_schema(served: dict[str, Any]) -> None:
    assert served["openapi"].startswith("3.1")
    for schema in served["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


async def test_every_pattern_is_one_of_ecma(served: dict[str, Any]) -> None:
    patterns = {s["pattern"] for s in every_schema(served) if isinstance(s.get("pattern"), str)}
    assert {"^KC[A-Z0-9]{14}$", "^CEK[A-Z0-9]{7}$", r"^$|^((\+|00)(\d{1,3})[\s-]?)?(\d{10})$",
            "^$|^[A-Za-z]{4}0[A-Z0-9a-z]{6}$", "^$|^[A-Za-z0-9]{9,36}$"} <= patterns  # fmt: skip
    for pattern in patterns:
        assert not re.search(r"\\[ZAz]|\(\?P|\(\?<!|\(\?i", pattern), pattern


async def test_create_invoice_prints_the_known_facts(served: dict[str, Any]) -> None:
    schema = served["components"]["schemas"]["InvoiceCreate"]
    assert sorted(schema["required"]) == ["baseAmount", "customerId", "dueDate"]
    fields = {name: plain(served, field) for name, field in schema["properties"].items()}
    assert fields["baseAmount"]["minimum"] == 0.1
    assert fields["dueDate"]["format"] == "date"
    assert fields["customerId"]["pattern"] == "^KC[A-Z0-9]{14}$"
    assert len(fields["approvalStatus"]["enum"]) == 10
    for name in ("balanceAmount", "cgst", "igst", "netAmount", "sgst", "tds", "totalReceived"):
        assert fields[name]["type"] == "number"
    for name in ("chargeCustomer", "dispatchNow", "gstExclusive", "partialPaymentAllowed"):
        assert fields[name]["type"] == "boolean"


async def test_create_customer_prints_the_known_facts(served: dict[str, Any]) -> None:
    schemas = served["components"]["schemas"]
    assert sorted(schemas["CustomerCreate"]["required"]) == ["customerKeyContacts", "legalName"]
    assert sorted(schemas["CustomerKeyContactCreateDTO"]["required"]) == ["deleted", "legalName", "mobile", "name"]
    reminder = schemas["CustomerReminderCreateDTO"]["properties"]
    assert reminder["reminderType"]["enum"] == ["ONCE", "RECURRING"]
    assert reminder["dueDateDifference"]["format"] == "int32"
    assert len(schemas["CustomerKeyContactCreateDTO"]["properties"]) == 10


async def test_money_is_a_number_in_every_schema(served: dict[str, Any]) -> None:
    amounts = re.compile(r"(Amount|Received|cgst|sgst|igst|tds|cess|Value|total_amount)$")
    for name, schema in served["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            if amounts.search(field) and "Status" not in field and field != "rejectedValue":
                # One amount of the network is printed as an integer on its page (contract b2b §7.3).
                kind = "integer" if (name, field) == ("FinanceRequest", "financingRequestAmount") else "number"
                # An object of amounts is looked at for itself.
                assert plain(served, inner)["type"] in {kind, "object"}, f"{name}.{field}"


async def test_the_token_operation_prints_its_form(served: dict[str, Any]) -> None:
    operation = served["paths"]["/oauth/token"]["post"]
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert {"grant_type", "username", "password", "clientId", "refresh_token"} == set(form["properties"])
    assert operation["security"] == []
    reply = plain(served, operation["responses"]["200"]["content"]["application/json"]["schema"])
    for name in ("access_token", "accessToken", "refresh_token", "refreshToken", "token_type", "tokenType", "scope"):
        assert reply["properties"][name]["type"] == "string"
    assert reply["properties"]["expires_in"]["type"] == reply["properties"]["expiresIn"]["type"] == "integer"
    failure = plain(served, operation["responses"]["401"]["content"]["application/json"]["schema"])
    assert {"error", "error_description", "errorResponse", "response_code"} <= set(failure["properties"])


async def test_the_error_types_are_the_nine(served: dict[str, Any]) -> None:
    assert len(served["components"]["schemas"]["ErrorType"]["enum"]) == 9


async def test_replies_fit_their_own_schema(served: dict[str, Any], seller: make.Company) -> None:
    made = await seller.invoice(itemLists=[{"productDescription": "x", "assessmentAmount": 1000, "gstRate": 18}])
    customer = made["customerId"]
    for method, template, path, body in (
        ("get", "/api/v0/invoice/{invoiceId}", f"/api/v0/invoice/{made['invoiceId']}", None),
        ("patch", "/api/v0/invoice/{invoiceId}", f"/api/v0/invoice/{made['invoiceId']}", {"description": "x"}),
        ("post", "/api/v0/invoice", "/api/v0/invoice", make.invoice_body(customer)),
        ("post", "/api/v0/invoice/search", "/api/v0/invoice/search", {}),
        ("get", "/api/v0/customer/{customerId}", f"/api/v0/customer/{customer}", None),
        ("post", "/api/v0/customer", "/api/v0/customer", make.customer_body()),
        ("post", "/api/v0/invoice/bulk/dispatch", "/api/v0/invoice/bulk/dispatch", {"invoiceIds": ["inv_x"]}),
        ("get", "/api/v0/invoice/{invoiceId}", "/api/v0/invoice/inv_x", None),
        ("post", "/api/v0/invoice", "/api/v0/invoice", {}),
    ):
        reply = await seller.http.request(method.upper(), path, json=body)
        schema = served["paths"][template][method]["responses"][str(reply.status_code)]["content"]["application/json"][
            "schema"
        ]
        whole = schema | {"components": served["components"]}
        jsonschema_rs.validator_for(whole).validate(reply.json())


async def test_names_and_descriptions_are_for_people(served: dict[str, Any]) -> None:
    """No component is called after a module, and everything says what it is without naming our papers."""
    odd = [name for name in served["components"]["schemas"] if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)]
    silent = [name for name, schema in served["components"]["schemas"].items() if not schema.get("description")]
    for item in served["paths"].values():
        for operation in item.values():
            name = operation["operationId"]
            if " " not in operation["summary"] or not operation.get("description"):
                silent.append(name)
            if not {"200", "400", "429", "500", "503"} <= set(operation["responses"]):
                silent.append(f"{name} keeps a status to itself")
            silent += [
                f"{name}({one['name']})" for one in operation.get("parameters", []) if not one.get("description")
            ]
    assert (odd, silent) == ([], [])
    told = [node["description"] for node in every_schema(served) if isinstance(node.get("description"), str)]
    assert not [text for text in told if re.search(r"``|\((?:design|domain|contract|decision)\b|:[a-z]+:`", text)]


def test_two_components_never_get_one_name() -> None:
    names = {"Envelope_hundi.a.Thing_": "ThingEnvelope", "Envelope_typing.Any_": "FailureEnvelope", "Envelope_str_": "TextEnvelope",
             "hundi.a.Envelope_hundi.a.Listed_hundi.a.ClientOut_": "ClientOutListEnvelope", "ErrorType": "ErrorType"}  # fmt: skip
    assert {name: component_name(name) for name in names} == names
    clash = {"components": {"schemas": {"a.Thing": {}, "b.Thing": {}}}}
    with pytest.raises(ValueError, match="one name"):
        finished(clash)
