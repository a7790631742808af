"""Documents read back: the PDF's words, QRs and attachment, the titles the law allows, and the hosted page."""

import json
from base64 import b64decode
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2  # type: ignore[import-untyped]  # the package carries no types
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hundi.documents.countries import split_country
from hundi.documents.glyphs import REPLACEMENT
from hundi.documents.model import Address, BankAccount, EInvoice, InvoiceDocument, Line, Recipient, Supplier, UpiPayment
from hundi.documents.page import PageView, render_not_found, render_page, render_too_many
from hundi.documents.particulars import BILL_OF_SUPPLY, TAX_INVOICE, particulars_missing, title
from hundi.documents.render import render_pdf
from hundi.documents.sheet import sheet
from hundi.payments.upi import NotPayable, Payee, PaymentRequest, UpiMode, transaction_reference, upi_link

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "documents"
D = Decimal
MUMBAI = Address(
    lines=("4 Sunrise Chambers", "Andheri Kurla Road"),
    city="Mumbai",
    pin="400059",
    state_code="27",
    state_name="Maharashtra",
)
PUNE = Address(lines=("12 Laxmi Road",), city="Pune", pin="411030", state_code="27", state_name="Maharashtra")
SUPPLIER = Supplier(
    legal_name="Acme Traders Private Limited",
    trade_name="Acme Traders",
    address=MUMBAI,
    gstin="27AAACA1234B1Z5",
    pan="AAACA1234B",
    udyam="UDYAM-MH-19-0001234",
    email="accounts@acme.example.com",
    bank=BankAccount(holder="Acme Traders Private Limited", account_number="50200012345678", ifsc="HDFC0000123"),
    upi_id="acme@examplebank",
    signatory="R. Deshpande",
)
RECIPIENT = Recipient(legal_name="श्री गणेश ट्रेडर्स", billing=PUNE, gstin="27AABCS1429B1Z1")


def payment(balance: Decimal) -> UpiPayment:
    payee = Payee(vpa="acme@examplebank", name="Acme Traders Private Limited")
    asked = PaymentRequest(payee=payee, amount=balance, reference=transaction_reference("INV1"), note="ACM/26-27/0041")
    return UpiPayment(qr_link=upi_link(asked, UpiMode.QR), button_link=upi_link(asked))


def line(position: int = 1, **changes: Any) -> Line:
    taxable = D(1000) * position
    half = taxable * 9 / 100
    fields: dict[str, Any] = {
        "description": f"Steel bottle, model {position}",
        "hsn": "732393",
        "quantity": D(position),
        "unit": "NOS",
        "unit_price": D(1000),
        "gst_rate": D(18),
        "taxable_value": taxable,
        "cgst": half,
        "sgst": half,
        "total": taxable + 2 * half,
    }
    return Line(**{**fields, **changes})


def invoice(count: int = 1, **changes: Any) -> InvoiceDocument:
    lines = changes.pop("lines", tuple(line(position) for position in range(1, count + 1)))
    sums = {
        name: sum((getattr(one, name) for one in lines), D(0)) for name in ("taxable_value", "cgst", "sgst", "igst")
    }
    value = sum((one.total for one in lines), D(0))
    fields: dict[str, Any] = {
        "invoice_id": "INV1",
        "number": "ACM/26-27/0041",
        "invoice_date": date(2026, 11, 2),
        "due_date": date(2026, 11, 30),
        "supplier": SUPPLIER,
        "recipient": RECIPIENT,
        "place_of_supply_code": "27",
        "place_of_supply_name": "Maharashtra",
        "lines": lines,
        **sums,
        "invoice_value": value,
        "net_amount": value,
        "balance": value,
        "upi": payment(value) if value else None,
        "hosted_url": "https://pay.example.com/i/token",
    }
    return InvoiceDocument(**{**fields, **changes})


