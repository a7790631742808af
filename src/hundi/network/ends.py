"""The protocol's end of a company of this installation: its name, its clock and whom it believes."""

from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.kit.clock import FrozenClock
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.network.keys import HomeVerifier, KnownKeys
from hundi.network.membership import membership
from hundi.network.protocol.identifiers import SortableIds
from hundi.network.protocol.parcels import CENTRE, Verifier
from hundi.network.protocol.party import Party


def party_of(tx: Transaction, keyring: Keyring, settings: Settings) -> Party:
    """Give the protocol's end of the bound company; it believes its central unit, and no other."""
    clock = FrozenClock(tx.now)
    return Party(home_of(settings, tx.seller_id), clock, SortableIds(clock), verifier_of(keyring, settings))


def account_of(tx: Transaction, keyring: Keyring) -> Party:
    """Give the protocol's end of a company that reaches the network through a provider: there it has its plain id."""
    clock = FrozenClock(tx.now)
    return Party(tx.seller_id, clock, SortableIds(clock), HomeVerifier(keyring))


def home_of(settings: Settings, seller_id: SellerId) -> str:
    """Give a company's name on its network: its id, or ``server/id`` where the central unit runs elsewhere."""
    member = membership(settings)
    return seller_id if member is None else f"{member.server}/{seller_id}"


def verifier_of(keyring: Keyring, settings: Settings) -> Verifier:
    """Give what tells whether a parcel is the central unit's: the one elsewhere if there is one, else our own."""
    member = membership(settings)
    return HomeVerifier(keyring) if member is None else KnownKeys({CENTRE: member.keys})
