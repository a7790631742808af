"""What the engine looks up for one chunk at a time: the customers and invoices that its rows speak of."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import polars as pl

from hundi.db.pool import Transaction
from hundi.gst.supply import place_of_supply

# Keys are sent as one text with a mark between them: of an array the driver looks at every element, one by one.
_CUSTOMERS: Final = """
    SELECT {key} AS key, customer_id, gstin, state_code, treatment, terms_days, status
      FROM customers WHERE seller_id = $1 AND deleted_at IS NULL AND {found_by} = ANY (string_to_array($2::text, $3::text))"""
# By name only through the view: upper() may not reach an index under row-level security (decision 0010).
_NAMED: Final = """
    SELECT upper(legal_name) || '|' || coalesce(pin_code, '') AS key, customer_id, gstin, state_code, treatment,
           terms_days, status
      FROM customers
     WHERE seller_id = $1 AND deleted_at IS NULL
       AND customer_id = ANY (ARRAY(
           SELECT v.customer_id FROM searchable_customers v
            WHERE v.seller_id = $1 AND v.deleted_at IS NULL AND upper(v.legal_name) = ANY (string_to_array($2::text, $3::text))))"""
_HOLD: Final = """
    SELECT customer_id FROM customers
     WHERE seller_id = $1 AND customer_id = ANY (string_to_array($2::text, $3::text)) AND deleted_at IS NULL AND status = 'ACTIVE'
     ORDER BY customer_id FOR KEY SHARE"""
_UPPER: Final = "SELECT n, upper(n) AS key FROM unnest($1::text[]) AS n"
_EXISTING: Final = """
    SELECT invoice_id, registration_id, fy, number_key, external_id,
           encode(content_hash, 'hex') AS content_hash, customer_id,
           (invoice_date AT TIME ZONE 'Asia/Kolkata')::date AS day, due_date, base_amount, cgst, sgst, igst, cess, tds,
           net_amount, invoice_number, deleted_at IS NOT NULL AS deleted
      FROM invoices WHERE seller_id = $1 AND """
_BY_NUMBER: Final = (
    _EXISTING
    + "registration_id = $2 AND fy = $3 AND doc_type = 'INV' AND number_key = ANY (string_to_array($4::text, $5::text))"
)
_BY_EXTERNAL: Final = _EXISTING + "external_id = ANY (string_to_array($2::text, $3::text))"
_BY_ID: Final = _EXISTING + "invoice_id = ANY (string_to_array($2::text, $3::text))"
_TAKEN: Final = """
    SELECT number_key FROM invoices
     WHERE seller_id = $1 AND registration_id = $2 AND fy = $3 AND doc_type = 'INV' AND number_key = ANY (string_to_array($4::text, $5::text))"""

_MARK: Final = "\x1f"
_FILLING: Final = "\x1e"
_LIKE_A_MARK: Final = re.compile(f"{_MARK}({_FILLING}*)")

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


async def customers(tx: Transaction, column: str, keys: list[str], *, alone: bool = False) -> pl.DataFrame:
    """Find the customers that cells of ``column`` name; ``namesakes`` counts those a key fits.

    A key of ``customerName`` is the name in capitals, ``|`` and the PIN code (nothing, where the name stands ``alone``);
    pass the names alone.
    """
    key, found_by = CUSTOMER_KEYS[column]
    statement = _NAMED if column == "customerName" else _CUSTOMERS.format(key=key, found_by=found_by)
    if alone:
        statement = statement.replace("coalesce(pin_code, '')", "''")
    rows = await tx.fetch(statement, tx.seller_id, *marked(keys))
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


async def hold_customers(tx: Transaction, customer_ids: list[str]) -> int:
    """Keep customers from being deleted or deactivated until the transaction ends; count those that are active still."""
    return len(await tx.fetch(_HOLD, tx.seller_id, *marked(customer_ids)))


def _place(row: Any) -> str | None:
    """Give what the customer contributes to the place of supply: the GSTIN's state, else its own (domain §2)."""
    return _place_of(row["gstin"], row["state_code"])


@lru_cache(maxsize=20_000)
def _place_of(gstin: str | None, state_code: str | None) -> str | None:
    """Work a customer's place out once: a file's chunks speak of the same customers."""
    found = place_of_supply(None, None, gstin, state_code).state
    return None if found is None else found.code


def marked(keys: list[str]) -> tuple[str, str]:
    """Join keys with a mark that none of them has; give the text and the mark, for ``string_to_array``."""
    text = _MARK.join(keys)
    if text.count(_MARK) < max(1, len(keys)):
        return text, _MARK
    # It begins with what it has nowhere else: what a key ends with never is the beginning of the mark behind it.
    mark = _MARK + _FILLING * (1 + max(len(one) for key in keys for one in _LIKE_A_MARK.findall(key)))
    return mark.join(keys), mark


async def upper(tx: Transaction, texts: Sequence[str]) -> dict[str, str]:
    """Put texts into capitals as the database does: its own rule decides on letters beyond A to Z."""
    return {row["n"]: row["key"] for row in await tx.fetch(_UPPER, list(texts))}


async def existing_by_number(tx: Transaction, registration_id: str, fy: int, keys: list[str]) -> pl.DataFrame:
    """Find invoices by number in one registration's financial year."""
    return _frame(await tx.fetch(_BY_NUMBER, tx.seller_id, registration_id, fy, *marked(keys)))


async def existing_by_external_id(tx: Transaction, ids: list[str]) -> pl.DataFrame:
    """Find invoices by the caller's own id."""
    return _frame(await tx.fetch(_BY_EXTERNAL, tx.seller_id, *marked(ids)))


async def existing_by_id(tx: Transaction, ids: list[str]) -> pl.DataFrame:
    """Find invoices by id."""
    return _frame(await tx.fetch(_BY_ID, tx.seller_id, *marked(ids)))


async def taken_numbers(tx: Transaction, registration_id: str, fy: int, keys: list[str]) -> set[str]:
    """Tell which numbers are in use already."""
    return {row["number_key"] for row in await tx.fetch(_TAKEN, tx.seller_id, registration_id, fy, *marked(keys))}


def _frame(rows: Sequence[Any]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=EXISTING_SCHEMA)
    return pl.DataFrame([tuple(row) for row in rows], schema=EXISTING_SCHEMA, orient="row")
