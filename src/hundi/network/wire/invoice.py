"""The four invoice messages (contract b2b §5; the seed of req-send-invoice is the last word on the first)."""

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
    InvoiceFinancingDetails,
    InvoiceReferenceDetails,
    Items,
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
    TransactionDetails,
    ValueDetails,
)
from hundi.network.wire.values import Instant, InvoiceId, Text50, Text100


class Answer(StrEnum):
    """What the receiver of a document says to it."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    RETURN = "RETURN"


class SupplierAction(StrEnum):
    """What a supplier may do to an invoice it sent; the values are not published (docs/decisions/0015)."""

    CANCEL = "CANCEL"
    CLOSE = "CLOSE"


class Invoice(Block):
    """An invoice: the 27 members of the published page."""

    objectId: InvoiceId
    supplierInvoiceNumber: Text50
    objectVersion: ObjectVersion
    ts: Instant
    statusTransition: StatusTransition
    transactionDetails: TransactionDetails
    supplierDetails: SupplierDetails
    buyerDetails: BuyerDetails
    itemLists: Items
    supplierBankAccountDetails: SupplierBankAccountDetails
    dispatchDetails: DispatchDetails | None = None
    shippingDetails: ShippingDetails | None = None
    valueDetails: ValueDetails | None = None
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
    invoiceFinancingDetails: InvoiceFinancingDetails | None = None
    einvoiceResponse: Annotated[str, Meta(max_length=100_000)] | None = None
    eInvoiceInfo: EInvoiceInfo | None = None


class SendInvoice(Block):
    """Create Invoice: the supplier's invoice for the buyer. Edit Invoice has the same body."""

    device: Device
    b2bIds: B2BIds
    invoice: Invoice
    additionalInfos: AdditionalInfos | None = None


class InvoiceConfirmation(Block):
    """The buyer's answer to an invoice."""

    objectId: InvoiceId
    supplierInvoiceNumber: Text50
    objectVersion: ObjectVersion
    buyerResponse: Answer
    buyerRemarks: Text100
    statusTransition: StatusTransition


class ConfirmInvoice(Block):
    """Confirm Invoice: accept, reject or return."""

    device: Device
    b2bIds: B2BIds
    invoiceConfirmation: InvoiceConfirmation
    additionalInfos: AdditionalInfos | None = None


class InvoiceStatus(Block):
    """What the supplier does to its invoice."""

    objectId: InvoiceId
    supplierInvoiceNumber: Text50
    objectVersion: ObjectVersion
    supplierAction: SupplierAction
    supplierRemarks: Text100
    statusTransition: StatusTransition


class ChangeInvoiceStatus(Block):
    """Change Invoice Status: cancel or close."""

    device: Device
    b2bIds: B2BIds
    invoiceStatus: InvoiceStatus
    additionalInfos: AdditionalInfos | None = None
