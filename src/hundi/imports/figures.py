"""The amounts of a chunk (domain §2 and §3): all clean rows at once in paise, the others through `compute` one by one.

A row is clean when every amount is easy to read and :func:`hundi.invoices.amounts.compute` would have neither an error
nor a warning for it; for every other row that function has the word, so the two cannot disagree on a sentence, and
tests hold the figures of the clean ones against it.
"""

from decimal import Decimal
from typing import Any, Final

import polars as pl

from hundi.gst.supply import tax_heads
from hundi.imports.cells import rate_of, rupees_of
from hundi.imports.notes import mask_of
from hundi.imports.reading import AMOUNTS, Draft
from hundi.invoices.amounts import AmountMismatch, AmountsIn, AmountsOut, compute
from hundi.kit.errors import FieldProblem
from hundi.kit.money import ZERO, NotAnAmount, in_paise, parse_amount, round_to_paise, shown

RUPEE: Final = 100
_SMALLEST: Final = 10
_LARGEST: Final = 10**16 - 1
_HUNDRED: Final = 100_000  # percent in thousandths
FIGURES: Final = (
    "base_amount", "cgst", "sgst", "igst", "cess", "discount", "other_charges", "tcs", "round_off", "tds",
    "taxable_value", "invoice_value", "net_amount", "total_received", "balance",
)  # fmt: skip
_STORED: Final = {
    "baseAmount": "base_amount", "cgst": "cgst", "sgst": "sgst", "igst": "igst", "cess": "cess", "discount": "discount",
    "otherCharges": "other_charges", "tcs": "tcs", "roundOff": "round_off", "tds": "tds", "netAmount": "net_amount",
    "totalReceived": "total_received", "balanceAmount": "balance_amount",
}  # fmt: skip
_UNREADABLE: Final = Decimal("NaN")


def figures(draft: Draft, inter_state: pl.Series, mismatch: str) -> pl.DataFrame:
    """Give the amounts to store, in paise, a column for each of ``FIGURES``; problems go into the draft's notes.

    ``inter_state`` says where each supply goes (null = unknown): it decides the heads where only ``gstRate`` is given.
    """
    zero = [pl.col(name).fill_null(0).alias(name) for name in AMOUNTS[:8]] + [pl.col("tds").fill_null(0)]
    frame = draft.values.select(
        *zero, "roundOff", "netAmount", "totalReceived", "balanceAmount", "gstRate",
        pl.col("gstExclusive").fill_null(value=True), pl.col("reverseCharge").fill_null(value=False),
        pl.any_horizontal(pl.col(name).is_not_null() for name in ("cgst", "sgst", "igst")).alias("heads"),
        pl.lit(inter_state).alias("inter"), pl.lit(draft.odd).alias("odd"),
    )  # fmt: skip
    frame = _heads(frame)
    frame = _sums(frame)
    clean = frame["clean"]
    out = frame.select(FIGURES)
    if clean.all():
        return out
    return _scalar(draft, inter_state, out, (~clean).arg_true(), mismatch)


def _heads(frame: pl.DataFrame) -> pl.DataFrame:
    """Compute the heads where only a rate is given and the tax is on top; the rest is left to the scalar way."""
    rate = pl.col("gstRate")
    from_rate = rate.is_not_null() & ~pl.col("heads")
    on_top = pl.col("gstExclusive") | pl.col("reverseCharge")
    return frame.with_columns(
        pl.when(from_rate & pl.col("inter")).then(_part(rate, _HUNDRED)).otherwise(pl.col("igst")).alias("igst"),
        pl.when(from_rate & ~pl.col("inter")).then(_part(rate, 2 * _HUNDRED)).otherwise(pl.col("cgst")).alias("cgst"),
        pl.when(from_rate & ~pl.col("inter")).then(_part(rate, 2 * _HUNDRED)).otherwise(pl.col("sgst")).alias("sgst"),
        (from_rate & (~on_top | (pl.col("inter").is_null() & (rate > 0)))).fill_null(value=False).alias("unsettled"),
    )


