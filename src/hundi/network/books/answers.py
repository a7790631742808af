"""What the supplier says on the network about invoices of the books: a payment confirmed, an invoice withdrawn or closed.

The published simplified calls name invoices of ours (contract §6.1). Where the payment or the invoice is the network's, the
answer travels there, and the books follow what the network makes of it; else it stays here, as in
:mod:`hundi.payments.bharat_connect`.
"""

from collections.abc import Sequence
from typing import Final

from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.invoices import queries as invoices
from hundi.invoices.collection import places_of
from hundi.invoices.errors import InvoiceCancelled
from hundi.invoices.rules import ReceivableStatus
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.keys import Keyring
from hundi.network import queries, service
from hundi.network.books import links
from hundi.network.books.links import Link
from hundi.network.ends import party_of
from hundi.network.errors import NetworkObjectNotFound, PaymentInvoicesDiffer
from hundi.network.postgres import decoded
from hundi.network.protocol import messages as m
from hundi.network.protocol.objects import PaymentFacts, PaymentLine, facts_of
from hundi.network.protocol.statuses import InvoiceStatus, Kind, PaymentStatus
from hundi.network.queries import ObjectRow
from hundi.network.wire import invoice as invoice_wire
from hundi.network.wire import payments as payment_wire
from hundi.network.wire.blocks import B2BIds, Device, ObjectVersion, StatusTransition, Tag
from hundi.network.wire.meaning import message_of
from hundi.network.wire.notes import NoteAnswer
from hundi.network.wire.values import Instant
from hundi.payments import bharat_connect
from hundi.payments.bharat_connect import PaymentType, StatusChange, SupplierResponse
from hundi.payments.errors import InvoiceWrittenOff, PaymentAccepted

_SUPPLIES: Final = frozenset({"SUPPLIER", "BOTH"})
_CONFIRMED_BY: Final = """
    SELECT message_id FROM network_events
     WHERE seller_id = $1 AND object_id = $2 AND event = 'CONFIRM' ORDER BY revision LIMIT 1"""
_WITHDRAWABLE: Final = frozenset({InvoiceStatus.SENT.value, InvoiceStatus.RETURNED.value, InvoiceStatus.ACCEPTED.value})
_LONGEST_REMARK: Final = 100


def _device() -> Device:
    return Device(tag=Tag(name="GEOCODE", value="0,0"))


async def confirm_payment(
    tx: Transaction,
    who: Actor,
    keyring: Keyring,
    settings: Settings,
    *,
    invoice_ids: list[str],
    payment_id: str,
    remarks: str,
    response: str,
    kind: str,
) -> str:
    """Accept or reject a payment; gives the id of the message that carries the answer.

    A payment the network brought is answered there, for all of its invoices: the entries follow when the network has taken
    the answer. Any other is a matter of the books (:func:`hundi.payments.bharat_connect.confirm_payment`).
    """
    payment = await _payment(tx, payment_id)
    if payment is None:
        return await bharat_connect.confirm_payment(
            tx, who, invoice_ids=invoice_ids, payment_id=payment_id, remarks=remarks, response=response, kind=kind
        )
    said = bharat_connect.read_word("response", response, SupplierResponse)
    paid = bharat_connect.read_word("type", kind, PaymentType)
    facts = facts_of(decoded(payment.data or ""), PaymentFacts)
    await links.hold(tx, [payment.object_id, *_touched(facts.lines)])
    # Somebody who was quicker may have answered while the locks were awaited.
    payment = await queries.one(tx, tx.seller_id, payment_id, Kind.PAYMENT.value)
    ours = await _named(tx, invoice_ids, facts.lines)
    accepted = said is SupplierResponse.ACCEPT
    if payment.status == PaymentStatus.CONFIRMED.value:
        if not accepted:
            raise PaymentAccepted
        return str(await tx.fetchval(_CONFIRMED_BY, tx.seller_id, payment.object_id))

    async def check(invoice_id: str) -> None:
        row = await invoices.one(tx, tx.seller_id, invoice_id)
        if paid is PaymentType.ONPLATFORM:
            return  # that money has moved: what a closed invoice does not take is kept on account
        if accepted and row.receivable_status == ReceivableStatus.CANCELLED.value:
            raise InvoiceCancelled
        if accepted and row.receivable_status == ReceivableStatus.WRITTEN_OFF.value:
            raise InvoiceWrittenOff

    body = await _confirmation(tx, payment, facts.lines, said, paid, remarks)
    message_id = await service.submit(tx, who, party_of(tx, keyring, settings), message_of(body, m.ConfirmPayment))
    told = {"paymentId": payment_id, "type": paid.value, "response": said.value, "remarks": remarks}
    if ours:
        await bharat_connect.told_each(tx, who, ours, check, "invoice.payment_confirmation", told, message_id)
    return message_id


def _touched(lines: Sequence[PaymentLine]) -> list[str]:
    """Give the objects that an answer to a payment of these lines may change."""
    notes = [split.note_id for line in lines for split in line.splits if split.note_id is not None]
    return [*(line.invoice_id for line in lines), *notes]


async def _payment(tx: Transaction, payment_id: str) -> ObjectRow | None:
    """Give the payment the network brought, where it did and we are its supplier."""
    try:
        found = await queries.one(tx, tx.seller_id, payment_id, Kind.PAYMENT.value)
    except NetworkObjectNotFound:
        return None
    return found if found.role in _SUPPLIES else None


