"""Each published call and each published webhook by itself, with the body its page shows and its effect (contract b2b §3).

The twenty calls are made once, in an order in which all of them succeed; then every row of the catalogue has a test of its own
over what was answered, heard and kept. docs/reference/network.md cites them row by row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

import make
import network_bodies as bodies
from hundi.network.protocol.catalogue import CALLS, OUR_OWN_HOOKS, webhooks
from hundi.network.told import event_type
from hundi.network.wire.catalogue import WIRE_CALLS
from network_world import Trader, World, pan

PATHS = [call.path.removeprefix("/api/v0/") for call in CALLS.values()]
NOT_ECHOED = {"device", "initiatorEntity"}
"""What the answer leaves out of the request it repeats (contract b2b §2)."""


class Step(NamedTuple):
    """One call that was made: who sent it, its body, what was answered, and every party's copy of its objects then."""

    sender: str
    body: dict[str, Any]
    reply: dict[str, Any]
    copies: list[dict[str, Any]]


class Story:
    """Everything that happened: the steps by path, and the events by party."""

    def __init__(self, traders: dict[str, Trader]) -> None:
        self.traders = traders
        self.steps: dict[str, list[Step]] = {}
        self.heard: dict[str, list[dict[str, Any]]] = {}

    async def call(self, sender: str, path: str, body: dict[str, Any], *about: tuple[str, str]) -> None:
        """Send a call, carry everything, and keep the reply and the copies of the objects it is about."""
        trader = self.traders[sender]
        reply = await trader.post(path, body)
        assert reply.status_code == 200, reply.text
        await trader.world.carry()
        copies = [await self.copies(collection, object_id) for collection, object_id in about]
        self.steps.setdefault(path, []).append(Step(sender, body, reply.json(), copies))

    async def copies(self, collection: str, object_id: str) -> dict[str, Any]:
        """Give (status, version) of an object by the party that has it."""
        found = {}
        for name, trader in self.traders.items():
            reply = await trader.company.http.get(f"/api/v0/network/{collection}/{object_id}")
            if reply.status_code == 200:
                shown = reply.json()["payload"]
                found[name] = (shown["status"], shown["objectVersion"])
        return found


@pytest.fixture(scope="module")
async def story(session_app: Any, session_db: Any, session_clock: Any, keyring: Any) -> AsyncIterator[Story]:
    """Make each of the twenty calls at least once, so that it succeeds."""
    session_clock.reset()
    world = World(session_db, keyring, session_clock)
    async with make.http_clients(session_app) as factory:
        traders = {}
        for name in ("supplier", "buyer", "fa"):
            company = await make.company(session_db, keyring, session_clock, factory)
            world.companies.append(company)
            traders[name] = Trader(world, company, f"B2B-{company.seller_id}", pan())
        told = Story(traders)
        await play(told)
        told.heard = {name: await trader.heard() for name, trader in traders.items()}
        yield told


async def play(told: Story) -> None:
    for name, trader in told.traders.items():
        trader.registered = bodies.register_entity(trader.b2b_id, trader.pan, make.gstin("27", trader.pan))
        await told.call(
            name, "business-onboarding/reg-entity", trader.registered, ("b2b-id", f"@{trader.b2b_id.upper()}")
        )
    supplier, buyer, fa = told.traders.values()
    s, b = supplier.b2b_id, buyer.b2b_id
    await told.call("buyer", "business-onboarding/reg-check-entity", bodies.check_entity(supplier.pan))
    second = bodies.register_ids(supplier.registered, f"{s}-2")
    await told.call("supplier", "business-onboarding/reg-id", second, ("b2b-id", f"@{s.upper()}-2"))
    await told.call("buyer", "business-onboarding/reg-search-entity", bodies.search_entity(b, "PAN", supplier.pan))
    await play_order(told, s, b)
    edited = await play_invoices(told, s, b)
    await play_finance(told, edited, fa.b2b_id)
    paid = bodies.pay(edited, 1062)
    both = ("payment", paid["payment"]["objectId"]), ("invoice", edited["invoice"]["objectId"])
    await told.call("buyer", "payment/req-pay", paid, *both)
    await told.call("supplier", "payment/req-pay-confirmation", bodies.confirm_payment(edited, paid), *both)
    await play_notes(told, s, b)


