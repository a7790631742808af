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


@pytest.fixture
async def varied(seller: make.Company, clock: make.MovedClock) -> dict[str, dict[str, Any]]:
    """Give three invoices that differ in everything a search may ask for."""
    anna = await seller.customer(legalName="Anna 100% Textiles")
    bala = await seller.customer(legalName="BALA_Steels & Söhne")
    made = {
        "a": await seller.invoice(
            anna,
            invoiceNumber="AX-001/26",
            poNumber="PO-7",
            description="Blue cotton, 40 bales",
            baseAmount=500,
            cgst=45,
            sgst=45,
            invoiceDate="2026-11-01T10:00:00+05:30",
            dueDate="2026-11-20",
        ),
        "b": await seller.invoice(
            bala,
            invoiceNumber="BX-002/26",
            poNumber="po-7",
            description="Steel rods",
            baseAmount=2000.5,
            cgst=0,
            sgst=0,
            totalReceived=0.5,
            invoiceDate="2026-11-02",
            dueDate="2026-11-21",
        ),
        "c": await seller.invoice(
            bala,
            invoiceNumber="BX-003/26",
            baseAmount=9000,
            cgst=0,
            sgst=0,
            totalReceived=9000,
            invoiceDate="2026-11-03",
            dueDate="2026-11-22",
        ),
    }
    await seller.run(
        "UPDATE invoices SET via = 'EMAIL', dispatched_at = '2026-11-05T00:00:00Z' WHERE seller_id = $1 AND invoice_id = $2",
        made["a"]["invoiceId"],
    )
    await seller.run(
        "UPDATE invoices SET via = 'WHATSAPP', created_via = 'TALLY' WHERE seller_id = $1 AND invoice_id = $2",
        made["b"]["invoiceId"],
    )
    await seller.run(
        "UPDATE customers SET status = 'INACTIVE', deleted_at = modified_at WHERE seller_id = $1 AND customer_id = $2",
        anna,
    )
    return made


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"balanceAmountFrom": 590, "balanceAmountTo": 590}, "a"), ({"balanceAmountFrom": 590.01}, "b"),
        ({"balanceAmountTo": 0}, "c"), ({"baseAmountFrom": 2000.5}, "bc"), ({"baseAmountTo": 2000.5}, "ab"),
        ({"netAmountFrom": 590, "netAmountTo": 2000}, "a"), ({"netAmountFrom": 9000}, "c"),
        ({"totalReceivedFrom": 0.5, "totalReceivedTo": 0.5}, "b"), ({"totalReceivedTo": 0}, "a"),
        ({"collectionMode": ["EMAIL", "WHATSAPP"]}, "ab"), ({"collectionMode": []}, "abc"), ({"collectionMode": ["SMS"]}, ""),
        ({"via": "EMAIL"}, "a"), ({"via": "email"}, ""), ({"createdVia": "TALLY"}, "b"), ({"createdVia": "API"}, "ac"),
        ({"customerDeleted": True}, "a"), ({"customerDeleted": False}, "bc"), ({"customerDeleted": None}, "abc"),
        ({"customerStatus": "INACTIVE"}, "a"), ({"customerStatus": "ACTIVE"}, "bc"),
        ({"customerLegalName": "textiles"}, "a"), ({"customerLegalName": "100%"}, "a"), ({"customerLegalName": "_"}, "bc"),
        ({"customerLegalName": "bala_steels & söhne"}, "bc"), ({"customerLegalName": "Nobody"}, ""),
        ({"dispatchedOnFrom": "2026-11-05"}, "a"), ({"dispatchedOnTo": "2026-11-04"}, ""), ({"dispatchedOnTo": "2026-11-05 05:30:00"}, "a"),
        ({"dispatched": True}, "a"), ({"dispatched": False}, "bc"),
        ({"invoiceDateFrom": "2026-11-02"}, "bc"), ({"invoiceDateTo": "2026-11-01"}, "a"),
        ({"invoiceDateTo": "2026-11-01 09:59:59"}, ""), ({"invoiceDateTo": "2026-11-01T10:00:00+05:30"}, "a"),
        ({"invoiceDateFrom": "2026-11-02", "invoiceDateTo": "2026-11-02"}, "b"), ({"dueDateFrom": "2026-11-21", "dueDateTo": "2026-11-21"}, "b"),
        ({"createdOnFrom": "2026-11-16", "createdOnTo": "2026-11-16"}, "abc"), ({"createdOnTo": "2026-11-16 10:00:00"}, "abc"),
        ({"createdOnTo": "2026-11-16 10:00:00.000"}, ""),
        ({"payoutStatuses": ["NOT_INITIATED"]}, "abc"), ({"payoutStatuses": ["PAID", "FAILED"]}, ""),
        ({"poNumber": "PO-7"}, "a"), ({"poNumber": "PO"}, ""), ({"invoiceNumber": "bx-002/26"}, "b"),
        ({"text": "bx-00"}, "bc"), ({"text": "COTTON"}, "a"), ({"text": "steel"}, "bc"), ({"text": "steel rods"}, "b"),
        ({"text": "rods anna"}, ""), ({"text": "100%"}, "a"), ({"text": "%"}, "a"), ({"text": "_"}, "bc"), ({"text": "   "}, "abc"),
        ({"text": "\\"}, ""), ({"text": "'"}, ""), ({"text": "x"}, "abc"), ({"text": "/26 bales"}, "a"),
        ({"text": "bx", "customerLegalName": "söhne", "balanceAmountFrom": 1}, "b"),
    ],
)  # fmt: skip
async def test_every_filter(
    seller: make.Company, varied: dict[str, dict[str, Any]], body: dict[str, Any], expected: str
) -> None:
    assert await names(seller, varied, body) == set(expected)


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
