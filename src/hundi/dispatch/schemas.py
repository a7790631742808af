"""Wire types of dispatch (contract §4.3; domain §7)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.dispatch.rules import Grouping


class DispatchRequest(msgspec.Struct, kw_only=True):
    """The body of bulk dispatch. ``resend`` and ``group`` are ours."""

    invoiceIds: list[str] | None = None
    partialPaymentAllowed: bool | None = None
    resend: Annotated[bool, Meta(description="Send again what was dispatched before")] = False
    group: Annotated[Grouping, Meta(description="customer: one mail for all invoices of a customer")] = Grouping.INVOICE
