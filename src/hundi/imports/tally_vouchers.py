"""Tally's sales vouchers and party ledgers as rows of our columns (domain §10).

What a voucher comes to is worked out by ``tally_amounts``. Cancelled and optional vouchers and those that are no sales are passed over and counted. Rows are numbered as
the vouchers (or ledgers) stand in the file. Runs in the limited child only.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from hundi.imports.records import EXTRA, PROBLEMS, ROW
from hundi.imports.tally import Node, nodes
from hundi.imports.tally_amounts import Sale, holds_money, is_money, lines_of, party_of, sale_of, stock_of
from hundi.kit.dates import NotADate, parse_date

INVOICE_HEADINGS: Final = (
    "invoiceNumber", "invoiceDate", "dueDate", "customerName", "customerGstin", "customerPin", "registrationGstin",
    "externalId", "poNumber", "description", "baseAmount", "cgst", "sgst", "igst", "cess", "discount", "otherCharges", "tcs",
    "roundOff", "tds", "netAmount", "totalReceived", "placeOfSupply", "reverseCharge", "irn", "ackNo", "ackDate", "signedQr", "ewayBillNo",
    "shipToName", "shipToPin", "shipToState",
)  # fmt: skip
ITEM_HEADINGS: Final = (
    "invoiceNumber", "serialNo", "description", "hsnCode", "isService", "quantity", "unit", "unitPrice", "discount",
    "taxableValue", "gstRate", "cess",
)  # fmt: skip
CUSTOMER_HEADINGS: Final = (
    "legalName", "uniqueRefNo", "gstin", "pan", "treatment", "address", "state", "pinCode", "contactName", "contactEmail",
    "contactMobile", "contactNumber", "paymentTermsDays",
)  # fmt: skip

_WANTED: Final = frozenset({
    "LEDGERENTRIES.LIST", "ALLLEDGERENTRIES.LIST", "ALLINVENTORYENTRIES.LIST", "INVENTORYENTRIES.LIST",
    "BANKALLOCATIONS.LIST", "TRANSACTIONTYPE", "INSTRUMENTNUMBER", "POSPAYMENTTYPE", "BASICBUYERNAME", "PARTYMAILINGNAME",
    "GSTAPPROPRIATETO", "APPROPRIATEFOR", "DISCOUNT", "BILLALLOCATIONS.LIST", "RATEDETAILS.LIST", "INVOICEORDERLIST.LIST", "EWAYBILLDETAILS.LIST",
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


class Skipped(msgspec.Struct):
    """How many vouchers were passed over, and why."""

    cancelled: int = 0
    optional: int = 0
    others: int = 0
    bare: int = 0
    """Taken over without their lines, which cannot be an invoice's: see ``tally_amounts.lines_of``."""

    def passed_over(self) -> str:
        """Say what was passed over; nothing where nothing was."""
        counts = (self.cancelled, "cancelled"), (self.optional, "optional"), (self.others, "not sales")
        parts = [f"{count:,} {what}" for count, what in counts if count]
        return f"Vouchers passed over: {', '.join(parts)}." if parts else ""

    def remarks(self) -> list[tuple[str, str]]:
        """Give what is to be said of the file: code and sentence."""
        said = self.passed_over()
        found = [("VOUCHERS_SKIPPED", said)] if said else []
        if self.bare:
            message = (
                f"{self.bare:,} vouchers came without their lines: a code or a rate is missing in them, goods came back "
                "in them, or they do not add up to the voucher."
            )
            found.append(("ITEMS_LEFT_OUT", message))
        return found


class Batch(msgspec.Struct, frozen=True):
    """Some vouchers: their rows, and the rows of their items."""

    rows: pl.DataFrame
    items: pl.DataFrame


def vouchers(path: Path, skipped: Skipped) -> Iterator[Batch]:
    """Give the sales of a file in order, some thousand at a time; what is passed over is counted in ``skipped``."""
    rows: list[tuple[int, dict[str, str]]] = []
    items: list[tuple[int, dict[str, str]]] = []
    money: frozenset[str] = frozenset()
    at = lines = 0
    for kind, _, node in nodes(path, _WANTED, "VOUCHER", "LEDGER"):
        if kind == "LEDGER":  # masters stand before the vouchers, where an export has both
            if is_money(node):
                money |= {node.attributes.get("NAME", "").strip().lower()}
            continue
        at += 1
        sale = sale_of(node, money)
        if not _is_sale(node, sale, skipped):
            continue
        row = _row(node, sale, money)
        rows.append((at, row))
        its_items = lines_of(node, sale, row["invoiceNumber"])
        skipped.bare += its_items is None
        for item in its_items or []:
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


def _is_sale(voucher: Node, sale: Sale, skipped: Skipped) -> bool:
    if voucher.says("ISCANCELLED") or voucher.says("ISDELETED"):
        skipped.cancelled += 1
        return False
    if voucher.says("ISOPTIONAL"):
        skipped.optional += 1
        return False
    kind = voucher.first("VOUCHERTYPENAME") or voucher.attributes.get("VCHTYPE", "")
    if _NO_SALES.search(kind) or (sale.net is not None and sale.net < 0):
        skipped.others += 1
        return False
    return True


def _row(voucher: Node, sale: Sale, money: frozenset[str]) -> dict[str, str]:
    party = party_of(voucher, money)
    day = _day(voucher.first("DATE"))
    orders = voucher.all("INVOICEORDERLIST.LIST")
    row = {
        "invoiceNumber": voucher.first("VOUCHERNUMBER"),
        "invoiceDate": day,
        "dueDate": day if party is not None and holds_money(party, money) else _due(party, day),
        "customerName": _name_of(voucher, party, money),
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
    row |= sale.cells()
    stock = stock_of(voucher)
    if not row["description"] and stock:
        row["description"] = ", ".join(dict.fromkeys(one.first("STOCKITEMNAME") for one in stock))[:500]
    return row


def _name_of(voucher: Node, party: Node | None, money: frozenset[str]) -> str:
    """Name the customer: the party's ledger; of a sale for cash the buyer whose name was typed, else the cash ledger."""
    name = voucher.first("PARTYLEDGERNAME", "PARTYNAME")
    if party is not None and not holds_money(party, money):
        return name or party.first("LEDGERNAME")
    typed = [voucher.first(one) for one in ("BASICBUYERNAME", "PARTYMAILINGNAME", "PARTYNAME")]
    return next((one for one in typed if one and one != name), name)


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