def pages(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def words(pdf: bytes) -> str:
    return " ".join(" ".join(pages(pdf)).split())


def codes(pdf: bytes) -> set[str]:
    found = (zxingcpp.read_barcodes(page.render(scale=4).to_pil()) for page in pypdfium2.PdfDocument(pdf))
    return {code.text for read in found for code in read}


# ---- the PDF -------------------------------------------------------------------------------------------------------


def test_the_sheet_reads_as_agreed() -> None:
    document = invoice(
        2, po_number="PO-7", tds=D("3.00"), net_amount=D("3537.00"), balance=D("3000.00"), tds_section="194Q"
    )
    assert pages(render_pdf(document))[0] == (GOLDEN / "tax_invoice.txt").read_text(encoding="utf-8")


def test_a_phone_reads_the_upi_qr_off_the_page() -> None:
    document = invoice()
    assert document.upi is not None
    pdf = render_pdf(document)
    assert codes(pdf) == {document.upi.qr_link}
    assert "am=1180.00&" in document.upi.qr_link
    assert "Pay by UPI" in words(pdf)
    assert "e-invoice" not in words(pdf)


def test_an_e_invoice_shows_both_qrs_captioned_and_no_copy_mark() -> None:
    signed = "eyJhbGciOiJSUzI1NiJ9." + "QWxhZGRpbjpvcGVuIHNlc2FtZQ" * 38
    paper = EInvoice(
        irn="3f1c9a7b" * 8,
        ack_number="112610012345678",
        ack_date=datetime(2026, 11, 2, 14, 5, tzinfo=UTC),
        signed_qr=signed,
    )
    document = invoice(e_invoice=paper)
    assert document.upi is not None
    pdf = render_pdf(document)
    assert codes(pdf) == {document.upi.qr_link, signed}
    text = words(pdf)
    for fact in ("Pay by UPI", "e-invoice (IRN)", "3f1c9a7b" * 8, "112610012345678", "02-11-2026 14:05", TAX_INVOICE):
        assert fact in text
    assert "ORIGINAL FOR RECIPIENT" not in text
    assert "ORIGINAL FOR RECIPIENT" in words(render_pdf(invoice()))


def test_the_same_invoice_gives_the_same_bytes_and_another_does_not() -> None:
    assert render_pdf(invoice(3)) == render_pdf(invoice(3))
    assert render_pdf(invoice(3)) != render_pdf(invoice(3, notes="x"))


def test_it_is_pdf_a_3b_with_the_invoice_attached() -> None:
    document = invoice(2)
    pdf = render_pdf(document)
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    assert b"/OutputIntent" in pdf
    opened = pypdfium2.PdfDocument(pdf)
    assert opened.count_attachments() == 1
    attachment = opened.get_attachment(0)
    assert attachment.get_name() == "invoice.json"
    data = json.loads(bytes(attachment.get_data()))
    assert data["number"] == document.number
    assert data["invoice_value"] == str(document.invoice_value)
    assert msgspec.convert(data, InvoiceDocument, strict=False) == document


def test_devanagari_is_set_in_its_own_font_and_shaped() -> None:
    pdf = render_pdf(invoice())
    assert b"+NotoSansDevanagari-SemiBold" in pdf
    assert REPLACEMENT not in words(pdf)
    # A shaped conjunct is narrower than its letters side by side: measured on the page, श्री against श + र + ी apart.
    shaped, apart = (_width(render_pdf(invoice(notes=text))) for text in ("श्री" * 12, "श्‌र्‌ी" * 12))
    assert shaped < apart


def _width(pdf: bytes) -> float:
    """Return how far the line below the heading NOTES reaches, in points."""
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    marker = page.search("NOTES").get_next()
    assert marker is not None
    first = marker[0] + len("NOTES")
    boxes: list[tuple[float, ...]] = [
        page.get_charbox(index) for index in range(first, min(page.count_chars(), first + 60))
    ]
    top = max(box[3] for box in boxes[:6])
    return max(box[2] for box in boxes if abs(box[3] - top) < 6)


@pytest.mark.parametrize("count", [30, 1000])
def test_many_lines_flow_on_with_their_heading_and_page_numbers(count: int) -> None:
    read = pages(render_pdf(invoice(count)))
    assert len(read) > 1
    assert all(f"Page {number} of {len(read)}" in page for number, page in enumerate(read, 1))
    text = " ".join(" ".join(read).split())
    assert all(f"Steel bottle, model {position}" in text for position in range(1, count + 1))
    for page in read[1:]:
        assert "ACM/26-27/0041" in page
        if "Steel bottle" in page:
            assert "HSN/SAC" in page


MARKUP = "#panic(\"no\") $x^2$ \\evil *b* _i_ <label> @ref `raw` // c /* d */ [#sys.inputs] == h #{1+1} ~ -- ''"


def test_typesetting_commands_are_printed_not_obeyed() -> None:
    document = invoice(
        lines=(line(description=MARKUP),),
        number=MARKUP[:50],
        notes=MARKUP,
        terms=MARKUP,
        po_number=MARKUP,
        hosted_url=f"https://pay.example.com/{MARKUP}",
        supplier=msgspec.structs.replace(SUPPLIER, legal_name=MARKUP, trade_name=MARKUP, signatory=MARKUP),
        recipient=Recipient(legal_name=MARKUP, billing=Address(lines=(MARKUP,), city=MARKUP), gstin=MARKUP),
    )
    assert words(render_pdf(document)).count("[#sys.inputs] == h #{1+1} ~ -- ''") >= 8


def test_long_right_to_left_and_unknown_texts_stay_on_the_page() -> None:
    text = "A" * 5000 + " مرحبا 😀 \u202egnp.exe \x00\x07" + "é" * 300 + "क्षत्रिय" * 60
    document = invoice(
        lines=(line(description=text),),
        notes=text,
        recipient=Recipient(legal_name=text[:400], billing=Address(lines=("B" * 500,), city="C" * 200)),
    )
    pdf = render_pdf(document)
    read = words(pdf)
    assert "\u202e" not in read
    assert read.count("A") >= 10_000
    for page in pypdfium2.PdfDocument(pdf):
        text_page = page.get_textpage()
        width, height = page.get_size()
        for index in range(text_page.count_chars()):
            left, bottom, right, top = text_page.get_charbox(index)
            assert left >= 0
            assert right <= width
            assert bottom >= 0
            assert top <= height


def test_what_is_copied_from_the_sheet_is_what_stands_there() -> None:
    address, upi_id = "accounts.receivable@very-long-name.example.com", "acme-steel-and-bottles.private@examplebank"
    supplier = msgspec.structs.replace(SUPPLIER, email=address, upi_id=upi_id)
    irn = "3f1c9a7b" * 8
    paper = EInvoice(irn=irn, ack_number="1", ack_date=datetime(2026, 11, 2, 14, 5, tzinfo=UTC), signed_qr="a.b.c")
    url = "https://pay.example.com/i/" + "t" * 27
    pdf = render_pdf(invoice(supplier=supplier, e_invoice=paper, hosted_url=url))
    unbroken = "".join(words(pdf).split())
    assert "\u200b" not in unbroken
    for text in (address, upi_id, irn, url):
        assert text in unbroken
    document = invoice(recipient=Recipient(legal_name="X", billing=Address(lines=("B" * 50,))))
    assert "B" * 50 in visit(document).text


def test_the_largest_amounts_do_not_run_into_each_other() -> None:
    huge = D("99999999999999.99")
    giant = line(
        quantity=D("9999999.999"),
        unit_price=huge,
        discount=huge,
        taxable_value=huge,
        cgst=huge,
        sgst=huge,
        cess=huge,
        total=huge,
    )
    document = invoice(lines=(giant,), cess=huge, invoice_value=huge, net_amount=huge, balance=huge)
    text = words(render_pdf(document))
    assert text.count("9,99,99,99,99,99,999.99") >= 14


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), min_size=6, max_size=6)
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_whatever_keeps_an_invoice_from_being_printed(texts: list[str]) -> None:
    name, description, number, notes, street, order = texts
    document = invoice(
        lines=(line(description=description),),
        number=number,
        notes=notes,
        po_number=order,
        recipient=Recipient(legal_name=name, billing=Address(lines=(street,))),
    )
    assert render_pdf(document).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("status", "sentence"), [("PAID", "Paid in full"), ("CANCELLED", "cancelled"), ("DISPUTED", "disputed")]
)
def test_a_settled_document_asks_for_nothing(status: str, sentence: str) -> None:
    pdf = render_pdf(invoice(status=status))
    assert codes(pdf) == set()
    assert status in words(pdf)
    assert sentence in words(pdf)
    assert "Please pay" not in words(pdf)


