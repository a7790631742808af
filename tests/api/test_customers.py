"""createCustomer and getCustomer (contract §3; domain §1)."""

from __future__ import annotations

from typing import Any

import pytest

import make

PATH = "/api/v0/customer"


async def create(seller: make.Company, **changes: Any) -> dict[str, Any]:
    reply = await seller.http.post(PATH, json=make.customer_body(**changes))
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def test_a_whole_customer_comes_back_as_it_was_sent(seller: make.Company) -> None:
    number = make.gstin("29")
    body = make.customer_body(
        tradeName="Konkan", panOrGstin=number.lower(), state="KA", treatment="SEZ", accountNumber="AB1234567890",
        ifsc="hdfc0000001", contactNumber="+91 9820012345", customerCompanyId="C-1", externalSource=True, uniqueRefNo="REF-1",
        assignedAgent="Meera", branchCodes=["PNQ", "BOM"], shippingAddress="Dock 4", shippingState="Goa",
        shippingPinCode="403001", paymentTermsDays=45, tan="muma12345b", udyamNumber="UDYAM-MH-01-0000001",
        udyamClass="SMALL", customerReminders=[
            {"reminderType": "RECURRING", "dueDateDifference": -3, "reminderInterval": 7, "reminderTime": "09:30", "stage": "1"}
        ], unknown="ignored",
    )  # fmt: skip
    reply = await seller.http.post(PATH, json=body)
    made = reply.json()["payload"]
    read = await seller.http.get(f"{PATH}/{made['customerId']}")
    assert read.json() == reply.json()
    assert reply.json()["response_code"] == 0
    assert reply.json()["response_message"] == "SUCCESS"
    assert made["panOrGstin"] == number
    assert (made["state"], made["stateCode"]) == ("Karnataka", "29")
    assert made["shippingState"] == "30"
    assert made["accountNumber"] == "XXXXXXXX7890"
    assert made["ifsc"] == "HDFC0000001"
    assert made["tan"] == "MUMA12345B"
    for name in ("tradeName", "treatment", "contactNumber", "customerCompanyId", "uniqueRefNo", "assignedAgent",
                 "branchCodes", "paymentTermsDays", "udyamClass", "externalSource", "address", "pinCode", "legalName"):  # fmt: skip
        assert made[name] == body[name], name
    assert made["customerStatus"] == {"label": "Active", "name": "ACTIVE"}
    assert {k: v for k, v in made["customerReminders"][0].items() if k != "customerReminderId"} == body[
        "customerReminders"
    ][0]
    assert made["createdOn"].endswith("+05:30")
    assert made["createdBy"] == made["modifiedBy"] == seller.user_id
    sealed = await seller.value("SELECT account_number FROM customers WHERE seller_id = $1")
    assert b"1234567890" not in sealed


async def test_ids_have_the_documented_form_and_sort_by_birth(seller: make.Company) -> None:
    ids = [(await create(seller))["customerId"] for _ in range(5)]
    assert ids == sorted(ids)
    assert all(len(i) == 16 and i.startswith("KC") and i[2:].isalnum() and i.isupper() for i in ids)


async def test_contacts_keep_their_order_and_the_first_with_mail_is_primary(seller: make.Company) -> None:
    contacts = [
        make.contact_body(name="No mail", email=None, mail_enabled=None), make.contact_body(name="Gone", deleted=True),
        make.contact_body(name="First"), make.contact_body(name="Second", mobile="", mail_enabled=None, via="EMAIL"),
    ]  # fmt: skip
    made = await create(seller, customerKeyContacts=contacts)
    shown = made["customerKeyContacts"]
    assert [c["name"] for c in shown] == ["No mail", "First", "Second"]
    assert [c.get("primary") for c in shown] == [False, True, False]
    assert [c["mail_enabled"] for c in shown] == [False, True, True]
    assert made["hasKeyContacts"] is True
    assert (await create(seller, customerKeyContacts=[]))["hasKeyContacts"] is False
    muted = [make.contact_body(mail_enabled=False)]
    assert (await create(seller, customerKeyContacts=muted))["hasKeyContacts"] is False


