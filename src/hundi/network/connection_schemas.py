"""Wire types of a company's connection to the network, of what it keeps aside and of its messages to a provider."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.http.envelope import in_ist
from hundi.network.adapters.port import Credentials, ProviderKind
from hundi.network.connections import Connection, Wanted
from hundi.network.provider_queries import KeptRow, MessageRow
from hundi.network.wire.values import B2BId

Secret = Annotated[str, Meta(min_length=1, max_length=500)]


class ConnectionKind(StrEnum):
    """How a company reaches the network."""

    CENTRAL = "central"
    ENKASH = "enkash"
    ZWITCH = "zwitch"


class CredentialsIn(msgspec.Struct, kw_only=True):
    """What the provider knows the company by; never shown again. Zwitch: access key and secret key."""

    clientId: Secret
    clientSecret: Secret
    username: Secret | None = None
    password: Secret | None = None


class ConnectionPut(msgspec.Struct, kw_only=True):
    """What the connection is to be. ``central`` needs nothing else; credentials may be left out while they stay the same."""

    kind: ConnectionKind
    baseUrl: (
        Annotated[str, Meta(max_length=1000, description="https://… without a query; Zwitch's own by default")] | None
    ) = None
    credentials: CredentialsIn | None = None
    b2bIds: Annotated[
        list[B2BId],
        Meta(max_length=100, description="The company's B2B IDs at the provider, besides those registered here"),
    ] = msgspec.field(default_factory=list)
    signingSecret: (
        Annotated[str, Meta(max_length=200, description="whsec_…: webhooks must be signed with it (Standard Webhooks)")]
        | None
    ) = None
    newIntakeSecret: Annotated[bool, Meta(description="Make another intake secret; the old one ends at once")] = False

    def wanted(self, kind: ProviderKind) -> Wanted:
        """Give it as plain values."""
        given = self.credentials
        return Wanted(
            kind=kind, base_url=self.baseUrl, b2b_ids=tuple(dict.fromkeys(self.b2bIds)), signing_secret=self.signingSecret,
            new_intake_secret=self.newIntakeSecret,
            credentials=None if given is None else Credentials(
                client_id=given.clientId, client_secret=given.clientSecret, username=given.username, password=given.password
            ),
        )  # fmt: skip


class ConnectionOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A company's connection. ``intakeSecret`` is there only in the reply that made it, this once.

    ``underWay`` messages wait for their answers, ``inDoubt`` ones for a person, ``kept`` webhooks contradict what is known.
    """

    kind: ConnectionKind
    baseUrl: str | None = None
    clientId: str | None = None
    b2bIds: list[str] = []
    intakePath: str | None = None
    intakeSecret: str | None = None
    signed: bool | None = None
    underWay: int | None = None
    inDoubt: int | None = None
    kept: int | None = None
    lastError: str | None = None
    lastErrorOn: datetime | None = None
    createdOn: datetime | None = None
    modifiedOn: datetime | None = None

    @classmethod
    def of(cls, found: Connection | None, client_id: str | None, secret: str | None = None) -> "ConnectionOut":
        """Show a connection; None is the central unit of this installation."""
        if found is None:
            return cls(kind=ConnectionKind.CENTRAL)
        return cls(
            kind=ConnectionKind(found.kind.value), baseUrl=found.base_url, clientId=client_id, b2bIds=found.b2b_ids,
            intakePath=f"/network/inbox/{found.kind.value}", intakeSecret=secret, signed=found.signing_secret is not None,
            underWay=found.under_way, inDoubt=found.in_doubt, kept=found.kept, lastError=found.last_error,
            lastErrorOn=in_ist(found.last_error_at), createdOn=in_ist(found.created_at), modifiedOn=in_ist(found.modified_at),
        )  # fmt: skip


class SettleAction(StrEnum):
    """What a person decides about something that waits for one."""

    RETRY = "RETRY"
    DISMISS = "DISMISS"


class Settle(msgspec.Struct, kw_only=True):
    """RETRY tries again; DISMISS ends it: a kept webhook has no effect, a message in doubt has failed."""

    action: SettleAction


class KeptOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A webhook that had no effect, as it came, and why: ``code`` and ``detail``; ``outcome`` is KEPT, TAKEN or DISMISSED."""

    receivedId: str
    source: str
    hook: str
    outcome: str
    body: str
    receivedOn: datetime
    code: str | None = None
    detail: str | None = None

    @classmethod
    def of(cls, row: KeptRow) -> "KeptOut":
        """Show a row."""
        return cls(
            receivedId=row.received_id, source=row.source, hook=row.hook, outcome=row.outcome, body=row.body,
            receivedOn=in_ist(row.at) or row.at, code=row.code, detail=row.detail,
        )  # fmt: skip


class ProviderMessageOut(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A message to the provider: ``progress`` is QUEUED, SENT (its answer is awaited), IN DOUBT or ANSWERED."""

    messageId: str
    call: str
    about: list[str]
    progress: str
    attempts: int
    createdOn: datetime
    changedOn: datetime
    nextAttemptOn: datetime | None = None
    providerId: str | None = None
    detail: str | None = None

    @classmethod
    def of(cls, row: MessageRow) -> "ProviderMessageOut":
        """Show a row."""
        return cls(
            messageId=row.message_id, call=row.call, about=row.about, progress=row.progress, attempts=row.attempts,
            createdOn=in_ist(row.created_at) or row.created_at, changedOn=in_ist(row.changed_at) or row.changed_at,
            nextAttemptOn=in_ist(row.due) if row.progress == "QUEUED" else None, providerId=row.provider_id,
            detail=row.detail,
        )  # fmt: skip
