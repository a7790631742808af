"""Instants, business dates, financial years and the date forms of files (domain §1 and §5)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.kit.dates import (
    DateStyle,
    NotADate,
    financial_year,
    format_instant,
    format_plain,
    fy_compact,
    fy_long,
    fy_short,
    ist_date,
    parse_date,
    parse_file_date,
    parse_instant,
    start_of_day,
)

days = st.dates(date(1900, 1, 1), date(2200, 12, 31))
instants = st.datetimes(datetime(1900, 1, 2), datetime(2200, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2026, 3, 31), 2025), (date(2026, 4, 1), 2026), (date(2027, 3, 31), 2026),
        (datetime(2026, 3, 31, 20, tzinfo=UTC), 2026), (datetime(2026, 3, 31, 18, 29, 59, tzinfo=UTC), 2025),
        (datetime(2026, 3, 31, 18, 30, tzinfo=UTC), 2026),
    ],
)  # fmt: skip
def test_the_financial_year_turns_at_indian_midnight(day: date, year: int) -> None:
    assert financial_year(day) == year


def test_a_naive_instant_has_no_day() -> None:
    with pytest.raises(ValueError, match="zone"):
        financial_year(datetime(2026, 4, 1))  # noqa: DTZ001 - the point of the test


@given(days)
def test_a_day_lies_in_its_financial_year(day: date) -> None:
    year = financial_year(day)
    assert date(year, 4, 1) <= day <= date(year + 1, 3, 31)


def test_year_labels() -> None:
    assert (fy_compact(2026), fy_short(2026), fy_long(2026)) == ("2627", "26-27", "2026-27")
    assert (fy_compact(2099), fy_short(2099), fy_long(2099)) == ("9900", "99-00", "2099-00")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-31T20:00:00Z", "2026-03-31T20:00:00+00:00"),
        ("2026-04-01T01:30:00+05:30", "2026-03-31T20:00:00+00:00"),
        ("2026-04-01T01:30:00", "2026-03-31T20:00:00+00:00"), ("2026-04-01 01:30:00", "2026-03-31T20:00:00+00:00"),
        ("2026-04-01T01:30:00.125", "2026-03-31T20:00:00.125+00:00"), ("2026-04-01", "2026-03-31T18:30:00+00:00"),
        ("2026-04-01t01:30:00z", "2026-04-01T01:30:00+00:00"),
        ("2026-04-01T01:30:00.123456789Z", "2026-04-01T01:30:00.123456+00:00"),
        ("2026-04-01T01:30:00-08:00", "2026-04-01T09:30:00+00:00"),
    ],
)  # fmt: skip
def test_wire_forms_of_an_instant(text: str, instant: str) -> None:
    read = parse_instant(text)
    assert read == datetime.fromisoformat(instant)
    assert read.utcoffset() == timedelta(0)


def test_a_date_time_given_for_a_date_is_its_day_in_india() -> None:
    assert parse_date("2026-03-31T20:00:00Z") == date(2026, 4, 1)
    assert parse_date("2026-03-31") == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("31-02-2026", "DATE_FORMAT"), ("2026-02-31", "DATE_IMPOSSIBLE"), ("2026-13-01", "DATE_IMPOSSIBLE"),
        ("2026-04-01T24:00:00", "DATE_IMPOSSIBLE"), ("2026-04-01T10:00:00+24:00", "DATE_IMPOSSIBLE"),
        ("1899-12-31", "DATE_OUT_OF_RANGE"), ("2201-01-01", "DATE_OUT_OF_RANGE"), ("", "DATE_FORMAT"),
        ("2026-04-01\n", "DATE_FORMAT"), ("2026-4-1", "DATE_FORMAT"), ("20260401", "DATE_FORMAT"),
        ("2026-04-01T10:00", "DATE_FORMAT"), ("२०२६-०४-०१", "DATE_FORMAT"),
        ("2200-12-31T23:59:00-10:00", "DATE_OUT_OF_RANGE"),
    ],
)  # fmt: skip
def test_wire_forms_that_are_refused(text: str, code: str) -> None:
    with pytest.raises(NotADate) as caught:
        parse_date(text)
    assert caught.value.code == code


@given(instants)
def test_what_is_written_can_be_read_back(instant: datetime) -> None:
    millis = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    assert parse_instant(format_instant(instant)) == millis
    assert parse_instant(format_plain(instant)) == instant.replace(microsecond=0)


@given(days)
def test_days_begin_in_india(day: date) -> None:
    assert ist_date(start_of_day(day)) == day
    assert ist_date(start_of_day(day) - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert parse_date(day.isoformat()) == day


def test_output_forms() -> None:
    instant = datetime(2026, 11, 30, 4, 45, 0, 250_000, tzinfo=UTC)
    assert format_instant(instant) == "2026-11-30T10:15:00.250+05:30"
    assert format_instant(instant.replace(microsecond=0)) == "2026-11-30T10:15:00+05:30"
    assert format_plain(instant) == "2026-11-30 10:15:00"


WRITTEN = {
    DateStyle.ISO: "%Y-%m-%d",
    DateStyle.SLASHES: "%d/%m/%Y",
    DateStyle.DASHES: "%d-%m-%Y",
    DateStyle.DOTS: "%d.%m.%Y",
    DateStyle.MONTH_NAME: "%d-%b-%Y",
    DateStyle.COMPACT: "%Y%m%d",
}


@given(days, st.sampled_from(list(WRITTEN)))
def test_every_style_reads_what_it_shows(day: date, style: DateStyle) -> None:
    text = day.strftime(WRITTEN[style])
    assert parse_file_date(text, style) == day


@given(st.dates(date(1927, 5, 18), date(2200, 12, 31)))
def test_serial_numbers_of_spreadsheets(day: date) -> None:
    serial = str((day - date(1899, 12, 30)).days)
    assert parse_file_date(serial, DateStyle.SERIAL) == day
    assert parse_file_date(serial + ".75", DateStyle.SERIAL) == day


@pytest.mark.parametrize(
    ("text", "style", "day"),
    [
        ("1-Apr-26", DateStyle.MONTH_NAME, date(2026, 4, 1)), ("01 SEPT 2026", DateStyle.MONTH_NAME, date(2026, 9, 1)),
        ("1/4/26", DateStyle.SLASHES, date(2026, 4, 1)), (" 03/04/2026 ", DateStyle.SLASHES, date(2026, 4, 3)),
        ("99", DateStyle.SERIAL, None), ("2026-03-31T20:00:00Z", DateStyle.ISO, date(2026, 4, 1)),
        ("2026-04-01T01:30:00", DateStyle.ISO, date(2026, 4, 1)), ("45992", DateStyle.SERIAL, date(2025, 12, 1)),
    ],
)  # fmt: skip
def test_particular_cells(text: str, style: DateStyle, day: date | None) -> None:
    if day is None:
        with pytest.raises(NotADate):
            parse_file_date(text, style)
    else:
        assert parse_file_date(text, style) == day


@pytest.mark.parametrize(
    ("text", "style", "code"),
    [
        ("31-02-2026", DateStyle.DASHES, "DATE_IMPOSSIBLE"), ("03/25/2026", DateStyle.SLASHES, "DATE_IMPOSSIBLE"),
        ("01-04-2026", DateStyle.SLASHES, "DATE_FORMAT"), ("1-Foo-26", DateStyle.MONTH_NAME, "DATE_FORMAT"),
        ("01/04/1850", DateStyle.SLASHES, "DATE_OUT_OF_RANGE"), ("999999", DateStyle.SERIAL, "DATE_OUT_OF_RANGE"),
        ("20261301", DateStyle.COMPACT, "DATE_IMPOSSIBLE"),
    ],
)  # fmt: skip
def test_cells_that_are_refused(text: str, style: DateStyle, code: str) -> None:
    with pytest.raises(NotADate) as caught:
        parse_file_date(text, style)
    assert caught.value.code == code


@given(st.text(max_size=40), st.sampled_from(list(DateStyle)))
def test_any_text_is_a_date_or_is_refused(text: str, style: DateStyle) -> None:
    for read in (parse_date, lambda cell: parse_file_date(cell, style)):
        try:
            day = read(text)
        except NotADate:
            continue
        assert date(1900, 1, 1) <= day <= date(2200, 12, 31)


def test_only_a_file_is_told_that_the_day_comes_first() -> None:
    with pytest.raises(NotADate, match=r"^There is no day 29 of month 02 in 2027\.$"):
        parse_date("2027-02-29")
    with pytest.raises(NotADate, match=r"in 2027\. Dates are read day first\.$"):
        parse_file_date("02/28/2027", DateStyle.SLASHES)
    with pytest.raises(NotADate, match=r"in 2027\.$"):
        parse_file_date("20270229", DateStyle.COMPACT)
