"""The central unit's side of the protocol: decides on every message with the authoritative copies, and tells everybody.

The first argument is the store, which is the caller's transaction; nothing here commits.
"""

from collections.abc import Callable, Iterable

from hundi.kit.clock import Clock
from hundi.network.protocol.catalogue import CALLS, NOTICE
from hundi.network.protocol.deciding import decide, subjects
from hundi.network.protocol.decisions import Change, Context, Decision, Delivery, Draft, Objection, Resp
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.gathering import gather
from hundi.network.protocol.identifiers import IdMaker, Prefix
from hundi.network.protocol.mailbox import post, take_in
from hundi.network.protocol.messages import Call, Message, NetworkOrder
from hundi.network.protocol.parcels import CENTRE, Envelope, Parcel, Verifier, unseal
from hundi.network.protocol.store import CentreStore

Scrutiny = Callable[[Call], Objection | None]
"""Looks at the content of a message before the rules of its object do; gives what stands against it."""


class Centre:
    """Takes messages in from parties and orders from its operator."""

    def __init__(self, clock: Clock, ids: IdMaker, verifier: Verifier, scrutiny: Scrutiny | None = None) -> None:
        """Keep the sources of time, ids and keys. Without ``scrutiny`` the senders' content was looked at before."""
        self._clock = clock
        self._ids = ids
        self._verifier = verifier
        self._scrutiny = scrutiny

    async def receive(self, store: CentreStore, envelope: Envelope) -> int:
        """Take an envelope in; gives how many parcels took effect. Raises :class:`MessageRefused` for the wire's faults.

        What is wrong with the message itself is no refusal here: its sender hears it in the response webhook.
        """
        return await self.take(store, self.unseal(envelope), envelope.parcel)

    def unseal(self, envelope: Envelope) -> Parcel:
        """Give the parcel of an envelope that may be believed. Raises :class:`MessageRefused`."""
        return unseal(envelope, CENTRE, self._clock.now(), self._verifier)

    async def take(self, store: CentreStore, parcel: Parcel, data: bytes) -> int:
        """Take an unsealed parcel in, as :meth:`receive` does; ``data`` are the bytes it came in."""

        async def effect(each: Parcel) -> None:
            if each.message is not None:
                await self._answer(store, each.sender, each.id, each.message)

        return await take_in(store, parcel, data, self._clock.now(), effect)

    async def order(self, store: CentreStore, order: NetworkOrder) -> None:
        """Carry out what the network itself decides (KYC, the rail's word, an expiry). Raises :class:`MessageRefused`."""
        context = Context(None, self._ids.make(Prefix.MESSAGE), self._clock.now())
        decision = await self._decide(store, context, order)
        await self._tell(store, context, order, decision, None)

    async def _answer(self, store: CentreStore, sender: str, message_id: str, message: Call) -> None:
        context = Context(sender, message_id, self._clock.now())
        objection = self._scrutiny(message) if self._scrutiny is not None else None
        decision = Decision()
        if objection is None:
            try:
                decision = await self._decide(store, context, message)
            except MessageRefused as refused:
                objection = Objection(code=refused.fault, detail=refused.sentence(), field=refused.field)
        resp = Resp(request_id=message_id, success=True)
        if objection is not None:
            resp = Resp(
                request_id=message_id, success=False, error_code=objection.code, error_detail=objection.detail,
                error_field=objection.field or None,
            )  # fmt: skip
        await self._tell(store, context, message, decision, resp)

    async def _decide(self, store: CentreStore, context: Context, message: Message) -> Decision:
        decision = decide(message, Draft(context, await gather(store, message)))
        for change in decision.changes:
            await store.put(change, message.body)
        for key in decision.releases:
            await store.release(key)
        for key, object_id in decision.claims:
            await store.claim(key, object_id)
        return decision

    async def _tell(
        self, store: CentreStore, context: Context, message: Message, decision: Decision, resp: Resp | None
    ) -> None:
        """Post one delivery to each home concerned, and the response to the sender.

        A home's changes ride on its first delivery: the response where it is the sender, else the request webhook, else a
        notice.
        """
        call = CALLS.get(type(message))
        informed: set[str] = set()
        if resp is not None and call is not None and context.home is not None:
            changes = _of_home(decision.changes, context.home)
            answer = Delivery(
                hook=call.response_hook, cause=context.message_id, changes=changes, resp=resp, found=decision.found,
                body=message.body,
            )  # fmt: skip
            informed.add(context.home)
            await self._post(store, context.home, answer, subjects(message))
        for home in decision.told:
            changes = () if home in informed else _of_home(decision.changes, home)
            hook = NOTICE if call is None or call.request_hook is None else call.request_hook
            informed.add(home)
            request = Delivery(hook=hook, cause=context.message_id, changes=changes, body=message.body)
            await self._post(store, home, request, subjects(message))
        concerned = dict.fromkeys(home for change in decision.changes for home in change.object.parties)
        for home in concerned:
            if home not in informed:
                changes = _of_home(decision.changes, home)
                await self._post(store, home, Delivery(hook=NOTICE, cause=context.message_id, changes=changes), ())

    async def _post(self, store: CentreStore, home: str, delivery: Delivery, about: Iterable[str]) -> None:
        changed = (change.object.id for change in delivery.changes)
        lanes = tuple(dict.fromkeys((*about, *changed)))
        parcel_id = self._ids.make(Prefix.MESSAGE)
        await post(store, parcel_id, (CENTRE, home), lanes, delivery, self._clock.now())


def _of_home(changes: tuple[Change, ...], home: str) -> tuple[Change, ...]:
    """Give the changes of the objects of which this home has a copy."""
    return tuple(change for change in changes if home in change.object.parties)
