"""The SQL texts in the sources: every string constant that is a statement, f-strings with their holes as ``{}``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

from sources import FOUNDATION, modules

_STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|MERGE|COPY|TRUNCATE)\b")
_TABLE_AFTER = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO|COPY|TABLE)\s+(?:ONLY\s+)?(?:public\.)?\"?([a-z_]+)\b", re.IGNORECASE
)
_BOUND = re.compile(
    r"\b(?:\w+\.)?seller_id\s*=\s*(?:\$\d+|(?:\w+\.)?seller_id|ANY \(\$\d+|excluded\.seller_id)", re.IGNORECASE
)
_USING = re.compile(r"\bUSING\s*\(\s*seller_id\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One SQL text: where it stands and what it says, white space made single."""

    module: str
    line: int
    sql: str

    @property
    def where(self) -> str:
        return f"{self.module} line {self.line}: {self.sql[:90]}"

    @property
    def tables(self) -> list[str]:
        """Give the tenant tables it names after FROM, JOIN, UPDATE, INTO or COPY, each as often as it stands there."""
        return [name for name in _TABLE_AFTER.findall(self.sql) if name in tenant_tables()]

    @property
    def bindings(self) -> int:
        """Count the conditions that hold a table to one seller."""
        return len(_BOUND.findall(self.sql)) + len(_USING.findall(self.sql))


def migration_texts() -> dict[str, str]:
    """Give every revision's SQL by file name, without its comments."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOUNDATION.glob("*.sql"))}
    return {name: re.sub(r"--[^\n]*", "", text) for name, text in texts.items()}


@cache
def tenant_tables() -> frozenset[str]:
    """Give the names of all tables the migrations make that have a seller_id; the directory is none (design §4.1)."""
    made = re.findall(r"create table (\w+) \(\s*seller_id\s", "\n".join(migration_texts().values()), re.IGNORECASE)
    return frozenset(made) - {"directory"}


def _flat(node: ast.expr) -> str | None:
    """Give a string constant, an f-string or a sum of them as one text; holes and names become ``{}``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _flat(node.left), _flat(node.right)
        if left is None and right is None:
            return None
        return ("{}" if left is None else left) + ("{}" if right is None else right)
    return None


@cache
def statements() -> tuple[Statement, ...]:
    found: list[Statement] = []
    for module in modules():
        inner: set[int] = set()
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.expr) or id(node) in inner:
                continue
            text = _flat(node)
            if text is None:
                continue
            inner |= {id(part) for part in ast.walk(node)}
            if _STATEMENT.match(text) and re.search(r"\b(FROM|INTO|SET|SELECT)\b", text):
                found.append(Statement(module.name, node.lineno, " ".join(text.split())))
    return tuple(found)
