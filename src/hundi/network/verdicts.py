"""What a three-way match looks at and what it comes to, as plain values: orders, invoices, notes, verdicts, findings."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from hundi.kit.money import ZERO


class Verdict(StrEnum):
    """What a match comes to; of several findings the worst is the invoice's."""

    MATCHED = "MATCHED"
    WITHIN_TOLERANCE = "WITHIN_TOLERANCE"
    OVER_BILLED = "OVER_BILLED"
    TAX_DIFFERS = "TAX_DIFFERS"
    PRICE_DIFFERS = "PRICE_DIFFERS"
    QUANTITY_EXCEEDS = "QUANTITY_EXCEEDS"
    NOT_ORDERED = "NOT_ORDERED"
    ORDER_NOT_OPEN = "ORDER_NOT_OPEN"
    NO_ORDER = "NO_ORDER"
    DUPLICATE_SUSPECTED = "DUPLICATE_SUSPECTED"


SEVERITY: Final[Mapping[Verdict, int]] = {verdict: at for at, verdict in enumerate(Verdict)}
"""The order of the enum: the later, the worse."""
GOOD: Final = frozenset({Verdict.MATCHED, Verdict.WITHIN_TOLERANCE})


class Tolerances(msgspec.Struct, frozen=True, kw_only=True):
    """How far a figure may be off; of percentage and absolute figure the wider one counts.

    ``amount_rupees`` is for each line's taxable value and for the charges of the document; ``tax_rupees`` for each line's
    tax. The defaults allow nothing but rounding: price and quantity exact, one rupee.
    """

    price_percent: Decimal = Decimal(0)
    quantity_percent: Decimal = Decimal(0)
    quantity_units: Decimal = Decimal(0)
    amount_rupees: Decimal = Decimal(1)
    tax_rupees: Decimal = Decimal(1)


class BilledLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an invoice, a note or an order. ``ref`` names an order line; amounts are rupees, ``rate`` percent.

    ``extra`` is what the line's total holds besides taxable value, tax and cess.
    """

    ref: str = ""
    hsn: str = ""
    description: str = ""
    unit: str = ""
    quantity: Decimal | None = None
    taxable: Decimal
    rate: Decimal = Decimal(0)
    tax: Decimal = ZERO
    cess: Decimal = ZERO
    extra: Decimal = ZERO


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice. ``charges`` is what its total holds besides its lines' totals; ``taxed`` is False where no tax is billed
    by law (reverse charge, supplies without payment of tax), so that only rates are compared.
    """

    id: str
    number: str
    day: date
    total: Decimal
    charges: Decimal = ZERO
    taxed: bool = True
    orders: tuple[tuple[str, str], ...] = ()
    lines: tuple[BilledLine, ...] = ()


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted note on an invoice: a credit note takes back, a debit note adds."""

    id: str
    number: str
    invoice_number: str
    credit: bool
    amount: Decimal
    lines: tuple[BilledLine, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order. ``charges`` is what its total holds besides its lines; ``open`` False: it was not accepted, or was
    cancelled or closed.
    """

    id: str
    number: str
    status: str
    open: bool
    total: Decimal
    charges: Decimal = ZERO
    lines: tuple[BilledLine, ...] = ()


class Twin(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier invoice of the same supplier that may be the same one."""

    id: str
    number: str
    day: date
    total: Decimal
    orders: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that a match looks at. ``earlier`` are living invoices of the same orders that came before this one."""

    bill: Bill
    orders: tuple[Order, ...] = ()
    earlier: tuple[Bill, ...] = ()
    notes: tuple[Note, ...] = ()
    twins: tuple[Twin, ...] = ()
    tolerances: Tolerances = Tolerances()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs: where in the invoice, what was expected and what was found, and a sentence."""

    verdict: Verdict
    field: str
    message: str
    expected: str = ""
    found: str = ""


class LineMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the invoice and the order line it was held against.

    ``ordered`` and ``earlier`` are quantities of the order line; ``expected`` is the taxable value at the ordered price.
    """

    place: int
    verdict: Verdict
    order_id: str | None = None
    order_number: str | None = None
    order_line: str | None = None
    quantity: Decimal | None = None
    ordered: Decimal | None = None
    earlier: Decimal | None = None
    taxable: Decimal
    expected: Decimal | None = None


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What a match comes to."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    lines: tuple[LineMatch, ...]
