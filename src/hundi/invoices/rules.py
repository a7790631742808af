"""The states of an invoice and of its entries, one table of moves for each axis (domain §3 and §4). Pure decisions."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown
from hundi.kit.states import find_state


class ApprovalStatus(StrEnum):
    """The ten documented names of ``approvalStatus``."""

    MAKER_APPROVAL_PENDING = "MAKER_APPROVAL_PENDING"
    MAKER_APPROVED = "MAKER_APPROVED"
    MAKER_REJECTED = "MAKER_REJECTED"
    CHECKER_APPROVAL_PENDING = "CHECKER_APPROVAL_PENDING"
    CHECKER_APPROVED = "CHECKER_APPROVED"
    CHECKER_REJECTED = "CHECKER_REJECTED"
    APPROVER_APPROVAL_PENDING = "APPROVER_APPROVAL_PENDING"
    APPROVER_APPROVED = "APPROVER_APPROVED"
    APPROVER_REJECTED = "APPROVER_REJECTED"
    BANK_APPROVED = "BANK_APPROVED"


class ReceivableStatus(StrEnum):
    """What has become of the money. ``OVERDUE`` is shown and searched for, never stored (domain §4)."""

    PENDING = "PENDING"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    DISPUTED = "DISPUTED"
    CANCELLED = "CANCELLED"
    WRITTEN_OFF = "WRITTEN_OFF"
    OVERDUE = "OVERDUE"


class PayoutStatus(StrEnum):
    """How far a payout to the seller has come."""

    NOT_INITIATED = "NOT_INITIATED"
    INITIATED = "INITIATED"
    PROCESSING = "PROCESSING"
    PAID = "PAID"
    FAILED = "FAILED"


class DispatchStatus(StrEnum):
    """How far an invoice has come on its way to the customer; ``UNKNOWN``: the attempt may or may not have arrived."""

    NOT_DISPATCHED = "NOT_DISPATCHED"
    QUEUED = "QUEUED"
    DISPATCHED = "DISPATCHED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


class EntryKind(StrEnum):
    """What changes a balance (domain §3). Amounts are signed: balance = net amount less the sum of all entries."""

    RECEIPT = "RECEIPT"
    OPENING = "OPENING"
    TDS_INCOME_TAX = "TDS_INCOME_TAX"
    TDS_GST = "TDS_GST"
    CREDIT_NOTE = "CREDIT_NOTE"
    DISCOUNT = "DISCOUNT"
    ADVANCE = "ADVANCE"
    ROUND_OFF = "ROUND_OFF"
    WRITE_OFF = "WRITE_OFF"
    REVERSAL = "REVERSAL"


class CreatedVia(StrEnum):
    """Where an invoice came from (domain §4)."""

    API = "API"
    BULK_UPLOAD = "BULK_UPLOAD"
    CONSOLE = "CONSOLE"
    CLI = "CLI"
    BHARAT_CONNECT = "BHARAT_CONNECT"
    TALLY = "TALLY"
    RECURRING = "RECURRING"


class SentVia(StrEnum):
    """The ways of sending that we write into ``via`` ourselves; callers may put any text there (domain §4)."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    LINK = "LINK"
    BHARAT_CONNECT = "BHARAT_CONNECT"


class Labelled(msgspec.Struct, frozen=True):
    """A status on output: a label for people and the name for programs."""

    label: str
    name: str


A = ApprovalStatus
R = ReceivableStatus
D = DispatchStatus

MONEY_KINDS: Final = frozenset({EntryKind.RECEIPT, EntryKind.OPENING, EntryKind.ADVANCE, EntryKind.REVERSAL})
"""The kinds whose sum is ``totalReceived``. A ``REVERSAL`` is a negative amount that takes money back; an entry of
another kind is corrected by a negative entry of its own kind, so that money and adjustments never mix."""

STORED_STATUSES: Final = tuple(status for status in R if status is not R.OVERDUE)
OPEN_STATUSES: Final = frozenset({R.PENDING, R.PARTIALLY_PAID})
"""Money is awaited: these turn overdue, are reminded of and are aged."""

