"""Rounding, splitting, reading and writing of rupees (domain §2 and §5)."""

import re
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.kit.money import (
    AMOUNT_PATTERN,
    MAX_AMOUNT,
    NotAnAmount,
    checked_amount,
    format_inr,
    half_percent_of,
    in_paise,
    parse_amount,
    percent_of,
    round_to_paise,
    round_to_rupee,
    rupees,
)

D = Decimal
amounts = st.decimals(min_value=-MAX_AMOUNT, max_value=MAX_AMOUNT, places=2, allow_nan=False)
any_decimal = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        [D("1e400"), D("-1e400"), D("1e-400"), D("1e999999"), D("0e999999"), D("sNaN"), D("-0"), D("1e-999999999")]
    ),
)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("2.675", "2.68"),
        ("1.004999", "1.00"),
        ("-0.001", "0.00"),
        ("7", "7.00"),
    ],
)
def test_rounding_is_half_up_away_from_zero(value: str, rounded: str) -> None:
    assert str(round_to_paise(D(value))) == rounded


def test_rounding_does_not_depend_on_the_callers_context() -> None:
    with localcontext() as context:
        context.prec = 3
        assert round_to_paise(D("12345678901234.565")) == D("12345678901234.57")
        assert percent_of(D("99999999999999.99"), D(18)) == D("18000000000000.00")


def test_named_shares() -> None:
    assert half_percent_of(D("33.33"), D(5)) == D("0.83")
    assert percent_of(D("33.33"), D(5)) == D("1.67")
    assert round_to_rupee(D("1179.50")) == D("1180.00")
    assert in_paise(D("1234.56")) == 123456
    assert rupees("12.345") == D("12.35")
    with pytest.raises(ValueError, match="not an amount"):
        rupees("NaN")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("NaN", "NOT_A_NUMBER"), ("sNaN", "NOT_A_NUMBER"), ("Infinity", "NOT_A_NUMBER"), ("1e400", "TOO_LARGE"),
        ("100000000000000", "TOO_LARGE"), ("99999999999999.995", "TOO_LARGE"), ("-1", "NEGATIVE"),
        ("-0.001", "NEGATIVE"),
    ],
)  # fmt: skip
def test_unusable_amounts_are_named(value: str, code: str) -> None:
    checked = checked_amount("tds", D(value))
    assert checked.error is not None
    assert (checked.error.field, checked.error.code, checked.value) == ("tds", code, D(0))


def test_more_than_two_decimals_are_rounded_with_a_warning() -> None:
    checked = checked_amount("tds", D("10.125"))
    assert checked.error is None
    assert checked.warning is not None
    assert (str(checked.value), checked.warning.code, checked.warning.rejected) == ("10.13", "ROUNDED", "10.125")


def test_trailing_zeros_are_no_reason_to_warn() -> None:
    assert checked_amount("tds", D("10.1000")).warning is None


def test_a_zero_with_a_huge_exponent_is_zero() -> None:
    checked = checked_amount("tds", D("0e400"))
    assert (checked.error, str(checked.value)) == (None, "0.00")


@given(any_decimal, st.booleans())
def test_checking_never_raises_and_always_gives_paise(value: Decimal, negative: bool) -> None:
    checked = checked_amount("x", value, may_be_negative=negative)
    assert checked.value.as_tuple().exponent == -2
    assert abs(checked.value) <= MAX_AMOUNT
    assert checked.error is None or len(checked.error.rejected or "") <= 41


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00"), ("999", "999.00"), ("1000", "1,000.00"), ("123456.78", "1,23,456.78"),
        ("-100000", "-1,00,000.00"),
        ("12345678901234.5", "1,23,45,67,89,01,234.50"), ("-0.001", "0.00"),
    ],
)  # fmt: skip
def test_indian_grouping(value: str, text: str) -> None:
    assert format_inr(D(value)) == text


def test_the_rupee_sign_stands_after_the_minus() -> None:
    assert format_inr(D(-123456), symbol=True) == "-₹1,23,456.00"


@given(amounts)
def test_what_is_written_can_be_read_back(value: Decimal) -> None:
    assert parse_amount(format_inr(value)) == value
    assert parse_amount(format_inr(value, symbol=True)) == value
    assert parse_amount(f"{value:,.2f}") == value
    assert parse_amount(f"{value:f}") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,23,456.78", "123456.78"), ("123,456.78", "123456.78"), ("₹1,000", "1000"), ("₹ 1,000.5", "1000.5"),
        ("Rs.500", "500"), ("Rs 500/-", "500"), ("rs. 12.50", "12.50"), ("INR 7", "7"), ("1234/-", "1234"),
        ("100.00 Dr", "100.00"), ("100.00 Cr", "-100.00"), ("100Cr.", "-100"), ("(1,234.00)", "-1234.00"),
        ("(₹1,234.00)", "-1234.00"), ("-5", "-5"), ("- 5", "-5"), ("₹-5", "-5"), ("+5", "5"), (".50", "0.50"),
        ("5.", "5"), ("  42\u00a0", "42"), ("00012", "12"),
    ],
)  # fmt: skip
def test_amounts_as_people_write_them(text: str, value: str) -> None:
    assert parse_amount(text) == D(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "NOT_AN_AMOUNT"), ("-", "NOT_AN_AMOUNT"), ("abc", "NOT_AN_AMOUNT"), ("1 234", "NOT_AN_AMOUNT"),
        ("12,34", "AMOUNT_GROUPING"), ("1.234,56", "AMOUNT_GROUPING"), ("1,2,3", "AMOUNT_GROUPING"),
        ("1.23E+05", "AMOUNT_EXPONENT"), ("1e400", "AMOUNT_EXPONENT"), ("NaN", "NOT_AN_AMOUNT"),
        ("$5", "NOT_AN_AMOUNT"),
        ("(5", "NOT_AN_AMOUNT"), ("5)", "NOT_AN_AMOUNT"), ("-5 Cr", "NOT_AN_AMOUNT"), ("(-5)", "NOT_AN_AMOUNT"),
        ("+-5", "NOT_AN_AMOUNT"), ("५००", "NOT_AN_AMOUNT"), ("9" * 65, "NOT_AN_AMOUNT"), ("5\x00", "NOT_AN_AMOUNT"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_said_to_be_none(text: str, code: str) -> None:
    with pytest.raises(NotAnAmount) as caught:
        parse_amount(text)
    assert caught.value.code == code


@given(st.text(max_size=80))
def test_reading_either_gives_a_finite_amount_or_says_no(text: str) -> None:
    try:
        value = parse_amount(text)
    except NotAnAmount:
        return
    assert value.is_finite()


def test_the_pattern_has_no_look_around() -> None:
    assert not re.search(r"\(\?(?:=|!|<=|<!)", AMOUNT_PATTERN)
