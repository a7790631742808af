"""An issued document does not change: what was sent is kept in versions, and shown whatever changes afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pypdfium2
import pytest

import make
from hundi.config import Settings
from hundi.db.pool import Database
from hundi.dispatch import delivery, jobs
from hundi.dispatch.mailers import OutboxMailer
from hundi.documents import issued
from hundi.documents.build import documents_of
from hundi.files.store import FileStore
from hundi.gst.document import DocumentKind
from hundi.gst.irn import compute_irn
from hundi.jobs.context import JobContext
from hundi.kit.keys import Keyring
from mailroom import mails
from network_books import Trade
from network_world import World

PATH = "/api/v0/invoice/bulk/dispatch"
QUEUED = "SELECT delivery_id FROM deliveries WHERE seller_id = $1 AND state = 'QUEUED' ORDER BY delivery_id"
ITEM = {
    "productDescription": "Valve", "hsnCode": "848180", "quantity": 2, "unit": "NOS", "assessmentAmount": 1000, "gstRate": 18,
}  # fmt: skip
IRN = "a" * 64


class Desk:
    """A company that sends its invoices by mail, and who opens the links."""

    def __init__(self, seller: make.Company, context: JobContext, visitor: httpx2.AsyncClient, outbox: Path) -> None:
        self.seller = seller
        self.context = context
        self.visitor = visitor
        self.outbox = outbox

    async def send(self, invoice_id: str, **more: Any) -> None:
        reply = await self.seller.http.post(PATH, json={"invoiceIds": [invoice_id], **more})
        assert reply.json()["response_code"] == 0, reply.text
        for row in await self.seller.rows(QUEUED):
            await jobs.deliver(self.context, {"seller_id": self.seller.seller_id, "delivery_id": row["delivery_id"]})

    async def sent(self, **changes: Any) -> str:
        invoice_id = str((await self.seller.invoice(**{"itemLists": [ITEM], **changes}))["invoiceId"])
        await self.send(invoice_id)
        return invoice_id

    async def path(self, invoice_id: str) -> str:
        shown = (await self.seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
        return str(shown["paymentLink"]).removeprefix("http://hundi.test")

    async def page(self, invoice_id: str) -> str:
        return (await self.visitor.get(await self.path(invoice_id))).text

    async def pdf(self, invoice_id: str) -> bytes:
        content: bytes = (await self.visitor.get(f"{await self.path(invoice_id)}/invoice.pdf")).content
        return content

    async def versions(self, invoice_id: str, query: str = "") -> list[dict[str, Any]]:
        reply = await self.seller.http.get(f"/api/v0/invoice/{invoice_id}/documents{query}")
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["payload"]["data"]
        return found

    async def version(self, invoice_id: str, number: int) -> bytes:
        reply = await self.seller.http.get(f"/api/v0/invoice/{invoice_id}/documents/{number}")
        assert (reply.status_code, reply.headers["content-type"]) == (200, "application/pdf"), reply.text
        return reply.content

    async def patch(self, path: str, **body: Any) -> None:
        reply = await self.seller.http.patch(f"/api/v0/{path}", json=body)
        assert reply.status_code == 200, reply.text

    async def move_house(self) -> None:
        """Change all that a document says of its parties."""
        [place] = (await self.seller.http.get("/api/v0/admin/registration")).json()["payload"]["data"]
        await self.patch(
            f"admin/registration/{place['registrationId']}", legalName="Another Name Limited", tradeName="Another",
            addressLine1="1 New Street", city="Pune", pinCode="411001", email="new@example.com",
            bankAccount="999888777666", bankIfsc="ICIC0000001", bankName="Another Bank", upiVpa="another@example",
        )  # fmt: skip
        customers = await self.seller.rows("SELECT customer_id FROM customers WHERE seller_id = $1")
        for customer in customers:
            await self.patch(f"customer/{customer['customer_id']}", legalName="Renamed Traders", address="2 Other Road")
        picture = make.png(600, 150, b"\x12\xd0\x34")
        await self.seller.http.post("/api/v0/admin/seller/logo", files={"file": ("logo.png", picture)})


def words(pdf: bytes) -> str:
    return " ".join(pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range().split())


@pytest.fixture
async def desk(
    seller: make.Company, client: httpx2.AsyncClient, db: Database, clock: make.MovedClock, keyring: Keyring,
    store: FileStore, tmp_path: Path,
) -> AsyncIterator[Desk]:  # fmt: skip
    context = JobContext(
        db=db, clock=clock, keyring=keyring, settings=Settings(base_url="http://hundi.test"), files=store,
        mailer=OutboxMailer(tmp_path),
    )  # fmt: skip
    yield Desk(seller, context, client, tmp_path)
    await seller.no_jobs()


async def test_nothing_that_changes_afterwards_changes_what_was_sent(desk: Desk) -> None:
    await desk.seller.http.post("/api/v0/admin/seller/logo", files={"file": ("logo.png", make.png())})
    invoice_id = await desk.sent()
    pdf, page = await desk.pdf(invoice_id), await desk.page(invoice_id)
    logo = (await desk.visitor.get(f"{await desk.path(invoice_id)}/logo")).content
    [mailed] = [part.get_content() for part in mails(desk.outbox, desk.seller)[0].iter_attachments()]
    assert pdf == mailed, "the page gives what was mailed"
    await desk.move_house()
    assert await desk.pdf(invoice_id) == pdf
    assert await desk.page(invoice_id) == page
    assert (await desk.visitor.get(f"{await desk.path(invoice_id)}/logo")).content == logo
    assert await desk.version(invoice_id, 1) == pdf
    assert "Another Name" in words(await desk.version(invoice_id, 0)), "what would be sent now"
    await desk.seller.http.delete("/api/v0/admin/seller/logo")
    assert await desk.pdf(invoice_id) == pdf


async def test_before_it_is_sent_it_is_drawn_as_it_is(desk: Desk) -> None:
    invoice_id = str((await desk.seller.invoice(itemLists=[ITEM]))["invoiceId"])
    await desk.seller.http.post(PATH, json={"invoiceIds": [invoice_id]})
    assert "Sahyadri Valves" in await desk.page(invoice_id)
    await desk.move_house()
    assert "Another Name" in await desk.page(invoice_id), "queued, and not sent yet"
    assert await desk.versions(invoice_id) == []


async def test_what_was_sent_before_versions_were_kept_gets_its_first_when_it_is_sent_again(desk: Desk) -> None:
    invoice_id = str((await desk.seller.invoice(itemLists=[ITEM]))["invoiceId"])
    await desk.seller.http.post(PATH, json={"invoiceIds": [invoice_id]})
    await desk.seller.run("UPDATE deliveries SET state = 'SENT' WHERE seller_id = $1")
    await desk.seller.run(
        "UPDATE invoices SET dispatch_status = 'DISPATCHED' WHERE seller_id = $1 AND invoice_id = $2", invoice_id
    )
    await desk.move_house()
    assert "Another Name" in words(await desk.pdf(invoice_id))
    await desk.send(invoice_id, resend=True)
    [only] = await desk.versions(invoice_id)
    assert (only["version"], len(only["deliveryIds"])) == (1, 1)


async def test_money_and_status_go_on(desk: Desk) -> None:
    invoice_id = await desk.sent(partialPaymentAllowed=True)
    await desk.move_house()
    entry = {"kind": "RECEIPT", "amount": 500, "reference": "UTR1"}
    paid = await desk.seller.http.post(f"/api/v0/invoice/{invoice_id}/entries", json=entry)
    assert paid.status_code == 200, paid.text
    page = await desk.page(invoice_id)
    assert "₹680.00" in page
    assert "am=680.00" in page
    assert "pa=sahyadri@example" in page
    assert "Another" not in page
    assert "The seller has changed it" not in page
    text = words(await desk.pdf(invoice_id))
    assert "-500.00" in text
    assert "680.00" in text
    assert "680.00" not in words(await desk.version(invoice_id, 1)), "version 1 is what was sent, before the payment"
    await desk.seller.http.post(f"/api/v0/invoice/{invoice_id}/dispute", json={"reason": "broken"})
    assert "disputed" in await desk.page(invoice_id)


async def test_a_correction_is_told_and_the_next_sending_is_version_two(desk: Desk) -> None:
    invoice_id = await desk.sent()
    first = await desk.version(invoice_id, 1)
    await desk.patch(f"invoice/{invoice_id}", dueDate="2026-12-24", description="spare parts")
    page = await desk.page(invoice_id)
    assert "You see the invoice as it was sent on" in page
    assert "it is due on 24 Dec 2026" in page
    assert "10 Dec 2026" in page
    await desk.send(invoice_id, resend=True)
    assert "The seller has changed it" not in await desk.page(invoice_id)
    assert "24 Dec 2026" in words(await desk.pdf(invoice_id))
    assert await desk.version(invoice_id, 1) == first
    found = await desk.versions(invoice_id)
    deliveries = [row["delivery_id"] for row in await desk.seller.rows(
        "SELECT delivery_id FROM deliveries WHERE seller_id = $1 ORDER BY delivery_id"
    )]  # fmt: skip
    assert [(one["version"], one["deliveryIds"]) for one in found] == [(1, deliveries[:1]), (2, deliveries[1:])]
    assert found[1]["url"] == f"http://hundi.test/api/v0/invoice/{invoice_id}/documents/2"


async def test_more_time_to_pay_is_no_longer_overdue(desk: Desk) -> None:
    """The status is live, and a payer has to know it before the corrected document comes."""
    invoice_id = await desk.sent(dueDate="2026-11-12")
    assert "Overdue" in await desk.page(invoice_id)
    await desk.patch(f"invoice/{invoice_id}", dueDate="2026-12-24")
    page = await desk.page(invoice_id)
    assert "Overdue" not in page
    assert "due on 24 Dec 2026, in 38 days" in page
    assert "12 Nov 2026" in words(await desk.pdf(invoice_id)), "the document itself stays"


async def test_an_override_of_the_figures_adds_up(desk: Desk) -> None:
    invoice_id = await desk.sent(itemLists=None)
    await desk.patch(f"invoice/{invoice_id}", baseAmount=900, cgst=81, sgst=81)
    page = await desk.page(invoice_id)
    assert "its value is ₹1,062.00" in page
    assert "-₹118.00" in page, "1180 as sent, less 118 changed since, is the 1062 that are due"
    assert "Paid and adjusted" not in page


async def test_the_same_sent_again_is_the_same_version(desk: Desk) -> None:
    invoice_id = await desk.sent()
    await desk.send(invoice_id, resend=True)
    [only] = await desk.versions(invoice_id)
    assert (only["version"], len(only["deliveryIds"])) == (1, 2)


async def test_sent_again_on_purpose_it_says_what_is_true_now(desk: Desk) -> None:
    """The way to mend a wrong bank account or a customer's GSTIN: version 1 stays to be had."""
    invoice_id = await desk.sent()
    first = await desk.version(invoice_id, 1)
    await desk.move_house()
    await desk.send(invoice_id, resend=True)
    assert "Another Name" in words(await desk.pdf(invoice_id))
    assert await desk.version(invoice_id, 1) == first


