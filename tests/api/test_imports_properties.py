"""What holds for every file (Hypothesis): a dry run foretells, a corrected failure file leaves none, calls and files agree."""

from __future__ import annotations

import csv
import io
import json
import os
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import make
from hundi.files.store import FileStore
from hundi.kit.formulas import guarded
from hundi.kit.keys import Keyring
from importing import HEADER, Importer, bytes_of, imported, text

EXAMPLES = {"default": 4, "ci": 6, "soak": 400}[os.environ.get("TEST_TIER", "default")]
_SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}

CELLS = st.fixed_dictionaries(
    {
        "invoiceNumber": st.sampled_from(["", "", "A-1", "a-1", "A-2", "INV/26-27/00001", "INV/26-27/00003", "x" * 51]),
        "customerRef": st.sampled_from(["C1", "C1", "C1", "NOBODY", ""]),
        "invoiceDate": st.sampled_from(["2026-11-01", "2026-11-01", "2025-03-31", "31-02-2026", ""]),
        "dueDate": st.sampled_from(["2026-12-01", "2026-12-01", "2020-01-01", "x"]),
        "baseAmount": st.sampled_from(["1000", "1,23,456.78", "₹ 5", "(5)", "0", "1e9", ""]),
        "cgst": st.sampled_from(["", "90", "9"]),
        "sgst": st.sampled_from(["", "90"]),
        "externalId": st.sampled_from(["", "", "E1"]),
        "description": st.sampled_from(
            [
                "",
                "=1+1",
                "'=1",
                "@x",
                '"q", x',
                "a\nb",
                "\\.",
                "\\N",
                "हिन्दी",
                "\u2028",
                "-5",
                "\n=1",
                " =1",
                "\u200b+1",
                "＝1",
                "'\n=1",
                "\t",
                "x" * 2001,
                " | ",
                "row: x",
                "\ufeff",
            ]
        ),
    }
)


async def company(new_seller: Any, store: FileStore, keyring: Keyring) -> Importer:
    seller = await new_seller()
    await seller.customer(uniqueRefNo="C1")
    return Importer(seller, store, keyring)


@settings(max_examples=EXAMPLES, **_SLOW)
@given(rows=st.lists(CELLS, min_size=1, max_size=90), atomic=st.booleans())
async def test_a_dry_run_foretells_and_a_corrected_failure_file_leaves_none(
    rows: list[dict[str, str]], atomic: bool, new_seller: Any, store: FileStore, keyring: Keyring
) -> None:
    importer = await company(new_seller, store, keyring)
    options = {"atomic": atomic, "chunk_rows": 30}
    foreseen = await imported(importer, text(rows), dry_run=True, **options)
    assert await importer.count() == 0
    payload = await imported(importer, text(rows), **options)
    assert await bytes_of(importer, foreseen) == await bytes_of(importer, payload)
    assert payload["success_count"] + payload["failure_count"] == len(rows)
    before = await importer.count()
    again = await imported(importer, text(rows), **options)
    assert (await importer.count(), again["success_count"]) == (before, payload["success_count"])

    for content in await bytes_of(importer, payload):
        cells = [cell for line in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for cell in line]
        assert [cell for cell in cells if guarded(cell) != cell] == [], "a spreadsheet would run this"
    failures = await importer.file(payload["failure_file_url"].replace("http://hundi.test", ""))
    assert len(failures) == payload["failure_count"]
    left = failures
    # Each round a person corrects the cells that are named, and nothing else; what one error hid comes up in the next.
    for _ in range(4):
        if not left:
            break
        done = await imported(importer, text([corrected(one) for one in left], HEADINGS), **options)
        left = await importer.file(done["failure_file_url"].replace("http://hundi.test", ""))
    assert left == []
    assert await importer.count() == before + len(failures)


HEADINGS = (*HEADER, "error_code", "error_message")
_CURES = {
    "customerRef": "C1", "customer": "C1", "invoiceDate": "2026-11-01", "dueDate": "2026-12-01", "baseAmount": "1000",
    "cgst": "", "sgst": "", "externalId": "", "description": "short", "netAmount": "",
}  # fmt: skip
_AMOUNTS = ("baseAmount", "cgst", "sgst")


def corrected(failure: dict[str, str]) -> dict[str, str]:
    """Put right what is named in a row of a failure file."""
    cured = dict(failure)
    named = {part.partition(": ")[0] for part in failure["error_message"].split(" | ")}
    for name in named & _CURES.keys():
        cured["customerRef" if name == "customer" else name] = _CURES[name]
    if named & set(_AMOUNTS):  # they hang together
        cured |= {name: _CURES[name] for name in _AMOUNTS}
    if "invoiceNumber" in named or "DUPLICATE" in failure["error_code"]:
        cured |= {"invoiceNumber": make.number("OK"), "externalId": ""}
    return cured


