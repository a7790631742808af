"""Bulk dispatch over HTTP: who is queued, who is not and why, once and only once, with every row it leaves behind."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx2
import pypdfium2
import pytest

import make
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.dispatch.mailers import OutboxMailer
from hundi.jobs.context import JobContext
from hundi.kit.keys import Keyring
from mailroom import addresses, mails, settled, until_none, working

PATH = "/api/v0/invoice/bulk/dispatch"
JOBS = "SELECT convert_from(payload, 'UTF8') FROM pgqueuer WHERE entrypoint = $2 AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def context(db: Database, clock: make.MovedClock, keyring: Keyring, outbox: Path) -> JobContext:
    settings = Settings(base_url="http://hundi.test", worker_jobs=4)
    return JobContext(db=db, clock=clock, keyring=keyring, settings=settings, files=None, mailer=OutboxMailer(outbox))


async def dispatch(seller: make.Company, *ids: str, **changes: Any) -> dict[str, Any]:
    reply = await seller.http.post(PATH, json={"invoiceIds": list(ids), **changes})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def dispatched_ids(seller: make.Company, count: int, **changes: Any) -> list[str]:
    customer = await seller.customer()
    return [(await seller.invoice(customer, **changes))["invoiceId"] for _ in range(count)]


def reasons(reply: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in reply["payload"].get("apiSubErrors", [])]


async def test_a_dispatched_invoice_reaches_its_customer(
    seller: make.Company, client: httpx2.AsyncClient, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    invoice = await seller.invoice()
    reply = await dispatch(seller, invoice["invoiceId"])
    assert (reply["response_code"], reply["response_message"], reasons(reply)) == (0, "SUCCESS", [])
    async with working(context, database_urls):
        await settled(seller)

    [mail] = mails(outbox, seller)
    assert addresses(mail, "To") == ["ravi@example.com"]
    assert addresses(mail, "Reply-To") == ["accounts@example.com"]
    assert mail["From"].addresses[0].display_name == "Sahyadri Valves Private Limited"
    assert mail["Subject"].startswith(f"Invoice {invoice['invoiceNumber']} from Sahyadri Valves")
    [pdf] = list(mail.iter_attachments())
    assert pdf.get_filename() == f"Invoice-{invoice['invoiceNumber']}.pdf"
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf.get_content()))
    assert invoice["invoiceNumber"] in text
    html = mail.get_body(("html",))
    assert html is not None
    [link] = set(re.findall(r"http://hundi\.test/i/[A-Za-z0-9_-]{27}", html.get_content()))

    after = (await seller.http.get(f"/api/v0/invoice/{invoice['invoiceId']}")).json()["payload"]
    assert (after["dispatched"], after["paymentLink"]) == (True, link)
    assert after["dispatchStatus"]["name"] == "DISPATCHED"
    page = await client.get(link)
    assert page.status_code == 200
    assert invoice["invoiceNumber"] in page.text


async def test_every_move_leaves_its_event_and_audit_row(
    seller: make.Company, context: JobContext, database_urls: Urls
) -> None:
    [invoice_id] = await dispatched_ids(seller, 1)
    await dispatch(seller, invoice_id)
    async with working(context, database_urls):
        await settled(seller)
    events = await seller.rows(
        "SELECT type, data FROM events WHERE seller_id = $1 AND object_id = $2 AND type <> 'invoice.created' ORDER BY event_id",
        invoice_id,
    )
    assert [event["type"] for event in events] == ["invoice.dispatch_queued", "invoice.dispatched"]
    audits = await seller.rows(
        "SELECT actor, request_id, before->>'dispatchStatus' AS old, after->>'dispatchStatus' AS new FROM audit_log "
        "WHERE seller_id = $1 AND object_id = $2 AND action = 'invoice.dispatch' ORDER BY audit_id",
        invoice_id,
    )
    assert [(row["actor"], row["old"], row["new"]) for row in audits] == [
        (seller.user_id, "NOT_DISPATCHED", "QUEUED"),
        ("system", "QUEUED", "DISPATCHED"),
    ]
    assert audits[0]["request_id"].startswith("req_")
    row = await seller.rows(
        "SELECT via, dispatched_at FROM invoices WHERE seller_id = $1 AND invoice_id = $2", invoice_id
    )
    assert row[0]["via"] == "EMAIL"
    assert row[0]["dispatched_at"] is not None
    [attempt] = await seller.rows("SELECT attempt_no, outcome, detail FROM delivery_attempts WHERE seller_id = $1")
    assert (attempt["attempt_no"], attempt["outcome"]) == (1, "ACCEPTED")


@pytest.mark.parametrize("body", [{}, {"invoiceIds": []}, {"invoiceIds": None}, {"partialPaymentAllowed": True}])
async def test_naming_no_invoice_is_400_and_sends_nothing(seller: make.Company, body: dict[str, Any]) -> None:
    await seller.invoice()
    reply = await seller.http.post(PATH, json=body)
    assert reply.status_code == 400
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["field"] == "invoiceIds"
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 0


async def test_more_than_ten_thousand_are_refused_with_the_limit(seller: make.Company) -> None:
    reply = await seller.http.post(PATH, json={"invoiceIds": [f"inv_{at}" for at in range(10_001)]})
    assert reply.status_code == 400
    [error] = reply.json()["errorResponse"]["apiSubErrors"]
    assert (error["field"], error["code"], error["rejectedValue"]) == ("invoiceIds", "TOO_MANY", "10001")
    assert "10,000" in error["message"]


async def test_each_invoice_that_is_not_queued_is_listed_with_its_place_and_reason(seller: make.Company) -> None:
    customer = await seller.customer()
    alone = await seller.customer(customerKeyContacts=[])
    silent = await seller.customer(customerKeyContacts=[make.contact_body(mail_enabled=False)])
    names = ("good", "unapproved", "cancelled", "paid", "written_off")
    ids = {name: (await seller.invoice(customer))["invoiceId"] for name in names}
    ids["alone"] = (await seller.invoice(alone))["invoiceId"]
    ids["silent"] = (await seller.invoice(silent))["invoiceId"]
    ids["direct"] = (await seller.invoice(alone, emailAddress="direct@example.com"))["invoiceId"]
    for name, status in (("cancelled", "CANCELLED"), ("written_off", "WRITTEN_OFF")):
        await seller.run(
            "UPDATE invoices SET receivable_status = $3 WHERE seller_id = $1 AND invoice_id = $2", ids[name], status
        )
    await seller.run(
        "UPDATE invoices SET receivable_status = 'PAID', balance = 0, total_received = net_amount "
        "WHERE seller_id = $1 AND invoice_id = $2",
        ids["paid"],
    )
    await seller.run(
        "UPDATE invoices SET approval_status = 'CHECKER_APPROVAL_PENDING' WHERE seller_id = $1 AND invoice_id = $2",
        ids["unapproved"],
    )
    order = [*ids.values(), "inv_nobody", ids["good"]]
    reply = await dispatch(seller, *order)
    assert reply["response_code"] == 0
    assert reasons(reply) == [
        ("invoiceIds[1]", "NOT_APPROVED"),
        ("invoiceIds[2]", "CANCELLED"),
        ("invoiceIds[3]", "ALREADY_PAID"),
        ("invoiceIds[4]", "WRITTEN_OFF"),
        ("invoiceIds[5]", "NO_KEY_CONTACT"),
        ("invoiceIds[6]", "NO_KEY_CONTACT"),
        ("invoiceIds[8]", "INVOICE_NOT_FOUND"),
    ]
    payload = reply["payload"]
    assert payload["apiSubErrors"][6]["rejectedValue"] == "inv_nobody"
    assert payload["errorMessage"] == "2 queued, 0 dispatched before, 7 not queued."
    assert payload["requestId"].startswith("req_")
    queued = await seller.rows("SELECT invoice_id FROM invoices WHERE seller_id = $1 AND dispatch_status = 'QUEUED'")
    assert {row["invoice_id"] for row in queued} == {ids["good"], ids["direct"]}
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 2


async def test_nothing_queued_is_response_code_1(seller: make.Company) -> None:
    reply = await dispatch(seller, "inv_nobody")
    assert reply["response_code"] == 1
    assert reply["response_message"] != "SUCCESS"
    assert reasons(reply) == [("invoiceIds[0]", "INVOICE_NOT_FOUND")]


async def test_dispatched_before_is_no_error_and_sends_nothing_and_resend_sends_again(
    seller: make.Company, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    [invoice_id] = await dispatched_ids(seller, 1)
    await dispatch(seller, invoice_id)
    while_queued = await dispatch(seller, invoice_id, resend=True)
    assert (while_queued["response_code"], reasons(while_queued)) == (0, [])
    async with working(context, database_urls):
        await settled(seller)
        again = await dispatch(seller, invoice_id)
        assert (again["response_code"], reasons(again)) == (0, [])
        assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 1
        await dispatch(seller, invoice_id, resend=True)
        await settled(seller)
    rounds = await seller.rows("SELECT round FROM delivery_invoices WHERE seller_id = $1 ORDER BY round")
    assert [row["round"] for row in rounds] == [1, 2]
    first, second = mails(outbox, seller)
    assert first["Message-ID"] != second["Message-ID"]


async def test_the_same_invoices_dispatched_many_times_at_once_are_queued_once(seller: make.Company) -> None:
    ids = await dispatched_ids(seller, 12)
    replies = await asyncio.gather(*(dispatch(seller, *(ids if at % 2 else reversed(ids))) for at in range(8)))
    assert {reply["response_code"] for reply in replies} == {0}
    assert all(reasons(reply) == [] for reply in replies)
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 12
    assert len(await seller.rows(JOBS, "dispatch.deliver")) == 12


async def test_an_idempotency_key_replays_the_reply_and_refuses_another_request(seller: make.Company) -> None:
    first_id, second_id = await dispatched_ids(seller, 2)
    headers = {"Idempotency-Key": "dispatch-1"}
    first = await seller.http.post(PATH, json={"invoiceIds": [first_id, "inv_nobody"]}, headers=headers)
    replay = await seller.http.post(PATH, json={"invoiceIds": [first_id, "inv_nobody"]}, headers=headers)
    other = await seller.http.post(PATH, json={"invoiceIds": [second_id]}, headers=headers)
    assert replay.content == first.content
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 1


async def test_part_payment_is_set_where_it_is_named_and_left_where_it_is_not(seller: make.Company) -> None:
    one, two, three = await dispatched_ids(seller, 3, partialPaymentAllowed=True)
    await dispatch(seller, one, partialPaymentAllowed=False)
    await dispatch(seller, two)
    await dispatch(seller, three, partialPaymentAllowed=True)
    rows = await seller.rows("SELECT invoice_id, partial_payment_allowed AS allowed FROM invoices WHERE seller_id = $1")
    assert {row["invoice_id"]: row["allowed"] for row in rows} == {one: False, two: True, three: True}


async def test_another_sellers_invoice_is_not_there(seller: make.Company, new_seller: Any) -> None:
    stranger = await new_seller()
    theirs = (await stranger.invoice())["invoiceId"]
    reply = await dispatch(seller, theirs)
    assert reasons(reply) == [("invoiceIds[0]", "INVOICE_NOT_FOUND")]
    status = "SELECT dispatch_status FROM invoices WHERE seller_id = $1"
    assert await stranger.value(status) == "NOT_DISPATCHED"


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("checker", 403), ("maker", 200), ("approver", 200)])
async def test_only_roles_that_may_dispatch_do(seller: make.Company, role: str, status: int) -> None:
    [invoice_id] = await dispatched_ids(seller, 1)
    reply = await seller.http_as([role]).post(PATH, json={"invoiceIds": [invoice_id]})
    assert reply.status_code == status
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == (1 if status == 200 else 0)


async def test_one_mail_for_all_invoices_of_a_customer(
    seller: make.Company, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    ids = [*await dispatched_ids(seller, 3), *await dispatched_ids(seller, 1)]
    override = (await seller.invoice(await seller.customer(), emailAddress="cfo@example.com"))["invoiceId"]
    await dispatch(seller, *ids, override, group="customer")
    async with working(context, database_urls):
        await settled(seller)
    found = mails(outbox, seller)
    assert sorted(len(list(mail.iter_attachments())) for mail in found) == [1, 1, 3]
    names = [part.get_filename() for mail in found for part in mail.iter_attachments()]
    assert len(set(names)) == 5
    assert [addresses(mail, "To") for mail in found].count(["cfo@example.com"]) == 1
    states = await seller.rows("SELECT dispatch_status FROM invoices WHERE seller_id = $1")
    assert {row["dispatch_status"] for row in states} == {"DISPATCHED"}


async def test_the_primary_contact_gets_it_and_the_others_that_take_mail_a_copy(
    seller: make.Company, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    contacts = [
        make.contact_body(name="No mail", email="nomail@example.com", mail_enabled=False),
        make.contact_body(name="First", email="first@example.com"),
        make.contact_body(name="Second", email="second@example.com"),
        make.contact_body(name="First again", email="FIRST@example.com"),
    ]
    customer = await seller.customer(customerKeyContacts=contacts)
    plain = (await seller.invoice(customer, ccEmails=["third@example.com", "second@example.com"]))["invoiceId"]
    own = (await seller.invoice(customer, emailAddress="own@example.com"))["invoiceId"]
    await seller.run("UPDATE sellers SET reply_to = 'desk@example.com' WHERE seller_id = $1")
    await seller.run(
        "UPDATE invoices SET cc_emails = $3 WHERE seller_id = $1 AND invoice_id = $2", plain,
        ["third@example.com", "second@example.com"],
    )  # fmt: skip
    await dispatch(seller, plain, own)
    async with working(context, database_urls):
        await settled(seller)
    by_to = {addresses(mail, "To")[0]: mail for mail in mails(outbox, seller)}
    assert addresses(by_to["first@example.com"], "Cc") == ["second@example.com", "third@example.com"]
    assert addresses(by_to["own@example.com"], "Cc") == ["second@example.com", "FIRST@example.com"]
    assert addresses(by_to["own@example.com"], "Reply-To") == ["desk@example.com"]


async def test_a_seller_that_demands_e_invoices_sends_none_without_irn(seller: make.Company) -> None:
    await seller.run("UPDATE sellers SET e_invoice_from = '2026-11-10' WHERE seller_id = $1")
    registered = await seller.customer(panOrGstin=make.gstin())
    before = (await seller.invoice(registered, invoiceDate="2026-11-09"))["invoiceId"]
    without = (await seller.invoice(registered))["invoiceId"]
    with_irn = (await seller.invoice(registered))["invoiceId"]
    consumer = (await seller.invoice())["invoiceId"]
    await seller.run("UPDATE invoices SET irn = 'irn' WHERE seller_id = $1 AND invoice_id = $2", with_irn)
    reply = await dispatch(seller, before, without, with_irn, consumer)
    assert reasons(reply) == [("invoiceIds[1]", "EINVOICE_WITHOUT_IRN")]
    assert "warnings" not in reply
    changed = await seller.http.patch("/api/v0/admin/seller", json={"eInvoicePolicy": "warn"})
    assert changed.status_code == 200, changed.text
    reply = await dispatch(seller, without)
    assert reasons(reply) == []
    assert [one["code"] for one in reply["warnings"]] == ["EINVOICE_WITHOUT_IRN"]


async def test_dispatch_now_sends_what_it_can_and_leaves_the_rest(
    seller: make.Company, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    sent = (await seller.invoice(dispatchNow=True))["invoiceId"]
    held = (await seller.invoice(await seller.customer(customerKeyContacts=[]), dispatchNow=True))["invoiceId"]
    status = "SELECT dispatch_status FROM invoices WHERE seller_id = $1 AND invoice_id = $2"
    async with working(context, database_urls):
        await until_none(seller, JOBS, "invoices.dispatch_requested")
        await settled(seller)
    assert await seller.value(status, held) == "NOT_DISPATCHED"
    assert len(mails(outbox, seller)) == 1
    actor = (
        "SELECT actor FROM audit_log WHERE seller_id = $1 AND object_id = $2 AND after->>'dispatchStatus' = 'QUEUED'"
    )
    assert await seller.value(actor, sent) == seller.user_id


async def test_what_is_cancelled_while_it_waits_is_not_sent(
    seller: make.Company, context: JobContext, database_urls: Urls, outbox: Path
) -> None:
    kept, cancelled = await dispatched_ids(seller, 2)
    [alone] = await dispatched_ids(seller, 1)
    await dispatch(seller, kept, cancelled, alone, group="customer")
    await seller.run(
        "UPDATE invoices SET receivable_status = 'CANCELLED' WHERE seller_id = $1 AND invoice_id = ANY($2::text[])",
        [cancelled, alone],
    )
    async with working(context, database_urls):
        await settled(seller)
    [mail] = mails(outbox, seller)
    assert len(list(mail.iter_attachments())) == 1
    rows = await seller.rows("SELECT invoice_id, dispatch_status AS status FROM invoices WHERE seller_id = $1")
    assert {row["invoice_id"]: row["status"] for row in rows} == {
        kept: "DISPATCHED",
        cancelled: "FAILED",
        alone: "FAILED",
    }
