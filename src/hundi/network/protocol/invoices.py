"""Invoices: sent, edited and cancelled by the supplier, answered by the buyer (contract B2B §5, §8.2)."""

from typing import Final

import msgspec

from hundi.network.protocol.amounts import conditions_of_invoice
from hundi.network.protocol.decisions import Decision, Draft
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix, b2b_key
from hundi.network.protocol.messages import ChangeInvoiceStatus, CloseInvoice, ConfirmInvoice, EditInvoice, SendInvoice
from hundi.network.protocol.objects import InvoiceFacts, NetworkObject, OrderFacts, OrderShare, facts_of
from hundi.network.protocol.shares import conditions_of_order, with_share, without_share
from hundi.network.protocol.statuses import Actor, Event, Kind

_RESPONSES: Final = {"ACCEPT": Event.ACCEPT, "REJECT": Event.REJECT, "RETURN": Event.RETURN}


def send_invoice(draft: Draft, message: SendInvoice) -> Decision:
    """Take a new invoice in and route it to the buyer; its purchase orders count it."""
    draft.check_new(message.object_id, Prefix.INVOICE, "invoice.objectId")
    homes = draft.trade(message.buyer, message.supplier, Actor.SUPPLIER)
    if message.total <= 0:
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, "invoice.valueDetails.totalInvoiceValue", str(message.total))
    draft.check_issuer(message.document_key, message.supplier, "invoice.supplierDetails.gstin")
    draft.check_free(message.document_key, Fault.DOCUMENT_NUMBER_TAKEN, "invoice.supplierInvoiceNumber", message.number)
    new = NetworkObject(
        id=message.object_id, kind=Kind.INVOICE, number=message.number, supplier=message.supplier, buyer=message.buyer,
        parties=homes, version=1, status="", revision=0, facts=_facts_of(message),
    )  # fmt: skip
    born = draft.create(new, Actor.SUPPLIER, message.version, message.transition, "invoice")
    draft.move(born, Event.DELIVER, Actor.NETWORK)
    for share in message.orders:
        _count(draft, share, message.buyer, message.supplier)
    draft.claims[message.document_key] = message.object_id
    draft.tell(homes[1])
    return draft.decision()


def _facts_of(message: SendInvoice) -> InvoiceFacts:
    return InvoiceFacts(total=message.total, irn=message.irn, substance=message.substance, orders=message.orders)


def _count(draft: Draft, share: OrderShare, buyer: str, supplier: str) -> None:
    order = draft.need(share.order_id, Kind.ORDER, "invoice.poDetails")
    if b2b_key(order.buyer) != b2b_key(buyer) or b2b_key(order.supplier) != b2b_key(supplier):
        raise MessageRefused(Fault.ORDER_OF_OTHERS, "invoice.poDetails", share.order_id)
    after = with_share(facts_of(order, OrderFacts), share)
    draft.move(
        order, Event.INVOICE, Actor.NETWORK, holds=conditions_of_order(after), facts=after, amount=share.amount,
        field="invoice.poDetails",
    )  # fmt: skip


def _uncount(draft: Draft, facts: InvoiceFacts) -> None:
    for share in facts.orders:
        order = draft.need(share.order_id, Kind.ORDER, "invoice.poDetails")
        after = without_share(facts_of(order, OrderFacts), share)
        draft.move(
            order, Event.UNINVOICE, Actor.NETWORK, holds=conditions_of_order(after), facts=after, amount=-share.amount
        )


def confirm_invoice(draft: Draft, message: ConfirmInvoice) -> Decision:
    """The buyer accepts, rejects or returns; what is rejected no longer counts in its purchase orders."""
    found = draft.about(message, Kind.INVOICE, Actor.BUYER, "invoiceConfirmation")
    draft.move(
        found, _RESPONSES[message.response], Actor.BUYER, sent=(message.version, message.transition),
        field="invoiceConfirmation",
    )  # fmt: skip
    if message.response == "REJECT":
        _uncount(draft, facts_of(found, InvoiceFacts))
    draft.tell(found.parties[0])
    return draft.decision()


def change_invoice_status(draft: Draft, message: ChangeInvoiceStatus) -> Decision:
    """The supplier cancels what is not paid and not financed, or closes what is paid."""
    found = draft.about(message, Kind.INVOICE, Actor.SUPPLIER, "invoiceStatus")
    facts = facts_of(found, InvoiceFacts)
    event = Event.CANCEL if message.action == "CANCEL" else Event.CLOSE
    draft.move(
        found, event, Actor.SUPPLIER, holds=conditions_of_invoice(facts), sent=(message.version, message.transition),
        field="invoiceStatus",
    )  # fmt: skip
    if event is Event.CANCEL:
        _uncount(draft, facts)
    draft.tell(found.parties[1])
    return draft.decision()


def edit_invoice(draft: Draft, message: EditInvoice) -> Decision:
    """The supplier corrects what the buyer has not answered or has returned. An IRN fixes the substance (domain §11)."""
    found = draft.need(message.object_id, Kind.INVOICE, "invoice.objectId")
    before = facts_of(found, InvoiceFacts)
    draft.check_pair(found, message.buyer, message.supplier)
    draft.act_as(found, Actor.SUPPLIER)
    if message.total <= 0:
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, "invoice.valueDetails.totalInvoiceValue", str(message.total))
    draft.check_issuer(message.document_key, message.supplier, "invoice.supplierDetails.gstin")
    holder = draft.loaded.holders.get(message.document_key)
    if holder is not None and holder != found.id:
        raise MessageRefused(Fault.DOCUMENT_NUMBER_TAKEN, "invoice.supplierInvoiceNumber", message.number)
    after = msgspec.structs.replace(_facts_of(message), lien=before.lien)
    draft.move(
        found, Event.EDIT, Actor.SUPPLIER, facts=after, sent=(message.version, message.transition), field="invoice",
        number=message.number,
    )  # fmt: skip
    if before.irn is not None and (message.substance != before.substance or message.irn != before.irn):
        raise MessageRefused(Fault.IRN_FIXED, "invoice", before.irn)
    if draft.authoritative:
        # A rehearsal makes no move of the network's, so it cannot take the earlier share off before it adds the new one.
        _uncount(draft, before)
        for share in message.orders:
            _count(draft, share, message.buyer, message.supplier)
    draft.claims[message.document_key] = found.id
    draft.tell(found.parties[1])
    return draft.decision()


def close_invoice(draft: Draft, order: CloseInvoice) -> Decision:
    """The network closes a paid invoice, after its time."""
    found = draft.need(order.invoice_id, Kind.INVOICE, "invoice")
    draft.move(found, Event.CLOSE, Actor.NETWORK)
    return draft.decision()
