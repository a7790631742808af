"""A document as the published body of Create Invoice, or why it cannot be one (contract b2b §5; the seed is the last word)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

import msgspec

from hundi.documents.queries import DocumentRow, ItemRow
from hundi.gst.document import ITEM_VALUE_TYPES, OTHER_VALUE_TYPES, RATE_TYPES, ZERO, Document, Item, Party
from hundi.gst.inv01 import SCHEMA_VERSION
from hundi.kit.dates import IST
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.states import STATES
from hundi.network.books.document import clean, document_of
from hundi.network.books.ordering import OrderReference
from hundi.network.wire import invoice as wire
from hundi.network.wire.blocks import ObjectVersion, StatusTransition
from hundi.network.wire.reading import read, written

DEVICE: Final = {"tag": {"name": "GEOCODE", "value": "0,0"}}
_REGISTERED: Final = "REGISTERED ADDRESS"
_SHOWN: Final = 5
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_IFSC: Final = 11


class CannotBeSent(Invalid):
    """This invoice cannot be written as a message of the network; each field that is in the way is named."""

    code = "NOT_FOR_THE_NETWORK"


class Particulars(msgspec.Struct, frozen=True, kw_only=True):
    """What a body needs besides the invoice's own rows; ``account`` is the bank account in clear."""

    supplier: str
    buyer: str
    account: str | None = None
    order: OrderReference | None = None
    default_hsn: str | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a body stands among the object's versions, and from which status it starts."""

    object_id: str
    current: int = 1
    new: int = 1
    status: str = "CREATED"


def body_of(row: DocumentRow, items: Sequence[ItemRow], more: Particulars, place: Place) -> wire.SendInvoice:
    """Write an invoice as the body of Create Invoice or Edit Invoice. Raises :class:`CannotBeSent` with every problem."""
    document = document_of(row, items, default_hsn=more.default_hsn, account=more.account)
    problems = _missing(document, row, more, has_lines=bool(items))
    if problems:
        raise CannotBeSent(problems=problems)
    body = {
        "device": DEVICE,
        "b2bIds": {"buyerB2BId": more.buyer, "supplierB2BId": more.supplier},
        "invoice": _invoice(document, row, more, place),
    }
    try:
        return read(_ENCODER.encode(body), wire.SendInvoice, proper=True)
    except Invalid as refused:
        raise CannotBeSent(problems=refused.problems) from refused


def digest_of(body: wire.SendInvoice) -> str:
    """Digest what the buyer sees of a body: two with the same digest say the same."""
    bare = msgspec.structs.replace(
        body.invoice, objectVersion=ObjectVersion(currentVersion=1, newVersion=1),
        statusTransition=StatusTransition(currentStatus="", newStatus=""),
    )  # fmt: skip
    return sha256(written(bare)).hexdigest()


def sentence_of(refused: Invalid) -> str:
    """Say in one sentence what keeps an invoice from the network: the first few fields."""
    named = [f"{problem.field}: {problem.message}" for problem in refused.problems[:_SHOWN]]
    left = len(refused.problems) - len(named)
    return " ".join([*named, *([f"And {left} more."] if left else [])]) or refused.message


def _missing(document: Document, row: DocumentRow, more: Particulars, *, has_lines: bool) -> list[FieldProblem]:
    """List what the network needs and the books do not have."""
    found = []
    lacking = "Give the line an HSN or SAC: send all lines anew, as itemLists of a PATCH."
    if not has_lines:
        lacking = "Give the invoice lines with their HSN or SAC, or set the company's defaultHsn."
    for at, item in enumerate(document.items):
        if not item.hsn:
            found.append(FieldProblem(f"invoice.itemLists[{at}].hsnCode", "NO_HSN", lacking))
    if not document.buyer.state_code:
        message = "Give the customer a GSTIN or a state."
        found.append(FieldProblem("invoice.buyerDetails.stateCode", "NO_STATE", message))
    if not more.account and not row.r_upi_vpa:
        message = "Give the registration a bank account or a UPI id: the buyer has to know where to pay."
        found.append(FieldProblem("invoice.supplierBankAccountDetails", "NO_BANK_ACCOUNT", message))
    if document.values is None or document.values.total <= 0:
        message = "Send it by mail: the network takes invoices above zero only."
        found.append(FieldProblem("invoice.valueDetails.totalInvoiceValue", "AMOUNT_NOT_POSITIVE", message))
    return found


