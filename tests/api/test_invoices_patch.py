"""updateInvoice (contract §4.8; domain §3 and §4; design §5 "PATCH")."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import make
from hundi.invoices.schemas import InvoicePatch
from invoice_calls import PATH, refused
from invoice_calls import warned as told

SQL = """
    SELECT i.balance = i.net_amount - coalesce(e.all_kinds, 0) AS holds,
           i.total_received = coalesce(e.money, 0) AS received_holds,
           i.invoice_value - i.tds = i.net_amount AS net_holds, i.receivable_status, i.balance, i.net_amount
      FROM invoices i LEFT JOIN (
           SELECT seller_id, invoice_id, sum(amount) AS all_kinds,
                  sum(amount) FILTER (WHERE kind IN ('RECEIPT', 'OPENING', 'ADVANCE', 'REVERSAL')) AS money
             FROM invoice_entries GROUP BY 1, 2) e USING (seller_id, invoice_id)
     WHERE i.seller_id = $1"""


@pytest.fixture
async def made(seller: make.Company) -> dict[str, Any]:
    """Give an invoice of ₹1,180, due on 10 December."""
    return await seller.invoice(poNumber="PO-1", description="Valves", emailAddress="a@example.com", via="Post")


async def patch(seller: make.Company, made: dict[str, Any], body: dict[str, Any], **more: Any) -> httpx2.Response:
    http = more.pop("http", seller.http)
    reply: httpx2.Response = await http.patch(f"{PATH}/{made['invoiceId']}", json=body, **more)
    return reply


async def patched(seller: make.Company, made: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    reply = await patch(seller, made, body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    read = await seller.http.get(f"{PATH}/{made['invoiceId']}")
    assert read.json()["payload"] == found
    return found


async def entries(seller: make.Company) -> list[tuple[str, Decimal]]:
    rows = await seller.rows("SELECT kind, amount FROM invoice_entries WHERE seller_id = $1 ORDER BY entry_id")
    return [(row["kind"], row["amount"]) for row in rows]


# ------------------------------------------------------------------ absent, null, value, {}


async def test_absent_leaves_null_clears_a_value_sets_and_an_object_leaves(
    seller: make.Company, made: dict[str, Any]
) -> None:
    body = {"description": None, "poNumber": "PO-2", "via": {}, "emailAddress": None}
    now = await patched(seller, made, body)
    assert "description" not in now
    assert (now["poNumber"], now["via"]) == ("PO-2", "Post")
    assert await seller.value("SELECT email_address FROM invoices WHERE seller_id = $1") is None


async def test_empty_objects_everywhere_change_nothing(seller: make.Company, made: dict[str, Any]) -> None:
    """The published samples print {} for every nullable field."""
    body = {name: {} for name in InvoicePatch.__struct_fields__ if name != "customerId"}
    now = await patched(seller, made, body | {"customerId": made["customerId"]})
    assert now == made
    assert await patched(seller, made, {}) == made
    assert await seller.value("SELECT version FROM invoices WHERE seller_id = $1") == 1
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'invoice.update'") == 0


@pytest.mark.parametrize(
    "field", ["cgst", "sgst", "tds", "description", "poNumber", "payableReferenceId", "mobileNumber"]
)
async def test_what_null_clears(seller: make.Company, made: dict[str, Any], field: str) -> None:
    body: dict[str, Any] = {field: None}
    if field in {"cgst", "sgst"}:
        body = {"cgst": None, "sgst": None}
    now = await patched(seller, made, body)
    assert not now.get(field)


@pytest.mark.parametrize(
    "field",
    ["baseAmount", "netAmount", "totalReceived", "balanceAmount", "dueDate", "invoiceDate", "invoiceNumber", "gstExclusive",
     "receivableStatus", "approvalStatus", "partialPaymentAllowed", "chargeCustomer", "dispatchNow", "customerId"],
)  # fmt: skip
async def test_what_null_cannot_clear(seller: make.Company, made: dict[str, Any], field: str) -> None:
    status, problems = refused(await patch(seller, made, {field: None}))
    assert status == 400
    assert [name for name, _ in problems] == [field]


async def test_a_whole_object_sent_back_changes_nothing(seller: make.Company, made: dict[str, Any]) -> None:
    sent = {name: made[name] for name in InvoicePatch.__struct_fields__ if name in made}
    sent |= {"receivableStatus": "PENDING", "approvalStatus": "APPROVER_APPROVED"}
    await seller.run("UPDATE invoices SET dispatch_status = 'DISPATCHED', dispatched_at = now() WHERE seller_id = $1")
    reply = await patch(seller, made, sent, http=seller.http_as(["maker"]))
    assert reply.status_code == 200, reply.text
    assert await seller.value("SELECT version FROM invoices WHERE seller_id = $1") == 1


async def test_values_are_set_and_amounts_computed_anew(seller: make.Company, made: dict[str, Any]) -> None:
    now = await patched(seller, made, {"baseAmount": 2000, "cgst": 180, "sgst": 180, "tds": 40, "invoiceNumber": "NEW-1",
                                       "dueDate": "2027-01-01", "invoiceDate": "2026-04-01 10:00:00"})  # fmt: skip
    shown = [now[n] for n in ("taxableValue", "invoiceValue", "netAmount", "balanceAmount", "dueDate", "invoiceNumber")]
    assert shown == [2000, 2360, 2320, 2320, "2027-01-01", "NEW-1"]
    assert now["invoiceDate"] == "2026-04-01T10:00:00+05:30"
    assert now["modifiedOn"] > made["modifiedOn"]
    await patched(seller, made, {"invoiceDate": "2026-03-31T10:00:00+05:30"})
    assert await seller.value("SELECT fy FROM invoices WHERE seller_id = $1") == 2025


async def test_a_taken_number_is_refused(seller: make.Company, made: dict[str, Any]) -> None:
    other = await seller.invoice(made["customerId"])
    reply = await patch(seller, made, {"invoiceNumber": other["invoiceNumber"].lower()})
    assert refused(reply) == (422, [("invoiceNumber", "INVOICE_NUMBER_TAKEN")])


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"dueDate": "2026-11-09"}, 400, ("dueDate", "DUE_BEFORE_INVOICE_DATE")),
        ({"invoiceDate": "2026-12-11"}, 400, ("dueDate", "DUE_BEFORE_INVOICE_DATE")),
        ({"invoiceNumber": " "}, 400, ("invoiceNumber", "NUMBER_LENGTH")),
        ({"netAmount": 5}, 400, ("netAmount", "NET_AMOUNT_MISMATCH")),
        ({"igst": 5}, 400, ("igst", "TAX_HEADS_MIXED")),
        ({"emailAddress": "x"}, 400, ("emailAddress", "BAD_FORMAT")),
        ({"mobileNumber": "x"}, 400, ("mobileNumber", "BAD_FORMAT")),
        ({"approvalStatus": "X"}, 400, ("approvalStatus", "UNKNOWN_VALUE")),
        ({"receivableStatus": "X"}, 400, ("receivableStatus", "UNKNOWN_VALUE")),
        ({"approvalStatus": "BANK_APPROVED"}, 403, ("approvalStatus", "APPROVAL_NOT_WRITABLE")),
        ({"approvalStatus": "MAKER_APPROVED"}, 422, ("approvalStatus", "MOVE_NOT_ALLOWED")),
        ({"customerId": "KC" + "0" * 14}, 404, ("customerId", "CUSTOMER_NOT_FOUND")),
        ({"totalReceived": 1180.01}, 422, ("totalReceived", "RECEIVED_EXCEEDS_NET")),
        ({"balanceAmount": 1180.01}, 422, ("balanceAmount", "BALANCE_ABOVE_CURRENT")),
        ({"totalReceived": 80, "balanceAmount": 1000}, 422, ("balanceAmount", "BALANCE_INCONSISTENT")),
    ],
)
async def test_what_is_refused(
    seller: make.Company, made: dict[str, Any], body: dict[str, Any], status: int, problem: tuple[str, str]
) -> None:
    assert refused(await patch(seller, made, body)) == (status, [problem])
    assert (await seller.http.get(f"{PATH}/{made['invoiceId']}")).json()["payload"] == made


async def test_the_customer_can_change_and_must_be_active(seller: make.Company, made: dict[str, Any]) -> None:
    other = await seller.customer(legalName="Malabar Stores")
    now = await patched(seller, made, {"customerId": other})
    assert now["customerLegalName"] == "Malabar Stores"
    await seller.run(
        "UPDATE customers SET status = 'INACTIVE' WHERE seller_id = $1 AND customer_id = $2", made["customerId"]
    )
    reply = await patch(seller, made, {"customerId": made["customerId"]})
    assert refused(reply) == (422, [("customerId", "CUSTOMER_INACTIVE")])


async def test_an_invoice_of_a_deleted_customer_can_still_be_paid(seller: make.Company, made: dict[str, Any]) -> None:
    await seller.run("UPDATE customers SET deleted_at = now(), status = 'INACTIVE' WHERE seller_id = $1")
    now = await patched(seller, made, {"totalReceived": 1180, "customerId": made["customerId"]})
    assert now["receivableStatus"]["name"] == "PAID"


async def test_empty_mail_and_mobile_stand_for_none(seller: make.Company, made: dict[str, Any]) -> None:
    await patched(seller, made, {"emailAddress": "", "mobileNumber": ""})
    assert await seller.rows("SELECT email_address, mobile_number FROM invoices WHERE seller_id = $1") == [
        {"email_address": None, "mobile_number": None}
    ]


# ------------------------------------------------------------------ entries and statuses (domain §3, §4)


async def test_receipts_and_reversals_are_entries(seller: make.Company, made: dict[str, Any]) -> None:
    now = await patched(seller, made, {"totalReceived": 180})
    assert (now["balanceAmount"], now["receivableStatus"]["name"]) == (1000, "PARTIALLY_PAID")
    now = await patched(seller, made, {"balanceAmount": 400})
    assert (now["totalReceived"], now["balanceAmount"]) == (780, 400)
    now = await patched(seller, made, {"totalReceived": 80})
    assert now["balanceAmount"] == 1100
    now = await patched(seller, made, {"receivableStatus": "PAID"})
    assert (now["balanceAmount"], now["receivableStatus"]["name"]) == (0, "PAID")
    now = await patched(seller, made, {"totalReceived": 0})
    assert (now["balanceAmount"], now["receivableStatus"]["name"]) == (1180, "PENDING")
    assert await entries(seller) == [
        ("RECEIPT", Decimal("180.00")), ("RECEIPT", Decimal("600.00")), ("REVERSAL", Decimal("-700.00")),
        ("RECEIPT", Decimal("1100.00")), ("REVERSAL", Decimal("-1180.00")),
    ]  # fmt: skip


async def test_taking_money_back_needs_the_permission(seller: make.Company, made: dict[str, Any]) -> None:
    maker = seller.http_as(["maker"])
    assert (await patch(seller, made, {"totalReceived": 100}, http=maker)).status_code == 200
    reply = await patch(seller, made, {"totalReceived": 99}, http=maker)
    assert refused(reply) == (422, [("totalReceived", "REVERSAL_NOT_PERMITTED")])


async def test_an_overdue_invoice_shows_it_and_takes_its_own_name(seller: make.Company, clock: make.MovedClock) -> None:
    made = await seller.invoice(invoiceDate="2026-11-01", dueDate="2026-11-16")
    assert made["receivableStatus"]["name"] == "PENDING"
    clock.move(hours=14)
    seller.clients.clear()
    now = await patched(seller, made, {"receivableStatus": "OVERDUE"})
    assert now["receivableStatus"]["name"] == "OVERDUE"
    assert await seller.value("SELECT receivable_status FROM invoices WHERE seller_id = $1") == "PENDING"
    assert (await patched(seller, made, {"dueDate": "2026-12-01"}))["receivableStatus"]["name"] == "PENDING"


async def test_statuses_the_money_contradicts_are_refused(seller: make.Company, made: dict[str, Any]) -> None:
    for status in ("PARTIALLY_PAID", "OVERDUE"):
        reply = await patch(seller, made, {"receivableStatus": status})
        assert refused(reply) == (422, [("receivableStatus", "STATUS_NOT_COMPUTED")])


async def test_moves(seller: make.Company, made: dict[str, Any]) -> None:
    for status, then in (("DISPUTED", "DISPUTED"), ("PENDING", "PENDING"), ("WRITTEN_OFF", "WRITTEN_OFF"), ("PENDING", "PENDING"),
                         ("CANCELLED", "CANCELLED")):  # fmt: skip
        assert (await patched(seller, made, {"receivableStatus": status}))["receivableStatus"]["name"] == then
    assert await entries(seller) == [("WRITE_OFF", Decimal("1180.00")), ("WRITE_OFF", Decimal("-1180.00"))]
    for status in ("PENDING", "PAID", "DISPUTED"):
        assert refused(await patch(seller, made, {"receivableStatus": status}))[0] == 422
    moves = await seller.rows(
        "SELECT data->>'from' AS f, data->>'to' AS t FROM events WHERE seller_id = $1 AND type = 'invoice.receivable_status'"
        " ORDER BY event_id"
    )
    assert [(m["f"], m["t"]) for m in moves] == [
        ("PENDING", "DISPUTED"), ("DISPUTED", "PENDING"), ("PENDING", "WRITTEN_OFF"), ("WRITTEN_OFF", "PENDING"),
        ("PENDING", "CANCELLED"),
    ]  # fmt: skip


async def test_audit_says_what_was_and_what_is(seller: make.Company, made: dict[str, Any]) -> None:
    await patched(seller, made, {"poNumber": "PO-2", "totalReceived": 10})
    row = (
        await seller.rows(
            "SELECT actor, before::text, after::text FROM audit_log WHERE seller_id = $1 AND action = 'invoice.update'"
        )
    )[0]
    assert row["actor"] == seller.user_id
    assert '"po_number": "PO-1"' in row["before"]
    assert '"po_number": "PO-2"' in row["after"]
    assert '"kind": "RECEIPT"' in row["after"]
    assert "invoice_date" not in row["after"]


# ------------------------------------------------------------------ locks (domain §3)

LOCKED: dict[str, Any] = {
    "invoiceNumber": "NEW-1", "invoiceDate": "2026-11-09", "gstExclusive": False, "baseAmount": 900, "igst": 180,
    "netAmount": 1179.5, "reverseCharge": True,
}  # fmt: skip
OPEN: dict[str, Any] = {
    "tds": 10, "totalReceived": 5, "balanceAmount": 1000, "receivableStatus": "DISPUTED", "dueDate": "2027-01-01",
    "description": "x", "emailAddress": "b@example.com", "poNumber": "x", "partialPaymentAllowed": True, "chargeCustomer": True,
}  # fmt: skip


@pytest.mark.parametrize("field", LOCKED)
@pytest.mark.parametrize("why", ["dispatched", "irn"])
async def test_what_is_locked_after_dispatch_or_irn(
    seller: make.Company, made: dict[str, Any], field: str, why: str
) -> None:
    if why == "irn":
        await seller.run("UPDATE invoices SET irn = repeat('a', 64) WHERE seller_id = $1")
    else:
        await seller.run("UPDATE invoices SET dispatch_status = 'QUEUED' WHERE seller_id = $1")
    body = {field: LOCKED[field]} | ({"cgst": None, "sgst": None} if field == "igst" else {})
    status, problems = refused(await patch(seller, made, body, http=seller.http_as(["maker"])))
    assert status == 422
    assert (field, "INVOICE_LOCKED" if why == "dispatched" else "INVOICE_LOCKED_BY_IRN") in problems
    owner = await patch(seller, made, body)
    assert owner.status_code == (200 if why == "dispatched" else 422), owner.text
    if why == "dispatched":
        told = await seller.value(
            "SELECT after->'overridden' ? $2 FROM audit_log WHERE seller_id = $1 AND action = 'invoice.update'", field
        )
        assert told is True


@pytest.mark.parametrize("field", OPEN)
async def test_what_stays_open(seller: make.Company, made: dict[str, Any], field: str) -> None:
    await seller.run("UPDATE invoices SET irn = repeat('a', 64), dispatch_status = 'DISPATCHED' WHERE seller_id = $1")
    reply = await patch(seller, made, {field: OPEN[field]}, http=seller.http_as(["maker"]))
    assert reply.status_code == 200, reply.text


async def test_the_customer_is_locked_after_dispatch(seller: make.Company, made: dict[str, Any]) -> None:
    other = await seller.customer()
    await seller.run("UPDATE invoices SET dispatched_at = now() WHERE seller_id = $1")
    reply = await patch(seller, made, {"customerId": other}, http=seller.http_as(["maker"]))
    assert refused(reply) == (422, [("customerId", "INVOICE_LOCKED")])


# ------------------------------------------------------------------ at once, and at random


async def test_patches_at_once_lose_no_entry(seller: make.Company, made: dict[str, Any]) -> None:
    replies = await asyncio.gather(*(patch(seller, made, {"totalReceived": n}) for n in range(1, 21)))
    assert {reply.status_code for reply in replies} == {200}
    row = (await seller.rows(SQL))[0]
    assert row["holds"]
    assert row["received_holds"]


MONEY = st.decimals(min_value=0, max_value=2000, places=2).map(float)
CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "baseAmount": MONEY, "cgst": st.sampled_from([0, 90, 90.5, None]), "sgst": st.sampled_from([0, 90, None]),
        "tds": MONEY | st.none(), "totalReceived": MONEY, "balanceAmount": MONEY, "netAmount": MONEY,
        "roundOff": st.sampled_from([0, 0.5, -0.5, 3]), "gstExclusive": st.booleans(), "reverseCharge": st.booleans(),
        "receivableStatus": st.sampled_from(["PENDING", "PARTIALLY_PAID", "PAID", "DISPUTED", "WRITTEN_OFF", "OVERDUE", "CANCELLED"]),
        "otherCharges": st.sampled_from([0, 12.34]), "dueDate": st.sampled_from(["2026-11-10", "2026-12-31"]),
    },
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGE, min_size=1, max_size=6), received=st.sampled_from([None, 0, 100, 1180]))
async def test_the_balance_is_the_net_amount_less_the_entries_whatever_is_sent(
    seller: make.Company, changes: list[dict[str, Any]], received: float | None
) -> None:
    customer = await _one_customer(seller)
    made = await seller.invoice(customer, totalReceived=received)
    for change in changes:
        reply = await patch(seller, made, change)
        assert reply.status_code in {200, 400, 422}, reply.text
        for row in await seller.rows(SQL + " AND i.invoice_id = $2", made["invoiceId"]):
            assert row["holds"], change
            assert row["received_holds"], change
            assert row["net_holds"], change
            assert (row["balance"] == 0) == (row["receivable_status"] in {"PAID", "WRITTEN_OFF"}) or row[
                "net_amount"
            ] == 0
        if reply.status_code == 200:
            read = await seller.http.get(f"{PATH}/{made['invoiceId']}")
            assert read.json()["payload"] == reply.json()["payload"]


async def _one_customer(seller: make.Company) -> str:
    found: str | None = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1 LIMIT 1")
    return found or await seller.customer()


async def test_what_is_fixed_at_birth_is_not_left_silently(seller: make.Company) -> None:
    made = await seller.invoice(externalId="own")
    body = {
        "supplyType": "SEZWP",
        "externalId": "x",
        "registrationGstin": make.gstin(),
        "sellerId": "S",
        "description": "new",
    }
    reply = await patch(seller, made, body)
    assert reply.status_code == 200
    assert told(reply) == [
        (name, "NOT_CHANGED") for name in ("supplyType", "registrationGstin", "externalId", "sellerId")
    ]
    assert told(await patch(seller, made, {"externalId": {}, "supplyType": None, "description": "newer"})) == []
    read = {name: made[name] for name in ("externalId", "sellerId", "registrationId", "createdOn", "netAmount")}
    assert told(await patch(seller, made, read)) == [], "a client may send back what it has read"


async def test_remarks_that_explain_nothing_are_not_kept_silently(seller: make.Company, made: dict[str, Any]) -> None:
    assert told(await patch(seller, made, {"remarks": "why"})) == [("remarks", "NOT_CHANGED")]
    assert told(await patch(seller, made, {"remarks": "why", "receivableStatus": "DISPUTED"})) == []
    assert told(await patch(seller, made, {"remarks": "why", "poNumber": "PO-9"})) == []


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("dispatch_status = 'DISPATCHED'", "ALREADY_DISPATCHED"), ("dispatch_status = 'QUEUED'", "ALREADY_DISPATCHED"),
        ("dispatch_status = 'UNKNOWN'", "OUTCOME_UNKNOWN"), ("receivable_status = 'CANCELLED'", "CANCELLED"),
        ("approval_status = 'CHECKER_APPROVAL_PENDING'", "NOT_APPROVED"), ("customer_id = customer_id", None),
    ],
)  # fmt: skip
async def test_dispatch_now_says_why_nothing_is_sent(
    seller: make.Company, made: dict[str, Any], state: str, code: str | None
) -> None:
    await seller.run(f"UPDATE invoices SET {state} WHERE seller_id = $1")
    assert told(await patch(seller, made, {"dispatchNow": True})) == ([("dispatchNow", code)] if code else [])
    assert told(await patch(seller, made, {"dispatchNow": False})) == []


async def test_dispatch_now_says_when_nobody_can_be_reached_or_an_irn_is_demanded(seller: make.Company) -> None:
    silent = await seller.invoice(await seller.customer(customerKeyContacts=[], panOrGstin=make.gstin()))
    assert told(await patch(seller, silent, {"dispatchNow": True})) == [("dispatchNow", "NO_KEY_CONTACT")]
    assert told(await patch(seller, silent, {"dispatchNow": True, "emailAddress": "a@example.com"})) == []
    await seller.run("UPDATE sellers SET e_invoice_from = '2026-11-10' WHERE seller_id = $1")
    assert told(await patch(seller, silent, {"dispatchNow": True})) == [("dispatchNow", "EINVOICE_WITHOUT_IRN")]
    await seller.run("UPDATE sellers SET e_invoice_from = '2026-11-11' WHERE seller_id = $1")
    assert told(await patch(seller, silent, {"dispatchNow": True})) == []


# What each field of the body is set to, and the column that then holds it; the rest have tests of their own.
SETS: dict[str, tuple[Any, str, Any]] = {
    "poNumber": ("P-9", "po_number", "P-9"), "payableReferenceId": ("R-9", "payable_reference_id", "R-9"),
    "description": ("d", "description", "d"), "emailAddress": ("b@example.com", "email_address", "b@example.com"),
    "mobileNumber": ("9820012345", "mobile_number", "9820012345"), "via": ("Courier", "via", "Courier"),
    "chargeCustomer": (True, "charge_customer", True), "partialPaymentAllowed": (True, "partial_payment_allowed", True),
    "invoiceNumber": ("N-9", "number_key", "N-9"), "dueDate": ("2027-01-31", "due_date::text", "2027-01-31"),
    "invoiceDate": ("2026-11-09", "invoice_date::date::text", "2026-11-08"), "placeOfSupply": ("29", "place_of_supply", "29"),
    "baseAmount": (2000, "base_amount", 2000), "cgst": (91, "cgst", 91), "sgst": (91, "sgst", 91), "igst": (5, "igst", 5),
    "cess": (5, "cess", 5), "discount": (5, "discount", 5), "otherCharges": (5, "other_charges", 5), "tcs": (5, "tcs", 5),
    "roundOff": (0.5, "round_off", Decimal("0.5")), "tds": (10, "tds", 10), "netAmount": (1180.5, "net_amount", Decimal("1180.5")),
    "gstExclusive": (False, "gst_exclusive", False), "reverseCharge": (True, "reverse_charge", True),
    "totalReceived": (7, "total_received", 7), "balanceAmount": (1000, "balance", 1000),
    "receivableStatus": ("DISPUTED", "receivable_status", "DISPUTED"), "minimumPart": (50, "minimum_part", 50),
    "ewayBillNo": ("331000123456", "eway_bill_no", "331000123456"),
}  # fmt: skip
OWN_TESTS = {
    "approvalStatus",
    "customerId",
    "dispatchNow",
    "itemLists",
    "remarks",
    "irn",
    "ackNo",
    "ackDate",
    "signedQr",
}


def test_every_field_of_the_body_is_looked_at() -> None:
    assert SETS.keys() | OWN_TESTS == set(InvoicePatch.__struct_fields__)


@pytest.mark.parametrize("field", SETS)
async def test_every_field_that_is_accepted_is_written(seller: make.Company, made: dict[str, Any], field: str) -> None:
    value, column, stored = SETS[field]
    reply = await patch(seller, made, ({"cgst": None, "sgst": None} if field == "igst" else {}) | {field: value})
    assert reply.status_code == 200, reply.text
    assert await seller.value(f"SELECT {column} FROM invoices WHERE seller_id = $1") == stored
    assert await seller.value("SELECT version FROM invoices WHERE seller_id = $1") == 2
