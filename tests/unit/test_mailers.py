"""Mails as bytes, the outbox folder, and SMTP against real servers that take, refuse, break and pretend."""

from __future__ import annotations

import asyncio
import email.header
import ssl
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.config import BadSetting, Settings
from hundi.dispatch.mail import Attachment, BadAddress, Letter, Mail, checked_address, compose
from hundi.dispatch.mail_body import MailBody
from hundi.dispatch.mailers import OutboxMailer, SmtpMailer, open_mailer
from hundi.dispatch.rules import Contact, OutcomeKind, Recipients
from mailroom import Post, addresses, authenticator, certificate, free_port, mail_server, read

PDF = b"%PDF-1.7\r\n.\r\n..two dots\n" + bytes(range(256)) * 40


def letter(**changes: Any) -> Letter:
    body = MailBody(subject="Invoice A-1", text="Dear all,\n\n.a dot\n..two\nनमस्ते ₹1,00,000\n", html="<p>नमस्ते</p>")
    given_: dict[str, Any] = {
        "seller_id": "CEKTEST0001", "delivery_id": "dlv_1", "message_id": "<dlv_1@example.com>",
        "date": datetime(2026, 11, 16, 4, 30, tzinfo=UTC), "sender": Contact(email="inv@example.com", name="Sahyadri"),
        "reply_to": Contact(email="accounts@example.com"),
        "recipients": Recipients(to=Contact(email="ravi@example.com", name="Ravi"), cc=(Contact(email="cc@example.com"),)),
        "body": body, "attachments": [Attachment("Invoice-A-1.pdf", PDF)],
    }  # fmt: skip
    return Letter(**(given_ | changes))


def mail(**changes: Any) -> Mail:
    return compose(letter(**changes))


def test_the_same_delivery_gives_the_same_bytes_in_smtps_line_form() -> None:
    first, second = mail(), mail()
    assert first.content == second.content
    assert b"\n" not in first.content.replace(b"\r\n", b"")
    assert max(map(len, first.content.split(b"\r\n"))) < 998
    assert mail(delivery_id="dlv_2").content != first.content


def test_a_mail_reads_back_as_it_was_meant() -> None:
    back = read(mail().content)
    assert back["Message-ID"] == "<dlv_1@example.com>"
    assert back["Date"].datetime == datetime(2026, 11, 16, 4, 30, tzinfo=UTC)
    assert str(back["From"]) == "Sahyadri <inv@example.com>"
    assert addresses(back, "Reply-To") == ["accounts@example.com"]
    assert back.get_content_type() == "multipart/mixed"
    text, html = back.get_body(("plain",)), back.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["Dear all,", "", ".a dot", "..two", "नमस्ते ₹1,00,000"]
    assert html.get_content().strip() == "<p>नमस्ते</p>"
    [pdf] = list(back.iter_attachments())
    assert (pdf.get_content_type(), pdf.get_filename(), pdf.get_content()) == (
        "application/pdf",
        "Invoice-A-1.pdf",
        PDF,
    )


hostile = st.one_of(
    st.text(max_size=150),
    st.sampled_from(
        [
            "x, <evil@evil.example>, é", "a\r\nBcc: evil@evil.example", "=?utf-8?q?x?=", 'शर्मा, "एंड" <evil@evil.example>',
            'back\\slash " quote', "a\u2028Bcc: evil@evil.example", "é" * 99 + ",<evil@evil.example>", "", " ", "(comment)",
        ]
    ),
)  # fmt: skip


