"""Parcels of the central unit arriving at a company: its copies first, then its books, its matches and its listeners."""

from collections.abc import Sequence

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.network import matches, told
from hundi.network.books import links
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.parcels import Envelope
from hundi.network.protocol.party import Party
from hundi.network.unit_of_work import UnitOfWork


async def take_all(tx: Transaction, party: Party, envelopes: Sequence[Envelope]) -> None:
    """Take envelopes of the central unit in, in their order; then the listeners are told, who see all of it."""
    work = UnitOfWork(PostgresPartyStore(tx, party.home))
    heard: list[Delivery] = []

    async def hear(delivery: Delivery) -> None:
        heard.append(delivery)

    parcels = [party.unseal(envelope) for envelope in envelopes]
    await work.expect(parcels)
    for envelope, parcel in zip(envelopes, parcels, strict=True):
        await party.take(work, parcel, envelope.parcel, hear)
    await work.flush()
    # One delivery after the other would lock the invoices as the parcels happen to come.
    await links.hold(tx, [change.object.id for delivery in heard for change in delivery.changes])
    events: list[audit.Event] = []
    noticed = matches.Noticed(party.home)
    tell = noticed.beside(told.listener(tx, events))
    for delivery in heard:
        await tell(delivery)
    await audit.emit_all(tx, events)
    await noticed.hand_over(tx)
