"""An invoice as the printed sheet wants it: every number, date and heading in words, nothing left to compute."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hundi.documents.glyphs import drawable
from hundi.documents.model import SETTLED_STATUSES, Address, InvoiceDocument, Line
from hundi.documents.particulars import endorsement, supply_code, title
from hundi.documents.words import grouped, inr, long_date, plain_number, rupees_in_words
from hundi.kit.states import local_tax_label
from hundi.payments.qr import qr_svg

Cell = tuple[str, str]
"""What stands in a cell, and the small text below it."""

_ZERO: Final = Decimal(0)
_SETTLED_WORDS: Final = {
    "PAID": "Paid in full. Nothing is due on this invoice.",
    "CANCELLED": "This invoice is cancelled. Nothing is to be paid on it.",
    "DISPUTED": "This invoice is disputed. Please settle the dispute with the supplier before paying.",
    "WRITTEN_OFF": "This invoice is closed. Please ask the supplier before paying anything on it.",
}


_SUPPLY_WORDS: Final = {
    "EXPWP": "Export with payment of tax",
    "EXPWOP": "Export without payment of tax",
    "SEZWP": "SEZ with payment of tax",
    "SEZWOP": "SEZ without payment of tax",
    "DEXP": "Deemed export",
}
_SIZES: Final = ((8.0, 66), (7.2, 76), (6.4, 88))
"""Type size in points, and how many characters of numbers a line may have in it beside a readable description."""

_SHEET_WIDTH: Final = 515
_CELL_INSETS: Final = 7.2
_SUMMARY_WIDTH: Final = 300
_SUMMARY_INSETS: Final = 6
_SUMMARY_BESIDE: Final = 80
_SHORT: Final = 42
_CHARACTER: Final = 0.52
"""Points between the margins, points of white a column has, and the mean width of an amount's characters in em."""


_NUMBER: Final = True
_TEXT: Final = False


class Column(NamedTuple):
    """A column of the line table: its heading, whether numbers stand in it, its cells, and its sum where it has one."""

    heading: str
    is_number: bool
    cell: Callable[[int, Line], Cell]
    total: str = ""


def sheet(document: InvoiceDocument) -> dict[str, Any]:
    """Return the data of ``templates/invoice.typ``: texts, lists and truth values, all safe to draw."""
    heading = title(document)
    return {
        "title": drawable(heading),
        "isAdvice": heading.startswith("Payment"),
        "kind": "Payment advice, not a tax invoice" if heading.startswith("Payment") else heading,
        "shortNumber": drawable(_short(document.number)),
        "shortName": drawable(_short(document.supplier.display_name)),
        "copy": "" if document.e_invoice else "ORIGINAL FOR RECIPIENT",
        "number": drawable(document.number),
        "date": [document.invoice_date.year, document.invoice_date.month, document.invoice_date.day],
        "status": document.status if document.status in SETTLED_STATUSES else "",
        "supplier": _supplier(document),
        "billed": _billed(document),
        "delivered": _delivered(document),
        "meta": _meta(document),
        "endorsement": drawable(endorsement(document)),
        "irn": _irn(document),
        "table": _table(document),
        "summary": _summary(document),
        "totals": _totals(document),
        "memo": _memo(document),
        "words": rupees_in_words(document.invoice_value),
        "reverseCharge": document.reverse_charge,
        "composition": document.supplier.composition,
        "payment": _payment(document),
        "signatory": [
            drawable(text) for text in (document.supplier.signatory, document.supplier.signatory_title) if text
        ],
        "notes": drawable(document.notes, keep_lines=True),
        "terms": drawable(document.terms, keep_lines=True),
    }


def address_lines(address: Address) -> list[str]:
    """Return an address as printed lines: the street, then city and PIN, then state with its code, then the country."""
    town = " ".join(part for part in (address.city, address.pin) if part)
    state = f"{address.state_name} ({address.state_code})" if address.state_code else address.state_name
    country = address.country if address.country.strip().upper() not in {"", "IN", "IND", "INDIA"} else ""
    parts = [*address.lines, ", ".join(part for part in (town, state) if part.strip()), country]
    return [text for part in parts if (text := drawable(part))]


