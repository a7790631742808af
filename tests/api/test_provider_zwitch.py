"""The Zwitch adapter against a server written from the contract; what each call and event is mapped to is held in golden files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import network_bodies as bodies
import receiver as r
from hundi.network.adapters.port import Credentials
from provider_world import Client, connected
from receiver import Receiver, receiving

GOLDEN = Path(__file__).parent.parent / "golden" / "network"
KEYS = Credentials(client_id="access", client_secret="secret")
ROOT = "/v1/bharat-connect"
BUYER = "B2B-BUYER"


def golden(name: str, found: Any, **fixed: str) -> None:
    """Compare with a golden file; what differs from run to run is named and put in its place."""
    text = json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False)
    for word, value in fixed.items():
        text = text.replace(value, f"<{word}>")
    path = GOLDEN / f"zwitch_{name}.json"
    assert text + "\n" == path.read_text(encoding="utf-8"), f"{path.name} differs:\n{text}"


@pytest.fixture
async def zwitch() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def client(zwitch: Receiver, new_seller: Any, keyring: Any) -> AsyncIterator[Client]:
    async with connected(await new_seller(), keyring, zwitch.port, kind="zwitch", credentials=KEYS) as found:
        yield found


def says(zwitch: Receiver, **reply: Any) -> None:
    zwitch.answers = [r.status(200, json.dumps(reply).encode())]


_events = iter(range(1, 10_000))


async def event(client: Client, name: str, data: dict[str, Any], event_id: str | None = None) -> None:
    envelope = {
        "id": event_id or f"evl_{next(_events)}", "object": "event", "name": f"bharat_connect.{name}", "is_sandbox": True,
        "data": data,
    }  # fmt: skip
    taken = await client.bring("zwitch/events", envelope)
    assert taken.status_code == 200, taken.text


async def sent_invoice(
    client: Client, zwitch: Receiver, provider_id: str, status: str = "SENT TO BUYER"
) -> dict[str, Any]:
    """Send an invoice that Zwitch takes and gives this name; ``status`` is what it is here then."""
    says(zwitch, id=provider_id, object="bharat_connect.invoice", type="OUTGOING", status="SENT TO BUYER",
         response={"status": "SUCCESS", "message": ""})  # fmt: skip
    body = bodies.send_invoice(client.b2b_id, BUYER)
    await client.call("invoice/req-send-invoice", body)
    assert await client.status("invoice", body["invoice"]["objectId"]) == status
    return body


def incoming(client: Client, provider_id: str, **more: Any) -> dict[str, Any]:
    """Give an invoice as an event tells of it: another's to this company."""
    party = {
        "gst_in": bodies.GSTIN, "legal_name": "Sahyadri Valves", "state_code": "27", "mobile_number": "9820000000",
        "email": "accounts@example.com", "address": {"type": "OTHER", "city": "Mumbai", "pincode": "400078"},
    }  # fmt: skip
    return {
        "id": provider_id, "object": "bharat_connect.invoice", "type": "INCOMING", "status": "SENT TO BUYER",
        "supplier_invoice_number": "Z/1", "supplier_details": party | {"b2b_id": "B2B-SELLER", "trade_name": "Sahyadri"},
        "buyer_details": party | {"b2b_id": client.b2b_id, "place_of_supply_code": "27"},
        "transaction_details": {"supply_type": "B2B", "reverse_charge_tax": "NO", "igst_chargable": "NO"},
        "items_details": [{
            "serialno": "1", "product_description": "Gate valve", "is_service": "NO", "hsn_code": "848180", "quantity": 10,
            "unit": "NOS", "unit_price": 100, "total_amt": 1000, "assessment_amount": 1000, "gst_rate": 18,
            "total_item_value": 1180, "item_value_details": [{"type": "IGST", "value": 180}],
        }],
        "value_details": {"assessment_value": 1000, "total_invoice_value": 1180},
        "supplier_bank_details": {"vpa": "sahyadri@example", "bank_account_number": "3307", "bank_ifsc_code": "HDFC0000001"},
        "metadata": {"issued_at": bodies.TS},
    } | more  # fmt: skip


async def received_invoice(client: Client, provider_id: str) -> dict[str, Any]:
    """Let an invoice come and give it as a published body, for answers to it."""
    await event(client, "invoice.create", incoming(client, provider_id))
    (found,) = (await client.company.http.get("/api/v0/network/invoice?role=BUYER&number=Z/1")).json()["payload"][
        "data"
    ]
    whole = await client.have("invoice", found["objectId"])
    document: dict[str, Any] = whole["document"]
    return document


