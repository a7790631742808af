"""Keys made from the installation's one secret: each purpose gets its own, and values are sealed with AES-GCM (design §4.11)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET: Final = 32
_NONCE: Final = 12
_TAG: Final = 16
_KEY_ID: Final = 4


class SealBroken(Exception):
    """A sealed value cannot be opened: it was altered, moved to another row, or its key is gone."""


class Key:
    """One secret and what is derived from it. ``kid`` names it without telling anything about it."""

    def __init__(self, secret: str) -> None:
        if len(secret) < MIN_SECRET:
            message = (
                f"HUNDI_SECRET_KEY must have at least {MIN_SECRET} characters; make one with `hundi config new-key`."
            )
            raise ValueError(message)
        self._secret = secret.encode()
        self.kid = self.derive("key id")[:_KEY_ID]

    def derive(self, purpose: str) -> bytes:
        """Give the 32-byte key of one purpose (HKDF-SHA256)."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hundi {purpose}".encode()).derive(self._secret)

    @cached_property
    def _aead(self) -> AESGCM:
        return AESGCM(self.derive("seal"))

    @cached_property
    def link(self) -> bytes:
        """Give the key of hosted-page tokens."""
        return self.derive("link")

    def seal(self, text: str, context: str) -> bytes:
        """Encrypt under this key: key id, nonce, ciphertext."""
        return (
            self.kid
            + (nonce := secrets.token_bytes(_NONCE))
            + self._aead.encrypt(nonce, text.encode(), context.encode())
        )

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt what this key sealed, or raise :class:`SealBroken`."""
        body = sealed[_KEY_ID:]
        try:
            return self._aead.decrypt(body[:_NONCE], body[_NONCE:], context.encode()).decode()
        except InvalidTag as error:
            raise SealBroken from error


class Keyring:
    """The keys of this installation: the first one signs and seals, the others still verify and open."""

    def __init__(self, secrets_: Sequence[str]) -> None:
        self.keys = [Key(secret) for secret in secrets_]
        if not self.keys:
            message = "HUNDI_SECRET_KEY is empty."
            raise ValueError(message)
        self.current = self.keys[0]

    @classmethod
    def parse(cls, setting: str) -> "Keyring":
        """Read ``HUNDI_SECRET_KEY``: one secret, or several with commas, the newest first."""
        return cls([part.strip() for part in setting.split(",") if part.strip()])

    def seal(self, text: str, context: str) -> bytes:
        """Encrypt a bank number or credential; ``context`` (seller, table, row) must be the same when it is opened."""
        return self.current.seal(text, context)

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt what :meth:`seal` made, or raise :class:`SealBroken`."""
        for key in self.keys:
            if sealed[:_KEY_ID] == key.kid and len(sealed) >= _KEY_ID + _NONCE + _TAG:
                return key.open(sealed, context)
        raise SealBroken

    def link_token(self, seller_id: str, invoice_id: str, version: int) -> str:
        """Make the hosted-page token (design §4.7): 160 bits of HMAC-SHA256, base64url, the same each time it is asked for."""
        text = f"{seller_id}\x1f{invoice_id}\x1f{version}".encode()
        return (
            base64.urlsafe_b64encode(hmac.new(self.current.link, text, hashlib.sha256).digest()[:20])
            .decode()
            .rstrip("=")
        )


def hash_secret(value: str) -> bytes:
    """Hash a secret of at least 128 random bits for storage: plain SHA-256 is enough for those, and quick to look up."""
    return hashlib.sha256(value.encode()).digest()


def same(left: bytes, right: bytes) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(left, right)
