"""The rules of GST on the wire: refusals with the portal's number, doubts beside the acknowledgement, the page's own sample."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

import network_bodies as bodies
from hundi.gst.document import DocumentKind
from hundi.gst.irn import compute_irn
from network_world import Trader, World


@pytest.fixture
async def pair(db: Any, keyring: Any, clock: Any, new_seller: Any) -> tuple[Trader, Trader]:
    world = World(db, keyring, clock)
    return await world.join(await new_seller()), await world.join(await new_seller())


def problems(reply: httpx2.Response) -> list[tuple[str, str, str | None]]:
    return [(one["field"], one["code"], one.get("nic")) for one in reply.json()["errorResponse"]["apiSubErrors"]]


def warnings(reply: httpx2.Response) -> list[tuple[str, str, str | None]]:
    return [(one["field"], one["code"], one.get("nic")) for one in reply.json()["warnings"]]


def irn_of(number: str) -> str:
    day = bodies.DAY
    return compute_irn(bodies.GSTIN, day, DocumentKind.INVOICE, number, generated_on=day)


async def test_what_contradicts_itself_does_not_leave(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    sent["invoice"]["valueDetails"]["totalInvoiceValue"] = 1280
    sent["invoice"]["buyerDetails"]["gstin"] = bodies.GSTIN
    reply = await supplier.post("invoice/req-send-invoice", sent)
    assert (reply.status_code, reply.json()["errorResponse"]["errorType"]) == (400, "VALIDATION_ERROR")
    assert problems(reply) == [
        ("invoice.buyerDetails.gstin", "SAME_PARTY", "2211"),
        ("invoice.valueDetails.totalInvoiceValue", "INVOICE_TOTAL_MISMATCH", "2189"),
    ]
    missing = await supplier.company.http.get(f"/api/v0/network/invoice/{sent['invoice']['objectId']}")
    assert missing.status_code == 404, "nothing is kept of it"
    note = bodies.send_note(supplier.b2b_id, buyer.b2b_id)
    note["cdNote"]["cdNoteValueDetails"]["assessmentValue"] = 5
    reply = await supplier.post("cd-note/req-send", note)
    assert problems(reply) == [("cdNote.cdNoteValueDetails.assessmentValue", "ASSESSABLE_TOTAL_MISMATCH", "2182")]


async def test_doubts_stand_beside_the_acknowledgement_each_time(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    sent["invoice"]["itemLists"][0]["gstRate"] = 17
    key = {"Idempotency-Key": "one"}
    first = await supplier.post("invoice/req-send-invoice", sent, headers=key)
    assert (first.status_code, first.json()["response_message"]) == (200, "SUCCESS")
    assert warnings(first) == [
        ("invoice.itemLists[0].gstRate", "RATE_UNLISTED", "2240"),
        ("invoice.itemLists[0].itemValueDetails[IGST]", "IGST_MISMATCH", "2235"),
    ]
    again = await supplier.post("invoice/req-send-invoice", sent, headers=key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    await supplier.world.carry()
    assert (await buyer.heard("network.invoice.req-send-invoice"))[-1]["data"] == sent, "delivered as it was sent"
    edited = bodies.edit_invoice(sent, 1062, "SENT TO BUYER")
    edited["invoice"]["buyerDetails"] = sent["invoice"]["buyerDetails"] | {"stateCode": "KL"}
    reply = await supplier.post("invoice/req-edit-invoice", edited)
    assert warnings(reply) == [("invoice.buyerDetails.stateCode", "STATE_NOT_OF_GSTIN", "2265")]


async def test_an_e_invoice_is_held_to_the_portal_s_rules(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    for name in ("exportDetails", "ewayBillDetail"):
        del sent["invoice"][name]
    number = sent["invoice"]["supplierInvoiceNumber"]
    sent["invoice"]["eInvoiceInfo"] = {"schemaVersion": "1.1", "irnNumber": irn_of("S/OTHER"), "irnTs": bodies.TS}
    sent["invoice"]["itemLists"][0]["unit"] = "PIECES"
    reply = await supplier.post("invoice/req-send-invoice", sent)
    assert problems(reply) == [
        ("invoice.eInvoiceInfo.irnNumber", "IRN_WRONG", None),
        ("invoice.itemLists[0].unit", "UNIT_UNKNOWN", "2177"),
    ]
    sent["invoice"]["eInvoiceInfo"]["irnNumber"] = irn_of(number)
    sent["invoice"]["itemLists"][0]["unit"] = "NOS"
    await supplier.call("invoice/req-send-invoice", sent)
    assert supplier.resp["resp"]["result"] == "SUCCESS"
    changed = bodies.edit_invoice(sent, 1062, "SENT TO BUYER")
    refused = await supplier.post("invoice/req-edit-invoice", changed)
    assert (refused.status_code, problems(refused)[0][1]) == (422, "IRN_FIXED")


# The body as the page prints it (contract b2b §5.1), with what no "string" can be filled in: ids, numbers of persons and
# places by their forms, days, and amounts above nought.
PRINTED_PARTY = {
    "legalName": "string", "tradeName": "string",
    "address": {
        "type": "REGISTERED ADDRESS", "addressLine1": "string", "addressLine2": "string", "city": "string",
        "state": "ANDAMAN AND NICOBAR ISLANDS", "country": "INDIA", "pincode": "744101",
    },
    "contactNumber": {"type": "MOBILE", "countryCode": "91", "phoneNumber": "9820000000"}, "email": "string@example.com",
}  # fmt: skip


def printed(supplier: str, buyer: str) -> dict[str, Any]:
    parties = {
        "supplierDetails": PRINTED_PARTY | {"b2bId": supplier, "gstin": "02AMBPG7773M002", "stateCode": "02"},
        "buyerDetails": PRINTED_PARTY
        | {"b2bId": buyer, "gstin": "01AMBPG7773M002", "stateCode": "01", "placeOfSupply": "02"},
    }
    return {
        "device": {"tag": {"name": "GEOCODE", "value": "string"}},
        "b2bIds": {"buyerB2BId": buyer, "supplierB2BId": supplier},
        "invoice": {
            "objectId": bodies.object_id("INV"), "supplierInvoiceNumber": "string",
            "objectVersion": {"currentVersion": 1, "newVersion": 1}, "ts": bodies.TS,
            "statusTransition": {"currentStatus": "CREATED", "newStatus": "CREATED"},
            "transactionDetails": {
                "taxScheme": "GST", "supplyType": "B2B", "reverseChargeTax": "YES", "igstChargable": "YES",
            },
            **parties,
            "itemLists": [{
                "serialno": "string", "productDescription": "string", "isService": "YES", "hsnCode": "9983",
                "barCode": "string", "quantity": 0, "freeQuantity": 0, "unit": "string", "unitPrice": 0, "totalAmt": 100,
                "assessmentAmount": 100, "gstRate": 0, "totalItemValue": 100, "orderLineReference": "string",
                "originCountry": "IN", "productSerialNumber": "string",
                "itemValueDetails": [{"type": "string", "value": 0}], "rates": [{"type": "string", "value": 0}],
                "attributeDetails": [{"name": "string", "value": "string"}],
                "otherTaxes": [{"name": "string", "rate": 0, "amount": 0}],
            }],
            "valueDetails": {
                "assessmentValue": 100, "totalInvoiceValue": 100, "otherValues": [{"type": "string", "value": 0}],
            },
            "supplierBankAccountDetails": {"maskedAccountNumber": "string", "beneficiaryName": "string"},
            "einvoiceResponse": "string", "eInvoiceInfo": {"schemaVersion": "string"},
        },
    }  # fmt: skip


async def test_the_sample_of_the_page_is_taken(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    body = printed(supplier.b2b_id, buyer.b2b_id)
    assert "additionalInfos" not in body
    reply = await supplier.post("invoice/req-send-invoice", json.loads(json.dumps(body)))
    assert reply.status_code == 200, reply.text
    assert warnings(reply) == [
        ("invoice.itemLists[0].totalAmt", "TOTAL_NOT_QUANTITY_TIMES_PRICE", "2192"),
        ("invoice.supplierDetails.gstin", "GSTIN_FORMAT", None),
        ("invoice.buyerDetails.gstin", "GSTIN_FORMAT", None),
    ]
    await supplier.world.carry()
    assert await buyer.status("invoice", body["invoice"]["objectId"]) == "SENT TO BUYER"
