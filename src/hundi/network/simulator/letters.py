"""Messages made from the copies a business has, as its accounting program would."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from hundi.kit.money import ZERO
from hundi.network.protocol import messages as m
from hundi.network.protocol.moves import move
from hundi.network.protocol.objects import (
    BidShare,
    FinancingFacts,
    InvoiceFacts,
    Line,
    NetworkObject,
    OrderFacts,
    OrderShare,
    PaymentFacts,
    facts_of,
)
from hundi.network.protocol.statuses import Actor, Event, InvoiceStatus, Kind

YEAR = "2026-27"
"""The financial year the simulated month lies in."""
CREATED = m.Transition("CREATED", "CREATED")
_FIRST = m.ObjectVersion(1, 1)


def body_of(**fields: object) -> msgspec.Raw:
    """Write a small document: the rules never look into it, and at the end both sides must have the same one."""
    return msgspec.Raw(msgspec.json.encode(fields))


def _next(found: NetworkObject, end: str) -> m.Transition:
    return m.Transition(found.status, end)


def _same(found: NetworkObject) -> m.ObjectVersion:
    return m.ObjectVersion(found.version, found.version)


def invoice(
    object_id: str, buyer: str, supplier: str, number: str, total: Decimal, share: OrderShare | None = None
) -> m.SendInvoice:
    """Make a new invoice, for a purchase order where a share is given."""
    return m.SendInvoice(
        buyer=buyer, supplier=supplier, object_id=object_id, number=number, version=_FIRST, transition=CREATED,
        total=total, document_key=m.document_key("INV", supplier, YEAR, number), substance=f"{number} {total}",
        orders=() if share is None else (share,), body=body_of(supplierInvoiceNumber=number, total=total, edition=1),
    )  # fmt: skip


def edited(found: NetworkObject, total: Decimal) -> m.EditInvoice:
    """Correct an invoice; what it takes of its purchase order is what it is for now."""
    shares = facts_of(found, InvoiceFacts).orders
    return m.EditInvoice(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number,
        version=m.ObjectVersion(found.version, found.version + 1), transition=_next(found, InvoiceStatus.SENT),
        total=total, document_key=m.document_key("INV", found.supplier, YEAR, found.number),
        substance=f"{found.number} {total}",
        orders=tuple(msgspec.structs.replace(share, amount=total) for share in shares[:1]),
        body=body_of(supplierInvoiceNumber=found.number, total=total, edition=found.version + 1),
    )  # fmt: skip


def confirm_invoice(found: NetworkObject, response: m.Answer, event: Event) -> m.ConfirmInvoice:
    """Answer an invoice."""
    end = str(move(Kind.INVOICE, found.status, event, Actor.BUYER).end)
    return m.ConfirmInvoice(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number, version=_same(found),
        transition=_next(found, end), response=response, remarks="simulated",
    )  # fmt: skip


def change_invoice(found: NetworkObject, action: Literal["CANCEL", "CLOSE"]) -> m.ChangeInvoiceStatus:
    """Cancel or close an invoice."""
    end = InvoiceStatus.CANCELLED if action == "CANCEL" else InvoiceStatus.CLOSED
    return m.ChangeInvoiceStatus(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number, version=_same(found),
        transition=_next(found, end), action=action,
    )  # fmt: skip


def payment(
    object_id: str,
    utr: str,
    lines: Sequence[tuple[NetworkObject, m.PaymentAmount, tuple[m.PaidSplit, ...]]],
    *,
    on_platform: bool,
) -> m.Pay:
    """Pay invoices of one supplier."""
    first = lines[0][0]
    paid = sum((amount.paid for _, amount, _ in lines), ZERO)
    adjusted = sum((amount.adjusted for _, amount, _ in lines), ZERO)
    infos = tuple(
        m.InvoicePayment(
            invoice_id=found.id, number=found.number, version=_same(found),
            transition=_next(found, InvoiceStatus.PAYMENT_INITIATED), due=facts_of(found, InvoiceFacts).due,
            invoice_total=facts_of(found, InvoiceFacts).total, amount=amount, splits=splits,
        )
        for found, amount, splits in lines
    )  # fmt: skip
    return m.Pay(
        buyer=first.buyer, supplier=first.supplier, object_id=object_id, on_platform=on_platform,
        mode="UPI" if on_platform else "NEFT", utr=utr, amount=m.PaymentAmount(paid, adjusted, paid + adjusted),
        invoices=infos, body=body_of(utr=utr, totalAmount=paid + adjusted),
    )  # fmt: skip


def confirm_payment(
    found: NetworkObject, invoices: Sequence[NetworkObject], response: Literal["ACCEPT", "REJECT"]
) -> m.ConfirmPayment:
    """Confirm a payment or say that it never came; the invoices' new status is left to the network."""
    return m.ConfirmPayment(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id,
        on_platform=facts_of(found, PaymentFacts).on_platform, response=response, remarks="simulated",
        invoices=tuple(
            m.InvoiceState(
                invoice_id=one.id, number=one.number, version=_same(one), transition=_next(one, one.status)
            )
            for one in invoices
        ),
    )  # fmt: skip


