"""What a message of the wire means to the rules: from the published JSON to the values of hundi.network.protocol.

Pure: the published body rides along as it is written, and nothing is looked up.
"""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import msgspec

from hundi.kit.dates import financial_year, ist_date
from hundi.network.protocol import messages as m
from hundi.network.protocol.objects import BidShare, Identifier, Line, OrderShare
from hundi.network.wire import finance, invoice, notes, onboarding, orders, payments
from hundi.network.wire.blocks import B2BIds, BuyerDetails, Item, ObjectVersion, StatusTransition, SupplierDetails
from hundi.network.wire.reading import written
from hundi.network.wire.values import Amount

DocumentKind = Literal["INV", "CRN", "DBN", "PUR"]
UNREGISTERED: Final = "URP"
_ONE: Final = Decimal(1)


def message_of(data: Any, kind: type[m.Call]) -> m.Call:
    """Give the message a body stands for; ``kind`` tells Edit from Create, whose bodies are alike."""
    if isinstance(data, invoice.SendInvoice):
        return _invoice(data, kind)
    return _MAKERS[kind](data, msgspec.Raw(written(data)))


def total_of_invoice(found: invoice.Invoice) -> Decimal:
    """Give what an invoice is over: ``totalInvoiceValue``, or the sum of its lines where that is left out."""
    return _total(found.valueDetails.totalInvoiceValue if found.valueDetails else None, found.itemLists)


def _total(stated: Amount | None, items: Sequence[Item] | None) -> Decimal:
    if stated is not None:
        return stated.value
    return sum((item.totalItemValue.value for item in items or ()), Decimal(0))


def _version(sent: ObjectVersion) -> m.ObjectVersion:
    return m.ObjectVersion(sent.currentVersion, sent.newVersion)


def _transition(sent: StatusTransition) -> m.Transition:
    return m.Transition(sent.currentStatus, sent.newStatus)


def _pair(ids: B2BIds) -> dict[str, str]:
    return {"buyer": ids.buyerB2BId, "supplier": ids.supplierB2BId}


def _key(
    kind: DocumentKind, issuer: SupplierDetails | BuyerDetails | None, b2b_id: str, at: datetime, number: str
) -> str:
    """Give the natural key: the issuer counts by GSTIN, or by B2B ID where it has none (domain §1)."""
    gstin = issuer.gstin if issuer is not None else None
    year = financial_year(ist_date(at))
    return m.document_key(kind, b2b_id if gstin in {None, UNREGISTERED} else str(gstin), f"{year}", number)


# ---------------------------------------------------------------- onboarding


def _check_entity(data: onboarding.CheckEntity, body: msgspec.Raw) -> m.Call:
    asked = data.checkInstitute
    return m.CheckEntity(
        business_id=data.objectId, pan=asked.value, entity_type=asked.type, name=asked.registeredName, body=body
    )


def _identifier(found: onboarding.BusinessIdentifier) -> Identifier:
    return Identifier(found.documentName, found.value)


def _register_entity(data: onboarding.RegisterEntity, body: msgspec.Raw) -> m.Call:
    found = data.institute
    numbers = [*([found.primaryContactNumber] if found.primaryContactNumber else []), *(found.contactNumbers or [])]
    emails = [*([found.primaryEmail] if found.primaryEmail else []), *(found.emails or [])]
    return m.RegisterEntity(
        business_id=found.objectId,
        version=_version(found.objectVersion),
        name=found.name,
        b2b_id=found.defaultB2BId,
        pan=found.lei.value,
        entity_type=found.lei.type,
        primary=_identifier(found.primaryBusinessIdentifier),
        others=tuple(_identifier(other) for other in found.otherBusinessIdentifiers or ()),
        alias=found.alias or "",
        state=found.addresses[0].state or "",
        pincode=found.addresses[0].pincode or "",
        emails=tuple(dict.fromkeys(emails)),
        contact_numbers=tuple(dict.fromkeys(number.phoneNumber for number in numbers)),
        body=body,
    )


def _register_ids(data: onboarding.RegisterIds, body: msgspec.Raw) -> m.Call:
    wanted = tuple(
        m.NewB2bId(
            value=new.value,
            public=new.privacyType is onboarding.PrivacyType.PUBLIC,
            identifier=_identifier(new.businessIdentifier),
            description=new.description,
        )
        for new in data.regB2BIds.ids
    )
    return m.RegisterIds(
        business_id=data.objectId, requestor=data.onboardingB2BIds.requestorB2BId, ids=wanted, body=body
    )


