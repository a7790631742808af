"""Which rows of a file have a key that stands in it more than once. Runs in the child only.

A file may have millions of rows, so the keys are kept on disk, as hashes, and looked through part by part: what a part has
more than once no other part has.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from hundi.imports.records import ROW

_AT_ONCE: Final = 500_000


class Keys:
    """The keys of a file's rows, added block by block; ``alike`` are groups of columns that share their keys."""

    def __init__(self, folder: Path, alike: Sequence[tuple[str, ...]], *, at_once: int = _AT_ONCE) -> None:
        self._folder = folder
        self._alike = alike
        self._at_once = at_once
        self._files: list[Path] = []
        self._pending: list[pl.DataFrame] = []
        self._rows = 0

    def add(self, rows: pl.Series, keys: dict[str, pl.Series]) -> None:
        """Take the row numbers of a block, and for each key column a number for each filled cell."""
        if not keys:
            return
        self._pending.append(pl.DataFrame([rows.alias(ROW), *(one.alias(name) for name, one in keys.items())]))
        self._rows += len(rows)
        if sum(one.height for one in self._pending) >= self._at_once // 2:
            self._write()

    def _write(self) -> None:
        if self._pending:
            path = self._folder / f"keys-{len(self._files)}.arrow"
            pl.concat(self._pending).write_ipc(path)
            self._files.append(path)
            self._pending.clear()

    def repeated(self) -> pl.Series:
        """Give the numbers of the rows one of whose keys another row has too, in file order; the keys are gone then."""
        self._write()
        found = [pl.Series(ROW, [], dtype=pl.Int64)]
        for names in self._alike:
            twice = self._standing_twice(names)
            if len(twice):
                found += [self._having(path, names, twice) for path in self._files]
        for path in self._files:
            path.unlink()
        return pl.concat(found).unique().sort()

    def _standing_twice(self, names: tuple[str, ...]) -> pl.Series:
        parts = 1 + self._rows * len(names) // self._at_once
        found = [pl.Series("key", [], dtype=pl.UInt64)]
        for part in range(parts):
            keys = [one.filter(one % parts == part) for path in self._files for one in _columns(path, names)]
            if keys:
                ordered = pl.concat(keys).drop_nulls().sort()  # grouping would take three times the memory
                found.append(ordered.filter(ordered == ordered.shift()).unique())
        return pl.concat(found)

    def _having(self, path: Path, names: tuple[str, ...], keys: pl.Series) -> pl.Series:
        wanted = keys.implode()
        frame = pl.read_ipc(path)
        has = pl.any_horizontal(pl.col(name).is_in(wanted).fill_null(value=False) for name in _present(frame, names))
        return frame.filter(has)[ROW].cast(pl.Int64)


def _columns(path: Path, names: tuple[str, ...]) -> list[pl.Series]:
    frame = pl.read_ipc(path)
    return [frame[name].alias("key") for name in _present(frame, names)]


def _present(frame: pl.DataFrame, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in frame.columns]
