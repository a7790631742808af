"""The parts that messages of the network share: parties, lines, values, papers (contract b2b §5.1, §5.2).

Names, their odd spellings included (``igstChargable``, ``lglNm``), are the network's. Which members of the inner objects
are required is not published: required here is what the money, the tax and the routing depend on
(docs/decisions/0015-network-messages.md).
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.network.wire.values import (
    Amount,
    B2BId,
    Count,
    Country,
    CountryCode,
    Day,
    Email,
    Gstin,
    HsnCode,
    Ifsc,
    Instant,
    Irn,
    PhoneNumber,
    Pincode,
    Price,
    Rate,
    SignedAmount,
    StateCode,
    Text20,
    Text50,
    Text100,
    Text300,
    Text1000,
    Unit,
    Version,
    Vpa,
    Whole,
    Word,
)

MAX_ITEMS = 1000
"""The most lines of one document (NIC: 1,000)."""


class YesNo(StrEnum):
    """How the network writes a truth value."""

    YES = "YES"
    NO = "NO"


class TaxScheme(StrEnum):
    """The tax law a document is under."""

    GST = "GST"


class SupplyKind(StrEnum):
    """NIC's ``SupTyp``."""

    B2B = "B2B"
    SEZWP = "SEZWP"
    SEZWOP = "SEZWOP"
    EXPWP = "EXPWP"
    EXPWOP = "EXPWOP"
    DEXP = "DEXP"


