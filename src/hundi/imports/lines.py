"""The items of invoices (domain §10 Items): read, held against their invoice, and made ready to be written.

What a line must have and what is computed for it is as in createInvoice (``invoices.birth``): heads that are absent come
from the rate, and the lines come to what their invoice says (``invoices.line_sums``).
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec
import polars as pl

from hundi.gst.rates import rate_problem
from hundi.imports.cells import Cells, Read, rate_of, rupees_of
from hundi.imports.columns import FileKind
from hundi.imports.notes import Notes, mask_of
from hundi.imports.parse_child import Manifest
from hundi.imports.reading import too_wide
from hundi.imports.records import problems_of
from hundi.imports.report import Lines
from hundi.invoices import line_sums
from hundi.kit.errors import FieldProblem
from hundi.kit.money import NotAnAmount, checked_amount, in_paise, parse_amount, shown

OWNER: Final = "owner"
"""The row of the invoice that an item belongs to; null where the file has no such invoice."""
MOST: Final = 1000
"""As many lines as createInvoice takes for one invoice."""
_AMOUNTS: Final = ("discount", "taxableValue", "cgst", "sgst", "igst", "cess", "itemTotal")
_HEADS: Final = ("cgst", "sgst", "igst", "cess")
_REQUIRED: Final = ("description", "hsnCode", "taxableValue", "gstRate")
_HSN: Final = r"^[0-9]{4,8}$"
_WHOLE: Final = 100_000  # percent in thousandths
_PLACES: Final = {"quantity": Decimal("0.001"), "unitPrice": Decimal("0.0001")}
_MOST_DIGITS: Final = 14
_RUPEE: Final = 100
_SHOWN: Final = 5
_SUMMED: Final = {"taxableValue": "taxable_value", "itemTotal": "item_total"}
_LINE_NAMES: Final = {
    "taxable_value": "taxableValue", "cgst": "cgst", "sgst": "sgst", "igst": "igst", "cess": "cess",
    "item_total": "itemTotal",
}  # fmt: skip


class ItemRows:
    """The items of one chunk's invoices, and those of none. ``values`` has a row for each, in the order of the file.

    Its columns: ``owner``, ``number_key``, ``line_no``, the cells by name, amounts in paise and rates in thousandths.
    """

    def __init__(self, frame: pl.DataFrame, manifest: Manifest) -> None:
        inline = manifest.items is None
        columns = manifest.item_columns if inline else (manifest.items.columns if manifest.items else [])
        if inline:  # a row whose item cells are all empty brings no item
            cells_of = [pl.col(f"c{at}").str.strip_chars() for at, name in enumerate(columns) if name is not None]
            frame = frame.filter(pl.any_horizontal(cell.is_not_null() & (cell != "") for cell in cells_of))
        self.frame = frame
        self.notes = Notes(frame.height)
        cells = Cells(
            frame, msgspec.structs.replace(manifest, columns=columns, kind=FileKind.ITEMS, date_styles={}), self.notes
        )
        self._inline = inline
        self._sheet = manifest.items.sheet if manifest.items is not None else manifest.sheet
        self._shared = [f"c{at}" for at, name in enumerate(manifest.columns) if name is not None] if inline else []
        self._unread: set[tuple[int, str]] = set()
        self._note_unread(manifest, columns)
        self.values = self._read(cells)

    def _note_unread(self, manifest: Manifest, columns: Sequence[str | None]) -> None:
        """Note what the reader of the file found wrong with the items' cells; an invoice's own row tells of its cells itself."""
        told = Notes(self.frame.height)
        too_wide(self.frame, told)
        headings = manifest.headings if manifest.items is None else manifest.items.headings
        for at, found in problems_of(self.frame):
            for one in found:
                shared = manifest.columns[one.column] if self._inline else None
                name = columns[one.column] or shared or headings[one.column]
                self._unread.add((at, name))
                told.error(at, FieldProblem(name, one.code, one.message, one.rejected))
        for at, problems in told.errors.items():
            if not self._inline or self.frame[OWNER][at] != self.frame["row"][at]:
                self.notes.all_of(at, problems, ())

    def _read(self, cells: Cells) -> pl.DataFrame:
        columns = [self.frame[OWNER], self.frame["number_key"], self.frame["row"]]
        columns += [cells.checked_text("description"), cells.checked_text("unit"), cells.flags("isService")]
        columns.append(cells.checked_text("orderLine"))
        columns.append(cells.by_value(cells.text("hsnCode"), _hsn, pl.String, easy=_HSN))
        columns += [cells.by_value(cells.text(name), _measure(name), pl.String) for name in _PLACES]
        columns.append(cells.rates())
        columns += [self._paise(cells, name) for name in _AMOUNTS]
        self._check_shared()
        for name in _REQUIRED:
            for at in cells.text(name).is_null().arg_true():
                if (at, name) not in self._unread:
                    self.notes.error(at, FieldProblem(name, "REQUIRED", f"Every item needs its {name}."))
        return pl.DataFrame(columns)

    def _check_shared(self) -> None:
        """Rows of one invoice say the same of it: a cell that differs from its first row's is an error."""
        for name in self._shared:
            texts = self.frame.select(OWNER, pl.col(name).str.strip_chars().alias("text"))
            texts = texts.with_columns(pl.when(pl.col("text") != "").then(pl.col("text")).alias("text"))
            first = texts["text"].is_not_null() & (
                texts["text"] != texts.select(pl.col("text").drop_nulls().first().over(OWNER)).to_series()
            )
            for at in first.fill_null(value=False).arg_true():
                message = f"The first row of this invoice, row {texts[OWNER][at]}, says otherwise here: write the same, or nothing."
                self.notes.error(at, FieldProblem("row", "ITEM_ROWS_DIFFER", message, shown(texts["text"][at])))

    def _paise(self, cells: Cells, name: str) -> pl.Series:
        """Give an amount in paise; what is not easy to read goes through the reader of single cells."""
        paise, odd = cells.amounts(name)
        places = odd.arg_true()
        if not len(places):
            return paise
        texts = cells.text(name)
        found = []
        for at in places:
            amount = None
            try:
                checked = checked_amount(name, parse_amount(texts[at]))
            except NotAnAmount as error:
                self.notes.error(at, FieldProblem(name, error.code, str(error), shown(texts[at])))
            else:
                self.notes.all_of(at, [checked.error] if checked.error else [], [])
                amount = in_paise(checked.value)
            found.append(amount)
        return paise.scatter(places, pl.Series(found, dtype=pl.Int64))

    def lend_heads(self, frame: pl.DataFrame, manifest: Manifest) -> tuple[pl.DataFrame, Manifest]:
        """Give the invoices the tax of their lines, where no column of the file has the invoice's own.

        Exports of one row an item (Zoho Books) say what each item's tax is, and the invoice's only as part of its total.
        ``frame`` are the rows of the invoices; it comes back with columns for the heads, as if the file had them.
        """
        named = manifest.item_columns if self._inline else (manifest.items.columns if manifest.items else [])
        lent = [name for name in _HEADS if name in named]
        if not lent or not {*_HEADS, "gstRate"}.isdisjoint(manifest.columns):
            return frame, manifest
        sums = self.values.group_by(OWNER).agg(pl.col(name).sum() for name in lent)
        columns: list[str | None] = list(manifest.columns)
        found = frame.select(pl.col("row").alias(OWNER)).join(sums, on=OWNER, how="left", maintain_order="left")
        for name in lent:
            paise = pl.col(name)
            text = (paise // _RUPEE).cast(pl.String) + "." + (paise % _RUPEE).cast(pl.String).str.zfill(2)
            frame = frame.with_columns(found.select(text.alias(f"c{len(columns)}")).to_series())
            columns.append(name)
        return frame, msgspec.structs.replace(manifest, columns=columns)

    def settle(self, rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
        """Hold the items against their invoices: what is wrong with one fails both; gives ``rows`` with ``items_hash``.

        ``rows`` are the chunk's, with ``row``, ``number_key``, the figures in paise, ``reverseCharge`` and ``supplyType``;
        ``notes`` are theirs.
        """
        owners = rows.select(
            pl.col("row").alias(OWNER),
            pl.col("number_key").alias("its_key"),
            pl.col("igst").alias("its_igst"),
            ((pl.col("cgst") + pl.col("sgst") + pl.col("igst")) > 0).alias("its_taxed"),
            pl.int_range(pl.len(), dtype=pl.Int64).alias("place"),
        )
        joined = self.values.join(owners, on=OWNER, how="left", maintain_order="left")
        if not self._inline:
            self._check_owned(joined)
        self.values = _completed(joined)
        for place, lines in self._by_place().items():
            _tell(self, place, lines, notes)
        _check_sums(self, rows, notes)
        return rows.with_columns(self._hashes(rows.height))

    def check_rates(self, rows: pl.DataFrame, notes: Notes) -> None:
        """Warn of rates that are not in force on the invoice's ``day``, as createInvoice does of its lines."""
        days = rows.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("place"), "day")
        dated = self.values.select("place", "gstRate", "row").join(days, on="place").drop_nulls()
        for rate, day in dated.select("gstRate", "day").unique(maintain_order=True).iter_rows():
            problem = rate_problem("items", rate_of(rate), day)
            if problem is None:
                continue
            odd = dated.filter((pl.col("gstRate") == rate) & (pl.col("day") == day))
            said = odd.group_by("place", maintain_order=True).agg(pl.col("row").head(_SHOWN), pl.len().alias("count"))
            for place, numbers, count in said.iter_rows():
                message = (
                    f"{rate_of(rate).normalize():f}% on a line: {problem.message} See {self.place_of(numbers, count)}."
                )
                notes.warning(place, FieldProblem("items", problem.code, message, problem.rejected))

    def _check_owned(self, joined: pl.DataFrame) -> None:
        lost = joined["place"].is_null() | (joined["number_key"] != joined["its_key"])
        for at in lost.fill_null(value=True).arg_true():
            number = joined["number_key"][at]
            if number is None:
                self.notes.error(
                    at, FieldProblem("invoiceNumber", "REQUIRED", "Say which invoice the item belongs to.")
                )
            else:
                message = "No row of the first sheet has this invoice number."
                self.notes.error(at, FieldProblem("invoiceNumber", "ITEM_WITHOUT_INVOICE", message, shown(number)))

    def place_of(self, rows: Sequence[int], count: int) -> str:
        """Say where the lines of an invoice stand: the sheet, and the first of its rows."""
        numbers = ", ".join(str(row) for row in rows) + (" …" if count > len(rows) else "")
        return f"row {numbers}" if self._inline else f"the sheet {self._sheet}, row {numbers}"

    def _by_place(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for at in sorted(self.notes.errors):
            place = self.values["place"][at]
            if place is not None:
                found.setdefault(place, []).append(at)
        return found

    def _hashes(self, size: int) -> pl.Series:
        names = ("description", "hsnCode", "isService", "quantity", "unit", "unitPrice", "gstRate", *_AMOUNTS)
        said = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in names], separator="\x1e")
        # A line that names none of an order says the same as before there were any.
        order = pl.concat_str(pl.lit("\x1e"), "orderLine").fill_null("")
        lines = self.values.filter(pl.col("place").is_not_null()).select("place", (said + order).alias("said"))
        whole = lines.group_by("place", maintain_order=True).agg(pl.col("said").str.join("\x1d"))
        texts = pl.Series("items_hash", [None] * size, dtype=pl.String)
        return texts.scatter(whole["place"], whole["said"]) if whole.height else texts

    def of_rows(self, rows: pl.Series) -> pl.DataFrame:
        """Give the items of the invoices in these rows."""
        return self.values.filter(pl.col(OWNER).is_in(rows.implode()))

    def outcome(self, failed: pl.Series) -> Lines | None:
        """Say what became of the items of the second table, where ``failed`` says which invoices are not imported."""
        if self._inline:
            return None
        of_failed = self.values["place"].is_in(failed.arg_true().cast(pl.Int64).implode()).fill_null(value=False)
        return Lines(self.frame, of_failed | mask_of(self.frame.height, self.notes.errors), self.notes.errors)


