"""Between the network's published bodies and Zwitch's own, simplified ones (contract b2b §4.6, §5.6, §6.2).

Pure: bodies are plain JSON values with Decimal for numbers. Zwitch prints the names of the outer members; of the inner ones
that it does not print the spelling is ours, the published name in snake case (docs/decisions/0018). A golden file holds each.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from hundi.network.adapters.port import mapping
from hundi.network.protocol.identifiers import Prefix

Body = Mapping[str, Any]
OBJECT_ID: Final = "hundi_object_id"
"""Where our own id stands in ``metadata``, which Zwitch gives back."""
_HUMP: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")
_PARTY: Final = {
    "b2bId": "b2b_id", "gstin": "gst_in", "legalName": "legal_name", "tradeName": "trade_name", "email": "email",
    "stateCode": "state_code", "placeOfSupply": "place_of_supply_code",
}  # fmt: skip
_TRANSACTION: Final = {
    "supplyType": "supply_type", "reverseChargeTax": "reverse_charge_tax", "igstChargable": "igst_chargable",
    "ecommerceGstin": "e_commerce_gstin",
}  # fmt: skip
_BANK: Final = {
    "businessVPA": "vpa", "maskedAccountNumber": "bank_account_number", "beneficiaryName": "name_of_account_holder",
    "ifsc": "bank_ifsc_code",
}  # fmt: skip
_EINVOICE: Final = {"irnNumber": "irn", "irnTs": "irn_ts"}
_ANSWERS: Final = {"ACCEPTED": "ACCEPT", "REJECTED": "REJECT", "RETURNED": "RETURN"}


def snake(value: Any) -> Any:
    """Spell the names of a body in snake case, all the way down."""
    if isinstance(value, dict):
        return {_HUMP.sub(r"_\1", name).lower(): snake(one) for name, one in value.items()}
    return [snake(one) for one in value] if isinstance(value, list) else value


def camel(value: Any) -> Any:
    """Spell the names of a body as the network does, all the way down."""
    if isinstance(value, dict):
        return {re.sub(r"_([a-z])", lambda hit: hit[1].upper(), name): camel(one) for name, one in value.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value


def _named(found: Body, names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: found[ours] for ours, theirs in names.items() if found.get(ours) is not None}


def _back(found: Body, names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: found[theirs] for ours, theirs in names.items() if found.get(theirs) is not None}


def _party(found: Body) -> dict[str, Any]:
    made = _named(found, _PARTY)
    if found.get("address"):
        made["address"] = snake(found["address"])
    number = mapping(found.get("contactNumber")).get("phoneNumber")
    return made | ({"mobile_number": number} if number else {})


def _party_back(found: Body) -> dict[str, Any]:
    made = _back(found, _PARTY)
    if isinstance(found.get("address"), dict):
        made["address"] = camel(found["address"])
    number = found.get("mobile_number")
    return made | ({"contactNumber": {"type": "MOBILE", "phoneNumber": str(number)}} if number else {})


def invoice(body: Body) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/invoice`` for a published Create Invoice."""
    sent = body["invoice"]
    made = {
        "supplier_invoice_number": sent["supplierInvoiceNumber"],
        "supplier_details": _party(sent["supplierDetails"]),
        "buyer_details": _party(sent["buyerDetails"]),
        "transaction_details": _named(sent["transactionDetails"], _TRANSACTION),
        "items_details": snake(sent["itemLists"]),
        "value_details": snake(mapping(sent.get("valueDetails"))),
        "supplier_bank_details": _named(sent["supplierBankAccountDetails"], _BANK),
        "metadata": {OBJECT_ID: sent["objectId"], "issued_at": sent["ts"]},
    }
    registered = _named(mapping(sent.get("eInvoiceInfo")), _EINVOICE)
    return made | ({"e_invoice_details": registered} if registered.get("irn") else {})


def edited(body: Body, provider_id: str) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/invoice/edit``."""
    return {"invoice": {"id": provider_id}, **invoice(body)}


def confirmed(body: Body, provider_id: str) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/invoice/confirm``."""
    said = body["invoiceConfirmation"]
    return {"invoice": {"id": provider_id}, "buyer_action": said["buyerResponse"], "remarks": said["buyerRemarks"]}


