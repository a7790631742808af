"""Wire types of customers (contract §3)."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hundi.customers.rows import ContactRow, CustomerRow, ReminderRow
from hundi.http.envelope import EnumModel, in_ist
from hundi.kit.contacts import ACCOUNT_PATTERN, IFSC_PATTERN, PHONE_PATTERN
from hundi.kit.ids import SELLER_PATTERN

# The printed patterns stand in the schema; the rules check with equivalent ones that refuse a trailing line break.
Phone = Annotated[str, Meta(max_length=20, extra_json_schema={"pattern": PHONE_PATTERN})]
Ifsc = Annotated[str, Meta(max_length=11, extra_json_schema={"pattern": IFSC_PATTERN})]
Account = Annotated[str, Meta(max_length=36, extra_json_schema={"pattern": ACCOUNT_PATTERN})]
SellerRef = Annotated[str, Meta(max_length=10, extra_json_schema={"pattern": SELLER_PATTERN})]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=500)]
Short = Annotated[str, Meta(max_length=100)]


class CustomerKeyContactCreateDTO(msgspec.Struct, kw_only=True):
    """A person at the customer who gets invoices (contract §3.2); the first one with an e-mail is the primary."""

    deleted: bool
    legalName: Name
    name: Name
    mobile: Phone
    email: Annotated[str, Meta(max_length=254)] | None = None
    keyContactPersonId: Short | None = None
    mail_enabled: bool | None = None
    sms_enabled: bool | None = None
    whatsapp_enabled: bool | None = None
    via: Annotated[str, Meta(max_length=50)] | None = None


class CustomerReminderCreateDTO(msgspec.Struct, kw_only=True):
    """A reminder rule (contract §3.3). Kept with the customer; sending comes with the reminder engine."""

    customerReminderId: Short | None = None
    dueDateDifference: Annotated[int, Meta(ge=-3650, le=3650, extra_json_schema={"format": "int32"})] | None = None
    reminderInterval: Annotated[int, Meta(ge=0, le=3650, extra_json_schema={"format": "int32"})] | None = None
    reminderTime: Annotated[str, Meta(max_length=5, description="HH:mm")] | None = None
    reminderType: Annotated[str, Meta(extra_json_schema={"enum": ["ONCE", "RECURRING"]})] | None = None
    stage: Short | None = None


class CustomerCreate(msgspec.Struct, kw_only=True):
    """The body of createCustomer (contract §3.1), with the fields of updateCustomer and ours (domain §1)."""

    customerKeyContacts: Annotated[list[CustomerKeyContactCreateDTO], Meta(max_length=50)]
    legalName: Name
    accountNumber: Account | None = None
    address: Text | None = None
    companyId: SellerRef | None = None
    contactNumber: Phone | None = None
    customerCompanyId: Short | None = None
    customerReminders: Annotated[list[CustomerReminderCreateDTO], Meta(max_length=20)] | None = None
    externalSource: bool | None = None
    ifsc: Ifsc | None = None
    panOrGstin: Annotated[str, Meta(max_length=15)] | None = None
    pinCode: Annotated[str, Meta(max_length=6)] | None = None
    state: Short | None = None
    uniqueRefNo: Short | None = None
    assignedAgent: Short | None = None
    branchCodes: Annotated[list[Short], Meta(max_length=50)] | None = None
    tradeName: Name | None = None
    treatment: (
        Annotated[
            str,
            Meta(
                extra_json_schema={
                    "enum": ["REGISTERED", "COMPOSITION", "SEZ", "UNREGISTERED", "CONSUMER", "OVERSEAS"],
                }
            ),
        ]
        | None
    ) = None
    shippingAddress: Text | None = None
    shippingState: Short | None = None
    shippingPinCode: Annotated[str, Meta(max_length=6)] | None = None
    paymentTermsDays: Annotated[int, Meta(ge=0, le=3650)] | None = None
    tan: Annotated[str, Meta(max_length=10)] | None = None
    udyamNumber: Annotated[str, Meta(max_length=19)] | None = None
    udyamClass: Annotated[str, Meta(extra_json_schema={"enum": ["MICRO", "SMALL", "MEDIUM"]})] | None = None


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


class ReminderOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A reminder rule as kept."""

    customerReminderId: str
    dueDateDifference: int | None = None
    reminderInterval: int | None = None
    reminderTime: str | None = None
    reminderType: str | None = None
    stage: str | None = None

    @classmethod
    def of(cls, row: ReminderRow) -> "ReminderOut":
        """Show a row."""
        return cls(
            customerReminderId=row.reminder_id, dueDateDifference=row.due_date_difference,
            reminderInterval=row.reminder_interval, reminderTime=row.reminder_time, reminderType=row.reminder_type,
            stage=row.stage,
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

    @classmethod
    def of(cls, row: CustomerRow, state_name: str | None, masked_account: str | None) -> "CustomerResponse":
        """Show a row."""
        primary = next((c.contact_id for c in row.contacts if c.email and not c.deleted), None)
        status: Any = EnumModel(row.status.capitalize(), row.status)
        return cls(
            customerId=row.customer_id, legalName=row.legal_name, sellerId=row.seller_id, customerStatus=status,
            treatment=row.treatment, hasKeyContacts=row.has_key_contacts,
            customerKeyContacts=[KeyContactOut.of(c, primary) for c in row.contacts if not c.deleted],
            customerReminders=[ReminderOut.of(r) for r in row.reminders],
            createdOn=in_ist(row.created_at) or row.created_at, modifiedOn=in_ist(row.modified_at) or row.modified_at,
            createdBy=row.created_by, modifiedBy=row.modified_by, tradeName=row.trade_name,
            panOrGstin=row.gstin or row.pan, address=row.address, state=state_name, stateCode=row.state_code,
            pinCode=row.pin_code, shippingAddress=row.shipping_address, shippingState=row.shipping_state,
            shippingPinCode=row.shipping_pin_code, contactNumber=row.contact_number, accountNumber=masked_account,
            ifsc=row.ifsc, customerCompanyId=row.customer_company_id, externalSource=row.external_source,
            uniqueRefNo=row.unique_ref_no, assignedAgent=row.assigned_agent, branchCodes=row.branch_codes,
            paymentTermsDays=row.terms_days, tan=row.tan, udyamNumber=row.udyam_number, udyamClass=row.udyam_class,
        )  # fmt: skip
