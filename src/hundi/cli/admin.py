"""`hundi admin …`: companies and people, beside a running server or alone."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from hundi.auth.rules import PERMISSIONS
from hundi.cli.actor import acting
from hundi.cli.output import Refused, plain
from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.http.wire import dec_hook
from hundi.kit.gstin import NotAGstin, read_gstin
from hundi.kit.ids import new_seller_id
from hundi.kit.states import find_state
from hundi.sellers import clients, grants, people, places, queries, service
from hundi.sellers import settings as seller_settings
from hundi.sellers.admin_schemas import (
    ClientOut,
    GrantOut,
    RegistrationOut,
    RegistrationPatch,
    SellerOut,
    SellerPatch,
    UserOut,
    columns,
)
from hundi.sellers.schemas import NewRegistration

Patch = TypeVar("Patch", SellerPatch, RegistrationPatch)
_NUMBERS: dict[str, Callable[[str], Any]] = {"unknownResends": int, "upiMaxAmount": Decimal}
_SWITCHES = {"isDefault": {"true": True, "false": False}}


async def create_seller(
    settings: Settings,
    *,
    name: str,
    username: str | None,
    gstin: str | None,
    state: str,
    address: str,
    city: str,
    pin_code: str,
    upi_vpa: str | None,
) -> dict[str, str]:
    """Create a company and give its first credentials."""
    if not name.strip():
        message = "Give the company a --name."
        raise Refused(message)
    if gstin:
        try:
            gstin = read_gstin(gstin).number
        except NotAGstin as error:
            message = f"--gstin: {error}"
            raise Refused(message) from error
    found = find_state(gstin[:2] if gstin else state)
    if found is None:
        message = f"'{state}' is no state: give its name, its two letters or its GST code."
        raise Refused(message)
    registration = NewRegistration(
        legal_name=name, address_line1=address, city=city, pin_code=pin_code, state_code=found.code, gstin=gstin,
        upi_vpa=upi_vpa,
    )  # fmt: skip
    company = new_seller_id()
    async with opened(settings) as parts, parts.db.unbound() as tx:
        made = await service.create_seller(
            tx, parts.keyring, name=name, registration=registration, seller_id=company,
            username=username or f"owner@{company.lower()}", display_name=f"Owner of {name}",
        )  # fmt: skip
    document: dict[str, str] = msgspec.to_builtins(made)
    return document


def patch_from(changes: Sequence[str], kind: type[Patch]) -> Patch:
    """Read ``name=value`` arguments as the body of a PATCH; an empty value clears. Refuses with a sentence."""
    body: dict[str, Any] = {}
    known = {field.name for field in msgspec.structs.fields(kind)}
    for change in changes:
        name, is_set, text = change.partition("=")
        if not is_set or name not in known:
            message = f"'{change}': write name=value with one of {', '.join(sorted(known))}."
            raise Refused(message)
        body[name] = _SWITCHES[name].get(text.lower(), text) if name in _SWITCHES else text or None
    try:
        numbers = {name: read(body[name]) for name, read in _NUMBERS.items() if body.get(name)}
        return msgspec.convert(body | numbers, kind, dec_hook=dec_hook)
    except (msgspec.ValidationError, ValueError, InvalidOperation) as error:
        message = f"{error}."
        raise Refused(message) from error


async def create_user(
    settings: Settings, *, seller: str, username: str, roles: list[str], name: str | None
) -> dict[str, Any]:
    """Create a person whose home is the company, and give the password."""
    async with acting(settings, seller) as (_, tx, who):
        row, password = await people.add(
            tx,
            who,
            username=username,
            display_name=name or username,
            roles=roles,
            email=None,
            mobile=None,
            password=None,
        )
    return {"userId": row.user_id, "username": row.username, "password": password}


async def show_seller(settings: Settings, seller: str | None) -> dict[str, Any]:
    """Give a company's settings."""
    async with acting(settings, seller) as (parts, tx, _):
        return plain(SellerOut.of(await queries.seller(tx), parts.base_url))


async def set_seller(settings: Settings, seller: str | None, changes: Sequence[str]) -> dict[str, Any]:
    """Change a company's settings."""
    patch = patch_from(changes, SellerPatch)
    async with acting(settings, seller) as (parts, tx, who):
        return plain(SellerOut.of(await seller_settings.change(tx, who, columns(patch)), parts.base_url))


