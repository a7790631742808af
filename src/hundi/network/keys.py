"""Who signs on the network's wire: an ed25519 key for each home, and the central unit's (contract b2b §2, design §5).

A company of this installation needs no stored key: its own follows from the installation's secret, so it is there before
anybody asks for it and changes with the secret. Keys of other servers are registered by their public half.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hundi.kit.keys import Key, Keyring

PUBLIC_KEY: Final = 32
"""Bytes of an ed25519 public key."""
_SIGNATURE: Final = 64


def _private(key: Key, home: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.derive(f"network home {home}"))


class HomeSigner:
    """Signs as one home of this installation."""

    def __init__(self, keyring: Keyring, home: str) -> None:
        self._key = _private(keyring.current, home)

    def sign(self, text: bytes) -> str:
        """Give the signature as base64."""
        return base64.b64encode(self._key.sign(text)).decode()

    def public_key(self) -> bytes:
        """Give the 32 bytes others verify with."""
        return self._key.public_key().public_bytes_raw()


class ServerSigner:
    """Signs for all homes of this server towards a central unit that runs elsewhere."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(keyring.current.derive("network server"))

    def sign(self, text: bytes) -> str:
        """Give the signature as base64."""
        return base64.b64encode(self._key.sign(text)).decode()

    def public_key(self) -> bytes:
        """Give the 32 bytes the central unit verifies with."""
        return self._key.public_key().public_bytes_raw()


class KnownKeys:
    """Verifies by public keys that were given from outside, and believes nobody else. Several of one sender: any of them."""

    def __init__(self, known: Mapping[str, Sequence[bytes]]) -> None:
        self._known = {
            sender: [Ed25519PublicKey.from_public_bytes(key) for key in keys] for sender, keys in known.items()
        }

    def verify(self, sender: str, text: bytes, signature: str) -> bool | None:
        """Tell whether the signature is the sender's; None when the sender has no key here."""
        keys = self._known.get(sender)
        return None if keys is None else _signed_by_any(keys, text, signature)


class HomeVerifier:
    """Verifies homes of this installation, and those whose public keys were looked up before.

    ``known`` are public keys of other servers' homes. ``local`` are the homes whose keys are ours; ``None`` means that
    every name not in ``known`` is one of ours.
    """

    def __init__(
        self, keyring: Keyring, *, known: Mapping[str, bytes] | None = None, local: frozenset[str] | None = None
    ) -> None:
        self._keyring = keyring
        self._known = known or {}
        self._local = local
        self._made: dict[str, list[Ed25519PublicKey]] = {}

    def verify(self, sender: str, text: bytes, signature: str) -> bool | None:
        """Tell whether the signature is the sender's; None when the sender has no key here."""
        keys = self._keys(sender)
        return _signed_by_any(keys, text, signature) if keys else None

    def _keys(self, sender: str) -> list[Ed25519PublicKey]:
        if sender not in self._made:
            self._made[sender] = self._make_keys(sender)
        return self._made[sender]

    def _make_keys(self, sender: str) -> list[Ed25519PublicKey]:
        if sender in self._known:
            return [Ed25519PublicKey.from_public_bytes(self._known[sender])]
        if self._local is not None and sender not in self._local:
            return []
        # An older secret of the ring verifies too, so that parcels under way survive a change of keys.
        return [_private(key, sender).public_key() for key in self._keyring.keys]


def _signed_by_any(keys: Sequence[Ed25519PublicKey], text: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _SIGNATURE and any(_fits(key, raw, text) for key in keys)


def read_public_key(text: str) -> bytes | None:
    """Read an ed25519 public key in base64; None where it is none."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == PUBLIC_KEY else None


def _fits(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True
