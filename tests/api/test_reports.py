"""Open items and ageing: figures equal to the invoices', files that spreadsheets open and do not run."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import make
from hundi.cli import reporting
from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.kit.formulas import guarded
from hundi.reports import books, sheets
from hundi.reports.rules import BUCKETS, bucket_of

ITEMS = "/api/v0/reports/open-items"
AGEING = "/api/v0/reports/ageing"
AGES = [bucket.name for bucket in BUCKETS]
NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


async def report(seller: make.Company, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
    reply = await seller.http.post(path, json=body or {}, params=query)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def lines(seller: make.Company, path: str, body: dict[str, Any] | None = None) -> list[list[str]]:
    reply = await seller.http.post(path, json=body or {}, params={"format": "csv"})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert reply.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig"))))


def cells(content: bytes) -> dict[str, list[list[str]]]:
    """Read a workbook's sheets as texts by their names; numbers and days as they are stored."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [sheet.attrib["name"] for sheet in ET.fromstring(book.read("xl/workbook.xml")).iter(f"{NS}sheet")]
        for number, name in enumerate(names, 1):
            text = book.read(f"xl/worksheets/sheet{number}.xml").decode()
            assert "<f>" not in text, "no formula anywhere"
            assert "hyperlink" not in text
            found[name] = [
                ["".join(cell.itertext()) for cell in row.iter(f"{NS}c")]
                for row in ET.fromstring(text).iter(f"{NS}row")
            ]
    return found


def figures(row: list[str]) -> list[str | Decimal]:
    return [row[0], *map(Decimal, row[1:])]


@pytest.fixture
async def owed(seller: make.Company) -> dict[str, Any]:
    """Give invoices of two customers in every bucket, at 16 November 2026, and others that are not owed."""
    first = await seller.customer(legalName="Arjun Mills")
    second = await seller.customer(legalName="=cmd|' /C calc'!A0")
    dues = {
        "notDue": "2026-11-16", "days1To30": "2026-11-15", "days31To60": "2026-10-16", "days61To90": "2026-09-16",
        "days91To180": "2026-08-17", "daysOver180": "2026-05-19",
    }  # fmt: skip
    for at, due in enumerate(dues.values()):
        await seller.invoice(first, baseAmount=1000 * (at + 1), cgst=0, sgst=0, invoiceDate="2026-05-01", dueDate=due)
    edge = {"notDue": "2026-12-31", "days1To30": "2026-10-17", "days91To180": "2026-05-20"}
    for due in edge.values():
        await seller.invoice(
            second, baseAmount=100.55, cgst=0, sgst=0, totalReceived=0.05, invoiceDate="2026-05-01", dueDate=due
        )
    await seller.invoice(second, baseAmount=7, cgst=0, sgst=0, totalReceived=7)
    disputed = await seller.invoice(second, baseAmount=9, cgst=0, sgst=0)
    reply = await seller.http.patch(f"/api/v0/invoice/{disputed['invoiceId']}", json={"receivableStatus": "DISPUTED"})
    assert reply.status_code == 200
    return {"first": first, "second": second}


async def test_ageing_by_customer(seller: make.Company, owed: dict[str, Any]) -> None:
    found = await report(seller, AGEING)
    assert found["asOn"] == "2026-11-16"
    assert [row["customerLegalName"] for row in found["data"]] == ["=cmd|' /C calc'!A0", "Arjun Mills"]
    second, first = found["data"]
    assert [first[age] for age in AGES] == [1000, 2000, 3000, 4000, 5000, 6000]
    assert (first["total"], first["invoices"]) == (21000, 6)
    assert [second[age] for age in AGES] == [100.5, 100.5, 0, 0, 100.5, 0]
    assert found["totals"]["total"] == 21301.5
    assert found["totals"]["invoices"] == 9
    assert (found["total_count"], found["limit"], found["offset"]) == (2, 50, 0)
    assert "next_cursor" not in found


