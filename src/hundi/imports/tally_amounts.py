"""The figures of one of Tally's sales vouchers: its ledgers sorted into the heads of an invoice, its stock into lines.

In Tally's XML debits are negative: the party of a sale is debited, so its amount is minus what it owes; sales and taxes
are credits. A voucher says nothing of what kind a ledger is, so that has to be told from its name, its side and what
stands with it. Runs in the limited child only.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

import msgspec

from hundi.imports.tally import Node
from hundi.invoices.line_sums import tolerance

_LEDGERS: Final = ("LEDGERENTRIES.LIST", "ALLLEDGERENTRIES.LIST")
_STOCK: Final = ("ALLINVENTORYENTRIES.LIST", "INVENTORYENTRIES.LIST")
_MONEY_GROUPS: Final = frozenset({"cash-in-hand", "bank accounts", "bank od a/c", "bank occ a/c"})
_MONEY: Final = re.compile(
    r"(?<![a-z])(?:cash|bank|upi|paytm|phone\s?pe|google\s?pay|g\s?pay|bhim|razorpay|pos\s+machine|card\s+swipe|"
    r"(?:credit|debit)\s+card|cheque|hdfc|icici|sbi|axis|kotak|pnb|idfc|indusind)(?![a-z])",
    re.IGNORECASE,
)
_NO_MONEY: Final = re.compile(r"charge|interest|discount|commission|guarantee|sale|income|expense", re.IGNORECASE)
# "Sales @18% IGST" is a sale and no tax; "IGST on sales" and "Output IGST (sales)" are taxes.
_SALE: Final = re.compile(r"(?<![a-z])(?:sales?|income|revenue|turnover)(?![a-z])", re.IGNORECASE)
_OF_SALE: Final = re.compile(r"output|payable|collected|(?<![a-z])on\s+sales?", re.IGNORECASE)
_HEADS: Final = (
    # People type these names: CGST9%, OutputCGST, Output_SGST, C-GST, S.G.S.T.
    ("cgst", re.compile(r"cgst|(?<![a-z])c[\s.-]*g\.?s\.?t(?![a-z])|central\s+(?:gst|tax)", re.IGNORECASE)),
    ("sgst", re.compile(r"(?:s|ut)gst|(?<![a-z])(?:s|ut)[\s.-]*g\.?s\.?t(?![a-z])|state\s+(?:gst|tax)", re.IGNORECASE)),
    ("igst", re.compile(r"igst|(?<![a-z])i[\s.-]*g\.?s\.?t(?![a-z])|integrated\s+(?:gst|tax)", re.IGNORECASE)),
    ("cess", re.compile(r"(?<![a-z])cess(?![a-z])", re.IGNORECASE)),
    ("tcs", re.compile(r"(?<![a-z])tcs(?![a-z])", re.IGNORECASE)),
    ("tds", re.compile(r"(?<![a-z])tds(?![a-z])", re.IGNORECASE)),
    ("roundOff", re.compile(r"(?<![a-z])round(?:ed|ing)?(?![a-z])|round(?:ed|ing)?[\s_-]*off", re.IGNORECASE)),
    (
        "otherCharges",
        re.compile(r"freight|transport|packing|insurance|shipping|handling|courier|cartage", re.IGNORECASE),
    ),
    ("discount", re.compile(r"discount", re.IGNORECASE)),
)
_DEBITS: Final = frozenset({"tds", "discount"})
_CREDITS: Final = frozenset({"tcs", "otherCharges"})
_TAXES: Final = ("cgst", "sgst", "igst", "cess")
_AMOUNT: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?|(?<![A-Za-z])\.[0-9]+")
_QUANTITY: Final = re.compile(r"(-?[0-9][0-9,]*(?:\.[0-9]+)?)\s*(.*)")
_HALVES: Final = frozenset({"CGST", "SGST/UTGST", "SGST", "UTGST", "CENTRALTAX", "STATETAX", "STATETAX/UTTAX"})
_WHOLE: Final = ("IGST", "INTEGRATEDTAX")
_NOTHING: Final = Decimal(0)
_PAISA: Final = Decimal("0.01")


class Sale(msgspec.Struct):
    """What a voucher comes to. ``heads`` has the invoice's columns by name, ``received`` what was paid at the counter.

    ``base`` is what was sold; ``net`` what the party owed before that, None where it cannot be read; ``charges`` the
    entries that are part of the base with a tax of their own; ``unreadable`` an amount nobody can read.
    """

    base: Decimal
    net: Decimal | None
    received: Decimal
    heads: dict[str, Decimal]
    charges: list[Node]
    unreadable: str | None = None

    def cells(self) -> dict[str, str]:
        """Write the amounts as the cells of a row."""
        found = {head: str(amount) for head, amount in self.heads.items() if amount}
        found["baseAmount"] = self.unreadable if self.unreadable is not None else str(self.base)
        found["netAmount"] = str(self.net) if self.net is not None else ""
        found["totalReceived"] = str(self.received) if self.received else ""
        return found


def is_money(ledger: Node) -> bool:
    """Tell whether a ledger of the masters holds money: cash or a bank."""
    return ledger.first("PARENT").lower() in _MONEY_GROUPS


def entries_of(voucher: Node) -> list[Node]:
    """Give the ledger entries: of one list, where an export has the same entries under both names."""
    lists = [[one for one in voucher.all(name) if one.first("LEDGERNAME")] for name in _LEDGERS]
    return next((found for found in lists if found), [])


def stock_of(voucher: Node) -> list[Node]:
    """Give the stock entries, of one list likewise; its godowns and batches are parts of an entry and not read."""
    lists = [[one for one in voucher.all(name) if one.first("STOCKITEMNAME")] for name in _STOCK]
    return next((found for found in lists if found), [])


def party_of(voucher: Node, money: frozenset[str]) -> Node | None:
    """Give the first entry of the party: the one that is named, else one that is marked and holds no money."""
    entries = entries_of(voucher)
    name = voucher.first("PARTYLEDGERNAME", "PARTYNAME")
    named = [one for one in entries if name and one.first("LEDGERNAME") == name]
    marked = sorted((one for one in entries if one.says("ISPARTYLEDGER")), key=lambda one: holds_money(one, money))
    return next(iter([*named, *marked]), None)


def holds_money(entry: Node, money: frozenset[str]) -> bool:
    """Tell whether an entry is one of cash or of a bank: paid at once, and owed by nobody."""
    name = entry.first("LEDGERNAME")
    if name.lower() in money or entry.first("POSPAYMENTTYPE"):
        return True
    if any(one.children for one in entry.all("BANKALLOCATIONS.LIST")):
        return True
    return _MONEY.search(name) is not None and _NO_MONEY.search(name) is None


def sale_of(voucher: Node, money: frozenset[str]) -> Sale:
    """Sort what the ledgers were credited and debited with into the heads of an invoice.

    Cash and bank entries beside the party's are what it paid at the counter: part of what was invoiced, and received.
    Where the party is itself the cash ledger, all of it was.
    """
    party, entries, stock = party_of(voucher, money), entries_of(voucher), stock_of(voucher)
    sale = Sale(_NOTHING, _NOTHING, _NOTHING, {}, [])
    owed = [one for one in entries if party is not None and _is_of(one, party)]
    readable = [-found for one in owed if (found := number(one.first("AMOUNT"))) is not None]
    if len(readable) < len(owed) or not entries:
        sale.net = None
    for entry in entries:
        text = entry.first("AMOUNT")
        amount = number(text) if text else _NOTHING
        if amount is None:
            sale.unreadable = sale.unreadable if entry in owed or sale.unreadable is not None else text
        elif entry not in owed:
            _sort(sale, entry, amount, money)
    values = [number(text) if (text := one.first("AMOUNT")) else _NOTHING for one in stock]
    unread = [one.first("AMOUNT") for one, value in zip(stock, values, strict=True) if value is None]
    sale.unreadable = next(iter(unread), sale.unreadable)
    if not _is_balanced(entries):  # else the stock's amounts stand in a ledger of sales as well
        sale.base += sum((value for value in values if value is not None), _NOTHING)
    _settle_charges(sale, stock)
    if sale.net is not None:
        sale.net = sum(readable, _NOTHING) + sale.received
        if party is not None and holds_money(party, money):
            sale.received = sale.net
        if not owed and not sale.received:
            sale.net = None
    return sale


def _is_of(entry: Node, party: Node) -> bool:
    """Tell whether an entry is the party's: what it owes may be split into several."""
    return entry is party or entry.first("LEDGERNAME") == party.first("LEDGERNAME")


