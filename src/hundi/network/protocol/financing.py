"""Financing: a side of the trade asks, finance aggregators bid, one bid is taken (contract B2B §7.3, §8.6).

The taken bid is a lien on its invoices: they cannot be cancelled or financed again. When the last of them is paid, the
financing is repaid; when they are paid before the financier has paid out, it lapses.
"""

from decimal import Decimal

import msgspec

from hundi.network.protocol.amounts import conditions_of_invoice, total_of
from hundi.network.protocol.decisions import Decision, Draft
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix, b2b_key
from hundi.network.protocol.messages import (
    BidOffer,
    DisburseFinance,
    ExpireFinancing,
    ObjectVersion,
    RequestFinancing,
    RespondBid,
    ShareBid,
)
from hundi.network.protocol.moves import Condition
from hundi.network.protocol.objects import BidFacts, FinancingFacts, InvoiceFacts, Lien, NetworkObject, facts_of
from hundi.network.protocol.statuses import Actor, BidStatus, Event, FinancingStatus, InvoiceStatus, Kind

_FINANCEABLE = frozenset({InvoiceStatus.ACCEPTED, InvoiceStatus.PARTIALLY_PAID})
_FIRST = ObjectVersion(1, 1)


def request_financing(draft: Draft, message: RequestFinancing) -> Decision:
    """Ask finance aggregators for bids on accepted invoices of one pair; either side may ask."""
    draft.check_new(message.request_id, Prefix.FINANCING, "financeRequest.financingRequestId")
    asked_by = b2b_key(message.initiator)
    if asked_by not in {b2b_key(message.buyer), b2b_key(message.supplier)}:
        raise MessageRefused(Fault.INITIATOR_NOT_OF_PAIR, "financeRequest.initiatorB2BId", message.initiator)
    initiator = draft.active_b2b_id(message.initiator, "financeRequest.initiatorB2BId")
    if initiator.home != draft.context.home:
        raise MessageRefused(Fault.B2B_ID_NOT_YOURS, "financeRequest.initiatorB2BId", message.initiator)
    fas = [_fa_home(draft, fa, f"financeRequest.financeId[{at}].faId") for at, fa in enumerate(message.fas)]
    if not fas:
        raise MessageRefused(Fault.FA_UNKNOWN, "financeRequest.financeId", "none is named")
    if message.amount <= 0:
        detail = str(message.amount)
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, "financeRequest.financingRequestAmount", detail)
    due = total_of([_financeable(draft, message, invoice_id) for invoice_id in dict.fromkeys(message.invoices)])
    if message.amount > due:
        detail = f"{message.amount} of {due}"
        raise MessageRefused(Fault.FINANCE_EXCEEDS_DUE, "financeRequest.financingRequestAmount", detail)
    facts = FinancingFacts(
        initiator=message.initiator, amount=message.amount, invoices=tuple(dict.fromkeys(message.invoices)),
        fas=message.fas, cost_bearer=message.cost_bearer, financing_type=message.financing_type,
    )  # fmt: skip
    new = NetworkObject(
        id=message.request_id, kind=Kind.FINANCING, number=message.request_id, supplier=message.supplier,
        buyer=message.buyer, parties=tuple(dict.fromkeys((initiator.home, *fas))), version=1, status="", revision=0,
        facts=facts,
    )  # fmt: skip
    born = draft.create(new, Actor.INITIATOR, _FIRST, None, "financeRequest")
    draft.move(born, Event.DELIVER, Actor.NETWORK)
    for home in fas:
        draft.tell(home)
    return draft.decision()


def _fa_home(draft: Draft, fa: str, field: str) -> str:
    try:
        return draft.active_b2b_id(fa, field).home
    except MessageRefused as error:
        raise MessageRefused(Fault.FA_UNKNOWN, field, fa) from error


