"""Idempotency keys (design §4.3): the stored reply is given again, byte for byte, for 24 hours.

A verb of one transaction claims its key inside it and stores its reply before it commits, so that either both are there
or neither. A second request with the same key waits on the first one's row (for at most the lock timeout, 10 s) and
then finds the reply.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import asyncpg
import msgspec
from litestar import Request

from hundi.db.pool import Database, Transaction
from hundi.http.envelope import Reply, encode
from hundi.kit.actor import Actor
from hundi.kit.errors import Conflict, FieldProblem, Invalid, NotAllowedNow
from hundi.kit.keys import Keyring

MAX_KEY: Final = 255
KEPT: Final = timedelta(hours=24)

_CLAIM: Final = """
    INSERT INTO idempotency_keys (seller_id, subject, key, request_hash, created_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT ON CONSTRAINT idempotency_keys_pk DO UPDATE
       SET request_hash = excluded.request_hash, created_at = excluded.created_at,
           status = NULL, reply = NULL, facts = NULL, import_id = NULL
     WHERE idempotency_keys.created_at < excluded.created_at - interval '24 hours'
    RETURNING true"""
_FIND: Final = """
    SELECT request_hash, status, reply, import_id, created_at FROM idempotency_keys
     WHERE seller_id = $1 AND subject = $2 AND key = $3"""
_STORE: Final = """
    UPDATE idempotency_keys SET status = $4, reply = $5 WHERE seller_id = $1 AND subject = $2 AND key = $3"""


class KeyReused(NotAllowedNow):
    """This Idempotency-Key was used with another request. Use a new key for a new request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the endpoints see it: who asks, and under which idempotency key, if any.

    ``fingerprint`` is the hash of method, path, query and body: what makes two requests the same.
    """

    actor: Actor
    key: str | None
    fingerprint: bytes


def key_of(request: Request[Any, Any, Any]) -> str | None:
    """Read the Idempotency-Key header; raises :class:`Invalid` where it is empty or too long."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        message = f"Send 1 to {MAX_KEY} printable ASCII characters."
        raise Invalid(problems=[FieldProblem("Idempotency-Key", "BAD_FORMAT", message)])
    return key


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> bytes:
    """Hash what makes two requests the same; parts are length-prefixed so that they cannot run into each other."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), query, body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


async def once(
    db: Database,
    call: Call,
    work: Callable[[Transaction], Awaitable[msgspec.Struct]],
    *,
    status: int = 200,
    sealed: Keyring | None = None,
) -> Reply[Any]:
    """Do ``work`` in one transaction and answer with its envelope; with a key, at most once.

    ``sealed`` is for replies that hold a secret: what is kept for replays is then encrypted with these keys.

    Raises :class:`KeyReused` (422) when the key came with another request, :class:`Conflict` (409) when the first one is
    still running after 10 seconds. A refusal stores nothing: the corrected request may use the same key.
    """
    async with db.transaction(call.actor) as tx:
        if call.key is None:
            return reply_of(encode(await work(tx)), status)
        stored = await claim(tx, call)
        if stored is not None:
            reply = stored[1] if sealed is None else sealed.open(stored[1], _context(tx, call)).encode()
            return reply_of(reply, stored[0], replayed=True)
        body = encode(await work(tx))
        kept = body if sealed is None else sealed.seal(body.decode(), _context(tx, call))
        await tx.execute(_STORE, tx.seller_id, call.actor.subject, call.key, status, kept)
        return reply_of(body, status)


async def answered_before(db: Database, call: Call) -> bool:
    """Tell whether a reply to this request is kept: for verbs of several commits, which ask before the first of them.

    Raises :class:`KeyReused` when the key came with another request.
    """
    if call.key is None:
        return False
    async with db.read(call.actor) as tx:
        found = await tx.fetchrow(_FIND, tx.seller_id, call.actor.subject, call.key)
        if found is None or found["created_at"] < tx.now - KEPT:
            return False
    if found["request_hash"] != call.fingerprint:
        raise KeyReused
    return found["status"] is not None


async def claim(tx: Transaction, call: Call) -> tuple[int, bytes] | None:
    """Take the key for this transaction, or give the stored ``(status, reply)``.

    Raises :class:`KeyReused` when the key came with another request, :class:`Conflict` when the first one is still
    running after the lock timeout; a lock that is waited for later, on a record, is no matter of the key.
    """
    try:
        taken = await tx.fetchval(_CLAIM, tx.seller_id, call.actor.subject, call.key, call.fingerprint, tx.now)
    except asyncpg.LockNotAvailableError as error:
        raise Conflict(headers={"Retry-After": "2"}) from error
    if taken:
        return None
    found = await tx.fetchrow(_FIND, tx.seller_id, call.actor.subject, call.key)
    if found is not None and found["request_hash"] != call.fingerprint:
        raise KeyReused
    if found is None or found["status"] is None:
        raise Conflict(headers={"Retry-After": "2"})
    return int(found["status"]), bytes(found["reply"])


def _context(tx: Transaction, call: Call) -> str:
    return f"idempotency_keys.reply {tx.seller_id} {call.actor.subject} {call.key}"


def key_in_flight(error: asyncpg.PostgresError) -> Conflict | None:
    """Give the refusal of a call whose key another one holds, where a function of the database waited for that in vain."""
    if isinstance(error, asyncpg.LockNotAvailableError) and "idempotency_keys" in str(
        error.__dict__.get("context", "")
    ):
        return Conflict(headers={"Retry-After": "2"})
    return None


def reply_of(body: bytes, status: int, *, replayed: bool = False) -> Reply[Any]:
    """Give a reply whose bytes are made already."""
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return Reply(body, status_code=status, media_type="application/json", headers=headers)