def _is_balanced(entries: Sequence[Node]) -> bool:
    amounts = [number(one.first("AMOUNT")) for one in entries]
    found = [one for one in amounts if one]
    return bool(found) and sum(found, _NOTHING) == 0


def _sort(sale: Sale, entry: Node, amount: Decimal, money: frozenset[str]) -> None:
    """Put what an entry beside the party's says under its head; what has none is part of what was sold."""
    if holds_money(entry, money):
        sale.received -= amount
        return
    head = _head(entry.first("LEDGERNAME"), amount)
    if head == "otherCharges" and _is_taxed(entry):
        sale.charges.append(entry)
        head = None
    if head == "discount":
        sale.base += amount
    if head is None:
        sale.base += amount
    else:
        # Debits are negative, and our columns have them positive.
        sale.heads[head] = sale.heads.get(head, _NOTHING) + (-amount if head in _DEBITS else amount)


def _head(name: str, amount: Decimal) -> str | None:
    """Tell from a ledger's name and side which head of an invoice it is; None for what is sold."""
    if _SALE.search(name) and not _OF_SALE.search(name) and "discount" not in name.lower():
        return None
    head = next((head for head, pattern in _HEADS if pattern.search(name)), None)
    if (head in _DEBITS and amount > 0) or (head in _CREDITS and amount < 0):
        return None
    return head


