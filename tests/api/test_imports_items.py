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
