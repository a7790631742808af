"""Dispatching invoices: by mail as ever, or over the network to customers whose B2B ID is known (domain §7).

Over the network an invoice is sent once as one object; what the buyer returned is sent again as that object's next version.
Nothing leaves before the transaction commits, and :mod:`hundi.network.books.posting` says what came of it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from hundi.config import Settings
from hundi.db.pool import Database, Transaction
from hundi.dispatch import queries as dispatch_queries
from hundi.dispatch import rules
from hundi.dispatch import service as dispatch_service
from hundi.dispatch.rows import QueuedInvoice
from hundi.dispatch.rules import Candidate, Channel, Grouping, Verdict
from hundi.dispatch.service import QueueOutcome
from hundi.dispatch.trail import Origin
from hundi.documents import queries as documents
from hundi.documents.queries import DocumentRow, ItemRow
from hundi.invoices import lifecycle
from hundi.invoices.rules import SentVia
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem, Invalid, Refusal
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.network import counterparties
from hundi.network.books import links
from hundi.network.books.acting import acting
from hundi.network.books.links import Link, Sent
from hundi.network.books.ordering import OrderReference, Orders
from hundi.network.books.outgoing import Outgoing
from hundi.network.books.paper import Particulars, Place, body_of, digest_of, sentence_of
from hundi.network.counterparties import OwnId
from hundi.network.protocol import messages as m
from hundi.network.protocol.messages import Call
from hundi.network.protocol.statuses import InvoiceStatus
from hundi.network.scrutiny import keys_of, scrutinised
from hundi.network.wire.meaning import message_of

_SETTING: Final = "SELECT dispatch_channel, default_hsn FROM sellers WHERE seller_id = $1"
_CUSTOMERS: Final = (
    "SELECT invoice_id, customer_id FROM invoices WHERE seller_id = $1 AND invoice_id = ANY ($2::text[])"
)
_OPEN: Final = frozenset({InvoiceStatus.SENT.value, InvoiceStatus.RETURNED.value})
"""The statuses in which the supplier may still correct an invoice (contract b2b §8.2)."""


SLICE: Final = 200
"""How many invoices go over the network in one commit: locks are short, and little is done again after an interruption."""
_AT_A_STRETCH: Final = 10


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says about a dispatch; ``channel`` None: as the company's setting has it."""

    channel: Channel | None = None
    partial_payment_allowed: bool | None = None
    resend: bool = False
    group: Grouping = Grouping.INVOICE


def why_not(status: str) -> tuple[str, str]:
    """Say by code and sentence why an invoice of this status is not sent again."""
    match status:
        case InvoiceStatus.CREATED:
            return "ANSWER_PENDING", "The network has not answered yet; look again in a moment."
        case InvoiceStatus.REJECTED:
            return "REJECTED_BY_BUYER", "The buyer rejected it: cancel it and issue another under a new number."
        case InvoiceStatus.CANCELLED:
            return "CANCELLED_ON_NETWORK", "It is cancelled on the network: issue another under a new number."
        case _:
            return "ACCEPTED_BY_BUYER", "The buyer has accepted it: correct it by a credit or debit note."


class _Written(NamedTuple):
    """An invoice as its message. ``link`` is the object that is corrected, None where it is sent as something new."""

    row: QueuedInvoice
    link: Link | None
    number: int
    object_id: str
    message: Call
    digest: str
    doubts: Sequence[FieldProblem] = ()


class _Ready(NamedTuple):
    """An invoice whose message is in the outbox."""

    written: _Written
    message_id: str


class Ahead(msgspec.Struct, frozen=True):
    """What of a request was sent before the rest of it, slice by slice: which invoices, and what became of them."""

    outcome: QueueOutcome = msgspec.field(default_factory=lambda: QueueOutcome(queued=[], already=[], refused=[]))
    done: set[str] = msgspec.field(default_factory=set)


