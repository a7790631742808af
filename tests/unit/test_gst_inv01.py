"""Form INV-01: golden files, there and back, and what comes of JSON that is no form (contract b2b §9.2)."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gst_documents import DAY, TODAY, D, documents, everything, export, invoice
from hundi.gst.document import Document, DocumentKind, Preceding
from hundi.gst.einvoice import check
from hundi.gst.inv01 import inv01_json, to_inv01
from hundi.gst.inv01_reading import LARGEST_FORM, FormReading, read_inv01
from hundi.kit.dates import IST

GOLDEN = Path(__file__).parents[1] / "golden" / "inv01"
SAMPLES: dict[str, Document] = {
    "inside_a_state": invoice(count=2),
    "between_states": invoice(inter=True),
    "export": export(),
    "credit_note": invoice(kind=DocumentKind.CREDIT_NOTE, preceding=(Preceding(number="INV/26-27/0041", day=DAY),)),
    "everything": everything(),
}


def text(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


SCHEMA = jsonschema_rs.validator_for(json.loads(text("schema")))


@pytest.mark.parametrize("name", SAMPLES)
def test_documents_are_written_as_the_golden_files_have_them(name: str) -> None:
    written = msgspec.json.format(inv01_json(SAMPLES[name]), indent=2).decode() + "\n"
    assert written == text(name)
    assert [error.message for error in SCHEMA.iter_errors(json.loads(written))] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_golden_files_are_read_back_whole(name: str) -> None:
    assert read_inv01(text(name)) == FormReading(SAMPLES[name])


@given(documents())
def test_there_and_back(document: Document) -> None:
    """Whatever passes the rules keeps the published schema, and comes back as it was."""
    form = inv01_json(document)
    assert read_inv01(form) == FormReading(document)
    assert SCHEMA.is_valid(json.loads(form))


def test_equal_documents_give_equal_bytes() -> None:
    """1000 and 1000.00 are one amount; nothing is written as 1E+3."""
    first, second = (
        replace(invoice(), items=(replace(invoice().items[0], assessable=D(n)),)) for n in ("1E+3", "1000.00")
    )
    assert inv01_json(first) == inv01_json(second)
    assert b'"AssAmt":1000,' in inv01_json(first)


def test_an_amount_that_is_no_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="no place in a form"):
        inv01_json(replace(invoice(), items=(replace(invoice().items[0], assessable=D("NaN")),)))


def test_numbers_are_read_exactly() -> None:
    form = text("inside_a_state").replace('"TotInvVal": 2360', '"TotInvVal": 12345678901234567.123456789')
    document = read_inv01(form).document
    assert document is not None
    assert document.values is not None
    assert document.values.total == D("12345678901234567.123456789")


def broken(path: str, value: Any) -> str:
    form = json.loads(text("everything"))
    block = form
    *way, last = path.replace("[", ".").replace("]", "").split(".")
    for step in way:
        block = block[int(step)] if step.isdigit() else block[step]
    block[int(last) if last.isdigit() else last] = value
    return json.dumps(form)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("TranDtls", []), ("TranDtls.RegRev", "YES"), ("TranDtls.SupTyp", 1), ("DocDtls.No", 42),
        ("SellerDtls.Pin", 600001.5), ("SellerDtls.Pin", True), ("BuyerDtls.Pos", 33), ("ItemList", {}), ("ItemList[1]", "x"),
        ("ItemList[0].GstRt", "18"), ("ItemList[0].GstRt", [18]), ("ItemList[0].IsServc", None),
        ("ItemList[1].BchDtls.ExpDt", "2028-01-31"), ("ItemList[1].BchDtls.ExpDt", "31/02/2028"),
        ("ItemList[1].AttribDtls[1]", 7), ("ItemList[1].AttribDtls", "x"), ("ValDtls.TotInvVal", "1"), ("PayDtls.CrDay", 1.5),
        ("RefDtls.DocPerdDtls", "x"), ("RefDtls.PrecDocDtls[0].InvDt", 1), ("EwbDtls.Distance", "0"), ("EwbDtls", 1),
    ],
)  # fmt: skip
def test_values_of_the_wrong_type_are_named_by_their_path(path: str, value: Any) -> None:
    reading = read_inv01(broken(path, value))
    assert reading.document is not None
    paths = [problem.field for problem in reading.problems]
    # null is the same as not there.
    assert paths == ([] if value is None else [path])
    assert all(problem.code == "FORM_TYPE" for problem in reading.problems)


@pytest.mark.parametrize("path", ["DocDtls", "DocDtls.Typ", "DocDtls.Dt"])
def test_without_kind_and_day_there_is_no_document(path: str) -> None:
    reading = read_inv01(broken(path, None))
    assert reading.document is None
    assert {problem.field for problem in reading.problems} <= {"DocDtls.Typ", "DocDtls.Dt"}
    assert reading.problems


@pytest.mark.parametrize(
    "form",
    [
        "", "x", "[]", "1", '"text"', "[" * 100_000, '{"a":' * 100_000, '{"Version":NaN}', b"\xff\xfe",
        '{"DocDtls":{"No":"1","No":"2"}}', " " * (LARGEST_FORM + 1),
        '{"Version":1e9999999999999999999}', '{"Version":1e-9999999999999999999}',
    ],
    ids=lambda form: repr(form[:12]),
)  # fmt: skip
def test_what_is_no_form_at_all(form: bytes | str) -> None:
    reading = read_inv01(form)
    assert reading.document is None
    assert [(problem.field, problem.code) for problem in reading.problems] == [("", "FORM_NOT_READABLE")]


def test_an_empty_form_gives_a_document_full_of_problems() -> None:
    reading = read_inv01('{"DocDtls":{"Typ":"INV","No":"1","Dt":"16/11/2026"},"ItemList":[{}]}')
    assert reading.document is not None
    assert reading.problems == ()
    problems = check(reading.document, today=TODAY, strict=True)
    assert {"supplierDetails.gstin", "buyerDetails.gstin", "itemLists[0].hsnCode", "valueDetails"} <= {
        problem.field for problem in problems.errors
    }


def test_too_many_items_are_seen_by_the_rules() -> None:
    form = json.dumps({"DocDtls": {"Typ": "INV", "No": "1", "Dt": "16/11/2026"}, "ItemList": [{}] * 5000})
    document = read_inv01(form).document
    assert document is not None
    assert "ITEMS_TOO_MANY" in {problem.code for problem in check(document, today=TODAY, strict=True).errors}


def test_problems_are_capped() -> None:
    form = json.dumps({"DocDtls": {"Typ": "INV", "No": "1", "Dt": "16/11/2026"}, "ItemList": [1] * 900})
    assert len(read_inv01(form).problems) == 200


@pytest.mark.parametrize(("ack", "number"), [(112010036563310, "112010036563310"), ("1120", "1120"), (None, "")])
def test_the_acknowledgement_beside_the_form(ack: int | str | None, number: str) -> None:
    form = to_inv01(invoice()) | {"AckNo": ack, "AckDt": "2026-11-16 18:05:00", "Irn": "0" * 64}
    reading = read_inv01(msgspec.json.Encoder(decimal_format="number").encode(form))
    assert reading.document is not None
    assert reading.ack_number == number
    assert reading.acknowledged_at == reading.document.irn_at == datetime(2026, 11, 16, 18, 5, tzinfo=IST)
    assert reading.document.irn == "0" * 64


@pytest.mark.parametrize("stamp", ["2026-11-16", "2026-02-30 10:00:00", 7, "2026-11-16T18:05:00"])
def test_a_time_that_is_none(stamp: Any) -> None:
    reading = read_inv01(broken("AckDt", stamp))
    assert [problem.field for problem in reading.problems] == ["AckDt"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(json.loads(text("everything")))), json_values)
def test_no_json_makes_reading_fail(block: str, value: Any) -> None:
    reading = read_inv01(broken(block, value))
    assert reading.document is not None or reading.problems
    if reading.document is not None:
        check(reading.document, today=TODAY, strict=True)
