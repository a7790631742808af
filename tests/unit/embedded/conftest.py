"""Fixtures of the embedded PostgreSQL's tests."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from embedded_stage import (
    IS_ROOT,
    NOBODY,
    Runner,
    eventually,
    reachable_python,
    servers_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def nobodys_python() -> Iterator[tuple[Path, dict[str, str]]]:
    room = Path(tempfile.mkdtemp(prefix="hundi-test-"))
    room.chmod(0o755)
    yield reachable_python(room)
    shutil.rmtree(room)


@pytest.fixture(params=["root", "nobody"] if IS_ROOT else ["self"])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runner]:
    """Run children as each kind of user that we can be."""
    if request.param != "nobody":
        runner = Runner(Path(sys.executable), dict(os.environ), None, tmp_path)
        yield runner
        runner.end()
        return
    python, environment = request.getfixturevalue("nobodys_python")
    room = Path(tempfile.mkdtemp(prefix="hundi-test-nobody-"))
    os.chown(room, NOBODY.pw_uid, NOBODY.pw_gid)
    runner = Runner(python, environment, NOBODY.pw_uid, room)
    yield runner
    runner.end()
    shutil.rmtree(room)


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path: Path) -> Iterator[None]:
    """Fail the test that leaves a server of its folder running."""
    yield
    eventually(lambda: servers_in(tmp_path) == [], 5)
    left = servers_in(tmp_path)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert left == []