def _completed(values: pl.DataFrame) -> pl.DataFrame:
    """Number the lines and compute what was left out."""
    given = pl.any_horizontal(pl.col(name).is_not_null() for name in ("cgst", "sgst", "igst"))
    inter = (pl.col("its_igst") > 0).fill_null(value=False)
    # An invoice without any tax (a bill of supply, an export under LUT) has lines without any, whatever their rate.
    taxed = pl.col("its_taxed").fill_null(value=False)
    zero = pl.lit(0, dtype=pl.Int64)

    def head(name: str, applies: pl.Expr, whole: int) -> pl.Expr:
        computed = pl.when(applies).then(_part(whole)).otherwise(zero)
        return pl.when(given).then(pl.col(name).fill_null(0)).otherwise(computed).alias(name)

    values = values.with_columns(
        head("igst", taxed & inter, _WHOLE), head("cgst", taxed & ~inter, 2 * _WHOLE),
        head("sgst", taxed & ~inter, 2 * _WHOLE),
        pl.col("cess").fill_null(0), pl.col("discount").fill_null(0),
        (pl.int_range(pl.len()).over(OWNER) + 1).alias("line_no"),
    )  # fmt: skip
    total = pl.sum_horizontal("taxableValue", "cgst", "sgst", "igst", "cess", ignore_nulls=False)
    return values.with_columns(pl.coalesce("itemTotal", total).alias("itemTotal"))