async def list_registrations(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give a company's registrations."""
    async with acting(settings, seller) as (parts, tx, _):
        rows = await queries.registrations(tx)
        return [plain(RegistrationOut.of(row, places.masked_account(row, parts.keyring))) for row in rows]


async def set_registration(
    settings: Settings, seller: str | None, registration_id: str, changes: Sequence[str]
) -> dict[str, Any]:
    """Change a registration."""
    patch = patch_from(changes, RegistrationPatch)
    async with acting(settings, seller) as (parts, tx, who):
        row = await places.change(tx, who, parts.keyring, registration_id, columns(patch))
        return plain(RegistrationOut.of(row, places.masked_account(row, parts.keyring)))


async def list_users(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give a company's people."""
    async with acting(settings, seller) as (_, tx, _who):
        return [plain(UserOut.of(row)) for row in await queries.users(tx)]


async def set_user(
    settings: Settings, seller: str | None, username: str, *, roles: list[str] | None, status: str | None
) -> dict[str, Any]:
    """Change a person's roles or status."""
    if status not in {None, "ACTIVE", "INACTIVE"}:
        message = "--status is ACTIVE or INACTIVE."
        raise Refused(message)
    changes = {name: value for name, value in (("roles", roles), ("status", status)) if value}
    async with acting(settings, seller) as (_, tx, who):
        return plain(UserOut.of(await people.change(tx, who, await _user_id(tx, username), changes)))


async def reset_password(settings: Settings, seller: str | None, username: str) -> dict[str, Any]:
    """Give a person a new password."""
    async with acting(settings, seller) as (_, tx, who):
        row, password = await people.reset_password(tx, who, await _user_id(tx, username))
    return {"userId": row.user_id, "username": row.username, "password": password}


async def _user_id(tx: Transaction, username: str) -> str:
    name = username.strip().lower()
    for row in await queries.users(tx):
        if name in {row.username, row.user_id}:
            return row.user_id
    message = f"There is no user {username} in this company."
    raise Refused(message)


async def list_clients(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give a company's API clients."""
    async with acting(settings, seller) as (_, tx, _who):
        return [plain(ClientOut.of(row)) for row in await queries.clients(tx)]


async def create_client(
    settings: Settings, seller: str | None, *, name: str, roles: list[str], per_minute: int | None, burst: int | None
) -> dict[str, Any]:
    """Create an API client and give its secret."""
    async with acting(settings, seller) as (_, tx, who):
        row, secret = await clients.add(tx, who, name=name, roles=roles, per_minute=per_minute, burst=burst)
        return plain(ClientOut.of(row, secret))


async def limit_client(
    settings: Settings, seller: str | None, client_id: str, *, per_minute: int | None, burst: int | None
) -> dict[str, Any]:
    """Set how many requests an API client may make."""
    wanted = (("rate_per_minute", per_minute), ("burst", burst))
    changes = {name: value for name, value in wanted if value is not None}
    async with acting(settings, seller) as (_, tx, who):
        return plain(ClientOut.of(await clients.change(tx, who, client_id, changes)))


async def rotate_client(
    settings: Settings, seller: str | None, client_id: str, *, overlap_minutes: int
) -> dict[str, Any]:
    """Give an API client a new secret."""
    async with acting(settings, seller) as (_, tx, who):
        row, secret = await clients.rotate(tx, who, client_id, overlap_minutes=overlap_minutes)
        return plain(ClientOut.of(row, secret))


async def revoke_client(settings: Settings, seller: str | None, client_id: str) -> dict[str, Any]:
    """Revoke an API client."""
    async with acting(settings, seller) as (_, tx, who):
        return plain(ClientOut.of(await clients.end(tx, who, client_id)))


async def list_grants(settings: Settings, seller: str | None) -> list[dict[str, Any]]:
    """Give which companies may act for a company."""
    async with acting(settings, seller) as (_, tx, _who):
        return [plain(GrantOut.of(row)) for row in await queries.grants(tx)]


async def give_grant(settings: Settings, seller: str | None, partner: str, *, roles: list[str]) -> dict[str, Any]:
    """Let another company act for a company."""
    async with acting(settings, seller) as (_, tx, who):
        return plain(GrantOut.of(await grants.give(tx, who, partner, roles)))


async def end_grant(settings: Settings, seller: str | None, partner: str) -> dict[str, Any]:
    """End another company's access."""
    async with acting(settings, seller) as (_, tx, who):
        return plain(GrantOut.of(await grants.end(tx, who, partner)))


def list_roles() -> list[dict[str, Any]]:
    """Give the roles and what each may do."""
    return [
        {"role": role.value, "permissions": sorted(one.value for one in allowed)}
        for role, allowed in PERMISSIONS.items()
    ]
