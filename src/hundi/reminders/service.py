"""Verbs on a customer's reminder rules. They change the customer: its version rises, and it is locked meanwhile."""

from typing import Any

from hundi.audit import service as audit
from hundi.customers import merging, particulars, queries
from hundi.customers.errors import ReminderNotFound, TooManyOfCustomer
from hundi.customers.merging import Merged
from hundi.customers.rows import ReminderRow
from hundi.customers.rules import MAX_REMINDERS
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_id
from hundi.reminders.schemas import CustomerReminderCreateDTO, ReminderPatch


async def add(tx: Transaction, who: Actor, customer_id: str, data: CustomerReminderCreateDTO) -> ReminderRow:
    """Add a reminder rule to a customer.

    Raises :class:`CustomerNotFound`, :class:`Invalid` with every wrong field, :class:`TooManyOfCustomer`.
    """
    customer = await queries.lock(tx, tx.seller_id, customer_id)
    blank = ReminderRow(
        reminder_id=new_id("rem", tx.now), reminder_type=None, due_date_difference=None, reminder_interval=None,
        reminder_time=None, stage=None,
    )  # fmt: skip
    sent = ReminderPatch(
        dueDateDifference=data.dueDateDifference, reminderInterval=data.reminderInterval,
        reminderTime=data.reminderTime, reminderType=data.reminderType, stage=data.stage,
    )  # fmt: skip
    row = _checked(sent, blank)
    if len(customer.reminders) >= MAX_REMINDERS:
        message = f"The customer has {MAX_REMINDERS} reminder rules, and that is the most. Delete one first."
        raise TooManyOfCustomer(problems=[FieldProblem("customerId", TooManyOfCustomer.code, message, customer_id)])
    await _write(tx, who, customer_id, Merged(added=[row]), "reminder.create", row.reminder_id, after=_told(row))
    return await one(tx, customer_id, row.reminder_id)


async def change(tx: Transaction, who: Actor, customer_id: str, reminder_id: str, data: ReminderPatch) -> ReminderRow:
    """Change a reminder rule: absent leaves, ``None`` clears; where nothing changes, nothing is written.

    Raises :class:`CustomerNotFound`, :class:`ReminderNotFound`, :class:`Invalid` with every wrong field.
    """
    before = _named((await queries.lock(tx, tx.seller_id, customer_id)).reminders, reminder_id)
    if data.customerReminderId not in {None, "", reminder_id}:
        message = "customerReminderId must be the one of the path; a rule keeps its id."
        raise Invalid(problems=[FieldProblem("customerReminderId", "ID_MISMATCH", message, data.customerReminderId)])
    if data.deleted:
        raise Invalid(problems=[FieldProblem("deleted", "NOT_ACCEPTED", "To remove the rule, send DELETE instead.")])
    row = _checked(data, before)
    if row == before:
        return before
    await _write(
        tx, who, customer_id, Merged(changed=[row]), "reminder.update", reminder_id, before=_told(before),
        after=_told(row),
    )  # fmt: skip
    return await one(tx, customer_id, reminder_id)


async def remove(tx: Transaction, who: Actor, customer_id: str, reminder_id: str) -> None:
    """Take a reminder rule away. Raises :class:`CustomerNotFound`, :class:`ReminderNotFound`."""
    before = _named((await queries.lock(tx, tx.seller_id, customer_id)).reminders, reminder_id)
    await _write(
        tx, who, customer_id, Merged(removed=[reminder_id]), "reminder.delete", reminder_id, before=_told(before)
    )


async def one(tx: Transaction, customer_id: str, reminder_id: str) -> ReminderRow:
    """Give one reminder rule. Raises :class:`CustomerNotFound`, :class:`ReminderNotFound`."""
    return _named(await of_customer(tx, customer_id), reminder_id)


async def of_customer(tx: Transaction, customer_id: str) -> list[ReminderRow]:
    """Give a customer's reminder rules in the order they were made. Raises :class:`CustomerNotFound`."""
    return (await queries.one(tx, tx.seller_id, customer_id)).reminders


def _named(rows: list[ReminderRow], reminder_id: str) -> ReminderRow:
    found = next((row for row in rows if row.reminder_id == reminder_id), None)
    if found is None:
        raise ReminderNotFound("The customer has no reminder rule with this id.")
    return found


def _checked(sent: ReminderPatch, row: ReminderRow) -> ReminderRow:
    problems: list[FieldProblem] = []
    made = merging.reminder("", sent, row, problems)
    if problems:
        raise Invalid(problems=problems)
    return made


def _told(row: ReminderRow) -> dict[str, Any]:
    return {
        "reminderType": row.reminder_type, "dueDateDifference": row.due_date_difference,
        "reminderInterval": row.reminder_interval, "reminderTime": row.reminder_time, "stage": row.stage,
    }  # fmt: skip


async def _write(
    tx: Transaction,
    who: Actor,
    customer_id: str,
    merged: Merged[ReminderRow],
    action: str,
    reminder_id: str,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    await particulars.write_reminders(tx, who, customer_id, merged)
    await particulars.touch(tx, who, customer_id)
    await audit.record(tx, who, action, kind="reminder", object_id=reminder_id, before=before, after=after)
    data = {"changed": ["reminders"], "customerReminderId": reminder_id}
    await audit.emit(tx, "customer.updated", kind="customer", object_id=customer_id, data=data)
