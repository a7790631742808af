"""Numbers for rows that have none: one block for each chunk, gapless and in file order (domain §6)."""

from typing import Final

import polars as pl

from hundi.db.pool import Transaction
from hundi.gst.numbers import SeriesExhausted, SeriesParts, series_parts
from hundi.imports import queries
from hundi.imports.facts import Rules
from hundi.imports.queries import Registration
from hundi.imports.verdict import Verdict
from hundi.invoices.errors import NoSeries
from hundi.kit.errors import FieldProblem

_NEXT: Final = "SELECT next_number($1, $2, $3::smallint, $4)"


async def number(tx: Transaction, verdict: Verdict, rules: Rules) -> None:
    """Give numbers to the fresh rows that have none, in this transaction; rows without a series fail.

    The counter is taken under its row's lock and goes back with the transaction, so an abandoned chunk leaves no gap.
    """
    by_id = {one.registration_id: one for one in rules.registrations}
    rows = verdict.rows
    waiting = rows.with_row_index("at").filter(verdict.fresh() & rows["invoiceNumber"].is_null())
    used = set(rows["number_key"].drop_nulls())
    given: dict[int, str] = {}
    for (registration_id, fy), group in waiting.group_by("registration_id", "fy", maintain_order=True):
        registration = by_id[str(registration_id)]
        if registration.series_id is None or registration.pattern is None:
            for at in group["at"]:
                sentence = str(NoSeries.__doc__)
                verdict.notes.error(at, FieldProblem("invoiceNumber", NoSeries.code, sentence))
            continue
        parts = series_parts(registration.pattern, int(fy))
        found = await _take(tx, registration, parts, int(fy), group.height, used)
        given.update(zip(group["at"], found, strict=False))
        for at in group["at"][len(found) :]:
            sentence = str(SeriesExhausted.__doc__)
            verdict.notes.error(at, FieldProblem("invoiceNumber", SeriesExhausted.code, sentence))
    if given:
        places = pl.Series(sorted(given), dtype=pl.UInt32)
        texts = pl.Series([given[at] for at in sorted(given)], dtype=pl.String)
        verdict.rows = rows.with_columns(
            rows["invoiceNumber"].scatter(places, texts), rows["number_key"].scatter(places, texts.str.to_uppercase())
        )


async def _take(
    tx: Transaction, registration: Registration, parts: SeriesParts, fy: int, count: int, used: set[str]
) -> list[str]:
    """Take ``count`` numbers, passing over those that somebody typed by hand; fewer when the series ends."""
    found: list[str] = []
    while len(found) < count:
        wanted = count - len(found)
        first = await tx.fetchval(_NEXT, tx.seller_id, registration.series_id, fy, wanted)
        last = min(first + wanted - 1, parts.highest)
        block = [f"{parts.prefix}{n:0{parts.width or 1}d}{parts.suffix}" for n in range(first, last + 1)]
        keys = [text.upper() for text in block]
        taken = await queries.taken_numbers(tx, registration.registration_id, fy, keys) | used
        found += [text for text in block if text.upper() not in taken]
        if first + wanted - 1 > parts.highest:
            break
    return found
