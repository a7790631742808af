"""Reading the cells of a chunk, column by column (domain §5). Easy forms are read by polars; every other form goes
through the same functions the API uses, once for each different text, so that a file and a call get the same verdict.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final

import polars as pl

from hundi.gst.numbers import number_error, number_warnings
from hundi.gst.supply import SupplyType
from hundi.imports.columns import Format, columns_by_name
from hundi.imports.notes import Notes
from hundi.imports.parse_child import Manifest
from hundi.invoices.schemas import ORDER_LINE
from hundi.kit.contacts import is_email, is_phone, split_emails
from hundi.kit.dates import DateStyle, NotADate, parse_file_date
from hundi.kit.errors import FieldProblem
from hundi.kit.formulas import GUARDED
from hundi.kit.money import AMOUNT_PATTERN, shown
from hundi.kit.states import CENTRE, find_state

_EASY_AMOUNT: Final = r"^[0-9]{1,14}(?:\.[0-9]{1,2})?$"
_EASY_SIGNED: Final = r"^-?[0-9]{1,14}(?:\.[0-9]{1,2})?$"
_EASY_NUMBER: Final = r"^[A-Za-z1-9][A-Za-z0-9/-]{0,15}$"
_EASY_EMAIL: Final = r"^[A-Za-z0-9_+-]{1,40}(?:\.[A-Za-z0-9_+-]{1,20})?@(?:[A-Za-z0-9]{1,60}\.){1,3}[A-Za-z]{2,20}$"
_EASY_PHONE: Final = r"^(?:\+91)?[0-9]{10}$"
_RATE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{0,6})?)\s*%?")
_DAYS: Final = re.compile(r"(?:net\s*)?([0-9]{1,5})\s*(?:days?)?", re.IGNORECASE)
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YES: Final = frozenset({"yes", "y", "true", "1", "t", "x", "हाँ"})
_NO: Final = frozenset({"no", "n", "false", "0", "f", "नहीं"})
_MOST_DAYS: Final = 3650
_MOST_RATE: Final = 100
_PAISE: Final = Decimal("0.01")
_PATTERNS: Final = {
    "irn": (re.compile(r"[A-Fa-f0-9]{64}"), "An IRN has 64 hexadecimal digits."),
    "ewayBillNo": (re.compile(r"[0-9]{12}"), "An e-way bill number has 12 digits."),
    "shipToPin": (re.compile(r"[1-9][0-9]{5}"), "A PIN code has six digits."),
    "orderLine": (
        re.compile(ORDER_LINE),
        "The line of the customer's order has 1 to 50 characters, no quotation mark and no backslash: 3, or PO-77/3.",
    ),
}

Read = tuple[Any, FieldProblem | None]


class Cells:
    """The cells of one chunk by column name: trimmed, unguarded, ``None`` where blank. Problems go into ``notes``."""

    def __init__(self, frame: pl.DataFrame, manifest: Manifest, notes: Notes) -> None:
        self._frame = frame
        self._at = {name: f"c{at}" for at, name in enumerate(manifest.columns) if name is not None}
        self._styles = manifest.date_styles
        # The cells of a sheet that are dates come as ISO text, whatever the texts beside them look like.
        self._has_date_cells = manifest.format is not Format.CSV
        self._columns = columns_by_name(manifest.kind)
        self.notes = notes
        self.size = frame.height

    def has(self, name: str) -> bool:
        """Tell whether the file has the column."""
        return name in self._at

    def text(self, name: str) -> pl.Series:
        """Give a column's cells as text; too long ones are errors."""
        if name not in self._at:
            return pl.Series(name, [None] * self.size, dtype=pl.String)
        raw = self._frame[self._at[name]]
        if raw.str.starts_with("'").any():
            raw = raw.str.replace(GUARDED, "$1")
        cells = raw.str.strip_chars()
        if (cells == "").any():
            cells = cells.to_frame("x").select(pl.when(pl.col("x") != "").then(pl.col("x"))).to_series()
        return cells.alias(name)

    def checked_text(self, name: str) -> pl.Series:
        """Give a text column; cells over its length or outside its pattern are errors."""
        cells = self.text(name)
        longest = self._columns[name].longest
        pattern = _PATTERNS.get(name)
        if pattern is not None:
            return self.by_value(cells, lambda text: _matched(name, text, *pattern), pl.String)
        if (cells.str.len_bytes() > longest).any():
            message = f"At most {longest} characters."
            for at in (cells.str.len_chars() > longest).arg_true():
                self.notes.error(at, FieldProblem(name, "TOO_LONG", message, shown(cells[at])))
        return cells

    def numbers(self) -> pl.Series:
        """Give the invoice numbers as typed; what no number can be is an error, what rule 46(b) dislikes a warning."""
        cells = self.text("invoiceNumber")
        odd = cells.is_not_null() & ~cells.str.contains(_EASY_NUMBER).fill_null(value=True)
        for at in odd.arg_true():
            problem = number_error(cells[at])
            if problem:
                self.notes.error(at, problem)
            else:
                self.notes.all_of(at, (), number_warnings(cells[at]))
        return cells

    def amounts(self, name: str) -> tuple[pl.Series, pl.Series]:
        """Give a column in paise where a cell is easy to read, and a mask of the cells that need a closer look."""
        cells = self.text(name)
        signed = name == "roundOff"
        easy = cells.str.contains(_EASY_SIGNED if signed else _EASY_AMOUNT)
        if not easy.all():
            cells = _ungrouped(cells, easy.fill_null(value=True))
            easy = cells.str.contains(_EASY_SIGNED if signed else _EASY_AMOUNT)
        odd = cells.is_not_null() & ~easy.fill_null(value=True)
        simple = cells if not odd.any() else cells.to_frame("x").select(pl.when(~odd).then(pl.col("x"))).to_series()
        paise = simple.str.to_decimal(scale=2).cast(pl.Decimal(20, 2)) * 100
        return paise.cast(pl.Int64).alias(name), odd

    def rates(self) -> pl.Series:
        """Give the GST rates in thousandths of a percent."""
        return self.by_value(self.text("gstRate"), _rate, pl.Int64)

    def dates(self, name: str) -> pl.Series:
        """Give a date column, read in the style most of its cells in the whole file have."""
        style = self._styles.get(name, DateStyle.ISO)

        def read(text: str) -> Read:
            try:
                return parse_file_date(text, DateStyle.ISO if self._is_iso(text) else style), None
            except NotADate as error:
                return None, FieldProblem(name, error.code, str(error), shown(text))

        return self.by_value(self.text(name), read, pl.Date)

    def _is_iso(self, text: str) -> bool:
        return self._has_date_cells and _ISO_DATE.match(text) is not None

    def flags(self, name: str) -> pl.Series:
        """Give a yes-or-no column."""

        def read(text: str) -> Read:
            word = text.lower()
            if word in _YES or word in _NO:
                return word in _YES, None
            return None, FieldProblem(name, "NOT_A_FLAG", "Write yes or no.", shown(text))

        return self.by_value(self.text(name), read, pl.Boolean)

    def days(self) -> pl.Series:
        """Give ``paymentTermsDays``."""
        return self.by_value(self.text("paymentTermsDays"), _days, pl.Int64)

    def places(self) -> pl.Series:
        """Give ``placeOfSupply`` as two-digit codes; what is no state is an error, as in a call."""

        def read(text: str) -> Read:
            state = find_state(text)
            if state is not None:
                return state.code, None
            message = "Send a state's name, its two letters or its GST code."
            return None, FieldProblem("placeOfSupply", "STATE_UNKNOWN", message, shown(text))

        return self.by_value(self.text("placeOfSupply"), read, pl.String)

    def ship_to_states(self) -> pl.Series:
        """Give ``shipToState`` as two-digit codes; what is no state is a warning and counts as nothing."""

        def read(text: str) -> Read:
            state = find_state(text)
            if state is not None and state.code != CENTRE:
                return state.code, None
            message = "This is no state: write its GST code (33), its letters (TN) or its name."
            return None, FieldProblem("shipToState", "STATE_UNKNOWN", message, shown(text))

        return self.by_value(self.text("shipToState"), read, pl.String, warn=True)

    def supply_types(self) -> pl.Series:
        """Give ``supplyType`` in capitals."""

        def read(text: str) -> Read:
            if text.upper() in SupplyType.__members__:
                return text.upper(), None
            message = f"Send one of {', '.join(SupplyType)}."
            return None, FieldProblem("supplyType", "UNKNOWN_VALUE", message, shown(text))

        return self.by_value(self.text("supplyType"), read, pl.String)

    def emails(self) -> pl.Series:
        """Give ``emailAddress``."""
        return self.by_value(self.text("emailAddress"), _email, pl.String, easy=_EASY_EMAIL)

    def phones(self) -> pl.Series:
        """Give ``mobileNumber`` as typed."""
        return self.by_value(self.text("mobileNumber"), _phone, pl.String, easy=_EASY_PHONE)

    def email_lists(self) -> pl.Series:
        """Give ``ccEmails`` as PostgreSQL writes an array of them."""
        return self.by_value(self.text("ccEmails"), _email_list, pl.String)

    def by_value(
        self, cells: pl.Series, read: Callable[[str], Read], dtype: Any, *, easy: str | None = None, warn: bool = False
    ) -> pl.Series:
        """Read each different text once. Texts that match ``easy`` stand as they are."""
        name = cells.name
        if cells.null_count() == len(cells):
            return pl.Series(name, [None] * len(cells), dtype=dtype)
        odd = (
            cells
            if easy is None
            else cells.filter(cells.is_not_null() & ~cells.str.contains(easy).fill_null(value=True))
        )
        different = odd.drop_nulls().unique()
        if not len(different) and easy is not None:
            return cells
        texts = different.to_list()
        answers = [read(text) for text in texts]
        wrong = {text: problem for text, (_, problem) in zip(texts, answers, strict=True) if problem}
        if wrong:
            note = self.notes.warning if warn else self.notes.error
            for at in cells.is_in(list(wrong)).fill_null(value=False).arg_true():
                note(at, wrong[cells[at]])
        table = pl.DataFrame(
            {"text": texts, "value": [value for value, _ in answers]}, schema={"text": pl.String, "value": dtype}
        )
        joined = cells.to_frame("text").join(table, on="text", how="left", maintain_order="left")
        if easy is None:
            return joined["value"].alias(name)
        kept = joined.select(pl.when(~pl.col("text").is_in(list(wrong))).then(pl.coalesce("value", "text")))
        return kept.to_series().alias(name)


