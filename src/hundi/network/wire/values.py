"""Values of the network's messages: texts with their printed patterns, amounts, days and instants (contract b2b §2, §9.2).

A pattern is printed in the API document exactly as the network's pages print it. What is checked may be an equivalent that
is quicker or that also refuses the newline `$` lets pass (design §3).
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Self

from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema
from msgspec import Meta

from hundi.http.wire import WireValue, WireValueError
from hundi.kit.dates import NotADate, parse_date, parse_instant

PRINTED_PAN: Final = "^[a-zA-Z0-9]{50}$"
_INDIAN_DAY: Final = re.compile(r"(?P<day>[0-9]{1,2})[/.-](?P<month>[0-9]{1,2})[/.-](?P<year>[0-9]{4})\Z")
_MOST: Final = Decimal("99999999999999.99")
_MOST_QUANTITY: Final = Decimal("9999999999.999")
_SMALL: Final = 999
_MOST_RATE: Final = Decimal("999.999")


def printed(checked: str, pattern: str, *, proper: str | None = None) -> Meta:
    """Check one pattern and print another: the one of the network's pages. ``proper`` is what that was meant to say."""
    return Meta(pattern=checked, extra_json_schema={"pattern": pattern}, extra={"proper": proper} if proper else None)


def _made_by_us(prefix: str) -> Meta:
    """Take any text of 1 to 100 characters, as the pages do; what is proper begins with the kind's prefix."""
    return printed(r'\A[^\\"]{1,100}\Z', r'^([^\\"]){1,100}$', proper=f"^({prefix})[A-Za-z0-9]{{32}}$")


# Free text of the network: no backslash and no double quote, as in NIC's schema. The number is the most characters.
Text20 = Annotated[str, printed(r'\A[^\\"]{1,20}\Z', r'^([^\\"]){1,20}$')]
Text50 = Annotated[str, printed(r'\A[^\\"]{1,50}\Z', r'^([^\\"]){1,50}$')]
Text100 = Annotated[str, printed(r'\A[^\\"]{1,100}\Z', r'^([^\\"]){1,100}$')]
Text256 = Annotated[str, printed(r'\A[^\\"]{1,256}\Z', r'^([^\\"]){1,256}$')]
Text300 = Annotated[str, printed(r'\A[^\\"]{1,300}\Z', r'^([^\\"]){1,300}$')]
Text1000 = Annotated[str, printed(r'\A[^\\"]{1,1000}\Z', r'^([^\\"]){1,1000}$')]
Word = Annotated[str, printed(r"\A[^\\\"]{1,40}\Z", r'^([^\\"]){1,40}$')]
"""A name out of a vocabulary that is not published: kept as it came where it means nothing to us."""

B2BId = Text100
InvoiceId = Annotated[
    str,
    printed(r"\A[INV]{3}[A-Za-z0-9]{32}\Z", "^[INV]{3}[A-Za-z0-9]{32,32}$", proper="^INV[A-Za-z0-9]{32}$"),
]
PaymentId = Annotated[
    str,
    printed(r"\A[PMT]{3}[A-Za-z0-9]{32}\Z", "^[PMT]{3}[A-Za-z0-9]{32,32}$", proper="^PMT[A-Za-z0-9]{32}$"),
]
InstituteId = Annotated[
    str,
    printed(r"\A[ORG]{3}[A-Za-z0-9]{32}\Z", "^[ORG]{3}[A-Za-z0-9]{32,32}$", proper="^ORG[A-Za-z0-9]{32}$"),
]
# The pages give plain text for these; the prefixes are ours (contract b2b §1.1).
OrderId = Annotated[str, _made_by_us("PUR")]
NoteId = Annotated[str, _made_by_us("CRN|DBN")]
FinancingId = Annotated[str, _made_by_us("FIN")]
BidId = Annotated[str, _made_by_us("BID")]

Gstin = Annotated[str, printed(r"\A(?:[0-9]{2}[0-9A-Z]{13}|URP)\Z", "^([0-9]{2}[0-9A-Z]{13}|URP)$")]
StateCode = Annotated[str, printed(r"\A(?:[0-9]{1,2}|[A-Z]{2})\Z", "^([0-9]{1,2}|[A-Z]{2})$")]
Pincode = Annotated[str, printed(r"\A[1-9][0-9]{5}\Z", "^[1-9][0-9]{5}$")]
HsnCode = Annotated[str, printed(r"\A(?:[0-9]{4}|[0-9]{6}|[0-9]{8})\Z", "^([0-9]{4}|[0-9]{6}|[0-9]{8})$")]
Unit = Annotated[str, printed(r"\A[A-Za-z]{2,8}\Z", "^[A-Za-z]{2,8}$")]
Country = Annotated[str, printed(r"\A[A-Za-z]{2}\Z", "^[A-Za-z]{2}$")]
Ifsc = Annotated[str, printed(r"\A[A-Z]{4}0[A-Z0-9]{6}\Z", "^[A-Z]{4}0[A-Z0-9]{6}$")]
Vpa = Annotated[
    str, printed(r"\A[A-Za-z0-9._-]{2,256}@[A-Za-z0-9.]{2,64}\Z", "^[A-Za-z0-9._-]{2,256}@[A-Za-z0-9.]{2,64}$")
]
Mcc = Annotated[str, printed(r"\A[0-9A-Za-z]{4}\Z", "^[0-9A-Za-z]{4}$")]
Email = Annotated[str, printed(r'\A[^\\"@\s]{1,64}@[^\\"@\s]{3,190}\Z', r'^[^\\"@\s]{1,64}@[^\\"@\s]{3,190}$')]
CountryCode = Annotated[str, printed(r"\A\+?[0-9]{1,4}\Z", r"^\+?[0-9]{1,4}$")]
PhoneNumber = Annotated[str, printed(r"\A[0-9]{6,12}\Z", "^[0-9]{6,12}$")]
Irn = Annotated[str, printed(r"\A[0-9A-Fa-f]{64}\Z", "^[0-9A-Fa-f]{64}$")]
Pan = Annotated[
    str, printed(r"\A(?:[A-Z]{5}[0-9]{4}[A-Z]|[a-zA-Z0-9]{50})\Z", PRINTED_PAN, proper="^[A-Z]{5}[0-9]{4}[A-Z]$")
]
"""The page prints 50 characters, which no PAN has: a real PAN and what the page prints are both taken by default."""
Version = Annotated[int, Meta(ge=0, le=1_000_000)]


