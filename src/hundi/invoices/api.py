"""createInvoice, getInvoice, updateInvoice, searchCollectionInvoices (contract §4)."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from litestar import get, patch, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, encode, ok
from hundi.http.idempotency import Call, once
from hundi.invoices import birth, queries, service
from hundi.invoices.rows import InvoiceRow, ItemRow
from hundi.invoices.rules import CreatedVia
from hundi.invoices.schemas import InvoiceCreate, InvoicePage, InvoicePatch, InvoiceResponse, InvoiceSearch
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import SELLER_PATTERN

_TAGS: Final = ["invoice-controller"]
MAX_PAGE: Final = 5000
SellerParameter = Annotated[
    str | None,
    QueryParameter(
        name="sellerId",
        required=False,
        schema_extra={"pattern": SELLER_PATTERN, "type": "string", "one_of": None},
        description="sellerId",
    ),
]


def shown(
    state: State, row: InvoiceRow, items: list[ItemRow] | None = None, *, today: date | None = None
) -> InvoiceResponse:
    """Show an invoice as of ``today`` (in India; now unless told); its payment link is there once it was dispatched."""
    link = None
    if row.link_version > 0:
        token = state.keyring.link_token(row.seller_id, row.invoice_id, row.link_version)
        link = f"{state.base_url}/i/{token}"
    return InvoiceResponse.of(row, today=today or ist_date(state.clock.now()), payment_link=link, items=items)


@post(
    "/api/v0/invoice",
    operation_id="createInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[InvoiceCreate],
    status_code=200,
    responses=statuses(),
)
async def create_invoice(
    data: InvoiceCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[InvoiceResponse]]:
    """Create an invoice: one round trip, one commit (design §3)."""
    who = call.actor
    if data.sellerId not in {None, "", who.seller_id}:
        message = "sellerId must be the company you act for; to act for another one put it into the query."
        raise Invalid(problems=[FieldProblem("sellerId", "SELLER_MISMATCH", message, data.sellerId)])
    via = CreatedVia(who.via)
    made = birth.draft(data, seller_id=who.seller_id, subject=who.subject, now=state.clock.now(), via=via)
    if data.dispatchNow:
        async with state.db.transaction(who) as tx:
            facts = await birth.write(tx.connection, call, data, made)
            if not facts.replayed:
                ids = {"invoice_ids": [facts.invoice_id], "actor": who.subject}
                await enqueue(tx, "invoices.dispatch_requested", ids=ids)
    else:
        async with state.db.hot() as connection:
            facts = await birth.write(connection, call, data, made)
    if facts.replayed:
        # The reply is made from the first call's facts as of its own instant, so that it is the same byte for byte.
        made = birth.draft(data, seller_id=who.seller_id, subject=who.subject, now=facts.created_at, via=via)
    warnings = [*made.warnings, *birth.place_warnings(facts)]
    if data.dispatchNow and not facts.has_key_contacts and not facts.email_address:
        message = "The customer has no key contact with an e-mail address, so nothing can be sent."
        warnings.append(FieldProblem("dispatchNow", "NO_KEY_CONTACT", message))
    headers = {"Idempotency-Replayed": "true"} if facts.replayed else {}
    reply = ok(shown(state, facts, made.lines(), today=ist_date(facts.created_at)), warnings)
    return Reply(encode(reply), media_type="application/json", headers=headers)


@get(
    "/api/v0/invoice/{invoiceId:str}",
    operation_id="getInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_invoice(
    invoiceId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[InvoiceResponse]]:
    """Give one invoice with its lines."""
    async with state.db.read(who) as tx:
        row = await queries.one(tx, who.seller_id, invoiceId)
        items = await queries.items(tx, who.seller_id, invoiceId)
    return Reply(ok(shown(state, row, items)), media_type="application/json")


@patch(
    "/api/v0/invoice/{invoiceId:str}",
    operation_id="updateInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=PatchBody[InvoicePatch],
    status_code=200,
    responses=statuses(),
)
async def update_invoice(
    invoiceId: str, data: InvoicePatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[InvoiceResponse]]:
    """Change an invoice: absent leaves, null clears, a value sets, {} leaves (design §5)."""

    async def work(tx: Transaction) -> Envelope[InvoiceResponse]:
        row, warnings = await service.update(tx, call.actor, invoiceId, data)
        return ok(shown(state, row, await queries.items(tx, tx.seller_id, invoiceId)), warnings)

    return await once(state.db, call, work)


@post(
    "/api/v0/invoice/search",
    operation_id="searchCollectionInvoices",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    dto=JsonBody[InvoiceSearch],
    status_code=200,
    responses=statuses(),
)
async def search_invoices(
    data: InvoiceSearch,
    who: Actor,
    state: State,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="At most 5000; 50 unless told")] = 50,
    offset: Annotated[int, QueryParameter(ge=0, le=10_000_000)] = 0,
    direction: Literal["ASC", "DESC"] = "DESC",
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoicePage]]:
    """Find invoices; newest first unless told, with the exact number of all that match."""
    async with state.db.read(who) as tx:
        rows, total = await queries.search(
            tx, who.seller_id, data, today=ist_date(state.clock.now()), limit=limit, offset=offset, direction=direction
        )
    page = InvoicePage(data=[shown(state, row) for row in rows], total_count=total, limit=limit, offset=offset)
    return Reply(ok(page), media_type="application/json")


ROUTES: list[Any] = [create_invoice, get_invoice, update_invoice, search_invoices]
