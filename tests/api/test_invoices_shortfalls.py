"""Why a document is no tax invoice is told where a clerk looks (domain §8)."""

from __future__ import annotations

from typing import Any

import httpx2
import pypdfium2
import pytest

import make
from hundi.documents import shortfalls
from hundi.documents.shortfalls import MOST_TOLD
from invoice_calls import PATH, post

ITEM = {
    "productDescription": "Valve", "hsnCode": "848180", "quantity": 2, "unit": "NOS", "assessmentAmount": 1000, "gstRate": 18,
}  # fmt: skip
DISPATCH = f"{PATH}/bulk/dispatch"


def told(reply: httpx2.Response) -> list[tuple[str, str]]:
    assert reply.status_code == 200, reply.text
    assert all(one["message"].endswith(".") for one in reply.json().get("warnings", []))
    return [(one["field"], one["code"]) for one in reply.json().get("warnings", [])]


async def read(seller: make.Company, made: dict[str, Any]) -> list[tuple[str, str]]:
    return told(await seller.http.get(f"{PATH}/{made['invoiceId']}/documents"))


async def test_a_complete_invoice_is_told_nothing(seller: make.Company) -> None:
    customer = await seller.customer(panOrGstin=make.gstin())
    reply = await post(seller, customer, itemLists=[ITEM])
    assert told(reply) == []
    assert await read(seller, reply.json()["payload"]) == []
    sent = await seller.http.post(DISPATCH, json={"invoiceIds": [reply.json()["payload"]["invoiceId"]]})
    assert told(sent) == []


async def test_what_lines_lack_is_told_at_their_fields(seller: make.Company) -> None:
    bare = await post(seller, await seller.customer())
    assert told(bare) == []
    assert await read(seller, bare.json()["payload"]) == [("itemLists", "ITEMS_MISSING")]
    half = {**ITEM, "hsnCode": None, "quantity": None, "assessmentAmount": 500}
    reply = await post(seller, await seller.customer(), itemLists=[{**ITEM, "assessmentAmount": 500}, half])
    assert told(reply) == [("itemLists[1].hsnCode", "ITEM_PARTICULARS_MISSING")]
    assert "HSN, quantity and unit of item 2" in reply.json()["warnings"][0]["message"]
    made = reply.json()["payload"]
    assert await read(seller, made) == told(reply)
    await seller.http.patch(f"{PATH}/{made['invoiceId']}", json={"itemLists": [ITEM]})
    assert await read(seller, made) == []


async def test_what_customer_and_registration_lack_is_told_beside_its_documents(seller: make.Company) -> None:
    customer = await seller.customer(panOrGstin=make.gstin(), address=None)
    made = await seller.invoice(customer, itemLists=[ITEM])
    assert await read(seller, made) == [("customer.address", "RECIPIENT_ADDRESS_MISSING")]
    await seller.run("UPDATE registrations SET address_line1 = '-', city = '-', gstin = NULL WHERE seller_id = $1")
    assert await read(seller, made) == [
        ("registration.addressLine1", "SUPPLIER_ADDRESS_MISSING"), ("registration.gstin", "SUPPLIER_GSTIN_MISSING"),
        ("customer.address", "RECIPIENT_ADDRESS_MISSING"),
    ]  # fmt: skip


async def test_an_irn_without_its_qr_is_told(seller: make.Company, client: httpx2.AsyncClient) -> None:
    """Rule 46(r): the document that was a tax invoice before the IRN came is none until the QR has come too."""
    made = await seller.invoice(itemLists=[ITEM])
    await seller.run("UPDATE invoices SET irn = repeat('a', 64) WHERE seller_id = $1")
    assert await read(seller, made) == [("signedQr", "SIGNED_QR_MISSING")]
    assert told(await seller.http.post(DISPATCH, json={"invoiceIds": [made["invoiceId"]]})) == [
        ("invoiceIds[0]", "NOT_A_TAX_INVOICE")
    ]
    shown = (await seller.http.get(f"{PATH}/{made['invoiceId']}")).json()["payload"]
    content = (await client.get(f"{shown['paymentLink'].removeprefix('http://hundi.test')}/invoice.pdf")).content
    assert "not a tax invoice" in pypdfium2.PdfDocument(content)[0].get_textpage().get_text_range()
    qr = await seller.http.patch(f"{PATH}/{made['invoiceId']}", json={"signedQr": "x.y.z"})
    assert (told(qr), await read(seller, made)) == ([], [])


async def test_many_lines_are_told_in_part(seller: make.Company) -> None:
    line = {**ITEM, "hsnCode": None, "assessmentAmount": 10}
    reply = await post(seller, await seller.customer(), itemLists=[line] * 100)
    assert len(told(reply)) == MOST_TOLD + 1
    assert told(reply)[-1] == ("itemLists", "MORE_MISSING")
    assert reply.json()["warnings"][-1]["message"].startswith(f"{100 - MOST_TOLD} more ")


async def test_nothing_is_missing_where_the_own_document_is_mailed_or_it_is_cancelled(seller: make.Company) -> None:
    made = await seller.invoice()
    path = f"{PATH}/{made['invoiceId']}"
    files = {"file": ("bill.pdf", b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n")}
    assert (await seller.http.post(f"{path}/attachment", files=files, data={"primary": "true"})).status_code == 200
    assert await read(seller, made) == []
    other = await seller.invoice(itemLists=[{**ITEM, "hsnCode": None}])
    sent = await seller.http.post(DISPATCH, json={"invoiceIds": [made["invoiceId"], other["invoiceId"]]})
    assert told(sent) == [("invoiceIds[1]", "NOT_A_TAX_INVOICE")]
    await seller.http.patch(f"{PATH}/{other['invoiceId']}", json={"receivableStatus": "CANCELLED"})
    assert await read(seller, other) == []


async def test_a_large_dispatch_looks_at_some_documents_and_says_so(
    seller: make.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortfalls, "MOST_LOOKED_AT", 1)
    ids = [(await seller.invoice(itemLists=[{**ITEM, "hsnCode": None}]))["invoiceId"] for _ in range(3)]
    sent = await seller.http.post(DISPATCH, json={"invoiceIds": ids})
    assert told(sent) == [("invoiceIds[0]", "NOT_A_TAX_INVOICE"), ("invoiceIds[1]", "MORE_NOT_LOOKED_AT")]
    bare = (await seller.invoice())["invoiceId"]
    assert told(await seller.http.post(DISPATCH, json={"invoiceIds": [bare]})) == []
    assert "of 2 invoices" in sent.json()["warnings"][-1]["message"]