def _financeable(draft: Draft, message: RequestFinancing, invoice_id: str) -> Decimal:
    invoice = draft.need(invoice_id, Kind.INVOICE, "financeRequest.invoices")
    draft.check_pair(invoice, message.buyer, message.supplier)
    facts = facts_of(invoice, InvoiceFacts)
    if invoice.status not in _FINANCEABLE or facts.lien is not None:
        raise MessageRefused(Fault.NOT_FINANCEABLE, "financeRequest.invoices", f"{invoice_id} is {invoice.status}")
    return facts.due


def share_bid(draft: Draft, message: ShareBid) -> Decision:
    """A finance aggregator that was asked brings one bid or several."""
    request = draft.need(message.request_id, Kind.FINANCING, "bid.financingRequestId")
    facts = facts_of(request, FinancingFacts)
    fa = draft.b2b_id(message.fa, "bid.faId")
    if fa.home != draft.context.home or b2b_key(message.fa) not in {b2b_key(asked) for asked in facts.fas}:
        raise MessageRefused(Fault.BID_NOT_ASKED, "bid.faId", message.fa)
    for at, offer in enumerate(message.bids):
        _check_offer(draft, offer, facts, f"bid.bidDetails[{at}]")
        new = NetworkObject(
            id=offer.bid_id, kind=Kind.BID, number=offer.bid_id, supplier=request.supplier, buyer=request.buyer,
            parties=tuple(dict.fromkeys((request.parties[0], fa.home))), version=1, status="", revision=0,
            facts=BidFacts(
                request_id=request.id, fa=message.fa, financier=offer.financier, approved=offer.approved,
                value=offer.value, invoices=offer.invoices,
            ),
        )  # fmt: skip
        draft.create(new, Actor.FA, _FIRST, None, f"bid.bidDetails[{at}]")
    bids = (*facts.bids, *(offer.bid_id for offer in message.bids))
    draft.move(
        request, Event.BID, Actor.FA, facts=msgspec.structs.replace(facts, bids=bids), field="bid.financingRequestId"
    )
    draft.tell(request.parties[0])
    return draft.decision()


def _check_offer(draft: Draft, offer: BidOffer, request: FinancingFacts, field: str) -> None:
    draft.check_new(offer.bid_id, Prefix.BID, f"{field}.bidId")
    if offer.approved <= 0:
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, f"{field}.approvedAmount", str(offer.approved))
    if offer.approved > request.amount:
        detail = f"{offer.approved} of {request.amount}"
        raise MessageRefused(Fault.FINANCE_EXCEEDS_DUE, f"{field}.approvedAmount", detail)
    named = [share.invoice_id for share in offer.invoices]
    summed = total_of([share.approved for share in offer.invoices])
    if len(set(named)) != len(named) or not set(named) <= set(request.invoices) or summed != offer.approved:
        raise MessageRefused(Fault.BID_SUM, f"{field}.invoiceFinDetails", f"{summed} for {offer.approved}")


def respond_bid(draft: Draft, message: RespondBid) -> Decision:
    """Whoever asked takes a bid, and the others lapse; or refuses it."""
    request = draft.need(message.request_id, Kind.FINANCING, "financingRequestId")
    facts = facts_of(request, FinancingFacts)
    if draft.context.home != request.parties[0] or b2b_key(message.initiator) != b2b_key(facts.initiator):
        raise MessageRefused(Fault.WRONG_ACTOR, "initiatorB2BId", "who asked may do this")
    bid = draft.need(message.bid_id, Kind.BID, "bidId")
    if bid.id not in facts.bids:
        raise MessageRefused(Fault.OBJECT_UNKNOWN, "bidId", bid.id)
    if message.response == "ACCEPT":
        draft.move(bid, Event.ACCEPT, Actor.INITIATOR, field="response")
        _take(draft, request, bid)
    else:
        draft.move(bid, Event.REJECT, Actor.INITIATOR, field="response")
        draft.move(request, Event.REJECT, Actor.INITIATOR, holds=_left(draft, facts), field="response")
    draft.tell(draft.b2b_id(facts_of(bid, BidFacts).fa, "faId").home)
    return draft.decision()


