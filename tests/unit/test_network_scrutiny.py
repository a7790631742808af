"""Invoices and notes of the network held against the rules of GST: what is refused, what is doubted, and where it says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from joserfc import jws
from joserfc.jwk import RSAKey

import network_bodies as bodies
from gst_documents import TODAY, documents, everything, invoice
from hundi.config import BadSetting
from hundi.gst.document import ITEM_VALUE_TYPES, OTHER_VALUE_TYPES, RATE_TYPES, Document, DocumentKind, Item, Party
from hundi.gst.einvoice import check
from hundi.gst.inv01 import to_inv01
from hundi.gst.irn import compute_irn
from hundi.gst.signed import PortalKeys
from hundi.kit.errors import FieldProblem, Invalid
from hundi.network.scrutiny import portal_keys, scrutinised
from hundi.network.wire.einvoice import document_of
from hundi.network.wire.invoice import SendInvoice
from hundi.network.wire.notes import SendNote
from hundi.network.wire.reading import MOST_PROBLEMS, read

DAY = date(2026, 11, 16)
PORTAL = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Change = Callable[[dict[str, Any]], Any]


def parsed(body: Any) -> SendInvoice | SendNote:
    content = json.dumps(body).encode()
    return read(content, SendNote) if "cdNote" in body else read(content, SendInvoice)


def doubts(body: Any, *, keys: PortalKeys | None = None, sandbox: bool = False) -> list[FieldProblem]:
    return list(scrutinised(parsed(body), today=DAY, keys=keys, sandbox=sandbox))


def errors(body: Any, *, keys: PortalKeys | None = None, sandbox: bool = False) -> list[FieldProblem]:
    with pytest.raises(Invalid) as refused:
        scrutinised(parsed(body), today=DAY, keys=keys, sandbox=sandbox)
    return list(refused.value.problems)


def places(problems: list[FieldProblem]) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in problems]


def changed(change: Change, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give a good body, or this one, with one change."""
    fresh: dict[str, Any] = json.loads(json.dumps(body or bodies.send_invoice()))
    change(fresh.get("invoice") or fresh["cdNote"])
    return fresh


