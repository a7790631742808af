"""Customers that a file of invoices names and nobody knows (`createCustomers=true`)."""

from __future__ import annotations

from typing import Any

import pytest

import make
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from importing import HEADER, Importer, bytes_of, imported, row, text

COLUMNS = (*HEADER, "customerGstin", "customerName", "customerPin", "emailAddress", "mobileNumber")


@pytest.fixture
def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    return Importer(seller, store, keyring)


def file(number: str) -> str:
    rows = [
        row(customerRef="N1", customerName="Nila Stores", customerGstin=number, emailAddress="n@example.com"),
        row(customerRef="", customerName="Omkar", customerPin="400001", mobileNumber="9800000001", cgst="", sgst=""),
        row(customerRef="N1"),
        row(customerRef="", customerGstin=number),
        row(customerRef="", customerName="omkar", customerPin="400001"),
        row(customerRef="N2"),
        row(customerRef="N3", customerName="Bad", customerGstin="27AAAAA0000A1Z9", customerPin="1"),
        row(customerRef="N4", customerName="Late", dueDate="never"),
    ]
    rows += [row(customerRef="N1") for _ in range(150)] + [row(customerRef="N5", customerName="Far down")]
    return text(rows, COLUMNS)


def failures(payload: dict[str, Any]) -> dict[int, str]:
    return {one["row"]: one["error_code"] for one in payload["failureRequests"]}


@pytest.mark.parametrize("atomic", [False, True])
async def test_missing_customers_are_made_once_by_the_rules_of_the_call(importer: Importer, atomic: bool) -> None:
    seller = importer.seller
    content = file(make.gstin("29"))
    dry = await imported(importer, content, create_customers=True, dry_run=True)
    assert await importer.count("customers") == 0
    payload = await imported(importer, content, create_customers=True)
    assert await bytes_of(importer, dry) == await bytes_of(importer, payload)
    assert failures(payload) == {
        7: "CUSTOMER_NAME_MISSING", 8: "GSTIN_CHECK_DIGIT | BAD_FORMAT", 9: "DATE_FORMAT",
    }  # fmt: skip
    found = await seller.rows(
        "SELECT c.unique_ref_no AS ref, c.legal_name AS name, c.gstin, c.state_code AS state, c.pin_code AS pin, "
        "c.has_key_contacts AS mail, count(i.*) AS n FROM customers c LEFT JOIN invoices i ON i.seller_id = $1 "
        "AND i.customer_id = c.customer_id WHERE c.seller_id = $1 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY name"
    )
    assert [(one["ref"], one["name"], one["state"], one["pin"], one["mail"], one["n"]) for one in found] == [
        ("N5", "Far down", None, None, False, 1), ("N1", "Nila Stores", "29", None, True, 153),
        (None, "Omkar", None, "400001", False, 2),
    ]  # fmt: skip
    again = await imported(importer, content, create_customers=True, atomic=atomic)
    assert await importer.count("customers") == 3
    assert again["warn_count" if not atomic else "failure_count"] >= 3


async def test_all_or_none_makes_a_customer_once_over_all_chunks(importer: Importer) -> None:
    rows = [row(customerRef="N1", customerName="Nila Stores") for _ in range(250)]
    bad = await imported(importer, text([*rows, row(customerRef="N2")], COLUMNS), create_customers=True, atomic=True)
    assert (bad["success_count"], await importer.count("customers")) == (0, 0)
    payload = await imported(importer, text(rows, COLUMNS), create_customers=True, atomic=True)
    assert (payload["success_count"], await importer.count("customers"), await importer.count()) == (250, 1, 250)


async def test_without_the_option_unknown_customers_fail(importer: Importer) -> None:
    payload = await imported(importer, text([row(customerRef="N1", customerName="Nila Stores")], COLUMNS))
    assert failures(payload) == {2: "CUSTOMER_NOT_FOUND"}
