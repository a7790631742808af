"""The messages of the network as plain immutable values: the 20 published calls, and the network's own orders.

A message holds what the rules decide by; ``body`` is the published JSON it came from, passed on to the other side as it
is. Amounts are Decimal rupees. B2B IDs are as they were sent. Field names follow the contract (B2B §4 to §7) in our
spelling.
"""

from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from hundi.network.protocol.objects import BidShare, Identifier, Line, OrderShare

NO_BODY: Final = msgspec.Raw(b"{}")


class ObjectVersion(msgspec.Struct, frozen=True):
    """``objectVersion``: the version the sender knows, and the one that is to follow."""

    current: int
    new: int


class Transition(msgspec.Struct, frozen=True):
    """``statusTransition``: the status the sender knows, and the one this leads to (or the current one again)."""

    current: str
    new: str


class Body(msgspec.Struct, frozen=True, kw_only=True, tag_field="call", tag=str):
    """The published JSON a message came from: the rules never look into it."""

    body: msgspec.Raw = NO_BODY


class Pair(Body, frozen=True, kw_only=True):
    """``b2bIds``: who buys and who supplies."""

    buyer: str
    supplier: str


class About(Pair, frozen=True, kw_only=True):
    """Something about one document."""

    object_id: str
    number: str
    version: ObjectVersion
    transition: Transition


# ---------------------------------------------------------------- onboarding


class CheckEntity(Body, frozen=True, kw_only=True):
    """Is this PAN on the network? (§4.1)"""

    business_id: str
    pan: str
    entity_type: str
    name: str


class RegisterEntity(Body, frozen=True, kw_only=True):
    """Put a business on the network, with its first B2B ID (§4.2)."""

    business_id: str
    version: ObjectVersion
    name: str
    b2b_id: str
    pan: str
    entity_type: str
    primary: Identifier
    others: tuple[Identifier, ...] = ()
    alias: str = ""
    state: str = ""
    pincode: str = ""
    emails: tuple[str, ...] = ()
    contact_numbers: tuple[str, ...] = ()


class NewB2bId(msgspec.Struct, frozen=True, kw_only=True):
    """A further B2B ID of a business (§4.3)."""

    value: str
    public: bool
    identifier: Identifier
    description: str = ""


class RegisterIds(Body, frozen=True, kw_only=True):
    """Give a business further B2B IDs; ``requestor`` is one it has (§4.3)."""

    business_id: str
    requestor: str
    ids: tuple[NewB2bId, ...]


class Criterion(msgspec.Struct, frozen=True):
    """One condition of a search; the only published operator is EXACT (§4.4)."""

    parameter: str
    operator: str
    value: str


class SearchEntity(Body, frozen=True, kw_only=True):
    """Who is it? Answered with the businesses that meet all criteria (§4.4)."""

    requestor: str
    criteria: tuple[Criterion, ...]


# ---------------------------------------------------------------- invoices

Answer: TypeAlias = Literal["ACCEPT", "REJECT", "RETURN"]


class SendInvoice(About, frozen=True, kw_only=True):
    """A new invoice (§5.1). ``document_key`` is its natural key (:func:`document_key`), ``substance`` a digest of
    number, date, parties, items and values, which an IRN fixes (domain §11).
    """

    total: Decimal
    document_key: str
    irn: str | None = None
    substance: str = ""
    orders: tuple[OrderShare, ...] = ()


class ConfirmInvoice(About, frozen=True, kw_only=True):
    """The buyer's answer (§5.3)."""

    response: Answer
    remarks: str = ""


class ChangeInvoiceStatus(About, frozen=True, kw_only=True):
    """The supplier cancels, or closes what is paid (§5.4)."""

    action: Literal["CANCEL", "CLOSE"]
    remarks: str = ""


class EditInvoice(SendInvoice, frozen=True, kw_only=True):
    """A corrected invoice, with the next version (§5.5)."""


# ---------------------------------------------------------------- payments


class PaymentAmount(msgspec.Struct, frozen=True):
    """``netPaidAmount``, ``netAdjustmentAmount``, ``totalAmount``."""

    paid: Decimal
    adjusted: Decimal
    total: Decimal


class PaidSplit(msgspec.Struct, frozen=True):
    """``splits``: what an adjustment is for. Names of ours: domain §11; others are taken as they are."""

    name: str
    amount: Decimal
    ref_no: str = ""


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    """``invoicesPayInfos``: what is paid on one invoice, and what the payer took to be due and its total."""

    invoice_id: str
    number: str
    version: ObjectVersion
    transition: Transition
    due: Decimal
    invoice_total: Decimal
    amount: PaymentAmount
    splits: tuple[PaidSplit, ...] = ()


class Pay(Pair, frozen=True, kw_only=True):
    """The buyer pays, or says that he has paid (§6.1)."""

    object_id: str
    on_platform: bool
    mode: str
    utr: str
    amount: PaymentAmount
    invoices: tuple[InvoicePayment, ...]


class InvoiceState(msgspec.Struct, frozen=True, kw_only=True):
    """``invoiceInfos``: an invoice of a confirmed payment, and what it becomes."""

    invoice_id: str
    number: str
    version: ObjectVersion
    transition: Transition


