"""What a customer opens: the page behind a link, its PDF and QR, and what everybody else gets."""

from __future__ import annotations

import httpx2
import pypdfium2
import pytest
import zxingcpp

import make
from hundi.documents.pages import pdf_name
from hundi.files.store import FileStore
from hundi.payments.upi import upi_qr_svg

PATH = "/api/v0/invoice/bulk/dispatch"


async def link_of(seller: make.Company, **changes: object) -> tuple[str, str]:
    """Dispatch an invoice and give its id and its page's path."""
    invoice_id = (await seller.invoice(**changes))["invoiceId"]
    await seller.http.post(PATH, json={"invoiceIds": [invoice_id]})
    shown = (await seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
    return invoice_id, shown["paymentLink"].removeprefix("http://hundi.test")


async def test_the_page_shows_the_invoice_and_how_to_pay_it(seller: make.Company, client: httpx2.AsyncClient) -> None:
    _, path = await link_of(seller, invoiceNumber="A/<b>&1", dueDate="2026-12-10")
    page = await client.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "A/&lt;b&gt;&amp;1" in page.text
    assert "₹1,180.00" in page.text
    assert 'href="upi://pay?pa=sahyadri@example&amp;' in page.text
    assert f'src="{path}/upi.svg"' in page.text
    assert f'href="{path}/invoice.pdf"' in page.text
    assert "<script" not in page.text


async def printed(client: httpx2.AsyncClient, path: str) -> str:
    """Give the words of the first page of the PDF behind a link."""
    pdf = pypdfium2.PdfDocument((await client.get(f"{path}/invoice.pdf")).content)
    return " ".join(pdf[0].get_textpage().get_text_range().split())


ITEM = {
    "productDescription": "Valve", "hsnCode": "848180", "quantity": 2, "unit": "NOS", "assessmentAmount": 1000, "gstRate": 18,
}  # fmt: skip


async def test_an_export_names_its_country_and_is_a_tax_invoice(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    """The country of destination is what a customer's address abroad ends with (rule 46 CGST Rules, proviso)."""
    for address, titled in (("1 Souk\nDubai, UAE", True), ("1 Souk\nDubai", False)):
        abroad = await seller.customer(
            treatment="OVERSEAS", address=address, panOrGstin=None, state=None, pinCode=None, uniqueRefNo=None
        )
        export = {
            "customerId": abroad,
            "supplyType": "EXPWP",
            "cgst": None,
            "sgst": None,
            "igst": 180,
            "itemLists": [ITEM],
        }
        _, path = await link_of(seller, **export)
        text = await printed(client, path)
        assert ("TAX INVOICE" in text) == titled
        assert ("United Arab Emirates" in text) == titled
        assert "Export with payment of tax" in text


async def test_under_reverse_charge_the_lines_come_to_the_value(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    """domain §2: the taxes are shown, not added; the customer is not asked for them in any column."""
    _, path = await link_of(seller, reverseCharge=True, itemLists=[ITEM])
    assert "₹1,180.00" not in (await client.get(path)).text
    text = await printed(client, path)
    assert "payable by recipient" in text
    assert "90.00" in text
    assert "1,180.00" not in text


async def test_a_dash_is_no_address_of_a_supplier(seller: make.Company, client: httpx2.AsyncClient) -> None:
    """domain §8: a tax invoice has its supplier's address; a company may be made before it is known."""
    _, path = await link_of(seller, itemLists=[ITEM])
    assert "TAX INVOICE" in await printed(client, path)
    registration = (await seller.http.get("/api/v0/admin/registration")).json()["payload"]["data"][0]
    own = f"/api/v0/admin/registration/{registration['registrationId']}"
    dashes = await seller.http.patch(own, json={"addressLine1": "-", "city": "-", "addressLine2": None})
    assert dashes.status_code == 200
    text = await printed(client, path)
    assert "not a tax invoice" in text
    assert registration["pinCode"] not in text


async def test_the_logo_is_on_the_page_and_on_the_pdf(seller: make.Company, client: httpx2.AsyncClient) -> None:
    _, path = await link_of(seller)
    assert f"{path}/logo" not in (await client.get(path)).text
    assert (await client.get(f"{path}/logo")).status_code == 404
    picture = make.png(600, 150, b"\x12\xd0\x34")
    await seller.http.post("/api/v0/admin/seller/logo", files={"file": ("logo.png", picture)})
    assert f'<img class="logo" src="{path}/logo"' in (await client.get(path)).text
    logo = await client.get(f"{path}/logo")
    assert (logo.content, logo.headers["content-type"]) == (picture, "image/png")
    assert "frame-ancestors 'none'" in logo.headers["content-security-policy"]
    pdf = pypdfium2.PdfDocument((await client.get(f"{path}/invoice.pdf")).content)
    colours = {colour for _, colour in pdf[0].render(scale=1).to_pil().getcolors(100_000)}
    assert (0x12, 0xD0, 0x34) in colours


@pytest.mark.parametrize("broken", ["gone", "cut", "noise"])
async def test_no_invoice_fails_for_its_logo(
    seller: make.Company, client: httpx2.AsyncClient, store: FileStore, broken: str
) -> None:
    _, path = await link_of(seller)
    await seller.http.post("/api/v0/admin/seller/logo", files={"file": ("logo.png", make.png())})
    key = await seller.value(
        "SELECT f.file_key FROM sellers s JOIN stored_files f ON f.seller_id = $1 AND f.file_id = s.logo_file_id "
        "WHERE s.seller_id = $1"
    )
    await store.delete(key)
    if broken != "gone":
        await store.put(key, make.png()[:20] if broken == "cut" else make.png()[:40] + b"IDAT" + make.png()[-12:])
    assert (await client.get(path)).status_code == 200
    assert (await client.get(f"{path}/invoice.pdf")).content.startswith(b"%PDF")


@pytest.mark.parametrize(("least", "mam"), [(None, "1.00"), (250, "250.00"), (5000, None)])
async def test_the_least_part_payment_is_in_the_link(
    seller: make.Company, client: httpx2.AsyncClient, least: int | None, mam: str | None
) -> None:
    """domain §9: ``mam`` only where part payment is allowed, and only below the balance."""
    _, path = await link_of(seller, partialPaymentAllowed=True, minimumPart=least)
    text = (await client.get(path)).text
    assert ("mam=" in text) == (mam is not None)
    if mam is not None:
        assert f"&amp;mam={mam}&amp;mode=04" in text
    _, whole = await link_of(seller, minimumPart=least)
    assert "mam=" not in (await client.get(whole)).text


async def test_pdf_and_qr_are_of_this_invoice(seller: make.Company, client: httpx2.AsyncClient) -> None:
    _, path = await link_of(seller, invoiceNumber="PDF/26-27/9")
    pdf = await client.get(f"{path}/invoice.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'inline; filename="Invoice-PDF-26-27-9.pdf"'
    document = pypdfium2.PdfDocument(pdf.content)
    assert "PDF/26-27/9" in document[0].get_textpage().get_text_range()
    texts = [code.text for code in zxingcpp.read_barcodes(document[0].render(scale=4).to_pil().convert("L"))]
    [link] = [text for text in texts if text.startswith("upi://pay?")]
    assert "am=1180.00" in link
    assert "mode=01" in link
    svg = await client.get(f"{path}/upi.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.text == upi_qr_svg(link)


@pytest.mark.parametrize("tail", ["", "/invoice.pdf", "/upi.svg"])
async def test_every_reply_is_private_and_tells_nobody(
    seller: make.Company, client: httpx2.AsyncClient, tail: str
) -> None:
    _, path = await link_of(seller)
    for address in (path + tail, "/i/" + "A" * 27 + tail):
        headers = (await client.get(address)).headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'none'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "private, no-store"
        assert "noindex" in headers["x-robots-tag"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_unknown_malformed_and_replaced_links_look_alike(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    invoice_id, path = await link_of(seller)
    await seller.run("UPDATE invoices SET link_version = 2 WHERE seller_id = $1 AND invoice_id = $2", invoice_id)
    replaced = await client.get(path)
    assert replaced.status_code == 404
    for token in ("A" * 27, "short", "A" * 500, "%00" * 27, "a.b", "' OR 1=1 --", "é" * 27):
        other = await client.get(f"/i/{token}")
        assert (other.status_code, other.content) == (404, replaced.content)
    assert (await client.get(f"{path}/invoice.pdf")).status_code == 404


async def test_before_dispatch_there_is_no_page(seller: make.Company) -> None:
    invoice = await seller.invoice()
    assert "paymentLink" not in invoice
    assert await seller.value("SELECT count(*) FROM invoice_links WHERE seller_id = $1") == 0


async def test_a_paid_invoice_shows_so_and_has_no_qr(seller: make.Company, client: httpx2.AsyncClient) -> None:
    invoice_id, path = await link_of(seller)
    await seller.run(
        "UPDATE invoices SET receivable_status = 'PAID', balance = 0, total_received = net_amount "
        "WHERE seller_id = $1 AND invoice_id = $2",
        invoice_id,
    )
    page = await client.get(path)
    assert "paid in full" in page.text
    assert "upi://" not in page.text
    assert (await client.get(f"{path}/upi.svg")).status_code == 404


async def test_a_large_balance_is_paid_by_bank_with_the_account_shown(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    _, path = await link_of(seller, baseAmount=200_000, cgst=18_000, sgst=18_000)
    page = await client.get(path)
    assert "upi://" not in page.text
    assert "000111222333" in page.text


async def test_the_link_stores_no_token(seller: make.Company) -> None:
    _, path = await link_of(seller)
    token = path.removeprefix("/i/")
    stored = await seller.rows("SELECT link_hash FROM invoice_links WHERE seller_id = $1")
    assert token.encode() not in stored[0]["link_hash"]
    in_jobs = "SELECT count(*) FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || $2 || '%' OR $1 = ''"
    assert await seller.value(in_jobs, token) == 0


async def test_style_and_fonts_come_from_here_and_nothing_else_does(client: httpx2.AsyncClient) -> None:
    css = await client.get("/static/page.css")
    assert css.status_code == 200
    assert css.headers["content-type"].startswith("text/css")
    assert "max-age=3600" in css.headers["cache-control"]
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/",
    ):
        assert (await client.get(path)).status_code in {404, 405}


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("INV-1", "Invoice-INV-1.pdf"), ("A/26-27/0001", "Invoice-A-26-27-0001.pdf"), ("../../etc/passwd", "Invoice-etc-passwd.pdf"),
        ('x"; y=\r\n', "Invoice-x-y.pdf"), ("बिल", "Invoice.pdf"), ("...", "Invoice.pdf"), ("N" * 200, f"Invoice-{'N' * 80}.pdf"),
    ],
)  # fmt: skip
def test_a_file_name_is_safe_everywhere(number: str, name: str) -> None:
    assert pdf_name(number) == name
