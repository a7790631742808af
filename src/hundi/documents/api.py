"""The versions of an invoice's document, over HTTP: which were sent with which delivery, and each as PDF."""

import asyncio
from typing import Any, Final

from litestar import Response, get
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.documents import issued
from hundi.documents.build import as_now, as_sent
from hundi.documents.errors import DocumentNotFound
from hundi.documents.issued import Version
from hundi.documents.logo import fetch
from hundi.documents.pages import pdf_name
from hundi.documents.render import render_pdf
from hundi.documents.schemas import DocumentVersion
from hundi.http.docs import or_file, statuses
from hundi.http.envelope import Envelope, Reply, in_ist, ok
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.invoices import queries as invoices
from hundi.kit.actor import Actor
from hundi.kit.paging import Part

_TAGS: Final = ["invoice-controller"]
_MOST: Final = 32_767


@get(
    "/api/v0/invoice/{invoiceId:str}/documents",
    operation_id="getInvoiceDocuments",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def list_documents(
    invoiceId: str,
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[DocumentVersion]]]:
    """List the versions of an invoice's document that were sent, the first one first.

    The hosted page and its PDF show the latest, with the balance of now. An invoice that was not sent yet has none, and one
    that was sent before versions were kept gets its first when it is sent again. The warnings say why the document would be
    no tax invoice if it were sent now, where it would be none (rule 46 CGST Rules).
    """
    belongs_to = (who.seller_id, "invoice.documents", invoiceId)
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    after = None if part.last_id is None else int(part.last_id)
    async with state.db.read(who) as tx:
        row = await invoices.one(tx, who.seller_id, invoiceId)
        lacking = await state.shortfalls.of(tx, row)
        rows, total = await issued.versions(tx, invoiceId, after=after, limit=part.most, offset=offset)

    def show(row: Version) -> DocumentVersion:
        return DocumentVersion(
            version=row.version, template=row.template, createdOn=in_ist(row.created_at), deliveryIds=row.deliveries,
            url=f"{state.base_url}/api/v0/invoice/{invoiceId}/documents/{row.version}",
        )  # fmt: skip

    return Reply(ok(page_of(part, rows, total, show=show, key=lambda row: [str(row.version)]), lacking))


@get(
    "/api/v0/invoice/{invoiceId:str}/documents/{version:int}",
    operation_id="getInvoiceDocument",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    operation_class=or_file(["application/pdf"]),
    responses=statuses(),
    media_type="application/pdf",
)
async def get_document(
    invoiceId: str, version: int, who: Actor, state: State, sellerId: SellerParameter = None
) -> Response[bytes]:
    """Fetch a version of an invoice's document as PDF, with the balance and status of the day it was first sent.

    Version 0 is the invoice as it would be sent now.
    """
    async with state.db.read(who) as tx:
        await invoices.one(tx, who.seller_id, invoiceId)
        if version == 0:
            found = await as_now(tx, state.keyring, state.base_url, who.seller_id, invoiceId)
        else:
            kept = await issued.version(tx, invoiceId, version) if 0 < version <= _MOST else None
            if kept is None:
                raise DocumentNotFound
            found = as_sent(kept, state.keyring, state.base_url, who.seller_id)
    content = await asyncio.to_thread(render_pdf, found.document, await fetch(state.files, found.logo))
    headers = {
        "Content-Disposition": f'attachment; filename="{pdf_name(found.document.number)}"',
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="application/pdf", headers=headers)


ROUTES: Final[list[Any]] = [list_documents, get_document]
"""The routes of this capability that ask for a signed-in caller; the hosted pages are in hundi.documents.pages."""