def _take(draft: Draft, request: NetworkObject, bid: NetworkObject) -> None:
    facts = facts_of(request, FinancingFacts)
    for share in facts_of(bid, BidFacts).invoices:
        invoice = draft.need(share.invoice_id, Kind.INVOICE, "bidId")
        held = facts_of(invoice, InvoiceFacts)
        if share.approved > held.due:
            raise MessageRefused(Fault.FINANCE_EXCEEDS_DUE, "bidId", f"{share.approved} of {held.due}")
        lien = Lien(request.id, bid.id, share.approved)
        draft.move(
            invoice, Event.PLEDGE, Actor.NETWORK, holds=conditions_of_invoice(held), field="bidId",
            facts=msgspec.structs.replace(held, lien=lien), amount=share.approved,
        )  # fmt: skip
    draft.move(
        request, Event.ACCEPT, Actor.INITIATOR, facts=msgspec.structs.replace(facts, accepted=bid.id), field="response"
    )
    _lapse_bids(draft, facts)


def _lapse_bids(draft: Draft, facts: FinancingFacts) -> None:
    for bid_id in facts.bids:
        other = draft.get(bid_id)
        if other is not None and other.status == BidStatus.SHARED:
            draft.move(other, Event.LAPSE, Actor.NETWORK)


def _left(draft: Draft, facts: FinancingFacts) -> frozenset[Condition]:
    """Say what is left of a request after a refusal: open bids, aggregators that have not bid, or nothing."""
    bids = [draft.get(bid_id) for bid_id in facts.bids]
    if any(bid is not None and bid.status == BidStatus.SHARED for bid in bids):
        return frozenset((Condition.BIDS_LEFT,))
    answered = {b2b_key(facts_of(bid, BidFacts).fa) for bid in bids if bid is not None}
    waiting = {b2b_key(fa) for fa in facts.fas} - answered
    return frozenset((Condition.FAS_LEFT if waiting else Condition.NONE_LEFT,))


def release_lien(draft: Draft, invoice: NetworkObject) -> None:
    """Take the lien off a paid invoice; with the last one the financing is repaid, or lapses where none was paid out."""
    held = facts_of(invoice, InvoiceFacts)
    if held.lien is None or not draft.authoritative:
        return
    draft.move(
        invoice, Event.RELEASE, Actor.NETWORK, facts=msgspec.structs.replace(held, lien=None), amount=held.lien.amount
    )
    request = draft.get(held.lien.request_id)
    bid = draft.get(held.lien.bid_id)
    if request is None or bid is None:
        message = f"the lien on {invoice.id} names {held.lien.request_id}, which is not loaded"
        raise LookupError(message)
    for share in facts_of(bid, BidFacts).invoices:
        other = draft.get(share.invoice_id)
        if other is not None and facts_of(other, InvoiceFacts).lien is not None:
            return
    event = Event.REPAY if request.status == FinancingStatus.DISBURSED else Event.LAPSE
    draft.move(request, event, Actor.NETWORK)


def disburse_finance(draft: Draft, order: DisburseFinance) -> Decision:
    """The financier has paid out."""
    request = draft.need(order.request_id, Kind.FINANCING, "financingRequestId")
    draft.move(request, Event.DISBURSE, Actor.NETWORK, field="financingRequestId")
    return draft.decision()


def expire_financing(draft: Draft, order: ExpireFinancing) -> Decision:
    """Nobody took a bid in time: the request ends and its bids lapse."""
    request = draft.need(order.request_id, Kind.FINANCING, "financingRequestId")
    draft.move(request, Event.EXPIRE, Actor.NETWORK, field="financingRequestId")
    _lapse_bids(draft, facts_of(request, FinancingFacts))
    return draft.decision()
