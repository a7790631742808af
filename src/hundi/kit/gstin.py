"""GSTIN, UIN and the other identifiers of Indian trade: shapes, kinds and check digits. Our own validator.

Sources: the registration forms under the CGST Rules (rule 10: 2 digits of state, 10 of PAN or TAN, 2 of entity, 1 check
character) and the e-invoice portal's published patterns for the special kinds.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from hundi.kit.states import OUTSIDE_INDIA, STATES

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUE: Final[Mapping[str, int]] = {character: at for at, character in enumerate(_ALPHABET)}
_BODY_LENGTH: Final = 14


class TaxIdKind(StrEnum):
    """What sort of registration a 15-character number names."""

    REGULAR = "REGULAR"
    UIN = "UIN"
    NON_RESIDENT = "NON_RESIDENT"
    OIDAR = "OIDAR"
    TDS = "TDS"
    TCS = "TCS"
    GOVERNMENT = "GOVERNMENT"
    SANDBOX = "SANDBOX"


class Gstin(msgspec.Struct, frozen=True):
    """A valid number taken apart: ``number`` in capitals, ``kind``, ``state_code``, ``pan`` where it contains one."""

    number: str
    kind: TaxIdKind
    state_code: str
    pan: str | None = None


class NotAGstin(ValueError):
    """The text is no GSTIN or UIN; ``code`` is ``GSTIN_FORMAT``, ``GSTIN_STATE`` or ``GSTIN_CHECK_DIGIT``."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence."""
        self.code = code
        super().__init__(message)


# The 14th character tells the kinds apart: U/O + N united-nations bodies, N + R non-residents, O + S online services
# from abroad, D tax deductors, C e-commerce collectors, all else a regular taxpayer (Z today, 1-9 and A-J reserved). A
# government department has a TAN in place of the PAN. Composition and casual taxpayers have numbers like everybody's.
_KINDS: Final = (
    (TaxIdKind.OIDAR, re.compile(r"99[0-9]{2}[A-Z]{3}[0-9]{5}OS[0-9A-Z]")),
    (TaxIdKind.NON_RESIDENT, re.compile(r"[0-9]{4}[A-Z]{3}[0-9]{5}NR[0-9A-Z]")),
    (TaxIdKind.UIN, re.compile(r"[0-9]{4}[A-Z]{3}[0-9]{5}[UO]N[0-9A-Z]")),
    (TaxIdKind.GOVERNMENT, re.compile(r"[0-9]{2}[A-Z]{4}[0-9]{5}[A-Z][0-9]Z[0-9A-Z]")),
    (TaxIdKind.TDS, re.compile(r"[0-9]{2}[A-Z]{4}[0-9A-Z][0-9]{4}[A-Z][1-9A-Z]D[0-9A-Z]")),
    (TaxIdKind.TCS, re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]C[0-9A-Z]")),
    (TaxIdKind.REGULAR, re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z][Z1-9A-J][0-9A-Z]")),
)
_SANDBOX: Final = re.compile(r"[0-9]{2}[0-9A-Z]{13}")
_WITH_PAN: Final = frozenset({TaxIdKind.REGULAR, TaxIdKind.TCS})

_PAN: Final = re.compile(r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]")
_TAN: Final = re.compile(r"[A-Z]{4}[0-9]{5}[A-Z]")
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_PIN: Final = re.compile(r"[1-9][0-9]{5}")
_UDYAM: Final = re.compile(r"UDYAM-[A-Z]{2}-[0-9]{2}-[0-9]{7}")


def check_character(first14: str) -> str:
    """Compute the 15th character of a GSTIN from its first 14 (A-Z, 0-9; anything else raises ``ValueError``).

    Each character counts its place in 0-9A-Z, times 1 and 2 in turn; quotient and remainder by 36 are added up, and the
    check character fills the sum to a multiple of 36.
    """
    if len(first14) != _BODY_LENGTH or any(character not in _VALUE for character in first14):
        message = "a check character is made from 14 characters of A-Z and 0-9"
        raise ValueError(message)
    total = 0
    for at, character in enumerate(first14):
        quotient, remainder = divmod(_VALUE[character] * (1 + at % 2), len(_ALPHABET))
        total += quotient + remainder
    return _ALPHABET[-total % len(_ALPHABET)]