@pytest.mark.parametrize(
    ("sent", "treatment", "state"),
    [
        ({"panOrGstin": "GSTIN"}, "REGISTERED", "27"), ({"panOrGstin": "ABCPE1234F"}, "UNREGISTERED", "27"),
        ({}, "UNREGISTERED", "27"), ({"state": "96"}, "OVERSEAS", "96"), ({"treatment": "CONSUMER"}, "CONSUMER", "27"),
        ({"treatment": "COMPOSITION", "panOrGstin": "GSTIN"}, "COMPOSITION", "27"), ({"state": None}, "UNREGISTERED", None),
        ({"state": None, "panOrGstin": "GSTIN"}, "REGISTERED", "27"),
    ],
)  # fmt: skip
async def test_treatment_and_state(
    seller: make.Company, sent: dict[str, Any], treatment: str, state: str | None
) -> None:
    if sent.get("panOrGstin") == "GSTIN":
        sent = sent | {"panOrGstin": make.gstin("27")}
    made = await create(seller, **sent)
    assert made["treatment"] == treatment
    assert made.get("stateCode") == state


async def test_a_gstin_of_another_state_contradicts(seller: make.Company) -> None:
    reply = await seller.http.post(PATH, json=make.customer_body(panOrGstin=make.gstin("29"), state="Goa"))
    assert reply.status_code == 400
    assert [e["code"] for e in reply.json()["errorResponse"]["apiSubErrors"]] == ["STATE_MISMATCH"]


async def test_a_reference_is_taken_once_in_a_company(seller: make.Company, new_seller: Any) -> None:
    await create(seller, uniqueRefNo="R-1")
    reply = await seller.http.post(PATH, json=make.customer_body(uniqueRefNo="R-1"))
    assert reply.status_code == 422
    error = reply.json()["errorResponse"]["apiSubErrors"][0]
    assert (error["field"], error["code"], error["rejectedValue"]) == ("uniqueRefNo", "CUSTOMER_REF_TAKEN", "R-1")
    await create(await new_seller(), uniqueRefNo="R-1")


async def test_audit_and_event_are_written_with_it(seller: make.Company) -> None:
    reply = await seller.http.post(PATH, json=make.customer_body(), headers={"X-Request-Id": "req-of-the-test"})
    made = reply.json()["payload"]["customerId"]
    audit = await seller.rows("SELECT actor, action, object_id, request_id, before FROM audit_log WHERE seller_id = $1")
    assert audit == [{"actor": seller.user_id, "action": "customer.create", "object_id": made,
                      "request_id": "req-of-the-test", "before": None}]  # fmt: skip
    events = await seller.rows("SELECT type, object_id FROM events WHERE seller_id = $1")
    assert events == [{"type": "customer.created", "object_id": made}]


async def test_a_deleted_customer_is_gone(seller: make.Company) -> None:
    made = await create(seller)
    await seller.run("UPDATE customers SET deleted_at = now() WHERE seller_id = $1")
    assert (await seller.http.get(f"{PATH}/{made['customerId']}")).status_code == 404


async def test_a_recurring_reminder_says_how_often(seller: make.Company) -> None:
    reply = await seller.http.post(PATH, json=make.customer_body(customerReminders=[{"reminderType": "RECURRING"}]))
    assert reply.status_code == 400
    error = reply.json()["errorResponse"]["apiSubErrors"][0]
    assert (error["field"], error["code"]) == ("customerReminders[0].reminderInterval", "REQUIRED")


async def test_a_new_customer_comes_with_its_version(seller: make.Company) -> None:
    headers = {"Idempotency-Key": "k"}
    replies = [await seller.http.post(PATH, json=make.customer_body(), headers=headers) for _ in range(2)]
    assert replies[0].headers["etag"] == '"1"'
    assert replies[0].content == replies[1].content
    assert await seller.value("SELECT count(*) FROM customers WHERE seller_id = $1") == 1


async def test_a_name_that_nobody_sees_is_none(seller: make.Company) -> None:
    """A document would be addressed to nobody; rule 46 CGST Rules wants the recipient's name."""
    for name in ("  ", "\u200b", "\u2060\ufeff \u00ad"):
        contact = make.contact_body(legalName=name)
        body = make.customer_body(legalName=name, uniqueRefNo=None, customerKeyContacts=[contact])
        reply = await seller.http.post("/api/v0/customer", json=body)
        found = [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]
        assert found == [("legalName", "REQUIRED"), ("customerKeyContacts[0].legalName", "REQUIRED")]
