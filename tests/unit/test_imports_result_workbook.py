"""Result workbooks: what was written is what a reader gives back, letter by letter, and types survive."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hundi.imports.columns import FileKind, Format, Kind, match
from hundi.imports.containers import Package
from hundi.imports.result_workbook import Heading, SheetWriter
from hundi.imports.sheet_scan import scan
from hundi.imports.sheets import Book
from hundi.imports.workbook import describe
from hundi.kit.states import find_state

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n<>&\"'")
)
LIKE_NUMBERS = st.from_regex(r"\A-?[0-9]{1,12}(\.[0-9]{1,4})?\Z")
LIKE_DAYS = st.from_regex(r"\A(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]\Z")
ESCAPES = st.from_regex(r"\A[_x0-4a]{0,3}_x00[0-9a-fA-F]{2}_[_x]{0,2}\Z")
CELLS = st.none() | TEXTS | ESCAPES | LIKE_NUMBERS | LIKE_DAYS


@example(rows=[("_x0041_x0042_", "_x", "_xx0041_")])
@example(rows=[("-0", "-0", "-0"), ("0", "-0.5", "1900-01-01"), ("x", "99999999999.9999", "2100-02-29")])
@example(rows=[("20000000.1", "20000000.1", ""), ("x", "12345678901.2345", ""), ("x", "1234567.7", "")])
@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_cells_come_back_as_they_were(
    rows: list[tuple[str | None, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    schema = {"a": pl.String, "b": pl.String, "c": pl.String}
    with SheetWriter(path) as book:
        book.sheet("Bills", [Heading("legalName"), Heading("amount", Kind.AMOUNT), Heading("day", Kind.DATE)])
        book.rows(pl.DataFrame(rows, schema=schema, orient="row"))
    book_read = Book(path, Format.XLSX, FileKind.CUSTOMERS)
    table = book_read.main()
    frames = [frame.select("c0", "c1", "c2") for frame in table.frames]
    found = pl.concat(frames).rows() if frames else []
    assert table.headings == ["legalName", "amount", "day"]
    expected = [tuple(cell or None for cell in row) for row in rows]
    assert found == [row for row in expected if any((cell or "").strip(" \t\r\n\u00a0") for cell in row)]


def test_numbers_and_days_are_written_as_such_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    texts = ["1000.5", "-3", "0.1", "0", "007", "1.50", "1e5", "12345678901234", "1,000", "₹5"]
    days = ["2026-04-01", "1920-01-31", "2026-02-30", "2026-4-1", "1900-01-01", "45000", None, None, None, None]
    with SheetWriter(path) as book:
        book.sheet("A", [Heading("amount", Kind.AMOUNT), Heading("day", Kind.DATE), Heading("amount")])
        book.rows(pl.DataFrame({"a": texts, "b": days, "c": texts}))
    with Package(path) as package:
        xml = b"".join(package.blocks("xl/worksheets/sheet1.xml")).decode()
        assert scan(package, "xl/worksheets/sheet1.xml", describe(package).percent_styles, "A").last_row == 11
    assert [text for text in texts if f"<v>{text}</v>" in xml] == ["1000.5", "-3", "0.1", "0"]
    assert xml.count('s="2"') == 2
    assert xml.count("<v>") == 6


ZOHO = [
    "Invoice Date",
    "Invoice Number",
    "Customer Name",
    "Place of Supply",
    "GST Treatment",
    "GST Identification Number (GSTIN)",
    "Is Inclusive Tax",
    "Due Date",
    "PurchaseOrder",
    "SubTotal",
    "Total",
    "Balance",
    "Adjustment",
    "CGST",
    "SGST",
    "IGST",
    "TDS Amount",
    "Shipping Charge",
]
GSTR1 = [
    "GSTIN/UIN of Recipient",
    "Receiver Name",
    "Invoice Number",
    "Invoice date",
    "Invoice Value",
    "Place Of Supply",
    "Reverse Charge",
    "Rate",
    "Taxable Value",
    "Cess Amount",
]


def test_headings_of_other_programs_are_understood() -> None:
    assert match(ZOHO).columns == (
        "invoiceDate", "invoiceNumber", "customerName", "placeOfSupply", None, "customerGstin", None, "dueDate", "poNumber",
        "baseAmount", "netAmount", "balanceAmount", "roundOff", "cgst", "sgst", "igst", "tds", "otherCharges",
    )  # fmt: skip
    assert match(GSTR1).columns == (
        "customerGstin", "customerName", "invoiceNumber", "invoiceDate", "netAmount", "placeOfSupply", "reverseCharge",
        "gstRate", "baseAmount", "cess",
    )  # fmt: skip
    assert match(ZOHO).missing == match(GSTR1).missing == ()
    zoho = match(["Display Name", "GST Identification Number (GSTIN)", "Billing State", "Billing Code", "EmailID", "MobilePhone"],
                 FileKind.CUSTOMERS)  # fmt: skip
    assert zoho.columns == ("legalName", "gstin", "state", "pinCode", "contactEmail", "contactMobile")
    tamil_nadu = find_state("TN")
    assert tamil_nadu is not None
    assert tamil_nadu.code == "33"