RECEIVABLE_MOVES: Final[Mapping[ReceivableStatus, frozenset[ReceivableStatus]]] = {
    R.PENDING: frozenset({R.PARTIALLY_PAID, R.PAID, R.DISPUTED, R.CANCELLED, R.WRITTEN_OFF}),
    # Back to PENDING: the receipt was reversed. Cancelling needs that first, so CANCELLED is no move from here.
    R.PARTIALLY_PAID: frozenset({R.PENDING, R.PAID, R.DISPUTED, R.WRITTEN_OFF}),
    R.PAID: frozenset({R.PENDING, R.PARTIALLY_PAID}),
    # A dispute ends in what the money says, or in giving the claim up.
    R.DISPUTED: frozenset({R.PENDING, R.PARTIALLY_PAID, R.PAID, R.CANCELLED, R.WRITTEN_OFF}),
    # The number of a cancelled invoice is burnt; nothing leads out of here.
    R.CANCELLED: frozenset(),
    # A bad debt that is paid after all is reinstated first.
    R.WRITTEN_OFF: frozenset({R.PENDING, R.PARTIALLY_PAID}),
}

_PENDING: Final = (A.MAKER_APPROVAL_PENDING, A.CHECKER_APPROVAL_PENDING, A.APPROVER_APPROVAL_PENDING)

APPROVAL_MOVES: Final[Mapping[ApprovalStatus, frozenset[ApprovalStatus]]] = {
    A.MAKER_APPROVAL_PENDING: frozenset({A.MAKER_APPROVED, A.MAKER_REJECTED}),
    # Which of the two follows is for the policy to say; nobody chooses it (hundi.invoices.approvals).
    A.MAKER_APPROVED: frozenset({A.CHECKER_APPROVAL_PENDING, A.APPROVER_APPROVAL_PENDING}),
    A.CHECKER_APPROVAL_PENDING: frozenset({A.CHECKER_APPROVED, A.CHECKER_REJECTED}),
    A.CHECKER_APPROVED: frozenset({A.APPROVER_APPROVAL_PENDING}),
    A.APPROVER_APPROVAL_PENDING: frozenset({A.APPROVER_APPROVED, A.APPROVER_REJECTED}),
    A.APPROVER_APPROVED: frozenset(),
    # What was refused is put right and starts again, in a new round, with the policy's first step.
    A.MAKER_REJECTED: frozenset(_PENDING),
    A.CHECKER_REJECTED: frozenset(_PENDING),
    A.APPROVER_REJECTED: frozenset(_PENDING),
    A.BANK_APPROVED: frozenset(),
}

DISPATCH_MOVES: Final[Mapping[DispatchStatus, frozenset[DispatchStatus]]] = {
    D.NOT_DISPATCHED: frozenset({D.QUEUED}),
    D.QUEUED: frozenset({D.DISPATCHED, D.FAILED, D.UNKNOWN}),
    D.DISPATCHED: frozenset({D.QUEUED}),
    D.FAILED: frozenset({D.QUEUED}),
    D.UNKNOWN: frozenset({D.QUEUED, D.DISPATCHED, D.FAILED}),
}

P = PayoutStatus
PAYOUT_MOVES: Final[Mapping[PayoutStatus, frozenset[PayoutStatus]]] = {
    # PAID from here and from FAILED: the network has it as paid, and the books owe nothing any more.
    P.NOT_INITIATED: frozenset({P.INITIATED, P.PAID}),
    # Back to NOT_INITIATED: the supplier rejected it, or it was a part and the rest is still to come.
    P.INITIATED: frozenset({P.PROCESSING, P.PAID, P.NOT_INITIATED, P.FAILED}),
    P.PROCESSING: frozenset({P.PAID, P.NOT_INITIATED, P.FAILED}),
    P.FAILED: frozenset({P.INITIATED, P.PAID}),
    # What was confirmed was taken back in the books, or more is asked than was paid.
    P.PAID: frozenset({P.FAILED, P.NOT_INITIATED}),
}
"""How a payment over the network moves: by the network's word (contract b2b §8.3), and once that has ended by the books."""

