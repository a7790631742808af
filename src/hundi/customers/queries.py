"""Reading customers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from hundi.customers.errors import CustomerNotFound
from hundi.customers.rows import ContactRow, CustomerRow, ReminderRow
from hundi.customers.rules import next_run
from hundi.db.pool import Transaction
from hundi.kit.ids import SellerId

COLUMNS: Final = """seller_id, customer_id, unique_ref_no, legal_name, trade_name, gstin, pan, treatment, address,
           state_code, pin_code, shipping_address, shipping_state, shipping_pin_code, contact_number, account_number,
           ifsc, customer_company_id, external_source, terms_days, tan, udyam_number, udyam_class, assigned_agent,
           branch_codes, has_key_contacts, status, deleted_at, created_at, created_by, modified_at, modified_by, version"""
_ONE: Final = f"""
    SELECT {COLUMNS}
      FROM customers WHERE seller_id = $1 AND customer_id = $2 AND deleted_at IS NULL"""
_LOCK: Final = """
    SELECT true FROM customers WHERE seller_id = $1 AND customer_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE"""
# Invoices that are being made for the customer hold a key lock on its row (their foreign key): this waits for them.
_LOCK_WHOLE: Final = """
    SELECT true FROM customers WHERE seller_id = $1 AND customer_id = $2 AND deleted_at IS NULL FOR UPDATE"""
_CONTACTS: Final = """
    SELECT customer_id, contact_id, position, legal_name, name, email, mobile, mail_enabled, sms_enabled,
           whatsapp_enabled, via, deleted
      FROM customer_contacts WHERE seller_id = $1 AND customer_id = ANY ($2::text[]) AND NOT deleted
     ORDER BY customer_id, position, contact_id"""
_REMINDERS: Final = """
    SELECT customer_id, reminder_id, reminder_type, due_date_difference, reminder_interval, reminder_time, stage
      FROM customer_reminders WHERE seller_id = $1 AND customer_id = ANY ($2::text[]) AND NOT deleted
     ORDER BY customer_id, reminder_id"""
# Which invoices are reminded of: approved, money awaited (invoices.rules OPEN_STATUSES and APPROVED; a test compares).
REMINDED_STATUSES: Final = ("PARTIALLY_PAID", "PENDING")
REMINDED_APPROVALS: Final = ("APPROVER_APPROVED", "BANK_APPROVED")
_DUE_DATES: Final = """
    SELECT customer_id, due_date FROM invoices
     WHERE seller_id = $1 AND customer_id = ANY ($2::text[]) AND balance > 0 AND deleted_at IS NULL
       AND receivable_status = ANY ($3::text[]) AND approval_status = ANY ($4::text[])
     GROUP BY customer_id, due_date"""
_OPEN_INVOICES: Final = """
    SELECT count(*) FROM invoices
     WHERE seller_id = $1 AND customer_id = $2 AND balance > 0 AND deleted_at IS NULL
       AND receivable_status NOT IN ('CANCELLED', 'WRITTEN_OFF')"""


async def one(tx: Transaction, seller_id: SellerId, customer_id: str) -> CustomerRow:
    """Give a customer with its contacts and reminders, or raise :class:`CustomerNotFound`."""
    found = await tx.fetchrow(_ONE, seller_id, customer_id)
    if found is None:
        raise CustomerNotFound
    return (await whole(tx, seller_id, [found]))[0]


async def lock(
    tx: Transaction, seller_id: SellerId, customer_id: str, *, against_invoices: bool = False
) -> CustomerRow:
    """Give a customer and keep others from changing it until the transaction ends.

    ``against_invoices`` also waits for invoices that are just being made for it, and keeps new ones waiting.
    """
    statement = _LOCK_WHOLE if against_invoices else _LOCK
    if await tx.fetchval(statement, seller_id, customer_id) is None:
        raise CustomerNotFound
    return await one(tx, seller_id, customer_id)


async def whole(tx: Transaction, seller_id: SellerId, found: Sequence[Any]) -> list[CustomerRow]:
    """Complete rows of :data:`COLUMNS` with their contacts and reminders, in the same order."""
    ids = [row["customer_id"] for row in found]
    contacts: dict[str, list[ContactRow]] = defaultdict(list)
    for row in await tx.fetch(_CONTACTS, seller_id, ids):
        values = dict(row)
        contacts[values.pop("customer_id")].append(ContactRow(**values))
    rules = await reminders(tx, seller_id, ids)
    return [
        CustomerRow(
            **dict(row), contacts=contacts.get(row["customer_id"], []), reminders=rules.get(row["customer_id"], [])
        )
        for row in found
    ]


async def reminders(tx: Transaction, seller_id: SellerId, customer_ids: Iterable[str]) -> dict[str, list[ReminderRow]]:
    """Give the reminder rules of customers, each with the day it runs next as of the transaction's instant."""
    rules: dict[str, list[ReminderRow]] = defaultdict(list)
    for row in await tx.fetch(_REMINDERS, seller_id, list(customer_ids)):
        values = dict(row)
        rules[values.pop("customer_id")].append(ReminderRow(**values))
    if not rules:
        return {}
    due = await _due_dates(tx, seller_id, list(rules))
    return {
        customer: [_planned(rule, due.get(customer, []), tx.now) for rule in kept] for customer, kept in rules.items()
    }


async def open_invoices(tx: Transaction, seller_id: SellerId, customer_id: str) -> int:
    """Count the invoices on which a customer still owes: disputed ones too, cancelled and written-off ones not."""
    return int(await tx.fetchval(_OPEN_INVOICES, seller_id, customer_id))


async def _due_dates(tx: Transaction, seller_id: SellerId, customer_ids: list[str]) -> dict[str, list[date]]:
    found: dict[str, list[date]] = defaultdict(list)
    rows = await tx.fetch(_DUE_DATES, seller_id, customer_ids, list(REMINDED_STATUSES), list(REMINDED_APPROVALS))
    for row in rows:
        found[row["customer_id"]].append(row["due_date"])
    return found


def _planned(rule: ReminderRow, due_dates: list[date], now: datetime) -> ReminderRow:
    day = next_run(
        reminder_type=rule.reminder_type,
        difference=rule.due_date_difference,
        interval=rule.reminder_interval,
        time=rule.reminder_time,
        due_dates=due_dates,
        now=now,
    )
    return msgspec.structs.replace(rule, next_run_on=day)