def _supplier(document: InvoiceDocument) -> dict[str, Any]:
    supplier = document.supplier
    legal = supplier.legal_name if supplier.trade_name and supplier.trade_name != supplier.legal_name else ""
    numbers = [("GSTIN", supplier.gstin), ("PAN", supplier.pan), ("Udyam", supplier.udyam)]
    return {
        "name": drawable(supplier.display_name),
        "legalName": drawable(legal),
        "address": address_lines(supplier.address),
        "numbers": _pairs(numbers),
        "contact": drawable("  ·  ".join(text for text in (supplier.email, supplier.phone) if text)),
        "signingName": drawable(supplier.legal_name),
    }


def _billed(document: InvoiceDocument) -> dict[str, Any]:
    recipient = document.recipient
    legal = recipient.legal_name if recipient.trade_name and recipient.trade_name != recipient.legal_name else ""
    # Abroad nobody has a GSTIN, so that nothing is said about it.
    unregistered = "" if recipient.billing.country else "Unregistered"
    numbers = [("GSTIN", recipient.gstin or unregistered), ("PAN", recipient.pan)]
    return {
        "name": drawable(recipient.trade_name or recipient.legal_name),
        "legalName": drawable(legal),
        "address": address_lines(recipient.billing),
        "numbers": _pairs(numbers),
    }


def _delivered(document: InvoiceDocument) -> dict[str, Any]:
    recipient = document.recipient
    if recipient.shipping is None or recipient.shipping == recipient.billing:
        return {"same": True, "name": drawable(recipient.shipping_name), "address": []}
    name = recipient.shipping_name or recipient.trade_name or recipient.legal_name
    return {"same": False, "name": drawable(name), "address": address_lines(recipient.shipping)}


def _meta(document: InvoiceDocument) -> list[list[str]]:
    place = " ".join(
        part for part in (document.place_of_supply_name, f"({document.place_of_supply_code})") if part not in {"", "()"}
    )
    order = ", ".join(
        part for part in (document.po_number, long_date(document.po_date) if document.po_date else "") if part
    )
    return _pairs(
        [
            ("Invoice number", document.number),
            ("Invoice date", long_date(document.invoice_date)),
            ("Due date", long_date(document.due_date) if document.due_date else ""),
            ("Purchase order", order),
            ("Place of supply", place),
            ("Reverse charge", "Yes" if document.reverse_charge else "No"),
            ("Supply type", _SUPPLY_WORDS.get(supply_code(document), document.supply_type)),
            ("e-way bill", document.eway_bill_number),
        ]
    )


def _irn(document: InvoiceDocument) -> dict[str, Any] | None:
    if document.e_invoice is None:
        return None
    paper = document.e_invoice
    acknowledged = paper.ack_date.strftime("%d-%m-%Y %H:%M") if paper.ack_date else ""
    return {
        "numbers": _pairs([("IRN", paper.irn), ("Ack no.", paper.ack_number), ("Ack date", acknowledged)]),
        "qr": qr_svg(paper.signed_qr, error="l") if paper.signed_qr else "",
    }


