"""Paying received invoices: what is worked out, what is refused and where, proposals, and answers by ids alone."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

import network_bodies as bodies
from network_buying import billed, errors, listed
from network_world import Trader, World

PAY = "/api/v0/network/payable/pay"
PROPOSAL = "/api/v0/network/payable/proposal"


@pytest.fixture
async def pair(world: World, new_seller: Any) -> tuple[Trader, Trader]:
    return await world.join(await new_seller()), await world.join(await new_seller())


async def accepted(pair: tuple[Trader, Trader], total: float = 1180, **changes: Any) -> str:
    """Give the id of an invoice the buyer has accepted."""
    sent = await billed(pair, total, **changes)
    await pair[1].call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    found: str = sent["invoice"]["objectId"]
    return found


async def credited(pair: tuple[Trader, Trader], total: float, **changes: Any) -> dict[str, Any]:
    """Give an accepted note."""
    supplier, buyer = pair
    note = bodies.send_note(supplier.b2b_id, buyer.b2b_id, total)
    note["cdNote"] |= changes
    await supplier.call("cd-note/req-send", note)
    answer = bodies.confirm_note(note)
    answer["cdNoteConfirmation"]["noteType"] = note["cdNote"]["noteType"]
    await buyer.call("cd-note/req-confirm", answer)
    return note


def payment(*invoices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "invoices": list(invoices), "type": "OFFPLATFORM", "mode": "NEFT", "utr": bodies.object_id("UTR"),
    } | more  # fmt: skip


async def paid(trader: Trader, *invoices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Pay, carry it, and see that the network took it."""
    reply = await trader.company.http.post(PAY, json=payment(*invoices, **more))
    assert reply.status_code == 200, reply.text
    await trader.world.carry()
    found: dict[str, Any] = reply.json()["payload"]
    answers = [e["data"]["resp"] for e in await trader.heard("network.payment.resp-pay")]
    assert [a["result"] for a in answers if a["reqMsgId"] == found["messageId"]] == ["SUCCESS"], answers
    return found


async def refused(trader: Trader, *invoices: dict[str, Any], **more: Any) -> tuple[int, list[tuple[str, str]]]:
    reply = await trader.company.http.post(PAY, json=payment(*invoices, **more))
    assert reply.status_code >= 400, reply.text
    return reply.status_code, errors(reply)


async def confirmed(supplier: Trader, payment_id: str, response: str = "ACCEPT") -> None:
    """Let the supplier answer a payment."""
    have = await supplier.have("payment", payment_id)
    infos = []
    for line in have["facts"]["lines"]:
        invoice = await supplier.have("invoice", line["invoice_id"])
        infos.append({
            "objectId": invoice["objectId"], "supplierInvoiceNumber": invoice["number"],
            "objectVersion": bodies.version(invoice["objectVersion"]),
            "statusTransition": bodies.transition("PAYMENT INITIATED"),
        })  # fmt: skip
    await supplier.call("payment/req-pay-confirmation", {
        "device": bodies.DEVICE, "b2bIds": bodies.ids(have["supplierB2BId"], have["buyerB2BId"]),
        "paymentConfirmation": {
            "objectId": payment_id, "ts": bodies.TS, "type": "OFFPLATFORM", "supplierResponse": response,
            "supplierRemarks": "seen", "invoiceInfos": infos,
        },
    })  # fmt: skip


