"""From published documents to what a match compares: invoices, orders and notes as they were sent (contract b2b §5, §7).

Pure: nothing is looked up. Where a member is not published as required and is missing, its plain meaning is taken: a line
without typed taxes has all that its total adds to the taxable value as tax.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

import msgspec

from hundi.kit.dates import ist_date
from hundi.kit.money import ZERO
from hundi.network.matching import number_key
from hundi.network.protocol.statuses import OrderStatus
from hundi.network.verdicts import Bill, BilledLine, Note, Order
from hundi.network.wire import invoice, notes, orders
from hundi.network.wire.blocks import Item, SupplierBankAccountDetails, SupplyKind, TypedValue, YesNo
from hundi.network.wire.meaning import total_of_invoice
from hundi.network.wire.reading import read

T = TypeVar("T")

_TAXES: Final = frozenset({"IGST", "CGST", "SGST"})
_WITHOUT_TAX: Final = frozenset({SupplyKind.SEZWOP, SupplyKind.EXPWOP})
_OPEN: Final = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_INVOICED, OrderStatus.FULLY_INVOICED})


class Received(NamedTuple):
    """What a clerk looks for in a received invoice. ``due`` is None where the invoice says nothing of it."""

    bill: Bill
    supplier_name: str
    supplier_gstin: str | None
    due: date | None
    taxable: Decimal
    account: SupplierBankAccountDetails | None

    @property
    def number_key(self) -> str:
        """Give what a number has in common with other ways of writing it."""
        return number_key(self.bill.number)

    @property
    def order_keys(self) -> list[str]:
        """Give the object ids and numbers of the orders it names, each once."""
        return list(dict.fromkeys(key for pair in self.bill.orders for key in pair if key))


def document_of(text: str, kind: type[T]) -> T:
    """Read a stored published document."""
    return read(text.encode(), kind)


def received(object_id: str, text: str) -> Received:
    """Read a received invoice from its document."""
    found = document_of(text, invoice.SendInvoice).invoice
    supplier = found.supplierDetails
    about = found.transactionDetails
    reverse = about.reverseChargeTax is YesNo.YES
    lines = tuple(_line(item, item.orderLineReference or "", reverse=reverse) for item in found.itemLists)
    total = total_of_invoice(found)
    bill = Bill(
        id=object_id,
        number=found.supplierInvoiceNumber,
        day=ist_date(found.ts.value),
        total=total,
        charges=total - sum((item.totalItemValue.value for item in found.itemLists), ZERO),
        taxed=not reverse and about.supplyType not in _WITHOUT_TAX,
        orders=tuple((po.poObjId or "", po.buyerPoId or "") for po in found.poDetails or ()),
        lines=lines,
    )
    return Received(
        bill=bill,
        supplier_name=supplier.tradeName or supplier.legalName,
        supplier_gstin=supplier.gstin,
        due=_due(found),
        taxable=sum((line.taxable for line in lines), ZERO),
        account=found.supplierBankAccountDetails,
    )


def _due(found: invoice.Invoice) -> date | None:
    """Give when an invoice is due: its first milestone, else its date and the credit days; None where it says neither."""
    if found.paymentMilestones:
        return min(one.milestoneDate.value for one in found.paymentMilestones)
    terms = found.advancePaymentDetails
    if terms is None or terms.creditDays is None:
        return None
    return ist_date(found.ts.value) + timedelta(days=int(terms.creditDays.value))


def _line(item: Item, ref: str, *, reverse: bool = False) -> BilledLine:
    taxable, total = item.assessmentAmount.value, item.totalItemValue.value
    typed = item.itemValueDetails or []
    tax, cess = _sum(typed, _TAXES), sum((one.value.value for one in typed if "CESS" in one.type.upper()), ZERO)
    if not any(one.type.upper() in _TAXES for one in typed):
        tax = ZERO if reverse else max(total - taxable - cess, ZERO)
    return BilledLine(
        ref=ref,
        hsn=item.hsnCode,
        description=item.productDescription or "",
        unit=item.unit or "",
        quantity=item.quantity.value if item.quantity else None,
        taxable=taxable,
        rate=item.gstRate.value,
        tax=tax,
        cess=cess,
        # Under reverse charge the taxes are shown and may or may not be in the total (domain §11).
        extra=ZERO if reverse else total - taxable - tax - cess,
    )


def _sum(typed: list[TypedValue], kinds: frozenset[str]) -> Decimal:
    return sum((one.value.value for one in typed if one.type.upper() in kinds), ZERO)


def order_of(object_id: str, status: str, total: Decimal | None, text: str) -> Order:
    """Read a purchase order from its document; ``status`` and ``total`` are those of the object."""
    found = document_of(text, orders.SendOrder).purchaseOrder
    worth = total if total is not None else ZERO
    return Order(
        id=object_id,
        number=found.buyerPONumber,
        status=status,
        open=status in _OPEN,
        total=worth,
        charges=worth - sum((item.totalItemValue.value for item in found.itemLists), ZERO),
        lines=tuple(
            _line(item, item.orderLineReference or item.serialno or str(at))
            for at, item in enumerate(found.itemLists, 1)
        ),
    )


def note_of(object_id: str, amount: Decimal, text: str) -> Note:
    """Read a note from its document. One that names several invoices counts for the first."""
    found = document_of(text, notes.SendNote).cdNote
    before = found.precedingInvoiceDetails or []
    return Note(
        id=object_id,
        number=found.supplierCDNoteNumber,
        invoice_number=before[0].invoiceNumber if before else "",
        credit=found.noteType is notes.NoteType.CREDIT,
        amount=amount,
        lines=tuple(_line(item, item.orderLineReference or "") for item in found.itemLists or ()),
    )


_BILL: Final = msgspec.json.Decoder(Bill)


def bill_of(text: str) -> Bill:
    """Read a stored bill."""
    return _BILL.decode(text)