def gstin_with_check(first14: str) -> str:
    """Complete 14 characters to a number with a right check character: for demo data and tests."""
    upper = first14.upper()
    return upper + check_character(upper)


@lru_cache(maxsize=4096)  # A company's documents name the same few again and again.
def read_gstin(text: str, *, sandbox: bool = False) -> Gstin:
    """Take a GSTIN or UIN apart, in any case and with blanks around it. Raises :class:`NotAGstin`.

    States 38 (Ladakh), 97 (other territory) and 99 (centre) are valid; 96 is a place of supply only, never a
    registration. With ``sandbox`` the made-up numbers of the portals' test systems (``02AMBPG7773M002``) pass too, as
    kind SANDBOX: right in length, characters and state, in nothing else.
    """
    number = text.strip().upper()
    kind = next((kind for kind, pattern in _KINDS if pattern.fullmatch(number)), None)
    if sandbox and (kind is None or check_character(number[:_BODY_LENGTH]) != number[-1]):
        kind = TaxIdKind.SANDBOX if _SANDBOX.fullmatch(number) else None
    if kind is None:
        raise NotAGstin("GSTIN_FORMAT", "A GSTIN has 15 characters: state (2 digits), PAN (10), then 3 more.")
    state_code = number[:2]
    if state_code not in STATES or state_code == OUTSIDE_INDIA:
        raise NotAGstin("GSTIN_STATE", f"{state_code} is no state code of the GST: check the first two digits.")
    if kind is not TaxIdKind.SANDBOX and check_character(number[:_BODY_LENGTH]) != number[-1]:
        raise NotAGstin("GSTIN_CHECK_DIGIT", "The last character does not fit the others: a character is mistyped.")
    return Gstin(number, kind, state_code, number[2:12] if kind in _WITH_PAN else None)


def is_pan(text: str) -> bool:
    """Tell whether the text has the shape of a PAN with a known category letter. There is no public check digit."""
    return _PAN.fullmatch(text.strip().upper()) is not None


PAN_LETTERS: Final[Mapping[str, str]] = {
    "SOLE PROP": "P", "BOI": "B", "AOP": "A", "HUF": "H", "COMPANY": "C", "LLP": "F", "PARTNERSHIP FIRM": "F",
    "TRUST": "T", "GOVERNEMNT AGENCY": "G", "LOCAL AUTHORITY": "L", "AJP": "J",
}  # fmt: skip
"""The fourth letter of the PAN of each kind of business; the kinds are spelt as the network spells them (b2b §4.1)."""


def pan_fits(pan: str, business_kind: str) -> bool | None:
    """Tell whether a PAN's fourth letter is that of a kind of business; None for a kind that is not known here."""
    letter = PAN_LETTERS.get(business_kind)
    return None if letter is None else is_pan(pan) and pan.strip().upper()[3] == letter


def is_tan(text: str) -> bool:
    """Tell whether the text has the shape of a TAN: four letters, five digits, one letter."""
    return _TAN.fullmatch(text.strip().upper()) is not None


def is_ifsc(text: str) -> bool:
    """Tell whether the text has the shape of an IFSC: four letters, a zero, six letters or digits."""
    return _IFSC.fullmatch(text.strip().upper()) is not None


def is_pin_code(text: str) -> bool:
    """Tell whether the text has the shape of an Indian PIN code: six digits, the first not zero."""
    return _PIN.fullmatch(text.strip()) is not None


def is_udyam(text: str) -> bool:
    """Tell whether the text has the shape of an Udyam number: ``UDYAM-XX-00-0000000``."""
    return _UDYAM.fullmatch(text.strip().upper()) is not None
