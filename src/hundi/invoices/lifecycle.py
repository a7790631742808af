"""The only place that writes an invoice's status columns: guarded by the state that was read, with its event (design §4.4)."""

from collections.abc import Sequence
from typing import Any, Final

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.invoices.errors import ChangedMeanwhile
from hundi.invoices.rules import (
    APPROVAL_MOVES,
    APPROVAL_RESTARTS,
    PAYOUT_MOVES,
    RECEIVABLE_MOVES,
    ApprovalStatus,
    PayoutStatus,
    ReceivableStatus,
)
from hundi.kit.actor import Actor

_MOVE_RECEIVABLE: Final = """
    UPDATE invoices SET receivable_status = $4
     WHERE seller_id = $1 AND invoice_id = $2 AND receivable_status = $3 RETURNING true"""
_MOVE_APPROVAL: Final = """
    UPDATE invoices SET approval_status = $4
     WHERE seller_id = $1 AND invoice_id = $2 AND approval_status = $3 RETURNING true"""
_MOVE_PAYOUT: Final = """
    UPDATE invoices SET payout_status = $4
     WHERE seller_id = $1 AND invoice_id = $2 AND payout_status = $3 RETURNING true"""
_NETWORK: Final = """
    UPDATE invoices SET network_status = $3, network_hold = $4, buyer_response = $5, buyer_remarks = $6,
           modified_at = $7, modified_by = $8, version = version + 1
     WHERE seller_id = $1 AND invoice_id = $2"""
_NETWORK_ALL: Final = """
    UPDATE invoices SET network_status = $3, network_hold = NULL, buyer_response = NULL, buyer_remarks = NULL,
           modified_at = $4, modified_by = $5, version = version + 1
     WHERE seller_id = $1 AND invoice_id = ANY ($2::text[])"""
_NEW_ROUND: Final = """
    UPDATE invoices SET approval_status = $4, approval_round = approval_round + 1, submitted_by = $5
     WHERE seller_id = $1 AND invoice_id = $2 AND approval_status = $3 RETURNING approval_round"""


async def move_receivable(
    tx: Transaction, invoice_id: str, before: ReceivableStatus, to: ReceivableStatus, *, reason: str | None = None
) -> None:
    """Move the receivable status; a move not in the table is a bug, a lost race is :class:`ChangedMeanwhile`."""
    if to not in RECEIVABLE_MOVES[before]:
        message = f"{before} to {to} is no move of a receivable"
        raise ValueError(message)
    if not await tx.fetchval(_MOVE_RECEIVABLE, tx.seller_id, invoice_id, before.value, to.value):
        raise ChangedMeanwhile
    data = {"from": before.value, "to": to.value} | ({"reason": reason} if reason else {})
    await audit.emit(tx, "invoice.receivable_status", kind="invoice", object_id=invoice_id, data=data)


async def move_payout(tx: Transaction, invoice_id: str, before: PayoutStatus, to: PayoutStatus) -> None:
    """Move the payout status; a move not in the table is a bug, a lost race is :class:`ChangedMeanwhile`."""
    if to not in PAYOUT_MOVES[before]:
        message = f"{before} to {to} is no move of a payout"
        raise ValueError(message)
    if not await tx.fetchval(_MOVE_PAYOUT, tx.seller_id, invoice_id, before.value, to.value):
        raise ChangedMeanwhile
    data = {"from": before.value, "to": to.value}
    await audit.emit(tx, "invoice.payout_status", kind="invoice", object_id=invoice_id, data=data)


async def note_network(
    tx: Transaction,
    who: Actor,
    invoice_id: str,
    *,
    status: str,
    hold: str | None = None,
    response: str | None = None,
    remarks: str | None = None,
) -> None:
    """Write down what the network last said of an invoice: its status, why it is held, and the buyer's answer."""
    await tx.execute(
        _NETWORK, tx.seller_id, invoice_id, status, hold, response, remarks, tx.now, who.subject
    )  # fmt: skip


async def note_sent(tx: Transaction, who: Actor, invoice_ids: Sequence[str], *, status: str) -> None:
    """Write down that these invoices are on their way over the network, of which nothing was said before."""
    await tx.execute(_NETWORK_ALL, tx.seller_id, list(invoice_ids), status, tx.now, who.subject)


async def move_approval(
    tx: Transaction, invoice_id: str, before: ApprovalStatus, to: ApprovalStatus, *, remarks: str | None = None
) -> None:
    """Move the approval status; a move not in the table is a bug, a lost race is :class:`ChangedMeanwhile`."""
    if to not in APPROVAL_MOVES[before]:
        message = f"{before} to {to} is no move of an approval"
        raise ValueError(message)
    if not await tx.fetchval(_MOVE_APPROVAL, tx.seller_id, invoice_id, before.value, to.value):
        raise ChangedMeanwhile
    await _tell(tx, invoice_id, before, to, {"remarks": remarks} if remarks else {})


async def restart_approval(
    tx: Transaction, invoice_id: str, before: ApprovalStatus, to: ApprovalStatus, by: str
) -> int:
    """Begin a new round at ``to``, with ``by`` as its maker; gives the round's number."""
    if to not in APPROVAL_RESTARTS[before]:
        message = f"an approval cannot begin anew from {before} at {to}"
        raise ValueError(message)
    number = await tx.fetchval(_NEW_ROUND, tx.seller_id, invoice_id, before.value, to.value, by)
    if number is None:
        raise ChangedMeanwhile
    await _tell(tx, invoice_id, before, to, {"round": number})
    return int(number)


async def _tell(
    tx: Transaction, invoice_id: str, before: ApprovalStatus, to: ApprovalStatus, more: dict[str, Any]
) -> None:
    data = {"from": before.value, "to": to.value, **more}
    await audit.emit(tx, "invoice.approval_status", kind="invoice", object_id=invoice_id, data=data)
