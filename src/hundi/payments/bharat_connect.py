"""What a supplier answers on the network, on the receivables' side (contract §6.1): the rows here, the messages elsewhere.

The network's own message of a payment carries its amounts; this request names none. So an accepted off-platform payment
settles what the named invoices still owe, as PATCH does with ``receivableStatus: PAID``. Of an on-platform payment the
network itself reports the money; the answer is kept and writes no receipt.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.invoices import queries as invoices
from hundi.invoices.collection import places_of, refused_at
from hundi.invoices.errors import InvoiceCancelled
from hundi.invoices.rules import EntryKind, ReceivableStatus
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid, Refusal
from hundi.kit.ids import new_id
from hundi.kit.money import shown
from hundi.payments import queries, service
from hundi.payments.errors import InvoiceWrittenOff, PaymentAccepted
from hundi.payments.rules import NewEntry


class PaymentType(StrEnum):
    """How the buyer paid (contract §2)."""

    OFFPLATFORM = "OFFPLATFORM"
    ONPLATFORM = "ONPLATFORM"


class SupplierResponse(StrEnum):
    """What the supplier says to a payment (contract §2)."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class StatusChange(StrEnum):
    """What a supplier may do to an invoice on the network; the values are not published, these are the suggested ones."""

    CANCEL = "CANCEL"
    CLOSE = "CLOSE"
    REOPEN = "REOPEN"


_E = TypeVar("_E", bound=StrEnum)
_SETTLED: Final = frozenset({ReceivableStatus.PAID.value, ReceivableStatus.WRITTEN_OFF.value})


async def confirm_payment(
    tx: Transaction, who: Actor, *, invoice_ids: list[str], payment_id: str, remarks: str, response: str, kind: str
) -> str:
    """Accept or reject a payment of these invoices, all of them or none; gives the id of the message to the buyer.

    Accepting the same payment again changes nothing. Raises :class:`Invalid` (400), and for any invoice what stands
    against it, with its place in the request.
    """
    said, paid = read_word("response", response, SupplierResponse), read_word("type", kind, PaymentType)
    if said is SupplierResponse.REJECT and paid is PaymentType.ONPLATFORM:
        message = "Money that moved on the platform cannot be rejected; REJECT is for OFFPLATFORM."
        raise Invalid(problems=[FieldProblem("response", "REJECT_NOT_ALLOWED", message, response)])
    facts = {"paymentId": payment_id, "type": paid.value, "response": said.value, "remarks": remarks}

    async def answer(invoice_id: str) -> None:
        row = await invoices.lock(tx, tx.seller_id, invoice_id)
        if row.receivable_status == ReceivableStatus.CANCELLED.value:
            raise InvoiceCancelled
        receipt = await queries.standing_with(tx, invoice_id, payment_id, EntryKind.RECEIPT)
        if said is SupplierResponse.REJECT:
            if receipt is not None:
                raise PaymentAccepted
            return
        if paid is PaymentType.ONPLATFORM or receipt is not None:
            return
        if row.receivable_status == ReceivableStatus.WRITTEN_OFF.value:
            raise InvoiceWrittenOff
        if row.balance > 0:
            whole = NewEntry(kind=EntryKind.RECEIPT, amount=row.balance, reference=payment_id, note=remarks)
            await service.record(tx, who, invoice_id, whole)

    return await told_each(tx, who, invoice_ids, answer, "invoice.payment_confirmation", facts)


async def change_status(tx: Transaction, who: Actor, *, invoice_ids: list[str], status: str, remarks: str) -> str:
    """Cancel, close or reopen these invoices, all of them or none; gives the id of the message to the buyer.

    CLOSE gives up what is still owed; with nothing owed it is only told. REOPEN ends a dispute or a write-off.
    """
    to = read_word("status", status, StatusChange)

    async def apply(invoice_id: str) -> None:
        if to is StatusChange.REOPEN:
            await service.reinstate(tx, who, invoice_id, remarks)
        elif to is StatusChange.CANCEL:
            await service.move(tx, who, invoice_id, ReceivableStatus.CANCELLED, remarks)
        elif (await invoices.lock(tx, tx.seller_id, invoice_id)).receivable_status not in _SETTLED:
            await service.move(tx, who, invoice_id, ReceivableStatus.WRITTEN_OFF, remarks)

    facts = {"status": to.value, "remarks": remarks}
    return await told_each(tx, who, invoice_ids, apply, "invoice.status_change", facts)


def read_word(field: str, text: str, kind: type[_E]) -> _E:
    """Give the member of a vocabulary, or refuse (400) with the words there are."""
    if text not in kind.__members__:
        message = f"Send one of {', '.join(kind)}."
        raise Invalid(problems=[FieldProblem(field, "UNKNOWN_VALUE", message, shown(text))])
    return kind(text)


async def told_each(
    tx: Transaction,
    who: Actor,
    invoice_ids: list[str],
    verb: Callable[[str], Awaitable[None]],
    action: str,
    facts: dict[str, Any],
    message_id: str | None = None,
) -> str:
    """Do ``verb`` to each invoice in the order of the ids, with an audit and an event row; the first refusal ends it.

    Gives the message's id: the one that is given, or a new one.
    """
    places = places_of(invoice_ids)
    message_id = message_id or new_id("msg", tx.now)
    told = {"messageId": message_id, **facts}
    for invoice_id in sorted(places):
        try:
            await verb(invoice_id)
        except Refusal as error:
            raise type(error)(problems=[refused_at(places[invoice_id], invoice_id, error)]) from error
        await audit.record(tx, who, action, kind="invoice", object_id=invoice_id, after=told)
        await audit.emit(tx, action, kind="invoice", object_id=invoice_id, data=told)
    return message_id
