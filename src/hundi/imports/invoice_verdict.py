"""The second half of judging a chunk of invoices: customers, places, amounts, dates, and whether a row was imported before."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import polars as pl

from hundi.gst.rates import rate_problem
from hundi.gst.supply import SEZ_OR_EXPORT, Heads, head_problem
from hundi.imports.cells import day_of, rate_of, rupees_of
from hundi.imports.facts import Facts, Rules
from hundi.imports.figures import FIGURES, figures
from hundi.imports.lines import ItemRows
from hundi.imports.newcomers import Newcomer
from hundi.imports.notes import Notes, mask_of
from hundi.imports.reading import KEY, WHO, Draft
from hundi.imports.report import Lines
from hundi.imports.verdict import DUPLICATE_CONFLICT, DUPLICATE_UNCHANGED, Verdict
from hundi.invoices.rules import check_dates
from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import NotAGstin, read_gstin
from hundi.kit.money import shown
from hundi.kit.states import OUTSIDE_INDIA

NUMBER_VOIDED: Final = "NUMBER_VOIDED"
PLACE_OF_SUPPLY_UNKNOWN: Final = "PLACE_OF_SUPPLY_UNKNOWN"
_BORDER: Final = ["SEZ", "OVERSEAS"]
_CONTENT: Final = (
    "customer_id", "registration_id", "number_key", "externalId", "invoiceDate", "due_in_file", "poNumber", "poDate",
    "description", "gstExclusive", "reverseCharge", "placeOfSupply", "supplyType", "irn", "ackNo", "ackDate",
    "signedQr", "ewayBillNo", "shipToName", "shipToAddress", "shipToPin", "shipToState", "emailAddress", "mobileNumber",
    "ccEmails", "partialPaymentAllowed", "branchCode", "attachmentFileName", "items_hash",
)  # fmt: skip
_HASHED_FIGURES: Final = tuple(name for name in FIGURES if name not in {"taxable_value", "invoice_value", "balance"})
_KEPT: Final = frozenset(
    {"known_id", "known_number", "invoiceNumber", "number_key", "externalId", "dispatchNow", "invoiceDate",
     "gstExclusive", "reverseCharge", "partialPaymentAllowed", "registration_id", "customer_id", "due_date"}
)  # fmt: skip
_CORE: Final = ("base_amount", "cgst", "sgst", "igst", "cess", "tds", "net_amount")


class InvoiceVerdict(Verdict):
    """What became of each row of an invoice chunk.

    ``rows`` adds to the draft's columns: ``invoice_id``, ``content_hash`` (hex), the figures in paise, ``customer_id``,
    ``due_date``, ``place``, and for rows that were there before ``known_id`` and ``known_number``.
    """

    shown_as = ("invoiceNumber", "invoiceId")

    def __init__(self, rows: pl.DataFrame, notes: Notes, items: ItemRows | None = None) -> None:
        super().__init__(rows, notes)
        self.items = items
        self.dispatch_all = False
        self.newcomers: Mapping[str, Newcomer] = {}

    def lines(self) -> Lines | None:
        """Say what became of the items of the second table."""
        return None if self.items is None else self.items.outcome(self.failed())

    def follow(self) -> None:
        """Let rows that follow another one share what became of it; here none does."""

    def let_go(self) -> None:
        """Keep whose invoices they are, and which of them are written."""
        self.items = None
        self.rows = self.rows.select("row", "known_id", "customer_id")

    def ids(self) -> pl.Series:
        """Give the ids of the rows as they are written."""
        return self.rows["invoice_id"]

    def outcome(self) -> pl.DataFrame:
        """Give what the result files need of each row."""
        asked = pl.col("dispatchNow").fill_null(value=False) & pl.col("known_id").is_null()
        return self.rows.select(
            "row",
            pl.coalesce("known_number", "invoiceNumber").alias("number"),
            pl.coalesce("known_id", "invoice_id").alias("id"),
            pl.col("net_amount").alias("amount"),
            (pl.lit(value=True) if self.dispatch_all else asked).alias("dispatch"),
        )

    def keys(self) -> pl.DataFrame:
        """Give the keys that may stand in a file only once: ``row``, and a text for each column that has one."""
        number = pl.concat_str("registration_id", pl.col("fy").cast(pl.String), "number_key", separator="\x1f")
        return self.rows.select("row", number.alias("invoiceNumber"), "externalId")


def row_ids(prefix: str, numbers: Sequence[int]) -> pl.Series:
    """Give the ids of rows: the import's prefix and the row number in eight hexadecimal digits."""
    return pl.Series("invoice_id", [f"{prefix}{number:08x}" for number in numbers], dtype=pl.String)


