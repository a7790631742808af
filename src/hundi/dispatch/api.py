"""What became of an invoice on its way to the customer, over HTTP."""

from typing import Any, Final

from litestar import get
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.dispatch import queries
from hundi.dispatch.schemas import DeliveryResponse
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.invoices import queries as invoices
from hundi.kit.actor import Actor
from hundi.kit.paging import Part


@get(
    "/api/v0/invoice/{invoiceId:str}/deliveries",
    operation_id="getInvoiceDeliveries",
    tags=["invoice-controller"],
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_invoice_deliveries(
    invoiceId: str,
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[DeliveryResponse]]]:
    """List when and to whom an invoice was sent, the first time first: how each ended, and what the mail server said."""
    belongs_to = (who.seller_id, "invoice.deliveries", invoiceId)
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        await invoices.one(tx, who.seller_id, invoiceId)
        rows, total = await queries.of_invoice(tx, invoiceId, after=part.last_id, limit=part.most, offset=offset)
    return Reply(ok(page_of(part, rows, total, show=DeliveryResponse.of, key=lambda row: [row.delivery_id])))


ROUTES: Final[list[Any]] = [get_invoice_deliveries]
