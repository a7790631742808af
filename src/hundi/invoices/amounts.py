"""The arithmetic of an invoice (domain §2 and §3): what was sent in, what is stored out, every problem at once.

``baseAmount`` is the value after discount, as it stands on the invoice: rule 46 of the CGST Rules taxes the value after
the discount shown on it (s. 15(3)(a) CGST Act). So ``discount`` is what was given before ``baseAmount`` was reached; it
is kept and printed and never subtracted again. A discount given later is an entry of kind ``DISCOUNT`` against the
balance.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from hundi.gst.supply import Heads, heads_problems
from hundi.invoices.rules import EntryKind, ReceivableStatus, status_by_money
from hundi.kit.errors import FieldProblem, Invalid, NotAllowedNow, Refusal
from hundi.kit.money import MAX_AMOUNT, ONE_RUPEE, ZERO, checked_amount, format_inr, shown

SMALLEST_BASE: Final = Decimal("0.1")
_NOT_NEGATIVE: Final = (
    ("baseAmount", "base_amount"), ("cgst", "cgst"), ("sgst", "sgst"), ("igst", "igst"), ("cess", "cess"),
    ("discount", "discount"), ("otherCharges", "other_charges"), ("tcs", "tcs"), ("tds", "tds"),
    ("netAmount", "net_amount"), ("totalReceived", "total_received"), ("balanceAmount", "balance_amount"),
)  # fmt: skip


class AmountMismatch(StrEnum):
    """The seller's setting for a sent ``netAmount`` that is more than ₹1 off: refuse it, or take it with a warning."""

    ERROR = "error"
    WARN = "warn"


class Entry(msgspec.Struct, frozen=True):
    """One append-only entry to write; the amount is signed, and what it adds reduces the balance."""

    kind: EntryKind
    amount: Decimal


