"""createCustomer and reading one (contract §3.1; design §5 "Undocumented paths")."""

from typing import Annotated, Any

from litestar import get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import may
from hundi.auth.rules import Permission
from hundi.customers import queries, service
from hundi.customers.rows import CustomerRow
from hundi.customers.schemas import CustomerCreate, CustomerResponse
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import SELLER_PATTERN
from hundi.kit.keys import Keyring
from hundi.kit.states import STATES

SellerParameter = Annotated[
    str | None,
    QueryParameter(
        name="parentCompanyId",
        required=False,
        schema_extra={"pattern": SELLER_PATTERN, "type": "string", "one_of": None},
        description="Company to act for",
    ),
]


def shown(row: CustomerRow, keyring: Keyring) -> CustomerResponse:
    """Show a customer; of its account number only the last four digits."""
    masked = None
    if row.account_number is not None:
        whole = keyring.open(row.account_number, f"customers.account_number {row.seller_id} {row.customer_id}")
        masked = "X" * (len(whole) - 4) + whole[-4:]
    state = STATES.get(row.state_code or "")
    return CustomerResponse.of(row, state.name if state else None, masked)


@post(
    "/api/v0/customer",
    operation_id="createCustomer",
    tags=["Customer Apis"],
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

    async def work(tx: Transaction) -> Envelope[CustomerResponse]:
        return ok(shown(await service.create(tx, call.actor, state.keyring, data), state.keyring))

    return await once(state.db, call, work)


@get(
    "/api/v0/customer/{customerId:str}",
    operation_id="getCustomer",
    tags=["Customer Apis"],
    guards=[may(Permission.CUSTOMER_READ)],
    responses=statuses(),
)
async def get_customer(
    customerId: str, who: Actor, state: State, parentCompanyId: SellerParameter = None
) -> Reply[Envelope[CustomerResponse]]:
    """Give one customer with its key contacts and reminder rules."""
    async with state.db.read(who) as tx:
        row = await queries.one(tx, who.seller_id, customerId)
    return Reply(ok(shown(row, state.keyring)), media_type="application/json")


ROUTES: list[Any] = [create_customer, get_customer]
