"""updateCustomer (contract §3.5; design §5 "PATCH"): fields, contacts and reminders merged by id, versions."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import make

PATH = "/api/v0/customer"
WHOLE: dict[str, Any] = {
    "accountNumber": "AB1234567890", "address": "9 Hill Road", "assignedAgent": "Meera", "branchCodes": ["PNQ"],
    "contactNumber": "+91 9820012345", "ifsc": "HDFC0000001", "legalName": "Deccan Traders", "panOrGstin": "ABCPE1234F",
    "pinCode": "411002", "state": "Goa", "uniqueRefNo": "REF-9", "tradeName": "Deccan", "treatment": "CONSUMER",
    "shippingAddress": "Dock 4", "shippingState": "30", "shippingPinCode": "403001", "paymentTermsDays": 45,
    "tan": "MUMA12345B", "udyamNumber": "UDYAM-MH-01-0000001", "udyamClass": "SMALL", "customerCompanyId": "C-1",
    "externalSource": True,
}  # fmt: skip
SHOWN = WHOLE | {"accountNumber": "XXXXXXXX7890"}
CLEARED = {name: None for name in WHOLE if name not in {"legalName", "treatment"}}


async def patch(seller: make.Company, customer: str, body: dict[str, Any], **more: Any) -> httpx2.Response:
    return await seller.http.patch(f"{PATH}/{customer}", json=body, **more)


async def patched(seller: make.Company, customer: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await patch(seller, customer, body)
    assert reply.status_code == 200, reply.text
    read = await seller.http.get(f"{PATH}/{customer}")
    assert read.json() == reply.json()
    assert read.headers["etag"] == reply.headers["etag"]
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def read(seller: make.Company, customer: str) -> dict[str, Any]:
    found: dict[str, Any] = (await seller.http.get(f"{PATH}/{customer}")).json()["payload"]
    return found


def errors(reply: httpx2.Response) -> list[tuple[str, str]]:
    return [(e["field"], e["code"]) for e in reply.json()["errorResponse"]["apiSubErrors"]]


async def test_every_field_is_set_left_and_cleared(seller: make.Company) -> None:
    customer = await seller.customer()
    made = await patched(seller, customer, WHOLE | {"customerId": customer})
    assert {name: made.get(name) for name in WHOLE} == SHOWN
    assert made["customerKeyContacts"], "absent leaves"
    assert await patched(seller, customer, {}) == made
    # What the published samples print for a nullable field leaves it too.
    assert await patched(seller, customer, {name: {} for name in WHOLE}) == made
    bare = await patched(seller, customer, CLEARED)
    assert bare["externalSource"] is False
    assert [name for name in CLEARED if bare.get(name) not in (None, [], False)] == []
    assert (bare["legalName"], bare["treatment"]) == ("Deccan Traders", "CONSUMER")
    assert await seller.value(
        "SELECT account_number IS NULL AND account_hash IS NULL FROM customers WHERE seller_id = $1"
    )


async def test_an_empty_text_clears_as_null_does(seller: make.Company) -> None:
    customer = await seller.customer(**{k: v for k, v in WHOLE.items() if k != "legalName"})
    texts = {k: "" for k, v in WHOLE.items() if isinstance(v, str) and k not in {"legalName", "treatment", "tradeName"}}
    bare = await patched(seller, customer, texts)
    assert [name for name in texts if bare.get(name) is not None] == []


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"legalName": None}, "legalName", "NOT_CLEARABLE"), ({"legalName": "  "}, "legalName", "REQUIRED"),
        ({"legalName": "\u200b\u2060"}, "legalName", "REQUIRED"),
        ({"customerId": None}, "customerId", "NOT_CLEARABLE"),
        ({"customerId": "KC0123456789ABCD"}, "customerId", "ID_MISMATCH"),
        ({"customerKeyContacts": None}, "customerKeyContacts", "NOT_CLEARABLE"),
        ({"customerReminders": None}, "customerReminders", "NOT_CLEARABLE"),
        ({"accountNumber": "12"}, "accountNumber", "BAD_FORMAT"), ({"accountNumber": 12}, "accountNumber", "WRONG_TYPE"),
        ({"contactNumber": "98"}, "contactNumber", "BAD_FORMAT"), ({"ifsc": "HDFC1"}, "ifsc", "BAD_FORMAT"),
        ({"panOrGstin": "27ABCDE"}, "panOrGstin", "PAN_OR_GSTIN_FORMAT"), ({"state": "Atlantis"}, "state", "STATE_UNKNOWN"),
        ({"pinCode": "000000"}, "pinCode", "BAD_FORMAT"), ({"shippingState": "Atlantis"}, "shippingState", "STATE_UNKNOWN"),
        ({"treatment": "BEST"}, "treatment", "UNKNOWN_VALUE"), ({"udyamClass": "HUGE"}, "udyamClass", "BAD_FORMAT"),
        ({"tan": "X"}, "tan", "BAD_FORMAT"), ({"paymentTermsDays": -1}, "paymentTermsDays", "BAD_VALUE"),
        ({"branchCodes": "PNQ"}, "branchCodes", "WRONG_TYPE"), ({"branchCodes": [1]}, "branchCodes[0]", "WRONG_TYPE"),
        ({"uniqueRefNo": "x" * 101}, "uniqueRefNo", "BAD_LENGTH"), ({"externalSource": "yes"}, "externalSource", "WRONG_TYPE"),
        ({"customerKeyContacts": {"a": 1}}, "customerKeyContacts", "WRONG_TYPE"),
        ({"customerKeyContacts": [{"mobile": "12", "name": "A", "legalName": "A"}]}, "customerKeyContacts[0].mobile", "BAD_FORMAT"),
        ({"customerReminders": [{"reminderType": "RECURRING"}]}, "customerReminders[0].reminderInterval", "REQUIRED"),
        ({"customerReminders": [{"reminderTime": "24:00"}]}, "customerReminders[0].reminderTime", "BAD_FORMAT"),
        ({"customerReminders": [{"reminderType": "DAILY"}]}, "customerReminders[0].reminderType", "BAD_FORMAT"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_named(seller: make.Company, body: dict[str, Any], field: str, code: str) -> None:
    customer = await seller.customer()
    before = await read(seller, customer)
    reply = await patch(seller, customer, body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["errorResponse"]["errorType"] == "VALIDATION_ERROR"
    found = errors(reply)
    assert [f for f, _ in found] == [field]
    if code != "BAD_VALUE":
        assert found == [(field, code)]
    assert await read(seller, customer) == before


async def test_every_problem_is_named_at_once(seller: make.Company) -> None:
    customer = await seller.customer()
    body = {"legalName": None, "ifsc": "X", "state": "Nowhere", "customerKeyContacts": [{"name": "A", "email": "no"}]}
    reply = await patch(seller, customer, body)
    assert sorted(field for field, _ in errors(reply)) == [
        "customerKeyContacts[0].email", "customerKeyContacts[0].legalName", "customerKeyContacts[0].mobile", "ifsc",
        "legalName", "state",
    ]  # fmt: skip


async def test_number_state_and_treatment_are_read_together(seller: make.Company) -> None:
    customer = await seller.customer()
    karnataka, goa = make.gstin("29"), make.gstin("30")
    made = await patched(seller, customer, {"panOrGstin": karnataka})
    assert (made["state"], made["treatment"]) == ("Karnataka", "REGISTERED"), "a GSTIN brings its state along"
    reply = await patch(seller, customer, {"state": "Goa"})
    assert errors(reply) == [("state", "STATE_MISMATCH")]
    made = await patched(seller, customer, {"panOrGstin": goa, "state": "Goa"})
    assert made["stateCode"] == "30"
    made = await patched(seller, customer, {"panOrGstin": None})
    assert (made["treatment"], made["stateCode"], made.get("panOrGstin")) == ("UNREGISTERED", "30", None)
    made = await patched(seller, customer, {"treatment": "SEZ", "panOrGstin": karnataka})
    assert made["treatment"] == "SEZ"
    made = await patched(seller, customer, {"panOrGstin": goa})
    assert (made["treatment"], made["stateCode"]) == ("SEZ", "30"), "a treatment that was chosen stays"
    made = await patched(seller, customer, {"treatment": None})
    assert made["treatment"] == "REGISTERED"
    reply = await patch(seller, customer, {"treatment": "COMPOSITION", "panOrGstin": None})
    assert errors(reply) == [("panOrGstin", "REQUIRED")]
    made = await patched(seller, customer, {"panOrGstin": None, "state": "96"})
    assert made["treatment"] == "OVERSEAS"


# ------------------------------------------------------------------ contacts


async def test_contacts_merge_by_their_ids(seller: make.Company) -> None:
    customer = await seller.customer(
        customerKeyContacts=[make.contact_body(name="First"), make.contact_body(name="Second", email="two@example.com")]
    )
    first, second = (await read(seller, customer))["customerKeyContacts"]
    sent = [
        {"keyContactPersonId": second["keyContactPersonId"], "name": "Changed", "deleted": False},
        make.contact_body(name="Third", email=None, mail_enabled=None, mobile=""),
        make.contact_body(name="Never", deleted=True),
    ]
    made = await patched(seller, customer, {"customerKeyContacts": sent})
    one, two, three = made["customerKeyContacts"]
    assert one == first
    assert two == second | {"name": "Changed"}
    assert (three["name"], three["mail_enabled"], three.get("email")) == ("Third", False, None)
    assert len({c["keyContactPersonId"] for c in made["customerKeyContacts"]}) == 3
    gone = {"keyContactPersonId": first["keyContactPersonId"], "deleted": True}
    made = await patched(seller, customer, {"customerKeyContacts": [gone]})
    assert [c["name"] for c in made["customerKeyContacts"]] == ["Changed", "Third"]
    assert made["customerKeyContacts"][0]["primary"] is True
    # The whole object sent back, as documented clients do, changes nothing.
    version = (await seller.http.get(f"{PATH}/{customer}")).headers["etag"]
    await patched(seller, customer, {"customerKeyContacts": [
        {k: v for k, v in c.items() if k != "primary"} for c in made["customerKeyContacts"]]})  # fmt: skip
    assert (await seller.http.get(f"{PATH}/{customer}")).headers["etag"] == version
    reply = await patch(seller, customer, {"customerKeyContacts": [gone]})
    assert reply.status_code == 404, "what was removed is not there any more"


async def test_the_key_contacts_flag_is_true_exactly_when_mail_can_go_out(seller: make.Company) -> None:
    customer = await seller.customer()
    contact = (await read(seller, customer))["customerKeyContacts"][0]["keyContactPersonId"]

    async def flag(**change: Any) -> tuple[bool, bool]:
        sent = [{"keyContactPersonId": contact} | change]
        made = await patched(seller, customer, {"customerKeyContacts": sent})
        return made["hasKeyContacts"], made["customerKeyContacts"][0]["mail_enabled"]

    assert await flag(mail_enabled=False) == (False, False)
    assert await flag(email="other@example.com") == (False, False), "who wants no mail gets none at another address"
    assert await flag(mail_enabled=True) == (True, True)
    assert await flag(email=None) == (False, False), "without an address there is nothing to enable"
    assert await flag(email="back@example.com") == (True, True)
    reply = await patch(
        seller, customer, {"customerKeyContacts": [{"keyContactPersonId": contact, "email": "", "mail_enabled": True}]}
    )
    assert errors(reply) == [("customerKeyContacts[0].email", "REQUIRED")]
    made = await patched(seller, customer, {"customerKeyContacts": [{"keyContactPersonId": contact, "deleted": True}]})
    assert (made["hasKeyContacts"], made["customerKeyContacts"]) == (False, [])


async def test_unknown_ids_are_404_and_name_their_place(seller: make.Company, new_seller: Any) -> None:
    customer = await seller.customer()
    other = await seller.customer()
    theirs = (await read(seller, other))["customerKeyContacts"][0]["keyContactPersonId"]
    sent = [make.contact_body(), {"keyContactPersonId": theirs, "deleted": True}]
    reply = await patch(seller, customer, {"customerKeyContacts": sent, "address": "Elsewhere"})
    assert (reply.status_code, errors(reply)) == (
        404,
        [("customerKeyContacts[1].keyContactPersonId", "CONTACT_NOT_FOUND")],
    )
    reply = await patch(seller, customer, {"customerReminders": [{"customerReminderId": "rem_x"}]})
    assert (reply.status_code, errors(reply)) == (
        404,
        [("customerReminders[0].customerReminderId", "REMINDER_NOT_FOUND")],
    )
    both = {"customerKeyContacts": [{"keyContactPersonId": "kcp_x"}], "ifsc": "bad"}
    reply = await patch(seller, customer, both)
    assert (reply.status_code, len(errors(reply))) == (400, 2)
    assert (await read(seller, customer))["address"] == "7 Mill Road, Pune"
    assert len((await read(seller, other))["customerKeyContacts"]) == 1
    stranger = await new_seller()
    assert (await patch(stranger, customer, {})).status_code == 404
    assert (await patch(seller, "KC0123456789ABCD", {})).status_code == 404


async def test_the_same_contact_twice_is_refused(seller: make.Company) -> None:
    customer = await seller.customer()
    contact = (await read(seller, customer))["customerKeyContacts"][0]["keyContactPersonId"]
    sent = [{"keyContactPersonId": contact, "name": name} for name in ("A", "B")]
    reply = await patch(seller, customer, {"customerKeyContacts": sent})
    assert {code for _, code in errors(reply)} == {"DUPLICATE_IN_LIST"}


async def test_there_is_a_most_of_contacts_and_reminders(seller: make.Company) -> None:
    customer = await seller.customer(customerKeyContacts=[make.contact_body() for _ in range(50)])
    reply = await patch(seller, customer, {"customerKeyContacts": [make.contact_body()]})
    assert (reply.status_code, errors(reply)) == (400, [("customerKeyContacts", "TOO_MANY")])
    kept = (await read(seller, customer))["customerKeyContacts"]
    gone = {"keyContactPersonId": kept[0]["keyContactPersonId"], "deleted": True}
    made = await patched(seller, customer, {"customerKeyContacts": [gone, make.contact_body(name="New")]})
    assert len(made["customerKeyContacts"]) == 50
    reply = await patch(seller, customer, {"customerReminders": [{"reminderType": "ONCE"}] * 21})
    assert (reply.status_code, errors(reply)) == (400, [("customerReminders", "TOO_MANY")])
    reply = await patch(seller, customer, {"customerKeyContacts": [make.contact_body()] * 20_000})
    assert (reply.status_code, errors(reply)) == (400, [("customerKeyContacts", "BAD_LENGTH")])
    reply = await patch(seller, customer, {"branchCodes": ["x"] * 1_000_000})
    assert (reply.status_code, errors(reply)) == (400, [("branchCodes", "BAD_LENGTH")])


async def test_reminders_merge_by_their_ids(seller: make.Company) -> None:
    customer = await seller.customer(customerReminders=[{"reminderType": "ONCE", "stage": "1"}, {"stage": "2"}])
    one, two = (await read(seller, customer))["customerReminders"]
    sent = [
        {"customerReminderId": one["customerReminderId"], "dueDateDifference": 5, "stage": None},
        {"customerReminderId": two["customerReminderId"], "deleted": True},
        {"reminderType": "RECURRING", "reminderInterval": 7, "reminderTime": ""},
    ]
    made = await patched(seller, customer, {"customerReminders": sent})
    first, third = made["customerReminders"]
    assert first == {"customerReminderId": one["customerReminderId"], "reminderType": "ONCE", "dueDateDifference": 5}
    assert {k: v for k, v in third.items() if k != "customerReminderId"} == {
        "reminderType": "RECURRING",
        "reminderInterval": 7,
    }


# ------------------------------------------------------------------ trace, versions, races


async def test_a_change_is_audited_and_told_and_no_change_is_not(seller: make.Company) -> None:
    customer = await seller.customer(accountNumber="AB1234567890")
    await patched(seller, customer, {"address": "7 Mill Road, Pune"})
    body = {"address": "New", "accountNumber": "ZZ9999999999", "customerKeyContacts": [make.contact_body(name="Two")]}
    await patched(seller, customer, body)
    rows = await seller.rows(
        "SELECT actor, before::text, after::text FROM audit_log WHERE seller_id = $1 AND action = 'customer.update'"
    )
    assert len(rows) == 1
    assert rows[0]["actor"] == seller.user_id
    assert "7 Mill Road" in rows[0]["before"]
    assert "New" in rows[0]["after"]
    assert "Two" in rows[0]["after"]
    assert "1234567890" not in rows[0]["before"]
    assert "9999999999" not in rows[0]["after"]
    events = await seller.rows(
        "SELECT object_id, data::text FROM events WHERE seller_id = $1 AND type = 'customer.updated'"
    )
    assert events == [{"object_id": customer, "data": '{"changed": ["account_number", "address", "contacts"]}'}]


async def test_if_match_guards_against_stale_changes(seller: make.Company) -> None:
    customer = await seller.customer()
    tag = (await seller.http.get(f"{PATH}/{customer}")).headers["etag"]
    assert tag == '"1"'
    reply = await patch(seller, customer, {"address": "A"}, headers={"If-Match": tag})
    assert (reply.status_code, reply.headers["etag"]) == (200, '"2"')
    reply = await patch(seller, customer, {"address": "B"}, headers={"If-Match": tag})
    assert (reply.status_code, reply.json()["errorResponse"]["errorType"]) == (412, "UNPROCESSABLE_REQUEST")
    assert errors(reply) == [("If-Match", "STALE_VERSION")]
    assert reply.headers["etag"] == '"2"'
    for accepted in ("*", '"1", "3"'):
        reply = await patch(seller, customer, {"address": accepted}, headers={"If-Match": accepted})
        assert reply.status_code == 200, accepted
    reply = await patch(seller, customer, {"address": "C"}, headers={"If-Match": 'W/"4"'})
    assert reply.status_code == 412, "a weak tag is no match (RFC 9110)"
    for wrong in ("4", '"4', ",", "", '"4" "5"', '"1"' + ', "1"' * 500):
        reply = await patch(seller, customer, {}, headers={"If-Match": wrong})
        assert (reply.status_code, errors(reply)) == (400, [("If-Match", "BAD_FORMAT")]), wrong
    assert (await read(seller, customer))["address"] == '"1", "3"'


async def test_two_changes_at_once_both_hold(seller: make.Company) -> None:
    customer = await seller.customer()
    bodies = [{"address": "New"}, {"assignedAgent": "Meera"}, {"customerKeyContacts": [make.contact_body(name="Two")]}]
    replies = await asyncio.gather(*(patch(seller, customer, body) for body in bodies * 3))
    assert [reply.status_code for reply in replies] == [200] * 9
    made = await read(seller, customer)
    assert (made["address"], made["assignedAgent"]) == ("New", "Meera")
    assert [c["name"] for c in made["customerKeyContacts"]] == ["Ravi", "Two", "Two", "Two"]
    assert await seller.value("SELECT version FROM customers WHERE seller_id = $1") == 6, "five changes, no more"


async def test_of_two_changes_with_one_tag_one_is_stale(seller: make.Company) -> None:
    customer = await seller.customer()
    replies = await asyncio.gather(
        *(patch(seller, customer, {"address": f"{at}"}, headers={"If-Match": '"1"'}) for at in range(6))
    )
    assert sorted(reply.status_code for reply in replies) == [200] + [412] * 5


async def test_a_taken_reference_changes_nothing(seller: make.Company) -> None:
    await seller.customer(uniqueRefNo="R-1")
    customer = await seller.customer(uniqueRefNo="R-2")
    reply = await patch(seller, customer, {"uniqueRefNo": "R-1", "address": "New"})
    assert (reply.status_code, errors(reply)) == (422, [("uniqueRefNo", "CUSTOMER_REF_TAKEN")])
    assert (await read(seller, customer))["address"] == "7 Mill Road, Pune"


async def test_a_change_is_made_once_under_its_key(seller: make.Company) -> None:
    customer = await seller.customer()
    body = {"customerKeyContacts": [make.contact_body(name="Two")]}
    replies = [await patch(seller, customer, body, headers={"Idempotency-Key": "k1"}) for _ in range(3)]
    assert len({reply.content for reply in replies}) == 1
    assert replies[2].headers["idempotency-replayed"] == "true"
    assert len((await read(seller, customer))["customerKeyContacts"]) == 2
    reply = await patch(seller, customer, {"address": "other"}, headers={"Idempotency-Key": "k1"})
    assert reply.status_code == 422


EMAIL = st.sampled_from([None, "", "a@example.com", "b@example.com"])
CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "email": EMAIL, "mail_enabled": st.sampled_from([None, True, False]), "name": st.sampled_from(["A", "B", " "]),
        "deleted": st.booleans(), "mobile": st.sampled_from(["", "9820012345", "1"]),
    },
)  # fmt: skip


@given(steps=st.lists(st.tuples(st.integers(-1, 3), CHANGE), max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_sequence_of_changes_breaks_the_flag(
    seller: make.Company, steps: list[tuple[int, dict[str, Any]]]
) -> None:
    customer = await seller.customer(customerKeyContacts=[])
    shown: list[dict[str, Any]] = []
    version = 1
    for at, change in steps:
        named = {"keyContactPersonId": shown[at]["keyContactPersonId"]} if 0 <= at < len(shown) else {"legalName": "L"}
        reply = await patch(seller, customer, {"customerKeyContacts": [named | change]})
        assert reply.status_code in {200, 400}, reply.text
        made = await read(seller, customer)
        if reply.status_code == 400:
            assert made["customerKeyContacts"] == shown
        shown = made["customerKeyContacts"]
        mailable = [bool(c.get("email")) and c["mail_enabled"] for c in shown]
        assert made["hasKeyContacts"] is any(mailable)
        assert [c["primary"] for c in shown].count(True) == (1 if any(mailable) else 0)
        if any(mailable):
            assert shown[mailable.index(True)]["primary"]
        assert all(c["name"].strip() for c in shown)
        now = int((await seller.http.get(f"{PATH}/{customer}")).headers["etag"].strip('"'))
        assert now in {version, version + 1}
        version = now
