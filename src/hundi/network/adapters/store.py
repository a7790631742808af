"""A company's side of the storage port where its messages go through a provider.

Its copies are where they are for everybody. Its messages stand in ``network_messages`` until the provider has answered, and
the B2B IDs that its connection names are its own though nothing was registered here.
"""

from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.network.adapters.witness import own_id
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol.catalogue import CALLS
from hundi.network.protocol.deciding import subjects
from hundi.network.protocol.decisions import Loaded, Wanted
from hundi.network.protocol.identifiers import b2b_key
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.parcels import Parcel
from hundi.network.protocol.statuses import B2bIdStatus, Kind
from hundi.network.protocol.store import Outgoing

_QUEUE: Final = """
    INSERT INTO network_messages (seller_id, message_id, call, about, parcel, progress, due, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, 'QUEUED', $6, $6, $6)"""
PARCEL: Final = msgspec.json.Decoder(Parcel)


class ProviderStore(PostgresPartyStore):
    """What a party asks of its database when a provider stands between it and the network."""

    def __init__(self, tx: Transaction, b2b_ids: tuple[str, ...]) -> None:
        super().__init__(tx)
        self._own_ids = {b2b_key(one): one for one in b2b_ids}

    async def load(self, wanted: Wanted) -> Loaded:
        """Give what there is of it, the connection's own B2B IDs too."""
        found = await super().load(wanted)
        missing = (wanted.parties & self._own_ids.keys()) - found.objects.keys()
        if not missing:
            return found
        own = {key: self._own_id(key) for key in missing}
        return msgspec.structs.replace(found, objects={**found.objects, **own})

    def _own_id(self, key: str) -> NetworkObject:
        return NetworkObject(
            id=key, kind=Kind.B2B_ID, number=self._own_ids[key], supplier="", buyer="", parties=(self.tx.seller_id,), version=1,
            status=B2bIdStatus.ACTIVE, revision=1, facts=own_id(self.tx.seller_id, self._own_ids[key]),
        )  # fmt: skip

    async def put_outgoing(self, outgoing: Outgoing) -> None:
        """Put a message of ours where the provider's job finds it."""
        message = PARCEL.decode(outgoing.parcel).message
        if message is None:
            text = "a company sends messages, not deliveries"
            raise ValueError(text)
        about = list(subjects(message))
        await self.tx.execute(
            _QUEUE, self.tx.seller_id, outgoing.id, CALLS[type(message)].name, about, outgoing.parcel, outgoing.due
        )