def _invoice(document: Document, row: DocumentRow, more: Particulars, place: Place) -> dict[str, Any]:
    """Write the published ``invoice``; what is empty is left out."""
    transaction, values = document.transaction, document.values
    body = {
        "objectId": place.object_id,
        "supplierInvoiceNumber": document.number,
        "objectVersion": {"currentVersion": place.current, "newVersion": place.new},
        "ts": _instant(row.invoice_date),
        "statusTransition": {"currentStatus": place.status, "newStatus": place.status},
        "transactionDetails": {
            "taxScheme": transaction.tax_scheme, "supplyType": transaction.supply_type,
            "reverseChargeTax": _yes(transaction.reverse_charge), "igstChargable": _yes(transaction.igst_on_intra),
        },
        "supplierDetails": _party(document.supplier, more.supplier),
        "buyerDetails": _party(document.buyer, more.buyer) | {"placeOfSupply": document.place_of_supply},
        "shippingDetails": _shipping(document.shipping),
        "itemLists": [_item(item) for item in document.items],
        "valueDetails": {
            "assessmentValue": values.assessable if values else None,
            "totalInvoiceValue": values.total if values else None,
            "otherValues": _typed(values, OTHER_VALUE_TYPES),
        },
        "supplierBankAccountDetails": _bank(document, row),
        "advancePaymentDetails": _payment(document),
        "invoiceReferenceDetails": {"invoiceRemarks": document.remarks},
        "poDetails": _order(more.order),
        "additionalDocumentDetails": [{"info": one.info} for one in document.enclosures],
        "paymentMilestones": [{"milestoneDate": row.due_date.isoformat(), "dueAmount": row.invoice_value}],
        "einvoiceResponse": row.signed_qr if document.irn else None,
        "eInvoiceInfo": _irn(document),
    }  # fmt: skip
    found: dict[str, Any] = _bare(body)
    return found


def _bare(value: Any) -> Any:
    """Leave out what is empty, at every depth."""
    if isinstance(value, dict):
        inner = {name: _bare(part) for name, part in value.items()}
        return {name: part for name, part in inner.items() if part is not None and part not in ("", [], {})}
    return [_bare(part) for part in value] if isinstance(value, list) else value


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


def _instant(at: datetime) -> str:
    return at.astimezone(IST).isoformat(timespec="seconds")


def _where(party: Party) -> dict[str, Any]:
    state = STATES.get(party.state_code)
    return {
        "type": _REGISTERED, "addressLine1": party.address.line1, "addressLine2": party.address.line2,
        "city": party.address.city, "state": state.name.upper() if state else "", "country": party.address.country,
        "pincode": party.address.pincode,
    }  # fmt: skip


def _party(party: Party, b2b_id: str) -> dict[str, Any]:
    phone = {"type": "MOBILE", "countryCode": "+91", "phoneNumber": party.phone} if party.phone else {}
    return {
        "b2bId": b2b_id, "gstin": party.gstin, "legalName": party.legal_name, "tradeName": party.trade_name,
        "stateCode": party.state_code, "address": _where(party), "contactNumber": phone, "email": party.email,
    }  # fmt: skip


def _shipping(party: Party | None) -> dict[str, Any]:
    if party is None:
        return {}
    return {"lglNm": party.legal_name, "stateCode": party.state_code, "address": _where(party) | {"type": "OTHER"}}


def _item(item: Item) -> dict[str, Any]:
    return {
        "serialno": item.serial, "productDescription": item.description, "isService": _yes(item.is_service),
        "hsnCode": item.hsn, "quantity": item.quantity, "unit": item.unit, "unitPrice": item.unit_price,
        "totalAmt": item.total_amount, "assessmentAmount": item.assessable, "gstRate": item.gst_rate,
        "totalItemValue": item.total_value, "itemValueDetails": _typed(item, ITEM_VALUE_TYPES),
        "rates": _typed(item, RATE_TYPES), "orderLineReference": item.order_line,
    }  # fmt: skip


def _typed(block: Any, types: Any) -> list[dict[str, Any]]:
    """Write the amounts that the network keeps in a typed list; noughts say nothing and are left out."""
    pairs: list[tuple[str, Decimal | None]] = [(name, attrgetter(field)(block)) for name, field in types.items()]
    return [{"type": name, "value": value} for name, value in pairs if value is not None and value != ZERO]


def _bank(document: Document, row: DocumentRow) -> dict[str, Any]:
    payment = document.payment
    ifsc = row.r_bank_ifsc or ""
    return {
        "maskedAccountNumber": payment.account if payment else "", "ifsc": ifsc if len(ifsc) == _IFSC else "",
        "beneficiaryName": payment.payee if payment else "", "businessVPA": row.r_upi_vpa or "",
    }  # fmt: skip


def _payment(document: Document) -> dict[str, Any]:
    payment = document.payment
    if payment is None:
        return {}
    return {
        "payeeName": payment.payee, "creditDays": payment.credit_days, "paidAmount": payment.paid,
        "pendingDueAmount": payment.due,
    }  # fmt: skip


def _order(order: OrderReference | None) -> list[dict[str, Any]]:
    if order is None:
        return []
    day = order.day.isoformat() if order.day else None
    return [{"poObjId": order.object_id, "buyerPoId": clean(order.number, 50), "poDate": day}]


def _irn(document: Document) -> dict[str, Any]:
    if not document.irn:
        return {}
    at = _instant(document.irn_at) if document.irn_at else None
    return {"schemaVersion": SCHEMA_VERSION, "irnNumber": document.irn, "irnTs": at}