# ---------------------------------------------------------------- calls


async def test_an_invoice_and_its_payment_as_the_supplier(client: Client, zwitch: Receiver) -> None:
    body = await sent_invoice(client, zwitch, "bcinv_1")
    invoice_id = body["invoice"]["objectId"]
    (got,) = zwitch.got
    assert (got.method, got.path) == ("POST", f"{ROOT}/invoice")
    assert got.headers["authorization"] == "Bearer access:secret"
    number = body["invoice"]["supplierInvoiceNumber"]
    golden("invoice", got.json, objectId=invoice_id, number=number, b2bId=client.b2b_id)
    await event(client, "invoice.confirm", {"id": "bcinv_1", "status": "RETURNED", "remarks": 'the "price"'})
    assert await client.status("invoice", invoice_id) == "RETURNED"
    (heard,) = await client.heard("network.invoice.req-confirm-invoice")
    golden("event_confirm", heard, objectId=invoice_id, number=number, b2bId=client.b2b_id)

    edited = bodies.edit_invoice(body, 1062)
    says(zwitch, id="bcinv_1", status="SENT TO BUYER")
    await client.call("invoice/req-edit-invoice", edited)
    assert zwitch.got[-1].path == f"{ROOT}/invoice/edit"
    golden("invoice_edit", zwitch.got[-1].json, objectId=invoice_id, number=number, b2bId=client.b2b_id)
    await event(client, "invoice.confirm", {"id": "bcinv_1", "buyer_action": "ACCEPT"})
    found = await client.have("invoice", invoice_id)
    assert (found["status"], found["objectVersion"], found["total"]) == ("ACCEPTED", 2, 1062)

    paid = {
        "id": "bcpay_1", "invoice": {"id": "bcinv_1"}, "netPaidAmount": 1000, "netAdjustmentAmount": 62, "totalAmount": 1062,
        "paid_mode": "NEFT", "initiated_at": bodies.TS, "metadata": {"utr": "UTR77"},
    }  # fmt: skip
    await event(client, "payment.initiate", paid)
    assert await client.status("invoice", invoice_id) == "PAYMENT INITIATED"
    (heard,) = await client.heard("network.payment.req-pay")
    payment_id = heard["payment"]["objectId"]
    golden("event_pay", heard, objectId=invoice_id, number=number, b2bId=client.b2b_id, paymentId=payment_id)
    says(zwitch, id="bcpay_1", status="PAID")
    await client.call("payment/req-pay-confirmation", bodies.confirm_payment(edited, heard))
    assert zwitch.got[-1].path == f"{ROOT}/payment/acknowledge"
    golden("payment_acknowledge", zwitch.got[-1].json)
    assert await client.status("invoice", invoice_id) == "PAID"
    await event(client, "invoice.change_status", {"id": "bcinv_1", "status": "CLOSED"})
    assert await client.status("invoice", invoice_id) == "CLOSED"
    assert await client.kept() == []


