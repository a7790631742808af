"""The network's central unit keeps to itself: its schema, who may touch it, and who may name it (design §5)."""

from __future__ import annotations

import re

import asyncpg
from sources import modules

APPEND_ONLY = {"events", "inbox", "refused"}


def test_only_the_central_unit_names_its_schema() -> None:
    """Its tables are no tenant's: no row-level security stands behind a statement that asks for too much."""
    naming = {module.name for module in modules() if re.search(r"\bcentral\.[a-z]+\b", " ".join(sql_of(module.text)))}
    assert naming == {"network.central.store", "network.central.unit", "network.central.delivery", "db.upgrade"}


def sql_of(text: str) -> list[str]:
    """Give the parts of a module that name a table after a word of SQL, and the lists of grants."""
    words = re.findall(r"\b(?:FROM|INTO|UPDATE|JOIN|DELETE FROM)\s+central\.[a-z]+", text)
    return words + re.findall(r'"central\.[a-z]+"', text)


async def test_the_app_may_do_with_it_what_it_needs_and_no_more(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        "SELECT c.relname, p.verb, has_table_privilege('hundi_app', c.oid, p.verb) AS may, "
        "has_table_privilege('hundi_loader', c.oid, p.verb) AS loader FROM pg_class c, "
        "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p (verb) "
        "WHERE c.relkind = 'r' AND c.relnamespace = 'central'::regnamespace"
    )
    may: dict[str, set[str]] = {}
    for row in rows:
        may.setdefault(row["relname"], set()).update({row["verb"]} if row["may"] else set())
        assert not row["loader"], row["relname"]
    assert {
        "homes", "objects", "events", "claims", "words", "outbox", "inbox", "heights", "numbers", "held",
        "refused",
    } == set(may)  # fmt: skip
    for name, verbs in may.items():
        assert verbs >= {"SELECT", "INSERT"}, name
        assert verbs <= {"SELECT", "INSERT", "UPDATE", "DELETE"}, name
    assert {name: may[name] for name in APPEND_ONLY} == {name: {"SELECT", "INSERT"} for name in APPEND_ONLY}
    assert "DELETE" not in may["objects"]


async def test_it_knows_no_seller(catalogue: asyncpg.Connection) -> None:
    columns = await catalogue.fetch("SELECT column_name FROM information_schema.columns WHERE table_schema = 'central'")
    assert "seller_id" not in {row["column_name"] for row in columns}
    crossing = await catalogue.fetchval(
        "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND (conrelid::regclass::text LIKE 'central.%') "
        "<> (confrelid::regclass::text LIKE 'central.%')"
    )
    assert crossing == 0, "it may live in a database of its own"