def judge(
    draft: Draft, facts: Facts, rules: Rules, today: date, ids: pl.Series, items: ItemRows | None = None
) -> InvoiceVerdict:
    """Judge every row of a chunk; repeats within the file are settled afterwards, by :class:`Claims`."""
    notes = draft.notes
    rows = draft.values.with_columns(facts.keys["number_key"], facts.keys[KEY], ids)
    rows = rows.join(facts.customers, on=[WHO, KEY], how="left", maintain_order="left")
    _check_customers(rows, notes, draft.refused)
    rows = _places(rows, rules, notes)
    rows = rows.with_columns(figures(draft, rows["inter"], rules.amount_mismatch))
    _no_echo(rows, notes)
    rows = _dates(rows, notes, today)
    _rates(rows, notes)
    _heads(rows, notes)
    if items is not None:
        rows = items.settle(rows, notes)
        items.check_rates(rows, notes)
    rows = _repeats(rows.with_columns(_content_hash(rows)), facts, notes)
    # Several judged chunks are held at once, so whole columns without a value are let go.
    kept = [name for name in rows.columns if name in _KEPT or rows[name].null_count() < rows.height]
    return InvoiceVerdict(rows.select(kept), notes, items)


def _check_customers(rows: pl.DataFrame, notes: Notes, refused: set[int]) -> None:
    def tell(mask: pl.Series, code: str, message: str) -> None:
        for at in mask.fill_null(value=False).arg_true():
            notes.error(at, FieldProblem(str(rows[WHO][at]), code, message, shown(rows[KEY][at])))

    found = rows["customer_id"].is_not_null()
    missing = rows[WHO].is_not_null() & ~found & ~mask_of(rows.height, refused)
    for at in missing.fill_null(value=False).arg_true():
        notes.error(at, _nobody(str(rows[WHO][at]), rows[KEY][at]))
    tell(
        rows["namesakes"] > 1,
        "CUSTOMER_AMBIGUOUS",
        "Several customers fit: name this one by customerId or customerRef.",
    )
    tell(found & (rows["status"] != "ACTIVE"), "CUSTOMER_INACTIVE", "The customer is inactive. Activate it first.")


def _nobody(column: str, key: str) -> FieldProblem:
    """Say that a row's customer is unknown; a GSTIN that is none is the likelier mistake."""
    if column == "customerGstin":
        try:
            read_gstin(key)
        except NotAGstin as error:
            return FieldProblem(column, error.code, str(error), shown(key))
    called = "has this name and this PIN code" if column == "customerName" and not key.endswith("|") else "is called so"
    message = (
        f"No customer of this company {called}: correct it, or add the customer first (createCustomers=true makes it)."
    )
    return FieldProblem(column, "CUSTOMER_NOT_FOUND", message, shown(key))


def _places(rows: pl.DataFrame, rules: Rules, notes: Notes) -> pl.DataFrame:
    """Find the place of supply and whether the supply crosses a border (domain §2)."""
    home = {one.registration_id: one.state_code for one in rules.registrations}
    beyond = (
        pl.when(pl.col("supplyType").is_not_null())
        .then(pl.col("supplyType").is_in([kind.value for kind in SEZ_OR_EXPORT]))
        .otherwise(pl.col("treatment").is_in(_BORDER).fill_null(value=False))
    )
    rows = rows.with_columns(
        pl.coalesce("placeOfSupply", "shipToState", "gstin_place").alias("place"),
        pl.col("registration_id").replace_strict(home, default=None, return_dtype=pl.String).alias("home"),
    )
    inter = (
        pl.when(beyond | (pl.col("place") == OUTSIDE_INDIA))
        .then(statement=True)
        .otherwise(pl.col("home") != pl.col("place"))
    )
    rows = rows.with_columns(inter.alias("inter"))
    message = "The place of supply is unknown: send placeOfSupply, or give the customer a state."
    for at in (rows["place"].is_null() & rows["customer_id"].is_not_null()).arg_true():
        notes.warning(at, FieldProblem("placeOfSupply", PLACE_OF_SUPPLY_UNKNOWN, message))
    return rows


