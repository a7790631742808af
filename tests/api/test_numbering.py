"""Number series over HTTP: one default for each registration and type, gapless under load, previews that take nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

import make

SERIES = "/api/v0/series"


async def create(company: make.Company, pattern: str, **more: Any) -> httpx2.Response:
    return await company.http.post(SERIES, json={"pattern": pattern, **more})


async def listed(company: make.Company) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await company.http.get(SERIES)).json()["payload"]["data"]
    return found


async def preview(company: make.Company, series_id: str, query: str = "") -> list[str]:
    reply = await company.http.get(f"{SERIES}/{series_id}/preview{query}")
    assert reply.status_code == 200, reply.text
    found: list[str] = reply.json()["payload"]["numbers"]
    return found


def code(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]


async def test_a_series_is_set_up_and_made_the_default(seller: make.Company) -> None:
    born = (await listed(seller))[0]
    assert (born["pattern"], born["docType"], born["isDefault"], born["nextNumber"]) == (
        "INV/{26-27}/{n:5}",
        "INV",
        True,
        1,
    )
    customer = await seller.customer()
    assert (await seller.invoice(customer, invoiceNumber=None))["invoiceNumber"] == "INV/26-27/00001"
    made = (await create(seller, "SV{2627}-{n:3}")).json()["payload"]
    assert (made["isDefault"], made["registrationGstin"]) == (False, seller.registration.gstin)
    assert (await seller.invoice(customer, invoiceNumber=None))["invoiceNumber"] == "INV/26-27/00002"
    for _ in range(2):
        reply = await seller.http.post(f"{SERIES}/{made['seriesId']}/default")
        assert reply.json()["payload"]["isDefault"] is True
    assert (await seller.invoice(customer, invoiceNumber=None))["invoiceNumber"] == "SV2627-001"
    back = await seller.http.post(f"{SERIES}/{born['seriesId']}/default")
    assert back.json()["payload"]["nextNumber"] == 3
    assert (await seller.invoice(customer, invoiceNumber=None))["invoiceNumber"] == "INV/26-27/00003"
    assert [s["isDefault"] for s in await listed(seller)] == [True, False]
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND object_kind = 'series'") == 3


async def test_each_type_has_its_own_default(seller: make.Company) -> None:
    note = (await create(seller, "CN/{n:4}", docType="CRN")).json()["payload"]
    assert note["isDefault"] is True
    other = (await create(seller, "CX/{n:4}", docType="CRN", isDefault=True)).json()["payload"]
    assert other["isDefault"] is True
    assert {(s["docType"], s["pattern"]) for s in await listed(seller) if s["isDefault"]} == {
        ("INV", "INV/{26-27}/{n:5}"), ("CRN", "CX/{n:4}")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field", "found"),
    [
        ({}, "pattern", "REQUIRED"), ({"pattern": ""}, "pattern", "BAD_LENGTH"), ({"pattern": "INV"}, "pattern", "SERIES_COUNTER"),
        ({"pattern": "{n}{n}"}, "pattern", "SERIES_COUNTER"), ({"pattern": "{year}{n}"}, "pattern", "SERIES_TOKEN"),
        ({"pattern": "INVOICE/{2026-27}/{n:5}"}, "pattern", "SERIES_TOO_LONG"), ({"pattern": "-{n:3}"}, "pattern", "NUMBER_START"),
        ({"pattern": "A/{n:4}", "docType": "PO"}, "docType", "UNKNOWN_VALUE"), ({"pattern": 5}, "pattern", "WRONG_TYPE"),
    ],
)  # fmt: skip
async def test_bad_series(seller: make.Company, body: dict[str, Any], field: str, found: str) -> None:
    reply = await seller.http.post(SERIES, json=body)
    assert code(reply) == (400, found), reply.text
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["field"] == field
    if field == "pattern" and isinstance(body.get("pattern"), str):
        assert code(await seller.http.post(f"{SERIES}/preview", json=body)) == (400, found)


async def test_what_does_not_fit_together(seller: make.Company, new_seller: Any) -> None:
    assert code(await create(seller, "inv/{26-27}/{n:5}")) == (422, "SERIES_EXISTS")
    assert (await create(seller, "inv/{26-27}/{n:5}", docType="DBN")).status_code == 200
    stranger = await new_seller()
    theirs = stranger.registration.gstin
    assert code(await create(seller, "X/{n:3}", registrationGstin=theirs)) == (404, "SERIES_REGISTRATION_NOT_FOUND")
    own = (await listed(stranger))[0]["seriesId"]
    assert (await seller.http.post(f"{SERIES}/{own}/default")).status_code == 404
    assert (await seller.http.get(f"{SERIES}/{own}/preview")).status_code == 404


async def test_set_up_at_once_there_is_one(seller: make.Company) -> None:
    replies = await asyncio.gather(*(create(seller, "Q/{n:4}", isDefault=True) for _ in range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [422] * 7
    rivals = await asyncio.gather(*(create(seller, f"R{at}/{{n:4}}", isDefault=True) for at in range(8)))
    assert {reply.status_code for reply in rivals} == {200}
    assert sum(s["isDefault"] for s in await listed(seller)) == 1


async def test_a_preview_takes_nothing_and_passes_over_what_was_typed(seller: make.Company) -> None:
    series = (await listed(seller))[0]["seriesId"]
    customer = await seller.customer()
    await seller.invoice(customer, invoiceNumber="inv/26-27/00002")
    for _ in range(2):
        assert await preview(seller, series, "?count=3") == ["INV/26-27/00001", "INV/26-27/00003", "INV/26-27/00004"]
    assert await preview(seller, series, "?on=2027-04-01") == ["INV/27-28/00001"]
    given = [(await seller.invoice(customer, invoiceNumber=None))["invoiceNumber"] for _ in range(2)]
    assert given == ["INV/26-27/00001", "INV/26-27/00003"]
    assert await preview(seller, series) == ["INV/26-27/00004"]
    for query in ("?count=0", "?count=101", "?count=x", "?on=soon"):
        assert (await seller.http.get(f"{SERIES}/{series}/preview{query}")).status_code == 400, query


async def test_a_preview_ends_with_the_series(seller: make.Company) -> None:
    made = (await create(seller, "Z{n:1}")).json()["payload"]["seriesId"]
    assert await preview(seller, made, "?count=50") == [f"Z{n}" for n in range(1, 10)]


async def test_a_pattern_is_tried_out(seller: make.Company) -> None:
    reply = await seller.http.post(f"{SERIES}/preview", json={"pattern": "T/{26-27}/{n:4}", "on": "2026-03-31"})
    assert reply.json()["payload"]["numbers"] == ["T/25-26/0001", "T/25-26/9999"]
    assert len(await listed(seller)) == 1


async def test_numbers_have_no_gap_under_load_and_refusals(seller: make.Company) -> None:
    customer = await seller.customer()
    good = make.invoice_body(customer, invoiceNumber=None)
    bad = good | {"externalId": "taken"}
    await seller.invoice(customer, externalId="taken")
    replies = await asyncio.gather(
        *(seller.http.post("/api/v0/invoice", json=bad if at % 3 == 0 else good) for at in range(30))
    )
    assert sorted({reply.status_code for reply in replies}) == [200, 422]
    given = sorted(r.json()["payload"]["invoiceNumber"] for r in replies if r.status_code == 200)
    assert given == [f"INV/26-27/{n:05d}" for n in range(1, 21)]


async def test_a_cancelled_number_is_neither_given_again_nor_free(seller: make.Company) -> None:
    customer = await seller.customer()
    first = await seller.invoice(customer, invoiceNumber=None)
    await seller.http.post(f"/api/v0/invoice/{first['invoiceId']}/cancel", json={"reason": "x"})
    assert (await seller.invoice(customer, invoiceNumber=None))["invoiceNumber"] == "INV/26-27/00002"
    body = make.invoice_body(customer, invoiceNumber=first["invoiceNumber"])
    assert code(await seller.http.post("/api/v0/invoice", json=body)) == (422, "INVOICE_NUMBER_TAKEN")
    voided = (await seller.http.get(f"{SERIES}/voided")).json()["payload"]["data"]
    assert [v["invoiceNumber"] for v in voided] == ["INV/26-27/00001"]
