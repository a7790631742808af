"""Every published call is served and every published webhook is heard, with the body its page shows (contract b2b §3)."""

from __future__ import annotations

from typing import Any

import network_bodies as bodies
from hundi.network.protocol.catalogue import CALLS, OUR_OWN_HOOKS, webhooks
from hundi.network.told import event_type
from hundi.network.wire.catalogue import WIRE_CALLS
from network_world import Trader, World

# What a request webhook brings besides b2bIds, by the page of its call.
BLOCKS = {
    "invoice/req-send-invoice": "invoice", "invoice/req-confirm-invoice": "invoiceConfirmation",
    "invoice/req-status-change-invoice": "invoiceStatus", "invoice/req-edit-invoice": "invoice",
    "payment/req-pay": "payment", "payment/req-pay-confirmation": "paymentConfirmation",
    "purchase-order/req-send": "purchaseOrder", "purchase-order/req-confirm": "poConfirmation",
    "purchase-order/req-edit": "purchaseOrder", "purchase-order/req-status-change": "poStatus",
    "cd-note/req-send": "cdNote", "cd-note/req-confirm": "cdNoteConfirmation",
    "cd-note/req-status-change": "cdNoteStatus", "finance/shareBid": "bid", "finance/req-financing": "financeRequest",
    "finance/respondBid": "bidResponse",
}  # fmt: skip


async def everything(supplier: Trader, buyer: Trader, fa: Trader) -> None:
    """Make each of the twenty calls at least once, so that it succeeds."""
    s, b = supplier.b2b_id, buyer.b2b_id
    await buyer.call("business-onboarding/reg-check-entity", bodies.check_entity(supplier.pan))
    await supplier.call("business-onboarding/reg-id", bodies.register_ids(supplier.registered, f"{s}-2"))
    await buyer.call("business-onboarding/reg-search-entity", bodies.search_entity(b, "PAN", supplier.pan))

    order = bodies.send_order(s, b, 1180)
    await buyer.call("purchase-order/req-send", order)
    changed = bodies.edit_order(order, 2360)
    await buyer.call("purchase-order/req-edit", changed)
    await supplier.call("purchase-order/req-confirm", bodies.confirm_order(changed))
    await buyer.call("purchase-order/req-status-change", bodies.change_order_status(changed))

    slip = bodies.send_invoice(s, b)
    await supplier.call("invoice/req-send-invoice", slip)
    await supplier.call("invoice/req-status-change-invoice", bodies.change_invoice_status(slip, status="SENT TO BUYER"))
    sent = bodies.send_invoice(s, b)
    await supplier.call("invoice/req-send-invoice", sent)
    edited = bodies.edit_invoice(sent, 1062, "SENT TO BUYER")
    await supplier.call("invoice/req-edit-invoice", edited)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))

    asked = bodies.request_financing(edited, fa.b2b_id)
    await supplier.call("finance/req-financing", asked)
    bid = bodies.share_bid(asked)
    await fa.call("finance/req-share-bid", bid)
    await supplier.call("finance/req-respond-bid", bodies.respond_bid(asked, bid))

    paid = bodies.pay(edited, 1062)
    await buyer.call("payment/req-pay", paid)
    await supplier.call("payment/req-pay-confirmation", bodies.confirm_payment(edited, paid))

    taken_back, note = bodies.send_note(s, b), bodies.send_note(s, b)
    await supplier.call("cd-note/req-send", taken_back)
    await supplier.call("cd-note/req-status-change", bodies.change_note_status(taken_back))
    await supplier.call("cd-note/req-send", note)
    await buyer.call("cd-note/req-confirm", bodies.confirm_note(note))


async def test_every_call_and_every_webhook(db: Any, keyring: Any, clock: Any, new_seller: Any) -> None:
    world = World(db, keyring, clock)
    traders = [await world.join(await new_seller()) for _ in range(3)]
    await everything(*traders)
    heard: dict[str, dict[str, Any]] = {}
    for trader in traders:
        for event in await trader.heard():
            if "resp" in event["data"]:
                assert event["data"]["resp"]["result"] == "SUCCESS", event
            heard[event["type"]] = event["data"]
    published = webhooks()
    assert len(published) == len(set(published)) == 33
    for hook in [*published, *OUR_OWN_HOOKS]:
        body = heard[event_type(hook)]
        if hook in BLOCKS:
            assert BLOCKS[hook] in body, hook
            assert "resp" not in body, hook
        else:
            assert set(body["resp"]) == {"reqMsgId", "result"}, hook
            assert "device" not in body, hook
    used = {call.response_hook for call in CALLS.values()}
    assert {event_type(hook) for hook in used} <= set(heard), "each of the twenty calls had its answer"


def test_the_catalogue_is_the_contract_s() -> None:
    assert len(WIRE_CALLS) == len(CALLS) == 20
    assert [call.message for call in WIRE_CALLS] == list(CALLS)
    groups = [call.group for call in WIRE_CALLS]
    counted = {group: groups.count(group) for group in dict.fromkeys(groups)}
    assert counted == {
        "business-onboarding": 4, "invoice": 4, "payment": 2, "purchase-order": 4, "cd-note": 3, "finance": 3,
    }  # fmt: skip