class _Number(WireValue):
    """A JSON number between zero and a bound; ``value`` is as exact as it came."""

    __slots__ = ("value",)
    expected = "a number"
    schema = Schema(type=OpenAPIType.NUMBER)
    least: ClassVar[Decimal] = Decimal(0)
    most: ClassVar[Decimal] = _MOST
    step: ClassVar[Decimal] = Decimal("0.01")
    _small: ClassVar[dict[int, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._small = {}

    def __init__(self, value: Decimal) -> None:
        self.value = value

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read a JSON number; text is refused even where it looks like one."""
        kind = type(raw)
        if kind is int:
            # Below it every kind of number is in range; asked first, because most numbers are small and whole. A value is
            # never changed, so that one does for all that are alike.
            if 0 <= raw <= _SMALL:
                made: Self | None = cls._small.get(raw)
                if made is None:
                    made = cls._small[raw] = cls(Decimal(raw))
                return made
            raw = Decimal(raw)
        elif kind is not Decimal:
            raise WireValueError("WRONG_TYPE", "Send a number, such as 1234.50, without quotes.")
        if not cls.least <= raw <= cls.most:
            raise WireValueError("OUT_OF_RANGE", f"Send a number from {cls.least} to {cls.most}.")
        if kind is Decimal and raw % cls.step:
            raise WireValueError("TOO_PRECISE", f"Send a multiple of {cls.step}.")
        return cls(raw)


class Amount(_Number):
    """Rupees: at most 14 digits before the point and two behind it (NIC INV-01, domain §2)."""

    __slots__ = ()


class SignedAmount(_Number):
    """Rupees that may be below zero (a rounding difference)."""

    __slots__ = ()
    least = -_MOST


class Count(_Number):
    """A quantity: at most ten digits before the point and three behind it (NIC ``Qty``)."""

    __slots__ = ()
    most = _MOST_QUANTITY
    step = Decimal("0.001")


class Price(_Number):
    """The price of one unit: up to four decimals."""

    __slots__ = ()
    step = Decimal("0.0001")


class Rate(_Number):
    """A tax rate in percent (NIC: at most 999.999)."""

    __slots__ = ()
    most = _MOST_RATE
    step = Decimal("0.001")


class Whole(_Number):
    """A whole number: days, kilometres."""

    __slots__ = ()
    schema = Schema(type=OpenAPIType.INTEGER)
    most = Decimal(9999)
    step = Decimal(1)


class Instant(WireValue):
    """An instant in ISO 8601 with its offset; without one it is Indian time. ``sent`` is the text as it came."""

    __slots__ = ("sent", "value")
    expected = "a timestamp such as 2026-08-10T17:57:35+05:30"
    schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)

    def __init__(self, value: datetime, sent: str) -> None:
        self.value = value
        self.sent = sent

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read the forms of domain §5."""
        return cls(_from_text(cls, parse_instant, raw), raw)


class Day(WireValue):
    """A day: ``yyyy-MM-dd``, or ``dd/MM/yyyy`` as NIC writes it. ``sent`` is the text as it came."""

    __slots__ = ("sent", "value")
    expected = "a day such as 2026-11-30 or 30/11/2026"
    schema = Schema(type=OpenAPIType.STRING)

    def __init__(self, value: date, sent: str) -> None:
        self.value = value
        self.sent = sent

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read either way of writing a day."""
        return cls(_from_text(cls, _day, raw), raw)


def _day(text: str) -> date:
    found = _INDIAN_DAY.match(text)
    if found is None:
        return parse_date(text)
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        raise NotADate("DATE_FORMAT", f"There is no day {text}.") from None


def _from_text(kind: type[WireValue], read: Callable[[str], Any], raw: Any) -> Any:
    if not isinstance(raw, str):
        raise WireValueError("WRONG_TYPE", f"Send {kind.expected}, as text.")
    try:
        return read(raw)
    except NotADate as error:
        raise WireValueError(error.code, str(error)) from error


def plain(value: Any) -> Any:
    """Give what stood in the JSON for a value kind: the encoder's hook."""
    kind = type(value)
    if kind is Instant or kind is Day:
        return value.sent
    if issubclass(kind, _Number):
        return value.value
    message = f"no plain form of {type(value)}"
    raise TypeError(message)
