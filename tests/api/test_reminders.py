"""The five reminder operations (contract §5): rules, and the day on which each runs next."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

import make

RULE = {
    "reminderType": "RECURRING",
    "dueDateDifference": -3,
    "reminderInterval": 7,
    "reminderTime": "18:00",
    "stage": "1",
}


def path(customer: str, reminder: str = "") -> str:
    return f"/api/v0/customer/{customer}/reminder" + (f"/{reminder}" if reminder else "")


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(e["field"], e["code"]) for e in reply.json()["errorResponse"]["apiSubErrors"]]


async def added(seller: make.Company, customer: str, **rule: Any) -> dict[str, Any]:
    reply = await seller.http.post(path(customer), json=rule)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def version(seller: make.Company, customer: str) -> int:
    return int((await seller.http.get(f"/api/v0/customer/{customer}")).headers["etag"].strip('"'))


async def test_a_rule_lives_from_its_creation_to_its_deletion(seller: make.Company) -> None:
    customer = await seller.customer()
    made = await added(seller, customer, **RULE)
    assert {k: v for k, v in made.items() if k != "customerReminderId"} == RULE
    at = path(customer, made["customerReminderId"])
    assert (await seller.http.get(at)).json()["payload"] == made
    listed = (await seller.http.get(path(customer))).json()["payload"]
    assert listed == {"data": [made], "total_count": 1, "limit": 20, "offset": 0}
    assert (await seller.http.get(f"/api/v0/customer/{customer}")).json()["payload"]["customerReminders"] == [made]
    changed = await seller.http.patch(
        at, json={"stage": None, "dueDateDifference": 2, "customerReminderId": made["customerReminderId"]}
    )
    assert changed.json()["payload"] == {k: v for k, v in made.items() if k != "stage"} | {"dueDateDifference": 2}
    assert (await seller.http.patch(at, json={})).json()["payload"] == changed.json()["payload"]
    gone = await seller.http.delete(at)
    assert gone.json()["payload"] == f"Reminder {made['customerReminderId']} was deleted."
    for method in ("GET", "PATCH", "DELETE"):
        reply = await seller.http.request(method, at, **({"json": {}} if method == "PATCH" else {}))
        assert (reply.status_code, errors(reply)[0][1]) == (404, "REMINDER_NOT_FOUND")
    assert (await seller.http.get(path(customer))).json()["payload"]["total_count"] == 0
    actions = await seller.rows(
        "SELECT action FROM audit_log WHERE seller_id = $1 AND object_kind = 'reminder' ORDER BY audit_id"
    )
    assert [row["action"] for row in actions] == ["reminder.create", "reminder.update", "reminder.delete"]
    assert await version(seller, customer) == 4, "a reminder is part of its customer"


async def test_the_next_run_follows_the_open_invoices(seller: make.Company, clock: make.MovedClock) -> None:
    customer = await seller.customer()
    made = await added(seller, customer, **RULE)
    assert "nextRunOn" not in made, "nothing is owed yet"
    at = path(customer, made["customerReminderId"])
    late = await seller.invoice(customer, dueDate="2026-12-10")
    assert (await seller.http.get(at)).json()["payload"]["nextRunOn"] == "2026-12-07"
    early = await seller.invoice(customer, dueDate="2026-11-15")
    # The first day was 12 November; it is the 16th, and the time of day has not come yet on the 19th.
    assert (await seller.http.get(at)).json()["payload"]["nextRunOn"] == "2026-11-19"
    moved = await seller.http.patch(at, json={"dueDateDifference": 0})
    assert moved.json()["payload"]["nextRunOn"] == "2026-11-22"
    stored = "SELECT next_run_on::text FROM customer_reminders WHERE seller_id = $1"
    assert await seller.value(stored) == "2026-11-22"
    once = await seller.http.patch(at, json={"reminderType": "ONCE"})
    assert once.json()["payload"]["nextRunOn"] == "2026-12-10", "once is not made up for"
    await seller.http.patch(f"/api/v0/invoice/{late['invoiceId']}", json={"receivableStatus": "DISPUTED"})
    assert "nextRunOn" not in (await seller.http.get(at)).json()["payload"]
    await seller.http.patch(at, json={"reminderType": "RECURRING"})
    await seller.http.patch(f"/api/v0/invoice/{early['invoiceId']}", json={"receivableStatus": "PAID"})
    assert "nextRunOn" not in (await seller.http.get(at)).json()["payload"]
    await seller.http.patch(at, json={"stage": "2"})
    assert await seller.value(stored) is None


async def test_deleting_the_customer_takes_its_rules_out_of_the_plan(seller: make.Company) -> None:
    customer = await seller.customer()
    made = await seller.invoice(customer)
    await added(seller, customer, **RULE)
    stored = "SELECT next_run_on FROM customer_reminders WHERE seller_id = $1"
    assert await seller.value(stored) is not None
    await seller.http.patch(f"/api/v0/invoice/{made['invoiceId']}", json={"receivableStatus": "PAID"})
    assert (await seller.http.delete(f"/api/v0/customer/{customer}")).status_code == 200
    assert await seller.value(stored) is None


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"reminderType": "DAILY"}, "reminderType", "BAD_FORMAT"), ({"reminderType": 1}, "reminderType", "WRONG_TYPE"),
        ({"reminderType": "RECURRING"}, "reminderInterval", "REQUIRED"),
        ({"reminderType": "RECURRING", "reminderInterval": 0}, "reminderInterval", "REQUIRED"),
        ({"reminderInterval": -1}, "reminderInterval", None), ({"reminderInterval": 1.5}, "reminderInterval", "WRONG_TYPE"),
        ({"dueDateDifference": 99999}, "dueDateDifference", None), ({"dueDateDifference": "3"}, "dueDateDifference", "WRONG_TYPE"),
        ({"reminderTime": "9:00"}, "reminderTime", "BAD_FORMAT"), ({"reminderTime": "09:60"}, "reminderTime", "BAD_FORMAT"),
        ({"reminderTime": "09:00\n"}, "reminderTime", "BAD_LENGTH"), ({"stage": "x" * 101}, "stage", "BAD_LENGTH"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_named(
    seller: make.Company, body: dict[str, Any], field: str, code: str | None
) -> None:
    customer = await seller.customer()
    made = await added(seller, customer)
    for reply in (
        await seller.http.post(path(customer), json=body),
        await seller.http.patch(path(customer, made["customerReminderId"]), json=body),
    ):
        assert reply.status_code == 400, reply.text
        assert [f for f, _ in errors(reply)] == [field]
        assert code is None or errors(reply)[0][1] == code
    listed = (await seller.http.get(path(customer))).json()["payload"]
    assert listed["data"] == [made]


async def test_a_change_keeps_id_and_cannot_remove(seller: make.Company) -> None:
    customer = await seller.customer()
    made = await added(seller, customer)
    at = path(customer, made["customerReminderId"])
    assert errors(await seller.http.patch(at, json={"customerReminderId": "rem_y"})) == [
        ("customerReminderId", "ID_MISMATCH")
    ]
    assert errors(await seller.http.patch(at, json={"deleted": True})) == [("deleted", "NOT_ACCEPTED")]
    assert (await seller.http.patch(at, json={"deleted": False})).status_code == 200


async def test_another_customers_rule_is_not_found(seller: make.Company, new_seller: Any) -> None:
    one, other = await seller.customer(), await seller.customer()
    made = await added(seller, one)
    stranger = await new_seller()
    theirs = await stranger.customer()
    for http, customer in ((seller.http, other), (stranger.http, one), (stranger.http, theirs)):
        for method in ("GET", "PATCH", "DELETE"):
            body = {"json": {"stage": "9"}} if method == "PATCH" else {}
            reply = await http.request(method, path(customer, made["customerReminderId"]), **body)
            assert reply.status_code == 404, (method, customer)
    assert (await stranger.http.get(path(one))).status_code == 404
    assert (await stranger.http.post(path(one), json=RULE)).status_code == 404
    assert (await seller.http.get(path(one))).json()["payload"]["data"] == [made]


async def test_there_is_a_most_even_when_many_come_at_once(seller: make.Company) -> None:
    customer = await seller.customer(customerReminders=[{"stage": str(at)} for at in range(17)])
    replies = await asyncio.gather(*(seller.http.post(path(customer), json=RULE) for _ in range(6)))
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [400] * 3
    assert errors(next(r for r in replies if r.status_code == 400)) == [("customerId", "TOO_MANY")]
    assert (await seller.http.get(path(customer))).json()["payload"]["total_count"] == 20


async def test_a_rule_is_made_once_under_its_key(seller: make.Company) -> None:
    customer = await seller.customer()
    replies = [await seller.http.post(path(customer), json=RULE, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert replies[0].content == replies[1].content
    assert (await seller.http.get(path(customer))).json()["payload"]["total_count"] == 1


async def test_the_operations_say_that_sending_comes_later(client: httpx2.AsyncClient) -> None:
    served = (await client.get("/schema/openapi.json")).json()["paths"]
    for item in (
        served["/api/v0/customer/{customerId}/reminder"],
        served["/api/v0/customer/{customerId}/reminder/{reminderId}"],
    ):
        for operation in item.values():
            assert "sending reminders comes with a later release" in operation["description"]
            assert operation["tags"] == ["customer-reminder-controller"]
