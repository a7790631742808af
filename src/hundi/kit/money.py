"""Rupees and paise: rounding, reading and writing amounts. Always ``Decimal``, two decimals when stored.

Every rounding in Hundi is one of the named functions of this module (domain §2: half-up to paise).
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

import msgspec

from hundi.kit.errors import FieldProblem

PAISA: Final = Decimal("0.01")
ZERO: Final = Decimal("0.00")
ONE_RUPEE: Final = Decimal("1.00")
MAX_WHOLE_DIGITS: Final = 14
"""Digits before the point of any amount (domain §2). ``numeric(18,2)`` has room for two more: sums never overflow."""
MAX_AMOUNT: Final = Decimal("99999999999999.99")

# Amounts have at most 16 digits, rates at most 6: 64 digits never round silently, whatever the thread's context says.
_EXACT: Final = Context(prec=64, rounding=ROUND_HALF_UP)
_SHOWN_CHARACTERS: Final = 40
_LONGEST_TEXT: Final = 64

AMOUNT_PATTERN: Final = (
    r"^(?P<open>\()?\s*(?P<sign>[+-])?\s*(?:₹|[Rr][Ss]\.?|INR)?\s*(?P<sign2>[+-])?\s*"
    r"(?P<number>(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3})(?:\.[0-9]*)?|\.[0-9]+)"
    r"\s*(?:/[-=])?\s*(?P<side>[DdCc][Rr]\.?)?\s*(?P<close>\))?$"
)
"""The amounts of domain §5, without look-around, so that vectorised readers can use the same text.

Groups: ``open``/``close`` brackets mean negative, ``sign``/``sign2`` (one at most), ``number`` with its commas, and
``side``, Dr or Cr.
"""
_AMOUNT: Final = re.compile(AMOUNT_PATTERN)
_DECIMAL_COMMA: Final = re.compile(r"[0-9],[0-9]{1,2}$")
_EXPONENT: Final = re.compile(r"[0-9][eE][+-]?[0-9]")


class NotAnAmount(ValueError):
    """The text is not an amount; ``code`` is stable, ``str()`` says what to write instead."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence."""
        self.code = code
        super().__init__(message)


class CheckedAmount(msgspec.Struct, frozen=True):
    """An amount rounded to paise, or why it cannot be one. ``value`` is 0.00 when ``error`` is set."""

    value: Decimal
    error: FieldProblem | None = None
    warning: FieldProblem | None = None


def round_to_paise(value: Decimal) -> Decimal:
    """Round half-up to two decimals; a half goes away from zero (0.005 → 0.01, -0.005 → -0.01). Never gives ``-0.00``.

    The value must be finite and below 10^60; check input of strangers with :func:`checked_amount` first.
    """
    rounded = value.quantize(PAISA, context=_EXACT)
    return rounded or ZERO


def round_to_rupee(value: Decimal) -> Decimal:
    """Round half-up to whole rupees, with two decimals shown: what an invoice's round-off line aims at."""
    return value.quantize(Decimal(1), context=_EXACT).quantize(PAISA, context=_EXACT) + ZERO


def percent_of(amount: Decimal, rate: Decimal) -> Decimal:
    """Give half-up(amount * rate / 100) in paise."""
    return round_to_paise(_EXACT.divide(_EXACT.multiply(amount, rate), Decimal(100)))


def half_percent_of(amount: Decimal, rate: Decimal) -> Decimal:
    """Give half-up(amount * rate / 200) in paise: the central or the state half of a GST rate (domain §2)."""
    return round_to_paise(_EXACT.divide(_EXACT.multiply(amount, rate), Decimal(200)))


def rupees(value: Decimal | int | str) -> Decimal:
    """Make an amount in rupees from a trusted value, half-up to paise. Raises ``ValueError`` on NaN and infinities."""
    amount = Decimal(value)
    if not amount.is_finite():
        message = f"{value} is not an amount of money"
        raise ValueError(message)
    return round_to_paise(amount)


def in_paise(value: Decimal) -> int:
    """Give an amount of at most two decimals as a whole number of paise."""
    return int(round_to_paise(value).scaleb(2, context=_EXACT))


