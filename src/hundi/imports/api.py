"""Uploads of invoices (contract §4.2) and every import's progress, list, end and template (design §5 Bulk)."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import QueryParameter
from litestar.response import Stream

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.docs import or_file, statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Listed, Offset, page_of
from hundi.imports import progress, service
from hundi.imports.receiving import Form, Modes, received
from hundi.imports.reply import reply_to
from hundi.imports.schemas import BulkResponse, ImportAccepted, ImportStatus
from hundi.imports.service import INVOICES
from hundi.imports.stream import MEDIA_TYPE, Watch
from hundi.imports.template import template
from hundi.kit.actor import Actor
from hundi.kit.paging import Part

TAGS: Final = ["invoice-controller"]
_MOST_LISTED: Final = 500

DryRun = Annotated[bool, QueryParameter(description="Judge and report every row, write nothing")]
Atomic = Annotated[bool, QueryParameter(description="All rows or none: where one fails, nothing is written")]
Dispatch = Annotated[bool, QueryParameter(description="Send all imported invoices afterwards")]
CreateCustomers = Annotated[bool, QueryParameter(description="Make customers that are unknown from the row's columns")]
TemplateFormat = Annotated[
    Literal["csv", "xlsx"], QueryParameter(description="xlsx has notes and lists to choose from")
]
TemplateLanguage = Annotated[Literal["en", "hi"], QueryParameter(description="The language of the labels")]
TemplateOf = Annotated[Literal["invoices", "items"], QueryParameter(description="What the rows are")]
_MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TEMPLATE_OPERATION: Final = or_file(_MEDIA_TYPES.values())
ImportState = Literal["RECEIVED", "RUNNING", "DONE", "REFUSED", "CANCELLED"]
ImportKind = Literal["invoices", "customers", "customer_updates", "attachments"]
_FORM: Final = RequestBody(
    content={
        "multipart/form-data": OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.OBJECT,
                properties={
                    "file": Schema(
                        type=OpenAPIType.STRING,
                        content_media_type="application/octet-stream",
                        description="The file: CSV or a spreadsheet",
                    )
                },
            )
        )
    }
)
_INVOICES: Final = Form(
    kind=INVOICES,
    hint="Attach a CSV file as the part named 'file'; GET /api/v0/invoice/bulk/template gives one to start from.",
    nameless="upload.csv",
)


@dataclass
class UploadOperation(Operation):
    """Shows the multipart form in the OpenAPI document, which the handler reads from the stream itself."""

    request_body: RequestBody | None = field(default_factory=lambda: _FORM)

    def __post_init__(self) -> None:
        """Put the form in, whatever was derived from the handler's arguments."""
        self.request_body = _FORM


def upload_statuses() -> dict[int, ResponseSpec]:
    """Document how an upload is answered: as every call, and 202 to `Prefer: respond-async`."""
    accepted = ResponseSpec(Envelope[ImportAccepted], generate_examples=False, description="Accepted")
    return {202: accepted, **statuses()}


@post(
    "/api/v0/invoice/bulk/create",
    operation_id="invoiceBulkUpload",
    operation_class=UploadOperation,
    tags=TAGS,
    guards=[may(Permission.IMPORT)],
    status_code=200,
    responses=upload_statuses(),
)
async def upload_invoices(
    request: Request[Any, Any, State],
    state: State,
    dryRun: DryRun = False,
    atomic: Atomic = False,
    dispatch: Dispatch = False,
    createCustomers: CreateCustomers = False,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[BulkResponse]]:
    """Import a file of invoices: each row ends in exactly one of success and failure; files of both come with the reply.

    Waits for the end; with `Prefer: respond-async` it answers 202 with the address of the import's progress.
    """
    modes = Modes(dry_run=dryRun, atomic=atomic, dispatch=dispatch, create_customers=createCustomers)
    return await reply_to(request, state, await received(request, state, _INVOICES, modes))


