"""Rows of a chunk that wait on disk are the bytes they would have been in memory, and leave nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest

from hundi.imports.tables import Copied


def rows(count: int) -> Copied:
    frame = pl.DataFrame(
        {"no": range(count), "text": [f'Zeile, "{at}"\nशीर्षक' if at % 7 else None for at in range(count)]}
    )
    return Copied("t", frame, {"no": pl.col("no"), "text": pl.col("text") + "!"})


def sent(one: Copied) -> bytes:
    async def all_of_it() -> bytes:
        return b"".join([block async for block in one.blocks()])

    return asyncio.run(all_of_it())


@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 30_000])
def test_rows_laid_aside_are_sent_as_they_would_have_been(tmp_path: Path, count: int) -> None:
    aside = rows(count)
    aside.lay_aside(tmp_path)
    want = sent(rows(count))
    assert sent(aside) == want
    assert sent(aside) == want  # a second try begins anew
    assert aside.count == count
    assert not list(tmp_path.iterdir())
    aside.close()


def test_what_was_closed_sends_nothing(tmp_path: Path) -> None:
    aside = rows(5000)
    aside.lay_aside(tmp_path)
    aside.close()
    with pytest.raises(ValueError, match="closed file"):
        sent(aside)


def test_a_file_that_the_disk_had_no_room_for_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("r+b")  # noqa: SIM115 - what is tested closes it
    monkeypatch.setattr("hundi.imports.tables.tempfile.TemporaryFile", lambda **_: full)
    short = Copied("t", pl.DataFrame({"no": range(4097)}), {"no": pl.lit(1, dtype=pl.Int8).repeat_by(0).list.first()})
    with pytest.raises(OSError, match="No space left"):
        short.lay_aside(Path("/dev"))
    short.close()
    assert full.closed