def _part(whole: int) -> pl.Expr:
    """Give half-up(taxable * rate / whole) without leaving 64 bits."""
    base, rate = pl.col("taxableValue"), pl.col("gstRate")
    return (base // whole) * rate + ((base % whole) * rate + whole // 2) // whole


def _tell(items: ItemRows, place: int, lines: list[int], notes: Notes) -> None:
    """Let an invoice fail for its items, and say which."""
    numbers = ", ".join(str(items.frame["row"][at]) for at in lines[:5]) + (" …" if len(lines) > 5 else "")
    first = items.notes.errors[lines[0]][0]
    message = f"Items of this invoice are not acceptable (row {numbers}): {first.field}: {first.message}"
    notes.error(place, FieldProblem("items", "ITEM_FAILED", message, first.rejected))


def _check_sums(items: ItemRows, rows: pl.DataFrame, notes: Notes) -> None:
    """Hold what the lines come to against their invoices, as createInvoice does: see ``invoices.line_sums``."""
    summed = (*line_sums.HEADS, "item_total")
    named = items.values.rename(_SUMMED).filter(pl.col("place").is_not_null())
    sums = named.group_by("place", maintain_order=True).agg(
        *(pl.col(name).sum() for name in summed),
        pl.len().alias("count"),
        pl.col(OWNER).first(),
        pl.col("row").head(_SHOWN),
    )
    says = rows.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("place"),
        *(pl.col(name).alias(f"its_{name}") for name in line_sums.HEADS), _untaxed(),
    )  # fmt: skip
    sums = sums.join(says, on="place", how="left", maintain_order="left")
    apart = pl.max_horizontal(pl.lit(_RUPEE), pl.col("count") // 2)
    parts = pl.sum_horizontal(line_sums.HEADS)
    odd = (pl.col("count") > MOST) | ((pl.col("item_total") - parts).abs() > apart)
    for name in line_sums.HEADS:
        odd |= (pl.col(name) - pl.col(f"its_{name}")).abs() > apart
    for one in sums.filter(odd).iter_rows(named=True):
        place = one["place"]
        if one["count"] > MOST:
            message = f"An invoice has at most {MOST} items; this one has {one['count']}."
            notes.error(place, FieldProblem("items", "TOO_MANY_ITEMS", message))
        elif place not in notes.errors:
            come_to = {name: rupees_of(one[name]) for name in summed}
            wanted = line_sums.Wanted(
                **{name: rupees_of(one[f"its_{name}"]) for name in line_sums.HEADS}, untaxed=one["untaxed"]
            )
            for found in line_sums.problems(
                line_sums.Sums(count=one["count"], **come_to), wanted, "items", _LINE_NAMES
            ):
                where = items.place_of(one["row"], one["count"])
                notes.error(
                    place, FieldProblem(found.field, found.code, f"{found.message} See {where}.", found.rejected)
                )


def _untaxed() -> pl.Expr:
    """Tell whose tax is shown and not charged: see ``line_sums.Wanted``."""
    kinds = [kind.value for kind in line_sums.WITH_PAYMENT]
    reverse = pl.col("reverseCharge").fill_null(value=False)
    return (reverse | pl.col("supplyType").is_in(kinds).fill_null(value=False)).alias("untaxed")


def _hsn(text: str) -> Read:
    return None, FieldProblem("hsnCode", "BAD_FORMAT", "An HSN or SAC code has 4 to 8 digits.", shown(text))


def _measure(name: str) -> Any:
    """Make the reader of a quantity or a unit price: not negative, rounded half-up to its decimals, as text."""

    def read(text: str) -> Read:
        try:
            value = parse_amount(text)
        except NotAnAmount as error:
            return None, FieldProblem(name, error.code, str(error), shown(text))
        if value < 0 or (value and value.adjusted() >= _MOST_DIGITS):
            message = f"Write a number that is not negative, of at most {_MOST_DIGITS} digits before the point."
            return None, FieldProblem(name, "BAD_NUMBER", message, shown(text))
        return str(value.quantize(_PLACES[name], rounding=ROUND_HALF_UP)), None

    return read
