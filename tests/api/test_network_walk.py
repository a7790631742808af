"""The whole trade over HTTP on one server: register, search, order, invoice, return, edit, accept, finance, pay, note."""

from __future__ import annotations

from typing import Any

import network_bodies as bodies
from network_world import Trader, World


async def accepted(supplier: Trader, buyer: Trader, total: float = 1180, **more: Any) -> dict[str, Any]:
    """Send an invoice and have it accepted; gives the body it was sent with."""
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, total, **more)
    await supplier.call("invoice/req-send-invoice", sent)
    assert supplier.resp["resp"]["result"] == "SUCCESS", supplier.resp["resp"]
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent))
    assert buyer.resp["resp"]["result"] == "SUCCESS", buyer.resp["resp"]
    return sent


async def test_the_walk(world: World, new_seller: Any) -> None:
    supplier, buyer, fa = [await world.join(await new_seller()) for _ in range(3)]
    assert await supplier.status("b2b-id", f"@{supplier.b2b_id.upper()}") == "ACTIVE"

    await buyer.call("business-onboarding/reg-search-entity", bodies.search_entity(buyer.b2b_id, "PAN", supplier.pan))
    assert buyer.resp["respParams"]["entityInfo"][0]["b2bIds"][0]["value"] == supplier.b2b_id

    order = bodies.send_order(supplier.b2b_id, buyer.b2b_id, 2360)
    order_id = order["purchaseOrder"]["objectId"]
    await buyer.call("purchase-order/req-send", order)
    assert await supplier.status("purchase-order", order_id) == "SENT TO SUPPLIER"
    await supplier.call("purchase-order/req-confirm", bodies.confirm_order(order))
    assert await buyer.status("purchase-order", order_id) == "ACCEPTED"

    po = [{"poObjId": order_id, "buyerPoId": order["purchaseOrder"]["buyerPONumber"], "poDate": "01/11/2026"}]
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, 1180, poDetails=po)
    invoice_id = sent["invoice"]["objectId"]
    await supplier.call("invoice/req-send-invoice", sent)
    arrived = (await buyer.heard("network.invoice.req-send-invoice"))[-1]
    assert arrived["data"] == sent, "the buyer's webhook is the published body, whole"
    assert (arrived["object_id"], await buyer.status("invoice", invoice_id)) == (invoice_id, "SENT TO BUYER")
    assert await buyer.status("purchase-order", order_id) == "FULLY INVOICED", "all ten pieces are invoiced"

    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent, "RETURN"))
    assert await supplier.status("invoice", invoice_id) == "RETURNED"
    edited = bodies.edit_invoice(sent, 1062)
    await supplier.call("invoice/req-edit-invoice", edited)
    assert supplier.resp["resp"]["result"] == "SUCCESS", supplier.resp
    found = await buyer.have("invoice", invoice_id)
    assert (found["status"], found["objectVersion"], found["total"]) == ("SENT TO BUYER", 2, 1062)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))
    assert await supplier.status("invoice", invoice_id) == "ACCEPTED"

    asked = bodies.request_financing(edited, fa.b2b_id, 1000)
    await supplier.call("finance/req-financing", asked)
    assert supplier.resp["resp"]["result"] == "SUCCESS", supplier.resp
    bid = bodies.share_bid(asked)
    await fa.call("finance/req-share-bid", bid)
    assert fa.resp["resp"]["result"] == "SUCCESS", fa.resp
    assert len(await supplier.heard("network.finance.shareBid")) == 1
    await supplier.call("finance/req-respond-bid", bodies.respond_bid(asked, bid))
    assert supplier.resp["resp"]["result"] == "SUCCESS", supplier.resp
    assert await supplier.status("finance", asked["financeRequest"]["financingRequestId"]) == "ACCEPTED"

    tds = [{"name": "TDS_INCOME_TAX", "value": 62, "refNo": "194Q"}]
    part = bodies.pay(edited, 500, tds)
    await buyer.call("payment/req-pay", part)
    assert buyer.resp["resp"]["result"] == "SUCCESS", buyer.resp
    assert await supplier.status("payment", part["payment"]["objectId"]) == "ACK PENDING"
    await supplier.call("payment/req-pay-confirmation", bodies.confirm_payment(edited, part))
    found = await buyer.have("invoice", invoice_id)
    assert (found["status"], found["due"]) == ("PARTIALLY PAID", 500)

    note = bodies.send_note(supplier.b2b_id, buyer.b2b_id, 100)
    await supplier.call("cd-note/req-send", note)
    await buyer.call("cd-note/req-confirm", bodies.confirm_note(note))
    assert await supplier.status("cd-note", note["cdNote"]["objectId"]) == "ACCEPTED"
    splits = [{"name": "CREDIT_NOTE", "value": 100, "refNo": note["cdNote"]["supplierCDNoteNumber"]}]
    rest = bodies.pay(edited, 400, splits, due=500, status="PARTIALLY PAID")
    await buyer.call("payment/req-pay", rest)
    assert buyer.resp["resp"]["result"] == "SUCCESS", buyer.resp
    await supplier.call("payment/req-pay-confirmation", bodies.confirm_payment(edited, rest))
    assert supplier.resp["resp"]["result"] == "SUCCESS", supplier.resp
    for trader in (supplier, buyer):
        found = await trader.have("invoice", invoice_id)
        assert (found["status"], found["due"]) == ("PAID", 0)
        assert await trader.status("cd-note", note["cdNote"]["objectId"]) == "APPLIED"
    await agree(world)


async def agree(world: World) -> None:
    """Compare every copy with the central unit's: version, status, figures, and each event once."""
    for company in world.companies:
        ours = {row["object_id"]: row for row in await company.rows(
            "SELECT object_id, status, version, revision, data::text AS data FROM network_objects WHERE seller_id = $1"
        )}  # fmt: skip
        async with world.context.db.unbound() as tx:
            theirs = {row["object_id"]: dict(row) for row in await tx.fetch(
                "SELECT object_id, status, version, revision, data::text AS data FROM central.objects"
                " WHERE object_id = ANY ($1)", list(ours),
            )}  # fmt: skip
        assert ours == theirs
        assert await company.value("SELECT count(*) FROM network_awaiting WHERE seller_id = $1") == 0
        for row in ours.values():
            revisions = await company.rows(
                "SELECT revision FROM network_events WHERE seller_id = $1 AND object_id = $2 ORDER BY 1",
                row["object_id"],
            )
            assert [one["revision"] for one in revisions] == list(range(1, row["revision"] + 1)), row


async def test_on_platform_money_is_settled_and_cannot_be_rejected(world: World, new_seller: Any) -> None:
    supplier, buyer = [await world.join(await new_seller()) for _ in range(2)]
    sent = await accepted(supplier, buyer)
    paid = bodies.pay(sent, 1180, kind="ONPLATFORM")
    await buyer.call("payment/req-pay", paid)
    assert await buyer.status("payment", paid["payment"]["objectId"]) == "SUCCESS"
    refused = await supplier.post("payment/req-pay-confirmation", bodies.confirm_payment(sent, paid, "REJECT"))
    assert refused.status_code == 422
    assert refused.json()["errorResponse"]["apiSubErrors"][0]["code"] == "ON_PLATFORM_FINAL"
    await supplier.call("payment/req-pay-confirmation", bodies.confirm_payment(sent, paid))
    assert await buyer.status("invoice", sent["invoice"]["objectId"]) == "PAID"
    await agree(world)
