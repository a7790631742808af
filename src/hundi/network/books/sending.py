"""Dispatching invoices: by mail as ever, or over the network to customers whose B2B ID is known (domain §7).

Over the network an invoice is sent once as one object; what the buyer returned is sent again as that object's next version.
Nothing leaves before the transaction commits, and :mod:`hundi.network.books.posting` says what came of it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from hundi.config import Settings
from hundi.db.pool import Transaction
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
from hundi.kit.keys import Keyring
from hundi.network import counterparties, service
from hundi.network.books import links
from hundi.network.books.acting import acting
from hundi.network.books.links import Link
from hundi.network.books.paper import OrderReference, Particulars, Place, body_of, digest_of, sentence_of
from hundi.network.counterparties import OwnId
from hundi.network.ends import party_of
from hundi.network.protocol import messages as m
from hundi.network.protocol.statuses import InvoiceStatus
from hundi.network.scrutiny import keys_of, scrutinised
from hundi.network.wire.meaning import message_of

_SETTING: Final = "SELECT dispatch_channel, default_hsn FROM sellers WHERE seller_id = $1"
_CUSTOMERS: Final = (
    "SELECT invoice_id, customer_id FROM invoices WHERE seller_id = $1 AND invoice_id = ANY ($2::text[])"
)
_ORDERS: Final = """
    SELECT object_id, number, buyer FROM network_objects
     WHERE seller_id = $1 AND kind = 'PURCHASE ORDER' AND role IN ('SUPPLIER', 'BOTH') AND number = ANY ($2::text[])
       AND status IN ('ACCEPTED', 'PARTIALLY INVOICED') ORDER BY object_id"""
_OPEN: Final = frozenset({InvoiceStatus.SENT.value, InvoiceStatus.RETURNED.value})
"""The statuses in which the supplier may still correct an invoice (contract b2b §8.2)."""


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


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice whose message is in the outbox."""

    row: QueuedInvoice
    link: Link | None
    object_id: str
    message_id: str
    digest: str
    doubts: Sequence[FieldProblem] = ()


