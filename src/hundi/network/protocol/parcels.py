"""What travels: a parcel (a message or a delivery, with its place in each lane) in a signed, stamped envelope.

The parcel's bytes are made once and never change; the envelope is made anew for each attempt, because its stamp must lie
within the replay window of the receiver's clock. The signature is over ``sender.id.stamp.`` and the parcel's bytes, so a
parcel cannot be altered, re-dated or sent on in another's name.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec

from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.messages import Call

CENTRE: Final = "CENTRE"
"""The central unit's name on the wire."""
REPLAY_WINDOW: Final = timedelta(minutes=5)
"""How far a stamp may lie from the receiver's clock, either way."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place in a lane: the ``number``-th parcel from this sender to this receiver about this object, from 1."""

    lane: str
    number: int


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One message under way. A parcel about several objects has a place in each of their lanes.

    ``instead_of`` is the id of a parcel its receiver refused for good: this one takes its places, so that what comes after
    it may take effect, and has no effect itself.
    """

    id: str
    sender: str
    receiver: str
    positions: tuple[Position, ...]
    message: Call | None = None
    delivery: Delivery | None = None
    instead_of: str | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel on one attempt: ``stamp`` is the sender's clock, ``parcel`` the exact bytes that were signed."""

    id: str
    sender: str
    stamp: datetime
    parcel: bytes
    signature: str


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """The receiver's word to one attempt: taken over for good, or why not.

    A refused parcel stays with its sender and is tried again: a damaged copy or a slow clock does not lose it.
    """

    id: str
    taken: bool
    fault: str | None = None


class Signer(Protocol):
    """Signs as one end of the wire."""

    def sign(self, text: bytes) -> str:
        """Give a signature."""
        ...


class Verifier(Protocol):
    """Knows the keys of the other ends."""

    def verify(self, sender: str, text: bytes, signature: str) -> bool | None:
        """Tell whether the signature is the sender's; None when the sender has no key here."""
        ...


def encode(parcel: Parcel) -> bytes:
    """Give the bytes that are signed, sent and digested."""
    return msgspec.json.encode(parcel)


def digest(parcel: bytes) -> str:
    """Give the digest by which a repeated id is told from a reused one."""
    return hashlib.sha256(parcel).hexdigest()


def seal(parcel_id: str, sender: str, parcel: bytes, stamp: datetime, signer: Signer) -> Envelope:
    """Make the envelope of one attempt."""
    signature = signer.sign(_signed(sender, parcel_id, stamp, parcel))
    return Envelope(id=parcel_id, sender=sender, stamp=stamp, parcel=parcel, signature=signature)


def _signed(sender: str, parcel_id: str, stamp: datetime, parcel: bytes) -> bytes:
    return f"{sender}.{parcel_id}.{stamp.isoformat()}.".encode() + parcel


def _second(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


_DECODER: Final = msgspec.json.Decoder(Parcel)


def unseal(envelope: Envelope, receiver: str, now: datetime, verifier: Verifier) -> Parcel:
    """Give the parcel of an envelope that may be believed, or refuse it.

    Faults: ``SENDER_UNKNOWN``, ``BAD_SIGNATURE``, ``CLOCK_OUT_OF_WINDOW``, ``UNREADABLE``, ``WRONG_RECEIVER``.
    """
    text = _signed(envelope.sender, envelope.id, envelope.stamp, envelope.parcel)
    genuine = verifier.verify(envelope.sender, text, envelope.signature)
    if genuine is None:
        raise MessageRefused(Fault.SENDER_UNKNOWN, "sender", envelope.sender)
    if not genuine:
        raise MessageRefused(Fault.BAD_SIGNATURE, "signature")
    if abs(envelope.stamp - now) > REPLAY_WINDOW:
        detail = f"stamped {_second(envelope.stamp)}, here it is {_second(now)}"
        raise MessageRefused(Fault.CLOCK_OUT_OF_WINDOW, "stamp", detail)
    return opened(envelope.parcel, envelope.id, envelope.sender, receiver)


def opened(data: bytes, parcel_id: str, sender: str, receiver: str) -> Parcel:
    """Give the parcel of these bytes, which must be this one, from and to these. Faults: ``UNREADABLE``, ``WRONG_RECEIVER``."""
    try:
        parcel = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MessageRefused(Fault.UNREADABLE, "parcel") from error
    if (parcel.id, parcel.sender) != (parcel_id, sender) or parcel.receiver != receiver:
        raise MessageRefused(Fault.WRONG_RECEIVER, "receiver", parcel.receiver)
    if [parcel.message, parcel.delivery, parcel.instead_of].count(None) != 2:
        raise MessageRefused(Fault.UNREADABLE, "parcel")
    return parcel
