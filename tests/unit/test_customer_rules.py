"""Rules of customers and their reminders on plain values (domain §1; contract §3.3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.customers import accounts, queries
from hundi.customers.rules import STATUS_MOVES, CustomerStatus, next_run, usual_treatment
from hundi.http import etag
from hundi.invoices.rules import APPROVED, OPEN_STATUSES
from hundi.kit.dates import IST
from hundi.kit.errors import Invalid
from hundi.kit.keys import Keyring, SealBroken

NOW = datetime(2026, 11, 16, 4, 30, tzinfo=UTC)  # 10:00 in India
TODAY = date(2026, 11, 16)


def run(
    *due: date, kind: str | None = "ONCE", difference: int | None = 0, interval: int | None = None,
    at: str | None = "18:00", now: datetime = NOW,
) -> date | None:  # fmt: skip
    return next_run(reminder_type=kind, difference=difference, interval=interval, time=at, due_dates=due, now=now)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("due", "rule", "wanted"),
    [
        ([], {}, None),
        (["2026-11-20"], {}, "2026-11-20"),
        (["2026-11-20"], {"difference": None}, "2026-11-20"),
        (["2026-11-20"], {"difference": -3}, "2026-11-17"),
        (["2026-11-20"], {"difference": 5}, "2026-11-25"),
        (["2026-11-20", "2026-11-18"], {}, "2026-11-18"),
        # On the day itself it runs while its time is to come.
        (["2026-11-16"], {}, "2026-11-16"),
        (["2026-11-16"], {"at": "10:01"}, "2026-11-16"),
        (["2026-11-16"], {"at": "10:00"}, None),
        (["2026-11-16"], {"at": None}, None),
        (["2026-11-16"], {"at": "09:00", "kind": "RECURRING", "interval": 7}, "2026-11-23"),
        # What has passed is not made up for.
        (["2026-11-10"], {}, None),
        (["2026-11-20"], {"difference": -10}, None),
        (["2026-11-10"], {"kind": "RECURRING", "interval": 3}, "2026-11-16"),
        (["2026-11-11"], {"kind": "RECURRING", "interval": 3}, "2026-11-17"),
        (["2026-11-11"], {"kind": None, "interval": 3}, "2026-11-17"),
        (["2026-11-11"], {"kind": "ONCE", "interval": 3}, None),
        (["2026-11-11"], {"kind": "RECURRING", "interval": 0}, None),
        (["2026-11-11", "2026-11-10"], {"kind": "RECURRING", "interval": 3}, "2026-11-16"),
        (["1990-01-01"], {"kind": "RECURRING", "interval": 1}, "2026-11-16"),
    ],
)  # fmt: skip
def test_when_a_reminder_runs_next(due: list[str], rule: dict[str, object], wanted: str | None) -> None:
    assert run(*(day(one) for one in due), **rule) == (day(wanted) if wanted else None)  # type: ignore[arg-type]  # a table


def test_the_day_is_that_of_india() -> None:
    late = datetime(2026, 11, 15, 20, 0, tzinfo=UTC)  # 01:30 of the 16th in India
    assert run(TODAY, now=late) == TODAY
    assert run(day("2026-11-15"), now=late) is None


@given(
    dues=st.lists(st.dates(date(2020, 1, 1), date(2030, 1, 1)), min_size=1, max_size=5),
    difference=st.integers(-60, 60),
    interval=st.integers(1, 90),
    minute=st.integers(0, 1439),
    now=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - zone follows
)
def test_a_recurring_reminder_runs_on_the_first_of_its_days_that_is_to_come(
    dues: list[date], difference: int, interval: int, minute: int, now: datetime
) -> None:
    at = f"{minute // 60:02d}:{minute % 60:02d}"
    found = run(*dues, kind="RECURRING", difference=difference, interval=interval, at=at, now=now)
    assert found is not None

    def to_come(one: date) -> bool:
        return datetime.combine(one, time(minute // 60, minute % 60), IST) > now.replace(second=0, microsecond=0)

    days = {due + timedelta(days=difference + interval * n) for due in dues for n in range(4000)}
    assert found in days
    assert to_come(found)
    assert not any(to_come(one) for one in days if one < found)


def test_what_is_reminded_of_is_what_invoices_call_open_and_approved() -> None:
    assert set(queries.REMINDED_STATUSES) == {status.value for status in OPEN_STATUSES}
    assert set(queries.REMINDED_APPROVALS) == {status.value for status in APPROVED}


def test_the_usual_treatment() -> None:
    assert usual_treatment("27ABCPE1234F1Z5", "27") == "REGISTERED"
    assert usual_treatment(None, "96") == "OVERSEAS"
    assert usual_treatment(None, "27") == usual_treatment(None, None) == "UNREGISTERED"


def test_every_pair_of_statuses() -> None:
    for one in CustomerStatus:
        for other in CustomerStatus:
            assert (other in STATUS_MOVES[one]) == (one is not other)


# ------------------------------------------------------------------ account numbers

OLD, NEW = "an old secret key of the tests, long enough", "a new secret key of the tests, long enough"


def test_an_account_number_is_masked_and_bound_to_its_row() -> None:
    ring = Keyring([NEW])
    kept = accounts.sealed(ring, "CEKAAAAAAA", "KC1", "AB1234567890")
    assert accounts.masked(ring, "CEKAAAAAAA", "KC1", kept) == "XXXXXXXX7890"
    assert accounts.opened(ring, "CEKAAAAAAA", "KC1", None) is None
    with pytest.raises(SealBroken):
        accounts.opened(ring, "CEKAAAAAAA", "KC2", kept)


def test_the_hash_finds_in_any_case_within_one_seller_and_after_a_change_of_key() -> None:
    stored = accounts.lookup_hash(Keyring([OLD]), "CEKAAAAAAA", "AB1234567890")
    both = Keyring([NEW, OLD])
    assert stored in accounts.lookup_hashes(both, "CEKAAAAAAA", "ab1234567890")
    assert stored not in accounts.lookup_hashes(both, "CEKBBBBBBB", "AB1234567890")
    assert stored not in accounts.lookup_hashes(Keyring([NEW]), "CEKAAAAAAA", "AB1234567890")
    assert len(accounts.lookup_hashes(both, "CEKAAAAAAA", "AB1234567890")) == 2
    assert b"1234567890" not in stored


# ------------------------------------------------------------------ ETag and If-Match


@pytest.mark.parametrize("header", [None, "*", " * ", '"3"', '"1", "3"', '"3","x"', 'W/"9", "3"'])
def test_a_version_fits(header: str | None) -> None:
    etag.version_check(header)(3)


@pytest.mark.parametrize("header", ['"2"', 'W/"3"', '"03"', '"x"', '""'])
def test_a_version_is_stale(header: str) -> None:
    with pytest.raises(etag.StaleVersion) as refused:
        etag.version_check(header)(3)
    assert refused.value.headers == {"ETag": '"3"'}


@pytest.mark.parametrize("header", ["3", '"3', "", ",", '"3",', '"3" "4"', 'w/"3"', '"a b"', '"' + "x" * 1000 + '"'])
def test_what_is_no_list_of_tags_is_refused_before_anything_is_read(header: str) -> None:
    with pytest.raises(Invalid):
        etag.version_check(header)