def _ungrouped(cells: pl.Series, easy: pl.Series) -> pl.Series:
    """Write plainly what is grouped or carries a currency sign, where nothing else is special about it."""
    parts = cells.to_frame("x").select(
        pl.col("x"), pl.lit(easy).alias("easy"), pl.col("x").str.extract_groups(AMOUNT_PATTERN).alias("g")
    )
    group = pl.col("g").struct
    special = pl.any_horizontal(group.field(name).is_not_null() for name in ("open", "sign", "sign2", "side", "close"))
    plain = group.field("number").is_not_null() & ~special & (pl.col("x").str.len_bytes() <= 60)
    written = group.field("number").str.replace_all(",", "", literal=True).str.strip_chars_end(".")
    return parts.select(pl.when(~pl.col("easy") & plain).then(written).otherwise(pl.col("x"))).to_series()


def _matched(name: str, text: str, pattern: re.Pattern[str], message: str) -> Read:
    if pattern.fullmatch(text):
        return text, None
    return None, FieldProblem(name, "BAD_FORMAT", message, shown(text))


def _rate(text: str) -> Read:
    found = _RATE.fullmatch(text)
    if found is None:
        return None, FieldProblem("gstRate", "NOT_A_RATE", "Write a percentage such as 18 or 18%.", shown(text))
    rate = Decimal(found[1])
    thousandths = rate * 1000
    if rate > _MOST_RATE or thousandths != int(thousandths):
        message = "A rate lies between 0 and 100 and has at most three decimals."
        return None, FieldProblem("gstRate", "RATE_OUT_OF_RANGE", message, shown(text))
    return int(thousandths), None


