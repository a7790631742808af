"""The three financing messages (contract b2b §7.3)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from hundi.network.wire.blocks import AdditionalInfos, B2BIds, Block, Device
from hundi.network.wire.invoice import Invoice
from hundi.network.wire.notes import NoteAnswer
from hundi.network.wire.values import (
    Amount,
    B2BId,
    BidId,
    FinancingId,
    InvoiceId,
    Pan,
    Text100,
    Text1000,
    Whole,
)


class CostBearer(StrEnum):
    """Who bears the cost of funds; the values are not published (docs/decisions/0015)."""

    BUYER = "BUYER"
    SUPPLIER = "SUPPLIER"


class FinancingType(StrEnum):
    """The kind of finance; the values are not published (docs/decisions/0015)."""

    INVOICE_DISCOUNTING = "INVOICE DISCOUNTING"
    REVERSE_FACTORING = "REVERSE FACTORING"
    PURCHASE_FINANCE = "PURCHASE FINANCE"


class WholeRupees(Whole):
    """The amount asked for, which the page prints as an integer."""

    __slots__ = ()
    most = Amount.most


class FinanceTarget(Block):
    """A finance aggregator and the financiers it should ask."""

    faId: Text100
    financierId: Annotated[list[Text100], Meta(max_length=100)] | None = None


class B2BPan(Block):
    """The two parties by PAN."""

    buyerPAN: Pan
    supplierPAN: Pan


class FinanceRequest(Block):
    """What is to be financed: whole invoices ride along."""

    initiatorB2BId: B2BId
    financingRequestId: FinancingId
    financeId: Annotated[list[FinanceTarget], Meta(min_length=1, max_length=20)]
    b2bPAN: B2BPan
    costOfFundBearer: CostBearer
    financingRequestAmount: WholeRupees
    financingType: FinancingType
    invoices: Annotated[list[Invoice], Meta(min_length=1, max_length=200)]


class RequestFinancing(Block):
    """Request Financing: either side asks a finance aggregator for money on invoices."""

    initiatorEntity: Text100
    b2bIds: B2BIds
    device: Device
    financeRequest: FinanceRequest
    additionalInfos: AdditionalInfos | None = None


class InvoiceFinanceDetails(Block):
    """What a bid grants on one invoice."""

    objectId: InvoiceId
    approvedAmount: Amount
    financingRequestAmount: Amount


class BidDetails(Block):
    """One financier's bid."""

    bidId: BidId
    financierId: Text100
    approvedAmount: Amount
    bidValue: Amount
    invoiceFinDetails: Annotated[list[InvoiceFinanceDetails], Meta(max_length=200)] | None = None
    financeTermDoc: Text1000 | None = None


class Bid(Block):
    """The bids of one aggregator on one request."""

    faId: Text100
    financingRequestId: FinancingId
    financingRequestAmount: Amount
    bidDetails: Annotated[list[BidDetails], Meta(min_length=1, max_length=100)]


class ShareBid(Block):
    """Share Bid: the finance aggregator brings bids to whoever asked."""

    bid: Bid
    device: Device | None = None
    additionalInfos: AdditionalInfos | None = None


class BidResponse(Block):
    """The answer to one bid; the page shows its title only (docs/decisions/0015)."""

    initiatorB2BId: B2BId
    financingRequestId: FinancingId
    faId: Text100
    bidId: BidId
    financierId: Text100
    response: NoteAnswer
    remarks: Text100


class RespondBid(Block):
    """Respond Bid: accept one bid or reject it."""

    bidResponse: BidResponse
    device: Device | None = None
    additionalInfos: AdditionalInfos | None = None
