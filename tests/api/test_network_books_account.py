"""What a payment of the network left on account, when what stood in its place is taken back, and the other way (domain §11)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import network_bodies as bodies
from ledger import findings
from network_books import Trade
from network_world import World

D = Decimal


async def by_hand(trade: Trade, made: str, amount: float, reference: str, kind: str = "RECEIPT") -> str:
    body = {"kind": kind, "amount": amount, "reference": reference} | (
        {"acceptPart": True} if kind == "RECEIPT" else {}
    )
    reply = await trade.seller.http.post(f"/api/v0/invoice/{made}/entries", json=body)
    assert reply.status_code == 200, reply.text
    found: str = reply.json()["payload"]["entry"]["entryId"]
    return found


async def reversed_(trade: Trade, made: str, entry_id: str) -> None:
    reply = await trade.seller.http.post(
        f"/api/v0/invoice/{made}/entries/{entry_id}/reverse", json={"note": "mistaken"}
    )
    assert reply.status_code == 200, reply.text


async def kept(trade: Trade) -> tuple[Decimal, Decimal, Decimal]:
    """Give what of all payments is posted, covered and in excess."""
    (row,) = await trade.seller.rows(
        "SELECT sum(posted) AS posted, sum(covered) AS covered, sum(excess) AS excess FROM network_postings"
        " WHERE seller_id = $1"
    )
    return row["posted"], row["covered"], row["excess"]


async def paid(trade: Trade, made: str, amount: float, splits: list[dict[str, Any]] | None = None) -> str:
    """Let the buyer pay and the supplier confirm; gives the UTR."""
    payment = await trade.pays(made, amount, splits)
    assert (await trade.confirms(payment, made)).status_code == 200
    utr: str = payment["payment"]["utr"]
    return utr


async def accepted(world: World, new_seller: Any, **changes: Any) -> tuple[Trade, str]:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent(**changes)
    await trade.answers(made, "ACCEPT")
    return trade, made


async def agrees(trade: Trade, made: str, balance: int) -> None:
    """Hold the balance, the statuses and the doctor's findings against each other."""
    found = await trade.shown(made)
    assert found["balanceAmount"] == balance
    assert found["receivableStatus"]["name"] == ("PAID" if balance == 0 else "PARTIALLY_PAID")
    posted, covered, excess = await kept(trade)
    assert not (excess and balance), "what is on account belongs to who owes"
    network = await trade.object_of(made)
    assert posted + covered + excess == D(str(network["total"])) - D(str(network["due"]))
    assert await findings(trade.seller) == []


