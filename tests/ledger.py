"""Money in tests: entries and moves over HTTP, and what `hundi doctor` says of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2

import make
from hundi.cli.doctor import CHECKS

ENTRIES = "/api/v0/invoice/{}/entries"


async def enter(company: make.Company, invoice_id: str, kind: str, amount: Any, **more: Any) -> httpx2.Response:
    body = {"kind": kind, "amount": amount, **more}
    return await company.http.post(ENTRIES.format(invoice_id), json=body)


async def done(company: make.Company, invoice_id: str, kind: str, amount: Any, **more: Any) -> dict[str, Any]:
    reply = await enter(company, invoice_id, kind, amount, **more)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


def refused(reply: httpx2.Response) -> tuple[int, str, str]:
    error = reply.json()["errorResponse"]["apiSubErrors"][0]
    return reply.status_code, error["field"], error["code"]


def money(invoice: dict[str, Any]) -> tuple[Any, Any, str]:
    return invoice["balanceAmount"], invoice["totalReceived"], invoice["receivableStatus"]["name"]


async def verb(company: make.Company, invoice_id: str, name: str, **body: Any) -> httpx2.Response:
    return await company.http.post(f"/api/v0/invoice/{invoice_id}/{name}", json=body or {"reason": "as agreed"})


async def findings(company: make.Company) -> list[str]:
    """Ask what `hundi doctor` will ask of this company in two hours, when nothing of today may be under way any more."""
    then = company.clock.now() + timedelta(hours=2)
    found = []
    for check, sql in CHECKS.items():
        found += [f"{check}: {row}" for row in await company.rows(sql, *([then] if "$2" in sql else []))]
    return found