def _no_echo(rows: pl.DataFrame, notes: Notes) -> None:
    """Let the unknown customer of a row be its one mistake: where the supply goes follows from who gets it."""
    for at in rows["customer_id"].is_null().arg_true():
        found = notes.errors.get(at, [])
        told = [one for one in found if one.code != PLACE_OF_SUPPLY_UNKNOWN]
        if told and len(told) < len(found):
            notes.errors[at] = told


def _dates(rows: pl.DataFrame, notes: Notes, today: date) -> pl.DataFrame:
    """Settle the due date: as given, or the row's terms, or the customer's (domain §5); then check it."""
    bad_due = {
        at for at, found in notes.errors.items() if any(p.field in {"dueDate", "paymentTermsDays"} for p in found)
    }
    bad_day = {at for at, found in notes.errors.items() if any(p.field == "invoiceDate" for p in found)}
    in_file = pl.coalesce("dueDate", pl.col("day") + pl.duration(days=pl.col("paymentTermsDays")))
    rows = rows.with_columns(in_file.cast(pl.Date).alias("due_in_file"))
    due = pl.coalesce("due_in_file", (pl.col("day") + pl.duration(days=pl.col("terms_days"))).cast(pl.Date))
    rows = rows.with_columns(due.alias("due_date"))
    for at in rows["due_date"].is_null().arg_true():
        if at not in bad_due and rows["customer_id"][at] is not None:
            message = "Give dueDate or paymentTermsDays; the customer has no terms either."
            notes.error(at, FieldProblem("dueDate", "DUE_DATE_MISSING", message))
    odd = (rows["due_date"] < rows["day"]) | (rows["day"] > today)
    for at in odd.fill_null(value=False).arg_true():
        if at in bad_day or rows["due_date"][at] is None:
            continue
        errors, warnings = check_dates(day_of(rows["day"][at]), day_of(rows["due_date"][at]), today)
        notes.all_of(at, () if at in bad_due else errors, warnings)
    return rows


def _rates(rows: pl.DataFrame, notes: Notes) -> None:
    if rows["gstRate"].null_count() == rows.height:
        return
    pairs = rows.select("gstRate", "day").drop_nulls().unique()
    wrong: dict[tuple[int, date], FieldProblem] = {}
    for rate, day in pairs.iter_rows():
        problem = rate_problem("gstRate", rate_of(rate), day)
        if problem:
            wrong[rate, day] = problem
    if not wrong:
        return
    for at, (rate, day) in enumerate(rows.select("gstRate", "day").iter_rows()):
        if (rate, day) in wrong:
            notes.warning(at, wrong[rate, day])


def _heads(rows: pl.DataFrame, notes: Notes) -> None:
    against = (rows["inter"] & ((rows["cgst"] > 0) | (rows["sgst"] > 0))) | (~rows["inter"] & (rows["igst"] > 0))
    for at in against.fill_null(value=False).arg_true():
        heads = Heads(*(rupees_of(rows[name][at]) for name in ("cgst", "sgst", "igst")))
        problem = head_problem(heads, rows["inter"][at], rows["place"][at])
        if problem:
            notes.warning(at, problem)


