"""What `hundi up` says when it is ready."""

from __future__ import annotations

import pytest

from hundi.cli.up import _greet
from hundi.config import Settings


@pytest.mark.parametrize(
    ("settings", "said", "unsaid"),
    [
        ({}, ["because HUNDI_SMTP_URL is not set"], ["HUNDI_MAIL_FROM", "HUNDI_BASE_URL"]),
        (
            {"smtp_url": "smtp://localhost:25"},
            [
                "Set HUNDI_MAIL_FROM",
                "sent as invoices@example.com",
                "Set HUNDI_BASE_URL",
                "lead to http://127.0.0.1:8000",
            ],
            ["because HUNDI_SMTP_URL is not set"],
        ),
        (
            {"smtp_url": "smtp://localhost:25", "mail_from": "ar@acme.in", "base_url": "https://pay.acme.in"},
            ["Hundi serves https://pay.acme.in"],
            ["HUNDI_MAIL_FROM", "HUNDI_BASE_URL"],
        ),
    ],
)
def test_mail_that_would_not_arrive_is_spoken_of_before_it_is_sent(
    capsys: pytest.CaptureFixture[str], settings: dict[str, str], said: list[str], unsaid: list[str]
) -> None:
    _greet(Settings(**{"base_url": "http://127.0.0.1:8000", **settings}), demo=False)  # type: ignore[arg-type]  # all are texts
    told = capsys.readouterr().err
    assert all(words in told for words in said)
    assert not any(words in told for words in unsaid)
