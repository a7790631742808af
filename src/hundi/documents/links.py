"""The links of hosted pages (design §4.7): made from the installation's secret, kept as hashes, revoked by a version."""

from collections.abc import Sequence
from typing import Final

from hundi.config import Settings, address_of
from hundi.db.pool import Transaction
from hundi.kit.keys import Keyring, hash_secret

_INSERT: Final = """
    INSERT INTO invoice_links (seller_id, link_hash, invoice_id, version, created_at)
    SELECT $1, l.hash, l.invoice_id, l.version, $5
      FROM unnest($2::bytea[], $3::text[], $4::smallint[]) AS l (hash, invoice_id, version)
    ON CONFLICT ON CONSTRAINT invoice_links_pk DO NOTHING
    RETURNING link_hash"""
_DIRECTORY: Final = "SELECT directory_put('invoice_link', h.hash) FROM unnest($1::bytea[]) AS h (hash)"


def base_url_of(settings: Settings) -> str:
    """Give the address under which customers reach this server, without a slash at its end."""
    return address_of(settings)


def page_url(base_url: str, keyring: Keyring, seller_id: str, invoice_id: str, version: int) -> str:
    """Give the address of an invoice's hosted page, or an empty text where none was ever made (version 0)."""
    return f"{base_url}/i/{keyring.link_token(seller_id, invoice_id, version)}" if version > 0 else ""


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
