"""Customers from files: new ones and changes, by the same rules as the calls (contract §3.4, domain §10)."""

from __future__ import annotations

from typing import Any

import pytest

import make
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from importing import Importer, imported, text

HEADER = (
    "legalName", "tradeName", "uniqueRefNo", "gstin", "pan", "treatment", "address", "state", "pinCode", "contactName",
    "contactEmail", "contactMobile", "contactNumber", "paymentTermsDays", "tan", "udyamNumber", "udyamClass",
    "accountNumber", "ifsc", "branchCodes", "shippingState",
)  # fmt: skip


@pytest.fixture
def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    return Importer(seller, store, keyring)


async def born(importer: Importer, rows: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return await imported(importer, text(rows, HEADER), kind="customers", **more)


async def changed(importer: Importer, rows: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    header = ["customerId", *HEADER]
    return await imported(importer, text(rows, header), kind="customer_updates", **more)


def shown(payload: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["row"], one["error_code"]) for one in payload["failureRequests"]]


async def get(importer: Importer, customer_id: str) -> dict[str, Any]:
    reply = await importer.seller.http.get(f"/api/v0/customer/{customer_id}")
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def test_a_customer_from_a_file_is_what_a_call_would_have_made(importer: Importer, seller: make.Company) -> None:
    gstin = make.gstin("29")
    row = {
        "legalName": "Asha Traders", "tradeName": "Asha", "uniqueRefNo": "R1", "gstin": gstin.lower(),
        "treatment": "Registered Business - Regular", "address": "1 MG Road", "pinCode": "560001", "contactName": "Asha",
        "contactEmail": "a@example.com", "contactMobile": "9800000001", "paymentTermsDays": "30 days",
        "tan": "mumA12345B", "udyamNumber": "UDYAM-KR-01-0000001", "udyamClass": "micro", "accountNumber": "000111222333",
        "ifsc": "hdfc0000001", "branchCodes": 'B1; B "2"', "shippingState": "KA",
    }  # fmt: skip
    payload = await born(importer, [row])
    assert payload["state"] == "DONE"
    assert (payload["success_count"], payload["failure_count"]) == (1, 0), payload
    mine = await get(importer, payload["successRequests"][0]["customerId"])
    assert payload["successRequests"][0] == {"row": 2, "legalName": "Asha Traders", "customerId": mine["customerId"]}
    body = {
        "legalName": "Asha Traders", "tradeName": "Asha", "uniqueRefNo": "R2", "panOrGstin": gstin,
        "treatment": "REGISTERED", "address": "1 MG Road", "pinCode": "560001", "paymentTermsDays": 30,
        "tan": "MUMA12345B", "udyamNumber": "UDYAM-KR-01-0000001", "udyamClass": "MICRO",
        "accountNumber": "000111222333", "ifsc": "HDFC0000001", "branchCodes": ["B1", 'B "2"'], "shippingState": "KA",
        "customerKeyContacts": [{"deleted": False, "legalName": "Asha Traders", "name": "Asha", "mobile": "9800000001",
                                 "email": "a@example.com"}],
    }  # fmt: skip
    reply = await seller.http.post("/api/v0/customer", json=body)
    assert reply.status_code == 200, reply.text
    theirs = reply.json()["payload"]
    for one in (mine, theirs):
        for name in ("customerId", "createdOn", "modifiedOn", "uniqueRefNo"):
            one.pop(name)
        for contact in one["customerKeyContacts"]:
            contact.pop("keyContactPersonId")
    assert mine == theirs


WRONG: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "no name": ({"legalName": " "}, {"legalName": " "}),
    "gstin": ({"gstin": "27AAAAA0000A1Z9"}, {"panOrGstin": "27AAAAA0000A1Z9"}),
    "pan": ({"pan": "12345"}, {"panOrGstin": "12345"}),
    "state": ({"state": "Atlantis"}, {"state": "Atlantis"}),
    "treatment": ({"treatment": "FRIEND"}, {"treatment": "FRIEND"}),
    "registered without gstin": ({"treatment": "REGISTERED"}, {"treatment": "REGISTERED"}),
    "pin": ({"pinCode": "12"}, {"pinCode": "12"}),
    "phone": ({"contactNumber": "call me"}, {"contactNumber": "call me"}),
    "tan": ({"tan": "MUM"}, {"tan": "MUM"}),
    "udyam": ({"udyamNumber": "UDYAM"}, {"udyamNumber": "UDYAM"}),
    "class": ({"udyamClass": "HUGE"}, {"udyamClass": "HUGE"}),
    "ifsc": ({"ifsc": "HDFC1000001"}, {"ifsc": "HDFC1000001"}),
    "account": ({"accountNumber": "12 34"}, {"accountNumber": "12 34"}),
    "ship state": ({"shippingState": "Nowhere"}, {"shippingState": "Nowhere"}),
}


