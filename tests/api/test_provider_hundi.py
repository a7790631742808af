"""A company whose EnKash is another Hundi: its calls go there over HTTP, that one's webhooks come back, and all copies agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

import hooks
import make
import network_bodies as bodies
from hundi.jobs.context import JobContext
from hundi.network.adapters.port import Credentials
from hundi.network.protocol.catalogue import CALLS, OUR_OWN_HOOKS, webhooks
from hundi.network.told import event_type
from network_world import Trader, World, pan
from provider_world import Client, connected, listening
from receiver import Receiver


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


class Account:
    """What the company has at its provider: an ordinary company of a Hundi server that trades through its central unit."""

    def __init__(self, world: World, company: make.Company, context: JobContext) -> None:
        self.world = world
        self.company = company
        self.context = context

    async def carry(self) -> None:
        """Let everything happen at the provider, and let its webhooks reach the company."""
        await self.world.carry()
        for _ in range(3):
            await hooks.fan_out(self.company)
            await hooks.work(self.company, self.context)


@pytest.fixture
async def port(session_app: Any) -> AsyncIterator[int]:
    async with listening(session_app) as found:
        yield found


def credentials_of(account: make.Company) -> Credentials:
    given = account.credentials
    return Credentials(
        client_id=given.clientId, client_secret=given.clientSecret, username=given.username, password=given.password
    )


@asynccontextmanager
async def at_a_provider(
    new_seller: Any, world: World, keyring: Any, port: int, **more: Any
) -> AsyncIterator[tuple[Client, Account]]:
    """Give a company and its account at a Hundi that plays EnKash, webhooks registered."""
    company, account = await new_seller(), await new_seller()
    world.companies.append(account)
    credentials = credentials_of(account)
    async with connected(company, keyring, port, credentials=credentials, **more) as client:
        path = f"/network/inbox/enkash/{client.secret}"
        await hooks.register(account, client.context, Receiver(port=port), "network.*", path=path)
        yield client, Account(world, account, client.context)


async def test_the_walk_through_a_hundi_that_plays_enkash(
    db: Any, keyring: Any, clock: Any, new_seller: Any, port: int
) -> None:
    world = World(db, keyring, clock)
    buyer = await world.join(await new_seller())
    async with at_a_provider(new_seller, world, keyring, port, b2b_ids=()) as (supplier, account):
        await walk(supplier, account, buyer)


async def walk(supplier: Client, account: Account, buyer: Trader) -> None:
    s, b = supplier.b2b_id, buyer.b2b_id

    async def call(path: str, body: dict[str, Any]) -> dict[str, Any]:
        message_id = await supplier.call(path, body)
        await account.carry()
        sent = await supplier.message(message_id)
        assert sent["progress"] == "ANSWERED", [(one["code"], one["detail"]) for one in await supplier.kept()]
        group, verb = path.split("/")
        hook = {"reg-entity": "respRegEntity", "reg-search-entity": "respSearchEntity"}.get(verb) or verb.replace(
            "req-", "resp-"
        )
        answer = (await supplier.heard(f"network.{group}.{hook}"))[-1]
        assert answer["resp"] == {"reqMsgId": message_id, "result": "SUCCESS"}
        return answer

    pan = "AAQCT4321K"
    await call("business-onboarding/reg-entity", bodies.register_entity(s, pan, make.gstin("27", pan)))
    assert await supplier.status("b2b-id", f"@{s.upper()}") == "ACTIVE"
    found = await call("business-onboarding/reg-search-entity", bodies.search_entity(s, "PAN", buyer.pan))
    assert found["respParams"]["entityInfo"][0]["b2bIds"][0]["value"] == b

    order = bodies.send_order(s, b, 1180)
    await buyer.call("purchase-order/req-send", order)
    await account.carry()
    order_id = order["purchaseOrder"]["objectId"]
    assert await supplier.status("purchase-order", order_id) == "SENT TO SUPPLIER"
    await call("purchase-order/req-confirm", bodies.confirm_order(order))

    po = [{"poObjId": order_id, "buyerPoId": order["purchaseOrder"]["buyerPONumber"], "poDate": "01/11/2026"}]
    sent = bodies.send_invoice(s, b, 1180, poDetails=po)
    await call("invoice/req-send-invoice", sent)
    invoice_id = sent["invoice"]["objectId"]
    assert await supplier.status("invoice", invoice_id) == await buyer.status("invoice", invoice_id) == "SENT TO BUYER"
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(sent, "RETURN"))
    await account.carry()
    assert await supplier.status("invoice", invoice_id) == "RETURNED"
    edited = bodies.edit_invoice(sent, 1062)
    await call("invoice/req-edit-invoice", edited)
    await buyer.call("invoice/req-confirm-invoice", bodies.confirm_invoice(edited))

    part = bodies.pay(edited, 500, [{"name": "TDS_INCOME_TAX", "value": 62, "refNo": "194Q"}])
    await buyer.call("payment/req-pay", part)
    await account.carry()
    await call("payment/req-pay-confirmation", bodies.confirm_payment(edited, part))
    note = bodies.send_note(s, b, 100)
    await call("cd-note/req-send", note)
    await buyer.call("cd-note/req-confirm", bodies.confirm_note(note))
    splits = [{"name": "CREDIT_NOTE", "value": 100, "refNo": note["cdNote"]["supplierCDNoteNumber"]}]
    rest = bodies.pay(edited, 400, splits, due=500, status="PARTIALLY PAID")
    await buyer.call("payment/req-pay", rest)
    await account.carry()
    await call("payment/req-pay-confirmation", bodies.confirm_payment(edited, rest))

    assert await supplier.kept() == []
    await agree(supplier, account.company)
    mine = await supplier.have("invoice", invoice_id)
    assert (mine["status"], mine["due"], mine["objectVersion"]) == ("PAID", 0, 2)


async def agree(client: Client, account: make.Company) -> None:
    """Compare the company's copies with those of its account: status, version, amounts, each event once and in order.

    A lien is told of by no published webhook: whoever is not the one that asked for finance has no event of it.
    """
    sql = "SELECT object_id, kind, status, version, total, due FROM network_objects WHERE seller_id = $1 ORDER BY object_id"
    assert await client.company.rows(sql) == await account.rows(sql)
    events = (
        "SELECT object_id, event, after, amount FROM network_events WHERE seller_id = $1"
        " AND event NOT IN ('PLEDGE', 'RELEASE') ORDER BY object_id, revision"
    )
    assert await client.company.rows(events) == await account.rows(events)
    assert await client.company.value("SELECT count(*) FROM network_awaiting WHERE seller_id = $1") == 0


class Through:
    """A trader all of whose messages go to a Hundi that plays EnKash, and whose webhooks come under the published paths."""

    def __init__(self, client: Client, account: Trader, others: list[Through]) -> None:
        self.client = client
        self.account = account
        self.others = others
        self.b2b_id = client.b2b_id
        self.pan = account.pan
        self.registered: dict[str, Any] = {}
        self.brought: set[str] = set()

    async def call(self, path: str, body: dict[str, Any]) -> str:
        message_id = await self.client.call(path, body)
        await self.account.world.carry()
        for one in self.others:
            await one.bring_all()
        sent = await self.client.message(message_id)
        assert (sent["progress"], sent["detail"]) == ("ANSWERED", None), (path, sent, await self.client.kept())
        return message_id

    async def bring_all(self) -> None:
        """Bring what the account was told since, each under its published path and bare, as the page prints it."""
        hooks_of = {event_type(hook): hook for hook in [*webhooks(), *OUR_OWN_HOOKS, "network/notice"]}
        for event in await self.account.heard():
            if event["event_id"] not in self.brought:
                self.brought.add(event["event_id"])
                taken = await self.client.bring(f"enkash/{hooks_of[event['type']]}", event["data"])
                assert taken.status_code == 200, taken.text


async def test_every_call_and_every_webhook(db: Any, keyring: Any, clock: Any, new_seller: Any, port: int) -> None:
    world = World(db, keyring, clock)
    traders: list[Through] = []
    async with AsyncExitStack() as stack:
        for _ in range(3):
            company, account = await new_seller(), await new_seller()
            world.companies.append(account)
            credentials = credentials_of(account)
            connection = connected(company, keyring, port, credentials=credentials, b2b_ids=())
            client = await stack.enter_async_context(connection)
            traders.append(Through(client, Trader(world, account, client.b2b_id, pan()), traders))
        for one in traders:
            one.registered = bodies.register_entity(one.b2b_id, one.pan, make.gstin("27", one.pan))
            await one.call("business-onboarding/reg-entity", one.registered)
        await everything(*traders)  # type: ignore[arg-type]  # they call as traders do
        heard: set[str] = set()
        sent: set[str] = set()
        for one in traders:
            assert await one.client.kept() == []
            types = await one.client.company.rows(
                "SELECT DISTINCT type FROM events WHERE seller_id = $1 AND type LIKE 'network.%'"
            )
            heard |= {row["type"] for row in types}
            calls = await one.client.company.rows("SELECT DISTINCT call FROM network_messages WHERE seller_id = $1")
            sent |= {row["call"] for row in calls}
            await agree(one.client, one.account.company)
    assert heard >= {event_type(hook) for hook in [*webhooks(), *OUR_OWN_HOOKS]}
    assert sent == {call.name for call in CALLS.values()}
