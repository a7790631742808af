"""Reading JSON bodies: bounded, exact, and with every wrong field reported (design §3 "traps", §4.8, §4.9).

A body is parsed with its numbers kept as Decimal and then converted to the Struct of the endpoint. Only when that fails does
a second walk convert field by field, so that the reply lists all that is wrong and not just the first.

Parsing has two ways that give the same. msgspec reads what is plainly good; all else, and whatever is wrong, is left to the
standard library's parser, which is slower and says what is wrong and where.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, Generic, TypeVar, get_args, get_origin

import msgspec
from litestar.dto import AbstractDTO

from hundi.http.wire import WireValue, WireValueError, dec_hook, metas
from hundi.kit.errors import FieldProblem, Invalid, Malformed

T = TypeVar("T")

MAX_DEPTH: Final = 64
MAX_PROBLEMS: Final = 100
_MAX_SHOWN: Final = 200
_MAX_DIGITS: Final = 400
_LENGTH: Final = re.compile(r"Expected `(?P<kind>\w+)` of length (?P<sign><=|>=|==) (?P<count>[0-9]+)")
_BOUND: Final = re.compile(r"Expected `int` (?P<sign><=|>=) (?P<limit>-?[0-9]+)")
_BAD_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_OPENING: Final = b"[{"
_NO_QUOTES_OR_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b'"[]{}')
_PEELED: Final = 8
_LONG: Final = 18
# Digits and signs become D; what may stand before the digits of a number becomes a point: so a number's long run of digits
# is found by a plain search. Such a run inside a text is found too, and only costs time.
_RUNS: Final = bytes.maketrans(b"0123456789-", b"D" * 11).translate(bytes.maketrans(b":[, \t\r\neE+", b"." * 10))
_LONG_RUN: Final = b"." + b"D" * (_LONG + 1)
_QUICK: Final = msgspec.json.Decoder(float_hook=Decimal)
_AGAIN: Final = msgspec.json.Encoder(decimal_format="number")
_PLAIN_TYPE: Final = {str: "text", bool: "true or false", int: "a whole number", Decimal: "a number"}


class NotJson(Malformed):
    """The body is not valid JSON."""

    code = "MALFORMED_JSON"


class NotSentAsJson(Malformed):
    """Send this request as application/json."""

    code, status = "NOT_SENT_AS_JSON", 415


class TooDeep(Malformed):
    """The body is nested deeper than 64 levels."""

    code = "JSON_TOO_DEEP"


class DuplicateKey(Malformed):
    """The same key stands twice in one object, so it is not clear which value is meant."""

    code = "DUPLICATE_KEY"


class BadText(Malformed):
    """A text holds a NUL character or half of a surrogate pair; such text cannot be stored."""

    code = "BAD_TEXT"


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                shown = key[:_MAX_SHOWN]
                raise DuplicateKey(
                    problems=[
                        FieldProblem(shown, "DUPLICATE_KEY", f"Send '{shown}' once; it stands twice in one object.")
                    ]
                )
            seen.add(key)
    return found


def _number(text: str) -> Decimal:
    if len(text) > _MAX_DIGITS:
        message = f"A number has {len(text)} characters; the most is {_MAX_DIGITS}."
        raise NotJson(message)
    try:
        return Decimal(text)
    except InvalidOperation as error:
        message = f"'{text[:40]}' is not a number Hundi can hold."
        raise NotJson(message) from error


def _integer(text: str) -> int | Decimal:
    return _number(text) if len(text) > _LONG else int(text)


def _constant(name: str) -> Any:
    message = f"{name} is not a JSON value; send a number."
    raise NotJson(message)


def _depth(body: bytes) -> int:
    """Give the deepest nesting; brackets inside strings do not count."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Between two quotes is a string; one that does not end goes on to the end of the body.
    outside = b"".join(body.split(b'"')[::2])
    depth = deepest = 0
    for byte in outside.translate(None, _NO_BRACKETS):
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        else:
            depth -= 1
    return deepest


def _check_texts(value: Any, path: str) -> None:
    if isinstance(value, str):
        if _BAD_TEXT.search(value):
            raise BadText(problems=[FieldProblem(path or "body", "BAD_TEXT", "Remove the NUL or broken character.")])
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key, path)
            _check_texts(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_texts(inner, f"{path}[{number}]")


def parse(body: bytes) -> Any:
    """Parse JSON into plain Python: numbers with a point or exponent are Decimal. Raises :class:`Malformed` kinds."""
    found = _quickly(body)
    return _exactly(body) if found is None else found


def _quickly(body: bytes) -> Any:
    """Give what :func:`_exactly` would give, or None where only that can tell: what it refuses is never given here."""
    if not body.startswith((b"{", b"[")) or b"\\u" in body or _LONG_RUN in body.translate(_RUNS):
        return None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and not _is_flat(body):
        return None
    try:
        found = _QUICK.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidOperation):
        return None
    # Of two members with one name the second replaces the first: then what was read is written with fewer texts than came.
    return found if _quotes(_AGAIN.encode(found)) == _quotes(body) else None


