"""Numbers for rows that have none: one block for each chunk, gapless and in file order (domain §6)."""

from typing import Final, Protocol

import polars as pl

from hundi.db.pool import Transaction
from hundi.gst.numbers import SeriesExhausted, SeriesParts, series_parts
from hundi.imports import lookups, queries
from hundi.imports.facts import Facts, Rules
from hundi.imports.lookups import EXISTING_SCHEMA
from hundi.imports.queries import Registration
from hundi.imports.verdict import Verdict
from hundi.invoices.errors import NoSeries
from hundi.kit.errors import FieldProblem

_NEXT: Final = "SELECT next_number($1, $2, $3::smallint, $4)"
_PEEK: Final = "SELECT next_value FROM number_counters WHERE seller_id = $1 AND series_id = $2 AND fy = $3"


class Source(Protocol):
    """Where numbers are taken from."""

    async def take(self, tx: Transaction, series_id: str, fy: int, count: int) -> int:
        """Take ``count`` numbers of a series and give the first."""
        ...

    def used(self, registration_id: str, fy: int, keys: list[str]) -> set[str]:
        """Tell which of these numbers the source itself knows to be used by the file."""
        ...


class Series:
    """The series themselves: the counter is locked until the transaction ends, and goes back with it."""

    async def take(self, tx: Transaction, series_id: str, fy: int, count: int) -> int:
        """Take numbers from the counter."""
        return int(await tx.fetchval(_NEXT, tx.seller_id, series_id, fy, count))

    def used(self, registration_id: str, fy: int, keys: list[str]) -> set[str]:
        """Know of none: what earlier chunks used stands in the database."""
        del registration_id, fy, keys
        return set()


class Preview:
    """What the series would give, with nothing taken: for dry runs, and before an atomic import is written."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], int] = {}
        self._written: list[pl.DataFrame] = []
        self._numbered = False

    async def take(self, tx: Transaction, series_id: str, fy: int, count: int) -> int:
        """Look at the counter once, and count on from there."""
        self._numbered = True
        first = self._next.get((series_id, fy))
        if first is None:
            first = int(await tx.fetchval(_PEEK, tx.seller_id, series_id, fy) or 1)
        self._next[series_id, fy] = first + count
        return first

    def used(self, registration_id: str, fy: int, keys: list[str]) -> set[str]:
        """Tell which of these numbers rows of earlier chunks have."""
        wanted = pl.Series(keys, dtype=pl.String).implode()
        found: set[str] = set()
        for frame in self._written:
            hits = frame.filter(
                (pl.col("registration_id") == registration_id)
                & (pl.col("fy") == fy)
                & pl.col("number_key").is_in(wanted)
            )
            found.update(hits["number_key"])
        return found

    def remember(self, verdict: Verdict) -> None:
        """Keep the numbers of the rows that would be written."""
        columns = ("registration_id", "fy", "number_key", "invoiceNumber", "invoice_id")
        self._written.append(verdict.rows.filter(verdict.fresh()).select(columns))

    def added_to(self, facts: Facts) -> Facts:
        """Add what earlier chunks would have written, as far as their numbers come from a series, to what was found.

        A typed number that a row above was given is a conflict then, as it will be when that row is written.
        """
        if not self._numbered:
            return facts
        wanted = facts.keys["number_key"].drop_nulls().implode()
        hits = [frame.filter(pl.col("number_key").is_in(wanted)) for frame in self._written]
        added = [
            frame.select(
                "registration_id", pl.col("fy").cast(pl.Int64), "number_key",
                pl.col("invoiceNumber").alias("invoice_number"), "invoice_id", pl.lit("").alias("content_hash"),
                pl.lit(value=False).alias("deleted"),
            )
            for frame in hits if frame.height
        ]  # fmt: skip
        if not added:
            return facts
        empty = pl.DataFrame(schema=EXISTING_SCHEMA)
        whole = pl.concat([facts.by_number, *added, empty], how="diagonal").select(*EXISTING_SCHEMA)
        return Facts(facts.keys, facts.customers, whole, facts.by_external_id, facts.by_id)


async def number(tx: Transaction, verdict: Verdict, rules: Rules, source: Source) -> None:
    """Give numbers to the fresh rows that have none, in this transaction; rows without a series fail.

    The counter is taken under its row's lock and goes back with the transaction, so an abandoned chunk leaves no gap.
    """
    await queries.plan_for_these_values(tx)
    by_id = {one.registration_id: one for one in rules.registrations}
    rows = verdict.rows
    waiting = rows.with_row_index("at").filter(verdict.fresh() & rows["invoiceNumber"].is_null())
    used = set(rows["number_key"].drop_nulls()) if waiting.height else set()
    given: dict[int, str] = {}
    for (registration_id, fy), group in waiting.group_by("registration_id", "fy", maintain_order=True):
        registration = by_id[str(registration_id)]
        if registration.series_id is None or registration.pattern is None:
            for at in group["at"]:
                sentence = str(NoSeries.__doc__)
                verdict.notes.error(at, FieldProblem("invoiceNumber", NoSeries.code, sentence))
            continue
        parts = series_parts(registration.pattern, int(fy))
        found = await _take(tx, registration, parts, int(fy), group.height, used, source)
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
    tx: Transaction,
    registration: Registration,
    parts: SeriesParts,
    fy: int,
    count: int,
    used: set[str],
    source: Source,
) -> list[str]:
    """Take ``count`` numbers, passing over those that somebody typed by hand; fewer when the series ends."""
    found: list[str] = []
    while len(found) < count:
        wanted = count - len(found)
        first = await source.take(tx, str(registration.series_id), fy, wanted)
        last = min(first + wanted - 1, parts.highest)
        block = [f"{parts.prefix}{n:0{parts.width or 1}d}{parts.suffix}" for n in range(first, last + 1)]
        keys = [text.upper() for text in block]
        taken = await lookups.taken_numbers(tx, registration.registration_id, fy, keys) | used
        taken |= source.used(registration.registration_id, fy, keys)
        found += [text for text in block if text.upper() not in taken]
        if first + wanted - 1 > parts.highest:
            break
    return found
