"""What a provider's webhooks do to a company: each once, by the rules, and kept aside where it contradicts what is known.

Everything here belongs to the caller's transaction. A webhook that had no effect because something has to come first is
tried again whenever that has changed; so webhooks may overtake each other and the replies to our own calls.
"""

import hashlib
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.kit.errors import Refusal
from hundi.kit.ids import new_id
from hundi.kit.keys import Keyring
from hundi.network import matches, told
from hundi.network.adapters.port import Answer, Brought, Echo, Heard, Notice, NotYet
from hundi.network.adapters.providers import ADAPTERS
from hundi.network.adapters.store import PARCEL, ProviderStore
from hundi.network.adapters.witness import SENDER, moved_alone, of_ours, of_theirs
from hundi.network.connections import Route
from hundi.network.ends import account_of
from hundi.network.errors import ObjectBusy
from hundi.network.protocol import messages as m
from hundi.network.protocol.catalogue import CALLS, NOTICE
from hundi.network.protocol.deciding import subjects
from hundi.network.protocol.decisions import Change, Context, Delivery, Loaded, Resp, Wanted
from hundi.network.protocol.faults import MessageRefused
from hundi.network.protocol.gathering import gather
from hundi.network.protocol.identifiers import Prefix, b2b_key
from hundi.network.protocol.statuses import Event
from hundi.network.protocol.store import ConcurrentChange

_NEW: Final = """
    INSERT INTO network_received (seller_id, received_id, source, mark, hook, body, outcome, waits_for, at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'TAKEN', '{}', $7, $7)
    ON CONFLICT ON CONSTRAINT network_received_once DO NOTHING RETURNING received_id"""
_KNOWN: Final = "SELECT received_id FROM network_received WHERE seller_id = $1 AND source = $2 AND mark = $3"
_NOTE: Final = """
    UPDATE network_received SET outcome = $3, waits_for = $4, code = $5, detail = $6, about = $7, changed_at = $8
     WHERE seller_id = $1 AND received_id = $2"""
_WAITING: Final = """
    SELECT received_id, hook, body FROM network_received
     WHERE seller_id = $1 AND outcome = 'KEPT' AND waits_for && $2::text[] AND received_id <> ALL ($3::text[])
     ORDER BY received_id LIMIT 1 FOR UPDATE"""
_MESSAGE: Final = """
    SELECT message_id, call, about, parcel, progress FROM network_messages
     WHERE seller_id = $1 AND (message_id = $2 OR provider_id = $2) AND call = $3 FOR UPDATE"""
_ABOUT: Final = """
    SELECT message_id, call, about, parcel, progress FROM network_messages
     WHERE seller_id = $1 AND progress <> 'ANSWERED' AND call = $2 AND about[1] = $3 ORDER BY message_id LIMIT 1 FOR UPDATE"""
_ANSWERED: Final = """
    UPDATE network_messages SET progress = 'ANSWERED', detail = $3, changed_at = $4 WHERE seller_id = $1 AND message_id = $2"""
_ALIAS: Final = """
    INSERT INTO network_aliases (seller_id, source, alias, object_id) VALUES ($1, $2, $3, $4)
    ON CONFLICT ON CONSTRAINT network_aliases_pk DO NOTHING"""
