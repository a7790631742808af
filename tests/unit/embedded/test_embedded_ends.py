"""How the embedded PostgreSQL ends, and what the next start makes of what was left: real kills, real recoveries."""

# ruff: noqa: ASYNC220, ASYNC240 - the loop of a test has nothing else to do meanwhile

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest
from embedded_stage import (
    IS_ROOT,
    Runner,
    announced,
    eventually,
    installations,
    run,
    running,
    servers_in,
    stop_process,
    value,
)

from hundi.db.embedded import (
    EmbeddedPostgres,
    EmbeddedStartError,
    FolderLock,
)


@pytest.mark.slow  # two processes, one of them first makes a cluster
@installations
async def test_kill_9_leaves_no_server_and_loses_no_commit(runner: Runner, installed: Path | None) -> None:
    data_dir = runner.room / "data"
    holder = announced(await asyncio.to_thread(runner.start, data_dir, installed, "careless"))
    await run(holder.urls.owner, "CREATE TABLE kept (n int)")
    busy = await asyncpg.connect(holder.urls.owner)
    await busy.execute("BEGIN; INSERT INTO kept VALUES (-1)")
    await run(holder.urls.owner, "INSERT INTO kept SELECT generate_series(1, 1000)")
    assert len(servers_in(runner.room)) >= 5
    stop_process(holder.process, signal.SIGKILL)
    assert await asyncio.to_thread(eventually, lambda: servers_in(runner.room) == [])
    busy.terminate()

    again = announced(await asyncio.to_thread(runner.start, data_dir, installed, "clean"))
    assert await value(again.urls.owner, "SELECT count(*) FROM kept") == 1000
    assert "database system was not properly shut down" in (data_dir / "postgres.log").read_text()
    assert stop_process(again.process, signal.SIGTERM) == 0
    assert servers_in(runner.room) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("manner", ["clean", "careless"])
async def test_signals_to_the_parent_end_the_server(runner: Runner, number: signal.Signals, manner: str) -> None:
    data_dir = runner.room / "data"
    holder = announced(await asyncio.to_thread(runner.start, data_dir, None, manner))
    assert os.getsid(holder.server) != os.getsid(holder.process.pid), "a terminal's Ctrl-C must not reach the server"
    assert stop_process(holder.process, number) == (0 if manner == "clean" else -number)
    assert await asyncio.to_thread(eventually, lambda: servers_in(runner.room) == [])
    said = (data_dir / "postgres.log").read_text()
    assert ("received fast shutdown request" in said) == (manner == "clean")


async def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data")
    with ThreadPoolExecutor(max_workers=1) as short_lived:
        urls = await asyncio.get_running_loop().run_in_executor(short_lived, lambda: asyncio.run(server.start()))
    await asyncio.sleep(0.3)
    assert await value(urls.app, "SELECT 1") == 1
    await server.stop()


@pytest.mark.slow  # five starts
async def test_kill_9_during_the_first_start_spoils_nothing(runner: Runner) -> None:
    data_dir = runner.room / "data"
    for seconds in (0.15, 0.3, 0.45, 0.6):
        process = runner.start(data_dir, None, "careless")
        await asyncio.sleep(seconds)
        stop_process(process, signal.SIGKILL)
    holder = announced(await asyncio.to_thread(runner.start, data_dir, None, "clean"))
    assert await value(holder.urls.app, "SELECT 1") == 1
    assert stop_process(holder.process, signal.SIGTERM) == 0
    assert list(data_dir.glob("postgres.new-*")) == []
    assert servers_in(runner.room) == []


