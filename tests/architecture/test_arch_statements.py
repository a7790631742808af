"""The SQL texts in the sources and in the migrations keep to one seller and to what Citus can run (design §4.1, §6)."""

from __future__ import annotations

import ast
import re

import pytest
from sources import calls, modules
from statements import Statement, migration_texts, statements, tenant_tables

# Statements that look at all sellers at once, as the owner: each module of them is one that only an operator runs.
CROSS_SELLER: dict[str, str] = {
    "cli.operator": "goes through all sellers, one after the other",
    "cli.actor": "finds the only seller, where there is one and none was named",
}
# Who besides a lifecycle.py writes a state.
STATE_WRITERS: dict[str, str] = {
    "imports.service": "an import's three moves; each statement names the states it leaves, and nobody else asks for one",
    "network.books.runs": "a run's moves; each statement names the states it leaves, and nobody else asks for one",
}
# The state columns of the axes (design §4.4), each written by the capability's lifecycle alone.
_STATE_WRITE = re.compile(
    r"^UPDATE \w+(?: AS \w+| \w+)? SET (?:(?! WHERE ).)*\b"
    r"(approval_status|receivable_status|dispatch_status|payout_status|state) ="
)
_VOLATILE = re.compile(
    r"\b(now\(\)|clock_timestamp\(|random\(|gen_random_uuid\(|statement_timestamp\(|current_timestamp)", re.IGNORECASE
)


# By package: which statements there are is known only once every file is parsed, and the tests are listed before that.
PACKAGES = sorted({module.package for module in modules()})


def statements_of(package: str) -> list[Statement]:
    return [found for found in statements() if found.module.partition(".")[0] == package]


def on_tenant_tables(package: str) -> list[Statement]:
    return [found for found in statements_of(package) if found.tables and found.module not in CROSS_SELLER]


def test_the_reader_finds_the_statements() -> None:
    """Without this a change of style could silence every test below."""
    assert len(tenant_tables()) >= 28
    assert sum(len(on_tenant_tables(package)) for package in PACKAGES) >= 60
    assert {"invoices.queries", "customers.service", "dispatch.lifecycle"} <= {found.module for found in statements()}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_statement_names_its_seller(package: str) -> None:
    """Row-level security is the net; the condition is the rope, on both sides of every join."""
    for found in on_tenant_tables(package):
        written = re.match(r"(?:WITH .*\) )?INSERT INTO (\w+) \(([^)]*)\)", found.sql)
        needed = len(found.tables)
        if written:
            assert written.group(2).split(",")[0].strip() in {"seller_id", "{}"}, found.where
            needed -= 1
        else:
            assert "INSERT INTO" not in found.sql or "{}" in found.sql, f"name the columns: {found.where}"
        assert found.bindings >= needed, f"{found.tables} need seller_id = $n each: {found.where}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_statement_is_one_that_citus_can_run(package: str) -> None:
    for found in statements_of(package):
        sql = found.sql
        assert not re.search(r"\bMERGE INTO\b", sql), found.where
        assert "current_setting(" not in sql, f"the seller comes as a parameter: {found.where}"
        update = sql.partition("DO UPDATE")[2]
        assert not _VOLATILE.search(update), f"times come as parameters: {found.where}"
        assert "jsonb_build_object(" not in update, f"use excluded.x: {found.where}"
        if found.tables and re.match(r"UPDATE\b", sql):
            assert not _VOLATILE.search(sql), f"no volatile function in UPDATE: {found.where}"
            assert not re.search(r"\bSET (?:(?! WHERE ).)*\bseller_id =", sql), (
                f"seller_id is never updated: {found.where}"
            )
        if re.search(r"\bFOR (NO KEY )?UPDATE\b|\bFOR SHARE\b", sql) and found.tables:
            assert found.bindings, f"a row lock needs the seller: {found.where}"
        assert not re.search(r"\bVALUES\s*\([^)]*\(\s*SELECT\b", sql), f"no sub-select in VALUES: {found.where}"
        assert not re.search(r"\bSELECT (\w+\.)?\*", sql), f"name the columns: {found.where}"


@pytest.mark.parametrize("package", PACKAGES)
def test_only_a_lifecycle_writes_a_state(package: str) -> None:
    for found in statements_of(package):
        if found.tables and _STATE_WRITE.search(found.sql):
            assert found.module.endswith(".lifecycle") or found.module in STATE_WRITERS, (
                f"the move belongs into lifecycle.py: {found.where}"
            )


def test_advisory_locks_and_notices_stand_alone() -> None:
    for found in statements():
        if re.search(r"pg_(try_)?advisory|pg_notify", found.sql):
            assert found.tables == [], found.where


def test_nothing_is_sent_row_by_row() -> None:
    for module in modules():
        many = [node.lineno for name, node in calls(module.tree) if name.endswith("executemany")]
        assert many == [], f"{module.name}: executemany is a loop; pass arrays or COPY"


def test_values_are_parameters() -> None:
    """Nothing is put into a statement with the % operator, and format() only fills places of parameters."""
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
                text = node.left.value
                assert not (isinstance(text, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b", text)), (
                    module.name
                )


def test_the_migrations_keep_to_the_same() -> None:
    for name, text in migration_texts().items():
        assert not re.search(
            r"\b(merge into|create trigger|create rule|inherits\s*\(|create sequence|\bserial\b)", text, re.IGNORECASE
        ), name
        for update in re.findall(r"do update\b(.*?);", text, re.IGNORECASE | re.DOTALL):
            assert not _VOLATILE.search(update), name
            assert "jsonb_build_object" not in update, name
        # The policies, the views of searches and the two functions that write the directory: nobody else asks who is bound.
        asking = [line.strip() for line in text.splitlines() if "current_setting(" in line]
        rest = [
            line for line in asking
            if "hundi.seller_id'', true)" not in line and "values (p_kind, p_key_hash," not in line
            and not line.startswith("where seller_id = current_setting('hundi.seller_id', true)")
            and "key_hash = p_key_hash and seller_id = current_setting('hundi.seller_id')" not in line
        ]  # fmt: skip
        assert rest == [], name


@pytest.mark.parametrize(
    ("sql", "right"),
    [
        ("SELECT invoice_id FROM invoices WHERE seller_id = $1", True),
        ("SELECT invoice_id FROM invoices WHERE invoice_id = $1", False),
        ("SELECT 1 FROM invoices i JOIN customers c ON c.customer_id = i.customer_id WHERE i.seller_id = $1", False),
        ("SELECT 1 FROM invoices i JOIN customers c USING (seller_id, customer_id) WHERE i.seller_id = $1", True),
        ("INSERT INTO events (seller_id, event_id) VALUES ($1, $2)", True),
        ("UPDATE invoices SET via = $2 WHERE invoice_id = $1", False),
    ],
)
def test_the_reader_can_tell(sql: str, right: bool) -> None:
    found = Statement("test", 1, sql)
    needed = len(found.tables) - sql.startswith("INSERT")
    assert (found.bindings >= needed) is right


def test_no_exception_on_the_lists_is_left_over() -> None:
    for name in CROSS_SELLER:
        assert [s for s in statements() if s.module == name and len(s.tables) > s.bindings], f"take {name} off the list"
    for name in STATE_WRITERS:
        assert [s for s in statements() if s.module == name and _STATE_WRITE.search(s.sql)], f"take {name} off the list"
