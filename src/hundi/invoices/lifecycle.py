"""The only place that writes an invoice's status columns: guarded by the state that was read, with its event (design §4.4)."""

from typing import Final

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.invoices.errors import Stale
from hundi.invoices.rules import APPROVAL_MOVES, RECEIVABLE_MOVES, ApprovalStatus, ReceivableStatus

_MOVE_RECEIVABLE: Final = """
    UPDATE invoices SET receivable_status = $4
     WHERE seller_id = $1 AND invoice_id = $2 AND receivable_status = $3 RETURNING true"""
_MOVE_APPROVAL: Final = """
    UPDATE invoices SET approval_status = $4
     WHERE seller_id = $1 AND invoice_id = $2 AND approval_status = $3 RETURNING true"""


async def move_receivable(tx: Transaction, invoice_id: str, before: ReceivableStatus, to: ReceivableStatus) -> None:
    """Move the receivable status; a move that is not in the table is a bug, a lost race is :class:`Stale`."""
    if to not in RECEIVABLE_MOVES[before]:
        message = f"{before} to {to} is no move of a receivable"
        raise ValueError(message)
    if not await tx.fetchval(_MOVE_RECEIVABLE, tx.seller_id, invoice_id, before.value, to.value):
        raise Stale
    data = {"from": before.value, "to": to.value}
    await audit.emit(tx, "invoice.receivable_status", kind="invoice", object_id=invoice_id, data=data)


async def move_approval(tx: Transaction, invoice_id: str, before: ApprovalStatus, to: ApprovalStatus) -> None:
    """Move the approval status; a move that is not in the table is a bug, a lost race is :class:`Stale`."""
    if to not in APPROVAL_MOVES[before]:
        message = f"{before} to {to} is no move of an approval"
        raise ValueError(message)
    if not await tx.fetchval(_MOVE_APPROVAL, tx.seller_id, invoice_id, before.value, to.value):
        raise Stale
    data = {"from": before.value, "to": to.value}
    await audit.emit(tx, "invoice.approval_status", kind="invoice", object_id=invoice_id, data=data)
