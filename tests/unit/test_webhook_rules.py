"""Who hears of what, when the next attempt is, and what an answer means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.webhooks.rules import (
    DELAYS,
    MAX_ATTEMPTS,
    OutcomeKind,
    as_like,
    is_pattern,
    kind_of_status,
    matches,
    next_delay,
    retry_after,
    shown,
)


def test_the_schedule_is_the_one_of_the_design() -> None:
    hours = [delay.total_seconds() / 3600 for delay in DELAYS]
    assert hours == [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert MAX_ATTEMPTS == 10
    assert timedelta(hours=75) < sum(DELAYS, timedelta(0)) < timedelta(hours=76)


@given(st.text("abcdef0123456789", min_size=1, max_size=32), st.integers(1, 9))
def test_an_attempt_is_never_early_and_late_by_a_tenth_at_most(delivery_id: str, attempts: int) -> None:
    delay = next_delay(delivery_id, attempts)
    assert delay is not None
    assert DELAYS[attempts - 1] <= delay <= DELAYS[attempts - 1] * 1.1
    assert delay == next_delay(delivery_id, attempts)


def test_deliveries_that_failed_together_come_back_apart() -> None:
    assert len({next_delay(f"whd_{n}", 3) for n in range(50)}) > 45


def test_the_last_attempt_is_followed_by_none() -> None:
    assert next_delay("whd_1", MAX_ATTEMPTS) is None
    assert next_delay("whd_1", MAX_ATTEMPTS, timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("120", 120), (" 7 ", 7), ("999999", 86400), ("0", 0), (None, None), ("-1", None), ("soon", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("٣", None), ("12345678", None)],
)  # fmt: skip
def test_retry_after_is_read(header: str | None, wanted: int | None) -> None:
    assert retry_after(header) == (None if wanted is None else timedelta(seconds=wanted))


@pytest.mark.parametrize(
    ("patterns", "type_", "hears"),
    [
        (["*"], "invoice.created", True),
        (["invoice.*"], "invoice.created", True),
        (["invoice.*"], "invoices.created", False),
        (["*.created"], "customer.created", True),
        (["invoice.created"], "invoice.created", True),
        (["invoice.created"], "invoiceXcreated", False),
        (["invoice.*"], "network.invoice.sent", False),
        (["network.*"], "network.invoice.sent", True),
        (["customer.created", "invoice.*"], "invoice.deleted", True),
        (["invoice.entry_recorded"], "invoice.entryXrecorded", False),
        ([], "invoice.created", False),
    ],
)
def test_a_pattern_means_these_types(patterns: list[str], type_: str, hears: bool) -> None:
    assert matches(patterns, type_) is hears


def test_patterns_are_the_same_in_sql() -> None:
    assert [as_like(one) for one in ("*", "invoice.*", "invoice.entry_recorded")] == [
        "%", "invoice.%", "invoice.entry\\_recorded"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["*", "invoice.*", "*.created", "webhook.test", "network.invoice.req_send"])
def test_a_good_pattern(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize(
    "text", ["", "Invoice.created", "invoice.", ".created", "invoice.%", "inv oice", "a" * 101, "in*", "1.a"]
)
def test_a_bad_pattern(text: str) -> None:
    assert not is_pattern(text)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "TAKEN"), (204, "TAKEN"), (299, "TAKEN"), (199, "ANSWERED"), (301, "ANSWERED"), (400, "ANSWERED"), (410, "GONE"),
     (500, "ANSWERED"), (999, "ANSWERED")],
)  # fmt: skip
def test_what_a_status_means(status: int, kind: str) -> None:
    assert kind_of_status(status) is OutcomeKind(kind)


def test_an_answer_is_kept_as_text_that_can_be_stored() -> None:
    assert shown(b"a\x00b\xff" + b"c" * 2000) == "a�b�" + "c" * 1020