async def test_the_same_particulars_are_refused_in_the_same_words(importer: Importer, seller: make.Company) -> None:
    rows = [{"legalName": "Asha Traders", "uniqueRefNo": name, **cells} for name, (cells, _) in WRONG.items()]
    payload = await born(importer, rows)
    assert payload["success_count"] == 0
    texts = {one["row"]: (one["error_code"], one["error_message"]) for one in payload["failureRequests"]}
    for at, (name, (_, fields)) in enumerate(WRONG.items()):
        body = {"legalName": "Asha Traders", "customerKeyContacts": [], **fields}
        reply = await seller.http.post("/api/v0/customer", json=body)
        assert reply.status_code == 400, (name, reply.text)
        problems = reply.json()["errorResponse"]["apiSubErrors"]
        assert texts[at + 2][0] == " | ".join(one["code"] for one in problems), name
        assert all(one["message"] in texts[at + 2][1] for one in problems), name


async def test_repeats_of_customers(importer: Importer, seller: make.Company) -> None:
    number = make.gstin("27")
    rows = [
        {"legalName": "A", "uniqueRefNo": "A"}, {"legalName": "B", "gstin": number}, {"legalName": "C"},
        {"legalName": "A too", "uniqueRefNo": "A"}, {"legalName": "B too", "gstin": number},
        {"legalName": "B three", "gstin": number, "uniqueRefNo": "B3"},
    ]  # fmt: skip
    first = await born(importer, rows)
    assert shown(first) == [(5, "DUPLICATE_IN_FILE"), (6, "DUPLICATE_IN_FILE")]
    again = await born(importer, rows)
    assert again["successRequests"] == first["successRequests"]
    assert (again["warn_count"], await importer.count("customers")) == (4, 4)
    other = [{"legalName": "Another", "uniqueRefNo": "A"}, {"legalName": "Another", "gstin": number},
             {"legalName": "A", "uniqueRefNo": "A"}]  # fmt: skip
    third = await born(importer, other)
    assert shown(third) == [(2, "DUPLICATE_CONFLICT"), (3, "DUPLICATE_CONFLICT")]
    assert (third["success_count"], third["warn_count"]) == (1, 1)
    # One that was made by a call is known by its particulars, and a deleted one is not there.
    made = await seller.customer(uniqueRefNo="D", legalName="Dev", panOrGstin=None, state=None, customerKeyContacts=[])
    row = (await seller.rows("SELECT * FROM customers WHERE seller_id = $1 AND customer_id = $2", made))[0]
    plain = {"legalName": "Dev", "uniqueRefNo": "D", "address": row["address"] or "", "pinCode": row["pin_code"] or "",
             "contactNumber": row["contact_number"] or "", "paymentTermsDays": str(row["terms_days"] or "")}  # fmt: skip
    fourth = await born(importer, [plain])
    assert (fourth["warn_count"], fourth["successRequests"][0]["customerId"]) == (1, made), fourth
    await seller.http.delete(f"/api/v0/customer/{first['successRequests'][2]['customerId']}")
    fifth = await born(importer, rows)
    assert (4, "CUSTOMER_DELETED") in shown(fifth)


