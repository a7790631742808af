"""createInvoice, getInvoice, updateInvoice (contract §4)."""

from datetime import date
from typing import Any, Final

from litestar import Request, get, patch, post
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http import etag
from hundi.http.body import JsonBody, PatchBody, parse
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, encode, ok
from hundi.http.idempotency import Call, once
from hundi.invoices import attachment_api, attachments, birth, links, queries, service, unheeded
from hundi.invoices.rows import InvoiceRow, ItemRow
from hundi.invoices.rules import APPROVED, CreatedVia
from hundi.invoices.schemas import InvoiceCreate, InvoicePatch, InvoiceResponse
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem, Invalid, Refusal

_TAGS: Final = ["invoice-controller"]


def shown(
    state: State, row: InvoiceRow, items: list[ItemRow] | None = None, *, today: date | None = None
) -> InvoiceResponse:
    """Show an invoice as of ``today`` (in India; now unless told); its payment link is there while it can be opened."""
    link = None
    if links.is_good(row):
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
    try:
        made = birth.draft(data, seller_id=who.seller_id, subject=who.subject, now=state.clock.now(), via=via)
    except Refusal:
        # The same request may have been right when it first came, before midnight: its reply stands for a day.
        first = await birth.first_called(state.db, call)
        if first is None:
            raise
        made = birth.draft(data, seller_id=who.seller_id, subject=who.subject, now=first, via=via)
    if data.dispatchNow:
        async with state.db.transaction(who) as tx:
            facts = await birth.write(tx.connection, call, data, made)
            if not facts.replayed and facts.approval_status in APPROVED:
                ids = {"invoice_ids": [facts.invoice_id], "actor": who.subject}
                await enqueue(tx, "invoices.dispatch_requested", ids=ids)
    else:
        async with state.db.hot() as connection:
            facts = await birth.write(connection, call, data, made)
    if facts.replayed:
        # The reply is made from the first call's facts as of its own instant, so that it is the same byte for byte.
        made = birth.draft(data, seller_id=who.seller_id, subject=who.subject, now=facts.created_at, via=via)
    warnings = [*made.warnings, *birth.place_warnings(facts)]
    if made.lines():  # who sends amounts alone does not want a tax invoice made of them
        warnings += state.shortfalls.at_birth(facts, made.lines())
    if data.dispatchNow and not facts.has_key_contacts and not facts.email_address:
        message = "The customer has no key contact with an e-mail address, so nothing can be sent."
        warnings.append(FieldProblem("dispatchNow", "NO_KEY_CONTACT", message))
    if data.dispatchNow and facts.approval_status not in APPROVED:
        warnings.append(unheeded.not_sent_yet())
    headers = etag.headers(facts.version) | ({"Idempotency-Replayed": "true"} if facts.replayed else {})
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
        files = await attachments.of_invoice(tx, who.seller_id, invoiceId)
    found = attachment_api.put_in(state.base_url, shown(state, row, items), files)
    return Reply(ok(found), media_type="application/json", headers=etag.headers(row.version))


@patch(
    "/api/v0/invoice/{invoiceId:str}",
    operation_id="updateInvoice",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE, Permission.INVOICE_CHECK, Permission.INVOICE_APPROVE)],
    dto=PatchBody[InvoicePatch],
    status_code=200,
    responses=statuses(versioned=True),
)
async def update_invoice(
    invoiceId: str,
    data: InvoicePatch,
    call: Call,
    state: State,
    request: Request[Any, Any, State],
    if_match: etag.IfMatch = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[InvoiceResponse]]:
    """Change an invoice: absent leaves, null clears, a value sets, {} leaves (design §5).

    Who may check or approve but not write may send `approvalStatus` and `remarks`, and nothing else.
    """
    check = etag.version_check(if_match)
    versions: list[int] = []
    sent = parse(await request.body())

    async def work(tx: Transaction) -> Envelope[InvoiceResponse]:
        row, warnings = await service.update(tx, call.actor, invoiceId, data, check=check, keys=state.portal_keys)
        versions.append(row.version)
        await links.renew(tx, state.keyring, row)
        found = shown(state, row, await queries.items(tx, tx.seller_id, invoiceId))
        files = await attachments.of_invoice(tx, tx.seller_id, invoiceId)
        return ok(
            attachment_api.put_in(state.base_url, found, files), [*warnings, *unheeded.left_as_they_are(sent, row)]
        )

    reply = await once(state.db, call, work)
    for version in versions:
        reply.headers.update(etag.headers(version))
    return reply


ROUTES: list[Any] = [create_invoice, get_invoice, update_invoice]
