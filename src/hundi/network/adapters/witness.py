"""Deciding without a centre: what a provider's word makes of a company's own copies, by the same rules the centre has.

A provider tells what happened, not what became of each object. So the message is decided on here once more, over the copies
the company has: version, status, amounts and sides must hold, or the word contradicts them and nothing is done. Pure: no I/O.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from hundi.kit.money import ZERO
from hundi.network.protocol import messages as m
from hundi.network.protocol.deciding import decide
from hundi.network.protocol.decisions import Change, Context, Decision, Draft, Loaded
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.protocol.objects import B2bIdFacts, BidFacts, InvoiceFacts, NetworkObject
from hundi.network.protocol.statuses import Actor, Event, InvoiceStatus, Kind

SENDER: Final[Mapping[type[m.Call], Callable[[Any], str]]] = {
    m.SendInvoice: lambda message: message.supplier,
    m.ConfirmInvoice: lambda message: message.buyer,
    m.ChangeInvoiceStatus: lambda message: message.supplier,
    m.EditInvoice: lambda message: message.supplier,
    m.Pay: lambda message: message.buyer,
    m.ConfirmPayment: lambda message: message.supplier,
    m.SendOrder: lambda message: message.buyer,
    m.ConfirmOrder: lambda message: message.supplier,
    m.EditOrder: lambda message: message.buyer,
    m.ChangeOrderStatus: lambda message: message.buyer,
    m.SendNote: lambda message: message.supplier,
    m.ConfirmNote: lambda message: message.buyer,
    m.ChangeNoteStatus: lambda message: message.supplier,
    m.RequestFinancing: lambda message: message.initiator,
    m.ShareBid: lambda message: message.fa,
    m.RespondBid: lambda message: message.initiator,
}
"""The B2B ID that sends each message which a counterparty may send."""


class Witness(Draft):
    """The draft of one who sees the network through a provider: strangers' B2B IDs are believed in, and live where they say."""

    def b2b_id(self, value: str, field: str) -> B2bIdFacts:
        """Give what a B2B ID is; a stranger's home is its own name."""
        if self.get(b2b_key(value)) is None:
            return B2bIdFacts(business_id=b2b_key(value), home=b2b_key(value), public=True, supplies=True)
        return super().b2b_id(value, field)

    def active_b2b_id(self, value: str, field: str) -> B2bIdFacts:
        """Give what a B2B ID is; whether it may be used is the provider's to say, and it has spoken."""
        return self.b2b_id(value, field)


def own_id(home: str, b2b_id: str) -> B2bIdFacts:
    """Give what a B2B ID is that a company says is its own."""
    return B2bIdFacts(business_id=b2b_key(b2b_id), home=home, public=True, supplies=True)


def of_ours(home: str, message: m.Message, message_id: str, loaded: Loaded, context: Context) -> tuple[Change, ...]:
    """Give what comes of a message of ours that the provider says has succeeded.

    What the message made stands here since it was sent, as CREATED; it is decided on as if it did not. Raises
    :class:`MessageRefused` where our copies say that it cannot have succeeded.
    """
    if isinstance(message, m.CheckEntity | m.SearchEntity):
        return ()  # what was found is the provider's to say, and changes nothing
    made = {one.id for one in loaded.objects.values() if one.revision == 1 and one.made_by == message_id}
    before = msgspec.structs.replace(
        loaded,
        objects={key: one for key, one in loaded.objects.items() if key not in made},
        holders={key: holder for key, holder in loaded.holders.items() if holder not in made},
    )
    return _of_home(decide(message, Witness(context, before)), home)


def moved_alone(found: NetworkObject, event: Event, context: Context) -> tuple[Change, ...]:
    """Give what comes of a move of the network's that changes a status and nothing else (``MessageRefused``: there is none)."""
    draft = Witness(context, Loaded(objects={found.id: found}, holders={}))
    draft.move(found, event, Actor.NETWORK)
    return draft.decision().changes


def of_theirs(home: str, message: m.Call, message_id: str, loaded: Loaded, at: Any) -> tuple[Change, ...]:
    """Give what comes of a counterparty's message, or raise :class:`MessageRefused`: it contradicts our copies.

    A message whose receiver is not this company is refused (``B2B_ID_NOT_YOURS``).
    """
    found = msgspec.structs.replace(loaded, objects={**_stand_ins(message, loaded), **loaded.objects})
    naming = Witness(Context(None, message_id, at), found)
    sender = naming.b2b_id(SENDER[type(message)](message), "b2bIds").home
    decision = decide(message, Witness(Context(sender, message_id, at), found))
    if home not in decision.told:
        raise MessageRefused(Fault.B2B_ID_NOT_YOURS, "b2bIds")
    return _of_home(decision, home)


def _of_home(decision: Decision, home: str) -> tuple[Change, ...]:
    return tuple(change for change in decision.changes if home in change.object.parties)


def _stand_ins(message: m.Call, loaded: Loaded) -> dict[str, NetworkObject]:
    """Give invoices that a finance aggregator has no copy of, as far as a request or the answer to a bid speaks of them."""
    due = {}
    buyer = supplier = ""
    if isinstance(message, m.RequestFinancing):
        due = dict.fromkeys(message.invoices, message.amount)
        buyer, supplier = message.buyer, message.supplier
    elif isinstance(message, m.RespondBid):
        bid = loaded.objects.get(message.bid_id)
        if bid is not None and isinstance(bid.facts, BidFacts):
            due = {share.invoice_id: share.approved for share in bid.facts.invoices}
            buyer, supplier = bid.buyer, bid.supplier
    return {
        invoice_id: NetworkObject(
            id=invoice_id, kind=Kind.INVOICE, number="", supplier=supplier, buyer=buyer,
            parties=(b2b_key(supplier), b2b_key(buyer)), version=1, status=InvoiceStatus.ACCEPTED, revision=1,
            facts=InvoiceFacts(total=amount, settled=ZERO),
        )
        for invoice_id, amount in due.items()
    }  # fmt: skip
