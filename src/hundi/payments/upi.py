"""UPI: the link and the QR that let a customer pay the balance from any UPI app (domain §9)."""

import base64
import hashlib
import re
from decimal import Decimal
from enum import StrEnum
from typing import Final
from urllib.parse import quote

import msgspec

from hundi.kit.money import round_to_paise
from hundi.payments.qr import qr_svg

DEFAULT_MAX_AMOUNT: Final = Decimal("100000.00")
"""What one UPI payment may carry unless the registration says otherwise (domain §1, ``upi.maxAmount``), rupees."""

LEAST_AMOUNT: Final = Decimal("1.00")
_VPA: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}@[A-Za-z][A-Za-z0-9.-]{1,63}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9]{1,35}")
_MERCHANT_CODE: Final = re.compile(r"[0-9]{4}")
_NOTE_LENGTH: Final = 50
_NAME_LENGTH: Final = 99
_LAST_ATTEMPT: Final = 99_999_999  # Eight digits are what 35 characters leave beside the invoice's 27.


class UpiMode(StrEnum):
    """How the payer comes to the link: it is part of the link itself."""

    QR = "01"
    LINK = "04"


class NotPayable(StrEnum):
    """Why no UPI link or QR is shown; bank details with a reference take its place."""

    PAID = "PAID"
    CANCELLED = "CANCELLED"
    DISPUTED = "DISPUTED"
    WRITTEN_OFF = "WRITTEN_OFF"
    NO_UPI_ID = "NO_UPI_ID"
    ABOVE_LIMIT = "ABOVE_LIMIT"
    BELOW_ONE_RUPEE = "BELOW_ONE_RUPEE"


class Payee(msgspec.Struct, frozen=True, kw_only=True):
    """Who is paid: the UPI id, the name the payer's app shows, and the four-digit merchant category, if any."""

    vpa: str
    name: str
    merchant_code: str = ""


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer is asked for: ``amount`` rupees (the balance) to ``payee``.

    ``reference`` is the attempt's ``tr`` (:func:`transaction_reference`); ``note`` is any text, reduced to plain ASCII.
    ``minimum`` is the least part payment: give it only where part payment is allowed; it is left out of the link when
    it would not be below the amount.
    """

    payee: Payee
    amount: Decimal
    reference: str
    note: str = ""
    minimum: Decimal | None = None


def is_vpa(text: str) -> bool:
    """Say whether ``text`` has the form of a UPI id (``name@handle``); whether it exists only a bank can say."""
    return _VPA.fullmatch(text) is not None


def why_not_payable(
    balance: Decimal, status: str, max_amount: Decimal = DEFAULT_MAX_AMOUNT, *, vpa: str
) -> NotPayable | None:
    """Return why this balance cannot be paid by UPI, or None when it can (domain §9).

    ``status`` is the invoice's receivableStatus (OVERDUE is as good as PENDING); ``balance`` and ``max_amount`` are
    rupees. Settled states come before the others, so that a paid invoice says "paid" and not "below one rupee".
    """
    if status in {NotPayable.PAID, NotPayable.CANCELLED, NotPayable.DISPUTED, NotPayable.WRITTEN_OFF}:
        return NotPayable(status)
    if balance <= 0:
        return NotPayable.PAID
    if not is_vpa(vpa):
        return NotPayable.NO_UPI_ID
    if balance < LEAST_AMOUNT:
        return NotPayable.BELOW_ONE_RUPEE
    if balance > max_amount:
        return NotPayable.ABOVE_LIMIT
    return None


def transaction_reference(invoice_id: str, attempt: int = 1) -> str:
    """Return the ``tr`` of one payment attempt: ``H``, 26 characters that stand for the invoice, and the attempt.

    Alphanumeric, at most 35 characters, the same for the same invoice and attempt, so that a document rendered twice
    is the same document. Raises ValueError when the attempt is not within 1…99999999.
    """
    if not 1 <= attempt <= _LAST_ATTEMPT:
        message = f"a payment attempt is numbered 1 to {_LAST_ATTEMPT}, not {attempt}"
        raise ValueError(message)
    digest = hashlib.sha256(invoice_id.encode()).digest()[:16]
    return f"H{base64.b32encode(digest).decode('ascii').rstrip('=')}{attempt}"


def plain_note(text: str) -> str:
    """Return ``text`` as a UPI note: letters, digits, space and ``-./`` in ASCII, at most 50 characters."""
    ascii_only = re.sub(r"[^A-Za-z0-9./-]+", " ", text)
    return ascii_only.strip()[:_NOTE_LENGTH].rstrip()


def upi_link(request: PaymentRequest, mode: UpiMode = UpiMode.LINK) -> str:
    """Return the ``upi://pay`` link of a request, percent-encoded, with ``am`` to two decimals (domain §9).

    Raises ValueError, naming the parameter, for anything that no UPI app would take.
    """
    payee = request.payee
    if not is_vpa(payee.vpa):
        message = f"pa: {payee.vpa!r} is not a UPI id (name@handle)"
        raise ValueError(message)
    if not _REFERENCE.fullmatch(request.reference):
        message = "tr: a reference has 1 to 35 letters and digits"
        raise ValueError(message)
    if payee.merchant_code and not _MERCHANT_CODE.fullmatch(payee.merchant_code):
        message = "mc: a merchant category has four digits"
        raise ValueError(message)
    rupees = round_to_paise(request.amount)
    if rupees < LEAST_AMOUNT:
        message = "am: UPI carries one rupee or more"
        raise ValueError(message)
    name = " ".join(payee.name.split())[:_NAME_LENGTH].strip() or payee.vpa
    parameters = [("pa", payee.vpa), ("pn", name), ("am", f"{rupees:f}"), ("cu", "INR"), ("tr", request.reference)]
    if plain := plain_note(request.note):
        parameters.append(("tn", plain))
    if payee.merchant_code:
        parameters.append(("mc", payee.merchant_code))
    if request.minimum is not None:
        least = max(round_to_paise(request.minimum), LEAST_AMOUNT)
        if least < rupees:
            parameters.append(("mam", f"{least:f}"))
    parameters.append(("mode", mode.value))
    # "@" may stand as it is in a query (RFC 3986 §3.4), and some UPI apps do not decode it in pa.
    return "upi://pay?" + "&".join(f"{key}={quote(value, safe='@')}" for key, value in parameters)


def upi_qr_svg(link: str) -> str:
    """Return the QR of a ``mode=01`` link as SVG text."""
    return qr_svg(_checked(link))


def _checked(link: str) -> str:
    if not link.startswith("upi://pay?") or f"mode={UpiMode.QR.value}" not in link:
        message = "a UPI QR shows an upi://pay link with mode=01"
        raise ValueError(message)
    return link
