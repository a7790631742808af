"""One invoice, credit note or debit note as the GST rules see it: the neutral model that every front maps to.

The blocks are those of form INV-01, under the names of the B2B network's message (contract b2b §5): ``itemLists`` is
``items``, ``supplierDetails`` is ``supplier`` and so on. The typed lists of the network are plain fields here; which
type goes where stand in ``ITEM_VALUE_TYPES``, ``RATE_TYPES`` and ``OTHER_VALUE_TYPES``.

Amounts are rupees as Decimal, rates are percent (18 for 9 + 9), dates are days in India, state codes are GST codes. A
text that is not known is empty, an amount, day or block that is not known is None. Nothing is checked here: any value
may stand in any field until :func:`hundi.gst.einvoice.check` has looked at it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

ZERO: Final = Decimal(0)

UNREGISTERED: Final = "URP"
"""What stands in the place of a GSTIN for an unregistered person and for a buyer abroad."""


class DocumentKind(StrEnum):
    """The three documents that an invoice registration portal takes."""

    INVOICE = "INV"
    CREDIT_NOTE = "CRN"
    DEBIT_NOTE = "DBN"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody is: ``city`` is INV-01's Loc; the state stands at the party."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    pincode: str = ""
    country: str = ""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the document. ``gstin`` is ``URP`` for the unregistered; a dispatch address has none."""

    gstin: str = ""
    legal_name: str = ""
    trade_name: str = ""
    state_code: str = ""
    address: Address = Address()
    phone: str = ""
    email: str = ""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of supply it is; ``igst_on_intra``: inside one state and yet chargeable to IGST."""

    supply_type: str = "B2B"
    tax_scheme: str = "GST"
    reverse_charge: bool = False
    igst_on_intra: bool = False
    ecommerce_gstin: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The batch an item comes from."""

    number: str
    expiry: date | None = None
    warranty: date | None = None


class Attribute(msgspec.Struct, frozen=True):
    """A particular of an item under a name of the trade's own."""

    name: str
    value: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``total_amount`` is before discount, ``assessable`` after it, ``total_value`` with taxes and charges.

    ``sgst`` carries UTGST too. The state cess fields are for the one state that charges a cess of its own. ``unread`` names
    the amounts that came under a name no rule knows: with them the others cannot be held against each other.
    """

    serial: str
    description: str = ""
    is_service: bool = False
    hsn: str = ""
    barcode: str = ""
    quantity: Decimal | None = None
    free_quantity: Decimal | None = None
    unit: str = ""
    unit_price: Decimal = ZERO
    total_amount: Decimal = ZERO
    discount: Decimal = ZERO
    pre_tax_value: Decimal | None = None
    assessable: Decimal = ZERO
    gst_rate: Decimal = ZERO
    igst: Decimal = ZERO
    cgst: Decimal = ZERO
    sgst: Decimal = ZERO
    cess_rate: Decimal = ZERO
    cess: Decimal = ZERO
    cess_non_advalorem: Decimal = ZERO
    state_cess_rate: Decimal = ZERO
    state_cess: Decimal = ZERO
    state_cess_non_advalorem: Decimal = ZERO
    other_charges: Decimal = ZERO
    total_value: Decimal = ZERO
    order_line: str = ""
    origin_country: str = ""
    product_serial: str = ""
    batch: Batch | None = None
    attributes: tuple[Attribute, ...] = ()
    unread: tuple[str, ...] = ()


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of the document; None where the sender gave none. ``round_off`` may be negative; ``unread`` as in Item."""

    assessable: Decimal
    total: Decimal
    cgst: Decimal | None = None
    sgst: Decimal | None = None
    igst: Decimal | None = None
    cess: Decimal | None = None
    state_cess: Decimal | None = None
    discount: Decimal | None = None
    other_charges: Decimal | None = None
    round_off: Decimal | None = None
    total_foreign: Decimal | None = None
    unread: tuple[str, ...] = ()


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be paid, how, and what was paid already."""

    payee: str = ""
    account: str = ""
    mode: str = ""
    branch: str = ""
    terms: str = ""
    instruction: str = ""
    credit_transfer: str = ""
    direct_debit: str = ""
    credit_days: int | None = None
    paid: Decimal | None = None
    due: Decimal | None = None


class Preceding(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier document this one refers to: for a note, the invoice it corrects."""

    number: str
    day: date | None = None
    other_reference: str = ""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """References to the order, tender or contract behind the supply."""

    receipt_advice: str = ""
    receipt_advice_day: date | None = None
    tender: str = ""
    contract: str = ""
    external: str = ""
    project: str = ""
    order: str = ""
    order_day: date | None = None


