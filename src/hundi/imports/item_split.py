"""Sorting the items of a file by the chunk of the invoice they belong to: one pass over each table, memory bounded."""

from pathlib import Path
from typing import Final

import polars as pl

from hundi.imports.lines import OWNER
from hundi.imports.parse_child import Chunk, Manifest
from hundi.kit.formulas import GUARDED

_FLUSH_ROWS: Final = 400_000
_NUMBER: Final = "invoiceNumber"


class ItemSplit:
    """Which items belong to which chunk. Rows of one invoiceNumber are one invoice; the first row of a number owns them."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self._manifest = manifest
        self._folder = folder
        self._pieces: dict[int, int] = {}
        self._waiting: dict[int, list[pl.DataFrame]] = {}
        self._held = 0
        self._first: pl.DataFrame | None = None
        self._later = pl.DataFrame(schema={"number_key": pl.String, "row": pl.Int64, OWNER: pl.Int64})
        self.inline = manifest.items is None

    def sort(self) -> None:
        """Write the items of each chunk into files of their own. Blocks: run it in a thread."""
        owners = self._owners()
        if self.inline:
            self._first = owners
        items = self._manifest.items
        columns = self._manifest.columns if items is None else items.columns
        chunks = self._manifest.chunks if items is None else items.chunks
        with_items = []
        for no, chunk in enumerate(chunks):
            frame = self._read(chunk, columns)
            with_items.append(self._later.join(frame, on="number_key", how="semi"))
            frame = frame.join(owners, on="number_key", how="left", maintain_order="left")
            if self.inline:  # a row without a number is an invoice of its own, with one item
                frame = frame.with_columns(pl.coalesce(OWNER, "row"), pl.col("chunk").fill_null(no))
            for (at,), part in frame.with_columns(pl.col("chunk").fill_null(0)).group_by("chunk", maintain_order=True):
                self._keep(int(str(at)), part.drop("chunk"))
            if self._held > _FLUSH_ROWS:
                self._flush()
        self._flush()
        self._later = pl.concat(with_items).unique() if with_items else self._later

    def of(self, no: int) -> pl.DataFrame | None:
        """Give the items of chunk ``no``, in the order of the file; None where it has none."""
        files = [self._folder / f"of-{no}-{piece}.arrow" for piece in range(self._pieces.get(no, 0))]
        return pl.concat([pl.read_ipc(one) for one in files], how="diagonal") if files else None

    def later_rows(self, rows: pl.Series) -> dict[int, int]:
        """Give those of the rows whose invoiceNumber has items that belong to an earlier row: row by row, the owner."""
        found = self._later.filter(pl.col("row").is_in(rows.implode()))
        return dict(found.select("row", OWNER).iter_rows())

    def apart(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Part the rows of a chunk: those that are invoices, and those that only bring a further item of one.

        The second has ``row``, ``owner`` (the first row of the invoice) and ``place``, where it stands in the chunk.
        """
        if self._first is None or _NUMBER not in self._manifest.columns:
            return frame, pl.DataFrame(schema={"row": pl.Int64, OWNER: pl.Int64, "place": pl.Int64})
        column = f"c{self._manifest.columns.index(_NUMBER)}"
        owned = frame.select("row", number_key(pl.col(column)), pl.int_range(pl.len(), dtype=pl.Int64).alias("place"))
        owned = owned.join(self._first, on="number_key", how="left", maintain_order="left")
        follows = (owned[OWNER] != owned["row"]).fill_null(value=False)
        return frame.filter(~follows), owned.filter(follows).select("row", OWNER, "place")

    def _owners(self) -> pl.DataFrame:
        found = []
        for no, chunk in enumerate(self._manifest.chunks):
            frame = (
                self._read(chunk, self._manifest.columns).select("number_key", pl.col("row").alias(OWNER)).drop_nulls()
            )
            found.append(frame.with_columns(pl.lit(no, dtype=pl.Int32).alias("chunk")))
        whole = pl.concat(found)
        first = whole.unique("number_key", keep="first", maintain_order=True)
        if not self.inline:
            twice = whole.filter(pl.col("number_key").is_duplicated()).select("number_key", pl.col(OWNER).alias("row"))
            both = twice.join(first.select("number_key", OWNER), on="number_key")
            self._later = both.filter(pl.col("row") != pl.col(OWNER)).select(self._later.columns)
        return first

    def _read(self, chunk: Chunk, columns: list[str | None]) -> pl.DataFrame:
        frame = pl.read_ipc(self._folder / chunk.file)
        if _NUMBER not in columns:
            return frame.with_columns(pl.lit(None, dtype=pl.String).alias("number_key"))
        return frame.with_columns(number_key(pl.col(f"c{columns.index(_NUMBER)}")))

    def _keep(self, no: int, part: pl.DataFrame) -> None:
        self._waiting.setdefault(no, []).append(part)
        self._held += part.height

    def _flush(self) -> None:
        for no, parts in self._waiting.items():
            piece = self._pieces.get(no, 0)
            pl.concat(parts, how="diagonal").write_ipc(self._folder / f"of-{no}-{piece}.arrow")
            self._pieces[no] = piece + 1
        self._waiting, self._held = {}, 0


def number_key(cells: pl.Expr) -> pl.Expr:
    """Give the form in which the two tables' invoice numbers are compared."""
    plain = cells.str.replace(GUARDED, "$1").str.strip_chars().str.to_uppercase()
    return pl.when(plain != "").then(plain).alias("number_key")
