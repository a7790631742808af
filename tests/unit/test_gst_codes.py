"""Units, HSN and SAC, rates by date, kinds of GSTIN, PAN letters (contract b2b §4.1, §9.1, §9.3, §9.5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.gst.hsn import SERVICE_HEADINGS, hsn_problem, is_hsn
from hundi.gst.numbers import fits_rule_46b, number_warnings
from hundi.gst.rates import LISTED_RATES, is_listed, rates_on, was_ever_listed
from hundi.gst.units import UNITS, find_unit
from hundi.kit.gstin import NotAGstin, TaxIdKind, gstin_with_check, pan_fits, read_gstin

D = Decimal


def test_there_are_45_units() -> None:
    assert len(UNITS) == 45
    assert all(find_unit(code) == code for code in UNITS)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Nos", "NOS"), ("nos.", "NOS"), ("No", "NOS"), ("Kg", "KGS"), ("kgs", "KGS"), ("Pcs", "PCS"), ("piece", "PCS"),
        ("sq. ft", "SQF"), ("Sq Mtr", "SQM"), ("sqmtr", "SQM"), ("Ltr", "LTR"), ("litres", "LTR"), ("MT", "MTS"),
        ("Tonnes", "TON"), ("box", "BOX"), ("KGS-KILOGRAMS", "KGS"), ("kgs - kilograms", "KGS"), ("XYZ-NOTHING", None),
        ("", None), ("hours", None), ("k" * 100_000, None), ("Each", "UNT"), ("dozen", "DOZ"), ("mtr", "MTR"),
    ],
)  # fmt: skip
def test_units_as_people_write_them(written: str, code: str | None) -> None:
    assert find_unit(written) == code


@given(st.text(max_size=45))
def test_a_unit_is_one_of_the_45_or_none(text: str) -> None:
    assert find_unit(text) in {None, *UNITS}


@pytest.mark.parametrize(
    ("code", "service", "problem"),
    [
        ("7318", False, None), ("731815", False, None), ("73181500", False, None), ("9954", True, None),
        ("998313", True, None), ("0101", False, None), ("9804", False, None),
        ("", False, "HSN_FORMAT"), ("73", False, "HSN_FORMAT"), ("73181", False, "HSN_FORMAT"),
        ("7318150", False, "HSN_FORMAT"), ("0000", False, "HSN_FORMAT"), ("00000000", True, "HSN_FORMAT"),
        ("73A8", False, "HSN_FORMAT"), ("७३१८", False, "HSN_FORMAT"), ("7318\n", False, "HSN_FORMAT"),
        ("0001", False, "HSN_CHAPTER_UNKNOWN"), ("7701", False, "HSN_CHAPTER_UNKNOWN"),
        ("998313", False, "HSN_NOT_GOODS"), ("7318", True, "HSN_NOT_A_SERVICE"), ("9950", True, "SAC_HEADING_UNKNOWN"),
    ],
)  # fmt: skip
def test_codes_of_goods_and_services(code: str, service: bool, problem: str | None) -> None:
    found = hsn_problem("hsnCode", code, is_service=service)
    assert (found and found.code) == problem
    assert found is None or found.field == "hsnCode"
    assert is_hsn(code) is (problem != "HSN_FORMAT")


def test_service_headings_are_of_chapter_99() -> None:
    assert all(heading.startswith("99") and is_hsn(heading) for heading in SERVICE_HEADINGS)


@pytest.mark.parametrize(
    ("rate", "day", "listed"),
    [
        ("40", "2025-09-21", False), ("40", "2025-09-22", True), ("28", "2025-09-22", True), ("28", "2026-01-31", True),
        ("28", "2026-02-01", False), ("12", "2025-09-21", True), ("12", "2026-11-22", True), ("18", "2017-07-01", True),
        ("18.00", "2026-11-22", True), ("0", "2026-11-22", True), ("9", "2026-11-22", False), ("6", "2022-03-31", False),
        ("6", "2022-04-01", True), ("0.25", "2026-11-22", True), ("3", "2026-11-22", True), ("5", "2017-06-30", False),
    ],
)  # fmt: skip
def test_rates_are_listed_by_date(rate: str, day: str, listed: bool) -> None:
    assert is_listed(D(rate), date.fromisoformat(day)) is listed
    assert (D(rate) in rates_on(date.fromisoformat(day))) is listed


def test_every_rate_says_where_it_is_from_and_notes_may_use_those_of_the_past() -> None:
    assert all(len(rate.source) > 20 for rate in LISTED_RATES)
    assert was_ever_listed(D(28))
    assert not was_ever_listed(D(17))


@pytest.mark.parametrize(
    ("first14", "kind"),
    [
        ("07DELH01234A1Z", TaxIdKind.GOVERNMENT),
        ("07DELH01234A0Z", TaxIdKind.GOVERNMENT),
        ("07DELH01234A1D", TaxIdKind.TDS),
    ],
)
def test_government_departments_have_a_tan_inside(first14: str, kind: TaxIdKind) -> None:
    read = read_gstin(gstin_with_check(first14))
    assert (read.kind, read.pan) == (kind, None)


@pytest.mark.parametrize("number", ["02AMBPG7773M002", "01AMBPG7773M002", "29AAACD1234E1Z0"])
def test_made_up_numbers_pass_in_a_sandbox_only(number: str) -> None:
    with pytest.raises(NotAGstin):
        read_gstin(number)
    assert read_gstin(number, sandbox=True).kind is TaxIdKind.SANDBOX


@pytest.mark.parametrize(
    ("number", "code"),
    [("02AMBPG7773M00", "GSTIN_FORMAT"), ("2AAMBPG7773M002", "GSTIN_FORMAT"), ("96AMBPG7773M002", "GSTIN_STATE")],
)
def test_even_a_sandbox_wants_fifteen_characters_and_a_state(number: str, code: str) -> None:
    with pytest.raises(NotAGstin) as refused:
        read_gstin(number, sandbox=True)
    assert refused.value.code == code


def test_a_real_number_keeps_its_kind_in_a_sandbox() -> None:
    assert read_gstin("27AAPFU0939F1ZV", sandbox=True).kind is TaxIdKind.REGULAR


@pytest.mark.parametrize(
    ("pan", "kind", "fits"),
    [
        ("AAACD1234E", "COMPANY", True), ("AAAPD1234E", "COMPANY", False), ("AAAPD1234E", "SOLE PROP", True),
        ("AAACD1234E", "SOLE PROP", False), ("aaafd1234e", "LLP", True), ("AAAFD1234E", "PARTNERSHIP FIRM", True),
        ("AAAGD1234E", "GOVERNEMNT AGENCY", True), ("AAAXD1234E", "COMPANY", False), ("", "HUF", False),
        ("AAACD1234E", "CLUB", None),
    ],
)  # fmt: skip
def test_the_fourth_letter_of_a_pan_is_that_of_its_holder(pan: str, kind: str, fits: bool | None) -> None:
    assert pan_fits(pan, kind) is fits


@given(st.text("aZ09/- _अ\n", max_size=18))
def test_rule_46b_is_told_the_same_way_twice(number: str) -> None:
    """The yes or no of documents and the warnings of invoices are one rule; the first character is the portal's alone."""
    codes = {problem.code for problem in number_warnings(number)} - {"NUMBER_START"}
    assert fits_rule_46b(number) is (number != "" and not codes)
