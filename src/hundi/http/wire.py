"""Values of the wire that are more than JSON's own kinds: money, dates, instants (domain §2, §5).

Each is a small class; msgspec hands it the plain JSON value through :func:`dec_hook`, and OpenAPI takes its schema from
:class:`WireSchemas`. What a handler gets has ``.value``.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from types import NoneType, UnionType
from typing import Any, ClassVar, Final, Self, Union, get_args, get_origin

import msgspec
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema
from litestar.params import ParameterKwarg
from litestar.types.empty import Empty
from litestar.typing import FieldDefinition
from msgspec import Meta, UnsetType

from hundi.http.description import plain_text
from hundi.kit.dates import NotADate, parse_date, parse_instant
from hundi.kit.money import MAX_WHOLE_DIGITS, checked_amount

_HUNDRED: Final = Decimal(100)


class WireValueError(ValueError):
    """A value of the wire that cannot be accepted: a code, and a sentence that says what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


class WireValue:
    """A value that was read from the wire."""

    __slots__ = ()
    expected: ClassVar[str] = "a value"
    schema: ClassVar[Schema] = Schema()

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read the plain JSON value, or raise :class:`WireValueError`."""
        raise WireValueError("WRONG_TYPE", f"Send {cls.expected}; this is {raw!r:.40}.")


class Money(WireValue):
    """Rupees as a JSON number: not negative, at most 14 digits before the point.

    ``value`` is rounded half-up to paise; ``sent`` is what came, so that the caller can warn where they differ.
    """

    __slots__ = ("sent", "value")
    expected = "a number"
    schema = Schema(type=OpenAPIType.NUMBER)
    may_be_negative: ClassVar[bool] = False

    def __init__(self, value: Decimal, sent: Decimal) -> None:
        self.value = value
        self.sent = sent

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read a JSON number; text is refused even where it looks like one."""
        if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
            raise WireValueError("WRONG_TYPE", "Send a number, such as 1234.50, without quotes.")
        sent = Decimal(raw)
        checked = checked_amount("", sent, may_be_negative=cls.may_be_negative)
        if checked.error is not None:
            raise WireValueError(checked.error.code, checked.error.message)
        return cls(checked.value, sent)


class SignedMoney(Money):
    """Rupees that may be below zero (a rounding difference)."""

    __slots__ = ()
    may_be_negative = True


class BaseAmount(Money):
    """The documented ``baseAmount``: a number of at least 0.1 (contract §4.1)."""

    __slots__ = ()
    schema = Schema(type=OpenAPIType.NUMBER, minimum=0.1)

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read a JSON number of at least 0.1."""
        read = super().read(raw)
        if read.value < Decimal("0.1"):
            raise WireValueError("TOO_SMALL", "baseAmount must be at least 0.1.")
        return read


class Quantity(WireValue):
    """A number of things, or a price of one: a JSON number, not negative, at most 14 digits before the point.

    ``value`` is rounded half-up to ``places`` decimals, as it is stored.
    """

    __slots__ = ("value",)
    expected = "a number"
    schema = Schema(type=OpenAPIType.NUMBER)
    places: ClassVar[Decimal] = Decimal("0.001")

    def __init__(self, value: Decimal) -> None:
        self.value = value

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read a JSON number; text is refused even where it looks like one."""
        if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
            raise WireValueError("WRONG_TYPE", "Send a number, such as 12.5, without quotes.")
        sent = Decimal(raw)
        if not sent.is_finite() or sent < 0 or (sent and sent.adjusted() >= MAX_WHOLE_DIGITS):
            message = f"Send a number that is not negative, of at most {MAX_WHOLE_DIGITS} digits before the point."
            raise WireValueError("BAD_NUMBER", message)
        return cls(abs(sent.quantize(cls.places, rounding=ROUND_HALF_UP)))


class UnitPrice(Quantity):
    """The price of one unit: four decimals."""

    __slots__ = ()
    places = Decimal("0.0001")


class Percent(Quantity):
    """A rate in percent, 0 to 100, three decimals."""

    __slots__ = ()

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read a rate of at most 100."""
        read = super().read(raw)
        if read.value > _HUNDRED:
            raise WireValueError("BAD_NUMBER", "Send the rate in percent, such as 18.")
        return read


class WireDate(WireValue):
    """A business day: ``yyyy-MM-dd``; a date-time is taken as its day in Asia/Kolkata."""

    __slots__ = ("value",)
    expected = "a date such as 2026-11-30"
    schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE)

    def __init__(self, value: date) -> None:
        self.value = value

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read any of the forms of domain §5."""
        if not isinstance(raw, str):
            raise WireValueError("WRONG_TYPE", f"Send {cls.expected}, as text.")
        try:
            return cls(parse_date(raw))
        except NotADate as error:
            raise WireValueError(error.code, str(error)) from error


