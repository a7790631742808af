"""Signing in (design §5 "Token"): password, refresh and client credentials, with lock-out and refresh rotation."""

import asyncio
from datetime import timedelta
from functools import cache
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from hundi.auth import queries
from hundi.auth.errors import AccountLocked, InvalidClient, InvalidGrant
from hundi.auth.tokens import ACCESS_LIFE, REFRESH_LIFE, TokenSigner
from hundi.db.pool import Database, Transaction
from hundi.kit.ids import SellerId, new_id, new_secret
from hundi.kit.keys import hash_secret, same

MAX_FAILURES: Final = 5
LOCK_FOR: Final = timedelta(minutes=15)
_MAX_PASSWORD: Final = 1024
# How often and how long a sign-in waits for others of the same account whose passwords are being checked.
_TURNS: Final = 50
_TURN_SECONDS: Final = 0.1

_HASHER: Final = PasswordHasher()

_COUNT_ATTEMPT: Final = """
    UPDATE users SET failed_count = CASE WHEN locked_until <= $3 THEN 1 ELSE failed_count + 1 END, locked_until = NULL
     WHERE seller_id = $1 AND user_id = $2
       AND (locked_until <= $3 OR (locked_until IS NULL AND failed_count < $4))
    RETURNING true"""
_CLEAR_ATTEMPTS: Final = """
    UPDATE users SET failed_count = 0, locked_until = NULL WHERE seller_id = $1 AND user_id = $2"""
_LOCK_NOW: Final = """
    UPDATE users SET locked_until = $3 WHERE seller_id = $1 AND user_id = $2 AND failed_count >= $4
       AND locked_until IS NULL"""
_LOCKED_UNTIL: Final = "SELECT locked_until FROM users WHERE seller_id = $1 AND user_id = $2"
_ADD_REFRESH: Final = """
    INSERT INTO refresh_tokens (seller_id, token_hash, family_id, client_id, user_id, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_USE_REFRESH: Final = """
    UPDATE refresh_tokens SET used_at = $3
     WHERE seller_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3
    RETURNING family_id, client_id, user_id"""
_FIND_REFRESH: Final = """
    SELECT family_id, client_id FROM refresh_tokens WHERE seller_id = $1 AND token_hash = $2"""
_REVOKE: Final = """
    INSERT INTO token_revocations (seller_id, subject, not_before) VALUES ($1, $2, $3)
    ON CONFLICT ON CONSTRAINT token_revocations_pk DO UPDATE SET not_before = excluded.not_before"""
_DROP_REFRESH: Final = "DELETE FROM refresh_tokens WHERE seller_id = $1 AND (user_id = $2 OR client_id = $2)"
_DROP_FAMILY: Final = """
    UPDATE refresh_tokens SET used_at = $3 WHERE seller_id = $1 AND family_id = $2 AND used_at IS NULL"""


class Issued(msgspec.Struct, frozen=True):
    """A pair of tokens; ``expires_in`` in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def hash_password(password: str) -> str:
    """Hash a password with argon2id."""
    return _HASHER.hash(password)


@cache
def _nobodys() -> str:
    """Give a hash to check against when the name is unknown, so that the time taken does not tell whether it exists.

    Made at the first sign-in of a process, whoever signs in: at import it would cost every start a tenth of a second.
    """
    return _HASHER.hash(new_secret())


async def _matches(stored: str, password: str) -> bool:
    try:
        return await asyncio.to_thread(_HASHER.verify, stored, password[:_MAX_PASSWORD])
    except (Argon2Error, InvalidHashError):
        return False


async def check_client(db: Database, client_id: str, secret: str) -> tuple[SellerId, list[str]]:
    """Find the API client's company and roles; raises :class:`InvalidClient`."""
    async with db.unbound() as tx:
        seller_id = await queries.seller_of(tx, "api_client", hash_secret(client_id))
        if seller_id is None:
            raise InvalidClient
        await tx.bind(seller_id)
        found = await queries.client(tx, seller_id, client_id)
    # Every hash is compared, so that the time taken does not tell which of two secrets is near.
    fits = [same(one, hash_secret(secret)) for one in found[0]] if found else []
    if found is None or not any(fits):
        raise InvalidClient
    return seller_id, found[1]


