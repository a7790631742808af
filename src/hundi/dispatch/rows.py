"""What queries on deliveries give."""

from datetime import datetime

import msgspec


class QueuedInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that somebody wants to send, locked."""

    invoice_id: str
    invoice_number: str
    invoice_date: datetime
    registration_id: str
    customer_id: str
    approval_status: str
    receivable_status: str
    dispatch_status: str
    email_address: str | None
    cc_emails: list[str] | None
    link_version: int
    irn: str | None


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, with what decides about its next attempt."""

    delivery_id: str
    customer_id: str
    channel: str
    state: str
    message_id: str
    attempts: int
    created_at: datetime


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send a mail; ``outcome`` None: begun, and nobody has said how it ended."""

    attempt_no: int
    started_at: datetime
    outcome: str | None
    finished_at: datetime | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many attempts of a delivery ended how."""

    unreachable: int
    unknown: int


class InvoiceInDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice of a delivery. ``latest``: no later delivery took it over."""

    invoice_id: str
    receivable_status: str
    dispatch_status: str
    email_address: str | None
    cc_emails: list[str] | None
    version: int
    link_version: int
    latest: bool


class InvoiceDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as its invoice shows it; ``recipients`` are addresses, the first the one it was addressed to."""

    delivery_id: str
    channel: str
    state: str
    recipients: list[str]
    attempts: int
    detail: str | None
    created_at: datetime
    created_by: str
    settled_at: datetime | None
