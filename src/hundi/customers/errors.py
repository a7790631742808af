"""Refusals about customers."""

from hundi.kit.errors import NotAllowedNow, NotFound


class CustomerNotFound(NotFound):
    """There is no such customer in this company."""

    code = "CUSTOMER_NOT_FOUND"


class CustomerInactive(NotAllowedNow):
    """The customer is inactive. Activate it first."""

    code = "CUSTOMER_INACTIVE"


class CustomerRefTaken(NotAllowedNow):
    """Another customer of this company has that uniqueRefNo."""

    code = "CUSTOMER_REF_TAKEN"
