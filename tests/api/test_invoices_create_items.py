"""The lines of an invoice at createInvoice (domain §2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import make
from invoice_calls import PATH, exact, post, refused, warned

IGST = {"cgst": None, "sgst": None, "igst": 180}


@pytest.fixture
async def customer(seller: make.Company) -> str:
    """Give a customer in Maharashtra, where the seller is."""
    return await seller.customer()


def line(**changes: Any) -> dict[str, Any]:
    return {"productDescription": "Valve", "assessmentAmount": 500, "gstRate": 18} | changes


async def test_items_are_kept_and_their_taxes_completed(seller: make.Company, customer: str) -> None:
    items = [
        line(hsnCode="848180", quantity=2.5, unit="NOS", unitPrice=200, isService="NO", discount=5),
        line(cgst=45, sgst=45, cess=1, totalItemValue=591, isService="YES", serialno="2"),
    ]
    reply = await post(seller, customer, itemLists=items)
    made = exact(reply)
    read = await seller.http.get(f"{PATH}/{made['invoiceId']}")
    assert read.json()["payload"] == reply.json()["payload"]
    first, second = made["itemLists"]
    assert [first[k] for k in ("cgst", "sgst", "igst", "totalItemValue")] == [Decimal(45), Decimal(45), 0, Decimal(590)]
    assert [str(first[k]) for k in ("quantity", "unitPrice", "gstRate")] == ["2.500", "200.0000", "18.000"]
    assert (first["serialno"], second["serialno"], second["isService"]) == ("1", "2", "YES")
    inter = exact(await post(seller, customer, itemLists=[line(), line()], **IGST))
    assert [item["igst"] for item in inter["itemLists"]] == [Decimal(90), Decimal(90)]
    patched = await seller.http.patch(f"{PATH}/{made['invoiceId']}", json={"description": "with lines"})
    assert len(patched.json()["payload"]["itemLists"]) == 2


async def test_a_rate_without_tax_is_warned_of(seller: make.Company, customer: str) -> None:
    untaxed = {"cgst": None, "sgst": None, "igst": None, "itemLists": [line(gstRate=0), line()]}
    forgotten = await post(seller, customer, **untaxed)
    assert warned(forgotten) == [("itemLists[1].gstRate", "RATE_WITHOUT_TAX")]
    assert warned(await post(seller, customer, **untaxed, supplyType="SEZWOP")) == []
    assert warned(await post(seller, customer, **untaxed, reverseCharge=True)) == []
    assert warned(await post(seller, customer, **untaxed | {"itemLists": [line(gstRate=0), line(gstRate=0)]})) == []
    taxed = await post(seller, customer, itemLists=[line(), line()])
    assert warned(taxed) == []
    path = f"{PATH}/{forgotten.json()['payload']['invoiceId']}"
    again = await seller.http.patch(path, json={"itemLists": [line(), line(gstRate=0)]})
    assert warned(again) == [("itemLists[0].gstRate", "RATE_WITHOUT_TAX")]
    reversed_now = await seller.http.patch(path, json={"itemLists": [line(gstRate=5), line()], "reverseCharge": True})
    assert warned(reversed_now) == []


@pytest.mark.parametrize(
    ("items", "problems"),
    [
        ([line()], [("itemLists", "ITEMS_DO_NOT_ADD_UP")]),
        ([line(), line(assessmentAmount=502)], [("itemLists", "ITEMS_DO_NOT_ADD_UP")]),
        ([line(), line(gstRate=101)], [("itemLists[1].gstRate", "BAD_NUMBER")]),
        ([line(quantity=-1), line(unitPrice=-1)], [("itemLists[0].quantity", "BAD_NUMBER"), ("itemLists[1].unitPrice", "BAD_NUMBER")]),
        ([line(quantity="2"), line()], [("itemLists[0].quantity", "WRONG_TYPE")]),
        ([line(quantity=1e14), line()], [("itemLists[0].quantity", "BAD_NUMBER")]),
        ([line(hsnCode="12"), line(isService="Y")], [("itemLists[0].hsnCode", "BAD_FORMAT"), ("itemLists[1].isService", "BAD_FORMAT")]),
        ([line(productDescription=""), line()], [("itemLists[0].productDescription", "BAD_LENGTH")]),
    ],
)  # fmt: skip
async def test_items_that_cannot_be(
    seller: make.Company, customer: str, items: list[Any], problems: list[tuple[str, str]]
) -> None:
    assert refused(await post(seller, customer, itemLists=items)) == (400, problems)


async def test_lines_within_a_rupee_add_up(seller: make.Company, customer: str) -> None:
    assert (await post(seller, customer, itemLists=[line(), line(assessmentAmount=501)])).status_code == 200
    assert (await post(seller, customer, itemLists=[])).status_code == 200