def _content_hash(rows: pl.DataFrame) -> pl.Series:
    """Hash what a row says, so that the same row is known again: only what is filled counts, under its own name."""
    parts = [
        pl.lit(f"{name}=") + pl.col(name).cast(pl.String) + "\x1f"
        for name in _CONTENT
        if name in rows.columns and rows[name].null_count() < rows.height
    ]
    for name in _HASHED_FIGURES:
        if (rows[name] != 0).any():
            written = pl.lit(f"{name}=") + pl.col(name).cast(pl.String) + "\x1f"
            parts.append(pl.when(pl.col(name) != 0).then(written))
    texts = rows.select(pl.concat_str(parts, ignore_nulls=True).cast(pl.Binary)).to_series()
    # polars' own hash is not the same in every version; this is the one step that goes row by row.
    digest = hashlib.blake2b
    hashes = pl.Series("content_hash", [digest(text, digest_size=16).digest() for text in texts], dtype=pl.Binary)
    return hashes.bin.encode("hex")


def _repeats(rows: pl.DataFrame, facts: Facts, notes: Notes) -> pl.DataFrame:
    """Hold every row against what was found in the database (domain §10, repeats)."""
    nothing = pl.lit(None, dtype=pl.String)
    rows = rows.with_columns(nothing.alias("known_id"), nothing.alias("known_number"))
    if not (facts.by_number.height or facts.by_external_id.height or facts.by_id.height):
        return rows
    by_number = {(r["registration_id"], r["fy"], r["number_key"]): r for r in facts.by_number.iter_rows(named=True)}
    by_external = {r["external_id"]: r for r in facts.by_external_id.iter_rows(named=True)}
    by_id = {r["invoice_id"]: r for r in facts.by_id.iter_rows(named=True)}
    failed = notes.errors.keys()
    known: dict[int, tuple[str, str]] = {}
    columns = ("registration_id", "fy", "number_key", "externalId", "invoice_id", "content_hash", "customer_id", "day",
               "due_date", *_CORE)  # fmt: skip
    for at, row in enumerate(rows.select(columns).iter_rows(named=True)):
        if at in failed:
            continue
        found = [
            by_number.get((row["registration_id"], row["fy"], row["number_key"])),
            by_external.get(row["externalId"]) if row["externalId"] is not None else None,
            by_id.get(row["invoice_id"]),
        ]
        there = [one for one in found if one is not None]
        if not there:
            continue
        burnt = next((one for one in there if one["deleted"]), None)
        if burnt is not None:
            message = (
                f"Invoice {burnt['invoice_number']} was deleted; its number and externalId stay taken: use others."
            )
            field = "externalId" if found[1] is burnt and found[0] is None else "invoiceNumber"
            notes.error(at, FieldProblem(field, NUMBER_VOIDED, message, burnt["invoice_id"]))
            continue
        same = {one["invoice_id"] for one in there} == {there[0]["invoice_id"]} and _same(row, there[0])
        if same:
            known[at] = there[0]["invoice_id"], there[0]["invoice_number"]
            message = "This row was imported before; nothing was changed."
            notes.warning(at, FieldProblem("row", DUPLICATE_UNCHANGED, message, there[0]["invoice_id"]))
        else:
            field = "externalId" if found[0] is None and found[1] is not None else "invoiceNumber"
            message = (
                f"Invoice {there[0]['invoice_number']} exists with other content: change it there (PATCH), "
                "or use another number and externalId."
            )
            notes.error(at, FieldProblem(field, DUPLICATE_CONFLICT, message, there[0]["invoice_id"]))
    if not known:
        return rows
    at_known = mask_of(rows.height, known).arg_true()
    order = at_known.to_list()
    return rows.with_columns(
        rows["known_id"].scatter(at_known, pl.Series([known[at][0] for at in order], dtype=pl.String)),
        rows["known_number"].scatter(at_known, pl.Series([known[at][1] for at in order], dtype=pl.String)),
    )


def _same(row: dict[str, Any], there: dict[str, Any]) -> bool:
    """Tell whether an invoice is what a row says: by hash where it was imported, else by its core values."""
    if there["content_hash"] is not None:
        return bool(there["content_hash"] == row["content_hash"]) or there["invoice_id"] == row["invoice_id"]
    return (
        there["customer_id"] == row["customer_id"]
        and there["day"] == row["day"]
        and there["due_date"] == row["due_date"]
        and (there["external_id"] or None) == row["externalId"]
        and (row["number_key"] is None or there["number_key"] == row["number_key"])
        and all(there[name] == rupees_of(row[name]) for name in _CORE)
    )
