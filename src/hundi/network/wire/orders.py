"""The four purchase order messages (contract b2b §7.1; the page marks every member of an order as required)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from hundi.network.wire.blocks import (
    AdditionalDocuments,
    AdditionalInfos,
    Address,
    B2BIds,
    Block,
    BuyerDetails,
    ContractReferences,
    Device,
    Items,
    NameValue,
    ObjectVersion,
    PaymentMilestones,
    ShippingTerms,
    StatusTransition,
    SupplierDetails,
    TypedValue,
)
from hundi.network.wire.invoice import Answer
from hundi.network.wire.values import Amount, Day, Instant, OrderId, Text50, Text100, Text300, Word


class BuyerAction(StrEnum):
    """What a buyer may do to an order it sent; the values are not published (docs/decisions/0015)."""

    CANCEL = "CANCEL"
    CLOSE = "CLOSE"


class OrderAddress(Block):
    """An address of an order and what it is for."""

    addressType: Word
    address: Address


class OrderValueDetails(Block):
    """The sums of an order; the names are ours, after the invoice's (docs/decisions/0015)."""

    assessmentValue: Amount | None = None
    totalPOValue: Amount | None = None
    otherValues: Annotated[list[TypedValue], Meta(max_length=30)] | None = None


class PurchaseOrder(Block):
    """A purchase order."""

    objectId: OrderId
    buyerPONumber: Text50
    ts: Instant
    orderDate: Day
    deliveryDate: Day
    subject: Text300
    objectVersion: ObjectVersion
    poStatusTransition: StatusTransition
    supplierDetails: SupplierDetails
    buyerDetails: BuyerDetails
    addressDetails: Annotated[list[OrderAddress], Meta(max_length=20)]
    itemLists: Items
    poValueDetails: OrderValueDetails
    poInfos: Annotated[list[NameValue], Meta(max_length=100)]
    contractReferenceDetails: ContractReferences
    additionalDocumentDetails: AdditionalDocuments
    paymentMilestones: PaymentMilestones
    shippingTermsDetails: ShippingTerms
    additionalInfos: AdditionalInfos


class SendOrder(Block):
    """Send Purchase Order: the buyer's order for the supplier. Edit has the same body."""

    device: Device
    b2bIds: B2BIds
    purchaseOrder: PurchaseOrder
    additionalInfos: AdditionalInfos | None = None


class OrderConfirmation(Block):
    """The supplier's answer to an order."""

    objectId: OrderId
    buyerPONumber: Text50
    supplierResponse: Answer
    supplierRemarks: Text100
    objectVersion: ObjectVersion
    poStatusTransition: StatusTransition


class ConfirmOrder(Block):
    """Confirm Purchase Order: accept, reject or return."""

    device: Device
    b2bIds: B2BIds
    poConfirmation: OrderConfirmation
    additionalInfos: AdditionalInfos | None = None


class OrderStatus(Block):
    """What the buyer does to its order."""

    objectId: OrderId
    buyerPONumber: Text50
    objectVersion: ObjectVersion
    buyerAction: BuyerAction
    buyerRemarks: Text100
    poStatusTransition: StatusTransition


class ChangeOrderStatus(Block):
    """Change Purchase Order Status: cancel or close."""

    device: Device
    b2bIds: B2BIds
    poStatus: OrderStatus
    additionalInfos: AdditionalInfos | None = None
