"""Lines below a header that are no rows: totals, the header once more on each printed page, what a program calls void.

They are left out, and the reply says so. Runs in the limited child only.
"""

from typing import Final

import polars as pl

from hundi.imports.columns import Header
from hundi.imports.records import ROW

_TOTAL: Final = (
    r"(?i)^\s*(?:(?:grand|sub|net|report|page)[\s-]*)?(?:totals?|कुल(?: योग| जोड़)?|योग)\s*[:=-]?\s*(?:\(₹\))?\s*$"
)
HEADER_REPEATED: Final = "HEADER_REPEATED"
TOTAL_LEFT_OUT: Final = "TOTAL_LEFT_OUT"
NOT_BILLED: Final = "NOT_BILLED"
_KEYS: Final = (
    "invoiceNumber", "invoiceDate", "externalId", "customerId", "customerRef", "customerGstin", "customerPin", "hsnCode",
)  # fmt: skip
_BLANK: Final = " \t\r\n\u00a0"
_MOST_NAMED: Final = 5
_FEWEST_HEADINGS: Final = 2


class NotRows:
    """Leaves out of the frames of one table what is no row of it, and remembers which rows those were."""

    def __init__(self, header: Header) -> None:
        own = [at for at, name in enumerate(header.columns) if header.headings[at].strip() or name]
        self._headings = {f"c{at}": header.headings[at].strip() for at in own}
        names = (*header.columns,)
        self._keys = [f"c{names.index(name)}" for name in _KEYS if name in names]
        self._needed = [f"c{names.index(name)}" for name in ("invoiceNumber", "invoiceDate") if name in names]
        self._left_out = header.left_out
        parties = ("invoiceNumber", "invoiceDate", "customerName")
        # The line under Tally's open bills that adds them up has no word for it: it names no bill, no day and no party.
        self._nameless = [f"c{names.index(one)}" for one in parties if one in names] if header.receivables else []
        self._found: dict[str, list[int]] = {}
        self._counts: dict[str, int] = {}

    def out_of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the frame without them."""
        for code, mask in (
            (HEADER_REPEATED, self._headers),
            (TOTAL_LEFT_OUT, self._totals),
            (NOT_BILLED, self._void),
        ):
            found = mask(frame)
            if found is not None and found.any():
                rows = frame[ROW].filter(found)
                self._counts[code] = self._counts.get(code, 0) + len(rows)
                named = self._found.setdefault(code, [])
                named += rows.head(_MOST_NAMED - len(named)).to_list()
                frame = frame.filter(~found)
        return frame

    def remarks(self, sheet: str = "") -> list[tuple[str, str]]:
        """Give ``(code, sentence)`` for each reason, with the first rows it was for; ``sheet`` is named before them."""
        void = f"{' or '.join(sorted(self._left_out[1]))} there, no invoice" if self._left_out is not None else ""
        words = {
            HEADER_REPEATED: "the header line once more",
            TOTAL_LEFT_OUT: "a total of other rows",
            NOT_BILLED: void,
        }
        said = []
        for code, rows in self._found.items():
            more = self._counts[code] - len(rows)
            where = ", ".join(str(row) for row in rows) + (f" and {more} more" if more else "")
            place = f"{sheet}, row {where}" if sheet else f"Row {where}"
            said.append((code, f"{place}: {words[code]}. It was left out, and counts as no row."))
        return said

    def _headers(self, frame: pl.DataFrame) -> pl.Series | None:
        """Find rows that say again what the header says, in every column."""
        if len(self._headings) < _FEWEST_HEADINGS:
            return None
        first, text = next(iter(self._headings.items()))
        if not (frame[first] == text).any():
            return None
        same = [pl.col(name).fill_null("").str.strip_chars(_BLANK) == text for name, text in self._headings.items()]
        return frame.select(pl.all_horizontal(same)).to_series()

    def _totals(self, frame: pl.DataFrame) -> pl.Series | None:
        """Find rows that name no invoice and no day, and no customer for certain, and say in some cell that they are a total."""
        if self._nameless:
            return frame.select(~pl.any_horizontal(_filled(name) for name in self._nameless)).to_series()
        # Nearly every file names each of its invoices and days: then there is nothing to look at.
        if not any(frame[name].null_count() or (frame[name] == "").any() for name in self._needed):
            return None
        bare = pl.all_horizontal(~_filled(name) | _says_total(name) for name in self._keys)
        places = frame.select(bare).to_series().arg_true()
        if not len(places):
            return None
        said = frame[places].select(pl.any_horizontal(_says_total(name) for name in self._headings)).to_series()
        return pl.int_range(frame.height, eager=True).is_in(places.filter(said).implode())

    def _void(self, frame: pl.DataFrame) -> pl.Series | None:
        if self._left_out is None:
            return None
        at, words = self._left_out
        return frame[f"c{at}"].str.strip_chars(_BLANK).str.to_lowercase().is_in(list(words)).fill_null(value=False)


def _filled(name: str) -> pl.Expr:
    return (pl.col(name).str.strip_chars(_BLANK) != "").fill_null(value=False)


def _says_total(name: str) -> pl.Expr:
    return pl.col(name).str.contains(_TOTAL).fill_null(value=False)