async def play_order(told: Story, s: str, b: str) -> None:
    order = bodies.send_order(s, b, 1180)
    about = "purchase-order", order["purchaseOrder"]["objectId"]
    await told.call("buyer", "purchase-order/req-send", order, about)
    changed = bodies.edit_order(order, 2360)
    await told.call("buyer", "purchase-order/req-edit", changed, about)
    await told.call("supplier", "purchase-order/req-confirm", bodies.confirm_order(changed), about)
    await told.call("buyer", "purchase-order/req-status-change", bodies.change_order_status(changed), about)


async def play_invoices(told: Story, s: str, b: str) -> dict[str, Any]:
    slip = bodies.send_invoice(s, b)
    about = "invoice", slip["invoice"]["objectId"]
    await told.call("supplier", "invoice/req-send-invoice", slip, about)
    cancelled = bodies.change_invoice_status(slip, status="SENT TO BUYER")
    await told.call("supplier", "invoice/req-status-change-invoice", cancelled, about)
    sent = bodies.send_invoice(s, b)
    about = "invoice", sent["invoice"]["objectId"]
    await told.call("supplier", "invoice/req-send-invoice", sent, about)
    edited = bodies.edit_invoice(sent, 1062, "SENT TO BUYER")
    await told.call("supplier", "invoice/req-edit-invoice", edited, about)
    await told.call("buyer", "invoice/req-confirm-invoice", bodies.confirm_invoice(edited), about)
    return edited


async def play_finance(told: Story, edited: dict[str, Any], fa: str) -> None:
    asked = bodies.request_financing(edited, fa)
    request = "finance", asked["financeRequest"]["financingRequestId"]
    await told.call("supplier", "finance/req-financing", asked, request)
    bid = bodies.share_bid(asked)
    about = request, ("bid", bid["bid"]["bidDetails"][0]["bidId"])
    await told.call("fa", "finance/req-share-bid", bid, *about)
    await told.call("supplier", "finance/req-respond-bid", bodies.respond_bid(asked, bid), *about)


async def play_notes(told: Story, s: str, b: str) -> None:
    for back in (True, False):
        note = bodies.send_note(s, b)
        about = "cd-note", note["cdNote"]["objectId"]
        await told.call("supplier", "cd-note/req-send", note, about)
        if back:
            await told.call("supplier", "cd-note/req-status-change", bodies.change_note_status(note), about)
        else:
            await told.call("buyer", "cd-note/req-confirm", bodies.confirm_note(note), about)


def both(status: str, version: int) -> dict[str, Any]:
    return {"supplier": (status, version), "buyer": (status, version)}


def asked(status: str) -> dict[str, Any]:
    return {"supplier": (status, 1), "fa": (status, 1)}


# By path, for each time it is called: everybody's copy of each object the call is about.
EFFECTS: dict[str, list[list[dict[str, Any]]]] = {
    "business-onboarding/reg-check-entity": [[]],
    "business-onboarding/reg-entity": [[{name: ("ACTIVE", 1)}] for name in ("supplier", "buyer", "fa")],
    "business-onboarding/reg-id": [[{"supplier": ("ACTIVE", 1)}]],
    "business-onboarding/reg-search-entity": [[]],
    "invoice/req-send-invoice": [[both("SENT TO BUYER", 1)], [both("SENT TO BUYER", 1)]],
    "invoice/req-confirm-invoice": [[both("ACCEPTED", 2)]],
    "invoice/req-status-change-invoice": [[both("CANCELLED", 1)]],
    "invoice/req-edit-invoice": [[both("SENT TO BUYER", 2)]],
    "payment/req-pay": [[both("ACK PENDING", 1), both("PAYMENT INITIATED", 2)]],
    "payment/req-pay-confirmation": [[both("CONFIRMED", 1), both("PAID", 2)]],
    "purchase-order/req-send": [[both("SENT TO SUPPLIER", 0)]],
    "purchase-order/req-confirm": [[both("ACCEPTED", 1)]],
    "purchase-order/req-edit": [[both("SENT TO SUPPLIER", 1)]],
    "purchase-order/req-status-change": [[both("CLOSED", 1)]],
    "cd-note/req-send": [[both("SENT TO BUYER", 0)], [both("SENT TO BUYER", 0)]],
    "cd-note/req-confirm": [[both("ACCEPTED", 0)]],
    "cd-note/req-status-change": [[both("CANCELLED", 0)]],
    "finance/req-financing": [[asked("SENT TO FA")]],
    "finance/req-share-bid": [[asked("BIDS RECEIVED"), asked("SHARED")]],
    "finance/req-respond-bid": [[asked("ACCEPTED"), asked("ACCEPTED")]],
}
SPOKEN_TO = {"business-onboarding": None, "finance/req-share-bid": "supplier", "finance": "fa"}
"""Who gets the request webhook, where it is not the other one of buyer and supplier."""


