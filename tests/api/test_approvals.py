"""Maker-checker over HTTP: policies, births, steps, three different people, and nothing sent before its approval."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest

import make
from hundi.invoices.rules import ApprovalStatus, approval_at_birth
from hundi.sellers.service import grant_partner

ALL = ["MAKER", "CHECKER", "APPROVER"]


async def policy(seller: make.Company, steps: list[str], **more: Any) -> dict[str, Any]:
    reply = await seller.http.post("/api/v0/approval/policies", json={"name": "All", "steps": steps, **more})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


def person(seller: make.Company, name: str, *roles: str) -> httpx2.AsyncClient:
    return seller.http_as(roles or (name,), subject=f"usr_{name}")


async def act(http: httpx2.AsyncClient, invoice_id: str, verb: str = "approve", **body: Any) -> httpx2.Response:
    if verb == "reject":
        body.setdefault("remarks", "The rate is wrong.")
    return await http.post(f"/api/v0/invoice/{invoice_id}/{verb}", json=body)


def status_of(reply: httpx2.Response) -> str:
    assert reply.status_code == 200, reply.text
    found: str = reply.json()["payload"]["approvalStatus"]["name"]
    return found


def refused(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorResponse"]["apiSubErrors"][0]["code"]


# ------------------------------------------------------------------ birth


@pytest.mark.parametrize("steps", [ALL, ["MAKER", "APPROVER"], ["CHECKER", "APPROVER"], ["APPROVER"]])
async def test_the_database_bears_an_invoice_as_the_rule_says(seller: make.Company, steps: list[str]) -> None:
    await policy(seller, steps)
    customer = await seller.customer()
    for asked in (None, *ApprovalStatus):
        wanted = approval_at_birth(asked, steps)
        body = make.invoice_body(customer, approvalStatus=asked)
        reply = await seller.http.post("/api/v0/invoice", json=body)
        if wanted.forbidden is not None:
            assert refused(reply) == (403, "APPROVAL_NOT_WRITABLE"), asked
            continue
        assert status_of(reply) == wanted.status.value, asked
        made = reply.json()["payload"]["invoiceId"]
        held = await seller.rows(
            "SELECT step, decided_by FROM approval_decisions WHERE seller_id = $1 AND invoice_id = $2", made
        )
        assert held == ([{"step": "MAKER", "decided_by": seller.user_id}] if wanted.maker_done else []), asked


async def test_a_band_holds_from_its_lower_end_and_not_at_its_upper(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"], fromAmount=1000, toAmount=2000)
    await policy(seller, ALL, name="Large", fromAmount=5000)
    customer = await seller.customer()
    for amount, status in (
        (999.99, "APPROVER_APPROVED"), (1000, "APPROVER_APPROVAL_PENDING"), (1999.99, "APPROVER_APPROVAL_PENDING"),
        (2000, "APPROVER_APPROVED"), (5000, "MAKER_APPROVAL_PENDING"), (99999999, "MAKER_APPROVAL_PENDING"),
    ):  # fmt: skip
        made = await seller.invoice(customer, baseAmount=amount, cgst=None, sgst=None)
        assert made["approvalStatus"]["name"] == status, amount


async def test_a_replayed_create_says_what_the_first_said(seller: make.Company) -> None:
    body = make.invoice_body(await seller.customer())
    await policy(seller, ["APPROVER"])
    first = await seller.http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": "k"})
    await act(person(seller, "approver"), first.json()["payload"]["invoiceId"])
    again = await seller.http.post("/api/v0/invoice", json=body, headers={"Idempotency-Key": "k"})
    assert again.content == first.content
    assert status_of(again) == "APPROVER_APPROVAL_PENDING"


# ------------------------------------------------------------------ steps


async def test_three_people_approve_one_after_the_other(seller: make.Company) -> None:
    await policy(seller, ALL)
    made = (await seller.invoice())["invoiceId"]
    assert status_of(await act(person(seller, "maker"), made, remarks="as ordered")) == "CHECKER_APPROVAL_PENDING"
    assert status_of(await act(person(seller, "checker"), made)) == "APPROVER_APPROVAL_PENDING"
    last = await act(person(seller, "approver"), made, step="APPROVER")
    assert status_of(last) == "APPROVER_APPROVED"
    history = (await seller.http.get(f"/api/v0/invoice/{made}/approvals")).json()["payload"]
    assert [(d["step"], d["decision"], d["decidedBy"], d.get("remarks")) for d in history["data"]] == [
        ("MAKER", "APPROVED", "usr_maker", "as ordered"), ("CHECKER", "APPROVED", "usr_checker", None),
        ("APPROVER", "APPROVED", "usr_approver", None),
    ]  # fmt: skip
    assert history["total_count"] == 3
    moves = await seller.rows(
        "SELECT data->>'from' AS a, data->>'to' AS b FROM events WHERE seller_id = $1 AND object_id = $2"
        " AND type = 'invoice.approval_status'", made,
    )  # fmt: skip
    assert {(m["a"], m["b"]) for m in moves} == {
        ("MAKER_APPROVAL_PENDING", "MAKER_APPROVED"), ("MAKER_APPROVED", "CHECKER_APPROVAL_PENDING"),
        ("CHECKER_APPROVAL_PENDING", "CHECKER_APPROVED"), ("CHECKER_APPROVED", "APPROVER_APPROVAL_PENDING"),
        ("APPROVER_APPROVAL_PENDING", "APPROVER_APPROVED"),
    }  # fmt: skip
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.approve'") == 3


async def test_one_person_takes_one_step(seller: make.Company) -> None:
    await policy(seller, ALL)
    made = (await seller.invoice())["invoiceId"]
    everything = person(seller, "boss", "owner")
    assert status_of(await act(everything, made)) == "CHECKER_APPROVAL_PENDING"
    assert refused(await act(everything, made)) == (403, "APPROVAL_SAME_PERSON")
    # Who made it may take the maker's step and no other.
    assert refused(await act(seller.http, made)) == (403, "APPROVAL_SAME_PERSON")
    assert status_of(await act(person(seller, "second", "owner"), made)) == "APPROVER_APPROVAL_PENDING"
    assert refused(await act(everything, made)) == (403, "APPROVAL_SAME_PERSON")
    assert status_of(await act(person(seller, "third", "owner"), made)) == "APPROVER_APPROVED"


@pytest.mark.parametrize("by", ["asha", "berta"])
async def test_the_table_itself_keeps_people_apart(seller: make.Company, by: str) -> None:
    made = (await seller.invoice())["invoiceId"]
    insert = (
        "INSERT INTO approval_decisions (seller_id, invoice_id, round, step, decided_by, decision, made_by, decided_at)"
        " VALUES ($1, $2, 1, $3, $4, 'APPROVED', 'berta', now())"
    )
    if by == "asha":
        await seller.run(insert, made, "CHECKER", by)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="approval_decisions_"):
        await seller.run(insert, made, "APPROVER", by)


@pytest.mark.parametrize(
    ("step", "role", "code"),
    [("MAKER", "checker", 403), ("MAKER", "approver", 403), ("CHECKER", "maker", 403), ("CHECKER", "approver", 403),
     ("APPROVER", "maker", 403), ("APPROVER", "checker", 403), ("APPROVER", "viewer", 403), ("CHECKER", "checker", 200)],
)  # fmt: skip
async def test_a_step_needs_its_role(seller: make.Company, step: str, role: str, code: int) -> None:
    made = (await seller.invoice())["invoiceId"]
    await seller.run("UPDATE invoices SET approval_status = $2 WHERE seller_id = $1", f"{step}_APPROVAL_PENDING")
    for verb in ("approve", "reject"):
        reply = await act(person(seller, f"{role}{verb}", role), made, verb)
        assert reply.status_code == code, reply.text
        if code == 200:
            await seller.run(
                "UPDATE invoices SET approval_status = $2, approval_round = 9 WHERE seller_id = $1",
                f"{step}_APPROVAL_PENDING",
            )


async def test_twenty_approvers_at_once_make_one_decision(seller: make.Company) -> None:
    await policy(seller, ["CHECKER", "APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    people = [person(seller, f"n{at}", "checker") for at in range(20)]
    replies = await asyncio.gather(*(act(http, made, step="CHECKER") for http in people))
    assert sorted(reply.status_code for reply in replies) == [200] + [403] * 19
    assert await seller.value("SELECT count(*) FROM approval_decisions WHERE seller_id = $1") == 1
    assert (
        await seller.value("SELECT approval_status FROM invoices WHERE seller_id = $1") == "APPROVER_APPROVAL_PENDING"
    )


async def test_a_step_that_was_seen_long_ago_is_not_taken_for_another(seller: make.Company) -> None:
    await policy(seller, ALL)
    made = (await seller.invoice())["invoiceId"]
    await act(person(seller, "maker"), made)
    late = await act(person(seller, "boss", "owner"), made, step="MAKER")
    assert refused(late) == (422, "APPROVAL_NOT_WAITING")
    stale = await seller.http.post(f"/api/v0/invoice/{made}/approve", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


async def test_deciding_again_changes_nothing(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    approver = person(seller, "approver")
    assert status_of(await act(approver, made)) == "APPROVER_APPROVED"
    before = await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1")
    assert status_of(await act(person(seller, "other", "approver"), made)) == "APPROVER_APPROVED"
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1") == before
    assert refused(await act(approver, made, "reject")) == (422, "APPROVAL_NOT_WAITING")


async def test_a_cancelled_invoice_is_not_approved(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    assert (
        await seller.http.patch(f"/api/v0/invoice/{made}", json={"receivableStatus": "CANCELLED"})
    ).status_code == 200
    assert refused(await act(person(seller, "approver"), made)) == (422, "INVOICE_IS_CANCELLED")


# ------------------------------------------------------------------ rejection and the next round


async def test_a_rejected_invoice_is_put_right_and_sent_in_again(seller: make.Company) -> None:
    await policy(seller, ["CHECKER", "APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    checker = person(seller, "checker")
    reply = await act(checker, made, "reject", remarks="Wrong rate")
    assert status_of(reply) == "CHECKER_REJECTED"
    maker = person(seller, "maker")
    fix = {
        "baseAmount": 2000,
        "cgst": 180,
        "sgst": 180,
        "approvalStatus": "MAKER_APPROVAL_PENDING",
        "remarks": "mended",
    }
    assert status_of(await maker.patch(f"/api/v0/invoice/{made}", json=fix)) == "CHECKER_APPROVAL_PENDING"
    row = (await seller.rows("SELECT approval_round, submitted_by FROM invoices WHERE seller_id = $1"))[0]
    assert row == {"approval_round": 2, "submitted_by": "usr_maker"}
    # The second round has its own people: the first checker may check again.
    assert status_of(await act(checker, made)) == "APPROVER_APPROVAL_PENDING"
    # Whoever sent it in again is its maker now, whatever their roles.
    assert refused(await act(person(seller, "maker", "owner"), made)) == (403, "APPROVAL_SAME_PERSON")
    assert status_of(await act(person(seller, "approver"), made)) == "APPROVER_APPROVED"
    rounds = (await seller.http.get(f"/api/v0/invoice/{made}/approvals")).json()["payload"]["data"]
    assert [(d["round"], d["decision"]) for d in rounds] == [(1, "REJECTED"), (2, "APPROVED"), (2, "APPROVED")]


async def test_a_rejection_needs_a_reason(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    for body in ({}, {"remarks": ""}, {"remarks": "x" * 501}, {"remarks": 5}, {"remarks": "x", "step": "BOSS"}):
        reply = await seller.http.post(f"/api/v0/invoice/{made}/reject", json=body)
        assert reply.status_code == 400, body


# ------------------------------------------------------------------ through PATCH


async def test_approval_through_patch(seller: make.Company) -> None:
    await policy(seller, ALL)
    made = (await seller.invoice())["invoiceId"]
    path = f"/api/v0/invoice/{made}"

    async def ask(name: str, status: str, **more: Any) -> httpx2.Response:
        return await person(seller, name).patch(path, json={"approvalStatus": status, **more})

    assert refused(await ask("maker", "APPROVER_APPROVED")) == (422, "MOVE_NOT_ALLOWED")
    assert status_of(await ask("maker", "MAKER_APPROVED")) == "CHECKER_APPROVAL_PENDING"
    assert status_of(await ask("maker", "CHECKER_APPROVAL_PENDING")) == "CHECKER_APPROVAL_PENDING"
    assert refused(await ask("maker", "CHECKER_APPROVED")) == (403, "APPROVAL_FORBIDDEN")
    assert status_of(await ask("checker", "CHECKER_REJECTED", remarks="No PO")) == "CHECKER_REJECTED"
    assert (
        await seller.value("SELECT remarks FROM approval_decisions WHERE seller_id = $1 AND step = 'CHECKER'")
        == "No PO"
    )
    assert status_of(await ask("maker", "MAKER_APPROVAL_PENDING")) == "MAKER_APPROVAL_PENDING"


@pytest.mark.parametrize("role", ["checker", "approver"])
async def test_who_only_decides_may_patch_nothing_else(seller: make.Company, role: str) -> None:
    made = (await seller.invoice())["invoiceId"]
    for body in ({"description": "x"}, {"baseAmount": 1}, {"approvalStatus": "APPROVER_APPROVED", "description": "x"}):
        reply = await person(seller, role).patch(f"/api/v0/invoice/{made}", json=body)
        assert reply.status_code == 403, body


async def test_what_is_approved_is_what_was_seen(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    boss = person(seller, "boss", "owner")
    body = {"approvalStatus": "APPROVER_APPROVED", "invoiceNumber": "OTHER-1"}
    reply = await boss.patch(f"/api/v0/invoice/{made}", json=body)
    assert refused(reply) == (422, "APPROVAL_WITH_CHANGES")
    assert (
        await seller.value("SELECT approval_status FROM invoices WHERE seller_id = $1") == "APPROVER_APPROVAL_PENDING"
    )


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ({"invoiceNumber": "NEW-1"}, True), ({"baseAmount": 1001}, True), ({"invoiceDate": "2026-11-11"}, True),
        ({"tds": 10}, True), ({"gstExclusive": False}, True), ({"customerId": "other"}, True), ({"cess": 1}, True),
        ({"description": "x"}, False), ({"dueDate": "2026-12-24"}, False), ({"totalReceived": 10}, False),
        ({"receivableStatus": "DISPUTED"}, False), ({"baseAmount": 1000}, False),
    ],
)  # fmt: skip
async def test_a_change_of_what_was_approved_asks_anew(
    seller: make.Company, change: dict[str, Any], anew: bool
) -> None:
    await policy(seller, ["APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    await act(person(seller, "approver"), made)
    if "customerId" in change:
        change = {"customerId": await seller.customer()}
    reply = await person(seller, "editor", "owner").patch(f"/api/v0/invoice/{made}", json=change)
    assert status_of(reply) == ("APPROVER_APPROVAL_PENDING" if anew else "APPROVER_APPROVED")
    if anew:
        assert refused(await act(person(seller, "editor", "owner"), made)) == (403, "APPROVAL_SAME_PERSON")
        assert status_of(await act(person(seller, "approver"), made)) == "APPROVER_APPROVED"


async def test_an_override_after_dispatch_asks_anew(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    await act(person(seller, "approver"), made)
    await seller.run("UPDATE invoices SET dispatch_status = 'DISPATCHED', dispatched_at = now() WHERE seller_id = $1")
    assert status_of(await seller.http.patch(f"/api/v0/invoice/{made}", json={"tds": 5})) == "APPROVER_APPROVED"
    reply = await seller.http.patch(f"/api/v0/invoice/{made}", json={"baseAmount": 900, "cgst": 81, "sgst": 81})
    assert status_of(reply) == "APPROVER_APPROVAL_PENDING"


# ------------------------------------------------------------------ nothing leaves before


async def test_nothing_is_sent_before_it_is_approved(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"])
    reply = await seller.http.post("/api/v0/invoice", json=make.invoice_body(await seller.customer(), dispatchNow=True))
    made = reply.json()["payload"]["invoiceId"]
    assert [w["code"] for w in reply.json()["warnings"] if w["field"] == "dispatchNow"] == ["NOT_APPROVED"]
    patched = await seller.http.patch(f"/api/v0/invoice/{made}", json={"dispatchNow": True})
    assert [w["code"] for w in patched.json()["warnings"]] == ["NOT_APPROVED"]
    sent = await seller.http.post("/api/v0/invoice/bulk/dispatch", json={"invoiceIds": [made]})
    assert [e["code"] for e in sent.json()["payload"]["apiSubErrors"]] == ["NOT_APPROVED"]
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 0
    await act(person(seller, "approver"), made)
    sent = await seller.http.post("/api/v0/invoice/bulk/dispatch", json={"invoiceIds": [made]})
    assert sent.json()["response_code"] == 0
    assert await seller.value("SELECT count(*) FROM deliveries WHERE seller_id = $1") == 1


# ------------------------------------------------------------------ what waits for me, and many at once


async def waiting(http: httpx2.AsyncClient, query: str = "") -> list[str]:
    reply = await http.get(f"/api/v0/approval/waiting{query}")
    assert reply.status_code == 200, reply.text
    return [row["invoiceId"] for row in reply.json()["payload"]["data"]]


async def test_what_waits_for_whom(seller: make.Company) -> None:
    await policy(seller, ALL)
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(3)]
    maker, checker = person(seller, "maker"), person(seller, "checker")
    assert await waiting(maker) == ids
    assert await waiting(checker) == []
    await act(maker, ids[0])
    assert await waiting(maker) == ids[1:]
    assert await waiting(checker) == ids[:1]
    # An owner may take every step, but not the checker's of what they made.
    assert await waiting(seller.http) == ids[1:]
    assert await waiting(person(seller, "boss", "owner")) == ids
    assert await waiting(person(seller, "viewer")) == []
    await seller.http.patch(f"/api/v0/invoice/{ids[1]}", json={"receivableStatus": "CANCELLED"})
    assert await waiting(maker) == ids[2:]


async def test_the_waiting_list_pages_by_cursor(seller: make.Company) -> None:
    await policy(seller, ["MAKER", "APPROVER"])
    customer = await seller.customer()
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(5)]
    maker, found, cursor = person(seller, "maker"), [], ""
    for _ in range(4):
        page = (await maker.get(f"/api/v0/approval/waiting?limit=2{cursor}")).json()["payload"]
        assert page["total_count"] == 5
        found += [row["invoiceId"] for row in page["data"]]
        if page.get("next_cursor") is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ids
    assert refused(await maker.get("/api/v0/approval/waiting?cursor=abc")) == (400, "BAD_CURSOR")
    assert refused(await seller.http.get(f"/api/v0/approval/waiting?limit=2{cursor}")) == (400, "BAD_CURSOR")
    assert (await maker.get(f"/api/v0/approval/waiting?offset=1{cursor}")).status_code == 400


async def test_many_are_approved_at_once_each_by_its_own_right(seller: make.Company, new_seller: Any) -> None:
    await policy(seller, ["APPROVER"])
    customer = await seller.customer()
    approver = person(seller, "approver", "owner")
    ids = [(await seller.invoice(customer))["invoiceId"] for _ in range(3)]
    own = (await approver.post("/api/v0/invoice", json=make.invoice_body(customer))).json()["payload"]["invoiceId"]
    stranger = (await (await new_seller()).invoice())["invoiceId"]
    asked = [ids[2], "inv_nothing", ids[0], own, stranger, ids[1], ids[0]]
    reply = await approver.post("/api/v0/invoice/bulk/approve", json={"invoiceIds": asked, "remarks": "Friday run"})
    payload = reply.json()["payload"]
    assert reply.json()["response_code"] == 0
    assert payload["errorMessage"] == "3 approved, 3 left as they were."
    assert [(e["field"], e["code"], e["rejectedValue"]) for e in payload["apiSubErrors"]] == [
        ("invoiceIds[1]", "INVOICE_NOT_FOUND", "inv_nothing"), ("invoiceIds[3]", "APPROVAL_SAME_PERSON", own),
        ("invoiceIds[4]", "INVOICE_NOT_FOUND", stranger),
    ]  # fmt: skip
    held = await seller.rows(
        "SELECT invoice_id, approval_status FROM invoices WHERE seller_id = $1 ORDER BY invoice_id"
    )
    assert [row["approval_status"] for row in held] == ["APPROVER_APPROVED"] * 3 + ["APPROVER_APPROVAL_PENDING"]
    assert await seller.value("SELECT count(*) FROM approval_decisions WHERE seller_id = $1") == 3
    for wrong in ({}, {"invoiceIds": []}, {"invoiceIds": ["x"] * 1001}, {"invoiceIds": [5]}, {"invoiceIds": "x"}):
        assert (await approver.post("/api/v0/invoice/bulk/approve", json=wrong)).status_code == 400, wrong


async def test_a_partner_approves_under_its_grant(seller: make.Company, new_seller: Any) -> None:
    partner = await new_seller()
    async with seller.db.transaction(seller.seller_id) as tx:
        await grant_partner(tx, partner=partner.seller_id, roles=["maker", "approver"], granted_by=seller.user_id)
    await policy(seller, ["APPROVER"])
    made = (await seller.invoice())["invoiceId"]
    at = f"?sellerId={seller.seller_id}"
    assert await waiting(partner.http, at) == [made]
    reply = await partner.http.post(f"/api/v0/invoice/{made}/approve{at}", json={})
    assert status_of(reply) == "APPROVER_APPROVED"
    assert await seller.value("SELECT decided_by FROM approval_decisions WHERE seller_id = $1") == partner.user_id
    customer = await seller.customer()
    own = await partner.http.post(f"/api/v0/invoice{at}", json=make.invoice_body(customer))
    reply = await partner.http.post(f"/api/v0/invoice/{own.json()['payload']['invoiceId']}/approve{at}", json={})
    assert refused(reply) == (403, "APPROVAL_SAME_PERSON")


# ------------------------------------------------------------------ policies


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"steps": ["APPROVER"]}, "name"), ({"name": " ", "steps": ["APPROVER"]}, "name"), ({"name": "x"}, "steps"),
        ({"name": "x", "steps": []}, "steps"), ({"name": "x", "steps": ["MAKER"]}, "steps"),
        ({"name": "x", "steps": ["APPROVER", "MAKER"]}, "steps"), ({"name": "x", "steps": ["BOSS"]}, "steps[0]"),
        ({"name": "x", "steps": ["APPROVER"], "fromAmount": -1}, "fromAmount"),
        ({"name": "x", "steps": ["APPROVER"], "fromAmount": 5, "toAmount": 5}, "toAmount"),
        ({"name": "x" * 101, "steps": ["APPROVER"]}, "name"),
    ],
)  # fmt: skip
async def test_a_policy_that_makes_no_sense(seller: make.Company, body: dict[str, Any], field: str) -> None:
    reply = await seller.http.post("/api/v0/approval/policies", json=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["field"] == field


async def test_bands_do_not_overlap_even_when_made_at_once(seller: make.Company) -> None:
    await policy(seller, ["APPROVER"], fromAmount=100, toAmount=200)
    for low, high in ((0, None), (150, 160), (0, 101), (199, 300), (100, 200)):
        body = {"name": "x", "steps": ["APPROVER"], "fromAmount": low, **({"toAmount": high} if high else {})}
        assert refused(await seller.http.post("/api/v0/approval/policies", json=body)) == (422, "POLICY_OVERLAPS"), low
    body = {"name": "x", "steps": ["APPROVER"], "fromAmount": 200}
    replies = await asyncio.gather(*(seller.http.post("/api/v0/approval/policies", json=body) for _ in range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [422] * 7


async def test_a_policy_is_changed_and_taken_out_of_force(seller: make.Company) -> None:
    made = await policy(seller, ALL, fromAmount=10)
    path = f"/api/v0/approval/policies/{made['policyId']}"
    changed = (await seller.http.patch(path, json={"toAmount": 500, "steps": ["APPROVER"], "name": "Small"})).json()[
        "payload"
    ]
    assert (changed["toAmount"], changed["steps"], changed["name"], changed["active"]) == (
        500,
        ["APPROVER"],
        "Small",
        True,
    )
    assert "toAmount" not in (await seller.http.patch(path, json={"toAmount": None})).json()["payload"]
    assert not (await seller.http.patch(path, json={"active": False})).json()["payload"]["active"]
    assert (await seller.invoice())["approvalStatus"]["name"] == "APPROVER_APPROVED"
    await policy(seller, ["APPROVER"], fromAmount=0)
    assert refused(await seller.http.patch(path, json={"active": True})) == (422, "POLICY_OVERLAPS")
    assert refused(await seller.http.patch("/api/v0/approval/policies/pol_x", json={"name": "x"})) == (
        404,
        "POLICY_NOT_FOUND",
    )
    listed = (await seller.http.get("/api/v0/approval/policies")).json()["payload"]
    assert [p["active"] for p in listed["data"]] == [True, False]
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND object_kind = 'policy'") == 5


async def test_what_waits_goes_on_when_the_policy_ends(seller: make.Company) -> None:
    made = await policy(seller, ALL)
    invoice = (await seller.invoice())["invoiceId"]
    await seller.http.patch(f"/api/v0/approval/policies/{made['policyId']}", json={"active": False})
    assert status_of(await act(person(seller, "maker"), invoice)) == "CHECKER_APPROVAL_PENDING"
