"""The page of tables, from the catalogue of a migrated database."""

from collections import defaultdict
from typing import Final

import asyncpg

from reference_pages.markdown import NOTE, table

_COLUMNS: Final = """
    SELECT c.relname AS "table", obj_description(c.oid, 'pg_class') AS about, a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
           pg_get_expr(d.adbin, d.adrelid) AS preset
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'pgqueuer%'
       AND c.relname <> 'alembic_version'
     ORDER BY c.relname, a.attnum"""
_KEYS: Final = """
    SELECT conrelid::regclass::text AS "table", conname AS name, pg_get_constraintdef(oid) AS rule FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
     ORDER BY conrelid::regclass::text, position(contype::text in 'puf'), conname"""


async def schema_page(owner_dsn: str) -> str:
    """Describe every table of a migrated database."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        columns = await connection.fetch(_COLUMNS)
        keys = await connection.fetch(_KEYS)
    finally:
        await connection.close()
    tables: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in columns:
        tables[row["table"]].append(row)
    parts = []
    for name, rows in sorted(tables.items()):
        about = f"{rows[0]['about']}\n\n" if rows[0]["about"] else ""
        listed: list[tuple[object, ...]] = [
            (f"`{row['name']}`", row["type"], "yes" if row["required"] else "", row["preset"] or "") for row in rows
        ]
        rules = "".join(f"- `{key['name']}`: {key['rule']}\n" for key in keys if key["table"] == name)
        parts.append(f"## {name}\n\n{about}{table(('column', 'type', 'required', 'default'), listed)}\n{rules}")
    return (
        "# Tables\n\n"
        + NOTE
        + "Every table but `directory` belongs to sellers: `seller_id` comes first in each key, and "
        "row-level security shows a connection only the rows of the seller it is bound to. The tables of the job queue "
        "(`pgqueuer…`) belong to pgqueuer.\n\n" + "\n".join(parts)
    )