def _search_entity(data: onboarding.SearchEntity, body: msgspec.Raw) -> m.Call:
    criteria = tuple(m.Criterion(one.searchParameter, one.operator, one.value) for one in data.search.criteria)
    return m.SearchEntity(requestor=data.onboardingB2BIds.requestorB2BId, criteria=criteria, body=body)


# ---------------------------------------------------------------- invoices


def _order_shares(found: invoice.Invoice) -> tuple[OrderShare, ...]:
    """Give what an invoice takes of its orders.

    A line says which order it is for by ``<buyerPoId>/<line>`` in ``orderLineReference``; one that names no order of the
    invoice counts for the first. The first also takes what the lines do not add up to (docs/decisions/0015).
    """
    named = [po for po in found.poDetails or () if po.poObjId]
    if not named:
        return ()
    amounts = [Decimal(0) for _ in named]
    lines: list[list[Line]] = [[] for _ in named]
    for item in found.itemLists:
        at, ref = 0, item.orderLineReference or ""
        for position, po in enumerate(named):
            if po.buyerPoId and ref.startswith(f"{po.buyerPoId}/"):
                at, ref = position, ref.removeprefix(f"{po.buyerPoId}/")
                break
        amounts[at] += item.totalItemValue.value
        if ref:
            lines[at].append(Line(ref, item.quantity.value if item.quantity else _ONE))
    amounts[0] += total_of_invoice(found) - sum(amounts)
    return tuple(
        OrderShare(str(po.poObjId), amount, tuple(of)) for po, amount, of in zip(named, amounts, lines, strict=True)
    )


class _Parts(NamedTuple):
    """Parties, items and values of an invoice as JSON, null where there are none: most of its body, and what an IRN fixes."""

    supplierDetails: msgspec.Raw
    buyerDetails: msgspec.Raw
    itemLists: msgspec.Raw
    valueDetails: msgspec.Raw | None


def _parts(found: invoice.Invoice) -> _Parts:
    supplier, buyer, items = (
        msgspec.Raw(written(part)) for part in (found.supplierDetails, found.buyerDetails, found.itemLists)
    )
    values = None if found.valueDetails is None else msgspec.Raw(written(found.valueDetails))
    return _Parts(supplier, buyer, items, values)


def _substance(found: invoice.Invoice, parts: _Parts) -> str:
    """Digest number, date, parties, items and values: what an IRN fixes (domain §11)."""
    head = f"{found.supplierInvoiceNumber}\n{found.ts.value.isoformat()}\n".encode()
    return hashlib.sha256(head + written(parts)).hexdigest()


def _invoice(data: invoice.SendInvoice, kind: type[m.Call]) -> m.Call:
    """Give the message of Create or Edit; its parts are written once, for the body and for the digest."""
    found = data.invoice
    parts = _parts(found)
    shell: Any = copy.copy(found)
    for name, part in parts._asdict().items():
        setattr(shell, name, part)
    whole = copy.copy(data)
    whole.invoice = shell
    make = m.EditInvoice if kind is m.EditInvoice else m.SendInvoice
    return make(
        **_pair(data.b2bIds),
        object_id=found.objectId,
        number=found.supplierInvoiceNumber,
        version=_version(found.objectVersion),
        transition=_transition(found.statusTransition),
        total=total_of_invoice(found),
        document_key=_key(
            "INV", found.supplierDetails, data.b2bIds.supplierB2BId, found.ts.value, found.supplierInvoiceNumber
        ),
        irn=found.eInvoiceInfo.irnNumber if found.eInvoiceInfo else None,
        substance=_substance(found, parts),
        orders=_order_shares(found),
        body=msgspec.Raw(written(whole)),
    )


def _confirm_invoice(data: invoice.ConfirmInvoice, body: msgspec.Raw) -> m.Call:
    said = data.invoiceConfirmation
    return m.ConfirmInvoice(
        **_pair(data.b2bIds),
        object_id=said.objectId,
        number=said.supplierInvoiceNumber,
        version=_version(said.objectVersion),
        transition=_transition(said.statusTransition),
        response=said.buyerResponse.value,
        remarks=said.buyerRemarks,
        body=body,
    )