class AmountsIn(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts of an invoice as sent, in rupees; any Decimal at all may stand in them. ``None`` = not sent."""

    base_amount: Decimal
    gst_exclusive: bool = True
    cgst: Decimal = ZERO
    sgst: Decimal = ZERO
    igst: Decimal = ZERO
    cess: Decimal = ZERO
    discount: Decimal = ZERO
    other_charges: Decimal = ZERO
    tcs: Decimal = ZERO
    tds: Decimal = ZERO
    round_off: Decimal | None = None
    reverse_charge: bool = False
    net_amount: Decimal | None = None
    total_received: Decimal | None = None
    balance_amount: Decimal | None = None
    amount_mismatch: AmountMismatch = AmountMismatch.ERROR


class AmountsOut(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts to store, all in paise precision, and everything that is wrong or doubtful.

    ``refusal`` is the kind of refusal to raise with ``errors`` (400 when any content is wrong, 422 when only received
    and balance contradict the net amount), ``None`` when there are none; with errors the figures must not be used.
    """

    base_amount: Decimal
    cgst: Decimal
    sgst: Decimal
    igst: Decimal
    cess: Decimal
    discount: Decimal
    other_charges: Decimal
    tcs: Decimal
    round_off: Decimal
    taxable_value: Decimal
    invoice_value: Decimal
    tds: Decimal
    net_amount: Decimal
    total_received: Decimal
    balance: Decimal
    opening_entries: list[Entry]
    errors: list[FieldProblem]
    warnings: list[FieldProblem]
    refusal: type[Refusal] | None

    @property
    def status(self) -> ReceivableStatus:
        """Give the receivable status these amounts are born with."""
        return status_by_money(self.net_amount, self.balance)


class _Totals(msgspec.Struct, frozen=True):
    taxable: Decimal
    invoice: Decimal
    round_off: Decimal
    net: Decimal


def compute(sent: AmountsIn) -> AmountsOut:
    """Compute the amounts of a new invoice and list every problem; never raises, whatever the Decimals are.

    Money that came before the invoice did (``totalReceived``, or ``balanceAmount`` below the net amount) becomes one
    ``OPENING`` entry.
    """
    errors: list[FieldProblem] = []
    warnings: list[FieldProblem] = []
    clean = _clean(sent, errors, warnings)
    # No sum means anything with an unusable part in it, but the heads can still be held against each other.
    totals = _Totals(ZERO, ZERO, ZERO, ZERO) if errors else _totals(clean, errors, warnings)
    wrong, doubtful = heads_problems(Heads(clean.cgst, clean.sgst, clean.igst))
    errors.extend(wrong)
    warnings.extend(doubtful)
    received, against = (ZERO, []) if errors else _received(clean, totals.net)
    return _outcome(clean, totals, received, errors=errors, against=against, warnings=warnings)


def _clean(sent: AmountsIn, errors: list[FieldProblem], warnings: list[FieldProblem]) -> AmountsIn:
    """Round every amount to paise; an unusable one leaves its error and counts as zero."""
    values: dict[str, Decimal] = {}
    for field, name in (*_NOT_NEGATIVE, ("roundOff", "round_off")):
        value: Decimal | None = getattr(sent, name)
        if value is None:
            continue
        checked = checked_amount(field, value, may_be_negative=name == "round_off")
        values[name] = checked.value
        if checked.error:
            errors.append(checked.error)
        if checked.warning:
            warnings.append(checked.warning)
    if not any(problem.field == "baseAmount" for problem in errors) and sent.base_amount < SMALLEST_BASE:
        message = f"baseAmount must be {SMALLEST_BASE} or more."
        errors.append(FieldProblem("baseAmount", "TOO_SMALL", message, shown(sent.base_amount)))
    return AmountsIn(
        **values,
        gst_exclusive=sent.gst_exclusive,
        reverse_charge=sent.reverse_charge,
        amount_mismatch=sent.amount_mismatch,
    )


def _totals(clean: AmountsIn, errors: list[FieldProblem], warnings: list[FieldProblem]) -> _Totals:
    """Apply the table of domain §2 and settle what the sent ``netAmount`` says about rounding."""
    taxes = clean.cgst + clean.sgst + clean.igst + clean.cess
    charges = clean.other_charges + clean.tcs
    taxable, gross = clean.base_amount, clean.base_amount + charges
    if clean.gst_exclusive and not clean.reverse_charge:
        gross += taxes
    if not clean.gst_exclusive and not clean.reverse_charge:
        taxable -= taxes
        if taxable < 0:
            message = (
                f"The taxes ({format_inr(taxes)}) exceed baseAmount, which includes them when gstExclusive is false."
            )
            errors.append(FieldProblem("baseAmount", "TAXES_EXCEED_BASE", message, str(clean.base_amount)))
    if clean.tds > max(taxable, ZERO):
        message = f"tds may not exceed the taxable value, {format_inr(max(taxable, ZERO))}."
        errors.append(FieldProblem("tds", "TDS_EXCEEDS_TAXABLE", message, str(clean.tds)))
    round_off = ZERO if clean.round_off is None else clean.round_off
    if abs(round_off) > ONE_RUPEE:
        message = "A round-off of more than ₹1 is unusual: otherCharges or a discount may be meant."
        warnings.append(FieldProblem("roundOff", "ROUND_OFF_LARGE", message, str(round_off)))
    net = gross + round_off - clean.tds
    if clean.net_amount is not None:
        difference = clean.net_amount - net
        if abs(difference) > ONE_RUPEE:
            _mismatch(clean, net, errors, warnings)
        round_off, net = round_off + difference, clean.net_amount
    invoice = gross + round_off
    if not errors and (net < 0 or invoice < 0):
        message = "The round-off makes the invoice negative."
        errors.append(FieldProblem("roundOff", "NEGATIVE_TOTAL", message, str(round_off)))
    if invoice > MAX_AMOUNT:
        message = "The invoice comes to more than 14 digits before the point."
        errors.append(FieldProblem("baseAmount", "TOTAL_TOO_LARGE", message, str(invoice)))
    return _Totals(taxable, invoice, round_off, net)


def _mismatch(clean: AmountsIn, net: Decimal, errors: list[FieldProblem], warnings: list[FieldProblem]) -> None:
    # Under "warn" the sent figure is the one the customer has on paper, so it stands and the difference is round-off.
    refused = clean.amount_mismatch is AmountMismatch.ERROR
    figure = f"The other amounts give a netAmount of {net} (₹{format_inr(net)})"
    message = f"{figure}: send that, or leave netAmount out." if refused else f"{figure}; the sent one is kept."
    problem = FieldProblem("netAmount", "NET_AMOUNT_MISMATCH", message, str(clean.net_amount))
    (errors if refused else warnings).append(problem)


def _received(clean: AmountsIn, net: Decimal) -> tuple[Decimal, list[FieldProblem]]:
    """Settle what was received before birth from ``totalReceived`` and ``balanceAmount`` (domain §3)."""
    received, balance = clean.total_received, clean.balance_amount
    if received is not None and received > net:
        message = f"totalReceived may not exceed netAmount, {format_inr(net)}."
        return ZERO, [FieldProblem("totalReceived", "RECEIVED_EXCEEDS_NET", message, str(received))]
    if balance is not None and balance > net:
        message = f"balanceAmount may not exceed netAmount, {format_inr(net)}."
        return ZERO, [FieldProblem("balanceAmount", "BALANCE_EXCEEDS_NET", message, str(balance))]
    if received is not None and balance is not None and received + balance != net:
        message = f"totalReceived and balanceAmount must add up to netAmount, {format_inr(net)}: send one of them only."
        return ZERO, [FieldProblem("balanceAmount", "BALANCE_INCONSISTENT", message, str(balance))]
    if received is not None:
        return received, []
    return (ZERO if balance is None else net - balance), []


def _outcome(
    amounts: AmountsIn,
    totals: _Totals,
    received: Decimal,
    *,
    errors: list[FieldProblem],
    against: list[FieldProblem],
    warnings: list[FieldProblem],
) -> AmountsOut:
    kind: type[Refusal] | None = None
    if against:
        kind = NotAllowedNow
    if errors:
        kind = Invalid
    return AmountsOut(
        base_amount=amounts.base_amount,
        cgst=amounts.cgst,
        sgst=amounts.sgst,
        igst=amounts.igst,
        cess=amounts.cess,
        discount=amounts.discount,
        other_charges=amounts.other_charges,
        tcs=amounts.tcs,
        round_off=totals.round_off,
        taxable_value=totals.taxable,
        invoice_value=totals.invoice,
        tds=amounts.tds,
        net_amount=totals.net,
        total_received=received,
        balance=totals.net - received,
        opening_entries=[Entry(EntryKind.OPENING, received)] if received and not errors and not against else [],
        errors=[*errors, *against],
        warnings=warnings,
        refusal=kind,
    )
