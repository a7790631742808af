"""Figures, words and characters as a document writes them."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hundi.documents.glyphs import BREAK, REPLACEMENT, FontsMissing, drawable, font_folder
from hundi.documents.words import grouped, inr, plain_number, rupees_in_words


@pytest.mark.parametrize(
    ("amount", "figures", "spoken"),
    [
        ("0", "0.00", "Rupees Zero Only"),
        ("1", "1.00", "Rupees One Only"),
        ("100000.5", "1,00,000.50", "Rupees One Lakh and Fifty Paise Only"),
        (
            "12304608.05",
            "1,23,04,608.05",
            "Rupees One Crore Twenty-three Lakh Four Thousand Six Hundred and Eight and Five Paise Only",
        ),
        ("100000000000", "1,00,00,00,00,000.00", "Rupees Ten Thousand Crore Only"),
        ("-1.005", "-1.01", "Minus Rupees One and One Paise Only"),
    ],
)
def test_amounts_in_figures_and_words(amount: str, figures: str, spoken: str) -> None:
    assert grouped(Decimal(amount)) == figures
    assert rupees_in_words(Decimal(amount)) == spoken


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**16 - 1))
def test_grouping_loses_nothing(paise: int) -> None:
    amount = Decimal(paise) / 100
    text = grouped(amount)
    assert Decimal(text.replace(",", "")) == amount
    whole = text.partition(".")[0].split(",")
    assert all(
        len(group) == (3 if index == 0 else 2) for index, group in enumerate(reversed(whole)) if index < len(whole) - 1
    )
    assert "  " not in rupees_in_words(amount)


def test_numbers_lose_needless_zeros_and_amounts_show_their_sign() -> None:
    assert [plain_number(Decimal(text)) for text in ("1250.500", "2.000", "0.25", "100000")] == [
        "1,250.5",
        "2",
        "0.25",
        "1,00,000",
    ]
    assert plain_number(Decimal(5), 2) == "5.00"
    assert [inr(Decimal(-5)), inr(Decimal(1234567))] == ["-₹5.00", "₹12,34,567.00"]


def test_missing_fonts_are_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match=r"NotoSans-Regular\.ttf.*make setup"):
        font_folder(tmp_path)


def test_what_cannot_be_drawn_is_replaced_and_long_words_may_break() -> None:
    assert drawable("A\u202eB\u200bC\x00D\tE") == "ABCD E"
    assert drawable("तमिल தமிழ்") == "तमिल " + REPLACEMENT * 5
    assert drawable("x" * 30).replace(BREAK, "") == "x" * 30
    assert BREAK in drawable("x" * 30)
    assert all(not piece.startswith(("\u094d", "\u093f")) for piece in drawable("क्षत्रि" * 20).split(BREAK))
    assert drawable(" a \n\n b ", keep_lines=True) == "a\n\nb"
