"""The audit trail as a file: CSV for people, JSON lines for programs; one batch in memory at a time."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final, Literal

import msgspec

from hundi.audit.search import AuditRow
from hundi.kit.dates import format_instant
from hundi.kit.formulas import guarded

Format = Literal["csv", "jsonl"]
CONTENT_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
COLUMNS: Final = ("at", "auditId", "actor", "action", "objectKind", "objectId", "before", "after", "requestId")
_ENCODER: Final = msgspec.json.Encoder()


def _values(row: AuditRow) -> tuple[str | None, ...]:
    return (
        format_instant(row.at), row.audit_id, row.actor, row.action, row.object_kind, row.object_id, row.before,
        row.after, row.request_id,
    )  # fmt: skip


def line(row: AuditRow) -> dict[str, Any]:
    """Give a row as JSON's own kinds; what stood before and after passes as the text it is kept as."""
    found: dict[str, Any] = dict(zip(COLUMNS, _values(row), strict=True))
    for name in ("before", "after"):
        found[name] = None if found[name] is None else msgspec.Raw(found[name].encode())
    return found


async def written(batches: AsyncIterator[list[AuditRow]], format_: Format) -> AsyncIterator[bytes]:
    """Write batches as they come; a CSV begins with its headings, and its cells are guarded against formulas."""
    if format_ == "csv":
        yield (",".join(COLUMNS) + "\r\n").encode()
    async for rows in batches:
        if format_ == "jsonl":
            yield b"".join(_ENCODER.encode(line(row)) + b"\n" for row in rows)
        else:
            text = io.StringIO()
            csv.writer(text).writerows([guarded(value or "") for value in _values(row)] for row in rows)
            yield text.getvalue().encode()