async def test_changes_come_from_a_file(importer: Importer, seller: make.Company) -> None:
    number = make.gstin("27")
    one = await seller.customer(uniqueRefNo="U1", customerKeyContacts=[])
    two = await seller.customer(uniqueRefNo="U2", panOrGstin=number)
    rows = [
        {"uniqueRefNo": "U1", "tradeName": "New trade", "contactEmail": "n@example.com", "paymentTermsDays": "45"},
        {"gstin": number, "address": "2 New Road", "contactEmail": "new@example.com"},
        {"customerId": one, "tradeName": "twice"},
        {"uniqueRefNo": "NOBODY", "tradeName": "x"},
        {"tradeName": "who"},
    ]
    payload = await changed(importer, rows)
    assert shown(payload) == [(4, "DUPLICATE_IN_FILE"), (5, "CUSTOMER_NOT_FOUND"), (6, "CUSTOMER_MISSING")]
    first, second = await get(importer, one), await get(importer, two)
    assert (first["tradeName"], first["paymentTermsDays"], first["hasKeyContacts"]) == ("New trade", 45, True)
    assert second["address"] == "2 New Road"
    assert second["customerKeyContacts"][0]["email"] == "new@example.com"
    again = await changed(importer, rows)
    assert (again["success_count"], again["warn_count"]) == (2, 2)
    wrong = [
        {"customerId": one, "uniqueRefNo": "U2"}, {"customerId": two, "pinCode": "1", "udyamClass": "huge"},
    ]  # fmt: skip
    refused = await changed(importer, wrong)
    assert shown(refused) == [(2, "CUSTOMER_REF_TAKEN"), (3, "BAD_FORMAT")]
    audit = await seller.value(
        "SELECT count(*) FROM audit_log WHERE seller_id = $1 AND action = 'customer.update' AND object_id = $2", one
    )
    assert audit == 1


async def test_changes_foreseen_or_with_a_failure_are_not_made(importer: Importer, seller: make.Company) -> None:
    one = await seller.customer(uniqueRefNo="U1")
    rows = [{"uniqueRefNo": "U1", "tradeName": "New"}]
    dry = await changed(importer, rows, dry_run=True)
    assert (dry["success_count"], "tradeName" in await get(importer, one)) == (1, False)
    together = await changed(importer, [*rows, {"uniqueRefNo": "NOBODY", "tradeName": "x"}], atomic=True)
    assert shown(together) == [(2, "ATOMIC_ROLLBACK"), (3, "CUSTOMER_NOT_FOUND")]
    assert "tradeName" not in await get(importer, one)
    done = await changed(importer, rows, atomic=True)
    assert (done["success_count"], (await get(importer, one))["tradeName"]) == (1, "New")


async def test_what_only_files_can_get_wrong(importer: Importer, seller: make.Company) -> None:
    number = make.gstin("27")
    rows = [
        {"legalName": "A", "gstin": number, "pan": "ABCPE1234F"},
        {"legalName": "B", "gstin": make.gstin("27"), "branchCodes": ", ".join(f"B{at}" for at in range(51))},
        {"legalName": "C" * 201},
        {"legalName": "D", "gstin": number, "pan": number[2:12], "paymentTermsDays": "soon"},
    ]
    payload = await born(importer, rows)
    assert shown(payload) == [(2, "PAN_MISMATCH"), (3, "TOO_LONG"), (4, "TOO_LONG"), (5, "NOT_DAYS")]
    for name in ("E", "F"):
        await seller.customer(uniqueRefNo=name, panOrGstin=number)
    refused = await changed(importer, [{"gstin": number, "tradeName": "which"}])
    assert shown(refused) == [(2, "CUSTOMER_AMBIGUOUS")]
