"""Tally's sales vouchers and party ledgers as rows of our columns (domain §10).

In Tally's XML debits are negative: the party of a sale is debited, so its amount is minus what it owes; sales and taxes
are credits. Cancelled and optional vouchers and those that are no sales are passed over and counted. Rows are numbered as
the vouchers (or ledgers) stand in the file. Runs in the limited child only.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hundi.imports.records import EXTRA, PROBLEMS, ROW
from hundi.imports.tally import Node, nodes
from hundi.kit.dates import NotADate, parse_date

INVOICE_HEADINGS: Final = (
    "invoiceNumber", "invoiceDate", "dueDate", "customerName", "customerGstin", "customerPin", "registrationGstin",
    "externalId", "poNumber", "description", "baseAmount", "cgst", "sgst", "igst", "cess", "discount", "otherCharges", "tcs",
    "roundOff", "tds", "netAmount", "placeOfSupply", "reverseCharge", "irn", "ackNo", "ackDate", "signedQr", "ewayBillNo",
    "shipToName", "shipToPin", "shipToState",
)  # fmt: skip
ITEM_HEADINGS: Final = (
    "invoiceNumber", "serialNo", "description", "hsnCode", "isService", "quantity", "unit", "unitPrice", "discount",
    "taxableValue", "gstRate",
)  # fmt: skip
CUSTOMER_HEADINGS: Final = (
    "legalName", "uniqueRefNo", "gstin", "pan", "treatment", "address", "state", "pinCode", "contactName", "contactEmail",
    "contactMobile", "contactNumber", "paymentTermsDays",
)  # fmt: skip

_LEDGERS: Final = ("LEDGERENTRIES.LIST", "ALLLEDGERENTRIES.LIST")
_STOCK: Final = ("ALLINVENTORYENTRIES.LIST", "INVENTORYENTRIES.LIST")
_WANTED: Final = frozenset({
    *_LEDGERS, *_STOCK, "BILLALLOCATIONS.LIST", "RATEDETAILS.LIST", "INVOICEORDERLIST.LIST", "EWAYBILLDETAILS.LIST",
    "DATE", "GUID", "NARRATION", "PARTYGSTIN", "PARTYNAME", "PARTYLEDGERNAME", "PARTYPINCODE", "PLACEOFSUPPLY", "STATENAME",
    "CMPGSTIN", "VOUCHERTYPENAME", "VOUCHERNUMBER", "ISCANCELLED", "ISOPTIONAL", "ISDELETED", "IRN", "IRNACKNO",
    "IRNACKDATE", "IRNQRCODE", "CONSIGNEEMAILINGNAME", "CONSIGNEEPINCODE", "CONSIGNEESTATENAME", "BILLNUMBER",
    "BASICPURCHASEORDERNO", "ISREVERSECHARGEAPPLICABLE", "LEDGERNAME", "AMOUNT", "ISPARTYLEDGER", "BILLCREDITPERIOD",
    "STOCKITEMNAME", "GSTHSNNAME", "HSNCODE", "GSTHSNCODE", "GSTTYPEOFSUPPLY", "BILLEDQTY", "ACTUALQTY", "RATE",
    "GSTRATEDUTYHEAD", "GSTRATE",
    "PARENT", "INCOMETAXNUMBER", "GSTREGISTRATIONTYPE", "LEDSTATENAME", "PRIORSTATENAME", "PINCODE", "ADDRESS.LIST",
    "ADDRESS", "EMAIL", "LEDGERMOBILE", "LEDGERPHONE", "LEDGERCONTACT", "LEDMAILINGDETAILS.LIST", "STATE",
    "LEDGSTREGDETAILS.LIST", "GSTIN",
})  # fmt: skip
_NO_SALES: Final = re.compile(
    r"purchase|receipt|payment|journal|contra|credit note|debit note|order|delivery (?:note|challan)|rejection|memorandum|payroll|attendance",
    re.IGNORECASE,
)
_HEADS: Final = (
    # People type these names: CGST9%, OutputCGST, Output_SGST, C-GST, S.G.S.T.
    ("cgst", re.compile(r"cgst|(?<![a-z])c[\s.-]*g\.?s\.?t(?![a-z])|central\s+(?:gst|tax)", re.IGNORECASE)),
    ("sgst", re.compile(r"(?:s|ut)gst|(?<![a-z])(?:s|ut)[\s.-]*g\.?s\.?t(?![a-z])|state\s+(?:gst|tax)", re.IGNORECASE)),
    ("igst", re.compile(r"igst|(?<![a-z])i[\s.-]*g\.?s\.?t(?![a-z])|integrated\s+(?:gst|tax)", re.IGNORECASE)),
    ("cess", re.compile(r"(?<![a-z])cess(?![a-z])", re.IGNORECASE)),
    ("tcs", re.compile(r"(?<![a-z])tcs(?![a-z])", re.IGNORECASE)),
    ("tds", re.compile(r"(?<![a-z])tds(?![a-z])", re.IGNORECASE)),
    ("roundOff", re.compile(r"round", re.IGNORECASE)),
    (
        "otherCharges",
        re.compile(r"freight|transport|packing|insurance|shipping|handling|courier|cartage", re.IGNORECASE),
    ),
    ("discount", re.compile(r"discount", re.IGNORECASE)),
)
_AMOUNT: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?|(?<![A-Za-z])\.[0-9]+")
_QUANTITY: Final = re.compile(r"(-?[0-9][0-9,]*(?:\.[0-9]+)?)\s*(.*)")
_PERIOD: Final = re.compile(r"([0-9]{1,4})\s*(day|week|month|year)s?", re.IGNORECASE)
_SPAN: Final = {"day": 1, "week": 7, "month": 30, "year": 365}
_TALLY_DAY: Final = re.compile(r"[0-9]{8}")
_DEBTORS: Final = "sundry debtors"
_TREATMENTS: Final = {
    "regular": "REGISTERED", "composition": "COMPOSITION", "unregistered": "UNREGISTERED", "consumer": "CONSUMER",
    "unregistered/consumer": "UNREGISTERED", "overseas": "OVERSEAS", "sez": "SEZ", "regular - sez": "SEZ",
    "special economic zone": "SEZ",
}  # fmt: skip
_BATCH: Final = 5_000
_NOTHING: Final = Decimal(0)


class Skipped(msgspec.Struct):
    """How many vouchers were passed over, and why."""

    cancelled: int = 0
    optional: int = 0
    others: int = 0


class Batch(msgspec.Struct, frozen=True):
    """Some vouchers: their rows, and the rows of their items."""

    rows: pl.DataFrame
    items: pl.DataFrame


def vouchers(path: Path, skipped: Skipped) -> Iterator[Batch]:
    """Give the sales of a file in order, some thousand at a time; what is passed over is counted in ``skipped``."""
    rows: list[tuple[int, dict[str, str]]] = []
    items: list[tuple[int, dict[str, str]]] = []
    lines = 0
    for at, (_, _, voucher) in enumerate(nodes(path, _WANTED, "VOUCHER"), start=1):
        if not _is_sale(voucher, skipped):
            continue
        row, its_items = _sale(voucher)
        rows.append((at, row))
        for item in its_items:
            lines += 1
            items.append((lines, item))
        if len(rows) >= _BATCH:
            yield Batch(_frame(rows, INVOICE_HEADINGS), _frame(items, ITEM_HEADINGS))
            rows, items = [], []
    if rows:
        yield Batch(_frame(rows, INVOICE_HEADINGS), _frame(items, ITEM_HEADINGS))


def _frame(rows: Sequence[tuple[int, dict[str, str]]], headings: Sequence[str]) -> pl.DataFrame:
    columns = {f"c{at}": [row.get(name) or None for _, row in rows] for at, name in enumerate(headings)}
    schema = dict.fromkeys([*columns, EXTRA, PROBLEMS], pl.String)
    frame = pl.DataFrame({**columns, EXTRA: [None] * len(rows), PROBLEMS: [None] * len(rows)}, schema=schema)
    numbers = pl.Series(ROW, [at for at, _ in rows], dtype=pl.Int64)
    return frame.with_columns(numbers).select(*columns, EXTRA, ROW, PROBLEMS)


def _is_sale(voucher: Node, skipped: Skipped) -> bool:
    if voucher.says("ISCANCELLED") or voucher.says("ISDELETED"):
        skipped.cancelled += 1
        return False
    if voucher.says("ISOPTIONAL"):
        skipped.optional += 1
        return False
    kind = voucher.first("VOUCHERTYPENAME") or voucher.attributes.get("VCHTYPE", "")
    party = _party(voucher)
    amount = _owed(voucher, party)
    if _NO_SALES.search(kind) or (amount is not None and amount < 0):
        skipped.others += 1
        return False
    return True


def _entries(voucher: Node) -> list[Node]:
    """Give the ledger entries: of one list, where an export has the same entries under both names."""
    lists = [[one for one in voucher.all(name) if one.first("LEDGERNAME")] for name in _LEDGERS]
    return next((found for found in lists if found), [])


def _is_of(entry: Node, party: Node) -> bool:
    """Tell whether an entry is the party's: what it owes may be split into several."""
    return entry is party or entry.first("LEDGERNAME") == party.first("LEDGERNAME")


