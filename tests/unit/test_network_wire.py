"""The network's messages as JSON: good ones are read, and every field that is broken is named by its path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec
import pytest

import network_bodies as bodies
from hundi.http.body import NotJson
from hundi.kit.errors import FieldProblem, Invalid
from hundi.network.protocol import messages as m
from hundi.network.wire.catalogue import WIRE_CALL_OF, WIRE_CALLS, WireCall
from hundi.network.wire.invoice import SendInvoice
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import MAX_BYTES, MOST_PROBLEMS, MessageTooLarge, read, written

BODIES = bodies.every()
ALL = [pytest.param(call, id=call.message.__name__) for call in WIRE_CALLS]


# Edit has the body of Create: its fields are broken once.
BODIES_ONCE = [
    pytest.param(call, id=call.message.__name__) for call in {call.body: call for call in reversed(WIRE_CALLS)}.values()
]  # fmt: skip


def problems(body: Any, model: Any, *, proper: bool = False) -> list[FieldProblem]:
    with pytest.raises(Invalid) as refused:
        read(json.dumps(body).encode(), model, proper=proper)
    return list(refused.value.problems)


def struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """Give the Struct in an annotation, if there is one."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if hasattr(kind, "__metadata__"):
        return struct_of(kind.__origin__)
    if get_origin(kind) is list:
        return None
    return next((found for part in get_args(kind) if (found := struct_of(part)) is not None), None)


def item_of(kind: Any) -> Any:
    """Give the annotation of a list's items, if it is a list."""
    if hasattr(kind, "__metadata__"):
        return item_of(kind.__origin__)
    if get_origin(kind) is list:
        return get_args(kind)[0]
    return next((found for part in get_args(kind) if (found := item_of(part)) is not None), None)


