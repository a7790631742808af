"""Files of an invoice: taken by their content, listed, fetched, marked, and mailed where one is primary."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest

import make
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.dispatch import jobs as dispatch_jobs
from hundi.dispatch.mailers import OutboxMailer
from hundi.files.store import FileStore
from hundi.invoices.attachment_kinds import MAX_SIZE
from hundi.jobs.context import JobContext
from hundi.kit.keys import Keyring
from mailroom import mails, settled, working

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20


def workbook(*extra: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *extra):
            archive.writestr(name, "<x/>")
    return out.getvalue()


async def send(
    http: httpx2.AsyncClient, invoice_id: str, content: bytes = PDF, name: str = "bill.pdf", *,
    key: str | None = None, **fields: str,
) -> httpx2.Response:  # fmt: skip
    headers = {"Idempotency-Key": key} if key else {}
    return await http.post(
        f"/api/v0/invoice/{invoice_id}/attachment", files={"file": (name, content)}, data=fields, headers=headers
    )


async def attached(seller: make.Company, invoice_id: str, *args: Any, **fields: str) -> dict[str, Any]:
    reply = await send(seller.http, invoice_id, *args, **fields)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def marked(seller: make.Company, found: dict[str, Any], **marks: Any) -> httpx2.Response:
    return await seller.http.patch(found["url"].removeprefix("http://hundi.test"), json=marks)


def problem(reply: httpx2.Response) -> tuple[int, str, str]:
    error = reply.json()["errorResponse"]["apiSubErrors"][0]
    return reply.status_code, error["field"], error["code"]


def stored(store: FileStore) -> int:
    folder = Path(str(store.work)).parent / "files" / "attachments"
    return len(list(folder.glob("*"))) if folder.exists() else 0


# ------------------------------------------------------------------ taking and giving


async def test_a_file_is_attached_listed_shown_with_its_invoice_and_fetched(seller: make.Company) -> None:
    invoice = await seller.invoice()
    invoice_id = invoice["invoiceId"]
    found = await attached(
        seller, invoice_id, PDF, "Bill No. 1.pdf", attachmentSource="UPLOAD", referenceId="T-1", remarks="as signed"
    )
    url = f"http://hundi.test/api/v0/invoice/{invoice_id}/attachment/{found['invoiceAttachmentId']}"
    assert found == {
        "attachmentSource": "UPLOAD", "createdBy": seller.user_id, "deleted": False, "fileExt": "pdf",
        "invoiceAttachmentId": found["invoiceAttachmentId"], "modifiedBy": seller.user_id,
        "originalFilename": "Bill No. 1.pdf", "primary": False, "referenceId": "T-1", "remarks": "as signed",
        "shared": False, "url": url,
    }  # fmt: skip
    listed = (await seller.http.get(f"/api/v0/invoice/{invoice_id}/attachment")).json()["payload"]
    assert listed["data"] == [found]
    assert listed["total_count"] == 1
    shown = (await seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
    assert shown["invoiceAttachments"] == [found]
    assert "attachmentUrl" not in shown
    fetched = await seller.http.get(url.removeprefix("http://hundi.test"))
    assert (fetched.status_code, fetched.content) == (200, PDF)
    assert fetched.headers["content-type"] == "application/pdf"
    assert fetched.headers["content-disposition"].startswith('attachment; filename="Bill No. 1.pdf"')
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert fetched.headers["content-security-policy"] == "default-src 'none'; sandbox"
    row = (await seller.rows("SELECT size, sha256 FROM attachments WHERE seller_id = $1"))[0]
    assert (row["size"], bytes(row["sha256"])) == (len(PDF), hashlib.sha256(PDF).digest())
    audit = (
        await seller.rows("SELECT action, after::text AS a FROM audit_log WHERE seller_id = $1 ORDER BY audit_id")
    )[-1]
    assert audit["action"] == "invoice.attach"
    assert hashlib.sha256(PDF).hexdigest() in audit["a"]
    assert await seller.value("SELECT count(*) FROM events WHERE seller_id = $1 AND type = 'invoice.attached'") == 1


async def test_the_invoices_etag_changes_with_its_attachments(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    tags = [(await seller.http.get(f"/api/v0/invoice/{invoice_id}")).headers["etag"]]
    found = await attached(seller, invoice_id)
    tags.append((await seller.http.get(f"/api/v0/invoice/{invoice_id}")).headers["etag"])
    await marked(seller, found, shared=True)
    tags.append((await seller.http.get(f"/api/v0/invoice/{invoice_id}")).headers["etag"])
    await marked(seller, found, shared=True)
    tags.append((await seller.http.get(f"/api/v0/invoice/{invoice_id}")).headers["etag"])
    assert len(set(tags)) == 3
    assert tags[2] == tags[3]


@pytest.mark.parametrize(
    ("content", "name", "kind", "kept"),
    [
        (PDF, "a.PDF", "application/pdf", "a.PDF"),
        (PDF, "bill", "application/pdf", "bill.pdf"),
        (PNG, "scan.png", "image/png", "scan.png"),
        (JPEG, "scan.jpeg", "image/jpeg", "scan.jpeg"),
        (workbook(), "lines.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "lines.xlsx"),
        (b"<?xml version='1.0'?><ENVELOPE/>", "tally.xml", "application/xml", "tally.xml"),
        ("<ENVELOPE/>".encode("utf-16"), "tally.xml", "application/xml", "tally.xml"),
        (b"\xef\xbb\xbfa,b\n1,2\n", "rows.csv", "text/csv", "rows.csv"),
        ("₹ 100 < ₹ 200".encode(), "note.txt", "text/plain", "note.txt"),
        (PDF, "../../etc/बिल\u202efdp.pdf", "application/pdf", "बिलfdp.pdf"),
        (PDF, 'C:\\bills\\a<b>|"c.pdf', "application/pdf", "a_b_%22c.pdf"),
        (PDF, "x" * 300 + ".pdf", "application/pdf", "x" * 120 + ".pdf"),
    ],
)
async def test_what_is_taken(seller: make.Company, content: bytes, name: str, kind: str, kept: str) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    found = await attached(seller, invoice_id, content, name)
    assert await seller.value("SELECT content_type FROM attachments WHERE seller_id = $1") == kind
    shown = found["originalFilename"]
    assert len(shown) <= 120
    assert shown == kept or (len(kept) > 120 and shown.startswith("x" * 100))


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "empty.pdf", "EMPTY_FILE"),
        (b"MZ\x90\x00\x03", "bill.pdf", "FILE_TYPE"),
        (b"\x7fELF\x02\x01\x01\x00", "bill", "FILE_TYPE"),
        (b"#!/bin/sh\nrm -rf /\n", "note.txt", "FILE_TYPE"),
        (b"<html><body>hi</body></html>", "bill.html", "FILE_TYPE"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "logo.svg", "FILE_TYPE"),
        (b"<?xml version='1.0'?><svg/>", "a.xml", "FILE_TYPE"),
        (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "a.xml", "FILE_TYPE"),
        ("<?xml version='1.0'?><a><ScRiPt/></a>".encode("utf-16"), "a.xml", "FILE_TYPE"),
        (PDF, "bill.exe", "NAME_MISMATCH"),
        (PDF, "bill.pdf.html", "NAME_MISMATCH"),
        (b"just text", "bill.pdf", "NAME_MISMATCH"),
        (b"alert(1)", "run.js", "NAME_MISMATCH"),
        (b"PK\x03\x04 something", "lines.xlsx", "FILE_TYPE"),
        (workbook("xl/vbaProject.bin"), "lines.xlsx", "FILE_TYPE"),
        (b"GIF89a\x01\x00\x01\x00", "a.gif", "FILE_TYPE"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.xls", "FILE_TYPE"),
        (b"text with \x00 in it", "note.txt", "FILE_TYPE"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    seller: make.Company, store: FileStore, content: bytes, name: str, code: str
) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    before = stored(store)
    reply = await send(seller.http, invoice_id, content, name)
    assert problem(reply) == (400, "file", code)
    assert reply.json()["errorResponse"]["errorType"] == "VALIDATION_ERROR"
    assert stored(store) == before
    assert await seller.value("SELECT count(*) FROM stored_files WHERE seller_id = $1") == 0


async def test_bad_fields_are_all_named(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    reply = await send(
        seller.http, invoice_id, primary="maybe", shared="2", attachmentSource="SYSTEM", remarks="r" * 501
    )
    assert reply.status_code == 400
    fields = [one["field"] for one in reply.json()["errorResponse"]["apiSubErrors"]]
    assert sorted(fields) == ["attachmentSource", "primary", "remarks", "shared"]
    long = await send(seller.http, invoice_id, remarks="r" * 5000)
    assert problem(long) == (400, "remarks", "FIELD_TOO_LONG")


async def test_a_body_that_is_no_form(seller: make.Company) -> None:
    path = f"/api/v0/invoice/{(await seller.invoice())['invoiceId']}/attachment"
    assert problem(await seller.http.post(path)) == (400, "file", "FILE_MISSING")
    assert problem(await seller.http.post(path, json={})) == (400, "Content-Type", "NOT_MULTIPART")
    assert problem(await seller.http.post(path, files={"other": ("a.pdf", PDF)})) == (400, "file", "FILE_MISSING")
    both = await seller.http.post(path, files=[("file", ("a.pdf", PDF)), ("file", ("b.pdf", PDF))])
    assert problem(both) == (400, "file", "FILE_TWICE")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    cut = await seller.http.post(
        path,
        content=b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-',
        headers=headers,
    )
    assert problem(cut) == (400, "file", "UPLOAD_CUT_OFF")


async def test_sizes_end_at_ten_megabytes(seller: make.Company, store: FileStore) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    exact = await send(seller.http, invoice_id, PDF + b"x" * (MAX_SIZE - len(PDF)))
    assert exact.status_code == 200, exact.text
    before = stored(store)
    for more in (1, 2_000_000):
        reply = await send(seller.http, invoice_id, PDF + b"y" * (MAX_SIZE - len(PDF) + more))
        assert reply.status_code == 413
        assert reply.json()["errorResponse"]["errorType"] == "CLIENT_REQUEST_ERROR"
    assert stored(store) == before


async def test_twenty_files_and_no_more_even_at_once(seller: make.Company, store: FileStore) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    before = stored(store)
    replies = await asyncio.gather(*(send(seller.http, invoice_id, PDF + b"%d" % at) for at in range(24)))
    assert sorted(reply.status_code for reply in replies) == [200] * 20 + [422] * 4
    assert stored(store) == before + 20
    refused = next(reply for reply in replies if reply.status_code == 422)
    assert problem(refused)[2] == "TOO_MANY_ATTACHMENTS"
    first = next(reply for reply in replies if reply.status_code == 200).json()["payload"]
    assert (await marked(seller, first, deleted=True)).status_code == 200
    assert (await send(seller.http, invoice_id, PDF + b"another")).status_code == 200
    assert problem(await marked(seller, first, deleted=False))[2] == "TOO_MANY_ATTACHMENTS"


async def test_the_same_file_again_is_no_second_attachment(seller: make.Company, store: FileStore) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    first = await attached(seller, invoice_id)
    before = stored(store)
    again = await send(seller.http, invoice_id, PDF, "other name.pdf")
    assert again.json()["payload"] == first
    assert again.json()["warnings"][0]["code"] == "DUPLICATE_UNCHANGED"
    assert stored(store) == before


async def test_a_key_replays_the_reply_and_refuses_another_file(seller: make.Company, store: FileStore) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    before = stored(store)
    replies = await asyncio.gather(*(send(seller.http, invoice_id, key="k1") for _ in range(8)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotency-replayed" in reply.headers for reply in replies) == 7
    assert stored(store) == before + 1
    assert await seller.value("SELECT count(*) FROM attachments WHERE seller_id = $1") == 1
    for changed in ({"content": PDF + b"x"}, {"name": "b.pdf"}, {"remarks": "other"}):
        reply = await send(seller.http, invoice_id, **{"key": "k1", **changed})  # type: ignore[arg-type]  # by name
        assert (reply.status_code, problem(reply)[2]) == (422, "IDEMPOTENCY_KEY_REUSED")


# ------------------------------------------------------------------ marks


async def test_one_is_primary_and_the_first_tally_invoice_becomes_it(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    first = await attached(seller, invoice_id, PDF + b"1", attachmentSource="TALLY_INVOICE")
    assert (first["attachmentSource"], first["primary"], first["shared"]) == ("TALLY_INVOICE", True, True)
    second = await attached(seller, invoice_id, PDF + b"2", attachmentSource="TALLY_INVOICE")
    assert second["primary"] is False
    shown = (await seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
    assert shown["attachmentUrl"] == first["url"]
    changed = (await marked(seller, second, primary=True)).json()["payload"]
    assert (changed["primary"], changed["shared"]) == (True, True)
    shown = (await seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
    assert shown["attachmentUrl"] == second["url"]
    assert [one["primary"] for one in shown["invoiceAttachments"]] == [False, True]
    third = await attached(seller, invoice_id, PDF + b"3", primary="true")
    assert third["primary"] is True
    assert (await marked(seller, third, deleted=True)).json()["payload"]["primary"] is False
    shown = (await seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
    assert "attachmentUrl" not in shown


async def test_what_cannot_be_primary(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    text = await attached(seller, invoice_id, b"a,b\n", "rows.csv", attachmentSource="TALLY_INVOICE")
    assert text["primary"] is False
    assert problem(await marked(seller, text, primary=True)) == (422, "request", "NOT_FIT_AS_PRIMARY")
    assert (await send(seller.http, invoice_id, b"x,y\n", "other.csv", primary="true")).status_code == 422
    pdf = await attached(seller, invoice_id, primary="true")
    assert problem(await marked(seller, pdf, shared=False))[2] == "NOT_FIT_AS_PRIMARY"
    assert problem(await marked(seller, pdf, primary=True, deleted=True))[2] == "NOT_FIT_AS_PRIMARY"
    none = await send(seller.http, invoice_id, PDF + b"2", primary="true", shared="false")
    assert problem(none) == (400, "shared", "PRIMARY_IS_SHARED")
    assert await seller.value("SELECT count(*) FROM attachments WHERE seller_id = $1 AND is_primary") == 1


async def test_deleted_ones_are_hidden_and_can_come_back(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    found = await attached(seller, invoice_id)
    path = found["url"].removeprefix("http://hundi.test")
    assert (await marked(seller, found, deleted=True)).json()["payload"]["deleted"] is True
    assert (await seller.http.get(path)).status_code == 404
    listing = f"/api/v0/invoice/{invoice_id}/attachment"
    assert (await seller.http.get(listing)).json()["payload"]["data"] == []
    assert len((await seller.http.get(f"{listing}?deleted=true")).json()["payload"]["data"]) == 1
    assert (await marked(seller, found, deleted=False, remarks="back")).json()["payload"]["remarks"] == "back"
    assert (await seller.http.get(path)).content == PDF
    cleared = (await marked(seller, found, remarks=None)).json()["payload"]
    assert "remarks" not in cleared
    actions = await seller.rows(
        "SELECT before::text AS b, after::text AS a FROM audit_log WHERE seller_id = $1 AND action = 'invoice.attachment'"
        " ORDER BY audit_id"
    )
    assert [(row["b"].count("deleted"), row["a"].count("deleted")) for row in actions] == [(1, 1), (1, 1), (0, 0)]


async def test_a_patch_with_wrong_kinds_names_them(seller: make.Company) -> None:
    found = await attached(seller, (await seller.invoice())["invoiceId"])
    for body, field in (({"primary": None}, "primary"), ({"shared": "yes"}, "shared"), ({"remarks": 3}, "remarks"),
                        ({"remarks": "r" * 501}, "remarks"), ({"deleted": 1}, "deleted")):  # fmt: skip
        reply = await marked(seller, found, **body)
        assert (reply.status_code, problem(reply)[1]) == (400, field)


async def test_unknown_and_other_peoples_ids(seller: make.Company, new_seller: Any) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    found = await attached(seller, invoice_id)
    stranger = await new_seller()
    theirs = (await stranger.invoice())["invoiceId"]
    path = found["url"].removeprefix("http://hundi.test")
    mixed = f"/api/v0/invoice/{theirs}/attachment/{found['invoiceAttachmentId']}"
    for http, at in ((stranger.http, path), (stranger.http, mixed), (seller.http, mixed),
                     (seller.http, f"/api/v0/invoice/{invoice_id}/attachment/att_nothing")):  # fmt: skip
        assert (await http.get(at)).status_code == 404
        assert (await http.patch(at, json={"shared": True})).status_code == 404
    assert (await send(stranger.http, invoice_id)).status_code == 404
    assert (await stranger.http.get(f"/api/v0/invoice/{invoice_id}/attachment")).status_code == 404
    assert await seller.value("SELECT count(*) FROM attachments WHERE seller_id = $1 AND NOT shared") == 1


async def test_a_file_that_is_gone_from_the_store_is_a_404(seller: make.Company, store: FileStore) -> None:
    found = await attached(seller, (await seller.invoice())["invoiceId"])
    await store.delete(await seller.value("SELECT file_key FROM stored_files WHERE seller_id = $1"))
    reply = await seller.http.get(found["url"].removeprefix("http://hundi.test"))
    assert problem(reply)[2] == "ATTACHMENT_NOT_FOUND"


async def test_two_primaries_at_once_leave_one(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    made = [await attached(seller, invoice_id, PDF + b"%d" % at) for at in range(5)]
    replies = await asyncio.gather(*(marked(seller, one, primary=True) for one in made))
    assert {reply.status_code for reply in replies} == {200}
    assert await seller.value("SELECT count(*) FROM attachments WHERE seller_id = $1 AND is_primary") == 1


# ------------------------------------------------------------------ mailed


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def context(seller: make.Company, keyring: Keyring, store: FileStore, outbox: Path) -> JobContext:
    settings = Settings(base_url="http://hundi.test")
    return JobContext(
        db=seller.db, clock=seller.clock, keyring=keyring, settings=settings, files=store, mailer=OutboxMailer(outbox)
    )


async def dispatched(seller: make.Company, **body: Any) -> None:
    reply = await seller.http.post("/api/v0/invoice/bulk/dispatch", json=body)
    assert reply.json()["response_code"] == 0, reply.text


def carried(mail: Any) -> list[tuple[str, str, bytes]]:
    return [(part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()]


async def test_the_primary_attachment_is_what_is_mailed(
    seller: make.Company, context: JobContext, outbox: Path, database_urls: Urls
) -> None:
    customer = await seller.customer()
    with_one, without = await seller.invoice(customer), await seller.invoice(customer)
    await attached(seller, with_one["invoiceId"], PDF + b"tally", "Tally 7.pdf", attachmentSource="TALLY_INVOICE")
    await attached(seller, with_one["invoiceId"], PNG, "not primary.png")
    async with working(context, database_urls):
        await dispatched(seller, invoiceIds=[with_one["invoiceId"], without["invoiceId"]])
        await settled(seller)
    found = {carried(mail)[0][0]: carried(mail) for mail in mails(outbox, seller)}
    assert found["Tally 7.pdf"] == [("Tally 7.pdf", "application/pdf", PDF + b"tally")]
    ours = next(parts for name, parts in found.items() if name != "Tally 7.pdf")
    assert [kind for _, kind, _ in ours] == ["application/pdf"]
    assert ours[0][2] != PDF + b"tally"
    page = next(mail for mail in mails(outbox, seller) if carried(mail)[0][0] == "Tally 7.pdf")
    assert "http://hundi.test/i/" in page.get_body(("plain",)).get_content()


async def test_one_mail_of_many_carries_each_original_under_a_name_of_its_own(
    seller: make.Company, context: JobContext, outbox: Path, database_urls: Urls
) -> None:
    customer = await seller.customer()
    made = [await seller.invoice(customer) for _ in range(3)]
    for at, invoice in enumerate(made[:2]):
        await attached(seller, invoice["invoiceId"], JPEG + b"%d" % at, "scan.jpg", primary="true")
    async with working(context, database_urls):
        await dispatched(seller, invoiceIds=[one["invoiceId"] for one in made], group="customer")
        await settled(seller)
    (mail,) = mails(outbox, seller)
    names = [name for name, _, _ in carried(mail)]
    assert sorted(names)[1:] == ["scan-2.jpg", "scan.jpg"]
    assert [kind for _, kind, _ in carried(mail)].count("image/jpeg") == 2


async def test_originals_that_are_too_large_together_go_as_our_pdf(
    seller: make.Company, context: JobContext, outbox: Path, database_urls: Urls
) -> None:
    customer = await seller.customer()
    made = [await seller.invoice(customer) for _ in range(2)]
    for at, invoice in enumerate(made):
        await attached(
            seller, invoice["invoiceId"], PDF + b"%d" % at + b"z" * 9_000_000, f"big{at}.pdf", primary="true"
        )
    async with working(context, database_urls):
        await dispatched(seller, invoiceIds=[one["invoiceId"] for one in made], group="customer")
        await settled(seller)
    (mail,) = mails(outbox, seller)
    sizes = sorted(len(content) for _, _, content in carried(mail))
    assert sizes[0] < 1_000_000
    assert sizes[1] > 9_000_000


async def test_a_store_that_does_not_answer_is_asked_again(
    seller: make.Company, context: JobContext, outbox: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the original nor the logo can be read: the delivery stays as it is, and the job's next try sends it."""
    assert (
        await seller.http.post("/api/v0/admin/seller/logo", files={"file": ("l.png", make.png())})
    ).status_code == 200
    invoice = await seller.invoice()
    await attached(seller, invoice["invoiceId"], primary="true")
    await dispatched(seller, invoiceIds=[invoice["invoiceId"]])
    payload = {
        "seller_id": seller.seller_id,
        "delivery_id": await seller.value("SELECT delivery_id FROM deliveries WHERE seller_id = $1"),
    }
    real = FileStore.get
    for broken in ("attachments/", "logos/"):

        async def get(self: FileStore, key: str, broken: str = broken) -> bytes:
            if broken in key:
                raise OSError("the store is on another planet")
            return await real(self, key)

        monkeypatch.setattr(FileStore, "get", get)
        with pytest.raises(OSError, match="another planet"):
            await dispatch_jobs.deliver(context, payload)
        state = await seller.rows("SELECT state FROM deliveries WHERE seller_id = $1")
        assert state == [{"state": "QUEUED"}]
    monkeypatch.setattr(FileStore, "get", real)
    await dispatch_jobs.deliver(context, payload)
    assert len(mails(outbox, seller)) == 1


async def test_an_original_that_is_gone_fails_its_delivery_with_a_reason(
    seller: make.Company, context: JobContext, outbox: Path, store: FileStore, database_urls: Urls
) -> None:
    invoice = await seller.invoice()
    await attached(seller, invoice["invoiceId"], primary="true")
    await store.delete(await seller.value("SELECT file_key FROM stored_files WHERE seller_id = $1"))
    async with working(context, database_urls):
        await dispatched(seller, invoiceIds=[invoice["invoiceId"]])
        await settled(seller)
    assert mails(outbox, seller) == []
    assert await seller.value("SELECT dispatch_status FROM invoices WHERE seller_id = $1") == "FAILED"
