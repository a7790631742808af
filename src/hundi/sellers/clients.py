"""API clients of a company: made, limited, their secret rotated, revoked."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from hundi.audit.service import emit, record
from hundi.auth.service import revoke, sign_out
from hundi.db.pool import Transaction
from hundi.http.limits import MOST_PER_MINUTE
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_secret
from hundi.kit.keys import hash_secret
from hundi.sellers import queries
from hundi.sellers.errors import ClientNotFound
from hundi.sellers.people import check_may_give, check_roles
from hundi.sellers.rows import ClientRow
from hundi.sellers.service import add_client

MOST_AT_ONCE: Final = 1_000_000
LONGEST_OVERLAP: Final = 7 * 24 * 60
"""Minutes two secrets of one client may be good beside each other."""
_CHANGE: Final = """
    UPDATE api_clients SET name = $3, roles = $4, rate_per_minute = $5, burst = $6 WHERE seller_id = $1 AND client_id = $2"""
_ROTATE: Final = """
    UPDATE api_clients SET secret_hash = $3, old_secret_hash = CASE WHEN $4::timestamptz IS NULL THEN NULL ELSE secret_hash END,
           old_secret_until = $4
     WHERE seller_id = $1 AND client_id = $2"""
_REVOKE: Final = """
    UPDATE api_clients SET revoked_at = $3, old_secret_hash = NULL, old_secret_until = NULL
     WHERE seller_id = $1 AND client_id = $2"""


async def add(
    tx: Transaction, who: Actor, *, name: str, roles: Sequence[str], per_minute: int | None, burst: int | None
) -> tuple[ClientRow, str]:
    """Create an API client; gives it and its secret, this once. Raises ``Invalid``, ``OwnerOnly``, ``OwnPeopleOnly``."""
    problems = [*check_roles(roles), *_check_limit(per_minute, burst)]
    if problems:
        raise Invalid(problems=problems)
    check_may_give(who, roles)
    await queries.lock(tx)
    client_id, secret = await add_client(tx, name=name, roles=sorted(set(roles)))
    row = await queries.client(tx, client_id)
    if per_minute is not None or burst is not None:
        rate = per_minute or row.rate_per_minute
        await tx.execute(_CHANGE, tx.seller_id, client_id, name, row.roles, rate, burst or row.burst)
        row = await queries.client(tx, client_id)
    await record(tx, who, "client.add", kind="client", object_id=client_id, after=audited(row))
    await emit(tx, "client.added", kind="client", object_id=client_id, data=audited(row))
    return row, secret


async def change(tx: Transaction, who: Actor, client_id: str, changes: dict[str, Any]) -> ClientRow:
    """Change name, roles, ``rate_per_minute`` or ``burst``; other roles void the client's access tokens at once.

    Raises ``ClientNotFound``, ``Invalid``, ``OwnerOnly``, ``OwnPeopleOnly``.
    """
    roles = changes.get("roles")
    problems = _check_limit(changes.get("rate_per_minute"), changes.get("burst"))
    if roles is not None:
        problems += check_roles(roles)
    if problems:
        raise Invalid(problems=problems)
    before = await _present(tx, client_id)
    check_may_give(who, [*before.roles, *(roles or [])])
    wanted = sorted(set(roles)) if roles is not None else before.roles
    await tx.execute(
        _CHANGE, tx.seller_id, client_id, changes.get("name", before.name), wanted,
        changes.get("rate_per_minute", before.rate_per_minute), changes.get("burst", before.burst),
    )  # fmt: skip
    after = await queries.client(tx, client_id)
    if sorted(after.roles) != sorted(before.roles):
        await revoke(tx, client_id)
    was, now = audited(before), audited(after)
    changed = [name for name in now if was[name] != now[name]]
    if changed:
        was, now = {name: was[name] for name in changed}, {name: now[name] for name in changed}
        await record(tx, who, "client.change", kind="client", object_id=client_id, before=was, after=now)
        await emit(tx, "client.changed", kind="client", object_id=client_id, data=now)
    return after


async def rotate(tx: Transaction, who: Actor, client_id: str, *, overlap_minutes: int) -> tuple[ClientRow, str]:
    """Give a client a new secret, shown this once; the old one is good for ``overlap_minutes`` more.

    Without an overlap the old secret is taken for lost: all tokens got with it are void at once. Raises
    ``ClientNotFound``, ``Invalid``, ``OwnerOnly``, ``OwnPeopleOnly``.
    """
    if not 0 <= overlap_minutes <= LONGEST_OVERLAP:
        message = f"Send 0 to {LONGEST_OVERLAP} minutes."
        raise Invalid(problems=[FieldProblem("overlapMinutes", "OUT_OF_RANGE", message, str(overlap_minutes))])
    before = await _present(tx, client_id)
    check_may_give(who, before.roles)
    secret = new_secret(32)
    until = tx.now + timedelta(minutes=overlap_minutes) if overlap_minutes else None
    await tx.execute(_ROTATE, tx.seller_id, client_id, hash_secret(secret), until)
    if until is None:
        await sign_out(tx, client_id)
    row = await queries.client(tx, client_id)
    facts = {"overlapMinutes": overlap_minutes, "oldSecretUntil": until}
    await record(tx, who, "client.rotate", kind="client", object_id=client_id, after=facts)
    await emit(tx, "client.rotated", kind="client", object_id=client_id, data=facts)
    return row, secret


async def end(tx: Transaction, who: Actor, client_id: str) -> ClientRow:
    """Revoke a client: its secrets and all tokens got through it are void at once.

    Raises ``ClientNotFound``, ``OwnerOnly``, ``OwnPeopleOnly``.
    """
    before = await _present(tx, client_id)
    check_may_give(who, before.roles)
    await tx.execute(_REVOKE, tx.seller_id, client_id, tx.now)
    await sign_out(tx, client_id)
    await record(tx, who, "client.revoke", kind="client", object_id=client_id, before=audited(before))
    await emit(tx, "client.revoked", kind="client", object_id=client_id, data=audited(before))
    return await queries.client(tx, client_id)


def audited(row: ClientRow) -> dict[str, Any]:
    """Give what the audit row says of a client."""
    return {"name": row.name, "roles": row.roles, "ratePerMinute": row.rate_per_minute, "burst": row.burst}


async def _present(tx: Transaction, client_id: str) -> ClientRow:
    await queries.lock(tx)
    row = await queries.client(tx, client_id)
    if row.revoked_at is not None:
        raise ClientNotFound
    return row


def _check_limit(per_minute: int | None, burst: int | None) -> list[FieldProblem]:
    return [
        FieldProblem(name, "OUT_OF_RANGE", f"Send a whole number from 1 to {most}.", str(value))
        for name, value, most in (("ratePerMinute", per_minute, MOST_PER_MINUTE), ("burst", burst, MOST_AT_ONCE))
        if value is not None and not 1 <= value <= most
    ]