def paid(body: Body, provider_id: str) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/payment`` for a payment of one invoice, made beside the platform."""
    sent = body["payment"]
    line = sent["invoicesPayInfos"][0]["invoicePaymentAmount"]
    splits = [f"{one['name']} {one['value']} {one.get('refNo') or ''}".strip() for one in line.get("splits") or ()]
    return {
        "invoice": {"id": provider_id},
        "netPaidAmount": line["netPaidAmount"],
        "netAdjustmentAmount": line["netAdjustmentAmount"],
        "totalAmount": line["totalAmount"],
        "paid_mode": sent["mode"],
        "initiated_at": sent["ts"],
        "metadata": {
            OBJECT_ID: sent["objectId"],
            "utr": sent["utr"],
            **({"splits": "; ".join(splits)} if splits else {}),
        },
    }


def acknowledged(body: Body, provider_id: str) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/payment/acknowledge``."""
    said = body["paymentConfirmation"]
    return {
        "invoice": {"id": provider_id},
        "supplier_action": said["supplierResponse"],
        "payment_type": said["type"],
        "remarks": said["supplierRemarks"],
    }


def checked(body: Body) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/onboarding/business/search``."""
    asked = body["checkInstitute"]
    return {"pan": asked["value"], "name_on_pan": asked["registeredName"], "pan_type": asked["type"]}


def searched(body: Body) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/onboarding/business/b2b-ids/search``: the details that are known."""
    return {one["searchParameter"].lower().replace(" ", "_"): one["value"] for one in body["search"]["criteria"]}


def registered(body: Body) -> dict[str, Any]:
    """Write the body of ``POST /v1/bharat-connect/onboarding/business/register``."""
    found = body["institute"]
    identifiers = [found["primaryBusinessIdentifier"], *(found.get("otherBusinessIdentifiers") or ())]
    numbers = [found.get("primaryContactNumber"), *(found.get("contactNumbers") or ())]
    phones = [mapping(one).get("phoneNumber") for one in numbers if one]
    emails = [one for one in (found.get("primaryEmail"), *(found.get("emails") or ())) if one]
    return {
        "name": found["name"],
        "mobile_number": phones[0] if phones else None,
        "email": emails[0] if emails else None,
        "phone": phones[-1] if phones else None,
        "b2b_id": found["defaultB2BId"],
        "kyc": {
            "pan": found["lei"]["value"],
            "company_name": found["lei"]["registeredName"],
            "contact_person": found.get("alias") or found["name"],
            "mcc_code": found["mccCode"],
            "business_type": found["lei"]["type"],
            "primary_business_identifier": _identifier(identifiers[0]),
        },
        "documents": [_identifier(one) for one in identifiers],
        "addresses": [snake(one) for one in found["addresses"]],
        "bank_details": [
            {
                "vpa": one.get("businessVPA"),
                "account_type": one.get("type"),
                "bank_account_number": one.get("accountNumber"),
                "name_of_account_holder": one.get("beneficiaryName"),
                "bank_ifsc_code": one.get("ifsc"),
            }
            for one in found["bankAccounts"]
        ],
    }


def _identifier(found: Body) -> dict[str, Any]:
    return {
        "type": found["documentName"], "reference_number": found["value"], "registered_name": found["registeredName"],
    }  # fmt: skip


# ---------------------------------------------------------------- events


def derived(prefix: Prefix, provider_id: str) -> str:
    """Give the id we keep a Zwitch object under: always the same for the same object."""
    return f"{prefix}{hashlib.sha256(f'zwitch {provider_id}'.encode()).hexdigest()[:32]}"


def answer_in(data: Body) -> str:
    """Give the buyer's answer in an event: what it did, or what became of the invoice."""
    said = str(data.get("buyer_action") or data.get("action") or "").upper()
    return said or _ANSWERS.get(str(data.get("status") or "").upper(), "")


def _remarks(data: Body) -> str:
    said = re.sub(r'[\\"\x00-\x1f]', " ", str(data.get("remarks") or "")).strip()
    return said[:100] or "none"


