"""Searching and exporting the audit trail over HTTP."""

from typing import Annotated, Any, Final

import msgspec
from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from hundi.audit import export, search
from hundi.audit.schemas import AuditOut
from hundi.audit.search import AuditRow, Wanted
from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.http.docs import or_file, statuses
from hundi.http.envelope import Envelope, Reply, in_ist, ok
from hundi.http.listing import LONGEST, Cursor, Limit, Listed, Offset, Since, Text, Until, page_of, period_of, text_of
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.paging import Part

_TAGS: Final = ["audit"]


@get(
    "/api/v0/audit",
    operation_id="searchAudit",
    tags=_TAGS,
    guards=[may(Permission.AUDIT_READ)],
    responses=statuses(),
)
async def search_audit(
    who: Actor,
    state: State,
    objectKind: Text = None,
    objectId: Text = None,
    actor: Text = None,
    action: Annotated[
        str | None,
        QueryParameter(required=False, max_length=LONGEST, description="invoice.create, or invoice.* for all"),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[AuditOut]]]:
    """Find who did what, newest first."""
    wanted = _wanted(objectKind, objectId, actor, action, since, until)
    belongs_to = [who.seller_id, "audit", *wanted.marks()]
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows = await search.page(tx, wanted, before=part.last_id, limit=part.most, offset=offset)
        total = await search.count(tx, wanted)
    page = page_of(part, rows, total, show=_shown, key=lambda row: [row.audit_id], bounded=True)
    return Reply(ok(page), media_type="application/json")


@get(
    "/api/v0/audit/export",
    operation_id="exportAudit",
    tags=_TAGS,
    guards=[may(Permission.AUDIT_READ)],
    operation_class=or_file(export.CONTENT_TYPES.values()),
    responses=statuses(),
    media_type="text/csv",
)
async def export_audit(
    who: Actor,
    state: State,
    objectKind: Text = None,
    objectId: Text = None,
    actor: Text = None,
    action: Text = None,
    since: Since = None,
    until: Until = None,
    format: Annotated[export.Format, QueryParameter(required=False)] = "csv",  # noqa: A002 - the query's name
    sellerId: SellerParameter = None,
) -> Stream:
    """Give all that matches as a file, oldest first, streamed."""
    wanted = _wanted(objectKind, objectId, actor, action, since, until)
    async with state.db.read(who):
        pass  # what can be refused (a token that was revoked) is refused before the reply begins
    pieces = export.written(search.everything(state.db, who, wanted), format)
    headers = {
        # As a header: the route's own media type would go out otherwise.
        "Content-Type": export.CONTENT_TYPES[format],
        "Content-Disposition": f'attachment; filename="audit-{who.seller_id}.{format}"',
        "Cache-Control": "private, no-store",
    }
    return Stream(pieces, headers=headers)


def _wanted(
    kind: str | None, object_id: str | None, actor: str | None, action: str | None, since: str | None, until: str | None
) -> Wanted:
    problems: list[FieldProblem] = []
    start, end = period_of(since, until, problems)
    for name, text in {"objectKind": kind, "objectId": object_id, "actor": actor, "action": action}.items():
        text_of(name, text, problems)
    if problems:
        raise Invalid(problems=problems)
    return Wanted(object_kind=kind, object_id=object_id, actor=actor, action=action, since=start, until=end)


def _shown(row: AuditRow) -> AuditOut:
    return AuditOut(
        auditId=row.audit_id, at=in_ist(row.at) or row.at, actor=row.actor, action=row.action,
        objectKind=row.object_kind, objectId=row.object_id, before=_raw(row.before), after=_raw(row.after),
        requestId=row.request_id,
    )  # fmt: skip


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


ROUTES: Final[list[Any]] = [search_audit, export_audit]
