"""The demo's two companies join the network, so that they trade with each other from the first minute (design §7)."""

from typing import Any, Final

import msgspec

from hundi.auth.rules import permissions_of
from hundi.cli.parts import Parts
from hundi.db.pool import Transaction
from hundi.http.wire import dec_hook
from hundi.kit.actor import Actor
from hundi.kit.clock import FrozenClock
from hundi.kit.ids import SellerId, new_id
from hundi.network import service
from hundi.network.ends import party_of
from hundi.network.protocol import messages as m
from hundi.network.protocol.identifiers import Prefix, SortableIds
from hundi.network.wire.meaning import message_of
from hundi.network.wire.onboarding import RegisterEntity
from hundi.sellers.schemas import NewRegistration

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
    await service.submit(tx, who, party_of(tx, parts.keyring), message)


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