async def test_an_e_invoice_keeps_its_parties_and_may_be_paid_elsewhere(desk: Desk) -> None:
    gstin = desk.seller.registration.gstin or ""
    irn = compute_irn(gstin, date(2026, 11, 10), DocumentKind.INVOICE, "E/1", generated_on=date(2026, 11, 10))
    invoice_id = await desk.sent(invoiceNumber="E/1", irn=irn, ackNo="1", ackDate="2026-11-10")
    await desk.move_house()
    await desk.send(invoice_id, resend=True)
    text = words(await desk.version(invoice_id, 2))
    assert "Another Name" not in text
    assert "Renamed" not in text
    assert "999888777666" in text


async def test_an_irn_that_came_later_is_shown_at_once_and_kept_with_the_next_sending(desk: Desk) -> None:
    invoice_id = await desk.sent()
    await desk.seller.run(
        "UPDATE invoices SET irn = $3, ack_no = '112010' WHERE seller_id = $1 AND invoice_id = $2", invoice_id, IRN
    )
    page = await desk.page(invoice_id)
    assert IRN in page
    assert "The seller has changed it" not in page
    assert IRN[:12] not in words(await desk.version(invoice_id, 1)).replace(" ", "")
    await desk.send(invoice_id, resend=True)
    assert [one["version"] for one in await desk.versions(invoice_id)] == [1, 2]
    assert IRN[:12] in words(await desk.version(invoice_id, 2)).replace(" ", "")


