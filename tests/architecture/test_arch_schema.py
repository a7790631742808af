"""The migrated schema keeps the tenant's rules (design §4.1) and what Citus asks for (design §6)."""

from __future__ import annotations

import re

import asyncpg
import pytest
from statements import tenant_tables

from hundi.db.upgrade import LOADER_TABLES
from hundi.gst import numbers
from make import START

POLICY = "(seller_id = current_setting('hundi.seller_id'::text, true))"
# Without a seller: the directory (design §4.1), what Alembic keeps, and the job tables, which have their own owner.
NOT_OF_A_TENANT = {"directory", "alembic_version"}
# What searches look at: read only, and bound to the seller by a condition of their own (revision 0002 says why).
VIEWS = {"searchable_customers", "searchable_invoices"}
MASTER_LISTS: set[str] = set()  # HSN, states, units, banks: none has a table yet
# What runs as the owner, past row-level security: each gives or changes next to nothing, and says why it may.
AS_THE_OWNER = {
    "directory_find": "gives whose a key is, before the seller is known",
    "directory_put": "points a key at the bound seller, at nobody else",
    "directory_drop": "takes away a key of the bound seller",
    "sellers_with_webhook_work": "gives the ids of sellers whose events wait to be turned into webhooks, nothing of theirs",
    "attachments_kept": "tells which of some files an attachment has or may come to have, nothing of theirs",
    "imports_kept": "tells which of some imports still need their files, nothing of theirs",
    "sellers_to_seal": "gives the ids of sellers whose audit rows wait for their seal, nothing of theirs",
    "sellers_with_parcels": "gives the ids of sellers whose network parcels are due, nothing of theirs",
    "purge_network": "forgets which parcels of the network were taken over or refused long ago; gives a count",
    "purge_provider_mail": "forgets settled messages to providers and webhooks from them, long ago; gives a count",
    "purge_expired": "takes away what is past its date anyway, of every seller; gives a count",
}
NO_ROW_OF_THE_TENANT_MAY_GO = {"audit_log", "events", "invoice_entries", "invoices", "audit_seals"}


def is_job_table(name: str) -> bool:
    return name.startswith("pgqueuer")


async def ours(catalogue: asyncpg.Connection) -> list[str]:
    rows = await catalogue.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [row["relname"] for row in rows if not is_job_table(row["relname"])]


async def tenants(catalogue: asyncpg.Connection) -> list[str]:
    return [name for name in await ours(catalogue) if name not in NOT_OF_A_TENANT | MASTER_LISTS]


async def test_every_table_is_a_tenants_or_named_here(catalogue: asyncpg.Connection) -> None:
    assert set(await tenants(catalogue)) == tenant_tables(), "the reader of the migrations and the catalogue agree"
    columns = await catalogue.fetch(
        "SELECT table_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name = 'seller_id'"
    )
    kinds = {row["table_name"]: (row["data_type"], row["is_nullable"]) for row in columns}
    assert {name: kinds.get(name) for name in await tenants(catalogue)} == dict.fromkeys(
        await tenants(catalogue), ("text", "NO")
    )
    assert set(kinds) - set(await tenants(catalogue)) == {"directory"} | VIEWS


async def test_a_view_keeps_to_the_bound_seller(catalogue: asyncpg.Connection) -> None:
    """A view runs with its owner's rights, past row-level security: the policy's condition stands in the view itself."""
    rows = await catalogue.fetch(
        "SELECT viewname, pg_get_viewdef(format('public.%I', viewname)::regclass) AS sql FROM pg_views "
        "WHERE schemaname = 'public'"
    )
    assert {row["viewname"] for row in rows} == VIEWS
    for row in rows:
        where = " ".join(row["sql"].partition("WHERE")[2].split()).rstrip(";")
        # PostgreSQL 15 prints the table's name before its columns.
        where = re.sub(r"(?<=\()\w+\.(?=seller_id\b)", "", where)
        assert where.startswith((POLICY, f"({POLICY} AND ")), f"{row['viewname']}: {where}"
        assert " OR " not in where
        granted = await catalogue.fetch(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE table_name = $1 AND grantee = 'hundi_app'",
            row["viewname"],
        )
        assert [one["privilege_type"] for one in granted] == ["SELECT"], row["viewname"]


async def test_the_seller_comes_first_in_every_key(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        """SELECT t.relname AS table, i.relname AS index, x.indisprimary AS is_primary, x.indisunique AS is_unique,
                  a.attname AS first
             FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
            WHERE t.relnamespace = 'public'::regnamespace"""
    )
    names = set(await tenants(catalogue))
    keys = [row for row in rows if row["table"] in names]
    assert {row["table"] for row in keys if row["is_primary"]} == names, "every table has a primary key"
    wrong = [row["index"] for row in keys if row["first"] != "seller_id"]
    assert wrong == [], "also a plain index begins with the seller: no statement of ours looks across sellers"