def _owed(voucher: Node, party: Node | None) -> Decimal | None:
    """Give what the party owes, its entries together; None where one cannot be read, or there is none."""
    amounts = [_number(one.first("AMOUNT")) for one in _entries(voucher) if party is not None and _is_of(one, party)]
    found = [-one for one in amounts if one is not None]
    return sum(found, _NOTHING) if amounts and len(found) == len(amounts) else None


def _party(voucher: Node) -> Node | None:
    entries = _entries(voucher)
    name = voucher.first("PARTYLEDGERNAME", "PARTYNAME")
    marked = [one for one in entries if one.says("ISPARTYLEDGER")]
    named = [one for one in entries if name and one.first("LEDGERNAME") == name]
    return next(iter([*named, *marked]), None)


def _sale(voucher: Node) -> tuple[dict[str, str], list[dict[str, str]]]:
    party = _party(voucher)
    stock = voucher.all(*_STOCK)
    day = _day(voucher.first("DATE"))
    number = voucher.first("VOUCHERNUMBER")
    orders = voucher.all("INVOICEORDERLIST.LIST")
    row = {
        "invoiceNumber": number,
        "invoiceDate": day,
        "dueDate": _due(party, day),
        "customerName": voucher.first("PARTYLEDGERNAME", "PARTYNAME"),
        "customerGstin": voucher.first("PARTYGSTIN"),
        "customerPin": voucher.first("PARTYPINCODE"),
        "registrationGstin": voucher.first("CMPGSTIN"),
        "externalId": voucher.first("GUID") or voucher.attributes.get("REMOTEID", ""),
        "poNumber": next((found for one in orders if (found := one.first("BASICPURCHASEORDERNO"))), ""),
        "description": voucher.first("NARRATION"),
        "placeOfSupply": voucher.first("PLACEOFSUPPLY", "STATENAME"),
        "reverseCharge": "yes" if voucher.says("ISREVERSECHARGEAPPLICABLE") else "",
        "irn": voucher.first("IRN"),
        "ackNo": voucher.first("IRNACKNO"),
        "ackDate": _day(voucher.first("IRNACKDATE")),
        "signedQr": voucher.first("IRNQRCODE"),
        "ewayBillNo": next(
            (found for one in voucher.all("EWAYBILLDETAILS.LIST") if (found := one.first("BILLNUMBER"))), ""
        ),
        "shipToName": voucher.first("CONSIGNEEMAILINGNAME"),
        "shipToPin": voucher.first("CONSIGNEEPINCODE"),
        "shipToState": voucher.first("CONSIGNEESTATENAME"),
    }
    row |= _amounts(voucher, party, stock)
    if not row["description"] and stock:
        row["description"] = ", ".join(dict.fromkeys(one.first("STOCKITEMNAME") for one in stock))[:500]
    items = [_item(one, number, at) for at, one in enumerate(stock, start=1)]
    # Items without their code or rate are no items of a tax invoice (rule 46): the voucher's totals stand alone then.
    complete = all(one["hsnCode"] and one["gstRate"] and one["description"] for one in items)
    return row, items if number and complete else []


