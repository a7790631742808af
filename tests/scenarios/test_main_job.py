"""The main job, end to end: sign in, upload the sample file, dispatch, and every customer has mail, PDF, page and QR."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from running import RunningHundi, pdf_text, qr_texts

MISTAKES = 12


@pytest.fixture
def hundi(tmp_path: Path) -> Iterator[RunningHundi]:
    running = RunningHundi(tmp_path / "data")
    running.start()
    yield running
    running.end()


def _upload(client: httpx2.Client, content: bytes, **headers: str) -> dict[str, Any]:
    reply = client.post(
        "/api/v0/invoice/bulk/create", files={"file": ("sample-invoices.csv", content, "text/csv")}, headers=headers
    )
    assert reply.status_code == 200, reply.text
    envelope = reply.json()
    assert envelope["response_code"] == 0
    return envelope["payload"]


def _rows(client: httpx2.Client, url: str) -> list[dict[str, str]]:
    reply = httpx2.get(url, timeout=30)
    assert reply.status_code == 200, reply.text
    assert "attachment" in reply.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))


def _all_invoices(client: httpx2.Client, **filters: Any) -> list[dict[str, Any]]:
    reply = client.post("/api/v0/invoice/search", params={"limit": 5000, "direction": "ASC"}, json=filters)
    assert reply.status_code == 200, reply.text
    page = reply.json()["payload"]
    assert page["total_count"] == len(page["data"])
    return page["data"]


def _wait_for_mails(hundi: RunningHundi, count: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    outbox = hundi.folder / "outbox" / "CEKDEMO001"
    while time.monotonic() < until:
        if len(list(outbox.glob("*.eml"))) >= count:
            return
        time.sleep(0.2)
    raise AssertionError(f"{len(list(outbox.glob('*.eml')))} of {count} mails after {seconds} s: {hundi.words()}")


@pytest.mark.slow  # a whole installation, a thousand invoices and their mails
def test_from_the_sample_file_to_the_customers_hands(hundi: RunningHundi) -> None:
    sample = (hundi.folder / "sample-invoices.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(sample.decode())))
    assert len(rows) == 1000
    with hundi.client() as client:
        demo_mails = len(list(hundi.mails()))
        before = {one["invoiceId"] for one in _all_invoices(client)}
        assert len(before) == 200

        bulk = _upload(client, sample)
        _check_bulk(client, bulk, rows)
        _check_corrections(client, bulk, rows)

        numbers = {row["invoiceNumber"] for row in rows}
        imported = [one for one in _all_invoices(client) if one["invoiceNumber"] in numbers]
        chosen = imported[:60] + [one for one in imported[60:] if one["netAmount"] > 100000][:5]
        _check_dispatch(hundi, client, chosen, demo_mails)
    assert hundi.stop() == 0


def _check_bulk(client: httpx2.Client, bulk: dict[str, Any], rows: list[dict[str, str]]) -> None:
    assert (bulk["total_count"], bulk["success_count"], bulk["failure_count"]) == (1000, 1000 - MISTAKES, MISTAKES)
    successes, failures = _rows(client, bulk["success_file_url"]), _rows(client, bulk["failure_file_url"])
    assert (len(successes), len(failures)) == (1000 - MISTAKES, MISTAKES)
    # The two files partition the input, and the caller's own columns come back untouched.
    own = list(rows[0])
    back = Counter(tuple(row[column] for column in own) for row in successes + failures)
    assert back == Counter(tuple(row[column] for column in own) for row in rows)
    reasons = {row["error_code"] for row in failures}
    assert len(reasons) >= 9, reasons
    assert all(row["error_message"] for row in failures)
    total = sum(Decimal(row["netAmount"]) for row in successes)
    assert Decimal(str(bulk["total_amount"])) == total


def _check_corrections(client: httpx2.Client, bulk: dict[str, Any], rows: list[dict[str, str]]) -> None:
    """The corrected failure file goes up as it is; sending the whole file again changes nothing."""
    failures = _rows(client, bulk["failure_file_url"])
    for at, row in enumerate(failures):
        row.update(
            customerRef="CUST-001", invoiceNumber=f"FIX/26-27/{at:03d}", baseAmount="100.00", cgst="", sgst="",
            igst="18.00", netAmount="118.00", totalReceived="", dueDate="31-12-2099",
        )  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, list(failures[0]))
    writer.writeheader()
    writer.writerows(failures)
    corrected = _upload(client, text.getvalue().encode())
    assert (corrected["success_count"], corrected["failure_count"]) == (MISTAKES, 0)
    sample = io.StringIO()
    again = csv.DictWriter(sample, list(rows[0]))
    again.writeheader()
    again.writerows(rows)
    repeated = _upload(client, sample.getvalue().encode())
    assert (repeated["success_count"], repeated["failure_count"]) == (1000 - MISTAKES, MISTAKES)
    assert repeated["warn_count"] >= 1000 - MISTAKES
    assert len(_all_invoices(client)) == 200 + 1000


def _check_dispatch(hundi: RunningHundi, client: httpx2.Client, chosen: list[dict[str, Any]], demo_mails: int) -> None:
    ids = [one["invoiceId"] for one in chosen]
    reply = client.post("/api/v0/invoice/bulk/dispatch", json={"invoiceIds": ids, "partialPaymentAllowed": True})
    assert reply.status_code == 200, reply.text
    assert reply.json()["response_code"] == 0
    assert not reply.json()["payload"].get("apiSubErrors")
    _wait_for_mails(hundi, demo_mails + len(ids), 90)
    by_number: Counter[str] = Counter()
    for mail in hundi.mails():
        number = str(mail["Subject"]).split()[1]
        by_number[number] += 1
        if number in {one["invoiceNumber"] for one in chosen[:10]}:
            one = next(one for one in chosen if one["invoiceNumber"] == number)
            _check_mail(client, mail, one)
    assert all(by_number[one["invoiceNumber"]] == 1 for one in chosen)
    # Sending again sends nothing.
    reply = client.post("/api/v0/invoice/bulk/dispatch", json={"invoiceIds": ids})
    assert reply.json()["response_code"] == 0
    time.sleep(1)
    assert sum(1 for _ in hundi.mails()) == demo_mails + len(ids)


def _check_mail(client: httpx2.Client, mail: Any, one: dict[str, Any]) -> None:
    attached = [part for part in mail.iter_attachments() if part.get_content_type() == "application/pdf"]
    assert len(attached) == 1
    pdf = attached[0].get_content()
    text = pdf_text(pdf)
    assert one["invoiceNumber"] in text
    assert one["customerLegalName"].split()[0] in text or not one["customerLegalName"].isascii()
    fresh = client.get(f"/api/v0/invoice/{one['invoiceId']}").json()["payload"]
    assert fresh["dispatched"] is True
    assert fresh["receivableStatus"]["name"] in {"PENDING", "OVERDUE"}
    links = [text for text in qr_texts(pdf) if text.startswith("upi://")]
    payable = fresh["balanceAmount"] <= 100000
    assert len(links) == (1 if payable else 0)
    if payable:
        query = parse_qs(urlsplit(links[0]).query)
        assert Decimal(query["am"][0]) == Decimal(str(fresh["balanceAmount"]))
        assert (query["cu"], query["mode"]) == (["INR"], ["01"])
    page = httpx2.get(fresh["paymentLink"], timeout=30)
    assert page.status_code == 200
    assert one["invoiceNumber"] in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert fresh["paymentLink"] in mail.get_body(("plain",)).get_content()
    download = httpx2.get(f"{fresh['paymentLink']}/invoice.pdf", timeout=30)
    assert download.status_code == 200
    assert download.content.startswith(b"%PDF-")
