"""Rows whose key stands in a file more than once are found, however many parts the keys are looked through in."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.imports.repeats import Keys

BLOCKS = st.lists(
    st.lists(st.tuples(*[st.none() | st.integers(0, 40) | st.sampled_from([2**64 - 1])] * 3), max_size=12), max_size=8
)


@given(BLOCKS, st.sampled_from([2, 7, 500_000]))
def test_repeated_rows_are_those_whose_key_another_has(
    blocks: list[list[tuple[int | None, int | None, int | None]]], at_once: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        keys = Keys(Path(name), (("a",), ("b", "c"), ("d",)), at_once=at_once)
        rows = [(2 + at, *one) for at, one in enumerate(one for block in blocks for one in block)]
        at = 0
        for block in blocks:
            part = rows[at : at + len(block)]
            at += len(block)
            columns = {
                column: pl.Series([one[place] for one in part], dtype=pl.UInt64)
                for place, column in enumerate("abc", start=1)
            }
            keys.add(pl.Series([one[0] for one in part], dtype=pl.Int64), columns)
        found = keys.repeated()
        of_a = Counter(a for _, a, _, _ in rows if a is not None)
        of_both = Counter(one for _, _, b, c in rows for one in (b, c) if one is not None)
        wanted = [no for no, a, b, c in rows if of_a[a] > 1 or of_both[b] > 1 or of_both[c] > 1]
        assert (found.to_list(), found.dtype) == (wanted, pl.Int64)
        assert not list(Path(name).iterdir())


@pytest.mark.parametrize("blocks", [0, 3])
def test_a_file_without_keys_repeats_none(tmp_path: Path, blocks: int) -> None:
    keys = Keys(tmp_path, (("a",),))
    for _ in range(blocks):
        keys.add(pl.Series([2, 3]), {})
    assert keys.repeated().to_list() == []