_EXACT: Final = msgspec.json.Decoder(float_hook=Decimal)
_MOST_WOKEN: Final = 100
_MOST_SHOWN: Final = 3
_LONGEST: Final = 1000
UNEXPECTED: Final = "ANSWER_UNEXPECTED"
CONTRADICTS: Final = "ANSWER_CONTRADICTS"
NOTICE_UNKNOWN: Final = "NOTICE_NOT_UNDERSTOOD"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A message of ours to the provider, and how far it has come."""

    message_id: str
    call: str
    about: list[str]
    parcel: bytes
    progress: str

    @property
    def message(self) -> m.Call:
        """Give the message itself."""
        found = PARCEL.decode(self.parcel).message
        if found is None:
            text = f"{self.message_id} holds no message"
            raise ValueError(text)
        return found


class Intake:
    """Takes webhooks in for the bound company."""

    def __init__(self, tx: Transaction, keyring: Keyring, route: Route) -> None:
        self.tx = tx
        self.route = route
        self.party = account_of(tx, keyring)
        self.store = ProviderStore(tx, route.b2b_ids)

    async def take(self, hook: str, body: bytes, mark: str | None = None) -> str:
        """Take a webhook in and give the id it is kept under; one that came before has no effect.

        Raises :class:`ObjectBusy` where another transaction changes the same object: the provider sends it again.
        """
        tx, source = self.tx, self.route.kind.value
        mark = mark or _mark(hook, body)
        received_id = new_id("nrx", tx.now)
        text = body.decode()
        if await tx.fetchval(_NEW, tx.seller_id, received_id, source, mark, hook, text, tx.now) is None:
            return str(await tx.fetchval(_KNOWN, tx.seller_id, source, mark))
        await self.wake(await self.attempt(received_id, hook, body))
        return received_id

    async def attempt(self, received_id: str, hook: str, body: bytes, *, again: bool = False) -> set[str]:
        """Let a webhook have its effect; gives what was touched by it, nothing where it is kept."""
        try:
            async with self.tx.connection.transaction():
                touched = await self._effect(
                    received_id, await ADAPTERS[self.route.kind].understand(self.tx, hook, body)
                )
        except NotYet as error:
            await self._keep(received_id, hook, error.waits_for, error.code, error.detail, again=again)
        except MessageRefused as refused:
            await self._keep(received_id, hook, (), refused.fault.value, refused.sentence(), again=again)
        except Refusal as refused:
            shown = "; ".join(f"{one.field}: {one.message}" for one in refused.problems[:_MOST_SHOWN])
            await self._keep(received_id, hook, (), refused.code, f"{refused.message} {shown}", again=again)
        except ConcurrentChange as error:
            raise ObjectBusy from error
        else:
            about = sorted(touched - {""})
            await self.tx.execute(_NOTE, self.tx.seller_id, received_id, "TAKEN", [], None, None, about, self.tx.now)
            return touched
        return set()

    async def wake(self, touched: set[str]) -> None:
        """Try again what waits for any of these, and for what that touches in turn."""
        tried: list[str] = []
        while touched and len(tried) < _MOST_WOKEN:
            row = await self.tx.fetchrow(_WAITING, self.tx.seller_id, sorted(touched), tried)
            if row is None:
                return
            tried.append(row["received_id"])
            more = await self.attempt(row["received_id"], row["hook"], row["body"].encode(), again=True)
            if more:
                touched |= more
                tried = [row["received_id"]]

    async def settle(self, sent: Sent, answer: Answer) -> set[str]:
        """Let the answer to a message of ours take effect: on our copies, on whoever waits for it, and on our listeners.

        Raises :class:`MessageRefused` where the provider says success and our copies say that it cannot be.
        """
        message, tx = sent.message, self.tx
        changes: tuple[Change, ...] = ()
        if answer.success:
            changes = await self._of_ours(sent.message_id, message)
        resp = Resp(
            request_id=sent.message_id, success=answer.success, error_code=answer.code, error_detail=answer.detail,
            error_field=answer.field,
        )  # fmt: skip
        call = CALLS[type(message)]
        delivery = Delivery(
            hook=call.response_hook,
            cause=sent.message_id,
            changes=changes,
            resp=resp,
            found=answer.found,
            body=message.body,
        )
        await self.party.apply(self.store, delivery)
        await self._tell(delivery)
        await tx.execute(_ANSWERED, tx.seller_id, sent.message_id, answer.detail, tx.now)
        return {sent.message_id, answer.request_id, *sent.about, *(change.object.id for change in changes)}

    async def name(self, alias: str, object_id: str) -> None:
        """Note the provider's own name for an object."""
        await self.tx.execute(_ALIAS, self.tx.seller_id, self.route.kind.value, alias, object_id)

    # ---------------------------------------------------------------- what a webhook says

    async def _effect(self, received_id: str, heard: Heard) -> set[str]:
        match heard:
            case Brought():
                return await self._brought(received_id, heard.message, heard.alias)
            case Answer():
                return await self._answered(heard)
            case Notice():
                return await self._noticed(received_id, heard)
            case Echo():
                if heard.alias is not None:
                    await self.name(heard.alias, heard.object_id)
                return {heard.object_id, heard.alias or ""}

    async def _brought(self, received_id: str, message: m.Call, alias: str | None) -> set[str]:
        loaded = await self._gathered(message)
        message_id = _message_id(received_id)
        about = subjects(message)
        try:
            changes = of_theirs(self.tx.seller_id, message, message_id, loaded, self.tx.now)
        except MessageRefused as refused:
            raise NotYet(about, refused.fault.value, refused.sentence()) from refused
        hook = CALLS[type(message)].request_hook or NOTICE
        await self._deliver(Delivery(hook=hook, cause=message_id, changes=changes, body=message.body))
        if alias is not None:
            await self.name(alias, about[0])
        return {*about, *(change.object.id for change in changes), alias or ""}

    async def _answered(self, answer: Answer) -> set[str]:
        sent = await self.sent(answer)
        if sent is None:
            waits_for = (answer.request_id, answer.about or answer.request_id)
            raise NotYet(waits_for, UNEXPECTED, f"No message of ours waits for this answer ({answer.request_id}).")
        if sent.progress == "ANSWERED":
            raise NotYet((), CONTRADICTS, f"{sent.message_id} was answered before, with something else.")
        try:
            return await self.settle(sent, answer)
        except MessageRefused as refused:
            raise NotYet(tuple(sent.about), refused.fault.value, refused.sentence()) from refused

    async def sent(self, answer: Answer) -> Sent | None:
        """Give the message of ours an answer is to, locked: by its id, by the provider's id for it, or by its object."""
        name = CALLS[answer.call].name
        row = await self.tx.fetchrow(_MESSAGE, self.tx.seller_id, answer.request_id, name)
        if row is None and answer.about is not None:
            # The answer came before the reply that would have told the provider's id. One message at a time is under way
            # about an object, so there is no other that it can be to.
            row = await self.tx.fetchrow(_ABOUT, self.tx.seller_id, name, answer.about)
        return None if row is None else Sent(**dict(row))

    async def _noticed(self, received_id: str, notice: Notice) -> set[str]:
        message_id = _message_id(received_id)
        touched: set[str] = set()
        done: dict[str, Change] = {}
        for object_id, status, order in notice.told:
            held = await self.store.load(Wanted(objects=frozenset((object_id,))))
            own = held.objects.get(object_id)
            if own is None or own.status == status:
                continue
            context = Context(None, message_id, self.tx.now)
            changes: tuple[Change, ...] = ()
            if isinstance(order, Event):
                changes = moved_alone(own, order, context)
            elif order is not None:
                changes = of_ours(self.tx.seller_id, order, message_id, await gather(self.store, order), context)
            if all(change.object.status != status for change in changes if change.object.id == object_id):
                detail = f"{object_id} is {status} there and {own.status} here, and nothing says why."
                raise NotYet((object_id,), NOTICE_UNKNOWN, detail)
            for change in changes:
                await self.store.put(change, m.NO_BODY)
                done[change.object.id] = _after(done.get(change.object.id), change)
            touched |= done.keys()
        if done:
            delivery = Delivery(hook=NOTICE, cause=message_id, changes=tuple(done.values()))
            await self._tell(delivery)
        return touched

    async def _of_ours(self, message_id: str, message: m.Call) -> tuple[Change, ...]:
        """Give what a message of ours that succeeded has changed. A business that a provider registered may trade at once:

        no published webhook would ever tell that its KYC is approved, and the provider refuses what it must.
        """
        context = Context(self.tx.seller_id, message_id, self.tx.now)
        changes = of_ours(self.tx.seller_id, message, message_id, await self._gathered(message), context)
        if not isinstance(message, m.RegisterEntity):
            return changes
        made = Loaded(objects={change.object.id: change.object for change in changes}, holders={})
        order = m.DecideKyc(business_id=message.business_id, approved=True)
        approved = of_ours(self.tx.seller_id, order, "", made, Context(None, message_id, self.tx.now))
        later = {change.object.id: change for change in approved}
        return tuple(_after(change, later.get(change.object.id)) for change in changes)

    async def _gathered(self, message: m.Call) -> Loaded:
        """Load what a message names and leads to, and the B2B ID that sent it where that is one of ours."""
        loaded = await gather(self.store, message)
        if type(message) not in SENDER:
            return loaded
        sender = b2b_key(SENDER[type(message)](message))
        more = await self.store.load(Wanted(parties=frozenset((sender,))))
        return msgspec.structs.replace(loaded, objects={**more.objects, **loaded.objects})

    async def _deliver(self, delivery: Delivery) -> None:
        await self.party.apply(self.store, delivery)
        await self._tell(delivery)

    async def _tell(self, delivery: Delivery) -> None:
        """Tell the listeners and the books, and have what was received matched."""
        noticed = matches.Noticed(self.party.home)
        await noticed.beside(told.listener(self.tx))(delivery)
        await noticed.hand_over(self.tx)

    async def _keep(
        self, received_id: str, hook: str, waits_for: tuple[str, ...], code: str, detail: str, *, again: bool
    ) -> None:
        tx = self.tx
        detail = detail[:_LONGEST].strip()
        names = sorted({one for one in waits_for if one})
        await tx.execute(_NOTE, tx.seller_id, received_id, "KEPT", names, code, detail, None, tx.now)
        if not again:
            data: dict[str, Any] = {"receivedId": received_id, "hook": hook, "code": code, "detail": detail}
            await audit.emit(tx, "network.kept", kind="network_received", object_id=received_id, data=data)


def _message_id(received_id: str) -> str:
    """Give the cause of a webhook's changes: its own id, in the form of a message's."""
    return f"{Prefix.MESSAGE}{received_id.rpartition('_')[2]}"


def _mark(hook: str, body: bytes) -> str:
    """Digest what makes two webhooks the same: the name, and the body without regard to white space and order."""
    return hashlib.sha256(hook.encode() + b"\0" + _sorted(body)).hexdigest()


def _sorted(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(_EXACT.decode(body), order="sorted")
    except msgspec.DecodeError:
        return body


def _after(first: Change | None, second: Change | None) -> Change:
    """Join two changes of one object that follow each other."""
    if first is None or second is None:
        found = first or second
        if found is None:
            text = "there is no change"
            raise ValueError(text)
        return found
    return Change(second.object, (*first.moves, *second.moves), first.content or second.content)
