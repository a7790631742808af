"""The first half of judging a chunk: every cell read, nothing looked up yet."""

from datetime import date
from typing import Final

import polars as pl

from hundi.imports.cells import Cells
from hundi.imports.notes import Notes
from hundi.imports.parse_child import Manifest
from hundi.imports.queries import Registration
from hundi.imports.records import EXTRA, ROW, problems_of
from hundi.invoices.errors import RegistrationNotFound
from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import NotAGstin, read_gstin
from hundi.kit.money import shown

AMOUNTS: Final = (
    "baseAmount", "cgst", "sgst", "igst", "cess", "discount", "otherCharges", "tcs", "roundOff", "tds", "netAmount",
    "totalReceived", "balanceAmount",
)  # fmt: skip
_TEXTS: Final = (
    "customerId", "customerRef", "customerGstin", "customerName", "customerPin", "externalId", "description", "poNumber",
    "irn", "ackNo", "signedQr", "ewayBillNo", "shipToName", "shipToAddress", "shipToPin", "branchCode",
    "attachmentFileName",
)  # fmt: skip
_FLAGS: Final = ("gstExclusive", "reverseCharge", "partialPaymentAllowed", "dispatchNow")
_APRIL: Final = 4
_RUPEES: Final = frozenset({"INR", "₹", "RS", "RS.", "RUPEE", "RUPEES", "INDIAN RUPEE", "INDIAN RUPEES", "रुपये"})
WHO: Final = "who"
KEY: Final = "key"


class Draft:
    """A chunk whose cells are read: ``values`` has one row for each row of the chunk, in its order.

    Its columns are those of the file in API names, and ``row``, ``registration_id``, ``number_key``, ``day`` (the
    invoice date, today where absent), ``fy``, ``who`` (the column that names the customer) and ``key`` (its cell).
    ``odd`` marks the rows whose amounts need the scalar reader; ``cells`` still has their texts.
    """

    def __init__(self, cells: Cells, values: pl.DataFrame, odd: pl.Series) -> None:
        self.cells = cells
        self.notes = cells.notes
        self.values = values
        self.odd = odd
        self.refused: set[int] = set()
        """Rows whose customer could not be made; what stands in the way is noted."""

    @property
    def size(self) -> int:
        """Give the number of rows."""
        return self.values.height


def read_chunk(frame: pl.DataFrame, manifest: Manifest, registrations: list[Registration], today: date) -> Draft:
    """Read every cell of a chunk and note what is wrong with it."""
    notes = Notes(frame.height)
    cells = Cells(frame, manifest, notes)
    too_wide(frame, notes)
    unreadable(frame, manifest, notes)
    columns = [frame[ROW]]
    columns += [cells.checked_text(name) for name in _TEXTS]
    columns.append(cells.numbers())
    columns.append(_registrations(cells, registrations))
    columns += [cells.dates("invoiceDate"), cells.dates("dueDate"), cells.dates("poDate"), cells.dates("ackDate")]
    columns.append(cells.days())
    odd = pl.zeros(frame.height, dtype=pl.Int8, eager=True) > 0
    for name in AMOUNTS:
        paise, unclear = cells.amounts(name)
        columns.append(paise)
        odd |= unclear
    columns.append(cells.rates())
    columns += [cells.places(), cells.ship_to_states(), cells.supply_types()]
    columns += [cells.flags(name) for name in _FLAGS]
    columns += [cells.emails(), cells.phones(), cells.email_lists()]
    values = _completed(pl.DataFrame(columns), today, names_suffice=manifest.names_suffice)
    _required(values, cells)
    _rupees_only(cells)
    return Draft(cells, values, odd)


def unreadable(frame: pl.DataFrame, manifest: Manifest, notes: Notes) -> None:
    """Note what the reader of the file found wrong with single cells."""
    for at, found in problems_of(frame):
        for one in found:
            name = manifest.columns[one.column] or manifest.headings[one.column]
            notes.error(at, FieldProblem(name, one.code, one.message, one.rejected))


