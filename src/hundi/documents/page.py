"""The hosted page: what a customer sees on a phone after a tap on the link in the mail.

Plain HTML that works without JavaScript and under a policy of ``default-src 'none'; style-src 'self'; font-src 'self';
img-src 'self' data:``: no inline script or style, nothing from another host.
"""

from base64 import b64encode
from datetime import date, datetime
from functools import cache
from typing import Final

import jinja2
import msgspec

from hundi.documents.glyphs import BREAK
from hundi.documents.model import ZERO, InvoiceDocument, Line
from hundi.documents.particulars import title
from hundi.documents.sheet import address_lines
from hundi.documents.words import inr, long_date, plain_number
from hundi.kit.dates import ist_date
from hundi.kit.states import local_tax_label
from hundi.payments.upi import NotPayable, upi_qr_svg

SHOWN_LINES: Final = 100
"""Items on the page; more are in the PDF, and a phone need not carry a thousand of them."""


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """What one visit to a hosted page shows.

    ``today`` is the business date in Asia/Kolkata; ``pdf_url`` and ``css_url`` are same-origin addresses; ``qr_url``
    may name a same-origin route that serves the QR (empty: the QR is put into the page as a data address);
    ``logo_url`` is the same-origin address of the company's logo (empty: it has none);
    ``due_date`` is that of the invoice now, where the document may say another;
    ``sent_at`` is when the document was first sent and ``changes`` what the invoice says otherwise since;
    ``not_payable`` says why ``document.upi`` is None, for the sentence that stands in its place.
    """

    document: InvoiceDocument
    today: date
    pdf_url: str
    qr_url: str = ""
    css_url: str = "/static/page.css"
    not_payable: NotPayable | None = None
    logo_url: str = ""
    due_date: date | None = None
    sent_at: datetime | None = None
    changes: tuple[str, ...] = ()


class Pill(msgspec.Struct, frozen=True):
    """The status in two languages, and the name of its colour."""

    text: str
    hindi: str
    tone: str


_PILLS: Final = {
    "PENDING": Pill("Payment due", "भुगतान शेष", "due"),
    "PARTIALLY_PAID": Pill("Part paid", "आंशिक भुगतान", "due"),
    "OVERDUE": Pill("Overdue", "देय तिथि बीत गई", "late"),
    "PAID": Pill("Paid", "भुगतान हो चुका", "paid"),
    "DISPUTED": Pill("Disputed", "विवादित", "held"),
    "CANCELLED": Pill("Cancelled", "रद्द", "held"),
    "WRITTEN_OFF": Pill("Closed", "बंद", "held"),
}

_SENTENCES: Final = {
    "PAID": "This invoice is paid in full. Thank you.",
    "DISPUTED": "This invoice is disputed, so no payment is asked for. Please settle it with the seller first.",
    "CANCELLED": "The seller has cancelled this invoice. Please do not pay it.",
    "WRITTEN_OFF": "The seller has closed this invoice. Please ask the seller before you pay anything on it.",
}

_NO_UPI: Final = {
    NotPayable.ABOVE_LIMIT: "The amount is above what one UPI payment may carry. Please pay by bank transfer.",
    NotPayable.BELOW_ONE_RUPEE: "The amount is below ₹1 and cannot be paid by UPI.",
    NotPayable.NO_UPI_ID: "Please pay by bank transfer.",
}


def render_page(view: PageView) -> str:
    """Return the hosted page of one invoice as a whole HTML document."""
    document = view.document
    status = _status(view)
    settled = _SENTENCES.get(status, "")
    upi = document.upi if not settled else None
    qr = ""
    if upi is not None:
        qr = view.qr_url or svg_data_address(upi_qr_svg(upi.qr_link))
    return _environment().get_template("page.html").render(
        view=view,
        document=document,
        supplier=document.supplier,
        recipient=document.recipient,
        pill=_PILLS.get(status, _PILLS["PENDING"]),
        settled=settled,
        since=_since(view),
        balance_shown=ZERO if status == "CANCELLED" else document.balance,
        headline=_headline(status, view),
        title=title(document),
        upi=upi,
        qr=qr,
        no_upi=_NO_UPI.get(view.not_payable, _NO_UPI[NotPayable.NO_UPI_ID]) if view.not_payable else "",
        amounts=_amounts(document),
        details=_details(document),
        items=[_item(line, document) for line in document.lines[:SHOWN_LINES]],
        items_left=max(0, len(document.lines) - SHOWN_LINES),
    )  # fmt: skip


def render_not_found(*, css_url: str = "/static/page.css") -> str:
    """Return the page for a link that is not valid (any more); it says nothing about whether there ever was one."""
    return _notice(
        css_url,
        "This link is not valid",
        "It may have been replaced by a newer one, or part of it was lost on the way.",
        "Please open the link from the latest e-mail or message, or ask the seller for a new one.",
        "यह लिंक मान्य नहीं है। कृपया विक्रेता से नया लिंक माँगें।",
    )


