"""What makes a company: its registration, bank, UPI, and the credentials it is born with."""

from decimal import Decimal

import msgspec

from hundi.kit.ids import SellerId


class NewRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """A place of business (domain §1). ``gstin`` None: unregistered."""

    legal_name: str
    address_line1: str
    city: str
    pin_code: str
    state_code: str
    gstin: str | None = None
    trade_name: str | None = None
    pan: str | None = None
    udyam_number: str | None = None
    address_line2: str | None = None
    email: str | None = None
    phone: str | None = None
    bank_holder: str | None = None
    bank_account: str | None = None
    bank_ifsc: str | None = None
    bank_name: str | None = None
    upi_vpa: str | None = None
    upi_max_amount: Decimal = Decimal("100000.00")
    signatory_name: str | None = None
    lut_number: str | None = None
    series_pattern: str = "INV/{26-27}/{n:5}"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What the first owner signs in with; secrets are shown this once and stored as hashes."""

    sellerId: SellerId
    clientId: str
    clientSecret: str
    username: str
    password: str
