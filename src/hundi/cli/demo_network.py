"""The demo's two companies join the network, so that they trade with each other from the first minute (design §7)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hundi.auth.rules import permissions_of
from hundi.cli.parts import Parts
from hundi.db.pool import Transaction
from hundi.dispatch.rules import Channel
from hundi.http.wire import dec_hook
from hundi.kit.actor import Actor
from hundi.kit.clock import FrozenClock
from hundi.kit.ids import SellerId, new_id
from hundi.network import counterparties, jobs, service
from hundi.network.books import sending
from hundi.network.ends import party_of
from hundi.network.protocol import messages as m
from hundi.network.protocol.identifiers import Prefix, SortableIds
from hundi.network.wire.meaning import message_of
from hundi.network.wire.onboarding import RegisterEntity
from hundi.sellers.schemas import NewRegistration

_ROUNDS: Final = 10
_STATES: Final = {"27": "MAHARASHTRA", "29": "KARNATAKA"}
_MCC: Final = "5085"  # industrial supplies


async def join(tx: Transaction, parts: Parts, seller_id: SellerId, b2b_id: str, place: NewRegistration) -> None:
    """Put the registration of a company into its outbox; the sandbox approves it when the worker carries it there."""
    await tx.bind(seller_id)
    message = message_of(msgspec.convert(_body(tx, b2b_id, place), RegisterEntity, dec_hook=dec_hook), m.RegisterEntity)
    who = Actor(
        seller_id=seller_id, home_seller_id=seller_id, subject="demo", client_id="demo", subjects=("demo",),
        issued=tx.now, roles=frozenset({"owner"}), permissions=permissions_of(["owner"]),
        request_id=new_id("req", tx.now), via="CLI",
    )  # fmt: skip
    await service.submit(tx, who, party_of(tx, parts.keyring, parts.settings), message)


def _body(tx: Transaction, b2b_id: str, place: NewRegistration) -> dict[str, Any]:
    gstin = place.gstin or ""
    named = {"registeredName": place.legal_name}
    phone = {"type": "MOBILE", "countryCode": "+91", "phoneNumber": place.phone}
    return {
        "initiatorEntity": "HUNDI",
        "device": {"tag": {"name": "GEOCODE", "value": "0,0"}},
        "institute": {
            "objectId": SortableIds(FrozenClock(tx.now)).make(Prefix.BUSINESS),
            "objectVersion": {"currentVersion": 1, "newVersion": 1},
            "name": place.legal_name, "alias": place.trade_name, "defaultB2BId": b2b_id, "mccCode": _MCC,
            "lei": {"documentName": "PAN", "type": "COMPANY", "value": gstin[2:12], **named},
            "primaryBusinessIdentifier": {"documentName": "GSTIN", "value": gstin, **named},
            "addresses": [{
                "type": "REGISTERED ADDRESS", "addressLine1": place.address_line1, "addressLine2": place.address_line2,
                "city": place.city, "state": _STATES[place.state_code], "country": "INDIA", "pincode": place.pin_code,
            }],
            "bankAccounts": [{
                "type": "DEFAULT", "accountNumber": place.bank_account, "ifsc": place.bank_ifsc,
                "beneficiaryName": place.bank_holder, "businessVPA": place.upi_vpa,
            }],
            "contactNumbers": [phone], "primaryContactNumber": phone, "emails": [place.email],
            "primaryEmail": place.email,
        },
    }  # fmt: skip


async def carry(tx: Transaction, parts: Parts, companies: Sequence[SellerId]) -> None:
    """Carry what the companies say to each other, here and now, until nobody has anything to say.

    The worker's own steps, inside the one transaction of the demo: so it is there whole, or not at all.
    """
    for _ in range(_ROUNDS):
        moved = 0
        for seller_id in companies:
            await tx.bind(seller_id)
            moved += await jobs.send_batch(tx, parts.keyring, {}, sandbox=True)
        for seller_id in companies:
            await tx.bind(seller_id)
            moved += await jobs.collect_batch(tx, parts.keyring, parts.settings)
        if not moved:
            return


async def trade(
    tx: Transaction, parts: Parts, who: Actor, customer_id: str, b2b_id: str, invoice_id: str, buyer: SellerId
) -> None:
    """Let the supplier send an invoice to the buyer over the network; it waits there for the buyer's answer."""
    await tx.bind(who.seller_id)
    await counterparties.put(tx, who, customer_id, b2b_id)
    wanted = sending.Wanted(channel=Channel.BHARAT_CONNECT)
    await sending.dispatch(tx, who, parts.keyring, parts.settings, [invoice_id], wanted)
    await carry(tx, parts, [who.seller_id, buyer])
