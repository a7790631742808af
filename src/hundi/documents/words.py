"""How amounts, quantities and dates are written on an Indian document."""

from datetime import date
from decimal import Decimal
from typing import Final

from num2words import num2words

from hundi.kit.money import round_to_paise

RUPEE: Final = "₹"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CRORE: Final = 10_000_000


def grouped(amount: Decimal) -> str:
    """Return rupees with two decimals and Indian grouping: ``12345678.5`` is ``1,23,45,678.50``."""
    exact = round_to_paise(amount)
    whole, _, paise = f"{abs(exact):f}".partition(".")
    sign = "-" if exact < 0 else ""
    return f"{sign}{_indian_groups(whole)}.{paise}"


def inr(amount: Decimal) -> str:
    """Return rupees as people read them: ``₹1,23,456.78``; a negative amount carries its sign before the ₹."""
    text = grouped(amount)
    return f"-{RUPEE}{text[1:]}" if text.startswith("-") else f"{RUPEE}{text}"


def plain_number(number: Decimal, least_decimals: int = 0) -> str:
    """Return a quantity, rate or unit price without needless zeros, grouped: ``1250.500`` is ``1,250.5``.

    At least ``least_decimals`` digits stand after the point (2 for prices).
    """
    whole, _, decimals = f"{abs(number):f}".partition(".")
    decimals = decimals.rstrip("0").ljust(least_decimals, "0")
    sign = "-" if number < 0 and (int(whole) or decimals.strip("0")) else ""
    return f"{sign}{_indian_groups(whole)}" + (f".{decimals}" if decimals else "")


def long_date(day: date) -> str:
    """Return a date nobody can misread: ``30 Nov 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def rupees_in_words(amount: Decimal) -> str:
    """Return an amount in words with lakh and crore: ``Rupees One Lakh Two and Fifty Paise Only`` (domain §8)."""
    exact = abs(round_to_paise(amount))
    rupees = int(exact)
    paise = int((exact - rupees) * 100)
    parts = [f"Rupees {_cardinal(rupees)}"]
    if paise:
        parts.append(f"and {_cardinal(paise)} Paise")
    return ("Minus " if amount < 0 and exact else "") + " ".join(parts) + " Only"


def _cardinal(number: int) -> str:
    # num2words stops below a thousand crore, so crores are counted in words of their own: "Two Lakh Five Crore".
    crores, rest = divmod(number, _CRORE)
    words = []
    if crores:
        words.append(f"{_cardinal(crores)} Crore")
    if rest or not crores:
        text: str = num2words(rest, lang="en_IN")
        words.append(" ".join(word.capitalize() if word != "and" else word for word in text.replace(",", "").split()))
    return " ".join(words)


def _indian_groups(whole: str) -> str:
    head, tail = whole[:-3], whole[-3:]
    groups = [tail]
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join(groups)