@pytest.mark.slow  # waits a second to see that the start waits
async def test_an_orphan_that_is_still_going_down_is_waited_for(runner: Runner) -> None:
    data_dir = runner.room / "data"
    holder = announced(await asyncio.to_thread(runner.start, data_dir, None, "careless"))
    await run(holder.urls.owner, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    os.kill(holder.server, signal.SIGSTOP)
    stop_process(holder.process, signal.SIGKILL)

    told: list[str] = []
    server = EmbeddedPostgres(data_dir, notify=told.append)
    starting = asyncio.create_task(server.start())
    await asyncio.sleep(1)
    assert not starting.done()
    assert psutil.pid_exists(holder.server)
    os.kill(holder.server, signal.SIGCONT)
    urls = await asyncio.wait_for(starting, 30)
    assert await value(urls.owner, "SELECT n FROM kept") == 7
    assert len(told) == 1
    assert "still going down" in told[0]
    await server.stop()


@pytest.mark.slow  # six starts
async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    for seconds in (0.05, 0.3, 0.45, 0.55, 0.6):
        server = EmbeddedPostgres(data_dir)
        starting = asyncio.create_task(server.start())
        await asyncio.sleep(seconds)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
            await server.stop()
        assert servers_in(tmp_path) == []
        with FolderLock(data_dir) as lock:
            assert lock.held
    async with running(data_dir) as (_, urls):
        assert await value(urls.app, "SELECT 1") == 1


@installations
async def test_a_pid_file_that_names_another_program_does_not_stop_a_start(
    tmp_path: Path, installed: Path | None
) -> None:
    async with running(tmp_path / "data", installed) as (server, _):
        assert server.pid is not None
        uid = psutil.Process(server.pid).uids().real
        pid_file = (tmp_path / "data" / "postgres" / "postmaster.pid").read_text()
    bystander = subprocess.Popen(["sleep", "60"], user=uid if IS_ROOT else None)
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            stale = tmp_path / "data" / "postgres" / name
            stale.write_text(pid_file.replace(pid_file.split("\n")[0], str(bystander.pid), 1))
            os.chown(stale, uid, -1)
        async with running(tmp_path / "data", installed) as (_, urls):
            assert await value(urls.app, "SELECT 1") == 1
        assert bystander.poll() is None, "the bystander lives"
    finally:
        bystander.kill()
        bystander.wait()


async def test_a_killed_server_and_a_dead_pid_file_are_recovered_from(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as (server, urls):
        await run(urls.owner, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        assert (tmp_path / "data" / "postgres" / "postmaster.pid").exists()
    async with running(tmp_path / "data") as (_, urls):
        assert await value(urls.owner, "SELECT n FROM kept") == 7


async def test_a_server_that_somebody_started_by_hand_is_left_alone(tmp_path: Path) -> None:
    cluster = tmp_path / "data" / "postgres"
    async with running(tmp_path / "data") as (server, _):
        assert server.pid is not None
        uid = psutil.Process(server.pid).uids().real
        program = psutil.Process(server.pid).exe()
    fd = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
    by_hand = subprocess.Popen(
        [program, "-D", f"/proc/self/fd/{fd}", "-c", "listen_addresses=", "-c", "unix_socket_directories=."],
        user=uid if IS_ROOT else None,
        pass_fds=(fd,),
        stderr=subprocess.DEVNULL,
    )
    os.close(fd)
    try:
        pid_file = cluster / "postmaster.pid"
        assert await asyncio.to_thread(eventually, lambda: pid_file.exists() and "ready" in pid_file.read_text())
        with pytest.raises(EmbeddedStartError, match=rf"did not start \(process {by_hand.pid}\)"):
            await EmbeddedPostgres(tmp_path / "data").start()
        assert by_hand.poll() is None
    finally:
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(timeout=30)


@installations
async def test_lost_passwords_are_renewed_and_the_data_kept(tmp_path: Path, installed: Path | None) -> None:
    async with running(tmp_path / "data", installed) as (_, urls):
        await run(urls.owner, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    (tmp_path / "data" / "postgres.json").unlink()
    async with running(tmp_path / "data", installed) as (_, fresh):
        assert fresh != urls
        assert await value(fresh.owner, "SELECT n FROM kept") == 7
        assert await value(fresh.app, "SELECT 1") == await value(fresh.loader, "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(urls.owner)
    (tmp_path / "data" / "postgres.json").write_text("{")
    with pytest.raises(EmbeddedStartError, match="is damaged"):
        await EmbeddedPostgres(tmp_path / "data", binaries=installed).start()


async def test_a_link_left_by_kill_9_is_removed(tmp_path: Path) -> None:
    data_dir = tmp_path / ("x" * 150)
    runner = Runner(Path(sys.executable), dict(os.environ), None, tmp_path)
    holder = announced(await asyncio.to_thread(runner.start, data_dir, None, "careless"))
    folder = Path(json.loads((data_dir / "postgres.run").read_text())["socket"])
    assert folder.is_symlink()
    stop_process(holder.process, signal.SIGKILL)
    assert folder.is_symlink()
    async with running(data_dir):
        assert not folder.parent.exists()