AMOUNTS = (
    "baseAmount",
    "cgst",
    "sgst",
    "igst",
    "tds",
    "netAmount",
    "totalReceived",
    "balanceAmount",
    "cess",
    "roundOff",
)
SENT = st.fixed_dictionaries(
    {
        "baseAmount": st.sampled_from(["1000", "1000", "0.1", "0.09", "0", "-1", "12.345", "99999999999999.99", "1e3"]),
        "cgst": st.sampled_from([None, None, "90", "91", "95", "-1"]),
        "sgst": st.sampled_from([None, "90", "90"]),
        "igst": st.sampled_from([None, None, None, "180"]),
        "tds": st.sampled_from([None, None, "10", "1001", "-5"]),
        "netAmount": st.sampled_from([None, None, "1180", "1179.5", "1000", "1181.01"]),
        "totalReceived": st.sampled_from([None, None, "100", "5000", "-1"]),
        "balanceAmount": st.sampled_from([None, None, "1080", "1180", "0"]),
        "cess": st.sampled_from([None, None, "5"]),
        "roundOff": st.sampled_from([None, None, "-0.5", "2"]),
        "gstExclusive": st.sampled_from([None, True, False]),
        "reverseCharge": st.sampled_from([None, None, True]),
        "invoiceDate": st.sampled_from(["2026-11-01", "2027-02-01", None]),
        "dueDate": st.sampled_from(["2026-12-01", "2027-03-01", "2026-01-01", "2026-02-30"]),
        "placeOfSupply": st.sampled_from([None, "27", "TN", "Atlantis"]),
        "supplyType": st.sampled_from([None, "B2B", "EXPWP", "ODD"]),
        "emailAddress": st.sampled_from([None, "a@example.com", "nobody"]),
        "mobileNumber": st.sampled_from([None, "9800000001", "call"]),
    }
)


def cell(value: Any) -> str:
    return (
        "" if value is None else {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else value
    )


@settings(max_examples=EXAMPLES, **_SLOW)
@given(sent=st.lists(SENT, min_size=1, max_size=12))
async def test_a_call_and_a_row_get_the_same_verdict(
    sent: list[dict[str, Any]], new_seller: Any, store: FileStore, keyring: Keyring
) -> None:
    importer = await company(new_seller, store, keyring)
    caller = await new_seller()
    customer = await caller.customer()
    numbers = [make.number("V") for _ in sent]
    header = ("invoiceNumber", "customerRef", *SENT_NAMES)
    rows = [
        {"invoiceNumber": number, "customerRef": "C1", **{name: cell(value) for name, value in one.items()}}
        for number, one in zip(numbers, sent, strict=True)
    ]
    payload = await imported(importer, text(rows, header))
    failed = {one["row"]: set(one["error_code"].split(" | ")) for one in payload["failureRequests"]}
    for at, (number, one) in enumerate(zip(numbers, sent, strict=True)):
        body = {name: value for name, value in one.items() if value is not None}
        # The amounts as they are written: a float would lose the largest.
        plain = {name: f"<{body.pop(name)}>" for name in AMOUNTS if name in body}
        words = json.dumps({**body, **plain, "customerId": customer, "invoiceNumber": number})
        reply = await caller.http.post(
            "/api/v0/invoice", content=words.replace('"<', "").replace('>"', ""),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        accepted = reply.status_code == 200
        assert accepted == (at + 2 not in failed), (one, failed.get(at + 2), reply.text)
        if accepted:
            figures = await importer.seller.rows(
                "SELECT base_amount, net_amount, balance, total_received, taxable_value, receivable_status, "
                "place_of_supply FROM invoices WHERE seller_id = $1 AND number_key = $2", number,
            )  # fmt: skip
            assert figures == await caller.rows(
                "SELECT base_amount, net_amount, balance, total_received, taxable_value, receivable_status, "
                "place_of_supply FROM invoices WHERE seller_id = $1 AND number_key = $2", number,
            )  # fmt: skip
            assert isinstance(figures[0]["balance"], Decimal)


SENT_NAMES = (
    "baseAmount", "cgst", "sgst", "igst", "tds", "netAmount", "totalReceived", "balanceAmount", "cess", "roundOff",
    "gstExclusive", "reverseCharge", "invoiceDate", "dueDate", "placeOfSupply", "supplyType", "emailAddress", "mobileNumber",
)  # fmt: skip
