"""Verbs on companies: create one with its registration, number series, owner and API client, all in one transaction."""

import re
from typing import Final

from hundi.auth.service import hash_password
from hundi.db.pool import Transaction
from hundi.gst.numbers import check_series
from hundi.kit.contacts import is_email, is_name, is_phone
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.gstin import NotAGstin, is_ifsc, is_pan, is_pin_code, is_udyam, read_gstin
from hundi.kit.ids import SellerId, UserId, new_id, new_secret, new_seller_id
from hundi.kit.keys import Keyring, hash_secret
from hundi.kit.states import OUTSIDE_INDIA, STATES
from hundi.sellers.errors import SellerExists, UsernameTaken
from hundi.sellers.schemas import Credentials, NewRegistration

_SELLER: Final = """
    INSERT INTO sellers (seller_id, legal_name, trade_name, pan, reply_to, created_at) VALUES ($1, $2, $3, $4, $5, $6)"""
_REGISTRATION: Final = """
    INSERT INTO registrations (seller_id, registration_id, is_default, gstin, legal_name, trade_name, pan, udyam_number,
        address_line1, address_line2, city, pin_code, state_code, email, phone, bank_holder, bank_account, bank_ifsc,
        bank_name, upi_vpa, upi_max_amount, signatory_name, lut_number, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24)"""
_SERIES: Final = """
    INSERT INTO number_series (seller_id, series_id, registration_id, doc_type, pattern, is_default, created_at)
    VALUES ($1, $2, $3, 'INV', $4, true, $5)"""