async def dispatch_all(
    db: Database,
    bound: Actor | SellerId,
    who: Actor | Origin,
    keyring: Keyring,
    settings: Settings,
    invoice_ids: Sequence[str],
    wanted: Wanted | None = None,
) -> QueueOutcome:
    """Do what :func:`dispatch` does, what goes over the network slice by slice, each with a commit of its own.

    Whoever is interrupted calls it again: what was sent is then among ``already``.
    """
    ahead = await in_slices(db, bound, who, keyring, settings, invoice_ids, wanted)
    async with db.transaction(bound) as tx:
        return await dispatch(tx, who, keyring, settings, invoice_ids, wanted, ahead)


async def in_slices(
    db: Database,
    bound: Actor | SellerId,
    who: Actor | Origin,
    keyring: Keyring,
    settings: Settings,
    invoice_ids: Sequence[str],
    wanted: Wanted | None = None,
) -> Ahead:
    """Send what goes over the network, :data:`SLICE` invoices a commit, and leave the rest; few need no slices."""
    ahead, asked = Ahead(), wanted or Wanted()
    places = places_of(invoice_ids)
    ids = list(places)
    if len(ids) <= SLICE:
        return ahead
    for at in range(0, len(ids), SLICE):
        part = {invoice_id: places[invoice_id] for invoice_id in ids[at : at + SLICE]}
        async with db.transaction(bound) as tx:
            done = await one_slice(tx, who, keyring, settings, part, asked)
        if done is None:
            break
        ahead.done.update(done.over)
        ahead.outcome.add(done.outcome)
    return ahead


class SliceDone(NamedTuple):
    """What became of a slice: which of its invoices went over the network; the others go by mail."""

    over: set[str]
    outcome: QueueOutcome


async def one_slice(
    tx: Transaction,
    who: Actor | Origin,
    keyring: Keyring,
    settings: Settings,
    places: Mapping[str, int],
    wanted: Wanted,
) -> SliceDone | None:
    """Send what of these invoices goes over the network; ``places`` has where each is named. None: all go by mail."""
    ways = await _ways(tx, list(places), wanted)
    if ways.channel is Channel.EMAIL:
        return None
    done = QueueOutcome(queued=[], already=[], refused=[])
    sender = _Sender(tx, who, keyring, settings, wanted, ways.default_hsn)
    await sender.send({one: at for one, at in places.items() if one in ways.over}, done)
    return SliceDone(ways.over, done)


async def dispatch(
    tx: Transaction,
    who: Actor | Origin,
    keyring: Keyring,
    settings: Settings,
    invoice_ids: Sequence[str],
    wanted: Wanted | None = None,
    ahead: Ahead | None = None,
) -> QueueOutcome:
    """Send invoices the way that was asked for, or that the company prefers, and say of each what became of it.

    See :func:`hundi.dispatch.service.queue` for what goes by mail. Where the company prefers the network, customers without
    a known B2B ID get mail as ever. What was sent ``ahead`` of this call is told of and not looked at again.
    """
    asked = wanted or Wanted()
    outcome = QueueOutcome(queued=[], already=[], refused=[])
    places = places_of(invoice_ids)
    if ahead is not None:
        outcome.add(ahead.outcome)
        places = {invoice_id: at for invoice_id, at in places.items() if invoice_id not in ahead.done}
    ways = await _ways(tx, list(places), asked)
    by_mail = [invoice_id for invoice_id in places if invoice_id not in ways.over]
    if by_mail:
        found = await dispatch_service.queue(
            tx, who, keyring, settings.mail_from, by_mail, partial_payment_allowed=asked.partial_payment_allowed,
            resend=asked.resend, group=asked.group,
        )  # fmt: skip
        _add(outcome, found, [places[invoice_id] for invoice_id in by_mail])
    if ways.over:
        sender = _Sender(tx, who, keyring, settings, asked, ways.default_hsn)
        await sender.send({invoice_id: at for invoice_id, at in places.items() if invoice_id in ways.over}, outcome)
    return outcome