async def test_row_level_security_is_on_with_the_one_policy(catalogue: asyncpg.Connection) -> None:
    on = await catalogue.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relrowsecurity "
        "AND relnamespace = 'public'::regnamespace"
    )
    assert sorted(row["relname"] for row in on) == await tenants(catalogue)
    policies = await catalogue.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public'")
    assert sorted(row["tablename"] for row in policies) == await tenants(catalogue), "one policy a table, no more"
    for row in policies:
        assert row["policyname"] == f"{row['tablename']}_of_seller"
        assert (row["qual"], row["with_check"]) == (POLICY, POLICY), row["tablename"]
        assert (row["permissive"], row["roles"], row["cmd"]) == ("PERMISSIVE", ["public"], "ALL"), row["tablename"]


async def test_no_triggers_rules_inheritance_or_sequences(catalogue: asyncpg.Connection) -> None:
    names = await ours(catalogue)
    found = await catalogue.fetch(
        """SELECT 'trigger ' || tgname AS what FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY ($1)
           UNION ALL SELECT 'rule ' || rulename FROM pg_rules WHERE schemaname = 'public'
           UNION ALL SELECT 'child ' || inhrelid::regclass::text FROM pg_inherits WHERE inhparent::regclass::text = ANY ($1)
           UNION ALL SELECT 'sequence ' || c.relname FROM pg_class c
                     WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'pgqueuer%'
           UNION ALL SELECT 'identity ' || attname FROM pg_attribute
                     WHERE attidentity <> '' AND attrelid::regclass::text = ANY ($1)
           UNION ALL SELECT 'generated ' || attname FROM pg_attribute
                     WHERE attgenerated <> '' AND attrelid::regclass::text = ANY ($1)""",
        names,
    )
    assert [row["what"] for row in found] == []


async def test_every_constraint_has_a_name_of_ours(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        """SELECT c.conname, t.relname, c.contype::text AS kind FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
            WHERE c.connamespace = 'public'::regnamespace AND c.contype <> 'n'"""
    )
    made = [row for row in rows if not is_job_table(row["relname"]) and row["relname"] != "alembic_version"]
    seen = [row["conname"] for row in made]
    assert len(seen) == len(set(seen)), "unique in the database: errors are told apart by it alone"
    for row in made:
        name, table = row["conname"], row["relname"]
        assert len(name.encode()) <= 50, name
        assert not re.search(r"_\d+$", name), f"Citus adds _<digits>, which errors cut off again: {name}"
        assert name.startswith(f"{table}_"), name
        # What PostgreSQL calls a constraint that was given no name.
        assert not re.search(r"_(pkey|key|fkey|check\d*|excl)$", name), f"{name} looks like PostgreSQL's own"


async def test_foreign_keys_stay_with_their_seller(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        """SELECT c.conname, t.relname AS source, f.relname AS target, c.confupdtype::text AS on_update,
                  c.confdeltype::text AS on_delete,
                  (SELECT array_agg(a.attname ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k (num, n)
                     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num)::text[] AS own,
                  (SELECT array_agg(a.attname ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k (num, n)
                     JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num)::text[] AS theirs
             FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid
            WHERE c.contype = 'f'"""
    )
    assert len(rows) >= 20
    for row in rows:
        assert not is_job_table(row["source"]), row["conname"]
        assert not is_job_table(row["target"]), row["conname"]
        assert (row["on_update"], row["on_delete"]) == ("a", "a"), f"{row['conname']}: no CASCADE and no SET NULL"
        if row["target"] not in MASTER_LISTS:
            assert (row["own"][0], row["theirs"][0]) == ("seller_id", "seller_id"), row["conname"]


async def test_amounts_are_numeric_and_instants_have_a_zone(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = ANY ($1)",
        await ours(catalogue),
    )
    for row in rows:
        place = f"{row['table_name']}.{row['column_name']}"
        assert row["data_type"] not in {"real", "double precision", "money", "timestamp without time zone", "json"}, (
            place
        )
        default = row["column_default"] or ""
        assert not re.search(r"now\(|nextval|random|uuid", default), f"{place}: ids and times come from the application"


PATTERNS = (
    "INV/{26-27}/{n:4}", "INV/{2627}/{n}", "{2026-27}-{n:5}", "A{n}", "{n:1}", "X-{n:16}", "{26-27}{2627}-{n:3}", "{n:6}/Z",
    "a.b\\{n:2}", "$1&{n:3}",
)  # fmt: skip


async def rendered(catalogue: asyncpg.Connection, pattern: str, fy: int, n: int) -> str | None:
    """Give what the database makes of it, or None where it refuses as a series that is used up."""
    try:
        return await catalogue.fetchval("SELECT render_number($1, $2::smallint, $3)", pattern, fy, n)
    except asyncpg.PostgresError as error:
        if error.sqlstate != "HU422":
            raise
    return None


async def test_the_database_writes_numbers_as_the_code_does(catalogue: asyncpg.Connection) -> None:
    compared = 0
    for pattern in PATTERNS:
        for fy in (1999, 2000, 2009, 2025, 2026, 2098, 2099):
            for n in (1, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 999_999, 1_000_000, 10**15):
                try:
                    wanted = numbers.render_number(pattern, fy, n)
                except numbers.SeriesExhausted:
                    wanted = None
                got = await rendered(catalogue, pattern, fy, n)
                assert got == wanted, (pattern, fy, n)
                compared += 1
    assert compared == len(PATTERNS) * 7 * 14