def too_wide(frame: pl.DataFrame, notes: Notes) -> None:
    """Note rows that have more cells than the header."""
    surplus = frame[EXTRA]
    if surplus.null_count() == len(surplus):
        return
    for at in (surplus.str.strip_chars(" \t|") != "").fill_null(value=False).arg_true():
        message = "The row has more cells than the header: a comma in a text needs quotes around the text."
        notes.error(at, FieldProblem("row", "ROW_TOO_WIDE", message, shown(surplus[at])))


def _registrations(cells: Cells, registrations: list[Registration]) -> pl.Series:
    by_gstin = {one.gstin: one.registration_id for one in registrations if one.gstin}
    default = next((one.registration_id for one in registrations if one.is_default), None)

    def read(text: str) -> tuple[str | None, FieldProblem | None]:
        try:
            number = read_gstin(text).number
        except NotAGstin as error:
            return None, FieldProblem("registrationGstin", error.code, str(error), shown(text))
        if number in by_gstin:
            return by_gstin[number], None
        sentence = str(RegistrationNotFound.__doc__)
        return None, FieldProblem("registrationGstin", RegistrationNotFound.code, sentence, shown(text))

    given = cells.text("registrationGstin")
    found = cells.by_value(given, read, pl.String)
    filled = pl.DataFrame({"g": given, "f": found}).select(
        pl.when(pl.col("g").is_null()).then(pl.lit(default, dtype=pl.String)).otherwise(pl.col("f"))
    )
    return filled.to_series().alias("registration_id")


def _completed(values: pl.DataFrame, today: date, *, names_suffice: bool) -> pl.DataFrame:
    """Add what follows from the cells alone. ``names_suffice``: a customer's name needs no PIN code beside it."""
    day = pl.coalesce("invoiceDate", pl.lit(today, dtype=pl.Date))
    return values.with_columns(
        day.alias("day"),
        (day.dt.year().cast(pl.Int64) - (day.dt.month() < _APRIL).cast(pl.Int64)).alias("fy"),
        pl.col("invoiceNumber").str.to_uppercase().alias("number_key"),
        pl.col("customerGstin").str.to_uppercase(),
        pl.when(pl.col("customerId").is_not_null())
        .then(pl.lit("customerId"))
        .when(pl.col("customerRef").is_not_null())
        .then(pl.lit("customerRef"))
        .when(pl.col("customerGstin").is_not_null())
        .then(pl.lit("customerGstin"))
        .when(pl.col("customerName").is_not_null() & (pl.col("customerPin").is_not_null() | pl.lit(names_suffice)))
        .then(pl.lit("customerName"))
        .alias(WHO),
    )


def _rupees_only(cells: Cells) -> None:
    """Refuse rows in another currency: their figures would be taken for rupees."""
    if not cells.has("currency"):
        return
    given = cells.text("currency")
    for at in (given.is_not_null() & ~given.str.to_uppercase().is_in(list(_RUPEES))).fill_null(value=False).arg_true():
        message = "Only invoices in rupees are taken: give the amounts in INR and write INR here, or leave the row out."
        cells.notes.error(at, FieldProblem("currency", "NOT_RUPEES", message, shown(given[at])))


def _required(values: pl.DataFrame, cells: Cells) -> None:
    notes = cells.notes
    for at in values[WHO].is_null().arg_true():
        if values["customerName"][at] is not None:
            message = (
                "Several customers may have one name: give the PIN code too, or the GSTIN or your reference instead."
            )
            notes.error(at, FieldProblem("customerPin", "CUSTOMER_MISSING", message))
            continue
        message = "Say who the customer is: customerId, customerRef, customerGstin, or customerName and customerPin."
        notes.error(at, FieldProblem("customer", "CUSTOMER_MISSING", message))
    base = cells.text("baseAmount")
    for at in base.is_null().arg_true():
        if not notes.speaks_of(at, "baseAmount"):
            notes.error(at, FieldProblem("baseAmount", "REQUIRED", "Every row needs its baseAmount."))
    for at in values["registration_id"].is_null().arg_true():
        if cells.text("registrationGstin")[at] is None:
            message = "The company has no registration: set one up first."
            notes.error(at, FieldProblem("registrationGstin", RegistrationNotFound.code, message))
