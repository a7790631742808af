"""Wire types of a company's administration."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.http.envelope import in_ist
from hundi.http.wire import Money, WireDate
from hundi.sellers.rows import ClientRow, GrantRow, RegistrationRow, SellerRow, UserRow

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Short = Annotated[str, Meta(min_length=1, max_length=100)]
Gstin = Annotated[str, Meta(min_length=15, max_length=15)]
StateCode = Annotated[str, Meta(pattern=r"^[0-9]{2}\Z", extra_json_schema={"pattern": "^[0-9]{2}$"})]
Email = Annotated[str, Meta(max_length=254)]
Phone = Annotated[str, Meta(max_length=20)]
Roles = Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=20)]
Password = Annotated[str, Meta(max_length=1024, description="12 characters or more; left out, one is made")]
Username = Annotated[str, Meta(min_length=1, max_length=254)]
PerMinute = Annotated[int, Meta(description="Requests a minute in the long run")]
Burst = Annotated[int, Meta(description="Requests at once after a pause")]
ImportLimit = Annotated[
    int,
    Meta(ge=1, le=100_000_000, description="The company's own limit on uploads; the installation's where it is lower"),
]
_CAPITAL = re.compile(r"(?<=.)([A-Z])")
_UPPER = frozenset({"gstin", "pan", "udyam_number", "bank_ifsc"})


def columns(data: msgspec.Struct) -> dict[str, Any]:
    """Give what a body sets, by column name; numbers of registers in capitals, what is absent left out."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(data):
        value = getattr(data, field.name)
        if value is UNSET:
            continue
        name = _CAPITAL.sub(r"_\1", field.name).lower()
        plain = value.value if isinstance(value, Money | WireDate) else value
        if isinstance(plain, str):
            plain = plain.strip().upper() if name in _UPPER else plain.strip()
        found[name] = plain
    return found


