"""Number series: one for each registration and type of document, one of them the default (domain §6)."""

from datetime import date, datetime
from typing import Final

import msgspec

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.gst.numbers import check_series, render_number, series_parts
from hundi.kit.actor import Actor
from hundi.kit.dates import financial_year
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_id
from hundi.sellers.errors import SeriesExists, SeriesNotFound, SeriesRegistrationNotFound

MOST_PREVIEWED: Final = 100

_SELECT: Final = """
    SELECT s.series_id, s.registration_id, r.gstin, s.doc_type, s.pattern, s.is_default, s.created_at,
           coalesce(c.next_value, 1) AS next_value
      FROM number_series s
      JOIN registrations r ON r.seller_id = $1 AND r.registration_id = s.registration_id
      LEFT JOIN number_counters c ON c.seller_id = $1 AND c.series_id = s.series_id AND c.fy = $2
     WHERE s.seller_id = $1"""
_ALL: Final = _SELECT + " ORDER BY s.registration_id, s.doc_type, s.is_default DESC, s.series_id"
_ONE: Final = _SELECT + " AND s.series_id = $3"
# Who changes the series of a registration waits here for whoever else does: one default, and no pattern twice.
_LOCK_REGISTRATION: Final = """
    SELECT registration_id FROM registrations
     WHERE seller_id = $1 AND CASE WHEN $2::text IS NULL THEN is_default ELSE gstin = $2 END FOR UPDATE"""
_LOCK_OF: Final = "SELECT 1 FROM registrations WHERE seller_id = $1 AND registration_id = $2 FOR UPDATE"
_TAKEN: Final = """
    SELECT series_id FROM number_series
     WHERE seller_id = $1 AND registration_id = $2 AND doc_type = $3 AND upper(pattern) = upper($4)"""
_HAS_DEFAULT: Final = """
    SELECT 1 FROM number_series WHERE seller_id = $1 AND registration_id = $2 AND doc_type = $3 AND is_default"""
_UNSET: Final = """
    UPDATE number_series SET is_default = false
     WHERE seller_id = $1 AND registration_id = $2 AND doc_type = $3 AND is_default"""
_SET: Final = "UPDATE number_series SET is_default = true WHERE seller_id = $1 AND series_id = $2"
_INSERT: Final = """
    INSERT INTO number_series (seller_id, series_id, registration_id, doc_type, pattern, is_default, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_USED: Final = """
    SELECT number_key FROM invoices
     WHERE seller_id = $1 AND registration_id = $2 AND fy = $3 AND doc_type = $4 AND number_key = ANY ($5::text[])"""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A series; ``next_value`` is where its counter stands in the financial year that was asked for."""

    series_id: str
    registration_id: str
    gstin: str | None
    doc_type: str
    pattern: str
    is_default: bool
    created_at: datetime
    next_value: int


async def every(tx: Transaction, fy: int) -> list[Series]:
    """Give all series, with their counters in a financial year."""
    return [Series(**dict(row)) for row in await tx.fetch(_ALL, tx.seller_id, fy)]


async def one(tx: Transaction, series_id: str, fy: int) -> Series:
    """Give a series, or raise :class:`SeriesNotFound`."""
    found = await tx.fetchrow(_ONE, tx.seller_id, fy, series_id)
    if found is None:
        raise SeriesNotFound
    return Series(**dict(found))


async def create(
    tx: Transaction, who: Actor, *, pattern: str, doc_type: str, gstin: str | None, as_default: bool, today: date
) -> Series:
    """Set a series up for a registration (the default one without ``gstin``); the first of its type is the default.

    Raises :class:`Invalid` (400) with all that is wrong with the pattern, :class:`SeriesRegistrationNotFound` (404) and
    :class:`SeriesExists` (422).
    """
    problems = check_series(pattern)
    if problems:
        raise Invalid(problems=problems)
    registration = await tx.fetchval(_LOCK_REGISTRATION, tx.seller_id, gstin)
    if registration is None:
        message = "Send the GSTIN of one of your registrations, or leave it out for the default one."
        raise SeriesRegistrationNotFound(
            problems=[FieldProblem("registrationGstin", SeriesRegistrationNotFound.code, message, gstin)]
        )
    if await tx.fetchval(_TAKEN, tx.seller_id, registration, doc_type, pattern):
        message = "Two series of one pattern would give the same numbers: choose another prefix."
        raise SeriesExists(problems=[FieldProblem("pattern", SeriesExists.code, message, pattern[:40])])
    first = not await tx.fetchval(_HAS_DEFAULT, tx.seller_id, registration, doc_type)
    series_id = new_id("ser", tx.now)
    if as_default and not first:
        await tx.execute(_UNSET, tx.seller_id, registration, doc_type)
    is_default = as_default or first
    await tx.execute(_INSERT, tx.seller_id, series_id, registration, doc_type, pattern, is_default, tx.now)
    facts = {"registrationId": registration, "docType": doc_type, "pattern": pattern, "isDefault": is_default}
    await audit.record(tx, who, "series.create", kind="series", object_id=series_id, after=facts)
    await audit.emit(tx, "series.created", kind="series", object_id=series_id, data=facts)
    return await one(tx, series_id, financial_year(today))


async def make_default(tx: Transaction, who: Actor, series_id: str, today: date) -> Series:
    """Make a series the one that numbers come from; its counter goes on where it stood. Raises :class:`SeriesNotFound`."""
    fy = financial_year(today)
    found = await one(tx, series_id, fy)
    await tx.fetchval(_LOCK_OF, tx.seller_id, found.registration_id)
    found = await one(tx, series_id, fy)
    if found.is_default:
        return found
    await tx.execute(_UNSET, tx.seller_id, found.registration_id, found.doc_type)
    await tx.execute(_SET, tx.seller_id, series_id)
    facts = {"registrationId": found.registration_id, "docType": found.doc_type, "pattern": found.pattern}
    await audit.record(tx, who, "series.default", kind="series", object_id=series_id, after=facts)
    await audit.emit(tx, "series.made_default", kind="series", object_id=series_id, data=facts)
    return await one(tx, series_id, fy)


async def preview(tx: Transaction, series_id: str, on: date, count: int) -> list[str]:
    """Give the next numbers the series would give out on a day; none is taken by asking.

    Numbers somebody typed by hand are passed over, as they are when a number is taken. Fewer come where the series ends.
    """
    fy = financial_year(on)
    found = await one(tx, series_id, fy)
    highest = series_parts(found.pattern, fy).highest
    given: list[str] = []
    at = found.next_value
    while len(given) < count and at <= highest:
        last = min(at + count - 1, highest)
        block = [render_number(found.pattern, fy, n) for n in range(at, last + 1)]
        keys = [number.upper() for number in block]
        rows = await tx.fetch(_USED, tx.seller_id, found.registration_id, fy, found.doc_type, keys)
        used = {row["number_key"] for row in rows}
        given += [number for number in block if number.upper() not in used]
        at = last + 1
    return given[:count]


def sample(pattern: str, on: date) -> list[str]:
    """Give the first and the highest number a pattern makes in the year of a day; raises :class:`Invalid`."""
    problems = check_series(pattern)
    if problems:
        raise Invalid(problems=problems)
    fy = financial_year(on)
    return [render_number(pattern, fy, 1), render_number(pattern, fy, series_parts(pattern, fy).highest)]
