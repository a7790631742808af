"""The port: what a provider's adapter does. A company without one trades through the central unit of this installation.

An adapter carries a message of ours to the provider and says what the answer means, and it says what a webhook of the
provider means. What comes of either is decided by the same pure rules for all (``adapters.witness``).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from hundi.db.pool import Transaction
from hundi.http.outgoing import Outgoing
from hundi.network.protocol.decisions import FoundBusiness
from hundi.network.protocol.messages import Call, NetworkOrder
from hundi.network.protocol.statuses import Event


class ProviderKind(StrEnum):
    """The providers there are adapters for."""

    ENKASH = "enkash"
    ZWITCH = "zwitch"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider knows a company by. Zwitch: access key and secret key. Without a user name the client signs in."""

    client_id: str
    client_secret: str
    username: str | None = None
    password: str | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A company's connection, opened: never logged, never stored like this. ``b2b_ids`` are its addresses."""

    kind: ProviderKind
    base_url: str
    credentials: Credentials
    b2b_ids: tuple[str, ...]
    token: str | None = None
    token_until: datetime | None = None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """One call, written: path and body."""

    path: str
    body: bytes


class Token(msgspec.Struct, frozen=True):
    """An access token and when it ends; an empty one says that what there was is no good any more."""

    text: str
    until: datetime


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has the message. ``answered``: there is no later word, this was it.

    ``provider_id`` is its name for the message, under which its answer will come; ``alias`` its name for the object.
    """

    provider_id: str
    alias: str | None = None
    answered: bool = False
    found: tuple[FoundBusiness, ...] | None = None
    token: Token | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The provider will not have the message, and why, in its own words."""

    code: str
    sentence: str
    field: str | None = None
    token: Token | None = None


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """No answer that can be believed: it is sent again later. ``unsure``: the provider may have it all the same."""

    detail: str
    unsure: bool
    token: Token | None = None


Outcome = Accepted | Refused | Unsettled


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that brings the counterparty's message; ``alias`` is the provider's own name for its object."""

    message: Call
    alias: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that says what came of a message of ours: ``request_id`` is its id, ``about`` the object it names."""

    call: type[Call]
    request_id: str
    about: str | None
    success: bool
    code: str | None = None
    detail: str | None = None
    field: str | None = None
    found: tuple[FoundBusiness, ...] | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook of the network's own: ``told`` is (object, status it has now) with what the network did, where it is known.

    What it did is an order that the rules carry out, or an event that moves the status and nothing else.
    """

    told: tuple[tuple[str, str, NetworkOrder | Event | None], ...]


class Echo(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that says what is known already; ``alias`` is the provider's name for the object."""

    object_id: str
    alias: str | None = None


Heard = Brought | Answer | Notice | Echo


class Unsupported(Exception):
    """The provider has no call for this message. ``code`` is stable, ``detail`` says what to do instead."""

    def __init__(self, code: str, field: str, detail: str) -> None:
        self.code = code
        self.field = field
        self.detail = detail
        super().__init__(detail)


class NotYet(Exception):
    """A webhook speaks of something that is not known here, ``waits_for``; it is kept until that is."""

    def __init__(self, waits_for: tuple[str, ...], code: str, detail: str) -> None:
        self.waits_for = waits_for
        self.code = code
        self.detail = detail
        super().__init__(detail)


class Adapter(Protocol):
    """One provider."""

    def check(self, message: Call) -> None:
        """Raise :class:`Unsupported` for a message the provider has no call for."""
        ...

    async def prepare(self, tx: Transaction, message_id: str, message: Call) -> Prepared | Refused:
        """Write the call for a message, or say that there can be none; what it needs to look up is looked up here."""
        ...

    async def call(self, outgoing: Outgoing, link: Link, now: datetime, message_id: str, prepared: Prepared) -> Outcome:
        """Make the call, with no transaction open, and say what the answer means; raises nothing a provider can cause."""
        ...

    async def understand(self, tx: Transaction, hook: str, body: bytes) -> Heard:
        """Say what a webhook means.

        Raises ``Refusal`` where the body does not fit, :class:`NotYet` where it speaks of something unknown.
        """
        ...


def mapping(value: Any) -> Mapping[str, Any]:
    """Give a JSON object, or an empty one where there is none."""
    return value if isinstance(value, dict) else {}
