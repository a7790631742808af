"""GST rates as dated data (domain §2). An unlisted rate is a warning, an error only where an e-invoice is made.

The dates are those of the rate notifications as reported by secondary sources (named on each line); they decide whether
a rate is *listed* on a day, never which goods it belongs to, which Hundi does not judge.

Certain (several sources agree): the slabs 5, 12, 18, 28 to 21-Sep-2025; 5, 18 and 40 from 22-Sep-2025; 28 for tobacco
and pan masala to 31-Jan-2026 and 40 (biris 18) from 1-Feb-2026; 0.25 and 3 kept. Less certain, and therefore listed
generously, so that a true rate is never refused: the first days of 0.1, 1, 1.5, 6 and 7.5, and that 12 lives on for
bricks alone after 21-Sep-2025.
"""

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from hundi.kit.errors import FieldProblem


class ListedRate(msgspec.Struct, frozen=True):
    """A rate in percent (central and state halves together), valid from ``start`` to ``end``, both included."""

    rate: Decimal
    start: date
    end: date | None
    source: str


def _listed(rate: str, start: str, end: str | None, source: str) -> ListedRate:
    return ListedRate(Decimal(rate), date.fromisoformat(start), date.fromisoformat(end) if end else None, source)


LISTED_RATES: Final = (
    _listed("0", "2017-07-01", None, "exempt and nil-rated supplies, since GST began"),
    _listed("0.1", "2017-10-23", None, "supplies to merchant exporters, Notification 40/2017-CT(R) and 41/2017-IT(R)"),
    _listed("0.25", "2017-07-01", None, "rough precious stones, Notification 1/2017-CT(R) schedule VI"),
    _listed("1", "2019-04-01", None, "affordable housing without input credit, Notification 3/2019-CT(R)"),
    _listed("1.5", "2019-10-01", None, "diamonds: job work, cut and polished stones from 18-Jul-2022"),
    _listed("3", "2017-07-01", None, "gold, silver, jewellery, Notification 1/2017-CT(R) schedule V"),
    _listed("5", "2017-07-01", None, "merit rate, kept by Notification 9/2025-CT(R) from 22-Sep-2025"),
    _listed("6", "2022-04-01", None, "bricks without input credit, Notification 2/2022-CT(R)"),
    _listed("7.5", "2019-04-01", None, "other housing, effective 5 after land, Notification 3/2019-CT(R)"),
    _listed("12", "2017-07-01", None, "old slab to 21-Sep-2025; bricks with input credit after it"),
    _listed("18", "2017-07-01", None, "standard rate, kept by Notification 9/2025-CT(R); biris from 1-Feb-2026"),
    _listed(
        "28",
        "2017-07-01",
        "2026-01-31",
        "old slab to 21-Sep-2025; tobacco and pan masala until Notification 19/2025-CT(R) omitted their schedule",
    ),
    _listed(
        "40",
        "2025-09-22",
        None,
        "demerit rate, Notification 9/2025-CT(R); tobacco and pan masala from 1-Feb-2026, Notification 19/2025-CT(R)",
    ),
)


@lru_cache(maxsize=1024)
def _in_force(day: date) -> frozenset[Decimal]:
    return frozenset(
        listed.rate for listed in LISTED_RATES if listed.start <= day and (listed.end is None or day <= listed.end)
    )


def is_listed(rate: Decimal, day: date) -> bool:
    """Tell whether a rate (percent, both halves together) is one of those in force on ``day``."""
    return rate in _in_force(day)


def was_ever_listed(rate: Decimal) -> bool:
    """Tell whether a rate was in force on any day: a note keeps the rate of the supply it corrects."""
    return any(listed.rate == rate for listed in LISTED_RATES)


def rates_on(day: date) -> list[Decimal]:
    """List the rates in force on ``day``, lowest first."""
    return sorted(_in_force(day))


def rate_problem(field: str, rate: Decimal, day: date) -> FieldProblem | None:
    """Give ``RATE_UNLISTED`` for a rate that is not in force on ``day``: a warning, an error in an e-invoice."""
    if rate.is_finite() and is_listed(rate, day):
        return None
    known = ", ".join(f"{one}%" for one in rates_on(day))
    return FieldProblem(field, "RATE_UNLISTED", f"On {day} the GST rates are {known}: check this one.", str(rate)[:40])
