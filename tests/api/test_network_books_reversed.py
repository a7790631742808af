"""After an entry that the network wrote is taken back: payout, receivable and doctor say the same (domain §3, §4)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hundi.invoices.rules import PayoutStatus, ReceivableStatus, payout_by_money
from ledger import findings
from network_books import Trade
from network_world import World

P, R = PayoutStatus, ReceivableStatus
CHECK = "a payout is paid where nothing is owed"


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    return World(db, keyring, clock)


async def accepted(world: World, new_seller: Any, **changes: Any) -> tuple[Trade, str]:
    trade = await Trade.between(world, new_seller)
    made = await trade.sent(**changes)
    await trade.answers(made, "ACCEPT")
    return trade, made


async def paid(trade: Trade, made: str, amount: float, splits: list[dict[str, Any]] | None = None) -> str:
    """Let the buyer pay and the supplier confirm; gives the UTR."""
    payment = await trade.pays(made, amount, splits)
    assert (await trade.confirms(payment, made)).status_code == 200
    utr: str = payment["payment"]["utr"]
    return utr


async def entry(trade: Trade, made: str, kind: str = "RECEIPT") -> str:
    """Give the last entry of the network of a kind that stands."""
    found = await trade.seller.value(
        "SELECT e.entry_id FROM invoice_entries e WHERE e.seller_id = $1 AND e.invoice_id = $2 AND e.kind = $3"
        " AND e.created_by = 'network' AND NOT EXISTS (SELECT 1 FROM invoice_entries r WHERE r.seller_id = $1"
        " AND r.invoice_id = $2 AND r.reverses = e.entry_id) ORDER BY e.entry_id DESC LIMIT 1", made, kind,
    )  # fmt: skip
    assert found, "there is one"
    return str(found)


async def reverse(trade: Trade, made: str, entry_id: str) -> dict[str, Any]:
    reply = await trade.seller.http.post(
        f"/api/v0/invoice/{made}/entries/{entry_id}/reverse", json={"note": "the cheque bounced"}
    )
    assert reply.status_code == 200, reply.text
    await trade.reapplied()
    found: dict[str, Any] = reply.json()
    return found


async def record(trade: Trade, made: str, amount: float, reference: str) -> None:
    body = {"kind": "RECEIPT", "amount": amount, "reference": reference, "acceptPart": True}
    reply = await trade.seller.http.post(f"/api/v0/invoice/{made}/entries", json=body)
    assert reply.status_code == 200, reply.text


async def statuses(trade: Trade, made: str) -> tuple[str, str, str]:
    state = await trade.state(made)
    assert await findings(trade.seller) == []
    return state["receivable"], state["payout"], state["network"]


@pytest.mark.parametrize(
    ("stored", "network", "receivable", "fell", "after"),
    [
        (P.PAID, "PAID", R.PENDING, True, P.FAILED),
        (P.PAID, "CLOSED", R.PARTIALLY_PAID, True, P.FAILED),
        (P.PAID, "PAID", R.DISPUTED, True, P.FAILED),
        (P.PAID, "PAID", R.PARTIALLY_PAID, False, P.NOT_INITIATED),
        (P.PAID, "PAID", R.PAID, False, P.PAID),
        (P.PAID, "PAID", R.WRITTEN_OFF, False, P.PAID),
        (P.FAILED, "PAID", R.PAID, False, P.PAID),
        (P.NOT_INITIATED, "CLOSED", R.PAID, False, P.PAID),
        (P.FAILED, "PAID", R.PARTIALLY_PAID, False, P.FAILED),
        (P.FAILED, "PAID", R.WRITTEN_OFF, False, P.FAILED),
        (P.NOT_INITIATED, None, R.PAID, False, P.NOT_INITIATED),
        (P.NOT_INITIATED, "PARTIALLY PAID", R.PAID, False, P.NOT_INITIATED),
        (P.INITIATED, "PAID", R.PAID, False, P.INITIATED),
        (P.PROCESSING, "PAYMENT INITIATED", R.PENDING, True, P.PROCESSING),
    ],
)
def test_what_the_payout_becomes(stored: P, network: str | None, receivable: R, fell: bool, after: P) -> None:
    assert payout_by_money(stored, network, receivable, money_fell=fell) is after


async def test_a_confirmed_payment_that_bounced_is_owed_and_failed(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    utr = await paid(trade, made, 1180)
    assert await statuses(trade, made) == ("PAID", "PAID", "PAID")
    version = (await trade.seller.rows("SELECT version FROM invoices WHERE seller_id = $1"))[0]["version"]

    found = await reverse(trade, made, await entry(trade, made))
    assert [(one["field"], one["code"]) for one in found["warnings"]] == [("entryId", "CONFIRMED_ON_NETWORK")]
    assert "write to the buyer" in found["warnings"][0]["message"]
    assert found["payload"]["invoice"]["payoutStatus"]["name"] == "FAILED"
    # The network has no message that takes a confirmation back: there the invoice stays paid.
    assert await statuses(trade, made) == ("PENDING", "FAILED", "PAID")
    assert (await trade.seller.rows("SELECT version FROM invoices WHERE seller_id = $1"))[0]["version"] > version

    await record(trade, made, 1180, utr)
    assert await statuses(trade, made) == ("PAID", "PAID", "PAID")
    moves = [(one["data"]["from"], one["data"]["to"]) for one in await trade.events("invoice.payout_status")]
    assert moves == [("NOT_INITIATED", "INITIATED"), ("INITIATED", "PAID"), ("PAID", "FAILED"), ("FAILED", "PAID")]


async def test_taking_back_twice_or_at_once_moves_the_payout_once(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    await paid(trade, made, 1180)
    taken = await entry(trade, made)
    await asyncio.gather(*(reverse(trade, made, taken) for _ in range(4)))
    assert await statuses(trade, made) == ("PENDING", "FAILED", "PAID")
    assert len([one for one in await trade.events("invoice.payout_status") if one["data"]["to"] == "FAILED"]) == 1


async def test_a_part_that_was_taken_back_is_no_payout_when_the_rest_is_confirmed(
    world: World, new_seller: Any
) -> None:
    trade, made = await accepted(world, new_seller)
    await paid(trade, made, 500)
    await reverse(trade, made, await entry(trade, made))
    assert await statuses(trade, made) == ("PENDING", "NOT_INITIATED", "PARTIALLY PAID")
    await paid(trade, made, 680)
    assert await statuses(trade, made) == ("PARTIALLY_PAID", "NOT_INITIATED", "PAID")
    await record(trade, made, 500, "in cash after all")
    assert await statuses(trade, made) == ("PAID", "PAID", "PAID")


async def test_a_deduction_that_is_taken_back_leaves_a_part(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    await paid(trade, made, 1100, [{"name": "DISCOUNT", "value": 80, "refNo": "early"}])
    await reverse(trade, made, await entry(trade, made, "DISCOUNT"))
    assert await statuses(trade, made) == ("PARTIALLY_PAID", "NOT_INITIATED", "PAID")


async def test_money_taken_back_by_patch_moves_the_payout_too(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    await paid(trade, made, 1180)
    http = trade.seller.http
    reply = await http.patch(f"/api/v0/invoice/{made}", json={"totalReceived": 1000})
    assert reply.status_code == 200, reply.text
    await trade.reapplied()
    assert await statuses(trade, made) == ("PARTIALLY_PAID", "FAILED", "PAID")
    await http.patch(f"/api/v0/invoice/{made}", json={"receivableStatus": "PAID"})
    assert await statuses(trade, made) == ("PAID", "PAID", "PAID")


async def test_what_bounced_is_disputed_and_written_off_like_any_other(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    await paid(trade, made, 1180)
    await reverse(trade, made, await entry(trade, made))
    for verb, receivable in (("dispute", "DISPUTED"), ("write-off", "WRITTEN_OFF"), ("reinstate", "PENDING")):
        reply = await trade.seller.http.post(f"/api/v0/invoice/{made}/{verb}", json={"reason": "it bounced"})
        assert reply.status_code == 200, reply.text
        assert await statuses(trade, made) == (receivable, "FAILED", "PAID")


async def test_an_entry_by_hand_is_reversed_without_a_word_of_the_network(world: World, new_seller: Any) -> None:
    trade, made = await accepted(world, new_seller)
    await record(trade, made, 100, "cash")
    own = await trade.seller.value("SELECT entry_id FROM invoice_entries WHERE seller_id = $1")
    assert not (await reverse(trade, made, own)).get("warnings")
    assert await statuses(trade, made) == ("PENDING", "NOT_INITIATED", "ACCEPTED")


async def test_the_doctor_finds_what_an_older_version_left_and_an_empty_patch_sets_it_right(
    world: World, new_seller: Any
) -> None:
    trade, made = await accepted(world, new_seller)
    await paid(trade, made, 1180)
    await reverse(trade, made, await entry(trade, made))
    await trade.seller.run("UPDATE invoices SET payout_status = 'PAID' WHERE seller_id = $1")
    (found,) = await findings(trade.seller)
    assert found.startswith(CHECK)
    assert made in found
    assert "PATCH the invoice with {}" in found
    reply = await trade.seller.http.patch(f"/api/v0/invoice/{made}", json={})
    assert reply.status_code == 200, reply.text
    assert (await statuses(trade, made))[1] == "NOT_INITIATED"

    await record(trade, made, 1180, "anew")
    await trade.seller.run("UPDATE invoices SET payout_status = 'FAILED' WHERE seller_id = $1")
    (found,) = await findings(trade.seller)
    assert found.startswith(CHECK)
    await trade.seller.http.patch(f"/api/v0/invoice/{made}", json={})
    assert await statuses(trade, made) == ("PAID", "PAID", "PAID")
