"""invoiceBulkUpload (contract §4.2), its progress and its template (design §5 Bulk)."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import QueryParameter

from hundi.auth.guard import may, who
from hundi.auth.rules import Permission
from hundi.db.pool import Database
from hundi.files.store import FileStore
from hundi.files.upload import take
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, encode, failed, in_ist, ok, sub_errors
from hundi.http.idempotency import Call, fingerprint, key_of
from hundi.imports import queries, service
from hundi.imports.errors import FileRefusal
from hundi.imports.queries import ImportRow
from hundi.imports.schemas import BulkResponse, ImportAccepted, ImportStatus, StoredResult
from hundi.imports.service import DONE, REFUSED, SETTLED, Options
from hundi.imports.template import template
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Refusal
from hundi.kit.ids import SELLER_PATTERN, SellerId

_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 0.25
_PATIENCE: Final = 3600.0
# What a multipart body has besides the file; the limit on whole bodies is enforced before the application.
_AROUND: Final = 64 * 1024
_TAGS: Final = ["invoice-controller"]
_HINT: Final = "Attach a CSV file as the part named 'file'; GET /api/v0/invoice/bulk/template gives one to start from."

SellerParameter = Annotated[
    str | None,
    QueryParameter(
        name="sellerId",
        required=False,
        schema_extra={"pattern": SELLER_PATTERN, "type": "string", "one_of": None},
        description="sellerId",
    ),
]
_FORM: Final = RequestBody(
    content={
        "multipart/form-data": OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.OBJECT,
                properties={
                    "file": Schema(
                        type=OpenAPIType.STRING,
                        content_media_type="application/octet-stream",
                        description="CSV of invoices",
                    )
                },
            )
        )
    }
)


@dataclass
class UploadOperation(Operation):
    """Shows the multipart form in the OpenAPI document, which the handler reads from the stream itself."""

    request_body: RequestBody | None = field(default_factory=lambda: _FORM)

    def __post_init__(self) -> None:
        """Put the form in, whatever was derived from the handler's arguments."""
        self.request_body = _FORM


@post(
    "/api/v0/invoice/bulk/create",
    operation_id="invoiceBulkUpload",
    operation_class=UploadOperation,
    tags=_TAGS,
    guards=[may(Permission.IMPORT)],
    status_code=200,
    responses={
        202: ResponseSpec(Envelope[ImportAccepted], generate_examples=False, description="Accepted"),
        **statuses(),
    },
)
async def upload_invoices(
    request: Request[Any, Any, State], state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[BulkResponse]]:
    """Import a CSV of invoices: each row ends in exactly one of success and failure; files of both come with the reply.

    Waits for the end; with `Prefer: respond-async` it answers 202 with the address of the import's progress.
    """
    call, import_id, replayed = await _received(request, state)
    if _is_async(request):
        return _accepted(state, import_id, replayed=replayed)
    row = await _settled(state.db, call.actor.seller_id, import_id)
    if row is None:
        return _accepted(state, import_id, replayed=replayed)
    return answer(row, replayed=replayed)


async def _received(request: Request[Any, Any, State], state: State) -> tuple[Call, str, bool]:
    """Stream the file in and write down that it came; gives the import's id and whether the key was known already."""
    actor = who(request)
    key = key_of(request)
    files: FileStore = state.files
    limit = state.settings.upload_limit_mb * 1024 * 1024 - _AROUND
    async with files.spool(limit) as spool:
        upload = await take(
            request.headers.get("content-type", ""), request.stream(), spool, hint=_HINT, nameless="upload.csv"
        )
        _, digest = await spool.finish()
        scope = request.scope
        print_ = fingerprint(scope["method"], scope["path"], scope["query_string"], digest)
        call = Call(actor=actor, key=key, fingerprint=print_)
        if key is not None:
            async with state.db.read(actor) as tx:
                earlier = await service.joined(tx, call)
            if earlier is not None:
                return call, earlier, True
        import_id = service.new_import_id(state.clock.now())
        kept = await files.keep(f"imports/{import_id}/upload", spool)
    rows = service.chunk_rows_for(kept.size, state.settings.chunk_rows)
    options = Options(chunk_rows=rows, base_url=state.base_url)
    try:
        async with state.db.transaction(actor) as tx:
            found = await service.receive(tx, call, import_id=import_id, kept=kept, name=upload.name, options=options)
    except Refusal:
        # Only what was certainly not written down: after a lost connection the import may well be there.
        await files.delete(kept.key)
        raise
    if found != import_id:
        await files.delete(kept.key)
    return call, found, found != import_id


