"""Schemathesis over the served OpenAPI document, all its phases, against the real application on a real socket.

It looks for what no example thought of: a 5xx, a status or a media type the document does not list, a reply that does
not fit its own schema. ``TEST_TIER`` says how many examples each operation gets.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import admin_calls
import make

TIER = os.environ.get("TEST_TIER", "default")
EXAMPLES = {"default": 1, "ci": 3, "soak": 100}[TIER]
# The coverage phase sends every boundary of every field, thousands of requests in all: by default it looks at some
# operations that stand for the others, in the soak at all of them.
COVERED = (
    "getInvoice",
    "dispatchInvoiceCollection",
    "updateCustomerReminder",
    "getVoidedNumbers",
    "createInvoiceEntry",
)
# One seed for all who run less than the soak, so that it fails for a change and not for its luck.
SEED = "26" if TIER != "soak" else str(secrets.randbelow(2**32))
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip


@asynccontextmanager
async def on_a_socket(app: Any) -> AsyncIterator[str]:
    """Serve the application on a free loopback port, in this event loop, and give its address."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None))
    running = asyncio.create_task(server._serve([bound]))
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def known_values(company: make.Company) -> dict[str, list[str]]:
    """Make objects whose ids the generated paths and bodies often name, so that more than 404 is reached."""
    customers = [await company.customer() for _ in range(3)]
    invoices = [(await company.invoice(customer))["invoiceId"] for customer in customers for _ in range(3)]
    made = await admin_calls.objects(company, invoices[0])
    entry = await company.http.post(f"/api/v0/invoice/{invoices[0]}/entries", json={"kind": "DISCOUNT", "amount": 1})
    reminder = await company.http.post(f"/api/v0/customer/{customers[0]}/reminder", json={"reminderType": "ONCE"})
    lowest = {"name": "Huge", "steps": ["APPROVER"], "fromAmount": 10**12}
    policy = await company.http.post("/api/v0/approval/policies", json=lowest)
    upload = await company.http.post(
        "/api/v0/invoice/bulk/create",
        files={"file": ("a.csv", b"baseAmount\n1\n")},
        headers={"Prefer": "respond-async"},
    )
    return {
        "customerId": customers, "invoiceId": invoices, "attachmentId": [made["attachment"]],
        "entryId": [entry.json()["payload"]["entry"]["entryId"]],
        "reminderId": [reminder.json()["payload"]["customerReminderId"]],
        "policyId": [policy.json()["payload"]["policyId"]], "importId": [upload.json()["payload"]["importId"]],
        "seriesId": [await company.value("SELECT series_id FROM number_series WHERE seller_id = $1")],
        "userId": [made["user"]], "registrationId": [made["registration"]], "clientId": [made["client"]],
        "partnerSellerId": [admin_calls.GRANTEE],
    }  # fmt: skip


def configuration(seller_id: str, values: dict[str, list[str]]) -> str:
    """Write schemathesis.toml: what is known to exist is sent in four of five requests that name such a thing."""
    own = [f'"query.{name}" = {json.dumps(seller_id)}' for name in ("sellerId", "parentCompanyId", "companyId")]
    paths = [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in values]
    lines = [
        "[parameters]",
        *own,
        *paths,
        '"body.customerId" = { dictionary = "customerId", probability = 0.8 }',
        '"body.invoiceIds[*]" = { dictionary = "invoiceId", probability = 0.8 }',
    ]
    if TIER != "soak":
        lines += ["[phases.coverage]", "enabled = false"]
        for name in COVERED:
            lines += ["[[operations]]", f'include-operation-id = "{name}"', "phases.coverage.enabled = true"]
    for name, known in values.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(known)}"]
    return "\n".join(lines) + "\n"


async def schemathesis(folder: Path, base: str, company: make.Company) -> tuple[int, str]:
    """Run Schemathesis in a process of its own; gives its exit code and what it printed."""
    (folder / "schemathesis.toml").write_text(configuration(company.seller_id, await known_values(company)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run",
        f"{base}/schema/openapi.json", "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--no-color",
        "--generation-database", "none", "--warnings", "off", "--suppress-health-check", "all", "--request-timeout", "30",
        "--continue-on-failure", "--seed", SEED,
        "-H", f"Authorization: Bearer {company.token(['owner'], company.user_id)}", "-H", "Prefer: respond-async",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


@pytest.mark.slow  # it sends some hundred requests by default, some thousand in the other tiers
async def test_schemathesis_finds_nothing(session_app: Any, seller: make.Company, tmp_path: Path) -> None:
    async with on_a_socket(session_app) as base:
        code, printed = await schemathesis(tmp_path, base, seller)
    assert code == 0, printed