async def sign_in(
    db: Database, signer: TokenSigner, *, seller_id: SellerId, client_id: str, username: str, password: str
) -> Issued:
    """Check a password and issue tokens for the client's company.

    Raises :class:`InvalidGrant`, :class:`AccountLocked`.
    """
    name = username.strip().lower()
    async with db.unbound() as tx:
        home = await queries.seller_of(tx, "login", hash_secret(name))
        found = None
        if home is not None:
            await tx.bind(home)
            found = await queries.user(tx, home, name)
    locked = home is not None and found is not None and not await _turn(db, home, found.user_id)
    nobodys = await asyncio.to_thread(_nobodys)
    good = await _matches(found.password_hash if found else nobodys, password)
    if locked:
        raise AccountLocked(headers={"Retry-After": str(int(LOCK_FOR.total_seconds()))})
    if home is None or found is None or not good or found.status != "ACTIVE":
        if home is not None and found is not None:
            async with db.transaction(home) as tx:
                await tx.execute(_LOCK_NOW, home, found.user_id, tx.now + LOCK_FOR, MAX_FAILURES)
        raise InvalidGrant
    async with db.transaction(home) as tx:
        await tx.execute(_CLEAR_ATTEMPTS, home, found.user_id)
    async with db.transaction(seller_id) as tx:
        roles = await queries.member_roles(tx, seller_id, found.user_id, home)
        if roles is None:
            raise InvalidGrant
        return await _issue(tx, signer, client_id=client_id, user_id=found.user_id, roles=roles, family=None)


async def _turn(db: Database, home: SellerId, user_id: str) -> bool:
    """Count an attempt before its password is looked at; tell whether it may be looked at.

    Many guesses at once cannot slip past the lock, because no more than five attempts are open at any time. Where five
    are, others wait for what becomes of them, so that right passwords sent at once do not lock their owner out.
    """
    for _ in range(_TURNS):
        async with db.transaction(home) as tx:
            if await tx.fetchval(_COUNT_ATTEMPT, home, user_id, tx.now, MAX_FAILURES):
                return True
            if await tx.fetchval(_LOCKED_UNTIL, home, user_id) is not None:
                return False
        await asyncio.sleep(_TURN_SECONDS)
    # Whoever counted those attempts never came back to settle them (the process was killed): they count as failures.
    async with db.transaction(home) as tx:
        await tx.execute(_LOCK_NOW, home, user_id, tx.now + LOCK_FOR, MAX_FAILURES)
    return False


async def client_credentials(
    db: Database, signer: TokenSigner, *, seller_id: SellerId, client_id: str, roles: list[str]
) -> Issued:
    """Issue tokens for the API client itself."""
    async with db.transaction(seller_id) as tx:
        return await _issue(tx, signer, client_id=client_id, user_id=None, roles=roles, family=None)


async def renew(
    db: Database, signer: TokenSigner, *, seller_id: SellerId, client_id: str, client_roles: list[str], token: str
) -> Issued:
    """Exchange a refresh token for a new pair. A token used twice voids its whole family. Raises :class:`InvalidGrant`."""
    async with db.transaction(seller_id) as tx:
        used = await tx.fetchrow(_USE_REFRESH, seller_id, hash_secret(token), tx.now)
        if used is None or used["client_id"] != client_id:
            known = await tx.fetchrow(_FIND_REFRESH, seller_id, hash_secret(token))
            if known is not None:
                # Someone has a copy: whoever holds the newer token must sign in again as well.
                await tx.execute(_DROP_FAMILY, seller_id, known["family_id"], tx.now)
                await tx.execute(_REVOKE, seller_id, known["family_id"], tx.now + ACCESS_LIFE)
            issued = None
        else:
            roles: list[str] | None = client_roles
            if used["user_id"] is not None:
                roles = await queries.roles_of_user(tx, seller_id, used["user_id"])
            issued = roles and await _issue(
                tx, signer, client_id=client_id, user_id=used["user_id"], roles=roles, family=used["family_id"]
            )
    # Raised after the commit: what the reuse of a token voids must stay voided.
    if not issued:
        raise InvalidGrant
    return issued


async def _issue(
    tx: Transaction,
    signer: TokenSigner,
    *,
    client_id: str,
    user_id: str | None,
    roles: list[str],
    family: str | None,
) -> Issued:
    family = family or new_id("fam", tx.now)
    refresh = new_secret(32)
    await tx.execute(
        _ADD_REFRESH, tx.seller_id, hash_secret(refresh), family, client_id, user_id, tx.now, tx.now + REFRESH_LIFE
    )
    access = signer.issue(
        subject=user_id or client_id,
        client_id=client_id,
        seller_id=tx.seller_id,
        roles=roles,
        family=family,
        now=tx.now,
    )
    return Issued(access, refresh, int(ACCESS_LIFE.total_seconds()))


async def revoke(tx: Transaction, subject: str) -> None:
    """Void every access token of a user, client or sign-in that exists now."""
    await tx.execute(_REVOKE, tx.seller_id, subject, tx.now)


async def sign_out(tx: Transaction, subject: str) -> None:
    """Void every access and refresh token of a user or API client: who has one must sign in again."""
    await revoke(tx, subject)
    await tx.execute(_DROP_REFRESH, tx.seller_id, subject)
