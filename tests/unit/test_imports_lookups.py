"""Keys of a chunk sent as one text: whatever is in them, the database finds the same ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hundi.imports.lookups import marked

KEYS = st.lists(st.text(alphabet="a\x1e\x1f", max_size=6), min_size=1, max_size=5)


@given(keys=KEYS)
def test_keys_come_apart_as_they_were_joined(keys: list[str]) -> None:
    text, mark = marked(keys)
    assert text.split(mark) == keys


def test_the_mark_never_begins_in_a_key() -> None:
    """A mark that repeats what a key ends with is found too soon, however long it is made."""
    assert marked(["a\x1f\x1e", "b"]) == ("a\x1f\x1e\x1f\x1e\x1eb", "\x1f\x1e\x1e")
    assert marked(["a", "b"]) == ("a\x1fb", "\x1f")
    assert marked([]) == ("", "\x1f")


def test_a_long_run_costs_no_more_than_another_key() -> None:
    text, mark = marked(["\x1f" + "\x1e" * 1_000_000, "b"])
    assert text.count(mark) == 1
