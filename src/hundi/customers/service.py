"""Verbs on customers."""

from typing import Final

import asyncpg

from hundi.audit import service as audit
from hundi.customers import queries, rules
from hundi.customers.errors import CustomerRefTaken
from hundi.customers.rows import CustomerRow
from hundi.customers.schemas import CustomerCreate, CustomerKeyContactCreateDTO, CustomerReminderCreateDTO
from hundi.db.pool import Transaction
from hundi.db.sqlstate import constraint_of
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_customer_id, new_id
from hundi.kit.keys import Keyring
from hundi.kit.states import find_state

_INSERT: Final = """
    INSERT INTO customers (seller_id, customer_id, unique_ref_no, legal_name, trade_name, gstin, pan, treatment, address,
        state_code, pin_code, shipping_address, shipping_state, shipping_pin_code, contact_number, account_number, ifsc,
        customer_company_id, external_source, terms_days, tan, udyam_number, udyam_class, assigned_agent, branch_codes,
        has_key_contacts, created_at, created_by, modified_at, modified_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24, $25, $26, $27, $28, $27, $28)"""
_INSERT_CONTACTS: Final = """
    INSERT INTO customer_contacts (seller_id, customer_id, contact_id, position, legal_name, name, email, mobile,
        mail_enabled, sms_enabled, whatsapp_enabled, via)
    SELECT $1, $2, c.id, c.position, c.legal_name, c.name, c.email, c.mobile, c.mail, c.sms, c.whatsapp, c.via
      FROM unnest($3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bool[], $10::bool[],
                  $11::bool[], $12::text[])
        AS c (id, position, legal_name, name, email, mobile, mail, sms, whatsapp, via)"""
_INSERT_REMINDERS: Final = """
    INSERT INTO customer_reminders (seller_id, customer_id, reminder_id, reminder_type, due_date_difference,
        reminder_interval, reminder_time, stage)
    SELECT $1, $2, r.id, r.type, r.difference, r.interval, r.time, r.stage
      FROM unnest($3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[])
        AS r (id, type, difference, interval, time, stage)"""


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
    for at, reminder in enumerate(data.customerReminders or []):
        rules.check_text(f"customerReminders[{at}].reminderTime", reminder.reminderTime, problems)
        rules.check_text(f"customerReminders[{at}].reminderType", reminder.reminderType, problems)
    if data.shippingState and find_state(data.shippingState) is None:
        problems.append(
            FieldProblem("shippingState", "STATE_UNKNOWN", "Send a state's name or code.", data.shippingState)
        )
    if problems:
        raise Invalid(problems=problems)
    return identity


def _check_name(field: str, name: str, problems: list[FieldProblem]) -> None:
    if not name.strip():
        problems.append(FieldProblem(field, "REQUIRED", "Send a name, not just blanks."))


async def create(tx: Transaction, who: Actor, keyring: Keyring, data: CustomerCreate) -> CustomerRow:
    """Create a customer with its key contacts and reminder rules.

    Raises :class:`Invalid` (every wrong field), :class:`CustomerRefTaken`.
    """
    identity = check(data)
    customer_id = new_customer_id(tx.now)
    contacts = [contact for contact in data.customerKeyContacts if not contact.deleted]
    account = None
    if data.accountNumber:
        account = keyring.seal(data.accountNumber, f"customers.account_number {tx.seller_id} {customer_id}")
    shipping = find_state(data.shippingState) if data.shippingState else None
    try:
        await tx.execute(
            _INSERT, tx.seller_id, customer_id, data.uniqueRefNo or None, data.legalName.strip(), data.tradeName,
            identity.gstin, identity.pan, identity.treatment, data.address, identity.state_code, data.pinCode or None,
            data.shippingAddress, shipping.code if shipping else None, data.shippingPinCode or None, data.contactNumber or None,
            account, (data.ifsc or "").upper() or None, data.customerCompanyId, bool(data.externalSource),
            data.paymentTermsDays, (data.tan or "").upper() or None, (data.udyamNumber or "").upper() or None,
            data.udyamClass or None, data.assignedAgent,
            data.branchCodes or [], any(c.email and c.mail_enabled is not False for c in contacts), tx.now, who.subject,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        if constraint_of(error) == "customers_ref_once":
            problem = FieldProblem("uniqueRefNo", CustomerRefTaken.code, "Send another uniqueRefNo.", data.uniqueRefNo)
            raise CustomerRefTaken(problems=[problem]) from error
        raise
    await _add_contacts(tx, customer_id, contacts)
    await _add_reminders(tx, customer_id, data.customerReminders or [])
    row = await queries.one(tx, tx.seller_id, customer_id)
    after = {"legalName": row.legal_name, "gstin": row.gstin, "treatment": row.treatment, "contacts": len(contacts)}
    await audit.record(tx, who, "customer.create", kind="customer", object_id=customer_id, after=after)
    await audit.emit(tx, "customer.created", kind="customer", object_id=customer_id, data=after)
    return row


async def _add_contacts(tx: Transaction, customer_id: str, contacts: list[CustomerKeyContactCreateDTO]) -> None:
    if not contacts:
        return
    await tx.execute(
        _INSERT_CONTACTS, tx.seller_id, customer_id,
        [new_id("kcp", tx.now) for _ in contacts], list(range(1, len(contacts) + 1)),
        [c.legalName for c in contacts], [c.name for c in contacts], [c.email or None for c in contacts],
        [c.mobile for c in contacts],
        # An address that is given is meant to be written to, unless the caller says otherwise.
        [bool(c.email) if c.mail_enabled is None else c.mail_enabled for c in contacts],
        [bool(c.sms_enabled) for c in contacts], [bool(c.whatsapp_enabled) for c in contacts],
        [c.via for c in contacts],
    )  # fmt: skip


async def _add_reminders(tx: Transaction, customer_id: str, reminders: list[CustomerReminderCreateDTO]) -> None:
    if not reminders:
        return
    await tx.execute(
        _INSERT_REMINDERS, tx.seller_id, customer_id,
        [new_id("rem", tx.now) for _ in reminders], [r.reminderType or None for r in reminders],
        [r.dueDateDifference for r in reminders], [r.reminderInterval for r in reminders],
        [r.reminderTime or None for r in reminders], [r.stage for r in reminders],
    )  # fmt: skip
