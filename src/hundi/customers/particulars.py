"""Writing what hangs on a customer: its key contacts and its reminder rules, several in one statement."""

from collections.abc import Sequence
from typing import Final

from hundi.customers import queries
from hundi.customers.merging import Merged
from hundi.customers.rows import ContactRow, ReminderRow
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor

_INSERT_CONTACTS: Final = """
    INSERT INTO customer_contacts (seller_id, customer_id, contact_id, position, legal_name, name, email, mobile,
        mail_enabled, sms_enabled, whatsapp_enabled, via)
    SELECT $1, $2, c.id, c.position, c.legal_name, c.name, c.email, c.mobile, c.mail, c.sms, c.whatsapp, c.via
      FROM unnest($3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::bool[],
                  $11::bool[], $12::text[])
        AS c (id, position, legal_name, name, email, mobile, mail, sms, whatsapp, via)"""
_UPDATE_CONTACTS: Final = """
    UPDATE customer_contacts AS k
       SET legal_name = c.legal_name, name = c.name, email = c.email, mobile = c.mobile, mail_enabled = c.mail,
           sms_enabled = c.sms, whatsapp_enabled = c.whatsapp, via = c.via
      FROM unnest($3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::bool[],
                  $11::bool[], $12::text[])
        AS c (id, position, legal_name, name, email, mobile, mail, sms, whatsapp, via)
     WHERE k.seller_id = $1 AND k.customer_id = $2 AND k.contact_id = c.id"""
_REMOVE_CONTACTS: Final = """
    UPDATE customer_contacts SET deleted = true
     WHERE seller_id = $1 AND customer_id = $2 AND contact_id = ANY ($3::text[])"""
_INSERT_REMINDERS: Final = """
    INSERT INTO customer_reminders (seller_id, customer_id, reminder_id, reminder_type, due_date_difference,
        reminder_interval, reminder_time, stage, created_at, created_by, modified_at, modified_by)
    SELECT $1, $2, r.id, r.type, r.difference, r.interval, r.time, r.stage, $9, $10, $9, $10
      FROM unnest($3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[])
        AS r (id, type, difference, interval, time, stage)"""
_UPDATE_REMINDERS: Final = """
    UPDATE customer_reminders AS k
       SET reminder_type = r.type, due_date_difference = r.difference, reminder_interval = r.interval,
           reminder_time = r.time, stage = r.stage, modified_at = $9, modified_by = $10
      FROM unnest($3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[])
        AS r (id, type, difference, interval, time, stage)
     WHERE k.seller_id = $1 AND k.customer_id = $2 AND k.reminder_id = r.id"""
_REMOVE_REMINDERS: Final = """
    UPDATE customer_reminders SET deleted = true, next_run_on = NULL, modified_at = $4, modified_by = $5
     WHERE seller_id = $1 AND customer_id = $2 AND reminder_id = ANY ($3::text[])"""
_PLAN: Final = """
    UPDATE customer_reminders AS k SET next_run_on = r.day
      FROM unnest($3::text[], $4::date[]) AS r (id, day)
     WHERE k.seller_id = $1 AND k.customer_id = $2 AND k.reminder_id = r.id AND k.next_run_on IS DISTINCT FROM r.day"""
_STOP: Final = """
    UPDATE customer_reminders SET next_run_on = NULL
     WHERE seller_id = $1 AND customer_id = $2 AND next_run_on IS NOT NULL"""
_TOUCH: Final = """
    UPDATE customers SET modified_at = $3, modified_by = $4, version = version + 1
     WHERE seller_id = $1 AND customer_id = $2"""


async def write_contacts(tx: Transaction, customer_id: str, merged: Merged[ContactRow]) -> None:
    """Write what a merge of contacts comes to."""
    for statement, rows in ((_INSERT_CONTACTS, merged.added), (_UPDATE_CONTACTS, merged.changed)):
        if rows:
            await tx.execute(
                statement, tx.seller_id, customer_id, [row.contact_id for row in rows], [row.position for row in rows],
                [row.legal_name for row in rows], [row.name for row in rows], [row.email for row in rows],
                [row.mobile for row in rows], [row.mail_enabled for row in rows], [row.sms_enabled for row in rows],
                [row.whatsapp_enabled for row in rows], [row.via for row in rows],
            )  # fmt: skip
    if merged.removed:
        await tx.execute(_REMOVE_CONTACTS, tx.seller_id, customer_id, merged.removed)


async def write_reminders(tx: Transaction, who: Actor, customer_id: str, merged: Merged[ReminderRow]) -> None:
    """Write what a merge of reminder rules comes to, and plan them all anew."""
    for statement, rows in ((_INSERT_REMINDERS, merged.added), (_UPDATE_REMINDERS, merged.changed)):
        if rows:
            await tx.execute(
                statement, tx.seller_id, customer_id, [row.reminder_id for row in rows],
                [row.reminder_type for row in rows], [row.due_date_difference for row in rows],
                [row.reminder_interval for row in rows], [row.reminder_time for row in rows],
                [row.stage for row in rows], tx.now, who.subject,
            )  # fmt: skip
    if merged.removed:
        await tx.execute(_REMOVE_REMINDERS, tx.seller_id, customer_id, merged.removed, tx.now, who.subject)
    await plan(tx, customer_id)


async def plan(tx: Transaction, customer_id: str) -> None:
    """Store the day on which each reminder rule of a customer runs next, as its open invoices stand now."""
    kept: Sequence[ReminderRow] = (await queries.reminders(tx, tx.seller_id, [customer_id])).get(customer_id, [])
    if kept:
        days = [row.next_run_on for row in kept]
        await tx.execute(_PLAN, tx.seller_id, customer_id, [row.reminder_id for row in kept], days)


async def stop_reminders(tx: Transaction, customer_id: str) -> None:
    """Take all reminder rules of a customer out of the plan; the rules stay."""
    await tx.execute(_STOP, tx.seller_id, customer_id)


async def touch(tx: Transaction, who: Actor, customer_id: str) -> None:
    """Raise the customer's version: something that hangs on it was changed."""
    await tx.execute(_TOUCH, tx.seller_id, customer_id, tx.now, who.subject)
