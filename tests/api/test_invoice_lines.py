"""Other lines for an invoice that exists, by PATCH (domain §2, §3, §10)."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import findings
from network_books import line


async def made(seller: Any, **changes: Any) -> dict[str, Any]:
    given = {"cgst": 0, "sgst": 0, "igst": 180, "itemLists": [line()]} | changes
    found: dict[str, Any] = await seller.invoice(await seller.customer(), **given)
    return found


async def shown(seller: Any, invoice_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await seller.http.get(f"/api/v0/invoice/{invoice_id}")).json()["payload"]
    return found


async def test_lines_and_figures_change_together(seller: Any) -> None:
    invoice = await made(seller)
    two = [line(quantity=4, assessmentAmount=400, igst=72, orderLineReference="1"), line(hsnCode="84818030", quantity=None,
           unit=None, unitPrice=None, assessmentAmount=100, igst=18)]  # fmt: skip
    body = {"baseAmount": 500, "igst": 90, "itemLists": two}
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json=body)
    assert reply.status_code == 200, reply.text
    for found in (reply.json()["payload"], await shown(seller, invoice["invoiceId"])):
        assert (found["netAmount"], found["balanceAmount"]) == (590, 590)
        assert [one["serialno"] for one in found["itemLists"]] == ["1", "2"]
        assert [one.get("orderLineReference") for one in found["itemLists"]] == ["1", None]
        assert [one["totalItemValue"] for one in found["itemLists"]] == [472, 118]
    (audited,) = await seller.rows(
        "SELECT jsonb_array_length(before -> 'itemLists') AS old, jsonb_array_length(after -> 'itemLists') AS new"
        " FROM audit_log WHERE seller_id = $1 AND action = 'invoice.update'"
    )
    assert (audited["old"], audited["new"]) == (1, 2)


async def test_what_came_may_be_sent_back(seller: Any) -> None:
    invoice = await made(seller)
    before = await shown(seller, invoice["invoiceId"])
    await seller.run("UPDATE invoices SET irn = repeat('a', 64) WHERE seller_id = $1")
    body = {"itemLists": before["itemLists"], "baseAmount": 1000, "igst": 180}
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json=body)
    assert reply.status_code == 200, reply.text
    assert (await shown(seller, invoice["invoiceId"]))["modifiedOn"] == before["modifiedOn"], "nothing was written"
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.update'") == 0


@pytest.mark.parametrize("nothing", [None, []])
async def test_an_invoice_may_lose_its_lines(seller: Any, nothing: Any) -> None:
    invoice = await made(seller)
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json={"itemLists": nothing})
    assert reply.status_code == 200, reply.text
    assert "itemLists" not in reply.json()["payload"]


async def test_lines_that_name_no_tax_have_that_of_the_invoice(seller: Any) -> None:
    invoice = await made(seller)
    body = {"igst": 0, "cgst": 90, "sgst": 90, "itemLists": [line(igst=None)]}
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json=body)
    assert reply.status_code == 200, reply.text
    (one,) = reply.json()["payload"]["itemLists"]
    assert (one["cgst"], one["sgst"], one["igst"]) == (90, 90, 0)


@pytest.mark.parametrize(
    ("body", "status", "field", "code"),
    [
        ({"itemLists": [line(assessmentAmount=900)]}, 400, "itemLists", "ITEMS_DO_NOT_ADD_UP"),
        ({"itemLists": [line(igst=90)]}, 400, "itemLists", "ITEMS_DO_NOT_ADD_UP"),
        ({"baseAmount": 500, "igst": 90}, 400, "baseAmount", "ITEMS_DO_NOT_ADD_UP"),
        ({"itemLists": [line(orderLineReference='a"b')]}, 400, "itemLists[0].orderLineReference", "BAD_FORMAT"),
        ({"itemLists": [{"gstRate": 18}]}, 400, "itemLists[0].productDescription", "REQUIRED"),
        ({"itemLists": [line()] * 1001}, 400, "itemLists", "BAD_LENGTH"),
        ({"itemLists": "none"}, 400, "itemLists", "WRONG_TYPE"),
    ],
)
async def test_lines_that_cannot_be(seller: Any, body: dict[str, Any], status: int, field: str, code: str) -> None:
    invoice = await made(seller)
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json=body)
    assert reply.status_code == status
    (first, *_) = reply.json()["errorResponse"]["apiSubErrors"]
    assert (first["field"], first["code"]) == (field, code)
    assert len((await shown(seller, invoice["invoiceId"]))["itemLists"]) == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("irn = repeat('a', 64)", "INVOICE_LOCKED_BY_IRN"),
        ("dispatch_status = 'DISPATCHED', dispatched_at = created_at", "INVOICE_LOCKED"),
        ("receivable_status = 'CANCELLED'", "INVOICE_CANCELLED"),
    ],
)
async def test_lines_are_locked_with_the_figures(seller: Any, state: str, code: str) -> None:
    invoice = await made(seller)
    await seller.run(f"UPDATE invoices SET {state} WHERE seller_id = $1")
    maker = seller.http_as(["maker"])
    reply = await maker.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json={"itemLists": [line(unit="KGS")]})
    assert reply.status_code == 422
    (problem,) = reply.json()["errorResponse"]["apiSubErrors"]
    assert (problem["field"], problem["code"]) == ("itemLists", code)


async def test_other_lines_ask_for_the_approval_anew(seller: Any) -> None:
    invoice = await made(seller)
    await seller.http.post("/api/v0/approval/policies", json={"name": "All", "steps": ["MAKER", "APPROVER"]})
    body = {"itemLists": [line(productDescription="Globe valve 50 mm")]}
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["payload"]["approvalStatus"]["name"].endswith("_PENDING")


async def test_the_doctor_allows_very_many_lines_what_a_change_of_them_allows(seller: Any) -> None:
    """Half a paisa a line, where that is more than a rupee: each was rounded by itself."""
    invoice = await made(seller, baseAmount=1000, igst=0, itemLists=None)
    small = {"quantity": 1, "unitPrice": 1, "gstRate": 0, "igst": 0}
    lines = [line(assessmentAmount=1.00, **small) for _ in range(997)]
    reply = await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json={"itemLists": lines})
    assert reply.status_code == 200, reply.text
    assert await findings(seller) == []
    await seller.run("UPDATE invoices SET base_amount = base_amount + 3, taxable_value = taxable_value + 3,"
                     " invoice_value = invoice_value + 3, net_amount = net_amount + 3, balance = balance + 3"
                     " WHERE seller_id = $1")  # fmt: skip
    (found,) = await findings(seller)
    assert found.startswith("the lines of an invoice add up")


async def test_lines_are_compared_as_they_are_stored(seller: Any) -> None:
    """More decimals than are kept are no other lines, and a tax that rounds to nothing is none."""
    halves = line(igst=None, cgst=None, sgst=None)
    invoice = await made(seller, igst=0, cgst=90, sgst=90, itemLists=[halves])
    more = {"quantity": 10.0004, "unitPrice": 100.00004, "assessmentAmount": 1000.004, "gstRate": 18.0004}
    await seller.run("UPDATE invoices SET dispatch_status = 'QUEUED', dispatched_at = NULL WHERE seller_id = $1")
    maker = seller.http_as(["maker"])
    for changes in ({}, {"igst": 0.004}, {"cgst": 90.004, "sgst": 89.996}):
        body = {"itemLists": [halves | more], **changes}
        reply = await maker.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json=body)
        assert reply.status_code == 200, reply.text
    other = await maker.patch(
        f"/api/v0/invoice/{invoice['invoiceId']}", json={"itemLists": [halves | {"quantity": 10.0006}]}
    )
    assert [one["field"] for one in other.json()["errorResponse"]["apiSubErrors"]] == ["itemLists"]
