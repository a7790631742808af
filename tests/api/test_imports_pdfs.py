"""A ZIP of PDFs: each file becomes the primary attachment of the invoice its name names, or is reported with its reason."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

import importing
import make
import workbooks
from hundi.files.store import FileStore
from hundi.imports.invoice_pdfs import matched
from hundi.invoices.attachment_kinds import MAX_SIZE
from hundi.kit.keys import Keyring
from importing import Importer, bytes_of, imported

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


def pdf(mark: str) -> bytes:
    return PDF + mark.encode()


async def of_invoice(importer: Importer, invoice_id: str) -> list[dict[str, Any]]:
    reply = await importer.seller.http.get(f"/api/v0/invoice/{invoice_id}/attachment")
    found: list[dict[str, Any]] = reply.json()["payload"]["data"]
    return found


async def test_each_pdf_goes_to_its_invoice_and_is_what_is_mailed(importer: Importer) -> None:
    customer = await importer.seller.customer()
    ids = {
        number: (await importer.seller.invoice(customer, invoiceNumber=number))["invoiceId"]
        for number in ("INV/26-27/0042", "N-7", "N7", "A 1", "007")
    }
    row = importing.row(invoiceNumber="Z-1", attachmentFileName="Scan 17.PDF")
    await importer.good(importing.text([row], (*importing.HEADER, "attachmentFileName")))
    archive = workbooks.zipped({
        "april/INV-26-27-0042.pdf": pdf("42"), "april/Tax Invoice_N-7.pdf": pdf("n-7"), "scan 17.pdf": pdf("17"),
        "A 1.PDF": pdf("a1"), "nobody.pdf": PDF, "007.txt": b"hello", "N-7.pdf": pdf("N-7"), "../../etc/007.pdf": pdf("007"),
        "__MACOSX/april/._INV-26-27-0042.pdf": b"junk", "big.pdf": PDF + b"0" * MAX_SIZE, "evil.pdf": b"<html></html>",
        "april/inv_26_27_0042.pdf": pdf("again"),
    })  # fmt: skip
    payload = await imported(importer, archive, kind="attachments")
    assert (payload["success_count"], payload["failure_count"], payload["state"]) == (5, 6, "DONE")
    assert {(one["row"], one["invoiceNumber"]) for one in payload["successRequests"]} == {
        (1, "INV/26-27/0042"), (2, "N-7"), (3, "Z-1"), (4, "A 1"), (8, "007"),
    }  # fmt: skip
    assert {(one["row"], one["error_code"]) for one in payload["failureRequests"]} == {
        (5, "NO_INVOICE"), (6, "NOT_A_PDF"), (7, "DUPLICATE_IN_FILE"), (9, "FILE_TOO_LARGE"), (10, "FILE_TYPE"),
        (11, "DUPLICATE_IN_FILE"),
    }  # fmt: skip
    for number, mark in (("INV/26-27/0042", "42"), ("007", "007")):
        [found] = await of_invoice(importer, ids[number])
        assert (found["primary"], found["shared"], found["attachmentSource"]) == (True, True, "UPLOAD")
        assert (await importer.seller.http.get(found["url"])).content == pdf(mark)
    success, failure = await bytes_of(importer, payload)
    assert [line[0] for line in csv.reader(io.StringIO(success.decode("utf-8-sig")))] == [
        "fileName", "INV-26-27-0042.pdf", "Tax Invoice_N-7.pdf", "scan 17.pdf", "A 1.PDF", "007.pdf",
    ]  # fmt: skip
    assert b"nobody.pdf,NO_INVOICE,nobody.pdf: No invoice has this number" in failure


async def test_the_same_archive_again_changes_nothing(importer: Importer) -> None:
    invoice = await importer.seller.invoice(invoiceNumber="R/1")
    archive = workbooks.zipped({"R-1.pdf": PDF})
    for warned in (0, 1):
        payload = await imported(importer, archive, kind="attachments")
        assert (payload["success_count"], payload["warn_count"]) == (1, warned)
    assert len(await of_invoice(importer, invoice["invoiceId"])) == 1
    payload = await imported(importer, workbooks.zipped({"R-1.pdf": pdf("new")}), kind="attachments")
    assert [one["primary"] for one in await of_invoice(importer, invoice["invoiceId"])] == [False, True]


async def test_a_dry_run_attaches_nothing(importer: Importer) -> None:
    invoice = await importer.seller.invoice(invoiceNumber="D/1")
    before = sorted(path for path in importer.context.files.work.parent.rglob("att_*"))
    payload = await imported(importer, workbooks.zipped({"D-1.pdf": PDF}), kind="attachments", dry_run=True)
    assert payload["success_count"] == 1
    assert await of_invoice(importer, invoice["invoiceId"]) == []
    assert sorted(path for path in importer.context.files.work.parent.rglob("att_*")) == before


REFUSED = {
    "no archive": (PDF, "NOT_ZIP"),
    "cut off": (workbooks.zipped({"a.pdf": PDF * 100}, level=0)[:-400], "NOT_ZIP"),
    "empty": (workbooks.zipped({}), "NO_ROWS"),
    "nothing but a Mac's own files": (workbooks.zipped({"__MACOSX/a.pdf": PDF}), "NO_ROWS"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_archive_of_files_is_refused(importer: Importer, case: str) -> None:
    content, code = REFUSED[case]
    import_id = await importing.received(importer, content, kind="attachments")
    await importer.run(import_id)
    status = await importer.seller.http.get(f"/api/v0/invoice/bulk/{import_id}")
    assert status.json()["payload"]["refusal"][0]["code"] == code


def test_names_that_fit_several_invoices_alike_are_ambiguous() -> None:
    invoices = [
        {"invoice_id": f"i{at}", "invoice_number": number, "number_key": number, "file_name": None}
        for at, number in enumerate(("A/1", "A-1", "B/1", "B-/1", "C1", "C1"))
    ]
    found = matched({1: "A-1.pdf", 2: "b_1.pdf", 3: "c1.pdf", 4: "a1.pdf"}, invoices)
    assert (found[1].invoice_id, found[1].number) == ("i1", "A-1")
    problems = [found[row].problem for row in (2, 3, 4)]
    assert [problem.code if problem else None for problem in problems] == ["INVOICE_AMBIGUOUS"] * 3
    assert "B-/1, B/1" in str(problems[0])
