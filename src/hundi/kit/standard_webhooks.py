"""Signatures in the form of the Standard Webhooks specification: ``v1`` (HMAC-SHA256) and ``v1a`` (Ed25519).

What is signed is ``{webhook-id}.{webhook-timestamp}.{body}``; the header ``webhook-signature`` holds one or more
signatures with spaces between them, each ``version,base64``. Secrets are written ``whsec_`` + base64, Ed25519 keys
``whsk_`` (private) and ``whpk_`` (public) + base64 of the 32 bytes.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how a secret begins, not one
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
TOLERANCE: Final = timedelta(minutes=5)
"""How old, or how far in the future, a timestamp may be (the specification's example value)."""
LEAST_SECRET: Final = 24
MOST_SECRET: Final = 64
"""A secret has 24 to 64 random bytes."""
_KEY: Final = 32


class BadSecret(ValueError):
    """A secret or key is not written as the specification has it."""


class NotVerified(Exception):
    """A message is unsigned, altered, too old, or signed by somebody else; the sentence says which as far as it is safe."""


def new_secret() -> str:
    """Make a shared secret of 32 random bytes, ``whsec_…``."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_signing_key() -> str:
    """Make an Ed25519 key, ``whsk_…``."""
    return PRIVATE_PREFIX + base64.b64encode(secrets.token_bytes(_KEY)).decode()


def public_key_of(signing_key: str) -> str:
    """Give the public half of a key, ``whpk_…``; raises :class:`BadSecret`."""
    return PUBLIC_PREFIX + base64.b64encode(_private(signing_key).public_key().public_bytes_raw()).decode()


def check_secret(text: str) -> None:
    """Raise :class:`BadSecret` unless this is ``whsec_`` + base64 of 24 to 64 bytes."""
    _secret_bytes(text)


def sign(message_id: str, at: datetime, body: bytes, *, secrets_: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
    """Give the three headers of a message: one ``v1`` for each secret, one ``v1a`` for each signing key, in that order.

    During a rotation the new and the old ones sign beside each other, so that a receiver may hold either.
    """
    stamp = str(int(at.timestamp()))
    content = _content(message_id, stamp, body)
    made = [f"v1,{_base64(hmac.digest(_secret_bytes(one), content, hashlib.sha256))}" for one in secrets_]
    made += [f"v1a,{_base64(_private(one).sign(content))}" for one in keys]
    return {ID_HEADER: message_id, TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: " ".join(made)}


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    secrets_: Sequence[str] = (),
    public_keys: Sequence[str] = (),
) -> str:
    """Give the message's id when any one of its signatures fits any of these secrets or keys; else :class:`NotVerified`.

    ``headers`` are by lower-case name. Whether the id was seen before is for the caller to know.
    """
    message_id, stamp = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    signatures = headers.get(SIGNATURE_HEADER, "").split()
    if not message_id or not stamp or not signatures:
        message = f"Send {ID_HEADER}, {TIMESTAMP_HEADER} and {SIGNATURE_HEADER}."
        raise NotVerified(message)
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        message = f"{TIMESTAMP_HEADER} is the number of seconds since 1970."
        raise NotVerified(message)
    if abs(int(now.timestamp()) - int(stamp)) > TOLERANCE.total_seconds():
        message = f"{TIMESTAMP_HEADER} is more than five minutes off: send it again, or set the clock."
        raise NotVerified(message)
    content = _content(message_id, stamp, body)
    for one in signatures:
        version, _, text = one.partition(",")
        given = _unbase64(text)
        if given is None:
            continue
        if version == "v1" and any(_hmac_fits(given, content, secret) for secret in secrets_):
            return message_id
        if version == "v1a" and any(_key_fits(given, content, key) for key in public_keys):
            return message_id
    message = "No signature fits."
    raise NotVerified(message)


def _content(message_id: str, stamp: str, body: bytes) -> bytes:
    return f"{message_id}.{stamp}.".encode() + body


def _hmac_fits(given: bytes, content: bytes, secret: str) -> bool:
    return hmac.compare_digest(given, hmac.digest(_secret_bytes(secret), content, hashlib.sha256))


def _key_fits(given: bytes, content: bytes, public_key: str) -> bool:
    raw = _unbase64(public_key.removeprefix(PUBLIC_PREFIX))
    if not public_key.startswith(PUBLIC_PREFIX) or raw is None or len(raw) != _KEY:
        message = f"A public key is {PUBLIC_PREFIX} and base64 of 32 bytes."
        raise BadSecret(message)
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(given, content)
    except InvalidSignature:
        return False
    return True


def _secret_bytes(text: str) -> bytes:
    raw = _unbase64(text.removeprefix(SECRET_PREFIX))
    if not text.startswith(SECRET_PREFIX) or raw is None or not LEAST_SECRET <= len(raw) <= MOST_SECRET:
        message = f"Send {SECRET_PREFIX} followed by base64 of {LEAST_SECRET} to {MOST_SECRET} random bytes."
        raise BadSecret(message)
    return raw


def _private(text: str) -> Ed25519PrivateKey:
    raw = _unbase64(text.removeprefix(PRIVATE_PREFIX))
    if not text.startswith(PRIVATE_PREFIX) or raw is None or len(raw) != _KEY:
        message = f"A signing key is {PRIVATE_PREFIX} and base64 of 32 bytes."
        raise BadSecret(message)
    return Ed25519PrivateKey.from_private_bytes(raw)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