def places_of(invoice_ids: Sequence[str]) -> dict[str, int]:
    """Give the place in a request at which each invoice is named first."""
    places: dict[str, int] = {}
    for at, invoice_id in enumerate(invoice_ids):
        places.setdefault(invoice_id, at)
    return places


class _Ways(NamedTuple):
    """Which of some invoices go over the network, the channel that is preferred, and the HSN of those without lines."""

    channel: Channel
    over: set[str]
    default_hsn: str | None


async def _ways(tx: Transaction, invoice_ids: Sequence[str], asked: Wanted) -> _Ways:
    setting = await tx.fetchrow(_SETTING, tx.seller_id)
    channel = asked.channel or Channel(setting["dispatch_channel"] if setting else Channel.EMAIL)
    if channel is Channel.EMAIL:
        over = set[str]()
    elif asked.channel is Channel.BHARAT_CONNECT:
        over = set(invoice_ids)
    else:
        over = await _known(tx, invoice_ids)
    return _Ways(channel, over, setting["default_hsn"] if setting else None)


async def _known(tx: Transaction, invoice_ids: Sequence[str]) -> set[str]:
    """Give those of the invoices whose customers have a known B2B ID."""
    rows = await tx.fetch(_CUSTOMERS, tx.seller_id, list(invoice_ids))
    found = await counterparties.known(tx, [row["customer_id"] for row in rows])
    return {row["invoice_id"] for row in rows if row["customer_id"] in found}


def _add(outcome: QueueOutcome, found: QueueOutcome, places: Sequence[int]) -> None:
    """Take over what went by mail; the places of its problems are those of the request again."""

    def placed(problem: FieldProblem) -> FieldProblem:
        at = int(problem.field.removeprefix("invoiceIds[").removesuffix("]"))
        return msgspec.structs.replace(problem, field=f"invoiceIds[{places[at]}]")

    refused, warnings = list(map(placed, found.refused)), list(map(placed, found.warnings))
    outcome.add(msgspec.structs.replace(found, refused=refused, warnings=warnings))


async def _let_others(count: int) -> None:
    """Let the process answer others now and then: writing a slice's messages is arithmetic, and takes a good part of a second."""
    if count % _AT_A_STRETCH == 0:
        await asyncio.sleep(0)