class WireDateTime(WireValue):
    """An instant: RFC 3339, or without an offset (then Indian time), or a plain day (then its midnight)."""

    __slots__ = ("value",)
    expected = "a date-time such as 2026-11-30T10:15:00+05:30"
    schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)

    def __init__(self, value: datetime) -> None:
        self.value = value

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read any of the forms of domain §5."""
        if not isinstance(raw, str):
            raise WireValueError("WRONG_TYPE", f"Send {cls.expected}, as text.")
        try:
            return cls(parse_instant(raw))
        except NotADate as error:
            raise WireValueError(error.code, str(error)) from error


class FilterDateTime(WireDateTime):
    """An instant in a search filter, documented as ``yyyy-MM-dd HH:mm:ss`` (contract §4.5)."""

    __slots__ = ()
    schema = Schema(type=OpenAPIType.STRING, examples=["2026-11-30 00:00:00"])


def dec_hook(kind: type, raw: Any) -> Any:
    """Read the value kinds above for msgspec."""
    if issubclass(kind, WireValue):
        return kind.read(raw)
    message = f"no reader for {kind}"
    raise TypeError(message)


def metas(kind: Any) -> list[Meta]:
    """Give the annotations of a type and of the members of a union; those of list items are not among them."""
    own = [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta)]
    if hasattr(kind, "__metadata__"):
        return own + metas(kind.__origin__)
    if get_origin(kind) in {list, dict, tuple}:
        return own
    return own + [meta for part in get_args(kind) for meta in metas(part)]


def _printed(kind: Any, *, is_nullable: bool = False) -> Any:
    """Give the type to print for a field's: without annotations, and nullable only where null has a meaning.

    It has one in PATCH, and in replies where the field is marked ``nullable``.
    """
    if hasattr(kind, "__metadata__"):
        marked = any(
            (meta.extra_json_schema or {}).get("nullable") for meta in kind.__metadata__ if isinstance(meta, Meta)
        )
        return _printed(kind.__origin__, is_nullable=marked)
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    parts = get_args(kind)
    kept = [_printed(part) for part in parts if part not in {NoneType, UnsetType}]
    if (UnsetType in parts or is_nullable) and NoneType in parts:
        kept.append(NoneType)
    return Union[tuple(kept)]  # noqa: UP007 - made at run time


class WireSchemas(StructSchemaPlugin):
    """Shows OpenAPI our Structs and value kinds: patterns, enums and formats as the contract prints them (design §3).

    Litestar's own plugin prints the pattern that is checked and leaves ``extra_json_schema`` out, shows a Decimal as
    text, and calls every optional field nullable.
    """

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Tell whether the type is one of ours."""
        kind = field_definition.annotation
        if isinstance(kind, type) and issubclass(kind, WireValue | Decimal):
            return True
        return super().is_plugin_supported_field(field_definition)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Give the schema of a Struct, of a value kind, or of a number."""
        kind = field_definition.annotation
        if isinstance(kind, type) and issubclass(kind, WireValue):
            return replace(kind.schema)
        if kind is Decimal:
            return Schema(type=OpenAPIType.NUMBER)
        hints = field_definition.get_type_hints(include_extras=True, resolve_generics=True)
        fields = msgspec.structs.fields(field_definition.type_)
        made: Schema = schema_creator.create_component_schema(
            field_definition,
            required=sorted(field.encode_name for field in fields if field.required),
            property_fields={field.encode_name: _property(field, hints[field.name]) for field in fields},
        )
        about = getattr(kind, "__origin__", kind).__doc__
        if about and made.description is None:
            made.description = plain_text(about)
        return made


def _property(field: msgspec.structs.FieldInfo, hint: Any) -> FieldDefinition:
    told: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for meta in metas(hint):
        extra |= {key: value for key, value in (meta.extra_json_schema or {}).items() if key != "nullable"}
        found = {
            name: getattr(meta, name) for name in ("description", "pattern", "min_length", "max_length", "ge", "le")
        }
        told |= {name: value for name, value in found.items() if value is not None}
    printed = _printed(hint)
    if list in {get_origin(printed), *map(get_origin, get_args(printed))}:
        told |= {f"{end}_items": told.pop(f"{end}_length") for end in ("min", "max") if f"{end}_length" in told}
    default = Empty if field.default in {msgspec.NODEFAULT, msgspec.UNSET, None} else field.default
    return FieldDefinition.from_annotation(
        annotation=printed,
        name=field.encode_name,
        default=default,
        kwarg_definition=ParameterKwarg(**told, schema_extra=extra or None),
    )
