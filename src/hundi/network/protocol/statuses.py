"""The words of the network: kinds of object, their statuses, who acts, what happens (contract B2B §8, design §4.4).

Attested words are spelt as they were seen (``SENT TO BUYER``); the others are ours in the same manner.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What the network keeps."""

    INVOICE = "INVOICE"
    PAYMENT = "PAYMENT"
    ORDER = "PURCHASE ORDER"
    NOTE = "NOTE"
    FINANCING = "FINANCING REQUEST"
    BID = "BID"
    BUSINESS = "BUSINESS"
    B2B_ID = "B2B ID"


class InvoiceStatus(StrEnum):
    """How far an invoice has come (§8.2). FAILED exists only in the sender's own copy: the network refused it."""

    CREATED = "CREATED"
    SENT = "SENT TO BUYER"
    FAILED = "FAILED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    PAYMENT_INITIATED = "PAYMENT INITIATED"
    PARTIALLY_PAID = "PARTIALLY PAID"
    PAID = "PAID"
    CLOSED = "CLOSED"


class PaymentStatus(StrEnum):
    """How far a payment has come (§8.3). SUCCESS and FAILED are the rail's words, for on-platform payments only."""

    INITIATED = "INITIATED"
    ACK_PENDING = "ACK PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"


class OrderStatus(StrEnum):
    """How far a purchase order has come (§8.4)."""

    CREATED = "CREATED"
    SENT = "SENT TO SUPPLIER"
    FAILED = "FAILED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    PARTIALLY_INVOICED = "PARTIALLY INVOICED"
    FULLY_INVOICED = "FULLY INVOICED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"


class NoteStatus(StrEnum):
    """How far a credit or debit note has come (§8.5). There is no RETURNED: notes cannot be edited."""

    CREATED = "CREATED"
    SENT = "SENT TO BUYER"
    FAILED = "FAILED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    APPLIED = "APPLIED"


class FinancingStatus(StrEnum):
    """How far a financing request has come (§8.6)."""

    CREATED = "CREATED"
    SENT = "SENT TO FA"
    FAILED = "FAILED"
    BIDS_RECEIVED = "BIDS RECEIVED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DISBURSED = "DISBURSED"
    REPAID = "REPAID"


class BidStatus(StrEnum):
    """How far a financier's bid has come (§8.6)."""

    SHARED = "SHARED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    LAPSED = "LAPSED"


class BusinessStatus(StrEnum):
    """Whether a business may trade (§8.7)."""

    KYC_PENDING = "KYC PENDING"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class B2bIdStatus(StrEnum):
    """Whether a B2B ID may be used for something new (§8.7)."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class Actor(StrEnum):
    """Who makes a move: a side of the trade, the network itself, a finance aggregator, or who owns or began it."""

    SUPPLIER = "SUPPLIER"
    BUYER = "BUYER"
    NETWORK = "NETWORK"
    FA = "FA"
    INITIATOR = "INITIATOR"
    OWNER = "OWNER"


class Event(StrEnum):
    """What happens to an object; each leaves one row behind."""

    CREATE = "CREATE"
    DELIVER = "DELIVER"
    REFUSE = "REFUSE"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    RETURN = "RETURN"
    EDIT = "EDIT"
    CANCEL = "CANCEL"
    CLOSE = "CLOSE"
    PAY = "PAY"
    CONFIRM = "CONFIRM"
    DECLINE = "DECLINE"
    SETTLE = "SETTLE"
    FALL_THROUGH = "FALL THROUGH"
    INVOICE = "INVOICE"
    UNINVOICE = "UNINVOICE"
    APPLY = "APPLY"
    UNAPPLY = "UNAPPLY"
    PLEDGE = "PLEDGE"
    RELEASE = "RELEASE"
    BID = "BID"
    EXPIRE = "EXPIRE"
    DISBURSE = "DISBURSE"
    REPAY = "REPAY"
    LAPSE = "LAPSE"
    APPROVE = "APPROVE"
    ACTIVATE = "ACTIVATE"
    DEACTIVATE = "DEACTIVATE"
    CHANGE = "CHANGE"
