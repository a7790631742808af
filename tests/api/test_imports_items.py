"""Items of invoices: from a second sheet, and from rows that repeat their invoice (domain §10 Items)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import make
import workbooks
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from importing import Importer, imported, row, text

MAIN = ("invoiceNumber", "customerRef", "invoiceDate", "dueDate", "baseAmount", "gstRate")
ITEMS = ("invoiceNumber", "description", "hsnCode", "quantity", "unit", "unitPrice", "taxableValue", "gstRate")
FLAT = (*MAIN, "itemDescription", "hsnCode", "quantity", "unitPrice", "taxableValue", "itemGstRate")


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


def bill(number: str, base: str = "1000.00", **changes: str) -> tuple[str, ...]:
    cells = {**row(invoiceNumber=number, baseAmount=base), "gstRate": "18", **changes}
    return tuple(cells[name] for name in MAIN)


def item(number: str, value: str, **changes: str) -> tuple[str, ...]:
    cells = {"invoiceNumber": number, "description": "Bolts", "hsnCode": "7318", "quantity": "10", "unit": "NOS",
             "unitPrice": "50.5", "taxableValue": value, "gstRate": "18", **changes}  # fmt: skip
    return tuple(cells[name] for name in ITEMS)


async def book(importer: Importer, bills: list[Any], items: list[Any], **more: Any) -> dict[str, Any]:
    content = workbooks.of(Invoices=[MAIN, *bills], Items=[ITEMS, *items])
    return await imported(importer, content, **more)


async def lines(importer: Importer, number: str) -> list[dict[str, Any]]:
    return await importer.seller.rows(
        "SELECT l.* FROM invoice_items l JOIN invoices i ON i.seller_id = $1 AND i.invoice_id = l.invoice_id "
        "WHERE l.seller_id = $1 AND i.number_key = $2 ORDER BY line_no", number,
    )  # fmt: skip


def failures(payload: dict[str, Any]) -> dict[int, str]:
    return {one["row"]: one["error_code"] for one in payload["failureRequests"]}


async def test_items_of_a_second_sheet_are_lines_as_a_call_would_have_made(
    importer: Importer, seller: make.Company
) -> None:
    payload = await book(
        importer, [bill("A-1"), bill("A-2", "5")], [item("a-1", "600"), item(" A-1 ", "400.5", unit="")]
    )
    assert (payload["success_count"], payload["failure_count_second_file"]) == (2, 0), payload
    found = await lines(importer, "A-1")
    assert [one["line_no"] for one in found] == [1, 2]
    customer = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    body = {
        "productDescription": "Bolts", "hsnCode": "7318", "quantity": 10, "unit": "NOS", "unitPrice": 50.5,
        "assessmentAmount": 600, "gstRate": 18,
    }  # fmt: skip
    made = await seller.invoice(
        customer, invoiceNumber="A-3", baseAmount=1000, cgst=90, sgst=90,
        itemLists=[body, {**body, "assessmentAmount": 400.5, "unit": None}],
    )  # fmt: skip
    theirs = await lines(importer, made["invoiceNumber"])
    for mine, its in zip(found, theirs, strict=True):
        assert {**mine, "invoice_id": ""} == {**its, "invoice_id": ""}
    again = await book(importer, [bill("A-1"), bill("A-2", "5")], [item("a-1", "600"), item("A-1", "400.5", unit="")])
    assert (again["warn_count"], await importer.count("invoice_items")) == (2, 4)
    other = await book(importer, [bill("A-1")], [item("A-1", "600"), item("A-1", "400")])
    assert failures(other) == {2: "DUPLICATE_CONFLICT"}
    assert other["failure_count_second_file"] == 2


ORDERS = ["1", "PO-7/3", "A" * 50, 'a"b', "a\\b", "A" * 51, "क्रम 2", ""]


@pytest.mark.parametrize("heading", ["orderLine", "PO line", "Order Line Reference", "क्रय आदेश पंक्ति", "PO Sr. No."])
async def test_the_line_of_the_order_is_taken_and_refused_by_file_as_by_call(
    importer: Importer, seller: make.Company, heading: str
) -> None:
    customer = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    body = {"productDescription": "Bolts", "hsnCode": "7318", "assessmentAmount": 1000, "gstRate": 18}
    by_call: list[tuple[str | None, str | None]] = []
    for line in ORDERS:
        named = {**body, "orderLineReference": line} if line else body
        made = {"customerId": customer, "dueDate": "2026-12-01T00:00:00Z", "baseAmount": 1000, "cgst": 90, "sgst": 90}
        reply = await seller.http.post("/api/v0/invoice", json={**made, "itemLists": [named]})
        if reply.status_code == 200:
            (stored,) = (await seller.http.get(f"/api/v0/invoice/{reply.json()['payload']['invoiceId']}")).json()[
                "payload"
            ]["itemLists"]
            by_call.append((None, stored.get("orderLineReference")))
        else:
            by_call.append((reply.json()["errorResponse"]["apiSubErrors"][0]["code"], None))
    assert [code for code, _ in by_call] == [None, None, None, "BAD_FORMAT", "BAD_FORMAT", "BAD_FORMAT", None, None]
    given = [
        (*item(f"O-{at}", "1000")[:3], line, *item(f"O-{at}", "1000")[3:]) for at, line in enumerate(ORDERS)
    ]  # fmt: skip
    content = workbooks.of(
        Invoices=[MAIN, *(bill(f"O-{at}") for at in range(len(ORDERS)))],
        Items=[(*ITEMS[:3], heading, *ITEMS[3:]), *given],
    )
    payload = await imported(importer, content)
    http = importer.seller.http_factory()
    got = await http.get(payload["failure_file_url"].replace("http://hundi.test", ""))
    told = {one["invoiceNumber"]: one["error_code"] for one in workbooks.dicts(got.content, "Items")}
    by_file = []
    for at in range(len(ORDERS)):
        code = told.get(f"O-{at}")
        by_file.append((code, None) if code else (None, (await lines(importer, f"O-{at}"))[0]["order_line"]))
    assert by_file == by_call


async def test_a_file_sent_before_there_were_lines_of_orders_is_still_known(importer: Importer) -> None:
    await book(importer, [bill("A-1"), bill("A-2")], [item("A-1", "1000"), item("A-2", "1000")])
    columns = (*ITEMS, "PO line")
    items = [columns, (*item("A-1", "1000"), ""), (*item("A-2", "1000"), "4")]
    again = await imported(importer, workbooks.of(Invoices=[MAIN, bill("A-1"), bill("A-2")], Items=items))
    assert (again["success_count"], again["warn_count"], failures(again)) == (1, 1, {3: "DUPLICATE_CONFLICT"})


async def test_rows_that_repeat_their_invoice_name_the_line_of_the_order(importer: Importer) -> None:
    header = (*FLAT, "PO line no.")
    flat = [
        (*bill("F-1"), "Bolts", "7318", "1", "600", "600", "18", "10"),
        (*bill("F-1"), "Nuts", "7318", "1", "400", "400", "18", "PO-7/20"),
    ]
    content = text([dict(zip(header, one, strict=True)) for one in flat], header)
    payload = await imported(importer, content)
    assert (payload["success_count"], payload["total_count"]) == (2, 2), payload
    assert [one["order_line"] for one in await lines(importer, "F-1")] == ["10", "PO-7/20"]
    # A sheet that took the line for a number has lost some of its digits.
    bad = workbooks.of(Sheet1=[header, (*bill("F-2", "600"), *flat[0][len(MAIN) : -1], 12345678901234567890.0)])
    assert failures(await imported(importer, bad)) == {2: "NUMBER_ROUNDED"}


async def test_cells_that_cannot_be_read_are_named_in_every_row_of_an_invoice(importer: Importer) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        rows = [(*bill(f"U-{at // 2}"), "Bolts", "7318", 1, 500, 500, 18) for at in range(8)]
        workbooks.put(sheet, [FLAT, *rows])
        sheet.write_formula(2, FLAT.index("taxableValue"), "=1/0", None, "#DIV/0!")
        sheet.write_formula(4, FLAT.index("quantity"), "=[1]Stock!A1", None, 1)
        sheet.write_formula(5, FLAT.index("taxableValue"), "=1/0", None, "#DIV/0!")
        sheet.write_string(8, len(FLAT) + 1, "and more")

    payload = await imported(importer, workbooks.workbook(fill))
    assert (payload["success_count"], payload["failure_count"]) == (0, 8)
    said = {one["row"]: (one["error_code"], one["error_message"]) for one in payload["failureRequests"]}
    assert said[2][0] == said[4][0] == "ITEM_FAILED"
    assert "(row 3): taxableValue: The cell shows the error #DIV/0!" in said[2][1]
    assert "(row 5): quantity: This cell takes its value from another file" in said[4][1]
    assert said[6][0] == "CELL_ERROR"
    assert said[8][0] == "ITEM_FAILED"
    assert "(row 9)" in said[8][1]


async def test_items_that_are_wrong_fail_with_their_invoice(importer: Importer) -> None:
    bills = [bill("B-1"), bill("B-2"), bill("B-3"), bill("B-4"), bill("B-5", dueDate="never")]
    items = [
        item("B-1", "1000"), item("B-2", "998.9"), item("B-3", "500"), item("B-3", "x", hsnCode="12"),
        item("NONE", "5"), item("", "5"), item("B-4", "999.5", gstRate=""), item("B-5", "1000"),
    ]  # fmt: skip
    payload = await book(importer, bills, items)
    assert failures(payload) == {3: "ITEMS_DO_NOT_ADD_UP", 4: "ITEM_FAILED", 5: "ITEM_FAILED", 6: "DATE_FORMAT"}
    assert (payload["success_count"], payload["failure_count_second_file"]) == (1, 7)
    assert (await importer.count("invoice_items"), await importer.count()) == (1, 1)
    http = importer.seller.http_factory()
    got = await http.get(payload["failure_file_url"].replace("http://hundi.test", ""))
    told = workbooks.dicts(got.content, "Items")
    assert [one["error_code"] or "" for one in told] == [
        "", "", "BAD_FORMAT | NOT_AN_AMOUNT", "ITEM_WITHOUT_INVOICE", "REQUIRED", "REQUIRED", "",
    ]  # fmt: skip
    dry = await book(importer, bills, items, dry_run=True)
    assert dry["failure_count_second_file"] == 7


async def test_an_invoice_has_as_many_items_as_a_call_may_send(importer: Importer) -> None:
    payload = await book(importer, [bill("F-1"), bill("F-2")], [item("F-1", "1")] * 1000 + [item("F-2", "0.5")] * 1001)
    assert failures(payload) == {3: "TOO_MANY_ITEMS"}
    assert (payload["failure_count_second_file"], await importer.count("invoice_items")) == (1001, 1000)


async def test_items_find_their_invoices_over_all_chunks(importer: Importer) -> None:
    bills = [bill(f"C-{at}") for at in range(250)]
    items = [item(f"C-{at % 250}", "500") for at in range(500)]
    payload = await book(importer, bills, items)
    assert (payload["success_count"], await importer.count("invoice_items")) == (250, 500)
    counts = await importer.seller.rows(
        "SELECT count(*) AS n, max(line_no) AS last FROM invoice_items WHERE seller_id = $1 GROUP BY invoice_id"
    )
    assert {(one["n"], one["last"]) for one in counts} == {(2, 2)}


def flat(number: str, base: str, value: str, **changes: str) -> dict[str, str]:
    return {
        **row(invoiceNumber=number, baseAmount=base), "gstRate": "18", "itemDescription": "Bolts", "hsnCode": "7318",
        "quantity": "1", "unitPrice": "5", "taxableValue": value, "itemGstRate": "18", **changes,
    }  # fmt: skip


def rows_of(rows: list[dict[str, str]]) -> str:
    return text([{name: one.get(name, "") for name in FLAT} for one in rows], FLAT)


async def test_rows_that_repeat_their_invoice_bring_its_items(importer: Importer) -> None:
    rows = [flat(f"D-{at}", "1000", "250") for at in range(80) for _ in range(4)]
    late = [flat("D-0", "1000", "0"), flat("D-300", "100", "100")]
    bad = [flat("E-1", "1000", "500"), flat("E-1", "1001", "500"), flat("E-2", "10", "10", dueDate="x"),
           flat("E-2", "", "0", dueDate="x")]  # fmt: skip
    payload = await imported(importer, rows_of([*rows, *bad, *late]))
    assert failures(payload) == {
        322: "ITEM_FAILED", 323: "INVOICE_FAILED", 324: "DATE_FORMAT", 325: "INVOICE_FAILED"
    }, payload["failureRequests"]  # fmt: skip
    assert payload["success_count"] == 322
    assert payload["total_amount"] == Decimal("1180.00") * 80 + Decimal("118.00")
    assert (await importer.count(), await importer.count("invoice_items")) == (81, 322)
    assert len(await lines(importer, "D-0")) == 5
    first = payload["successRequests"][0]
    assert payload["successRequests"][320] == {**first, "row": 326}
    again = await imported(importer, rows_of([*rows, *bad, *late]))
    assert (again["success_count"], await importer.count("invoice_items")) == (322, 322)
    assert failures(again) == failures(payload)


# What the two lines (of 600 and 400, at 18%) say besides, what the invoice of 1,000 says, and the head that does not fit.
VERDICTS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str], str | None]] = {
    "heads from the rate": ({}, {}, {"cgst": "90", "sgst": "90"}, None),
    "heads as sent": ({"cgst": "54", "sgst": "54"}, {"cgst": "36", "sgst": "36"}, {"cgst": "90", "sgst": "90"}, None),
    "within a rupee": ({"cgst": "55", "sgst": "54"}, {"cgst": "36", "sgst": "36"}, {"cgst": "90", "sgst": "90"}, None),
    "cgst": ({"cgst": "50", "sgst": "54"}, {"cgst": "36", "sgst": "36"}, {"cgst": "90", "sgst": "90"}, "cgst"),
    "sgst": ({"cgst": "54", "sgst": "54"}, {"cgst": "36", "sgst": "37.01"}, {"cgst": "90", "sgst": "90"}, "sgst"),
    "igst": ({"igst": "108"}, {"igst": "70"}, {"igst": "180"}, "igst"),
    "igst where the invoice has halves": ({"igst": "108"}, {"igst": "72"}, {"cgst": "90", "sgst": "90"}, "cgst"),
    "a rate of its own": ({"gstRate": "5"}, {}, {"cgst": "90", "sgst": "90"}, "cgst"),
    "cess": ({"cess": "5"}, {}, {"cgst": "90", "sgst": "90", "cess": "50"}, "cess"),
    "cess that fits": ({"cess": "25"}, {"cess": "25"}, {"cgst": "90", "sgst": "90", "cess": "50"}, None),
    "an invoice without tax": ({}, {}, {}, None),
    "tax in the lines alone": ({"igst": "108"}, {"igst": "72"}, {}, "igst"),
    "totals": ({"itemTotal": "708"}, {"itemTotal": "472.5"}, {"cgst": "90", "sgst": "90"}, None),
    "a total that does not fit": ({"itemTotal": "708"}, {"itemTotal": "400"}, {"cgst": "90", "sgst": "90"}, "total"),
    "totals without the tax": ({"itemTotal": "600"}, {"itemTotal": "400"}, {"igst": "180"}, "total"),
    "reverse charge, totals without the tax": (
        {"itemTotal": "600"}, {"itemTotal": "400"}, {"igst": "180", "reverseCharge": "yes"}, None,
    ),
    "export with payment, totals without the tax": (
        {"itemTotal": "600"}, {"itemTotal": "400"}, {"igst": "180", "supplyType": "EXPWP"}, None,
    ),
}  # fmt: skip
_WIRE = {"taxableValue": "assessmentAmount", "itemTotal": "totalItemValue", "description": "productDescription"}


async def test_lines_are_held_against_every_head_of_their_invoice_by_call_and_by_file(
    importer: Importer, seller: make.Company
) -> None:
    customer = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    heads = ("cgst", "sgst", "igst", "cess", "reverseCharge", "supplyType")
    columns = (*ITEMS, "cgst", "sgst", "igst", "cess", "itemTotal")
    bills, items, called = [], [], {}
    for at, (first, second, invoice, _) in enumerate(VERDICTS.values()):
        main = row(invoiceNumber=f"V-{at}", baseAmount="1000", cgst="", sgst="")
        bills.append([{**main, **invoice}.get(name, "") for name in (*MAIN[:-1], *heads)])
        base = {"description": "Bolts", "hsnCode": "7318", "gstRate": "18"}
        lines = [{**base, "taxableValue": "600", **first}, {**base, "taxableValue": "400", **second}]
        items += [[{**one, "invoiceNumber": f"V-{at}"}.get(name, "") for name in columns] for one in lines]
        sent = {
            name: value if name == "supplyType" else True if name == "reverseCharge" else float(value)
            for name, value in invoice.items()
        }
        body = make.invoice_body(
            customer, invoiceNumber=f"W-{at}", baseAmount=1000, **{"cgst": None, "sgst": None, **sent}
        )
        body["itemLists"] = [
            {
                _WIRE.get(name, name): text if name in {"description", "hsnCode"} else float(text)
                for name, text in one.items()
            }
            for one in lines
        ]
        called[at] = await seller.http.post("/api/v0/invoice", json=body)
    content = workbooks.of(Invoices=[(*MAIN[:-1], *heads), *bills], Items=[columns, *items])
    payload = await imported(importer, content)
    told = {one["row"] - 2: one for one in payload["failureRequests"]}
    for at, (case, (_, _, _, wrong)) in enumerate(VERDICTS.items()):
        assert (called[at].status_code, at in told) == ((200, False) if wrong is None else (400, True)), (case, told)
        if wrong is None:
            continue
        by_call = called[at].json()["errorResponse"]["apiSubErrors"]
        by_file = told[at]
        assert {one["code"] for one in by_call} == {"ITEMS_DO_NOT_ADD_UP"} == set(by_file["error_code"].split(" | "))
        assert wrong in by_call[0]["message"].lower(), case
        assert wrong in by_file["error_message"].lower(), case
        assert f"the sheet Items, row {2 * at + 2}, {2 * at + 3}" in by_file["error_message"]


async def test_rows_that_bring_items_say_where_they_stand_when_they_do_not_add_up(importer: Importer) -> None:
    rows = [flat("G-1", "1000", "600"), flat("G-1", "1000", "400", itemGstRate="5")]
    payload = await imported(importer, rows_of(rows))
    assert failures(payload) == {2: "ITEMS_DO_NOT_ADD_UP", 3: "INVOICE_FAILED"}
    assert (
        "cgst come to 64.00; the invoice's cgst is 90.00. See row 2, 3."
        in payload["failureRequests"][0]["error_message"]
    )
