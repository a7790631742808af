"""Invoices of the books as the published message: golden files, each right by the network's rules and the portal's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gst_documents import KA_BUYER, TN_BUYER, TN_SELLER
from hundi.documents.queries import DocumentRow, ItemRow
from hundi.gst.document import Document
from hundi.gst.einvoice import check
from hundi.gst.irn import irn_of
from hundi.network.books.document import document_of
from hundi.network.books.ordering import OrderReference
from hundi.network.books.paper import CannotBeSent, Particulars, Place, body_of, digest_of
from hundi.network.protocol import messages as m
from hundi.network.wire.invoice import SendInvoice
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import read, written

GOLDEN = Path(__file__).parents[1] / "golden" / "network"
D = Decimal
NOUGHT = D("0.00")
DAY = date(2026, 11, 22)
HSN = "998314"
PLACE = Place(object_id="INV" + "0" * 31 + "1")
MORE = Particulars(supplier="SAHYADRI", buyer="DECCAN", account="000111222333", default_hsn=HSN)


def row(**changes: Any) -> DocumentRow:
    """Give an invoice of a Tamil Nadu supplier to a buyer in Karnataka: ₹1,000 and 18%."""
    given = dict.fromkeys(field.name for field in msgspec.structs.fields(DocumentRow))
    given |= {
        "invoice_id": "inv_1", "version": 1, "invoice_number": "INV/26-27/0042",
        "invoice_date": datetime(2026, 11, 15, 18, 30, tzinfo=UTC), "due_date": date(2026, 12, 16),
        "description": 'Bolts for the "Anna" site', "reverse_charge": False, "cgst": NOUGHT, "sgst": NOUGHT,
        "igst": D("180.00"), "cess": NOUGHT, "discount": NOUGHT, "other_charges": NOUGHT, "tcs": NOUGHT,
        "round_off": NOUGHT, "tds": NOUGHT, "taxable_value": D("1000.00"), "invoice_value": D("1180.00"),
        "net_amount": D("1180.00"), "balance": D("1180.00"), "place_of_supply": "29", "supply_type": None,
        "receivable_status": "PENDING", "partial_payment_allowed": False, "link_version": 0, "registration_id": "reg_1",
        "r_gstin": TN_SELLER, "r_legal_name": "Demo Steel Private Limited", "r_trade_name": "Demo Steel",
        "r_address_line1": "12 Anna Salai", "r_city": "Chennai", "r_pin_code": "600001", "r_state_code": "33",
        "r_email": "accounts@example.com", "r_phone": "+91 98200 00000", "r_bank_holder": "Demo Steel",
        "r_bank_ifsc": "DEMO0000001", "r_upi_vpa": "demo.steel@example", "r_upi_max_amount": D(100000),
        "c_legal_name": "Deccan Retail Private Limited", "c_gstin": KA_BUYER, "c_treatment": "REGISTERED",
        "c_address": "12 Residency Road\nBengaluru", "c_state_code": "29", "c_pin_code": "560025",
    }  # fmt: skip
    return DocumentRow(**(given | changes))


def item(**changes: Any) -> ItemRow:
    """Give ten bolts of ₹100.50, ₹5 off, at 18% between states."""
    given: dict[str, Any] = {
        "invoice_id": "inv_1", "description": "Hexagon bolts M12", "hsn_code": "73181500", "is_service": False,
        "quantity": D("10.000"), "unit": "Nos", "unit_price": D("100.5000"), "discount": D("5.00"),
        "taxable_value": D("1000.00"), "gst_rate": D("18.000"), "cgst": NOUGHT, "sgst": NOUGHT, "igst": D("180.00"),
        "cess": NOUGHT, "item_total": D("1180.00"),
    }  # fmt: skip
    return ItemRow(**(given | changes))


INSIDE: dict[str, Any] = {"cgst": D("90.00"), "sgst": D("90.00"), "igst": NOUGHT}
IN_TN: dict[str, Any] = {
    "c_gstin": TN_BUYER, "c_state_code": "33", "c_pin_code": "600002", "place_of_supply": "33",
    "c_address": "4 Mount Road, Chennai", **INSIDE,
}  # fmt: skip
SERVICE: dict[str, Any] = {
    "description": "Haulage", "hsn_code": "996511", "is_service": True, "quantity": None, "unit": None,
    "unit_price": None, "discount": NOUGHT,
}  # fmt: skip
ORDER = OrderReference(number="PO-7", day=date(2026, 11, 1), object_id="PUR" + "0" * 31 + "7")


def with_irn(found: DocumentRow) -> DocumentRow:
    bare = document_of(found, [item()], default_hsn=HSN, account=None)
    at = datetime(2026, 11, 16, 5, tzinfo=UTC)
    irn = irn_of(bare, generated_on=DAY)
    return replace(found, irn=irn, ack_date=at, ack_no="112", signed_qr="eyJhbGciOi.eyJkYXRhIjoi.c2ln")


SAMPLES: dict[str, tuple[DocumentRow, list[ItemRow], Particulars]] = {
    "between_states": (row(), [item()], MORE),
    "inside_a_state": (row(**IN_TN), [item(**INSIDE)], MORE),
    "without_items": (row(description="Design of a bridge"), [], MORE),
    # Sent with the tax in the base amount: what is stored as taxable is what goes out.
    "tax_included": (
        row(taxable_value=D("847.46"), igst=D("152.54"), invoice_value=D("1000.00"), net_amount=D("1000.00"),
            balance=D("600.00"), ship_to_name="Site office", ship_to_address="Plot 4, Peenya, Bengaluru",
            ship_to_state="29", ship_to_pin="560058"), [], MORE,
    ),
    "reverse_charge": (
        row(reverse_charge=True, invoice_value=D("1000.00"), net_amount=D("1000.00"), balance=D("1000.00")),
        [item(**SERVICE)], MORE,
    ),
    "charges_and_round_off": (
        row(other_charges=D("20.00"), tcs=D("1.18"), round_off=D("-0.18"), cess=D("10.00"), invoice_value=D("1211.00"),
            net_amount=D("1211.00"), balance=D("1211.00")), [item(cess=D("10.00"))], MORE,
    ),
    "with_irn": (with_irn(row()), [item()], MORE),
    "for_an_order": (row(po_number="PO-7", eway_bill_no="331000112233"), [item()], replace(MORE, order=ORDER)),
    "sez_with_tax": (row(c_treatment="SEZ"), [item()], MORE),
    "export_without_tax": (
        row(c_treatment="OVERSEAS", c_gstin=None, c_state_code="96", place_of_supply="96", igst=NOUGHT,
            c_legal_name="Rhine Bau GmbH", c_address="Ring 1, Cologne", c_pin_code=None, invoice_value=D("1000.00"),
            net_amount=D("1000.00"), balance=D("1000.00")), [item(igst=NOUGHT)], MORE,
    ),
}  # fmt: skip


def body(name: str) -> SendInvoice:
    return body_of(*SAMPLES[name], PLACE)


@pytest.mark.parametrize("name", SAMPLES)
def test_invoices_are_written_as_the_golden_files_have_them(name: str) -> None:
    text = msgspec.json.format(written(body(name)), indent=2).decode() + "\n"
    assert text == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_golden_files_are_right_by_the_networks_rules(name: str) -> None:
    found = read((GOLDEN / f"{name}.json").read_bytes(), SendInvoice, proper=True)
    sample, _, _ = SAMPLES[name]
    message = message_of(found, m.SendInvoice)
    assert isinstance(message, m.SendInvoice)
    assert (message.total, message.irn) == (sample.invoice_value, sample.irn)


@pytest.mark.parametrize("name", SAMPLES)
def test_golden_files_are_right_by_the_portals_rules(name: str) -> None:
    sample, lines, more = SAMPLES[name]
    document: Document = document_of(sample, lines, default_hsn=more.default_hsn, account=more.account)
    problems = check(document, today=DAY, strict=True)
    assert [(one.field, one.code, one.message) for one in problems.errors] == []


@pytest.mark.parametrize(
    ("written", "sent"),
    [("Kg", "KGS"), ("sq. ft", "SQF"), ("Each", "UNT"), ("L", "LTR"), ("Pallet", "PALLET"), ("", "OTH"), (None, "OTH")],
)
def test_a_unit_goes_out_as_the_portals_code_where_it_has_one(written: str | None, sent: str) -> None:
    (line,) = document_of(row(), [item(unit=written)], default_hsn=HSN, account=None).items
    assert line.unit == sent


def test_an_order_is_counted_and_a_version_is_the_next() -> None:
    sample, lines, more = SAMPLES["for_an_order"]
    edited = body_of(sample, lines, more, replace(PLACE, current=1, new=2, status="RETURNED"))
    assert digest_of(edited) == digest_of(body("for_an_order")), "version and status say nothing to the buyer"
    message = message_of(edited, m.EditInvoice)
    assert isinstance(message, m.EditInvoice)
    assert [(share.order_id, share.amount) for share in message.orders] == [(ORDER.object_id, D("1180.00"))]
    assert (message.version.current, message.version.new) == (1, 2)


def test_another_amount_is_another_digest() -> None:
    more = [item(taxable_value=D("900.00"))]
    assert digest_of(body_of(row(), more, MORE, PLACE)) != digest_of(body("between_states"))


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"hsn_code": None}, "invoice.itemLists[0].hsnCode", "NO_HSN"),
        ({"hsn_code": "12345"}, "invoice.itemLists[0].hsnCode", "BAD_FORMAT"),
        ({"unit_price": D("1.00005")}, "invoice.itemLists[0].unitPrice", "TOO_PRECISE"),
    ],
)
def test_a_line_that_cannot_be_sent(changes: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(CannotBeSent) as refused:
        body_of(row(), [item(**changes)], MORE, PLACE)
    assert [(one.field, one.code) for one in refused.value.problems] == [(field, code)]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"c_gstin": None, "c_state_code": None}, "invoice.buyerDetails.stateCode", "NO_STATE"),
        ({"invoice_value": NOUGHT}, "invoice.valueDetails.totalInvoiceValue", "AMOUNT_NOT_POSITIVE"),
        ({"c_legal_name": "N" * 101}, "invoice.buyerDetails.legalName", "BAD_FORMAT"),
    ],
)
def test_an_invoice_that_cannot_be_sent(changes: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(CannotBeSent) as refused:
        body_of(row(**changes), [item()], MORE, PLACE)
    assert [(one.field, one.code) for one in refused.value.problems] == [(field, code)]


@pytest.mark.parametrize(
    ("taxable", "tax", "rate"),
    [("1000.00", "180.00", "18"), ("999.99", "50.00", "5"), ("100.00", "13.00", "12"), ("1000.00", "777.00", "77.700")],
)
def test_the_rate_of_an_invoice_without_lines_is_the_listed_one(taxable: str, tax: str, rate: str) -> None:
    found = document_of(row(taxable_value=D(taxable), igst=D(tax)), [], default_hsn=HSN, account=None)
    assert found.items[0].gst_rate == D(rate)
