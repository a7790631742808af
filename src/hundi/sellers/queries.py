"""Reading companies, registrations, users, API clients and grants."""

from typing import Final

from hundi.db.pool import Transaction
from hundi.sellers.errors import (
    ClientNotFound,
    GrantNotFound,
    LogoNotFound,
    RegistrationNotFound,
    SellerNotFound,
    UserNotFound,
)
from hundi.sellers.rows import ClientRow, GrantRow, LogoRow, RegistrationRow, SellerRow, UserRow

_SELLER: Final = """
    SELECT seller_id, legal_name, trade_name, pan, amount_mismatch, unknown_resends, reply_to, e_invoice_from,
           e_invoice_policy, logo_file_id, import_row_limit, import_mb_limit, imports_at_once,
           dispatch_channel, default_hsn, created_at
      FROM sellers WHERE seller_id = $1"""
_LOCK: Final = "SELECT 1 FROM sellers WHERE seller_id = $1 FOR UPDATE"
_LOGO: Final = """
    SELECT f.file_key, f.name, f.content_type, f.size
      FROM sellers s JOIN stored_files f ON f.seller_id = $1 AND f.file_id = s.logo_file_id
     WHERE s.seller_id = $1"""
_REGISTRATIONS: Final = """
    SELECT seller_id, registration_id, is_default, gstin, legal_name, trade_name, pan, udyam_number, address_line1,
           address_line2, city, pin_code, state_code, email, phone, bank_holder, bank_account, bank_ifsc, bank_name,
           upi_vpa, upi_max_amount, signatory_name, lut_number, created_at
      FROM registrations WHERE seller_id = $1"""
_IN_USE: Final = "SELECT EXISTS (SELECT 1 FROM invoices WHERE seller_id = $1 AND registration_id = $2)"
_USERS: Final = """
    SELECT m.user_id, m.home_seller_id, m.username, m.display_name, m.email, m.mobile, m.roles,
           CASE WHEN m.revoked_at IS NULL AND coalesce(u.status, 'ACTIVE') = 'ACTIVE' THEN 'ACTIVE' ELSE 'INACTIVE' END
               AS status,
           u.locked_until, m.created_at
      FROM memberships m LEFT JOIN users u ON u.seller_id = $1 AND u.user_id = m.user_id
     WHERE m.seller_id = $1"""
_CLIENTS: Final = """
    SELECT client_id, name, roles, rate_per_minute, burst,
           CASE WHEN old_secret_until > $2 THEN old_secret_until END AS old_secret_until, created_at, revoked_at
      FROM api_clients WHERE seller_id = $1"""
_GRANTS: Final = """
    SELECT partner_seller_id, roles, granted_by, created_at, revoked_at FROM partner_grants WHERE seller_id = $1"""


async def seller(tx: Transaction) -> SellerRow:
    """Give the bound company, or raise :class:`SellerNotFound`."""
    found = await tx.fetchrow(_SELLER, tx.seller_id)
    if found is None:
        raise SellerNotFound
    return SellerRow(**dict(found))


async def lock(tx: Transaction) -> None:
    """Keep others from changing the company, its registrations and its people until the transaction ends."""
    if await tx.fetchval(_LOCK, tx.seller_id) is None:
        raise SellerNotFound


async def logo(tx: Transaction) -> LogoRow:
    """Give where the company's logo is, or raise :class:`LogoNotFound`."""
    found = await tx.fetchrow(_LOGO, tx.seller_id)
    if found is None:
        raise LogoNotFound
    return LogoRow(**dict(found))


async def registrations(tx: Transaction) -> list[RegistrationRow]:
    """Give all registrations of the bound company, the default first."""
    rows = await tx.fetch(_REGISTRATIONS + " ORDER BY is_default DESC, registration_id", tx.seller_id)
    return [RegistrationRow(**dict(row)) for row in rows]


async def registration(tx: Transaction, registration_id: str) -> RegistrationRow:
    """Give one registration, or raise :class:`RegistrationNotFound`."""
    found = await tx.fetchrow(_REGISTRATIONS + " AND registration_id = $2", tx.seller_id, registration_id)
    if found is None:
        raise RegistrationNotFound
    return RegistrationRow(**dict(found))


async def is_in_use(tx: Transaction, registration_id: str) -> bool:
    """Tell whether any invoice carries this registration."""
    return bool(await tx.fetchval(_IN_USE, tx.seller_id, registration_id))


async def users(tx: Transaction) -> list[UserRow]:
    """Give all who work or worked in the bound company, in the order they came."""
    rows = await tx.fetch(_USERS + " ORDER BY m.user_id", tx.seller_id)
    return [UserRow(**dict(row)) for row in rows]


async def user(tx: Transaction, user_id: str) -> UserRow:
    """Give one user, or raise :class:`UserNotFound`."""
    found = await tx.fetchrow(_USERS + " AND m.user_id = $2", tx.seller_id, user_id)
    if found is None:
        raise UserNotFound
    return UserRow(**dict(found))


async def clients(tx: Transaction) -> list[ClientRow]:
    """Give all API clients of the bound company, revoked ones too, in the order they were made."""
    rows = await tx.fetch(_CLIENTS + " ORDER BY client_id", tx.seller_id, tx.now)
    return [ClientRow(**dict(row)) for row in rows]


async def client(tx: Transaction, client_id: str) -> ClientRow:
    """Give one API client, revoked or not, or raise :class:`ClientNotFound`."""
    found = await tx.fetchrow(_CLIENTS + " AND client_id = $3", tx.seller_id, tx.now, client_id)
    if found is None:
        raise ClientNotFound
    return ClientRow(**dict(found))


async def grants(tx: Transaction) -> list[GrantRow]:
    """Give all grants of the bound company, ended ones too."""
    rows = await tx.fetch(_GRANTS + " ORDER BY partner_seller_id", tx.seller_id)
    return [GrantRow(**dict(row)) for row in rows]


async def grant(tx: Transaction, partner: str) -> GrantRow:
    """Give one company's grant, ended or not, or raise :class:`GrantNotFound`."""
    found = await tx.fetchrow(_GRANTS + " AND partner_seller_id = $2", tx.seller_id, partner)
    if found is None:
        raise GrantNotFound
    return GrantRow(**dict(found))
