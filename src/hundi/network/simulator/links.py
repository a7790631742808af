"""The wire between the ends and what can go wrong on it: delay, loss, repetition, overtaking, damage."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from random import Random
from typing import Final

import msgspec

from hundi.network.protocol.parcels import Ack, Envelope


class FaultLevel(msgspec.Struct, frozen=True, kw_only=True):
    """How bad the wire and the machines are. Chances are per mille of one transmission; ``crash`` is per 10,000 steps of a node."""

    loss: int
    repetition: int
    damage: int
    longest_delay: timedelta
    straggler: int
    crash: int
    longest_outage: timedelta
    skew: timedelta


LEVELS: Final[Mapping[str, FaultLevel]] = {
    "none": FaultLevel(
        loss=0, repetition=0, damage=0, longest_delay=timedelta(milliseconds=80), straggler=0, crash=0,
        longest_outage=timedelta(0), skew=timedelta(0),
    ),
    "normal": FaultLevel(
        loss=20, repetition=20, damage=5, longest_delay=timedelta(milliseconds=900), straggler=5, crash=2,
        longest_outage=timedelta(hours=1), skew=timedelta(seconds=20),
    ),
    "hard": FaultLevel(
        loss=150, repetition=100, damage=40, longest_delay=timedelta(seconds=30), straggler=30, crash=15,
        longest_outage=timedelta(hours=6), skew=timedelta(minutes=2),
    ),
}  # fmt: skip
"""``none`` is the friendly sandbox."""

_SHORTEST_DELAY: Final = timedelta(milliseconds=20)
_STRAGGLER_DELAY: Final = timedelta(minutes=20)
_MICROSECOND: Final = timedelta(microseconds=1)


class Keyed:
    """Signatures of the simulation: a keyed digest for each end. Real servers sign with ed25519."""

    def __init__(self, seed: int) -> None:
        """Make every end's key from the seed."""
        self._seed = seed
        self._keys: dict[str, bytes] = {}

    def key_of(self, name: str) -> bytes:
        """Give an end's key."""
        if name not in self._keys:
            self._keys[name] = blake2b(f"{self._seed}.{name}".encode(), digest_size=32).digest()
        return self._keys[name]

    def signature(self, name: str, text: bytes) -> str:
        """Sign as an end."""
        return blake2b(text, digest_size=16, key=self.key_of(name)).hexdigest()

    def verify(self, sender: str, text: bytes, signature: str) -> bool | None:
        """Tell whether the signature is the sender's."""
        return self.signature(sender, text) == signature


class EndSigner:
    """Signs as one end."""

    def __init__(self, keys: Keyed, name: str) -> None:
        """Keep whose key to use."""
        self._keys = keys
        self._name = name

    def sign(self, text: bytes) -> str:
        """Give a signature."""
        return self._keys.signature(self._name, text)


class Wire:
    """Decides what becomes of each transmission, from the seed."""

    def __init__(self, level: FaultLevel, chance: Random) -> None:
        """Start with nothing sent."""
        self._level = level
        self._chance = chance
        self.sent = 0
        self.lost = 0
        self.repeated = 0
        self.damaged = 0

    def _happens(self, per_mille: int) -> bool:
        return per_mille > 0 and self._chance.randrange(1000) < per_mille

    def _delay(self) -> timedelta:
        spread = self._level.longest_delay - _SHORTEST_DELAY
        delay = _SHORTEST_DELAY + _MICROSECOND * self._chance.randrange(spread // _MICROSECOND)
        return delay + _STRAGGLER_DELAY if self._happens(self._level.straggler) else delay

    def carry(self, item: Envelope | Ack) -> list[tuple[timedelta, Envelope | Ack]]:
        """Give the copies that arrive, and after how long; none when it is lost."""
        self.sent += 1
        copies = 1
        if self._happens(self._level.repetition):
            self.repeated += 1
            copies = 2
        arriving: list[tuple[timedelta, Envelope | Ack]] = []
        for _ in range(copies):
            if self._happens(self._level.loss):
                self.lost += 1
            elif self._happens(self._level.damage):
                self.damaged += 1
                if isinstance(item, Envelope):  # a damaged word of receipt cannot be read: it is as good as lost
                    arriving.append((self._delay(), self._damage(item)))
            else:
                arriving.append((self._delay(), item))
        return arriving

    def _damage(self, envelope: Envelope) -> Envelope:
        at = self._chance.randrange(len(envelope.parcel))
        flipped = bytes((envelope.parcel[at] ^ (1 << self._chance.randrange(8)),))
        return msgspec.structs.replace(envelope, parcel=envelope.parcel[:at] + flipped + envelope.parcel[at + 1 :])
