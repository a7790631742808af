"""The invoice reference number: the published vectors, the year, the capitals, the time to report (contract b2b §9.4)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gst_documents import TN_SELLER, invoice
from hundi.gst.document import DocumentKind
from hundi.gst.irn import CASE_RULE_FROM, compute_irn, irn_of, is_irn, year_of

BEFORE = date(2025, 5, 31)


@pytest.mark.parametrize(
    ("gstin", "day", "kind", "number", "irn"),
    [
        ("01AMBPG7773M002", date(2022, 9, 16), "INV", "SINV-CFY-00067",
         "706daeccda0ef6f818da78f3a2a05a1288731057373002289b46c3229289a2e7"),
        ("01AMBPG7773M002", date(2022, 9, 16), "INV", "g2qxhY",
         "68fb4fab44aee99fb23292478c4bd838e664837c9f1b04e3d9134ffed0b40b60"),
        ("01AMBPG7773M002", date(2023, 3, 31), "CRN", "g2qxhY",
         "1c96258af085e45da556494ea5e5a7b401a598ab80af4136309c2dac7b54d795"),
        ("01AMBPG7773M002", date(2022, 4, 1), "DBN", "g2qxhY",
         "24f37c80532583c6894d8153e2b12494daa80ddbb197f0fc2c1bac07db67f933"),
        ("02AMBPG7773M002", date(2023, 4, 1), "INV", "9sQ5E2",
         "2ecc42a8e81dcbbb56923e4bd046c861ce7374060bd31875ce35447e922c9399"),
    ],
)  # fmt: skip
def test_the_published_vectors(gstin: str, day: date, kind: str, number: str, irn: str) -> None:
    assert compute_irn(gstin, day, DocumentKind(kind), number, generated_on=BEFORE) == irn


@given(st.text("abcXYZ09/-", min_size=1, max_size=16))
def test_numbers_are_hashed_in_capitals_since_june_2025(number: str) -> None:
    def irn(text: str, generated_on: date) -> str:
        return compute_irn(TN_SELLER, date(2025, 5, 30), DocumentKind.INVOICE, text, generated_on=generated_on)

    assert irn(number, CASE_RULE_FROM) == irn(number.upper(), CASE_RULE_FROM) == irn(number.upper(), BEFORE)
    assert (irn(number, BEFORE) == irn(number, CASE_RULE_FROM)) is (number == number.upper())
    assert is_irn(irn(number, BEFORE))


def test_the_irn_of_a_document_is_that_of_its_parts() -> None:
    document = invoice(number="inv/1", day=date(2026, 4, 1))
    expected = compute_irn(TN_SELLER, date(2027, 3, 31), DocumentKind.INVOICE, "INV/1", generated_on=CASE_RULE_FROM)
    assert irn_of(document, generated_on=CASE_RULE_FROM) == expected


@pytest.mark.parametrize(
    ("day", "year"),
    [(date(2026, 3, 31), "2025-26"), (date(2026, 4, 1), "2026-27"), (date(2099, 12, 31), "2099-00")],
)
def test_years_run_from_april(day: date, year: str) -> None:
    assert year_of(day) == year


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_what_is_no_irn(text: str) -> None:
    assert not is_irn(text)
