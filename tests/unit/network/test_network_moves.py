"""The tables of moves: every pair walked, every row checked against the contract's tables (B2B §8)."""

from __future__ import annotations

from itertools import product

import pytest

from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.moves import FINAL, NONE, STATUSES, TABLES, UNMET, Condition, move
from hundi.network.protocol.statuses import Actor, Event, Kind

# The tables as the contract and our decisions have them, apart from the code: from, event, actor, to.
EXPECTED = {
    Kind.INVOICE: """
        - CREATE SUPPLIER CREATED
        CREATED DELIVER NETWORK SENT_TO_BUYER
        CREATED REFUSE NETWORK FAILED
        SENT_TO_BUYER ACCEPT BUYER ACCEPTED
        SENT_TO_BUYER REJECT BUYER REJECTED
        SENT_TO_BUYER RETURN BUYER RETURNED
        SENT_TO_BUYER EDIT SUPPLIER SENT_TO_BUYER
        RETURNED EDIT SUPPLIER SENT_TO_BUYER
        SENT_TO_BUYER CANCEL SUPPLIER CANCELLED
        RETURNED CANCEL SUPPLIER CANCELLED
        ACCEPTED CANCEL SUPPLIER CANCELLED
        PARTIALLY_PAID CANCEL SUPPLIER CANCELLED
        ACCEPTED PAY BUYER PAYMENT_INITIATED
        PARTIALLY_PAID PAY BUYER PAYMENT_INITIATED
        PAYMENT_INITIATED CONFIRM SUPPLIER PARTIALLY_PAID
        PAYMENT_INITIATED CONFIRM SUPPLIER PAID
        PAYMENT_INITIATED DECLINE SUPPLIER ACCEPTED
        PAYMENT_INITIATED DECLINE SUPPLIER PARTIALLY_PAID
        PAYMENT_INITIATED FALL_THROUGH NETWORK ACCEPTED
        PAYMENT_INITIATED FALL_THROUGH NETWORK PARTIALLY_PAID
        PAID CLOSE SUPPLIER CLOSED
        PAID CLOSE NETWORK CLOSED
        ACCEPTED PLEDGE NETWORK ACCEPTED
        PARTIALLY_PAID PLEDGE NETWORK PARTIALLY_PAID
        PAID RELEASE NETWORK PAID
    """,
    Kind.PAYMENT: """
        - CREATE BUYER INITIATED
        INITIATED REFUSE NETWORK FAILED
        INITIATED DELIVER NETWORK ACK_PENDING
        INITIATED DELIVER NETWORK INITIATED
        INITIATED SETTLE NETWORK SUCCESS
        INITIATED FALL_THROUGH NETWORK FAILED
        ACK_PENDING CONFIRM SUPPLIER CONFIRMED
        ACK_PENDING DECLINE SUPPLIER REJECTED
        SUCCESS CONFIRM SUPPLIER CONFIRMED
        SUCCESS DECLINE SUPPLIER REJECTED
    """,
    Kind.ORDER: """
        - CREATE BUYER CREATED
        CREATED DELIVER NETWORK SENT_TO_SUPPLIER
        CREATED REFUSE NETWORK FAILED
        SENT_TO_SUPPLIER ACCEPT SUPPLIER ACCEPTED
        SENT_TO_SUPPLIER REJECT SUPPLIER REJECTED
        SENT_TO_SUPPLIER RETURN SUPPLIER RETURNED
        SENT_TO_SUPPLIER EDIT BUYER SENT_TO_SUPPLIER
        RETURNED EDIT BUYER SENT_TO_SUPPLIER
        ACCEPTED INVOICE NETWORK PARTIALLY_INVOICED
        ACCEPTED INVOICE NETWORK FULLY_INVOICED
        PARTIALLY_INVOICED INVOICE NETWORK PARTIALLY_INVOICED
        PARTIALLY_INVOICED INVOICE NETWORK FULLY_INVOICED
        PARTIALLY_INVOICED UNINVOICE NETWORK ACCEPTED
        PARTIALLY_INVOICED UNINVOICE NETWORK PARTIALLY_INVOICED
        FULLY_INVOICED UNINVOICE NETWORK ACCEPTED
        FULLY_INVOICED UNINVOICE NETWORK PARTIALLY_INVOICED
        CLOSED UNINVOICE NETWORK CLOSED
        SENT_TO_SUPPLIER CANCEL BUYER CANCELLED
        RETURNED CANCEL BUYER CANCELLED
        ACCEPTED CANCEL BUYER CANCELLED
        PARTIALLY_INVOICED CANCEL BUYER CANCELLED
        FULLY_INVOICED CANCEL BUYER CANCELLED
        ACCEPTED CLOSE BUYER CLOSED
        PARTIALLY_INVOICED CLOSE BUYER CLOSED
        FULLY_INVOICED CLOSE BUYER CLOSED
    """,
    Kind.NOTE: """
        - CREATE SUPPLIER CREATED
        CREATED DELIVER NETWORK SENT_TO_BUYER
        CREATED REFUSE NETWORK FAILED
        SENT_TO_BUYER ACCEPT BUYER ACCEPTED
        SENT_TO_BUYER REJECT BUYER REJECTED
        SENT_TO_BUYER CANCEL SUPPLIER CANCELLED
        ACCEPTED APPLY NETWORK ACCEPTED
        ACCEPTED APPLY NETWORK APPLIED
        ACCEPTED UNAPPLY NETWORK ACCEPTED
        APPLIED UNAPPLY NETWORK ACCEPTED
    """,
    Kind.FINANCING: """
        - CREATE INITIATOR CREATED
        CREATED DELIVER NETWORK SENT_TO_FA
        CREATED REFUSE NETWORK FAILED
        SENT_TO_FA BID FA BIDS_RECEIVED
        BIDS_RECEIVED BID FA BIDS_RECEIVED
        BIDS_RECEIVED ACCEPT INITIATOR ACCEPTED
        BIDS_RECEIVED REJECT INITIATOR BIDS_RECEIVED
        BIDS_RECEIVED REJECT INITIATOR SENT_TO_FA
        BIDS_RECEIVED REJECT INITIATOR REJECTED
        SENT_TO_FA EXPIRE NETWORK EXPIRED
        BIDS_RECEIVED EXPIRE NETWORK EXPIRED
        ACCEPTED LAPSE NETWORK EXPIRED
        ACCEPTED DISBURSE NETWORK DISBURSED
        DISBURSED REPAY NETWORK REPAID
    """,
    Kind.BID: """
        - CREATE FA SHARED
        SHARED ACCEPT INITIATOR ACCEPTED
        SHARED REJECT INITIATOR REJECTED
        SHARED LAPSE NETWORK LAPSED
    """,
    Kind.BUSINESS: """
        - CREATE OWNER KYC_PENDING
        KYC_PENDING APPROVE NETWORK ACTIVE
        KYC_PENDING REJECT NETWORK INACTIVE
        INACTIVE APPROVE NETWORK ACTIVE
        ACTIVE REJECT NETWORK INACTIVE
        ACTIVE CHANGE OWNER ACTIVE
    """,
    Kind.B2B_ID: """
        - CREATE OWNER INACTIVE
        INACTIVE ACTIVATE NETWORK ACTIVE
        ACTIVE DEACTIVATE NETWORK INACTIVE
    """,
}
OFF, ON = Condition.OFF_PLATFORM, Condition.ON_PLATFORM
# What follows where the facts decide: kind, from, event, actor, what holds, where it leads (None: refused).
BY_FACTS = [
    (Kind.INVOICE, "PAYMENT INITIATED", Event.CONFIRM, Actor.SUPPLIER, {Condition.DUE_LEFT}, "PARTIALLY PAID"),
    (Kind.INVOICE, "PAYMENT INITIATED", Event.CONFIRM, Actor.SUPPLIER, {Condition.NOTHING_DUE}, "PAID"),
    (Kind.INVOICE, "PAYMENT INITIATED", Event.DECLINE, Actor.SUPPLIER, {OFF, Condition.NOTHING_PAID}, "ACCEPTED"),
    (Kind.INVOICE, "PAYMENT INITIATED", Event.DECLINE, Actor.SUPPLIER, {OFF, Condition.SOME_PAID}, "PARTIALLY PAID"),
    (Kind.INVOICE, "PAYMENT INITIATED", Event.DECLINE, Actor.SUPPLIER, {ON, Condition.NOTHING_PAID}, None),
    (Kind.INVOICE, "PAYMENT INITIATED", Event.FALL_THROUGH, Actor.NETWORK, {Condition.SOME_PAID}, "PARTIALLY PAID"),
    (Kind.INVOICE, "ACCEPTED", Event.CANCEL, Actor.SUPPLIER, {Condition.NOTHING_PAID}, None),
    (Kind.INVOICE, "ACCEPTED", Event.CANCEL, Actor.SUPPLIER, {Condition.NOTHING_PAID, Condition.NO_LIEN}, "CANCELLED"),
    (Kind.PAYMENT, "SUCCESS", Event.DECLINE, Actor.SUPPLIER, {ON}, None),
    (Kind.PAYMENT, "INITIATED", Event.SETTLE, Actor.NETWORK, {OFF}, None),
    (Kind.ORDER, "ACCEPTED", Event.INVOICE, Actor.NETWORK, {Condition.ALL_INVOICED}, "FULLY INVOICED"),
    (Kind.ORDER, "FULLY INVOICED", Event.UNINVOICE, Actor.NETWORK, {Condition.NOTHING_INVOICED}, "ACCEPTED"),
    (Kind.ORDER, "ACCEPTED", Event.CANCEL, Actor.BUYER, {Condition.PART_INVOICED}, None),
    (Kind.NOTE, "ACCEPTED", Event.APPLY, Actor.NETWORK, {Condition.CREDIT, Condition.NOTHING_LEFT}, "APPLIED"),
    (Kind.NOTE, "ACCEPTED", Event.APPLY, Actor.NETWORK, {Condition.NOTHING_LEFT}, None),
    (Kind.FINANCING, "BIDS RECEIVED", Event.REJECT, Actor.INITIATOR, {Condition.NONE_LEFT}, "REJECTED"),
    (Kind.FINANCING, "BIDS RECEIVED", Event.REJECT, Actor.INITIATOR, {Condition.FAS_LEFT}, "SENT TO FA"),
]


