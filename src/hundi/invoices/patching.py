"""What a PATCH does to an invoice (domain §3 and §4, design §5): decided here on plain values, carried out elsewhere.

Absent = leave, ``None`` = clear, a value = set. Sending what already stands is no change, so a client may send whole
objects back. Text may be cleared; so may the taxes and tds, which become zero; nothing else.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from hundi.gst.numbers import number_error, number_warnings
from hundi.invoices.amounts import AmountMismatch, AmountsIn, AmountsOut, Entry, compute
from hundi.invoices.patch_fields import (
    CLEARED_TO_ZERO,
    COMPUTED_FIELDS,
    FIGURE_FIELDS,
    FLAG_FIELDS,
    IDENTITY_FIELDS,
    LOCKED_FIELDS,
    MONEY_FIELDS,
    OPEN_WHEN_RETURNED,
    PATCH_FIELDS,
    SWITCH_FIELDS,
    TEXT_FIELDS,
    Current,
    Lock,
    PatchDecision,
    Permissions,
)
from hundi.invoices.rules import (
    APPROVAL_MOVES,
    RECEIVABLE_MOVES,
    ApprovalStatus,
    EntryKind,
    ReceivableStatus,
    check_dates,
    label,
    shown_status,
    status_after,
    status_by_money,
)
from hundi.kit.errors import FieldProblem, Forbidden, Invalid, NotAllowedNow, Refusal
from hundi.kit.money import ZERO, checked_amount, format_inr, shown

R = ReceivableStatus


class _Draft:
    """The decision while it is being made."""

    def __init__(self, current: Current, asked: dict[str, Any], permissions: Permissions) -> None:
        self.current = current
        self.asked = asked
        self.permissions = permissions
        self.values: dict[str, Any] = {}
        self.entries: list[Entry] = []
        self.warnings: list[FieldProblem] = []
        self.found: list[tuple[type[Refusal], FieldProblem]] = []
        self.changed: set[str] = set()
        self.net = current.net_amount
        self.received = current.total_received
        self.adjusted = current.adjusted
        self.sums_hold = True

    @property
    def balance(self) -> Decimal:
        return self.net - self.received - self.adjusted

    def refuse(self, kind: type[Refusal], field: str, code: str, message: str) -> None:
        value = self.asked.get(field)
        rejected = None if value is None else shown(value)
        self.found.append((kind, FieldProblem(field, code, message, rejected)))

    def write(self, kind: EntryKind, amount: Decimal) -> None:
        self.entries.append(Entry(kind, amount))


def decide(
    current: Current,
    changes: Mapping[str, Any],
    *,
    lock: Lock,
    permissions: Permissions,
    today: date,
    amount_mismatch: AmountMismatch = AmountMismatch.ERROR,
    other_lines: bool = False,
) -> PatchDecision:
    """Decide a PATCH and list every problem; never raises on what a client can send.

    ``changes`` has wire names with parsed values: ``Decimal``, ``bool``, ``str``, ``date`` (dueDate), ``datetime``
    (invoiceDate), ``None`` to clear; statuses are plain text. ``today`` is the day in India. ``other_lines``: the invoice
    is to have other lines, which stand still where its figures do. An unknown name raises ``ValueError``: the schema
    should have dropped it.
    """
    unknown = set(changes) - PATCH_FIELDS
    if unknown:
        message = f"not fields of a PATCH: {', '.join(sorted(unknown))}"
        raise ValueError(message)
    draft = _Draft(current, {name: value for name, value in changes.items() if value is not None}, permissions)
    if other_lines:
        draft.changed.add("itemLists")
    _clear(draft, changes)
    _clean_amounts(draft)
    _set_plain(draft, today)
    _recompute(draft, amount_mismatch)
    _keep_certified(draft)
    overridden = _check_lock(draft, lock)
    _check_final(draft)
    if draft.sums_hold:
        _settle_received(draft)
    target = _settle_status(draft, today) if draft.sums_hold else current.receivable_status
    approval = _settle_approval(draft)
    _check_value(draft)
    if lock is Lock.IRN and target is R.CANCELLED and current.receivable_status is not R.CANCELLED:
        message = "The IRN stands until it is cancelled at the portal, within 24 hours of its birth."
        draft.warnings.append(FieldProblem("receivableStatus", "IRN_STILL_LIVE", message, R.CANCELLED.value))
    return _decision(draft, target, approval, overridden)


def _decision(
    draft: _Draft, target: ReceivableStatus, approval: ApprovalStatus | None, overridden: tuple[str, ...]
) -> PatchDecision:
    kinds = {kind for kind, _ in draft.found}
    refusal = next((kind for kind in (Invalid, Forbidden, NotAllowedNow) if kind in kinds), None)
    current = draft.current
    if refusal is None:
        for name, now, before in (
            ("total_received", draft.received, current.total_received),
            ("balance", draft.balance, current.balance),
        ):
            if now != before:
                draft.values[name] = now
    moved = refusal is None and target is not current.receivable_status
    return PatchDecision(
        values={} if refusal else draft.values,
        entries=[] if refusal else draft.entries,
        move=target if moved else None,
        approval_move=None if refusal else approval,
        dispatch_now=refusal is None and draft.asked.get("dispatchNow") is True,
        overridden=() if refusal else overridden,
        problems=[problem for _, problem in draft.found],
        warnings=draft.warnings,
        refusal=refusal,
    )


def _clear(draft: _Draft, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if value is not None:
            continue
        if name in TEXT_FIELDS:
            draft.values[TEXT_FIELDS[name]] = None
        elif name == "placeOfSupply":
            # Nothing tells where the customer is: what stood was sent with the invoice, and is cleared.
            if draft.current.place_of_supply is not None:
                draft.changed.add(name)
                draft.values["place_of_supply"] = None
        elif name in CLEARED_TO_ZERO:
            draft.asked[name] = ZERO
        else:
            draft.refuse(Invalid, name, "NOT_CLEARABLE", f"{name} cannot be cleared: leave it out, or send a value.")


def _clean_amounts(draft: _Draft) -> None:
    """Round the sent amounts to paise, before anything is compared with what stands."""
    for name in (*FIGURE_FIELDS, *MONEY_FIELDS):
        if name not in draft.asked:
            continue
        checked = checked_amount(name, draft.asked[name], may_be_negative=name == "roundOff")
        if checked.error:
            draft.found.append((Invalid, checked.error))
            draft.sums_hold = False
            del draft.asked[name]
            continue
        draft.asked[name] = checked.value
        if checked.warning:
            draft.warnings.append(checked.warning)


def _set_plain(draft: _Draft, today: date) -> None:
    """Set text, flags, customer, number and dates."""
    for names in (TEXT_FIELDS, FLAG_FIELDS):
        draft.values.update({stored: draft.asked[name] for name, stored in names.items() if name in draft.asked})
    for name, stored in IDENTITY_FIELDS.items():
        if name in draft.asked and draft.asked[name] != getattr(draft.current, stored):
            draft.changed.add(name)
            draft.values[stored] = draft.asked[name]
    if "invoiceNumber" in draft.changed:
        error = number_error(draft.asked["invoiceNumber"])
        if error:
            draft.found.append((Invalid, error))
        else:
            draft.warnings.extend(number_warnings(draft.asked["invoiceNumber"]))
    if draft.changed & {"invoiceDate", "dueDate"}:
        invoiced = draft.values.get("invoice_date", draft.current.invoice_date)
        errors, warnings = check_dates(invoiced, draft.values.get("due_date", draft.current.due_date), today)
        draft.found.extend((Invalid, problem) for problem in errors)
        draft.warnings.extend(warnings if "invoiceDate" in draft.changed else [])


def _recompute(draft: _Draft, amount_mismatch: AmountMismatch) -> None:
    """Compute the figures anew, by the rules of create, when any of them changes."""
    current, asked = draft.current, draft.asked
    figures = {stored: asked.get(name, getattr(current, stored)) for name, stored in COMPUTED_FIELDS.items()}
    differing = {name for name, stored in COMPUTED_FIELDS.items() if figures[stored] != getattr(current, stored)}
    draft.changed |= differing
    if not differing or not draft.sums_hold:
        return
    gross_stands = differing <= {"tds", "netAmount", "discount"}
    expected = current.invoice_value - figures["tds"]
    repeats = gross_stands and asked.get("netAmount", expected) == expected
    if repeats:
        # A net amount that only repeats what the new tds makes of it touches no locked figure.
        draft.changed.discard("netAmount")
    if "roundOff" not in asked and not repeats:
        # What was rounded before says nothing about new figures; while those stand, their round-off stands with them.
        figures["round_off"] = ZERO
    if "netAmount" not in asked:
        figures["net_amount"] = None
    out = compute(AmountsIn(**figures, amount_mismatch=amount_mismatch))
    draft.found.extend((Invalid, problem) for problem in out.errors)
    draft.warnings.extend(out.warnings)
    if out.errors:
        draft.sums_hold = False
        return
    draft.net = out.net_amount
    _take_figures(draft, out)


def _keep_certified(draft: _Draft) -> None:
    """Let the certificates decide once there are some: another expected tds then leaves the balance as it is.

    They count by their difference from the expected (domain §3), so what the net amount loses to a larger one comes back.
    """
    before, after = draft.current.tds, draft.values.get("tds", draft.current.tds)
    if draft.current.tds_certified and draft.sums_hold and before != after:
        draft.write(EntryKind.TDS_INCOME_TAX, before - after)
        draft.adjusted += before - after


def _check_value(draft: _Draft) -> None:
    """Keep the balance within the document's value, which notes in the customer's disfavour could pass."""
    value: Decimal = draft.values.get("invoice_value", draft.current.invoice_value)
    if draft.sums_hold and not draft.found and draft.balance > value:
        field = next(
            (name for name in (*MONEY_FIELDS, "tds", "baseAmount", "netAmount") if name in draft.asked), "netAmount"
        )
        message = (
            f"The balance would be {format_inr(draft.balance)}, more than the document's value, {format_inr(value)}."
        )
        draft.refuse(NotAllowedNow, field, "BALANCE_ABOVE_VALUE", message)


def _take_figures(draft: _Draft, out: AmountsOut) -> None:
    for name, stored in SWITCH_FIELDS.items():
        if name in draft.changed:
            draft.values[stored] = draft.asked[name]
    for stored in FIGURE_FIELDS.values():
        value: Decimal = getattr(out, stored)
        if value != getattr(draft.current, stored):
            draft.values[stored] = value
    draft.values["taxable_value"] = out.taxable_value
    draft.values["invoice_value"] = out.invoice_value


def _check_lock(draft: _Draft, lock: Lock) -> tuple[str, ...]:
    """Refuse changes of locked fields, or name those that the override opens."""
    closed = LOCKED_FIELDS - OPEN_WHEN_RETURNED if lock is Lock.RETURNED else LOCKED_FIELDS
    touched = tuple(sorted(draft.changed & closed))
    if lock is Lock.NONE or not touched:
        return ()
    if lock is Lock.DISPATCHED and draft.permissions.override:
        return touched
    for name in touched:
        if lock is Lock.IRN:
            message = "The invoice has an IRN: cancel that within 24 hours, or issue a credit or debit note."
            draft.refuse(NotAllowedNow, name, "INVOICE_LOCKED_BY_IRN", message)
        elif lock is Lock.RETURNED:
            message = "The buyer who returned it stays the buyer: cancel the invoice and issue another."
            draft.refuse(NotAllowedNow, name, "BUYER_FIXED_ON_NETWORK", message)
        else:
            message = (
                "The invoice has been dispatched: cancel it and issue another, or ask for the override permission."
            )
            draft.refuse(NotAllowedNow, name, "INVOICE_LOCKED", message)
    return ()


def _check_final(draft: _Draft) -> None:
    """Leave the figures, dates and money of a cancelled or written-off invoice alone."""
    stored = draft.current.receivable_status
    if stored not in {R.CANCELLED, R.WRITTEN_OFF}:
        return
    standing = {"totalReceived": draft.current.total_received, "balanceAmount": draft.current.balance}
    touched = draft.changed | {name for name in MONEY_FIELDS if draft.asked.get(name, standing[name]) != standing[name]}
    way_out = "only its text may change" if stored is R.CANCELLED else "reinstate it first by its receivableStatus"
    for name in sorted(touched):
        message = f"The invoice is {label(stored).lower()}: {way_out}."
        draft.refuse(NotAllowedNow, name, f"INVOICE_{stored.value}", message)
    if touched:
        draft.sums_hold = False


def _settle_received(draft: _Draft) -> None:
    """Turn ``totalReceived`` and ``balanceAmount`` into an entry (domain §3)."""
    total: Decimal | None = draft.asked.get("totalReceived")
    balance: Decimal | None = draft.asked.get("balanceAmount")
    if total is not None and balance is not None and total + balance + draft.adjusted != draft.net:
        net = format_inr(draft.net)
        message = f"totalReceived and balanceAmount do not fit the net amount, {net}: send one of them only."
        draft.refuse(NotAllowedNow, "balanceAmount", "BALANCE_INCONSISTENT", message)
        return
    wanted = draft.received
    if total is not None:
        wanted = total
    elif balance is not None:
        if balance > max(draft.balance, ZERO):
            message = f"The balance is {format_inr(draft.balance)} and can only fall: lower totalReceived instead."
            draft.refuse(NotAllowedNow, "balanceAmount", "BALANCE_ABOVE_CURRENT", message)
            return
        wanted = draft.received + draft.balance - balance
    room = draft.net - draft.adjusted
    if wanted > room and (wanted != draft.received or draft.net != draft.current.net_amount):
        _refuse_excess(draft, wanted, room)
        return
    difference = wanted - draft.received
    if difference < 0 and not draft.permissions.reverse_receipt:
        received = format_inr(draft.received)
        message = f"{received} has been received: taking money back needs the permission to reverse receipts."
        draft.refuse(NotAllowedNow, "totalReceived", "REVERSAL_NOT_PERMITTED", message)
        return
    if difference:
        draft.write(EntryKind.RECEIPT if difference > 0 else EntryKind.REVERSAL, difference)
        draft.received = wanted


def _refuse_excess(draft: _Draft, wanted: Decimal, room: Decimal) -> None:
    if wanted != draft.received:
        message = f"At most {format_inr(max(room, ZERO))} can be received on this invoice."
        draft.refuse(NotAllowedNow, "totalReceived", "RECEIVED_EXCEEDS_NET", message)
        return
    settled = format_inr(draft.received + draft.adjusted)
    field = next((name for name in ("netAmount", "tds", "baseAmount") if name in draft.asked), "netAmount")
    message = f"{settled} has already been received or settled: the net amount may not fall below it."
    draft.refuse(NotAllowedNow, field, "NET_BELOW_RECEIVED", message)


def _settle_status(draft: _Draft, today: date) -> ReceivableStatus:
    """Give the status to store: what was asked where that is allowed, else what the money says (domain §4)."""
    stored = draft.current.receivable_status
    asked = draft.asked.get("receivableStatus")
    if asked is None:
        return status_after(stored, draft.net, draft.balance)
    if asked not in R.__members__:
        draft.refuse(Invalid, "receivableStatus", "UNKNOWN_VALUE", f"Use one of {', '.join(R)}.")
        return stored
    wanted = R(asked)
    if wanted is stored and wanted in {R.DISPUTED, R.CANCELLED, R.WRITTEN_OFF}:
        return status_after(stored, draft.net, draft.balance)
    if wanted in {R.PENDING, R.PARTIALLY_PAID, R.OVERDUE}:
        return _confirm(draft, wanted, today)
    if wanted is not stored and wanted not in RECEIVABLE_MOVES[stored]:
        return _illegal(draft, wanted)
    return _pay_in_full(draft) if wanted is R.PAID else _give_up(draft, wanted)


def _give_up(draft: _Draft, wanted: ReceivableStatus) -> ReceivableStatus:
    """Dispute, cancel or write off; the table of moves has already been asked."""
    stored = draft.current.receivable_status
    if wanted is R.CANCELLED and (draft.received or draft.adjusted):
        message = "Money or notes stand against the invoice: reverse them before it is cancelled."
        draft.refuse(NotAllowedNow, "receivableStatus", "CANCEL_NEEDS_REVERSAL", message)
        return stored
    if wanted is not R.CANCELLED and draft.balance <= 0:
        message = f"Nothing is owed any more: there is nothing left to be {label(wanted).lower()}."
        draft.refuse(NotAllowedNow, "receivableStatus", "NOTHING_OWED", message)
        return stored
    if wanted is R.WRITTEN_OFF:
        owed = draft.balance
        draft.write(EntryKind.WRITE_OFF, owed)
        draft.adjusted += owed
    return wanted


def _confirm(draft: _Draft, wanted: ReceivableStatus, today: date) -> ReceivableStatus:
    """Accept PENDING, PARTIALLY_PAID or OVERDUE when the money says so; that also ends a dispute or a write-off."""
    stored = draft.current.receivable_status
    if stored is R.CANCELLED:
        return _illegal(draft, wanted)
    returned = draft.current.written_off if stored is R.WRITTEN_OFF else ZERO
    by_money = status_by_money(draft.net, draft.balance + returned)
    due: date = draft.values.get("due_date", draft.current.due_date)
    showing = shown_status(by_money, due, today)
    if wanted not in {by_money, showing}:
        message = f"The money says {showing.value}: record a receipt, or leave receivableStatus out."
        draft.refuse(NotAllowedNow, "receivableStatus", "STATUS_NOT_COMPUTED", message)
        return stored
    if returned:
        if not draft.permissions.reverse_receipt:
            message = "Reinstating a written-off invoice needs the permission to reverse receipts."
            draft.refuse(NotAllowedNow, "receivableStatus", "REVERSAL_NOT_PERMITTED", message)
            return stored
        draft.write(EntryKind.WRITE_OFF, -returned)
        draft.adjusted -= returned
    return by_money


def _pay_in_full(draft: _Draft) -> ReceivableStatus:
    if draft.balance > 0:
        if any(name in draft.asked for name in MONEY_FIELDS):
            message = f"{format_inr(draft.balance)} would stay open: send PAID alone, or the full amount received."
            draft.refuse(NotAllowedNow, "receivableStatus", "STATUS_NOT_COMPUTED", message)
            return draft.current.receivable_status
        owed = draft.balance
        draft.write(EntryKind.RECEIPT, owed)
        draft.received += owed
    return R.PAID


def _illegal(draft: _Draft, wanted: ReceivableStatus) -> ReceivableStatus:
    stored = draft.current.receivable_status
    message = f"An invoice that is {label(stored).lower()} cannot become {label(wanted).lower()}."
    draft.refuse(NotAllowedNow, "receivableStatus", "MOVE_NOT_ALLOWED", message)
    return stored


def _settle_approval(draft: _Draft) -> ApprovalStatus | None:
    """Give the approval to move to, if any; who may move it is for the caller to check."""
    asked, stored = draft.asked.get("approvalStatus"), draft.current.approval_status
    if asked is None or asked == stored:
        return None
    if asked not in ApprovalStatus.__members__:
        draft.refuse(Invalid, "approvalStatus", "UNKNOWN_VALUE", f"Use one of {', '.join(ApprovalStatus)}.")
        return None
    wanted = ApprovalStatus(asked)
    if wanted is ApprovalStatus.BANK_APPROVED:
        draft.refuse(
            Forbidden, "approvalStatus", "APPROVAL_NOT_WRITABLE", "Only the bank's own answer sets BANK_APPROVED."
        )
        return None
    if wanted not in APPROVAL_MOVES[stored]:
        message = f"From {label(stored).lower()} an invoice cannot become {label(wanted).lower()}."
        draft.refuse(NotAllowedNow, "approvalStatus", "MOVE_NOT_ALLOWED", message)
        return None
    return wanted
