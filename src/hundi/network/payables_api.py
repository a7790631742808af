"""The buyer's side over HTTP: the list of received invoices, their match, the policy, and the answer by ids alone."""

from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get, patch, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Meta

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import SUCCESS, Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, page_of
from hundi.invoices.collection import places_of, refused_at
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.dates import NotADate, ist_date, parse_date
from hundi.kit.errors import FieldProblem, Invalid, Refusal
from hundi.kit.paging import Part
from hundi.network import matches, payables, policies, queries, service
from hundi.network.answers import answer_to
from hundi.network.ends import party_of
from hundi.network.errors import NetworkObjectNotFound
from hundi.network.objects_api import Word
from hundi.network.payable_schemas import MatchOut, PayableOut, PayablePolicyOut, PayablePolicyPatch
from hundi.network.payables import PayableFilter, PayableOrder, PayableSort
from hundi.network.protocol import messages as m
from hundi.network.protocol.statuses import InvoiceStatus, Kind
from hundi.network.schemas import NetworkReply
from hundi.network.verdicts import Verdict
from hundi.network.wire import invoice as wire
from hundi.network.wire.meaning import message_of
from hundi.network.wire.values import Text100

_MOST: Final = 1000
TAGS: Final = ["network-payables"]
STATUSES: Final = frozenset(InvoiceStatus) - {InvoiceStatus.CREATED, InvoiceStatus.FAILED}

StatusParameter = Annotated[
    str | None, QueryParameter(max_length=100, required=False, description="As the network says it")
]
SupplierFilter = Annotated[str | None, QueryParameter(max_length=100, required=False, description="A B2B ID")]
VerdictParameter = Annotated[Verdict | None, QueryParameter(required=False, description="Of the last match")]
MatchedParameter = Annotated[
    bool | None,
    QueryParameter(required=False, description="true: MATCHED or WITHIN_TOLERANCE; false: any other verdict"),
]
WaitingParameter = Annotated[bool | None, QueryParameter(required=False, description="Whether our answer is wanted")]
OverdueParameter = Annotated[
    bool | None, QueryParameter(required=False, description="Past its due date, with something due")
]
DayParameter = Annotated[
    str | None, QueryParameter(max_length=40, required=False, description="yyyy-MM-dd, itself included")
]
SearchParameter = Annotated[
    str | None, QueryParameter(max_length=200, required=False, description="Part of a number, supplier, GSTIN or order")
]
OrderParameter = Annotated[
    Literal["receivedOn", "invoiceDate", "dueDate", "dueAmount", "supplierName"],
    QueryParameter(description="receivedOn unless told; without a due date or not read yet: last"),
]
DirectionParameter = Annotated[Literal["ASC", "DESC"], QueryParameter(description="DESC unless told")]


def filter_of(
    *,
    status: str | None,
    supplier: str | None,
    verdict: Verdict | None,
    matched: bool | None,
    waiting: bool | None,
    overdue: bool | None,
    due_from: str | None,
    due_to: str | None,
    text: str | None,
) -> PayableFilter:
    """Put the query's filters together. Raises :class:`Invalid` with each that cannot be meant."""
    problems: list[FieldProblem] = []
    if status is not None and status not in STATUSES:
        message = f"Send one of {', '.join(sorted(STATUSES))}."
        problems.append(FieldProblem("status", "STATUS_UNKNOWN", message, status))
    start, end = (_day(name, value, problems) for name, value in (("dueFrom", due_from), ("dueTo", due_to)))
    if start is not None and end is not None and start > end:
        message = "dueFrom is after dueTo, so nothing can lie between them. Exchange the two."
        problems += [FieldProblem(name, "EMPTY_RANGE", message) for name in ("dueFrom", "dueTo")]
    if problems:
        raise Invalid(problems=problems)
    return PayableFilter(
        status=status, supplier=supplier, verdict=verdict, matched=matched, waiting=waiting, overdue=overdue, due_from=start,
        due_to=end, text=text,
    )  # fmt: skip


def _day(name: str, text: str | None, problems: list[FieldProblem]) -> date | None:
    if text is None:
        return None
    try:
        return parse_date(text)
    except NotADate as error:
        problems.append(FieldProblem(name, error.code, str(error), text))
        return None


def day_of(name: str, text: str | None) -> date | None:
    """Read a day of the query. Raises :class:`Invalid`."""
    problems: list[FieldProblem] = []
    found = _day(name, text, problems)
    if problems:
        raise Invalid(problems=problems)
    return found


