"""The payout of an invoice after its money changed: what the buyer paid over the network, and what stands of it (domain §4)."""

from hundi.db.pool import Transaction
from hundi.invoices import lifecycle
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import PayoutStatus, ReceivableStatus, payout_by_money


def due_move(row: InvoiceRow, to: ReceivableStatus, *, money_fell: bool) -> PayoutStatus | None:
    """Give where the payout of an invoice moves whose receivable status is ``to`` now; None where it stays."""
    before = PayoutStatus(row.payout_status)
    after = payout_by_money(before, row.network_status, to, money_fell=money_fell)
    return None if after is before else after


async def follow_money(tx: Transaction, row: InvoiceRow, to: ReceivableStatus, *, money_fell: bool) -> None:
    """Bring the payout of a locked invoice into step with its money; ``row`` is the invoice as it was before."""
    after = due_move(row, to, money_fell=money_fell)
    if after is not None:
        await lifecycle.move_payout(tx, row.invoice_id, PayoutStatus(row.payout_status), after)
