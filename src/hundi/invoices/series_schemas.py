"""Wire types of number series and of the register of voided numbers."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hundi.http.envelope import in_ist
from hundi.http.wire import WireDate
from hundi.invoices.numbering import VoidedNumber
from hundi.sellers.series import Series

DocType = Literal["INV", "CRN", "DBN"]
Pattern = Annotated[str, Meta(min_length=1, max_length=60)]


class SeriesCreate(msgspec.Struct, kw_only=True):
    """A series: ``{n:4}`` is the counter, ``{2627}``, ``{26-27}`` and ``{2026-27}`` the year (``INV/{26-27}/{n:4}``)."""

    pattern: Pattern
    docType: DocType = "INV"
    registrationGstin: Annotated[str, Meta(max_length=15)] | None = None
    isDefault: bool | None = None


class SeriesSample(msgspec.Struct, kw_only=True):
    """A pattern to try out, and the day whose year it is to show."""

    pattern: Pattern
    on: WireDate | None = None


class SeriesResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A series; ``nextNumber`` is where its counter stands in the present financial year."""

    seriesId: str
    registrationId: str
    registrationGstin: str | None = None
    docType: str
    pattern: str
    isDefault: bool
    nextNumber: int
    createdOn: datetime | None = None

    @classmethod
    def of(cls, row: Series) -> "SeriesResponse":
        """Show a series."""
        return cls(
            seriesId=row.series_id, registrationId=row.registration_id, registrationGstin=row.gstin,
            docType=row.doc_type, pattern=row.pattern, isDefault=row.is_default, nextNumber=row.next_value,
            createdOn=in_ist(row.created_at),
        )  # fmt: skip


class Numbers(msgspec.Struct, kw_only=True):
    """Numbers as they would be."""

    numbers: list[str]


class VoidedResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of the register of voided numbers."""

    invoiceNumber: str
    financialYear: str
    docType: str
    registrationId: str
    registrationGstin: str | None = None
    invoiceId: str
    reason: str
    remarks: str | None = None
    voidedOn: datetime | None = None
    voidedBy: str

    @classmethod
    def of(cls, row: VoidedNumber) -> "VoidedResponse":
        """Show a line."""
        return cls(
            invoiceNumber=row.invoice_number, financialYear=row.financial_year, docType=row.doc_type,
            registrationId=row.registration_id, registrationGstin=row.gstin, invoiceId=row.invoice_id,
            reason=row.reason, remarks=row.status_reason, voidedOn=in_ist(row.voided_at), voidedBy=row.voided_by,
        )  # fmt: skip
