"""Files as people fill them: the template as it comes, sheets with dates of several kinds, cells that cannot be read."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import pytest

import make
import workbooks
from hundi.files.store import FileStore
from hundi.imports.template import Form, Language, template
from hundi.kit.keys import Keyring
from importing import PATH, Importer, codes, imported

HEADER = ("Invoice number", "Customer reference", "Invoice date", "Due date", "Base amount", "GST rate %")


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


@pytest.mark.parametrize("lang", ["en", "hi"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_the_sample_rows_of_the_templates_are_imported(importer: Importer, form: Form, lang: Language) -> None:
    customers = await imported(importer, template("customers", form=form, lang=lang), kind="customers")
    assert (customers["success_count"], customers["failureRequests"]) == (1, [])
    invoices = await imported(importer, template("invoices", form=form, lang=lang))
    assert (invoices["success_count"], invoices["failureRequests"]) == (1, [])


def sheet(*rows: tuple[Any, ...]) -> bytes:
    """Write rows as a person does: dates as dates, formulas with what they came to."""

    def fill(book: Any) -> None:
        page, day = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
        page.write_row(0, 0, HEADER)
        for at, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                if isinstance(value, datetime):
                    page.write_datetime(at, place, value, day)
                elif isinstance(value, tuple):
                    page.write_formula(at, place, value[0], day if place == 3 else None, value[1])
                else:
                    page.write(at, place, value)

    return workbooks.workbook(fill)


async def days(importer: Importer) -> list[tuple[str, str]]:
    found = await importer.seller.rows(
        "SELECT invoice_number AS number, (invoice_date AT TIME ZONE 'Asia/Kolkata')::date::text AS day FROM invoices WHERE seller_id = $1 ORDER BY number_key"
    )
    return [(one["number"], one["day"]) for one in found]


@pytest.mark.parametrize("written", ["07/11/2026", "7-Nov-26", "07.11.2026", "2026-11-07", 46333])
async def test_texts_among_cells_that_are_dates_are_read_in_their_own_style(
    importer: Importer, written: str | int
) -> None:
    due, first = datetime(2026, 12, 1), datetime(2026, 11, 5)  # noqa: DTZ001 - a cell of a sheet has no time zone
    payload = await imported(
        importer,
        sheet(
            ("A/1", "C1", first, ("=C2+30", 46361), 100, 18),
            ("A/2", "C1", first, due, 100, 18),
            ("A/3", "C1", written, due, 100, 18),
        ),
    )
    assert payload["failureRequests"] == []
    assert await days(importer) == [("A/1", "2026-11-05"), ("A/2", "2026-11-05"), ("A/3", "2026-11-07")]


async def test_a_cell_that_cannot_be_read_is_not_said_to_be_missing_as_well(importer: Importer) -> None:
    day = datetime(2026, 11, 5)  # noqa: DTZ001 - a cell of a sheet has no time zone
    payload = await imported(
        importer,
        sheet(("A/1", "C1", day, day, ("=1/0", "#DIV/0!"), 18), ("A/2", "C1", day, day, "", 18)),
    )
    assert [one["error_code"] for one in payload["failureRequests"]] == ["CELL_ERROR", "REQUIRED"]


async def test_an_archive_of_pdfs_and_what_else_lay_there_is_shown_where_it_goes(importer: Importer) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("A-1.pdf", "sub/A-2.PDF", "Thumbs.db", "readme.md"):
            archive.writestr(name, b"%PDF-1.4")
    reply = await importer.send(out.getvalue(), name="bills.zip")
    assert (reply.status_code, codes(reply)) == (400, [("file", "NOT_CSV")])
    assert "/api/v0/invoice/bulk/attachments" in reply.text
    assert PATH not in reply.text
