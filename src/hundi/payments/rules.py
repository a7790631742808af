"""What an entry must carry, and what it does to the balance (domain §3). Decisions on plain values."""

from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from hundi.invoices.rules import MONEY_KINDS, EntryKind, label, tds_adjustment
from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import is_tan
from hundi.kit.money import ONE_RUPEE, ZERO

BY_NETWORK: Final = "network"
"""The actor of what the network's word alone does: it stands as ``createdBy`` of the entries that follow from it."""
TDS_KINDS: Final = frozenset({EntryKind.TDS_INCOME_TAX, EntryKind.TDS_GST})


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry somebody wants to record. ``amount`` is in rupees; on TDS it is what the certificate says."""

    kind: EntryKind
    amount: Decimal
    reference: str | None = None
    received_on: date | None = None
    tds_section: str | None = None
    tan: str | None = None
    certificate_no: str | None = None
    note: str | None = None
    accept_part: bool = False


class Certificates(msgspec.Struct, frozen=True):
    """The TDS certificates that stand on an invoice: how many, what they say, and what they did to the balance."""

    count: int
    certified: Decimal
    effect: Decimal


def problems_of(new: NewEntry, today: date) -> list[FieldProblem]:
    """List what is wrong with the particulars of an entry."""
    found = []
    if new.amount == 0 or (new.amount < 0 and new.kind is not EntryKind.ROUND_OFF):
        message = "Send an amount above zero; only a ROUND_OFF may be below it."
        found.append(FieldProblem("amount", "TOO_SMALL", message, str(new.amount)))
    if new.received_on is not None and new.received_on > today:
        message = f"The day lies in the future; today is {today}."
        found.append(FieldProblem("receivedOn", "IN_FUTURE", message, str(new.received_on)))
    if new.kind not in TDS_KINDS:
        for name, value in (("tdsSection", new.tds_section), ("tan", new.tan), ("certificateNo", new.certificate_no)):
            if value:
                message = f"A {label(new.kind).lower()} has none: leave it out, or send the kind it belongs to."
                found.append(FieldProblem(name, "NOT_OF_THIS_KIND", message, value[:40]))
    elif new.tan and not is_tan(new.tan.upper()):
        found.append(FieldProblem("tan", "BAD_FORMAT", "Send a TAN such as MUMA12345B.", new.tan[:40]))
    return found


def doubts_of(new: NewEntry) -> list[FieldProblem]:
    """List what is doubtful about an entry."""
    if new.kind is EntryKind.ROUND_OFF and abs(new.amount) > ONE_RUPEE:
        message = "A round-off of more than ₹1 is unusual: a discount may be meant."
        return [FieldProblem("amount", "ROUND_OFF_LARGE", message, str(new.amount))]
    return []


def doubts_of_reversal(created_by: str) -> list[FieldProblem]:
    """List what is doubtful about taking an entry back: the network has no message for it (contract b2b §6.2, §8.3)."""
    if created_by != BY_NETWORK:
        return []
    message = (
        "The payment stays confirmed on the network, which has no message to take that back: write to the buyer; what "
        "is paid after all is recorded here."
    )
    return [FieldProblem("entryId", "CONFIRMED_ON_NETWORK", message)]


def effect_of(new: NewEntry, expected_tds: Decimal, standing: Certificates) -> Decimal:
    """Give what an entry takes off the balance.

    Tax that was deducted counts against the expected, which the net amount already leaves out: the first certificate by
    its difference, later ones whole. Certificates of both kinds count together, since the invoice expects one sum.
    """
    if new.kind not in TDS_KINDS:
        return new.amount
    return tds_adjustment(expected_tds, standing.certified if standing.count else None, new.amount)


def reversed_effect(kind: EntryKind, amount: Decimal, certified: Decimal | None, standing: Certificates) -> Decimal:
    """Give the amount of the entry that takes another one back.

    With the last TDS certificate all that certificates did goes back, so that the expected tax holds again.
    """
    if kind in TDS_KINDS and certified is not None:
        return -standing.effect if standing.count == 1 else -certified
    return -amount


def reversal_kind(kind: EntryKind) -> EntryKind | None:
    """Give the kind of the entry that takes another one back: money by REVERSAL, the rest by its own kind; None: none."""
    if kind in {EntryKind.REVERSAL, EntryKind.WRITE_OFF}:
        return None
    return EntryKind.REVERSAL if kind in MONEY_KINDS else kind


def is_money(kind: EntryKind) -> bool:
    """Tell whether an entry of this kind counts as received."""
    return kind in MONEY_KINDS


NO_CERTIFICATES: Final = Certificates(0, ZERO, ZERO)
