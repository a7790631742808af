"""The mail that takes invoices to a customer: subject, plain text and HTML, one invoice or many (domain §7)."""

import re
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final

import jinja2
import mrml
import msgspec

from hundi.documents.words import inr, long_date

_SUBJECT_LENGTH: Final = 200
_NAME_LENGTH: Final = 80
_LATE: Final = "#a12712"
_IN_TIME: Final = "#17202e"
# Everything that could start a header line of its own, and the marks that reorder what a reader sees.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+"
)


class MailInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice of a mail; ``url`` is its hosted page. Amounts are rupees."""

    number: str
    invoice_date: date
    invoice_value: Decimal
    balance: Decimal
    due_date: date | None = None
    url: str = ""


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """What one mail says. ``today`` is the business date, ``attachments`` the file names that travel with it.

    ``message`` is the seller's own text (plain, may have lines); ``contact_name`` who is addressed, empty for nobody in
    particular; ``customer_name`` the company that is billed.
    """

    seller_name: str
    customer_name: str
    invoices: tuple[MailInvoice, ...]
    today: date
    contact_name: str = ""
    attachments: tuple[str, ...] = ()
    message: str = ""
    seller_email: str = ""
    seller_phone: str = ""


class MailBody(msgspec.Struct, frozen=True):
    """A mail without its addresses: ``subject`` has no line break, ``text`` and ``html`` say the same."""

    subject: str
    text: str
    html: str


class _Row(msgspec.Struct, frozen=True):
    number: str
    date: str
    due: str
    value: str
    balance: str
    late: bool
    payable: bool
    url: str


def render_mail(view: MailView) -> MailBody:
    """Return the mail for one invoice, or for several of one customer in a table.

    Every text of the view is data: it is escaped in the HTML and cannot add a header through the subject. Links are
    kept only where they are http or https. Raises ValueError when there is no invoice.
    """
    if not view.invoices:
        message = "a mail needs at least one invoice"
        raise ValueError(message)
    # What is to be paid comes first, and of that what is due first.
    invoices = sorted(view.invoices, key=lambda one: (one.balance <= 0, one.due_date or date.max, one.number))
    words = _words(view, invoices)
    rows = [_row(invoice, view.today) for invoice in invoices]
    html = _html().render(
        view=view,
        rows=rows,
        attached=", ".join(_one_line(name) for name in view.attachments),
        **words,
    )
    return MailBody(subject=words["subject"], text=_text(view, rows, words), html=html)


def _words(view: MailView, invoices: list[MailInvoice]) -> dict[str, str]:
    """Return the sentences both forms of the mail share."""
    seller = _one_line(view.seller_name)
    total = sum((invoice.balance for invoice in invoices), Decimal(0))
    first, many = invoices[0], len(invoices) > 1
    what = f"{len(invoices)} invoices" if many else f"Invoice {_one_line(first.number)}"
    late = any(_is_late(invoice, view.today) for invoice in invoices)
    name = _one_line(view.contact_name) or _one_line(view.customer_name)
    contact = [text for text in (_one_line(view.seller_email), _one_line(view.seller_phone)) if text]
    return {
        "subject": _subject(what, seller, total, first if not many else None, view.today),
        "preview": f"{what} from {seller}: {inr(total)} to pay" if total > 0 else f"{what} from {seller}",
        "heading": what if not many else f"{what} for {_one_line(view.customer_name)}",
        "greeting": f"Dear {name}," if name else "Hello,",
        "opening": _opening(what, _one_line(view.customer_name), many=many),
        "amount_label": "Balance due" if not many else "Total balance due",
        "total": inr(total),
        "due": _due_sentence(invoices, view.today) if total > 0 else "Nothing is due.",
        "due_colour": _LATE if late else _IN_TIME,
        "button": _button(first, many=many),
        "button_url": _web_address(first.url),
        "safety": (
            f"Before you pay, check that your bank or UPI app shows the name {seller} or its registered name. "
            "Reply to this mail if something is wrong with an invoice."
        ),
        "contact": (f"Sent for {seller} by Hundi." + (f" Questions: {', '.join(contact)}." if contact else "")),
    }


def _subject(what: str, seller: str, total: Decimal, only: MailInvoice | None, today: date) -> str:
    amount = inr(total) if total > 0 else "paid"
    due = ""
    if only is not None and only.due_date is not None and total > 0:
        verb = "was due" if _is_late(only, today) else "due"
        due = f" {verb} {long_date(only.due_date)}"
    elif total > 0:
        due = " due"
    subject = _one_line(f"{what} from {seller[:_NAME_LENGTH]}: {amount}{due}")
    return subject[:_SUBJECT_LENGTH]


def _button(first: MailInvoice, *, many: bool) -> str:
    verb = "View and pay" if first.balance > 0 else "View"
    # One button opens one page: with several invoices it names the most urgent, the others are links in the table.
    return f"{verb} {_one_line(first.number)}" if many else verb


def _opening(what: str, customer: str, *, many: bool) -> str:
    billed = f" for {customer}" if customer else ""
    if many:
        return f"Here are {what}{billed}. Open any of them in the table to see and pay it."
    return f"Here is {what[0].lower()}{what[1:]}{billed}. You can see it, download it and pay it on one page."


def _due_sentence(invoices: list[MailInvoice], today: date) -> str:
    late = [invoice for invoice in invoices if _is_late(invoice, today)]
    if len(invoices) > 1:
        if late:
            return f"{len(late)} of {len(invoices)} invoices overdue"
        next_due = min((invoice.due_date for invoice in invoices if invoice.due_date), default=None)
        return f"The first is due on {long_date(next_due)}" if next_due else ""
    due = invoices[0].due_date
    if due is None:
        return ""
    return f"Was due on {long_date(due)}" if late else f"Due on {long_date(due)}"


def _text(view: MailView, rows: list[_Row], words: dict[str, str]) -> str:
    parts = [words["greeting"], words["opening"]]
    if view.message.strip():
        parts.append(view.message.strip())
    parts.append("\n".join(text for text in (f"{words['amount_label']}: {words['total']}", words["due"]) if text))
    for row in rows:
        lines = [
            f"Invoice {row.number} of {row.date}",
            f"  Invoice value  {row.value}",
            f"  Balance due    {row.balance}",
        ]
        if row.due:
            lines.append(f"  Due            {row.due}{' (overdue)' if row.late else ''}")
        if row.url:
            lines.append(f"  {'View and pay' if row.payable else 'View'}: {row.url}")
        parts.append("\n".join(lines))
    if view.attachments:
        parts.append("Attached: " + ", ".join(_one_line(name) for name in view.attachments))
    parts += [words["safety"], f"-- \n{words['contact']}"]
    return "\n\n".join(parts) + "\n"


def _row(invoice: MailInvoice, today: date) -> _Row:
    return _Row(
        number=_one_line(invoice.number),
        date=long_date(invoice.invoice_date),
        due=long_date(invoice.due_date) if invoice.due_date else "",
        value=inr(invoice.invoice_value),
        balance=inr(invoice.balance),
        late=_is_late(invoice, today),
        payable=invoice.balance > 0,
        url=_web_address(invoice.url),
    )


def _is_late(invoice: MailInvoice, today: date) -> bool:
    return invoice.due_date is not None and invoice.due_date < today and invoice.balance > 0


def _one_line(text: str) -> str:
    return " ".join(_UNSAFE.sub(" ", text).split())


def _web_address(url: str) -> str:
    return url if url.startswith(("https://", "http://")) and not re.search(r"[\s\x00-\x1f]", url) else ""


@cache
def _html() -> jinja2.Template:
    source = files("hundi.dispatch").joinpath("templates", "invoice.mjml").read_text(encoding="utf-8")
    # The MJML is compiled once and filled afterwards, so a customer's text is never read as MJML.
    # No fonts: mrml would otherwise link to a font host, and opening a mail must not tell a third party.
    compiled = mrml.to_html(source, render_options=mrml.RenderOptions(fonts={})).content
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False)
    return environment.from_string(compiled)