@get(
    "/api/v0/invoice/bulk/{importId:str}",
    operation_id="getBulkImport",
    tags=TAGS,
    guards=[may(Permission.IMPORT)],
    responses=statuses(),
)
async def get_import(
    importId: str, request: Request[Any, Any, State], who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ImportStatus]] | Stream:
    """Show how far an import has come, and its result once it has ended.

    With `Accept: text/event-stream` the progress comes as events while the import runs: `progress` with the same object,
    at the end `result` with the reply of the upload. `Last-Event-ID` goes on after that event.
    """
    if MEDIA_TYPE in request.headers.get("accept", "").lower():
        watch = Watch(state, who, importId)
        return await watch.stream(request.headers.get("last-event-id"))
    async with state.db.read(who) as tx:
        status = await progress.one(tx, importId, state.base_url)
    return Reply(ok(status), status_code=200, media_type="application/json")


@get(
    "/api/v0/invoice/bulk",
    operation_id="getBulkImports",
    tags=TAGS,
    guards=[may(Permission.IMPORT)],
    responses=statuses(),
)
async def list_imports(
    who: Actor,
    state: State,
    importState: Annotated[ImportState | None, QueryParameter(required=False, description="Only in this state")] = None,
    kind: Annotated[ImportKind | None, QueryParameter(required=False, description="Only of this kind")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST_LISTED, description="At most 500; 50 unless told")] = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[ImportStatus]]]:
    """List the company's imports of every kind, newest first."""
    belongs_to = [who.seller_id, "imports", importState or "", kind or ""]
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor, parts=2)
    async with state.db.read(who) as tx:
        rows, total = await progress.page(
            tx, state.base_url, state=importState, kind=kind, after=part.after, limit=part.most, offset=offset
        )
    page = page_of(
        part,
        rows,
        total,
        show=lambda one: one,
        key=lambda one: [one.receivedOn.isoformat(), one.importId],
        bounded=True,
    )
    return Reply(ok(page), media_type="application/json")


@post(
    "/api/v0/invoice/bulk/{importId:str}/cancel",
    operation_id="cancelBulkImport",
    tags=TAGS,
    guards=[may(Permission.IMPORT)],
    status_code=200,
    responses=statuses(),
)
async def cancel_import(
    importId: str, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ImportStatus]]:
    """Stop an import before its next chunk: what is written by then stays, and is in the result files.

    One that has not begun writes nothing; one that has ended stays as it is. An atomic import writes all or nothing.
    """

    async def work(tx: Transaction) -> Envelope[ImportStatus]:
        await service.cancel(tx, call.actor, importId)
        return ok(await progress.one(tx, importId, state.base_url))

    return await once(state.db, call, work)


@get(
    "/api/v0/invoice/bulk/template",
    operation_id="getBulkTemplate",
    operation_class=TEMPLATE_OPERATION,
    tags=TAGS,
    guards=[may(Permission.IMPORT)],
    responses=statuses(),
    media_type="text/csv",
)
async def get_template(
    of: TemplateOf = "invoices",
    format: TemplateFormat = "csv",  # noqa: A002 - the parameter's name on the wire
    lang: TemplateLanguage = "en",
    sellerId: SellerParameter = None,
) -> Reply[bytes]:
    """Give the template for invoices or their items: a header line with every column's label, and one sample row."""
    return await template_reply(of, format, lang)


async def template_reply(kind: str, form: Literal["csv", "xlsx"], lang: Literal["en", "hi"]) -> Reply[bytes]:
    """Answer with a template as a file to keep."""
    content = await asyncio.to_thread(template, kind, form=form, lang=lang)
    headers = {"Content-Disposition": f'attachment; filename="hundi-{kind}-template.{form}"'}
    return Reply(content, status_code=200, media_type=_MEDIA_TYPES[form], headers=headers)


ROUTES: Final = [upload_invoices, get_import, list_imports, cancel_import, get_template]