async def test_an_excess_is_applied_when_the_receipt_that_caused_it_is_reversed(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    cash = await by_hand(trade, made, 500, "cash of another customer")
    utr = await paid(trade, made, 1180)
    assert await kept(trade) == (680, 0, 500)
    await agrees(trade, made, 0)
    assert await trade.reapplied() == 0, "nothing is owed again"

    await reversed_(trade, made, cash)
    assert (await trade.shown(made))["balanceAmount"] == 500
    assert await trade.reapplied() == 1
    assert await kept(trade) == (1180, 0, 0)
    await agrees(trade, made, 0)
    ours = [(kind, amount) for kind, amount, reference in await trade.entries(made) if reference == utr]
    assert ours == [("RECEIPT", D(500)), ("RECEIPT", D(680))]
    again = await trade.seller.http.post(
        f"/api/v0/invoice/{made}/entries", json={"kind": "RECEIPT", "amount": 500, "reference": "cash again"}
    )
    assert again.json()["errorResponse"]["apiSubErrors"][0]["code"] == "EXCEEDS_BALANCE"
    assert await trade.reapplied() == 0


async def test_a_part_that_was_covered_is_written_when_its_cover_is_reversed(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    payment = await trade.pays(made, 1000, [{"name": "TDS_INCOME_TAX", "value": 180, "refNo": "194Q"}])
    recorded = await by_hand(trade, made, 1000, payment["payment"]["utr"].lower())
    await trade.confirms(payment, made)
    assert await kept(trade) == (180, 1000, 0)
    await agrees(trade, made, 0)
    await reversed_(trade, made, recorded)
    await trade.reapplied()
    assert await kept(trade) == (1180, 0, 0)
    await agrees(trade, made, 0)
    for _ in range(2):
        await trade.reapplied()
    assert len(await trade.entries(made)) == 4, "recorded, deducted, reversed, and written once"


async def test_a_cover_that_is_recorded_again_at_once_is_a_cover_again(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    payment = await trade.pays(made, 1180)
    utr = payment["payment"]["utr"]
    recorded = await by_hand(trade, made, 1180, utr)
    await trade.confirms(payment, made)
    await reversed_(trade, made, recorded)
    await by_hand(trade, made, 1180, utr)
    assert await trade.reapplied() == 1
    assert await kept(trade) == (0, 1180, 0)
    await agrees(trade, made, 0)


async def test_several_payments_on_account_are_applied_in_turn_and_no_further_than_is_owed(
    world: World, new_seller: Any
) -> None:
    trade, made = await accepted(world, new_seller)
    first = await by_hand(trade, made, 300, "A")
    second = await by_hand(trade, made, 400, "B")
    await paid(trade, made, 600)
    await paid(trade, made, 580)
    assert await kept(trade) == (480, 0, 700)
    await reversed_(trade, made, second)
    await trade.reapplied()
    assert await kept(trade) == (880, 0, 300)
    await agrees(trade, made, 0)
    await reversed_(trade, made, first)
    await trade.reapplied()
    assert await kept(trade) == (1180, 0, 0)
    await agrees(trade, made, 0)


async def test_what_was_paid_for_a_written_off_invoice_is_applied_when_it_is_reinstated(
    world: World, new_seller: Any
) -> None:
    trade, made = await accepted(world, new_seller)
    payment = await trade.pays(made, 1180, kind="ONPLATFORM")
    await trade.seller.http.post(f"/api/v0/invoice/{made}/write-off", json={"reason": "given up"})
    await trade.confirms(payment, made)
    assert await kept(trade) == (0, 0, 1180)
    reply = await trade.seller.http.post(f"/api/v0/invoice/{made}/reinstate", json={"reason": "it was paid"})
    assert reply.status_code == 200, reply.text
    assert await trade.reapplied() == 1
    assert await kept(trade) == (1180, 0, 0)
    await agrees(trade, made, 0)


async def test_a_cover_lost_by_a_closed_invoice_is_kept_on_account_and_told(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    payment = await trade.pays(made, 500)
    recorded = await by_hand(trade, made, 500, payment["payment"]["utr"])
    await trade.confirms(payment, made)
    await reversed_(trade, made, recorded)
    await trade.seller.http.post(f"/api/v0/invoice/{made}/write-off", json={"reason": "given up"})
    await trade.reapplied()
    assert await kept(trade) == (0, 0, 500)
    (told,) = await trade.events("invoice.payment_excess")
    assert told["data"]["excess"] == [{"kind": "RECEIPT", "amount": 500, "reference": payment["payment"]["utr"]}]
    assert await findings(trade.seller) == []
    await trade.seller.http.post(f"/api/v0/invoice/{made}/reinstate", json={"reason": "a mistake"})
    await trade.reapplied()
    await agrees(trade, made, 680)


async def test_a_credit_note_of_ones_own_that_is_reversed_leaves_the_networks(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    note = bodies.send_note(trade.supplier.b2b_id, trade.buyer.b2b_id, 118)
    await trade.supplier.call("cd-note/req-send", note)
    await trade.buyer.call("cd-note/req-confirm", bodies.confirm_note(note))
    number = note["cdNote"]["supplierCDNoteNumber"]
    recorded = await by_hand(trade, made, 118, number, "CREDIT_NOTE")
    await paid(trade, made, 1062, [{"name": "CREDIT_NOTE", "value": 118, "refNo": number}])
    assert await kept(trade) == (1062, 118, 0)
    await reversed_(trade, made, recorded)
    await trade.reapplied()
    assert await kept(trade) == (1180, 0, 0)
    await agrees(trade, made, 0)


async def test_reversing_what_the_network_wrote_takes_no_cover_away(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    payment = await trade.pays(made, 1180)
    utr = payment["payment"]["utr"]
    await by_hand(trade, made, 500, utr)
    await trade.confirms(payment, made)
    assert await kept(trade) == (680, 500, 0)
    ours = await trade.seller.value(
        "SELECT entry_id FROM network_postings WHERE seller_id = $1 AND invoice_id = $2", made
    )
    await reversed_(trade, made, ours)
    await trade.reapplied()
    assert await kept(trade) == (680, 500, 0)
    assert (await trade.shown(made))["balanceAmount"] == 680, "the 500 recorded by hand stand, and stand once"
