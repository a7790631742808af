"""The entries of an invoice over HTTP: record, list, reverse (domain §3)."""

from typing import Any, Final

from litestar import get, post
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.invoices import queries as invoices
from hundi.invoices.api import shown
from hundi.invoices.rules import EntryKind
from hundi.kit.actor import Actor
from hundi.kit.money import checked_amount
from hundi.kit.paging import Part
from hundi.payments import queries, service
from hundi.payments.rules import NewEntry, doubts_of_reversal
from hundi.payments.schemas import EntryCreate, EntryOutcome, EntryResponse, EntryReversal

_TAGS: Final = ["payment-controller"]


@post(
    "/api/v0/invoice/{invoiceId:str}/entries",
    operation_id="createInvoiceEntry",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[EntryCreate],
    status_code=200,
    responses=statuses(),
)
async def create_invoice_entry(
    invoiceId: str, data: EntryCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[EntryOutcome]]:
    """Record a receipt, tax deducted at source, a credit note, a discount, an advance or a round-off.

    TDS counts against the `tds` the invoice expects: more reduces the balance, less comes back to it. A receipt smaller
    than the balance needs `partialPaymentAllowed` (and at least `minimumPart`) on the invoice, or `acceptPart: true`.
    """
    new = NewEntry(
        kind=EntryKind(data.kind), amount=data.amount.value, reference=(data.reference or "").strip() or None,
        received_on=data.receivedOn.value if data.receivedOn else None, tds_section=data.tdsSection or None,
        tan=data.tan or None, certificate_no=data.certificateNo or None, note=data.note or None,
        accept_part=bool(data.acceptPart),
    )  # fmt: skip
    rounded = checked_amount("amount", data.amount.sent, may_be_negative=True).warning

    async def work(tx: Transaction) -> Envelope[EntryOutcome]:
        entry, doubts = await service.record(tx, call.actor, invoiceId, new)
        row = await invoices.one(tx, tx.seller_id, invoiceId)
        return ok(
            EntryOutcome(entry=EntryResponse.of(entry), invoice=shown(state, row)),
            [rounded, *doubts] if rounded else doubts,
        )

    return await once(state.db, call, work)


@get(
    "/api/v0/invoice/{invoiceId:str}/entries",
    operation_id="getInvoiceEntries",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_invoice_entries(
    invoiceId: str,
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[EntryResponse]]]:
    """List what reduced the balance of an invoice, the oldest first: net amount less their sum is the balance."""
    belongs_to = (who.seller_id, "invoice.entries", invoiceId)
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor)
    async with state.db.read(who) as tx:
        await invoices.one(tx, who.seller_id, invoiceId)
        rows, total = await queries.page(tx, invoiceId, after=part.last_id, limit=part.most, offset=offset)
    return Reply(ok(page_of(part, rows, total, show=EntryResponse.of, key=lambda row: [row.entry_id])))


@post(
    "/api/v0/invoice/{invoiceId:str}/entries/{entryId:str}/reverse",
    operation_id="reverseInvoiceEntry",
    tags=_TAGS,
    guards=[may(Permission.RECEIPT_REVERSE)],
    dto=JsonBody[EntryReversal],
    status_code=200,
    responses=statuses(),
)
async def reverse_invoice_entry(
    invoiceId: str,
    entryId: str,
    data: EntryReversal,
    call: Call,
    state: State,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[EntryOutcome]]:
    """Take an entry back by another one. An entry is reversed once; asking again changes nothing.

    An entry that a payment over the network brought may be taken back too (the cheque bounced): the invoice is owed again
    and its `payoutStatus` is FAILED. The network keeps the payment as confirmed, which a warning says.
    """

    async def work(tx: Transaction) -> Envelope[EntryOutcome]:
        entry = await service.reverse(tx, call.actor, invoiceId, entryId, data.note or None)
        row = await invoices.one(tx, tx.seller_id, invoiceId)
        doubts = doubts_of_reversal(entry.created_by)
        return ok(EntryOutcome(entry=EntryResponse.of(entry), invoice=shown(state, row)), doubts)

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [create_invoice_entry, get_invoice_entries, reverse_invoice_entry]