class Enclosure(msgspec.Struct, frozen=True, kw_only=True):
    """A further document: where it lies, or itself in base64, and what it is."""

    url: str = ""
    document: str = ""
    info: str = ""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Particulars of an export; ``country`` is the country of destination, two letters."""

    shipping_bill: str = ""
    shipping_bill_day: date | None = None
    port: str = ""
    refund_claim: bool | None = None
    currency: str = ""
    country: str = ""
    duty: Decimal | None = None


class EwayBill(msgspec.Struct, frozen=True, kw_only=True):
    """How the goods travel. ``mode``: 1 road, 2 rail, 3 air, 4 ship; ``vehicle_type``: R regular, O over-dimensional.

    ``distance`` in kilometres; 0 asks the portal to work it out from the PIN codes.
    """

    transporter_id: str = ""
    transporter_name: str = ""
    mode: str = ""
    distance: int | None = None
    document_number: str = ""
    document_day: date | None = None
    vehicle_number: str = ""
    vehicle_type: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or note between two businesses, whole.

    ``place_of_supply`` is a state code; ``remarks``, ``period_start`` and ``period_end`` are the reference details;
    ``irn`` is what the portal gave, where it did.
    """

    number: str
    day: date
    supplier: Party
    buyer: Party
    place_of_supply: str
    items: tuple[Item, ...]
    kind: DocumentKind = DocumentKind.INVOICE
    transaction: Transaction = Transaction()
    dispatch: Party | None = None
    shipping: Party | None = None
    values: Values | None = None
    payment: Payment | None = None
    remarks: str = ""
    period_start: date | None = None
    period_end: date | None = None
    preceding: tuple[Preceding, ...] = ()
    contracts: tuple[Contract, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    export: Export | None = None
    eway_bill: EwayBill | None = None
    irn: str = ""
    irn_at: datetime | None = None

    @property
    def is_note(self) -> bool:
        """Say whether this is a credit or debit note."""
        return self.kind is not DocumentKind.INVOICE


ITEM_VALUE_TYPES: Final[Mapping[str, str]] = {
    "DISCOUNT": "discount", "PRE TAX VALUE": "pre_tax_value", "IGST": "igst", "CGST": "cgst", "SGST": "sgst",
    "CESS": "cess", "CESS NON ADVALOREM": "cess_non_advalorem", "STATE CESS": "state_cess",
    "STATE CESS NON ADVALOREM": "state_cess_non_advalorem", "OTHER CHARGES": "other_charges",
}  # fmt: skip
"""``itemValueDetails[].type`` of the network and the field of :class:`Item` it fills (contract b2b §5.2: our words)."""

RATE_TYPES: Final[Mapping[str, str]] = {"CESS": "cess_rate", "STATE CESS": "state_cess_rate"}
"""``rates[].type`` of the network and the field of :class:`Item` it fills."""

OTHER_VALUE_TYPES: Final[Mapping[str, str]] = {
    "CGST": "cgst", "SGST": "sgst", "IGST": "igst", "CESS": "cess", "STATE CESS": "state_cess", "DISCOUNT": "discount",
    "OTHER CHARGES": "other_charges", "ROUND OFF": "round_off", "TOTAL FC": "total_foreign",
}  # fmt: skip
"""``valueDetails.otherValues[].type`` of the network and the field of :class:`Values` it fills."""
