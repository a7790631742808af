"""Refusals about customers."""

from hundi.kit.errors import Invalid, NotAllowedNow, NotFound


class CustomerNotFound(NotFound):
    """There is no such customer in this company."""

    code = "CUSTOMER_NOT_FOUND"


class ContactNotFound(NotFound):
    """The customer has no such key contact. Leave the id out to add a new one."""

    code = "CONTACT_NOT_FOUND"


class ReminderNotFound(NotFound):
    """The customer has no such reminder rule. Leave the id out to add a new one."""

    code = "REMINDER_NOT_FOUND"


class CustomerInactive(NotAllowedNow):
    """The customer is inactive. Activate it first."""

    code = "CUSTOMER_INACTIVE"


class CustomerRefTaken(NotAllowedNow):
    """Another customer of this company has that uniqueRefNo."""

    code = "CUSTOMER_REF_TAKEN"


class CustomerHasOpenInvoices(NotAllowedNow):
    """The customer still owes on invoices. Settle, cancel or write them off first, or deactivate the customer."""

    code = "CUSTOMER_HAS_OPEN_INVOICES"


class TooManyOfCustomer(Invalid):
    """A customer has at most 50 key contacts and 20 reminder rules. Remove some first."""

    code = "TOO_MANY"
