"""Wire types of dispatch (contract §4.3; domain §7)."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.dispatch.rows import InvoiceDelivery
from hundi.dispatch.rules import Channel, Grouping
from hundi.http.envelope import EnumModel, ErrorResponse, in_ist
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


class DispatchAccepted(msgspec.Struct, kw_only=True):
    """The answer to `Prefer: respond-async`: where to look."""

    dispatchId: str
    state: str
    url: str


class DispatchProgress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a dispatch has come, in invoices. ``result`` is what the call itself would have answered, once it has ended."""

    dispatchId: str
    state: Annotated[str, Meta(description="ACCEPTED, RUNNING, DONE, or STOPPED with the problem")]
    totalCount: int
    doneCount: int
    queuedCount: int
    alreadyCount: int
    refusedCount: int
    createdOn: datetime | None = None
    changedOn: datetime | None = None
    problem: str | None = None
    result: ErrorResponse | None = None
