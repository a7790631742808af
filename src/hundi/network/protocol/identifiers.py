"""Identifiers on the network: a prefix that names the kind, and 32 letters and digits (contract B2B §1.1).

The printed patterns are character classes (``[INV]{3}`` also takes ``VNI…``) and are accepted as they stand; what we
make begins with the prefix, and the proper patterns ask for it (domain §11).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Final, Protocol

from hundi.kit.clock import Clock
from hundi.kit.ids import floor_id, new_id


class Prefix(StrEnum):
    """What an identifier begins with. PUR to BID are ours: the published pages give plain text there."""

    INVOICE = "INV"
    PAYMENT = "PMT"
    BUSINESS = "ORG"
    ORDER = "PUR"
    CREDIT_NOTE = "CRN"
    DEBIT_NOTE = "DBN"
    FINANCING = "FIN"
    BID = "BID"
    MESSAGE = "MSG"


PRINTED_PATTERNS: Final[Mapping[Prefix, str]] = {
    prefix: f"^[{prefix}]{{3}}[A-Za-z0-9]{{32,32}}$" for prefix in (Prefix.INVOICE, Prefix.PAYMENT, Prefix.BUSINESS)
}
"""The three that are printed; the other kinds are plain text of 1 to 100 characters on their pages."""
PROPER_PATTERNS: Final[Mapping[Prefix, str]] = {prefix: f"^{prefix}[A-Za-z0-9]{{32}}$" for prefix in Prefix}
PRINTED_PAN: Final = "^[a-zA-Z0-9]{50}$"
"""The PAN pattern of the published page, which no PAN meets; nothing is ever held to it."""

_PRINTED: Final = {prefix: re.compile(pattern) for prefix, pattern in PRINTED_PATTERNS.items()}
_PROPER: Final = {prefix: re.compile(pattern) for prefix, pattern in PROPER_PATTERNS.items()}
_PLAIN: Final = re.compile(r"[^\\\"\x00-\x1f]{1,100}")
_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 32


def is_object_id(prefix: Prefix, text: str, *, proper: bool = False) -> bool:
    """Tell whether a text may name an object of this kind, by the printed pattern or by the proper one."""
    if proper:
        return _PROPER[prefix].fullmatch(text) is not None
    return (_PRINTED.get(prefix) or _PLAIN).fullmatch(text) is not None


def is_b2b_id(text: str) -> bool:
    r"""Tell whether a text may be a B2B ID: 1 to 100 characters, no ``\`` and no ``"`` (contract B2B §1.1)."""
    return _PLAIN.fullmatch(text) is not None


def b2b_key(b2b_id: str) -> str:
    """Give the key under which a B2B ID is kept: compared without regard to case, and never an object's id."""
    return f"@{b2b_id.upper()}"


class IdMaker(Protocol):
    """Makes identifiers. The server's come from its clock and chance, the simulator's from its seed."""

    def make(self, prefix: Prefix) -> str:
        """Give an identifier of this kind that nobody has."""
        ...


class SortableIds:
    """Identifiers that sort by birth: the 32 digits of a UUIDv7 (design §4.7).

    Those of one maker rise even within one instant, so that parcels of one transaction leave in the order they were made.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made = 0

    def make(self, prefix: Prefix) -> str:
        """Give a new identifier."""
        self._made += 1
        return new_id(prefix, self._clock.now(), self._made).replace("_", "")


def parcel_floor(at: datetime) -> str:
    """Give the lowest id of a parcel that :class:`SortableIds` can make at ``at``: what is below it is older."""
    return floor_id(Prefix.MESSAGE, at).replace("_", "")


class SeededIds:
    """Identifiers drawn from a seeded generator: the same seed gives the same ones."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def make(self, prefix: Prefix) -> str:
        """Give the next identifier of the sequence."""
        value = self._chance.getrandbits(_LENGTH * 5)
        digits = []
        for _ in range(_LENGTH):
            digits.append(_ALPHABET[value & 31])
            value >>= 5
        return prefix + "".join(digits)
