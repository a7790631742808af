"""Signatures against the specification's published example, and against a second reading of the text."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from hundi.kit.standard_webhooks import (
    BadSecret,
    NotVerified,
    check_secret,
    new_secret,
    new_signing_key,
    public_key_of,
    sign,
    verify,
)

# The example of the specification and of the libraries that follow it.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
# RFC 8032 §7.1, test 1: the secret key and its public key.
RFC_KEY = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def test_the_published_example() -> None:
    assert sign(ID, AT, BODY, secrets_=[SECRET], keys=[]) == {
        "webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": V1
    }  # fmt: skip
    assert verify({"webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": V1}, BODY, now=AT,
                  secrets_=[SECRET]) == ID  # fmt: skip


def test_the_public_key_is_the_one_of_the_rfc() -> None:
    key = "whsk_" + base64.b64encode(RFC_KEY).decode()
    assert public_key_of(key) == "whpk_" + base64.b64encode(RFC_PUBLIC).decode()


@given(st.binary(max_size=300), st.text("abcdefghijk0123456789_", min_size=1, max_size=40))
def test_both_signatures_are_those_of_the_text(body: bytes, message_id: str) -> None:
    secret, key = new_secret(), new_signing_key()
    headers = sign(message_id, AT, body, secrets_=[secret], keys=[key])
    content = b".".join([message_id.encode(), b"1614265330", body])
    one, two = headers["webhook-signature"].split(" ")
    wanted = hmac.new(base64.b64decode(secret[6:]), content, hashlib.sha256).digest()
    assert one == f"v1,{base64.b64encode(wanted).decode()}"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key_of(key)[5:]))
    assert two.startswith("v1a,")
    public.verify(base64.b64decode(two[4:]), content)
    assert verify(headers, body, now=AT, secrets_=[secret]) == message_id
    assert verify(headers, body, now=AT, public_keys=[public_key_of(key)]) == message_id
    for wrong in (body + b" ", b"x" + body):
        with pytest.raises(NotVerified, match="No signature fits"):
            verify(headers, wrong, now=AT, secrets_=[secret], public_keys=[public_key_of(key)])


def test_any_of_several_secrets_fits() -> None:
    old, new = new_secret(), new_secret()
    headers = sign(ID, AT, BODY, secrets_=[new, old], keys=[])
    for known in (old, new):
        assert verify(headers, BODY, now=AT, secrets_=[new_secret(), known]) == ID
    with pytest.raises(NotVerified):
        verify(headers, BODY, now=AT, secrets_=[new_secret()])


@pytest.mark.parametrize("off", [-301, 301, 100_000])
def test_an_old_or_early_message_is_refused(off: int) -> None:
    headers = sign(ID, AT, BODY, secrets_=[SECRET], keys=[])
    with pytest.raises(NotVerified, match="five minutes"):
        verify(headers, BODY, now=AT + timedelta(seconds=off), secrets_=[SECRET])
    assert verify(headers, BODY, now=AT + timedelta(seconds=300), secrets_=[SECRET]) == ID


@pytest.mark.parametrize(
    "change",
    [{"webhook-id": "msg_other"}, {"webhook-timestamp": "1614265331"}, {"webhook-timestamp": "x"}, {"webhook-timestamp": "-5"},
     {"webhook-timestamp": ""}, {"webhook-timestamp": "٣" * 3}, {"webhook-id": ""}, {"webhook-signature": ""},
     {"webhook-signature": "v1,AAAA"}, {"webhook-signature": "v1"}, {"webhook-signature": V1.replace("v1,", "v2,")},
     {"webhook-signature": V1.replace("v1,", "v1a,")}, {"webhook-signature": "v1,!!!"}, {"webhook-timestamp": "9" * 40}],
)  # fmt: skip
def test_an_altered_or_unsigned_message_is_refused(change: dict[str, str]) -> None:
    headers = sign(ID, AT, BODY, secrets_=[SECRET], keys=[]) | change
    with pytest.raises(NotVerified):
        verify(headers, BODY, now=AT, secrets_=[SECRET], public_keys=[public_key_of(new_signing_key())])


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***", "whsec_" + "A" * 120]
)
def test_a_bad_secret_is_refused(text: str) -> None:
    with pytest.raises(BadSecret, match="base64 of 24 to 64"):
        check_secret(text)


def test_bad_keys_are_refused() -> None:
    with pytest.raises(BadSecret, match="signing key"):
        public_key_of("whsk_AAAA")
    headers = sign(ID, AT, BODY, secrets_=[], keys=[new_signing_key()])
    with pytest.raises(BadSecret, match="public key"):
        verify(headers, BODY, now=AT, public_keys=["whpk_AAAA"])
