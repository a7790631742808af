"""What the network keeps of each object: a header alike for all kinds, and the facts the rules decide by.

The published document itself (the 27 fields of an invoice) is not in here: the store keeps it beside the object as it was
sent, and the rules never look into it. All values are immutable; a change makes a new value with the next ``revision``.
"""

from decimal import Decimal
from typing import TypeAlias, TypeVar

import msgspec

from hundi.kit.money import ZERO
from hundi.network.protocol.statuses import Kind


class Line(msgspec.Struct, frozen=True):
    """A line of a purchase order, or what an invoice takes of one. ``ref`` is the order line's reference."""

    ref: str
    quantity: Decimal


class OrderShare(msgspec.Struct, frozen=True):
    """What an invoice takes of one purchase order: an amount in rupees, and quantities where its lines say which."""

    order_id: str
    amount: Decimal
    lines: tuple[Line, ...] = ()


class Lien(msgspec.Struct, frozen=True):
    """An accepted bid's hold on an invoice; ``amount`` is what the financier approved on it."""

    request_id: str
    bid_id: str
    amount: Decimal


class InvoiceFacts(msgspec.Struct, frozen=True, kw_only=True, tag="invoice"):
    """Amounts in rupees. ``settled`` is what confirmed payments and set-offs took off, ``in_flight`` what a payment
    under way would take. ``substance`` is a digest of number, date, parties, items and values.
    """

    total: Decimal
    settled: Decimal = ZERO
    in_flight: Decimal = ZERO
    irn: str | None = None
    substance: str = ""
    orders: tuple[OrderShare, ...] = ()
    lien: Lien | None = None

    @property
    def due(self) -> Decimal:
        """Give what is left to pay, not counting a payment under way."""
        return self.total - self.settled


class Split(msgspec.Struct, frozen=True):
    """One adjustment of a payment line (domain §11). ``note_id`` is the credit note that ``ref_no`` was found to name."""

    name: str
    amount: Decimal
    ref_no: str = ""
    note_id: str | None = None


class PaymentLine(msgspec.Struct, frozen=True):
    """What a payment does to one invoice: ``amount`` = ``paid`` + ``adjusted``, and the splits explain ``adjusted``."""

    invoice_id: str
    paid: Decimal
    adjusted: Decimal
    amount: Decimal
    splits: tuple[Split, ...] = ()


class PaymentFacts(msgspec.Struct, frozen=True, kw_only=True, tag="payment"):
    """A payment of one buyer to one supplier over one or more invoices."""

    on_platform: bool
    mode: str
    utr: str
    total: Decimal
    lines: tuple[PaymentLine, ...]


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """A purchase order and what was invoiced of it; an order without lines is counted by amount alone."""

    total: Decimal
    lines: tuple[Line, ...] = ()
    invoiced: Decimal = ZERO
    invoiced_lines: tuple[Line, ...] = ()


class NoteFacts(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """A credit note (or debit note) and how much of it payments have set off, those under way included."""

    credit: bool
    amount: Decimal
    applied: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        """Give what can still be set off."""
        return self.amount - self.applied


class FinancingFacts(msgspec.Struct, frozen=True, kw_only=True, tag="financing"):
    """A request for finance on invoices. ``fas`` are the B2B IDs that were asked; ``accepted`` is the winning bid."""

    initiator: str
    amount: Decimal
    invoices: tuple[str, ...]
    fas: tuple[str, ...]
    cost_bearer: str = ""
    financing_type: str = ""
    bids: tuple[str, ...] = ()
    accepted: str | None = None


class BidShare(msgspec.Struct, frozen=True):
    """What a bid approves on one invoice, in rupees."""

    invoice_id: str
    approved: Decimal


class BidFacts(msgspec.Struct, frozen=True, kw_only=True, tag="bid"):
    """A financier's offer, brought by a finance aggregator. ``value`` is the published ``bidValue``, as it was sent."""

    request_id: str
    fa: str
    financier: str
    approved: Decimal
    value: str
    invoices: tuple[BidShare, ...]


class Identifier(msgspec.Struct, frozen=True):
    """A business identifier: GSTIN, UDYAM, TAN, FSSAI or SHOP ESTABLISHMENT NUMBER."""

    document: str
    value: str


class BusinessFacts(msgspec.Struct, frozen=True, kw_only=True, tag="business"):
    """A registered business. ``home`` is the party (the end of the wire) that speaks for it."""

    home: str
    name: str
    pan: str
    entity_type: str
    default_b2b_id: str
    primary: Identifier
    others: tuple[Identifier, ...] = ()
    alias: str = ""
    state: str = ""
    pincode: str = ""
    emails: tuple[str, ...] = ()
    contact_numbers: tuple[str, ...] = ()
    b2b_ids: tuple[str, ...] = ()


class B2bIdFacts(msgspec.Struct, frozen=True, kw_only=True, tag="b2b_id"):
    """An address on the network. ``business_id`` is its ORG id; a private one is not found by searching."""

    business_id: str
    home: str
    public: bool
    supplies: bool
    description: str = ""
    identifier: Identifier | None = None


Facts: TypeAlias = (
    InvoiceFacts | PaymentFacts | OrderFacts | NoteFacts | FinancingFacts | BidFacts | BusinessFacts | B2bIdFacts
)


class NetworkObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object as the network knows it.

    ``id`` is the object id (for a B2B ID: ``@`` and the id in capitals); ``number`` the document's own number;
    ``buyer`` and ``supplier`` are B2B IDs as they were sent; ``parties`` the homes that keep a copy; ``version`` counts
    contents (``objectVersion``), ``revision`` counts every event, 1 for the first; ``made_by`` is the message that made it.
    """

    id: str
    kind: Kind
    number: str
    supplier: str
    buyer: str
    parties: tuple[str, ...]
    version: int
    status: str
    revision: int
    facts: Facts
    made_by: str = ""


F = TypeVar("F", bound=Facts)


def facts_of(found: NetworkObject, kind: type[F]) -> F:
    """Give an object's facts as those of its kind. Raises ``TypeError`` when they are another kind's: a bug."""
    if not isinstance(found.facts, kind):
        message = f"{found.id} has {type(found.facts).__name__}, not {kind.__name__}"
        raise TypeError(message)
    return found.facts