async def test_totals_equal_the_balances(seller: make.Company, owed: dict[str, Any]) -> None:
    for body in (
        {},
        {"customerIds": [owed["second"]]},
        {"balanceAmountFrom": 3000},
        {"text": "zzz"},
        {"receivableStatuses": ["OVERDUE"]},
    ):
        ageing, items = await report(seller, AGEING, body), await report(seller, ITEMS, body)
        balances = sum((Decimal(str(item["balanceAmount"])) for item in items["data"]), Decimal(0))
        assert Decimal(str(items["totalBalanceAmount"])) == balances == Decimal(str(ageing["totals"]["total"]))
        assert Decimal(str(ageing["totals"]["total"])) == sum(Decimal(str(ageing["totals"][age])) for age in AGES)
        assert items["total_count"] == len(items["data"]) == ageing["totals"]["invoices"]
        if not body:
            kept = await seller.value(
                "SELECT sum(balance) FROM invoices WHERE seller_id = $1 AND receivable_status IN ('PENDING', 'PARTIALLY_PAID')"
            )
            assert kept == balances


async def test_open_items_are_oldest_first_and_dated(seller: make.Company, owed: dict[str, Any]) -> None:
    found = await report(seller, ITEMS)
    dues = [item["dueDate"] for item in found["data"]]
    assert dues == sorted(dues)
    oldest = found["data"][0]
    assert (oldest["dueDate"], oldest["daysOverdue"], oldest["age"]) == ("2026-05-19", 181, "Over 180 days")
    assert (oldest["invoiceDate"], oldest["receivableStatus"]) == ("2026-05-01", "PENDING")
    assert found["data"][-1]["daysOverdue"] == 0
    disputed = await report(seller, ITEMS, {"receivableStatuses": ["DISPUTED"]})
    assert [item["balanceAmount"] for item in disputed["data"]] == [9]
    assert "disputedAmount" not in disputed


@pytest.mark.parametrize("path", [ITEMS, AGEING])
async def test_what_is_disputed_stands_beside_what_is_awaited(
    seller: make.Company, owed: dict[str, Any], path: str
) -> None:
    found = await report(seller, path)
    total = found["totalBalanceAmount"] if path == ITEMS else found["totals"]["total"]
    books = await seller.value("SELECT sum(balance) FROM invoices WHERE seller_id = $1")
    assert found["disputedAmount"] == 9
    assert Decimal(str(total)) + 9 == books
    one = await report(seller, path, {"customerIds": [owed["first"]]})
    assert one["disputedAmount"] == 0


@pytest.mark.parametrize("path", [ITEMS, AGEING])
async def test_pages_by_cursor(seller: make.Company, owed: dict[str, Any], path: str) -> None:
    whole = await report(seller, path)
    seen: list[Any] = []
    query: dict[str, Any] = {"limit": 1}
    while True:
        page = await report(seller, path, {}, **query)
        assert len(page["data"]) == 1
        assert page["total_count"] == whole["total_count"]
        seen += page["data"]
        if "next_cursor" not in page:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == whole["data"]
    by_offset = [
        row
        for at in range(whole["total_count"])
        for row in (await report(seller, path, {}, limit=1, offset=at))["data"]
    ]
    assert by_offset == whole["data"]
    first = (await report(seller, path, {}, limit=1))["next_cursor"]
    other = AGEING if path == ITEMS else ITEMS
    for where, body, cursor in ((other, {}, first), (path, {"via": "EMAIL"}, first), (path, {}, first[:-2])):
        reply = await seller.http.post(where, json=body, params={"cursor": cursor})
        assert (reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]) == (400, "BAD_CURSOR")


