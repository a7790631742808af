"""invoiceBulkUpload over HTTP: the reply, the result files, repeats, keys, progress (domain §10; design §4.3, §5)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

import importing
import make
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from importing import PATH, Importer, codes, row, text


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Konkan Traders")
    return Importer(seller, store, keyring)


DOCUMENTED = {
    "failureRequests", "successRequests", "failure_count", "failure_count_second_file", "success_count", "total_count",
    "warn_count", "failure_file_name", "failure_file_url", "success_file_name", "success_file_url", "total_amount",
}  # fmt: skip


async def test_every_row_ends_in_exactly_one_result(importer: Importer) -> None:
    good = [row() for _ in range(3)]
    bad = [row(dueDate="31-02-2026"), row(customerRef="NOBODY"), row(baseAmount="-5")]
    reply = await importer.send(text([good[0], bad[0], good[1], bad[1], bad[2], good[2]]))

    assert reply.status_code == 200
    body = msgspec.json.decode(reply.content, type=dict[str, Any])
    payload = body["payload"]
    assert body["response_code"] == 0
    assert payload.keys() == DOCUMENTED
    assert (payload["success_count"], payload["failure_count"], payload["total_count"]) == (3, 3, 6)
    assert b'"total_amount":3540.00' in reply.content
    assert [one["row"] for one in payload["successRequests"]] == [2, 4, 7]
    assert [(one["row"], one["error_code"]) for one in payload["failureRequests"]] == [
        (3, "DATE_FORMAT"), (5, "CUSTOMER_NOT_FOUND"), (6, "NEGATIVE"),
    ]  # fmt: skip
    successes, failures = await importer.results(payload)
    assert [one["invoiceNumber"] for one in successes] == [one["invoiceNumber"] for one in good]
    assert [one["invoiceNumber"] for one in failures] == [one["invoiceNumber"] for one in bad]
    assert {one["invoiceId"] for one in successes} == {one["invoiceId"] for one in payload["successRequests"]}
    assert failures[0]["description"] == "Bolts, M8"
    assert await importer.count() == 3


async def test_an_imported_invoice_is_what_create_would_have_made(importer: Importer, seller: make.Company) -> None:
    one = row(
        baseAmount="1,23,456.78", cgst="11111.11", sgst="11111.11", invoiceDate="1-Nov-2026", dueDate="01/12/2026"
    )
    await importer.good(text([one]))
    customer = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    made = await _created(seller, customer)
    stored = await seller.rows("SELECT * FROM invoices WHERE seller_id = $1 ORDER BY created_via")
    told = {"invoice_id", "invoice_number", "number_key", "created_via", "import_id", "row_no", "content_hash", "created_at",
            "modified_at", "created_by", "modified_by"}  # fmt: skip
    api, bulk = ({name: value for name, value in entry.items() if name not in told} for entry in stored)
    assert api == bulk
    assert made["netAmount"] == 145679.00


async def _created(seller: make.Company, customer: str) -> dict[str, Any]:
    body = (
        f'{{"customerId":"{customer}","baseAmount":123456.78,"cgst":11111.11,"sgst":11111.11,"invoiceDate":"2026-11-01",'
        f'"dueDate":"2026-12-01","description":"Bolts, M8","invoiceNumber":"{make.number()}"}}'
    )
    reply = await seller.http.post("/api/v0/invoice", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


async def test_the_same_file_twice_changes_nothing(importer: Importer, clock: make.MovedClock) -> None:
    rows = [row(), row(invoiceNumber=""), row(invoiceNumber="", externalId="ERP-1"), row(customerRef="NOBODY")]
    first = await importer.good(text(rows))
    clock.move(seconds=5)
    second = await importer.good(text(rows))

    assert (first["success_count"], first["warn_count"]) == (3, 0)
    assert (second["success_count"], second["failure_count"], second["warn_count"]) == (3, 1, 3)
    assert second["successRequests"] == first["successRequests"]
    assert second["total_amount"] == first["total_amount"]
    successes, _ = await importer.results(second)
    assert all("imported before" in one["warning"] for one in successes)
    assert await importer.count() == 3


async def test_a_key_with_other_content_is_a_conflict_and_twice_in_the_file_too(importer: Importer) -> None:
    known = row(externalId="E-1")
    await importer.good(text([known]))
    fresh = row()
    payload = await importer.good(
        text([
            {**known, "baseAmount": "2000"},
            fresh,
            {**fresh, "description": "another"},
            row(externalId="E-1"),
            {**fresh, "invoiceNumber": fresh["invoiceNumber"].lower()},
        ])
    )  # fmt: skip
    assert [(one["row"], one["error_code"]) for one in payload["failureRequests"]] == [
        (2, "DUPLICATE_CONFLICT"), (4, "DUPLICATE_IN_FILE"), (5, "DUPLICATE_CONFLICT"), (6, "DUPLICATE_IN_FILE"),
    ]  # fmt: skip
    assert await importer.count() == 2


async def test_an_invoice_made_by_a_call_is_known_by_its_core_values(importer: Importer, seller: make.Company) -> None:
    customer = await seller.value("SELECT customer_id FROM customers WHERE seller_id = $1")
    made = await seller.invoice(customer, invoiceDate="2026-11-01", dueDate="2026-12-01")
    same = row(invoiceNumber=made["invoiceNumber"])
    payload = await importer.good(text([same]))
    assert payload["successRequests"] == [
        {"row": 2, "invoiceNumber": made["invoiceNumber"], "invoiceId": made["invoiceId"]}
    ]
    assert payload["warn_count"] == 1
    payload = await importer.good(text([{**same, "cgst": "80", "sgst": "80"}]))
    assert payload["failureRequests"][0]["error_code"] == "DUPLICATE_CONFLICT"


async def test_the_corrected_failure_file_leaves_no_failure(importer: Importer) -> None:
    rows = [
        row(),
        row(dueDate="2026-13-01"),
        row(description="=cmd|' /C calc'!A0", baseAmount="x"),
        row(customerRef="C2"),
    ]
    payload = await importer.good(text(rows))
    reply = await importer.seller.http.get(payload["failure_file_url"])
    failures = reply.content.decode("utf-8-sig")
    assert "'=cmd" in failures
    corrected = failures.replace("2026-13-01", "2026-12-01").replace(",x,", ",7.50,").replace("C2", "C1")
    payload = await importer.good(corrected.encode("utf-8-sig"))
    assert (payload["success_count"], payload["failure_count"]) == (3, 0)
    texts = await importer.seller.rows("SELECT description FROM invoices WHERE seller_id = $1 AND base_amount = 7.5")
    assert texts == [{"description": "=cmd|' /C calc'!A0"}]


async def test_the_success_file_comes_back_unchanged(importer: Importer) -> None:
    payload = await importer.good(text([row(), row()]))
    reply = await importer.seller.http.get(payload["success_file_url"])
    assert reply.headers["x-content-type-options"] == "nosniff"
    stored = await importer.seller.value(
        "SELECT array_agg(DISTINCT content_type) FROM stored_files WHERE seller_id = $1"
    )
    assert reply.headers["content-type"] in stored
    assert reply.headers["content-type"] != "application/octet-stream"
    again = await importer.good(reply.content)
    assert (again["success_count"], again["warn_count"]) == (2, 2)


async def test_numbers_come_from_the_series_gapless_and_in_file_order(importer: Importer) -> None:
    rows = [row(invoiceNumber="", description=f"n{at}", baseAmount="bad" if at == 2 else "1000") for at in range(5)]
    payload = await importer.good(text(rows))
    assert [one["invoiceNumber"] for one in payload["successRequests"]] == [f"INV/26-27/0000{n}" for n in (1, 2, 3, 4)]
    typed = row(invoiceNumber="INV/26-27/00006")
    await importer.good(text([typed]))
    payload = await importer.good(
        text([row(invoiceNumber="", description="a"), row(invoiceNumber="", description="b")])
    )
    assert [one["invoiceNumber"] for one in payload["successRequests"]] == ["INV/26-27/00005", "INV/26-27/00007"]


async def test_opening_money_becomes_an_entry(importer: Importer) -> None:
    header = (*importing.HEADER, "totalReceived", "balanceAmount")
    await importer.good(text([row(totalReceived="180"), row(balanceAmount="0"), row()], header))
    stored = await importer.seller.rows(
        "SELECT i.balance, i.receivable_status, e.kind, e.amount FROM invoices i LEFT JOIN invoice_entries e "
        "ON e.seller_id = $1 AND e.invoice_id = i.invoice_id WHERE i.seller_id = $1 ORDER BY i.row_no"
    )
    assert [tuple(map(str, one.values())) for one in stored] == [
        ("1000.00", "PARTIALLY_PAID", "OPENING", "180.00"), ("0.00", "PAID", "OPENING", "1180.00"),
        ("1180.00", "PENDING", "None", "None"),
    ]  # fmt: skip


async def test_another_companys_customer_is_not_found(importer: Importer, new_seller: Any) -> None:
    other = await new_seller()
    foreign = await other.customer(uniqueRefNo="THEIRS")
    header = ("customerId", *importing.HEADER)
    payload = await importer.good(text([row(customerId=foreign), row(customerRef="THEIRS")], header))
    assert [one["error_code"] for one in payload["failureRequests"]] == ["CUSTOMER_NOT_FOUND"] * 2


async def test_customers_are_found_by_id_gstin_and_name_with_pin(importer: Importer, seller: make.Company) -> None:
    gstin = make.gstin("29")
    by_gstin = await seller.customer(panOrGstin=gstin, legalName="Bengaluru Mills", state="Karnataka", pinCode="560001")
    await seller.customer(legalName="Namesake", pinCode="411002")
    await seller.customer(legalName="Namesake", pinCode="411002")
    header = ("customerId", "customerGstin", "customerName", "customerPin", *importing.HEADER)
    rows = [
        row(customerRef="", customerId=by_gstin, gstRate=""),
        row(customerRef="", customerGstin=gstin.lower()),
        row(customerRef="", customerName="bengaluru mills", customerPin="560001"),
        row(customerRef="", customerName="Namesake", customerPin="411002"),
        row(customerRef=""),
    ]
    for one in rows:
        one.pop("gstRate", None)
    payload = await importer.good(text(rows, header))
    assert payload["success_count"] == 3
    assert [one["error_code"] for one in payload["failureRequests"]] == ["CUSTOMER_AMBIGUOUS", "CUSTOMER_MISSING"]
    assert await seller.value("SELECT count(*) FROM invoices WHERE seller_id = $1 AND customer_id = $2", by_gstin) == 3


async def test_a_key_joins_the_import_and_gets_the_same_bytes(importer: Importer) -> None:
    content = text([row(), row(customerRef="X")])
    first, second = await asyncio.gather(
        importer.send(content, Idempotency_Key="k1"), importer.send(content, Idempotency_Key="k1")
    )
    third = await importer.send(content, Idempotency_Key="k1")
    assert first.content == second.content == third.content
    assert third.headers["Idempotency-Replayed"] == "true"
    assert sorted("Idempotency-Replayed" in one.headers for one in (first, second)) == [False, True]
    assert await importer.count("imports") == 1
    other = await importer.send(content + "\n", Idempotency_Key="k1")
    assert (other.status_code, codes(other)) == (422, [("request", "IDEMPOTENCY_KEY_REUSED")])


async def test_a_key_holds_for_a_day(importer: Importer, clock: make.MovedClock) -> None:
    await importer.good(text([row()]), Idempotency_Key="k3")
    clock.move(hours=25)
    importer.seller.clients.clear()  # the access token has expired too
    other = await importer.send(text([row()]), Idempotency_Key="k3")
    assert other.status_code == 200
    assert "Idempotency-Replayed" not in other.headers


async def test_a_refused_file_is_refused_in_the_same_words_again(importer: Importer) -> None:
    first = await importer.send("a,b\n1,2\n", Idempotency_Key="k2")
    again = await importer.send("a,b\n1,2\n", Idempotency_Key="k2")
    assert first.status_code == 400
    assert first.content == again.content


async def test_respond_async_and_progress(importer: Importer, seller: make.Company, new_seller: Any) -> None:
    reply = await seller.http.post(
        PATH, files={"file": ("a.csv", text([row(), row(dueDate="x")]))}, headers={"Prefer": "respond-async"}
    )
    assert reply.status_code == 202
    url = reply.headers["Location"]
    assert reply.json()["payload"]["url"] == url
    before = (await seller.http.get(url)).json()["payload"]
    assert (before["state"], before["doneRows"]) == ("RECEIVED", 0)
    await importer.run(reply.json()["payload"]["importId"])
    after = (await seller.http.get(url)).json()["payload"]
    assert (after["state"], after["totalRows"], after["doneRows"], after["successCount"]) == ("DONE", 2, 2, 1)
    assert after["result"].keys() == DOCUMENTED
    other = await new_seller()
    assert (await other.http.get(url)).status_code == 404
    assert (await seller.http_as(["viewer"]).get(url)).status_code == 403
    assert (await seller.http_factory().get(url)).status_code == 401


async def test_links_expire_and_unknown_ones_are_404(importer: Importer, clock: make.MovedClock) -> None:
    payload = await importer.good(text([row()]))
    http = importer.seller.http_factory()
    reply = await http.get(payload["success_file_url"])
    assert reply.headers["content-disposition"].startswith('attachment; filename="bills-success.csv"')
    clock.move(days=8)
    for url in (payload["success_file_url"], "http://hundi.test/files/nothing"):
        reply = await http.get(url)
        assert (reply.status_code, codes(reply)) == (404, [("request", "LINK_UNKNOWN")])


async def test_the_template_can_be_filled_in_and_uploaded(importer: Importer, seller: make.Company) -> None:
    reply = await seller.http.get("/api/v0/invoice/bulk/template")
    assert reply.status_code == 200
    template = reply.content.decode("utf-8-sig").replace("CUST-001", "C1")
    payload = await importer.good(template)
    assert (payload["success_count"], payload["failure_count"]) == (1, 0)


async def test_unknown_columns_are_warned_of(importer: Importer) -> None:
    reply = await importer.send(text([row(colour="red")], (*importing.HEADER, "colour")))
    assert reply.json()["warnings"][0]["code"] == "COLUMN_UNKNOWN"
    assert reply.json()["warnings"][0]["field"] == "colour"


async def test_a_chunk_leaves_one_audit_and_one_event_row(importer: Importer) -> None:
    await importer.good(text([row() for _ in range(5)]))
    found = await importer.seller.rows("SELECT after FROM audit_log WHERE seller_id = $1 AND action = 'invoice.import'")
    assert len(found) == 1
    assert msgspec.json.decode(found[0]["after"])["successCount"] == 5
    assert (
        await importer.seller.value("SELECT count(*) FROM events WHERE seller_id = $1 AND type = 'invoice.imported'")
        == 1
    )


async def test_dispatch_now_asks_for_the_dispatch_of_those_rows(importer: Importer, database_urls: Any) -> None:
    header = (*importing.HEADER, "dispatchNow")
    payload = await importer.good(
        text([row(dispatchNow="yes"), row(dispatchNow="no"), row(dispatchNow="maybe")], header)
    )
    assert payload["failureRequests"][0]["error_code"] == "NOT_A_FLAG"
    async with importer.seller.db.read(importer.seller.seller_id) as tx:
        found = await tx.fetch("SELECT payload FROM pgqueuer WHERE entrypoint = 'invoices.dispatch_requested'")
    asked = [msgspec.json.decode(one["payload"]) for one in found]
    mine = [one for one in asked if one["seller_id"] == importer.seller.seller_id]
    assert [one["invoice_ids"] for one in mine] == [[payload["successRequests"][0]["invoiceId"]]]