PENDING_APPROVALS: Final = frozenset(_PENDING)
STEPS: Final = ("MAKER", "CHECKER", "APPROVER")
"""The steps of an approval in their order; a policy has some of them, always with the last."""

APPROVAL_RESTARTS: Final[Mapping[ApprovalStatus, frozenset[ApprovalStatus]]] = {
    status: frozenset() if status is A.BANK_APPROVED else frozenset(_PENDING) for status in A
}
"""Where an approval begins anew because what was approved was changed: moves no caller asks for, each a new round."""

APPROVED: Final = frozenset({A.APPROVER_APPROVED, A.BANK_APPROVED})
"""What may be dispatched."""

_CAPITALS: Final[Mapping[str, str]] = {
    "SMS": "SMS", "API": "API", "CLI": "CLI", "WHATSAPP": "WhatsApp", "TDS_GST": "TDS (GST)",
    "TDS_INCOME_TAX": "TDS (income tax)", "BULK_UPLOAD": "Bulk upload", "BHARAT_CONNECT": "Bharat Connect",
    "WRITTEN_OFF": "Written off", "WRITE_OFF": "Write-off", "ROUND_OFF": "Round-off", "EMAIL": "E-mail",
}  # fmt: skip


def label(name: str) -> str:
    """Write a status or kind for people: ``PARTIALLY_PAID`` → ``Partially paid``."""
    return _CAPITALS.get(name) or name.replace("_", " ").capitalize()


def labelled(name: str) -> Labelled:
    """Give the ``{label, name}`` of a status."""
    return Labelled(label(name), str(name))


def status_by_money(net: Decimal, balance: Decimal) -> ReceivableStatus:
    """Say what the money alone says: ``PAID`` at a balance of zero or below, ``PENDING`` while it is whole."""
    if balance <= 0:
        return R.PAID
    return R.PENDING if balance >= net else R.PARTIALLY_PAID


def status_after(stored: ReceivableStatus, net: Decimal, balance: Decimal) -> ReceivableStatus:
    """Give the status to store after the amounts changed.

    A dispute stays one until all is paid; ``CANCELLED`` and ``WRITTEN_OFF`` are left by moves only.
    """
    if stored in {R.CANCELLED, R.WRITTEN_OFF}:
        return stored
    by_money = status_by_money(net, balance)
    return stored if stored is R.DISPUTED and by_money is not R.PAID else by_money


def read_place(text: str) -> tuple[str | None, FieldProblem | None]:
    """Give the GST code of a place of supply by its name, letters or code, or what is wrong with it (domain §2)."""
    state = find_state(text)
    if state is None:
        message = "Send a state's name, its two letters or its GST code."
        return None, FieldProblem("placeOfSupply", "STATE_UNKNOWN", message, text)
    return state.code, None


SETTLED_ON_NETWORK: Final = frozenset({"PAID", "CLOSED"})
"""The network's statuses of an invoice for which every payment is confirmed (contract b2b §8.2)."""


def payout_by_money(
    stored: PayoutStatus, network_status: str | None, receivable: ReceivableStatus, *, money_fell: bool
) -> PayoutStatus:
    """Give the payout of an invoice whose receivable status is ``receivable``, now that its money has changed.

    The network has no message that takes a confirmed payment back (contract b2b §6.2, §8.3): there it stays paid, and only
    the books know that the money is gone. PAID with something owed is FAILED where money was taken back (a cheque that
    bounced), else NOT_INITIATED: a part is left. Where the network has it as paid and nothing is owed it is PAID.
    """
    if stored is P.PAID and receivable in {*OPEN_STATUSES, R.DISPUTED}:
        return P.FAILED if money_fell else P.NOT_INITIATED
    if stored in {P.FAILED, P.NOT_INITIATED} and network_status in SETTLED_ON_NETWORK and receivable is R.PAID:
        return P.PAID
    return stored


def shown_status(stored: ReceivableStatus, due_date: date, today: date) -> ReceivableStatus:
    """Give the status to show on ``today`` (in India): ``OVERDUE`` for open ones after their due date, not on it."""
    return R.OVERDUE if stored in OPEN_STATUSES and due_date < today else stored


