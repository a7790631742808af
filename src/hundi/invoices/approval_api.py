"""Maker-checker over HTTP: policies, what waits for me, approve and reject, one or many (domain §4)."""

from typing import Any, Final

from litestar import get, patch, post
from litestar.datastructures import State
from msgspec import UNSET

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http import etag
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, ErrorResponse, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, listed, page_of
from hundi.invoices import approvals, collection, deletion, links, policies, queries
from hundi.invoices.api import shown
from hundi.invoices.approval_schemas import (
    ApprovalAct,
    BulkApproval,
    BulkDeletion,
    DecisionResponse,
    PolicyCreate,
    PolicyPatch,
    PolicyResponse,
    RejectionAct,
)
from hundi.invoices.approvals import Decision
from hundi.invoices.errors import ApprovalForbidden
from hundi.invoices.schemas import InvoiceResponse
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal
from hundi.kit.money import ZERO
from hundi.kit.paging import Part

_TAGS: Final = ["invoice-controller"]
_POLICY_TAGS: Final = ["approval-controller"]
_DECIDE: Final = may(Permission.INVOICE_APPROVE, Permission.INVOICE_CHECK, Permission.INVOICE_WRITE)


@post(
    "/api/v0/invoice/{invoiceId:str}/approve",
    operation_id="approveInvoice",
    tags=_TAGS,
    guards=[_DECIDE],
    dto=JsonBody[ApprovalAct],
    status_code=200,
    responses=statuses(versioned=True),
)
async def approve_invoice(
    invoiceId: str,
    data: ApprovalAct,
    call: Call,
    state: State,
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """Approve the step an invoice waits for; it then waits for the next of its policy, or is approved.

    An invoice that is approved already stays as it is. `step` guards against approving a later step than was seen.
    """
    return await _decided(invoiceId, data, Decision.APPROVED, call, state, if_match)


@post(
    "/api/v0/invoice/{invoiceId:str}/reject",
    operation_id="rejectInvoice",
    tags=_TAGS,
    guards=[_DECIDE],
    dto=JsonBody[RejectionAct],
    status_code=200,
    responses=statuses(versioned=True),
)
async def reject_invoice(
    invoiceId: str,
    data: RejectionAct,
    call: Call,
    state: State,
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """Reject an invoice at the step it waits for, with the reason.

    It is put right by PATCH and sent in again with a pending `approvalStatus`, which begins a new round.
    """
    return await _decided(invoiceId, data, Decision.REJECTED, call, state, if_match)


async def _decided(
    invoice_id: str,
    data: ApprovalAct | RejectionAct,
    decision: Decision,
    call: Call,
    state: State,
    if_match: str | None,
) -> Reply[Envelope[InvoiceResponse]]:
    check = etag.version_check(if_match)

    async def work(tx: Transaction) -> Envelope[InvoiceResponse]:
        row = await queries.lock(tx, tx.seller_id, invoice_id)
        check(row.version)
        await approvals.decide(tx, call.actor, row, decision, remarks=data.remarks, step=data.step)
        after = await queries.one(tx, tx.seller_id, invoice_id)
        await links.renew(tx, state.keyring, after)
        return ok(shown(state, after, await queries.items(tx, tx.seller_id, invoice_id)))

    return await once(state.db, call, work)


@post(
    "/api/v0/invoice/bulk/approve",
    operation_id="approveInvoiceCollection",
    tags=_TAGS,
    guards=[_DECIDE],
    dto=JsonBody[BulkApproval],
    status_code=200,
    responses=statuses(),
)
async def approve_invoice_collection(
    data: BulkApproval, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ErrorResponse]]:
    """Approve the present step of many invoices; the payload lists each that was left as it was, and why."""
    places = collection.places_of(data.invoiceIds)

    async def work(tx: Transaction) -> Envelope[ErrorResponse]:
        outcome = collection.Outcome(done=[], refused=[])
        # In the order of the ids, so that two such requests wait for each other and never in a circle.
        for invoice_id in sorted(places):
            try:
                async with tx.connection.transaction():
                    row = await queries.lock(tx, tx.seller_id, invoice_id)
                    await approvals.decide(tx, call.actor, row, Decision.APPROVED, remarks=data.remarks)
                    if row.link_version > 0:
                        await links.renew(tx, state.keyring, await queries.one(tx, tx.seller_id, invoice_id))
            except Refusal as error:
                outcome.refused.append(collection.refused_at(places[invoice_id], invoice_id, error))
            else:
                outcome.done.append(invoice_id)
        outcome.refused.sort(key=lambda problem: problem.field.zfill(30))
        if not outcome.done and all(problem.code == ApprovalForbidden.code for problem in outcome.refused):
            raise ApprovalForbidden(problems=outcome.refused)
        return collection.reply_of(outcome, "approved", request_id=call.actor.request_id, now=tx.now)

    return await once(state.db, call, work)


@post(
    "/api/v0/invoice/bulk/delete",
    operation_id="deleteInvoiceCollection",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[BulkDeletion],
    status_code=200,
    responses=statuses(),
)
async def delete_invoice_collection(
    data: BulkDeletion, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ErrorResponse]]:
    """Delete invoices that were never sent, have no IRN and no money; the payload lists each that stays, and why.

    Their numbers are void and stay taken (GET /api/v0/series/voided).
    """
    places = collection.places_of(data.invoiceIds)

    async def work(tx: Transaction) -> Envelope[ErrorResponse]:
        outcome = await deletion.delete_collection(tx, call.actor, places)
        return collection.reply_of(outcome, "deleted", request_id=call.actor.request_id, now=tx.now)

    return await once(state.db, call, work)


