"""The two payment messages (contract b2b §6)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from hundi.network.wire.blocks import (
    AdditionalInfos,
    B2BIds,
    Block,
    Device,
    ObjectVersion,
    StatusTransition,
    SupplierBankAccountDetails,
)
from hundi.network.wire.notes import NoteAnswer
from hundi.network.wire.values import Amount, Instant, InvoiceId, PaymentId, SignedAmount, Text50, Text100


class PaymentKind(StrEnum):
    """Whether the money moved on the platform or beside it."""

    ONPLATFORM = "ONPLATFORM"
    OFFPLATFORM = "OFFPLATFORM"


class PaymentMode(StrEnum):
    """How the money moved: the published list, which has no RTGS."""

    INTERNET_BANKING = "INTERNET BANKING"
    DEBIT_CARD = "DEBIT CARD"
    CREDIT_CARD = "CREDIT CARD"
    IMPS = "IMPS"
    CASH = "CASH"
    UPI = "UPI"
    WALLET = "WALLET"
    NEFT = "NEFT"
    PREPAID_CARD = "PREPAID CARD"
    ACCOUNT_TRANSFER = "ACCOUNT TRANSFER"
    CHEQUE = "CHEQUE"


class Currency(StrEnum):
    """The one currency of the network."""

    INR = "INR"


class SplitName(StrEnum):
    """What an adjustment is for (domain §11)."""

    TDS_INCOME_TAX = "TDS_INCOME_TAX"
    TDS_GST = "TDS_GST"
    CREDIT_NOTE = "CREDIT_NOTE"
    DISCOUNT = "DISCOUNT"
    ADVANCE = "ADVANCE"
    ROUND_OFF = "ROUND_OFF"
    OTHER = "OTHER"


class PaymentAmount(Block):
    """What a payment comes to: total = net paid + adjustments."""

    netPaidAmount: Amount
    netAdjustmentAmount: Amount
    totalAmount: Amount
    currency: Currency


class Split(Block):
    """One adjustment, by name; ``refNo`` names the paper it rests on (a credit note's object id)."""

    name: SplitName
    value: SignedAmount
    refNo: Text50 | None = None


class InvoicePaymentAmount(Block):
    """What of a payment goes to one invoice, and what its adjustments are."""

    netPaidAmount: Amount
    netAdjustmentAmount: Amount
    totalAmount: Amount
    currency: Currency
    splits: Annotated[list[Split], Meta(max_length=30)] | None = None


class InvoiceAmount(Block):
    """What the payer holds an invoice to be."""

    dueAmount: Amount
    totalAmount: Amount
    currency: Currency


class InvoicePayInfo(Block):
    """One invoice of a payment: the 7 members of the published page."""

    objectId: InvoiceId
    supplierInvoiceNumber: Text50
    objectVersion: ObjectVersion
    statusTransition: StatusTransition
    invoiceAmount: InvoiceAmount
    invoicePaymentAmount: InvoicePaymentAmount
    supplierBankAccountDetails: SupplierBankAccountDetails | None = None


class Payment(Block):
    """A payment of one or more invoices of one buyer and one supplier."""

    objectId: PaymentId
    ts: Instant
    type: PaymentKind
    mode: PaymentMode
    utr: Text50
    currency: Currency
    paymentAmount: PaymentAmount
    invoicesPayInfos: Annotated[list[InvoicePayInfo], Meta(min_length=1, max_length=1000)]


class Pay(Block):
    """Pay Invoices: the buyer pays, on the platform or beside it."""

    device: Device
    b2bIds: B2BIds
    payment: Payment
    additionalInfos: AdditionalInfos | None = None


class ConfirmedInvoice(Block):
    """One invoice of a confirmation."""

    objectId: InvoiceId
    supplierInvoiceNumber: Text50
    objectVersion: ObjectVersion
    statusTransition: StatusTransition


class NetworkPaymentConfirmation(Block):
    """The supplier's word on a payment; REJECT only for one beside the platform (contract b2b §6.2)."""

    objectId: PaymentId
    ts: Instant
    type: PaymentKind
    supplierResponse: NoteAnswer
    supplierRemarks: Text100
    invoiceInfos: Annotated[list[ConfirmedInvoice], Meta(min_length=1, max_length=1000)]


class ConfirmPayment(Block):
    """Payment Confirmation: the supplier accepts or rejects a payment."""

    device: Device
    b2bIds: B2BIds
    paymentConfirmation: NetworkPaymentConfirmation
    additionalInfos: AdditionalInfos | None = None