def _columns(document: InvoiceDocument) -> list[Column]:
    """Choose the columns the lines need: no heading stands over an empty column."""
    lines = document.shown_lines
    has_heads = any(line.cgst or line.sgst or line.igst for line in lines)
    columns = [
        Column("#", _TEXT, lambda position, _: (str(position), "")),
        Column("Description", _TEXT, lambda _, line: (drawable(line.description, keep_lines=True), "")),
    ]
    if any(line.hsn for line in lines):
        columns.append(Column("HSN/SAC", _TEXT, lambda _, line: (drawable(line.hsn), "")))
    if any(line.quantity is not None for line in lines):
        columns.append(Column("Qty", _NUMBER, lambda _, line: (_number(line.quantity), drawable(line.unit))))
    if any(line.unit_price is not None for line in lines):
        columns.append(Column("Unit price", _NUMBER, lambda _, line: (_number(line.unit_price, 2), "")))
    if any(line.discount for line in lines):
        columns.append(_money("Discount", lines, lambda line: line.discount))
    columns.append(_money("Taxable value", lines, lambda line: line.taxable_value))
    if any(line.cgst or line.sgst for line in lines):
        label = local_tax_label(document.place_of_supply_code or document.supplier.address.state_code)
        columns.append(
            _money("CGST", lines, lambda line: line.cgst, lambda line: _rate(line, 2) if not line.igst else "")
        )
        columns.append(
            _money(label, lines, lambda line: line.sgst, lambda line: _rate(line, 2) if not line.igst else "")
        )
    if any(line.igst for line in lines):
        columns.append(
            _money(
                "IGST",
                lines,
                lambda line: line.igst,
                lambda line: _rate(line, 1) if not (line.cgst or line.sgst) else "",
            )
        )
    if not has_heads and any(line.gst_rate is not None for line in lines):
        columns.append(Column("GST rate", _NUMBER, lambda _, line: (_rate(line, 1), "")))
    if any(line.cess for line in lines):
        columns.append(_money("Cess", lines, lambda line: line.cess))
    if has_heads or any(line.cess for line in lines):
        columns.append(_money("Total", lines, lambda line: line.total))
    return columns


def _table(document: InvoiceDocument) -> dict[str, Any]:
    lines = document.shown_lines
    columns = _columns(document)
    numbers = [column for column in columns if column.is_number]
    number_rows = [[column.cell(position, line) for column in numbers] for position, line in enumerate(lines, 1)]
    widths = [
        max(len(text) for text in (column.heading, column.total, *(row[i][0] for row in number_rows)))
        for i, column in enumerate(numbers)
    ]
    size = next((size for size, most in _SIZES if sum(widths) <= most), None)
    if size is not None:
        return _beside(columns, lines, size)
    return {
        "stacked": True,
        "size": min(8.0, round((_SHEET_WIDTH - _CELL_INSETS * len(numbers)) / (_CHARACTER * sum(widths)), 1)),
        "widths": widths,
        "headings": [column.heading for column in numbers],
        "captions": [
            (drawable(f"{position}.  {line.description}"), drawable(f"HSN/SAC {line.hsn}") if line.hsn else "")
            for position, line in enumerate(lines, 1)
        ],
        "rows": number_rows,
        "totals": [column.total for column in numbers],
    }


def _beside(columns: list[Column], lines: tuple[Line, ...], size: float) -> dict[str, Any]:
    return {
        "stacked": False,
        "size": size,
        "headings": [column.heading for column in columns],
        "isNumber": [column.is_number for column in columns],
        "rows": [[column.cell(position, line) for column in columns] for position, line in enumerate(lines, 1)],
        "totals": [column.total for column in columns],
    }


def _summary(document: InvoiceDocument) -> dict[str, Any] | None:
    """Add the lines up by HSN/SAC and rate; None where no line knows them, or no tax is charged."""
    lines = document.lines
    if not any(line.hsn for line in lines) or not any(_tax(line) for line in lines):
        return None
    groups: dict[tuple[str, Decimal | None], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.hsn, line.gst_rate), []).append(line)
    label = local_tax_label(document.place_of_supply_code or document.supplier.address.state_code)
    heads: list[tuple[str, Callable[[Line], Decimal]]] = [
        ("CGST", lambda line: line.cgst),
        (label, lambda line: line.sgst),
        ("IGST", lambda line: line.igst),
        ("Cess", lambda line: line.cess),
    ]
    used = [(name, amount) for name, amount in heads if any(amount(line) for line in lines)]
    amounts = [("Taxable value", lambda line: line.taxable_value), *used, ("Total tax", _tax)]
    rows = [
        [drawable(hsn) or "-", f"{plain_number(rate)}%" if rate is not None else "-", *_sums(members, amounts)]
        for (hsn, rate), members in sorted(groups.items(), key=lambda group: (group[0][0], group[0][1] or _ZERO))
    ]
    totals = ["Total", "", *_sums(lines, amounts)]
    characters = sum(max(len(row[i]) for row in (*rows, totals)) for i in range(len(totals)))
    beside = characters <= _SUMMARY_BESIDE
    room = _SUMMARY_WIDTH if beside else _SHEET_WIDTH
    return {
        "beside": beside,
        "size": min(7.2, round((room - _SUMMARY_INSETS * len(totals)) / (_CHARACTER * characters), 1)),
        "headings": ["HSN/SAC", "GST rate", *(name for name, _ in amounts)],
        "rows": rows,
        "totals": totals,
    }


