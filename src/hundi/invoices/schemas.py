"""Wire types of invoices (contract §4; extensions of domain §2)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.http.envelope import EnumModel, in_ist
from hundi.http.wire import (
    BaseAmount,
    Money,
    Percent,
    Quantity,
    SignedMoney,
    UnitPrice,
    WireDate,
    WireDateTime,
)
from hundi.invoices.rows import InvoiceRow, ItemRow
from hundi.invoices.rules import ApprovalStatus, ReceivableStatus, labelled, shown_status
from hundi.kit.ids import CUSTOMER_PATTERN

CustomerRef = Annotated[str, Meta(pattern=r"^KC[A-Z0-9]{14}\Z", extra_json_schema={"pattern": CUSTOMER_PATTERN})]
Number = Annotated[str, Meta(min_length=1, max_length=50)]
Text = Annotated[str, Meta(max_length=2000)]
Short = Annotated[str, Meta(max_length=100)]
Email = Annotated[str, Meta(max_length=254)]
Mobile = Annotated[str, Meta(max_length=20)]
Via = Annotated[str, Meta(max_length=50)]
State = Annotated[str, Meta(max_length=60)]
Irn = Annotated[
    str,
    Meta(
        pattern=r"^[A-Fa-f0-9]{64}\Z",
        extra_json_schema={"pattern": "^[A-Fa-f0-9]{64}$"},
        description="What the e-invoice portal gave; it is the hash of GSTIN, year, kind and number",
    ),
]
AckNo = Annotated[str, Meta(max_length=20, description="The portal's acknowledgement number")]
SignedQr = Annotated[str, Meta(max_length=8000, description="The text of the e-invoice's QR, as the portal signed it")]
EwayBillNo = Annotated[str, Meta(max_length=20)]
ORDER_LINE = r'^[^\\"]{1,50}\Z'
OrderLine = Annotated[
    str,
    Meta(
        pattern=ORDER_LINE,
        extra_json_schema={"pattern": r'^([^\\"]){1,50}$'},
        description="The line of the customer's purchase order: <line>, or <order number>/<line>",
    ),
]


class ItemIn(msgspec.Struct, kw_only=True):
    """One line, with the names of the network's item (domain §2, contract §6.2). Heads absent: computed from gstRate."""

    productDescription: Annotated[str, Meta(min_length=1, max_length=5000)]
    assessmentAmount: Money
    gstRate: Percent
    serialno: Short | None = None
    hsnCode: Annotated[str, Meta(pattern=r"^[0-9]{4,8}\Z", extra_json_schema={"pattern": "^[0-9]{4,8}$"})] | None = None
    isService: Annotated[str, Meta(pattern=r"^(YES|NO)\Z", extra_json_schema={"pattern": "^(YES|NO)$"})] | None = None
    quantity: Quantity | None = None
    unit: Annotated[str, Meta(max_length=10)] | None = None
    unitPrice: UnitPrice | None = None
    discount: Money | None = None
    cgst: Money | None = None
    sgst: Money | None = None
    igst: Money | None = None
    cess: Money | None = None
    totalItemValue: Money | None = None
    orderLineReference: OrderLine | None = None


class InvoiceCreate(msgspec.Struct, kw_only=True):
    """The body of createInvoice (contract §4.1)."""

    baseAmount: BaseAmount
    customerId: CustomerRef
    dueDate: WireDate
    approvalStatus: ApprovalStatus | None = None
    balanceAmount: Money | None = None
    cgst: Money | None = None
    chargeCustomer: bool | None = None
    description: Text | None = None
    dispatchNow: bool | None = None
    emailAddress: Email | None = None
    externalId: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    gstExclusive: bool | None = None
    igst: Money | None = None
    invoiceDate: WireDateTime | None = None
    invoiceNumber: Number | None = None
    mobileNumber: Mobile | None = None
    netAmount: Money | None = None
    partialPaymentAllowed: bool | None = None
    payableReferenceId: Short | None = None
    poNumber: Short | None = None
    receivableStatus: Annotated[str, Meta(max_length=30)] | None = None
    sellerId: Annotated[str, Meta(max_length=10)] | None = None
    sgst: Money | None = None
    tds: Money | None = None
    totalReceived: Money | None = None
    via: Via | None = None
    cess: Money | None = None
    otherCharges: Money | None = None
    discount: Money | None = None
    tcs: Money | None = None
    roundOff: SignedMoney | None = None
    reverseCharge: bool | None = None
    placeOfSupply: State | None = None
    supplyType: Annotated[str, Meta(max_length=10)] | None = None
    registrationGstin: Annotated[str, Meta(max_length=15)] | None = None
    itemLists: Annotated[list[ItemIn], Meta(max_length=1000)] | None = None
    minimumPart: Money | None = None
    irn: Irn | None = None
    ackNo: AckNo | None = None
    ackDate: WireDateTime | None = None
    signedQr: SignedQr | None = None
    ewayBillNo: EwayBillNo | None = None


