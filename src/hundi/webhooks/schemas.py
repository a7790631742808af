"""Wire types of webhooks."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.http.envelope import in_ist
from hundi.http.wire import WireDateTime
from hundi.webhooks.rows import AttemptRow, DeliveryRow, EndpointRow
from hundi.webhooks.rules import MAX_PATTERNS, DeliveryState, EndpointStatus

Url = Annotated[
    str, Meta(min_length=1, max_length=2000, description="https://…; http:// where the operator allowed it")
]
Pattern = Annotated[str, Meta(min_length=1, max_length=100)]
Patterns = Annotated[
    list[Pattern], Meta(min_length=1, max_length=MAX_PATTERNS, description="invoice.dispatched, invoice.* or *")
]
Description = Annotated[str, Meta(max_length=200)]


class EndpointCreate(msgspec.Struct, kw_only=True):
    """A new endpoint. ``secret`` is whsec_ and base64 of 24 to 64 bytes; left out, one is made."""

    url: Url
    eventTypes: Patterns = msgspec.field(default_factory=lambda: ["*"])
    description: Description | None = None
    secret: Annotated[str, Meta(max_length=200)] | None = None


class EndpointPatch(msgspec.Struct, kw_only=True):
    """A change of an endpoint: absent leaves; null clears the description."""

    url: Url | UnsetType = UNSET
    eventTypes: Patterns | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    status: EndpointStatus | UnsetType = UNSET

    def columns(self) -> dict[str, Any]:
        """Give what is set, by column name."""
        given = {
            "url": self.url, "event_types": self.eventTypes, "description": self.description, "status": self.status,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not UNSET}


class EndpointOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An endpoint. ``secret`` is there only in the reply that made it, this once; ``publicKey`` verifies ``v1a``."""

    endpointId: str
    url: str
    eventTypes: list[str]
    status: str
    publicKey: str
    createdOn: datetime
    modifiedOn: datetime
    description: str | None = None
    disabledReason: str | None = None
    failingSince: datetime | None = None
    oldSecretUntil: datetime | None = None
    secret: str | None = None

    @classmethod
    def of(cls, row: EndpointRow, secret: str | None = None) -> "EndpointOut":
        """Show a row."""
        return cls(
            endpointId=row.endpoint_id, url=row.url, eventTypes=row.event_types, status=row.status,
            publicKey=row.public_key, createdOn=in_ist(row.created_at) or row.created_at,
            modifiedOn=in_ist(row.modified_at) or row.modified_at, description=row.description,
            disabledReason=row.disabled_reason, failingSince=in_ist(row.failing_since),
            oldSecretUntil=in_ist(row.old_until), secret=secret,
        )  # fmt: skip


class AttemptOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One attempt; without ``outcome`` it may be under way. ``response`` is the first kilobyte of the answer."""

    attempt: int
    startedOn: datetime
    outcome: str | None = None
    finishedOn: datetime | None = None
    status: int | None = None
    ms: int | None = None
    response: str | None = None
    detail: str | None = None

    @classmethod
    def of(cls, row: AttemptRow) -> "AttemptOut":
        """Show a row."""
        return cls(
            attempt=row.attempt_no, startedOn=in_ist(row.started_at) or row.started_at, outcome=row.outcome,
            finishedOn=in_ist(row.finished_at), status=row.status, ms=row.ms, response=row.response, detail=row.detail,
        )  # fmt: skip


class WebhookDeliveryOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One message for one endpoint; ``messageId`` is its webhook-id. ``nextAttemptOn`` only while it waits."""

    deliveryId: str
    endpointId: str
    messageId: str
    type: str
    objectKind: str
    objectId: str
    sequence: int
    state: str
    attempts: int
    createdOn: datetime
    nextAttemptOn: datetime | None = None
    settledOn: datetime | None = None
    detail: str | None = None
    replayOf: str | None = None
    data: Any = None
    attemptLog: list[AttemptOut] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, row: DeliveryRow, attempts: list[AttemptRow] | None = None) -> "WebhookDeliveryOut":
        """Show a row; with its attempts (even none) what it says is shown too."""
        return cls(
            deliveryId=row.delivery_id, endpointId=row.endpoint_id, messageId=row.message_id, type=row.type,
            objectKind=row.object_kind, objectId=row.object_id, sequence=row.sequence, state=row.state,
            attempts=row.attempts, createdOn=in_ist(row.created_at) or row.created_at,
            nextAttemptOn=in_ist(row.due_at) if row.state == DeliveryState.PENDING else None, settledOn=in_ist(row.settled_at),
            detail=row.detail, replayOf=row.replay_of,
            data=msgspec.Raw(row.data.encode()) if attempts is not None else None,
            attemptLog=[AttemptOut.of(one) for one in attempts or []],
        )  # fmt: skip


class WebhookQueued(msgspec.Struct, kw_only=True):
    """A delivery that was queued."""

    deliveryId: str


class ReplayRequest(msgspec.Struct, kw_only=True):
    """Which period to send again: what ended in ``states``, and with ``unheard`` what was never queued for the endpoint."""

    since: WireDateTime
    until: WireDateTime
    states: list[DeliveryState] = msgspec.field(default_factory=lambda: [DeliveryState.FAILED])
    unheard: bool = False


class ReplayOut(msgspec.Struct, kw_only=True):
    """What was queued. ``more``: the period holds more than one call takes; call again with this ``until``."""

    again: int
    unheard: int
    more: bool
    until: datetime


class EventTypeOut(msgspec.Struct, kw_only=True):
    """A type of event, what its object is, and when it happens."""

    type: str
    objectKind: str
    description: str