def fields(value: Any, kind: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """Give (path, required) of every field that stands in a body."""
    struct, item = struct_of(kind), item_of(kind)
    if struct is not None and isinstance(value, dict):
        for field in msgspec.structs.fields(struct):
            where = f"{path}.{field.encode_name}" if path else field.encode_name
            yield where, field.required
            if field.encode_name in value:
                yield from fields(value[field.encode_name], field.type, where)
    elif item is not None and isinstance(value, list):
        for at, inner in enumerate(value):
            yield from fields(inner, item, f"{path}[{at}]")


def at(body: Any, path: str) -> tuple[Any, Any]:
    """Give the holder of a path's value, and its key there."""
    steps: list[Any] = []
    for part in path.split("."):
        name, *places = part.replace("]", "").split("[")
        steps += [name, *map(int, places)]
    for step in steps[:-1]:
        body = body[step]
    return body, steps[-1]


def wrong(value: Any) -> Any:
    """Give a value no field of this kind takes."""
    if isinstance(value, dict):
        return "a text"
    if isinstance(value, list):
        return {"not": "a list"}
    return {"an": "object"} if isinstance(value, str) else "12"


@pytest.mark.parametrize("call", ALL)
def test_a_good_body_is_read_and_means_its_message(call: WireCall) -> None:
    body = BODIES[call.message.__name__]
    data = read(json.dumps(body).encode(), call.body, proper=True)
    assert json.loads(written(data)) == json.loads(json.dumps(body)), "what is passed on is what came"
    message = message_of(data, call.message)
    assert type(message) is call.message
    assert json.loads(bytes(message.body)) == json.loads(json.dumps(body))


@pytest.mark.parametrize("call", BODIES_ONCE)
def test_every_broken_field_is_named(call: WireCall) -> None:
    good = BODIES[call.message.__name__]
    seen = 0
    for path, required in fields(good, call.body):
        if path.startswith("financeRequest.invoices[0]."):
            continue  # a whole invoice, whose own message is broken field by field
        body = json.loads(json.dumps(good))
        holder, key = at(body, path)
        if key not in holder:
            assert not required, f"the good body has no {path}"
            continue
        seen += 1
        holder[key] = wrong(holder[key])
        assert path in {problem.field for problem in problems(body, call.body)}, path
        if required:
            del holder[key]
            found = problems(body, call.body)
            assert [(problem.field, problem.code) for problem in found] == [(path, "REQUIRED")]
        else:
            holder[key] = None
            read(json.dumps(body).encode(), call.body)
    assert seen >= 10


def test_texts_keep_to_their_patterns() -> None:
    for path, value in [
        ("invoice.supplierInvoiceNumber", 'a"b'), ("invoice.supplierInvoiceNumber", "x" * 51),
        ("invoice.supplierInvoiceNumber", "a\\b"), ("invoice.supplierInvoiceNumber", ""),
        ("invoice.objectId", "INV" + "a" * 31), ("invoice.objectId", "PMT" + "a" * 32),
        ("invoice.objectId", "INV" + "a" * 32 + "\n"), ("b2bIds.buyerB2BId", "x" * 101), ("invoice.ts", "yesterday"),
        ("invoice.itemLists[0].hsnCode", "12345"), ("invoice.itemLists[0].isService", "MAYBE"),
        ("invoice.itemLists[0].totalAmt", -1), ("invoice.itemLists[0].totalAmt", 1e15),
        ("invoice.itemLists[0].totalAmt", 1.005), ("invoice.itemLists[0].quantity", True),
        ("invoice.transactionDetails.supplyType", "B2C"), ("invoice.supplierDetails.address.pincode", "012345"),
        ("invoice.ewayBillDetail.distance", 1.5), ("invoice.objectVersion.currentVersion", "1"),
    ]:  # fmt: skip
        body = json.loads(json.dumps(BODIES["SendInvoice"]))
        holder, key = at(body, path)
        holder[key] = value
        assert [problem.field for problem in problems(body, SendInvoice)] == [path], (path, value)


def test_printed_patterns_are_taken_and_proper_ones_when_asked_for() -> None:
    body = json.loads(json.dumps(BODIES["SendInvoice"]))
    body["invoice"]["objectId"] = "VNI" + "a" * 32
    read(json.dumps(body).encode(), SendInvoice)
    assert [(p.field, p.code) for p in problems(body, SendInvoice, proper=True)] == [("invoice.objectId", "BAD_FORMAT")]
    check = WIRE_CALL_OF[m.CheckEntity].body
    asked = json.loads(json.dumps(BODIES["CheckEntity"]))
    asked["checkInstitute"]["value"] = "a" * 50
    read(json.dumps(asked).encode(), check)
    assert [p.field for p in problems(asked, check, proper=True)] == ["checkInstitute.value"]
    asked["checkInstitute"]["value"] = "AAACG0569"
    assert [p.field for p in problems(asked, check)] == ["checkInstitute.value"]
    order = json.loads(json.dumps(BODIES["SendOrder"]))
    order["purchaseOrder"]["objectId"] = "whatever"
    read(json.dumps(order).encode(), WIRE_CALL_OF[m.SendOrder].body)
    found = problems(order, WIRE_CALL_OF[m.SendOrder].body, proper=True)
    assert [p.field for p in found] == ["purchaseOrder.objectId"]


def test_two_thousand_mistakes_are_all_listed_and_more_are_counted() -> None:
    body = json.loads(json.dumps(BODIES["SendInvoice"]))
    line = body["invoice"]["itemLists"][0] | {"hsnCode": "x", "gstRate": "18"}
    body["invoice"]["itemLists"] = [dict(line) for _ in range(1000)]
    assert len(problems(body, SendInvoice)) == 2000 == MOST_PROBLEMS
    for item in body["invoice"]["itemLists"]:
        item["totalAmt"] = None
    with pytest.raises(Invalid) as refused:
        read(json.dumps(body).encode(), SendInvoice)
    assert len(refused.value.problems) == MOST_PROBLEMS
    assert refused.value.message == "3000 fields are wrong; the first 2000 are listed."


def test_a_thousand_lines_are_taken_and_no_more() -> None:
    body = json.loads(json.dumps(BODIES["SendInvoice"]))
    line = {name: body["invoice"]["itemLists"][0][name] for name in (
        "hsnCode", "unitPrice", "totalAmt", "assessmentAmount", "gstRate", "totalItemValue"
    )}  # fmt: skip
    body["invoice"]["itemLists"] = [line] * 1000
    assert len(read(json.dumps(body).encode(), SendInvoice).invoice.itemLists) == 1000
    body["invoice"]["itemLists"] = [line] * 1001
    assert [(p.field, p.code) for p in problems(body, SendInvoice)] == [("invoice.itemLists", "BAD_LENGTH")]


def test_two_megabytes_are_taken_and_no_more() -> None:
    text = json.dumps(BODIES["SendInvoice"]).encode()
    read(text + b" " * (MAX_BYTES - len(text)), SendInvoice)
    with pytest.raises(MessageTooLarge):
        read(text + b" " * (MAX_BYTES - len(text) + 1), SendInvoice)
    with pytest.raises(NotJson):
        read(b"[]", SendInvoice)


def test_what_is_not_published_is_not_passed_on() -> None:
    body = BODIES["SendInvoice"] | {"secret": "x"}
    assert b"secret" not in written(read(json.dumps(body).encode(), SendInvoice))


def invoice_message(**changes: Any) -> m.SendInvoice:
    body = json.loads(json.dumps(BODIES["SendInvoice"]))
    body["invoice"] |= changes
    data = read(json.dumps(body).encode(), SendInvoice)
    found = message_of(data, m.SendInvoice)
    assert isinstance(found, m.SendInvoice)
    return found


def test_an_invoice_means_its_value_and_what_it_takes_of_its_orders() -> None:
    stated = invoice_message()
    assert str(stated.total) == "1180"
    assert str(invoice_message(valueDetails=None).total) == "1180"
    assert stated.document_key == f"INV|{bodies.GSTIN}|2026|{stated.number.upper()}"
    assert stated.orders == ()
    two = [{"poObjId": "PURa", "buyerPoId": "PO/1"}, {"poObjId": "PURb", "buyerPoId": "PO/2"}]
    lines = [bodies.item(100, orderLineReference="7"), bodies.item(50, orderLineReference="PO/2/3", quantity=2)]
    shared = invoice_message(poDetails=two, itemLists=lines, valueDetails={"totalInvoiceValue": 151}).orders
    assert [(share.order_id, str(share.amount)) for share in shared] == [("PURa", "101"), ("PURb", "50")]
    assert [(line.ref, str(line.quantity)) for line in shared[1].lines] == [("3", "2")]


def test_an_irn_fixes_number_date_parties_items_and_values() -> None:
    base = invoice_message().substance
    assert invoice_message(shippingTermsDetails=None, paymentMilestones=None).substance == base
    assert invoice_message(supplierInvoiceNumber="OTHER").substance != base
    assert invoice_message(ts="2026-11-17T09:57:35+05:30").substance != base
    assert invoice_message(itemLists=[bodies.item(590)]).substance != base
    assert invoice_message(valueDetails={"totalInvoiceValue": 1}).substance != base


def test_what_is_looked_at_in_a_message_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand invoices dispatched are a thousand messages read; they are all of one shape."""
    content = json.dumps(bodies.send_invoice()).encode()
    read(content, SendInvoice, proper=True)
    asked: list[Any] = []
    monkeypatch.setattr(msgspec.structs, "fields", asked.append)
    read(content, SendInvoice, proper=True)
    assert asked == []
