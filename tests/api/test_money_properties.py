"""Whatever is recorded, reversed, patched and moved: balances are the net amount less the entries, and doctor is content."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import make
from hundi.invoices.rules import RECEIVABLE_MOVES, STORED_STATUSES, ReceivableStatus
from ledger import ENTRIES, findings

KINDS = ("RECEIPT", "TDS_INCOME_TAX", "TDS_GST", "CREDIT_NOTE", "DISCOUNT", "ADVANCE", "ROUND_OFF")
AMOUNTS = st.one_of(
    st.sampled_from([0, 0.01, 1, 50, 100, 118, 500, 590, 1080, 1180, 2000]), st.integers(-200, 1300),
    st.decimals(Decimal(-5), Decimal(1200), places=2).map(lambda amount: int(amount * 100) / 100),
)  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("entry"), st.sampled_from(KINDS), AMOUNTS, st.sampled_from([None, "U1", "U2", "u1"])),
    st.tuples(st.just("reverse"), st.integers(0, 12)),
    st.tuples(st.just("move"), st.sampled_from(["write-off", "dispute", "reinstate"])),
    st.tuples(st.just("cancel")),
    st.tuples(
        st.just("patch"),
        st.fixed_dictionaries(
            {},
            optional={
                "tds": AMOUNTS, "totalReceived": AMOUNTS, "balanceAmount": AMOUNTS,
                "baseAmount": st.sampled_from([500, 1000, 1500]), "partialPaymentAllowed": st.booleans(),
                "minimumPart": st.sampled_from([None, 10, 300]),
                "receivableStatus": st.sampled_from(["PAID", "DISPUTED", "WRITTEN_OFF", "PENDING"]),
            },
        ),
    ),
)  # fmt: skip


async def take(http: httpx2.AsyncClient, made: str, step: tuple[Any, ...]) -> httpx2.Response | None:
    path = f"/api/v0/invoice/{made}"
    if step[0] == "entry":
        body = {"kind": step[1], "amount": step[2], "acceptPart": True, **({"reference": step[3]} if step[3] else {})}
        return await http.post(ENTRIES.format(made), json=body)
    if step[0] == "patch":
        return await http.patch(path, json=step[1])
    if step[0] == "reverse":
        listed = (await http.get(ENTRIES.format(made))).json()["payload"]["data"]
        if not listed:
            return None
        return await http.post(f"{ENTRIES.format(made)}/{listed[step[1] % len(listed)]['entryId']}/reverse", json={})
    if step[0] == "cancel":
        return await http.post(f"{path}/cancel", json={"reason": "x"})
    return await http.post(f"{path}/{step[1]}", json={"reason": "x"})


@pytest.mark.slow  # some hundreds of requests
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tds=st.sampled_from([0, 10, 100]), opening=st.sampled_from([0, 300]), steps=st.lists(STEPS, max_size=10))
async def test_no_sequence_breaks_the_books(
    seller: make.Company, tds: int, opening: int, steps: list[tuple[Any, ...]]
) -> None:
    made = (await seller.invoice(tds=tds, totalReceived=opening))["invoiceId"]
    for step in steps:
        reply = await take(seller.http, made, step)
        if reply is not None:
            assert reply.status_code in {200, 400, 422}, (step, reply.text)
    shown = (await seller.http.get(f"/api/v0/invoice/{made}")).json()["payload"]
    listed = (await seller.http.get(ENTRIES.format(made))).json()["payload"]["data"]
    money = [e["amount"] for e in listed if e["kind"]["name"] in {"RECEIPT", "OPENING", "ADVANCE", "REVERSAL"}]
    assert round(shown["netAmount"] - sum(e["amount"] for e in listed), 2) == shown["balanceAmount"]
    assert round(sum(money), 2) == shown["totalReceived"]
    assert 0 <= shown["balanceAmount"] <= shown["invoiceValue"]
    certified = [e["certified"] for e in listed if "certified" in e]
    if certified and sum(certified):
        effect = sum(e["amount"] for e in listed if e["kind"]["name"].startswith("TDS"))
        assert round(effect, 2) == round(sum(certified) - shown["tds"], 2), "certificates count against the expected"
    assert await findings(seller) == []


TO: dict[ReceivableStatus, Callable[[str], tuple[str, dict[str, Any]]]] = {
    ReceivableStatus.DISPUTED: lambda path: (f"{path}/dispute", {"reason": "x"}),
    ReceivableStatus.CANCELLED: lambda path: (f"{path}/cancel", {"reason": "x"}),
    ReceivableStatus.WRITTEN_OFF: lambda path: (f"{path}/write-off", {"reason": "x"}),
}


async def brought_to(seller: make.Company, status: ReceivableStatus) -> str:
    """Make an invoice and bring it to a status by the verbs."""
    made = (await seller.invoice())["invoiceId"]
    path = f"/api/v0/invoice/{made}"
    if status in TO:
        at, body = TO[status](path)
        assert (await seller.http.post(at, json=body)).status_code == 200
    elif status is not ReceivableStatus.PENDING:
        amount = 1180 if status is ReceivableStatus.PAID else 80
        await seller.http.post(f"{path}/entries", json={"kind": "RECEIPT", "amount": amount, "acceptPart": True})
    return path


@pytest.mark.parametrize("to", sorted(TO))
@pytest.mark.parametrize("start", STORED_STATUSES)
async def test_every_pair_of_statuses(seller: make.Company, start: ReceivableStatus, to: ReceivableStatus) -> None:
    path = await brought_to(seller, start)
    at, body = TO[to](path)
    reply = await seller.http.post(at, json=body)
    allowed = start is to or to in RECEIVABLE_MOVES[start]
    assert reply.status_code == (200 if allowed else 422), reply.text
    shown = (await seller.http.get(path)).json()["payload"]["receivableStatus"]["name"]
    assert shown == (to if allowed else start).value
    assert await findings(seller) == []