def spelt(kind: Kind, text: str) -> str:
    words = {str(status).replace(" ", "_"): str(status) for status in STATUSES[kind]}
    return NONE if text == NONE else words[text]


def expected(kind: Kind) -> set[tuple[str, str, str, str]]:
    rows = [line.split() for line in EXPECTED[kind].strip().splitlines()]
    return {(spelt(kind, a), event.replace("_", " "), actor, spelt(kind, b)) for a, event, actor, b in rows}


@pytest.mark.parametrize("kind", Kind)
def test_the_table_says_what_the_contract_says(kind: Kind) -> None:
    assert {(str(r.start), str(r.event), str(r.actor), str(r.end)) for r in TABLES[kind]} == expected(kind)
    assert len(TABLES[kind]) == len(expected(kind))


@pytest.mark.parametrize("kind", Kind)
def test_every_pair_is_walked(kind: Kind) -> None:
    """For each status, event and actor, with what the rows ask for or with nothing: the row, or the right refusal."""
    for status, event, actor in product((NONE, *STATUSES[kind]), Event, Actor):
        rows = [row for row in TABLES[kind] if (row.start, row.event) == (status, event)]
        own = [row for row in rows if row.actor == actor]
        if not own:
            with pytest.raises(MessageRefused) as refused:
                move(kind, str(status), event, actor, set(Condition))
            assert refused.value.fault is (Fault.WRONG_ACTOR if rows else Fault.ILLEGAL_MOVE)
            continue
        for row in own:
            assert move(kind, str(status), event, actor, set(row.conditions)).end == row.end
        if all(row.conditions for row in own):
            with pytest.raises(MessageRefused) as refused:
                move(kind, str(status), event, actor)
            assert refused.value.fault is UNMET.get(own[0].conditions[0], Fault.ILLEGAL_MOVE)


