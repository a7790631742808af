"""UPI links and QRs as domain §9 has them, read back with a parser and a camera's decoder."""

import re
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hundi.payments.qr import qr_svg
from hundi.payments.upi import (
    NotPayable,
    Payee,
    PaymentRequest,
    UpiMode,
    is_vpa,
    plain_note,
    transaction_reference,
    upi_link,
    upi_qr_svg,
    why_not_payable,
)

PAYEE = Payee(vpa="acme.traders@examplebank", name="Acme & Sons Pvt Ltd")


def request(**changes: object) -> PaymentRequest:
    fields: dict[str, object] = {
        "payee": PAYEE,
        "amount": Decimal("12345.60"),
        "reference": "HABC1",
        "note": "Invoice INV/26-001",
    }
    return PaymentRequest(**{**fields, **changes})  # type: ignore[arg-type]  # a factory takes any field


def parameters(link: str) -> list[tuple[str, str]]:
    assert link.startswith("upi://pay?")
    return parse_qsl(urlsplit(link).query, strict_parsing=True)


def test_the_link_is_exactly_as_the_specification_orders_it() -> None:
    assert upi_link(request()) == (
        "upi://pay?pa=acme.traders@examplebank&pn=Acme%20%26%20Sons%20Pvt%20Ltd&am=12345.60&cu=INR&tr=HABC1"
        "&tn=Invoice%20INV%2F26-001&mode=04"
    )


def test_merchant_code_and_least_part_payment_come_before_the_mode() -> None:
    payee = Payee(vpa="a1@upi", name="A", merchant_code="5411")
    link = upi_link(request(payee=payee, minimum=Decimal(100)), UpiMode.QR)
    assert [key for key, _ in parameters(link)] == ["pa", "pn", "am", "cu", "tr", "tn", "mc", "mam", "mode"]
    assert dict(parameters(link))["mam"] == "100.00"
    assert dict(parameters(link))["mode"] == "01"


@pytest.mark.parametrize(("minimum", "expected"), [("0.20", "1.00"), ("12345.59", "12345.59")])
def test_the_least_part_payment_is_one_rupee_or_more(minimum: str, expected: str) -> None:
    assert dict(parameters(upi_link(request(minimum=Decimal(minimum)))))["mam"] == expected


@pytest.mark.parametrize("minimum", ["12345.60", "99999"])
def test_a_least_part_payment_that_is_no_part_is_left_out(minimum: str) -> None:
    assert "mam=" not in upi_link(request(minimum=Decimal(minimum)))


@settings(deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=150),
    note=st.text(st.characters(exclude_categories=["Cs"]), max_size=150),
    paise=st.integers(min_value=100, max_value=10**16 - 1),
)
def test_any_name_and_note_give_a_link_that_reads_back(name: str, note: str, paise: int) -> None:
    amount = Decimal(paise) / 100
    link = upi_link(request(payee=Payee(vpa="ab@upi", name=name), note=note, amount=amount))
    assert link.isascii()
    assert "+" not in link
    assert " " not in link
    read = dict(parameters(link))
    assert Decimal(read["am"]) == amount
    assert len(read["am"].partition(".")[2]) == 2
    assert read["pn"] == (" ".join(name.split())[:99].strip() or "ab@upi")
    assert read.get("tn", "").isascii()
    assert len(read.get("tn", "")) <= 50
    assert read["cu"] == "INR"


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"payee": Payee(vpa="not a vpa", name="A")}, "pa"),
        ({"payee": Payee(vpa="a1@upi", name="A", merchant_code="54")}, "mc"),
        ({"reference": "with-dash"}, "tr"),
        ({"reference": "A" * 36}, "tr"),
        ({"reference": ""}, "tr"),
        ({"amount": Decimal("0.99")}, "am"),
        ({"amount": Decimal(-5)}, "am"),
    ],
)
def test_what_no_app_would_take_is_refused_by_name(changes: dict[str, object], parameter: str) -> None:
    with pytest.raises(ValueError, match=f"^{parameter}: "):
        upi_link(request(**changes))


@settings(deadline=None)
@given(invoice=st.text(st.characters(exclude_categories=["Cs"])), attempt=st.integers(1, 99_999_999))
def test_references_are_short_alphanumeric_and_steady(invoice: str, attempt: int) -> None:
    reference = transaction_reference(invoice, attempt)
    assert reference.isalnum()
    assert reference.isascii()
    assert len(reference) <= 35
    assert reference == transaction_reference(invoice, attempt)
    assert reference != transaction_reference(invoice + "x", attempt)


