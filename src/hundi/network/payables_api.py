"""The simplified call of a buyer: answer received invoices by their ids alone (contract b2b §3, "Bharat Connect 2.0")."""

from typing import Annotated, Any, Final

import msgspec
from litestar import post
from litestar.datastructures import State
from msgspec import Meta

from hundi.auth.guard import may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import SUCCESS, Reply
from hundi.http.idempotency import Call, once
from hundi.invoices.api import SellerParameter
from hundi.invoices.collection import places_of, refused_at
from hundi.kit.errors import Refusal
from hundi.network import queries, service
from hundi.network.ends import party_of
from hundi.network.protocol import messages as m
from hundi.network.protocol.statuses import Kind
from hundi.network.queries import ObjectRow
from hundi.network.schemas import NetworkReply
from hundi.network.wire import invoice as wire
from hundi.network.wire.blocks import B2BIds, Device, ObjectVersion, StatusTransition, Tag
from hundi.network.wire.meaning import message_of
from hundi.network.wire.values import Text100

_MOST: Final = 1000


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
        party = party_of(tx, state.keyring)
        sent = []
        for invoice_id in sorted(places):
            try:
                row = await queries.one(tx, tx.seller_id, invoice_id, Kind.INVOICE.value)
                message = message_of(_answer(row, data), m.ConfirmInvoice)
                sent.append(await service.submit(tx, call.actor, party, message))
            except Refusal as error:
                raise type(error)(problems=[refused_at(places[invoice_id], invoice_id, error)]) from error
        return NetworkReply(payload=",".join(sent), response_code=SUCCESS, response_message="SUCCESS")

    return await once(state.db, call, work)


def _answer(row: ObjectRow, data: ConfirmInvoices) -> wire.ConfirmInvoice:
    """Write the published message for an invoice as we know it."""
    return wire.ConfirmInvoice(
        device=Device(tag=Tag(name="GEOCODE", value="0,0")),
        b2bIds=B2BIds(buyerB2BId=row.buyer, supplierB2BId=row.supplier),
        invoiceConfirmation=wire.InvoiceConfirmation(
            objectId=row.object_id,
            supplierInvoiceNumber=row.number,
            objectVersion=ObjectVersion(currentVersion=row.version, newVersion=row.version),
            buyerResponse=data.status,
            buyerRemarks=data.remarks,
            statusTransition=StatusTransition(currentStatus=row.status, newStatus=row.status),
        ),
    )


ROUTES: Final[list[Any]] = [confirm_received_invoices]
