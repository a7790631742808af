"""Wire types of the buyer's side: payables, matches, the policy, payments and proposals."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.http.envelope import in_ist
from hundi.http.wire import Money, Percent, Quantity, WireDateTime
from hundi.network.matches import Looked
from hundi.network.payables import PayableRow
from hundi.network.policies import AutoAccept, Policy
from hundi.network.verdicts import Finding
from hundi.network.wire.payments import PaymentKind, PaymentMode, SplitName
from hundi.network.wire.values import B2BId, PaymentId, Text20, Text50

PENDING = "PENDING"
"""What is shown as verdict until the job has matched an invoice."""
MAX_INVOICES = 1000
MAX_SPLITS = 30


class FindingOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that differs between an invoice and its orders."""

    verdict: str
    field: str
    message: str
    expected: str = ""
    found: str = ""

    @classmethod
    def of(cls, one: Finding) -> "FindingOut":
        """Show a finding."""
        return cls(verdict=one.verdict, field=one.field, message=one.message, expected=one.expected, found=one.found)


class PayableOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A received invoice. Amounts are rupees; ``ageDays`` count from the invoice's date, ``daysOverdue`` from its due date.

    ``verdict`` is PENDING until the invoice is matched, a moment after it came.
    """

    objectId: str
    supplierInvoiceNumber: str
    supplierB2BId: str
    buyerB2BId: str
    status: str
    objectVersion: int
    verdict: str
    totalAmount: Decimal
    dueAmount: Decimal
    receivedOn: datetime
    changedOn: datetime
    orderNumbers: list[str]
    findings: list[FindingOut]
    acceptedOfItself: bool = False
    supplierName: str | None = None
    supplierGstin: str | None = None
    invoiceDate: date | None = None
    dueDate: date | None = None
    ageDays: int | None = None
    daysOverdue: int | None = None

    @classmethod
    def of(cls, row: PayableRow, today: date) -> "PayableOut":
        """Show a row as of a day."""
        overdue = None
        if row.due_date is not None:
            overdue = max((today - row.due_date).days, 0) if row.due > 0 else 0
        return cls(
            objectId=row.object_id, supplierInvoiceNumber=row.number, supplierB2BId=row.supplier, buyerB2BId=row.buyer,
            status=row.status, objectVersion=row.version, verdict=row.verdict or PENDING, totalAmount=row.total,
            dueAmount=row.due, receivedOn=in_ist(row.created_at) or row.created_at,
            changedOn=in_ist(row.changed_at) or row.changed_at, orderNumbers=row.order_numbers or [],
            findings=_FINDINGS.decode(row.findings) if row.findings else [],
            acceptedOfItself=row.accepted_version == row.version, supplierName=row.supplier_name,
            supplierGstin=row.supplier_gstin, invoiceDate=row.invoice_date, dueDate=row.due_date,
            ageDays=None if row.invoice_date is None else (today - row.invoice_date).days, daysOverdue=overdue,
        )  # fmt: skip


_FINDINGS = msgspec.json.Decoder(list[FindingOut])


class PayablePolicyOut(msgspec.Struct, kw_only=True):
    """How far received invoices may differ from their orders; of percentage and absolute figure the wider one counts."""

    pricePercent: Decimal
    quantityPercent: Decimal
    quantityUnits: Decimal
    amountRupees: Decimal
    taxRupees: Decimal
    autoAccept: AutoAccept

    @classmethod
    def of(cls, policy: Policy) -> "PayablePolicyOut":
        """Show a policy."""
        return cls(
            pricePercent=policy.price_percent, quantityPercent=policy.quantity_percent,
            quantityUnits=policy.quantity_units, amountRupees=policy.amount_rupees, taxRupees=policy.tax_rupees,
            autoAccept=policy.auto_accept,
        )  # fmt: skip


class PayablePolicyPatch(msgspec.Struct, kw_only=True):
    """A change of the policy: absent leaves."""

    pricePercent: Annotated[Percent, Meta(description="Of a line's taxable value at the ordered price")] | UnsetType = (
        UNSET
    )
    quantityPercent: Annotated[Percent, Meta(description="Of the ordered quantity")] | UnsetType = UNSET
    quantityUnits: Annotated[Quantity, Meta(description="Units beyond the ordered quantity")] | UnsetType = UNSET
    amountRupees: Annotated[Money, Meta(description="Of a line's taxable value, and of all charges")] | UnsetType = (
        UNSET
    )
    taxRupees: Annotated[Money, Meta(description="Of a line's tax")] | UnsetType = UNSET
    autoAccept: (
        Annotated[AutoAccept, Meta(description="Invoices with this verdict are accepted of themselves")] | UnsetType
    ) = UNSET

    def changes(self) -> dict[str, Any]:
        """Give what is set, by the policy's own names."""
        names = {
            "pricePercent": "price_percent", "quantityPercent": "quantity_percent", "quantityUnits": "quantity_units",
            "amountRupees": "amount_rupees", "taxRupees": "tax_rupees", "autoAccept": "auto_accept",
        }  # fmt: skip
        sent = {own: getattr(self, name) for name, own in names.items()}
        return {own: getattr(value, "value", value) if own != "auto_accept" else value
                for own, value in sent.items() if value is not UNSET}  # fmt: skip


class LineMatchOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of the invoice beside the order line it was held against; ``place`` counts from 0."""

    place: int
    verdict: str
    taxable: Decimal
    orderObjectId: str | None = None
    orderNumber: str | None = None
    orderLine: str | None = None
    quantity: Decimal | None = None
    orderedQuantity: Decimal | None = None
    earlierQuantity: Decimal | None = None
    expectedTaxable: Decimal | None = None


class OrderSeen(msgspec.Struct, kw_only=True):
    """An order that was looked at."""

    objectId: str
    number: str
    status: str
    total: Decimal


class NoteSeen(msgspec.Struct, kw_only=True):
    """An accepted note that was looked at."""

    objectId: str
    number: str
    invoiceNumber: str
    noteType: str
    amount: Decimal


class MatchOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A match as of now: the verdict, what differs, each line beside its order line, and the papers that were looked at."""

    objectId: str
    supplierInvoiceNumber: str
    supplierB2BId: str
    status: str
    objectVersion: int
    verdict: str
    totalAmount: Decimal
    findings: list[FindingOut]
    lines: list[LineMatchOut]
    orders: list[OrderSeen]
    earlierInvoices: list[str]
    notes: list[NoteSeen]
    tolerances: PayablePolicyOut

    @classmethod
    def of(cls, looked: Looked, policy: Policy) -> "MatchOut":
        """Show a match."""
        row, case = looked.row, looked.case
        return cls(
            objectId=row.object_id, supplierInvoiceNumber=row.number, supplierB2BId=row.supplier, status=row.status,
            objectVersion=row.version, verdict=looked.match.verdict, totalAmount=case.bill.total,
            findings=[FindingOut.of(one) for one in looked.match.findings],
            lines=[
                LineMatchOut(
                    place=line.place, verdict=line.verdict, taxable=line.taxable, orderObjectId=line.order_id,
                    orderNumber=line.order_number, orderLine=line.order_line, quantity=line.quantity,
                    orderedQuantity=line.ordered, earlierQuantity=line.earlier, expectedTaxable=line.expected,
                )
                for line in looked.match.lines
            ],
            orders=[OrderSeen(objectId=o.id, number=o.number, status=o.status, total=o.total) for o in case.orders],
            earlierInvoices=[one.number for one in case.earlier],
            notes=[
                NoteSeen(
                    objectId=note.id, number=note.number, invoiceNumber=note.invoice_number,
                    noteType="CREDIT" if note.credit else "DEBIT", amount=note.amount,
                )
                for note in case.notes
            ],
            tolerances=PayablePolicyOut.of(policy),
        )  # fmt: skip


# ---------------------------------------------------------------- paying


class PaySplit(msgspec.Struct, kw_only=True):
    """An adjustment (domain §11). ``value`` may be left out of TDS, then it is the rate of the taxable value, and of a
    credit note, then it is what is left of it, at most what is due.
    """

    name: SplitName
    value: Money | None = None
    refNo: Annotated[Text50, Meta(description="A credit note's number or object id; else free")] | None = None
    section: Annotated[Text20, Meta(description="TDS_INCOME_TAX: the section, such as 194C")] | None = None
    rate: Annotated[Percent, Meta(description="TDS: the rate; left out, the section's")] | None = None


class PayInvoice(msgspec.Struct, kw_only=True):
    """One invoice to pay; without ``netPaidAmount`` all that is due after the splits."""

    invoiceId: Annotated[str, Meta(min_length=1, max_length=100)]
    netPaidAmount: Money | None = None
    splits: Annotated[list[PaySplit], Meta(max_length=MAX_SPLITS)] | None = None


class PayInvoices(msgspec.Struct, kw_only=True):
    """A payment of one or more received invoices of one supplier."""

    invoices: Annotated[list[PayInvoice], Meta(min_length=1, max_length=MAX_INVOICES)]
    type: PaymentKind
    mode: PaymentMode
    utr: Text50
    paymentId: Annotated[PaymentId, Meta(description="Yours; left out, one is made")] | None = None
    paidOn: Annotated[WireDateTime, Meta(description="Now unless told")] | None = None


class PaidSplitOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An adjustment as it is sent."""

    name: str
    value: Decimal
    refNo: str = ""


class PaidInvoiceOut(msgspec.Struct, kw_only=True):
    """What goes to one invoice."""

    invoiceId: str
    supplierInvoiceNumber: str
    dueAmount: Decimal
    netPaidAmount: Decimal
    netAdjustmentAmount: Decimal
    totalAmount: Decimal
    splits: list[PaidSplitOut]


class PaymentOut(msgspec.Struct, kw_only=True):
    """A payment that was sent; the network's word comes as the webhook ``payment/resp-pay`` with ``messageId``."""

    paymentId: str
    messageId: str
    supplierB2BId: str
    buyerB2BId: str
    netPaidAmount: Decimal
    netAdjustmentAmount: Decimal
    totalAmount: Decimal
    invoices: list[PaidInvoiceOut]


class OpenNote(msgspec.Struct, kw_only=True):
    """An accepted note and what is left of it."""

    objectId: str
    number: str
    amount: Decimal
    left: Decimal


class ProposedInvoice(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What would be paid on one invoice."""

    invoiceId: str
    supplierInvoiceNumber: str
    status: str
    verdict: str
    dueAmount: Decimal
    netPaidAmount: Decimal
    netAdjustmentAmount: Decimal
    splits: list[PaidSplitOut]
    invoiceDate: date | None = None
    dueDate: date | None = None


class Proposal(msgspec.Struct, kw_only=True):
    """What would be paid to a supplier: all that is due, less open credit notes, less TDS.

    ``invoices`` with ``type``, ``mode`` and ``utr`` beside them are a body of ``payable/pay``; ``debitNotes`` are shown
    because they are owed too, though the network's payments name invoices only.
    """

    supplierB2BId: B2BId
    buyerB2BId: str
    dueAmount: Decimal
    netPaidAmount: Decimal
    netAdjustmentAmount: Decimal
    invoices: list[ProposedInvoice]
    creditNotes: list[OpenNote]
    debitNotes: list[OpenNote]
