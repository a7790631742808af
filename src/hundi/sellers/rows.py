"""What queries on companies and their people give."""

from datetime import date, datetime
from decimal import Decimal

import msgspec


class SellerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A company with its settings."""

    seller_id: str
    legal_name: str
    trade_name: str | None
    pan: str | None
    amount_mismatch: str
    unknown_resends: int
    reply_to: str | None
    e_invoice_from: date | None
    e_invoice_policy: str
    logo_file_id: str | None
    import_row_limit: int | None
    import_mb_limit: int | None
    imports_at_once: int | None
    dispatch_channel: str
    default_hsn: str | None
    created_at: datetime


class RegistrationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A place of business; ``bank_account`` is sealed."""

    seller_id: str
    registration_id: str
    is_default: bool
    gstin: str | None
    legal_name: str
    trade_name: str | None
    pan: str | None
    udyam_number: str | None
    address_line1: str
    address_line2: str | None
    city: str
    pin_code: str
    state_code: str
    email: str | None
    phone: str | None
    bank_holder: str | None
    bank_account: bytes | None
    bank_ifsc: str | None
    bank_name: str | None
    upi_vpa: str | None
    upi_max_amount: Decimal
    signatory_name: str | None
    lut_number: str | None
    created_at: datetime


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person who works in the company. ``status`` is INACTIVE where the account or the membership is ended."""

    user_id: str
    home_seller_id: str
    username: str
    display_name: str
    email: str | None
    mobile: str | None
    roles: list[str]
    status: str
    locked_until: datetime | None
    created_at: datetime


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """An API client; its secrets are not among what is read."""

    client_id: str
    name: str
    roles: list[str]
    rate_per_minute: int
    burst: int
    old_secret_until: datetime | None
    created_at: datetime
    revoked_at: datetime | None


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """What another company may do for this one."""

    partner_seller_id: str
    roles: list[str]
    granted_by: str
    created_at: datetime
    revoked_at: datetime | None


class LogoRow(msgspec.Struct, frozen=True, kw_only=True):
    """The company's logo in the store."""

    file_key: str
    name: str
    content_type: str
    size: int
