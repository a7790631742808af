"""Wire types of entries and of the verbs on money."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hundi.http.envelope import EnumModel, in_ist
from hundi.http.wire import SignedMoney, WireDate
from hundi.invoices.rules import labelled
from hundi.invoices.schemas import InvoiceResponse
from hundi.payments.rows import EntryRow

Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Note = Annotated[str, Meta(max_length=500)]
Kind = Literal["RECEIPT", "TDS_INCOME_TAX", "TDS_GST", "CREDIT_NOTE", "DISCOUNT", "ADVANCE", "ROUND_OFF"]


class EntryCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money, tax deducted or a note against an invoice. On TDS ``amount`` is what the certificate says."""

    kind: Kind
    amount: SignedMoney
    reference: Annotated[str, Meta(max_length=60, description="UTR, cheque or note number")] | None = None
    receivedOn: WireDate | None = None
    tdsSection: Annotated[str, Meta(max_length=20)] | None = None
    tan: Annotated[str, Meta(max_length=10)] | None = None
    certificateNo: Annotated[str, Meta(max_length=40)] | None = None
    note: Note | None = None
    acceptPart: (
        Annotated[bool, Meta(description="Record a receipt that is smaller than the invoice asks for")] | None
    ) = None


class EntryReversal(msgspec.Struct, kw_only=True):
    """What goes with a reversal."""

    note: Note | None = None


class StatusReason(msgspec.Struct, kw_only=True):
    """Why an invoice is disputed, cancelled or written off."""

    reason: Reason


class OptionalReason(msgspec.Struct, kw_only=True):
    """Why an invoice is reinstated, where there is something to say."""

    reason: Note | None = None


class EntryResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry. ``amount`` is what it took off the balance; ``certified`` what a TDS certificate says."""

    entryId: str
    kind: EnumModel
    amount: Decimal
    certified: Decimal | None = None
    reference: str | None = None
    receivedOn: date | None = None
    tdsSection: str | None = None
    tan: str | None = None
    certificateNo: str | None = None
    note: str | None = None
    reverses: str | None = None
    reversedBy: str | None = None
    createdOn: datetime | None = None
    createdBy: str | None = None

    @classmethod
    def of(cls, row: EntryRow) -> "EntryResponse":
        """Show an entry."""
        kind = labelled(row.kind)
        return cls(
            entryId=row.entry_id, kind=EnumModel(kind.label, kind.name), amount=row.amount, certified=row.certified,
            reference=row.reference, receivedOn=row.received_on, tdsSection=row.tds_section, tan=row.tan,
            certificateNo=row.certificate_no, note=row.note, reverses=row.reverses, reversedBy=row.reversed_by,
            createdOn=in_ist(row.created_at), createdBy=row.created_by,
        )  # fmt: skip


class EntryOutcome(msgspec.Struct, kw_only=True):
    """An entry, and the invoice as it is with it."""

    entry: EntryResponse
    invoice: InvoiceResponse
