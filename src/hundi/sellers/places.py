"""Registrations (domain §1): adding a place of business, changing its particulars, choosing the default one."""

from typing import Any, Final

import msgspec

from hundi.audit.service import emit, record
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem
from hundi.kit.keys import Keyring
from hundi.sellers import queries
from hundi.sellers.errors import DefaultNeeded, GstinTaken, RegistrationInUse
from hundi.sellers.rows import RegistrationRow
from hundi.sellers.schemas import NewRegistration
from hundi.sellers.service import add_registration, bank_context, check_registration

_NO_DEFAULT: Final = "UPDATE registrations SET is_default = false WHERE seller_id = $1 AND is_default"
_FIXED: Final = ("gstin", "state_code")
"""What decides about the taxes of invoices: open until the first one."""


async def add(
    tx: Transaction, who: Actor, keyring: Keyring, new: NewRegistration, *, is_default: bool
) -> RegistrationRow:
    """Add a registration with a number series of its own. Raises ``Invalid``, :class:`GstinTaken`."""
    check_registration(new)
    await queries.lock(tx)
    await _check_gstin(tx, new.gstin, None)
    if is_default:
        await tx.execute(_NO_DEFAULT, tx.seller_id)
    pan = new.pan or (new.gstin[2:12] if new.gstin else None)
    registration_id = await add_registration(tx, keyring, new, pan=pan, is_default=is_default)
    row = await queries.registration(tx, registration_id)
    facts = {name: value for name, value in audited(row, keyring).items() if value is not None}
    await record(tx, who, "registration.add", kind="registration", object_id=registration_id, after=facts)
    await emit(tx, "registration.added", kind="registration", object_id=registration_id, data=facts)
    return row


async def change(
    tx: Transaction, who: Actor, keyring: Keyring, registration_id: str, changes: dict[str, Any]
) -> RegistrationRow:
    """Change particulars by column name; None clears.

    Raises ``RegistrationNotFound``, ``Invalid``, :class:`RegistrationInUse`, :class:`GstinTaken`, :class:`DefaultNeeded`.
    """
    await queries.lock(tx)
    before = await queries.registration(tx, registration_id)
    wanted = dict(changes)
    is_default = wanted.pop("is_default", before.is_default)
    if before.is_default and not is_default:
        raise DefaultNeeded
    if any(name in wanted and wanted[name] != getattr(before, name) for name in _FIXED):
        if await queries.is_in_use(tx, registration_id):
            raise RegistrationInUse
        if wanted.get("gstin") and "pan" not in wanted:
            wanted["pan"] = wanted["gstin"][2:12]
    check_registration(_merged(before, wanted))
    await _check_gstin(tx, wanted.get("gstin"), registration_id)
    if "bank_account" in wanted and wanted["bank_account"] is not None:
        wanted["bank_account"] = keyring.seal(wanted["bank_account"], bank_context(tx.seller_id, registration_id))
    if is_default and not before.is_default:
        await tx.execute(_NO_DEFAULT, tx.seller_id)
        wanted["is_default"] = True
    if wanted:
        columns = sorted(wanted)
        sets = ", ".join(f"{column} = ${at}" for at, column in enumerate(columns, start=3))
        sql = f"UPDATE registrations SET {sets} WHERE seller_id = $1 AND registration_id = $2"
        await tx.execute(sql, tx.seller_id, registration_id, *(wanted[column] for column in columns))
    after = await queries.registration(tx, registration_id)
    was, now = audited(before, keyring), audited(after, keyring)
    changed = [name for name in now if was[name] != now[name]]
    if changed:
        was, now = {name: was[name] for name in changed}, {name: now[name] for name in changed}
        await record(
            tx, who, "registration.change", kind="registration", object_id=registration_id, before=was, after=now
        )
        await emit(tx, "registration.changed", kind="registration", object_id=registration_id, data=now)
    return after


def masked_account(row: RegistrationRow, keyring: Keyring) -> str | None:
    """Give the bank account with its last four characters only."""
    if row.bank_account is None:
        return None
    whole = keyring.open(bytes(row.bank_account), bank_context(row.seller_id, row.registration_id))
    return "X" * (len(whole) - 4) + whole[-4:]


def audited(row: RegistrationRow, keyring: Keyring) -> dict[str, Any]:
    """Give what the audit row says of a registration: all of it, the bank account masked."""
    facts: dict[str, Any] = msgspec.structs.asdict(row)
    facts["bank_account"] = masked_account(row, keyring)
    return {name: value for name, value in facts.items() if name not in {"seller_id", "created_at"}}


def _merged(before: RegistrationRow, wanted: dict[str, Any]) -> NewRegistration:
    kept = {
        field.name: getattr(before, field.name)
        for field in msgspec.structs.fields(NewRegistration)
        if field.name not in {"series_pattern", "bank_account"}
    }
    known = {name: value for name, value in wanted.items() if name != "is_default"}
    return NewRegistration(**(kept | known))


async def _check_gstin(tx: Transaction, gstin: str | None, own: str | None) -> None:
    if gstin is None:
        return
    for row in await queries.registrations(tx):
        if row.gstin == gstin and row.registration_id != own:
            raise GstinTaken(problems=[FieldProblem("gstin", GstinTaken.code, str(GstinTaken.__doc__), gstin)])
