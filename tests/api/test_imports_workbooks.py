"""Workbooks in and out: what a person sees in a sheet is what is imported, and results come back as a workbook."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from xlsxwriter.workbook import Workbook

import importing
import make
import workbooks
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from importing import HEADER, Importer, row
from workbooks import put


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


async def fetched(importer: Importer, url: str) -> bytes:
    reply = await importer.seller.http_factory().get(url)
    assert reply.status_code == 200
    assert ".xlsx" in reply.headers["content-disposition"]
    return reply.content


async def test_a_workbook_is_imported_as_a_person_sees_it(importer: Importer) -> None:
    def fill(book: Workbook) -> None:
        book.add_worksheet("Secret").hide()
        sheet = book.add_worksheet("April")
        day, percent = book.add_format({"num_format": "dd/mm/yyyy"}), book.add_format({"num_format": "0%"})
        rupees = book.add_format({"num_format": "[$₹-4009] #,##0.00"})
        put(sheet, [["Asha Traders, sales of April"], [], ["Invoice No", "Customer reference", "INVOICE_DATE", "Base Amount",
                                                           "GST rate %", "Place of supply", "Mobile", "Credit Days", "Remark"]])  # fmt: skip
        for at in range(3, 6):
            put(sheet, [["", "C1", "", "", "", "MH", 9800000000, 30, f"note {at}"]], first=at)
            sheet.write_string(at, 0, f"00{at}")
            sheet.write_datetime(at, 2, date(2026, 4, at + 10), day)
            sheet.write_number(at, 3, 1000.1 + 0.2 + at, rupees)
            sheet.write_number(at, 4, 0.18, percent)

    payload = await importer.good(workbooks.workbook(fill), name="april.csv")
    assert payload["failureRequests"] == []
    assert [(one["row"], one["invoiceNumber"]) for one in payload["successRequests"]] == [
        (4, "003"),
        (5, "004"),
        (6, "005"),
    ]
    found = await importer.seller.rows(
        "SELECT invoice_number, base_amount, gst_rate, mobile_number, (invoice_date AT TIME ZONE 'Asia/Kolkata')::date::text AS day"
        " FROM invoices WHERE seller_id = $1 ORDER BY invoice_number"
    )
    assert [tuple(one.values()) for one in found] == [
        (f"00{at}", Decimal("1000.30") + at, Decimal(18), "9800000000", f"2026-04-{at + 10}") for at in range(3, 6)
    ]
    assert payload["success_file_name"] == "april-success.xlsx"
    back = workbooks.dicts(await fetched(importer, payload["success_file_url"]))
    assert [one["Remark"] for one in back] == ["note 3", "note 4", "note 5"]
    assert back[0]["GST rate %"] == "18%"
    assert [one["invoiceId"] for one in back] == [one["invoiceId"] for one in payload["successRequests"]]


async def test_a_corrected_failure_workbook_leaves_no_failure(importer: Importer) -> None:
    header = (*HEADER, "notes of mine")
    rows = [row(invoiceNumber=f"007-{at}", description="=1+1", **{"notes of mine": f"@{at} & <b>"}) for at in range(6)]
    rows[1]["baseAmount"], rows[4]["customerRef"] = "many", "NOBODY"
    sheet = [list(header), *[[one[name] for name in header] for one in rows]]
    payload = await importer.good(workbooks.of(Invoices=sheet), name="bills.xlsx")
    assert (payload["success_count"], payload["failure_count"]) == (4, 2)
    content = await fetched(importer, payload["failure_file_url"])
    failed = workbooks.dicts(content)
    assert list(failed[0]) == [*header, "error_code", "error_message"]
    assert [one["error_code"] for one in failed] == ["NOT_AN_AMOUNT", "CUSTOMER_NOT_FOUND"]
    assert [one["description"] for one in failed] == ["'=1+1", "'=1+1"]
    assert failed[0]["notes of mine"] == "'@1 & <b>"
    failed[0]["baseAmount"], failed[1]["customerRef"] = "1000", "C1"
    again = [list(failed[0]), *[[value or "" for value in one.values()] for one in failed]]
    payload = await importer.good(workbooks.of(Invoices=again), name="bills.xlsx")
    assert (payload["success_count"], payload["failure_count"]) == (2, 0)
    found = await importer.seller.rows("SELECT description FROM invoices WHERE seller_id = $1")
    assert {one["description"] for one in found} == {"=1+1"}


async def test_numbers_and_dates_keep_their_type_in_the_result(importer: Importer) -> None:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet()
        put(sheet, [HEADER])
        good = row()
        put(sheet, [[good[name] if name not in {"invoiceDate", "baseAmount"} else "" for name in HEADER]], first=1)
        sheet.write_datetime(1, 2, date(2026, 4, 30), book.add_format({"num_format": "d-mmm-yy"}))
        sheet.write_number(1, 4, 1000.55)

    payload = await importer.good(workbooks.workbook(fill))
    back = workbooks.cells(
        await fetched(importer, payload["failure_file_url" if payload["failure_count"] else "success_file_url"])
    )
    assert str(back["invoiceDate"][0])[:10] == "2026-04-30"
    assert back["baseAmount"].to_list() == [1000.55]
    assert back["cgst"].to_list() == ["90.00"]


async def test_cells_without_a_plain_value_fail_and_are_named(importer: Importer) -> None:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet("Bills")
        put(sheet, [(*HEADER, "mobileNumber", "remark"), *[[row()[name] for name in HEADER] for _ in range(7)]])
        sheet.write_formula(1, 4, "=500*2", None, 1000)
        sheet.write_formula(2, 4, "=500*2", None, "")
        sheet.write_formula(3, 4, "=1/0", None, "#DIV/0!")
        sheet.write_formula(4, 4, "='[1]Other'!A1", None, 1000)
        sheet.write_number(5, 9, 919800000000123456)
        sheet.merge_range("B7:B8", "C1")
        sheet.write_formula(1, 10, "=NOW()", None, "")

    payload = await importer.good(workbooks.workbook(fill))
    assert [one["row"] for one in payload["successRequests"]] == [2, 7]
    assert [(one["row"], one["error_code"].split(" | ")[0]) for one in payload["failureRequests"]] == [
        (3, "FORMULA_NOT_CALCULATED"), (4, "CELL_ERROR"), (5, "EXTERNAL_LINK"), (6, "NUMBER_ROUNDED"), (8, "MERGED_CELLS"),
    ]  # fmt: skip
    assert "B7" in payload["failureRequests"][4]["error_message"]
    assert payload["failureRequests"][1]["error_message"].startswith("baseAmount: The cell shows the error #DIV/0!")


async def test_an_opendocument_sheet_is_read(importer: Importer) -> None:
    good: dict[str, Any] = row(description="पंखा &amp; bolts") | {"baseAmount": 1000.0}
    payload = await importer.good(workbooks.ods([HEADER, [good[name] for name in HEADER]]), name="bills.ods")
    assert (payload["success_count"], payload["success_file_name"]) == (1, "bills-success.xlsx")
    assert await importer.seller.value("SELECT description FROM invoices WHERE seller_id = $1") == "पंखा & bolts"


async def test_csv_called_xlsx_is_csv(importer: Importer) -> None:
    payload = await importer.good(importing.text([row()]), name="bills.xlsx")
    assert (payload["success_count"], payload["success_file_name"]) == (1, "bills-success.csv")


def test_the_readers_of_these_tests_see_what_was_written() -> None:
    content = workbooks.of(A=[["x", 1.5]])
    assert fastexcel.read_excel(content).sheet_names == ["A"]
    assert workbooks.names(content) == ["A"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_amounts_and_names_as_people_write_them(importer: Importer, form: str) -> None:
    header = (
        "invoiceNumber",
        "customerRef",
        "dueDate",
        "baseAmount",
        "cgst",
        "sgst",
        "description",
        "placeOfSupply",
        "gstRate",
    )
    rows = [
        ["A-1", " C1\u00a0", "2026-12-01", "1,23,456.78", "", "", "lakhs", "Maharashtra", ""],
        ["A-2", "C1", "2026-12-02", "₹ 1,000.00", "₹90", "90/-", "rupee sign", "27", "18%"],
        ["A-3", "C1", "2026-12-03", "Rs. 1000", "\u00a090.00 ", "90", "blanks", "MH", " 18 "],
        ["0042", "C1", "2026-12-04", "001000.50", "", "", "zeros", "27-Maharashtra", ""],
        ["A-5", "C1", "2026-12-05", "1000.00 Dr", "", "", "-2+3", "mh", ""],
    ]
    content = workbooks.of(Bills=[header, *rows]) if form == "xlsx" else _csv([header, *rows])
    payload = await importer.good(content)
    assert payload["failureRequests"] == []
    found = await importer.seller.rows("SELECT invoice_number, base_amount FROM invoices WHERE seller_id = $1")
    assert {one["invoice_number"]: one["base_amount"] for one in found} == {
        "A-1": Decimal("123456.78"), "A-2": Decimal(1000), "A-3": Decimal(1000), "0042": Decimal("1000.50"),
        "A-5": Decimal(1000),
    }  # fmt: skip
    assert (
        await importer.seller.value("SELECT description FROM invoices WHERE seller_id = $1 AND invoice_number = 'A-5'")
        == "-2+3"
    )
    if form == "xlsx":
        back = workbooks.dicts(await fetched(importer, payload["success_file_url"]))
        assert [one["baseAmount"] for one in back] == [row[3] for row in rows]
        assert back[4]["description"] == "'-2+3"


STYLES = {
    "slashes": "01/12/2026", "dashes": "1-12-2026", "dots": "01.12.26", "month": "1-Dec-26", "compact": "20261201",
    "serial text": "46357", "iso": "2026-12-01",
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
async def test_text_dates_beside_true_dates_are_read(importer: Importer, style: str) -> None:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet()
        put(sheet, [("invoiceNumber", "customerRef", "dueDate", "baseAmount")])
        for at in range(1, 4):
            put(sheet, [[f"D-{at}", "C1", STYLES[style], 10]], first=at)
        put(sheet, [["D-4", "C1", "", 10], ["D-5", "C1", 46357, 10]], first=4)
        sheet.write_datetime(4, 2, date(2026, 12, 1), book.add_format({"num_format": "dd-mmm-yyyy"}))

    payload = await importer.good(workbooks.workbook(fill))
    wrong = {one["invoiceNumber"] for one in payload["failureRequests"]}
    # Beside dates, a number that lost its format is one; beside another style of text nobody knows.
    assert wrong == (set() if style in {"serial text", "iso"} else {"D-5"})
    found = await importer.seller.rows("SELECT DISTINCT due_date::text AS day FROM invoices WHERE seller_id = $1")
    assert [one["day"] for one in found] == ["2026-12-01"]


def _csv(rows: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


GOLDEN = Path(__file__).parent.parent / "golden" / "tally"


async def test_tally_masters_vouchers_and_open_bills_come_in(importer: Importer) -> None:
    made = await importing.imported(importer, (GOLDEN / "masters.xml").read_bytes(), kind="customers")
    assert (made["success_count"], made["failure_count"]) == (2, 0)
    reply = await importer.send((GOLDEN / "sales.xml").read_bytes(), name="DayBook.xml")
    payload = reply.json()["payload"]
    assert [(one["field"], one["code"]) for one in reply.json()["warnings"]] == [("file", "VOUCHERS_SKIPPED")]
    assert payload["failureRequests"] == []
    assert (payload["success_count"], payload["total_amount"]) == (2, 14281)
    found = await importer.seller.rows(
        "SELECT invoice_number, created_via, net_amount, due_date::text AS due, external_id FROM invoices WHERE seller_id = $1"
        " ORDER BY 1"
    )
    assert [tuple(one.values()) for one in found] == [
        ("NF/26-27/101", "TALLY", Decimal(2360), "2026-05-15", "7c1e-00000101"),
        ("NF/26-27/102", "TALLY", Decimal(11921), "2026-04-30", "7c1e-00000102"),
    ]  # fmt: skip
    assert await importer.seller.value("SELECT count(*) FROM invoice_items WHERE seller_id = $1") == 2
    again = await importer.good((GOLDEN / "sales.xml").read_bytes() + b"\n")
    assert (again["success_count"], again["warn_count"]) == (2, 2)
    bills = [
        ["Bills Receivable"], [],
        ["Date", "Ref. No.", "Party's Name", "Opening Amount", "Pending Amount", "Due on"],
        ["15-Apr-25", "OLD/1", "Asha Traders", "2,360.00 Dr", "1,000.00 Dr", "15-May-25"],
        ["", "", "", "2,360.00 Dr", "1,000.00 Dr", ""],
    ]  # fmt: skip
    payload = await importer.good(workbooks.of(Bills=bills), name="bills.xlsx")
    assert (payload["success_count"], payload["failureRequests"]) == (1, [])
    balance = (
        "SELECT net_amount, balance, receivable_status FROM invoices WHERE seller_id = $1 AND invoice_number = 'OLD/1'"
    )
    assert [tuple(one.values()) for one in await importer.seller.rows(balance)] == [
        (Decimal(2360), Decimal(1000), "PARTIALLY_PAID")
    ]


async def test_vouchers_as_people_have_them_become_invoices_whole(importer: Importer) -> None:
    for name in ("Asha Traders", "Bela Stores", "R. Iyer", "Galla", "Cash", "Cara Inc"):
        await importer.seller.customer(legalName=name, paymentTermsDays=30)
    reply = await importer.send((GOLDEN / "counter.xml").read_bytes(), name="DayBook.xml")
    payload = reply.json()["payload"]
    assert [one["code"] for one in reply.json()["warnings"]] == ["VOUCHERS_SKIPPED", "ITEMS_LEFT_OUT"]
    assert (payload["failureRequests"], payload["success_count"]) == ([], 19)
    found = await importer.seller.rows(
        "SELECT invoice_number, net_amount, balance, receivable_status FROM invoices WHERE seller_id = $1 AND balance < net_amount"
        " ORDER BY 1"
    )
    assert [tuple(one.values()) for one in found] == [
        ("NF/C/01", Decimal(1180), Decimal(380), "PARTIALLY_PAID"),
        *((f"NF/C/0{at}", Decimal(1180), Decimal(0), "PAID") for at in (2, 3, 4)),
    ]
    again = await importer.good((GOLDEN / "counter.xml").read_bytes() + b"\n")
    assert (again["success_count"], again["warn_count"]) == (19, 19)


async def test_a_failure_workbook_keeps_its_items(importer: Importer) -> None:
    head = ["invoiceNumber", "customerRef", "dueDate", "baseAmount", "gstRate"]
    bills = [head, ["I-1", "C1", "2026-12-01", 100, 18], ["I-2", "NOBODY", "2026-12-01", 50, 18]]
    lines = [["Invoice Number", "My note", "Item Name", "HSN", "Taxable value", "GST %"]]
    lines += [
        ["I-1", "a", "Bolt", "7318", 100, 18],
        ["I-2", "b", "=Nut", "0731", 30, 18],
        ["I-2", "c", "Washer", "7318", 20, 18],
    ]
    payload = await importer.good(workbooks.of(Invoices=bills, Items=lines), name="bills.xlsx")
    assert (payload["success_count"], payload["failure_count"]) == (1, 1)
    content = await fetched(importer, payload["failure_file_url"])
    assert workbooks.names(content) == ["Invoices", "Items"]
    kept = workbooks.dicts(content, "Items")
    assert [(one["My note"], one["Item Name"], one["HSN"]) for one in kept] == [
        ("b", "'=Nut", "0731"),
        ("c", "Washer", "7318"),
    ]
    assert list(kept[0])[-2:] == ["error_code", "error_message"]
    good = workbooks.dicts(await fetched(importer, payload["success_file_url"]), "Items")
    assert [one["My note"] for one in good] == ["a"]
    bill = workbooks.dicts(content)[0] | {"customerRef": "C1"}
    again = workbooks.of(
        Invoices=[list(bill), [value or "" for value in bill.values()]],
        Items=[list(kept[0]), *[[value or "" for value in one.values()] for one in kept]],
    )
    payload = await importer.good(again, name="bills.xlsx")
    assert (payload["success_count"], payload["failureRequests"]) == (1, [])
    found = await importer.seller.rows("SELECT description FROM invoice_items WHERE seller_id = $1 ORDER BY 1")
    assert [one["description"] for one in found] == ["=Nut", "Bolt", "Washer"]
