"""The buyer's list of received invoices: what it shows, its filters, orders, pages and files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import fastexcel
import pytest

import network_bodies as bodies
from hundi.cli import payables
from hundi.cli.output import Refused
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.kit.errors import Invalid
from hundi.network.errors import NetworkObjectNotFound
from network_buying import LIST, billed, errors, for_order, listed, ordered
from network_world import Trader, World


@pytest.fixture
async def pair(world: World, new_seller: Any) -> tuple[Trader, Trader]:
    return await world.join(await new_seller()), await world.join(await new_seller())


async def test_a_clerk_sees_what_came_and_how_it_matches(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    order = await ordered(pair)
    sent = await billed(pair, **for_order(order))
    found = await listed(buyer)
    assert found["total_count"] == 1
    one = found["data"][0]
    assert one == {
        "objectId": sent["invoice"]["objectId"], "supplierInvoiceNumber": sent["invoice"]["supplierInvoiceNumber"],
        "supplierB2BId": supplier.b2b_id, "buyerB2BId": buyer.b2b_id, "status": "SENT TO BUYER", "objectVersion": 1,
        "verdict": "MATCHED", "totalAmount": 1180, "dueAmount": 1180, "receivedOn": one["receivedOn"],
        "changedOn": one["changedOn"], "orderNumbers": [order["purchaseOrder"]["buyerPONumber"]], "findings": [],
        "supplierName": "Sahyadri", "supplierGstin": bodies.GSTIN, "invoiceDate": "2026-11-16", "dueDate": "2026-11-30",
        "ageDays": 0, "daysOverdue": 0,
    }  # fmt: skip
    assert (await listed(supplier))["total_count"] == 0, "what one sent is no payable"


async def test_filters_hold_together(pair: tuple[Trader, Trader], world: World, new_seller: Any) -> None:
    _, buyer = pair
    third = await world.join(await new_seller())
    order = await ordered(pair)
    good = await billed(
        pair, **for_order(order), paymentMilestones=[{"milestoneDate": "2026-11-10", "dueAmount": 1180}]
    )
    lost = await billed((third, buyer), 590, poDetails=[{"buyerPoId": "PO_7%"}], paymentMilestones=[])
    ids = {name: sent["invoice"]["objectId"] for name, sent in (("good", good), ("lost", lost))}
    for query, names in (
        ({"verdict": "MATCHED"}, ["good"]), ({"matched": "true"}, ["good"]), ({"matched": "false"}, ["lost"]),
        ({"verdict": "NO_ORDER", "matched": "true"}, []), ({"supplier": third.b2b_id.lower()}, ["lost"]),
        ({"supplier": "NOBODY"}, []), ({"status": "SENT TO BUYER"}, ["good", "lost"]), ({"status": "ACCEPTED"}, []),
        ({"overdue": "true"}, ["good"]), ({"overdue": "false"}, ["lost"]), ({"waiting": "true"}, ["good", "lost"]),
        ({"waiting": "false"}, []), ({"dueTo": "2026-11-10"}, ["good"]), ({"dueFrom": "2026-11-11"}, ["lost"]),
        ({"dueFrom": "2026-11-10", "dueTo": "2026-12-16"}, ["good", "lost"]), ({"text": "o_7%"}, ["lost"]),
        ({"text": "sahyadri"}, ["good", "lost"]), ({"text": good["invoice"]["supplierInvoiceNumber"].lower()}, ["good"]),
        ({"text": "%"}, ["lost"]), ({"text": third.b2b_id[4:], "matched": "false"}, ["lost"]),
    ):  # fmt: skip
        page = await listed(buyer, **query)
        assert sorted(one["objectId"] for one in page["data"]) == sorted(ids[name] for name in names), query
        assert page["total_count"] == len(names)
    row = (await listed(buyer, matched="false"))["data"][0]
    assert (row["dueDate"], row["daysOverdue"], row["findings"][0]["verdict"]) == ("2026-12-16", 0, "NO_ORDER")
    assert (await listed(buyer, matched="true"))["data"][0]["daysOverdue"] == 6


async def test_bad_questions_are_refused(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    for query, field, code in (
        ({"status": "PAID OFF"}, "status", "STATUS_UNKNOWN"), ({"dueFrom": "31.12.2026"}, "dueFrom", "DATE_FORMAT"),
        ({"dueFrom": "2026-12-02", "dueTo": "2026-12-01"}, "dueFrom", "EMPTY_RANGE"),
        ({"cursor": "x"}, "cursor", "BAD_CURSOR"), ({"cursor": "x", "offset": "1"}, "offset", "CURSOR_AND_OFFSET"),
    ):  # fmt: skip
        reply = await buyer.company.http.get(LIST, params=query)
        assert (reply.status_code, errors(reply)[0]) == (400, (field, code)), query
    for query in ({"verdict": "GOOD"}, {"matched": "perhaps"}, {"orderBy": "colour"}, {"limit": "0"}):
        assert (await buyer.company.http.get(LIST, params=query)).status_code == 400, query


async def test_every_order_pages_without_gaps(pair: tuple[Trader, Trader]) -> None:
    supplier, buyer = pair
    for at in range(5):
        terms = {} if at == 4 else {"paymentMilestones": [{"milestoneDate": f"2026-12-{20 - at}", "dueAmount": 1}]}
        if at == 4:
            terms = {"paymentMilestones": [], "advancePaymentDetails": {"payeeName": "Sahyadri"}}
        sent = bodies.send_invoice(
            supplier.b2b_id, buyer.b2b_id, 1180 - 118 * (at % 3), ts=f"2026-11-{10 + at % 2}T10:00:00+05:30", **terms
        )
        await supplier.post("invoice/req-send-invoice", sent)
    await buyer.world.carry()
    unread = (await listed(buyer))["data"]
    assert {one["verdict"] for one in unread} == {"PENDING"}, "shown before it is matched"
    assert (await listed(buyer, matched="true"))["data"] == (await listed(buyer, matched="false"))["data"] == []
    await buyer.world.match()
    for order in ("receivedOn", "invoiceDate", "dueDate", "dueAmount", "supplierName"):
        for direction in ("ASC", "DESC"):
            query = {"orderBy": order, "direction": direction}
            whole = (await listed(buyer, **query))["data"]
            found: list[Any] = []
            cursor: dict[str, str] = {}
            while True:
                page = await listed(buyer, **query, limit=2, **cursor)
                found += page["data"]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert found == whole, query
            assert (await listed(buyer, **query, limit=2, offset=2))["data"] == whole[2:4]
            if order in {"dueDate", "dueAmount", "invoiceDate"}:
                values = [one.get(order) or "9999" for one in whole]
                assert values == sorted(values, reverse=direction == "DESC")
    reply = await buyer.company.http.get(LIST, params={"limit": 1})
    other = await buyer.company.http.get(LIST, params={"cursor": reply.json()["payload"]["next_cursor"], "text": "s"})
    assert errors(other) == [("cursor", "BAD_CURSOR")], "a cursor belongs to its query"


async def test_the_file_is_the_list(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    await billed(pair, supplierInvoiceNumber="=1+1")
    await billed(pair, 590)
    http = buyer.company.http
    reply = await http.get("/api/v0/reports/payables", params={"orderBy": "dueAmount", "direction": "ASC"})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/csv; charset=utf-8"), reply.text
    rows = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
    assert [(row["Due"], row["Match"], row["Due date"]) for row in rows] == [
        ("590.00", "NO_ORDER", "30-11-2026"), ("1180.00", "NO_ORDER", "30-11-2026"),
    ]  # fmt: skip
    assert rows[1]["Invoice number"] == "'=1+1", "no formula gets into a spreadsheet"
    only = await http.get("/api/v0/reports/payables", params={"text": "=1+", "format": "csv"})
    assert len(only.text.splitlines()) == 2
    book = await http.get("/api/v0/reports/payables", params={"format": "xlsx"})
    sheet = fastexcel.read_excel(book.content).load_sheet(0)
    assert sheet.height == 3, "two rows and the totals"
    assert (await http.get("/api/v0/reports/payables", params={"format": "pdf"})).status_code == 400
    assert errors(await http.get("/api/v0/reports/payables", params={"status": "X"})) == [("status", "STATUS_UNKNOWN")]


async def test_kind_and_waiting_are_heard_in_every_collection(pair: tuple[Trader, Trader]) -> None:
    _, buyer = pair
    order = await ordered(pair)
    await billed(pair, **for_order(order))
    http = buyer.company.http

    async def count(path: str, **query: Any) -> int:
        reply = await http.get(f"/api/v0/network/{path}", params=query)
        assert reply.status_code == 200, reply.text
        found: int = reply.json()["payload"]["total_count"]
        return found

    assert await count("invoice", waiting="true") == await count("invoice", kind="invoice") == 1
    assert await count("invoice", waiting="false") == await count("purchase-order", waiting="true") == 0
    assert await count("purchase-order", waiting="false", kind="PURCHASE ORDER") == 1
    assert await count("inbox", kind="invoice") == 1
    assert await count("inbox", kind="PURCHASE ORDER") == 0
    for path, kind, code in (
        ("invoice", "payment", "KIND_DIFFERS"),
        ("invoice", "x", "KIND_UNKNOWN"),
        ("inbox", "x", "KIND_UNKNOWN"),
    ):
        reply = await http.get(f"/api/v0/network/{path}", params={"kind": kind})
        assert (reply.status_code, errors(reply)) == (400, [("kind", code)])


async def test_a_copy_that_failed_does_not_hide_a_counterpartys(pair: tuple[Trader, Trader]) -> None:
    """Two businesses choose the same free-text id; ours was never taken (docs/decisions/0016)."""
    supplier, buyer = pair
    lost = bodies.send_order("NOBODY-AT-ALL", supplier.b2b_id)
    lost["purchaseOrder"]["objectId"] = "ORDER-1"
    message_id = await supplier.call("purchase-order/req-send", lost)
    assert await supplier.status("purchase-order", "ORDER-1") == "FAILED"
    order = await ordered(pair, objectId="ORDER-1")
    for trader, role in ((supplier, "SUPPLIER"), (buyer, "BUYER")):
        found = await trader.have("purchase-order", "ORDER-1")
        assert (found["status"], found["role"], found["revision"]) == ("ACCEPTED", role, 3)
        assert found["number"] == order["purchaseOrder"]["buyerPONumber"]
    kept = await supplier.have("purchase-order", f"ORDER-1~{message_id}")
    assert (kept["status"], kept["number"]) == ("FAILED", lost["purchaseOrder"]["buyerPONumber"])
    reply = await supplier.company.http.get(f"/api/v0/network/purchase-order/ORDER-1~{message_id}/events")
    assert [one["event"] for one in reply.json()["payload"]["data"]] == ["CREATE", "REFUSE"]


# ---------------------------------------------------------------- the command line


@pytest.fixture
def settings(database_urls: Urls, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_urls.app, owner_url=database_urls.owner, secret_key="a secret key of these tests and long enough", data_dir=tmp_path,
        base_url="http://hundi.test",
    )  # fmt: skip


async def test_the_commands_show_what_the_api_shows(pair: tuple[Trader, Trader], settings: Settings) -> None:
    _, buyer = pair
    order = await ordered(pair)
    good, bad = await billed(pair, **for_order(order)), await billed(pair, 590, poDetails=[])
    seller_id = buyer.company.seller_id
    document, words, _ = await payables.listed(settings, seller_id, payables.Wish())
    assert (document["total_count"], len(document["data"])) == (2, 2)
    assert words.splitlines()[0].split() == ["Due", "Supplier", "Invoice", "Amount", "due", "Status", "Match"]
    assert words.splitlines()[-1] == "2 of 2."
    assert "1,180.00" in words
    few, *_ = await payables.listed(settings, seller_id, payables.Wish(verdict="NO_ORDER", status="SENT TO BUYER"))
    assert [one["objectId"] for one in few["data"]] == [bad["invoice"]["objectId"]]
    with pytest.raises(Refused, match="There is no verdict GOOD"):
        await payables.listed(settings, seller_id, payables.Wish(verdict="GOOD"))
    with pytest.raises(Invalid):
        await payables.listed(settings, seller_id, payables.Wish(due_to="x"))
    document, words, is_good = await payables.matched(settings, seller_id, good["invoice"]["objectId"])
    assert (document["verdict"], is_good) == ("MATCHED", True)
    assert words.endswith(f"with {order['purchaseOrder']['buyerPONumber']}: MATCHED")
    _, words, is_good = await payables.matched(settings, seller_id, bad["invoice"]["objectId"])
    assert not is_good
    assert "invoice.poDetails: NO_ORDER: The invoice names no purchase order" in words
    with pytest.raises(NetworkObjectNotFound):
        await payables.matched(settings, seller_id, "INV" + "0" * 32)
