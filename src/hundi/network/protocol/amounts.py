"""The arithmetic of payments (contract B2B §6.1, domain §11): sums that must agree, and never more than is due."""

from collections.abc import Sequence
from decimal import Decimal

from hundi.kit.money import ZERO
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.messages import InvoicePayment, PaymentAmount
from hundi.network.protocol.moves import Condition
from hundi.network.protocol.objects import InvoiceFacts, NoteFacts

CREDIT_NOTE = "CREDIT_NOTE"
"""The split that sets a credit note off; its ``refNo`` names the note."""


def check_amount(amount: PaymentAmount, field: str) -> None:
    """Refuse amounts that do not add up: total = paid + adjusted, none negative, total above zero."""
    if amount.paid < 0 or amount.adjusted < 0 or amount.total != amount.paid + amount.adjusted:
        detail = f"{amount.paid} + {amount.adjusted} is not {amount.total}"
        raise MessageRefused(Fault.LINE_SUM, f"{field}.totalAmount", detail)
    if amount.total <= 0:
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, f"{field}.totalAmount", str(amount.total))


def check_splits(line: InvoicePayment, field: str) -> None:
    """Refuse splits that do not explain the adjustments: each above zero, their sum the adjustments."""
    if any(split.amount <= 0 for split in line.splits):
        raise MessageRefused(Fault.SPLIT_SUM, f"{field}.splits", "a split is not above zero")
    given = sum((split.amount for split in line.splits), ZERO)
    if given != line.amount.adjusted:
        raise MessageRefused(Fault.SPLIT_SUM, f"{field}.splits", f"{given} is not {line.amount.adjusted}")


def check_header(header: PaymentAmount, lines: Sequence[InvoicePayment]) -> None:
    """Refuse a payment whose own amounts are not the sums of its lines'."""
    paid = sum((line.amount.paid for line in lines), ZERO)
    adjusted = sum((line.amount.adjusted for line in lines), ZERO)
    if header.paid != paid or header.adjusted != adjusted:
        raise MessageRefused(Fault.PAYMENT_SUM, "payment.paymentAmount", f"the lines come to {paid} + {adjusted}")


def check_due(line: InvoicePayment, invoice: InvoiceFacts, field: str) -> None:
    """Refuse what the payer took to be due when it is not, and a payment of more than that."""
    if line.due != invoice.due or line.invoice_total != invoice.total:
        detail = f"{invoice.due} of {invoice.total} is due, not {line.due} of {line.invoice_total}"
        raise MessageRefused(Fault.DUE_DIFFERS, f"{field}.invoiceAmount", detail)
    if line.amount.total > invoice.due:
        detail = f"{line.amount.total} of {invoice.due}"
        raise MessageRefused(Fault.OVERPAYMENT, f"{field}.invoicePaymentAmount.totalAmount", detail)


def conditions_of_invoice(facts: InvoiceFacts) -> frozenset[Condition]:
    """Say which conditions of the invoice's table hold."""
    return frozenset(
        (
            Condition.NOTHING_PAID if facts.settled == 0 else Condition.SOME_PAID,
            Condition.DUE_LEFT if facts.due > 0 else Condition.NOTHING_DUE,
            *((Condition.NO_LIEN,) if facts.lien is None else ()),
        )
    )


def conditions_of_note(facts: NoteFacts) -> frozenset[Condition]:
    """Say which conditions of the note's table hold."""
    return frozenset(
        (
            Condition.PART_LEFT if facts.left > 0 else Condition.NOTHING_LEFT,
            *((Condition.CREDIT,) if facts.credit else ()),
        )
    )


def platform(on_platform: bool) -> frozenset[Condition]:
    """Say how a payment was made, as a condition."""
    return frozenset((Condition.ON_PLATFORM if on_platform else Condition.OFF_PLATFORM,))


def total_of(lines: Sequence[Decimal]) -> Decimal:
    """Add amounts up; nothing is 0.00."""
    return sum(lines, ZERO)
