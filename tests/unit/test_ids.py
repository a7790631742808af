"""Identifiers: their forms, their order, their chance."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from hundi.kit.ids import (
    CUSTOMER_PATTERN,
    SELLER_PATTERN,
    new_customer_id,
    new_id,
    new_secret,
    new_seller_id,
    row_id_prefix,
)

AT = datetime(2026, 11, 16, 4, 30, tzinfo=UTC)


def test_an_id_is_a_uuid_of_version_7_after_its_prefix() -> None:
    made = new_id("inv", AT)
    assert re.fullmatch(r"inv_[0-9a-f]{32}", made)
    read = uuid.UUID(made[4:])
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert read.int >> 80 == int(AT.timestamp() * 1000)


def test_ids_sort_by_birth_and_do_not_repeat() -> None:
    made = [new_id("inv", AT + timedelta(milliseconds=at)) for at in range(100)]
    assert made == sorted(made)
    assert len({new_id("inv", AT) for _ in range(10_000)}) == 10_000


def test_the_documented_ids() -> None:
    customers = [new_customer_id(AT + timedelta(milliseconds=at)) for at in range(100)]
    assert customers == sorted(customers)
    assert all(re.fullmatch(CUSTOMER_PATTERN, made) for made in customers)
    # Nine digits of base 36 hold milliseconds far past the last year we take.
    assert re.fullmatch(CUSTOMER_PATTERN, new_customer_id(datetime(2200, 12, 31, tzinfo=UTC)))
    assert all(re.fullmatch(SELLER_PATTERN, new_seller_id()) for _ in range(100))


def test_rows_of_an_import_have_the_same_ids_each_time() -> None:
    import_id = new_id("imp", AT)
    prefix = row_id_prefix("inv", import_id, AT)
    assert prefix == row_id_prefix("inv", import_id, AT)
    assert prefix != row_id_prefix("inv", new_id("imp", AT), AT)
    rows = [f"{prefix}{row:08x}" for row in (1, 2, 255, 4_999_999)]
    assert rows == sorted(rows)
    assert all(uuid.UUID(row[4:]).version == 7 and uuid.UUID(row[4:]).variant == uuid.RFC_4122 for row in rows)


def test_secrets_have_128_bits_and_more() -> None:
    assert len(new_secret()) >= 32
    assert len({new_secret() for _ in range(1000)}) == 1000
