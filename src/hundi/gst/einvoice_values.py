"""The rules about the totals of a document: the sum of each head, and what it all comes to (contract b2b §9.3)."""

from decimal import Decimal
from typing import Final

from hundi.gst.document import ZERO, Document, Values
from hundi.gst.einvoice_items import Sums, check_amount
from hundi.gst.findings import Findings
from hundi.gst.tolerance import within_tolerance
from hundi.kit.money import MAX_AMOUNT, PAISA, round_to_paise

ROUND_OFF_LIMIT: Final = Decimal("99.99")

_OTHERS: Final = (
    ("cgst", "CGST"), ("sgst", "SGST"), ("igst", "IGST"), ("cess", "CESS"), ("state_cess", "STATE CESS"),
    ("discount", "DISCOUNT"), ("other_charges", "OTHER CHARGES"), ("round_off", "ROUND OFF"),
    ("total_foreign", "TOTAL FC"),
)  # fmt: skip


def check_values(document: Document, found: Findings, sums: Sums | None) -> None:
    """Check the totals; ``sums`` is None when the items cannot be added up, and then only shapes are checked."""
    values = document.values
    if values is None:
        found.add("valueDetails", "VALUES_MISSING")
        return
    for name in values.unread:
        found.add(f"valueDetails.otherValues[{name}]", "VALUE_TYPE_UNKNOWN", name)
    if _usable(values, found) and sums is not None:
        _check_heads(values, sums, found)
        if not values.unread:
            _check_total(values, sums, found)


def _usable(values: Values, found: Findings) -> bool:
    path = "valueDetails"
    usable = check_amount(f"{path}.assessmentValue", values.assessable, MAX_AMOUNT, PAISA, found)
    usable &= check_amount(f"{path}.totalInvoiceValue", values.total, MAX_AMOUNT, PAISA, found)
    for name, kind in _OTHERS:
        value: Decimal | None = getattr(values, name)
        if value is None:
            continue
        where, rounding = f"{path}.otherValues[{kind}]", name == "round_off"
        fits = check_amount(where, value, MAX_AMOUNT, PAISA, found, may_be_negative=rounding)
        if fits and rounding and abs(value) > ROUND_OFF_LIMIT:
            found.add(where, "ROUND_OFF_TOO_LARGE", value)
        usable &= fits
    return usable


def _check_heads(values: Values, sums: Sums, found: Findings) -> None:
    """Hold each total against the sum of the items; a head that is not given is nought in an e-invoice."""
    if not within_tolerance(values.assessable, sums.assessable):
        _mismatch("assessmentValue", "ASSESSABLE_TOTAL_MISMATCH", values.assessable, sums.assessable, found)
    if not sums.heads_known:
        return
    heads = (
        ("CGST", "CGST_TOTAL_MISMATCH", values.cgst, sums.cgst, sums.cgst),
        ("SGST", "SGST_TOTAL_MISMATCH", values.sgst, sums.sgst, sums.sgst),
        ("IGST", "IGST_TOTAL_MISMATCH", values.igst, sums.igst, sums.igst),
        # Cess by quantity is totalled with the cess by value; senders who leave it out are taken at their word.
        ("CESS", "CESS_TOTAL_MISMATCH", values.cess, sums.cess_in_all, sums.cess),
        ("STATE CESS", "STATE_CESS_TOTAL_MISMATCH", values.state_cess, sums.state_cess_in_all, sums.state_cess),
    )
    for kind, code, sent, expected, also in heads:
        if sent is None and (found.extract or not found.strict):
            continue
        total = ZERO if sent is None else sent
        if not within_tolerance(total, expected) and not within_tolerance(total, also):
            _mismatch(f"otherValues[{kind}]", code, total, expected, found)


def _check_total(values: Values, sums: Sums, found: Findings) -> None:
    discount = values.discount or ZERO
    expected = sums.total - discount + (values.other_charges or ZERO) + (values.round_off or ZERO)
    if not within_tolerance(values.total, expected):
        _mismatch("totalInvoiceValue", "INVOICE_TOTAL_MISMATCH", values.total, expected, found)
    if discount and discount >= values.total:
        found.add("valueDetails.otherValues[DISCOUNT]", "DISCOUNT_EXCEEDS_TOTAL", discount)


def _mismatch(name: str, code: str, sent: Decimal, expected: Decimal, found: Findings) -> None:
    found.add(f"valueDetails.{name}", code, sent, expected=round_to_paise(expected))
