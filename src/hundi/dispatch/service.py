"""Queueing invoices for their customers: deliveries, links, statuses and jobs in the caller's one transaction (domain §7)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.dispatch import lifecycle, queries, rules
from hundi.dispatch.rows import QueuedInvoice
from hundi.dispatch.rules import Candidate, Contact, Grouping, Verdict
from hundi.dispatch.trail import Origin
from hundi.documents import issued, shortfalls
from hundi.invoices import links
from hundi.invoices.rules import DispatchStatus, SentVia
from hundi.jobs.batch import enqueue_many
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import new_id
from hundi.kit.keys import Keyring

DELIVER: Final = "dispatch.deliver"
"""The job that sends one mail."""

_DELIVERIES: Final = """
    INSERT INTO deliveries (seller_id, delivery_id, customer_id, channel, grouping, state, message_id, created_at, created_by)
    SELECT $1, d.delivery_id, d.customer_id, $8, $2, 'QUEUED', d.message_id, $3, $4
      FROM unnest($5::text[], $6::text[], $7::text[]) AS d (delivery_id, customer_id, message_id)"""
_DELIVERY_INVOICES: Final = """
    INSERT INTO delivery_invoices (seller_id, invoice_id, round, delivery_id)
    SELECT $1, d.invoice_id, d.round, d.delivery_id
      FROM unnest($2::text[], $3::smallint[], $4::text[]) AS d (invoice_id, round, delivery_id)"""
_PREPARE: Final = """
    UPDATE invoices SET link_version = greatest(link_version, 1),
           partial_payment_allowed = coalesce($3, partial_payment_allowed)
     WHERE seller_id = $1 AND invoice_id = ANY($2::text[])"""

_ALLOW_PART: Final = """
    UPDATE invoices SET partial_payment_allowed = $3 WHERE seller_id = $1 AND invoice_id = ANY($2::text[])"""


class QueueOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each asked-for invoice, in the order they were named.

    ``already`` were dispatched or queued before and are not sent again. ``refused`` has one problem for each invoice that
    was not queued; its ``field`` is the place in the request (``invoiceIds[3]``), ``rejected`` the id.
    """

    queued: list[str]
    already: list[str]
    refused: list[FieldProblem]
    warnings: list[FieldProblem] = msgspec.field(default_factory=list)

    def add(self, other: "QueueOutcome") -> None:
        """Take over what became of further invoices of the same request."""
        self.queued.extend(other.queued)
        self.already.extend(other.already)
        self.refused.extend(other.refused)
        self.warnings.extend(other.warnings)


async def queue(
    tx: Transaction,
    who: Actor | Origin,
    keyring: Keyring,
    mail_from: str,
    invoice_ids: Sequence[str],
    *,
    partial_payment_allowed: bool | None = None,
    resend: bool = False,
    group: Grouping = Grouping.INVOICE,
) -> QueueOutcome:
    """Queue invoices for sending and say of each what became of it. Nothing leaves before the transaction commits.

    Two calls about the same invoices at the same time wait for each other, and each invoice is queued once. An id that
    stands twice counts once. ``mail_from`` is the installation's sender address: the Message-ID takes its domain.
    """
    origin = who if isinstance(who, Origin) else Origin.of(who)
    places: dict[str, int] = {}
    for at, invoice_id in enumerate(invoice_ids):
        places.setdefault(invoice_id, at)
    found = {row.invoice_id: row for row in await queries.lock_invoices(tx, sorted(places))}
    customers = sorted({row.customer_id for row in found.values()})
    contacts = await queries.mail_contacts(tx, customers)
    candidates = candidates_of(found, contacts, await queries.customer_gstins(tx, customers))
    demanded, is_refused = await queries.e_invoice_from(tx)
    outcome = QueueOutcome(queued=[], already=[], refused=[])
    for invoice_id, at in places.items():
        field = f"invoiceIds[{at}]"
        if invoice_id not in found:
            message = "There is no such invoice here; check the id."
            outcome.refused.append(FieldProblem(field, "INVOICE_NOT_FOUND", message, invoice_id[:200]))
            continue
        verdict, problem = rules.judge(
            candidates[invoice_id], resend=resend, e_invoice_from=demanded if is_refused else None
        )
        if verdict is Verdict.QUEUE:
            outcome.queued.append(invoice_id)
            if rules.lacks_irn(candidates[invoice_id], demanded):
                message = f"It was queued without the IRN that is needed from {demanded}."
                outcome.warnings.append(FieldProblem(field, "EINVOICE_WITHOUT_IRN", message, invoice_id))
        elif problem is None:
            outcome.already.append(invoice_id)
        else:
            outcome.refused.append(msgspec.structs.replace(problem, field=field))
    if outcome.queued:
        rows = [found[invoice_id] for invoice_id in outcome.queued]
        await _queue_rows(tx, origin, keyring, mail_from, rows, partial_payment_allowed, group)
        queued = [(f"invoiceIds[{places[invoice_id]}]", invoice_id) for invoice_id in outcome.queued]
        outcome.warnings.extend(await shortfalls.of_many(tx, keyring, queued))
    return outcome


