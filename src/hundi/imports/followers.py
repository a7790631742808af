"""Rows that bring further items of an invoice whose first row stands further up: they share what became of it."""

from typing import Final

import polars as pl

from hundi.imports.invoice_verdict import InvoiceVerdict
from hundi.imports.notes import Notes
from hundi.kit.errors import FieldProblem

INVOICE_FAILED: Final = "INVOICE_FAILED"


class FollowedVerdict(InvoiceVerdict):
    """The verdict on a chunk some of whose rows follow others; ``leaders`` has for those the place of the first row.

    A place of None means an earlier chunk; ``earlier`` has what became of such rows: whether it failed, number and id.
    """

    def __init__(
        self,
        of: InvoiceVerdict,
        rows: pl.DataFrame,
        notes: Notes,
        leaders: dict[int, tuple[int | None, int]],
        earlier: dict[int, tuple[bool, str | None, str]],
    ) -> None:
        super().__init__(rows, notes, of.items)
        self.dispatch_all = of.dispatch_all
        self.newcomers = of.newcomers
        self._leaders = leaders
        self._earlier = earlier
        self._follows = rows["follows"]
        self._places = (~self._follows).arg_true()
        self.follow()

    def let_go(self) -> None:
        """Keep everything: the next chunk may go on with these invoices."""

    def fresh(self) -> pl.Series:
        """Give the mask of rows to write: followers are no invoices."""
        return super().fresh() & ~self._follows

    def roll_back(self) -> None:
        """Let the invoices fail, and with them the rows that follow them."""
        super().roll_back()
        self._earlier = {row: (True, number, id_) for row, (_, number, id_) in self._earlier.items()}
        self.follow()

    def lines(self) -> None:
        """There is no second table: items stand in the rows themselves."""

    def follow(self) -> None:
        """Let the followers fail or succeed as their first rows have."""
        for at, (place, row) in self._leaders.items():
            failed = place in self.notes.errors if place is not None else self._earlier[row][0]
            if failed and at not in self.notes.errors:
                message = f"The first row of this invoice, row {row}, failed: see there."
                self.notes.error(at, FieldProblem("row", INVOICE_FAILED, message))

    def outcome(self) -> pl.DataFrame:
        """Give what the result files need of each row; an invoice's amount counts once, in its first row."""
        rows = super().outcome()
        places = list(self._leaders)
        if not places:
            return rows
        numbers, ids = rows["number"], rows["id"]
        theirs = [
            (numbers[place], ids[place]) if place is not None else self._earlier[row][1:]
            for place, row in self._leaders.values()
        ]
        at = pl.Series(places, dtype=pl.UInt32)
        return rows.with_columns(
            numbers.scatter(at, pl.Series([one[0] for one in theirs], dtype=pl.String)),
            ids.scatter(at, pl.Series([one[1] for one in theirs], dtype=pl.String)),
            pl.when(self._follows).then(0).otherwise(pl.col("amount")).alias("amount"),
            (pl.col("dispatch").fill_null(value=False) & ~self._follows).alias("dispatch"),
        )

    def keys(self) -> pl.DataFrame:
        """Give the keys of the invoices; followers repeat them rightly."""
        return (
            super()
            .keys()
            .with_columns(
                pl.when(~self._follows).then(pl.col(name)).alias(name) for name in ("invoiceNumber", "externalId")
            )
        )


class Led:
    """What became of the first rows of invoices, for rows of later chunks that follow them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bool, str | None, str]] = {}
        self._last: tuple[InvoiceVerdict, dict[int, int]] | None = None

    def joined(self, verdict: InvoiceVerdict, followers: pl.DataFrame) -> InvoiceVerdict:
        """Put the rows that follow back between the invoices of their chunk."""
        self._remember()
        size = verdict.rows.height + followers.height
        followed = set(followers["place"])
        places = [at for at in range(size) if at not in followed]
        place_of = dict(zip(verdict.rows["row"].to_list(), places, strict=True))
        notes = Notes(size)
        notes.errors = {places[at]: found for at, found in verdict.notes.errors.items()}
        notes.warnings = {places[at]: found for at, found in verdict.notes.warnings.items()}
        rows = pl.concat(
            [
                verdict.rows.with_columns(pl.lit(value=False).alias("follows")),
                followers.select("row", pl.lit(value=True).alias("follows")),
            ],
            how="diagonal",
        ).sort("row")
        leaders: dict[int, tuple[int | None, int]] = {
            at: (place_of.get(owner), owner) for at, owner in followers.select("place", "owner").iter_rows()
        }
        made = FollowedVerdict(verdict, rows, notes, leaders, self._known)
        self._last = made, place_of
        return made

    def _remember(self) -> None:
        """Keep what became of the chunk before, as it stands now that it is written."""
        if self._last is None:
            return
        verdict, place_of = self._last
        outcome = verdict.outcome()
        numbers, ids = outcome["number"], outcome["id"]
        for row, place in place_of.items():
            self._known[row] = (place in verdict.notes.errors, numbers[place], ids[place])
        self._last = None