def tds_adjustment(expected: Decimal, recorded: Decimal | None, actual: Decimal) -> Decimal:
    """Give the entry amount for tax actually deducted; the net amount already leaves out the ``expected`` (domain §3).

    ``recorded`` is what earlier certificates said, ``None`` when this is the first. The first one counts against the
    expected: more reduces the balance, less comes back to it (a negative amount); later ones count whole.
    """
    return actual - expected if recorded is None else actual


def check_dates(invoice_date: date, due_date: date, today: date) -> tuple[list[FieldProblem], list[FieldProblem]]:
    """List errors and warnings on an invoice's dates (domain §5).

    An invoice date given as an instant counts by its day in India. A due date before the invoice is an error, one
    in the past is not; an invoice date after ``today`` is a warning (an error where an e-invoice is made).
    """
    invoiced = ist_date(invoice_date) if isinstance(invoice_date, datetime) else invoice_date
    errors, warnings = [], []
    if due_date < invoiced:
        message = f"dueDate may not lie before the invoice date, {invoiced}."
        errors.append(FieldProblem("dueDate", "DUE_BEFORE_INVOICE_DATE", message, str(due_date)))
    if invoiced > today:
        message = f"The invoice date lies in the future; today is {today}."
        warnings.append(FieldProblem("invoiceDate", "INVOICE_DATE_IN_FUTURE", message, str(invoiced)))
    return errors, warnings


class BirthApproval(msgspec.Struct, frozen=True):
    """With which approval an invoice is born; ``forbidden`` (403) or ``invalid`` (400): what was asked may not be.

    ``maker_done``: the maker's step is passed with the birth, as the creator's own.
    """

    status: ApprovalStatus
    maker_done: bool = False
    forbidden: FieldProblem | None = None
    invalid: FieldProblem | None = None


def pending(step: str) -> ApprovalStatus:
    """Give the status in which an invoice waits for a step."""
    return A(f"{step}_APPROVAL_PENDING")


def step_of(status: ApprovalStatus) -> str:
    """Give the step a status belongs to: ``CHECKER_REJECTED`` → ``CHECKER``."""
    return status.value.split("_", 1)[0]


def step_after(step: str, steps: Sequence[str]) -> str | None:
    """Give the step of a policy that follows ``step`` (which need not be one of its own), or None after the last."""
    later = STEPS[STEPS.index(step) + 1 :]
    return next((name for name in steps if name in later), None)


def approval_at_birth(asked: str | None, steps: Sequence[str] = ()) -> BirthApproval:
    """Decide ``approvalStatus`` at create (domain §4); create_invoice() in the database decides the same.

    ``steps`` are those of the policy that holds for the amount, empty without one. Without a policy every invoice is
    born ``APPROVER_APPROVED``, whatever is asked (nobody could ever approve it); under one only a ``*_PENDING`` or
    nothing is obeyed, and a later step than the first only where the maker's own is all that it passes over.
    ``BANK_APPROVED`` is never writable.
    """
    born = pending(steps[0]) if steps else A.APPROVER_APPROVED
    if asked is None:
        return BirthApproval(born)
    if asked not in A.__members__:
        message = f"Use one of {', '.join(A)}."
        return BirthApproval(born, invalid=FieldProblem("approvalStatus", "UNKNOWN_VALUE", message, shown(asked)))
    wanted = A(asked)
    at = None
    if steps and wanted in PENDING_APPROVALS:
        at = next((n for n, step in enumerate(steps) if STEPS.index(step) >= STEPS.index(step_of(wanted))), None)
    passed_over = steps[:at] if at is not None else ()
    if wanted is A.BANK_APPROVED or (steps and (at is None or any(step != "MAKER" for step in passed_over))):
        message = "An invoice cannot be born approved: leave approvalStatus out and let it be approved."
        return BirthApproval(born, forbidden=FieldProblem("approvalStatus", "APPROVAL_NOT_WRITABLE", message, asked))
    return BirthApproval(pending(steps[at]), maker_done=bool(passed_over)) if at is not None else BirthApproval(born)
