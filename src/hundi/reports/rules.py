"""The ages of open items: how long after its due date an invoice is still not paid (domain §4)."""

from datetime import date
from typing import Final

import msgspec


class Bucket(msgspec.Struct, frozen=True):
    """One column of the ageing: ``first`` to ``last`` days after the due date, both included; None has no end."""

    name: str
    heading: str
    first: int | None
    last: int | None


BUCKETS: Final = (
    Bucket("notDue", "Not due", None, 0),
    Bucket("days1To30", "1–30 days", 1, 30),
    Bucket("days31To60", "31–60 days", 31, 60),
    Bucket("days61To90", "61–90 days", 61, 90),
    Bucket("days91To180", "91–180 days", 91, 180),
    Bucket("daysOver180", "Over 180 days", 181, None),
)


def days_overdue(due: date, today: date) -> int:
    """Give the days after the due date, 0 while it is not past."""
    return max((today - due).days, 0)


def bucket_of(due: date, today: date) -> Bucket:
    """Give the bucket an item due on ``due`` falls into on ``today`` (both days in India)."""
    days = days_overdue(due, today)
    return next(bucket for bucket in BUCKETS if bucket.last is None or days <= bucket.last)