def render_too_many(retry_after_s: int = 60, *, css_url: str = "/static/page.css") -> str:
    """Return the page for a visitor who asks too often; ``retry_after_s`` is the Retry-After header, in seconds."""
    minutes = max(1, -(-retry_after_s // 60))
    return _notice(
        css_url,
        "Too many requests",
        f"Please wait {minutes} {'minute' if minutes == 1 else 'minutes'} and open the link again.",
        "Your invoice is safe; nothing was lost and nothing was paid.",
        "कृपया थोड़ी देर बाद फिर प्रयास करें।",
    )


def svg_data_address(svg: str) -> str:
    """Return an SVG picture as a ``data:`` address for ``<img src>``."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode('ascii')}"


def _notice(css_url: str, heading: str, text: str, advice: str, hindi: str) -> str:
    template = _environment().get_template("notice.html")
    return template.render(css_url=css_url, heading=heading, text=text, advice=advice, hindi=hindi)


def _status(view: PageView) -> str:
    """OVERDUE is computed (domain §4): a caller that passes the stored status gets the same page."""
    document = view.document
    due = view.due_date or document.due_date
    is_late = due is not None and due < view.today
    if document.status in {"PENDING", "PARTIALLY_PAID"} and is_late:
        return "OVERDUE"
    return document.status


def _headline(status: str, view: PageView) -> str:
    due = view.due_date or view.document.due_date
    if status in _SENTENCES or due is None:
        return ""
    days = (due - view.today).days
    if days < 0:
        return f"was due on {long_date(due)}, {-days} {'day' if days == -1 else 'days'} ago"
    if days == 0:
        return f"due today, {long_date(due)}"
    return f"due on {long_date(due)}, in {days} {'day' if days == 1 else 'days'}"


def _since(view: PageView) -> str:
    """Say what the seller has changed since the document was sent; empty where it says what the invoice says."""
    if view.sent_at is None or not view.changes:
        return ""
    *most, last = view.changes
    what = f"{', '.join(most)} and {last}" if most else last
    sent = long_date(ist_date(view.sent_at))
    return f"You see the invoice as it was sent on {sent}. The seller has changed it since: {what}."


def _amounts(document: InvoiceDocument) -> list[tuple[str, str, str]]:
    """List label, Hindi label and amount of the sum that leads from the taxable value to the balance."""
    half = local_tax_label(document.place_of_supply_code or document.supplier.address.state_code)
    suffix = " (by recipient)" if document.reverse_charge else ""
    rows = [
        ("Taxable value", "कर योग्य मूल्य", document.taxable_value, True),
        (f"CGST{suffix}", "", document.cgst, False),
        (f"{half}{suffix}", "", document.sgst, False),
        (f"IGST{suffix}", "", document.igst, False),
        (f"Cess{suffix}", "", document.cess, False),
        ("Other charges", "", document.other_charges, False),
        ("TCS", "", document.tcs, False),
        ("Round off", "", document.round_off, False),
        ("Invoice value", "बिल राशि", document.invoice_value, True),
        ("Changed since", "बाद में बदलाव", document.changed, False),
        ("TDS you deduct", "टीडीएस", -document.tds, False),
        ("Paid and adjusted", "भुगतान", document.balance - document.net_amount, False),
    ]
    return [(label, hindi, inr(amount)) for label, hindi, amount, always in rows if always or amount]


def _details(document: InvoiceDocument) -> list[tuple[str, str, str]]:
    place = f"{document.place_of_supply_name} ({document.place_of_supply_code})"
    rows = [
        ("Invoice number", "बिल संख्या", document.number),
        ("Invoice date", "बिल तिथि", long_date(document.invoice_date)),
        ("Due date", "देय तिथि", long_date(document.due_date) if document.due_date else ""),
        ("Purchase order", "", document.po_number),
        ("Place of supply", "", place if document.place_of_supply_name else ""),
        ("Billed to", "ग्राहक", document.recipient.trade_name or document.recipient.legal_name),
        ("Your GSTIN", "", document.recipient.gstin),
        ("Billing address", "", "\n".join(address_lines(document.recipient.billing)).replace(BREAK, "")),
        ("IRN", "", document.e_invoice.irn if document.e_invoice else ""),
    ]
    return [row for row in rows if row[2]]


def _item(line: Line, document: InvoiceDocument) -> dict[str, str]:
    """Return the texts of one item: what it is, how it adds up, and its amount."""
    parts = []
    if line.quantity is not None:
        quantity = f"{plain_number(line.quantity)} {line.unit}".strip()
        parts.append(f"{quantity} at {inr(line.unit_price)}" if line.unit_price is not None else quantity)
    if line.gst_rate is not None:
        parts.append(f"GST {plain_number(line.gst_rate)}%")
    if line.hsn:
        parts.append(f"{'SAC' if line.is_service else 'HSN'} {line.hsn}")
    amount = line.taxable_value if document.reverse_charge else line.total
    return {"description": line.description, "detail": " · ".join(parts), "amount": inr(amount)}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hundi.documents"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["inr"] = inr
    return environment
