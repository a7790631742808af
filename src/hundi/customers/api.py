"""Customers over HTTP (contract §3; design §5 "Undocumented paths")."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal

from litestar import delete, get, patch, post, put
from litestar.datastructures import State
from litestar.params import PathParameter

from hundi.auth.guard import acting_for, may
from hundi.auth.rules import Permission
from hundi.customers import accounts, queries, search, service
from hundi.customers.rows import CustomerRow
from hundi.customers.rules import CustomerStatus
from hundi.customers.schemas import (
    CustomerCreate,
    CustomerOrder,
    CustomerPage,
    CustomerPatch,
    CustomerResponse,
    CustomerSearch,
    KeyContactList,
    KeyContactOut,
)
from hundi.db.pool import Transaction
from hundi.http import etag
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.etag import IfMatch
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Offset
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import CUSTOMER_PATTERN
from hundi.kit.keys import Keyring
from hundi.kit.states import STATES

TAGS: Final = ["Customer Apis"]
SellerParameter = Annotated[str | None, acting_for("parentCompanyId")]
CustomerPath = Annotated[
    str,
    PathParameter(schema_extra={"pattern": CUSTOMER_PATTERN}, description="Customer's id, KC and 14 of A-Z and 0-9"),
]


def shown(row: CustomerRow, keyring: Keyring) -> CustomerResponse:
    """Show a customer; of its account number only the last four digits."""
    masked = accounts.masked(keyring, row.seller_id, row.customer_id, row.account_number)
    state = STATES.get(row.state_code or "")
    return CustomerResponse.of(row, state.name if state else None, masked)


async def _written(
    call: Call, state: State, change: Callable[[Transaction], Awaitable[CustomerRow]]
) -> Reply[Envelope[CustomerResponse]]:
    """Make one change under the caller's idempotency key and answer with the customer and its ETag."""
    headers: dict[str, str] = {}

    async def work(tx: Transaction) -> Envelope[CustomerResponse]:
        row = await change(tx)
        headers.update(etag.headers(row.version))
        return ok(shown(row, state.keyring))

    reply = await once(state.db, call, work)
    reply.headers.update(headers)
    return reply


@post(
    "/api/v0/customer",
    operation_id="createCustomer",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    dto=JsonBody[CustomerCreate],
    status_code=200,
    responses=statuses(),
)
async def create_customer(
    data: CustomerCreate, call: Call, state: State, parentCompanyId: SellerParameter = None
) -> Reply[Envelope[CustomerResponse]]:
    """Create a customer profile with its key contacts."""
    if data.companyId is not None and data.companyId not in {"", call.actor.seller_id}:
        message = "companyId must be the company you act for; put another one into parentCompanyId."
        raise Invalid(problems=[FieldProblem("companyId", "SELLER_MISMATCH", message, data.companyId)])
    return await _written(call, state, lambda tx: service.create(tx, call.actor, state.keyring, data))


@get(
    "/api/v0/customer/{customerId:str}",
    operation_id="getCustomer",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_READ)],
    responses=statuses(),
)
async def get_customer(
    customerId: CustomerPath, who: Actor, state: State, parentCompanyId: SellerParameter = None
) -> Reply[Envelope[CustomerResponse]]:
    """Give one customer with its key contacts and reminder rules, and its version as ETag."""
    async with state.db.read(who) as tx:
        row = await queries.one(tx, who.seller_id, customerId)
    return Reply(ok(shown(row, state.keyring)), media_type="application/json", headers=etag.headers(row.version))


@get(
    "/api/v0/customer/{customerId:str}/contacts",
    operation_id="getCustomerContactDetails",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_READ)],
    responses=statuses(),
)
async def get_contacts(
    customerId: CustomerPath, who: Actor, state: State, parentCompanyId: SellerParameter = None
) -> Reply[Envelope[KeyContactList]]:
    """Give a customer's key contacts in their order; ``primary`` is the one invoices are addressed to."""
    async with state.db.read(who) as tx:
        row = await queries.one(tx, who.seller_id, customerId)
    found = KeyContactOut.all_of(row.contacts)
    return Reply(ok(KeyContactList(data=found, total_count=len(found))))


