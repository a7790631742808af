"""`hundi dispatch`: queue invoices for delivery from the command line."""

from typing import Any, Final

import msgspec

from hundi.cli.actor import operator, the_seller
from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.network.books import sending

_BATCH: Final = 5000
_WAITING: Final = """
    SELECT invoice_id FROM invoices
     WHERE seller_id = $1 AND dispatch_status = 'NOT_DISPATCHED' AND invoice_id > $2 AND deleted_at IS NULL
       AND approval_status IN ('APPROVER_APPROVED', 'BANK_APPROVED')
       AND receivable_status NOT IN ('PAID', 'CANCELLED', 'WRITTEN_OFF')
     ORDER BY invoice_id LIMIT $3"""


async def dispatch_invoices(
    settings: Settings, invoice_ids: list[str], seller: str | None, *, everything: bool
) -> dict[str, Any]:
    """Queue the named invoices, or all that wait, at most 5,000 a transaction; give what became of them."""
    total: dict[str, Any] = {"queued": 0, "already": 0, "refused": []}
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        who = operator(seller_id, parts.clock.now())
        last = ""
        while True:
            batch = invoice_ids
            if everything:
                async with parts.db.read(seller_id) as tx:
                    batch = [row["invoice_id"] for row in await tx.fetch(_WAITING, seller_id, last, _BATCH)]
            if not batch:
                return total
            outcome = await sending.dispatch_all(parts.db, seller_id, who, parts.keyring, settings, batch)
            total["queued"] += len(outcome.queued)
            total["already"] += len(outcome.already)
            total["refused"] += [msgspec.to_builtins(problem) for problem in outcome.refused]
            last = batch[-1]
            if not everything or len(batch) < _BATCH:
                return total
