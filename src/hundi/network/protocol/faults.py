"""Why the network refuses a message: our own family of codes, one table, each with a sentence that says what to do.

``published`` is the code of the one public list (contract B2B §4.5, onboarding and envelope only) that means the same;
None where there is none, or where the list gives only a range (ONB0006 to ONB0013, whose order is not public).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Fault(StrEnum):
    """The stable codes. They travel as ``resp.errorCd``."""

    # the wire
    UNREADABLE = "UNREADABLE"
    SENDER_UNKNOWN = "SENDER_UNKNOWN"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    WRONG_RECEIVER = "WRONG_RECEIVER"
    CLOCK_OUT_OF_WINDOW = "CLOCK_OUT_OF_WINDOW"
    MESSAGE_ID_REUSED = "MESSAGE_ID_REUSED"
    POSITION_USED = "POSITION_USED"
    GAP_TOO_WIDE = "GAP_TOO_WIDE"
    # any object
    OBJECT_ID_FORMAT = "OBJECT_ID_FORMAT"
    OBJECT_EXISTS = "OBJECT_EXISTS"
    OBJECT_UNKNOWN = "OBJECT_UNKNOWN"
    PAIR_DIFFERS = "PAIR_DIFFERS"
    NUMBER_DIFFERS = "NUMBER_DIFFERS"
    STALE_VERSION = "STALE_VERSION"
    VERSION_STEP = "VERSION_STEP"
    STALE_STATUS = "STALE_STATUS"
    NEXT_STATUS_DIFFERS = "NEXT_STATUS_DIFFERS"
    ILLEGAL_MOVE = "ILLEGAL_MOVE"
    WRONG_ACTOR = "WRONG_ACTOR"
    ANSWER_PENDING = "ANSWER_PENDING"
    AMOUNT_NOT_POSITIVE = "AMOUNT_NOT_POSITIVE"
    # businesses and B2B IDs
    PAN_FORMAT = "PAN_FORMAT"
    PAN_TYPE_DIFFERS = "PAN_TYPE_DIFFERS"
    PAN_TAKEN = "PAN_TAKEN"
    B2B_ID_FORMAT = "B2B_ID_FORMAT"
    B2B_ID_TAKEN = "B2B_ID_TAKEN"
    IDENTIFIER_TAKEN = "IDENTIFIER_TAKEN"
    IDENTIFIER_OF_OTHERS = "IDENTIFIER_OF_OTHERS"
    B2B_ID_UNKNOWN = "B2B_ID_UNKNOWN"
    B2B_ID_INACTIVE = "B2B_ID_INACTIVE"
    B2B_ID_NOT_YOURS = "B2B_ID_NOT_YOURS"
    BUSINESS_INACTIVE = "BUSINESS_INACTIVE"
    SAME_BUSINESS = "SAME_BUSINESS"
    SUPPLIER_NOT_ALLOWED = "SUPPLIER_NOT_ALLOWED"
    SEARCH_PARAMETER = "SEARCH_PARAMETER"
    SEARCH_PRIVATE = "SEARCH_PRIVATE"
    SEARCH_NOTHING = "SEARCH_NOTHING"
    # invoices, orders and notes
    DOCUMENT_NUMBER_TAKEN = "DOCUMENT_NUMBER_TAKEN"
    IRN_FIXED = "IRN_FIXED"
    PAID_IN_PART = "PAID_IN_PART"
    UNDER_LIEN = "UNDER_LIEN"
    ORDER_OF_OTHERS = "ORDER_OF_OTHERS"
    ORDER_EXCEEDED = "ORDER_EXCEEDED"
    ORDER_INVOICED = "ORDER_INVOICED"
    # payments
    INVOICE_LISTED_TWICE = "INVOICE_LISTED_TWICE"
    LINE_SUM = "LINE_SUM"
    SPLIT_SUM = "SPLIT_SUM"
    PAYMENT_SUM = "PAYMENT_SUM"
    DUE_DIFFERS = "DUE_DIFFERS"
    OVERPAYMENT = "OVERPAYMENT"
    UTR_USED = "UTR_USED"
    NOTE_UNKNOWN = "NOTE_UNKNOWN"
    NOTE_NOT_APPLICABLE = "NOTE_NOT_APPLICABLE"
    NOTE_EXCEEDED = "NOTE_EXCEEDED"
    PAYMENT_TYPE_DIFFERS = "PAYMENT_TYPE_DIFFERS"
    INVOICES_DIFFER = "INVOICES_DIFFER"
    ON_PLATFORM_FINAL = "ON_PLATFORM_FINAL"
    # financing
    FA_UNKNOWN = "FA_UNKNOWN"
    NOT_FINANCEABLE = "NOT_FINANCEABLE"
    FINANCE_EXCEEDS_DUE = "FINANCE_EXCEEDS_DUE"
    INITIATOR_NOT_OF_PAIR = "INITIATOR_NOT_OF_PAIR"
    BID_NOT_ASKED = "BID_NOT_ASKED"
    BID_SUM = "BID_SUM"


class Meaning(NamedTuple):
    """What a code says to a person, and the published code that means the same."""

    sentence: str
    published: str | None = None


MEANINGS: Final[Mapping[Fault, Meaning]] = {
    Fault.UNREADABLE: Meaning("The message cannot be read: send it again as it was made.", "GEN0007"),
    Fault.SENDER_UNKNOWN: Meaning("The network has no key of this sender: register the key first.", "GEN0001"),
    Fault.BAD_SIGNATURE: Meaning("The signature does not fit the message: sign exactly what you send, with the key that is known of you."),
    Fault.WRONG_RECEIVER: Meaning("The message is addressed to somebody else: check where you send it."),
    Fault.CLOCK_OUT_OF_WINDOW: Meaning("The message is too old or from the future: check your clock, stamp and sign it anew.", "TXN0004"),
    Fault.MESSAGE_ID_REUSED: Meaning("This message id was used for another message: take a new one.", "TXN0002"),
    Fault.POSITION_USED: Meaning("This place in the order of messages is taken: number yours one higher than your last."),
    Fault.GAP_TOO_WIDE: Meaning("Too many messages before this one are missing: send the earlier ones first."),
    Fault.OBJECT_ID_FORMAT: Meaning("The object id is not of this kind: send the kind's prefix and 32 letters or digits.", "INP0002"),
    Fault.OBJECT_EXISTS: Meaning("The object id is taken: make a new one.", "ONB0003"),
    Fault.OBJECT_UNKNOWN: Meaning("The network knows no such object of yours: check the id."),
    Fault.PAIR_DIFFERS: Meaning("Buyer and supplier are not those of the object: send the two B2B IDs it was made with."),
    Fault.NUMBER_DIFFERS: Meaning("The number is not the object's: send the one it was made with."),
    Fault.STALE_VERSION: Meaning("The object has another version by now: read it again and decide anew."),
    Fault.VERSION_STEP: Meaning("The new version does not follow: create 1 to 1, a change of content n to n+1, a status n to n."),
    Fault.STALE_STATUS: Meaning("The object has another status by now: read it again and decide anew."),
    Fault.NEXT_STATUS_DIFFERS: Meaning("The new status is not what this leads to: send that one, or repeat the current one."),
    Fault.ILLEGAL_MOVE: Meaning("The object's status does not allow this."),
    Fault.WRONG_ACTOR: Meaning("The other side of the trade may do this; you may not."),
    Fault.ANSWER_PENDING: Meaning("A message of yours about this object is on its way: wait for its answer."),
    Fault.AMOUNT_NOT_POSITIVE: Meaning("The amount must be above zero.", "INP0002"),
    Fault.PAN_FORMAT: Meaning("Send a PAN such as AAACG0569P.", "INP0003"),
    Fault.PAN_TYPE_DIFFERS: Meaning("The PAN's fourth letter belongs to another type of entity: check both.", "INP0004"),
    Fault.PAN_TAKEN: Meaning("A business with this PAN is registered: use that one.", "ONB0001"),
    Fault.B2B_ID_FORMAT: Meaning('Send a B2B ID of 1 to 100 characters without " and \\.', "INP0002"),
    Fault.B2B_ID_TAKEN: Meaning("The B2B ID is taken: choose another.", "ONB0004"),
    Fault.IDENTIFIER_TAKEN: Meaning("The identifier belongs to a registered business: check it.", "ONB0005"),
    Fault.IDENTIFIER_OF_OTHERS: Meaning("The identifier is not one of this business: register it there first."),
    Fault.B2B_ID_UNKNOWN: Meaning("There is no such B2B ID: search for it."),
    Fault.B2B_ID_INACTIVE: Meaning("The B2B ID is not active: nothing new can be sent from it or to it."),
    Fault.B2B_ID_NOT_YOURS: Meaning("The B2B ID you act with belongs to somebody else: send one of your own."),
    Fault.BUSINESS_INACTIVE: Meaning("The business is not active: it can trade once its KYC is approved."),
    Fault.SAME_BUSINESS: Meaning("Buyer and supplier are one business: send to another."),
    Fault.SUPPLIER_NOT_ALLOWED: Meaning("Without a GSTIN or Udyam number as its primary identifier a business only buys."),
    Fault.SEARCH_PARAMETER: Meaning("Search by PAN, B2B ID, GSTIN, TAN, FSSAI, SHOP ESTABLISHMENT NUMBER, UDYAM, NAME, EMAIL or CONTACT NUMBER, EXACT.", "ONB0014"),
    Fault.SEARCH_PRIVATE: Meaning("That B2B ID is private: ask its owner.", "ONB0015"),
    Fault.SEARCH_NOTHING: Meaning("Nothing was found.", "ONB0016"),
    Fault.DOCUMENT_NUMBER_TAKEN: Meaning("The supplier has a document of this kind, number and financial year: take the next number."),
    Fault.IRN_FIXED: Meaning("An invoice with an IRN keeps its number, date, parties, items and values: cancel it, or send a note."),
    Fault.PAID_IN_PART: Meaning("Something was paid: it cannot be cancelled any more, send a credit note."),
    Fault.UNDER_LIEN: Meaning("The invoice is financed: it cannot be cancelled or financed again."),
    Fault.ORDER_OF_OTHERS: Meaning("The purchase order is not of this buyer and supplier: check its id."),
    Fault.ORDER_EXCEEDED: Meaning("More is invoiced than was ordered: correct the quantities or amounts, or ask for a new order."),
    Fault.ORDER_INVOICED: Meaning("The order was invoiced: close it instead of cancelling it."),
    Fault.INVOICE_LISTED_TWICE: Meaning("An invoice is listed twice: one line for each."),
    Fault.LINE_SUM: Meaning("The total must be the net amount and the adjustments, each zero or more."),
    Fault.SPLIT_SUM: Meaning("The splits must add up to the adjustments, each above zero."),
    Fault.PAYMENT_SUM: Meaning("The payment's amounts must be the sums of its lines."),
    Fault.DUE_DIFFERS: Meaning("The due amount or total is not the invoice's: read it again."),
    Fault.OVERPAYMENT: Meaning("More is paid than is due: pay at most the due amount."),
    Fault.UTR_USED: Meaning("A payment with this UTR is known: each transfer is reported once."),
    Fault.NOTE_UNKNOWN: Meaning("The split names no credit note of this buyer and supplier: send its object id or number as refNo."),
    Fault.NOTE_NOT_APPLICABLE: Meaning("Only an accepted credit note can be set off."),
    Fault.NOTE_EXCEEDED: Meaning("More is set off than the credit note has left."),
    Fault.PAYMENT_TYPE_DIFFERS: Meaning("The payment is of the other type: send the one it was made with."),
    Fault.INVOICES_DIFFER: Meaning("List exactly the invoices of the payment."),
    Fault.ON_PLATFORM_FINAL: Meaning("Only an off-platform payment can be rejected."),
    Fault.FA_UNKNOWN: Meaning("There is no such finance aggregator: send the B2B ID of one that is active."),
    Fault.NOT_FINANCEABLE: Meaning("Only an accepted invoice with something due, and no lien on it, can be financed."),
    Fault.FINANCE_EXCEEDS_DUE: Meaning("More is asked or approved than is due: lower the amount."),
    Fault.INITIATOR_NOT_OF_PAIR: Meaning("Buyer or supplier may ask for finance: send one of the two as the initiator."),
    Fault.BID_NOT_ASKED: Meaning("This finance aggregator was not asked: bid on requests you received."),
    Fault.BID_SUM: Meaning("The approved amounts must name invoices of the request and add up to the bid's."),
}  # fmt: skip


class MessageRefused(Exception):
    """The network cannot accept a message. ``field`` is the place in it, ``detail`` what was found instead."""

    def __init__(self, fault: Fault, field: str = "", detail: str = "") -> None:
        """Keep the code; the sentence follows from it."""
        self.fault = fault
        self.field = field
        self.detail = detail
        super().__init__(fault, field, detail)

    def sentence(self) -> str:
        """Say what is wrong and what to do about it."""
        return f"{MEANINGS[self.fault].sentence} ({self.detail})" if self.detail else MEANINGS[self.fault].sentence

    def __str__(self) -> str:
        return f"{self.fault}: {self.sentence()}"
