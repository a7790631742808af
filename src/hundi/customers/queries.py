"""Reading customers."""

from typing import Final

from hundi.customers.errors import CustomerNotFound
from hundi.customers.rows import ContactRow, CustomerRow, ReminderRow
from hundi.db.pool import Transaction
from hundi.kit.ids import SellerId

_ONE: Final = """
    SELECT seller_id, customer_id, unique_ref_no, legal_name, trade_name, gstin, pan, treatment, address, state_code,
           pin_code, shipping_address, shipping_state, shipping_pin_code, contact_number, account_number, ifsc,
           customer_company_id, external_source, terms_days, tan, udyam_number, udyam_class, assigned_agent,
           branch_codes, has_key_contacts, status, created_at, created_by, modified_at, modified_by, version
      FROM customers WHERE seller_id = $1 AND customer_id = $2 AND deleted_at IS NULL"""
_CONTACTS: Final = """
    SELECT contact_id, legal_name, name, email, mobile, mail_enabled, sms_enabled, whatsapp_enabled, via, deleted
      FROM customer_contacts WHERE seller_id = $1 AND customer_id = $2 AND NOT deleted ORDER BY position"""
_REMINDERS: Final = """
    SELECT reminder_id, reminder_type, due_date_difference, reminder_interval, reminder_time, stage
      FROM customer_reminders WHERE seller_id = $1 AND customer_id = $2 AND NOT deleted ORDER BY reminder_id"""


async def one(tx: Transaction, seller_id: SellerId, customer_id: str) -> CustomerRow:
    """Give a customer with its contacts and reminders, or raise :class:`CustomerNotFound`."""
    found = await tx.fetchrow(_ONE, seller_id, customer_id)
    if found is None:
        raise CustomerNotFound
    contacts = await tx.fetch(_CONTACTS, seller_id, customer_id)
    reminders = await tx.fetch(_REMINDERS, seller_id, customer_id)
    return CustomerRow(
        **dict(found),
        contacts=[ContactRow(**dict(row)) for row in contacts],
        reminders=[ReminderRow(**dict(row)) for row in reminders],
    )
