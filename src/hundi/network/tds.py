"""Tax deducted by the buyer: the usual rates by section and date, and the arithmetic.

The rates are a help, never a judgement (domain §3): what a caller sends is taken. Dated data, from secondary sources: the
Finance Acts 2020 to 2025; the sections keep their names of the Income-tax Act 1961, by which people still know them after
the Act of 2025 renumbered them from April 2026. Section 51 CGST Act: 2% on supplies under contracts above ₹2.5 lakh.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from hundi.kit.money import ZERO, percent_of, round_to_rupee

GST_RATE: Final = Decimal(2)
_INDIVIDUALS: Final = frozenset("PH")
_FOURTH: Final = 3 + 2  # in a GSTIN, behind the state's two digits
_OCTOBER_2024: Final = date(2024, 10, 1)
_ALWAYS: Final = date.min


class Rate(NamedTuple):
    """A rate from a day on; ``individual`` is for suppliers who are individuals or Hindu undivided families."""

    since: date
    other: Decimal
    individual: Decimal


def _one(rate: str, since: date = _ALWAYS) -> Rate:
    return Rate(since, Decimal(rate), Decimal(rate))


RATES: Final[Mapping[str, tuple[Rate, ...]]] = {
    "194A": (_one("10"),),
    "194C": (Rate(_ALWAYS, Decimal(2), Decimal(1)),),
    "194H": (_one("5"), _one("2", _OCTOBER_2024)),
    "194I(a)": (_one("2"),),
    "194I(b)": (_one("10"),),
    "194J(a)": (_one("2"),),
    "194J(b)": (_one("10"),),
    "194Q": (_one("0.1"),),
    "206AA": (_one("20"),),
}
"""By section, the newest last. 194C: contractors; 194H: commission; 194I: rent of plant (a), of land (b); 194J: technical
(a), professional (b) fees; 194Q: goods; 206AA: a supplier without a PAN."""


def usual_rate(section: str, day: date, supplier_gstin: str | None) -> Decimal | None:
    """Give the usual rate of a section on a day, in percent; None for a section that is not on the list."""
    known = {name.upper(): rates for name, rates in RATES.items()}.get(section.strip().upper())
    if known is None:
        return None
    rate = [one for one in known if one.since <= day][-1]
    is_person = supplier_gstin is not None and supplier_gstin[_FOURTH : _FOURTH + 1] in _INDIVIDUALS
    return rate.individual if is_person else rate.other


def deducted(taxable: Decimal, rate: Decimal, given: Decimal = ZERO) -> Decimal:
    """Give the tax still to be deducted from an invoice: rate of its taxable value, less what was given, to the rupee.

    GST that is shown apart is no income of the supplier (CBDT circular 23/2017), so the taxable value is the base; and
    the tax is deducted once for the whole invoice, with whichever payment comes first.
    """
    return max(round_to_rupee(percent_of(taxable, rate)) - given, ZERO)
