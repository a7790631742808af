"""The only place that writes a customer's status: guarded by the state that was read, with its event (design §4.4)."""

from typing import Final

from hundi.audit import service as audit
from hundi.customers.rows import CustomerRow
from hundi.customers.rules import STATUS_MOVES, CustomerStatus
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor

_MOVE: Final = """
    UPDATE customers SET status = $4, modified_at = $5, modified_by = $6, version = version + 1
     WHERE seller_id = $1 AND customer_id = $2 AND status = $3"""


async def move(tx: Transaction, who: Actor, customer: CustomerRow, to: CustomerStatus) -> None:
    """Move a locked customer to another status; a move that is not in the table is a bug."""
    before = CustomerStatus(customer.status)
    if to not in STATUS_MOVES[before]:
        message = f"{before} to {to} is no move of a customer"
        raise ValueError(message)
    await tx.execute(_MOVE, tx.seller_id, customer.customer_id, before.value, to.value, tx.now, who.subject)
    data = {"from": before.value, "to": to.value}
    await audit.emit(tx, "customer.status", kind="customer", object_id=customer.customer_id, data=data)