class ConfirmPayment(Pair, frozen=True, kw_only=True):
    """The supplier has the money, or says that he has not (§6.2)."""

    object_id: str
    on_platform: bool
    response: Literal["ACCEPT", "REJECT"]
    invoices: tuple[InvoiceState, ...]
    remarks: str = ""


# ---------------------------------------------------------------- purchase orders and notes


class SendOrder(About, frozen=True, kw_only=True):
    """A purchase order (§7.1)."""

    total: Decimal
    document_key: str
    lines: tuple[Line, ...] = ()


class ConfirmOrder(About, frozen=True, kw_only=True):
    """The supplier's answer (§7.1)."""

    response: Answer
    remarks: str = ""


class EditOrder(SendOrder, frozen=True, kw_only=True):
    """A corrected purchase order, with the next version (§7.1)."""


class ChangeOrderStatus(About, frozen=True, kw_only=True):
    """The buyer cancels or closes it (§7.1)."""

    action: Literal["CANCEL", "CLOSE"]
    remarks: str = ""


class SendNote(About, frozen=True, kw_only=True):
    """A credit or debit note (§7.2)."""

    credit: bool
    total: Decimal
    document_key: str


class ConfirmNote(About, frozen=True, kw_only=True):
    """The buyer's answer; notes are not returned (§8.5)."""

    response: Literal["ACCEPT", "REJECT"]
    remarks: str = ""


class ChangeNoteStatus(About, frozen=True, kw_only=True):
    """The supplier takes the note back while it is not accepted (§8.5)."""

    action: Literal["CANCEL"]
    remarks: str = ""


# ---------------------------------------------------------------- financing


class RequestFinancing(Pair, frozen=True, kw_only=True):
    """Ask finance aggregators for bids on accepted invoices (§7.3). ``fas`` are B2B IDs of theirs."""

    initiator: str
    request_id: str
    fas: tuple[str, ...]
    amount: Decimal
    invoices: tuple[str, ...]
    cost_bearer: str = ""
    financing_type: str = ""


class BidOffer(msgspec.Struct, frozen=True, kw_only=True):
    """``bidDetails``: one financier's offer."""

    bid_id: str
    financier: str
    approved: Decimal
    value: str
    invoices: tuple[BidShare, ...]


class ShareBid(Body, frozen=True, kw_only=True):
    """A finance aggregator brings bids (§7.3). ``fa`` is its B2B ID."""

    fa: str
    request_id: str
    bids: tuple[BidOffer, ...]


class RespondBid(Body, frozen=True, kw_only=True):
    """The one who asked takes a bid, or refuses it (§7.3)."""

    initiator: str
    request_id: str
    bid_id: str
    response: Literal["ACCEPT", "REJECT"]
    remarks: str = ""


# ---------------------------------------------------------------- the network's own orders


class DecideKyc(Body, frozen=True, kw_only=True):
    """The network's operator has checked a business: its B2B IDs become usable, or the business stays inactive."""

    business_id: str
    approved: bool


class SwitchB2bId(Body, frozen=True, kw_only=True):
    """A B2B ID is taken out of use or put back."""

    b2b_id: str
    active: bool


class SettlePayment(Body, frozen=True, kw_only=True):
    """The rail says how an on-platform payment ended."""

    payment_id: str
    success: bool


class CloseInvoice(Body, frozen=True, kw_only=True):
    """A paid invoice is closed by the network, after its time."""

    invoice_id: str


class DisburseFinance(Body, frozen=True, kw_only=True):
    """The financier of an accepted bid has paid out."""

    request_id: str


class ExpireFinancing(Body, frozen=True, kw_only=True):
    """Nobody took a bid in time."""

    request_id: str


Call: TypeAlias = (
    CheckEntity | RegisterEntity | RegisterIds | SearchEntity
    | SendInvoice | ConfirmInvoice | ChangeInvoiceStatus | EditInvoice
    | Pay | ConfirmPayment
    | SendOrder | ConfirmOrder | EditOrder | ChangeOrderStatus
    | SendNote | ConfirmNote | ChangeNoteStatus
    | RequestFinancing | ShareBid | RespondBid
)  # fmt: skip
"""The 20 published calls."""
NetworkOrder: TypeAlias = DecideKyc | SwitchB2bId | SettlePayment | CloseInvoice | DisburseFinance | ExpireFinancing
"""What the network does of itself; never accepted from a party."""
Message: TypeAlias = Call | NetworkOrder


def document_key(kind: Literal["INV", "CRN", "DBN", "PUR"], issuer: str, financial_year: str, number: str) -> str:
    """Give the natural key of a document: (issuer's GSTIN or B2B ID, financial year, kind, upper-cased number).

    Source: domain §1. The network refuses a second document with the same key (``DOCUMENT_NUMBER_TAKEN``).
    """
    return f"{kind}|{issuer.upper()}|{financial_year}|{number.upper()}"


def issuer_key(document: str) -> str:
    """Give the key under which a business holds the GSTIN that a document's natural key counts by."""
    return f"IDENTIFIER|GSTIN|{document.split('|', 2)[1]}"
