"""Instants, business dates and financial years (domain §5). Instants are in UTC; business dates are days in India.

Two readers: :func:`parse_instant` and :func:`parse_date` for the wire, :func:`parse_file_date` for one style a file
column.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final

# India has kept one offset and no summer time since 1945, so a fixed offset needs no zone database on the machine.
IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_APRIL: Final = 4
_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59
_TWO_DIGITS: Final = 2
_MILLISECOND: Final = 1000  # in microseconds
# Spreadsheets count days from here; the count is right from 1 March 1900 on, after their phantom 29 February 1900.
_SERIAL_ZERO: Final = date(1899, 12, 30)

_WIRE: Final = re.compile(
    r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[Tt ](?P<H>[0-9]{2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,9}))?"
    r"(?P<z>[Zz]|(?P<zs>[+-])(?P<zh>[0-9]{2}):(?P<zm>[0-9]{2}))?)?"
)
_MONTHS: Final[Mapping[str, int]] = {
    name: at
    for at, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
} | {"sept": 9}


class NotADate(ValueError):
    """The text is not an acceptable date; ``code`` is stable, ``str()`` says what to write instead.

    Codes: ``DATE_FORMAT`` (not one of the accepted forms), ``DATE_IMPOSSIBLE`` (31-02-2026), ``DATE_OUT_OF_RANGE``
    (outside 1900 to 2200).
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence."""
        self.code = code
        super().__init__(message)


class DateStyle(StrEnum):
    """The date forms of a file column (domain §5). Day first, always."""

    ISO = "yyyy-MM-dd"
    SLASHES = "dd/MM/yyyy"
    DASHES = "dd-MM-yyyy"
    DOTS = "dd.MM.yyyy"
    MONTH_NAME = "d-MMM-yyyy"
    COMPACT = "yyyyMMdd"
    SERIAL = "spreadsheet serial number"


DATE_PATTERNS: Final[Mapping[DateStyle, str]] = {
    DateStyle.ISO: r"^(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})(?:[Tt ].*)?$",
    DateStyle.SLASHES: r"^(?P<d>[0-9]{1,2})/(?P<m>[0-9]{1,2})/(?P<y>[0-9]{4}|[0-9]{2})$",
    DateStyle.DASHES: r"^(?P<d>[0-9]{1,2})-(?P<m>[0-9]{1,2})-(?P<y>[0-9]{4}|[0-9]{2})$",
    DateStyle.DOTS: r"^(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[0-9]{4}|[0-9]{2})$",
    DateStyle.MONTH_NAME: r"^(?P<d>[0-9]{1,2})[- /](?P<m>[A-Za-z]{3,4})[- /](?P<y>[0-9]{4}|[0-9]{2})$",
    DateStyle.COMPACT: r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})$",
    DateStyle.SERIAL: r"^(?P<n>[0-9]{5,6})(?:\.[0-9]*)?$",
}
"""What each style looks like, without look-around; no text matches two of them. Two-digit years are 20yy."""
_SAMPLES: Final[Mapping[DateStyle, str]] = {
    DateStyle.ISO: "2026-11-30", DateStyle.SLASHES: "30/11/2026", DateStyle.DASHES: "30-11-2026",
    DateStyle.DOTS: "30.11.2026", DateStyle.MONTH_NAME: "30-Nov-2026", DateStyle.COMPACT: "20261130",
    DateStyle.SERIAL: "46356",
}  # fmt: skip
_STYLES: Final = {style: re.compile(pattern) for style, pattern in DATE_PATTERNS.items()}


def ist_date(instant: datetime) -> date:
    """Give the day in India on which an aware instant falls. Raises ``ValueError`` on a naive one."""
    if instant.tzinfo is None:
        message = "an instant without a zone has no day in India"
        raise ValueError(message)
    return instant.astimezone(IST).date()


def start_of_day(day: date) -> datetime:
    """Give the instant (UTC) at which a day begins in India."""
    return datetime.combine(day, time.min, IST).astimezone(UTC)


def financial_year(day: date) -> int:
    """Give the year in which the financial year (April to March) of a day began: 2026 for FY 2026-27.

    An instant counts by its day in India: ``2026-03-31T20:00:00Z`` is already FY 2026-27 (domain §1).
    """
    if isinstance(day, datetime):
        day = ist_date(day)
    return day.year if day.month >= _APRIL else day.year - 1


def fy_compact(year: int) -> str:
    """Write the financial year as ``2627``."""
    return f"{year % 100:02d}{(year + 1) % 100:02d}"


def fy_short(year: int) -> str:
    """Write the financial year as ``26-27``."""
    return f"{year % 100:02d}-{(year + 1) % 100:02d}"


def fy_long(year: int) -> str:
    """Write the financial year as ``2026-27``."""
    return f"{year:04d}-{(year + 1) % 100:02d}"


def parse_instant(text: str) -> datetime:
    """Read a wire date-time (domain §5) as an instant in UTC: Indian time without an offset, midnight without a time.

    RFC 3339, ``yyyy-MM-ddTHH:mm:ss[.fff]``, ``yyyy-MM-dd HH:mm:ss``, ``yyyy-MM-dd``. Raises :class:`NotADate`.
    """
    found = _WIRE.fullmatch(text)
    if found is None:
        raise NotADate("DATE_FORMAT", "Send a date such as 2026-11-30 or 2026-11-30T10:15:00+05:30.")
    day = _day(int(found["y"]), int(found["m"]), int(found["d"]))
    if found["H"] is None:
        return start_of_day(day)
    micros = int((found["f"] or "0").ljust(6, "0")[:6])
    try:
        clock = time(int(found["H"]), int(found["M"]), int(found["S"]), micros, _zone(found))
    except ValueError as error:
        raise NotADate("DATE_IMPOSSIBLE", "There is no such time of day: use 00:00:00 to 23:59:59.") from error
    return datetime.combine(day, clock).astimezone(UTC)


def _zone(found: re.Match[str]) -> timezone:
    if found["z"] is None:
        return IST
    if found["zs"] is None:
        return UTC
    if int(found["zh"]) > _LAST_HOUR or int(found["zm"]) > _LAST_MINUTE:
        raise NotADate("DATE_IMPOSSIBLE", "The offset must lie between -23:59 and +23:59.")
    offset = timedelta(hours=int(found["zh"]), minutes=int(found["zm"]))
    return timezone(-offset if found["zs"] == "-" else offset)


def parse_date(text: str) -> date:
    """Read a wire date; a date-time is taken as the day it falls on in India. Raises :class:`NotADate`."""
    day = ist_date(parse_instant(text))
    return _day(day.year, day.month, day.day)


def _day(year: int, month: int, day: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotADate("DATE_OUT_OF_RANGE", f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}.")
    try:
        return date(year, month, day)
    except ValueError as error:
        message = f"There is no day {day:02d} of month {month:02d} in {year}."
        raise NotADate("DATE_IMPOSSIBLE", message) from error


def parse_file_date(text: str, style: DateStyle) -> date:
    """Read one cell of a file column whose style is known (domain §5). Raises :class:`NotADate`.

    ``ISO`` cells may carry a time: all wire forms are read, and the day in India is taken.
    """
    trimmed = text.strip()
    found = _STYLES[style].match(trimmed)
    if found is None or trimmed.endswith("\n"):
        message = f"The other dates of this column are written {style.value}; write this one so too: {_SAMPLES[style]}."
        raise NotADate("DATE_FORMAT", message)
    if style is DateStyle.ISO:
        return parse_date(trimmed)
    if style is DateStyle.SERIAL:
        day = _SERIAL_ZERO + timedelta(days=int(found["n"]))
        return _day(day.year, day.month, day.day)
    year = int(found["y"])
    if len(found["y"]) == _TWO_DIGITS:
        year += 2000
    if style is DateStyle.MONTH_NAME:
        month = _MONTHS.get(found["m"].lower())
        if month is None:
            raise NotADate("DATE_FORMAT", f"{found['m']} is no month: write Jan, Feb, Mar and so on.")
        return _day(year, month, int(found["d"]))
    try:
        return _day(year, int(found["m"]), int(found["d"]))
    except NotADate as error:
        if error.code != "DATE_IMPOSSIBLE" or style is DateStyle.COMPACT:
            raise
        raise NotADate(error.code, f"{error} Dates are read day first.") from error


def format_instant(instant: datetime) -> str:
    """Write an instant as RFC 3339 in India: ``2026-11-30T10:15:00+05:30``, milliseconds where there are any."""
    precision = "milliseconds" if instant.microsecond >= _MILLISECOND else "seconds"
    return instant.astimezone(IST).isoformat(timespec=precision)


def format_plain(instant: datetime) -> str:
    """Write an instant as ``yyyy-MM-dd HH:mm:ss`` in Indian time: ``errorResponse.timestamp`` and search filters."""
    return instant.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")
