"""Files that cannot be imported: each gets a clear error naming the place, nothing is written, the server goes on."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

import importing
import make
import workbooks
from hundi import app as hundi_app
from hundi.config import Settings
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from importing import PATH, Importer, codes, row, text

HEAD = ",".join(importing.HEADER) + "\n"


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


def _workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


LINE = "N-1,C1,2026-11-01,2026-12-01,1000,90,90,,text\n"
REFUSED = {
    "empty": (b"", "file", "EMPTY_FILE"),
    "blank lines only": (b"\n\n  \r\n", "file", "EMPTY_FILE"),
    "header only": (HEAD.encode(), "file", "NO_ROWS"),
    "header and blank rows": (f"{HEAD},,,,,,,,\n\n".encode(), "file", "NO_ROWS"),
    "half a workbook": (_workbook(), "file", "WORKBOOK_DAMAGED"),
    "sparse workbook": (
        workbooks.by_hand('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "S!XFD1048576", "TOO_MANY_COLUMNS",
    ),
    "workbook that kills its reader": (
        workbooks.by_hand('<row r="1"><c r="A1"><v>1</v></c></row><row r = "1048576"><c r = "XFD1048576"><v>1</v></c></row>'),
        "file", "FILE_TOO_COMPLEX",
    ),
    "Tally with entities": (b'<!DOCTYPE x [<!ENTITY a "b">]><ENVELOPE>&a;</ENVELOPE>', "line 1", "XML_ENTITIES"),
    "pdf": (b"%PDF-1.7\nstuff", "file", "NOT_CSV"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "file", "OLD_WORKBOOK"),
    "gzip": (gzip.compress(HEAD.encode()), "file", "NOT_CSV"),
    "html": (b"<!DOCTYPE html><html></html>", "file", "NOT_CSV"),
    "NUL": (f"{HEAD}{LINE}N-2,C1,2026-11-01,\x00,1,,,,\n".encode(), "row 3", "NUL_CHARACTER"),
    "broken UTF-8": (f"{HEAD}{LINE}N-2,हिन्दी".encode()[:-1] + b"\n", "row 3", "ENCODING"),
    "undefined byte": (HEAD.encode() + LINE.encode() + b"N-2,\x81\n", "row 3", "ENCODING"),
    "utf-32": (HEAD.encode("utf-32"), "file", "ENCODING"),
    "unbalanced quote": (f'{HEAD}{LINE}N-2,"C1,2026-11-01\n{LINE}'.encode(), "row 3", "UNBALANCED_QUOTES"),
    "text behind a quote": (f'{HEAD}{LINE}"N-2"x,C1\n'.encode(), "row 3", "UNBALANCED_QUOTES"),
    "huge cell": (f"{HEAD}{LINE}N-2,{'x' * 3_000_000}\n".encode(), "row 3", "RECORD_TOO_LONG"),
    "endless header": (b"x" * 3_000_000, "row 1", "NOT_CSV"),
    "too many columns": (("baseAmount,customerRef," + ",".join(f"c{n}" for n in range(300)) + "\n1,2\n").encode(), "row 1", "TOO_MANY_COLUMNS"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_file_is_refused_whole_and_its_place_is_named(importer: Importer, case: str) -> None:
    content, place, code = REFUSED[case]
    reply = await importer.send(content)
    assert (reply.status_code, codes(reply)) == (400, [(place, code)])
    assert reply.json()["errorResponse"]["errorType"] in {"CLIENT_REQUEST_ERROR", "VALIDATION_ERROR"}
    assert await importer.count() == 0


async def test_all_missing_and_repeated_columns_are_listed(importer: Importer) -> None:
    reply = await importer.send("Invoice No,invoiceNumber,foo\n1,2,3\n")
    assert sorted(code for _, code in codes(reply)) == ["COLUMN_MISSING", "COLUMN_MISSING", "COLUMN_TWICE"]
    fields = {field for field, _ in codes(reply)}
    assert {"baseAmount", "invoiceNumber"} < fields


async def test_two_hundred_unknown_columns_are_a_clear_answer(importer: Importer) -> None:
    header = [*importing.HEADER, *(f"extra {n}" for n in range(200))]
    reply = await importer.send(text([row()], header))
    assert reply.status_code == 200
    assert [one["code"] for one in reply.json()["warnings"]] == ["COLUMN_UNKNOWN"] * 200


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-16-le", ","), ("utf-16-be", "|"), ("cp1252", ";")],
)
async def test_encodings_and_delimiters_are_found_out(importer: Importer, encoding: str, delimiter: str) -> None:
    content = text([row(description="Café – £ 5")]).replace(",", delimiter).replace("\n", "\r\n").encode(encoding)
    payload = await importer.good(content)
    assert payload["success_count"] == 1
    assert await importer.seller.value("SELECT description FROM invoices WHERE seller_id = $1") == "Café – £ 5"
    successes, _ = await importer.results(payload) if delimiter == "," else ([], [])
    assert all(one["description"] == "Café – £ 5" for one in successes)


async def test_line_ends_of_old_machines_and_lines_for_excel_alone(importer: Importer) -> None:
    payload = await importer.good("sep=;\n\n" + text([row(), row()]).replace(",", ";"))
    assert [one["row"] for one in payload["successRequests"]] == [3, 4]
    payload = await importer.good(text([row(), row()]).replace("\n", "\r"))
    assert [one["row"] for one in payload["successRequests"]] == [2, 3]


async def test_blank_lines_count_and_are_no_rows_and_wide_rows_fail(importer: Importer) -> None:
    a, b, c = (text([row()]).splitlines()[1] for _ in range(3))
    payload = await importer.good(f'{HEAD}{a}\n\n,,,,,,,,\n{b},surplus\n"{c.split(",")[0]}",{c.split(",", 1)[1]}\n\n')
    assert [one["row"] for one in payload["successRequests"]] == [2, 6]
    assert [(one["row"], one["error_code"]) for one in payload["failureRequests"]] == [(5, "ROW_TOO_WIDE")]


async def test_cells_that_are_wrong_are_all_named(importer: Importer) -> None:
    header = (*importing.HEADER, "emailAddress", "mobileNumber", "gstRate", "placeOfSupply", "supplyType", "netAmount")
    wrong = row(
        invoiceNumber="x" * 51, customerRef="NOBODY", invoiceDate="31-02-2026", dueDate="soon", baseAmount="NaN", cgst="1e400",
        sgst="12,34", emailAddress="no", mobileNumber="9.8E+09", gstRate="1800", placeOfSupply="Atlantis", supplyType="B2X",
    )  # fmt: skip
    payload = await importer.good(text([wrong, row(), row()], header))
    assert set(payload["failureRequests"][0]["error_code"].split(" | ")) == {
        "NUMBER_LENGTH", "CUSTOMER_NOT_FOUND", "DATE_FORMAT", "NOT_AN_AMOUNT", "AMOUNT_EXPONENT", "AMOUNT_GROUPING",
        "BAD_FORMAT", "NOT_A_RATE", "STATE_UNKNOWN", "UNKNOWN_VALUE", "SCIENTIFIC_NOTATION",
    }  # fmt: skip
    message = payload["failureRequests"][0]["error_message"]
    for field in ("emailAddress", "mobileNumber", "placeOfSupply", "supplyType", "dueDate", "baseAmount"):
        assert f"{field}: " in message


async def test_without_the_part_or_the_form_the_field_is_named(seller: make.Company) -> None:
    nothing = await seller.http.post(PATH)
    other = await seller.http.post(PATH, files={"photo": ("a.csv", "x")})
    json = await seller.http.post(PATH, json={})
    for reply, expected in ((nothing, ("file", "FILE_MISSING")), (other, ("file", "FILE_MISSING")),
                            (json, ("Content-Type", "NOT_MULTIPART"))):  # fmt: skip
        assert (reply.status_code, codes(reply)) == (400, [expected])
    twice = await seller.http.post(PATH, files=[("file", ("a.csv", "x")), ("file", ("b.csv", "y"))])
    assert (twice.status_code, codes(twice)) == (400, [("file", "FILE_TWICE")])


async def test_a_body_that_breaks_off_leaves_nothing(seller: make.Company, store: FileStore, session_app: Any) -> None:
    before = _files(store)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + b"x" * 100_000
    reply = await seller.http.post(PATH, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (reply.status_code, codes(reply)) == (400, [("file", "UPLOAD_CUT_OFF")])

    async def broken() -> AsyncIterator[bytes | None]:
        yield body
        yield None

    headers = {"Authorization": f"Bearer {seller.token(['owner'])}", "Content-Type": "multipart/form-data; boundary=b"}
    assert await _stream(session_app, headers, broken()) == 400
    assert _files(store) == before
    assert await seller.value("SELECT count(*) FROM imports WHERE seller_id = $1") == 0


def _files(store: FileStore) -> list[Path]:
    return sorted(path for path in store.work.parent.rglob("*") if path.is_file())


async def test_a_large_body_neither_grows_the_process_nor_is_kept(
    seller: make.Company, tmp_path: Path, keyring: Keyring
) -> None:
    files = FileStore.open(None, tmp_path)
    app = hundi_app.build(
        settings=Settings(upload_limit_mb=300), db=seller.db, clock=seller.clock, keyring=keyring, files=files,
        base_url="http://hundi.test",
    )  # fmt: skip
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    peak = 0

    async def body() -> AsyncIterator[bytes | None]:
        nonlocal peak
        yield head
        for _ in range(310):
            yield os.urandom(1024) * 1024
            peak = max(peak, psutil.Process().memory_info().rss)

    headers = {"Authorization": f"Bearer {seller.token(['owner'])}", "Content-Type": "multipart/form-data; boundary=b"}
    start = psutil.Process().memory_info().rss
    reply = await _stream(app, headers, body())
    assert reply == 413
    assert peak - start < 64 * 2**20
    assert _files(files) == []


async def _stream(app: Any, headers: dict[str, str], body: AsyncIterator[bytes | None]) -> int:
    """Speak ASGI directly: the test client would gather the body first. None in the body is a closed connection."""
    status = 0

    async def receive() -> dict[str, Any]:
        block = await anext(body, b"")
        if block is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": block or b"\r\n--b--\r\n", "more_body": bool(block)}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    scope = {
        "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()], "http_version": "1.1",
        "scheme": "http", "server": ("hundi.test", 80), "client": ("127.0.0.1", 1), "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return status


async def test_more_rows_than_allowed_are_refused(seller: make.Company, store: FileStore, keyring: Keyring) -> None:
    importer = Importer(seller, store, keyring, import_row_limit=2)
    reply = await importer.send(text([row() for _ in range(3)]))
    assert (reply.status_code, codes(reply)) == (400, [("file", "TOO_MANY_ROWS")])


async def test_a_file_that_is_gone_is_said_to_be(importer: Importer, seller: make.Company, store: FileStore) -> None:
    reply = await seller.http.post(
        PATH, files={"file": ("a.csv", text([row()]))}, headers={"Prefer": "respond-async", "Idempotency-Key": "gone"}
    )
    await store.delete(f"imports/{reply.json()['payload']['importId']}/upload")
    await importer.run(reply.json()["payload"]["importId"])
    status: httpx2.Response = await seller.http.get(reply.headers["Location"])
    assert status.json()["payload"]["refusal"][0]["code"] == "FILE_LOST"
