"""Wire types of the audit trail."""

from datetime import datetime
from typing import Any

import msgspec


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
