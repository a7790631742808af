"""Document numbers, series, GST rates, place of supply and tax heads (domain §2 and §6)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.gst.numbers import (
    SeriesExhausted,
    check_series,
    number_error,
    number_key,
    number_warnings,
    render_number,
    series_parts,
)
from hundi.gst.rates import is_listed, rate_problem, rates_on
from hundi.gst.supply import (
    Heads,
    PlaceSource,
    SupplyType,
    head_problem,
    is_inter_state,
    is_sez_or_export,
    place_of_supply,
    tax_heads,
)
from hundi.kit.gstin import gstin_with_check

D = Decimal
TAMIL_NADU = gstin_with_check("33AAACD1234E1Z")
CENTRE = gstin_with_check("99AAACD1234E1Z")


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        ("INV/26-27/0001", []), ("A" * 16, []), ("A" * 17, ["NUMBER_OVER_16"]), ("INV 1", ["NUMBER_CHARACTERS"]),
        ("INV_1", ["NUMBER_CHARACTERS"]), ("INV-1\n", ["NUMBER_CHARACTERS"]), ("0001", ["NUMBER_START"]),
        ("/1", ["NUMBER_START"]), ("-1", ["NUMBER_START"]),
        ("0_" + "x" * 20, ["NUMBER_OVER_16", "NUMBER_CHARACTERS", "NUMBER_START"]),
        ("बिल-1", ["NUMBER_CHARACTERS"]),
    ],
)  # fmt: skip
def test_rule_46b_warnings(number: str, codes: list[str]) -> None:
    assert [problem.code for problem in number_warnings(number)] == codes


@pytest.mark.parametrize(
    ("number", "code"),
    [("", "NUMBER_LENGTH"), ("   ", "NUMBER_LENGTH"), ("x" * 51, "NUMBER_LENGTH"),
     ("a\x00b", "NUMBER_CONTROL_CHARACTERS"),
     ("a\nb", "NUMBER_CONTROL_CHARACTERS"), ("a\ud800", "NUMBER_CONTROL_CHARACTERS")],
)  # fmt: skip
def test_what_cannot_be_a_number(number: str, code: str) -> None:
    problem = number_error(number)
    assert problem is not None
    assert (problem.field, problem.code) == ("invoiceNumber", code)


def test_numbers_are_compared_upper_cased() -> None:
    assert number_error("inv-1") is None
    assert number_key("inv-1") == number_key("INV-1")


@pytest.mark.parametrize(
    ("pattern", "fy", "n", "number"),
    [
        ("INV/{26-27}/{n:4}", 2026, 42, "INV/26-27/0042"), ("INV/{26-27}/{n:4}", 2027, 42, "INV/27-28/0042"),
        ("A{2627}-{n}", 2026, 7, "A2627-7"), ("{2026-27}/{n:5}", 2099, 1, "2099-00/00001"),
        ("S-{n:3}/X", 2026, 999, "S-999/X"),
    ],
)  # fmt: skip
def test_series_write_numbers(pattern: str, fy: int, n: int, number: str) -> None:
    assert check_series(pattern) == []
    assert render_number(pattern, fy, n) == number
    parts = series_parts(pattern, fy)
    assert number == parts.prefix + str(n).zfill(parts.width) + parts.suffix


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("INV/{2026-27}/{n}", "SERIES_TOO_LONG"), ("INVOICE/{26-27}/{n:4}", "SERIES_TOO_LONG"),
        ("INV", "SERIES_COUNTER"),
        ("{n}{n}", "SERIES_COUNTER"), ("INV{x}{n}", "SERIES_TOKEN"), ("INV{n", "SERIES_TOKEN"),
        ("INV{n:0}", "SERIES_TOKEN"),
        ("{n:4}", "NUMBER_START"), ("/{n}", "NUMBER_START"), ("INV_{n}", "NUMBER_CHARACTERS"), ("", "SERIES_COUNTER"),
    ],
)  # fmt: skip
def test_series_that_are_refused(pattern: str, code: str) -> None:
    assert code in [problem.code for problem in check_series(pattern)]


def test_the_highest_number_decides_about_the_length() -> None:
    assert check_series("INVOI/26-27/{n}", highest=9999) == []
    assert [problem.code for problem in check_series("INVOI/26-27/{n}", highest=10_000)] == ["SERIES_TOO_LONG"]


def test_a_series_does_not_outgrow_its_width() -> None:
    assert render_number("A{n:2}", 2026, 99) == "A99"
    with pytest.raises(SeriesExhausted):
        render_number("A{n:2}", 2026, 100)
    with pytest.raises(SeriesExhausted):
        render_number("A{n:2}", 2026, 0)
    with pytest.raises(ValueError, match="no series pattern"):
        series_parts("A", 2026)


@given(st.text(alphabet="AZ09/-{}n:24672-", max_size=24), st.integers(2017, 2098))
def test_a_series_that_is_accepted_gives_only_good_numbers(pattern: str, fy: int) -> None:
    if check_series(pattern):
        return
    parts = series_parts(pattern, fy)
    for n in (1, parts.highest):
        assert number_error(render_number(pattern, fy, n)) is None
        assert number_warnings(render_number(pattern, fy, n)) == []
    assert render_number(pattern, fy, 1) != render_number(pattern, fy, 2)


@pytest.mark.parametrize(
    ("rate", "day", "listed"),
    [
        ("28", date(2025, 9, 21), True), ("28", date(2026, 1, 31), True), ("28", date(2026, 2, 1), False),
        ("40", date(2025, 9, 21), False), ("40", date(2025, 9, 22), True), ("12", date(2026, 11, 1), True),
        ("6", date(2022, 3, 31), False), ("6", date(2026, 11, 1), True), ("18.00", date(2026, 11, 1), True),
        ("17", date(2026, 11, 1), False), ("18", date(2017, 6, 30), False), ("NaN", date(2026, 11, 1), False),
        ("sNaN", date(2026, 11, 1), False), ("0.1", date(2026, 11, 1), True), ("7.5", date(2026, 11, 1), True),
    ],
)  # fmt: skip
def test_rates_are_dated(rate: str, day: date, listed: bool) -> None:
    assert (rate_problem("gstRate", D(rate), day) is None) is listed
    if D(rate).is_finite():
        assert is_listed(D(rate), day) is listed


def test_todays_slabs() -> None:
    assert [str(rate) for rate in rates_on(date(2026, 11, 1))] == [
        "0", "0.1", "0.25", "1", "1.5", "3", "5", "6", "7.5", "12", "18", "40",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rungs", "code", "source"),
    [
        (("27", "29", TAMIL_NADU, "07"), "27", PlaceSource.GIVEN),
        ((None, "KA", TAMIL_NADU, "07"), "29", PlaceSource.SHIP_TO),
        ((None, " ", TAMIL_NADU, "07"), "33", PlaceSource.GSTIN),
        ((None, None, None, "Delhi"), "07", PlaceSource.CUSTOMER),
        ((None, None, CENTRE, "07"), "07", PlaceSource.CUSTOMER),
        ((None, None, "rubbish", "07"), "07", PlaceSource.CUSTOMER),
        (("96", None, None, None), "96", PlaceSource.GIVEN),
    ],
)  # fmt: skip
def test_the_ladder_of_the_place_of_supply(
    rungs: tuple[str | None, str | None, str | None, str | None], code: str, source: PlaceSource
) -> None:
    place = place_of_supply(*rungs)
    assert place.state is not None
    assert (place.state.code, place.source, place.warnings) == (code, source, ())


def test_an_unreadable_or_unknown_place_is_warned_of() -> None:
    place = place_of_supply("Atlantis", None, None, "33")
    assert place.state is not None
    assert (place.state.code, [warning.code for warning in place.warnings]) == ("33", ["STATE_UNKNOWN"])
    nowhere = place_of_supply(None, None, None, None)
    assert (nowhere.state, [warning.code for warning in nowhere.warnings]) == (None, ["PLACE_OF_SUPPLY_UNKNOWN"])


@pytest.mark.parametrize(
    ("seller", "place", "border", "answer"),
    [
        ("33", "33", False, False), ("33", "27", False, True), ("33", "33", True, True), ("33", "96", False, True),
        (None, "33", False, None), ("33", None, False, None), (None, None, True, True), ("33", "97", False, True),
    ],
)  # fmt: skip
def test_inter_state(seller: str | None, place: str | None, border: bool, answer: bool | None) -> None:
    assert is_inter_state(seller, place, sez_or_export=border) is answer


def test_sez_and_export() -> None:
    assert is_sez_or_export(SupplyType.EXPWOP, None)
    assert is_sez_or_export(None, "SEZ")
    assert is_sez_or_export(None, "overseas")
    assert not is_sez_or_export(SupplyType.B2B, "SEZ")
    assert not is_sez_or_export(None, None)


def test_each_half_is_rounded_by_itself() -> None:
    assert tax_heads(D("33.33"), D(5), inter_state=False) == Heads(cgst=D("0.83"), sgst=D("0.83"))
    assert tax_heads(D("33.33"), D(5), inter_state=True) == Heads(igst=D("1.67"))


@given(
    st.decimals(min_value=0, max_value=D("99999999999999.99"), places=2, allow_nan=False),
    st.decimals(min_value=0, max_value=100, places=3, allow_nan=False),
)
def test_heads_are_never_off_by_more_than_a_paisa(taxable: Decimal, rate: Decimal) -> None:
    inside, across = tax_heads(taxable, rate, inter_state=False), tax_heads(taxable, rate, inter_state=True)
    assert inside.cgst == inside.sgst
    assert inside.igst == across.cgst == across.sgst == 0
    assert abs(inside.cgst + inside.sgst - across.igst) <= D("0.01")
    assert abs(across.igst * 100 - taxable * rate) <= D("0.5")


@pytest.mark.parametrize(
    ("heads", "inter", "field"),
    [
        (Heads(cgst=D(9), sgst=D(9)), True, "cgst"), (Heads(igst=D(18)), False, "igst"),
        (Heads(igst=D(18)), True, None),
        (Heads(cgst=D(9), sgst=D(9)), False, None), (Heads(), True, None), (Heads(igst=D(18)), None, None),
    ],
)  # fmt: skip
def test_heads_that_contradict_the_place(heads: Heads, inter: bool | None, field: str | None) -> None:
    problem = head_problem(heads, inter, "33")
    assert (problem.field if problem else None) == field
    assert problem is None or "Tamil Nadu" in problem.message
