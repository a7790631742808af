"""Running the limited child that reads an upload, and cleaning up after processes that did not end well."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from hundi.imports.columns import FileKind
from hundi.imports.errors import refuse
from hundi.imports.parse_child import EXIT_TRY_AGAIN, MANIFEST, Manifest
from hundi.kit.errors import Transient

log = structlog.get_logger("hundi.imports")

_PREFIX: Final = "import-"
_TRIES: Final = 2
_MEBIBYTE: Final = 1024 * 1024


class ReadingFailed(Transient):
    """The file could not be read just now; the import goes on later."""


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Lend an empty folder; those of processes that were killed are removed on the way."""
    for left in parent.glob(f"{_PREFIX}*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def parse(source: Path, folder: Path, *, rows: int, limit: int, kind: FileKind = FileKind.INVOICES) -> Manifest:
    """Read a file into chunk files of ``rows`` rows; a refusal stands in the manifest.

    Raises :class:`ReadingFailed` when the machine is at fault (disk full) and ``FileRefused`` when the reader died of
    the file twice.
    """
    for _ in range(_TRIES):
        code, said = await _child(source, folder, rows, limit, kind)
        if code == 0:
            return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        log.warning("reading a file failed", exit_code=code, said=said[-2000:])
        if code == EXIT_TRY_AGAIN:
            raise ReadingFailed
    message = "The file cannot be read within the bounds of an import (memory and time): check it, or split it."
    raise refuse("FILE_TOO_COMPLEX", message)


async def _child(source: Path, folder: Path, rows: int, limit: int, kind: FileKind) -> tuple[int, str]:
    # No settings and no keys get into the child: only what Python needs to start.
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "POLARS_MAX_THREADS": "2",
        "MALLOC_ARENA_MAX": "2",
        "_RJEM_MALLOC_CONF": "narenas:2",
    }
    words = (str(source), str(folder), str(rows), str(limit), str(os.getpid()), kind.value)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "hundi.imports.parse_child", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    seconds = 120 + 2 * ((await asyncio.to_thread(source.stat)).st_size // _MEBIBYTE)
    try:
        async with asyncio.timeout(seconds):
            _, said = await child.communicate()
    except TimeoutError:
        return -signal.SIGXCPU, "out of time"
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return child.returncode if child.returncode is not None else 1, said.decode(errors="replace")
