"""Wire types of searchCollectionInvoices (contract §4.5 and its natural completions)."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from hundi.customers.rules import CustomerStatus
from hundi.http.envelope import NextCursor
from hundi.http.wire import FilterDateTime, Money
from hundi.invoices.rules import ApprovalStatus, CreatedVia, PayoutStatus, ReceivableStatus
from hundi.invoices.schemas import CustomerRef, InvoiceResponse, Number, Short, Via

OrderBy = Literal["createdOn", "invoiceDate", "dueDate", "netAmount", "balanceAmount", "invoiceNumber"]
Direction = Literal["ASC", "DESC"]

_DAY: int = len("2026-11-30")
_SECOND: int = len("2026-11-30 00:00:00")
_LEAST = timedelta(microseconds=1)


class FilterEnd(FilterDateTime):
    """The end of a range: a plain day means all of it, and a time without a fraction all of that second."""

    __slots__ = ()

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Read any of the forms of domain §5 and give the last instant that is meant."""
        read = super().read(raw)
        if len(raw) == _DAY:
            return cls(read.value + timedelta(days=1) - _LEAST)
        if "." not in raw[: _SECOND + 1]:
            return cls(read.value + timedelta(seconds=1) - _LEAST)
        return read


class InvoiceSearch(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of searchCollectionInvoices: all filters are optional, and all that are sent must hold.

    A list means any of its values; an empty list is no filter. Both ends of a range belong to it.
    """

    approvalStatuses: Annotated[list[ApprovalStatus], Meta(max_length=20)] | None = None
    balanceAmountFrom: Money | None = None
    balanceAmountTo: Money | None = None
    baseAmountFrom: Money | None = None
    baseAmountTo: Money | None = None
    collectionMode: Annotated[list[Via], Meta(max_length=50, description="Values of via")] | None = None
    createdOnFrom: FilterDateTime | None = None
    createdOnTo: FilterEnd | None = None
    createdVia: CreatedVia | None = None
    customerDeleted: bool | None = None
    customerIds: Annotated[list[CustomerRef], Meta(max_length=5000)] | None = None
    customerLegalName: (
        Annotated[str, Meta(min_length=1, max_length=200, description="Part of the name, in any case")] | None
    ) = None
    customerStatus: CustomerStatus | None = None
    dispatched: bool | None = None
    dispatchedOnFrom: FilterDateTime | None = None
    dispatchedOnTo: FilterEnd | None = None
    dueDateFrom: FilterDateTime | None = None
    dueDateTo: FilterEnd | None = None
    externalId: Short | None = None
    invoiceDateFrom: FilterDateTime | None = None
    invoiceDateTo: FilterEnd | None = None
    invoiceIds: Annotated[list[Short], Meta(max_length=5000)] | None = None
    invoiceNumber: Annotated[Number, Meta(description="The whole number, in any case")] | None = None
    netAmountFrom: Money | None = None
    netAmountTo: Money | None = None
    payoutStatuses: Annotated[list[PayoutStatus], Meta(max_length=20)] | None = None
    poNumber: Annotated[Short, Meta(description="The whole number, as it was sent")] | None = None
    receivableStatuses: Annotated[list[ReceivableStatus], Meta(max_length=20)] | None = None
    sellerId: Annotated[str, Meta(max_length=10)] | None = None
    text: (
        Annotated[
            str,
            Meta(max_length=100, description="Words that stand in the number, the description or the customer's name"),
        ]
        | None
    ) = None
    totalReceivedFrom: Money | None = None
    totalReceivedTo: Money | None = None
    via: Via | None = None


class InvoicePage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A page of invoices (design §5 "Lists").

    ``total_count`` is exact up to 100,000; above, it is an estimate and ``total_count_estimated`` says so.
    ``next_cursor`` is there while more follow.
    """

    data: list[InvoiceResponse]
    total_count: int = msgspec.field(default=-1)
    limit: int = msgspec.field(default=-1)
    offset: int = msgspec.field(default=-1)
    next_cursor: NextCursor = None
    total_count_estimated: bool = False