def _is_async(request: Request[Any, Any, State]) -> bool:
    wishes = request.headers.get("prefer", "").lower().split(",")
    return any(wish.strip() == "respond-async" for wish in wishes)


async def _settled(db: Database, seller_id: SellerId, import_id: str) -> ImportRow | None:
    """Wait for the end of an import, asking at growing intervals with no transaction open; None after an hour."""
    wait = _FIRST_WAIT
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                async with db.read(seller_id) as tx:
                    if await queries.state(tx, import_id) in SETTLED:
                        return await queries.one(tx, import_id)
                await asyncio.sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT)
    except TimeoutError:
        return None


def _accepted(state: State, import_id: str, *, replayed: bool) -> Reply[Any]:
    url = f"{state.base_url}/api/v0/invoice/bulk/{import_id}"
    content = encode(ok(ImportAccepted(importId=import_id, state="ACCEPTED", url=url)))
    headers = {"Location": url, "Preference-Applied": "respond-async", **_replay(replayed=replayed)}
    return Reply(content, status_code=202, media_type="application/json", headers=headers)


def _replay(*, replayed: bool) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if replayed else {}


def answer(row: ImportRow, *, replayed: bool = False) -> Reply[Any]:
    """Answer with a settled import: made from its row alone, so it is the same byte for byte each time."""
    headers = _replay(replayed=replayed)
    if row.state == REFUSED:
        refusal = msgspec.json.decode(row.refusal or "", type=FileRefusal)
        actor = msgspec.json.decode(row.actor, type=Actor)
        only = refusal.problems[0]
        content = failed(
            message=f"{only.field}: {only.message}" if len(refusal.problems) == 1 else refusal.message,
            error_type=refusal.error_type,
            request_id=actor.request_id,
            now=row.finished_at or row.created_at,
            problems=refusal.problems,
        )
        return Reply(encode(content), status_code=400, media_type="application/json", headers=headers)
    result = msgspec.json.decode(row.result or "", type=StoredResult)
    warnings = [FieldProblem(one.field, one.code, one.message, one.rejectedValue) for one in result.warnings]
    return Reply(encode(ok(result.payload, warnings)), status_code=200, media_type="application/json", headers=headers)


@get(
    "/api/v0/invoice/bulk/{importId:str}",
    operation_id="getBulkImport",
    tags=_TAGS,
    guards=[may(Permission.IMPORT)],
    responses=statuses(),
)
async def get_import(
    importId: str, state: State, request: Request[Any, Any, State], sellerId: SellerParameter = None
) -> Reply[Envelope[ImportStatus]]:
    """Show how far an import has come, and its result once it is done."""
    async with state.db.read(who(request)) as tx:
        row = await queries.one(tx, importId)
        progress = await queries.progress(tx, importId)
    return Reply(ok(status_of(row, progress)), status_code=200, media_type="application/json")


def status_of(row: ImportRow, progress: dict[str, int]) -> ImportStatus:
    """Show an import."""
    status = ImportStatus(
        importId=row.import_id, state=row.state, fileName=row.file_name, fileSize=row.file_size,
        receivedOn=in_ist(row.created_at) or row.created_at, startedOn=in_ist(row.started_at),
        finishedOn=in_ist(row.finished_at), totalRows=row.total_count, doneRows=progress["done"],
        successCount=progress["successes"], failureCount=progress["failures"], warnCount=progress["warnings"],
    )  # fmt: skip
    if row.state == DONE:
        result = msgspec.json.decode(row.result or "", type=StoredResult)
        status.result, status.warnings = result.payload, result.warnings
    if row.state == REFUSED:
        refusal = msgspec.json.decode(row.refusal or "", type=FileRefusal)
        status.refusal = sub_errors(refusal.problems)
    return status


@get(
    "/api/v0/invoice/bulk/template",
    operation_id="getBulkTemplate",
    tags=_TAGS,
    guards=[may(Permission.IMPORT)],
    responses=statuses(),
    media_type="text/csv",
)
async def get_template(sellerId: SellerParameter = None) -> Reply[bytes]:
    """Give the CSV template: a header line with every column's label, and one sample row."""
    headers = {"Content-Disposition": 'attachment; filename="hundi-invoices-template.csv"'}
    return Reply(template(), status_code=200, media_type="text/csv; charset=utf-8", headers=headers)


ROUTES: Final = [upload_invoices, get_import, get_template]
