"""The process that forks readers: as limited as one started for each file, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hundi.imports import parsing
from hundi.imports.columns import FileKind
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import Upload
from hundi.imports.parse_server import EXIT_CANNOT_FORK
from hundi.imports.parsing import ParseServer, parse, rows_read

GOOD = "customerRef,baseAmount\n" + "C,1\n" * 5


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ParseServer]:
    parsing.SERVER.close()  # other tests of this process may have used it
    own = ParseServer()
    monkeypatch.setattr(parsing, "SERVER", own)
    yield own
    own.close()


def started_by(process: psutil.Process) -> list[psutil.Process]:
    """Give the parse servers among a process's children."""
    found = []
    for one in process.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "hundi.imports.parse_server" in one.cmdline():
                found.append(one)
    return found


def file(folder: Path, text: str = GOOD) -> Path:
    source = folder / "a.csv"
    source.write_text(text)
    return source


def endless(folder: Path) -> Path:
    """Make a file whose reader waits for ever: nobody writes into the pipe."""
    source = folder / "a.csv"
    os.mkfifo(source)
    return source


async def reader(known: frozenset[int] = frozenset()) -> psutil.Process:
    """Wait for a child that is bounded and about to open its file, and is none of ``known``."""
    for _ in range(400):
        for one in started_by(psutil.Process()):
            for child in one.children():
                with contextlib.suppress(OSError):
                    if child.pid not in known and limits_of(child.pid)["Max core file size"] == ["0", "0"]:
                        return child
        await asyncio.sleep(0.02)
    raise AssertionError


def limits_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


def descriptors(pid: int) -> dict[int, str]:
    return {int(fd.name): str(fd.readlink()).partition(":")[0] for fd in Path(f"/proc/{pid}/fd").iterdir()}


def threads_beside(pid: int) -> set[str]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {(task / "comm").read_text().strip() for task in tasks if int(task.name) != pid}


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def until_gone(*pids: int) -> bool:
    for _ in range(250):
        if all(is_gone(pid) for pid in pids):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_files_are_read_by_children_of_one_server(tmp_path: Path, server: ParseServer) -> None:
    source = file(tmp_path)
    folders = [tmp_path / str(at) for at in range(5)]
    for folder in folders:
        folder.mkdir()
    found = await asyncio.gather(*(parse(source, folder, rows=2, limit=100) for folder in folders))
    assert [(one.total, len(one.chunks)) for one in found] == [(5, 3)] * 5
    assert [rows_read(folder) for folder in folders] == [5] * 5
    assert len(started_by(psutil.Process())) == 1