def test_a_union_territory_says_utgst() -> None:
    for code, label in (("04", "UTGST"), ("27", "SGST"), ("07", "SGST"), ("38", "UTGST")):
        headings = sheet(invoice(place_of_supply_code=code))["table"]["headings"]
        assert label in headings


# ---- titles ----------------------------------------------------------------------------------------------------------


def test_a_complete_invoice_is_a_tax_invoice() -> None:
    assert particulars_missing(invoice()) == []
    assert title(invoice()) == TAX_INVOICE


INCOMPLETE: list[tuple[dict[str, Any], str]] = [
    ({"supplier": msgspec.structs.replace(SUPPLIER, gstin="")}, "supplier's GSTIN"),
    ({"supplier": msgspec.structs.replace(SUPPLIER, address=Address())}, "supplier's address"),
    ({"supplier": msgspec.structs.replace(SUPPLIER, legal_name=" ")}, "supplier's name"),
    ({"number": "A" * 17}, "a number of 1 to 16 letters, digits, '/' and '-'"),
    ({"number": "INV 1"}, "a number of 1 to 16 letters, digits, '/' and '-'"),
    ({"place_of_supply_name": ""}, "place of supply with the name of the state"),
    ({"recipient": msgspec.structs.replace(RECIPIENT, legal_name="")}, "recipient's name"),
    ({"recipient": msgspec.structs.replace(RECIPIENT, billing=Address())}, "recipient's address"),
    ({"supply_type": "B2B", "recipient": msgspec.structs.replace(RECIPIENT, gstin="")}, "recipient's GSTIN"),
    ({"lines": (line(hsn=""),)}, "HSN of item 1"),
    ({"lines": (line(), line(hsn="99", is_service=True))}, "SAC of item 2"),
    ({"lines": (line(description=" "),)}, "description of item 1"),
    ({"lines": (line(quantity=None),)}, "quantity and unit of item 1"),
    ({"lines": (line(gst_rate=None),)}, "rate of tax of item 1"),
    ({"e_invoice": EInvoice(irn="ab" * 32)}, "signed QR of the e-invoice"),
]


