"""The guard against formulas: what a spreadsheet may run is guarded however it begins, and comes back as it was."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.imports.report import _guarded
from hundi.kit.formulas import GUARDED, PLAIN_NUMBER, RISKY, guarded

BLANKS = ["", " ", "\n", "\r\n", "\t", "\u00a0", "\u200b", "\ufeff", "\x1c", "\x00", " \n \t"]
SIGNS = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]
NUMBERS = ["-5", "+1,000.50", " -5 ", "\u00a0-12.5\n"]
PLAIN = ["a=1", "x\n=1", "1-2", "", " ", "\n", "'=1", "INV-1", "a@example.com"]
TEXTS = st.lists(st.sampled_from([*BLANKS, *SIGNS, "'", "1", "a", ",", "."]), max_size=6).map("".join)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("blank", BLANKS)
def test_a_formula_behind_blanks_is_guarded(blank: str, sign: str) -> None:
    assert guarded(f"{blank}{sign}cmd()") == f"'{blank}{sign}cmd()"


@pytest.mark.parametrize("text", [*NUMBERS, *PLAIN])
def test_numbers_and_plain_texts_stay(text: str) -> None:
    assert guarded(text) == text


@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_columns_are_guarded_as_single_texts_are_and_come_back(texts: list[str]) -> None:
    columns = _guarded(pl.DataFrame({"a": texts}))["a"]
    assert columns.to_list() == [guarded(text) for text in texts]
    assert all(
        not pl.Series([text]).str.contains(RISKY)[0] or pl.Series([text]).str.contains(PLAIN_NUMBER)[0]
        for text in columns
    )
    unguarded = columns.str.replace(GUARDED, "$1").to_list()
    # What somebody typed with an apostrophe of his own before a formula is the one text that cannot be told apart.
    assert all(back == text for back, text in zip(unguarded, texts, strict=True) if not text.startswith("'"))
