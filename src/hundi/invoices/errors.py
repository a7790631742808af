"""Refusals about invoices."""

from hundi.kit.errors import Forbidden, NotAllowedNow, NotFound, Refusal


class InvoiceNotFound(NotFound):
    """There is no such invoice in this company."""

    code = "INVOICE_NOT_FOUND"


class RegistrationNotFound(NotFound):
    """The company has no registration with that GSTIN."""

    code = "REGISTRATION_NOT_FOUND"


class NumberTaken(NotAllowedNow):
    """The registration has another invoice with that number in the same financial year (rule 46(b) CGST Rules)."""

    code = "INVOICE_NUMBER_TAKEN"


class ExternalIdTaken(NotAllowedNow):
    """Another invoice of this company has that externalId."""

    code = "EXTERNAL_ID_TAKEN"


class BeingSent(NotAllowedNow):
    """The invoice is on its way to its customer. Change the customer when that is settled."""

    code = "INVOICE_BEING_SENT"


class NoSeries(NotAllowedNow):
    """The registration has no default number series. Send invoiceNumber, or set a series up."""

    code = "NO_NUMBER_SERIES"


class ApprovalForbidden(Forbidden):
    """Your role does not allow this approval step."""

    code = "APPROVAL_FORBIDDEN"


class ApprovalNotWritable(Forbidden):
    """An invoice cannot be born approved. Leave approvalStatus out and let it be approved."""

    code = "APPROVAL_NOT_WRITABLE"


class ApprovalSamePerson(Forbidden):
    """Maker, checker and approver are three different people. Ask a colleague to take this step."""

    code = "APPROVAL_SAME_PERSON"


class NotWaiting(NotAllowedNow):
    """The invoice does not wait for this step of its approval. Read it to see where it stands."""

    code = "APPROVAL_NOT_WAITING"


class ApprovalWithChanges(NotAllowedNow):
    """An approval and changes of what is approved cannot come in one request. Send the changes first."""

    code = "APPROVAL_WITH_CHANGES"


class InvoiceCancelled(NotAllowedNow):
    """The invoice is cancelled; nothing leads out of that. Issue another one."""

    code = "INVOICE_IS_CANCELLED"


class PolicyNotFound(NotFound):
    """There is no such approval policy in this company."""

    code = "POLICY_NOT_FOUND"


class PolicyOverlaps(NotAllowedNow):
    """Another active policy holds for some of these amounts. Change that one, or choose a band beside it."""

    code = "POLICY_OVERLAPS"


class ChangedMeanwhile(Refusal):
    """The invoice was changed in the meantime. Read it again and repeat your change."""

    code, status = "INVOICE_CHANGED_MEANWHILE", 412


class IrnStands(NotAllowedNow):
    """The e-invoice portal cancels an IRN within 24 hours of its acknowledgement only. Issue a credit note instead."""

    code = "IRN_STANDS"


class HeldByNetwork(NotAllowedNow):
    """The invoice stands on the network in a way that does not let it be cancelled; its code says which."""

    code = "HELD_BY_NETWORK"
