"""The mail to the customer: the same facts in subject, text and HTML, and no text of a stranger that does anything."""

from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hundi.dispatch.mail_body import MailInvoice, MailView, render_mail

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "mail"
ONE = MailInvoice(
    number="INV-26-001",
    invoice_date=date(2026, 11, 2),
    invoice_value=Decimal("123456.78"),
    balance=Decimal("123456.78"),
    due_date=date(2026, 11, 30),
    url="https://pay.example.com/i/first",
)
LATE = MailInvoice(
    number="INV-26-002",
    invoice_date=date(2026, 10, 2),
    invoice_value=Decimal(5000),
    balance=Decimal(4000),
    due_date=date(2026, 10, 30),
    url="https://pay.example.com/i/second",
)
PAID = MailInvoice(
    number="INV-26-003", invoice_date=date(2026, 9, 1), invoice_value=Decimal(10), balance=Decimal(0), url=""
)
VIEW = MailView(
    seller_name="ACME Pvt Ltd",
    customer_name="Sharma Stores",
    contact_name="Sunita Rao",
    invoices=(ONE,),
    today=date(2026, 11, 20),
    attachments=("INV-26-001.pdf",),
    seller_email="accounts@acme.example.com",
    seller_phone="+91 22 4000 1234",
)


class Reader(HTMLParser):
    """Collects a mail's links, words and tags as a mail program would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._hidden += tag in {"style", "title"}
        if tag == "a":
            self.links.append((dict(attrs).get("href") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if self._hidden or not data.strip():
            return
        self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.words)


def changed(**changes: object) -> MailView:
    return msgspec.structs.replace(VIEW, **changes)


@pytest.mark.parametrize(
    ("invoices", "subject"),
    [
        ((ONE,), "Invoice INV-26-001 from ACME Pvt Ltd: ₹1,23,456.78 due 30 Nov 2026"),
        ((LATE,), "Invoice INV-26-002 from ACME Pvt Ltd: ₹4,000.00 was due 30 Oct 2026"),
        ((PAID,), "Invoice INV-26-003 from ACME Pvt Ltd: paid"),
        ((ONE, LATE, PAID), "3 invoices from ACME Pvt Ltd: ₹1,27,456.78 due"),
    ],
)
def test_the_subject_says_who_how_much_and_when(invoices: tuple[MailInvoice, ...], subject: str) -> None:
    assert render_mail(changed(invoices=invoices)).subject == subject


@pytest.mark.parametrize(
    ("name", "view"), [("one", VIEW), ("many", changed(invoices=(ONE, LATE, PAID), message="A\nB"))]
)
def test_the_plain_text_is_as_agreed(name: str, view: MailView) -> None:
    assert render_mail(view).text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_html_says_what_the_text_says() -> None:
    mail = render_mail(VIEW)
    read = Reader(mail.html)
    for fact in ("Dear Sunita Rao,", "Sharma Stores", "₹1,23,456.78", "30 Nov 2026", "INV-26-001.pdf", "View and pay"):
        assert fact in read.text
        assert fact in mail.text
    assert {href for href, _ in read.links} == {ONE.url}


def test_many_invoices_have_a_row_and_a_link_each_and_the_overdue_first() -> None:
    mail = render_mail(changed(invoices=(PAID, ONE, LATE)))
    read = Reader(mail.html)
    assert "View and pay INV-26-002" in read.text
    assert [href for href, _ in read.links] == [LATE.url, LATE.url, ONE.url]
    assert read.text.index("INV-26-001") < read.text.index("INV-26-003")
    assert "1 of 3 invoices overdue" in read.text
    assert "Total" in read.text


def test_nothing_is_loaded_from_another_host_and_nothing_runs() -> None:
    html = render_mail(changed(invoices=(ONE, LATE), message="m")).html
    read = Reader(html)
    assert not read.tags & {"script", "link", "img", "iframe", "form"}
    assert "@import" not in html
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "{{" not in html
    assert "{%" not in html


def test_texts_of_strangers_are_only_texts() -> None:
    nasty = "<script>alert(1)</script> {{ 7*7 }} {% raw %} & <mj-raw> \"'"
    mail = render_mail(
        changed(
            seller_name=nasty,
            customer_name=nasty,
            contact_name=nasty,
            message=nasty,
            attachments=(nasty,),
            invoices=(msgspec.structs.replace(ONE, number=nasty),),
        )
    )
    read = Reader(mail.html)
    assert "script" not in read.tags
    assert "mj-raw" not in read.tags
    assert "{{ 7*7 }}" in read.text
    assert nasty in mail.subject


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "upi://pay?pa=x", "https://a b", "https://a\nb"]
)
def test_a_link_that_is_no_web_address_is_left_out(url: str) -> None:
    mail = render_mail(changed(invoices=(msgspec.structs.replace(ONE, url=url),)))
    assert Reader(mail.html).links == []
    assert url not in mail.text


@settings(deadline=None)
@given(
    seller=st.text(st.characters(), max_size=300),
    number=st.text(st.characters(), min_size=1, max_size=60),
)
def test_no_name_can_add_a_header(seller: str, number: str) -> None:
    mail = render_mail(changed(seller_name=seller, invoices=(msgspec.structs.replace(ONE, number=number),)))
    message = EmailMessage(policy=SMTP)
    message["Subject"] = mail.subject
    message["To"] = "a@example.com"
    assert len(mail.subject.splitlines()) == 1
    assert len(mail.subject) <= 200
    assert message.keys() == ["Subject", "To"]


def test_header_injection_by_the_classic_way() -> None:
    subject = render_mail(changed(seller_name="A\r\nBcc: x@example.com\u202e")).subject
    assert subject == "Invoice INV-26-001 from A Bcc: x@example.com: ₹1,23,456.78 due 30 Nov 2026"


def test_a_mail_without_invoices_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one invoice"):
        render_mail(changed(invoices=()))