async def test_an_invoice_and_its_payment_as_the_buyer(client: Client, zwitch: Receiver) -> None:
    document = await received_invoice(client, "bcinv_2")
    invoice_id = document["invoice"]["objectId"]
    golden("event_create", document, objectId=invoice_id, b2bId=client.b2b_id)
    says(zwitch, id="bcinv_2", status="RETURNED")
    await client.call("invoice/req-confirm-invoice", bodies.confirm_invoice(document, "RETURN"))
    assert zwitch.got[-1].path == f"{ROOT}/invoice/confirm"
    golden("invoice_confirm", zwitch.got[-1].json)
    assert await client.status("invoice", invoice_id) == "RETURNED"
    changed = incoming(client, "bcinv_2", value_details={"total_invoice_value": 1062})
    changed["items_details"][0] |= {"total_item_value": 1062}
    await event(client, "invoice.change_status", changed)
    found = await client.have("invoice", invoice_id)
    assert (found["status"], found["objectVersion"], found["total"]) == ("SENT TO BUYER", 2, 1062)
    says(zwitch, id="bcinv_2", status="ACCEPTED")
    document = found["document"]
    await client.call("invoice/req-confirm-invoice", bodies.confirm_invoice(document))
    paid = bodies.pay(document, 1000, [{"name": "TDS_INCOME_TAX", "value": 62, "refNo": "194Q"}])
    says(zwitch, id="bcpay_2", status="PAYMENT INITIATED")
    await client.call("payment/req-pay", paid)
    assert zwitch.got[-1].path == f"{ROOT}/payment"
    payment = paid["payment"]
    golden("payment", zwitch.got[-1].json, paymentId=payment["objectId"], utr=payment["utr"])
    await event(client, "payment.initiate", {"id": "bcpay_2", "invoice": {"id": "bcinv_2"}, "totalAmount": 1062})
    assert await client.status("invoice", invoice_id) == "PAYMENT INITIATED", "our own, told of again"
    said = {"invoice": {"id": "bcinv_2"}, "supplier_action": "ACCEPT", "payment_type": "OFFPLATFORM", "remarks": "ok"}
    await event(client, "payment.acknowledge", said)
    assert await client.status("invoice", invoice_id) == "PAID"
    assert await client.status("payment", payment["objectId"]) == "CONFIRMED"
    (heard,) = await client.heard("network.payment.req-pay-confirmation")
    golden("event_acknowledge", heard, objectId=invoice_id, b2bId=client.b2b_id, paymentId=payment["objectId"],
           ts=heard["paymentConfirmation"]["ts"])  # fmt: skip
    assert await client.kept() == []


