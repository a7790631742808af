"""What comes of a message: changed objects with their event rows, who is told, and what the sender hears.

:class:`Draft` is the paper a handler writes on. It makes every move through the tables, numbers the events, and keeps
what the handler wants claimed or told; nothing is done until the centre's store is given the :class:`Decision`.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix, b2b_key, is_object_id
from hundi.network.protocol.messages import About, Criterion, ObjectVersion, Transition, issuer_key
from hundi.network.protocol.moves import NONE, Condition, move
from hundi.network.protocol.objects import B2bIdFacts, Facts, NetworkObject
from hundi.network.protocol.statuses import Actor, B2bIdStatus, Event, Kind
from hundi.network.protocol.versions import check_current_status, check_first_version, check_new_status, check_version


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The event row of one move: the ``revision``-th thing that happened to the object, and by which message."""

    object_id: str
    revision: int
    event: Event
    actor: Actor
    before: str
    after: str
    version: int
    amount: Decimal | None
    at: datetime
    message_id: str


class Change(msgspec.Struct, frozen=True):
    """An object as it is after a message, the moves that led there, and whether the message's body is its content."""

    object: NetworkObject
    moves: tuple[Moved, ...]
    content: bool = False


class Resp(msgspec.Struct, frozen=True, kw_only=True):
    """The published ``resp``: ``reqMsgId``, ``result`` and, on failure, code, sentence and place."""

    request_id: str
    success: bool
    error_code: str | None = None
    error_detail: str | None = None
    error_field: str | None = None


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message is not acceptable whatever the objects say: a code, a sentence, and the place in its body."""

    code: str
    detail: str
    field: str


class FoundBusiness(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the answer to Check Entity or Search Entity (contract B2B §4.1, §4.4)."""

    name: str
    alias: str
    state: str
    pincode: str
    active: bool
    b2b_ids: tuple[tuple[str, str], ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre writes and sends: nothing else comes of a message.

    ``told`` are the homes that get the published request webhook; every other home with a copy of a changed object gets a
    notice. ``claims`` are keys that now belong to an object (document numbers, UTRs), ``releases`` keys that are free.
    """

    changes: tuple[Change, ...] = ()
    told: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    releases: tuple[str, ...] = ()
    found: tuple[FoundBusiness, ...] | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre sends to a party: which webhook it is, the changes of the party's objects, and the body.

    ``resp`` is set on response webhooks only; ``body`` is the published body of the message that caused it.
    """

    hook: str
    cause: str
    changes: tuple[Change, ...] = ()
    resp: Resp | None = None
    found: tuple[FoundBusiness, ...] | None = None
    body: msgspec.Raw = msgspec.Raw(b"{}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler needs to see. ``objects`` are locked until the commit; ``parties`` (businesses, B2B IDs) are not."""

    objects: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    pan: str | None = None
    criteria: tuple[Criterion, ...] = ()


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What the store found of it: objects and parties by id, holders of keys, businesses by PAN or by search."""

    objects: Mapping[str, NetworkObject]
    holders: Mapping[str, str]
    businesses: tuple[NetworkObject, ...] = ()


class Context(msgspec.Struct, frozen=True):
    """Who sent it (None: the network itself), under which message id, when."""

    home: str | None
    message_id: str
    at: datetime


class Draft:
    """Collects what a handler decides. Objects read through it are those already changed by this message.

    The draft of the centre is authoritative. A party tries its own messages on a :class:`Rehearsal` first.
    """

    authoritative: ClassVar[bool] = True

    def __init__(self, context: Context, loaded: Loaded) -> None:
        """Begin with nothing decided."""
        self.context = context
        self.loaded = loaded
        self._changed: dict[str, NetworkObject] = {}
        self._moves: dict[str, list[Moved]] = {}
        self._content: set[str] = set()
        self.told: dict[str, None] = {}
        self.claims: dict[str, str] = {}
        self.releases: dict[str, None] = {}

    def get(self, object_id: str) -> NetworkObject | None:
        """Give an object as it is now, or None."""
        return self._changed.get(object_id) or self.loaded.objects.get(object_id)

    def need(self, object_id: str, kind: Kind, field: str) -> NetworkObject:
        """Give an object of this kind that the sender has a copy of, or refuse (``OBJECT_UNKNOWN``).

        What belongs to others is unknown, not forbidden: nobody learns which ids exist.
        """
        found = self.get(object_id)
        home = self.context.home
        if found is None or found.kind is not kind or (home is not None and home not in found.parties):
            raise MessageRefused(Fault.OBJECT_UNKNOWN, field, object_id)
        return found

    def b2b_id(self, value: str, field: str) -> B2bIdFacts:
        """Give what a B2B ID is, or refuse (``B2B_ID_UNKNOWN``); inactive ones are given too."""
        found = self.get(b2b_key(value))
        if found is None or not isinstance(found.facts, B2bIdFacts):
            raise MessageRefused(Fault.B2B_ID_UNKNOWN, field, value)
        return found.facts

    def active_b2b_id(self, value: str, field: str) -> B2bIdFacts:
        """Give what a B2B ID is that something new may be sent from or to (``B2B_ID_UNKNOWN``, ``B2B_ID_INACTIVE``)."""
        facts = self.b2b_id(value, field)
        found = self.get(b2b_key(value))
        if found is None or found.status != B2bIdStatus.ACTIVE:
            raise MessageRefused(Fault.B2B_ID_INACTIVE, field, value)
        return facts

    def check_pair(self, found: NetworkObject, buyer: str, supplier: str) -> None:
        """Refuse a message whose ``b2bIds`` are not the object's (``PAIR_DIFFERS``)."""
        if b2b_key(buyer) != b2b_key(found.buyer) or b2b_key(supplier) != b2b_key(found.supplier):
            raise MessageRefused(Fault.PAIR_DIFFERS, "b2bIds", f"{buyer}, {supplier}")

    def check_new(self, object_id: str, prefix: Prefix, field: str) -> None:
        """Refuse an id that is not of this kind or is taken (``OBJECT_ID_FORMAT``, ``OBJECT_EXISTS``)."""
        if not is_object_id(prefix, object_id):
            raise MessageRefused(Fault.OBJECT_ID_FORMAT, field, object_id)
        if self.get(object_id) is not None:
            raise MessageRefused(Fault.OBJECT_EXISTS, field, object_id)

    def act_as(self, found: NetworkObject, actor: Actor) -> None:
        """Refuse a sender who is not this side of the object (``WRONG_ACTOR``). Parties are supplier, buyer in order."""
        if self.context.home != found.parties[0 if actor is Actor.SUPPLIER else 1]:
            raise MessageRefused(Fault.WRONG_ACTOR, "b2bIds", f"the {actor.lower()} may do this")

    def about(self, message: About, kind: Kind, actor: Actor, field: str) -> NetworkObject:
        """Give the document a message is about: known, of this pair, of this number, and the sender on the right side."""
        found = self.need(message.object_id, kind, f"{field}.objectId")
        self.check_pair(found, message.buyer, message.supplier)
        if message.number != found.number:
            raise MessageRefused(Fault.NUMBER_DIFFERS, f"{field}.number", message.number)
        self.act_as(found, actor)
        return found

    def trade(self, buyer: str, supplier: str, actor: Actor) -> tuple[str, str]:
        """Give the homes of supplier and buyer of something new: both active, two businesses, the sender one's own."""
        buys = self.active_b2b_id(buyer, "b2bIds.buyerB2BId")
        supplies = self.active_b2b_id(supplier, "b2bIds.supplierB2BId")
        own, place, value = (
            (supplies, "supplierB2BId", supplier) if actor is Actor.SUPPLIER else (buys, "buyerB2BId", buyer)
        )
        if own.home != self.context.home:
            raise MessageRefused(Fault.B2B_ID_NOT_YOURS, f"b2bIds.{place}", value)
        if buys.business_id == supplies.business_id:
            raise MessageRefused(Fault.SAME_BUSINESS, "b2bIds", value)
        if not supplies.supplies:
            raise MessageRefused(Fault.SUPPLIER_NOT_ALLOWED, "b2bIds.supplierB2BId", supplier)
        return supplies.home, buys.home

    def check_issuer(self, document_key: str, issuer: str, field: str) -> None:
        """Refuse a document that counts by the GSTIN of another business than its issuer's (``IDENTIFIER_OF_OTHERS``).

        Whoever names it would use up that business's numbers.
        """
        key = issuer_key(document_key)
        holder = self.loaded.holders.get(key)
        if holder is not None and holder != self.b2b_id(issuer, field).business_id:
            raise MessageRefused(Fault.IDENTIFIER_OF_OTHERS, field, key.rpartition("|")[2])

    def check_free(self, key: str, fault: Fault, field: str, detail: str) -> None:
        """Refuse where somebody holds the key, else claim nothing yet."""
        if key in self.loaded.holders or key in self.claims:
            raise MessageRefused(fault, field, detail)

    def create(
        self, new: NetworkObject, actor: Actor, sent: ObjectVersion, transition: Transition | None, field: str
    ) -> NetworkObject:
        """Bring an object into being by its CREATE move; version and transition are checked where they were sent."""
        version = check_first_version(new.kind, sent, f"{field}.objectVersion")
        row = move(new.kind, NONE, Event.CREATE, actor)
        if transition is not None:
            check_current_status(row.end, transition, f"{field}.statusTransition")
            check_new_status(row.end, transition, f"{field}.statusTransition")
        born = msgspec.structs.replace(
            new, status=str(row.end), version=version, revision=0, made_by=self.context.message_id
        )
        return self._record(born, Event.CREATE, actor, NONE, content=True)

    def move(
        self,
        found: NetworkObject,
        event: Event,
        actor: Actor,
        *,
        holds: Collection[Condition] = (),
        facts: Facts | None = None,
        sent: tuple[ObjectVersion, Transition] | None = None,
        field: str = "",
        amount: Decimal | None = None,
        **changes: Any,
    ) -> NetworkObject:
        """Move an object by its table. ``sent`` (version, transition) is compared and set where a party asked for it.

        The version is looked at before the status and the status before the table, so that a sender who is late hears
        that, and not that his move is illegal.
        """
        version = found.version
        if sent is not None:
            version = self._compare(found, sent, event, field)
        place = f"{field}.statusTransition" if sent is not None else field
        row = move(found.kind, found.status, event, actor, holds, place)
        if sent is not None:
            check_new_status(str(row.end), sent[1], f"{field}.statusTransition")
        after = msgspec.structs.replace(
            found, status=str(row.end), version=version, facts=found.facts if facts is None else facts, **changes
        )
        return self._record(after, event, actor, found.status, content=row.content, amount=amount)

    def _compare(self, found: NetworkObject, sent: tuple[ObjectVersion, Transition], event: Event, field: str) -> int:
        version = check_version(found.version, sent[0], content=event is Event.EDIT, field=f"{field}.objectVersion")
        check_current_status(found.status, sent[1], f"{field}.statusTransition")
        return version

    def _record(
        self,
        after: NetworkObject,
        event: Event,
        actor: Actor,
        before: str,
        *,
        content: bool = False,
        amount: Decimal | None = None,
    ) -> NetworkObject:
        now = msgspec.structs.replace(after, revision=after.revision + 1)
        self._changed[now.id] = now
        if content:
            self._content.add(now.id)
        self._moves.setdefault(now.id, []).append(
            Moved(
                object_id=now.id, revision=now.revision, event=event, actor=actor, before=before, after=now.status,
                version=now.version, amount=amount, at=self.context.at, message_id=self.context.message_id,
            )
        )  # fmt: skip
        return now

    def tell(self, home: str) -> None:
        """Send the published request webhook to a home, be it the sender's own: it may speak for both sides."""
        self.told[home] = None

    def decision(self, found: tuple[FoundBusiness, ...] | None = None) -> Decision:
        """Give what was decided."""
        changes = tuple(
            Change(changed, tuple(self._moves[object_id]), object_id in self._content)
            for object_id, changed in self._changed.items()
        )
        return Decision(
            changes=changes, told=tuple(self.told), claims=tuple(self.claims.items()), releases=tuple(self.releases),
            found=found,
        )  # fmt: skip


class Rehearsal(Draft):
    """A party's own try of a message on its own copies, before it is sent.

    What only the centre knows (other businesses' B2B IDs, taken numbers) is taken to be in order, and the network's own
    moves are left to it.
    """

    authoritative = False

    def b2b_id(self, value: str, field: str) -> B2bIdFacts:
        """Give what a B2B ID is; a stranger's is believed in."""
        found = self.get(b2b_key(value))
        if found is None:
            return B2bIdFacts(business_id=b2b_key(value), home=b2b_key(value), public=True, supplies=True)
        return super().b2b_id(value, field)

    def active_b2b_id(self, value: str, field: str) -> B2bIdFacts:
        """Give what a B2B ID is; only an own one can be found inactive."""
        return self.b2b_id(value, field) if self.get(b2b_key(value)) is None else super().active_b2b_id(value, field)

    def move(self, found: NetworkObject, event: Event, actor: Actor, **particulars: Any) -> NetworkObject:
        """Move an object unless it is the network's move."""
        return found if actor is Actor.NETWORK else super().move(found, event, actor, **particulars)