class Block(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An object of a message. A null of an optional member is the same as leaving it out."""


class NameValue(Block):
    """One free extension (``additionalInfos``)."""

    name: Text100
    value: Text1000


class Tag(Block):
    """Where the sender's device is: ``GEOCODE`` and its value."""

    name: Text50
    value: Text100


class Device(Block):
    """The device a message was made on."""

    tag: Tag


class B2BIds(Block):
    """The two parties of a document by their addresses on the network."""

    buyerB2BId: B2BId
    supplierB2BId: B2BId


class ObjectVersion(Block):
    """The version the sender knows and the one its message makes (docs/decisions/0015)."""

    currentVersion: Version
    newVersion: Version


class StatusTransition(Block):
    """The status the sender knows and the one it asks for."""

    currentStatus: Word
    newStatus: Word


class Address(Block):
    """A postal address."""

    type: Word | None = None
    addressLine1: Text100 | None = None
    addressLine2: Text100 | None = None
    city: Text100 | None = None
    state: Text50 | None = None
    country: Text50 | None = None
    pincode: Pincode | None = None


class ContactNumber(Block, kw_only=True):
    """A telephone."""

    type: Word | None = None
    countryCode: CountryCode | None = None
    phoneNumber: PhoneNumber


class _Party(Block, kw_only=True):
    b2bId: B2BId | None = None
    gstin: Gstin | None = None
    legalName: Text100
    tradeName: Text100 | None = None
    stateCode: StateCode | None = None
    address: Address | None = None
    contactNumber: ContactNumber | None = None
    email: Email | None = None


class SupplierDetails(_Party):
    """Who supplies."""


class BuyerDetails(_Party):
    """Who buys, and where the supply takes place."""

    placeOfSupply: StateCode | None = None


class DispatchDetails(Block):
    """From where goods leave."""

    gstin: Gstin | None = None
    legalName: Text100 | None = None
    tradeName: Text100 | None = None
    stateCode: StateCode | None = None
    address: Address | None = None
    contactNumber: ContactNumber | None = None
    email: Email | None = None


class ShippingDetails(Block):
    """To where goods go; the names differ here from those of the other parties, as printed."""

    gstin: Gstin | None = None
    lglNm: Text100 | None = None
    trdNm: Text100 | None = None
    stateCode: StateCode | None = None
    address: Address | None = None
    contactNumber: ContactNumber | None = None
    email: Email | None = None


class TransactionDetails(Block):
    """Under which tax law and how."""

    taxScheme: TaxScheme
    supplyType: SupplyKind
    reverseChargeTax: YesNo | None = None
    igstChargable: YesNo | None = None
    ecommerceGstin: Gstin | None = None


class NoteTransactionDetails(Block):
    """The same on a note, where one name is spelt otherwise, as printed."""

    taxScheme: TaxScheme
    supplyType: SupplyKind
    reverseChargeTax: YesNo | None = None
    igstChargable: YesNo | None = None
    eCommerceGstin: Gstin | None = None


class TypedValue(Block):
    """An amount with its kind; the kinds we write are listed in docs/decisions/0015."""

    type: Word
    value: SignedAmount


class TypedRate(Block):
    """A rate with its kind (``CESS``, ``STATE CESS``)."""

    type: Word
    value: Rate


class BatchDetails(Block):
    """The batch goods are of."""

    batchNumber: Text20
    expiryDate: Day | None = None
    batchWarrantyDate: Day | None = None


class OtherTax(Block):
    """A tax that is neither GST nor cess."""

    name: Text100
    rate: Rate | None = None
    amount: Amount | None = None


class Item(Block):
    """One line: the 21 members of the published item."""

    hsnCode: HsnCode
    unitPrice: Price
    totalAmt: Amount
    assessmentAmount: Amount
    gstRate: Rate
    totalItemValue: Amount
    serialno: Text20 | None = None
    productDescription: Text300 | None = None
    isService: YesNo | None = None
    barCode: Text50 | None = None
    quantity: Count | None = None
    freeQuantity: Count | None = None
    unit: Unit | None = None
    orderLineReference: Text50 | None = None
    originCountry: Country | None = None
    productSerialNumber: Text20 | None = None
    itemValueDetails: Annotated[list[TypedValue], Meta(max_length=30)] | None = None
    rates: Annotated[list[TypedRate], Meta(max_length=10)] | None = None
    batchDetails: BatchDetails | None = None
    attributeDetails: Annotated[list[NameValue], Meta(max_length=100)] | None = None
    otherTaxes: Annotated[list[OtherTax], Meta(max_length=30)] | None = None


Items = Annotated[list[Item], Meta(min_length=1, max_length=MAX_ITEMS)]


class ValueDetails(Block):
    """The sums of an invoice."""

    assessmentValue: Amount | None = None
    totalInvoiceValue: Amount | None = None
    otherValues: Annotated[list[TypedValue], Meta(max_length=30)] | None = None


class SupplierBankAccountDetails(Block):
    """Where the supplier wants to be paid; the account number is masked."""

    maskedAccountNumber: Text50 | None = None
    ifsc: Ifsc | None = None
    beneficiaryName: Text100 | None = None
    businessVPA: Vpa | None = None


class AdvancePaymentDetails(Block):
    """Terms of payment, and what was paid ahead."""

    payeeName: Text100 | None = None
    mode: Text50 | None = None
    paymentTerms: Text100 | None = None
    paymentInstruction: Text100 | None = None
    creditTransfer: Text100 | None = None
    directDebit: Text100 | None = None
    creditDays: Whole | None = None
    paidAmount: Amount | None = None
    pendingDueAmount: Amount | None = None


class InvoiceReferenceDetails(Block):
    """A remark and the period an invoice is for."""

    invoiceRemarks: Text100 | None = None
    invoiceStartDate: Day | None = None
    invoiceEndDate: Day | None = None


class PrecedingInvoice(Block):
    """An earlier document this one refers to."""

    invoiceNumber: Text50
    date: Day | None = None
    otherReferenceNo: Text50 | None = None


class PoReference(Block):
    """The purchase order an invoice is for."""

    poObjId: Text50 | None = None
    buyerPoId: Text50 | None = None
    poDate: Day | None = None


class ContractReference(Block):
    """References of the contract a document is under."""

    receiptAdviceNo: Text20 | None = None
    receiptAdviceDate: Day | None = None
    batchReferenceNo: Text20 | None = None
    contractReferenceNo: Text20 | None = None
    extraReferenceNo: Text20 | None = None
    projectReferenceNo: Text20 | None = None


class AdditionalDocument(Block):
    """A paper that goes with the document."""

    url: Text300 | None = None
    document: Text1000 | None = None
    info: Text1000 | None = None


class ExportDetails(Block):
    """What an export is cleared under."""

    shipBillNo: Text20 | None = None
    shipBillDate: Day | None = None
    port: Text20 | None = None
    refundClaim: Word | None = None
    foreignCurrency: Word | None = None
    countryCode: Country | None = None
    exportDuty: Amount | None = None


class EwayBillDetail(Block):
    """How goods travel."""

    transporterId: Text20 | None = None
    transporterName: Text100 | None = None
    transportMode: Word | None = None
    distance: Whole | None = None
    transportDocumentNo: Text20 | None = None
    transportDocumentDate: Day | None = None
    vehicleNo: Text20 | None = None
    vehicleType: Word | None = None


class RecurringPayments(Block):
    """The series of payments a document belongs to."""

    originalInvoiceId: Text50 | None = None
    frequency: Word | None = None
    startDate: Day | None = None
    endDate: Day | None = None
    mandateDetails: Text100 | None = None
    mandateExecutionDate: Day | None = None
    mandateAmount: Amount | None = None


class PaymentMilestone(Block):
    """A part that is due on a day."""

    milestoneDate: Day
    dueAmount: Amount


class ShippingTerms(Block):
    """Who bears the carriage."""

    terms: Text100 | None = None
    bearingParty: Text50 | None = None
    charges: Amount | None = None


class InvoiceFinancingDetails(Block):
    """What of an invoice may be financed."""

    dueAmount: Amount | None = None
    financingRequestAmount: Amount | None = None


class EInvoiceInfo(Block):
    """The registration with the invoice registration portal."""

    schemaVersion: Word | None = None
    irnNumber: Irn | None = None
    irnTs: Instant | None = None


AdditionalInfos = Annotated[list[NameValue], Meta(max_length=100)]
PoReferences = Annotated[list[PoReference], Meta(max_length=100)]
PrecedingInvoices = Annotated[list[PrecedingInvoice], Meta(max_length=100)]
ContractReferences = Annotated[list[ContractReference], Meta(max_length=100)]
AdditionalDocuments = Annotated[list[AdditionalDocument], Meta(max_length=100)]
PaymentMilestones = Annotated[list[PaymentMilestone], Meta(max_length=100)]
