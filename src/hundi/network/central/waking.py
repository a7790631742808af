"""Calling up those for whom something waits at the central unit: a job for a company in here, the postman for a server."""

from hundi.db.pool import Transaction
from hundi.jobs.queue import enqueue
from hundi.kit.ids import SellerId
from hundi.network.central import unit
from hundi.network.central.delivery import call_out
from hundi.network.service import COLLECT


async def wake(tx: Transaction, homes: list[str]) -> None:
    """Have what waits for these homes carried on, once this transaction commits; it may be bound to one of them after."""
    here = await unit.homes_here(tx, homes)
    if len(here) < len(homes):
        await call_out(tx)
    for home in here:
        await tx.bind(SellerId(home))
        await enqueue(tx, COLLECT, ids={})
