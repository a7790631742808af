"""Refusals about money."""

from hundi.kit.errors import NotAllowedNow, NotFound


class EntryNotFound(NotFound):
    """The invoice has no such entry."""

    code = "ENTRY_NOT_FOUND"


class ExceedsBalance(NotAllowedNow):
    """That is more than is still owed on this invoice. Record what belongs to it, and the rest elsewhere."""

    code = "EXCEEDS_BALANCE"


class ExceedsValue(NotAllowedNow):
    """That would make the balance larger than the document's value. Correct the invoice instead."""

    code = "EXCEEDS_INVOICE_VALUE"


class DuplicateReference(NotAllowedNow):
    """That reference stands on this invoice already. Look at its entries before you record it again."""

    code = "DUPLICATE_REFERENCE"


class PartNotAllowed(NotAllowedNow):
    """The invoice is to be paid in full. Allow part payment on it, or send acceptPart: true."""

    code = "PART_NOT_ALLOWED"


class BelowMinimumPart(NotAllowedNow):
    """That is less than the least part payment of this invoice. Send acceptPart: true to record it all the same."""

    code = "BELOW_MINIMUM_PART"


class InvoiceWrittenOff(NotAllowedNow):
    """The invoice is written off. Reinstate it first, then record the money."""

    code = "INVOICE_IS_WRITTEN_OFF"


class NotReversible(NotAllowedNow):
    """This entry cannot be reversed by itself."""

    code = "NOT_REVERSIBLE"


class PaymentAccepted(NotAllowedNow):
    """That payment was accepted before and its receipt stands. Reverse the receipt first."""

    code = "PAYMENT_ACCEPTED"
