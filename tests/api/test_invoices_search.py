"""searchCollectionInvoices (contract §4.5; design §5 "Lists")."""

from __future__ import annotations

from typing import Any

import pytest

import make

PATH = "/api/v0/invoice/search"


async def search(seller: make.Company, body: dict[str, Any] | None = None, query: str = "") -> dict[str, Any]:
    reply = await seller.http.post(PATH + query, json=body or {})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


@pytest.fixture
async def book(seller: make.Company, clock: make.MovedClock) -> dict[str, dict[str, Any]]:
    """Give a company's five invoices by a name that says what is special about them."""
    first, second = await seller.customer(), await seller.customer()
    made = {
        "plain": await seller.invoice(first, externalId="E-1"),
        "part": await seller.invoice(first, totalReceived=100, dueDate="2026-12-20"),
        "late": await seller.invoice(second, invoiceDate="2026-10-01", dueDate="2026-11-01"),
        "late part": await seller.invoice(second, invoiceDate="2026-10-01", dueDate="2026-11-15", totalReceived=1),
        "paid": await seller.invoice(second, invoiceDate="2026-10-01", dueDate="2026-11-01", totalReceived=1180),
    }
    clock.move(days=1)
    seller.clients.clear()
    made["disputed"] = await seller.invoice(
        second, invoiceDate="2026-10-01", dueDate="2026-11-01", invoiceNumber="Disp-1"
    )
    await seller.http.patch(f"/api/v0/invoice/{made['disputed']['invoiceId']}", json={"receivableStatus": "DISPUTED"})
    return made


async def names(seller: make.Company, book: dict[str, dict[str, Any]], body: dict[str, Any]) -> set[str]:
    page = await search(seller, body)
    by_id = {made["invoiceId"]: name for name, made in book.items()}
    found = [by_id[row["invoiceId"]] for row in page["data"]]
    assert page["total_count"] == len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"plain", "part", "late", "late part", "paid", "disputed"}),
        ({"receivableStatuses": []}, {"plain", "part", "late", "late part", "paid", "disputed"}),
        ({"receivableStatuses": ["OVERDUE"]}, {"late", "late part"}),
        ({"receivableStatuses": ["PARTIALLY_PAID"]}, {"part", "late part"}),
        ({"receivableStatuses": ["PENDING"]}, {"plain", "late"}),
        ({"receivableStatuses": ["PAID", "OVERDUE"]}, {"paid", "late", "late part"}),
        ({"receivableStatuses": ["DISPUTED"]}, {"disputed"}),
        ({"receivableStatuses": ["CANCELLED"]}, set()),
        ({"approvalStatuses": ["APPROVER_APPROVED"]}, {"plain", "part", "late", "late part", "paid", "disputed"}),
        ({"approvalStatuses": ["MAKER_REJECTED"]}, set()),
        ({"invoiceNumber": "dISP-1"}, {"disputed"}),
        ({"invoiceNumber": "Disp"}, set()),
        ({"externalId": "E-1"}, {"plain"}),
        ({"dispatched": False}, {"plain", "part", "late", "late part", "paid", "disputed"}),
        ({"dispatched": True}, set()),
        ({"dueDateFrom": "2026-12-10 00:00:00"}, {"plain", "part"}),
        ({"dueDateFrom": "2026-12-11 00:00:00", "dueDateTo": "2026-12-20 23:59:59"}, {"part"}),
        ({"dueDateTo": "2026-11-01 00:00:00"}, {"late", "paid", "disputed"}),
        ({"createdOnFrom": "2026-11-17 00:00:00"}, {"disputed"}),
        ({"createdOnTo": "2026-11-16 23:59:59"}, {"plain", "part", "late", "late part", "paid"}),
        ({"receivableStatuses": ["OVERDUE"], "dueDateTo": "2026-11-10 00:00:00"}, {"late"}),
    ],
)  # fmt: skip
async def test_filters(
    seller: make.Company, book: dict[str, dict[str, Any]], body: dict[str, Any], expected: set[str]
) -> None:
    assert await names(seller, book, body) == expected


async def test_ids_filter(seller: make.Company, book: dict[str, dict[str, Any]]) -> None:
    first, second = book["plain"]["customerId"], book["late"]["customerId"]
    assert await names(seller, book, {"customerIds": [first]}) == {"plain", "part"}
    assert len(await names(seller, book, {"customerIds": [first, second, first]})) == 6
    ids = [book["paid"]["invoiceId"], "inv_unknown"]
    assert await names(seller, book, {"invoiceIds": ids}) == {"paid"}
    assert await names(seller, book, {"invoiceIds": ids, "customerIds": [first]}) == set()


async def test_pages_cover_everything_once_with_the_exact_count(
    seller: make.Company, book: dict[str, dict[str, Any]]
) -> None:
    everything = [row["invoiceId"] for row in (await search(seller))["data"]]
    assert everything == sorted(everything, reverse=True)
    oldest_first = [row["invoiceId"] for row in (await search(seller, query="?direction=ASC"))["data"]]
    assert oldest_first == everything[::-1]
    pages: list[str] = []
    for offset in range(0, 8, 2):
        page = await search(seller, query=f"?limit=2&offset={offset}")
        assert (page["total_count"], page["limit"], page["offset"]) == (6, 2, offset)
        pages += [row["invoiceId"] for row in page["data"]]
    assert pages == everything
    assert (await search(seller, query="?limit=5000"))["total_count"] == 6
    assert (await search(seller, query="?offset=10000000"))["data"] == []


async def test_a_row_is_what_get_shows(seller: make.Company, book: dict[str, dict[str, Any]]) -> None:
    for row in (await search(seller))["data"]:
        read = await seller.http.get(f"/api/v0/invoice/{row['invoiceId']}")
        assert read.json()["payload"] == row


async def test_an_empty_company_finds_nothing(seller: make.Company) -> None:
    page = await search(seller)
    assert page == {"data": [], "total_count": 0, "limit": 50, "offset": 0}


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%", "_", "{}", "$1", "\\", "{0}"])
async def test_text_of_a_filter_stays_text(seller: make.Company, book: dict[str, dict[str, Any]], text: str) -> None:
    assert await names(seller, book, {"invoiceNumber": text}) == set()
    assert await names(seller, book, {"externalId": text}) == set()
