"""The machines of approval and dispatch, walked pair by pair over the real database and the API (design §4.4).

The receivable machine is walked in test_money_properties, the pure tables in tests/unit/test_statuses.py.
"""

from __future__ import annotations

import itertools

import pytest

import make
from hundi.dispatch import lifecycle as dispatch
from hundi.dispatch.errors import IllegalMove
from hundi.dispatch.trail import Origin
from hundi.invoices import lifecycle
from hundi.invoices.rules import APPROVAL_MOVES, APPROVAL_RESTARTS, DISPATCH_MOVES, ApprovalStatus, DispatchStatus

STEPS = ["MAKER", "CHECKER", "APPROVER"]
SET_APPROVAL = "UPDATE invoices SET approval_status = $3 WHERE seller_id = $1 AND invoice_id = $2"
SET_DISPATCH = """
    UPDATE invoices SET dispatch_status = $3, dispatched_at = CASE WHEN $3 = 'DISPATCHED' THEN now() END
     WHERE seller_id = $1 AND invoice_id = $2"""


async def status_of(seller: make.Company, column: str, invoice_id: str) -> str:
    found: str = await seller.value(
        f"SELECT {column} FROM invoices WHERE seller_id = $1 AND invoice_id = $2", invoice_id
    )
    return found


async def events(seller: make.Company) -> int:
    found: int = await seller.value("SELECT count(*) FROM events WHERE seller_id = $1")
    return found


async def test_every_pair_of_approvals_in_the_database(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    for start, to in itertools.product(ApprovalStatus, ApprovalStatus):
        await seller.run(SET_APPROVAL, made, start.value)
        before = await events(seller)
        if to in APPROVAL_MOVES[start]:
            async with seller.db.transaction(seller.seller_id) as tx:
                await lifecycle.move_approval(tx, made, start, to)
        else:
            with pytest.raises(ValueError, match="is no move of an approval"):
                async with seller.db.transaction(seller.seller_id) as tx:
                    await lifecycle.move_approval(tx, made, start, to)
        moved = to in APPROVAL_MOVES[start]
        assert await status_of(seller, "approval_status", made) == (to if moved else start).value
        assert await events(seller) - before == moved


@pytest.mark.parametrize("start", list(ApprovalStatus))
async def test_every_pair_of_approvals_over_the_api(seller: make.Company, start: ApprovalStatus) -> None:
    """PATCH moves an approval exactly where the table has the move; each step is taken by somebody else."""
    policy = {"name": "All", "steps": STEPS, "fromAmount": 0}
    assert (await seller.http.post("/api/v0/approval/policies", json=policy)).status_code == 200
    customer = await seller.customer()
    for at, to in enumerate(ApprovalStatus):
        made = (await seller.invoice(customer))["invoiceId"]
        await seller.run(SET_APPROVAL, made, start.value)
        person = seller.http_as(["admin", "maker", "checker", "approver"], subject=f"usr_person{at}")
        reply = await person.patch(f"/api/v0/invoice/{made}", json={"approvalStatus": to.value, "remarks": "seen"})
        now = await status_of(seller, "approval_status", made)
        if reply.status_code == 200:
            assert to is start or to in APPROVAL_MOVES[start] or to in APPROVAL_RESTARTS[start], (start, to)
            assert now == reply.json()["payload"]["approvalStatus"]["name"]
        else:
            assert reply.status_code in {403, 422}, (start, to, reply.text)
            assert now == start.value
            decided = (
                to.name.endswith(("_APPROVED", "_REJECTED"))
                and to.name.partition("_")[0] == start.name.partition("_")[0]
            )
            assert not (start.name.endswith("_PENDING") and decided), (start, to, reply.text)
        assert to is not ApprovalStatus.BANK_APPROVED or start is to or reply.status_code != 200


async def test_every_pair_of_dispatch_states(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    by = Origin(subject=seller.user_id, request_id=None)
    for start, to in itertools.product(DispatchStatus, DispatchStatus):
        await seller.run(SET_DISPATCH, made, start.value)
        before = await events(seller)
        moved = to in DISPATCH_MOVES[start]
        if moved:
            async with seller.db.transaction(seller.seller_id) as tx:
                await dispatch.move(tx, [made], to=to, by=by)
        else:
            with pytest.raises(IllegalMove, match=f"cannot go from {start} to {to}"):
                async with seller.db.transaction(seller.seller_id) as tx:
                    await dispatch.move(tx, [made], to=to, by=by)
        assert await status_of(seller, "dispatch_status", made) == (to if moved else start).value
        assert await events(seller) - before == moved


async def test_every_pair_of_delivery_states(seller: make.Company) -> None:
    made = (await seller.invoice())["invoiceId"]
    await seller.http.post("/api/v0/invoice/bulk/dispatch", json={"invoiceIds": [made]})
    delivery = await seller.value("SELECT delivery_id FROM deliveries WHERE seller_id = $1")
    for start, to in itertools.product(dispatch.DeliveryState, dispatch.DeliveryState):
        settled = start in dispatch.SETTLED
        await seller.run(
            "UPDATE deliveries SET state = $3, settled_at = CASE WHEN $4 THEN now() END "
            "WHERE seller_id = $1 AND delivery_id = $2", delivery, start.value, settled,
        )  # fmt: skip
        moved = to in dispatch.DELIVERY_MOVES[start]
        if moved:
            async with seller.db.transaction(seller.seller_id) as tx:
                await dispatch.move_delivery(tx, delivery, to=to, detail="seen")
        else:
            with pytest.raises(IllegalMove):
                async with seller.db.transaction(seller.seller_id) as tx:
                    await dispatch.move_delivery(tx, delivery, to=to, detail="seen")
        assert await seller.value("SELECT state FROM deliveries WHERE seller_id = $1") == (to if moved else start).value
