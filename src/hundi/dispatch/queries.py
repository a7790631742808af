"""Reading invoices for dispatch, and deliveries with their attempts."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.dispatch.rows import AttemptRow, Counts, DeliveryRow, InvoiceDelivery, InvoiceInDelivery, QueuedInvoice
from hundi.dispatch.rules import Contact, Recipients

# Sorted before they are locked, so that two requests about the same invoices wait for each other and never in a circle.
_LOCK_INVOICES: Final = """
    SELECT invoice_id, invoice_number, invoice_date, registration_id, customer_id, approval_status, receivable_status,
           dispatch_status, email_address, cc_emails, link_version, irn
      FROM invoices WHERE seller_id = $1 AND invoice_id = ANY($2::text[]) AND deleted_at IS NULL
     ORDER BY invoice_id FOR UPDATE"""
_CUSTOMERS: Final = "SELECT customer_id, gstin FROM customers WHERE seller_id = $1 AND customer_id = ANY($2::text[])"
_CONTACTS: Final = """
    SELECT customer_id, name, email FROM customer_contacts
     WHERE seller_id = $1 AND customer_id = ANY($2::text[]) AND NOT deleted AND mail_enabled AND email <> ''
     ORDER BY customer_id, position, contact_id"""
_ROUNDS: Final = """
    SELECT invoice_id, max(round) AS round FROM delivery_invoices
     WHERE seller_id = $1 AND invoice_id = ANY($2::text[]) GROUP BY invoice_id"""
_POLICY: Final = "SELECT e_invoice_from, e_invoice_policy FROM sellers WHERE seller_id = $1"
_RESENDS: Final = "SELECT unknown_resends FROM sellers WHERE seller_id = $1"
_DELIVERY: Final = """
    SELECT delivery_id, customer_id, channel, state, message_id, attempts, created_at
      FROM deliveries WHERE seller_id = $1 AND delivery_id = $2"""
_LOCK_DELIVERY: Final = f"{_DELIVERY} FOR UPDATE"
_LAST_ATTEMPT: Final = """
    SELECT attempt_no, started_at, outcome, finished_at FROM delivery_attempts
     WHERE seller_id = $1 AND delivery_id = $2 ORDER BY attempt_no DESC LIMIT 1"""
_COUNTS: Final = """
    SELECT count(*) FILTER (WHERE outcome = 'UNREACHABLE') AS unreachable,
           count(*) FILTER (WHERE outcome = 'UNKNOWN') AS unknown
      FROM delivery_attempts WHERE seller_id = $1 AND delivery_id = $2"""
# An invoice that was sent again since then belongs to the later delivery: this one has no say about it any more.
_INVOICES_OF: Final = """
    SELECT d.invoice_id, i.receivable_status, i.dispatch_status, i.email_address, i.cc_emails, i.version, i.link_version,
           NOT EXISTS (SELECT FROM delivery_invoices later
                        WHERE later.seller_id = $1 AND later.invoice_id = d.invoice_id AND later.round > d.round) AS latest
      FROM delivery_invoices d
      JOIN invoices i ON i.seller_id = d.seller_id AND i.invoice_id = d.invoice_id AND i.seller_id = $1
     WHERE d.seller_id = $1 AND d.delivery_id = $2 ORDER BY d.invoice_id"""
_DELIVERIES: Final = """
    SELECT d.delivery_id, d.channel, d.state, d.recipients, d.attempts, d.detail, d.created_at, d.created_by, d.settled_at
      FROM delivery_invoices di
      JOIN deliveries d ON d.seller_id = $1 AND d.delivery_id = di.delivery_id
     WHERE di.seller_id = $1 AND di.invoice_id = $2 AND ($3::text IS NULL OR d.delivery_id > $3)
     ORDER BY d.delivery_id LIMIT $4 OFFSET $5"""
_HOW_MANY: Final = "SELECT count(*) FROM delivery_invoices WHERE seller_id = $1 AND invoice_id = $2"
_SELLER: Final = "SELECT reply_to FROM sellers WHERE seller_id = $1"


async def lock_invoices(tx: Transaction, invoice_ids: Sequence[str]) -> list[QueuedInvoice]:
    """Lock these invoices in the order of their ids and give those that exist."""
    rows = await tx.fetch(_LOCK_INVOICES, tx.seller_id, list(invoice_ids))
    return [QueuedInvoice(**dict(row)) for row in rows]


async def customer_gstins(tx: Transaction, customer_ids: Sequence[str]) -> dict[str, str | None]:
    """Give the GSTIN of each customer."""
    rows = await tx.fetch(_CUSTOMERS, tx.seller_id, list(customer_ids))
    return {row["customer_id"]: row["gstin"] for row in rows}


async def mail_contacts(tx: Transaction, customer_ids: Sequence[str]) -> dict[str, list[Contact]]:
    """Give each customer's key contacts that take mail, the primary one first."""
    found: defaultdict[str, list[Contact]] = defaultdict(list)
    for row in await tx.fetch(_CONTACTS, tx.seller_id, list(customer_ids)):
        found[row["customer_id"]].append(Contact(email=row["email"], name=row["name"]))
    return found


