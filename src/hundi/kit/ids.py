"""Identifiers (design §4.7): sortable by birth, prefixed by kind, made by the application and never by the database."""

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final, NewType

SellerId = NewType("SellerId", str)
CustomerId = NewType("CustomerId", str)
InvoiceId = NewType("InvoiceId", str)
ImportId = NewType("ImportId", str)
DeliveryId = NewType("DeliveryId", str)
UserId = NewType("UserId", str)

SELLER_PATTERN: Final = "^CEK[A-Z0-9]{7}$"
CUSTOMER_PATTERN: Final = "^KC[A-Z0-9]{14}$"

_BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ROW_BITS: Final = 32


def _base36(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, digit = divmod(value, 36)
        digits.append(_BASE36[digit])
    return "".join(reversed(digits))


def _uuid7_hex(at: datetime, random_bits: int) -> str:
    """Lay out 32 hexadecimal digits as RFC 9562 §5.7 does: 48 bits of milliseconds, version, 12 + 62 bits of our choice."""
    millis = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    value = (
        (millis << 80) | (7 << 76) | ((random_bits >> 62 & 0xFFF) << 64) | (2 << 62) | (random_bits & ((1 << 62) - 1))
    )
    return f"{value:032x}"


def new_id(prefix: str, at: datetime, order: int | None = None) -> str:
    """Make ``prefix_`` + 32 hexadecimal digits: a UUIDv7, so ids of one kind sort by birth.

    ``order`` sorts those that are born in the same millisecond (RFC 9562 §6.2, a counter in place of 12 bits of chance).
    """
    if order is None:
        return f"{prefix}_{_uuid7_hex(at, secrets.randbits(74))}"
    return f"{prefix}_{_uuid7_hex(at, min(order, 0xFFF) << 62 | secrets.randbits(62))}"


def floor_id(prefix: str, at: datetime) -> str:
    """Give the lowest id of a kind that can be born at ``at``: what is below it is older."""
    return f"{prefix}_{_uuid7_hex(at, 0)}"


def new_seller_id() -> SellerId:
    """Make a company id, ``CEK`` + 7 of A–Z and 0–9 (contract §1.3). The caller checks that it is free."""
    return SellerId("CEK" + "".join(secrets.choice(_BASE36) for _ in range(7)))


def new_customer_id(at: datetime) -> CustomerId:
    """Make a customer id, ``KC`` + 14 of A–Z and 0–9 (contract §1.3): 9 of time, 5 of chance, so they sort by birth."""
    millis = int(at.timestamp() * 1000)
    return CustomerId("KC" + _base36(millis, 9) + _base36(secrets.randbelow(36**5), 5))


def row_id_prefix(prefix: str, import_id: str, at: datetime) -> str:
    """Give what the ids of all rows of one import share; the row number in 8 hexadecimal digits completes it.

    The id of row 17 is then the same however often the import is resumed, so a repeated chunk meets the primary key
    instead of adding the row a second time. Chance comes from the import's own id, which has 74 bits of it.
    """
    chance = uuid.uuid5(uuid.NAMESPACE_OID, import_id).int >> 54 & ((1 << 42) - 1)
    return f"{prefix}_{_uuid7_hex(at, chance << _ROW_BITS)[:-8]}"


def customer_row_ids(import_id: str, at: datetime) -> Callable[[int], CustomerId]:
    """Give what makes the ids of customers that come from rows of one import: the same row has the same id every time.

    They look like every other customer's: 9 of time, and 5 that begin at a number drawn from the import's id and count on.
    """
    time = _base36(int(at.timestamp() * 1000), 9)
    first = uuid.uuid5(uuid.NAMESPACE_OID, f"{import_id} customers").int
    return lambda row: CustomerId(f"KC{time}{_base36((first + row) % 36**5, 5)}")


def new_secret(nbytes: int = 24) -> str:
    """Make a secret of at least 128 bits as URL-safe text."""
    return secrets.token_urlsafe(nbytes)
