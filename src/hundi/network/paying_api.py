"""Paying received invoices over HTTP, and proposals of what to pay."""

from typing import Annotated, Any, Final

from litestar import get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.money import NotAnAmount, parse_amount
from hundi.network import paying, proposals
from hundi.network.ends import party_of
from hundi.network.payable_schemas import PayInvoices, PaymentOut, Proposal
from hundi.network.payables_api import TAGS, DayParameter, day_of
from hundi.network.proposals import Asked
from hundi.network.wire.reading import NetworkBody

_MOST_PERCENT: Final = 100


@post(
    "/api/v0/network/payable/pay",
    operation_id="payReceivedInvoices",
    tags=TAGS,
    guards=[may(Permission.NETWORK_PAY)],
    dto=NetworkBody[PayInvoices],
    status_code=200,
    responses=statuses(),
)
async def pay_received_invoices(
    data: PayInvoices, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[PaymentOut]]:
    """Pay received invoices of one supplier, all of them or none: makes and sends the published Pay Invoices message.

    Without `netPaidAmount` an invoice is paid whole. The answer comes as the webhook `payment/resp-pay` with `messageId`.
    """

    async def work(tx: Transaction) -> Envelope[PaymentOut]:
        return ok(await paying.pay(tx, call.actor, party_of(tx, state.keyring, state.settings), data))

    return await once(state.db, call, work)


@get(
    "/api/v0/network/payable/proposal",
    operation_id="getPaymentProposal",
    tags=TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def get_payment_proposal(
    who: Actor,
    state: State,
    supplier: Annotated[str, QueryParameter(min_length=1, max_length=100, description="The supplier's B2B ID")],
    buyer: Annotated[
        str | None, QueryParameter(max_length=100, required=False, description="One of your own B2B IDs")
    ] = None,
    dueTo: DayParameter = None,
    tdsSection: Annotated[str | None, QueryParameter(max_length=20, required=False, description="Such as 194C")] = None,
    tdsRate: Annotated[
        str | None, QueryParameter(max_length=10, required=False, description="Percent; else the section's")
    ] = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Proposal]]:
    """Say what would be paid to a supplier: what is due up to a day, less open credit notes, less TDS. Nothing is sent."""
    asked = Asked(supplier=supplier, buyer=buyer, up_to=day_of("dueTo", dueTo), section=tdsSection, rate=_rate(tdsRate))
    today = ist_date(state.clock.now())
    async with state.db.read(who) as tx:
        found = await proposals.propose(tx, asked, today=today)
    return Reply(ok(found), media_type="application/json")


def _rate(text: str | None) -> Any:
    if text is None:
        return None
    try:
        rate = parse_amount(text)
    except NotAnAmount:
        rate = None
    if rate is None or not 0 < rate <= _MOST_PERCENT:
        message = "Send the rate in percent, such as 2 or 0.1."
        raise Invalid(problems=[FieldProblem("tdsRate", "BAD_NUMBER", message, text)])
    return rate


ROUTES: Final[list[Any]] = [pay_received_invoices, get_payment_proposal]