async def test_another_customer_does_not_see_what_the_former_was_sent(desk: Desk) -> None:
    invoice_id = await desk.sent()
    other = await desk.seller.customer(legalName="Somebody Else")
    await desk.patch(f"invoice/{invoice_id}", customerId=other)
    page = await desk.page(invoice_id)
    assert "Somebody Else" in page
    assert "Konkan Traders" not in page


async def test_two_workers_keep_one_version(desk: Desk) -> None:
    invoice_id = str((await desk.seller.invoice(itemLists=[ITEM]))["invoiceId"])
    await asyncio.gather(*(desk.seller.http.post(PATH, json={"invoiceIds": [invoice_id]}) for _ in range(4)))
    [row] = await desk.seller.rows(QUEUED)
    payload = {"seller_id": desk.seller.seller_id, "delivery_id": row["delivery_id"]}
    await asyncio.gather(*(jobs.deliver(desk.context, payload) for _ in range(4)), return_exceptions=True)
    [only] = await desk.versions(invoice_id)
    assert (only["version"], only["deliveryIds"]) == (1, [row["delivery_id"]])


async def test_an_attempt_that_finds_another_version_kept_is_made_again(desk: Desk) -> None:
    invoice_id = str((await desk.seller.invoice(itemLists=[ITEM]))["invoiceId"])
    await desk.seller.http.post(PATH, json={"invoiceIds": [invoice_id]})
    [row] = await desk.seller.rows(QUEUED)
    seller_id = desk.seller.seller_id
    async with desk.seller.db.transaction(seller_id) as tx:
        load = await delivery.begin(tx, desk.context.keyring, "http://hundi.test", row["delivery_id"])
    assert load is not None
    await desk.move_house()
    async with desk.seller.db.transaction(seller_id) as tx:
        assert await delivery.begin(tx, desk.context.keyring, "http://hundi.test", row["delivery_id"]) is not None
        await issued.keep_present(tx, {invoice_id: row["delivery_id"]})
    async with desk.seller.db.transaction(seller_id) as tx:
        lease = desk.context.mailer.lease
        assert await delivery.claim(tx, load, known=None, lease=lease) is None, "it would have said something else"
    await jobs.deliver(desk.context, {"seller_id": seller_id, "delivery_id": row["delivery_id"]})
    assert "Another Name" in words(await desk.pdf(invoice_id))
    assert len(await desk.versions(invoice_id)) == 1


