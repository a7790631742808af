"""Every write sent at the same time by several: one key does one thing, and two changes at once both hold or are refused."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from test_tenancy import CALLS, objects

import make

# What reads by POST writes nothing, so a key changes nothing for it.
READING = {
    "searchCustomer", "searchCollectionInvoices", "openItemsReport", "ageingReport", "sampleSeries",
}  # fmt: skip
ANY: defaultdict[str, str] = defaultdict(lambda: "x")
WRITES = sorted(name for name, call in CALLS.items() if call(ANY)[0] != "GET" and name not in READING)
PATCHES = sorted(name for name in WRITES if CALLS[name](ANY)[0] == "PATCH")
TRACE = "SELECT count(*) FROM audit_log WHERE seller_id = $1"


@pytest.mark.parametrize("name", WRITES)
async def test_one_key_does_one_thing(seller: make.Company, name: str) -> None:
    """Sent by five at once and then again: one does it, the others and the late one get its reply byte for byte."""
    at = await objects(seller)
    method, path, more = CALLS[name](at)
    # Another than the one who made the invoices, so that it may approve them.
    http = seller.http_as(["owner"])
    more = {**more, "headers": {**more.get("headers", {}), "Idempotency-Key": "the same"}}
    replies = await asyncio.gather(*(http.request(method, path, **more) for _ in range(5)))
    assert {reply.status_code for reply in replies} <= {200, 202}, [reply.text for reply in replies]
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotency-replayed" not in reply.headers for reply in replies) == 1
    traces = await seller.value(TRACE)
    late = await http.request(method, path, **more)
    assert (late.status_code, late.content) == (replies[0].status_code, replies[0].content)
    assert late.headers["idempotency-replayed"] == "true"
    assert await seller.value(TRACE) == traces


@pytest.mark.parametrize("name", PATCHES)
async def test_five_changes_at_once(seller: make.Company, name: str) -> None:
    at = await objects(seller)
    method, path, more = CALLS[name](at)
    http = seller.http_as(["owner"])  # another than the one who made the invoices, so that it may approve them
    replies = await asyncio.gather(*(http.request(method, path, **more) for _ in range(5)))
    assert {reply.status_code for reply in replies} == {200}, [reply.text for reply in replies]
