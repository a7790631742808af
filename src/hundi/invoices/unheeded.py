"""What a call asked for and did not get, said in its warnings: a 200 never hides that a part of it did nothing."""

from collections.abc import Mapping
from typing import Any, Final

from hundi.db.pool import Transaction
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import APPROVED
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown

# What createInvoice or the replies name and updateInvoice does not change, with the column where a reply shows it.
_FIXED: Final[Mapping[str, str | None]] = {
    "supplyType": "supply_type", "registrationGstin": None, "externalId": "external_id", "sellerId": "seller_id",
    "registrationId": "registration_id",
}  # fmt: skip
_CLOSED: Final = {
    "CANCELLED": ("CANCELLED", "It is cancelled and was not sent."),
    "WRITTEN_OFF": ("WRITTEN_OFF", "It is written off and was not sent: reinstate it first."),
    "PAID": ("ALREADY_PAID", "It is paid in full and was not sent: there is nothing to ask for."),
}
_BEFORE: Final = (
    "ALREADY_DISPATCHED",
    "It was sent before, or is on its way: to send it again dispatch it with resend: true.",
)
_UNDER_WAY: Final = {
    "DISPATCHED": _BEFORE,
    "QUEUED": _BEFORE,
    "UNKNOWN": (
        "OUTCOME_UNKNOWN",
        "It may have arrived already, and is not sent again: ask, or dispatch it with resend: true.",
    ),
}
_DEMANDED: Final = """
    SELECT s.e_invoice_from FROM sellers s
     WHERE s.seller_id = $1 AND s.e_invoice_policy = 'refuse'
       AND EXISTS (SELECT FROM customers c WHERE c.seller_id = $1 AND c.customer_id = $2 AND c.gstin IS NOT NULL)"""


def left_as_they_are(sent: Mapping[str, Any], row: InvoiceRow) -> list[FieldProblem]:
    """Warn of fields in a PATCH that an invoice keeps from its birth, where they say otherwise than it does."""
    message = "This is fixed when the invoice is made and was left as it is: cancel or delete it, and make another."
    return [
        FieldProblem(name, "NOT_CHANGED", message, shown(sent[name]))
        for name, stored in _FIXED.items()
        if name in sent and sent[name] != {} and (stored is None or (sent[name] or None) != getattr(row, stored))
    ]


def remarks_alone() -> FieldProblem:
    """Warn that ``remarks`` came with nothing they explain, and stand nowhere."""
    message = "Nothing else was changed, so the remarks were not kept: send them with what they explain."
    return FieldProblem("remarks", "NOT_CHANGED", message)


def not_sent_yet() -> FieldProblem:
    """Warn that ``dispatchNow`` did nothing, because nothing is sent before it is approved."""
    message = "It waits for its approval and was not sent: dispatch it once it is approved."
    return FieldProblem("dispatchNow", "NOT_APPROVED", message)


async def why_not_sent(tx: Transaction, row: InvoiceRow) -> FieldProblem | None:
    """Say why ``dispatchNow`` sends nothing, if it does not, by the codes of dispatch (domain §7)."""
    reason = _CLOSED.get(row.receivable_status) or _UNDER_WAY.get(row.dispatch_status)
    if reason is not None:
        return FieldProblem("dispatchNow", *reason)
    if row.approval_status not in APPROVED:
        return not_sent_yet()
    demanded = None if row.irn else await tx.fetchval(_DEMANDED, tx.seller_id, row.customer_id)
    if demanded is not None and ist_date(row.invoice_date) >= demanded:
        message = f"An e-invoice is needed from {demanded}, so it was not sent: send its irn first."
        return FieldProblem("dispatchNow", "EINVOICE_WITHOUT_IRN", message)
    if not row.has_key_contacts and not row.email_address:
        message = "The customer has no key contact with an e-mail address, so nothing can be mailed."
        return FieldProblem("dispatchNow", "NO_KEY_CONTACT", message)
    return None