@patch(
    "/api/v0/customer/{customerId:str}",
    operation_id="updateCustomer",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    dto=PatchBody[CustomerPatch],
    status_code=200,
    responses=statuses(versioned=True),
)
async def update_customer(
    customerId: CustomerPath,
    data: CustomerPatch,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
    ifMatch: IfMatch = None,
) -> Reply[Envelope[CustomerResponse]]:
    """Change a customer: absent leaves, null clears, a value sets, {} leaves; contacts and reminders merge by their ids."""
    check = etag.version_check(ifMatch)
    return await _written(
        call, state, lambda tx: service.update(tx, call.actor, state.keyring, customerId, data, check_version=check)
    )


@put(
    "/api/v0/customer/activate/{customerId:str}",
    operation_id="activateCustomer",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    responses=statuses(versioned=True),
)
async def activate_customer(
    customerId: CustomerPath,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
    ifMatch: IfMatch = None,
) -> Reply[Envelope[CustomerResponse]]:
    """Let new invoices be made for a customer again; one that is active stays as it is."""
    check = etag.version_check(ifMatch)
    to = CustomerStatus.ACTIVE
    return await _written(
        call, state, lambda tx: service.set_status(tx, call.actor, customerId, to, check_version=check)
    )


@put(
    "/api/v0/customer/deactivate/{customerId:str}",
    operation_id="deactivateCustomer",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    responses=statuses(versioned=True),
)
async def deactivate_customer(
    customerId: CustomerPath,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
    ifMatch: IfMatch = None,
) -> Reply[Envelope[CustomerResponse]]:
    """Let no new invoices be made for a customer; those it has stay, and can be sent and paid."""
    check = etag.version_check(ifMatch)
    to = CustomerStatus.INACTIVE
    return await _written(
        call, state, lambda tx: service.set_status(tx, call.actor, customerId, to, check_version=check)
    )


@delete(
    "/api/v0/customer/{customerId:str}",
    operation_id="deleteCustomerByCustomerId",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    status_code=200,
    responses=statuses(versioned=True),
)
async def delete_customer(
    customerId: CustomerPath,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
    ifMatch: IfMatch = None,
) -> Reply[Envelope[str]]:
    """Delete a customer that owes nothing; its invoices stay, and its uniqueRefNo may be used again."""
    check = etag.version_check(ifMatch)

    async def work(tx: Transaction) -> Envelope[str]:
        await service.delete(tx, call.actor, customerId, check_version=check)
        return ok(f"Customer {customerId} was deleted.")

    return await once(state.db, call, work)


@post(
    "/api/v0/customer/search",
    operation_id="searchCustomer",
    tags=TAGS,
    guards=[may(Permission.CUSTOMER_READ)],
    dto=JsonBody[CustomerSearch],
    status_code=200,
    responses=statuses(),
)
async def search_customers(
    data: CustomerSearch,
    who: Actor,
    state: State,
    limit: Limit = 50,
    offset: Offset = 0,
    orderBy: Literal["createdOn", "modifiedOn", "legalName"] = "createdOn",
    direction: Literal["ASC", "DESC"] = "DESC",
    cursor: Cursor = None,
    parentCompanyId: SellerParameter = None,
) -> Reply[Envelope[CustomerPage]]:
    """Find customers by name, e-mail, phone, creation date and more; the newest first unless told."""
    page = search.Page(
        limit=limit, offset=offset, cursor=cursor, order=CustomerOrder(orderBy), descending=direction == "DESC"
    )
    async with state.db.read(who) as tx:
        found = await search.find(tx, state.keyring, who.seller_id, data, page)
    payload = CustomerPage(
        data=[shown(row, state.keyring) for row in found.rows],
        total_count=found.total,
        limit=limit,
        offset=offset,
        next_cursor=found.next_cursor,
        total_count_estimated=found.estimated or None,
    )
    return Reply(ok(payload))


ROUTES: list[Any] = [
    create_customer,
    get_customer,
    get_contacts,
    update_customer,
    activate_customer,
    deactivate_customer,
    delete_customer,
    search_customers,
]
