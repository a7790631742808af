"""What the buyer ordered and what he returned: lines corrected and sent again, and each line named as the order names it."""

from __future__ import annotations

from typing import Any

import pytest

from hundi.network import jobs
from ledger import findings
from network_books import Trade, line
from network_buying import ordered
from network_world import World


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    return World(db, keyring, clock)


async def test_lines_amounts_and_dates_of_a_returned_invoice_are_corrected(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    maker = trade.seller.http_as(["maker"])
    two = [line(quantity=5, assessmentAmount=500, igst=90), line(productDescription="Gasket", hsnCode="848410",
           quantity=20, unitPrice=5, assessmentAmount=100, igst=18)]  # fmt: skip
    wanted = {
        "itemLists": two, "baseAmount": 600, "igst": 108, "invoiceNumber": "INV-RIGHT", "dueDate": "2099-01-31",
        "invoiceDate": "2026-11-02T00:00:00+05:30",
    }  # fmt: skip
    locked = await maker.patch(f"/api/v0/invoice/{made}", json=wanted)
    assert {one["code"] for one in locked.json()["errorResponse"]["apiSubErrors"]} == {"INVOICE_LOCKED"}
    assert "itemLists" in {one["field"] for one in locked.json()["errorResponse"]["apiSubErrors"]}

    await trade.answers(made, "RETURN", "five valves, and the gaskets are missing")
    opened = await maker.patch(f"/api/v0/invoice/{made}", json=wanted)
    assert opened.status_code == 200, opened.text
    reminded = await trade.dispatch(made)
    assert [(one["code"], one["rejectedValue"]) for one in reminded["warnings"]] == [("RETURNED_BY_BUYER", made)]
    assert (await trade.object_of(made))["objectVersion"] == 1
    assert (await trade.dispatch(made, resend=True))["payload"]["errorMessage"].startswith("1 queued")

    ours = await trade.object_of(made)
    theirs = await trade.buyer.have("invoice", ours["objectId"])
    for copy in (ours, theirs):
        assert (copy["objectVersion"], copy["status"], copy["total"]) == (2, "SENT TO BUYER", 708)
        document = copy["document"]["invoice"]
        assert (document["supplierInvoiceNumber"], document["ts"][:10]) == ("INV-RIGHT", "2026-11-02")
        assert [one["quantity"] for one in document["itemLists"]] == [5, 20]
        assert document["paymentMilestones"][0]["milestoneDate"] == "2099-01-31"
    await trade.answers(made, "ACCEPT")
    assert (await maker.patch(f"/api/v0/invoice/{made}", json={"itemLists": [line()]})).status_code == 422
    paid = await trade.pays(made, 708)
    assert (await trade.confirms(paid, made)).status_code == 200
    assert (await trade.state(made))["receivable"] == "PAID"
    assert await findings(trade.seller) == []


async def test_an_irn_holds_the_lines_of_a_returned_invoice(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "RETURN")
    await trade.seller.run("UPDATE invoices SET irn = repeat('a', 64) WHERE seller_id = $1")
    reply = await trade.seller.http.patch(f"/api/v0/invoice/{made}", json={"itemLists": [line(unit="KGS")]})
    assert [one["code"] for one in reply.json()["errorResponse"]["apiSubErrors"]] == ["INVOICE_LOCKED_BY_IRN"]


def asked(description: str, quantity: int, price: int, **more: Any) -> dict[str, Any]:
    """Give a line of an order, 18% between states."""
    amount = quantity * price
    return {
        "productDescription": description, "isService": "NO", "hsnCode": "848180", "quantity": quantity, "unit": "NOS",
        "unitPrice": price, "totalAmt": amount, "assessmentAmount": amount, "gstRate": 18,
        "totalItemValue": amount * 1.18, "itemValueDetails": [{"type": "IGST", "value": amount * 0.18}],
    } | more  # fmt: skip


def billed(description: str, quantity: int, price: int, **more: Any) -> dict[str, Any]:
    amount = quantity * price
    return line(
        productDescription=description, quantity=quantity, unitPrice=price, assessmentAmount=amount,
        igst=amount * 0.18, **more,
    )  # fmt: skip


async def order_of(trade: Trade, *lines: dict[str, Any]) -> dict[str, Any]:
    total = sum(one["totalItemValue"] for one in lines)
    items = [one | {"serialno": str(at)} for at, one in enumerate(lines, 1)]
    return await ordered((trade.supplier, trade.buyer), total, itemLists=items, poValueDetails={"totalPOValue": total})


async def invoiced(trade: Trade, order: dict[str, Any], *lines: dict[str, Any]) -> str:
    base = sum(one["assessmentAmount"] for one in lines)
    return await trade.bill(
        baseAmount=base, igst=base * 0.18, itemLists=list(lines), poNumber=order["purchaseOrder"]["buyerPONumber"]
    )


def references(copy: dict[str, Any]) -> list[str | None]:
    return [one.get("orderLineReference") for one in copy["document"]["invoice"]["itemLists"]]


async def test_lines_name_those_of_the_order(world: World, new_seller: Any) -> None:
    """The order counts them, and the buyer's match has the invoice right, line by line."""
    trade = await Trade.between(world, new_seller)
    order = await order_of(trade, asked("Gate valve 50 mm", 10, 100), asked("Globe valve 25 mm", 4, 250))
    made = await invoiced(trade, order, billed("GLOBE VALVE, 25 MM", 4, 250), billed("Gate valve 50 mm", 6, 100))
    assert (await trade.dispatch(made))["response_code"] == 0
    found = await trade.object_of(made)
    assert references(found) == ["2", "1"]
    kept = await trade.buyer.have("purchase-order", order["purchaseOrder"]["objectId"])
    assert kept["status"] == "PARTIALLY INVOICED"
    await world.match()
    payable = (await trade.buyer.company.http.get(f"/api/v0/network/invoice/{found['objectId']}/match")).json()[
        "payload"
    ]
    assert payable["verdict"] == "MATCHED"
    assert [one["orderLine"] for one in payable["lines"]] == ["2", "1"]


async def test_a_corrected_invoice_stays_with_the_order_it_used_up(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    order = await order_of(trade, asked("Gate valve 50 mm", 10, 100))
    order_id = order["purchaseOrder"]["objectId"]
    made = await invoiced(trade, order, billed("Gate valve 50 mm", 10, 100))
    await trade.dispatch(made)
    assert await trade.buyer.status("purchase-order", order_id) == "FULLY INVOICED"
    await trade.answers(made, "RETURN", "only eight came")
    eight = {"baseAmount": 800, "igst": 144, "itemLists": [billed("Gate valve 50 mm", 8, 100)]}
    assert (await trade.seller.http.patch(f"/api/v0/invoice/{made}", json=eight)).status_code == 200
    await trade.dispatch(made, resend=True)
    found = await trade.object_of(made)
    assert (found["objectVersion"], references(found)) == (2, ["1"])
    assert found["document"]["invoice"]["poDetails"][0]["poObjId"] == order_id
    for side in (trade.supplier, trade.buyer):
        assert await side.status("purchase-order", order_id) == "PARTIALLY INVOICED"
    rest = await invoiced(trade, order, billed("Gate valve 50 mm", 2, 100))
    await trade.dispatch(rest)
    assert await trade.buyer.status("purchase-order", order_id) == "FULLY INVOICED"


async def test_only_what_is_beyond_doubt_is_named(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    order = await order_of(
        trade, asked("Gate valve", 10, 100), asked("Gate valve", 5, 100), asked("Pipe", 100, 2, hsnCode="730630"),
        asked("Elbow", 10, 7, hsnCode="730792", unit="PCS"),
    )  # fmt: skip
    made = await invoiced(
        trade, order, billed("Gate valve", 1, 100), billed("Tee", 1, 7, hsnCode="730792"),
        billed("Steel tube", 90, 2, hsnCode="73063090", unit="Nos."), billed("Pipe", 50, 2, hsnCode="730630"),
        billed("Elbow 90 degrees", 1, 7, hsnCode="730792", unit="PCS", orderLineReference="4"),
    )  # fmt: skip
    await trade.dispatch(made)
    assert references(await trade.object_of(made)) == [None, None, "3", None, "4"]


async def test_a_reference_of_ones_own_is_sent_as_it_is(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent(itemLists=[line(orderLineReference="PO-77/3")], poNumber="PO-77")
    assert references(await trade.object_of(made)) == ["PO-77/3"]
    order = await order_of(trade, asked("Gate valve 50 mm", 10, 100))
    wrong = await invoiced(trade, order, billed("Gate valve 50 mm", 10, 100, orderLineReference="9"))
    reply = await trade.dispatch(wrong)
    (problem,) = reply["payload"]["apiSubErrors"]
    assert (problem["code"], problem["rejectedValue"]) == ("ORDER_EXCEEDED", wrong)


async def test_invoices_of_one_order_go_out_together(world: World, new_seller: Any) -> None:
    """None waits for the answer to another: the network counts them in the order in which they were sent."""
    trade = await Trade.between(world, new_seller)
    order = await order_of(trade, asked("Gate valve 50 mm", 10, 100))
    order_id = order["purchaseOrder"]["objectId"]
    made = [await invoiced(trade, order, billed("Gate valve 50 mm", quantity, 100)) for quantity in (4, 4, 2, 1)]
    reply = await trade.dispatch(*made)
    assert reply["payload"]["errorMessage"].startswith("4 queued"), reply
    assert await trade.buyer.status("purchase-order", order_id) == "FULLY INVOICED"
    assert [references(await trade.object_of(one)) for one in made] == [["1"], ["1"], ["1"], [None]]
    states = [(await trade.state(one))["dispatch"] for one in made]
    assert states == ["DISPATCHED"] * 3 + ["FAILED"], "the fourth is more than was ordered"
    ours = await trade.supplier.have("purchase-order", order_id)
    assert ours["revision"] == (await trade.buyer.have("purchase-order", order_id))["revision"]
    assert await findings(trade.seller) == []


async def test_what_is_under_way_counts_and_what_is_refused_does_not(world: World, new_seller: Any) -> None:
    """Named beyond the order, the network would refuse it: so it is whether two go in one call or one after the other."""
    trade = await Trade.between(world, new_seller)
    order = await order_of(trade, asked("Gate valve 50 mm", 10, 100), asked("Globe valve 25 mm", 4, 250))
    wrong = await invoiced(trade, order, billed("Gate valve 50 mm", 8, 100))
    await trade.seller.run("UPDATE invoices SET irn = repeat('a', 64) WHERE seller_id = $1")
    first = await invoiced(trade, order, billed("Gate valve 50 mm", 8, 100))
    second = await invoiced(trade, order, billed("Gate valve 50 mm", 8, 100))
    reply = await trade.dispatch(wrong, first, carry=False)
    assert [one["code"] for one in reply["payload"]["apiSubErrors"]] == ["IRN_WRONG"]
    assert (await trade.dispatch(second))["payload"]["errorMessage"].startswith("1 queued")
    assert [references(await trade.object_of(one)) for one in (first, second)] == [["1"], [None]]
    assert [(await trade.state(one))["dispatch"] for one in (first, second)] == ["DISPATCHED"] * 2
    assert await findings(trade.seller) == []


@pytest.mark.parametrize("carried", [False, True])
async def test_a_correction_under_way_counts_with_what_it_bills_more(
    world: World, new_seller: Any, carried: bool
) -> None:
    """Whether it is still in the outbox or its answer is on the way; one that bills less leaves the order as it is."""
    trade = await Trade.between(world, new_seller)
    order = await order_of(trade, asked("Gate valve 50 mm", 10, 100), asked("Globe valve 25 mm", 9, 250))
    made = await invoiced(trade, order, billed("Gate valve 50 mm", 4, 100), billed("Globe valve 25 mm", 3, 250))
    await trade.dispatch(made)
    await trade.answers(made, "RETURN", "eight came, and one globe valve")
    lines = [billed("Gate valve 50 mm", 8, 100), billed("Globe valve 25 mm", 1, 250)]
    corrected = {"baseAmount": 1050, "igst": 189, "itemLists": lines}
    assert (await trade.seller.http.patch(f"/api/v0/invoice/{made}", json=corrected)).status_code == 200
    await trade.dispatch(made, resend=True, carry=False)
    if carried:
        await jobs.send(world.context, {"seller_id": trade.seller.seller_id})
    more = await invoiced(trade, order, billed("Gate valve 50 mm", 6, 100))
    fits = await invoiced(trade, order, billed("Gate valve 50 mm", 2, 100), billed("Globe valve 25 mm", 5, 250))
    reply = await trade.dispatch(more, fits)
    assert reply["payload"]["errorMessage"].startswith("2 queued"), reply
    assert [references(await trade.object_of(one)) for one in (made, more, fits)] == [["1", "2"], [None], ["1", "2"]]
    assert [(await trade.state(one))["dispatch"] for one in (made, more, fits)] == ["DISPATCHED"] * 3
    assert await findings(trade.seller) == []


async def test_a_line_without_hsn_is_sent_once_it_is_given_one_as_the_refusal_says(
    world: World, new_seller: Any
) -> None:
    trade = await Trade.between(world, new_seller)
    without = line()
    del without["hsnCode"]
    made = await trade.bill(itemLists=[without])
    (problem,) = (await trade.dispatch(made))["payload"]["apiSubErrors"]
    assert problem["code"] == "NO_HSN"
    assert "as itemLists of a PATCH" in problem["message"]
    reply = await trade.seller.http_as(["maker"]).patch(f"/api/v0/invoice/{made}", json={"itemLists": [line()]})
    assert reply.status_code == 200, reply.text
    assert (await trade.dispatch(made))["payload"]["errorMessage"].startswith("1 queued")
    assert (await trade.state(made))["network"] == "SENT TO BUYER"