@pytest.mark.parametrize("kind", Kind)
def test_every_status_is_reached_and_no_two_rows_contradict(kind: Kind) -> None:
    table = TABLES[kind]
    reached = {NONE}
    while more := {str(row.end) for row in table if row.start in reached} - reached:
        reached |= more
    assert reached == {NONE, *map(str, STATUSES[kind])}
    for row, other in product(table, table):
        same = (row.start, row.event, row.actor) == (other.start, other.event, other.actor)
        if same and row is not other:
            assert row.end != other.end
            assert row.conditions
            assert not set(row.conditions) <= set(other.conditions)


@pytest.mark.parametrize(("kind", "start", "event", "actor", "holds", "end"), BY_FACTS)
def test_the_facts_decide(
    kind: Kind, start: str, event: Event, actor: Actor, holds: set[Condition], end: str | None
) -> None:
    if end is None:
        with pytest.raises(MessageRefused):
            move(kind, start, event, actor, holds)
    else:
        assert move(kind, start, event, actor, holds).end == end


def test_only_creation_and_editing_replace_the_document() -> None:
    for kind, table in TABLES.items():
        for row in table:
            assert row.content is (row.event in {Event.CREATE, Event.EDIT}), (kind, row)


def test_what_is_over_is_over() -> None:
    assert {s for kind, s in FINAL if kind is Kind.INVOICE} == {"FAILED", "REJECTED", "CANCELLED", "CLOSED"}
    assert {s for kind, s in FINAL if kind is Kind.PAYMENT} == {"FAILED", "CONFIRMED", "REJECTED"}
    assert {s for kind, s in FINAL if kind is Kind.FINANCING} == {"FAILED", "REJECTED", "EXPIRED", "REPAID"}


def test_a_refusal_names_the_place_it_was_asked_for() -> None:
    with pytest.raises(MessageRefused) as refused:
        move(Kind.INVOICE, "PAID", Event.CANCEL, Actor.SUPPLIER, field="invoiceStatus.statusTransition")
    assert refused.value.field == "invoiceStatus.statusTransition"
    assert str(refused.value).startswith("ILLEGAL_MOVE: ")
    assert "CANCEL of INVOICE in PAID" in refused.value.sentence()
