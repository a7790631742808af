"""The cells of a customer's row, and the body of createCustomer or updateCustomer they come to (domain §10 Customers)."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import polars as pl

from hundi.customers.rules import TREATMENTS
from hundi.customers.schemas import CustomerCreate, CustomerKeyContactCreateDTO
from hundi.imports.cells import Cells
from hundi.imports.columns import columns_by_name
from hundi.imports.notes import Notes
from hundi.imports.parse_child import Manifest
from hundi.imports.reading import too_wide, unreadable
from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import NotAGstin, read_gstin

MOST_BRANCHES: Final = 50
_LONGEST_BRANCH: Final = 100
# What a problem of the body is called in the file; anything else has the same name in both.
_COLUMN_OF: Final = {
    "customerKeyContacts[0].email": "contactEmail",
    "customerKeyContacts[0].mobile": "contactMobile",
    "customerKeyContacts[0].name": "contactName",
    "customerKeyContacts[0].legalName": "legalName",
}
_PLAIN: Final = (
    "legalName", "tradeName", "uniqueRefNo", "treatment", "address", "state", "pinCode", "shippingAddress",
    "shippingState", "shippingPinCode", "contactNumber", "paymentTermsDays", "tan", "udyamNumber", "udyamClass",
    "accountNumber", "ifsc", "assignedAgent",
)  # fmt: skip
# How Zoho, Tally and GST tools write the treatments, without blanks and punctuation.
_TREATMENTS: Final = {
    **{name.lower(): name for name in TREATMENTS},
    "registeredbusinessregular": "REGISTERED", "businessgst": "REGISTERED", "regular": "REGISTERED",
    "registeredbusiness": "REGISTERED", "registeredbusinesscomposition": "COMPOSITION",
    "businessregisteredcomposition": "COMPOSITION", "compositiontaxpayer": "COMPOSITION",
    "unregisteredbusiness": "UNREGISTERED", "businessnone": "UNREGISTERED", "specialeconomiczone": "SEZ",
    "businesssez": "SEZ", "sezunit": "SEZ", "sezdeveloper": "SEZ", "enduser": "CONSUMER", "foreign": "OVERSEAS",
    "export": "OVERSEAS", "overseasbusiness": "OVERSEAS",
}  # fmt: skip
_SPLIT: Final = re.compile(r"\s*[,;|]\s*")

Row = dict[str, Any]
"""The filled cells of a row by column, the days as a number; ``row`` is its number in the file."""


def read_rows(frame: pl.DataFrame, manifest: Manifest) -> tuple[list[Row], Notes]:
    """Read every cell of a chunk; what is wrong with a cell by itself is noted."""
    notes = Notes(frame.height)
    cells = Cells(frame, manifest, notes)
    too_wide(frame, notes)
    unreadable(frame, manifest, notes)
    names = [name for name in columns_by_name(manifest.kind) if cells.has(name)]
    columns = [cells.days() if name == "paymentTermsDays" else cells.checked_text(name) for name in names]
    table = pl.DataFrame([frame["row"], *columns])
    rows = [{name: value for name, value in one.items() if value is not None} for one in table.iter_rows(named=True)]
    return rows, notes


def body_of(row: Row, notes: Notes, at: int) -> CustomerCreate:
    """Make the body createCustomer would have been sent for a row."""
    given: Row = {name: row[name] for name in _PLAIN if name in row}
    shaped(given)
    return CustomerCreate(
        **{"legalName": "", **given},
        panOrGstin=tax_number(row, notes, at),
        branchCodes=branches_of(row, notes, at),
        customerKeyContacts=_contacts(row),
    )


def shaped(given: Row) -> None:
    """Write words of a fixed list as the API does, whatever their case and blanks."""
    if "treatment" in given:
        text = given["treatment"]
        given["treatment"] = _TREATMENTS.get(re.sub("[^a-z]", "", text.lower()), text)
    if "udyamClass" in given:
        given["udyamClass"] = given["udyamClass"].upper()


def tax_number(row: Row, notes: Notes, at: int) -> str | None:
    """Give a row's GSTIN or PAN in capitals; a PAN beside a GSTIN has to be the one within it."""
    number = (row.get("gstin") or row.get("panOrGstin") or row.get("pan") or "").upper() or None
    pan = row.get("pan", "").upper()
    if number is None or not pan or number == pan:
        return number
    try:
        within = read_gstin(number).pan
    except NotAGstin:
        return number
    if within is not None and within != pan:
        message = f"The GSTIN contains the PAN {within}: correct one of the two, or leave the PAN out."
        notes.error(at, FieldProblem("pan", "PAN_MISMATCH", message, pan[:40]))
    return number


def branches_of(row: Row, notes: Notes, at: int) -> list[str] | None:
    """Give a row's branch codes; too many or too long ones are noted."""
    if "branchCodes" not in row:
        return None
    codes = [code for code in _SPLIT.split(row["branchCodes"]) if code]
    if not codes:  # nothing but separators says as little as an empty cell
        return None
    if len(codes) > MOST_BRANCHES or any(len(code) > _LONGEST_BRANCH for code in codes):
        message = f"At most {MOST_BRANCHES} codes of {_LONGEST_BRANCH} characters, with commas between them."
        notes.error(at, FieldProblem("branchCodes", "TOO_LONG", message))
    return codes


def _contacts(row: Row) -> list[CustomerKeyContactCreateDTO]:
    if not row.keys() & {"contactName", "contactEmail", "contactMobile"}:
        return []
    name = row.get("legalName", "")
    return [
        CustomerKeyContactCreateDTO(
            deleted=False,
            legalName=name,
            name=row.get("contactName") or name,
            mobile=row.get("contactMobile", ""),
            email=row.get("contactEmail"),
        )
    ]


def placed(problems: tuple[FieldProblem, ...], row: Row) -> Iterator[FieldProblem]:
    """Name each problem of a body by the column it comes from, and each once."""
    seen: set[tuple[str, str]] = set()
    for one in problems:
        column = _COLUMN_OF.get(one.field, one.field)
        if column == "panOrGstin":
            column = next((name for name in ("gstin", "panOrGstin", "pan") if name in row), "gstin")
        if (column, one.code) not in seen:
            seen.add((column, one.code))
            yield msgspec.structs.replace(one, field=column)
