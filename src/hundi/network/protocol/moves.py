"""One table of moves for each kind of object: the only place that says what may follow what (contract B2B §8).

A row is (from, event, actor, to) with the conditions that must hold. Rows of the same from, event and actor are
alternatives: the first whose conditions hold is taken. ``content`` marks the moves that replace the document, and with
it raise its version (contract B2B §12.11).
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.statuses import (
    Actor,
    B2bIdStatus,
    BidStatus,
    BusinessStatus,
    Event,
    FinancingStatus,
    InvoiceStatus,
    Kind,
    NoteStatus,
    OrderStatus,
    PaymentStatus,
)

NONE: Final = "-"
"""The status of what does not exist yet."""


class Condition(StrEnum):
    """What an object's facts must be for a move."""

    NOTHING_PAID = "nothing paid"
    SOME_PAID = "something paid"
    DUE_LEFT = "something due"
    NOTHING_DUE = "nothing due"
    NO_LIEN = "no lien"
    OFF_PLATFORM = "off-platform"
    ON_PLATFORM = "on-platform"
    NOTHING_INVOICED = "nothing invoiced"
    PART_INVOICED = "invoiced in part"
    ALL_INVOICED = "invoiced in full"
    CREDIT = "a credit note"
    PART_LEFT = "a part left"
    NOTHING_LEFT = "nothing left"
    BIDS_LEFT = "a bid left"
    FAS_LEFT = "an answer left"
    NONE_LEFT = "no bid and no answer left"


UNMET: Final[Mapping[Condition, Fault]] = {
    Condition.NOTHING_PAID: Fault.PAID_IN_PART,
    Condition.NO_LIEN: Fault.UNDER_LIEN,
    Condition.OFF_PLATFORM: Fault.ON_PLATFORM_FINAL,
    Condition.NOTHING_INVOICED: Fault.ORDER_INVOICED,
}
"""What a message hears when the condition does not hold; where none is named it is an illegal move."""


class Move(NamedTuple):
    """One row of a table."""

    start: str
    event: Event
    actor: Actor
    end: str
    conditions: tuple[Condition, ...] = ()
    content: bool = False


Table = tuple[Move, ...]

_S, _B, _N, _FA, _I, _O = Actor.SUPPLIER, Actor.BUYER, Actor.NETWORK, Actor.FA, Actor.INITIATOR, Actor.OWNER
_E, _C = Event, Condition
_INV, _PMT, _PO, _NOTE, _FIN = InvoiceStatus, PaymentStatus, OrderStatus, NoteStatus, FinancingStatus