def _amounts(voucher: Node, party: Node | None, stock: Sequence[Node]) -> dict[str, str]:
    """Sort what the ledgers were credited and debited with into the heads of an invoice."""
    sums: dict[str, Decimal] = {}
    base = sum((_number(one.first("AMOUNT")) or _NOTHING for one in stock), _NOTHING)
    unreadable = next((one.first("AMOUNT") for one in stock if _number(one.first("AMOUNT")) is None), None)
    for entry in _entries(voucher):
        if party is not None and _is_of(entry, party):
            continue
        text = entry.first("AMOUNT")
        amount = _number(text)
        if amount is None:
            unreadable = unreadable or text
            continue
        head = next((head for head, pattern in _HEADS if pattern.search(entry.first("LEDGERNAME"))), None)
        if head in {"tds", "discount"}:
            amount = -amount  # these are debits, and our columns have them positive
        if head == "discount":
            base -= amount
        if head is None or (head == "otherCharges" and amount < 0):
            base += amount
        else:
            sums[head] = sums.get(head, _NOTHING) + amount
    net = _owed(voucher, party)
    found = {head: str(amount) for head, amount in sums.items() if amount}
    found["baseAmount"] = unreadable if unreadable is not None else str(base)
    found["netAmount"] = str(net) if net is not None else ""
    return found