async def test_onboarding(client: Client, zwitch: Receiver) -> None:
    says(
        zwitch,
        id="bcbc_1",
        object="bharat_connect.business.check",
        status="EXISTING",
        name="Far Away",
        b2b_ids=["B2B-FAR"],
    )
    await client.call("business-onboarding/reg-check-entity", bodies.check_entity("AAACG0569P"))
    assert zwitch.got[-1].path == f"{ROOT}/onboarding/business/search"
    golden("check", zwitch.got[-1].json)
    (heard,) = await client.heard("network.business-onboarding.respCheckEntity")
    assert heard["instituteStatus"]["institutes"][0]["b2bIds"] == ["B2B-FAR"]
    says(zwitch, data=[{"name": "Far Away", "b2b_id_details": [{"b2b_id": "B2B-FAR", "status": "ACTIVE"}]}])
    await client.call("business-onboarding/reg-search-entity", bodies.search_entity(client.b2b_id, "PAN", "AAACG0569P"))
    assert zwitch.got[-1].path == f"{ROOT}/onboarding/business/b2b-ids/search"
    golden("search", zwitch.got[-1].json)
    (heard,) = await client.heard("network.business-onboarding.respSearchEntity")
    assert heard["respParams"]["entityInfo"][0]["b2bIds"] == [{"value": "B2B-FAR", "description": ""}]
    says(zwitch, id="bhb_1", object="bharat_connect.business", status="ACTIVE")
    body = bodies.register_entity("B2B-NEW", "AAACG0569P", bodies.GSTIN)
    await client.call("business-onboarding/reg-entity", body)
    assert zwitch.got[-1].path == f"{ROOT}/onboarding/business/register"
    golden("register", zwitch.got[-1].json)
    assert await client.status("business", body["institute"]["objectId"]) == "ACTIVE"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("purchase-order/req-send", bodies.send_order("B2B-SELLER", "B2B-OWN"), "ZWITCH_HAS_NO_CALL"),
        ("cd-note/req-send", bodies.send_note("B2B-OWN", BUYER), "ZWITCH_HAS_NO_CALL"),
        (
            "finance/req-financing", bodies.request_financing(bodies.send_invoice("B2B-OWN", BUYER), "B2B-FA"),
            "ZWITCH_HAS_NO_CALL",
        ),
        ("payment/req-pay", bodies.pay(bodies.send_invoice(), 1180, kind="ONPLATFORM"), "ZWITCH_OFF_PLATFORM_ONLY"),
    ],
)  # fmt: skip
async def test_what_zwitch_has_no_call_for(client: Client, zwitch: Receiver, path: str, body: Any, code: str) -> None:
    refused = await client.post(path, body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errorResponse"]["apiSubErrors"][0]["code"] == code
    await client.forward()
    assert zwitch.got == []


async def test_one_invoice_a_payment(client: Client) -> None:
    body = bodies.pay(bodies.send_invoice(), 1180)
    body["payment"]["invoicesPayInfos"] *= 2
    refused = await client.post("payment/req-pay", body)
    assert refused.json()["errorResponse"]["apiSubErrors"][0]["code"] == "ZWITCH_ONE_INVOICE"


@pytest.mark.parametrize(
    ("answer", "progress"),
    [
        (r.status(422, b'{"error": {"code": "bad_gstin", "message": "The GSTIN is wrong."}}'), "ANSWERED"),
        (
            r.status(200, b'{"id": "bcinv_9", "response": {"status": "FAILED", "message": "The GSTIN is wrong."}}'),
            "ANSWERED",
        ),
        (r.status(500), "QUEUED"),
        (r.status(200, b"[]"), "QUEUED"),
        (r.status(401), "QUEUED"),
        (r.hang_up, "QUEUED"),
    ],
)
async def test_what_an_answer_means(client: Client, zwitch: Receiver, answer: r.Answer, progress: str) -> None:
    zwitch.answers = [answer]
    body = bodies.send_invoice(client.b2b_id, BUYER)
    message_id = await client.call("invoice/req-send-invoice", body)
    assert (await client.message(message_id))["progress"] == progress
    assert await client.status("invoice", body["invoice"]["objectId"]) == (
        "FAILED" if progress == "ANSWERED" else "CREATED"
    )
    if progress == "ANSWERED":
        (heard,) = await client.heard("network.invoice.resp-send-invoice")
        assert heard["resp"]["errorDtl"] == "The GSTIN is wrong."


# ---------------------------------------------------------------- events


async def test_events_come_once_early_and_wrong(client: Client, zwitch: Receiver) -> None:
    said = {"id": "bcinv_3", "buyer_action": "ACCEPT"}
    await event(client, "invoice.confirm", said, "evl_a")
    assert [one["code"] for one in await client.kept()] == ["ZWITCH_ID_UNKNOWN"], "the reply that names it has not come"
    body = await sent_invoice(client, zwitch, "bcinv_3", "ACCEPTED")
    invoice_id = body["invoice"]["objectId"]
    assert await client.kept() == []
    await event(client, "invoice.confirm", said, "evl_a")
    assert len(await client.heard("network.invoice.req-confirm-invoice")) == 1
    await event(client, "invoice.confirm", said | {"buyer_action": "REJECT"})
    await event(client, "invoice.confirm", {"id": "bcinv_3", "buyer_action": "SHRUG"})
    await event(client, "invoice.change_status", {"id": "bcinv_3", "status": "CANCELLED"})
    await event(
        client, "payment.initiate", {"id": "p", "invoice": {"id": "bcinv_3"}, "netPaidAmount": 1, "totalAmount": 2}
    )
    codes = [one["code"] for one in await client.kept()]
    assert codes == ["LINE_SUM", "NOTICE_NOT_UNDERSTOOD", "VALIDATION_FAILED", "ILLEGAL_MOVE"]
    assert await client.status("invoice", invoice_id) == "ACCEPTED"
    await event(client, "settlement.done", {"id": "x"})
    assert len(await client.kept()) == 4, "what is no matter of the network's is passed over"


async def test_an_event_of_our_own_invoice_before_its_reply(client: Client, zwitch: Receiver) -> None:
    body = bodies.send_invoice(client.b2b_id, BUYER)
    invoice_id = body["invoice"]["objectId"]
    own = {"id": "bcinv_5", "type": "OUTGOING", "status": "CREATED", "metadata": {"hundi_object_id": invoice_id}}

    async def event_first(got: r.Got, writer: Any) -> None:
        await event(client, "invoice.create", own)
        await event(client, "invoice.confirm", {"id": "bcinv_5", "status": "ACCEPTED"})
        await r.status(200, b'{"id": "bcinv_5", "status": "SENT TO BUYER"}')(got, writer)

    zwitch.answers = [event_first]
    await client.call("invoice/req-send-invoice", body)
    assert await client.status("invoice", invoice_id) == "ACCEPTED"
    assert await client.kept() == []


async def test_the_supplier_takes_an_invoice_back(client: Client) -> None:
    document = await received_invoice(client, "bcinv_6")
    await event(client, "invoice.change_status", {"id": "bcinv_6", "status": "CANCELLED", "remarks": "a slip"})
    assert await client.status("invoice", document["invoice"]["objectId"]) == "CANCELLED"
    (heard,) = await client.heard("network.invoice.req-status-change-invoice")
    golden("event_change_status", heard, objectId=document["invoice"]["objectId"], b2bId=client.b2b_id)
