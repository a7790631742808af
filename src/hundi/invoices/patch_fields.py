"""The fields of a PATCH and the shapes of the question and the answer of :mod:`hundi.invoices.patching`."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from hundi.invoices.amounts import Entry
from hundi.invoices.rules import ApprovalStatus, ReceivableStatus
from hundi.kit.errors import FieldProblem, Refusal
from hundi.kit.money import ZERO

TEXT_FIELDS: Final[Mapping[str, str]] = {
    "description": "description", "emailAddress": "email_address", "mobileNumber": "mobile_number",
    "poNumber": "po_number", "payableReferenceId": "payable_reference_id", "via": "via",
}  # fmt: skip
"""Wire name → stored name of the fields that ``null`` clears to nothing."""

FLAG_FIELDS: Final[Mapping[str, str]] = {
    "chargeCustomer": "charge_customer",
    "partialPaymentAllowed": "partial_payment_allowed",
}
IDENTITY_FIELDS: Final[Mapping[str, str]] = {
    "customerId": "customer_id", "invoiceNumber": "invoice_number", "invoiceDate": "invoice_date",
    "dueDate": "due_date", "placeOfSupply": "place_of_supply",
}  # fmt: skip
FIGURE_FIELDS: Final[Mapping[str, str]] = {
    "baseAmount": "base_amount", "cgst": "cgst", "sgst": "sgst", "igst": "igst", "cess": "cess", "discount": "discount",
    "otherCharges": "other_charges", "tcs": "tcs", "roundOff": "round_off", "tds": "tds", "netAmount": "net_amount",
}  # fmt: skip
SWITCH_FIELDS: Final[Mapping[str, str]] = {"gstExclusive": "gst_exclusive", "reverseCharge": "reverse_charge"}
COMPUTED_FIELDS: Final[Mapping[str, str]] = {**FIGURE_FIELDS, **SWITCH_FIELDS}
MONEY_FIELDS: Final = ("totalReceived", "balanceAmount")
STATUS_FIELDS: Final = ("receivableStatus", "approvalStatus")

CLEARED_TO_ZERO: Final = frozenset({"cgst", "sgst", "igst", "cess", "tds", "discount", "otherCharges", "tcs"})
"""The amounts that ``null`` clears: to zero."""

LOCKED_FIELDS: Final = frozenset(
    {"customerId", "invoiceNumber", "invoiceDate", "placeOfSupply", "itemLists", *SWITCH_FIELDS, *FIGURE_FIELDS}
    - {"tds"}
)
"""What stands still after dispatch or IRN (domain §3; our extension amounts are of the same kind as ``baseAmount``)."""

PATCH_FIELDS: Final = frozenset(
    {
        *TEXT_FIELDS, *FLAG_FIELDS, *IDENTITY_FIELDS, *FIGURE_FIELDS, *SWITCH_FIELDS, *MONEY_FIELDS, *STATUS_FIELDS,
        "dispatchNow",
    }
)  # fmt: skip


class Lock(StrEnum):
    """Why the particulars of an invoice stand still, if they do."""

    NONE = "NONE"
    RETURNED = "RETURNED"
    DISPATCHED = "DISPATCHED"
    IRN = "IRN"


OPEN_WHEN_RETURNED: Final = LOCKED_FIELDS - {"customerId"}
"""What the supplier may correct of an invoice the buyer returned on the network: all but who the buyer is (domain §11)."""


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """The invoice as it stands, under its row lock.

    ``total_received`` and ``adjusted`` are the sums of its money entries and of all its other entries; ``written_off``
    is the WRITE_OFF part of ``adjusted``; ``place_of_supply`` is a GST state code; ``tds_certified`` says that TDS
    certificates stand against the expected tds.
    """

    customer_id: str
    invoice_number: str
    invoice_date: date
    due_date: date
    place_of_supply: str | None = None
    gst_exclusive: bool
    reverse_charge: bool
    base_amount: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    cess: Decimal
    discount: Decimal
    other_charges: Decimal
    tcs: Decimal
    round_off: Decimal
    tds: Decimal
    invoice_value: Decimal
    net_amount: Decimal
    total_received: Decimal
    adjusted: Decimal = ZERO
    written_off: Decimal = ZERO
    tds_certified: bool = False
    receivable_status: ReceivableStatus
    approval_status: ApprovalStatus

    @property
    def balance(self) -> Decimal:
        """Give the balance: net amount less all entries."""
        return self.net_amount - self.total_received - self.adjusted


class Permissions(msgspec.Struct, frozen=True):
    """What the caller may do beyond an ordinary PATCH: change locked fields, take receipts and write-offs back."""

    override: bool = False
    reverse_receipt: bool = False


class PatchDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What to write: ``values`` by stored name (only what changes, derived figures included), entries, moves.

    With ``refusal`` set nothing is to be written; raise it with ``problems``. ``overridden`` names the locked fields
    that the permission opened, for the audit row.
    """

    values: dict[str, Any]
    entries: list[Entry]
    move: ReceivableStatus | None
    approval_move: ApprovalStatus | None
    dispatch_now: bool
    overridden: tuple[str, ...]
    problems: list[FieldProblem]
    warnings: list[FieldProblem]
    refusal: type[Refusal] | None