def _item(entry: Node, number: str, at: int) -> dict[str, str]:
    quantity = _QUANTITY.match(entry.first("BILLEDQTY", "ACTUALQTY"))
    price = _number(entry.first("RATE").partition("/")[0])
    amount = _number(entry.first("AMOUNT"))
    count = Decimal(quantity[1].replace(",", "")) if quantity else None
    discount = (
        (count * price - amount).quantize(Decimal("0.01")) if count and price and amount is not None else _NOTHING
    )
    kind = entry.first("GSTTYPEOFSUPPLY").lower()
    return {
        "invoiceNumber": number,
        "serialNo": str(at),
        "description": entry.first("STOCKITEMNAME"),
        "hsnCode": entry.first("GSTHSNNAME", "HSNCODE", "GSTHSNCODE"),
        "isService": "yes" if kind == "services" else "no",
        "quantity": str(count) if count is not None else "",
        "unit": quantity[2].split("=")[0].strip()[:10] if quantity else "",
        "unitPrice": str(price) if price is not None else "",
        "discount": str(discount) if discount > 0 else "",
        "taxableValue": str(amount) if amount is not None else entry.first("AMOUNT"),
        "gstRate": _rate(entry),
    }


def _rate(entry: Node) -> str:
    """Give an item's GST rate: IGST, or the two halves together."""
    rates: dict[str, Decimal] = {}
    for one in entry.all("RATEDETAILS.LIST"):
        rate = _number(one.first("GSTRATE"))
        if rate is not None:
            rates[one.first("GSTRATEDUTYHEAD").upper().replace(" ", "")] = rate
    whole = rates.get("IGST", rates.get("INTEGRATEDTAX"))
    if whole is not None:
        return f"{whole:f}"
    halves = [rate for head, rate in rates.items() if head in {"CGST", "SGST/UTGST", "SGST", "CENTRALTAX", "STATETAX"}]
    return f"{sum(halves, _NOTHING):f}" if halves else ""