async def _named(tx: Transaction, invoice_ids: list[str], lines: Sequence[PaymentLine]) -> list[str]:
    """Give our invoices of a payment; refuse a request that does not name exactly the payment's, by our id or theirs."""
    places = places_of(invoice_ids)
    paid = await links.of_objects(tx, sorted(line.invoice_id for line in lines))
    by_ours = {link.invoice_id: object_id for object_id, link in paid.items()}
    wanted = {line.invoice_id for line in lines}
    problems = []
    for invoice_id, at in places.items():
        object_id = by_ours.get(invoice_id, invoice_id)
        if object_id not in wanted:
            message = "The payment is not for this invoice: leave it out."
            problems.append(FieldProblem(f"invoiceIds[{at}]", PaymentInvoicesDiffer.code, message, invoice_id[:200]))
    missing = wanted - {by_ours.get(invoice_id, invoice_id) for invoice_id in places}
    for object_id in sorted(missing):
        name = paid[object_id].invoice_id if object_id in paid else object_id
        message = f"The payment is for {name} too: name it."
        problems.append(FieldProblem("invoiceIds", PaymentInvoicesDiffer.code, message, name))
    if problems:
        raise PaymentInvoicesDiffer(problems=problems)
    return sorted(by_ours)


async def _confirmation(
    tx: Transaction,
    payment: ObjectRow,
    lines: Sequence[PaymentLine],
    said: SupplierResponse,
    paid: PaymentType,
    remarks: str,
) -> payment_wire.ConfirmPayment:
    """Write the published message for a payment as we know it."""
    infos = []
    for line in lines:
        row = await queries.one(tx, tx.seller_id, line.invoice_id, Kind.INVOICE.value)
        infos.append(
            payment_wire.ConfirmedInvoice(
                objectId=row.object_id,
                supplierInvoiceNumber=row.number,
                objectVersion=ObjectVersion(currentVersion=row.version, newVersion=row.version),
                statusTransition=StatusTransition(currentStatus=row.status, newStatus=row.status),
            )
        )
    return payment_wire.ConfirmPayment(
        device=_device(),
        b2bIds=B2BIds(buyerB2BId=payment.buyer, supplierB2BId=payment.supplier),
        paymentConfirmation=payment_wire.NetworkPaymentConfirmation(
            objectId=payment.object_id,
            ts=Instant.read(tx.now.isoformat(timespec="seconds")),
            type=payment_wire.PaymentKind(paid.value),
            supplierResponse=NoteAnswer(said.value),
            supplierRemarks=_remark("remarks", remarks),
            invoiceInfos=infos,
        ),
    )


def _remark(field: str, text: str) -> str:
    """Give a remark as the network takes it; refuse (400) what it does not know."""
    if '"' in text or "\\" in text:
        message = 'Write it without " and \\: the network does not know them.'
        raise Invalid(problems=[FieldProblem(field, "TEXT_CHARACTERS", message, text[:100])])
    return text


async def change_status(
    tx: Transaction,
    who: Actor,
    keyring: Keyring,
    settings: Settings,
    *,
    invoice_ids: list[str],
    status: str,
    remarks: str,
) -> str:
    """Cancel, close or reopen invoices in the books, and tell the network what is its business.

    CANCEL is told by the job that every cancellation of an invoice on the network puts into the queue. CLOSE is told of what
    is paid there; with money still owed there it is a write-off of the books alone.
    """
    _remark("remarks", remarks)
    linked = await links.latest(tx, sorted(set(invoice_ids)))
    await links.hold(tx, [link.object_id for link in linked.values()])
    message_id = await bharat_connect.change_status(tx, who, invoice_ids=invoice_ids, status=status, remarks=remarks)
    if status == StatusChange.CLOSE.value:
        for link in (await links.held(tx, sorted(set(invoice_ids)))).values():
            if link.status == InvoiceStatus.PAID.value:
                await _tell(tx, who, keyring, settings, link, invoice_wire.SupplierAction.CLOSE, remarks)
    return message_id


async def withdraw(tx: Transaction, who: Actor, keyring: Keyring, settings: Settings, invoice_id: str) -> bool:
    """Tell the network that an invoice was cancelled in the books; False: an answer has to come first.

    What the network has refused, or has cancelled itself, needs no telling. Raises what the rules refuse.
    """
    link = (await links.held(tx, [invoice_id])).get(invoice_id)
    if link is None:
        return True
    if link.pending is not None or link.status == InvoiceStatus.CREATED.value:
        return False
    row = await invoices.one(tx, tx.seller_id, invoice_id)
    if row.receivable_status == ReceivableStatus.CANCELLED.value and link.status in _WITHDRAWABLE:
        remarks = (row.status_reason or "").replace('"', "'").replace("\\", "/").strip()[:_LONGEST_REMARK]
        await _tell(
            tx,
            who,
            keyring,
            settings,
            link,
            invoice_wire.SupplierAction.CANCEL,
            remarks or "Cancelled by the supplier.",
        )
    return True


async def _tell(
    tx: Transaction,
    who: Actor,
    keyring: Keyring,
    settings: Settings,
    link: Link,
    action: invoice_wire.SupplierAction,
    remarks: str,
) -> None:
    row = await queries.one(tx, tx.seller_id, link.object_id, Kind.INVOICE.value)
    body = invoice_wire.ChangeInvoiceStatus(
        device=_device(),
        b2bIds=B2BIds(buyerB2BId=row.buyer, supplierB2BId=row.supplier),
        invoiceStatus=invoice_wire.InvoiceStatus(
            objectId=row.object_id,
            supplierInvoiceNumber=row.number,
            objectVersion=ObjectVersion(currentVersion=row.version, newVersion=row.version),
            supplierAction=action,
            supplierRemarks=remarks,
            statusTransition=StatusTransition(currentStatus=row.status, newStatus=row.status),
        ),
    )
    await service.submit(tx, who, party_of(tx, keyring, settings), message_of(body, m.ChangeInvoiceStatus))