def checked_amount(field: str, value: Decimal, *, may_be_negative: bool = False) -> CheckedAmount:
    """Accept a stranger's Decimal as an amount, or say why not. Never raises, whatever the Decimal (domain §2).

    Errors: ``NOT_A_NUMBER`` (NaN, infinities), ``TOO_LARGE`` (over 14 digits before the point), ``NEGATIVE``.
    Warning: ``ROUNDED`` when there were more than two decimals. The size is judged by the exponent before anything is
    computed, so 1e400 costs nothing.
    """
    if not value.is_finite():
        return _refused(field, value, "NOT_A_NUMBER", "Send a number, such as 1234.50.")
    if value and value.adjusted() >= MAX_WHOLE_DIGITS:
        return _too_large(field, value)
    if value < 0 and not may_be_negative:
        return _refused(field, value, "NEGATIVE", "The amount may not be below zero.")
    rounded = round_to_paise(value) if value else ZERO
    if abs(rounded) > MAX_AMOUNT:
        return _too_large(field, value)
    if rounded == value:
        return CheckedAmount(rounded)
    message = f"More than two decimals: rounded half-up to {rounded}."
    return CheckedAmount(rounded, warning=FieldProblem(field, "ROUNDED", message, shown(value)))


def _too_large(field: str, value: Decimal) -> CheckedAmount:
    return _refused(field, value, "TOO_LARGE", f"At most {MAX_WHOLE_DIGITS} digits before the point.")


def _refused(field: str, value: Decimal, code: str, message: str) -> CheckedAmount:
    return CheckedAmount(ZERO, error=FieldProblem(field, code, message, shown(value)))


def shown(value: object) -> str:
    """Give a rejected value as short text for an error: at most 40 characters, then an ellipsis."""
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def parse_amount(text: str) -> Decimal:
    """Read an amount as people write it in files (domain §5), exactly, unrounded.

    ``1,23,456.78`` and ``123,456.78``, ``₹``, ``Rs.``, ``INR``, ``1234/-``, ``(1,234.00)`` = negative, trailing ``Dr``
    = positive (the customer owes) and ``Cr`` = negative. Raises :class:`NotAnAmount` with code ``NOT_AN_AMOUNT``,
    ``AMOUNT_GROUPING`` (commas that are neither Indian nor Western: ``12,34`` might be a decimal comma),
    ``AMOUNT_EXPONENT`` (``1.2E+05``: a spreadsheet has thrown digits away).
    """
    trimmed = text.replace("\u00a0", " ").strip()
    found = _AMOUNT.match(trimmed) if len(trimmed) <= _LONGEST_TEXT else None
    if found is None:
        raise _why_not(trimmed)
    if bool(found["open"]) != bool(found["close"]) or (found["sign"] and found["sign2"]):
        raise _why_not(trimmed)
    signs = found["sign"] or found["sign2"]
    credit = bool(found["side"]) and found["side"][0] in "Cc"
    if sum((bool(found["open"]), bool(signs), bool(found["side"]))) > 1:
        raise NotAnAmount("NOT_AN_AMOUNT", "Say once that the amount is negative: a minus sign, brackets or Cr.")
    value = Decimal(found["number"].replace(",", ""))
    return -value if found["open"] or signs == "-" or credit else value


def _why_not(text: str) -> NotAnAmount:
    if _EXPONENT.search(text):
        return NotAnAmount("AMOUNT_EXPONENT", "Write the amount out in full: a form like 1.2E+05 has lost digits.")
    if "," in text and (_DECIMAL_COMMA.search(text) or re.fullmatch(r"[0-9,.]+", text)):
        return NotAnAmount("AMOUNT_GROUPING", "Group digits as 1,23,456.78 and put a point before the paise.")
    return NotAnAmount("NOT_AN_AMOUNT", "Write an amount such as 1,23,456.78.")


def format_inr(value: Decimal, *, symbol: bool = False) -> str:
    """Write an amount with Indian grouping and two decimals: ``1,23,456.78``, ``-1,23,456.78``, ``₹1,23,456.78``."""
    rounded = round_to_paise(value)
    whole, _, paise = f"{abs(rounded):f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(at - 2, 0) : at] for at in range(len(head), 0, -2)][::-1]
    sign = "-" if rounded < 0 else ""
    return f"{sign}{'₹' if symbol else ''}{','.join([*groups, tail])}.{paise}"
