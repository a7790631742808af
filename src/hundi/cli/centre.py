"""`hundi network centre …`: what the operator of this installation's central unit decides."""

import base64
import binascii

from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.jobs.queue import enqueue
from hundi.kit.ids import SellerId
from hundi.network.central import unit
from hundi.network.keys import HomeSigner
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.messages import DecideKyc, NetworkOrder, SettlePayment, SwitchB2bId
from hundi.network.protocol.parcels import CENTRE
from hundi.network.service import COLLECT

_KEY_BYTES = 32


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


async def let_in(settings: Settings, home: str, public_key: str) -> dict[str, str]:
    """Let another server's home in, by its ed25519 public key in base64."""
    try:
        raw = base64.b64decode(public_key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        message = "Give the ed25519 public key as base64 of 32 bytes."
        raise Refused(message)
    async with opened(settings) as parts, parts.db.unbound() as tx:
        await unit.register_home(tx, home, raw)
    return {"home": home, "publicKey": public_key}


async def key(settings: Settings) -> dict[str, str]:
    """Give the central unit's public key: what its parcels are verified with elsewhere."""
    async with opened(settings) as parts:
        return {"publicKey": base64.b64encode(HomeSigner(parts.keyring, CENTRE).public_key()).decode()}


async def _order(settings: Settings, order: NetworkOrder) -> None:
    async with opened(settings) as parts:
        await carry_out(parts, order)


async def carry_out(parts: Parts, order: NetworkOrder) -> None:
    """Do what the operator decides and wake those whom it concerns; raises :class:`Refused` where the rules forbid it."""
    try:
        async with parts.db.unbound() as tx:
            homes = await unit.order(tx, parts.keyring, order)
            for home in await unit.homes_here(tx, homes):
                await tx.bind(SellerId(home))
                await enqueue(tx, COLLECT, ids={})
    except MessageRefused as refused:
        raise Refused(str(refused)) from refused