async def last_rounds(tx: Transaction, invoice_ids: Sequence[str]) -> dict[str, int]:
    """Give how often each invoice was queued before."""
    rows = await tx.fetch(_ROUNDS, tx.seller_id, list(invoice_ids))
    return {row["invoice_id"]: int(row["round"]) for row in rows}


async def e_invoice_from(tx: Transaction) -> tuple[date | None, bool]:
    """Give the day from which B2B invoices need an IRN, if there is one, and whether one without it is refused."""
    found = await tx.fetchrow(_POLICY, tx.seller_id)
    return (None, True) if found is None else (found["e_invoice_from"], found["e_invoice_policy"] == "refuse")


async def unknown_resends(tx: Transaction) -> int:
    """Give how often the seller wants a mail sent again whose outcome is unknown."""
    return int(await tx.fetchval(_RESENDS, tx.seller_id))


async def reply_to(tx: Transaction) -> str | None:
    """Give the address that answers to the seller's mails go to."""
    found: str | None = await tx.fetchval(_SELLER, tx.seller_id)
    return found


async def delivery(tx: Transaction, delivery_id: str, *, lock: bool = False) -> DeliveryRow | None:
    """Give one delivery, locked if asked for."""
    row = await tx.fetchrow(_LOCK_DELIVERY if lock else _DELIVERY, tx.seller_id, delivery_id)
    return None if row is None else DeliveryRow(**dict(row))


async def last_attempt(tx: Transaction, delivery_id: str) -> AttemptRow | None:
    """Give the newest attempt of a delivery."""
    row = await tx.fetchrow(_LAST_ATTEMPT, tx.seller_id, delivery_id)
    return None if row is None else AttemptRow(**dict(row))


async def counts(tx: Transaction, delivery_id: str) -> Counts:
    """Count a delivery's attempts by how they ended."""
    row = await tx.fetchrow(_COUNTS, tx.seller_id, delivery_id)
    return Counts(unreachable=row["unreachable"], unknown=row["unknown"]) if row else Counts(unreachable=0, unknown=0)


async def invoices_of(tx: Transaction, delivery_id: str) -> list[InvoiceInDelivery]:
    """Give the invoices of a delivery by id."""
    return [InvoiceInDelivery(**dict(row)) for row in await tx.fetch(_INVOICES_OF, tx.seller_id, delivery_id)]


async def of_invoice(
    tx: Transaction, invoice_id: str, *, after: str | None, limit: int, offset: int
) -> tuple[list[InvoiceDelivery], int]:
    """Give a page of an invoice's deliveries, the first one first, and how many there are in all."""
    rows = await tx.fetch(_DELIVERIES, tx.seller_id, invoice_id, after, limit, offset)
    shown = [InvoiceDelivery(**{**row, "recipients": _addresses(row["recipients"])}) for row in rows]
    return shown, int(await tx.fetchval(_HOW_MANY, tx.seller_id, invoice_id))


def _addresses(stored: str | None) -> list[str]:
    """Read whom a mail was addressed to; nobody before its first attempt, or where no address was found."""
    found = msgspec.json.decode(stored, type=Recipients | None) if stored else None
    return [] if found is None else [contact.email for contact in (found.to, *found.cc)]
