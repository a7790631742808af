"""Uploading, listing, fetching and marking an invoice's attachments (contract §4.7; design §5)."""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get, patch, post
from litestar.datastructures import State
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import UNSET, Meta, UnsetType

from hundi.auth.guard import SellerParameter, may, who
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.files.api import disposition
from hundi.files.store import FileStore
from hundi.files.upload import take
from hundi.files.upload_docs import multipart
from hundi.http.body import PatchBody
from hundi.http.docs import or_file, statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, fingerprint, key_of, once
from hundi.http.listing import Listed, listed
from hundi.invoices import attachments, queries
from hundi.invoices.attachment_errors import AttachmentNotFound
from hundi.invoices.attachment_kinds import KINDS, MAX_SIZE, look_at
from hundi.invoices.attachments import AttachmentRow, Marks, Source, Wish
from hundi.invoices.schemas import InvoiceAttachmentResponse, InvoiceResponse
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid, Refusal
from hundi.kit.ids import new_id

_TAGS: Final = ["invoice-controller"]
_WORDS: Final = {"true": True, "false": False}
_LONGEST: Final = {"referenceId": 100, "remarks": 500}
_BY_CALLERS: Final = (Source.API, Source.UPLOAD, Source.TALLY_INVOICE)
_TEXT: Final = OpenAPIType.STRING
_SWITCH: Final = Schema(type=_TEXT, enum=["true", "false"])
_FORM: Final = multipart(
    "PDF, PNG, JPEG, XLSX, XML, CSV or plain text, at most 10 MB",
    {
        "attachmentSource": Schema(type=_TEXT, enum=[one.value for one in _BY_CALLERS], default=Source.API.value),
        "primary": _SWITCH,
        "shared": _SWITCH,
        "referenceId": Schema(type=_TEXT, max_length=_LONGEST["referenceId"]),
        "remarks": Schema(type=_TEXT, max_length=_LONGEST["remarks"]),
    },
)


class AttachmentPatch(msgspec.Struct, kw_only=True):
    """A change of an attachment: absent leaves, null clears a text."""

    primary: Annotated[bool, Meta(description="This is what the customer is mailed")] | UnsetType = UNSET
    shared: Annotated[bool, Meta(description="The customer may have it")] | UnsetType = UNSET
    deleted: Annotated[bool, Meta(description="true takes it off the invoice, false puts it back")] | UnsetType = UNSET
    remarks: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    referenceId: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET


def address(base_url: str, row: AttachmentRow) -> str:
    """Give where an attachment is fetched, with a token."""
    return f"{base_url}/api/v0/invoice/{row.invoice_id}/attachment/{row.attachment_id}"


def shown(base_url: str, row: AttachmentRow) -> InvoiceAttachmentResponse:
    """Show an attachment as the contract does (§4.7)."""
    return InvoiceAttachmentResponse(
        attachmentSource=row.source, createdBy=row.created_by, deleted=row.deleted, fileExt=row.file_ext,
        invoiceAttachmentId=row.attachment_id, modifiedBy=row.modified_by, originalFilename=row.original_name,
        primary=row.is_primary, referenceId=row.reference_id, remarks=row.remarks, shared=row.shared,
        url=address(base_url, row),
    )  # fmt: skip


def put_in(base_url: str, response: InvoiceResponse, rows: list[AttachmentRow]) -> InvoiceResponse:
    """Fill the two members of an invoice's reply that tell of its attachments; give the reply."""
    response.invoiceAttachments = [shown(base_url, row) for row in rows]
    response.attachmentUrl = next((address(base_url, row) for row in rows if row.is_primary), None)
    return response


@post(
    "/api/v0/invoice/{invoiceId:str}/attachment",
    operation_id="uploadInvoiceAttachment",
    operation_class=_FORM,
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    status_code=200,
    responses=statuses(),
)
async def upload_attachment(
    invoiceId: str, request: Request[Any, Any, State], state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[InvoiceAttachmentResponse]]:
    """Attach a file to an invoice. Its type is found out from its content, and its name has to agree."""
    actor, key, files = who(request), key_of(request), state.files
    attachment_id = new_id("att", state.clock.now())
    async with files.spool(MAX_SIZE) as spool:
        upload = await take(request.headers.get("content-type", ""), request.stream(), spool)
        wish = wish_of(upload.fields)
        file, digest = await spool.finish()
        named = await asyncio.to_thread(lambda: look_at(file.read(), upload.name))
        scope = request.scope
        body = digest + msgspec.json.encode([upload.name, sorted(upload.fields.items())])
        print_ = fingerprint(scope["method"], scope["path"], scope["query_string"], body)
        kept = await files.keep(f"attachments/{attachment_id}", spool)
    is_used = False

    async def work(tx: Transaction) -> Envelope[InvoiceAttachmentResponse]:
        nonlocal is_used
        row, warnings = await attachments.attach(tx, actor, invoiceId, attachment_id, kept=kept, named=named, wish=wish)
        is_used = row.attachment_id == attachment_id
        return ok(shown(state.base_url, row), warnings)

    try:
        reply = await once(state.db, Call(actor=actor, key=key, fingerprint=print_), work)
    except Refusal:
        # Only what was certainly not written down: after a lost connection the row may well be there.
        await files.delete(kept.key)
        raise
    if not is_used:
        await files.delete(kept.key)
    return reply


