"""Who acts in the books when the network speaks, and when a job does what somebody asked for earlier."""

from typing import Final

from hundi.auth.rules import permissions_of
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.kit.ids import new_id
from hundi.payments.rules import BY_NETWORK

NETWORK: Final = BY_NETWORK
"""The actor of what the network's word alone does."""


def acting(tx: Transaction, subject: str, request_id: str | None = None) -> Actor:
    """Give an actor of the bound company who may do what the network's word does to its books."""
    return Actor(
        seller_id=tx.seller_id, home_seller_id=tx.seller_id, subject=subject, client_id=subject, subjects=(subject,),
        issued=tx.now, roles=frozenset(), permissions=permissions_of(["developer"]),
        request_id=request_id or new_id("req", tx.now), via="BHARAT_CONNECT",
    )  # fmt: skip