INVOICE: Final[Table] = (
    Move(NONE, _E.CREATE, _S, _INV.CREATED, content=True),
    Move(_INV.CREATED, _E.DELIVER, _N, _INV.SENT),
    Move(_INV.CREATED, _E.REFUSE, _N, _INV.FAILED),
    Move(_INV.SENT, _E.ACCEPT, _B, _INV.ACCEPTED),
    Move(_INV.SENT, _E.REJECT, _B, _INV.REJECTED),
    Move(_INV.SENT, _E.RETURN, _B, _INV.RETURNED),
    Move(_INV.SENT, _E.EDIT, _S, _INV.SENT, content=True),
    Move(_INV.RETURNED, _E.EDIT, _S, _INV.SENT, content=True),
    Move(_INV.SENT, _E.CANCEL, _S, _INV.CANCELLED),
    Move(_INV.RETURNED, _E.CANCEL, _S, _INV.CANCELLED),
    Move(_INV.ACCEPTED, _E.CANCEL, _S, _INV.CANCELLED, (_C.NOTHING_PAID, _C.NO_LIEN)),
    Move(_INV.PARTIALLY_PAID, _E.CANCEL, _S, _INV.CANCELLED, (_C.NOTHING_PAID,)),
    Move(_INV.ACCEPTED, _E.PAY, _B, _INV.PAYMENT_INITIATED),
    Move(_INV.PARTIALLY_PAID, _E.PAY, _B, _INV.PAYMENT_INITIATED),
    Move(_INV.PAYMENT_INITIATED, _E.CONFIRM, _S, _INV.PARTIALLY_PAID, (_C.DUE_LEFT,)),
    Move(_INV.PAYMENT_INITIATED, _E.CONFIRM, _S, _INV.PAID, (_C.NOTHING_DUE,)),
    Move(_INV.PAYMENT_INITIATED, _E.DECLINE, _S, _INV.ACCEPTED, (_C.OFF_PLATFORM, _C.NOTHING_PAID)),
    Move(_INV.PAYMENT_INITIATED, _E.DECLINE, _S, _INV.PARTIALLY_PAID, (_C.OFF_PLATFORM, _C.SOME_PAID)),
    Move(_INV.PAYMENT_INITIATED, _E.FALL_THROUGH, _N, _INV.ACCEPTED, (_C.NOTHING_PAID,)),
    Move(_INV.PAYMENT_INITIATED, _E.FALL_THROUGH, _N, _INV.PARTIALLY_PAID, (_C.SOME_PAID,)),
    Move(_INV.PAID, _E.CLOSE, _S, _INV.CLOSED),
    Move(_INV.PAID, _E.CLOSE, _N, _INV.CLOSED),
    Move(_INV.ACCEPTED, _E.PLEDGE, _N, _INV.ACCEPTED, (_C.NO_LIEN,)),
    Move(_INV.PARTIALLY_PAID, _E.PLEDGE, _N, _INV.PARTIALLY_PAID, (_C.NO_LIEN,)),
    Move(_INV.PAID, _E.RELEASE, _N, _INV.PAID),
)
"""Cancelling what is paid in part never holds: the row says why (PAID_IN_PART)."""
PAYMENT: Final[Table] = (
    Move(NONE, _E.CREATE, _B, _PMT.INITIATED, content=True),
    Move(_PMT.INITIATED, _E.REFUSE, _N, _PMT.FAILED),
    Move(_PMT.INITIATED, _E.DELIVER, _N, _PMT.ACK_PENDING, (_C.OFF_PLATFORM,)),
    Move(_PMT.INITIATED, _E.DELIVER, _N, _PMT.INITIATED, (_C.ON_PLATFORM,)),
    Move(_PMT.INITIATED, _E.SETTLE, _N, _PMT.SUCCESS, (_C.ON_PLATFORM,)),
    Move(_PMT.INITIATED, _E.FALL_THROUGH, _N, _PMT.FAILED, (_C.ON_PLATFORM,)),
    Move(_PMT.ACK_PENDING, _E.CONFIRM, _S, _PMT.CONFIRMED),
    Move(_PMT.ACK_PENDING, _E.DECLINE, _S, _PMT.REJECTED, (_C.OFF_PLATFORM,)),
    Move(_PMT.SUCCESS, _E.CONFIRM, _S, _PMT.CONFIRMED),
    Move(_PMT.SUCCESS, _E.DECLINE, _S, _PMT.REJECTED, (_C.OFF_PLATFORM,)),
)
"""The last row never holds: it is there so that whoever rejects on-platform money hears why he may not (§6.2)."""
ORDER: Final[Table] = (
    Move(NONE, _E.CREATE, _B, _PO.CREATED, content=True),
    Move(_PO.CREATED, _E.DELIVER, _N, _PO.SENT),
    Move(_PO.CREATED, _E.REFUSE, _N, _PO.FAILED),
    Move(_PO.SENT, _E.ACCEPT, _S, _PO.ACCEPTED),
    Move(_PO.SENT, _E.REJECT, _S, _PO.REJECTED),
    Move(_PO.SENT, _E.RETURN, _S, _PO.RETURNED),
    Move(_PO.SENT, _E.EDIT, _B, _PO.SENT, content=True),
    Move(_PO.RETURNED, _E.EDIT, _B, _PO.SENT, content=True),
    Move(_PO.ACCEPTED, _E.INVOICE, _N, _PO.PARTIALLY_INVOICED, (_C.PART_INVOICED,)),
    Move(_PO.ACCEPTED, _E.INVOICE, _N, _PO.FULLY_INVOICED, (_C.ALL_INVOICED,)),
    Move(_PO.PARTIALLY_INVOICED, _E.INVOICE, _N, _PO.PARTIALLY_INVOICED, (_C.PART_INVOICED,)),
    Move(_PO.PARTIALLY_INVOICED, _E.INVOICE, _N, _PO.FULLY_INVOICED, (_C.ALL_INVOICED,)),
    Move(_PO.PARTIALLY_INVOICED, _E.UNINVOICE, _N, _PO.ACCEPTED, (_C.NOTHING_INVOICED,)),
    Move(_PO.PARTIALLY_INVOICED, _E.UNINVOICE, _N, _PO.PARTIALLY_INVOICED, (_C.PART_INVOICED,)),
    Move(_PO.FULLY_INVOICED, _E.UNINVOICE, _N, _PO.ACCEPTED, (_C.NOTHING_INVOICED,)),
    Move(_PO.FULLY_INVOICED, _E.UNINVOICE, _N, _PO.PARTIALLY_INVOICED, (_C.PART_INVOICED,)),
    Move(_PO.CLOSED, _E.UNINVOICE, _N, _PO.CLOSED),
    Move(_PO.SENT, _E.CANCEL, _B, _PO.CANCELLED),
    Move(_PO.RETURNED, _E.CANCEL, _B, _PO.CANCELLED),
    Move(_PO.ACCEPTED, _E.CANCEL, _B, _PO.CANCELLED, (_C.NOTHING_INVOICED,)),
    Move(_PO.PARTIALLY_INVOICED, _E.CANCEL, _B, _PO.CANCELLED, (_C.NOTHING_INVOICED,)),
    Move(_PO.FULLY_INVOICED, _E.CANCEL, _B, _PO.CANCELLED, (_C.NOTHING_INVOICED,)),
    Move(_PO.ACCEPTED, _E.CLOSE, _B, _PO.CLOSED),
    Move(_PO.PARTIALLY_INVOICED, _E.CLOSE, _B, _PO.CLOSED),
    Move(_PO.FULLY_INVOICED, _E.CLOSE, _B, _PO.CLOSED),
)
"""Cancelling what was invoiced never holds either: the two rows say why (ORDER_INVOICED)."""
NOTE: Final[Table] = (
    Move(NONE, _E.CREATE, _S, _NOTE.CREATED, content=True),
    Move(_NOTE.CREATED, _E.DELIVER, _N, _NOTE.SENT),
    Move(_NOTE.CREATED, _E.REFUSE, _N, _NOTE.FAILED),
    Move(_NOTE.SENT, _E.ACCEPT, _B, _NOTE.ACCEPTED),
    Move(_NOTE.SENT, _E.REJECT, _B, _NOTE.REJECTED),
    Move(_NOTE.SENT, _E.CANCEL, _S, _NOTE.CANCELLED),
    Move(_NOTE.ACCEPTED, _E.APPLY, _N, _NOTE.ACCEPTED, (_C.CREDIT, _C.PART_LEFT)),
    Move(_NOTE.ACCEPTED, _E.APPLY, _N, _NOTE.APPLIED, (_C.CREDIT, _C.NOTHING_LEFT)),
    Move(_NOTE.ACCEPTED, _E.UNAPPLY, _N, _NOTE.ACCEPTED),
    Move(_NOTE.APPLIED, _E.UNAPPLY, _N, _NOTE.ACCEPTED),
)
FINANCING: Final[Table] = (
    Move(NONE, _E.CREATE, _I, _FIN.CREATED, content=True),
    Move(_FIN.CREATED, _E.DELIVER, _N, _FIN.SENT),
    Move(_FIN.CREATED, _E.REFUSE, _N, _FIN.FAILED),
    Move(_FIN.SENT, _E.BID, _FA, _FIN.BIDS_RECEIVED),
    Move(_FIN.BIDS_RECEIVED, _E.BID, _FA, _FIN.BIDS_RECEIVED),
    Move(_FIN.BIDS_RECEIVED, _E.ACCEPT, _I, _FIN.ACCEPTED),
    Move(_FIN.BIDS_RECEIVED, _E.REJECT, _I, _FIN.BIDS_RECEIVED, (_C.BIDS_LEFT,)),
    Move(_FIN.BIDS_RECEIVED, _E.REJECT, _I, _FIN.SENT, (_C.FAS_LEFT,)),
    Move(_FIN.BIDS_RECEIVED, _E.REJECT, _I, _FIN.REJECTED, (_C.NONE_LEFT,)),
    Move(_FIN.SENT, _E.EXPIRE, _N, _FIN.EXPIRED),
    Move(_FIN.BIDS_RECEIVED, _E.EXPIRE, _N, _FIN.EXPIRED),
    Move(_FIN.ACCEPTED, _E.LAPSE, _N, _FIN.EXPIRED),
    Move(_FIN.ACCEPTED, _E.DISBURSE, _N, _FIN.DISBURSED),
    Move(_FIN.DISBURSED, _E.REPAY, _N, _FIN.REPAID),
)
"""ACCEPTED lapses when its invoices are paid before the financier has paid out: there is nothing left to finance."""
BID: Final[Table] = (
    Move(NONE, _E.CREATE, _FA, BidStatus.SHARED, content=True),
    Move(BidStatus.SHARED, _E.ACCEPT, _I, BidStatus.ACCEPTED),
    Move(BidStatus.SHARED, _E.REJECT, _I, BidStatus.REJECTED),
    Move(BidStatus.SHARED, _E.LAPSE, _N, BidStatus.LAPSED),
)
BUSINESS: Final[Table] = (
    Move(NONE, _E.CREATE, _O, BusinessStatus.KYC_PENDING, content=True),
    Move(BusinessStatus.KYC_PENDING, _E.APPROVE, _N, BusinessStatus.ACTIVE),
    Move(BusinessStatus.KYC_PENDING, _E.REJECT, _N, BusinessStatus.INACTIVE),
    Move(BusinessStatus.INACTIVE, _E.APPROVE, _N, BusinessStatus.ACTIVE),
    Move(BusinessStatus.ACTIVE, _E.REJECT, _N, BusinessStatus.INACTIVE),
    Move(BusinessStatus.ACTIVE, _E.CHANGE, _O, BusinessStatus.ACTIVE),
)
"""KYC may be approved later, and withdrawn; CHANGE is a further B2B ID."""
B2B_ID: Final[Table] = (
    Move(NONE, _E.CREATE, _O, B2bIdStatus.INACTIVE, content=True),
    Move(B2bIdStatus.INACTIVE, _E.ACTIVATE, _N, B2bIdStatus.ACTIVE),
    Move(B2bIdStatus.ACTIVE, _E.DEACTIVATE, _N, B2bIdStatus.INACTIVE),
)

