"""Reading what a company's provider brought that was kept aside, and what of the company's own messages became of it."""

from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction

_KEPT_COLUMNS: Final = "received_id, source, hook, outcome, body, code, detail, at"
_KEPT: Final = f"""
    SELECT {_KEPT_COLUMNS} FROM network_received
     WHERE seller_id = $1 AND outcome = 'KEPT' AND ($2::text IS NULL OR received_id < $2)
     ORDER BY received_id DESC LIMIT $3 OFFSET $4"""
_KEPT_COUNT: Final = "SELECT count(*) FROM network_received WHERE seller_id = $1 AND outcome = 'KEPT'"
_KEPT_ONE: Final = f"SELECT {_KEPT_COLUMNS} FROM network_received WHERE seller_id = $1 AND received_id = $2 FOR UPDATE"
_MESSAGE_COLUMNS: Final = (
    "message_id, call, about, progress, due, attempts, provider_id, detail, created_at, changed_at"
)
_MESSAGES: Final = f"""
    SELECT {_MESSAGE_COLUMNS} FROM network_messages
     WHERE seller_id = $1 AND ($2::text IS NULL OR progress = $2) AND ($3::text IS NULL OR message_id < $3)
     ORDER BY message_id DESC LIMIT $4 OFFSET $5"""
_MESSAGE_COUNT: Final = (
    "SELECT count(*) FROM network_messages WHERE seller_id = $1 AND ($2::text IS NULL OR progress = $2)"
)
_MESSAGE_ONE: Final = f"SELECT {_MESSAGE_COLUMNS} FROM network_messages WHERE seller_id = $1 AND message_id = $2"


class KeptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook of a provider, as it came, and why it had no effect."""

    received_id: str
    source: str
    hook: str
    outcome: str
    body: str
    code: str | None
    detail: str | None
    at: datetime


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the company's to its provider."""

    message_id: str
    call: str
    about: list[str]
    progress: str
    due: datetime
    attempts: int
    provider_id: str | None
    detail: str | None
    created_at: datetime
    changed_at: datetime


async def kept(tx: Transaction, *, before: str | None, limit: int, offset: int) -> tuple[list[KeptRow], int]:
    """Give kept webhooks, the newest first, those older than ``before`` where it is given, and how many there are."""
    rows = await tx.fetch(_KEPT, tx.seller_id, before, limit, offset)
    return [KeptRow(**dict(row)) for row in rows], int(await tx.fetchval(_KEPT_COUNT, tx.seller_id))


async def kept_one(tx: Transaction, received_id: str) -> KeptRow | None:
    """Give one webhook, locked; None: there is none."""
    row = await tx.fetchrow(_KEPT_ONE, tx.seller_id, received_id)
    return None if row is None else KeptRow(**dict(row))


async def messages(
    tx: Transaction, *, progress: str | None, before: str | None, limit: int, offset: int
) -> tuple[list[MessageRow], int]:
    """Give messages, the newest first, those older than ``before`` where it is given, and how many there are."""
    rows = await tx.fetch(_MESSAGES, tx.seller_id, progress, before, limit, offset)
    return [MessageRow(**dict(row)) for row in rows], int(await tx.fetchval(_MESSAGE_COUNT, tx.seller_id, progress))


async def message(tx: Transaction, message_id: str) -> MessageRow | None:
    """Give one message; None: there is none."""
    row: Any = await tx.fetchrow(_MESSAGE_ONE, tx.seller_id, message_id)
    return None if row is None else MessageRow(**dict(row))
