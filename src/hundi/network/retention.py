"""The end of what went to a provider and came from it: messages that were answered, webhooks that were taken or dismissed.

Both are needed for a while: the row of a webhook is what tells that it came before, and the row of a message to which of
ours an answer belongs. So neither goes before its time, nor while an object it is about is under way; what waits for a
person (a kept webhook, a message in doubt) never goes by itself (docs/decisions/0019).
"""

from datetime import timedelta
from typing import Final

from hundi.db.pool import Database
from hundi.network.protocol.moves import FINAL
from hundi.network.protocol.statuses import (
    B2bIdStatus,
    BidStatus,
    BusinessStatus,
    FinancingStatus,
    InvoiceStatus,
    Kind,
    OrderStatus,
)

_PURGE: Final = "SELECT purge_provider_mail($1, $2, $3)"
_AT_A_TIME: Final = 5000
_STEPS: Final = 20
_QUIET: Final = frozenset(
    {
        (Kind.INVOICE, InvoiceStatus.PAID), (Kind.ORDER, OrderStatus.FULLY_INVOICED), (Kind.BID, BidStatus.ACCEPTED),
        (Kind.FINANCING, FinancingStatus.DISBURSED), *((Kind.BUSINESS, status) for status in BusinessStatus),
        *((Kind.B2B_ID, status) for status in B2bIdStatus),
    }
)  # fmt: skip
"""Not final, because something may still be done with them; but what they were waiting for has come."""
AT_REST: Final = sorted(f"{kind}/{status}" for kind, status in {*FINAL, *((kind, str(one)) for kind, one in _QUIET)})
"""The statuses of which no message or webhook is needed any more, as ``kind/status``."""


async def purge_provider_mail(db: Database, *, days: int, at_a_time: int = _AT_A_TIME) -> int:
    """Forget what was settled more than ``days`` ago, in steps of their own; gives how many rows went.

    At most 20 steps a time: the rest waits for the next hour.
    """
    purged = 0
    for _ in range(_STEPS):
        async with db.unbound() as tx:
            step = int(await tx.fetchval(_PURGE, tx.now - timedelta(days=days), AT_REST, at_a_time))
        purged += step
        if step < at_a_time:
            break
    return purged