@given(name=hostile, subject=hostile)
def test_no_name_and_no_subject_adds_an_addressee_or_a_header(name: str, subject: str) -> None:
    contact = Contact(email="ravi@example.com", name=name)
    made = compose(
        letter(
            sender=Contact(email="inv@example.com", name=name), recipients=Recipients(to=contact, cc=(contact,)),
            body=MailBody(subject=subject, text="t\n", html="<p>t</p>"),
        )
    )  # fmt: skip
    back = read(made.content)
    assert addresses(back, "From") == ["inv@example.com"]
    assert addresses(back, "To") == ["ravi@example.com"]
    assert addresses(back, "Cc") == ["ravi@example.com"]
    head = made.content.split(b"\r\n\r\n")[0]
    names = [line.split(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert sorted(names) == sorted(
        [b"date", b"message-id", b"from", b"reply-to", b"to", b"cc", b"subject", b"auto-submitted", b"mime-version",
         b"content-type"]
    )  # fmt: skip


def test_names_in_other_scripts_arrive_whole() -> None:
    name = "श्री महालक्ष्मी ट्रेडिंग कंपनी प्राइवेट लिमिटेड, पुणे"
    made = mail(sender=Contact(email="inv@example.com", name=name))
    raw = email.message_from_bytes(made.content)["From"]
    shown = str(make_header(decode_header(raw.replace("\r\n", ""))))
    assert shown.replace(" <inv@example.com>", "") == name


@pytest.mark.parametrize(
    "text",
    ["", "ravi", "@example.com", "a b@example.com", "a@b\r\nRCPT TO:<x@y.z>", "a@b@c", "<a@example.com>", "रवि@example.com",
     "a..b@example.com", ".a@example.com", "a@-example.com", "a@example.com,b@example.com", "a" * 65 + "@example.com"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_named(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        checked_address(text)
    assert repr(text)[:50] in str(refused.value)


def test_a_domain_in_another_script_goes_in_its_ascii_form() -> None:
    assert checked_address(" ravi@उदाहरण.भारत ") == "ravi@xn--p1b6ci4b4b3a.xn--h2brj9c"


# ---------------------------------------------------------------- the outbox


async def test_the_outbox_writes_a_delivery_once(tmp_path: Path) -> None:
    mailer = OutboxMailer(tmp_path / "outbox")
    assert await mailer.known("CEKTEST0001", "dlv_1") is False
    made = mail()
    outcomes = await asyncio.gather(*(mailer.send(made) for _ in range(8)))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert [outcome.detail for outcome in outcomes].count("written to the outbox") == 1
    assert [path.name for path in (tmp_path / "outbox" / "CEKTEST0001").iterdir()] == ["dlv_1.eml"]
    assert mailer.path_of("CEKTEST0001", "dlv_1").read_bytes() == made.content
    assert await mailer.known("CEKTEST0001", "dlv_1") is True


async def test_a_half_written_draft_of_a_killed_worker_is_no_mail_and_goes(tmp_path: Path) -> None:
    mailer = OutboxMailer(tmp_path)
    draft = tmp_path / "CEKTEST0001" / ".dlv_1.abc.part"
    draft.parent.mkdir()
    draft.write_bytes(b"From: half")
    assert await mailer.known("CEKTEST0001", "dlv_1") is False
    await mailer.send(mail())
    assert not draft.exists()
    assert mailer.path_of("CEKTEST0001", "dlv_1").read_bytes() == mail().content


async def test_the_draft_of_a_worker_killed_right_after_its_mail_was_there_goes(tmp_path: Path) -> None:
    mailer = OutboxMailer(tmp_path)
    await mailer.send(mail())
    draft = tmp_path / "CEKTEST0001" / ".dlv_1.abc.part"
    draft.write_bytes(mail().content)
    other = tmp_path / "CEKTEST0001" / ".dlv_10.abc.part"
    other.write_bytes(b"From: another delivery, being written")
    assert await mailer.known("CEKTEST0001", "dlv_1") is True
    assert not draft.exists()
    assert other.exists()


async def test_an_outbox_that_cannot_be_written_is_unreachable_and_says_why(tmp_path: Path) -> None:
    in_the_way = tmp_path / "outbox"
    in_the_way.touch()
    outcome = await OutboxMailer(in_the_way).send(mail())
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert "could not be written" in outcome.detail
    assert in_the_way.is_file()


# ---------------------------------------------------------------- SMTP


async def test_smtp_takes_a_mail_byte_for_byte() -> None:
    post, made = Post(), mail()
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(made)
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.detail == "250 2.0.0 taken"
    [taken] = post.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("inv@example.com", ["ravi@example.com", "cc@example.com"])
    assert taken.content == made.content


async def test_smtp_speaks_starttls_and_signs_in(tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    post = Post()
    options = {"tls_context": server, "require_starttls": True, "authenticator": authenticator, "auth_required": True}
    async with mail_server(post, **options) as port:
        url = f"smtp://clerk:p%40ss%3Aw%2Frd@localhost:{port}?tls=required"
        outcome = await SmtpMailer(url, tls=client).send(mail())
        wrong = await SmtpMailer(url.replace("clerk", "thief"), tls=client).send(mail())
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome.detail
    assert post.encrypted == [True]
    assert wrong.kind is OutcomeKind.UNREACHABLE
    assert "AUTH" in wrong.detail
    assert "535" in wrong.detail
    assert "p@ss" not in wrong.detail


async def test_smtps_is_encrypted_from_the_first_byte(tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    post = Post()
    async with mail_server(post, ssl_context=server) as port:
        outcome = await SmtpMailer(f"smtps://localhost:{port}", tls=client).send(mail())
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome.detail
    assert len(post.taken) == 1


async def test_a_certificate_nobody_vouches_for_stops_the_mail(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path)
    post = Post()
    async with mail_server(post, tls_context=server) as port:
        outcome = await SmtpMailer(f"smtp://localhost:{port}?tls=required", tls=ssl.create_default_context()).send(
            mail()
        )
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert post.taken == []


async def test_without_starttls_nothing_is_said_in_the_clear() -> None:
    post = Post()
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://clerk:secret@localhost:{port}?tls=required").send(mail())
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert "STARTTLS" in outcome.detail
    assert post.taken == []


@pytest.mark.parametrize(
    ("url", "demands"),
    [
        ("smtp://mail.example.com", True), ("smtp://mail.example.com?tls=none", False), ("smtp://localhost:25", False),
        ("smtp://[::1]:25", False), ("smtp://127.0.0.2:25", False), ("smtp://10.0.0.1:25", True),
        ("smtps://mail.example.com", False),
    ],
)  # fmt: skip
def test_starttls_is_demanded_of_every_other_machine(url: str, demands: bool) -> None:
    assert SmtpMailer(url).start_tls is demands


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:port", "smtp://h:99999", "smtp://h?tls=maybe"],
)
def test_a_wrong_smtp_url_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(BadSetting, match="HUNDI_SMTP_URL"):
        SmtpMailer(url)


def test_the_settings_choose_the_mailer(tmp_path: Path) -> None:
    assert isinstance(open_mailer(Settings(data_dir=tmp_path)), OutboxMailer)
    chosen = open_mailer(Settings(data_dir=tmp_path, smtp_url="smtps://mail.example.com"))
    assert isinstance(chosen, SmtpMailer)
    assert chosen.port == 465


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("550 5.1.1 no such user", OutcomeKind.REJECTED), ("450 4.2.1 try later", OutcomeKind.UNREACHABLE)],
)
async def test_a_refused_recipient_is_rejected_or_tried_later(reply: str, kind: OutcomeKind) -> None:
    post = Post()
    post.rcpt_reply["ravi@example.com"] = reply
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is kind
    assert reply.partition(" ")[2] in outcome.detail
    assert post.taken == []


async def test_a_refused_cc_does_not_keep_the_mail_from_its_reader() -> None:
    post = Post()
    post.rcpt_reply["cc@example.com"] = "550 5.1.1 no such user"
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert "not sent to cc@example.com (550" in outcome.detail
    assert post.taken[0].rcpt_tos == ["ravi@example.com"]


@pytest.mark.parametrize(
    ("reply", "kind"), [("554 5.7.1 spam", OutcomeKind.REJECTED), ("451 4.3.0 busy", OutcomeKind.UNREACHABLE)]
)
async def test_the_answer_to_the_text_decides(reply: str, kind: OutcomeKind) -> None:
    post = Post()
    post.data_reply = reply
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is kind
    assert reply.partition(" ")[2] in outcome.detail


async def test_a_connection_lost_after_the_text_is_unknown() -> None:
    post = Post()
    post.hang_up = True
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert len(post.taken) == 1  # it did arrive, and nobody could say so


async def test_an_answer_that_cannot_be_read_is_unknown() -> None:
    post = Post()
    post.data_reply = "hello there"
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is OutcomeKind.UNKNOWN


async def test_a_refused_sender_is_our_set_up_and_tried_again() -> None:
    post = Post()
    post.mail_reply = "530 5.7.0 sign in first"
    async with mail_server(post) as port:
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert "530 5.7.0 sign in first" in outcome.detail


async def test_nobody_listening_is_unreachable() -> None:
    outcome = await SmtpMailer(f"smtp://127.0.0.1:{free_port()}").send(mail())
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert "connect" in outcome.detail


@pytest.mark.parametrize(
    "greeting", [b"", b"554 5.3.2 no service\r\n", b"rubbish\r\n", b"220 ok\r\n", b"220 " + b"x" * 200_000 + b"\r\n"]
)
async def test_a_server_that_breaks_off_before_the_text_was_not_given_the_mail(greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await SmtpMailer(f"smtp://127.0.0.1:{port}").send(mail())
    assert outcome.kind is OutcomeKind.UNREACHABLE


async def test_a_mail_server_cannot_be_asked_what_it_took() -> None:
    assert await SmtpMailer("smtps://mail.example.com").known("CEKTEST0001", "dlv_1") is None
