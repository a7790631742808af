"""What a PATCH of a customer makes of it (design §5 "PATCH"): plain values in, columns and problems out; no I/O.

Absent = leave, ``None`` = clear, a value = set; an empty text is as good as none. Sending what already stands is no
change, so a client may send whole objects back.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from hundi.customers.rows import CustomerRow
from hundi.customers.rules import check_text, identify, usual_treatment
from hundi.customers.schemas import CustomerPatch
from hundi.kit.contacts import is_name
from hundi.kit.errors import FieldProblem
from hundi.kit.states import find_state

_TEXT: Final[Mapping[str, str]] = {
    "address": "address", "assignedAgent": "assigned_agent", "customerCompanyId": "customer_company_id",
    "tradeName": "trade_name", "shippingAddress": "shipping_address", "uniqueRefNo": "unique_ref_no",
}  # fmt: skip
_CHECKED: Final[Mapping[str, str]] = {
    "contactNumber": "contact_number", "pinCode": "pin_code", "shippingPinCode": "shipping_pin_code",
    "udyamClass": "udyam_class", "accountNumber": "account_number", "ifsc": "ifsc", "tan": "tan",
    "udyamNumber": "udyam_number",
}  # fmt: skip
# With what ``null`` leaves behind.
_PLAIN: Final[tuple[tuple[str, str, Any], ...]] = (
    ("branchCodes", "branch_codes", []),
    ("externalSource", "external_source", False),
    ("paymentTermsDays", "terms_days", None),
)
_CAPITALS: Final = frozenset({"ifsc", "tan", "udyamNumber"})
_IDENTITY: Final = frozenset({"panOrGstin", "state", "treatment"})
_NOT_CLEARABLE: Final[Mapping[str, str]] = {
    "legalName": "Send a name, or leave legalName out.",
    "customerId": "Leave customerId out, or send the one of the path.",
    "customerKeyContacts": "Name the contacts to remove, each with deleted: true.",
    "customerReminders": "Name the reminders to remove, each with deleted: true.",
}

WRITABLE: Final = frozenset(
    {
        *_TEXT.values(), *_CHECKED.values(), "gstin", "pan", "state_code", "treatment", "shipping_state", "legal_name",
        "branch_codes", "external_source", "terms_days", "account_hash", "has_key_contacts",
    }
)  # fmt: skip
"""The columns a PATCH may write; anything else is a bug and must not become SQL."""


def changes_of(data: CustomerPatch) -> dict[str, Any]:
    """Give what a PATCH names; what is absent is not in it."""
    found = {field.name: getattr(data, field.name) for field in msgspec.structs.fields(data)}
    return {name: value for name, value in found.items() if value is not UNSET}


def decide(before: CustomerRow, changes: Mapping[str, Any], problems: list[FieldProblem]) -> dict[str, Any]:
    """Give the columns to write for everything but contacts and reminders; what is wrong is added to ``problems``.

    ``account_number`` is given in the clear: the caller seals it.
    """
    _check_fixed(before, changes, problems)
    values: dict[str, Any] = {column: changes[name] or None for name, column in _TEXT.items() if name in changes}
    for name, column in _CHECKED.items():
        if name in changes:
            text = changes[name] or None
            check_text(name, text, problems)
            values[column] = text.upper() if text and name in _CAPITALS else text
    if changes.get("legalName") is not None:
        values["legal_name"] = changes["legalName"].strip()
        if not is_name(values["legal_name"]):
            problems.append(FieldProblem("legalName", "REQUIRED", "Send a name, not just blanks."))
    for name, column, empty in _PLAIN:
        if name in changes:
            values[column] = empty if changes[name] is None else changes[name]
    if "shippingState" in changes:
        values["shipping_state"] = _state_code("shippingState", changes["shippingState"], problems)
    if _IDENTITY & changes.keys():
        values |= _identity(before, changes, problems)
    return values


def _check_fixed(before: CustomerRow, changes: Mapping[str, Any], problems: list[FieldProblem]) -> None:
    for name, message in _NOT_CLEARABLE.items():
        if name in changes and changes[name] is None:
            problems.append(FieldProblem(name, "NOT_CLEARABLE", message))
    wanted = changes.get("customerId")
    if wanted is not None and wanted != before.customer_id:
        message = "customerId must be the one of the path; a customer keeps its id."
        problems.append(FieldProblem("customerId", "ID_MISMATCH", message, wanted))


def _state_code(field: str, text: str | None, problems: list[FieldProblem]) -> str | None:
    if not text or not text.strip():
        return None
    found = find_state(text)
    if found is None:
        message = "Send a state's name, its two letters or its GST code."
        problems.append(FieldProblem(field, "STATE_UNKNOWN", message, text[:40]))
        return None
    return found.code


def _identity(before: CustomerRow, changes: Mapping[str, Any], problems: list[FieldProblem]) -> dict[str, Any]:
    """Read tax number, state and treatment together, what was sent with what stands.

    A new GSTIN brings its own state along. A treatment that only says what the number and the state say anyway follows
    them; one that was chosen (SEZ, COMPOSITION, CONSUMER) stays until another one is sent.
    """
    number = changes.get("panOrGstin", before.gstin or before.pan)
    same_number = ((number or "").strip().upper() or None) == (before.gstin or before.pan)
    state = changes.get("state", before.state_code if same_number or len((number or "").strip()) != 15 else None)
    chosen = before.treatment != usual_treatment(before.gstin, before.state_code)
    treatment = changes.get("treatment", before.treatment if chosen else None)
    read = identify(number, state, treatment, problems)
    return {"gstin": read.gstin, "pan": read.pan, "state_code": read.state_code, "treatment": read.treatment}
