"""Bharat Connect 2.0 AR: payment confirmation and change of status (contract §6.1), in the books and on the network."""

from typing import Any, Final

from litestar import post
from litestar.datastructures import State

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import SUCCESS, Reply
from hundi.http.idempotency import Call, once
from hundi.network.books import answers
from hundi.payments.bharat_connect_schemas import BharatConnectReply, InvoiceStatusChange, PaymentConfirmation

_TAGS: Final = ["bharat-connect-controller"]


@post(
    "/api/v0/invoice/payment-confirmation",
    operation_id="paymentConfirmation",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[PaymentConfirmation],
    status_code=200,
    responses=statuses(),
)
async def payment_confirmation(
    data: PaymentConfirmation, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[BharatConnectReply]:
    """Accept or reject a payment the buyer told of; an accepted OFFPLATFORM payment settles the named invoices.

    All invoices or none. A payment that came over the network is answered there, and its entries (the money with its UTR,
    tax deducted, notes, discounts) are written when the network has taken the answer.
    """

    async def work(tx: Transaction) -> BharatConnectReply:
        message_id = await answers.confirm_payment(
            tx, call.actor, state.keyring, state.settings, invoice_ids=data.invoiceIds, payment_id=data.paymentId, remarks=data.remarks,
            response=data.response, kind=data.type,
        )  # fmt: skip
        return BharatConnectReply(payload=message_id, response_code=SUCCESS, response_message="SUCCESS")

    return await once(state.db, call, work)


@post(
    "/api/v0/invoice/req-change-status",
    operation_id="changeInvoiceStatus",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_WRITE)],
    dto=JsonBody[InvoiceStatusChange],
    status_code=200,
    responses=statuses(),
)
async def change_invoice_status(
    data: InvoiceStatusChange, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[BharatConnectReply]:
    """Cancel, close or reopen invoices: CLOSE writes off what is still owed, REOPEN ends a dispute or a write-off.

    All invoices or none. The change is made here; the buyer of an invoice that went over the network is told there.
    """

    async def work(tx: Transaction) -> BharatConnectReply:
        message_id = await answers.change_status(
            tx,
            call.actor,
            state.keyring,
            state.settings,
            invoice_ids=data.invoiceIds,
            status=data.status,
            remarks=data.remarks,
        )
        return BharatConnectReply(payload=message_id, response_code=SUCCESS, response_message="SUCCESS")

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [payment_confirmation, change_invoice_status]
