"""Wire types of the reports; they are ours, with the names invoices have elsewhere."""

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from hundi.http.envelope import NextCursor

Format = Literal["json", "csv", "xlsx"]


class OpenItem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One invoice that is not paid. ``daysOverdue`` is 0 until the day after the due date."""

    invoiceId: str
    invoiceNumber: str
    customerId: str
    customerLegalName: str
    invoiceDate: date
    dueDate: date
    netAmount: Decimal
    totalReceived: Decimal
    balanceAmount: Decimal
    receivableStatus: str
    age: str
    daysOverdue: int = msgspec.field(default=-1)
    customerGstin: str | None = None
    poNumber: str | None = None


class OpenItems(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A page of open items, oldest due date first; ``totalBalanceAmount`` is the sum over all of them, not the page's.

    ``disputedAmount`` is owed under dispute and not in it, so that both together are the books' receivables.
    """

    asOn: date
    totalBalanceAmount: Decimal
    data: list[OpenItem]
    total_count: int = msgspec.field(default=-1)
    limit: int = msgspec.field(default=-1)
    offset: int = msgspec.field(default=-1)
    next_cursor: NextCursor = None
    disputedAmount: Decimal | None = None


class Ages(msgspec.Struct, kw_only=True):
    """Balances by how long they are overdue; ``total`` is the sum of the six."""

    notDue: Decimal
    days1To30: Decimal
    days31To60: Decimal
    days61To90: Decimal
    days91To180: Decimal
    daysOver180: Decimal
    total: Decimal
    invoices: int


class AgeingRow(Ages, kw_only=True):
    """What one customer owes, by age."""

    customerId: str
    customerLegalName: str


class Ageing(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A page of customers by name; ``totals`` is over all customers, ``total_count`` their number.

    ``disputedAmount`` is owed under dispute and not in the totals.
    """

    asOn: date
    totals: Ages
    data: list[AgeingRow]
    total_count: int = msgspec.field(default=-1)
    limit: int = msgspec.field(default=-1)
    offset: int = msgspec.field(default=-1)
    next_cursor: NextCursor = None
    disputedAmount: Decimal | None = None