def _sums(lines: Iterable[Line], amounts: Iterable[tuple[str, Callable[[Line], Decimal]]]) -> list[str]:
    members = list(lines)
    return [grouped(sum((amount(line) for line in members), _ZERO)) for _, amount in amounts]


def _totals(document: InvoiceDocument) -> list[list[str]]:
    label = local_tax_label(document.place_of_supply_code or document.supplier.address.state_code)
    note = " (payable by recipient)" if document.reverse_charge else ""
    rows = [
        ("Discount (already deducted)", document.discount),
        ("Taxable value", document.taxable_value),
        (f"CGST{note}", document.cgst),
        (f"{label}{note}", document.sgst),
        (f"IGST{note}", document.igst),
        (f"Cess{note}", document.cess),
        ("Other charges", document.other_charges),
        ("TCS", document.tcs),
        ("Round off", document.round_off),
    ]
    return [[name, grouped(amount)] for name, amount in rows if amount or name == "Taxable value"]


def _memo(document: InvoiceDocument) -> dict[str, Any]:
    section = f" u/s {drawable(document.tds_section)}" if document.tds_section else ""
    rows = [
        ("Changed since this was sent", document.changed, document.changed),
        (f"Less: TDS{section} (memo)", document.tds, -document.tds),
        ("Net receivable", document.tds, document.net_amount),
        ("Received and adjusted", document.net_amount - document.balance, document.balance - document.net_amount),
    ]
    return {
        "invoiceValue": inr(document.invoice_value),
        "rows": [[name, grouped(amount)] for name, needed, amount in rows if needed],
        "balance": inr(document.balance),
    }


def _payment(document: InvoiceDocument) -> dict[str, Any]:
    bank = document.supplier.bank
    settled = _SETTLED_WORDS.get(document.status, "")
    details = (
        [
            ("Account holder", bank.holder),
            ("Account number", bank.account_number),
            ("IFSC", bank.ifsc),
            ("Bank", ", ".join(part for part in (bank.bank_name, bank.branch) if part)),
            ("Quote as reference", document.reference),
        ]
        if bank
        else [("Quote as reference", document.reference)]
    )
    due = f" by {long_date(document.due_date)}" if document.due_date else ""
    return {
        "settled": settled,
        "ask": f"Please pay {inr(document.balance)}{due}",
        "qr": qr_svg(document.upi.qr_link) if document.upi and not settled else "",
        "upiId": drawable(document.supplier.upi_id),
        "hasBank": bank is not None,
        "bank": _pairs(details),
        # The link is short and ours; it is drawn with places to break and opened without them.
        "url": document.hosted_url if document.hosted_url.startswith(("https://", "http://")) else "",
        "urlText": drawable(document.hosted_url),
    }


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[label, drawable(value)] for label, value in pairs if value]


def _money(
    heading: str,
    lines: Iterable[Line],
    amount: Callable[[Line], Decimal],
    below: Callable[[Line], str] = lambda _: "",
) -> Column:
    total = grouped(sum((amount(line) for line in lines), _ZERO))
    return Column(heading, _NUMBER, lambda _, line: (grouped(amount(line)), below(line)), total)


def _number(number: Decimal | None, least_decimals: int = 0) -> str:
    return "" if number is None else plain_number(number, least_decimals)


def _rate(line: Line, halves: int) -> str:
    return "" if line.gst_rate is None else f"{plain_number(line.gst_rate / halves)}%"


def _tax(line: Line) -> Decimal:
    return line.cgst + line.sgst + line.igst + line.cess
