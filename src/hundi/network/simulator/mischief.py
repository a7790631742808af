"""What businesses should not do, and try: each of these must be refused by the centre, and change nothing.

The messages go out without being tried on the own books first, as those of a careless program would.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from hundi.network.protocol import messages as m
from hundi.network.protocol.identifiers import IdMaker, Prefix
from hundi.network.protocol.objects import InvoiceFacts, NetworkObject, facts_of
from hundi.network.protocol.statuses import Event, InvoiceStatus, Kind, PaymentStatus
from hundi.network.simulator import letters

_PAYABLE = frozenset({InvoiceStatus.ACCEPTED, InvoiceStatus.PARTIALLY_PAID})


def _overpay(one: NetworkObject, ids: IdMaker) -> m.Call:
    too_much = facts_of(one, InvoiceFacts).due + 1
    amount = m.PaymentAmount(too_much, Decimal(0), too_much)
    return letters.payment(ids.make(Prefix.PAYMENT), ids.make(Prefix.MESSAGE), [(one, amount, ())], on_platform=False)


def _stale_version(one: NetworkObject, ids: IdMaker) -> m.Call:
    del ids
    late = m.ObjectVersion(one.version + 3, one.version + 3)
    return msgspec.structs.replace(letters.confirm_invoice(one, "ACCEPT", Event.ACCEPT), version=late)


def _stale_status(one: NetworkObject, ids: IdMaker) -> m.Call:
    del ids
    wrong = m.Transition(InvoiceStatus.CREATED, InvoiceStatus.ACCEPTED)
    return msgspec.structs.replace(letters.confirm_invoice(one, "ACCEPT", Event.ACCEPT), transition=wrong)


def _accept_own(one: NetworkObject, ids: IdMaker) -> m.Call:
    del ids
    return letters.confirm_invoice(one, "ACCEPT", Event.ACCEPT)


def _cancel_paid(one: NetworkObject, ids: IdMaker) -> m.Call:
    del ids
    return letters.change_invoice(one, "CANCEL")


def _same_number(one: NetworkObject, ids: IdMaker) -> m.Call:
    return letters.invoice(ids.make(Prefix.INVOICE), one.buyer, one.supplier, one.number, Decimal(100))


def _to_itself(one: NetworkObject, ids: IdMaker) -> m.Call:
    number = ids.make(Prefix.MESSAGE)
    return letters.invoice(ids.make(Prefix.INVOICE), one.supplier, one.supplier, number, Decimal(100))


def _to_nobody(one: NetworkObject, ids: IdMaker) -> m.Call:
    number = ids.make(Prefix.MESSAGE)
    return letters.invoice(ids.make(Prefix.INVOICE), "nobody", one.supplier, number, Decimal(100))


def _same_id(one: NetworkObject, ids: IdMaker) -> m.Call:
    return letters.invoice(one.id, one.buyer, one.supplier, ids.make(Prefix.MESSAGE), Decimal(100))


def _reject_on_platform(one: NetworkObject, ids: IdMaker) -> m.Call:
    del ids
    return letters.confirm_payment(one, (), "REJECT")


def _confirm_unsettled(one: NetworkObject, ids: IdMaker) -> m.Call:
    del ids
    return letters.confirm_payment(one, (), "ACCEPT")


class Trick(msgspec.Struct, frozen=True):
    """A thing not to do, and with what it can be tried: a kind of object in certain statuses, on one side of it."""

    kind: Kind
    statuses: frozenset[str]
    supplies: bool
    write: Callable[[NetworkObject, IdMaker], m.Call]


_SENT = frozenset({str(InvoiceStatus.SENT)})
_PAID = frozenset({str(InvoiceStatus.PARTIALLY_PAID)})
_ANY = frozenset(str(status) for status in InvoiceStatus if status is not InvoiceStatus.FAILED)

TRICKS: Final[Mapping[str, Trick]] = {
    "pay more than is due": Trick(Kind.INVOICE, frozenset(map(str, _PAYABLE)), False, _overpay),
    "answer another version": Trick(Kind.INVOICE, _SENT, False, _stale_version),
    "answer another status": Trick(Kind.INVOICE, _SENT, False, _stale_status),
    "accept an own invoice": Trick(Kind.INVOICE, _SENT, True, _accept_own),
    "cancel what is paid in part": Trick(Kind.INVOICE, _PAID, True, _cancel_paid),
    "use a number twice": Trick(Kind.INVOICE, _ANY, True, _same_number),
    "invoice itself": Trick(Kind.INVOICE, _ANY, True, _to_itself),
    "invoice nobody": Trick(Kind.INVOICE, _ANY, True, _to_nobody),
    "use an id twice": Trick(Kind.INVOICE, _ANY, True, _same_id),
    "confirm what the rail has not settled": Trick(
        Kind.PAYMENT, frozenset({str(PaymentStatus.INITIATED)}), True, _confirm_unsettled
    ),
    "reject on-platform money": Trick(
        Kind.PAYMENT, frozenset({str(PaymentStatus.SUCCESS)}), True, _reject_on_platform
    ),
}  # fmt: skip


def try_something(b2b_id: str, books: Sequence[NetworkObject], chance: Random, ids: IdMaker) -> m.Call | None:
    """Give a message that must be refused, where the books offer an occasion."""
    trick = TRICKS[chance.choice(list(TRICKS))]
    occasions = [
        one for one in books
        if one.kind is trick.kind and one.status in trick.statuses
        and (one.supplier if trick.supplies else one.buyer) == b2b_id
    ]  # fmt: skip
    return trick.write(chance.choice(occasions), ids) if occasions else None


def take_back(sent: m.SendInvoice) -> m.Call:
    """Cancel an invoice in the same breath: no mischief, but in haste, before its answer has come."""
    return m.ChangeInvoiceStatus(
        buyer=sent.buyer, supplier=sent.supplier, object_id=sent.object_id, number=sent.number, version=sent.version,
        transition=m.Transition(InvoiceStatus.SENT, InvoiceStatus.CANCELLED), action="CANCEL",
    )  # fmt: skip


def touch_anothers(one: NetworkObject) -> m.Call:
    """Give an answer to somebody else's invoice."""
    return m.ConfirmInvoice(
        buyer=one.buyer, supplier=one.supplier, object_id=one.id, number=one.number,
        version=m.ObjectVersion(one.version, one.version), transition=m.Transition(one.status, one.status),
        response="ACCEPT",
    )  # fmt: skip
