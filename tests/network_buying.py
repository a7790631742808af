"""What a buyer does on the network, for the tests of received invoices: orders, invoices for them, the list."""

from __future__ import annotations

from typing import Any

import httpx2

import network_bodies as bodies
from network_world import Trader

LIST = "/api/v0/network/payable"


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]


async def ordered(pair: tuple[Trader, Trader], total: float = 1180, **changes: Any) -> dict[str, Any]:
    """Give an order the buyer sent and the supplier accepted."""
    supplier, buyer = pair
    order = bodies.send_order(supplier.b2b_id, buyer.b2b_id, total)
    order["purchaseOrder"] |= changes
    await buyer.call("purchase-order/req-send", order)
    await supplier.call("purchase-order/req-confirm", bodies.confirm_order(order))
    return order


def for_order(order: dict[str, Any]) -> dict[str, Any]:
    """Give the poDetails of an invoice for an order."""
    made = order["purchaseOrder"]
    return {"poDetails": [{"poObjId": made["objectId"], "buyerPoId": made["buyerPONumber"], "poDate": "01/11/2026"}]}


async def billed(pair: tuple[Trader, Trader], total: float = 1180, **changes: Any) -> dict[str, Any]:
    """Give an invoice the supplier sent; it is matched."""
    supplier, buyer = pair
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id, total, **changes)
    await supplier.call("invoice/req-send-invoice", sent)
    await supplier.world.match()
    return sent


async def listed(trader: Trader, **query: Any) -> dict[str, Any]:
    reply = await trader.company.http.get(LIST, params=query)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found