# ---------------------------------------------------------------- the roles


async def privileges(catalogue: asyncpg.Connection, role: str) -> dict[str, set[str]]:
    rows = await catalogue.fetch(
        """SELECT t.relname AS name, p.verb FROM pg_class t,
                  unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (verb)
            WHERE t.relkind IN ('r', 'p') AND t.relnamespace = 'public'::regnamespace
              AND has_table_privilege($1, t.oid, p.verb)""",
        role,
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["name"], set()).add(row["verb"])
    return found


async def test_neither_role_owns_or_bypasses_more_than_it_should(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles "
        "WHERE rolname IN ('hundi_app', 'hundi_loader')"
    )
    found = {row["rolname"]: tuple(row)[1:] for row in rows}
    assert found == {"hundi_app": (False,) * 5, "hundi_loader": (False, True, False, False, False)}
    owned = await catalogue.fetchval(
        "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname IN ('hundi_app', 'hundi_loader')"
    )
    assert owned == 0
    for role in ("hundi_app", "hundi_loader"):
        assert not await catalogue.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role)
        assert (
            await catalogue.fetchval(
                "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = $1", role
            )
            == 0
        ), f"{role} is nobody else as well"


async def test_the_app_may_do_what_it_needs_and_no_more(catalogue: asyncpg.Connection) -> None:
    may = await privileges(catalogue, "hundi_app")
    for name in await tenants(catalogue):
        assert may.get(name, set()) >= {"SELECT", "INSERT"}, name
        assert may[name] <= {"SELECT", "INSERT", "UPDATE", "DELETE"}, name
    assert may.get("directory") is None, "the directory is reached by its functions only"
    assert may["alembic_version"] == {"SELECT"}
    append_only = {
        "audit_log",
        "events",
        "invoice_entries",
        "audit_seals",
        "import_chunks",
        "delivery_invoices",
    }
    assert {name: may[name] for name in append_only} == {name: {"SELECT", "INSERT"} for name in append_only}
    # Other lines take the place of those an invoice had; the audit row of that keeps both.
    assert may["invoice_items"] == {"SELECT", "INSERT", "DELETE"}
    assert NO_ROW_OF_THE_TENANT_MAY_GO.isdisjoint(name for name, verbs in may.items() if "DELETE" in verbs)
    columns = await catalogue.fetchval(
        "SELECT count(*) FROM information_schema.column_privileges WHERE grantee = 'hundi_app' AND table_name = 'audit_log' "
        "AND privilege_type = 'UPDATE'"
    )
    assert columns == 0


async def test_the_loader_may_insert_into_its_list_and_nothing_else(catalogue: asyncpg.Connection) -> None:
    assert await privileges(catalogue, "hundi_loader") == {name: {"INSERT"} for name in LOADER_TABLES}
    assert set(LOADER_TABLES) <= set(await tenants(catalogue))


async def test_the_world_may_nothing(catalogue: asyncpg.Connection) -> None:
    granted = await catalogue.fetch(
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
    )
    assert granted == []


async def test_only_these_functions_run_as_the_owner(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        "SELECT p.proname, p.proconfig FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
    )
    assert {row["proname"] for row in rows} == set(AS_THE_OWNER)
    for row in rows:
        assert row["proconfig"] == ["search_path=pg_catalog, public"], row["proname"]


async def test_the_net_holds(catalogue: asyncpg.Connection, database_urls: object) -> None:
    """As the app: nothing of anybody without a seller, nothing of another with one, no writing for another."""
    app = await asyncpg.connect(database_urls.app)  # type: ignore[attr-defined]  # the fixture's Urls
    try:
        await catalogue.execute(
            "INSERT INTO sellers (seller_id, legal_name, created_at) VALUES ('CEKNET0001', 'A', $1), ('CEKNET0002', 'B', $1) "
            "ON CONFLICT DO NOTHING",
            START,
        )
        assert await app.fetchval("SELECT count(*) FROM sellers") == 0
        async with app.transaction():
            await app.execute("SELECT bind_seller('CEKNET0001')")
            seen = await app.fetch("SELECT seller_id FROM sellers")
            assert [row["seller_id"] for row in seen] == ["CEKNET0001"]
            assert await app.execute("UPDATE sellers SET legal_name = 'X' WHERE seller_id = 'CEKNET0002'") == "UPDATE 0"
        transaction = app.transaction()
        await transaction.start()
        await app.execute("SELECT bind_seller('CEKNET0001')")
        foreign = "INSERT INTO sellers (seller_id, legal_name, created_at) VALUES ('CEKNET0003', 'C', $1)"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(foreign, START)
        await transaction.rollback()
        assert await app.fetchval("SELECT count(*) FROM sellers") == 0, "the binding ended with its transaction"
        for forbidden in ("SELECT * FROM directory", "UPDATE audit_log SET actor = ''", "DELETE FROM invoice_entries"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(forbidden)
    finally:
        await app.close()
