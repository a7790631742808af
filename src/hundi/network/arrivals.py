"""Parcels of the central unit arriving at a company: its copies first, then its books, its matches and its listeners."""

from collections.abc import Sequence

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.network import matches, told
from hundi.network.books import links, posting
from hundi.network.party_store import PostgresPartyStore
from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.parcels import Parcel
from hundi.network.protocol.party import Party
from hundi.network.unit_of_work import UnitOfWork


async def take_all(tx: Transaction, party: Party, arrived: Sequence[tuple[Parcel, bytes]]) -> None:
    """Take parcels of the central unit in, in their order; then the listeners are told, who see all of it.

    With each parcel come the bytes it came in.
    """
    work = UnitOfWork(PostgresPartyStore(tx, party.home))
    heard: list[Delivery] = []

    async def hear(delivery: Delivery) -> None:
        heard.append(delivery)

    await work.expect([parcel for parcel, _ in arrived])
    for parcel, data in arrived:
        await party.take(work, parcel, data, hear)
    await work.flush()
    # One delivery after the other would lock the invoices as the parcels happen to come.
    known = await links.hold_known(tx, sorted({one for delivery in heard for one in posting.touched_by(tx, delivery)}))
    events: list[audit.Event] = []
    noticed = matches.Noticed(party.home)
    tell = noticed.beside(told.listener(tx, events, known))
    for delivery in heard:
        await tell(delivery)
    await audit.emit_all(tx, events)
    await noticed.hand_over(tx)
