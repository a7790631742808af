"""Documents of invoices, many at once: a ZIP of PDFs through the engine that imports files (domain §8)."""

from typing import Any, Final

from litestar import Request, post
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.files.upload_docs import multipart
from hundi.http.envelope import Envelope, Reply
from hundi.imports.api import (
    TAGS,
    DryRun,
    upload_statuses,
)
from hundi.imports.receiving import Form, Modes, received
from hundi.imports.reply import reply_to
from hundi.imports.schemas import BulkResponse
from hundi.imports.service import ATTACHMENTS

_PDFS: Final = Form(
    kind=ATTACHMENTS,
    hint="Attach a ZIP of PDFs as the part named 'file'; each PDF is named as its invoice, INV-26-27-0042.pdf.",
    nameless="invoices.zip",
)


@post(
    "/api/v0/invoice/bulk/attachments",
    operation_id="uploadInvoicePdfs",
    operation_class=multipart("ZIP of PDFs, each named as its invoice"),
    tags=TAGS,
    guards=[may(Permission.IMPORT)],
    status_code=200,
    responses=upload_statuses(),
)
async def upload_pdfs(
    request: Request[Any, Any, State], state: State, dryRun: DryRun = False, sellerId: SellerParameter = None
) -> Reply[Envelope[BulkResponse]]:
    """Give invoices their documents: each PDF of a ZIP becomes the primary attachment of the invoice its name names.

    A name is the invoice's number, with other signs where a file name can have none, or what the invoice's row in an import
    said as attachmentFileName. Files of successes and failures come with the reply, as with other uploads.
    """
    return await reply_to(request, state, await received(request, state, _PDFS, Modes(dry_run=dryRun)))


ROUTES: Final = [upload_pdfs]
