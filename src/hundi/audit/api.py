"""Searching and exporting the audit trail over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from hundi.audit import export, search
from hundi.audit.schemas import AuditOut, AuditPage
from hundi.audit.search import AuditRow, Wanted
from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.http.docs import or_file, statuses
from hundi.http.envelope import Envelope, Reply, in_ist, ok
from hundi.kit.actor import Actor
from hundi.kit.dates import NotADate, parse_instant
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.paging import MAX_PAGE, MOST_COUNTED, check_start, read_cursor, write_cursor

_TAGS: Final = ["audit"]
_LONGEST: Final = 100
Filter = Annotated[str | None, QueryParameter(required=False, max_length=_LONGEST)]
Since = Annotated[
    str | None,
    QueryParameter(name="from", required=False, description="An instant or a day; without an offset, in India"),
]
Until = Annotated[str | None, QueryParameter(name="to", required=False, description="An instant, itself included")]


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
    objectKind: Filter = None,
    objectId: Filter = None,
    actor: Filter = None,
    action: Annotated[
        str | None,
        QueryParameter(required=False, max_length=_LONGEST, description="invoice.create, or invoice.* for all"),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="At most 5000; 50 unless told")] = 50,
    offset: Annotated[int, QueryParameter(ge=0, le=10_000_000)] = 0,
    cursor: str | None = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[AuditPage]]:
    """Find who did what, newest first."""
    wanted = _wanted(objectKind, objectId, actor, action, since, until)
    check_start(cursor, offset)
    belongs_to = [who.seller_id, "audit", *wanted.marks()]
    before = read_cursor(state.keyring, belongs_to, cursor, 1)[0] if cursor is not None else None
    async with state.db.read(who) as tx:
        rows, more = await search.page(tx, wanted, before=before, limit=limit, offset=offset)
        total = await search.count(tx, wanted)
    page = AuditPage(
        data=[_shown(row) for row in rows],
        total_count=min(total, MOST_COUNTED),
        limit=limit,
        offset=offset,
        next_cursor=write_cursor(state.keyring, belongs_to, [rows[-1].audit_id]) if more else None,
        total_count_estimated=total > MOST_COUNTED,
    )
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
    objectKind: Filter = None,
    objectId: Filter = None,
    actor: Filter = None,
    action: Filter = None,
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
    start, end = _instant("from", since, problems), _instant("to", until, problems)
    if start and end and start > end:
        message = "'from' must not be after 'to'."
        problems += [FieldProblem(name, "FROM_AFTER_TO", message) for name in ("from", "to")]
    texts = {"objectKind": kind, "objectId": object_id, "actor": actor, "action": action}
    problems += [
        FieldProblem(name, "BAD_TEXT", "Remove the NUL character.")
        for name, text in texts.items()
        if "\x00" in (text or "")
    ]
    if problems:
        raise Invalid(problems=problems)
    return Wanted(object_kind=kind, object_id=object_id, actor=actor, action=action, since=start, until=end)


def _instant(name: str, text: str | None, problems: list[FieldProblem]) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except NotADate as error:
        problems.append(FieldProblem(name, error.code, str(error), text[:_LONGEST]))
        return None


def _shown(row: AuditRow) -> AuditOut:
    return AuditOut(
        auditId=row.audit_id, at=in_ist(row.at) or row.at, actor=row.actor, action=row.action,
        objectKind=row.object_kind, objectId=row.object_id, before=_raw(row.before), after=_raw(row.after),
        requestId=row.request_id,
    )  # fmt: skip


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


ROUTES: Final[list[Any]] = [search_audit, export_audit]
