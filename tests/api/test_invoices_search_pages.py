"""Order and pages of searchCollectionInvoices: cursors under concurrent writes, bad parameters, counts."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any

import asyncpg
import msgspec
import pytest

import make
from hundi.db.embedded import Urls
from hundi.http.wire import dec_hook
from hundi.invoices import search as searching
from hundi.kit.errors import Invalid

PATH = "/api/v0/invoice/search"
ORDERS = {
    "createdOn": "createdOn", "invoiceDate": "invoiceDate", "dueDate": "dueDate", "netAmount": "netAmount",
    "balanceAmount": "balanceAmount", "invoiceNumber": "invoiceNumber",
}  # fmt: skip


async def search(seller: make.Company, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
    reply = await seller.http.post(PATH, json=body or {}, params=query)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def walk(
    seller: make.Company, body: dict[str, Any] | None = None, **query: Any
) -> AsyncIterator[list[dict[str, Any]]]:
    """Give the pages one after the other, by their cursors."""
    cursor: dict[str, str] = {}
    while True:
        page = await search(seller, body, **query, **cursor)
        yield page["data"]
        if "next_cursor" not in page:
            return
        cursor = {"cursor": page["next_cursor"]}


async def refused(seller: make.Company, body: dict[str, Any] | None = None, **query: Any) -> list[tuple[str, str]]:
    reply = await seller.http.post(PATH, json=body or {}, params=query)
    assert reply.status_code == 400, reply.text
    error = reply.json()["errorResponse"]
    assert error["errorType"] == "VALIDATION_ERROR"
    assert all(one["message"].endswith(".") for one in error["apiSubErrors"])
    return [(one["field"], one["code"]) for one in error["apiSubErrors"]]


@pytest.fixture
async def shelf(seller: make.Company) -> list[dict[str, Any]]:
    """Give thirteen invoices, several equal in date or amount."""
    customer = await seller.customer()
    chance = random.Random(7)
    return [
        await seller.invoice(
            customer, baseAmount=1000 + 500 * (number % 4), cgst=0, sgst=0, totalReceived=100 * (number % 3),
            invoiceDate=f"2026-10-{10 + number % 5}", dueDate=f"2026-11-{10 + number % 3}",
            invoiceNumber=f"{'abC'[number % 3]}{number}",
        )
        for number in chance.sample(range(13), 13)
    ]  # fmt: skip


def key_of(order_by: str, row: dict[str, Any]) -> tuple[Any, str]:
    value = row[ORDERS[order_by]]
    return (value.upper() if order_by == "invoiceNumber" else value), row["invoiceId"]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("order_by", ORDERS)
async def test_every_order_by_cursor_and_by_offset(
    seller: make.Company, shelf: list[dict[str, Any]], order_by: str, direction: str
) -> None:
    expected = sorted(shelf, key=lambda row: key_of(order_by, row), reverse=direction == "DESC")
    wanted = [row["invoiceId"] for row in expected]
    whole = await search(seller, orderBy=order_by, direction=direction)
    assert [row["invoiceId"] for row in whole["data"]] == wanted
    assert "next_cursor" not in whole
    assert "total_count_estimated" not in whole
    by_cursor = [
        row["invoiceId"] async for page in walk(seller, orderBy=order_by, direction=direction, limit=4) for row in page
    ]
    assert by_cursor == wanted
    by_offset: list[str] = []
    for offset in range(0, 13, 5):
        page = await search(seller, orderBy=order_by, direction=direction, limit=5, offset=offset)
        by_offset += [row["invoiceId"] for row in page["data"]]
    assert by_offset == wanted


async def test_a_last_page_that_is_full_has_no_cursor(seller: make.Company, shelf: list[dict[str, Any]]) -> None:
    pages = [page async for page in walk(seller, limit=13)]
    assert [len(page) for page in pages] == [13]
    assert [len(page) async for page in walk(seller, limit=12)] == [12, 1]


async def test_the_limit_may_change_between_pages(seller: make.Company, shelf: list[dict[str, Any]]) -> None:
    first = await search(seller, limit=3)
    rest = await search(seller, limit=50, cursor=first["next_cursor"])
    assert len({row["invoiceId"] for row in first["data"] + rest["data"]}) == 13


async def test_filters_hold_on_every_page(seller: make.Company, shelf: list[dict[str, Any]]) -> None:
    body = {"netAmountFrom": 1500, "netAmountTo": 2000}
    found = [row async for page in walk(seller, body, orderBy="netAmount", limit=2) for row in page]
    assert (
        len(found) == sum(1500 <= row["netAmount"] <= 2000 for row in shelf) == len({row["invoiceId"] for row in found})
    )


async def test_a_cursor_belongs_to_its_query(
    seller: make.Company, new_seller: Any, shelf: list[dict[str, Any]]
) -> None:
    page = await search(seller, {"receivableStatuses": ["PENDING", "PARTIALLY_PAID"]}, limit=2, orderBy="dueDate")
    cursor = page["next_cursor"]
    bad = [("cursor", "BAD_CURSOR")]
    same = {"receivableStatuses": ["PENDING", "PARTIALLY_PAID"]}
    assert (await search(seller, same, limit=2, orderBy="dueDate", cursor=cursor))["data"]
    assert await refused(seller, {}, orderBy="dueDate", cursor=cursor) == bad
    assert await refused(seller, same | {"text": "x"}, orderBy="dueDate", cursor=cursor) == bad
    assert await refused(seller, same, orderBy="invoiceDate", cursor=cursor) == bad
    assert await refused(seller, same, orderBy="dueDate", direction="ASC", cursor=cursor) == bad
    assert await refused(await new_seller(), same, orderBy="dueDate", cursor=cursor) == bad
    for broken in (cursor[:-1], cursor + "A", cursor.swapcase(), "", "x", "%00", "é", "'; DROP TABLE invoices"):
        assert await refused(seller, same, orderBy="dueDate", cursor=broken) == bad, broken
    assert await refused(seller, same, orderBy="dueDate", cursor="A" * 2001) == [("cursor", "BAD_PARAMETER")]
    assert await refused(seller, same, orderBy="dueDate", cursor=cursor, offset=1) == [("offset", "CURSOR_AND_OFFSET")]


async def test_a_cursor_outlives_midnight(
    seller: make.Company, shelf: list[dict[str, Any]], clock: make.MovedClock
) -> None:
    body = {"receivableStatuses": ["OVERDUE"]}
    page = await search(seller, body, limit=2, orderBy="dueDate", direction="ASC")
    clock.move(hours=20)
    seller.clients.clear()
    again = await search(seller, body, limit=2, orderBy="dueDate", direction="ASC", cursor=page["next_cursor"])
    assert len(again["data"]) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"), ({"limit": -1}, "limit"), ({"limit": 5001}, "limit"), ({"limit": "many"}, "limit"),
        ({"offset": -1}, "offset"), ({"offset": 10**30}, "offset"), ({"orderBy": "customerLegalName"}, "orderBy"),
        ({"orderBy": "created_at; DROP TABLE invoices"}, "orderBy"), ({"orderBy": ""}, "orderBy"),
        ({"orderBy": "dueDate,netAmount"}, "orderBy"), ({"direction": "asc"}, "direction"),
        ({"direction": "UP"}, "direction"), ({"direction": ""}, "direction"),
    ],
)  # fmt: skip
async def test_bad_parameters_are_named(seller: make.Company, query: dict[str, Any], field: str) -> None:
    assert await refused(seller, {}, **query) == [(field, "BAD_PARAMETER")]


@pytest.mark.parametrize("name", sorted(searching._RANGES))
async def test_a_range_the_wrong_way_round_names_both_ends(seller: make.Company, name: str) -> None:
    ends = (10, 9.99) if "Amount" in name or "Received" in name else ("2026-11-02", "2026-11-01")
    found = await refused(seller, {f"{name}From": ends[0], f"{name}To": ends[1]})
    assert found == [(f"{name}From", "RANGE_REVERSED"), (f"{name}To", "RANGE_REVERSED")]
    assert (await search(seller, {f"{name}From": ends[1], f"{name}To": ends[0]}))["data"] == []
    assert (await search(seller, {f"{name}From": ends[0], f"{name}To": ends[0]}))["data"] == []


async def test_all_reversed_ranges_and_a_strange_company_are_listed_at_once(seller: make.Company) -> None:
    body = {
        "netAmountFrom": 2,
        "netAmountTo": 1,
        "dueDateFrom": "2026-11-02",
        "dueDateTo": "2026-11-01",
        "sellerId": "CEKSTRANGE",
    }
    fields = [field for field, _ in await refused(seller, body)]
    assert fields == ["dueDateFrom", "dueDateTo", "netAmountFrom", "netAmountTo", "sellerId"]


async def test_ones_own_company_may_be_named(seller: make.Company, shelf: list[dict[str, Any]]) -> None:
    assert (await search(seller, {"sellerId": seller.seller_id}))["total_count"] == 13


# Slow: two writers and a reader over real connections, three times.
@pytest.mark.slow
@pytest.mark.parametrize("order_by", ["createdOn", "dueDate", "invoiceNumber"])
async def test_cursors_neither_skip_nor_repeat_under_concurrent_writes(seller: make.Company, order_by: str) -> None:
    customer = await seller.customer()
    before = [await seller.invoice(customer, invoiceNumber=f"P{number:03d}") for number in range(40)]
    stop = asyncio.Event()
    chance = random.Random(order_by)

    async def insert() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            place = f"{'OPQ'[number % 3]}{chance.randrange(10**6):06d}"
            await seller.invoice(customer, invoiceNumber=place, dueDate=f"2026-12-{1 + number % 28:02d}")

    async def change() -> None:
        while not stop.is_set():
            one = chance.choice(before)["invoiceId"]
            reply = await seller.http.patch(f"/api/v0/invoice/{one}", json={"description": f"seen {chance.random()}"})
            assert reply.status_code == 200

    writers = [asyncio.create_task(insert()), asyncio.create_task(change())]
    try:
        for direction in ("ASC", "DESC"):
            seen: list[str] = []
            rows: list[dict[str, Any]] = []
            async for page in walk(seller, orderBy=order_by, direction=direction, limit=7):
                seen += [row["invoiceId"] for row in page]
                rows += page
                await asyncio.sleep(0)
                if len(seen) > 400:
                    break
            assert len(seen) == len(set(seen)), "no row twice"
            assert {row["invoiceId"] for row in before} <= set(seen), "no row left out"
            assert rows == sorted(rows, key=lambda row: key_of(order_by, row), reverse=direction == "DESC")
    finally:
        stop.set()
        await asyncio.gather(*writers)


async def test_above_the_bound_the_count_is_an_estimate(
    seller: make.Company, shelf: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, database_urls: Urls
) -> None:
    monkeypatch.setattr(searching, "MOST_COUNTED", 12)
    connection = await asyncpg.connect(database_urls.owner)
    await connection.execute("ANALYZE invoices")
    await connection.close()
    page = await search(seller, limit=3)
    assert page["total_count_estimated"] is True
    assert page["total_count"] >= 13
    exact = await search(seller, {"netAmountFrom": 2000}, limit=3)
    assert "total_count_estimated" not in exact
    assert exact["total_count"] == sum(row["netAmount"] >= 2000 for row in shelf)


async def test_a_deleted_invoice_is_not_found(seller: make.Company, shelf: list[dict[str, Any]]) -> None:
    gone = shelf[0]["invoiceId"]
    await seller.run("UPDATE invoices SET deleted_at = modified_at WHERE seller_id = $1 AND invoice_id = $2", gone)
    page = await search(seller)
    assert page["total_count"] == 12
    assert gone not in {row["invoiceId"] for row in page["data"]}
    assert (await search(seller, {"invoiceIds": [gone]}))["data"] == []


async def test_the_views_of_searches_keep_to_the_bound_company_and_cannot_be_written(
    seller: make.Company, new_seller: Any, shelf: list[dict[str, Any]], database_urls: Urls
) -> None:
    stranger = await new_seller()
    for view in ("searchable_invoices", "searchable_customers"):
        # No condition on the seller here: the view alone must hold.
        mine = await seller.rows(f"SELECT seller_id FROM {view} WHERE $1 <> ''")
        assert {row["seller_id"] for row in mine} == {seller.seller_id}
        assert await stranger.rows(f"SELECT seller_id FROM {view} WHERE $1 <> ''") == []
        connection = await asyncpg.connect(database_urls.app)
        try:
            assert await connection.fetch(f"SELECT seller_id FROM {view}") == []
            for write in (
                f"DELETE FROM {view}",
                f"UPDATE {view} SET created_at = now()",
                f"INSERT INTO {view} (seller_id) VALUES ('x')",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(write)
        finally:
            await connection.close()


async def test_each_condition_finds_its_index(seller: make.Company, database_urls: Urls) -> None:
    """In a company of some size, no condition of the usual searches is tested row by row."""
    one = await seller.invoice(externalId="E", poNumber="PO")
    customers = [await seller.customer(legalName=f"Buyer {number}") for number in range(40)]
    await seller.run(_COPIES, one["invoiceId"], customers)
    connection = await asyncpg.connect(database_urls.owner)
    # As autovacuum does: new trigrams wait in a list that is read whole until then.
    await connection.execute("VACUUM ANALYZE invoices")
    await connection.execute("VACUUM ANALYZE customers")
    await connection.close()
    wanted = {
        "invoices_by_customer": ({"customerLegalName": "buyer 17"}, "customer_id"),
        "invoices_by_number": ({"invoiceNumber": "copy-17"}, "number_key"),
        "invoices_external_once": ({"externalId": "E"}, "external_id"),
        "invoices_by_po": ({"poNumber": "PO"}, "po_number"),
        "invoices_text": ({"text": "opy-2017"}, "~~"),
        "invoices_pk": ({"invoiceIds": [one["invoiceId"]]}, "invoice_id"),
        "invoices_by_created": ({"createdOnFrom": "2027-01-01"}, "created_at"),
    }
    for index, (body, column) in wanted.items():
        async with seller.db.read(seller.seller_id) as tx:
            found = await searching.conditions(
                tx, msgspec.convert(body, searching.InvoiceSearch, dec_hook=dec_hook), date(2026, 11, 16)
            )
            sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM searchable_invoices i WHERE i.seller_id = $1{found.where}"
            nodes = list(nodes_of(json.loads(await tx.fetchval(sql, *found.args))[0]["Plan"]))
        using = [node for node in nodes if node.get("Index Name") == index]
        assert using, (index, nodes)
        assert any(column in node.get("Index Cond", "") for node in using), (index, nodes)
        assert not any(node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "invoices" for node in nodes), (
            index
        )


# A fresh row for each of 4,000 numbers, all else as in the first.
_COPIES = """
    INSERT INTO invoices
    SELECT (jsonb_populate_record(i, jsonb_build_object(
               'invoice_id', i.invoice_id || n, 'invoice_number', 'copy-' || n, 'number_key', 'COPY-' || n,
               'external_id', null, 'po_number', null, 'customer_id', ($3::text[])[1 + n % 40], 'created_at', i.created_at - n * interval '1 minute'))).*
      FROM invoices i, generate_series(1, 4000) n WHERE i.seller_id = $1 AND i.invoice_id = $2"""


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes_of(inner)


async def test_the_service_refuses_before_it_reads(seller: make.Company) -> None:
    filters = searching.InvoiceSearch(sellerId="CEK0000000")
    with pytest.raises(Invalid):
        searching.check(seller.seller_id, filters)
    assert searching.pattern("100%_\\") == r"%100\%\_\\%"