@get(
    "/api/v0/network/payable",
    operation_id="listPayables",
    tags=TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def list_payables(
    who: Actor,
    state: State,
    status: StatusParameter = None,
    supplier: SupplierFilter = None,
    verdict: VerdictParameter = None,
    matched: MatchedParameter = None,
    waiting: WaitingParameter = None,
    overdue: OverdueParameter = None,
    dueFrom: DayParameter = None,
    dueTo: DayParameter = None,
    text: SearchParameter = None,
    limit: Limit = 50,
    offset: Offset = 0,
    orderBy: OrderParameter = "receivedOn",
    direction: DirectionParameter = "DESC",
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[PayableOut]]]:
    """List received invoices with supplier, dates, what is due, orders and how they match; all filters must hold.

    `/api/v0/reports/payables` gives the same as a CSV or XLSX file.
    """
    wanted = filter_of(
        status=status, supplier=supplier, verdict=verdict, matched=matched, waiting=waiting, overdue=overdue,
        due_from=dueFrom, due_to=dueTo, text=text,
    )  # fmt: skip
    sort = PayableSort(order=PayableOrder(orderBy), descending=direction == "DESC")
    belongs_to = [who.seller_id, "payables", *sort.marks(), *wanted.marks()]
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor, parts=2)
    today = ist_date(state.clock.now())
    async with state.db.read(who) as tx:
        rows, total = await payables.page(
            tx, wanted, sort, today=today, limit=part.most, offset=offset, after=part.after
        )
    page = page_of(
        part, rows, total, show=lambda row: PayableOut.of(row, today), key=lambda row: [row.place, row.object_id],
        bounded=True,
    )  # fmt: skip
    return Reply(ok(page), media_type="application/json")


@get(
    "/api/v0/network/payable/policy",
    operation_id="getPayablePolicy",
    tags=TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def get_payable_policy(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[PayablePolicyOut]]:
    """Show how far received invoices may differ from their orders, and which are accepted of themselves."""
    async with state.db.read(who) as tx:
        policy = await policies.read(tx)
    return Reply(ok(PayablePolicyOut.of(policy)), media_type="application/json")


@patch(
    "/api/v0/network/payable/policy",
    operation_id="updatePayablePolicy",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=PatchBody[PayablePolicyPatch],
    status_code=200,
    responses=statuses(),
)
async def update_payable_policy(
    data: PayablePolicyPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[PayablePolicyOut]]:
    """Change the tolerances and what is accepted of itself; all received invoices are then matched anew."""

    async def work(tx: Transaction) -> Envelope[PayablePolicyOut]:
        policy = await policies.change(tx, call.actor, data.changes())
        await enqueue(tx, matches.MATCH, ids={"after": ""})
        return ok(PayablePolicyOut.of(policy))

    return await once(state.db, call, work)


@get(
    "/api/v0/network/{collection:str}/{objectId:str}/match",
    operation_id="getNetworkInvoiceMatch",
    tags=TAGS,
    guards=[may(Permission.NETWORK_READ)],
    responses=statuses(),
)
async def get_network_invoice_match(
    collection: Word, objectId: str, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[MatchOut]]:
    """Match a received invoice with its purchase orders and notes, as all of them are now; `collection` is `invoice`."""
    if collection != "invoice":
        raise NetworkObjectNotFound
    async with state.db.read(who) as tx:
        row = await queries.one(tx, tx.seller_id, objectId, Kind.INVOICE.value)
        looked = await matches.look(tx, row)
        policy = await policies.read(tx)
    return Reply(ok(MatchOut.of(looked, policy)), media_type="application/json")


class ConfirmInvoices(msgspec.Struct, kw_only=True):
    """The body of Confirm Invoice of the simplified layer: all members are required."""

    invoiceIds: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=_MOST)]
    remarks: Text100
    status: wire.Answer


@post(
    "/api/v0/payout/confirm-invoice",
    operation_id="confirmReceivedInvoices",
    tags=["bharat-connect-controller"],
    guards=[may(Permission.NETWORK_SEND)],
    dto=JsonBody[ConfirmInvoices],
    status_code=200,
    responses=statuses(),
)
async def confirm_received_invoices(
    data: ConfirmInvoices, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[NetworkReply]:
    """Accept, reject or return received invoices, all of them or none, as they are known here.

    Each is answered by a message of its own; the payload is their ids, with commas.
    """
    places = places_of(data.invoiceIds)

    async def work(tx: Transaction) -> NetworkReply:
        party = party_of(tx, state.keyring, state.settings)
        sent: list[str] = []
        problems: list[FieldProblem] = []
        kind: type[Refusal] | None = None
        for invoice_id in sorted(places):
            try:
                row = await queries.one(tx, tx.seller_id, invoice_id, Kind.INVOICE.value)
                message = message_of(answer_to(row, data.status, data.remarks), m.ConfirmInvoice)
                sent.append(await service.submit(tx, call.actor, party, message))
            except Refusal as error:
                # What is not there is the first thing to hear of.
                kind = type(error) if kind is None or isinstance(error, NetworkObjectNotFound) else kind
                problems.append(refused_at(places[invoice_id], invoice_id, error))
        if kind is not None:
            raise kind(problems=sorted(problems, key=lambda one: places[one.rejected or ""]))
        return NetworkReply(payload=",".join(sent), response_code=SUCCESS, response_message="SUCCESS")

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [
    list_payables, get_payable_policy, update_payable_policy, get_network_invoice_match, confirm_received_invoices,
]  # fmt: skip
