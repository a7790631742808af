"""One delivery through everything a mail server, a crash or a second worker can do to it: claim, call, record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

import make
from hundi.config import Settings
from hundi.db.pool import Database
from hundi.dispatch import delivery, jobs
from hundi.dispatch.mailers import Mailer, OutboxMailer, SmtpMailer
from hundi.dispatch.rules import UNREACHABLE_DELAYS, Outcome, OutcomeKind
from hundi.jobs.context import JobContext
from hundi.jobs.later import RunLater
from hundi.kit.keys import Keyring
from mailroom import Post, addresses, free_port, mail_server, mails, read
from make import SECRET

PATH = "/api/v0/invoice/bulk/dispatch"


class Sent:
    """One invoice, queued: its delivery, its job, and what has become of them."""

    def __init__(self, seller: make.Company, context: JobContext, invoice_id: str, delivery_id: str) -> None:
        self.seller = seller
        self.context = context
        self.invoice_id = invoice_id
        self.delivery_id = delivery_id

    async def run(self, mailer: Mailer | None = None) -> None:
        context = self.context if mailer is None else msgspec.structs.replace(self.context, mailer=mailer)
        await jobs.deliver(context, {"seller_id": self.seller.seller_id, "delivery_id": self.delivery_id})

    async def state(self) -> tuple[str, str]:
        [row] = await self.seller.rows(
            "SELECT d.state, i.dispatch_status FROM deliveries d, invoices i "
            "WHERE d.seller_id = $1 AND i.seller_id = $1 AND d.delivery_id = $2 AND i.invoice_id = $3",
            self.delivery_id, self.invoice_id,
        )  # fmt: skip
        return row["state"], row["dispatch_status"]

    async def detail(self) -> str:
        found: str = await self.seller.value(
            "SELECT detail FROM deliveries WHERE seller_id = $1 AND delivery_id = $2", self.delivery_id
        )
        return found

    async def outcomes(self) -> list[str | None]:
        rows = await self.seller.rows(
            "SELECT outcome FROM delivery_attempts WHERE seller_id = $1 AND delivery_id = $2 ORDER BY attempt_no",
            self.delivery_id,
        )
        return [row["outcome"] for row in rows]

    async def jobs_waiting(self) -> list[timedelta]:
        rows = await self.seller.rows(
            "SELECT execute_after - created AS delay FROM pgqueuer WHERE entrypoint = 'dispatch.deliver' "
            "AND convert_from(payload, 'UTF8') LIKE '%' || $1 || '%' || $2 || '%' ORDER BY id",
            self.delivery_id,
        )
        return [row["delay"] for row in rows]


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
async def sent(
    seller: make.Company, db: Database, clock: make.MovedClock, keyring: Keyring, outbox: Path
) -> AsyncIterator[Sent]:
    settings = Settings(base_url="http://hundi.test")
    context = JobContext(
        db=db, clock=clock, keyring=keyring, settings=settings, files=None, mailer=OutboxMailer(outbox)
    )
    invoice = await seller.invoice()
    await seller.http.post(PATH, json={"invoiceIds": [invoice["invoiceId"]]})
    delivery_id = await seller.value("SELECT delivery_id FROM deliveries WHERE seller_id = $1")
    yield Sent(seller, context, invoice["invoiceId"], delivery_id)
    await seller.no_jobs()


async def claimed(sent: Sent, mailer: Mailer) -> int | None:
    """Do what a worker does before it is killed in the middle of the call."""
    seller_id = sent.seller.seller_id
    async with sent.context.db.transaction(seller_id) as tx:
        load = await delivery.begin(tx, sent.context.keyring, "http://hundi.test", sent.delivery_id)
    assert load is not None
    known = await mailer.known(seller_id, sent.delivery_id)
    async with sent.context.db.transaction(seller_id) as tx:
        return await delivery.claim(tx, load, known=known, lease=mailer.lease)


async def test_an_accepted_mail_settles_delivery_and_invoice(sent: Sent) -> None:
    post = Post()
    async with mail_server(post) as port:
        await sent.run(SmtpMailer(f"smtp://127.0.0.1:{port}"))
        await sent.run(SmtpMailer(f"smtp://127.0.0.1:{port}"))  # the queue may run a job twice
    assert await sent.state() == ("SENT", "DISPATCHED")
    assert await sent.outcomes() == ["ACCEPTED"]
    [taken] = post.taken
    assert taken.mail_from == "invoices@example.com"
    assert isinstance(taken.content, bytes)
    assert read(taken.content)["Message-ID"] == f"<{sent.delivery_id}@example.com>"
    recipients = await sent.seller.value("SELECT recipients->'to'->>'email' FROM deliveries WHERE seller_id = $1")
    assert recipients == "ravi@example.com"


async def test_a_rejected_mail_has_failed_with_the_servers_words_and_can_be_dispatched_again(sent: Sent) -> None:
    post = Post()
    post.rcpt_reply["ravi@example.com"] = "550 5.1.1 no such user"
    async with mail_server(post) as port:
        await sent.run(SmtpMailer(f"smtp://127.0.0.1:{port}"))
    assert await sent.state() == ("FAILED", "FAILED")
    assert "550 5.1.1 no such user" in await sent.detail()
    event = await sent.seller.value(
        "SELECT data->>'detail' FROM events WHERE seller_id = $1 AND type = 'invoice.dispatch_failed'"
    )
    assert "no such user" in event
    again = await sent.seller.http.post(PATH, json={"invoiceIds": [sent.invoice_id]})
    assert again.json()["response_code"] == 0
    assert await sent.seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1 AND state = 'QUEUED'") == 1
    told = sent.seller.http_as(["viewer"])
    path = f"/api/v0/invoice/{sent.invoice_id}/deliveries"
    listed = (await told.get(path)).json()["payload"]
    assert listed["total_count"] == 2
    failed, waiting = listed["data"]
    assert (failed["deliveryId"], failed["state"]["name"], failed["attempts"]) == (sent.delivery_id, "FAILED", 1)
    assert failed["recipients"][0] == "ravi@example.com"
    assert "550 5.1.1 no such user" in failed["detail"]
    assert (waiting["state"]["name"], waiting["attempts"], "recipients" in waiting) == ("QUEUED", 0, False)
    page = (await told.get(path, params={"limit": 1})).json()["payload"]
    rest = (await told.get(path, params={"limit": 1, "cursor": page["next_cursor"]})).json()["payload"]
    assert page["data"] + rest["data"] == listed["data"]
    assert (await told.get("/api/v0/invoice/inv_0/deliveries")).status_code == 404


async def test_a_mail_server_that_is_down_is_tried_seven_times_with_growing_pauses(
    sent: Sent, clock: make.MovedClock
) -> None:
    nobody = SmtpMailer(f"smtp://127.0.0.1:{free_port()}")
    for number, delay in enumerate(UNREACHABLE_DELAYS, start=1):
        await sent.run(nobody)
        assert await sent.state() == ("QUEUED", "QUEUED")
        assert await sent.outcomes() == ["UNREACHABLE"] * number
        assert abs((await sent.jobs_waiting())[-1] - delay) < timedelta(seconds=1)
        with pytest.raises(RunLater) as early:
            await sent.run(nobody)
        assert early.value.delay <= delay + timedelta(seconds=1)
        clock.move(seconds=delay.total_seconds())
    await sent.run(nobody)
    assert await sent.state() == ("FAILED", "FAILED")
    assert await sent.outcomes() == ["UNREACHABLE"] * 7
    assert "Given up after 7 attempts" in await sent.detail()


async def test_a_mail_server_that_comes_back_gets_the_mail_once(sent: Sent, clock: make.MovedClock) -> None:
    await sent.run(SmtpMailer(f"smtp://127.0.0.1:{free_port()}"))
    clock.move(minutes=1)
    post = Post()
    async with mail_server(post) as port:
        await sent.run(SmtpMailer(f"smtp://127.0.0.1:{port}"))
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["UNREACHABLE", "ACCEPTED"])
    assert len(post.taken) == 1


async def test_a_mail_does_not_wait_for_the_time_of_a_clock_that_was_set_back(
    sent: Sent, clock: make.MovedClock
) -> None:
    clock.move(days=400)
    await sent.run(SmtpMailer(f"smtp://127.0.0.1:{free_port()}"))
    clock.move(days=-400)
    post = Post()
    async with mail_server(post) as port:
        await sent.run(SmtpMailer(f"smtp://127.0.0.1:{port}"))
    assert (await sent.state(), len(post.taken)) == (("SENT", "DISPATCHED"), 1)


async def test_an_unknown_outcome_is_sent_again_once_and_then_shown_as_unknown(
    sent: Sent, clock: make.MovedClock
) -> None:
    post = Post()
    post.hang_up = True
    async with mail_server(post) as port:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}")
        await sent.run(mailer)
        assert (await sent.state(), await sent.outcomes()) == (("QUEUED", "QUEUED"), ["UNKNOWN"])
        assert "answer was lost" in await sent.detail()
        clock.move(minutes=1)
        await sent.run(mailer)
        clock.move(minutes=5)
        await sent.run(mailer)
    assert (await sent.state(), await sent.outcomes()) == (("UNKNOWN", "UNKNOWN"), ["UNKNOWN", "UNKNOWN"])
    first, second = (taken.content for taken in post.taken)
    assert first == second  # the same Message-ID, so that the receiving side can tell
    plain = (await sent.seller.http.post(PATH, json={"invoiceIds": [sent.invoice_id]})).json()
    assert plain["payload"]["apiSubErrors"][0]["code"] == "OUTCOME_UNKNOWN"
    resend = (await sent.seller.http.post(PATH, json={"invoiceIds": [sent.invoice_id], "resend": True})).json()
    assert resend["response_code"] == 0


async def test_a_seller_that_wants_no_resend_gets_none(sent: Sent) -> None:
    await sent.seller.run("UPDATE sellers SET unknown_resends = 0 WHERE seller_id = $1")
    post = Post()
    post.hang_up = True
    async with mail_server(post) as port:
        await sent.run(SmtpMailer(f"smtp://127.0.0.1:{port}"))
    assert (await sent.state(), len(post.taken)) == (("UNKNOWN", "UNKNOWN"), 1)
    # The delivery's own job and no other: nothing follows.
    assert await sent.jobs_waiting() == [timedelta(0)]


async def test_two_workers_with_the_same_job_send_one_mail(sent: Sent) -> None:
    class Slow(Post):
        async def handle_DATA(self, *args: Any) -> str:
            await asyncio.sleep(0.5)
            return await super().handle_DATA(*args)

    post = Slow()
    async with mail_server(post) as port:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}")
        results = await asyncio.gather(*(sent.run(mailer) for _ in range(4)), return_exceptions=True)
    assert len(post.taken) == 1
    assert [result for result in results if result is None] == [None]
    assert all(isinstance(result, RunLater) for result in results if result is not None)
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["ACCEPTED"])


async def test_two_workers_with_the_same_job_write_one_file(sent: Sent, outbox: Path) -> None:
    await asyncio.gather(*(sent.run() for _ in range(4)), return_exceptions=True)
    await sent.run()
    assert len(mails(outbox, sent.seller)) == 1
    assert await sent.state() == ("SENT", "DISPATCHED")


async def test_an_smtp_attempt_cut_off_is_left_alone_while_it_may_be_under_way_and_then_unknown(
    sent: Sent, clock: make.MovedClock
) -> None:
    post = Post()
    async with mail_server(post) as port:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}")
        assert await claimed(sent, mailer) == 1
        with pytest.raises(RunLater, match="under way"):
            await sent.run(mailer)
        assert await sent.outcomes() == [None]
        clock.move(seconds=mailer.lease.total_seconds())
        await sent.run(mailer)
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["UNKNOWN", "ACCEPTED"])
    assert len(post.taken) == 1


async def test_a_cut_off_attempt_of_a_seller_without_resends_ends_as_unknown(
    sent: Sent, clock: make.MovedClock
) -> None:
    await sent.seller.run("UPDATE sellers SET unknown_resends = 0 WHERE seller_id = $1")
    post = Post()
    async with mail_server(post) as port:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}")
        await claimed(sent, mailer)
        clock.move(seconds=mailer.lease.total_seconds())
        await sent.run(mailer)
    assert (await sent.state(), await sent.outcomes(), post.taken) == (("UNKNOWN", "UNKNOWN"), ["UNKNOWN"], [])


async def test_an_outbox_attempt_cut_off_before_the_file_goes_on_at_once(sent: Sent, outbox: Path) -> None:
    assert await claimed(sent, sent.context.mailer) == 1
    await sent.run()
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["UNREACHABLE", "ACCEPTED"])
    assert len(mails(outbox, sent.seller)) == 1


async def test_an_outbox_attempt_cut_off_after_the_file_is_recognised(sent: Sent, outbox: Path) -> None:
    assert await claimed(sent, sent.context.mailer) == 1
    path = outbox / sent.seller.seller_id / f"{sent.delivery_id}.eml"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"as the first attempt wrote it")
    await sent.run()
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["ACCEPTED"])
    assert path.read_bytes() == b"as the first attempt wrote it"


async def test_what_was_written_before_its_invoice_was_cancelled_counts_as_sent(sent: Sent, outbox: Path) -> None:
    assert await claimed(sent, sent.context.mailer) == 1
    path = outbox / sent.seller.seller_id / f"{sent.delivery_id}.eml"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"as the first attempt wrote it")
    await sent.seller.run("UPDATE invoices SET receivable_status = 'CANCELLED' WHERE seller_id = $1")
    await sent.run()
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["ACCEPTED"])


async def test_what_was_cancelled_before_a_cut_off_attempt_wrote_it_is_not_sent(sent: Sent, outbox: Path) -> None:
    assert await claimed(sent, sent.context.mailer) == 1
    await sent.seller.run("UPDATE invoices SET receivable_status = 'CANCELLED' WHERE seller_id = $1")
    await sent.run()
    assert await sent.outcomes() == ["UNREACHABLE"]
    sent.context.clock.move(minutes=1)
    await sent.run()
    assert (await sent.state(), await sent.outcomes()) == (("FAILED", "FAILED"), ["UNREACHABLE"])
    assert not (outbox / sent.seller.seller_id).exists()


async def test_a_copy_that_cannot_be_addressed_does_not_keep_the_mail_from_its_reader(sent: Sent, outbox: Path) -> None:
    await sent.seller.run("UPDATE invoices SET cc_emails = '{rubbish,cc@example.com}' WHERE seller_id = $1")
    await sent.run()
    [mail] = mails(outbox, sent.seller)
    assert addresses(mail, "Cc") == ["cc@example.com"]


async def test_an_answer_that_comes_late_settles_what_was_unknown(sent: Sent, clock: make.MovedClock) -> None:
    await sent.seller.run("UPDATE sellers SET unknown_resends = 0 WHERE seller_id = $1")
    mailer = SmtpMailer("smtp://127.0.0.1:1")
    number = await claimed(sent, mailer)
    assert number == 1
    clock.move(seconds=mailer.lease.total_seconds())
    await sent.run(mailer)
    assert await sent.state() == ("UNKNOWN", "UNKNOWN")
    async with sent.context.db.transaction(sent.seller.seller_id) as tx:
        await delivery.record(tx, sent.delivery_id, number, Outcome(OutcomeKind.ACCEPTED, "250 late"))
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["ACCEPTED"])


async def test_what_is_sent_is_what_is_true_at_the_claim(sent: Sent, outbox: Path) -> None:
    db, seller_id = sent.context.db, sent.seller.seller_id
    async with db.transaction(seller_id) as tx:
        load = await delivery.begin(tx, sent.context.keyring, "http://hundi.test", sent.delivery_id)
    assert load is not None
    patched = await sent.seller.http.patch(f"/api/v0/invoice/{sent.invoice_id}", json={"poNumber": "PO-77"})
    assert patched.status_code == 200, patched.text
    async with db.transaction(seller_id) as tx:
        assert await delivery.claim(tx, load, known=False, lease=timedelta(0)) is None
    assert len(await sent.jobs_waiting()) == 2
    await sent.run()
    assert (await sent.state(), await sent.outcomes()) == (("SENT", "DISPATCHED"), ["ACCEPTED"])
    assert len(mails(outbox, sent.seller)) == 1


async def test_a_new_secret_key_leaves_no_dead_link_in_a_mail(
    sent: Sent, outbox: Path, client: httpx2.AsyncClient, keyring: Keyring
) -> None:
    newer = Keyring(["another secret, put before the first one", SECRET])
    sent.context = msgspec.structs.replace(sent.context, keyring=newer)
    await sent.run()
    [mail] = mails(outbox, sent.seller)
    text = mail.get_body(("plain",))
    assert text is not None
    token = newer.link_token(sent.seller.seller_id, sent.invoice_id, 1)
    assert f"http://hundi.test/i/{token}" in text.get_content()
    for path in (f"/i/{token}", f"/i/{keyring.link_token(sent.seller.seller_id, sent.invoice_id, 1)}"):
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE customer_contacts SET email = 'not an address' WHERE seller_id = $1",
            "'not an address' is not an e-mail",
        ),
        ("UPDATE customer_contacts SET mail_enabled = false WHERE seller_id = $1", "no key contact"),
    ],
)
async def test_a_mail_that_cannot_be_made_has_failed_and_says_why(sent: Sent, change: str, words: str) -> None:
    await sent.seller.run(change)
    await sent.run()
    assert await sent.state() == ("FAILED", "FAILED")
    assert words in await sent.detail()
    assert await sent.outcomes() == []


async def test_a_document_that_cannot_be_drawn_fails_its_own_delivery_only(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> bytes:
        raise RuntimeError("typst says no")

    monkeypatch.setattr(jobs, "render_pdf", broken)
    await sent.run()
    assert await sent.state() == ("FAILED", "FAILED")
    assert "could not be made" in await sent.detail()
    assert "typst" not in await sent.detail()


async def test_a_delivery_that_kills_its_worker_again_and_again_is_given_up(sent: Sent) -> None:
    await sent.seller.run("UPDATE deliveries SET attempts = 100 WHERE seller_id = $1")
    await sent.run()
    assert await sent.state() == ("FAILED", "FAILED")
    assert "Given up" in await sent.detail()
