"""Users of a company: who they are, what they may do, and the end of it.

Whatever lessens what somebody may do holds at once: their access tokens are void in the same commit. Nobody writes a
password or secret into an audit row.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from hundi.audit.service import emit, record
from hundi.auth.rules import Role
from hundi.auth.service import hash_password, revoke, sign_out
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.contacts import is_email, is_phone
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_secret
from hundi.sellers import queries
from hundi.sellers.errors import HomeElsewhere, LastOwner, OwnerOnly, OwnPeopleOnly
from hundi.sellers.rows import UserRow
from hundi.sellers.service import add_user

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 1024
_MEMBER: Final = """
    UPDATE memberships SET display_name = $3, email = $4, mobile = $5, roles = $6, revoked_at = $7
     WHERE seller_id = $1 AND user_id = $2"""
_ACCOUNT: Final = """
    UPDATE users SET display_name = $3, email = $4, mobile = $5, status = $6 WHERE seller_id = $1 AND user_id = $2"""
_NEW_HASH: Final = """
    UPDATE users SET password_hash = $3, failed_count = 0, locked_until = NULL WHERE seller_id = $1 AND user_id = $2"""


async def add(
    tx: Transaction,
    who: Actor,
    *,
    username: str,
    display_name: str,
    roles: Sequence[str],
    email: str | None,
    mobile: str | None,
    password: str | None,
) -> tuple[UserRow, str | None]:
    """Create a person whose home is this company; gives the password where it was made up here, this once.

    Raises ``Invalid``, ``UsernameTaken``, :class:`OwnerOnly`, :class:`OwnPeopleOnly`.
    """
    name = username.strip().lower()
    problems = [*check_roles(roles), *_check_reach(email, mobile), *check_password(password)]
    if not name or any(c.isspace() or not c.isprintable() for c in name):
        message = "Send a name without blanks, such as an e-mail address."
        problems.append(FieldProblem("username", "BAD_FORMAT", message, username))
    if problems:
        raise Invalid(problems=problems)
    check_may_give(who, roles)
    await queries.lock(tx)
    made = None if password else new_secret(18)
    user_id = await add_user(
        tx, username=name, password=password or made or "", display_name=display_name, roles=_ordered(roles),
        email=email, mobile=mobile,
    )  # fmt: skip
    row = await queries.user(tx, user_id)
    facts = audited(row)
    await record(tx, who, "user.add", kind="user", object_id=user_id, after=facts)
    await emit(tx, "user.added", kind="user", object_id=user_id, data=facts)
    return row, made


async def change(tx: Transaction, who: Actor, user_id: str, changes: dict[str, Any]) -> UserRow:
    """Change name, e-mail, mobile, roles or status (ACTIVE, INACTIVE); None clears e-mail and mobile.

    Other roles void the access tokens (the refresh token gets one with the new roles); INACTIVE voids all tokens.
    Raises ``UserNotFound``, ``Invalid``, :class:`LastOwner`, :class:`OwnerOnly`, :class:`OwnPeopleOnly`.
    """
    roles = changes.get("roles")
    problems = _check_reach(changes.get("email"), changes.get("mobile"))
    if roles is not None:
        problems += check_roles(roles)
    if problems:
        raise Invalid(problems=problems)
    await queries.lock(tx)
    before = await queries.user(tx, user_id)
    check_may_give(who, [*before.roles, *(roles or [])])
    new = {name: changes.get(name, getattr(before, name)) for name in ("display_name", "email", "mobile", "status")}
    wanted = _ordered(roles) if roles is not None else before.roles
    revoked_at = None if new["status"] == "ACTIVE" else tx.now
    await tx.execute(
        _MEMBER, tx.seller_id, user_id, new["display_name"], new["email"], new["mobile"], wanted, revoked_at
    )
    await tx.execute(_ACCOUNT, tx.seller_id, user_id, new["display_name"], new["email"], new["mobile"], new["status"])
    after = await queries.user(tx, user_id)
    if not any(row.status == "ACTIVE" and Role.OWNER in row.roles for row in await queries.users(tx)):
        raise LastOwner
    if after.status != "ACTIVE":
        await sign_out(tx, user_id)
    elif after.roles != before.roles:
        await revoke(tx, user_id)
    was, now = audited(before), audited(after)
    changed = [name for name in now if was[name] != now[name]]
    if changed:
        was, now = {name: was[name] for name in changed}, {name: now[name] for name in changed}
        await record(tx, who, "user.change", kind="user", object_id=user_id, before=was, after=now)
        await emit(tx, "user.changed", kind="user", object_id=user_id, data=now)
    return after


async def reset_password(
    tx: Transaction, who: Actor, user_id: str, password: str | None = None
) -> tuple[UserRow, str | None]:
    """Give a person a new password, end a lock-out, and void all their tokens; a made-up password is given this once.

    Raises ``UserNotFound``, ``Invalid``, :class:`HomeElsewhere`, :class:`OwnerOnly`, :class:`OwnPeopleOnly`.
    """
    problems = check_password(password)
    if problems:
        raise Invalid(problems=problems)
    await queries.lock(tx)
    row = await queries.user(tx, user_id)
    check_may_give(who, row.roles)
    if row.home_seller_id != tx.seller_id:
        raise HomeElsewhere
    made = None if password else new_secret(18)
    await tx.execute(_NEW_HASH, tx.seller_id, user_id, hash_password(password or made or ""))
    await sign_out(tx, user_id)
    await record(tx, who, "user.password", kind="user", object_id=user_id)
    await emit(tx, "user.password_reset", kind="user", object_id=user_id, data={})
    return await queries.user(tx, user_id), made


def check_may_give(who: Actor, roles: Collection[str]) -> None:
    """Let only the company's own people change credentials, and only an owner those of owners.

    A partner under a grant could otherwise make itself a key that outlives the grant.
    """
    if who.is_partner:
        raise OwnPeopleOnly
    if Role.OWNER in roles and Role.OWNER not in who.roles:
        raise OwnerOnly


def check_roles(roles: Collection[str], *, grantable: bool = False) -> list[FieldProblem]:
    """List what is wrong with a set of roles; ``grantable`` for another company, which is never owner."""
    known = [role.value for role in Role if not (grantable and role is Role.OWNER)]
    message = f"Send one or more of {', '.join(known)}."
    if not roles:
        return [FieldProblem("roles", "REQUIRED", message)]
    return [
        FieldProblem(f"roles[{at}]", "UNKNOWN_VALUE", message, role[:100])
        for at, role in enumerate(roles)
        if role not in known
    ]


def check_password(password: str | None) -> list[FieldProblem]:
    """List what is wrong with a password that somebody chose; long is good, rules about characters are not (NIST 800-63B)."""
    if password is None or SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return []
    message = f"Send {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, or leave it out and get one made."
    return [FieldProblem("password", "BAD_LENGTH", message)]


def audited(row: UserRow) -> dict[str, Any]:
    """Give what the audit row says of a user."""
    return {
        "username": row.username, "displayName": row.display_name, "email": row.email, "mobile": row.mobile,
        "roles": row.roles, "status": row.status,
    }  # fmt: skip


def _check_reach(email: str | None, mobile: str | None) -> list[FieldProblem]:
    problems = []
    if email is not None and not is_email(email):
        problems.append(FieldProblem("email", "BAD_FORMAT", "Send an e-mail address.", email))
    if mobile is not None and not is_phone(mobile):
        problems.append(
            FieldProblem("mobile", "BAD_FORMAT", "Send ten digits, with or without a country code.", mobile)
        )
    return problems


def _ordered(roles: Collection[str]) -> list[str]:
    return [role.value for role in Role if role.value in roles]
