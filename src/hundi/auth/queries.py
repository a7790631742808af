"""What sign-in reads."""

from datetime import datetime
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.ids import SellerId, UserId

_PARTNER_ROLES: Final = """
    SELECT roles FROM partner_grants
     WHERE seller_id = $1 AND partner_seller_id = $2 AND revoked_at IS NULL"""
_CLIENT: Final = """
    SELECT secret_hash, CASE WHEN old_secret_until > $3 THEN old_secret_hash END AS old_secret_hash, roles
      FROM api_clients WHERE seller_id = $1 AND client_id = $2 AND revoked_at IS NULL"""
_CLIENT_LIMIT: Final = "SELECT rate_per_minute, burst FROM api_clients WHERE seller_id = $1 AND client_id = $2"
_USER: Final = """
    SELECT user_id, password_hash, status, failed_count, locked_until FROM users
     WHERE seller_id = $1 AND username = $2"""
_MEMBER_ROLES: Final = """
    SELECT roles FROM memberships
     WHERE seller_id = $1 AND user_id = $2 AND home_seller_id = $3 AND revoked_at IS NULL"""
_ROLES_OF_USER: Final = """
    SELECT m.roles FROM memberships m
      LEFT JOIN users u ON u.seller_id = $1 AND u.user_id = m.user_id
     WHERE m.seller_id = $1 AND m.user_id = $2 AND m.revoked_at IS NULL AND coalesce(u.status, 'ACTIVE') = 'ACTIVE'"""
_DIRECTORY: Final = "SELECT directory_find($1, $2)"


class UserRow(msgspec.Struct, frozen=True):
    """An account as sign-in sees it."""

    user_id: UserId
    password_hash: str
    status: str
    failed_count: int
    locked_until: datetime | None


async def seller_of(tx: Transaction, kind: str, key_hash: bytes) -> SellerId | None:
    """Ask the directory whose a key is; the only question that can be asked before a seller is bound."""
    found = await tx.fetchval(_DIRECTORY, kind, key_hash)
    return None if found is None else SellerId(found)


async def partner_roles(tx: Transaction, seller_id: SellerId, partner: SellerId) -> list[str] | None:
    """Give the roles a company granted to a partner, or None."""
    found = await tx.fetchval(_PARTNER_ROLES, seller_id, partner)
    return None if found is None else list(found)


async def client(tx: Transaction, seller_id: SellerId, client_id: str) -> tuple[list[bytes], list[str]] | None:
    """Give the hashes of an API client's secrets (two while a rotation overlaps) and its roles; None: no such client."""
    found = await tx.fetchrow(_CLIENT, seller_id, client_id, tx.now)
    if found is None:
        return None
    hashes = [found["secret_hash"], found["old_secret_hash"]]
    return [bytes(one) for one in hashes if one is not None], list(found["roles"])


async def client_limit(tx: Transaction, seller_id: SellerId, client_id: str) -> tuple[int, int] | None:
    """Give how many requests an API client may make a minute and at once, or None where there is no such client."""
    found = await tx.fetchrow(_CLIENT_LIMIT, seller_id, client_id)
    return None if found is None else (int(found["rate_per_minute"]), int(found["burst"]))


async def user(tx: Transaction, seller_id: SellerId, username: str) -> UserRow | None:
    """Give an account by its name, or None."""
    found = await tx.fetchrow(_USER, seller_id, username)
    return None if found is None else UserRow(**dict(found))


async def member_roles(tx: Transaction, seller_id: SellerId, user_id: str, home: SellerId) -> list[str] | None:
    """Give the roles of a user in a company, or None where they do not work there."""
    found = await tx.fetchval(_MEMBER_ROLES, seller_id, user_id, home)
    return None if found is None else list(found)


async def roles_of_user(tx: Transaction, seller_id: SellerId, user_id: str) -> list[str] | None:
    """Give the present roles of a user for whom a token is renewed, or None where they no longer work there."""
    found = await tx.fetchval(_ROLES_OF_USER, seller_id, user_id)
    return None if found is None else list(found)
