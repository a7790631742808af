"""Bulk dispatch over HTTP, the worker, the outbox and the hosted page: the whole way of an invoice to its customer."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import make
import pypdfium2
import pytest

from hundi import registry
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.dispatch.mailers import OutboxMailer
from hundi.jobs.context import JobContext
from hundi.jobs.worker import run_worker
from hundi.kit.keys import Keyring

PATH = "/api/v0/invoice/bulk/dispatch"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def context(db: Database, clock: make.MovedClock, keyring: Keyring, outbox: Path) -> JobContext:
    settings = Settings(base_url="http://hundi.test", worker_jobs=4)
    return JobContext(db=db, clock=clock, keyring=keyring, settings=settings, files=None, mailer=OutboxMailer(outbox))


@asynccontextmanager
async def working(context: JobContext, urls: Urls) -> AsyncIterator[None]:
    """Run a worker beside the test."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(context, registry.HANDLERS, stop=stop, direct_dsn=urls.app))
    try:
        yield
    finally:
        stop.set()
        await task


async def settled(seller: make.Company, seconds: float = 30) -> None:
    """Wait until no delivery of the company is under way."""
    async with asyncio.timeout(seconds):
        while await seller.value(
            "SELECT count(*) FROM deliveries WHERE seller_id = $1 AND state IN ('QUEUED', 'SENDING')"
        ):
            await asyncio.sleep(0.05)


def mails(outbox: Path, seller: make.Company) -> list[EmailMessage]:
    files = sorted((outbox / seller.seller_id).glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


async def dispatch(seller: make.Company, *ids: str, **changes: Any) -> dict[str, Any]:
    reply = await seller.http.post(PATH, json={"invoiceIds": list(ids), **changes})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_a_dispatched_invoice_reaches_its_customer(
    seller: make.Company, client: httpx2.AsyncClient, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    invoice = await seller.invoice()
    reply = await dispatch(seller, invoice["invoiceId"])
    assert reply["response_code"] == 0
    assert reply["payload"].get("apiSubErrors", []) == []
    async with working(context, database_urls):
        await settled(seller)

    [mail] = mails(outbox, seller)
    assert mail["To"] == "Ravi <ravi@example.com>"
    assert mail["Subject"].startswith(f"Invoice {invoice['invoiceNumber']} from Sahyadri Valves")
    [pdf] = list(mail.iter_attachments())
    assert pdf.get_filename() == f"Invoice-{invoice['invoiceNumber']}.pdf"
    document = pypdfium2.PdfDocument(pdf.get_content())
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert invoice["invoiceNumber"] in text
    html = mail.get_body(("html",))
    assert html is not None
    [link] = set(re.findall(r"http://hundi\.test/i/[A-Za-z0-9_-]{27}", html.get_content()))

    after = (await seller.http.get(f"/api/v0/invoice/{invoice['invoiceId']}")).json()["payload"]
    assert after["dispatched"] is True
    assert after["paymentLink"] == link
    page = await client.get(link)
    assert page.status_code == 200
    assert invoice["invoiceNumber"] in page.text
    pdf_again = await client.get(f"{link}/invoice.pdf")
    assert pdf_again.content.startswith(b"%PDF-")
    qr = await client.get(f"{link}/upi.svg")
    assert qr.headers["content-type"] == "image/svg+xml"
