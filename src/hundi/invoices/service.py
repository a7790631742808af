"""Verbs on invoices that exist: PATCH, and the moves of the receivable status with their reasons."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import UNSET

from hundi.audit import service as audit
from hundi.auth.errors import RoleMissing
from hundi.auth.rules import Permission
from hundi.customers import queries as customers
from hundi.customers.errors import CustomerInactive, CustomerNotFound
from hundi.db.pool import Transaction
from hundi.db.sqlstate import constraint_of
from hundi.gst.signed import PortalKeys
from hundi.gst.supply import Heads, SupplyType
from hundi.http.wire import Money, WireDate, WireDateTime
from hundi.invoices import approvals, consequences, lifecycle, lines, numbering, payout, portal, queries, unheeded
from hundi.invoices.amounts import AmountMismatch
from hundi.invoices.errors import ApprovalWithChanges, BeingSent, HeldByNetwork, IrnStands, NumberTaken
from hundi.invoices.patch_fields import Current, Lock, PatchDecision, Permissions
from hundi.invoices.patching import decide
from hundi.invoices.rows import InvoiceRow, ItemRow
from hundi.invoices.rules import (
    APPROVED,
    MONEY_KINDS,
    PENDING_APPROVALS,
    ApprovalStatus,
    ReceivableStatus,
    status_after,
)
from hundi.invoices.schemas import InvoicePatch, ItemIn
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.contacts import is_email, is_phone
from hundi.kit.dates import financial_year, ist_date, start_of_day
from hundi.kit.errors import FieldProblem, Forbidden, Invalid, NotAllowedNow
from hundi.kit.ids import new_id
from hundi.kit.money import ZERO, round_to_paise, shown

_POLICY: Final = "SELECT amount_mismatch FROM sellers WHERE seller_id = $1"
_ACKNOWLEDGED: Final = "SELECT ack_date FROM invoices WHERE seller_id = $1 AND invoice_id = $2"
IRN_CANCELLABLE: Final = timedelta(hours=24)
"""How long after its acknowledgement the portals cancel an IRN (domain §3; rule 48(4) CGST Rules and NIC's API)."""
_ADD_ENTRIES: Final = """
    INSERT INTO invoice_entries (seller_id, invoice_id, entry_id, kind, amount, created_at, created_by)
    SELECT $1, $2, e.id, e.kind, e.amount, $6, $7
      FROM unnest($3::text[], $4::text[], $5::numeric[]) AS e (id, kind, amount)"""
_SETTLE: Final = """
    UPDATE invoices SET total_received = $3, balance = $4, modified_at = $5, modified_by = $6, version = version + 1
     WHERE seller_id = $1 AND invoice_id = $2"""
_REASON: Final = "UPDATE invoices SET status_reason = $3 WHERE seller_id = $1 AND invoice_id = $2"
RETURNED_ON_NETWORK: Final = "RETURNED"
WITHDRAW: Final = "network.withdraw"
"""The job that tells the buyer, over the network, that an invoice was cancelled."""
REAPPLY: Final = "network.reapply"
"""The job that sees whether money of the network that was kept on account belongs to the invoice after all."""
# What a checker or approver may PATCH who may write nothing else.
_DECIDING: Final = frozenset({"approvalStatus", "remarks"})
# Why an invoice is in one of these is kept beside it; everything else says so by itself.
_REASONED: Final = frozenset({ReceivableStatus.DISPUTED, ReceivableStatus.CANCELLED, ReceivableStatus.WRITTEN_OFF})
# What an approval is given for: a change of it asks for the approval anew.
_APPROVED_CONTENT: Final = frozenset(
    {
        "customer_id", "invoice_number", "invoice_date", "base_amount", "cgst", "sgst", "igst", "cess", "discount",
        "other_charges", "tcs", "round_off", "gst_exclusive", "reverse_charge", "invoice_value", "net_amount",
        "place_of_supply", "lines",
    }
)  # fmt: skip
# An empty text stands for none in these, as at create.
_EMPTY_IS_NONE: Final = frozenset({"emailAddress", "mobileNumber", "ackNo", "signedQr", "ewayBillNo"})
# The columns a PATCH may write; anything else in a decision is a bug and must not become SQL.
_WRITABLE: Final = frozenset(
    {
        "description", "email_address", "mobile_number", "po_number", "payable_reference_id", "via", "charge_customer",
        "partial_payment_allowed", "customer_id", "invoice_number", "invoice_date", "due_date", "base_amount", "cgst",
        "sgst", "igst", "cess", "discount", "other_charges", "tcs", "round_off", "tds", "net_amount", "gst_exclusive",
        "reverse_charge", "taxable_value", "invoice_value", "total_received", "balance", "minimum_part",
        "place_of_supply", "link_version", *portal.FIELDS.values(),
    }
)  # fmt: skip


def changes_of(data: InvoicePatch) -> dict[str, Any]:
    """Give what a PATCH names, as plain values; what is absent is not in it."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(data):
        value = getattr(data, field.name)
        if value is UNSET:
            continue
        if isinstance(value, Money):
            value = value.sent
        elif isinstance(value, WireDate | WireDateTime):
            value = value.value
        if value == "" and field.name in _EMPTY_IS_NONE:
            value = None
        found[field.name] = value
    return found


def any_version(_: int) -> None:
    """Accept whatever the invoice's version is: the caller asked for none."""


async def update(
    tx: Transaction,
    who: Actor,
    invoice_id: str,
    data: InvoicePatch,
    *,
    check: Callable[[int], None] = any_version,
    keys: PortalKeys | None = None,
) -> tuple[InvoiceRow, list[FieldProblem]]:
    """Apply a PATCH and give the invoice as it is now, with warnings.

    ``check`` is asked about the version under the lock (If-Match); ``keys`` verify a signed QR. Raises :class:`Invalid` (400),
    :class:`NotAllowedNow` (422) and friends with every problem; nothing is then written.
    """
    return await change(tx, who, invoice_id, changes_of(data), check=check, keys=keys)


async def change(
    tx: Transaction,
    who: Actor,
    invoice_id: str,
    changes: dict[str, Any],
    *,
    check: Callable[[int], None] = any_version,
    keys: PortalKeys | None = None,
) -> tuple[InvoiceRow, list[FieldProblem]]:
    """Apply changes given as plain values by wire name: what :func:`update` does, for the other verbs."""
    if Permission.INVOICE_WRITE.value not in who.permissions and not set(changes) <= _DECIDING:
        raise RoleMissing
    before = await queries.lock(tx, tx.seller_id, invoice_id)
    check(before.version)
    given = portal.take(changes)
    remarks = changes.pop("remarks", None) or None
    minimum = _minimum_part(changes)
    misplaced = await consequences.read_new_place(tx, before, changes)
    new = await _other_lines(tx, before, changes)
    decision = decide(
        await _current(tx, before),
        changes,
        lock=_lock_of(before),
        permissions=Permissions(
            override=Permission.INVOICE_OVERRIDE.value in who.permissions,
            reverse_receipt=Permission.RECEIPT_REVERSE.value in who.permissions,
        ),
        today=ist_date(tx.now),
        amount_mismatch=AmountMismatch(await tx.fetchval(_POLICY, tx.seller_id)),
        other_lines=new is not None,
    )
    found = _text_problems(changes) + minimum.problems + misplaced
    cancels = decision.move is ReceivableStatus.CANCELLED
    reported = await portal.added(tx, before, given, decision.values, cancels=cancels, keys=keys)
    _refuse(decision, found, reported)
    if cancels:
        _check_network(before)
        await _check_irn(tx, before)
    decision.values.update(minimum.values | reported.values)
    warnings = [*decision.warnings, *reported.warnings]
    if new is not None:
        consequences.check_new_lines(before, decision.values, new.lines)
        day: date = decision.values.get("invoice_date", before.invoice_date)
        warnings += lines.unlisted(new.sent, ist_date(day) if isinstance(day, datetime) else day)
        supply = SupplyType(before.supply_type) if before.supply_type else None
        reverse = bool(decision.values.get("reverse_charge", before.reverse_charge))
        warnings += lines.untaxed(new.lines, reverse_charge=reverse, supply_type=supply)
    elif "taxable_value" in decision.values:
        await consequences.check_lines(tx, before, decision.values)
    await _check_customer(tx, before, decision, place_named="placeOfSupply" in changes)
    warnings += await consequences.doubts_of_place(tx, before, decision.values)
    await _apply(tx, who, before, decision, remarks, new)
    after = await queries.one(tx, tx.seller_id, invoice_id)
    if decision.dispatch_now and after.approval_status in APPROVED:
        await enqueue(tx, "invoices.dispatch_requested", ids={"invoice_ids": [invoice_id], "actor": who.subject})
    unsent = await unheeded.why_not_sent(tx, after) if decision.dispatch_now else None
    warnings += [unsent] if unsent else []
    if remarks is not None and after.version == before.version and decision.approval_move is None:
        warnings.append(unheeded.remarks_alone())
    return after, warnings


async def settle(tx: Transaction, who: Actor, row: InvoiceRow, *, received: Decimal, balance: Decimal) -> None:
    """Bring total, balance and status of a locked invoice into step with entries that were just written."""
    before = ReceivableStatus(row.receivable_status)
    after = status_after(before, row.net_amount, balance)
    # PAID demands a zero balance (a CHECK), so a status that leaves PAID is written first and one that enters it last.
    if after is not before and before is ReceivableStatus.PAID:
        await lifecycle.move_receivable(tx, row.invoice_id, before, after)
    await tx.execute(_SETTLE, tx.seller_id, row.invoice_id, received, balance, tx.now, who.subject)
    if after is not before and before is not ReceivableStatus.PAID:
        await lifecycle.move_receivable(tx, row.invoice_id, before, after)
    await payout.follow_money(tx, row, after, money_fell=received < row.total_received)
    await _owed_again(tx, row, balance)


async def _owed_again(tx: Transaction, before: InvoiceRow, balance: Decimal) -> None:
    """Have what the network's payments left on account looked at again, where an invoice owes more than it did."""
    if before.network_status is not None and balance > before.balance:
        await enqueue(tx, REAPPLY, ids={"invoice_id": before.invoice_id})


def _refuse(decision: PatchDecision, found: list[FieldProblem], reported: portal.Added) -> None:
    """Raise what a PATCH is refused for, if anything, as the gravest kind among it."""
    problems = [*decision.problems, *found, *(problem for _, problem in reported.problems)]
    if not problems:
        return
    kinds = {decision.refusal, *(kind for kind, _ in reported.problems), *([Invalid] if found else [])}
    raise next(kind for kind in (Invalid, Forbidden, NotAllowedNow) if kind in kinds)(problems=problems)


class _Minimum(msgspec.Struct, frozen=True):
    values: dict[str, Any]
    problems: list[FieldProblem]


def _minimum_part(changes: dict[str, Any]) -> _Minimum:
    """Take ``minimumPart`` out of the changes: it is no figure of the invoice, and null clears it."""
    if "minimumPart" not in changes:
        return _Minimum({}, [])
    sent = changes.pop("minimumPart")
    if sent is None:
        return _Minimum({"minimum_part": None}, [])
    least = round_to_paise(sent)
    if least <= 0:
        message = "Send an amount above zero, or null for none."
        return _Minimum({}, [FieldProblem("minimumPart", "TOO_SMALL", message, shown(sent))])
    return _Minimum({"minimum_part": least}, [])


class _NewLines(msgspec.Struct, frozen=True):
    """The lines an invoice is to have: as they were sent, as they are stored, and those that stand until then."""

    sent: list[ItemIn]
    lines: list[dict[str, Any]]
    before: list[ItemRow]


async def _other_lines(tx: Transaction, before: InvoiceRow, changes: dict[str, Any]) -> _NewLines | None:
    """Take ``itemLists`` out of the changes; None where it is not in them or says what stands already."""
    if "itemLists" not in changes:
        return None
    sent: list[ItemIn] = changes.pop("itemLists") or []
    # As they are going to stand: what rounds to nothing is no tax, and decides nothing about the lines'.
    names = ("cgst", "sgst", "igst")
    heads = Heads(*(round_to_paise(changes.get(name, getattr(before, name)) or ZERO) for name in names))
    made = lines.completed(sent, heads)
    stored = await queries.items(tx, tx.seller_id, before.invoice_id)
    return None if lines.same(made, stored) else _NewLines(sent, made, stored)


def _lock_of(row: InvoiceRow) -> Lock:
    if row.irn is not None:
        return Lock.IRN
    if row.network_status == RETURNED_ON_NETWORK and row.dispatch_status != "QUEUED":
        return Lock.RETURNED
    return Lock.NONE if row.dispatched_at is None and row.dispatch_status == "NOT_DISPATCHED" else Lock.DISPATCHED


async def _current(tx: Transaction, row: InvoiceRow) -> Current:
    adjusted, written_off, certificates = await queries.entry_sums(
        tx, tx.seller_id, row.invoice_id, sorted(kind.value for kind in MONEY_KINDS)
    )
    return Current(
        customer_id=row.customer_id, invoice_number=row.invoice_number, invoice_date=row.invoice_date,
        due_date=row.due_date, place_of_supply=row.place_of_supply, gst_exclusive=row.gst_exclusive, reverse_charge=row.reverse_charge,
        base_amount=row.base_amount, cgst=row.cgst, sgst=row.sgst, igst=row.igst, cess=row.cess, discount=row.discount,
        other_charges=row.other_charges, tcs=row.tcs, round_off=row.round_off, tds=row.tds,
        invoice_value=row.invoice_value, net_amount=row.net_amount, total_received=row.total_received,
        adjusted=adjusted, written_off=written_off, tds_certified=certificates > 0,
        receivable_status=ReceivableStatus(row.receivable_status),
        approval_status=ApprovalStatus(row.approval_status),
    )  # fmt: skip


def _check_network(row: InvoiceRow) -> None:
    """Refuse to cancel in the books what cannot be cancelled on the network."""
    if row.network_hold is not None:
        code, message = held_because(row.network_hold)
        raise HeldByNetwork(problems=[FieldProblem("receivableStatus", code, message, row.network_status)])


async def _check_irn(tx: Transaction, row: InvoiceRow) -> None:
    """Refuse to cancel an invoice whose IRN can no longer be cancelled (domain §3); without an ackDate nobody knows.

    A day without its time, as sheets and accounting programs have it, is kept as that day's midnight: it may have been any
    moment of the day, so the hours count from its end.
    """
    acknowledged = None if row.irn is None else await tx.fetchval(_ACKNOWLEDGED, tx.seller_id, row.invoice_id)
    if acknowledged is None:
        return
    day_alone = acknowledged == start_of_day(ist_date(acknowledged))
    if tx.now - acknowledged > IRN_CANCELLABLE + timedelta(days=day_alone):
        raise IrnStands(
            problems=[FieldProblem("receivableStatus", IrnStands.code, str(IrnStands.__doc__), "CANCELLED")]
        )


def held_because(hold: str) -> tuple[str, str]:
    """Say by code and sentence why the network does not let an invoice be cancelled."""
    if hold == "PAYMENT_UNDER_WAY":
        return "PAYMENT_UNDER_WAY", "Its buyer is paying it over the network: confirm or reject that payment first."
    if hold == "FINANCED":
        return "FINANCED", "It is pledged to a financier on the network until that is repaid: issue a credit note."
    return "PAID_ON_NETWORK", "Money was confirmed for it over the network: issue a credit note."


def _text_problems(changes: dict[str, Any]) -> list[FieldProblem]:
    found = []
    email, mobile = changes.get("emailAddress"), changes.get("mobileNumber")
    if email and not is_email(email):
        found.append(
            FieldProblem("emailAddress", "BAD_FORMAT", "Send an address such as accounts@example.com.", email[:100])
        )
    if mobile and not is_phone(mobile):
        found.append(
            FieldProblem("mobileNumber", "BAD_FORMAT", "Send ten digits, with +91 before them if you like.", mobile)
        )
    return found


async def _check_customer(tx: Transaction, before: InvoiceRow, decision: PatchDecision, *, place_named: bool) -> None:
    wanted = decision.values.get("customer_id")
    if wanted is None:
        return
    if before.dispatch_status == "QUEUED":
        message = "The invoice is on its way to its customer: change the customer when that is settled."
        raise BeingSent(problems=[FieldProblem("customerId", BeingSent.code, message, wanted)])
    try:
        customer = await customers.one(tx, tx.seller_id, wanted)
    except CustomerNotFound as error:
        message = "Send the id of one of your customers."
        raise CustomerNotFound(problems=[FieldProblem("customerId", error.code, message, wanted)]) from error
    if customer.status != "ACTIVE":
        message = "Activate the customer first."
        raise CustomerInactive(problems=[FieldProblem("customerId", CustomerInactive.code, message, wanted)])
    await consequences.of_customer_change(tx, before, customer, decision.values, place_named=place_named)


async def _apply(
    tx: Transaction,
    who: Actor,
    before: InvoiceRow,
    decision: PatchDecision,
    remarks: str | None,
    new: _NewLines | None,
) -> None:
    values = dict(decision.values)
    stray = set(values) - _WRITABLE
    if stray:
        message = f"a PATCH may not write {', '.join(sorted(stray))}"
        raise ValueError(message)
    changed = {name: value for name, value in values.items() if getattr(before, name) != value}
    status = decision.move or ReceivableStatus(before.receivable_status)
    money_fell = values.get("total_received", before.total_received) < before.total_received
    payout_move = payout.due_move(before, status, money_fell=money_fell)
    moves = decision.move is not None or decision.approval_move is not None or payout_move is not None
    if not changed and new is None and not decision.entries and not moves:
        return
    # PAID demands a zero balance (a CHECK), so a status that leaves PAID is written first and one that enters it last.
    leaves_paid = decision.move is not None and before.receivable_status == ReceivableStatus.PAID.value
    if decision.move is not None and leaves_paid:
        await lifecycle.move_receivable(tx, before.invoice_id, ReceivableStatus.PAID, decision.move, reason=remarks)
    if changed or new is not None or decision.entries or decision.move is not None or payout_move is not None:
        await _write_values(tx, who, before, changed, new)
    if decision.entries:
        await tx.execute(
            _ADD_ENTRIES, tx.seller_id, before.invoice_id, [new_id("ent", tx.now) for _ in decision.entries],
            [entry.kind.value for entry in decision.entries], [entry.amount for entry in decision.entries],
            tx.now, who.subject,
        )  # fmt: skip
    if decision.move is not None and not leaves_paid:
        await lifecycle.move_receivable(
            tx, before.invoice_id, ReceivableStatus(before.receivable_status), decision.move, reason=remarks
        )
    if decision.move is not None:
        await tx.execute(_REASON, tx.seller_id, before.invoice_id, remarks if decision.move in _REASONED else None)
    if decision.move is ReceivableStatus.CANCELLED:
        await numbering.void(tx, who, [before.invoice_id], numbering.CANCELLED)
        if before.network_status is not None:
            # The buyer is told by the network; the job finds out whether there is anything left to withdraw.
            await enqueue(tx, WITHDRAW, ids={"invoice_id": before.invoice_id, "actor": who.subject})
    await payout.follow_money(tx, before, status, money_fell=money_fell)
    await _owed_again(tx, before, values.get("balance", before.balance))
    paid = {} if payout_move is None else {"payout_status": payout_move.value}
    await _leave_trace(tx, who, before, changed | paid, decision, remarks, new)
    await _approve(tx, who, before, {*changed, *(["lines"] if new is not None else [])}, decision, remarks)


async def _approve(
    tx: Transaction,
    who: Actor,
    before: InvoiceRow,
    changed: set[str],
    decision: PatchDecision,
    remarks: str | None,
) -> None:
    """Move the approval: the step that was asked for, or the beginning anew that a changed content asks for."""
    content = _APPROVED_CONTENT & changed
    if _lock_of(before) is not Lock.NONE:
        # Once it is sent, tax deducted at source stays open, and the net amount follows it (domain §3).
        content -= {"net_amount"}
    wanted = decision.approval_move
    if wanted is None:
        if content:
            await approvals.renew(tx, who, await queries.one(tx, tx.seller_id, before.invoice_id))
        return
    stored = ApprovalStatus(before.approval_status)
    if stored.value.endswith("_REJECTED"):
        now = await queries.one(tx, tx.seller_id, before.invoice_id)
        await approvals.resubmit(tx, who, now, wanted, remarks=remarks)
        return
    if content:
        raise ApprovalWithChanges
    if wanted in PENDING_APPROVALS:
        await approvals.go_on(tx, who, before)
        return
    verdict = approvals.Decision.REJECTED if wanted.value.endswith("_REJECTED") else approvals.Decision.APPROVED
    await approvals.decide(tx, who, before, verdict, remarks=remarks)


async def _write_values(
    tx: Transaction, who: Actor, before: InvoiceRow, changed: dict[str, Any], new: _NewLines | None
) -> None:
    values = dict(changed)
    if "invoice_date" in values:
        moment = values["invoice_date"]
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = start_of_day(moment)
        values["invoice_date"] = moment
        values["fy"] = financial_year(ist_date(moment))
    values |= {"modified_at": tx.now, "modified_by": who.subject, "version": before.version + 1}
    columns = ", ".join(f"{name} = ${at}" for at, name in enumerate(values, start=3))
    if "invoice_number" in values:
        # Upper case as the database sees it: the CHECK compares with that, and Python's differs (ß).
        columns += f", number_key = upper(${list(values).index('invoice_number') + 3})"
    sql = f"UPDATE invoices SET {columns} WHERE seller_id = $1 AND invoice_id = $2"
    try:
        await tx.execute(sql, tx.seller_id, before.invoice_id, *values.values())
    except asyncpg.UniqueViolationError as error:
        if constraint_of(error) != "invoices_number_once":
            raise
        message = "Use another number; this one exists in the registration's financial year."
        problem = FieldProblem("invoiceNumber", NumberTaken.code, message, values.get("invoice_number"))
        raise NumberTaken(problems=[problem]) from error
    if new is not None:
        await lines.replace(tx, before.invoice_id, new.lines)


async def _leave_trace(
    tx: Transaction,
    who: Actor,
    before: InvoiceRow,
    changed: dict[str, Any],
    decision: PatchDecision,
    remarks: str | None,
    lines_too: _NewLines | None,
) -> None:
    old = {name: getattr(before, name) for name in changed}
    new = dict(changed)
    if lines_too is not None:
        old["itemLists"], new["itemLists"] = lines_too.before, lines_too.lines
    if decision.move is not None:
        old["receivable_status"], new["receivable_status"] = before.receivable_status, decision.move.value
    if decision.approval_move is not None:
        new["approvalAsked"] = decision.approval_move.value
    if remarks:
        new["remarks"] = remarks
    if decision.entries:
        new["entries"] = [{"kind": entry.kind.value, "amount": entry.amount} for entry in decision.entries]
    if decision.overridden:
        new["overridden"] = list(decision.overridden)
    await audit.record(tx, who, "invoice.update", kind="invoice", object_id=before.invoice_id, before=old, after=new)
    await audit.emit(tx, "invoice.updated", kind="invoice", object_id=before.invoice_id, data={"changed": sorted(new)})
