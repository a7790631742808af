"""What queries on customers give."""

from datetime import date, datetime

import msgspec


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key contact; ``position`` counts in the order the caller gave them."""

    contact_id: str
    position: int
    legal_name: str
    name: str
    email: str | None
    mobile: str
    mail_enabled: bool
    sms_enabled: bool
    whatsapp_enabled: bool
    via: str | None
    deleted: bool


class ReminderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder rule; ``next_run_on`` is the day (in India) on which it runs next, as far as invoices tell now."""

    reminder_id: str
    reminder_type: str | None
    due_date_difference: int | None
    reminder_interval: int | None
    reminder_time: str | None
    stage: str | None
    next_run_on: date | None = None


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A customer with its contacts and reminders. ``account_number`` is sealed."""

    seller_id: str
    customer_id: str
    unique_ref_no: str | None
    legal_name: str
    trade_name: str | None
    gstin: str | None
    pan: str | None
    treatment: str
    address: str | None
    state_code: str | None
    pin_code: str | None
    shipping_address: str | None
    shipping_state: str | None
    shipping_pin_code: str | None
    contact_number: str | None
    account_number: bytes | None
    ifsc: str | None
    customer_company_id: str | None
    external_source: bool
    terms_days: int | None
    tan: str | None
    udyam_number: str | None
    udyam_class: str | None
    assigned_agent: str | None
    branch_codes: list[str]
    has_key_contacts: bool
    status: str
    deleted_at: datetime | None
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int
    contacts: list[ContactRow] = []
    reminders: list[ReminderRow] = []
