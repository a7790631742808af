"""States, their labels, their tables of moves (domain §4)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hundi.invoices.rules import (
    APPROVAL_MOVES,
    APPROVAL_RESTARTS,
    APPROVED,
    DISPATCH_MOVES,
    MONEY_KINDS,
    PAYOUT_MOVES,
    PENDING_APPROVALS,
    RECEIVABLE_MOVES,
    STEPS,
    STORED_STATUSES,
    ApprovalStatus,
    DispatchStatus,
    EntryKind,
    PayoutStatus,
    ReceivableStatus,
    approval_at_birth,
    check_dates,
    label,
    labelled,
    shown_status,
    status_after,
    status_by_money,
    step_after,
    step_of,
    tds_adjustment,
)

A, D, R = ApprovalStatus, Decimal, ReceivableStatus
TODAY = date(2026, 11, 21)


def test_the_ten_documented_approvals() -> None:
    stages = [
        f"{who}_{what}"
        for who in ("MAKER", "CHECKER", "APPROVER")
        for what in ("APPROVAL_PENDING", "APPROVED", "REJECTED")
    ]
    assert {*A} == {*stages, "BANK_APPROVED"}


def test_every_table_covers_its_axis_and_leads_nowhere_unknown() -> None:
    assert set(RECEIVABLE_MOVES) == set(STORED_STATUSES) == set(R) - {R.OVERDUE}
    assert set(APPROVAL_MOVES) == set(A)
    assert set(DISPATCH_MOVES) == set(DispatchStatus)
    assert set(PAYOUT_MOVES) == set(PayoutStatus)
    for moves in (RECEIVABLE_MOVES, APPROVAL_MOVES, DISPATCH_MOVES, PAYOUT_MOVES):
        for start, ends in moves.items():
            assert start not in ends
            assert ends <= set(moves)


def test_what_no_move_reaches_or_leaves() -> None:
    assert RECEIVABLE_MOVES[R.CANCELLED] == frozenset()
    assert not any(A.BANK_APPROVED in ends for ends in APPROVAL_MOVES.values())
    assert not any(R.CANCELLED in RECEIVABLE_MOVES[start] for start in (R.PAID, R.PARTIALLY_PAID, R.WRITTEN_OFF))


def test_approval_needs_all_its_steps() -> None:
    reached, frontier = {A.MAKER_APPROVAL_PENDING}, {A.MAKER_APPROVAL_PENDING}
    steps = 0
    while A.APPROVER_APPROVED not in reached:
        frontier = {end for start in frontier for end in APPROVAL_MOVES[start]}
        reached |= frontier
        steps += 1
    assert steps == 3
    assert A.APPROVER_APPROVED in APPROVED
    # No single move leads from waiting for one step past another.
    for start in PENDING_APPROVALS:
        assert {step_of(end) for end in APPROVAL_MOVES[start]} == {step_of(start)}


def test_a_changed_invoice_begins_anew_from_everywhere_but_the_banks_own_word() -> None:
    assert set(APPROVAL_RESTARTS) == set(A)
    for start, ends in APPROVAL_RESTARTS.items():
        assert ends == (frozenset() if start is A.BANK_APPROVED else PENDING_APPROVALS)


@pytest.mark.parametrize(
    ("step", "steps", "following"),
    [
        ("MAKER", STEPS, "CHECKER"), ("CHECKER", STEPS, "APPROVER"), ("APPROVER", STEPS, None),
        ("MAKER", ("MAKER", "APPROVER"), "APPROVER"), ("CHECKER", ("MAKER", "APPROVER"), "APPROVER"),
        ("MAKER", ("APPROVER",), "APPROVER"),
    ],
)  # fmt: skip
def test_the_policy_says_which_step_follows(step: str, steps: tuple[str, ...], following: str | None) -> None:
    assert step_after(step, steps) == following


@pytest.mark.parametrize(
    ("net", "balance", "status"),
    [("100", "100", R.PENDING), ("100", "99.99", R.PARTIALLY_PAID), ("100", "0", R.PAID), ("0", "0", R.PAID),
     ("100", "-5", R.PAID), ("100", "110", R.PENDING)],
)  # fmt: skip
def test_status_by_money(net: str, balance: str, status: ReceivableStatus) -> None:
    assert status_by_money(D(net), D(balance)) is status


@pytest.mark.parametrize(
    ("stored", "balance", "status"),
    [
        (R.PENDING, "40", R.PARTIALLY_PAID), (R.PAID, "100", R.PENDING), (R.DISPUTED, "40", R.DISPUTED),
        (R.DISPUTED, "0", R.PAID),
        (R.CANCELLED, "100", R.CANCELLED), (R.WRITTEN_OFF, "0", R.WRITTEN_OFF),
    ],
)  # fmt: skip
def test_status_after_amounts_change(stored: ReceivableStatus, balance: str, status: ReceivableStatus) -> None:
    assert status_after(stored, D(100), D(balance)) is status


@pytest.mark.parametrize("stored", STORED_STATUSES)
@pytest.mark.parametrize(("due", "past"), [(date(2026, 11, 20), True), (TODAY, False), (date(2026, 11, 22), False)])
def test_overdue_is_shown_after_the_due_date_on_open_ones(stored: ReceivableStatus, due: date, past: bool) -> None:
    overdue = past and stored in {R.PENDING, R.PARTIALLY_PAID}
    assert shown_status(stored, due, TODAY) is (R.OVERDUE if overdue else stored)


def test_labels() -> None:
    assert (labelled(R.PARTIALLY_PAID).label, labelled(R.PARTIALLY_PAID).name) == ("Partially paid", "PARTIALLY_PAID")
    assert label("SMS") == "SMS"
    assert label(EntryKind.WRITE_OFF) == "Write-off"


def test_money_kinds() -> None:
    assert {kind.value for kind in MONEY_KINDS} == {"RECEIPT", "OPENING", "ADVANCE", "REVERSAL"}


def test_tax_deducted_counts_against_what_was_expected() -> None:
    assert tds_adjustment(D(100), None, D(120)) == D(20)
    assert tds_adjustment(D(100), None, D(60)) == D(-40)
    assert tds_adjustment(D(100), D(60), D(40)) == D(40)


@pytest.mark.parametrize(
    ("asked", "steps", "status", "refused"),
    [
        (None, (), A.APPROVER_APPROVED, None), ("MAKER_APPROVAL_PENDING", (), A.APPROVER_APPROVED, None),
        ("MAKER_APPROVED", (), A.APPROVER_APPROVED, None),
        (None, STEPS, A.MAKER_APPROVAL_PENDING, None),
        ("MAKER_APPROVAL_PENDING", STEPS, A.MAKER_APPROVAL_PENDING, None),
        ("CHECKER_APPROVAL_PENDING", STEPS, A.CHECKER_APPROVAL_PENDING, None),
        ("APPROVER_APPROVAL_PENDING", STEPS, None, "forbidden"),
        ("APPROVER_APPROVAL_PENDING", ("CHECKER", "APPROVER"), None, "forbidden"),
        ("CHECKER_APPROVAL_PENDING", ("MAKER", "APPROVER"), A.APPROVER_APPROVAL_PENDING, None),
        ("MAKER_APPROVAL_PENDING", ("APPROVER",), A.APPROVER_APPROVAL_PENDING, None),
        ("APPROVER_APPROVED", STEPS, None, "forbidden"),
        ("MAKER_REJECTED", STEPS, None, "forbidden"), ("BANK_APPROVED", (), None, "forbidden"),
        ("approved", (), None, "invalid"),
    ],
)  # fmt: skip
def test_approval_at_birth(
    asked: str | None, steps: tuple[str, ...], status: ApprovalStatus | None, refused: str | None
) -> None:
    born = approval_at_birth(asked, steps)
    assert (born.forbidden is not None) is (refused == "forbidden")
    assert (born.invalid is not None) is (refused == "invalid")
    assert status is None or born.status is status
    assert born.maker_done is (
        status is not None and bool(steps) and steps[0] == "MAKER" and step_of(born.status) != "MAKER"
    )


def test_dates_of_an_invoice() -> None:
    assert check_dates(TODAY, TODAY, TODAY) == ([], [])
    assert check_dates(date(2020, 1, 1), date(2020, 1, 31), TODAY) == ([], [])
    errors, _ = check_dates(TODAY, date(2026, 11, 20), TODAY)
    assert [(problem.field, problem.code) for problem in errors] == [("dueDate", "DUE_BEFORE_INVOICE_DATE")]
    _, warnings = check_dates(datetime(2026, 11, 21, 18, 30, tzinfo=UTC), date(2026, 12, 1), TODAY)
    assert [problem.code for problem in warnings] == ["INVOICE_DATE_IN_FUTURE"]
