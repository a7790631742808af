"""Reading the entries of an invoice."""

from typing import Final

from hundi.db.pool import Transaction
from hundi.invoices.rules import MONEY_KINDS, EntryKind
from hundi.payments.errors import EntryNotFound
from hundi.payments.rows import EntryRow
from hundi.payments.rules import TDS_KINDS, Certificates

_SELECT: Final = """
    SELECT e.entry_id, e.kind, e.amount, e.certified, e.reference, e.received_on, e.tds_section, e.tan, e.certificate_no,
           e.note, e.reverses, r.entry_id AS reversed_by, e.created_at, e.created_by
      FROM invoice_entries e
      LEFT JOIN invoice_entries r ON r.seller_id = $1 AND r.invoice_id = $2 AND r.reverses = e.entry_id
     WHERE e.seller_id = $1 AND e.invoice_id = $2"""
_ONE: Final = _SELECT + " AND e.entry_id = $3"
_PAGE: Final = _SELECT + " AND ($3::text IS NULL OR e.entry_id > $3) ORDER BY e.entry_id LIMIT $4 OFFSET $5"
_COUNT: Final = "SELECT count(*) FROM invoice_entries WHERE seller_id = $1 AND invoice_id = $2"
_STANDING: Final = """
    SELECT (count(*) FILTER (WHERE certified > 0) - count(*) FILTER (WHERE certified < 0))::int AS count,
           coalesce(sum(certified), 0)::numeric(18,2) AS certified, coalesce(sum(amount), 0)::numeric(18,2) AS effect
      FROM invoice_entries WHERE seller_id = $1 AND invoice_id = $2 AND kind = ANY ($3::text[])"""
_WITH_REFERENCE: Final = """
    SELECT e.entry_id FROM invoice_entries e
     WHERE e.seller_id = $1 AND e.invoice_id = $2 AND upper(e.reference) = upper($3) AND e.kind = ANY ($4::text[])
       AND e.reverses IS NULL AND NOT EXISTS (
           SELECT FROM invoice_entries r
            WHERE r.seller_id = $1 AND r.invoice_id = $2 AND r.reverses = e.entry_id)
     LIMIT 1"""


async def one(tx: Transaction, invoice_id: str, entry_id: str) -> EntryRow:
    """Give one entry of an invoice, or raise :class:`EntryNotFound`."""
    found = await tx.fetchrow(_ONE, tx.seller_id, invoice_id, entry_id)
    if found is None:
        raise EntryNotFound
    return EntryRow(**dict(found))


async def page(
    tx: Transaction, invoice_id: str, *, after: str | None, limit: int, offset: int
) -> tuple[list[EntryRow], int]:
    """Give a page of an invoice's entries, the oldest first, and how many there are in all."""
    rows = await tx.fetch(_PAGE, tx.seller_id, invoice_id, after, limit, offset)
    return [EntryRow(**dict(row)) for row in rows], int(await tx.fetchval(_COUNT, tx.seller_id, invoice_id))


async def certificates(tx: Transaction, invoice_id: str) -> Certificates:
    """Give the TDS certificates that stand on an invoice."""
    found = await tx.fetchrow(_STANDING, tx.seller_id, invoice_id, sorted(kind.value for kind in TDS_KINDS))
    if found is None:
        raise EntryNotFound
    return Certificates(found["count"], found["certified"], found["effect"])


async def standing_with(tx: Transaction, invoice_id: str, reference: str, kind: EntryKind) -> str | None:
    """Give the entry that carries a reference and stands, if there is one: of any money kind for money, else of its own."""
    kinds = MONEY_KINDS if kind in MONEY_KINDS else {kind}
    found: str | None = await tx.fetchval(
        _WITH_REFERENCE, tx.seller_id, invoice_id, reference, sorted(one.value for one in kinds)
    )
    return found