def _change_invoice_status(data: invoice.ChangeInvoiceStatus, body: msgspec.Raw) -> m.Call:
    done = data.invoiceStatus
    return m.ChangeInvoiceStatus(
        **_pair(data.b2bIds),
        object_id=done.objectId,
        number=done.supplierInvoiceNumber,
        version=_version(done.objectVersion),
        transition=_transition(done.statusTransition),
        action=done.supplierAction.value,
        remarks=done.supplierRemarks,
        body=body,
    )


# ---------------------------------------------------------------- payments


def _amount(sent: payments.PaymentAmount | payments.InvoicePaymentAmount) -> m.PaymentAmount:
    return m.PaymentAmount(sent.netPaidAmount.value, sent.netAdjustmentAmount.value, sent.totalAmount.value)


def _pay(data: payments.Pay, body: msgspec.Raw) -> m.Call:
    paid = data.payment
    return m.Pay(
        **_pair(data.b2bIds),
        object_id=paid.objectId,
        on_platform=paid.type is payments.PaymentKind.ONPLATFORM,
        mode=paid.mode,
        utr=paid.utr,
        amount=_amount(paid.paymentAmount),
        invoices=tuple(
            m.InvoicePayment(
                invoice_id=line.objectId,
                number=line.supplierInvoiceNumber,
                version=_version(line.objectVersion),
                transition=_transition(line.statusTransition),
                due=line.invoiceAmount.dueAmount.value,
                invoice_total=line.invoiceAmount.totalAmount.value,
                amount=_amount(line.invoicePaymentAmount),
                splits=tuple(
                    m.PaidSplit(split.name, split.value.value, split.refNo or "")
                    for split in line.invoicePaymentAmount.splits or ()
                ),
            )
            for line in paid.invoicesPayInfos
        ),
        body=body,
    )


def _confirm_payment(data: payments.ConfirmPayment, body: msgspec.Raw) -> m.Call:
    said = data.paymentConfirmation
    return m.ConfirmPayment(
        **_pair(data.b2bIds),
        object_id=said.objectId,
        on_platform=said.type is payments.PaymentKind.ONPLATFORM,
        response=said.supplierResponse.value,
        invoices=tuple(
            m.InvoiceState(
                invoice_id=line.objectId,
                number=line.supplierInvoiceNumber,
                version=_version(line.objectVersion),
                transition=_transition(line.statusTransition),
            )
            for line in said.invoiceInfos
        ),
        remarks=said.supplierRemarks,
        body=body,
    )


# ---------------------------------------------------------------- orders and notes


def _order_parts(data: orders.SendOrder, body: msgspec.Raw) -> dict[str, Any]:
    found = data.purchaseOrder
    return {
        **_pair(data.b2bIds),
        "object_id": found.objectId,
        "number": found.buyerPONumber,
        "version": _version(found.objectVersion),
        "transition": _transition(found.poStatusTransition),
        "total": _total(found.poValueDetails.totalPOValue, found.itemLists),
        "document_key": _key("PUR", found.buyerDetails, data.b2bIds.buyerB2BId, found.ts.value, found.buyerPONumber),
        "lines": tuple(
            Line(item.orderLineReference or item.serialno or str(place), item.quantity.value if item.quantity else _ONE)
            for place, item in enumerate(found.itemLists, 1)
        ),
        "body": body,
    }


def _confirm_order(data: orders.ConfirmOrder, body: msgspec.Raw) -> m.Call:
    said = data.poConfirmation
    return m.ConfirmOrder(
        **_pair(data.b2bIds),
        object_id=said.objectId,
        number=said.buyerPONumber,
        version=_version(said.objectVersion),
        transition=_transition(said.poStatusTransition),
        response=said.supplierResponse.value,
        remarks=said.supplierRemarks,
        body=body,
    )


def _change_order_status(data: orders.ChangeOrderStatus, body: msgspec.Raw) -> m.Call:
    done = data.poStatus
    return m.ChangeOrderStatus(
        **_pair(data.b2bIds),
        object_id=done.objectId,
        number=done.buyerPONumber,
        version=_version(done.objectVersion),
        transition=_transition(done.poStatusTransition),
        action=done.buyerAction.value,
        remarks=done.buyerRemarks,
        body=body,
    )