def sent_invoice(data: Body, object_id: str, version: tuple[int, int], status: str, ts: str) -> dict[str, Any]:
    """Write the published Create (or Edit) Invoice for an invoice of an event."""
    supplier, buyer = mapping(data.get("supplier_details")), mapping(data.get("buyer_details"))
    issued = mapping(data.get("metadata")).get("issued_at")
    irn = _back(mapping(data.get("e_invoice_details")), _EINVOICE)
    items = data.get("items_details")
    values = camel(mapping(data.get("value_details")))
    found = {
        "objectId": object_id,
        "supplierInvoiceNumber": data.get("supplier_invoice_number"),
        "objectVersion": {"currentVersion": version[0], "newVersion": version[1]},
        "ts": issued or ts,
        "statusTransition": {"currentStatus": status, "newStatus": status},
        "transactionDetails": {"taxScheme": "GST", **_back(mapping(data.get("transaction_details")), _TRANSACTION)},
        "supplierDetails": _party_back(supplier),
        "buyerDetails": _party_back(buyer),
        "itemLists": [camel(one) for one in items] if isinstance(items, list) else [],
        "supplierBankAccountDetails": _back(mapping(data.get("supplier_bank_details")), _BANK),
        **({"valueDetails": values} if values else {}),
        **({"eInvoiceInfo": irn} if irn else {}),
    }
    ids = {"buyerB2BId": buyer.get("b2b_id"), "supplierB2BId": supplier.get("b2b_id")}
    return {"device": _DEVICE, "b2bIds": ids, "invoice": found}


_DEVICE: Final = {"tag": {"name": "GEOCODE", "value": "0,0"}}


def confirmation(data: Body, known: Body, response: str) -> dict[str, Any]:
    """Write the published Confirm Invoice; ``known`` is the header of our own copy, whose version Zwitch does not name."""
    return _about(known, "invoiceConfirmation", {"buyerResponse": response, "buyerRemarks": _remarks(data)})


def status_change(data: Body, known: Body, action: str) -> dict[str, Any]:
    """Write the published Change Invoice Status."""
    return _about(known, "invoiceStatus", {"supplierAction": action, "supplierRemarks": _remarks(data)})


def _state(known: Body) -> dict[str, Any]:
    return {
        "objectId": known["object_id"],
        "supplierInvoiceNumber": known["number"],
        "objectVersion": {"currentVersion": known["version"], "newVersion": known["version"]},
        "statusTransition": {"currentStatus": known["status"], "newStatus": known["status"]},
    }


def _ids(known: Body) -> dict[str, Any]:
    return {"buyerB2BId": known["buyer"], "supplierB2BId": known["supplier"]}


def _about(known: Body, block: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"device": _DEVICE, "b2bIds": _ids(known), block: {**_state(known), **more}}


def payment(data: Body, known: Body, object_id: str, ts: str) -> dict[str, Any]:
    """Write the published Pay for a payment of an event. What it adjusts without saying why is split as OTHER."""
    number = re.sub(
        r'[\\"\x00-\x1f]', "", str(mapping(data.get("metadata")).get("utr") or data.get("utr") or data.get("id"))
    )
    adjusted = data.get("netAdjustmentAmount") or Decimal(0)
    amount = {
        "netPaidAmount": data.get("netPaidAmount"), "netAdjustmentAmount": adjusted, "totalAmount": data.get("totalAmount"),
        "currency": "INR",
    }  # fmt: skip
    splits = {"splits": [{"name": "OTHER", "value": adjusted}]} if adjusted else {}
    line = {
        **_state(known),
        "invoiceAmount": {"dueAmount": known["due"], "totalAmount": known["total"], "currency": "INR"},
        "invoicePaymentAmount": {**amount, **splits},
    }
    return {
        "device": _DEVICE,
        "b2bIds": _ids(known),
        "payment": {
            "objectId": object_id, "ts": data.get("initiated_at") or ts, "type": "OFFPLATFORM",
            "mode": str(data.get("paid_mode") or "ACCOUNT TRANSFER").replace("_", " ").upper(), "utr": number[:50],
            "currency": "INR", "paymentAmount": amount, "invoicesPayInfos": [line],
        },
    }  # fmt: skip


def acknowledgement(data: Body, known: Body, payment_id: str, ts: str) -> dict[str, Any]:
    """Write the published Payment Confirmation for an event."""
    return {
        "device": _DEVICE,
        "b2bIds": _ids(known),
        "paymentConfirmation": {
            "objectId": payment_id, "ts": ts, "type": str(data.get("payment_type") or "OFFPLATFORM").upper(),
            "supplierResponse": str(data.get("supplier_action") or "").upper(), "supplierRemarks": _remarks(data),
            "invoiceInfos": [_state(known)],
        },
    }  # fmt: skip


WRITERS: Final[Mapping[str, Callable[[Body, str], dict[str, Any]]]] = {
    "invoice/edit": edited, "invoice/confirm": confirmed, "payment": paid, "payment/acknowledge": acknowledged,
}  # fmt: skip
"""The calls about an invoice that Zwitch has, by path: body and Zwitch's id of the invoice give its body."""