def _quotes(text: bytes) -> int:
    """Count the quotes that begin or end a text."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


def _is_flat(body: bytes) -> bool:
    """Tell whether it is plain to see that brackets nest no deeper than a few levels."""
    if b"\\" in body:
        return False
    left = body.translate(None, _NO_QUOTES_OR_BRACKETS)
    # Quotes go by twos, so what stands outside of texts stays outside, and brackets there meet only each other.
    for _ in range(_PEELED):
        left = left.replace(b'""', b"").replace(b"{}", b"").replace(b"[]", b"")
        if not left or left == b'""':
            return True
    return False


def _exactly(body: bytes) -> Any:
    if not body.strip():
        message = "The body is empty; send a JSON object."
        raise NotJson(message)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise TooDeep
    try:
        # Decoded here: given bytes, json.loads guesses UTF-16 and lets halves of surrogate pairs pass.
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8 (byte {error.start})."
        raise NotJson(message) from error
    try:
        raw = json.loads(
            text, object_pairs_hook=_pairs, parse_float=_number, parse_int=_integer, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        message = f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise NotJson(message) from error
    except RecursionError as error:
        raise TooDeep from error
    if b"\\u" in body:
        _check_texts(raw, "")
    return raw


def read(body: bytes, model: type[T], *, leave_out_empty_objects: bool = False) -> T:
    """Turn a body into ``model``, or raise :class:`Invalid` with every field that is wrong.

    ``leave_out_empty_objects`` is for PATCH: the published samples print ``{}`` for a nullable field, which means
    "leave as it is" (design §5).
    """
    raw = parse(body)
    if not isinstance(raw, dict):
        message = f"Send a JSON object; this is {_kind(raw)}."
        raise NotJson(message)
    if leave_out_empty_objects:
        raw = {key: value for key, value in raw.items() if value != {}}
    try:
        return msgspec.convert(raw, model, dec_hook=dec_hook)
    except (msgspec.ValidationError, WireValueError) as error:
        problems = problems_of(raw, model) or [FieldProblem("body", "NOT_ACCEPTED", f"{error}.")]
        raise Invalid(problems=problems) from None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | Decimal):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


def _shown(value: Any) -> str | None:
    if isinstance(value, dict | list) or value is None:
        return None
    return str(value)[:_MAX_SHOWN]


def problems_of(raw: Any, model: Any, path: str = "", *, most: int = MAX_PROBLEMS) -> list[FieldProblem]:
    """List every field of ``raw`` that does not fit ``model``, up to ``most`` of them."""
    problems: list[FieldProblem] = []
    _walk(raw, model, path, problems, most)
    return problems[:most]


def _walk(raw: Any, model: Any, path: str, problems: list[FieldProblem], most: int) -> None:
    if len(problems) > most:
        return
    struct = _struct_in(model)
    if struct is not None and isinstance(raw, Mapping):
        for field in msgspec.structs.fields(struct):
            where = f"{path}.{field.encode_name}" if path else field.encode_name
            if field.encode_name in raw:
                _walk(raw[field.encode_name], field.type, where, problems, most)
            elif field.required:
                problems.append(FieldProblem(where, "REQUIRED", f"Send {field.encode_name}; it is required."))
        if struct.__struct_config__.forbid_unknown_fields:
            problems.extend(_unknown(raw, [field.encode_name for field in msgspec.structs.fields(struct)], path))
        return
    inner = _list_item(model)
    known = len(problems)
    if inner is not None and isinstance(raw, list) and not _is_too_long(raw, model):
        for number, item in enumerate(raw):
            _walk(item, inner, f"{path}[{number}]", problems, most)
    # Where a list is too long, or all its items are good, what is left to be wrong is its own length.
    if len(problems) == known:
        _convert(raw, model, path, problems)


def _unknown(raw: Mapping[str, Any], known: list[str], path: str) -> Iterator[FieldProblem]:
    """Name the fields that a model, which takes no others, does not have, and what may have been meant."""
    for name in raw.keys() - set(known):
        meant = get_close_matches(name, known, 1)
        message = (
            f"There is no field of this name: send {meant[0]}, or take it out." if meant else "Take this field out."
        )
        shown = name[:_MAX_SHOWN]
        yield FieldProblem(f"{path}.{shown}" if path else shown, "UNKNOWN_FIELD", message)


def _is_too_long(raw: list[Any], model: Any) -> bool:
    """Tell whether a list has more items than it may: then none is looked at, because looking takes its time."""
    return any(meta.max_length is not None and len(raw) > meta.max_length for meta in metas(model))


def _convert(raw: Any, model: Any, path: str, problems: list[FieldProblem]) -> None:
    try:
        msgspec.convert(raw, model, dec_hook=dec_hook)
    except WireValueError as error:
        problems.append(FieldProblem(path, error.code, error.message, _shown(raw)))
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, WireValueError):
            problems.append(FieldProblem(path, cause.code, cause.message, _shown(raw)))
        else:
            problems.append(FieldProblem(path, *_worded(raw, model, str(error)), _shown(raw)))


def _worded(raw: Any, model: Any, text: str) -> tuple[str, str]:
    """Say in plain English what msgspec found."""
    reason = text.split(" - at `", maxsplit=1)[0]
    if raw is None:
        return "NULL_NOT_ALLOWED", "Leave this field out or send a value; null is not accepted here."
    if "Invalid enum value" in reason:
        names = _enum_values(model)
        return (
            "UNKNOWN_VALUE",
            f"Send one of {', '.join(names)}." if names else "This value is not one of those accepted.",
        )
    if "matching regex" in reason:
        return "BAD_FORMAT", f"Send a value of the form {_printed_pattern(model)}."
    if "length" in reason:
        return "BAD_LENGTH", f"Send {_length_wanted(reason)}."
    bound = _BOUND.fullmatch(reason)
    if bound is not None:
        most = "at most" if bound["sign"] == "<=" else "at least"
        return "OUT_OF_RANGE", f"Send a whole number of {most} {bound['limit']}."
    wanted = [name for kind, name in _PLAIN_TYPE.items() if kind in _flat(model)]
    expected = " or ".join(wanted) if wanted else _expected(model)
    return "WRONG_TYPE", f"Send {expected}; this is {_kind(raw)}."


def _length_wanted(reason: str) -> str:
    """Word what msgspec says of a length: ``Expected `str` of length <= 50`` → ``at most 50 characters``."""
    found = _LENGTH.search(reason)
    if found is None:
        return "another length"
    one, many = ("character", "characters") if found["kind"] == "str" else ("entry", "entries")
    bound = {"<=": "at most ", ">=": "at least ", "==": ""}[found["sign"]]
    return f"{bound}{found['count']} {one if found['count'] == '1' else many}"


def _expected(model: Any) -> str:
    for kind in _flat(model):
        if isinstance(kind, type) and issubclass(kind, WireValue):
            return str(kind.expected)
        if get_origin(kind) is list or kind is list:
            return "a list"
    return "an object" if _struct_in(model) is not None else "another kind of value"


def _printed_pattern(model: Any) -> str:
    """Give the pattern as the OpenAPI document prints it; the one that is checked may be tighter."""
    for meta in metas(model):
        extra = meta.extra_json_schema or {}
        if "pattern" in extra or meta.pattern is not None:
            return str(extra.get("pattern", meta.pattern))
    return "the API document prints"


def _flat(model: Any) -> list[Any]:
    if hasattr(model, "__metadata__"):
        return _flat(model.__origin__)
    origin = get_origin(model)
    if origin is not None and origin not in (list, dict, tuple):
        return [kind for part in get_args(model) for kind in _flat(part)]
    return [model]


def _struct_in(model: Any) -> Any:
    return next((k for k in _flat(model) if isinstance(k, type) and issubclass(k, msgspec.Struct)), None)


def _list_item(model: Any) -> Any:
    return next((get_args(k)[0] for k in _flat(model) if get_origin(k) is list), None)


def _enum_values(model: Any) -> list[str]:
    named = [str(m.value) for k in _flat(model) if isinstance(k, type) and issubclass(k, Enum) for m in k]
    # Of a Literal the values themselves are what it consists of.
    return named + [k for k in _flat(model) if isinstance(k, str)]


class JsonBody(AbstractDTO[T], Generic[T]):
    """Makes Litestar read a handler's ``data`` with :func:`read`."""

    leave_out_empty_objects = False

    def decode_bytes(self, value: bytes) -> Any:
        """Decode the raw body; without a content type it is taken for JSON."""
        kind = self.asgi_connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != "application/json":
            raise NotSentAsJson
        return read(value, self.model_type, leave_out_empty_objects=self.leave_out_empty_objects)

    def decode_builtins(self, value: Any) -> Any:  # noqa: ARG002 - the framework's signature
        """Refuse forms: JSON endpoints take ``application/json`` only."""
        raise NotSentAsJson

    def data_to_encodable_type(self, data: Any) -> Any:
        """Replies are not encoded here (see envelope.Reply)."""
        return data

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:  # noqa: ARG003 - the framework's signature
        """Litestar's own field handling is not used."""
        return iter(())

    @classmethod
    def detect_nested_field(cls, field_definition: Any) -> bool:  # noqa: ARG003 - the framework's signature
        """Litestar's own field handling is not used."""
        return False

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: Any,
        handler_id: str,  # noqa: ARG003 - the framework's signature
        schema_creator: Any,
    ) -> Any:
        """Print the Struct's own schema."""
        return schema_creator.for_field_definition(field_definition)


class PatchBody(JsonBody[T], Generic[T]):
    """A JSON body in which ``{}`` means "leave as it is"."""

    leave_out_empty_objects = True
