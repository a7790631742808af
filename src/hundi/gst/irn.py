"""The invoice reference number (IRN): a hash that anybody can compute, and what surrounds it (contract b2b §9.4)."""

import hashlib
import re
from datetime import date
from typing import Final

from hundi.gst.document import Document, DocumentKind
from hundi.kit.dates import financial_year, fy_long

CASE_RULE_FROM: Final = date(2025, 6, 1)
"""From this day of generation on, the portals put document numbers into capitals first, whatever the document's date."""

_IRN: Final = re.compile(r"[0-9a-f]{64}")


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