def _is_taxed(entry: Node) -> bool:
    """Tell whether a charge has a tax of its own, or shares that of the goods: it belongs to the taxable value then."""
    for name in ("GSTAPPROPRIATETO", "APPROPRIATEFOR"):
        text = entry.first(name).lower()
        if text and "not applicable" not in text:
            return True
    return bool(_number_of(_rate(entry)))


def _settle_charges(sale: Sale, stock: Sequence[Node]) -> None:
    """Move charges that were taxed with the goods, or that are all that was sold, into the base."""
    other = sale.heads.get("otherCharges", _NOTHING)
    if not other:
        return
    rates = {_number_of(_rate(one)) for one in stock}
    tax = sum((sale.heads.get(head, _NOTHING) for head in ("cgst", "sgst", "igst")), _NOTHING)
    taxed = False
    if len(rates) == 1 and (rate := rates.pop()):
        allowed = tolerance(len(stock))
        apart = abs(tax - sale.base * rate / 100)
        taxed = apart > allowed and abs(tax - (sale.base + other) * rate / 100) <= allowed
    if taxed or sale.base <= 0:
        sale.base += sale.heads.pop("otherCharges")


def lines_of(voucher: Node, sale: Sale, invoice_number: str) -> list[dict[str, str]] | None:
    """Give the lines of a voucher as rows; None where it has some that cannot be an invoice's.

    Those are lines without their code or rate (rule 46), returns among them, and lines that do not come to what the
    voucher says: its totals stand alone then.
    """
    sold = [*stock_of(voucher), *sale.charges]
    if not stock_of(voucher):
        return []
    lines = [_line(one, invoice_number, at) for at, one in enumerate(sold, start=1)]
    complete = all(one["hsnCode"] and one["gstRate"] and one["description"] for one in lines)
    return lines if complete and invoice_number and _add_up(lines, sale) else None


