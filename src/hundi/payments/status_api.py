"""The moves of an invoice's receivable status with their reasons: write-off, dispute, cancel, reinstate (domain §4)."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import post
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http import etag
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.invoices import queries as invoices
from hundi.invoices.api import shown
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import ReceivableStatus
from hundi.invoices.schemas import InvoiceResponse
from hundi.payments import service
from hundi.payments.schemas import OptionalReason, StatusReason

_TAGS: Final = ["payment-controller"]


async def _moved(
    call: Call,
    state: State,
    if_match: str | None,
    invoice_id: str,
    verb: Callable[[Transaction], Awaitable[InvoiceRow]],
) -> Reply[Envelope[InvoiceResponse]]:
    check = etag.version_check(if_match)

    async def work(tx: Transaction) -> Envelope[InvoiceResponse]:
        check((await invoices.lock(tx, tx.seller_id, invoice_id)).version)
        row = await verb(tx)
        return ok(shown(state, row, await invoices.items(tx, tx.seller_id, invoice_id)))

    return await once(state.db, call, work)


@post(
    "/api/v0/invoice/{invoiceId:str}/write-off",
    operation_id="writeOffInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[StatusReason],
    status_code=200,
    responses=statuses(versioned=True),
)
async def write_off_invoice(
    invoiceId: str,
    data: StatusReason,
    call: Call,
    state: State,
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """Give up what is still owed: a WRITE_OFF of the balance, with the reason."""
    to = ReceivableStatus.WRITTEN_OFF
    return await _moved(
        call, state, if_match, invoiceId, lambda tx: service.move(tx, call.actor, invoiceId, to, data.reason)
    )


@post(
    "/api/v0/invoice/{invoiceId:str}/dispute",
    operation_id="disputeInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[StatusReason],
    status_code=200,
    responses=statuses(versioned=True),
)
async def dispute_invoice(
    invoiceId: str,
    data: StatusReason,
    call: Call,
    state: State,
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """Note that the customer disputes the invoice, and why; it stays disputed until it is paid or reinstated."""
    to = ReceivableStatus.DISPUTED
    return await _moved(
        call, state, if_match, invoiceId, lambda tx: service.move(tx, call.actor, invoiceId, to, data.reason)
    )


@post(
    "/api/v0/invoice/{invoiceId:str}/cancel",
    operation_id="cancelInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[StatusReason],
    status_code=200,
    responses=statuses(versioned=True),
)
async def cancel_invoice(
    invoiceId: str,
    data: StatusReason,
    call: Call,
    state: State,
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """Cancel an invoice for good, with the reason; no money may stand against it, and its number is void."""
    to = ReceivableStatus.CANCELLED
    return await _moved(
        call, state, if_match, invoiceId, lambda tx: service.move(tx, call.actor, invoiceId, to, data.reason)
    )


@post(
    "/api/v0/invoice/{invoiceId:str}/reinstate",
    operation_id="reinstateInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[OptionalReason],
    status_code=200,
    responses=statuses(versioned=True),
)
async def reinstate_invoice(
    invoiceId: str,
    data: OptionalReason,
    call: Call,
    state: State,
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """End a dispute or take a write-off back: the invoice is again what its money says."""
    return await _moved(
        call, state, if_match, invoiceId, lambda tx: service.reinstate(tx, call.actor, invoiceId, data.reason or None)
    )


ROUTES: Final[list[Any]] = [write_off_invoice, dispute_invoice, cancel_invoice, reinstate_invoice]