@pytest.mark.parametrize(("changes", "missing"), INCOMPLETE)
def test_without_a_particular_it_is_a_payment_advice(changes: dict[str, Any], missing: str) -> None:
    document = invoice(**changes)
    assert particulars_missing(document) == [missing]
    assert title(document) == f"Payment advice for invoice {document.number}: not a tax invoice"


def test_an_advice_says_so_and_prints_one_line_from_the_description() -> None:
    document = msgspec.structs.replace(invoice(), lines=(), description="Consulting, October")
    text = words(render_pdf(document))
    assert "Payment advice for invoice ACM/26-27/0041: not a tax invoice" in text
    assert TAX_INVOICE not in text
    assert "1 Consulting, October 1,000.00 90.00 90.00 1,180.00" in text


def test_items_must_add_up_to_the_invoice() -> None:
    document = msgspec.structs.replace(invoice(), taxable_value=D("1001.01"), cgst=D(200))
    assert particulars_missing(document) == ["items that add up to the taxable value", "items that add up to the CGST"]


def test_an_unregistered_recipient_is_named_from_fifty_thousand_on() -> None:
    nobody = Recipient(legal_name="", billing=Address())
    assert title(invoice(recipient=nobody, lines=(line(49),))) == TAX_INVOICE
    assert particulars_missing(invoice(recipient=nobody, lines=(line(50),))) == [
        "recipient's name",
        "recipient's address",
        "address of delivery with the name of the state and its code",
    ]


