"""Reading all that a decision may have to see: what the message names, and what that leads to."""

from collections.abc import Iterable

import msgspec

from hundi.network.protocol.deciding import neighbours, wanted
from hundi.network.protocol.decisions import Loaded, Wanted
from hundi.network.protocol.messages import Message
from hundi.network.protocol.objects import NetworkObject
from hundi.network.protocol.store import ObjectStore


async def gather(store: ObjectStore, message: Message) -> Loaded:
    """Load what a message names and, until nothing is missing, what the objects found lead to."""
    asked = wanted(message)
    found = await store.load(asked)
    objects: dict[str, NetworkObject] = dict(found.objects)
    looked_for = set(asked.objects | asked.parties)
    more = _missing((*objects.values(), *found.businesses), looked_for)
    named = frozenset(found.holders.values()) - looked_for
    more = msgspec.structs.replace(more, objects=more.objects | named)
    while more.objects or more.parties:
        looked_for |= more.objects | more.parties
        step = await store.load(more)
        objects.update(step.objects)
        more = _missing(tuple(step.objects.values()), looked_for)
    return Loaded(objects=objects, holders=found.holders, businesses=found.businesses)


async def gather_ahead(store: ObjectStore, messages: Iterable[Message]) -> None:
    """Have a store that remembers read at once what gathering for each of these messages will ask for.

    Businesses by PAN or by a search are left to the message itself.
    """
    asked = [wanted(message) for message in messages]
    more = Wanted(
        objects=frozenset[str]().union(*(one.objects for one in asked)),
        parties=frozenset[str]().union(*(one.parties for one in asked)),
        keys=frozenset[str]().union(*(one.keys for one in asked)),
    )
    looked_for: set[str] = set()
    while more.objects or more.parties or more.keys:
        looked_for |= more.objects | more.parties
        step = await store.load(more)
        named = frozenset(step.holders.values()) - looked_for
        more = _missing(tuple(step.objects.values()), looked_for)
        more = msgspec.structs.replace(more, objects=more.objects | named)


def _missing(found: tuple[NetworkObject, ...], looked_for: set[str]) -> Wanted:
    objects: set[str] = set()
    parties: set[str] = set()
    for one in found:
        near = neighbours(one)
        objects |= near.objects
        parties |= near.parties
    return Wanted(objects=frozenset(objects - looked_for), parties=frozenset(parties - looked_for - objects))
