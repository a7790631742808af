"""Approval, deletion and versions where they meet the rest: files, ETags, the table of moves walked over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import make
from hundi.files.store import FileStore
from hundi.imports.tables import approval
from hundi.invoices.approvals import born
from hundi.invoices.policies import STEP_LISTS, Policy
from hundi.invoices.rules import APPROVAL_MOVES, PENDING_APPROVALS, ApprovalStatus, step_of
from hundi.kit.keys import Keyring
from importing import Importer, row, text

A = ApprovalStatus


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring, chunk_rows=100)


async def test_an_uploaded_invoice_needs_the_same_approval(importer: Importer) -> None:
    seller = importer.seller
    for low, high, steps in ((1000, 2000, ["CHECKER", "APPROVER"]), (2000, None, ["MAKER", "APPROVER"])):
        body = {"name": "x", "steps": steps, "fromAmount": low, **({"toAmount": high} if high else {})}
        assert (await seller.http.post("/api/v0/approval/policies", json=body)).status_code == 200
    plain = {"cgst": "", "sgst": ""}
    amounts = ("999.99", "1000", "1999.99", "2000", "50000")
    await importer.good(text([row(baseAmount=amount, **plain) for amount in amounts]))
    # Rows without a number take the other way into the table.
    await importer.good(
        text([row(baseAmount=amount, invoiceNumber="", externalId=f"E{amount}", **plain) for amount in amounts])
    )
    held = await seller.rows(
        "SELECT net_amount, approval_status FROM invoices WHERE seller_id = $1 ORDER BY invoice_id"
    )
    wanted = [
        "APPROVER_APPROVED",
        "CHECKER_APPROVAL_PENDING",
        "CHECKER_APPROVAL_PENDING",
        *["MAKER_APPROVAL_PENDING"] * 2,
    ]
    assert [one["approval_status"] for one in held] == wanted * 2
    first = (await seller.rows("SELECT invoice_id FROM invoices WHERE seller_id = $1 AND net_amount = 1000 LIMIT 1"))[0]
    reply = await seller.http.post(f"/api/v0/invoice/{first['invoice_id']}/approve", json={})
    assert reply.status_code == 403, "who sent the file in is its maker"


BANDS = st.lists(st.integers(0, 10_000), min_size=1, max_size=6, unique=True).map(sorted)


@given(
    edges=BANDS, steps=st.lists(st.sampled_from(STEP_LISTS), min_size=6, max_size=6), ends=st.booleans(), data=st.data()
)
def test_the_engine_bears_as_the_rule_does(edges: list[int], steps: list[Any], ends: bool, data: st.DataObject) -> None:
    uppers = [*edges[1:], edges[-1] + 100 if ends else None]
    policies = [
        Policy(policy_id=str(at), name="x", from_amount=Decimal(low) / 100, to_amount=None if up is None else Decimal(up) / 100,
               steps=steps[at], active=True, created_at=make.START, created_by="x")
        for at, (low, up) in enumerate(zip(edges, uppers, strict=True))
    ]  # fmt: skip
    paise = data.draw(st.lists(st.integers(0, 10_200) | st.sampled_from(edges), min_size=1))
    frame = pl.DataFrame({"net_amount": paise}).select(approval(policies).alias("born"))
    assert frame["born"].to_list() == [born(Decimal(net) / 100, policies).value for net in paise]


async def test_a_row_whose_invoice_was_deleted_is_no_harmless_repeat(importer: Importer) -> None:
    seller = importer.seller
    content = text([row(invoiceNumber="GONE-1", externalId="X1"), row()])
    await importer.good(content)
    gone = await seller.value("SELECT invoice_id FROM invoices WHERE seller_id = $1 AND number_key = 'GONE-1'")
    await seller.http.post("/api/v0/invoice/bulk/delete", json={"invoiceIds": [gone]})
    again = await importer.good(content)
    assert (again["success_count"], again["failure_count"]) == (1, 1)
    assert again["failureRequests"][0]["error_code"] == "NUMBER_VOIDED"
    renamed = await importer.good(text([row(invoiceNumber="NEW-1", externalId="X1")]))
    assert renamed["failureRequests"][0]["error_code"] == "NUMBER_VOIDED"


# ------------------------------------------------------------------ versions


async def test_a_stale_patch_is_refused(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    path = f"/api/v0/invoice/{made}"
    first = (await seller.http.get(path)).headers["etag"]
    assert first == '"1"'
    fresh = await seller.http.patch(path, json={"description": "a"}, headers={"If-Match": first})
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2"')
    stale = await seller.http.patch(path, json={"description": "b"}, headers={"If-Match": first})
    assert stale.status_code == 412
    assert stale.json()["errorResponse"]["apiSubErrors"][0]["code"] == "STALE_VERSION"
    assert stale.headers["etag"] == '"2"'
    for header in ("*", '"1", "2"'):
        assert (
            await seller.http.patch(path, json={"description": header}, headers={"If-Match": header})
        ).status_code in {200, 412}
    assert (await seller.http.patch(path, json={"description": "c"}, headers={"If-Match": "3"})).status_code == 400
    missing = await seller.http.patch("/api/v0/invoice/inv_x", json={"description": "c"}, headers={"If-Match": first})
    assert missing.status_code == 404


async def test_every_change_raises_the_version(seller: make.Company) -> None:
    await seller.http.post("/api/v0/approval/policies", json={"name": "x", "steps": ["CHECKER", "APPROVER"]})
    made = (await seller.invoice(partialPaymentAllowed=True))["invoiceId"]
    path = f"/api/v0/invoice/{made}"
    seen = [(await seller.http.get(path)).headers["etag"]]

    async def did(verb: str, body: dict[str, Any], name: str = "") -> None:
        http = seller.http_as(["owner"], subject=f"usr_{name}") if name else seller.http
        reply = await (http.patch(path, json=body) if verb == "patch" else http.post(f"{path}/{verb}", json=body))
        assert reply.status_code == 200, reply.text
        seen.append((await seller.http.get(path)).headers["etag"])

    await did("reject", {"remarks": "x"}, "c")
    await did("patch", {"approvalStatus": "MAKER_APPROVAL_PENDING"})
    await did("approve", {}, "c")
    await did("approve", {}, "a")
    await did("entries", {"kind": "RECEIPT", "amount": 5})
    await did("dispute", {"reason": "x"})
    await did("reinstate", {})
    await did("patch", {"minimumPart": 5})
    await did("write-off", {"reason": "x"})
    assert len(set(seen)) == len(seen), seen


# ------------------------------------------------------------------ every pair of the ten statuses


@pytest.mark.parametrize("start", list(A))
async def test_every_pair_of_approvals_through_patch(seller: make.Company, start: A) -> None:
    customer = await seller.customer()
    boss = seller.http_as(["owner"], subject="usr_boss")
    for asked in A:
        made = (await seller.invoice(customer))["invoiceId"]
        await seller.run(
            "UPDATE invoices SET approval_status = $2 WHERE seller_id = $1 AND invoice_id = $3", start, made
        )
        reply = await boss.patch(f"/api/v0/invoice/{made}", json={"approvalStatus": asked})
        if asked is start:
            # What stands already is no change, whatever it is.
            assert reply.status_code == 200, (start, asked)
            continue
        if asked is A.BANK_APPROVED:
            assert reply.status_code == 403, (start, asked)
            continue
        if asked not in APPROVAL_MOVES[start]:
            assert reply.status_code == 422, (start, asked)
            continue
        # Without a policy in force all three steps are asked for, so the maker's cannot be left out.
        if start not in PENDING_APPROVALS and step_of(asked) == "APPROVER" and start.value.endswith("_REJECTED"):
            assert reply.status_code == 403, (start, asked)
            continue
        assert reply.status_code == 200, (start, asked, reply.text)
        now = A(reply.json()["payload"]["approvalStatus"]["name"])
        following = {A.MAKER_APPROVED: A.CHECKER_APPROVAL_PENDING, A.CHECKER_APPROVED: A.APPROVER_APPROVAL_PENDING}
        if start is A.MAKER_APPROVED:
            assert now is A.CHECKER_APPROVAL_PENDING, "the policy says what follows, not the caller"
        else:
            assert now is following.get(asked, asked), (start, asked)