def _number(text: str) -> Decimal | None:
    """Read an amount of Tally's: ``-1,180.00``, ``100.00/Nos``, ``-$ 10 @ Rs. 80/$ = -Rs.800.00`` (the last one counts)."""
    written = text.rpartition("=")[2]
    found = _AMOUNT.search(written)
    if found is None:
        return None
    try:
        amount = Decimal(found[0].replace(",", ""))
    except InvalidOperation:
        return None
    # A currency may stand between the sign and the digits.
    return -amount if "-" in written[: found.start()] else amount


def _day(text: str) -> str:
    """Write a day of Tally's (20260415) as ours; anything else is passed on, for the row to be refused with it."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if _TALLY_DAY.fullmatch(text) else text


def _due(party: Node | None, day: str) -> str:
    """Find the due day from the credit period of the party's bills, the latest one; Tally writes a period or a day."""
    found: list[date] = []
    for bill in party.all("BILLALLOCATIONS.LIST") if party is not None else ():
        text = bill.first("BILLCREDITPERIOD")
        span = _PERIOD.fullmatch(text)
        try:
            if span is not None:
                found.append(parse_date(day) + timedelta(days=int(span[1]) * _SPAN[span[2].lower()]))
            elif _TALLY_DAY.fullmatch(text):
                found.append(parse_date(_day(text)))
        except NotADate:
            continue
    return max(found).isoformat() if found else ""


def parties(path: Path) -> pl.DataFrame:
    """Give the customers among the ledgers of a file: those under Sundry Debtors, directly or through groups."""
    groups: dict[str, str] = {}
    ledgers: list[tuple[int, str, dict[str, str]]] = []
    count = 0
    for name, _, node in nodes(path, _WANTED, "GROUP", "LEDGER"):
        parent = node.first("PARENT")
        if name == "GROUP":
            groups[node.attributes.get("NAME", "").strip().lower()] = parent.lower()
            continue
        count += 1
        ledgers.append((count, parent.lower(), _customer(node)))
    rows = [(at, row) for at, parent, row in ledgers if _is_debtor(parent, groups)]
    return _frame(rows, CUSTOMER_HEADINGS)


def _is_debtor(group: str, groups: dict[str, str]) -> bool:
    for _ in range(len(groups) + 1):  # groups may go in a circle in a file that was tampered with
        if group == _DEBTORS:
            return True
        if group not in groups:
            return False
        group = groups[group]
    return False


def _customer(ledger: Node) -> dict[str, str]:
    mailing = [*ledger.all("LEDMAILINGDETAILS.LIST")[-1:], ledger]
    registration = [*ledger.all("LEDGSTREGDETAILS.LIST")[-1:], ledger]
    lines = next((found for one in mailing if (found := _address(one))), "")
    kind = _first(registration, "GSTREGISTRATIONTYPE").lower()
    period = _PERIOD.fullmatch(ledger.first("BILLCREDITPERIOD"))
    return {
        "legalName": ledger.attributes.get("NAME", "").strip(),
        "uniqueRefNo": ledger.first("GUID"),
        "gstin": _first(registration, "PARTYGSTIN", "GSTIN"),
        "pan": ledger.first("INCOMETAXNUMBER"),
        "treatment": _TREATMENTS.get(kind, ""),
        "address": lines,
        "state": _first(mailing, "LEDSTATENAME", "STATE", "PRIORSTATENAME"),
        "pinCode": _first(mailing, "PINCODE"),
        "contactName": ledger.first("LEDGERCONTACT"),
        "contactEmail": ledger.first("EMAIL"),
        "contactMobile": ledger.first("LEDGERMOBILE"),
        "contactNumber": ledger.first("LEDGERPHONE"),
        "paymentTermsDays": str(int(period[1]) * _SPAN[period[2].lower()]) if period else "",
    }


def _address(node: Node) -> str:
    parts: Iterable[Node] = (line for one in node.all("ADDRESS.LIST") for line in one.all("ADDRESS"))
    return ", ".join(line.text for line in parts if line.text)


def _first(places: Sequence[Node], *names: str) -> str:
    return next((found for one in places if (found := one.first(*names))), "")