async def test_csv_is_guarded_and_complete(
    seller: make.Company, owed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "BLOCK", 2)
    head, *rows = await lines(seller, ITEMS)
    assert head[:2] == ["Customer", "Customer id"]
    assert len(rows) == 9
    balance, due = head.index("Balance"), head.index("Due date")
    assert sum(Decimal(row[balance]) for row in rows) == Decimal("21301.50")
    assert rows[0][due] == "19-05-2026"
    assert rows[0][head.index("Invoice date")] == "01-05-2026"
    assert {row[0] for row in rows} == {"Arjun Mills", "'=cmd|' /C calc'!A0"}
    head, *rows = await lines(seller, AGEING)
    assert head[3:] == ["Not due", "1–30 days", "31–60 days", "61–90 days", "91–180 days", "Over 180 days", "Total"]
    assert rows[1][2:] == ["6", "1000.00", "2000.00", "3000.00", "4000.00", "5000.00", "6000.00", "21000.00"]
    assert await lines(seller, ITEMS, {"text": "nothing of the kind"}) == [
        [column.heading for column in sheets.OPEN_ITEM_COLUMNS]
    ]


async def test_xlsx_has_numbers_days_and_a_line_of_totals(
    seller: make.Company, owed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST_SHEET_ROWS", 6)
    reply = await seller.http.post(ITEMS, json={}, params={"format": "xlsx"})
    assert reply.headers["content-type"] == sheets.CONTENT_TYPES["xlsx"]
    assert reply.headers["content-disposition"].startswith('attachment; filename="open-items-2026-11-16.xlsx"')
    assert int(reply.headers["content-length"]) == len(reply.content)
    found = cells(reply.content)
    assert list(found) == ["Open items", "Open items 2"]
    assert [len(rows) for rows in found.values()] == [6, 6]
    first = found["Open items"][1]
    assert first[0] == "Arjun Mills"
    assert "46161" in first, "19 May 2026 as a spreadsheet counts days"
    assert figures(found["Open items 2"][-1]) == ["Total", Decimal("21301.65"), Decimal("0.15"), Decimal("21301.5")]
    reply = await seller.http.post(AGEING, json={}, params={"format": "xlsx"})
    rows = cells(reply.content)["Ageing"]
    assert rows[1][0] == "'=cmd|' /C calc'!A0"
    assert figures(rows[-1]) == [
        "Total",
        *map(Decimal, ["9", "1100.5", "2100.5", "3000", "4000", "5100.5", "6000", "21301.5"]),
    ]


async def test_nothing_owed_gives_empty_reports(seller: make.Company) -> None:
    found = await report(seller, AGEING)
    assert (found["data"], found["total_count"], found["totals"]["total"]) == ([], 0, 0)
    assert (await report(seller, ITEMS))["totalBalanceAmount"] == 0
    reply = await seller.http.post(AGEING, json={}, params={"format": "xlsx"})
    assert cells(reply.content)["Ageing"][-1][0] == "Total"


@pytest.mark.parametrize("path", [ITEMS, AGEING])
@pytest.mark.parametrize("form", ["json", "csv", "xlsx"])
async def test_bad_filters_are_refused_in_every_format(seller: make.Company, path: str, form: str) -> None:
    reply = await seller.http.post(
        path, json={"dueDateFrom": "2026-11-02", "dueDateTo": "2026-11-01"}, params={"format": form}
    )
    assert reply.status_code == 400
    assert [one["field"] for one in reply.json()["errorResponse"]["apiSubErrors"]] == ["dueDateFrom", "dueDateTo"]
    reply = await seller.http.post(path, json={"text": 5}, params={"format": form})
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["code"] == "WRONG_TYPE"
    for query in ({"format": "pdf"}, {"limit": 5001}, {"offset": -1}):
        reply = await seller.http.post(path, json={}, params=query)
        assert (reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["field"]) == (
            400,
            next(iter(query)),
        )


async def test_another_company_sees_none_of_it(seller: make.Company, new_seller: Any, owed: dict[str, Any]) -> None:
    stranger = await new_seller()
    assert (await report(stranger, AGEING, {"customerIds": [owed["first"]]}))["data"] == []
    assert len(await lines(stranger, ITEMS)) == 1
    nobody = await seller.http_as([]).post(ITEMS, json={})
    assert nobody.status_code == 403


async def test_no_file_is_left_behind(seller: make.Company, owed: dict[str, Any], store: Any) -> None:
    before = sorted(store.work.iterdir())
    for form in ("csv", "xlsx"):
        await seller.http.post(ITEMS, json={}, params={"format": form})
        reply = await seller.http.post(ITEMS, json={"netAmountFrom": 2, "netAmountTo": 1}, params={"format": form})
        assert reply.status_code == 400
    assert sorted(store.work.iterdir()) == before


@given(st.dates(), st.dates())
def test_every_day_falls_into_one_bucket(due: Any, today: Any) -> None:
    days = (today - due).days
    holding = [
        bucket for bucket in BUCKETS
        if (bucket.first is None or days >= bucket.first) and (bucket.last is None or days <= bucket.last)
    ]  # fmt: skip
    assert holding == [bucket_of(due, today)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("+91 98200", "'+91 98200"), ("@x", "'@x"), ("-x", "'-x"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("-12.50", "-12.50"), ("+1,200", "+1,200"), ("plain", "plain"), ("", ""), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_guarded_cells(text: str, shown: str) -> None:
    assert guarded(text) == shown


# ------------------------------------------------------------------ the command


@pytest.fixture
def settings(database_urls: Urls, tmp_path: Path) -> Settings:
    """Give the settings of a command beside the tests' database."""
    return Settings(
        database_url=database_urls.app,
        owner_url=database_urls.owner,
        secret_key="a secret of these tests that is long enough",
        data_dir=tmp_path,
    )


async def test_the_command_writes_what_the_api_gives(
    seller: make.Company, owed: dict[str, Any], settings: Settings, tmp_path: Path, capfdbinary: Any
) -> None:
    out = tmp_path / "ageing.csv"
    assert await reporting.report(settings, "ageing", seller.seller_id, "csv", out) is None
    rows = list(csv.reader(io.StringIO(out.read_text("utf-8-sig"))))
    assert len(rows) == 3
    assert sum(Decimal(row[-1]) for row in rows[1:]) == Decimal("21301.50")
    await reporting.report(settings, "open-items", seller.seller_id, "csv", None)
    assert len(capfdbinary.readouterr().out.splitlines()) == 10
    book = tmp_path / "items.xlsx"
    await reporting.report(settings, "open-items", seller.seller_id, "xlsx", book)
    assert len(cells(book.read_bytes())["Open items"]) == 11
    for name in ("ageing", "open-items"):
        document = await reporting.report(settings, name, seller.seller_id, "json", None)
        assert document is not None
        assert document["total_count"] == len(document["data"])
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "form", "output", "sentence"),
    [
        ("aging", "csv", None, "There is no report 'aging': use ageing or open-items."),
        ("ageing", "pdf", None, "There is no format 'pdf': use csv, xlsx, json."),
        ("ageing", "xlsx", None, "Name a file for the workbook with --output."),
        ("ageing", "json", Path("x"), "JSON goes to standard output."),
    ],
)
async def test_the_command_refuses_with_a_sentence(
    settings: Settings, name: str, form: str, output: Path | None, sentence: str
) -> None:
    with pytest.raises(Refused, match=re.escape(sentence)):
        await reporting.report(settings, name, None, form, output)


@pytest.mark.parametrize("path", [ITEMS, AGEING])
async def test_a_filter_that_does_not_exist_is_refused_and_not_left_out(seller: make.Company, path: str) -> None:
    """A mistyped filter would give the figures of the whole company for those of one customer."""
    reply = await seller.http.post(path, json={"customerId": ["KC0123456789ABCD"], "asOn": "2026-03-31"})
    assert reply.status_code == 400
    found = reply.json()["errorResponse"]["apiSubErrors"]
    assert sorted((one["field"], one["code"]) for one in found) == [
        ("asOn", "UNKNOWN_FIELD"), ("customerId", "UNKNOWN_FIELD")
    ]  # fmt: skip
