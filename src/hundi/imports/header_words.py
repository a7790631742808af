"""What is said about a header line that will not do: which columns are missing or stand twice, and how to put it right."""

from typing import Final

from hundi.imports.columns import FileKind, Header, columns_by_name, match
from hundi.imports.sheet_scan import column_letters
from hundi.kit.errors import FieldProblem

_MEANINGS: Final = {
    "baseAmount": "the amount before GST",
    "legalName": "the customer's full name",
    "taxableValue": "the item's amount before GST",
    "hsnCode": "the item's HSN or SAC code",
    "customerPin": "a customer's name needs the PIN code beside it, or send the GSTIN or your own reference instead",
}
_WHO: Final = (
    "No column says who the customer is: add one of Customer reference, Customer GSTIN, or Customer name with Customer PIN "
    "code."
)
_WHOM: Final = "No column says which customer a row changes: add Customer id, Customer reference or GSTIN."
_MOST_NAMED: Final = 6
_ADDRESSES: Final = {
    FileKind.INVOICES: "POST /api/v0/invoice/bulk/create, or `hundi import FILE --kind invoices`",
    FileKind.CUSTOMERS: "POST /api/v0/customer/bulk, or `hundi import FILE --kind customers`",
}
_OTHER: Final = {FileKind.INVOICES: FileKind.CUSTOMERS, FileKind.CUSTOMERS: FileKind.INVOICES}
_OF_INVOICES: Final = frozenset({"invoiceNumber", "invoiceDate", "dueDate", "baseAmount", "netAmount"})
_TALLY: Final = frozenset({"vch type", "voucher type", "vch no.", "voucher no."})


def header_problems(header: Header, kind: FileKind) -> list[FieldProblem]:
    """List what is wrong with a header line, each with what to do about it; empty where nothing is.

    Codes: ``COLUMN_MISSING``, ``COLUMN_TWICE``.
    """
    names = columns_by_name(kind)
    clue = _clue(header, kind)
    problems = []
    for name in header.missing:
        if name in names:
            means = f": {_MEANINGS[name]}" if name in _MEANINGS else ""
            message = f"The file needs a column {names[name].label} ({name}){means}."
        else:
            message = _WHO if kind is FileKind.INVOICES else _WHOM
        problems.append(FieldProblem(name, "COLUMN_MISSING", f"{message}{clue}"))
    for at, first in header.twice:
        column = header.columns[first] or ""
        heading, other = header.headings[at].strip(), header.headings[first].strip()
        message = (
            f"The columns {column_letters(first + 1)} ({other}) and {column_letters(at + 1)} ({heading}) both mean "
            f"{names[column].label}: delete one of them, or give it another heading."
        )
        problems.append(FieldProblem(heading, "COLUMN_TWICE", message))
    return problems


def _clue(header: Header, kind: FileKind) -> str:
    """Say what the reader took for headings, so that a person sees which one to rename, or that it is another kind of file."""
    other = _OTHER.get(kind)
    speaks_of_invoices = not _OF_INVOICES.isdisjoint(header.columns)
    if (
        other is not None
        and not match(header.headings, other).missing
        and (kind is not FileKind.INVOICES or not speaks_of_invoices)
    ):
        return f" These look like {other.value}: send them to {_ADDRESSES[other]}."
    if kind is FileKind.INVOICES and _TALLY & {one.strip().lower() for one in header.headings}:
        return " From Tally, send the XML export of the vouchers, or the columnar Sales Register with its column Value."
    nobodys = header.unknown[:_MOST_NAMED]
    if not any(header.columns):
        return " No heading of the file is known: is its first line the header? The template shows all columns."
    if not nobodys:
        return " The template shows all columns."
    more = " …" if len(header.unknown) > _MOST_NAMED else ""
    return f" If one of these holds it, give it that heading: {', '.join(one[:40] for one in nobodys)}{more}."
