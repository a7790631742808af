"""Decisions on a customer's particulars (domain §1): no I/O, every problem at once."""

import re
from typing import Final

import msgspec

from hundi.kit.contacts import is_email, is_phone
from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import NotAGstin, is_ifsc, is_pan, is_pin_code, is_tan, is_udyam, read_gstin
from hundi.kit.states import OUTSIDE_INDIA, find_state

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{9,36}")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
TREATMENTS: Final = ("REGISTERED", "COMPOSITION", "SEZ", "UNREGISTERED", "CONSUMER", "OVERSEAS")
UDYAM_CLASSES: Final = ("MICRO", "SMALL", "MEDIUM")


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
    fallback = "REGISTERED" if gstin else "OVERSEAS" if code == OUTSIDE_INDIA else "UNREGISTERED"
    return TaxIdentity(gstin, pan, code, treatment or fallback)


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
