"""What a change of one part of an invoice means for the others: lines, place of supply, links and mails under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import make

URL = "/api/v0/invoice"
LINE = {"productDescription": "Hex bolts", "assessmentAmount": 1000, "gstRate": 18, "hsnCode": "731815"}


async def _patched(seller: make.Company, invoice: dict[str, Any], **changes: Any) -> Any:
    return await seller.http_as(["owner"]).patch(f"{URL}/{invoice['invoiceId']}", json=changes)


async def test_figures_that_the_lines_do_not_add_up_to_are_refused(seller: make.Company) -> None:
    invoice = await seller.invoice(baseAmount=1000, cgst=90, sgst=90, itemLists=[LINE])
    reply = await _patched(seller, invoice, baseAmount=5000, cgst=450, sgst=450)
    assert reply.status_code == 400
    found = {(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]}
    assert found == {
        ("baseAmount", "ITEMS_DO_NOT_ADD_UP"),
        ("cgst", "ITEMS_DO_NOT_ADD_UP"),
        ("sgst", "ITEMS_DO_NOT_ADD_UP"),
    }
    again = (await seller.http.get(f"{URL}/{invoice['invoiceId']}")).json()["payload"]
    assert (again["baseAmount"], again["cgst"]) == (1000, 90)


async def test_figures_within_a_rupee_of_the_lines_are_taken(seller: make.Company) -> None:
    invoice = await seller.invoice(baseAmount=1000, cgst=90, sgst=90, itemLists=[LINE])
    assert (await _patched(seller, invoice, baseAmount=1000.5)).status_code == 200


async def test_a_cess_that_the_lines_do_not_come_to_is_refused(seller: make.Company) -> None:
    invoice = await seller.invoice(baseAmount=1000, cgst=90, sgst=90, cess=12, itemLists=[LINE | {"cess": 12}])
    for cess in (512, None):
        reply = await _patched(seller, invoice, cess=cess)
        assert reply.status_code == 400
        found = [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]
        assert found == [("cess", "ITEMS_DO_NOT_ADD_UP")]


async def test_reverse_charge_ends_only_where_the_lines_count_the_tax_in(seller: make.Company) -> None:
    figures = {"baseAmount": 1000, "cgst": 90, "sgst": 90, "reverseCharge": True}
    without = await seller.invoice(itemLists=[LINE | {"totalItemValue": 1000}], **figures)
    reply = await _patched(seller, without, reverseCharge=False)
    assert reply.status_code == 400
    found = [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]
    assert found == [("reverseCharge", "ITEMS_DO_NOT_ADD_UP")]
    with_tax = await seller.invoice(itemLists=[LINE | {"totalItemValue": 1180}], **figures)
    assert (await _patched(seller, with_tax, reverseCharge=False)).status_code == 200


async def test_what_an_older_version_let_differ_stops_no_other_change(seller: make.Company) -> None:
    invoice = await seller.invoice(baseAmount=1000, cgst=90, sgst=90, itemLists=[LINE])
    await seller.run(
        "INSERT INTO invoice_items (seller_id, invoice_id, line_no, description, taxable_value, gst_rate, cgst, item_total)"
        " VALUES ($1, $2, 2, 'Free of charge', 0, 18, 20, 20)",
        invoice["invoiceId"],
    )
    assert (await _patched(seller, invoice, tds=10)).status_code == 200


async def test_another_customer_brings_its_place_of_supply_and_a_warning_about_the_heads(seller: make.Company) -> None:
    here, there = await seller.customer(state="Maharashtra"), await seller.customer(state="Kerala")
    invoice = await seller.invoice(here, cgst=90, sgst=90, baseAmount=1000)
    assert invoice["placeOfSupply"] == "27"
    reply = await _patched(seller, invoice, customerId=there)
    assert reply.status_code == 200, reply.text
    assert reply.json()["payload"]["placeOfSupply"] == "32"
    assert [one["code"] for one in reply.json()["warnings"]] == ["TAX_HEADS_CONTRADICT_PLACE"]


async def test_a_place_of_supply_that_was_sent_stays(seller: make.Company) -> None:
    here, there = await seller.customer(state="Maharashtra"), await seller.customer(state="Kerala")
    invoice = await seller.invoice(here, placeOfSupply="Goa")
    reply = await _patched(seller, invoice, customerId=there)
    assert reply.json()["payload"]["placeOfSupply"] == "30"


async def test_while_a_mail_is_under_way_the_customer_stands(seller: make.Company) -> None:
    invoice, other = await seller.invoice(), await seller.customer()
    sent = await seller.http.post(f"{URL}/bulk/dispatch", json={"invoiceIds": [invoice["invoiceId"]]})
    assert sent.json()["response_code"] == 0, sent.text
    reply = await _patched(seller, invoice, customerId=other)
    assert reply.status_code == 422
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["code"] == "INVOICE_BEING_SENT"


async def test_the_old_customers_link_never_shows_the_new_ones_invoice(seller: make.Company) -> None:
    invoice, other = await seller.invoice(), await seller.customer()
    await seller.http.post(f"{URL}/bulk/dispatch", json={"invoiceIds": [invoice["invoiceId"]]})
    link = (await seller.http.get(f"{URL}/{invoice['invoiceId']}")).json()["payload"]["paymentLink"]
    path = "/i/" + link.rpartition("/")[2]
    assert (await seller.http.get(path)).status_code == 200
    await seller.run(
        "UPDATE invoices SET dispatch_status = 'DISPATCHED', dispatched_at = now() WHERE seller_id = $1 AND invoice_id = $2",
        invoice["invoiceId"],
    )
    reply = await _patched(seller, invoice, customerId=other)
    assert reply.status_code == 200
    old = await seller.http.get(path)
    assert old.status_code == 404
    assert "Please open the link from the latest e-mail or message" in old.text
    renewed = reply.json()["payload"]["paymentLink"]
    assert renewed != link
    assert (await seller.http.get("/i/" + renewed.rpartition("/")[2])).status_code == 200


@pytest.mark.parametrize("many", [False, True])
async def test_a_new_link_waits_for_the_approval_of_the_change(seller: make.Company, many: bool) -> None:
    invoice, other = await seller.invoice(), await seller.customer()
    await seller.http.post(f"{URL}/bulk/dispatch", json={"invoiceIds": [invoice["invoiceId"]]})
    await seller.run(
        "UPDATE invoices SET dispatch_status = 'DISPATCHED', dispatched_at = now() WHERE seller_id = $1 AND invoice_id = $2",
        invoice["invoiceId"],
    )
    policy = {"name": "All", "steps": ["APPROVER"], "fromAmount": 0}
    assert (await seller.http.post("/api/v0/approval/policies", json=policy)).status_code == 200
    reply = await _patched(seller, invoice, customerId=other)
    assert reply.json()["payload"]["approvalStatus"]["name"] == "APPROVER_APPROVAL_PENDING"
    assert "paymentLink" not in reply.json()["payload"]
    assert await seller.value("SELECT count(*) FROM invoice_links WHERE seller_id = $1") == 1
    approver = seller.http_as(["approver"], subject="usr_approver")
    if many:
        done = await approver.post(f"{URL}/bulk/approve", json={"invoiceIds": [invoice["invoiceId"]]})
    else:
        done = await approver.post(f"{URL}/{invoice['invoiceId']}/approve", json={})
    assert done.json()["response_code"] == 0, done.text
    shown = (await seller.http.get(f"{URL}/{invoice['invoiceId']}")).json()["payload"]
    assert (await seller.http.get("/i/" + shown["paymentLink"].rpartition("/")[2])).status_code == 200


async def test_a_keyed_retry_after_midnight_is_replayed(seller: make.Company, clock: make.MovedClock) -> None:
    customer = await seller.customer()
    today = (clock.now() + timedelta(hours=5, minutes=30)).date()
    body = {"customerId": customer, "baseAmount": 100, "dueDate": today.isoformat(), "invoiceNumber": "MIDNIGHT-1"}
    first = await seller.http.post(URL, json=body, headers={"Idempotency-Key": "midnight"})
    assert first.status_code == 200, first.text
    clock.move(hours=20)
    assert (clock.now() + timedelta(hours=5, minutes=30)).date() > today
    # The first token was good for an hour; the same person signs in again.
    http = seller.http_as(["owner"], subject=seller.user_id)
    again = await http.post(URL, json=body, headers={"Idempotency-Key": "midnight"})
    assert again.status_code == 200, again.text
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    # Without the key it is a new request, and too late for that due date.
    assert (await http.post(URL, json={**body, "invoiceNumber": "MIDNIGHT-2"})).status_code == 400


async def test_numbers_that_look_the_same_are_refused(seller: make.Company) -> None:
    customer = await seller.customer()
    for number in (" A1", "A1 ", "A1\u200b", "\u202eA9"):
        reply = await seller.http.post(URL, json=make.invoice_body(customer, invoiceNumber=number))
        assert reply.status_code == 400, number
        found = reply.json()["errorResponse"]["apiSubErrors"]
        assert [(one["field"], one["code"]) for one in found] == [("invoiceNumber", "NUMBER_INVISIBLE_CHARACTERS")]