async def test_the_server_forks_with_no_thread_that_matters_and_without_our_environment(
    tmp_path: Path, server: ParseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUNDI_SECRET_KEY", "never to be seen")
    await parse(file(tmp_path), tmp_path, rows=2, limit=100)
    (process,) = started_by(psutil.Process())
    assert threads_beside(process.pid) <= {"polars-ooc-clea"}
    known = {"PATH", "LANG", "POLARS_MAX_THREADS", "MALLOC_ARENA_MAX", "_RJEM_MALLOC_CONF", "LC_CTYPE"}
    assert process.environ().keys() <= known
    assert process.environ()["POLARS_MAX_THREADS"] == "2"


async def test_a_child_is_bounded_and_holds_nothing_of_others(tmp_path: Path, server: ParseServer) -> None:
    source = endless(tmp_path)
    begun = asyncio.create_task(parse(source, tmp_path, rows=2, limit=100))
    child = await reader()
    limits = limits_of(child.pid)
    assert limits["Max data size"] == [str(2 * 2**30)] * 2
    assert limits["Max cpu time"] == ["60"] * 2
    assert limits["Max file size"] == [str(256 * 2**20)] * 2
    assert limits["Max core file size"] == ["0"] * 2
    assert descriptors(child.pid) == {0: "/dev/null", 1: "/dev/null", 2: "socket"}
    assert os.getsid(child.pid) == child.pid
    assert child.ppid() != os.getpid()
    begun.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await begun
    assert is_gone(child.pid)


async def test_a_child_that_takes_too_long_is_killed(tmp_path: Path, server: ParseServer) -> None:
    (tmp_path / "first").mkdir()
    await parse(file(tmp_path / "first"), tmp_path, rows=2, limit=100)
    upload = Upload(str(endless(tmp_path)), str(tmp_path), 2, 100, FileKind.INVOICES)
    begun = asyncio.create_task(server.read(upload, 1))
    child = await reader()
    assert await begun == (-signal.SIGXCPU, "out of time")
    assert is_gone(child.pid)


async def test_a_server_that_does_nothing_costs_no_file(
    tmp_path: Path, server: ParseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "_KILLED_S", 0.2)
    upload = Upload(str(file(tmp_path)), str(tmp_path), 2, 100, FileKind.INVOICES)
    assert await server.read(upload, 60) == (0, "")
    (process,) = started_by(psutil.Process())
    process.suspend()
    assert await server.read(upload, 1) is None
    assert is_gone(process.pid)
    assert await server.read(upload, 60) == (0, "")


async def test_a_child_whose_server_does_nothing_is_killed_with_it(
    tmp_path: Path, server: ParseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "_KILLED_S", 0.2)
    begun = asyncio.create_task(parse(endless(tmp_path), tmp_path, rows=2, limit=100))
    child = await reader()
    (process,) = started_by(psutil.Process())
    process.suspend()
    begun.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await begun
    assert await until_gone(child.pid, process.pid)


async def test_a_server_with_too_many_orders_stops_nobody(tmp_path: Path, server: ParseServer) -> None:
    await parse(file(tmp_path), tmp_path, rows=2, limit=100)
    (process,) = started_by(psutil.Process())
    process.suspend()
    sent = [server._send(b"{}") for _ in range(2000)]
    assert sent[0] is not None
    assert sent[-1] is None
    for one in sent:
        if one is not None:
            one.close()


async def test_who_cancels_twice_waits_for_the_child_as_well(tmp_path: Path, server: ParseServer) -> None:
    begun = asyncio.create_task(parse(endless(tmp_path), tmp_path, rows=2, limit=100))
    child = await reader()
    for _ in range(3):
        begun.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await begun
    assert is_gone(child.pid)


async def test_what_a_child_says_last_is_heard(tmp_path: Path, server: ParseServer) -> None:
    gone = Upload(str(tmp_path / "none.csv"), str(tmp_path), 2, 100, FileKind.INVOICES)
    found = await server.read(gone, 30)
    assert found is not None
    assert found[0] == 1
    assert "none.csv" in found[1]


async def test_a_file_whose_reader_is_killed_twice_is_refused(tmp_path: Path, server: ParseServer) -> None:
    source = endless(tmp_path)
    begun = asyncio.create_task(parse(source, tmp_path, rows=2, limit=100))
    child = await reader()
    child.kill()
    again = await reader(frozenset({child.pid}))
    again.kill()
    with pytest.raises(FileRefused) as told:
        await begun
    assert told.value.refusal.problems[0].code == "FILE_TOO_COMPLEX"
    assert await until_gone(again.pid)
    folder = tmp_path / "next"
    folder.mkdir()
    assert (await parse(file(folder), folder, rows=2, limit=100)).total == 5


async def test_a_file_whose_server_is_killed_is_read_beside_it(tmp_path: Path, server: ParseServer) -> None:
    """However often that happens: it is no fault of the file's."""
    source = endless(tmp_path)
    upload = Upload(str(source), str(tmp_path), 2, 100, FileKind.INVOICES)
    begun = asyncio.create_task(server.read(upload, 60))
    child = await reader()
    (process,) = started_by(psutil.Process())
    process.kill()  # its child goes with it
    assert await begun is None
    assert await until_gone(child.pid)
    source.unlink()
    assert (await parse(file(tmp_path), tmp_path, rows=2, limit=100)).total == 5


async def test_neither_server_nor_child_outlives_the_worker(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from hundi.imports.parsing import parse
        asyncio.run(parse(Path({str(endless(tmp_path))!r}), Path({str(tmp_path)!r}), rows=2, limit=9))
    """)
    worker = psutil.Popen([sys.executable, "-c", code])
    for _ in range(400):
        below = worker.children(recursive=True)
        if len(below) == 2:
            break
        await asyncio.sleep(0.02)
    pids = [one.pid for one in below]
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert len(pids) == 2
    assert await until_gone(*pids)


async def test_the_server_ends_when_there_is_nothing_more_to_read(
    tmp_path: Path, server: ParseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parse(file(tmp_path), tmp_path, rows=2, limit=100)
    (process,) = started_by(psutil.Process())
    monkeypatch.setattr(parsing, "_IDLE_S", 0)
    await parse(file(tmp_path), tmp_path, rows=2, limit=100)
    assert await until_gone(process.pid)
    assert started_by(psutil.Process()) == []


async def test_a_large_file_has_a_process_of_its_own(
    tmp_path: Path, server: ParseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "_LARGE", 1)
    assert (await parse(file(tmp_path), tmp_path, rows=2, limit=100)).total == 5
    assert started_by(psutil.Process()) == []


async def test_where_it_cannot_fork_each_file_has_a_process_of_its_own(
    tmp_path: Path, server: ParseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = tmp_path / "python"
    shell.write_text(
        f'#!/bin/sh\ncase "$*" in *parse_server*) echo x >> {tmp_path}/started; exit {EXIT_CANNOT_FORK};; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    shell.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(shell))
    for _ in range(2):
        assert (await parse(file(tmp_path), tmp_path, rows=2, limit=100)).total == 5
    assert (tmp_path / "started").read_text() == "x\n"


async def test_it_refuses_to_fork_beside_a_thread_it_does_not_know() -> None:
    code = textwrap.dedent("""
        import os, sys, threading
        from hundi.imports import parse_server
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        code = parse_server.main([str(os.getppid())])
        sys.stderr.flush()
        os._exit(code)
    """)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == EXIT_CANNOT_FORK
