"""`hundi network centre …`: what the operator of this installation's central unit decides."""

from typing import Any, Final

import msgspec

from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.kit.addresses import parse_allow
from hundi.kit.targets import BadTarget, read_target
from hundi.network.central import unit
from hundi.network.central.waking import wake
from hundi.network.keys import read_public_key
from hundi.network.membership import NAME_RULE, is_server_name
from hundi.network.paths import INBOX
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.mailbox import KEPT
from hundi.network.protocol.messages import DecideKyc, NetworkOrder, SettlePayment, SwitchB2bId

_MOST_SHOWN: Final = 100


async def decide_kyc(settings: Settings, business_id: str, *, approved: bool) -> dict[str, str]:
    """Approve a business, so that its B2B IDs may be used, or take it out of use."""
    await _order(settings, DecideKyc(business_id=business_id, approved=approved))
    return {"businessId": business_id, "kyc": "APPROVED" if approved else "REJECTED"}


async def switch(settings: Settings, b2b_id: str, *, active: bool) -> dict[str, str]:
    """Put a B2B ID into use, or take it out of use: nothing new can then be sent from it or to it."""
    await _order(settings, SwitchB2bId(b2b_id=b2b_id, active=active))
    return {"b2bId": b2b_id, "status": "ACTIVE" if active else "INACTIVE"}


async def settle(settings: Settings, payment_id: str, *, success: bool) -> dict[str, str]:
    """Say how an on-platform payment ended: the rail moved the money, or failed to."""
    await _order(settings, SettlePayment(payment_id=payment_id, success=success))
    return {"paymentId": payment_id, "rail": "SUCCESS" if success else "FAILED"}


async def enrol(settings: Settings, server: str, public_key: str, address: str) -> dict[str, str]:
    """Let another server in under a name, by its ed25519 public key in base64; what is for it goes to its address.

    Enrolled again, it has the new key and address.
    """
    if not is_server_name(server):
        raise Refused(f"A server's name has {NAME_RULE}.")
    raw = read_public_key(public_key)
    if raw is None:
        message = "Give what `hundi network server-key` prints there: an ed25519 public key, base64 of 32 bytes."
        raise Refused(f'{message} From a file: --key "$(cat server.key)".')
    bare = address.rstrip("/")
    try:
        read_target(f"{bare}{INBOX}", parse_allow(settings.outgoing_allow))
    except BadTarget as error:
        raise Refused(error.detail) from error
    async with opened(settings) as parts, parts.db.unbound() as tx:
        await unit.register_home(tx, server, raw, bare)
    return {"server": server, "publicKey": public_key, "address": bare}


async def servers(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Give the servers that belong to the unit with what waits for each, and what was refused for good in 90 days."""
    async with opened(settings) as parts, parts.db.unbound() as tx:
        found = await unit.servers(tx)
        refused = await unit.refused(tx, tx.now - KEPT, _MOST_SHOWN)
    return {"servers": msgspec.to_builtins(found), "refused": msgspec.to_builtins(refused)}


async def _order(settings: Settings, order: NetworkOrder) -> None:
    async with opened(settings) as parts:
        await carry_out(parts, order)


async def carry_out(parts: Parts, order: NetworkOrder) -> None:
    """Do what the operator decides and wake those whom it concerns; raises :class:`Refused` where the rules forbid it."""
    try:
        async with parts.db.unbound() as tx:
            homes = await unit.order(tx, parts.keyring, order)
            await wake(tx, homes)
    except MessageRefused as refused:
        raise Refused(str(refused)) from refused