async def test_versions_are_never_changed(desk: Desk) -> None:
    await desk.sent()
    rights = await desk.seller.rows(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'hundi_app' "
        "AND table_name LIKE 'issued%' AND $1 <> '' ORDER BY 1, 2"
    )
    assert [tuple(row.values()) for row in rights] == [
        (table, right) for table in ("issued_again", "issued_documents") for right in ("INSERT", "SELECT")
    ]


async def test_the_account_number_is_not_kept_in_the_clear(desk: Desk) -> None:
    await desk.sent()
    said = await desk.seller.value("SELECT said::text FROM issued_documents WHERE seller_id = $1")
    assert "000111222333" not in said
    assert "Konkan Traders" in said


async def test_a_key_that_is_gone_costs_a_sent_document_its_account_and_no_more(desk: Desk) -> None:
    invoice_id = await desk.sent()
    seller_id = desk.seller.seller_id
    async with desk.seller.db.transaction(seller_id) as tx:
        [found] = await documents_of(tx, Keyring(["another secret" * 4]), "http://hundi.test", seller_id, [invoice_id])
    assert found.document.supplier.bank is None
    assert found.document.supplier.upi_id == "sahyadri@example"


async def test_versions_come_in_pages_and_one_that_is_not_there_is_not_found(desk: Desk, new_seller: Any) -> None:
    invoice_id = await desk.sent()
    await desk.patch(f"invoice/{invoice_id}", description="new")
    await desk.send(invoice_id, resend=True)
    base = f"/api/v0/invoice/{invoice_id}/documents"
    first = (await desk.seller.http.get(f"{base}?limit=1")).json()["payload"]
    assert (first["total_count"], [one["version"] for one in first["data"]]) == (2, [1])
    rest = (await desk.seller.http.get(f"{base}?limit=1&cursor={first['next_cursor']}")).json()["payload"]
    assert [one["version"] for one in rest["data"]] == [2]
    for version in (3, -1, 10**12):
        reply = await desk.seller.http.get(f"{base}/{version}")
        assert reply.status_code == 404
        assert "version" in reply.text
    stranger = await new_seller()
    for path in (base, f"{base}/1", f"{base}/0"):
        reply = await stranger.http.get(path)
        assert (reply.status_code, reply.json()["errorResponse"]["errorType"]) == (404, "RECORD_NOT_FOUND")


async def test_over_the_network_each_correction_is_a_version(
    db: Any, keyring: Any, clock: Any, new_seller: Any
) -> None:
    trade = await Trade.between(World(db, keyring, clock), new_seller)
    await trade.seller.http.patch("/api/v0/admin/seller", json={"defaultHsn": "848180"})
    made = await trade.sent(itemLists=None)
    await trade.answers(made, "RETURN", "the price is 800")
    changed = await trade.seller.http.patch(f"/api/v0/invoice/{made}", json={"baseAmount": 800, "igst": 144})
    assert changed.status_code == 200, changed.text
    assert (await trade.dispatch(made, resend=True))["response_code"] == 0
    listed = (await trade.seller.http.get(f"/api/v0/invoice/{made}/documents")).json()["payload"]["data"]
    assert [one["version"] for one in listed] == [1, 2]
    for number, value in ((1, "1,180.00"), (2, "944.00")):
        pdf = (await trade.seller.http.get(f"/api/v0/invoice/{made}/documents/{number}")).content
        assert value in words(pdf)
