"""Exports of other programs, imported as they are; and what a person reads who has to correct one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import make
import workbooks
from hundi.cli.importing import Wish, words_for
from hundi.files.store import FileStore
from hundi.http.envelope import ApiSubError
from hundi.kit.gstin import gstin_with_check
from hundi.kit.keys import Keyring
from importing import HEADER, Importer, imported, row, text

GSTIN = gstin_with_check("27ZZZFM0004D1Z")
ZOHO = (
    "Invoice Date,Invoice ID,Invoice Number,Invoice Status,Customer ID,Customer Name,Due Date,GST Identification Number (GSTIN),"
    "Place of Supply,Currency Code,Item Name,Item Desc,Quantity,Usage unit,Item Price,Discount,Discount Amount,HSN/SAC,"
    "Item Tax %,Item Total,SubTotal,Total,Balance,Shipping Charge,Adjustment,Round Off,CGST,SGST,IGST,CESS,Payment Terms"
)


def zoho(number: str, item: int, subtotal: int, **changes: Any) -> str:
    tax = Decimal(item) * 9 / 100
    cells: dict[str, Any] = {
        "Invoice Date": "2026-10-01", "Invoice ID": "460000000000000123", "Invoice Number": number, "Invoice Status": "Sent",
        "Customer ID": "460000000000099", "Customer Name": "Malwa Agro", "Due Date": "2026-12-01",
        "GST Identification Number (GSTIN)": GSTIN, "Place of Supply": "MH", "Currency Code": "INR", "Item Name": "Bolts",
        "Item Desc": "M12", "Quantity": "10.00", "Usage unit": "pcs", "Item Price": Decimal(item) / 10, "Discount Amount": "0.000",
        "HSN/SAC": "731815", "Item Tax %": "18.00", "Item Total": item, "SubTotal": subtotal, "Total": Decimal(subtotal) * 118 / 100,
        "Balance": Decimal(subtotal) * 118 / 100, "Shipping Charge": "0.00", "Adjustment": "0.00", "Round Off": "0.00", "CGST": tax,
        "SGST": tax, "IGST": "0.0", "CESS": "0.0", "Payment Terms": "-3",
    } | changes  # fmt: skip
    return ",".join(str(cells.get(heading, "")) for heading in ZOHO.split(","))


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Malwa Agro", panOrGstin=GSTIN, state="27")
    return Importer(seller, store, keyring)


async def test_an_export_of_zoho_books_comes_in_as_it_is(importer: Importer) -> None:
    rows = [
        zoho("Z-1", 1000, 1500), zoho("Z-1", 500, 1500), zoho("Z-2", 200, 200, Balance="36.00"),
        zoho("Z-3", 100, 100, **{"Invoice Status": "Void"}),
        zoho("Z-4", 100, 100, **{"GST Identification Number (GSTIN)": "", "Place of Supply": ""}),
        zoho("Z-5", 100, 100, **{"Currency Code": "USD"}), zoho("Z-6", 100, 100, Adjustment="-5", Total="113"),
    ]  # fmt: skip
    payload = await imported(importer, "\n".join([ZOHO, *rows]))
    failed = {one["row"]: one["error_code"] for one in payload["failureRequests"]}
    assert failed == {7: "NOT_RUPEES", 8: "NET_AMOUNT_MISMATCH"}, payload["failureRequests"]
    assert payload["failureRequests"][0]["error_message"].startswith("Currency Code: Only invoices in rupees are taken")
    assert (payload["success_count"], payload["total_amount"]) == (
        4,
        Decimal("1770.00") + Decimal("236.00") + Decimal("118.00"),
    )
    found = await importer.seller.rows(
        "SELECT invoice_number, cgst, sgst, igst, net_amount, total_received FROM invoices WHERE seller_id = $1 ORDER BY 1"
    )
    assert [tuple(one.values())[:5] for one in found] == [
        ("Z-1", 135, 135, 0, 1770), ("Z-2", 18, 18, 0, 236), ("Z-4", 9, 9, 0, 118),
    ]  # fmt: skip
    assert found[1]["total_received"] == 200
    assert await importer.count("invoice_items") == 4
    again = await imported(importer, "\n".join([ZOHO, *rows]))
    assert (again["success_count"], await importer.count()) == (4, 3)


async def test_lines_lend_their_tax_only_where_the_file_has_none_of_the_invoice(importer: Importer) -> None:
    bills: list[Any] = [("invoiceNumber", "customerRef", "dueDate", "baseAmount"), ("L-1", "C1", "2026-12-01", 100)]
    items: list[Any] = [
        ("invoiceNumber", "description", "hsnCode", "taxableValue", "gstRate", "igst"),
        ("L-1", "Bolts", "7318", 100, 18, 18.01),
    ]
    payload = await imported(importer, workbooks.of(Invoices=bills, Items=items))
    assert (payload["success_count"], payload["total_amount"]) == (1, Decimal("118.01")), payload
    bills = [(*bills[0], "igst"), ("L-2", "C1", "2026-12-01", 100, "")]
    items = [items[0], ("L-2", "Bolts", "7318", 100, 18, 18.01)]
    payload = await imported(importer, workbooks.of(Invoices=bills, Items=items))
    assert [one["error_code"] for one in payload["failureRequests"]] == ["ITEMS_DO_NOT_ADD_UP"]


async def test_tallys_sales_register_comes_in_with_its_titles_and_its_total(importer: Importer) -> None:
    head = (
        "Date",
        "Particulars",
        "Voucher Type",
        "Voucher No.",
        "Value",
        "Gross Total",
        "Output CGST 9%",
        "Output SGST 9%",
    )
    sheet = [
        ("Acme Tools",), ("Sales Register",), (), head,
        ("1-Apr-26", "malwa agro", "Sales", "T/1", 10000, 11800, 900, 900),
        ("2-Apr-26", "Somebody Else", "Sales", "T/2", 100, 118, 9, 9),
        ("", "Grand Total", "", "", 10100, 11918, 909, 909),
    ]  # fmt: skip
    await importer.seller.run("UPDATE customers SET terms_days = 30 WHERE seller_id = $1")
    reply = await importer.send(workbooks.of(**{"Sales Register": sheet}))
    payload = reply.json()["payload"]
    assert [(one["row"], one["error_code"]) for one in payload["failureRequests"]] == [(6, "CUSTOMER_NOT_FOUND")]
    assert payload["failureRequests"][0]["error_message"].startswith(
        "Particulars: No customer of this company is called so"
    )
    assert (payload["success_count"], payload["total_amount"]) == (1, 11800)
    assert [one["code"] for one in reply.json()["warnings"]] == ["TOTAL_LEFT_OUT", "COLUMN_UNKNOWN"]


async def test_one_mistake_is_told_once_and_in_the_words_of_the_file(importer: Importer) -> None:
    head = "Bill No,Bill Date,Due Date,GST No.,Taxable Amt,GST %"
    lines = [
        f"M-1,01-04-2026,30-04-2026,{GSTIN[:-1]}?,100,18", f"M-2,01-04-2026,30-04-2026,{gstin_with_check('27ZZZFX0009X1Z')},100,18",
        f"M-3,1 Apr 2026,30-04-2026,{GSTIN},1.000,18",
    ]  # fmt: skip
    payload = await imported(importer, "\n".join([head, *lines]))
    told = {one["row"]: (one["error_code"], one["error_message"]) for one in payload["failureRequests"]}
    assert {at: code for at, (code, _) in told.items()} == {
        2: "GSTIN_FORMAT", 3: "CUSTOMER_NOT_FOUND", 4: "DATE_FORMAT",
    }, told  # fmt: skip
    assert told[2][1].startswith("GST No.: A GSTIN has 15 characters")
    assert "placeOfSupply" not in told[3][1]
    assert (
        told[4][1]
        == "Bill Date: The other dates of this column are written dd-MM-yyyy; write this one so too: 30-11-2026."
    )


async def test_a_name_needs_its_pin_code_and_is_told_so(importer: Importer) -> None:
    lines = ["P-1,Malwa Agro,,100", "P-2,Malwa Agro,999999,100", "P-3,,,100"]
    payload = await imported(importer, "\n".join(["Bill No,Customer name,Customer PIN code,Taxable Amt", *lines]))
    told = {one["row"]: one["error_message"].partition(" | ")[0] for one in payload["failureRequests"]}
    assert told[2].startswith("Customer PIN code: Several customers may have one name: give the PIN code too"), told
    assert told[3].startswith("Customer name: No customer of this company has this name and this PIN code"), told
    assert told[4].startswith("customer: Say who the customer is: "), told


async def test_rates_of_lines_that_are_in_no_list_are_warned_of(importer: Importer) -> None:
    bills = [
        ("invoiceNumber", "customerRef", "dueDate", "baseAmount", "cgst", "sgst"),
        ("R-1", "C1", "2026-12-01", 200, 17.5, 17.5),
    ]
    items = [
        ("invoiceNumber", "description", "hsnCode", "taxableValue", "gstRate"),
        ("R-1", "Bolts", "7318", 100, 18),
        ("R-1", "Nuts", "7318", 100, 17),
    ]
    payload = await imported(importer, workbooks.of(Invoices=bills, Items=items))
    assert (payload["success_count"], payload["warn_count"]) == (1, 1), payload
    content = await importer.seller.http_factory().get(payload["success_file_url"].replace("http://hundi.test", ""))
    warning = workbooks.dicts(content.content)[0]["warning"] or ""
    assert warning.startswith("items: 17% on a line: On ")
    assert warning.endswith("See the sheet Items, row 3.")


def test_the_command_says_what_became_of_the_file_and_what_to_do() -> None:
    failures = [{"row": at, "error_message": f"GSTIN: wrong {at}"} for at in range(2, 9)]
    report = {"success_count": 3, "total_count": 10, "failure_count": 7, "warn_count": 1, "failureRequests": failures,
              "failure_file_url": "http://hundi.test/files/x"}  # fmt: skip
    said = [ApiSubError("file", "TOTAL_LEFT_OUT", "Row 12: a total."), ApiSubError("Colour", "COLUMN_UNKNOWN", "…")]
    assert words_for("DONE", report, Wish(), said).splitlines() == [
        "3 of 10 rows imported, 7 failed, 1 with warnings.",
        "Row 12: a total.",
        "Not imported, because nobody knows these columns: Colour.",
        *(f"  row {at}: GSTIN: wrong {at}" for at in range(2, 7)),
        "  … and 2 more, all of them in the failure file",
        "Failures to correct and import again: http://hundi.test/files/x",
    ]
    kept = words_for("CANCELLED", report, Wish(failures=Path("left.csv")), ())
    assert kept.startswith("The import was cancelled: 3 of 10 rows imported")
    assert kept.endswith("Failures to correct and import again: left.csv")
    assert words_for("DONE", report | {"failure_count": 0, "failureRequests": []}, Wish(dry_run=True)) == (
        "3 of 10 rows would be imported, 0 failed, 1 with warnings."
    )


async def test_a_file_of_another_currency_has_no_row_in_rupees(importer: Importer) -> None:
    rows = [row(currency=one) for one in ("INR", "inr", "₹", "", "EUR")]
    payload = await imported(importer, text(rows, (*HEADER, "currency")))
    assert [(one["row"], one["error_code"]) for one in payload["failureRequests"]] == [(6, "NOT_RUPEES")]
