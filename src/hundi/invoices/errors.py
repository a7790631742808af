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


class NoSeries(NotAllowedNow):
    """The registration has no default number series. Send invoiceNumber, or set a series up."""

    code = "NO_NUMBER_SERIES"


class ApprovalForbidden(Forbidden):
    """Your role does not allow this approval step."""

    code = "APPROVAL_FORBIDDEN"


class Stale(Refusal):
    """The invoice was changed in the meantime. Read it again and repeat your change."""

    code, status = "STALE_VERSION", 412
