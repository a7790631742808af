"""Reading JSON bodies: what is parsed, what is refused, and how a refusal is worded."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from hundi.http.body import DuplicateKey, NotJson, TooDeep, _exactly, _quickly, parse, read
from hundi.http.wire import BaseAmount, Money, Percent, Quantity, UnitPrice, WireDate
from hundi.kit.errors import Invalid, Malformed


class Line(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=5)]
    price: UnitPrice | None = None


class Body(msgspec.Struct):
    id: Annotated[str, Meta(pattern=r"^K[0-9]\Z", extra_json_schema={"pattern": "^K[0-9]$"})]
    amount: BaseAmount
    due: WireDate | None = None
    lines: Annotated[list[Line], Meta(max_length=2)] | None = None
    count: Annotated[int, Meta(ge=-2, le=9)] | None = None
    kind: Literal["A", "B"] | None = None
    cleared: Annotated[str, Meta(max_length=3)] | UnsetType | None = UNSET


GOOD: dict[str, Any] = {"id": "K1", "amount": 1}


def problems(body: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(Invalid) as refused:
        read(json.dumps(body).encode(), Body)
    return [(p.field, p.code, p.message) for p in refused.value.problems]


def test_a_good_body_is_read() -> None:
    body = read(b'{"id": "K1", "amount": 1234.50, "due": "2026-11-30", "other": 1}', Body)
    assert body.amount.value == Decimal("1234.50")
    assert str(body.due and body.due.value) == "2026-11-30"
    assert body.cleared is UNSET


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "K1\n"}, ("id", "BAD_FORMAT", "Send a value of the form ^K[0-9]$.")),
        ({"id": 1}, ("id", "WRONG_TYPE", "Send text; this is a number.")),
        ({"id": None}, ("id", "NULL_NOT_ALLOWED", "Leave this field out or send a value; null is not accepted here.")),
        ({"amount": "1"}, ("amount", "WRONG_TYPE", "Send a number, such as 1234.50, without quotes.")),
        ({"amount": 0.01}, ("amount", "TOO_SMALL", "baseAmount must be at least 0.1.")),
        ({"due": "31-02-2026"}, ("due", "DATE_FORMAT", "Send a date such as 2026-11-30 or 2026-11-30T10:15:00+05:30.")),
        ({"count": 1.5}, ("count", "WRONG_TYPE", "Send a whole number; this is a number.")),
        ({"kind": "C"}, ("kind", "UNKNOWN_VALUE", "Send one of A, B.")),
        ({"count": 10}, ("count", "OUT_OF_RANGE", "Send a whole number of at most 9.")),
        ({"count": -3}, ("count", "OUT_OF_RANGE", "Send a whole number of at least -2.")),
        ({"lines": {}}, ("lines", "WRONG_TYPE", "Send a list; this is an object.")),
        ({"lines": [3]}, ("lines[0]", "WRONG_TYPE", "Send an object; this is a number.")),
        ({"lines": [{}]}, ("lines[0].name", "REQUIRED", "Send name; it is required.")),
        ({"lines": [{"name": "a"}] * 3}, ("lines", "BAD_LENGTH", "Send at most 2 entries.")),
        ({"lines": [{"name": ""}]}, ("lines[0].name", "BAD_LENGTH", "Send at least 1 character.")),
    ],
)
def test_how_a_problem_is_worded(change: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert problems(GOOD | change) == [expected]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    customerIds: list[str] | None = None
    name: str | None = None


def test_a_model_that_takes_no_other_fields_names_them_and_what_was_meant() -> None:
    assert read(b'{"customerIds": ["K1"]}', Strict).customerIds == ["K1"]
    with pytest.raises(Invalid) as refused:
        read(b'{"customerId": ["K1"], "name": 1, "asOn": "2026-03-31"}', Strict)
    assert {p.field: (p.code, p.message) for p in refused.value.problems} == {
        "name": ("WRONG_TYPE", "Send text; this is a number."),
        "customerId": ("UNKNOWN_FIELD", "There is no field of this name: send customerIds, or take it out."),
        "asOn": ("UNKNOWN_FIELD", "Take this field out."),
    }


def test_all_problems_are_listed() -> None:
    found = problems({"amount": "x", "lines": [{"name": 1}, {"name": "a", "price": "1"}], "cleared": "long"})
    assert [field for field, _, _ in found] == ["id", "amount", "lines[0].name", "lines[1].price", "cleared"]


def test_an_empty_object_is_left_out_only_where_asked() -> None:
    body = read(b'{"id": "K1", "amount": 1, "due": {}, "cleared": {}}', Body, leave_out_empty_objects=True)
    assert (body.due, body.cleared) == (None, UNSET)
    assert read(b'{"id": "K1", "amount": 1, "cleared": null}', Body).cleared is None
    assert problems(GOOD | {"due": {}})[0][0] == "due"


def test_brackets_inside_texts_are_no_depth() -> None:
    assert parse(json.dumps({"a": "[" * 1000 + '\\"{' * 100}).encode())
    with pytest.raises(TooDeep):
        parse(b"[" * 65 + b"]" * 65)


def test_a_duplicate_key_is_named() -> None:
    with pytest.raises(DuplicateKey) as refused:
        parse(b'{"a": {"twice": 1, "twice": 1}}')
    assert refused.value.problems[0].field == "twice"


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-10**30, 10**30) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
))  # fmt: skip
def test_json_comes_back_as_it_was(value: Any) -> None:
    for ascii_only in (True, False):
        assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_numbers_are_exact(value: Decimal) -> None:
    assert parse(f"{value:f}".encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(body: bytes) -> None:
    for model in (Body, Line):
        with suppress(Malformed, Invalid):
            read(body, model)


@given(st.dictionaries(st.sampled_from(["id", "amount", "due", "lines", "count", "cleared", "name", "price"]),
                       st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=3)))  # fmt: skip
def test_what_does_not_fit_is_always_named(raw: dict[str, Any]) -> None:
    outcome: Exception | None = None
    try:
        read(json.dumps(raw).encode(), Body)
    except (Invalid, Malformed) as refused:
        outcome = refused
    if isinstance(outcome, Invalid):
        assert outcome.problems
        assert all(problem.field and problem.message for problem in outcome.problems)
    elif outcome is not None:
        assert "\\u" in json.dumps(raw)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Quantity, "2.0005", "2.001"), (UnitPrice, "0.00005", "0.0001"), (Percent, "18", "18.000"), (Quantity, "-0.0", "0.000"),
        (Money, "1.005", "1.01"), (Quantity, "1e-400", "0.000"), (Quantity, "99999999999999.9", "99999999999999.900"),
    ],
)  # fmt: skip
def test_values_are_rounded_as_they_are_stored(kind: Any, text: str, value: str) -> None:
    assert str(kind.read(parse(text.encode())).value) == value


@pytest.mark.parametrize("text", ["1e14", "-1", "1e400", '"1"', "true", "null", "[]"])
def test_quantities_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        Quantity.read(parse(text.encode()))


def test_not_utf8_says_where() -> None:
    with pytest.raises(NotJson, match="byte 8"):
        parse(b'{"abc": \xff}')


@pytest.mark.parametrize("filler", [b'"', b"\\", b'\\"', b'"\\', b'{"[', b'"a"'])
def test_a_long_body_without_an_end_is_judged_at_once(filler: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(Malformed):
        parse(b"[" * 65 + b'"' + filler * 300_000)
    assert time.perf_counter() - began < 5, "in one pass"


def test_brackets_in_texts_do_not_nest() -> None:
    found = parse(json.dumps({"a": ["[" * 100, '"' + "{" * 100, "\\", {"]": '\\"'}] * 20}).encode())
    assert len(found["a"]) == 80


# ---------------------------------------------------------------- the quick way gives what the exact one gives, or nothing

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["a", "\\", '"', '\\"', '"\\', "[", "{", "]", "}", ":", "1" * 19, "\n", "\x7f", "é"]
)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
BLANKS = st.sampled_from(["", " ", "\n", "\t ", "\r"])


@st.composite
def json_texts(draw: st.DrawFn, depth: int = 3) -> str:
    """Write JSON as no program would: any number, names that stand twice, spaces anywhere, escapes that need not be."""
    kind = draw(st.sampled_from(["text", "number", "word", "list", "object"] if depth else ["text", "number", "word"]))
    gap = draw(BLANKS)
    if kind == "text":
        return gap + json.dumps(draw(TEXTS), ensure_ascii=draw(st.booleans())).replace("/", "\\/")
    if kind == "number":
        return draw(NUMBERS) + gap
    if kind == "word":
        return draw(st.sampled_from(["true", "false", "null"])) + gap
    inner = draw(st.lists(json_texts(depth - 1), max_size=4))
    if kind == "list":
        return f"[{gap}{','.join(inner)}]"
    names = [json.dumps(draw(TEXTS)) for _ in inner]
    return f"{{{gap}{','.join(f'{name}{gap}:{one}' for name, one in zip(names, inner, strict=True))}}}"


def with_kinds(value: Any) -> Any:
    """Give a value in which 1, 1.0 and true are three things."""
    if isinstance(value, dict):
        return {name: with_kinds(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_kinds(inner) for inner in value]
    return type(value), str(value)


def both_ways_agree(body: bytes) -> None:
    quick = _quickly(body)
    if quick is not None:
        assert with_kinds(quick) == with_kinds(_exactly(body))


@given(json_texts())
def test_the_quick_way_agrees(text: str) -> None:
    both_ways_agree(text.encode())


@given(json_texts(), st.data())
def test_the_quick_way_agrees_on_what_is_broken(text: str, data: st.DataObject) -> None:
    body = bytearray(text.encode())
    at = data.draw(st.integers(0, max(0, len(body) - 1)))
    body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    both_ways_agree(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}', b'{"a": 1, "\\u0061": 2}', b'{"a/": 1, "a\\/": 2}', b'{"a": {"b": [], "b": 1}}', b'{"": 1, "": 2}',
        b'[{"a": "x", "a": "\\"y\\""}]', b"1234567890123456789", b"[-123456789012345678]", b'{"a":1e0000000000000000000001}',
        b"0.0000000000000000000000001", b"1" * 401, b"1." + b"0" * 400, b"1e" + b"9" * 30, b"[" * 65 + b"]" * 65,
        b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 65 + b"}" * 65, b'"\xff"', b'{"a": "\xed\xa0\x80"}', b'"\\ud800"', b'"\\u0000"', b'"a\x01"',
        b"NaN", b"[1,]", b"", b"\xef\xbb\xbf1", b"1 2", b'{"a" "b"}',
    ],
)  # fmt: skip
def test_what_the_quick_way_leaves_to_the_exact_one(body: bytes) -> None:
    assert _quickly(body) is None


def test_a_message_goes_the_quick_way() -> None:
    plain = {"a": [{"b": 1.5, "c": [], "d": {}, "e": 123456789012345678} for _ in range(100)], "t": "x [y] z"}
    assert with_kinds(_quickly(json.dumps(plain).encode())) == with_kinds(_exactly(json.dumps(plain).encode()))
    assert _quickly(json.dumps(plain).encode()) is not None
