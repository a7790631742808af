"""Wire types of the Bharat Connect 2.0 AR operations (contract §1.5, §6.1)."""

from typing import Annotated

import msgspec
from msgspec import Meta

Remarks = Annotated[str, Meta(min_length=1, max_length=100)]
Ids = list[Annotated[str, Meta(max_length=200)]]


class PaymentConfirmation(msgspec.Struct, kw_only=True):
    """The body of Payment Confirmation Request: all members are required, their values are the network message's."""

    invoiceIds: Ids
    paymentId: Annotated[str, Meta(min_length=1, max_length=60)]
    remarks: Remarks
    response: Annotated[str, Meta(max_length=20, description="ACCEPT or REJECT")]
    type: Annotated[str, Meta(max_length=20, description="OFFPLATFORM or ONPLATFORM")]


class InvoiceStatusChange(msgspec.Struct, kw_only=True):
    """The body of Change Invoice Status Request; it is not published, so it is shaped like its neighbours."""

    invoiceIds: Ids
    status: Annotated[str, Meta(max_length=20, description="CANCEL, CLOSE or REOPEN")]
    remarks: Remarks


class BharatConnectReply(msgspec.Struct, kw_only=True):
    """The envelope of these operations: the three are always there; ``payload`` is the message's id."""

    payload: str
    response_code: Annotated[int, Meta(extra_json_schema={"format": "int32"})]
    response_message: str