def test_attempts_have_references_of_their_own() -> None:
    assert len({transaction_reference(invoice, attempt) for invoice in ("I1", "I2") for attempt in range(1, 50)}) == 98
    with pytest.raises(ValueError, match="attempt"):
        transaction_reference("I1", 0)


def test_notes_keep_what_ascii_has() -> None:
    assert plain_note("Invoice №7 ₹ श्री  A/B-1.") == "Invoice 7 A/B-1."
    assert plain_note("x" * 49 + " y") == "x" * 49


@pytest.mark.parametrize(
    ("balance", "status", "vpa", "reason"),
    [
        ("100", "PENDING", "a1@upi", None),
        ("100000.00", "OVERDUE", "a1@upi", None),
        ("100000.01", "PENDING", "a1@upi", NotPayable.ABOVE_LIMIT),
        ("1.00", "PARTIALLY_PAID", "a1@upi", None),
        ("0.99", "PARTIALLY_PAID", "a1@upi", NotPayable.BELOW_ONE_RUPEE),
        ("0", "PENDING", "a1@upi", NotPayable.PAID),
        ("50", "PAID", "a1@upi", NotPayable.PAID),
        ("50", "CANCELLED", "a1@upi", NotPayable.CANCELLED),
        ("50", "DISPUTED", "a1@upi", NotPayable.DISPUTED),
        ("0", "WRITTEN_OFF", "a1@upi", NotPayable.WRITTEN_OFF),
        ("50", "PENDING", "", NotPayable.NO_UPI_ID),
    ],
)
def test_when_a_balance_can_be_paid(balance: str, status: str, vpa: str, reason: NotPayable | None) -> None:
    assert why_not_payable(Decimal(balance), status, vpa=vpa) == reason


def test_the_limit_is_the_registrations() -> None:
    assert why_not_payable(Decimal(200_000), "PENDING", Decimal(500_000), vpa="a1@upi") is None
    assert why_not_payable(Decimal(501), "PENDING", Decimal(500), vpa="a1@upi") is NotPayable.ABOVE_LIMIT


@pytest.mark.parametrize("vpa", ["", "a@b", "name", "na me@upi", "@upi", "name@", "name@1x", "ná@upi", "ab@upi\n"])
def test_what_is_no_upi_id(vpa: str) -> None:
    assert not is_vpa(vpa)


def test_a_camera_reads_the_qr_as_the_link() -> None:
    link = upi_link(request(note="Invoice 1", minimum=Decimal(1)), UpiMode.QR)
    assert [code.text for code in zxingcpp.read_barcodes(seen(upi_qr_svg(link)))] == [link]


def seen(svg: str, scale: int = 4) -> Image.Image:
    """Draw the one stroke of a QR's SVG: runs of modules from left to right, each begun where a move has led."""
    side = int(re.findall(r'viewBox="0 0 (\d+) \1"', svg)[0])
    picture = Image.new("L", (side * scale, side * scale), 255)
    x = y = Decimal(0)
    for word, first, second in re.findall(
        r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", re.findall(r'stroke="#000" d="([^"]+)"', svg)[0]
    ):
        if word == "h":
            picture.paste(
                0, tuple(int(edge * scale) for edge in (x, y - Decimal("0.5"), x + int(first), y + Decimal("0.5")))
            )
            x += int(first)
        elif word == "M":
            x, y = Decimal(first), Decimal(second)
        else:
            x, y = x + Decimal(first), y + Decimal(second)
    return picture


def test_the_svg_holds_a_drawing_and_nothing_that_runs() -> None:
    svg = upi_qr_svg(upi_link(request(), UpiMode.QR))
    assert svg.startswith("<svg ")
    assert "viewBox" in svg
    for word in ("<script", "style", "href", "xml:"):
        assert word not in svg


def test_a_qr_is_made_of_a_qr_link_only() -> None:
    for wrong in (upi_link(request()), "https://example.com"):
        with pytest.raises(ValueError, match="mode=01"):
            upi_qr_svg(wrong)


def test_a_text_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="text"):
        qr_svg("")
    with pytest.raises(ValueError, match=r"fit|large|Data"):
        qr_svg("x" * 3000)