def test_bills_of_supply() -> None:
    exempt = line(gst_rate=D(0), cgst=D(0), sgst=D(0), total=D(1000))
    assert title(invoice(lines=(exempt,))) == BILL_OF_SUPPLY
    assert title(invoice(lines=(exempt,), supply_type="SEZWOP")) == TAX_INVOICE
    assert title(invoice(lines=(exempt,), reverse_charge=True)) == TAX_INVOICE
    composition = invoice(lines=(exempt,), supplier=msgspec.structs.replace(SUPPLIER, composition=True))
    assert title(composition) == BILL_OF_SUPPLY
    assert "Composition taxable person, not eligible to collect tax on supplies" in words(render_pdf(composition))


def test_exports_name_the_country_and_carry_the_endorsement_with_the_lut() -> None:
    abroad = Recipient(legal_name="Dubai Retail", billing=Address(lines=("1 Souk",), city="Dubai"))
    supplier = msgspec.structs.replace(SUPPLIER, lut="AD270326000001A")
    document = invoice(supply_type="EXPWOP", recipient=abroad, supplier=supplier)
    assert particulars_missing(document) == ["country of destination"]
    named = msgspec.structs.replace(
        abroad, billing=msgspec.structs.replace(abroad.billing, country="United Arab Emirates")
    )
    text = words(render_pdf(msgspec.structs.replace(document, recipient=named)))
    assert TAX_INVOICE in text
    assert "under bond or letter of undertaking without payment of integrated tax. LUT/bond: AD270326000001A" in text
    assert "United Arab Emirates" in text
    assert "Export without payment of tax" in text
    assert "EXPWOP" not in text
    assert "Unregistered" not in text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("1 Souk", "Dubai, UAE"), (("1 Souk", "Dubai"), "United Arab Emirates")),
        (("350 5th Ave, New York", "U.S.A."), (("350 5th Ave, New York",), "United States")),
        (("10 Downing St, London, united kingdom",), (("10 Downing St, London",), "United Kingdom")),
        (("Trinidad & Tobago",), ((), "Trinidad & Tobago")),
        (("12 MG Road, Pune, India",), (("12 MG Road, Pune, India",), "")),
        (("5th Ave, New York",), (("5th Ave, New York",), "")),
        ((), ((), "")),
    ],
)
def test_the_country_stands_at_the_end_of_an_address(
    lines: tuple[str, ...], expected: tuple[tuple[str, ...], str]
) -> None:
    assert split_country(lines) == expected


# ---- the hosted page ------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Collects what a browser would load, follow and show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attributes.get(attribute) or "" for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def visit(document: InvoiceDocument, **changes: Any) -> Page:
    fields = {"document": document, "today": date(2026, 11, 20), "pdf_url": "/i/token/pdf", **changes}
    return Page(render_page(PageView(**fields)))


