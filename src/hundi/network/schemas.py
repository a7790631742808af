"""Wire types of what is ours around the network's messages: replies, objects, moves."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hundi.http.envelope import ApiSubError, in_ist
from hundi.network.rows import ParcelRow


class NetworkReply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What every call is acknowledged with: the three are always there; ``payload`` is the message's id.

    ``warnings`` is ours and present only when there are any: what is doubtful about an invoice or note by the rules of GST.

    The result comes later, as the webhook ``resp-…`` with this id as ``reqMsgId`` (contract b2b §2).
    """

    payload: str
    response_code: Annotated[int, Meta(extra_json_schema={"format": "int32"})]
    response_message: str
    warnings: list[ApiSubError] = msgspec.field(default_factory=list)


class NetworkObjectOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An object as this company knows it. ``document`` is the published JSON it was last sent with.

    ``total`` and ``due`` are rupees; ``pendingMessageId`` is a message of ours that waits for its answer.
    """

    objectId: str
    kind: str
    number: str
    role: str
    supplierB2BId: str
    buyerB2BId: str
    status: str
    objectVersion: int
    revision: int
    total: Decimal | None = None
    due: Decimal | None = None
    createdAt: datetime
    changedAt: datetime
    facts: dict[str, Any] | None = None
    document: dict[str, Any] | None = None


class NetworkMoveOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that happened to an object, in order of ``revision``."""

    revision: int
    event: str
    actor: str
    before: str
    after: str
    objectVersion: int
    amount: Decimal | None = None
    at: datetime
    messageId: str


class NetworkParcelOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A message of ours on its way. ``state`` is WAITING or REFUSED; ``at`` is when it is tried next, or was refused.

    ``problem`` is why the last attempt came to nothing: a code and a sentence.
    """

    parcelId: str
    receiver: str
    state: str
    attempts: int
    problem: str | None = None
    at: datetime


def parcel_out(row: ParcelRow) -> NetworkParcelOut:
    """Put a parcel into its wire form."""
    return NetworkParcelOut(
        parcelId=row.parcel_id, receiver=row.receiver, state=row.state, attempts=row.attempts, problem=row.problem,
        at=in_ist(row.at) or row.at,
    )  # fmt: skip