def wish_of(fields: dict[str, str]) -> Wish:
    """Read the form's fields; every wrong one is reported. Unknown fields are ignored, as on documented endpoints."""
    problems: list[FieldProblem] = []
    switches: dict[str, bool | None] = {}
    for name in ("primary", "shared"):
        text = fields.get(name, "").strip().lower()
        if text not in {"", *_WORDS}:
            problems.append(FieldProblem(name, "WRONG_TYPE", "Send true or false.", text[:100]))
        switches[name] = _WORDS.get(text)
    source = fields.get("attachmentSource", "").strip() or Source.API.value
    if source not in {one.value for one in _BY_CALLERS}:
        message = f"Send {', '.join(one.value for one in _BY_CALLERS)} or nothing."
        problems.append(FieldProblem("attachmentSource", "UNKNOWN_VALUE", message, source[:100]))
    for name, most in _LONGEST.items():
        if len(fields.get(name, "")) > most:
            problems.append(FieldProblem(name, "TOO_LONG", f"Send at most {most} characters."))
    if switches["primary"] and switches["shared"] is False:
        problems.append(
            FieldProblem("shared", "PRIMARY_IS_SHARED", "The primary attachment is mailed, so it is shared.")
        )
    if problems:
        raise Invalid(problems=problems)
    return Wish(
        source=Source(source),
        primary=switches["primary"],
        shared=bool(switches["shared"]),
        reference_id=fields.get("referenceId") or None,
        remarks=fields.get("remarks") or None,
    )


@get(
    "/api/v0/invoice/{invoiceId:str}/attachment",
    operation_id="getInvoiceAttachments",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def list_attachments(
    invoiceId: str,
    who: Actor,
    state: State,
    deleted: Annotated[bool, QueryParameter(description="Show those that were deleted as well")] = False,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[InvoiceAttachmentResponse]]]:
    """List an invoice's attachments, oldest first."""
    async with state.db.read(who) as tx:
        await queries.one(tx, who.seller_id, invoiceId)
        rows = await attachments.of_invoice(tx, who.seller_id, invoiceId, deleted=deleted)
    return Reply(ok(listed([shown(state.base_url, row) for row in rows])))


@get(
    "/api/v0/invoice/{invoiceId:str}/attachment/{attachmentId:str}",
    operation_id="getInvoiceAttachment",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    operation_class=or_file(kind.content_type for kind in KINDS),
    responses=statuses(),
    media_type="application/pdf",
)
async def get_attachment(
    invoiceId: str, attachmentId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Stream:
    """Fetch an attachment's content."""
    async with state.db.read(who) as tx:
        await queries.one(tx, who.seller_id, invoiceId)
        row = await attachments.one(tx, who.seller_id, invoiceId, attachmentId)
    files: FileStore = state.files
    if row.deleted or not await files.exists(row.file_key):
        raise AttachmentNotFound
    headers = {
        # As a header: the route's own media type would go out otherwise.
        "Content-Type": row.content_type,
        "Content-Disposition": disposition(row.original_name),
        "Content-Length": str(row.size),
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Stream(files.stream(row.file_key), headers=headers)


@patch(
    "/api/v0/invoice/{invoiceId:str}/attachment/{attachmentId:str}",
    operation_id="updateInvoiceAttachment",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=PatchBody[AttachmentPatch],
    status_code=200,
    responses=statuses(),
)
async def update_attachment(
    invoiceId: str,
    attachmentId: str,
    data: AttachmentPatch,
    call: Call,
    state: State,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceAttachmentResponse]]:
    """Mark an attachment shared, primary or deleted, or change its remarks."""
    marks = Marks(
        primary=data.primary, shared=data.shared, deleted=data.deleted, remarks=data.remarks,
        reference_id=data.referenceId,
    )  # fmt: skip

    async def work(tx: Transaction) -> Envelope[InvoiceAttachmentResponse]:
        return ok(shown(state.base_url, await attachments.mark(tx, call.actor, invoiceId, attachmentId, marks)))

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [upload_attachment, list_attachments, get_attachment, update_attachment]
