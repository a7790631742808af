"""The invoice reference number (IRN): a hash that anybody can compute, and what surrounds it (contract b2b §9.4)."""

import hashlib
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from hundi.gst.document import Document, DocumentKind
from hundi.kit.dates import financial_year, fy_long

CASE_RULE_FROM: Final = date(2025, 6, 1)
"""From this day of generation on, the portals put document numbers into capitals first, whatever the document's date."""

_IRN: Final = re.compile(r"[0-9a-f]{64}")


class ReportingLimit(msgspec.Struct, frozen=True):
    """From ``start`` on, sellers of ``turnover`` crore rupees or more report a document within ``days`` of its date."""

    start: date
    turnover: Decimal
    days: int
    source: str


REPORTING_LIMITS: Final = (
    ReportingLimit(date(2025, 4, 1), Decimal(10), 30, "advisory of GSTN, November 2024, after secondary sources"),
    ReportingLimit(date(2023, 11, 1), Decimal(100), 30, "advisory of GSTN, September 2023, after secondary sources"),
)


def year_of(day: date) -> str:
    """Write the financial year of a day as the IRN has it: ``2026-27``, April to March."""
    return fy_long(financial_year(day))


def compute_irn(gstin: str, day: date, kind: DocumentKind, number: str, *, generated_on: date) -> str:
    """Compute the IRN: lower-case hex SHA-256 of supplier's GSTIN, financial year, kind and number, put together.

    ``day`` is the document's date, ``generated_on`` the day on which the portal makes the IRN: it decides whether the
    number is put into capitals (domain §11).
    """
    written = number.upper() if generated_on >= CASE_RULE_FROM else number
    # A text may hold half a surrogate pair, which has no UTF-8: it gets a hash that is nobody's, and no crash.
    text = f"{gstin.upper()}{year_of(day)}{kind.value}{written}".encode(errors="replace")
    return hashlib.sha256(text).hexdigest()


def irn_of(document: Document, *, generated_on: date) -> str:
    """Compute the IRN of a document; see :func:`compute_irn`."""
    return compute_irn(
        document.supplier.gstin, document.day, document.kind, document.number, generated_on=generated_on
    )  # fmt: skip


def is_irn(text: str) -> bool:
    """Tell whether a text has the shape of an IRN: 64 hexadecimal digits in lower case."""
    return _IRN.fullmatch(text) is not None


def report_until(day: date, *, turnover: Decimal, today: date) -> date | None:
    """Give the last day on which a document may be reported, or None where no limit binds.

    ``turnover`` is the seller's highest annual aggregate turnover in crore rupees; the limit in force ``today`` counts.
    """
    for limit in REPORTING_LIMITS:
        if today >= limit.start and turnover >= limit.turnover:
            return day + timedelta(days=limit.days)
    return None
