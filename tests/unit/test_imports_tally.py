"""Tally's exports: vouchers and ledgers become rows, whatever encoding they claim and whatever XML forbids in them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import workbooks
from hundi.imports.columns import FileKind, Format
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import REPEATED, Manifest, read

GOLDEN = Path(__file__).parent.parent / "golden" / "tally"
SALES = (GOLDEN / "sales.xml").read_bytes()


def rows(manifest: Manifest, folder: Path, *, items: bool = False) -> list[dict[str, Any]]:
    table = manifest.items if items else manifest
    assert table is not None
    frame = pl.concat([pl.read_ipc(folder / chunk.file) for chunk in table.chunks])
    names = [name for name in table.columns if name]
    found = frame.select(**{name: pl.col(f"c{at}") for at, name in enumerate(table.columns) if name}, row=pl.col("row"))
    return [
        {name: row[name] for name in (*names, "row") if row[name] is not None} for row in found.iter_rows(named=True)
    ]


def sent(content: bytes, folder: Path, kind: FileKind = FileKind.INVOICES) -> Manifest:
    source = folder / "export.xml"
    source.write_bytes(content)
    return read(source, folder, 100, 1000, kind)


def test_sales_vouchers_become_invoices(tmp_path: Path) -> None:
    manifest = sent(SALES, tmp_path)
    assert (manifest.format, manifest.total, manifest.unknown, manifest.names_suffice) == (Format.TALLY, 2, [], True)
    assert manifest.remarks == [("VOUCHERS_SKIPPED", "Vouchers passed over: 1 cancelled, 1 optional, 1 not sales.")]
    assert rows(manifest, tmp_path) == [
        {
            "row": 1, "invoiceNumber": "NF/26-27/101", "invoiceDate": "2026-04-15", "dueDate": "2026-05-15",
            "customerName": "Asha Traders", "externalId": "7c1e-00000101", "poNumber": "AT/PO/77",
            "description": "Bolts & nuts, as agreed", "baseAmount": "2000.00", "cgst": "180.00", "sgst": "180.00",
            "netAmount": "2360.00", "placeOfSupply": "Maharashtra",
        },
        {
            "row": 2, "invoiceNumber": "NF/26-27/102", "invoiceDate": "2026-04-16", "dueDate": "2026-04-30",
            "customerName": "Bela Stores", "externalId": "7c1e-00000102", "description": "Annual maintenance of पंखा units",
            "baseAmount": "10000.00", "igst": "1800.00", "discount": "300.50", "otherCharges": "120.70", "roundOff": "0.30",
            "netAmount": "11921.00", "placeOfSupply": "Karnataka",
        },
    ]  # fmt: skip
    first = rows(manifest, tmp_path)[1]
    heads = sum(Decimal(first[name]) for name in ("baseAmount", "igst", "otherCharges", "roundOff"))
    assert heads == Decimal(first["netAmount"])


def test_stock_lines_become_items(tmp_path: Path) -> None:
    manifest = sent(SALES, tmp_path)
    assert rows(manifest, tmp_path, items=True) == [
        {
            "row": 1, "invoiceNumber": "NF/26-27/101", "serialNo": "1", "description": "Bolt M8", "hsnCode": "7318",
            "isService": "no", "quantity": "10", "unit": "Nos", "unitPrice": "100.00", "discount": "50.00",
            "taxableValue": "950.00", "gstRate": "18",
        },
        {
            "row": 2, "invoiceNumber": "NF/26-27/101", "serialNo": "2", "description": "Nut M8", "hsnCode": "7318",
            "isService": "no", "quantity": "420", "unit": "Nos", "unitPrice": "2.50", "taxableValue": "1050.00",
            "gstRate": "18",
        },
    ]  # fmt: skip
    assert pl.read_ipc(tmp_path / REPEATED)["row"].to_list() == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-le"])
@pytest.mark.parametrize("claimed", ["UTF-8", "UTF-16", "windows-1252"])
def test_the_encoding_is_found_out_whatever_the_file_says(encoding: str, claimed: str, tmp_path: Path) -> None:
    text = f'<?xml version="1.0" encoding="{claimed}"?>\r\n' + SALES.decode()
    found = rows(sent(text.encode(encoding), tmp_path), tmp_path)
    assert [row["description"] for row in found] == ["Bolts & nuts, as agreed", "Annual maintenance of पंखा units"]


def test_windows_1252_that_says_utf8_and_a_bare_ampersand(tmp_path: Path) -> None:
    text = SALES.decode().replace("पंखा units", "caf\u00e9 – £5 R&D &nbsp; &#x1; \x07")
    text = '<?xml version="1.0" encoding="UTF-8"?>' + text
    found = rows(sent(text.encode("cp1252"), tmp_path), tmp_path)
    assert found[1]["description"] == "Annual maintenance of caf\u00e9 – £5 R&D &nbsp;"


def test_a_reference_that_lies_across_two_blocks_is_put_right(tmp_path: Path) -> None:
    root = len(b"<ENVELOPE>")
    here = SALES.index(b"&#4;")
    for shift in range(8):
        padding = b" " * (4 * 1024 * 1024 - here - shift)
        found = rows(sent(SALES[:root] + padding + SALES[root:], tmp_path), tmp_path)
        assert found[0]["description"] == "Bolts & nuts, as agreed"


def test_party_masters_become_customers(tmp_path: Path) -> None:
    manifest = sent((GOLDEN / "masters.xml").read_bytes(), tmp_path, FileKind.CUSTOMERS)
    assert rows(manifest, tmp_path) == [
        {
            "row": 1, "legalName": "Asha Traders", "uniqueRefNo": "7c1e-00000041", "treatment": "UNREGISTERED",
            "address": "14 Linking Road, Bandra & Khar", "state": "Maharashtra", "pinCode": "400050",
            "contactName": "Asha Rao", "contactEmail": "asha@example.com", "contactMobile": "9800000001",
            "paymentTermsDays": "30",
        },
        {
            "row": 3, "legalName": "Bela Stores", "uniqueRefNo": "7c1e-00000042", "treatment": "CONSUMER",
            "address": "8 MG Road, Bengaluru", "state": "Karnataka", "pinCode": "560001", "contactName": "Bela Nair",
            "contactMobile": "9800000002",
        },
    ]  # fmt: skip


RECEIVABLES = [
    ["Nadi Fasteners"], ["Bills Receivable"], ["1-Apr-26 to 30-Sep-26"], [],
    ["Date", "Ref. No.", "Party's Name", "Opening Amount", "Pending Amount", "Due on", "Overdue by days"],
    ["15-Apr-26", "NF/101", "Asha Traders", "2,360.00 Dr", "1,000.00 Dr", "15-May-26", "138"],
    ["16-Apr-26", "NF/102", "Bela Stores", "11,921.00 Dr", "11,921.00 Dr", "30-Apr-26", "153"],
    ["", "", "", "14,281.00 Dr", "12,921.00 Dr", "", ""],
]  # fmt: skip


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_open_bills_become_opening_balances_without_their_total(form: str, tmp_path: Path) -> None:
    if form == "xlsx":
        content = workbooks.of(Sheet=RECEIVABLES)
    else:
        content = "\n".join(",".join(f'"{cell}"' for cell in row) for row in RECEIVABLES).encode()
    manifest = sent(content, tmp_path)
    assert (manifest.receivables, manifest.names_suffice, manifest.unknown) == (True, True, ["Overdue by days"])
    assert rows(manifest, tmp_path) == [
        {"invoiceDate": "15-Apr-26", "invoiceNumber": "NF/101", "customerName": "Asha Traders", "baseAmount": "2,360.00 Dr",
         "balanceAmount": "1,000.00 Dr", "dueDate": "15-May-26", "row": 6},
        {"invoiceDate": "16-Apr-26", "invoiceNumber": "NF/102", "customerName": "Bela Stores", "baseAmount": "11,921.00 Dr",
         "balanceAmount": "11,921.00 Dr", "dueDate": "30-Apr-26", "row": 7},
    ]  # fmt: skip


BILLION_LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
REFUSED = {
    "entities": (BILLION_LAUGHS + "<ENVELOPE>&b;</ENVELOPE>", "line 1", "XML_ENTITIES"),
    "outside entity": ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><ENVELOPE/>', "line 1", "XML_ENTITIES"),
    "cut off": (SALES.decode()[: len(SALES) // 2], f"line {SALES[: len(SALES) // 2].count(10) + 1}", "XML_DAMAGED"),
    "too deep": ("<ENVELOPE>" + "<A>" * 100, "line 1", "XML_TOO_DEEP"),
    "no vouchers": ("<ENVELOPE><BODY/></ENVELOPE>", "file", "NO_ROWS"),
    "endless text": (f"<ENVELOPE><VOUCHER><NARRATION>{'x' * 1_200_000}", "line 1", "RECORD_TOO_LONG"),
    "endless voucher": ("<ENVELOPE><VOUCHER>" + "<AMOUNT/>" * 100_001, "line 1", "XML_TOO_DEEP"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_export_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    content, place, code = REFUSED[case]
    with pytest.raises(FileRefused) as told:
        sent(content.encode(), tmp_path)
    problem = told.value.refusal.problems[0]
    assert (problem.field, problem.code) == (place, code)


def test_groups_in_a_circle_end(tmp_path: Path) -> None:
    content = (
        '<ENVELOPE><GROUP NAME="A"><PARENT>B</PARENT></GROUP><GROUP NAME="B"><PARENT>A</PARENT></GROUP>'
        '<LEDGER NAME="X"><PARENT>A</PARENT></LEDGER></ENVELOPE>'
    )
    with pytest.raises(FileRefused) as told:
        sent(content.encode(), tmp_path, FileKind.CUSTOMERS)
    assert told.value.refusal.problems[0].code == "NO_ROWS"


def voucher(*entries: tuple[str, str], kind: str = "Sales") -> str:
    lines = "".join(
        f"<LEDGERENTRIES.LIST><LEDGERNAME>{name}</LEDGERNAME><AMOUNT>{amount}</AMOUNT></LEDGERENTRIES.LIST>"
        for name, amount in entries
    )
    return (
        f"<VOUCHER><DATE>20260415</DATE><VOUCHERTYPENAME>{kind}</VOUCHERTYPENAME><VOUCHERNUMBER>1</VOUCHERNUMBER>"
        f"<PARTYLEDGERNAME>Asha</PARTYLEDGERNAME>{lines}</VOUCHER>"
    )


def amounts(content: str, folder: Path) -> dict[str, str]:
    [found] = rows(sent(f"<ENVELOPE><TALLYMESSAGE>{content}</TALLYMESSAGE></ENVELOPE>".encode(), folder), folder)
    names = ("baseAmount", "cgst", "sgst", "igst", "tcs", "netAmount")
    return {name: found[name] for name in names if name in found}


@pytest.mark.parametrize(
    ("central", "state"),
    [
        ("CGST", "SGST"), ("CGST9%", "SGST9%"), ("OutputCGST", "Output_SGST"), ("C-GST", "S.G.S.T."), ("C GST", "UT GST"),
        ("Central Tax", "State Tax"), ("CGST_9", "UTGST_9"),
    ],
)  # fmt: skip
def test_a_tax_is_a_tax_however_its_ledger_is_written(tmp_path: Path, central: str, state: str) -> None:
    content = voucher(("Asha", "-1180.00"), ("Sale of goods", "1000.00"), (central, "90.00"), (state, "90.00"))
    assert amounts(content, tmp_path) == {
        "baseAmount": "1000.00", "cgst": "90.00", "sgst": "90.00", "netAmount": "1180.00",
    }  # fmt: skip


def test_what_a_party_owes_is_all_of_its_entries(tmp_path: Path) -> None:
    content = voucher(("Asha", "-600"), ("Asha", "-581"), ("Sales", "1000"), ("IGST18%", "180"), ("TCS0.1%", "1"))
    assert amounts(content, tmp_path) == {"baseAmount": "1000", "igst": "180", "tcs": "1", "netAmount": "1181"}


def test_entries_that_stand_in_both_lists_count_once(tmp_path: Path) -> None:
    content = voucher(("Asha", "-1180"), ("Sales", "1000"), ("IGST", "180"))
    lists = content[content.index("<LEDGER") : content.rindex("</VOUCHER>")]
    both = content.replace("</VOUCHER>", lists.replace("LEDGERENTRIES.LIST", "ALLLEDGERENTRIES.LIST") + "</VOUCHER>")
    assert amounts(both, tmp_path) == {"baseAmount": "1000", "igst": "180", "netAmount": "1180"}


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        ("-$ 10.00 @ Rs. 80/$ = -Rs. 800.00", "$ 10.00 @ Rs. 80/$ = Rs.800.00"), ("-₹ 800.00", "₹800.00"),
        ("-Rs.800.00", "Rs. 800.00"), ("(-)800.00", "800.00"),
    ],
)  # fmt: skip
def test_a_sign_before_a_currency_counts(tmp_path: Path, debit: str, credit: str) -> None:
    content = voucher(("Asha", debit), ("Export of goods", credit), kind="Cash Memo")
    assert amounts(content, tmp_path) == {"baseAmount": "800.00", "netAmount": "800.00"}


# What each voucher of counter.xml comes to beside its names and dates, and its lines: (quantity, unit, price, discount,
# taxable value, rate, cess).
_GST = {"baseAmount": "1000.00", "cgst": "90.00", "sgst": "90.00", "netAmount": "1180.00"}
_BOLTS = ("10", "Nos", "100.00", None, "1000.00", "18", None)
COUNTER: dict[str, tuple[dict[str, str], list[tuple[str | None, ...]]]] = {
    "01 part paid": ({**_GST, "totalReceived": "800.00"}, [_BOLTS]),
    "02 cash sale": ({**_GST, "totalReceived": "1180.00"}, [_BOLTS]),
    "03 a till": ({**_GST, "totalReceived": "1180.00"}, [_BOLTS]),
    "04 card, and change": ({**_GST, "totalReceived": "1180.00"}, [_BOLTS]),
    "05 two godowns": (_GST, [_BOLTS]),
    "06 goods that came back": (
        {"baseAmount": "800.00", "cgst": "72.00", "sgst": "72.00", "netAmount": "944.00"}, [],
    ),
    "07 goods given free": (_GST, [_BOLTS, ("2", "Nos", "0.00", None, "0", "18", None)]),
    "08 freight that is a line": (
        {"baseAmount": "1200.00", "cgst": "108.00", "sgst": "108.00", "netAmount": "1416.00"},
        [_BOLTS, (None, None, None, None, "200.00", "18", None)],
    ),
    "09 packing taxed with the goods": (
        {"baseAmount": "1100.00", "cgst": "99.00", "sgst": "99.00", "netAmount": "1298.00"}, [],
    ),
    "10 insurance that was taxed": (
        {"baseAmount": "1050.00", "cgst": "94.50", "sgst": "94.50", "netAmount": "1239.00"}, [],
    ),
    "11 postage that was not": ({**_GST, "otherCharges": "40.00", "netAmount": "1220.00"}, [_BOLTS]),
    "12 misleading names": ({"baseAmount": "2000.00", "igst": "360.00", "netAmount": "2360.00"}, []),
    "13 a carrier": ({"baseAmount": "1000.00", "igst": "50.00", "netAmount": "1050.00"}, []),
    "14 stock that stands twice": ({"baseAmount": "1000.00", "igst": "180.00", "netAmount": "1180.00"}, [_BOLTS]),
    "15 discount, TDS, rounding": (
        {"baseAmount": "900.50", "cgst": "81.05", "sgst": "81.05", "discount": "100.00", "roundOff": "-0.68", "tds": "1.00",
         "netAmount": "1060.90"}, [],
    ),
    "16 other units": (
        _GST, [("3.5", "Box", "200.00", None, "700.00", "18", None), ("100", "Nos", None, None, "300.00", "18", None)],
    ),
    "17 true and seeming discounts": (
        _GST,
        [("3", "Nos", "33.34", None, "100.00", "18", None), ("10", "Nos", "100.00", "100.00", "900.00", "18", None)],
    ),
    "18 dollars": (
        {"baseAmount": "4000.00", "netAmount": "4000.00"}, [("100", "Nos", "40.00", None, "4000.00", "18", None)],
    ),
    "19 cess": (
        {"baseAmount": "1000.00", "cgst": "140.00", "sgst": "140.00", "cess": "120.00", "netAmount": "1400.00"},
        [("100", "Nos", "10.00", None, "1000.00", "28", "120.00")],
    ),
}  # fmt: skip
_NOT_AMOUNTS = frozenset(
    {"row", "invoiceNumber", "invoiceDate", "dueDate", "customerName", "externalId", "description"}
)


def test_what_people_have_in_their_vouchers(tmp_path: Path) -> None:
    manifest = sent((GOLDEN / "counter.xml").read_bytes(), tmp_path)
    assert manifest.remarks[0] == ("VOUCHERS_SKIPPED", "Vouchers passed over: 1 not sales.")
    assert manifest.remarks[1][0] == "ITEMS_LEFT_OUT"
    assert manifest.remarks[1][1].startswith("4 vouchers came without their lines")
    lines: dict[str, list[tuple[str | None, ...]]] = {}
    names = ("quantity", "unit", "unitPrice", "discount", "taxableValue", "gstRate", "cess")
    for one in rows(manifest, tmp_path, items=True):
        lines.setdefault(one["invoiceNumber"], []).append(tuple(one.get(name) for name in names))
    found = rows(manifest, tmp_path)
    assert [one["row"] for one in found] == list(range(1, 20))
    for one, (case, (figures, its_lines)) in zip(found, COUNTER.items(), strict=True):
        assert one["invoiceNumber"] == f"NF/C/{case[:2]}"
        assert {name: text for name, text in one.items() if name not in _NOT_AMOUNTS} == figures, case
        assert lines.get(one["invoiceNumber"], []) == its_lines, case
    assert [(one["customerName"], one["dueDate"]) for one in found[1:4]] == [
        ("R. Iyer", "2026-05-02"), ("Galla", "2026-05-02"), ("Cash", "2026-05-02"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "money"),
    [
        ("Cash", True), ("Petty Cash", True), ("HDFC A/c 1177", True), ("State Bank of India", True), ("PhonePe", True),
        ("Cash discount allowed", False), ("Bank charges recovered", False), ("Cashew sales", False), ("Asha Traders", False),
    ],
)  # fmt: skip
def test_money_is_known_by_its_ledgers_name(tmp_path: Path, name: str, money: bool) -> None:
    content = voucher(("Asha", "-1000"), (name, "-180"), ("Sales", "1000"), ("IGST", "180"))
    [found] = rows(sent(f"<ENVELOPE>{content}</ENVELOPE>".encode(), tmp_path), tmp_path)
    assert found.get("totalReceived") == ("180" if money else None)
    assert found["netAmount"] == ("1180" if money else "1000")


def test_a_voucher_whose_every_entry_is_unreadable_is_still_a_row(tmp_path: Path) -> None:
    assert amounts(voucher(("Asha", "?"), ("Sales", "many")), tmp_path) == {"baseAmount": "many"}
