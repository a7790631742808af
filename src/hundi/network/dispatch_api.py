"""POST /api/v0/invoice/bulk/dispatch (contract §4.3; domain §7): by mail, or over the network.

It stands here because it spans both (design §2): a verb that needs two capabilities lives in the higher one.
"""

from typing import Any, Final

from litestar import post
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.dispatch.rules import MAX_INVOICES
from hundi.dispatch.schemas import DispatchRequest
from hundi.dispatch.service import QueueOutcome
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import FAILURE, SUCCESS, Envelope, ErrorResponse, Reply, failed, sub_errors
from hundi.http.idempotency import Call, answered_before, once
from hundi.kit.errors import ErrorType, FieldProblem, Invalid
from hundi.network.books import sending


@post(
    "/api/v0/invoice/bulk/dispatch",
    operation_id="dispatchInvoiceCollection",
    tags=["invoice-controller"],
    guards=[may(Permission.INVOICE_DISPATCH)],
    dto=JsonBody[DispatchRequest],
    status_code=200,
    responses=statuses(),
)
async def dispatch_invoice_collection(
    data: DispatchRequest, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ErrorResponse]]:
    """Send invoices to their customers; the payload lists each invoice that was not queued, and why.

    `channel: BHARAT_CONNECT` sends over the network to customers whose B2B ID is known; without a channel the company's
    setting decides. What goes over the network is sent 200 invoices a commit: a call that is interrupted is made again, and
    sends what is left.
    """
    ids = checked_ids(data.invoiceIds)
    wanted = sending.Wanted(
        channel=data.channel, partial_payment_allowed=data.partialPaymentAllowed, resend=data.resend, group=data.group
    )
    who, keyring, settings = call.actor, state.keyring, state.settings
    ahead = None
    if len(ids) > sending.SLICE and not await answered_before(state.db, call):
        ahead = await sending.in_slices(state.db, who, who, keyring, settings, ids, wanted)

    async def work(tx: Transaction) -> Envelope[ErrorResponse]:
        return shown(await sending.dispatch(tx, who, keyring, settings, ids, wanted, ahead), call, tx)

    return await once(state.db, call, work)


def checked_ids(ids: list[str] | None) -> list[str]:
    """Refuse a request that names no invoice (nothing is ever sent by mistake of an empty list) or too many."""
    if not ids:
        message = "Name at least one invoice."
        raise Invalid(problems=[FieldProblem("invoiceIds", "REQUIRED", message)])
    if len(ids) > MAX_INVOICES:
        message = f"Name at most {MAX_INVOICES:,} invoices in one request; send the rest in another."
        raise Invalid(problems=[FieldProblem("invoiceIds", "TOO_MANY", message, str(len(ids)))])
    return ids


def shown(outcome: QueueOutcome, call: Call, tx: Transaction) -> Envelope[ErrorResponse]:
    """Show an outcome in the documented shape: an ErrorResponse as payload of a 200."""
    taken = len(outcome.queued) + len(outcome.already)
    message = (
        f"{len(outcome.queued)} queued, {len(outcome.already)} dispatched before, {len(outcome.refused)} not queued."
    )
    base = failed(
        message=message, error_type=ErrorType.UNPROCESSABLE_REQUEST, request_id=call.actor.request_id, now=tx.now
    ).errorResponse
    payload = ErrorResponse(
        apiSubErrors=sub_errors(outcome.refused),
        errorMessage=message,
        errorType=ErrorType.UNPROCESSABLE_REQUEST if outcome.refused else None,
        requestId=call.actor.request_id,
        timestamp=base.timestamp if base else None,
    )
    if taken:
        warnings = sub_errors(outcome.warnings)
        return Envelope(payload=payload, response_code=SUCCESS, response_message="SUCCESS", warnings=warnings)
    words = "No invoice was queued; each is listed with the reason."
    return Envelope(payload=payload, response_code=FAILURE, response_message=words)


ROUTES: Final[list[Any]] = [dispatch_invoice_collection]
