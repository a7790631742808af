"""A full disk during an import: a clear answer, nothing lost, and it goes on when there is room again."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import make
from hundi.files.store import FileStore, StoreUnavailable
from hundi.imports.jobs import Setbacks
from hundi.imports.parsing import ReadingFailed
from hundi.imports.tables import Copied
from hundi.jobs.later import RunLater
from hundi.kit.keys import Keyring
from importing import PATH, Importer, row, text

MIB = 2**20


class SmallDisk:
    """A disk of 8 MiB; where nothing may be mounted, a bound on the size of files does nearly the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        words = ["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "tmpfs", str(folder)]
        self.is_mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
        self._stuffing = folder / "stuffing"

    def fill(self, *, leave: int) -> None:
        """Leave so many bytes."""
        if not self.is_mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (leave, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            return
        self._stuffing.write_bytes(bytes(8 * MIB - leave - self._used()))

    def _used(self) -> int:
        return sum(path.stat().st_blocks * 512 for path in self.folder.rglob("*") if path.is_file())

    def free(self) -> None:
        """Make room again."""
        if not self.is_mounted:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        self._stuffing.unlink(missing_ok=True)

    def end(self) -> None:
        self.free()
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small"
    folder.mkdir()
    small = SmallDisk(folder)
    yield small
    small.end()


@pytest.fixture
async def importer(seller: make.Company, disk: SmallDisk, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Konkan Traders")
    return Importer(seller, FileStore.open(None, disk.folder), keyring)


@pytest.fixture
def app_with(session_app: Any, importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the application keep its files on the small disk too."""
    monkeypatch.setitem(session_app.app.state._state, "files", importer.context.files)


def rows(count: int) -> str:
    return text(row(description="x" * 150) for _ in range(count))


async def queued(importer: Importer, content: str) -> Any:
    files = {"file": ("bills.csv", content)}
    return await importer.seller.http.post(PATH, files=files, headers={"Prefer": "respond-async"})


async def test_an_upload_the_disk_has_no_room_for_is_put_off(
    importer: Importer, disk: SmallDisk, app_with: None
) -> None:
    content = rows(4_000)
    disk.fill(leave=len(content) // 2)
    reply = await queued(importer, content)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "60")
    assert "disk is full" in reply.json()["response_message"]
    assert await importer.waiting() == []
    disk.free()
    left = [path for path in disk.folder.rglob("*") if path.is_file() and path.stat().st_size]
    assert left == []
    assert (await queued(importer, rows(10))).status_code == 202


@pytest.mark.parametrize("leave", [0, 4096, 100 * 1024])
async def test_an_import_waits_for_room_and_goes_on(
    importer: Importer, disk: SmallDisk, app_with: None, leave: int
) -> None:
    assert (await queued(importer, rows(2_000))).status_code == 202
    [import_id] = await importer.waiting()
    disk.fill(leave=leave)
    for wait in (1, 2):
        with pytest.raises(RunLater) as told:
            await importer.run(import_id)
        assert isinstance(told.value.__cause__, ReadingFailed | StoreUnavailable)
        assert told.value.delay.total_seconds() == wait
    state = "SELECT state FROM imports WHERE seller_id = $1"
    assert await importer.seller.value(state) == "RUNNING"
    disk.free()
    await importer.run(import_id)
    assert await importer.seller.value(state) == "DONE"
    assert await importer.count() == 2_000
    # What the first tries left behind is gone.
    assert not list(importer.context.files.work.iterdir())


async def test_rows_that_wait_on_a_full_disk_are_written_later(
    importer: Importer, disk: SmallDisk, app_with: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await queued(importer, text(row() for _ in range(5_000)))).status_code == 202
    [import_id] = await importer.waiting()
    whole = Copied.lay_aside

    def on_a_full_disk(self: Copied, folder: Path) -> None:
        disk.fill(leave=4096)
        whole(self, folder)

    with monkeypatch.context() as patched:
        patched.setattr(Copied, "lay_aside", on_a_full_disk)
        with pytest.raises(RunLater) as told:
            await importer.run(import_id)
    assert isinstance(told.value.__cause__, OSError)
    disk.free()
    assert not [path for path in disk.folder.rglob("chunk-*") if path.is_file()]
    await importer.run(import_id)
    assert await importer.count() == 5_000
    assert not list(importer.context.files.work.iterdir())


def test_an_interrupted_import_looks_again_within_seconds_however_often() -> None:
    setbacks = Setbacks()
    delays = [setbacks.delay("imp_a").total_seconds() for _ in range(100)]
    assert delays[:6] == [1, 2, 4, 8, 15, 15]
    assert max(delays) == 15
    assert setbacks.delay("imp_b").total_seconds() == 1
    setbacks.over("imp_a")
    assert setbacks.delay("imp_a").total_seconds() == 1
