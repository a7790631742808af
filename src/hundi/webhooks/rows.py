"""What queries on webhooks give."""

from datetime import datetime

import msgspec


class EndpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint; its secrets are sealed."""

    endpoint_id: str
    url: str
    description: str | None
    event_types: list[str]
    status: str
    disabled_reason: str | None
    secret: bytes
    signing_key: bytes
    public_key: str
    old_secret: bytes | None
    old_signing_key: bytes | None
    old_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    modified_at: datetime


class Lane(msgspec.Struct, frozen=True, order=True):
    """One object at one endpoint: its deliveries go out one after the other."""

    endpoint_id: str
    object_kind: str
    object_id: str


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one endpoint, with what it says; ``data`` is JSON text."""

    delivery_id: str
    endpoint_id: str
    message_id: str
    type: str
    object_kind: str
    object_id: str
    sequence: int
    state: str
    attempts: int
    due_at: datetime
    detail: str | None
    created_at: datetime
    settled_at: datetime | None
    replay_of: str | None
    at: datetime
    data: str
    bare: bool
    path: str | None

    @property
    def lane(self) -> Lane:
        """Give what this delivery keeps its order in."""
        return Lane(self.endpoint_id, self.object_kind, self.object_id)


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt; ``outcome`` None: begun, and nobody has said how it ended."""

    attempt_no: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    status: int | None
    ms: int | None
    response: str | None
    detail: str | None