async def dispatch(
    tx: Transaction,
    who: Actor | Origin,
    keyring: Keyring,
    settings: Settings,
    invoice_ids: Sequence[str],
    wanted: Wanted | None = None,
) -> QueueOutcome:
    """Send invoices the way that was asked for, or that the company prefers, and say of each what became of it.

    See :func:`hundi.dispatch.service.queue` for what goes by mail. Where the company prefers the network, customers without
    a known B2B ID get mail as ever.
    """
    asked = wanted or Wanted()
    setting = await tx.fetchrow(_SETTING, tx.seller_id)
    preferred = asked.channel or Channel(setting["dispatch_channel"] if setting else Channel.EMAIL)
    places: dict[str, int] = {}
    for at, invoice_id in enumerate(invoice_ids):
        places.setdefault(invoice_id, at)
    if preferred is Channel.EMAIL:
        over = set[str]()
    elif asked.channel is Channel.BHARAT_CONNECT:
        over = set(places)
    else:
        over = await _known(tx, list(places))
    outcome = QueueOutcome(queued=[], already=[], refused=[])
    by_mail = [invoice_id for invoice_id in places if invoice_id not in over]
    if by_mail:
        found = await dispatch_service.queue(
            tx, who, keyring, settings.mail_from, by_mail, partial_payment_allowed=asked.partial_payment_allowed,
            resend=asked.resend, group=asked.group,
        )  # fmt: skip
        _add(outcome, found, [places[invoice_id] for invoice_id in by_mail])
    if over:
        sender = _Sender(tx, who, keyring, settings, asked, setting["default_hsn"] if setting else None)
        await sender.send({invoice_id: at for invoice_id, at in places.items() if invoice_id in over}, outcome)
    return outcome


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

    outcome.queued.extend(found.queued)
    outcome.already.extend(found.already)
    outcome.refused.extend(map(placed, found.refused))
    outcome.warnings.extend(map(placed, found.warnings))


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
        self.asked = asked
        self.default_hsn = default_hsn
        self.own: list[OwnId] = []
        self.buyers: dict[str, str] = {}
        self.orders: dict[tuple[str, str], str] = {}
        self.rows: dict[str, DocumentRow] = {}
        self.items: dict[str, list[ItemRow]] = {}

    async def send(self, places: Mapping[str, int], outcome: QueueOutcome) -> None:
        """Put what can be sent into the outbox and say of each invoice what became of it."""
        held = await links.held(self.tx, list(places))
        found = {row.invoice_id: row for row in await dispatch_queries.lock_invoices(self.tx, sorted(places))}
        await self._load(list(found.values()))
        candidates = await self._candidates(found)
        demanded, is_refused = await dispatch_queries.e_invoice_from(self.tx)
        ready: list[_Ready] = []
        for invoice_id, at in places.items():
            field = f"invoiceIds[{at}]"
            if invoice_id not in found:
                message = "There is no such invoice here; check the id."
                outcome.refused.append(FieldProblem(field, "INVOICE_NOT_FOUND", message, invoice_id[:200]))
                continue
            verdict, problem = rules.judge(
                candidates[invoice_id], resend=self.asked.resend, e_invoice_from=demanded if is_refused else None
            )
            if verdict is Verdict.QUEUE:
                done = await self._try(found[invoice_id], held.get(invoice_id))
                if isinstance(done, _Ready):
                    ready.append(done)
                    outcome.queued.append(invoice_id)
                    outcome.warnings.extend(msgspec.structs.replace(one, field=field) for one in done.doubts)
                    continue
                problem = done
            if problem is None:
                outcome.already.append(invoice_id)
            else:
                outcome.refused.append(msgspec.structs.replace(problem, field=field))
        if ready:
            await self._note(ready)

    async def _load(self, found: Sequence[QueuedInvoice]) -> None:
        """Read what the messages are written from, in a handful of statements for all."""
        ids = [row.invoice_id for row in found]
        self.own = await counterparties.own_ids(self.tx)
        self.buyers = await counterparties.known(self.tx, [row.customer_id for row in found])
        self.rows = {row.invoice_id: row for row in await documents.documents(self.tx, self.tx.seller_id, ids)}
        for item in await documents.items(self.tx, self.tx.seller_id, ids):
            self.items.setdefault(item.invoice_id, []).append(item)
        numbers = sorted({row.po_number for row in self.rows.values() if row.po_number})
        for order in await self.tx.fetch(_ORDERS, self.tx.seller_id, numbers) if numbers else ():
            self.orders[order["number"], order["buyer"].upper()] = order["object_id"]

    async def _candidates(self, found: Mapping[str, QueuedInvoice]) -> dict[str, Candidate]:
        gstins = await dispatch_queries.customer_gstins(self.tx, sorted({row.customer_id for row in found.values()}))
        made = dispatch_service.candidates_of(found, {}, gstins)
        return {invoice_id: msgspec.structs.replace(one, reachable=True) for invoice_id, one in made.items()}

    async def _try(self, row: QueuedInvoice, link: Link | None) -> _Ready | FieldProblem | None:
        """Put one invoice into the outbox; gives what stands against it, or None where the buyer has it as it is."""
        new = link is None or link.status == InvoiceStatus.FAILED.value
        if link is not None and not new and link.status not in _OPEN:
            return self._problem(row, *why_not(link.status))
        number = 1 if link is None else link.round + 1 if new else link.round
        object_id = links.object_id_of(self.tx.seller_id, row.invoice_id, number)
        place = Place(object_id=object_id)
        if link is not None and not new:
            place = Place(object_id=object_id, current=link.version, new=link.version + 1, status=link.status)
        try:
            body = body_of(self.rows[row.invoice_id], self.items.get(row.invoice_id, []), self._particulars(row), place)
            digest = digest_of(body)
            if link is not None and link.status == InvoiceStatus.SENT.value and digest == link.digest:
                return None
            doubts = scrutinised(
                body, today=ist_date(self.tx.now), keys=keys_of(self.settings), sandbox=self.settings.network_sandbox
            )
            message = message_of(body, m.SendInvoice if new else m.EditInvoice)
            # What is refused half-way leaves nothing behind.
            async with self.tx.connection.transaction():
                party = party_of(self.tx, self.keyring, self.settings)
                message_id = await service.submit(self.tx, self.actor, party, message)
        except Invalid as refused:
            return self._problem(
                row, refused.problems[0].code if refused.problems else refused.code, sentence_of(refused)
            )
        except Refusal as refused:
            first = refused.problems[0] if refused.problems else FieldProblem("", refused.code, refused.message)
            return self._problem(row, first.code, f"{first.field}: {first.message}" if first.field else first.message)
        return _Ready(
            row=row, link=None if new else link, object_id=object_id, message_id=message_id, digest=digest,
            doubts=[self._problem(row, one.code, f"{one.field}: {one.message}") for one in doubts],
        )  # fmt: skip

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
            object_id = self.orders.get((found.po_number, buyer.upper()))
            order = OrderReference(number=found.po_number, day=found.po_date, object_id=object_id)
        return Particulars(supplier=supplier, buyer=buyer, account=account, order=order, default_hsn=self.default_hsn)

    async def _note(self, ready: Sequence[_Ready]) -> None:
        """Note the deliveries, the links, and on each invoice that it is on its way over the network."""
        deliveries = await dispatch_service.hand_over(
            self.tx, self.origin, [one.row for one in ready], via=SentVia.BHARAT_CONNECT,
            message_ids={one.row.invoice_id: one.message_id for one in ready},
            partial_payment_allowed=self.asked.partial_payment_allowed,
        )  # fmt: skip
        rounds = await links.latest(self.tx, [one.row.invoice_id for one in ready])
        for one in ready:
            invoice_id = one.row.invoice_id
            sent = {
                "message_id": one.message_id, "delivery_id": deliveries[invoice_id], "pending": one.digest,
            }  # fmt: skip
            if one.link is not None:
                await links.sent_again(self.tx, one.object_id, **sent)
                continue
            earlier = rounds.get(invoice_id)
            await links.sent(self.tx, invoice_id, earlier.round + 1 if earlier else 1, one.object_id, **sent)
            await lifecycle.note_network(self.tx, self.actor, invoice_id, status=InvoiceStatus.CREATED.value)