TABLES: Final[Mapping[Kind, Table]] = {
    Kind.INVOICE: INVOICE,
    Kind.PAYMENT: PAYMENT,
    Kind.ORDER: ORDER,
    Kind.NOTE: NOTE,
    Kind.FINANCING: FINANCING,
    Kind.BID: BID,
    Kind.BUSINESS: BUSINESS,
    Kind.B2B_ID: B2B_ID,
}
STATUSES: Final[Mapping[Kind, type[StrEnum]]] = {
    Kind.INVOICE: InvoiceStatus,
    Kind.PAYMENT: PaymentStatus,
    Kind.ORDER: OrderStatus,
    Kind.NOTE: NoteStatus,
    Kind.FINANCING: FinancingStatus,
    Kind.BID: BidStatus,
    Kind.BUSINESS: BusinessStatus,
    Kind.B2B_ID: B2bIdStatus,
}


def _indexed() -> dict[tuple[Kind, str, Event], list[Move]]:
    found: dict[tuple[Kind, str, Event], list[Move]] = {}
    for kind, table in TABLES.items():
        for row in table:
            found.setdefault((kind, str(row.start), row.event), []).append(row)
    return found


_INDEX: Final = _indexed()


def move(
    kind: Kind,
    status: str,
    event: Event,
    actor: Actor,
    holds: Collection[Condition] = (),
    field: str = "statusTransition",
) -> Move:
    """Give the row by which an object of this status moves, or refuse.

    ``holds`` are the conditions that are true of it. Faults: ``ILLEGAL_MOVE`` (no row for status and event),
    ``WRONG_ACTOR`` (the row is somebody else's), and the one of :data:`UNMET` for the first condition that fails.
    """
    rows = _INDEX.get((kind, status, event), [])
    if not rows:
        raise MessageRefused(Fault.ILLEGAL_MOVE, field, f"{event} of {kind} in {status}")
    own = [row for row in rows if row.actor == actor]
    if not own:
        raise MessageRefused(Fault.WRONG_ACTOR, "b2bIds", f"{event} of {kind} in {status} is {rows[0].actor}'s")
    for row in own:
        if all(condition in holds for condition in row.conditions):
            return row
    unmet = next(condition for condition in own[0].conditions if condition not in holds)
    raise MessageRefused(UNMET.get(unmet, Fault.ILLEGAL_MOVE), field, f"{event} needs: {unmet}")


FINAL: Final = frozenset(
    (kind, str(status))
    for kind, statuses in STATUSES.items()
    for status in statuses
    if all(row.start != status for row in TABLES[kind])
)
"""The statuses after which nothing more can happen."""
