"""What the engine reads: imports and chunks, and for one chunk at a time the customers and invoices its rows speak of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import polars as pl

from hundi.db.pool import Transaction
from hundi.gst.supply import place_of_supply
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
_CUSTOMERS: Final = """
    SELECT {key} AS key, customer_id, gstin, state_code, treatment, terms_days, status
      FROM customers WHERE seller_id = $1 AND deleted_at IS NULL AND {found_by} = ANY ($2::text[])"""
# By name only through the view: upper() may not reach an index under row-level security (decision 0010).
_NAMED: Final = """
    SELECT upper(legal_name) || '|' || coalesce(pin_code, '') AS key, customer_id, gstin, state_code, treatment,
           terms_days, status
      FROM customers
     WHERE seller_id = $1 AND deleted_at IS NULL
       AND customer_id = ANY (ARRAY(
           SELECT v.customer_id FROM searchable_customers v
            WHERE v.seller_id = $1 AND v.deleted_at IS NULL AND upper(v.legal_name) = ANY ($2::text[])))"""
_HOLD: Final = """
    SELECT customer_id FROM customers
     WHERE seller_id = $1 AND customer_id = ANY ($2::text[]) AND deleted_at IS NULL AND status = 'ACTIVE'
     ORDER BY customer_id FOR KEY SHARE"""
_UPPER: Final = "SELECT n, upper(n) AS key FROM unnest($1::text[]) AS n"
_EXISTING: Final = """
    SELECT invoice_id, registration_id, fy, number_key, external_id,
           encode(content_hash, 'hex') AS content_hash, customer_id,
           (invoice_date AT TIME ZONE 'Asia/Kolkata')::date AS day, due_date, base_amount, cgst, sgst, igst, cess, tds,
           net_amount, invoice_number, deleted_at IS NOT NULL AS deleted
      FROM invoices WHERE seller_id = $1 AND """
_BY_NUMBER: Final = (
    _EXISTING + "registration_id = $2 AND fy = $3 AND doc_type = 'INV' AND number_key = ANY ($4::text[])"
)
_BY_EXTERNAL: Final = _EXISTING + "external_id = ANY ($2::text[])"
_BY_ID: Final = _EXISTING + "invoice_id = ANY ($2::text[])"
_TAKEN: Final = """
    SELECT number_key FROM invoices
     WHERE seller_id = $1 AND registration_id = $2 AND fy = $3 AND doc_type = 'INV' AND number_key = ANY ($4::text[])"""

# How a row may name its customer: the column of the file, what it is compared with, and what the index is on.
CUSTOMER_KEYS: Final = {
    "customerId": ("customer_id", "customer_id"),
    "customerRef": ("unique_ref_no", "unique_ref_no"),
    "customerGstin": ("gstin", "gstin"),
    "customerName": ("", ""),
}
CUSTOMER_SCHEMA: Final[dict[str, Any]] = {
    "key": pl.String, "customer_id": pl.String, "gstin_place": pl.String, "treatment": pl.String, "terms_days": pl.Int64,
    "status": pl.String, "namesakes": pl.Int64,
}  # fmt: skip
EXISTING_SCHEMA: Final[dict[str, Any]] = {
    "invoice_id": pl.String, "registration_id": pl.String, "fy": pl.Int64, "number_key": pl.String,
    "external_id": pl.String, "content_hash": pl.String, "customer_id": pl.String, "day": pl.Date, "due_date": pl.Date,
    "base_amount": pl.Decimal(18, 2), "cgst": pl.Decimal(18, 2), "sgst": pl.Decimal(18, 2), "igst": pl.Decimal(18, 2),
    "cess": pl.Decimal(18, 2), "tds": pl.Decimal(18, 2), "net_amount": pl.Decimal(18, 2), "invoice_number": pl.String, "deleted": pl.Boolean,
}  # fmt: skip


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


async def customers(tx: Transaction, column: str, keys: Sequence[str], *, alone: bool = False) -> pl.DataFrame:
    """Find the customers that cells of ``column`` name; ``namesakes`` counts those a key fits.

    A key of ``customerName`` is the name in capitals, ``|`` and the PIN code (nothing, where the name stands ``alone``);
    pass the names alone.
    """
    key, found_by = CUSTOMER_KEYS[column]
    statement = _NAMED if column == "customerName" else _CUSTOMERS.format(key=key, found_by=found_by)
    if alone:
        statement = statement.replace("coalesce(pin_code, '')", "''")
    rows = await tx.fetch(statement, tx.seller_id, list(keys))
    namesakes: dict[str, int] = {}
    for row in rows:
        namesakes[row["key"]] = namesakes.get(row["key"], 0) + 1
    found = [
        (
            row["key"],
            row["customer_id"],
            _place(row),
            row["treatment"],
            row["terms_days"],
            row["status"],
            namesakes[row["key"]],
        )
        for row in rows
    ]
    frame = pl.DataFrame(found, schema=CUSTOMER_SCHEMA, orient="row")
    return frame.unique(subset="key", keep="first", maintain_order=True)


async def hold_customers(tx: Transaction, customer_ids: Sequence[str]) -> int:
    """Keep customers from being deleted or deactivated until the transaction ends; count those that are active still."""
    return len(await tx.fetch(_HOLD, tx.seller_id, list(customer_ids)))


def _place(row: Any) -> str | None:
    """Give what the customer contributes to the place of supply: the GSTIN's state, else its own (domain §2)."""
    state_found = place_of_supply(None, None, row["gstin"], row["state_code"]).state
    return None if state_found is None else state_found.code


async def upper(tx: Transaction, texts: Sequence[str]) -> dict[str, str]:
    """Put texts into capitals as the database does: its own rule decides on letters beyond A to Z."""
    return {row["n"]: row["key"] for row in await tx.fetch(_UPPER, list(texts))}


async def existing_by_number(tx: Transaction, registration_id: str, fy: int, keys: Sequence[str]) -> pl.DataFrame:
    """Find invoices by number in one registration's financial year."""
    return _frame(await tx.fetch(_BY_NUMBER, tx.seller_id, registration_id, fy, list(keys)))


async def existing_by_external_id(tx: Transaction, ids: Sequence[str]) -> pl.DataFrame:
    """Find invoices by the caller's own id."""
    return _frame(await tx.fetch(_BY_EXTERNAL, tx.seller_id, list(ids)))


async def existing_by_id(tx: Transaction, ids: Sequence[str]) -> pl.DataFrame:
    """Find invoices by id."""
    return _frame(await tx.fetch(_BY_ID, tx.seller_id, list(ids)))


async def taken_numbers(tx: Transaction, registration_id: str, fy: int, keys: Sequence[str]) -> set[str]:
    """Tell which numbers are in use already."""
    return {row["number_key"] for row in await tx.fetch(_TAKEN, tx.seller_id, registration_id, fy, list(keys))}


def _frame(rows: Sequence[Any]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=EXISTING_SCHEMA)
    return pl.DataFrame([tuple(row) for row in rows], schema=EXISTING_SCHEMA, orient="row")


def seller(payload: dict[str, Any]) -> SellerId:
    """Read the seller of a job's payload."""
    return SellerId(str(payload["seller_id"]))
