"""Reading a message: at most 2 MB, every wrong path named, and the proper patterns where they are asked for.

The network's pages print patterns that let too much through or nothing at all (contract b2b §1.1, domain §11). By default
a message that keeps to the page is taken; ``HUNDI_NETWORK_PROPER_PATTERNS`` asks for ids with their own prefix and for PANs
that are PANs.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from hundi.http.body import JsonBody, NotJson, NotSentAsJson, parse, problems_of
from hundi.http.wire import WireValue, WireValueError, metas
from hundi.kit.errors import ErrorType, FieldProblem, Invalid, Refusal
from hundi.network.wire.values import plain

T = TypeVar("T")

MAX_BYTES: Final = 2 * 1024 * 1024
MOST_PROBLEMS: Final = 2000
"""The most wrong paths one reply lists; the count it tells goes on to ten times that."""
_MOST_COUNTED: Final = 10 * MOST_PROBLEMS
_SHOWN: Final = 100
_ENCODER: Final = msgspec.json.Encoder(enc_hook=plain, decimal_format="number")


class MessageTooLarge(Refusal):
    """A message may have 2 MB at most. Send fewer lines, or send papers as links."""

    code, status, error_type = "MESSAGE_TOO_LARGE", 413, ErrorType.CLIENT_REQUEST_ERROR


def read(body: bytes, model: type[T], *, proper: bool = False) -> T:
    """Turn a body into a message, or raise :class:`Invalid` with every path that is wrong, up to 2,000, and their count.

    ``proper`` refuses what the printed patterns let pass by mistake. Raises :class:`MessageTooLarge` over 2 MB.
    """
    if len(body) > MAX_BYTES:
        raise MessageTooLarge
    raw = parse(body)
    if not isinstance(raw, dict):
        message = "Send a JSON object."
        raise NotJson(message)
    problems: list[FieldProblem] = []
    made: T | None = None
    try:
        made = msgspec.convert(raw, model, dec_hook=_value)
    except (msgspec.ValidationError, WireValueError) as error:
        problems = problems_of(raw, model, most=_MOST_COUNTED) or [FieldProblem("body", "NOT_ACCEPTED", f"{error}.")]
    if proper:
        wrong = {problem.field for problem in problems}
        problems += [problem for problem in _improper(raw, _look(model), "") if problem.field not in wrong]
    if problems or made is None:
        raise too_many(problems)
    return made


def _value(kind: type[WireValue], raw: Any) -> WireValue:
    """Read a value of a message: all that are more than JSON's own kinds read themselves."""
    return kind.read(raw)


def too_many(problems: list[FieldProblem]) -> Invalid:
    """Make the refusal of a message: all problems, or the first 2,000 and how many there are."""
    if len(problems) <= MOST_PROBLEMS:
        return Invalid(problems=problems)
    count = f"{len(problems)}" if len(problems) < _MOST_COUNTED else f"at least {_MOST_COUNTED}"
    message = f"{count} fields are wrong; the first {MOST_PROBLEMS} are listed."
    return Invalid(message, problems=problems[:MOST_PROBLEMS])


def written(message: msgspec.Struct | Sequence[Any]) -> bytes:
    """Write a message, or parts of one, as the network carries it: published members only, numbers and times as they came."""
    return _ENCODER.encode(message)


def plainly(message: msgspec.Struct) -> dict[str, Any]:
    """Give a message as plain Python: what :func:`written` would write, with Decimal for numbers with a point."""
    found: dict[str, Any] = msgspec.to_builtins(message, enc_hook=plain, builtin_types=(Decimal,))
    return found


class _Look(NamedTuple):
    """What is looked at in a value: the patterns that were meant, the structs it may be, and the items of its lists."""

    meant: tuple[str, ...]
    structs: tuple[type[msgspec.Struct], ...]
    items: tuple["_Look", ...]


def _look(model: Any) -> _Look:
    members = _members(model)
    return _Look(
        meant=tuple(str(meta.extra["proper"]) for meta in metas(model) if meta.extra and "proper" in meta.extra),
        structs=tuple(kind for kind in members if isinstance(kind, type) and issubclass(kind, msgspec.Struct)),
        items=tuple(_look(get_args(kind)[0]) for kind in members if get_origin(kind) is list),
    )


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, _Look], ...]:
    """Give the fields of a struct by the names they have on the wire; worked out once, for each message asks."""
    return tuple((field.encode_name, _look(field.type)) for field in msgspec.structs.fields(kind))


def _improper(raw: Any, look: _Look, path: str) -> list[FieldProblem]:
    """List the texts that fit a printed pattern's slip but not what it was meant to say."""
    if isinstance(raw, str):
        return [
            FieldProblem(path, "BAD_FORMAT", f"Send a value of the form {meant}.", raw[:_SHOWN])
            for meant in look.meant
            if not re.fullmatch(meant, raw)
        ]
    inner: list[tuple[Any, _Look, str]] = []
    if isinstance(raw, dict):
        fields = [field for kind in look.structs for field in _fields(kind) if field[0] in raw]
        inner = [(raw[name], below, f"{path}.{name}" if path else name) for name, below in fields]
    elif isinstance(raw, list):
        inner = [(item, below, f"{path}[{number}]") for below in look.items for number, item in enumerate(raw)]
    return [problem for value, below, where in inner for problem in _improper(value, below, where)]


def _members(model: Any) -> list[Any]:
    if hasattr(model, "__metadata__"):
        return _members(model.__origin__)
    if get_origin(model) is None or get_origin(model) is list:
        return [model]
    return [kind for part in get_args(model) for kind in _members(part)]


class NetworkBody(JsonBody[T], Generic[T]):
    """Makes Litestar read a handler's ``data`` with :func:`read`, as strictly as the settings say."""

    def decode_bytes(self, value: bytes) -> Any:
        """Decode the raw body; without a content type it is taken for JSON."""
        kind = self.asgi_connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != "application/json":
            raise NotSentAsJson
        settings = self.asgi_connection.app.state.settings
        return read(value, self.model_type, proper=settings.network_proper_patterns)
