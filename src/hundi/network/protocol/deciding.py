"""Which handler answers which message, and what it needs to see first. The one list of both (no I/O).

:func:`decide` is the whole protocol as a function: (what is known, message, who sent it) → :class:`Decision`, or
:class:`MessageRefused`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from hundi.network.protocol import financing, invoices, notes, onboarding, orders, payments
from hundi.network.protocol import messages as m
from hundi.network.protocol.amounts import CREDIT_NOTE
from hundi.network.protocol.decisions import Decision, Draft, Wanted
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.protocol.objects import (
    B2bIdFacts,
    BidFacts,
    BusinessFacts,
    Facts,
    FinancingFacts,
    InvoiceFacts,
    NetworkObject,
    PaymentFacts,
)


class Handling(NamedTuple):
    """What is done with one type of message.

    ``subjects`` are the objects it is about: its lanes, in which it keeps its order; the first names the message.
    ``wanted`` is what else must be seen before ``decide`` can decide.
    """

    decide: Callable[[Draft, Any], Decision]
    subjects: Callable[[Any], tuple[str, ...]] = lambda message: (message.object_id,)
    wanted: Callable[[Any], Wanted] = lambda _: Wanted()


def _pair(message: m.Pair) -> frozenset[str]:
    return frozenset((b2b_key(message.buyer), b2b_key(message.supplier)))


def _of_document(message: m.SendInvoice | m.SendOrder) -> Wanted:
    keys = frozenset((message.document_key, m.issuer_key(message.document_key)))
    return Wanted(parties=_pair(message), keys=keys)


def _of_note(message: m.SendNote) -> Wanted:
    by_number = notes.note_key(message.buyer, message.supplier, message.number)
    keys = frozenset((message.document_key, m.issuer_key(message.document_key), by_number))
    return Wanted(parties=_pair(message), keys=keys)


def _of_registration(message: m.RegisterEntity) -> Wanted:
    keys = frozenset(onboarding.identifier_key(one) for one in (message.primary, *message.others))
    return Wanted(objects=frozenset((b2b_key(message.b2b_id),)), keys=keys, pan=message.pan.strip().upper())


def _of_ids(message: m.RegisterIds) -> Wanted:
    ids = frozenset(b2b_key(one.value) for one in message.ids)
    return Wanted(objects=ids, parties=frozenset((b2b_key(message.requestor),)))


def _of_search(message: m.SearchEntity) -> Wanted:
    asked = [b2b_key(one.value) for one in message.criteria if one.parameter == "B2B ID"]
    return Wanted(parties=frozenset((b2b_key(message.requestor), *asked)), criteria=message.criteria)


def _of_financing(message: m.RequestFinancing) -> Wanted:
    return Wanted(parties=_pair(message) | {b2b_key(one) for one in (message.initiator, *message.fas)})


def _of_payment(message: m.Pay) -> Wanted:
    named = [split.ref_no for line in message.invoices for split in line.splits if split.name == CREDIT_NOTE]
    keys = [notes.note_key(message.buyer, message.supplier, ref_no) for ref_no in named]
    utr = payments.utr_key(message.buyer, message.supplier, message.utr)
    return Wanted(objects=frozenset(named), keys=frozenset((utr, *keys)))


def _with_invoices(message: m.Pay | m.ConfirmPayment) -> tuple[str, ...]:
    return (message.object_id, *(line.invoice_id for line in message.invoices))


def _with_orders(message: m.SendInvoice) -> tuple[str, ...]:
    return (message.object_id, *(share.order_id for share in message.orders))


def _business(message: m.CheckEntity | m.RegisterEntity | m.RegisterIds | m.DecideKyc) -> tuple[str, ...]:
    return (message.business_id,)


def _request(message: m.DisburseFinance | m.ExpireFinancing) -> tuple[str, ...]:
    return (message.request_id,)


HANDLERS: Final[Mapping[type[m.Message], Handling]] = {
    m.CheckEntity: Handling(
        onboarding.check_entity, _business, lambda message: Wanted(pan=message.pan.strip().upper())
    ),
    m.RegisterEntity: Handling(onboarding.register_entity, _business, _of_registration),
    m.RegisterIds: Handling(onboarding.register_ids, _business, _of_ids),
    m.SearchEntity: Handling(onboarding.search_entity, lambda _: (), _of_search),
    m.SendInvoice: Handling(invoices.send_invoice, _with_orders, _of_document),
    m.ConfirmInvoice: Handling(invoices.confirm_invoice),
    m.ChangeInvoiceStatus: Handling(invoices.change_invoice_status),
    m.EditInvoice: Handling(invoices.edit_invoice, _with_orders, _of_document),
    m.Pay: Handling(payments.pay, _with_invoices, _of_payment),
    m.ConfirmPayment: Handling(payments.confirm_payment, _with_invoices),
    m.SendOrder: Handling(orders.send_order, wanted=_of_document),
    m.ConfirmOrder: Handling(orders.confirm_order),
    m.EditOrder: Handling(orders.edit_order, wanted=_of_document),
    m.ChangeOrderStatus: Handling(orders.change_order_status),
    m.SendNote: Handling(notes.send_note, wanted=_of_note),
    m.ConfirmNote: Handling(notes.confirm_note),
    m.ChangeNoteStatus: Handling(notes.change_note_status),
    m.RequestFinancing: Handling(
        financing.request_financing, lambda message: (message.request_id, *message.invoices), _of_financing
    ),
    m.ShareBid: Handling(
        financing.share_bid,
        lambda message: (message.request_id, *(offer.bid_id for offer in message.bids)),
        lambda message: Wanted(parties=frozenset((b2b_key(message.fa),))),
    ),
    m.RespondBid: Handling(financing.respond_bid, lambda message: (message.request_id, message.bid_id)),
    m.DecideKyc: Handling(onboarding.decide_kyc, _business),
    m.SwitchB2bId: Handling(onboarding.switch_b2b_id, lambda message: (b2b_key(message.b2b_id),)),
    m.SettlePayment: Handling(payments.settle_payment, lambda message: (message.payment_id,)),
    m.CloseInvoice: Handling(invoices.close_invoice, lambda message: (message.invoice_id,)),
    m.DisburseFinance: Handling(financing.disburse_finance, _request),
    m.ExpireFinancing: Handling(financing.expire_financing, _request),
}


def decide(message: m.Message, draft: Draft) -> Decision:
    """Give what comes of a message, written on a draft. Raises :class:`MessageRefused`; then nothing comes of it."""
    return HANDLERS[type(message)].decide(draft, message)


def subjects(message: m.Message) -> tuple[str, ...]:
    """Give the objects a message is about, the one it is named by first; a search is about none."""
    return HANDLERS[type(message)].subjects(message)


def wanted(message: m.Message) -> Wanted:
    """Give what a message names: objects to lock, B2B IDs and businesses to read, keys to look up."""
    handling = HANDLERS[type(message)]
    more = handling.wanted(message)
    return msgspec.structs.replace(more, objects=more.objects | frozenset(handling.subjects(message)))


def _near_invoice(facts: InvoiceFacts) -> Wanted:
    lien = () if facts.lien is None else (facts.lien.request_id, facts.lien.bid_id)
    return Wanted(objects=frozenset((*(share.order_id for share in facts.orders), *lien)))


def _near_payment(facts: PaymentFacts) -> Wanted:
    named = [split.note_id for line in facts.lines for split in line.splits if split.note_id is not None]
    return Wanted(objects=frozenset((*(line.invoice_id for line in facts.lines), *named)))


_NEAR: Final[Mapping[type[Facts], Callable[[Any], Wanted]]] = {
    InvoiceFacts: _near_invoice,
    PaymentFacts: _near_payment,
    FinancingFacts: lambda facts: Wanted(objects=frozenset((*facts.bids, *facts.invoices))),
    BidFacts: lambda facts: Wanted(parties=frozenset((b2b_key(facts.fa),))),
    BusinessFacts: lambda facts: Wanted(parties=frozenset(b2b_key(one) for one in facts.b2b_ids)),
    B2bIdFacts: lambda facts: Wanted(parties=frozenset((facts.business_id,))),
}
_NOTHING: Final = Wanted()


def neighbours(found: NetworkObject) -> Wanted:
    """Give what an object leads to and a decision about it may have to see or change."""
    near = _NEAR.get(type(found.facts))
    return _NOTHING if near is None else near(found.facts)