def test_a_payable_page_offers_app_qr_pdf_and_bank() -> None:
    document = invoice(2)
    assert document.upi is not None
    page = visit(document)
    assert page.all("a", "href")[:2] == [document.upi.button_link, "/i/token/pdf"]
    picture = page.all("img", "src")[0]
    svg = b64decode(picture.removeprefix("data:image/svg+xml;base64,"))
    assert svg.startswith(b"<svg")
    assert page.all("img", "alt") == ["UPI QR code to pay ₹3,540.00 to Acme Traders"]
    for fact in ("₹3,540.00", "due on 30 Nov 2026, in 10 days", "Pay by UPI", "50200012345678", "HDFC0000123"):
        assert fact in page.text
    assert visit(document, qr_url="/i/token/qr.svg").all("img", "src") == ["/i/token/qr.svg"]


@pytest.mark.parametrize(
    ("today", "says"),
    [
        (date(2026, 11, 30), "due today, 30 Nov 2026"),
        (date(2026, 11, 29), "in 1 day"),
        (date(2026, 12, 1), "was due on 30 Nov 2026, 1 day ago"),
        (date(2026, 12, 12), "12 days ago"),
    ],
)
def test_the_page_counts_days_and_sees_what_is_overdue(today: date, says: str) -> None:
    page = visit(invoice(), today=today)
    assert says in page.text
    assert ("Overdue" in page.text) == (today > date(2026, 11, 30))


@pytest.mark.parametrize("status", ["PAID", "CANCELLED", "DISPUTED", "WRITTEN_OFF"])
def test_a_settled_page_offers_no_way_to_pay(status: str) -> None:
    page = visit(invoice(status=status), today=date(2027, 1, 1))
    assert page.all("img", "src") == []
    assert not any(link.startswith("upi:") for link in page.all("a", "href"))
    assert "How to pay" not in page.text
    assert "50200012345678" not in page.text
    assert "Overdue" not in page.text


def test_where_upi_cannot_carry_it_the_bank_takes_its_place() -> None:
    page = visit(invoice(upi=None), not_payable=NotPayable.ABOVE_LIMIT)
    assert "above what one UPI payment may carry" in page.text
    assert "Reference to quote ACM/26-27/0041" in page.text
    assert page.all("img", "src") == []


def test_pages_keep_a_strict_policy_and_are_readable_by_machines_that_read_aloud() -> None:
    for html in (
        render_page(PageView(document=invoice(), today=date(2026, 11, 20), pdf_url="/p")),
        render_not_found(),
        render_too_many(90),
    ):
        page = Page(html)
        assert not {tag for tag, _ in page.tags} & {"script", "style", "iframe", "form", "object"}
        assert all(not name.startswith("on") and name != "style" for _, attributes in page.tags for name in attributes)
        assert page.all("link", "href") == ["/static/page.css"]
        assert page.all("html", "lang") == ["en"]
        assert [tag for tag, _ in page.tags].count("h1") == 1
        assert all(page.all("img", "alt"))
        assert "noindex, nofollow, noarchive" in page.all("meta", "content")
        known = {attributes.get("id") for _, attributes in page.tags}
        assert {name for name in page.all("section", "aria-labelledby") if name} <= known
    assert "Please wait 2 minutes" in Page(render_too_many(90)).text


def test_texts_on_the_page_are_only_texts() -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=y> {{ 7*7 }}"
    document = invoice(
        number=nasty,
        lines=(line(description=nasty, unit=nasty),),
        supplier=msgspec.structs.replace(SUPPLIER, trade_name=nasty, legal_name=nasty, email=nasty),
        recipient=Recipient(legal_name=nasty, billing=Address(lines=(nasty,))),
        upi=UpiPayment(qr_link=payment(D(1)).qr_link, button_link="javascript:alert(1)"),
    )
    page = visit(document, qr_url="/q")
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.all("img", "src") == ["/q"]
    assert not any(link.startswith("javascript:") for link in page.all("a", "href"))
    assert "{{ 7*7 }}" in page.text


def test_a_thousand_items_are_left_to_the_pdf() -> None:
    page = visit(invoice(130))
    assert page.all("li", "class") == [""] * 100
    assert "and 30 more, all of them in the PDF" in page.text
