"""Exports of other programs that use a heading in a sense of their own, known by their columns (domain §10).

What is said here holds for a whole file of that program only; headings with one meaning everywhere are aliases in
``columns``. Sources: the columns of Zoho Books' invoice export, and of Tally's columnar Sales Register.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

_NOT_LETTERS: Final = re.compile(r"[^0-9a-z\u0900-\u097f%#]+")
# "Output CGST @ 9%", "CGST 9% Payable": a ledger's own name for a head of the tax.
_TAX_LEDGER: Final = re.compile(
    r"^(?:output|op|local|payable)?(?P<head>cgst|sgst|utgst|igst|cess)(?:payable|output|ac)?(?:[0-9]{1,4}%?)?(?:payable|output|ac)?$"
)


def key_of(heading: str) -> str:
    """Give the form in which headings are compared: no case, spaces, underscores or punctuation."""
    return _NOT_LETTERS.sub("", heading.strip().lower())


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """How the invoices of one program are read.

    ``signs``: the headings by which it is known, all of them. ``columns`` and ``items``: what a heading means, None where
    it means nothing to us. ``left_out``: a column, and the words in it of rows that are no invoices. ``names_suffice``: a
    customer is named by the name alone. ``tax_ledgers``: headings may be ledgers of taxes.
    """

    signs: frozenset[str]
    columns: Mapping[str, str | None]
    items: Mapping[str, str] = {}
    left_out: tuple[str, frozenset[str]] | None = None
    names_suffice: bool = True
    tax_ledgers: bool = False

    def means(self, key: str) -> tuple[bool, str | None]:
        """Tell whether a heading has a sense of its own here, and which column of the invoice it is."""
        if key in self.columns:
            return True, self.columns[key]
        ledger = _TAX_LEDGER.match(key) if self.tax_ledgers else None
        if ledger is None:
            return key in self.items, None
        return True, "sgst" if ledger["head"] == "utgst" else ledger["head"]


def _keys(columns: Mapping[str, str | None]) -> dict[str, str | None]:
    return {key_of(heading): name for heading, name in columns.items()}


def _signs(*headings: str) -> frozenset[str]:
    return frozenset(key_of(one) for one in headings)


ZOHO_BOOKS: Final = Program(
    signs=_signs("Invoice Number", "Customer Name", "Item Total", "SubTotal", "Item Tax %"),
    # One row an item; what a row says of its tax is the item's, what it says of sums is the invoice's.
    columns=_keys(
        {
            "Customer ID": None, "Discount": None, "Discount Amount": None, "Item Desc": None, "Adjustment": None,
            "Payment Terms": None, "Discount Type": None, "Supply Type": None, "CGST": None, "SGST": None, "IGST": None,
            "CESS": None, "Item Tax %": None, "Round Off": "roundOff", "SubTotal": "baseAmount", "Notes": None,
        }
    ),
    items={
        key_of(heading): name
        for heading, name in {
            "Item Name": "description", "HSN/SAC": "hsnCode", "Quantity": "quantity", "Usage unit": "unit",
            "Item Price": "unitPrice", "Discount Amount": "discount", "Item Total": "taxableValue", "Item Tax %": "gstRate",
            "CGST": "cgst", "SGST": "sgst", "IGST": "igst", "CESS": "cess",
        }.items()
    },
    left_out=(key_of("Invoice Status"), frozenset({"void", "draft"})),
)  # fmt: skip
TALLY_REGISTER: Final = Program(
    signs=_signs("Date", "Particulars", "Voucher Type", "Voucher No.", "Gross Total"),
    columns=_keys({"Particulars": "customerName", "Buyer": None, "Value": "baseAmount", "Gross Total": "netAmount",
                   "Quantity": None, "Rate": None}),
    tax_ledgers=True,
)  # fmt: skip
PROGRAMS: Final = (ZOHO_BOOKS, TALLY_REGISTER)


def program_of(headings: Sequence[str]) -> Program | None:
    """Give the program that writes these headings, if they are those of a known one."""
    keys = {key_of(heading) for heading in headings}
    return next((one for one in PROGRAMS if one.signs <= keys), None)