_USER: Final = """
    INSERT INTO users (seller_id, user_id, username, display_name, email, mobile, password_hash, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_MEMBER: Final = """
    INSERT INTO memberships (seller_id, user_id, home_seller_id, username, display_name, email, mobile, roles, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_CLIENT: Final = """
    INSERT INTO api_clients (seller_id, client_id, name, secret_hash, roles, created_at) VALUES ($1, $2, $3, $4, $5, $6)"""
_DIRECTORY: Final = "SELECT directory_put($1, $2)"
_GRANT: Final = """
    INSERT INTO partner_grants (seller_id, partner_seller_id, roles, granted_by, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT ON CONSTRAINT partner_grants_pk DO UPDATE
       SET roles = excluded.roles, granted_by = excluded.granted_by, created_at = excluded.created_at, revoked_at = NULL"""

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{9,36}")
_VPA: Final = re.compile(r"[A-Za-z0-9._-]{2,100}@[A-Za-z][A-Za-z0-9.-]{1,63}")
OWNER_ROLES: Final = ["owner"]
CLIENT_ROLES: Final = ["developer"]


def _is_vpa(text: str) -> bool:
    return _VPA.fullmatch(text) is not None


def check_registration(new: NewRegistration) -> None:
    """Refuse a registration with wrong particulars, all of them at once (domain §1, §6)."""
    problems = [
        FieldProblem(field, "REQUIRED", "Send some text, not just blanks.")
        for field, value in (("legalName", new.legal_name), ("addressLine1", new.address_line1), ("city", new.city))
        if not is_name(value)
    ]
    if new.state_code not in STATES or new.state_code == OUTSIDE_INDIA:
        problems.append(FieldProblem("stateCode", "STATE_UNKNOWN", "Send a two-digit GST state code.", new.state_code))
    if new.gstin is not None:
        try:
            if read_gstin(new.gstin).state_code != new.state_code:
                problems.append(
                    FieldProblem("stateCode", "STATE_MISMATCH", "It must be the GSTIN's state.", new.state_code)
                )
        except NotAGstin as error:
            problems.append(FieldProblem("gstin", error.code, str(error), new.gstin))
    problems.extend(
        FieldProblem(field, "BAD_FORMAT", message, value)
        for field, value, is_good, message in (
            ("pinCode", new.pin_code, is_pin_code, "Send six digits."),
            ("pan", new.pan, is_pan, "Send a PAN: five letters, four digits, a letter."),
            ("udyamNumber", new.udyam_number, is_udyam, "Send it as UDYAM-MH-00-0000000."),
            ("email", new.email, is_email, "Send an e-mail address."),
            ("phone", new.phone, is_phone, "Send ten digits, with or without a country code."),
            ("bankIfsc", new.bank_ifsc, is_ifsc, "Send an IFSC such as HDFC0000001."),
            ("upiVpa", new.upi_vpa, _is_vpa, "Send a UPI id such as name@bank."),
        )
        if value is not None and not is_good(value)
    )
    if new.bank_account is not None and not _ACCOUNT.fullmatch(new.bank_account):
        problems.append(FieldProblem("bankAccount", "BAD_FORMAT", "Send 9 to 36 letters and digits."))
    if new.gstin and new.pan and not problems and new.gstin[2:12] != new.pan:
        problems.append(FieldProblem("pan", "PAN_MISMATCH", "It must be the PAN inside the GSTIN.", new.pan))
    if new.upi_max_amount < 1:
        problems.append(FieldProblem("upiMaxAmount", "TOO_SMALL", "Send at least 1 rupee.", str(new.upi_max_amount)))
    problems.extend(check_series(new.series_pattern, "seriesPattern"))
    if problems:
        raise Invalid(problems=problems)


async def create_seller(
    tx: Transaction,
    keyring: Keyring,
    *,
    name: str,
    registration: NewRegistration,
    username: str,
    display_name: str,
    seller_id: SellerId | None = None,
    password: str | None = None,
) -> Credentials:
    """Create a company that can be used at once, and give the credentials of its owner and its API client.

    Raises :class:`Invalid`, :class:`UsernameTaken`, :class:`SellerExists`. Needs an unbound transaction.
    """
    check_registration(registration)
    company = seller_id or new_seller_id()
    await tx.bind(company)
    if not await tx.fetchval(_DIRECTORY, "seller", hash_secret(company)):
        raise SellerExists
    pan = registration.pan or (registration.gstin[2:12] if registration.gstin else None)
    await tx.execute(_SELLER, company, name, registration.trade_name, pan, registration.email, tx.now)
    await add_registration(tx, keyring, registration, pan=pan, is_default=True)
    password = password or new_secret(18)
    await add_user(
        tx, username=username, password=password, display_name=display_name, roles=OWNER_ROLES,
        email=registration.email, mobile=registration.phone,
    )  # fmt: skip
    client_id, secret = await add_client(tx, name="first client", roles=CLIENT_ROLES)
    return Credentials(
        sellerId=company, clientId=client_id, clientSecret=secret, username=username.strip().lower(), password=password
    )


def bank_context(seller_id: str, registration_id: str) -> str:
    """Name what a sealed bank account belongs to."""
    return f"registrations.bank_account {seller_id} {registration_id}"


async def add_registration(
    tx: Transaction, keyring: Keyring, new: NewRegistration, *, pan: str | None, is_default: bool
) -> str:
    """Write a registration of the bound company with its first number series; give its id. Checked by the caller."""
    company = tx.seller_id
    registration_id = new_id("reg", tx.now)
    account = None
    if new.bank_account:
        account = keyring.seal(new.bank_account, bank_context(company, registration_id))
    await tx.execute(
        _REGISTRATION, company, registration_id, is_default, new.gstin, new.legal_name, new.trade_name, pan,
        new.udyam_number, new.address_line1, new.address_line2, new.city, new.pin_code, new.state_code, new.email,
        new.phone, new.bank_holder, account, new.bank_ifsc, new.bank_name, new.upi_vpa, new.upi_max_amount,
        new.signatory_name, new.lut_number, tx.now,
    )  # fmt: skip
    await tx.execute(_SERIES, company, new_id("ser", tx.now), registration_id, new.series_pattern, tx.now)
    return registration_id


async def add_user(
    tx: Transaction,
    *,
    username: str,
    password: str,
    display_name: str,
    roles: list[str],
    email: str | None = None,
    mobile: str | None = None,
) -> UserId:
    """Create a person whose home is the bound company. Raises :class:`UsernameTaken`."""
    name = username.strip().lower()
    user_id = UserId(new_id("usr", tx.now))
    if not await tx.fetchval(_DIRECTORY, "login", hash_secret(name)):
        raise UsernameTaken(problems=[FieldProblem("username", UsernameTaken.code, "Choose another username.", name)])
    hashed = hash_password(password)
    await tx.execute(_USER, tx.seller_id, user_id, name, display_name, email, mobile, hashed, tx.now)
    await tx.execute(_MEMBER, tx.seller_id, user_id, tx.seller_id, name, display_name, email, mobile, roles, tx.now)
    return user_id


async def add_client(tx: Transaction, *, name: str, roles: list[str]) -> tuple[str, str]:
    """Create an API client of the bound company; gives ``(client id, secret)``, the secret this once."""
    client_id = new_id("cli", tx.now)
    secret = new_secret(32)
    await tx.execute(_CLIENT, tx.seller_id, client_id, name, hash_secret(secret), roles, tx.now)
    await tx.fetchval(_DIRECTORY, "api_client", hash_secret(client_id))
    return client_id, secret


async def grant_partner(tx: Transaction, *, partner: str, roles: list[str], granted_by: str) -> None:
    """Let another company act for the bound one with these roles."""
    await tx.execute(_GRANT, tx.seller_id, partner, roles, granted_by, tx.now)
