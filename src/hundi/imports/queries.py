"""What is read of imports and their chunks, by whoever shows or runs them. What the rows speak of: :mod:`hundi.imports.lookups`."""

from datetime import datetime
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.imports.errors import ImportNotFound
from hundi.kit.ids import SellerId

_IMPORT: Final = """
    SELECT import_id, kind, state, file_key, file_name, file_hash, file_size, actor, options, total_count, result,
           refusal, created_at, started_at, finished_at, rows_read, rows_judged, cancel_requested_at
      FROM imports WHERE seller_id = $1 AND import_id = $2"""
_PLAN_FOR_THESE_VALUES: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
_STATE: Final = "SELECT state FROM imports WHERE seller_id = $1 AND import_id = $2"
_BOUND: Final = """
    SELECT request_hash, import_id FROM idempotency_keys
     WHERE seller_id = $1 AND subject = $2 AND key = $3 AND created_at >= $4::timestamptz - interval '24 hours'"""
_FIRST: Final = """
    SELECT import_id, created_at, count(*) OVER () > 1 AS again FROM imports
     WHERE seller_id = $1 AND file_hash = $2 AND kind = $3 ORDER BY created_at, import_id LIMIT 1"""
_CHUNKS: Final = """
    SELECT chunk_no, first_row, last_row, success_count, failure_count, warn_count, total_amount, part_key
      FROM import_chunks WHERE seller_id = $1 AND import_id = $2 ORDER BY chunk_no"""
_PROGRESS: Final = """
    SELECT coalesce(sum(success_count + failure_count), 0)::bigint AS done,
           coalesce(sum(success_count), 0)::bigint AS successes, coalesce(sum(failure_count), 0)::bigint AS failures,
           coalesce(sum(warn_count), 0)::bigint AS warnings
      FROM import_chunks WHERE seller_id = $1 AND import_id = $2"""
_SETTINGS: Final = "SELECT amount_mismatch FROM sellers WHERE seller_id = $1"
_REGISTRATIONS: Final = """
    SELECT r.registration_id, r.gstin, r.state_code, r.is_default, n.series_id, n.pattern
      FROM registrations r
      LEFT JOIN number_series n ON n.seller_id = $1 AND n.registration_id = r.registration_id
                               AND n.doc_type = 'INV' AND n.is_default
     WHERE r.seller_id = $1"""


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One import as stored; ``actor``, ``options``, ``result`` and ``refusal`` are JSON text."""

    import_id: str
    kind: str
    state: str
    file_key: str
    file_name: str
    file_hash: bytes
    file_size: int
    actor: str
    options: str
    total_count: int | None
    result: str | None
    refusal: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    rows_read: int = 0
    rows_judged: int = 0
    cancel_requested_at: datetime | None = None


class ChunkRow(msgspec.Struct, frozen=True):
    """One applied chunk."""

    chunk_no: int
    first_row: int
    last_row: int
    success_count: int
    failure_count: int
    warn_count: int
    total_amount: Any
    part_key: str


class Registration(msgspec.Struct, frozen=True):
    """A registration and its default number series, if it has one."""

    registration_id: str
    gstin: str | None
    state_code: str
    is_default: bool
    series_id: str | None
    pattern: str | None


async def plan_for_these_values(tx: Transaction) -> None:
    """Let PostgreSQL plan each look-up of this transaction for the keys it is given.

    A plan for any keys is kept from when the tables were small, and compares every row with every key: with ten thousand
    keys that is minutes instead of a hundredth of a second.
    """
    await tx.execute(_PLAN_FOR_THESE_VALUES)


async def one(tx: Transaction, import_id: str) -> ImportRow:
    """Give an import, or raise ``ImportNotFound``."""
    found = await tx.fetchrow(_IMPORT, tx.seller_id, import_id)
    if found is None:
        raise ImportNotFound
    return ImportRow(**dict(found))


async def state(tx: Transaction, import_id: str) -> str | None:
    """Give an import's state alone: what a waiting call asks for again and again."""
    found = await tx.fetchval(_STATE, tx.seller_id, import_id)
    return None if found is None else str(found)


async def bound(tx: Transaction, subject: str, key: str) -> Any:
    """Give what an idempotency key is bound to, or None; keys hold for 24 hours."""
    return await tx.fetchrow(_BOUND, tx.seller_id, subject, key, tx.now)


async def first_upload(tx: Transaction, row: ImportRow) -> tuple[str, datetime, bool]:
    """Give the id and the instant of the first import of the same file as the same kind, and whether there is another.

    The ids of rows are made from those two, so that the same file has the same ids in every upload: that is how rows
    with neither invoiceNumber nor externalId are known again (domain §10: keyed by file hash and row).
    """
    first = await tx.fetchrow(_FIRST, tx.seller_id, row.file_hash, row.kind)
    if first is None:
        raise ImportNotFound
    return first["import_id"], first["created_at"], first["again"]


async def chunks(tx: Transaction, import_id: str) -> list[ChunkRow]:
    """List the applied chunks in order."""
    return [ChunkRow(*row) for row in await tx.fetch(_CHUNKS, tx.seller_id, import_id)]


async def progress(tx: Transaction, import_id: str) -> dict[str, int]:
    """Give how many rows are done, and how."""
    found = await tx.fetchrow(_PROGRESS, tx.seller_id, import_id)
    return {} if found is None else {name: int(value) for name, value in found.items()}


async def amount_mismatch(tx: Transaction) -> str:
    """Give the seller's setting for sent net amounts that do not fit."""
    return str(await tx.fetchval(_SETTINGS, tx.seller_id) or "error")


async def registrations(tx: Transaction) -> list[Registration]:
    """List the seller's registrations."""
    return [Registration(*row) for row in await tx.fetch(_REGISTRATIONS, tx.seller_id)]


def seller(payload: dict[str, Any]) -> SellerId:
    """Read the seller of a job's payload."""
    return SellerId(str(payload["seller_id"]))
