"""The place of supply of an invoice that exists: where it may be changed, what is checked, who hears of it (domain §2, §3, §11)."""

from __future__ import annotations

from typing import Any

import pytest

import make
from ledger import refused
from network_bodies import json_of
from network_books import Trade, line
from network_world import World

URL = "/api/v0/invoice"


@pytest.fixture
def world(db: Any, keyring: Any, clock: Any) -> World:
    return World(db, keyring, clock)


async def patched(company: make.Company, invoice_id: str, *roles: str, **changes: Any) -> Any:
    return await company.http_as(roles or ("maker",)).patch(f"{URL}/{invoice_id}", json=changes)


def codes(reply: Any) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [one["code"] for one in reply.json().get("warnings", [])]


async def test_before_it_is_sent_the_place_is_set_by_name_letters_or_code(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    for text, code in (("Kerala", "32"), ("ka", "29"), ("37", "37"), ("MH", "27")):
        reply = await patched(seller, invoice_id, placeOfSupply=text)
        assert codes(reply) == ([] if code == "27" else ["TAX_HEADS_CONTRADICT_PLACE"])
        assert reply.json()["payload"]["placeOfSupply"] == code
    before = await seller.value("SELECT version FROM invoices WHERE seller_id = $1")
    await patched(seller, invoice_id, placeOfSupply="Maharashtra")
    assert await seller.value("SELECT version FROM invoices WHERE seller_id = $1") == before, (
        "the same place is no change"
    )


async def test_with_the_heads_that_belong_to_it_nothing_is_doubtful(seller: make.Company) -> None:
    lines = [line(igst=None, cgst=90, sgst=90)]
    invoice_id = (await seller.invoice(itemLists=lines))["invoiceId"]
    moved = {"placeOfSupply": "Kerala", "cgst": 0, "sgst": 0, "igst": 180}
    assert refused(await patched(seller, invoice_id, **moved))[2] == "ITEMS_DO_NOT_ADD_UP"
    assert codes(await patched(seller, invoice_id, **moved, itemLists=[line()])) == []
    # The heads alone are held against the place too, as at birth.
    back = {"cgst": 90, "sgst": 90, "igst": 0, "itemLists": lines}
    assert codes(await patched(seller, invoice_id, **back)) == ["TAX_HEADS_CONTRADICT_PLACE"]


async def test_null_gives_the_place_that_birth_would_have_taken(seller: make.Company) -> None:
    there = await seller.customer(state="Kerala")
    invoice_id = (await seller.invoice(there, placeOfSupply="Maharashtra"))["invoiceId"]
    reply = await patched(seller, invoice_id, placeOfSupply=None)
    assert reply.json()["payload"]["placeOfSupply"] == "32"
    await seller.run("UPDATE invoices SET ship_to_state = '29' WHERE seller_id = $1")
    reply = await patched(seller, invoice_id, placeOfSupply="")
    assert reply.json()["payload"]["placeOfSupply"] == "29"


async def test_where_nothing_tells_the_place_null_clears_it(seller: make.Company) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    await seller.run("UPDATE customers SET state_code = NULL, gstin = NULL WHERE seller_id = $1")
    reply = await patched(seller, invoice_id, placeOfSupply=None)
    assert reply.status_code == 200, reply.text
    assert "placeOfSupply" not in reply.json()["payload"]


async def test_a_place_that_is_named_stands_beside_another_customer(seller: make.Company) -> None:
    here, there = await seller.customer(state="Maharashtra"), await seller.customer(state="Kerala")
    invoice_id = (await seller.invoice(here))["invoiceId"]
    reply = await patched(seller, invoice_id, customerId=there, placeOfSupply="27")
    assert codes(reply) == []
    assert reply.json()["payload"]["placeOfSupply"] == "27"


@pytest.mark.parametrize("text", ["Atlantis", "00", "28x", "महाराष्ट्रा??", " "])
async def test_what_is_no_state_is_refused_with_all_else_that_is_wrong(seller: make.Company, text: str) -> None:
    invoice_id = (await seller.invoice())["invoiceId"]
    reply = await patched(seller, invoice_id, placeOfSupply=text, dueDate="2020-01-01")
    assert reply.status_code == 400
    found = {(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]}
    assert ("placeOfSupply", "STATE_UNKNOWN") in found
    assert len(found) == 2
    assert (await patched(seller, invoice_id, placeOfSupply=27)).status_code == 400
    assert (await patched(seller, invoice_id, placeOfSupply="2" * 61)).status_code == 400


async def test_a_new_place_asks_for_the_approval_anew_and_leaves_its_trace(seller: make.Company) -> None:
    policy = {"name": "All", "steps": ["MAKER", "APPROVER"]}
    assert (await seller.http.post("/api/v0/approval/policies", json=policy)).status_code == 200
    invoice_id = (await seller.invoice())["invoiceId"]
    rounds = "SELECT approval_round FROM invoices WHERE seller_id = $1"
    before = await seller.value(rounds)
    await patched(seller, invoice_id, placeOfSupply="Kerala")
    assert await seller.value(rounds) == before + 1
    (row,) = await seller.rows(
        "SELECT before::text AS before, after::text AS after FROM audit_log WHERE seller_id = $1 AND object_id = $2"
        " AND action = 'invoice.update'", invoice_id,
    )  # fmt: skip
    assert (json_of(row["before"])["place_of_supply"], json_of(row["after"])["place_of_supply"]) == ("27", "32")


async def test_what_was_returned_for_its_place_is_corrected_and_accepted(world: World, new_seller: Any) -> None:
    """The buyer's shop is in Karnataka, the goods went to Maharashtra: within the state after all."""
    trade = await Trade.between(world, new_seller)
    made = await trade.sent()
    locked = await patched(trade.seller, made, placeOfSupply="Maharashtra")
    assert refused(locked) == (422, "placeOfSupply", "INVOICE_LOCKED")
    assert "dispatched" in locked.json()["errorResponse"]["apiSubErrors"][0]["message"]
    await trade.answers(made, "RETURN", "it was handed over in Pune")
    wrong = {"placeOfSupply": "Kerala"} | (
        halves := {"cgst": 90, "sgst": 90, "igst": 0, "itemLists": [line(igst=None, cgst=90, sgst=90)]}
    )
    assert codes(await patched(trade.seller, made, **wrong)) == ["TAX_HEADS_CONTRADICT_PLACE"]
    right = {"placeOfSupply": "Maharashtra"} | halves
    assert codes(await patched(trade.seller, made, **right)) == []
    assert (await trade.dispatch(made, resend=True))["response_code"] == 0
    theirs = await trade.buyer.have("invoice", (await trade.object_of(made))["objectId"])
    assert theirs["document"]["invoice"]["buyerDetails"]["placeOfSupply"] == "27"
    assert (theirs["status"], theirs["objectVersion"]) == ("SENT TO BUYER", 2)
    assert refused(await patched(trade.seller, made, placeOfSupply="Kerala"))[2] == "INVOICE_LOCKED"
    await trade.answers(made, "ACCEPT")


async def test_elsewhere_the_refusal_says_why(world: World, new_seller: Any) -> None:
    trade = await Trade.between(world, new_seller)
    sent, returned = await trade.sent(), await trade.sent()
    await trade.answers(returned, "RETURN")
    await trade.seller.run(
        "UPDATE invoices SET irn = repeat('a', 64) WHERE seller_id = $1 AND invoice_id = $2", returned
    )
    assert refused(await patched(trade.seller, returned, "owner", placeOfSupply="27"))[2] == "INVOICE_LOCKED_BY_IRN"
    assert (await patched(trade.seller, sent, "owner", placeOfSupply="27")).status_code == 200, "overridden"
    cancelled = await trade.bill()
    await trade.seller.http.post(f"{URL}/{cancelled}/cancel", json={"reason": "a mistake"})
    assert refused(await patched(trade.seller, cancelled, placeOfSupply="27")) == (
        422, "placeOfSupply", "INVOICE_CANCELLED",
    )  # fmt: skip
    assert (await patched(trade.seller, cancelled, placeOfSupply="Karnataka")).status_code == 200, "as it stands"