class _Sender:
    """One request's invoices on their way into the outbox."""

    def __init__(
        self,
        tx: Transaction,
        who: Actor | Origin,
        keyring: Keyring,
        settings: Settings,
        asked: Wanted,
        default_hsn: str | None,
    ) -> None:
        self.tx = tx
        self.origin = who if isinstance(who, Origin) else Origin.of(who)
        self.actor = who if isinstance(who, Actor) else acting(tx, who.subject, who.request_id)
        self.keyring = keyring
        self.settings = settings
        self.portal_keys = keys_of(settings)
        self.asked = asked
        self.default_hsn = default_hsn
        self.own: list[OwnId] = []
        self.buyers: dict[str, str] = {}
        self.orders = Orders({}, {})
        self.rows: dict[str, DocumentRow] = {}
        self.items: dict[str, list[ItemRow]] = {}

    async def send(self, places: Mapping[str, int], outcome: QueueOutcome) -> None:
        """Put what can be sent into the outbox and say of each invoice what became of it."""
        held = await links.held(self.tx, list(places))
        found = {row.invoice_id: row for row in await dispatch_queries.lock_invoices(self.tx, sorted(places))}
        await self._load(list(found.values()), held)
        candidates = await self._candidates(found)
        demanded, is_refused = await dispatch_queries.e_invoice_from(self.tx)
        written: list[_Written] = []
        for count, (invoice_id, at) in enumerate(places.items(), 1):
            await _let_others(count)
            field = f"invoiceIds[{at}]"
            if invoice_id not in found:
                message = "There is no such invoice here; check the id."
                outcome.refused.append(FieldProblem(field, "INVOICE_NOT_FOUND", message, invoice_id[:200]))
                continue
            verdict, problem = rules.judge(
                candidates[invoice_id], resend=self.asked.resend, e_invoice_from=demanded if is_refused else None
            )
            if verdict is Verdict.QUEUE:
                done = self._write(found[invoice_id], held.get(invoice_id))
                if isinstance(done, _Written):
                    written.append(done)
                    continue
                problem = done
            if problem is None:
                outcome.already.append(invoice_id)
                outcome.warnings.extend(self._returned(found[invoice_id], held.get(invoice_id), field))
            else:
                outcome.refused.append(msgspec.structs.replace(problem, field=field))
        if written:
            await self._put(written, places, outcome)

    async def _put(self, written: Sequence[_Written], places: Mapping[str, int], outcome: QueueOutcome) -> None:
        """Put messages into the outbox, and say of each invoice whether its message could be."""
        outgoing = await Outgoing.begin(self.tx, self.actor, self.keyring, self.settings)
        await outgoing.expect([one.message for one in written])
        ready: list[_Ready] = []
        for count, one in enumerate(written, 1):
            await _let_others(count)
            try:
                ready.append(_Ready(one, await outgoing.put(one.message)))
            except Refusal as refused:
                first = refused.problems[0] if refused.problems else FieldProblem("", refused.code, refused.message)
                sentence = f"{first.field}: {first.message}" if first.field else first.message
                problem = self._problem(one.row, first.code, sentence)
                field = f"invoiceIds[{places[one.row.invoice_id]}]"
                outcome.refused.append(msgspec.structs.replace(problem, field=field))
        await outgoing.close()
        for written_ in (one.written for one in ready):
            outcome.queued.append(written_.row.invoice_id)
            field = f"invoiceIds[{places[written_.row.invoice_id]}]"
            outcome.warnings.extend(msgspec.structs.replace(one, field=field) for one in written_.doubts)
        if ready:
            await self._note(ready)

    async def _load(self, found: Sequence[QueuedInvoice], held: Mapping[str, Link]) -> None:
        """Read what the messages are written from, in a handful of statements for all."""
        ids = [row.invoice_id for row in found]
        self.own = await counterparties.own_ids(self.tx)
        self.buyers = await counterparties.known(self.tx, [row.customer_id for row in found])
        self.rows = {row.invoice_id: row for row in await documents.documents(self.tx, self.tx.seller_id, ids)}
        for item in await documents.items(self.tx, self.tx.seller_id, ids):
            self.items.setdefault(item.invoice_id, []).append(item)
        numbers = sorted({row.po_number for row in self.rows.values() if row.po_number})
        self.orders = await Orders.of(self.tx, numbers, [link.object_id for link in held.values()])

    async def _candidates(self, found: Mapping[str, QueuedInvoice]) -> dict[str, Candidate]:
        gstins = await dispatch_queries.customer_gstins(self.tx, sorted({row.customer_id for row in found.values()}))
        made = dispatch_service.candidates_of(found, {}, gstins)
        return {invoice_id: msgspec.structs.replace(one, reachable=True) for invoice_id, one in made.items()}

    def _write(self, row: QueuedInvoice, link: Link | None) -> _Written | FieldProblem | None:
        """Write one invoice as its message; gives what stands against it, or None where the buyer has it as it is."""
        new = link is None or link.status == InvoiceStatus.FAILED.value
        if link is not None and not new and link.status not in _OPEN:
            return self._problem(row, *why_not(link.status))
        number = 1 if link is None else link.round + 1 if new else link.round
        object_id = links.object_id_of(self.tx.seller_id, row.invoice_id, number)
        place = Place(object_id=object_id)
        if link is not None and not new:
            place = Place(object_id=object_id, current=link.version, new=link.version + 1, status=link.status)
        try:
            items = self.items.get(row.invoice_id, [])
            more = self._particulars(row)
            if more.order is not None:
                order, items = self.orders.named(more.order, more.buyer, items, object_id)
                more = msgspec.structs.replace(more, order=order)
            body = body_of(self.rows[row.invoice_id], items, more, place)
            digest = digest_of(body)
            if link is not None and link.status == InvoiceStatus.SENT.value and digest == link.digest:
                return None
            doubts = scrutinised(
                body, today=ist_date(self.tx.now), keys=self.portal_keys, sandbox=self.settings.network_sandbox
            )
            message = message_of(body, m.SendInvoice if new else m.EditInvoice)
        except Invalid as refused:
            self.orders.give_back()
            code = refused.problems[0].code if refused.problems else refused.code
            return self._problem(row, code, sentence_of(refused))
        said = [self._problem(row, one.code, f"{one.field}: {one.message}") for one in doubts]
        return _Written(row, None if new else link, number, object_id, message, digest, said)

    def _returned(self, row: QueuedInvoice, link: Link | None, field: str) -> list[FieldProblem]:
        """Remind of what the buyer wants corrected: what was sent once is not sent again of itself."""
        if self.asked.resend or link is None or link.status != InvoiceStatus.RETURNED.value:
            return []
        message = f"Invoice {row.invoice_number}: the buyer returned it. Correct it, and send resend: true."
        return [FieldProblem(field, "RETURNED_BY_BUYER", message, row.invoice_id)]

    def _problem(self, row: QueuedInvoice, code: str, sentence: str) -> FieldProblem:
        return FieldProblem("", code, f"Invoice {row.invoice_number}: {sentence}", row.invoice_id)

    def _particulars(self, row: QueuedInvoice) -> Particulars:
        found = self.rows[row.invoice_id]
        supplier = counterparties.own_id_of(self.own, found.r_gstin, found.r_udyam_number)
        buyer = self.buyers.get(row.customer_id)
        problems = []
        if supplier is None:
            message = "Register the GSTIN of this place of business on the network first."
            problems.append(FieldProblem("b2bIds.supplierB2BId", "NO_OWN_B2B_ID", message, found.r_gstin))
        if buyer is None:
            message = "Set the customer's B2B ID, or search the network for the customer's GSTIN."
            problems.append(FieldProblem("b2bIds.buyerB2BId", "NO_BUYER_B2B_ID", message, row.customer_id))
        if supplier is None or buyer is None:
            raise Invalid(problems=problems)
        account = None
        if found.r_bank_account is not None:
            context = f"registrations.bank_account {self.tx.seller_id} {found.registration_id}"
            account = self.keyring.open(found.r_bank_account, context)
        order = None
        if found.po_number:
            order = OrderReference(number=found.po_number, day=found.po_date)
        return Particulars(supplier=supplier, buyer=buyer, account=account, order=order, default_hsn=self.default_hsn)

    async def _note(self, ready: Sequence[_Ready]) -> None:
        """Note the deliveries, the links, and on each invoice that it is on its way over the network."""
        deliveries = await dispatch_service.hand_over(
            self.tx, self.origin, [one.written.row for one in ready], via=SentVia.BHARAT_CONNECT,
            message_ids={one.written.row.invoice_id: one.message_id for one in ready},
            partial_payment_allowed=self.asked.partial_payment_allowed,
        )  # fmt: skip
        new: list[Sent] = []
        for (row, link, number, object_id, _, digest, _), message_id in ready:
            delivery_id = deliveries[row.invoice_id]
            if link is None:
                new.append(Sent(row.invoice_id, number, object_id, message_id, delivery_id, digest))
                continue
            await links.sent_again(self.tx, object_id, message_id=message_id, delivery_id=delivery_id, pending=digest)
        if new:
            await links.sent(self.tx, new)
            ids = [one.invoice_id for one in new]
            await lifecycle.note_sent(self.tx, self.actor, ids, status=InvoiceStatus.CREATED.value)
