"""The arithmetic of an invoice, row by row of domain §2 and §3, and its invariants."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.invoices.amounts import AmountMismatch, AmountsIn, AmountsOut, Entry, compute
from hundi.invoices.rules import EntryKind, ReceivableStatus
from hundi.kit.errors import Invalid, NotAllowedNow

D = Decimal
TAXED = {"base_amount": "1000", "cgst": "90", "sgst": "90"}


def made(**sent: Any) -> AmountsOut:
    """Compute from amounts written as text."""
    plain = (bool, AmountMismatch)
    values: dict[str, Any] = {name: value if isinstance(value, plain) else D(value) for name, value in sent.items()}
    return compute(AmountsIn(**values))


@pytest.mark.parametrize(
    ("sent", "taxable", "invoice", "net"),
    [
        (TAXED, "1000", "1180", "1180"),
        ({**TAXED, "tds": "100"}, "1000", "1180", "1080"),
        ({**TAXED, "cess": "5", "other_charges": "10", "tcs": "1.5", "round_off": "0.5"}, "1000", "1197.00", "1197.00"),
        ({**TAXED, "round_off": "-0.4"}, "1000", "1179.60", "1179.60"),
        ({"base_amount": "1180", "cgst": "90", "sgst": "90", "gst_exclusive": False}, "1000", "1180", "1180"),
        ({"base_amount": "1185", "igst": "180", "cess": "5", "gst_exclusive": False, "tcs": "2"},
         "1000", "1187", "1187"),
        ({**TAXED, "reverse_charge": True}, "1000", "1000", "1000"),
        ({**TAXED, "reverse_charge": True, "other_charges": "50", "cess": "7"}, "1000", "1050", "1050"),
        ({**TAXED, "reverse_charge": True, "gst_exclusive": False}, "1000", "1000", "1000"),
        ({"base_amount": "1000"}, "1000", "1000", "1000"),
        ({**TAXED, "discount": "100"}, "1000", "1180", "1180"),
        ({"base_amount": "0.1"}, "0.1", "0.1", "0.1"),
    ],
)  # fmt: skip
def test_taxable_invoice_and_net(sent: dict[str, Any], taxable: str, invoice: str, net: str) -> None:
    out = made(**sent)
    assert (out.errors, out.refusal, out.opening_entries) == ([], None, [])
    assert (out.taxable_value, out.invoice_value, out.net_amount, out.balance) == (
        D(taxable),
        D(invoice),
        D(net),
        D(net),
    )
    assert out.status is ReceivableStatus.PENDING


@pytest.mark.parametrize(
    ("net", "round_off"), [("1180", "0"), ("1181", "1"), ("1179", "-1"), ("1180.45", "0.45"), ("1179.995", "0")]
)
def test_a_net_amount_within_a_rupee_is_round_off(net: str, round_off: str) -> None:
    out = made(**TAXED, net_amount=net)
    assert (out.errors, out.round_off, out.net_amount) == ([], D(round_off), D(1180) + D(round_off))
    assert out.invoice_value == out.net_amount


def test_a_net_amount_further_off_is_refused_with_the_figure() -> None:
    out = made(**TAXED, net_amount="1181.01")
    assert [(problem.field, problem.code) for problem in out.errors] == [("netAmount", "NET_AMOUNT_MISMATCH")]
    assert "1180.00" in out.errors[0].message
    assert out.refusal is Invalid


def test_or_warned_of_and_kept_where_the_seller_wants_that() -> None:
    out = made(**TAXED, tds="10", net_amount="1200", amount_mismatch=AmountMismatch.WARN)
    assert (out.errors, [problem.code for problem in out.warnings]) == ([], ["NET_AMOUNT_MISMATCH"])
    assert (out.net_amount, out.round_off, out.invoice_value) == (D(1200), D(30), D(1210))


@pytest.mark.parametrize(
    ("sent", "field", "code"),
    [
        ({"base_amount": "0.09"}, "baseAmount", "TOO_SMALL"), ({"base_amount": "0.099"}, "baseAmount", "TOO_SMALL"),
        ({"base_amount": "0"}, "baseAmount", "TOO_SMALL"), ({"base_amount": "-5"}, "baseAmount", "NEGATIVE"),
        ({"base_amount": "NaN"}, "baseAmount", "NOT_A_NUMBER"), ({"base_amount": "1e400"}, "baseAmount", "TOO_LARGE"),
        ({"base_amount": "99999999999999.99", "igst": "1"}, "baseAmount", "TOTAL_TOO_LARGE"),
        ({"base_amount": "100", "cgst": "9"}, "sgst", "TAX_HALVES_DIFFER"),
        ({"base_amount": "100", "cgst": "9", "sgst": "10.01"}, "sgst", "TAX_HALVES_DIFFER"),
        ({"base_amount": "100", "cgst": "9", "sgst": "9", "igst": "1"}, "igst", "TAX_HEADS_MIXED"),
        ({"base_amount": "100", "sgst": "9", "igst": "1"}, "igst", "TAX_HEADS_MIXED"),
        ({"base_amount": "100", "igst": "101", "gst_exclusive": False}, "baseAmount", "TAXES_EXCEED_BASE"),
        ({"base_amount": "100", "tds": "100.01"}, "tds", "TDS_EXCEEDS_TAXABLE"),
        ({"base_amount": "118", "igst": "18", "gst_exclusive": False, "tds": "101"}, "tds", "TDS_EXCEEDS_TAXABLE"),
        ({"base_amount": "100", "tds": "-1"}, "tds", "NEGATIVE"),
        ({"base_amount": "100", "tcs": "-1"}, "tcs", "NEGATIVE"),
        ({"base_amount": "1", "round_off": "-2"}, "roundOff", "NEGATIVE_TOTAL"),
        ({"base_amount": "100", "total_received": "-1"}, "totalReceived", "NEGATIVE"),
    ],
)  # fmt: skip
def test_content_that_is_refused_with_400(sent: dict[str, Any], field: str, code: str) -> None:
    out = made(**sent)
    assert (field, code) in [(problem.field, problem.code) for problem in out.errors]
    assert out.refusal is Invalid
    assert out.opening_entries == []


def test_every_wrong_field_is_named_at_once() -> None:
    out = made(base_amount="NaN", cgst="9", sgst="12", tds="-1", cess="1e400", total_received="Infinity")
    assert [problem.field for problem in out.errors] == ["baseAmount", "cess", "tds", "totalReceived", "sgst"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"base_amount": "100", "cgst": "9.00", "sgst": "9.50"}, "TAX_HALVES_DIFFER"),
        ({"base_amount": "100.005"}, "ROUNDED"),
        ({"base_amount": "100", "round_off": "1.01"}, "ROUND_OFF_LARGE"),
    ],
)  # fmt: skip
def test_doubts_are_warnings(sent: dict[str, Any], code: str) -> None:
    out = made(**sent)
    assert (out.errors, [problem.code for problem in out.warnings]) == ([], [code])


@pytest.mark.parametrize(
    ("sent", "received", "balance", "status"),
    [
        ({"total_received": "180"}, "180", "1000", ReceivableStatus.PARTIALLY_PAID),
        ({"balance_amount": "1000"}, "180", "1000", ReceivableStatus.PARTIALLY_PAID),
        ({"total_received": "180", "balance_amount": "1000"}, "180", "1000", ReceivableStatus.PARTIALLY_PAID),
        ({"total_received": "1180"}, "1180", "0", ReceivableStatus.PAID),
        ({"balance_amount": "0"}, "1180", "0", ReceivableStatus.PAID),
        ({"total_received": "0"}, "0", "1180", ReceivableStatus.PENDING),
        ({"balance_amount": "1180"}, "0", "1180", ReceivableStatus.PENDING),
    ],
)  # fmt: skip
def test_money_that_came_first_is_an_opening_entry(
    sent: dict[str, Any], received: str, balance: str, status: ReceivableStatus
) -> None:
    out = made(**TAXED, **sent)
    assert (out.errors, out.total_received, out.balance, out.status) == ([], D(received), D(balance), status)
    assert out.opening_entries == ([Entry(EntryKind.OPENING, D(received))] if D(received) else [])


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"total_received": "1180.01"}, "RECEIVED_EXCEEDS_NET"), ({"balance_amount": "1180.01"}, "BALANCE_EXCEEDS_NET"),
        ({"total_received": "100", "balance_amount": "1000"}, "BALANCE_INCONSISTENT"),
    ],
)  # fmt: skip
def test_contradicting_money_is_refused_with_422(sent: dict[str, Any], code: str) -> None:
    out = made(**TAXED, **sent)
    assert ([problem.code for problem in out.errors], out.refusal, out.opening_entries) == ([code], NotAllowedNow, [])


wild = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(min_value=-5, max_value=5000, places=2),
    st.sampled_from([D("1e400"), D("sNaN"), D("1e-400"), D("-0"), D("99999999999999.99"), D("0e99999")]),
)
maybe = st.one_of(st.none(), wild)


@given(st.builds(
    AmountsIn, base_amount=wild, gst_exclusive=st.booleans(), cgst=wild, sgst=wild, igst=wild, cess=wild, discount=wild,
    other_charges=wild, tcs=wild, tds=wild, round_off=maybe, reverse_charge=st.booleans(), net_amount=maybe,
    total_received=maybe, balance_amount=maybe, amount_mismatch=st.sampled_from(AmountMismatch),
))  # fmt: skip
def test_computing_never_raises(sent: AmountsIn) -> None:
    out = compute(sent)
    assert bool(out.errors) is (out.refusal is not None)
    check_invariants(out)


def test_the_sampled_amounts_do_get_through() -> None:
    assert made(base_amount="5000", cgst="5", sgst="5", net_amount="5010").errors == []


tame = st.decimals(min_value=0, max_value=10**6, places=2, allow_nan=False)
plausible = st.tuples(tame, tame, tame, st.booleans(), st.booleans())


@given(plausible, st.decimals(min_value=-1, max_value=1, places=2), st.decimals(0, 1, places=2))
def test_invariants_of_plausible_invoices(
    figures: tuple[Decimal, Decimal, Decimal, bool, bool], off: Decimal, part: Decimal
) -> None:
    base, half, charges, exclusive, reverse = figures
    sent = AmountsIn(
        base_amount=base + 2,
        cgst=half,
        sgst=half,
        other_charges=charges,
        gst_exclusive=exclusive,
        reverse_charge=reverse,
    )
    first = compute(sent)
    if first.errors:
        assert not exclusive
        assert half * 2 > base + 2
        return
    net = first.net_amount + off
    received = min((first.net_amount * part).quantize(D("0.01")), net)
    out = compute(msgspec.structs.replace(sent, net_amount=net, total_received=received))
    assert out.errors == []
    assert (out.net_amount, out.round_off, out.total_received) == (net, off, received)
    check_invariants(out)


def check_invariants(out: AmountsOut) -> None:
    """What holds for every accepted invoice."""
    if out.errors:
        return
    entries = sum((entry.amount for entry in out.opening_entries), D(0))
    assert out.balance == out.net_amount - entries >= 0
    assert out.total_received == entries
    assert out.net_amount == out.invoice_value - out.tds >= 0
    assert 0 <= out.tds <= out.taxable_value
    for figure in (out.taxable_value, out.invoice_value, out.net_amount, out.balance, out.round_off, out.base_amount):
        assert figure.as_tuple().exponent == -2
