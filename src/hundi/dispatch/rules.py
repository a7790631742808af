"""Which invoices may be sent, to whom, and how often it is tried again: decisions on plain values (domain §7)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from hundi.invoices.rules import APPROVED, DispatchStatus, ReceivableStatus
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem

MAX_INVOICES: Final = 10_000
"""Most invoices in one request; more are sent in several."""
MAX_IN_ONE_MAIL: Final = 50
"""With ``group: customer`` more invoices than this go in several mails: mail servers refuse large ones."""

UNREACHABLE_DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 4 * 60, 12 * 60))
"""How long to wait after each attempt that did not reach the mail server; after the last the delivery has failed."""
UNKNOWN_DELAY: Final = timedelta(minutes=1)
MAX_STARTS: Final = 100
"""How often work on one delivery may begin, crashes included, before it is given up."""


class Grouping(StrEnum):
    """What goes into one mail."""

    INVOICE = "invoice"
    CUSTOMER = "customer"


class Channel(StrEnum):
    """How invoices are sent: ours to offer beside the documented request, which names none."""

    EMAIL = "EMAIL"
    BHARAT_CONNECT = "BHARAT_CONNECT"


class OutcomeKind(StrEnum):
    """What became of one attempt. UNKNOWN: the mail may or may not have been taken over by the server."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNREACHABLE = "UNREACHABLE"
    UNKNOWN = "UNKNOWN"


class Outcome(msgspec.Struct, frozen=True):
    """One attempt's end, with the server's own words."""

    kind: OutcomeKind
    detail: str


class Verdict(StrEnum):
    """What happens to an invoice that somebody wants to send."""

    QUEUE = "QUEUE"
    ALREADY = "ALREADY"
    REFUSE = "REFUSE"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as the decision sees it. ``reachable``: there is an address to send it to."""

    invoice_id: str
    invoice_number: str
    invoice_date: datetime
    approval_status: str
    receivable_status: str
    dispatch_status: str
    irn: str | None
    customer_gstin: str | None
    reachable: bool


_CLOSED: Final = {
    ReceivableStatus.CANCELLED: ("CANCELLED", "It is cancelled; its number is burnt. Issue another invoice."),
    ReceivableStatus.WRITTEN_OFF: ("WRITTEN_OFF", "It is written off; reinstate it before you send it."),
    ReceivableStatus.PAID: ("ALREADY_PAID", "It is paid in full; there is nothing to ask for."),
}


def judge(one: Candidate, *, resend: bool, e_invoice_from: date | None) -> tuple[Verdict, FieldProblem | None]:
    """Decide on one invoice. The problem's ``field`` is empty: the caller knows the place in the request.

    Already dispatched or queued is no error and sends nothing; ``resend`` sends a dispatched one again (domain §7).
    """
    status = DispatchStatus(one.dispatch_status)
    if status is DispatchStatus.QUEUED or (status is DispatchStatus.DISPATCHED and not resend):
        return Verdict.ALREADY, None
    reason = _CLOSED.get(ReceivableStatus(one.receivable_status))
    if reason is None and one.approval_status not in APPROVED:
        reason = ("NOT_APPROVED", "It is not approved yet; have it approved first.")
    if reason is None and status is DispatchStatus.UNKNOWN and not resend:
        message = (
            "It may have arrived already: the mail server's answer was lost. Ask, or send it again with resend: true."
        )
        reason = ("OUTCOME_UNKNOWN", message)
    if reason is None and lacks_irn(one, e_invoice_from):
        reason = ("EINVOICE_WITHOUT_IRN", f"An e-invoice is needed from {e_invoice_from}; get its IRN first.")
    if reason is None and not one.reachable:
        message = "Its customer has no key contact with an e-mail address; add one, or set the invoice's emailAddress."
        reason = ("NO_KEY_CONTACT", message)
    if reason is None:
        return Verdict.QUEUE, None
    code, message = reason
    return Verdict.REFUSE, FieldProblem("", code, f"Invoice {one.invoice_number}: {message}", one.invoice_id)


def lacks_irn(one: Candidate, e_invoice_from: date | None) -> bool:
    """Tell whether the seller demands an e-invoice for it (domain §11: B2B on or after the date) and it has none."""
    if e_invoice_from is None or one.irn or not one.customer_gstin:
        return False
    return ist_date(one.invoice_date) >= e_invoice_from


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who gets mail."""

    email: str
    name: str = ""


class Recipients(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets one mail."""

    to: Contact
    cc: tuple[Contact, ...] = ()


def recipients(contacts: Sequence[Contact], override: str | None, cc_emails: Sequence[str]) -> Recipients | None:
    """Say who gets an invoice, or None when nobody can (domain §7).

    ``contacts`` are the customer's key contacts that take mail, the primary one first; ``override`` is the invoice's
    own address and takes the primary's place; nobody is written to twice.
    """
    if override:
        to, others = Contact(email=override), contacts[1:]
    elif contacts:
        to, others = contacts[0], contacts[1:]
    else:
        return None
    seen = {to.email.casefold()}
    cc: list[Contact] = []
    for contact in (*others, *(Contact(email=address) for address in cc_emails)):
        key = contact.email.casefold()
        if key not in seen:
            seen.add(key)
            cc.append(contact)
    return Recipients(to=to, cc=tuple(cc))


def next_delay(unreachable_attempts: int) -> timedelta | None:
    """Say how long to wait after this many attempts that reached nobody; None: give up."""
    if unreachable_attempts > len(UNREACHABLE_DELAYS):
        return None
    return UNREACHABLE_DELAYS[max(unreachable_attempts, 1) - 1]
