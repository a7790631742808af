"""Wire types of customers (contract §3)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.customers.rows import ContactRow, CustomerRow, ReminderRow
from hundi.customers.rules import MAX_CONTACTS, MAX_REMINDERS, CustomerStatus, is_mailable
from hundi.http.envelope import EnumModel, NextCursor, in_ist
from hundi.http.wire import FilterDateTime
from hundi.kit.contacts import ACCOUNT_PATTERN, IFSC_PATTERN, PHONE_PATTERN
from hundi.kit.ids import CUSTOMER_PATTERN, SELLER_PATTERN

# The printed patterns stand in the schema; the rules check with equivalent ones that refuse a trailing line break.
Phone = Annotated[str, Meta(max_length=20, extra_json_schema={"pattern": PHONE_PATTERN})]
Ifsc = Annotated[str, Meta(max_length=11, extra_json_schema={"pattern": IFSC_PATTERN})]
Account = Annotated[str, Meta(max_length=36, extra_json_schema={"pattern": ACCOUNT_PATTERN})]
SellerRef = Annotated[str, Meta(max_length=10, extra_json_schema={"pattern": SELLER_PATTERN})]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=500)]
Address = Annotated[
    str,
    Meta(max_length=500, description="With line breaks; abroad it ends with the country, which an export has to name"),
]
Short = Annotated[str, Meta(max_length=100)]
Email = Annotated[str, Meta(max_length=254)]
# The contract's pattern of a key contact's address, verbatim; what is accepted is decided by kit.contacts.is_email.
_EMAIL_PATTERN: Final = (
    r"""(?:[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*|"(?:[\x01-\x08\x0b\x0c"""
    r'\x0e-\x1f\x21\x23-\x5b\x5d-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*")@(?:(?:[a-zA-Z0-9](?:[a-zA-Z0'
    r"-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?|\[(?:(?:25[0-5]|2[0-4][0-9]|[01]?"
    r"[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?|[a-zA-Z0-9-]*[a-zA-Z0-9]:(?:[\x01-\x08"
    r"\x0b\x0c\x0e-\x1f\x21-\x5a\x53-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])+)])"
)
ContactEmail = Annotated[str, Meta(max_length=254, extra_json_schema={"pattern": _EMAIL_PATTERN})]
Via = Annotated[str, Meta(max_length=50)]
PinCode = Annotated[str, Meta(max_length=6)]
Tan = Annotated[str, Meta(max_length=10)]
Udyam = Annotated[str, Meta(max_length=19)]
UdyamClass = Annotated[str, Meta(extra_json_schema={"enum": ["MICRO", "SMALL", "MEDIUM"]})]
TaxNumber = Annotated[str, Meta(max_length=15)]
Treatment = Annotated[
    str,
    Meta(extra_json_schema={"enum": ["REGISTERED", "COMPOSITION", "SEZ", "UNREGISTERED", "CONSUMER", "OVERSEAS"]}),
]
Terms = Annotated[int, Meta(ge=0, le=3650)]
Branches = Annotated[list[Short], Meta(max_length=50)]
# Days before (negative) or after the due date; days between repeats (contract §3.3 leaves both units open).
Difference = Annotated[
    int,
    Meta(
        ge=-3650,
        le=3650,
        extra_json_schema={"format": "int32"},
        description="Days after the due date; before it when negative",
    ),
]
Interval = Annotated[
    int, Meta(ge=0, le=3650, extra_json_schema={"format": "int32"}, description="Days between repeats")
]
TimeOfDay = Annotated[str, Meta(max_length=5, description="HH:mm in India; 10:00 unless told")]
ReminderType = Annotated[str, Meta(extra_json_schema={"enum": ["ONCE", "RECURRING"]})]


class CustomerKeyContactCreateDTO(msgspec.Struct, kw_only=True):
    """A person at the customer who gets invoices (contract §3.2); the first one with an e-mail is the primary."""

    deleted: bool
    legalName: Name
    name: Name
    mobile: Phone
    email: ContactEmail | None = None
    keyContactPersonId: Short | None = None
    mail_enabled: bool | None = None
    sms_enabled: bool | None = None
    whatsapp_enabled: bool | None = None
    via: Via | None = None


class CustomerReminderCreateDTO(msgspec.Struct, kw_only=True):
    """A reminder rule (contract §3.3). Kept with the customer; sending comes with the reminder engine."""

    customerReminderId: Short | None = None
    dueDateDifference: Difference | None = None
    reminderInterval: Interval | None = None
    reminderTime: TimeOfDay | None = None
    reminderType: ReminderType | None = None
    stage: Short | None = None


class CustomerCreate(msgspec.Struct, kw_only=True):
    """The body of createCustomer (contract §3.1), with the fields of updateCustomer and ours (domain §1)."""

    customerKeyContacts: Annotated[list[CustomerKeyContactCreateDTO], Meta(max_length=MAX_CONTACTS)]
    legalName: Name
    accountNumber: Account | None = None
    address: Address | None = None
    companyId: SellerRef | None = None
    contactNumber: Phone | None = None
    customerCompanyId: Short | None = None
    customerReminders: Annotated[list[CustomerReminderCreateDTO], Meta(max_length=MAX_REMINDERS)] | None = None
    externalSource: bool | None = None
    ifsc: Ifsc | None = None
    panOrGstin: TaxNumber | None = None
    pinCode: PinCode | None = None
    state: Short | None = None
    uniqueRefNo: Short | None = None
    assignedAgent: Short | None = None
    branchCodes: Branches | None = None
    tradeName: Name | None = None
    treatment: Treatment | None = None
    shippingAddress: Address | None = None
    shippingState: Short | None = None
    shippingPinCode: PinCode | None = None
    paymentTermsDays: Terms | None = None
    tan: Tan | None = None
    udyamNumber: Udyam | None = None
    udyamClass: UdyamClass | None = None


class KeyContactPatch(msgspec.Struct, kw_only=True):
    """A key contact in updateCustomer: with the id of one that is there it is changed, without it is added.

    In a change absent leaves and null clears; ``deleted`` true removes. A new one needs legalName, name and mobile.
    """

    deleted: bool | None = None
    legalName: Name | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    mobile: Phone | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    keyContactPersonId: Short | None = None
    mail_enabled: bool | UnsetType | None = UNSET
    sms_enabled: bool | UnsetType | None = UNSET
    whatsapp_enabled: bool | UnsetType | None = UNSET
    via: Via | UnsetType | None = UNSET


class ReminderPatch(msgspec.Struct, kw_only=True):
    """A reminder rule in a change: absent leaves, null clears; ``deleted`` true removes it.

    Inside updateCustomer, one with the id of a rule that is there changes it, one without is added.
    """

    customerReminderId: Short | None = None
    deleted: bool | None = None
    dueDateDifference: Difference | UnsetType | None = UNSET
    reminderInterval: Interval | UnsetType | None = UNSET
    reminderTime: TimeOfDay | UnsetType | None = UNSET
    reminderType: ReminderType | UnsetType | None = UNSET
    stage: Short | UnsetType | None = UNSET


class CustomerPatch(msgspec.Struct, kw_only=True):
    """The body of updateCustomer (contract §3.5) with ours: absent = leave, null = clear, a value = set, ``{}`` = leave."""

    accountNumber: Account | UnsetType | None = UNSET
    address: Text | UnsetType | None = UNSET
    assignedAgent: Short | UnsetType | None = UNSET
    branchCodes: Branches | UnsetType | None = UNSET
    contactNumber: Phone | UnsetType | None = UNSET
    customerId: Short | UnsetType | None = UNSET
    customerKeyContacts: Annotated[list[KeyContactPatch], Meta(max_length=2 * MAX_CONTACTS)] | UnsetType | None = UNSET
    customerReminders: Annotated[list[ReminderPatch], Meta(max_length=2 * MAX_REMINDERS)] | UnsetType | None = UNSET
    ifsc: Ifsc | UnsetType | None = UNSET
    legalName: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    panOrGstin: TaxNumber | UnsetType | None = UNSET
    pinCode: PinCode | UnsetType | None = UNSET
    state: Short | UnsetType | None = UNSET
    uniqueRefNo: Short | UnsetType | None = UNSET
    customerCompanyId: Short | UnsetType | None = UNSET
    externalSource: bool | UnsetType | None = UNSET
    tradeName: Name | UnsetType | None = UNSET
    treatment: Treatment | UnsetType | None = UNSET
    shippingAddress: Text | UnsetType | None = UNSET
    shippingState: Short | UnsetType | None = UNSET
    shippingPinCode: PinCode | UnsetType | None = UNSET
    paymentTermsDays: Terms | UnsetType | None = UNSET
    tan: Tan | UnsetType | None = UNSET
    udyamNumber: Udyam | UnsetType | None = UNSET
    udyamClass: UdyamClass | UnsetType | None = UNSET


class KeyContactOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A key contact as kept."""

    keyContactPersonId: str
    legalName: str
    name: str
    mobile: str
    email: str | None = None
    mail_enabled: bool | None = None
    sms_enabled: bool | None = None
    whatsapp_enabled: bool | None = None
    via: str | None = None
    deleted: bool | None = None
    primary: bool | None = None

    @classmethod
    def of(cls, row: ContactRow, primary: str | None) -> "KeyContactOut":
        """Show a row."""
        return cls(
            keyContactPersonId=row.contact_id, legalName=row.legal_name, name=row.name, mobile=row.mobile,
            email=row.email, mail_enabled=row.mail_enabled, sms_enabled=row.sms_enabled,
            whatsapp_enabled=row.whatsapp_enabled, via=row.via, deleted=row.deleted,
            primary=row.contact_id == primary,
        )  # fmt: skip

    @classmethod
    def all_of(cls, rows: list[ContactRow]) -> "list[KeyContactOut]":
        """Show a customer's contacts; the first one that mail goes to is its primary (domain §7)."""
        primary = next((row.contact_id for row in rows if is_mailable(row.email, row.mail_enabled)), None)
        return [cls.of(row, primary) for row in rows]


class ReminderOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A reminder rule as kept."""

    customerReminderId: str
    dueDateDifference: int | None = None
    reminderInterval: int | None = None
    reminderTime: str | None = None
    reminderType: str | None = None
    stage: str | None = None
    nextRunOn: Annotated[
        date | None,
        Meta(description="The day in India on which it runs next; absent while nothing is to be reminded of"),
    ] = None

    @classmethod
    def of(cls, row: ReminderRow) -> "ReminderOut":
        """Show a row."""
        return cls(
            customerReminderId=row.reminder_id, dueDateDifference=row.due_date_difference,
            reminderInterval=row.reminder_interval, reminderTime=row.reminder_time, reminderType=row.reminder_type,
            stage=row.stage, nextRunOn=row.next_run_on,
        )  # fmt: skip


class CustomerResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A customer as kept. ``accountNumber`` shows its last four digits only."""

    customerId: str
    legalName: str
    sellerId: str
    customerStatus: EnumModel
    treatment: str
    customerKeyContacts: list[KeyContactOut]
    customerReminders: list[ReminderOut]
    hasKeyContacts: bool
    createdOn: datetime
    modifiedOn: datetime
    createdBy: str
    modifiedBy: str
    tradeName: str | None = None
    panOrGstin: str | None = None
    address: str | None = None
    state: str | None = None
    stateCode: str | None = None
    pinCode: str | None = None
    shippingAddress: str | None = None
    shippingState: str | None = None
    shippingPinCode: str | None = None
    contactNumber: str | None = None
    accountNumber: str | None = None
    ifsc: str | None = None
    customerCompanyId: str | None = None
    externalSource: bool | None = None
    uniqueRefNo: str | None = None
    assignedAgent: str | None = None
    branchCodes: list[str] = msgspec.field(default_factory=list)
    paymentTermsDays: int | None = None
    tan: str | None = None
    udyamNumber: str | None = None
    udyamClass: str | None = None
    customerDeleted: bool | None = None

    @classmethod
    def of(cls, row: CustomerRow, state_name: str | None, masked_account: str | None) -> "CustomerResponse":
        """Show a row."""
        status: Any = EnumModel(row.status.capitalize(), row.status)
        return cls(
            customerId=row.customer_id, legalName=row.legal_name, sellerId=row.seller_id, customerStatus=status,
            treatment=row.treatment, hasKeyContacts=row.has_key_contacts,
            customerKeyContacts=KeyContactOut.all_of(row.contacts),
            customerReminders=[ReminderOut.of(r) for r in row.reminders],
            createdOn=in_ist(row.created_at) or row.created_at, modifiedOn=in_ist(row.modified_at) or row.modified_at,
            createdBy=row.created_by, modifiedBy=row.modified_by, tradeName=row.trade_name,
            panOrGstin=row.gstin or row.pan, address=row.address, state=state_name, stateCode=row.state_code,
            pinCode=row.pin_code, shippingAddress=row.shipping_address, shippingState=row.shipping_state,
            shippingPinCode=row.shipping_pin_code, contactNumber=row.contact_number, accountNumber=masked_account,
            ifsc=row.ifsc, customerCompanyId=row.customer_company_id, externalSource=row.external_source,
            uniqueRefNo=row.unique_ref_no, assignedAgent=row.assigned_agent, branchCodes=row.branch_codes,
            paymentTermsDays=row.terms_days, tan=row.tan, udyamNumber=row.udyam_number, udyamClass=row.udyam_class,
            customerDeleted=True if row.deleted_at else None,
        )  # fmt: skip


class KeyContactList(msgspec.Struct, kw_only=True):
    """The key contacts of one customer, all of them (at most 50)."""

    data: list[KeyContactOut]
    total_count: int
    limit: int = MAX_CONTACTS
    offset: int = 0


class CustomerOrder(StrEnum):
    """What a search for customers may be ordered by."""

    CREATED_ON = "createdOn"
    MODIFIED_ON = "modifiedOn"
    LEGAL_NAME = "legalName"


class CustomerSearch(msgspec.Struct, kw_only=True):
    """The body of searchCustomer (contract §3.4): all filters that are given must hold; an empty text is none."""

    accountNumber: Annotated[str, Meta(max_length=36, description="The whole number")] | None = None
    assignedAgent: Short | None = None
    createdOnFrom: FilterDateTime | None = None
    createdOnTo: FilterDateTime | None = None
    customerCompanyId: Short | None = None
    customerDeleted: Annotated[bool, Meta(description="true finds deleted customers, and only those")] | None = None
    customerIds: (
        Annotated[
            list[Annotated[str, Meta(pattern=r"^KC[A-Z0-9]{14}\Z", extra_json_schema={"pattern": CUSTOMER_PATTERN})]],
            Meta(max_length=5000),
        ]
        | None
    ) = None
    customerStatus: CustomerStatus | None = None
    email: Annotated[Email, Meta(description="The whole address of a key contact, in any case")] | None = None
    hasKeyContacts: bool | None = None
    legalName: Annotated[str, Meta(max_length=200, description="Part of the legal name, in any case")] | None = None
    name: Annotated[str, Meta(max_length=200, description="Part of the legal or trade name, in any case")] | None = None
    panOrGstin: TaxNumber | None = None
    phone: Annotated[str, Meta(max_length=20, description="The customer's number or a key contact's")] | None = None
    state: Short | None = None
    uniqueRefNo: Short | None = None


class CustomerPage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A page of customers (design §5 "Lists")."""

    data: list[CustomerResponse]
    total_count: int = msgspec.field(default=-1)
    limit: int = msgspec.field(default=-1)
    offset: int = msgspec.field(default=-1)
    next_cursor: NextCursor = None
    total_count_estimated: bool | None = None
