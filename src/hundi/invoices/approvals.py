"""Maker-checker: who may take which step of an invoice's approval, and what each step leads to (domain §4).

A step that is approved leads straight to the waiting for the next one of the policy in force, so an invoice never rests
between two steps; the last leads to ``APPROVER_APPROVED``. That maker, checker and approver are three different people is
kept by the table of decisions itself, whatever is decided here.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import asyncpg
import msgspec

from hundi.audit import service as audit
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.db.sqlstate import constraint_of
from hundi.invoices import lifecycle, policies, queries
from hundi.invoices.errors import (
    ApprovalForbidden,
    ApprovalSamePerson,
    ChangedMeanwhile,
    InvoiceCancelled,
    NotWaiting,
)
from hundi.invoices.policies import Policy, steps_for
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import (
    APPROVED,
    PENDING_APPROVALS,
    STEPS,
    ApprovalStatus,
    ReceivableStatus,
    approval_at_birth,
    label,
    pending,
    step_after,
    step_of,
)
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Forbidden, Refusal

STEP_PERMISSION: Final = {
    "MAKER": Permission.INVOICE_WRITE,
    "CHECKER": Permission.INVOICE_CHECK,
    "APPROVER": Permission.INVOICE_APPROVE,
}
MAX_REMARKS: Final = 500

_DECIDE: Final = """
    INSERT INTO approval_decisions (seller_id, invoice_id, round, step, decided_by, decision, remarks, made_by, decided_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_TOUCH: Final = """
    UPDATE invoices SET modified_at = $3, modified_by = $4, version = version + 1
     WHERE seller_id = $1 AND invoice_id = $2"""
_DECISIONS: Final = """
    SELECT d.round, d.step, d.decision, d.remarks, d.decided_by, d.decided_at,
           coalesce(m.display_name, c.name) AS decided_by_name
      FROM approval_decisions d
      LEFT JOIN memberships m ON m.seller_id = $1 AND m.user_id = d.decided_by
      LEFT JOIN api_clients c ON c.seller_id = $1 AND c.client_id = d.decided_by
     WHERE d.seller_id = $1 AND d.invoice_id = $2 ORDER BY d.round, d.decided_at, d.step"""
# The first condition is that of the partial index this stands on. Whoever made an invoice, or took a step of its present
# round, cannot take the next one.
_WAITING_WHERE: Final = """
      FROM invoices i
     WHERE i.seller_id = $1 AND i.deleted_at IS NULL AND i.receivable_status <> 'CANCELLED'
       AND i.approval_status IN ('MAKER_APPROVAL_PENDING', 'CHECKER_APPROVAL_PENDING', 'APPROVER_APPROVAL_PENDING')
       AND i.approval_status = ANY ($2::text[])
       AND (i.approval_status = 'MAKER_APPROVAL_PENDING' OR coalesce(i.submitted_by, i.created_by) <> $3)
       AND NOT EXISTS (SELECT FROM approval_decisions d
                        WHERE d.seller_id = $1 AND d.invoice_id = i.invoice_id AND d.round = i.approval_round
                          AND d.decided_by = $3)"""
_WAITING: Final = (
    "SELECT i.invoice_id" + _WAITING_WHERE
    + " AND ($4::text IS NULL OR i.invoice_id > $4) ORDER BY i.invoice_id LIMIT $5 OFFSET $6"
)  # fmt: skip
_WAITING_COUNT: Final = "SELECT count(*)" + _WAITING_WHERE
# What the database itself says about who may decide; the refusal is the same whichever says it.
_APART: Final = frozenset({"approval_decisions_one_step_each", "approval_decisions_maker_apart"})


class Decision(StrEnum):
    """What somebody decides on an invoice."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, as stored, with the name of who made it."""

    round: int
    step: str
    decision: str
    remarks: str | None
    decided_by: str
    decided_at: datetime
    decided_by_name: str | None


def born(net_amount: Decimal, known: Sequence[Policy]) -> ApprovalStatus:
    """Give the approval with which an invoice of this amount is born where nothing is asked for."""
    return approval_at_birth(None, steps_for(net_amount, known)).status


async def decisions(tx: Transaction, invoice_id: str) -> list[DecisionRow]:
    """Give the decisions on an invoice, the oldest first; raises :class:`InvoiceNotFound`."""
    await queries.one(tx, tx.seller_id, invoice_id)
    return [DecisionRow(**dict(row)) for row in await tx.fetch(_DECISIONS, tx.seller_id, invoice_id)]


async def waiting(
    tx: Transaction, who: Actor, *, after: str | None, limit: int, offset: int
) -> tuple[list[InvoiceRow], int]:
    """Give a page of the invoices whose next step this actor can take, the oldest first, and how many there are in all."""
    statuses = [pending(step).value for step, needed in STEP_PERMISSION.items() if needed.value in who.permissions]
    found = await tx.fetch(_WAITING, tx.seller_id, statuses, who.subject, after, limit, offset)
    total = await tx.fetchval(_WAITING_COUNT, tx.seller_id, statuses, who.subject)
    return await queries.many(tx, tx.seller_id, [row["invoice_id"] for row in found]), int(total)


async def decide(
    tx: Transaction,
    who: Actor,
    row: InvoiceRow,
    decision: Decision,
    *,
    remarks: str | None = None,
    step: str | None = None,
) -> None:
    """Take the step a locked invoice waits for. Deciding again what stands decided changes nothing.

    ``step`` names the step that is meant, for callers who saw the invoice a while ago. Raises
    :class:`ApprovalForbidden` (403: the role lacks the step), :class:`ApprovalSamePerson` (403), :class:`NotWaiting`
    and :class:`InvoiceCancelled` (422).
    """
    status = ApprovalStatus(row.approval_status)
    current = step_of(status) if status is not ApprovalStatus.BANK_APPROVED else STEPS[-1]
    _may_take(who, current, f"{current}_{decision}")
    if row.receivable_status == ReceivableStatus.CANCELLED.value:
        raise InvoiceCancelled
    stands = status in APPROVED if decision is Decision.APPROVED else status.value.endswith("_REJECTED")
    if stands and step in {None, current}:
        return
    if status not in PENDING_APPROVALS or step not in {None, current}:
        message = f"It is {label(status).lower()}; read it to see where it stands."
        raise NotWaiting(problems=[FieldProblem("approvalStatus", NotWaiting.code, message, step or decision.value)])
    if current != "MAKER" and who.subject == row.made_by:
        raise _same_person(current)
    await _record(tx, who, row, current, decision, remarks)
    to = ApprovalStatus(f"{current}_{decision}")
    await lifecycle.move_approval(tx, row.invoice_id, status, to, remarks=remarks)
    if decision is Decision.APPROVED:
        to = await forward(tx, row, to)
    await tx.execute(_TOUCH, tx.seller_id, row.invoice_id, tx.now, who.subject)
    verb = "invoice.approve" if decision is Decision.APPROVED else "invoice.reject"
    after = {"approval_status": to.value, "step": current, "round": row.approval_round, "remarks": remarks}
    before = {"approval_status": status.value}
    await audit.record(tx, who, verb, kind="invoice", object_id=row.invoice_id, before=before, after=after)


async def forward(tx: Transaction, row: InvoiceRow, approved: ApprovalStatus) -> ApprovalStatus:
    """Lead an invoice from a step that is approved to the next of its policy; gives where it stands then.

    Where no policy holds for the amount any more, the rest of all three steps is asked for: what began goes on.
    """
    steps = steps_for(row.net_amount, await policies.active(tx)) or STEPS
    following = step_after(step_of(approved), steps)
    if following is None:
        return approved
    await lifecycle.move_approval(tx, row.invoice_id, approved, pending(following))
    return pending(following)


async def go_on(tx: Transaction, who: Actor, row: InvoiceRow) -> None:
    """Lead on an invoice that rests between two steps, as one that came from elsewhere may."""
    _may_take(who, "MAKER", row.approval_status)
    await forward(tx, row, ApprovalStatus(row.approval_status))
    await tx.execute(_TOUCH, tx.seller_id, row.invoice_id, tx.now, who.subject)


async def resubmit(
    tx: Transaction, who: Actor, row: InvoiceRow, asked: ApprovalStatus, *, remarks: str | None = None
) -> ApprovalStatus:
    """Send a rejected invoice in again: a new round, whose maker is who does it; gives where it waits.

    It begins with the first step of the policy that now holds for its amount; a later one may be asked for as at create.
    """
    _may_take(who, "MAKER", asked.value)
    steps = steps_for(row.net_amount, await policies.active(tx)) or STEPS
    begun = approval_at_birth(asked.value, steps)
    if begun.forbidden is not None:
        raise Forbidden(problems=[begun.forbidden])
    before = ApprovalStatus(row.approval_status)
    number = await lifecycle.restart_approval(tx, row.invoice_id, before, begun.status, who.subject)
    await tx.execute(_TOUCH, tx.seller_id, row.invoice_id, tx.now, who.subject)
    if begun.maker_done:
        again = msgspec.structs.replace(row, approval_round=number, submitted_by=who.subject)
        await _record(tx, who, again, "MAKER", Decision.APPROVED, remarks)
    return begun.status


async def renew(tx: Transaction, who: Actor, row: InvoiceRow) -> ApprovalStatus | None:
    """Begin the approval of an invoice anew because what is approved was changed; None where no policy asks for one.

    ``row`` is the invoice as it now is. A rejected one stays rejected until it is sent in again.
    """
    status = ApprovalStatus(row.approval_status)
    if status is ApprovalStatus.BANK_APPROVED or status.value.endswith("_REJECTED"):
        return None
    steps = steps_for(row.net_amount, await policies.active(tx))
    if not steps:
        return None
    await lifecycle.restart_approval(tx, row.invoice_id, status, pending(steps[0]), who.subject)
    return pending(steps[0])


def _may_take(who: Actor, step: str, asked: str) -> None:
    if STEP_PERMISSION[step].value not in who.permissions:
        problem = FieldProblem("approvalStatus", ApprovalForbidden.code, "Ask someone whose role has this step.", asked)
        raise ApprovalForbidden(problems=[problem])


def _same_person(step: str) -> Refusal:
    message = "You made this invoice or took another step of this round: ask a colleague to take this one."
    return ApprovalSamePerson(problems=[FieldProblem("approvalStatus", ApprovalSamePerson.code, message, step)])


async def _record(
    tx: Transaction, who: Actor, row: InvoiceRow, step: str, decision: Decision, remarks: str | None
) -> None:
    try:
        await tx.execute(
            _DECIDE, tx.seller_id, row.invoice_id, row.approval_round, step, who.subject, decision.value, remarks,
            row.made_by, tx.now,
        )  # fmt: skip
    except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError) as error:
        name = constraint_of(error)
        if name in _APART:
            raise _same_person(step) from error
        if name == "approval_decisions_pk":
            raise ChangedMeanwhile from error
        raise
