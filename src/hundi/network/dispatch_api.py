"""POST /api/v0/invoice/bulk/dispatch (contract §4.3; domain §7): by mail, or over the network.

It stands here because it spans both (design §2): a verb that needs two capabilities lives in the higher one.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_202_ACCEPTED

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.dispatch.rules import MAX_INVOICES
from hundi.dispatch.schemas import DispatchAccepted, DispatchProgress, DispatchRequest
from hundi.dispatch.service import QueueOutcome
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import FAILURE, SUCCESS, Envelope, ErrorResponse, Reply, failed, in_ist, ok, sub_errors
from hundi.http.idempotency import Call, answered_before, once
from hundi.kit.actor import Actor
from hundi.kit.errors import ErrorType, FieldProblem, Invalid
from hundi.network.books import runs, sending

_ACCEPTED: Final = msgspec.json.Decoder(Envelope[DispatchAccepted])


def dispatch_statuses() -> dict[int, ResponseSpec]:
    """Document how a dispatch is answered: as every call, and 202 to `Prefer: respond-async`."""
    accepted = ResponseSpec(Envelope[DispatchAccepted], generate_examples=False, description="Accepted")
    return {202: accepted, **statuses()}


@post(
    "/api/v0/invoice/bulk/dispatch",
    operation_id="dispatchInvoiceCollection",
    tags=["invoice-controller"],
    guards=[may(Permission.INVOICE_DISPATCH)],
    dto=JsonBody[DispatchRequest],
    status_code=200,
    responses=dispatch_statuses(),
)
async def dispatch_invoice_collection(
    data: DispatchRequest,
    call: Call,
    request: Request[Any, Any, State],
    state: State,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[ErrorResponse]]:
    """Send invoices to their customers; the payload lists each invoice that was not queued, and why.

    `channel: BHARAT_CONNECT` sends over the network to customers whose B2B ID is known; without a channel the company's
    setting decides. What goes over the network is sent 200 invoices a commit: a call that is interrupted is made again, and
    sends what is left. With `Prefer: respond-async` it answers 202 with the address of the dispatch's progress; a worker
    sends, and goes on by itself after an interruption. Recommended for more than 1,000 invoices: 10,000 take half a minute.
    """
    ids = checked_ids(data.invoiceIds)
    wanted = sending.Wanted(
        channel=data.channel, partial_payment_allowed=data.partialPaymentAllowed, resend=data.resend, group=data.group
    )
    if _does_not_wait(request):
        return await _accepted(call, state, ids, wanted)
    who, keyring, settings = call.actor, state.keyring, state.settings
    ahead = None
    if len(ids) > sending.SLICE and not await answered_before(state.db, call):
        ahead = await sending.in_slices(state.db, who, who, keyring, settings, ids, wanted)

    async def work(tx: Transaction) -> Envelope[ErrorResponse]:
        found = await sending.dispatch(tx, who, keyring, settings, ids, wanted, ahead)
        return shown(found, call.actor.request_id, tx.now)

    return await once(state.db, call, work)


@get(
    "/api/v0/invoice/bulk/dispatch/{dispatchId:str}",
    operation_id="getDispatch",
    tags=["invoice-controller"],
    guards=[may(Permission.INVOICE_DISPATCH)],
    responses=statuses(),
)
async def get_dispatch(
    dispatchId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[DispatchProgress]]:
    """Show how far a dispatch has come that was asked for with `Prefer: respond-async`; its result once it has ended.

    It may be looked at for 30 days after its end.
    """
    async with state.db.read(who) as tx:
        run = await runs.one(tx, dispatchId)
    envelope = shown(run.outcome, run.request_id or who.request_id, run.changed_at)
    # Mails are sent together by the last step: until it has come, none of them is done.
    found = DispatchProgress(
        dispatchId=run.dispatch_id, state=run.state, totalCount=run.total,
        doneCount=run.done if run.state == "DONE" else run.done - len(run.by_mail),
        queuedCount=len(run.outcome.queued), alreadyCount=len(run.outcome.already),
        refusedCount=len(run.outcome.refused), createdOn=in_ist(run.created_at), changedOn=in_ist(run.changed_at),
        problem=run.problem, result=envelope.payload if run.has_ended else None,
    )  # fmt: skip
    return Reply(ok(found, run.outcome.warnings if run.has_ended else ()), media_type="application/json")


def _does_not_wait(request: Request[Any, Any, State]) -> bool:
    """Tell whether the caller asks for an answer before the end (RFC 7240 §4.1)."""
    wishes = ",".join(request.headers.getall("prefer", [])).lower().split(",")
    return "respond-async" in {wish.partition(";")[0].strip() for wish in wishes}


async def _accepted(call: Call, state: State, ids: list[str], wanted: sending.Wanted) -> Reply[Any]:
    async def work(tx: Transaction) -> Envelope[DispatchAccepted]:
        dispatch_id = await runs.begin(tx, call.actor, ids, wanted)
        url = f"{state.base_url}/api/v0/invoice/bulk/dispatch/{dispatch_id}"
        return ok(DispatchAccepted(dispatchId=dispatch_id, state="ACCEPTED", url=url))

    reply = await once(state.db, call, work, status=HTTP_202_ACCEPTED)
    if reply.status_code != HTTP_202_ACCEPTED:
        # The key was used for this dispatch without the preference: it has been carried out, and this is what came of it.
        return reply
    reply.headers["Preference-Applied"] = "respond-async"
    found = _ACCEPTED.decode(reply.content).payload
    if found is not None:
        reply.headers["Location"] = found.url
    return reply


def checked_ids(ids: list[str] | None) -> list[str]:
    """Refuse a request that names no invoice (nothing is ever sent by mistake of an empty list) or too many."""
    if not ids:
        message = "Name at least one invoice."
        raise Invalid(problems=[FieldProblem("invoiceIds", "REQUIRED", message)])
    if len(ids) > MAX_INVOICES:
        message = f"Name at most {MAX_INVOICES:,} invoices in one request; send the rest in another."
        raise Invalid(problems=[FieldProblem("invoiceIds", "TOO_MANY", message, str(len(ids)))])
    return ids


def shown(outcome: QueueOutcome, request_id: str, now: datetime) -> Envelope[ErrorResponse]:
    """Show an outcome in the documented shape: an ErrorResponse as payload of a 200."""
    taken = len(outcome.queued) + len(outcome.already)
    message = (
        f"{len(outcome.queued)} queued, {len(outcome.already)} dispatched before, {len(outcome.refused)} not queued."
    )
    base = failed(
        message=message, error_type=ErrorType.UNPROCESSABLE_REQUEST, request_id=request_id, now=now
    ).errorResponse
    payload = ErrorResponse(
        apiSubErrors=sub_errors(outcome.refused),
        errorMessage=message,
        errorType=ErrorType.UNPROCESSABLE_REQUEST if outcome.refused else None,
        requestId=request_id,
        timestamp=base.timestamp if base else None,
    )
    if taken:
        warnings = sub_errors(outcome.warnings)
        return Envelope(payload=payload, response_code=SUCCESS, response_message="SUCCESS", warnings=warnings)
    words = "No invoice was queued; each is listed with the reason."
    return Envelope(payload=payload, response_code=FAILURE, response_message=words)


ROUTES: Final[list[Any]] = [dispatch_invoice_collection, get_dispatch]
