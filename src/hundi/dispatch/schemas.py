"""Wire types of dispatch (contract §4.3; domain §7)."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.dispatch.rows import InvoiceDelivery
from hundi.dispatch.rules import Channel, Grouping
from hundi.http.envelope import EnumModel, in_ist
from hundi.invoices.rules import labelled


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


class DeliveryResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One delivery of an invoice. ``detail`` is what the mail server said, or why nothing could be sent."""

    deliveryId: str
    channel: EnumModel
    state: EnumModel
    attempts: int = msgspec.field(default=-1)
    createdOn: datetime | None = None
    createdBy: str | None = None
    settledOn: datetime | None = None
    recipients: list[str] | None = None
    detail: str | None = None

    @classmethod
    def of(cls, row: InvoiceDelivery) -> "DeliveryResponse":
        """Show a delivery."""
        channel, state = labelled(row.channel), labelled(row.state)
        return cls(
            deliveryId=row.delivery_id, channel=EnumModel(channel.label, channel.name),
            state=EnumModel(state.label, state.name), attempts=row.attempts, createdOn=in_ist(row.created_at),
            createdBy=row.created_by, settledOn=in_ist(row.settled_at), recipients=row.recipients or None,
            detail=row.detail,
        )  # fmt: skip