def irn(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Register an invoice: give it the IRN that its own number, day and supplier have."""
    sent = body.get("invoice") or body["cdNote"]
    kind = DocumentKind.INVOICE if "invoice" in body else DocumentKind.CREDIT_NOTE
    number = sent.get("supplierInvoiceNumber") or sent["supplierCDNoteNumber"]
    found = compute_irn(sent["supplierDetails"]["gstin"], DAY, kind, number, generated_on=DAY)
    sent["eInvoiceInfo"] = {"schemaVersion": "1.1", "irnNumber": found, "irnTs": bodies.TS} | more
    return body


def registered() -> dict[str, Any]:
    """Give an invoice a portal would take: without the blocks that go with exports and with carriage."""
    body: dict[str, Any] = json.loads(json.dumps(bodies.send_invoice()))
    for name in ("exportDetails", "ewayBillDetail", "dispatchDetails", "shippingDetails", "additionalDocumentDetails"):
        del body["invoice"][name]
    body["invoice"]["valueDetails"]["otherValues"] = [{"type": "IGST", "value": 180}]
    body["invoice"]["buyerDetails"]["address"]["pincode"] = "560001"
    return irn(body)


def test_good_bodies_are_beyond_doubt() -> None:
    assert places(doubts(bodies.send_invoice())) == []
    assert places(doubts(bodies.send_note())) == []
    assert places(doubts(registered())) == []


# What is wrong in every invoice: the change, the place, the code, the portal's number.
ALWAYS: list[Any] = [
    (lambda i: i["supplierDetails"].update(gstin="27AAPFU0939F1ZX"), "supplierDetails.gstin", "GSTIN_CHECK_DIGIT", None),
    (lambda i: i["buyerDetails"].update(gstin="29AAACG0569P1Z4"), "buyerDetails.gstin", "GSTIN_CHECK_DIGIT", None),
    (lambda i: i["buyerDetails"].update(gstin="60AAACG0569P1Z3"), "buyerDetails.gstin", "GSTIN_STATE", None),
    (lambda i: i["buyerDetails"].update(gstin=bodies.GSTIN), "buyerDetails.gstin", "SAME_PARTY", "2211"),
    (lambda i: i["itemLists"].append(bodies.item(0)), "itemLists[1].serialno", "SERIAL_DUPLICATE", "2233"),
    (lambda i: i["itemLists"][0].update(assessmentAmount=1010, totalItemValue=1190),
     "itemLists[0].assessmentAmount", "ASSESSABLE_MISMATCH", "2193"),
    (lambda i: i["itemLists"][0]["itemValueDetails"].append({"type": "DISCOUNT", "value": 20}),
     "itemLists[0].assessmentAmount", "ASSESSABLE_MISMATCH", "2193"),
    (lambda i: i["itemLists"][0]["itemValueDetails"].append({"type": "CGST", "value": 90}),
     "itemLists[0].itemValueDetails[IGST]", "TAX_HEADS_MIXED", "2174"),
    (lambda i: i["itemLists"][0]["itemValueDetails"].append({"type": "DISCOUNT", "value": -5}),
     "itemLists[0].itemValueDetails[DISCOUNT]", "AMOUNT_NEGATIVE", None),
    (lambda i: i["itemLists"][0].update(totalItemValue=1190), "itemLists[0].totalItemValue", "ITEM_TOTAL_MISMATCH", "2194"),
    (lambda i: i["valueDetails"].update(assessmentValue=900),
     "valueDetails.assessmentValue", "ASSESSABLE_TOTAL_MISMATCH", "2182"),
    (lambda i: i["valueDetails"].update(totalInvoiceValue=1190),
     "valueDetails.totalInvoiceValue", "INVOICE_TOTAL_MISMATCH", "2189"),
    (lambda i: i["valueDetails"]["otherValues"].append({"type": "IGST", "value": 170}),
     "valueDetails.otherValues[IGST]", "IGST_TOTAL_MISMATCH", "2185"),
    (lambda i: i["valueDetails"].update(otherValues=[{"type": "ROUND OFF", "value": 100}], totalInvoiceValue=1280),
     "valueDetails.otherValues[ROUND OFF]", "ROUND_OFF_TOO_LARGE", None),
]  # fmt: skip

# What is wrong in an e-invoice and doubtful in another.
WITH_AN_IRN: list[Any] = [
    (lambda i: i["supplierDetails"].update(stateCode="07"), "supplierDetails.stateCode", "STATE_NOT_OF_GSTIN", "2258"),
    (lambda i: i["buyerDetails"].update(stateCode="MH"), "buyerDetails.stateCode", "STATE_NOT_OF_GSTIN", "2265"),
    (lambda i: i["buyerDetails"].update(placeOfSupply="27"),
     "itemLists[0].itemValueDetails[IGST]", "TAX_HEADS_CONTRADICT_PLACE", "2172"),
    (lambda i: i["buyerDetails"].update(gstin="URP"), "buyerDetails.gstin", "BUYER_UNREGISTERED", "2212"),
    (lambda i: i["transactionDetails"].update(igstChargable="YES"),
     "transactionDetails.igstChargable", "IGST_ON_INTRA", "2262"),
    (lambda i: i["itemLists"][0].update(totalAmt=1100, unitPrice=110),
     "itemLists[0].assessmentAmount", "DISCOUNT_UNNAMED", "2193"),
    (lambda i: i["itemLists"][0].update(gstRate=17), "itemLists[0].gstRate", "RATE_UNLISTED", "2240"),
    (lambda i: i["itemLists"][0].update(gstRate=5), "itemLists[0].itemValueDetails[IGST]", "IGST_MISMATCH", "2235"),
    (lambda i: i["itemLists"][0]["itemValueDetails"].append({"type": "OCTROI", "value": 12}),
     "itemLists[0].itemValueDetails[OCTROI]", "VALUE_TYPE_UNKNOWN", None),
    (lambda i: i["valueDetails"]["otherValues"].append({"type": "OCTROI", "value": 12}),
     "valueDetails.otherValues[OCTROI]", "VALUE_TYPE_UNKNOWN", None),
]  # fmt: skip

# What a portal alone would ask: looked at with an IRN only.
SHAPES: list[Any] = [
    (lambda i: i["itemLists"][0].update(hsnCode="770100"), "itemLists[0].hsnCode", "HSN_CHAPTER_UNKNOWN", "2176"),
    (lambda i: i["itemLists"][0].update(isService="YES"), "itemLists[0].hsnCode", "HSN_NOT_A_SERVICE", None),
    (lambda i: i["itemLists"][0].update(unit="ABC"), "itemLists[0].unit", "UNIT_UNKNOWN", "2177"),
    (lambda i: i["itemLists"][0].update(serialno="A1"), "itemLists[0].serialno", "SERIAL_FORMAT", None),
    (lambda i: i["poDetails"].append({"buyerPoId": "x" * 17}), "poDetails[1].buyerPoId", "TEXT_LENGTH", None),
    (lambda i: i["advancePaymentDetails"].update(mode="x" * 19), "advancePaymentDetails.mode", "TEXT_LENGTH", None),
    (lambda i: i["supplierBankAccountDetails"].update(maskedAccountNumber="x" * 19),
     "supplierBankAccountDetails.maskedAccountNumber", "TEXT_LENGTH", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "code", "nic"), ALWAYS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_contradicts_itself_is_refused_with_and_without_an_irn(
    change: Change, field: str, code: str, nic: str | None
) -> None:
    for body in (bodies.send_invoice(), registered()):
        found = {(one.field, one.code, one.nic) for one in errors(changed(change, body))}
        assert (f"invoice.{field}", code, nic) in found, found


@pytest.mark.parametrize(
    ("change", "field", "code", "nic"), WITH_AN_IRN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_a_portal_refuses_is_an_error_with_an_irn_and_a_doubt_without(
    change: Change, field: str, code: str, nic: str | None
) -> None:
    wanted = (f"invoice.{field}", code, nic)
    assert wanted in {(one.field, one.code, one.nic) for one in doubts(changed(change))}
    assert wanted in {(one.field, one.code, one.nic) for one in errors(changed(change, registered()))}


@pytest.mark.parametrize(
    ("change", "field", "code", "nic"), SHAPES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_shapes_are_for_e_invoices(change: Change, field: str, code: str, nic: str | None) -> None:
    assert doubts(changed(change)) == []
    found = {(one.field, one.code, one.nic) for one in errors(changed(change, registered()))}
    assert found == {(f"invoice.{field}", code, nic)}


def test_what_a_copy_leaves_out_is_no_error() -> None:
    """Half of what is sent over the network has no PIN code and no serial number, IRN or not (docs/decisions/0015)."""
    small = bodies.send_invoice()
    for party in ("supplierDetails", "buyerDetails"):
        for name in ("address", "contactNumber", "email", "stateCode", "tradeName"):
            small["invoice"][party].pop(name)
    small["invoice"]["buyerDetails"].pop("placeOfSupply")
    for name in ("serialno", "productDescription", "quantity", "unit", "itemValueDetails", "rates", "isService"):
        small["invoice"]["itemLists"][0].pop(name)
    for name in (
        "valueDetails", "dispatchDetails", "shippingDetails", "exportDetails", "ewayBillDetail", "additionalDocumentDetails",
    ):  # fmt: skip
        small["invoice"].pop(name)
    assert places(doubts(small)) == [("invoice.valueDetails", "VALUES_MISSING")]
    found = {code for _, code in places(doubts(irn(small)))}
    assert found == {"VALUES_MISSING", "TEXT_MISSING", "QUANTITY_MISSING", "UNIT_MISSING"}


@pytest.mark.parametrize("total", [1180, 1000], ids=["with the tax", "untaxed"])
def test_lines_without_heads_are_taken_at_their_rate(total: int) -> None:
    body = bodies.send_invoice(total=1180)
    line = body["invoice"]["itemLists"][0] | {"totalItemValue": total}
    del line["itemValueDetails"]
    body["invoice"] |= {"itemLists": [line], "valueDetails": {"totalInvoiceValue": total}}
    missing = [] if total == 1180 else [("invoice.itemLists[0].itemValueDetails[IGST]", "IGST_MISMATCH")]
    assert places(doubts(body)) == missing
    line["totalItemValue"] = body["invoice"]["valueDetails"]["totalInvoiceValue"] = 1250
    assert places(doubts(body)) == [("invoice.itemLists[0].itemValueDetails[not sent]", "VALUE_TYPE_UNKNOWN")]


def test_an_irn_is_computed_again() -> None:
    body = registered()
    shouting = changed(lambda i: i["eInvoiceInfo"].update(irnNumber=i["eInvoiceInfo"]["irnNumber"].upper()), body)
    assert doubts(shouting) == []
    for change in (
        lambda i: i["eInvoiceInfo"].update(irnNumber="0" * 64),
        lambda i: i.update(supplierInvoiceNumber="S/OTHER"),
        lambda i: i.update(ts="2026-03-31T10:00:00+05:30"),
    ):
        found = errors(changed(change, body))
        assert ("invoice.eInvoiceInfo.irnNumber", "IRN_WRONG") in places(found)


def test_a_note_is_named_as_its_message_names_it() -> None:
    note = changed(lambda n: n["cdNoteValueDetails"].update(totalCDNoteValue=200), bodies.send_note())
    assert [(one.field, one.code, one.nic) for one in errors(note)] == [
        ("cdNote.cdNoteValueDetails.totalCDNoteValue", "INVOICE_TOTAL_MISMATCH", "2189")
    ]
    long = changed(lambda n: n.update(supplierCDNoteNumber="N" * 20), bodies.send_note())
    assert places(doubts(long)) == [("cdNote.supplierCDNoteNumber", "NUMBER_OVER_16")]
    odd = changed(lambda n: n["transactionDetails"].update(eCommerceGstin=bodies.GSTIN), bodies.send_note())
    assert places(doubts(odd)) == [("cdNote.transactionDetails.eCommerceGstin", "ECOMMERCE_GSTIN_KIND")]
    bare = changed(lambda n: [n.pop(name) for name in ("itemLists", "cdNoteValueDetails")], bodies.send_note())
    assert places(doubts(bare)) == [("cdNote.cdNoteValueDetails", "VALUES_MISSING")]


def test_made_up_gstins_pass_in_a_sandbox_and_are_told_of() -> None:
    body = changed(lambda i: i["supplierDetails"].update(gstin="02AMBPG7773M002", stateCode="02"))
    assert places(errors(body)) == [("invoice.supplierDetails.gstin", "GSTIN_FORMAT")]
    assert places(doubts(body, sandbox=True)) == [("invoice.supplierDetails.gstin", "GSTIN_FORMAT")]


def test_two_thousand_mistakes_are_listed_and_more_are_counted() -> None:
    line = bodies.item(1180) | {"totalItemValue": 2000, "assessmentAmount": 5, "totalAmt": 1}
    lines = [line | {"serialno": str(at + 1)} for at in range(1000)]
    lines[0]["itemValueDetails"] = [{"type": "IGST", "value": 180}, {"type": "CGST", "value": 1}]
    body = changed(lambda i: i.update(itemLists=lines, valueDetails={"totalInvoiceValue": 2_000_000}))
    with pytest.raises(Invalid) as refused:
        scrutinised(parsed(body), today=DAY, keys=None, sandbox=True)
    assert len(refused.value.problems) == MOST_PROBLEMS
    assert refused.value.message == "2001 figures are wrong; the first 2000 are listed."


# ---------------------------------------------------------------- what a portal has signed


def pem_of(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signed(data: Any) -> str:
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = RSAKey.import_key(PORTAL.private_bytes(serialization.Encoding.PEM, *kinds).decode())
    text = msgspec.json.Encoder(decimal_format="number").encode(data).decode()
    registry = jws.JWSRegistry(strict_check_header=False, algorithms=["RS256"])
    registry.max_payload_length = 10**7
    return jws.serialize_compact({"alg": "RS256"}, json.dumps({"data": text, "iss": "NIC"}), private, registry=registry)


def qr(body: dict[str, Any], **more: Any) -> str:
    sent = body["invoice"]
    return signed({
        "SellerGstin": sent["supplierDetails"]["gstin"], "BuyerGstin": sent["buyerDetails"]["gstin"],
        "DocNo": sent["supplierInvoiceNumber"], "DocTyp": "INV", "DocDt": "16/11/2026",
        "TotInvVal": sent["valueDetails"]["totalInvoiceValue"], "ItemCnt": 1, "MainHsnCode": "848180",
        "Irn": sent["eInvoiceInfo"]["irnNumber"], "IrnDt": "2026-11-16 18:05:00",
    } | more)  # fmt: skip


def answered(body: dict[str, Any], answer: str) -> dict[str, Any]:
    return body | {"invoice": body["invoice"] | {"einvoiceResponse": answer}}


def test_what_a_portal_has_signed_is_verified_where_its_key_is_known() -> None:
    keys = PortalKeys([pem_of(PORTAL)])
    body = registered()
    for answer in (
        qr(body),
        json.dumps({"AckNo": 1, "SignedQRCode": qr(body)}),
        signed(
            to_inv01(document_of(read(json.dumps(body).encode(), SendInvoice).invoice))
            | {"Irn": body["invoice"]["eInvoiceInfo"]["irnNumber"]}
        ),
    ):
        assert doubts(answered(body, answer), keys=keys) == []
    other = answered(body, qr(body, TotInvVal=99))
    assert places(errors(other, keys=keys)) == [("invoice.valueDetails.totalInvoiceValue", "QR_DIFFERS")]
    assert doubts(other) == [], "without a key nothing is said of it"
    for answer, code in ((qr(body)[:-8] + "AAAAAAAA", "SIGNATURE_INVALID"), ("signed", "SIGNED_FORMAT"), ("{", "SIGNED_FORMAT"),
                         ("{}", "SIGNED_FORMAT"), (signed({"x": 1}), "SIGNED_DATA")):  # fmt: skip
        bad = answered(body, answer)
        assert places(errors(bad, keys=keys)) == [("invoice.einvoiceResponse", code)]


def test_the_keys_of_portals_come_from_a_file(tmp_path: Path) -> None:
    assert portal_keys(None) is None
    file = tmp_path / "portals.pem"
    file.write_text(f"NIC\n{pem_of(PORTAL)}\nanother\n{pem_of(PORTAL)}")
    assert portal_keys(file)
    for content in ("", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        file.write_text(content)
        with pytest.raises(BadSetting, match="HUNDI_IRP_KEYS"):
            portal_keys(file)
    with pytest.raises(BadSetting, match="HUNDI_IRP_KEYS"):
        portal_keys(tmp_path / "none.pem")


# ---------------------------------------------------------------- there and back


def typed(block: Any, types: Any) -> list[dict[str, Any]]:
    return [{"type": name, "value": getattr(block, field)} for name, field in types.items() if getattr(block, field)]


def wire_party(party: Party, **more: Any) -> dict[str, Any]:
    address = {
        "addressLine1": party.address.line1, "addressLine2": party.address.line2, "city": party.address.city,
        "pincode": party.address.pincode, "country": party.address.country,
    }  # fmt: skip
    return kept({
        "gstin": party.gstin, "legalName": party.legal_name, "tradeName": party.trade_name, "stateCode": party.state_code,
        "address": kept(address), "email": party.email,
        "contactNumber": {"phoneNumber": party.phone} if party.phone else None, **more,
    })  # fmt: skip


def wire_item(item: Item) -> dict[str, Any]:
    return kept({
        "serialno": item.serial, "productDescription": item.description, "isService": "YES" if item.is_service else "NO",
        "hsnCode": item.hsn, "barCode": item.barcode, "quantity": item.quantity, "freeQuantity": item.free_quantity,
        "unit": item.unit, "unitPrice": item.unit_price, "totalAmt": item.total_amount, "assessmentAmount": item.assessable,
        "gstRate": item.gst_rate, "totalItemValue": item.total_value, "orderLineReference": item.order_line,
        "originCountry": item.origin_country, "productSerialNumber": item.product_serial,
        "itemValueDetails": typed(item, ITEM_VALUE_TYPES), "rates": typed(item, RATE_TYPES),
        "attributeDetails": [{"name": one.name, "value": one.value} for one in item.attributes],
        "batchDetails": kept({
            "batchNumber": item.batch.number, "expiryDate": item.batch.expiry, "batchWarrantyDate": item.batch.warranty,
        }) if item.batch else None,
    })  # fmt: skip


def kept(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value is not None and value != ""}


def wire_of(document: Document) -> bytes:
    """Write a document as the network's invoice."""
    body = bodies.send_invoice()
    transaction, values = document.transaction, document.values
    assert values is not None
    shipping = document.shipping and wire_party(document.shipping)
    if shipping:
        shipping["lglNm"], shipping["trdNm"] = shipping.pop("legalName", None), shipping.pop("tradeName", None)
    fresh = {name: body["invoice"][name] for name in ("objectId", "objectVersion", "statusTransition")} | kept({
        "supplierInvoiceNumber": document.number, "ts": f"{document.day}T00:00:00+05:30",
        "transactionDetails": kept({
            "taxScheme": "GST", "supplyType": transaction.supply_type,
            "reverseChargeTax": "YES" if transaction.reverse_charge else "NO",
            "igstChargable": "YES" if transaction.igst_on_intra else "NO", "ecommerceGstin": transaction.ecommerce_gstin,
        }),
        "supplierDetails": wire_party(document.supplier),
        "buyerDetails": wire_party(document.buyer, placeOfSupply=document.place_of_supply),
        "dispatchDetails": document.dispatch and wire_party(document.dispatch), "shippingDetails": shipping,
        "itemLists": [wire_item(item) for item in document.items], "supplierBankAccountDetails": {},
        "valueDetails": {
            "assessmentValue": values.assessable, "totalInvoiceValue": values.total,
            "otherValues": [
                {"type": name, "value": getattr(values, field)}
                for name, field in OTHER_VALUE_TYPES.items() if getattr(values, field) is not None
            ],
        },
        "precedingInvoiceDetails": [
            kept({"invoiceNumber": one.number, "date": one.day, "otherReferenceNo": one.other_reference})
            for one in document.preceding
        ],
    })  # fmt: skip
    return msgspec.json.Encoder(decimal_format="number").encode(body | {"invoice": fresh})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_what_is_right_for_a_portal_is_right_on_the_network(document: Document) -> None:
    data = read(wire_of(msgspec.structs.replace(document, kind=DocumentKind.INVOICE)), SendInvoice)
    found = document_of(data.invoice)
    assert found.items == document.items
    for name in ("number", "day", "supplier", "buyer", "place_of_supply", "transaction", "shipping", "dispatch"):
        assert getattr(found, name) == getattr(document, name), name
    scrutinised(data, today=TODAY, keys=None, sandbox=False)
    right = check(found, today=TODAY, strict=not document.is_note, extract=True)
    assert right.errors == ()


def test_a_document_with_everything_comes_over_whole() -> None:
    for document in (everything(), invoice(), invoice(inter=True)):
        found = document_of(read(wire_of(document), SendInvoice).invoice)
        assert found.items == document.items
        assert found.values == document.values
        assert check(found, today=TODAY, strict=True, extract=True).errors == ()


def test_fifty_lines_take_little_time() -> None:
    """The rules are run on every invoice: fifty lines in the time design §3 leaves (issue: 1.5 ms for reading and this)."""
    lines = [bodies.item(1180) | {"serialno": str(at + 1)} for at in range(50)]
    data = parsed(changed(lambda i: i.update(itemLists=lines, valueDetails={"totalInvoiceValue": 59_000})))
    scrutinised(data, today=DAY, keys=None, sandbox=True)
    best = min(timed(data) for _ in range(20))
    assert best < 5.0, "ten times what was measured, for slower machines"


def timed(data: SendInvoice | SendNote) -> float:
    began = time.thread_time()
    scrutinised(data, today=DAY, keys=None, sandbox=True)
    return (time.thread_time() - began) * 1000
