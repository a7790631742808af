"""A file and a call get the same verdict: the vectorised figures against the functions the API uses, on random rows."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hundi.gst.supply import tax_heads
from hundi.imports.cells import Cells
from hundi.imports.columns import COLUMNS
from hundi.imports.figures import FIGURES, figures
from hundi.imports.notes import Notes
from hundi.imports.parse_child import Manifest
from hundi.imports.queries import Registration
from hundi.imports.reading import AMOUNTS, Draft, read_chunk
from hundi.imports.records import EXTRA, ROW
from hundi.invoices.amounts import AmountMismatch, AmountsIn, compute
from hundi.kit.dates import DateStyle, NotADate, parse_file_date
from hundi.kit.money import NotAnAmount, in_paise, parse_amount

TODAY = date(2026, 11, 16)
HERE = [Registration("reg_1", None, "27", True, None, None)]
STORED = {
    "baseAmount": "base_amount", "otherCharges": "other_charges", "roundOff": "round_off", "netAmount": "net_amount",
    "totalReceived": "total_received", "balanceAmount": "balance_amount",
}  # fmt: skip


def draft_of(rows: list[dict[str, str | None]], styles: dict[str, DateStyle] | None = None) -> Draft:
    names = [column.name for column in COLUMNS]
    schema = {f"c{at}": pl.String for at in range(len(names))} | {EXTRA: pl.String}
    frame = pl.DataFrame([[row.get(name) for name in names] + [None] for row in rows], schema=schema, orient="row")
    frame = frame.with_columns(pl.int_range(2, 2 + len(rows), dtype=pl.Int64).alias(ROW))
    return read_chunk(frame, Manifest(headings=names, columns=list(names), date_styles=styles or {}), HERE, TODAY)


def judged(rows: list[dict[str, str | None]], inter: list[bool | None], mismatch: str) -> tuple[list[Any], Notes]:
    draft = draft_of(rows)
    found = figures(draft, pl.Series("inter", inter, dtype=pl.Boolean), mismatch)
    return found.rows(), draft.notes


def expected(
    row: dict[str, str | None], inter: bool | None, mismatch: str
) -> tuple[list[int] | None, set[str], set[str]]:
    """Judge one row with the functions of the API: figures, error codes, warning codes."""
    errors: set[str] = set()
    sent: dict[str, Decimal] = {}
    for name in AMOUNTS:
        cell = row.get(name)
        if cell is None or not cell.strip():
            continue
        try:
            sent[name] = parse_amount(cell)
        except NotAnAmount as error:
            errors.add(error.code)
    if "baseAmount" not in sent or errors:
        return None, errors, set()
    flags = {"gst_exclusive": row.get("gstExclusive") != "no", "reverse_charge": row.get("reverseCharge") == "yes"}
    if row.get("gstRate") and not sent.keys() & {"cgst", "sgst", "igst"} and inter is not None and any(flags.values()):
        heads = tax_heads(
            sent["baseAmount"].quantize(Decimal("0.01"), "ROUND_HALF_UP"),
            Decimal(str(row["gstRate"])),
            inter_state=inter,
        )
        sent |= {"cgst": heads.cgst, "sgst": heads.sgst, "igst": heads.igst}
    out = compute(AmountsIn(**{STORED.get(name, name): value for name, value in sent.items()},
                            amount_mismatch=AmountMismatch(mismatch), **flags))  # fmt: skip
    codes = {problem.code for problem in out.errors}
    return [in_paise(getattr(out, name)) for name in FIGURES], codes, {problem.code for problem in out.warnings}


def _amount(chance: random.Random, small: bool) -> str | None:
    value = Decimal(chance.randint(0, 200_000 if small else 10 ** chance.randint(1, 16))) / 100
    return chance.choice(
        [str(value), str(value), f"{value:.2f}", f"{value:,}", f"₹ {value}", f"{value}5", f"-{value}", f"({value})", f"{value} Cr",
         f"{value:.0f}", f"{value}/-", "abc", "1e5", "12,34", "", None, "0", "0.05", "99999999999999.995", f" {value} "]
        if chance.random() < 0.3 else [f"{value:.2f}", str(value)]
    )  # fmt: skip


def _row(chance: random.Random) -> dict[str, str | None]:
    row: dict[str, str | None] = {"customerRef": "C", "baseAmount": _amount(chance, chance.random() < 0.8)}
    base = row["baseAmount"]
    for name in (
        "cess",
        "discount",
        "otherCharges",
        "tcs",
        "tds",
        "roundOff",
        "totalReceived",
        "balanceAmount",
        "netAmount",
    ):
        if chance.random() < 0.12:
            row[name] = _amount(chance, small=True)
    how = chance.random()
    if how < 0.4:
        row["gstRate"] = chance.choice(["18", "5", "0", "0.25", "28", "7.5", "99.999"])
    elif how < 0.8:
        row["cgst"] = row["sgst"] = _amount(chance, small=True)
        if chance.random() < 0.1:
            row["sgst"] = _amount(chance, small=True)
    elif how < 0.9:
        row["igst"] = _amount(chance, small=True)
    row["gstExclusive"] = chance.choice([None, None, "yes", "no"]) if how >= 0.4 else None
    row["reverseCharge"] = chance.choice([None, None, "yes", "no"])
    if chance.random() < 0.3 and base and base.replace(".", "").isdigit():
        row["netAmount"] = str(
            Decimal(base) + chance.choice([Decimal(0), Decimal("0.5"), Decimal(-1), Decimal("1.01"), Decimal(2)])
        )
    return row


@pytest.mark.parametrize("mismatch", ["error", "warn"])
def test_figures_and_problems_are_those_of_the_api(mismatch: str) -> None:
    chance = random.Random(20261116)
    rows = [_row(chance) for _ in range(4000)]
    inter = [chance.choice([True, False]) for _ in rows]
    found, notes = judged(rows, list(inter), mismatch)
    clean = 0
    for at, row in enumerate(rows):
        want, errors, warnings = expected(row, inter[at], mismatch)
        if want is None:
            assert at in notes.errors, row
            assert errors <= {problem.code for problem in notes.errors[at]}, row
            continue
        assert {problem.code for problem in notes.errors.get(at, [])} == errors, row
        assert {problem.code for problem in notes.warnings.get(at, [])} == warnings, row
        if not errors:
            clean += 1
            assert list(found[at]) == want, row
    assert clean > 500


@settings(max_examples=20)
@given(
    given_rows=st.lists(
        st.tuples(
            st.decimals(min_value="0.10", max_value="99999999999.99", places=2),
            st.sampled_from(["0.1", "5", "18", "40"]),
            st.booleans(),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_a_rate_inside_the_price_is_taken_out_of_it(given_rows: list[tuple[Decimal, str, bool]]) -> None:
    """Many rows at a time, as the engine judges them: one by one the frames cost more than the figures."""
    rows: list[dict[str, str | None]] = [
        {"customerRef": "C", "baseAmount": str(value), "gstRate": rate, "gstExclusive": "no"}
        for value, rate, _ in given_rows
    ]
    found, notes = judged(rows, [inter for _, _, inter in given_rows], "error")
    assert not notes.errors
    for (value, rate, inter), row in zip(given_rows, found, strict=True):
        figure = dict(zip(FIGURES, row, strict=True))
        assert figure["taxable_value"] + figure["cgst"] + figure["sgst"] + figure["igst"] == figure["invoice_value"]
        assert figure["invoice_value"] == in_paise(value)
        heads = tax_heads(Decimal(figure["taxable_value"]) / 100, Decimal(rate), inter_state=inter)
        assert (
            abs(in_paise(heads.cgst + heads.sgst + heads.igst) - (figure["cgst"] + figure["sgst"] + figure["igst"]))
            <= 2
        )


def test_a_rate_without_a_place_cannot_make_heads() -> None:
    rows: list[dict[str, str | None]] = [
        {"customerRef": "C", "baseAmount": "100", "gstRate": rate} for rate in ("18", "0")
    ]
    _, notes = judged(rows, [None, None], "error")
    assert [problem.code for problem in notes.errors[0]] == ["PLACE_OF_SUPPLY_UNKNOWN"]
    assert 1 not in notes.errors


@settings(max_examples=60)
@given(style=st.sampled_from(list(DateStyle)), cells=st.lists(st.sampled_from([
    "2026-04-15", "2026-04-15T23:30:00Z", "15/04/2026", "1/4/26", "31-02-2026", "15-04-2026", "5.4.2026", "5-Apr-26", "5 APR 2026",
    "20260415", "46127", "46127.5", "tomorrow", "2026-13-01", "1899-01-01", " 2026-04-15 ",
]), min_size=1, max_size=8))  # fmt: skip
def test_dates_are_those_of_the_scalar_reader(style: DateStyle, cells: list[str]) -> None:
    notes = Notes(len(cells))
    frame = pl.DataFrame({"c0": cells})
    manifest = Manifest(headings=["dueDate"], columns=["dueDate"], date_styles={"dueDate": style})
    found = Cells(frame, manifest, notes).dates("dueDate")
    for at, cell in enumerate(cells):
        want, wrong = scalar_date(cell, style)
        assert found[at] == want
        assert [(p.code, p.message) for p in notes.errors.get(at, [])] == wrong


def scalar_date(cell: str, style: DateStyle) -> tuple[date | None, list[tuple[str, str]]]:
    try:
        return parse_file_date(cell, style), []
    except NotADate as error:
        return None, [(error.code, str(error))]
