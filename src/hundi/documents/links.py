"""The addresses of hosted pages; hundi.invoices.links makes them good (design §4.7)."""

from hundi.config import Settings, address_of
from hundi.kit.keys import Keyring


def base_url_of(settings: Settings) -> str:
    """Give the address under which customers reach this server, without a slash at its end."""
    return address_of(settings)


def page_url(base_url: str, keyring: Keyring, seller_id: str, invoice_id: str, version: int) -> str:
    """Give the address of an invoice's hosted page, or an empty text where none was ever made (version 0)."""
    return f"{base_url}/i/{keyring.link_token(seller_id, invoice_id, version)}" if version > 0 else ""
