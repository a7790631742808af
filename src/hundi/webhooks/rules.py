"""Decisions about webhooks on plain values: who hears of what, when the next attempt is, what an answer means."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

MAX_ENDPOINTS: Final = 50
MAX_PATTERNS: Final = 50
ROTATION_OVERLAP: Final = timedelta(hours=24)
"""How long the secret before the last rotation goes on signing beside the new one."""
TEST_EVENT: Final = "webhook.test"

DELAYS: Final = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
"""The pauses after the first, second, … failed attempt (design §4.10): ten attempts over about 75 hours."""
MAX_ATTEMPTS: Final = len(DELAYS) + 1
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
# An attempt is never early; it is late by up to a tenth, so that what failed together does not come back together.
_JITTER: Final = 10
LONGEST_DELAY: Final = max(LONGEST_RETRY_AFTER, DELAYS[-1] + DELAYS[-1] / _JITTER)
"""No attempt is put off for longer than this."""

_PATTERN: Final = re.compile(r"(?:\*|[a-z][a-z0-9_]*)(?:\.(?:\*|[a-z][a-z0-9_]*))*")
_LONGEST_PATTERN: Final = 100
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


class EndpointStatus(StrEnum):
    """Whether an endpoint is told anything."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class DeliveryState(StrEnum):
    """How far one delivery has come."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


S = DeliveryState
MOVES: Final[Mapping[DeliveryState, frozenset[DeliveryState]]] = {
    # DELIVERED from PENDING and FAILED: an answer that came late, after the attempt had been given up for lost.
    S.PENDING: frozenset({S.SENDING, S.DELIVERED, S.FAILED}),
    S.SENDING: frozenset({S.SENDING, S.PENDING, S.DELIVERED, S.FAILED}),
    S.FAILED: frozenset({S.DELIVERED}),
    S.DELIVERED: frozenset(),
}
SETTLED: Final = frozenset({S.DELIVERED, S.FAILED})


class OutcomeKind(StrEnum):
    """How one attempt ended."""

    TAKEN = "TAKEN"
    """Answered with 2xx."""
    GONE = "GONE"
    """Answered with 410: the receiver wants no more."""
    ANSWERED = "ANSWERED"
    """Answered with another status; a redirect is one of them."""
    NO_ANSWER = "NO_ANSWER"
    """Sent, and no answer came: it may have arrived."""
    NOT_SENT = "NOT_SENT"
    """No connection."""
    REFUSED = "REFUSED"
    """The address may not be called."""
    LOST = "LOST"
    """The worker stopped before it could write down how it ended: it may have arrived."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down of an attempt. ``response`` is the first kilobyte of the answer, ``ms`` how long it took."""

    kind: OutcomeKind
    status: int | None = None
    ms: int | None = None
    response: str | None = None
    detail: str | None = None
    retry_after: timedelta | None = None


def kind_of_status(status: int) -> OutcomeKind:
    """Say what a status means."""
    if 200 <= status < 300:
        return OutcomeKind.TAKEN
    return OutcomeKind.GONE if status == 410 else OutcomeKind.ANSWERED


def retry_after(header: str | None) -> timedelta | None:
    """Read a Retry-After in seconds (the other form, a date, is left aside), at most a day."""
    if header is None or not _SECONDS.fullmatch(header.strip()):
        return None
    return min(timedelta(seconds=int(header.strip())), LONGEST_RETRY_AFTER)


def next_delay(delivery_id: str, attempts: int, asked: timedelta | None = None) -> timedelta | None:
    """Give the pause after so many failed attempts; None: give up.

    Late by up to a tenth, the same for the same delivery and attempt; ``asked`` (Retry-After) makes it longer, never
    shorter.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    planned = DELAYS[attempts - 1]
    chance = int.from_bytes(hashlib.sha256(f"{delivery_id} {attempts}".encode()).digest()[:2], "big")
    late = planned * chance // (_JITTER << 16)
    return max(planned + late, asked or timedelta(0))


def is_pattern(text: str) -> bool:
    """Tell whether this names event types: ``invoice.created``, ``invoice.*``, ``*``."""
    return len(text) <= _LONGEST_PATTERN and _PATTERN.fullmatch(text) is not None


def matches(patterns: Iterable[str], type_: str) -> bool:
    """Tell whether an event type is meant by any of the patterns; ``*`` stands for anything, dots too."""
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), type_) for one in patterns)


def as_like(pattern: str) -> str:
    """Write a pattern for SQL's LIKE."""
    return pattern.replace("_", "\\_").replace("*", "%")


def shown(body: bytes) -> str:
    """Give the first kilobyte of an answer as text that can be stored."""
    return body[:1024].decode("utf-8", "replace").replace("\x00", "�")
