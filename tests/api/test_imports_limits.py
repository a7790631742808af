"""The child that reads uploads is limited, and what a killed worker left behind is cleared away."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hundi.imports import parsing
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import EXIT_TRY_AGAIN
from hundi.imports.parsing import ReadingFailed, parse, work_folder

GOOD = "customerRef,baseAmount\n" + "C,1\n" * 5


async def test_a_good_file_is_read_in_the_child(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text(GOOD)
    manifest = await parse(source, tmp_path, rows=2, limit=100)
    assert (manifest.total, len(manifest.chunks), manifest.refusal) == (5, 3, None)


async def test_the_child_has_bounds(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import os, resource, sys
        from hundi.imports.parse_child import restrain
        restrain(1024, parent=os.getppid())
        limits = [resource.getrlimit(getattr(resource, name))[0] for name in ("RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_CORE")]
        print(*limits)
        try:
            bytearray(3 * 2**30)
        except MemoryError:
            print("bounded")
    """)
    words = [sys.executable, "-c", code]
    said = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [str(2 * 2**30), "60", "0", "bounded"]
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] != 2 * 2**30


async def test_a_child_without_its_parent_does_not_begin(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text(GOOD)
    words = [sys.executable, "-I", "-m", "hundi.imports.parse_child", str(source), str(tmp_path), "2", "9", "999999999"]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, check=False)
    assert done.returncode == 1
    assert not (tmp_path / "manifest.json").exists()


async def test_a_reader_that_dies_refuses_the_file_and_a_full_disk_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.csv"
    source.write_text(GOOD)
    parsing.SERVER.close()
    shell = tmp_path / "python"
    monkeypatch.setattr(parsing.sys, "executable", str(shell))
    shell.write_text("#!/bin/sh\nkill -9 $$\n")
    shell.chmod(0o755)
    with pytest.raises(FileRefused) as told:
        await parse(source, tmp_path, rows=2, limit=9)
    assert told.value.refusal.problems[0].code == "FILE_TOO_COMPLEX"
    shell.write_text(f"#!/bin/sh\nexit {EXIT_TRY_AGAIN}\n")
    with pytest.raises(ReadingFailed):
        await parse(source, tmp_path, rows=2, limit=9)


def test_folders_of_dead_processes_are_removed_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    dead, alive = tmp_path / "import-999999999-x", tmp_path / f"import-{os.getpid()}-x"
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "chunk-0.arrow").touch()
    with work_folder(tmp_path) as mine:
        assert not dead.exists()
        assert alive.exists()
        assert list(mine.iterdir()) == []
    assert not mine.exists()
