"""A customer's account number: sealed at rest, found by a keyed hash, shown by its last four digits (design §4.11)."""

import hashlib
import hmac
from typing import Final

from hundi.kit.keys import Key, Keyring

_PURPOSE: Final = "customer account lookup"
_SHOWN: Final = 4


def sealed(keyring: Keyring, seller_id: str, customer_id: str, account: str) -> bytes:
    """Encrypt an account number for this customer's row, and no other."""
    return keyring.seal(account, _context(seller_id, customer_id))


def masked(keyring: Keyring, seller_id: str, customer_id: str, kept: bytes | None) -> str | None:
    """Show what :func:`sealed` made: all but the last four characters are ``X``."""
    whole = opened(keyring, seller_id, customer_id, kept)
    return None if whole is None else "X" * (len(whole) - _SHOWN) + whole[-_SHOWN:]


def opened(keyring: Keyring, seller_id: str, customer_id: str, kept: bytes | None) -> str | None:
    """Decrypt what :func:`sealed` made; nothing gives nothing."""
    return None if kept is None else keyring.open(kept, _context(seller_id, customer_id))


def lookup_hash(keyring: Keyring, seller_id: str, account: str) -> bytes:
    """Hash an account number for storage: the same number of the same seller gives the same hash, in any case."""
    return _hash(keyring.current, seller_id, account)


def lookup_hashes(keyring: Keyring, seller_id: str, account: str) -> list[bytes]:
    """Give every hash the number may have been stored under: one for each key of the installation."""
    return [_hash(key, seller_id, account) for key in keyring.keys]


def _hash(key: Key, seller_id: str, account: str) -> bytes:
    return hmac.new(key.derive(_PURPOSE), f"{seller_id}\x1f{account.upper()}".encode(), hashlib.sha256).digest()


def _context(seller_id: str, customer_id: str) -> str:
    return f"customers.account_number {seller_id} {customer_id}"
