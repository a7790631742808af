"""What a PATCH may do and does (domain §3 and §4, design §5)."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.invoices.amounts import AmountMismatch, AmountsIn, Entry, compute
from hundi.invoices.patch_fields import (
    CLEARED_TO_ZERO,
    LOCKED_FIELDS,
    PATCH_FIELDS,
    TEXT_FIELDS,
    Current,
    Lock,
    PatchDecision,
    Permissions,
)
from hundi.invoices.patching import decide
from hundi.invoices.rules import MONEY_KINDS, RECEIVABLE_MOVES, ApprovalStatus, EntryKind, ReceivableStatus
from hundi.kit.errors import Forbidden, Invalid, NotAllowedNow

D, K, R = Decimal, EntryKind, ReceivableStatus
TODAY = date(2026, 11, 21)
ALL = Permissions(override=True, reverse_receipt=True)
CURRENT = Current(
    customer_id="KC00000000000001", invoice_number="INV-1", invoice_date=date(2026, 11, 1), due_date=date(2026, 12, 1),
    gst_exclusive=True, reverse_charge=False,
    base_amount=D("1000.00"), cgst=D("90.00"), sgst=D("90.00"), igst=D("0.00"),
    cess=D("0.00"), discount=D("0.00"), other_charges=D("0.00"), tcs=D("0.00"), round_off=D("0.00"), tds=D("0.00"),
    invoice_value=D("1180.00"), net_amount=D("1180.00"), total_received=D("0.00"),
    receivable_status=R.PENDING, approval_status=ApprovalStatus.APPROVER_APPROVED,
)  # fmt: skip
PART_PAID = msgspec.structs.replace(CURRENT, total_received=D("180.00"), receivable_status=R.PARTIALLY_PAID)
PAID = msgspec.structs.replace(CURRENT, total_received=D("1180.00"), receivable_status=R.PAID)
DISPUTED = msgspec.structs.replace(CURRENT, receivable_status=R.DISPUTED)
CANCELLED = msgspec.structs.replace(CURRENT, receivable_status=R.CANCELLED)
WRITTEN_OFF = msgspec.structs.replace(
    PART_PAID, adjusted=D("1000.00"), written_off=D("1000.00"), receivable_status=R.WRITTEN_OFF
)
ROUNDED = msgspec.structs.replace(CURRENT, round_off=D("0.40"), invoice_value=D("1180.40"), net_amount=D("1180.40"))


NOBODY = Permissions()


def patch(
    current: Current, changes: dict[str, Any], lock: Lock = Lock.NONE, permissions: Permissions = NOBODY
) -> PatchDecision:
    """Decide a change whose amounts are written as integers or text."""
    amounts = {
        name: D(value)
        if isinstance(value, (int, str)) and not isinstance(value, bool) and name in AMOUNT_NAMES
        else value
        for name, value in changes.items()
    }
    return decide(current, amounts, lock=lock, permissions=permissions, today=TODAY)


AMOUNT_NAMES = {
    "baseAmount", "cgst", "sgst", "igst", "cess", "discount", "otherCharges", "tcs", "roundOff", "tds", "netAmount",
    "totalReceived", "balanceAmount",
}  # fmt: skip


def codes(decision: PatchDecision) -> list[tuple[str, str]]:
    """Name the problems by field and code."""
    return [(problem.field, problem.code) for problem in decision.problems]


def test_nothing_asked_is_nothing_done() -> None:
    decision = patch(CURRENT, {})
    assert (decision.values, decision.entries, decision.move, decision.refusal) == ({}, [], None, None)


def test_sending_what_stands_is_no_change_even_when_locked() -> None:
    echo = {
        "customerId": CURRENT.customer_id, "invoiceNumber": "INV-1", "invoiceDate": date(2026, 11, 1),
        "baseAmount": "1000",
        "dueDate": date(2026, 12, 1), "cgst": "90.00", "sgst": 90, "igst": 0, "netAmount": 1180, "gstExclusive": True,
        "tds": 0, "totalReceived": 0, "balanceAmount": 1180, "receivableStatus": "PENDING",
        "approvalStatus": "APPROVER_APPROVED",
    }  # fmt: skip
    for lock in Lock:
        decision = patch(CURRENT, echo, lock)
        assert (codes(decision), decision.values, decision.entries, decision.move) == ([], {}, [], None)
    rounded = patch(ROUNDED, {"netAmount": "1180.40", "baseAmount": 1000}, Lock.IRN)
    assert (codes(rounded), rounded.values) == ([], {})


@pytest.mark.parametrize("name", sorted(TEXT_FIELDS))
def test_text_is_set_and_cleared(name: str) -> None:
    for value in ("new", "", None):
        decision = patch(CANCELLED, {name: value}, Lock.IRN)
        assert (codes(decision), decision.values) == ([], {TEXT_FIELDS[name]: value})


@pytest.mark.parametrize("name", sorted(PATCH_FIELDS - {*TEXT_FIELDS, "placeOfSupply"} - CLEARED_TO_ZERO))
def test_what_cannot_be_cleared_is_400(name: str) -> None:
    decision = patch(CURRENT, {name: None, "description": "kept back"})
    assert (codes(decision), decision.refusal, decision.values) == ([(name, "NOT_CLEARABLE")], Invalid, {})


def test_a_place_of_supply_that_nothing_tells_is_cleared_where_it_may_be_changed() -> None:
    placed = msgspec.structs.replace(CURRENT, place_of_supply="27")
    assert patch(placed, {"placeOfSupply": None}).values == {"place_of_supply": None}
    assert patch(CURRENT, {"placeOfSupply": None}).values == {}
    assert codes(patch(placed, {"placeOfSupply": None}, Lock.DISPATCHED)) == [("placeOfSupply", "INVOICE_LOCKED")]


def test_taxes_and_tds_are_cleared_to_zero() -> None:
    decision = patch(CURRENT, {"cgst": None, "sgst": None})
    assert decision.refusal is None
    assert (decision.values["cgst"], decision.values["net_amount"], decision.values["balance"]) == (
        D(0),
        D(1000),
        D(1000),
    )


@pytest.mark.parametrize(
    ("changes", "net"),
    [
        ({"baseAmount": 2000}, "2180"), ({"baseAmount": 1180, "gstExclusive": False}, "1180"), ({"tds": 100}, "1080"),
        ({"cgst": 0, "sgst": 0, "igst": 180}, "1180"), ({"netAmount": "1180.50"}, "1180.50"),
        ({"reverseCharge": True}, "1000"),
        ({"tds": 100, "netAmount": 1080}, "1080"), ({"baseAmount": 2000, "netAmount": "2180.25"}, "2180.25"),
        ({"otherCharges": 20, "tcs": 1}, "1201"),
    ],
)  # fmt: skip
def test_amounts_are_computed_as_at_create(changes: dict[str, Any], net: str) -> None:
    decision = patch(CURRENT, changes)
    assert codes(decision) == []
    assert decision.values.get("net_amount", CURRENT.net_amount) == D(net)
    assert decision.values.get("balance", CURRENT.balance) == D(net)


def test_round_off_goes_with_the_figures_it_belonged_to() -> None:
    assert patch(ROUNDED, {"tds": 10}).values["net_amount"] == D("1170.40")
    assert patch(ROUNDED, {"tds": 10, "netAmount": "1170.40"}, Lock.IRN).values["net_amount"] == D("1170.40")
    changed = patch(ROUNDED, {"baseAmount": 1001})
    assert (changed.values["round_off"], changed.values["net_amount"]) == (D(0), D(1181))
    again = patch(ROUNDED, {"netAmount": "1181"})
    assert (again.values["round_off"], again.values["net_amount"]) == (D(1), D(1181))
    assert codes(patch(ROUNDED, {"netAmount": "1181.40"})) == [("netAmount", "NET_AMOUNT_MISMATCH")]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"baseAmount": "NaN"}, ("baseAmount", "NOT_A_NUMBER")),
        ({"totalReceived": "sNaN"}, ("totalReceived", "NOT_A_NUMBER")),
        ({"baseAmount": "0.05"}, ("baseAmount", "TOO_SMALL")), ({"igst": 5}, ("igst", "TAX_HEADS_MIXED")),
        ({"netAmount": 900}, ("netAmount", "NET_AMOUNT_MISMATCH")), ({"tds": 1001}, ("tds", "TDS_EXCEEDS_TAXABLE")),
        ({"dueDate": date(2026, 10, 31)}, ("dueDate", "DUE_BEFORE_INVOICE_DATE")),
        ({"invoiceNumber": " "}, ("invoiceNumber", "NUMBER_LENGTH")),
        ({"receivableStatus": "paid"}, ("receivableStatus", "UNKNOWN_VALUE")),
        ({"approvalStatus": "YES"}, ("approvalStatus", "UNKNOWN_VALUE")),
        ({"balanceAmount": -1}, ("balanceAmount", "NEGATIVE")),
    ],
)  # fmt: skip
def test_wrong_content_is_400(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    decision = patch(CURRENT, changes)
    assert (codes(decision), decision.refusal) == ([problem], Invalid)
    assert (decision.values, decision.entries, decision.move) == ({}, [], None)


def test_every_problem_is_named_and_the_gravest_kind_decides() -> None:
    decision = patch(
        CURRENT,
        {"via": "x", "customerId": None, "tds": -1, "baseAmount": 5, "approvalStatus": "BANK_APPROVED"},
        Lock.IRN,
    )
    assert codes(decision) == [
        ("customerId", "NOT_CLEARABLE"), ("tds", "NEGATIVE"), ("baseAmount", "INVOICE_LOCKED_BY_IRN"),
        ("approvalStatus", "APPROVAL_NOT_WRITABLE"),
    ]  # fmt: skip
    assert decision.refusal is Invalid


def test_an_unknown_name_is_the_callers_bug() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        patch(CURRENT, {"nonsense": 1})


LOCKED_CHANGES: dict[str, Any] = {
    "customerId": "KC00000000000002", "invoiceNumber": "INV-2", "invoiceDate": date(2026, 11, 2), "gstExclusive": False,
    "baseAmount": 999, "cgst": "90.50", "sgst": "90.50", "igst": 180, "netAmount": "1180.50", "cess": 1, "discount": 1,
    "otherCharges": 1, "tcs": 1, "roundOff": "0.5", "reverseCharge": True, "placeOfSupply": "32",
}  # fmt: skip


def test_the_list_of_locked_fields() -> None:
    named = {
        "customerId",
        "invoiceNumber",
        "invoiceDate",
        "gstExclusive",
        "baseAmount",
        "cgst",
        "sgst",
        "igst",
        "netAmount",
    }
    assert named <= LOCKED_FIELDS
    assert set(LOCKED_CHANGES) == LOCKED_FIELDS - {"itemLists"}, (
        "lines are not decided here, only whether they may change"
    )


@pytest.mark.parametrize(
    ("lock", "permissions", "code"),
    [
        (Lock.NONE, NOBODY, None),
        (Lock.RETURNED, NOBODY, None),
        (Lock.DISPATCHED, NOBODY, "INVOICE_LOCKED"),
        (Lock.DISPATCHED, ALL, None),
        (Lock.IRN, ALL, "INVOICE_LOCKED_BY_IRN"),
    ],
)
def test_lines_stand_still_where_the_figures_do(lock: Lock, permissions: Permissions, code: str | None) -> None:
    decision = decide(CURRENT, {}, lock=lock, permissions=permissions, today=TODAY, other_lines=True)
    assert [problem.code for problem in decision.problems] == ([code] if code else [])
    assert decision.overridden == (("itemLists",) if lock is Lock.DISPATCHED and permissions is ALL else ())


@pytest.mark.parametrize("name", sorted(LOCKED_CHANGES))
def test_locked_fields_stand_still(name: str) -> None:
    changes = {name: LOCKED_CHANGES[name]} | ({"cgst": 0, "sgst": 0} if name == "igst" else {})
    dispatched = patch(CURRENT, changes, Lock.DISPATCHED)
    assert {code for _, code in codes(dispatched)} == {"INVOICE_LOCKED"}
    assert dispatched.refusal is NotAllowedNow
    opened = patch(CURRENT, changes, Lock.DISPATCHED, Permissions(override=True))
    assert (codes(opened), set(opened.overridden)) == ([], set(changes))
    with_irn = patch(CURRENT, changes, Lock.IRN, ALL)
    assert {code for _, code in codes(with_irn)} == {"INVOICE_LOCKED_BY_IRN"}
    assert with_irn.overridden == ()
    assert (codes(patch(CURRENT, changes)), patch(CURRENT, changes).overridden) == ([], ())


@pytest.mark.parametrize(
    "changes",
    [{"tds": 100}, {"totalReceived": 50}, {"balanceAmount": 1000}, {"receivableStatus": "DISPUTED"},
     {"dueDate": date(2026, 12, 9)},
     {"emailAddress": "a@example.com"}, {"description": None}, {"tds": 100, "netAmount": 1080}],
)  # fmt: skip
def test_open_fields_stay_open(changes: dict[str, Any]) -> None:
    for lock in Lock:
        assert codes(patch(CURRENT, changes, lock)) == []


@pytest.mark.parametrize(
    ("current", "changes", "entry", "balance", "move"),
    [
        (CURRENT, {"totalReceived": 180}, Entry(K.RECEIPT, D(180)), "1000", R.PARTIALLY_PAID),
        (CURRENT, {"totalReceived": 1180}, Entry(K.RECEIPT, D(1180)), "0", R.PAID),
        (PART_PAID, {"totalReceived": 200}, Entry(K.RECEIPT, D(20)), "980", None),
        (PART_PAID, {"balanceAmount": 900}, Entry(K.RECEIPT, D(100)), "900", None),
        (PART_PAID, {"balanceAmount": 0}, Entry(K.RECEIPT, D(1000)), "0", R.PAID),
        (PART_PAID, {"totalReceived": 280, "balanceAmount": 900}, Entry(K.RECEIPT, D(100)), "900", None),
        (PART_PAID, {"totalReceived": 80}, Entry(K.REVERSAL, D(-100)), "1100", None),
        (PART_PAID, {"totalReceived": 0}, Entry(K.REVERSAL, D(-180)), "1180", R.PENDING),
        (PAID, {"totalReceived": 80}, Entry(K.REVERSAL, D(-1100)), "1100", R.PARTIALLY_PAID),
        (PAID, {"totalReceived": 0}, Entry(K.REVERSAL, D(-1180)), "1180", R.PENDING),
        (DISPUTED, {"totalReceived": 100}, Entry(K.RECEIPT, D(100)), "1080", None),
        (DISPUTED, {"totalReceived": 1180}, Entry(K.RECEIPT, D(1180)), "0", R.PAID),
        (CURRENT, {"receivableStatus": "PAID"}, Entry(K.RECEIPT, D(1180)), "0", R.PAID),
        (DISPUTED, {"receivableStatus": "PAID"}, Entry(K.RECEIPT, D(1180)), "0", R.PAID),
        (PART_PAID, {"receivableStatus": "PAID", "tds": 100}, Entry(K.RECEIPT, D(900)), "0", R.PAID),
        (PART_PAID, {"receivableStatus": "WRITTEN_OFF"}, Entry(K.WRITE_OFF, D(1000)), "0", R.WRITTEN_OFF),
        (WRITTEN_OFF, {"receivableStatus": "PARTIALLY_PAID"}, Entry(K.WRITE_OFF, D(-1000)), "1000", R.PARTIALLY_PAID),
    ],
)  # fmt: skip
def test_money_becomes_entries(
    current: Current, changes: dict[str, Any], entry: Entry, balance: str, move: ReceivableStatus | None
) -> None:
    decision = patch(current, changes, Lock.DISPATCHED, ALL)
    assert codes(decision) == []
    assert (decision.entries, decision.values["balance"], decision.move) == ([entry], D(balance), move)


@pytest.mark.parametrize(
    ("current", "changes", "problem"),
    [
        (PART_PAID, {"totalReceived": 100}, ("totalReceived", "REVERSAL_NOT_PERMITTED")),
        (PART_PAID, {"totalReceived": "1180.01"}, ("totalReceived", "RECEIVED_EXCEEDS_NET")),
        (PART_PAID, {"balanceAmount": "1000.01"}, ("balanceAmount", "BALANCE_ABOVE_CURRENT")),
        (PART_PAID, {"totalReceived": 280, "balanceAmount": 1000}, ("balanceAmount", "BALANCE_INCONSISTENT")),
        (PAID, {"baseAmount": 900}, ("baseAmount", "NET_BELOW_RECEIVED")),
        (PAID, {"tds": 1}, ("tds", "NET_BELOW_RECEIVED")),
        (PAID, {"netAmount": 1179}, ("netAmount", "NET_BELOW_RECEIVED")),
        (WRITTEN_OFF, {"receivableStatus": "PARTIALLY_PAID"}, ("receivableStatus", "REVERSAL_NOT_PERMITTED")),
        (WRITTEN_OFF, {"receivableStatus": "PENDING"}, ("receivableStatus", "STATUS_NOT_COMPUTED")),
        (WRITTEN_OFF, {"totalReceived": 200}, ("totalReceived", "INVOICE_WRITTEN_OFF")),
        (CANCELLED, {"totalReceived": 200}, ("totalReceived", "INVOICE_CANCELLED")),
        (CANCELLED, {"dueDate": date(2026, 12, 2)}, ("dueDate", "INVOICE_CANCELLED")),
        (CURRENT, {"totalReceived": 10, "receivableStatus": "PAID"}, ("receivableStatus", "STATUS_NOT_COMPUTED")),
        (CURRENT, {"totalReceived": 10, "receivableStatus": "CANCELLED"},
         ("receivableStatus", "CANCEL_NEEDS_REVERSAL")),
        (CURRENT, {"totalReceived": 1180, "receivableStatus": "DISPUTED"}, ("receivableStatus", "NOTHING_OWED")),
        (PART_PAID, {"receivableStatus": "CANCELLED"}, ("receivableStatus", "MOVE_NOT_ALLOWED")),
        (msgspec.structs.replace(PART_PAID, receivable_status=R.DISPUTED), {"receivableStatus": "CANCELLED"},
         ("receivableStatus", "CANCEL_NEEDS_REVERSAL")),
        (CURRENT, {"approvalStatus": "MAKER_APPROVED"}, ("approvalStatus", "MOVE_NOT_ALLOWED")),
    ],
)  # fmt: skip
def test_what_is_not_allowed_now_is_422(current: Current, changes: dict[str, Any], problem: tuple[str, str]) -> None:
    decision = patch(current, changes)
    assert (codes(decision), decision.refusal) == ([problem], NotAllowedNow)
    assert (decision.values, decision.entries, decision.move) == ({}, [], None)


OVERDUE = {"dueDate": date(2026, 11, 20)}


@pytest.mark.parametrize(
    ("current", "changes", "accepted", "move"),
    [
        (CURRENT, {"receivableStatus": "PENDING"}, True, None), (CURRENT, {"receivableStatus": "OVERDUE"}, False, None),
        (CURRENT, {"receivableStatus": "OVERDUE", **OVERDUE}, True, None),
        (CURRENT, {"receivableStatus": "PENDING", **OVERDUE}, True, None),
        (CURRENT, {"receivableStatus": "PARTIALLY_PAID"}, False, None),
        (CURRENT, {"receivableStatus": "PARTIALLY_PAID", "totalReceived": 1}, True, R.PARTIALLY_PAID),
        (PART_PAID, {"receivableStatus": "PARTIALLY_PAID"}, True, None),
        (PART_PAID, {"receivableStatus": "PENDING"}, False, None),
        (PAID, {"receivableStatus": "PAID"}, True, None), (PAID, {"receivableStatus": "PENDING"}, False, None),
        (PAID, {"receivableStatus": "DISPUTED"}, False, None), (DISPUTED, {"receivableStatus": "DISPUTED"}, True, None),
        (DISPUTED, {"receivableStatus": "PENDING"}, True, R.PENDING),
        (DISPUTED, {"receivableStatus": "CANCELLED"}, True, R.CANCELLED),
        (CURRENT, {"receivableStatus": "DISPUTED"}, True, R.DISPUTED),
        (CURRENT, {"receivableStatus": "CANCELLED"}, True, R.CANCELLED),
        (CANCELLED, {"receivableStatus": "CANCELLED"}, True, None),
        (CANCELLED, {"receivableStatus": "PENDING"}, False, None),
        (CANCELLED, {"receivableStatus": "PAID"}, False, None),
        (WRITTEN_OFF, {"receivableStatus": "PAID"}, False, None),
        (WRITTEN_OFF, {"receivableStatus": "WRITTEN_OFF"}, True, None),
        (WRITTEN_OFF, {"receivableStatus": "OVERDUE"}, False, None),
    ],
)  # fmt: skip
def test_statuses_asked_for(
    current: Current, changes: dict[str, Any], accepted: bool, move: ReceivableStatus | None
) -> None:
    decision = patch(current, changes, permissions=ALL)
    assert (decision.refusal is None, decision.move) == (accepted, move)


def test_cancelling_beside_a_live_irn_is_warned_of() -> None:
    decision = patch(CURRENT, {"receivableStatus": "CANCELLED"}, Lock.IRN)
    assert (decision.move, [warning.code for warning in decision.warnings]) == (R.CANCELLED, ["IRN_STILL_LIVE"])


def test_approvals() -> None:
    waiting = msgspec.structs.replace(CURRENT, approval_status=ApprovalStatus.APPROVER_APPROVAL_PENDING)
    assert patch(waiting, {"approvalStatus": "APPROVER_APPROVED"}).approval_move is ApprovalStatus.APPROVER_APPROVED
    bank = patch(waiting, {"approvalStatus": "BANK_APPROVED"})
    assert (codes(bank), bank.refusal) == ([("approvalStatus", "APPROVAL_NOT_WRITABLE")], Forbidden)


def test_dispatch_now_is_passed_on() -> None:
    assert patch(CURRENT, {"dispatchNow": True}).dispatch_now
    assert not patch(CURRENT, {"dispatchNow": False}).dispatch_now
    assert not patch(CURRENT, {"dispatchNow": True, "tds": -1}).dispatch_now


def test_warnings_come_along() -> None:
    decision = patch(CURRENT, {"invoiceNumber": "_" * 20, "tds": "1.005", "invoiceDate": date(2026, 11, 25)})
    assert {warning.code for warning in decision.warnings} == {
        "NUMBER_OVER_16", "NUMBER_CHARACTERS", "ROUNDED", "INVOICE_DATE_IN_FUTURE",
    }  # fmt: skip


amount = st.one_of(
    st.none(),
    st.decimals(0, 2000, places=2),
    st.sampled_from([D(0), D(90), D(180), D(1000), D(1180), D("NaN"), D("1e400")]),
)
change = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ["baseAmount", "cgst", "sgst", "igst", "tds", "totalReceived", "balanceAmount", "otherCharges"], amount
        ),
        "netAmount": amount,
        "gstExclusive": st.booleans(),
        "receivableStatus": st.sampled_from([*R, "nonsense"]),
        "description": st.one_of(st.none(), st.text(max_size=3)),
    },
)
rupee = st.decimals(0, 2000, places=2)
one_change = st.one_of(
    change,
    st.builds(lambda value: {"baseAmount": value}, rupee),
    st.builds(lambda base, half: {"baseAmount": base, "cgst": half, "sgst": half, "igst": None}, rupee, rupee),
    st.builds(lambda tax, flag: {"cgst": None, "sgst": None, "igst": tax, "gstExclusive": flag}, rupee, st.booleans()),
    st.builds(lambda value: {"tds": value, "otherCharges": value}, st.decimals(0, 300, places=2)),
    st.builds(lambda off: {"netAmount": D(1180) + off}, st.decimals(-1, 1, places=2)),
    st.builds(lambda value: {"balanceAmount": value}, rupee),
    st.builds(lambda value: {"totalReceived": value}, st.decimals(0, 1300, places=2)),
    st.builds(lambda value: {"receivableStatus": value}, st.sampled_from(list(R))),
)


@given(st.lists(st.tuples(one_change, st.sampled_from(Lock), st.booleans()), max_size=12))
def test_no_sequence_of_patches_breaks_an_invoice(
    steps: list[tuple[dict[str, Any], Lock, bool]],
) -> None:
    current, entries = CURRENT, list[Entry]()
    for changes, lock, allowed in steps:
        permissions = Permissions(override=allowed, reverse_receipt=allowed)
        decision = decide(
            current, changes, lock=lock, permissions=permissions, today=TODAY, amount_mismatch=AmountMismatch.ERROR
        )
        assert bool(decision.problems) is (decision.refusal is not None)
        if decision.refusal is not None:
            assert (decision.values, decision.entries, decision.move) == ({}, [], None)
            continue
        entries += decision.entries
        if decision.move is not None:
            assert decision.move in RECEIVABLE_MOVES[current.receivable_status]
        if not allowed:
            assert all(entry.amount > 0 for entry in decision.entries)
        if not allowed and lock in {Lock.DISPATCHED, Lock.IRN}:
            assert not any(stored in decision.values for stored in ("base_amount", "cgst", "gst_exclusive"))
        known = {name: value for name, value in decision.values.items() if name in Current.__struct_fields__}
        current = msgspec.structs.replace(
            current,
            **known,
            adjusted=sum((entry.amount for entry in entries if entry.kind not in MONEY_KINDS), D(0)),
            written_off=sum((entry.amount for entry in entries if entry.kind is K.WRITE_OFF), D(0)),
            receivable_status=decision.move or current.receivable_status,
        )
        if "balance" in decision.values:
            assert decision.values["balance"] == current.balance
        hold(current, entries)


def hold(current: Current, entries: list[Entry]) -> None:
    """What every stored invoice keeps to."""
    assert current.balance == current.net_amount - sum(entry.amount for entry in entries) >= 0
    assert current.total_received == sum(entry.amount for entry in entries if entry.kind in MONEY_KINDS) >= 0
    assert current.net_amount == current.invoice_value - current.tds
    assert not ((current.cgst or current.sgst) and current.igst)
    if current.receivable_status is R.PENDING:
        assert current.balance == current.net_amount > 0
    if current.receivable_status is R.PARTIALLY_PAID:
        assert 0 < current.balance < current.net_amount
    if current.receivable_status in {R.PAID, R.WRITTEN_OFF}:
        assert current.balance == 0
    if current.receivable_status is R.CANCELLED:
        assert current.total_received == 0
    again = compute(
        AmountsIn(
            base_amount=current.base_amount, gst_exclusive=current.gst_exclusive, cgst=current.cgst, sgst=current.sgst,
            igst=current.igst, other_charges=current.other_charges, tds=current.tds, net_amount=current.net_amount,
        )
    )  # fmt: skip
    assert (again.errors, again.net_amount, again.invoice_value) == ([], current.net_amount, current.invoice_value)


def test_what_the_buyer_returned_may_be_corrected_but_not_given_to_another() -> None:
    opened = patch(CURRENT, {"baseAmount": 900, "invoiceNumber": "R-2"}, Lock.RETURNED)
    assert (opened.problems, opened.values["base_amount"], opened.values["invoice_number"]) == ([], D(900), "R-2")
    assert opened.overridden == ()
    for permissions in (NOBODY, Permissions(override=True)):
        decision = patch(CURRENT, {"customerId": "KC0123456789ABCD", "baseAmount": 900}, Lock.RETURNED, permissions)
        assert [(one.field, one.code) for one in decision.problems] == [("customerId", "BUYER_FIXED_ON_NETWORK")]
        assert decision.values == {}