def _days(text: str) -> Read:
    found = _DAYS.fullmatch(text)
    if found is None or int(found[1]) > _MOST_DAYS:
        message = f"Write a number of days from 0 to {_MOST_DAYS}."
        return None, FieldProblem("paymentTermsDays", "NOT_DAYS", message, shown(text))
    return int(found[1]), None


def _email(text: str) -> Read:
    if is_email(text):
        return text, None
    return None, FieldProblem(
        "emailAddress", "BAD_FORMAT", "Send an address such as accounts@example.com.", shown(text)
    )


def _phone(text: str) -> Read:
    if is_phone(text):
        return text, None
    message = "Send ten digits, with +91 before them if you like."
    return None, FieldProblem("mobileNumber", "BAD_FORMAT", message, shown(text))


def _email_list(text: str) -> Read:
    parts = split_emails(text)
    wrong = [part for part in parts if not is_email(part)]
    if wrong:
        message = "Write e-mail addresses with commas between them."
        return None, FieldProblem("ccEmails", "BAD_FORMAT", message, shown(wrong[0]))
    # An address is_email accepts has no quote, backslash, comma or blank, but braces must stand in quotes.
    return "{" + ",".join(f'"{part}"' for part in parts) + "}", None


def rate_of(thousandths: int) -> Decimal:
    """Give a rate in percent."""
    return Decimal(thousandths) / 1000


def rupees_of(paise: int) -> Decimal:
    """Give paise as rupees with two decimals."""
    return Decimal(paise) * _PAISE


def day_of(value: object) -> date:
    """Narrow a cell of a date column."""
    if not isinstance(value, date):
        message = "not a date"
        raise TypeError(message)
    return value
