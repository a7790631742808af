"""The protocol's end of a company of this installation: its name, its clock and whom it believes."""

from hundi.db.pool import Transaction
from hundi.kit.clock import FrozenClock
from hundi.kit.keys import Keyring
from hundi.network.keys import HomeVerifier
from hundi.network.protocol.identifiers import SortableIds
from hundi.network.protocol.party import Party


def party_of(tx: Transaction, keyring: Keyring) -> Party:
    """Give the protocol's end of the bound company; it believes the central unit of this installation, and no other."""
    clock = FrozenClock(tx.now)
    return Party(tx.seller_id, clock, SortableIds(clock), HomeVerifier(keyring))
