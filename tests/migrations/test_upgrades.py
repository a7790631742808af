"""`db upgrade` from nothing, again, at the same time, and against servers and schemas it must refuse."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from hundi.cli import parts
from hundi.cli.database import bring_up_to_date
from hundi.config import Settings
from hundi.db import upgrade as upgrading
from hundi.db.embedded import DatabaseTooOld
from hundi.db.revisions import SchemaBehind, check_server, current_revision, known_revisions, newest_revision
from hundi.db.upgrade import upgrade

if TYPE_CHECKING:
    from conftest import Server

_SHAPE = """
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT format('%s.%s %s %s', c.table_name, c.column_name, c.data_type, c.is_nullable) AS line
          FROM information_schema.columns c WHERE c.table_schema = 'public'
        UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT format('%s %s %s', tablename, policyname, qual) FROM pg_policies
        UNION ALL SELECT format('%s %s %s', table_name, grantee, privilege_type)
          FROM information_schema.role_table_grants WHERE table_schema = 'public'
        UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
         WHERE p.pronamespace = 'public'::regnamespace AND d.objid IS NULL) AS shape"""


async def up(urls: Any) -> str:
    return await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")


async def asked(dsn: str, sql: str, *args: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *args)
    finally:
        await connection.close()


async def test_a_fresh_database_gets_everything(server: Server) -> None:
    urls = await server.empty("fresh")
    assert await up(urls) == newest_revision()
    assert await asked(urls.owner, "SELECT version_num FROM alembic_version") == newest_revision()
    assert await asked(urls.owner, "SELECT count(*) FROM pg_policies") >= 28
    assert await asked(urls.app, "SELECT count(*) FROM invoices") == 0, "the app role may read, and sees nobody's"
    assert await asked(urls.app, "SELECT count(*) FROM pgqueuer") == 0, "the job tables are there, and it may use them"


async def test_a_second_upgrade_changes_nothing(server: Server) -> None:
    urls = await server.empty("twice")
    await up(urls)
    before = await asked(urls.owner, _SHAPE)
    assert await up(urls) == newest_revision()
    assert await asked(urls.owner, _SHAPE) == before
    assert len(before.splitlines()) > 300


async def test_two_upgrades_at_once_do_it_once(server: Server) -> None:
    """Two processes, as two replicas that start together would; both end well and the schema is there once."""
    urls = await server.empty("together")
    program = (
        "import asyncio, sys; from hundi.db.upgrade import upgrade; "
        "print(asyncio.run(upgrade(sys.argv[1], app_role='hundi_app', loader_role='hundi_loader')))"
    )
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, urls.owner, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    ends = await asyncio.gather(*(process.communicate() for process in started))
    for process, (out, err) in zip(started, ends, strict=True):
        assert process.returncode == 0, err.decode()[-2000:]
        assert out.decode().strip() == newest_revision()
    assert await asked(urls.owner, "SELECT count(*) FROM alembic_version") == 1


async def test_a_failed_upgrade_leaves_nothing_half_made(server: Server) -> None:
    urls = await server.empty("half")
    # A table that the first revision makes in its second half stands in the way.
    await asked(urls.owner, "CREATE TABLE delivery_attempts (x integer)")
    with pytest.raises(Exception, match="delivery_attempts"):
        await up(urls)
    assert await asked(urls.owner, "SELECT to_regclass('sellers')") is None
    await asked(urls.owner, "DROP TABLE delivery_attempts")
    assert await up(urls) == newest_revision()


async def test_what_a_role_kept_from_before_is_taken_away(server: Server) -> None:
    urls = await server.empty("grants")
    await up(urls)
    await asked(urls.owner, "GRANT UPDATE, DELETE ON audit_log TO hundi_app")
    await asked(urls.owner, "GRANT SELECT ON users TO hundi_loader")
    await up(urls)
    assert not await asked(urls.owner, "SELECT has_table_privilege('hundi_app', 'audit_log', 'UPDATE')")
    assert not await asked(urls.owner, "SELECT has_table_privilege('hundi_app', 'audit_log', 'DELETE')")
    assert not await asked(urls.owner, "SELECT has_table_privilege('hundi_loader', 'users', 'SELECT')")


async def test_an_upgrade_without_a_loader_role(server: Server) -> None:
    """Where PostgreSQL refuses to make a BYPASSRLS role, imports go through a temp table and the rest is the same."""
    urls = await server.empty("noloader")
    assert await upgrade(urls.owner, app_role="hundi_app", loader_role=None) == newest_revision()
    assert not await asked(urls.owner, "SELECT has_table_privilege('hundi_loader', 'invoices', 'INSERT')")


@pytest.mark.parametrize(("number", "words"), [("140012", "14.12"), ("90624", "9.6"), ("130000", "13.0")])
async def test_an_older_server_is_refused_with_a_sentence(number: str, words: str, server: Server) -> None:
    connection = await asyncpg.connect(server.urls.owner)

    class Older:
        """The real connection, but for the one answer that an older server would give."""

        async def fetchval(self, sql: str) -> str:
            assert await connection.fetchval(sql)
            return number

    try:
        with pytest.raises(DatabaseTooOld, match=rf"PostgreSQL {words}; Hundi needs PostgreSQL 15 or newer"):
            await check_server(Older())  # type: ignore[arg-type]  # as far as check_server asks
        await check_server(connection)
    finally:
        await connection.close()


async def test_a_database_without_a_schema_is_refused_by_the_server(server: Server) -> None:
    urls = await server.empty("none")
    with pytest.raises(SchemaBehind, match=r"has schema none.*Run `hundi db upgrade`"):
        await parts.check_schema(urls.app)


async def test_an_older_schema_is_refused_by_the_server(server: Server) -> None:
    urls = await server.empty("older")
    await up(urls)
    await asked(urls.owner, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaBehind, match=rf"has schema 0000.*needs {newest_revision()}. Run `hundi db upgrade`"):
        await parts.check_schema(urls.app)


async def test_a_newer_schema_is_refused_by_the_server_and_by_an_upgrade(server: Server) -> None:
    """An older Hundi must not touch what a newer one made, whoever asks it to; another address would not help."""
    urls = await server.empty("newer")
    await up(urls)
    await asked(urls.owner, "UPDATE alembic_version SET version_num = '9999'")
    app_alone = Settings(database_url=urls.app, secret_key="of the tests" * 3)
    for refused in (parts.check_schema(urls.app), up(urls), bring_up_to_date(app_alone)):
        with pytest.raises(SchemaBehind, match=r"schema 9999.*newer Hundi.*Install that version"):
            await refused
    assert await asked(urls.owner, "SELECT version_num FROM alembic_version") == "9999"


async def test_the_current_revision_is_told_before_and_after(server: Server) -> None:
    urls = await server.empty("told")
    connection = await asyncpg.connect(urls.owner)
    try:
        assert await current_revision(connection) is None
        await up(urls)
        assert await current_revision(connection) == newest_revision()
    finally:
        await connection.close()


def test_every_revision_is_one_step_from_the_last() -> None:
    """One head, no branches, and each revision's file starts with its number."""
    versions = Path(upgrading.__file__).parent / "migrations" / "versions"
    files = sorted(path.stem for path in versions.glob("0*.py"))
    assert [name[:4] for name in files] == [f"{at:04d}" for at in range(1, len(files) + 1)]
    assert files[-1].startswith(newest_revision())
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == newest_revision()
    assert [one.revision for one in script.walk_revisions()] == list(reversed(known_revisions()))
    for name in files:
        assert "def downgrade" not in (versions / f"{name}.py").read_text(), "no down-migrations: restore a backup"