def _part(rate: pl.Expr, whole: int) -> pl.Expr:
    """Give half-up(base * rate / whole) without leaving 64 bits: quotient and remainder apart."""
    base = pl.col("baseAmount")
    return (base // whole) * rate + ((base % whole) * rate + whole // 2) // whole


def _sums(frame: pl.DataFrame) -> pl.DataFrame:
    """Apply the table of domain §2 and tell which rows are clean."""
    on_top, reverse = pl.col("gstExclusive"), pl.col("reverseCharge")
    taxes = pl.col("cgst") + pl.col("sgst") + pl.col("igst") + pl.col("cess")
    base, charges = pl.col("baseAmount"), pl.col("otherCharges") + pl.col("tcs")
    frame = frame.with_columns(
        pl.when(on_top | reverse).then(base).otherwise(base - taxes).alias("taxable_value"),
        (base + charges + pl.when(on_top & ~reverse).then(taxes).otherwise(0)).alias("gross"),
    )
    given_round = pl.col("roundOff").fill_null(0)
    net = pl.col("gross") + given_round - pl.col("tds")
    frame = frame.with_columns(net.alias("net"), (pl.col("netAmount").fill_null(net) - net).alias("apart"))
    frame = frame.with_columns(
        (given_round + pl.col("apart")).alias("round_off"), (pl.col("net") + pl.col("apart")).alias("net_amount")
    )
    frame = frame.with_columns(
        (pl.col("gross") + pl.col("round_off")).alias("invoice_value"),
        pl.coalesce("totalReceived", pl.col("net_amount") - pl.col("balanceAmount"), pl.lit(0)).alias("total_received"),
    )
    frame = frame.with_columns((pl.col("net_amount") - pl.col("total_received")).alias("balance"))
    clean = (
        ~pl.col("odd") & ~pl.col("unsettled") & (base >= _SMALLEST) & (pl.col("taxable_value") >= 0)
        & (pl.col("tds") <= pl.col("taxable_value")) & (given_round.abs() <= RUPEE) & (pl.col("apart").abs() <= RUPEE)
        & (pl.col("net_amount") >= 0) & (pl.col("invoice_value") >= 0) & (pl.col("invoice_value") <= _LARGEST)
        & (pl.col("cgst") == pl.col("sgst")) & ((pl.col("igst") == 0) | (pl.col("cgst") == 0))
        & (pl.col("total_received") >= 0) & (pl.col("balance") >= 0)
        & (pl.col("balanceAmount").is_null() | (pl.col("balanceAmount") == pl.col("balance")))
    )  # fmt: skip
    return frame.with_columns(clean.fill_null(value=False).alias("clean")).rename(
        {"baseAmount": "base_amount", "otherCharges": "other_charges"}
    )


def _scalar(draft: Draft, inter_state: pl.Series, out: pl.DataFrame, at: pl.Series, mismatch: str) -> pl.DataFrame:
    """Judge the rows at these positions one by one and put their figures in."""
    texts = pl.DataFrame([draft.cells.text(name) for name in AMOUNTS])[at].rows(named=True)
    sides = draft.values.select("gstRate", "gstExclusive", "reverseCharge")[at].rows(named=True)
    borders = inter_state[at].to_list()
    found: list[tuple[int, ...]] = []
    for position, text, side, border in zip(at.to_list(), texts, sides, borders, strict=True):
        amounts = _one(draft, position, text, side, border, mismatch)
        found.append(tuple(in_paise(getattr(amounts, name)) for name in FIGURES))
    fresh = pl.DataFrame(found, schema=dict.fromkeys(FIGURES, pl.Int64), orient="row")
    touched = mask_of(out.height, at)
    merged = [out[name].scatter(touched.arg_true(), fresh[name]).alias(name) for name in FIGURES]
    return pl.DataFrame(merged)


def _one(
    draft: Draft, position: int, text: dict[str, str | None], side: dict[str, Any], border: bool | None, mismatch: str
) -> AmountsOut:
    # A missing baseAmount was noted when the row was read; here it stands in the way of sums, like an unreadable one.
    sent: dict[str, Any] = {"baseAmount": _UNREADABLE}
    unreadable: set[str] = {"baseAmount"} if text["baseAmount"] is None else set()
    for name, cell in text.items():
        if cell is None:
            continue
        try:
            sent[name] = parse_amount(cell)
        except NotAnAmount as error:
            draft.notes.error(position, FieldProblem(name, error.code, str(error), shown(cell)))
            sent[name] = _UNREADABLE
            unreadable.add(name)
    exclusive = side["gstExclusive"] is not False
    reverse = bool(side["reverseCharge"])
    if side["gstRate"] is not None and not ({"cgst", "sgst", "igst"} & sent.keys()):
        sent.update(_heads_of(draft, position, sent, rate_of(side["gstRate"]), border, on_top=exclusive or reverse))
    known = {_STORED[name]: value for name, value in sent.items()}
    amounts = compute(
        AmountsIn(**known, gst_exclusive=exclusive, reverse_charge=reverse, amount_mismatch=AmountMismatch(mismatch))
    )
    errors = [problem for problem in amounts.errors if problem.field not in unreadable]
    draft.notes.all_of(position, errors, amounts.warnings)
    return amounts


def _heads_of(
    draft: Draft, position: int, sent: dict[str, Decimal], rate: Decimal, border: bool | None, *, on_top: bool
) -> dict[str, Decimal]:
    """Compute the heads from the rate; with the tax inside, the taxable value is half-up(base less cess, / 1 + rate)."""
    base, cess = sent["baseAmount"], sent.get("cess", ZERO)
    if not (base.is_finite() and 0 < base <= rupees_of(_LARGEST)) or not rate:
        return {}
    if not on_top and not (cess.is_finite() and 0 <= cess <= base):
        return {}
    if border is None:
        message = "The tax cannot be computed from gstRate: say the placeOfSupply, or give cgst and sgst, or igst."
        draft.notes.error(position, FieldProblem("placeOfSupply", "PLACE_OF_SUPPLY_UNKNOWN", message))
        return {}
    base = round_to_paise(base)
    taxable = base if on_top else round_to_paise((base - round_to_paise(cess)) * 100 / (100 + rate))
    heads = tax_heads(taxable, rate, inter_state=border)
    return {"cgst": heads.cgst, "sgst": heads.sgst, "igst": heads.igst}
