"""The buyer's answer to a received invoice, as the published message says it (contract b2b §5.3)."""

from typing import Final

from hundi.network.queries import ObjectRow
from hundi.network.wire import invoice as wire
from hundi.network.wire.blocks import B2BIds, Device, ObjectVersion, StatusTransition, Tag

OF_A_SERVER: Final = Device(tag=Tag(name="GEOCODE", value="0,0"))
"""The device of what a server sends of itself: the page wants one, and a server is nowhere in particular."""


def answer_to(row: ObjectRow, answer: wire.Answer, remarks: str) -> wire.ConfirmInvoice:
    """Write the answer to an invoice as it is known here: its version and status are compared by the network."""
    return wire.ConfirmInvoice(
        device=OF_A_SERVER,
        b2bIds=B2BIds(buyerB2BId=row.buyer, supplierB2BId=row.supplier),
        invoiceConfirmation=wire.InvoiceConfirmation(
            objectId=row.object_id,
            supplierInvoiceNumber=row.number,
            objectVersion=ObjectVersion(currentVersion=row.version, newVersion=row.version),
            buyerResponse=answer,
            buyerRemarks=remarks,
            statusTransition=StatusTransition(currentStatus=row.status, newStatus=row.status),
        ),
    )
