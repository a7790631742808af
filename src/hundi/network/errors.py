"""Refusals of the network's routes. What the rules refuse keeps its own code (hundi.network.refusals) on the field."""

from hundi.kit.errors import ErrorType, Invalid, NotAllowedNow, NotFound, Refusal, Transient


class MessageInvalid(Invalid):
    """The message is not acceptable as it is; its code says why."""

    code = "NETWORK_MESSAGE_INVALID"


class MessageNotAllowed(NotAllowedNow):
    """The network's rules do not allow this message now; its code says why."""

    code = "NETWORK_MESSAGE_REFUSED"


class NetworkObjectNotFound(NotFound):
    """There is no such object, business or B2B ID of yours on the network."""

    code = "NETWORK_OBJECT_NOT_FOUND"


class ParcelRefused(Refusal):
    """The parcel cannot be taken over; its code says why."""

    code, status, error_type = "PARCEL_REFUSED", 400, ErrorType.CLIENT_REQUEST_ERROR


class ParcelUnsigned(Refusal):
    """The parcel is not signed by who it says sent it, or not now; its code says what is wrong."""

    code, status, error_type = "PARCEL_UNSIGNED", 401, ErrorType.UNAUTHORIZED


class NoSuchInbox(NotFound):
    """The network delivers under the published paths only; this is none of them."""

    code = "NETWORK_INBOX_UNKNOWN"


class ObjectBusy(Transient):
    """Another message is changing the same object just now. Send the same request again in a few seconds."""


class CounterpartyNotFound(NotFound):
    """No B2B ID is known of this customer. Set it, or search the network for the customer's GSTIN."""

    code = "COUNTERPARTY_NOT_FOUND"


class PaymentInvoicesDiffer(NotAllowedNow):
    """A payment is answered for all its invoices at once. Name each of them, and no other."""

    code = "PAYMENT_INVOICES_DIFFER"