def receiver(path: str, sender: str) -> str | None:
    if path in SPOKEN_TO:
        return SPOKEN_TO[path]
    return SPOKEN_TO.get(path.partition("/")[0], "buyer" if sender == "supplier" else "supplier")


@pytest.mark.parametrize("path", PATHS)
async def test_the_call(story: Story, path: str) -> None:
    """It is acknowledged with exactly the three published members, and both sides then have what it leads to."""
    steps = story.steps[path]
    assert [step.copies for step in steps] == EFFECTS[path]
    for step in steps:
        assert step.reply == {"payload": step.reply["payload"], "response_code": 0, "response_message": "SUCCESS"}
        assert step.reply["payload"].startswith("MSG")


@pytest.mark.parametrize("hook", [*webhooks(), *sorted(OUR_OWN_HOOKS)])
async def test_the_webhook(story: Story, hook: str) -> None:
    """It brings the published body whole, once, to the party it is for and to nobody else."""
    call = next(call for call in CALLS.values() if hook in {call.request_hook, call.response_hook})
    path = call.path.removeprefix("/api/v0/")
    expected: dict[str, list[Any]] = {name: [] for name in story.traders}
    for step in story.steps[path]:
        if hook == call.request_hook:
            to = receiver(path, step.sender)
            assert to is not None
            expected[to].append(step.body)
        else:
            echo = {name: value for name, value in step.body.items() if name not in NOT_ECHOED}
            resp = {"resp": {"reqMsgId": step.reply["payload"], "result": "SUCCESS"}}
            expected[step.sender].append(resp | echo | found_by(story, hook))
    for name, events in story.heard.items():
        assert [event["data"] for event in events if event["type"] == event_type(hook)] == expected[name], name


def found_by(story: Story, hook: str) -> dict[str, Any]:
    """Give what the two searching answers tell besides (contract b2b §4.1, §4.4)."""
    supplier = story.traders["supplier"]
    if hook.endswith("respCheckEntity"):
        known = {"isBusinessExist": "YES", "isMultipleOrgAllowed": "NO", "businessName": "Sahyadri Valves"}
        return {"instituteStatus": {"institutes": [known | {"b2bIds": [supplier.b2b_id]}]}}
    if hook.endswith("respSearchEntity"):
        info = {"name": "Sahyadri Valves", "alias": "Sahyadri", "state": "MAHARASHTRA", "pincode": "400078"}
        shown = [{"value": supplier.b2b_id, "description": ""}]
        return {"respParams": {"entityInfo": [info | {"b2bIds": shown}]}}
    return {}


@pytest.mark.parametrize("hook", sorted(OUR_OWN_HOOKS))
def test_webhooks_of_ours_are_not_counted_among_the_published(hook: str) -> None:
    assert hook not in webhooks()


def test_the_catalogue_is_the_contract_s() -> None:
    assert len(WIRE_CALLS) == len(CALLS) == 20
    assert len(webhooks()) == len(set(webhooks())) == 33
    assert set(EFFECTS) == set(PATHS)
    assert [call.message for call in WIRE_CALLS] == list(CALLS)
    groups = [call.group for call in WIRE_CALLS]
    counted = {group: groups.count(group) for group in dict.fromkeys(groups)}
    assert counted == {
        "business-onboarding": 4, "invoice": 4, "payment": 2, "purchase-order": 4, "cd-note": 3, "finance": 3,
    }  # fmt: skip
