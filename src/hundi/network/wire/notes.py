"""The three credit and debit note messages (contract b2b §7.2)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from hundi.network.wire.blocks import (
    AdditionalDocuments,
    AdditionalInfos,
    AdvancePaymentDetails,
    B2BIds,
    Block,
    BuyerDetails,
    ContractReferences,
    Device,
    DispatchDetails,
    EInvoiceInfo,
    EwayBillDetail,
    ExportDetails,
    InvoiceReferenceDetails,
    Items,
    NoteTransactionDetails,
    ObjectVersion,
    PaymentMilestones,
    PoReferences,
    PrecedingInvoices,
    RecurringPayments,
    ShippingDetails,
    ShippingTerms,
    StatusTransition,
    SupplierBankAccountDetails,
    SupplierDetails,
    TypedValue,
)
from hundi.network.wire.values import Amount, Instant, NoteId, Text50, Text100


class NoteType(StrEnum):
    """Which way a note goes; the values are not published, these are after NIC's CRN and DBN (docs/decisions/0015)."""

    CREDIT = "CREDIT"
    DEBIT = "DEBIT"


class NoteAnswer(StrEnum):
    """What the buyer says to a note: no RETURN, since a note cannot be edited (contract b2b §8.5)."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class NoteAction(StrEnum):
    """What the supplier may do to a note it sent."""

    CANCEL = "CANCEL"


class NoteValueDetails(Block):
    """The sums of a note; the names are ours, after the invoice's (docs/decisions/0015)."""

    assessmentValue: Amount | None = None
    totalCDNoteValue: Amount | None = None
    otherValues: Annotated[list[TypedValue], Meta(max_length=30)] | None = None


class Note(Block):
    """A credit or debit note."""

    objectId: NoteId
    noteType: NoteType
    supplierCDNoteNumber: Text50
    objectVersion: ObjectVersion
    ts: Instant
    cdNoteStatusTransition: StatusTransition
    eInvoiceInfo: EInvoiceInfo
    transactionDetails: NoteTransactionDetails
    supplierDetails: SupplierDetails | None = None
    buyerDetails: BuyerDetails | None = None
    dispatchDetails: DispatchDetails | None = None
    shippingDetails: ShippingDetails | None = None
    itemLists: Items | None = None
    cdNoteValueDetails: NoteValueDetails | None = None
    supplierBankAccountDetails: SupplierBankAccountDetails | None = None
    advancePaymentDetails: AdvancePaymentDetails | None = None
    invoiceReferenceDetails: InvoiceReferenceDetails | None = None
    precedingInvoiceDetails: PrecedingInvoices | None = None
    poDetails: PoReferences | None = None
    contractReferenceDetails: ContractReferences | None = None
    additionalDocumentDetails: AdditionalDocuments | None = None
    exportDetails: ExportDetails | None = None
    ewayBillDetail: EwayBillDetail | None = None
    recurringPayments: RecurringPayments | None = None
    paymentMilestones: PaymentMilestones | None = None
    shippingTermsDetails: ShippingTerms | None = None
    additionalInfos: AdditionalInfos | None = None


class SendNote(Block):
    """Send Credit/Debit Note: the supplier's note for the buyer."""

    device: Device
    b2bIds: B2BIds
    cdNote: Note
    additionalInfos: AdditionalInfos | None = None


class NoteConfirmation(Block):
    """The buyer's answer to a note."""

    objectId: NoteId
    noteType: NoteType
    supplierCDNoteNumber: Text50
    objectVersion: ObjectVersion
    buyerResponse: NoteAnswer
    buyerRemarks: Text100
    cdNoteStatusTransition: StatusTransition


class ConfirmNote(Block):
    """Confirm Credit/Debit Note: accept or reject."""

    device: Device
    b2bIds: B2BIds
    cdNoteConfirmation: NoteConfirmation
    additionalInfos: AdditionalInfos | None = None


class NoteStatus(Block):
    """What the supplier does to its note."""

    objectId: NoteId
    noteType: NoteType
    supplierCDNoteNumber: Text50
    objectVersion: ObjectVersion
    supplierAction: NoteAction
    supplierRemarks: Text100
    cdNoteStatusTransition: StatusTransition


class ChangeNoteStatus(Block):
    """Status Change Credit/Debit Note: cancel."""

    device: Device
    b2bIds: B2BIds
    cdNoteStatus: NoteStatus
    additionalInfos: AdditionalInfos | None = None