def _send_note(data: notes.SendNote, body: msgspec.Raw) -> m.Call:
    found = data.cdNote
    credit = found.noteType is notes.NoteType.CREDIT
    return m.SendNote(
        **_pair(data.b2bIds),
        object_id=found.objectId,
        number=found.supplierCDNoteNumber,
        version=_version(found.objectVersion),
        transition=_transition(found.cdNoteStatusTransition),
        credit=credit,
        total=_total(
            found.cdNoteValueDetails.totalCDNoteValue if found.cdNoteValueDetails else None, found.itemLists
        ),
        document_key=_key(
            "CRN" if credit else "DBN", found.supplierDetails, data.b2bIds.supplierB2BId, found.ts.value,
            found.supplierCDNoteNumber,
        ),
        body=body,
    )  # fmt: skip


def _confirm_note(data: notes.ConfirmNote, body: msgspec.Raw) -> m.Call:
    said = data.cdNoteConfirmation
    return m.ConfirmNote(
        **_pair(data.b2bIds),
        object_id=said.objectId,
        number=said.supplierCDNoteNumber,
        version=_version(said.objectVersion),
        transition=_transition(said.cdNoteStatusTransition),
        response=said.buyerResponse.value,
        remarks=said.buyerRemarks,
        body=body,
    )


def _change_note_status(data: notes.ChangeNoteStatus, body: msgspec.Raw) -> m.Call:
    done = data.cdNoteStatus
    return m.ChangeNoteStatus(
        **_pair(data.b2bIds),
        object_id=done.objectId,
        number=done.supplierCDNoteNumber,
        version=_version(done.objectVersion),
        transition=_transition(done.cdNoteStatusTransition),
        action=done.supplierAction.value,
        remarks=done.supplierRemarks,
        body=body,
    )


# ---------------------------------------------------------------- financing


def _request_financing(data: finance.RequestFinancing, body: msgspec.Raw) -> m.Call:
    asked = data.financeRequest
    return m.RequestFinancing(
        **_pair(data.b2bIds),
        initiator=asked.initiatorB2BId,
        request_id=asked.financingRequestId,
        fas=tuple(one.faId for one in asked.financeId),
        amount=asked.financingRequestAmount.value,
        invoices=tuple(one.objectId for one in asked.invoices),
        cost_bearer=asked.costOfFundBearer,
        financing_type=asked.financingType,
        body=body,
    )


def _share_bid(data: finance.ShareBid, body: msgspec.Raw) -> m.Call:
    found = data.bid
    return m.ShareBid(
        fa=found.faId,
        request_id=found.financingRequestId,
        bids=tuple(
            m.BidOffer(
                bid_id=one.bidId,
                financier=one.financierId,
                approved=one.approvedAmount.value,
                value=str(one.bidValue.value),
                invoices=tuple(
                    BidShare(share.objectId, share.approvedAmount.value) for share in one.invoiceFinDetails or ()
                ),
            )
            for one in found.bidDetails
        ),
        body=body,
    )


def _respond_bid(data: finance.RespondBid, body: msgspec.Raw) -> m.Call:
    said = data.bidResponse
    return m.RespondBid(
        initiator=said.initiatorB2BId,
        request_id=said.financingRequestId,
        bid_id=said.bidId,
        response=said.response.value,
        remarks=said.remarks,
        body=body,
    )


_MAKERS: Final[Mapping[type[m.Call], Callable[[Any, msgspec.Raw], m.Call]]] = {
    m.CheckEntity: _check_entity,
    m.RegisterEntity: _register_entity,
    m.RegisterIds: _register_ids,
    m.SearchEntity: _search_entity,
    m.ConfirmInvoice: _confirm_invoice,
    m.ChangeInvoiceStatus: _change_invoice_status,
    m.Pay: _pay,
    m.ConfirmPayment: _confirm_payment,
    m.SendOrder: lambda data, body: m.SendOrder(**_order_parts(data, body)),
    m.ConfirmOrder: _confirm_order,
    m.EditOrder: lambda data, body: m.EditOrder(**_order_parts(data, body)),
    m.ChangeOrderStatus: _change_order_status,
    m.SendNote: _send_note,
    m.ConfirmNote: _confirm_note,
    m.ChangeNoteStatus: _change_note_status,
    m.RequestFinancing: _request_financing,
    m.ShareBid: _share_bid,
    m.RespondBid: _respond_bid,
}
