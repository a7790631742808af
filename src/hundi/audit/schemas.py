"""Wire types of the audit trail."""

from datetime import datetime
from typing import Any

import msgspec

from hundi.http.envelope import NextCursor


class AuditOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who did what to which object; ``before`` and ``after`` hold what changed."""

    auditId: str
    at: datetime
    actor: str
    action: str
    objectKind: str
    objectId: str
    before: Any = None
    after: Any = None
    requestId: str | None = None


class AuditPage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One page of the trail; ``total_count`` is exact up to 100,000, and the least there is where it says estimated."""

    data: list[AuditOut]
    total_count: int
    limit: int
    offset: int
    next_cursor: NextCursor
    total_count_estimated: bool = False
