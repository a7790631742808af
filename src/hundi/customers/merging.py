"""Contacts and reminder rules of a PATCH, merged with those that are kept by their ids (contract §3.5); no I/O."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET

from hundi.customers.errors import ContactNotFound, ReminderNotFound
from hundi.customers.rows import ContactRow, ReminderRow
from hundi.customers.rules import check_reminder, check_text, is_mailable
from hundi.customers.schemas import KeyContactPatch, ReminderPatch
from hundi.kit.contacts import is_name
from hundi.kit.errors import FieldProblem

Row = TypeVar("Row")
Patch = TypeVar("Patch", KeyContactPatch, ReminderPatch)
_NEEDED: Final = ("legalName", "name", "mobile")
_RULE_FIELDS: Final = {
    "reminderType": "reminder_type", "dueDateDifference": "due_date_difference",
    "reminderInterval": "reminder_interval", "reminderTime": "reminder_time", "stage": "stage",
}  # fmt: skip


class Merged(msgspec.Struct, Generic[Row]):
    """What a merge comes to. ``left`` is how the list stands afterwards, in order."""

    added: list[Row] = []
    changed: list[Row] = []
    removed: list[str] = []
    left: list[Row] = []

    def __bool__(self) -> bool:
        """Tell whether anything changes."""
        return bool(self.added or self.changed or self.removed)


def contacts(
    kept: Sequence[ContactRow],
    sent: Sequence[KeyContactPatch],
    make_id: Callable[[], str],
    problems: list[FieldProblem],
) -> Merged[ContactRow]:
    """Merge key contacts; unknown ids are problems of code CONTACT_NOT_FOUND."""
    last = max([row.position for row in kept], default=0)

    def born(here: str, one: KeyContactPatch, nth: int) -> ContactRow:
        blank = ContactRow(
            contact_id=make_id(), position=last + nth, legal_name="", name="", email=None, mobile="",
            mail_enabled=False, sms_enabled=False, whatsapp_enabled=False, via=None, deleted=False,
        )  # fmt: skip
        absent = [name for name in _NEEDED if getattr(one, name) is UNSET]
        problems.extend(
            FieldProblem(here + name, "REQUIRED", f"Send {name}; a new contact needs it.") for name in absent
        )
        return _contact(here, one, blank, problems)

    return _merged(
        "customerKeyContacts", "keyContactPersonId", {row.contact_id: row for row in kept}, sent, ContactNotFound.code,
        lambda here, one, row: _contact(here, one, row, problems), born, problems,
    )  # fmt: skip


def _contact(here: str, sent: KeyContactPatch, row: ContactRow, problems: list[FieldProblem]) -> ContactRow:
    for name in ("legalName", "name"):
        value = getattr(sent, name)
        if value is not UNSET and not is_name(value):
            problems.append(FieldProblem(here + name, "REQUIRED", "Send a name, not just blanks."))
    if sent.mobile is not UNSET:
        check_text(f"{here}mobile", sent.mobile, problems)
    email = row.email if sent.email is UNSET else sent.email or None
    if sent.email is not UNSET:
        check_text(f"{here}email", email, problems)
    mail = sent.mail_enabled
    if mail is UNSET or mail is None:
        # An address that is given is meant to be written to, and without one nothing can be.
        mail = bool(email) if email is None or row.email is None or mail is None else row.mail_enabled
    elif mail and not email:
        message = "Send the e-mail address, or leave mail_enabled out."
        problems.append(FieldProblem(f"{here}email", "REQUIRED", message))
    return ContactRow(
        contact_id=row.contact_id, position=row.position, legal_name=_set(sent.legalName, row.legal_name),
        name=_set(sent.name, row.name), email=email, mobile=_set(sent.mobile, row.mobile), mail_enabled=bool(mail),
        sms_enabled=bool(_set(sent.sms_enabled, row.sms_enabled)),
        whatsapp_enabled=bool(_set(sent.whatsapp_enabled, row.whatsapp_enabled)), via=_set(sent.via, row.via),
        deleted=False,
    )  # fmt: skip


def reminders(
    kept: Sequence[ReminderRow],
    sent: Sequence[ReminderPatch],
    make_id: Callable[[], str],
    problems: list[FieldProblem],
) -> Merged[ReminderRow]:
    """Merge reminder rules; unknown ids are problems of code REMINDER_NOT_FOUND."""

    def born(here: str, one: ReminderPatch, _: int) -> ReminderRow:
        blank = ReminderRow(
            reminder_id=make_id(), reminder_type=None, due_date_difference=None, reminder_interval=None,
            reminder_time=None, stage=None,
        )  # fmt: skip
        return reminder(here, one, blank, problems)

    return _merged(
        "customerReminders", "customerReminderId", {row.reminder_id: row for row in kept}, sent, ReminderNotFound.code,
        lambda here, one, row: reminder(here, one, row, problems), born, problems,
    )  # fmt: skip


def reminder(here: str, sent: ReminderPatch, row: ReminderRow, problems: list[FieldProblem]) -> ReminderRow:
    """Apply a change to one rule; ``here`` is the JSON path before its fields, with its dot (or empty)."""
    found = {column: getattr(sent, name) for name, column in _RULE_FIELDS.items() if getattr(sent, name) is not UNSET}
    made = msgspec.structs.replace(row, **{name: None if value == "" else value for name, value in found.items()})
    check_reminder(here, made.reminder_type, made.reminder_interval, made.reminder_time, problems)
    return made


def has_mailable(rows: Sequence[ContactRow]) -> bool:
    """Tell whether invoices can be mailed to any of these: what ``hasKeyContacts`` says."""
    return any(is_mailable(row.email, row.mail_enabled) for row in rows)


def _set(value: Any, kept: Any) -> Any:
    return kept if value is UNSET else value


def _merged(
    place: str,
    id_name: str,
    kept: Mapping[str, Row],
    sent: Sequence[Patch],
    unknown: str,
    change: Callable[[str, Patch, Row], Row],
    born: Callable[[str, Patch, int], Row],
    problems: list[FieldProblem],
) -> Merged[Row]:
    """Merge by ids: one that is known is changed or removed, one without an id is born as the n-th of them."""
    _check_ids(place, id_name, [getattr(one, id_name) for one in sent], problems)
    added: list[Row] = []
    changed: dict[str, Row] = {}
    removed: list[str] = []
    for at, one in enumerate(sent):
        here, known = f"{place}[{at}].", getattr(one, id_name) or None
        if known is None:
            if not one.deleted:
                added.append(born(here, one, len(added) + 1))
        elif known not in kept:
            problems.append(_unknown(f"{here}{id_name}", unknown, known))
        elif one.deleted:
            removed.append(known)
        else:
            row = change(here, one, kept[known])
            if row != kept[known]:
                changed[known] = row
    left = [changed.get(known, row) for known, row in kept.items() if known not in removed]
    return Merged(added=added, changed=list(changed.values()), removed=removed, left=left + added)


def _check_ids(place: str, name: str, ids: list[str | None], problems: list[FieldProblem]) -> None:
    counted = Counter(one for one in ids if one)
    for at, one in enumerate(ids):
        if one and counted[one] > 1:
            problems.append(FieldProblem(f"{place}[{at}].{name}", "DUPLICATE_IN_LIST", "Name each one once.", one))


def _unknown(field: str, code: str, known: str) -> FieldProblem:
    return FieldProblem(field, code, "The customer has none with this id. Leave the id out to add a new one.", known)
