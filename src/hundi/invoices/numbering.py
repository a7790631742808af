"""The register of voided numbers: issued once, never to be used again (domain §6; rule 46(b) CGST Rules).

A voided invoice keeps its row and with it its number's place in the unique key, so nobody can take the number again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.dates import fy_long

CANCELLED: Final = "CANCELLED"
DELETED: Final = "DELETED"

_VOID: Final = """
    INSERT INTO voided_numbers (seller_id, registration_id, fy, doc_type, number_key, invoice_id, reason, voided_at, voided_by)
    SELECT $1, i.registration_id, i.fy, i.doc_type, i.number_key, i.invoice_id, $3, $4, $5
      FROM invoices i WHERE i.seller_id = $1 AND i.invoice_id = ANY ($2::text[])
    ON CONFLICT ON CONSTRAINT voided_numbers_pk DO NOTHING"""
_REGISTER: Final = """
    SELECT v.registration_id, r.gstin, v.fy, v.doc_type, i.invoice_number, v.number_key, v.invoice_id, v.reason,
           i.status_reason, v.voided_at, v.voided_by
      FROM voided_numbers v
      JOIN registrations r ON r.seller_id = $1 AND r.registration_id = v.registration_id
      JOIN invoices i ON i.seller_id = $1 AND i.invoice_id = v.invoice_id
     WHERE v.seller_id = $1 AND ($2::smallint IS NULL OR v.fy = $2)
       AND ($3::text[] IS NULL OR (v.registration_id, v.fy, v.doc_type, v.number_key)
            > (($3::text[])[1], ($3::text[])[2]::smallint, ($3::text[])[3], ($3::text[])[4]))
     ORDER BY v.registration_id, v.fy, v.doc_type, v.number_key LIMIT $4 OFFSET $5"""
_COUNT: Final = "SELECT count(*) FROM voided_numbers WHERE seller_id = $1 AND ($2::smallint IS NULL OR fy = $2)"


class VoidedNumber(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the register: the number as it was written, and why it is void."""

    registration_id: str
    gstin: str | None
    fy: int
    doc_type: str
    invoice_number: str
    number_key: str
    invoice_id: str
    reason: str
    status_reason: str | None
    voided_at: datetime
    voided_by: str

    @property
    def financial_year(self) -> str:
        """Write the year as ``2026-27``."""
        return fy_long(self.fy)

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Give the line's place in the register's order."""
        return self.registration_id, str(self.fy), self.doc_type, self.number_key


async def void(tx: Transaction, who: Actor, invoice_ids: Sequence[str], reason: str) -> None:
    """Enter the numbers of these invoices into the register; one that stands there stays as it is."""
    await tx.execute(_VOID, tx.seller_id, list(invoice_ids), reason, tx.now, who.subject)


async def register(
    tx: Transaction, *, fy: int | None, after: Sequence[str] | None, limit: int, offset: int
) -> tuple[list[VoidedNumber], int]:
    """Give a page of the register in the order of registration, year and number, and how many lines there are in all."""
    rows = await tx.fetch(_REGISTER, tx.seller_id, fy, None if after is None else list(after), limit, offset)
    total = await tx.fetchval(_COUNT, tx.seller_id, fy)
    return [VoidedNumber(**dict(row)) for row in rows], int(total)
