"""Purchase orders: sent, edited, cancelled and closed by the buyer, answered by the supplier (contract B2B §7.1, §8.4)."""

from typing import Final

from hundi.network.protocol.decisions import Decision, Draft
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix
from hundi.network.protocol.messages import ChangeOrderStatus, ConfirmOrder, EditOrder, SendOrder
from hundi.network.protocol.objects import NetworkObject, OrderFacts, facts_of
from hundi.network.protocol.shares import conditions_of_order
from hundi.network.protocol.statuses import Actor, Event, Kind

_RESPONSES: Final = {"ACCEPT": Event.ACCEPT, "REJECT": Event.REJECT, "RETURN": Event.RETURN}


def send_order(draft: Draft, message: SendOrder) -> Decision:
    """Take a new purchase order in and route it to the supplier."""
    draft.check_new(message.object_id, Prefix.ORDER, "purchaseOrder.objectId")
    homes = draft.trade(message.buyer, message.supplier, Actor.BUYER)
    _check_total(message)
    draft.check_issuer(message.document_key, message.buyer, "purchaseOrder.buyerDetails.gstin")
    draft.check_free(message.document_key, Fault.DOCUMENT_NUMBER_TAKEN, "purchaseOrder.buyerPONumber", message.number)
    new = NetworkObject(
        id=message.object_id, kind=Kind.ORDER, number=message.number, supplier=message.supplier, buyer=message.buyer,
        parties=homes, version=1, status="", revision=0, facts=OrderFacts(total=message.total, lines=message.lines),
    )  # fmt: skip
    born = draft.create(new, Actor.BUYER, message.version, message.transition, "purchaseOrder")
    draft.move(born, Event.DELIVER, Actor.NETWORK)
    draft.claims[message.document_key] = message.object_id
    draft.tell(homes[0])
    return draft.decision()


def _check_total(message: SendOrder) -> None:
    if message.total <= 0:
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, "purchaseOrder.poValueDetails", str(message.total))


def confirm_order(draft: Draft, message: ConfirmOrder) -> Decision:
    """The supplier accepts, rejects or returns."""
    found = draft.about(message, Kind.ORDER, Actor.SUPPLIER, "poConfirmation")
    draft.move(
        found, _RESPONSES[message.response], Actor.SUPPLIER, sent=(message.version, message.transition),
        field="poConfirmation",
    )  # fmt: skip
    draft.tell(found.parties[1])
    return draft.decision()


def edit_order(draft: Draft, message: EditOrder) -> Decision:
    """The buyer corrects what the supplier has not answered or has returned; nothing is invoiced of it yet."""
    found = draft.need(message.object_id, Kind.ORDER, "purchaseOrder.objectId")
    draft.check_pair(found, message.buyer, message.supplier)
    draft.act_as(found, Actor.BUYER)
    draft.move(
        found, Event.EDIT, Actor.BUYER, facts=OrderFacts(total=message.total, lines=message.lines),
        sent=(message.version, message.transition), field="purchaseOrder", number=message.number,
    )  # fmt: skip
    _check_total(message)
    draft.check_issuer(message.document_key, message.buyer, "purchaseOrder.buyerDetails.gstin")
    if draft.loaded.holders.get(message.document_key, found.id) != found.id:
        raise MessageRefused(Fault.DOCUMENT_NUMBER_TAKEN, "purchaseOrder.buyerPONumber", message.number)
    draft.claims[message.document_key] = found.id
    draft.tell(found.parties[0])
    return draft.decision()


def change_order_status(draft: Draft, message: ChangeOrderStatus) -> Decision:
    """The buyer cancels what is not invoiced, or closes an accepted order."""
    found = draft.about(message, Kind.ORDER, Actor.BUYER, "poStatus")
    event = Event.CANCEL if message.action == "CANCEL" else Event.CLOSE
    draft.move(
        found, event, Actor.BUYER, holds=conditions_of_order(facts_of(found, OrderFacts)),
        sent=(message.version, message.transition), field="poStatus",
    )  # fmt: skip
    draft.tell(found.parties[0])
    return draft.decision()