def _add_up(lines: Sequence[dict[str, str]], sale: Sale) -> bool:
    """Tell whether the lines come to the voucher's figures, as ``invoices.line_sums`` will have it."""
    allowed = tolerance(len(lines))
    values = [number(one["taxableValue"]) for one in lines]
    if any(value is None or value < 0 for value in values) or any(one["quantity"].startswith("-") for one in lines):
        return False
    if abs(sum((value for value in values if value is not None), _NOTHING) - sale.base) > allowed:
        return False
    taxes = {head: sale.heads.get(head, _NOTHING) for head in _TAXES}
    if not any(taxes[head] for head in ("cgst", "sgst", "igst")):
        return abs(_sum_of(lines, "cess") - taxes["cess"]) <= allowed
    part = 100 if taxes["igst"] else 200
    tax = sum(
        (_paise((value or _NOTHING) * (_number_of(one["gstRate"]) or _NOTHING) / part) for one, value in zip(lines, values, strict=True)),
        _NOTHING,
    )  # fmt: skip
    heads = ("igst",) if taxes["igst"] else ("cgst", "sgst")
    return all(abs(tax - taxes[head]) <= allowed for head in heads) and (
        abs(_sum_of(lines, "cess") - taxes["cess"]) <= allowed
    )


def _sum_of(lines: Sequence[dict[str, str]], name: str) -> Decimal:
    return sum((_number_of(one[name]) or _NOTHING for one in lines), _NOTHING)


def _line(entry: Node, invoice_number: str, at: int) -> dict[str, str]:
    text = entry.first("AMOUNT")
    amount = number(text) if text else _NOTHING  # goods that are given have none
    count, unit, price = _measures(entry)
    discount = _NOTHING
    if count and price and amount is not None and _number_of(entry.first("DISCOUNT")):
        discount = _paise(count * price - amount)
    rates = _rates(entry)
    cess = _paise(amount * rates["CESS"] / 100) if amount is not None and rates.get("CESS") else _NOTHING
    return {
        "invoiceNumber": invoice_number,
        "serialNo": str(at),
        "description": entry.first("STOCKITEMNAME", "LEDGERNAME"),
        "hsnCode": entry.first("GSTHSNNAME", "HSNCODE", "GSTHSNCODE"),
        "isService": "yes" if entry.first("GSTTYPEOFSUPPLY").lower() == "services" else "no",
        "quantity": str(count) if count is not None else "",
        "unit": unit[:10],
        "unitPrice": str(price) if price is not None else "",
        "discount": str(discount) if discount > 0 else "",
        "taxableValue": str(amount) if amount is not None else text,
        "gstRate": _rate(entry),
        "cess": str(cess) if cess else "",
    }


def _measures(entry: Node) -> tuple[Decimal | None, str, Decimal | None]:
    """Give quantity, unit and price of a line. ``420 Nos = 3.5 Box`` at ``700/Box`` is counted in boxes, as it is priced."""
    texts = [_QUANTITY.match(part.strip()) for part in entry.first("BILLEDQTY", "ACTUALQTY").split("=")]
    counted = [(Decimal(one[1].replace(",", "")), one[2].strip()) for one in texts if one is not None]
    money, _, per = entry.first("RATE").rpartition("=")[2].partition("/")
    price, per = number(money), per.strip()
    if not counted:
        return None, "", None
    fits = [one for one in counted if per and one[1].lower() == per.lower()]
    count, unit = (fits or counted)[0]
    # A price for another unit than the line is counted in says nothing of it.
    return count, unit, price if price is not None and (fits or not per) else None


def _rates(entry: Node) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in entry.all("RATEDETAILS.LIST"):
        rate = number(one.first("GSTRATE"))
        if rate is not None:
            found[one.first("GSTRATEDUTYHEAD").upper().replace(" ", "")] = rate
    return found


def _rate(entry: Node) -> str:
    """Give an entry's GST rate: IGST, or the two halves together."""
    rates = _rates(entry)
    whole = next((rates[name] for name in _WHOLE if name in rates), None)
    if whole is not None:
        return f"{whole:f}"
    halves = [rate for head, rate in rates.items() if head in _HALVES]
    return f"{sum(halves, _NOTHING):f}" if halves else ""


def number(text: str) -> Decimal | None:
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


def _number_of(text: str) -> Decimal | None:
    return number(text) if text else None


def _paise(value: Decimal) -> Decimal:
    return value.quantize(_PAISA, rounding=ROUND_HALF_UP)
