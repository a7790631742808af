"""Keys of the installation: sealing, links, hashes, rotation."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.kit.keys import Key, Keyring, SealBroken, hash_secret, same

OLD, NEW = "an old secret of this installation and long", "a new secret of this installation and long"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_what_is_sealed_can_be_opened_in_its_place_only(text: str, context: str) -> None:
    ring = Keyring([OLD])
    sealed = ring.seal(text, context)
    assert ring.open(sealed, context) == text
    with pytest.raises(SealBroken):
        ring.open(sealed, context + "x")


def test_a_changed_byte_breaks_the_seal() -> None:
    ring = Keyring([OLD])
    sealed = ring.seal("000111222333", "row 1")
    assert b"000111222333" not in sealed
    assert sealed != ring.seal("000111222333", "row 1")
    for at in range(len(sealed)):
        broken = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            ring.open(broken, "row 1")
    for short in (b"", sealed[:4], sealed[:10], sealed[:-1]):
        with pytest.raises(SealBroken):
            ring.open(short, "row 1")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    sealed = Keyring([OLD]).seal("x", "c")
    rotated = Keyring([NEW, OLD])
    assert rotated.open(sealed, "c") == "x"
    assert rotated.seal("x", "c")[:4] == Key(NEW).kid
    with pytest.raises(SealBroken):
        Keyring([NEW]).open(sealed, "c")


def test_each_purpose_has_its_own_key() -> None:
    key = Key(OLD)
    assert len({key.derive(purpose) for purpose in ("seal", "link", "access token", "key id")}) == 4
    assert OLD.encode() not in key.derive("seal")


def test_the_link_token_is_160_bits_and_changes_with_its_version() -> None:
    ring = Keyring([OLD])
    token = ring.link_token("CEK0000001", "inv_1", 1)
    assert re.fullmatch(r"[A-Za-z0-9_-]{27}", token)
    assert token == ring.link_token("CEK0000001", "inv_1", 1)
    others = {ring.link_token("CEK0000001", "inv_1", 2), ring.link_token("CEK0000002", "inv_1", 1),
              ring.link_token("CEK0000001", "inv_2", 1), Keyring([NEW]).link_token("CEK0000001", "inv_1", 1)}  # fmt: skip
    assert token not in others
    assert len(others) == 4


def test_secrets_that_are_too_short_or_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Keyring(["short"])
    for empty in ("", " , ,"):
        with pytest.raises(ValueError, match="empty"):
            Keyring.parse(empty)
    assert Keyring.parse(f" {NEW} , {OLD} ").current.kid == Key(NEW).kid


def test_hashes_compare() -> None:
    assert same(hash_secret("a"), hash_secret("a"))
    assert not same(hash_secret("a"), hash_secret("b"))
