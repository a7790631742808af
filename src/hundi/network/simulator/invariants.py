"""What must hold when nothing is under way any more, whatever happened on the way. Each function gives what does not."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from hundi.kit.money import ZERO
from hundi.network.protocol.decisions import Delivery, Moved
from hundi.network.protocol.moves import NONE, TABLES
from hundi.network.protocol.objects import (
    FinancingFacts,
    InvoiceFacts,
    Line,
    NoteFacts,
    OrderFacts,
    PaymentFacts,
    facts_of,
)
from hundi.network.protocol.party import BORN_HERE
from hundi.network.protocol.shares import by_ref
from hundi.network.protocol.statuses import (
    BidStatus,
    Event,
    FinancingStatus,
    InvoiceStatus,
    Kind,
    OrderStatus,
    PaymentStatus,
)
from hundi.network.simulator.databases import Copy, Leftovers

Books = Mapping[str, Copy]
_UNDER_WAY = frozenset({PaymentStatus.INITIATED, PaymentStatus.ACK_PENDING, PaymentStatus.SUCCESS})
_DEAD = frozenset({InvoiceStatus.REJECTED, InvoiceStatus.CANCELLED})


class Sent(msgspec.Struct, frozen=True):
    """A message a party sent, and the objects it is about."""

    id: str
    about: tuple[str, ...]


class Accounts(msgspec.Struct, frozen=True):
    """Everything that is looked at: the centre's books, each party's, what is left over, what was sent and told."""

    centre: Books
    parties: Mapping[str, Books]
    leftovers: Mapping[str, Leftovers]
    submitted: Mapping[str, tuple[Sent, ...]]
    told: Mapping[str, tuple[Delivery, ...]]


def violations(accounts: Accounts) -> list[str]:
    """Give every invariant that is broken, as sentences; none when all is well."""
    return [
        *nothing_is_stuck(accounts.leftovers),
        *copies_agree(accounts),
        *histories_follow_the_tables(accounts.centre),
        *effects_happened_once(accounts),
        *answers_came_in_order(accounts),
        *money_adds_up(accounts.centre),
        *orders_add_up(accounts.centre),
        *liens_are_single(accounts.centre),
    ]


def nothing_is_stuck(leftovers: Mapping[str, Leftovers]) -> Iterable[str]:
    """No outbox has a parcel, no inbox keeps one back, no message is without its answer."""
    for name, left in leftovers.items():
        if left != Leftovers(0, 0, 0):
            yield f"{name}: {left.outgoing} parcels to send, {left.held} kept back, {left.unanswered} unanswered"


def _rows(moves: Iterable[Moved]) -> list[tuple[object, ...]]:
    """Give the rows without their instants: each end has its own clock."""
    return [
        (row.revision, row.event, row.actor, row.before, row.after, row.version, row.amount, row.message_id)
        for row in moves
    ]


def copies_agree(accounts: Accounts) -> Iterable[str]:
    """Every party of an object has it as the centre has it: version, status, facts, history and document.

    And nobody has more: what the centre does not know is the maker's own and has failed.
    """
    for object_id, true in accounts.centre.items():
        for home in true.object.parties:
            differs = _difference(accounts.parties.get(home, {}).get(object_id), true)
            if differs:
                yield f"{home}: {differs} of {object_id}"
    for home, books in accounts.parties.items():
        for object_id, copy in books.items():
            known = accounts.centre.get(object_id)
            if known is None and (copy.object.status != "FAILED" or copy.object.kind not in BORN_HERE):
                yield f"{home} has {object_id} in {copy.object.status}, which the centre does not know"
            if known is not None and home not in known.object.parties:
                yield f"{home} has {object_id}, which is none of its business"


def _difference(copy: Copy | None, true: Copy) -> str:
    if copy is None:
        return "no copy"
    if copy.object != true.object:
        return f"{copy.object} instead of {true.object}"
    if _rows(copy.moves) != _rows(true.moves):
        return "another history"
    return "" if copy.document == true.document else "another document"


def histories_follow_the_tables(books: Books) -> Iterable[str]:
    """Every history is a walk through its table, numbered without gaps, and ends where the object stands."""
    for object_id, copy in books.items():
        rows = {(str(row.start), row.event, row.actor, str(row.end)) for row in TABLES[copy.object.kind]}
        status, revision = NONE, 0
        for moved in copy.moves:
            revision += 1
            if moved.revision != revision or moved.before != status:
                yield f"{object_id}: move {moved.revision} ({moved.event}) does not follow {status}"
            if (moved.before, moved.event, moved.actor, moved.after) not in rows:
                yield f"{object_id}: {moved.event} from {moved.before} to {moved.after} is in no table"
            status = moved.after
        if (status, revision) != (copy.object.status, copy.object.revision):
            yield f"{object_id} is {copy.object.status}, its history ends with {status}"


def effects_happened_once(accounts: Accounts) -> Iterable[str]:
    """Every message had one answer, every webhook came once, and no message moved an object twice the same way."""
    for home, sent in accounts.submitted.items():
        told = accounts.told.get(home, ())
        answers = Counter(delivery.resp.request_id for delivery in told if delivery.resp is not None)
        known = {one.id for one in sent}
        yield from (f"{home}: message {one.id} has {answers[one.id]} answers" for one in sent if answers[one.id] != 1)
        yield from (f"{home}: an answer to {one}, which it never sent" for one in answers if one not in known)
        came = Counter((delivery.cause, delivery.hook) for delivery in told)
        yield from (
            f"{home}: {hook} of {cause} came {times} times" for (cause, hook), times in came.items() if times > 1
        )
    for object_id, copy in accounts.centre.items():
        if copy.object.kind in {Kind.INVOICE, Kind.PAYMENT}:
            done = Counter((moved.message_id, moved.event) for moved in copy.moves)
            yield from (f"{object_id}: {event} of {one} {n} times" for (one, event), n in done.items() if n > 1)


def answers_came_in_order(accounts: Accounts) -> Iterable[str]:
    """What a party sent about an object was decided in that order, and its answers came in that order."""
    for home, sent in accounts.submitted.items():
        told = accounts.told.get(home, ())
        came = {delivery.resp.request_id: at for at, delivery in enumerate(told) if delivery.resp is not None}
        last: dict[str, int] = {}
        for one in sent:
            at = came.get(one.id, -1)
            for object_id in one.about:
                if at < last.get(object_id, -1):
                    yield f"{home}: the answer to {one.id} about {object_id} came before an earlier one's"
                last[object_id] = max(at, last.get(object_id, -1))


def money_adds_up(books: Books) -> Iterable[str]:
    """What is settled on invoices and set off from notes is what the payments say, and never more than there is."""
    settled: dict[str, Decimal] = defaultdict(lambda: ZERO)
    in_flight: dict[str, Decimal] = defaultdict(lambda: ZERO)
    set_off: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for facts, confirmed in _standing_payments(books):
        for line in facts.lines:
            (settled if confirmed else in_flight)[line.invoice_id] += line.amount
            for split in line.splits:
                if split.note_id is not None:
                    set_off[split.note_id] += split.amount
    for object_id, copy in books.items():
        if copy.object.kind is Kind.INVOICE:
            yield from _invoice_adds_up(copy, settled[object_id], in_flight[object_id])
        elif copy.object.kind is Kind.NOTE:
            note = facts_of(copy.object, NoteFacts)
            if note.applied != set_off[object_id] or not ZERO <= note.applied <= note.amount:
                yield f"{object_id}: {note.applied} set off, but payments say {set_off[object_id]}"


def _standing_payments(books: Books) -> Iterable[tuple[PaymentFacts, bool]]:
    for copy in books.values():
        if copy.object.kind is Kind.PAYMENT:
            confirmed = copy.object.status == PaymentStatus.CONFIRMED
            if confirmed or copy.object.status in _UNDER_WAY:
                yield facts_of(copy.object, PaymentFacts), confirmed


def _invoice_adds_up(copy: Copy, settled: Decimal, in_flight: Decimal) -> Iterable[str]:
    one = copy.object
    invoice = facts_of(one, InvoiceFacts)
    if (invoice.settled, invoice.in_flight) != (settled, in_flight):
        yield f"{one.id}: {invoice.settled} settled and {invoice.in_flight} under way, payments say {settled}, {in_flight}"
    if not ZERO <= invoice.settled + invoice.in_flight <= invoice.total:
        yield f"{one.id}: {invoice.settled} + {invoice.in_flight} of {invoice.total}"
    if (invoice.due == 0) != (one.status in {InvoiceStatus.PAID, InvoiceStatus.CLOSED}):
        yield f"{one.id} is {one.status} with {invoice.due} due"


def orders_add_up(books: Books) -> Iterable[str]:
    """What a purchase order counts as invoiced is what its living invoices say."""
    amounts: dict[str, Decimal] = defaultdict(lambda: ZERO)
    lines: dict[str, list[Line]] = defaultdict(list)
    for copy in books.values():
        if copy.object.kind is Kind.INVOICE and copy.object.status not in _DEAD:
            for share in facts_of(copy.object, InvoiceFacts).orders:
                amounts[share.order_id] += share.amount
                lines[share.order_id] += share.lines
    for object_id, copy in books.items():
        if copy.object.kind is Kind.ORDER:
            order = facts_of(copy.object, OrderFacts)
            counted = by_ref(lines[object_id])
            if order.invoiced != amounts[object_id] or by_ref(order.invoiced_lines) != counted:
                yield f"{object_id}: {order.invoiced} counted, but its invoices say {amounts[object_id]}"
            if order.invoiced == 0 and copy.object.status in {
                OrderStatus.PARTIALLY_INVOICED,
                OrderStatus.FULLY_INVOICED,
            }:
                yield f"{object_id} is {copy.object.status} without an invoice"


def liens_are_single(books: Books) -> Iterable[str]:
    """An accepted request has one accepted bid and its lien; a finished one has none."""
    liens: dict[str, int] = Counter()
    for copy in books.values():
        if copy.object.kind is Kind.INVOICE:
            lien = facts_of(copy.object, InvoiceFacts).lien
            if lien is not None:
                liens[lien.request_id] += 1
                if copy.object.status in {InvoiceStatus.PAID, InvoiceStatus.CLOSED}:
                    yield f"{copy.object.id} is {copy.object.status} and still held by {lien.request_id}"
    for object_id, copy in books.items():
        if copy.object.kind is not Kind.FINANCING:
            continue
        facts = facts_of(copy.object, FinancingFacts)
        taken = [one for one in facts.bids if books[one].object.status == BidStatus.ACCEPTED]
        if [facts.accepted] != taken and (taken or facts.accepted is not None):
            yield f"{object_id}: {facts.accepted} is the accepted bid, but {taken} are"
        held = copy.object.status in {FinancingStatus.ACCEPTED, FinancingStatus.DISBURSED}
        if held != (liens[object_id] > 0):
            yield f"{object_id} is {copy.object.status} with {liens[object_id]} liens"
        released = any(moved.event in {Event.REPAY, Event.LAPSE} for moved in copy.moves)
        if released and liens[object_id]:
            yield f"{object_id} is over and still holds an invoice"
