"""Decisions on a customer's particulars (domain §1): no I/O, every problem at once."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from hundi.kit.contacts import is_email, is_phone
from hundi.kit.dates import IST
from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import NotAGstin, is_ifsc, is_pan, is_pin_code, is_tan, is_udyam, read_gstin
from hundi.kit.states import OUTSIDE_INDIA, find_state

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{9,36}")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
TREATMENTS: Final = ("REGISTERED", "COMPOSITION", "SEZ", "UNREGISTERED", "CONSUMER", "OVERSEAS")
UDYAM_CLASSES: Final = ("MICRO", "SMALL", "MEDIUM")
MAX_CONTACTS: Final = 50
MAX_REMINDERS: Final = 20
DEFAULT_REMINDER_TIME: Final = "10:00"
"""When a reminder goes out on its day (in India) where its rule names no time."""


class CustomerStatus(StrEnum):
    """Whether new invoices may be made for the customer (domain §4)."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


STATUS_MOVES: Final[Mapping[CustomerStatus, frozenset[CustomerStatus]]] = {
    CustomerStatus.ACTIVE: frozenset({CustomerStatus.INACTIVE}),
    CustomerStatus.INACTIVE: frozenset({CustomerStatus.ACTIVE}),
}


class TaxIdentity(msgspec.Struct, frozen=True):
    """What ``panOrGstin`` and ``state`` say together."""

    gstin: str | None
    pan: str | None
    state_code: str | None
    treatment: str


def identify(
    pan_or_gstin: str | None, state: str | None, treatment: str | None, problems: list[FieldProblem]
) -> TaxIdentity:
    """Read GSTIN or PAN, the state and the treatment; what contradicts is added to ``problems``.

    Without a treatment, a GSTIN makes REGISTERED (SEZ is only by word), state 96 OVERSEAS, all else UNREGISTERED.
    """
    gstin = pan = code = None
    text = (pan_or_gstin or "").strip().upper()
    if len(text) == 15:
        try:
            read = read_gstin(text)
            gstin, pan, code = read.number, read.pan, read.state_code
        except NotAGstin as error:
            problems.append(FieldProblem("panOrGstin", error.code, str(error), text))
    elif text:
        if is_pan(text):
            pan = text
        else:
            message = "Send a GSTIN (15 characters) or a PAN (10 characters, such as ABCPE1234F)."
            problems.append(FieldProblem("panOrGstin", "PAN_OR_GSTIN_FORMAT", message, text))
    if state and state.strip():
        found = find_state(state)
        if found is None:
            message = "Send a state's name, its two letters or its GST code."
            problems.append(FieldProblem("state", "STATE_UNKNOWN", message, state[:40]))
        elif gstin is not None and found.code != code:
            message = f"The GSTIN belongs to state {code}. Send that state, or leave state out."
            problems.append(FieldProblem("state", "STATE_MISMATCH", message, state[:40]))
        else:
            code = found.code
    if treatment is not None and treatment not in TREATMENTS:
        problems.append(
            FieldProblem("treatment", "UNKNOWN_VALUE", f"Send one of {', '.join(TREATMENTS)}.", treatment[:40])
        )
    if treatment in {"REGISTERED", "COMPOSITION"} and gstin is None and not problems:
        problems.append(FieldProblem("panOrGstin", "REQUIRED", f"A {treatment.lower()} customer needs its GSTIN."))
    return TaxIdentity(gstin, pan, code, treatment or usual_treatment(gstin, code))


def usual_treatment(gstin: str | None, state_code: str | None) -> str:
    """Give the treatment of a customer for whom none was named."""
    return "REGISTERED" if gstin else "OVERSEAS" if state_code == OUTSIDE_INDIA else "UNREGISTERED"


def check_text(field: str, value: str | None, problems: list[FieldProblem]) -> None:
    """Check the shape of one optional particular by its name; an empty text is as good as none."""
    if not value:
        return
    good, message = {
        "ifsc": (is_ifsc(value.upper()), "Send an IFSC such as HDFC0000001."),
        "accountNumber": (_ACCOUNT.fullmatch(value) is not None, "Send 9 to 36 letters and digits."),
        "contactNumber": (is_phone(value), "Send ten digits, with +91 before them if you like."),
        "mobile": (is_phone(value), "Send ten digits, with +91 before them if you like."),
        "email": (is_email(value), "Send an address such as accounts@example.com."),
        "pinCode": (is_pin_code(value), "Send six digits, not starting with 0."),
        "shippingPinCode": (is_pin_code(value), "Send six digits, not starting with 0."),
        "tan": (is_tan(value.upper()), "Send a TAN such as MUMA12345B."),
        "udyamNumber": (is_udyam(value.upper()), "Send a Udyam number such as UDYAM-MH-01-0000001."),
        "udyamClass": (value in UDYAM_CLASSES, f"Send one of {', '.join(UDYAM_CLASSES)}."),
        "reminderTime": (_TIME.fullmatch(value) is not None, "Send a time of day as HH:mm."),
        "reminderType": (value in {"ONCE", "RECURRING"}, "Send ONCE or RECURRING."),
    }[field.rpartition(".")[2]]
    if not good:
        problems.append(FieldProblem(field, "BAD_FORMAT", message, value[:100]))


def check_reminder(
    place: str, reminder_type: str | None, interval: int | None, time: str | None, problems: list[FieldProblem]
) -> None:
    """Check a reminder rule as it will be kept; ``place`` is the JSON path before its fields, with its dot."""
    check_text(f"{place}reminderTime", time, problems)
    check_text(f"{place}reminderType", reminder_type, problems)
    if reminder_type == "RECURRING" and not interval:
        message = "Send after how many days it repeats, at least 1, or ONCE as reminderType."
        problems.append(FieldProblem(f"{place}reminderInterval", "REQUIRED", message))


def is_mailable(email: str | None, mail_enabled: bool) -> bool:
    """Tell whether invoices can be mailed to a contact: it has an address and wants mail."""
    return bool(email) and mail_enabled


def next_run(
    *,
    reminder_type: str | None,
    difference: int | None,
    interval: int | None,
    time: str | None,
    due_dates: Iterable[date],
    now: datetime,
) -> date | None:
    """Give the day (in India) on which a reminder rule runs next for invoices due on ``due_dates``, or ``None``.

    A rule runs ``difference`` days after the due date (before it when negative, on it when absent), at its time of day.
    RECURRING repeats every ``interval`` days while money is owed; without a type, a rule with an interval recurs. What
    has passed is not made up for: ONCE is then over, RECURRING goes on with its next day.
    """
    hours, minutes = (int(part) for part in (time or DEFAULT_REMINDER_TIME).split(":"))
    here = now.astimezone(IST)
    passed = (here.hour, here.minute) >= (hours, minutes)
    earliest = here.date() + timedelta(days=1 if passed else 0)
    recurs = bool(interval) and reminder_type in {"RECURRING", None}
    found: list[date] = []
    for due in due_dates:
        first = due + timedelta(days=difference or 0)
        if first >= earliest:
            found.append(first)
        elif recurs and interval:
            times = -(-(earliest - first).days // interval)
            found.append(first + timedelta(days=times * interval))
    return min(found, default=None)