class SellerPatch(msgspec.Struct, kw_only=True):
    """A change of settings: absent leaves, null clears."""

    legalName: Name | UnsetType = UNSET
    tradeName: Name | UnsetType | None = UNSET
    pan: Annotated[str, Meta(max_length=10)] | UnsetType | None = UNSET
    replyTo: Annotated[str, Meta(max_length=254, description="Where answers to mails go")] | UnsetType | None = UNSET
    amountMismatch: (
        Annotated[Literal["error", "warn"], Meta(description="A netAmount more than ₹1 off is refused, or warned of")]
        | UnsetType
    ) = UNSET
    unknownResends: (
        Annotated[int, Meta(ge=0, le=9, description="How often a mail of unknown outcome is sent again")] | UnsetType
    ) = UNSET
    eInvoiceFrom: (
        Annotated[WireDate, Meta(description="From this invoice date B2B needs an IRN")] | UnsetType | None
    ) = UNSET
    eInvoicePolicy: (
        Annotated[Literal["refuse", "warn"], Meta(description="What dispatch does without the IRN")] | UnsetType
    ) = UNSET
    importRowLimit: ImportLimit | UnsetType | None = UNSET
    importMbLimit: ImportLimit | UnsetType | None = UNSET
    importsAtOnce: ImportLimit | UnsetType | None = UNSET
    dispatchChannel: (
        Annotated[
            Literal["EMAIL", "BHARAT_CONNECT"],
            Meta(description="BHARAT_CONNECT: invoices go over the network to customers whose B2B ID is known"),
        ]
        | UnsetType
    ) = UNSET
    defaultHsn: (
        Annotated[
            str,
            Meta(
                pattern=r"^([0-9]{4}|[0-9]{6}|[0-9]{8})\Z",
                extra_json_schema={"pattern": "^([0-9]{4}|[0-9]{6}|[0-9]{8})$"},
                description="HSN or SAC of invoices without lines, on the network",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET


class SellerOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A company with its settings."""

    sellerId: str
    legalName: str
    amountMismatch: str
    unknownResends: int
    eInvoicePolicy: str
    createdOn: datetime
    tradeName: str | None = None
    pan: str | None = None
    replyTo: str | None = None
    eInvoiceFrom: date | None = None
    logoUrl: str | None = None
    importRowLimit: int | None = None
    importMbLimit: int | None = None
    importsAtOnce: int | None = None
    dispatchChannel: str
    defaultHsn: str | None = None

    @classmethod
    def of(cls, row: SellerRow, base_url: str) -> "SellerOut":
        """Show a row."""
        return cls(
            sellerId=row.seller_id, legalName=row.legal_name, tradeName=row.trade_name, pan=row.pan,
            amountMismatch=row.amount_mismatch, unknownResends=row.unknown_resends, replyTo=row.reply_to,
            eInvoiceFrom=row.e_invoice_from, eInvoicePolicy=row.e_invoice_policy,
            logoUrl=f"{base_url}/api/v0/admin/seller/logo" if row.logo_file_id else None,
            importRowLimit=row.import_row_limit, importMbLimit=row.import_mb_limit, importsAtOnce=row.imports_at_once,
            dispatchChannel=row.dispatch_channel, defaultHsn=row.default_hsn, createdOn=in_ist(row.created_at) or row.created_at,
        )  # fmt: skip


class RegistrationCreate(msgspec.Struct, kw_only=True):
    """A new place of business (domain §1). Without a GSTIN it is unregistered."""

    legalName: Name
    addressLine1: Text
    city: Short
    pinCode: Annotated[str, Meta(max_length=6)]
    stateCode: StateCode
    isDefault: bool = False
    seriesPattern: Annotated[str, Meta(min_length=1, max_length=50)] = "INV/{26-27}/{n:5}"
    gstin: Gstin | None = None
    tradeName: Name | None = None
    pan: Annotated[str, Meta(max_length=10)] | None = None
    udyamNumber: Annotated[str, Meta(max_length=19)] | None = None
    addressLine2: Text | None = None
    email: Email | None = None
    phone: Phone | None = None
    bankHolder: Name | None = None
    bankAccount: Annotated[str, Meta(max_length=36)] | None = None
    bankIfsc: Annotated[str, Meta(max_length=11)] | None = None
    bankName: Name | None = None
    upiVpa: Annotated[str, Meta(max_length=165)] | None = None
    upiMaxAmount: Money | None = None
    signatoryName: Name | None = None
    lutNumber: Short | None = None


class RegistrationPatch(msgspec.Struct, kw_only=True):
    """A change of a registration: absent leaves, null clears."""

    legalName: Name | UnsetType = UNSET
    addressLine1: Text | UnsetType = UNSET
    city: Short | UnsetType = UNSET
    pinCode: Annotated[str, Meta(max_length=6)] | UnsetType = UNSET
    stateCode: StateCode | UnsetType = UNSET
    isDefault: bool | UnsetType = UNSET
    gstin: Gstin | UnsetType | None = UNSET
    tradeName: Name | UnsetType | None = UNSET
    pan: Annotated[str, Meta(max_length=10)] | UnsetType | None = UNSET
    udyamNumber: Annotated[str, Meta(max_length=19)] | UnsetType | None = UNSET
    addressLine2: Text | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    bankHolder: Name | UnsetType | None = UNSET
    bankAccount: Annotated[str, Meta(max_length=36)] | UnsetType | None = UNSET
    bankIfsc: Annotated[str, Meta(max_length=11)] | UnsetType | None = UNSET
    bankName: Name | UnsetType | None = UNSET
    upiVpa: Annotated[str, Meta(max_length=165)] | UnsetType | None = UNSET
    upiMaxAmount: Money | UnsetType = UNSET
    signatoryName: Name | UnsetType | None = UNSET
    lutNumber: Short | UnsetType | None = UNSET


class RegistrationOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A registration; of its bank account the last four characters only."""

    registrationId: str
    isDefault: bool
    legalName: str
    addressLine1: str
    city: str
    pinCode: str
    stateCode: str
    upiMaxAmount: Decimal
    createdOn: datetime
    gstin: str | None = None
    tradeName: str | None = None
    pan: str | None = None
    udyamNumber: str | None = None
    addressLine2: str | None = None
    email: str | None = None
    phone: str | None = None
    bankHolder: str | None = None
    bankAccount: str | None = None
    bankIfsc: str | None = None
    bankName: str | None = None
    upiVpa: str | None = None
    signatoryName: str | None = None
    lutNumber: str | None = None

    @classmethod
    def of(cls, row: RegistrationRow, bank_account: str | None) -> "RegistrationOut":
        """Show a row."""
        return cls(
            registrationId=row.registration_id, isDefault=row.is_default, legalName=row.legal_name,
            addressLine1=row.address_line1, city=row.city, pinCode=row.pin_code, stateCode=row.state_code,
            upiMaxAmount=row.upi_max_amount, createdOn=in_ist(row.created_at) or row.created_at, gstin=row.gstin,
            tradeName=row.trade_name, pan=row.pan, udyamNumber=row.udyam_number, addressLine2=row.address_line2,
            email=row.email, phone=row.phone, bankHolder=row.bank_holder, bankAccount=bank_account,
            bankIfsc=row.bank_ifsc, bankName=row.bank_name, upiVpa=row.upi_vpa, signatoryName=row.signatory_name,
            lutNumber=row.lut_number,
        )  # fmt: skip


class UserCreate(msgspec.Struct, kw_only=True):
    """A new person."""

    username: Username
    roles: Roles
    displayName: Name | None = None
    email: Email | None = None
    mobile: Phone | None = None
    password: Password | None = None


class UserPatch(msgspec.Struct, kw_only=True):
    """A change of a person: absent leaves, null clears."""

    displayName: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    mobile: Phone | UnsetType | None = UNSET
    roles: Roles | UnsetType = UNSET
    status: Literal["ACTIVE", "INACTIVE"] | UnsetType = UNSET


class PasswordReset(msgspec.Struct, kw_only=True):
    """A new password, or nothing and one is made."""

    password: Password | None = None


class UserOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A person. ``password`` is there only in the reply that made it up, this once."""

    userId: str
    username: str
    displayName: str
    roles: list[str]
    status: str
    createdOn: datetime
    homeSellerId: str
    email: str | None = None
    mobile: str | None = None
    lockedUntil: datetime | None = None
    password: str | None = None

    @classmethod
    def of(cls, row: UserRow, password: str | None = None) -> "UserOut":
        """Show a row."""
        return cls(
            userId=row.user_id, username=row.username, displayName=row.display_name, roles=row.roles,
            status=row.status, createdOn=in_ist(row.created_at) or row.created_at, homeSellerId=row.home_seller_id,
            email=row.email, mobile=row.mobile, lockedUntil=in_ist(row.locked_until), password=password,
        )  # fmt: skip


class ClientCreate(msgspec.Struct, kw_only=True):
    """A new API client."""

    name: Name
    roles: Roles = msgspec.field(default_factory=lambda: ["developer"])
    ratePerMinute: PerMinute | None = None
    burst: Burst | None = None


class ClientPatch(msgspec.Struct, kw_only=True):
    """A change of an API client: absent leaves."""

    name: Name | UnsetType = UNSET
    roles: Roles | UnsetType = UNSET
    ratePerMinute: PerMinute | UnsetType = UNSET
    burst: Burst | UnsetType = UNSET


class ClientRotate(msgspec.Struct, kw_only=True):
    """How long the old secret stays good beside the new one, in minutes; 0 voids it and all tokens got with it."""

    overlapMinutes: int = 0


class ClientOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An API client. ``clientSecret`` is there only in the reply that made it, this once."""

    clientId: str
    name: str
    roles: list[str]
    ratePerMinute: int
    burst: int
    createdOn: datetime
    revokedOn: datetime | None = None
    oldSecretUntil: datetime | None = None
    clientSecret: str | None = None

    @classmethod
    def of(cls, row: ClientRow, secret: str | None = None) -> "ClientOut":
        """Show a row."""
        return cls(
            clientId=row.client_id, name=row.name, roles=row.roles, ratePerMinute=row.rate_per_minute, burst=row.burst,
            createdOn=in_ist(row.created_at) or row.created_at, revokedOn=in_ist(row.revoked_at),
            oldSecretUntil=in_ist(row.old_secret_until), clientSecret=secret,
        )  # fmt: skip


class GrantPut(msgspec.Struct, kw_only=True):
    """What the other company may do: any roles but owner."""

    roles: Roles


class GrantOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A partner grant; ``revokedOn`` where it has ended."""

    partnerSellerId: str
    roles: list[str]
    grantedBy: str
    grantedOn: datetime
    revokedOn: datetime | None = None

    @classmethod
    def of(cls, row: GrantRow) -> "GrantOut":
        """Show a row."""
        return cls(
            partnerSellerId=row.partner_seller_id, roles=row.roles, grantedBy=row.granted_by,
            grantedOn=in_ist(row.created_at) or row.created_at, revokedOn=in_ist(row.revoked_at),
        )  # fmt: skip


class RoleOut(msgspec.Struct, kw_only=True):
    """A role and all that it may do."""

    role: str
    permissions: list[str]