def candidates_of(
    found: Mapping[str, QueuedInvoice], contacts: Mapping[str, list[Contact]], gstins: Mapping[str, str | None]
) -> dict[str, Candidate]:
    """Give each invoice as the decision sees it; ``contacts`` and ``gstins`` are by customer."""
    return {
        row.invoice_id: Candidate(
            invoice_id=row.invoice_id,
            invoice_number=row.invoice_number,
            invoice_date=row.invoice_date,
            approval_status=row.approval_status,
            receivable_status=row.receivable_status,
            dispatch_status=row.dispatch_status,
            irn=row.irn,
            customer_gstin=gstins.get(row.customer_id),
            reachable=bool(row.email_address) or bool(contacts.get(row.customer_id)),
        )
        for row in found.values()
    }


async def _queue_rows(
    tx: Transaction,
    origin: Origin,
    keyring: Keyring,
    mail_from: str,
    rows: Sequence[QueuedInvoice],
    partial_payment_allowed: bool | None,
    group: Grouping,
) -> None:
    ids = [row.invoice_id for row in rows]
    rounds = await queries.last_rounds(tx, ids)
    domain = mail_from.rpartition("@")[2]
    mails = [(new_id("dlv", tx.now), part) for part in _parts(rows, group)]
    deliveries = [delivery_id for delivery_id, _ in mails]
    await tx.execute(
        _DELIVERIES, tx.seller_id, group.value, tx.now, origin.subject, deliveries,
        [part[0].customer_id for _, part in mails], [f"<{delivery_id}@{domain}>" for delivery_id in deliveries],
        SentVia.EMAIL.value,
    )  # fmt: skip
    pairs = [(row.invoice_id, delivery_id) for delivery_id, part in mails for row in part]
    await tx.execute(
        _DELIVERY_INVOICES, tx.seller_id, [invoice_id for invoice_id, _ in pairs],
        [rounds.get(invoice_id, 0) + 1 for invoice_id, _ in pairs], [delivery_id for _, delivery_id in pairs],
    )  # fmt: skip
    await links.mint(tx, keyring, [(row.invoice_id, max(row.link_version, 1)) for row in rows])
    await tx.execute(_PREPARE, tx.seller_id, ids, partial_payment_allowed)
    each = {invoice_id: {"deliveryId": delivery_id} for invoice_id, delivery_id in pairs}
    await lifecycle.move(tx, ids, to=DispatchStatus.QUEUED, by=origin, why_each=each)
    await enqueue_many(tx, DELIVER, [{"delivery_id": delivery_id} for delivery_id in deliveries])


async def hand_over(
    tx: Transaction,
    origin: Origin,
    rows: Sequence[QueuedInvoice],
    *,
    via: SentVia,
    message_ids: Mapping[str, str],
    partial_payment_allowed: bool | None = None,
) -> dict[str, str]:
    """Note that somebody else carries these invoices, each as a delivery of its own; gives the deliveries by invoice id.

    What their documents say now is kept with it. The caller has locked the invoices. ``message_ids`` are the carrier's own, by invoice id. :func:`hundi.dispatch.delivery.told` says how each ended.
    """
    ids = [row.invoice_id for row in rows]
    rounds = await queries.last_rounds(tx, ids)
    made = {invoice_id: new_id("dlv", tx.now) for invoice_id in ids}
    await tx.execute(
        _DELIVERIES, tx.seller_id, Grouping.INVOICE.value, tx.now, origin.subject, list(made.values()),
        [row.customer_id for row in rows], [message_ids[invoice_id] for invoice_id in ids], via.value,
    )  # fmt: skip
    await tx.execute(
        _DELIVERY_INVOICES, tx.seller_id, ids, [rounds.get(invoice_id, 0) + 1 for invoice_id in ids],
        list(made.values()),
    )  # fmt: skip
    await issued.keep_present(tx, made)
    if partial_payment_allowed is not None:
        await tx.execute(_ALLOW_PART, tx.seller_id, ids, partial_payment_allowed)
    each = {invoice_id: {"deliveryId": delivery_id, "via": via.value} for invoice_id, delivery_id in made.items()}
    await lifecycle.move(tx, ids, to=DispatchStatus.QUEUED, by=origin, why_each=each)
    return made


def _parts(rows: Sequence[QueuedInvoice], group: Grouping) -> list[list[QueuedInvoice]]:
    """Say which invoices share a mail: the same customer, registration and addressees, and no more than 50 of them."""
    if group is Grouping.INVOICE:
        return [[row] for row in rows]
    parts: defaultdict[tuple[str, str, str, tuple[str, ...]], list[QueuedInvoice]] = defaultdict(list)
    for row in rows:
        key = (row.customer_id, row.registration_id, row.email_address or "", tuple(row.cc_emails or ()))
        parts[key].append(row)
    most = rules.MAX_IN_ONE_MAIL
    return [part[at : at + most] for part in parts.values() for at in range(0, len(part), most)]