async def test_many_invoices_are_paid_by_one_transfer(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    first, second = await accepted(pair), await accepted(pair, 590)
    note = await credited(pair, 118)
    number = note["cdNote"]["supplierCDNoteNumber"]
    found = await paid(
        buyer,
        {"invoiceId": first, "splits": [
            {"name": "TDS_INCOME_TAX", "section": "194C"}, {"name": "CREDIT_NOTE", "refNo": number.lower()},
            {"name": "DISCOUNT", "value": 2.5},
        ]},
        {"invoiceId": second, "netPaidAmount": 90},
        paidOn="2026-11-16",
    )  # fmt: skip
    assert (found["netPaidAmount"], found["netAdjustmentAmount"], found["totalAmount"]) == (1129.5, 140.5, 1270)
    assert found["invoices"][0]["splits"] == [
        {"name": "TDS_INCOME_TAX", "value": 20, "refNo": "194C"}, {"name": "CREDIT_NOTE", "value": 118, "refNo": number},
        {"name": "DISCOUNT", "value": 2.5},
    ]  # fmt: skip
    sent = (await supplier.heard("network.payment.req-pay"))[-1]["data"]["payment"]
    assert (sent["objectId"], sent["ts"]) == (found["paymentId"], "2026-11-16T00:00:00+05:30")
    assert sent["paymentAmount"] == {
        "netPaidAmount": 1129.5, "netAdjustmentAmount": 140.5, "totalAmount": 1270, "currency": "INR",
    }  # fmt: skip
    line = sent["invoicesPayInfos"][0]
    assert line["statusTransition"] == {"currentStatus": "ACCEPTED", "newStatus": "PAYMENT INITIATED"}
    assert (line["invoiceAmount"]["dueAmount"], line["supplierBankAccountDetails"]["ifsc"]) == (1180, "HDFC0000001")
    await confirmed(supplier, found["paymentId"])
    assert await supplier.status("invoice", first) == "PAID"
    assert (await buyer.have("invoice", second))["due"] == 500
    assert await buyer.status("cd-note", note["cdNote"]["objectId"]) == "APPLIED"
    rest = await paid(buyer, {"invoiceId": second})
    assert (rest["netPaidAmount"], rest["paymentId"][:3], len(rest["paymentId"])) == (500, "PMT", 35)


async def test_income_tax_is_deducted_once_of_an_invoice_in_one_payment_too(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    invoice = await accepted(pair)
    tax = {"name": "TDS_INCOME_TAX", "section": "194C"}
    again = {"invoiceId": invoice, "splits": [tax, tax]}
    assert await refused(buyer, again) == (422, [("invoices[0].splits[1].rate", "NOTHING_TO_DEDUCT")])
    rest = {"invoiceId": invoice, "splits": [{"name": "TDS_INCOME_TAX", "value": 15, "refNo": "194C"}, tax]}
    found = await paid(buyer, rest)
    assert [split["value"] for split in found["invoices"][0]["splits"]] == [15, 5]


async def test_a_key_pays_once(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    body = payment({"invoiceId": await accepted(pair)})
    replies = [
        await buyer.company.http.post(PAY, json=body, headers={"Idempotency-Key": "pay-1"}) for _ in range(2)
    ]  # fmt: skip
    assert (replies[0].status_code, replies[0].content) == (200, replies[1].content)
    again = await buyer.company.http.post(PAY, json=body)
    assert (again.status_code, errors(again)) == (422, [("invoices[0].invoiceId", "ANSWER_PENDING")])
    await buyer.world.carry()
    assert len(await buyer.heard("network.payment.resp-pay")) == 1
    other = payment({"invoiceId": await accepted(pair)}, utr=body["utr"])
    taken = await buyer.company.http.post(PAY, json=other)
    assert taken.status_code == 200, "what other transfers there are only the centre knows"
    await buyer.world.carry()
    assert (await buyer.heard("network.payment.resp-pay"))[-1]["data"]["resp"]["errorCd"] == "UTR_USED"


async def test_over_payment_is_refused_at_its_place(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    first, second = await accepted(pair), await accepted(pair)
    waits = (await billed(pair))["invoice"]["objectId"]
    note = (await credited(pair, 100))["cdNote"]["supplierCDNoteNumber"]
    debit = await credited(pair, 100, objectId=bodies.object_id("DBN"), noteType="DEBIT")
    status, found = await refused(
        buyer,
        {"invoiceId": first, "netPaidAmount": 1180.01},
        {"invoiceId": second, "netPaidAmount": 1100, "splits": [
            {"name": "CREDIT_NOTE", "refNo": note, "value": 60}, {"name": "CREDIT_NOTE", "refNo": note, "value": 60},
            {"name": "CREDIT_NOTE", "refNo": "CN/none"}, {"name": "OTHER"}, {"name": "TDS_INCOME_TAX"},
            {"name": "TDS_INCOME_TAX", "section": "999X"}, {"name": "ROUND_OFF", "value": 0},
            {"name": "CREDIT_NOTE", "refNo": debit["cdNote"]["supplierCDNoteNumber"]}, {"name": "DISCOUNT", "value": 21},
        ]},
        {"invoiceId": waits},
        {"invoiceId": first},
    )  # fmt: skip
    assert status == 422
    assert found == [
        ("invoices[0].netPaidAmount", "OVERPAYMENT"), ("invoices[1].splits[1].value", "NOTE_EXCEEDED"),
        ("invoices[1].splits[2].refNo", "NOTE_UNKNOWN"), ("invoices[1].splits[3].value", "REQUIRED"),
        ("invoices[1].splits[4].section", "REQUIRED"), ("invoices[1].splits[5].section", "TDS_SECTION_UNKNOWN"),
        ("invoices[1].splits[6].value", "AMOUNT_NOT_POSITIVE"),
        ("invoices[1].splits[7].refNo", "NOTE_NOT_APPLICABLE"), ("invoices[1].netPaidAmount", "OVERPAYMENT"),
        ("invoices[2].invoiceId", "NOT_PAYABLE"), ("invoices[3].invoiceId", "INVOICE_LISTED_TWICE"),
    ]  # fmt: skip
    assert await refused(buyer, {"invoiceId": first, "netPaidAmount": 0}) == (
        422, [("invoices[0].netPaidAmount", "AMOUNT_NOT_POSITIVE")],
    )  # fmt: skip
    assert (await listed(buyer, status="PAYMENT INITIATED"))["total_count"] == 0, "nothing was sent"
    whole = {"name": "CREDIT_NOTE", "refNo": note}
    twice = ({"invoiceId": first, "splits": [whole]}, {"invoiceId": second, "splits": [whole]})
    assert await refused(buyer, *twice) == (422, [("invoices[1].splits[0].value", "AMOUNT_NOT_POSITIVE")])
    assert (await paid(buyer, {"invoiceId": first, "netPaidAmount": 0, "splits": [whole]}))["totalAmount"] == 100
    assert await refused(buyer, {"invoiceId": first}) == (422, [("invoices[0].invoiceId", "NOT_PAYABLE")])


async def test_only_ones_own_received_invoices_of_one_supplier_are_paid(
    pair: tuple[Trader, Trader], new_seller: Any
) -> None:
    supplier, buyer = pair
    third = await supplier.world.join(await new_seller())
    first, other = await accepted(pair), await accepted((third, buyer))
    assert await refused(buyer, {"invoiceId": first}, {"invoiceId": other}) == (
        422, [("invoices[1].invoiceId", "SUPPLIERS_DIFFER")],
    )  # fmt: skip
    unknown = "INV" + "9" * 32
    assert await refused(buyer, {"invoiceId": first}, {"invoiceId": unknown}) == (
        404, [("invoices[1].invoiceId", "OBJECT_UNKNOWN")],
    )  # fmt: skip
    for stranger in (third, supplier):
        assert await refused(stranger, {"invoiceId": first}) == (404, [("invoices[0].invoiceId", "OBJECT_UNKNOWN")])
    status, found = await refused(buyer, mode="RTGS", type="PERHAPS", utr="", paymentId="PMT1")
    assert (status, sorted(field for field, _ in found)) == (400, ["invoices", "mode", "paymentId", "type", "utr"])
    maker = buyer.company.http_as(["maker"])
    reply = await maker.post(PAY, json=payment({"invoiceId": first}))
    assert reply.status_code == 403, "a maker answers invoices, an approver pays"


async def test_a_proposal_is_a_body_to_pay_with(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    late = await accepted(pair, 590, paymentMilestones=[{"milestoneDate": "2026-12-31", "dueAmount": 590}])
    early = await accepted(pair, paymentMilestones=[{"milestoneDate": "2026-11-20", "dueAmount": 1180}])
    on_late = (await buyer.have("invoice", late))["number"]
    own = await credited(pair, 118, precedingInvoiceDetails=[{"invoiceNumber": on_late}])
    big = await credited(pair, 2360)
    debit = await credited(pair, 59, objectId=bodies.object_id("DBN"), noteType="DEBIT")

    async def proposed(**query: Any) -> dict[str, Any]:
        reply = await buyer.company.http.get(PROPOSAL, params={"supplier": supplier.b2b_id} | query)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    found = await proposed(tdsSection="194C", dueTo="2026-11-30")
    assert [one["invoiceId"] for one in found["invoices"]] == [early]
    assert (found["dueAmount"], found["netPaidAmount"], found["netAdjustmentAmount"]) == (1180, 0, 1180)
    numbers = [note["cdNote"]["supplierCDNoteNumber"] for note in (own, big, debit)]
    assert found["invoices"][0]["splits"] == [
        {"name": "TDS_INCOME_TAX", "value": 20, "refNo": "194C"},
        {"name": "CREDIT_NOTE", "value": 118, "refNo": numbers[0]},
        {"name": "CREDIT_NOTE", "value": 1042, "refNo": numbers[1]},
    ]  # fmt: skip
    assert [(one["number"], one["left"]) for one in found["creditNotes"]] == [(numbers[0], 118), (numbers[1], 2360)]
    assert [one["number"] for one in found["debitNotes"]] == [numbers[2]]
    whole = await proposed()
    assert [(one["invoiceId"], one["netPaidAmount"]) for one in whole["invoices"]] == [(early, 0), (late, 0)]
    assert [split["refNo"] for split in whole["invoices"][1]["splits"]] == numbers[:2], "its own note first"
    lines = [{name: one[name] for name in ("invoiceId", "netPaidAmount", "splits")} for one in whole["invoices"]]
    done = await paid(buyer, *lines)
    assert done["totalAmount"] == whole["dueAmount"] == 1770
    assert (await proposed())["invoices"] == [], "what is being paid is not proposed again"


async def test_tax_is_deducted_once(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    invoice = await accepted(pair)
    part = {"invoiceId": invoice, "netPaidAmount": 500, "splits": [{"name": "TDS_INCOME_TAX", "rate": 1.5}]}
    first = await paid(buyer, part)
    assert first["netAdjustmentAmount"] == 15
    await confirmed(supplier, first["paymentId"])
    again = {"invoiceId": invoice, "splits": [{"name": "TDS_INCOME_TAX", "rate": 1.5}]}
    assert await refused(buyer, again) == (422, [("invoices[0].splits[0].rate", "NOTHING_TO_DEDUCT")])
    query = {"supplier": supplier.b2b_id, "tdsRate": "2"}
    found = (await buyer.company.http.get(PROPOSAL, params=query)).json()["payload"]
    assert (found["netPaidAmount"], found["invoices"][0]["splits"][0]["value"]) == (660, 5)
    gst = await paid(buyer, {"invoiceId": invoice, "splits": [{"name": "TDS_GST"}]})
    assert gst["invoices"][0]["splits"] == [{"name": "TDS_GST", "value": 20}]
    await confirmed(supplier, gst["paymentId"], "REJECT")
    assert await buyer.status("invoice", invoice) == "PARTIALLY PAID"


async def test_a_bad_question_about_a_proposal(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    await accepted(pair)
    second_id = f"{buyer.b2b_id}-2"
    await buyer.call("business-onboarding/reg-id", bodies.register_ids(buyer.registered, second_id))
    for query, field, code in (
        ({"tdsSection": "999X"}, "tdsSection", "TDS_SECTION_UNKNOWN"), ({"tdsRate": "x"}, "tdsRate", "BAD_NUMBER"),
        ({"tdsRate": "101"}, "tdsRate", "BAD_NUMBER"), ({"dueTo": "31.12"}, "dueTo", "DATE_FORMAT"),
    ):  # fmt: skip
        reply = await buyer.company.http.get(PROPOSAL, params={"supplier": supplier.b2b_id} | query)
        assert (reply.status_code, errors(reply)) == (400, [(field, code)]), query
    assert (await buyer.company.http.get(PROPOSAL)).status_code == 400
    sent = bodies.send_invoice(supplier.b2b_id, second_id)
    await supplier.call("invoice/req-send-invoice", sent)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    query = {"supplier": supplier.b2b_id}
    reply = await buyer.company.http.get(PROPOSAL, params=query)
    assert (reply.status_code, errors(reply)) == (400, [("buyer", "BUYER_AMBIGUOUS")])
    reply = await buyer.company.http.get(PROPOSAL, params=query | {"buyer": second_id.lower()})
    assert [one["invoiceId"] for one in reply.json()["payload"]["invoices"]] == [sent["invoice"]["objectId"]]


# ---------------------------------------------------------------- payout/confirm-invoice


def answer(ids: list[str], status: str) -> dict[str, Any]:
    return {"invoiceIds": ids, "remarks": "seen", "status": status}


async def answered(trader: Trader, ids: list[str], status: str, **more: Any) -> httpx2.Response:
    return await trader.post("payout/confirm-invoice", answer(ids, status), **more)


@pytest.mark.parametrize(("word", "status"), [("ACCEPT", "ACCEPTED"), ("REJECT", "REJECTED"), ("RETURN", "RETURNED")])
async def test_received_invoices_are_answered_all_or_none(pair: tuple[Trader, Trader], word: str, status: str) -> None:
    supplier, buyer = pair
    ids = [(await billed(pair))["invoice"]["objectId"] for _ in range(3)]
    done = await accepted(pair)
    unknown = "INV" + "8" * 32
    reply = await answered(buyer, [ids[0], done, ids[1], unknown], word)
    assert (reply.status_code, errors(reply)) == (
        404, [("invoiceIds[1]", "ILLEGAL_MOVE"), ("invoiceIds[3]", "NETWORK_OBJECT_NOT_FOUND")],
    )  # fmt: skip
    assert await buyer.company.value("SELECT count(*) FROM network_outbox WHERE seller_id = $1") == 0
    assert await buyer.company.value("SELECT count(*) FROM network_awaiting WHERE seller_id = $1") == 0
    key = {"Idempotency-Key": f"answer-{word}"}
    first = await answered(buyer, ids, word, headers=key)
    again = await answered(buyer, ids, word, headers=key)
    assert (first.status_code, first.content) == (200, again.content)
    late = await answered(buyer, ids[:1], word)
    assert (late.status_code, errors(late)) == (422, [("invoiceIds[0]", "ANSWER_PENDING")])
    await buyer.world.carry()
    assert {await supplier.status("invoice", one) for one in ids} == {status}
    assert len(await supplier.heard("network.invoice.req-confirm-invoice")) == 4, (
        "one each, and that of the accepted one"
    )


async def test_who_may_only_look_may_not_answer(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    ids = [(await billed(pair))["invoice"]["objectId"]]
    for role in ("viewer", "checker"):
        reply = await buyer.company.http_as([role]).post("/api/v0/payout/confirm-invoice", json=answer(ids, "ACCEPT"))
        assert reply.status_code == 403, role
