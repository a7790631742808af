"""Files as programs write them: whose export it is, what lies around its table, and what is said of a header that will not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import workbooks
from hundi.imports.columns import FileKind, match
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import Manifest, read

REGISTER = (
    "Date", "Particulars", "Buyer", "Voucher Type", "Voucher No.", "GSTIN/UIN", "Quantity", "Value", "Gross Total",
    "Local Sales 18%", "Output CGST 9%", "Output SGST @ 9 %",
)  # fmt: skip
ZOHO = (
    "Invoice Date", "Invoice ID", "Invoice Number", "Invoice Status", "Customer ID", "Customer Name", "Due Date",
    "GST Identification Number (GSTIN)", "Currency Code", "Item Name", "Item Desc", "Quantity", "Usage unit", "Item Price",
    "Discount", "Discount Amount", "HSN/SAC", "Item Tax %", "Item Total", "SubTotal", "Total", "Balance", "Round Off",
    "Adjustment", "CGST", "SGST", "IGST", "CESS", "Payment Terms",
)  # fmt: skip


def sent(content: str | bytes, folder: Path, kind: FileKind = FileKind.INVOICES) -> Manifest:
    source = folder / "upload"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(source, folder, 50_000, 1_000_000, kind)


def rows(manifest: Manifest, folder: Path) -> list[int]:
    return pl.concat([pl.read_ipc(folder / one.file) for one in manifest.chunks])["row"].to_list()


def refused(content: str | bytes, folder: Path, kind: FileKind = FileKind.INVOICES) -> dict[str, str]:
    with pytest.raises(FileRefused) as told:
        sent(content, folder, kind)
    return {one.field: f"{one.code}: {one.message}" for one in told.value.refusal.problems}


def test_tallys_register_is_known_by_its_columns() -> None:
    header = match(REGISTER)
    named = dict(zip(REGISTER, header.columns, strict=True))
    assert {heading: name for heading, name in named.items() if name} == {
        "Date": "invoiceDate", "Particulars": "customerName", "Voucher No.": "invoiceNumber", "GSTIN/UIN": "customerGstin",
        "Value": "baseAmount", "Gross Total": "netAmount", "Output CGST 9%": "cgst", "Output SGST @ 9 %": "sgst",
    }  # fmt: skip
    assert header.names_suffice
    assert header.missing == header.twice == ()
    # The same words elsewhere keep the sense that everybody gives them.
    assert match(["Particulars", "GSTIN", "Taxable value"]).columns == ("description", "customerGstin", "baseAmount")


@pytest.mark.parametrize(
    "heading", ["Output CGST 9%", "CGST @ 9%", "CGST Payable", "output c.g.s.t", "CGST A/c", "O/P CGST 2.5%"]
)
def test_a_ledger_of_a_tax_is_its_head(heading: str) -> None:
    assert match([*REGISTER[:9], heading]).columns[-1] == "cgst"


def test_two_rates_of_a_tax_in_tallys_register_are_refused_by_name(tmp_path: Path) -> None:
    content = ",".join([*REGISTER, "Output CGST 14%"]) + "\n" + "x," * len(REGISTER) + "1\n"
    told = refused(content, tmp_path)
    assert list(told) == ["Output CGST 14%"]
    assert "K (Output CGST 9%) and M (Output CGST 14%) both mean CGST" in told["Output CGST 14%"]


def test_zohos_export_has_an_item_a_row_and_its_tax_is_the_items() -> None:
    header = match(ZOHO)
    assert header.missing == header.twice == ()
    invoices = {heading: name for heading, name in zip(ZOHO, header.columns, strict=True) if name}
    assert invoices == {
        "Invoice Date": "invoiceDate", "Invoice Number": "invoiceNumber", "Customer Name": "customerName",
        "Due Date": "dueDate", "GST Identification Number (GSTIN)": "customerGstin", "Currency Code": "currency",
        "SubTotal": "baseAmount", "Total": "netAmount", "Balance": "balanceAmount", "Round Off": "roundOff",
    }  # fmt: skip
    items = {heading: name for heading, name in zip(ZOHO, header.items, strict=True) if name}
    assert items == {
        "Item Name": "description", "Quantity": "quantity", "Usage unit": "unit", "Item Price": "unitPrice",
        "Discount Amount": "discount", "HSN/SAC": "hsnCode", "Item Tax %": "gstRate", "Item Total": "taxableValue",
        "CGST": "cgst", "SGST": "sgst", "IGST": "igst", "CESS": "cess",
    }  # fmt: skip


def test_what_is_void_or_a_draft_in_zoho_is_left_out(tmp_path: Path) -> None:
    lines = [",".join(ZOHO)]
    for number, status in enumerate(["Overdue", "Void", " draft", "Paid"]):
        cells: dict[str, Any] = {"Invoice Number": f"Z-{number}", "Invoice Status": status, "SubTotal": "100"}
        lines.append(",".join(str(cells.get(heading, "")) for heading in ZOHO))
    manifest = sent("\n".join(lines), tmp_path)
    assert rows(manifest, tmp_path) == [2, 5]
    assert manifest.remarks == [
        ("NOT_BILLED", "Row 3, 4: draft or void there, no invoice. It was left out, and counts as no row.")
    ]


def test_totals_and_headers_of_further_pages_are_left_out_and_told(tmp_path: Path) -> None:
    head = "Bill No,Bill Date,Party Name,GSTIN,Taxable Amt"
    page = f"{head}\nB-1,1-4-26,A,x,100\nB-2,1-4-26,A,x,100\n,,Page Total,,200\n"
    manifest = sent(f'ACME\nSale Register\n{page}{page.replace("B-", "C-")},,,,\nGrand Total:,,,,"400"\n', tmp_path)
    assert rows(manifest, tmp_path) == [4, 5, 8, 9]
    assert manifest.total == 4
    assert manifest.remarks == [
        ("HEADER_REPEATED", "Row 7: the header line once more. It was left out, and counts as no row."),
        ("TOTAL_LEFT_OUT", "Row 6, 10, 12: a total of other rows. It was left out, and counts as no row."),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "T-1,1-4-26,Total,,100",  # an invoice to a company of that name
        ",1-4-26,Total,,100",  # it has a day: its number may be ours to give
        "Total,1-4-26,A,,100",
        ",,Total,27AAAAA0000A1Z5,100",  # it names its customer
        ",,Total Oil India,,100",
        ",,,,100",  # a row that lost its number and day: it fails, it is not passed over
    ],
)
def test_what_may_be_an_invoice_stays_a_row(line: str, tmp_path: Path) -> None:
    manifest = sent(f"Bill No,Bill Date,Party Name,GSTIN,Taxable Amt\nB-1,1-4-26,A,x,1\n{line}\n", tmp_path)
    assert (manifest.total, manifest.remarks) == (2, [])


@pytest.mark.parametrize("line", ["Total,400001,Advice,,,100", "Acme,400001,Total,,,100"])
def test_a_customer_named_by_name_and_pin_code_has_no_total(line: str, tmp_path: Path) -> None:
    """Number and day may be ours to give; nobody else says in a total which PIN code it is for."""
    head = "Customer name,Customer PIN code,Description,Invoice number,Invoice date,Base amount"
    manifest = sent(f"{head}\nB,400002,x,B-1,1-4-26,5\n{line}\nAcme,,Total,,,105\n", tmp_path)
    assert rows(manifest, tmp_path) == [2, 3]
    assert [code for code, _ in manifest.remarks] == ["TOTAL_LEFT_OUT"]


def test_what_is_left_out_of_the_second_sheet_is_told_too(tmp_path: Path) -> None:
    items = ("Invoice number", "Description", "HSN code", "Taxable value", "GST rate %")
    content = workbooks.of(
        Invoices=[("Customer reference", "Invoice number", "Base amount"), ("C", "A-1", "1")],
        Items=[items, ("A-1", "Advice", "998311", "1", "18"), ("", "Total", "", "1", "")],
    )
    manifest = sent(content, tmp_path)
    assert manifest.items is not None
    assert manifest.items.total == 1
    assert manifest.remarks == [
        ("TOTAL_LEFT_OUT", "Items, row 3: a total of other rows. It was left out, and counts as no row.")
    ]


def test_a_file_of_which_all_is_left_out_says_why(tmp_path: Path) -> None:
    told = refused(f"{','.join(ZOHO)}\n" + "2026-04-01,1,A-1,Draft" + "," * (len(ZOHO) - 4) + "\n", tmp_path)
    assert "Row 2: draft or void there" in told["file"]


def test_a_header_is_a_row_again_where_one_cell_differs(tmp_path: Path) -> None:
    head = "Bill No,Bill Date,Party Name,GSTIN,Taxable Amt"
    manifest = sent(f"{head}\n{head}\n{head.replace('Amt', 'Amount')}\n", tmp_path)
    assert (manifest.total, [code for code, _ in manifest.remarks]) == (1, ["HEADER_REPEATED"])


HEADERS = {
    "an amount of no known kind": ("Bill No,GSTIN,Amount", "baseAmount", "Base amount (baseAmount): the amount before GST. If one"),
    "and which it could be": ("Bill No,GSTIN,Amount", "baseAmount", "of these holds it, give it that heading: Amount."),
    "nobody to bill": (
        "Bill No,Taxable", "customerId | customerRef | customerGstin | customerName + customerPin",
        "add one of Customer reference, Customer GSTIN, or Customer name with Customer PIN code. The template shows",
    ),
    "customers": ("Legal name,GSTIN,PIN code", "baseAmount", "These look like customers: send them to POST /api/v0/customer/bulk"),
    "Tally": ("Date,GSTIN/UIN,Vch Type,Vch No.,Debit", "baseAmount", "From Tally, send the XML export of the vouchers, or"),
}  # fmt: skip


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_will_not_do_says_what_to_change(case: str, tmp_path: Path) -> None:
    headings, field, words = HEADERS[case]
    told = refused(f"{headings}\n1,2,3,4,5\n", tmp_path)
    assert list(told) == [field]
    assert told[field].startswith("COLUMN_MISSING: ")
    assert words in told[field]


def test_no_known_heading_at_all_asks_for_the_header(tmp_path: Path) -> None:
    told = refused("17,18\n19,20\n", tmp_path)
    assert all("No heading of the file is known: is its first line the header?" in one for one in told.values())


def test_invoices_sent_as_customers_are_told_where_to_go(tmp_path: Path) -> None:
    told = refused("GSTIN,Bill No,Bill Date,Taxable Amt\n1,2,3,4\n", tmp_path, FileKind.CUSTOMERS)
    assert "These look like invoices: send them to POST /api/v0/invoice/bulk/create" in told["legalName"]


def test_a_rate_beside_a_quantity_and_a_tax_is_a_price() -> None:
    for headings in (["Qty", "Rate", "GST %"], ["Qty", "GST %", "Rate"]):
        header = match(["Bill No", "GSTIN", "Taxable Value", "HSN", "Item Amount", *headings])
        assert header.items[headings.index("Rate") + 5] == "unitPrice"
        assert "unitPrice" not in header.columns
    assert match(["GSTIN", "Taxable Value", "Rate"]).columns[-1] == "gstRate"
    assert match(["Invoice No", "HSN", "Rate", "GST %"], FileKind.ITEMS).columns[2:] == ("unitPrice", "gstRate")


OTHER_FILES = {
    "Numbers": (workbooks.zipped({"Index/Document.iwa": b"x", "preview.jpg": b"x"}), "Apple Numbers"),
    "Word": (workbooks.zipped({"word/document.xml": b"x"}), "Word document"),
    "PDFs": (workbooks.zipped({"INV-1.pdf": b"x", "INV-2.PDF": b"x"}), "--kind pdfs"),
    "CSV in a ZIP": (workbooks.zipped({"a.csv": b"x"}), "unpack it"),
    "a page called .xls": (
        b"<html xmlns:x='urn:schemas-microsoft-com:office:excel'><table></table></html>",
        "open it in Excel",
    ),
}


@pytest.mark.parametrize("case", OTHER_FILES)
def test_a_file_of_another_program_is_called_what_it_is(case: str, tmp_path: Path) -> None:
    content, words = OTHER_FILES[case]
    told = refused(content, tmp_path)
    assert words in told["file"]
    assert told["file"].startswith("NOT_CSV")