def order(
    object_id: str, buyer: str, supplier: str, number: str, total: Decimal, lines: tuple[Line, ...]
) -> m.SendOrder:
    """Make a new purchase order."""
    return m.SendOrder(
        buyer=buyer, supplier=supplier, object_id=object_id, number=number, version=m.ObjectVersion(0, 0),
        transition=CREATED, total=total, document_key=m.document_key("PUR", buyer, YEAR, number), lines=lines,
        body=body_of(buyerPONumber=number, total=total, edition=0),
    )  # fmt: skip


def edited_order(found: NetworkObject, total: Decimal) -> m.EditOrder:
    """Correct a purchase order."""
    return m.EditOrder(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number,
        version=m.ObjectVersion(found.version, found.version + 1), transition=_next(found, found.status), total=total,
        document_key=m.document_key("PUR", found.buyer, YEAR, found.number), lines=facts_of(found, OrderFacts).lines,
        body=body_of(buyerPONumber=found.number, total=total, edition=found.version + 1),
    )  # fmt: skip


def confirm_order(found: NetworkObject, response: m.Answer) -> m.ConfirmOrder:
    """Answer a purchase order."""
    return m.ConfirmOrder(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number, version=_same(found),
        transition=_next(found, found.status), response=response,
    )  # fmt: skip


def change_order(found: NetworkObject, action: Literal["CANCEL", "CLOSE"]) -> m.ChangeOrderStatus:
    """Cancel or close a purchase order."""
    return m.ChangeOrderStatus(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number, version=_same(found),
        transition=_next(found, found.status), action=action,
    )  # fmt: skip


def note(object_id: str, found: NetworkObject, number: str, total: Decimal, *, credit: bool) -> m.SendNote:
    """Make a note to the buyer of an invoice."""
    return m.SendNote(
        buyer=found.buyer, supplier=found.supplier, object_id=object_id, number=number, version=m.ObjectVersion(0, 0),
        transition=CREATED, credit=credit, total=total,
        document_key=m.document_key("CRN" if credit else "DBN", found.supplier, YEAR, number),
        body=body_of(supplierCDNoteNumber=number, total=total),
    )  # fmt: skip


def confirm_note(found: NetworkObject, response: Literal["ACCEPT", "REJECT"]) -> m.ConfirmNote:
    """Answer a note."""
    return m.ConfirmNote(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number, version=_same(found),
        transition=_next(found, found.status), response=response,
    )  # fmt: skip


def cancel_note(found: NetworkObject) -> m.ChangeNoteStatus:
    """Take a note back."""
    return m.ChangeNoteStatus(
        buyer=found.buyer, supplier=found.supplier, object_id=found.id, number=found.number, version=_same(found),
        transition=_next(found, found.status), action="CANCEL",
    )  # fmt: skip


def financing(
    request_id: str, initiator: str, found: NetworkObject, fas: tuple[str, ...], amount: Decimal
) -> m.RequestFinancing:
    """Ask for finance on one invoice."""
    return m.RequestFinancing(
        buyer=found.buyer, supplier=found.supplier, initiator=initiator, request_id=request_id, fas=fas, amount=amount,
        invoices=(found.id,), cost_bearer="SUPPLIER", financing_type="INVOICE DISCOUNTING",
        body=body_of(financingRequestAmount=amount),
    )  # fmt: skip


def bid(found: NetworkObject, fa: str, bid_id: str, approved: Decimal) -> m.ShareBid:
    """Bid on a request for finance on one invoice."""
    facts = facts_of(found, FinancingFacts)
    offer = m.BidOffer(
        bid_id=bid_id, financier="FINANCIER1", approved=approved, value="11.50",
        invoices=(BidShare(facts.invoices[0], approved),),
    )  # fmt: skip
    return m.ShareBid(fa=fa, request_id=found.id, bids=(offer,), body=body_of(bidId=bid_id, approved=approved))


def respond_bid(found: NetworkObject, bid_id: str, response: Literal["ACCEPT", "REJECT"]) -> m.RespondBid:
    """Take a bid or refuse it."""
    initiator = facts_of(found, FinancingFacts).initiator
    return m.RespondBid(initiator=initiator, request_id=found.id, bid_id=bid_id, response=response)