@get(
    "/api/v0/invoice/{invoiceId:str}/approvals",
    operation_id="getInvoiceApprovals",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_invoice_approvals(
    invoiceId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[DecisionResponse]]]:
    """List who decided what on an invoice, round by round, with their remarks."""
    async with state.db.read(who) as tx:
        rows = await approvals.decisions(tx, invoiceId)
    return Reply(ok(listed([DecisionResponse.of(row) for row in rows])))


@get(
    "/api/v0/approval/waiting",
    operation_id="getInvoicesWaitingForMe",
    tags=_POLICY_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_invoices_waiting_for_me(
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[InvoiceResponse]]]:
    """List the invoices whose next approval step the caller can take, the oldest first.

    What the caller made, or decided another step of, waits for somebody else and is not in it.
    """
    belongs_to = (who.seller_id, "approval.waiting", who.subject)
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        rows, total = await approvals.waiting(tx, who, after=part.last_id, limit=part.most, offset=offset)
    page = page_of(part, rows, total, show=lambda row: shown(state, row), key=lambda row: [row.invoice_id])
    return Reply(ok(page))


@get(
    "/api/v0/approval/policies",
    operation_id="getApprovalPolicies",
    tags=_POLICY_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_approval_policies(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[PolicyResponse]]]:
    """List the approval policies, the lowest amounts first, with those that are no longer in force."""
    async with state.db.read(who) as tx:
        found = await policies.every(tx)
    return Reply(ok(listed([PolicyResponse.of(policy) for policy in found])))


@post(
    "/api/v0/approval/policies",
    operation_id="createApprovalPolicy",
    tags=_POLICY_TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[PolicyCreate],
    status_code=200,
    responses=statuses(),
)
async def create_approval_policy(
    data: PolicyCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[PolicyResponse]]:
    """Ask for approval of net amounts from `fromAmount` up to but without `toAmount`; bands may not overlap."""

    async def work(tx: Transaction) -> Envelope[PolicyResponse]:
        made = await policies.create(
            tx, call.actor, name=data.name, from_amount=data.fromAmount.value if data.fromAmount else ZERO,
            to_amount=data.toAmount.value if data.toAmount else None, steps=data.steps,
        )  # fmt: skip
        return ok(PolicyResponse.of(made))

    return await once(state.db, call, work)


@patch(
    "/api/v0/approval/policies/{policyId:str}",
    operation_id="updateApprovalPolicy",
    tags=_POLICY_TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[PolicyPatch],
    status_code=200,
    responses=statuses(),
)
async def update_approval_policy(
    policyId: str, data: PolicyPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[PolicyResponse]]:
    """Change a policy, or take it out of force with `active: false`; invoices that wait go on waiting."""
    plain: dict[str, object] = {"name": data.name, "active": data.active}
    changes = {name: value for name, value in plain.items() if value is not UNSET}
    if data.steps is not UNSET:
        changes["steps"] = tuple(data.steps)
    if data.fromAmount is not UNSET:
        changes["from_amount"] = data.fromAmount.value
    if data.toAmount is not UNSET:
        changes["to_amount"] = data.toAmount.value if data.toAmount is not None else None

    async def work(tx: Transaction) -> Envelope[PolicyResponse]:
        return ok(PolicyResponse.of(await policies.change(tx, call.actor, policyId, changes)))

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [
    approve_invoice, reject_invoice, approve_invoice_collection, delete_invoice_collection, get_invoice_approvals,
    get_invoices_waiting_for_me, get_approval_policies, create_approval_policy, update_approval_policy,
]  # fmt: skip
