"""Whatever both sides do in whatever order: books and network agree, and every effect happened once (issue 5, domain §11)."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from random import Random
from typing import Any

import pytest

import network_bodies as bodies
from hundi.invoices.rules import PayoutStatus
from hundi.network import jobs, told
from hundi.network.central import unit
from hundi.network.ends import party_of
from hundi.network.keys import HomeSigner
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol.parcels import CENTRE, seal
from ledger import findings
from network_books import Trade
from network_world import World

SEEDS = int(
    os.environ.get("TEST_SEEDS") or {"default": 3, "ci": 4, "soak": 300}[os.environ.get("TEST_TIER", "default")]
)
STEPS = 18
D = Decimal
SPLITS = ("TDS_INCOME_TAX", "TDS_GST", "DISCOUNT", "ROUND_OFF", "OTHER", "ADVANCE")


class Play:
    """One invoice, and two sides that do what comes into their heads; what is refused is refused."""

    def __init__(self, trade: Trade, chance: Random, made: str) -> None:
        self.trade = trade
        self.chance = chance
        self.made = made
        self.payments: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.log: list[str] = []

    async def step(self) -> None:
        """Do one thing, and carry all messages."""
        verbs = (
            self.answer, self.answer, self.edit, self.pay, self.pay, self.confirm, self.confirm, self.confirm, self.note,
            self.by_hand, self.resend, self.cancel, self.reverse, self.reverse,
        )  # fmt: skip
        verb = self.chance.choice(verbs)
        self.log.append(verb.__name__)
        await verb()
        await self.trade.world.carry()
        await self.trade.reapplied()

    async def answer(self) -> None:
        response = self.chance.choices(("ACCEPT", "RETURN", "REJECT"), (12, 4, 1))[0]
        body = bodies.confirm_invoice(await self.trade.body_of(self.made), response)
        await self.trade.buyer.post("invoice/req-confirm-invoice", body)

    async def edit(self) -> None:
        amount = self.chance.choice((600, 800, 1000))
        await self.trade.seller.http_as(["maker"]).patch(
            f"/api/v0/invoice/{self.made}", json={"baseAmount": amount, "igst": amount * 18 / 100}
        )
        await self.resend()

    async def resend(self) -> None:
        await self.trade.dispatch(self.made, resend=True)

    async def pay(self) -> None:
        found = await self.trade.object_of(self.made)
        due = D(str(found["due"]))
        total = due if self.chance.random() < 0.4 else min(due, D(self.chance.randrange(1, 400)))
        adjusted = min(total, D(self.chance.choice((0, 0, 10, 25))))
        splits = [{"name": self.chance.choice(SPLITS), "value": float(adjusted), "refNo": "x"}] if adjusted else []
        if self.notes and self.chance.random() < 0.5:
            splits = [{"name": "CREDIT_NOTE", "value": float(adjusted), "refNo": self.notes[-1]}] if adjusted else []
        if total <= 0:
            return
        kind = self.chance.choice(("OFFPLATFORM", "OFFPLATFORM", "ONPLATFORM"))
        body = bodies.pay(
            found["document"], float(total - adjusted), splits, due=float(due), status=found["status"], kind=kind
        )
        reply = await self.trade.buyer.post("payment/req-pay", body)
        if reply.status_code == 200:
            self.payments.append(body)

    async def confirm(self) -> None:
        if self.payments:
            response = self.chance.choices(("ACCEPT", "REJECT"), (4, 1))[0]
            payment = self.chance.choice(self.payments[-2:])
            await self.trade.confirms(payment, self.made, response=response)

    async def note(self) -> None:
        note = bodies.send_note(self.trade.supplier.b2b_id, self.trade.buyer.b2b_id, 50)
        await self.trade.supplier.call("cd-note/req-send", note)
        await self.trade.buyer.call("cd-note/req-confirm", bodies.confirm_note(note))
        self.notes.append(note["cdNote"]["supplierCDNoteNumber"])

    async def by_hand(self) -> None:
        body = {"kind": "RECEIPT", "amount": self.chance.randrange(1, 60), "acceptPart": True}
        if self.payments and self.chance.random() < 0.5:
            body["reference"] = self.payments[-1]["payment"]["utr"]
        await self.trade.seller.http.post(f"/api/v0/invoice/{self.made}/entries", json=body)

    async def reverse(self) -> None:
        reply = await self.trade.seller.http.get(f"/api/v0/invoice/{self.made}/entries")
        found = [one["entryId"] for one in reply.json()["payload"]["data"]]
        if found:
            path = f"/api/v0/invoice/{self.made}/entries/{self.chance.choice(found)}/reverse"
            await self.trade.seller.http.post(path, json={"note": "x"})

    async def cancel(self) -> None:
        if self.chance.random() < 0.3:
            await self.trade.seller.http.post(f"/api/v0/invoice/{self.made}/cancel", json={"reason": "x"})
            await self.trade.withdrawn(self.made)

    async def agree(self) -> None:
        """Hold the books against the network."""
        trade, made = self.trade, self.made
        assert await findings(trade.seller) == [], self.log
        ours, theirs = (
            await trade.object_of(made),
            await trade.buyer.have("invoice", (await trade.object_of(made))["objectId"]),
        )
        assert [ours[k] for k in ("status", "revision", "due")] == [theirs[k] for k in ("status", "revision", "due")]
        shown = await trade.shown(made)
        state = await trade.state(made)
        if ours["status"] in {"CANCELLED", "REJECTED"}:
            expected = "CANCELLED" if ours["status"] == "CANCELLED" else "DISPUTED"
            assert state["receivable"] == expected or shown["balanceAmount"] < shown["netAmount"], self.log
        # Whoever reverses what the network wrote says that it did not come after all: then the two differ, as they should.
        undone = await trade.seller.value(
            "SELECT count(*) FROM invoice_entries e JOIN invoice_entries r ON r.seller_id = $1 AND r.invoice_id = $2"
            " AND r.reverses = e.entry_id WHERE e.seller_id = $1 AND e.invoice_id = $2 AND e.created_by = 'network'", made,
        )  # fmt: skip
        if ours["status"] in {"PAID", "CLOSED"} and not undone:
            assert (state["receivable"], state["payout"]) == ("PAID", "PAID"), self.log
        if ours["status"] in {"PAID", "CLOSED"}:
            assert (state["receivable"] == "PAID") == (state["payout"] == "PAID"), self.log
        if ours["status"] in {"ACCEPTED", "PARTIALLY PAID"}:
            assert state["payout"] in {PayoutStatus.NOT_INITIATED, PayoutStatus.FAILED}, self.log
        if ours["status"] == "PAYMENT INITIATED":
            assert state["payout"] in {PayoutStatus.INITIATED, PayoutStatus.PROCESSING}, self.log
        kept = (await trade.seller.rows(
            "SELECT coalesce(sum(posted), 0) AS posted, coalesce(sum(covered), 0) AS covered FROM network_postings"
            " WHERE seller_id = $1 AND invoice_id = $2", made,
        ))[0]  # fmt: skip
        written = await trade.seller.value(
            "SELECT coalesce(sum(coalesce(certified, amount)), 0) FROM invoice_entries WHERE seller_id = $1"
            " AND invoice_id = $2 AND created_by = 'network'", made,
        )  # fmt: skip
        assert written == kept["posted"], self.log
        # What is covered stands by somebody's own hand, once; who reversed what the network wrote took none of it away.
        by_hand = await trade.seller.value(
            "SELECT coalesce(sum(e.amount), 0) FROM invoice_entries e WHERE e.seller_id = $1 AND e.invoice_id = $2"
            " AND e.kind = 'RECEIPT' AND e.created_by <> 'network' AND NOT EXISTS (SELECT 1 FROM invoice_entries r"
            " WHERE r.seller_id = $1 AND r.invoice_id = $2 AND r.reverses = e.entry_id)", made,
        )  # fmt: skip
        assert kept["covered"] <= by_hand, self.log
        taken = await trade.seller.value(
            "SELECT coalesce(sum(e.amount), 0) FROM invoice_entries e WHERE e.seller_id = $1 AND e.invoice_id = $2"
            " AND e.kind = 'RECEIPT' AND e.created_by = 'network' AND NOT EXISTS (SELECT 1 FROM invoice_entries r"
            " WHERE r.seller_id = $1 AND r.invoice_id = $2 AND r.reverses = e.entry_id)", made,
        )  # fmt: skip
        told = await trade.seller.value(
            "SELECT coalesce(sum(amount), 0) FROM network_postings WHERE seller_id = $1 AND invoice_id = $2"
            " AND kind = 'RECEIPT'", made,
        )  # fmt: skip
        assert taken + kept["covered"] <= told, self.log


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_books_and_network_agree(world: World, new_seller: Any, seed: int) -> None:
    chance = Random(seed)
    trade = await Trade.between(world, new_seller)
    await trade.seller.run("UPDATE sellers SET default_hsn = '848180' WHERE seller_id = $1")
    play = Play(trade, chance, await trade.sent(itemLists=None, tds=chance.choice((0, 20))))
    for _ in range(STEPS):
        await play.step()
        await play.agree()


async def test_what_is_delivered_again_has_no_further_effect(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "ACCEPT")
    paid = await trade.pays(made, 1180)
    await trade.confirms(paid, made, carry=False)
    seller_id = trade.seller.seller_id
    await jobs.send(world.context, {"seller_id": seller_id})
    async with world.context.db.unbound() as tx:
        waiting = [dict(row) for row in await tx.fetch("SELECT * FROM central.outbox WHERE receiver = $1", seller_id)]
    assert waiting
    before = None
    for _ in range(3):
        await jobs.collect(world.context, {"seller_id": seller_id})
        found = (await trade.shown(made), await trade.entries(made), await trade.events("invoice.payout_status"))
        assert before is None or found == before
        before = found
        async with world.context.db.unbound() as tx:
            for row in waiting:
                await tx.execute(
                    "INSERT INTO central.outbox (parcel_id, receiver, parcel, due, attempts) VALUES ($1, $2, $3, $4, 0)",
                    row["parcel_id"], row["receiver"], row["parcel"], row["due"],
                )  # fmt: skip
    assert [amount for _, amount, _ in await trade.entries(made)] == [D("1180.00")]


async def test_a_worker_that_dies_leaves_nothing_half_done(world: World, new_seller: Any) -> None:
    """The copy, the event, the entry and the statuses are one commit: all of it or nothing."""
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    await trade.answers(made, "ACCEPT")
    paid = await trade.pays(made, 1180)
    await trade.confirms(paid, made, carry=False)
    seller_id = trade.seller.seller_id
    await jobs.send(world.context, {"seller_id": seller_id})
    before = (await trade.shown(made), await trade.supplier.heard())

    class Killed(Exception):
        """The process is gone."""

    async def dies() -> None:
        async with world.context.db.transaction(seller_id) as tx:
            party = party_of(tx, world.context.keyring, world.context.settings)
            signer = HomeSigner(world.context.keyring, CENTRE)
            for outgoing in await unit.due_for(tx, seller_id, 20):
                envelope = seal(outgoing.id, CENTRE, outgoing.parcel, tx.now, signer)
                await party.receive(PostgresPartyStore(tx), envelope, told.listener(tx))
            assert await tx.fetchval("SELECT count(*) FROM network_postings WHERE seller_id = $1", seller_id) == 1
            raise Killed

    with pytest.raises(Killed):
        await dies()
    assert (await trade.shown(made), await trade.supplier.heard()) == before
    await world.carry()
    assert (await trade.state(made))["receivable"] == "PAID"
    assert [amount for _, amount, _ in await trade.entries(made)] == [D("1180.00")]
    assert await findings(trade.seller) == []


async def test_who_closes_an_invoice_locks_in_the_order_of_whoever_brings_news_of_it(
    world: World, new_seller: Any
) -> None:
    """Object first, invoice second, on both sides; the other way round the two would wait for each other."""
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    seller = trade.seller
    body = {"invoiceIds": [made], "status": "CLOSE", "remarks": "given up"}
    async with seller.db.transaction(seller.seller_id) as news:
        await news.fetch("SELECT 1 FROM network_objects WHERE seller_id = $1 FOR UPDATE", seller.seller_id)
        closing = asyncio.create_task(seller.http.post("/api/v0/invoice/req-change-status", json=body))
        await asyncio.sleep(0.3)
        assert not closing.done()
        await news.fetch(
            "SELECT 1 FROM invoices WHERE seller_id = $1 AND invoice_id = $2 FOR UPDATE NOWAIT", seller.seller_id, made
        )
    assert (await closing).status_code == 200
    assert (await trade.state(made))["receivable"] == "WRITTEN_OFF"
