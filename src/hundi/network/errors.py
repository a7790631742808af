"""Refusals of the network's routes. What the rules refuse keeps its own code (hundi.network.refusals) on the field."""

from hundi.kit.errors import (
    ErrorType,
    Forbidden,
    Invalid,
    NotAllowedNow,
    NotFound,
    Refusal,
    Transient,
    Unauthenticated,
)


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


class NoCentreHere(NotFound):
    """No central unit is at work here: this server belongs to one elsewhere, send it there."""

    code = "NO_CENTRAL_UNIT_HERE"


class ObjectBusy(Transient):
    """Another message is changing the same object just now. Send the same request again in a few seconds."""


class CounterpartyNotFound(NotFound):
    """No B2B ID is known of this customer. Set it, or search the network for the customer's GSTIN."""

    code = "COUNTERPARTY_NOT_FOUND"


class PaymentInvoicesDiffer(NotAllowedNow):
    """A payment is answered for all its invoices at once. Name each of them, and no other."""

    code = "PAYMENT_INVOICES_DIFFER"


class ConnectionNotFound(NotFound):
    """The company has no connection of its own: it trades through the central unit of this installation."""

    code = "NETWORK_CONNECTION_NOT_FOUND"


class ConnectionInUse(NotAllowedNow):
    """Messages are under way: wait until all have their answers before you change how they travel."""

    code = "NETWORK_CONNECTION_IN_USE"


class ConnectionOfOthers(Forbidden):
    """A partner may not choose a company's connection: ask somebody of the company itself."""

    code = "NETWORK_CONNECTION_OWN_PEOPLE"


class ConnectionUnusable(Transient):
    """The connection's secrets cannot be opened with HUNDI_SECRET_KEY: send the credentials again."""


class ProviderHasNoCall(NotAllowedNow):
    """The company's provider cannot carry this message; its code says what to do instead."""

    code = "NETWORK_PROVIDER_UNSUPPORTED"


class IntakeRefused(Unauthenticated):
    """Send the connection's intake secret in Network-Intake-Secret or in the path, and the signature where one is agreed."""

    code = "NETWORK_INTAKE_REFUSED"


class KeptNotFound(NotFound):
    """There is no such kept webhook and no such message in doubt."""

    code = "NETWORK_KEPT_NOT_FOUND"


class DispatchNotFound(NotFound):
    """There is no such dispatch of yours, or it ended more than 30 days ago."""

    code = "DISPATCH_NOT_FOUND"
