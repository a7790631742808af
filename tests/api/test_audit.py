"""The audit trail over HTTP: searched page by page, exported whole."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

import make
from hundi.audit import search

AUDIT = "/api/v0/audit"


def problems(reply: httpx2.Response) -> dict[str, str]:
    return {one["field"]: one["code"] for one in reply.json()["errorResponse"]["apiSubErrors"]}


async def found(seller: make.Company, **query: Any) -> dict[str, Any]:
    reply = await seller.http.get(AUDIT, params=query)
    assert reply.status_code == 200, reply.text
    payload: dict[str, Any] = reply.json()["payload"]
    return payload


async def test_who_did_what_newest_first(seller: make.Company) -> None:
    customer = await seller.customer()
    invoice = await seller.invoice(customer, baseAmount=1000.10, cgst=None, sgst=None)
    await seller.http.patch(f"/api/v0/invoice/{invoice['invoiceId']}", json={"description": "seen"})
    page = await found(seller)
    assert [one["action"] for one in page["data"]] == ["invoice.update", "invoice.create", "customer.create"]
    assert (page["total_count"], page["limit"], page["offset"], page["next_cursor"]) == (3, 50, 0, None)
    newest = page["data"][0]
    assert (newest["actor"], newest["objectKind"], newest["objectId"]) == (
        seller.user_id,
        "invoice",
        invoice["invoiceId"],
    )
    assert newest["after"]["description"] == "seen"
    assert newest["at"].endswith("+05:30")
    assert newest["requestId"].startswith("req_")
    raw = (await seller.http.get(AUDIT, params={"action": "invoice.create"})).text
    assert '"net_amount": 1000.10' in raw or '"net_amount":1000.10' in raw


async def test_filters_hold_together(seller: make.Company, clock: make.MovedClock) -> None:
    first = await seller.customer()
    clock.move(minutes=10)
    middle = clock.now()
    clock.move(minutes=10)
    await seller.invoice(first)
    for query, count in (
        ({"objectKind": "invoice"}, 1), ({"objectId": first}, 1), ({"actor": seller.user_id}, 2), ({"actor": "usr_x"}, 0),
        ({"action": "customer.create"}, 1), ({"action": "customer.*"}, 1), ({"action": "customer.cre"}, 0),
        ({"action": "cust.*"}, 0), ({"from": middle.isoformat()}, 1), ({"to": middle.isoformat()}, 1),
        ({"from": "2026-11-16", "to": "2026-11-17"}, 2), ({"to": "2026-11-16"}, 0), ({"objectKind": "invoice", "objectId": first}, 0),
        ({"action": "%"}, 0),
    ):  # fmt: skip
        assert (await found(seller, **query))["total_count"] == count, query
    exact = await seller.value("SELECT at FROM audit_log WHERE seller_id = $1 AND action = 'invoice.create'")
    around = {"from": exact.isoformat(), "to": exact.isoformat()}
    assert (await found(seller, **around))["total_count"] == 1
    assert (await found(seller, to=(exact - timedelta(microseconds=1)).isoformat()))["total_count"] == 1


async def test_pages_neither_skip_nor_repeat_while_rows_are_added(seller: make.Company) -> None:
    for _ in range(7):
        await seller.customer()
    whole = [one["auditId"] for one in (await found(seller))["data"]]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = await found(seller, **query)
        seen += [one["auditId"] for one in page["data"]]
        await seller.customer()
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == whole
    assert [one["auditId"] for one in (await found(seller, limit=2, offset=4))["data"]] != whole[4:6]


async def test_bad_questions(seller: make.Company, new_seller: Any) -> None:
    for _ in range(2):
        await seller.customer()
    cursor = (await found(seller, limit=1))["next_cursor"]
    stranger = await new_seller()
    for http, query in (
        (seller.http, {"cursor": cursor[:-2] + "xx"}), (seller.http, {"cursor": "nothing"}), (seller.http, {"cursor": "é"}),
        (seller.http, {"cursor": cursor, "action": "customer.create"}), (stranger.http, {"cursor": cursor}),
    ):  # fmt: skip
        reply = await http.get(AUDIT, params=query)
        assert (reply.status_code, problems(reply)) == (400, {"cursor": "BAD_CURSOR"}), query
    for query, fields in (
        ({"from": "yesterday", "to": "32-13-2026"}, {"from", "to"}), ({"from": "2026-12-01", "to": "2026-11-01"}, {"from", "to"}),
        ({"limit": "0"}, {"limit"}), ({"limit": "5001"}, {"limit"}), ({"limit": "x"}, {"limit"}),
        ({"cursor": cursor, "offset": "1"}, {"offset"}), ({"actor": "a\x00b"}, {"actor"}),
    ):  # fmt: skip
        reply = await seller.http.get(AUDIT, params=query)
        assert (reply.status_code, set(problems(reply))) == (400, fields), query
    assert (await seller.http.get(f"{AUDIT}/export", params={"format": "xls"})).status_code == 400
    assert (await seller.http.get(f"{AUDIT}/export", params={"from": "then"})).status_code == 400


async def test_the_whole_trail_as_a_file_batch_by_batch(seller: make.Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "BATCH", 2)
    for at in range(5):
        await seller.customer(legalName=f"=cmd|{at}")
    expected = await seller.rows("SELECT audit_id FROM audit_log WHERE seller_id = $1 ORDER BY audit_id")
    reply = await seller.http.get(f"{AUDIT}/export")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [row["auditId"] for row in rows] == [row["audit_id"] for row in expected]
    assert reply.headers["content-disposition"] == f'attachment; filename="audit-{seller.seller_id}.csv"'
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert json.loads(rows[0]["after"])["legalName"] == "=cmd|0"
    lines = (await seller.http.get(f"{AUDIT}/export", params={"format": "jsonl"})).text.splitlines()
    assert [json.loads(line)["auditId"] for line in lines] == [row["audit_id"] for row in expected]
    few = await seller.http.get(f"{AUDIT}/export", params={"format": "jsonl", "action": "nothing.*"})
    assert (few.status_code, few.text) == (200, "")
    kinds = [(one.headers["content-type"], one.headers["x-content-type-options"]) for one in (reply, few)]
    assert kinds == [("text/csv; charset=utf-8", "nosniff"), ("application/jsonl", "nosniff")]


async def test_an_export_ends_where_it_began(seller: make.Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "BATCH", 1)
    for _ in range(3):
        await seller.customer()
    seen = 0
    async for rows in search.everything(seller.db, seller.seller_id, search.Wanted()):
        seen += len(rows)
        seller.clock.move(seconds=1)
        await seller.customer()
    assert seen == 3
