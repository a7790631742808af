"""`hundi admin …`: companies and people, beside a running server or alone."""

import msgspec

from hundi.auth.rules import Role
from hundi.cli.output import Refused
from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.kit.ids import SellerId, new_secret, new_seller_id
from hundi.kit.states import find_state
from hundi.sellers import service
from hundi.sellers.schemas import NewRegistration


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


async def create_user(
    settings: Settings, *, seller: str, username: str, roles: list[str], name: str | None
) -> dict[str, str]:
    """Create a person whose home is the company, and give the password."""
    known = {role.value for role in Role}
    unknown = [role for role in roles if role not in known]
    if unknown:
        message = f"'{unknown[0]}' is no role: use {', '.join(sorted(known))}."
        raise Refused(message)
    password = new_secret(18)
    async with opened(settings) as parts, parts.db.transaction(SellerId(seller)) as tx:
        if await tx.fetchval("SELECT 1 FROM sellers WHERE seller_id = $1", seller) is None:
            message = f"There is no company {seller}."
            raise Refused(message)
        user_id = await service.add_user(
            tx, username=username, password=password, display_name=name or username, roles=roles
        )
    return {"userId": user_id, "username": username.strip().lower(), "password": password}
