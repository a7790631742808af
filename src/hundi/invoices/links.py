"""Making the links of hosted pages good (design §4.7): each is kept as a hash that says which version of which invoice.

A link is made when an invoice is dispatched (docs/decisions/0004-links-are-minted-at-dispatch.md), and made anew when
another customer ended the one that was sent; but a new one is never good before the invoice is approved as it is now.
"""

from collections.abc import Sequence
from typing import Final

from hundi.db.pool import Transaction
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import APPROVED
from hundi.kit.keys import Keyring, hash_secret

_FIRST: Final = 1
_INSERT: Final = """
    INSERT INTO invoice_links (seller_id, link_hash, invoice_id, version, created_at)
    SELECT $1, l.hash, l.invoice_id, l.version, $5
      FROM unnest($2::bytea[], $3::text[], $4::smallint[]) AS l (hash, invoice_id, version)
    ON CONFLICT ON CONSTRAINT invoice_links_pk DO NOTHING
    RETURNING link_hash"""
_DIRECTORY: Final = "SELECT directory_put('invoice_link', h.hash) FROM unnest($1::bytea[]) AS h (hash)"


async def mint(tx: Transaction, keyring: Keyring, invoices: Sequence[tuple[str, int]]) -> None:
    """Make the links of these ``(invoice id, version)`` good; those that are already stay as they are.

    Also puts right what a change of the installation's secret breaks: links are made with the newest key.
    """
    hashes = [hash_secret(keyring.link_token(tx.seller_id, invoice_id, version)) for invoice_id, version in invoices]
    ids = [invoice_id for invoice_id, _ in invoices]
    versions = [version for _, version in invoices]
    made = await tx.fetch(_INSERT, tx.seller_id, hashes, ids, versions, tx.now)
    if made:
        await tx.fetch(_DIRECTORY, [row["link_hash"] for row in made])


def is_good(row: InvoiceRow) -> bool:
    """Tell whether the invoice's present link can be opened: it was dispatched, and a later link is approved too."""
    return row.link_version == _FIRST or (row.link_version > _FIRST and row.approval_status in APPROVED)


async def renew(tx: Transaction, keyring: Keyring, row: InvoiceRow) -> None:
    """Make a later link than the first good, once it may be: after a change of customer, or the approval of that."""
    if row.link_version > _FIRST and is_good(row):
        await mint(tx, keyring, [(row.invoice_id, row.link_version)])
