"""The addresses of hosted pages; hundi.invoices.links makes them good (design §4.7)."""

from hundi.kit.keys import Keyring


def page_url(base_url: str, keyring: Keyring, seller_id: str, invoice_id: str, version: int) -> str:
    """Give the address of an invoice's hosted page, or an empty text where none was ever made (version 0)."""
    return f"{base_url}/i/{keyring.link_token(seller_id, invoice_id, version)}" if version > 0 else ""