class InvoicePatch(msgspec.Struct, kw_only=True):
    """The body of updateInvoice (contract §4.8): absent = leave, null = clear, a value = set, ``{}`` = leave."""

    approvalStatus: (
        Annotated[str, Meta(max_length=40, description="Approval status of the invoice")] | UnsetType | None
    ) = UNSET
    balanceAmount: Annotated[Money, Meta(description="Balance amount of the invoice")] | UnsetType | None = UNSET
    baseAmount: Annotated[Money, Meta(description="Base amount of the invoice")] | UnsetType | None = UNSET
    cgst: Annotated[Money, Meta(description="Central Goods and Services Tax amount")] | UnsetType | None = UNSET
    chargeCustomer: (
        Annotated[bool, Meta(description="Indicates if the customer is to be charged")] | UnsetType | None
    ) = UNSET
    customerId: Annotated[CustomerRef, Meta(description="Unique identifier for the customer")] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000, description="Description of the invoice")] | UnsetType | None = (
        UNSET
    )
    dispatchNow: (
        Annotated[bool, Meta(description="Indicates if the invoice should be dispatched immediately")]
        | UnsetType
        | None
    ) = UNSET
    dueDate: Annotated[WireDate, Meta(description="Due date for the invoice payment")] | UnsetType | None = UNSET
    emailAddress: (
        Annotated[str, Meta(max_length=254, description="Email address associated with the invoice")] | UnsetType | None
    ) = UNSET
    gstExclusive: Annotated[bool, Meta(description="Indicates if the GST is exclusive")] | UnsetType | None = UNSET
    igst: Annotated[Money, Meta(description="Integrated Goods and Services Tax amount")] | UnsetType | None = UNSET
    invoiceDate: Annotated[WireDateTime, Meta(description="Date of the invoice")] | UnsetType | None = UNSET
    invoiceNumber: (
        Annotated[str, Meta(max_length=50, description="Unique number of the invoice")] | UnsetType | None
    ) = UNSET
    mobileNumber: (
        Annotated[str, Meta(max_length=20, description="Mobile number associated with the invoice")] | UnsetType | None
    ) = UNSET
    netAmount: Annotated[Money, Meta(description="Net amount of the invoice")] | UnsetType | None = UNSET
    partialPaymentAllowed: (
        Annotated[bool, Meta(description="Indicates if partial payment is allowed")] | UnsetType | None
    ) = UNSET
    payableReferenceId: (
        Annotated[str, Meta(max_length=100, description="Reference ID for the payable")] | UnsetType | None
    ) = UNSET
    poNumber: (
        Annotated[str, Meta(max_length=100, description="Purchase order number associated with the invoice")]
        | UnsetType
        | None
    ) = UNSET
    receivableStatus: Annotated[str, Meta(max_length=30, description="Status of the receivable")] | UnsetType | None = (
        UNSET
    )
    sgst: Annotated[Money, Meta(description="State Goods and Services Tax amount")] | UnsetType | None = UNSET
    tds: Annotated[Money, Meta(description="Tax Deducted at Source amount")] | UnsetType | None = UNSET
    totalReceived: Annotated[Money, Meta(description="Total amount received for the invoice")] | UnsetType | None = (
        UNSET
    )
    via: (
        Annotated[str, Meta(max_length=50, description="Method through which the invoice was sent")] | UnsetType | None
    ) = UNSET
    cess: Money | UnsetType | None = UNSET
    otherCharges: Money | UnsetType | None = UNSET
    discount: Money | UnsetType | None = UNSET
    tcs: Money | UnsetType | None = UNSET
    roundOff: SignedMoney | UnsetType | None = UNSET
    reverseCharge: bool | UnsetType | None = UNSET
    placeOfSupply: (
        Annotated[
            str, Meta(max_length=60, description="A state's name, letters or GST code; null: as the customer has it")
        ]
        | UnsetType
        | None
    ) = UNSET
    itemLists: (
        Annotated[list[ItemIn], Meta(max_length=1000, description="All lines anew; null or an empty list for none")]
        | UnsetType
        | None
    ) = UNSET
    minimumPart: (
        Annotated[Money, Meta(description="The least part payment, where part payment is allowed")] | UnsetType | None
    ) = UNSET
    irn: Irn | UnsetType | None = UNSET
    ackNo: AckNo | UnsetType | None = UNSET
    ackDate: WireDateTime | UnsetType | None = UNSET
    signedQr: SignedQr | UnsetType | None = UNSET
    ewayBillNo: EwayBillNo | UnsetType | None = UNSET
    remarks: (
        Annotated[str, Meta(max_length=500, description="Why: goes with approvalStatus or receivableStatus")]
        | UnsetType
        | None
    ) = UNSET


class InvoiceAttachmentResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A file that belongs to an invoice (contract §4.7)."""

    attachmentSource: str | None = None
    createdBy: str | None = None
    deleted: bool | None = None
    fileExt: str | None = None
    invoiceAttachmentId: str | None = None
    modifiedBy: str | None = None
    originalFilename: str | None = None
    primary: bool | None = None
    referenceId: str | None = None
    remarks: str | None = None
    shared: bool | None = None
    url: str | None = None


class ItemOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line as kept."""

    serialno: str
    productDescription: str
    hsnCode: str | None = None
    isService: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    unitPrice: Decimal | None = None
    discount: Decimal | None = None
    assessmentAmount: Decimal | None = None
    gstRate: Decimal | None = None
    cgst: Decimal | None = None
    sgst: Decimal | None = None
    igst: Decimal | None = None
    cess: Decimal | None = None
    totalItemValue: Decimal | None = None
    orderLineReference: str | None = None

    @classmethod
    def of(cls, row: ItemRow) -> "ItemOut":
        """Show a line."""
        return cls(
            serialno=str(row.line_no), productDescription=row.description, hsnCode=row.hsn_code,
            isService="YES" if row.is_service else "NO", quantity=row.quantity, unit=row.unit, unitPrice=row.unit_price,
            discount=row.discount, assessmentAmount=row.taxable_value, gstRate=row.gst_rate, cgst=row.cgst,
            sgst=row.sgst, igst=row.igst, cess=row.cess, totalItemValue=row.item_total, orderLineReference=row.order_line,
        )  # fmt: skip


class InvoiceResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The documented InvoiceResponse (contract §4.7), and after ``via`` what is ours; of that, what is nil is left out."""

    approvalStatus: EnumModel | None = None
    attachmentUrl: str | None = None
    balanceAmount: Decimal | None = None
    baseAmount: Decimal | None = None
    cgst: Decimal | None = None
    createdBy: str | None = None
    createdByEmail: str | None = None
    createdByMobile: str | None = None
    createdByName: str | None = None
    createdOn: datetime | None = None
    customerId: str | None = None
    customerLegalName: str | None = None
    description: str | None = None
    dispatched: bool | None = None
    dispatchedOn: datetime | None = None
    dueDate: date | None = None
    externalId: str | None = None
    hasKeyContacts: bool | None = None
    igst: Decimal | None = None
    invoiceAttachments: list[InvoiceAttachmentResponse] | None = None
    invoiceDate: datetime | None = None
    invoiceId: str | None = None
    invoiceNumber: str | None = None
    modifiedBy: str | None = None
    modifiedByEmail: str | None = None
    modifiedByMobile: str | None = None
    modifiedByName: str | None = None
    modifiedOn: datetime | None = None
    netAmount: Decimal | None = None
    partialPaymentAllowed: bool | None = None
    payableReferenceId: str | None = None
    paymentLink: str | None = None
    payoutStatus: EnumModel | None = None
    poNumber: str | None = None
    receivableStatus: EnumModel | None = None
    sellerId: str | None = None
    sgst: Decimal | None = None
    tds: Decimal | None = None
    totalReceived: Decimal | None = None
    via: str | None = None
    createdVia: EnumModel | None = None
    dispatchStatus: EnumModel | None = None
    invoiceValue: Decimal | None = None
    taxableValue: Decimal | None = None
    roundOff: Decimal | None = None
    cess: Decimal | None = None
    otherCharges: Decimal | None = None
    discount: Decimal | None = None
    tcs: Decimal | None = None
    reverseCharge: bool | None = None
    registrationId: str | None = None
    supplyType: str | None = None
    irn: str | None = None
    ackNo: str | None = None
    ackDate: datetime | None = None
    signedQr: str | None = None
    ewayBillNo: str | None = None
    placeOfSupply: str | None = None
    minimumPart: Decimal | None = None
    statusReason: str | None = None
    networkStatus: str | None = None
    buyerResponse: str | None = None
    buyerRemarks: str | None = None
    itemLists: list[ItemOut] | None = None

    @classmethod
    def of(
        cls, row: InvoiceRow, *, today: date, payment_link: str | None, items: list[ItemRow] | None = None
    ) -> "InvoiceResponse":
        """Show a row on ``today`` (in India: it decides OVERDUE)."""
        receivable = shown_status(ReceivableStatus(row.receivable_status), row.due_date, today)
        return cls(
            approvalStatus=_enum(row.approval_status), balanceAmount=row.balance, baseAmount=row.base_amount,
            cgst=row.cgst, createdBy=row.created_by, createdByEmail=row.created_by_email,
            createdByMobile=row.created_by_mobile, createdByName=row.created_by_name, createdOn=in_ist(row.created_at),
            customerId=row.customer_id, customerLegalName=row.customer_legal_name, description=row.description,
            dispatched=row.dispatched_at is not None, dispatchedOn=in_ist(row.dispatched_at), dueDate=row.due_date,
            externalId=row.external_id, hasKeyContacts=row.has_key_contacts, igst=row.igst, invoiceAttachments=[],
            invoiceDate=in_ist(row.invoice_date), invoiceId=row.invoice_id, invoiceNumber=row.invoice_number,
            modifiedBy=row.modified_by, modifiedByEmail=row.modified_by_email,
            modifiedByMobile=row.modified_by_mobile, modifiedByName=row.modified_by_name,
            modifiedOn=in_ist(row.modified_at), netAmount=row.net_amount,
            partialPaymentAllowed=row.partial_payment_allowed, payableReferenceId=row.payable_reference_id,
            paymentLink=payment_link, payoutStatus=_enum(row.payout_status), poNumber=row.po_number,
            receivableStatus=_enum(receivable), sellerId=row.seller_id, sgst=row.sgst, tds=row.tds,
            totalReceived=row.total_received, via=row.via, createdVia=_enum(row.created_via),
            dispatchStatus=_enum(row.dispatch_status), invoiceValue=row.invoice_value,
            taxableValue=row.taxable_value, roundOff=row.round_off, cess=row.cess or None,
            otherCharges=row.other_charges or None, discount=row.discount or None, tcs=row.tcs or None,
            reverseCharge=row.reverse_charge or None, registrationId=row.registration_id, supplyType=row.supply_type,
            irn=row.irn, ackNo=row.ack_no, ackDate=in_ist(row.ack_date), signedQr=row.signed_qr,
            ewayBillNo=row.eway_bill_no, placeOfSupply=row.place_of_supply,
            minimumPart=row.minimum_part, statusReason=row.status_reason,
            networkStatus=row.network_status, buyerResponse=row.buyer_response, buyerRemarks=row.buyer_remarks,
            itemLists=[ItemOut.of(item) for item in items] if items else None,
        )  # fmt: skip


def _enum(name: str) -> EnumModel:
    shown = labelled(name)
    return EnumModel(shown.label, shown.name)
