"""Verbs on customers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, NoReturn

import asyncpg

from hundi.audit import service as audit
from hundi.customers import accounts, birth, lifecycle, merging, particulars, patching, queries, rules
from hundi.customers.errors import (
    ContactNotFound,
    CustomerHasOpenInvoices,
    CustomerRefTaken,
    ReminderNotFound,
    TooManyOfCustomer,
)
from hundi.customers.merging import Merged
from hundi.customers.rows import ContactRow, CustomerRow, ReminderRow
from hundi.customers.rules import CustomerStatus
from hundi.customers.schemas import CustomerCreate, CustomerPatch
from hundi.db.pool import Transaction
from hundi.db.sqlstate import constraint_of
from hundi.kit.actor import Actor
from hundi.kit.contacts import is_name
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_customer_id, new_id
from hundi.kit.keys import Keyring
from hundi.kit.states import find_state

_INSERT: Final = """
    INSERT INTO customers (seller_id, customer_id, unique_ref_no, legal_name, trade_name, gstin, pan, treatment, address,
        state_code, pin_code, shipping_address, shipping_state, shipping_pin_code, contact_number, account_number, ifsc,
        customer_company_id, external_source, terms_days, tan, udyam_number, udyam_class, assigned_agent, branch_codes,
        has_key_contacts, account_hash, created_at, created_by, modified_at, modified_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25, $26, $27, $28, $29, $28, $29)"""
_DELETE: Final = """
    UPDATE customers SET deleted_at = $3, modified_at = $3, modified_by = $4, version = version + 1
     WHERE seller_id = $1 AND customer_id = $2"""
_NOT_FOUND: Final = {kind.code: kind for kind in (ContactNotFound, ReminderNotFound)}


def any_version(_: int) -> None:
    """Accept whatever version the record has: the caller sent no If-Match."""


def check(data: CustomerCreate) -> rules.TaxIdentity:
    """Check all particulars of a new customer; raises :class:`Invalid` with every problem."""
    problems: list[FieldProblem] = []
    identity = rules.identify(data.panOrGstin, data.state, data.treatment, problems)
    _check_name("legalName", data.legalName, problems)
    for field in (
        "ifsc",
        "accountNumber",
        "contactNumber",
        "pinCode",
        "shippingPinCode",
        "tan",
        "udyamNumber",
        "udyamClass",
    ):
        rules.check_text(field, getattr(data, field), problems)
    for at, contact in enumerate(data.customerKeyContacts):
        _check_name(f"customerKeyContacts[{at}].legalName", contact.legalName, problems)
        _check_name(f"customerKeyContacts[{at}].name", contact.name, problems)
        rules.check_text(f"customerKeyContacts[{at}].mobile", contact.mobile, problems)
        rules.check_text(f"customerKeyContacts[{at}].email", contact.email, problems)
        if contact.mail_enabled and not contact.email:
            message = "Send the e-mail address, or leave mail_enabled out."
            problems.append(FieldProblem(f"customerKeyContacts[{at}].email", "REQUIRED", message))
    for at, one in enumerate(data.customerReminders or []):
        rules.check_reminder(
            f"customerReminders[{at}].", one.reminderType or None, one.reminderInterval, one.reminderTime, problems
        )
    if data.shippingState and find_state(data.shippingState) is None:
        problems.append(
            FieldProblem("shippingState", "STATE_UNKNOWN", "Send a state's name or code.", data.shippingState)
        )
    if problems:
        raise Invalid(problems=problems)
    return identity


def _check_name(field: str, name: str, problems: list[FieldProblem]) -> None:
    if not is_name(name):
        problems.append(FieldProblem(field, "REQUIRED", "Send a name, not just blanks."))


async def create(tx: Transaction, who: Actor, keyring: Keyring, data: CustomerCreate) -> CustomerRow:
    """Create a customer with its key contacts and reminder rules.

    Raises :class:`Invalid` (every wrong field), :class:`CustomerRefTaken`.
    """
    identity = check(data)
    customer_id = new_customer_id(tx.now)
    contacts = birth.contacts_of(data, _ids("kcp", tx.now))
    values = birth.columns_of(keyring, tx.seller_id, customer_id, data, identity)
    try:
        await tx.execute(
            _INSERT, tx.seller_id, customer_id, *(values[name] for name in birth.COLUMNS), tx.now, who.subject
        )
    except asyncpg.UniqueViolationError as error:
        _refuse_ref(error, data.uniqueRefNo)
    await particulars.write_contacts(tx, customer_id, contacts)
    reminders = _new_reminders(tx, data)
    if reminders:
        await particulars.write_reminders(tx, who, customer_id, reminders)
    row = await queries.one(tx, tx.seller_id, customer_id)
    after = {
        "legalName": row.legal_name,
        "gstin": row.gstin,
        "treatment": row.treatment,
        "contacts": len(contacts.added),
    }
    await audit.record(tx, who, "customer.create", kind="customer", object_id=customer_id, after=after)
    await audit.emit(tx, "customer.created", kind="customer", object_id=customer_id, data=after)
    return row


def _ids(prefix: str, now: datetime) -> Callable[[], str]:
    """Give a maker of ids a millisecond apart, so that what was sent in one list keeps its order."""
    at = count()
    return lambda: new_id(prefix, now + timedelta(milliseconds=next(at)))


def _new_reminders(tx: Transaction, data: CustomerCreate) -> Merged[ReminderRow]:
    make_id = _ids("rem", tx.now)
    rows = [
        ReminderRow(
            reminder_id=make_id(), reminder_type=r.reminderType or None, reminder_time=r.reminderTime or None,
            due_date_difference=r.dueDateDifference, reminder_interval=r.reminderInterval, stage=r.stage,
        )
        for r in data.customerReminders or []
    ]  # fmt: skip
    return Merged(added=rows, left=rows)


def _refuse_ref(error: asyncpg.UniqueViolationError, ref: str | None) -> NoReturn:
    if constraint_of(error) != "customers_ref_once":
        raise error
    problem = FieldProblem("uniqueRefNo", CustomerRefTaken.code, "Send another uniqueRefNo.", ref)
    raise CustomerRefTaken(problems=[problem]) from error


async def update(
    tx: Transaction,
    who: Actor,
    keyring: Keyring,
    customer_id: str,
    data: CustomerPatch,
    *,
    check_version: Callable[[int], None] = any_version,
) -> CustomerRow:
    """Apply a PATCH and give the customer as it is now; where nothing changes, nothing is written.

    Raises :class:`CustomerNotFound`, what ``check_version`` raises, :class:`Invalid` with every wrong field,
    :class:`ContactNotFound` and :class:`ReminderNotFound` with their places, :class:`CustomerRefTaken`.
    """
    before = await queries.lock(tx, tx.seller_id, customer_id)
    check_version(before.version)
    changes = patching.changes_of(data)
    problems: list[FieldProblem] = []
    values = patching.decide(before, changes, problems)
    contacts = merging.contacts(
        before.contacts, changes.get("customerKeyContacts") or [], _ids("kcp", tx.now), problems
    )
    reminders = merging.reminders(
        before.reminders, changes.get("customerReminders") or [], _ids("rem", tx.now), problems
    )
    _refuse(problems)
    _check_counts(contacts, reminders)
    values["has_key_contacts"] = merging.has_mailable(contacts.left)
    _seal_account(keyring, before, values)
    changed = {
        name: value for name, value in values.items() if name == "account_hash" or getattr(before, name) != value
    }
    if not changed and not contacts and not reminders:
        return before
    await _write(tx, who, before, changed)
    await particulars.write_contacts(tx, customer_id, contacts)
    if reminders:
        await particulars.write_reminders(tx, who, customer_id, reminders)
    after = await queries.one(tx, tx.seller_id, customer_id)
    await _leave_trace(tx, who, before, after, sorted(set(changed) - {"account_hash"}))
    return after


def _refuse(problems: list[FieldProblem]) -> None:
    """Raise what was found: 404 where only unknown ids were, 400 with everything else."""
    kinds = {_NOT_FOUND.get(problem.code, Invalid) for problem in problems}
    if kinds:
        raise (kinds.pop() if len(kinds) == 1 else Invalid)(problems=problems)


def _check_counts(contacts: Merged[ContactRow], reminders: Merged[ReminderRow]) -> None:
    problems = [
        FieldProblem(field, TooManyOfCustomer.code, f"There would be {count}; the most is {most}. Remove some.")
        for field, count, most in (
            ("customerKeyContacts", len(contacts.left), rules.MAX_CONTACTS),
            ("customerReminders", len(reminders.left), rules.MAX_REMINDERS),
        )
        if count > most
    ]
    if problems:
        raise TooManyOfCustomer(problems=problems)


def _seal_account(keyring: Keyring, before: CustomerRow, values: dict[str, Any]) -> None:
    """Put the sealed number and its hash in the place of the plain one, or nothing where the number stays."""
    if "account_number" not in values:
        return
    plain = values.pop("account_number")
    kept = accounts.opened(keyring, before.seller_id, before.customer_id, before.account_number)
    if plain == kept:
        return
    sealed = hashed = None
    if plain is not None:
        sealed = accounts.sealed(keyring, before.seller_id, before.customer_id, plain)
        hashed = accounts.lookup_hash(keyring, before.seller_id, plain)
    values |= {"account_number": sealed, "account_hash": hashed}


async def _write(tx: Transaction, who: Actor, before: CustomerRow, changed: dict[str, Any]) -> None:
    stray = set(changed) - patching.WRITABLE
    if stray:
        message = f"a PATCH may not write {', '.join(sorted(stray))}"
        raise ValueError(message)
    values = changed | {"modified_at": tx.now, "modified_by": who.subject, "version": before.version + 1}
    columns = ", ".join(f"{name} = ${at}" for at, name in enumerate(values, start=3))
    sql = f"UPDATE customers SET {columns} WHERE seller_id = $1 AND customer_id = $2"
    try:
        await tx.execute(sql, tx.seller_id, before.customer_id, *values.values())
    except asyncpg.UniqueViolationError as error:
        _refuse_ref(error, changed.get("unique_ref_no"))


async def _leave_trace(
    tx: Transaction, who: Actor, before: CustomerRow, after: CustomerRow, changed: list[str]
) -> None:
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name in changed:
        # That an account number changed is written down, the number is not.
        hidden = name == "account_number"
        old[name] = ("sealed" if before.account_number else None) if hidden else getattr(before, name)
        new[name] = ("sealed" if after.account_number else None) if hidden else getattr(after, name)
    for name, was, now in (
        ("contacts", before.contacts, after.contacts),
        ("reminders", before.reminders, after.reminders),
    ):
        if was != now:
            old[name], new[name] = was, now
    await audit.record(tx, who, "customer.update", kind="customer", object_id=before.customer_id, before=old, after=new)
    data = {"changed": sorted(new)}
    await audit.emit(tx, "customer.updated", kind="customer", object_id=before.customer_id, data=data)


async def set_status(
    tx: Transaction,
    who: Actor,
    customer_id: str,
    to: CustomerStatus,
    *,
    check_version: Callable[[int], None] = any_version,
) -> CustomerRow:
    """Activate or deactivate a customer; where it already is what is asked for, nothing is written.

    An inactive customer keeps its invoices and gets no new ones. Raises :class:`CustomerNotFound`.
    """
    before = await queries.lock(tx, tx.seller_id, customer_id, against_invoices=True)
    check_version(before.version)
    if before.status == to.value:
        return before
    await lifecycle.move(tx, who, before, to)
    action = "customer.activate" if to is CustomerStatus.ACTIVE else "customer.deactivate"
    await audit.record(
        tx, who, action, kind="customer", object_id=customer_id, before={"status": before.status},
        after={"status": to.value},
    )  # fmt: skip
    return await queries.one(tx, tx.seller_id, customer_id)


async def delete(
    tx: Transaction, who: Actor, customer_id: str, *, check_version: Callable[[int], None] = any_version
) -> None:
    """Delete a customer that owes nothing: it is found no more, its invoices stay, its uniqueRefNo is free again.

    Raises :class:`CustomerNotFound`, :class:`CustomerHasOpenInvoices` with their number.
    """
    before = await queries.lock(tx, tx.seller_id, customer_id, against_invoices=True)
    check_version(before.version)
    owing = await queries.open_invoices(tx, tx.seller_id, customer_id)
    if owing:
        message = (
            f"The customer owes on {owing} invoice{'' if owing == 1 else 's'}. Settle, cancel or write off each of them "
            "first, or deactivate the customer."
        )
        problem = FieldProblem("customerId", CustomerHasOpenInvoices.code, message, customer_id)
        raise CustomerHasOpenInvoices(problems=[problem])
    await tx.execute(_DELETE, tx.seller_id, customer_id, tx.now, who.subject)
    await particulars.stop_reminders(tx, customer_id)
    old = {"legalName": before.legal_name, "uniqueRefNo": before.unique_ref_no}
    await audit.record(
        tx, who, "customer.delete", kind="customer", object_id=customer_id, before=old, after={"deleted": True}
    )
    await audit.emit(tx, "customer.deleted", kind="customer", object_id=customer_id, data=old)
