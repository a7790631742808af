"""Wire types of dispatch (contract §4.3; domain §7)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.dispatch.rules import Channel, Grouping


class DispatchRequest(msgspec.Struct, kw_only=True):
    """The body of bulk dispatch. ``resend``, ``group`` and ``channel`` are ours."""

    invoiceIds: list[str] | None = None
    partialPaymentAllowed: bool | None = None
    resend: Annotated[bool, Meta(description="Send again what was dispatched before")] = False
    group: Annotated[Grouping, Meta(description="customer: one mail for all invoices of a customer")] = Grouping.INVOICE
    channel: Annotated[
        Channel | None,
        Meta(description="How to send: EMAIL or BHARAT_CONNECT; left out, as the company's dispatchChannel has it"),
    ] = None
